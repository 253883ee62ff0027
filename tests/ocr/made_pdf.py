"""PDFs written by hand for tests: a form's page as vectors, its texts, and numbers as text in its boxes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from ocr.form import Form

POINT = 0.5  # points to a page unit
WIDTHS = {
    "Courier": 0.6,
    "Courier-Bold": 0.6,
    "Helvetica": 0.556,
    "Helvetica-Bold": 0.556,
    "Times-Roman": 0.5,
}


def colour(value: str | None, stroke: bool) -> str:
    value = value or "#000000"
    rgb = (int(value[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return " ".join(f"{v:.3f}" for v in rgb) + (" RG" if stroke else " rg")


class Canvas:
    """Content of one page; coordinates in page units from the top left."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.parts: list[str] = []

    def y(self, y: float) -> float:
        return (self.form.page.height - y) * POINT

    def line(self, x0, y0, x1, y1, width=2.0, ink=None):
        self.parts.append(
            f"{colour(ink, True)} {width * POINT:.2f} w "
            f"{x0 * POINT:.2f} {self.y(y0):.2f} m {x1 * POINT:.2f} {self.y(y1):.2f} l S"
        )

    def box(self, x, y, w, h, *, line=2.0, ink=None, fill=None):
        place = f"{x * POINT:.2f} {self.y(y + h):.2f} {w * POINT:.2f} {h * POINT:.2f} re"
        if fill:
            self.parts.append(f"{colour(fill, False)} {place} f")
        if line:
            self.parts.append(f"{colour(ink, True)} {line * POINT:.2f} w {place} S")

    def text(self, x, y, text, size, *, ink=None, font="F1", mode=0):
        raw = (
            text.encode("cp1252", "replace")
            .replace(b"\\", rb"\\")
            .replace(b"(", rb"\(")
            .replace(b")", rb"\)")
        )
        self.parts.append(
            f"BT {colour(ink, False)} /{font} {size * POINT:.2f} Tf {mode} Tr "
            f"{x * POINT:.2f} {self.y(y):.2f} Td ({raw.decode('latin-1')}) Tj ET"
        )

    def page(self):
        """What is printed on every sheet of the form."""
        form = self.form
        self.box(0, 0, form.page.width, form.page.height, line=0, fill=form.page.background)
        for r in form.rects:
            self.box(r.x, r.y, r.w, r.h, line=r.line, ink=r.colour, fill=r.fill)
        for r in form.rules:
            self.line(r.x0, r.y0, r.x1, r.y1, r.width, r.colour)
        for f in form.fields:
            if f.edges != "none":
                for b in f.boxes:
                    self.box(*b)
        for t in form.texts:
            if not t.rotate:
                width = 0.53 * t.size * len(t.text)
                x = t.x - {"left": 0, "centre": width / 2, "right": width}[t.align]
                self.text(x, t.y, t.text, t.size, ink=t.colour)

    def numbers(self, values: Mapping[str, str], *, font="Helvetica", size=0.62, together=False, **style):
        """One character a box (a space leaves it empty), or with `together` as one word at the row's right end."""
        for f in self.form.fields:
            if f.name not in values:
                continue
            text = values[f.name]
            x, y, w, h = f.boxes[-1]
            wide = WIDTHS[font] * h * size
            if together:
                self.text(x + w - (len(text) + 0.2) * wide, y + 0.72 * h, text, h * size, font="F2", **style)
                continue
            for sign, (x, y, w, h) in zip(text, f.boxes, strict=True):
                if sign != " ":
                    self.text(x + (w - wide) / 2, y + 0.72 * h, sign, h * size, font="F2", **style)

    def picture(self):
        """The page's own picture object, over the whole page."""
        w, h = self.form.page.width * POINT, self.form.page.height * POINT
        self.parts.append(f"q {w:.2f} 0 0 {h:.2f} 0 0 cm /Im Do Q")

    def pdf(self, *, font="Helvetica", picture: np.ndarray | None = None, rotate=0) -> bytes:
        content = zlib.compress("\n".join(self.parts).encode("latin-1"))
        w, h = self.form.page.width * POINT, self.form.page.height * POINT
        fonts = "/F1 5 0 R /F2 6 0 R"
        images = "/XObject << /Im 7 0 R >>" if picture is not None else ""
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {w:.2f} {h:.2f}] /Rotate {rotate} /Contents 4 0 R "
            f"/Resources << /Font << {fonts} >> {images} >> >>".encode(),
            stream("/Filter /FlateDecode", content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            f"<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>".encode(),
        ]
        if picture is not None:
            rows, columns = picture.shape[:2]
            keys = f"/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /FlateDecode"
            objects.append(stream(keys, zlib.compress(np.ascontiguousarray(picture[..., ::-1]).tobytes())))
        return assembled(objects)


def stream(keys: str, data: bytes) -> bytes:
    return f"<< {keys} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def assembled(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    starts = []
    for number, body in enumerate(objects, start=1):
        starts.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{s:010d} 00000 n \n".encode() for s in starts)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    return bytes(out)
