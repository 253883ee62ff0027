"""Results published as a table in a PDF: rows of text, and for every cell its page and its box.

What a page draws comes from the limited process that opens PDFs (`ocr.image.open_objects`, pdfplumber inside). Words in one line
make a row; the header tells the columns, by the ruled lines between its cells where there are any, else by the middle of the
gaps between its words. A cell with two numbers in it stays a text with two numbers, and is no number. Scans have no text: they
are actas to read, not tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from ocr.image import Limits, Refused, open_objects, page_count
from tabulate.official.rows import Table, header_names
from tabulate.official.source import read_content

MAX_PAGES = 1000
_SAME_LINE = 0.6
"""Two words stand in one line when their baselines are nearer than this part of their height."""

Word = tuple[str, float, float, float, float]  # text, x0, top, x1, bottom


def read_pdf_table(path: Path, header: Callable[[Sequence[str]], bool]) -> Table:
    """The rows under the header, on all pages.

    Returns
    -------
    Table
        ``row`` is the number of the row over all pages; ``boxes`` has ``row``, ``column``, ``page`` (from 1), ``x0``, ``top``, ``x1``, ``bottom``
        (points from the top left of the page).

    Raises
    ------
    CotejoError
        When the file cannot be opened, has too many pages, or no page has the header.
    """
    content = read_content(path)
    limits = Limits(pages=MAX_PAGES)
    try:
        pages = page_count(content.data, limits)
        drawings = (open_objects(content.data, number, limits) for number in range(1, pages + 1))
        return _table(path, drawings, header, content.sha256)
    except Refused as refused:
        raise CotejoError(f"{path}: {refused}") from None


def _table(path: Path, drawings: Any, header: Callable[[Sequence[str]], bool], sha256: str) -> Table:
    columns: tuple[str, ...] = ()
    borders: list[float] = []
    rows: list[list[str]] = []
    boxes: list[tuple[int, str, int, float, float, float, float]] = []
    above: list[tuple[str, ...]] = []
    for page, drawing in enumerate(drawings, start=1):
        lines = _lines(drawing)
        at = next((i for i, line in enumerate(lines) if header([word[0] for word in line])), None)
        if at is not None:
            names = header_names(path, [word[0] for word in lines[at]])
            if not columns:
                columns = names
                above = [tuple(word[0] for word in line) for line in lines[:at]]
            elif names != columns:
                raise CotejoError(
                    f"{path}, page {page}: the header is another than before; split the file by table."
                )
            borders = _borders(drawing, lines[at])
            lines = lines[at + 1 :]
        if not columns:
            continue
        for line in lines:
            cells = _cells(line, borders)
            if len(cells) < 2:  # a number of the page, a note: no row of a table of two columns or more
                continue
            rows.append([" ".join(w[0] for w in cells.get(i, ())) for i in range(len(columns))])
            for i, words in cells.items():
                box = (
                    min(w[1] for w in words),
                    min(w[2] for w in words),
                    max(w[3] for w in words),
                    max(w[4] for w in words),
                )
                boxes.append((len(rows), columns[i], page, *box))
    if not columns:
        raise CotejoError(
            f"{path}: no page has the header as text; a scan has to be read as an acta, or typed."
        )
    if not rows:
        raise CotejoError(f"{path} has a header and no rows; fetch it from the authority again.")
    series = [
        pl.Series(name, list(cells), pl.String)
        for name, cells in zip(columns, zip(*rows, strict=True), strict=True)
    ]
    raw = pl.DataFrame([pl.Series("row", range(1, len(rows) + 1), pl.UInt32), *series])
    where = pl.DataFrame(
        boxes,
        schema={
            "row": pl.UInt32,
            "column": pl.String,
            "page": pl.Int64,
            "x0": pl.Float64,
            "top": pl.Float64,
            "x1": pl.Float64,
            "bottom": pl.Float64,
        },
        orient="row",
    )
    return Table(columns, raw, {}, sha256, tuple(above), boxes=where)


def _lines(drawing: dict[str, Any]) -> list[list[Word]]:
    """The page's level, visible phrases, line by line from the top, each from the left."""
    words = sorted(_words(drawing), key=lambda w: ((w[2] + w[4]) / 2, w[1]))
    lines: list[list[Word]] = []
    for word in words:
        middle, height = (word[2] + word[4]) / 2, word[4] - word[2]
        if lines:
            last = lines[-1]
            theirs = sum((w[2] + w[4]) / 2 for w in last) / len(last)
            if abs(middle - theirs) < _SAME_LINE * height:
                last.append(word)
                continue
        lines.append([word])
    return [sorted(line, key=lambda w: w[1]) for line in lines]


def _words(drawing: dict[str, Any]) -> list[Word]:
    found = []
    for text, x, y, width, size, turn, *_ in drawing.get("phrases", []):
        if turn == 0:
            found.append(
                (
                    str(text),
                    float(x),
                    float(y) - 0.79 * float(size),
                    float(x + width),
                    float(y) + 0.21 * float(size),
                )
            )
    return found


def _borders(drawing: dict[str, Any], head: list[Word]) -> list[float]:
    """Where one column ends and the next begins: the ruled line between two cells of the header, else the middle of the gap."""
    top, bottom = min(w[2] for w in head), max(w[4] for w in head)
    upright = [
        x0
        for x0, y0, x1, y1, *_ in drawing.get("lines", [])
        if abs(x0 - x1) < 1 and min(y0, y1) <= bottom and max(y0, y1) >= top
    ]
    for x, y, w, h, *_ in drawing.get("rects", []):
        if y <= bottom and y + h >= top:
            upright += [x, x + w]
    borders = []
    for left, right in pairwise(head):
        between = [x for x in upright if left[3] - 1 <= x <= right[1] + 1]
        borders.append(sum(between) / len(between) if between else (left[3] + right[1]) / 2)
    return borders


def _cells(line: list[Word], borders: list[float]) -> dict[int, list[Word]]:
    """The words of each column, by their middle."""
    cells: dict[int, list[Word]] = {}
    for word in line:
        middle = (word[1] + word[3]) / 2
        cells.setdefault(sum(middle > border for border in borders), []).append(word)
    return cells
