"""Rows of boxes moved onto their printed lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ocr.form import Form
from ocr.snap import Pyramid, snap

STEP, HIGH, ROWS = 42.0, 34.0, 8


def ruled() -> Form:
    """Rows of three boxes without edges of their own, between lines across the page."""
    fields = [
        {
            "name": f"f{i}",
            "role": "other",
            "edges": "none",
            "boxes": [[300 + 38 * k, 104 + STEP * i, 30, HIGH] for k in range(3)],
        }
        for i in range(ROWS)
    ]
    rules = [
        {"x0": 100, "y0": 100 + STEP * i, "x1": 600, "y1": 100 + STEP * i, "width": 1.5}
        for i in range(ROWS + 1)
    ]
    page = {"width": 700, "height": 600}
    return Form.model_validate(
        {"id": "t", "title": "t", "country": "XX", "page": page, "fields": fields, "rules": rules}
    )


@pytest.mark.parametrize("off", [-4.0, 0.0, 3.0])
def test_digits_of_one_height_are_no_line(off: float) -> None:
    """Row by row their feet stand as far apart as the lines, and are darker."""
    form = ruled()
    paper = np.full((600, 700), 200, np.uint8)
    for rule in form.rules:
        cv2.line(paper, (int(rule.x0), int(rule.y0)), (int(rule.x1), int(rule.y1)), 150, 1)
    for f in form.fields:
        for x, y, w, h in f.boxes:
            middle = (int(x + w / 2), int(y + h / 2) + 2)
            cv2.ellipse(paper, middle, (11, 11), 0, 0, 360, 100, 2)
    found = snap(Pyramid(paper), form, lambda p: p - np.array([0.0, off]))
    for f in form.fields:
        assert found.shift[f.name][1] == pytest.approx(off, abs=1.0)


def test_a_photo_of_odd_size_is_sampled_where_it_is_asked_for() -> None:
    """Each halving loses the odd row or column, more of the shorter side."""
    ramp = np.repeat(np.linspace(0, 255, 2047)[:, None], 60, axis=1).astype(np.uint8)
    rows = np.arange(100, 2000, 50, dtype=np.float32)
    at = np.stack([np.full((len(rows), 1), 30, np.float32), rows[:, None]], axis=-1)
    seen = Pyramid(ramp).sample(at, 8.0)[:, 0].astype(float)
    assert np.abs(seen - rows / 2046 * 255).max() < 2
