"""A filled sheet: the blank page from the form's TOML, what is printed for this station, and what people wrote."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image

from ocr.form import Code, Form, FormField, Role, Text, Writing
from ocr.render import draw_text, render
from sample_actas.generate.election import GOVERNOR_PAGES, LANDSCAPE, STRIP, WORDS
from sample_actas.generate.handwriting import Mask, Writer, in_words

Quad = tuple[float, float, float, float]
CODES = {
    STRIP: "10",
    GOVERNOR_PAGES[0]: "21",
    GOVERNOR_PAGES[1]: "22",
}  # what follows the station in the bar code
FILLERS = {"zeros": "0", "x": "x", "dash": "-", "dot": ".", "empty": "_"}
# Where each form has what is printed for the station, where people sign, and where they write a line or two.
SIGNATURES: dict[str, tuple[Quad, ...]] = {
    LANDSCAPE: tuple(
        (x, 402 + i * 84, w, 76) for i in range(6) for x, w in ((1000, 280), (1310, 180), (1515, 180))
    ),
    STRIP: ((80, 2080, 300, 64), (480, 2080, 300, 64)),
    GOVERNOR_PAGES[0]: ((80, 1552, 300, 64), (480, 1552, 300, 64)),
    GOVERNOR_PAGES[1]: ((80, 1018, 300, 64), (480, 1018, 300, 64)),
    WORDS: ((80, 1900, 280, 80), (460, 1900, 280, 80), (840, 1900, 280, 80)),
}
CLOCKS = (
    ((62, 558, 56, 48), (120, 558, 56, 48), (194, 558, 56, 48), (252, 558, 56, 48)),
    ((62, 710, 56, 48), (120, 710, 56, 48), (194, 710, 56, 48), (252, 710, 56, 48)),
)
NOTES = (
    "Se inicio con normalidad",
    "Sin novedad en la mesa",
    "Corre y vale",
    "Ninguna",
    "Mesa instalada a las siete y media",
)


@dataclass(frozen=True)
class Printed:
    """What the authority printed for this station."""

    station_id: str
    region: str
    subregion: str
    place: str


@dataclass(frozen=True)
class Filled:
    """A sheet on paper. `written` is how each field was written: digits, x, -, . and _ for an empty box."""

    pixels: NDArray[np.uint8]
    scale: float
    written: dict[str, str]


def fill(
    form: Form, printed: Printed, values: dict[str, int], writer: Writer, *, style: str, scale: float
) -> Filled:
    """Print and fill a page.

    Parameters
    ----------
    values : dict
        Every field of the form but the station's, as it is to be written.
    style : str
        What stands in leading boxes that the number does not need: one of `FILLERS`.
    scale : float
        Pixels per page unit.
    """
    paper = render(form, scale)
    for code in form.codes:
        _print_code(paper, form, code, printed.station_id, scale)
    paper = _print_station(paper, form, printed, scale)
    written: dict[str, str] = {}
    for field in form.fields:
        if field.role is Role.STATION:
            paper = _print_digits(paper, field, printed.station_id, scale)
        elif field.writing is Writing.PRINT:
            written[field.name] = f"{values[field.name]:0{field.digits}d}"
            paper = _print_digits(paper, field, written[field.name], scale)
        else:
            written[field.name] = as_written(values[field.name], field.digits, style)
            _write(paper, field, written[field.name], writer, scale)
            if field.words:
                text = in_words(values[field.name])
                lay_ink(paper, field.words, writer.words(text, pixels_of(field.words, scale)), writer, scale)
    for i, place in enumerate(SIGNATURES[form.id]):
        if i % 3 != 2 or writer.rng.random() < 0.8:  # some forget to sign at closing
            lay_ink(paper, place, writer.signature(pixels_of(place, scale)), writer, scale)
    if form.id == LANDSCAPE:
        _write_landscape(paper, writer, scale)
    return Filled(paper, scale, written)


def as_written(value: int, boxes: int, style: str) -> str:
    """How a number goes into its boxes, right-justified; a row of x or dashes is how some write zero."""
    digits = str(value)
    if value == 0 and style in ("x", "dash"):
        digits = ""
    if len(digits) > boxes:
        raise ValueError(f"{value} does not fit into {boxes} boxes")
    return FILLERS[style] * (boxes - len(digits)) + digits


def _write(paper: NDArray[np.uint8], field: FormField, text: str, writer: Writer, scale: float) -> None:
    marks = {"x": "x", "-": "dash", ".": "dot"}
    for box, sign in zip(field.boxes, text, strict=True):
        size = pixels_of(box, scale)
        if sign.isdigit():
            lay_ink(paper, box, writer.digit(int(sign), size), writer, scale)
        elif sign != "_":
            lay_ink(paper, box, writer.mark(marks[sign], size), writer, scale)


def _write_landscape(paper: NDArray[np.uint8], writer: Writer, scale: float) -> None:
    for boxes, text in zip(CLOCKS, ("0800", f"1{writer.rng.integers(6, 9)}00"), strict=True):
        for box, sign in zip(boxes, text, strict=True):
            lay_ink(paper, box, writer.digit(int(sign), pixels_of(box, scale)), writer, scale)
    if writer.rng.random() < 0.6:
        line = (344.0, 1046.0, 520.0, 34.0)
        lay_ink(
            paper, line, writer.words(str(writer.rng.choice(NOTES)), pixels_of(line, scale)), writer, scale
        )


def pixels_of(box: Quad, scale: float) -> tuple[float, float]:
    """Width and height of a box in pixels."""
    return box[2] * scale, box[3] * scale


def lay_ink(paper: NDArray[np.uint8], box: Quad, mask: Mask, writer: Writer, scale: float) -> None:
    """Lay ink on paper: a pen presses unevenly, and ink lets a little of the print through."""
    x, y = round(box[0] * scale), round(box[1] * scale)
    part = paper[y : y + mask.shape[0], x : x + mask.shape[1]]
    mask = mask[: part.shape[0], : part.shape[1]]
    coarse = writer.rng.uniform(0.78, 1.0, (3, 4)).astype(np.float32)
    pressure = cv2.resize(coarse, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_CUBIC)
    cover = np.clip(mask * pressure, 0, 0.96)[..., None]
    colour = np.minimum(np.array(writer.ink, np.float32), part.astype(np.float32))
    part[:] = np.rint(part * (1 - cover) + colour * cover).astype(np.uint8)


def _print_digits(paper: NDArray[np.uint8], field: FormField, text: str, scale: float) -> NDArray[np.uint8]:
    height = field.boxes[0][3]
    texts = [
        Text(x=x + w / 2, y=y + h * 0.5 + height * 0.2, text=sign, size=height * 0.56, align="centre")
        for (x, y, w, h), sign in zip(field.boxes, text, strict=True)
    ]
    return _print(paper, texts, scale)


def _print(paper: NDArray[np.uint8], texts: list[Text], scale: float) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(paper[..., ::-1]))
    for text in texts:
        draw_text(picture, text, "#000000", scale)
    return np.ascontiguousarray(np.asarray(picture)[..., ::-1])


def _print_station(paper: NDArray[np.uint8], form: Form, p: Printed, scale: float) -> NDArray[np.uint8]:
    if form.id == LANDSCAPE:
        lines = [
            Text(x=494, y=246 + i * 26, text=t, size=15)
            for i, t in enumerate((p.region, p.subregion, p.subregion, p.place))
        ]
        lines += [
            Text(x=186, y=306, text=p.station_id, size=42, align="centre"),
            Text(x=1286, y=262, text=p.station_id, size=26, align="right"),
            Text(x=186, y=444, text=f"MESA: {p.station_id[-1]}", size=36, align="centre", bold=True),
        ]
    elif form.id == WORDS:
        lines = [
            Text(x=160, y=314, text=p.subregion.upper(), size=16),
            Text(x=296, y=362, text=p.place, size=16),
        ]
    else:
        lines = [
            Text(x=244, y=420, text=f"{p.station_id[:2]} - {p.region.upper()}", size=19, bold=True),
            Text(x=210, y=452, text=p.subregion.upper(), size=19),
            Text(x=150, y=484, text=p.station_id, size=19, bold=True),
            Text(x=156, y=516, text=p.place.upper(), size=19),
            Text(x=430, y=140, text=f"{p.station_id}{CODES[form.id]}", size=17, align="centre"),
        ]
    return _print(paper, lines, scale)


def _print_code(paper: NDArray[np.uint8], form: Form, code: Code, station_id: str, scale: float) -> None:
    if code.kind == "qr":
        kind, text = zxingcpp.BarcodeFormat.QRCode, f"CEV/{station_id}/P"
    else:
        kind, text = zxingcpp.BarcodeFormat.Code128, station_id + CODES[form.id]
    modules = np.array(zxingcpp.create_barcode(text, kind).to_image(add_quiet_zones=False))
    if code.kind != "qr":
        modules = modules[:1]
    w, h = round(code.w * scale), round(code.h * scale)
    quiet = round((0.06 if code.kind == "qr" else 0.03) * w)
    size = (w - 2 * quiet, h - 2 * quiet if code.kind == "qr" else h)
    k = -(-size[0] // modules.shape[1])  # enlarged by a whole number first: modules stay equally wide
    big = np.kron(modules, np.ones((k, k), np.uint8))
    picture = cv2.resize(big, size, interpolation=cv2.INTER_AREA)
    x, y = round(code.x * scale) + quiet, round(code.y * scale) + (quiet if code.kind == "qr" else 0)
    paper[y : y + picture.shape[0], x : x + picture.shape[1]] = picture[..., None]
