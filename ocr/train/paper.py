"""The printed side of a synthetic cell: paper, watermark, box edges and what surrounds the box."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Rng = np.random.Generator


@dataclass(frozen=True)
class Box:
    """The printed box on the canvas: corners (x, y) clockwise from top left, width and height in pixels."""

    corners: F32
    width: float
    height: float

    @property
    def centre(self) -> F32:
        """Middle of the box (x, y)."""
        centre: F32 = self.corners.mean(0)
        return centre

    def along(self, x: float, y: float) -> F32:
        """Canvas point at (x, y) in box units, (0, 0) top left, (1, 1) bottom right."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.corners.tolist()
        tx, ty, ux, uy = ax + (bx - ax) * x, ay + (by - ay) * x, dx + (cx - dx) * x, dy + (cy - dy) * x
        return np.array([tx + (ux - tx) * y, ty + (uy - ty) * y], np.float32)


def smooth(rng: Rng, shape: tuple[int, int], knots: int) -> F32:
    """Smooth random field, mean about 0, spread about 1."""
    coarse = rng.standard_normal((knots, knots)).astype(np.float32)
    field: F32 = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return field


def pick(rng: Rng, weights: tuple[float, ...]) -> int:
    """Index drawn with the given weights (they sum to 1); many times faster than `choice`."""
    left = rng.random()
    for i, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return i
    return len(weights) - 1


def _line(page: F32, a: F32, b: F32, thick: float, strength: float) -> None:
    """Darken the page along a line with sub-pixel position; strength 0 nothing, 1 black."""
    mask = np.zeros(page.shape, np.uint8)
    x0, y0, x1, y1 = (int(v * 16) for v in (*a.tolist(), *b.tolist()))
    width = max(1, round(thick))
    cv2.line(mask, (x0, y0), (x1, y1), 255, width, cv2.LINE_AA, 4)
    page *= 1 - mask * np.float32(strength * min(1.0, thick / width) / 255)


def _dotted(page: F32, a: F32, b: F32, thick: float, strength: float, pitch: float, fill: float) -> None:
    """Darken dots or dashes along a line."""
    length = float(np.hypot(*(b - a)))
    step = (b - a) / max(length, 1)
    mask = np.zeros(page.shape, np.uint8)
    width = max(1, round(thick))
    starts = a + step * np.arange(0, length, pitch)[:, None]
    seen = ((starts > -pitch) & (starts < np.array(page.shape[::-1]) + pitch)).all(1)
    ends = np.concatenate([starts, starts + step * (pitch * fill)], 1)[seen]
    for x0, y0, x1, y1 in np.round(ends * 16).astype(int).tolist():
        cv2.line(mask, (x0, y0), (x1, y1), 255, width, cv2.LINE_AA, 4)
    page *= 1 - mask * np.float32(strength * min(1.0, thick / width) / 255)


def make_paper(rng: Rng, shape: tuple[int, int], box: Box, level: int, most: float = 0.15) -> F32:
    """Paper with shade, texture, watermark (at most so strong) and differently coloured neighbourhood."""
    base = rng.uniform(*((215, 255), (160, 225), (105, 170))[pick(rng, (0.6, 0.3, 0.1))])
    page = np.full(shape, base, np.float32)
    if rng.random() < 0.25:
        side = int(rng.integers(4))
        edge = [(-1, -1, 0, 2), (1, -1, 2, 2), (-1, -1, 2, 0), (-1, 1, 2, 2)][side]
        quad = np.array(
            [
                box.along(edge[0], edge[1]),
                box.along(edge[2], edge[1]),
                box.along(edge[2], edge[3]),
                box.along(edge[0], edge[3]),
            ]
        )
        mask = np.zeros(shape, np.uint8)
        cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
        tone = rng.uniform(0.02, 0.4) if rng.random() < 0.85 else rng.uniform(0.4, 0.98)
        page *= 1 - mask * np.float32(tone / 255)
    if rng.random() < 0.4:
        page *= 1 + smooth(rng, shape, int(rng.integers(3, 9))) * np.float32(
            min(rng.uniform(0.005, 0.02) * (1 + level), 0.3 * most)
        )
    if rng.random() < 0.1 + 0.1 * level:
        _watermark(rng, page, most)
    if rng.random() < 0.3 + 0.2 * level:
        ys, xs = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)  # type: ignore[misc]
        page *= 1 - np.float32(rng.uniform(0, 0.18)) * (
            xs * np.float32(rng.uniform(-1, 1)) + ys * np.float32(rng.uniform(-1, 1))
        )
    return page


def _watermark(rng: Rng, page: F32, most: float) -> None:
    """Guilloche lines, large letters, stamp arcs or copier dots, fainter than ink."""
    h, w = page.shape
    tone = min(most, rng.uniform(0.03, 0.12) if rng.random() < 0.85 else rng.uniform(0.12, 0.3))
    mask = np.zeros(page.shape, np.uint8)
    kind = rng.integers(5)
    if kind == 0:
        period, lift, phase = rng.uniform(12, 60), rng.uniform(2, 12), rng.uniform(0, 6)
        x = np.arange(-8, w + 8, 3)
        for y0 in np.arange(-20, h + 20, rng.uniform(6, 18)):
            y = y0 + lift * np.sin(x / period * 6.28 + phase) + x * rng.normal(0, 0.02)
            cv2.polylines(
                mask, [np.round(np.stack([x, y], 1) * 16).astype(np.int32)], False, 255, 1, cv2.LINE_AA, 4
            )
    elif kind == 1:
        for _ in range(rng.integers(1, 4)):
            text = chr(int(rng.integers(65, 91))) + chr(int(rng.integers(65, 91)))
            at = (int(rng.integers(-30, w)), int(rng.integers(10, h + 20)))
            cv2.putText(mask, text, at, 2, rng.uniform(0.5, 3.0), 255, int(rng.integers(1, 9)), cv2.LINE_AA)
    elif kind == 2:
        for _ in range(rng.integers(1, 4)):
            at = (int(rng.integers(-20, w + 20)), int(rng.integers(-20, h + 20)))
            cv2.circle(mask, at, int(rng.integers(8, 60)), 255, int(rng.integers(1, 6)), cv2.LINE_AA)
    elif kind == 3:
        p, angle = rng.uniform(2.2, 6), rng.uniform(0, 1.6)
        ys, xs = np.mgrid[0:h, 0:w]
        u, v = xs * np.cos(angle) + ys * np.sin(angle), ys * np.cos(angle) - xs * np.sin(angle)
        mask = ((np.sin(u * 6.28 / p) * np.sin(v * 6.28 / p) + 1) * 127).astype(np.uint8)
    else:
        for _ in range(rng.integers(1, 5)):
            pts = rng.uniform(-10, max(h, w) + 10, (int(rng.integers(3, 6)), 2))
            cv2.fillPoly(mask, [np.round(pts).astype(np.int32)], int(rng.integers(90, 256)), cv2.LINE_AA)
    page *= 1 - mask * np.float32(tone / 255)


def print_edges(rng: Rng, page: F32, box: Box) -> None:
    """Printed box edges in one of many styles, extended to the neighbours where the style does so."""
    style = pick(rng, (0.24, 0.16, 0.12, 0.08, 0.16, 0.08, 0.08, 0.08))
    if style == 7:
        return
    thick = float(np.exp(rng.uniform(np.log(0.7), np.log(3.0 if rng.random() < 0.85 else 5.0))))
    tone = rng.uniform(0.15, 1.0)
    dotted = rng.random() < (0.5 if style == 4 else 0.25)
    pitch, fill = rng.uniform(2.5, 8), rng.uniform(0.15, 0.65)

    def edge(x0: float, y0: float, x1: float, y1: float, dots: bool = dotted, bold: float = 1.0) -> None:
        a, b = box.along(x0, y0), box.along(x1, y1)
        if dots:
            _dotted(page, a, b, thick, tone, pitch, fill)
        else:
            _line(page, a, b, thick * bold, tone)

    if style == 0:  # a row of boxes: horizontals run on, verticals do not
        plain = rng.random() < 0.3
        bold = 1.0 if rng.random() < 0.8 else 2.0
        edge(-1, 0, 2, 0, dotted and not plain, bold)
        edge(-1, 1, 2, 1, dotted and not plain, bold)
        edge(0, 0, 0, 1)
        edge(1, 0, 1, 1)
    elif style == 1:  # a table: everything runs on
        for at in (0, 1):
            edge(-1, at, 2, at)
            edge(at, -1, at, 2)
    elif style in (2, 3):  # separate boxes, square or rounded, neighbours beyond a gap
        round_off = 0.0 if style == 2 else rng.uniform(0.05, 0.25)
        gap = rng.uniform(0.03, 0.3)
        for dx in (-1 - gap, 0.0, 1 + gap):
            r = round_off
            for x0, y0, x1, y1 in ((r, 0, 1 - r, 0), (r, 1, 1 - r, 1), (0, r, 0, 1 - r), (1, r, 1, 1 - r)):
                edge(x0 + dx, y0, x1 + dx, y1)
            if r:
                for x0, y0, x1, y1 in (
                    (0, r, r, 0),
                    (1 - r, 0, 1, r),
                    (1, 1 - r, 1 - r, 1),
                    (r, 1, 0, 1 - r),
                ):
                    edge(x0 + dx, y0, x1 + dx, y1, False)
    elif style == 4:  # only separators
        sides = [0, 1] if rng.random() < 0.7 else [int(rng.integers(2))]
        over = rng.uniform(-0.2, 1.0)
        for at in sides:
            edge(at, -over, at, 1 + over)
    elif style == 5:  # only lines above and below, or only below
        edge(-1, 1, 2, 1)
        if rng.random() < 0.5:
            edge(-1, 0, 2, 0)
    else:  # a comb, or a row line with separators
        foot = rng.uniform(0.0, 0.85)
        edge(-1, 1, 2, 1, False)
        edge(0, foot, 0, 1)
        edge(1, foot, 1, 1)
    if rng.random() < 0.2:  # the rule of a table close above or below the boxes
        y = rng.choice([rng.uniform(-0.16, -0.03), rng.uniform(1.03, 1.16)])
        _line(page, box.along(-1, y), box.along(2, y), rng.uniform(0.8, 7), rng.uniform(0.3, 1.0))
    if rng.random() < 0.08:
        at = box.along(rng.uniform(-0.3, 0.7), rng.choice([rng.uniform(-0.2, 0.1), rng.uniform(0.95, 1.2)]))
        mask = np.zeros(page.shape, np.uint8)
        cv2.putText(
            mask,
            "(con num)"[int(rng.integers(5)) :],
            (int(at[0]), int(at[1])),
            0,
            rng.uniform(0.2, 0.4),
            255,
            1,
            cv2.LINE_AA,
        )
        page *= 1 - mask * np.float32(rng.uniform(0.2, 0.9) / 255)
