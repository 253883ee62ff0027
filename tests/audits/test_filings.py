from __future__ import annotations

import polars as pl
import pytest

from audits.audit import AuditData
from audits.filings import filings

SCHEMA = {"photo": pl.String, "station_claimed": pl.String, "station_read": pl.String} | dict.fromkeys(
    ("in_register", "confirmed"), pl.Boolean
)


def table(*rows: tuple[str, str | None, str | None, bool, bool]) -> AuditData:
    return AuditData(filings=pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def test_one_photo_for_two_stations() -> None:
    result = filings(
        table(("a", "1", "1", True, True), ("a", "2", None, True, False), ("b", "3", "3", True, True))
    )
    assert result.flagged_stations == ["1", "2"]
    assert set(result.flagged["evidence"]) == {"One photo is filed for 2 stations: 1, 2."}
    assert set(result.flagged["grade"]) == {"A"}
    assert (result.statistic, result.n) == (1, 2)


def test_the_code_of_another_station() -> None:
    result = filings(table(("a", "0012", "0013", True, True)))
    assert result.flagged["evidence"].to_list() == [
        "The photo is filed for station 0012, and the sheet in it carries the code of station 0013."
    ]


def test_an_unconfirmed_code_is_counted_but_not_flagged() -> None:
    result = filings(table(("a", "1", "2", True, False)))
    assert not result.flagged_stations
    assert result.parts["another station's code, unconfirmed"] == {"photos": 1}


@pytest.mark.parametrize(
    ("claimed", "read", "confirmed", "flagged"),
    [("9", None, False, ["9"]), (None, "9", True, ["9"]), (None, "9", False, []), (None, None, True, [])],
)
def test_not_in_the_register_is_grade_b(
    claimed: str | None, read: str | None, confirmed: bool, flagged: list[str]
) -> None:
    result = filings(table(("a", claimed, read, False, confirmed)))
    assert result.flagged_stations == flagged
    assert set(result.flagged["grade"]) <= {"B"}


def test_ordinary_filings_are_silent() -> None:
    assert not filings(
        table(("a", "1", "1", True, True), ("b", "2", None, True, False), ("c", None, "3", True, True))
    ).flagged_stations


def pages(*rows: tuple[str, int, str | None, str | None]) -> AuditData:
    schema = {"photo": pl.String, "page": pl.Int64, "station_claimed": pl.String, "station_read": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return AuditData(
        filings=frame.with_columns(in_register=True, confirmed=pl.col("station_read").is_not_null())
    )


def test_a_later_page_of_another_station_is_seen() -> None:
    result = filings(pages(("a", 1, "1", "1"), ("a", 2, "1", "2")))
    assert result.flagged["evidence"].to_list() == [
        "The photo is filed for station 1, and the sheet in it carries the code of station 2."
    ]


def test_a_file_of_two_sheets_filed_for_both_is_silent() -> None:
    both = [("a", page, station, read) for page, read in ((1, "1"), (2, "2")) for station in ("1", "2")]
    assert filings(pages(*both)).flagged_stations == []
    assert filings(pages(*both, ("a", 3, "1", None), ("a", 3, "2", None))).flagged_stations == []
    assert filings(pages(*both[:2])).flagged_stations == ["1", "2"], "station 2 is on no page"
