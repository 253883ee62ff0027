from __future__ import annotations

import polars as pl
import pytest

from audits.audit import AuditData, AuditResult, run
from audits.records import records

FINE = {
    "region": "N",
    "registered": 300,
    "voted": 200,
    "cast": 200,
    "valid": 190,
    "blank": 6,
    "null": 4,
    "ana": 100,
    "beto": 90,
    "counted": True,
    "status": "contabilizada",
    "expects": "numbers",
}


def audit(*odd: dict[str, object], among: int = 30) -> AuditResult:
    """Rows that differ from a sound one, among sound ones."""
    rows = [FINE | change for change in odd] + [dict(FINE) for _ in range(among)]
    frame = pl.DataFrame(
        [{"station_id": f"{i:03d}"} | row for i, row in enumerate(rows)], infer_schema_length=None
    )
    return records(AuditData(published=frame, options=("ana", "beto")))


@pytest.mark.parametrize(
    ("change", "evidence", "votes"),
    [
        ({"ana": 101}, "The options make 191, the valid votes published are 190.", 1),
        ({"beto": 80}, "The options make 180, the valid votes published are 190.", 10),
        ({"blank": 9}, "Valid, blank and null votes make 203, the ballots published are 200.", 3),
        ({"voted": 198}, "200 ballots are published where 198 people voted.", 2),
        ({"registered": 150}, "200 votes or voters are published, and the list has 150 people.", 50),
        ({"null": -4, "cast": 192}, "null: -4 is published, and no count is below zero.", 4),
        (
            {"status": "Sin acta", "expects": "none"},
            "The status is Sin acta, which means that there are no numbers, and 190 votes are published.",
            190,
        ),
        (
            {"status": "Sin acta", "expects": "none", "counted": False},
            "The status is Sin acta, which means that there are no numbers, and 190 votes are published.",
            190,
        ),
        (
            dict.fromkeys(("ana", "beto", "valid", "cast", "voted"), None),
            "The status is contabilizada, which means that there are numbers, and none is published.",
            0,
        ),
    ],
)
def test_each_contradiction_is_said_with_its_numbers(
    change: dict[str, object], evidence: str, votes: int
) -> None:
    result = audit(change)
    assert result.flagged["evidence"].to_list() == [evidence]
    assert result.flagged.row(0, named=True)["grade"] == "B"
    assert (result.statistic, result.effect_votes, result.n) == (1, votes, 31)


def test_sound_rows_and_rows_that_are_not_counted_say_nothing() -> None:
    held = {"counted": False, "status": "observada", "expects": None, "ana": 150}
    result = audit({}, {"registered": None}, {"registered": 0}, held)
    assert not result.flagged_stations and result.statistic == 0
    assert result.parts["not counted"] == {"examined": 1, "contradict": 1}


def test_zeros_without_an_acta_and_annulled_votes_are_as_the_status_says() -> None:
    zero = dict.fromkeys(("ana", "beto", "valid", "blank", "null", "cast", "voted"), 0)
    assert not audit(zero | {"status": "pendiente", "expects": "none", "counted": False}).flagged_stations


def test_a_blank_is_no_zero_and_blank_totals_are_counted() -> None:
    result = audit({"valid": None}, {"cast": None, "voted": None})
    assert not result.flagged_stations
    assert result.parts["blank/valid"].items() >= {"examined": 32, "missing": 1}.items()
    assert result.parts["rule/options"]["examined"] == 31


def test_a_rule_that_the_file_does_not_keep_flags_nobody() -> None:
    """Ballots with several votes; options that the valid votes leave out; voters without the parties' witnesses."""
    several = audit(*[{"ana": 290}] * 40)
    assert not several.flagged_stations and several.parts["rule/options"]["kept"] is False
    unlisted = audit(*[{"ana": 99}] * 12, among=100)
    assert not unlisted.flagged_stations
    assert unlisted.parts["rule/options"].items() >= {"below": 12, "kept": False}.items()
    assert unlisted.assumptions[next(iter(unlisted.assumptions))] is False
    assert any(note.text().startswith("Rule options: 12 of 112 rows break it.") for note in unlisted.notes)
    witnesses = audit(*[{"voted": 197}] * 40)
    assert not witnesses.flagged_stations and witnesses.parts["rule/ballots"]["kept"] is False


def test_more_votes_than_valid_ones_are_flagged_however_many() -> None:
    """Sixty votes added to one option in 3 and in 30 percent of the rows: no column that the file lacks makes too many votes."""
    for among in (400, 28):
        result = audit(*[{"ana": 160}] * 12, among=among)
        assert result.statistic == 12 and result.effect_votes == 12 * 60


def test_votes_taken_away_are_flagged_where_they_are_few() -> None:
    assert audit(*[{"ana": 40}] * 12, among=400).statistic == 12
    assert audit(*[{"ana": 101}] * 9, *[{"ana": 99}] * 3, among=100).statistic == 12, "slips to both sides"
    assert audit(*[{"voted": 197}] * 12).statistic == 12, "more ballots than voters have one side only"


def test_a_column_that_the_valid_votes_leave_out_explains_its_rows_and_no_others() -> None:
    """As in Mexico, where votes for nobody on the list are not among the valid ones: the rows it does not explain are seen all the more."""
    few = [{"ana": 100 - k, "beto": 90, "caro": k + 2, "valid": 190 - k, "blank": 4 + k} for k in range(1, 6)]
    rows = [FINE | {"caro": 0} | change for change in [*few * 4, {"caro": 2, "ana": 160}]]
    frame = pl.DataFrame(
        [
            {"station_id": f"{i:03d}"} | row
            for i, row in enumerate([*rows, *[FINE | {"caro": 0} for _ in range(60)]])
        ]
    )
    result = records(AuditData(published=frame, options=("ana", "beto", "caro")))
    assert result.parts["rule/options"].items() >= {"without": "caro", "kept": True, "contradict": 1}.items()
    assert result.flagged_stations == ["020"]
    assert any("column caro is left out" in note.text() for note in result.notes)


def test_without_options_or_totals_what_is_there_is_examined() -> None:
    frame = pl.DataFrame({"station_id": ["1", "2", "3"], "registered": [10, 10, 10], "voted": [9, 11, 10]})
    result = records(AuditData(published=frame))
    assert result.flagged_stations == ["2"]
    assert not records(AuditData(counts=frame)).applies, (
        "what was filled in or photographed is no published row"
    )


def test_rows_are_not_said_to_be_sound_where_a_rule_was_not_held_against_them() -> None:
    """Options that fall short by a vote or two in a tenth of the rows look like a column that the file lacks; then at least it is said."""
    n = 600
    less = [2 if i % 10 == 0 else 0 for i in range(n)]
    published = pl.DataFrame(
        {
            "station_id": [f"{i:04d}" for i in range(n)],
            "valid": [150] * n,
            "sol": [100 - x for x in less],
            "luna": [50] * n,
        }
    )
    battery = run(AuditData(published=published, options=("sol", "luna")), only=["records"])
    assert battery["records"].flagged.is_empty()
    said = battery.headlines()["records"]
    assert "no published row contradicts itself" not in said
    assert "does not keep: 1; rows that break one of them: 60 or more" in said
