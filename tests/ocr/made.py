"""Sheets made for tests: a form's blank page, filled with typeset digits and photographed from the side."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ocr.form import Form
from ocr.render import render

Pixels = NDArray[np.uint8]
KINDS = {"qr": "QRCode", "any": "QRCode", "code128": "Code128", "code39": "Code39"}

LANDSCAPE = {
    "registered_printed": 240, "cast": 207, "unused": 33,
    "sol": 85, "puente": 64, "faro": 27, "ceiba": 13, "timon": 9, "valid": 198, "blank": 6, "null": 3,
}  # fmt: skip


def sheet(form: Form, values: Mapping[str, int | str], code: str = "") -> Pixels:
    """The page at one pixel a page unit; a text value has one character a box, a space leaves it empty."""
    page = render(form).copy()
    for field in form.fields:
        if field.name not in values:
            continue
        text = str(values[field.name]).zfill(field.digits)
        for character, (x, y, w, h) in zip(text, field.boxes, strict=True):
            size = h * 0.6 / 22
            (tw, th), _ = cv2.getTextSize(character, cv2.FONT_HERSHEY_SIMPLEX, size, 3)
            at = (int(x + (w - tw) / 2), int(y + (h + th) / 2))
            cv2.putText(page, character, at, cv2.FONT_HERSHEY_SIMPLEX, size, (120, 30, 20), 3, cv2.LINE_AA)
    if code:
        where = form.codes[0]
        bare = zxingcpp.create_barcode(code, getattr(zxingcpp.BarcodeFormat, KINDS[where.kind]))
        drawn = cv2.resize(
            np.array(bare.to_image(scale=8)), (int(where.w), int(where.h)), interpolation=cv2.INTER_AREA
        )
        x, y = int(where.x), int(where.y)
        page[y : y + drawn.shape[0], x : x + drawn.shape[1]] = drawn[:, :, None]
    return page


def corners(form: Form, name: str, to_photo: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the boxes of a field are in the photo: (boxes, 4, 2), clockwise from the top left."""
    quads = [[[x, y], [x + w, y], [x + w, y + h], [x, y + h]] for x, y, w, h in form.field(name).boxes]
    return np.asarray(cv2.perspectiveTransform(np.array(quads, np.float64), to_photo), np.float64)


def photograph(page: Pixels, scale: float = 1.0) -> tuple[Pixels, NDArray[np.float64]]:
    """The page on a dark table, from the side, and the homography from page to photo."""
    h, w = page.shape[:2]
    quad = np.array([[0.04, 0.05], [0.97, 0.03], [1.02, 1.02], [0.02, 0.98]]) * [w, h] * scale
    flat = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, quad.astype(np.float32))
    size = (round(w * 1.06 * scale), round(h * 1.06 * scale))
    photo = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA, borderValue=(70, 80, 90))
    return np.asarray(photo, np.uint8), matrix


def jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
