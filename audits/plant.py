"""Elections with something planted in a given part of the stations, to say how much an audit would have noticed.

Each plant takes a clean election and gives back one that is changed in that part of its stations, chosen at random. They are scales to measure
the audits with, not models of what anybody did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audits.clean import Election
from audits.words import N_

Ints = NDArray[np.int64]
Plant = Callable[[Election, float, np.random.Generator], Election]

_LIKED = np.array([2, 6, 13, 16, 11, 6, 12, 19, 11, 4]) / 100
"""How often people who make up digits end on 0 to 9: seldom on 0, often on 3 and 7."""


def _some(size: int, share: float, rng: np.random.Generator, among: NDArray[np.bool_] | None = None) -> Ints:
    """A part of all stations, chosen among those where it can be done."""
    candidates = np.arange(size) if among is None else np.flatnonzero(among)
    return np.sort(rng.choice(candidates, min(round(share * size), candidates.size), replace=False))


def _with(e: Election, where: Ints, votes: Ints) -> Election:
    """`e` with these rows of votes; ballots and voters change with their sums."""
    more = np.zeros_like(e.cast)
    more[where] = votes.sum(axis=1) - e.votes[where].sum(axis=1)
    new = e.votes.copy()
    new[where] = votes
    return replace(e, votes=new, cast=e.cast + more, voted=np.maximum(e.voted + more, 0))


def _second(e: Election) -> int:
    return int(np.argsort(-e.votes.sum(axis=0), kind="stable")[1]) if e.votes.shape[1] > 1 else e.leader


def stuffing(e: Election, share: float, rng: np.random.Generator) -> Election:
    """The leading option gains 20 to 80 percent of those who did not vote (without lists: of the ballots)."""
    where = _some(e.cast.size, share, rng)
    part = rng.uniform(0.2, 0.8, where.size)
    absent = e.cast[where] if e.registered is None else np.maximum(e.registered - e.voted, 0)[where]
    votes = e.votes[where]
    votes[:, e.leader] += np.rint(part * absent).astype(np.int64)
    return _with(e, where, votes)


def transfer(e: Election, share: float, rng: np.random.Generator) -> Election:
    """20 to 80 percent of the second option's votes are counted for the leading one."""
    where = _some(e.cast.size, share, rng)
    votes, second = e.votes[where], _second(e)
    moved = np.rint(rng.uniform(0.2, 0.8, where.size) * votes[:, second]).astype(np.int64)
    votes[:, second] -= moved
    votes[:, e.leader] += moved
    return replace(e, votes=_put(e.votes, where, votes))


def rounding(e: Election, share: float, rng: np.random.Generator) -> Election:
    """Turnout (by the leading option's votes) or the leading option's share is brought to the next whole or fifth percentage."""
    where = _some(e.cast.size, share, rng, e.cast > 0)
    step = np.where(rng.random(where.size) < 0.5, 1, 5)
    of_turnout = rng.random(where.size) < 0.5
    votes = e.votes[where]
    if e.registered is None:
        of_turnout[:] = False
    else:
        n, k = e.registered[where], e.voted[where]
        target = np.rint(np.rint(100 * k / np.maximum(n, 1) / step) * step * n / 100).astype(np.int64)
        added = np.where((n > 0) & of_turnout, target - k, 0)
        votes[:, e.leader] += np.maximum(added, -votes[:, e.leader])
    n, k = e.cast[where], e.votes[where, e.leader]
    target = np.rint(np.rint(100 * k / n / step) * step * n / 100).astype(np.int64)
    second = _second(e)
    moved = np.where(of_turnout, 0, np.minimum(target - k, votes[:, second]))
    votes[:, e.leader] += moved
    votes[:, second] -= moved
    return _with(e, where, votes)


def copies(e: Election, share: float, rng: np.random.Generator) -> Election:
    """The whole row of another station of the place is written again (of the region, where a station is alone)."""
    order = np.lexsort((rng.random(e.cast.size), e.place, e.region))
    donor = np.empty_like(order)
    donor[order] = np.roll(order, 1)  # the one before in the place, or the last of the place before
    fits = e.cast > 0
    if e.registered is not None:
        fits &= (e.registered == 0) | (e.voted[donor] <= e.registered)
    where = _some(e.cast.size, share, rng, fits & (e.cast[donor] > 0) & (e.region[donor] == e.region))
    voted, cast = e.voted.copy(), e.cast.copy()
    voted[where], cast[where] = e.voted[donor[where]], e.cast[donor[where]]
    return replace(e, votes=_put(e.votes, where, e.votes[donor[where]]), cast=cast, voted=voted)


def digits(e: Election, share: float, rng: np.random.Generator) -> Election:
    """Every count from 10 on gets a last digit as people make them up: some digits liked, the one before hardly repeated."""
    where = _some(e.cast.size, share, rng)
    votes = e.votes[where]
    before = votes // 10 % 10
    liking = np.tile(_LIKED, (10, 1))
    np.fill_diagonal(liking, 0.3 * np.diag(liking))
    ends = np.cumsum(liking / liking.sum(axis=1, keepdims=True), axis=1)
    digit = (rng.random(votes.shape)[..., None] > ends[before]).sum(axis=-1)
    made_up = np.where(votes >= 10, votes // 10 * 10 + np.minimum(digit, 9), votes)
    if e.registered is not None:
        over = e.voted[where] + made_up.sum(axis=1) - votes.sum(axis=1) > e.registered[where]
        made_up = np.where((over & (e.registered[where] > 0))[:, None], votes, made_up)
    return _with(e, where, made_up)


def _put(votes: Ints, where: Ints, new: Ints) -> Ints:
    out = votes.copy()
    out[where] = new
    return out


PLANTS: dict[str, Plant] = {
    "stuffing": stuffing,
    "transfer": transfer,
    "rounding": rounding,
    "copies": copies,
    "digits": digits,
}
TITLES: dict[str, str] = {
    "stuffing": N_("votes added to the leading option from those who did not vote"),
    "transfer": N_("votes of the second option counted for the leading one"),
    "rounding": N_("turnout or share brought to round percentages"),
    "copies": N_("rows of a neighbouring station written again"),
    "digits": N_("last digits made up by people"),
}
"""What each plant is called in texts."""
SHARES = (0.01, 0.03, 0.10)
"""Parts of the stations that are changed when power is measured."""
