"""Whether a laid form would lie as well a row or a box further: a table looks much the same there.

The photo's lines are brought to the page as the match says, and correlated with the form's lines, there and moved by up
to a row and a half and a box and a half, for the whole page and for each table of boxes by itself. Lines that the form has and
the photo lacks count against a place, and so do lines that the photo has and the form lacks: at the ends of a table
these tell one row from the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.form import Form
from ocr.lines import F32, Sheet, responses
from ocr.match import Match
from ocr.render import render
from ocr.skeleton import DOTTED, LONG, per_form, printed_lines

UNIT = 2.0  # page units a pixel
THICK = 2  # pixels of a drawn line
SOFT = 0.8  # pixels; lines need not lie quite right
FURTHER = 1.35  # rows or boxes
HERE = 0.4  # of a row or a box: nearer counts as the same place
AROUND = 1.1  # rows or boxes around a table that are looked at with it
HALF = 0.5  # of a row or column of the page must be on the photo for it to be looked at
LEAST = 40  # pixels of a page that is looked at
FIELDS = 2  # a table has at least so many fields
APART = 0.03  # by so much the lines of the whole page agree better here than elsewhere
FAINT = 0.45  # agreement of a table's lines below which they tell nothing
MOST = 64  # pixels that a page is moved at most


@dataclass(frozen=True)
class Place:
    """How well lines agree at the place that was found, and at the best place a row or a box or more away.

    Correlations, -1 to 1; `away` is that place's distance in page units (`LONG`).
    """

    here: float
    there: float
    away: tuple[float, float]


@dataclass(frozen=True)
class _Table:
    low: tuple[int, int]  # of the part of the drawn form that is looked at, in its pixels
    high: tuple[int, int]
    step: tuple[float, float]  # a box and a row, in pixels


def elsewhere(sheet: Sheet, match: Match) -> list[Place]:
    """For as much of the page as is on the photo, then for each table that is: the agreement here and elsewhere."""
    drawn, pad, page, tables = draw(match.form)
    seen, low, high = _seen(sheet, match, drawn, pad)
    if min(high[0] - low[0], high[1] - low[1]) < LEAST:
        return [Place(0.0, 1.0, (0.0, 0.0))]
    out = [_compared(seen, drawn, pad, _Table(low, high, page.step))]
    for t in tables:
        if t.low[0] >= low[0] and t.low[1] >= low[1] and t.high[0] <= high[0] and t.high[1] <= high[1]:
            out.append(_compared(seen, drawn, pad, t))
    return out


def a_step(form: Form) -> tuple[float, float]:
    """From one box of a form to the next, and from one row to the next, in `LONG` units."""
    box, row = draw(form)[2].step
    return box * UNIT, row * UNIT


def here(sheet: Sheet, match: Match) -> float:
    """How well the lines of as much of the page as is on the photo agree where it was laid, -1 to 1."""
    drawn = draw(match.form)[0]
    seen, low, high = _seen(sheet, match, drawn, 1)
    if min(high[0] - low[0], high[1] - low[1]) < LEAST:
        return 0.0
    seen, drawn = (p[low[1] : high[1] + more, low[0] : high[0] + more] for p, more in ((seen, 2), (drawn, 0)))
    return float(cv2.matchTemplate(seen, drawn, cv2.TM_CCOEFF_NORMED).max())


def _seen(sheet: Sheet, match: Match, drawn: F32, pad: int) -> tuple[F32, tuple[int, int], tuple[int, int]]:
    """The photo's lines on the page, with a margin, and the corners of the part of the page that is on the photo."""
    seen, where = _brought(sheet, match, (drawn.shape[1], drawn.shape[0]), pad)
    x, y = where[pad:-pad, pad:-pad, 0], where[pad:-pad, pad:-pad, 1]
    inside = (x >= 0) & (x < sheet.size[0]) & (y >= 0) & (y < sheet.size[1])
    rows, columns = (np.flatnonzero(inside.mean(axis=i) > HALF) for i in (1, 0))
    if not len(rows) or not len(columns):
        return seen, (0, 0), (0, 0)
    return seen, (int(columns[0]), int(rows[0])), (int(columns[-1]) + 1, int(rows[-1]) + 1)


def alone(places: list[Place]) -> bool:
    """Whether the page, and each table that can be seen, lies better where it was laid than a row or a box further."""
    page, *tables = places
    return page.here >= page.there + APART and all(t.here > t.there or t.there < FAINT for t in tables)


def _compared(seen: F32, drawn: F32, pad: int, table: _Table) -> Place:
    reach = np.minimum(np.ceil(np.array(table.step) * FURTHER), pad).astype(int)
    (x0, y0), (x1, y1) = table.low, table.high
    wide = seen[y0 + pad - reach[1] : y1 + pad + reach[1], x0 + pad - reach[0] : x1 + pad + reach[0]]
    score = cv2.matchTemplate(wide, drawn[y0:y1, x0:x1], cv2.TM_CCOEFF_NORMED)
    dy, dx = np.mgrid[-reach[1] : reach[1] + 1, -reach[0] : reach[0] + 1]
    near = (np.abs(dx) <= HERE * table.step[0]) & (np.abs(dy) <= HERE * table.step[1])
    here = float(score[reach[1] - 1 : reach[1] + 2, reach[0] - 1 : reach[0] + 2].max())
    score[near] = -1.0
    best = int(score.argmax())
    away = (float(dx.flat[best]) * UNIT, float(dy.flat[best]) * UNIT)
    return Place(here, float(score.flat[best]), away)


def _brought(sheet: Sheet, match: Match, size: tuple[int, int], pad: int) -> tuple[F32, F32]:
    """The photo's lines (H, W, 2) on the page, with a margin, and where on the photo each pixel lies (H, W, 2)."""
    w, h = size[0] + 2 * pad, size[1] + 2 * pad
    coarse = 8
    gx, gy = np.arange(-1, w // coarse + 3), np.arange(-1, h // coarse + 3)
    x, y = np.meshgrid(gx * coarse, gy * coarse)
    page = np.asarray((np.stack([x.ravel(), y.ravel()], axis=1) + 0.5 - pad) * UNIT, np.float64)
    at = match.warp(page).reshape(len(gy), len(gx), 2).astype(np.float32)
    fx, fy = np.meshgrid(
        np.arange(w, dtype=np.float32) / coarse + 1, np.arange(h, dtype=np.float32) / coarse + 1
    )
    where = cv2.remap(at, fx, fy, cv2.INTER_LINEAR)
    lines = []
    turned = match.quarters % 2
    for image, kernel in ((sheet.across, (3, 1)), (sheet.down, (1, 3))):
        wide = cv2.dilate(image, np.ones(kernel, np.uint8))
        lines.append(cv2.remap(wide, where[..., 0], where[..., 1], cv2.INTER_LINEAR))
    picture = np.stack(lines[::-1] if turned else lines, axis=2)
    return np.asarray(picture, np.float32), np.asarray(where, np.float32)


@per_form
def draw(form: Form) -> tuple[F32, int, _Table, list[_Table]]:
    """The form's lines across and down as a picture (H, W, 2), the margin it needs, the page and its tables."""
    unit = LONG / max(form.page.width, form.page.height) / UNIT
    size = (round(form.page.width * unit), round(form.page.height * unit))
    pictures = np.zeros((2, size[1], size[0]), np.float32)
    lines = printed_lines(form)
    for f in form.fields:
        if f.edges != "none":
            for x, y, w, h in f.boxes:
                weight = DOTTED if f.edges == "dotted" else 1.0
                ends = (
                    (x, y, x + w, y),
                    (x, y + h, x + w, y + h),
                    (x, y, x, y + h),
                    (x + w, y, x + w, y + h),
                )
                lines += [(*e, weight) for e in ends]
    for line in lines:
        a, b, c, d = (round(v * unit * 16 - 8) for v in line[:4])
        if min(abs(c - a), abs(d - b)) > 0.05 * max(abs(c - a), abs(d - b)):
            continue
        picture = pictures[int(abs(d - b) > abs(c - a))]
        new = cv2.line(np.zeros_like(picture), (a, b), (c, d), line[4], THICK, cv2.LINE_8, 4)
        np.maximum(picture, new, out=picture)
    soft = np.asarray(np.stack([cv2.GaussianBlur(p, (0, 0), SOFT) for p in pictures], axis=2), np.float32)
    tables = _telling(form, soft, _tables(form, unit, size))
    boxes = np.array([b for f in form.fields for b in f.boxes]) * unit
    step = (float(np.median(boxes[:, 2])), float(np.median(boxes[:, 3])))
    if tables:
        step = (step[0], float(np.median([t.step[1] for t in tables])))
    page = _Table((0, 0), size, step)
    pad = max(int(np.ceil(FURTHER * max(t.step))) for t in (page, *tables)) + 1
    return soft, min(pad, MOST), page, tables


def _telling(form: Form, drawn: F32, tables: list[_Table]) -> list[_Table]:
    """The tables that are clearly told from a place further on the form's own blank: others would speak against the right place.

    A table whose boxes have no printed edges may have more lines beside it (of filled areas, of words) than in it.
    """
    if not tables:
        return []
    scale = LONG / max(form.page.width, form.page.height)
    gray = np.asarray(cv2.cvtColor(render(form, scale), cv2.COLOR_BGR2GRAY), np.uint8)
    across, down, _ = responses(gray)
    size = (drawn.shape[1], drawn.shape[0])
    lines = [
        cv2.resize(cv2.dilate(image, np.ones(kernel, np.uint8)), size, interpolation=cv2.INTER_LINEAR)
        for image, kernel in ((across, (3, 1)), (down, (1, 3)))
    ]
    pad = MOST
    seen = np.pad(np.stack(lines, axis=2), ((pad, pad), (pad, pad), (0, 0)))
    places = [_compared(np.asarray(seen, np.float32), drawn, pad, t) for t in tables]
    return [t for t, place in zip(tables, places, strict=True) if place.here >= place.there + APART]


def _tables(form: Form, unit: float, size: tuple[int, int]) -> list[_Table]:
    """Fields whose boxes stand below one another, near enough to be taken for one another."""
    votes = [np.array(f.boxes) * unit for f in form.votes]
    out: list[_Table] = []
    left = sorted(votes, key=lambda b: (round(b[0, 0]), b[0, 1]))
    while left:
        group = [left.pop(0)]
        while left:
            last, new = group[-1], left[0]
            if abs(new[0, 0] - last[0, 0]) > 0.5 * last[0, 2] or len(new) != len(last):
                break
            if new[0, 1] - last[0, 1] > 2.5 * last[0, 3]:
                break
            group.append(left.pop(0))
        if len(group) < FIELDS:
            continue
        boxes = np.concatenate(group)
        row = float(np.median(np.diff([g[0, 1] for g in group])))
        box = float(np.median(boxes[:, 2]))
        margin = AROUND * np.array([box, row])
        low = np.maximum(np.floor(boxes[:, :2].min(axis=0) - margin), 0).astype(int)
        high = np.minimum(np.ceil((boxes[:, :2] + boxes[:, 2:]).max(axis=0) + margin), size).astype(int)
        out.append(_Table((int(low[0]), int(low[1])), (int(high[0]), int(high[1])), (box, row)))
    return out
