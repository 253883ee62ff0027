"""Files made to harm: each ends within the limits, in a process whose death this one survives."""

from __future__ import annotations

import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr import image
from ocr.errors import CotejoError
from ocr.image import Limits, Refused, open_objects, open_picture, page_count
from ocr.read import read_all
from tests.ocr import hostile

SECONDS = 5.0  # of the processor, for one page
START_S = 1.0  # more, for the process itself
WALL_S = 25.0  # on a machine with other work; the processor's seconds are what is promised
MEMORY = 1536 * 2**20


class Watch:
    """The most memory that the decoding process held, looked at while it runs."""

    def __init__(self) -> None:
        self.peak = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        image.close()
        image.warm_up()
        self.began = time.monotonic()
        self.cpu = self._children()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._look_once()
        self._ends.set()
        self._thread.join()
        self.wall = time.monotonic() - self.began
        image.close()  # waited for, so that its seconds count
        self.cpu = self._children() - self.cpu

    def _children(self) -> float:
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    def _look(self) -> None:
        while not self._ends.wait(0.005):
            self._look_once()

    def _look_once(self) -> None:
        process = image._decoder._process
        if process is None:
            return
        try:
            text = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            return
        for line in text.splitlines():
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) * 1024)


@pytest.fixture(autouse=True)
def _end() -> Iterator[None]:
    yield
    image.close()


def outcome(opening: Callable[[], object]) -> str:
    try:
        opening()
    except Refused as no:
        assert "\n" not in str(no)
        return no.reason
    return "opened"


def within_limits(opening: Callable[[], object], name: str) -> str:
    with Watch() as watch:
        came = outcome(opening)
    print(f"{name}: {came}, {watch.cpu:.1f} CPU s, {watch.wall:.1f} s, {watch.peak / 2**20:.0f} MiB")
    assert watch.cpu < SECONDS + START_S
    assert watch.wall < WALL_S
    assert 0 < watch.peak < MEMORY
    return came


@pytest.mark.parametrize("name", [*hostile.PICTURES, *hostile.PDFS])
def test_opening_ends(name: str) -> None:
    build, expected = (hostile.PICTURES | hostile.PDFS)[name]
    data = build()
    assert within_limits(lambda: open_picture(data), name) in expected


@pytest.mark.parametrize("name", hostile.PDFS)
def test_looking_at_what_a_pdf_draws_ends(name: str) -> None:
    build, expected = hostile.PDFS[name]
    data = build()
    expected = expected | {"opened", "damaged", "timeout", "memory", "too-much-drawn"}
    assert within_limits(lambda: open_objects(data), name) in expected


@pytest.mark.parametrize("name", ["tiff of 10,000 pages", "tiff whose pages turn in a circle", *hostile.PDFS])
def test_counting_pages_ends(name: str) -> None:
    data = (hostile.PICTURES | hostile.PDFS)[name][0]()
    assert within_limits(lambda: page_count(data), name) in {
        "opened", "damaged", "too-many-pages", "timeout", "memory", "decoder-died",
    }  # fmt: skip


def test_nothing_is_fetched_and_nothing_is_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        data = hostile.pdf_that_reaches_out(f"http://127.0.0.1:{server.getsockname()[1]}")
        assert open_picture(data).pixels.min() == 255  # an empty page
        assert outcome(lambda: open_objects(data)) in ("opened", "damaged")
        children = Path(f"/proc/{image._decoder._process.pid}/task").glob("*/children")  # type: ignore[union-attr]
        assert [p.read_text() for p in children if p.read_text()] == []
        with pytest.raises(TimeoutError):
            server.accept()


def test_pictures_out_of_the_ordinary_are_read() -> None:
    """The other side: what is only unusual must open."""
    ramp = np.linspace(0, 65535, 200 * 300).reshape(200, 300).astype(np.uint16)
    colour = Image.fromarray(np.dstack([(ramp >> 8).astype(np.uint8)] * 3))
    ordinary = {
        "16-bit png": hostile.saved("PNG", Image.fromarray(ramp)),
        "16-bit tiff": hostile.saved("TIFF", Image.fromarray(ramp)),
        "cmyk jpeg": hostile.saved("JPEG", colour.convert("CMYK")),
        "cmyk tiff": hostile.saved("TIFF", colour.convert("CMYK")),
        "palette": hostile.saved("PNG", colour.quantize(16)),
        "alpha": hostile.saved("PNG", colour.convert("RGBA")),
        "alpha webp": hostile.saved("WEBP", colour.convert("RGBA"), lossless=True),
        "one bit": hostile.saved("TIFF", colour.convert("1"), compression="group4"),
        "lab": hostile.saved("TIFF", colour.convert("LAB")),
        "ycbcr jpeg, progressive": hostile.saved("JPEG", colour, progressive=True, subsampling=0),
        "grey jpeg": hostile.saved("JPEG", colour.convert("L")),
        "absurd orientation": hostile.with_segments([hostile.exif(9)], hostile.saved("JPEG", colour)),
        "trailing bytes": hostile.saved("JPEG", colour) + bytes(5_000),
        "two metadata blocks": hostile.with_segments(
            [hostile.exif(1), hostile.exif(1)], hostile.saved("JPEG", colour)
        ),
    }
    shapes = {name: open_picture(data).pixels.shape for name, data in ordinary.items()}
    assert shapes == dict.fromkeys(ordinary, (200, 300, 3))


@pytest.mark.parametrize("kind", ["fifo", "folder", "link to nowhere", "link to itself", "absent", "device"])
def test_paths_that_are_no_files(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "acta.jpg"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link to nowhere":
            path.symlink_to(tmp_path / "nowhere")
        case "link to itself":
            path.symlink_to(path)
        case "device":
            path = Path("/dev/zero")
    with pytest.raises(CotejoError, match=r"cannot be read|no photo"):
        read_all(path, {})


def test_a_picture_at_the_limit_is_read_within_the_memory() -> None:
    """The whole reading, not only the opening: 62 megapixels of noise, and a strip of a million pixels."""
    limits = Limits()
    assert limits.pixels > 8_000 * 7_800
    noise = np.random.default_rng(3).integers(0, 256, (780, 800), dtype=np.uint8)
    wide = hostile.saved("JPEG", Image.fromarray(np.tile(noise, (10, 10))), quality=30)
    for data in (wide, hostile.PICTURES["64 x 990,000"][0]()):
        reading = read_all(data)[0]
        assert reading.refused
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 2 * MEMORY
