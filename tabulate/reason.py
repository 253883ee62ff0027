"""The sentence that says why an outcome could change, or could not."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tabulate.ballots import Ballots
from tabulate.pairs import Counts
from tabulate.rules import Rule, Threat, wins
from tabulate.seats import distribution

Answer = Literal["yes", "no", "cannot say"]


def reason(rule: Rule, ballots: Ballots, threat: Threat, answer: Answer, alone: Answer) -> str:
    """The answer's sentence: how it stands, the worst case, and what follows.

    Parameters
    ----------
    threat
        The worst case.
    answer, alone
        The answer, and that for the different votes alone.
    """
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
    if rule.name == "plurality":
        now = f"{names[holder]} leads {names[rival]} by {lead} votes"
    elif rule.name == "dhondt":
        now, then = _seats(rule, ballots, threat)
    elif wins(stands, first, rule.name):
        now = f"{names[first]} wins outright with {_share(stands, first)}, {_points(stands, first, rival)} {names[rival]}"
        then = f"it would have {_share(worst_, first)}, {_points(worst_, first, rival)} {names[rival]}"
    else:
        now = f"Nobody wins outright, {names[first]} ({_share(stands, first)}) and {names[int(order[1])]} go to a run-off"
        if rival in order[:2] or wins(worst_, rival, rule.name):
            then = f"{names[rival]} would have {_share(worst_, rival)}"
    end = {
        "yes": "that could change the result",
        "no": "that cannot change the result",
        "cannot say": f"but for {_stations(ballots.unbounded)} no number of voters is known",
    }[answer]
    if answer == "cannot say" and not ballots.unbounded:
        end = "a bound does not exclude another result, and no count that gives one was found"
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


def _seats(rule: Rule, ballots: Ballots, threat: Threat) -> tuple[str, str]:
    """How the seats stand, and in the worst case."""
    now, _ = distribution(ballots.stands, rule.seats, rule.threshold)
    then, tie = distribution(threat.worst, rule.seats, rule.threshold)
    told = [
        ", ".join(f"{name} {n}" for name, n in zip(ballots.options, seats, strict=True) if n)
        for seats in (now, then)
    ]
    level = " and a tie for the last" if tie else ""
    return f"The {rule.seats} seats are {told[0]}", f"they would be {told[1]}{level}"
