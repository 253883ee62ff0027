"""XLSX files: rows of text out of the sheet that has the header, title rows above it or not.

A workbook is a zip of XML. Its declared and its real size are held against a limit before anything opens it, and it is
opened in a process of its own with little memory and time (`xlsx_child`).
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError, MachineError
from tabulate.official.rows import Table, header_names
from tabulate.official.source import MAX_BYTES, peek, read_content

MAX_MEMBERS = 2000
_TITLE_ROWS = 40
_WALL_S = 300.0
_CHILD = Path(__file__).with_name("xlsx_child.py")

Sheets = list[tuple[str, list[list[str]]]]


def is_workbook(path: Path) -> bool:
    """Whether the first bytes are those of a zip with a workbook's parts; many a ``.xlsx`` is plain CSV."""
    start = peek(path)
    return start[:4] == b"PK\x03\x04"


def find_header(path: Path, header: Callable[[Sequence[str]], bool]) -> tuple[str, ...]:
    """The first row of any sheet that is a header; () if there is none or this is no workbook."""
    if not is_workbook(path):
        return ()
    for _, rows in _sheets(path):
        for row in rows[:_TITLE_ROWS]:
            if header([cell.strip() for cell in row]):
                return tuple(cell.strip() for cell in row)
    return ()


def read_workbook(path: Path, header: Callable[[Sequence[str]], bool]) -> Table:
    """The rows under the header, from the first sheet that has one.

    Raises
    ------
    CotejoError
        When the file is no workbook, is damaged or too large, no sheet has the header, or there is no row under it.
    """
    content = read_content(path)
    sheets = _open(str(path), content.data)
    for _, rows in sheets:
        at = next((i for i, row in enumerate(rows[:_TITLE_ROWS]) if header([c.strip() for c in row])), None)
        if at is not None:
            return _table(path, rows, at, content.sha256)
    names = ", ".join(name for name, _ in sheets)
    raise CotejoError(f"{path}: no sheet ({names}) has the header within its first {_TITLE_ROWS} rows.")


def _table(path: Path, rows: list[list[str]], at: int, sha256: str) -> Table:
    columns = header_names(path, rows[at])
    n = len(columns)
    numbers, cells, widths = [], [], {}
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        if not any(cell.strip() for cell in row):
            continue  # an empty row is no record, as an empty line is none
        numbers.append(number)
        cells.append([*row[:n], *([""] * (n - len(row)))])
        if any(cell.strip() for cell in row[n:]):
            widths[number] = max(i for i, cell in enumerate(row, start=1) if cell.strip())
    if not cells:
        raise CotejoError(f"{path} has a header and no rows; fetch it from the authority again.")
    series = [
        pl.Series(name, list(c), pl.String) for name, c in zip(columns, zip(*cells, strict=True), strict=True)
    ]
    raw = pl.DataFrame([pl.Series("row", numbers, pl.UInt32), *series])
    above = tuple(tuple(c for c in row if c.strip()) for row in rows[:at] if any(c.strip() for c in row))
    return Table(columns, raw, widths, sha256, above)


def _sheets(path: Path) -> Sheets:
    found = path.stat()
    return _remembered(str(path), (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=1)
def _remembered(path: str, stamp: tuple[int, ...]) -> Sheets:
    try:
        return _open(path, read_content(Path(path)).data)
    except CotejoError:
        return []  # whoever parses it says why


@lru_cache(maxsize=1)
def _opened(digest: str) -> dict[str, Sheets]:
    return {}


def _open(path: str, data: bytes) -> Sheets:
    """The sheets of a workbook, each cell as text. The last one opened is remembered: detecting and parsing both need it."""
    kept = _opened(hashlib.sha256(data).hexdigest())
    if "sheets" in kept:
        return kept["sheets"]
    _check_zip(path, data)
    try:
        child = subprocess.run(
            [sys.executable, "-I", str(_CHILD)],
            input=data,
            capture_output=True,
            timeout=_WALL_S,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise CotejoError(f"{path} takes too long to open; save its sheet as CSV and import that.") from None
    except OSError as error:
        raise MachineError(
            f"no process could be started to open {path} ({error.strerror}); try again."
        ) from None
    try:
        document: Any = json.loads(child.stdout) if child.returncode == 0 else None
        sheets = [(str(s["name"]), [[str(c) for c in row] for row in s["rows"]]) for s in document["sheets"]]
    except (ValueError, TypeError, KeyError):
        raise CotejoError(
            f"{path} is a damaged, locked or too large workbook; save its sheet as CSV and import that."
        ) from None
    kept["sheets"] = sheets
    return sheets


def _check_zip(path: str, data: bytes) -> None:
    """Unpack every part once, counting only, so that nothing that swells reaches the reader."""
    left = MAX_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise CotejoError(f"{path} has {len(members)} parts; a workbook of results has a few dozen.")
            for member in members:
                with archive.open(member) as part:
                    while chunk := part.read(1 << 20):
                        left -= len(chunk)
                        if left < 0:
                            raise CotejoError(
                                f"{path} holds more than {MAX_BYTES // 2**20} MiB once unpacked; check that it is the right file."
                            )
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError):
        raise CotejoError(f"{path} is a damaged or locked workbook; fetch it again.") from None
