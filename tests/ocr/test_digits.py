"""The digit reader: contract, calibration on drawn digits, behaviour on boxes that hold no digit."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.digits import (
    BLANK,
    CLASSES,
    CROSSED,
    MARK,
    MODEL,
    DigitModelError,
    DigitReader,
    default_reader,
)
from ocr.focus import SIZE
from ocr.train.digits import FONTS, font_names, hand_fonts
from ocr.train.glyphs import SIDE, _whole


def paper(level: int = 235, noise: float = 2.0, seed: int = 0) -> np.ndarray:
    """An empty box with printed edges."""
    rng = np.random.default_rng(seed)
    page = np.full((128, 128), level, np.uint8)
    cv2.rectangle(page, (15, 15), (113, 113), int(level * 0.3), 2)
    return np.clip(page + rng.normal(0, noise, page.shape), 0, 255).astype(np.uint8)


def shrink(page: np.ndarray) -> np.ndarray:
    return cv2.resize(page, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def typed(digit: int, level: int = 235, ink: int = 60, seed: int = 0) -> np.ndarray:
    """A digit in a stroke font, as if written with a pen."""
    page = paper(level, seed=seed)
    cv2.putText(page, str(digit), (38, 92), cv2.FONT_HERSHEY_SIMPLEX, 2.4, ink, 6, cv2.LINE_AA)
    return shrink(page)


def crossed_box(seed: int) -> np.ndarray:
    page = paper(seed=seed)
    rng = np.random.default_rng(seed)
    a, b, c, d = (
        tuple(int(v) for v in np.array(p) + rng.integers(-6, 7, 2))
        for p in ((35, 35), (93, 93), (93, 35), (35, 93))
    )
    cv2.line(page, a, b, 60, 5, cv2.LINE_AA)
    cv2.line(page, c, d, 60, 5, cv2.LINE_AA)
    return shrink(page)


@pytest.fixture(scope="module")
def reader() -> DigitReader:
    return DigitReader()


def test_rows_are_probabilities(reader: DigitReader) -> None:
    cells = np.random.default_rng(0).integers(0, 256, (37, SIZE, SIZE), dtype=np.uint8)
    p = reader.probabilities(cells)
    assert p.shape == (37, len(CLASSES)) and p.dtype == np.float64
    assert np.allclose(p.sum(1), 1.0, atol=1e-12) and (p >= 0).all()


def test_empty_input(reader: DigitReader) -> None:
    assert reader.probabilities(np.empty((0, SIZE, SIZE), np.uint8)).shape == (0, len(CLASSES))


@pytest.mark.parametrize("ink", [40, 90, 150])
@pytest.mark.parametrize("level", [170, 235, 255])
def test_clear_digits_are_read_on_any_paper(reader: DigitReader, ink: int, level: int) -> None:
    ink = round(ink * level / 255)
    p = reader.probabilities(np.array([typed(d, level, ink) for d in range(10)]))
    assert p.argmax(1).tolist() == list(range(10))


def test_empty_box_is_blank_on_any_paper(reader: DigitReader) -> None:
    cells = np.array(
        [shrink(paper(level, noise)) for level in (90, 130, 180, 235, 255) for noise in (0.0, 2.0, 6.0)]
    )
    assert (reader.probabilities(cells).argmax(1) == BLANK).all()


def test_uniform_cell_is_blank(reader: DigitReader) -> None:
    cells = np.stack([np.full((SIZE, SIZE), level, np.uint8) for level in (120, 200, 255)])
    assert (reader.probabilities(cells).argmax(1) == BLANK).all()


def test_x_is_a_mark(reader: DigitReader) -> None:
    p = reader.probabilities(np.array([crossed_box(seed) for seed in range(10)]))
    assert (p.argmax(1) == MARK).all()


def test_dash_is_a_mark(reader: DigitReader) -> None:
    page = paper()
    cv2.line(page, (38, 64), (90, 62), 50, 6, cv2.LINE_AA)
    assert int(reader.probabilities(shrink(page)[None]).argmax()) == MARK


@pytest.mark.parametrize("lean", [-10, 0, 10])
def test_bare_stroke_is_a_one(reader: DigitReader, lean: int) -> None:
    page = paper()
    cv2.line(page, (64 + lean, 30), (64 - lean, 98), 50, 6, cv2.LINE_AA)
    assert int(reader.probabilities(shrink(page)[None]).argmax()) == 1


def test_crossed_seven_and_slashed_zero_stay_digits(reader: DigitReader) -> None:
    seven, zero = paper(), paper()
    cv2.polylines(seven, [np.array([[36, 34], [90, 32], [58, 98]])], False, 50, 6, cv2.LINE_AA)
    cv2.line(seven, (48, 66), (86, 62), 50, 6, cv2.LINE_AA)
    cv2.ellipse(zero, (64, 64), (22, 34), 8, 0, 360, 50, 6, cv2.LINE_AA)
    cv2.line(zero, (48, 86), (80, 42), 50, 6, cv2.LINE_AA)
    assert reader.probabilities(np.array([shrink(seven), shrink(zero)])).argmax(1).tolist() == [7, 0]


def test_scribbled_digit_is_not_a_sure_digit(reader: DigitReader) -> None:
    cells = []
    for digit in range(10):
        page = paper()
        cv2.putText(page, str(digit), (38, 92), cv2.FONT_HERSHEY_SIMPLEX, 2.4, 60, 6, cv2.LINE_AA)
        zigzag = [[28 + 7 * k, 34 if k % 2 else 96] for k in range(11)]
        cv2.polylines(page, [np.array(zigzag)], False, 60, 6, cv2.LINE_AA)
        cells.append(shrink(page))
    p = reader.probabilities(np.array(cells))
    assert p[:, :10].max() < 0.9
    assert (p.argmax(1) == CROSSED).mean() >= 0.8


def test_light_does_not_matter(reader: DigitReader) -> None:
    cells = np.array([typed(d, 240, 60) for d in range(10)])
    dimmed = (cells * 0.7 + 10).astype(np.uint8)
    assert np.abs(reader.probabilities(cells) - reader.probabilities(dimmed)).max() < 0.05


def test_same_bytes_whatever_the_batch(reader: DigitReader) -> None:
    cells = np.array([typed(d % 10, seed=d) for d in range(700)])
    whole = np.round(reader.probabilities(cells), 9)
    assert np.array_equal(whole, np.round(reader.probabilities(cells), 9))
    alone = np.concatenate([reader.probabilities(cells[k : k + 1]) for k in range(0, 700, 50)])
    assert np.abs(whole[::50] - alone).max() < 1e-5


def test_default_reader_is_loaded_once() -> None:
    assert default_reader() is default_reader()


def test_weights_are_small() -> None:
    assert MODEL.stat().st_size < 1_900_000


@pytest.mark.parametrize(
    "cells",
    [
        np.zeros((2, 28, 28), np.uint8),
        np.zeros((2, SIZE, SIZE), np.float32),
        np.zeros((SIZE, SIZE), np.uint8),
    ],
)
def test_wrong_shape_is_one_sentence(reader: DigitReader, cells: np.ndarray) -> None:
    with pytest.raises(DigitModelError, match="Cells must be uint8"):
        reader.probabilities(cells)


def test_missing_and_broken_weights_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DigitModelError, match="missing"):
        DigitReader(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a network")
    with pytest.raises(DigitModelError, match="cannot be read"):
        DigitReader(tmp_path / "bad.onnx")


def test_weights_for_other_cells_are_one_sentence(tmp_path: Path) -> None:
    """Weights of an earlier version, for instance, whose only input was the whole cell."""
    (tmp_path / "other.onnx").write_bytes(MODEL.read_bytes().replace(b"writing", b"another"))
    with pytest.raises(DigitModelError, match="other classes or cells"):
        DigitReader(tmp_path / "other.onnx")


def test_a_small_digit_is_read_like_a_large_one(reader: DigitReader) -> None:
    cells = []
    for digit in range(10):
        page = paper(seed=digit)
        cv2.putText(page, str(digit), (52, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 60, 3, cv2.LINE_AA)
        cells.append(shrink(page))
    p = reader.probabilities(np.array(cells))
    assert p.argmax(1).tolist() == list(range(10))


def test_fonts_that_are_measured_on_are_not_trained_on(tmp_path):
    parts = [font_names(part) for part in ("train", "check", "test")]
    every = [name for part in parts for name in part]
    assert len(every) == len(set(every)) == len(FONTS.read_text().split())
    assert all(len(part) >= 10 for part in parts)
    with pytest.raises(SystemExit, match=f"no {parts[2][0]}-latin-400-normal.woff"):
        hand_fonts(tmp_path, "test")


def test_a_hairline_is_not_broken():
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    drawn[5:50, 20:24] = 255
    drawn[25:30, 20:24] = 70
    assert cv2.connectedComponents(_whole(drawn).astype(np.uint8))[0] == 2
    drawn[25:30] = 0
    assert cv2.connectedComponents(_whole(drawn).astype(np.uint8))[0] == 3
