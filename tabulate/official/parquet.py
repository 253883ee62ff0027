"""Parquet files: every cell as text, opened in a process of its own with little memory and time (`parquet_child`).

A few kilobytes of Parquet can declare a billion equal rows, and a page may unpack to far more than it says; neither may
reach this process.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError, MachineError
from tabulate.official.parquet_child import LARGE, NESTED
from tabulate.official.rows import Table, header_names
from tabulate.official.source import MAX_BYTES, peek, read_content

_WALL_S = 300.0
_CHILD = Path(__file__).with_name("parquet_child.py")


def is_parquet(path: Path) -> bool:
    """Whether the first bytes are those of a Parquet file."""
    return peek(path)[:4] == b"PAR1"


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of the columns; () if this is no Parquet file that can be opened."""
    if not is_parquet(path):
        return ()
    try:
        return tuple(name.strip() for name in _open(path)[0].columns)
    except CotejoError:
        return ()  # whoever parses it says why


def read_parquet(path: Path) -> Table:
    """The rows of a Parquet file as text; numbers stored as floats without a fraction are whole numbers.

    Raises
    ------
    CotejoError
        When the file is damaged or too large, has no rows, or a column holds lists, records or bytes.
    """
    frame, sha256 = _open(path)
    columns = header_names(path, frame.columns)
    if frame.is_empty():
        raise CotejoError(f"{path} has a header and no rows; fetch it from the authority again.")
    renamed = frame.rename(dict(zip(frame.columns, columns, strict=True)))
    return Table(columns, renamed.with_row_index("row", offset=1), {}, sha256)


@lru_cache(maxsize=1)
def _opened(digest: str) -> dict[str, pl.DataFrame]:
    return {}


def _open(path: Path) -> tuple[pl.DataFrame, str]:
    """The table as text and the file's hash. The last one is remembered: detecting and parsing both need it."""
    content = read_content(path)
    kept = _opened(hashlib.sha256(content.data).hexdigest())
    if "table" not in kept:
        kept["table"] = _in_child(path, content.data)
    return kept["table"], content.sha256


def _in_child(path: Path, data: bytes) -> pl.DataFrame:
    try:
        child = subprocess.run(
            [sys.executable, "-I", str(_CHILD), str(MAX_BYTES)],
            input=data,
            capture_output=True,
            timeout=_WALL_S,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise CotejoError(f"{path} takes too long to open; save it as CSV and use that.") from None
    except OSError as error:
        raise MachineError(
            f"no process could be started to open {path} ({error.strerror}); try again."
        ) from None
    if child.returncode == NESTED:
        name = child.stderr.decode(errors="replace")
        raise CotejoError(f"{path}: the column {name!r} holds no plain values; save it flat.")
    if child.returncode == LARGE:
        raise CotejoError(
            f"{path} holds more than {MAX_BYTES // 2**20} MiB once unpacked; a count by station is smaller: "
            "check that it is the right file."
        )
    if child.returncode:
        raise CotejoError(f"{path} is a damaged or too large Parquet file; fetch it again.")
    return pl.read_ipc(io.BytesIO(child.stdout))
