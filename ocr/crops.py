"""Pictures made from a photo for people to look at: the page laid flat, one field cut out. They carry no EXIF."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form
from ocr.image import Picture
from ocr.reading import FieldReading, Reading

MARGIN = 0.15  # of a box's size, around it
MAX_SIDE = 6000  # pixels of a derived picture


def rectify(picture: Picture, reading: Reading, form: Form, scale: float = 1.0) -> NDArray[np.uint8]:
    """The page as if it had been scanned: ``(page.height * scale, page.width * scale, 3)`` uint8, BGR.

    The photo's coarse homography is used, so bent paper stays a little bent.

    Raises
    ------
    ValueError
        If the photo was refused (there is no transform) or the result would be larger than 6000 pixels a side.
    """
    if len(reading.transform) != 9:
        raise ValueError("the photo was refused, so its page cannot be laid flat")
    width, height = round(form.page.width * scale), round(form.page.height * scale)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise ValueError(f"a page of {width} x {height} pixels is not made; use a scale below it")
    to_page = np.array([[1 / scale, 0, 0], [0, 1 / scale, 0], [0, 0, 1]])
    to_photo = np.array(reading.transform, np.float64).reshape(3, 3) @ to_page
    return _warp(picture.pixels, to_photo, width, height)


def crop(picture: Picture, field: FieldReading, height: int = 0) -> NDArray[np.uint8] | None:
    """The boxes of one field and a small margin, upright, ``(h, w, 3)`` uint8, BGR; None if the field has no boxes.

    `height` in pixels; 0 keeps the photo's own resolution.
    """
    if not field.boxes:
        return None
    first, last = np.array(field.boxes[0], np.float64), np.array(field.boxes[-1], np.float64)
    quad = np.array([first[0], last[1], last[2], first[3]])
    across = (quad[1] - quad[0] + quad[2] - quad[3]) / 2
    down = (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    long, tall = float(np.hypot(*across)), float(np.hypot(*down))
    if not (np.isfinite(quad).all() and long >= 1 and tall >= 1):
        return None
    x, y = across / len(field.boxes) * MARGIN, down * MARGIN
    quad += np.array([-x - y, x - y, x + y, -x + y])
    tall, long = tall * (1 + 2 * MARGIN), long * (1 + 2 * MARGIN / len(field.boxes))
    out_h = min(height or round(tall), MAX_SIDE)
    out_w = min(max(1, round(long * out_h / tall)), MAX_SIDE)
    target = np.array([[0, 0], [out_w, 0], [out_w, out_h], [0, out_h]], np.float32)
    to_photo = np.asarray(cv2.getPerspectiveTransform(target, quad.astype(np.float32)), np.float64)
    return _warp(picture.pixels, to_photo, out_w, out_h)


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG bytes of a BGR or grey picture, without metadata; the same pixels give the same bytes."""
    return _encode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 6])


def encode_jpeg(pixels: NDArray[np.uint8], quality: int = 85) -> bytes:
    """JPEG bytes of a BGR or grey picture, without metadata."""
    return _encode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, pixels: NDArray[np.uint8], settings: list[int]) -> bytes:
    ok, data = cv2.imencode(suffix, pixels, settings)
    if not ok:
        raise ValueError(f"a picture of shape {pixels.shape} cannot be written as {suffix}")
    return bytes(data.tobytes())


def _warp(
    pixels: NDArray[np.uint8], to_photo: NDArray[np.float64], width: int, height: int
) -> NDArray[np.uint8]:
    # A large photo shrunk in one step would alias: halve it until the step is small.
    x, y = width / 2, height / 2
    seen = np.array([[x, y, 1], [x + 1, y, 1], [x, y + 1, 1]]) @ to_photo.T
    points = seen[:, :2] / seen[:, 2:]
    step = float(min(np.hypot(*(points[1] - points[0])), np.hypot(*(points[2] - points[0]))))
    while step > 1.5 and min(pixels.shape[:2]) > 16:
        before = pixels.shape
        pixels = np.asarray(cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
        to_photo = to_photo * np.array([[pixels.shape[1] / before[1]], [pixels.shape[0] / before[0]], [1.0]])
        step /= 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    flat = cv2.warpPerspective(pixels, to_photo, (width, height), flags=flags, borderValue=(255, 255, 255))
    return np.asarray(flat, np.uint8)
