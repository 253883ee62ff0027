"""From a table with one row per station to an `OfficialCount`: the work that all formats of that shape share.

A format says in a `Layout` which column holds what; nothing else is particular to it. A row that cannot be used
stays in `raw` and in `problems` with its reason, and a cell that is no count of people is null in `counts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
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
from tabulate.official.rows import Deferred, Table

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
    status
        Column of the authority's word.
    also_status
        Further columns of words that are counted for `OfficialCount.statuses`.
    counted
        Column with 1, 0, true or false that says whether the authority counts the row; None to ask `catalogue`.
    catalogue
        The authority's words, lower case. A word that is not in it is taken as counted, and reported.
    markers
        Text in a column of numbers, lower case -> ``blank``, ``illegible`` or ``absent``. Such a cell is no problem.
    twice
        Pairs of number columns in which the authority gives one number twice; a difference is a note.
    without_acta
        Condition over the text columns: the row is of a station whose acta was never captured. Such a row is not truncated
        when it ends early: its numbers are absent, and it is not counted.
    aside
        Condition over the text columns: the row is no station's (an acta outside the catalogue of stations). It stays in
        `raw` and in the totals.
    id_digits
        Digits of a station's id by the authority's rules. An id of fewer digits is filled up with zeros, and reported.
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
    also_status: tuple[str, ...] = ()
    catalogue: Mapping[str, Status] = field(default_factory=dict)
    markers: Mapping[str, str] = field(default_factory=dict)
    twice: tuple[tuple[str, str], ...] = ()
    without_acta: pl.Expr | None = None
    aside: pl.Expr | None = None
    id_digits: int | None = None
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


def first_of(columns: tuple[str, ...], *names: str) -> pl.Expr | None:
    """The first of the names that the file has as a column; None if it has none of them."""
    return next((pl.col(name) for name in names if name in columns), None)


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
    columns = _number_columns(table, layout)
    raw, written = _texts_and_numbers(table, layout, columns)
    votes = pl.DataFrame([_plausible(written.get_column(name)) for name in columns])
    places = _places(raw, layout)
    places, lost = _leading_zeros(places, layout.id_digits)

    keep, blind, never, problems = _usable_rows(table, raw, places, layout)
    problems += lost + _unused_columns(table, layout, columns)
    believed = keep & ~blind
    problems += _bad_cells(table, written, votes, places, believed=believed, markers=layout.markers)
    problems += _given_twice(votes, places, believed, layout.twice)
    places, found = _counted(places, layout, believed, never)
    problems += found
    totals = {name: int(written.get_column(name).sum()) for name in columns}
    by_contest = {} if layout.contest is None else _by_contest(places, written, keep)
    if not keep.all():
        places, votes, blind = places.filter(keep), votes.filter(keep), blind.filter(keep)
    if blind.any():
        votes = votes.select(pl.when(~blind).then(pl.col(name)).alias(name) for name in columns)
    counts = pl.DataFrame(
        [
            *places.select(*PLACE_COLUMNS),
            *(_sum_of(layout.numbers.get(name, ()), votes).alias(name) for name in NUMBER_COLUMNS),
            *places.select(*STATUS_COLUMNS),
            *votes.select(layout.options),
        ]
    )
    problems += _above_registered(places, counts, layout.options)
    problems.sort(key=lambda problem: (problem["row"], problem["reason"]))
    return OfficialCount(
        format=format_id,
        verified=verified,
        sha256=table.sha256,
        columns=table.columns,
        options=layout.options,
        rows=table.rows,
        counts=counts,
        totals=totals,
        statuses=_statuses(raw, layout),
        problems=problems,
        lines=places.get_column("row"),
        sources={**layout.numbers, **{name: (name,) for name in layout.options}},
        markers=layout.markers,
        totals_by_contest=by_contest,
        boxes=table.boxes,
    )


def _texts_and_numbers(table: Table, layout: Layout, columns: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows, and their numbers; the columns of numbers are texts in the rows only where some are no numbers."""
    if isinstance(table.rows, Deferred) and not layout.markers and not _texts_used(layout) & set(columns):
        typed = table.rows.typed(columns)
        if typed is not None:
            return typed, typed.select(columns)
    return table.raw, all_numbers(table.raw, columns, layout.markers)


def _texts_used(layout: Layout) -> set[str]:
    """Columns whose text the layout needs."""
    expressions = [
        getattr(layout, name)
        for name in (
            "station_id",
            "contest",
            "place_id",
            "place",
            "region",
            "subregion",
            "without_acta",
            "aside",
        )
    ]
    used = {name for e in expressions if e is not None for name in e.meta.root_names()}
    return used | {name for name in (layout.status, layout.counted, *layout.also_status) if name}


def all_numbers(raw: pl.DataFrame, columns: list[str], markers: Mapping[str, str]) -> pl.DataFrame:
    """`whole_numbers` of many columns, which most often are numbers and nothing else."""
    numbers = raw.select(pl.col(columns).cast(pl.Int64, strict=False))
    wrong = [name for name in columns if numbers[name].null_count() or markers]
    return numbers.with_columns(whole_numbers(raw[name], markers) for name in wrong)


def whole_numbers(texts: pl.Series, markers: Mapping[str, str]) -> pl.Series:
    """The texts as numbers, null where they are none; spaces around a number do not matter."""
    numbers = texts.cast(pl.Int64, strict=False)
    if numbers.null_count() > texts.null_count():
        texts = texts.str.strip_chars()
        numbers = texts.cast(pl.Int64, strict=False)
    marks = [word for word in markers if word.lstrip("-").isdigit()]
    if marks and (found := texts.is_in(marks)).any():  # -1 may stand for "nothing there"
        numbers = pl.select(pl.when(~found).then(numbers).alias(numbers.name)).to_series()
    return numbers


def _plausible(numbers: pl.Series) -> pl.Series:
    """Null where a number is no count of people."""
    low, high = numbers.min(), numbers.max()
    if low is None or (low >= 0 and high <= MAX_COUNT):  # type: ignore[operator]
        return numbers
    good = numbers.is_between(0, MAX_COUNT)
    return pl.select(pl.when(good).then(numbers).alias(numbers.name)).to_series()


def _places(raw: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    def text(expression: pl.Expr | None, name: str) -> pl.Expr:
        if expression is None:
            return pl.lit(None, pl.String).alias(name)
        return expression.str.strip_chars().alias(name)

    return raw.select(
        "row",
        text(layout.station_id, "station_id").fill_null(""),
        text(layout.contest, "contest").fill_null(""),
        text(layout.place_id, "place_id"),
        text(layout.place, "place"),
        text(layout.region, "region"),
        text(layout.subregion, "subregion"),
        text(pl.col(layout.status) if layout.status else None, "status"),
        text(pl.col(layout.counted) if layout.counted else None, "counted"),
    )


def _leading_zeros(places: pl.DataFrame, digits: int | None) -> tuple[pl.DataFrame, list[Problem]]:
    """Ids that have lost leading zeros: filled up where the authority's rule is known, else only reported."""
    station = places.get_column("station_id")
    if digits is not None:
        short = (station.str.len_chars() < digits) & station.str.contains(r"^[0-9]+$")
        if not short.any():
            return places, []
        places = places.with_columns(
            pl.when(short).then(station.str.zfill(digits)).otherwise(station).alias("station_id")
        )
        if not station.str.starts_with("0").any():
            reason = f"the ids of all stations have lost their leading zeros ({short.sum()} were filled up to {digits} digits)"
            return places, [_problem(1, "", reason, True)]
        reason = f"the station's id has fewer than {digits} digits; leading zeros were put back"
    else:
        length = station.str.len_bytes()
        if length.min() == length.max():
            return places, []
        zero = station.str.starts_with("0")
        lengths = station.filter(zero).str.len_chars().unique()
        if len(lengths) != 1 or lengths[0] < 2:
            return places, []
        short = (station.str.len_chars() < lengths[0]) & ~zero & station.str.contains(r"^[0-9]+$")
        reason = f"the station's id has fewer than {lengths[0]} digits; did it lose leading zeros?"
    found = places.filter(short).select("row", "station_id")
    return places, [_problem(row, station_id, reason, True) for row, station_id in found.iter_rows()]


def _by_contest(places: pl.DataFrame, written: pl.DataFrame, keep: pl.Series) -> dict[str, dict[str, int]]:
    contest = places.get_column("contest")
    if contest.n_unique() < 2 or contest.filter(keep).n_unique() < 2:
        return {}
    sums = (
        written.with_columns(contest.alias("\0contest"))
        .filter(keep)
        .group_by("\0contest", maintain_order=True)
        .agg(pl.all().sum())
    )
    return {
        str(row["\0contest"]): {name: row[name] for name in written.columns}
        for row in sums.iter_rows(named=True)
    }


def _number_columns(table: Table, layout: Layout) -> list[str]:
    """Every column that holds counts, in the file's order."""
    summed = {name for columns in layout.numbers.values() for name in columns}
    wanted = summed.union(layout.options, layout.other_numbers)
    return [name for name in table.columns if name in wanted]


def _sum_of(columns: tuple[str, ...], votes: pl.DataFrame) -> pl.Series:
    """The sum of the columns; null when one of them is, for a part of a sum is not the sum."""
    if not columns:
        return pl.Series([None], dtype=pl.Int64).new_from_index(0, votes.height)
    return votes.select(pl.sum_horizontal([pl.col(name) for name in columns], ignore_nulls=False)).to_series()


def _problem(row: int, station_id: str, reason: str, used: bool) -> Problem:
    return {"row": row, "station_id": station_id, "reason": reason, "used": used}


def _unused_columns(table: Table, layout: Layout, numbers: list[str]) -> list[Problem]:
    known = {*numbers, *layout.known, *layout.also_status, layout.status, layout.counted}
    return [
        _problem(1, "", f"the column {name!r} is unknown to this format and goes into no number", True)
        for name in table.columns
        if name not in known
    ]


def _bad_cells(
    table: Table,
    written: pl.DataFrame,
    votes: pl.DataFrame,
    places: pl.DataFrame,
    *,
    believed: pl.Series,
    markers: Mapping[str, str],
) -> list[Problem]:
    """Cells with a text that is no count of people. Blank, absent and marked cells are no problem of the row's."""
    problems = []
    words = list(markers)
    for name in votes.columns:
        value = votes.get_column(name)
        if not value.null_count():
            continue
        raw = table.raw
        at = (value.is_null() & believed & (raw.get_column(name).fill_null("") != "")).arg_true()
        texts = raw.get_column(name).gather(at).str.strip_chars()
        at = at.filter((texts != "") & ~texts.str.to_lowercase().is_in(words))
        cells = pl.DataFrame(
            [
                raw.get_column("row").gather(at),
                places.get_column("station_id").gather(at),
                raw.get_column(name).gather(at).alias("text"),
                written.get_column(name).gather(at).alias("number"),
            ]
        )
        for row, station_id, text, number in cells.iter_rows():
            reason = f"{name}: {text.strip()[:_SHOWN]!r} is {_why_no_count(text, number)}"
            problems.append(_problem(row, station_id, reason, False))
    return problems


def _given_twice(
    votes: pl.DataFrame, places: pl.DataFrame, believed: pl.Series, pairs: tuple[tuple[str, str], ...]
) -> list[Problem]:
    """Where the authority's two figures of one number differ. Both are kept; which is right is not ours to say."""
    problems = []
    for left, right in pairs:
        if left not in votes.columns or right not in votes.columns:
            continue
        at = (believed & (votes[left] != votes[right]).fill_null(False)).arg_true()
        found = [places["row"], places["station_id"], votes[left], votes[right]]
        for row, station_id, a, b in zip(*(column.gather(at) for column in found), strict=True):
            problems.append(_problem(row, station_id, f"{left} is {a}, {right} is {b}", True))
    return problems


def _why_no_count(text: str, number: int | None) -> str:
    if number is not None:
        return "negative" if number < 0 else "too large for one station"
    return "not a whole number" if _FRACTION.fullmatch(text.strip()) else "not a number"


def _counted(
    places: pl.DataFrame, layout: Layout, believed: pl.Series, never: pl.Series
) -> tuple[pl.DataFrame, list[Problem]]:
    """Replace the text of ``counted`` by whether the authority counts the row; say what could not be told."""
    if layout.counted:
        column, word = layout.counted, pl.col("counted").str.to_lowercase().fill_null("")
        known, out, doubt = ["1", "true"], ["0", "false"], "is none of 1, 0, true, false; taken as 1"
    elif layout.status:
        column, word = layout.status, pl.col("status").str.to_lowercase().fill_null("")
        known = ["", *(term for term, status in layout.catalogue.items() if status.counted is not False)]
        out = [term for term, status in layout.catalogue.items() if status.counted is False]
        doubt = "is not in the catalogue; taken as counted"
    else:
        return places.with_columns((believed & ~never).alias("counted")), []
    # There are few different words: each is looked up once.
    words = places.select(word.alias("word")).to_series()
    strange = set(words.unique()) - {*known, *out}
    problems = []
    if strange:
        absent = places["counted" if layout.counted else "status"].is_null()
        at = (words.is_in(list(strange)) & believed & ~never & ~absent).arg_true()
        found = zip(places["row"].gather(at), places["station_id"].gather(at), words.gather(at), strict=True)
        problems = [
            _problem(row, station, f"{column}: {term!r} {doubt}", True) for row, station, term in found
        ]
    ended = places["counted"].is_null() & believed & ~never if layout.counted else ~believed & believed
    for at in ended.arg_true():
        reason = f"the row ends before {column}; taken as not counted"
        problems.append(_problem(places["row"][at], places["station_id"][at], reason, True))
    return places.with_columns((~words.is_in(out) & believed & ~never & ~ended).alias("counted")), problems


def _usable_rows(
    table: Table, raw: pl.DataFrame, places: pl.DataFrame, layout: Layout
) -> tuple[pl.Series, pl.Series, pl.Series, list[Problem]]:
    """Which rows stand in `counts`, which of those are blind (their numbers cannot be believed) or have no acta."""
    keep = pl.Series("keep", [True]).new_from_index(0, places.height)
    blind = ~keep
    problems: list[Problem] = []
    row, station = places.get_column("row"), places.get_column("station_id")

    n = len(table.columns)
    never = _rows_where(raw, layout.without_acta)
    for at in never.arg_true():
        width = table.widths.get(row[at], n)
        reason = "no acta was captured" + (f": the row ends after {width} of {n} cells" if width < n else "")
        problems.append(_problem(row[at], station[at], reason, False))
    ragged = row.is_in(list(table.widths)) & ~never if table.widths else blind
    for at in ragged.arg_true():
        width = table.widths[row[at]]
        reason = f"the row has {width} cells, the header {n}"
        blind[at] = width > n  # cells have slipped sideways somewhere: none of the numbers can be believed
        problems.append(_problem(row[at], station[at], reason, width < n))

    first = table.columns[0]
    again = ~keep
    if raw.schema[first] == pl.String:  # else it is a number on every row
        again = raw.get_column(first).str.contains(first, literal=True).fill_null(False)
    if again.any():
        header = pl.all_horizontal(pl.col(name).str.strip_chars() == name for name in table.columns)
        again &= table.raw.select(header.fill_null(False)).to_series()
    for number in row.filter(again):
        problems.append(_problem(number, "", "the header stands here again", False))
    aside = _rows_where(raw, layout.aside) & ~again
    nameless = (station == "") & ~again & ~aside
    for number in row.filter(nameless):
        problems.append(_problem(number, "", "the row names no station", False))
    for at in aside.arg_true():
        reason = "the acta is outside the catalogue of stations; it belongs to none and is not counted"
        problems.append(_problem(row[at], station[at], reason, False))
    keep = keep & ~again & ~nameless & ~aside

    repeated = _repeated(places, keep, layout.contest is None)
    seen: dict[tuple[str, str], int] = {}
    for at in repeated.arg_true():  # rare: every repeated row is looked at, one by one
        key = (station[at], places.get_column("contest")[at])
        if key not in seen:
            seen[key] = at
            continue
        keep[at] = False
        earlier, same = row[seen[key]], table.raw.row(at)[1:] == table.raw.row(seen[key])[1:]
        if same:
            reason = f"the station is on row {earlier} already, with the same cells; used once"
        else:
            reason = (
                f"the station is on row {earlier} already, with other cells; the numbers of neither are used"
            )
            blind[seen[key]] = True
        problems.append(_problem(row[at], station[at], reason, False))
    return keep, blind, never, problems


def _rows_where(raw: pl.DataFrame, condition: pl.Expr | None) -> pl.Series:
    if condition is None:
        return pl.Series([False]).new_from_index(0, raw.height)
    return raw.select(condition.fill_null(False)).to_series()


def _repeated(places: pl.DataFrame, keep: pl.Series, one_contest: bool) -> pl.Series:
    """Rows whose station and contest stand on another row too."""
    if one_contest or places.get_column("contest").n_unique() == 1:
        key = places.get_column("station_id")
    else:
        key = places.select(pl.struct("station_id", "contest")).to_series()
    # Ids that rise from row to row need not be sorted to be told apart.
    rising = key.dtype == pl.String and len(key) > 1 and bool((key[1:] > key[:-1]).all())
    if rising or key.n_unique() == len(key):
        return pl.Series([False]).new_from_index(0, len(key))
    return key.is_duplicated() & keep


def _above_registered(places: pl.DataFrame, counts: pl.DataFrame, options: tuple[str, ...]) -> list[Problem]:
    """A note, no more: some stations have no list or take voters from elsewhere, so such a row is used like any other."""
    # Column by column, which is several times as fast as row by row; nulls are passed over.
    written = np.zeros(counts.height, dtype=np.int64)
    for name in (*options, "blank", "null"):
        written += _filled(counts[name])
    for name in ("voted", "cast"):
        np.maximum(written, _filled(counts[name]), out=written)
    listed = _filled(counts["registered"])
    at = np.flatnonzero((listed > 0) & (written > listed))
    if not len(at):
        return []
    rows, stations = places["row"].gather(at), counts["station_id"].gather(at)
    return [
        _problem(row, station, f"{votes} votes or voters with {registered} registered", True)
        for row, station, votes, registered in zip(
            rows, stations, written[at].tolist(), listed[at].tolist(), strict=True
        )
    ]


def _filled(numbers: pl.Series) -> npt.NDArray[np.int64]:
    return (numbers.fill_null(0) if numbers.null_count() else numbers).to_numpy()


def _statuses(raw: pl.DataFrame, layout: Layout) -> dict[str, dict[str, int]]:
    """Every word of every status column with its number of rows.

    Rows that end before the column have no word; where they are stations without an acta, the column that says what is
    counted has them as ``(short row)``, so that its numbers add up to all rows.
    """
    columns = ([layout.status] if layout.status else []) + list(layout.also_status)
    if layout.counted and layout.counted not in columns and layout.without_acta is not None:
        columns.append(layout.counted)
    found = {}
    for column in columns:
        words = raw.get_column(column)
        tally = dict(words.drop_nulls().value_counts().sort(column).iter_rows())
        if column == layout.counted and words.null_count():
            tally["(short row)"] = words.null_count()
        found[column] = tally
    return found
