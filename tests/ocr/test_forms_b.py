"""The forms of Georgia (2016), Indonesia (2017, 2019) and Peru (2026): consistent, found among all, and read."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.form import Form, Quad, Role, load_forms
from ocr.found import NotFound
from ocr.read import read
from ocr.register import register
from ocr.render import render
from tests.ocr.made import Pixels, jpeg, photograph, sheet

FORMS = load_forms()

# What the clerks of four invented stations wrote, box by box: X or nothing for a leading zero, as is the custom there.
GEORGIA = {
    "possible_voters": "1284", "special_voters": "XX17", "votes_by_1200": "X236", "votes_by_1700": "X548",
    "ballots_signed_for": "X702", "ballots_available": "1300",
    "party_1": "XX14", "party_2": "XXXX", "party_3": "XX41", "party_4": "XXX2", "party_5": "X187", "party_6": "XX23",
    "party_7": "XXX3", "party_8": "XX36", "party_10": "XX15", "party_11": "XXXX", "party_12": "XXX5",
    "party_14": "XXX4", "party_15": "XXXX", "party_16": "XXX8", "party_17": "XXXX", "party_18": "XXX6",
    "party_19": "XXX7", "party_22": "XXXX", "party_23": "XXX2", "party_25": "XXX9", "party_26": "XX10",
    "party_27": "XX32", "party_28": "XXXX", "party_30": "XXX3", "party_41": "X268", "invalid_ballots_submitted": "XX27",
}  # fmt: skip
JAKARTA = {
    "c1_agus": "X84", "c2_ahok": "206", "c3_anies": "197", "valid_total": "487", "invalid": "XX6", "total": "493",
}  # fmt: skip
INDONESIA = {
    "c01_jokowi": "103", "c02_prabowo": "X86", "valid_total": "189", "invalid": "XX4", "total": "193",
}  # fmt: skip
LISTS = {
    1: 4, 2: 12, 3: 7, 6: 36, 8: 18, 11: 25, 15: 3, 16: 29, 21: 40, 22: 2, 24: 17, 29: 5, 33: 38, 36: 1,
}  # fmt: skip
PERU = {
    "mesa": "033841", "electores_habiles": "298",
    **{f"partido_{i:02d}": f"{LISTS.get(i, 0):3d}" for i in range(1, 39) if i not in (4, 14)},
    "votos_blanco": " 14", "votos_nulos": "  9", "votos_impugnados": "  0",
    "total_votos_emitidos": "260", "total_ciudadanos_votaron": "260",
}  # fmt: skip
FILLED = {
    "ge-cec-protocol-2016": GEORGIA,
    "id-kpu-c1-plano-2017": JAKARTA,
    "id-kpu-c1-2019": INDONESIA,
    "pe-onpe-2026": PERU,
}
CUT = {"id-kpu-c1-plano-2017": {"6.jpeg"}}  # the lower part of the sheet is not on it


def number(written: str) -> int:
    return int(written.replace("X", "0").replace(" ", "0"))


def with_letters(form: Form) -> Form:
    """The form with Latin letters, narrow enough to stay out of the boxes, for those that the renderer's font lacks."""
    texts = [
        t.model_copy(update={"text": "".join(c if c < "\u0500" else "i" for c in t.text)}) for t in form.texts
    ]
    return form.model_copy(update={"texts": tuple(texts)})


def photo(name: str, **changes: str) -> Pixels:
    """A photo from the side of the filled form."""
    code = FILLED[name].get("mesa", "")
    page = sheet(with_letters(FORMS[name]), {**FILLED[name], **changes}, code and f"{code}05O")
    return photograph(page, 1.2)[0]


def clash(a: Quad, b: Quad) -> bool:
    """Whether two rectangles share more than their edges."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(np.add(a[:2], a[2:]), np.add(b[:2], b[2:]))
    return bool((high - low > 0.5).all())


@pytest.mark.parametrize("name", FILLED)
def test_the_form_says_what_stands_on_the_sheet(name: str) -> None:
    form = FORMS[name]
    assert [f.name for f in form.fields] == list(FILLED[name])
    assert all(f.digits == len(FILLED[name][f.name]) for f in form.fields)
    assert form.verified and not form.synthetic
    assert "scan" in form.source or "photo" in form.source
    assert len([t for t in form.texts if t.colour is None]) > 20
    blank = render(form, 0.5)
    dark = blank.min(axis=2) < 0.6 * np.median(blank)
    assert 0.01 < dark.mean() < 0.2


@pytest.mark.parametrize("name", FILLED)
def test_boxes_lie_apart_and_beside_the_words(name: str) -> None:
    form = FORMS[name]
    quads = [(f.name, q) for f in form.fields for q in (*f.boxes, *([f.words] if f.words else []))]
    for i, (one, a) in enumerate(quads):
        assert not [two for two, b in quads[:i] if clash(a, b)], one


@pytest.mark.parametrize("name", FILLED)
def test_every_count_is_in_a_sum_and_the_sums_hold(name: str) -> None:
    form = FORMS[name]
    for s in form.sums:
        left, right = (sum(number(FILLED[name][n]) for n in side) for side in (s.left, s.right))
        assert left == right if s.rule == "equal" else left <= right, s.name
    linked = {n for s in form.sums if s.evidence for n in (*s.left, *s.right)}
    free = {f.name for f in form.votes} - linked
    assert not [n for n in free if form.field(n).role not in (Role.OTHER, Role.REGISTERED)]


@pytest.mark.parametrize("name", FILLED)
def test_a_filled_blank_is_found_among_all_forms_and_read(name: str) -> None:
    reading = read(jpeg(photo(name)), file="made.jpg")
    assert reading.form == name, reading.refused
    told = {n: f.value for n, f in reading.fields.items() if n != "mesa"}
    assert told == {n: number(w) for n, w in FILLED[name].items() if n != "mesa"}
    assert [s.holds for s in reading.sums] == [True] * len(FORMS[name].sums)
    assert reading.station_id == FILLED[name].get("mesa")


@pytest.mark.parametrize(
    ("name", "field", "written", "sums"),
    [
        ("id-kpu-c1-2019", "total", "X44", {"total"}),
        pytest.param("id-kpu-c1-plano-2017", "valid_total", "787", {"valid", "total"}),
        ("pe-onpe-2026", "total_ciudadanos_votaron", "263", {"voters"}),
        ("ge-cec-protocol-2016", "party_5", "X481", {"cast"}),
    ],
)
def test_what_does_not_add_up_is_told_as_written(name: str, field: str, written: str, sums: set[str]) -> None:
    reading = read(jpeg(photo(name, **{field: written})))
    assert reading.fields[field].value == number(written)
    assert {s.sum for s in reading.sums if s.holds is False} == sums
    assert not reading.accepted


@pytest.mark.parametrize("name", FILLED)
def test_without_its_form_the_sheet_is_no_other(name: str) -> None:
    gray = np.asarray(cv2.cvtColor(photo(name), cv2.COLOR_BGR2GRAY), np.uint8)
    with pytest.raises(NotFound):
        register(gray, [f for f in FORMS.values() if f.id != name])


@pytest.mark.parametrize("name", FILLED)
def test_a_real_sheet_is_found_and_its_fields_have_the_names_of_the_truth(real_data: Path, name: str) -> None:
    folder = real_data / "actas" / name
    with (folder / "truth.csv").open(encoding="utf-8") as stream:
        rows = [(r["file"], r["field"]) for r in csv.DictReader(stream) if r["value"]]
    assert {field for _, field in rows} <= set(FILLED[name])
    for file in sorted({file for file, _ in rows} - CUT.get(name, set())):
        gray = np.asarray(cv2.imread(str(folder / file), cv2.IMREAD_GRAYSCALE), np.uint8)
        found = register(gray, list(FORMS.values()))
        assert found.form.id == name, file
        assert min(found.seen[f.name] for f in found.form.fields if f.edges != "none") > 0.15, file


def test_the_real_sheet_whose_total_was_written_wrongly_is_told_as_written(real_data: Path) -> None:
    folder = real_data / "actas" / "id-kpu-c1-2019"
    wrong, blank = read(folder / "test16.jpg"), read(folder / "test13.jpg")
    assert {n: f.value for n, f in wrong.fields.items()} == {
        "c01_jokowi": 76, "c02_prabowo": 89, "valid_total": 165, "invalid": 2, "total": 2,
    }  # fmt: skip
    assert "sum-fails:total" in wrong.reasons and not wrong.accepted
    assert blank.fields["invalid"].value is None and not blank.accepted


def test_the_bar_code_of_the_real_peruvian_acta_tells_its_mesa(real_data: Path) -> None:
    reading = read(real_data / "actas" / "pe-onpe-2026" / "acta_033777.jpg")
    assert (reading.station_id, reading.station_source) == ("033777", "code39")
