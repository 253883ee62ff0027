"""What the sheet's codes, its printed number, its sender and the register say of its station, from photo to finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabulate.findings import audit_mission, findings
from tabulate.intake import receive
from tabulate.mission import Mission
from tabulate.rebuild import derive
from tabulate.register import import_register
from tests.tabulate import fake
from tests.tabulate.conftest import form_toml

GOOD = {"sol": 10, "luna": 20, "valid": 30, "blank": 1, "cast": 31}
FIELDS = [(f, f if f not in ("sol", "luna") else "option") for f in GOOD]


@pytest.fixture
def night(template: Path, tmp_path: Path) -> Mission:
    """A mission whose president's form has a printed station number."""
    form = template / "forms" / "xx-president" / "form.toml"
    text = form_toml("xx-president", "xx-president", 1, 1, [*FIELDS, ("number", "station")])
    form.write_text(text, encoding="utf-8")
    mission = Mission.create(tmp_path / "of-codes", template)
    import_register(mission, template / "register.csv", actor="ana")
    return mission


def send(mission: Mission, claim: str | None, **what: object) -> None:
    receive(
        mission, fake.photo(form="xx-president", fields=GOOD, **what), "a.jpg", actor="ana", station=claim
    )
    fake.read_all(mission)


def queue(mission: Mission) -> list[tuple[str, str, str]]:
    return derive(mission)["queue"].select("station_id", "reason", "detail").rows()


def filed(mission: Mission) -> list[tuple[str, str]]:
    audits = audit_mission(mission, derive(mission), only=["filings"], calibrate=False)
    return findings(audits).select("station_id", "grade").rows()


def status(mission: Mission, station: str) -> str:
    rows = derive(mission)["tallies"].filter(station_id=station, contest="president")
    return str(rows["status"].item())


def test_code_print_claim_and_register_agree(night: Mission) -> None:
    send(night, "001", station="001")
    assert (status(night, "001"), queue(night), filed(night)) == ("accepted", [], [])


@pytest.mark.parametrize("claim", ["001", None])
def test_a_code_against_the_printed_number_waits_and_is_a_finding(night: Mission, claim: str | None) -> None:
    send(night, claim, station="001", printed="002")
    assert status(night, "001") == "person"
    said = "the sheet's codes and its printed number name different stations"
    assert queue(night) == [("001", "station-differs", said)]
    assert filed(night) == [("001", "B")]
    assert not derive(night)["tally_fields"]["confirmed"].any()


def test_two_codes_that_differ_name_no_station(night: Mission) -> None:
    send(night, None, codes_differ=True)
    assert [(s, r) for s, r, _ in queue(night)] == [("", "station-unknown")]
    send(night, "001", codes_differ=True, nonce=1)
    assert status(night, "001") == "person"
    assert ("001", "station-differs") in [(s, r) for s, r, _ in queue(night)]


def test_a_claim_against_the_code_waits_and_is_a_finding(night: Mission) -> None:
    send(night, "002", station="001")
    assert [(s, r) for s, r, _ in queue(night)] == [
        ("001", "station-differs"),
        ("002", "photo-of-another-station"),
    ]
    assert queue(night)[0][2] == "claimed for 002, the sheet says 001"
    assert filed(night) == [("002", "A")]


@pytest.mark.parametrize("code", ["1", "0001", "OO1", "001 ", "00l"])
def test_zeros_and_letters_are_never_mended_silently(night: Mission, code: str) -> None:
    send(night, None, station=code)
    assert queue(night) == [(code, "station-not-in-register", "")]
    assert status(night, "001") == "absent" and filed(night) == [(code, "B")]


def test_a_note_keeps_nothing_back_unless_the_mission_asks(night: Mission, template: Path) -> None:
    send(night, "001", station="001", notes=["signature-unverified:no-key"])
    assert status(night, "001") == "accepted"
    settings = night.folder / "mission.toml"
    text = settings.read_text(encoding="utf-8")
    section = "[acceptance]\n"
    text = (
        text.replace(section, f"{section}code_signature = true\n")
        if section in text
        else (f"{text}\n{section}code_signature = true\n")
    )
    settings.write_text(text, encoding="utf-8")
    night.close()
    strict = Mission.open(night.folder)
    assert status(strict, "001") == "person"
    assert [r for _, r, _ in queue(strict)] == ["signature-unverified:no-key"]
