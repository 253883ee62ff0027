"""From the tables to the audits: what a mission's own photos, people and register make of the findings."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tabulate.blobs import sha256
from tabulate.findings import _counts, _turnout, audit_mission, document, findings
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


def test_a_name_from_a_phone_claims_no_station(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    arrive(mission, "003", "mesa-20260301.jpg")
    assert found(mission, "filings") == []
    # The sheet's own code of a station that the register does not have is one, and so is a claim given outright.
    arrive(mission, "999", "mesa-999.jpg")
    assert found(mission, "filings") == [("999", None, "B")]
    receive(mission, fake.photo(refuse="dark"), "IMG_1.jpg", station="998", actor="ana")
    fake.read_all(mission)
    assert found(mission, "filings") == [("998", None, "B"), ("999", None, "B")]


def test_a_person_clears_a_wrong_filing(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    photo = arrive(mission, "003", "mesa-002.jpg")
    assert found(mission, "filings") == [("002", None, "A")]
    decide(mission, "002", "president", photo, "reassign", to="003", actor="eva")
    assert found(mission, "filings") == []
    other = arrive(mission, "003", "mesa-001.jpg", sol=99, valid=149, cast=149)
    assert found(mission, "filings") == [("001", None, "A")]
    decide(mission, "001", "president", other, "refuse", note="blurred", actor="eva")
    assert found(mission, "filings") == []


def test_one_photo_filed_twice_is_cleared_by_moving_it(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    photo = arrive(mission, None, "mesa-001.jpg")
    arrive(mission, None, "mesa-002.jpg")
    assert found(mission, "filings") == [("001", None, "A"), ("002", None, "A")]
    decide(mission, "002", "president", photo, "reassign", to="001", actor="eva")
    assert found(mission, "filings") == []


def test_every_page_of_a_file_is_looked_at(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    photo = arrive(mission, "001", "mesa-001.jpg")
    tables = derive(mission)
    second = tables["readings"].with_columns(page=pl.lit(2, pl.Int64), station_id=pl.lit("002"))
    tables["readings"] = pl.concat([tables["readings"], second])
    (audit, _) = audit_mission(mission, tables, only=["filings"])
    assert audit.battery["filings"].flagged["evidence"].to_list() == [
        "The photo is filed for station 001, and the sheet in it carries the code of station 002."
    ]
    assert audit.battery["filings"].flagged["photo"].to_list() == [photo]


def test_two_fields_of_one_option_are_added_up(template: Path, tmp_path: Path) -> None:
    fields = [("sol", "option"), ("sol_b", "option"), ("luna", "option"), ("valid", "valid")]
    fields += [("blank", "blank"), ("cast", "cast")]
    settings = (template / "mission.toml").read_text(encoding="utf-8")
    names = 'sol = "sol", sol_b = "sol", luna = "luna", valid = "valid", blank = "blank", cast = "cast"'
    old = 'id = "xx-president"\ncontest = "president"\n'
    assert old in settings
    text = settings.replace(old, f"{old}fields = {{ {names} }}\n")
    (template / "mission.toml").write_text(text, encoding="utf-8")
    mission = start(template, tmp_path, fields)
    arrive(mission, "003", sol=70, sol_b=30)
    arrive(mission, "002", sol=60, sol_b=20, valid=130, cast=130)
    tables = derive(mission)
    nothing = pl.when(pl.col("field") == "sol_b", pl.col("station_id") == "002")
    tables["tally_fields"] = tables["tally_fields"].with_columns(
        value=nothing.then(None).otherwise("value"), state=nothing.then(pl.lit("blank")).otherwise("state")
    )
    assert counts(tables) == [("002", None, 50), ("003", 100, 50)]


def counts(tables: dict[str, pl.DataFrame]) -> list[tuple[str, int | None, int | None]]:
    _, frame = _counts(tables, "president", ("sol", "luna"))
    return frame.select("station_id", "sol", "luna").sort("station_id").rows()


def test_the_document_says_within_what_pvalues_are_corrected(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    arrive(mission, "001")
    assert document(audit_mission(mission, derive(mission), calibrate=False))["corrected_within"] == "contest"


def test_a_finding_names_the_photo_that_shows_the_number(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    first = fake.photo(form="xx-senate-1", station="002", fields={"sol": 60, "mar": 41})
    second = fake.photo(form="xx-senate-2", station="002", fields={"valid": 100})
    for data in (first, second):
        receive(mission, data, "mesa-002.jpg", actor="ana")
    fake.read_all(mission)
    official(mission, "station_id,contest,sol,mar,valid\n002,senate,61,41,190\n")
    table = findings(audit_mission(mission, derive(mission), calibrate=False))
    rows = set(table.select("audit", "field", "photo").rows())
    assert rows == {
        ("comparison", "sol", sha256(first)),
        ("comparison", "valid", sha256(second)),
        ("arithmetic", "total", sha256(first)),
    }


def test_a_number_that_a_person_corrected_names_the_photo_they_looked_at(
    template: Path, tmp_path: Path
) -> None:
    mission = start(template, tmp_path)
    poor = arrive(mission, "003")
    best = arrive(mission, "003", "mesa-003b.jpg", blank=1, cast=151)
    seen = next(
        p for p in (poor, best) if p != derive(mission)["tallies"].filter(station_id="003")["photo"][0]
    )
    values = VOTES | ({"blank": 1, "cast": 151} if seen == best else {})
    decide(mission, "003", "president", seen, "accept", actor="eva", values=None)
    official(mission, "station_id,contest,sol,luna,cast\n003,president,100,50,170\n")
    tables = derive(mission)
    fields = tables["tally_fields"].filter(station_id="003", field="cast")
    assert fields.select("value", "photo").rows() == [(values["cast"], seen)]
    tables["tally_fields"] = tables["tally_fields"].with_columns(confirmed=pl.lit(True))
    tables["comparison"] = tables["comparison"].with_columns(left_confirmed=pl.lit(True))
    table = findings(audit_mission(mission, tables, only=["comparison"], calibrate=False))
    assert table.select("field", "photo").rows() == [("cast", seen)]


def test_an_annulled_acta_without_a_vote_is_a_revision_and_no_finding(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    arrive(mission, "002")
    head = "station_id,contest,registered,cast,valid,blank,null,status,sol,luna\n"
    official(mission, head + "002,president,210,0,0,0,0,anulada,0,0\n")
    assert found(mission, "comparison") == []
    # Not counted, but with votes in it: two records of one acta that differ.
    official(mission, head + "002,president,210,150,150,0,0,anulada,90,60\n")
    assert ("002", "sol", "A") in found(mission, "comparison")


def test_ballots_are_derived_only_where_the_source_has_all_their_kinds() -> None:
    whole = pl.Int64
    row = {"valid": None, "blank": 3, "null": 4, "cast": None, "voted": None, "a": 10, "b": 20}
    types = dict.fromkeys(row, whole)

    def cast(*rows: dict[str, int | None], blanks: bool = True) -> list[int | None]:
        frame = pl.DataFrame([row | changed for changed in rows], schema=types)
        return _turnout(frame, ("a", "b"), blanks=blanks)["cast"].to_list()

    # Neither valid votes nor ballots anywhere: the options are all valid votes there are.
    assert cast({}, {"a": None}, {"blank": None}) == [37, None, None]
    # Somewhere they are given: then they are not made up elsewhere.
    assert cast({"valid": 30}, {}, {"cast": 99}) == [37, None, 99]
    # Blank votes that are not given are not zero, unless the country has none.
    assert cast({"valid": 30, "blank": None}) == [None]
    assert cast({"valid": 30, "blank": None}, blanks=False) == [34]


def test_what_the_reader_saw_struck_out_is_counted_by_region(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    for station, struck in (("001", ["sol", "valid"]), ("003", [])):
        photo = fake.photo(form="xx-president", station=station, fields=VOTES, struck=struck)
        receive(mission, photo, f"mesa-{station}.jpg", actor="ana")
    fake.read_all(mission)
    battery = audit_mission(mission, derive(mission), only=["corrections"])[0].battery
    result = battery["corrections"]
    assert (result.n, result.statistic) == (2, 0.5)
    assert result.parts["total and option"] == {"examined": 2, "struck": 1}
    assert sum(part["struck"] for name, part in result.parts.items() if name.startswith("region/")) == 1


def test_the_same_handwriting_at_two_stations_is_named(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    for station, writing in (("001", "a" * 64), ("003", "a" * 60 + "0000")):
        photo = fake.photo(form="xx-president", station=station, fields=VOTES, writing=writing)
        receive(mission, photo, f"mesa-{station}.jpg", actor="ana")
    fake.read_all(mission)
    assert found(mission, "same-writing") == [("001", None, "C"), ("003", None, "C")]
