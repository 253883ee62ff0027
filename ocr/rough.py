"""Which forms a photo may show and roughly where: the first, cheap look over all forms at once.

After `ocr.lines.unwarps` a page can only be scaled and shifted along each axis, and turned by quarter turns. So the
vertical lines of a form are matched with those of the photo in one dimension, the horizontal ones likewise: for all forms
together on a coarse grid, then finely for those that may be it. The best of both axes are combined and scored in two
dimensions.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from ocr.form import Form
from ocr.lines import F32, F64, WORK, Sheet
from ocr.skeleton import LONG, STEP, Skeleton, per_form, skeleton

C64 = NDArray[np.complex64]

# The page's long side over that of the photo, in steps of about 1.2 %; more than 1 where it is cut off.
SCALES = np.geomspace(0.30, 1.78, 150) * WORK / LONG
BIN = 4  # pixels of a position in the one-dimensional search
BINS = 1024  # more than an unwarped photo and the largest page together
COARSE = 2  # the first look takes every second scale and joins two bins
CELL = (3, 4)  # of the first look's scales and shifts only the best of each cell counts
RATIO = 0.223  # logarithm of the largest ratio of the two axes' scales
FIRST = (
    12,
    16,
    64,
)  # first look: scales and shifts kept for each axis, pairs of them, points of each direction
CLOSE = 0.6  # of the best first look; forms and turns below are not looked at finely
LIKELY = 7  # forms and turns looked at finely
KEEP = 16  # scales and shifts kept for each axis then
TRIED = 50  # pairs of them scored in two dimensions
POINTS = 200  # of the lines of each direction looked at
RIDGES = 4  # of the columns every fourth is looked at, for how much line there is
ASIDE = 15  # and compared with what is this many pixels beside them


@dataclass(frozen=True)
class Rough:
    """A form laid on a photo by a scale and a shift for each axis, unrefined; `score` is comparable between forms."""

    form: Form
    quarters: int
    place: tuple[float, float, float, float]  # sx, tx, sy, ty
    score: float


def rough(sheet: Sheet, forms: Sequence[Form]) -> list[Rough]:
    """The best ways to lay the forms on the photo with straight scales, the best first; several for one form."""
    chances = _chances(sheet, forms)
    spectra = profiles(sheet)
    laying = Laying(sheet, 9)
    out: list[Rough] = []
    for i in np.argsort(-chances, axis=None, kind="stable")[:LIKELY]:
        if chances.flat[i] < CLOSE * chances.max():
            break
        form, quarters = forms[i // 4], int(i % 4)
        s, _ = skeleton(form).turned(quarters)
        places = _pairs(*aligned(spectra, form, quarters, sheet, KEEP), TRIED)
        for p, score in zip(places.tolist(), laying.scores(s, places, POINTS).tolist(), strict=True):
            out.append(Rough(form, quarters, (p[0], p[1], p[2], p[3]), score))
    return sorted(out, key=lambda r: -r.score)


class Laying:
    """How well lines laid on one unwarped photo agree with its own: what both share, as part of all (Dice 1945).

    So a form of few lines, which lie on some lines somewhere on any photo, does not look better than the form that
    has all the lines of the photo.
    """

    def __init__(self, sheet: Sheet, wide: int) -> None:
        self._wide = _widened(sheet, wide)
        self._mass = _mass(sheet.across) + _mass(sheet.down.T)

    def scores(self, s: Skeleton, places: F64, points: int) -> F64:
        """For each of the places (n, 4), at most 1; `points` of each direction are looked at."""
        shared, own = np.zeros(len(places)), np.zeros(len(places))
        for image, at, weight, axis in (
            (self._wide[0], s.across, s.across_weight, 1),
            (self._wide[1], s.down, s.down_weight, 0),
        ):
            if not len(at) or not len(places):
                continue
            every = max(1, len(at) // points)
            w = (weight[::every] / weight[::every].sum()).astype(np.float32)
            long = STEP * float(weight.sum()) * places[:, 2 * (1 - axis)]
            here = at[::every] * places[:, None, 0::2] + places[:, None, 1::2]
            h, columns = image.shape
            x, y = np.rint(here[..., 0]).astype(np.int32), np.rint(here[..., 1]).astype(np.int32)
            inside = (x >= 0) & (x < columns) & (y >= 0) & (y < h)
            own += inside @ w * long  # a page may be cut off
            flat, aside = y * columns + x, ASIDE * (columns if axis else 1)
            pixels = image.ravel()
            beside = pixels.take(flat + aside, mode="clip") + pixels.take(flat - aside, mode="clip")
            shared += ((pixels.take(flat, mode="clip") - 0.5 * beside) * inside) @ w * long
        return np.asarray(2 * shared / np.maximum(own + self._mass, 1.0))


def profiles(sheet: Sheet) -> tuple[C64, C64]:
    """Spectra of how much line there is at each x and each y."""
    return _profile(sheet.down.sum(axis=0), 1), _profile(sheet.across.sum(axis=1), 1)


def aligned(spectra: tuple[C64, C64], form: Form, quarters: int, sheet: Sheet, keep: int) -> tuple[F64, F64]:
    """For each axis the best scales, shifts and scores (n, 3) of a form turned by quarter turns."""
    s, _ = skeleton(form).turned(quarters)
    combs, swap = transform(form)[0], quarters % 2
    return (
        _align((spectra[0], combs[swap]), quarters in (1, 2), s.size[0], sheet.size[0], keep),
        _align((spectra[1], combs[1 - swap]), quarters in (2, 3), s.size[1], sheet.size[1], keep),
    )


def _chances(sheet: Sheet, forms: Sequence[Form]) -> F64:
    """How well each form (rows) in each quarter turn (columns) may fit, at a first look."""
    totals = (sheet.down.sum(axis=0), sheet.across.sum(axis=1))
    combs = np.stack([transform(form)[1] for form in forms])  # form, direction, scale, frequency
    peaks = {
        (axis, mirrored): _peaks(_profile(total, COARSE), combs, mirrored)
        for axis, total in enumerate(totals)
        for mirrored in (False, True)
    }
    laying = Laying(sheet, 15)
    out = np.zeros((len(forms), 4))
    for i, form in enumerate(forms):
        for quarters in range(4):
            s, _ = skeleton(form).turned(quarters)
            swap, step = quarters % 2, BIN * COARSE
            ways = (quarters in (1, 2), quarters in (2, 3))
            x, y = (
                _placed(peaks[axis, way][i, comb], way, s.size[axis], sheet.size[axis], step)
                for axis, way, comb in ((0, ways[0], swap), (1, ways[1], 1 - swap))
            )
            out[i, quarters] = laying.scores(s, _pairs(x, y, FIRST[1]), FIRST[2]).max(initial=-1.0)
    return out


def _peaks(spectrum: C64, combs: C64, mirrored: bool) -> F64:
    """The best scales, shifts (bins) and scores (form, direction, n, 3) of each comb, at most one in a cell."""
    n, bins = FIRST[0], BINS // COARSE
    score = irfft(spectrum * (combs if mirrored else np.conj(combs)), bins, axis=-1)
    forms, directions = score.shape[:2]
    # NumPy is slow at the maximum over short axes, so over slices.
    best = functools.reduce(np.maximum, (score[:, :, i :: CELL[0]] for i in range(CELL[0])))
    best = functools.reduce(np.maximum, (best[..., i :: CELL[1]] for i in range(CELL[1])))
    best = best.reshape(forms, directions, -1)
    where = np.argpartition(-best, n, axis=2)[..., :n]
    rows, columns = where // (bins // CELL[1]) * CELL[0], where % (bins // CELL[1]) * CELL[1]
    f, d = np.ogrid[:forms, :directions]
    f, d = f[..., None, None], d[..., None, None]
    inner = np.arange(CELL[0] * CELL[1])
    r, c = rows[..., None] + inner // CELL[1], columns[..., None] + inner % CELL[1]
    values = score[f, d, r, c]
    k = values.argmax(axis=3)[..., None]
    r, c, v = (np.take_along_axis(a, k, axis=3)[..., 0] for a in (r, c, values))
    return np.stack([SCALES[::COARSE][r], c, v], axis=3)


def _pairs(xs: F64, ys: F64, most: int) -> F64:
    """Places (n, 4) made of the best pairs of both axes, of about the same scale."""
    i, j = (a.ravel() for a in np.meshgrid(np.arange(len(xs)), np.arange(len(ys)), indexing="ij"))
    alike = np.abs(np.log(xs[i, 0] / ys[j, 0])) < RATIO
    i, j = i[alike], j[alike]
    first = np.argsort(-(xs[i, 2] + ys[j, 2]), kind="stable")[:most]
    return np.concatenate([xs[i[first], :2], ys[j[first], :2]], axis=1)


def _mass(lines: F32) -> float:
    """Pixels of line in a picture of lines across, however wide they are: only the ridges count."""
    a = lines[:, ::RIDGES]
    ridge = (a[1:-1] >= a[:-2]) & (a[1:-1] > a[2:]) & (a[1:-1] > 0.3)
    return RIDGES * float(a[1:-1][ridge].sum())


def _widened(sheet: Sheet, by: int) -> tuple[F32, F32]:
    """The lines across and down, wider by so many pixels: what is laid on them need not lie quite right."""
    return (
        np.asarray(cv2.dilate(sheet.across, np.ones((by, 1), np.uint8)), np.float32),
        np.asarray(cv2.dilate(sheet.down, np.ones((1, by), np.uint8)), np.float32),
    )


def _placed(peaks: F64, mirrored: bool, size: float, pixels: int, step: int) -> F64:
    """Scales, shifts and scores (n, 3) of the peaks of a circular correlation, the shifts in pixels."""
    scale, shift, value = peaks.T
    bins, length, page = BINS * BIN // step, pixels / step, size * scale / step
    if mirrored:  # the place of the far end of the axis
        shift = np.where(shift > length + page, shift - bins, shift) - page
    else:
        shift = np.where(shift > length, shift - bins, shift)
    return np.stack([scale, (shift + 0.5) * step, value], axis=1)


def _align(spectra: tuple[C64, C64], mirrored: bool, size: float, pixels: int, keep: int) -> F64:
    """Scales (pixels a unit), shifts (pixels) and scores (n, 3) under which a form's lines lie best on the photo's."""
    spectrum, comb = spectra
    score = irfft(spectrum * (comb if mirrored else np.conj(comb)), BINS, axis=1)
    peak = np.where(score == cv2.dilate(score, np.ones((5, 5), np.uint8)), score, 0).ravel()
    where = np.argpartition(-peak, keep)[:keep]
    where = where[np.lexsort((where, -peak[where]))]
    where = where[peak[where] > 0]
    peaks = np.stack([SCALES[where // BINS], where % BINS, peak[where]], axis=1)
    return _placed(peaks, mirrored, size, pixels, BIN)


def _profile(total: F32, join: int) -> C64:
    """Spectrum of how much line there is at each position along an axis, tolerant of a bin, its mean taken away."""
    p, step = np.sqrt(total), BIN * join
    p = np.pad(p, (0, -len(p) % step)).reshape(-1, step).max(axis=1)
    p = np.maximum(p, (0.7 if join == 1 else 0.5) * np.maximum(np.append(p[1:], 0), np.append(0, p[:-1])))
    p = np.minimum(p / max(float(np.percentile(p, 98)), 1e-9), 1.3)
    padded = np.zeros(BINS // join, np.float32)
    padded[: len(p)] = p - p.mean()
    return np.asarray(rfft(padded), dtype=np.complex64)


@per_form
def transform(form: Form) -> tuple[C64, C64]:
    """Spectra (2, scales, frequencies), fine and coarse, of the vertical lines along x and the horizontal ones along y."""
    s = skeleton(form)
    out = []
    for join in (1, COARSE):
        here = []
        for positions, weights in ((s.down[:, 0], s.down_weight), (s.across[:, 1], s.across_weight)):
            total = np.bincount(np.round(positions).astype(np.intp), weights=weights, minlength=1)
            at = np.flatnonzero(total)
            strength = np.sqrt(total[at])
            strength /= max(float(strength.sum()), 1e-9)
            comb = np.zeros((len(SCALES[::join]), BINS // join), np.float32)
            for row, scale in zip(comb, SCALES[::join], strict=True):
                bins = np.round(at * scale / BIN / join).astype(np.intp)
                row[:] = np.bincount(bins, weights=strength, minlength=BINS // join)
            here.append(rfft(comb, axis=1))
        out.append(np.asarray(np.stack(here), dtype=np.complex64))
    return out[0], out[1]
