"""Derived pictures: the page laid flat and one field cut out, without metadata."""

from __future__ import annotations

import dataclasses
import io

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr.crops import crop, encode_jpeg, encode_png, rectify
from ocr.form import load_forms
from ocr.image import Picture, open_picture
from ocr.reading import FieldReading, Reading, State, refusal
from tests.ocr.made import LANDSCAPE, corners, photograph, sheet

FORM = load_forms()["sample-landscape"]
PAGE = sheet(FORM, LANDSCAPE)


def taken(scale: float = 1.0) -> tuple[Picture, Reading]:
    """A photo and a reading that knows exactly where the page is."""
    photo, to_photo = photograph(PAGE, scale)
    boxes = {
        f.name: tuple(tuple((float(x), float(y)) for x, y in box) for box in corners(FORM, f.name, to_photo))
        for f in FORM.fields
    }
    fields = {
        name: FieldReading(1, State.NUMBER, 1.0, None, 0.0, "1", 1.0, 1, quads)
        for name, quads in boxes.items()
    }
    bare = refusal(file="", sha256="", why="", reader="test")
    return Picture(photo), dataclasses.replace(bare, transform=tuple(to_photo.ravel()), fields=fields)


@pytest.mark.parametrize(("photo_scale", "scale"), [(1.0, 1.0), (1.0, 0.5), (2.5, 0.5), (1.0, 1.5)])
def test_the_page_is_laid_flat(photo_scale: float, scale: float) -> None:
    picture, reading = taken(photo_scale)
    before = picture.pixels.copy()
    flat = rectify(picture, reading, FORM, scale)
    wanted = cv2.resize(
        PAGE, flat.shape[1::-1], interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    assert flat.shape == (round(FORM.page.height * scale), round(FORM.page.width * scale), 3)
    assert np.abs(flat.astype(int) - wanted).mean() < 8
    assert np.abs(np.roll(flat, 3, axis=0).astype(int) - wanted).mean() > 12  # three pixels off would show
    assert np.array_equal(picture.pixels, before)


def test_a_page_that_cannot_be_laid_flat_is_said() -> None:
    picture, reading = taken()
    with pytest.raises(ValueError, match="refused"):
        rectify(picture, refusal(file="", sha256="", why="", reader=""), FORM)
    for scale in (100.0, 0.0001):
        with pytest.raises(ValueError, match="scale"):
            rectify(picture, reading, FORM, scale)


def test_a_field_is_cut_out_with_its_margin() -> None:
    picture, reading = taken()
    for name in ("cast", "sol"):
        (x, y, w, h), n = FORM.field(name).boxes[0], len(FORM.field(name).boxes)
        wanted = PAGE[
            round(y - 0.15 * h) : round(y + 1.15 * h), round(x - 0.15 * w) : round(x + (n + 0.15) * w)
        ]
        got = crop(picture, reading.fields[name], height=wanted.shape[0])
        assert got is not None and abs(got.shape[1] - wanted.shape[1]) < 0.06 * wanted.shape[1]
        got = np.asarray(cv2.resize(got, wanted.shape[1::-1]), np.uint8)
        assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.85
    turned = Picture(np.ascontiguousarray(picture.pixels[::-1, ::-1]))
    h, w = picture.pixels.shape[:2]
    field = reading.fields["sol"]
    boxes = tuple(tuple((w - 1 - x, h - 1 - y) for x, y in box) for box in field.boxes)
    upright, again = crop(picture, field), crop(turned, dataclasses.replace(field, boxes=boxes))
    assert upright is not None and again is not None
    assert np.abs(upright.astype(int) - cv2.resize(again, upright.shape[1::-1])).mean() < 6


def test_what_cannot_be_cut_gives_nothing() -> None:
    picture, reading = taken()
    field = reading.fields["sol"]
    assert crop(picture, dataclasses.replace(field, boxes=())) is None
    for bad in (((5.0, 5.0),) * 4, ((float("nan"), 0.0),) * 4):
        assert crop(picture, dataclasses.replace(field, boxes=(bad,))) is None


def test_encoded_pictures_carry_no_metadata() -> None:
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x010E] = "a private note"
    Image.fromarray(PAGE).save(out, "JPEG", exif=exif)
    pixels = open_picture(out.getvalue()).pixels
    for data in (encode_jpeg(pixels), encode_png(pixels), encode_png(pixels[:, :, 0])):
        assert b"private" not in data and b"Exif" not in data
        assert not Image.open(io.BytesIO(data)).getexif()
    assert encode_png(pixels) == encode_png(pixels.copy())
    assert np.array_equal(open_picture(encode_png(pixels)).pixels, pixels)
