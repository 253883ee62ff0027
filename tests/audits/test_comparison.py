from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData
from audits.comparison import comparison


def pairs(*rows: tuple[str, str, int | None, int | None], **columns: object) -> pl.DataFrame:
    frame = pl.DataFrame(
        rows,
        schema={"station_id": pl.String, "field": pl.String, "left": pl.Int64, "right": pl.Int64},
        orient="row",
    )
    values = {"contest": "president", "confirmed": True, "photo": "p"} | columns
    return frame.with_columns(**{name: pl.lit(value) for name, value in values.items()})


def differing(differences: list[int]) -> AuditData:
    frame = pairs(*((f"{i:04d}", "ana", 100 + d, 100) for i, d in enumerate(differences)))
    return AuditData(comparison=frame, options=("ana",))


def test_the_two_records_are_in_the_sentence() -> None:
    result = comparison(AuditData(comparison=pairs(("007", "ana", 141, 114), cause=["transposed"])))
    row = result.flagged.row(0, named=True)
    assert row["evidence"] == "ana: the sheet says 141, the official record says 114 (transposed)."
    assert (row["station_id"], row["field"], row["grade"], row["votes"], row["photo"]) == (
        "007",
        "ana",
        "A",
        27,
        "p",
    )
    assert result.parts["cause/transposed"] == {"actas": 1}


def test_only_confirmed_numbers_on_both_sides_are_flagged() -> None:
    frame = pairs(("1", "ana", 5, 5), ("2", "ana", None, 5), ("3", "ana", 0, None), ("4", "ana", 0, 5))
    unsure = pairs(("5", "ana", 9, 5), confirmed=False)
    result = comparison(AuditData(comparison=pl.concat([frame, unsure])))
    assert result.flagged_stations == ["4"]
    assert (result.statistic, result.n) == (1, 2)
    assert result.parts["unconfirmed"] == {"actas": 1, "differing": 1, "gross": 4}


@pytest.mark.parametrize("options", [(), ("ana",)])
def test_a_corrected_list_is_told_and_flags_nobody(options: tuple[str, ...]) -> None:
    frame = pairs(("1", "registered", 200, 203), ("1", "ana", 5, 5), ("2", "registered", 90, 90))
    result = comparison(AuditData(comparison=frame, options=options))
    assert result.flagged_stations == []
    assert (result.statistic, result.n, result.effect_votes) == (0, 1, 0)
    assert result.parts["registered"] == {"actas": 2, "differing": 1, "gross": 0}


def test_net_and_gross_count_options_only_and_each_station_once() -> None:
    frame = pairs(("1", "ana", 10, 4), ("1", "beto", 4, 10), ("1", "cast", 14, 15), ("2", "ana", 3, 1))
    second_photo = pairs(("1", "ana", 10, 4), photo="q")
    result = comparison(AuditData(comparison=pl.concat([frame, second_photo]), options=("ana", "beto")))
    assert result.effect_votes == 6 + 6 + 2
    assert result.parts["net/president/ana"] == {"votes": 8}
    assert result.parts["net/president/beto"] == {"votes": -6}
    assert "net/president/cast" not in result.parts
    assert result.flagged_stations == ["1", "2"] and result.flagged.height == 5


def test_sign_symmetry_against_every_pattern_by_hand() -> None:
    differences = [3, 3, -1, 2, 5, 4, 1]
    observed = abs(sum(differences))
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=7)
    ]
    part = comparison(differing(differences)).parts["sign symmetry"]
    assert part["pvalue"] == pytest.approx(np.mean([x >= observed for x in sums]))
    assert part["exact"] is True


def test_sign_symmetry_speaks_when_errors_help_one_side_and_not_otherwise() -> None:
    one_side = comparison(differing([2] * 30))
    balanced = comparison(differing([2, -2] * 15))
    assert (
        one_side.parts["sign symmetry"]["pvalue"] <= 0.001 < 0.5 < balanced.parts["sign symmetry"]["pvalue"]
    )
    assert one_side.pvalue is None, "grade A belongs to the rows; the pattern is a part of grade C"
    assert one_side.parts["sign symmetry"]["grade"] == "C"
    assert (
        0.02
        < comparison(differing([3, 5, 2, 9, 4, 7, 1] * 4)).parts["sign symmetry"]["false_alarm_rate"]
        <= 0.05
    )


def test_one_p_value_covers_all_options() -> None:
    """Two options, each the other's mirror image: the smallest p-value counts twice."""
    rows = [("ana", 102, 100), ("beto", 98, 100)]
    frame = pl.concat(pairs(*((f"{i:04d}", f, a, b) for f, a, b in rows)) for i in range(12))
    part = comparison(AuditData(comparison=frame, options=("ana", "beto"))).parts["sign symmetry"]
    assert part["pvalue"] == pytest.approx(2 * 2 / 2**12)


def test_too_few_stations_give_no_pvalue() -> None:
    assert comparison(differing([1] * 5)).parts["sign symmetry"]["pvalue"] is None
    assert comparison(differing([1] * 6)).parts["sign symmetry"]["pvalue"] == 2 / 64
