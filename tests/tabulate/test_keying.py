"""What people may record, and what is refused in one sentence without a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocr.errors import CotejoError
from tabulate.intake import receive
from tabulate.keying import decide, key
from tabulate.mission import Mission
from tabulate.register import import_register
from tests.tabulate import fake
from tests.tabulate.conftest import AT

GOOD = {"sol": 10, "luna": 20, "valid": 30, "blank": 1, "cast": 31}


@pytest.fixture
def photo(mission: Mission, template: Path) -> str:
    import_register(mission, template / "register.csv", actor="ana", at=AT)
    data = fake.photo(form="xx-president", station="001", fields=GOOD)
    got = receive(mission, data, "a.jpg", actor="ana", station="001", at=AT).photo or ""
    fake.read_all(mission, at=AT)
    return got


def test_an_accepted_reading_is_recorded_with_its_values(mission: Mission, photo: str) -> None:
    entry = decide(mission, "001", "president", photo, "accept", actor="eva", at=AT)
    assert {k: v["value"] for k, v in entry.body["values"].items()} == GOOD
    assert entry.subject == photo and entry.actor == "eva"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"station": "999"}, "the station '999' is not in the register"),
        ({"contest": "mayor"}, "there is no contest 'mayor'; known are president, senate"),
        ({"photo": "0" * 64}, "there is no photo"),
        ({"photo": None}, "needs a photo"),
        ({"photo": "../x"}, "is not a SHA-256"),
        ({"decision": "correct"}, "needs the values that are different"),
        (
            {"decision": "correct", "values": {"mars": 1}},
            "there is no field 'mars' in president; known are sol, luna",
        ),
        ({"decision": "correct", "values": {"sol": -1}}, "sol is -1, which is no count"),
        ({"decision": "correct", "values": {"sol": True}}, "sol is True, which is no count"),
        ({"decision": "correct", "values": {"sol": 1234}}, "the form has 3 boxes for it"),
        (
            {"decision": "correct", "values": {"sol": "zero"}},
            "give a whole number, or blank, illegible or absent",
        ),
        ({"decision": "correct", "values": {"sol": "number"}}, "give a whole number, or blank"),
        ({"values": {"sol": 1}}, "takes no values of its own"),
        ({"contest": "senate"}, "nothing was read on photo"),
        ({"decision": "refuse"}, "needs the reason"),
        ({"decision": "refuse", "note": "x", "values": {"sol": 1}}, "takes no values"),
        ({"decision": "reassign"}, "needs the other station"),
        ({"decision": "reassign", "to": "001"}, "needs the other station"),
        ({"decision": "reassign", "to": "999"}, "the station '999' is not in the register"),
    ],
)
def test_a_wrong_decision_records_nothing(
    mission: Mission, photo: str, change: dict[str, Any], message: str
) -> None:
    call: dict[str, Any] = {
        "station": "001",
        "contest": "president",
        "photo": photo,
        "decision": "accept",
    } | change
    head = mission.ledger.head
    with pytest.raises(CotejoError, match=message) as e:
        decide(mission, actor="eva", **call)
    assert "\n" not in str(e.value)
    assert mission.ledger.head == head


def test_a_wrong_keying_records_nothing(mission: Mission, photo: str) -> None:
    head = mission.ledger.head
    for station, values in (("999", GOOD), ("001", {"mars": 1}), ("001", {"sol": -5})):
        with pytest.raises(CotejoError):
            key(mission, station, "president", photo, values, actor="eva")
    assert mission.ledger.head == head


def test_of_two_photos_of_a_page_the_one_named_is_accepted(mission: Mission, photo: str) -> None:
    data = fake.photo(form="xx-president", station="001", fields=GOOD | {"sol": 11, "valid": 31, "cast": 32})
    other = receive(mission, data, "b.jpg", actor="ana", station="001", at=AT).photo or ""
    fake.read_all(mission, at=AT)
    entry = decide(mission, "001", "president", other, "accept", more=[(photo, 1)], actor="eva", at=AT)
    assert entry.body["values"]["sol"]["value"] == 11
