"""Could what two counts disagree on change who wins? The worst case, exactly.

The right side is the authority's count, and its counted rows give the result as it stands. Against it stands every
count that the two documents leave open:

- Where both have a number for every option and some differ, each option may have either side's number.
- Where a station is on one side only, or a side does not count it, or lacks a number where the other has votes, or
  has one that cannot be read, all of its registered voters may have voted for any one option, and whatever was
  reported there may be wrong. Nothing written on both sides, or on one and 0 on the other, are no votes.
- A station without registered voters (no list, or none known) has no bound: unless the rest is enough already, the
  answer is ``cannot say``.

``no`` means that no such count gives another result; ``yes`` means that at least one does, not that it is likely.
For each rival there is one worst count (the winner's votes lowest, all others' highest, every open voter the rival's), so
nothing is approximated.

Rules are those of `tabulate.rules`. Beside the whole answer stands what each kind of open acta could do alone: those that the
authority shows and does not count (what stands written on them is told too), those that it counts without any number, those that
it has no numbers of, those that the left side shows and does not count, and those that it has no numbers of, or not all (for a
tally: not photographed, not read, not settled).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ocr.errors import CotejoError
from tabulate.ballots import Ballots, Kind, ballots_of, register_frame
from tabulate.pairs import Pairs, pair
from tabulate.reason import Answer, reason
from tabulate.rules import Rule, Threat, threat
from tabulate.seats import Room, distribution, seat_margin

Rules = str | Rule | Mapping[str, str | Rule]
_RANK: dict[Answer, int] = {"no": 0, "cannot say": 1, "yes": 2}


@dataclass(frozen=True)
class Open:
    """The open stations of one kind.

    Attributes
    ----------
    stations, voters
        How many, and how many may vote there, or have, where more votes are written.
    unbounded
        Of how many no number of voters is known.
    reported
        Option -> votes that the right side counts there.
    written
        Option -> votes that stand there on the right side without being counted.
    margin_as_written
        The leader's votes less the runner-up's, on the right side, if these votes were counted as they stand.
    alone
        The answer if nothing else were open and nothing differed.
    """

    stations: int
    voters: int
    unbounded: int
    reported: dict[str, int]
    written: dict[str, int]
    margin_as_written: int | None
    alone: Answer


@dataclass(frozen=True)
class Outcome:
    """Whether the differences could change the outcome of one contest.

    Attributes
    ----------
    answer, because
        The answer, and one sentence with its numbers.
    differing_alone
        The answer if every station that is open for another reason than a difference were as the right side has it.
    rule, leader, runner_up
        The rule; the first and the second on the right side, None if nobody has votes there. Where plurality gives several
        seats, the last who gets one and the first who does not.
    holder, rival
        Whose lead over whom decides in the worst case: the leader's, or the second's who goes to a run-off; with seats, who
        would lose one to whom.
    margin
        The leader's votes less the runner-up's, on the right side; with seats, how many votes more would move one.
    seats
        Option -> seats as the right side stands; None for the other rules.
    differing, open, open_voters
        Stations with different votes; stations without a number on both sides; the registered voters of these.
    swing_differing, swing_open
        By how many votes each can cut the lead of the holder over the rival.
    open_by_kind
        Kind -> `Open`.
    assumed_voters
        How many voters were taken for open stations of which no number is known; None if for none.
    """

    contest: str
    answer: Answer
    because: str
    differing_alone: Answer
    rule: str
    leader: str | None
    runner_up: str | None
    margin: int | None
    holder: str | None
    rival: str | None
    differing: int
    open: int
    open_voters: int
    swing_differing: int
    swing_open: int
    seats: dict[str, int] | None
    open_by_kind: dict[str, Open]
    assumed_voters: int | None

    def to_json(self) -> dict[str, Any]:
        """As it stands under ``could_change_outcome``."""
        return {**self.__dict__, "open_by_kind": {k: dict(o.__dict__) for k, o in self.open_by_kind.items()}}


def could_change_outcome(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    rule: Rules = "plurality",
    register: pl.DataFrame | None = None,
    most_voters: int | None = None,
) -> Outcome:
    """Whether what two canonical counts frames disagree on could change the outcome of any contest in them.

    Parameters
    ----------
    left, right
        As for `tabulate.pairs.pair`; the right side is the authority's.
    rule
        One of `tabulate.rules.RULES`, a `tabulate.rules.Rule`, or one for each contest.
    register
        ``station_id`` and ``registered``, and ``contest`` where stations vote in different ones. Its stations that
        neither side has are open too, and its registered voters are used where the counts have none.
    most_voters
        As many voters as a station may have by law, taken for each open one of which no number is known.

    Returns
    -------
    Outcome
        Of the contest in which most could change, the first of them in alphabetical order.

    Raises
    ------
    CotejoError
        As `tabulate.pairs.pair`; and for an unknown rule or a register without these columns.
    """
    return worst(outcomes(pair(left, right), rule=rule, register=register, most_voters=most_voters))


def worst(found: list[Outcome]) -> Outcome:
    """The contest in which most could change."""
    return max(found, key=lambda outcome: _RANK[outcome.answer])


def outcomes(
    pairs: Pairs,
    *,
    rule: Rules = "plurality",
    register: pl.DataFrame | None = None,
    most_voters: int | None = None,
) -> list[Outcome]:
    """The same, for each contest in alphabetical order."""
    contests = pairs.keys.get_column("contest").unique().sort()
    if not contests.len():
        raise CotejoError("Neither count has a station; there is nothing to compare.")
    listed = None if register is None else register_frame(register)
    found = []
    for contest in contests:
        its_rule = rule if isinstance(rule, str | Rule) else rule.get(contest, "plurality")
        its_rule = Rule(its_rule) if isinstance(its_rule, str) else its_rule
        ballots = ballots_of(pairs, contest, pairs.rows_of(contest), listed, most_voters)
        found.append(_judge(contest, its_rule, ballots, pairs.one_sided.get(contest, ()), most_voters))
    return found


def _judge(
    contest: str, rule: Rule, ballots: Ballots, one_sided: tuple[str, ...], most_voters: int | None
) -> Outcome:
    stands, names = ballots.stands, ballots.options
    order = np.argsort(-stands, kind="stable")
    last = min(rule.seats if rule.name == "plurality" else 1, len(order)) - 1
    leader, second = int(order[last]), int(order[min(last + 1, len(order) - 1)])
    answer: Answer = "no"
    alone: Answer = "no"
    holder, rival = leader, second
    if one_sided or not stands.any():
        answer = alone = "cannot say"
        because = "Nobody has counted votes on the right side."
        if one_sided:
            because = f"Only one side has votes for {', '.join(one_sided)}."
    elif not ballots.differing and not ballots.open:
        because = "The two counts have the same votes at every station."
    else:
        if ballots.differing:
            alone = _answer(threat(rule, stands, Room(ballots.alone_low, ballots.alone_high, 0)), 0)
        found = threat(rule, stands, Room(ballots.low, ballots.high, ballots.voters))
        holder, rival = found.holder, found.rival
        answer = _answer(found, ballots.unbounded)
        because = reason(rule, ballots, found, answer, alone)
    reported = ballots.alone_low - ballots.low  # what the right side has in the open stations
    swing = stands[holder] - ballots.alone_low[holder] + ballots.alone_high[rival] - stands[rival]
    margin = int(stands[leader] - stands[second]) if second != leader else None
    seats = None
    if rule.name == "dhondt" and stands.any():
        seats = dict(zip(names, distribution(stands, rule.seats, rule.threshold)[0], strict=True))
        nearest = seat_margin(stands, rule.seats, rule.threshold)
        margin = None if nearest is None else nearest[0]
    return Outcome(
        contest=contest,
        answer=answer,
        because=because,
        differing_alone=alone,
        rule=rule.name,
        leader=names[leader] if stands.any() else None,
        runner_up=names[second] if stands.any() and second != leader else None,
        margin=margin if stands.any() else None,
        holder=names[holder] if stands.any() else None,
        rival=names[rival] if stands.any() and rival != holder else None,
        differing=ballots.differing,
        open=ballots.open,
        open_voters=ballots.voters,
        swing_differing=int(swing),
        swing_open=int(reported[holder] - reported[rival]) + ballots.voters,
        seats=seats,
        open_by_kind={
            name: _judged(rule, ballots, kind, leader, second)
            for name, kind in ballots.kinds.items()
            if kind.stations
        },
        assumed_voters=most_voters,
    )


def _answer(found: Threat, unbounded: int) -> Answer:
    if found.changes:
        return "yes"
    return "cannot say" if unbounded or found.changes is None else "no"


def _judged(rule: Rule, ballots: Ballots, kind: Kind, leader: int, second: int) -> Open:
    stands, names = ballots.stands, ballots.options
    alone: Answer = "cannot say"
    margin = None
    if stands.any():
        base = stands - kind.reported
        alone = _answer(
            threat(rule, stands, Room(base, base, kind.voters)), 0 if ballots.assumed else kind.unbounded
        )
        counted = stands + kind.written
        margin = int(counted[leader] - counted[second]) if second != leader else None
    return Open(
        stations=kind.stations,
        voters=kind.voters,
        unbounded=kind.unbounded,
        reported=dict(zip(names, kind.reported.tolist(), strict=True)),
        written=dict(zip(names, kind.written.tolist(), strict=True)),
        margin_as_written=margin,
        alone=alone,
    )
