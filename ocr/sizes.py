"""How large the numbers on a tally sheet are beforehand: small ones are far more frequent than large ones.

Taken by themselves the boxes of a row weigh every way to fill them alike (`ocr.lattice`), so that three numbers in four would have
three digits. Published counts say otherwise: the votes of an option, and blank and null votes, lie nearer to a weight of 1 / (number + 1),
the same share for each order of magnitude, in every election at hand, of two candidates or of ten
(`python -m benchmarks.sizes` prints them). They are steeper still; so this prior is a careful one. Blank and null votes are steeper in
every one of them, the runoff of two candidates as well. Totals are not like that.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ocr.form import Role
from ocr.lattice import Floats, Ints, Row

SPOILT = (Role.BLANK, Role.NULL)
"""Whose numbers are small by far more often than large; those of options (`Role.OPTION`) are so less strictly."""


def size_prior(values: Ints, boxes: int, small: float) -> Floats:
    """What numbers weigh if that falls as ``(number + 1) ** -small``, against every filling of the row weighing the same.

    The mean over all fillings is 1, so that a row with something written weighs as before against an empty one. There are three
    ways to fill a box before the number, so a number of d digits has ``3 ** (boxes - d)`` fillings.
    """
    lengths = np.arange(1, boxes + 1)
    lows, highs = 10.0 ** (lengths - 1), 10.0**lengths - 1
    lows[0] = 0.0
    fillings = 3.0 ** (boxes - lengths)
    sums = np.array([_sum(a, b, small) for a, b in zip(lows, highs, strict=True)])
    mean = float(((highs - lows + 1) * fillings).sum() / sums.sum())
    length = np.minimum(np.searchsorted(highs, values), boxes - 1)
    out: Floats = mean * (values + 1.0) ** -small / fillings[length]
    return out


def sized(row: Row, boxes: int, small: float) -> Row:
    """The row of so many boxes with what is known of numbers beforehand; the same candidates, the same order."""
    if not small:
        return row
    weights = row.weights * size_prior(row.values, boxes, small)
    total = float(weights.sum()) + row.blank + row.other
    return replace(row, weights=weights / total, blank=row.blank / total, other=row.other / total)


def _sum(low: float, high: float, small: float) -> float:
    """Sum of ``(v + 1) ** -small`` over the whole numbers from low to high."""
    if high < 10:
        return float(((np.arange(low, high + 1) + 1.0) ** -small).sum())
    a, b = low + 0.5, high + 1.5  # as an integral, by the midpoint rule
    return float(np.log(b / a)) if small == 1 else float((b ** (1 - small) - a ** (1 - small)) / (1 - small))
