"""Where the writing is in a cell, and the views of it that the network sees.

A digit that fills a third of its box has a third of the pixels of one that fills it. So the network gets two pictures of each
cell: the whole one, and one in which whatever was written has the same size, however large it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = 64
"""Width and height of a cell in pixels."""
WHOLE = 32
"""Width and height of the view of the whole cell in pixels."""
NEAR = 28
"""Width and height of the view of the writing in pixels."""
TALL = 21.0
"""The longer side of the writing in its view, pixels."""

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]

_INNER = slice(
    5, 27
)  # the box without its margin, in pixels of the whole view: edges and neighbours must not set the contrast
_FLOOR = 48.0  # least difference of paper and ink, in grey levels: below it paper noise would turn into ink
_REACH = 13  # pixels of the half: paper is the brightest there is within about half of it, so that shade is not ink
_INK = 0.45  # share of the writing's own darkness from which a pixel counts as written
_FIRST = (
    0.36,
    0.18,
)  # and of the darkest in the box, as long as the writing's is not known; the second where that finds nothing
_FAINT = 10.0  # grey levels: fainter is never ink
_FULL = 0.7  # a row or column near the edge that is so full is a printed line
_EDGE = 16  # pixels from the cell's border in which printed lines are looked for
_LEAST = 10.0  # pixels of ink, weighed by where they lie: less is nothing
_PART = 0.2  # a piece with so much of the main piece's weight belongs to it
_WITHIN = 0.35  # and so much of it must lie within the box; a printed frame does not
_SHORT = 14.0  # pixels that the longer side is taken to have at least: a dot stays small
_FAR = 0.72  # a view shrunk below this is taken from the cell's half size


def _window() -> F32:
    """Weight of each pixel: one in the middle of the box, none at its edges and beyond."""
    along = np.clip((32 - np.abs(np.arange(SIZE) - 31.5) - 6) / 12, 0, 1)
    return np.asarray(np.outer(along, along), np.float32)


_WINDOW = _window().ravel()
_SQUARE = np.ones((_REACH, _REACH), np.uint8)


@dataclass(frozen=True)
class Found:
    """What is known of cells before the network sees them, one entry a cell.

    `paper` and `span`: grey level of the paper, and how much darker the ink is. `places` [n, 5]: centre x and y of the writing,
    its longer side (pixels of the cell), the paper's grey level there, and how much darker the writing is.
    """

    halves: U8
    paper: F32
    span: F32
    places: F32


def study(cells: U8) -> Found:
    """Find paper, ink and writing of cells.

    Paper is the 75th percentile of the inside of the box, ink its 1st; their distance is taken to be at least 48 grey
    levels, so an empty box stays empty. Of the connected pieces of ink the one that weighs most in the middle of the box is the
    writing, with the other large ones inside the box; printed lines and frames are left out. Without ink it is the box itself.

    Parameters
    ----------
    cells : numpy.ndarray
        uint8 [n, 64, 64], ink dark.
    """
    n = len(cells)
    halves = cells.reshape(n, WHOLE, 2, WHOLE, 2).sum(axis=(2, 4), dtype=np.uint16)
    halves = ((halves + 2) >> 2).astype(np.uint8)
    inside = np.partition(halves[:, _INNER, _INNER].reshape(n, 22 * 22), (5, 363), axis=1)
    paper = inside[:, 363].astype(np.float32)
    span = np.maximum(paper - inside[:, 5], np.float32(_FLOOR))
    places = np.empty((n, 5), np.float32)
    for i, cell in enumerate(cells):
        places[i] = _place(cell, halves[i], float(paper[i]), float(span[i]))
    return Found(halves, paper, span, places)


def _place(cell: U8, half: U8, paper: float, span: float) -> tuple[float, float, float, float, float]:
    """One row of `Found.places`."""
    soft = cv2.blur(cell, (3, 3))
    ground = cv2.morphologyEx(half, cv2.MORPH_CLOSE, _SQUARE)
    bright = cv2.resize(ground, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    dark = np.asarray(cv2.subtract(bright, soft), np.uint8)
    most = float(np.partition(dark[12:52, 12:52].ravel(), -24)[-24])
    for share in _FIRST:
        least = max(share * most, _FAINT)
        labels, stats, chosen = _pieces(dark, least)
        if chosen.size:
            break
    else:
        return 31.5, 31.5, 49.0, paper, span
    depth = float(dark[_written(labels, stats, chosen)].mean())
    again = max(_INK * depth, _FAINT)
    if abs(np.log(again / least)) > 0.15:
        more = _pieces(dark, again)
        if more[2].size:
            labels, stats, chosen = more
            depth = float(dark[_written(labels, stats, chosen)].mean())
    left, top, wide, high = stats[chosen, :4].T
    x0, y0 = max(2, int(left.min())), max(2, int(top.min()))
    x1, y1 = min(SIZE - 2, int((left + wide).max())), min(SIZE - 2, int((top + high).max()))
    return (
        (x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2, max(x1 - x0, y1 - y0, _SHORT),
        float(ground[y0 // 2 : y1 // 2 + 1, x0 // 2 : x1 // 2 + 1].mean()), max(1.15 * depth, 0.4 * span),
    )  # fmt: skip


def _pieces(dark: U8, least: float) -> tuple[NDArray[np.uint16], NDArray[np.int32], NDArray[np.int64]]:
    """Connected pieces of ink darker than `least`, their statistics, and which of them are the writing (none: empty)."""
    mask = (dark > least).view(np.uint8)
    for axis in (1, 0):
        part = mask[:, 8:56] if axis else mask[8:56]
        full = cv2.reduce(part, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel() > _FULL * 48
        full[_EDGE:-_EDGE] = False
        if full.any():
            full[1:] |= full[:-1]
            full[:-1] |= full[1:]
            mask[(full, slice(None)) if axis else (slice(None), full)] = 0
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_16U)
    weight = np.bincount(labels.ravel(), _WINDOW, count)
    weight[0] = 0
    inside = weight * (weight >= _WITHIN * stats[:, cv2.CC_STAT_AREA])
    main = inside.max() if inside.max() >= _LEAST else weight.max()
    if main < _LEAST:
        chosen = np.empty(0, np.int64)
    else:
        chosen = np.flatnonzero((inside >= _PART * main) | (weight == main))
    return np.asarray(labels, np.uint16), np.asarray(stats, np.int32), np.asarray(chosen, np.int64)


def _written(
    labels: NDArray[np.uint16], stats: NDArray[np.int32], chosen: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """The pixels of the chosen pieces."""
    kept = np.zeros(len(stats), bool)
    kept[chosen] = True
    return np.asarray(kept[labels], bool)


def whole(found: Found) -> F32:
    """The whole cells, paper 0 and ink 1: float32 [n, 1, 32, 32], limited to -0.5 … 1.5."""
    return _flat(found.halves, found.paper, found.span)


def near(cells: U8, found: Found, linear: NDArray[np.float64] | None = None, shift: F32 | None = None) -> F32:
    """The writing brought to one size and darkness: float32 [n, 1, 28, 28], limited to -0.5 … 1.5.

    Parameters
    ----------
    cells : numpy.ndarray
        uint8 [n, 64, 64].
    found : Found
        What `study` says of them.
    linear, shift : numpy.ndarray
        [n, 2, 2] and [n, 2]: turned, stretched and moved (pixels of the view) so much; not at all when left out.
    """
    n = len(cells)
    turn = np.broadcast_to(np.eye(2), (n, 2, 2)) if linear is None else linear
    back = turn * (found.places[:, 2] / TALL)[:, None, None].astype(np.float64)
    middle = np.full((n, 2), (NEAR - 1) / 2) + (0 if shift is None else shift)
    offset = found.places[:, :2] - np.einsum("nij,nj->ni", back, middle)
    far = found.places[:, 2] > TALL / _FAR  # a view that shrinks the cell is taken from its half
    back = np.where(far[:, None, None], back / 2, back)
    offset = np.where(far[:, None], (offset - 0.5) / 2, offset)
    maps = np.concatenate([back, offset[:, :, None]], axis=2)
    out = np.empty((n, NEAR, NEAR), np.uint8)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for i in range(n):
        image = found.halves[i] if far[i] else cells[i]
        out[i] = cv2.warpAffine(image, maps[i], (NEAR, NEAR), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return _flat(out, found.places[:, 3], found.places[:, 4])


def _flat(values: U8, paper: F32, span: F32) -> F32:
    flat = (paper[:, None, None] - values) / span[:, None, None]
    return np.asarray(np.clip(flat, -0.5, 1.5)[:, None], np.float32)
