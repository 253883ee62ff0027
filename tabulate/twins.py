"""Whether the numbers at one station are those of another: an acta filed or typed for the wrong one.

Small or two-way counts coincide by chance, so that equal numbers alone say little. How many stations should have the same
numbers by chance is bounded in two ways, and the smaller bound counts:

- by the numbers themselves: were another station's numbers independent Poisson counts, to be exactly these could not be more
  probable than with just these means, which is the product of ``exp(-v) v^v / v!`` over the parts; times the other stations;
- by the counts at hand: among the stations of a side with numbers of like improbability (that product to one power of ten),
  how many equals a station has on average, with one pair more than was seen, for safety.

A match is named if fewer than `LIKELY` are expected; those that are not named are counted, so that it can be said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import gammaln

from tabulate.pairs import Counts, Mask, as_counts

LIKELY = 0.05
"""From so many stations expected to have the same numbers by chance, equal numbers name no wrong station."""
SHOWN = 5
"""Of the stations with the same numbers, at most so many are named."""


@dataclass(frozen=True, eq=False)
class Twins:
    """What `find_twins` found.

    Attributes
    ----------
    named
        Which of the differing stations have the numbers of another one, and not by likely chance.
    by_chance
        Which have them too, but so that chance is a likely reason.
    of
        Row -> (``left`` or ``right``: whose numbers are another's; the rows of those others, at most `SHOWN`).
    expected
        How many of the differing stations chance alone should name: the sum of their bounds below `LIKELY`.
    """

    named: Mask
    by_chance: Mask
    of: dict[int, list[tuple[str, list[int]]]]
    expected: float


class _Side(NamedTuple):
    """One side's stations with numbers, sorted by the hash of these."""

    votes: pl.DataFrame  # of all rows
    all_keys: NDArray[np.uint64]
    rows: NDArray[np.int64]
    keys: NDArray[np.uint64]

    def numbers(self, rows: NDArray[np.int64]) -> Counts:
        """Some rows, nothing as 0."""
        return np.maximum(
            as_counts(self.votes, tuple(self.votes.columns), pl.Series(rows, dtype=pl.UInt32)), 0
        )


def find_twins(
    left: pl.DataFrame, right: pl.DataFrame, present: tuple[Mask, Mask], at: NDArray[np.int64]
) -> Twins:
    """Look for the numbers of the differing stations at all others.

    Parameters
    ----------
    left, right
        Numbers of all stations of one contest, a column for each part; nothing counts as 0.
    present
        Where each side has numbers at all.
    at
        The rows of the differing stations.
    """
    named, chance = np.zeros(len(at), np.bool_), np.zeros(len(at), np.bool_)
    of: dict[int, list[tuple[str, list[int]]]] = {}
    expected = 0.0
    if not len(at):
        return Twins(named, chance, of, expected)
    sides = {"left": _side(left, present[0]), "right": _side(right, present[1])}
    stations = max(len(side.rows) for side in sides.values())
    votes = {name: side.numbers(at) for name, side in sides.items()}
    bounds = {name: np.exp(-_improbable(v)) * max(0, stations - 1) for name, v in votes.items()}
    if any(np.any(bound >= LIKELY) for bound in bounds.values()):
        rates = [_coincidences(side) for side in sides.values()]
        bounds = {name: _lowered(bound, votes[name], rates) for name, bound in bounds.items()}
    for (name, side), here in zip(sides.items(), present, strict=True):
        own, bound = here[at], bounds[name]
        wanted = side.all_keys[at]
        expected += float(bound[own & (bound < LIKELY)].sum())
        equals = np.zeros(len(at), dtype=np.int64)
        for pool, there in zip(sides.values(), present, strict=True):
            equals += np.searchsorted(pool.keys, wanted, "right") - np.searchsorted(pool.keys, wanted, "left")
            equals -= there[at] & (pool.all_keys[at] == wanted)  # the station itself
        seen = own & (equals > 0)
        chance |= seen & (bound >= LIKELY)
        telling = np.flatnonzero(seen & (bound < LIKELY))
        for number, same in _same(sides, wanted, votes[name], at, telling).items():
            named[number] = True
            of.setdefault(int(at[number]), []).append((name, sorted(same)[:SHOWN]))
    return Twins(named, chance & ~named, of, expected)


def _same(
    sides: dict[str, _Side],
    wanted: NDArray[np.uint64],
    votes: Counts,
    at: NDArray[np.int64],
    numbers: NDArray[np.int64],
) -> dict[int, set[int]]:
    """For some of the differing stations the other rows with exactly their numbers on a side."""
    found: dict[int, set[int]] = {}
    for pool in sides.values():
        start = np.searchsorted(pool.keys, wanted[numbers], "left")
        many = np.searchsorted(pool.keys, wanted[numbers], "right") - start
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        who = np.repeat(numbers, many)
        rows = pool.rows[np.repeat(start, many) + within]
        who, rows = who[rows != at[who]], rows[rows != at[who]]
        right = np.all(pool.numbers(rows) == votes[who], axis=1)
        for number, row in zip(who[right].tolist(), rows[right].tolist(), strict=True):
            found.setdefault(number, set()).add(row)
    return found


def _side(votes: pl.DataFrame, present: Mask) -> _Side:
    """Equal rows share a hash, unequal ones hardly ever, and every match is checked."""
    weights = np.random.default_rng(20191020).integers(1, 1 << 63, votes.width, dtype=np.uint64) | np.uint64(
        1
    )
    keys = np.zeros(votes.height, dtype=np.uint64)
    for column, weight in zip(votes.iter_columns(), weights, strict=True):
        keys += column.fill_null(0).to_numpy().astype(np.uint64) * weight
    rows = np.flatnonzero(present)
    rows = rows[np.argsort(keys[rows])]
    return _Side(votes, keys, rows, keys[rows])


def _improbable(votes: Counts) -> NDArray[np.float64]:
    """The highest probability that another station has just these numbers: its natural logarithm, sign turned."""
    out = np.zeros(len(votes))
    for column in votes.T:
        top = int(column.max(initial=0))
        if top > len(column):
            out += _cost(column)
        else:  # many stations: each number once
            out += _cost(np.arange(top + 1))[column]
    return out


def _cost(votes: Counts) -> NDArray[np.float64]:
    v = votes.astype(np.float64)
    out: NDArray[np.float64] = v - v * np.log(np.where(v > 0, v, 1.0)) + gammaln(v + 1)
    return out


def _coincidences(side: _Side) -> NDArray[np.float64]:
    """How many equals a station has on average, by class of improbability; with one pair more than was seen."""
    if not len(side.rows):
        return np.zeros(0)
    starts = np.flatnonzero(np.r_[True, side.keys[1:] != side.keys[:-1]])
    sizes = np.diff(np.r_[starts, len(side.rows)])
    classes = _class(_improbable(side.numbers(side.rows[starts])))
    n = np.bincount(classes, weights=sizes)
    pairs = np.bincount(classes, weights=sizes * (sizes - 1.0))
    rates: NDArray[np.float64] = np.full(len(n), np.inf)
    np.divide(pairs + 2, n, out=rates, where=n > 0)
    return rates


def _class(improbable: NDArray[np.float64]) -> NDArray[np.int64]:
    out: NDArray[np.int64] = (np.maximum(improbable, 0) / np.log(10)).astype(np.int64)
    return out


def _lowered(
    bound: NDArray[np.float64], votes: Counts, rates: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """The bound, or what was seen in the class, if that is less."""
    classes = _class(_improbable(votes))
    for rate in rates:
        padded = np.r_[rate, np.inf]
        bound = np.minimum(bound, padded[np.minimum(classes, len(rate))])
    return bound
