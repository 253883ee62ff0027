"""The thorough look over all forms: each axis is searched where the other one has been laid.

`ocr.rough` matches a form's lines with the photo's in one dimension for each axis, with all lines added up along their
whole length. Where a page has few lines, or the photo many others, the right place is not among the best of such sums. Here the best
places of one axis are taken in turn, and the other axis is searched with each line counted along its own length only.
It takes several times as long, and is asked for when nothing that the first look has found is read.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ocr.form import Form
from ocr.lines import F32, F64, Sheet
from ocr.rough import RATIO, SCALES, Laying, Rough, aligned, profiles
from ocr.skeleton import per_form, skeleton

CELL = 8  # pixels, and page units along a line
EACH = 8  # places of the one axis that the other is searched for
SHIFTS = 2  # kept for each scale
PLACES = 5  # kept for each place of the one axis
KEPT = 8  # for each form and turn
OUTSIDE = 0.55  # the largest part of the page outside of the photo
BESIDE = 9  # cells over which the brightness around a line is taken

Bundle = tuple[
    F32, F32
]  # positions (n,) of parallel lines in page units, and (n, cells) how much line there is along them


def thorough(sheet: Sheet, forms: Sequence[Form]) -> list[Rough]:
    """The best ways to lay the forms on the photo with straight scales, the best first; several for each form and turn."""
    laying, spectra = Laying(sheet, 15), profiles(sheet)
    across, down = _cells(sheet)
    gains = (down, np.ascontiguousarray(across.T))  # lines down tell x, lines across tell y
    out: list[Rough] = []
    for form in forms:
        bundles = _bundles(form)
        for quarters in range(4):
            s, _ = skeleton(form).turned(quarters)
            starts = aligned(spectra, form, quarters, sheet, EACH)
            found = [
                _other(gains[axis], bundles[quarters][axis], place, s.size[axis], axis)
                for axis in (0, 1)
                for place in starts[1 - axis]
            ]
            places = np.concatenate([np.zeros((0, 4)), *found])
            scores = laying.scores(s, places, 100)
            for i in np.argsort(-scores, kind="stable")[:KEPT]:
                p = places[i].tolist()
                out.append(Rough(form, quarters, (p[0], p[1], p[2], p[3]), float(scores[i])))
    return sorted(out, key=lambda r: -r.score)


def _other(gain: F32, bundle: Bundle, place: F64, size: float, axis: int) -> F64:
    """Places (n, 4) with the axis searched where the other one lies at `place` (scale, shift, score)."""
    positions, along = bundle
    scale, shift = float(place[0]), float(place[1])
    rows = np.floor((scale * CELL * (np.arange(along.shape[1]) + 0.5) + shift) / CELL).astype(np.intp)
    there = (rows >= 0) & (rows < len(gain))
    lines = along[:, there] @ gain[rows[there]]
    scales = SCALES[::2][np.abs(np.log(SCALES[::2] / scale)) < RATIO / 2]
    if not len(lines) or not len(scales):
        return np.zeros((0, 4))
    width = lines.shape[1]
    pad = int(size * scales[-1] / CELL) + 2
    padded = cv2.copyMakeBorder(lines, 0, 0, pad, pad, cv2.BORDER_CONSTANT, value=0)
    flat, step = padded.ravel(), padded.shape[1]
    best: list[tuple[float, float, float]] = []
    starts = np.arange(len(positions), dtype=np.int32) * step + pad
    for s in scales:
        page = size * s / CELL
        low, high = int(-OUTSIDE * page), int(width - (1 - OUTSIDE) * page) + 1
        if high <= low:
            continue
        at = starts + np.rint(positions * (s / CELL)).astype(np.int32)
        score = flat.take(at[:, None] + np.arange(low, high, dtype=np.int32), mode="clip").sum(axis=0)
        for _ in range(SHIFTS):
            i = int(score.argmax())
            best.append((float(score[i]), float(s), (low + i + 0.5) * CELL))
            score[max(0, i - 1) : i + 2] = -np.inf
    best.sort(reverse=True)
    found = np.array([(s, t) for _, s, t in best[:PLACES]]).reshape(-1, 2)
    given = np.tile([scale, shift], (len(found), 1))
    return np.concatenate([found, given] if axis == 0 else [given, found], axis=1)


def _cells(sheet: Sheet) -> tuple[F32, F32]:
    """How much more line there is in each cell than around it, across and down; tolerant of a cell."""
    out = []
    for image in (sheet.across, sheet.down.T):
        h, w = image.shape
        whole = np.pad(image, ((0, -h % CELL), (0, -w % CELL)))
        rows = whole.reshape(-1, CELL, whole.shape[1]).max(axis=1)
        m = np.ascontiguousarray(rows.reshape(len(rows), -1, CELL).mean(axis=2))
        beside = np.maximum(np.roll(m, 1, axis=0), np.roll(m, -1, axis=0))
        out.append(np.maximum(m, np.float32(0.7) * beside) - cv2.blur(m, (1, BESIDE)))
    return np.asarray(out[0], np.float32), np.ascontiguousarray(out[1].T)


@per_form
def _bundles(form: Form) -> list[tuple[Bundle, Bundle]]:
    """For each quarter turn the form's lines down (by x) and across (by y)."""
    out = []
    for quarters in range(4):
        s, _ = skeleton(form).turned(quarters)
        out.append(
            (
                _bundle(s.down, s.down_weight, s.size[1]),
                _bundle(s.across[:, ::-1], s.across_weight, s.size[0]),
            )
        )
    return out


def _bundle(points: F64, weight: F64, length: float) -> Bundle:
    """Lines by their position (first coordinate), each along its length (second)."""
    key, line = np.unique(np.round(points[:, 0] / 4), return_inverse=True)
    along = np.zeros((len(key), int(length / CELL) + 1), np.float32)
    cell = np.clip(points[:, 1] / CELL, 0, along.shape[1] - 1).astype(np.intp)
    np.add.at(along, (line, cell), weight)
    total = np.maximum(np.bincount(line, weight, len(key)), 1e-9)
    position = np.bincount(line, weight * points[:, 0], len(key)) / total
    return position.astype(np.float32), along
