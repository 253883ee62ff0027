from __future__ import annotations

import polars as pl

from audits.audit import AuditData
from audits.corrections import corrections


def sheets(*rows: tuple[str, str, bool | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "station_id": station,
                "contest": "president",
                "field": field,
                "value": 5,
                "state": "number",
                "confirmed": True,
                "photo": "p" + station,
                "struck": struck,
            }
            for station, field, struck in rows
        ]
    )


def test_the_rate_by_region_and_by_field() -> None:
    frame = sheets(
        ("1", "ana", True), ("1", "valid", True),
        ("2", "ana", False), ("2", "valid", True),
        ("3", "ana", False), ("3", "valid", False),
        ("4", "ana", None), ("4", "valid", None),
    )  # fmt: skip
    register = pl.DataFrame({"station_id": ["1", "2", "3"], "region": ["N", "N", "S"]})
    result = corrections(AuditData(sheets=frame, register=register, options=("ana",)))
    assert (result.n, result.statistic) == (3, 2 / 3), "what no machine read is not examined"
    assert result.parts["region/N"].items() >= {"examined": 2, "struck": 2, "stands_out": False}.items()
    assert result.parts["region/S"].items() >= {"examined": 1, "struck": 0}.items()
    assert result.parts["field/valid"].items() >= {"examined": 3, "struck": 2}.items()
    assert result.parts["total and option"] == {"examined": 3, "struck": 1}


def test_a_region_with_far_more_stands_out_and_nobody_is_flagged() -> None:
    rows = [(f"{i:03d}", "ana", i % 10 == 0 or (i < 50 and i % 2 == 0)) for i in range(500)]
    register = pl.DataFrame(
        {"station_id": [r[0] for r in rows], "region": [f"R{int(r[0]) // 50}" for r in rows]}
    )
    result = corrections(AuditData(sheets=sheets(*rows), register=register))
    out = [name for name, part in result.parts.items() if part.get("stands_out")]
    assert out == ["region/R0"] and not result.flagged_stations and not result.pvalues()


def test_where_no_machine_read_it_does_not_apply() -> None:
    frame = sheets(("1", "ana", None))
    for tables in (frame, frame.drop("struck")):
        result = corrections(AuditData(sheets=tables))
        assert not result.applies and "crossed-out" in result.why_not.text()  # type: ignore[union-attr]
