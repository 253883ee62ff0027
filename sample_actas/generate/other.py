"""A document that is no acta: the poll workers' attendance list, which somebody photographs by mistake."""

from __future__ import annotations

from ocr.form import Form
from ocr.render import render
from sample_actas.generate.handwriting import Writer
from sample_actas.generate.sheet import Filled, lay_ink, pixels_of

ROWS = (
    "PRESIDENCIA",
    "SECRETARÍA",
    "PRIMER ESCRUTINIO",
    "SEGUNDO ESCRUTINIO",
    "SUPLENTE 1",
    "SUPLENTE 2",
    "SUPLENTE 3",
)


def attendance_list(writer: Writer, scale: float) -> Filled:
    """The filled list."""
    texts = [
        {
            "x": 600,
            "y": 130,
            "text": "CONSEJO ELECTORAL DE VALDELUZ",
            "size": 26,
            "bold": True,
            "align": "centre",
        },
        {
            "x": 600,
            "y": 190,
            "text": "LISTA DE ASISTENCIA DE FUNCIONARIOS DE CASILLA",
            "size": 26,
            "bold": True,
            "align": "centre",
        },
        {"x": 600, "y": 240, "text": "Documento de muestra, sin valor", "size": 18, "align": "centre"},
        {"x": 200, "y": 330, "text": "CARGO", "size": 18, "bold": True, "align": "centre"},
        {"x": 540, "y": 330, "text": "HORA", "size": 18, "bold": True, "align": "centre"},
        {"x": 880, "y": 330, "text": "FIRMA", "size": 18, "bold": True, "align": "centre"},
    ]
    texts += [{"x": 80, "y": 420 + i * 130, "text": t, "size": 18} for i, t in enumerate(ROWS)]
    rules = [{"x0": 60, "y0": 350 + i * 130, "x1": 1140, "y1": 350 + i * 130} for i in range(len(ROWS) + 1)]
    rules += [{"x0": x, "y0": 290, "x1": x, "y1": 350 + len(ROWS) * 130} for x in (60, 400, 680, 1140)]
    form = Form.model_validate(
        {
            "id": "other", "title": "Attendance list", "country": "XX", "page": {"width": 1200, "height": 1500},
            "texts": texts, "rules": rules,
            "fields": [{"name": "none", "box": (10, 10, 10, 10), "digits": 1, "edges": "none"}],
        }
    )  # fmt: skip
    paper = render(form, scale)
    for i in range(len(ROWS) - 1):
        hour = (420.0, 375.0 + i * 130, 240.0, 80.0)
        lay_ink(
            paper,
            hour,
            writer.words("siete y media" if i % 2 else "siete", pixels_of(hour, scale)),
            writer,
            scale,
        )
        sign = (720.0, 365.0 + i * 130, 380.0, 100.0)
        lay_ink(paper, sign, writer.signature(pixels_of(sign, scale)), writer, scale)
    return Filled(paper, scale, {})
