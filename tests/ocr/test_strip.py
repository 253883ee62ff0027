"""Strips that a code gives whole: code, print and what they say of each other; boletins on photos. All of it made up."""

from __future__ import annotations

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray
from PIL import Image

from ocr import whole as module
from ocr.bu_fields import bulletin_fields
from ocr.form import Form, FormField, Role, load_forms
from ocr.print_words import read_figures, read_words
from ocr.read import read, read_all
from ocr.reading import Reading, State
from ocr.strip import align
from tests.ocr.bulletin import DATA, texts
from tests.ocr.made import jpeg
from tests.ocr.strips import FORM, FORMS, STATION, Gray, code_text, colour, photo_of, strip, values


def seen(gray: Gray) -> Reading:
    return read(jpeg(colour(gray)))


@pytest.fixture(scope="module")
def sheet() -> Gray:
    return strip(values(), code_text(values()))


@pytest.fixture(scope="module")
def reading(sheet: Gray) -> Reading:
    return seen(np.rot90(sheet))


def test_code_and_print_are_read_and_agree(reading: Reading) -> None:
    assert reading.form == "ve-cne-2024" and reading.refused is None
    assert (reading.station_id, reading.station_source) == (STATION, "qr")
    assert {n: f.value for n, f in reading.fields.items()} == values()
    # These two stand in no sum that is evidence: they are only as sure as their own print.
    alone = {"electores", "votantes_cuaderno"}
    assert {r.removeprefix("unsure:") for r in reading.reasons} <= alone
    assert reading.accepted is (reading.reasons == ())
    assert all(s.holds for s in reading.sums)
    assert reading.registration == 1.0 and len(reading.transform) == 9
    assert Reading.from_json(json.loads(json.dumps(reading.to_json()))) == reading


def test_boxes_stand_where_the_numbers_are(sheet: Gray, reading: Reading) -> None:
    x, y, _, h = FORM.field("GONZALEZ/MUD").boxes[0]
    box = np.array(reading.fields["GONZALEZ/MUD"].boxes[0])
    # The strip lay on its side: its x runs up, from the photo's lower edge.
    expected = np.array([[y, sheet.shape[1] - x], [y + h, sheet.shape[1] - x - 25]])
    assert np.abs(box[[0, 2]] - expected).max() < 6


def right_or_unsure(got: Reading, written: dict[str, int]) -> None:
    """What stands in figures only may be unsure, but is never surely wrong; the rest is right."""
    wrong = {n for n, f in got.fields.items() if f.value != written[n]}
    assert wrong <= {"electores"} and all(f"unsure:{n}" in got.reasons for n in wrong), got.reasons
    assert not (got.accepted and wrong)


@pytest.mark.parametrize("quarters", [0, 2, 3])
def test_it_may_lie_in_any_way(sheet: Gray, quarters: int) -> None:
    right_or_unsure(seen(np.rot90(sheet, quarters)), values())


@pytest.mark.parametrize("case", ["half", "double", "tilted", "stretched", "longer", "dirty", "grey"])
def test_other_sizes_and_scans(sheet: Gray, case: str) -> None:
    if case == "half":
        gray = cv2.resize(sheet, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    elif case == "double":
        gray = cv2.resize(sheet, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC)
    elif case == "tilted":
        turn = cv2.getRotationMatrix2D((464, 3700), 0.6, 1)
        turn[:, 2] += (60, 10)
        gray = cv2.warpAffine(sheet, turn, (1050, 7450), borderValue=255)
    elif case == "stretched":
        gray = cv2.resize(sheet, None, fx=1, fy=1.04, interpolation=cv2.INTER_LINEAR)
    elif case == "longer":
        gray = strip(values(), code_text(values()), longer=210)
    elif case == "dirty":
        specks = np.random.default_rng(2).random(sheet.shape) < 0.004
        gray = np.where(specks, np.uint8(0), sheet)
    else:
        shade = np.linspace(0.5, 0.9, sheet.shape[0])[:, None]
        gray = (40 + sheet * 0.8) * shade
    got = seen(np.asarray(gray, np.uint8))
    assert {n: got.fields[n].value for n in FORM.codes[0].fields} == {
        n: values()[n] for n in FORM.codes[0].fields
    }
    assert not any(r.startswith(("print-differs", "sum-fails")) for r in got.reasons), got.reasons
    wrong = {n for n, f in got.fields.items() if f.value != values()[n]}
    assert not got.accepted or not wrong
    assert got.registration == 1.0 and len(wrong) <= 2, (wrong, got.reasons)


def test_a_strip_that_is_surely_read_is_accepted(sheet: Gray, monkeypatch: pytest.MonkeyPatch) -> None:
    def sure(found: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """As sure of it as cleaner print would make it."""
        return None if found is None else np.eye(10)[found.argmax(axis=1)] * 0.9999 + 1e-5

    def figures(
        cut: list[list[NDArray[np.uint8]]], own: NDArray[np.float32] | None = None
    ) -> list[NDArray[np.float64] | None]:
        """Only where no words stand beside them."""
        return [None if own is None else sure(p) for p in read_figures(cut, own)]

    monkeypatch.setattr(module, "read_figures", figures)
    monkeypatch.setattr(module, "read_words", lambda *a, **k: [sure(p) for p in read_words(*a, **k)])
    got = seen(sheet)
    assert got.accepted and got.reasons == () and got.probability > 0.995


def test_a_print_that_says_otherwise_goes_to_a_person() -> None:
    other = values() | {"GONZALEZ/MUD": 356}
    got = seen(strip(other, code_text(values())))
    assert "print-differs:GONZALEZ/MUD" in got.reasons and not got.accepted
    field = got.fields["GONZALEZ/MUD"]
    assert {field.value, field.runner_up} == {256, 356}
    assert not any(r.startswith("print-differs") and "MUD" not in r for r in got.reasons)


def test_a_strip_that_does_not_add_up_is_reported_as_written() -> None:
    wrong = values() | {"opciones_validas": values()["opciones_validas"] + 9}
    got = seen(strip(wrong, code_text(wrong)))
    assert not got.accepted
    # What the print itself says of each number is what was written, whether the sums are believed or not.
    assert {n for n, f in got.fields.items() if f.alone_value != wrong[n]} <= {"electores"}
    assert {"sum-fails:valid", "against-boxes:opciones_validas"} & set(got.reasons)


def test_the_code_alone_is_not_accepted(sheet: Gray) -> None:
    bare = np.full((1400, 928), 255, np.uint8)
    bare[600:] = sheet[-800:]
    got = seen(bare)
    assert got.form == "ve-cne-2024" and not got.accepted and "print-unread" in got.reasons
    assert got.fields["GONZALEZ/MUD"].value == 256
    assert got.fields["electores"].state is State.ILLEGIBLE and got.fields["electores"].boxes == ()


def test_a_mirrored_photo_is_not_read_from_its_print(sheet: Gray) -> None:
    got = seen(sheet[:, ::-1])
    assert not got.accepted


@pytest.mark.parametrize(
    "text",
    [
        f"{STATION}.1.0001!1,2,3!0!0",
        f"{STATION}.1.0001!{','.join(['1'] * 39)}!0!0",
        f"{STATION}.1.0001!{','.join(['-1'] * 38)}!0!0",
        f"{STATION}.1.0001!{','.join(['99999'] * 38)}!0!0",
        f"{STATION}.1.0001!{','.join(['٣'] * 38)}!0!0",
        f"=cmd|calc!{','.join(['1'] * 38)}!0!0",
        "QRCE:1:1 CERT:00",
    ],
)
def test_other_codes_give_no_sheet(text: str) -> None:
    paper = np.full((900, 928), 255, np.uint8)
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=8)
    square = cv2.resize(np.array(code), (600, 600), interpolation=cv2.INTER_NEAREST)
    paper[150:750, 150:750] = square
    got = seen(paper)
    assert got.refused is not None and got.fields == {}


def test_align_follows_distances_over_gaps_and_strangers() -> None:
    form = np.array([0.0, 60, 120, 300, 360, 420, 600])
    seen_at = np.array([5.0, 503, 530, 563, 622, 804, 863, 1109, 1300])  # 420 is missing, 530 is none
    got = align(form, seen_at)
    assert np.array_equal(got, [503, 563, 622, 804, 863, np.nan, 1109], equal_nan=True)
    assert np.isnan(align(form, np.array([]))).all() and align(np.array([]), seen_at).size == 0


def test_the_real_strip(real_data: Path) -> None:
    from ocr.evaluate import load_truth

    folder = real_data / "actas" / "ve-cne-2024"
    (truth,) = load_truth(folder)
    got = read(folder / truth.file)
    wrong = {n for n, v in truth.values.items() if got.fields[n].value != v}
    assert got.station_id == "070904015.03" and got.registration == 1.0
    assert wrong <= {"electores"} and not (got.accepted and wrong)
    assert not any(r.startswith("print") for r in got.reasons)


# -- boletins on photos ---------------------------------------------------------------------------------------------------


def test_a_boletim_is_read_from_a_photo() -> None:
    got = read(photo_of(texts(parts=2)[::-1]))
    assert (got.form, got.verified, got.refused) == ("br-tse-bu", False, None)
    assert (got.station_id, got.station_source) == ("0123400050067", "qr")
    numbers = {n: f.value for n, f in got.fields.items()}
    assert numbers["aptos"] == 300 and numbers["presidente_91"] == 140 and numbers["presidente_brancos"] == 10
    assert numbers["deputado_federal_9101"] == 100 and numbers["deputado_federal_92_legenda"] == 25
    assert numbers["senador_total"] == 500
    assert got.accepted and got.reasons == ("signature-unverified:missing",)
    assert all(s.holds for s in got.sums) and len(got.sums) == 13
    assert Reading.from_json(json.loads(json.dumps(got.to_json()))) == got


def test_a_boletim_that_is_not_whole_is_refused_with_its_codes() -> None:
    got = read(photo_of(texts(parts=2)[:1]))
    assert got.refused is not None and "part 2 of 2 of the boletim is missing" in got.refused
    assert [c.text for c in got.codes] == texts(parts=2)[:1]


def test_a_boletim_over_several_pages_is_joined() -> None:
    codes = texts(parts=3)
    pages = [Image.open(io.BytesIO(photo_of([c]))).convert("RGB") for c in codes[::-1]]
    out = io.BytesIO()
    pages[0].save(out, "PDF", resolution=100, save_all=True, append_images=pages[1:])
    got = read_all(out.getvalue())
    assert [r.form for r in got] == ["br-tse-bu", None, None]
    assert got[0].fields["presidente_92"].value == 80 and got[0].accepted
    assert all("joined" in (r.refused or "") for r in got[1:])
    # Two of three parts on two pages do not make a boletim.
    pages[0].save(out := io.BytesIO(), "PDF", resolution=100, save_all=True, append_images=pages[1:2])
    assert all("is missing" in (r.refused or "") for r in read_all(out.getvalue()))


def test_parts_of_two_boletins_are_not_joined() -> None:
    other = texts(DATA.replace("SECA:67", "SECA:68"), parts=2)
    pages = [Image.open(io.BytesIO(photo_of([c]))).convert("RGB") for c in (texts(parts=2)[0], other[1])]
    pages[0].save(out := io.BytesIO(), "PDF", resolution=100, save_all=True, append_images=pages[1:])
    assert all("is missing" in (r.refused or "") for r in read_all(out.getvalue()))


def test_a_code_that_states_a_huge_number_of_parts_is_refused_at_once() -> None:
    # Seen: it filled the memory with as many numbers.
    got = read(photo_of(["QRBU:1:99999999999 VRQR:6.0 X:1"]))
    assert got.refused is not None and "no whole part" in got.refused


def test_an_office_in_two_elections_is_not_read_as_nought() -> None:
    presidents = DATA[DATA.index("CARG:1 ") :]
    twice = texts(f"{DATA} IDEL:203 {presidents}")
    got = read(photo_of(twice))
    assert got.fields["presidente_202_91"].value == 140 and "presidente_91" not in got.fields
    # A form that names the president's options finds them in neither: they are absent, and nobody accepts that.
    form = load_forms()["br-tse-bu"]
    named = FormField(name="presidente_91", role=Role.OPTION, box=(0, 0, 30, 10))
    form = form.model_copy(update={"fields": (*form.fields, named)})
    found = bulletin_fields(form, twice)
    assert found.decoded.fields["presidente_91"].value is None
    assert "absent:presidente_91" in found.reasons


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (DATA.replace("FASE:O", "FASE:S"), "not-official"),
        (DATA.replace("92:80", "92:81"), "sum-fails:presidente_nominais"),
    ],
)
def test_what_keeps_a_boletim_from_being_accepted(data: str, reason: str) -> None:
    got = read(photo_of(texts(data)))
    assert got.refused is None and not got.accepted and reason in got.reasons


def test_a_broken_chain_is_told() -> None:
    (text,) = texts()
    got = read(photo_of([text.replace("APTO:300 COMP:250", "APTO:301 COMP:251")]))
    assert got.refused is None and not got.accepted and "chain-broken:1" in got.reasons
    assert got.fields["aptos"].value == 301 and got.fields["aptos"].probability <= 0.5


def mission_form(**expect: str) -> Form:
    """A mission's own form: it names the candidates for president, one of whom got no vote."""
    data = FORMS["br-tse-bu"].model_dump(mode="json")
    data["id"] = "made-up-bu"
    data["codes"][0]["expect"] = expect
    data["fields"] += [{"name": f"presidente_{n}", "role": "option", "digits": 6} for n in (91, 92, 93)]
    for f in data["fields"]:
        f.pop("box", None)
    return Form.model_validate(data)


def test_a_missions_form_names_its_candidates() -> None:
    form = mission_form(PLEI="200")
    got = read(photo_of(texts()), {form.id: form})
    assert {n: f.value for n, f in got.fields.items()} == {
        "aptos": 300,
        "comparecimento": 250,
        "faltosos": 50,
        "presidente_91": 140,
        "presidente_92": 80,
        "presidente_93": 0,
    }
    assert got.accepted
    stranger = texts(DATA.replace("92:80", "94:80"))
    got = read(photo_of(stranger), {form.id: form})
    assert "not-on-form:presidente_94" in got.reasons and not got.accepted
    without = texts(DATA[: DATA.index(" IDEL:202")])
    got = read(photo_of(without), {form.id: form})
    assert got.fields["presidente_91"].state is State.ABSENT and not got.accepted
    other = mission_form(PLEI="201")
    got = read(photo_of(texts()), {other.id: other})
    assert got.refused is not None and "PLEI:200 and not PLEI:201" in got.refused
