"""What the authority publishes, as the audit of records looks at it: every row, counted or not, as it stands in the file.

The audits of distributions look at counted rows, with what can be derived filled in (`tabulate.findings`). Here nothing is filled in, for
a number that was derived cannot contradict anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from audits.audit import ROLES
from tabulate.official import FORMATS, OfficialCount, Status

Tables = Mapping[str, pl.DataFrame]
_BELOW_ZERO = r"^\s*[-\u2212]\s*[0-9]{1,9}\s*$"


def expects(words: Mapping[str, Status], text: str | None) -> str | None:
    """What an authority's text says of the acta's numbers: "numbers", "none", or None where it does not say.

    A text may hold several of the authority's terms; one of them that says that there are none decides.
    """
    if not text or not words:
        return None
    low = text.strip().lower()
    if low in words:
        return words[low].content
    found = {
        status.content
        for term, status in words.items()
        if status.content and re.search(rf"(?<!\w){re.escape(term)}(?!\w)", low)
    }
    return "none" if "none" in found else "numbers" if found else None


def of_count(count: OfficialCount, rows: pl.DataFrame) -> pl.DataFrame:
    """The table `published` of `audits.data` for the rows of one contest of an official file."""
    wanted = ["station_id", "region", *ROLES, "counted", "status", *count.options]
    words = FORMATS[count.format].statuses if count.format in FORMATS else {}
    shown = rows.select("contest", *(c for c in wanted if c in rows.columns))
    # Long, and slow where there are many rows: looked at only where the file was found to have such a number.
    if any(problem["reason"].endswith("is negative") for problem in count.problems):
        shown = _with_numbers_below_zero(shown, count.cells(), ["station_id", "contest"])
    return _finished(shown.drop("contest"), words)


def _below_zero() -> pl.Expr:
    """The number below zero that a cell's text is; null for any other cell."""
    sought = (pl.col("state") == "illegible") & pl.col("raw").str.contains(_BELOW_ZERO)
    number = pl.col("raw").str.replace_all(r"[\s\u2212-]", "").cast(pl.Int64, strict=False)
    return pl.when(sought).then(-number)


def _with_numbers_below_zero(rows: pl.DataFrame, cells: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """`rows` with the numbers below zero that stand in the file: no count is one, so that everything else goes without them."""
    below = cells.with_columns(number=_below_zero()).drop_nulls("number")
    for (field,), found in below.group_by("field", maintain_order=True):
        name = str(field)
        if name in rows.columns:
            numbers = found.select(*keys, "number").unique(keys, keep="first", maintain_order=True)
            rows = rows.join(numbers, on=keys, how="left", maintain_order="left")
            rows = rows.with_columns(pl.coalesce(name, "number").alias(name)).drop("number")
    return rows


def of_snapshot(tables: Tables, contest: str, snapshot: str, options: tuple[str, ...]) -> pl.DataFrame:
    """The same for one contest of a mission's snapshot; a station whose list is none by the mission's register has none here."""
    key = (pl.col("contest") == contest) & (pl.col("snapshot") == snapshot)
    stations = tables["official_stations"].filter(key).select("station_id", "region", "counted", "status")
    wanted = [*ROLES, *options]
    cells = (
        tables["official_fields"]
        .filter(key)
        .with_columns(column=pl.coalesce("option", "role"))
        .filter(pl.col("column").is_in(wanted))
        .with_columns(pl.coalesce("value", _below_zero()).alias("value"))
        # Two fields of one meaning are added up, if both are numbers.
        .group_by("station_id", "column", maintain_order=True)
        .agg(value=pl.when(pl.col("value").is_not_null().all()).then(pl.col("value").sum()))
    )
    wide = cells.pivot(on="column", index="station_id", values="value", aggregate_function="first")
    wide = wide.with_columns(pl.lit(None, dtype=pl.Int64).alias(c) for c in wanted if c not in wide.columns)
    special = tables["register"].filter(~pl.col("has_list")).select("station_id", special=pl.lit(value=True))
    # Who is sent to the row should find the mission's own photo of the acta beside it.
    photos = (
        tables["tallies"]
        .filter(pl.col("contest") == contest)
        .sort("station_id", "photo")
        .group_by("station_id", maintain_order=True)
        .agg(pl.col("photo").drop_nulls().first())
    )
    joined = (
        stations.join(wide, on="station_id", how="left")
        .join(special, on="station_id", how="left")
        .join(photos, on="station_id", how="left")
    )
    listed = pl.when(pl.col("special").fill_null(value=False)).then(None).otherwise("registered")
    formats = tables["snapshots"].filter(pl.col("snapshot") == snapshot)["format"].to_list()
    words = FORMATS[formats[0]].statuses if formats and formats[0] in FORMATS else {}
    return _finished(joined.with_columns(registered=listed).drop("special"), words)


def _finished(rows: pl.DataFrame, words: Mapping[str, Status]) -> pl.DataFrame:
    known = {text: expects(words, text) for text in rows["status"].unique().to_list()}
    column = pl.col("status").replace_strict(
        list(known), list(known.values()), default=None, return_dtype=pl.String
    )
    return (
        rows.with_columns(expects=column)
        .drop_nulls("station_id")
        .unique("station_id", keep="first", maintain_order=True)
    )
