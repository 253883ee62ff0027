"""What was found on a photo: a form, where it lies, and how well.

`Found` is what the search (`ocr.register`) works with and the gate (`ocr.gate`) judges; `Registration` is what the rest of the reader gets.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.elsewhere import Place
from ocr.errors import CotejoError
from ocr.form import Form
from ocr.lines import F64, Sheet
from ocr.match import Match, Warp
from ocr.print_there import InPlace
from ocr.rows import Rows
from ocr.skeleton import LONG
from ocr.snap import Snapped

CLEAR = 0.25  # a field counts as seen from this clearness on


class NotFound(CotejoError):
    """No known form was found on the photo; the message says why."""


class OtherForm(NotFound):
    """The photo is known to show a form that was not asked for."""


class Astray(NotFound):
    """A form was found, but its texts stand elsewhere than where it lies."""


class NotToBeRead(NotFound):
    """A form was found, but it cannot be read where it lies; what is found after that must speak louder."""


@dataclass(frozen=True)
class Registration:
    """Where a form lies in a photo.

    Attributes
    ----------
    form : Form
    transform : (3, 3) float64
        Homography from page units to photo pixels (coarse: of the whole page, which may be bent).
    corners : dict of str to (boxes, 4, 2) float64
        Corners of each box of each field in photo pixels, clockwise from the box's top left (fine).
    score : float
        0 to 1: how well the printed lines and the boxes were found.
    orientation : float
        By how many degrees the page stands turned clockwise in the photo.
    seen : dict of str to float
        0 to 1 for each field: how clearly the edges of its boxes were found.
    absent : frozenset of str
        Fields that cannot be read from this photo: their boxes lie outside of it, or are covered. Their corners are where the rest of
        the page says.
    by_print : bool
        The printed lines are gone, and its texts alone say where the page lies.
    """

    form: Form
    transform: F64
    corners: dict[str, F64]
    score: float
    orientation: float
    seen: dict[str, float]
    absent: frozenset[str] = frozenset()
    by_print: bool = False


class Page:
    """A refined match as a map from page units to photo pixels."""

    def __init__(self, form: Form, warp: Warp, sheet: Sheet) -> None:
        self.unit = LONG / max(form.page.width, form.page.height)
        self.warp = warp
        self.to_photo = sheet.to_photo

    def __call__(self, page: F64) -> F64:
        """Points (n, 2) in page units to photo pixels."""
        flat = self.warp(page * self.unit)
        p = np.concatenate([flat, np.ones((len(flat), 1))], axis=1) @ self.to_photo.T
        return np.asarray(p[:, :2] / p[:, 2:], dtype=np.float64)


@dataclass(frozen=True)
class Found:
    """A form laid on a photo, and what speaks for it; in `Found.score` lines and boxes count alike, 0 to 1."""

    score: float
    match: Match
    snapped: Snapped
    page: Page
    sheet: Sheet
    rival: float  # the quality of the best match of another form
    places: list[Place]  # agreement here and elsewhere, of the page and of each table
    drawn: bool = False  # whether the page was drawn to its texts
    texts: InPlace | None = None  # where the printed texts are, if that was looked at
    rows: Rows | None = (
        None  # what speaks for these rows, among the sheets like this one; None: nobody has looked
    )
    by_print: bool = (
        False  # whether its texts alone have placed it (`ocr.print_alone`), and told it from its like
    )


def registration(found: Found) -> Registration:
    """What the rest of the reader needs of it."""
    form = found.match.form
    return Registration(
        form,
        _transform(form, found.page),
        _corners(form, found.snapped, found.page),
        round(found.score, 9),
        _orientation(form, found.page),
        found.snapped.seen,
        by_print=found.by_print,
    )


def seen_part(form: Form, snapped: Snapped, absent: frozenset[str] = frozenset()) -> float:
    """Part of the fields with printed edges whose edges were found."""
    seen = [
        min(1.0, snapped.seen[f.name] / CLEAR)
        for f in form.fields
        if f.edges != "none" and f.name not in absent
    ]
    return float(np.mean(seen)) if seen else 1.0


def score(match: Match, snapped: Snapped) -> float:
    """How well lines and boxes were found, 0 to 1."""
    return float(np.sqrt(match.quality * seen_part(match.form, snapped)))


def _corners(form: Form, snapped: Snapped, page: Page) -> dict[str, F64]:
    out = {}
    for field in form.fields:
        b = np.array(field.boxes)
        quads = np.stack(
            [b[:, :2], b[:, :2] + b[:, 2:] * [1, 0], b[:, :2] + b[:, 2:], b[:, :2] + b[:, 2:] * [0, 1]],
            axis=1,
        )
        out[field.name] = page((quads + snapped.shift[field.name]).reshape(-1, 2)).reshape(-1, 4, 2)
    return out


def _transform(form: Form, page: Page) -> F64:
    x, y = np.meshgrid(np.linspace(0, form.page.width, 9), np.linspace(0, form.page.height, 9))
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    m, _ = cv2.findHomography(grid, page(grid), 0)
    return np.asarray(m / m[2, 2], dtype=np.float64)


def _orientation(form: Form, page: Page) -> float:
    w, h = form.page.width, form.page.height
    a, b = page(np.array([[0.3 * w, 0.5 * h], [0.7 * w, 0.5 * h]]))
    return round(float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))), 3)
