"""What all differences do together: who gains, and whether errors help one side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from audits.symmetry import NULL, SignTest, sign_test
from tabulate.pairs import BOTH, Pairs


@dataclass(frozen=True)
class Effect:
    """The differences of one contest, added up.

    Attributes
    ----------
    left, right
        Option -> votes over the rows that the side counts; what appeared and disappeared is in them.
    lead
        The test of what the differences do to the leader's votes less the runner-up's (of the right side); None if there
        are not two.
    options
        The same for each option's votes.
    pvalue
        The smallest p-value of the options times their number: the one answer to whether errors help somebody.
    margin
        As in `tabulate.outcome.Outcome`.
    """

    contest: str
    left: dict[str, int]
    right: dict[str, int]
    lead: SignTest | None
    options: dict[str, SignTest]
    pvalue: float | None
    margin: int | None
    leader: str | None
    runner_up: str | None

    def to_json(self) -> dict[str, Any]:
        """As it stands under ``gain``, ``share_of_margin`` and ``sign_symmetry``."""
        gross = sum(t.gross for t in self.options.values())
        lead = self.lead
        return {
            "gain": {
                "left": self.left,
                "right": self.right,
                "difference": {name: self.right[name] - self.left[name] for name in self.left},
            },
            "share_of_margin": None
            if lead is None or not self.margin
            else {"lead_net": round(abs(lead.net) / self.margin, 9), "gross": round(gross / self.margin, 9)},
            "sign_symmetry": {
                "null": NULL,
                "pvalue": None if self.pvalue is None else round(self.pvalue, 9),
                "lead": None
                if lead is None
                else {"leader": self.leader, "runner_up": self.runner_up, **lead.to_json()},
                "options": {name: test.to_json() for name, test in self.options.items()},
            },
        }


def effect(
    pairs: Pairs, contest: str, leader: str | None, runner_up: str | None, margin: int | None
) -> Effect:
    """Add up the differences of a contest.

    Parameters
    ----------
    leader, runner_up, margin
        Of the right side, as `tabulate.outcome.outcomes` has them.

    Notes
    -----
    A station counts in a test if both sides have a number there.
    """
    at = pairs.rows_of(contest)
    options = pairs.options_of(at) or pairs.options
    both = pairs.mask(BOTH).gather(at)
    left, right = (side.select(pl.col(options).gather(at)) for side in (pairs.left, pairs.right))
    change = (right - left).filter(both)
    # An option with the same number everywhere has nothing to test.
    tests = {name: sign_test(change.get_column(name).drop_nulls().to_numpy()) for name in options}
    moved = [t for t in tests.values() if t.stations]
    known = [t.pvalue for t in moved if t.pvalue is not None]
    lead = None
    if leader is not None and runner_up is not None:
        lead = sign_test((change.get_column(leader) - change.get_column(runner_up)).drop_nulls().to_numpy())
    sums = [
        side.filter(counted.gather(at)).select(pl.all().sum()).row(0, named=True)
        for side, counted in ((left, pairs.counted_left), (right, pairs.counted_right))
    ]
    return Effect(
        contest=contest,
        left={name: int(votes) for name, votes in sums[0].items()},
        right={name: int(votes) for name, votes in sums[1].items()},
        lead=lead,
        options=tests,
        pvalue=min(1.0, min(known) * len(moved)) if known else None,
        margin=margin,
        leader=leader,
        runner_up=runner_up,
    )
