from __future__ import annotations

import polars as pl
import pytest

from audits.arithmetic import arithmetic
from audits.audit import AuditData

SUM = {"contest": "president", "sum": "options", "rule": "equal", "confirmed": True, "photo": "p1"}


def sums(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([SUM | row for row in rows])


def sheets(*rows: tuple[str, str, int | None, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "station_id": station,
                "contest": "president",
                "field": field,
                "value": value,
                "state": "blank" if value is None else "number",
                "confirmed": confirmed,
                "photo": "p" + station,
            }
            for station, field, value, confirmed in rows
        ]
    )


def test_the_written_numbers_are_in_the_sentence() -> None:
    result = arithmetic(AuditData(sums=sums({"station_id": "007", "left": 348, "right": 347})))
    row = result.flagged.row(0, named=True)
    assert row["evidence"] == "options: the parts make 348, the total written is 347."
    assert (row["station_id"], row["grade"], row["votes"], row["photo"]) == ("007", "B", 1, "p1")
    assert (result.statistic, result.n, result.effect_votes) == (1, 1, 1)


@pytest.mark.parametrize(
    ("rule", "left", "right", "flagged"),
    [
        ("equal", 5, 5, False),
        ("equal", 4, 5, True),
        ("equal", 5, 4, True),
        ("at-most", 5, 5, False),
        ("at-most", 4, 5, False),
        ("at-most", 6, 5, True),
        ("equal", 0, 0, False),
        ("equal", None, 5, False),
        ("at-most", 5, None, False),
    ],
)
def test_rules(rule: str, left: int | None, right: int | None, flagged: bool) -> None:
    frame = sums({"station_id": "1", "rule": rule, "left": left, "right": right}).cast(
        {"left": pl.Int64, "right": pl.Int64}
    )
    # what the table says about itself is not believed
    assert bool(arithmetic(AuditData(sums=frame.with_columns(holds=flagged))).flagged_stations) is flagged


def test_an_unconfirmed_sum_is_counted_but_never_flagged() -> None:
    result = arithmetic(AuditData(sums=sums({"station_id": "1", "left": 9, "right": 1, "confirmed": False})))
    assert not result.flagged_stations and result.n == 0 and result.statistic == 0
    assert result.parts["unconfirmed"] == {"examined": 1, "contradict": 1}


def test_two_broken_sums_of_one_sheet_are_one_sheet_and_its_largest_gap() -> None:
    frame = sums(
        {"station_id": "1", "left": 10, "right": 4},
        {"station_id": "1", "sum": "ballots", "left": 10, "right": 1},
    )
    result = arithmetic(AuditData(sums=frame))
    assert (result.statistic, result.n, result.effect_votes, result.flagged.height) == (1, 1, 9, 2)


def test_more_voters_than_the_list_only_where_there_is_one() -> None:
    frame = sheets(*((s, "voted", 300, True) for s in ("1", "2", "3", "4")))
    registered = pl.DataFrame({"station_id": ["1", "2", "3", "4"], "registered": [299, 300, 0, None]})
    result = arithmetic(AuditData(sheets=frame, counts=registered))
    assert result.flagged_stations == ["1"] and result.n == 2
    assert result.flagged["evidence"][0] == "voted: 300 is written, and the list has 299 people."


def test_the_sheets_own_confirmed_list_comes_before_the_register() -> None:
    register = pl.DataFrame({"station_id": ["1", "2"], "registered": [400, 400]})
    frame = sheets(
        ("1", "voted", 300, True), ("1", "registered", 250, True),
        ("2", "voted", 300, True), ("2", "registered", 250, False),
    )  # fmt: skip
    assert arithmetic(AuditData(sheets=frame, counts=register)).flagged_stations == ["1"]
    assert arithmetic(AuditData(sheets=frame)).flagged_stations == ["1"], "an unconfirmed list proves nothing"


def test_the_register_knows_every_list_and_who_has_none() -> None:
    register = pl.DataFrame(
        {"station_id": ["1", "2", "3"], "registered": [250, 20, 400], "has_list": [True, False, None]}
    )
    frame = sheets(
        ("1", "voted", 300, True),
        ("2", "voted", 300, True), ("2", "registered", 20, True),
        ("3", "voted", 300, True),
    )  # fmt: skip
    # The count names none of them: what is wrong on a sheet does not hang on what the authority published.
    counts = pl.DataFrame({"station_id": ["9"], "registered": [1]})
    result = arithmetic(AuditData(sheets=frame, counts=counts, register=register))
    assert result.flagged["evidence"].to_list() == ["voted: 300 is written, and the list has 250 people."]
    assert (result.flagged_stations, result.n) == (["1"], 2)


def test_an_unconfirmed_number_neither_flags_nor_hides_a_confirmed_one() -> None:
    register = pl.DataFrame({"station_id": ["1", "2"], "registered": [100, 100]})
    frame = sheets(
        ("1", "voted", 900, False), ("1", "cast", 101, True),
        ("2", "voted", 900, False), ("2", "cast", 99, True),
    )  # fmt: skip
    result = arithmetic(AuditData(sheets=frame, counts=register))
    assert result.flagged["evidence"].to_list() == ["cast: 101 is written, and the list has 100 people."]


def test_blank_is_not_zero_and_not_a_number() -> None:
    register = pl.DataFrame({"station_id": ["1"], "registered": [100]})
    assert arithmetic(AuditData(sheets=sheets(("1", "voted", None, True)), counts=register)).n == 0


def test_the_same_two_numbers_are_one_finding() -> None:
    frame = sheets(("1", "voted", 300, True), ("1", "registered", 250, True))
    at_most = sums(
        {"station_id": "1", "sum": "list", "rule": "at-most", "left": 300, "right": 250, "photo": "p1"}
    )
    assert arithmetic(AuditData(sheets=frame, sums=at_most)).flagged.height == 1


def test_base_rate_by_region() -> None:
    regions = pl.DataFrame({"station_id": ["1", "2", "3"], "region": ["N", "N", "S"]})
    frame = sums(
        {"station_id": "1", "left": 1, "right": 2},
        {"station_id": "2", "left": 1, "right": 1},
        {"station_id": "3", "left": 1, "right": 1},
        {"station_id": "4", "left": 1, "right": 1},
    )
    parts = arithmetic(AuditData(sums=frame, counts=regions)).parts
    assert (
        parts["region/N"].items()
        >= {"examined": 2, "contradict": 1, "rate": 0.5, "stands_out": False}.items()
    )
    assert parts["region/S"]["rate"] == 0 and parts["region/-"]["examined"] == 1
    assert parts["sum/options"] == {"examined": 4, "contradict": 1, "rate": 0.25}


def test_blank_totals_are_counted_where_the_sheet_has_numbers() -> None:
    frame = pl.concat(
        [
            sheets(*((s, "ana", 5, True) for s in ("1", "2", "3"))),
            sheets(
                ("1", "valid", None, True),
                ("2", "valid", 5, True),
                ("3", "valid", None, False),
                ("4", "valid", None, True),
            ),
        ]
    )
    result = arithmetic(AuditData(sheets=frame))
    assert result.parts["blank/valid"].items() >= {"examined": 2, "blank": 1, "rate": 0.5}.items()
    assert not result.flagged_stations
