"""The derived tables: the same bytes from the same history, whoever read it and however often."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import polars as pl
import pytest

from ocr.errors import CotejoError, MachineError
from tabulate import schema
from tabulate.intake import receive
from tabulate.keying import decide
from tabulate.line import refresh
from tabulate.mission import Mission
from tabulate.reading import read_photos
from tabulate.rebuild import DERIVED, current_tables, derive, load_table, rebuild, write_tables
from tabulate.register import import_register
from tabulate.snapshots import import_snapshot, parse_time
from tests.tabulate import fake
from tests.tabulate.conftest import AT

GOOD = {"sol": 10, "luna": 20, "valid": 30, "blank": 1, "cast": 31}
OFFICIAL = """station_id,contest,registered,voted,cast,valid,blank,null,status,sol,luna
001,president,200,31,31,30,1,,computada,10,20
002,president,210,31,31,30,1,,computada,{sol},{luna}
003,president,190,,0,0,0,,anulada,0,0
"""


def official(mission: Mission, folder: Path, name: str, at: str, sol: int, luna: int) -> dict[str, object]:
    path = folder / name
    path.write_text(OFFICIAL.format(sol=sol, luna=luna), encoding="utf-8")
    return import_snapshot(mission, path, format="cotejo-csv", at=parse_time(at), actor="ana")


@pytest.fixture
def night(mission: Mission, template: Path, tmp_path: Path) -> Mission:
    """Photos that arrived and were not read; two snapshots."""
    import_register(mission, template / "register.csv", actor="ana", at=AT)
    for i, station in enumerate(["001", "002", "003", "004", "001"]):
        data = fake.photo(form="xx-president", station=station, fields=GOOD, angle=i)
        receive(mission, data, f"mesa-{station}.jpg", actor="ana", at=AT)
    official(mission, tmp_path, "a.csv", "2026-03-01T20:00:00-04:00", 20, 10)
    official(mission, tmp_path, "b.csv", "2026-03-01T22:00:00-04:00", 19, 11)
    return mission


def test_the_same_bytes_for_any_number_of_workers_and_again(night: Mission, tmp_path: Path) -> None:
    night.close()
    hashes = []
    for workers in (1, 2):
        folder = tmp_path / f"with-{workers}"
        shutil.copytree(night.folder, folder)
        mission = Mission.open(folder)
        read_photos(mission, workers=workers, progress=False, read=fake.read, version=fake.VERSION)
        hashes.append(rebuild(folder))
        shutil.rmtree(folder / "tables")
        assert rebuild(mission) == hashes[-1]
        assert mission.ledger.verify().ok
    assert hashes[0] == hashes[1] and set(hashes[0]) == set(DERIVED)


def test_every_table_is_as_the_contract_says_and_comes_back_as_it_was(night: Mission) -> None:
    fake.read_all(night, at=AT)
    tables = current_tables(night)
    assert list(tables) == list(schema.TABLES)
    for name, frame in tables.items():
        assert frame.equals(schema.conform(name, frame)), name
        assert load_table(night, name).equals(frame), name


def test_tables_are_derived_again_only_when_something_happened(
    night: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.read_all(night, at=AT)
    photo = current_tables(night)["photos"]["photo"][0]
    with monkeypatch.context() as m:
        m.setattr("tabulate.rebuild.derive", lambda _: pytest.fail("derived again though nothing happened"))
        current_tables(night)
    decide(night, "001", "president", photo, "refuse", note="twice", actor="eva", at=AT)
    assert current_tables(night)["decisions"].height == 1


def test_snapshots_are_kept_and_compared(night: Mission) -> None:
    fake.read_all(night, at=AT)
    t = current_tables(night)
    assert t["snapshots"].select("snapshot", "latest", "stations", "counted").rows() == [
        ("s001", False, 3, 2),
        ("s002", True, 3, 2),
    ]
    assert t["official_fields"].filter(snapshot="s001", station_id="002", field="sol")["value"].to_list() == [
        20
    ]
    against = t["comparison_stations"].filter(left="tally")
    assert against.select("station_id", "outcome", "gross", "net", "confirmed").rows() == [
        ("001", "equal", 0, 0, True),
        ("002", "differing", 18, 0, True),
        ("003", "differing", 30, -30, True),
        ("004", "only-left", 0, 0, False),
    ]
    sol = t["comparison"].filter(left="tally", station_id="002", field="sol").row(0, named=True)
    assert (sol["left_value"], sol["right_value"], sol["difference"], sol["equal"]) == (10, 19, 9, False)
    revised = t["comparison_stations"].filter(left="s001")
    assert revised.filter(outcome="differing").select("right", "station_id", "revision").rows() == [
        ("s002", "002", True)
    ]
    assert t["comparison"].filter(left="s001").select("field", "difference").rows() == [
        ("luna", 1),
        ("sol", -1),
    ]


def test_a_pending_acta_is_missing_and_not_different(night: Mission, tmp_path: Path) -> None:
    fake.read_all(night, at=AT)
    path = tmp_path / "pending.csv"
    head, first, *_ = OFFICIAL.format(sol=1, luna=2).splitlines()
    path.write_text(f"{head}\n{first}\n002,president,210,,,,,,pendiente,,\n", encoding="utf-8")
    import_snapshot(night, path, format="cotejo-csv", at=parse_time("2026-03-03T00:00:00Z"), actor="ana")
    t = current_tables(night)
    two = t["comparison_stations"].filter(left="tally", right="s003", station_id="002")
    assert two["outcome"].to_list() == ["only-left"]
    assert "002" not in t["comparison"].filter(left="tally")["station_id"]


def test_keeping_findings_does_not_make_the_tables_old(
    night: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    current_tables(night)
    write_tables(night, {"findings": schema.empty("findings")})
    monkeypatch.setattr(
        "tabulate.rebuild.derive", lambda _: pytest.fail("derived again though nothing happened")
    )
    assert current_tables(night)["findings"].is_empty()


def test_what_arrives_while_tables_are_derived_is_found_at_the_next_refresh(
    night: Mission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.read_all(night, at=AT)

    def racing(mission: Mission) -> dict[str, pl.DataFrame]:
        tables = derive(mission)
        official(mission, tmp_path, "c.csv", "2026-03-01T23:00:00-04:00", 20, 10)
        return tables

    with monkeypatch.context() as m:
        m.setattr("tabulate.rebuild.derive", racing)
        assert set(refresh(night).tables["findings"]["snapshot"].drop_nulls()) == {"s002"}
    found = refresh(night).tables["findings"]
    assert set(found["snapshot"].drop_nulls()) == {"s003"}
    assert found.equals(load_table(night, "findings"))


def test_tables_are_not_replaced_while_another_loads_them(
    night: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.read_all(night, at=AT)
    photo = refresh(night).tables["tallies"].filter(station_id="002", contest="president")["photo"][0]
    others: list[threading.Thread] = []

    def another() -> None:
        mission = Mission.open(night.folder)
        new = GOOD | {"sol": 11, "valid": 31, "cast": 32}
        decide(mission, "002", "president", photo, "correct", values=new, actor="eva", at=AT)
        refresh(mission)
        mission.close()

    def slow(mission: Mission, name: str) -> pl.DataFrame:
        frame = load_table(mission, name)
        if name == "tally_fields" and not others:
            others.append(threading.Thread(target=another))
            others[0].start()
            others[0].join(3)  # it must wait for us, not we for it
        return frame

    with monkeypatch.context() as m:
        m.setattr("tabulate.rebuild.load_table", slow)
        tables = current_tables(night)
    others[0].join()
    for t in (tables, current_tables(night)):
        of = {"station_id": "002", "contest": "president", "field": "sol"}
        tally = t["tally_fields"].filter(**of)["value"].to_list()
        assert t["comparison"].filter(left="tally", **of)["left_value"].to_list() == tally


def test_tables_belong_to_the_settings_that_they_were_derived_with(night: Mission) -> None:
    fake.read_all(night, at=AT)
    path = night.folder / "mission.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + "[acceptance]\nmin_probability = 1.0\n", encoding="utf-8"
    )
    old = refresh(night).tables["tallies"]  # a process that was opened before the change
    assert old.filter(station_id="001", contest="president")["status"].to_list() == ["accepted"]
    new = Mission.open(night.folder)
    assert refresh(new).tables["tallies"].filter(status="accepted").is_empty()
    new.close()


def test_the_same_snapshot_twice_is_one(night: Mission, tmp_path: Path) -> None:
    again = official(night, tmp_path, "c.csv", "2026-03-01T20:00:00-04:00", 20, 10)
    assert (again["snapshot"], again["status"]) == ("s001", "already here")
    later = official(night, tmp_path, "c.csv", "2026-03-02T20:00:00-04:00", 20, 10)
    assert (later["snapshot"], later["status"]) == ("s003", "new")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sol,luna",
            "sol,marte",
            "the option 'marte' has votes in the contest 'president', which does not have it",
        ),
        ("president", "mayor", r"names the contest 'mayor'; add it under \[\[official\]\]"),
        ("station_id", "mesa", "station_id"),
    ],
)
def test_a_wrong_snapshot_changes_nothing(
    night: Mission, tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(OFFICIAL.format(sol=1, luna=2).replace(old, new), encoding="utf-8")
    head = night.ledger.head
    with pytest.raises(CotejoError, match=message) as e:
        import_snapshot(night, path, format="cotejo-csv", actor="ana")
    assert "\n" not in str(e.value) and night.ledger.head == head


@pytest.mark.parametrize("text", ["yesterday", "2026-03-01T20:00:00"])
def test_a_time_needs_its_zone(text: str) -> None:
    with pytest.raises(CotejoError, match="write it like 2026-03-01T20:15:00-04:00"):
        parse_time(text)


def test_a_full_disk_leaves_the_old_tables(night: Mission, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rebuild(night)
    fake.read_all(night, at=AT)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as m:
        m.setattr(pl.DataFrame, "write_parquet", full)
        with pytest.raises(MachineError, match=r"could not be written .*No space left"):
            rebuild(night)
    assert load_table(night, "readings").is_empty()
    assert [p.name for p in night.tables.iterdir() if p.name.startswith(".")] == [".lock"]
    assert rebuild(night) != before


def test_a_damaged_table_says_what_to_do(night: Mission) -> None:
    rebuild(night)
    (night.tables / "tallies.parquet").write_bytes(b"no table")
    with pytest.raises(CotejoError, match=r"is damaged .*cotejo rebuild"):
        load_table(night, "tallies")
    with pytest.raises(CotejoError, match="there is no table 'x'"):
        load_table(night, "x")


def test_an_empty_mission_has_all_its_tables(mission: Mission) -> None:
    tables = current_tables(mission)
    assert all(frame.is_empty() for frame in tables.values())
    assert set(rebuild(mission)) == set(DERIVED)


def test_an_authority_that_goes_back_to_an_earlier_count_has_a_new_one(
    night: Mission, tmp_path: Path
) -> None:
    def count(sol: int, contest: str = "president") -> tuple[object, object]:
        path = tmp_path / "now.csv"
        path.write_text(f"station_id,contest,sol\n001,{contest},{sol}\n", encoding="utf-8")
        got = import_snapshot(night, path, format="cotejo-csv", actor="ana")
        return got["snapshot"], got["status"]

    assert [count(1), count(2), count(2), count(1)] == [
        ("s003", "new"),
        ("s004", "new"),
        ("s004", "already here"),
        ("s005", "new"),
    ]
    # A file of another contest in between changes nothing for this one.
    assert [count(1, "senate"), count(1)] == [("s006", "new"), ("s005", "already here")]


def test_ids_that_lost_their_zeros_are_told_and_never_matched(night: Mission, tmp_path: Path) -> None:
    path = tmp_path / "zeros.csv"
    path.write_text(
        "station_id,contest,sol,luna\n1,president,1,2\n002,president,1,2\n77,president,1,2\n",
        encoding="utf-8",
    )
    got = import_snapshot(
        night, path, format="cotejo-csv", at=parse_time("2026-03-03T00:00:00Z"), actor="ana"
    )
    # Two rows whose ids are shorter than the one with zeros, and the register's word on it.
    assert (got["not_in_register"], got["problems"]) == (2, 3)
    t = current_tables(night)
    problem = t["official_problems"].filter(pl.col("row").is_null(), snapshot="s003").row(0, named=True)
    assert problem["reason"].startswith(
        "1 of 2 stations that are not in the register would be but for leading zeros ('1' here, '001' there)"
    )
    assert t["snapshots"]["problems"].to_list() == [0, 0, 3]
    outcomes = t["comparison_stations"].filter(left="tally", right="s003", station_id="1")["outcome"]
    assert "equal" not in outcomes.to_list()


def test_a_mapping_is_kept_with_the_file_that_it_explains(night: Mission, tmp_path: Path) -> None:
    path, rules = tmp_path / "table.csv", tmp_path / "rules.toml"
    path.write_text("MESA;S;L\n001;7;8\n", encoding="utf-8")
    rules.write_text(
        'separator = ";"\n[columns]\nstation_id = "MESA"\n[options]\nS = "sol"\nL = "luna"\n',
        encoding="utf-8",
    )
    text = (night.folder / "mission.toml").read_text(encoding="utf-8")
    (night.folder / "mission.toml").write_text(
        text + '\n[[official]]\nformat = "mapping"\ncontest = "president"\n', encoding="utf-8"
    )
    mission = Mission.open(night.folder)
    got = import_snapshot(
        mission, path, format=str(rules), at=parse_time("2026-03-04T00:00:00Z"), actor="ana"
    )
    assert got["format"].startswith("mapping:") and got["verified"] is False
    rules.unlink()
    path.unlink()
    fields = current_tables(mission)["official_fields"].filter(snapshot=got["snapshot"], option="sol")
    assert fields["value"].to_list() == [7]
