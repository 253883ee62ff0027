"""By how much the totals on actas are off where they do not add up: what `ocr.sums` believes of a wrong total.

Of published counts that have the total as it was written, the actas on which no party's number and not the null votes are left empty (combinations
of a coalition may be): the share of the wrong totals that is off by so much, the share that is off in one digit worth ten or more, and the
cross-entropy (nats a wrong total; less is better) of the decoder's law, of the law before it (every slip in one digit only), and of all totals being alike. "Off" is the total less
what the parts add up to: typing errors as well as wrong addition. Where half the total and more is missing on either side, the acta was hardly captured, and is left out.

Then what a number that was left empty would be: of the actas with none, one and two of them, the share that adds up without, and of those with more in the total how many lack 100 and more. Where an
acta with one adds up as often as one with none, the empty number was 0.
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
from ocr.messages import UNKNOWN
from ocr.sums import ONE_DIGIT, Kernel
from tabulate.official import OfficialCount, read_official

FILES = (
    "mx-prep-coahuila-2017/20170605_1300_PREP_GOB_COAH.zip",
    "mx-prep-coahuila-2017/20170605_1300_PREP_DIP_LOC_COAH.zip",
)
"""Mexico: the total that the acta states, beside every number that it adds up."""
SIZE = 1000
BEFORE = (0.8, 1.0)
"""Share of slips, and of these off in one digit, in the law before."""
HARDLY = 0.5
BINS = (1, 2, 3, 5, 10, 20, 50, 100, 200, SIZE)
DIGITS_ONLY = tuple(d * p for p in (1, 10, 100) for d in range(1, 10))


def off(count: OfficialCount, empty: int = 0) -> NDArray[np.int64]:
    """Of each acta with so many numbers left empty: what it states less what its parts add up to."""
    used = [
        name for name in (*count.options, "null") if count.counts[name].null_count() < count.counts.height
    ]
    left = pl.sum_horizontal(
        pl.col(name).is_null().cast(pl.Int64) for name in used if not name.startswith("C_")
    )
    whole = count.counts.filter(pl.col("cast").is_not_null() & (left == empty)).select(
        "cast", parts=pl.sum_horizontal(pl.col(name).fill_null(0) for name in used)
    )
    whole = whole.filter(
        (pl.col("cast") > HARDLY * pl.col("parts")) & (pl.col("parts") > HARDLY * pl.col("cast"))
    )
    return whole.select(pl.col("cast") - pl.col("parts")).to_series().to_numpy()


def law(slip: float, one_digit: float) -> NDArray[np.float64]:
    """What the decoder gives to each wrong difference, -999 to 999; `one_digit` of the slips are off in one digit."""
    kernel = Kernel.make(SIZE, 1.0, slip, one_digit)
    out = np.full(2 * SIZE - 1, kernel.broad)
    for d, weight in kernel.slips:
        out[d + SIZE - 1] += weight
    return out


def main() -> int:
    """Print one line for each file."""
    folder = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    slip = Settings().slip
    laws = (law(slip, ONE_DIGIT), law(*BEFORE), law(0.0, 0.0))
    names = [f"{a}" if b == a + 1 else f"{a}-{b - 1}" for a, b in pairwise(BINS)]
    print(
        f"{'file':30} actas   off"
        + "".join(f"{n:>9}" for n in names)
        + "  k*10, k*100     law  before    even"
    )
    counts = {}
    for path in (folder / "official" / name for name in FILES):
        if not path.is_file():
            print(f"{path.stem:30} is not here")
            continue
        counts[path.stem] = read_official(path)
        d = off(counts[path.stem])
        wrong = d[(d != 0) & (np.abs(d) < SIZE)]
        far = np.abs(wrong)
        shares = np.histogram(far, BINS)[0] / len(wrong)
        digit = np.mean(np.isin(far, DIGITS_ONLY) & (far >= 10))
        cost = [float(-np.log(w[wrong + SIZE - 1]).mean()) for w in laws]
        print(
            f"{path.stem:30}{len(d):6}{len(wrong):6}"
            + "".join(f"{s:9.1%}" for s in shares)
            + f"{digit:13.1%}"
            + "".join(f"{c:8.3f}" for c in cost)
        )
    print(f"\n{'file':30} empty  actas  add up  of those with more: 100 and more")
    for name, count in counts.items():
        for empty in range(3):
            d = off(count, empty)
            print(f"{name:30}{empty:6}{len(d):7}{np.mean(d == 0):8.1%}{np.mean(d[d > 0] >= UNKNOWN):10.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
