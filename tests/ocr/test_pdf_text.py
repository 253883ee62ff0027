"""Numbers that a PDF holds as text, and texts that must not be believed."""

from __future__ import annotations

import cv2
import pytest

from ocr.form import load_forms
from ocr.image import Refused
from ocr.pdf_text import open_drawing
from ocr.read import read
from tests.ocr.made import LANDSCAPE, sheet
from tests.ocr.made_pdf import Canvas, assembled, stream

FORMS = load_forms()
FORM = FORMS["sample-landscape"]
VALUES = {f.name: f"{LANDSCAPE[f.name]:0{f.digits}d}" for f in FORM.votes}
OTHER = VALUES | {"sol": "185", "valid": "298", "cast": "307"}  # adds up as well, except with the list


def made(values=VALUES, *, font="Helvetica", together=False, rotate=0):
    canvas = Canvas(FORM)
    canvas.page()
    canvas.numbers(values, font=font, together=together)
    return canvas.pdf(font=font, rotate=rotate)


def numbers(reading):
    return {name: reading.fields[name].value for name in VALUES}


@pytest.mark.parametrize("font", ["Helvetica", "Courier"])
def test_a_printed_acta_is_read_from_its_text(font):
    reading = read(made(font=font), FORMS)
    assert reading.form == FORM.id
    assert numbers(reading) == LANDSCAPE
    assert {reading.fields[name].method for name in VALUES} == {"text"}
    assert all(s.holds for s in reading.sums)
    assert reading.probability > 0.9999
    assert not [r for r in reading.reasons if r != "no-station"]
    assert reading.accepted


def test_a_number_set_as_one_word_is_put_to_the_right():
    short = VALUES | {"faro": "27", "timon": "9"}
    reading = read(made(short, together=True, font="Times-Roman"), FORMS)
    assert numbers(reading) == LANDSCAPE
    assert reading.fields["timon"].method == "text"
    assert reading.fields["timon"].raw == "__9"


@pytest.mark.parametrize("rotate", [90, 180])
def test_a_turned_page_is_read_all_the_same(rotate):
    reading = read(made(rotate=rotate), FORMS)
    assert numbers(reading) == LANDSCAPE
    assert {reading.fields[name].method for name in VALUES} == {"text"}


def test_a_printed_acta_that_does_not_add_up_is_reported_as_it_was_printed():
    reading = read(made(VALUES | {"sol": "095"}), FORMS)
    assert reading.fields["sol"].value == 95
    assert reading.fields["sol"].method == "text"
    assert not reading.accepted
    assert any(r.startswith("sum-fails") for r in reading.reasons)


def scan(values=VALUES):
    return sheet(FORM, values)


@pytest.mark.parametrize("how", ["invisible", "behind the picture"])
def test_the_text_layer_of_a_scan_is_no_print(how):
    canvas = Canvas(FORM)
    if how == "invisible":
        canvas.picture()
        canvas.numbers(OTHER, mode=3)
    else:
        canvas.numbers(OTHER)
        canvas.picture()
    reading = read(canvas.pdf(picture=scan()), FORMS)
    assert numbers(reading) == LANDSCAPE
    assert {reading.fields[name].method for name in VALUES} == {"pixels"}
    assert not any(r.startswith("text-differs") for r in reading.reasons)


def lie(how):
    """A page that shows `VALUES`, and whose text says `OTHER` for a person who copies it."""
    canvas = Canvas(FORM)
    canvas.page()
    if how == "white on white":
        canvas.numbers(OTHER, ink="#ffffff")
        return canvas.pdf(picture=scan())
    if how == "white over a picture":
        canvas.picture()
        canvas.numbers(OTHER, ink="#fefefe", size=0.2)
        return canvas.pdf(picture=scan())
    # A font whose own table of letters calls its 0 a 1, its 1 a 2 and so on: copied text is not what is drawn.
    canvas.numbers(VALUES)
    return renamed(canvas)


def renamed(canvas):
    pdf = canvas.pdf()
    table = "\n".join(f"<{48 + d:02x}> <{48 + (d + 1) % 10:04x}>" for d in range(10))
    text = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /L def /CMapType 2 def "
        "1 begincodespacerange <00> <ff> endcodespacerange "
        f"10 beginbfchar {table} endbfchar endcmap end end"
    )
    bodies = [
        part.split(b" obj\n", 1)[1].rsplit(b"\nendobj", 1)[0]
        for part in pdf.split(b"xref")[0].split(b"endobj\n")[:-1]
        for part in [part + b"\nendobj"]
    ]
    bodies[5] = bodies[5].replace(b">>", b"/ToUnicode 7 0 R >>")
    return assembled([*bodies, stream("", text.encode())])


@pytest.mark.parametrize("how", ["white on white", "white over a picture", "renamed letters"])
def test_a_text_that_the_page_does_not_show_never_wins(how):
    reading = read(lie(how), FORMS)
    assert not reading.accepted
    assert any(r.startswith("text-differs:") for r in reading.reasons)
    if how != "white on white":  # there, nothing is to be seen at all
        assert numbers(reading) == LANDSCAPE
    assert all(reading.fields[name].value != int(OTHER[name]) for name in ("sol", "valid", "cast"))


def test_ink_beside_the_text_sends_the_sheet_to_a_person():
    canvas = Canvas(FORM)
    canvas.page()
    canvas.numbers(VALUES | {"faro": " 27"})
    x, y, w, h = FORM.field("faro").boxes[0]
    canvas.line(x + 0.5 * w, y + 0.2 * h, x + 0.5 * w, y + 0.8 * h, 5.0)  # drawn, not written: somebody's 1
    reading = read(canvas.pdf(), FORMS)
    assert not reading.accepted
    assert "text-differs:faro" in reading.reasons
    assert reading.fields["faro"].value != 27


def test_words_in_the_boxes_are_no_number():
    canvas = Canvas(FORM)
    canvas.page()
    canvas.numbers(VALUES | {"faro": "N/A"})
    reading = read(canvas.pdf(), FORMS)
    assert not reading.accepted
    assert reading.fields["faro"].method == "pixels"


def test_a_drawing_says_what_is_hidden():
    canvas = Canvas(FORM)
    canvas.text(100, 100, "1", 20)
    canvas.text(200, 100, "2", 20, mode=3)
    canvas.text(300, 100, "3", 20)
    canvas.box(290, 70, 40, 40, line=0, fill="#ffffff")
    drawing = open_drawing(canvas.pdf())
    assert [(c.text, c.hidden) for c in drawing.chars] == [("1", False), ("2", True), ("3", True)]
    assert drawing.width == pytest.approx(FORM.page.width / 2, abs=0.01)


def test_what_is_no_pdf_has_no_drawing():
    picture = cv2.imencode(".png", scan())[1].tobytes()
    with pytest.raises(Refused, match="not a PDF"):
        open_drawing(picture)


def test_a_pdf_that_draws_without_end_is_refused():
    canvas = Canvas(FORM)
    canvas.parts = ["0 0 m 1 1 l S"] * 70_000
    with pytest.raises(Refused):
        open_drawing(canvas.pdf())
