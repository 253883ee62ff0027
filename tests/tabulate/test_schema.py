"""The contract of the house: every table is complete, documented and checked."""

from __future__ import annotations

import dataframely as dy
import polars as pl
import pytest

from tabulate import schema


@pytest.mark.parametrize("name", schema.TABLES)
def test_every_table_is_described(name: str) -> None:
    table = schema.TABLES[name]
    assert table.__doc__ and table.primary_key()
    assert all(c.description for c in table.columns().values())
    assert schema.conform(name, schema.empty(name)).columns == schema.columns(name)
    text = schema.markdown()
    assert f"## {name}" in text
    assert all(f"{column}" in text for column in schema.columns(name))


def sums(**changes: object) -> pl.DataFrame:
    row = {
        "station_id": "007",
        "contest": "president",
        "sum": "valid",
        "rule": "equal",
        "left": 3,
        "right": 3,
        "holds": True,
        "difference": 0,
        "evidence": True,
        "confirmed": True,
    }
    return pl.DataFrame([row | changes], schema_overrides={"left": pl.Int64})


def test_rows_are_sorted_and_station_ids_keep_their_zeros() -> None:
    frame = pl.concat([sums(), sums(station_id="0010"), sums(station_id="001")])
    assert schema.conform("tally_sums", frame)["station_id"].to_list() == ["001", "0010", "007"]


def test_a_rule_that_is_broken_is_seen() -> None:
    for broken in (sums(rule="more"), pl.concat([sums(), sums(holds=False)])):
        with pytest.raises(dy.exc.ValidationError):
            schema.conform("tally_sums", broken)


@pytest.mark.parametrize(
    ("value", "state", "fine"),
    [(0, "number", True), (None, "number", False), (0, "blank", False), (None, "blank", True)],
)
def test_zero_is_a_number_and_blank_is_none(value: int | None, state: str, fine: bool) -> None:
    row = {
        "snapshot": "s001",
        "station_id": "1",
        "contest": "c",
        "field": "sol",
        "role": "option",
        "option": "sol",
        "value": value,
        "state": state,
        "raw": None,
    }
    frame = pl.DataFrame([row], schema_overrides={"value": pl.Int64, "raw": pl.String})
    assert schema.TABLES["official_fields"].is_valid(frame) is fine


def test_floats_are_rounded_to_nine_digits() -> None:
    frame = schema.empty("register")
    row = pl.DataFrame(
        [
            dict.fromkeys(frame.columns)
            | {"station_id": "1", "has_list": True, "active": True, "seq": 1, "latitude": 1 / 3}
        ],
        schema=frame.schema,
    )
    assert schema.conform("register", row)["latitude"].to_list() == [0.333333333]
