"""Stated probabilities against what was: reliability by bins, and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The statements from `low` to `high`: how many, their mean, and the share that came true."""

    low: float
    high: float
    n: int
    said: float
    was: float


def reliability(said: npt.ArrayLike, right: npt.ArrayLike, bins: int = BINS) -> list[Bin]:
    """Bins of equal width over 0 to 1; empty ones are left out.

    Parameters
    ----------
    said : float[n]
        Stated probabilities.
    right : bool[n]
        Whether each statement came true.
    """
    p, y = np.asarray(said, np.float64), np.asarray(right, np.float64)
    which = np.minimum((p * bins).astype(int), bins - 1)
    return [
        Bin(b / bins, (b + 1) / bins, int(m.sum()), float(p[m].mean()), float(y[m].mean()))
        for b in range(bins)
        if (m := which == b).any()
    ]


def calibration_error(said: npt.ArrayLike, right: npt.ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: the mean distance of what was said and what was, over the bins of `reliability`."""
    found = reliability(said, right, bins)
    return sum(b.n * abs(b.said - b.was) for b in found) / max(1, sum(b.n for b in found))
