"""Synthetic cells: one box of a tally sheet as a camera, a scanner or a copier would show it.

A cell is drawn at about 64 pixels (box in its true proportions, with 15 % margin), then degraded at the resolution the
photo would have had, then resized to 64 x 64 as `ocr.cells` does. Degradation is measured against what is written (pixels
of the digit's height, contrast of the ink), so that a label stays one that a person could give. Nothing here is copied from
a real sheet.
"""

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from ocr.digits import BLANK, CROSSED, MARK
from ocr.focus import SIZE
from ocr.snap import Pyramid
from ocr.train.glyphs import SIDE, UNIT, Glyphs
from ocr.train.paper import F32, Box, Rng, make_paper, pick, print_edges, smooth
from ocr.window import tighten

MARGIN = 0.15
SQUARE = 49.0
"""Side of a square box on the canvas in pixels; other boxes have the same area."""
MIX = (0.76, 0.09, 0.11, 0.04)
"""Share of digits, blank, mark, crossed."""
FULL = 255.0

U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Level:
    """How far a photo and a hand may be from ideal."""

    name: str
    share: float  # of the cells trained on
    slack: float  # misregistration, share of the box
    box: float  # least side of a box in the photo, pixels
    tall: float  # least height of a digit in the photo, pixels
    small: float  # share of hands that write small (0.34 to 0.47 of the box)
    blur: float  # largest sigma, share of the digit's height
    noise: float  # mean sigma, grey levels
    grain: float  # largest sigma, share of the ink's contrast
    dim: float  # share of photos with weak or bent light
    bilevel: float  # share of black-and-white pictures
    salt: float  # share of pictures with specks
    quality: int  # least JPEG quality
    depth: float  # least contrast of the ink in the photo, grey levels


LEVEL = (
    Level("easy", 0.52, 0.03, 22, 13.0, 0.08, 0.05, 1.5, 0.06, 0.0, 0.06, 0.0, 60, 28.0),
    Level("medium", 0.3, 0.06, 15, 10.0, 0.18, 0.075, 3.5, 0.12, 0.12, 0.1, 0.06, 35, 20.0),
    Level("hard", 0.18, 0.09, 10, 8.0, 0.25, 0.1, 6.0, 0.2, 0.25, 0.14, 0.15, 22, 14.0),
)  # fmt: skip
LEVELS = tuple(v.name for v in LEVEL)
POOR = (0.15, 0.35, 0.5)
"""Shares of the levels in the cells for training that are mostly of poor photos."""
TRAINED = tuple(replace(v, bilevel=2 * v.bilevel) for v in LEVEL)
"""The same with more black-and-white: there a network becomes too sure."""


@dataclass(frozen=True)
class Ink:
    """What may be written: digits (labels 0-9), marks for empty boxes, scribbles that cancel.

    `printed` holds machine-printed digits, ten of each font behind one another.
    """

    digits: Glyphs
    marks: Glyphs
    scribbles: Glyphs
    printed: Glyphs | None = None


def _canvas(rng: Rng, slack: float) -> tuple[tuple[int, int], Box]:
    """Choose proportions and place the box, misregistered as the level allows."""
    aspect = float(np.exp(rng.normal(-0.1, 0.28)))
    if rng.random() < 0.16:  # narrow table columns and wide lines exist too
        aspect = float(np.exp(rng.uniform(np.log(0.42), np.log(2.3))))
    w, h = SQUARE * np.sqrt(aspect), SQUARE / np.sqrt(aspect)
    shape = (round(h * (1 + 2 * MARGIN)), round(w * (1 + 2 * MARGIN)))
    n = rng.standard_normal(6)
    angle, shear, sw, sh = (
        n[0] * slack * 0.3,
        n[1] * slack * 0.4,
        1 + n[2] * slack * 0.5,
        1 + n[3] * slack * 0.5,
    )
    half = np.array([[-w * sw, -h * sh], [w * sw, -h * sh], [w * sw, h * sh], [-w * sw, h * sh]]) / 2
    half[:, 0] += half[:, 1] * (shear - angle)
    half[:, 1] += half[:, 0] * angle
    shift = (
        min(max(n[4] * slack * 0.75, -0.16), 0.16) * w + shape[1] / 2,
        min(max(n[5] * slack * 0.75, -0.16), 0.16) * h + shape[0] / 2,
    )
    return shape, Box((half + shift).astype(np.float32), w * sw, h * sh)


@cache
def _bends() -> list[tuple[F32, F32]]:
    """Sixty-four gentle bends of a glyph, as maps for `cv2.remap`; the same few glyphs never look quite the same."""
    rng = np.random.default_rng(7)
    ys, xs = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    reach = rng.uniform(0.3, 1.8, 64)
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
    size = float(np.sqrt(abs(place[0, 0] * place[1, 1] - place[0, 1] * place[1, 0])))
    if glyphs.solid[i]:
        half = 0.2 * half
    cover: F32 = np.clip(np.float32(half + 0.5) - field * np.float32(size / UNIT), 0, 1)
    return cover


def _place(
    rng: Rng, glyphs: Glyphs, i: int, box: Box, centre: F32, height: float, room: float
) -> npt.NDArray[np.float64]:
    """Affine map that puts a digit at `centre`: size, stretch, slant and turn of the hand, at most `room` of the box wide."""
    x0, y0, x1, y1 = (float(v) for v in glyphs.boxes[i])
    wide, high = max(x1 - x0, 4.0), max(y1 - y0, 8.0)
    n = rng.standard_normal(3)
    sy = height * min(box.height, rng.uniform(0.85, 1.5) * box.width) / high
    sx = min(sy * float(np.exp(n[0] * 0.12)), room * box.width / wide)
    if glyphs.labels[i] == 1:  # a stroke that leans further is a dash or a slash
        sx = min(sx, 0.6 * sy * high / wide)
    sy = min(sy, sx * 2.2)
    turn, lean = n[1] * 0.045, 0.04 + n[2] * 0.08
    c, s = float(np.cos(turn)), float(np.sin(turn))
    linear = np.array([[c * sx, (-c * lean - s) * sy], [s * sx, (c - s * lean) * sy]])
    return np.column_stack([linear, centre - linear @ np.array([(x0 + x1) / 2, (y0 + y1) / 2])])


def _spread(rng: Rng, box: Box, centre: F32, height: float) -> npt.NDArray[np.float64]:
    """Affine map for a mark or a scribble, whose drawing of 42 units fills `height` of the box."""
    tall = min(box.height, rng.uniform(0.8, 1.15) * box.width)
    sy, sx = height * tall / 42, height * min(box.width, rng.uniform(1.0, 1.8) * tall) / 42
    turn = rng.normal(0, 0.05)
    linear = np.array([[sx, -turn * sy], [turn * sx, sy]])
    return np.column_stack([linear, centre - linear @ np.array([SIDE / 2, SIDE / 2])])


def _type(rng: Rng, glyphs: Glyphs, i: int, box: Box, centre: F32, height: float) -> npt.NDArray[np.float64]:
    """Affine map that sets a machine-printed glyph: upright, in its own proportions, as high as its neighbours."""
    x0, y0, x1, y1 = (float(v) for v in glyphs.boxes[i])
    sy = height * min(box.height, 1.4 * box.width) / max(y1 - y0, 8.0)
    wide = (rng.uniform(1.1, 1.5), rng.uniform(0.75, 0.9), float(np.exp(rng.normal(0, 0.03))))[
        pick(rng, (0.1, 0.1, 0.8))
    ]
    sx = min(sy * wide, 0.98 * box.width / max(x1 - x0, 4.0))
    linear = np.diag([sx, sy])
    return np.column_stack([linear, centre - linear @ np.array([(x0 + x1) / 2, (y0 + y1) / 2])])


def _cancel(rng: Rng, ink: Ink, i: int, box: Box, centre: F32, height: float, digit: F32, half: float) -> F32:
    """Strokes over a digit, added until nobody can take it for a plain one."""
    shape = (digit.shape[0], digit.shape[1])
    amount = float(digit.sum())
    if rng.random() < 0.08:  # another digit over it, as plain to see as the first
        for j in rng.integers(len(ink.digits), size=6).tolist():
            if (
                1 in (ink.digits.labels[j], ink.digits.labels[i])
                or ink.digits.labels[j] == ink.digits.labels[i]
            ):
                continue
            place = _place(rng, ink.digits, j, box, centre, height * rng.uniform(1.0, 1.15), 0.95)
            other = _stroke(rng, ink.digits, j, place, shape, half * rng.uniform(1.0, 1.4))
            both = np.maximum(digit, other)
            if both.sum() > 1.75 * max(amount, float(other.sum())):
                return both
    cover = digit
    for _ in range(5):
        j = int(rng.integers(len(ink.scribbles)))
        size = max(0.7, min(1.1, height * rng.uniform(1.2, 1.5)))
        place = _spread(rng, box, centre, size)
        cover = np.maximum(cover, _stroke(rng, ink.scribbles, j, place, shape, half * rng.uniform(0.9, 1.5)))
        if cover.sum() > 2.1 * amount:
            break
    return cover


def _write(rng: Rng, page: F32, ink: Ink, kind: int, box: Box, hand: dict[str, float]) -> tuple[int, float]:
    """Write one thing into a box on the page. Returns its class and its height (share of the box)."""
    digits, typed = ink.digits, "type" in hand
    height = float(np.clip(rng.normal(hand["size"], 0.06), 0.3, 0.97))
    off = rng.normal(0, 0.05, 2) + (1 - height) * rng.uniform(-0.28, 0.28, 2)
    if box.height > 1.4 * box.width:  # a tall box leaves room to write high or low
        off[1] += rng.uniform(-0.18, 0.18)
    if kind == CROSSED:
        height = max(height, 0.5)
    elif typed:
        height, off = hand["size"], np.array([rng.normal(0, 0.03), hand["type"]])
    over = hand.get("over", 0.0)  # a little over the edge, never half outside
    reach = np.array([max(0.04, 0.5 - 0.33 * height) + over, max(0.0, 0.5 - 0.5 * height) + over])
    off = np.clip(off, -reach, reach)
    centre = box.along(0.5 + float(off[0]), 0.5 + float(off[1]))
    half = hand["pen"] * float(np.exp(rng.normal(0, 0.1)))
    shape = (page.shape[0], page.shape[1])
    if kind == MARK:
        i = int(rng.integers(len(ink.marks)))
        size = float(np.clip(rng.normal(0.72, 0.14), 0.35, 1.05))
        half = max(half, 1.0)  # a dot is more than a speck
        cover = _stroke(rng, ink.marks, i, _spread(rng, box, centre, size), shape, half)
    elif typed:
        i = int(rng.integers(len(digits)))
        cover = _stroke(rng, digits, i, _type(rng, digits, i, box, centre, height), shape, hand["pen"], 0.0)
    else:
        i = int(rng.integers(len(digits)))
        # a pen is never so wide that a small digit closes up
        half = min(half, 0.062 * height * min(box.height, 1.4 * box.width))
        place = _place(rng, digits, i, box, centre, height, 0.78 + over)
        if digits.labels[i] != 1:
            half = min(half, 0.11 * float(place[0, 0]) * float(digits.boxes[i, 2] - digits.boxes[i, 0]))
        cover = _stroke(rng, digits, i, place, shape, half)
        if kind == CROSSED:
            cover = _cancel(rng, ink, i, box, centre, height, cover, half)
    if hand["skip"] > 0:
        cover = cover * np.clip(1 - hand["skip"] * np.abs(smooth(rng, shape, 14)), 0.35, 1)
    page *= 1 - cover * np.float32(hand["dark"])
    return (int(digits.labels[i]) if kind < 10 else kind), height


def _hand(rng: Rng, level: int = 0) -> dict[str, float]:
    """Pen and habit of one writer: darkness (share of light taken away), half width, size, skipping.

    Ball pens are 2 to 6 % of a box wide, felt pens up to 14 %, pencils and dry pens faint.
    """
    u = rng.uniform
    pen = pick(rng, (0.52, 0.2, 0.13, 0.15))
    dark = (u(0.6, 1.0), u(0.6, 1.0), u(0.25 if level else 0.32, 0.5), u(0.4, 0.65))[pen]
    full = (u(0.025, 0.065), u(0.06, 0.14), u(0.03, 0.065), u(0.025, 0.05))[pen]
    small = rng.random() < LEVEL[level].small
    return {
        "dark": float(dark),
        "pen": float(full * SQUARE / 2),
        "size": float(u(0.34, 0.47) if small else np.clip(rng.normal(0.67, 0.12), 0.45, 0.95)),
        "skip": float(u(0.05, 0.35)) if rng.random() < (0.5 if pen == 2 else 0.1) else 0.0,
        "over": float(max(0.0, rng.normal(-0.02, 0.05 + 0.02 * level))),
    }


def _machine(rng: Rng) -> dict[str, float]:
    """A printer instead of a hand: even, dark, all digits on one line."""
    return {
        "dark": float(rng.uniform(0.55, 1.0)),
        "pen": float(
            rng.uniform(0.0, 2.5 if rng.random() < 0.9 else 5.0)
        ),  # solid: only the spread of the ink
        "size": float(rng.uniform(0.36, 0.8) if rng.random() < 0.85 else rng.uniform(0.8, 1.0)),
        "skip": float(rng.uniform(0.05, 0.3)) if rng.random() < 0.15 else 0.0,
        "type": float(rng.normal(0, 0.05)),
    }


def _degrade(rng: Rng, page: F32, ink: F32 | None, level: Level, tall: float, least: float) -> U8 | None:
    """Photograph a drawn box: resolution, blur, light, noise, copier threshold, JPEG.

    `ink` is the light that the writing took (None for an empty box), `tall` its height on the canvas, `least` the pixels that
    it needs in the photo. Returns None where the writing is too faint for the level.
    """
    h, w = page.shape
    u = rng.uniform
    low = min(1.0, max(level.box / SQUARE, least / tall))
    # the canvas is no finer than 49 pixels: what is sharper in a finer photo is lost in the cell anyway
    shrink = min(1.0, float(np.exp(u(np.log(low), np.log(1.85)))))
    size = (max(8, round(w * shrink)), max(8, round(h * shrink)))
    parts = [page] if ink is None else [page, ink]
    if shrink < 1:
        parts = [cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in parts]
    if rng.random() < 0.5:
        sigma = u(0.3, max(0.45, level.blur * tall * shrink))
        parts = [cv2.GaussianBlur(v, (0, 0), sigma) for v in parts]
    if level.dim and rng.random() < 0.08:
        kernel = np.full((1, int(max(2, round(u(0.05, 0.14) * tall * shrink)))), 1.0, np.float32)
        kernel = (kernel if rng.random() < 0.5 else kernel.T) / kernel.size
        parts = [cv2.filter2D(v, -1, kernel, borderType=cv2.BORDER_REPLICATE) for v in parts]
    img = parts[0]
    bright = float(np.sort(img, axis=None)[int(0.8 * img.size)])
    depth = 0.5 * bright
    if ink is not None:  # what is left of the stroke's contrast
        depth = float(parts[1][parts[1] > 0.4 * parts[1].max()].mean())
    if rng.random() < level.dim:
        gain = u(0.45, 0.9)
        img, depth = img * np.float32(gain) + np.float32(u(0, 40)), depth * gain
    elif rng.random() < 0.3:
        img = FULL * np.clip(img / FULL, 0, 1) ** np.float32(u(0.7, 1.5))
    if depth < level.depth:
        return None
    cut = rng.random() < level.bilevel
    sigma = min(rng.exponential(level.noise), (0.6 if cut else 1.0) * level.grain * depth)
    img = img + rng.standard_normal(img.shape, np.float32) * np.float32(sigma)
    if cut:
        y, x = img.shape[0] // 4, img.shape[1] // 4
        paper = img if ink is None else img + parts[1]
        bright = float(np.median(paper[y:-y, x:-x]))  # where the writing is
        img = np.where(img > np.float32(bright - depth * u(0.35, 0.65)), np.float32(FULL), np.float32(0))
        if rng.random() < 0.5:
            img = cv2.GaussianBlur(img, (0, 0), u(0.3, 0.8))
    if rng.random() < level.salt and min(img.shape) >= 24:  # in coarser pictures a speck is as large as a dot
        salt, rate = rng.random(img.shape), u(0.001, 0.005)
        img = np.where(salt < rate, np.float32(0), np.where(salt > 1 - rate, np.float32(FULL), img))
    out: U8 = np.clip(img, 0, FULL).astype(np.uint8)
    if rng.random() < 0.7 and not cut:
        code = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(level.quality, 96))])[1]
        out = np.asarray(cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), np.uint8)
    return out


def _cut(rng: Rng, img: U8) -> U8:
    """The cell as the reader cuts it: a box far from square around its ink, then 64 x 64 pixels."""
    h, w = img.shape
    if max(w / h, h / w) >= 1.3:
        x, y = w * MARGIN / (1 + 2 * MARGIN), h * MARGIN / (1 + 2 * MARGIN)
        quad = np.array([[[x, y], [w - x, y], [w - x, h - y], [x, h - y]]])
        (x0, y0), (x1, y1) = tighten(Pyramid(img), quad)[0][[0, 2]]
        mx, my = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
        part = img[max(0, round(y0 - my)) : round(y1 + my) + 1, max(0, round(x0 - mx)) : round(x1 + mx) + 1]
        img = part if min(part.shape) > 3 else img
    how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[int(rng.random() < 0.25)]
    if min(img.shape) >= SIZE:
        how = cv2.INTER_AREA
    return cv2.resize(img, (SIZE, SIZE), interpolation=how)  # type: ignore[return-value]


def make_cell(
    rng: Rng, ink: Ink, kind: int, level: int, typed: float = 0.17, levels: tuple[Level, ...] = LEVEL
) -> tuple[U8, int]:
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
    typed : float
        Share of digits that a machine prints, if the ink has any.
    levels : tuple of Level
        What the three levels are.

    Returns
    -------
    tuple
        uint8 [64, 64] and its class.
    """
    while True:
        made = _try_cell(rng, ink, kind, level, typed, levels)
        if made is not None:
            return made


def _try_cell(
    rng: Rng, ink: Ink, kind: int, level: int, typed: float, levels: tuple[Level, ...]
) -> tuple[U8, int] | None:
    """One cell, or None if the writing came out too faint to be read."""
    strength = levels[level]
    shape, box = _canvas(rng, strength.slack)
    machine = kind == 0 and ink.printed is not None and rng.random() < typed
    hand = _machine(rng) if machine else _hand(rng, level)
    page = make_paper(rng, shape, box, level, 0.3 * hand["dark"])
    if machine and ink.printed is not None:
        font = 10 * int(rng.integers(len(ink.printed) // 10))
        ink = Ink(ink.printed.take(np.arange(font, font + 10)), ink.marks, ink.scribbles)
    bare = machine and rng.random() < 0.4  # printed numbers often have no boxes
    printed_first = rng.random() < 0.9
    if printed_first and not bare:
        print_edges(rng, page, box)
    pitch = 1.0 + (rng.uniform(0.0, 0.2) if rng.random() < 0.5 else 0.0)
    for dx, dy, chance in ((-pitch, 0.0, 0.5), (pitch, 0.0, 0.5), (0.0, -pitch, 0.15), (0.0, pitch, 0.15)):
        if rng.random() < chance and not (machine and dy):
            step = np.array([dx * box.width, dy * box.height], np.float32)
            beside = Box(box.corners + step, box.width, box.height)
            _write(rng, page, ink, MARK if rng.random() < 0.2 and not machine else 0, beside, hand)
    before = page.copy()
    label, height = (BLANK, 1.0) if kind == BLANK else _write(rng, page, ink, kind, box, hand)
    written = None if kind == BLANK else before - page
    if not printed_first and not bare:
        print_edges(rng, page, box)
    tall = height * min(box.height, 1.2 * box.width)
    if kind in (BLANK, MARK):
        tall = 0.6 * SQUARE
    least = strength.tall * (1.0, 1.4)[kind == CROSSED]
    photo = _degrade(rng, page, written, strength, tall, least)
    return None if photo is None else (_cut(rng, photo), label)


def make_cells(
    n: int,
    seed: int,
    ink: Ink,
    level: int | None = None,
    digits_only: bool = False,
    typed: float = 0.17,
    shares: tuple[float, ...] = tuple(v.share for v in LEVEL),
) -> tuple[U8, npt.NDArray[np.int64]]:
    """Make `n` cells: three quarters digits, the rest blank, mark, seldom crossed (or digits only).

    Without a level they are for training: all three levels in these shares, as `TRAINED` has them.

    Returns
    -------
    tuple
        uint8 [n, 64, 64] and classes [n].
    """
    rng = np.random.default_rng(seed)
    cells = np.empty((n, SIZE, SIZE), np.uint8)
    labels = np.empty(n, np.int64)
    for i in range(n):
        kind = 0 if digits_only else (0, BLANK, MARK, CROSSED)[pick(rng, MIX)]
        if level is None:
            cells[i], labels[i] = make_cell(rng, ink, kind, pick(rng, shares), typed, TRAINED)
        else:
            cells[i], labels[i] = make_cell(rng, ink, kind, level, typed)
    return cells, labels
