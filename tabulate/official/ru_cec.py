"""Russia, Central Election Commission: results by precinct, as collected publicly from its site, one CSV in a zip.

Comma, UTF-8, Russian headers whose wording differs a little from year to year, so columns are known by their words:

=============  =====================================================================================================
``registered``  voters on the list (избирателей, внесенных / включенных в список)
``voted``       ballots given out, the sum of the columns *бюллетеней, выданных* (early, inside, outside)
``valid``       *действительных бюллетеней*
``null``        *недействительных бюллетеней*
``cast``        valid + null (what Kobak, Shpilkin & Pshenichnikov 2016 call received)
options         every column after the numbers of the protocol that does not begin with *Число* (number of …)
=============  =====================================================================================================

There is no blank vote: an unmarked ballot is invalid. A precinct's number is unique only within its region, so the
station id is region / commission / precinct.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, require
from tabulate.official.rows import head, read_table

ID = "ru-cec"
_KEYS = ("region", "tik", "uik")
_REGISTERED = re.compile(r"число избирателей, (внес|включ)[её]нных в спис")
_GIVEN = re.compile(r"бюллетеней, выданных")
_VALID = re.compile(r"\bдействительных\b.*бюллетеней")
_INVALID = re.compile(r"\bнедействительных\b.*бюллетеней")


def detect(path: Path) -> bool:
    """Whether the header has region, tik and uik, and a column of voters on the list."""
    columns = head(path)
    return set(columns) >= set(_KEYS) and bool(_matching(columns, _REGISTERED))


def parse(path: Path) -> OfficialCount:
    """Parse one election's file.

    Raises
    ------
    CotejoError
        When a column is missing or found twice, or the file cannot be read.
    """
    table = read_table(path)
    require(path, table, _KEYS, ID)
    registered = _one(
        path, table.columns, _REGISTERED, "registered voters (избирателей, включенных в список)"
    )
    valid = _one(path, table.columns, _VALID, "valid ballots (действительных бюллетеней)")
    invalid = _one(path, table.columns, _INVALID, "invalid ballots (недействительных бюллетеней)")
    given = _matching(table.columns, _GIVEN)
    if not given:
        raise CotejoError(
            f"{path} has no column of ballots given out (бюллетеней, выданных); is it a whole protocol?"
        )
    protocol = [name for name in table.columns if _plain(name).startswith("число")]
    last = max(table.columns.index(name) for name in protocol)
    options = tuple(name for name in table.columns[last + 1 :] if name != "url")
    if not options:
        raise CotejoError(
            f"{path} has no column of votes after the numbers of the protocol; is it a whole protocol?"
        )
    layout = Layout(
        station_id=pl.concat_str([pl.col(name).str.strip_chars() for name in _KEYS], separator=" / "),
        place_id=pl.concat_str([pl.col(name).str.strip_chars() for name in _KEYS[:2]], separator=" / "),
        place=pl.col("tik"),
        region=pl.col("region"),
        subregion=pl.col("tik"),
        numbers={
            "registered": (registered,),
            "voted": given,
            "cast": (valid, invalid),
            "valid": (valid,),
            "null": (invalid,),
        },
        options=options,
        other_numbers=tuple(protocol),
        known=(*_KEYS, "url"),
    )
    return build(ID, FORMAT.verified, table, layout)


def _plain(name: str) -> str:
    return " ".join(name.lower().split())


def _matching(columns: tuple[str, ...], pattern: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if pattern.search(_plain(name)))


def _one(path: Path, columns: tuple[str, ...], pattern: re.Pattern[str], what: str) -> str:
    found = _matching(columns, pattern)
    if len(found) != 1:
        raise CotejoError(f"{path} has {len(found) or 'no'} columns of {what}, and {ID} needs exactly one.")
    return found[0]


FORMAT = OfficialFormat(
    id=ID,
    authority="Центральная избирательная комиссия (ЦИК)",
    country="RU",
    title="Russia: results by precinct, public collection",
    verified=True,
    detect=detect,
    parse=parse,
    statuses={},
)
