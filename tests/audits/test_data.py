from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData
from tests.audits import elections


def small(**changes: list[object]) -> pl.DataFrame:
    return pl.DataFrame({"station_id": ["02", "01"], "registered": [5, 6], "ana": [1, None]} | changes)


def test_a_column_the_source_does_not_have_is_null_and_rows_are_sorted() -> None:
    data = AuditData(counts=small(), options=("ana", "beto"))
    assert data.counts["station_id"].to_list() == ["01", "02"]
    assert data.counts["voted"].dtype == pl.Int64 and data.counts["voted"].null_count() == 2
    assert data.count_options == ("ana",)
    assert data.missing("counts.voted") and not data.missing("counts.registered") and data.missing("sheets")


def test_unsigned_and_small_numbers_become_int64() -> None:
    frame = small().with_columns(pl.col("registered").cast(pl.UInt16))
    assert AuditData(counts=frame).counts["registered"].dtype == pl.Int64


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (small(station_id=[1, 2]), "station_id"),
        (small(station_id=["01", "01"]), "more than one row for 01"),
        (small(station_id=["01", None]), "is empty in 1 rows"),
        (small(registered=[5.5, 6.0]), "registered"),
        (small(ana=["1", "2"]), "ana"),
        (small().drop("station_id"), "no column 'station_id'"),
    ],
)
def test_bad_counts_are_refused_in_one_sentence(frame: pl.DataFrame, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        AuditData(counts=frame, options=("ana",))
    assert "\n" not in str(error.value)


def test_unknown_state_rule_and_repeated_option_are_refused() -> None:
    frame = elections.counts(np.random.default_rng(0), 3)
    with pytest.raises(ValueError, match="state"):
        AuditData(sheets=elections.sheets(frame).with_columns(state=pl.lit("perhaps")))
    with pytest.raises(ValueError, match="rule"):
        AuditData(sums=elections.sums(frame).with_columns(rule=pl.lit("less")))
    with pytest.raises(ValueError, match="twice"):
        AuditData(options=("ana", "ana"))
    with pytest.raises(ValueError, match="confirmed"):
        AuditData(filings=elections.filings(frame).drop("confirmed"))


def test_stations_are_counted_once_over_all_tables() -> None:
    assert elections.clean(np.random.default_rng(0), 7).stations == 7
    assert AuditData().stations == 0


def test_a_place_that_is_an_empty_text_is_not_known() -> None:
    data = AuditData(counts=pl.DataFrame({"station_id": ["1", "2", "3"], "place_id": ["", "p", None]}))
    assert data.counts is not None and data.counts["place_id"].to_list() == [None, "p", None]
