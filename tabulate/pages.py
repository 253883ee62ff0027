"""Which page of which photo belongs to which station's acta, and what speaks against it. The first half of the tally.

A page's station is, in this order: what a person said (reassigned); what the sheet itself says (its code or printed
number); what the sender claimed, if there is one claim only. A claim that the sheet contradicts is never followed
silently: both stations are told. Who types or decides an acta from a page claims it for that acta's station, too; so
no page can count for two stations without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tabulate.mission import Mission
from tabulate.tables import meanings_of

Tables = Mapping[str, pl.DataFrame]
ACTA = ["station_id", "contest"]
# A station decoded from one of these had a check of its own; a printed number that was read could be misread.
CHECKED_SOURCES = ("qr", "code128", "code39")
# The word for it, the reader's (code against code or print) and the tally's (the sender's claim against the sheet).
STATION_DIFFERS = "station-differs"
# One reason to look: what, where, and whether it keeps the acta from being accepted.
WHY = {
    "station_id": pl.String,
    "contest": pl.String,
    "photo": pl.String,
    "page": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
    "since": pl.Int64,  # the ledger entry since which it could be known; null where that does not matter
}


@dataclass(frozen=True, eq=False)
class Pages:
    """The pages in their places.

    Attributes
    ----------
    expected : DataFrame
        ``station_id``, ``contest``: every acta that there must be.
    seen : DataFrame
        The pages that belong to an expected acta, one row for each acta they may belong to (a page on which nothing was
        read may belong to any of its station's): ``station_id``, ``contest``, ``photo``, ``page``, ``form``, ``acta``, ``acta_page``,
        ``refused``, ``unread``, ``accepted``, ``reasons`` (list), ``probability``, ``from_sheet``, ``placed`` (its station does not
        hang on a printed number alone), ``contradicted``, ``since`` and ``claimed_since`` (ledger entries: first read, and last
        claimed for a further station).
    strays : DataFrame
        `WHY`: pages that belong nowhere, and stations whose photo shows another station.
    """

    expected: pl.DataFrame
    seen: pl.DataFrame
    strays: pl.DataFrame


def place_pages(mission: Mission, tables: Tables) -> Pages:
    """Put every page that was not refused by a person into its place."""
    expected = _expected(mission, tables["register"])
    pages = _resolved(_all_pages(tables), tables)
    known = tables["register"].filter("active").select("station_id", known=pl.lit(True))
    pages = pages.join(known, on="station_id", how="left").with_columns(pl.col("known").fill_null(False))
    of_form = meanings_of(mission).select("form", "contest").unique()
    read = pages.filter(pl.col("form").is_not_null()).join(of_form, on="form", how="left")
    vague = pages.filter(pl.col("form").is_null()).join(expected, on="station_id", how="left")
    located = pl.concat([read, vague.select(read.columns)])
    seen = located.join(expected, on=ACTA, how="semi")
    stray = pl.concat([_nowhere(located, expected), _elsewhere(located, expected)])
    return Pages(expected, seen, stray.unique(list(WHY), maintain_order=True))


def _expected(mission: Mission, register: pl.DataFrame) -> pl.DataFrame:
    contests = pl.DataFrame({"contest": list(mission.contests)}, schema={"contest": pl.String})
    voted_here = pl.col("contests").is_null() | pl.col("contests").str.split(";").list.contains(
        pl.col("contest")
    )
    return register.filter("active").join(contests, how="cross").filter(voted_here).select(ACTA).sort(ACTA)


def _all_pages(tables: Tables) -> pl.DataFrame:
    """Every page that was read, and every photo that was not (as its page 1)."""
    read = tables["readings"].select(
        *("photo", "page", "form", "acta", "acta_page", "refused", "accepted", "probability"),
        reasons=pl.col("reasons").str.split(";"),
        code="station_id",
        code_source="station_source",
        unread=pl.lit(False),
    )
    rest = (
        tables["photos"]
        .join(tables["readings"], on="photo", how="anti")
        .select(
            "photo",
            "refused",
            page=pl.lit(1, pl.Int64),
            unread=pl.col("refused").is_null(),
            accepted=pl.lit(False),
        )
    )
    arrived = tables["photos"].select("photo", arrived="seq")
    pages = pl.concat([read, rest], how="diagonal").join(arrived, on="photo", how="left")
    pages = pages.join(tables["first_read"].rename({"seq": "read_at"}), on="photo", how="left")
    return pages.with_columns(since=pl.max_horizontal("arrived", "read_at")).drop("arrived", "read_at")


def _claims(pages: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Who claimed which page for which station: ``photo``, ``page``, ``claims`` (list) and ``claimed_since`` (the last of them)."""
    filed = tables["filings"].drop_nulls("station_id").select("photo", "station_id", "seq")
    filed = pages.select("photo", "page", "to").filter(pl.col("to").is_null()).join(filed, on="photo")
    people = [tables[t].select("photo", "page", "station_id", "seq") for t in ("decided_pages", "keyed")]
    each = pl.concat([filed.select(people[0].columns), *people])
    first = each.group_by("photo", "page", "station_id").agg(pl.col("seq").min()).sort("station_id")
    return first.group_by("photo", "page", maintain_order=True).agg(
        claims="station_id", claimed_since=pl.col("seq").max()
    )


def _resolved(pages: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The pages with their station, where it comes from, and what speaks against it."""
    moved = tables["moved"].with_columns(by_person=pl.lit(True))
    # A page that a person refused is out; one that a person moved is where they said, and no sender's claim counts.
    pages = pages.join(moved, on=["photo", "page"], how="left")
    pages = pages.filter(pl.col("by_person").is_null() | pl.col("to").is_not_null())
    pages = pages.join(_claims(pages, tables), on=["photo", "page"], how="left")
    claims_count = pl.col("claims").list.len().fill_null(0)
    only_claim = pl.when(claims_count == 1).then(pl.col("claims").list.first())
    contradicted = (
        pl.col("to").is_null()
        & pl.col("code").is_not_null()
        & (claims_count > 0)
        & ~pl.col("claims").list.contains(pl.col("code")).fill_null(False)
    )
    checked = pl.col("code_source").is_in(CHECKED_SOURCES).fill_null(False)
    return pages.with_columns(
        station_id=pl.coalesce("to", "code", only_claim),
        from_sheet=pl.coalesce("to", "code").is_not_null(),
        placed=pl.col("to").is_not_null() | pl.col("code").is_null() | (claims_count > 0) | checked,
        contradicted=contradicted,
        claimed_since=pl.max_horizontal("since", "claimed_since"),
    ).drop("to", "by_person", "code_source")


def _nowhere(pages: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Pages without a place: no station, an unknown one, a form or a contest that is not counted there."""
    lost = pages.join(expected, on=ACTA, how="anti")
    reason = (
        pl.when(pl.col("station_id").is_null() & (pl.col("claims").list.len().fill_null(0) > 1))
        .then(pl.lit("filed-twice"))
        .when(pl.col("station_id").is_null())
        .then(pl.lit("station-unknown"))
        .when(~pl.col("known"))
        .then(pl.lit("station-not-in-register"))
        .when(pl.col("form").is_not_null() & pl.col("contest").is_null())
        .then(pl.lit("form-not-of-mission"))
        .otherwise(pl.lit("contest-not-at-station"))
    )
    detail = pl.coalesce("refused", pl.col("claims").list.join(", "), pl.lit(""))
    return _why(lost, reason, detail)


def _elsewhere(pages: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Stations that a photo was filed for, though it shows another station or was filed for several."""
    filed = (
        pages.explode("claims", empty_as_null=True)
        .drop_nulls("claims")
        .filter(pl.col("station_id").ne_missing(pl.col("claims")))
        .with_columns(shown=pl.col("station_id"), station_id=pl.col("claims"))
    )
    # Where nothing was read, the photo may be of any of the station's contests.
    vague = (
        filed.filter(pl.col("contest").is_null()).drop("contest").join(expected, on="station_id", how="inner")
    )
    filed = pl.concat([filed.drop_nulls("contest"), vague.select(filed.columns)]).join(
        expected, on=ACTA, how="semi"
    )
    reason = (
        pl.when(pl.col("shown").is_null())
        .then(pl.lit("filed-twice"))
        .otherwise(pl.lit("photo-of-another-station"))
    )
    return _why(filed, reason, pl.col("shown").fill_null(""))


def _why(pages: pl.DataFrame, reason: pl.Expr, detail: pl.Expr) -> pl.DataFrame:
    rows = pages.select(
        "station_id", "contest", "photo", "page", reason=reason, detail=detail, since="claimed_since"
    )
    return rows.cast(WHY)  # type: ignore[arg-type]
