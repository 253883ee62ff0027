"""Made-up strips and boletins: what a machine would print, drawn for tests and benchmarks."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocr.form import load_forms
from tests.ocr.made import jpeg

FORMS = load_forms()
FORM = FORMS["ve-cne-2024"]
WORDS = ("Cero", "Uno", "Dos", "Tres", "Cuatro", "Cinco", "Seis", "Siete", "Ocho", "Nueve")
Gray = NDArray[np.uint8]
STATION = "012345678.09"


def values(seed: int = 1) -> dict[str, int]:
    """A strip that adds up."""
    rng = np.random.default_rng(seed)
    names = FORM.codes[0].fields
    out = {n: int(v) for n, v in zip(names, rng.integers(0, 40, len(names)), strict=True)}
    out |= {"GONZALEZ/MUD": 256, "MADURO/PSUV": 178, "votos_vacios": 0}
    valid = sum(v for n, v in out.items() if "/" in n)
    cast = valid + out["votos_nulos"]
    return out | {
        "opciones_validas": valid,
        "votos_validos": valid,
        "votos_parciales": 0,
        "votos": cast,
        "votantes_maquina": cast,
        "votantes_cuaderno": cast,
        "electores": 1937,
    }


def code_text(of: dict[str, int]) -> str:
    numbers = [str(of[n]) for n in FORM.codes[0].fields]
    return f"{STATION}.1.0001!{','.join(numbers[:-2])}!{numbers[-2]}!{numbers[-1]}"


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def strip(printed: dict[str, int], text: str, *, longer: int = 0, qr: bool = True) -> Gray:
    """A strip as the machine prints it, upright; `longer` moves the table down."""
    height = 7400
    page = Image.new("L", (int(FORM.page.width), height), 255)
    draw = ImageDraw.Draw(page)
    for i, y in enumerate(range(300, 1700 + longer, 90)):
        draw.text((260, y), f"Línea {i} del encabezado", font=font(27), fill=0)
    for rule in FORM.rules:
        draw.line((rule.x0, rule.y0 + longer, rule.x1, rule.y1 + longer), fill=0, width=3)
    for field in FORM.fields:
        x, y, _, h = field.boxes[0]
        end = field.boxes[-1][0] + field.boxes[-1][2]
        y += longer + 0.1 * h + 20  # the baseline of capitals 20 high
        number = str(printed[field.name])
        draw.text(((x + end) / 2, y), number, font=font(28), fill=0, anchor="ms", stroke_width=1)
        if field.words is not None:
            words = ", ".join(WORDS[int(c)] for c in number.zfill(4))
            middle = field.words[0] + field.words[2] / 2
            draw.text((middle, y), words, font=font(28), fill=0, anchor="ms", stroke_width=1)
        if field.label and field.name != "electores":
            draw.text((50, y), field.label, font=font(22), fill=0, anchor="ls")
    if qr:
        bare = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q").to_image(scale=14)
        code = cv2.resize(np.array(bare), (675, 675), interpolation=cv2.INTER_NEAREST)
        page.paste(Image.fromarray(code), (114, height - 760))
    return np.asarray(page, np.uint8)


def colour(gray: Gray) -> Gray:
    return np.repeat(gray[:, :, None], 3, axis=2)


def photo_of(codes: list[str], scale: int = 4) -> bytes:
    pieces = [
        np.array(zxingcpp.create_barcode(t, zxingcpp.BarcodeFormat.QRCode).to_image(scale=scale))
        for t in codes
    ]
    side = max(p.shape[0] for p in pieces) + 40
    paper = np.full((side * len(pieces) + 200, side + 300), 235, np.uint8)
    for i, p in enumerate(pieces):
        paper[100 + i * side : 100 + i * side + p.shape[0], 150 : 150 + p.shape[1]] = np.minimum(p, 235)
    turned = cv2.getRotationMatrix2D((paper.shape[1] / 2, paper.shape[0] / 2), 4, 0.95)
    return jpeg(
        colour(np.asarray(cv2.warpAffine(paper, turned, paper.shape[::-1], borderValue=120), np.uint8))
    )
