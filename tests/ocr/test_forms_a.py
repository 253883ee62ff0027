"""The forms of Colombia, Honduras and Mexico (2015): what they say, that they are found, and that they are read."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.form import Form, Role, load_forms
from ocr.found import NotFound
from ocr.read import read
from ocr.register import register
from ocr.render import render
from tests.ocr.made import corners, jpeg, photograph, sheet

FORMS = load_forms()

Values = dict[str, int | str]
E14: Values = {
    "station": "010340001002", "voters_e11": 205, "votes_in_urn": 205, "incinerated": 0,
    "c1_cepeda": 64, "c2_espriella": 117, "blank": 8, "null": 13, "unmarked": 3, "sum_total": 205,
}  # fmt: skip
E14J: Values = {
    "station": "260800102013", "voters_e11": 85, "votes_in_urn": 85, "incinerated": 0,
    "list_01": 12, "list_02": 30, "list_03": 5, "list_04": 21, "list_05": 9,
}  # fmt: skip
CNE: Values = {
    "received": 350, "unused": 132, "used": 218, "voters_roll": 206, "jrv_members": 8, "custodians": 4,
    "total_voters": 218, "dc": 2, "libre": 71, "pinu": 3, "liberal": 45, "nacional": 86, "blank": 6, "null": 5,
    "grand_total": 218,
}  # fmt: skip
HEAD: Values = {"BS": 310, "PV": 262, "RPPV": 4, "SV": 266, "BSU": 266}
PARTIES: Values = {
    "PAN": 58, "PRI": 61, "PRD": 32, "PVEM": 9, "PT": 7, "MC": 12, "NUEVA_ALIANZA": 10, "MORENA": 40, "PH": 5, "ES": 6,
}  # fmt: skip
FILLED: dict[str, Values] = {
    "co-e14-2026": E14,
    "co-e14j-2025": E14J,
    "hn-cne-2025": CNE,
    "mx-ine-aecc-2015": HEAD
    | PARTIES
    | {"C_PRI_PVEM": 3, "C_PRD_PT": 2, "CI_1": 5, "CI_2": 1, "CNR": 0, "NULOS": 15, "TOTAL": 266},
    "mx-ine-aecc-2015-one-coalition": HEAD | PARTIES | {"C_PRI_PVEM": 8, "CNR": 1, "NULOS": 17, "TOTAL": 266},
}
CODES = {"hn-cne-2025": "1803181080041000"}
REAL = {"co-e14-2026": 2, "co-e14j-2025": 1, "hn-cne-2025": 2, "mx-ine-aecc-2015": 2}


def made(name: str, changes: Values | None = None) -> bytes:
    """A photo of the filled form."""
    page = sheet(FORMS[name], FILLED[name] | (changes or {}), CODES.get(name, ""))
    return jpeg(photograph(page, 1400 / max(page.shape) if max(page.shape) < 1400 else 1.0)[0])


@pytest.mark.parametrize("name", FILLED)
def test_a_form_has_what_its_sheet_has(name: str) -> None:
    form = FORMS[name]
    assert {f.name for f in form.fields} == set(FILLED[name])
    assert render(form, 0.5).shape == (round(form.page.height / 2), round(form.page.width / 2), 3)
    assert form.source and form.authority and form.year in (2015, 2025, 2026)
    assert len([t for t in form.texts if t.colour is None]) >= 10
    for text in form.texts:
        assert 0 <= text.x <= form.page.width and 0 <= text.y <= form.page.height
    roles = [f.role for f in form.fields if f.role not in (Role.OPTION, Role.OTHER)]
    assert len(roles) == len(set(roles)), "two fields of one role are added up"


@pytest.mark.parametrize("name", FILLED)
def test_no_two_boxes_overlap_and_no_words_lie_on_boxes(name: str) -> None:
    form = FORMS[name]
    quads = [box for f in form.fields for box in f.boxes] + [f.words for f in form.fields if f.words]
    boxes = [box for f in form.fields for box in f.boxes]
    for a, b in combinations(boxes, 2):
        assert not overlap(a, b)
    for words in quads[len(boxes) :]:
        assert words[0] >= 0 and words[0] + words[2] <= form.page.width
        assert not any(overlap(words, box) for box in boxes)


def overlap(a: tuple[float, ...], b: tuple[float, ...], slack: float = 0.25) -> bool:
    return (
        min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0]) > slack
        and min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1]) > slack
    )


@pytest.mark.parametrize("name", FILLED)
def test_the_sums_hold_on_a_sheet_that_adds_up(name: str) -> None:
    form, values = FORMS[name], FILLED[name]
    assert any(s.evidence and s.rule == "equal" for s in form.sums)
    for s in form.sums:
        left, right = (sum(int(values[n]) for n in side) for side in (s.left, s.right))
        assert left == right if s.rule == "equal" else left <= right
    every = {n for s in form.sums for n in (*s.left, *s.right)}
    assert {f.name for f in form.fields if f.role in (Role.OPTION, Role.NULL, Role.CAST)} <= every


@pytest.mark.parametrize("name", FILLED)
def test_a_filled_blank_is_found_among_all_forms_and_read(name: str) -> None:
    form = FORMS[name]
    reading = read(made(name))
    assert (reading.refused, reading.form) == (None, name)
    assert {n: f.value for n, f in reading.fields.items() if n != "station"} == {
        n: int(v) for n, v in FILLED[name].items() if n != "station"
    }
    assert all(s.holds for s in reading.sums)
    page = sheet(form, {})
    _, to_photo = photograph(page, 1400 / max(page.shape) if max(page.shape) < 1400 else 1.0)
    for n, field in reading.fields.items():
        where = corners(form, n, to_photo)
        side = np.hypot(*(where[0, 1] - where[0, 0]))
        assert np.abs(np.array(field.boxes) - where).max() < max(0.25 * side, 5)


@pytest.mark.parametrize(
    ("name", "field", "value", "failing"),
    [
        ("co-e14-2026", "voters_e11", 206, "level"),
        ("co-e14j-2025", "list_02", 130, "lists"),
        ("hn-cne-2025", "unused", 241, "ballots"),
        ("mx-ine-aecc-2015", "PV", 391, "voters"),
    ],
)
def test_a_sheet_that_does_not_add_up_is_reported_as_written(
    name: str, field: str, value: int, failing: str
) -> None:
    reading = read(made(name, {field: value}))
    assert reading.fields[field].value == value
    assert not reading.accepted and f"sum-fails:{failing}" in reading.reasons
    assert [s.sum for s in reading.sums if s.holds is False] == [failing]


def test_a_code_of_honduras_says_the_jrv() -> None:
    reading = read(made("hn-cne-2025"))
    assert (reading.station_id, reading.station_source) == ("18108", "qr")


def real_forms(folder: Path) -> dict[str, str]:
    """The form of each real sheet: that whose fields its truth names; where there is no truth, the folder's."""
    names: dict[str, set[str]] = {}
    if (folder / "truth.csv").is_file():
        with (folder / "truth.csv").open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                names.setdefault(row["file"], set()).add(row["field"])
    found = {}
    for path in sorted(folder.glob("*.png")):
        found[path.name] = folder.name
        for name, values in FILLED.items():
            if names.get(path.name) == set(values) - {"station"}:
                found[path.name] = name
    return found


@pytest.mark.parametrize("name", REAL)
def test_real_sheets_are_found_among_all_forms(real_data: Path, name: str) -> None:
    wanted = real_forms(real_data / "actas" / name)
    assert len(wanted) == REAL[name]
    for file, form in wanted.items():
        gray = cv2.imread(str(real_data / "actas" / name / file), cv2.IMREAD_GRAYSCALE)
        found = register(np.asarray(gray, np.uint8), list(FORMS.values()))
        assert found.form.id == form
        assert found.form.verified


def test_the_sheets_that_do_not_add_up_are_not_accepted(real_data: Path) -> None:
    folder = real_data / "actas" / "co-e14-2026"
    anza, turbo = read(folder / "Anza_p1.png"), read(folder / "Turbo_002_p1.png")
    assert (anza.fields["voters_e11"].value, anza.fields["votes_in_urn"].value) == (192, 191)
    assert not anza.accepted and "sum-fails:level" in anza.reasons
    assert not turbo.accepted


def other(form: Form) -> list[Form]:
    return [f for f in FORMS.values() if f.id != form.id and not f.id.startswith("mx-ine-aecc-2015")]


@pytest.mark.parametrize("name", REAL)
def test_without_its_form_a_made_sheet_is_no_other(name: str) -> None:
    gray = cv2.cvtColor(photograph(sheet(FORMS[name], FILLED[name]))[0], cv2.COLOR_BGR2GRAY)
    with pytest.raises(NotFound):
        register(np.asarray(gray, np.uint8), other(FORMS[name]))
