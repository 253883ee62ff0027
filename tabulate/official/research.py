"""Tables as the literature on election data hands them round: people on the list, ballots, and votes for the leader or for options.

CSV (comma, UTF-8; also gzip or zip) or Parquet, one row per station. Columns are known by their names, in any case:

==============  ====================================================================================================
``registered``  ``N``, ``registered``, ``voters``, ``eligible``, ``electorate``                             (required)
``cast``        ``t``, ``turnout``, ``ballots``, ``received``, ``cast``: ballots in the box, a number       (required)
``voted``       ``given``, ``voted``: ballots given out
options         ``v``, ``votes``, ``leader`` (votes of one option), or ``C001`` … ``C999``, ``P1`` … ``P999`` (required)
station         ``precinct(s)``, ``station``, ``uik``, ``psu``
place           ``commune(s)``, ``municipality``, ``tik``, ``place``
region          ``prefecture(s)``, ``region``, ``province``, ``state``
a number        ``id``, or the column without a name that R writes before the others: the row's number
==============  ====================================================================================================

The names are those of Klimek et al. (2012; *Quantitative Social Science*'s ``N, turnout, votes``), Rozenas (2017; ``N, t, v``), Kobak,
Shpilkin & Pshenichnikov (2016; ``voters, given, received, leader``) and Hicken & Mebane (2017; the Election Forensics Toolkit's
``Registered, Ballots, C001 …``). The format is found by itself only when *every* column is one of these. A station's id is the row's number
where the file has one, else region / place / station, else the row's place in the file. ``NA`` is a value that is absent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build
from tabulate.official.parquet import columns_of, is_parquet, read_parquet
from tabulate.official.rows import head, read_table

ID = "research-table"
SYNONYMS: dict[str, tuple[str, ...]] = {
    "registered": ("n", "registered", "voters", "eligible", "electorate"),
    "cast": ("t", "turnout", "ballots", "received", "cast"),
    "voted": ("given", "voted"),
    "leader": ("v", "votes", "leader"),
    "station": ("precinct", "precincts", "station", "uik", "psu"),
    "place": ("commune", "communes", "municipality", "tik", "place"),
    "region": ("prefecture", "prefectures", "region", "province", "state"),
    "number": ("", "id"),
}
"""What a column is -> its names, lower case."""

MARKERS = {"na": "absent"}
_OPTION = re.compile(r"[cp]\d{1,3}", re.IGNORECASE)
_MEANING = {name: what for what, names in SYNONYMS.items() for name in names}


def detect(path: Path) -> bool:
    """Whether every column is known, and registered voters, ballots and votes are among them."""
    names = columns_of(path) if is_parquet(path) else head(path)
    found = {_meaning(name) for name in names}
    return bool(names) and found >= {"registered", "cast"} and None not in found and _has_votes(found)


def parse(path: Path) -> OfficialCount:
    """Parse one table.

    Raises
    ------
    CotejoError
        When there is no column of registered voters, of ballots or of votes, two columns mean the same, or the file cannot be read.
    """
    table = read_parquet(path) if is_parquet(path) else read_table(path)
    column: dict[str, str] = {}
    options: list[str] = []
    for name in table.columns:
        what = _meaning(name)
        if what == "option":
            options.append(name)
        elif what is not None:
            if what in column:
                raise CotejoError(
                    f"{path}: the columns {column[what]!r} and {name!r} mean the same ({what}); remove one of them."
                )
            column[what] = name
    for what in ("registered", "cast"):
        if what not in column:
            raise CotejoError(
                f"{path} has no column of {_SAID[what]}, which the format {ID} needs; "
                f"call it one of {', '.join(SYNONYMS[what])}."
            )
    if "leader" in column:
        options.append(column["leader"])
    if not options:
        raise CotejoError(
            f"{path} has no column of votes, which the format {ID} needs; call it {', '.join(SYNONYMS['leader'])} or C001, C002 …"
        )

    def text(*kinds: str) -> pl.Expr | None:
        parts = [pl.col(column[k]).str.strip_chars() for k in kinds if k in column]
        return pl.concat_str(parts, separator=" / ") if parts else None

    if "number" in column:
        station = pl.col(column["number"])
    elif "station" in column:
        station = text("region", "place", "station")  # type: ignore[assignment]
    else:
        station = pl.int_range(1, pl.len() + 1).cast(pl.String)
    layout = Layout(
        station_id=station,
        place_id=text("region", "place") if "place" in column else None,
        place=text("place"),
        region=text("region"),
        numbers={name: (column[name],) for name in ("registered", "voted", "cast") if name in column},
        options=_in_order(table.columns, options),
        markers=MARKERS,
        known=tuple(column.values()),
    )
    return build(ID, FORMAT.verified, table, layout)


_SAID = {"registered": "registered voters", "cast": "ballots in the box"}


def _meaning(name: str) -> str | None:
    return _MEANING.get(name.strip().lower()) or ("option" if _OPTION.fullmatch(name.strip()) else None)


def _has_votes(found: set[str | None]) -> bool:
    return bool({"leader", "option"} & found)


def _in_order(columns: Sequence[str], options: list[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if name in options)


FORMAT = OfficialFormat(
    id=ID,
    authority="",
    country="",
    title="Tables of the literature: registered, ballots, votes by station",
    verified=True,
    detect=detect,
    parse=parse,
    statuses={},
)
