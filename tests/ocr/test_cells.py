"""Cutting the boxes out of the photo."""

from __future__ import annotations

import numpy as np

from ocr.cells import SIDE, cut
from ocr.form import load_forms
from ocr.found import Registration

FORM = load_forms()["sample-landscape"]


def registration(corners):
    return Registration(FORM, np.eye(3), corners, 1.0, 0.0, {})


def box(x, y, w, h):
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], float)


def test_a_cell_is_the_box_with_fifteen_per_cent_around_it():
    photo = np.full((300, 300), 200, np.uint8)
    photo[100:200, 50:150] = 40
    cell = cut(photo, registration({"a": np.stack([box(49.5, 99.5, 100, 100)])}))["a"]
    assert cell.shape == (1, SIDE, SIDE)
    assert cell.dtype == np.uint8
    margin = SIDE * 0.15 / 1.3
    inside = cell[0] < 120
    assert abs(int(inside[SIDE // 2].sum()) - (SIDE - 2 * margin)) <= 2
    assert abs(int(inside[:, SIDE // 2].sum()) - (SIDE - 2 * margin)) <= 2


def test_a_box_upside_down_is_cut_upright():
    photo = np.full((200, 200), 255, np.uint8)
    photo[20:60, 20:100] = 0  # ink in the upper half of the box as it lies
    upright = box(20, 20, 80, 80)
    cells = cut(photo, registration({"a": upright[None], "b": np.roll(upright, 2, axis=0)[None]}))
    assert cells["a"][0, SIDE // 4, SIDE // 2] < 30
    assert cells["b"][0, SIDE // 4, SIDE // 2] > 225
    assert np.array_equal(cells["a"][0, ::-1, ::-1] > 128, cells["b"][0] > 128)


def test_a_large_box_is_averaged_not_skipped():
    photo = np.full((700, 700), 255, np.uint8)
    photo[:, ::4] = 0  # a quarter of the pixels
    cell = cut(photo, registration({"a": box(100, 100, 480, 480)[None]}))["a"][0]
    assert abs(float(cell.mean()) - 191) < 8
    assert float(cell.std()) < 40


def test_fields_keep_their_order_and_their_boxes():
    photo = np.zeros((100, 100), np.uint8)
    photo[:, 50:] = 255
    cells = cut(
        photo,
        registration(
            {"left": np.stack([box(5, 5, 20, 20), box(60, 5, 20, 20)]), "right": box(70, 50, 20, 20)[None]}
        ),
    )
    assert [len(c) for c in cells.values()] == [2, 1]
    assert cells["left"][0].max() == 0
    assert cells["left"][1].min() == 255
    assert cells["right"][0].min() == 255


def test_nothing_registered_nothing_cut():
    assert cut(np.zeros((10, 10), np.uint8), registration({})) == {}
