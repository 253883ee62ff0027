"""A form's blank page, drawn from its TOML: one file says where everything is.

Registration matches photos against this picture, `cotejo forms check` shows it to people, and the sample election is
written on it. Codes (QR and bar codes) are not drawn: they differ from sheet to sheet.
"""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocr.form import Form, Rect, Rule, Text

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SHIFT = 4  # OpenCV draws at 1/16 of a pixel
BOX_LINE = 2.0  # page units; how boxes with edges are printed
SOFT = 0.75  # pixels by which OpenCV's soft edges widen each side of a polygon (measured)
BOLD = 0.025  # of the text's size, added around each letter: the font that Pillow ships has no bold cut


def render(form: Form, scale: float = 1.0) -> NDArray[np.uint8]:
    """Draw the blank page.

    Parameters
    ----------
    form : Form
    scale : float
        Pixels per page unit, above 0.

    Returns
    -------
    uint8 array (round(height * scale), round(width * scale), 3)
        Blue, green, red. Page unit (x, y) lies at pixel coordinate (x * scale, y * scale), pixel edges at whole numbers.

    Raises
    ------
    ValueError
        If the scale is not above 0.
    """
    if not scale > 0:
        raise ValueError(f"the scale is {scale}; give pixels per page unit, above 0")
    size = (round(form.page.height * scale), round(form.page.width * scale))
    canvas = np.empty((*size, 3), np.uint8)
    canvas[:] = _bgr(form.page.background)
    ink = form.page.ink
    for rect in form.rects:
        _rect(canvas, rect, ink, scale)
    for rule in form.rules:
        _rule(canvas, rule, ink, scale)
    for field in form.fields:
        if field.edges != "none":
            for x, y, w, h in field.boxes:
                _rect(
                    canvas,
                    Rect(x=x, y=y, w=w, h=h, line=BOX_LINE, dotted=field.edges == "dotted"),
                    ink,
                    scale,
                )
    picture = Image.fromarray(np.ascontiguousarray(canvas[..., ::-1]))
    for text in form.texts:
        draw_text(picture, text, ink, scale)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


def draw_text(picture: Image.Image, text: Text, ink: str, scale: float) -> None:
    """Draw one printed text on an RGB picture; `ink` is its colour if it names none."""
    size = font_size(text.size * scale)
    if size < 1:
        return
    colour = text.colour or ink
    font = ImageFont.load_default(size)
    plain, marks = _split_marks(text.text)
    width = font.getlength(plain)
    start = {"left": 0.0, "centre": width / 2, "right": width}[text.align]
    x, y = text.x * scale, text.y * scale
    stroke = text.size * scale * BOLD if text.bold else 0.0
    if not text.rotate:
        draw = ImageDraw.Draw(picture)
        draw.text((x - start, y), plain, fill=colour, font=font, anchor="ls", stroke_width=stroke)
        _draw_marks(draw, (x - start, y), (plain, marks), font, fill=colour, stroke=stroke)
        return
    # Drawn on a mask twice the text's reach, turned about the anchor, and stamped: no other way in Pillow to turn text.
    reach = int(width + 2 * size) + 2
    mask = Image.new("L", (2 * reach, 2 * reach))
    draw = ImageDraw.Draw(mask)
    draw.text((reach - start, reach), plain, fill=255, font=font, anchor="ls", stroke_width=stroke)
    _draw_marks(draw, (reach - start, reach), (plain, marks), font, fill=255, stroke=stroke)
    mask = mask.rotate(-text.rotate, resample=Image.Resampling.BICUBIC)
    picture.paste(Image.new("RGB", mask.size, colour), (round(x) - reach, round(y) - reach), mask)


# Pillow's own font has no letter beyond ASCII: marks are drawn over the plain letter. In units of the cap height, from the
# middle of the letter and the top of its body, y down.
CEDILLA = "\u0327"
MARKS: dict[str, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "\u0301": (((-0.06, -0.10), (0.12, -0.30)),),  # acute
    "\u0300": (((0.06, -0.10), (-0.12, -0.30)),),  # grave
    "\u0302": (((-0.16, -0.12), (0.0, -0.28)), ((0.0, -0.28), (0.16, -0.12))),  # circumflex
    "\u0303": (
        ((-0.20, -0.14), (-0.07, -0.24)),
        ((-0.07, -0.24), (0.07, -0.14)),
        ((0.07, -0.14), (0.20, -0.24)),
    ),  # tilde
    "\u0308": (((-0.17, -0.20), (-0.09, -0.20)), ((0.09, -0.20), (0.17, -0.20))),  # diaeresis
    CEDILLA: (((0.04, 1.06), (-0.04, 1.24)),),  # cedilla
}
PLAIN = {
    "º": "o",
    "ª": "a",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "–": "-",
    "—": "-",
    "¿": "",
    "¡": "",
    "№": "No",
}


def _split_marks(text: str) -> tuple[str, list[tuple[int, str]]]:
    """The text in letters that the font has, and which marks stand over which of them; other letters become spaces."""
    plain: list[str] = []
    marks: list[tuple[int, str]] = []
    for letter in unicodedata.normalize("NFD", "".join(PLAIN.get(c, c) for c in text)):
        if letter in MARKS and plain:
            marks.append((len(plain) - 1, letter))
        elif not unicodedata.combining(letter):
            plain.append(letter if letter.isascii() else " ")
    return "".join(plain), marks


def _draw_marks(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: tuple[str, list[tuple[int, str]]],
    font: Font,
    **how: Any,
) -> None:
    plain, marks = text
    cap = font_cap(font)
    width = max(1, round(0.1 * cap + how["stroke"]))
    for i, mark in marks:
        left, top, right, _bottom = font.getbbox("x" if plain[i] in "ij" else plain[i], anchor="ls")
        x = at[0] + font.getlength(plain[: i + 1]) - font.getlength(plain[i]) + (left + right) / 2
        y = at[1] + (top if mark != CEDILLA else -cap)
        for (ax, ay), (bx, by) in MARKS[mark]:
            draw.line((x + ax * cap, y + ay * cap, x + bx * cap, y + by * cap), fill=how["fill"], width=width)


def text_width(text: str, size: float) -> float:
    """Width of a text of that `Text.size`, in the same units as the size."""
    return _width(text) * size / 100.0


@functools.lru_cache(maxsize=8192)
def _width(text: str) -> float:
    return float(ImageFont.load_default(font_size(100.0)).getlength(_split_marks(text)[0]))


def font_size(size: float) -> float:
    """Pillow's font size for a `Text.size` (cap height times 1.4)."""
    return size / 1.4 / _cap_height()


def font_cap(font: Font) -> float:
    """Height of a capital letter of that font."""
    box = font.getbbox("H")
    return float(box[3] - box[1])


@functools.cache
def _cap_height() -> float:
    """Height of a capital letter at font size 1."""
    return font_cap(ImageFont.load_default(200.0)) / 200.0


def _bgr(colour: str) -> tuple[int, int, int]:
    return int(colour[5:7], 16), int(colour[3:5], 16), int(colour[1:3], 16)


def _cover(start: float, end: float, n: int) -> tuple[int, NDArray[np.float64]]:
    """First pixel and share of each pixel that the interval covers, on a line of n pixels."""
    start, end = min(max(start, 0.0), n), min(max(end, 0.0), n)
    first = int(np.floor(start))
    edges = np.arange(first, int(np.ceil(end)) + 1, dtype=np.float64)
    return first, np.diff(np.clip(edges, start, end))


def _fill(
    canvas: NDArray[np.uint8], corners: tuple[float, float, float, float], colour: str, scale: float
) -> None:
    """An upright rectangle (x0, y0, x1, y1); pixels on its border are mixed by the share it covers."""
    x0, y0, x1, y1 = corners
    left, across = _cover(x0 * scale, x1 * scale, canvas.shape[1])
    top, down = _cover(y0 * scale, y1 * scale, canvas.shape[0])
    if not len(across) or not len(down):
        return
    part = canvas[top : top + len(down), left : left + len(across)]
    share = np.outer(down, across)[..., None]
    part[:] = np.rint(part + share * (np.array(_bgr(colour)) - part.astype(np.float64))).astype(np.uint8)


def _rect(canvas: NDArray[np.uint8], rect: Rect, ink: str, scale: float) -> None:
    x0, y0, x1, y1 = rect.x, rect.y, rect.x + rect.w, rect.y + rect.h
    if rect.fill is not None:
        _fill(canvas, (x0, y0, x1, y1), rect.fill, scale)
    if rect.line <= 0:
        return
    e = rect.line / 2  # lines meet in the corners
    for a, b, c, d in (
        (x0 - e, y0, x1 + e, y0),
        (x0 - e, y1, x1 + e, y1),
        (x0, y0, x0, y1),
        (x1, y0, x1, y1),
    ):
        _rule(
            canvas,
            Rule(x0=a, y0=b, x1=c, y1=d, width=rect.line, dotted=rect.dotted, colour=rect.colour),
            ink,
            scale,
        )


def _rule(canvas: NDArray[np.uint8], rule: Rule, ink: str, scale: float) -> None:
    """A line with square ends."""
    length = float(np.hypot(rule.x1 - rule.x0, rule.y1 - rule.y0))
    if length == 0 or rule.width <= 0:
        return
    dx, dy = (rule.x1 - rule.x0) / length, (rule.y1 - rule.y0) / length
    half = rule.width / 2
    pieces = [(0.0, length)]
    if rule.dotted:
        pieces = [
            (float(at), min(float(at) + rule.width, length)) for at in np.arange(0.0, length, 3 * rule.width)
        ]
    for a, b in pieces:
        p, q = (rule.x0 + dx * a, rule.y0 + dy * a), (rule.x0 + dx * b, rule.y0 + dy * b)
        if dx == 0 or dy == 0:
            x0, x1, y0, y1 = min(p[0], q[0]), max(p[0], q[0]), min(p[1], q[1]), max(p[1], q[1])
            out_x, out_y = abs(dy) * half, abs(dx) * half
            _fill(canvas, (x0 - out_x, y0 - out_y, x1 + out_x, y1 + out_y), rule.colour or ink, scale)
        else:
            across = np.array((-dy, dx)) * max(half - SOFT / scale, 0.05 / scale)
            corners = np.array((p + across, q + across, q - across, p - across)) * scale - 0.5
            fixed = np.rint(corners * (1 << SHIFT)).astype(
                np.int32
            )  # a pixel's centre is at 0 in OpenCV, at .5 here
            cv2.fillConvexPoly(canvas, fixed, _bgr(rule.colour or ink), cv2.LINE_AA, SHIFT)
