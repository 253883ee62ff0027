"""Clean elections on the user's own totals, drawn from a law that none of the audits tests.

Each option's share varies between stations more than counting people would make it, by as much as it does in the region
(normal on the log-odds scale), and half of that variation is common to the stations of one place, because neighbours vote alike. Votes are binomial around
those shares, one option after the other, so that they add up to the station's own total. Nothing in this law knows of digits, of whole percentages or
of stations that report late.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

COMMON = 0.5  # of the variance between stations, the part that a place's stations share
_LEAST = 0.02  # standard deviation on the log-odds scale that is always left


def draw(votes: Ints, region: Ints, place: Ints, rng: np.random.Generator) -> Ints:
    """One clean election with the stations' own totals.

    Parameters
    ----------
    votes : shape (s, options), votes of each option as observed, not negative.
    region, place : shape (s,), whole numbers; stations of equal numbers are in one region, at one place.
    rng : random numbers.

    Returns
    -------
    Shape (s, options), with the same sum over the options of each station.
    """
    out = np.zeros_like(votes)
    left_seen, left_drawn = votes.sum(axis=1), votes.sum(axis=1)
    order = np.argsort(-votes.sum(axis=0), kind="stable")
    places = np.unique(place, return_inverse=True)[1]
    for option in order[:-1]:
        seen = votes[:, option]
        mean, spread = _fit(seen, left_seen, region)
        common = rng.standard_normal(int(places.max(initial=0)) + 1)[places]
        own = rng.standard_normal(seen.size)
        share = expit(mean + spread * (np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * own))
        out[:, option] = rng.binomial(left_drawn, share)
        left_seen, left_drawn = left_seen - seen, left_drawn - out[:, option]
    out[:, order[-1]] = left_drawn
    return out


def _fit(k: Ints, n: Ints, region: Ints) -> tuple[Floats, Floats]:
    """Mean and standard deviation of a share's log odds in each station's region, the binomial's own part taken away."""
    _, which = np.unique(region, return_inverse=True)
    some = n > 0
    odds = np.log((k + 0.5) / (n - k + 0.5))
    noise = 1 / (k + 0.5) + 1 / (n - k + 0.5)
    size = np.maximum(np.bincount(which, weights=some), 1)

    def mean_of(x: Floats) -> Floats:
        return np.asarray((np.bincount(which, weights=x * some) / size)[which])

    mean = mean_of(odds)
    spread = mean_of((odds - mean) ** 2 - noise)
    return mean, np.sqrt(np.maximum(spread, _LEAST**2))
