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


def written(form, rng, fields=None, spread=0.1):
    """A page with nothing on it but a stroke in each box, about its middle."""
    gray = np.full((round(form.page.height * SCALE), round(form.page.width * SCALE)), 250, np.uint8)
    for field in form.votes[:fields]:
        for x, y, w, h in field.boxes:
            at = to_photo(np.array([x + w / 2, y + h / 2])) + rng.normal(0, spread, 2) * [w, h]
            half = 0.3 * h * SCALE * np.array([rng.uniform(-0.3, 0.3), 1.0])
            a, b = (tuple(int(v) for v in at + way * half) for way in (-1, 1))
            cv2.line(gray, a, b, 40, 3, cv2.LINE_AA)
    return gray


@pytest.mark.parametrize(("form", "other"), [(ONE, OTHER), (OTHER, ONE)])
@pytest.mark.parametrize("seed", range(3))
def test_digits_stand_in_the_rows_they_were_written_in(form, other, seed):
    gray = written(form, np.random.default_rng(seed))
    odds = in_rows_of(gray, (form, to_photo), (other, to_photo))
    assert odds > np.log(1000)
    assert in_rows_of(gray, (other, to_photo), (form, to_photo)) == pytest.approx(-odds)
    assert in_rows_of(gray, (form, to_photo), (form, to_photo)) == 0


def test_little_writing_or_writing_anywhere_says_little():
    rng = np.random.default_rng(5)
    empty = written(ONE, rng, fields=0)
    assert in_rows_of(empty, (ONE, to_photo), (OTHER, to_photo)) == 0
    few = written(ONE, rng, fields=3)  # rows above the table that differs, or hardly
    assert abs(in_rows_of(few, (ONE, to_photo), (OTHER, to_photo))) < np.log(1000)
    anywhere = [
        in_rows_of(written(ONE, np.random.default_rng(s), spread=0.6), (ONE, to_photo), (OTHER, to_photo))
        for s in range(8)
    ]
    assert np.mean(np.array(anywhere) > np.log(1000)) == 0


def test_what_is_too_small_too_large_or_beside_the_boxes_is_no_digit():
    gray = written(ONE, np.random.default_rng(6), fields=0)
    rng = np.random.default_rng(7)
    for _ in range(300):
        x, y = rng.uniform(0, 1, 2) * gray.shape[::-1]
        cv2.circle(gray, (int(x), int(y)), 1, 0, -1)
    cv2.line(gray, (0, 0), gray.shape[::-1], 0, 3)
    gray[:, : round(0.4 * gray.shape[1])] = 0
    assert in_rows_of(gray, (ONE, to_photo), (OTHER, to_photo)) == 0


@pytest.mark.parametrize(
    ("file", "name"),
    [("aecc2015_fig_II_1.png", "mx-ine-aecc-2015"), ("aecc2015_fig_II_3.png", ONE_COALITION)],
)
def test_real_writing_stands_in_its_rows(real_data, file, name):
    """Its digits touch lines and one another, so that few are seen alone: none speaks for the rows of another sheet."""
    gray = cv2.imread(str(real_data / "actas" / "mx-ine-aecc-2015" / file), cv2.IMREAD_GRAYSCALE)
    found = register(gray, list(FORMS.values()))
    assert found.form.id == name
    page = found.form.page
    odds = []
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
        odds.append(in_rows_of(gray, *places))
    assert np.median(odds) > 0 and min(odds) > -np.log(1000)


def test_a_page_outside_the_photo_says_nothing():
    gray = np.full((50, 50), 200, np.uint8)
    assert in_rows_of(gray, (ONE, lambda p: p + 1e4), (OTHER, lambda p: p + 1e4)) == 0
