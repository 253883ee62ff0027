"""Seats by highest averages (D'Hondt), in whole numbers, and the worst count for a distribution of seats.

V. D'Hondt (1882), Système pratique et raisonné de représentation proportionnelle. An option's d-th seat has the quotient
votes / d; the N highest quotients win. A threshold is a share of the valid votes, the sum of the options, that an option needs
at least. Quotients that are level at the last seat are a tie, which the law breaks in its own way: here it is no result.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from tabulate.pairs import Counts


class Room(NamedTuple):
    """What may still change: the fewest and the most votes of each option, each by itself, and votes for anybody besides."""

    low: Counts
    high: Counts
    voters: int


class SeatThreat(NamedTuple):
    """The worst count that was looked at: whether another distribution is possible.

    ``changes`` is None if the bound does not exclude it and no count was found that does it: only with a threshold.
    """

    changes: bool | None
    holder: int
    rival: int
    worst: Counts


def most_seats(votes: Counts, option: int, seats: int, threshold: Fraction, *, ties: bool = True) -> int:
    """Seats of one option if it wins all ties (or, with ``ties`` False, none)."""
    mine = int(votes[option])
    if mine <= 0 or not _in(votes, option, threshold):
        return 0
    others = [int(v) for k, v in enumerate(votes) if k != option and v > 0 and _in(votes, k, threshold)]
    # votes / m of another is above mine / d for m = 1 .. ceil(votes * d / mine) - 1.
    d = 0
    while d < seats and sum((v * (d + 1) - ties) // mine for v in others) <= seats - (d + 1):
        d += 1
    return d


def distribution(votes: Counts, seats: int, threshold: Fraction) -> tuple[list[int], bool]:
    """(seats of each option, those in a tie at the least; whether there is a tie)."""
    least = [most_seats(votes, k, seats, threshold, ties=False) for k in range(len(votes))]
    most = [most_seats(votes, k, seats, threshold) for k in range(len(votes))]
    return least, least != most


def seat_margin(votes: Counts, seats: int, threshold: Fraction) -> tuple[int, int, int] | None:
    """(votes more that one option needs at the least for another seat or a tie for it, that option, who would lose it).

    None if nobody can get one.
    """
    now, _ = distribution(votes, seats, threshold)
    found = []
    for option in range(len(votes)):
        if now[option] >= seats:
            continue
        low, high = 0, 1
        while _with(votes, option, high, seats, threshold) <= now[option]:
            high *= 2
            if high > 2 * seats * int(votes.sum()) + 2:
                break
        else:
            while low < high:
                middle = (low + high) // 2
                if _with(votes, option, middle, seats, threshold) > now[option]:
                    high = middle
                else:
                    low = middle + 1
            found.append((low, option))
    if not found:
        return None
    more, option = min(found)
    after = votes.copy()
    after[option] += more + 1
    then, _ = distribution(after, seats, threshold)
    losers = [k for k in range(len(votes)) if k != option and then[k] < now[k]]
    return more, option, losers[0] if losers else int(np.argmax(votes))


def seat_threat(stands: Counts, room: Room, seats: int, threshold: Fraction) -> SeatThreat:
    """Whether a count within `room` distributes the seats otherwise than `stands`.

    Notes
    -----
    Unless nobody gets any, whatever changes gives some option another seat, and without a threshold an option has the most seats where it has its
    highest votes and all open voters and every other one its lowest: so this is exact. With a threshold more votes for one
    may keep another out. Then no count gives an option more seats than if, besides, every other option that some count leaves
    below the threshold were out: if nobody gains even so the answer is no, proven; else counts are tried, and one that
    changes the seats is a yes.
    """
    low, high, voters = room
    now, tie = distribution(stands, seats, threshold)
    margin = seat_margin(stands, seats, threshold)
    _, rival, holder = margin if margin else (0, int(np.argmax(stands)), int(np.argmax(stands)))
    if tie:
        return SeatThreat(True, holder, rival, stands)
    possible = []
    for option in range(len(stands)):
        count = _worst(low, high, option, voters)
        if _bound(count, room, option, seats, threshold) > now[option]:
            possible.append(option)
    # Seats stay empty only where no option is in at all.
    largest = int(high.sum()) + voters
    empty = all(int(v) == 0 or int(v) * threshold.denominator < threshold.numerator * largest for v in low)
    if empty and any(distribution(count, seats, threshold)[0] != now for count in (low, high)):
        return SeatThreat(True, holder, rival, low)
    if not possible and empty and threshold:
        return SeatThreat(None, holder, rival, low)
    if not possible:
        return SeatThreat(False, holder, rival, _worst(low, high, rival, voters))
    for option in possible:
        for count in _tried(low, high, option, voters):
            then, level = distribution(count, seats, threshold)
            if level or then != now:
                gains = [k for k in range(len(now)) if most_seats(count, k, seats, threshold) > now[k]]
                loses = [k for k in range(len(now)) if then[k] < now[k]]
                return SeatThreat(True, loses[0] if loses else holder, gains[0] if gains else option, count)
    return SeatThreat(None, holder, possible[0], _worst(low, high, possible[0], voters))


def _in(votes: Counts, option: int, threshold: Fraction) -> bool:
    return int(votes[option]) * threshold.denominator >= threshold.numerator * int(votes.sum())


def _with(votes: Counts, option: int, more: int, seats: int, threshold: Fraction) -> int:
    count = votes.copy()
    count[option] += more
    return most_seats(count, option, seats, threshold)


def _worst(low: Counts, high: Counts, option: int, voters: int) -> Counts:
    count = low.copy()
    count[option] = high[option] + voters
    return count


def _bound(count: Counts, room: Room, option: int, seats: int, threshold: Fraction) -> int:
    """No count gives the option more seats than this."""
    if not threshold:
        return most_seats(count, option, seats, threshold)
    if not _in(count, option, threshold):  # nowhere is its share higher
        return 0
    largest = int(room.high.sum()) + room.voters
    against = count.copy()
    for other in range(len(count)):
        below = int(room.low[other]) * threshold.denominator < threshold.numerator * largest
        if other != option and below:
            against[other] = 0
    return most_seats(against, option, seats, Fraction(0))


def _tried(low: Counts, high: Counts, option: int, voters: int) -> list[Counts]:
    """Counts that may give the option a seat: its best one, and those that keep one or all of the others small besides."""
    tried = [_worst(low, high, option, voters)]
    for other in range(len(low)):
        if other == option:
            continue
        count = high.copy()
        count[other] = low[other]
        count[option] += voters
        tried.append(count)
        count = _worst(low, high, option, 0)
        count[int(np.argmax(high))] += voters
        tried.append(count)
    return tried
