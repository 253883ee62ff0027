"""The printed lines of a page in a photo: the photo turned and unwarped so that they run along the axes.

A tally sheet is mostly straight lines in two directions. The two vanishing points of these lines say how to undo
rotation and perspective up to a scale and a shift for each axis, without knowing which form it is (Liebowitz and
Zisserman 1998, "Metric rectification for perspective images of planes"). What is left is one-dimensional twice over.
"""

from __future__ import annotations

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
    inside : (H, W) bool as uint8
        Where the unwarped picture shows the photo at all.
    ink : (H + 1, W + 1) int32
        Sums from the top left of the pixels that are ink.
    segments : int
        How many straight segments the photo has; a blurred photo or one of something else has few.
    """

    to_photo: F64
    across: F32
    down: F32
    inside: U8
    ink: NDArray[np.int32]
    segments: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.across.shape[1], self.across.shape[0]


def unwarp(gray: U8) -> Sheet:
    """Turn and unwarp a photo along its own lines.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo, in any orientation.
    """
    h, w = gray.shape
    scale = WORK / max(h, w)
    small = _resize(gray, scale)
    found = _segments(small)
    turn = _rectify(found, (small.shape[1], small.shape[0]))
    to_flat, size = _fit(turn, (small.shape[1], small.shape[0]))
    flat = cv2.warpPerspective(small, to_flat, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpPerspective(np.full_like(small, 255), to_flat, size, flags=cv2.INTER_NEAREST)
    inside = cv2.erode(inside, np.ones((5, 5), np.uint8), borderValue=0)
    across, down = responses(flat)
    across[inside == 0] = 0
    down[inside == 0] = 0
    # Pixel centres: a pixel i of the photo covers [i - 0.5, i + 0.5].
    sx, sy = small.shape[1] / w, small.shape[0] / h
    to_small = np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1.0]])
    to_photo = np.linalg.inv(to_flat @ to_small)
    return Sheet(to_photo / to_photo[2, 2], across, down, inside, _ink(flat), len(found))


def responses(flat: U8, line: int = LINE, run: int = RUN) -> tuple[F32, F32]:
    """How much each pixel looks like a thin dark horizontal and vertical line, 0 to 1.

    A line is darker than what is just above and below it (a black-hat), all along `run` pixels (an opening of means over
    a third of it, so that a dashed or dotted line counts as well).
    """
    soft = cv2.GaussianBlur(flat, (3, 3), 0)
    paper = cv2.blur(cv2.dilate(soft, np.ones((line, line), np.uint8)), (31, 31)).astype(np.float32)
    out = []
    for vertical in (False, True):
        thin = (line, 1) if vertical else (1, line)
        dark = cv2.morphologyEx(soft, cv2.MORPH_BLACKHAT, np.ones(thin[::-1], np.uint8)).astype(np.float32)
        dark /= np.maximum(paper, 40.0)
        piece, length = run // 3, run
        dark = cv2.blur(dark, (1, piece) if vertical else (piece, 1))
        kernel = np.ones((length, 1) if vertical else (1, length), np.uint8)
        dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, kernel)
        out.append(np.asarray(dark / (dark + 0.06), dtype=np.float32))
    return out[0], out[1]


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
    return np.asarray(cv2.resize(gray, size, interpolation=how), dtype=np.uint8)


def _segments(small: U8) -> F64:
    """Straight segments (n, 4) of the picture, in its pixels, the longest 600."""
    scale = SEGMENTS / max(small.shape)
    tiny = _resize(small, scale)
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(tiny)[0]
    if found is None:
        return np.zeros((0, 4))
    s = found.reshape(-1, 4).astype(np.float64)
    length = np.hypot(s[:, 2] - s[:, 0], s[:, 3] - s[:, 1])
    order = np.argsort(-length, kind="stable")[:600]
    order = order[length[order] > SEGMENTS / 45]
    return s[order] / scale


def _rectify(segments: F64, size: tuple[int, int]) -> F64:
    """Homography (3, 3) of the picture after which most segments lie along an axis."""
    w, h = size
    half = max(w, h) / 2
    normal = np.array([[1 / half, 0, -w / 2 / half], [0, 1 / half, -h / 2 / half], [0, 0, 1]])
    if len(segments) < 4:
        return normal
    s = (segments - np.array([w, h, w, h]) / 2) / half
    d = s[:, 2:] - s[:, :2]
    length = np.hypot(d[:, 0], d[:, 1])
    angle = np.arctan2(d[:, 1], d[:, 0])
    # The direction most segments agree on, modulo a quarter turn.
    bins = np.zeros(360)
    np.add.at(bins, ((angle % (np.pi / 2)) / (np.pi / 2) * 360).astype(int) % 360, length)
    smooth = np.exp(-0.5 * (np.minimum(np.arange(360), 360 - np.arange(360)) / 10.0) ** 2)
    best = int(np.argmax(np.fft.irfft(np.fft.rfft(bins) * np.fft.rfft(smooth), 360)))
    theta = best / 360 * np.pi / 2
    theta = theta - np.pi / 2 if theta > np.pi / 4 else theta
    first = np.abs((angle - theta + np.pi / 4) % np.pi) < np.pi / 2  # along x after turning

    def homography(p: F64) -> F64:
        c, t = np.cos(p[0]), np.sin(p[0])
        turn = np.array([[c, t, 0], [-t, c, 0], [0, 0, 1]])
        return np.array([[1, p[1], 0], [0, 1, 0], [p[2], p[3], 1]]) @ turn

    def residuals(p: F64, spread: float) -> F64:
        m = homography(p)
        a = s[:, :2] @ m[:2, :2].T / (s[:, :2] @ m[2, :2] + 1)[:, None]
        b = s[:, 2:] @ m[:2, :2].T / (s[:, 2:] @ m[2, :2] + 1)[:, None]
        v = b - a
        off = np.where(first, v[:, 1], v[:, 0]) / np.maximum(np.hypot(v[:, 0], v[:, 1]), 1e-9)
        off = np.sqrt(length) * spread * np.sqrt(np.log1p((off / spread) ** 2))  # Cauchy: text and edges are outliers
        prior = np.array([(p[0] - theta) / 0.5, p[1] / 0.1, p[2] / 0.2, p[3] / 0.2]) * 0.02
        return np.concatenate([off, prior])

    p = np.array([theta, 0.0, 0.0, 0.0])
    for spread in (0.08, 0.02, 0.006):
        p = least_squares(residuals, p, args=(spread,), method="lm", max_nfev=60).x
    p[2:] = np.clip(p[2:], -0.45, 0.45)
    return homography(p) @ normal


def _fit(turn: F64, size: tuple[int, int]) -> tuple[F64, tuple[int, int]]:
    """Scale and shift the unwarped picture so that nothing of the photo is lost and the scale in its middle stays."""
    w, h = size
    corners = np.array([[0, 0, 1], [w - 1, 0, 1], [w - 1, h - 1, 1], [0, h - 1, 1.0]]).T
    depth = turn[2] @ corners
    at = (turn @ corners)[:2] / np.maximum(depth, 0.3)
    low, high = at.min(axis=1), at.max(axis=1)
    scale = max(w, h) / 2
    scale = min(scale, GROWTH * max(w, h) / float((high - low).max()))
    place = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale], [0, 0, 1]])
    shape = np.ceil((high - low) * scale).astype(int) + 1
    return place @ turn, (int(shape[0]), int(shape[1]))
