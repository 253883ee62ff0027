"""Moving each field's boxes onto the boxes in the photo.

The printed lines place the page; this places each row of boxes, on the photo at its own resolution. Each field is
looked at alone: how far must its boxes move so that their edges lie on thin lines? Then the fields are smoothed
together (a Gaussian process over the page), so that a row where nothing was found, or where a stroke was taken for an
edge, goes where its neighbours go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form, FormField
from ocr.lines import F32, F64, U8
from ocr.skeleton import printed_lines

GRAIN = 30  # pixels across the smaller side of a box in the patch that is searched
REACH = 0.30  # how far a row may move, in box sides
BESIDE = 0.5  # margin of the patch around the row, in box sides
ALIKE = 0.3  # fields nearer than this part of the page move alike


@dataclass(frozen=True)
class Snapped:
    """`shift`: how far each field's boxes move (page units); `seen`: how clearly each field's edges were found, 0 to 1."""

    shift: dict[str, F64]
    seen: dict[str, float]


class Pyramid:
    """A photo at several sizes, so that a patch of any scale is sampled without aliasing."""

    def __init__(self, gray: U8) -> None:
        self._levels = [gray]

    @property
    def gray(self) -> U8:
        """The photo as it is."""
        return self._levels[0]

    def level(self, shrink: float) -> tuple[U8, F64]:
        """The picture shrunk by the power of two not above `shrink`, and its scale across and down, which differ where an odd row or column was lost."""
        n = max(0, int(np.floor(np.log2(max(shrink, 1.0)))))
        while len(self._levels) <= n and min(self._levels[-1].shape) > 16:
            last = self._levels[-1]
            half = (last.shape[1] // 2, last.shape[0] // 2)
            self._levels.append(
                np.asarray(cv2.resize(last, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            )
        n = min(n, len(self._levels) - 1)
        level = self._levels[n]
        return level, np.divide(level.shape[::-1], self.gray.shape[::-1])

    def sample(self, at: F32, shrink: float) -> U8:
        """The picture at the points (h, w, 2), whose grid is `shrink` photo pixels apart."""
        image, scale = self.level(shrink)
        where = ((at + 0.5) * scale - 0.5).astype(np.float32)
        out = cv2.remap(
            image, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(out, dtype=np.uint8)


def snap(pyramid: Pyramid, form: Form, to_photo: Callable[[F64], F64]) -> Snapped:
    """How far to move each field of a form that is already roughly in place.

    Parameters
    ----------
    to_photo : callable
        Maps points (n, 2) in page units to photo pixels.
    """
    lines = np.array(printed_lines(form)).reshape(-1, 5)
    names, centres, sides, offsets, seen = [], [], [], [], []
    for field in form.fields:
        boxes = np.array(field.boxes)
        names.append(field.name)
        centres.append((boxes[:, :2] + boxes[:, 2:] / 2).mean(axis=0))
        sides.append(boxes[:, 2:].mean(axis=0))
        offset, clear = _search(pyramid, field, lines, to_photo)
        offsets.append(offset)
        seen.append(clear)
    size = max(form.page.width, form.page.height)
    smooth = np.stack(
        [
            _smooth(
                np.array(centres) / size, np.array(offsets)[:, i], np.array(seen)[:, i], np.array(sides)[:, i]
            )
            for i in (0, 1)
        ],
        axis=1,
    )
    clear_all = {n: float(np.sqrt(s[0] * s[1])) for n, s in zip(names, seen, strict=True)}
    return Snapped({n: smooth[i] for i, n in enumerate(names)}, clear_all)


def patch(
    pyramid: Pyramid, corner: F64, size: F64, shape: tuple[int, int], to_photo: Callable[[F64], F64]
) -> U8:
    """A rectangle of the page (top left corner and size in page units) as a picture of `shape` (height, width)."""
    h, w = shape
    gx, gy = np.linspace(0, 1, 7), np.linspace(0, 1, 4)
    knots = np.stack(np.meshgrid(corner[0] + gx * size[0], corner[1] + gy * size[1]), axis=-1).reshape(-1, 2)
    at = to_photo(knots).reshape(4, 7, 2).astype(np.float32)
    # The knots lie on the outermost edges of the picture; its pixel centres are half a pixel inside.
    xs = ((np.arange(w, dtype=np.float32) + 0.5) / w * 6)[None, :].repeat(h, 0)
    ys = ((np.arange(h, dtype=np.float32) + 0.5) / h * 3)[:, None].repeat(w, 1)
    grid = cv2.remap(at, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ends = to_photo(corner + np.array([[0, 0], [size[0], 0], [0, size[1]]]))
    shrink = min(np.hypot(*(ends[1] - ends[0])) / w, np.hypot(*(ends[2] - ends[0])) / h)
    return pyramid.sample(np.asarray(grid, dtype=np.float32), float(shrink))


def _search(
    pyramid: Pyramid, field: FormField, lines: F64, to_photo: Callable[[F64], F64]
) -> tuple[F64, F64]:
    """Offset (x, y) in page units at which the row's edges lie on lines, and how clearly (x, y), 0 to 1.

    Other printed lines that run past the row count as well, so that a row is not moved onto the line below it.
    """
    boxes = np.array(field.boxes)
    grain = float(boxes[:, 2:].min()) / GRAIN
    margin = BESIDE * boxes[:, 2:].mean(axis=0)
    low = boxes[:, :2].min(axis=0) - margin
    high = (boxes[:, :2] + boxes[:, 2:]).max(axis=0) + margin
    shape = np.ceil((high - low) / grain).astype(int)
    image = patch(pyramid, low, shape * grain, (int(shape[1]), int(shape[0])), to_photo)
    image = np.asarray(cv2.GaussianBlur(image, (3, 3), 0), dtype=np.uint8)
    px = (boxes - np.array([*low, 0, 0])) / grain
    offset, clear = np.zeros(2), np.zeros(2)
    for axis in (0, 1):
        dark = cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, np.ones((1, 9) if axis == 0 else (9, 1), np.uint8))
        along = dark.astype(np.float64) if axis == 0 else dark.T.astype(np.float64)
        paper = float(np.percentile(image, 70))
        along = along / max(paper, 40.0)
        bands = _bands(px, 1 - axis)
        if (
            field.edges == "none"
        ):  # lines that run past the row are seen beside the boxes too; digits of one height are not
            bands += _beside(px, 1 - axis, len(along))
        # A printed edge runs through all bands, a stroke only through some: the mean of the fainter bands.
        rows = np.stack([along[a:b].mean(axis=0) for a, b in bands])
        fainter = np.sort(rows, axis=0)[: max(1, int(np.ceil(0.6 * len(rows))))].mean(axis=0)
        fainter = fainter / (fainter + 0.06)
        own = [] if field.edges == "none" else [*px[:, axis], *(px[:, axis] + px[:, axis + 2])]
        edges = np.unique(np.round(own + _passing(lines, low, grain, shape, axis), 1))
        if len(edges) == 0:
            continue
        side = float(px[:, axis + 2].mean())
        shifts = np.arange(-REACH * side, REACH * side + 0.25, 0.5)
        comb = np.interp((edges[None, :] + shifts[:, None]).ravel(), np.arange(len(fainter)) + 0.5, fainter)
        under = comb.reshape(len(shifts), len(edges))
        score = under.mean(axis=1) - 0.08 * (shifts / (REACH * side)) ** 2
        best = int(np.argmax(score))
        peak = score[max(0, best - 2) : best + 3] - float(np.median(score))
        weight = np.clip(peak, 0, None)
        at = shifts[max(0, best - 2) : best + 3]
        offset[axis] = float((at * weight).sum() / max(weight.sum(), 1e-9)) * grain
        clear[axis] = float(np.clip(under[best].mean() - np.median(under), 0, 1))
    return offset, clear


def _passing(lines: F64, low: F64, grain: float, shape: NDArray[np.int_], axis: int) -> list[float]:
    """Where, across the patch, printed lines run along most of it."""
    a, b = (lines[:, :2] - low) / grain, (lines[:, 2:4] - low) / grain
    straight = np.abs(a[:, axis] - b[:, axis]) <= 0.02 * np.abs(a[:, 1 - axis] - b[:, 1 - axis])
    start = np.minimum(a[:, 1 - axis], b[:, 1 - axis])
    end = np.maximum(a[:, 1 - axis], b[:, 1 - axis])
    size = float(shape[1 - axis])
    along = np.minimum(end, size) - np.maximum(start, 0) > 0.75 * size
    passing = straight & along & (a[:, axis] > 0) & (a[:, axis] < shape[axis])
    return [float(v) for v in a[passing, axis]]


def _bands(px: F64, axis: int) -> list[tuple[int, int]]:
    """Pieces along the edges: each box's side in four, without its corners."""
    out = []
    for start, length in {(round(float(b[axis]), 1), round(float(b[axis + 2]), 1)) for b in px}:
        for i in range(4):
            a = start + length * (0.08 + 0.21 * i)
            out.append((max(0, round(a)), max(1, round(a + 0.21 * length))))
    return sorted(out)


def _beside(px: F64, axis: int, end: int) -> list[tuple[int, int]]:
    """Pieces before, between and after the boxes, each as long as a piece of `_bands` at the most."""
    starts, ends = np.sort(px[:, axis]), np.sort(px[:, axis] + px[:, axis + 2])
    piece = float((ends - starts).mean()) * 0.21
    out = []
    for a, b in zip([0.0, *ends], [*starts, float(end)], strict=True):
        if b - a >= 2:
            cuts = np.linspace(a, b, max(1, round((b - a) / piece)) + 1).round().astype(int).tolist()
            out += [(i, j) for i, j in pairwise(cuts) if j > i]
    return out


def _smooth(at: F64, offset: F64, clear: F64, side: F64) -> F64:
    """Offsets smoothed over the page; a Gaussian process whose outliers lose their weight."""
    d2 = ((at[:, None, :] - at[None, :, :]) ** 2).sum(axis=2)
    unit = float(np.median(side))
    k = (
        (0.3 * unit) ** 2
        + (0.12 * unit) ** 2 * np.exp(-0.5 * d2 / ALIKE**2)
        + (0.03 * unit) ** 2 * np.eye(len(at))
    )
    noise = (0.04 * unit / np.clip(clear, 0.01, 1)) ** 2
    scale = np.ones(len(at))
    mean = np.zeros(len(at))
    for _ in range(6):
        mean = k @ np.linalg.solve(k + np.diag(noise * scale), offset)
        scale = 1 + ((offset - mean) / (0.06 * unit)) ** 4
    return mean
