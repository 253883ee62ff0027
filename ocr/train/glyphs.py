"""Strokes to write into synthetic cells: handwriting data sets, fonts, and hand-made Latin styles.

Every glyph is kept as a *distance field*: a 56 x 56 picture whose value is the distance in pixels (times 8) to the
nearest point of the pen's path. Any pen width can be drawn from it, and two fields are overlaid by their minimum.
"""

import gzip
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

SIDE = 56
"""Width and height of a field in pixels."""
UNIT = 8.0
"""Field values per pixel of distance."""
SLASH_LIMIT = 0.8
"""A single stroke is a slash (mark) only if it leans at least this far (width over height) across the box."""

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Glyphs:
    """A collection of glyphs.

    Fields [n, 56, 56], boxes [n, 4] (x0, y0, x1, y1 of the path), labels [n], and whether the field is of the written
    stroke as wide as it is (solid) rather than of the pen's path.
    """

    fields: U8
    boxes: F32
    labels: npt.NDArray[np.int64]
    solid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: npt.NDArray[np.int64]) -> "Glyphs":
        """Return the glyphs at the given positions."""
        return Glyphs(self.fields[index], self.boxes[index], self.labels[index], self.solid[index])


def join(parts: list[Glyphs]) -> Glyphs:
    """Put several collections behind one another."""
    return Glyphs(
        np.concatenate([p.fields for p in parts]),
        np.concatenate([p.boxes for p in parts]),
        np.concatenate([p.labels for p in parts]),
        np.concatenate([p.solid for p in parts]),
    )


def read_mnist(folder: Path, part: str) -> tuple[U8, npt.NDArray[np.int64]]:
    """Read MNIST IDX files (plain or gzipped) from a folder.

    Parameters
    ----------
    folder : Path
        Folder that holds the four files, at any depth.
    part : str
        ``train`` or ``t10k``.

    Returns
    -------
    tuple
        Images [n, 28, 28], ink bright, and labels [n].
    """

    def load(stem: str, skip: int) -> U8:
        path = next(iter(sorted(folder.rglob(f"{part}-{stem}*ubyte*"))))
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return np.frombuffer(raw, np.uint8, offset=skip)

    return load("images", 16).reshape(-1, 28, 28), load("labels", 8).astype(np.int64)


def read_usps(path: Path) -> tuple[U8, npt.NDArray[np.int64]]:
    """Read USPS digits in the format of *The Elements of Statistical Learning* as 16 x 16 images, ink bright."""
    rows = np.array(
        [line.split() for line in gzip.decompress(path.read_bytes()).decode().splitlines()], float
    )
    return ((rows[:, 1:] + 1) * 127.5).astype(np.uint8).reshape(-1, 16, 16), rows[:, 0].astype(np.int64)


def thin(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Thin strokes to one pixel, many pictures at once (Zhang & Suen 1984, CACM 27(3):236-239)."""
    img = np.pad(masks, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    while True:
        before = int(img.sum())
        for step in (0, 1):
            p = img[:, 1:-1, 1:-1]
            p2, p3, p4 = img[:, :-2, 1:-1], img[:, :-2, 2:], img[:, 1:-1, 2:]
            p5, p6, p7 = img[:, 2:, 2:], img[:, 2:, 1:-1], img[:, 2:, :-2]
            p8, p9 = img[:, 1:-1, :-2], img[:, :-2, :-2]
            ring = (p2, p3, p4, p5, p6, p7, p8, p9)
            near = p2 + p3 + p4 + p5 + p6 + p7 + p8 + p9
            rises = sum(
                ((a == 0) & (b == 1)).astype(np.uint8) for a, b in zip(ring, (*ring[1:], p2), strict=True)
            )
            pair = (p2 * p4 * p6, p4 * p6 * p8) if step == 0 else (p2 * p4 * p8, p2 * p6 * p8)
            gone = (p == 1) & (near >= 2) & (near <= 6) & (rises == 1) & (pair[0] == 0) & (pair[1] == 0)
            img[:, 1:-1, 1:-1][gone] = 0
        if int(img.sum()) == before:
            return img[:, 1:-1, 1:-1].astype(bool)


def from_masks(masks: npt.NDArray[np.bool_], labels: npt.NDArray[np.int64], solid: bool = False) -> Glyphs:
    """Turn ink masks [n, 56, 56] into glyphs; empty ones are left out."""
    keep = masks.reshape(len(masks), -1).sum(1) > 1
    fields, boxes = [], []
    for mask in masks[keep]:
        dist = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
        fields.append(np.clip(dist * UNIT, 0, 255).astype(np.uint8))
        ys, xs = np.nonzero(mask)
        boxes.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    return Glyphs(np.array(fields), np.array(boxes, np.float32), labels[keep], np.full(len(fields), solid))


def from_images(images: U8, labels: npt.NDArray[np.int64], thinned: bool) -> Glyphs:
    """Turn grey images (ink bright) into glyphs, as written or thinned to the path of the pen."""
    out = []
    for start in range(0, len(images), 4000):
        part = images[start : start + 4000]
        big = np.array([cv2.resize(i, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for i in part]) > 110
        out.append(from_masks(thin(big) if thinned else big, labels[start : start + 4000], not thinned))
    return join(out)


def from_fonts(paths: list[Path], thinned: bool) -> Glyphs:
    """Draw the ten digits of each font; digits that a font lacks are left out."""
    masks, labels = [], []
    for path in paths:
        try:
            font = ImageFont.truetype(str(path), 60)
        except OSError:
            continue
        for digit in range(10):
            x0, y0, x1, y1 = font.getbbox(str(digit))
            if x1 - x0 < 3 or y1 - y0 < 10:
                continue
            page = Image.new("L", (int(x1 - x0) + 4, int(y1 - y0) + 4))
            ImageDraw.Draw(page).text((2 - x0, 2 - y0), str(digit), fill=255, font=font)
            scale = (SIDE - 10) / max(page.size)
            small = page.resize(
                (max(2, round(page.width * scale)), max(2, round(page.height * scale))),
                Image.Resampling.LANCZOS,
            )
            canvas = np.zeros((SIDE, SIDE), np.uint8)
            oy, ox = (SIDE - small.height) // 2, (SIDE - small.width) // 2
            canvas[oy : oy + small.height, ox : ox + small.width] = np.array(small)
            masks.append(canvas > 110)
            labels.append(digit)
    big = np.array(masks)
    return from_masks(thin(big) if thinned else big, np.array(labels, np.int64), not thinned)


# --- hand-made styles: each is a list of strokes, each stroke a list of (x, y) in a unit square, y downward ---


def _arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> list[tuple[float, float]]:
    turn = np.radians(np.linspace(start, end, 24))
    return [(cx + rx * float(np.cos(t)), cy + ry * float(np.sin(t))) for t in turn]


STYLES: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [
        [_arc(0.5, 0.5, 0.34, 0.48, -80, 280), [(0.2, 0.85), (0.8, 0.15)]],
        [_arc(0.5, 0.5, 0.36, 0.48, -100, 262)],
        [_arc(0.5, 0.5, 0.4, 0.42, -60, 270)],
        [_arc(0.5, 0.5, 0.45, 0.4, -110, 240)],
        [_arc(0.5, 0.5, 0.3, 0.46, -60, 310), [(0.62, 0.05), (0.78, 0.0)]],
    ],
    1: [
        [[(0.5, 0.0), (0.5, 1.0)]],
        [[(0.5, 0.0), (0.5, 1.0)]],
        [[(0.56, 0.0), (0.44, 1.0)]],
        [[(0.28, 0.25), (0.55, 0.0), (0.52, 1.0)]],
        [[(0.2, 0.4), (0.58, 0.0), (0.5, 1.0)]],
        [[(0.3, 0.22), (0.52, 0.0), (0.5, 1.0)], [(0.25, 1.0), (0.75, 1.0)]],
        [[(0.18, 0.42), (0.55, 0.0), (0.5, 1.0)], [(0.2, 0.98), (0.8, 1.0)]],
        [[(0.12, 0.55), (0.6, 0.0), (0.52, 1.0)]],
    ],
    2: [
        [[*_arc(0.5, 0.27, 0.35, 0.26, 190, 370), (0.6, 0.65), (0.15, 0.97)], [(0.15, 0.97), (0.88, 0.97)]],
        [
            [
                *_arc(0.5, 0.25, 0.33, 0.24, 200, 380),
                (0.45, 0.75),
                *_arc(0.24, 0.86, 0.14, 0.11, 0, 330),
                (0.5, 0.88),
                (0.9, 0.98),
            ]
        ],
        [
            [
                *_arc(0.55, 0.22, 0.3, 0.21, 190, 385),
                (0.5, 0.7),
                *_arc(0.3, 0.84, 0.26, 0.15, -20, -300),
                (0.6, 0.97),
                (1.0, 0.85),
            ]
        ],
        [
            [
                *_arc(0.5, 0.24, 0.28, 0.22, 170, 400),
                (0.3, 0.8),
                (0.12, 0.95),
                (0.3, 0.84),
                (0.6, 0.96),
                (0.92, 0.88),
            ]
        ],
        [[(0.15, 0.08), (0.75, 0.05), (0.7, 0.4), (0.15, 0.97), (0.85, 0.95)]],
        [
            [
                *_arc(0.52, 0.24, 0.26, 0.22, 150, 400),
                (0.5, 0.62),
                (0.34, 0.86),
                *_arc(0.22, 0.88, 0.15, 0.1, 20, 320),
                (0.5, 0.92),
                (0.72, 0.98),
                (0.95, 0.84),
            ]
        ],
        [
            [
                *_arc(0.42, 0.28, 0.12, 0.1, 60, -120),
                *_arc(0.55, 0.24, 0.28, 0.23, 200, 395),
                (0.42, 0.78),
                *_arc(0.26, 0.85, 0.2, 0.12, -10, -310),
                (0.55, 0.93),
                (0.92, 0.9),
            ]
        ],
        [
            [
                *_arc(0.5, 0.26, 0.32, 0.25, 180, 385),
                (0.52, 0.66),
                (0.3, 0.9),
                *_arc(0.22, 0.8, 0.12, 0.12, 60, 330),
                (0.48, 0.86),
                (0.78, 0.96),
                (1.0, 0.9),
            ]
        ],
    ],
    3: [
        [[*_arc(0.42, 0.26, 0.36, 0.25, 200, 440), *_arc(0.42, 0.74, 0.4, 0.25, -85, 150)]],
        [[(0.15, 0.03), (0.8, 0.03), (0.42, 0.42), *_arc(0.42, 0.7, 0.38, 0.28, -80, 150)]],
    ],
    4: [
        [[(0.3, 0.0), (0.12, 0.55), (0.9, 0.55)], [(0.68, 0.15), (0.64, 1.0)]],
        [[(0.25, 0.0), (0.22, 0.5), (0.75, 0.5)], [(0.75, 0.0), (0.75, 1.0)]],
        [[(0.65, 1.0), (0.65, 0.0), (0.08, 0.66), (0.92, 0.66)]],
        [[(0.15, 0.0), (0.18, 0.42), (0.5, 0.5), (0.8, 0.4)], [(0.82, 0.0), (0.76, 1.0)]],
        [[(0.5, 0.0), (0.1, 0.6), (0.88, 0.58)], [(0.6, 0.32), (0.5, 1.0)]],
    ],
    5: [
        [[(0.85, 0.03), (0.28, 0.04), (0.22, 0.42), *_arc(0.45, 0.68, 0.36, 0.3, -100, 150)]],
        [[(0.25, 0.05), (0.2, 0.42), *_arc(0.44, 0.68, 0.36, 0.3, -100, 150)], [(0.25, 0.05), (0.9, 0.0)]],
        [[(0.8, 0.05), (0.3, 0.05), (0.2, 0.45), (0.6, 0.42), (0.78, 0.62), (0.66, 0.9), (0.15, 0.97)]],
    ],
    6: [
        [[(0.75, 0.02), (0.4, 0.25), *_arc(0.5, 0.7, 0.34, 0.28, 185, -175)]],
        [[(0.55, 0.0), (0.3, 0.35), (0.2, 0.75), *_arc(0.47, 0.76, 0.27, 0.22, 180, -170)]],
        [[(0.3, 0.0), (0.22, 0.5), *_arc(0.5, 0.74, 0.3, 0.24, 180, -160)]],
    ],
    7: [
        [[(0.12, 0.05), (0.88, 0.03), (0.4, 1.0)]],
        [[(0.12, 0.05), (0.88, 0.03), (0.4, 1.0)], [(0.3, 0.5), (0.85, 0.48)]],
        [[(0.1, 0.2), (0.15, 0.03), (0.85, 0.05), (0.55, 0.5), (0.42, 1.0)], [(0.25, 0.52), (0.85, 0.46)]],
        [[(0.1, 0.15), (0.4, 0.04), (0.85, 0.02), (0.6, 1.0)]],
        [[(0.1, 0.04), (0.82, 0.04), (0.7, 1.0)], [(0.45, 0.45), (0.98, 0.45)]],
    ],
    8: [
        [_arc(0.5, 0.25, 0.28, 0.24, -90, 270), _arc(0.5, 0.74, 0.34, 0.26, -90, 270)],
        [[*_arc(0.5, 0.26, 0.3, 0.25, -20, -260), *_arc(0.5, 0.74, 0.34, 0.25, -80, 230), (0.78, 0.2)]],
        [
            [
                (0.78, 0.12),
                *_arc(0.5, 0.24, 0.27, 0.22, -60, -250),
                (0.66, 0.55),
                *_arc(0.48, 0.76, 0.28, 0.22, -30, 240),
                (0.8, 0.12),
            ]
        ],
        [_arc(0.5, 0.22, 0.22, 0.2, -90, 285), _arc(0.48, 0.72, 0.36, 0.28, -100, 260)],
    ],
    9: [
        [_arc(0.48, 0.27, 0.32, 0.26, 0, 360), [(0.8, 0.2), (0.76, 1.0)]],
        [_arc(0.48, 0.28, 0.32, 0.27, -20, 330), [(0.8, 0.15), (0.78, 0.75), (0.55, 0.98), (0.2, 0.9)]],
        [[(0.78, 0.12), *_arc(0.46, 0.3, 0.3, 0.26, -40, -350), (0.74, 0.3), (0.45, 1.0)]],
        [
            _arc(0.5, 0.25, 0.3, 0.24, 10, 370),
            [(0.8, 0.1), (0.82, 0.7), *_arc(0.5, 0.75, 0.3, 0.22, 10, 190), (0.5, 0.6)],
        ],
    ],
}


def _mark(rng: np.random.Generator) -> list[list[tuple[float, float]]]:
    """One mark that fills an empty box: X (most), dash, diagonal, dot, blob, tick, wave."""
    kind = rng.choice(8, p=[0.53, 0.2, 0.01, 0.08, 0.06, 0.03, 0.05, 0.04])
    if kind == 0:
        b, e = rng.normal(0, 0.06, 2), rng.normal(0, 0.07, 8)
        short = rng.uniform(0.0, 0.35) if rng.random() < 0.25 else 0.0
        return [
            [(e[0] + short, e[1] + short), (0.5 + b[0], 0.5 - b[0]), (1.0 + e[2], 1.0 + e[3])],
            [(1.0 + e[4], e[5]), (0.5 + b[1], 0.5 + b[1]), (e[6], 1.0 + e[7])],
        ]
    if kind == 1:
        return [[(0.0, 0.5), (0.5, 0.5 + rng.normal(0, 0.03)), (1.0, 0.5 + rng.normal(0, 0.08))]]
    if kind == 2:
        lean = rng.uniform(SLASH_LIMIT, 1.2) / 2
        return (
            [[(0.5 + lean, 0.0), (0.5 - lean, 1.0)]]
            if rng.random() < 0.3  # as a 1 leans: only where nothing else can be meant
            else [[(0.5 - lean, 0.0), (0.5 + lean, 1.0)]]
        )
    if kind == 3:
        return [[(0.5, 0.5), (0.5 + rng.normal(0, 0.03), 0.53)]]
    if kind == 4:
        turns = np.linspace(0, rng.uniform(4, 9) * np.pi, 60)
        radius = rng.uniform(0.05, 0.16) * rng.uniform(0.2, 1.0, 60)
        return [
            [
                (0.5 + float(r * np.cos(t)), 0.5 + float(r * np.sin(t)))
                for r, t in zip(radius, turns, strict=True)
            ]
        ]
    if kind == 5:
        return [[(0.1, 0.5), (0.35, 0.95), (1.0, 0.0)]]
    if kind == 6:
        return [[(0.0, 0.42), (1.0, 0.4)], [(0.02, 0.62), (0.98, 0.6)]]
    x = np.linspace(0, 1, 24)
    return [[(float(a), 0.5 + 0.12 * float(np.sin(a * 2 * np.pi))) for a in x]]


def _scribble(rng: np.random.Generator) -> list[list[tuple[float, float]]]:
    """What is drawn over a digit to cancel it: long lines, a cross, or a zigzag."""
    kind = rng.choice(4, p=[0.27, 0.22, 0.46, 0.05])
    if kind == 0:
        lines = []
        for _ in range(rng.integers(2, 5)):
            y, tilt = rng.uniform(0.25, 0.75), rng.normal(0, 0.18)
            lines.append([(rng.uniform(-0.1, 0.06), y - tilt), (rng.uniform(0.94, 1.1), y + tilt)])
        return lines
    if kind == 1:
        return [[(0.0, 0.02), (1.0, 0.98)], [(0.98, 0.0), (0.02, 1.0)], [(0.0, 0.4), (1.0, 0.55)]]
    if kind == 2:
        n = int(rng.integers(7, 18))
        along = np.linspace(0.02, 0.98, n)
        across = np.where(np.arange(n) % 2 == 0, rng.uniform(0.0, 0.3, n), rng.uniform(0.7, 1.0, n))
        pts = list(zip(along.tolist(), across.tolist(), strict=True))
        return [pts] if rng.random() < 0.5 else [[(y, x) for x, y in pts]]
    turns = np.linspace(0, rng.uniform(6, 12) * np.pi, 90)
    return [
        [
            (0.5 + float(rng.uniform(0.2, 0.45) * np.cos(t)), 0.5 + float(rng.uniform(0.2, 0.5) * np.sin(t)))
            for t in turns
        ]
    ]


def draw(
    strokes: list[list[tuple[float, float]]], rng: np.random.Generator, wobble: float
) -> npt.NDArray[np.bool_]:
    """Draw strokes as a mask [56, 56], every hand a little different."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    stretch, lean = rng.uniform(0.62, 1.0), rng.normal(0, 0.1)
    for stroke in strokes:
        pts = np.array(stroke, float)
        knots = np.linspace(0, len(pts) - 1, 4 * len(pts))
        fine = np.stack([np.interp(knots, np.arange(len(pts)), pts[:, k]) for k in (0, 1)], 1)
        bend = rng.normal(0, wobble, (3, 2))
        fine += np.stack(
            [np.interp(np.linspace(0, 2, len(fine)), np.arange(3), bend[:, k]) for k in (0, 1)], 1
        )
        if len(fine) > 8:
            kernel = np.ones(3) / 3
            for k in (0, 1):
                fine[1:-1, k] = np.convolve(fine[:, k], kernel, "valid")
        x = (fine[:, 0] - 0.5) * stretch - (fine[:, 1] - 0.5) * lean
        xy = np.stack([SIDE / 2 + x * 42, SIDE / 2 + (fine[:, 1] - 0.5) * 42], 1)
        cv2.polylines(mask, [np.round(xy * 8).astype(np.int32)], False, 1, 1, cv2.LINE_8, 3)
    return mask.astype(bool)


def handmade(each: int, rng: np.random.Generator) -> Glyphs:
    """Latin styles of the ten digits, `each` drawings per style."""
    masks, labels = [], []
    for digit, styles in STYLES.items():
        for style in styles:
            for _ in range(each):
                masks.append(draw(style, rng, 0.045))
                labels.append(digit)
    return from_masks(np.array(masks), np.array(labels, np.int64))


def marks(n: int, rng: np.random.Generator, label: int) -> Glyphs:
    """Marks that fill an empty box."""
    return from_masks(np.array([draw(_mark(rng), rng, 0.03) for _ in range(n)]), np.full(n, label, np.int64))


def scribbles(n: int, rng: np.random.Generator, label: int) -> Glyphs:
    """Strokes that cancel what is written below them."""
    return from_masks(
        np.array([draw(_scribble(rng), rng, 0.05) for _ in range(n)]), np.full(n, label, np.int64)
    )
