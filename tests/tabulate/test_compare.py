"""Two counts side by side: every cause by hand, nothing is never zero, and the known differences of Bolivia 2019."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.errors import CotejoError
from tabulate.causes import CAUSES
from tabulate.compare import compare
from tabulate.official import read_official

Row = Mapping[str, object]


def frame(*rows: Row) -> pl.DataFrame:
    """Counts; a name that a row leaves out is null."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    kinds = {name: pl.String if name in ("station_id", "contest") else pl.Int64 for name in names}
    return pl.DataFrame([{name: row.get(name) for name in names} for row in rows], schema=kinds)


def causes_of(left: Row, right: Row, *more: Row) -> list[str]:
    """The causes at the one station; `more` are further stations, the same on both sides."""
    found = compare(
        frame({"station_id": "1", **left}, *more), frame({"station_id": "1", **right}, *more)
    ).stations
    return list(found.filter(pl.col("station_id") == "1").item(0, "causes"))


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"A": 141, "B": 7}, {"A": 114, "B": 7}, ["transposed-digits"]),
        ({"A": 5, "B": 7}, {"A": 50, "B": 7}, ["transposed-digits"]),  # 05 and 50
        ({"A": 123, "B": 7}, {"A": 321, "B": 7}, ["transposed-digits"]),
        ({"A": 123, "B": 7}, {"A": 312, "B": 7}, ["unexplained"]),  # three digits moved
        ({"A": 141, "B": 7}, {"A": 147, "B": 7}, ["one-digit"]),
        ({"A": 41, "B": 7}, {"A": 141, "B": 7}, ["one-digit"]),  # 041 and 141
        ({"A": 141, "B": 7}, {"A": 158, "B": 7}, ["unexplained"]),
        ({"A": 141, "B": 7}, {"A": 7, "B": 141}, ["swapped-options"]),
        ({"A": 141, "B": 7}, {"A": 7, "B": 140}, ["unexplained"]),  # not to the last vote
        ({"A": 10, "B": 20, "C": 30, "D": 0}, {"A": 0, "B": 10, "C": 20, "D": 30}, ["shifted-column"]),
        ({"A": 0, "B": 10, "C": 20, "D": 30}, {"A": 10, "B": 20, "C": 30, "D": 0}, ["shifted-column"]),
        ({"A": 9, "B": 10, "C": 20}, {"A": 0, "B": 9, "C": 10}, ["shifted-column"]),  # 20 fell off the end
        (
            {"A": 10, "B": 20, "C": 5, "D": 8},
            {"A": 0, "B": 10, "C": 20, "D": 8},
            ["unexplained"],
        ),  # 5 is lost
        # One value a row off is two options exchanged as well.
        ({"A": 10, "B": 0, "C": 7}, {"A": 0, "B": 10, "C": 7}, ["swapped-options", "shifted-column"]),
        (
            {"A": 10, "B": 20, "C": 30, "D": 40},
            {"A": 10, "B": 30, "C": 40, "D": 0},
            ["shifted-column"],
        ),  # skipped
        (
            {"A": 10, "B": 20, "C": 30, "D": 40},
            {"A": 40, "B": 10, "C": 20, "D": 30},
            ["shifted-column"],
        ),  # round
        # Equal neighbours hide that they moved: the last 7 fell off.
        ({"A": 1, "B": 2, "C": 7, "D": 7}, {"A": 0, "B": 1, "C": 2, "D": 7}, ["shifted-column"]),
        ({"A": 141, "B": 27}, {"A": 114, "B": 72}, ["unexplained"]),  # two slips are none
    ],
)
def test_each_cause_is_named_only_if_it_gives_the_difference(
    left: Row, right: Row, expected: list[str]
) -> None:
    assert causes_of(left, right) == expected


def test_a_total_may_follow_its_parts() -> None:
    left = {"A": 141, "B": 7, "blank": 2, "null": 3, "valid": 148, "cast": 153}
    assert causes_of(left, {**left, "A": 114}) == ["transposed-digits"]
    assert causes_of(left, {**left, "A": 114, "valid": 121, "cast": 126}) == ["transposed-digits"]
    assert causes_of(left, {**left, "A": 114, "valid": 121}) == ["transposed-digits"]
    assert causes_of(left, {**left, "A": 114, "valid": 122}) == ["unexplained"]
    assert causes_of(left, {**left, "A": 7, "B": 141, "cast": 150}) == ["unexplained"]


def test_a_blank_part_belongs_to_cast_and_not_to_valid() -> None:
    left = {"A": 10, "B": 7, "blank": 14, "null": 3, "valid": 17, "cast": 34}
    assert causes_of(left, {**left, "blank": 41, "cast": 61}) == ["transposed-digits"]
    assert causes_of(left, {**left, "blank": 41, "valid": 44}) == ["unexplained"]


def test_only_the_total_differs() -> None:
    left = {"A": 10, "B": 7, "valid": 17}
    assert causes_of(left, {**left, "valid": 99}) == ["only-total"]


def test_nothing_is_not_zero() -> None:
    other = {"station_id": "2", "A": 1, "B": 1}
    left, right = {"A": 10, "B": None}, {"A": 10, "B": 0}
    assert causes_of(left, right, other) == ["blank-as-zero"]
    assert causes_of(right, left, other) == ["blank-as-zero"]
    assert causes_of({"A": 10, "B": None}, {"A": 10, "B": 5}, other) == ["missing-left"]
    assert causes_of({"A": 10, "B": 5}, {"A": None, "B": None}, other) == ["missing-right"]
    assert causes_of({"A": None, "B": None}, {"A": None, "B": None}, other) == []
    found = compare(frame({"station_id": "1", **left}), frame({"station_id": "1", **right}))
    assert found.fields.rows() == [("1", "", "B", None, 0, None)]
    assert found.to_json()["differing"] == 1
    assert found.net == {"": {"A": 0, "B": 0}}


def test_several_causes_can_fit() -> None:
    """5 | 50 against 50 | 5 is an exchange only; 12 against 21 in one of two equal rows stays one."""
    assert causes_of({"A": 0, "B": 10, "C": 20}, {"A": 10, "B": 20, "C": 0}) == ["shifted-column"]
    assert causes_of({"A": 10, "B": 10, "C": 0}, {"A": 0, "B": 10, "C": 10}) == [
        "swapped-options",
        "shifted-column",
    ]


def test_stations_on_one_side_only() -> None:
    found = compare(
        frame({"station_id": "1", "A": 1}, {"station_id": "2", "A": 2}),
        frame({"station_id": "2", "A": 2}, {"station_id": "3", "A": 3}),
    )
    rows = found.stations.select("station_id", "which", "n_differing", "causes").rows()
    assert rows == [
        ("1", "only_left", 0, ["missing-right"]),
        ("2", "both", 0, []),
        ("3", "only_right", 0, ["missing-left"]),
    ]
    document = found.to_json()
    assert {name: document[name] for name in ("stations", "both", "equal", "differing", "only_left", "only_right")} == {
        "stations": 3, "both": 1, "equal": 1, "differing": 0, "only_left": 1, "only_right": 1,
    }  # fmt: skip
    assert document["net"] == {"A": 0}  # only stations on both sides
    assert document["causes"] == {"missing-left": 1, "missing-right": 1}


def test_a_pending_acta_that_is_annulled_later_had_no_numbers() -> None:
    """Zeros that are not counted, then null votes alone (Peru 2021): nothing stood on the left."""
    left = frame({"station_id": "1", "A": 0, "B": 0, "blank": 0, "null": 0}).with_columns(
        counted=pl.lit(False)
    )
    right = frame({"station_id": "1", "A": 0, "B": 0, "blank": 0, "null": 96}).with_columns(
        counted=pl.lit(True)
    )
    assert "missing-left" in compare(left, right).stations.item(0, "causes")
    counted = left.with_columns(counted=pl.lit(True))  # a counted acta of zeros has numbers
    assert "missing-left" not in compare(counted, right).stations.item(0, "causes")


def test_a_row_without_numbers_is_no_count() -> None:
    """A pending acta is not different from its tally: the authority has nothing yet."""
    left = frame(
        {"station_id": "1", "A": 1, "B": 0},
        {"station_id": "2", "A": 2, "B": 0},
        {"station_id": "3", "A": None},
    )
    right = frame(
        {"station_id": "1", "A": 1, "B": 0}, {"station_id": "2", "A": None}, {"station_id": "3", "A": None}
    )
    found = compare(left, right.with_columns(pl.lit(9).alias("registered")))
    assert found.stations.select("station_id", "which", "causes").rows() == [
        ("1", "both", []),
        ("2", "only_left", ["missing-right"]),
        ("3", "both", []),
    ]
    assert found.to_json()["differing"] == 0
    assert found.outcomes[0].open == 2


def test_net_is_right_minus_left_and_gross_adds_up() -> None:
    found = compare(
        frame(
            {"station_id": "1", "A": 10, "B": 5, "blank": 1}, {"station_id": "2", "A": 10, "B": 5, "blank": 1}
        ),
        frame(
            {"station_id": "1", "A": 13, "B": 5, "blank": 0}, {"station_id": "2", "A": 9, "B": 5, "blank": 1}
        ),
    ).to_json()
    assert found["net"] == {"A": 2, "B": 0}
    assert found["gross"] == 4
    assert found["fields"] == {"A": 2, "blank": 1}
    assert [row["station_id"] for row in found["differing_stations"]] == ["1", "2"]


def test_what_one_side_lacks_is_not_compared_and_said() -> None:
    found = compare(
        frame({"station_id": "1", "A": 1, "valid": 1, "registered": 9}),
        frame({"station_id": "1", "A": 1, "blank": 0, "registered": 8}),
    )
    document = found.to_json()
    assert document["not_compared"]["valid"] == "absent on the right"
    assert document["not_compared"]["blank"] == "absent on the left"
    assert document["compared"] == ["A", "registered"]
    assert document["differing"] == 0  # a corrected list is no different count
    assert document["fields"] == {"registered": 1}


def test_an_option_of_one_side_only_is_said() -> None:
    found = compare(frame({"station_id": "1", "A": 1, "B": 2}), frame({"station_id": "1", "A": 1, "C": 2}))
    assert found.not_compared["B"] == "an option of the left side only"
    assert found.not_compared["C"] == "an option of the right side only"
    assert found.outcomes[0].answer == "cannot say"


def test_contests_are_compared_apart() -> None:
    left = frame(
        {"station_id": "1", "contest": "mayor", "A": 10, "B": 5},
        {"station_id": "1", "contest": "council", "X": 3, "Y": 8},
    )
    right = left.with_columns(
        pl.when(pl.col("contest") == "mayor").then(12).otherwise(pl.col("A")).alias("A")
    )
    document = compare(left, right, rule={"mayor": "absolute-majority"}).to_json()
    assert document["differing"] == 0 + 1
    assert document["contests"]["mayor"]["net"] == {"A": 2, "B": 0}
    assert document["contests"]["council"]["net"] == {"X": 0, "Y": 0}
    assert document["contests"]["council"]["could_change_outcome"]["rule"] == "plurality"
    assert document["contests"]["mayor"]["could_change_outcome"]["rule"] == "absolute-majority"


def test_votes_of_two_contests_are_never_added_up() -> None:
    """An option's id in both contests is two things; another's needs no name before it."""
    left = frame(
        {"station_id": "1", "contest": "mayor", "A": 5, "B": 5},
        {"station_id": "1", "contest": "council", "A": 5, "C": 5},
    )
    right = frame(
        {"station_id": "1", "contest": "mayor", "A": 6, "B": 4},
        {"station_id": "1", "contest": "council", "A": 4, "C": 6},
    )
    document = compare(left, right).to_json()
    assert document["net"] == {"mayor/A": 1, "B": -1, "council/A": -1, "C": 1}
    assert document["gross"] == 4
    one = compare(left.filter(contest="mayor"), right.filter(contest="mayor")).to_json()
    assert one["net"] == {"A": 1, "B": -1}


def test_an_unnamed_contest_is_the_only_one_of_the_other_side() -> None:
    left, right = frame({"station_id": "1", "A": 1}), frame({"station_id": "1", "contest": "mayor", "A": 1})
    assert compare(left, right).to_json()["both"] == 1
    assert compare(right, left).to_json()["both"] == 1
    two = pl.concat([right, right.with_columns(pl.lit("council").alias("contest"))])
    with pytest.raises(CotejoError, match="2 contests"):
        compare(left, two)


def test_ids_are_text_and_keep_their_zeros() -> None:
    with pytest.raises(CotejoError, match="never a number"):
        compare(pl.DataFrame({"station_id": [1], "A": [1]}), frame({"station_id": "1", "A": 1}))
    found = compare(frame({"station_id": "01", "A": 1}), frame({"station_id": "1", "A": 1}))
    assert found.to_json()["both"] == 0


def test_bad_frames_are_refused_with_the_station() -> None:
    good = frame({"station_id": "1", "A": 1})
    with pytest.raises(CotejoError, match="left count names station 1 more than once"):
        compare(pl.concat([good, good]), good)
    with pytest.raises(CotejoError, match="right count has a negative number in A at station 1"):
        compare(good, frame({"station_id": "1", "A": -1}))
    with pytest.raises(CotejoError, match="no option in common"):
        compare(good, frame({"station_id": "1", "B": 1}))
    with pytest.raises(CotejoError, match="no rule 'borda'"):
        compare(good, good, rule="borda")
    with pytest.raises(CotejoError, match="nothing to compare"):
        compare(good.clear(), good.clear())


def test_stations_that_only_one_side_counts_are_counted() -> None:
    left = frame({"station_id": "1", "A": 1}).with_columns(pl.lit(False).alias("counted"))
    right = frame({"station_id": "1", "A": 1}).with_columns(pl.lit(True).alias("counted"))
    assert compare(left, right).to_json()["counted_changed"] == 1


numbers = st.one_of(st.none(), st.integers(0, 400))
rows = st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(rows, rows)
def test_comparing_is_symmetric_and_complete(
    left: list[tuple[int | None, ...]], right: list[tuple[int | None, ...]]
) -> None:
    """Turned around, everything but the sign stays; every difference has a cause; order of rows is of no account."""

    def counts(values: list[tuple[int | None, ...]]) -> pl.DataFrame:
        return frame(
            *[
                {"station_id": str(i), "A": a, "B": b, "C": c, "null": d}
                for i, (a, b, c, d) in enumerate(values)
            ]
        )

    one, other = compare(counts(left), counts(right)), compare(counts(right), counts(left))
    assert one.net[""] == {name: -votes for name, votes in other.net[""].items()}
    assert one.gross == other.gross
    mirrored = {"missing-left": "missing-right", "missing-right": "missing-left"}
    for mine, theirs in zip(
        one.stations.iter_rows(named=True), other.stations.iter_rows(named=True), strict=True
    ):
        assert set(mine["causes"]) <= {*CAUSES, "unexplained"}
        assert bool(mine["causes"]) == (mine["n_differing"] > 0 or mine["which"] != "both")
        assert {mirrored.get(c, c) for c in mine["causes"]} == set(theirs["causes"])
    shuffled = compare(counts(left).reverse(), counts(right).sample(fraction=1, shuffle=True, seed=1))
    assert json.dumps(shuffled.to_json()) == json.dumps(one.to_json())


@pytest.mark.parametrize(
    ("name", "differing", "only_final"),
    [("trep - acta.2019.10.20.19.40.57.csv", 549, 5580), ("trep - acta.2019.10.21.18.29.53.csv", 706, 1749)],
)
def test_bolivia_2019_has_the_known_differences(
    real_data: Path, name: str, differing: int, only_final: int
) -> None:
    folder = real_data / "official" / "bo-2019"
    final = read_official(folder / "final_computo.csv").counts
    found = compare(read_official(folder / name).counts, final, rule="40-10")
    document = found.to_json()
    assert document["differing"] == len(document["differing_stations"]) == differing
    assert document["only_left"] == 0
    assert document["only_right"] == only_final
    assert document["margin"] == 2889359 - 2240920
    assert document["could_change_outcome"]["differing_alone"] == "no"
    if differing == 549:
        known = json.loads((real_data / "reference" / "bolivia2019_late_counted.json").read_text())[
            "trep_vs_computo"
        ]
        assert document["both"] == known["common"]
        assert document["differing"] == known["actas_any_diff"]
        assert document["net"]["MAS - IPSP"] == known["MAS_net_change"]
        assert document["net"]["CC"] == known["CC_net_change"]
