"""How many stations of each region have a property, against the number that chance gives: a description, region by region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from audits.audit import Part

Floats = NDArray[np.float64]

SHOWN = 200  # regions at most; those furthest from zero


def excess_by_region(
    names: Sequence[str], region: NDArray[np.int64], hit: NDArray[np.bool_], chance: Floats
) -> dict[str, Part]:
    """Parts "region/NAME" with ``n``, ``observed``, ``expected``, ``excess`` and ``z``, in the order of the names.

    ``regions`` holds how many there are, the largest z, and the median that the largest of so many has by chance (normal law).

    Parameters
    ----------
    names : of the regions; stations of a region without a name are in none.
    region : shape (s,), place of each station's region in `names`.
    hit, chance : shape (s,), whether each station has the property, and with what probability.

    Returns
    -------
    dict
        Empty where fewer than two regions have stations.
    """

    def of_region(x: Floats) -> Floats:
        return np.asarray(np.bincount(region, weights=x, minlength=len(names)))

    n, observed, expected = (
        of_region(np.ones(region.size)),
        of_region(hit.astype(np.float64)),
        of_region(chance),
    )
    sd = np.sqrt(of_region(chance * (1 - chance)))
    z = np.where(sd > 0, (observed - expected) / np.maximum(sd, 1e-300), 0.0)
    some = [i for i, name in enumerate(names) if name and n[i]]
    if len(some) < 2:
        return {}
    parts: dict[str, Part] = {
        "regions": {
            "regions": len(some),
            "largest_z": float(max(z[i] for i in some)),
            "by_chance": float(ndtri(0.5 ** (1 / len(some)))),
        }
    }
    for i in sorted(sorted(some, key=lambda i: -abs(z[i]))[:SHOWN]):
        parts[f"region/{names[i]}"] = {
            "n": int(n[i]),
            "observed": float(observed[i]),
            "expected": float(expected[i]),
            "excess": float(observed[i] - expected[i]),
            "z": float(z[i]),
        }
    return parts
