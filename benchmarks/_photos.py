"""Photos of filled sheets at a level of degradation: any form, a writer's digits, bent paper under a lamp, a phone.

What is drawn is synthetic: the form's print from its TOML, digits from public data (or drawn ones), and where the form has a line for the
number in words, four hands in five write it there, in letters that the reader's network was not trained on. No names, no codes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ocr.form import Form, FormField, Role, Text, Writing
from ocr.numerals import LANGUAGE, spellings
from ocr.render import draw_text, render
from ocr.train import glyphs
from ocr.train.levels import Level, room
from ocr.train.sheets import HALVES, draw_values, holds, slip
from sample_actas.generate.camera import Paper, Shot, aged, relief_of, sheet_coordinates, tabletop
from sample_actas.generate.handwriting import Digits, Writer
from sample_actas.generate.sheet import Filled, as_written, lay_ink, pixels_of

Pixels = NDArray[np.uint8]
Rng = np.random.Generator
STYLES = ("zeros", "x", "dash", "dot", "empty")
WORDY, IN_FULL = 0.8, 0.75  # shares of the hands that write words at all, and that write no digit by itself
_MARKS = {"x": "x", "-": "dash", ".": "dot"}


@dataclass(frozen=True)
class Photo:
    """One photo and what is written on the sheet."""

    form: Form
    data: bytes
    values: dict[str, int]

    @property
    def adds_up(self) -> bool:
        """Whether all sums hold as written."""
        return holds(self.form, self.values)


def half(digits: Digits, which: str) -> Digits:
    """The digits of one half of the simulation (`ocr.train.sheets.load_sources` parts MNIST alike)."""
    mine = np.arange(len(digits.labels)) // 200 % 2 == HALVES.index(which)
    return Digits(digits.images[mine], digits.labels[mine], digits.thickness[mine], digits.oddness[mine])


def drawn_digits(each: int, seed: int) -> Digits:
    """Digits of drawn styles, for where no data is."""
    made = glyphs.handmade(each, np.random.default_rng(seed))
    ink = [np.clip(1.5 - f / glyphs.UNIT / 2, 0, 1).astype(np.float32) for f in made.fields]
    images = np.array([cv2.resize(i, (28, 28), interpolation=cv2.INTER_AREA) for i in ink])
    pens = np.empty(len(images))
    for digit in range(10):
        which = np.flatnonzero(made.labels == digit)
        pens[which] = np.linspace(0, 1, len(which))
    return Digits(images, made.labels.astype(np.uint8), pens, np.zeros(len(images)))


def take(form: Form, level: Level, digits: Digits, wrong: float, rng: Rng) -> Photo:
    """Fill a sheet (with the probability `wrong` so that a sum fails) and photograph it."""
    values = draw_values(rng, form)
    if rng.random() < wrong:
        values = slip(rng, form, values)
    box = float(np.median([room(w, h) for f in form.votes for _, _, w, h in f.boxes]))
    height = rng.uniform(*level.box)
    sheet = _fill(form, values, Writer(digits, rng), 1.3 * height / box, rng)
    return Photo(form, _photograph(sheet, form, height / box, level, rng), values)


def _fill(form: Form, values: dict[str, int], writer: Writer, scale: float, rng: Rng) -> Filled:
    """The blank page with its printed and its written numbers; one style of filling for the whole sheet."""
    paper = render(form, scale)
    style = STYLES[int(rng.choice(5, p=(0.45, 0.15, 0.1, 0.05, 0.25)))]
    wordy, in_full = rng.random() < WORDY, rng.random() < IN_FULL
    written: dict[str, str] = {}
    print_: list[Text] = []
    for f in form.fields:
        printed = f.writing is Writing.PRINT or f.role is Role.STATION
        text = as_written(values[f.name], f.digits, "empty" if printed else style)
        written[f.name] = text
        if wordy and f.words and not printed and (said := _in_words(form, f, values[f.name], in_full)):
            lay_ink(paper, f.words, writer.words(said, pixels_of(f.words, scale)), writer, scale)
        for (x, y, w, h), sign in zip(f.boxes, text, strict=True):
            if printed and sign != "_":
                size = 0.8 * min(h, 1.4 * w)
                print_.append(
                    Text(x=x + w / 2, y=y + h / 2 + size * 0.36, text=sign, size=size, align="centre")
                )
            elif sign.isdigit():
                lay_ink(
                    paper,
                    (x, y, w, h),
                    writer.digit(int(sign), pixels_of((x, y, w, h), scale)),
                    writer,
                    scale,
                )
            elif sign in _MARKS:
                lay_ink(
                    paper,
                    (x, y, w, h),
                    writer.mark(_MARKS[sign], pixels_of((x, y, w, h), scale)),
                    writer,
                    scale,
                )
    picture = Image.fromarray(np.ascontiguousarray(paper[..., ::-1]))
    for part in print_:
        draw_text(picture, part, form.page.ink, scale)
    return Filled(np.ascontiguousarray(np.asarray(picture)[..., ::-1]), scale, written)


def _in_words(form: Form, field: FormField, value: int, in_full: bool) -> str:
    """The number in the words of the form's country, in full or digit by digit; nothing above 999."""
    ways = [text for text, n in spellings(LANGUAGE[form.country], field.digits) if n == value]
    return ways[0 if in_full else -1] if ways else ""


def _photograph(sheet: Filled, form: Form, scale: float, level: Level, rng: Rng) -> bytes:
    """Bend, tilt, light, blur, noise and JPEG as strong as drawn from the level; `scale` is pixels per page unit."""
    turn = int(rng.choice(4, p=(0.7, 0.1, 0.1, 0.1)))
    frame = np.array([form.page.width, form.page.height]) * scale * 1.06
    width, height = (round(v) for v in (frame[::-1] if turn % 2 else frame).tolist())
    bend = level.bend * rng.uniform(0, 1) * rng.choice((-1, 1))
    tilt = np.deg2rad(rng.uniform(-level.tilt, level.tilt, 3))
    paper = Paper(
        curl=float(bend),
        curl_angle=float(rng.choice((0, np.pi / 2)) + rng.normal(0, 0.25)),
        phase=float(rng.uniform(0, 1)),
        fold=float(bend * rng.choice((0, 1))),
        fold_at=float(rng.normal(0, 0.03)),
        fold_across=bool(rng.random() < 0.5),
        tilt=(float(tilt[0]), float(tilt[1]), float(tilt[2])),
        distance=float(rng.uniform(1.5, 2.1)),
    )
    shot = Shot((width, height), turn=turn)
    u, v = sheet_coordinates(sheet, paper, shot, rng)
    rows, columns = sheet.pixels.shape[:2]
    long_side = max(rows, columns)
    map_x = (u * long_side + columns / 2 - 0.5).astype(np.float32)
    map_y = (v * long_side + rows / 2 - 0.5).astype(np.float32)
    page = aged(sheet.pixels, rng)
    seen = cv2.remap(page, map_x, map_y, cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    inside = np.minimum.reduce([map_x + 1, map_y + 1, columns - map_x, rows - map_y]).clip(0, 1)[..., None]
    picture = (
        tabletop(width, height, rng) * (1 - inside) + seen * relief_of(paper, u, v, rng)[..., None] * inside
    )
    picture *= _shadow(width, height, level.shadow, rng)[..., None] * np.float32(rng.uniform(0.85, 1.0))
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(*level.blur))
    noise = rng.standard_normal(picture.shape[:2], dtype=np.float32) * np.float32(rng.uniform(*level.noise))
    pixels = np.rint(picture + noise[..., None]).clip(0, 255).astype(np.uint8)
    quality = int(rng.uniform(*level.quality))
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def _shadow(width: int, height: int, most: float, rng: Rng) -> NDArray[np.float32]:
    """A soft edge somewhere over the picture, darker on one side."""
    y, x = np.mgrid[0:1:64j, 0:1:64j]  # type: ignore[misc]
    angle = rng.uniform(0, 2 * np.pi)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    dark = rng.uniform(0, most) / (1 + np.exp(-(across - rng.uniform(-0.4, 0.4)) / rng.uniform(0.015, 0.2)))
    return np.asarray(
        cv2.resize((1 - dark).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    )
