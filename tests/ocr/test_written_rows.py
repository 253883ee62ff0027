"""Where the writing stands says which of two forms' rows it was written in."""

import cv2
import numpy as np
import pytest

from ocr.form import load_forms
from ocr.register import register
from ocr.twins import twins
from ocr.written_rows import in_rows_of

FORMS = load_forms()
SCALE = 0.9
ONE_COALITION = "mx-ine-aecc-2015-one-coalition"
ONE, OTHER = (FORMS[f"mx-ine-aecc-2015-{name}"] for name in ("no-coalition", "one-coalition"))


def to_photo(page):
    return page * SCALE


def blank(form):
    return np.full((round(form.page.height * SCALE), round(form.page.width * SCALE)), 250, np.uint8)


def written(form, rng, fields=None, spread=0.1, low=0.0, aside=0.0):
    """A page with nothing on it but a stroke in each box, about its middle or so far (in boxes) below or beside it."""
    gray = blank(form)
    for field in form.votes[:fields]:
        for x, y, w, h in field.boxes:
            off = rng.normal([aside, low], spread)
            at = to_photo(np.array([x + w / 2, y + h / 2])) + off * [w, h]
            half = 0.3 * h * SCALE * np.array([rng.uniform(-0.3, 0.3), 1.0])
            a, b = (tuple(int(v) for v in at + way * half) for way in (-1, 1))
            cv2.line(gray, a, b, 40, 3, cv2.LINE_AA)
    return gray


def odds(gray, form, other):
    return in_rows_of(gray, (form, to_photo), (other, to_photo))


SURE = np.log(1000)
EITHER = pytest.mark.parametrize(("form", "other"), [(ONE, OTHER), (OTHER, ONE)])


@EITHER
@pytest.mark.parametrize("low", [-0.25, 0.0, 0.35])
@pytest.mark.parametrize("seed", range(3))
def test_digits_stand_in_the_rows_they_were_written_in(form, other, seed, low):
    """Also those of a hand that writes on the line, or below it."""
    gray = written(form, np.random.default_rng(seed), low=low)
    assert odds(gray, form, other) > SURE
    assert odds(gray, other, form) < -SURE
    assert odds(gray, form, form) == 0


@EITHER
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_the_page_may_lie_in_any_way(form, other, quarters):
    gray = np.ascontiguousarray(np.rot90(written(form, np.random.default_rng(9)), quarters))
    h, w = blank(form).shape

    def turned(page):
        x, y = to_photo(page).T
        return np.stack([(x, y), (y, w - 1 - x), (w - 1 - x, h - 1 - y), (h - 1 - y, x)][quarters], axis=1)

    assert in_rows_of(gray, (form, turned), (other, turned)) > SURE


@EITHER
def test_little_writing_or_writing_anywhere_says_little(form, other):
    assert odds(blank(form), form, other) == 0
    few = written(form, np.random.default_rng(5), fields=3)  # above the table that differs, or hardly in it
    assert abs(odds(few, form, other)) < SURE
    anywhere = [odds(written(form, np.random.default_rng(s), spread=0.6), form, other) for s in range(40)]
    assert max(anywhere) < SURE


@EITHER
def test_pieces_of_printed_lines_are_no_digits(form, other):
    """A broken line lies at the edges of the right rows, and anywhere in others."""
    rng = np.random.default_rng(11)
    gray = written(form, rng, fields=4)
    for field in form.votes:
        for x, y, w, h in field.boxes:
            if rng.random() < 0.5:
                a, b = (
                    tuple(int(v) for v in to_photo(np.array(p)))
                    for p in ((x + 0.2 * w, y + h), (x + 0.7 * w, y + h))
                )
                cv2.line(gray, a, b, 40, 3)
    assert odds(gray, other, form) < SURE
    assert odds(gray, form, other) > -SURE


@pytest.mark.parametrize("mark", ["small", "large", "wide", "beside"])
def test_what_is_too_small_too_large_or_beside_the_boxes_is_no_digit(mark):
    rng = np.random.default_rng(7)
    if mark == "beside":
        gray = written(ONE, rng, aside=-6)
        assert (gray < 100).sum() > 1000
    else:
        gray = blank(ONE)
        for field in ONE.votes:
            for x, y, w, h in field.boxes:
                wide, high = {"small": (0.1, 0.2), "large": (0.1, 1.6), "wide": (1.5, 0.5)}[mark]
                middle = to_photo(np.array([x + w / 2, y + h / 2]))
                a, b = (
                    tuple(int(v) for v in middle + way * np.array([wide * w, high * h]) * SCALE / 2)
                    for way in (-1, 1)
                )
                if mark == "small" or rng.random() < 0.3:
                    cv2.rectangle(gray, a, b, 40, -1)
    assert odds(gray, ONE, OTHER) == 0


@pytest.mark.parametrize(
    ("file", "name"),
    [("aecc2015_fig_II_1.png", "mx-ine-aecc-2015"), ("aecc2015_fig_II_3.png", ONE_COALITION)],
)
def test_real_writing_does_not_stand_in_other_rows(real_data, file, name):
    """Its digits touch lines and one another, so that few are seen alone: they do not speak for the rows of another sheet."""
    gray = cv2.imread(str(real_data / "actas" / "mx-ine-aecc-2015" / file), cv2.IMREAD_GRAYSCALE)
    found = register(gray, list(FORMS.values()))
    assert found.form.id == name
    page = found.form.page
    said = []
    for other in twins(found.form, list(FORMS.values())):
        same_page = np.diag([page.width / other.page.width, page.height / other.page.height, 1.0])
        places = [
            (
                form,
                lambda p, m=found.transform @ scale: cv2.perspectiveTransform(np.asarray(p, float)[None], m)[
                    0
                ],
            )
            for form, scale in ((found.form, np.eye(3)), (other, same_page))
        ]
        said.append(in_rows_of(gray, *places[::-1]))
    assert max(said) < SURE


def test_a_page_outside_the_photo_says_nothing():
    gray = np.full((50, 50), 200, np.uint8)
    assert in_rows_of(gray, (ONE, lambda p: p + 1e4), (OTHER, lambda p: p + 1e4)) == 0
