"""What people say stands on an acta: their decisions, and their keyings where these agree."""

from __future__ import annotations

import polars as pl

from tabulate.pages import ACTA, Tables

PAGE = [*ACTA, "acta_page"]
VALUE = ["value", "state"]


def said_by_people(tables: Tables, meanings: pl.DataFrame) -> pl.DataFrame:
    """What people say stands on an acta: of a standing decision, or of two keyings that agree; with ``actor`` and ``seq``."""
    decided = tables["decided"].with_columns(source=pl.lit("person"))
    agreed = _agreed_keyings(tables).join(decided, on=ACTA, how="anti").with_columns(source=pl.lit("keying"))
    said = pl.concat([decided, agreed.select(decided.columns)])
    words = meanings.select("contest", "field", "acta_page", "role", "option").unique(
        ["contest", "field"], keep="any"
    )
    return said.join(words, on=["contest", "field"], how="inner").select(
        *(*PAGE, "field", "role", "option", *VALUE, "raw", "photo", "page"),
        probability=pl.lit(None, pl.Float64),
        surely=pl.lit(False),
        placed=pl.lit(True),
        source="source",
        actor="actor",
        seq="seq",
    )


def gaps_of(said: pl.DataFrame, acta: pl.DataFrame, meanings: pl.DataFrame) -> pl.DataFrame:
    """The actas of which people gave some fields only, and ``gaps``, those that they did not give.

    Of an acta that only people read, it is enough to give all fields of one of the contest's actas.
    """
    typed = said.select(ACTA).unique()
    read = typed.join(acta.select(*ACTA, "acta"), on=ACTA, how="inner")
    unread = typed.join(acta, on=ACTA, how="anti")
    unread = unread.join(meanings.select("contest", "acta").unique(), on="contest", how="inner")
    wanted = pl.concat([read, unread]).join(
        meanings.select("contest", "acta", "field").unique(), on=["contest", "acta"], how="inner"
    )
    given = said.select(*ACTA, "field", given=pl.lit(True))
    lacking = (
        wanted.join(given, on=[*ACTA, "field"], how="left")
        .group_by(*ACTA, "acta")
        .agg(gaps=pl.col("field").filter(pl.col("given").is_null()).sort())
        .with_columns(n=pl.col("gaps").list.len())
        .sort(*ACTA, "n", "acta")
        .unique(ACTA, keep="first", maintain_order=True)
    )
    return lacking.filter(pl.col("n") > 0).select(*ACTA, gaps=pl.col("gaps").list.join(", "))


def own_pages(said: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """The pages that people read what they say from: `ACTA`, ``photo``, ``page``."""
    page = [*ACTA, "photo", "page"]
    keyed = tables["keyed"].join(said.filter(pl.col("source") == "keying"), on=ACTA, how="semi")
    return pl.concat([said.select(page), tables["decided_pages"].select(page), keyed.select(page)]).unique()


def form_used_by(acta: pl.DataFrame, said: pl.DataFrame, meanings: pl.DataFrame) -> pl.DataFrame:
    """The acta form whose sums apply: the one read; of an acta that only people read, the contest's, if it has one only."""
    only = meanings.group_by("contest").agg(actas=pl.col("acta").n_unique(), acta=pl.col("acta").first())
    typed = said.select(ACTA).unique().join(acta, on=ACTA, how="anti")
    typed = typed.join(only.filter(pl.col("actas") == 1), on="contest", how="inner")
    return pl.concat([acta.select(*ACTA, "acta"), typed.select(*ACTA, "acta")])


def _keyed_values(tables: Tables) -> pl.DataFrame:
    """Per acta and person, everything that they typed as one value."""
    cell = pl.format("{}={}:{}", "field", "state", pl.col("value").cast(pl.String).fill_null(""))
    return tables["keyed"].group_by(*ACTA, "actor").agg(all=cell.sort().str.join(";"))


def _agreed_keyings(tables: Tables) -> pl.DataFrame:
    """The keyings of actas that two or more people typed, all of them alike."""
    each = _keyed_values(tables).group_by(ACTA).agg(people=pl.len(), versions=pl.col("all").n_unique())
    agreed = each.filter(pl.col("people") > 1, pl.col("versions") == 1)
    return (
        tables["keyed"]
        .join(agreed, on=ACTA, how="semi")
        .sort("seq")
        .unique([*ACTA, "field"], keep="first", maintain_order=True)
    )


def differing_keyings(tables: Tables) -> pl.DataFrame:
    """The actas that people typed differently, and that nobody decided."""
    each = _keyed_values(tables).group_by(ACTA).agg(versions=pl.col("all").n_unique())
    return each.filter(pl.col("versions") > 1).join(tables["decided"], on=ACTA, how="anti").select(ACTA)
