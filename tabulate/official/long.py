"""Files with one row per station and option: brought to one row per station and contest, then checked like any other.

What a group of rows says about its station (registered voters, place, status) must be the same on each of its rows. An
option with two rows in one station and contest is used once if they are alike; else the station's numbers are not used.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official.base import NUMBER_COLUMNS, OfficialCount, Problem, Status
from tabulate.official.layout import Layout, build, whole_numbers
from tabulate.official.rows import Table

MAX_CELLS = 60_000_000
"""Stations times options; more do not fit a small machine's memory (a national list election, all lists at once)."""

_TEXTS = ("station_id", "contest", "place_id", "place", "region", "subregion", "status", "counted", "scope")


@dataclass(frozen=True)
class LongLayout:
    """Which column holds what, in a file with one row per station and option.

    Attributes
    ----------
    station_id, contest, place_id, place, region, subregion
        As in `Layout`.
    option
        Name of the option, an expression over the text columns; ``blank`` and ``null`` mean those votes, null drops the row.
    votes
        Column of the votes.
    numbers
        Canonical number -> column that repeats it on every row of the station.
    other_numbers
        Further number columns, only summed.
    named
        Beside the options: name -> (contest, canonical number), for `OfficialCount.by_option`.
    zero_in
        Where every option has a row if it has votes: expression of the area in which all stations have the same options. An
        option that has a row somewhere in the area and none in a station then has 0 there. None: it is absent.
    """

    station_id: pl.Expr
    option: pl.Expr
    votes: str
    contest: pl.Expr | None = None
    place_id: pl.Expr | None = None
    place: pl.Expr | None = None
    region: pl.Expr | None = None
    subregion: pl.Expr | None = None
    numbers: Mapping[str, str] = field(default_factory=dict)
    status: str | None = None
    counted: str | None = None
    catalogue: Mapping[str, Status] = field(default_factory=dict)
    markers: Mapping[str, str] = field(default_factory=dict)
    other_numbers: tuple[str, ...] = ()
    zero_in: pl.Expr | None = None
    id_digits: int | None = None


def build_long(format_id: str, verified: bool, path: Path, table: Table, layout: LongLayout) -> OfficialCount:
    """Parse a file with one row per station and option.

    Raises
    ------
    CotejoError
        When no row names an option, or there are more stations times options than `MAX_CELLS`.
    """
    rows = _rows(table, layout)
    usable, problems = _usable(table, rows, layout)
    good = rows.filter(usable)
    if good.is_empty():
        raise CotejoError(f"{path} has no row with a station and an option; is it the whole file?")
    good, found = _once(good)
    problems += found
    options = [o for o in good["option"].unique(maintain_order=True) if o not in ("blank", "null")]
    stations, found = _stations(good, layout)
    problems += found
    if stations.height * len(options) > MAX_CELLS:
        raise CotejoError(
            f"{path} holds {len(options)} options in {stations.height} stations; split it by office and import the parts."
        )
    beside = [name for name in ("blank", "null") if name not in layout.numbers]
    wide, zeros = _wide(good, stations, [*options, *beside], layout)
    numbers = {name: (name,) for name in NUMBER_COLUMNS if name in layout.numbers or name in wide.columns}
    inner = Layout(
        station_id=pl.col("\0station_id"),
        contest=pl.col("\0contest"),
        place_id=pl.col("\0place_id"),
        place=pl.col("\0place"),
        region=pl.col("\0region"),
        subregion=pl.col("\0subregion"),
        numbers=numbers,
        options=tuple(options),
        status="\0status" if layout.status else None,
        counted="\0counted" if layout.counted else None,
        catalogue=layout.catalogue,
        markers=layout.markers,
        id_digits=layout.id_digits,
        known=tuple(f"\0{name}" for name in _TEXTS),
    )
    columns = tuple(name for name in wide.columns if name != "row")
    count = build(format_id, verified, Table(columns, wide, {}, table.sha256), inner)
    return _as_the_file_has_it(count, table, layout, wide=wide, zeros=zeros, problems=problems)


def _rows(table: Table, layout: LongLayout) -> pl.DataFrame:
    def text(expression: pl.Expr | None, name: str) -> pl.Expr:
        return (pl.lit(None, pl.String) if expression is None else expression.str.strip_chars()).alias(name)

    return table.raw.select(
        "row",
        text(layout.station_id, "station_id").fill_null(""),
        text(layout.contest, "contest").fill_null(""),
        text(layout.place_id, "place_id"),
        text(layout.place, "place"),
        text(layout.region, "region"),
        text(layout.subregion, "subregion"),
        text(pl.col(layout.status) if layout.status else None, "status"),
        text(pl.col(layout.counted) if layout.counted else None, "counted"),
        text(layout.zero_in, "scope").fill_null(""),
        text(layout.option, "option"),
        pl.col(layout.votes).alias("votes"),
        *(pl.col(column).alias(name) for name, column in layout.numbers.items()),
    )


def _usable(table: Table, rows: pl.DataFrame, layout: LongLayout) -> tuple[pl.Series, list[Problem]]:
    """Rows that name a station and an option and have the header's width."""
    problems: list[Problem] = []
    row, station = rows["row"], rows["station_id"]
    first = table.columns[0]
    again = (table.raw[first].str.strip_chars().fill_null("") == first) & (rows["votes"] == layout.votes)
    ragged = row.is_in(list(table.widths)) if table.widths else ~again & again
    nameless = (station == "") & ~again
    optionless = rows["option"].is_null() & ~again & ~nameless & ~ragged
    for at in (again | nameless | ragged | optionless).arg_true():
        if again[at]:
            reason = "the header stands here again"
        elif ragged[at]:
            reason = f"the row has {table.widths[row[at]]} cells, the header {len(table.columns)}"
        elif nameless[at]:
            reason = "the row names no station"
        else:
            reason = "the row names no option"
        problems.append(
            {"row": row[at], "station_id": "" if again[at] else station[at], "reason": reason, "used": False}
        )
    return ~(again | nameless | ragged | optionless).fill_null(True), problems


def _once(good: pl.DataFrame) -> tuple[pl.DataFrame, list[Problem]]:
    """Each option once in a station and contest."""
    key = ["station_id", "contest", "option"]
    repeated = good.filter(pl.struct(key).is_duplicated())
    if repeated.is_empty():
        return good, []
    problems: list[Problem] = []
    drop: list[int] = []
    blind: list[int] = []
    for (station, _, option), part in repeated.group_by(key, maintain_order=True):
        rows = part["row"].to_list()
        same = part.drop("row").n_unique() == 1
        drop += rows[1:]
        blind += [] if same else rows[:1]
        for row in rows[1:]:
            what = "the same cells; used once" if same else "other cells; the numbers of neither are used"
            reason = f"{option}: the station has it on row {rows[0]} already, with {what}"
            problems.append({"row": row, "station_id": str(station), "reason": reason, "used": False})
    good = good.filter(~pl.col("row").is_in(drop))
    if blind:  # no number can be believed, so none is there
        good = good.with_columns(votes=pl.when(~pl.col("row").is_in(blind)).then("votes"))
    return good, problems


def _stations(good: pl.DataFrame, layout: LongLayout) -> tuple[pl.DataFrame, list[Problem]]:
    """One row per station and contest with what its rows say alike; what they say otherwise is null and told."""
    said = ["place_id", "place", "region", "subregion", "status", "counted", "scope", *layout.numbers]
    groups = good.group_by("station_id", "contest", maintain_order=True)
    found = groups.agg(
        pl.col("row").first(),
        *(pl.col(name).first() for name in said),
        *(pl.col(name).n_unique().alias(f"\0{name}") for name in said),
    )
    problems: list[Problem] = []
    for name in (*layout.numbers, "status", "counted"):
        unequal = found[f"\0{name}"] > 1
        for row, station in found.filter(unequal).select("row", "station_id").iter_rows():
            what = layout.numbers.get(name, name)
            reason = f"{what} is not the same on all rows of the station; it is not used"
            problems.append({"row": row, "station_id": station, "reason": reason, "used": False})
        if unequal.any():
            found = found.with_columns(pl.when(~unequal).then(pl.col(name)).alias(name))
    return found.drop([f"\0{name}" for name in said]), problems


def _wide(
    good: pl.DataFrame, stations: pl.DataFrame, options: list[str], layout: LongLayout
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The texts, one row per station and contest; and where a missing row means no votes, which cells those are."""
    key = ["station_id", "contest"]
    pivot = good.pivot(
        on="option", index=key, values="votes", aggregate_function="first", maintain_order=True
    )
    wide = stations.join(pivot, on=key, how="left", maintain_order="left")
    wide = wide.with_columns(pl.lit(None, pl.String).alias(o) for o in options if o not in wide.columns)
    zeros = None
    if layout.zero_in is not None:
        run = (
            good.select("contest", "scope", "option")
            .unique(maintain_order=True)
            .with_columns(runs=pl.lit(True))
            .pivot(on="option", index=["contest", "scope"], values="runs", aggregate_function="first")
        )
        run = run.with_columns(pl.lit(False).alias(o) for o in options if o not in run.columns)
        # Whoever has a station's row at all has its blank and null votes.
        area = wide.select("contest", "scope").join(
            run, on=["contest", "scope"], how="left", maintain_order="left"
        )
        given = good.select(*key, "option").with_columns(has=pl.lit(True))
        has = stations.select(key).join(
            given.pivot(on="option", index=key, values="has", aggregate_function="first"),
            on=key,
            how="left",
            maintain_order="left",
        )
        has = has.with_columns(pl.lit(False).alias(o) for o in options if o not in has.columns)
        zeros = pl.DataFrame(
            [
                (~has[o].fill_null(False) & (area[o].fill_null(False) | (o in ("blank", "null")))).alias(o)
                for o in options
            ]
        )
        wide = wide.with_columns(
            pl.when(zeros[o]).then(pl.lit("0")).otherwise(pl.col(o)).alias(o) for o in options
        )
    rename = {name: f"\0{name}" for name in _TEXTS}
    return wide.rename(rename).select("row", *rename.values(), *layout.numbers, *options), zeros


def _as_the_file_has_it(
    count: OfficialCount,
    table: Table,
    layout: LongLayout,
    *,
    wide: pl.DataFrame,
    zeros: pl.DataFrame | None,
    problems: list[Problem],
) -> OfficialCount:
    """The count with the file's own rows, columns, sums and words."""
    columns = [
        name
        for name in table.columns
        if name in {layout.votes, *layout.numbers.values(), *layout.other_numbers}
    ]
    texts = wide.drop("row")
    if zeros is not None:  # nothing was written there
        texts = texts.with_columns(
            pl.when(~zeros[o]).then(pl.col(o)).alias(o) for o in zeros.columns if zeros[o].any()
        )
    kept = count.lines.to_frame().join(
        texts.with_columns(wide["row"]), on="row", how="left", maintain_order="left"
    )
    written = {name: whole_numbers(table.raw[name], layout.markers) for name in columns}
    words = (
        table.raw[layout.status].drop_nulls().value_counts().sort(layout.status) if layout.status else None
    )
    reasons = {p["reason"] for p in problems}
    inner = [p for p in count.problems if p["reason"] not in reasons]
    return dataclasses.replace(
        count,
        columns=table.columns,
        rows=table.rows,
        totals={name: int(numbers.sum()) for name, numbers in written.items()},
        statuses={str(layout.status): dict(words.iter_rows())} if words is not None else {},
        problems=sorted([*inner, *problems], key=lambda p: (p["row"], p["reason"])),
        texts=kept.drop("row"),
        boxes=table.boxes,
    )
