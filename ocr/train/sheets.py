"""Synthetic sheets at the level of boxes: what people write on a form, and what each box would look like in one photo.

A *writer* has one pen, one source of digits (that the network was not trained on), one way to fill empty boxes, one printed
style and one photo. A sheet takes all its boxes from one writer. Nothing here is copied from a real sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ocr.digits import BLANK, CROSSED, MARK
from ocr.focus import SIZE
from ocr.form import Form, FormField, Role, Sum, Writing
from ocr.snap import Pyramid
from ocr.train import glyphs
from ocr.train.cells import MARGIN, U8, Ink, _hand, _write
from ocr.train.digits import HANDS, HELD_BACK, PRINTED, USPS_TRAINED
from ocr.train.glyphs import Glyphs
from ocr.train.levels import COPIES, DRAWN, LEVELS, Photo, draw_photo, legible, take_photo
from ocr.train.paper import F32, Box, Rng, make_paper, pick, print_edges
from ocr.window import tighten

LOOKS = (*LEVELS, *COPIES)
"""How a photo may be bad; the strength is drawn for each writer."""
HALVES = ("fit", "score")
PARTS = (*HALVES, "hand")
"""Digits for the thresholds, for their scores, and for the model of hands (`ocr.hand`): none has a digit of another."""
PER_CLASS = {**dict.fromkeys(range(10), 8), BLANK: 16, MARK: 12, CROSSED: 6}
"""Cells that a writer makes of each class; printed digits come on top."""
PRINTED_EACH = 2
ALIKE = 6  # images that one writer uses for a digit

_TRIES = 12  # of a cell that comes out too faint, before the writer takes another pen

Values = dict[str, int | None]


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
class Source:
    """Digits of one kind: `shapes` says how alike two of them are (small pictures, flattened), None if all are of one hand."""

    digits: Glyphs
    shapes: F32 | None = None

    def hand(self, rng: Rng) -> dict[int, Glyphs]:
        """The digits of one person: of each a shape drawn by chance and the `ALIKE` most like it."""
        out = {}
        for d in range(10):
            which = np.flatnonzero(self.digits.labels == d)
            if self.shapes is not None and len(which) > ALIKE:
                shapes = self.shapes[which]
                far = np.square(shapes - shapes[int(rng.integers(len(which)))]).sum(1)
                which = which[np.argsort(far, kind="stable")[:ALIKE]]
            out[d] = self.digits.take(which)
        return out


@dataclass(frozen=True)
class Sources:
    """Digits that were not trained on, for one part of the simulation, by kind, with the weight of each kind."""

    kinds: tuple[tuple[Source, ...], ...]
    weights: tuple[float, ...]
    printed: Glyphs
    marks: Glyphs
    scribbles: Glyphs


def made_sources(half: str, writers: int = 40, each: int = 3) -> Sources:
    """Drawn digits only: needs no data, for tests."""
    rng = np.random.default_rng(80 + HALVES.index(half))
    hands = tuple(Source(glyphs.handmade(each, rng)) for _ in range(writers))
    return Sources(
        (hands,), (1.0,), glyphs.handmade(2, rng), glyphs.marks(60, rng, MARK), glyphs.scribbles(40, rng, CROSSED)
    )  # fmt: skip


def load_sources(mnist: Path, usps: Path, fonts: Path, part: str) -> Sources:
    """MNIST (thinned and as written), USPS, handwriting fonts, drawn styles; each of the `PARTS` its own ones.

    The halves have the test digits and the fonts held back; the part for hands those that the network's temperature is fitted on.
    Printed fonts and drawn styles are of the kinds trained on (other drawings).
    """
    odd = PARTS.index(part)
    rng = np.random.default_rng(40 + odd)

    def alike(part: Glyphs) -> tuple[Source, ...]:
        small = [cv2.resize(f, (14, 14), interpolation=cv2.INTER_AREA).ravel() for f in part.fields]
        return (Source(part, np.array(small, np.float32)),)

    hands = sorted(fonts.rglob("*.otf"))
    if part in HALVES:
        images, labels = glyphs.read_mnist(mnist, "t10k")
        mine = np.arange(len(labels)) // 200 % 2 == odd  # neighbours in the file may be of one hand
        post, post_labels = glyphs.read_usps(usps / "zip.test.gz")
        my_post = np.arange(len(post_labels)) // 200 % 2 == odd
        held = hands[HANDS[1] :][odd::2]
    else:
        images, labels = glyphs.read_mnist(mnist, "train")
        mine = np.arange(len(labels)) >= len(labels) - HELD_BACK
        post, post_labels = glyphs.read_usps(usps / "zip.train.gz")
        my_post = np.arange(len(post_labels)) >= USPS_TRAINED
        held = hands[slice(*HANDS)]
    system = sorted(p for p in Path("/usr/share/fonts").rglob("*") if p.name in PRINTED)
    return Sources(
        (
            alike(glyphs.from_images(images[mine], labels[mine], True)),
            alike(glyphs.from_images(images[mine], labels[mine], False)),
            alike(glyphs.from_images(post[my_post], post_labels[my_post], True)),
            tuple(Source(g) for g in (glyphs.from_fonts([p], True) for p in held) if len(set(g.labels.tolist())) == 10),
            tuple(Source(glyphs.handmade(2, rng)) for _ in range(8)),
        ),
        (0.45, 0.15, 0.2, 0.12, 0.08),
        glyphs.from_fonts(system, False),
        glyphs.marks(400, rng, MARK),
        glyphs.scribbles(300, rng, CROSSED),
    )  # fmt: skip


def make_writer(rng: Rng, sources: Sources, look: str, aspect: float) -> tuple[U8, npt.NDArray[np.int64]]:
    """All cells of one writer: uint8 [n, 64, 64] and classes [n]; printed digits have the classes 20 to 29."""
    kinds_of = [k for k, kind in enumerate(sources.kinds) if kind]
    weights = np.array([sources.weights[k] for k in kinds_of])
    some = sources.kinds[kinds_of[pick(rng, tuple((weights / weights.sum()).tolist()))]]
    each = some[int(rng.integers(len(some)))].hand(rng)
    digits = glyphs.join(list(each.values()))
    kinds = sources.marks.take(rng.integers(len(sources.marks), size=3))
    family = rng.integers(10_000)
    printed = {d: sources.printed.take(np.flatnonzero(sources.printed.labels == d)) for d in range(10)}
    style = int(rng.integers(2**31))
    wanted = [k for k, n in PER_CLASS.items() for _ in range(n)] + [
        20 + d for d in range(10) for _ in range(PRINTED_EACH)
    ]
    everything = Ink(digits, kinds, sources.scribbles)

    def write(page: F32, box: Box, kind: int, hand: dict[str, float]) -> None:
        if kind >= 20:
            same = printed[kind - 20]
            ink = Ink(same.take(np.array([family % len(same)])), kinds, sources.scribbles)
            _write(rng, page, ink, 0, box, hand | {"size": 0.6, "skip": 0.0, "dark": max(hand["dark"], 0.6)})
        elif kind < 10:
            _write(rng, page, Ink(each[kind], kinds, sources.scribbles), 0, box, hand)
        elif kind != BLANK:
            _write(rng, page, everything, kind, box, hand)

    while True:  # until every cell of this pen in this photo can be read
        hand, photo = _hand(rng), draw_photo(rng, look)
        if hand["size"] * photo.height < photo.tall:
            continue
        cells = []
        for kind in wanted:
            for _ in range(_TRIES):
                cell = _make_cell(rng, kind, photo, hand, aspect, style, everything, write)
                if cell is not None:
                    break
            else:
                break
            cells.append(cell)
        if len(cells) == len(wanted):
            return np.array(cells), np.array(wanted, np.int64)


def _make_cell(
    rng: Rng,
    kind: int,
    photo: Photo,
    hand: dict[str, float],
    aspect: float,
    style: int,
    everything: Ink,
    write: Callable[[F32, Box, int, dict[str, float]], None],
) -> U8 | None:
    """One cell of a writer; None if what is written in it came out too faint to be read."""
    w, h = DRAWN * np.sqrt(aspect), DRAWN / np.sqrt(aspect)
    shape = (round(h * (1 + 2 * MARGIN)), round(w * (1 + 2 * MARGIN)))
    turn = rng.normal(0, photo.slack * 0.3)
    half = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2 * (1 + rng.normal(0, photo.slack * 0.4, 2))
    corners = half @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = corners + np.clip(rng.normal(0, photo.slack * 0.75, 2), -0.16, 0.16) * (w, h)
    corners = corners + np.array(shape[::-1]) / 2
    box = Box(corners.astype(np.float32), w, h)
    page = make_paper(rng, shape, box, photo.paper)
    print_edges(np.random.default_rng(style), page, box)
    for dx in (-1.0, 1.0):
        if rng.random() < 0.6:
            side = Box(box.corners + np.array([dx * w, 0], np.float32), w, h)
            _write(rng, page, everything, MARK if rng.random() < 0.2 else 0, side, hand)
    before = page.copy()
    write(page, box, kind, hand)
    if kind != BLANK and not legible(before - page, photo, aspect, hand["dark"]):
        return None
    return cut_cell(take_photo(rng, page, photo, hand["dark"], aspect), aspect)


# --- what is written --------------------------------------------------------------------------------------------------


def draw_values(rng: Rng, form: Form) -> dict[str, int]:
    """Numbers that fulfil every sum of the form that is evidence, as large as a polling station's.

    Raises
    ------
    ValueError
        If the form's sums cannot be fulfilled together.
    """
    for _ in range(300):
        values = _try_values(rng, form)
        fits = all(0 <= v <= most(form.field(n)) for n, v in values.items())
        if fits and all(_fulfils(s, values) for s in form.sums if s.evidence):
            return _loosened(rng, form, values)
    raise ValueError(f"no numbers fulfil the sums of {form.id} together")


def _loosened(rng: Rng, form: Form, values: dict[str, int]) -> dict[str, int]:
    """Equalities that many honest sheets break are broken on four in ten (INE 2015: 41 % of its actas), mostly by little."""
    bound = {n for s in form.sums if s.evidence for n in s.left + s.right}
    for s in form.sums:
        free = [n for n in s.left + s.right if n not in bound]
        if s.evidence or s.rule != "equal" or not free or rng.random() >= 0.4:
            continue
        off = (1, 2, 3, 5, 10, 20)[pick(rng, (0.45, 0.2, 0.12, 0.1, 0.08, 0.05))] * int(rng.choice((-1, 1)))
        values[free[0]] = min(max(values[free[0]] + off, 0), most(form.field(free[0])))
    return values


def most(field: FormField) -> int:
    """The largest number that a person may have had to write there."""
    room = 10**field.digits - 1
    return room if field.maximum is None else min(room, field.maximum)


def _fulfils(s: Sum, values: Mapping[str, int]) -> bool:
    left, right = (sum(values[n] for n in side) for side in (s.left, s.right))
    return left == right if s.rule == "equal" else left <= right


def _try_values(rng: Rng, form: Form) -> dict[str, int]:
    """The options first, then whatever the sums say, then a number by chance, and so on."""
    sums = sorted(form.sums, key=lambda s: (not s.evidence, s.rule != "equal"))
    hand = [f for f in form.votes if f.boxes]
    size = min(most(f) for f in hand)
    total = int(min(0.75 * size, rng.choice([rng.uniform(40, 350), rng.uniform(150, 700)])))
    options = [f.name for f in hand if f.role is Role.OPTION]
    share = rng.dirichlet(np.full(len(options), 0.9 if len(options) > 4 else 2.0)) if options else []
    values = {n: int(total * s) for n, s in zip(options, share, strict=True)}
    small = (Role.BLANK, Role.NULL, Role.OTHER)
    while len(values) < len(form.fields):
        if any(_follow(rng, s, values) for s in sums):
            continue
        # next, a number of the sum of which most is known: so the votes come before the ballots given out
        known = [(sum(n in values for n in s.left + s.right), s) for s in sums if s.evidence]
        nearest = [s for _, s in sorted(known, key=lambda k: -k[0])]
        name = next((n for s in nearest for n in s.left + s.right if n not in values), None)
        f = form.field(name) if name else next(f for f in form.fields if f.name not in values)
        many = most(f)
        values[f.name] = int(
            rng.exponential(8) if f.role in small else rng.uniform(0, min(0.25 * many, 1200))
        )
    return values


def _follow(rng: Rng, s: Sum, values: dict[str, int]) -> bool:
    """Fill one side of a sum of which the other is known; whether there was something to fill."""
    for side, other in ((s.right, s.left), (s.left, s.right)):
        open_ = [n for n in side if n not in values]
        if not open_ or not values.keys() >= set(other):
            continue
        amount = sum(values[n] for n in other) - sum(values[n] for n in side if n in values)
        if s.rule != "equal":
            room = int(amount * rng.uniform(0, 0.4)) if rng.random() < 0.7 else 0
            amount += room if side is s.right else -room
        if amount < 0:
            values[open_[0]] = -1  # to be drawn again
            return True
        parts = [int(amount * w) for w in rng.dirichlet([8.0] + [0.5] * (len(open_) - 1))]
        parts[0] += amount - sum(parts)
        values |= dict(zip(open_, parts, strict=True))
        return True
    return False


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
