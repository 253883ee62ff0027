"""Seats by D'Hondt: by hand, and against dividing and sorting; the worst case against trying out every count."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.errors import CotejoError
from tabulate.outcome import could_change_outcome
from tabulate.rules import Rule
from tabulate.seats import Room, distribution, seat_margin, seat_threat


def sorted_quotients(votes: tuple[int, ...], seats: int, threshold: Fraction) -> tuple[int, ...] | None:
    """The seats, by writing down all quotients and sorting them; None where a tie leaves it open."""
    valid = sum(votes)
    quotients = sorted(
        ((Fraction(v, d), k) for k, v in enumerate(votes) for d in range(1, seats + 1) if v > 0 and v >= threshold * valid),
        reverse=True,
    )  # fmt: skip
    if len(quotients) > seats and quotients[seats - 1][0] == quotients[seats][0]:
        if quotients[seats - 1][1] != quotients[seats][1]:
            return None
        raise AssertionError("an option's own quotients are never level")
    won = [k for _, k in quotients[:seats]]
    return tuple(won.count(k) for k in range(len(votes)))


def test_by_hand() -> None:
    """Votes 340, 280, 160, 60 and 7 seats: 340 280 170 160 140 113.3 93.3 win, and 85 is the next."""
    votes = np.array([340, 280, 160, 60])
    assert distribution(votes, 7, Fraction(0)) == ([3, 3, 1, 0], False)
    # The last seat is B's third, 280 / 3 = 93.33. A needs 4 × 93.33 = 373.3: 34 more; C needs 187: 27; D needs 94: 34.
    assert seat_margin(votes, 7, Fraction(0)) == (27, 2, 1)


def test_a_threshold_keeps_a_list_out() -> None:
    votes = np.array([600, 350, 50])
    assert distribution(votes, 20, Fraction(0))[0] == [12, 7, 1]
    assert distribution(votes, 20, Fraction(5, 100))[0] == [12, 7, 1]  # at least 5 %
    assert distribution(votes, 20, Fraction(6, 100))[0] == [13, 7, 0]


def test_the_missing_actas_alone_can_move_a_seat() -> None:
    """As above, C needs 27 votes more for a tie: a missing acta with 27 voters could move a seat, with 26 none."""
    stations = pl.DataFrame(
        {"station_id": ["1"], "A": [340], "B": [280], "C": [160], "D": [60], "registered": [2000]}
    )
    rule = Rule("dhondt", 7)
    for voters, answer in ((27, "yes"), (26, "no")):
        register = pl.DataFrame({"station_id": ["1", "2"], "registered": [2000, voters]})
        found = could_change_outcome(stations, stations, rule=rule, register=register)
        assert (found.answer, found.margin, found.seats) == (answer, 27, {"A": 3, "B": 3, "C": 1, "D": 0})
        assert (found.holder, found.rival) == ("B", "C")
    assert found.because == (
        "The 7 seats are A 3, B 3, C 1; in the worst case over 1 station without a counted number on both sides "
        "(26 voters) they would be A 3, B 3, C 1: that cannot change the result."
    )


def test_differences_can_move_a_seat() -> None:
    right = pl.DataFrame({"station_id": ["1"], "A": [340], "B": [280], "C": [160], "D": [60]})
    left = right.with_columns(C=pl.lit(188))
    assert could_change_outcome(left, right, rule=Rule("dhondt", 7)).differing_alone == "yes"
    assert (
        could_change_outcome(right.with_columns(C=pl.lit(186)), right, rule=Rule("dhondt", 7)).answer == "no"
    )


def test_several_seats_by_plurality_go_to_the_first() -> None:
    """Three seats, A 50, B 40, C 30, D 20: C's is the one to lose, and D needs 10 for a tie."""
    stations = pl.DataFrame(
        {"station_id": ["1"], "A": [50], "B": [40], "C": [30], "D": [20], "registered": [200]}
    )
    for voters, answer in ((10, "yes"), (9, "no")):
        register = pl.DataFrame({"station_id": ["1", "2"], "registered": [200, voters]})
        found = could_change_outcome(stations, stations, rule=Rule("plurality", 3), register=register)
        assert (found.answer, found.leader, found.runner_up, found.margin) == (answer, "C", "D", 10)


def test_rules_that_are_none() -> None:
    with pytest.raises(CotejoError, match="2 seats"):
        Rule("40-10", 2)
    with pytest.raises(CotejoError, match="no share"):
        Rule("dhondt", 5, Fraction(5))


small = st.integers(0, 9)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(small, small), min_size=2, max_size=4),
    st.integers(0, 5),
    st.integers(1, 6),
    st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 5)]),
)
def test_the_worst_case_is_that_of_trying_out_every_count(
    pairs: list[tuple[int, int]], voters: int, seats: int, threshold: Fraction
) -> None:
    low, high = np.array([min(p) for p in pairs]), np.array([max(p) for p in pairs])
    stands = np.array([p[1] for p in pairs])
    if not stands.any():
        return
    before = sorted_quotients(tuple(stands.tolist()), seats, threshold)
    least, tie = distribution(stands, seats, threshold)
    assert tie == (before is None)
    assert tie or tuple(least) == before
    more = [m for m in itertools.product(range(voters + 1), repeat=len(pairs)) if sum(m) <= voters]
    counts = {
        tuple(a + b for a, b in zip(base, m, strict=True))
        for base in itertools.product(*[sorted({int(a), int(b)}) for a, b in pairs])
        for m in more
    }
    changes = before is None or any(sorted_quotients(c, seats, threshold) != before for c in counts)
    found = seat_threat(stands, Room(low, high, voters), seats, threshold).changes
    if threshold:  # proven either way, or neither
        assert found is None or found == changes
    else:
        assert found == changes
