"""Output of a benchmark, printed, and with ``--write`` put between its marks in a document."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "audits.md"


def show(name: str, lines: Iterable[str], page: Path = PAGE) -> None:
    """Print the lines as they come; with ``--write`` on the command line they replace what stands between ``<!-- name -->`` and its end.

    Raises
    ------
    ValueError
        The page has no such marks.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help=f"write it into docs/{page.name}")
    wanted = parser.parse_args().write
    said = []
    for line in lines:
        print(line, flush=True)
        said.append(line)
    if wanted:
        first, last = f"<!-- {name} -->", f"<!-- /{name} -->"
        text = page.read_text(encoding="utf-8")
        if first not in text or last not in text:
            raise ValueError(
                f"{page} has no part {first} … {last}: put the two marks where the output belongs"
            )
        before, after = text.split(first)[0], text.split(last)[1]
        block = "\n".join(said)
        page.write_text(f"{before}{first}\n```\n{block}\n```\n{last}{after}", encoding="utf-8")
