"""Synthetic sheets: numbers that fulfil a form's sums, slips that break one, and a writer's cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ocr.digits import BLANK, CROSSED, MARK
from ocr.form import Form, load_forms
from ocr.train.levels import LEVELS, draw_photo, legible, room, table
from ocr.train.sheets import (
    LOOKS,
    Source,
    draw_values,
    holds,
    made_sources,
    make_writer,
    most,
    slip,
    spell_sheet,
)
from ocr.train.simulate import draw_cells, handwritten, read_cells, shape_of, write_sheets
from tests.ocr.test_decode import equal, make_form

FORMS = handwritten(load_forms())


@pytest.mark.parametrize("name", sorted(FORMS))
def test_numbers_fulfil_every_sum_that_is_evidence(name: str) -> None:
    form, rng = FORMS[name], np.random.default_rng(1)
    for _ in range(20):
        values = draw_values(rng, form)
        assert values.keys() == {f.name for f in form.fields}
        assert all(0 <= v <= most(form.field(n)) for n, v in values.items())
        for s in form.sums:
            if s.evidence:
                left, right = (sum(values[n] for n in side) for side in (s.left, s.right))
                assert left == right if s.rule == "equal" else left <= right
        assert holds(form, values)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_slip_breaks_a_sum(name: str) -> None:
    form, rng = FORMS[name], np.random.default_rng(2)
    broken = 0
    for _ in range(20):
        values = draw_values(rng, form)
        wrong = slip(rng, form, values)
        broken += not holds(form, wrong)
        assert all(0 <= v < 10 ** form.field(n).digits for n, v in wrong.items())
    assert broken >= 18  # a swap of equal digits and the like leaves a sheet as it was


def test_impossible_sums_are_told() -> None:
    sums = [equal("same", ["a"], ["b"]), equal("more", ["a", "c"], ["b"])]
    form = make_form({"a": 1, "b": 1, "c": 1}, sums, c={"role": "option"})
    with pytest.raises(ValueError, match="no numbers fulfil the sums of t"):
        draw_values(np.random.default_rng(0), form)


def test_one_habit_for_the_whole_sheet() -> None:
    form, rng = FORMS["bo-oep-2025"], np.random.default_rng(3)
    for _ in range(30):
        values = draw_values(rng, form)
        written, classes = spell_sheet(rng, form, values)
        fillers = {
            row[0]
            for n, row in classes.items()
            if written[n] and values[n] < 100 and row[0] in (0, BLANK, MARK)
        }
        assert len(fillers) <= 1
        for name, row in classes.items():
            digits = [0 if c in (BLANK, MARK) else c % 20 for c in row]  # from 20 on: printed
            if CROSSED not in row and written[name] is not None:
                assert int("".join(map(str, digits))) == values[name]


def test_digits_of_one_hand_are_alike() -> None:
    rng = np.random.default_rng(4)
    digits = made_sources("fit", writers=1, each=40).kinds[0][0].digits
    shapes = digits.fields.reshape(len(digits), -1).astype(np.float32)
    source = Source(digits, shapes)

    def spread(of: np.ndarray) -> float:
        return float(np.square(of - of.mean(0)).sum(1).mean())

    hand = source.hand(rng)
    own = np.mean([spread(g.fields.reshape(len(g), -1).astype(np.float32)) for g in hand.values()])
    all_ = np.mean([spread(shapes[digits.labels == d]) for d in range(10)])
    assert all(set(g.labels.tolist()) == {d} for d, g in hand.items())
    assert own < 0.8 * all_


def test_halves_share_no_digit() -> None:
    fit, score = (made_sources(h, writers=3, each=2) for h in ("fit", "score"))
    a, b = ({f.tobytes() for kind in s.kinds[0] for f in kind.digits.fields} for s in (fit, score))
    assert a and b and not a & b


def test_levels_get_worse_in_every_quantity() -> None:
    light, medium, heavy = LEVELS.values()
    for a, b in ((light, medium), (medium, heavy)):
        assert a.box[0] > b.box[1] and a.quality[0] >= b.quality[1]
        assert a.blur[1] / a.box[0] < b.blur[1] / b.box[0]  # of the digit
        assert a.tall > b.tall and a.depth > b.depth
        assert (a.noise[1], a.tilt, a.bend, a.shadow) < (b.noise[1], b.tilt, b.bend, b.shadow)
    assert all(f"| {name} |" in table() for name in LEVELS)


def test_what_nobody_could_see_is_not_legible() -> None:
    """The ink's contrast in the photo decides, and a narrow box is photographed so that its digits are as high as any."""
    photo = draw_photo(np.random.default_rng(9), "heavy")
    ink = np.zeros((64, 64), np.float32)
    ink[20:44, 30:34] = 200.0
    assert legible(ink, photo, 0.9) and not legible(ink * np.float32(0.05), photo, 0.9)
    copy = replace(photo, cut=0.5)
    assert legible(ink, copy, 0.9, 0.5) and not legible(ink * np.float32(0.3), copy, 0.9, 1.0)
    assert room(10, 20) == 12 and room(20, 10) == 10 and room(9, 10) == 10


@pytest.mark.parametrize("look", LOOKS)
def test_photos_keep_to_their_level(look: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        photo = draw_photo(rng, look)
        if look in LEVELS:
            level = LEVELS[look]
            assert level.box[0] <= photo.height <= level.box[1]
            assert level.blur[0] <= photo.sigma <= level.blur[1]
            assert level.quality[0] - 1 <= photo.quality <= level.quality[1]


def test_a_writer_is_the_same_for_the_same_seed() -> None:
    sources = made_sources("fit", writers=4)
    a, b = (make_writer(np.random.default_rng(6), sources, "medium", 0.9) for _ in range(2))
    assert a[0].dtype == np.uint8 and a[0].shape[1:] == (64, 64) and (a[0] == b[0]).all()
    assert set(a[1].tolist()) == {*range(10), BLANK, MARK, CROSSED, *range(20, 30)}


def test_a_sheet_takes_all_its_boxes_from_one_writer() -> None:
    cells, classes, who = draw_cells(made_sources("score", writers=4), ["light"], 2, 7)
    writers = read_cells(cells, classes, who)
    form: Form = FORMS["bo-oep-2025"]
    assert {w.aspect for w in writers} == {1.45, 0.9, 0.5}
    for sheet in write_sheets(form, writers, 5, 0.5, np.random.default_rng(8)):
        assert sheet.writer.aspect == shape_of(form)
        known = {p.tobytes() for c in sheet.writer.cells.values() for p in c}
        assert {f: [c for c, _ in row] for f, row in sheet.cells.items()} == sheet.classes
        alone = sheet.writer.weighed(sheet.cells, None)
        assert all(p.tobytes() in known for boxes in alone.values() for p in boxes)
        assert {f: p.shape for f, p in alone.items()} == {f: p.shape for f, p in sheet.boxes.items()}
        assert any((alone[f] != sheet.boxes[f]).any() for f in alone), "weighed with one another"
        assert sheet.adds_up == holds(form, sheet.values)
