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

from ocr.train.styles import STYLES, mark, scribble

SIDE = 56
"""Width and height of a field in pixels."""
UNIT = 8.0
"""Field values per pixel of distance."""

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


HOLES = {0: 1, 1: 0, 3: 0, 4: 0, 5: 0, 6: 1, 7: 0, 8: 2, 9: 1}
"""Loops of a digit as most people write it; a 2 has one or none."""


def _loops(ink: npt.NDArray[np.bool_]) -> int:
    """Number of loops: pieces of paper that ink encloses, but for specks."""
    sizes = cv2.connectedComponentsWithStats((~ink).astype(np.uint8), connectivity=4)[2][1:, cv2.CC_STAT_AREA]
    return int((sizes >= 3).sum()) - 1


def _ink(image: U8, label: int) -> npt.NDArray[np.bool_]:
    """Ink of a grey image [56, 56], at the threshold that keeps its loops: a fixed one fills small loops and opens faint ones.

    Thinned, an 8 with a filled loop is a 6, and a 4 whose top has closed is a 9.
    """
    best = image > 110
    wanted = HOLES.get(label)
    if wanted is None:
        return best
    gap = abs(_loops(best) - wanted)
    pieces = cv2.connectedComponents(best.astype(np.uint8), connectivity=8)[0]
    for level in (130, 90, 150, 75, 175, 200):
        if gap == 0:
            break
        mask = image > level
        off = abs(_loops(mask) - wanted)
        if off < gap and cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] <= pieces:
            best, gap = mask, off
    return best


def _traceable(mask: npt.NDArray[np.bool_], path: npt.NDArray[np.bool_], label: int) -> bool:
    """Whether the path is what the pen drew: where a loop has filled with ink it is lost, and a 6 thins to an L."""
    half = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1][path]
    if not len(half):
        return False
    lost = _loops(path) < HOLES.get(label, 0)
    return bool(
        half.max() <= (1.2 if lost else 1.8) * np.median(half) + 0.7 and not (lost and half.max() > 4.5)
    )


def from_images(images: U8, labels: npt.NDArray[np.int64], thinned: bool) -> Glyphs:
    """Turn grey images (ink bright) into glyphs, as written or thinned to the path of the pen (those that have one)."""
    out = []
    for start in range(0, len(images), 4000):
        part = labels[start : start + 4000]
        big = np.array([
            _ink(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), label)
            for image, label in zip(images[start : start + 4000], part.tolist(), strict=True)
        ])  # fmt: skip
        if thinned:
            paths = thin(big)
            keep = np.array([_traceable(*each) for each in zip(big, paths, part.tolist(), strict=True)])
            out.append(from_masks(paths[keep], part[keep]))
        else:
            out.append(from_masks(big, part, True))
    return join(out)


def _whole(image: U8) -> npt.NDArray[np.bool_]:
    """Ink of a drawn digit [56, 56], at the highest threshold that does not break a hairline."""

    def pieces(level: int) -> int:
        return cv2.connectedComponents((image > level).astype(np.uint8), connectivity=8)[0]

    fewest = pieces(30)
    return image > next(level for level in (110, 85, 60, 30) if pieces(level) <= fewest or level == 30)


def from_fonts(paths: list[Path], thinned: bool) -> Glyphs:
    """Draw the ten digits of each font; digits that a font lacks are left out."""
    masks, labels = [], []
    for path in paths:
        try:
            font = ImageFont.truetype(str(path), 60)
        except OSError:
            continue
        for digit in range(10):
            page = Image.new("L", (160, 160))
            ImageDraw.Draw(page).text((40, 40), str(digit), fill=255, font=font)
            box = page.getbbox()
            if box is None or box[2] - box[0] < 3 or box[3] - box[1] < 10:
                continue
            page = page.crop(box)
            scale = (SIDE - 10) / max(page.size)
            small = page.resize(
                (max(2, round(page.width * scale)), max(2, round(page.height * scale))),
                Image.Resampling.LANCZOS,
            )
            canvas = np.zeros((SIDE, SIDE), np.uint8)
            oy, ox = (SIDE - small.height) // 2, (SIDE - small.width) // 2
            canvas[oy : oy + small.height, ox : ox + small.width] = np.array(small)
            masks.append(_whole(canvas))
            labels.append(digit)
    big = np.array(masks)
    return from_masks(thin(big) if thinned else big, np.array(labels, np.int64), not thinned)


_MATRIX = (
    "0E11131519110E", "040C040404040E", "0E11010204081F", "1F02040201110E", "02060A121F0202",
    "1F101E0101110E", "0608101E11110E", "1F010204080808", "0E11110E11110E", "0E11110F01020C",
)  # fmt: skip
"""The usual 5 x 7 dots of needle and receipt printers: seven rows of five bits for each digit."""


def dot_matrix(fonts: int, rng: np.random.Generator) -> Glyphs:
    """Digits of needle printers, ten of each "font": dots apart, touching, or run together to strokes."""
    masks = []
    for _ in range(fonts):
        radius, plain = rng.uniform(0.36, 0.62), rng.random() < 0.5
        stretch = rng.uniform(0.75, 1.0)
        for code in _MATRIX:
            mask = np.zeros((SIDE, SIDE), np.uint8)
            for y, row in enumerate(bytes.fromhex(code)):
                for x in range(5):
                    bit = row >> (4 - x) & 1
                    if code == _MATRIX[0] and plain and (x, y) in ((3, 2), (2, 3), (1, 4)):
                        bit = 0  # a zero without its slash
                    if bit:
                        at = (SIDE / 2 + (x - 2) * 7 * stretch, SIDE / 2 + (y - 3) * 7)
                        cv2.circle(
                            mask, tuple(round(v * 16) for v in at), round(radius * 7 * 16), 1, -1, 8, 4
                        )
            masks.append(mask > 0)
    return from_masks(np.array(masks), np.tile(np.arange(10), fonts), True)


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
    return from_masks(np.array([draw(mark(rng), rng, 0.03) for _ in range(n)]), np.full(n, label, np.int64))


def scribbles(n: int, rng: np.random.Generator, label: int) -> Glyphs:
    """Strokes that cancel what is written below them."""
    return from_masks(
        np.array([draw(scribble(rng), rng, 0.05) for _ in range(n)]), np.full(n, label, np.int64)
    )
