"""The printed lines of a page in a photo: the photo turned and unwarped so that they run along the axes.

A tally sheet is mostly straight lines in two directions. The two vanishing points of these lines say how to undo
rotation and perspective up to a scale and a shift for each axis, without knowing which form it is (Liebowitz and
Zisserman 1998, "Metric rectification for perspective images of planes"). What is left is one-dimensional twice over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

WORK = 1400  # long side of the working picture in pixels
SEGMENTS = 900  # long side of the picture in which segments are looked for
LINE = 7  # a printed line is thinner than this many working pixels
RUN = 27  # and longer than this
STEP = 15  # grey levels by which the two sides of an edge of the paper differ at least
ASIDE = 5  # pixels beside it, of the picture in which segments are looked for
ANOTHER_WAY = 0.01  # change of a homography's terms, points being at -1 to 1: less bends a page by a few pixels, which is refined
SOFT = (0.015, 0.06)  # bounds of Sheet.soft
OUTLINE = 350  # long side of the picture in which the page's outline is looked for
SLANTS = np.linspace(-0.36, 0.36, 13)  # of the vanishing line, where the search for it begins
TURNS = np.linspace(-0.15, 0.15, 9)  # likewise, around the direction of most segments
STARTING = 120  # segments looked at for that
GROWTH = 1.7  # an unwarped photo is not allowed to grow beyond this factor


@dataclass(frozen=True)
class Sheet:
    """A photo unwarped along its own lines.

    Attributes
    ----------
    to_photo : (3, 3)
        Homography from the unwarped picture to the photo, both in pixels.
    across, down : (H, W) float32, 0 to 1
        How much each pixel of the unwarped picture looks like a printed horizontal (vertical) line.
    soft : float
        How much darker than the paper a line is that gives 0.5; less on a photo with less noise.
    ink : (H + 1, W + 1) int32
        Sums from the top left of the pixels that are ink.
    segments : int
        How many straight segments the photo has; a blurred photo or one of something else has few.
    """

    to_photo: F64
    across: F32
    down: F32
    soft: float
    ink: NDArray[np.int32]
    segments: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.across.shape[1], self.across.shape[0]


def unwarps(gray: U8, blur: float = 0.0) -> Iterator[Sheet]:
    """The photo turned and unwarped, in the ways that may be right, the most likely first.

    Along all printed lines; along these and the edges of the paper, for a form of few upright lines; along those within the page's outline and
    this, the rest of the photo blanked; and by the four corners of the page. Later ways cost nothing unless they are asked for.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo, in any orientation.
    blur : float
        Standard deviation in working pixels of a blur under which a screen of dots becomes grey: the lines of a page printed
        in dots are otherwise rows of dots among dots.
    """
    small, to_small = working(gray)
    if blur:
        small = np.asarray(cv2.GaussianBlur(small, (0, 0), blur), dtype=np.uint8)
    size = (small.shape[1], small.shape[0])
    found, edges = _segments(small)
    along = _rectify(found, size)
    yield _sheet(small, to_small, along, len(found), None)
    if len(edges):
        by_edges = _rectify(np.concatenate([found, edges]), size)
        if np.abs((by_edges - along)[:, :2]).max() * max(size) / 2 > ANOTHER_WAY:
            yield _sheet(small, to_small, by_edges, len(found), None)
    if (page := _page(small)) is not None:
        middles = (found[:, :2] + found[:, 2:]) / 2
        within = found[[cv2.pointPolygonTest(page, (float(x), float(y)), False) > 0 for x, y in middles]]
        sides = np.concatenate([page, np.roll(page, -1, axis=0)], axis=1)
        yield _sheet(small, to_small, _rectify(np.concatenate([within, sides]), size), len(within), page)
        yield _sheet(small, to_small, _square(page, size), len(within), page)


def levelled(gray: U8, degrees: float) -> tuple[Sheet, U8]:
    """The photo turned anticlockwise by so many degrees, as a sheet and as a picture; no lines were looked for to find that."""
    small, to_small = working(gray)
    size = (small.shape[1], small.shape[0])
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1.0]]) @ _rectify(np.zeros((0, 4)), size)
    return _unwarped(small, to_small, turn, 0, None)


def working(gray: U8) -> tuple[U8, F64]:
    """The photo at working size, and the homography from its pixels to those."""
    h, w = gray.shape
    small = _resize(gray, WORK / max(h, w))
    # Pixel centres: a pixel i of the photo covers [i - 0.5, i + 0.5].
    sx, sy = small.shape[1] / w, small.shape[0] / h
    return small, np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1.0]])


def _sheet(small: U8, to_small: F64, turn: F64, segments: int, page: F32 | None) -> Sheet:
    return _unwarped(small, to_small, turn, segments, page)[0]


def _unwarped(small: U8, to_small: F64, turn: F64, segments: int, page: F32 | None) -> tuple[Sheet, U8]:
    """The photo unwarped, as a sheet and as a picture."""
    to_flat, size = _fit(turn, (small.shape[1], small.shape[0]))
    flat = np.asarray(
        cv2.warpPerspective(small, to_flat, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )
    mask = np.full(small.shape, 255, dtype=np.uint8)
    if page is not None:
        mask[:] = 0
        cv2.fillPoly(mask, [np.rint(page).astype(np.int32)], 255)
    inside = cv2.erode(
        cv2.warpPerspective(mask, to_flat, size, flags=cv2.INTER_NEAREST), np.ones((5, 5), np.uint8)
    )
    across, down, soft = responses(flat)
    across[inside == 0] = 0
    down[inside == 0] = 0
    to_photo = np.linalg.inv(to_flat @ to_small)
    return Sheet(to_photo / to_photo[2, 2], across, down, soft, _ink(flat), segments), flat


def responses(flat: U8, line: int = LINE, run: int = RUN) -> tuple[F32, F32, float]:
    """How much each pixel looks like a thin dark horizontal and vertical line, 0 to 1, and the darkness that gives 0.5.

    A line is darker than what is just above and below it (a black-hat), all along `run` pixels (an opening of means over
    a third of it, so that a dashed or dotted line counts as well).
    """
    smooth = cv2.GaussianBlur(flat, (3, 3), 0)
    paper = cv2.blur(cv2.dilate(smooth, np.ones((line, line), np.uint8)), (31, 31)).astype(np.float32)
    paper = np.maximum(paper, 40.0)
    dark = []
    for vertical in (False, True):
        kernel = np.ones((1, line) if vertical else (line, 1), np.uint8)
        thin = cv2.divide(cv2.morphologyEx(smooth, cv2.MORPH_BLACKHAT, kernel), paper, dtype=cv2.CV_32F)
        along = np.full((run // 3, 1) if vertical else (1, run // 3), 1 / (run // 3), np.float32)
        mean = cv2.filter2D(thin, -1, along)  # twice as fast as a blur of floats
        long = np.ones((run, 1) if vertical else (1, run), np.uint8)
        dark.append(cv2.morphologyEx(mean, cv2.MORPH_OPEN, long))
    noise = min(float(np.percentile(d[::3, ::3], 90)) for d in dark)
    soft = float(np.clip(2 * noise, *SOFT))
    across, down = (np.asarray(d / (d + soft), dtype=np.float32) for d in dark)
    return across, down, soft


def _ink(flat: U8) -> NDArray[np.int32]:
    """Integral of the pixels darker than their surroundings."""
    dark = cv2.morphologyEx(flat, cv2.MORPH_BLACKHAT, np.ones((13, 13), np.uint8))
    paper = cv2.dilate(flat, np.ones((13, 13), np.uint8))
    return np.asarray(cv2.integral((dark.astype(np.uint16) * 5 > paper).astype(np.uint8)), dtype=np.int32)


def _resize(gray: U8, scale: float) -> U8:
    if scale == 1:
        return gray
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(8, round(gray.shape[1] * scale)), max(8, round(gray.shape[0] * scale)))
    if scale <= 0.5 and not any(n % 2 for n in gray.shape):  # quicker by far, and leaves less to do
        half = (gray.shape[1] // 2, gray.shape[0] // 2)
        gray = np.asarray(cv2.resize(gray, half, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.resize(gray, size, interpolation=how), dtype=np.uint8)


def _segments(small: U8) -> tuple[F64, F64]:
    """Straight segments (n, 4) of the picture, in its pixels: printed lines, the longest 600, and long edges between light and dark.

    A printed line is dark between two lighter sides; the edge of a page, a shadow or a mask is not, and may run askew.
    """
    scale = SEGMENTS / max(small.shape)
    tiny = _resize(small, scale)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(tiny)[0]
    if found is None:
        return np.zeros((0, 4)), np.zeros((0, 4))
    s: F64 = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    s = s[_length(s) > SEGMENTS / 45]
    hat = cv2.morphologyEx(tiny, cv2.MORPH_BLACKHAT, np.ones((LINE, LINE), np.uint8))
    contrast = _along(np.asarray(cv2.dilate(hat, np.ones((3, 3), np.uint8)), np.uint8), s)
    step = np.abs(_along(tiny, s, ASIDE) - _along(tiny, s, -ASIDE))
    edges = s[(_length(s) > SEGMENTS / 8) & (step > STEP) & (contrast < 0.5 * step)]
    s = s[contrast > 0.35 * np.median(contrast)] if len(s) else s
    s = s[np.argsort(-_length(s), kind="stable")[:600]]
    return np.asarray(s / scale, np.float64), np.asarray(edges / scale, np.float64)


def _length(segments: F64) -> F64:
    return np.asarray(np.hypot(*(segments[:, 2:] - segments[:, :2]).T), np.float64)


def _along(image: U8, segments: F64, aside: float = 0.0) -> F64:
    """The median of a picture along each segment, or so many pixels beside it."""
    t = np.linspace(0.1, 0.9, 9)[:, None, None]
    d = segments[:, 2:] - segments[:, :2]
    normal = np.stack([-d[:, 1], d[:, 0]], axis=1) / np.maximum(_length(segments), 1e-9)[:, None]
    x, y = np.rint(segments[:, :2] + t * d + aside * normal).astype(np.intp).transpose(2, 0, 1)
    h, w = image.shape
    values = image[np.clip(y, 0, h - 1), np.clip(x, 0, w - 1)].astype(np.float64)
    return np.asarray(np.median(values, axis=0) if len(segments) else np.zeros(0))


def _rectify(segments: F64, size: tuple[int, int]) -> F64:
    """Homography (3, 3) of the picture after which most segments lie along an axis."""
    w, h = size
    half = max(w, h) / 2
    normal: F64 = np.array([[1 / half, 0, -w / 2 / half], [0, 1 / half, -h / 2 / half], [0, 0, 1]])
    if len(segments) < 4:
        return normal
    s = (segments - np.array([w, h, w, h]) / 2) / half
    d = s[:, 2:] - s[:, :2]
    length = np.hypot(d[:, 0], d[:, 1])
    angle = np.arctan2(d[:, 1], d[:, 0])
    # The direction most segments agree on, modulo a quarter turn, then that of each of the two bundles.
    theta = _mode(angle, length, np.pi / 2, 10.0)
    theta = theta - np.pi / 2 if theta > np.pi / 4 else theta
    first = np.abs((angle - theta + np.pi / 4) % np.pi) < np.pi / 2  # along x after turning
    lean = 0.0
    if first.any() and not first.all():
        along = (
            _mode(angle[k] - theta + np.pi / 2, length[k], np.pi, 5.0) - np.pi / 2 for k in (first, ~first)
        )
        turn, upright = along
        theta, lean = theta + turn, float(np.tan((upright - turn) % np.pi - np.pi / 2))

    def homography(p: F64) -> F64:
        c, t = np.cos(p[0]), np.sin(p[0])
        turn = np.array([[c, t, 0], [-t, c, 0], [0, 0, 1]])
        return np.asarray(np.array([[1, p[1], 0], [0, 1, 0], [p[2], p[3], 1]]) @ turn, dtype=np.float64)

    def residuals(p: F64, spread: float) -> F64:
        m = homography(p)
        a = s[:, :2] @ m[:2, :2].T / (s[:, :2] @ m[2, :2] + 1)[:, None]
        b = s[:, 2:] @ m[:2, :2].T / (s[:, 2:] @ m[2, :2] + 1)[:, None]
        v = b - a
        off = np.where(first, v[:, 1], v[:, 0]) / np.maximum(np.hypot(v[:, 0], v[:, 1]), 1e-9)
        off = length * spread * np.sqrt(np.log1p((off / spread) ** 2))  # Cauchy: text and edges are outliers
        prior = np.array([(p[0] - theta) / 0.5, *(p[1:] / 0.2)]) * 0.01
        return np.asarray(np.concatenate([off, prior]), dtype=np.float64)

    # From the side the lines run together so much that the search must begin near the right vanishing points.
    p = _start(s, first, theta, lean)
    for spread in (0.08, 0.02, 0.006):
        p = least_squares(residuals, p, args=(spread,), method="lm", max_nfev=60).x
    p[2:] = np.clip(p[2:], -0.45, 0.45)
    return np.asarray(homography(p) @ normal, dtype=np.float64)


def _mode(angle: F64, weight: F64, period: float, smooth: float) -> float:
    """The direction that most of the weight agrees on, in 0 to `period`; `smooth` in 360ths of it."""
    bins = np.zeros(360)
    np.add.at(bins, ((angle % period) / period * 360).astype(int) % 360, weight)
    bell = np.exp(-0.5 * (np.minimum(np.arange(360), 360 - np.arange(360)) / smooth) ** 2)
    best = int(np.argmax(np.fft.irfft(np.fft.rfft(bins) * np.fft.rfft(bell), 360)))
    return best / 360 * period


def _start(s: F64, first: NDArray[np.bool_], theta: float, lean: float) -> F64:
    """Turn, shear and vanishing line (4,) under which most of the segments lie along an axis, on a coarse grid."""
    long = np.argsort(-np.hypot(s[:, 2] - s[:, 0], s[:, 3] - s[:, 1]), kind="stable")[:STARTING]
    s, first = s[long], first[long]
    length = np.hypot(s[:, 2] - s[:, 0], s[:, 3] - s[:, 1])
    turns, across, down = (g.ravel()[:, None] for g in np.meshgrid(TURNS + theta, SLANTS, SLANTS))
    c, t = np.cos(turns), np.sin(turns)
    ends = []
    for x, y in ((s[:, 0], s[:, 1]), (s[:, 2], s[:, 3])):
        u, v = c * x + t * y, c * y - t * x
        u = u + lean * v
        ends.append((u / (across * u + down * v + 1), v / (across * u + down * v + 1)))
    du, dv = ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]
    off = np.where(first, dv, du) / np.maximum(np.hypot(du, dv), 1e-9)
    # Both directions count alike: some forms have few upright lines.
    weight = np.where(
        first, length / max(length[first].sum(), 1e-9), length / max(length[~first].sum(), 1e-9)
    )
    agree = (weight / (1 + (off / 0.02) ** 2)).sum(axis=1)
    best = int(np.argmax(agree))
    return np.array([turns[best, 0], lean, across[best, 0], down[best, 0]])


def _page(small: U8) -> F32 | None:
    """The outline (4, 2) of a sheet of paper on a darker ground, or None if there is none to be seen."""
    scale = OUTLINE / max(small.shape)
    tiny = cv2.GaussianBlur(_resize(small, scale), (9, 9), 0)
    _, bright = cv2.threshold(tiny, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = cv2.morphologyEx(bright, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    contours, _ = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    share = cv2.contourArea(hull) / tiny.size
    if not 0.1 < share < 0.95:
        return None
    for loose in (0.02, 0.03, 0.05, 0.08):
        corners = cv2.approxPolyDP(hull, loose * cv2.arcLength(hull, True), True)
        if len(corners) == 4:
            return np.asarray(corners.reshape(4, 2) / scale, dtype=np.float32)
    return np.asarray(cv2.boxPoints(cv2.minAreaRect(hull)) / scale, dtype=np.float32)


def _square(page: F32, size: tuple[int, int]) -> F64:
    """Homography (3, 3) after which the page's outline lies along the axes."""
    half = max(size) / 2
    sides = np.hypot(*(np.roll(page, -1, axis=0) - page).T)
    w, h = (sides[0] + sides[2]) / 2, (sides[1] + sides[3]) / 2
    flat = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) / half
    return np.asarray(cv2.getPerspectiveTransform(page, flat.astype(np.float32)), dtype=np.float64)


def _fit(turn: F64, size: tuple[int, int]) -> tuple[F64, tuple[int, int]]:
    """Scale and shift the unwarped picture so that nothing of the photo is lost and the scale in its middle stays."""
    w, h = size
    corners = np.array([[0, 0, 1], [w - 1, 0, 1], [w - 1, h - 1, 1], [0, h - 1, 1.0]]).T
    depth = turn[2] @ corners
    at = (turn @ corners)[:2] / np.maximum(depth, 0.3)
    low, high = at.min(axis=1), at.max(axis=1)
    scale = max(w, h) / 2
    scale = min(scale, GROWTH * max(w, h) / float((high - low).max()))
    place: F64 = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale], [0, 0, 1]])
    shape = np.ceil((high - low) * scale).astype(int) + 1
    return place @ turn, (int(shape[0]), int(shape[1]))
