"""Copies on which the printed lines are gone: the texts alone place the page, and say when they cannot."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import ocr.gate
import ocr.print_alone
import ocr.read
import ocr.register
from benchmarks._warp import shoot
from benchmarks.registration import OFF, Task, measure
from ocr.decode import Decoded
from ocr.form import load_forms
from ocr.found import NotToBeRead, OtherForm, registration
from ocr.gate import gate_by_print
from ocr.lines import levelled
from ocr.print_alone import _flat, _outdone, alone_by_print
from ocr.print_rows import by_print
from ocr.print_there import InPlace
from ocr.printed import Printed
from ocr.read import _reading
from ocr.reading import refusal
from ocr.register import register
from ocr.skeleton import LONG, skeleton
from ocr.snap import Pyramid

FORMS = load_forms()


@pytest.mark.parametrize(
    ("form", "seed"),
    [("mx-ine-aecc-2015-two-coalitions", 600165), ("mx-ine-2024-president", 1000895)],
)
def test_a_copy_without_lines_is_read_from_its_texts(form, seed, monkeypatch):
    task = Task(form, "copy", seed)
    outcome = measure(task)
    assert outcome.form == form and outcome.worst < OFF / 2
    monkeypatch.setattr(ocr.register, "alone_by_print", lambda *_: None)
    assert measure(task).refused


def test_what_is_read_without_lines_is_left_to_a_person():
    """Even where the decoder would accept it."""
    gray = shoot(FORMS["mx-ine-2024-president"], "copy", 1000895).gray
    found = register(gray, list(FORMS.values()))
    assert found.by_print
    decoded = Decoded({}, (), 1.0, 0.0, True, ())
    blank = refusal(file="", sha256="", why="", reader="", page=1, size=(0, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ocr.read, "_decoded", lambda *_: decoded)
        reading = _reading(blank, gray, found, Printed({}))
        assert not reading.accepted and "no-lines" in reading.reasons
        assert _reading(blank, gray, replace(found, by_print=False), Printed({})).accepted


def test_fields_without_a_text_near_by_or_off_the_photo_are_not_read(monkeypatch):
    """A page placed by its texts says nothing of what lies far from all of them."""
    form, gray = FORMS["mx-ine-2024-president"], shoot(FORMS["mx-ine-2024-president"], "copy", 800355).gray
    pyramid = Pyramid(gray)
    found = alone_by_print(pyramid, list(FORMS.values()))
    assert found is not None and found.match.form.id == form.id
    corners = registration(found).corners
    absent = gate_by_print(pyramid, found, corners)
    one = next(f.name for f in form.votes if f.name not in absent)
    off = {**corners, one: corners[one] - max(gray.shape)}
    assert gate_by_print(pyramid, found, off) == absent | {one}
    with pytest.raises(NotToBeRead, match="cut off"):
        gate_by_print(pyramid, found, {name: c - max(gray.shape) for name, c in corners.items()})
    monkeypatch.setattr(ocr.gate, "FLAT", 0.0)
    with pytest.raises(NotToBeRead, match="covered"):
        gate_by_print(pyramid, found, corners)


@pytest.mark.parametrize("seed", [1000605, 300165])
def test_sheets_that_differ_in_their_rows_are_told_by_where_the_writing_stands(seed, monkeypatch):
    """Nothing else is left on these copies that says how many rows the table has."""
    form = {1000605: "mx-ine-aecc-2015-one-coalition", 300165: "mx-ine-aecc-2015-two-coalitions"}[seed]
    gray = shoot(FORMS[form], "copy", seed).gray
    assert any(r.form.id == form for r in by_print(gray, list(FORMS.values()))[1])
    found = alone_by_print(Pyramid(gray), list(FORMS.values()))
    assert found is not None and found.match.form.id == form
    monkeypatch.setattr(ocr.print_alone, "in_rows_of", lambda *_: 0.0)
    assert alone_by_print(Pyramid(gray), list(FORMS.values())) is None


def test_lines_and_writing_that_contradict_one_another_tell_no_rows(monkeypatch):
    one, other = (
        SimpleNamespace(match=SimpleNamespace(form=FORMS[name], quality=q), page=None)
        for name, q in (("mx-ine-aecc-2015-no-coalition", 0.2), ("mx-ine-aecc-2015-one-coalition", 0.1))
    )
    pyramid = SimpleNamespace(gray=None)
    # Whose rows the writing stands in, if it says so, and which of the two is then outdone.
    for writing, outdone in ((None, other), (one, other), (other, None)):
        said = {id(f.match.form): 20.0 if f is writing else -20.0 if writing else 0.0 for f in (one, other)}
        monkeypatch.setattr(ocr.print_alone, "in_rows_of", lambda gray, mine, _, said=said: said[id(mine[0])])
        assert _outdone(pyramid, other, one) == (outdone is other)
        assert not _outdone(pyramid, one, other)
    one.match.quality = other.match.quality
    assert _outdone(pyramid, one, other) and not _outdone(pyramid, other, one)


def test_the_form_that_was_asked_for_is_told_from_those_that_were_not(monkeypatch):
    monkeypatch.setattr(ocr.register, "_candidates", lambda *_: iter(()))
    gray = shoot(FORMS["mx-ine-2024-president"], "copy", 800355).gray
    assert register(gray, list(FORMS.values())).form.id == "mx-ine-2024-president"
    with pytest.raises(OtherForm):
        register(gray, [FORMS["mx-ine-2024-senate"]])


@pytest.mark.parametrize("quarters", range(4))
def test_rows_of_print_are_found_however_the_page_lies(quarters):
    form = FORMS["sample-strip"]
    gray = np.ascontiguousarray(np.rot90(shoot(form, "scan", 7).gray, quarters))
    shot = shoot(form, "scan", 7)
    sheet, found = by_print(gray, [form])
    rough = found[0]
    sx, tx, sy, ty = rough.place
    field = form.votes[0]
    unit = LONG / max(form.page.width, form.page.height)
    turn = skeleton(form).turned(rough.quarters)[1]
    x, y = np.array(field.boxes[0][:2]) * unit @ turn[:2, :2].T + turn[:2, 2]
    at = sheet.to_photo @ [sx * x + tx, sy * y + ty, 1.0]
    h, w = shot.gray.shape
    truth = shot.corners[field.name][0][0]
    for _ in range(quarters):  # anticlockwise
        truth, (h, w) = np.array([truth[1], w - 1 - truth[0]]), (w, h)
    side = np.hypot(*(shot.corners[field.name][0][1] - shot.corners[field.name][0][0]))
    assert np.hypot(*(at[:2] / at[2] - truth)) < side / 2


def test_a_photo_without_print_shows_nothing():
    noise = np.random.default_rng(3).integers(0, 256, (900, 700), np.uint8)
    for gray in (noise, np.full((900, 700), 255, np.uint8), np.zeros((40, 900), np.uint8)):
        assert alone_by_print(Pyramid(gray), list(FORMS.values())) is None


def test_a_bent_page_and_one_whose_boxes_lie_beyond_its_texts_are_not_flat():
    form = FORMS["mx-ine-aecc-2015"]
    boxes = np.array([b for f in form.votes for b in f.boxes])
    low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    x, y = np.meshgrid(np.linspace(low[0], high[0], 5), np.linspace(low[1], high[1], 8))
    at = np.stack([x.ravel(), y.ravel()], axis=1)
    like, off = np.full(len(at), 0.8), np.zeros((len(at), 2))

    def texts(at, off):
        return InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like)

    assert _flat(form, texts(at, off))
    bent = off + [0, 1] * np.sin(at[:, 1:] / 300) * 20
    assert not _flat(form, texts(at, bent))
    assert not _flat(form, texts(low + 0.7 * (at - low), off))


def test_a_photo_turned_level_keeps_its_pixels_in_place():
    gray = np.full((300, 200), 255, np.uint8)
    gray[100:110, 40:60] = 0
    sheet, flat = levelled(gray, 5.0)
    y, x = np.argwhere(flat < 100).mean(axis=0)
    at = sheet.to_photo @ [x, y, 1.0]
    assert np.allclose(at[:2] / at[2], [49.5, 104.5], atol=0.3)
