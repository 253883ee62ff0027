"""A form proposed from a page: exactly from a vector PDF, roughly from a scan."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ocr.draft import draft
from ocr.errors import CotejoError
from ocr.form import Role, load_form, load_forms
from ocr.form_check import check_form, check_scan
from ocr.guess import is_noise, role_of, slug
from ocr.render import render
from tests.ocr.made_pdf import Canvas

FORMS = load_forms()
FORM = FORMS["sample-landscape"]


def drafted(data, **changes):
    return draft(data, **({"id": "xx-test", "source": "a test", "preview": "xx-test.png"} | changes))


@pytest.fixture(scope="module")
def pdf():
    canvas = Canvas(FORM)
    canvas.page()
    return canvas.pdf()


@pytest.fixture(scope="module")
def proposal(pdf):
    return drafted(pdf)


def matched(form, proposed, scale=1.0):
    """For each field of a form the proposed field whose boxes lie on its own, within two units."""
    out = {}
    for field in form.fields:
        want = np.array(field.boxes) * scale
        for other in proposed.fields:
            have = np.array(other.boxes)
            if have.shape == want.shape and np.abs(have - want).max() < 2:
                out[field.name] = other
    return out


def test_a_vector_pdf_gives_every_row_of_boxes_exactly(proposal):
    assert proposal.exact
    assert proposal.form.page.width == pytest.approx(FORM.page.width, abs=0.5)
    found = matched(FORM, proposal.form)
    votes = {f.name for f in FORM.fields if f.boxes[0][2] == FORM.field("sol").boxes[0][2]}
    assert votes and votes <= set(found)


def test_labels_and_roles_come_from_the_words_beside(proposal):
    found = matched(FORM, proposal.form)
    assert found["blank"].role is Role.BLANK
    assert found["null"].role is Role.NULL
    assert found["sol"].role is Role.OPTION and found["sol"].label
    assert not proposal.form.verified


def test_what_is_written_loads_as_what_was_proposed(proposal, tmp_path):
    path = tmp_path / "form.toml"
    path.write_text(proposal.toml, encoding="utf-8")
    loaded = load_form(path)
    whole = {"fields"}
    assert loaded.model_dump(exclude=whole) == proposal.form.model_dump(exclude=whole)
    for a, b in zip(loaded.fields, proposal.form.fields, strict=True):
        assert (a.name, a.label, a.role, a.words) == (b.name, b.label, b.role, b.words)
        assert np.abs(np.array(a.boxes) - np.array(b.boxes)).max() < 0.5
    assert not loaded.verified


def test_a_proposed_form_finds_the_sheet_that_it_came_from(proposal, pdf):
    checked = check_scan(proposal.form, pdf, {}, "sheet.pdf")
    assert checked.score is not None and checked.score > 0.6
    assert checked.overlay is not None
    assert not checked.written


def test_a_scan_gives_the_rows_as_far_as_they_are_seen():
    page = render(FORM, 1.2)
    turned = cv2.warpAffine(
        page,
        cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), 1.5, 0.95),
        page.shape[1::-1],
        borderValue=(255, 255, 255),
    )
    result = drafted(cv2.imencode(".png", turned)[1].tobytes())
    assert not result.exact
    assert result.form.texts == ()
    rows = [f for f in result.form.fields if f.digits == 3]
    assert len(rows) >= 6
    assert result.preview.shape[2] == 3


def test_a_page_without_boxes_says_so():
    blank = np.full((800, 600, 3), 255, np.uint8)
    with pytest.raises(CotejoError, match="no row of boxes"):
        drafted(cv2.imencode(".png", blank)[1].tobytes())


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("VOTOS NULOS", Role.NULL),
        ("Votos em branco", Role.BLANK),
        ("Boletas sobrantes", Role.UNUSED),
        ("Personas de la lista nominal que votaron", Role.VOTED),
        ("Electores inscritos", Role.REGISTERED),
        ("Votos válidos", Role.VALID),
        ("Total de votos sacados de las urnas", Role.CAST),
        ("Rejected ballots", Role.NULL),
        ("Movimiento Puente", None),
    ],
)
def test_roles_are_guessed_from_words_in_three_languages(label, role):
    assert role_of(label) is role


def test_names_are_made_of_labels():
    assert slug("Personas de la lista nominal que votaron") == "personas_lista_nominal_que_votaron"
    assert is_noise("(Con número)") and not is_noise("TOTAL")


def test_a_finished_form_has_nothing_to_mend():
    assert check_form(FORM) == []


def test_each_fault_is_one_sentence():
    fields = [
        f.model_dump(exclude={"digits", "box"}) | ({"name": "row_01"} if f.name == "faro" else {})
        for f in FORM.fields
    ]
    fields[0]["boxes"] = fields[1]["boxes"]
    broken = FORM.model_validate(
        FORM.model_dump() | {"fields": fields, "sums": [], "source": "", "texts": []}
    )
    mend = check_form(broken)
    assert len(mend) == 5
    for word in ("row_01", "overlap", "no sum", "source", "printed texts"):
        assert any(word in sentence for sentence in mend), word
