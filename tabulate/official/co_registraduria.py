"""Colombia, Registraduría: MMV, the results by mesa of the *preconteo* (and of the scrutiny, which uses the same layout).

``;`` or ``,`` (``|`` in some years), UTF-8 or Latin-1; one row per mesa, corporation, circumscription and candidate. ``CAN`` 996 is *votos en
blanco*, 997 *votos nulos*, 998 *votos no marcados*; the last are ballots without a mark and kept as an option of their own. The
file has neither registered voters nor states. A fixed-width version exists; its widths are not published, and it is not read.
Never checked on a real file.

A mesa's E-14 has three copies (`catalogues/co-e14.toml`); the preconteo is made from the one for transmission.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import first_of, require
from tabulate.official.long import LongLayout, build_long
from tabulate.official.rows import EITHER, read_table, separator_of

ID = "co-mmv"
_CATALOGUE = catalogue.load("co-e14")
_DIGITS = {"DEP": 2, "MUN": 3, "ZONA": 2, "PUESTO": 2, "MESA": 3}
_NEEDED = (*_DIGITS, "CAN", "CANNOMBRE", "VOTOS")


def detect(path: Path) -> bool:
    """Whether the header has the mesa's place, the candidate and the votes by these names."""
    return separator_of(path, _NEEDED) is not None


def parse(path: Path) -> OfficialCount:
    """Parse one file.

    Raises
    ------
    CotejoError
        When a column is missing, it holds more options than fit, or the file cannot be read.
    """
    table = read_table(path, separator_of(path, _NEEDED) or ";", EITHER)
    columns = table.columns
    require(path, table, _NEEDED, ID)
    code = pl.col("CAN").str.strip_chars().str.strip_chars_start("0")
    # A list vote has candidate 0: it is the party's.
    names = [pl.col(name).str.strip_chars() for name in ("PARNOMBRE", "CANNOMBRE") if name in columns]
    name = pl.concat_str(names, separator=" / ")
    contest = [pl.col(c).str.strip_chars() for c in ("CORNOMBRE", "CIR") if c in columns]
    layout = LongLayout(
        station_id=pl.concat_str(
            [pl.col(part).str.strip_chars().str.zfill(n) for part, n in _DIGITS.items()], separator="-"
        ),
        contest=pl.concat_str(contest, separator=" / ") if contest else None,
        option=pl.when(code == "996")
        .then(pl.lit("blank"))
        .when(code == "997")
        .then(pl.lit("null"))
        .when(code == "998")
        .then(pl.lit("VOTOS NO MARCADOS"))
        .otherwise(name),
        votes="VOTOS",
        place_id=pl.concat_str(
            [pl.col(part).str.strip_chars().str.zfill(n) for part, n in list(_DIGITS.items())[:4]],
            separator="-",
        ),
        place=first_of(columns, "PUESNOMBRE"),
        region=first_of(columns, "DEPNOMBRE"),
        subregion=first_of(columns, "MUNNOMBRE"),
    )
    return build_long(ID, FORMAT.verified, path, table, layout)


FORMAT = OfficialFormat(
    id=ID,
    authority="Registraduría Nacional del Estado Civil",
    country="CO",
    title="Colombia: MMV, results by mesa and candidate (preconteo)",
    verified=False,
    detect=detect,
    parse=parse,
    statuses=_CATALOGUE.terms,
)
