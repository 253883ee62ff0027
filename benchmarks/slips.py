"""By how much the totals on actas are off where they do not add up: what `ocr.sums` believes of a wrong total.

Of published counts that have the total as it was written: the share of the wrong ones that is off by so much, the share that is off in one digit
worth ten or more, and the cross-entropy (nats a total; less is better) of the decoder's law, of the same with every slip off in one digit only, and of all totals below 1,000
being as likely. "Off" is all that was written less what the parts add up to: it holds numbers left out and typing errors as well as wrong addition.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ocr.evidence import Settings
from ocr.sums import ONE_DIGIT, Kernel
from tabulate.official import read_official

FILES = (
    "mx-prep-coahuila-2017/20170605_1300_PREP_GOB_COAH.zip",
    "mx-prep-coahuila-2017/20170605_1300_PREP_DIP_LOC_COAH.zip",
)
"""Mexico: the total that the acta states, beside every number that it adds up."""
SIZE = 1000
BINS = (1, 2, 3, 5, 10, 20, 50, 100, 200, SIZE)
DIGITS_ONLY = tuple(d * p for p in (1, 10, 100) for d in range(1, 10))


def off(path: Path) -> NDArray[np.int64]:
    """Of each acta with a total: what it states less what its parts add up to."""
    count = read_official(path)
    parts = [pl.col(name).fill_null(0) for name in (*count.options, "null")]
    return count.counts.select(pl.col("cast") - pl.sum_horizontal(parts)).to_series().drop_nulls().to_numpy()


def law(slip: float, one_digit: float) -> NDArray[np.float64]:
    """The probability of each wrong difference, -999 to 999; `one_digit` of the slips are off in one digit."""
    kernel = Kernel.make(SIZE, 1.0, slip, one_digit)
    out = np.full(2 * SIZE - 1, (1 - slip) / (2 * SIZE - 2))
    for d, weight in kernel.slips:
        out[d + SIZE - 1] += weight
    out[SIZE - 1] = 0.0
    return out / out.sum()


def main() -> int:
    """Print one line for each file."""
    folder = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    slip = Settings().slip
    laws = (law(slip, ONE_DIGIT), law(slip, 1.0), law(0.0, 0.0))
    names = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(BINS)]
    print(
        f"{'file':28} actas   off"
        + "".join(f"{n:>9}" for n in names)
        + "  k*10, k*100     law  digits    even"
    )
    for name in FILES:
        path = folder / "official" / name
        if not path.is_file():
            print(f"{path.stem:28} is not here")
            continue
        d = off(path)
        wrong = d[(d != 0) & (np.abs(d) < SIZE)]
        far = np.abs(wrong)
        shares = np.histogram(far, BINS)[0] / len(wrong)
        digit = np.mean(np.isin(far, DIGITS_ONLY) & (far >= 10))
        cost = [float(-np.log(w[wrong + SIZE - 1]).mean()) for w in laws]
        print(
            f"{path.stem:28}{len(d):6}{len(wrong):6}"
            + "".join(f"{s:9.1%}" for s in shares)
            + f"{digit:13.1%}"
            + "".join(f"{c:8.3f}" for c in cost)
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
