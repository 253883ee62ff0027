"""Could it change who wins? By hand, and against trying out every possible count."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.errors import CotejoError
from tabulate.outcome import Outcome, could_change_outcome
from tabulate.rules import OUTRIGHT

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


def test_exactly_ten_points_are_enough_in_bolivia_and_not_in_ecuador() -> None:
    """Bolivia: al menos diez por ciento; Ecuador: una diferencia mayor de diez puntos."""
    right = {"1": (450, 350, 200, 2000)}  # exactly 10.0 points
    left = {"1": (450, 350, 199, 2000)}  # 10.01 points
    assert judge(left, right, "40-10").answer == "no"  # A wins either way
    found = judge(left, right, "40-over-10")
    assert found.answer == "yes"  # a run-off as it stands; A might win
    assert found.because.startswith(
        "Nobody wins outright, A (45.00 % of the valid votes) and B go to a run-off"
    )
    # One point less than 40 % is a run-off in both.
    low = {"1": (399, 200, 401, 2000)}
    assert judge(low, {"1": (399, 200, 401, 2000)}, "40-10").leader == "C"
    # 40 % exactly, 20 points ahead, is enough in both.
    forty = {"1": (400, 200, 200, 200, 2000)}
    for rule in ("40-10", "40-over-10"):
        assert judge(forty, {"1": (400, 200, 200, 201, 2000)}, rule).answer == "yes"  # 39.96 %
        assert judge({"1": (400, 200, 200, 199, 2000)}, forty, rule).answer == "no"


def test_argentina() -> None:
    """More than 45 %, or 40 % and more than 10 points: articles 97 and 98 of its Constitution."""
    rule = "45-40-10"
    # 451 of 1000 wins though the second is 2 points behind; 450 does not.
    right = {"1": (451, 431, 118, 2000)}
    assert judge({"1": (451, 430, 118, 2000)}, right, rule).answer == "no"
    found = judge({"1": (450, 431, 118, 2000)}, right, rule)  # 450 of 999 is 45.05 %
    assert found.answer == "no"
    assert judge({"1": (450, 432, 118, 2000)}, right, rule).answer == "yes"  # 450 of 1000
    # 44 % and 10 points exactly are not enough, 10.1 are.
    assert judge({"1": (440, 340, 220, 2000)}, {"1": (440, 339, 221, 2000)}, rule).answer == "yes"
    # Both may have more than 45 %: then the first of them wins.
    right = {"1": (500, 470, 30, 2000)}
    found = judge({"1": (480, 490, 30, 2000)}, right, rule)
    assert found.answer == "yes"
    # Half is not needed: 46 % against 30 % cannot be turned by 20 votes.
    assert judge({"1": (460, 320, 240, 2000)}, {"1": (460, 300, 240, 2000)}, rule).answer == "no"


def test_the_missing_actas_alone_can_turn_each_rule() -> None:
    """One station that nobody has, with voters enough; with one voter less nothing changes."""
    cases = {
        "plurality": ((500, 400, 100), 100),  # B level with A
        "absolute-majority": ((520, 300, 180), 40),  # 520 of 1040 is not more than half
        "40-10": ((450, 300, 250), 46),  # 450 − 346 = 104 < 104.6; with 45: 105 > 104.5
        "40-over-10": ((450, 300, 250), 46),
        "45-40-10": ((460, 400, 140), 23),  # 460 of 1023 is 44.97 %; 460 of 1022 is 45.01 %
    }
    for rule, (votes, needed) in cases.items():
        stations = {"1": (*votes, 2000)}
        for voters, answer in ((needed, "yes"), (needed - 1, "no")):
            register = pl.DataFrame({"station_id": ["1", "2"], "registered": [2000, voters]})
            found = judge(stations, stations, rule, register=register)
            assert (rule, voters, found.answer) == (rule, voters, answer)
            kind = found.open_by_kind["missing_right"]
            assert (kind.stations, kind.voters, kind.alone) == (1, voters, answer)
            assert found.differing == 0


def test_each_kind_of_open_acta_is_judged_alone() -> None:
    """Captured and not counted, never captured, and not on the left: three bounds beside the whole."""
    right = frame(
        {
            "1": (1000, 900, 3000),
            "2": (10, 70, 90),  # captured, not counted
            "3": (None, None, 60),  # never captured
            "4": (20, 5, 50),  # only the authority has it
        }
    ).with_columns(~pl.col("station_id").is_in(["2", "3"]).alias("counted"))
    right = right.with_columns(counted=~pl.col("station_id").is_in(["2", "3"]))
    left = right.filter(pl.col("station_id") != "4")
    found = could_change_outcome(left, right)
    kinds = found.open_by_kind
    assert found.margin == 1020 - 905
    assert {name: (k.stations, k.voters, k.alone) for name, k in kinds.items()} == {
        "not_counted": (1, 90, "no"),  # 115 − 90
        "missing_right": (1, 60, "no"),
        "missing_left": (1, 50, "no"),  # 115 − 15 − 50
    }
    assert kinds["not_counted"].written == {"A": 10, "B": 70}
    assert kinds["not_counted"].margin_as_written == 115 - 60
    assert (found.answer, found.open_voters, found.swing_open) == ("yes", 200, 215)  # all together can


def test_an_acta_that_the_left_shows_and_does_not_count_is_not_one_without_numbers() -> None:
    """Peru's observed actas stand in the earlier file with their votes: "no numbers" would be a wrong word."""
    right = frame({"1": (1000, 900, 3000), "2": (20, 5, 50), "3": (20, 5, 40)})
    left = frame({"1": (1000, 900, 3000), "2": (25, 0, 50), "3": (None, None, 40)})
    left = left.with_columns(counted=pl.col("station_id") == "1")
    kinds = could_change_outcome(left, right).open_by_kind
    assert {name: (k.stations, k.voters) for name, k in kinds.items()} == {
        "not_counted_left": (1, 50),
        "missing_left": (1, 40),
    }


def test_the_most_voters_that_the_law_allows_bound_what_is_not_known() -> None:
    left, right = {"1": (1000, 500, 2000)}, {"1": (1000, 500, 2000), "2": (None, None, None)}
    assert judge(left, right).answer == "cannot say"
    found = could_change_outcome(frame(left), frame(right), most_voters=499)
    assert (found.answer, found.open_voters, found.assumed_voters) == ("no", 499, 499)
    assert could_change_outcome(frame(left), frame(right), most_voters=500).answer == "yes"


def test_nobody_has_votes() -> None:
    found = judge({"1": (5, 4, 10)}, {"1": (None, None, 10)})
    assert (found.answer, found.leader, found.margin) == ("cannot say", None, None)


def test_one_option_has_nobody_to_lose_to() -> None:
    assert judge({"1": (5, 10)}, {"1": (4, 10)}).answer == "no"


# Every possible count, tried out. Written from the rules, not from the program.


def result(votes: tuple[int, ...], rule: str) -> frozenset[int] | None:
    """Who wins, or who goes to the run-off; None when a tie leaves it open."""
    order = sorted(range(len(votes)), key=lambda i: -votes[i])
    first, second = votes[order[0]], votes[order[1]]
    valid = sum(votes)
    lead = 100 * (first - second) - 10 * valid
    if rule == "plurality":
        return frozenset(order[:1]) if first > second else None
    outright = {
        "absolute-majority": 2 * first > valid,
        "40-10": 2 * first > valid or (100 * first >= 40 * valid > 0 and lead >= 0),
        "40-over-10": 2 * first > valid or (100 * first >= 40 * valid and lead > 0),
        "45-40-10": (100 * first > 45 * valid and first > second) or (100 * first >= 40 * valid and lead > 0),
    }
    if outright[rule]:
        return frozenset(order[:1])
    return frozenset(order[:2]) if second > votes[order[2]] else None


def shares(voters: int, options: int) -> list[tuple[int, ...]]:
    """All votes that `voters` people can give, not all of whom need vote."""
    return [v for v in itertools.product(range(voters + 1), repeat=options) if sum(v) <= voters]


votes = st.integers(0, 12)
station = st.tuples(votes, votes, votes)


@settings(max_examples=400, deadline=None)
@given(
    base=st.tuples(*[st.integers(0, 40)] * 3),
    left=st.lists(station, max_size=1),
    right=station,
    open_=st.one_of(st.none(), st.tuples(station, st.integers(1, 4))),
    rule=st.sampled_from(["plurality", *OUTRIGHT]),
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
    changes = any(result(c, rule) is None or result(c, rule) != result(total, rule) for c in counts)
    assert found.answer == ("no" if nothing_open or not changes else "yes")
