"""Machine-printed numbers in words, digit by digit ("Cero, Cinco, Cero, Siete"), and in figures.

Scanned thermal print runs together until a 5 looks like a 6; "Cinco" and "Seis" never look alike. So the words are
read by templates, which are drawn from the font that comes with Pillow, of the printers' own class of letters (a grotesque); the figures are
read by the digit network, or, once the words have told what some of them are, by their likeness to those. Nothing is learnt
from any other sheet.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocr.digits import default_reader
from ocr.focus import SIZE

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Figures = list[NDArray[np.uint8]]

SPANISH = ("Cero", "Uno", "Dos", "Tres", "Cuatro", "Cinco", "Seis", "Siete", "Ocho", "Nueve")
FIGURES = tuple("0123456789")
CAP = 20  # pixels: the height of a capital in what is read here
STROKES = (0.0, 0.025, 0.05, 0.075)  # of the size: by how much print may be fatter than the font
WIDTHS = tuple(np.arange(-0.25, 0.26, 0.05))  # logarithm of how much wider it may be
SHAPE = (64, 24)  # width and height to which words are brought before they are compared
BLUR = 1.5  # pixels of it
ASPECT = 0.5  # how much a wrong ratio of width to height weighs
SHARP = 0.025  # difference of likeness that makes one word e times as probable as another
LIKE = 0.01  # the same for figures against those of the same print, which are more alike
FOREIGN = 0.05  # added to what the network says beside them: it has not seen this printer
FLOOR = 2e-3  # probability left to all other words together: damage can look like anything
LETTER = 0.5  # of CAP: what is lower is no letter
COMMA = 0.4  # of CAP: what is narrower at a word's end, and parted from it, is a comma
ADVANCE = (
    0.74  # width of a figure with its space, of its height, where no sheet says otherwise: most grotesques'
)
TIGHT = 0.1  # of that width, by which the ink of a number is narrower than all its places
BOX = 1.9  # side of the box a figure is put in, of its height: as written figures stand in theirs
GAP = 1.4  # the narrowest space between words, as a multiple of the widest one within them


def read_words(lines: Sequence[F32], vocabulary: Sequence[str] = SPANISH, count: int = 4) -> list[F64 | None]:
    """Lines of `count` words parted by commas, of one sheet: in one font, whose weight and width are fitted.

    Parameters
    ----------
    lines : sequence of (H, W) float32
        Ink 0 to 1, capitals about `CAP` pixels high from row 0, commas below the baseline cut off.
    vocabulary : sequence of str
        The words, by the digit they stand for.

    Returns
    -------
    list of (count, len(vocabulary)) float64 or None
        Probabilities of each word of each line; None for a line that does not part into so many.
    """
    parted = [_parted(_letters(line), count) for line in lines]
    words = [w for part in parted if part is not None for w in part]
    seen = [(_brought(w), w.shape[1] / w.shape[0]) for w in (w[_extent(w) or ...] for w in words)]
    if not seen:
        return [None] * len(lines)
    images = np.stack([image.ravel() for image, _ in seen])
    ratios = np.log([ratio for _, ratio in seen])
    fits = []
    for stroke in STROKES:
        # A comma that print has run together with its word is part of the word's picture.
        drawn = [_template(w + comma, stroke) for comma in ("", ",") for w in vocabulary]
        alike = images @ np.stack([image.ravel() for image, _ in drawn]).T
        off = ratios[:, None] - np.log([ratio for _, ratio in drawn])[None, :]
        both = [(alike - ASPECT * np.abs(off - width)).reshape(len(images), 2, -1) for width in WIDTHS]
        fits += [fit.max(axis=1) for fit in both]
    score = max(fits, key=lambda fit: float(fit.max(axis=1).sum()))
    p = np.exp((score - score.max(axis=1, keepdims=True)) / SHARP)
    p = (1 - FLOOR) * p / p.sum(axis=1, keepdims=True) + FLOOR / len(vocabulary)
    rest = iter(np.asarray(p, np.float64).reshape(-1, count, len(vocabulary)))
    return [None if part is None else next(rest) for part in parted]


def figure_width(lines: Sequence[F32], numbers: Sequence[int]) -> float:
    """How wide a figure is with its space, as a multiple of its height: of one font, all are the same.

    Parameters
    ----------
    lines : sequence of (H, W) float32
        Lines with one number each.
    numbers : sequence of int
        These numbers, known from elsewhere (their words).
    """
    ratios = []
    for line, number in zip(lines, numbers, strict=True):
        extent = _extent(_letters(line))
        if extent is not None and number >= 10:
            rows, columns = extent
            ratios.append(
                (columns.stop - columns.start) / (rows.stop - rows.start) / (len(str(number)) - TIGHT)
            )
    return float(np.median(ratios)) if ratios else ADVANCE


def cut_figures(line: F32, width: float = ADVANCE) -> Figures:
    """The figures of a number that stands alone in `line`, each in a box of its own; none if there is no ink.

    Figures of one font are equally wide (`width`, as a multiple of their height), so how many there are follows from how
    wide the number is, even where they touch.

    Parameters
    ----------
    line : (H, W) float32
        Ink 0 to 1.

    Returns
    -------
    list of (64, 64) uint8
        As `ocr.cells` cuts boxes.
    """
    line = _letters(line)
    extent = _extent(line)
    if extent is None:
        return []
    rows, columns = extent
    line = line[rows]
    advance = width * len(line)
    count = max(1, round((columns.stop - columns.start) / advance + TIGHT))
    edges = (columns.start + columns.stop) / 2 + advance * (np.arange(count + 1) - count / 2)
    return [_boxed(line[:, max(0, round(a)) : max(1, round(b))]) for a, b in itertools.pairwise(edges)]


def own_figures(cut: Sequence[Figures], numbers: Sequence[int]) -> F32 | None:
    """What each figure looks like in this very print, (10, pixels); None unless all ten occur.

    The same printer has printed the numbers that stand in figures only, so these pictures read them better than any
    network that never saw the printer.

    Parameters
    ----------
    cut : sequence of list of (64, 64) uint8
        The figures of one number each.
    numbers : sequence of int
        These numbers, known from elsewhere (their words).
    """
    cells: list[list[F32]] = [[] for _ in FIGURES]
    for some, number in zip(cut, numbers, strict=True):
        if len(some) == len(str(number)):
            for figure, cell in zip(str(number), some, strict=True):
                cells[int(figure)].append(_likened(cell))
    if not all(cells):
        return None
    means = np.stack([np.median(np.stack(c), axis=0) for c in cells])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def read_figures(cut: Sequence[Figures], own: F32 | None = None) -> list[F64 | None]:
    """Numbers in figures: probabilities (digits, 10) of each, None for one without any.

    Each figure is read by the digit network, as if it stood in a box of its own; with `own` (see `own_figures`) by its likeness to
    the same print's figures, too, which then weighs more. All at once, for that is many times as fast as one number after the other.
    """
    cells = [cell for some in cut for cell in some]
    if not cells:
        return [None] * len(cut)
    p = default_reader().probabilities(np.stack(cells))[:, : len(FIGURES)]
    if own is None:
        p = p + FLOOR
    else:
        alike = np.stack([_likened(cell) for cell in cells]) @ own.T
        p = (p + FOREIGN) * np.exp((alike - alike.max(axis=1, keepdims=True)) / LIKE) + FLOOR
    p = p / p.sum(axis=1, keepdims=True)
    parts = np.split(np.asarray(p, np.float64), np.cumsum([len(some) for some in cut])[:-1])
    return [part if len(part) else None for part in parts]


def _likened(cell: NDArray[np.uint8]) -> F32:
    """To one contrast, so that the sum of products is the likeness."""
    half = cv2.resize(cell, (SIZE // 2, SIZE // 2), interpolation=cv2.INTER_AREA)
    image = cv2.GaussianBlur(half.astype(np.float32), (0, 0), 1.0).ravel()
    image = image - image.mean()
    return np.asarray(image / max(1e-6, float(np.linalg.norm(image))), np.float32)


def _extent(line: F32) -> tuple[slice, slice] | None:
    """Rows and columns of the ink; None if there is none."""
    solid = _solid(line)
    rows, columns = (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
    return (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if rows.size else None


def _boxed(figure: F32) -> NDArray[np.uint8]:
    """A figure in the middle of a box, as `ocr.cells` cuts them."""
    columns = np.flatnonzero(_solid(figure).any(axis=0))
    if columns.size:
        figure = figure[:, columns[0] : columns[-1] + 1]
    height, width = figure.shape
    size = max(round(BOX * height), width)
    box = np.zeros((size, size), np.float32)
    top, left = (size - height) // 2, (size - width) // 2
    box[top : top + height, left : left + width] = figure
    box = cv2.resize(cv2.GaussianBlur(box, (0, 0), 0.6), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(255 - 255 * box, np.uint8)


def _parted(line: F32, count: int) -> list[F32] | None:
    columns = np.flatnonzero(_solid(line).any(axis=0))
    if columns.size < count * 4:
        return None
    gaps = np.diff(columns)
    wide = np.sort(np.argsort(gaps, kind="stable")[-(count - 1) :])
    rest = np.delete(gaps, wide)
    if gaps[wide].min() < GAP * max(2, int(rest.max(initial=1))):
        return None
    starts = [int(columns[0]), *(int(columns[i + 1]) for i in wide)]
    ends = [*(int(columns[i]) + 1 for i in wide), int(columns[-1]) + 1]
    words = [line[:, a:b] for a, b in zip(starts, ends, strict=True)]
    return [_without_comma(w) if i < count - 1 else w for i, w in enumerate(words)]


def _letters(line: F32) -> F32:
    """The line without what is too low for a letter: specks, commas, the dots of i."""
    dark = (line > 0.3).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8)
    high = stats[:, cv2.CC_STAT_HEIGHT] >= LETTER * CAP
    high[0] = False
    return np.where(high[labels], line, np.float32(0))


def _without_comma(word: F32) -> F32:
    """The word without what stands parted and narrow at its end."""
    empty = np.flatnonzero(~_solid(word).any(axis=0))
    if empty.size and word.shape[1] - int(empty[-1]) - 1 < COMMA * CAP:
        return word[:, : int(empty[-1])]
    return word


def _solid(ink: F32) -> NDArray[np.bool_]:
    """Ink, without single dots."""
    dark = (ink > 0.5).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)) > 0)


def _brought(ink: F32) -> F32:
    """To one size and contrast, so that the sum of products is the likeness."""
    way = cv2.INTER_AREA if ink.shape[1] > SHAPE[0] else cv2.INTER_LINEAR
    image = cv2.GaussianBlur(cv2.resize(ink, SHAPE, interpolation=way), (0, 0), BLUR)
    image = image - image.mean()
    return np.asarray(image / max(1e-6, float(np.linalg.norm(image))), np.float32)


@functools.cache
def _template(word: str, stroke: float) -> tuple[F32, float]:
    """A word as the font has it, down to its baseline, brought to size, and its ratio of width to height."""
    size, fat = 80, round(stroke * 80)
    image = Image.new("L", (size * (len(word) + 1), size * 2), 0)
    font = ImageFont.load_default(size=size)
    draw = ImageDraw.Draw(image)
    draw.text((size // 4, size), word, font=font, fill=255, stroke_width=fat, anchor="ls")
    ink: F32 = np.asarray(image, np.float32)[: size + fat + 1] / np.float32(255)
    ink = ink[_extent(ink) or ...]
    return _brought(ink), ink.shape[1] / ink.shape[0]
