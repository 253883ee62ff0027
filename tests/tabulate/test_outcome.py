"""Could it change who wins? By hand, and against trying out every possible count."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.errors import CotejoError
from tabulate.outcome import RULES, Outcome, could_change_outcome

Stations = Mapping[str, tuple[int | None, ...]]
"""Station -> votes of A, B, C, … and, last, registered voters."""


def frame(stations: Stations) -> pl.DataFrame:
    n = len(next(iter(stations.values()))) - 1
    names = ["ABCDEF"[i] for i in range(n)]
    data = {"station_id": list(stations)}
    columns = {name: [row[i] for row in stations.values()] for i, name in enumerate([*names, "registered"])}
    return pl.DataFrame(data | columns, schema={"station_id": pl.String, **dict.fromkeys(columns, pl.Int64)})


def judge(left: Stations, right: Stations, rule: str = "plurality", **options: pl.DataFrame) -> Outcome:
    return could_change_outcome(frame(left), frame(right), rule=rule, **options)


def test_differences_smaller_than_the_margin_change_nothing() -> None:
    # A leads by 1100 − 1000 = 100. At station 2 A has 80 or 100 and B 100 or 120: at most 40 of the lead go.
    same = (1000, 900, 2500)
    found = judge({"1": same, "2": (80, 120, 300)}, {"1": same, "2": (100, 100, 300)})
    assert (found.answer, found.margin, found.swing_differing) == ("no", 100, 40)
    assert found.because == (
        "A leads B by 100 votes; in the worst case over 1 station with different votes "
        "A would be 60 votes ahead of B: that cannot change the result."
    )


def test_the_worst_case_takes_each_number_by_itself() -> None:
    # A leads by 30. Left gives A more (120), but B more too (140): A 100 against B 140 is what must be feared.
    found = judge(
        {"1": (1000, 970, 9999), "2": (120, 140, 300)}, {"1": (1000, 970, 9999), "2": (100, 100, 300)}
    )
    assert (found.margin, found.swing_differing, found.answer) == (30, 40, "yes")


def test_a_tie_is_another_result() -> None:
    right = {"1": (110, 100, 300)}
    assert judge({"1": (110, 109, 300)}, right).answer == "no"
    assert judge({"1": (110, 110, 300)}, right).answer == "yes"


def test_equal_counts_change_nothing_however_close() -> None:
    found = judge({"1": (100, 100, 300)}, {"1": (100, 100, 300)})
    assert (found.answer, found.margin) == ("no", 0)
    assert found.because == "The two counts have the same votes at every station."


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_station_on_one_side_is_bounded_by_its_registered_voters(side: str) -> None:
    # Station 1: A leads by 500. Station 2 is on one side only and has 400 voters, 100 of whom chose A there.
    one, other = {"1": (1000, 500, 2000)}, {"1": (1000, 500, 2000), "2": (100, 0, 400)}
    found = judge(other, one) if side == "left" else judge(one, other)
    assert found.open == 1
    assert found.open_voters == 400
    assert found.swing_open == (400 if side == "left" else 500)  # reported votes for A may be wrong too
    assert found.answer == "no"  # 500 − 400, or 600 − 500: 100 votes are left
    # 500 voters are enough for a tie.
    one["1"], other["1"], other["2"] = (1000, 500, 2000), (1000, 500, 2000), (100, 0, 500)
    found = judge(other, one) if side == "left" else judge(one, other)
    assert found.answer == "yes"
    assert "1 station without a counted number on both sides (500 voters)" in found.because


def test_a_station_that_the_authority_does_not_count_is_open() -> None:
    stations = {"1": (1000, 500, 2000), "2": (10, 10, 600)}
    right = frame(stations).with_columns((pl.col("station_id") == "1").alias("counted"))
    found = could_change_outcome(frame(stations), right)
    assert (found.open, found.margin, found.answer) == (1, 500, "yes")


def test_a_station_without_a_number_on_a_side_is_open() -> None:
    found = judge(
        {"1": (1000, 500, 2000), "2": (10, None, 300)}, {"1": (1000, 500, 2000), "2": (10, 10, 300)}
    )
    assert (found.open, found.differing, found.swing_open, found.answer) == (1, 0, 300, "no")


@pytest.mark.parametrize("none", [None, 0])
def test_an_option_without_votes_on_both_sides_leaves_the_station_known(none: int | None) -> None:
    # Station 2 has no number for C on the left, and none or 0 on the right: nothing there is in question.
    left = {"1": (1000, 990, 5, 2000), "2": (10, 5, None, 300)}
    right = {"1": (1000, 990, 5, 2000), "2": (10, 5, none, 300)}
    for one, other in ((left, right), (right, left)):
        found = judge(one, other)
        assert (found.open, found.differing, found.answer) == (0, 0, "no")
        assert found.because == "The two counts have the same votes at every station."
    # Against votes it is in question, and so is an acta of which no vote is known at all.
    right["2"] = (10, 5, 3, 300)
    assert judge(left, right).open == judge(right, left).open == 1
    left["2"], right["2"] = (None, None, None, 300), (none, none, none, 300)
    assert judge(left, right).open == judge(right, left).open == 1


def test_a_number_that_cannot_be_read_opens_the_station_even_against_0() -> None:
    stations = {"1": (1000, 990, 2000), "2": (10, None, 300)}
    right = {"1": (1000, 990, 2000), "2": (10, 0, 300)}
    assert judge(stations, right).answer == "no"
    left = frame(stations).with_columns((pl.col("station_id") == "2").alias("unknown"))
    found = could_change_outcome(left, frame(right))
    assert (found.open, found.answer) == (1, "yes")


@pytest.mark.parametrize("side", [0, 1])
def test_an_acta_that_one_side_does_not_count_is_open(side: int) -> None:
    stations = {"1": (1000, 500, 2000), "2": (10, 10, 300)}
    sides = [frame(stations), frame(stations)]
    sides[side] = sides[side].with_columns((pl.col("station_id") == "1").alias("counted"))
    assert could_change_outcome(*sides).open == 1


@pytest.mark.parametrize("registered", [None, 0])
def test_without_registered_voters_nobody_can_say(registered: int | None) -> None:
    left, right = {"1": (1000, 500, 2000)}, {"1": (1000, 500, 2000), "2": (100, 90, registered)}
    found = judge(left, right)
    assert found.answer == "cannot say"
    assert found.because.endswith("but for 1 station no number of voters is known.")
    assert found.differing_alone == "no"
    # The votes that were reported there are a bound from below: with 700 of them the answer is known.
    assert judge(left, {"1": (1000, 500, 2000), "2": (100, 600, registered)}).answer == "yes"


def test_the_register_bounds_what_the_counts_do_not() -> None:
    left, right = {"1": (1000, 500, 2000)}, {"1": (1000, 500, 2000), "2": (100, 90, None)}
    register = pl.DataFrame({"station_id": ["1", "2"], "registered": [2000, 250]})
    assert judge(left, right, register=register).answer == "no"
    # A station that neither side has is open as well.
    more = pl.concat([register, pl.DataFrame({"station_id": ["3"], "registered": [5000]})])
    found = judge(left, right, register=more)
    assert (found.answer, found.open, found.open_voters) == ("yes", 2, 5250)
    with pytest.raises(CotejoError, match="station_id"):
        judge(left, right, register=register.drop("registered"))


def test_differences_alone_and_open_stations_are_told_apart() -> None:
    left = {"1": (1000, 500, 2000), "2": (90, 100, 300)}
    found = judge(left, {"1": (1000, 500, 2000), "2": (100, 90, 300), "3": (0, 0, 900)})
    assert (found.answer, found.differing_alone) == ("yes", "no")
    assert found.because.endswith("that could change the result; the different votes alone could not.")


def test_absolute_majority() -> None:
    rule = "absolute-majority"
    # A has 520 of 1000. 20 votes of A's that may be missing: 500 of 980 is more than half.
    assert judge({"1": (500, 300, 180, 2000)}, {"1": (520, 300, 180, 2000)}, rule).answer == "no"
    # 20 that may be B's: 500 of 1000 is not.
    found = judge({"1": (500, 320, 180, 2000)}, {"1": (520, 300, 180, 2000)}, rule)
    assert found.answer == "yes"
    assert found.because == (
        "A wins outright with 52.00 % of the valid votes, 22.00 points ahead of B; in the worst case over 1 station "
        "with different votes it would have 50.00 % of the valid votes, 18.00 points ahead of B: "
        "that could change the result."
    )


def test_a_run_off_has_two_ways_to_change() -> None:
    rule = "absolute-majority"
    # A 450, B 300, C 250: run-off A–B.
    right = {"1": (450, 300, 250, 2000)}
    assert judge({"1": (450, 300, 299, 2000)}, right, rule).answer == "no"
    assert judge({"1": (450, 300, 300, 2000)}, right, rule).answer == "yes"  # C could be second
    assert judge({"1": (550, 300, 250, 2000)}, right, rule).answer == "no"  # 550 of 1100 is half
    found = judge({"1": (551, 300, 250, 2000)}, right, rule)  # A could win outright
    assert found.answer == "yes"
    assert found.because.startswith(
        "Nobody wins outright, A (45.00 % of the valid votes) and B go to a run-off; "
    )
    assert (
        judge({"1": (300, 450, 250, 2000)}, right, rule).answer == "no"
    )  # who is first of the two does not matter


def test_forty_and_ten() -> None:
    rule = "40-10"
    # A 450, B 300, C 250 of 1000: 45 %, 15 points ahead. B may have 345: 450 − 345 = 105 > 104.5.
    right = {"1": (450, 300, 250, 2000)}
    assert judge({"1": (450, 345, 250, 2000)}, right, rule).answer == "no"
    # B may have 346: 104 < 104.6.
    assert judge({"1": (450, 346, 250, 2000)}, right, rule).answer == "yes"
    # A may have 400 and C nothing less: 400 of 950 is 42.1 % and 10.5 points ahead; 395 is 10.05; 394 is not 10.
    assert judge({"1": (395, 300, 250, 2000)}, right, rule).answer == "no"
    assert judge({"1": (394, 300, 250, 2000)}, right, rule).answer == "yes"
    # 41 % and 9 points: a run-off, unless B may have 30 votes fewer: 410 of 970 is 42.3 %, 12.4 points ahead.
    right = {"1": (410, 320, 270, 2000)}
    assert judge({"1": (410, 319, 270, 2000)}, right, rule).answer == "no"
    assert judge({"1": (410, 290, 270, 2000)}, right, rule).answer == "yes"


def test_exactly_ten_points_are_never_called_safe() -> None:
    right = {"1": (450, 350, 200, 2000)}  # 10.0 points: enough in Bolivia, not in Ecuador
    assert judge({"1": (450, 350, 199, 2000)}, right, "40-10").answer == "yes"


def test_nobody_has_votes() -> None:
    found = judge({"1": (5, 4, 10)}, {"1": (None, None, 10)})
    assert (found.answer, found.leader, found.margin) == ("cannot say", None, None)


def test_one_option_has_nobody_to_lose_to() -> None:
    assert judge({"1": (5, 10)}, {"1": (4, 10)}).answer == "no"


# Every possible count, tried out. Written from the rules, not from the program.


def result(votes: tuple[int, ...], rule: str, ten_is_enough: bool) -> frozenset[int] | None:
    """Who wins, or who goes to the run-off; None when a tie leaves it open."""
    order = sorted(range(len(votes)), key=lambda i: -votes[i])
    first, second = votes[order[0]], votes[order[1]]
    valid = sum(votes)
    if rule == "plurality":
        return frozenset(order[:1]) if first > second else None
    if 2 * first > valid:
        return frozenset(order[:1])
    if rule == "40-10" and 100 * first >= 40 * valid and valid:
        lead = 100 * (first - second) - 10 * valid
        if lead > 0 or (lead == 0 and ten_is_enough):
            return frozenset(order[:1])
    return frozenset(order[:2]) if second > votes[order[2]] else None


def shares(voters: int, options: int) -> list[tuple[int, ...]]:
    """All votes that `voters` people can give, not all of whom need vote."""
    return [v for v in itertools.product(range(voters + 1), repeat=options) if sum(v) <= voters]


votes = st.integers(0, 12)
station = st.tuples(votes, votes, votes)


@settings(max_examples=250, deadline=None)
@given(
    base=st.tuples(*[st.integers(0, 40)] * 3),
    left=st.lists(station, max_size=1),
    right=station,
    open_=st.one_of(st.none(), st.tuples(station, st.integers(1, 4))),
    rule=st.sampled_from(RULES),
)
def test_the_answer_is_that_of_trying_out_every_count(
    base: tuple[int, ...],
    left: list[tuple[int, ...]],
    right: tuple[int, ...],
    open_: tuple[tuple[int, ...], int] | None,
    rule: str,
) -> None:
    ours: dict[str, tuple[int, ...]] = {"base": (*base, 999)}
    theirs: dict[str, tuple[int, ...]] = {"base": (*base, 999)}
    stands = [list(base)]
    choices: list[list[tuple[int, ...]]] = [[base]]
    if left:
        ours["x"], theirs["x"] = (*left[0], 99), (*right, 99)
        stands.append(list(right))
        choices.append(list(itertools.product(*[(a, b) for a, b in zip(left[0], right, strict=True)])))
    if open_:
        reported, voters = tuple(min(v, 1) for v in open_[0]), open_[1] + 3
        theirs["y"] = (*reported, voters)
        stands.append(list(reported))
        choices.append(shares(voters, 3))
    total = tuple(map(sum, zip(*stands, strict=True)))
    found = judge(ours, theirs, rule)
    if not any(total):
        assert found.answer == "cannot say"
        return
    nothing_open = not open_ and (not left or left[0] == right)
    counts = {tuple(map(sum, zip(*count, strict=True))) for count in itertools.product(*choices)}
    # With 10 points exactly the two countries differ, and the program must not call that safe for either.
    changes = any(
        result(count, rule, enough) is None or result(count, rule, enough) != result(total, rule, True)
        for count in counts
        for enough in (True, False)
    )
    assert found.answer == ("no" if nothing_open or not changes else "yes")
