"""How large the numbers in published counts are, station by station: what `ocr.sizes` believes beforehand.

For the votes of options, and for blank and null votes: the share of each number of digits, each column counting alike; the exponent a of the law
1 / (number + 1) ** a that fits best; and the cross-entropy (nats a number; less is better) of that law, of the reader's exponent (another for blank and null votes), and of
every way to fill three boxes being as likely as any other. Files of single stations below the folder that are in a format Cotejo knows.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocr.errors import CotejoError
from ocr.evidence import Settings
from tabulate.official import read_official

FILES = (
    "bo-2019/final_computo.csv",
    "pe-2021-runoff/actas_electorales.csv.gz",
    "mx-prep-coahuila-2017/20170605_1300_PREP_GOB_COAH.zip",
    "ve-2024",
)
LEAST = 500  # stations in which a column must have a number
NUMBERS = np.arange(1000.0)


def counted(path: Path) -> dict[str, NDArray[np.float64]]:
    """How often each number below 1,000 stands in the columns of a file, each column adding up to 1: of options, and of blank and null votes."""
    count = read_official(path)
    kinds = {"options": count.options, "blank, null": ("blank", "null")}
    out = {}
    for kind, names in kinds.items():
        columns = [count.counts[n].drop_nulls().to_numpy() for n in names if n in count.counts.columns]
        shares = [
            np.bincount(v[(v >= 0) & (v < 1000)], minlength=1000) / len(v) for v in columns if len(v) >= LEAST
        ]
        if shares:
            out[f"{kind} ({len(shares)})"] = np.mean(shares, axis=0)
    return out


def law(exponent: float) -> NDArray[np.float64]:
    """The share of each number below 1,000."""
    weight = (NUMBERS + 1) ** -exponent
    return np.asarray(weight / weight.sum())


def main() -> int:
    """Print one line for each file and kind of number."""
    folder = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    data = folder / "official"
    ways = 3.0 ** (3 - np.maximum(1, np.ceil(np.log10(NUMBERS + 1))))
    ways /= ways.sum()
    settings = Settings()
    print(f"{'file, numbers (columns)':52}     0    1-9  10-99   100+  best a    best  reader    even")
    for name in FILES:
        path = data / name
        if path.is_dir():
            path = next(iter(sorted(path.glob("*.csv"))), path)
        if not path.is_file():
            print(f"{name:52} is not here")
            continue
        try:
            found = counted(path)
        except CotejoError as e:
            print(f"{name:52} {e}")
            continue
        for kind, share in found.items():
            mine = settings.small if kind.startswith("options") else settings.spoilt
            grid = np.round(np.arange(0.0, 2.51, 0.01), 2)
            cost = [float(-(share * np.log(law(a))).sum()) for a in grid]
            best = int(np.argmin(cost))
            parts = [share[0], share[1:10].sum(), share[10:100].sum(), share[100:].sum()]
            costs = (
                cost[best],
                float(-(share * np.log(law(mine))).sum()),
                float(-(share * np.log(ways)).sum()),
            )
            print(
                f"{name.split('/')[0] + ', ' + kind:52}"
                + "".join(f"{100 * p:6.1f}%" for p in parts)
                + f"{grid[best]:8.2f}"
                + "".join(f"{c:8.3f}" for c in costs)
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
