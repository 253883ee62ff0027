"""A file from an authority, opened safely: bytes out of a plain file, a gzip or a zip, then rows of text.

Nothing is interpreted here. Every cell stays the text it was in the file: an empty cell is ``""``, a cell that is
not there because its row ends early is null.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from ocr.errors import CotejoError, MachineError

MAX_BYTES = 512 * 1024 * 1024
"""Largest file, counted after unpacking; a national count of 200,000 stations is a tenth of it."""

_HEAD_BYTES = 64 * 1024
_CHUNK = 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Table:
    """The rows of a file as text.

    Attributes
    ----------
    columns
        The header, in the file's order.
    raw
        ``row`` (UInt32, the line of the file on which the row begins; the header is line 1) and one String column
        per column of the file.
    widths
        Row number -> number of cells, for every row that has fewer or more cells than the header.
    sha256
        Of the file as it lies on disk, before any unpacking.
    """

    columns: tuple[str, ...]
    raw: pl.DataFrame
    widths: dict[int, int]
    sha256: str


def file_sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, as hexadecimal text."""
    digest = hashlib.sha256()
    with _open(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The bytes of a plain file, of a gzip, or of the only file inside a zip.

    Raises
    ------
    CotejoError
        When the file is missing, damaged, empty, a zip of several files, or larger than `limit` bytes once unpacked.
    """
    data = _unpacked(path, limit + 1)
    if len(data) > limit:
        raise CotejoError(
            f"{path} holds more than {limit // 2**20} MiB once unpacked; a count by station is smaller: "
            "check that it is the right file."
        )
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise CotejoError(f"{path} is empty; fetch it from the authority again.")
    return data


def head(path: Path, separator: str = ",", encoding: str = "utf-8-sig") -> tuple[str, ...]:
    """The first record of a file as column names, or () when it is no text in that encoding.

    Cheap: unpacks at most 64 kB.
    """
    data = _unpacked(path, _HEAD_BYTES)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if len(data) < _HEAD_BYTES or error.start < len(data) - 4:
            return ()
        text = data[: error.start].decode(encoding)  # only the cut at 64 kB split a character
    try:
        return tuple(name.strip() for name in next(_records(text, separator))[1])
    except (StopIteration, csv.Error):
        return ()


def read_table(path: Path, separator: str = ",", encoding: str = "utf-8-sig") -> Table:
    """Read a delimited file with a header line, every cell as text.

    Raises
    ------
    CotejoError
        As `read_bytes`; and when the text is not in `encoding`, a column name appears twice, there is no row under
        the header, or a quotation mark is never closed.
    """
    data = read_bytes(path)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper()
        raise CotejoError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not {name} text; "
            f"save the file again as {name}."
        ) from None
    try:
        columns = tuple(name.strip() for name in next(_records(text, separator))[1])
        _check_header(path, columns)
        raw = _read_fast(text, columns, separator)
        widths: dict[int, int] = {}
        if raw is None:
            raw, widths = _read_exactly(text, columns, separator)
    except csv.Error as error:
        raise CotejoError(
            f"{path}: the rows cannot be told apart ({error}); check its quotation marks."
        ) from None
    if raw.height == 0:
        raise CotejoError(f"{path} has a header and no rows; fetch it from the authority again.")
    return Table(columns, raw, widths, file_sha256(path))


def _open(path: Path) -> IO[bytes]:
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


def _unpacked(path: Path, size: int) -> bytes:
    """At most `size` bytes of content. Reads no more than that from a compressed file, whatever it declares."""
    with _open(path) as file:
        magic = file.read(4)
        file.seek(0)
        try:
            if magic == b"PK\x03\x04":
                return _unzipped(path, file, size)
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(file) as packed:
                    return packed.read(size)
            return file.read(size)
        except (*_DAMAGED, RuntimeError):
            raise CotejoError(f"{path} is a damaged or locked archive; fetch it again.") from None
        except OSError as error:
            if error.errno is None:  # bzip2 reports damaged data so; the disk always gives a number
                raise CotejoError(f"{path} is a damaged or locked archive; fetch it again.") from None
            raise MachineError(f"{path} cannot be read: {error.strerror}; check the disk.") from None


def _unzipped(path: Path, file: IO[bytes], size: int) -> bytes:
    with zipfile.ZipFile(file) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise CotejoError(
                f"{path} holds {len(members)} files; unpack it and name the one with the count."
            )
        with archive.open(members[0]) as packed:
            return packed.read(size)


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the line each begins on; blank lines are no records."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    start = 1
    for record in reader:
        if record:
            yield start, record
        start = reader.line_num + 1


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise CotejoError(
                f"{path}: the header names the column {name!r} twice; which of them holds the numbers?"
            )
    if "row" in columns:
        raise CotejoError(f"{path}: a column is called 'row', which is kept for the line number; rename it.")


def _read_fast(text: str, columns: tuple[str, ...], separator: str) -> pl.DataFrame | None:
    """The rows through polars, or None where polars could hide something.

    Polars fills up a short row without a word and refuses a long one, so its answer is taken only when no row ends
    in an empty cell and every row is one line; anything else is read exactly.
    """
    lines = text.count("\n") + (not text.endswith("\n"))
    try:
        raw = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError:
        return None
    if raw.height != lines - 1 or raw.width != len(columns) or raw.height == 0:
        return None
    raw.columns = list(columns)
    last = raw.get_column(columns[-1])
    if last.null_count() or (last == "").any():
        return None
    return raw.select(pl.all().fill_null("")).with_row_index("row", offset=2)


def _read_exactly(text: str, columns: tuple[str, ...], separator: str) -> tuple[pl.DataFrame, dict[int, int]]:
    """The rows one by one, with the width of each that does not fit the header."""
    n = len(columns)
    starts: list[int] = []
    rows: list[list[str | None]] = []
    widths: dict[int, int] = {}
    records = _records(text, separator)
    next(records)
    for start, record in records:
        starts.append(start)
        if len(record) != n:
            widths[start] = len(record)
        rows.append([*record[:n], *([None] * (n - len(record)))])
    cells = zip(*rows, strict=True) if rows else ((),) * n
    series = [pl.Series(name, list(column), pl.String) for name, column in zip(columns, cells, strict=True)]
    return pl.DataFrame([pl.Series("row", starts, pl.UInt32), *series]), widths
