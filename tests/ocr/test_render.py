"""The blank page is where the TOML says it is."""

import numpy as np
import pytest

from ocr.form import Form, load_forms
from ocr.render import font_size, render, text_width


def page(**parts) -> Form:
    return Form.model_validate(
        {
            "id": "t", "title": "t", "country": "XX", "page": {"width": 200, "height": 100},
            "fields": [{"name": "a", "box": (1, 1, 9, 3), "edges": "none"}], **parts,
        }
    )  # fmt: skip


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.37, 2.0])
@pytest.mark.parametrize("width", [1.0, 2.0, 5.0])
def test_a_rule_lies_where_it_says_and_is_as_wide(scale, width):
    drawn = render(page(rules=[{"x0": 20, "y0": 41, "x1": 180, "y1": 41, "width": width}]), scale)
    assert drawn.shape == (round(100 * scale), round(200 * scale), 3)
    ink = 1 - drawn[:, round(100 * scale), 0] / 255
    assert ink.sum() / scale == pytest.approx(width, abs=0.03 / scale)
    assert (ink @ (np.arange(len(ink)) + 0.5)) / ink.sum() / scale == pytest.approx(
        41, abs=0.06
    )  # a pixel has no inside


def test_colours_fills_and_background():
    drawn = render(
        page(
            page={"width": 200, "height": 100, "background": "#fafbfc"},
            rects=[{"x": 10, "y": 10, "w": 50, "h": 50, "fill": "#102030", "line": 0}],
        )
    )
    assert drawn[5, 5].tolist() == [0xFC, 0xFB, 0xFA]
    assert drawn[30, 30].tolist() == [0x30, 0x20, 0x10]


def test_boxes_are_drawn_by_their_edges():
    def ink(edges):
        box = {"name": "a", "box": (20, 20, 90, 40), "digits": 3, "edges": edges}
        return (255 - render(page(fields=[box]))).sum()

    assert ink("none") == 0
    assert 0 < ink("dotted") < ink("solid")


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_text_begins_at_its_anchor_and_runs_as_it_is_turned(rotate):
    drawn = render(
        page(
            page={"width": 200, "height": 200},
            texts=[{"x": 100, "y": 100, "text": "HHHH", "size": 20, "rotate": rotate}],
        )
    )
    rows, columns = np.nonzero(drawn[..., 0] < 128)
    middle = np.array([columns.mean(), rows.mean()]) - 100
    along = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotate]
    assert middle @ along == pytest.approx(text_width("HHHH", 20) / 2, abs=3)


def test_size_is_the_cap_height_times_1_4():
    drawn = render(page(texts=[{"x": 20, "y": 80, "text": "HH", "size": 56}]))
    rows = np.flatnonzero((drawn[..., 0] < 128).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(40, abs=1.5)
    assert font_size(56) > 40


def test_accents_stand_over_plain_letters():
    def ink(text):
        return (
            (255 - render(page(texts=[{"x": 20, "y": 60, "text": text, "size": 40}])))
            .astype(int)
            .sum(axis=(1, 2))
        )

    plain, marked = ink("ANO"), ink("ÁÑÓ")
    body = slice(33, 60)
    assert (plain[body] == marked[body]).mean() > 0.9
    assert marked[:30].sum() > plain[:30].sum() == 0


def test_every_form_can_be_drawn_and_has_something_on_it():
    for form in load_forms().values():
        assert 0 < (render(form, 0.25) < 128).mean() < 0.5, form.id


def test_the_same_page_is_the_same_bytes():
    form = load_forms()["sample-landscape"]
    assert render(form, 0.7).tobytes() == render(form, 0.7).tobytes()


def test_a_scale_that_is_not_above_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        render(page(), 0)
