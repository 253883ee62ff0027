"""Fingerprints of what is written in the boxes."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from audits.same_writing import MOST
from ocr.read import read
from ocr.same import BITS, distance, fingerprint
from tests.conftest import ROOT

U8 = np.ndarray
PHOTOS = ROOT / "sample_actas" / "photos"


def sheet(rng: np.random.Generator, boxes: int = 30, empty: int = 6) -> U8:
    """Boxes with a printed frame and strokes of a pen in most of them."""
    out = np.full((boxes, 64, 64), 230, np.uint8)
    for box in out:
        cv2.rectangle(box, (7, 7), (56, 56), 120, 2)
    for box in out[empty:]:
        points = rng.integers(16, 48, (5, 1, 2)).astype(np.int32)
        cv2.polylines(box, [points], False, 40, 3, cv2.LINE_AA)
    return out


def again(cells: U8, rng: np.random.Generator) -> U8:
    """The same boxes on another photo: shifted by up to two pixels, darker, blurred, with noise."""
    out = []
    for cell in cells:
        move = np.array([[1, 0, rng.uniform(-2, 2)], [0, 1, rng.uniform(-2, 2)]])
        seen = cv2.warpAffine(cell, move, (64, 64), borderMode=cv2.BORDER_REPLICATE).astype(float)
        seen = cv2.GaussianBlur(seen * 0.7 + 10, (0, 0), 1.0) + rng.normal(0, 4, (64, 64))
        out.append(np.clip(seen, 0, 255).astype(np.uint8))
    return np.array(out)


def test_photos_of_one_sheet_are_near_and_sheets_of_one_form_far() -> None:
    rng = np.random.default_rng(1)
    sheets = [sheet(rng) for _ in range(20)]
    prints = [fingerprint([s]) for s in sheets]
    other = [fingerprint([again(s, rng)]) for s in sheets]
    same = [distance(a, b) for a, b in zip(prints, other, strict=True) if a and b]
    different = [distance(a, b) for i, a in enumerate(prints) for b in prints[:i] if a and b]
    assert len(same) == 20 and max(same) < 44 < min(different)
    assert abs(np.mean(different) - BITS / 2) < 40


def test_the_printed_form_alone_and_little_writing_have_none() -> None:
    rng = np.random.default_rng(2)
    assert fingerprint([]) is None
    assert fingerprint([sheet(rng, empty=30)]) is None
    assert fingerprint([sheet(rng, empty=25)]) is None
    noisy = np.clip(sheet(rng, empty=30) + rng.normal(0, 3, (30, 64, 64)), 0, 255).astype(np.uint8)
    assert fingerprint([noisy]) is None


def test_it_depends_on_the_boxes_and_not_on_how_they_are_divided_into_fields() -> None:
    cells = sheet(np.random.default_rng(3))
    whole = fingerprint([cells])
    assert whole is not None and len(whole) == 64 and int(whole, 16) >= 0
    assert whole == fingerprint([cells[:7], cells[7:7], cells[7:]])
    # Fixed for all machines: stored ones must stay comparable.
    assert whole == fingerprint([np.array(cells)])


def test_a_photo_sent_again_smaller_and_turned_has_nearly_the_same() -> None:
    one, two = (PHOTOS / f"{name}.jpg" for name in ("01111", "01112"))
    if not (one.is_file() and two.is_file()):
        pytest.skip("the sample photos are not here")
    first, second = read(one), read(two)
    picture = cv2.imread(str(one))
    small = cv2.resize(
        cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE), None, fx=0.85, fy=0.85, interpolation=cv2.INTER_AREA
    )
    third = read(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
    assert first.writing and second.writing and third.writing
    assert distance(first.writing, third.writing) <= 44 < distance(first.writing, second.writing)


def test_a_refused_photo_has_none(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((400, 300), 200, np.uint8))
    assert read(path).writing is None


def test_a_real_sheet_photographed_twice_is_found_among_others(real_data: Path) -> None:
    """Two files of Indonesia 2014 show one sheet; the others are different sheets of the form."""
    folder = real_data / "actas" / "id-kpu-c1-2014"
    seen = {path.name[:7]: read(path) for path in sorted(folder.glob("14204*.jpg"))[:5]}
    twice = read(next(folder.glob("1420467*.jpg")))
    assert twice.writing
    for name, reading in seen.items():
        assert reading.writing and (distance(reading.writing, twice.writing) <= MOST) == (name == "1420460")
    for one, two in itertools.combinations(seen.values(), 2):
        assert one.writing and two.writing and distance(one.writing, two.writing) > MOST
