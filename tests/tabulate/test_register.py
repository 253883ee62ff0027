"""The register: loaded, corrected during the night, and refused as a whole when something in it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr.errors import CotejoError
from tabulate.mission import Mission
from tabulate.register import RegisterReceipt, import_register, register_tables
from tests.tabulate.conftest import AT, REGISTER


def load(mission: Mission, tmp_path: Path, text: str | bytes) -> RegisterReceipt:
    path = tmp_path / "r.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_register(mission, path, actor="ana", at=AT)


def test_leading_zeros_and_stations_without_a_list(mission: Mission, template: Path) -> None:
    receipt = import_register(mission, template / "register.csv", actor="ana", at=AT)
    assert (receipt.rows, receipt.added, receipt.changed, receipt.ignored) == (4, 4, 0, ())
    register, revisions = register_tables(mission)
    assert register["station_id"].to_list() == ["001", "002", "003", "004"]
    assert register["registered"].to_list() == [200, 210, 190, None]
    assert register["has_list"].to_list() == [True, True, True, False]
    assert register["contests"].to_list() == [None, None, "president", "president"]
    assert revisions.height == 4 and revisions["before"].null_count() == 4


def test_a_correction_during_the_night_overwrites_nothing(
    mission: Mission, template: Path, tmp_path: Path
) -> None:
    import_register(mission, template / "register.csv", actor="ana", at=AT)
    receipt = load(mission, tmp_path, "registered;station_id;remark\n250;001;x\n300;005;new\n")
    assert (receipt.rows, receipt.added, receipt.changed, receipt.ignored) == (2, 1, 1, ("remark",))
    register, revisions = register_tables(mission)
    one = register.row(0, named=True)
    assert one["registered"] == 250 and one["place"] == "Escuela Uno" and one["seq"] == receipt.seq
    assert register.height == 5 and register["seq"].to_list()[1] < receipt.seq
    assert register.row(4, named=True)["active"] is True
    changes = (
        revisions.filter(revisions["seq"] == receipt.seq)
        .select("station_id", "column", "before", "after")
        .rows()
    )
    assert changes == [("001", "registered", "200", "250"), ("005", "station_id", None, "005")]
    again = load(mission, tmp_path, "registered,station_id\n250,001\n")
    assert (again.added, again.changed) == (0, 0)
    assert register_tables(mission)[0].equals(register)


def test_a_withdrawn_station_stays_in_the_list(mission: Mission, tmp_path: Path) -> None:
    load(mission, tmp_path, REGISTER)
    load(mission, tmp_path, "station_id,active\n002,no\n")
    register, _ = register_tables(mission)
    assert register["active"].to_list() == [True, False, True, True]


def test_a_byte_order_mark_and_tabs(mission: Mission, tmp_path: Path) -> None:
    load(mission, tmp_path, "\ufeffstation_id\tplace\n0001\tSão João, nº 1\n")
    assert register_tables(mission)[0].select("station_id", "place").row(0) == ("0001", "São João, nº 1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "station_id,region\n01,a\n02,b\n01,c\n",
            r"the station '01' stands in rows 2, 4; a station may stand there once",
        ),
        ("station_id,region\n01,a\n ,b\n", "row 3: the station id is empty"),
        ("mesa,region\n01,a\n", "has no column 'station_id'; rename"),
        ("station_id,registered\n01,1.234\n", r"row 2: registered is '1\.234', which is not a whole number"),
        ("station_id,registered\n01,-4\n", "row 2: registered is '-4'"),
        ("station_id,has_list\n01,maybe\n", "row 2: has_list is 'maybe', which is not true or false"),
        ("station_id,latitude\n01,95.5\n", "beyond 90 degrees"),
        ("station_id,latitude\n01,nan\n", "which is not a number"),
        ("station_id,registered,has_list\n01,200,no\n", "has no list but 200 registered"),
        (
            "station_id,contests\n01,president;mayor\n",
            "there is no contest 'mayor'; known are president, senate",
        ),
        ("station_id,region\n01,a,b,c\n", "is not a table"),
        ("", "is empty"),
        (
            "station_id,place\n01,a\n02,Nu\u00f1oa\n".encode("latin-1"),
            r"is not UTF-8 \(line 3\); save it as UTF-8",
        ),
    ],
)
def test_a_wrong_register_changes_nothing(
    mission: Mission, tmp_path: Path, text: str | bytes, message: str
) -> None:
    head = mission.ledger.head
    with pytest.raises(CotejoError, match=message) as e:
        load(mission, tmp_path, text)
    assert "r.csv" in str(e.value) and "\n" not in str(e.value)
    assert mission.ledger.head == head
    assert register_tables(mission)[0].is_empty()


def test_no_file_there(mission: Mission, tmp_path: Path) -> None:
    with pytest.raises(CotejoError, match="cannot be read"):
        import_register(mission, tmp_path / "none.csv", actor="ana")


def test_the_files_own_names(mission: Mission, tmp_path: Path) -> None:
    path = mission.folder / "mission.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + '[register]\ncolumns = { station_id = "mesa" }\n', encoding="utf-8"
    )
    mission = Mission.open(mission.folder)
    load(mission, tmp_path, "mesa,region\n01,a\n")
    assert register_tables(mission)[0]["station_id"].to_list() == ["01"]
    with pytest.raises(CotejoError, match="has no column 'mesa'"):
        load(mission, tmp_path, "station_id,region\n01,a\n")


def test_a_correction_may_not_leave_voters_without_a_list(
    mission: Mission, template: Path, tmp_path: Path
) -> None:
    import_register(mission, template / "register.csv", actor="ana")
    path = tmp_path / "correction.csv"
    path.write_text("station_id,has_list\n001,false\n", encoding="utf-8")
    entries = [e.kind for e in mission.ledger.entries()]
    with pytest.raises(CotejoError, match="'001' would have no list but 200 registered"):
        import_register(mission, path, actor="ana")
    assert [e.kind for e in mission.ledger.entries()] == entries
    path.write_text("station_id,has_list,registered\n001,false,\n", encoding="utf-8")
    import_register(mission, path, actor="ana")
    row = register_tables(mission)[0].filter(station_id="001").row(0, named=True)
    assert (row["has_list"], row["registered"]) == (False, None)
