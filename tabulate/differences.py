"""The tables ``comparison`` and ``comparison_stations``: the tally, and every earlier snapshot, against the latest one.

Consecutive snapshots are compared too, so that a number that was changed and changed back is seen. Between two snapshots
only the fields that differ are kept; tally against snapshot keeps all, for those that agree are the denominator.
"""

from __future__ import annotations

import itertools

import polars as pl

from ocr.form import Role
from ocr.reading import State
from tabulate.compare import compare
from tabulate.mission import Mission
from tabulate.pages import ACTA, Tables
from tabulate.pairs import BOTH
from tabulate.schema import conform, empty

TALLY = "tally"
_CELL = [*ACTA, "field"]
# Fields that only their own form knows have no counterpart.
_LOCAL = [Role.OTHER, Role.UNUSED, Role.STATION]
_OUTCOMES = {"only_left": "only-left", "only_right": "only-right"}


def comparison_tables(mission: Mission, tables: Tables) -> dict[str, pl.DataFrame]:
    """Compare, from the tables of tally and snapshots."""
    snapshots = tables["snapshots"].sort("taken_at", "seq")["snapshot"].to_list()
    long = {s: official_cells(tables, s) for s in snapshots} | {TALLY: tally_cells(tables)}
    pairs = [(TALLY, snapshots[-1])] if snapshots else []
    pairs += list(
        dict.fromkeys([*((s, snapshots[-1]) for s in snapshots[:-1]), *itertools.pairwise(snapshots)])
    )
    cells, stations = [empty("comparison")], [empty("comparison_stations")]
    for left, right in pairs:
        if long[left].is_empty() or long[right].is_empty():
            continue
        rules = {c.id: c.rule for c in mission.settings.contests}
        found = compare(counts_of(long[left]), counts_of(long[right]), rule=rules).stations
        # A row without numbers (pending, no acta) is no count: it has no cells to hold against the other side's.
        counted = found.filter(pl.col("which") == BOTH)
        both = _cells(left, long[left], right, long[right]).join(counted, on=ACTA, how="semi")
        stations.append(_stations(left, right, found, both, tables))
        cells.append(both if left == TALLY else both.filter(~pl.col("equal").fill_null(True)))
    names = {"comparison": cells, "comparison_stations": stations}
    return {name: conform(name, pl.concat(_typed(name, f) for f in frames)) for name, frames in names.items()}


def counts_of(long: pl.DataFrame) -> pl.DataFrame:
    """A long count as the wide frame that `tabulate.compare.compare` takes."""
    fields = [*(r for r in Role if r not in _LOCAL), *long["option"].drop_nulls().unique().sort()]
    wide = long.pivot(on="field", index=ACTA, values="value", aggregate_function="first")
    order = [f for f in fields if f in wide.columns]
    return wide.select(*ACTA, pl.col(order).cast(pl.Int64)).sort(ACTA)


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
        .sort(_CELL)
    )


def official_cells(tables: Tables, snapshot: str) -> pl.DataFrame:
    """A snapshot's numbers, long, in the shape of `tally_cells`."""
    mine = tables["official_fields"].filter(pl.col("snapshot") == snapshot)
    return mine.select(*_CELL, "role", "option", "value", "state", confirmed=pl.lit(True))


def _cells(left: str, ours: pl.DataFrame, right: str, theirs: pl.DataFrame) -> pl.DataFrame:
    """Field by field, of the stations and the fields that both sides have."""
    both = ours.join(theirs.drop("confirmed", "role", "option"), on=_CELL, how="inner", suffix="_right")
    unknown = [str(State.ABSENT), str(State.ILLEGIBLE)]
    same = pl.col("value").eq_missing(pl.col("value_right")) & (pl.col("state") == pl.col("state_right"))
    silent = pl.col("state").is_in(unknown) | pl.col("state_right").is_in(unknown)
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
    outcome = (
        pl.when(pl.col("which") != BOTH)
        .then(pl.col("which").replace(_OUTCOMES))
        .when(pl.col("n_differing") > 0)
        .then(pl.lit("differing"))
        .otherwise(pl.lit("equal"))
    )
    causes = pl.col("causes").list.sort().list.join(";")
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


def _typed(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(c).cast(dtype) for c, dtype in empty(name).schema.items())
