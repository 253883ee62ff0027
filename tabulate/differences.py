"""The tables ``comparison`` and ``comparison_stations``: the tally, and every earlier snapshot, against the latest one.

Contest by contest, because an authority may publish one file for each: the latest snapshot of a contest is the newest one
that names it. Consecutive snapshots are compared too, so that a number that was changed and changed back is seen. Between
two snapshots only the fields that differ are kept; tally against snapshot keeps all, for those that agree are the
denominator. A station that only one of two snapshots counts, or whose status changed, is a revision even if its numbers
are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import polars as pl

from ocr.form import Role
from ocr.reading import State
from tabulate.compare import compare
from tabulate.explain import with_status
from tabulate.mission import Mission
from tabulate.official import FORMATS
from tabulate.pages import ACTA, Tables
from tabulate.pairs import BOTH
from tabulate.schema import conform, empty

TALLY = "tally"
_CELL = [*ACTA, "field"]
# Fields that only their own form knows have no counterpart.
_LOCAL = [Role.OTHER, Role.UNUSED, Role.STATION]
_UNKNOWN = [str(State.ABSENT), str(State.ILLEGIBLE)]
# Between two snapshots, what changed at a station beside its numbers.
COUNTED_CHANGED, STATUS_CHANGED = "counted-changed", "status-changed"
_OUTCOMES = {"only_left": "only-left", "only_right": "only-right"}


def comparison_tables(mission: Mission, tables: Tables) -> dict[str, pl.DataFrame]:
    """Compare, from the tables of tally and snapshots."""
    names = snapshots_of(tables)
    long = {s: official_cells(tables, s) for s in names["snapshot"].unique().sort()}
    long[TALLY] = tally_cells(tables)
    cells, stations = [empty("comparison")], [empty("comparison_stations")]
    for contest in mission.settings.contests:
        of = pl.col("contest") == contest.id
        for left, right in _pairs(names.filter(of)["snapshot"].to_list()):
            ours, theirs = long[left].filter(of), long[right].filter(of)
            if not _common_options(ours, theirs):
                continue
            order = [option.id for option in contest.options]
            found = compare(counts_of(ours, order), counts_of(theirs, order), rule=contest.how).stations
            # A row without numbers (pending, no acta) is no count: it has no cells to hold against the other side's.
            counted = found.filter(pl.col("which") == BOTH)
            both = _cells(left, ours, right, theirs).join(counted, on=ACTA, how="semi")
            stations.append(_stations(left, right, found, both, tables))
            cells.append(both if left == TALLY else both.filter(~pl.col("equal").fill_null(True)))
    made = {"comparison": cells, "comparison_stations": stations}
    return {name: conform(name, pl.concat(_typed(name, f) for f in frames)) for name, frames in made.items()}


def snapshots_of(tables: Tables) -> pl.DataFrame:
    """Which snapshots name which contest: ``contest``, ``snapshot``; the oldest count of each contest first."""
    named = tables["official_stations"].select("contest", "snapshot").unique()
    order = tables["snapshots"].select("snapshot", "taken_at", "seq")
    return named.join(order, on="snapshot").sort("contest", "taken_at", "seq").select("contest", "snapshot")


def latest_snapshots(tables: Tables) -> pl.DataFrame:
    """The newest snapshot that names each contest: ``contest``, ``snapshot``, one row for each contest that has one."""
    return snapshots_of(tables).unique("contest", keep="last", maintain_order=True)


def counts_of(long: pl.DataFrame, options: Sequence[str] = ()) -> pl.DataFrame:
    """A long count as the wide frame that `tabulate.compare.compare` takes, with ``counted``, ``unknown`` and ``voided``.

    `options` is their order on the acta: a column that slipped by a row is found only in that order.
    """
    named = long["option"].drop_nulls().unique().sort().to_list()
    ordered = [o for o in dict.fromkeys(options) if o in named]
    fields = [*(r for r in Role if r not in _LOCAL), *ordered, *(o for o in named if o not in ordered)]
    wide = long.pivot(on="field", index=ACTA, values="value", aggregate_function="first")
    order = [f for f in fields if f in wide.columns]
    marks = long.group_by(ACTA).agg(
        counted=pl.col("counted").all(),
        unknown=(pl.col("unknown") & pl.col("option").is_not_null()).any(),
        status=pl.col("status").first(),
        voided=pl.col("voided").any(),
    )
    wide = wide.select(*ACTA, pl.col(order).cast(pl.Int64)).join(marks, on=ACTA, how="left")
    return wide.sort(ACTA)


def tally_cells(tables: Tables) -> pl.DataFrame:
    """The tally in the words of official counts. Two fields of one role are added up, if both are numbers."""
    number = pl.col("state") == State.NUMBER
    return (
        tables["tally_fields"]
        .filter(~pl.col("role").is_in([str(r) for r in _LOCAL]))
        .with_columns(field=pl.coalesce("option", "role"))
        .group_by(*_CELL, "role", "option")
        .agg(
            value=pl.when(number.all()).then(pl.col("value").sum()),
            state=pl.when(number.all())
            .then(pl.lit(str(State.NUMBER)))
            .otherwise(pl.col("state").filter(~number).first()),
            confirmed=pl.col("confirmed").all(),
        )
        # Nobody knows what stands there: the writing cannot be read, or the page was not seen.
        .with_columns(
            counted=pl.lit(True),
            unknown=pl.col("state").is_in(_UNKNOWN),
            status=pl.lit(None, pl.String),
            voided=pl.lit(False),
        )
        .sort(_CELL)
    )


def official_cells(tables: Tables, snapshot: str) -> pl.DataFrame:
    """A snapshot's numbers, long, in the shape of `tally_cells`."""
    mine = tables["official_fields"].filter(pl.col("snapshot") == snapshot)
    named = tables["snapshots"].filter(pl.col("snapshot") == snapshot)["format"]
    catalogue = FORMATS[named[0]].statuses if named.len() and named[0] in FORMATS else {}
    status = with_status(
        tables["official_stations"].filter(pl.col("snapshot") == snapshot).select(*ACTA, "counted", "status"),
        catalogue,
    )
    return mine.join(status, on=ACTA, how="left").select(
        *(*_CELL, "role", "option", "value", "state"),
        confirmed=pl.lit(True),
        counted=pl.col("counted").fill_null(True),
        # An empty cell is how a file says that an option does not run there.
        unknown=pl.col("state") == State.ILLEGIBLE,
        status="status",
        voided=pl.col("voided").fill_null(False),
    )


def _pairs(snapshots: list[str]) -> list[tuple[str, str]]:
    """What is compared with what, of the snapshots of one contest."""
    if not snapshots:
        return []
    *earlier, latest = snapshots
    pairs = [(TALLY, latest), *((s, latest) for s in earlier), *itertools.pairwise(snapshots)]
    return list(dict.fromkeys(pairs))


def _common_options(left: pl.DataFrame, right: pl.DataFrame) -> set[str]:
    return set(left["option"].drop_nulls()) & set(right["option"].drop_nulls())


def _cells(left: str, ours: pl.DataFrame, right: str, theirs: pl.DataFrame) -> pl.DataFrame:
    """Field by field, of the stations and the fields that both sides have."""
    both = ours.join(theirs.select(*_CELL, "value", "state"), on=_CELL, how="inner", suffix="_right")
    same = pl.col("value").eq_missing(pl.col("value_right")) & (pl.col("state") == pl.col("state_right"))
    silent = pl.col("state").is_in(_UNKNOWN) | pl.col("state_right").is_in(_UNKNOWN)
    return both.select(
        *_CELL,
        "role",
        "option",
        left=pl.lit(left),
        right=pl.lit(right),
        left_value="value",
        left_state="state",
        left_confirmed="confirmed",
        right_value="value_right",
        right_state="state_right",
        difference=pl.col("value_right") - pl.col("value"),
        equal=pl.when(~silent).then(same),
    )


def _stations(
    left: str, right: str, found: pl.DataFrame, cells: pl.DataFrame, tables: Tables
) -> pl.DataFrame:
    """Station by station, with the kind of slip that would explain the difference."""
    votes = pl.col("role") == Role.OPTION
    votes_differ = pl.col("difference").filter(votes)
    differs = ~pl.col("equal").fill_null(True) & (pl.col("role") != Role.REGISTERED)
    sums = cells.group_by(ACTA).agg(
        gross=votes_differ.abs().sum(),
        net=votes_differ.sum(),
        confirmed=(pl.col("left_confirmed") | ~differs).all(),
    )
    frame = found.join(sums, on=ACTA, how="left").join(
        tables["tallies"].select(*ACTA, "photo"), on=ACTA, how="left"
    )
    frame = frame.join(_changed(left, right, tables), on=ACTA, how="left").with_columns(
        pl.col("changed").fill_null(pl.lit([], pl.List(pl.String)))
    )
    outcome = (
        pl.when(pl.col("which") != BOTH)
        .then(pl.col("which").replace(_OUTCOMES))
        .when((pl.col("n_differing") > 0) | (pl.col("changed").list.len() > 0))
        .then(pl.lit("differing"))
        .otherwise(pl.lit("equal"))
    )
    causes = pl.col("causes").list.concat("changed").list.sort().list.join(";")
    return frame.select(
        *ACTA,
        left=pl.lit(left),
        right=pl.lit(right),
        outcome=outcome,
        cause=pl.when(causes != "").then(causes),
        fields="n_differing",
        gross=pl.col("gross").fill_null(0),
        net=pl.col("net").fill_null(0),
        confirmed=pl.col("confirmed").fill_null(left != TALLY),
        revision=pl.lit(left != TALLY),
        photo=pl.when(pl.lit(left == TALLY)).then("photo"),
    )


def _changed(left: str, right: str, tables: Tables) -> pl.DataFrame:
    """``changed``: whether the authority's word about each station is another one, between two snapshots."""
    said = tables["official_stations"].select("snapshot", *ACTA, "counted", "status")
    sides = [said.filter(pl.col("snapshot") == name).drop("snapshot") for name in (left, right)]
    both = sides[0].join(sides[1], on=ACTA, how="inner", suffix="_right")
    words = [
        pl.when(pl.col(column).ne_missing(pl.col(f"{column}_right"))).then(pl.lit(word))
        for column, word in (("counted", COUNTED_CHANGED), ("status", STATUS_CHANGED))
    ]
    return both.select(*ACTA, changed=pl.concat_list(words).list.drop_nulls())


def _typed(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(c).cast(dtype) for c, dtype in empty(name).schema.items())
