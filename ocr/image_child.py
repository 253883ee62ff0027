"""The process that opens pictures: the only place where bytes from outside meet a decoder.

It is started by `ocr.image`, lives as long as its parent, and answers one request at a time: a line of JSON and two
file descriptors come in (the bytes, and room for the pixels), one line of JSON goes out. It limits itself before it
touches the bytes, so that a decoder that goes wrong takes only this process with it.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import socket
from collections.abc import Callable
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

Pixels = NDArray[np.uint8]

PDF_DPI = 200.0
PDF_MAX_PIXELS = 16_000_000
# What libjpeg says on standard error when parts of the picture are missing; OpenCV then hands on a half grey picture.
BROKEN_JPEG = (b"premature end", b"Premature end", b"bad Huffman code", b"Unsupported marker")
# EXIF orientation to what turns the stored picture upright.
UPRIGHT: dict[int, Callable[[Pixels], Any]] = {
    2: lambda p: cv2.flip(p, 1),
    3: lambda p: cv2.rotate(p, cv2.ROTATE_180),
    4: lambda p: cv2.flip(p, 0),
    5: cv2.transpose,
    6: lambda p: cv2.rotate(p, cv2.ROTATE_90_CLOCKWISE),
    7: lambda p: cv2.flip(cv2.transpose(p), -1),
    8: lambda p: cv2.rotate(p, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


class _No(Exception):
    """A reason not to open the picture; `args` are its short id and numbers for its sentence."""


def main(channel: int) -> None:
    """Serve requests on the socket with that descriptor until the other end closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; we end when it does
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    Image.MAX_IMAGE_PIXELS = None  # the limit of the request is stricter, and has its own sentence
    with socket.socket(fileno=channel) as parent:
        _send(parent, {"cpu": _cpu_s()})
        while request := _receive(parent):
            message, source, target = request
            try:
                answer = _serve(message, source, target)
            finally:
                os.close(source)
                os.close(target)
            answer["cpu"] = _cpu_s()
            _send(parent, answer)


def _cpu_s() -> float:
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def _send(parent: socket.socket, message: dict[str, Any]) -> None:
    parent.sendall(json.dumps(message).encode() + b"\n")


def _receive(parent: socket.socket) -> tuple[dict[str, Any], int, int] | None:
    line, handles = b"", []
    while not line.endswith(b"\n"):
        part, got, _, _ = socket.recv_fds(parent, 4096, 2)
        if not part:
            return None
        line += part
        handles += got
    return json.loads(line), handles[0], handles[1]


def _serve(message: dict[str, Any], source: int, target: int) -> dict[str, Any]:
    used = _cpu_s()  # the limit counts whole seconds since the process began
    end = max(math.floor(used + message["cpu_s"]), math.floor(used) + 1)
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_AS, (message["memory"], resource.RLIM_INFINITY))
    os.lseek(2, 0, os.SEEK_SET)
    os.ftruncate(2, 0)
    try:
        with open(source, "rb", closefd=False) as file:
            data = file.read()
        if message["drawing"]:
            return _drawing(data, message, target)
        pages, pixels = _open(data, message)
        if pixels is None:
            return {"pages": pages}
        if message["grey"] and pixels.ndim == 3:
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        with open(target, "wb", closefd=False) as file:
            file.write(np.ascontiguousarray(pixels).reshape(-1).data)
        return {"pages": pages, "height": pixels.shape[0], "width": pixels.shape[1]}
    except _No as no:
        return {"reason": no.args[0], "numbers": no.args[1:]}
    except MemoryError:
        return {"reason": "memory", "numbers": []}
    except cv2.error as e:
        return {"reason": "memory" if e.code == cv2.Error.StsNoMem else "damaged", "numbers": []}
    except Exception:  # whatever a decoder raises on hostile bytes: the picture is not usable
        return {"reason": "damaged", "numbers": []}


def _open(data: bytes, message: dict[str, Any]) -> tuple[int, Pixels | None]:
    """Number of pages, and the pixels of the wanted one unless only the number was asked for (page 0)."""
    if message["kind"] == "PDF":
        return _pdf(data, message)
    with Image.open(BytesIO(data), formats=(message["kind"],)) as image:
        pages = getattr(image, "n_frames", 1) if message["kind"] == "TIFF" else 1
        page = _checked(pages, message)
        if page == 0:
            return pages, None
        if page > 1:
            image.seek(page - 1)
        width, height = image.size
        if width * height > message["pixels"] or max(width, height) > message["longest"]:
            raise _No("too-many-pixels", width, height)
        if min(width, height) < message["side"]:
            raise _No("too-small", width, height)
        if message["kind"] == "JPEG" and image.mode in ("L", "RGB"):
            pixels = _jpeg(data, message["grey"])
        else:
            pixels = _flat(image)
        if pixels.shape[0] * pixels.shape[1] != height * width:
            raise _No("damaged")
        try:  # after loading, because Pillow turns a TIFF itself while it loads and then drops the mark
            orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
        except Exception:  # a broken EXIF block does not spoil the picture
            orientation = 1
    return pages, UPRIGHT[orientation](pixels) if orientation in UPRIGHT else pixels


def _drawing(data: bytes, message: dict[str, Any], target: int) -> dict[str, Any]:
    """What a PDF page draws, as JSON in the room for the pixels."""
    if message["kind"] != "PDF":
        raise _No("not-a-pdf")
    pages, _ = _pdf(data, message | {"page": 0})
    page = _checked(pages, message)
    from ocr.pdf_child import TooMuch, objects  # only who asks for a drawing pays for it

    try:
        text = json.dumps(objects(data, page)).encode()
    except TooMuch:
        raise _No("too-much-drawn") from None
    with open(target, "wb", closefd=False) as file:
        file.write(text)
    return {"pages": pages, "bytes": len(text)}


def _checked(pages: int, message: dict[str, Any]) -> int:
    if pages > message["pages"]:
        raise _No("too-many-pages", pages, message["pages"])
    page = int(message["page"])
    if page > pages:
        raise _No("no-such-page", page, pages)
    return page


def _jpeg(data: bytes, grey: bool) -> Pixels:
    flags = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    said = os.pread(2, 4096, 0)
    if pixels is None or any(word in said for word in BROKEN_JPEG):
        raise _No("damaged" if pixels is None and data.rfind(b"\xff\xd9") > 0 else "truncated")
    return pixels.astype(np.uint8, copy=False)


def _flat(image: Image.Image) -> Pixels:
    """Any mode of Pillow as 8-bit BGR, transparency on white."""
    if image.mode.startswith("I;16"):
        grey = np.right_shift(np.asarray(image).astype(np.uint16), 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise _No("unusual")
    try:
        if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
            layer = image.convert("RGBA")
            flat = Image.new("RGB", image.size, "white")
            flat.paste(layer, mask=layer.getchannel("A"))
        else:
            flat = image.convert("RGB")
    except OSError as e:
        raise _No("truncated" if "truncated" in str(e).lower() else "damaged") from None
    return np.asarray(flat)[:, :, ::-1]


def _pdf(data: bytes, message: dict[str, Any]) -> tuple[int, Pixels | None]:
    import pypdfium2 as pdfium  # only who sends PDFs pays for it

    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as e:
        raise _No("password" if "password" in str(e).lower() else "damaged") from None
    try:
        pages = len(document)
        if pages == 0:
            raise _No("damaged")
        number = _checked(pages, message)
        if number == 0:
            return pages, None
        page = document[number - 1]
        width, height = page.get_size()  # in points, 72 an inch
        if not (0 < width < 1e5 and 0 < height < 1e5):
            raise _No("damaged")
        scale = min(PDF_DPI / 72, math.sqrt(min(PDF_MAX_PIXELS, message["pixels"]) / (width * height)))
        if min(width, height) * scale < message["side"]:
            raise _No("too-small", round(width * scale), round(height * scale))
        pixels = page.render(scale=scale, may_draw_forms=False).to_numpy()
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        return pages, np.array(pixels[:, :, :3])
    finally:
        document.close()
