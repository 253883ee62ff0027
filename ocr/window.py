"""Boxes much longer than wide (or wide than long) are cut where the writing is, so that a digit is not squashed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.snap import Pyramid

LONGEST = 1.15  # the window's longer side, in shorter sides of the box
_ACROSS, _ALONG = 24, 48  # samples of a box
_EDGE = 0.12  # of the box on every side: printed edges there are not writing
_FAINT = 12.0  # grey levels by which writing is darker than paper, at least
_RULE = 0.8  # a row of samples this full is a printed line


def tighten(pyramid: Pyramid, quads: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shorten each box to a nearly square window around its ink.

    A digit in a box twice as high as wide loses half its height in a square cell, and a stroke of a small 1 looks like
    a dash. Boxes with a ratio of sides below 1.3 are returned as they are; an empty box gives its middle.

    Parameters
    ----------
    pyramid : Pyramid
        The photo.
    quads : (n, 4, 2) float64
        Corners in photo pixels, clockwise from the box's top left.

    Returns
    -------
    (n, 4, 2) float64
        Corners of the windows, in the same order.
    """
    out = quads.astype(np.float64)
    for i, quad in enumerate(out):
        wide = float(np.hypot(*(quad[1] - quad[0] + quad[2] - quad[3]))) / 2
        high = float(np.hypot(*(quad[3] - quad[0] + quad[2] - quad[1]))) / 2
        short, long = sorted((wide, high))
        if short < 1 or long < 1.3 * short:
            continue
        # `start` and `end` are the two short sides, so that "along" is always the long way
        start, end = (quad[[0, 1]], quad[[3, 2]]) if high > wide else (quad[[0, 3]], quad[[1, 2]])
        share = LONGEST * short / long
        low = _ink_start(_darkness(pyramid, start, end, long), share)
        a, b = start + (end - start) * low, start + (end - start) * (low + share)
        out[i] = np.array([a[0], a[1], b[1], b[0]] if high > wide else [a[0], b[0], b[1], a[1]])
    return out


def _darkness(
    pyramid: Pyramid, start: NDArray[np.float64], end: NDArray[np.float64], long: float
) -> NDArray[np.float64]:
    """Ink for each of the samples along the box: how much darker than paper, summed across it."""
    u = (np.arange(_ALONG) + 0.5) / _ALONG
    v = _EDGE + (np.arange(_ACROSS) + 0.5) / _ACROSS * (1 - 2 * _EDGE)
    line = start[None] + (end - start)[None] * u[:, None, None]
    at = line[:, None, 0] + (line[:, 1] - line[:, 0])[:, None] * v[None, :, None]
    patch = cv2.GaussianBlur(
        pyramid.sample(at.astype(np.float32), long / _ALONG).astype(np.float64), (0, 0), 0.7
    )
    paper = np.percentile(patch, 75)
    dark = np.clip(paper - patch - max(_FAINT, 0.3 * float(paper - patch.min())), 0, None)
    rule = (dark > 0).mean(axis=1) > _RULE
    dark[rule | (u < _EDGE) | (u > 1 - _EDGE)] = 0
    return np.asarray(dark.sum(axis=1), np.float64)


def _ink_start(ink: NDArray[np.float64], share: float) -> float:
    """Where the window of this share begins: over the most ink, with that ink in its middle."""
    middle = (1 - share) / 2
    if ink.sum() <= 0:
        return middle
    length = max(1, round(share * len(ink)))
    sums = np.convolve(ink, np.ones(length), "valid")
    best = np.flatnonzero(sums >= sums.max() * (1 - 1e-9))
    first = int(best[np.argmin(np.abs(best - middle * len(ink)))])
    part = ink[first : first + length]
    centre = (first + 0.5 + float((part * np.arange(length)).sum() / part.sum())) / len(ink)
    return float(np.clip(centre - share / 2, 0, 1 - share))
