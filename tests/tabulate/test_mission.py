"""mission.toml: what is right opens, what is wrong is one sentence that names file, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr.errors import CotejoError
from ocr.form import Role
from tabulate.mission import Mission


def test_a_mission_opens(mission: Mission) -> None:
    assert list(mission.contests) == ["president", "senate"]
    assert mission.contests["senate"].options[1].short == "mar"
    assert [c.contest for c in mission.contests_of("xx-president")] == ["president"]
    assert mission.contests_of("unknown") == []
    assert mission.fields_of("xx-president", "president")["luna"] == (Role.OPTION, "luna")
    assert mission.fields_of("xx-president", "president")["cast"] == (Role.CAST, None)
    assert [p.id for p in mission.pages_of("xx-senate", "senate")] == ["xx-senate-1", "xx-senate-2"]


def test_settings_are_kept_when_they_change(mission: Mission) -> None:
    mission.record_settings("ana")
    assert [e.kind for e in mission.ledger.entries()] == ["mission-configured"]
    path = mission.folder / "mission.toml"
    path.write_text(path.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    mission.record_settings("ana")
    kept = [mission.blobs.get(e.subject) for e in mission.ledger.entries()]
    assert len(kept) == 2 and kept[1].endswith(b"# a remark\n")


def test_one_form_counts_two_contests(template: Path, tmp_path: Path) -> None:
    path = template / "mission.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text
        + '[[forms]]\nid = "xx-president"\ncontest = "senate"\nfields = { sol = "sol", luna = "mar", cast = "cast" }\n',
        encoding="utf-8",
    )
    mission = Mission.create(tmp_path / "m", template)
    assert mission.fields_of("xx-president", "senate") == {
        "sol": (Role.OPTION, "sol"),
        "luna": (Role.OPTION, "mar"),
        "cast": (Role.CAST, None),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'right = ["valid"]',
            'right = ["validd"]',
            r"sums \(total\): the sum names the unknown field 'validd'",
        ),
        ('id = "luna"', 'id = "sol"', r"contests\[1\] \(president\).*option 'sol' twice; remove or rename"),
        (
            'id = "luna"',
            'id = "mar"',
            r"forms \(xx-president for president\).*'luna', which the contest does not have",
        ),
        ('id = "luna"', 'id = "valid"', r"options\[2\] \(valid\).*name of a role; choose"),
        ('id = "luna"', 'id = "../x"', r"contests\[1\] \(president\)\.options\[2\] \(../x\)\.id"),
        (
            'name = "Senate"',
            'name = "Senate"\nsedas = 3',
            r"contests\[2\] \(senate\)\.sedas is not a key that exists",
        ),
        ("seats = 2", 'seats = "2"', r"contests\[2\] \(senate\)\.seats: .*; correct it"),
        ('name = "Invented election"\n', "", r"mission\.name is missing; add it"),
        (
            'contest = "president"',
            'contest = "mayor"',
            r"form 'xx-president' names the unknown contest 'mayor'; known are",
        ),
        ('id = "xx-president"', 'id = "xx-nothing"', r"there is no such form; known are"),
        ("America/La_Paz", "America/Nowhere", r"mission\.timezone: 'America/Nowhere' is no time zone; write"),
        ("(?P<station>", "(", r"intake\.claim_pattern: .*no group"),
        ("(?P<station>", "((?P<station>", r"intake\.claim_pattern: .*no regular expression"),
        ("[mission]", "[mission", r"is not valid TOML .*; correct that line"),
        ("absolute-majority", "sortition", r"contests\[1\] \(president\)\.rule"),
    ],
)
def test_a_wrong_mission_toml(template: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    path = template / "mission.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CotejoError, match=r"mission\.toml.*" + message) as e:
        Mission.create(tmp_path / "m", template)
    assert "\n" not in str(e.value)
    assert not (tmp_path / "m").exists()


def test_a_form_field_that_does_not_exist(template: Path, tmp_path: Path) -> None:
    path = template / "mission.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + '[[forms]]\nid = "xx-president"\ncontest = "senate"\nfields = { sun = "sol" }\n',
        encoding="utf-8",
    )
    with pytest.raises(CotejoError, match="unknown field 'sun'"):
        Mission.create(tmp_path / "m", template)


def test_no_mission_there(tmp_path: Path) -> None:
    with pytest.raises(CotejoError, match=r"there is no mission .*cotejo init"):
        Mission.open(tmp_path / "nothing")


def test_a_new_mission_needs_an_empty_folder(mission: Mission, template: Path) -> None:
    with pytest.raises(CotejoError, match="is not empty; choose a new folder"):
        Mission.create(mission.folder, template)
    assert Mission.open(mission.folder).settings == mission.settings


def test_a_mission_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "mission.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CotejoError, match="is not valid TOML"):
        Mission.open(tmp_path)
