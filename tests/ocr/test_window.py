"""The window around the ink of boxes that are far from square."""

import cv2
import numpy as np
import pytest

from ocr.snap import Pyramid
from ocr.window import LONGEST, tighten


def photo(at: tuple[int, int] | None, size: tuple[int, int]) -> np.ndarray:
    """A printed box of `size` (w, h) at (100, 100), with a blob of ink at `at`."""
    page = np.full((400, 400), 230, np.uint8)
    cv2.rectangle(page, (100, 100), (100 + size[0], 100 + size[1]), 40, 2)
    if at:
        cv2.ellipse(page, at, (6, 9), 0, 0, 360, 60, 3, cv2.LINE_AA)
    return page


def quad(size: tuple[int, int]) -> np.ndarray:
    w, h = size
    return np.array([[[100, 100], [100 + w, 100], [100 + w, 100 + h], [100, 100 + h]]], float)


@pytest.mark.parametrize("y", [135, 150, 170])
def test_tall_box_is_cut_around_its_ink(y: int) -> None:
    size = (40, 100)
    window = tighten(Pyramid(photo((120, y), size)), quad(size))[0]
    assert np.ptp(window[:, 1]) == pytest.approx(LONGEST * 40)
    assert np.ptp(window[:, 0]) == pytest.approx(40)
    assert window[:, 1].min() + 8 < y < window[:, 1].max() - 8


@pytest.mark.parametrize("x", [125, 150, 175])
def test_wide_box_is_cut_around_its_ink(x: int) -> None:
    size = (100, 40)
    window = tighten(Pyramid(photo((x, 120), size)), quad(size))[0]
    assert np.ptp(window[:, 0]) == pytest.approx(LONGEST * 40)
    assert window[:, 0].min() + 5 < x < window[:, 0].max() - 5
    assert window[0, 0] < window[1, 0] and window[0, 1] < window[3, 1]


def test_empty_box_gives_its_middle() -> None:
    window = tighten(Pyramid(photo(None, (40, 100))), quad((40, 100)))[0]
    assert window[:, 1].mean() == pytest.approx(150)


@pytest.mark.parametrize("size", [(50, 50), (50, 60), (60, 50)])
def test_nearly_square_box_stays(size: tuple[int, int]) -> None:
    assert np.array_equal(tighten(Pyramid(photo((120, 120), size)), quad(size)), quad(size))


def test_rule_inside_the_box_is_not_ink() -> None:
    page = photo((120, 135), (40, 100))
    cv2.line(page, (90, 182), (150, 182), 0, 4)
    window = tighten(Pyramid(page), quad((40, 100)))[0]
    assert window[:, 1].min() < 127 and window[:, 1].max() < 175
