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

Rules (shares are of the valid votes, the sum of the options):

``plurality``          most votes win.
``absolute-majority``  more than half wins; else the first two go to a run-off.
``40-10``              more than half wins, or at least 40 % with 10 points more than the second (Bolivia, Constitution,
                       article 166; Ecuador, Constitution, article 143: *more* than 10 points); else a run-off. A lead
                       of exactly 10 points is never called safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from ocr.errors import CotejoError
from tabulate.pairs import BOTH, Counts, Pairs, pair

Answer = Literal["yes", "no", "cannot say"]
RULES = ("plurality", "absolute-majority", "40-10")
_RANK: dict[Answer, int] = {"no": 0, "cannot say": 1, "yes": 2}


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
        The rule; the first and the second on the right side, None if nobody has votes there.
    holder, rival
        Whose lead over whom decides in the worst case: the leader's, or the second's who goes to a run-off.
    margin
        The leader's votes less the runner-up's, on the right side.
    differing, open, open_voters
        Stations with different votes; stations without a number on both sides; the registered voters of these.
    swing_differing, swing_open
        By how many votes each can cut the lead of the holder over the rival.
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

    def to_json(self) -> dict[str, Any]:
        """As it stands under ``could_change_outcome``."""
        return dict(self.__dict__)


@dataclass(frozen=True, eq=False)
class _Ballots:
    """One contest: votes per option (arrays of the options' length), and what is open."""

    options: tuple[str, ...]
    stands: Counts  # as the right side has it, counted rows
    low: Counts  # lowest and highest over the stations with both numbers
    high: Counts
    alone_low: Counts  # the same, plus the open stations as the right side has them
    alone_high: Counts
    voters: int  # who may vote for anybody, in open stations
    open: int
    unbounded: int  # open stations without registered voters
    differing: int


def could_change_outcome(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    rule: str | Mapping[str, str] = "plurality",
    register: pl.DataFrame | None = None,
) -> Outcome:
    """Whether what two canonical counts frames disagree on could change the outcome of any contest in them.

    Parameters
    ----------
    left, right
        As for `tabulate.pairs.pair`; the right side is the authority's.
    rule
        One of `RULES`, or one for each contest.
    register
        ``station_id`` and ``registered``, and ``contest`` where stations vote in different ones. Its stations that
        neither side has are open too, and its registered voters are used where the counts have none.

    Returns
    -------
    Outcome
        Of the contest in which most could change, the first of them in alphabetical order.

    Raises
    ------
    CotejoError
        As `tabulate.pairs.pair`; and for an unknown rule or a register without these columns.
    """
    return worst(outcomes(pair(left, right), rule=rule, register=register))


def worst(found: list[Outcome]) -> Outcome:
    """The contest in which most could change."""
    return max(found, key=lambda outcome: _RANK[outcome.answer])


def outcomes(
    pairs: Pairs, *, rule: str | Mapping[str, str] = "plurality", register: pl.DataFrame | None = None
) -> list[Outcome]:
    """The same, for each contest in alphabetical order."""
    contests = pairs.keys.get_column("contest").unique().sort()
    if not contests.len():
        raise CotejoError("Neither count has a station; there is nothing to compare.")
    listed = None if register is None else _register(register)
    found = []
    for contest in contests:
        its_rule = rule if isinstance(rule, str) else rule.get(contest, "plurality")
        if its_rule not in RULES:
            raise CotejoError(f"There is no rule {its_rule!r}; known are {', '.join(RULES)}.")
        ballots = _ballots(pairs, contest, pairs.rows_of(contest), listed)
        found.append(_judge(contest, its_rule, ballots, pairs.one_sided.get(contest, ())))
    return found


def _register(register: pl.DataFrame) -> pl.DataFrame:
    if register.schema.get("station_id") != pl.String or "registered" not in register.columns:
        raise CotejoError("The register needs the columns station_id (text) and registered.")
    keys = ["station_id", *(["contest"] if "contest" in register.columns else [])]
    return register.select(*keys, pl.col("registered").cast(pl.Int64)).unique(
        keys, keep="first", maintain_order=True
    )


def _ballots(pairs: Pairs, contest: str, at: pl.Series, register: pl.DataFrame | None) -> _Ballots:
    options = pairs.options_of(at) or pairs.options
    sides = [
        side.select(options).rename(tag.__add__) for side, tag in ((pairs.left, "l:"), (pairs.right, "r:"))
    ]
    flags = pl.DataFrame(
        [
            pairs.mask(BOTH).alias("both"),
            pairs.counted_right.alias("counted"),
            (pairs.counted_left & pairs.counted_right & ~pairs.unknown).alias("heard"),
        ]
    )
    rows = pl.concat([*sides, flags], how="horizontal").select(pl.all().gather(at))
    ours, theirs = [pl.col(f"l:{name}") for name in options], [pl.col(f"r:{name}") for name in options]
    # An option without a number on either side, or none on one and 0 on the other, has no votes there that could be
    # argued about; but no number on one side against votes on the other says that we do not know them.
    agrees = [
        (a.is_not_null() & b.is_not_null()) | (pl.max_horizontal(a, b).fill_null(0) == 0)
        for a, b in zip(ours, theirs, strict=True)
    ]
    some = [pl.any_horizontal(vote.is_not_null() for vote in side) for side in (ours, theirs)]
    known = pl.all_horizontal("both", "heard", *some, *agrees)
    written = pl.max_horizontal(pl.sum_horizontal(ours), pl.sum_horizontal(theirs))
    rows = rows.with_columns(
        known.alias("known"),
        written.fill_null(0).alias("written"),
        _voters(pairs, at, register).alias("voters"),
    )
    shut, open_ = rows.filter("known"), rows.filter(~pl.col("known"))
    pairs_of = list(zip(ours, theirs, strict=True))
    low, high, stands, reported = (
        np.array([frame.select(votes.sum()).item() for votes in by_option], dtype=np.int64)
        for frame, by_option in (
            (shut, [pl.min_horizontal(pair_) for pair_ in pairs_of]),
            (shut, [pl.max_horizontal(pair_) for pair_ in pairs_of]),
            (shut, theirs),
            (open_.filter("counted"), theirs),
        )
    )
    unheard, unheard_unbounded, unheard_voters = _unheard(pairs, contest, register)
    return _Ballots(
        options=options,
        stands=stands + reported,
        low=low,
        high=high,
        alone_low=low + reported,
        alone_high=high + reported,
        voters=int(open_.select(pl.max_horizontal("voters", "written").sum()).item()) + unheard_voters,
        open=open_.height + unheard,
        unbounded=int((open_.get_column("voters") <= 0).sum()) + unheard_unbounded,
        differing=shut.filter(
            pl.any_horizontal(a.fill_null(0) != b.fill_null(0) for a, b in pairs_of)
        ).height,
    )


def _voters(pairs: Pairs, at: pl.Series, register: pl.DataFrame | None) -> pl.Series:
    """Registered voters of each row, 0 if unknown."""
    own = pairs.registered.gather(at).fill_null(0)
    if register is None:
        return own
    keys = [name for name in ("station_id", "contest") if name in register.columns]
    rows = pairs.keys.select(pl.col(keys).gather(at)).with_columns(own.alias("own"))
    listed = rows.join(register, on=keys, how="left", maintain_order="left")
    return listed.select(pl.max_horizontal("own", "registered").alias("voters")).to_series()


def _unheard(pairs: Pairs, contest: str, register: pl.DataFrame | None) -> tuple[int, int, int]:
    """Stations of the register that neither side has: how many, how many without voters, voters of the others."""
    if register is None:
        return 0, 0, 0
    mine = register.filter(pl.col("contest") == contest) if "contest" in register.columns else register
    here = pairs.keys.filter(pl.col("contest") == contest)
    voters = mine.join(here, on="station_id", how="anti").get_column("registered").fill_null(0)
    return voters.len(), int((voters <= 0).sum()), int(voters.clip(lower_bound=0).sum())


class _Threat(NamedTuple):
    """The worst count: whether the result is another one there, and whose lead over whom decides."""

    changes: bool
    holder: int
    rival: int
    worst: Counts


def _judge(contest: str, rule: str, ballots: _Ballots, one_sided: tuple[str, ...]) -> Outcome:
    stands, names = ballots.stands, ballots.options
    order = np.argsort(-stands, kind="stable")
    leader, second = int(order[0]), int(order[min(1, len(order) - 1)])
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
        if _threat(rule, stands, ballots.alone_low, ballots.alone_high, 0).changes and ballots.differing:
            alone = "yes"
        threat = _threat(rule, stands, ballots.low, ballots.high, ballots.voters)
        holder, rival = threat.holder, threat.rival
        answer = "yes" if threat.changes else "cannot say" if ballots.unbounded else "no"
        because = _because(rule, ballots, threat, answer, alone)
    reported = ballots.alone_low - ballots.low  # what the right side has in the open stations
    swing = stands[holder] - ballots.alone_low[holder] + ballots.alone_high[rival] - stands[rival]
    return Outcome(
        contest=contest,
        answer=answer,
        because=because,
        differing_alone=alone,
        rule=rule,
        leader=names[leader] if stands.any() else None,
        runner_up=names[second] if stands.any() and second != leader else None,
        margin=int(stands[leader] - stands[second]) if stands.any() and second != leader else None,
        holder=names[holder] if stands.any() else None,
        rival=names[rival] if stands.any() and rival != holder else None,
        differing=ballots.differing,
        open=ballots.open,
        open_voters=ballots.voters,
        swing_differing=int(swing),
        swing_open=int(reported[holder] - reported[rival]) + ballots.voters,
    )


def _threat(rule: str, stands: Counts, low: Counts, high: Counts, voters: int) -> _Threat:
    """The worst count there is: of those that change the result the first, else the one that comes nearest."""
    order = [int(at) for at in np.argsort(-stands, kind="stable")]
    first, others = order[0], order[1:]
    threats = []
    if rule == "plurality" or _wins(stands, first, rule):
        for rival in others:
            count = _count(high, {first: int(low[first])}, rival, voters)
            safe = (
                count[first] > count[rival] if rule == "plurality" else _wins(count, first, rule, surely=True)
            )
            threats.append(_Threat(not safe, first, rival, count))
    else:
        for rival in order:  # somebody could win outright
            count = _count(low, {rival: int(high[rival])}, rival, voters)
            threats.append(
                _Threat(_wins(count, rival, rule), others[0] if rival == first else first, rival, count)
            )
        for holder in order[:2]:  # or somebody else reach the run-off
            for rival in order[2:]:
                count = _count(high, {holder: int(low[holder])}, rival, voters)
                threats.append(_Threat(bool(count[holder] <= count[rival]), holder, rival, count))
    if not threats:  # one option and nobody to lose to
        return _Threat(False, first, first, low)
    return min(
        threats,
        key=lambda threat: (not threat.changes, threat.worst[threat.holder] - threat.worst[threat.rival]),
    )


def _count(base: Counts, but: Mapping[int, int], rival: int, voters: int) -> Counts:
    count = base.copy()
    for option, votes in but.items():
        count[option] = votes
    count[rival] += voters
    return count


def _wins(count: Counts, option: int, rule: str, *, surely: bool = False) -> bool:
    """Whether the option wins outright; `surely`: a lead of exactly 10 points is not enough."""
    votes, valid = int(count[option]), int(count.sum())
    if 2 * votes > valid:
        return True
    if rule != "40-10" or valid == 0:
        return False
    leads = [10 * (votes - int(other)) - valid for at, other in enumerate(count) if at != option]
    return 5 * votes >= 2 * valid and all(lead > 0 or (lead == 0 and not surely) for lead in leads)


def _because(rule: str, ballots: _Ballots, threat: _Threat, answer: Answer, alone: Answer) -> str:
    stands, names = ballots.stands, ballots.options
    holder, rival, worst_ = threat.holder, threat.rival, threat.worst
    order = np.argsort(-stands, kind="stable")
    first = int(order[0])
    open_ = []
    if ballots.differing:
        open_.append(f"{_stations(ballots.differing)} with different votes")
    if ballots.open:
        open_.append(
            f"{_stations(ballots.open)} without a counted number on both sides ({ballots.voters} voters)"
        )
    where = f"in the worst case over {' and '.join(open_)}"
    lead, left = int(stands[holder] - stands[rival]), int(worst_[holder] - worst_[rival])
    then = f"{names[holder]} would be {abs(left)} votes {'ahead of' if left > 0 else 'behind'} {names[rival]}"
    if left == 0:
        then = f"{names[holder]} and {names[rival]} would be level"
    if rule == "plurality":
        now = f"{names[holder]} leads {names[rival]} by {lead} votes"
    elif _wins(stands, first, rule):
        now = f"{names[first]} wins outright with {_share(stands, first)}, {_points(stands, first, rival)} {names[rival]}"
        then = f"it would have {_share(worst_, first)}, {_points(worst_, first, rival)} {names[rival]}"
    else:
        now = f"Nobody wins outright, {names[first]} ({_share(stands, first)}) and {names[int(order[1])]} go to a run-off"
        if rival in order[:2] or _wins(worst_, rival, rule):
            then = f"{names[rival]} would have {_share(worst_, rival)}"
    end = {
        "yes": "that could change the result",
        "no": "that cannot change the result",
        "cannot say": f"but for {_stations(ballots.unbounded)} no number of voters is known",
    }[answer]
    if answer == "yes" and alone == "no" and ballots.differing:
        end += "; the different votes alone could not"
    return f"{now}; {where} {then}: {end}."


def _stations(n: int) -> str:
    return "1 station" if n == 1 else f"{n} stations"


def _share(count: Counts, option: int) -> str:
    return f"{100 * int(count[option]) / max(1, int(count.sum())):.2f} % of the valid votes"


def _points(count: Counts, option: int, rival: int) -> str:
    points = 100 * int(count[option] - count[rival]) / max(1, int(count.sum()))
    return f"{abs(points):.2f} points {'ahead of' if points >= 0 else 'behind'}"
