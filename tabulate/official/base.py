"""What an official file becomes: `OfficialCount`, and the contract of the module that reads it, `OfficialFormat`.

Four things that look alike stay four: a number (0 among them), a blank cell, an illegible one (a text that is no
count of people) and an absent one (no such column, or the row ends before it). Authorities write words for them inside
their columns of votes (*Sin dato*, *Ilegible*, ``-``); a format names these in `markers`. In `counts` the last three are
null; `OfficialCount.cells` says which is which, and `raw` keeps every text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import polars as pl

from tabulate.official.rows import Deferred

PLACE_COLUMNS = ("station_id", "contest", "place_id", "place", "region", "subregion")
NUMBER_COLUMNS = ("registered", "voted", "cast", "valid", "blank", "null")
STATUS_COLUMNS = ("counted", "status")
CANONICAL_COLUMNS = PLACE_COLUMNS + NUMBER_COLUMNS + STATUS_COLUMNS
"""The columns of a canonical counts frame before its options."""


class Problem(TypedDict):
    """One thing to know about one row of the file.

    `used` False: the row, or the cell that the reason names, gives no number to `counts`; it stays in `raw`.
    `used` True: a note.
    """

    row: int
    station_id: str
    reason: str
    used: bool


@dataclass(frozen=True)
class Status:
    """One of the authority's own words for an acta.

    Attributes
    ----------
    counted
        Whether the authority's total includes an acta with this word; None where the word alone does not say.
    meaning
        What the authority means by it, in English.
    term
        The word as the authority writes it.
    source
        Document or file it was taken from.
    verified
        Whether a real file showed it.
    content
        What it says of the acta's numbers: ``numbers``, ``none`` (no votes for options), or None where it says neither.
    """

    counted: bool | None
    meaning: str
    term: str = ""
    source: str = ""
    verified: bool = True
    content: str | None = None


@dataclass(frozen=True)
class OfficialFormat:
    """How one authority publishes one kind of count.

    Attributes
    ----------
    id
        What ``--format`` takes.
    verified
        True only when the module was checked against a real file with known totals.
    detect
        ``detect(path) -> bool``: looks at the header only, never at the name of the file.
    parse
        ``parse(path) -> OfficialCount``; raises CotejoError with one sentence when the file cannot be used.
    statuses
        The catalogue of the authority's words, lower case; empty where the file has none.
    """

    id: str
    authority: str
    country: str
    title: str
    verified: bool
    detect: Callable[[Path], bool]
    parse: Callable[[Path], OfficialCount]
    statuses: Mapping[str, Status]


@dataclass(frozen=True)
class OfficialCount:
    """An official file, parsed.

    Attributes
    ----------
    format, verified
        The format's id, and whether that format was ever checked against a real file.
    sha256
        Of the file on disk.
    columns
        The file's own columns, in its order.
    options
        The option columns of `counts`, in the file's order.
    rows
        `raw`, or what makes it when it is asked for.
    counts
        One row per station and contest, in the file's order: ``station_id``, ``contest`` (may be ""), ``place_id``,
        ``place``, ``region``, ``subregion`` (String); ``registered`` (voters on the list), ``voted`` (people who
        voted, ballots given out), ``cast`` (ballots in the box), ``valid``, ``blank``, ``null`` (ballots), all Int64;
        ``counted`` (Boolean), ``status`` (String, the authority's word); then one Int64 column of votes per option.
    totals
        The file's own number columns, each summed over all rows with texts as missing.
    statuses
        Status column -> word -> number of rows.
    problems
        In the order of the file.
    lines
        Line of the file of each row of `counts`.
    sources
        Canonical number or option -> the columns of the file whose sum it is.
    markers
        Text in a column of numbers, lower case -> ``blank``, ``illegible`` or ``absent``.
    totals_by_contest
        `totals`, contest by contest, where the file has several.
    by_option
        What the authority lists beside the options in its own words (*Branco*, *Nulo*): name -> (contest, canonical number).
    tickets
        Candidate -> the options that count for the candidate, where the file says so (coalitions have a column for each
        combination of their parties).
    summary
        The authority's own figures about the whole: name -> text.
    texts
        Where a station's numbers stand on several rows of the file: the text of each number and option, row for row with
        `counts`. `sources` then names columns of this frame.
    boxes
        For a table out of a PDF: ``row``, ``column``, ``page`` and the box of every cell, in points from the top left.
    """

    format: str
    verified: bool
    sha256: str
    columns: tuple[str, ...]
    options: tuple[str, ...]
    rows: pl.DataFrame | Deferred
    counts: pl.DataFrame
    totals: dict[str, int]
    statuses: dict[str, dict[str, int]]
    problems: list[Problem]
    lines: pl.Series
    sources: Mapping[str, tuple[str, ...]]
    markers: Mapping[str, str] = field(default_factory=dict)
    totals_by_contest: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    by_option: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    tickets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    summary: Mapping[str, str] = field(default_factory=dict)
    texts: pl.DataFrame | None = None
    boxes: pl.DataFrame | None = None

    @property
    def raw(self) -> pl.DataFrame:
        """Every row as text: ``row`` (line in the file) and the file's columns. ``""`` is blank, null is absent."""
        return self.rows if isinstance(self.rows, pl.DataFrame) else self.rows.frame

    def cells(self) -> pl.DataFrame:
        """Every number of `counts` with its text, long.

        Returns
        -------
        polars.DataFrame
            ``row`` (line in the file), ``station_id``, ``contest``, ``field``, ``value`` (Int64), ``state`` (number,
            blank, illegible or absent) and ``raw`` (the text; several source columns are joined by " + ").
        """
        keys = pl.DataFrame([self.lines, self.counts["station_id"], self.counts["contest"]])
        raw = self.texts
        if raw is None:
            raw = keys.select("row").join(self.raw, on="row", how="left", maintain_order="left").drop("row")
        fields = [*NUMBER_COLUMNS, *self.options]
        long = []
        for number, name in enumerate(fields):
            source = [pl.col(column) for column in self.sources.get(name, ())] or [
                pl.repeat(None, raw.height, dtype=pl.String)
            ]
            text = raw.select(
                gone=pl.all_horizontal(part.is_null() for part in source),
                empty=pl.all_horizontal(part.str.strip_chars().fill_null("") == "" for part in source),
                raw=pl.concat_str(source, separator=" + ", ignore_nulls=True),
            )
            # In a sum of several columns the least readable part decides.
            words = [part.str.strip_chars().str.to_lowercase() for part in source]
            marked = raw.select(
                pl.any_horizontal(
                    word.is_in([text for text, means in self.markers.items() if means == state]).fill_null(
                        False
                    )
                    for word in words
                ).alias(state)
                for state in ("illegible", "blank", "absent")
            )
            text = text.with_columns(*marked)
            state = (
                pl.when(pl.col("value").is_not_null())
                .then(pl.lit("number"))
                .when(pl.col("gone"))
                .then(pl.lit("absent"))
                .when(pl.col("empty"))
                .then(pl.lit("blank"))
                .when(pl.col("illegible"))
                .then(pl.lit("illegible"))
                .when(pl.col("blank"))
                .then(pl.lit("blank"))
                .when(pl.col("absent"))
                .then(pl.lit("absent"))
                .otherwise(pl.lit("illegible"))
            )
            part = pl.concat([keys, text, self.counts.select(pl.col(name).alias("value"))], how="horizontal")
            long.append(
                part.select(
                    pl.int_range(pl.len()).alias("at"),
                    pl.lit(number).alias("order"),
                    "row",
                    "station_id",
                    "contest",
                    pl.lit(name).alias("field"),
                    "value",
                    state.alias("state"),
                    pl.when(~pl.col("gone")).then(pl.col("raw")).alias("raw"),
                )
            )
        return pl.concat(long).sort("at", "order").drop("at", "order")

    def to_json(self) -> dict[str, Any]:
        """The ``official`` document of the design."""
        counted = self.counts.filter(pl.col("counted"))
        by_option = {name: int(counted[name].sum()) for name in self.options}
        by_option |= {
            name: int(counted.filter(pl.col("contest") == contest)[number].sum())
            for name, (contest, number) in self.by_option.items()
        }
        contests = {
            str(name): {o: int(part[o].sum()) for o in self.options if part[o].null_count() < part.height}
            for (name,), part in counted.group_by("contest", maintain_order=True)
        }
        more = {
            "totals_by_contest": {name: dict(sums) for name, sums in self.totals_by_contest.items()},
            "actas_by_contest": dict(self.counts.group_by("contest", maintain_order=True).len().iter_rows())
            if self.totals_by_contest
            else {},
            "by_candidate": {
                name: int(counted.select(pl.sum_horizontal(*options).sum()).item())
                for name, options in self.tickets.items()
            },
            "summary": dict(self.summary),
        }
        return {
            "format": self.format,
            "verified": self.verified,
            "sha256": self.sha256,
            "rows": self.rows.height,
            "stations": self.counts.get_column("station_id").n_unique(),
            "actas": self.counts.height,
            "totals": self.totals,
            "by_option": by_option,
            "by_contest": contests,
            "statuses": self.statuses,
            "counted": counted.height,
            "problems": self.problems,
            **{name: value for name, value in more.items() if value},
        }
