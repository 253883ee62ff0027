"""Open a photo or a scanned page safely: every byte of it comes from outside.

Size and kind are checked first, the dimensions before anything is decoded, and the decoding itself happens in a
process of its own (`ocr.image_child`) with little memory, little time and an empty environment. If that process
dies, the picture is refused and the next one gets a fresh process.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ocr.errors import CotejoError, MachineError

START_S = 60.0  # for the decoding process to come up on a busy machine
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)  # nobody sends these to himself


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and how slow a picture may be.

    Attributes
    ----------
    bytes : int
        Of the file.
    pixels : int
        Of one page, by its header.
    longest : int
        Largest width or height in pixels; beyond 32,767 OpenCV does not warp.
    side : int
        Smallest width or height in pixels; below it nothing can be read.
    pages : int
        Of a PDF or TIFF.
    memory : int
        Address space of the decoding process in bytes.
    cpu_s, wall_s : float
        Seconds that opening one page may take, the first to the whole second below. The wall limit is generous: only a
        stuck process should meet it.
    """

    bytes: int = 64 * 2**20
    pixels: int = 64_000_000
    longest: int = 32_000
    side: int = 64
    pages: int = 50
    memory: int = 1536 * 2**20
    cpu_s: float = 5.0
    wall_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One page as pixels, upright as its EXIF says.

    uint8, ``(height, width, 3)`` in the order blue, green, red; or, if it was asked for in grey, ``(height, width)``.
    """

    pixels: NDArray[np.uint8]
    page: int = 1
    pages: int = 1


WHY = {
    "empty": "the file is empty; send the photo again",
    "too-many-bytes": "the file is larger than {} MB; send a photo, or a PDF with fewer pages",
    "heic": "the photo is in the HEIC format, which cannot be opened here; set the phone to JPEG and send it again",
    "not-a-picture": "this is not a JPEG, PNG, WebP, TIFF or PDF file; send the photo itself",
    "truncated": "the picture breaks off before its end; send it again",
    "damaged": "the picture is damaged and cannot be opened; send it again",
    "unusual": "the picture stores its pixels in a way that cannot be read here; send it as JPEG or PNG",
    "too-many-pixels": "the picture is {} x {} pixels, more than can be opened safely; send it smaller",
    "too-small": "the picture is only {} x {} pixels; send a larger one",
    "too-many-pages": "the document has {} pages and {} is the limit; split it",
    "no-such-page": "there is no page {} in this file, it has {}; ask for another page",
    "not-a-pdf": "this is not a PDF file, so it has no drawing to look at; give a PDF",
    "too-much-drawn": "the page draws more lines and letters than a form would; print it to a picture and send that",
    "password": "the PDF is protected by a password; send it without one",
    "memory": "the picture needs more memory than one picture may have; send it smaller",
    "timeout": "the picture takes too long to open; send it as a plain JPEG",
    "decoder-died": "the picture cannot be opened without breaking the program that opens pictures; send it as a plain JPEG",
}


class Refused(CotejoError):
    """A file that is not opened. `reason` is its short stable id, a key of `WHY`; the message is one sentence."""

    def __init__(self, reason: str, *numbers: int) -> None:
        super().__init__(WHY[reason].format(*numbers))
        self.reason = reason


def open_picture(data: bytes, page: int = 1, limits: Limits | None = None, *, grey: bool = False) -> Picture:
    """Open one page of a JPEG, PNG, WebP, TIFF or PDF file, in colour or `grey`, which takes half the time.

    Raises
    ------
    Refused
        If it cannot or must not be opened; the message is one sentence that says what to do.
    MachineError
        If the decoding process cannot be started.
    """
    if page < 1:
        raise Refused("no-such-page", page, 1)
    limits = limits or Limits()
    with _scratch() as target:
        answer = _ask(data, page, limits, target, grey=grey)
        height, width, pages = (answer.get(name) for name in ("height", "width", "pages"))
        if not (isinstance(height, int) and isinstance(width, int) and isinstance(pages, int)):
            raise Refused("decoder-died")
        if min(height, width) < 1 or height * width > limits.pixels:
            raise Refused("decoder-died")
        pixels = np.empty((height, width) if grey else (height, width, 3), np.uint8)
        room = pixels.reshape(-1).data
        target.seek(0)
        got = 0
        while got < len(room):
            n = target.readinto(room[got:])  # type: ignore[attr-defined]
            if not n:
                raise Refused("decoder-died")
            got += n
    return Picture(pixels, page, pages)


def page_count(data: bytes, limits: Limits | None = None) -> int:
    """Number of pages of the file (1 for anything but PDF and TIFF). Raises as `open_picture`."""
    if kind(data, limits or Limits()) not in ("PDF", "TIFF"):
        return 1
    with _scratch() as target:
        pages = _ask(data, 0, limits or Limits(), target).get("pages")
    if not isinstance(pages, int):
        raise Refused("decoder-died")
    return pages


def open_objects(data: bytes, page: int = 1, limits: Limits | None = None) -> dict[str, Any]:
    """What a page of a PDF draws, as `ocr.pdf_child.objects` says it; not checked any further.

    Raises
    ------
    Refused, MachineError
        As `open_picture`; also if it is not a PDF.
    """
    with _scratch() as target:
        size = _ask(data, page, limits or Limits(), target, drawing=True).get("bytes")
        target.seek(0)
        text = target.read()
    try:
        document = json.loads(text) if len(text) == size else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused("decoder-died")
    return document


def kind(data: bytes, limits: Limits | None = None) -> str:
    """``JPEG``, ``PNG``, ``WEBP``, ``TIFF`` or ``PDF`` by the first bytes alone; opens nothing.

    Raises
    ------
    Refused
        If the file is empty, too large, or something else.
    """
    limits = limits or Limits()
    if not data:
        raise Refused("empty")
    if len(data) > limits.bytes:
        raise Refused("too-many-bytes", limits.bytes // 2**20)
    head = bytes(data[:16])
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "TIFF"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif"):
        raise Refused("heic")
    if b"%PDF-" in data[:1024]:
        return "PDF"
    raise Refused("not-a-picture")


def child_cpu_s() -> float:
    """Processor seconds that this process's decoding processes have used so far, start-up included."""
    return _decoder.cpu_s


def warm_up() -> None:
    """Start the decoding process now, so that the first picture does not wait for it."""
    _decoder.start()


def close() -> None:
    """End the decoding process and wait for it; the next picture starts another. Called at exit."""
    _decoder.stop()


def _scratch() -> BinaryIO:
    """A nameless file in memory (on disk where the system has no such thing): nothing is left behind, whoever dies."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("cotejo"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


def _ask(
    data: bytes, page: int, limits: Limits, target: BinaryIO, *, drawing: bool = False, grey: bool = False
) -> dict[str, Any]:
    message = {
        "kind": kind(data, limits),
        "drawing": drawing,
        "grey": grey,
        "page": page,
        "pages": limits.pages,
        "pixels": limits.pixels,
        "longest": limits.longest,
        "side": limits.side,
        "memory": limits.memory,
        "cpu_s": limits.cpu_s,
    }
    with _scratch() as source:
        view = memoryview(data)
        while view:
            view = view[source.write(view) :]
        answer = _decoder.ask(message, source.fileno(), target.fileno(), limits.wall_s)
    if "reason" not in answer:
        return answer
    try:
        refused = Refused(str(answer["reason"]), *(int(n) for n in answer["numbers"]))
    except (KeyError, TypeError, ValueError, IndexError):
        raise Refused("decoder-died") from None  # not an answer of ours
    raise refused


class _Died(Exception):
    """The decoding process is gone, or does not speak our language."""


class _Decoder:
    """The decoding process of this process, started when first needed, started again when it dies."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._ended_cpu_s = 0.0
        self._cpu_s = 0.0

    @property
    def cpu_s(self) -> float:
        return self._ended_cpu_s + self._cpu_s

    def ask(self, message: dict[str, Any], source: int, target: int, wall_s: float) -> dict[str, Any]:
        with self._lock:
            for attempt in (1, 2):
                channel = self._start()
                # A second attempt reads the same file from its start and writes over what the first one left.
                os.lseek(source, 0, os.SEEK_SET)
                os.lseek(target, 0, os.SEEK_SET)
                try:
                    channel.settimeout(wall_s)
                    socket.send_fds(channel, [json.dumps(message).encode() + b"\n"], [source, target])
                    answer = self._listen(channel)
                except TimeoutError:
                    self._stop(kill=True)
                    raise Refused("timeout") from None
                except (_Died, OSError, ValueError):
                    status = self._stop(kill=True)
                    if status == -signal.SIGXCPU:
                        raise Refused("timeout") from None
                    # Killed while idle, or for lack of memory elsewhere, is not the picture's fault; a crash is.
                    if attempt == 2 or (status < 0 and -status not in FROM_OUTSIDE):
                        raise Refused("decoder-died") from None
                else:
                    self._cpu_s = float(answer.get("cpu", self._cpu_s))
                    return answer
        raise AssertionError("unreachable")

    def start(self) -> None:
        with self._lock:
            self._start()

    def stop(self) -> None:
        with self._lock:
            self._stop(kill=False)

    def _start(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._stop(kill=True)
        if self._channel is not None:
            return self._channel
        root = str(Path(__file__).resolve().parents[1])
        path = [root, *(str(Path(p).resolve()) for p in sys.path if p)]
        code = (
            "import sys; sys.path[:] = sys.argv[2:]; from ocr.image_child import main; main(int(sys.argv[1]))"
        )
        environment = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            # glibc: keep the room of one picture for the next one.
            "MALLOC_MMAP_THRESHOLD_": str(2**27),
            "MALLOC_TRIM_THRESHOLD_": str(2**28),
        }
        if "LD_LIBRARY_PATH" in os.environ:  # without it some Pythons do not start at all
            environment["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
        ours, theirs = socket.socketpair()
        with _scratch() as said:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", code, str(theirs.fileno()), *path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said.fileno(),
                    pass_fds=(theirs.fileno(),),
                    cwd="/",
                    env=environment,
                )
                theirs.close()
                self._channel = ours
                ours.settimeout(START_S)
                self._cpu_s = float(self._listen(ours).get("cpu", 0.0))
            except (_Died, OSError, ValueError) as e:
                theirs.close()
                ours.close()
                self._stop(kill=True)
                said.seek(0)
                last = said.read()[-2000:].decode(errors="replace").strip().splitlines()[-1:] or [repr(e)]
                raise MachineError(
                    f"the process that opens pictures does not start ({last[0]}); reinstall cotejo"
                ) from None
        return ours

    def _listen(self, channel: socket.socket) -> dict[str, Any]:
        line = b""
        while not line.endswith(b"\n"):
            part = channel.recv(4096)
            if not part or len(line) > 65536:
                raise _Died
            line += part
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise _Died
        return answer

    def _stop(self, kill: bool) -> int:
        """End the process, wait for it, and return how it ended; it ends by itself when its channel closes."""
        process, channel = self._process, self._channel
        self._process = self._channel = None
        self._ended_cpu_s += self._cpu_s
        self._cpu_s = 0.0
        if channel is not None:
            channel.close()
        if process is None:
            return 0
        try:
            # A process that has died by itself says how only once it is waited for.
            return process.wait(timeout=0.2 if kill else 2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def forget(self) -> None:
        """After a fork: the process belongs to the parent; drop our copy of its channel without a word."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.returncode = 0  # it is not ours to wait for
        self.__init__()  # type: ignore[misc]  # the lock too: a thread that is not here may hold it


_decoder = _Decoder()
os.register_at_fork(after_in_child=_decoder.forget)
atexit.register(close)
