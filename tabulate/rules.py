"""How a contest is won, and the worst count for its result. Pure arithmetic on votes; shares are of the sum of the options.

=====================  =========================================================================================
``plurality``          most votes win; with N seats, the N options with most votes
``absolute-majority``  more than half wins; else the first two go to a run-off
``40-10``              more than half, or at least 40 % and at least 10 points more than the second (Bolivia,
                       Constitution of 2009, article 166: *al menos diez por ciento*); else a run-off
``40-over-10``         more than half, or at least 40 % and *more than* 10 points more (Ecuador, Constitution of
                       2008, article 143: *una diferencia mayor de diez puntos porcentuales*); else a run-off
``45-40-10``           more than 45 %, or at least 40 % and more than 10 points more (Argentina, Constitution,
                       articles 97 and 98); else a run-off
``dhondt``             seats by highest averages: `tabulate.seats`
=====================  =========================================================================================

*Fifty per cent plus one* is taken as more than half. A law that counts blank ballots as valid (Colombia, article 190) needs
them as an option.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ocr.errors import CotejoError
from tabulate.pairs import Counts
from tabulate.seats import Room, seat_threat


class Outright(NamedTuple):
    """Wins in the first round with more than `more_than`, or with `least` and `lead` over the second."""

    more_than: Fraction
    least: Fraction | None = None
    lead: Fraction | None = None
    lead_reached: bool = False  # whether exactly `lead` is enough


_HALF, _FORTY, _TEN = Fraction(1, 2), Fraction(2, 5), Fraction(1, 10)
OUTRIGHT: Mapping[str, Outright] = {
    "absolute-majority": Outright(_HALF),
    "40-10": Outright(_HALF, _FORTY, _TEN, lead_reached=True),
    "40-over-10": Outright(_HALF, _FORTY, _TEN),
    "45-40-10": Outright(Fraction(9, 20), _FORTY, _TEN),
}
RULES = ("plurality", *OUTRIGHT, "dhondt")


@dataclass(frozen=True)
class Rule:
    """A contest's own rule.

    Attributes
    ----------
    name
        One of `RULES`.
    seats
        How many are distributed; only ``dhondt`` and ``plurality`` may have more than one.
    threshold
        The share of the valid votes that an option needs for a seat, 0 to 1.
    """

    name: str = "plurality"
    seats: int = 1
    threshold: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        """Refuse what is no rule."""
        if self.name not in RULES:
            raise CotejoError(f"There is no rule {self.name!r}; known are {', '.join(RULES)}.")
        if self.seats < 1 or (self.seats > 1 and self.name in OUTRIGHT):
            raise CotejoError(
                f"The rule {self.name!r} cannot give {self.seats} seats; name dhondt or plurality, or 1 seat."
            )
        if not 0 <= self.threshold < 1:
            raise CotejoError(f"A threshold of {self.threshold} is no share; write 0.05 for 5 %.")


def share(text: str) -> Fraction:
    """A share from its text, such as 0.05 or 1/20.

    Raises
    ------
    CotejoError
        If it is no number.
    """
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise CotejoError(f"A threshold of {text!r} is no share; write 0.05 for 5 %.") from None


class Threat(NamedTuple):
    """The worst count: whether the result is another one there, and whose lead over whom decides.

    ``changes`` is None where neither could be shown: `tabulate.seats.seat_threat`.
    """

    changes: bool | None
    holder: int
    rival: int
    worst: Counts


def threat(rule: Rule, stands: Counts, room: Room) -> Threat:
    """The worst count there is: of those that change the result the first, else the one that comes nearest.

    Parameters
    ----------
    stands
        Votes per option as the result stands.
    room
        What may still change.
    """
    low, high, voters = room
    if rule.name == "dhondt":
        return Threat(*seat_threat(stands, room, rule.seats, rule.threshold))
    order = [int(at) for at in np.argsort(-stands, kind="stable")]
    first, others = order[0], order[1:]
    threats = []
    if rule.name == "plurality":
        for holder in order[: rule.seats]:
            for rival in order[rule.seats :]:
                count = _count(high, {holder: int(low[holder])}, rival, voters)
                threats.append(Threat(bool(count[holder] <= count[rival]), holder, rival, count))
    elif wins(stands, first, rule.name):
        for rival in others:
            count = _count(high, {first: int(low[first])}, rival, voters)
            threats.append(Threat(not wins(count, first, rule.name), first, rival, count))
    else:
        for rival in order:  # somebody could win outright
            count = _count(low, {rival: int(high[rival])}, rival, voters)
            threats.append(
                Threat(wins(count, rival, rule.name), others[0] if rival == first else first, rival, count)
            )
        for holder in order[:2]:  # or somebody else reach the run-off
            for rival in order[2:]:
                count = _count(high, {holder: int(low[holder])}, rival, voters)
                threats.append(Threat(bool(count[holder] <= count[rival]), holder, rival, count))
    if not threats:  # one option and nobody to lose to
        return Threat(False, first, first, low)
    return min(threats, key=lambda t: (not t.changes, t.worst[t.holder] - t.worst[t.rival]))


def wins(count: Counts, option: int, rule: str) -> bool:
    """Whether the option wins outright, by one of `OUTRIGHT`."""
    how = OUTRIGHT[rule]
    votes, valid = int(count[option]), int(count.sum())
    second = max((int(v) for at, v in enumerate(count) if at != option), default=0)
    if votes > how.more_than * valid and votes > second:  # two may have more than 45 %
        return True
    if how.least is None or how.lead is None or valid == 0 or votes < how.least * valid:
        return False
    lead = votes - second - how.lead * valid
    return lead > 0 or (lead == 0 and how.lead_reached)


def _count(base: Counts, but: Mapping[int, int], rival: int, voters: int) -> Counts:
    count = base.copy()
    for option, votes in but.items():
        count[option] = votes
    count[rival] += voters
    return count
