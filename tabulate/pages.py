"""Which page of which photo belongs to which station's acta, and what speaks against it. The first half of the tally.

A page's station is, in this order: what a person said (reassigned); what the sheet itself says (its code or printed
number); what the sender claimed, if there is one claim only. A claim that the sheet contradicts is never followed
silently: both stations are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from tabulate.mission import Mission
from tabulate.tables import meanings_of

Tables = Mapping[str, pl.DataFrame]
ACTA = ["station_id", "contest"]
# One reason to look: what, where, and whether it keeps the acta from being accepted.
WHY = {
    "station_id": pl.String,
    "contest": pl.String,
    "photo": pl.String,
    "page": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
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
        ``refused``, ``unread``, ``accepted``, ``reasons`` (list), ``probability``, ``from_sheet``, ``why`` (list: what speaks
        against its place).
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
    return pl.concat([read, rest], how="diagonal")


def _resolved(pages: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The pages with their station, where it comes from, and what speaks against it."""
    claims = (
        tables["filings"]
        .drop_nulls("station_id")
        .group_by("photo")
        .agg(claims=pl.col("station_id").unique().sort())
    )
    moved = tables["moved"].with_columns(by_person=pl.lit(True))
    # A page that a person refused is out; one that a person moved is where they said, and no claim counts.
    pages = pages.join(claims, on="photo", how="left").join(moved, on=["photo", "page"], how="left")
    pages = pages.filter(pl.col("by_person").is_null() | pl.col("to").is_not_null())
    claims_count = pl.col("claims").list.len().fill_null(0)
    only_claim = pl.when(claims_count == 1).then(pl.col("claims").list.first())
    contradicted = (
        pl.col("to").is_null()
        & pl.col("code").is_not_null()
        & (claims_count > 0)
        & ~pl.col("claims").list.contains(pl.col("code")).fill_null(False)
    )
    return pages.with_columns(
        station_id=pl.coalesce("to", "code", only_claim),
        from_sheet=pl.coalesce("to", "code").is_not_null(),
        contradicted=contradicted,
        claims=pl.when(pl.col("to").is_null()).then("claims"),
    ).drop("to", "by_person")


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
    return pages.select("station_id", "contest", "photo", "page", reason=reason, detail=detail).cast(WHY)  # type: ignore[arg-type]
