"""Which forms a photo may show, and where, by its rows of print alone: for a copy on which the printed lines are gone.

A photocopier that makes black and white of grey loses thin grids, and keeps the words. The photo is turned until its rows of
print lie level, which is where the sums along them differ most (Postl 1986, ICPR, "Detection of linear oblique structures and skew scan in
digitized documents"). How much print there is in each row of pixels is then compared with each form, at each size and shift; where a form's
rows lie on the photo's, the columns are found in two dimensions. A page seen from the side, or bent, is not found so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from ocr.form import Form
from ocr.lines import F32, U8, WORK, Sheet, levelled, working
from ocr.print_there import is_drawable
from ocr.render import render
from ocr.rough import C64, Rough
from ocr.skeleton import LONG, per_form, skeleton

TEXTS = 20  # a form with fewer that can be looked for is not known by its texts
STROKE = 13  # pixels: the strokes of print are thinner
DARKER = 0.25  # of the paper, by which a stroke is darker
LINE = 45  # pixels; straight strokes from this length on are lines or writing, not letters
TURNS = np.arange(-6.0, 6.01, 0.25)  # degrees by which a page may lie askew
FINE = 1.4  # pixels per unit of `LONG` at which a form's print is drawn
ROW, COLUMN = 2, 4  # pixels to a row and a column of the comparison
SIZES = np.geomspace(0.55, 1.12, 120) * WORK / LONG  # pixels a unit: the page fills most of a copy
OTHER_SIZES = np.arange(0.96, 1.0401, 0.005)  # across over down
ROWS, COLUMNS = 2048, 1024  # more than a photo and a page have together
LEAST_UNDER = 0.09  # of the photo's rows by their print: less under a page does not make it fit better
AROUND = 31  # rows over which the mean is taken away
AROUND_BOTH = (9, 15)  # columns and rows, likewise
SHIFTS = 4  # places of the rows kept for each form and way up
PLACES = 14  # of which so many are looked at in two dimensions
KEPT = 6  # hypotheses, one for a form and way up
LEAST = 0.15  # of correlation in two dimensions; what has more `ocr.print_alone` judges


def by_print(gray: U8, forms: Sequence[Form]) -> tuple[Sheet, list[Rough]]:
    """The photo turned level, and the best ways to lay the forms on it, the best first; of each form at most one each way up.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo.
    forms : sequence of Form
        Those with fewer than `TEXTS` texts that can be drawn are passed over.
    """
    turn, upright = _level(_print(working(gray)[0]))
    sheet, flat = levelled(gray, turn)
    print_ = _print(flat)
    ways = {q: np.ascontiguousarray(np.rot90(print_, q)) for q in ((0, 2) if upright else (1, 3))}
    rows = []
    for form in forms:
        if sum(is_drawable(t) for t in form.texts) >= TEXTS:
            for quarters, way in ways.items():
                rows += [(score, form, quarters, at) for score, at in _rows(way, form)]
    rows.sort(key=lambda r: -r[0])
    best: dict[tuple[str, int], Rough] = {}
    for _, form, quarters, down in rows[:PLACES]:
        score, across = _columns(ways[quarters], form, *down)
        if score < LEAST:
            continue
        place = _turned(quarters, across, down, form, ways[quarters].shape)
        key = (form.id, quarters)
        if key not in best or score > best[key].score:
            best[key] = Rough(form, quarters, place, score)
    return sheet, sorted(best.values(), key=lambda r: -r.score)[:KEPT]


def _print(gray: U8) -> U8:
    """Where a picture shows thin strokes that are not long and straight: 1, else 0."""
    dark = cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, np.ones((STROKE, STROKE), np.uint8))
    paper = cv2.dilate(gray, np.ones((STROKE, STROKE), np.uint8))
    out = (dark > DARKER * paper.astype(np.float32)).astype(np.uint8)
    for kernel in ((1, LINE), (LINE, 1)):
        line = cv2.morphologyEx(out, cv2.MORPH_OPEN, np.ones(kernel, np.uint8))
        out[cv2.dilate(line, np.ones((3, 3), np.uint8)) > 0] = 0
    return np.asarray(out, np.uint8)


def _level(print_: U8) -> tuple[float, bool]:
    """By how many degrees a picture must be turned anticlockwise for its rows of print to run along an axis, and whether that is across."""
    small = cv2.resize(print_ * np.uint8(255), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    h, w = small.shape
    best = (-1.0, 0.0, True)
    for degrees in TURNS.tolist():
        turn = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), degrees, 1.0)
        there = cv2.warpAffine(small, turn, (w, h)).astype(np.float32)
        for axis in (1, 0):
            total = there.sum(axis=axis)
            edge = float(np.square(np.diff(total)).sum() / max(float(total.sum()), 1.0) ** 2)
            best = max(best, (edge, degrees, axis == 1))
    return best[1], best[2]


@per_form
def _drawn(form: Form) -> U8:
    """A form's print, `FINE` pixels a unit, as `_print` would see it on the photo."""
    areas = tuple(q.model_copy(update={"line": 0.0}) for q in form.rects if q.fill is not None)
    bare = form.model_copy(update={"rules": (), "fields": (), "rects": areas})
    page = render(bare, FINE * LONG / max(form.page.width, form.page.height))
    return _print(np.asarray(cv2.cvtColor(page, cv2.COLOR_BGR2GRAY), np.uint8))


def _total(print_: U8) -> F32:
    """How much print there is in each row, its root, because a bold heading is no surer than a small text."""
    return np.asarray(np.sqrt(print_.sum(axis=1).astype(np.float32)), np.float32)


def _level_out(total: NDArray[Any]) -> F32:
    return np.asarray(total - cv2.blur(total.reshape(-1, 1), (1, AROUND)).ravel(), np.float32)


@per_form
def _combs(form: Form) -> tuple[C64, F32, NDArray[np.intp]]:
    """For each of `SIZES` the spectrum of the rows' print, its length as a vector, and how many rows it has."""
    total = _total(_drawn(form)).reshape(-1, 1)
    out = np.zeros((len(SIZES), ROWS), np.float32)
    rows = np.minimum((len(total) * SIZES / FINE / ROW).astype(np.intp), ROWS)
    for row, n in zip(out, rows.tolist(), strict=True):
        row[:n] = _level_out(cv2.resize(total, (1, n), interpolation=cv2.INTER_AREA).ravel())
    return np.asarray(rfft(out, axis=1), np.complex64), np.sqrt(np.square(out).sum(axis=1)), rows


def _rows(way: U8, form: Form) -> list[tuple[float, tuple[float, float]]]:
    """Correlations, and sizes and shifts (pixels) of the form's rows, that lie best on those of the photo."""
    total = _total(way)
    joined = total[: len(total) // ROW * ROW].reshape(-1, ROW).sum(axis=1)[:ROWS]
    seen = np.zeros(ROWS, np.float32)
    seen[: len(joined)] = _level_out(joined)
    combs, length, rows = _combs(form)
    shared = irfft(rfft(seen) * np.conj(combs), ROWS, axis=1)
    # The photo's part of each correlation: what of it lies under the page, which may begin before it.
    sums = np.concatenate([[0.0], np.cumsum(np.square(seen, dtype=np.float64))])
    start = np.arange(ROWS)
    start = np.where(start < len(joined), start, start - ROWS)
    ends = np.clip(start + rows[:, None], 0, ROWS)
    under = np.maximum(sums[ends] - sums[np.clip(start, 0, ROWS)], LEAST_UNDER * sums[-1] + 1e-9)
    score = shared / np.sqrt(under) / np.maximum(length, 1e-9)[:, None]
    out = []
    for _ in range(SHIFTS):
        i, j = divmod(int(score.argmax()), ROWS)
        out.append((float(score[i, j]), (float(SIZES[i]), float(start[j] * ROW))))
        score[max(0, i - 2) : i + 3, max(0, j - 4) : j + 5] = -1.0
    return out


def _columns(way: U8, form: Form, size: float, shift: float) -> tuple[float, tuple[float, float]]:
    """Correlation in two dimensions, and size and shift of the columns, where the form's rows lie as given."""
    seen = cv2.resize(
        way.astype(np.float32), (way.shape[1] // COLUMN, way.shape[0] // ROW), interpolation=cv2.INTER_AREA
    )
    seen = seen - cv2.blur(seen, AROUND_BOTH)
    print_ = _drawn(form).astype(np.float32)
    first, rows = round(shift / ROW), int(len(print_) * size / FINE / ROW)
    low, high = max(0, first), min(len(seen), first + rows)
    best = (-1.0, (size, 0.0))
    if high - low < AROUND:
        return best
    there = rfft(seen[low:high], COLUMNS, axis=1)
    for other in (size * OTHER_SIZES).tolist():
        columns = min(int(print_.shape[1] * other / FINE / COLUMN), COLUMNS)
        page = cv2.resize(print_, (columns, rows), interpolation=cv2.INTER_AREA)
        page = (page - cv2.blur(page, AROUND_BOTH))[low - first : high - first]
        shared = irfft((there * np.conj(rfft(page, COLUMNS, axis=1))).sum(axis=0), COLUMNS)
        j = int(shared.argmax())
        score = float(shared[j]) / max(
            float(np.linalg.norm(seen[low:high])) * float(np.linalg.norm(page)), 1e-9
        )
        at = j if j < seen.shape[1] else j - COLUMNS
        best = max(best, (score, (other, float(at * COLUMN))))
    return best


def _turned(
    quarters: int,
    across: tuple[float, float],
    down: tuple[float, float],
    form: Form,
    shape: tuple[int, ...],
) -> tuple[float, float, float, float]:
    """A page that was laid upright on the photo turned back by quarter turns, as a place on the photo as it is."""
    (sx, tx), (sy, ty) = across, down
    w, h = skeleton(form).size
    right, bottom = shape[1] - 1 - sx * w - tx, shape[0] - 1 - sy * h - ty
    return ((sx, tx, sy, ty), (sy, bottom, sx, tx), (sx, right, sy, bottom), (sy, ty, sx, right))[quarters]
