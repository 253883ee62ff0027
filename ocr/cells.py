"""One small grey picture for each box, cut from the photo at its own resolution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ocr.found import Registration
from ocr.snap import Pyramid
from ocr.window import tighten

SIDE = 64  # pixels of a cell
MARGIN = 0.15  # of the box's width and height, on each side
FINE = 2  # a photo finer than the cell is sampled so many times finer, then averaged


def cut(gray: NDArray[np.uint8], registration: Registration) -> dict[str, NDArray[np.uint8]]:
    """The boxes of a registered photo.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo that was registered.
    registration : Registration
        As `ocr.register.register` gave it.

    Returns
    -------
    dict of str to (boxes, 64, 64) uint8
        For each field its boxes from the most significant digit on: the box with a margin of 15 % of its width and height on
        each side, grey as in the photo (not binarized, printed lines not removed). A box far from
        square is cut around its ink (`ocr.window`). What lies outside the photo repeats its edge.
    """
    if not registration.corners:
        return {}
    counts = {name: len(quads) for name, quads in registration.corners.items()}
    quads = np.concatenate(list(registration.corners.values()))
    pyramid = Pyramid(gray)
    quads = tighten(pyramid, quads)
    sides = np.hypot(*(quads[:, [1, 3]] - quads[:, [0, 0]]).transpose(2, 0, 1))
    side = float(np.median(sides)) * (1 + 2 * MARGIN)
    times = FINE if side > SIDE else 1
    n = SIDE * times
    step = -MARGIN + (np.arange(n) + 0.5) / n * (1 + 2 * MARGIN)
    u, v = (a.ravel() for a in np.meshgrid(step, step))
    # A box is so small that its perspective is bilinear.
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    at = (weights @ quads).reshape(len(quads) * n, n, 2).astype(np.float32)
    cells = pyramid.sample(at, side / n).reshape(len(quads), SIDE, times, SIDE, times)
    cells = ((cells.sum(axis=(2, 4), dtype=np.uint16) + times * times // 2) // (times * times)).astype(
        np.uint8
    )
    out, start = {}, 0
    for name, count in counts.items():
        out[name] = cells[start : start + count]
        start += count
    return out
