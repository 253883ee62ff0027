"""A fingerprint of what is written in a sheet's boxes: much alike for two photos of one sheet, unlike for two sheets of one form.

The printed form is alike on every sheet, so the picture as a whole says nothing. Here each box gives the places of its ink (eight by eight, without
the margin and the printed lines, less their mean), and the signs of 256 fixed random sums over all boxes are the fingerprint (M. S. Charikar (2002), Similarity
Estimation Techniques from Rounding Algorithms, STOC '02): the part of signs in which two sheets differ is the angle between them, divided by pi. Only whole numbers are
added, so that no machine adds otherwise. How far apart photos of one sheet and sheets of one form are is printed by ``python -m benchmarks.same``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BITS = 256
GRID = 8  # places across and down a box
EDGE = 12  # pixels of a cell of 64 that are left out on each side: its margin and the printed line
FEW = 6  # boxes with ink, below which a sheet has no fingerprint: too little is written on it
_INK = 0.25  # of the darkness of the sheet's ink from which on a pixel is ink
_FAINT = 24  # grey levels; what is less dark than this is no ink anywhere
_WRITTEN = 0.01  # part of a box's darkness from which on something is written in it


def fingerprint(cells: Iterable[NDArray[np.uint8]]) -> str | None:
    """64 hexadecimal digits; None where fewer than `FEW` boxes hold ink.

    Parameters
    ----------
    cells : for each handwritten field, in the form's order, its boxes (n, 64, 64) as `ocr.cells.cut` gives them.
    """
    boxes = np.concatenate([np.zeros((0, 64, 64), np.uint8), *cells])[:, EDGE:-EDGE, EDGE:-EDGE].astype(
        np.int64
    )
    if not len(boxes):
        return None
    paper = np.sort(boxes.reshape(len(boxes), -1), axis=1)[:, boxes.shape[1] ** 2 // 2]
    dark = np.maximum(paper[:, None, None] - boxes, 0)
    # How dark ink is on this photo is taken from its darkest boxes: an empty box has none of its own.
    deepest = np.sort(dark.reshape(len(dark), -1).max(axis=1))
    black = int(deepest[len(deepest) * 9 // 10])
    if black < _FAINT:
        return None
    dark = np.where(dark >= _INK * black, np.minimum(dark, black), 0)
    step = boxes.shape[1] // GRID
    places = dark.reshape(len(dark), GRID, step, GRID, step).sum(axis=(2, 4)).reshape(len(dark), -1)
    written = places.sum(axis=1) > _WRITTEN * black * boxes.shape[1] ** 2
    if written.sum() < FEW:
        return None
    # Every box with writing weighs the same, however much of it there is.
    less_mean = places * places.shape[1] - places.sum(axis=1, keepdims=True)
    norm = np.maximum(np.sqrt((less_mean.astype(np.float64) ** 2).sum(axis=1, keepdims=True)), 1.0)
    whole = np.where(written[:, None], np.rint(1000 * less_mean / norm), 0).astype(np.int64).ravel()
    return np.packbits(whole @ _directions(whole.size) > 0).tobytes().hex()


def distance(one: str, other: str) -> int:
    """Signs of 256 in which two fingerprints differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _directions(size: int) -> NDArray[np.int64]:
    """Plus and minus one, (size, BITS), the same for every sheet: the bits of a generator with a fixed seed."""
    raw = np.random.PCG64(20190401).random_raw(size * BITS // 64).astype("<u8")
    return np.unpackbits(raw.view(np.uint8)).reshape(size, BITS).astype(np.int64) * 2 - 1
