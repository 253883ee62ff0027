"""Which of two forms' rows the writing on a sheet stands in, for sheets whose tables differ in how high their rows are and whose lines are gone.

Whoever fills a sheet writes each digit near the middle of its row, or all of them a little above or below. Laid on the rows of another sheet, the same digits stand
anywhere between two rows. So how far each stands from the middle of the row nearest to it is compared: by a normal law, or, one of ten, anywhere.
"""

from __future__ import annotations

import cv2
import numpy as np

from ocr.form import Form
from ocr.print_there import F64, U8, ToPhoto

# Reasoned, and looked at on simulated copies (seed 1,000,000 of benchmarks.registration); the tests hold two real sheets against it.
SPREAD = 0.15  # of a row: how far from its middle digits stand
MIDDLES, OFTEN = (
    0.05 * np.arange(-6, 7),
    0.1,
)  # of a row: how far below its middle a hand writes, and by how much it often does
ANYWHERE = 0.1  # of the digits stand anywhere
ALIKE = 2.0  # digits of one row stand alike high, and say as much as this part of so many
DARK = 0.65  # of the paper: ink
HIGH, WIDE = (0.25, 1.4), 1.2  # of a box: how high and wide a written digit is
OUTSIDE = 0.5  # of a row from its middle: outside of it
BESIDE = 0.5  # of a box: how far from the middle of a column a digit stands


def in_rows_of(gray: U8, one: tuple[Form, ToPhoto], other: tuple[Form, ToPhoto]) -> float:
    """By what logarithm of odds the writing stands in the rows of one form rather than in those of another, or in no rows.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo.
    one, other : (Form, callable)
        Each form and where its points (n, 2), in page units, lie in the photo. The same digits are compared: those in both forms' columns of votes.
    """
    boxes = [_boxes(*each) for each in (one, other)]
    if not all(np.isfinite(b).all() and _areas(b).min(initial=np.inf) > 1 for b in boxes):
        return 0.0
    digits = _digits(gray, boxes[0])
    off = [_from_the_middle(digits, b) for b in boxes]
    # In both forms' columns, and in a row of either: what stands between tables is print.
    there = np.isfinite(off[0]) & np.isfinite(off[1]) & (np.minimum(*np.abs(off)) < OUTSIDE)
    fits = [_fit(o[there]) for o in off]
    return float(fits[0] - max(fits[1], 0.0)) / ALIKE


def _boxes(form: Form, to_photo: ToPhoto) -> F64:
    """Corners (boxes, 4, 2) of the boxes of votes in the photo, from the top left one clockwise."""
    b = np.array([q for f in form.votes for q in f.boxes], np.float64)
    right, down = b[:, 2:] * [1, 0], b[:, 2:] * [0, 1]
    quads = np.stack([b[:, :2], b[:, :2] + right, b[:, :2] + right + down, b[:, :2] + down], axis=1)
    return np.asarray(to_photo(quads.reshape(-1, 2)).reshape(-1, 4, 2), np.float64)


def _areas(boxes: F64) -> F64:
    across, down = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 0]
    return np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0])


def _digits(gray: U8, boxes: F64) -> F64:
    """The middles (n, 2) of what may be written digits, in the photo."""
    down = np.abs(boxes[:, 3] - boxes[:, 0]).mean(axis=0)
    side = float(np.hypot(*down))
    low = np.maximum(np.floor(boxes.min(axis=(0, 1)) - side), 0).astype(int)
    end = np.maximum(np.ceil(boxes.max(axis=(0, 1)) + side), 0).astype(int)
    part = gray[low[1] : end[1], low[0] : end[0]]
    if not part.size:
        return np.zeros((0, 2))
    near = np.ones((2 * round(side / 4) + 1,) * 2, np.uint8)
    ink = (part < DARK * cv2.dilate(part, near).astype(np.float32)).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, w, h, _ = stats[1:].T
    # Pieces of a printed line are wide, not high.
    high, wide = (h, w) if down[1] >= down[0] else (w, h)
    ok = (high >= HIGH[0] * side) & (high <= HIGH[1] * side) & (wide <= WIDE * side)
    return np.asarray(np.stack([x + w / 2, y + h / 2], axis=1)[ok] + low, np.float64)


def _from_the_middle(at: F64, boxes: F64) -> F64:
    """How far each point is below the middle of the nearest row, in rows, `OUTSIDE` at most; nan beside all columns."""
    middle = boxes.mean(axis=1)
    basis = np.stack([boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 0]], axis=2)
    off = np.einsum("bij,pbj->pbi", np.linalg.inv(basis), at[:, None] - middle[None])
    far = np.where(np.abs(off[:, :, 0]) <= BESIDE, np.abs(off[:, :, 1]), np.inf)
    if not far.size:
        return np.full(len(at), np.nan)
    nearest = far.argmin(axis=1)[:, None]
    below = np.clip(np.take_along_axis(off[:, :, 1], nearest, axis=1)[:, 0], -OUTSIDE, OUTSIDE)
    return np.where(np.isfinite(np.take_along_axis(far, nearest, axis=1)[:, 0]), below, np.nan)


def _fit(below: F64) -> float:
    """Logarithm of how much more probable it is to write so in these rows than anywhere, about the best of middles near that of a row."""
    far = np.abs(below[None, :] - MIDDLES[:, None])
    far = np.minimum(far, 1 - far)
    near = (1 - ANYWHERE) * np.exp(-0.5 * (far / SPREAD) ** 2) / (SPREAD * np.sqrt(2 * np.pi))
    return float((np.log(near + ANYWHERE).sum(axis=1) - 0.5 * (MIDDLES / OFTEN) ** 2).max())
