"""A file from an authority, opened safely: bytes out of a plain file, a gzip, a tar.gz or a zip.

The file is read once, and its hash is of the very bytes that are parsed; a file that grows or changes meanwhile is
refused. Nothing is interpreted here; `rows` makes rows of text, `workbook` opens XLSX.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TypeVar

from ocr.errors import CotejoError, MachineError

Member = TypeVar("Member")
MAX_BYTES = 512 * 1024 * 1024
"""Largest file, counted after unpacking; a national count of 200,000 stations is a tenth of it."""

HEAD_BYTES = 64 * 1024
_MAX_MEMBERS = 1000
_DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError)
_BESIDE = re.compile(
    r"(^|/)(leeme|leiame|readme|__macosx/)|candidat(o|ura)s?[^/]*$|\.(pdf|docx?|html?)$", re.IGNORECASE
)
"""What authorities pack beside the count: the description of the layout, the list of candidates."""


@dataclass(frozen=True)
class Content:
    """The bytes of one file.

    Attributes
    ----------
    data
        After unpacking.
    sha256
        Of the file as it lay on disk, before any unpacking.
    beside
        Name -> bytes of what is packed beside the count, where it is text and small (lists of candidates).
    """

    path: Path
    data: bytes
    sha256: str
    beside: dict[str, bytes]


def file_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, as hexadecimal text."""
    return hashlib.sha256(_whole(path, MAX_BYTES)).hexdigest()


def read_content(path: Path, limit: int | None = None) -> Content:
    """The bytes of a plain file, of a gzip or tar.gz, or of the only count inside a zip.

    Raises
    ------
    CotejoError
        When the file is missing, damaged, empty, changed while it was read, an archive of several counts, or larger than
        `limit` bytes (`MAX_BYTES`) once unpacked.
    """
    limit = MAX_BYTES if limit is None else limit
    disk = _whole(path, limit)
    data, beside = _unpack(path, io.BytesIO(disk), limit + 1, True)
    _check_size(path, len(data), limit)
    nothing = b"\xef\xbb\xbf \t\r\n\x1a"
    if not data[:HEAD_BYTES].strip(nothing) and not data.strip(
        nothing
    ):  # the whole is copied only if it must be
        raise CotejoError(f"{path} is empty; fetch it from the authority again.")
    return Content(path, data, hashlib.sha256(disk).hexdigest(), beside)


def read_bytes(path: Path, limit: int | None = None) -> bytes:
    """`read_content` without the hash."""
    return read_content(path, limit).data


def peek(path: Path) -> bytes:
    """The first 64 kB of content. Cheap: unpacks no more than that, and remembers it while the file stays as it is."""
    try:
        found = path.stat()
    except OSError:
        return _peek(path, ())  # the open says what is wrong
    return _peek(path, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=8)
def _peek(path: Path, stamp: tuple[int, ...]) -> bytes:
    with open_file(path) as file:
        return _unpack(path, file, HEAD_BYTES, False)[0]


def open_file(path: Path) -> IO[bytes]:
    """Open for reading, with one sentence for whatever may be wrong."""
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise CotejoError(f"There is no file {path}; check the name.") from None
    except IsADirectoryError:
        raise CotejoError(f"{path} is a folder; name one file in it.") from None
    except PermissionError:
        raise CotejoError(f"{path} may not be read by this user; change its permissions.") from None
    except OSError as error:
        raise MachineError(f"{path} cannot be read: {error.strerror}; check the disk.") from None


def _whole(path: Path, limit: int) -> bytes:
    """All bytes on disk, of one moment: the file must be the same before and after."""
    with open_file(path) as file:
        before = os.fstat(file.fileno())
        try:
            data = file.read(min(limit, before.st_size) + 1)
        except OSError as error:
            raise MachineError(f"{path} cannot be read: {error.strerror}; check the disk.") from None
        after = os.fstat(file.fileno())
    _check_size(path, len(data), limit)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(
        data
    ) != after.st_size:
        raise CotejoError(f"{path} changed while it was read; wait until it is complete and import it again.")
    return data


def _check_size(path: Path, size: int, limit: int) -> None:
    if size > limit:
        raise CotejoError(
            f"{path} holds more than {limit // 2**20} MiB once unpacked; a count by station is smaller: "
            "check that it is the right file."
        )


def _unpack(path: Path, file: IO[bytes], size: int, beside: bool) -> tuple[bytes, dict[str, bytes]]:
    """At most `size` bytes of content. Reads no more than that from a compressed file, whatever it declares."""
    magic = file.read(4)
    file.seek(0)
    try:
        if magic == b"PK\x03\x04":
            return _unzip(path, file, size, beside)
        if magic[:2] == b"\x1f\x8b":
            return _gunzip(path, file, size, beside)
        return file.read(size), {}
    except (*_DAMAGED, RuntimeError, NotImplementedError):
        raise CotejoError(f"{path} is a damaged or locked archive; fetch it again.") from None
    except OSError as error:
        if error.errno is None:  # bzip2 reports damaged data so; the disk always gives a number
            raise CotejoError(f"{path} is a damaged or locked archive; fetch it again.") from None
        raise MachineError(f"{path} cannot be read: {error.strerror}; check the disk.") from None


def _unzip(path: Path, file: IO[bytes], size: int, beside: bool) -> tuple[bytes, dict[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        members = [m for m in archive.infolist() if not m.is_dir()]
        if any(m.filename in ("[Content_Types].xml", "xl/workbook.xml") for m in members):
            file.seek(0)
            return file.read(size), {}  # a workbook is a file, not an archive of files

        def read(member: zipfile.ZipInfo, most: int) -> bytes:
            with archive.open(member) as packed:
                return packed.read(most)

        return _choose(path, [(m.filename, m) for m in members], read, size, beside)


def _gunzip(path: Path, file: IO[bytes], size: int, beside: bool) -> tuple[bytes, dict[str, bytes]]:
    with gzip.open(file) as packed:
        start = packed.read(512)
        if start[257:262] != b"ustar":
            return start + packed.read(max(0, size - len(start))), {}
    file.seek(0)
    with tarfile.open(fileobj=_Bounded(gzip.open(file), MAX_BYTES), mode="r|") as archive:
        # A tar is a stream: its members can only be read in passing.
        kept: list[tuple[str, bytes]] = []
        for member in archive:
            part = archive.extractfile(member) if member.isfile() else None
            if part is not None and len(kept) < _MAX_MEMBERS:
                kept.append((member.name, part.read(size)))
    return _choose(path, [(name, data) for name, data in kept], lambda data, most: data[:most], size, beside)


class _Bounded(io.RawIOBase):
    """A stream that ends, as damaged, after so many bytes."""

    def __init__(self, inner: gzip.GzipFile, limit: int) -> None:
        self._inner, self._left = inner, limit

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(min(size, self._left) if size >= 0 else self._left)
        self._left -= len(data)
        return data


def _choose(
    path: Path,
    members: list[tuple[str, Member]],
    read: Callable[[Member, int], bytes],
    size: int,
    beside: bool,
) -> tuple[bytes, dict[str, bytes]]:
    """The one member that is a count, and the small texts beside it."""
    counts = [m for m in members if not _BESIDE.search(m[0])]
    if len(counts) != 1:
        counts = members if len(members) == 1 else counts
    if len(counts) != 1:
        raise CotejoError(
            f"{path} holds {len(counts) or len(members)} files; unpack it and name the one with the count."
        )
    small = {}
    if beside:
        others = [m for m in members if m[0] != counts[0][0] and m[0].lower().endswith((".csv", ".txt"))]
        small = {name: read(member, HEAD_BYTES * 16) for name, member in others[:8]}
    return read(counts[0][1], size), small
