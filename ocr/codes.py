"""QR and bar codes of a sheet, and the station that they tell.

Codes are read where the form has them, then, if that told no station, anywhere on the photo. What a code says comes
from outside: it is bounded, cleaned of control characters, and always a string.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ocr.form import Code, Form
from ocr.reading import CodeReading
from ocr.register import Registration

MAX_TEXT = 4096  # characters kept of one code: about as many as a QR code holds
MAX_STATION = 64  # characters of a station id
MAX_CODES = 16  # codes kept of one photo
MARGIN = 0.25  # of a code's smaller side, around the place where the form has it
SCALES = (1.0, 2.0, 3.0)  # at which a code's place is tried, of the photo's own resolution
EDGE = 0.05  # of the page, by which a code may lie outside of it (the page is known only roughly)
WHOLE_PIXELS = 12_000_000  # to which a whole photo is enlarged at most

_FORMATS = zxingcpp.BarcodeFormats(
    [getattr(zxingcpp.BarcodeFormat, name) for name in ("QRCode", "Code128", "Code39")]
)

Gray = NDArray[np.uint8]


def find_codes(gray: Gray, registration: Registration | None = None) -> tuple[CodeReading, ...]:
    """The codes of a photo, each once.

    Parameters
    ----------
    gray : (H, W) uint8
        The upright photo.
    registration : Registration or None
        Where the page is. The places of the form's codes are tried first, enlarged if need be; the whole photo only if
        they tell no station, and then only what lies on this page counts: there may be another sheet beside it. A form
        without codes is not searched. None searches the whole photo once.
    """
    if registration is None:
        return _once(reading for reading, _ in _read(gray))
    form = registration.form
    if not form.codes:
        return ()
    found: list[CodeReading] = []
    for code in form.codes:
        for scale in SCALES:
            place = _cut(gray, registration, code, scale)
            here = [reading for reading, _ in _read(place)] if place is not None else []
            found += here
            if stations(form, here):
                break
    if not stations(form, found):
        for here in _whole(gray, registration):
            found += here
            if stations(form, here):
                break
    return _once(found)


def stations(form: Form, codes: Iterable[CodeReading]) -> tuple[tuple[str, str], ...]:
    """The station ids that the codes tell by the form's patterns, each once with the kind of its code, in their order.

    A code's whole text must match the pattern. More than one id means that the codes contradict each other.
    """
    found: dict[str, str] = {}
    for reading in codes:
        for code in form.codes:
            if code.kind not in ("any", reading.kind):
                continue
            match = re.fullmatch(code.pattern, reading.text)
            if match is None:
                continue
            station = (match["station"] if "station" in match.re.groupindex else match[0]) or ""
            station = station.strip()
            if 0 < len(station) <= MAX_STATION:
                found.setdefault(station, reading.kind)
    return tuple(found.items())


def clean(text: str) -> str:
    """At most 4096 characters, every control, format or unassigned character replaced by U+FFFD."""
    return "".join("\ufffd" if unicodedata.category(c)[0] == "C" else c for c in text[:MAX_TEXT])


def _cut(gray: Gray, registration: Registration, code: Code, scale: float) -> Gray | None:
    """The place of a code, upright and `scale` times as large as in the photo; None if it is not in the photo."""
    margin = MARGIN * min(code.w, code.h)
    x0, y0, x1, y1 = code.x - margin, code.y - margin, code.x + code.w + margin, code.y + code.h + margin
    corners = np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], np.float64)
    quad = cv2.perspectiveTransform(corners, registration.transform)[0]
    if not np.isfinite(quad).all():
        return None
    if not ((quad.min(axis=0) < gray.shape[::-1]).all() and (quad.max(axis=0) > 0).all()):
        return None
    width, height = (round(scale * float(np.hypot(*(quad[i] - quad[0])))) for i in (1, 3))
    if min(width, height) < 8 or width * height > WHOLE_PIXELS:
        return None
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    transform = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(
        cv2.warpPerspective(gray, transform, (width, height), flags=flags, borderValue=255), np.uint8
    )


def _whole(gray: Gray, page: Registration) -> Iterator[list[CodeReading]]:
    """What lies on the page, from the whole photo and then from one twice as large, within the pixel limit."""
    limit = float(np.sqrt(WHOLE_PIXELS / gray.size))
    to_page = np.linalg.inv(page.transform)
    sheet = page.form.page
    for factor in dict.fromkeys((min(1.0, limit), min(2.0, limit))):
        way = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        photo = gray if factor == 1 else cv2.resize(gray, None, fx=factor, fy=factor, interpolation=way)
        found = []
        for reading, centre in _read(np.asarray(photo, np.uint8)):
            x, y, w = to_page @ np.array([*(centre / factor), 1.0])
            if -EDGE <= x / w / sheet.width <= 1 + EDGE and -EDGE <= y / w / sheet.height <= 1 + EDGE:
                found.append(reading)
        yield found


def _read(gray: Gray) -> list[tuple[CodeReading, NDArray[np.float64]]]:
    """All codes of a picture, each with its centre in pixels of it."""
    # Any turn is tried by the library; inverted codes are not printed on sheets.
    found = zxingcpp.read_barcodes(
        np.ascontiguousarray(gray), formats=_FORMATS, text_mode=zxingcpp.TextMode.Plain, try_invert=False
    )
    out = []
    for code in found:
        if code.valid and code.text:
            p = code.position
            corners = (p.top_left, p.top_right, p.bottom_right, p.bottom_left)
            centre = np.mean([(c.x, c.y) for c in corners], axis=0, dtype=np.float64)
            out.append((CodeReading(_kind(code.format), clean(code.text)), np.asarray(centre, np.float64)))
    return out


def _kind(code_format: object) -> str:
    """``qr``, ``code128``, ``code39``: the word of the form's TOML, whatever the library's version calls it."""
    name = re.sub(r"[^a-z0-9]", "", str(code_format).lower())
    return "qr" if name.startswith("qr") else name


def _once(codes: Iterable[CodeReading]) -> tuple[CodeReading, ...]:
    return tuple(dict.fromkeys(codes))[:MAX_CODES]
