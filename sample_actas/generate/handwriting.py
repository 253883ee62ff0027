"""Handwriting: real digits (MNIST's test images) in the hand of one writer, and marks and words drawn by us (`letters`).

A writer is a choice: one shape for each digit with its nearest neighbours, one slant, one pen, one size. The 1 with a
serif and the 7 with a bar, as many people write them in Latin America, are MNIST's with strokes added.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_actas.generate.letters import UNIT, write

Mask = NDArray[np.float32]  # ink, 0 to 1
UP = 8  # MNIST's 28 pixels are enlarged so often before anything is done to them


@dataclass(frozen=True)
class Digits:
    """MNIST's test digits, upright. `thickness` is the rank of each image's stroke, 0 thinnest to 1."""

    images: NDArray[np.float32]  # (n, 28, 28), 0 to 1
    labels: NDArray[np.uint8]
    thickness: NDArray[np.float64]
    oddness: NDArray[np.float64]  # rank of the distance from the digit's mean shape, 0 most usual to 1

    @classmethod
    def load(cls, folder: Path) -> Digits:
        """Read ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, plain or gzipped."""
        raw = np.frombuffer(_read(folder, "t10k-images-idx3-ubyte"), np.uint8, offset=16).reshape(-1, 28, 28)
        labels = np.frombuffer(_read(folder, "t10k-labels-idx1-ubyte"), np.uint8, offset=8)
        images = np.stack([_upright(image.astype(np.float32) / 255) for image in raw])
        ink = images > 0.5
        inner = np.stack([cv2.erode(i.astype(np.uint8), np.ones((3, 3), np.uint8)) for i in ink])
        wide = inner.sum((1, 2)) / np.maximum(ink.sum((1, 2)), 1)
        thickness, oddness = np.empty(len(wide)), np.empty(len(wide))
        for digit in range(10):
            which = np.flatnonzero(labels == digit)
            far = ((images[which] - images[which].mean(0)) ** 2).sum((1, 2))
            for rank, value in ((thickness, wide[which]), (oddness, far)):
                rank[which[np.argsort(value, kind="stable")]] = np.linspace(0, 1, len(which))
        return cls(images, labels, thickness, oddness)


def _read(folder: Path, name: str) -> bytes:
    plain, packed = folder / name, folder / f"{name}.gz"
    return gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()


def _upright(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Undo the image's own slant, so that the writer's takes its place."""
    m = cv2.moments(image)
    skew = m["mu11"] / m["mu02"] if m["mu02"] > 1e-3 else 0.0
    turn = np.float32([[1, skew, -skew * 14], [0, 1, 0]])
    return np.asarray(
        cv2.warpAffine(image, turn, (28, 28), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    ).clip(0, 1)


class Writer:
    """One person's hand. Everything random comes from `rng`, so the same seed writes the same.

    The tenth of the images that lie farthest from their digit's mean shape is left out (among them are some that nobody
    can tell); a tidy writer keeps to the nearest quarter. No reader has a say in either.
    """

    def __init__(self, digits: Digits, rng: np.random.Generator, tidy: bool = False) -> None:
        self.rng = rng
        self.digits = digits
        self.slant = rng.uniform(-0.05, 0.32)
        self.height = rng.uniform(0.58, 0.8)  # of the box
        self.width = rng.uniform(0.88, 1.12)
        self.lift = rng.uniform(-0.03, 0.05)  # of the box, how far off its middle
        self.stroke = rng.uniform(-0.16, 0.06)  # threshold: above 0 is thicker
        self.serif = rng.random() < 0.55
        self.crossed = rng.random() < 0.6
        self.capitals = rng.random() < 0.45
        self.ink = _ink(rng)
        pen = rng.uniform(0.1, 0.75)
        self.letters = rng.uniform(0.8, 1.0)
        usual = digits.oddness < (0.25 if tidy else 0.9)
        self.shapes = [self._shapes(digit, pen, usual) for digit in range(10)]

    def _shapes(self, digit: int, pen: float, usual: NDArray[np.bool_]) -> NDArray[np.intp]:
        """One image of the digit in about this pen, and those most like it."""
        near = np.abs(self.digits.thickness - pen) < 0.1
        which = np.flatnonzero((self.digits.labels == digit) & near & usual)
        chosen = self.digits.images[self.rng.choice(which)]
        far = ((self.digits.images[which] - chosen) ** 2).sum((1, 2))
        return which[np.argsort(far, kind="stable")[:6]]

    def digit(self, digit: int, box: tuple[float, float]) -> Mask:
        """The digit as ink on an array of the size of the box (width, height in pixels)."""
        image = self.digits.images[self.rng.choice(self.shapes[digit])]
        big = cv2.resize(image, None, fx=UP, fy=UP, interpolation=cv2.INTER_CUBIC)
        big = cv2.GaussianBlur(big, (0, 0), UP * 0.45)
        ink = np.clip((big - 0.42 + self.stroke) / 0.16 + 0.5, 0, 1).astype(np.float32)
        pad = 40
        ink = cv2.copyMakeBorder(ink, pad, pad, pad, pad, cv2.BORDER_CONSTANT)
        if digit == 1 and self.serif:
            _add_serif(ink, self.rng)
        if digit == 7 and self.crossed:
            _add_bar(ink, self.rng)
        return self._place(_crop(ink), box)

    def _place(self, ink: Mask, box: tuple[float, float]) -> Mask:
        """Lean, size and set the ink into the box, a little differently each time."""
        w, h = box
        slant = self.slant + self.rng.normal(0, 0.035)
        turn = np.deg2rad(self.rng.normal(0, 2.0))
        height = h * min(max(self.height + self.rng.normal(0, 0.03), 0.5), 0.86)
        scale_y = height / ink.shape[0]
        scale_x = scale_y * self.width * (1 + self.rng.normal(0, 0.04))
        span = ink.shape[1] * scale_x + abs(slant) * height
        if span > 0.84 * w:
            scale_x *= 0.84 * w / span
        lean = np.array([[1, -slant], [0, 1]]) @ np.diag([scale_x, scale_y])
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ lean
        middle = np.array(
            [w * (0.5 + self.rng.normal(0, 0.035)), h * (0.5 + self.lift + self.rng.normal(0, 0.025))]
        )
        return _stamp(ink, matrix, middle, (round(w), round(h)))

    def mark(self, kind: str, box: tuple[float, float]) -> Mask:
        """What stands in a box that is not needed: ``x``, ``dash`` or ``dot``."""
        w, h = round(box[0]), round(box[1])
        ink = np.zeros((h, w), np.float32)
        thick = max(1.5, h * 0.07 * (1 + self.stroke))
        cx, cy = (np.array((w, h)) * (0.5 + self.rng.normal(0, 0.03, 2))).tolist()
        if kind == "dot":
            r = h * self.rng.uniform(0.05, 0.1)
            _line(ink, [(cx - r * 0.5, cy), (cx + r * 0.4, cy + r * 0.3)], r * 1.6)
        elif kind == "dash":
            a = w * self.rng.uniform(0.2, 0.28)
            tilt = self.rng.normal(0, 0.06) * h
            _line(ink, [(cx - a, cy + tilt), (cx, cy - 0.02 * h), (cx + a, cy - tilt)], thick)
        elif kind == "x":
            a, b = h * self.rng.uniform(0.2, 0.3), w * self.rng.uniform(0.2, 0.28)
            for s in (-1, 1):
                j = self.rng.normal(0, 0.03, 4) * h
                _line(
                    ink,
                    [(cx - b + j[0], cy - s * a + j[1]), (cx, cy), (cx + b + j[2], cy + s * a + j[3])],
                    thick,
                )
        else:
            raise ValueError(f"there is no mark {kind!r}")
        return cv2.GaussianBlur(ink, (0, 0), 0.6)

    def words(self, text: str, size: tuple[float, float]) -> Mask:
        """A line of text in a running hand or in capitals, on an array of that size (width, height in pixels)."""
        w, h = round(size[0]), round(size[1])
        plain = _ascii(text)
        ink = write(plain.upper() if self.capitals else plain, self.rng, 1.0 + 2 * self.stroke)
        rows, columns = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]].astype(np.float32)
        phase = self.rng.uniform(0, 6.28, 4)
        wave = 5 * np.sin(columns / 90 + phase[0]) + 2.5 * np.sin(columns / 31 + phase[1])
        sway = 4 * np.sin(columns / 47 + phase[2]) + 3 * np.sin(rows / 40 + phase[3])
        ink = cv2.remap(
            ink, columns + sway.astype(np.float32), rows + wave.astype(np.float32), cv2.INTER_LINEAR
        )
        ink = ink[
            UNIT : 15 * UNIT, np.flatnonzero(ink.max(0) > 0.3)[0] :
        ]  # two steps above the capitals to below the tails
        scale = min(h * self.letters / ink.shape[0], w * 0.96 / ink.shape[1])
        slant = self.slant * 0.7
        matrix = np.array([[1, -slant], [0, 1]]) * scale
        wide = ink.shape[1] * scale + abs(slant) * ink.shape[0] * scale
        left = self.rng.uniform(0.01, max(0.012, min(0.25, 0.98 - wide / w)))
        return _stamp(ink, matrix, np.array([left * w + wide / 2, h * 0.52]), (w, h))

    def signature(self, size: tuple[float, float]) -> Mask:
        """A flourish that spells nobody's name."""
        w, h = round(size[0]), round(size[1])
        ink = np.zeros((h, w), np.float32)
        loops = int(self.rng.integers(5, 10))
        t = np.linspace(0, 1, 40 * loops)
        x = w * (0.15 + 0.6 * t) + w * 0.05 * np.cos(2 * np.pi * loops * t + self.rng.uniform(0, 6))
        reach = np.interp(t, np.linspace(0, 1, 6), self.rng.uniform(0.08, 0.38, 6))
        y = h * (0.5 + reach * np.sin(2 * np.pi * loops * t)) + h * 0.1 * (0.5 - t)
        _line(ink, list(zip(x.tolist(), y.tolist(), strict=True)), max(1.2, h * 0.03))
        tail = [(w * 0.12, h * 0.8), (w * 0.5, h * 0.7), (w * self.rng.uniform(0.75, 0.9), h * 0.55)]
        _line(ink, tail, max(1.2, h * 0.03))
        return cv2.GaussianBlur(ink, (0, 0), 0.6)


def _ink(rng: np.random.Generator) -> tuple[int, int, int]:
    """Blue or black ballpoint, as blue, green, red."""
    if rng.random() < 0.62:
        base = (150, 62, 34) if rng.random() < 0.6 else (128, 40, 40)
    else:
        base = (44, 40, 38)
    lighter = rng.normal(0, 9)
    b, g, r = (int(np.clip(c + lighter + rng.normal(0, 2), 8, 190)) for c in base)
    return b, g, r


def _line(ink: Mask, points: list[tuple[float, float]], width: float) -> None:
    """A stroke of a fractional width, drawn four times as large."""
    k = 4
    big = np.zeros((ink.shape[0] * k, ink.shape[1] * k), np.uint8)
    path = np.rint(np.array(points) * k).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(big, [path], False, 255, max(1, round(width * k)), cv2.LINE_AA)
    np.maximum(
        ink,
        cv2.resize(big, (ink.shape[1], ink.shape[0]), interpolation=cv2.INTER_AREA) / np.float32(255),
        out=ink,
    )


def _pen_width(ink: Mask) -> float:
    """The stroke's width, from how deep its inside lies."""
    depth = cv2.distanceTransform((ink > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    inside = depth[depth > 0]
    return float(np.percentile(inside, 85) * 2) if inside.size else 4.0


def _add_serif(ink: Mask, rng: np.random.Generator) -> None:
    """The flag at the top of a 1 and, at times, the foot."""
    rows, columns = np.nonzero(ink > 0.5)
    top, bottom = rows.min(), rows.max()
    height, pen = bottom - top, _pen_width(ink)
    head = columns[rows < top + 0.12 * height].max() - pen / 2
    reach = height * rng.uniform(0.22, 0.34)
    start, end = (head, top + pen / 2), (head - reach, top + pen / 2 + reach * rng.uniform(0.7, 1.1))
    _line(ink, [start, end], pen * 0.9)
    if rng.random() < 0.35:
        foot = columns[rows > bottom - 0.12 * height].mean()
        a = height * rng.uniform(0.16, 0.24)
        _line(ink, [(foot - a, bottom - pen / 2), (foot + a, bottom - pen / 2)], pen * 0.9)


def _add_bar(ink: Mask, rng: np.random.Generator) -> None:
    """The bar through the stem of a 7."""
    rows, columns = np.nonzero(ink > 0.5)
    top, bottom = rows.min(), rows.max()
    height, pen = bottom - top, _pen_width(ink)
    y = top + height * rng.uniform(0.5, 0.58)
    stem = columns[np.abs(rows - y) < 3]
    x = float(stem.mean()) if stem.size else float(columns.mean())
    a = height * rng.uniform(0.2, 0.28)
    tilt = height * rng.uniform(-0.03, 0.05)
    _line(ink, [(x - a, y + tilt), (x + a, y - tilt)], pen * 0.85)


def _crop(ink: Mask) -> Mask:
    rows, columns = np.nonzero(ink > 0.3)
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _stamp(
    ink: Mask, matrix: NDArray[np.float64], middle: NDArray[np.float64], size: tuple[int, int]
) -> Mask:
    """The ink, transformed about its middle, set at `middle` of an array of that size."""
    k = 3  # three times as large, then averaged: strokes keep soft edges
    centre = np.array([ink.shape[1], ink.shape[0]]) / 2
    move = np.hstack([matrix * k, ((middle - matrix @ centre) * k)[:, None]])
    shrink = min(1.0, float(np.linalg.norm(matrix * k, 2)))
    soft = cv2.GaussianBlur(ink, (0, 0), 0.45 / shrink) if shrink < 1 else ink
    big = cv2.warpAffine(soft, move, (size[0] * k, size[1] * k), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(big, size, interpolation=cv2.INTER_AREA), np.float32)


def _ascii(text: str) -> str:
    """Without accents: people leave them out."""
    return text.translate(str.maketrans("áéíóúñüÁÉÍÓÚÑ", "aeiounuAEIOUN"))


UNITS = (
    "cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete",
    "ocho", "nueve", "diez", "once", "doce", "trece", "catorce", "quince",
    "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "veintiuno", "veintidós", "veintitrés",
    "veinticuatro", "veinticinco", "veintiséis", "veintisiete", "veintiocho", "veintinueve",
)  # fmt: skip
TENS = ("", "", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa")
HUNDREDS = (
    "", "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos", "setecientos", "ochocientos", "novecientos",
)  # fmt: skip


def in_words(n: int) -> str:
    """A number from 0 to 999 in Spanish.

    >>> in_words(244)
    'doscientos cuarenta y cuatro'
    """
    if n == 100:
        return "cien"
    hundreds, rest = divmod(n, 100)
    parts = [HUNDREDS[hundreds]] if hundreds else []
    if rest and rest < 30:
        parts.append(UNITS[rest])
    elif rest:
        tens, units = divmod(rest, 10)
        parts.append(TENS[tens] + (f" y {UNITS[units]}" if units else ""))
    return " ".join(parts) or UNITS[0]
