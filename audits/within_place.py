"""Small and large stations of the same place: the contrast over places, and each small station by itself.

For each place small stations' mean less that of large ones; under the null the differences could each have had the other sign
(R. A. Fisher (1935), The Design of Experiments, section 21), so their studentised sum is compared with Student's t, whatever their spread. Means are over stations by their lists
and never by their ballots: ballots depend on turnout, and turnout may go together with the share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, stdtr, stdtrit

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SMALL = 2 / 3
"""A station is small whose list has at most this part of the longest list at its place."""
ENOUGH = 20
"""Places, as many as their weights make, below which nothing is tested."""
_PRIOR = 2.0  # stations' worth of the whole country's mean that each place's mean is drawn towards, in votes


@dataclass(frozen=True)
class Series:
    """A proportion at each station that can be compared: `part` of `whole`, and the list that it is weighted by."""

    part: Floats
    whole: Floats
    size: Floats
    place: Ints  # codes from 0
    small: Bools
    row: Ints  # of the caller's arrays

    @classmethod
    def of(cls, part: Floats, whole: Floats, size: Floats, place: Ints) -> Series:
        """The stations of those places that have small and large ones; a station without a place or a list, or with nothing to divide, is out.

        Parameters
        ----------
        part, whole, size : shape (s,), nan where not known.
        place : shape (s,), -1 where not known.
        """
        some = np.flatnonzero((place >= 0) & (size > 0) & (whole > 0) & (part >= 0) & (part <= whole))
        code = np.unique(place[some], return_inverse=True)[1]
        longest = np.zeros(int(code.max(initial=-1)) + 1)
        np.maximum.at(longest, code, size[some])
        small = size[some] <= SMALL * longest[code]
        both = (np.bincount(code, weights=small) > 0)[code]
        some, small = some[both], small[both]
        code = np.unique(code[both], return_inverse=True)[1]
        return cls(part[some], whole[some], size[some], code, small, some)


@dataclass(frozen=True)
class Means:
    """Of one side (small or large) of each place: mean proportion by list, and how many stations and votes it rests on."""

    mean: Floats
    stations: Floats
    votes: Floats
    count: Ints

    @classmethod
    def of(cls, s: Series, which: Bools) -> Means:
        """Of the stations of one side; every place has some."""
        places = int(s.place.max(initial=-1)) + 1
        weight = np.where(which, s.size, 0.0)

        def sums(x: Floats) -> Floats:
            return np.asarray(np.bincount(s.place, weights=x, minlength=places), dtype=np.float64)

        total = sums(weight)
        spread = sums(weight**2 / s.whole) / total**2  # of a binomial mean, but for its p (1 - p)
        return cls(
            sums(weight * s.part / s.whole) / total,
            total**2 / sums(weight**2),
            1 / spread,
            np.bincount(s.place, weights=which, minlength=places).astype(np.int64),
        )


@dataclass(frozen=True)
class Contrast:
    """Small stations less large ones, over places.

    Attributes
    ----------
    difference, low, high
        Mean over places, weighted by how much each can say, with its 95 % interval.
    statistic, pvalue
        The studentised sum, and its two-sided tail (Student's t with as many degrees of freedom as the weights make places, less one).
    places
        As many as the weights make; below `ENOUGH` there is no p-value.
    extra
        How much stations of a place differ beyond counting, as a part of p (1 − p).
    """

    difference: float
    low: float
    high: float
    statistic: float
    pvalue: float | None
    places: float
    extra: float


def contrast(s: Series) -> Contrast | None:
    """The test on one proportion; None when no place has both small and large stations."""
    return contrast_of(Means.of(s, s.small), Means.of(s, ~s.small)) if s.part.size else None


def contrast_of(few: Means, many: Means) -> Contrast:
    """The same on means that are there already."""
    d = few.mean - many.mean
    p = _pooled(few, many)
    # Only the sizes of the differences enter the weights, so that signs stay free.
    own = p * (1 - p)
    excess, between = _excess(few, many, own)
    extra = float(np.clip(excess.sum() / max(float(between.sum()), 1e-300), 0.0, 1.0))
    level = float(own.mean())
    w = 1 / (
        level * (1 / few.votes + 1 / many.votes + extra * (1 / few.stations + 1 / many.stations)) + 1e-12
    )
    places = float(w.sum() ** 2 / (w**2).sum())
    total, error = float((w * d).sum()), float(np.sqrt((w**2 * d**2).sum()))
    t = total / error if error > 0 else 0.0
    pvalue = None
    if places >= ENOUGH:
        pvalue = float(min(1.0, 2 * stdtr(places - 1, -abs(t))))
    mean, half = total / float(w.sum()), float(stdtrit(max(places - 1, 1), 0.975)) * error / float(w.sum())
    return Contrast(mean, mean - half, mean + half, t, pvalue, places, extra)


def _pooled(few: Means, many: Means) -> Floats:
    """Each place's mean, drawn a little towards that of all, so that none is 0 or 1."""
    votes = few.votes + many.votes
    mean = (few.votes * few.mean + many.votes * many.mean) / votes
    return np.asarray((votes * mean + _PRIOR * mean.mean()) / (votes + _PRIOR))


def single(s: Series, extra: Floats) -> tuple[Floats, Floats]:
    """Each small station against the larger ones of its place.

    Parameters
    ----------
    extra : shape (stations,), how much stations differ beyond counting, as a part of p (1 − p).

    Returns
    -------
    Two-sided p-values (1 for large stations) under a beta law with the larger stations' mean and the variance of counting and of `extra`, both of the station
    and of the mean that it is held against; and that mean; shape (stations,).
    """
    many = Means.of(s, ~s.small)
    p_all = float(s.part.sum() / max(float(s.whole.sum()), 1.0))
    mean = (many.votes * many.mean + _PRIOR * np.clip(p_all, 0.01, 0.99)) / (many.votes + _PRIOR)
    mu = mean[s.place]
    spread = 1 / s.whole + 1 / many.votes[s.place] + extra * (1 + 1 / many.stations[s.place])
    concentration = np.maximum(1 / spread - 1, 1e-3)
    a, b = mu * concentration, (1 - mu) * concentration
    below = betainc(a, b, np.clip((s.part + 0.5) / s.whole, 0, 1))
    above = 1 - betainc(a, b, np.clip((s.part - 0.5) / s.whole, 0, 1))
    return np.where(s.small, np.minimum(1.0, 2 * np.minimum(below, above)), 1.0), mu


def local_extra(s: Series, region: Ints) -> Floats:
    """How much stations differ beyond counting, as a part of p (1 - p), by the other places; shape (stations,).

    The larger of what the other places of the country and those of the region say: a station far off, which is to be found, must not hide itself.

    Parameters
    ----------
    region : codes from 0 of the caller's stations.
    """
    few, many = Means.of(s, s.small), Means.of(s, ~s.small)
    p = _pooled(few, many)
    excess, between = _excess(few, many, p * (1 - p))
    of_place = np.zeros(excess.size, dtype=np.int64)
    of_place[s.place] = region[s.row]

    def others(code: Ints) -> Floats:
        above, below = (np.bincount(code, weights=x)[code] - x for x in (excess, between))
        return np.asarray(np.where(below > 0, above / np.maximum(below, 1e-300), 0.0))

    most = np.maximum(others(np.zeros_like(of_place)), others(of_place))
    return np.asarray(np.clip(most, 0.0, 1.0)[s.place])


def _excess(few: Means, many: Means, own: Floats) -> tuple[Floats, Floats]:
    """Of each place: its squared difference less what counting makes it, and what stations' own spread would multiply."""
    counting = own * (1 / few.votes + 1 / many.votes)
    between = own * (1 / few.stations + 1 / many.stations)
    return (few.mean - many.mean) ** 2 - counting, between
