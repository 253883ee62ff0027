"""Cotejo's own plain format, for counts that no module knows and for the sample election.

UTF-8, comma, one header line, one row per station and contest:

==================  ================================================================================================
``station_id``      required, text
``contest``         optional
``place_id``, ``place``, ``region``, ``subregion``   optional, text
``registered``, ``voted``, ``cast``, ``valid``, ``blank``, ``null``   optional, whole numbers
``status``          optional, the authority's word; see `STATUSES` for those that are known not to be counted
``counted``         optional, 1 or 0; goes before ``status``
any other column    the votes of one option, if it holds at least one whole number; else text, and not used
==================  ================================================================================================
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official.base import (
    CANONICAL_COLUMNS,
    NUMBER_COLUMNS,
    OfficialCount,
    OfficialFormat,
    Status,
)
from tabulate.official.layout import Layout, build, require
from tabulate.official.rows import head, read_table

ID = "cotejo-csv"
STATUSES = {
    "counted": Status(True, "in the authority's total"),
    "computada": Status(True, "in the authority's total"),
    "contabilizada": Status(True, "in the authority's total"),
    "observada": Status(False, "held back for a decision"),
    "anulada": Status(False, "annulled"),
    "pendiente": Status(False, "not yet in", content="none"),
    "ilegible": Status(False, "could not be read", content="none"),
    "sin dato": Status(False, "nothing written on the acta", content="none"),
    "sin acta": Status(False, "no acta arrived", content="none"),
    "not counted": Status(False, "not in the authority's total"),
}


def detect(path: Path) -> bool:
    """Whether the header has a column ``station_id``."""
    return "station_id" in head(path)


def parse(path: Path) -> OfficialCount:
    """Parse a file in Cotejo's own format.

    Raises
    ------
    CotejoError
        When ``station_id`` is missing, no column holds votes, or the file cannot be read.
    """
    table = read_table(path)
    require(path, table, ("station_id",), ID)
    has = set(table.columns)
    others = [name for name in table.columns if name not in CANONICAL_COLUMNS]
    number = pl.col(others).str.strip_chars().cast(pl.Int64, strict=False).count()
    first = table.head(50).select(number).row(0, named=True) if others else {}
    late = [name for name in others if not first[name]]  # most often a column of text, but who knows
    whole = first | (
        table.raw.select(pl.col(late).str.strip_chars().cast(pl.Int64, strict=False).count()).row(
            0, named=True
        )
        if late
        else {}
    )
    options = tuple(name for name in others if whole[name])
    if not options:
        raise CotejoError(f"{path} has no column with votes; every option needs a column of whole numbers.")

    def text(name: str) -> pl.Expr | None:
        return pl.col(name) if name in has else None

    layout = Layout(
        station_id=pl.col("station_id"),
        contest=text("contest"),
        place_id=text("place_id"),
        place=text("place"),
        region=text("region"),
        subregion=text("subregion"),
        numbers={name: (name,) for name in NUMBER_COLUMNS if name in has},
        options=options,
        status="status" if "status" in has else None,
        counted="counted" if "counted" in has else None,
        catalogue=STATUSES,
        known=("station_id", "contest", "place_id", "place", "region", "subregion"),
    )
    return build(ID, FORMAT.verified, table, layout)


FORMAT = OfficialFormat(
    id=ID,
    authority="",
    country="",
    title="Cotejo's own CSV, one row per station and contest",
    verified=True,
    detect=detect,
    parse=parse,
    statuses=STATUSES,
)
