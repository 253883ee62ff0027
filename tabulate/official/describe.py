"""The document about official formats and the authorities' words, made from the formats and catalogues themselves."""

from __future__ import annotations

import inspect
import textwrap

from tabulate.official import catalogue

_HEAD = """# Official counts

`cotejo official FILE` reads what an authority publishes, in the authority's own file. The format is found by the content
(`--format auto`); a name of a file is never looked at. Nothing in a file is dropped in silence: every row stays in `raw` as text, and what
cannot be used is among the `problems` with its line and its reason. `used: false` means that the row, or the cell that the
reason names, gives no number; `used: true` is a note.

This page is printed by `python -c "from tabulate.official.describe import markdown; print(markdown(), end='')"`, and a test holds it to that.

## Formats

A format is *verified* when it was checked against a real file with known totals. One that is not was built from a published layout
or from public programs, and tested on files that are made up; whatever it reads is marked `verified: false`.

"""

_ALIKE = """
Files may be plain, gzip, tar.gz or zip (with the description and the list of candidates beside the count), and many a `.xlsx` is text. A
file is read once and hashed as it was read; one that changes meanwhile is refused. Workbooks are opened in a process of its own with
little memory and time, Parquet files likewise, PDFs in the one that opens photos; formulas are not evaluated.

## Four values

0, blank, illegible and absent are four values. In a column of numbers `Sin dato` is blank, `Ilegible` illegible, `-` or `#NULO#` absent, each
by the rules of its format; `OfficialCount.cells()` gives every number with its state and its text. Votes of an acta whose number is
blank or illegible count as the authority says (as 0 in a PREP), and the cell still says what was written.

## Where a station's id comes from

It is always text. Peru's mesas have six digits, and zeros that a file has lost are put back and told. Mexico's casilla is
`CLAVE_CASILLA` (state, section, type, number, contiguous), put together by the INE's rule where a file has no such column. Brazil's
section is state, zone, number. In other formats ids that are shorter than those with leading zeros are only told, never changed.

## Tables of the literature

`research-table` reads CSV and Parquet with columns of the names below, in any case, and options called `C001` or `P1`. It is found by itself
only when every column is one of these; no other column becomes an option.

"""

_UNKNOWN = """
## A table that no format knows

`cotejo official FILE --format mapping.toml` reads CSV, XLSX, Parquet and tables in PDFs:

"""

_WORDS = """
## Status catalogues

A status is the authority's own word for an acta. It says what the authority did with it and is never a finding. The words are data
(`tabulate/official/catalogues/`). *Counted* says whether the authority's total includes an acta with the word; nothing there means that the word alone does
not say. *Seen* says whether a real file showed it. Where a file has a column of its own for being counted (a PREP's `CONTABILIZADA`), that
column decides, and the word is the reason.
"""


def markdown() -> str:
    """The whole document."""
    from tabulate.official import FORMATS, mapping

    lines = ["| format | country | authority | what | verified |", "|---|---|---|---|---|"]
    for name, format_ in FORMATS.items():
        verified = "yes" if format_.verified else "**no**"
        lines.append(f"| `{name}` | {format_.country} | {format_.authority} | {format_.title} | {verified} |")
    lines.append("| `FILE.toml` | | | any other table, with a mapping; see below | **no** |")
    example = (inspect.getdoc(mapping) or "").split("::\n")[1].split("\nNamed with")[0]
    text = (
        _HEAD
        + "\n".join(lines)
        + "\n"
        + _ALIKE
        + _synonyms()
        + _UNKNOWN
        + "```toml\n"
        + textwrap.dedent(example).strip()
        + "\n```\n"
        + _WORDS
    )
    return text + "".join(_catalogue(name) for name in catalogue.names())


def _synonyms() -> str:
    from tabulate.official.research import SYNONYMS

    lines = ["| what | names |", "|---|---|"]
    for what, names in SYNONYMS.items():
        lines.append(f"| {what} | {', '.join(f'`{n}`' if n else 'no name' for n in names)} |")
    return "\n".join(lines) + "\n"


def _catalogue(name: str) -> str:
    known = catalogue.load(name)
    lines = [
        f"\n### `{name}`\n",
        f"{known.authority}. Source: {known.source}.{' ' + known.note if known.note else ''}\n",
    ]
    lines += ["| term | meaning | counted | years | seen |", "|---|---|---|---|---|"]
    for key, term in known.terms.items():
        counted = {True: "yes", False: "no", None: ""}[term.counted]
        years = ", ".join(map(str, known.years[key]))
        lines.append(
            f"| {term.term} | {term.meaning} | {counted} | {years} | {'yes' if term.verified else 'no'} |"
        )
    return "\n".join(lines) + "\n"
