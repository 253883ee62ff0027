"""Boxes into rows: which cells of a page are boxes for digits, and which of them stand side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ocr.form import Quad

SMALLEST, LARGEST = 6.0, 60.0  # sides of a box for one digit
NARROW, WIDE = 0.3, 2.0  # its width over its height
ALIKE = 0.2  # boxes for digits on one sheet differ by less than this part
MOST_DIGITS = 9


@dataclass(frozen=True)
class Row:
    """Boxes in one line, the leftmost first."""

    boxes: tuple[Quad, ...]

    @property
    def x0(self) -> float:
        """Left end."""
        return self.boxes[0][0]

    @property
    def x1(self) -> float:
        """Right end."""
        return self.boxes[-1][0] + self.boxes[-1][2]

    @property
    def y(self) -> float:
        """Top."""
        return self.boxes[0][1]

    @property
    def side(self) -> tuple[float, float]:
        """Mean width and height of a box."""
        w, h = np.array(self.boxes)[:, 2:].mean(axis=0)
        return float(w), float(h)


def find_rows(cells: list[Quad], *, complete: bool = False) -> tuple[list[Row], list[Row]]:
    """Rows of boxes of the size that most rows have, and the other rows; cells are x, y, width, height in points.

    With `complete`, boxes that are missing in a row are taken from where the other rows have them.
    """
    boxes = sorted(
        (
            c
            for c in cells
            if min(c[2:]) >= SMALLEST and max(c[2:]) <= LARGEST and NARROW < c[2] / c[3] < WIDE
        ),
        key=lambda b: (round(b[1], 1), b[0]),
    )
    rows: list[list[Quad]] = []
    for b in boxes:
        for row in reversed(rows):
            last = row[-1]
            gap = b[0] - last[0] - last[2]
            if abs(b[1] - last[1]) < 0.15 * b[3] and _alike(b[2:], last[2:]) and -1 < gap < 0.9 * b[2]:
                row.append(b)
                break
        else:
            rows.append([b])
    several = [Row(tuple(r)) for r in rows if 2 <= len(r) <= MOST_DIGITS]
    if not several:
        return [], []
    main = max(several, key=lambda r: sum(_alike(r.side, o.side) for o in several))
    chosen = [r for r in several if _alike(r.side, main.side)]
    if complete:
        alone = [Row(tuple(r)) for r in rows if len(r) == 1]
        return _completed([*chosen, *(r for r in alone if _alike(r.side, main.side))]), []
    return chosen, [r for r in several if r not in chosen]


def _alike(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(abs(p - q) <= ALIKE * min(p, q) for p, q in zip(a, b, strict=True))


def in_columns(rows: list[Row]) -> list[tuple[Row, float]]:
    """The rows in the order a person reads them, column by column; with where each one's column begins."""
    columns: list[list[Row]] = []
    for row in sorted(rows, key=lambda r: r.x1):
        if columns and row.x0 < max(r.x1 for r in columns[-1]):
            columns[-1].append(row)
        else:
            columns.append([row])
    out, left = [], 0.0
    for column in columns:
        out += [(row, left) for row in sorted(column, key=lambda r: r.y)]
        left = max(r.x1 for r in column)
    return out


def _completed(rows: list[Row]) -> list[Row]:
    """Each row with a box wherever several other rows have one next to its own."""
    w, _ = np.median([r.side for r in rows], axis=0)
    starts = np.sort(np.array([b[0] for r in rows for b in r.boxes]))
    groups = np.split(starts, np.flatnonzero(np.diff(starts) > 0.3 * w) + 1)
    usual = [float(np.median(g)) for g in groups if len(g) >= max(2, 0.25 * len(rows))]
    out: dict[tuple[int, int], Row] = {}
    for row in rows:
        x, y, _, h = (float(v) for v in np.median(np.array(row.boxes), axis=0))
        near = [u for u in usual if abs(u - x) < MOST_DIGITS * 1.9 * w]
        runs = np.split(np.array(near), np.flatnonzero(np.diff(near) > 1.9 * w) + 1) if near else []
        for run in runs:
            own = sum(min(abs(b[0] - run)) < 0.3 * w for b in row.boxes)
            if 2 <= len(run) <= MOST_DIGITS and own >= min(2, len(run) - 1):
                wide = float(
                    np.median([b[2] for r in rows for b in r.boxes if min(abs(b[0] - run)) < 0.3 * w])
                )
                key = (round(float(run[0])), round(y / (0.5 * h)))
                out[key] = Row(tuple((float(v), y, wide, h) for v in run))
    return list(out.values())
