"""Synthetic cells: one box of a tally sheet as a camera, a scanner or a copier would show it.

A cell is drawn at about 64 pixels (box in its true proportions, with 15 % margin), then degraded at the resolution the
photo would have had, then resized to 32 x 32 as `ocr.cells` does. Nothing here is copied from a real sheet.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from ocr.digits import BLANK, CROSSED, MARK, SIZE
from ocr.snap import Pyramid
from ocr.train.glyphs import SIDE, UNIT, Glyphs
from ocr.train.paper import F32, Box, Rng, make_paper, pick, print_edges, smooth
from ocr.window import tighten

MARGIN = 0.15
LEVELS = ("easy", "medium", "hard")
LEVEL_MIX = (0.65, 0.25, 0.1)
"""Share of each level: most boxes are ordinary pen digits in ordinary boxes."""
MIX = (0.74, 0.1, 0.125, 0.035)
"""Share of digits, blank, mark, crossed."""

U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Ink:
    """What may be written: digits (labels 0-9), marks for empty boxes, scribbles that cancel.

    `printed` holds machine-printed digits, ten of each font behind one another.
    """

    digits: Glyphs
    marks: Glyphs
    scribbles: Glyphs
    printed: Glyphs | None = None


def _canvas(rng: Rng, level: int) -> tuple[tuple[int, int], Box]:
    """Choose proportions and place the box, misregistered as the level allows."""
    aspect = float(np.exp(rng.normal(-0.1, 0.28)))
    if rng.random() < 0.16:  # narrow table columns and wide lines exist too
        aspect = float(np.exp(rng.uniform(np.log(0.42), np.log(2.3))))
    w, h = 49 * np.sqrt(aspect), 49 / np.sqrt(aspect)
    shape = (round(h * (1 + 2 * MARGIN)), round(w * (1 + 2 * MARGIN)))
    slack = (0.03, 0.07, 0.11)[level]
    scale = 1 + rng.normal(0, slack * 0.5, 2)
    angle, shear = rng.normal(0, slack * 0.3), rng.normal(0, slack * 0.4)
    half = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 * scale
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = half @ turn.T + np.stack([half[:, 1] * shear, np.zeros(4)], 1)
    shift = np.clip(rng.normal(0, slack * 0.75, 2), -0.16, 0.16) * (w, h)
    corners = corners + shift + np.array([shape[1], shape[0]]) / 2
    return shape, Box(corners.astype(np.float32), w * scale[0], h * scale[1])


@cache
def _bends() -> list[tuple[F32, F32]]:
    """Sixty-four smooth bends of a glyph, as maps for `cv2.remap`; the same few glyphs never look quite the same."""
    rng = np.random.default_rng(7)
    ys, xs = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    reach = rng.uniform(0.3, 2.2, 64)
    sides = [(smooth(rng, (SIDE, SIDE), 4), smooth(rng, (SIDE, SIDE), 4)) for _ in reach]
    return [
        (xs + dx * np.float32(r), ys + dy * np.float32(r)) for r, (dx, dy) in zip(reach, sides, strict=True)
    ]


def _stroke(
    rng: Rng,
    glyphs: Glyphs,
    i: int,
    place: npt.NDArray[np.float64],
    shape: tuple[int, int],
    half: float,
    bent: float = 0.6,
) -> F32:
    """Coverage 0..1 of glyph `i` under an affine map field -> canvas, with a pen of the given half width."""
    field = glyphs.fields[i]
    if rng.random() < bent:
        bend = _bends()[int(rng.integers(64))]
        field = cv2.remap(field, *bend, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    field = cv2.warpAffine(field, place, (shape[1], shape[0]), flags=cv2.INTER_LINEAR, borderValue=255)
    size = float(np.sqrt(abs(np.linalg.det(place[:, :2]))))
    if glyphs.solid[i]:
        half = 0.2 * half
    cover: F32 = np.clip(half + 0.5 - field.astype(np.float32) * np.float32(size / UNIT), 0, 1)
    return cover


def _place(
    rng: Rng, glyphs: Glyphs, i: int, box: Box, centre: F32, height: float, free: bool
) -> npt.NDArray[np.float64]:
    """Affine map that puts glyph `i` at `centre`: size, stretch, slant, turn of the hand. `free` keeps its own size."""
    x0, y0, x1, y1 = (0.0, 0.0, 42.0, 42.0) if free else (float(v) for v in glyphs.boxes[i])
    bx, by = (SIDE / 2, SIDE / 2) if free else ((x0 + x1) / 2, (y0 + y1) / 2)
    sy = height * min(box.height, rng.uniform(0.75, 1.5) * box.width) / max(y1 - y0, 8.0)
    sx = sy * float(np.exp(rng.normal(0, 0.13)))
    if free:
        tall = min(box.height, rng.uniform(0.75, 1.6) * box.width)
        sy, sx = height * tall / 42, height * min(box.width, rng.uniform(1.0, 2.0) * tall) / 42
    room = 1.05 * box.width / max(x1 - x0, 4.0)
    sx = min(sx, room)
    sy = min(sy, sx * 2.6)
    turn, lean = rng.normal(0, 0.05), rng.normal(0.05, 0.09)
    rot = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rot @ np.array([[1, -lean], [0, 1]]) @ np.diag([sx, sy])
    shift = centre - linear @ np.array([bx, by])
    return np.column_stack([linear, shift])


def _type(rng: Rng, glyphs: Glyphs, i: int, box: Box, centre: F32, height: float) -> npt.NDArray[np.float64]:
    """Affine map that sets a machine-printed glyph: upright, in its own proportions, as high as its neighbours."""
    x0, y0, x1, y1 = (float(v) for v in glyphs.boxes[i])
    sy = height * min(box.height, 1.4 * box.width) / max(y1 - y0, 8.0)
    sx = min(sy * float(np.exp(rng.normal(0, 0.03))), 0.95 * box.width / max(x1 - x0, 4.0))
    linear = np.diag([sx, sy])
    return np.column_stack([linear, centre - linear @ np.array([(x0 + x1) / 2, (y0 + y1) / 2])])


def _cancel(rng: Rng, ink: Ink, i: int, box: Box, centre: F32, height: float, digit: F32, half: float) -> F32:
    """Strokes over a digit, added until nobody can take it for a plain one."""
    shape = (digit.shape[0], digit.shape[1])
    amount = float(digit.sum())
    if rng.random() < 0.2:  # another digit over it, where the two do not run together
        for j in rng.integers(len(ink.digits), size=6).tolist():
            place = _place(rng, ink.digits, j, box, centre, height * rng.uniform(0.95, 1.15), False)
            other = _stroke(rng, ink.digits, j, place, shape, half * rng.uniform(1.0, 1.6))
            both = np.maximum(digit, other)
            if both.sum() > 1.6 * max(amount, float(other.sum())):
                return both
    cover = digit
    for _ in range(4):
        j = int(rng.integers(len(ink.scribbles)))
        size = max(0.7, min(1.15, height * rng.uniform(1.15, 1.5)))
        place = _place(rng, ink.scribbles, j, box, centre, size, True)
        cover = np.maximum(cover, _stroke(rng, ink.scribbles, j, place, shape, half * rng.uniform(0.9, 1.5)))
        if cover.sum() > 1.9 * amount:
            break
    return cover


def _write(rng: Rng, page: F32, ink: Ink, kind: int, box: Box, hand: dict[str, float]) -> tuple[int, float]:
    """Write one thing into a box on the page. Returns its class and its height (share of the box)."""
    digits, typed = ink.digits, "type" in hand
    height = float(np.clip(rng.normal(hand["size"], 0.07), 0.28, 1.0))
    off = rng.normal(0, 0.06, 2) + (1 - height) * rng.uniform(-0.3, 0.3, 2)
    if box.height > 1.4 * box.width:  # a tall box leaves room to write high or low
        off[1] += rng.uniform(-0.18, 0.18)
    if kind == CROSSED:
        height = max(height, 0.5)
    elif typed:
        height, off = hand["size"], np.array([rng.normal(0, 0.03), hand["type"]])
    reach = np.array(
        [0.54 - 0.3 * height, 0.54 - 0.46 * height]
    )  # a little over the edge, never half outside
    off = np.clip(off, -reach, reach)
    centre = box.along(0.5 + off[0], 0.5 + off[1])
    half = hand["pen"] * float(np.exp(rng.normal(0, 0.1)))
    shape = (page.shape[0], page.shape[1])
    if kind == MARK:
        i = int(rng.integers(len(ink.marks)))
        size = float(np.clip(rng.normal(0.72, 0.16), 0.3, 1.1))
        cover = _stroke(rng, ink.marks, i, _place(rng, ink.marks, i, box, centre, size, True), shape, half)
    elif typed:
        i = int(rng.integers(len(digits)))
        cover = _stroke(rng, digits, i, _type(rng, digits, i, box, centre, height), shape, hand["pen"], 0.0)
    else:
        i = int(rng.integers(len(digits)))
        # a pen is never so wide that a small digit closes up
        half = min(half, 0.075 * height * min(box.height, 1.4 * box.width))
        cover = _stroke(rng, digits, i, _place(rng, digits, i, box, centre, height, False), shape, half)
        if kind == CROSSED:
            cover = _cancel(rng, ink, i, box, centre, height, cover, half)
    if hand["skip"] > 0:
        cover = cover * np.clip(1 - hand["skip"] * np.abs(smooth(rng, shape, 14)), 0.15, 1)
    page *= 1 - cover * np.float32(hand["dark"])
    return (int(digits.labels[i]) if kind < 10 else kind), height


def _hand(rng: Rng) -> dict[str, float]:
    """Pen and habit of one writer: darkness (share of light taken away), half width, size, skipping."""
    pen = pick(rng, (0.4, 0.35, 0.15, 0.1))
    dark = (rng.uniform(0.7, 1.0), rng.uniform(0.4, 0.85), rng.uniform(0.22, 0.5), rng.uniform(0.3, 0.6))[pen]
    return {
        "dark": float(dark),
        "pen": float(np.clip(np.exp(rng.normal(np.log(1.8), 0.4)), 0.7, 3.6)),
        "size": float(
            rng.uniform(0.3, 0.42) if rng.random() < 0.1 else np.clip(rng.normal(0.67, 0.13), 0.4, 0.95)
        ),
        "skip": float(rng.uniform(0.1, 0.6)) if rng.random() < (0.6 if pen == 2 else 0.15) else 0.0,
    }


def _machine(rng: Rng) -> dict[str, float]:
    """A printer instead of a hand: even, dark, all digits on one line."""
    return {
        "dark": float(rng.uniform(0.55, 1.0)),
        "pen": float(rng.uniform(0.0, 1.5)),  # glyphs are solid: only the spread of the ink
        "size": float(rng.uniform(0.4, 0.85)),
        "skip": float(rng.uniform(0.05, 0.3)) if rng.random() < 0.15 else 0.0,
        "type": float(rng.normal(0, 0.05)),
    }


def _degrade(rng: Rng, page: F32, level: int, dark: float, least: float) -> U8:
    """Photograph ink of the given darkness: resolution, blur, light, noise, copier threshold, JPEG.

    `least` is the resolution (pixels of the box) below which nobody could read what is written.
    """
    h, w = page.shape
    low = max((24.0, 16.0, 11.0)[level], least * (1.0, 0.9, 0.75)[level])
    native = float(np.exp(rng.uniform(np.log(low), np.log(max(110.0, low)))))
    shrink = min(1.0, native / 49)
    img = page
    if shrink < 1:
        img = cv2.resize(
            page, (max(8, round(w * shrink)), max(8, round(h * shrink))), interpolation=cv2.INTER_AREA
        )
    if rng.random() < 0.35 + 0.15 * level:
        sigma = rng.uniform(0.3, (0.8, 1.0, 1.3)[level]) * (0.6 if native < 22 else 1 if native < 32 else 1.6)
        img = cv2.GaussianBlur(img, (0, 0), sigma)
    if level and rng.random() < 0.1:
        n = int(rng.integers(2, 5))
        kernel = np.full((1, n), 1 / n, np.float32)
        img = cv2.filter2D(
            img, -1, kernel if rng.random() < 0.5 else kernel.T, borderType=cv2.BORDER_REPLICATE
        )
    light = rng.random()
    if light < 0.12 * level:
        img = img * np.float32(rng.uniform(0.45, 0.9)) + np.float32(rng.uniform(0, 40))
    elif light < 0.3:
        img = 255 * np.clip(img / 255, 0, 1) ** np.float32(rng.uniform(0.6, 1.6))
    sigma = rng.exponential((1.5, 4.0, 8.0)[level])
    bright = float(np.sort(img, axis=None)[int(0.8 * img.size)])
    # noise and threshold stay below the ink: a digit that nobody could see must not be called a digit
    img = img + rng.standard_normal(img.shape).astype(np.float32) * np.float32(
        min(sigma, 0.3 * bright * dark)
    )
    if rng.random() < (0.06, 0.1, 0.15)[level]:
        cut = np.float32(bright * (1 - dark * rng.uniform(0.3, 0.55)))
        img = np.where(img > cut, np.float32(255), np.float32(0))
        if rng.random() < 0.5:
            img = cv2.GaussianBlur(img, (0, 0), rng.uniform(0.3, 0.8))
    if level and rng.random() < 0.12 * level:
        salt = rng.random(img.shape)
        rate = rng.uniform(0.001, 0.012)
        img = np.where(salt < rate, np.float32(0), np.where(salt > 1 - rate, np.float32(255), img))
    out: U8 = np.clip(img, 0, 255).astype(np.uint8)
    if rng.random() < 0.7:
        quality = int(rng.integers((50, 25, 10)[level], 96))
        out = cv2.imdecode(
            cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
        )
    return out


def _cut(rng: Rng, img: U8) -> U8:
    """The cell as the reader cuts it: a box far from square around its ink, then 32 x 32 pixels."""
    h, w = img.shape
    if max(w / h, h / w) >= 1.3 and rng.random() < 0.9:
        x, y = w * MARGIN / (1 + 2 * MARGIN), h * MARGIN / (1 + 2 * MARGIN)
        quad = np.array([[[x, y], [w - x, y], [w - x, h - y], [x, h - y]]])
        (x0, y0), (x1, y1) = tighten(Pyramid(img), quad)[0][[0, 2]]
        mx, my = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
        part = img[max(0, round(y0 - my)) : round(y1 + my) + 1, max(0, round(x0 - mx)) : round(x1 + mx) + 1]
        img = part if min(part.shape) > 3 else img
    if min(img.shape) >= SIZE or rng.random() < 0.6:
        return cv2.resize(img, (SIZE, SIZE), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.integers(2))]
    return cv2.resize(img, (SIZE, SIZE), interpolation=how)  # type: ignore[return-value]


def make_cell(rng: Rng, ink: Ink, kind: int, level: int) -> tuple[U8, int]:
    """Make one cell.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    ink : Ink
        What may be written.
    kind : int
        0 (any digit), BLANK, MARK or CROSSED.
    level : int
        0 easy, 1 medium, 2 hard.

    Returns
    -------
    tuple
        uint8 [32, 32] and its class.
    """
    shape, box = _canvas(rng, level)
    page = make_paper(rng, shape, box, level)
    typed = kind == 0 and ink.printed is not None and rng.random() < 0.15
    hand = _machine(rng) if typed else _hand(rng)
    if typed and ink.printed is not None:
        font = 10 * int(rng.integers(len(ink.printed) // 10))
        ink = Ink(ink.printed.take(np.arange(font, font + 10)), ink.marks, ink.scribbles)
    bare = typed and rng.random() < 0.4  # printed numbers often have no boxes
    printed_first = rng.random() < 0.9
    if printed_first and not bare:
        print_edges(rng, page, box)
    pitch = 1.0 + (rng.uniform(0.0, 0.2) if rng.random() < 0.5 else 0.0)
    for dx, dy, chance in ((-pitch, 0.0, 0.6), (pitch, 0.0, 0.6), (0.0, -pitch, 0.2), (0.0, pitch, 0.2)):
        if rng.random() < chance and not (typed and dy):
            beside = Box(box.corners + np.float32([dx * box.width, dy * box.height]), box.width, box.height)
            _write(rng, page, ink, MARK if rng.random() < 0.2 and not typed else 0, beside, hand)
    label, height = (BLANK, 1.0) if kind == BLANK else _write(rng, page, ink, kind, box, hand)
    if not printed_first and not bare:
        print_edges(rng, page, box)
    least = {BLANK: 0.0, MARK: 14.0, CROSSED: 22.0}.get(kind, 10.0 / height)
    return _cut(rng, _degrade(rng, page, level, hand["dark"], least)), label


def make_cells(
    n: int, seed: int, ink: Ink, level: int | None = None, digits_only: bool = False
) -> tuple[U8, npt.NDArray[np.int64]]:
    """Make `n` cells: three quarters digits, the rest blank, mark, seldom crossed (or digits only).

    Returns
    -------
    tuple
        uint8 [n, 32, 32] and classes [n].
    """
    rng = np.random.default_rng(seed)
    cells = np.empty((n, SIZE, SIZE), np.uint8)
    labels = np.empty(n, np.int64)
    for i in range(n):
        kind = 0 if digits_only else (0, BLANK, MARK, CROSSED)[pick(rng, MIX)]
        cells[i], labels[i] = make_cell(rng, ink, kind, pick(rng, LEVEL_MIX) if level is None else level)
    return cells, labels
