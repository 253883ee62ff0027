"""How the command line speaks: tables for people, one JSON document with ``--json``, progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

OUT = Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else 140)
ERR = Console(stderr=True, highlight=False)


def as_json(document: Any) -> None:
    """One JSON document on standard output, and nothing else."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = ()
) -> None:
    """A table for people; `right` are the columns of numbers. Texts from outside are shown as they are, never as markup."""
    out = Table(title=Text(title), title_justify="left", show_edge=False, pad_edge=False, header_style="bold")
    for number, name in enumerate(columns):
        out.add_column(name, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        out.add_row(*(Text("" if cell is None else plain(cell)) for cell in row))
    OUT.print(out)


def plain(cell: Any) -> str:
    """A cell as people read it."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:,.4g}"
    return str(cell)


def say(message: str) -> None:
    """A sentence for people on standard output."""
    OUT.print(Text(message))


def tell(message: str) -> None:
    """A sentence on standard error."""
    ERR.print(Text(message))
