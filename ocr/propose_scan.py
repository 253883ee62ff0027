"""The lines of a scanned or photographed blank sheet, straightened, in the shape in which a PDF's lines come.

Nothing is read here: words on a scan stay for the person to type. What is drawn is seen as far as `ocr.lines` sees it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.lines import F32, U8, unwarps
from ocr.pdf_text import Drawing, Stroke

CERTAIN = 0.5  # response from which a pixel belongs to a line
LONG = 1000.0  # points of the page's long side: a scan does not say how large the paper was
SHORT = 16  # pixels of the straightened scan; shorter runs are letters
BRIDGE = 5  # gaps up to this many pixels are noise or dashes
THICK = 6.0  # a run thicker than this many pixels is no line


def straightened(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], Drawing]:
    """The scan with its lines along the axes, and these lines.

    Parameters
    ----------
    pixels : (H, W, 3) uint8
        The scan, the page filling it, at most turned by a few degrees.

    Returns
    -------
    picture : (H', W', 3) uint8
        The straightened scan.
    drawing : Drawing
        Its lines; `LONG` points along the long side of `picture`.
    """
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    sheet = next(iter(unwarps(gray)))
    flat = cv2.warpPerspective(
        pixels, np.linalg.inv(sheet.to_photo), sheet.size, flags=cv2.INTER_AREA, borderValue=(255, 255, 255)
    )
    unit = LONG / max(sheet.size)
    strokes = [
        _stroke(x0 * unit, y * unit, x1 * unit, y * unit, w * unit) for x0, x1, y, w in _runs(sheet.across)
    ] + [
        _stroke(x * unit, y0 * unit, x * unit, y1 * unit, w * unit)
        for y0, y1, x, w in _runs(np.ascontiguousarray(sheet.down.T))
    ]
    drawing = Drawing(
        width=round(sheet.size[0] * unit, 1),
        height=round(sheet.size[1] * unit, 1),
        lines=tuple(strokes),
    )
    return np.asarray(flat, np.uint8), drawing


def _stroke(x0: float, y0: float, x1: float, y1: float, width: float) -> Stroke:
    return Stroke(round(x0, 1), round(y0, 1), round(x1, 1), round(y1, 1), round(width, 1), False, "#000000")


def _runs(response: F32) -> list[tuple[float, float, float, float]]:
    """Level lines as start, end, height and thickness, in pixels."""
    there: U8 = (response > CERTAIN).astype(np.uint8)
    there = np.asarray(cv2.morphologyEx(there, cv2.MORPH_CLOSE, np.ones((1, BRIDGE), np.uint8)), np.uint8)
    there = np.asarray(cv2.morphologyEx(there, cv2.MORPH_OPEN, np.ones((1, SHORT), np.uint8)), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(there, connectivity=8)
    out = []
    for i in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[i])
        if area / w > THICK:
            continue
        part = labels[y : y + h, x : x + w] == i
        rows = np.arange(h) + 0.5
        # A long line that sags is cut into pieces that do not.
        for a in range(0, w, pieces := max(SHORT, w if h <= THICK else 8 * SHORT)):
            weight = part[:, a : a + pieces].sum(axis=1).astype(np.float64)
            if weight.sum() < SHORT / 2:
                continue
            level = float(weight @ rows / weight.sum())
            out.append((float(x + a), float(min(x + w, x + a + pieces)), y + level, area / w))
    return out
