"""The authority's feed: files taken once as they come to rest, silence noted, time lines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.cli import main
from tabulate.feed import NOTED, feed_table, notes, sentence
from tabulate.ledger import Entry
from tabulate.mission import Mission
from tabulate.name_time import time_in, time_of
from tabulate.rebuild import current_tables, rebuild
from tabulate.timeline import Snapshot, document, file_snapshots, timeline
from tabulate.watch import Watch, watch

SETTINGS = """
[mission]
id = "m"
name = "M"
country = "XX"
timezone = "America/La_Paz"

[[contests]]
id = "president"
name = "P"
options = [{ id = "A", name = "A" }, { id = "B", name = "B" }]

[[official]]
format = "cotejo-csv"
"""
HEAD = "station_id,status,valid,A,B"


@pytest.fixture
def mission(tmp_path: Path) -> Iterator[Mission]:
    (tmp_path / "mission.toml").write_text(SETTINGS, encoding="utf-8")
    made = Mission.create(tmp_path / "mission", tmp_path / "mission.toml")
    yield made
    made.close()


def drop(folder: Path, name: str, *rows: str, head: str = HEAD) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("PA_20210308_051141.csv", "2021-03-08T05:11:41"),
        ("trep - acta.2019.10.20.19.40.57.csv", "2019-10-20T19:40:57"),
        ("20170605_1300_PREP_GOB_COAH.zip", "2017-06-05T13:00:00"),
        ("count-2026-11-22T20-05.csv", "2026-11-22T20:05:00"),
        ("20261322_2000.csv", None),  # no thirteenth month
        ("20261122.csv", None),  # a day is no time
        ("REMESAS0100020000.txt", None),
    ],
)
def test_the_time_in_a_name(name: str, at: str | None) -> None:
    found = time_in(name)
    assert (found and found.isoformat()) == (at and f"{at}+00:00")


def test_a_name_shows_the_clock_of_its_zone(tmp_path: Path) -> None:
    path = drop(tmp_path, "PA_20210308_051141.csv")
    assert time_of(path, "America/La_Paz") == (datetime(2021, 3, 8, 9, 11, 41, tzinfo=UTC), "name")
    path = drop(tmp_path, "count.csv")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert time_of(path) == (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), "mtime")


def test_files_are_taken_once_when_they_have_come_to_rest(mission: Mission, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    path = drop(folder, "x_20261122_200000.csv", "1,computada,30,10,20")
    drop(folder, "x_20261122_201000.csv.part", "1,computada,30,10,20")
    watching = Watch(mission, folder)
    assert watching.look() == []  # it may still be growing
    drop(folder, path.name, "1,computada,30,10,20", "2,computada,5,5,0")
    assert watching.look() == []  # and it was
    (report,) = watching.look()
    assert (report["status"], report["snapshot"], report["time_from"]) == ("new", "s001", "name")
    assert report["taken_at"] == "2026-11-23T00:00:00+00:00"  # 20:00 in La Paz
    assert watching.look() == []
    # A new process knows it too; the same bytes under another name are noted, and not taken.
    again = Watch(mission, folder)
    path.rename(folder / "x_20261122_203000.csv")
    reports = list(watch(again, every=0, looks=3, sleep=lambda _: None))
    assert [r["status"] for r in reports] == ["already here"]
    tables = current_tables(mission)
    assert tables["snapshots"]["stations"].to_list() == [2]
    assert tables["snapshots"]["blob"].to_list() == [report["sha256"]]
    assert tables["feed"].select("kind", "snapshot").rows() == [("repeated", "s001")]
    assert rebuild(mission) == rebuild(mission)


def test_what_cannot_be_used_is_noted_and_kept(mission: Mission, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    drop(folder, "bad_20261122_200000.csv", "1,2", head="what,is this")
    watching = Watch(mission, folder)
    reports = list(watch(watching, every=0, looks=4, sleep=lambda _: None))
    assert [r["status"] for r in reports] == ["refused"]
    assert "bad_20261122_200000.csv" in reports[0]["reason"] and "/tmp" not in reports[0]["reason"]
    entry = mission.ledger.last(NOTED)
    assert entry is not None and mission.blobs.get(entry.subject).startswith(b"what")
    assert feed_table(mission)["kind"].to_list() == ["refused"]
    assert next(watch(Watch(mission, folder), every=0, looks=2, sleep=lambda _: None))["status"] == "refused"
    assert feed_table(mission).height == 1
    with pytest.raises(CotejoError, match="no folder"):
        Watch(mission, tmp_path / "nowhere")


def entry(
    number: int, minutes: float, actas: int = 10, counted: int = 10, votes: int = 100, columns: str = "ab"
) -> Entry:
    at = datetime(2026, 11, 22, 20, tzinfo=UTC) + timedelta(minutes=minutes)
    body = {
        "snapshot": f"s{number:03}",
        "format": "f",
        "name": "n",
        "taken_at": at.isoformat(),
        "contests": ["c"],
        "facts": {
            "columns": list(columns),
            "contests": {"c": {"actas": actas, "counted": counted, "votes": votes}},
        },
    }
    return Entry(number, at.isoformat(), "snapshot-imported", "t", f"{number}", body, "", "")


def test_gaps_and_silence() -> None:
    """Every 10 minutes, then 40: four times the usual interval."""
    steady = [entry(i, 10 * i) for i in range(5)]
    assert notes(steady) == []
    (gap,) = notes([*steady, entry(5, 80)])
    assert (gap["kind"], gap["snapshot"], gap["numbers"]["minutes"], gap["numbers"]["usual"]) == (
        "gap",
        "s005",
        40,
        10,
    )
    now = datetime(2026, 11, 22, 21, 11, tzinfo=UTC)  # 31 minutes after the last
    (stopped,) = notes(steady, now)
    assert sentence(stopped) == (
        "Nothing has come since 2026-11-22T20:40:00+00:00, for 31 minutes at 2026-11-22T21:11:00+00:00; usual are 10."
    )
    assert notes(steady, now - timedelta(minutes=2)) == []
    assert notes(steady[:3], now) == []  # two intervals make nothing usual
    quick = [entry(i, i / 2) for i in range(6)]
    assert (
        notes(quick, datetime(2026, 11, 22, 20, 15, tzinfo=UTC)) == []
    )  # under a quarter of an hour is no silence


def test_what_becomes_less_and_other_columns() -> None:
    found = notes(
        [
            entry(0, 0),
            entry(1, 10, actas=9, votes=90),
            entry(2, 20, actas=9, votes=95, columns="abc"),
            entry(3, 30, actas=9, votes=95, columns="cba"),
        ]
    )
    assert [(n["kind"], n["snapshot"], sentence(n)) for n in found] == [
        ("fewer", "s001", "The number of actas fell from 10 to 9."),
        ("fewer", "s001", "The votes in counted actas fell from 100 to 90."),
        ("columns", "s002", "The file's columns changed: added c, gone none."),
        ("columns", "s003", "The file's columns changed: added none, gone none; the same in another order."),
    ]


def test_importing_by_hand_notes_too(
    mission: Mission, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for hour, votes in ((20, 10), (21, 8)):
        path = drop(tmp_path / "files", f"c{hour}.csv", f"1,computada,{votes},{votes},0")
        assert (
            main(["import", str(mission.folder), str(path), "--at", f"2026-11-22T{hour}:00:00Z", "--json"])
            == 0
        )
        said = json.loads(capsys.readouterr().out)
    assert [n["kind"] for n in said["noted"]] == ["fewer"]
    assert main(["timeline", str(mission.folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [n["sentence"] for n in found["feed"]] == ["The votes in counted actas fell from 10 to 8."]
    assert (found["revised"], found["revised_actas"]) == (1, 1)
    assert main(["compare", str(mission.folder), "--left", "s001", "--right", "s002", "--json"]) == 0
    pair = json.loads(capsys.readouterr().out)
    assert (pair["left"], pair["right"], pair["net"]) == ("s001", "s002", {"A": -2, "B": 0})
    assert pair["gain"]["difference"] == {"A": -2, "B": 0}
    assert main(["compare", str(mission.folder), "--left", "s001", "--right", "s009"]) == 2


def test_a_time_line_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pending, counted, corrected, annulled, gone."""
    rows = ["1,pendiente,,,", "1,computada,30,10,20", "1,computada,30,20,10", "1,anulada,30,20,10", None]
    for number, row in enumerate(rows):
        others = ["2,computada,9,4,5"]
        drop(tmp_path / "d", f"c_20261122_1{number}0000.csv", *([row] if row else []), *others)
    snapshots = file_snapshots([tmp_path / "d"])
    events = timeline(snapshots).filter(pl.col("station_id") == "1")
    assert events.select("snapshot", "event", "field", "before", "after", "causes").rows() == [
        ("c_20261122_110000.csv", "appeared", None, None, None, None),
        ("c_20261122_120000.csv", "changed", "A", "10", "20", "swapped-options"),
        ("c_20261122_120000.csv", "changed", "B", "20", "10", "swapped-options"),
        ("c_20261122_130000.csv", "counted", None, "true", "false", None),
        ("c_20261122_130000.csv", "status", None, "computada", "anulada", None),
        ("c_20261122_140000.csv", "disappeared", None, None, None, None),
    ]
    found = document(timeline(snapshots), snapshots, "1")
    assert (found["revised"], found["revised_actas"]) == (1, 1)
    with pytest.raises(CotejoError, match="station '7'"):
        document(timeline(snapshots), snapshots, "7")
    assert main(["timeline", str(tmp_path / "d"), "--station", "2"]) == 0
    assert "first seen" in capsys.readouterr().out
    with pytest.raises(CotejoError, match="two official files"):
        file_snapshots([tmp_path / "d" / "c_20261122_110000.csv"])


def test_pando_2021(real_data: Path) -> None:
    """The last seven files revise the votes of 17 actas; all 56, which take half a minute, those of 38."""
    files = sorted((real_data / "official" / "bo-2021" / "pando").glob("*.csv"))
    snapshots = file_snapshots(files[-7:], zone="America/La_Paz")
    found = document(timeline(snapshots), snapshots)
    assert [s["snapshot"] for s in found["snapshots"]] == [f.name for f in files[-7:]]
    assert found["revised_actas"] == len(found["timelines"]) == 17
    changed = [{e["field"] for e in t["events"] if e["event"] == "changed"} for t in found["timelines"]]
    assert all(fields - {"registered", "valid", "blank", "null"} for fields in changed)
    assert all(line["events"][0]["event"] in ("first seen", "appeared") for line in found["timelines"])


def test_snapshots_without_numbers_make_no_event() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    empty = pl.DataFrame(
        {"station_id": ["1"], "contest": ["c"], "A": [None], "B": [None]},
        schema_overrides={"A": pl.Int64, "B": pl.Int64},
    )
    assert timeline([Snapshot("s1", at, empty), Snapshot("s2", at + timedelta(hours=1), empty)]).is_empty()
