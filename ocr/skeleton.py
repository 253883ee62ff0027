"""The printed lines of a form as points, for laying them on the lines of a photo."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ocr.form import Form
from ocr.lines import F64

LONG = 1000.0  # the page's long side in the units used here
STEP = 8.0  # between two points of a printed line
SAME = 4.0  # lines nearer than this count as one
DOTTED = 0.5  # the weight of a dotted line, next to 1
THIN = 3.0  # a filled area that is not higher or not wider than this is a line
Line = tuple[float, float, float, float, float]  # x0, y0, x1, y1 in page units, weight
KEPT = 256  # forms whose derived data is kept
T = TypeVar("T")


def per_form(function: Callable[[Form], T]) -> Callable[[Form], T]:
    """Remember what was computed for each form object; a form never changes, and hashing all of one takes long."""
    kept: dict[int, tuple[Form, T]] = {}

    @functools.wraps(function)
    def remembered(form: Form) -> T:
        known = kept.get(id(form))
        if known is None or known[0] is not form:
            if len(kept) >= KEPT:
                kept.clear()
            known = kept[id(form)] = (form, function(form))
        return known[1]

    return remembered


@dataclass(frozen=True)
class Skeleton:
    """Points on the printed lines of a form, (n, 2) with weights (n,); lengths so that the long side is `LONG`.

    `across_free`, `down_free` (n, 2): how far, before and after each point, the next such line of the form is.
    """

    across: F64
    across_weight: F64
    across_free: F64
    down: F64
    down_weight: F64
    down_free: F64
    size: tuple[float, float]

    def turned(self, quarters: int) -> tuple[Skeleton, F64]:
        """The skeleton turned clockwise by quarter turns, and the homography that turns the page so."""
        return self._turns[quarters % 4]

    @functools.cached_property
    def _turns(self) -> tuple[tuple[Skeleton, F64], ...]:
        return tuple(self._turned(quarters) for quarters in range(4))

    def _turned(self, quarters: int) -> tuple[Skeleton, F64]:
        w, h = self.size
        m = [
            np.eye(3),
            np.array([[0, -1, h], [1, 0, 0], [0, 0, 1.0]]),
            np.array([[-1, 0, w], [0, -1, h], [0, 0, 1.0]]),
            np.array([[0, 1, 0], [-1, 0, w], [0, 0, 1.0]]),
        ][quarters]
        a = self.across @ m[:2, :2].T + m[:2, 2]
        d = self.down @ m[:2, :2].T + m[:2, 2]
        # A turn may reverse what is before and after.
        af = self.across_free[:, ::-1] if quarters in (1, 2) else self.across_free
        df = self.down_free[:, ::-1] if quarters in (2, 3) else self.down_free
        if quarters % 2:
            return Skeleton(d, self.down_weight, df, a, self.across_weight, af, (h, w)), m
        return Skeleton(a, self.across_weight, af, d, self.down_weight, df, (w, h)), m


@per_form
def skeleton(form: Form) -> Skeleton:
    """The printed lines of a form as points; every line once, boxes included."""
    unit = LONG / max(form.page.width, form.page.height)
    lines = printed_lines(form)
    for f in form.fields:
        if f.edges != "none":
            for box in f.boxes:
                lines += _outline(box, DOTTED if f.edges == "dotted" else 1.0)
    points: dict[bool, dict[tuple[int, int], tuple[float, float, float]]] = {False: {}, True: {}}
    for *ends, weight in lines:
        x0, y0, x1, y1 = (end * unit for end in ends)
        down = abs(y1 - y0) > abs(x1 - x0)
        if min(abs(x1 - x0), abs(y1 - y0)) > 0.05 * max(abs(x1 - x0), abs(y1 - y0)):
            continue  # slanted lines are of no use here
        n = max(2, round(float(np.hypot(x1 - x0, y1 - y0)) / STEP))
        for i in range(n):
            t = (i + 0.5) / n
            x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
            key = (round(x / 3), round(y / STEP)) if down else (round(x / STEP), round(y / 3))
            if weight > points[down].get(key, (0.0, 0.0, 0.0))[2]:
                points[down][key] = (x, y, weight)
    a = np.array(list(points[False].values())).reshape(-1, 3)
    d = np.array(list(points[True].values())).reshape(-1, 3)
    size = (form.page.width * unit, form.page.height * unit)
    return Skeleton(a[:, :2], a[:, 2], _free(a, 1), d[:, :2], d[:, 2], _free(d, 0), size)


def _free(points: F64, axis: int) -> F64:
    """How far (n, 2), before and after each point along an axis, the next point on a parallel line is; `LONG` if none."""
    along = np.floor(points[:, 1 - axis] / STEP)
    order = np.lexsort((points[:, axis], along))
    place, line = points[order, axis], along[order]
    step = np.where(np.diff(line) == 0, np.diff(place), LONG)
    step[step < SAME] = LONG  # a line that is drawn twice, or whose ends overlap
    free = np.full((len(points), 2), LONG)
    free[order[1:], 0] = step
    free[order[:-1], 1] = step
    return free


def printed_lines(form: Form) -> list[Line]:
    """The form's rules, outlines and bars in page units, without the boxes of its fields."""
    lines: list[Line] = [(r.x0, r.y0, r.x1, r.y1, DOTTED if r.dotted else 1.0) for r in form.rules]
    thin = THIN * max(form.page.width, form.page.height) / LONG
    for q in form.rects:
        if q.line > 0:
            lines += _outline((q.x, q.y, q.w, q.h), DOTTED if q.dotted else 1.0)
        elif q.fill is not None and min(q.w, q.h) <= thin:
            x, y = q.x + q.w / 2, q.y + q.h / 2
            lines.append((q.x, y, q.x + q.w, y, 1.0) if q.w > q.h else (x, q.y, x, q.y + q.h, 1.0))
    return lines


def _outline(box: tuple[float, float, float, float], weight: float) -> list[Line]:
    x, y, w, h = box
    return [
        (x, y, x + w, y, weight),
        (x, y + h, x + w, y + h, weight),
        (x, y, x, y + h, weight),
        (x + w, y, x + w, y + h, weight),
    ]
