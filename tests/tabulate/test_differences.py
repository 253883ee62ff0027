"""Which snapshot is held against what: contest by contest, with what the authority says about each acta."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tabulate.comparing import compare_mission
from tabulate.differences import latest_snapshots
from tabulate.findings import audit_mission, findings
from tabulate.intake import receive
from tabulate.mission import Mission
from tabulate.rebuild import derive
from tabulate.register import import_register
from tabulate.schema import empty
from tabulate.snapshots import import_snapshot, parse_time
from tabulate.summary import summary
from tests.tabulate import fake

VOTES = {"sol": 100, "luna": 50, "valid": 150, "blank": 0, "cast": 150}
HEAD = "station_id,contest,status,sol,luna,mar\n"


def snapshot(mission: Mission, rows: str, hour: int) -> str:
    path = mission.folder.parent / f"count-{hour}.csv"
    path.write_text(HEAD + rows, encoding="utf-8")
    at = parse_time(f"2026-03-02T{hour:02}:00:00Z")
    return str(import_snapshot(mission, path, format="cotejo-csv", at=at, actor="ana")["snapshot"])


@pytest.fixture
def night(mission: Mission, template: Path) -> Mission:
    """Station 001 with its three pages, read: the president's and both of the senate's."""
    import_register(mission, template / "register.csv", actor="ana")
    pages = [
        fake.photo(form="xx-president", station="001", fields=VOTES),
        fake.photo(form="xx-senate-1", station="001", fields={"sol": 60, "mar": 40}),
        fake.photo(form="xx-senate-2", station="001", fields={"valid": 100}),
    ]
    for data in pages:
        receive(mission, data, "mesa-001.jpg", actor="ana")
    fake.read_all(mission)
    return mission


def flagged(mission: Mission) -> set[tuple[str, str]]:
    found = findings(audit_mission(mission, derive(mission), calibrate=False))
    return set(found.filter(pl.col("audit") == "comparison").select("contest", "field").iter_rows())


def test_one_file_for_each_contest_keeps_the_findings_of_the_others(night: Mission) -> None:
    snapshot(night, "001,president,,110,50,\n", 1)
    assert flagged(night) == {("president", "sol")}
    snapshot(night, "001,senate,,61,,40\n", 2)
    assert flagged(night) == {("president", "sol"), ("senate", "sol")}
    snapshot(night, "001,president,,100,51,\n", 3)
    tables = derive(night)
    assert latest_snapshots(tables).rows() == [("president", "s003"), ("senate", "s002")]
    pairs = tables["comparison_stations"].filter(station_id="001").select("contest", "left", "right").rows()
    assert sorted(pairs) == [
        ("president", "s001", "s003"),
        ("president", "tally", "s003"),
        ("senate", "tally", "s002"),
    ]
    assert flagged(night) == {("president", "luna"), ("senate", "sol")}


def test_documents_name_the_latest_snapshot_of_each_contest(night: Mission) -> None:
    snapshot(night, "001,president,,110,50,\n", 1)
    snapshot(night, "001,senate,,60,,40\n", 2)
    snapshot(night, "001,president,,110,52,\n", 3)
    tables = derive(night) | {"findings": empty("findings")}
    document = compare_mission(night, tables)
    assert [(p["left"], p["right"]) for p in document["pairs"]] == [("tally", "s002, s003"), ("s001", "s003")]
    by_contest = {c: d["net"] for c, d in document["contests"].items()}
    assert by_contest == {"president": {"sol": 10, "luna": 2}, "senate": {"sol": 0, "mar": 0}}
    audits = audit_mission(night, tables, calibrate=False)
    assert [(a.contest, a.source) for a in audits] == [("president", "s003"), ("senate", "s002")]
    found = summary(night, tables, document, {})
    assert [s["snapshot"] for s in found["latest_snapshot"]] == ["s002", "s003"]
    assert found["comparison"]["contests"]["senate"]["equal"] == 1
    assert found["comparison"]["contests"]["president"]["differing"] == 1


def test_an_annulled_acta_is_open_and_not_counted(night: Mission) -> None:
    snapshot(night, "001,president,,100,50,\n003,president,,90,90,\n", 1)
    before = compare_mission(night, derive(night), contest="president")
    assert before["counted_changed"] == 0 and before["could_change_outcome"]["margin"] == 50
    snapshot(night, "001,president,anulada,100,50,\n003,president,,90,90,\n", 2)
    after = compare_mission(night, derive(night), contest="president")
    assert after["differing"] == 0 and after["counted_changed"] == 1
    change = after["could_change_outcome"]
    assert (change["margin"], change["answer"]) == (0, "yes")


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        ("", "anulada", "counted-changed;status-changed"),
        ("anulada", "", "counted-changed;status-changed"),
        ("computada", "revisada", "status-changed"),
        ("computada", "computada", None),
    ],
)
def test_a_changed_word_of_the_authority_is_a_revision(
    night: Mission, before: str, after: str, cause: str | None
) -> None:
    snapshot(night, f"001,president,{before},100,50,\n", 1)
    snapshot(night, f"001,president,{after},100,50,\n", 2)
    tables = derive(night) | {"findings": empty("findings")}
    row = tables["comparison_stations"].filter(left="s001", station_id="001").row(0, named=True)
    assert (row["outcome"], row["cause"]) == ("differing" if cause else "equal", cause)
    assert row["revision"] and (row["fields"], row["gross"], row["net"]) == (0, 0, 0)
    assert summary(night, tables, None, {})["comparison"]["revisions"] == (1 if cause else 0)
    assert tables["comparison"].filter(left="s001").is_empty()
