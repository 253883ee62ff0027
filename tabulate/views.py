"""Small frames made from a mission's tables for people to look at: what the dashboard shows and nothing more.

Every function is pure: tables in, a frame out that is small by construction (one row a region, an option, a bin) or that is
shown a page at a time (`page_of`). No page computes anything itself, so whatever a page shows can be printed from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from audits.integer_percent import is_hit
from ocr.reading import State
from tabulate.differences import (
    TALLY,
    counts_of,
    latest_snapshots,
    official_cells,
    snapshots_of,
    tally_cells,
)
from tabulate.pages import ACTA

Tables = Mapping[str, pl.DataFrame]
STATUSES = ("accepted", "person", "unread", "absent")
GRADES = ("A", "B", "C", "D")
PAGE = 200  # rows that travel to a browser at once
_STEPS = 120  # points of a line over time


def page_of(frame: pl.DataFrame, number: int, size: int = PAGE) -> pl.DataFrame:
    """Page `number` (from 1) of a table."""
    return frame.slice((max(1, number) - 1) * size, size)


def pages_in(frame: pl.DataFrame, size: int = PAGE) -> int:
    """How many pages it has; one if it is empty."""
    return max(1, -(-frame.height // size))


def coverage(tables: Tables, contest: str | None = None) -> pl.DataFrame:
    """How the actas stand, region by region: ``region``, ``expected`` and one column for each status."""
    tallies = _of(tables["tallies"], contest).join(_places(tables), on="station_id", how="left")
    counts = [(pl.col("status") == s).sum().cast(pl.Int64).alias(s) for s in STATUSES]
    return (
        tallies.group_by("region")
        .agg(pl.len().cast(pl.Int64).alias("expected"), *counts)
        .sort("region", nulls_last=True)
    )


def arrivals(tables: Tables, contest: str | None = None) -> pl.DataFrame:
    """How many actas had a photo by when: ``at``, ``actas``; at most some 120 rows."""
    first = (
        _of(tables["tallies"], contest)
        .drop_nulls("photo")
        .join(tables["photos"].select("photo", "at"), on="photo", how="inner")
    )
    if first.is_empty():
        return pl.DataFrame(schema={"at": pl.Datetime("us", "UTC"), "actas": pl.Int64})
    span: timedelta = first["at"].max() - first["at"].min()  # type: ignore[operator, assignment]
    step = max(1, round(span.total_seconds() / _STEPS))
    return (
        first.group_by(pl.col("at").dt.truncate(f"{step}s"))
        .agg(pl.len().cast(pl.Int64).alias("actas"))
        .sort("at")
        .with_columns(pl.col("actas").cum_sum())
    )


@dataclass(frozen=True)
class Result:
    """Both counts on the actas that both have in full."""

    actas: int
    options: pl.DataFrame  # option, tally, official, difference, tally_share, official_share


def results(tables: Tables, contest: str, options: Sequence[str]) -> Result:
    """The accepted tally beside the latest snapshot, on the actas for which both have every option as a number."""
    sides = []
    for side in (_tally_votes(tables, contest), _official_votes(tables, contest)):
        wide = side.filter(pl.col("option").is_in(list(options))).drop_nulls("value")
        whole = wide.group_by("station_id").len().filter(pl.col("len") == len(options))
        sides.append(wide.join(whole, on="station_id", how="semi"))
    both = sides[0].join(sides[1], on=["station_id", "option"], how="inner", suffix="_official")
    sums = both.group_by("option").agg(tally=pl.col("value").sum(), official=pl.col("value_official").sum())
    order = pl.DataFrame({"option": list(options)}, schema={"option": pl.String})
    frame = order.join(sums, on="option", how="left", maintain_order="left").with_columns(
        pl.col("tally", "official").fill_null(0)
    )
    shares = [
        pl.when(pl.col(c).sum() > 0).then(pl.col(c) / pl.col(c).sum()).alias(f"{c}_share")
        for c in ("tally", "official")
    ]
    frame = frame.with_columns(difference=pl.col("official") - pl.col("tally")).with_columns(shares)
    return Result(both["station_id"].n_unique(), frame)


def missing(tables: Tables, contest: str | None = None) -> pl.DataFrame:
    """The actas that are not accepted, and why; those that a person can finish first."""
    order = pl.col("status").replace_strict({s: i for i, s in enumerate(STATUSES)}, return_dtype=pl.Int64)
    return (
        _of(tables["tallies"], contest)
        .filter(pl.col("status") != "accepted")
        .join(_places(tables), on="station_id", how="left")
        .sort(order, "region", "station_id", "contest", nulls_last=True)
        .select(*ACTA, "region", "subregion", "place", "registered", "status", "reasons")
    )


def feed(tables: Tables) -> pl.DataFrame:
    """The snapshots, latest first, each with the actas that it changed.

    ``revised`` counts them since the snapshot before that names the same contest, for an authority may publish one file for
    each; it is null where none of its contests has an earlier one.
    """
    frame = tables["snapshots"].sort("taken_at", "seq")
    pairs = (
        snapshots_of(tables)
        .with_columns(left=pl.col("snapshot").shift(1).over("contest"))
        .drop_nulls("left")
        .rename({"snapshot": "right"})
    )
    pair = ["contest", "left", "right"]
    changed = (
        tables["comparison_stations"]
        .filter("revision", pl.col("outcome") == "differing")
        .group_by(pair)
        .agg(n=pl.len().cast(pl.Int64))
    )
    revised = (
        pairs.join(changed, on=pair, how="left").group_by("right").agg(revised=pl.col("n").fill_null(0).sum())
    )
    return (
        frame.join(revised.rename({"right": "snapshot"}), on="snapshot", how="left", maintain_order="left")
        .reverse()
        .select(
            "snapshot",
            "name",
            "format",
            "verified",
            "taken_at",
            "imported_at",
            "stations",
            "counted",
            "problems",
            "revised",
        )
    )


def noticed(tables: Tables) -> pl.DataFrame:
    """What was noticed about the authority's feed (`tabulate.feed`), latest first: ``at``, ``kind``, ``snapshot``, ``numbers``."""
    return tables["feed"].sort("at", "seq", descending=True).select("at", "kind", "snapshot", "numbers")


def flags_by_grade(tables: Tables) -> dict[str, tuple[int, int]]:
    """Grade to number of findings and of stations."""
    findings = tables["findings"]
    found = findings.group_by("grade").agg(pl.len(), pl.col("station_id").n_unique().alias("stations"))
    known = {str(g): (int(n), int(s)) for g, n, s in found.iter_rows()}
    return {g: known.get(g, (0, 0)) for g in GRADES}


def unverified(tables: Tables) -> tuple[list[str], list[str]]:
    """The forms and the official formats in use that were never checked on real material."""
    forms = (
        tables["readings"]
        .filter(~pl.col("verified"))
        .get_column("form")
        .drop_nulls()
        .unique()
        .sort()
        .to_list()
    )
    formats = tables["snapshots"].filter(~pl.col("verified")).get_column("format").unique().sort().to_list()
    return forms, formats


def queue(tables: Tables) -> pl.DataFrame:
    """What waits for a person, one row for each acta: ``station_id``, ``contest``, ``region``, ``place``, ``reasons``.

    An accepted acta is among them if something came up against it that nobody has settled.
    """
    reasons = tables["queue"].group_by(ACTA).agg(reasons=pl.col("reason").unique().sort().str.join(";"))
    waiting = tables["tallies"].select(ACTA).join(reasons, on=ACTA, how="inner")
    return (
        waiting.join(_places(tables), on="station_id", how="left")
        .sort("region", "station_id", "contest", nulls_last=True)
        .select(*ACTA, "region", "place", "reasons")
    )


def strays(tables: Tables) -> pl.DataFrame:
    """Photos that wait for a person and belong to no acta of the register."""
    known = tables["tallies"].select(ACTA)
    return tables["queue"].join(known, on=ACTA, how="anti").sort("photo", "page", "reason")


def stations(tables: Tables, contest: str) -> list[str]:
    """The stations that vote in a contest."""
    return [str(s) for s in tables["tallies"].filter(pl.col("contest") == contest)["station_id"]]


@dataclass(frozen=True)
class Acta:
    """All that is known about one acta."""

    tally: dict[str, Any]
    place: dict[str, Any]
    fields: pl.DataFrame
    sums: pl.DataFrame
    pages: pl.DataFrame  # photo, page: those used first, then others filed for the station
    why: pl.DataFrame
    official: pl.DataFrame  # field, left_value, right_value, difference, equal
    findings: pl.DataFrame


def acta(tables: Tables, station: str, contest: str) -> Acta | None:
    """One acta; None if the mission does not expect it."""
    here = (pl.col("station_id") == station) & (pl.col("contest") == contest)
    tally = tables["tallies"].filter(here)
    if tally.is_empty():
        return None
    fields = tables["tally_fields"].filter(here)
    latest = latest_snapshots(tables).rename({"snapshot": "right"})
    comparison = (
        tables["comparison"]
        .filter(here, pl.col("left") == TALLY)
        .join(latest, on=["contest", "right"], how="semi")
    )
    of = (pl.col("station_id") == station) & (pl.col("contest").is_null() | (pl.col("contest") == contest))
    place = tables["register"].filter(pl.col("station_id") == station)
    return Acta(
        tally=tally.row(0, named=True),
        place=place.row(0, named=True) if place.height else {},
        fields=fields,
        sums=tables["tally_sums"].filter(here),
        pages=_photos(tables, station, contest, fields),
        why=tables["queue"].filter(here),
        official=comparison.select(
            "field",
            "role",
            "option",
            "left_value",
            "left_state",
            "right_value",
            "right_state",
            "difference",
            "equal",
        ),
        findings=tables["findings"].filter(of).sort("grade", "audit", "number"),
    )


def _photos(tables: Tables, station: str, contest: str, fields: pl.DataFrame) -> pl.DataFrame:
    used = fields.select("photo", "page").drop_nulls().unique().sort("photo", "page")
    queued = tables["queue"].filter(
        pl.col("station_id") == station, pl.col("contest") == contest, pl.col("photo") != ""
    )
    filed = (
        tables["filings"].filter(pl.col("station_id") == station).select("photo", page=pl.lit(1, pl.Int64))
    )
    pages = pl.concat([used, queued.select("photo", "page").filter(pl.col("page") > 0), filed])
    return pages.unique(maintain_order=True).join(
        tables["photos"].select("photo", "name", "at"), on="photo", how="left", maintain_order="left"
    )


def pairs(tables: Tables) -> list[tuple[str, str]]:
    """What was compared, the tally first, then consecutive snapshots."""
    found = tables["comparison_stations"].select("left", "right").unique().sort("left", "right").rows()
    return sorted(((str(a), str(b)) for a, b in found), key=lambda p: (p[0] != TALLY, p))


def compared(
    tables: Tables, left: str, right: str, *, contest: str | None = None, region: str | None = None
) -> pl.DataFrame:
    """One row for each acta of a pair: the table ``comparison_stations`` with its places."""
    frame = tables["comparison_stations"].filter(pl.col("left") == left, pl.col("right") == right)
    frame = _of(frame, contest).join(_places(tables), on="station_id", how="left")
    return frame if region is None else frame.filter(pl.col("region") == region)


def differing(frame: pl.DataFrame) -> pl.DataFrame:
    """Of `compared`, the actas that differ, the most votes first."""
    return (
        frame.filter(pl.col("outcome") == "differing")
        .sort("gross", "station_id", "contest", descending=[True, False, False])
        .select(*ACTA, "region", "place", "cause", "fields", "gross", "net", "confirmed")
    )


def cells(tables: Tables, left: str, right: str, station: str, contest: str) -> pl.DataFrame:
    """The fields of one acta that differ between two counts."""
    return (
        tables["comparison"]
        .filter(
            pl.col("left") == left,
            pl.col("right") == right,
            pl.col("station_id") == station,
            pl.col("contest") == contest,
            ~pl.col("equal").fill_null(True),
        )
        .select(
            "field", "role", "option", "left_value", "left_state", "right_value", "right_state", "difference"
        )
    )


def net(tables: Tables, frame: pl.DataFrame, left: str, right: str, options: Sequence[str]) -> pl.DataFrame:
    """What the differences of the actas in `frame` do to each option: ``option``, ``net``, ``gross``."""
    keys = frame.select(ACTA).unique()
    votes = tables["comparison"].filter(
        pl.col("left") == left, pl.col("right") == right, pl.col("option").is_in(list(options))
    )
    sums = (
        votes.join(keys, on=ACTA, how="semi")
        .group_by("option")
        .agg(net=pl.col("difference").sum(), gross=pl.col("difference").abs().sum())
    )
    order = pl.DataFrame({"option": list(options)}, schema={"option": pl.String})
    return order.join(sums, on="option", how="left", maintain_order="left").with_columns(
        pl.col("net", "gross").fill_null(0)
    )


def causes(frame: pl.DataFrame) -> pl.DataFrame:
    """How often each kind of slip would explain a difference: ``cause``, ``actas``; one acta may have several."""
    return (
        frame.filter(pl.col("outcome") == "differing")
        .select(pl.col("cause").str.split(";"))
        .explode("cause")
        .drop_nulls("cause")
        .group_by("cause")
        .agg(actas=pl.len().cast(pl.Int64))
        .sort("actas", "cause", descending=[True, False])
    )


def shares(tables: Tables, contest: str, options: Sequence[str], source: str) -> pl.DataFrame:
    """Turnout and the leading option's share, binned: ``what``, ``percent`` (the bin's middle), ``whole``, ``stations``.

    Bins are one percentage point wide, or a tenth of one from 5,000 stations; ``whole`` are the stations whose percentage
    lies within 0.05 of a whole number, which is what the audit of whole percentages counts.
    """
    long = tally_cells(tables) if source == TALLY else official_cells(tables, source)
    long = long.filter(pl.col("contest") == contest)
    empty = pl.DataFrame(
        schema={"what": pl.String, "percent": pl.Float64, "whole": pl.Boolean, "stations": pl.Int64}
    )
    if long.is_empty():
        return empty
    wide = counts_of(long)
    here = [o for o in options if o in wide.columns]
    if not here:
        return empty
    # The leader by votes, the first of those level: as the audit has it.
    leader = min(here, key=lambda o: (-int(wide[o].sum()), o))
    register = tables["register"].select("station_id", listed="registered")
    wide = wide.join(register, on="station_id", how="left")
    column = {
        c: pl.col(c) if c in wide.columns else pl.lit(None, pl.Int64)
        for c in ("cast", "voted", "valid", "blank", "null")
    }
    cast = pl.coalesce(column["cast"], column["valid"] + column["blank"] + column["null"])
    registered = pl.coalesce(
        "listed", pl.col("registered") if "registered" in wide.columns else pl.lit(None, pl.Int64)
    )
    tests = {"turnout": (pl.coalesce(column["voted"], cast), registered), "leader": (pl.col(leader), cast)}
    frames = []
    for what, (k, n) in tests.items():
        both = (
            wide.select(k=k, n=n).drop_nulls().filter(pl.col("n") > 0, pl.col("k").is_between(0, pl.col("n")))
        )
        parts, wholes = both["k"].to_numpy(), both["n"].to_numpy()
        scale = 10 if both.height >= 5000 else 1
        bins = np.floor(100 * scale * parts / wholes + 0.5) / scale
        binned = pl.DataFrame({"percent": bins, "whole": is_hit(parts, wholes)})
        frames.append(
            binned.group_by("percent", "whole")
            .agg(stations=pl.len().cast(pl.Int64))
            .select(pl.lit(what).alias("what"), pl.col("percent").cast(pl.Float64), "whole", "stations")
            .sort("percent", "whole")
        )
    return pl.concat(frames)


def regions(tables: Tables) -> list[str]:
    """The regions of the register."""
    return [str(r) for r in tables["register"]["region"].drop_nulls().unique().sort()]


def narrow(
    frame: pl.DataFrame,
    *,
    grades: Sequence[str] = (),
    audits: Sequence[str] = (),
    region: str | None = None,
    contest: str | None = None,
    words: str = "",
) -> pl.DataFrame:
    """The flagged stations (`tabulate.export.flagged`) that a reader asked for; an empty choice is no restriction."""
    if grades:
        frame = frame.filter(pl.col("grade").is_in(list(grades)))
    if audits:
        frame = frame.filter(pl.col("audit").is_in(list(audits)))
    if region is not None:
        frame = frame.filter(pl.col("region") == region)
    if contest is not None:
        frame = frame.filter(pl.col("contest") == contest)
    for word in words.lower().split():
        texts = [
            pl.col(c).fill_null("")
            for c in ("station_id", "region", "subregion", "place", "field", "evidence")
        ]
        frame = frame.filter(
            pl.concat_str(texts, separator=" ").str.to_lowercase().str.contains(word, literal=True)
        )
    return frame


def _of(frame: pl.DataFrame, contest: str | None) -> pl.DataFrame:
    return frame if contest is None else frame.filter(pl.col("contest") == contest)


def _places(tables: Tables) -> pl.DataFrame:
    return tables["register"].select("station_id", "region", "subregion", "place", "registered")


def _tally_votes(tables: Tables, contest: str) -> pl.DataFrame:
    accepted = tables["tallies"].filter(pl.col("status") == "accepted").select(ACTA)
    fields = tables["tally_fields"].filter(
        pl.col("contest") == contest, pl.col("option").is_not_null(), pl.col("state") == State.NUMBER
    )
    return fields.join(accepted, on=ACTA, how="semi").select("station_id", "option", "value")


def _official_votes(tables: Tables, contest: str) -> pl.DataFrame:
    latest = latest_snapshots(tables)
    counted = tables["official_stations"].filter("counted", pl.col("contest") == contest)
    keys = counted.join(latest, on=["contest", "snapshot"], how="semi").select("snapshot", *ACTA)
    fields = tables["official_fields"].filter(pl.col("option").is_not_null())
    return fields.join(keys, on=["snapshot", *ACTA], how="semi").select("station_id", "option", "value")
