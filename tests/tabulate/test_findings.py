"""From the tables to the audits: what a mission's own photos, people and register make of the findings."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tabulate.findings import audit_mission, findings
from tabulate.intake import receive
from tabulate.keying import decide
from tabulate.mission import Mission
from tabulate.rebuild import derive
from tabulate.register import import_register
from tabulate.snapshots import import_snapshot
from tests.tabulate import fake
from tests.tabulate.conftest import REGISTER, form_toml

VOTES = {"sol": 100, "luna": 50, "valid": 150, "blank": 0, "cast": 150}


def start(template: Path, folder: Path, fields: list[tuple[str, str]] | None = None) -> Mission:
    """A mission whose list at station 001 has 120 people; with other fields on the president's form, if given."""
    if fields is not None:
        form = template / "forms" / "xx-president" / "form.toml"
        form.write_text(form_toml("xx-president", "xx-president", 1, 1, fields), encoding="utf-8")
    register = folder / "register.csv"
    register.write_text(REGISTER.replace("Alta,200,true", "Alta,120,true"), encoding="utf-8")
    mission = Mission.create(folder / "mission", template)
    import_register(mission, register, actor="ana")
    return mission


def arrive(mission: Mission, station: str | None, name: str | None = None, **fields: int) -> str:
    """A photo of the president's acta; its SHA-256."""
    data = fake.photo(form="xx-president", station=station, fields=VOTES | fields)
    receipt = receive(mission, data, name or f"mesa-{station}.jpg", actor="ana")
    fake.read_all(mission)
    assert receipt.photo is not None
    return receipt.photo


def official(mission: Mission, text: str) -> None:
    path = mission.folder.parent / "count.csv"
    path.write_text(text, encoding="utf-8")
    import_snapshot(mission, path, format="cotejo-csv", actor="ana")


def found(mission: Mission, audit: str) -> list[tuple[str, str | None, str]]:
    table = findings(audit_mission(mission, derive(mission), only=[audit], calibrate=False))
    return table.select("station_id", "field", "grade").rows()


OVER = [("001", "cast", "B")]


def test_a_fields_role_and_not_its_name_is_what_counts(template: Path, tmp_path: Path) -> None:
    fields = [
        ("sol", "option"),
        ("luna", "option"),
        ("valid", "valid"),
        ("blank", "blank"),
        ("cast", "other"),
    ]
    mission = start(template, tmp_path, [*fields, ("ballots_in_box", "cast")])
    arrive(mission, "001", cast=7, ballots_in_box=150)
    assert found(mission, "arithmetic") == OVER
    # What is called cast on this form and means something else is no number of ballots.
    arrive(mission, "003", cast=999, ballots_in_box=150)
    assert found(mission, "arithmetic") == OVER


def test_a_snapshot_without_the_station_takes_no_finding_away(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    arrive(mission, "001")
    assert found(mission, "arithmetic") == OVER
    official(mission, "station_id,contest,sol,luna\n002,president,10,5\n")
    assert found(mission, "arithmetic") == OVER


def test_a_station_without_a_list_is_held_against_none(template: Path, tmp_path: Path) -> None:
    fields = [(f, f if f != "luna" and f != "sol" else "option") for f in VOTES]
    mission = start(template, tmp_path, [*fields, ("registered", "registered")])
    arrive(mission, "004", registered=20)
    assert found(mission, "arithmetic") == []
    arrive(mission, "003", registered=20)
    assert found(mission, "arithmetic") == [("003", "cast", "B")]
