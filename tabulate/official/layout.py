"""From a table with one row per station to an `OfficialCount`: the work that all formats of that shape share.

A format says in a `Layout` which column holds what; nothing else is particular to it. A row that cannot be used
stays in `raw` and in `problems` with its reason, and a cell that is no count of people is null in `counts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official.base import (
    CANONICAL_COLUMNS,
    NUMBER_COLUMNS,
    PLACE_COLUMNS,
    STATUS_COLUMNS,
    OfficialCount,
    Problem,
    Status,
)
from tabulate.official.source import Table

MAX_COUNT = 999_999_999
"""No polling station has a number with more than nine digits; a longer one is a slip (two cells run together)."""

_SHOWN = 40
_FRACTION = re.compile(r"[-+]?[0-9]+[.,][0-9]+")


@dataclass(frozen=True)
class Layout:
    """Which column of a file holds what.

    Attributes
    ----------
    station_id
        The station's id, an expression over the file's text columns.
    numbers
        Canonical number (``registered``, ``voted``, ``cast``, ``valid``, ``blank``, ``null``) -> the columns whose
        sum it is. A number left out is absent from the file.
    options
        Columns of votes, in the file's order.
    contest, place_id, place, region, subregion, status
        Expressions over the text columns; null where the file has no such thing.
    counted
        Column with 1, 0, true or false that says whether the authority counts the row; None to ask `catalogue`.
    catalogue
        The authority's words, lower case. A word that is not in it is taken as counted, and reported.
    other_numbers
        Further number columns, only summed for `totals`.
    known
        Columns of text that the format knows. Whatever is in no list is reported as not used.
    """

    station_id: pl.Expr
    numbers: Mapping[str, tuple[str, ...]]
    options: tuple[str, ...]
    contest: pl.Expr | None = None
    place_id: pl.Expr | None = None
    place: pl.Expr | None = None
    region: pl.Expr | None = None
    subregion: pl.Expr | None = None
    status: str | None = None
    counted: str | None = None
    catalogue: Mapping[str, Status] = field(default_factory=dict)
    other_numbers: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


def require(path: Path, table: Table, columns: tuple[str, ...], format_id: str) -> None:
    """Raise a CotejoError that names the columns of `columns` that the file lacks."""
    missing = [name for name in columns if name not in table.columns]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise CotejoError(
            f"{path} has no column {names}, which the format {format_id} needs; "
            "check that it is the whole file and that its header is on the first line."
        )


def build(format_id: str, verified: bool, table: Table, layout: Layout) -> OfficialCount:
    """Parse every cell that `layout` names and lay the rows out canonically.

    Raises
    ------
    CotejoError
        When an option bears the name of a canonical column.
    """
    clash = [name for name in layout.options if name in CANONICAL_COLUMNS]
    if clash:
        raise CotejoError(
            f"An option is called {clash[0]!r}, which is the name of another number; rename its column."
        )
    raw = table.raw
    columns = _number_columns(table, layout)
    written = raw.select(pl.col(name).str.strip_chars().cast(pl.Int64, strict=False) for name in columns)
    votes = written.select(
        pl.when(pl.col(name).is_between(0, MAX_COUNT)).then(pl.col(name)) for name in columns
    )
    places = raw.select("row", *_place_texts(layout))

    keep, blind, problems = _usable_rows(table, places)
    problems += _unused_columns(table, layout, columns)
    believed = keep & ~blind
    problems += _bad_cells(
        raw.filter(believed), written.filter(believed), votes.filter(believed), places.filter(believed)
    )
    places = places.with_columns(pl.when(~blind).then(pl.col("status", "counted")))
    places, found = _counted(places, layout, believed)
    problems += found
    places = places.filter(keep)
    votes = votes.select(pl.when(~blind).then(pl.col(name)) for name in columns).filter(keep)
    counts = pl.concat(
        [
            places.select(*PLACE_COLUMNS),
            pl.concat(
                [
                    votes.select(_sum_of(layout.numbers.get(name, ()), votes.height).alias(name))
                    for name in NUMBER_COLUMNS
                ],
                how="horizontal",
            ),
            places.select(*STATUS_COLUMNS),
            votes.select(layout.options),
        ],
        how="horizontal",
    )
    problems += _above_registered(places, counts, layout.options)
    problems.sort(key=lambda problem: (problem["row"], problem["reason"]))
    return OfficialCount(
        format=format_id,
        verified=verified,
        sha256=table.sha256,
        columns=table.columns,
        options=layout.options,
        raw=raw,
        counts=counts,
        totals={name: int(written.get_column(name).sum()) for name in columns},
        statuses=_statuses(raw, layout),
        problems=problems,
        lines=places.get_column("row"),
        sources={**layout.numbers, **{name: (name,) for name in layout.options}},
    )


def _number_columns(table: Table, layout: Layout) -> list[str]:
    """Every column that holds counts, in the file's order."""
    summed = {name for columns in layout.numbers.values() for name in columns}
    wanted = summed.union(layout.options, layout.other_numbers)
    return [name for name in table.columns if name in wanted]


def _place_texts(layout: Layout) -> list[pl.Expr]:
    def text(expression: pl.Expr | None, name: str) -> pl.Expr:
        if expression is None:
            return pl.lit(None, pl.String).alias(name)
        return expression.str.strip_chars().alias(name)

    return [
        text(layout.station_id, "station_id").fill_null(""),
        text(layout.contest, "contest").fill_null(""),
        text(layout.place_id, "place_id"),
        text(layout.place, "place"),
        text(layout.region, "region"),
        text(layout.subregion, "subregion"),
        text(pl.col(layout.status) if layout.status else None, "status"),
        text(pl.col(layout.counted) if layout.counted else None, "counted"),
    ]


def _sum_of(columns: tuple[str, ...], height: int) -> pl.Expr:
    """The sum of the columns; null when one of them is, for a part of a sum is not the sum."""
    if not columns:
        return pl.repeat(None, height, dtype=pl.Int64)
    return pl.sum_horizontal([pl.col(name) for name in columns], ignore_nulls=False)


def _problem(row: int, station_id: str, reason: str, used: bool) -> Problem:
    return {"row": row, "station_id": station_id, "reason": reason, "used": used}


def _unused_columns(table: Table, layout: Layout, numbers: list[str]) -> list[Problem]:
    known = {*numbers, *layout.known, layout.status, layout.counted}
    return [
        _problem(1, "", f"the column {name!r} is unknown to this format and goes into no number", True)
        for name in table.columns
        if name not in known
    ]


def _bad_cells(
    raw: pl.DataFrame, written: pl.DataFrame, votes: pl.DataFrame, places: pl.DataFrame
) -> list[Problem]:
    """Cells with a text that is no count of people. Blank and absent cells are no problem of the row's."""
    problems = []
    for name in votes.columns:
        value = votes.get_column(name)
        if not value.null_count():
            continue
        bad = value.is_null() & (raw.get_column(name).str.strip_chars().fill_null("") != "")
        cells = pl.DataFrame(
            [
                raw.get_column("row").filter(bad),
                places.get_column("station_id").filter(bad),
                raw.get_column(name).filter(bad).alias("text"),
                written.get_column(name).filter(bad).alias("number"),
            ]
        )
        for row, station_id, text, number in cells.iter_rows():
            reason = f"{name}: {text.strip()[:_SHOWN]!r} is {_why_no_count(text, number)}"
            problems.append(_problem(row, station_id, reason, False))
    return problems


def _why_no_count(text: str, number: int | None) -> str:
    if number is not None:
        return "negative" if number < 0 else "too large for one station"
    return "not a whole number" if _FRACTION.fullmatch(text.strip()) else "not a number"


def _counted(places: pl.DataFrame, layout: Layout, believed: pl.Series) -> tuple[pl.DataFrame, list[Problem]]:
    """Replace the text of ``counted`` by whether the authority counts the row; say what could not be told."""
    if layout.counted:
        column, word = layout.counted, pl.col("counted").str.to_lowercase().fill_null("")
        known, out, doubt = ["1", "true"], ["0", "false"], "is none of 1, 0, true, false; taken as 1"
    elif layout.status:
        column, word = layout.status, pl.col("status").str.to_lowercase().fill_null("")
        known = ["", *(term for term, status in layout.catalogue.items() if status.counted)]
        out = [term for term, status in layout.catalogue.items() if not status.counted]
        doubt = "is not in the catalogue; taken as counted"
    else:
        return places.with_columns(believed.alias("counted")), []
    strange = places.with_columns(word.alias("word")).filter(
        believed & ~places.select(word.is_in([*known, *out])).to_series()
    )
    problems = [
        _problem(row, station, f"{column}: {term!r} {doubt}", True)
        for row, station, term in strange.select("row", "station_id", "word").iter_rows()
    ]
    return places.with_columns((~word.is_in(out) & believed).alias("counted")), problems


def _usable_rows(table: Table, places: pl.DataFrame) -> tuple[pl.Series, pl.Series, list[Problem]]:
    """Which rows stand in `counts`, and which of those are blind (their numbers cannot be believed)."""
    keep = pl.Series("keep", [True]).new_from_index(0, places.height)
    blind = ~keep
    problems: list[Problem] = []
    row, station = places.get_column("row"), places.get_column("station_id")

    n = len(table.columns)
    for at in [i for i, number in enumerate(row) if number in table.widths] if table.widths else []:
        width = table.widths[row[at]]
        problems.append(
            _problem(row[at], station[at], f"the row has {width} cells, the header {n}", width < n)
        )
        blind[at] = width > n  # cells have slipped sideways somewhere: none of the numbers can be believed

    header = pl.all_horizontal(pl.col(name).str.strip_chars() == name for name in table.columns)
    again = table.raw.select(header.fill_null(False)).to_series()
    for number in row.filter(again):
        problems.append(_problem(number, "", "the header stands here again", False))
    nameless = (station == "") & ~again
    for number in row.filter(nameless):
        problems.append(_problem(number, "", "the row names no station", False))
    keep = keep & ~again & ~nameless

    repeated = places.select((pl.struct("station_id", "contest").is_duplicated()) & keep).to_series()
    first: dict[tuple[str, str], int] = {}
    for at in repeated.arg_true():  # rare: every repeated row is looked at, one by one
        key = (station[at], places.get_column("contest")[at])
        if key not in first:
            first[key] = at
            continue
        keep[at] = False
        earlier, same = row[first[key]], table.raw.row(at)[1:] == table.raw.row(first[key])[1:]
        if same:
            reason = f"the station is on row {earlier} already, with the same cells; used once"
        else:
            reason = (
                f"the station is on row {earlier} already, with other cells; the numbers of neither are used"
            )
            blind[first[key]] = True
        problems.append(_problem(row[at], station[at], reason, False))
    return keep, blind, problems


def _above_registered(places: pl.DataFrame, counts: pl.DataFrame, options: tuple[str, ...]) -> list[Problem]:
    """A note, no more: some stations have no list or take voters from elsewhere, so such a row is used like any other."""
    parts = [pl.col(name).fill_null(0) for name in (*options, "blank", "null")]
    most = pl.max_horizontal(pl.sum_horizontal(parts), "voted", "cast")
    found = pl.concat([places.select("row"), counts], how="horizontal").filter(
        (pl.col("registered") > 0) & (most > pl.col("registered"))
    )
    return [
        _problem(row, station, f"{votes} votes or voters with {registered} registered", True)
        for row, station, votes, registered in found.select(
            "row", "station_id", most, "registered"
        ).iter_rows()
    ]


def _statuses(raw: pl.DataFrame, layout: Layout) -> dict[str, dict[str, int]]:
    if not layout.status:
        return {}
    words = raw.select(pl.col(layout.status).fill_null("").alias("word")).group_by("word").len().sort("word")
    return {layout.status: dict(words.iter_rows())}
