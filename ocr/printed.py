"""Numbers that stand in a PDF as text: machine-printed actas that never were a photo are read from it, not from pixels.

What a person sees is what counts. A text that is invisible or painted over (the text layer under a scan) is no print and is
left out; and each figure of the text is held against the drawn page: where the digit network sees another figure, or
ink that the text does not explain, the pixels are read as always and the sheet goes to a person. A file can thus say one number
and show another, but not without being told on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.cells import MARGIN, SIDE, cut
from ocr.digits import BLANK, CLASSES, MARK, default_reader
from ocr.evidence import Settings
from ocr.form import Role
from ocr.found import Registration
from ocr.image import Refused, kind
from ocr.pdf_text import Char, Drawing, open_drawing

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

CERTAIN = 1e-6  # how often a text that the pixels bear out is not what is printed
SEEN = 0.05  # the least probability that the network must give to the figure of the text: print is not what it learnt
EMPTY = 0.5  # and to an empty box where the text has been painted over
BOX = 1.0  # side of the box a figure is put in, of the height of its font
# What was fitted to the network's mistakes on handwriting says nothing about text.
SETTINGS = replace(
    Settings(),
    noise=CERTAIN,
    temperature=1.0,
    temperature_slope=0.0,
    class_prior=None,
    calibration=(1.0, 0.0, 0.0),
)
FIGURES = tuple("0123456789")
MARKS = "-–—−xX*·•.=/"
SEPARATORS = " .,'’\u00a0"


@dataclass(frozen=True)
class Printed:
    """What the text of a page says about the fields of a form.

    Attributes
    ----------
    boxes : dict of str to str
        For each field that is read from text: one character a box, a digit, ``_`` for nothing, ``x`` for a mark.
    differs : tuple of str
        Fields whose text is not what the pixels show, or is no number; these are read from the pixels.
    """

    boxes: Mapping[str, str]
    differs: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why a person should look."""
        return tuple(f"text-differs:{name}" for name in self.differs)

    def over(self, probabilities: Mapping[str, F64]) -> dict[str, F64]:
        """The box probabilities, with certainty where the text says what stands there."""
        out = dict(probabilities)
        for name, text in self.boxes.items():
            rows = np.zeros((len(text), len(CLASSES)))
            rows[np.arange(len(text)), [_class(c) for c in text]] = 1.0
            out[name] = rows
        return out

    def settings(self, registration: Registration) -> Settings:
        """How far to doubt the boxes: hardly, if all numbers of the sheet are text."""
        every = all(f.name in self.boxes for f in registration.form.votes)
        return SETTINGS if every else Settings()


def printed(data: bytes, page: int, gray: U8, registration: Registration) -> Printed | None:
    """What the text of a PDF's page says about a form that was found on it; None if it is no PDF or says nothing.

    Parameters
    ----------
    data : bytes
        The file.
    page : int
        The page, from 1.
    gray : (H, W) uint8
        The page as `ocr.image.open_picture` draws it, on which the form was found.
    registration : Registration
    """
    if kind(data) != "PDF":
        return None
    try:
        drawing = open_drawing(data, page)
    except Refused:
        return None  # the pixels are there all the same
    lines = _lines(drawing, gray, registration)
    if not lines:
        return None
    texts = {name: line.boxes() for name, line in lines.items()}
    # What is too much or too large for its boxes is no number, and need not be looked at.
    plain = {n: line for n, line in lines.items() if line.plain(registration.corners[n])}
    borne_out = _borne_out(gray, registration, plain) if plain else set()
    stations = {f.name for f in registration.form.fields if f.role is Role.STATION}
    told = {n: t for n, t in texts.items() if t is not None and n in borne_out}
    # Beside a station's number stand its place and its name: what is no number there says nothing.
    differs = tuple(n for n in lines if n not in told and not (n in stations and texts[n] is None))
    return Printed(told, differs)


@dataclass(frozen=True)
class _Line:
    """The characters in one field's boxes from left to right, their quads (n, 4, 2) in pixels, and the box each stands in."""

    chars: tuple[str, ...]
    quads: F64
    at: tuple[int, ...]
    digits: int

    def boxes(self) -> str | None:
        """The text spread over the boxes; None if it is no number that fits."""
        kept = [
            (c, at)
            for i, (c, at) in enumerate(zip(self.chars, self.at, strict=True))
            if not (c in SEPARATORS and self._between(i))
        ]
        signs = [("x" if c in MARKS else c, at) for c, at in kept]
        if not signs or len(signs) > self.digits or not all(c in (*FIGURES, "x") for c, _ in signs):
            return None
        places = [at for _, at in signs]
        if len(set(places)) < len(places):  # set as one word, not box by box
            places = list(range(self.digits - len(signs), self.digits))
        out = ["_"] * self.digits
        for (c, _), at in zip(signs, places, strict=True):
            out[at] = c
        return "".join(out)

    def plain(self, boxes: F64) -> bool:
        """Whether there are no more characters than could be set in these boxes, and none much larger than a box."""
        side = 3 * float(np.ptp(boxes, axis=1).max())
        return len(self.chars) <= 3 * self.digits and bool((np.ptp(self.quads, axis=1) <= side).all())

    def _between(self, i: int) -> bool:
        return 0 < i < len(self.chars) - 1 and self.chars[i - 1].isdigit() and self.chars[i + 1].isdigit()


def _lines(drawing: Drawing, gray: U8, registration: Registration) -> dict[str, _Line]:
    """The visible characters whose centres lie in each field's boxes."""
    chars = [c for c in drawing.chars if not c.hidden and c.text.strip()]
    if not chars:
        return {}
    scale = np.array([gray.shape[1] / drawing.width, gray.shape[0] / drawing.height])
    quads = np.array([_quad(c) for c in chars]) * scale
    centres = quads.mean(axis=1)
    out = {}
    for name, boxes in registration.corners.items():
        if not len(boxes):
            continue
        row = np.stack([boxes[0, 0], boxes[-1, 1], boxes[-1, 2], boxes[0, 3]]).astype(np.float32)
        inside = [
            i
            for i, (x, y) in enumerate(centres)
            if cv2.pointPolygonTest(row.reshape(-1, 1, 2), (float(x), float(y)), False) >= 0
        ]
        if not inside:
            continue
        middles = boxes.mean(axis=1)
        along = (row[1] - row[0]) / np.linalg.norm(row[1] - row[0])
        inside.sort(key=lambda i: float(centres[i] @ along))
        at = [int(np.abs((middles - centres[i]) @ along).argmin()) for i in inside]
        out[name] = _Line(tuple(chars[i].text for i in inside), quads[inside], tuple(at), len(boxes))
    return out


def _quad(c: Char) -> list[tuple[float, float]]:
    return [(c.x0, c.y0), (c.x1, c.y0), (c.x1, c.y1), (c.x0, c.y1)]


def _borne_out(gray: U8, registration: Registration, lines: Mapping[str, _Line]) -> set[str]:
    """The fields whose characters are what the drawn page shows, and all that it shows."""
    reader = default_reader()
    names = list(lines)
    cells = [_cell(gray, quad, registration) for n in names for quad in lines[n].quads]
    seen = reader.probabilities(np.stack(cells))
    bare = gray.copy()
    for line in lines.values():
        for quad in line.quads:
            _paint_over(bare, quad)
    rest = cut(bare, registration)
    out, start = set(), 0
    for name in names:
        line = lines[name]
        mine = seen[start : start + len(line.chars)]
        start += len(line.chars)
        agree = all(_agrees(c, p) for c, p in zip(line.chars, mine, strict=True))
        if agree and (reader.probabilities(rest[name])[:, BLANK] >= EMPTY).all():
            out.add(name)
    return out


def _agrees(c: str, seen: F64) -> bool:
    if c in FIGURES:
        return bool(seen[int(c)] >= SEEN)
    return bool(seen[BLANK] + seen[MARK] >= SEEN)


def _class(c: str) -> int:
    return {"_": BLANK, "x": MARK}.get(c) or FIGURES.index(c)


def _cell(gray: U8, quad: F64, registration: Registration) -> U8:
    """One character alone in the middle of an empty box, as the network knows boxes, upright as the page stands."""
    x0, y0 = np.floor(quad.min(axis=0)).astype(int)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int)
    x0, y0 = max(x0, 0), max(y0, 0)
    part = gray[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    if not part.size:
        return np.full((SIDE, SIDE), 255, np.uint8)
    turns = round(registration.orientation / 90) % 4
    part = np.rot90(part, turns)
    side = max(round(part.shape[0] * BOX * (1 + 2 * MARGIN)), *part.shape)
    paper = int(np.percentile(part, 90))
    cell = np.full((side, side), paper, np.uint8)
    top, left = (side - part.shape[0]) // 2, (side - part.shape[1]) // 2
    cell[top : top + part.shape[0], left : left + part.shape[1]] = part
    return np.asarray(cv2.resize(cell, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _paint_over(gray: U8, quad: F64) -> None:
    """Paper in place of one character."""
    x0, y0 = np.maximum(np.floor(quad.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.ceil(quad.max(axis=0)).astype(int) + 1
    part = gray[y0:y1, x0:x1]
    if part.size:
        part[:] = np.percentile(part, 90)
