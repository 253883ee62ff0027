"""Which of two forms' rows the writing on a sheet stands in, for sheets whose tables differ in how high their rows are and whose lines are gone.

Whoever fills a sheet writes each digit near the middle of its row. Laid on the rows of another sheet, the same digits stand anywhere between two
rows. So how far each stands from the middle of the row nearest to it is compared: near it by a normal law, or, one of ten, anywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
ToPhoto = Callable[[F64], F64]

# Reasoned, and looked at on simulated copies (seed 1,000,000 of benchmarks.registration); the tests hold two real sheets against it.
SPREAD = 0.15  # of a row: how far from its middle digits stand
ANYWHERE = 0.1  # of the digits stand anywhere
ALIKE = 2.0  # digits of one row stand alike high, and say as much as this part of so many
DARK = 0.65  # of the paper: ink
HIGH, WIDE = (0.25, 1.4), 1.2  # of a box: how high and wide a written digit is
BESIDE = 0.5  # of a box: how far from the middle of a column a digit stands


def in_rows_of(gray: U8, one: tuple[Form, ToPhoto], other: tuple[Form, ToPhoto]) -> float:
    """By what logarithm of odds the writing stands in the rows of one form rather than in those of another.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo.
    one, other : (Form, callable)
        Each form and where its points (n, 2), in page units, lie in the photo. The same digits are compared: those in both forms' columns of votes.
    """
    boxes = [_boxes(*each) for each in (one, other)]
    side = float(np.median(np.hypot(*(boxes[0][:, 3] - boxes[0][:, 0]).T)))
    digits = _digits(gray, boxes[0], side)
    heights = [_from_the_middle(digits, b) for b in boxes]
    both = np.isfinite(heights[0]) & np.isfinite(heights[1])
    laws = [np.log(_law(h[both])).sum() for h in heights]
    return float((laws[0] - laws[1]) / ALIKE)


def _boxes(form: Form, to_photo: ToPhoto) -> F64:
    """Corners (boxes, 4, 2) of the boxes of votes in the photo, from the top left one clockwise."""
    b = np.array([q for f in form.votes for q in f.boxes], np.float64)
    right, down = b[:, 2:] * [1, 0], b[:, 2:] * [0, 1]
    quads = np.stack([b[:, :2], b[:, :2] + right, b[:, :2] + right + down, b[:, :2] + down], axis=1)
    return np.asarray(to_photo(quads.reshape(-1, 2)).reshape(-1, 4, 2), np.float64)


def _digits(gray: U8, boxes: F64, side: float) -> F64:
    """The middles (n, 2) of what may be written digits, in the photo."""
    low = np.maximum(np.floor(boxes.min(axis=(0, 1)) - side), 0).astype(int)
    high = np.ceil(boxes.max(axis=(0, 1)) + side).astype(int)
    part = gray[low[1] : high[1], low[0] : high[0]]
    if not part.size:
        return np.zeros((0, 2))
    near = np.ones((2 * round(side / 4) + 1,) * 2, np.uint8)
    ink = (part < DARK * cv2.dilate(part, near).astype(np.float32)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h, _ = stats[1:].T
    long, short = np.maximum(w, h), np.minimum(w, h)
    ok = (long >= HIGH[0] * side) & (long <= HIGH[1] * side) & (short <= WIDE * side)
    return np.asarray(np.stack([x + w / 2, y + h / 2], axis=1)[ok] + low, np.float64)


def _from_the_middle(at: F64, boxes: F64) -> F64:
    """How far each point is from the middle of the nearest row, in rows, half a one at most; nan beside all columns."""
    middle = boxes.mean(axis=1)
    basis = np.stack([boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 0]], axis=2)
    off = np.einsum("bij,pbj->pbi", np.linalg.inv(basis), at[:, None] - middle[None])
    far = np.where(np.abs(off[:, :, 0]) <= BESIDE, np.abs(off[:, :, 1]), np.inf)
    nearest: F64 = far.min(axis=1, initial=np.inf)
    return np.where(np.isfinite(nearest), np.minimum(nearest, 0.5), np.nan)


def _law(far: F64) -> F64:
    return np.asarray(
        (1 - ANYWHERE) * np.exp(-0.5 * (far / SPREAD) ** 2) / (SPREAD * np.sqrt(2 * np.pi)) + ANYWHERE,
        np.float64,
    )
