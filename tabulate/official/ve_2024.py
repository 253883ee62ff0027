"""Venezuela, 28 July 2024: the actas as the opposition's command published them. **Not the authority's count**, which never came.

Comma, UTF-8 with BOM; one row per mesa, key ``CENTRO`` + ``MESA``; ``RE`` registered, then valid and null votes and one column per
candidate; ``URL`` of the scan. Voting machines know no blank vote.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, require
from tabulate.official.rows import head, read_table

ID = "ve-opposition"
_PLACE = ("COD_EDO", "EDO", "COD_MUN", "MUN", "COD_PAR", "PAR", "CENTRO", "MESA")
_NEEDED = ("CENTRO", "MESA", "RE", "VOTOS_VALIDOS", "VOTOS_NULOS")


def detect(path: Path) -> bool:
    """Whether the header has the centre, the mesa, and the registered, valid and null votes by these names."""
    return set(head(path)) >= set(_NEEDED)


def parse(path: Path) -> OfficialCount:
    """Parse the file.

    Raises
    ------
    CotejoError
        When a column is missing, or the file cannot be read.
    """
    table = read_table(path)
    columns = table.columns
    require(path, table, (*_NEEDED, "EDO"), ID)
    start = columns.index("VOTOS_NULOS") + 1
    known = {*_PLACE, *_NEEDED, "URL"}
    usual = not any(name in known and name != "URL" for name in columns[start:])
    options = tuple(name for name in (columns[start:] if usual else columns) if name not in known)
    require(path, table, options or ("an option",), ID)
    layout = Layout(
        station_id=pl.concat_str(
            [pl.col("CENTRO").str.strip_chars(), pl.col("MESA").str.strip_chars()], separator="-"
        ),
        place_id=pl.col("CENTRO"),
        place=pl.col("CENTRO"),
        region=pl.col("EDO"),
        subregion=pl.col("MUN") if "MUN" in columns else None,
        numbers={"registered": ("RE",), "valid": ("VOTOS_VALIDOS",), "null": ("VOTOS_NULOS",)},
        options=options,
        known=(*_PLACE, "URL"),
    )
    return build(ID, FORMAT.verified, table, layout)


FORMAT = OfficialFormat(
    id=ID,
    authority="none: Comando con Venezuela, the opposition",
    country="VE",
    title="Venezuela 2024: actas published by the opposition (not an official count)",
    verified=True,
    detect=detect,
    parse=parse,
    statuses={},
)
