"""Where a form's printed lines lie on an unwarped photo.

What `ocr.rough` found is refined to a smooth map (a polynomial of third degree, because paper bends) by moving each
point of a printed line onto the nearest line of the photo, and then judged: by the lines that are there, by those that
should not be, and by the printed texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form
from ocr.lines import F32, F64, U8, Sheet
from ocr.render import text_width
from ocr.rough import Rough
from ocr.skeleton import LONG, SAME, STEP, Skeleton, per_form, skeleton

# Pixels within which the nearest line is looked for, and degree of the polynomial, step by step.
REFINING = ((18, 1), (14, 1), (14, 2), (11, 2), (8, 3), (6, 3), (4, 3))
TERMS = {1: 3, 2: 6, 3: 10}  # of a polynomial of that degree
# What is known of its coefficients beforehand, one over their variance: bends are a few pixels at most.
BENDING = np.array([1e-4, 1e-3, 1e-3, 1 / 15**2, 1 / 15**2, 1 / 15**2, *[1 / 6**2] * 4])
DRAWING = (1, 1, 1, 2, 2, 3, 3, 3)  # degree, step by step, of a page drawn to where points of it were seen
CLOSE = 3.0  # pixels: so near points agree
STIFF = 1e-3  # how little a page bends to follow the rows of another
POINTS = 600  # of the lines of each direction that are moved
PAD = 24  # pixels around the pictures of lines, more than a point looks for its line
NEAR = 2  # a line counts as found within this many pixels
BESIDE = (6.0, 17.0)  # where, beside a line, there should be none: pixels, at least and at most
SPREAD = (0.55, 0.78, 1.0)  # of the distance that is looked at beside a line
AROUND = 50.0  # of `LONG`: so near lines tell where a field is
PAST = (12.0, 20.0, 28.0, 36.0)  # of `LONG`: where, past the end of a line, there should be none
FEW_ENDS = 4  # fewer ends on one side of a page say too little
LONG_ENOUGH = 60.0  # of `LONG`: a shorter line may be a tick
GO_ON = 0.75  # lines that go on this much have not ended; right places have 0.6 at most, those a column too narrow 0.9
LITTLE = 0.2  # less line than this before an end is not seen
CERTAIN = 0.09  # a line this much darker than the paper is certainly one
ALL_INK = 0.75  # blur and handwriting hide some texts of the right page
FEW_TEXTS = 5  # fewer texts say too little
NO_TEXTS = 0.6  # and then this is assumed, so that lines alone must do better
EDGE = 4.0  # of `LONG`: so near to the edge of a filled area a line is its edge
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


@dataclass(frozen=True, eq=False)
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
    beyond : float
        How much line there is where the form's lines have ended, as part of what is just before: of the worst side of the page.
    """

    form: Form
    warp: Warp
    quarters: int
    agreement: float
    foreign: float
    ink: float
    beyond: float

    @property
    def quality(self) -> float:
        """All in one number, comparable between forms, 0 to 1."""
        ends = float(np.clip((1 - self.beyond) / (1 - GO_ON), 0, 1))
        return self.agreement * (1 - self.foreign) ** 3 * (0.2 + 0.8 * min(1.0, self.ink / ALL_INK)) * ends


class Matcher:
    """Lays forms on one unwarped photo."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._across = _padded(sheet.across)
        self._down = _padded(sheet.down)
        self._long = _long(sheet)

    def refined(self, rough: Rough, *, bent: bool = True) -> Match:
        """The same, bent until the printed lines lie on those of the photo, or as it is if those cannot be trusted."""
        s, _ = skeleton(rough.form).turned(rough.quarters)
        sx, tx, sy, ty = rough.place
        middle, half = np.array(s.size) / 2, max(s.size) / 2
        x, y = np.zeros(10), np.zeros(10)
        x[:2] = sx * middle[0] + tx, sx * half
        y[0], y[2] = sy * middle[1] + ty, sy * half
        return self._refine(rough.form, rough.quarters, x, y, 0 if bent else len(REFINING))

    def shifted(self, match: Match, right: float, down: float) -> Match:
        """The match moved on the page (in `LONG` units) and refined again: a table looks much the same a row further."""
        move = match.warp.turn[:2, :2] @ np.array([right, down]) / match.warp.half
        x, y = match.warp.x.copy(), match.warp.y.copy()
        x[0] += x[1] * move[0] + x[2] * move[1]
        y[0] += y[1] * move[0] + y[2] * move[1]
        return self._refine(match.form, match.quarters, x, y)

    def laid_as(self, match: Match, form: Form) -> Match:
        """Another form, whose page is about the same, laid where that one lies, and refined."""
        return self._refine(form, match.quarters, match.warp.x.copy(), match.warp.y.copy())

    def laid_on_rows(self, match: Match, form: Form, top: float, higher: float) -> Match:
        """Another form with `higher` times as high rows from `top` on (`LONG` units), laid on the rows of a match, and refined."""

        def there(page: F64) -> F64:
            below = np.maximum(page[:, 1] - top, 0.0)
            return np.stack([page[:, 0], page[:, 1] - below + below / higher], axis=1)

        return self._drawn_out(match, form, there)

    def drifted(self, match: Match, start: float, end: float, by: tuple[float, float]) -> Match:
        """The match with its page moved `by` so much (right, down) at `end`, by less before it, by more past it and hardly up to `start`, and refined.

        All in `LONG` units, start and end down the page; `end` may lie above `start`.
        """

        def there(page: F64) -> F64:
            part = np.maximum((page[:, 1] - start) / (end - start), 0.0)
            return np.asarray(page + part[:, None] * np.array(by), np.float64)

        return self._drawn_out(match, match.form, there)

    def drawn_to(
        self, match: Match, at: F64, off: F64, weight: F64, *, bent: bool = True, start: int = 0
    ) -> Match:
        """The match with its page drawn so that points of it come to lie where others do now, and refined; if it is not to be `bent`, only moved, turned and stretched.

        Parameters
        ----------
        at, off : (n, 2) float64
            Points of the page and how far from each the place is that it belongs to, in `LONG` units; some may be wrong.
        weight : (n,) float64
            How sure each is, as one over a variance in squared pixels; only as a whole, against how little a page bends, does its size matter.
        start : int
            From which step of `REFINING` on a bent page is refined; the first ones look far for lines, and may go back to where it lay.
        """
        s, turn = skeleton(match.form).turned(match.quarters)
        middle, half = np.array(s.size) / 2, max(s.size) / 2
        powers = _powers((at @ turn[:2, :2].T + turn[:2, 2] - middle) / half)
        needed = match.warp(at + off) - match.warp(at)
        change, trust = np.zeros((10, 2)), np.ones(len(at))
        for degree in DRAWING:
            n = TERMS[degree if bent else 1]
            p, w = powers[:, :n], weight * trust
            change[:n] = np.linalg.solve(
                (p * w[:, None]).T @ p + np.diag(BENDING[:n]), (p * w[:, None]).T @ needed
            )
            far = np.hypot(*(needed - powers @ change).T)
            # What lies far from where the others say was another text of the like (Cauchy weights).
            trust = 1 / (1 + (far / max(CLOSE, float(np.median(far)))) ** 2)
        return self._refine(
            match.form,
            match.quarters,
            match.warp.x + change[:, 0],
            match.warp.y + change[:, 1],
            start if bent else len(REFINING),
        )

    def _drawn_out(self, match: Match, form: Form, there: Callable[[F64], F64]) -> Match:
        """A form whose points stand where those of the match are that are `there` on the page, refined."""
        s, turn = skeleton(form).turned(match.quarters)
        middle, half = np.array(s.size) / 2, max(s.size) / 2
        unit = LONG / max(form.page.width, form.page.height)
        x, y = np.meshgrid(np.linspace(0, form.page.width, 12), np.linspace(0, form.page.height, 40))
        page = np.stack([x.ravel(), y.ravel()], axis=1) * unit
        powers = _powers((page @ turn[:2, :2].T + turn[:2, 2] - middle) / half)
        at = match.warp(there(page))
        stiff = np.diag([0.0] * 3 + [STIFF] * 7) * len(page)
        ax, ay = np.linalg.solve(powers.T @ powers + stiff, powers.T @ at).T
        return self._refine(form, match.quarters, ax, ay)

    def _refine(self, form: Form, quarters: int, x: F64, y: F64, start: int = 0) -> Match:
        s, turn = skeleton(form).turned(quarters)
        middle, half = np.array(s.size) / 2, max(s.size) / 2
        pa, pd = _powers((s.across - middle) / half), _powers((s.down - middle) / half)
        every = (max(1, len(pa) // POINTS), max(1, len(pd) // POINTS))
        across = pa[:: every[0]], s.across_weight[:: every[0]]
        down = pd[:: every[1]], s.down_weight[:: every[1]]
        for reach, degree in REFINING[start:]:
            y = y + self._step(*across, (x, y), (reach, degree), down=False)
            x = x + self._step(*down, (x, y), (reach, degree), down=True)
        warp = Warp(turn, middle, half, x, y)
        at = np.stack([pa @ x, pa @ y], axis=1), np.stack([pd @ x, pd @ y], axis=1)
        agreement = self._agreement(s, warp, *at)
        foreign, ink = self._foreign(warp, form, *at), self._ink(form, _texts(form, warp))
        return Match(form, warp, quarters, agreement, foreign, ink, self._beyond(form, warp, quarters))

    def _step(
        self, powers: F64, weight: F64, xy: tuple[F64, F64], how: tuple[int, int], *, down: bool
    ) -> F64:
        """The change of one axis' coefficients that moves the points onto the nearest lines."""
        (x, y), (reach, degree) = xy, how
        at = np.stack([powers @ x, powers @ y], axis=1)
        off, peak = _nearest(self._down if down else self._across, at, reach, down)
        w = weight * np.clip(peak - 0.2, 0, None) * np.exp(-0.5 * (off / (0.6 * reach)) ** 2)
        n = TERMS[degree]
        # About 60 independent sightings, each good to 1.5 pixels; bends are a few pixels at most.
        w = w * (60 / 1.5**2) / max(float(weight.sum()) * 0.5, 1e-9)
        p = powers[:, :n]
        have = (y if not down else x)[:n]
        pull = np.where(np.arange(n) >= 3, BENDING[:n] * have, 0.0)
        change = np.zeros(10)
        change[:n] = np.linalg.solve((p * w[:, None]).T @ p + np.diag(BENDING[:n]), p.T @ (w * off) - pull)
        return change

    def local(self, match: Match) -> F64:
        """Agreement around each field of the form, (fields,): where a page is covered, or bends too much, there is none."""
        s, turn = skeleton(match.form).turned(match.quarters)
        unit = LONG / max(match.form.page.width, match.form.page.height)
        boxes = [np.array(f.boxes) for f in match.form.fields]
        centres = np.array([(b[:, :2] + b[:, 2:] / 2).mean(axis=0) for b in boxes]) * unit
        centres = centres @ turn[:2, :2].T + turn[:2, 2]
        warp, found = match.warp, []
        powers = [_powers((points - warp.middle) / warp.half) for points in (s.across, s.down)]
        at = [np.stack([p @ warp.x, p @ warp.y], axis=1) for p in powers]
        gains = self._gains(s, warp, at[0], at[1])
        for points, weight, gain in zip(
            (s.across, s.down), (s.across_weight, s.down_weight), gains, strict=True
        ):
            far = ((centres[:, None] - points[None]) ** 2).sum(axis=2)
            near = np.exp(-0.5 * far / AROUND**2) * weight
            found.append((near @ gain + 1e-9) / (near.sum(axis=1) + 1e-6))
        return np.asarray(np.min(found, axis=0), np.float64)

    def _gains(self, s: Skeleton, warp: Warp, across: F64, down: F64) -> list[F64]:
        """How much more line there is at each point than beside it, and nearer than half way to the form's next line."""
        gains = []
        for image, at, free, vertical in (
            (self._across, across, s.across_free, False),
            (self._down, down, s.down_free, True),
        ):
            _, under = _nearest(image, at, NEAR, vertical)
            beside = []
            for side, sign in ((0, -1), (1, 1)):
                reach = np.clip(free[:, side] / 2 * unit_scale(warp), *BESIDE)
                for part in SPREAD:
                    step = sign * part * reach
                    moved = at + (
                        np.stack([step, 0 * step], axis=1) if vertical else np.stack([0 * step, step], axis=1)
                    )
                    beside.append(_nearest(image, moved, NEAR if part == 1 else 1, vertical)[1])
            gains.append(under - np.median(np.array(beside), axis=0))
        return gains

    def _agreement(self, s: Skeleton, warp: Warp, across: F64, down: F64) -> float:
        gains = self._gains(s, warp, across, down)
        gain, share = [], []
        for g, at, w in zip(gains, (across, down), (s.across_weight, s.down_weight), strict=True):
            there = ((at >= 0) & (at < self.sheet.size)).all(axis=1) * w
            share.append(float(there.sum() / w.sum()))
            gain.append(float(g @ there / max(there.sum(), 1e-9)))
        # What lies outside of the photo says nothing, but the less there is of a page the less is sure.
        return float(np.sqrt(min(share))) * max(0.0, min(gain[0], gain[1], (gain[0] + gain[1]) / 2))

    def _ink(self, form: Form, boxes: NDArray[np.intp]) -> float:
        """Part of the form's printed texts that stand where they should: ink there, and none above or below."""
        h, w = self.sheet.across.shape
        inside = (boxes[:, :2] >= 0).all(axis=1) & (boxes[:, 2] < w) & (boxes[:, 3] < h)
        boxes = boxes[inside & _places(form)[1]]
        if len(boxes) < FEW_TEXTS:
            return NO_TEXTS
        wide, high = (boxes[:, 2:] - boxes[:, :2]).T
        level = wide >= high
        step = np.stack([np.where(level, 0, 0.9 * wide), np.where(level, 0.9 * high, 0)], axis=1)
        step = np.where(step > 0, np.maximum(3, np.rint(step)), 0).astype(np.intp)
        before, here, after = (self._mean_ink(boxes + np.tile(i * step, 2)) for i in (-1, 0, 1))
        return float(np.mean((here > 0.04) & (here > 1.5 * np.minimum(before, after))))

    def _mean_ink(self, boxes: NDArray[np.intp]) -> F64:
        s = self.sheet.ink
        h, w = s.shape
        (a, c), (b, d) = np.clip(boxes[:, 0::2], 0, w - 1).T, np.clip(boxes[:, 1::2], 0, h - 1).T
        total = s[d, c] - s[b, c] - s[d, a] + s[b, a]
        return np.asarray(total / np.maximum(1, (c - a) * (d - b)), np.float64)

    def _beyond(self, form: Form, warp: Warp, quarters: int) -> float:
        """How much the lines of one side of the page go on where they should end, 0 to 1 or a little more.

        A page laid a column too narrow has all its lines on some of the photo's, but these do not end with it.
        """
        out = [0.0]
        for axis, ends in _ends(form):
            vertical = (axis == 1) != (quarters % 2 == 1)
            at = warp(ends.reshape(-1, 2))
            inside = ((at >= 0) & (at < self.sheet.size)).all(axis=1)
            _, line = _nearest(self._down if vertical else self._across, at, NEAR, vertical)
            before, after = (line * inside).reshape(-1, 2, len(PAST)).mean(axis=(0, 2))
            out.append(float(after / max(before, LITTLE)))
        return max(out)

    def _foreign(self, warp: Warp, form: Form, across: F64, down: F64) -> float:
        """Part of the long lines within the form that it does not have; rows of print and edges of filled areas look like lines."""
        rim, printed = _areas(form)
        own, aside = np.zeros((2, *self.sheet.across.shape), np.uint8)
        cv2.fillPoly(own, [np.rint(warp(rim)).astype(np.int32)], 1)
        at = np.rint(warp(printed.reshape(-1, 2))).astype(np.int32).reshape(printed.shape)
        for quad in at:
            cv2.fillConvexPoly(aside, quad, 1)
        within = (own & ~aside & 1).view(np.bool_)
        reach = 2 * int(np.ceil(0.75 * STEP * unit_scale(warp))) + 1
        known, foreign = 1, 0
        w, h = self.sheet.size
        for long, points in zip(self._long, (across, down), strict=True):
            own[:] = 0
            x, y = np.rint(points).astype(np.intp).T
            inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
            own[y[inside], x[inside]] = 1
            near = np.asarray(cv2.dilate(own, np.ones((reach, reach), np.uint8)), dtype=np.uint8)
            known += int(np.count_nonzero(long & near))
            foreign += int(np.count_nonzero(long[within & (near == 0)]))
        return foreign / (known + foreign)


@per_form
def _ends(form: Form) -> list[tuple[int, F64]]:
    """For each side of the page: along which axis its lines end there, and points (n, 2, PAST, 2) before and after these ends."""
    s, out = skeleton(form), []
    for axis, points in ((0, s.across), (1, s.down)):
        line = np.round(points[:, 1 - axis] / SAME)
        for sign in (-1, 1):
            ends = []
            for k in np.unique(line):
                own = points[line == k]
                end = own[np.argmax(sign * own[:, axis])]
                near = points[np.abs(line - k) <= 1]  # what goes on a little higher is the same line
                if (sign * (near[:, axis] - end[axis]) <= SAME).all() and np.ptp(own[:, axis]) > LONG_ENOUGH:
                    ends.append(end)
            if len(ends) < FEW_ENDS:
                continue
            at = np.repeat(np.array(ends)[:, None, None], 2, axis=1).repeat(len(PAST), axis=2)
            at[..., axis] += sign * (STEP / 2 + np.array([[-v for v in PAST], PAST]))
            out.append((axis, at))
    return out


@per_form
def _areas(form: Form) -> tuple[F64, F64]:
    """In `LONG` units: the rim (n, 2) of the part of the page that has lines; (n, 4, 2) where print or filled areas are."""
    s = skeleton(form)
    points = np.concatenate([s.across, s.down])
    (x0, y0), (x1, y1) = points.min(axis=0) - 5, points.max(axis=0) + 5
    t = np.linspace(0, 1, 16)
    one = np.ones_like(t)
    x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
    rim = np.concatenate(
        [
            np.stack(side, axis=1)
            for side in ((x, y0 * one), (x1 * one, y), (x[::-1], y1 * one), (x0 * one, y[::-1]))
        ]
    )
    unit = LONG / max(form.page.width, form.page.height)
    quads = []
    for text in form.texts:
        wide = max(0.55 * text.size * len(text.text), text_width(text.text, text.size))
        left = {"left": 0.0, "centre": wide / 2, "right": wide}[text.align]
        box = (-left - text.size, -1.1 * text.size, wide + 2 * text.size, 1.5 * text.size)
        c, t_ = np.cos(np.radians(text.rotate)), np.sin(np.radians(text.rotate))
        quads.append(_quad(*box) @ np.array([[c, t_], [-t_, c]]) + [text.x, text.y])
    edge = EDGE / unit
    for q in form.rects:
        if q.fill is not None:
            quads.append(_quad(q.x - edge, q.y - edge, q.w + 2 * edge, q.h + 2 * edge))
    return rim, np.array(quads).reshape(-1, 4, 2) * unit


def _quad(x: float, y: float, w: float, h: float) -> F64:
    return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


@per_form
def _places(form: Form) -> tuple[F64, NDArray[np.bool_]]:
    """Corners (n, 4, 2) of the form's printed texts in `LONG` units, and which of them are dark."""
    unit = LONG / max(form.page.width, form.page.height)
    boxes = np.zeros((len(form.texts), 4, 2))
    for box, text in zip(boxes, form.texts, strict=True):
        wide, high = 0.55 * text.size * len(text.text), 0.75 * text.size
        left = {"left": 0.0, "centre": wide / 2, "right": wide}[text.align]
        c, t = np.cos(np.radians(text.rotate)), np.sin(np.radians(text.rotate))
        corners = np.array([[-left, -high], [wide - left, -high], [wide - left, high / 5], [-left, high / 5]])
        box[:] = (corners @ np.array([[c, t], [-t, c]]) + [text.x, text.y]) * unit
    dark = [text.colour is None or int(text.colour[3:5], 16) <= 110 for text in form.texts]
    return boxes, np.array(dark, dtype=np.bool_)


def _texts(form: Form, warp: Warp) -> NDArray[np.intp]:
    """Boxes (n, 4) in the unwarped photo of the form's printed texts: x0, y0, x1, y1."""
    corners = _places(form)[0]
    at = np.rint(warp(corners.reshape(-1, 2))).astype(np.intp).reshape(-1, 4, 2)
    return np.concatenate([at.min(axis=1), at.max(axis=1)], axis=1)


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


def _padded(image: F32) -> F32:
    return np.asarray(cv2.copyMakeBorder(image, PAD, PAD, PAD, PAD, cv2.BORDER_CONSTANT, value=0), np.float32)


def _nearest(padded: F32, at: F64, reach: int, down: bool) -> tuple[F64, F64]:
    """Signed distance to the strongest line near each point, across the line, and how strong it is."""
    h, w = padded.shape
    k = np.arange(-reach - 2, reach + 3)
    x, y = np.rint(at[:, 0]).astype(np.intp), np.rint(at[:, 1]).astype(np.intp)
    inside = (x >= 0) & (x < w - 2 * PAD) & (y >= 0) & (y < h - 2 * PAD)
    base = np.where(inside, (y + PAD) * w + x + PAD, PAD * w + PAD)
    values = padded.ravel().take(base[:, None] + (k if down else k * w)) * inside[:, None]
    window = np.exp(-0.5 * (k[2:-2] / max(reach, 1)) ** 2).astype(np.float32)
    best = np.argmax(values[:, 2:-2] * window, axis=1) + 2
    around = np.take_along_axis(values, best[:, None] + np.arange(-2, 3), axis=1).astype(np.float64)
    centre = (around @ np.arange(-2.0, 3.0)) / np.maximum(around.sum(axis=1), 1e-9)
    rest = (at[:, 0] - x) if down else (at[:, 1] - y)
    return k[best] + centre - rest, around[:, 2]
