"""What became of each station from snapshot to snapshot: its time line.

Consecutive snapshots of a contest are compared by `tabulate.compare`, like any two counts. An event is what an authority did
between two of its own files: it is a revision, reported and not graded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ocr.errors import CotejoError
from tabulate.compare import Comparison, compare
from tabulate.differences import counts_of, official_cells
from tabulate.explain import with_status
from tabulate.mission import Mission
from tabulate.name_time import time_of
from tabulate.official import FORMATS, detect, read_official

EVENTS = ("first seen", "appeared", "disappeared", "changed", "counted", "status")
_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "station_id": pl.String,
    "contest": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "snapshot": pl.String,
    "event": pl.String,
    "field": pl.String,
    "before": pl.String,
    "after": pl.String,
    "causes": pl.String,
}


class Snapshot(NamedTuple):
    """One state of a count: its name, when it stood like that, and a canonical counts frame."""

    name: str
    at: datetime
    counts: pl.DataFrame


def timeline(snapshots: Sequence[Snapshot]) -> pl.DataFrame:
    """Everything that changed from one snapshot to the next.

    Returns
    -------
    polars.DataFrame
        ``station_id``, ``contest``, ``at``, ``snapshot``, ``event`` (one of `EVENTS`), ``field``, ``before``, ``after``
        (texts; null for nothing) and ``causes`` (what would explain a changed number, joined by ``;``). ``first seen`` is in the
        first snapshot; ``appeared`` and ``disappeared`` are of numbers, so that a pending row is not yet there. Sorted by
        station, contest and time.
    """
    frames = [pl.DataFrame(schema=_SCHEMA)]
    for contest, of in _by_contest(snapshots).items():
        first = of[0]
        numbers = [c for c, kind in first.counts.schema.items() if kind.is_integer() and c != "registered"]
        seen = (
            first.counts.filter(pl.any_horizontal(pl.col(numbers).is_not_null())) if numbers else first.counts
        )
        frames.append(_frame(seen.select("station_id"), contest, first, "first seen"))
        for earlier, later in itertools.pairwise(of):
            frames += _events(compare(earlier.counts, later.counts), contest, later)
    order = pl.col("event").replace_strict({e: i for i, e in enumerate(EVENTS)}, return_dtype=pl.Int64)
    return pl.concat(frames).sort("station_id", "contest", "at", order, maintain_order=True)


def mission_snapshots(mission: Mission, tables: Mapping[str, pl.DataFrame]) -> list[Snapshot]:
    """The mission's snapshots, oldest first."""
    options = [option.id for contest in mission.settings.contests for option in contest.options]
    return [
        Snapshot(name, at, counts_of(official_cells(tables, name), options))
        for name, at in tables["snapshots"].sort("taken_at", "seq").select("snapshot", "taken_at").iter_rows()
    ]


def file_snapshots(paths: Iterable[Path], *, format: str = "auto", zone: str = "UTC") -> list[Snapshot]:
    """Official files, and all that are in folders, oldest first by the time in their names, or else of their last change.

    Raises
    ------
    CotejoError
        If there are not two, or one cannot be parsed.
    """
    files = [f for path in paths for f in (sorted(path.iterdir()) if path.is_dir() else [path])]
    files = [f for f in files if f.is_file() and not f.name.startswith(".")]
    if len(files) < 2:
        raise CotejoError(
            "a time line needs two official files at the least; name a mission, a folder or more files"
        )
    found = []
    for file in files:
        name = detect(file).id if format == "auto" else format
        counts = read_official(file, name).counts
        found.append(Snapshot(file.name, time_of(file, zone)[0], with_status(counts, FORMATS[name].statuses)))
    return sorted(found, key=lambda s: (s.at, s.name))


def document(
    events: pl.DataFrame, snapshots: Sequence[Snapshot], station: str | None = None
) -> dict[str, Any]:
    """The ``timeline`` document: snapshots, how many actas were revised, and the events.

    ``revised`` counts an acta once for each snapshot that changed a number of it (registered voters aside), as ``revisions``
    lists them; ``revised_actas`` counts each acta once. Without `station`, the events are those of revised actas.
    """
    changed = events.filter(pl.col("event") == "changed", pl.col("field") != "registered")
    acts = changed.select("station_id", "contest", "at", "snapshot").unique(maintain_order=True)
    revised = acts.select("station_id", "contest").unique(maintain_order=True)
    if station is None:
        shown = events.join(revised, on=["station_id", "contest"], how="semi")
    else:
        shown = events.filter(pl.col("station_id") == station)
        if shown.is_empty():
            raise CotejoError(
                f"no snapshot has numbers of the station {station!r}; check its id, leading zeros and all"
            )
    counts = dict(events.group_by("event").len().iter_rows())
    return {
        "snapshots": [
            {"snapshot": s.name, "at": s.at.isoformat(), "actas": s.counts.height} for s in snapshots
        ],
        "events": {event: counts[event] for event in EVENTS if event in counts},
        "revised": acts.height,
        "revised_actas": revised.height,
        "timelines": [
            {
                "station_id": key[0],
                "contest": key[1],
                "events": [
                    {
                        "at": at.isoformat(),
                        **dict(
                            zip(
                                ("snapshot", "event", "field", "before", "after", "causes"), rest, strict=True
                            )
                        ),
                    }
                    for at, *rest in part.drop("station_id", "contest").iter_rows()
                ],
            }
            for key, part in shown.group_by("station_id", "contest", maintain_order=True)
        ],
    }


def _by_contest(snapshots: Sequence[Snapshot]) -> dict[str, list[Snapshot]]:
    """The snapshots of each contest, in order, with that contest's rows only."""
    found: dict[str, list[Snapshot]] = {}
    for snapshot in sorted(snapshots, key=lambda s: s.at):
        for (contest,), part in snapshot.counts.group_by("contest", maintain_order=True):
            found.setdefault(str(contest), []).append(snapshot._replace(counts=part))
    return dict(sorted(found.items()))


def _events(found: Comparison, contest: str, later: Snapshot) -> list[pl.DataFrame]:
    stations = found.stations
    causes = pl.col("causes").list.join(";")
    changed = found.fields.join(
        stations.select("station_id", "contest", causes), on=["station_id", "contest"], how="left"
    )
    both = stations.filter(pl.col("which") == "both")
    counted = both.filter(pl.col("counted_left") != pl.col("counted_right"))
    status = both.filter(pl.col("status_left").ne_missing(pl.col("status_right")))
    return [
        _frame(stations.filter(pl.col("which") == "only_right"), contest, later, "appeared"),
        _frame(stations.filter(pl.col("which") == "only_left"), contest, later, "disappeared"),
        _frame(changed, contest, later, "changed", "field", "left", "right", "causes"),
        _frame(counted, contest, later, "counted", None, "counted_left", "counted_right"),
        _frame(status, contest, later, "status", None, "status_left", "status_right"),
    ]


def _frame(
    rows: pl.DataFrame,
    contest: str,
    snapshot: Snapshot,
    event: str,
    *columns: str | None,
) -> pl.DataFrame:
    texts: dict[str, str | None] = dict.fromkeys(("field", "before", "after", "causes"))
    texts |= dict(zip(texts, columns, strict=False))
    return rows.select(
        "station_id",
        pl.lit(contest).alias("contest"),
        pl.lit(snapshot.at).cast(_SCHEMA["at"]).alias("at"),
        pl.lit(snapshot.name).alias("snapshot"),
        pl.lit(event).alias("event"),
        *(
            (pl.lit(None, pl.String) if c is None else pl.col(c).cast(pl.String)).alias(name)
            for name, c in texts.items()
        ),
    )
