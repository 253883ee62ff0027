"""The process in which a workbook from outside is opened. Run as a file of its own; imports nothing of ours.

Bytes come in on standard input, one JSON document goes out: ``{"sheets": [{"name": …, "rows": [[text or null, …], …]}]}``. It limits its
own memory and time first, so that a workbook that swells takes only this process with it. Formulas are not evaluated: a cell
has the value that was stored with it. The reader (calamine) resolves no external entity and opens no link.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from typing import Any

MEMORY = 3 * 1024**3
SECONDS = 120
SHEETS = 20


def main() -> None:
    """Read standard input, write standard output."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
    sheets = []
    for name in book.sheet_names[:SHEETS]:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        sheets.append({"name": name, "rows": [[text(cell) for cell in row] for row in rows]})
    json.dump({"sheets": sheets}, sys.stdout, ensure_ascii=True, separators=(",", ":"))


def text(cell: Any) -> str:
    """The cell as a person would read it: whole numbers without a point, dates in ISO 8601."""
    if isinstance(cell, bool):
        return str(int(cell))
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell)


if __name__ == "__main__":
    main()
