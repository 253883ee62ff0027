"""From a mission's tables to what the audits report: `AuditData` in, findings and the audit document out.

The audits of records (sums, comparison, filings) look at the mission's own tally. The audits of distributions look at
the authority's latest snapshot of the contest where there is one, because it covers more stations than any mission photographs, and
otherwise at the accepted tally; `source` in the document says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from audits.audit import ROLES, AuditData, Battery, run
from ocr.errors import CotejoError
from ocr.form import Role
from ocr.reading import State
from tabulate import published
from tabulate.differences import latest_snapshots
from tabulate.intake import claim
from tabulate.languages import paragraphs
from tabulate.mission import Mission
from tabulate.official import FORMATS, OfficialCount
from tabulate.pages import ACTA, CHECKED_SOURCES, STATION_DIFFERS
from tabulate.sums import sum_definitions

Tables = Mapping[str, pl.DataFrame]
STRUCK = "crossed-out"  # the reader's flag for a field with something struck out or overwritten
NO_BLANKS = ("VE",)
"""Countries whose voting machines know no blank vote: valid and null votes are all ballots."""


@dataclass(frozen=True)
class ContestAudit:
    """The battery of one contest, and the table that the audits of distributions looked at."""

    contest: str
    source: str  # "tally", or the snapshot's id
    battery: Battery


def audit_mission(
    mission: Mission,
    tables: Tables,
    *,
    only: Iterable[str] | None = None,
    seed: int = 0,
    calibrate: bool = True,
) -> list[ContestAudit]:
    """Run the battery over every contest of the mission, in the order of mission.toml.

    What is not about a contest (photos and the stations they were filed for) is looked at once, with the first.

    Raises
    ------
    CotejoError
        If `only` names an audit that does not exist.
    """
    chosen = None if only is None else list(only)
    results = []
    for number, contest in enumerate(mission.contests):
        source, data = _data(mission, tables, contest, with_filings=number == 0)
        results.append(ContestAudit(contest, source, _run(data, chosen, seed, calibrate)))
    return results


def audit_counts(
    count: OfficialCount, *, only: Iterable[str] | None = None, seed: int = 0, calibrate: bool = True
) -> list[ContestAudit]:
    """Run the battery over an official file alone, contest by contest.

    Raises
    ------
    CotejoError
        If `only` names an audit that does not exist.
    """
    chosen = None if only is None else list(only)
    results = []
    counted = count.counts.filter(pl.col("counted"))
    for (contest,), part in counted.group_by("contest", maintain_order=True):
        country = FORMATS[count.format].country if count.format in FORMATS else ""
        filled = _turnout(part, count.options, blanks=country not in NO_BLANKS)
        every = count.counts.filter(pl.col("contest") == contest)
        data = AuditData(counts=filled, options=count.options, published=published.of_count(count, every))
        battery = _run(data, chosen, seed, calibrate, count.tickets)
        results.append(ContestAudit(str(contest), count.format, battery))
    return results


def document(audits: list[ContestAudit]) -> dict[str, Any]:
    """The ``audit`` document of the design: the first contest at the top, every contest under ``contests``.

    P-values are corrected for the tests of their own contest only, which ``corrected_within`` says where there are
    several contests. Each audit has its paragraph in every language (`audits.meaning`).
    """
    each = [a.battery.to_json() | {"contest": a.contest, "source": a.source} for a in audits]
    for one in each:
        for entry in one["audits"]:
            entry["paragraph"] = paragraphs(entry["sentences"]["paragraph"])
    empty: dict[str, Any] = {"stations": 0, "options": [], "battery": {"corrected": {}}, "audits": []}
    first = each[0] if each else empty
    if len(each) < 2:
        return first
    # Tests of several contests are several batteries; who looks at all of them has to know.
    return first | {"corrected_within": "contest", "contests": {d["contest"]: d for d in each}}


def findings(audits: list[ContestAudit]) -> pl.DataFrame:
    """The table `findings` of `tabulate.schema`."""
    frames = []
    for a in audits:
        flagged = a.battery.flagged()
        snapshot = None if a.source == "tally" else a.source
        frames.append(flagged.with_columns(pl.lit(snapshot, dtype=pl.String).alias("snapshot")))
    if not frames:
        return pl.DataFrame()
    every = pl.concat(frames)
    # The audits' own order within each; numbered across contests.
    return every.with_columns((pl.int_range(pl.len()).over("audit") + 1).alias("number"))


def _run(
    data: AuditData,
    only: list[str] | None,
    seed: int,
    calibrate: bool,
    tickets: Mapping[str, Sequence[str]] | None = None,
) -> Battery:
    try:
        return run(data, only=only, seed=seed, calibrate=calibrate, tickets=tickets)
    except ValueError as e:
        raise CotejoError(f"the audits cannot run: {e}") from None


def _data(mission: Mission, tables: Tables, contest: str, *, with_filings: bool) -> tuple[str, AuditData]:
    options = tuple(o.id for o in mission.contests[contest].options)
    source, counts = _counts(tables, contest, options)
    of = pl.col("contest") == contest
    comparison = (
        tables["comparison"]
        .filter(of, pl.col("left") == "tally")
        .join(latest_snapshots(tables).rename({"snapshot": "right"}), on=["contest", "right"], how="semi")
        .join(_not_counted(tables), on=[*ACTA, "right"], how="anti")
    )
    causes = tables["comparison_stations"].select("left", "right", *ACTA, "cause")
    comparison = comparison.join(causes, on=["left", "right", *ACTA], how="left")
    comparison = comparison.join(_photos(tables), on=[*ACTA, "field"], how="left")
    return source, AuditData(
        counts=counts,
        options=options,
        sheets=_sheets(tables["tally_fields"].filter(of), tables["reading_fields"]),
        register=tables["register"].select("station_id", "registered", "has_list", "region"),
        sums=tables["tally_sums"]
        .filter(of, pl.col("evidence"))
        .join(_photos_of_sums(mission, tables), on=[*ACTA, "sum"], how="left")
        .select("station_id", "contest", "sum", "left", "right", "holds", "rule", "confirmed", "photo"),
        comparison=comparison.select(
            "station_id",
            "contest",
            "field",
            left="left_value",
            right="right_value",
            cause=pl.col("cause").str.split(";"),
            confirmed="left_confirmed",
            photo="photo",
        ),
        filings=_filings(mission, tables) if with_filings else None,
        published=None if source == "tally" else published.of_snapshot(tables, contest, source, options),
    )


def _not_counted(tables: Tables) -> pl.DataFrame:
    """Actas that the authority does not count and shows without a vote, by snapshot.

    Zeros there are decided by law: a revision, no finding. `compare` reports such actas and leaves them open in its bounds.
    Where an uncounted acta has votes in it, they are a record like any other.
    """
    votes = (
        tables["official_fields"]
        .filter(pl.col("option").is_not_null())
        .group_by("snapshot", *ACTA)
        .agg(pl.col("value").sum())
    )
    return (
        tables["official_stations"]
        .filter(~pl.col("counted"))
        .join(votes, on=["snapshot", *ACTA], how="left")
        .filter(pl.col("value").fill_null(0) == 0)
        .select(*ACTA, right="snapshot")
    )


def _photos(tables: Tables) -> pl.DataFrame:
    """``station_id``, ``contest``, ``field`` (as in `comparison`), ``photo``: the photo that shows each number."""
    named = tables["tally_fields"].with_columns(called=pl.coalesce("option", "role")).sort(*ACTA, "field")
    shown = named.group_by(*ACTA, field="called").agg(shown=pl.col("photo").drop_nulls().first())
    acta = tables["tallies"].select(*ACTA, acta_photo="photo")
    return shown.join(acta, on=ACTA, how="left").select(
        *ACTA, "field", photo=pl.coalesce("shown", "acta_photo")
    )


def _photos_of_sums(mission: Mission, tables: Tables) -> pl.DataFrame:
    """``station_id``, ``contest``, ``sum``, ``photo``: the photo that shows the sum's first number."""
    parts = (
        sum_definitions(mission).with_row_index("order").select("order", "contest", "sum", "field", "acta")
    )
    acta = tables["tallies"].select(*ACTA, "acta", acta_photo="photo")
    shown = tables["tally_fields"].select(*ACTA, "field", "photo")
    return (
        tables["tally_sums"]
        .select(*ACTA, "sum")
        .join(acta, on=ACTA, how="left")
        .join(parts, on=["contest", "sum"], how="left", suffix="_form")
        # An acta that only people read names no form.
        .filter(pl.col("acta").is_null() | pl.col("acta").eq_missing(pl.col("acta_form")))
        .join(shown, on=[*ACTA, "field"], how="left")
        .sort(*ACTA, "sum", "order")
        .group_by(*ACTA, "sum", maintain_order=True)
        .agg(shown=pl.col("photo").drop_nulls().first(), acta_photo=pl.col("acta_photo").first())
        .select(*ACTA, "sum", photo=pl.coalesce("shown", "acta_photo"))
    )


def _sheets(fields: pl.DataFrame, readings: pl.DataFrame) -> pl.DataFrame:
    """The fields of the actas, those that mean the same everywhere under their role's name (`audits.data.ROLES`).

    Where two fields of an acta have one role, neither is it; and a field that has a role's name but not its meaning is
    left out, for an audit would take it for the other. What a machine saw struck out is told for the photo that shows the number, whoever
    gave its value.
    """
    struck = readings.filter(pl.col("state") != str(State.ABSENT)).select(
        "photo", "page", "field", struck=pl.col("flags").str.split(";").list.contains(STRUCK)
    )
    fields = fields.join(struck, on=["photo", "page", "field"], how="left")
    means = pl.col("role").is_in(ROLES) & (pl.len().over("station_id", "contest", "role") == 1)
    named = fields.with_columns(means=means).filter(pl.col("means") | ~pl.col("field").is_in(ROLES))
    field = pl.when(pl.col("means")).then("role").otherwise("field")
    return named.select(
        "station_id", "contest", field.alias("field"), "value", "state", "confirmed", "photo", "struck"
    )


def _counts(tables: Tables, contest: str, options: tuple[str, ...]) -> tuple[str, pl.DataFrame]:
    """One row per station: the counted actas of the contest's latest snapshot, or else the accepted tally."""
    latest = latest_snapshots(tables).filter(pl.col("contest") == contest)
    place = tables["register"].select("station_id", "place_id", "region", "registered", "has_list")
    if latest.height:
        source = str(latest["snapshot"][0])
        keys = ["snapshot", "station_id", "contest"]
        cells = tables["official_fields"].join(
            tables["official_stations"].filter("counted").select(keys), on=keys, how="semi"
        )
        cells = cells.filter(pl.col("snapshot") == source)
    else:
        source = "tally"
        cells = tables["tally_fields"].join(
            tables["tallies"].filter(pl.col("status") == "accepted").select("station_id", "contest"),
            on=["station_id", "contest"],
            how="semi",
        )
    wanted = [*ROLES, *options]
    cells = (
        cells.filter(pl.col("contest") == contest)
        .with_columns(pl.coalesce("option", "role").alias("column"))
        .filter(pl.col("column").is_in(wanted))
        # Two fields of one meaning are added up, if both are numbers: as `tabulate.differences.tally_cells` has it.
        .group_by("station_id", "column", maintain_order=True)
        .agg(value=pl.when(pl.col("value").is_not_null().all()).then(pl.col("value").sum()))
    )
    wide = cells.pivot(on="column", index="station_id", values="value", aggregate_function="first")
    missing = [c for c in wanted if c not in wide.columns]
    wide = wide.with_columns(pl.lit(None, dtype=pl.Int64).alias(c) for c in missing)
    wide = wide.join(place, on="station_id", how="left", suffix="_register")
    # The mission's register says who has a list; what stands on the sheet is second best.
    listed = pl.when(pl.col("has_list").fill_null(value=True)).then(
        pl.coalesce("registered_register", "registered")
    )
    return source, _turnout(
        wide.with_columns(listed.alias("registered")).drop("registered_register", "has_list"), options
    )


def _turnout(counts: pl.DataFrame, options: Sequence[str], *, blanks: bool = True) -> pl.DataFrame:
    """Fill what can be derived: ballots in the box from their kinds, people who voted from the ballots.

    A source that has neither valid votes nor ballots for any station (Bolivia 2019) has every valid vote among its options, unless it has
    only one. `blanks` is False where the country's ballots know no blank vote.
    """
    known = [o for o in options if o in counts.columns and counts[o].null_count() < counts.height]
    cast = pl.coalesce("cast", pl.col("valid") + pl.col("blank") + pl.col("null"))
    if counts["valid"].null_count() + counts["cast"].null_count() == 2 * counts.height and len(known) > 1:
        cast = pl.sum_horizontal(known, ignore_nulls=False) + pl.col("blank") + pl.col("null")
    elif not blanks:
        cast = pl.coalesce(cast, pl.col("valid") + pl.col("null"))
    return counts.with_columns(cast.alias("cast")).with_columns(pl.coalesce("voted", "cast").alias("voted"))


def _filings(mission: Mission, tables: Tables) -> pl.DataFrame:
    """One row for each page of a photo and station that it was filed for, with what the page itself says.

    A page that a person refused is out, and one that a person moved is filed where they said. A station that only a
    file's name claims and that the register does not have is no claim: names like 20260301_201500.jpg come from phones.
    """
    known = tables["register"].filter("active").select("station_id", known=pl.lit(value=True))
    claims = (
        tables["filings"]
        .join(known, on="station_id", how="left")
        .with_columns(by_name=_claimed_by_name(mission, tables["filings"]))
        .with_columns(
            station_claimed=pl.when(pl.col("known") | ~pl.col("by_name")).then("station_id"),
        )
        .select("photo", "station_claimed")
        .unique(maintain_order=True)
    )
    claims = claims.filter(
        pl.col("station_claimed").is_not_null() | pl.col("station_claimed").is_null().all().over("photo")
    )
    read = (
        tables["readings"]
        .select(
            "photo",
            "page",
            "form",
            "writing",
            station_read="station_id",
            confirmed=pl.col("station_source").is_in(CHECKED_SOURCES) & pl.col("station_id").is_not_null(),
        )
        .join(_printed_otherwise(tables), on=["photo", "page"], how="left")
    )
    moved = (
        tables["decisions"]
        .filter("stands", pl.col("decision").is_in(["refuse", "reassign"]))
        .select("photo", "page", "decision", to=pl.when(pl.col("decision") == "reassign").then("station_id"))
    )
    return (
        claims.join(read, on="photo", how="left")
        .with_columns(pl.col("page").fill_null(1))
        .join(moved, on=["photo", "page"], how="left")
        .filter(pl.col("decision").ne_missing("refuse"))
        .with_columns(station_claimed=pl.coalesce("to", "station_claimed"))
        .with_columns(station_id=pl.coalesce("station_claimed", "station_read"))
        .join(known, on="station_id", how="left")
        .select(
            "photo",
            "page",
            "station_claimed",
            "station_read",
            "form",
            "writing",
            in_register=pl.col("known").fill_null(value=False),
            confirmed=pl.col("confirmed").fill_null(value=False),
            # Who moved the page has said which of the two it is.
            station_printed=pl.when(pl.col("decision").is_null()).then("station_printed"),
        )
        .unique(maintain_order=True)
    )


def _printed_otherwise(tables: Tables) -> pl.DataFrame:
    """The number printed on each page whose reader says that it names another station than the page's code."""
    differs = pl.col("reasons").str.split(";").list.contains(STATION_DIFFERS)
    pages = tables["readings"].filter(differs, pl.col("station_id").is_not_null())
    return (
        tables["reading_fields"]
        .filter(pl.col("role") == str(Role.STATION), pl.col("state") == str(State.NUMBER))
        .join(pages, on=["photo", "page"], how="semi")
        .group_by("photo", "page", maintain_order=True)
        .agg(station_printed=pl.col("raw").first().str.strip_chars_start("_x"))
    )


def _claimed_by_name(mission: Mission, filings: pl.DataFrame) -> pl.Series:
    """Whether each filing says no more than the file's name does."""
    return pl.Series(
        "by_name",
        [
            station is not None and claim(mission, name) == station
            for name, station in filings.select("name", "station_id").iter_rows()
        ],
        dtype=pl.Boolean,
    )
