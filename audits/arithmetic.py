"""Sheets that contradict themselves: parts that do not make their total, more votes than people on the list."""

from __future__ import annotations

import polars as pl

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit, not_applied
from audits.rates import by_region, rate
from audits.words import N_, flag, flagged_frame

_RULES = N_("The rules of the form are those of the country, and stations without a list are marked as such.")
_READ = N_("A confirmed number is the number that is written on the sheet.")

_EQUAL = N_("{sum}: the parts make {left}, the total written is {right}.")
_AT_MOST = N_("{sum}: {left} is written where at most {right} is possible.")
_OVER_LIST = N_("{field}: {value} is written, and the list has {registered} people.")

_SHEET = ("station_id", "contest", "photo")
_VOTERS = ("voted", "cast", "valid")


@audit(
    id="arithmetic",
    title=N_("Sums on the sheet"),
    grade="B",
    needs=(),
    null_hypothesis=N_(
        "None is tested: every sum that the form prescribes either holds on the sheet or does not."
    ),
    assumptions=(_RULES, _READ),
    innocent_explanations=(
        N_("People add wrongly late at night: in one national study 41 of 100 sheets had such an error."),
        N_("Poll workers and party witnesses vote where they serve, beyond the list of the station."),
        N_("Special stations for voters in transit have no list of their own, or only a nominal one."),
        N_("A total was copied from another line, or two lines were exchanged."),
    ),
    citation=(
        "INE (2016), Estudio sobre la calidad de las actas de escrutinio y cómputo 2015 (base rate); "
        "W. R. Mebane (2013), Election Forensics, ch. on accounting checks."
    ),
    pitfalls=(
        N_(
            "A misread digit looks like a wrong sum: sheets with an unconfirmed number in the sum are "
            "never flagged."
        ),
        N_("One wrong number can break several sums; votes are counted once per sheet, as its largest gap."),
        N_("A sheet that adds up can still be wrong."),
    ),
)
def arithmetic(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Flag confirmed sheets whose written numbers contradict each other or the station's list.

    A *sheet* is a (station, contest, photo). It is examined when at least one of its sums, or one of the
    fields voted, cast and valid beside a list, has only confirmed numbers in it. Sums are recomputed from
    their two sides. The list is the sheet's own confirmed ``registered``, else that of `register` (of `counts` where
    there is no register); null or 0 means no list, and where the register says that a station has none, no number on
    the sheet makes one.

    Statistic: sheets that contradict themselves; n: sheets examined; `effect_votes`: the largest gap of each,
    summed. `parts` gives the rate by region ("region/…", with its interval and whether the region stands out), by rule ("sum/…"), how often
    a total was left blank ("blank/…"), and what was left to people because it is not confirmed ("unconfirmed").
    """
    entry = REGISTRY["arithmetic"]
    if data.missing("sums") and data.missing("sheets"):
        return not_applied(entry, N_("It needs sheets or their sums, which these data do not have."))
    checks = pl.concat([_sums(data), _over_list(data)]).sort(*_SHEET, "name", "message", nulls_last=True)
    confirmed = checks.filter("confirmed")
    # The form may already hold the list as one of its sums; the same two numbers are then one finding.
    wrong = confirmed.filter("wrong").unique([*_SHEET, "left", "right"], keep="first", maintain_order=True)
    sheets = confirmed.group_by(_SHEET).agg(pl.col("wrong").any())
    gaps = wrong.group_by(_SHEET).agg(pl.col("votes").max())
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(sheets["wrong"].sum()),
        n=sheets.height,
        effect_votes=float(gaps["votes"].sum()),
        effect_meaning=N_(
            "the largest gap between written numbers on each sheet that contradicts itself, summed"
        ),
        assumptions={_RULES: None, _READ: None},
        parts=_parts(data, checks, sheets),
        flagged=flagged_frame(
            [
                flag(
                    row["station_id"],
                    Sentence(
                        row["message"],
                        {"field": row["name"], "value": row["left"], "registered": row["right"]}
                        if row["message"] == _OVER_LIST
                        else {"sum": row["name"], "left": row["left"], "right": row["right"]},
                    ),
                    entry.grade,
                    contest=row["contest"],
                    field=row["name"],
                    votes=row["votes"],
                    photo=row["photo"],
                )
                for row in wrong.to_dicts()
            ]
        ),
        notes=(
            Sentence(
                N_(
                    "How many sheets of a clean election contradict themselves differs by country; compare "
                    "regions."
                )
            ),
        ),
    )


def _sums(data: AuditData) -> pl.DataFrame:
    """One row per sum with a number on both sides."""
    if data.sums is None:
        return _CHECKS
    at_most = pl.col("rule") == "at-most"
    gap = pl.col("left") - pl.col("right")
    return data.sums.drop_nulls(["left", "right"]).select(
        *_SHEET,
        pl.col("sum").alias("name"),
        "left",
        "right",
        pl.when(at_most).then(gap > 0).otherwise(gap != 0).alias("wrong"),
        gap.abs().alias("votes"),
        pl.when(at_most).then(pl.lit(_AT_MOST)).otherwise(pl.lit(_EQUAL)).alias("message"),
        "confirmed",
    )


def _over_list(data: AuditData) -> pl.DataFrame:
    """One row per sheet with a list: the largest of its numbers of voters or votes against that list."""
    if data.sheets is None:
        return _CHECKS
    written = data.sheets.filter(pl.col("state") == "number").drop_nulls("value")
    own = written.filter(pl.col("field") == "registered").select(
        *_SHEET, pl.col("value").alias("own"), pl.col("confirmed").alias("own_confirmed")
    )
    register = _stations(data).select("station_id", "has_list", listed="registered")
    numbers = written.filter(pl.col("field").is_in(_VOTERS))
    numbers = numbers.join(own, on=_SHEET, how="left", nulls_equal=True).join(
        register, on="station_id", how="left"
    )
    numbers = numbers.filter(pl.col("has_list").fill_null(True))
    from_sheet = pl.col("own_confirmed").fill_null(False)
    numbers = numbers.with_columns(
        pl.when(from_sheet).then("own").otherwise(pl.coalesce("listed", "own")).alias("right"),
        # An unconfirmed list on the sheet is only used where there is no other, and then confirms nothing.
        (pl.col("confirmed") & (from_sheet | pl.col("listed").is_not_null())).alias("confirmed"),
    ).filter(pl.col("right") > 0)
    # Confirmed numbers come first, so that an unconfirmed one can never hide them.
    largest = numbers.sort("confirmed", "value", "field", descending=[True, True, False]).unique(
        _SHEET, keep="first", maintain_order=True
    )
    return largest.select(
        *_SHEET,
        pl.col("field").alias("name"),
        pl.col("value").alias("left"),
        "right",
        (pl.col("value") > pl.col("right")).alias("wrong"),
        (pl.col("value") - pl.col("right")).abs().alias("votes"),
        pl.lit(_OVER_LIST).alias("message"),
        "confirmed",
    )


_CHECKS = pl.DataFrame(
    schema={
        "station_id": pl.String,
        "contest": pl.String,
        "photo": pl.String,
        "name": pl.String,
        "left": pl.Int64,
        "right": pl.Int64,
        "wrong": pl.Boolean,
        "votes": pl.Int64,
        "message": pl.String,
        "confirmed": pl.Boolean,
    }
)


def _stations(data: AuditData) -> pl.DataFrame:
    """``station_id``, ``registered``, ``has_list``, ``region``: the register, or what the counts say of it."""
    if data.register is not None:
        return data.register.select(_STATION.keys())
    if data.counts is None:
        return pl.DataFrame(schema=_STATION)
    return data.counts.with_columns(has_list=pl.lit(None, pl.Boolean)).select(_STATION.keys())


_STATION = {"station_id": pl.String, "registered": pl.Int64, "has_list": pl.Boolean, "region": pl.String}


def _parts(data: AuditData, checks: pl.DataFrame, sheets: pl.DataFrame) -> dict[str, Part]:
    regions = _stations(data).select("station_id", "region")
    by_sum = (
        checks.filter("confirmed")
        .with_columns(
            pl.when(pl.col("message") == _OVER_LIST).then(pl.lit("list")).otherwise("name").alias("name")
        )
        .group_by("name")
        .agg(pl.len(), pl.col("wrong").sum())
    )
    open_checks = checks.filter(~pl.col("confirmed"))
    of_region = sheets.join(regions, on="station_id", how="left").select("region", "wrong")
    parts: dict[str, Part] = dict(by_region(of_region))
    for name, examined, wrong in by_sum.sort("name", nulls_last=True).iter_rows():
        parts[f"sum/{name or '-'}"] = {"examined": examined, "contradict": wrong, "rate": wrong / examined}
    parts |= _blank(data)
    parts["unconfirmed"] = {
        "examined": open_checks.select(_SHEET).n_unique(),
        "contradict": open_checks.filter("wrong").select(_SHEET).n_unique(),
    }
    return parts


def _blank(data: AuditData) -> dict[str, Part]:
    """How often a total was left blank on a confirmed sheet that has numbers in other fields, by total."""
    if data.sheets is None:
        return {}
    confirmed = data.sheets.filter("confirmed").with_columns(
        number=(pl.col("state") == "number").any().over(*_SHEET)
    )
    totals = (
        confirmed.filter("number", pl.col("field").is_in(_VOTERS), pl.col("state").is_in(["number", "blank"]))
        .group_by("field")
        .agg(pl.len(), (pl.col("state") == "blank").sum().alias("blank"))
        .sort("field")
    )
    return {
        f"blank/{field}": {"examined": examined, "blank": blank, **rate(blank, examined)}
        for field, examined, blank in totals.iter_rows()
    }
