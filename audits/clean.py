"""Clean elections on the user's own registered voters and totals, drawn from a law that none of the audits tests.

Turnout and each option's share vary between stations more than counting people would make them, by as much as they do in the
region (normal on the log-odds scale), and half of that variation is common to the stations of one place, because neighbours vote alike.
Where turnout and shares go together in a region, they do so here. Voters are binomial around the turnout and votes around the
shares, one option after the other, so that they add up to the station's own ballots. Nothing in this law knows of digits, of whole percentages, of
equal rows or of stations that report late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

from audits.data import AuditData

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

COMMON = 0.5  # of the variance between stations, the part that a place's stations share
_LEAST = 0.02  # standard deviation on the log-odds scale that is always left
_MOST = 3.0
_BORROWED = 10  # stations of the whole country that each region's spread is estimated with
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, eq=False)
class Election:
    """An election in whole numbers, a row for each station that has all of them.

    Parameters
    ----------
    registered : shape (s,), people on the list, 0 where there is none; None when no station has a list.
    voted : shape (s,), people who voted (ballots cast, where nobody counted them).
    cast : shape (s,), ballots in the box, at least the sum of `votes`.
    votes : shape (s, options).
    region, place : shape (s,), codes from 0; a station without a place is one by itself.
    row : shape (s,), the station's row in ``data.counts``.
    """

    registered: Ints | None
    voted: Ints
    cast: Ints
    votes: Ints
    region: Ints
    place: Ints
    row: Ints

    @property
    def leader(self) -> int:
        """The option with most votes, the first of equals."""
        return int(np.argmax(self.votes.sum(axis=0)))

    @property
    def rest(self) -> Ints:
        """Ballots of no option: blank, null, or not in these data; shape (s,)."""
        return np.asarray(self.cast - self.votes.sum(axis=1))

    @cached_property
    def law(self) -> _Law:
        """The law that `draw_election` draws from, fitted once."""
        return _Law.of(self)

    def take(self, which: NDArray[np.bool_] | Ints) -> Election:
        """Some of the stations."""
        return Election(
            None if self.registered is None else self.registered[which],
            self.voted[which],
            self.cast[which],
            self.votes[which],
            self.region[which],
            self.place[which],
            self.row[which],
        )


def election(data: AuditData) -> Election | None:
    """The stations of ``data.counts`` that have a number, none negative, for every option; None if there are none.

    Ballots in the box are at least the options' votes; where only one of people who voted and ballots is known it stands for both, and where neither
    is, options, blank and null ballots together do.
    """
    if data.missing("counts.option"):
        return None
    assert data.counts is not None
    options = list(data.count_options)
    totals = [c for c in ("voted", "cast", "blank", "null", "registered") if c in data.counts.columns]
    usable = pl.all_horizontal(
        pl.col(options).is_not_null() & (pl.col(options) >= 0), *(pl.col(c).fill_null(0) >= 0 for c in totals)
    )
    row = np.flatnonzero(data.counts.select(usable).to_series().to_numpy())
    if not row.size:
        return None
    frame = data.counts[row]
    votes = np.ascontiguousarray(frame.select(options).to_numpy().astype(np.int64))

    def column(name: str, otherwise: Ints) -> Ints:
        known = frame[name].to_numpy() if name in frame.columns else np.full(len(votes), np.nan)
        missing = np.isnan(known.astype(np.float64))
        return np.where(missing, otherwise, np.where(missing, 0, known)).astype(np.int64)

    none = np.zeros(len(votes), dtype=np.int64)
    together = votes.sum(axis=1) + column("blank", none) + column("null", none)
    cast = np.maximum(column("cast", column("voted", together)), votes.sum(axis=1))
    registered = column("registered", none)
    coded = frame.select(
        pl.col("region").fill_null("").rank("dense").cast(pl.Int64) - 1,
        pl.coalesce("place_id", "station_id").rank("dense").cast(pl.Int64).alias("place") - 1,
    )
    return Election(
        registered if registered.any() else None,
        column("voted", cast),
        cast,
        votes,
        coded["region"].to_numpy(),
        coded["place"].to_numpy(),
        row,
    )


def to_data(e: Election, data: AuditData) -> AuditData:
    """The election as tables: the columns that ``data.counts`` has, with the numbers of `e`; other tables are left out.

    Ballots of no option are divided into blank and null as they are at the station in `data`.
    """
    assert data.counts is not None
    frame = data.counts[e.row]
    blank, null = (frame[c].fill_null(0).to_numpy() for c in ("blank", "null"))
    part = np.where(blank + null > 0, blank / np.maximum(blank + null, 1), 0.0)
    new_blank = np.rint(e.rest * part).astype(np.int64)
    numbers = {
        "voted": e.voted,
        "cast": e.cast,
        "blank": new_blank,
        "null": e.rest - new_blank,
        "valid": e.votes.sum(axis=1),
    } | ({} if e.registered is None else {"registered": e.registered})
    changed = [
        pl.when(pl.col(name).is_null()).then(None).otherwise(pl.Series(name, x)).alias(name)
        for name, x in numbers.items()
    ]
    options = [pl.Series(o, e.votes[:, j]) for j, o in enumerate(data.count_options)]
    return AuditData(counts=frame.with_columns(*changed, *options), options=data.options)


Seen = Callable[[int, Ints, Floats], None]


def draw_election(e: Election, rng: np.random.Generator, seen: Seen | None = None) -> Election:
    """One clean election with the registered voters of `e` (or its ballots, where there are no lists), drawn from its law.

    `seen` is told of each option as it is drawn: which one, out of how many ballots at each station, and with what share
    (of the option that is drawn last, what the last but one leaves). Stations without a list, or with more voters than their list, keep their voters. Ballots taken away are drawn as often as they
    were, and ballots beyond the voters stay.
    """
    law = e.law
    count = int(e.place.max(initial=0)) + 1

    def normal() -> Floats:
        common = rng.standard_normal(count)[e.place]
        return np.asarray(np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * rng.standard_normal(e.place.size))

    voted, cast, turnout = e.voted, e.cast, None
    if e.registered is not None and law.turnout is not None:
        turnout = normal()
        drawn = rng.binomial(e.registered, law.turnout.share(turnout, e.region))
        voted = np.where(_listed(e), drawn, e.voted)
        lost = np.clip(e.voted - e.cast, 0, None) / np.maximum(e.voted, 1)
        cast = voted - rng.binomial(voted, lost) + np.clip(e.cast - e.voted, 0, None)
    votes, left = np.zeros_like(e.votes), cast.copy()
    for option, fit, together in zip(law.order, law.shares, law.together, strict=True):
        z = normal()
        if turnout is not None:
            rho = together[e.region]
            z = rho * turnout + np.sqrt(1 - rho**2) * z
        share = fit.share(z, e.region)
        if seen is not None:
            seen(option, left, share)
            if option == law.order[-1]:
                seen(law.last, left, 1 - share)
        k = rng.binomial(left, share)
        left = left - k
        if option < votes.shape[1]:
            votes[:, option] = k
    if law.last < votes.shape[1]:
        votes[:, law.last] = left
    return replace(e, voted=voted, cast=cast, votes=votes)


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
    region, place = (np.unique(x, return_inverse=True)[1] for x in (region, place))
    total = votes.sum(axis=1)
    e = Election(None, total, total, votes, region, place, np.arange(len(votes)))
    return draw_election(e, rng).votes


def _listed(e: Election) -> NDArray[np.bool_]:
    """Stations whose turnout is one: with a list, and no more voters than on it."""
    assert e.registered is not None
    return np.asarray((e.registered > 0) & (e.voted <= e.registered))


@dataclass(frozen=True)
class _Fit:
    """A share by region: mean and standard deviation of its log odds, and its variance as a share; shape (regions,)."""

    mean: Floats
    spread: Floats
    level: Floats
    variance: Floats

    def share(self, z: Floats, region: Ints) -> Floats:
        return np.asarray(expit(self.mean[region] + self.spread[region] * z))


@dataclass(frozen=True)
class _Law:
    """Options in the order they are drawn (the number of options stands for ballots of none), the last one left over."""

    order: tuple[int, ...]
    last: int
    shares: tuple[_Fit, ...]
    turnout: _Fit | None
    together: tuple[Floats, ...]

    @classmethod
    def of(cls, e: Election) -> _Law:
        whole = np.column_stack([e.votes, e.rest])
        size = whole.sum(axis=0)
        # Ballots of no option come first: how many there are has little to do with who wins.
        size[-1] = size.sum() if size[-1] else 0
        order = [int(o) for o in np.argsort(-size, kind="stable") if size[o] or o == 0]
        turnout = away = None
        if e.registered is not None:
            n = np.where(_listed(e), e.registered, 0)
            turnout = _fit(np.minimum(e.voted, n), n, e.region)
            away = np.where(n > 0, e.voted / np.maximum(n, 1) - turnout.level[e.region], 0.0)
        left, shares, together = e.cast, [], []
        for option in order[:-1]:
            k = whole[:, option]
            fit = _fit(k, left, e.region)
            rho = np.zeros(fit.mean.size)
            if turnout is not None and away is not None:
                seen = np.where(left > 0, k / np.maximum(left, 1) - fit.level[e.region], 0.0)
                counted = np.bincount(e.region, weights=left > 0, minlength=rho.size)
                both = np.bincount(e.region, weights=away * seen, minlength=rho.size)
                rho = both / (counted + _BORROWED) / np.sqrt(turnout.variance * fit.variance)
            together.append(np.clip(rho, -0.9, 0.9))
            shares.append(fit)
            left = left - k
        return cls(tuple(order[:-1]), order[-1], tuple(shares), turnout, tuple(together))


def _fit(k: Ints, n: Ints, region: Ints) -> _Fit:
    """Mean and spread of a share in each region, by moments, the binomial's own part taken away.

    A region's variance is estimated with the weight of `_BORROWED` average stations more.
    """
    regions = int(region.max(initial=0)) + 1

    def per_region(x: Floats) -> Floats:
        return np.asarray(np.bincount(region, weights=x, minlength=regions), dtype=np.float64)

    votes, ballots = per_region(k.astype(np.float64)), per_region(n.astype(np.float64))
    level = np.clip(votes / np.maximum(ballots, 1), 1e-9, 1 - 1e-9)
    m = level[region]
    excess = per_region((k - n * m) ** 2 - n * m * (1 - m)) / np.maximum((level * (1 - level)) ** 2, 1e-12)
    pairs = per_region(n * (n - 1.0))
    some = (votes > 0) & (votes < ballots)  # elsewhere nothing can be learnt of the spread
    borrowed = _BORROWED / max(k.size, 1)
    below = pairs + borrowed * pairs[some].sum()
    # Relative to level × (1 - level), so that regions of different levels can lend to each other.
    relative = np.clip((excess * some + borrowed * excess[some].sum()) / np.maximum(below, 1), 0, None)
    spread = np.clip(np.sqrt(relative), _LEAST, _MOST)
    variance = np.clip(relative * (level * (1 - level)) ** 2, 1e-12, 0.9 * level * (1 - level))
    mean = logit(level)
    for _ in range(12):  # the log odds whose share has this mean and variance
        p = expit(mean[:, None] + spread[:, None] * _NODES)
        weights = _WEIGHTS / _WEIGHTS.sum()
        average = p @ weights
        mean = mean + (level - average) / np.maximum((p * (1 - p)) @ weights, 1e-12)
        mean = np.clip(mean, -25, 25)
        seen = ((p - average[:, None]) ** 2) @ weights
        spread = np.clip(spread * (variance / np.maximum(seen, 1e-15)) ** 0.25, _LEAST, _MOST)
    return _Fit(mean, spread, level, variance)
