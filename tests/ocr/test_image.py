"""Hostile and ordinary files: one clear sentence or a picture, never an exception of another kind, never a leak."""

from __future__ import annotations

import concurrent.futures
import io
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocr import image
from ocr.image import WHY, Limits, Refused, open_picture, page_count

ROOT = Path(__file__).resolve().parents[2]


def drawing(width: int = 320, height: int = 200) -> NDArray[np.uint8]:
    """A picture whose four corners differ, so that every turn shows."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    pixels[: height // 2, : width // 2] = (0, 0, 255)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (255, 0, 0)
    return pixels


def encoded(suffix: str, pixels: NDArray[np.uint8] | None = None) -> bytes:
    return cv2.imencode(suffix, drawing() if pixels is None else pixels)[1].tobytes()


def pillow(kind: str, picture: Image.Image, **settings: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **settings)
    return out.getvalue()


def pdf(pages: int, encrypted: bool = False, box: str = "0 0 300 200") -> bytes:
    """A PDF written by hand; nobody knows the password of an encrypted one."""
    kids = " ".join(f"{i + 4} 0 R" for i in range(pages))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {pages}/Kids[{kids}]>>",
        f"<</Filter/Standard/V 1/R 2/P -4/O<{'00' * 32}>/U<{'11' * 32}>>>",
        *[f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]>>"] * pages,
    ]
    out, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj{text}endobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{p:010d} 00000 n \n" for p in places).encode()
    crypt = f"/Encrypt 3 0 R/ID[<{'22' * 16}><{'22' * 16}>]" if encrypted else ""
    return (
        out + f"trailer<</Size {len(objects) + 1}/Root 1 0 R{crypt}>>\nstartxref\n{start}\n%%EOF\n".encode()
    )


def huge_png(side: int = 30_000) -> bytes:
    """All zeros: a valid PNG of about 100 kB that would take 900 MB."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packer, row = zlib.compressobj(9), bytes(1 + side // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def refused(data: bytes, page: int = 1, limits: Limits | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        open_picture(data, page, limits)
    message = str(caught.value)
    assert "\n" not in message and message[0].islower() and len(message) < 160
    return caught.value


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_lossless_formats_come_back_as_they_were(suffix: str) -> None:
    settings = [cv2.IMWRITE_WEBP_QUALITY, 101] if suffix == ".webp" else []
    picture = open_picture(cv2.imencode(suffix, drawing(), settings)[1].tobytes())
    assert np.array_equal(picture.pixels, drawing())
    assert (picture.page, picture.pages) == (1, 1)
    assert picture.pixels.flags.writeable and picture.pixels.dtype == np.uint8


def test_jpeg_is_what_opencv_decodes() -> None:
    data = encoded(".jpg")
    assert np.array_equal(
        open_picture(data).pixels, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "PDF"])
def test_grey_is_what_the_colours_weigh(kind: str) -> None:
    smooth = cv2.GaussianBlur(drawing(), (0, 0), 5)  # else JPEG's coarser colours show at the edges
    exif = Image.Exif()
    exif[0x0112] = 6
    settings = {"exif": exif} if kind in ("JPEG", "PNG") else {}
    data = pillow(kind, Image.fromarray(smooth[:, :, ::-1]), **settings)
    grey = open_picture(data, grey=True).pixels
    weighed = cv2.cvtColor(open_picture(data).pixels, cv2.COLOR_BGR2GRAY)
    assert grey.dtype == np.uint8 and grey.shape == weighed.shape
    assert np.abs(grey.astype(int) - weighed).max() <= (8 if kind == "JPEG" else 0)
    assert np.abs(grey.astype(int) - weighed).mean() < 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    from PIL import ImageOps

    stored = Image.fromarray(drawing()[:, :, ::-1])
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = pillow(kind, stored, exif=exif)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))[:, :, ::-1]
    got = open_picture(data).pixels
    assert got.shape == wanted.shape
    assert np.abs(got.astype(int) - wanted).mean() < 2


def test_a_broken_exif_block_does_not_spoil_the_picture() -> None:
    good = encoded(".jpg")
    block = b"Exif\0\0II*\0\xff\xff\xff\xff"
    data = good[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + good[2:]
    assert open_picture(data).pixels.shape == (200, 320, 3)


def test_transparency_becomes_white_paper() -> None:
    for mode in ("RGBA", "LA", "PA"):
        data = pillow(
            "PNG" if mode != "PA" else "TIFF",
            Image.new("RGBA", (100, 100), (0, 0, 0, 0)).convert("RGBA" if mode == "PA" else mode),
        )
        assert (open_picture(data).pixels == 255).all()
    clear = Image.new("P", (100, 100), 0)
    clear.putpalette([10, 20, 30] * 256)
    assert (open_picture(pillow("PNG", clear, transparency=0)).pixels == 255).all()


def test_unusual_pixels() -> None:
    ramp = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    got = open_picture(encoded(".png", ramp)).pixels
    assert np.array_equal(got[:, :, 0], (ramp >> 8).astype(np.uint8)) and (got[:, :, 0] == got[:, :, 2]).all()
    bilevel = open_picture(
        pillow("TIFF", Image.fromarray(drawing()[:, :, 0] > 128), compression="group4")
    ).pixels
    assert set(np.unique(bilevel)) == {0, 255}
    cmyk = open_picture(pillow("JPEG", Image.new("CMYK", (100, 100), (0, 0, 0, 0)))).pixels
    assert (cmyk > 250).all()
    grey = open_picture(pillow("JPEG", Image.new("L", (100, 100), 77))).pixels
    assert (grey == 77).all()
    assert refused(pillow("TIFF", Image.new("F", (100, 100), 0.5))).reason == "unusual"


def test_pages() -> None:
    data = pdf(3)
    assert page_count(data) == 3
    picture = open_picture(data, 2)
    assert (picture.page, picture.pages) == (2, 3)
    assert picture.pixels.shape == (556, 834, 3) and (picture.pixels == 255).all()  # 200 dots an inch
    assert refused(data, 4).reason == refused(data, 0).reason == "no-such-page"
    frames = [Image.new("RGB", (100, 100), c) for c in ("red", "blue")]
    many = pillow("TIFF", frames[0], save_all=True, append_images=frames[1:])
    assert page_count(many) == 2
    assert tuple(open_picture(many, 2).pixels[0, 0]) == (255, 0, 0)
    assert page_count(encoded(".jpg")) == 1
    assert refused(encoded(".jpg"), 2).reason == "no-such-page"


def test_a_pdf_page_of_any_size_stays_small() -> None:
    assert open_picture(pdf(1, box="0 0 14000 14000")).pixels.size <= 3 * 16_100_000
    assert refused(pdf(1, box="0 0 90000 2")).reason == "too-small"


def test_bad_files_are_refused_with_one_sentence() -> None:
    jpeg = encoded(".jpg", cv2.resize(drawing(), (1600, 1200)))
    cases = {
        "empty": b"",
        "not-a-picture": b"These are the minutes of the meeting.\n" * 50,
        "truncated": jpeg[: len(jpeg) // 2],
        "too-many-pixels": huge_png(),
        "too-many-pages": pdf(500),
        "password": pdf(1, encrypted=True),
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "too-small": encoded(".png", drawing(20, 20)),
        "damaged": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    }
    assert len(cases["too-many-pixels"]) < 120_000
    assert {name: refused(data).reason for name, data in cases.items()} == {name: name for name in cases}
    assert refused(cases["too-many-pages"], 499).reason == "too-many-pages"
    with pytest.raises(Refused, match="500 pages and 50 is the limit"):
        page_count(cases["too-many-pages"])
    assert refused(jpeg, limits=Limits(bytes=100)).reason == "too-many-bytes"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_truncated_anywhere_is_never_a_half_picture(suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (150, 200, 3), dtype=np.uint8)
    data = encoded(suffix, noise)
    for part in (0.1, 0.5, 0.9, 0.99):
        assert refused(data[: int(len(data) * part)]).reason in ("truncated", "damaged", "not-a-picture")


def test_a_jpeg_whose_middle_is_missing_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    data = encoded(".jpg", noise)
    assert refused(data[: len(data) // 2] + b"\xff\xd9").reason == "truncated"
    assert open_picture(data + b"a trailer as some phones write it").pixels.shape == (300, 400, 3)


def test_every_reason_is_a_sentence_to_act_on() -> None:
    for reason, text in WHY.items():
        assert reason.replace("-", "").isalpha()
        assert ";" in text and not text.endswith(".")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".pdf"])
def test_mutated_bytes(suffix: str) -> None:
    """Seeded mutations: a picture or a refusal, each within seconds; the prove run does many more."""
    rng = np.random.default_rng(20251109)
    settings = [cv2.IMWRITE_TIFF_COMPRESSION, 1] if suffix == ".tiff" else []
    seed = (
        pdf(2)
        if suffix == ".pdf"
        else cv2.imencode(suffix, cv2.resize(drawing(), (120, 90)), settings)[1].tobytes()
    )
    rounds = int(os.environ.get("COTEJO_FUZZ_ROUNDS", "40"))
    outcomes = set()
    for _ in range(rounds):
        data = bytearray(seed)
        for place in rng.integers(0, len(data), rng.integers(1, 8)):
            data[place] = rng.integers(256)
        if rng.random() < 0.3:
            start = int(rng.integers(len(data)))
            del data[start : start + int(rng.integers(1, 50))]
        began = time.monotonic()
        try:
            picture = open_picture(bytes(data))
        except Refused as no:
            outcomes.add(no.reason)
        else:
            outcomes.add("opened")
            assert picture.pixels.ndim == 3
        assert time.monotonic() - began < Limits().wall_s + 5
    assert len(outcomes) > 1  # the mutations matter, or this tests nothing


def child() -> subprocess.Popen[bytes]:
    image.warm_up()
    assert image._decoder._process is not None
    return image._decoder._process


def test_the_decoding_process_may_die() -> None:
    data = encoded(".jpg")
    first = child()
    os.kill(first.pid, signal.SIGKILL)
    assert open_picture(data).pixels.shape == (200, 320, 3)
    assert child().pid != first.pid
    assert first.returncode == -signal.SIGKILL  # waited for: no zombie


def test_a_picture_that_kills_the_process_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    child()
    real = image._Decoder._listen

    def deadly(self: image._Decoder, channel: socket.socket) -> dict[str, object]:
        if channel.gettimeout() == image.START_S:
            return real(self, channel)  # only its greeting
        assert self._process is not None
        killed.append(self._process.pid)
        self._process.kill()
        raise image._Died

    killed: list[int] = []
    monkeypatch.setattr(image._Decoder, "_listen", deadly)
    assert refused(encoded(".jpg")).reason == "decoder-died"
    assert len(set(killed)) == 2
    monkeypatch.undo()
    assert open_picture(encoded(".jpg")).pixels.shape == (200, 320, 3)


def test_a_stuck_process_is_ended() -> None:
    pid = child().pid
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    assert refused(encoded(".jpg"), limits=Limits(wall_s=0.5)).reason == "timeout"
    assert time.monotonic() - began < 5
    assert open_picture(encoded(".jpg")).pixels.shape == (200, 320, 3)


def test_limits_of_the_process_hold() -> None:
    large = encoded(".jpg", np.zeros((6000, 8000, 3), np.uint8))
    used = int(Path(f"/proc/{child().pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    assert refused(large, limits=Limits(memory=used + 50 * 2**20)).reason == "memory"
    assert open_picture(large).pixels.shape == (6000, 8000, 3)
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    # Takes longer than the whole second to which the limit is rounded up: noise in passes, the slowest that a JPEG can be.
    passes = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    slow = cv2.imencode(".jpg", np.tile(noise, (8, 8, 1)), passes)[1].tobytes()
    assert refused(slow, limits=Limits(cpu_s=0.0)).reason == "timeout"


def test_the_environment_of_the_process_is_minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    image.close()
    monkeypatch.setenv("SECRET_OF_THE_MISSION", "1")
    environment = Path(f"/proc/{child().pid}/environ").read_bytes()
    names = {entry.split(b"=")[0].decode() for entry in environment.split(b"\0") if entry}
    ours = {"PATH", "LC_ALL", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LD_LIBRARY_PATH"}
    assert names <= ours | {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"}


def test_threads_share_one_process() -> None:
    pictures = [encoded(".png", np.full((100, 100 + i, 3), i, np.uint8)) for i in range(20)]
    wrong = []

    def work(part: int) -> None:
        for i in range(part, 20, 4):
            pixels = open_picture(pictures[i]).pixels
            if pixels.shape != (100, 100 + i, 3) or not (pixels == i).all():
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def _in_worker(data: bytes) -> tuple[tuple[int, ...], int, int]:
    shape = open_picture(data).pixels.shape
    assert image._decoder._process is not None
    return shape, os.getpid(), image._decoder._process.pid


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_have_their_own_process_and_leave_none(method: str) -> None:
    mine = child().pid
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        results = list(pool.map(_in_worker, [encoded(".jpg")] * 6))
    assert {shape for shape, _, _ in results} == {(200, 320, 3)}
    theirs = {pid for _, _, pid in results}
    assert mine not in theirs and len(theirs) == len({worker for _, worker, _ in results})
    deadline = time.monotonic() + 5
    while any(running(pid) for pid in theirs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(running(pid) for pid in theirs)
    assert running(mine)


def running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # an orphan that nobody waits for yet has ended all the same


@pytest.mark.parametrize("end", ["pass", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_nothing_is_left_when_the_parent_ends(end: str) -> None:
    code = f"from ocr import image; image.warm_up(); print(image._decoder._process.pid, flush=True); {end}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running(pid)


def test_no_descriptor_is_leaked() -> None:
    open_picture(encoded(".jpg"))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for data in (encoded(".jpg"), b"", pdf(2), encoded(".jpg")[:500], encoded(".png")):
        try:
            open_picture(data)
        except Refused:
            continue
    image.close()
    open_picture(encoded(".jpg"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_real_sheets_open(real_data: Path) -> None:
    sheets = sorted(p for p in (real_data / "actas").glob("*/*") if p.suffix in (".jpg", ".jpeg", ".png"))
    assert len(sheets) == 41
    for sheet in sheets[::4]:
        assert open_picture(sheet.read_bytes()).pixels.mean() > 20
