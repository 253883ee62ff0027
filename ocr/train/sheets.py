"""Synthetic sheets at the level of boxes: what people write on a form, and what each box would look like in one photo.

A *writer* has one pen, one source of digits (that the network was not trained on), one way to fill empty boxes, one printed
style and one photo. A sheet takes all its boxes from one writer. Nothing here is copied from a real sheet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ocr.digits import BLANK, CROSSED, MARK, SIZE
from ocr.form import Form, Role, Writing
from ocr.snap import Pyramid
from ocr.train import glyphs
from ocr.train.cells import MARGIN, U8, Ink, _hand, _write
from ocr.train.digits import PRINTED
from ocr.train.glyphs import Glyphs
from ocr.train.paper import F32, Box, Rng, make_paper, pick, print_edges
from ocr.window import tighten

LOOKS = ("clean", "phone", "low resolution", "blur", "JPEG", "black-and-white", "dark copy")
"""How a photo may be bad. Each is of a kind, not of a strength: that is drawn for each writer."""
HALVES = ("fit", "score")
PER_CLASS = {**dict.fromkeys(range(10), 8), BLANK: 16, MARK: 12, CROSSED: 6}
"""Cells that a writer makes of each class; printed digits come on top."""
PRINTED_EACH = 2

Values = dict[str, int | None]


@dataclass(frozen=True)
class Photo:
    """One photo's degradation."""

    native: float  # pixels of the box (root of its area)
    sigma: float  # blur, in those pixels
    gain: float
    offset: float
    noise: float  # grey levels
    cut: float  # threshold, share of the ink's depth; 0 for none
    salt: float
    quality: int  # JPEG; 0 for none
    slack: float  # misregistration, share of the box
    level: int  # of the paper


def draw_photo(rng: Rng, look: str) -> Photo:
    """Draw the strength of one kind of degradation."""
    u = rng.uniform
    native, sigma, gain, offset, noise, cut, salt, quality = 60.0, 0.3, 1.0, 0.0, 2.0, 0.0, 0.0, 90
    slack, level = 0.03, 0
    if look == "clean":
        native, quality = u(40, 90), int(u(75, 96))
    elif look == "phone":
        native, sigma, gain, noise, quality = u(22, 50), u(0.4, 0.9), u(0.6, 1.0), u(1, 5), int(u(50, 92))
        slack, level = 0.07, 2
    elif look == "low resolution":
        native, sigma, noise, quality, slack = u(12, 18), u(0.3, 0.6), u(0.5, 3), int(u(60, 95)), 0.05
    elif look == "blur":
        native, noise, slack, level = u(22, 50), u(1, 4), 0.05, 1
        sigma = native * u(0.02, 0.06)
    elif look == "JPEG":
        native, sigma, quality, slack, level = u(20, 40), u(0.3, 0.6), int(u(15, 40)), 0.05, 1
    elif look == "black-and-white":
        native, sigma, noise, cut, quality, slack = u(18, 50), u(0.3, 0.6), u(1, 6), u(0.3, 0.55), 0, 0.05
    elif look == "dark copy":
        native, sigma, gain, offset = u(20, 45), u(0.4, 0.9), u(0.35, 0.65), u(0, 30)
        noise, salt, quality, slack, level = u(3, 9), u(0, 0.006), int(u(40, 90)), 0.05, 1
    return Photo(native, sigma, gain, offset, noise, cut, salt, quality, slack, level)


def take_photo(rng: Rng, page: F32, photo: Photo, dark: float) -> U8:
    """Degrade a drawn box (49 pixels) at the photo's resolution."""
    h, w = page.shape
    k = min(1.0, photo.native / 49)
    img = cv2.resize(page, (max(8, round(w * k)), max(8, round(h * k))), interpolation=cv2.INTER_AREA)
    img = cv2.GaussianBlur(img, (0, 0), photo.sigma * max(1.0, 49 / photo.native) * k)
    img = img * np.float32(photo.gain) + np.float32(photo.offset)
    bright = float(np.percentile(img, 80))
    img = img + rng.standard_normal(img.shape).astype(np.float32) * np.float32(
        min(photo.noise, 0.3 * bright * dark)
    )
    if photo.cut:
        img = np.where(img > bright * (1 - dark * photo.cut), np.float32(255), np.float32(0))
    if photo.salt:
        salt = rng.random(img.shape)
        img = np.where(
            salt < photo.salt, np.float32(0), np.where(salt > 1 - photo.salt, np.float32(255), img)
        )
    out: U8 = np.clip(img, 0, 255).astype(np.uint8)
    if photo.quality:
        data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, photo.quality])[1]
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return out


def cut_cell(img: U8, aspect: float) -> U8:
    """The cell as the reader cuts it: boxes far from square around their ink (`ocr.window`)."""
    h, w = img.shape
    x, y = w * MARGIN / (1 + 2 * MARGIN), h * MARGIN / (1 + 2 * MARGIN)
    if max(aspect, 1 / aspect) >= 1.3:
        quad = np.array([[[x, y], [w - x, y], [w - x, h - y], [x, h - y]]])
        (x0, y0), (x1, y1) = tighten(Pyramid(img), quad)[0][[0, 2]]
        mx, my = (x1 - x0) * MARGIN, (y1 - y0) * MARGIN
        part = img[max(0, round(y0 - my)) : round(y1 + my) + 1, max(0, round(x0 - mx)) : round(x1 + mx) + 1]
        img = part if min(part.shape) > 3 else img
    how = cv2.INTER_AREA if min(img.shape) >= SIZE else cv2.INTER_LINEAR
    return cv2.resize(img, (SIZE, SIZE), interpolation=how).astype(np.uint8)


@dataclass(frozen=True)
class Sources:
    """Digits that were not trained on, for one half of the simulation; each list entry is one hand, or a narrow window of a set."""

    hands: tuple[tuple[Glyphs, ...], ...]
    weights: tuple[float, ...]
    printed: Glyphs
    marks: Glyphs
    scribbles: Glyphs


def load_sources(mnist: Path, usps: Path, fonts: Path, half: str) -> Sources:
    """MNIST test (thinned and as written), USPS test, held-back handwriting fonts, drawn styles; each half its own ones.

    Printed fonts and drawn styles are of the kinds trained on (other drawings).
    """
    odd = HALVES.index(half)
    rng = np.random.default_rng(40 + odd)

    def windows(part: Glyphs, width: int) -> tuple[Glyphs, ...]:
        starts = range(odd * width, len(part) - width + 1, 2 * width)
        out = [part.take(np.arange(s, s + width)) for s in starts]
        return tuple(g for g in out if len(set(g.labels.tolist())) == 10)

    images, labels = glyphs.read_mnist(mnist, "t10k")
    post, post_labels = glyphs.read_usps(usps / "zip.test.gz")
    held = sorted(fonts.rglob("*.otf"))[15:][odd::2]
    system = sorted(p for p in Path("/usr/share/fonts").rglob("*") if p.name in PRINTED)
    return Sources(
        (
            windows(glyphs.from_images(images, labels, True), 200),
            windows(glyphs.from_images(images, labels, False), 200),
            windows(glyphs.from_images(post, post_labels, True), 200),
            tuple(g for g in (glyphs.from_fonts([p], True) for p in held) if len(set(g.labels.tolist())) == 10),
            tuple(glyphs.handmade(2, rng) for _ in range(8)),
        ),
        (0.45, 0.15, 0.2, 0.12, 0.08),
        glyphs.from_fonts(system, False),
        glyphs.marks(400, rng, MARK),
        glyphs.scribbles(300, rng, CROSSED),
    )  # fmt: skip


def make_writer(rng: Rng, sources: Sources, look: str, aspect: float) -> tuple[U8, npt.NDArray[np.int64]]:
    """All cells of one writer: uint8 [n, 32, 32] and classes [n]; printed digits have the classes 20 to 29."""
    source = [k for k in range(len(sources.hands)) if sources.hands[k]]
    weights = np.array([sources.weights[k] for k in source])
    hands = sources.hands[source[pick(rng, tuple((weights / weights.sum()).tolist()))]]
    digits = hands[int(rng.integers(len(hands)))]
    kinds = sources.marks.take(rng.integers(len(sources.marks), size=3))
    each = {d: digits.take(np.flatnonzero(digits.labels == d)) for d in range(10)}
    family = rng.integers(10_000)
    printed = {d: sources.printed.take(np.flatnonzero(sources.printed.labels == d)) for d in range(10)}
    hand, photo, style = _hand(rng), draw_photo(rng, look), int(rng.integers(2**31))
    w, h = 49 * np.sqrt(aspect), 49 / np.sqrt(aspect)
    shape = (round(h * (1 + 2 * MARGIN)), round(w * (1 + 2 * MARGIN)))
    wanted = [k for k, n in PER_CLASS.items() for _ in range(n)] + [
        20 + d for d in range(10) for _ in range(PRINTED_EACH)
    ]
    cells = np.empty((len(wanted), SIZE, SIZE), np.uint8)
    for i, kind in enumerate(wanted):
        turn = rng.normal(0, photo.slack * 0.3)
        half = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 * (1 + rng.normal(0, photo.slack * 0.4, 2))
        corners = half @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        corners = corners + np.clip(rng.normal(0, photo.slack * 0.75, 2), -0.16, 0.16) * (w, h)
        corners = corners + np.array(shape[::-1]) / 2
        box = Box(corners.astype(np.float32), w, h)
        page = make_paper(rng, shape, box, photo.level)
        print_edges(np.random.default_rng(style), page, box)
        everything = Ink(digits, kinds, sources.scribbles)
        for dx in (-1.0, 1.0):
            if rng.random() < 0.6:
                side = Box(box.corners + np.array([dx * w, 0], np.float32), w, h)
                _write(rng, page, everything, MARK if rng.random() < 0.2 else 0, side, hand)
        if kind >= 20:
            same = printed[kind - 20]
            ink = Ink(same.take(np.array([family % len(same)])), kinds, sources.scribbles)
            _write(rng, page, ink, 0, box, hand | {"size": 0.6, "skip": 0.0, "dark": max(hand["dark"], 0.6)})
        elif kind < 10:
            _write(rng, page, Ink(each[kind], kinds, sources.scribbles), 0, box, hand)
        elif kind != BLANK:
            _write(rng, page, everything, kind, box, hand)
        cells[i] = cut_cell(take_photo(rng, page, photo, hand["dark"]), aspect)
    return cells, np.array(wanted, np.int64)


# --- what is written --------------------------------------------------------------------------------------------------


def draw_values(rng: Rng, form: Form) -> dict[str, int]:
    """Numbers that fulfil every sum of the form, as large as a polling station's."""
    sums = [s for s in form.sums if s.rule == "equal"]
    right = {n for s in sums for n in s.right}
    leaves = [n for s in sums if len(s.left) > 1 for n in s.left if n not in right]
    size = 10 ** min(f.digits for f in form.votes) - 1
    total = int(min(0.75 * size, rng.choice([rng.uniform(40, 350), rng.uniform(150, 700)])))
    values: dict[str, int] = {}
    options = [n for n in leaves if form.field(n).role is Role.OPTION]
    share = rng.dirichlet(np.full(len(options), 0.9 if len(options) > 4 else 2.0))
    values |= {n: int(total * s) for n, s in zip(options, share, strict=True)}
    for n in leaves:
        if n not in values:
            low = form.field(n).role in (Role.BLANK, Role.NULL)
            values[n] = int(rng.exponential(8)) if low else int(rng.uniform(0, 0.2 * size))
    for _ in range(len(sums) + 1):
        for s in sums:
            if all(n in values for n in s.left) and len(s.right) == 1:
                values.setdefault(s.right[0], sum(values[n] for n in s.left))
            elif len(s.left) == 1 and all(n in values for n in s.right):
                values.setdefault(s.left[0], sum(values[n] for n in s.right))
    for f in form.fields:
        if f.name not in values:
            least = form.field(f.name).role
            values[f.name] = int(
                rng.exponential(12) if least is Role.NULL else rng.uniform(0, min(size, 1200))
            )
        for s in sums:  # two numbers that must be equal, in no other sum
            if len(s.left) == len(s.right) == 1 and s.left[0] in values:
                values.setdefault(s.right[0], values[s.left[0]])
            elif len(s.left) == len(s.right) == 1 and s.right[0] in values:
                values.setdefault(s.left[0], values[s.right[0]])
    return values


def slip(rng: Rng, form: Form, values: Mapping[str, int]) -> dict[str, int]:
    """Write one number of some sum wrongly: one digit off, two digits swapped, or added wrongly and carried on."""
    sums = [s for s in form.sums if s.rule == "equal" and s.evidence]
    out = dict(values)
    s = sums[int(rng.integers(len(sums)))]
    kind = pick(rng, (0.4, 0.15, 0.45))
    name = (s.left + s.right)[int(rng.integers(len(s.left + s.right)))] if kind < 2 else s.right[0]
    size = 10 ** form.field(name).digits
    for _ in range(20):
        if kind == 1:
            text = list(str(out[name]).zfill(form.field(name).digits))
            i = int(rng.integers(len(text) - 1))
            text[i], text[i + 1] = text[i + 1], text[i]
            new = int("".join(text))
        else:
            power = 10 ** int(rng.integers(len(str(max(9, out[name])))))
            new = out[name] + int(rng.choice([-1, 1])) * power * (
                1 if rng.random() < 0.5 else int(rng.integers(1, 10))
            )
        if 0 <= new < size and new != out[name]:
            break
    else:
        return out
    change, out[name] = new - out[name], new
    if kind == 2 and rng.random() < 0.5:  # the wrong total is used further on
        for t in sums:
            if name in t.left and len(t.right) == 1 and 0 <= out[t.right[0]] + change < size:
                out[t.right[0]] += change
    return out


def holds(form: Form, values: Mapping[str, int | None]) -> bool:
    """Whether every sum that is evidence holds as written."""
    return all(
        sum(values[n] or 0 for n in s.left) == sum(values[n] or 0 for n in s.right)
        for s in form.sums
        if s.evidence and s.rule == "equal"
    )


def spell_sheet(rng: Rng, form: Form, values: Mapping[str, int]) -> tuple[Values, dict[str, list[int]]]:
    """Values as written, and the class of every box; one habit for empty boxes on the whole sheet."""
    habit = pick(rng, (0.45, 0.3, 0.25))  # zeros, marks, empty
    fill = (0, MARK, BLANK)[habit]
    written: Values = dict(values)
    classes: dict[str, list[int]] = {}
    skip_zero = rng.random() < 0.02
    for f in form.fields:
        text = str(values[f.name])
        if f.writing is Writing.PRINT:
            classes[f.name] = [BLANK] * (f.digits - len(text)) + [20 + int(c) for c in text]
            continue
        row = [fill] * (f.digits - len(text)) + [int(c) for c in text]
        if values[f.name] == 0:
            if skip_zero:
                row, written[f.name] = [BLANK] * f.digits, None
            elif fill == MARK and rng.random() < 0.7:
                row = [MARK] * f.digits
        elif (
            rng.random() < 0.003 * f.digits
        ):  # a digit struck out; what was meant is known to the writer only
            row[-1 - int(rng.integers(len(text)))] = CROSSED
        classes[f.name] = row
    return written, classes
