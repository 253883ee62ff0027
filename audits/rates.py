"""How common a slip is in each region, so that an ordinary amount of slips looks ordinary.

A description: a region's rate with its interval (E. B. Wilson (1927), JASA 22, 209-212), and whether it is apart from that of all other regions by Fisher's exact
test, corrected for the number of regions (Bonferroni), as if stations slipped independently of each other. They do not quite (one trainer, one office),
so this points out where to look first and is no test of the battery.
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import gammaln

from audits.words import ALPHA, Number

_Z = 1.959963984540054


def by_region(
    frame: pl.DataFrame, examined: str = "examined", what: str = "contradict"
) -> dict[str, dict[str, Number]]:
    """The rate of a slip by region.

    Parameters
    ----------
    frame : a row for each thing examined: ``region`` (null: not known) and ``wrong`` (Boolean).
    examined, what : what the two counts are called.

    Returns
    -------
    dict
        ``region/NAME`` (``region/-`` where not known): the two counts, ``rate``, ``low`` and ``high`` (95 %), and ``stands_out``: None with one region only.
    """
    regions = frame.group_by("region").agg(pl.len(), pl.col("wrong").sum()).sort("region", nulls_last=True)
    n, k = (regions[c].to_numpy().astype(np.int64) for c in ("len", "wrong"))
    out: dict[str, dict[str, Number]] = {}
    for name, size, wrong in zip(regions["region"], n.tolist(), k.tolist(), strict=True):
        apart: bool | None = None
        if len(n) > 1:
            p = apart_from(wrong, size, int(k.sum()), int(n.sum()))
            apart = bool(p * len(n) <= ALPHA)
        out[f"region/{name or '-'}"] = {
            examined: size,
            what: wrong,
            **rate(wrong, size),
            "stands_out": apart,
        }
    return out


def rate(k: int, n: int) -> dict[str, Number]:
    """``rate``, ``low``, ``high`` of `k` in `n` (n at least 1)."""
    p, z2 = k / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return {"rate": p, "low": middle - half if k else 0.0, "high": middle + half if k < n else 1.0}


def apart_from(k: int, n: int, all_k: int, all_n: int) -> float:
    """Fisher's exact test, two-sided (twice the smaller tail): `k` slips of `n` here, out of `all_k` of `all_n` with the others."""
    x = np.arange(max(0, n - (all_n - all_k)), min(n, all_k) + 1)
    log = _choose(all_k, x) + _choose(all_n - all_k, n - x) - _choose(all_n, np.array([n]))
    mass = np.exp(log)
    at = k - int(x[0])
    return float(min(1.0, 2 * min(mass[: at + 1].sum(), mass[at:].sum())))


def _choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))
