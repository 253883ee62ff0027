"""A place a row or a box further is told from the right one; warps are placed right or refused."""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
import pytest

import ocr.register
from benchmarks.registration import OFF, Task, measure
from ocr.elsewhere import alone, elsewhere
from ocr.form import load_forms
from ocr.found import NotFound
from ocr.lines import unwarps
from ocr.match import Matcher
from ocr.register import register
from ocr.rough import rough
from ocr.skeleton import LONG
from ocr.thorough import thorough
from tests.ocr.test_register import photographed, worst

FORMS = load_forms()
DRAWN = (
    "bo-oep-2025",
    "ge-cec-protocol-2012",
    "ge-cec-protocol-2016",
    "id-kpu-c1-2019",
    "id-kpu-c1-plano-2017",
    "mx-ine-2024-president",
    "pe-onpe-2026",
    "sample-landscape",
)
SHEETS = (
    "ge-cec-protocol-2012/4_old.jpg",
    "ge-cec-protocol-2016/4.jpg",
    "id-kpu-c1-2014/x_ok.jpg",
    "id-kpu-c1-plano-2017/4.jpg",
    "pe-onpe-2026/acta_033777.jpg",
)


def steps(form):
    """One row up and down and one box left and right, in `LONG` units."""
    unit = LONG / max(form.page.width, form.page.height)
    tops = np.unique(np.round([f.boxes[0][1] for f in form.votes], 1))
    high = float(np.median([f.boxes[0][3] for f in form.votes]))
    apart = np.diff(tops)
    row = float(np.median(apart[apart > 0.5 * high]))
    box = float(np.median([b[2] for f in form.votes for b in f.boxes]))
    return [(0.0, row * unit), (0.0, -row * unit), (box * unit, 0.0), (-box * unit, 0.0)]


def laid(gray, form):
    """The form laid on the photo, and what lays it."""
    sheet = next(unwarps(gray))
    matcher = Matcher(sheet)
    matches = [matcher.refined(r) for r in rough(sheet, [form])[:3] + thorough(sheet, [form])[:3]]
    return sheet, matcher, max(matches, key=lambda m: m.quality)


def caught(gray, form):
    """How many of the four planted shifts are not taken for the right place; the right place must be."""
    sheet, matcher, match = laid(gray, form)
    assert alone(elsewhere(sheet, match))
    at = np.array([[LONG * 0.3, LONG * 0.3]])
    out = 0
    for right, down in steps(form):
        planted = matcher.shifted(match, right, down)
        moved = float(np.hypot(*(planted.warp(at) - match.warp(at))[0]))
        # Some places are so bad that refining moves the form back where it belongs.
        out += not alone(elsewhere(sheet, planted)) or moved < 3
    return out


@pytest.mark.parametrize("name", DRAWN)
def test_a_planted_shift_by_a_row_or_a_box_is_caught(name):
    photo, _ = photographed(FORMS[name])
    assert caught(photo, FORMS[name]) == 4


@pytest.mark.parametrize("file", SHEETS)
def test_a_planted_shift_on_a_real_sheet_is_caught(real_data, file):
    gray = cv2.imread(str(real_data / "actas" / file), cv2.IMREAD_GRAYSCALE)
    assert caught(gray, FORMS[file.split("/")[0]]) == 4


@pytest.mark.parametrize("step", range(4))
def test_a_form_laid_a_row_or_a_box_further_is_refused(monkeypatch, step):
    form = FORMS["ge-cec-protocol-2016"]
    photo, to_photo = photographed(form)
    assert register(photo, [form]).form is form
    find = ocr.register._matches

    def shifted(sheet, likely):
        return [Matcher(sheet).shifted(m, *steps(form)[step]) for m in find(sheet, likely)]

    monkeypatch.setattr(ocr.register, "_matches", shifted)
    with contextlib.suppress(NotFound):  # or it is moved back
        assert worst(register(photo, [form]), form, to_photo) < 0.12
    monkeypatch.setattr(ocr.register, "STEPS", 0)
    with pytest.raises(NotFound):
        register(photo, [form])


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("bo-oep-2025", "bent"),
        ("id-kpu-c1-2019", "bent"),
        ("pe-onpe-2026", "photo"),
        ("mx-ine-2024-senate", "steep"),
    ],
)
def test_a_warped_page_is_placed_right_or_refused(form, kind):
    outcomes = [measure(Task(form, kind, 60_000 + i)) for i in range(3)]
    assert all(o.worst <= OFF for o in outcomes)
    assert sum(not o.refused for o in outcomes) >= 2


def test_a_sheet_with_a_row_more_is_not_read_as_one_with_a_row_less():
    outcome = measure(Task("mx-ine-aecc-2015-two-coalitions-one-independent", "lined", 50_019))
    assert outcome.worst <= OFF


@pytest.mark.parametrize(
    "task",
    [
        Task("mx-ine-aecc-2015-two-coalitions-one-independent", "steep", 90_092),
        Task("mx-ine-aecc-2015-no-coalition", "bent", 90_113),
    ],
    ids=lambda t: t.kind,
)
def test_a_page_a_column_too_narrow_is_seen_by_its_lines_that_go_on(task):
    """All of its lines but one lay on some of the photo's, and both were read a column beside their boxes."""
    outcome = measure(task)
    assert outcome.refused or outcome.worst <= OFF
