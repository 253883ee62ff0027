"""Rows of text out of the bytes of a delimited file.

Every cell stays the text it was: an empty cell is ``""``, a cell that is not there because its row ends early is null.
Where each record begins and how many cells it has is found first, over all bytes at once; polars then parses the rows
that fit the header, and those that do not fit are read one by one. (Polars alone fills a short row up without a word.)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ocr.errors import CotejoError
from tabulate.official.source import HEAD_BYTES, peek, read_content

UTF8 = ("utf-8-sig",)
EITHER = ("utf-8-sig", "cp1252", "latin-1")
"""UTF-8, else the Western single-byte encodings that authorities still write (layouts say ISO-8859-1 for both)."""

_QUOTE, _NEWLINE, _RETURN = 0x22, 0x0A, 0x0D
_PREAMBLE = 40
_MOST_BEYOND = 10_000
"""Cells that a row may have beyond its header; with more the file is no table."""
_START = 1_000_000
_FIRST = 1 << 14  # characters in which the header is looked for first


@dataclass(frozen=True)
class Table:
    """The rows of a file as text.

    Attributes
    ----------
    columns
        The header, in the file's order.
    rows
        `raw`, or what makes it when it is asked for.
    widths
        Row number -> number of cells, for every row that has fewer or more cells than the header. Empty cells after the
        header's last column are no cells: some authorities end every row with a separator.
    sha256
        Of the file as it lies on disk, before any unpacking.
    preamble
        The records above the header, by line.
    beside
        What is packed beside the count: name -> bytes.
    boxes
        Where each cell stands on paper, for a table out of a PDF; see `pdf_table`.
    """

    columns: tuple[str, ...]
    rows: pl.DataFrame | Deferred
    widths: dict[int, int]
    sha256: str
    preamble: tuple[tuple[str, ...], ...] = ()
    beside: dict[str, bytes] | None = None
    boxes: pl.DataFrame | None = None

    @property
    def raw(self) -> pl.DataFrame:
        """``row`` (UInt32, the line of the file on which the row begins) and one String column per column of the file."""
        return self.rows if isinstance(self.rows, pl.DataFrame) else self.rows.frame

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows of `raw`, without making the rest."""
        return self.rows.head(rows)


class Deferred:
    """Rows of a regular file that are texts only when somebody asks: most columns of a count are numbers and nothing else."""

    def __init__(
        self, block: bytes, columns: tuple[str, ...], height: int, separator: str, first_line: int
    ) -> None:
        self.height = height
        self._block, self._columns, self._separator, self._line = block, columns, separator, first_line

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All rows as text."""
        return self._frame(self._block, self.height)

    def head(self, rows: int) -> pl.DataFrame:
        """The first rows as text."""
        if rows >= self.height:
            return self.frame
        end = -1
        for _ in range(rows):
            end = self._block.find(b"\n", end + 1)
        return self._frame(self._block[: end + 1], rows)

    def typed(self, numbers: Collection[str]) -> pl.DataFrame | None:
        """``row`` and all columns, those named as whole numbers; None if one of them holds anything else."""
        try:
            part = pl.read_csv(
                self._block,
                has_header=False,
                separator=self._separator,
                quote_char=None,
                schema={name: pl.Int64 if name in numbers else pl.String for name in self._columns},
            )
        except pl.exceptions.PolarsError:
            return None
        if part.shape != (self.height, len(self._columns)):
            return None
        empty = [
            pl.col(name).fill_null("")
            for name in self._columns
            if name not in numbers and part[name].null_count()
        ]
        return self._numbered(part.with_columns(empty) if empty else part)

    def _frame(self, block: bytes, height: int) -> pl.DataFrame:
        part = _parse(block, len(self._columns), height, self._separator, False)
        if part is None:
            part = _read_exactly(block.decode(), self._columns, self._separator, False, 0)[0].drop("row")
        part.columns = list(self._columns)
        return self._numbered(part)

    def _numbered(self, part: pl.DataFrame) -> pl.DataFrame:
        line = pl.int_range(self._line, self._line + part.height, dtype=pl.UInt32, eager=True).alias("row")
        return part.insert_column(0, line)


def head(
    path: Path, separator: str = ",", encoding: str | Sequence[str] = UTF8, quoted: bool = True
) -> tuple[str, ...]:
    """The first record of a file as column names, or () when it is no text in that encoding. Cheap."""
    records = top(path, separator, encoding, 1, quoted)
    return tuple(name.strip() for name in records[0]) if records else ()


def top(
    path: Path,
    separator: str,
    encoding: str | Sequence[str] = UTF8,
    most: int = _PREAMBLE,
    quoted: bool = True,
) -> list[tuple[str, ...]]:
    """The first records of a file that are not blank; [] when it is no text in that encoding."""
    data = peek(path)
    cut = len(data) >= HEAD_BYTES
    for name in (encoding,) if isinstance(encoding, str) else encoding:
        try:
            text = data.decode(name)
        except UnicodeDecodeError as error:
            if not cut or error.start < len(data) - 4:
                continue
            text = data[: error.start].decode(name)  # only the cut at 64 kB split a character
        if "\0" in text:
            return []
        found = []
        try:
            for _, record in _records(text, separator, quoted):
                found.append(tuple(record))
                if len(found) == most:
                    break
        except csv.Error:
            pass
        return found
    return []


def separator_of(
    path: Path, wanted: Collection[str], encoding: str | Sequence[str] = EITHER, separators: str = ",;|\t"
) -> str | None:
    """The separator with which the first record of a file has all the columns wanted; None if there is none."""
    return next((s for s in separators if set(head(path, s, encoding)) >= set(wanted)), None)


def read_table(
    path: Path,
    separator: str = ",",
    encoding: str | Sequence[str] = UTF8,
    quoted: bool = True,
    header: Callable[[Sequence[str]], bool] | None = None,
) -> Table:
    """Read a delimited file, every cell as text.

    Parameters
    ----------
    encoding
        One encoding or several; the first in which the whole file is text is taken.
    quoted
        Whether quotation marks enclose cells (RFC 4180). Without, they are characters like any other.
    header
        Whether a record is the header; the first that is ends the preamble. Default: the first record is.

    Raises
    ------
    CotejoError
        As `source.read_content`; and when the text is in no encoding, there is no header, a column name appears twice, there
        is no row under the header, or a quotation mark is never closed.
    """
    content = read_content(path)
    text = decode(path, content.data, encoding)
    old_mac = "\n" not in text and "\r" in text
    if old_mac:
        text = text.replace("\r", "\n")
    try:
        line, names, preamble = _find_header(path, text, separator, quoted, header)
        columns = header_names(path, names)
        # Plain ASCII is the same bytes in every encoding read here: the file's own need not be made again.
        same = text.isascii() and len(text) == len(content.data) and not old_mac
        data = content.data if same else text.encode()
        raw, widths = _rows(text, data, columns, separator, quoted=quoted, header_line=line)
    except csv.Error as error:
        raise CotejoError(
            f"{path}: the rows cannot be told apart ({error}); check its separators and quotation marks."
        ) from None
    if raw.height == 0:
        raise CotejoError(f"{path} has a header and no rows; fetch it from the authority again.")
    return Table(columns, raw, widths, content.sha256, preamble, content.beside)


def decode(path: Path, data: bytes, encoding: str | Sequence[str]) -> str:
    """The text of the bytes in the first encoding that fits.

    Raises
    ------
    CotejoError
        When none fits; says where the first one failed.
    """
    encodings = (encoding,) if isinstance(encoding, str) else tuple(encoding)
    failed: UnicodeDecodeError | None = None
    for name in encodings:
        try:
            return data.decode(name)
        except UnicodeDecodeError as error:
            failed = failed or error
    assert failed is not None
    line = data.count(b"\n", 0, failed.start) + 1
    name = encodings[0].removesuffix("-sig").upper()
    raise CotejoError(
        f"{path}, line {line}: byte 0x{data[failed.start]:02x} is not {name} text; save the file again as {name}."
    )


def _records(text: str, separator: str, quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    """Records with the line each begins on; blank lines are no records."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, quoting=quoting)
    start = 1
    for record in reader:
        if record:
            yield start, record
        start = reader.line_num + 1


def _find_header(
    path: Path, text: str, separator: str, quoted: bool, header: Callable[[Sequence[str]], bool] | None
) -> tuple[int, list[str], tuple[tuple[str, ...], ...]]:
    """Line and names of the header, and the records above it."""
    first = text[: text.rfind("\n", 0, _FIRST) + 1]  # it is nearly always here, and whole records are
    if first and len(first) < len(text):
        try:
            return _header_in(path, first, separator, quoted, header)
        except (csv.Error, CotejoError):
            pass  # further down, or a record was cut
    # The cut may spoil the last record, which is not needed.
    return _header_in(path, text[:_START], separator, quoted, header)


def _header_in(
    path: Path, start: str, separator: str, quoted: bool, header: Callable[[Sequence[str]], bool] | None
) -> tuple[int, list[str], tuple[tuple[str, ...], ...]]:
    """The same, in the beginning of a text."""
    above: list[tuple[str, ...]] = []
    for line, record in _records(start, separator, quoted):
        if header is None or header([name.strip() for name in record]):
            return line, record, tuple(above)
        above.append(tuple(record))
        if len(above) > _PREAMBLE:
            break
    raise CotejoError(
        f"{path} has no header in its first {_PREAMBLE} lines; fetch it from the authority again."
    )


def header_names(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns; refused with a CotejoError when one is there twice."""
    columns = [name.strip() for name in names]
    while columns and not columns[-1]:  # a separator at the end of the line
        columns.pop()
    for name in columns:
        if columns.count(name) > 1:
            raise CotejoError(
                f"{path}: the header names the column {name!r} twice; which of them holds the numbers?"
            )
    if "row" in columns:
        raise CotejoError(f"{path}: a column is called 'row', which is kept for the line number; rename it.")
    return tuple(columns)


def _rows(
    text: str, data: bytes, columns: tuple[str, ...], separator: str, *, quoted: bool, header_line: int
) -> tuple[pl.DataFrame | Deferred, dict[int, int]]:
    """All rows below the header, fast where that hides nothing; `data` is the text in UTF-8."""
    regular = _read_regular(data, columns, separator, quoted=quoted, header_line=header_line)
    if regular is not None:
        return regular, {}
    found = None
    records = _scan(data, separator, quoted)
    if records is not None:
        found = _read_fast(
            data, records, columns, separator=separator, quoted=quoted, header_line=header_line
        )
    return _read_exactly(text, columns, separator, quoted, header_line) if found is None else found


def _read_regular(
    data: bytes, columns: tuple[str, ...], separator: str, *, quoted: bool, header_line: int
) -> Deferred | None:
    """The rows of a file without quotation marks in which every row fits the header, as almost all do; else None.

    Every n-th of the marks that end a cell then ends a line, and no other does.
    """
    start = 0
    for _ in range(header_line):
        start = data.find(b"\n", start) + 1
        if not start:
            return None
    block = data[start:]
    if not block or (quoted and b'"' in block):
        return None
    bytes_ = np.frombuffer(block, np.uint8)
    ends = bytes_ == _NEWLINE
    rows = int(np.count_nonzero(ends)) + (not block.endswith(b"\n"))
    marks = np.flatnonzero(ends | (bytes_ == ord(separator)))
    n = len(columns)
    if len(marks) + (not block.endswith(b"\n")) != n * rows or not ends[marks[n - 1 :: n]].all():
        return None
    return Deferred(block, columns, rows, separator, header_line + 1)


@dataclass(frozen=True)
class _Scan:
    """Where every record lies: line on which it begins, first byte, byte after its last, first byte of the next, cells."""

    line: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    next: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]


def _scan(data: bytes, separator: str, quoted: bool) -> _Scan | None:
    """Find all records, or None where the quotation marks follow no rule that can be told from the bytes alone."""
    bytes_ = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(bytes_ == _NEWLINE)
    separators = np.flatnonzero(bytes_ == ord(separator))
    breaks = newlines
    if quoted and b'"' in data:
        quotes = np.flatnonzero(bytes_ == _QUOTE)
        if not _quotes_are_regular(bytes_, quotes, ord(separator)):
            return None
        # Outside of quotation marks an even number of them precedes.
        breaks = newlines[np.searchsorted(quotes, newlines) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    end = breaks if data.endswith(b"\n") else np.append(breaks, len(data))
    start = np.concatenate([[0], end[:-1] + 1])
    line = np.searchsorted(newlines, start) + 1
    stop = end - ((end > start) & (bytes_[np.maximum(end, 1) - 1] == _RETURN))
    width = np.diff(np.searchsorted(separators, np.append(start, len(data)))) + 1
    full = stop > start
    return _Scan(line[full], start[full], stop[full], (end + 1)[full], width[full])


def _quotes_are_regular(data: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], separator: int) -> bool:
    """Whether each opening mark begins a cell and each closing one ends it (a doubled mark closes and opens)."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], _NEWLINE)
    after = np.where(closing < len(data) - 1, data[np.minimum(closing + 1, len(data) - 1)], _NEWLINE)
    doubled = np.zeros(len(opening), bool)
    doubled[1:] = opening[1:] == closing[:-1] + 1
    begins = (before == separator) | (before == _NEWLINE) | doubled
    ends = (after == separator) | (after == _NEWLINE) | (after == _RETURN)
    ends[:-1] |= doubled[1:]
    return bool(begins.all() and ends.all())


def _read_fast(
    data: bytes,
    records: _Scan,
    columns: tuple[str, ...],
    *,
    separator: str,
    quoted: bool,
    header_line: int,
) -> tuple[pl.DataFrame, dict[int, int]] | None:
    """The rows through polars, group by group of the same width."""
    n = len(columns)
    below = records.line > header_line
    line, width = records.line[below], records.width[below]
    start, end, follows = records.start[below], records.end[below], records.next[below]
    if not len(line):
        return pl.DataFrame(schema={"row": pl.UInt32, **dict.fromkeys(columns, pl.String)}), {}
    if (
        most := int(width.max())
    ) > n + _MOST_BEYOND:  # each would be a column: it costs more memory than the file
        at = int(line[width.argmax()])
        raise csv.Error(f"line {at} has {most} cells, the header {n}")
    parts: list[pl.DataFrame] = []
    widths: dict[int, int] = {}
    for cells in np.unique(width):
        mine = np.flatnonzero(width == cells)
        if cells == 1 < n:  # a line of spaces is no record either
            mine = np.array([at for at in mine if not _is_blank(data[start[at] : end[at]])], np.int64)
        if not len(mine):
            continue
        if len(mine) == len(line) and (follows[:-1] == start[1:]).all():
            block = data[start[0] : end[-1]]
        else:
            block = b"\n".join(data[a:b] for a, b in zip(start[mine], end[mine], strict=True))
        part = _parse(block, int(cells), len(mine), separator, quoted)
        if part is None:
            return None
        rows = pl.Series("row", line[mine], pl.UInt32)
        extra = part.columns[n:]
        too_long = part.select(
            pl.any_horizontal(pl.col(c) != "" for c in extra) if extra else pl.repeat(False, pl.len())
        ).to_series()
        wrong = rows if cells < n else rows.filter(too_long)
        widths.update(dict.fromkeys(wrong.to_list(), int(cells)))
        kept = part[:, :n]
        kept.columns = list(columns[: kept.width])
        kept = kept.with_columns(pl.lit(None, pl.String).alias(name) for name in columns[kept.width :])
        parts.append(kept.select(rows, *columns))
    if not parts:
        return None
    return (parts[0] if len(parts) == 1 else pl.concat(parts).sort("row")), widths


def _is_blank(record: bytes) -> bool:
    text = record.strip()
    if text[:1] == text[-1:] == b'"' and len(text) > 1:
        text = text[1:-1].strip()
    return not text


def _parse(block: bytes, cells: int, rows: int, separator: str, quoted: bool) -> pl.DataFrame | None:
    """A block in which every record has the same number of cells, or None if polars does not see it so."""
    try:
        part = pl.read_csv(
            block,
            has_header=False,
            separator=separator,
            quote_char='"' if quoted and b'"' in block else None,
            infer_schema=False,
        )
    except pl.exceptions.PolarsError:
        return None
    if part.shape != (rows, cells):
        return None
    empty = [pl.col(name).fill_null("") for name in part.columns if part[name].null_count()]
    return part.with_columns(empty) if empty else part


def _read_exactly(
    text: str, columns: tuple[str, ...], separator: str, quoted: bool, header_line: int
) -> tuple[pl.DataFrame, dict[int, int]]:
    """The rows one by one."""
    n = len(columns)
    starts: list[int] = []
    rows: list[list[str | None]] = []
    widths: dict[int, int] = {}
    for start, record in _records(text, separator, quoted):
        if start <= header_line or (len(record) == 1 and not record[0].strip()):
            continue
        starts.append(start)
        if len(record) < n or any(record[n:]):
            widths[start] = len(record)
        rows.append([*record[:n], *([None] * (n - len(record)))])
    cells = zip(*rows, strict=True) if rows else ((),) * n
    series = [pl.Series(name, list(column), pl.String) for name, column in zip(columns, cells, strict=True)]
    return pl.DataFrame([pl.Series("row", starts, pl.UInt32), *series]), widths
