"""The two views of a cell: where the writing is, and that part brought to one size."""

import cv2
import numpy as np
import pytest

from ocr.focus import NEAR, SIZE, TALL, near, study, whole


def cell(
    text: str = "5", scale: float = 1.0, at: tuple[int, int] = (32, 32), edges: bool = True, ink: int = 60
) -> np.ndarray:
    """A printed box with a character of about 22 pixels times `scale` in it."""
    page = np.full((4 * SIZE, 4 * SIZE), 230, np.uint8)
    if edges:
        cv2.rectangle(page, (30, 30), (226, 226), 90, 8)
    written = np.zeros_like(page)
    cv2.putText(written, text, (80, 180), cv2.FONT_HERSHEY_SIMPLEX, 4 * scale, 255, 10, cv2.LINE_AA)
    if text:
        ys, xs = np.nonzero(written)
        shift = (4 * at[1] - (ys.min() + ys.max()) // 2, 4 * at[0] - (xs.min() + xs.max()) // 2)
        written = np.roll(written, shift, (0, 1))
    page[written > 127] = ink
    return cv2.resize(page, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("at", [(32, 32), (26, 36), (38, 30)])
@pytest.mark.parametrize("scale", [0.8, 1.0, 1.4])
def test_the_writing_is_found_and_not_the_box(scale: float, at: tuple[int, int]) -> None:
    x, y, side, paper, dark = study(cell(scale=scale, at=at)[None]).places[0]
    assert abs(x - at[0]) < 3 and abs(y - at[1]) < 3
    assert abs(side - 22 * scale) < 5
    assert abs(paper - 230) < 6 and 80 < dark < 200


def test_small_and_large_writing_look_alike() -> None:
    cells = np.array([cell(scale=0.8), cell(scale=1.5)])
    small, large = near(cells, study(cells))[:, 0]
    assert small.shape == (NEAR, NEAR)
    for view in (small, large):
        rows = np.flatnonzero((view > 0.5).any(1))
        assert abs(rows[-1] - rows[0] + 1 - TALL) <= 4
    assert np.corrcoef((small > 0.5).ravel(), (large > 0.5).ravel())[0, 1] > 0.6


@pytest.mark.parametrize("edges", [True, False])
def test_an_empty_box_is_its_own_view(edges: bool) -> None:
    assert study(cell("", edges=edges)[None]).places[0, :3].tolist() == [31.5, 31.5, 49.0]


def test_a_neighbour_is_not_the_writing() -> None:
    page = cell(scale=1.0)
    page[20:44, :6] = 40  # a neighbour's stroke, darker in sum than the digit
    assert abs(study(page[None]).places[0][0] - 32) < 2


def test_a_digit_in_two_pieces_is_taken_whole() -> None:
    page = np.full((SIZE, SIZE), 230, np.uint8)
    page[16:30, 28:31] = page[34:48, 28:31] = 60
    _, y, side, _, _ = study(page[None]).places[0]
    assert abs(y - 31.5) < 1.5 and side >= 30


def test_faint_ink_is_brought_to_the_darkness_of_ink() -> None:
    page = cell(ink=180)
    page[:, 10:12] = 20  # something black beside it
    found = study(page[None])
    assert near(page[None], found)[0, 0].max() > 2 * whole(found)[0, 0, 8:24, 10:22].max()


def test_noise_is_not_blown_up() -> None:
    flat = np.clip(np.random.default_rng(1).normal(200, 2, (4, SIZE, SIZE)), 0, 255).astype(np.uint8)
    found = study(flat)
    assert np.abs(whole(found)).max() < 0.3 and np.abs(near(flat, found)).max() < 0.3


def test_a_cell_is_seen_the_same_in_any_company() -> None:
    cells = np.random.default_rng(2).integers(0, 256, (9, SIZE, SIZE), dtype=np.uint8)
    cells[4] = cell()
    together, alone = study(cells), study(cells[4:5])
    assert np.array_equal(together.places[4], alone.places[0])
    assert np.array_equal(near(cells, together)[4], near(cells[4:5], alone)[0])


def test_nothing_in_nothing_out() -> None:
    none = np.empty((0, SIZE, SIZE), np.uint8)
    assert whole(study(none)).shape[0] == 0 and near(none, study(none)).shape == (0, 1, NEAR, NEAR)
