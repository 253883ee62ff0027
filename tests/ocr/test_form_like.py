"""Forms that are like another one with other rows in the table."""

from __future__ import annotations

import tomllib

import cv2
import numpy as np
import pytest

from ocr.errors import CotejoError
from ocr.form import FORMS_FOLDER, load_form, load_forms
from ocr.form_check import check_form
from ocr.form_like import like
from ocr.found import NotFound
from ocr.lines import unwarps
from ocr.match import Matcher
from ocr.print_there import InPlace, in_place
from ocr.register import register
from ocr.render import render
from ocr.rough import rough
from ocr.rows import best_rows
from ocr.snap import Pyramid
from tests.ocr.made import photograph

FORMS = load_forms()
MADE = [
    "mx-ine-aecc-2015-no-coalition",
    "mx-ine-aecc-2015-two-coalitions",
    "mx-ine-aecc-2015-one-coalition-one-independent",
    "mx-ine-aecc-2015-two-coalitions-one-independent",
]
DAY = [f for name, f in FORMS.items() if name.startswith("mx-ine-aecc-2015")]


def described(name: str) -> dict:
    return tomllib.loads((FORMS_FOLDER / name / "form.toml").read_text(encoding="utf-8"))


def test_the_rows_of_one_measured_sheet_give_those_of_another():
    """Two figures of the authority's study, of districts with 16 and with 13 rows, were each measured by themselves."""
    wide, narrow = described("mx-ine-aecc-2015"), described("mx-ine-aecc-2015-one-coalition")
    names = [f["name"] for f in narrow["fields"][5:-1]]
    made = like(
        wide, {"like": wide["id"], "id": "x", "rows": {"top": 1564.5, "bottom": 2426.4, "names": names}}
    )
    assert [f["name"] for f in made["fields"]] == [f["name"] for f in narrow["fields"]]
    for mine, theirs in zip(made["fields"][5:], narrow["fields"][5:], strict=True):
        assert np.allclose(mine["boxes"], theirs["boxes"], atol=0.1)
        assert np.allclose(mine["words"], theirs["words"], atol=0.1)
    assert made["sums"] == narrow["sums"]
    levels = [sorted(r["y0"] for r in f["rules"] if r["y0"] == r["y1"]) for f in (made, narrow)]
    assert np.allclose(*levels, atol=0.1)
    texts = {t["text"]: t["y"] for t in made["texts"]}
    assert all(abs(t["y"] - texts[t["text"]]) < 3 for t in narrow["texts"] if t["y"] > 1600)


@pytest.mark.parametrize("name", MADE)
def test_a_form_made_like_another_is_whole_and_not_verified(name):
    form = FORMS[name]
    assert check_form(form) == []
    assert not form.verified and form.acta == name
    total = next(s for s in form.sums if s.name == "total")
    assert set(total.left) == {f.name for f in form.fields if f.role in ("option", "null")}


@pytest.mark.parametrize("form", DAY, ids=lambda f: f.id)
def test_the_sheets_of_one_day_are_told_apart_by_their_rows(form, monkeypatch):
    """At the first look: on its own rows the right one lies better than those with others, so nothing else need be tried."""

    def thorough(*_):
        pytest.fail("a thorough look was asked for")

    monkeypatch.setattr("ocr.register.thorough", thorough)
    photo, _ = photograph(render(form, 0.5))
    gray = np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), np.uint8)
    assert register(gray, DAY).form.id == form.id


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('like = "nowhere"', "there is no form 'nowhere'"),
        ('like = "../sample-strip"', "there is no form"),
        ('like = "mx-ine-aecc-2015-no-coalition"', "is like another one itself"),
        ('like = "mx-ine-aecc-2015"\nrows = 3', "`rows` needs top, bottom and names"),
        (
            'like = "mx-ine-aecc-2015"\nrows = { top = 9, bottom = 1, names = ["PAN"] }',
            "top above its bottom",
        ),
        ('like = "mx-ine-aecc-2015"\nrows = { top = "a", bottom = 1, names = ["PAN"] }', "correct the form"),
        (
            'like = "mx-ine-aecc-2015"\nrows = { top = 1564.5, bottom = 2426.4, names = ["X"] }',
            "the row 'X' is neither",
        ),
        (
            'like = "mx-ine-aecc-2015"\nrows = { top = 1564.5, bottom = 2426.4, names = ["PAN", "PAN"] }',
            "twice",
        ),
        (
            'like = "mx-ine-aecc-2015"\nrows = { top = 1564.5, bottom = 2426.4, names = ["X"], new = [{ name = "X", as = "Y" }] }',
            "the new row 'X' needs",
        ),
        (
            'like = "mx-ine-aecc-2015"\nsums = []\nrows = { top = 1564.5, bottom = 2426.4, names = ["PAN"] }',
            "takes its sums from the other form",
        ),
    ],
)
def test_rows_that_cannot_be_made_say_why(tmp_path, lines, says):
    path = tmp_path / "x" / "form.toml"
    path.parent.mkdir()
    path.write_text(f'id = "x"\n{lines}\n', encoding="utf-8")
    with pytest.raises(CotejoError, match="correct the form") as error:
        load_form(path)
    assert says in str(error.value)


def test_a_sheet_without_likes_is_found_from_one_like_it(monkeypatch):
    """Being alike is not mutual: where the better sheet knows no others, the search ends with it."""
    right, wrong = FORMS["mx-ine-aecc-2015-no-coalition"], FORMS["mx-ine-aecc-2015-one-coalition"]
    monkeypatch.setattr("ocr.rows.twins", lambda form, forms: [right] if form.id == wrong.id else [])
    gray = np.asarray(cv2.cvtColor(render(right, 0.8), cv2.COLOR_BGR2GRAY), np.uint8)
    sheet = next(unwarps(gray))
    matcher = Matcher(sheet)
    there = max((matcher.refined(r) for r in rough(sheet, [right])[:5]), key=lambda m: m.quality)
    rows = best_rows(Pyramid(gray), matcher, matcher.laid_as(there, wrong))
    assert rows.match.form.id == right.id
    assert 0 < rows.others < 1  # how well the sheet lies from which it was found
    assert rows.texts > 0.98


def test_a_sheet_that_was_not_asked_for_is_never_the_answer():
    asked, shown = FORMS["ge-cec-protocol-2016"], FORMS["ge-cec-protocol-2012"]
    with pytest.raises(NotFound):
        register(cv2.cvtColor(render(shown, 1.0), cv2.COLOR_BGR2GRAY), [asked])


PARTIES = ["PAN", "PRI", "PRD", "PVEM", "PT", "MC", "NUEVA_ALIANZA", "MORENA", "PH", "ES"]


@pytest.mark.parametrize(
    "names",
    [
        [*PARTIES[:-1], "CNR", "NULOS"],
        [*PARTIES, "C_PRI_PVEM", "C_PRD_PT", "CI_1", "CI_2", "CI_3", "CNR", "NULOS"],
    ],
    ids=["a row fewer than any form", "a row more than any form"],
)
def test_a_sheet_with_rows_of_no_form_is_refused(tmp_path, names):
    """Its lines lie on a neighbour's nearly everywhere; what is printed below the table does not."""
    new = 'new = [{ name = "CI_3", as = "CI_2", label = "CI 3" }]' if "CI_3" in names else ""
    path = tmp_path / "x" / "form.toml"
    path.parent.mkdir()
    listed = ", ".join(f'"{n}"' for n in names)
    path.write_text(
        'like = "mx-ine-aecc-2015"\nid = "x"\ntitle = "x"\nverified = false\n'
        f"[rows]\ntop = 1564.5\nbottom = 2426.4\nnames = [{listed}]\n{new}\n",
        encoding="utf-8",
    )
    form = load_form(path)
    photo, _ = photograph(render(form, 0.5))
    gray = np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), np.uint8)
    assert register(gray, [form]).form.id == "x"  # it is to be seen well enough
    with pytest.raises(NotFound):
        register(gray, DAY)


def test_texts_a_row_off_are_not_in_place():
    form = FORMS["mx-ine-aecc-2015"]
    gray = np.asarray(cv2.cvtColor(render(form, 0.5), cv2.COLOR_BGR2GRAY), np.uint8)
    step, middle, row = (46.0, 50.7), 1900.0, 50.7
    pyramid = Pyramid(gray)

    def shares(off: float) -> float:
        found = in_place(pyramid, form, lambda p: (p + np.array([0, off])) * 0.5, step, middle)
        assert found is not None
        return found.share

    assert shares(0.0) > 0.99
    assert shares(row) < 0.8
    assert shares(-row) < 0.8


def test_texts_half_a_box_aside_are_in_their_rows_and_not_in_their_places():
    form = FORMS["mx-ine-aecc-2015"]
    pyramid = Pyramid(np.asarray(cv2.cvtColor(render(form, 0.5), cv2.COLOR_BGR2GRAY), np.uint8))
    box = 46.0

    def seen(off: float) -> InPlace:
        found = in_place(pyramid, form, lambda p: (p + np.array([off, 0])) * 0.5, (box, 50.7), 1900.0)
        assert found is not None
        return found

    here, aside = seen(0.0), seen(box / 2)
    assert here.exact > 0.95 * here.here > 0.7 and here.share > 0.99
    assert aside.level > 0.95 and aside.share < 0.9 and aside.exact < aside.here < 0.9 * here.here
    assert np.median(aside.off[:, 0]) == pytest.approx(-box / 2, abs=2)


def test_texts_that_the_font_cannot_draw_say_nothing():
    form = FORMS["ge-cec-protocol-2016"]
    blank = np.full((1000, 1000), 255, np.uint8)
    assert in_place(Pyramid(blank), form, lambda p: p, (20.0, 20.0), 500.0) is None
