"""The ``compare`` document: two official files, or all that a mission can hold against the authority's latest count."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from tabulate.compare import compare
from tabulate.differences import (
    TALLY,
    counts_of,
    latest_snapshots,
    official_cells,
    snapshots_of,
    tally_cells,
)
from tabulate.mission import Mission
from tabulate.official import read_official

Tables = Mapping[str, pl.DataFrame]


def compare_files(
    left: Path, right: Path, *, format: str = "auto", contest: str | None = None, rule: str = "plurality"
) -> dict[str, Any]:
    """Hold two official files against each other.

    Raises
    ------
    CotejoError
        If a file cannot be parsed, or `contest` is in neither.
    """
    ours, theirs = read_official(left, format), read_official(right, format)
    sides = [_only(ours.counts, contest, left.name), _only(theirs.counts, contest, right.name)]
    document = compare(sides[0], sides[1], rule=rule).to_json()
    return {
        "left": left.name,
        "right": right.name,
        "verified": ours.verified and theirs.verified,
        "rule": rule,
        **document,
    }


def compare_mission(mission: Mission, tables: Tables, *, contest: str | None = None) -> dict[str, Any]:
    """The accepted tally, and every earlier snapshot, against the latest snapshot of each contest.

    What the authority does not count is open, whatever numbers it shows there. Actas that wait for a person count as not known: the bounds treat them like missing ones.

    Returns
    -------
    dict
        The document of the first pair (the tally's, if the mission has one), and all of them under ``pairs``.

    Raises
    ------
    CotejoError
        If there is nothing to compare, or no such contest.
    """
    if contest is not None and contest not in mission.contests:
        raise CotejoError(f"there is no contest {contest!r}; known are {', '.join(mission.contests)}")
    named = snapshots_of(tables)
    if named.is_empty():
        raise CotejoError(
            f"{mission.folder} has no official snapshot to compare with; take one in with `cotejo import`"
        )
    chosen = pl.col("contest") == contest if contest is not None else pl.lit(value=True)
    latest = latest_snapshots(tables).filter(chosen)
    order = tables["snapshots"].sort("taken_at", "seq")["snapshot"].to_list()
    official = {s: official_cells(tables, s).filter(chosen) for s in order}
    newest = [official[s].filter(pl.col("contest") == c) for c, s in latest.iter_rows()]
    rules = {c.id: c.rule for c in mission.settings.contests}
    register = tables["tallies"].select("station_id", "contest").filter(chosen)
    register = register.join(tables["register"].select("station_id", "registered"), on="station_id")
    pairs = []
    for name in [TALLY, *order]:
        if name == TALLY:
            ours, of = tally_cells(accepted(tables)).filter(chosen), latest
        else:  # of an earlier snapshot, the contests that a later one counts again
            mine = named.filter(pl.col("snapshot") == name).select("contest")
            of = latest.filter(pl.col("snapshot") != name).join(mine, on="contest", how="semi")
            ours = official[name].join(of, on="contest", how="semi")
        if ours.is_empty() or of.is_empty():
            continue
        theirs = pl.concat(newest).join(of, on="contest", how="semi")
        found = compare(
            counts_of(ours), counts_of(theirs), rule=rules, register=register if register.height else None
        )
        # Where each contest has its own file, the right side is several.
        right = ", ".join(s for s in order if s in of["snapshot"].to_list())
        pairs.append({"left": name, "right": right, **found.to_json()})
    if not pairs:
        raise CotejoError(
            f"{mission.folder} has one snapshot and no accepted acta; read photos or import a second snapshot"
        )
    return pairs[0] if len(pairs) == 1 else {**pairs[0], "pairs": pairs}


def accepted(tables: Tables) -> dict[str, pl.DataFrame]:
    """The tables with the fields of accepted tallies only."""
    stands = tables["tallies"].filter(pl.col("status") == "accepted").select("station_id", "contest")
    fields = tables["tally_fields"].join(stands, on=["station_id", "contest"], how="semi")
    return {**tables, "tally_fields": fields}


def _only(counts: pl.DataFrame, contest: str | None, name: str) -> pl.DataFrame:
    if contest is None:
        return counts
    mine = counts.filter(pl.col("contest") == contest)
    if mine.is_empty():
        known = ", ".join(c or "(no name)" for c in counts["contest"].unique().sort())
        raise CotejoError(f"{name} has no contest {contest!r}; it has {known}")
    return mine
