"""The ``compare`` document: two official files, one alone, or all that a mission can hold against the authority's count."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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
from tabulate.explain import with_status
from tabulate.ids import with_zeros
from tabulate.mission import Mission
from tabulate.official import FORMATS, OfficialCount, read_official
from tabulate.option_names import joined
from tabulate.rules import Rule

Tables = Mapping[str, pl.DataFrame]


def compare_files(
    left: Path | None,
    right: Path,
    *,
    format: str = "auto",
    contest: str | None = None,
    rule: str | Rule = "plurality",
    register: Path | None = None,
    voters: Path | None = None,
    most_voters: int | None = None,
    same: Iterable[str] = (),
    only: Collection[str] = (),
) -> dict[str, Any]:
    """Hold two official files against each other; or look at one alone, for what it leaves open.

    Parameters
    ----------
    left
        None to look at `right` alone: nothing differs, and what it does not count or does not have stays open.
    register
        A file of any format with all stations and their registered voters: those that neither side has are missing actas.
    voters
        The same, for the voters only: another contest's file, whose stations are not all of this one's.
    most_voters
        As for `tabulate.outcome.could_change_outcome`.
    same
        ``LEFT=RIGHT``: options that bear different names; see `tabulate.option_names`.
    only
        As for `tabulate.compare.compare`.

    Raises
    ------
    CotejoError
        If a file cannot be parsed, or `contest` is in neither.
    """
    theirs = read_official(right, format)
    ours = theirs if left is None else read_official(left, format)
    sides = [
        with_status(
            _only(count.counts, contest, name.name),
            FORMATS[count.format].statuses if count.format in FORMATS else {},
        )
        for count, name in ((ours, left or right), (theirs, right))
    ]
    sides[0], sides[1], zeros = with_zeros(sides[0], sides[1])
    names = joined(ours.options, theirs.options, same)
    sides[1] = sides[1].rename(names)
    how = Rule(rule) if isinstance(rule, str) else rule
    document = compare(
        sides[0],
        sides[1],
        rule=how,
        register=_voters(register, voters, sides),
        most_voters=most_voters,
        tickets=_tickets(ours, theirs),
        only=only,
    ).to_json()
    return {
        "left": None if left is None else left.name,
        "right": right.name,
        "verified": ours.verified and theirs.verified,
        "rule": how.name,
        "ids": zeros,
        "options_joined": names,
        **document,
    }


def compare_mission(
    mission: Mission,
    tables: Tables,
    *,
    contest: str | None = None,
    left: str | None = None,
    right: str | None = None,
) -> dict[str, Any]:
    """The accepted tally, and every earlier snapshot, against the latest snapshot of each contest; or any two of them.

    What the authority does not count is open, whatever numbers it shows there. Actas that wait for a person count as not
    known: the bounds treat them like missing ones.

    Parameters
    ----------
    left, right
        ``tally`` or a snapshot's id, to compare only these two.

    Returns
    -------
    dict
        The document of the first pair (the tally's, if the mission has one), and all of them under ``pairs``.

    Raises
    ------
    CotejoError
        If there is nothing to compare, or no such contest or snapshot.
    """
    if contest is not None and contest not in mission.contests:
        raise CotejoError(f"there is no contest {contest!r}; known are {', '.join(mission.contests)}")
    named = snapshots_of(tables)
    if named.is_empty():
        raise CotejoError(
            f"{mission.folder} has no official snapshot to compare with; take one in with `cotejo import`"
        )
    chosen = pl.col("contest") == contest if contest is not None else pl.lit(value=True)
    order = tables["snapshots"].sort("taken_at", "seq")["snapshot"].to_list()
    cells = {s: official_cells(tables, s).filter(chosen) for s in order}
    cells[TALLY] = tally_cells(accepted(tables)).filter(chosen)
    register = tables["tallies"].select("station_id", "contest").filter(chosen)
    register = register.join(tables["register"].select("station_id", "registered"), on="station_id")
    if left is not None or right is not None:
        two = _chosen(left, right, order)
        shared = set(cells[two[0]]["contest"]) & set(cells[two[1]]["contest"])
        if not shared:
            raise CotejoError(f"{two[0]} and {two[1]} have no contest in common; choose two that do")
        of = pl.col("contest").is_in(sorted(shared))
        return {
            "left": two[0],
            "right": two[1],
            **_document(mission, cells[two[0]].filter(of), cells[two[1]].filter(of), register.filter(of)),
        }
    latest = latest_snapshots(tables).filter(chosen)
    newest = [cells[s].filter(pl.col("contest") == c) for c, s in latest.iter_rows()]
    pairs = []
    for name in [TALLY, *order]:
        if name == TALLY:
            mine, of_latest = cells[TALLY], latest
        else:  # of an earlier snapshot, the contests that a later one counts again
            contests = named.filter(pl.col("snapshot") == name).select("contest")
            of_latest = latest.filter(pl.col("snapshot") != name).join(contests, on="contest", how="semi")
            mine = cells[name].join(of_latest, on="contest", how="semi")
        if mine.is_empty() or of_latest.is_empty():
            continue
        theirs = pl.concat(newest).join(of_latest, on="contest", how="semi")
        # Where each contest has its own file, the right side is several.
        names = ", ".join(s for s in order if s in of_latest["snapshot"].to_list())
        pairs.append({"left": name, "right": names, **_document(mission, mine, theirs, register)})
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


def _document(
    mission: Mission, ours: pl.DataFrame, theirs: pl.DataFrame, register: pl.DataFrame
) -> dict[str, Any]:
    contests = mission.settings.contests
    options = [option.id for contest in contests for option in contest.options]
    known = [contest.most_voters for contest in contests if contest.most_voters]
    found = compare(
        counts_of(ours, options),
        counts_of(theirs, options),
        rule={contest.id: contest.how for contest in contests},
        register=register if register.height else None,
        most_voters=max(known) if len(known) == len(contests) else None,
    )
    return found.to_json()


def _chosen(left: str | None, right: str | None, order: list[str]) -> tuple[str, str]:
    if left is None or right is None:
        raise CotejoError("name both sides, --left and --right: tally or a snapshot's id")
    for name in (left, right):
        if name not in (TALLY, *order):
            raise CotejoError(f"there is no snapshot {name!r}; known are {', '.join((TALLY, *order))}")
    return left, right


def _only(counts: pl.DataFrame, contest: str | None, name: str) -> pl.DataFrame:
    if contest is None:
        return counts
    mine = counts.filter(pl.col("contest") == contest)
    if mine.is_empty():
        known = ", ".join(c or "(no name)" for c in counts["contest"].unique().sort())
        raise CotejoError(f"{name} has no contest {contest!r}; it has {known}")
    return mine


def _voters(register: Path | None, voters: Path | None, sides: list[pl.DataFrame]) -> pl.DataFrame | None:
    """Station and registered voters of other official files, the largest number where a station has several."""
    known = pl.concat([side.select("station_id") for side in sides])
    frames = []
    for path in (register, voters):
        if path is not None:
            listed, _, _ = with_zeros(read_official(path).counts.select("station_id", "registered"), known)
            frames.append(listed if path is register else listed.join(known, on="station_id", how="semi"))
    if not frames:
        return None
    return pl.concat(frames).group_by("station_id").agg(pl.col("registered").max()).sort("station_id")


def _tickets(ours: OfficialCount, theirs: OfficialCount) -> Mapping[str, tuple[str, ...]]:
    """Who gets the votes of which options, where a file says so."""
    return ours.tickets or theirs.tickets
