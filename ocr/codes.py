"""QR and bar codes of a sheet, and the station that they tell.

Codes are read where the form has them, then, if that told no station, anywhere on the photo. What a code says comes
from outside: it is bounded, cleaned of control characters, and always a string.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ocr.form import Code, Form
from ocr.found import Registration
from ocr.reading import CodeReading

MAX_TEXT = 4096  # characters kept of one code: about as many as a QR code holds
MAX_STATION = 64  # characters of a station id
MAX_CODES = 16  # codes kept of one photo
MARGIN = 0.25  # of a code's smaller side, around the place where the form has it
SCALES = (1.0, 2.0, 3.0)  # at which a code's place is tried, of the photo's own resolution
EDGE = 0.05  # of the page, by which a code may lie outside of it (the page is known only roughly)
WHOLE_PIXELS = 12_000_000  # to which a whole photo is enlarged at most
QUICK_PIXELS = 3_000_000  # of the small copy in which a code that gives a sheet whole is looked for first
NEARLY = 0.05  # a copy is made a half, a third … if it would be so by this part: that is many times as fast
CANDIDATES = 8  # places of codes seen but not decoded that are tried again, enlarged

_FORMATS = zxingcpp.BarcodeFormats(
    [getattr(zxingcpp.BarcodeFormat, name) for name in ("QRCode", "Code128", "Code39")]
)
_QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])

Gray = NDArray[np.uint8]
F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Located:
    """A code and its corners in the photo, (4, 2), clockwise from the code's own top left."""

    reading: CodeReading
    corners: F64


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
        return _once(found.reading for found in _read(gray))
    form = registration.form
    if not form.codes:
        return ()
    found: list[CodeReading] = []
    for code in form.codes:
        for scale in SCALES:
            place = _cut(gray, registration, code, scale)
            if place is None:
                continue
            # As it is, then for print that is faint, unevenly lit or run together.
            for look in _looks(place):
                here = [f.reading for f in _read(look)]
                found += here
                if stations(form, here):
                    break
            else:
                continue
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
        for each in _read(np.asarray(photo, np.uint8)):
            x, y, w = to_page @ np.array([*(each.corners.mean(axis=0) / factor), 1.0])
            if -EDGE <= x / w / sheet.width <= 1 + EDGE and -EDGE <= y / w / sheet.height <= 1 + EDGE:
                found.append(each.reading)
        yield found


def locate(
    gray: Gray, enough: Callable[[Sequence[Located]], bool], *, thorough: bool = False
) -> tuple[Located, ...]:
    """The QR codes of a photo with their places, until there are enough: for sheets that codes give whole.

    Parameters
    ----------
    gray : (H, W) uint8
        The upright photo.
    enough : callable
        Whether what was found will do.
    thorough : bool
        After a small copy of the photo also look at all its pixels, at an enlarged copy, and at the places where something like
        a code stands, each enlarged and with more contrast.
    """
    found: list[Located] = []
    doubtful: list[F64] = []
    small = min(1.0, float(np.sqrt(QUICK_PIXELS / gray.size)))
    if abs(small * (part := round(1 / small)) - 1) < NEARLY:
        small = 1 / part
    large = float(np.clip(np.sqrt(WHOLE_PIXELS / gray.size), 1.0, 2.0))
    for factor in dict.fromkeys((small, 1.0, large)) if thorough else (small,):
        if factor != 1 and min(gray.shape) * factor < 8:
            continue
        way = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        photo = gray if factor == 1 else cv2.resize(gray, None, fx=factor, fy=factor, interpolation=way)
        for each in _read(np.asarray(photo, np.uint8), _QR, errors=thorough):
            placed = Located(each.reading, each.corners / factor)
            if each.reading.text:
                found.append(placed)
            else:
                doubtful.append(placed.corners)
        if enough(found):
            return tuple(found)
    for corners in doubtful[-CANDIDATES:] if thorough else ():
        found += _around(gray, corners)
        if enough(found):
            break
    return tuple(found)


def _around(gray: Gray, corners: F64) -> list[Located]:
    """The codes in a doubtful place, enlarged and looked at in several ways."""
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    margin = MARGIN * max(x1 - x0, y1 - y0, 16)
    left, top = max(0, int(x0 - margin)), max(0, int(y0 - margin))
    place = gray[top : int(y1 + margin) + 1, left : int(x1 + margin) + 1]
    if min(place.shape) < 8:
        return []
    for scale in SCALES[1:]:
        if place.size * scale**2 > WHOLE_PIXELS:
            break
        large = cv2.resize(place, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        for look in _looks(np.asarray(large, np.uint8)):
            found = [Located(f.reading, f.corners / scale + np.array([left, top])) for f in _read(look, _QR)]
            if found:
                return found
    return []


def _looks(gray: Gray) -> Iterator[Gray]:
    """A code's place as it is; with its contrast levelled; smoothed; and in black and white by its neighbourhood."""
    yield gray
    yield np.asarray(cv2.createCLAHE(3.0, (4, 4)).apply(gray), np.uint8)
    smooth = cv2.GaussianBlur(gray, (0, 0), max(1.0, min(gray.shape) / 400))
    yield np.asarray(cv2.equalizeHist(smooth), np.uint8)
    around = (min(gray.shape) // 8) | 1
    if around >= 3:
        yield np.asarray(
            cv2.adaptiveThreshold(smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, around, 4),
            np.uint8,
        )


def _read(gray: Gray, formats: zxingcpp.BarcodeFormats = _FORMATS, *, errors: bool = False) -> list[Located]:
    """All codes of a picture; with `errors` those too that are seen and cannot be decoded, without text."""
    # Any turn is tried by the library; inverted codes are not printed on sheets.
    found = zxingcpp.read_barcodes(
        np.ascontiguousarray(gray),
        formats=formats,
        text_mode=zxingcpp.TextMode.Plain,
        try_invert=False,
        return_errors=errors,
    )
    out = []
    for code in found:
        if (code.valid and code.text) or (errors and not code.valid):
            p = code.position
            corners = [(c.x, c.y) for c in (p.top_left, p.top_right, p.bottom_right, p.bottom_left)]
            text = clean(code.text) if code.valid else ""
            out.append(Located(CodeReading(_kind(code.format), text), np.array(corners, np.float64)))
    return out


def _kind(code_format: object) -> str:
    """``qr``, ``code128``, ``code39``: the word of the form's TOML, whatever the library's version calls it."""
    name = re.sub(r"[^a-z0-9]", "", str(code_format).lower())
    return "qr" if name.startswith("qr") else name


def _once(codes: Iterable[CodeReading]) -> tuple[CodeReading, ...]:
    return tuple(dict.fromkeys(codes))[:MAX_CODES]
