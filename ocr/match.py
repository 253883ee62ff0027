"""Where a form's printed lines lie on an unwarped photo.

After `ocr.lines.unwarps` a page can only be scaled and shifted along each axis, and turned by quarter turns. So the
vertical lines of the form are matched with those of the photo in one dimension, the horizontal ones likewise, the best
of both are combined and scored in two dimensions, and the winners are refined to a smooth map (a polynomial of third
degree, because paper bends) by moving each point of a printed line onto the nearest line of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from ocr.form import Form
from ocr.lines import F32, F64, U8, WORK, Sheet
from ocr.skeleton import LONG, STEP, Skeleton, per_form, skeleton

C64 = NDArray[np.complex64]

# The page's long side over that of the photo, in steps of about 1.2 %.
SCALES = np.geomspace(0.30, 1.35, 126) * WORK / LONG
BIN = 4  # pixels of a position in the one-dimensional search
BINS = 1024  # more than an unwarped photo and the largest page together
KEEP = 16  # scales and shifts kept for each axis
ROUGHLY = 200  # points of the lines of each direction looked at then
ASIDE = 15.0  # and compared with what is this many pixels beside them
TRIED = 50  # pairs of them scored in two dimensions
# Pixels within which the nearest line is looked for, and degree of the polynomial, step by step.
REFINING = ((18, 1), (14, 1), (14, 2), (11, 2), (8, 3), (6, 3), (4, 3))
NEAR = 2  # a line counts as found within this many pixels
BESIDE = (-17.0, -13.0, -9.0, 9.0, 13.0, 17.0)  # where, beside a line, there should be none
CERTAIN = 0.09  # a line this much darker than the paper is certainly one
ALL_INK = 0.75  # blur and handwriting hide some texts of the right page
FEW_TEXTS = 5  # fewer texts say too little
NO_TEXTS = 0.6  # and then this is assumed, so that lines alone must do better
LONGER = 117  # pixels; shorter lines are not held against a form


@dataclass(frozen=True)
class Warp:
    """A smooth map from a form's page to an unwarped photo: a quarter turn, then a polynomial for each axis.

    `basis` scales the page to -1..1; `x` and `y` are coefficients of `_powers`.
    """

    turn: F64
    middle: F64
    half: float
    x: F64
    y: F64

    def __call__(self, page: F64) -> F64:
        """Points (n, 2) of the page in `LONG` units to pixels of the unwarped photo."""
        p = page @ self.turn[:2, :2].T + self.turn[:2, 2]
        powers = _powers((p - self.middle) / self.half)
        return np.stack([powers @ self.x, powers @ self.y], axis=1)


@dataclass(frozen=True)
class Match:
    """A form laid on a photo.

    Attributes
    ----------
    agreement : float
        How much more line there is under the form's lines than beside them, 0 to 1.
    foreign : float
        Part of the long straight lines within the form that the form does not have, 0 to 1.
    ink : float
        Part of the printed texts that stand where they should, 0 to 1.
    """

    form: Form
    warp: Warp
    quarters: int
    agreement: float
    foreign: float
    ink: float

    @property
    def quality(self) -> float:
        """All in one number, comparable between forms, 0 to 1."""
        return self.agreement * (1 - self.foreign) * (0.2 + 0.8 * min(1.0, self.ink / ALL_INK))


@dataclass(frozen=True)
class Rough:
    """A form laid on a photo by a scale and a shift for each axis, unrefined; `score` is comparable between forms."""

    form: Form
    quarters: int
    place: tuple[float, float, float, float]  # sx, tx, sy, ty
    score: float


class Matcher:
    """Lays forms on one unwarped photo."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._wide_across: F32 = np.asarray(cv2.dilate(sheet.across, np.ones((9, 1), np.uint8)), np.float32)
        self._wide_down: F32 = np.asarray(cv2.dilate(sheet.down, np.ones((1, 9), np.uint8)), np.float32)
        self._long = _long(sheet)
        self._spectra = (_profile(sheet.down.sum(axis=0)), _profile(sheet.across.sum(axis=1)))

    def rough(self, form: Form) -> list[Rough]:
        """The best ways to lay the form on the photo with straight scales, the best first."""
        plain = skeleton(form)
        combs = _combs(form)
        pairs = []
        for quarters in range(4):
            # Quarter turns exchange the axes and turn them round, see Skeleton.turned.
            swap = quarters % 2
            xs = self._align(0, combs[swap], quarters in (1, 2), plain.size[swap])
            ys = self._align(1, combs[1 - swap], quarters in (2, 3), plain.size[1 - swap])
            for sx, tx, vx in xs:
                for sy, ty, vy in ys:
                    if 0.8 < sx / sy < 1.25:
                        pairs.append((vx + vy, quarters, (sx, tx, sy, ty)))
        pairs.sort(key=lambda p: -p[0])
        turned = [plain.turned(q)[0] for q in range(4)]
        out = [Rough(form, q, p, self._rough(turned[q], *p)) for _, q, p in pairs[:TRIED]]
        return sorted(out, key=lambda r: -r.score)

    def refined(self, rough: Rough) -> Match:
        """The same, bent until the printed lines lie on those of the photo."""
        s, _ = skeleton(rough.form).turned(rough.quarters)
        sx, tx, sy, ty = rough.place
        middle, half = np.array(s.size) / 2, max(s.size) / 2
        x, y = np.zeros(10), np.zeros(10)
        x[:2] = sx * middle[0] + tx, sx * half
        y[0], y[2] = sy * middle[1] + ty, sy * half
        return self._refine(rough.form, rough.quarters, x, y)

    def shifted(self, match: Match, right: float, down: float) -> Match:
        """The match moved on the page (in `LONG` units) and refined again: a table looks much the same a row further."""
        move = match.warp.turn[:2, :2] @ np.array([right, down]) / match.warp.half
        x, y = match.warp.x.copy(), match.warp.y.copy()
        x[0] += x[1] * move[0] + x[2] * move[1]
        y[0] += y[1] * move[0] + y[2] * move[1]
        return self._refine(match.form, match.quarters, x, y)

    def _align(self, axis: int, comb: C64, mirrored: bool, size: float) -> list[tuple[float, float, float]]:
        """Scales (pixels a unit), shifts (pixels) and scores under which a form's lines lie best on those of the photo."""
        spectrum = self._spectra[axis] * (comb if mirrored else np.conj(comb))
        score = irfft(spectrum, BINS, axis=1, overwrite_x=True)
        top = (score == cv2.dilate(score, np.ones((5, 5), np.uint8))).ravel() & (score.ravel() > 0)
        where = np.flatnonzero(top)
        where = where[np.argsort(-score.ravel()[where], kind="stable")[:KEEP]]
        length = self.sheet.size[axis] / BIN
        out = []
        for i in where:
            scale, shift = float(SCALES[i // BINS]), float(i % BINS)
            if mirrored:  # the place of the far end of the axis
                shift = shift - BINS if shift > length + size * scale / BIN else shift
                shift -= size * scale / BIN
            else:
                shift = shift - BINS if shift > length else shift
            out.append((scale, (shift + 0.5) * BIN, float(score.ravel()[i])))
        return out

    def _rough(self, s: Skeleton, sx: float, tx: float, sy: float, ty: float) -> float:
        scale, shift = np.array([sx, sy]), np.array([tx, ty])
        total = 0.0
        for image, points, weights in (
            (self._wide_across, s.across, s.across_weight),
            (self._wide_down, s.down, s.down_weight),
        ):
            every = max(1, len(points) // ROUGHLY)
            w = weights[::every]
            at = points[::every] * scale + shift
            step = np.array([0, ASIDE]) if image is self._wide_across else np.array([ASIDE, 0])
            gain = _look(image, at) - 0.5 * _look(image, at + step) - 0.5 * _look(image, at - step)
            total += float(gain @ w / w.sum())
        return total / 2

    def _refine(self, form: Form, quarters: int, x: F64, y: F64) -> Match:
        s, turn = skeleton(form).turned(quarters)
        middle, half = np.array(s.size) / 2, max(s.size) / 2
        pa, pd = _powers((s.across - middle) / half), _powers((s.down - middle) / half)
        for reach, degree in REFINING:
            y = y + self._step(pa, (x, y), s.across_weight, (reach, degree), down=False)
            x = x + self._step(pd, (x, y), s.down_weight, (reach, degree), down=True)
        warp = Warp(turn, middle, half, x, y)
        across, down = np.stack([pa @ x, pa @ y], axis=1), np.stack([pd @ x, pd @ y], axis=1)
        agreement = self._agreement(s, across, down)
        return Match(
            form, warp, quarters, agreement, self._foreign(form, warp, across, down), self._ink(form, warp)
        )

    def _step(
        self, powers: F64, xy: tuple[F64, F64], weight: F64, how: tuple[int, int], *, down: bool
    ) -> F64:
        """The change of one axis' coefficients that moves the points onto the nearest lines."""
        (x, y), (reach, degree) = xy, how
        at = np.stack([powers @ x, powers @ y], axis=1)
        off, peak = _nearest(self.sheet.down if down else self.sheet.across, at, reach, down)
        w = weight * np.clip(peak - 0.2, 0, None) * np.exp(-0.5 * (off / (0.6 * reach)) ** 2)
        n = {1: 3, 2: 6, 3: 10}[degree]
        # About 60 independent sightings, each good to 1.5 pixels; bends are a few pixels at most.
        w = w * (60 / 1.5**2) / max(float(weight.sum()) * 0.5, 1e-9)
        prior = np.array([1e-4, 1e-3, 1e-3, 1 / 15**2, 1 / 15**2, 1 / 15**2, *[1 / 6**2] * 4])[:n]
        p = powers[:, :n]
        have = (y if not down else x)[:n]
        pull = np.where(np.arange(n) >= 3, prior * have, 0.0)
        change = np.zeros(10)
        change[:n] = np.linalg.solve((p * w[:, None]).T @ p + np.diag(prior), p.T @ (w * off) - pull)
        return change

    def _agreement(self, s: Skeleton, across: F64, down: F64) -> float:
        gain = []
        for image, at, weight, vertical in (
            (self.sheet.across, across, s.across_weight, False),
            (self.sheet.down, down, s.down_weight, True),
        ):
            _, under = _nearest(image, at, NEAR, vertical)
            beside = [
                _nearest(image, at + ([b, 0] if vertical else [0, b]), NEAR, vertical)[1] for b in BESIDE
            ]
            gain.append(float((under - np.median(np.array(beside), axis=0)) @ weight / weight.sum()))
        return max(0.0, min(gain[0], gain[1], (gain[0] + gain[1]) / 2))

    def _ink(self, form: Form, warp: Warp) -> float:
        """Part of the form's printed texts that stand where they should: ink there, and none above or below."""
        found = []
        h, w = self.sheet.across.shape
        for text, (x0, y0, x1, y1) in zip(form.texts, _texts(form, warp), strict=True):
            if text.colour is not None and int(text.colour[3:5], 16) > 110:
                continue
            if x0 < 0 or y0 < 0 or x1 >= w or y1 >= h:
                continue
            wide, high = x1 - x0, y1 - y0
            if wide >= high:
                step = np.array([0, max(3, round(0.9 * high))])
            else:
                step = np.array([max(3, round(0.9 * wide)), 0])
            inks = [
                self._mean_ink(x0 + i * step[0], y0 + i * step[1], x1 + i * step[0], y1 + i * step[1])
                for i in (-1, 0, 1)
            ]
            found.append(inks[1] > 0.04 and inks[1] > 1.5 * min(inks[0], inks[2]))
        return float(np.mean(found)) if len(found) >= FEW_TEXTS else NO_TEXTS

    def _mean_ink(self, x0: float, y0: float, x1: float, y1: float) -> float:
        s = self.sheet.ink
        h, w = s.shape
        a, b, c, d = (int(np.clip(v, 0, m - 1)) for v, m in ((x0, w), (y0, h), (x1, w), (y1, h)))
        return float(s[d, c] - s[b, c] - s[d, a] + s[b, a]) / max(1, (c - a) * (d - b))

    def _foreign(self, form: Form, warp: Warp, across: F64, down: F64) -> float:
        texts = np.zeros(self.sheet.across.shape, np.uint8)
        for x0, y0, x1, y1 in _texts(form, warp):
            texts[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = 1
        points = np.concatenate([across, down])
        low, high = points.min(axis=0) - 5, points.max(axis=0) + 5
        x0, y0 = (max(0, int(v)) for v in low)
        x1, y1 = (max(0, int(v)) for v in high)
        reach = 2 * int(np.ceil(0.75 * STEP * unit_scale(warp))) + 1
        known, foreign = 1, 0
        for long, at in zip(self._long, (across, down), strict=True):
            own = np.zeros_like(texts)
            w, h = self.sheet.size
            x, y = np.rint(at[:, 0]).astype(np.intp), np.rint(at[:, 1]).astype(np.intp)
            inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
            own[y[inside], x[inside]] = 1
            near = np.asarray(cv2.dilate(own, np.ones((reach, reach), np.uint8)), dtype=np.uint8)
            there = long[y0:y1, x0:x1]
            explained = there & near[y0:y1, x0:x1]
            known += int(np.count_nonzero(explained))
            foreign += int(np.count_nonzero(there & ~explained & ~texts[y0:y1, x0:x1] & 1))
        return foreign / (known + foreign)


def _texts(form: Form, warp: Warp) -> list[tuple[int, int, int, int]]:
    """Boxes (x0, y0, x1, y1) in the unwarped photo of the form's dark printed texts."""
    unit = LONG / max(form.page.width, form.page.height)
    boxes = []
    for text in form.texts:
        wide, high = 0.55 * text.size * len(text.text), 0.75 * text.size
        left = {"left": 0.0, "centre": wide / 2, "right": wide}[text.align]
        c, t = np.cos(np.radians(text.rotate)), np.sin(np.radians(text.rotate))
        box = np.array([[-left, -high], [wide - left, -high], [wide - left, high / 5], [-left, high / 5]])
        boxes.append(box @ np.array([[c, t], [-t, c]]) + [text.x, text.y])
    if not boxes:
        return []
    at = np.rint(warp(np.concatenate(boxes) * unit)).astype(int).reshape(-1, 4, 2)
    return [
        (int(b[0]), int(b[1]), int(b[2]), int(b[3]))
        for b in np.concatenate([at.min(axis=1), at.max(axis=1)], axis=1)
    ]


def unit_scale(warp: Warp) -> float:
    """Pixels of the unwarped photo to one of the units used here."""
    return float((abs(warp.x[1]) + abs(warp.y[2])) / 2 / warp.half)


def _long(sheet: Sheet) -> tuple[U8, U8]:
    """Where the unwarped photo has long straight lines across and down."""
    out = []
    for image, thick, run in ((sheet.across, (3, 1), (1, LONGER)), (sheet.down, (1, 3), (LONGER, 1))):
        there = cv2.dilate(
            (image > CERTAIN / (CERTAIN + sheet.soft)).astype(np.uint8), np.ones(thick, np.uint8)
        )
        out.append(
            np.asarray(cv2.morphologyEx(there, cv2.MORPH_OPEN, np.ones(run, np.uint8)), dtype=np.uint8)
        )
    return out[0], out[1]


def _powers(u: F64) -> F64:
    x, y = u[:, 0], u[:, 1]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y, x**3, x * x * y, x * y * y, y**3], axis=1)


def _look(image: F32, at: F64) -> F64:
    h, w = image.shape
    x, y = np.rint(at[:, 0]).astype(np.intp), np.rint(at[:, 1]).astype(np.intp)
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    out = np.zeros(len(at))
    out[inside] = image[y[inside], x[inside]]
    return out


def _nearest(image: F32, at: F64, reach: int, down: bool) -> tuple[F64, F64]:
    """Signed distance to the strongest line near each point, across the line, and how strong it is."""
    h, w = image.shape
    k = np.arange(-reach - 2, reach + 3)
    x, y = np.rint(at[:, 0]).astype(np.intp), np.rint(at[:, 1]).astype(np.intp)
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    xs = np.clip(x[:, None] + (k if down else 0), 0, w - 1)
    ys = np.clip(y[:, None] + (0 if down else k), 0, h - 1)
    values = image[ys, xs].astype(np.float64) * inside[:, None]
    window = np.exp(-0.5 * (k[2:-2] / max(reach, 1)) ** 2)
    best = np.argmax(values[:, 2:-2] * window, axis=1) + 2
    rows = np.arange(len(best))
    around = np.stack([values[rows, best + i] for i in (-2, -1, 0, 1, 2)], axis=1)
    centre = (around @ np.arange(-2.0, 3.0)) / np.maximum(around.sum(axis=1), 1e-9)
    rest = (at[:, 0] - x) if down else (at[:, 1] - y)
    return k[best] + centre - rest, values[rows, best]


def _profile(total: F32) -> C64:
    """Spectrum of how much line there is at each position along an axis, tolerant of a bin, its mean taken away."""
    p = np.sqrt(total)
    p = np.pad(p, (0, -len(p) % BIN)).reshape(-1, BIN).max(axis=1)
    p = np.maximum(p, 0.7 * np.maximum(np.append(p[1:], 0), np.append(0, p[:-1])))
    p = np.minimum(p / max(float(np.percentile(p, 98)), 1e-9), 1.3)
    padded = np.zeros(BINS, np.float32)
    padded[: len(p)] = p - p.mean()
    return np.asarray(rfft(padded), dtype=np.complex64)


@per_form
def _combs(form: Form) -> tuple[C64, C64]:
    """Spectra (scales, frequencies) of the form's vertical lines along x and of its horizontal lines along y."""
    s = skeleton(form)
    out = []
    for positions, weights in ((s.down[:, 0], s.down_weight), (s.across[:, 1], s.across_weight)):
        total = np.bincount(np.round(positions).astype(np.intp), weights=weights, minlength=1)
        at = np.flatnonzero(total)
        strength = np.sqrt(total[at])
        strength /= max(float(strength.sum()), 1e-9)
        comb = np.zeros((len(SCALES), BINS), np.float32)
        for i, scale in enumerate(SCALES):
            comb[i] = np.bincount(
                np.round(at * scale / BIN).astype(np.intp), weights=strength, minlength=BINS
            )
        out.append(np.asarray(rfft(comb, axis=1), dtype=np.complex64))
    return out[0], out[1]
