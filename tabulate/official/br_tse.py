"""Brazil, TSE: results by section.

``br-tse-bweb``    the boletins de urna as one table per state and round (``bweb_2t_AM_…``): ``;``, Latin-1, all quoted, one row per section,
                   office and *votável*; ``#NULO#`` and -1 mean nothing there, ``#NE`` and -3 not recorded that year (leiame)
``br-2022-abroad`` a scrape of the run-off of 2022 in the sections abroad; not the TSE's own layout

A section is unique by state, zone and number. A *votável* without votes in a section has no row there, which is 0. *Branco* and
*Nulo* are votáveis 95 and 96, *anulado e apurado em separado* 97, *anulado* 98 (leiame); the last two are kept as options of their own.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl

from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.long import LongLayout, build_long
from tabulate.official.rows import EITHER, Table, head, read_table, separator_of

_CATALOGUE = catalogue.load("br-tse")
_MARKERS = {
    "#nulo#": "absent",
    "#nulo": "absent",
    "#ne#": "absent",
    "#ne": "absent",
    "-1": "absent",
    "-3": "absent",
}
_NEEDED = ("SG_UF", "NR_ZONA", "NR_SECAO", "DS_CARGO_PERGUNTA", "NR_VOTAVEL", "NM_VOTAVEL", "QT_VOTOS")
_SIGNATURE = {"NR_ZONA", "NR_SECAO", "NR_VOTAVEL", "QT_VOTOS", "QT_APTOS", "QT_COMPARECIMENTO"}
_TOWN_OFFICES = ("prefeito", "vice-prefeito", "vereador")


def _is_bweb(path: Path) -> bool:
    return separator_of(path, _SIGNATURE, EITHER, ";,") is not None


def _parse_bweb(path: Path) -> OfficialCount:
    """Parse the boletins de urna of one state.

    Raises
    ------
    CotejoError
        When a column is missing, it holds more options than fit, or the file cannot be read.
    """
    table = read_table(path, separator_of(path, _SIGNATURE, EITHER, ";,") or ";", EITHER)
    if "SG_ UF" in table.columns and "SG_UF" not in table.columns:  # so in the files of 2018
        columns = tuple("SG_UF" if name == "SG_ UF" else name for name in table.columns)
        table = dataclasses.replace(table, columns=columns, rows=table.raw.rename({"SG_ UF": "SG_UF"}))
    require(path, table, _NEEDED, "br-tse-bweb")
    raw = _named(table)
    office = pl.col("DS_CARGO_PERGUNTA").str.strip_chars()
    town = (
        pl.when(office.str.to_lowercase().is_in(_TOWN_OFFICES)).then(pl.col("CD_MUNICIPIO"))
        if "CD_MUNICIPIO" in table.columns
        else pl.lit("")
    )
    layout = LongLayout(
        station_id=pl.concat_str(
            [
                pl.col("SG_UF").str.strip_chars(),
                pl.col("NR_ZONA").str.strip_chars().str.zfill(4),
                pl.col("NR_SECAO").str.strip_chars().str.zfill(4),
            ],
            separator="-",
        ),
        contest=office,
        option=pl.col("\0option"),
        votes="QT_VOTOS",
        place_id=pl.concat_str(
            [name for name in ("SG_UF", "CD_MUNICIPIO", "NR_LOCAL_VOTACAO") if name in table.columns],
            separator="-",
        ),
        place=first_of(table.columns, "NR_LOCAL_VOTACAO"),
        region=pl.col("SG_UF"),
        subregion=first_of(table.columns, "NM_MUNICIPIO"),
        numbers={
            name: column
            for name, column in (("registered", "QT_APTOS"), ("voted", "QT_COMPARECIMENTO"))
            if column in table.columns
        },
        status="DS_TIPO_URNA" if "DS_TIPO_URNA" in table.columns else None,
        catalogue=_CATALOGUE.terms,
        markers=_MARKERS,
        other_numbers=("QT_ABSTENCOES", "QT_ELEITORES_BIOMETRIA_NH"),
        zero_in=pl.concat_str([pl.col("SG_UF"), town.fill_null("")], separator="/"),
    )
    count = build_long("br-tse-bweb", True, path, dataclasses.replace(table, rows=raw), layout)
    offices = count.counts["contest"].unique(maintain_order=True)
    named = {
        f"{o} | {_word(table, code, usual)}": (o, n)
        for o in offices
        for code, usual, n in (("95", "Branco", "blank"), ("96", "Nulo", "null"))
    }
    return dataclasses.replace(count, rows=table.rows, by_option=named)


def _word(table: Table, code: str, usual: str) -> str:
    """What the file calls blank (95) or null (96) votes."""
    words = table.raw.filter(pl.col("NR_VOTAVEL").str.strip_chars() == code)["NM_VOTAVEL"]
    return str(words[0]).strip() if len(words) else usual


def _named(table: Table) -> pl.DataFrame:
    """The rows with their option: office and name, and the number where two of an office share a name."""
    code = pl.col("NR_VOTAVEL").str.strip_chars()
    who = pl.concat_str(
        [pl.col("DS_CARGO_PERGUNTA").str.strip_chars(), pl.col("NM_VOTAVEL").str.strip_chars()],
        separator=" | ",
    )
    raw = table.raw.with_columns(who.alias("\0who"))
    several = (
        raw.select("\0who", code.alias("code"))
        .unique()
        .group_by("\0who")
        .len()
        .filter(pl.col("len") > 1)["\0who"]
    )
    name = (
        pl.when(pl.col("\0who").is_in(several.to_list()))
        .then(pl.col("\0who") + " (" + code + ")")
        .otherwise("\0who")
    )
    option = (
        pl.when(code == "95").then(pl.lit("blank")).when(code == "96").then(pl.lit("null")).otherwise(name)
    )
    return raw.with_columns(option.alias("\0option")).drop("\0who")


_ABROAD = ("zona", "secao", "eligible_voters", "attending_voters", "valid_votes", "blank_votes", "null_votes")


_SCRAPED = (
    "cidade",
    "municipo",
    "municipio",
    "zona",
    "secao",
    "polling_place",
    "turnout_pct",
    "valid_pct",
    "machine_type",
    "flag",
    "dia",
    "country_pt",
    "country_en",
    "venue",
    "local_pt",
    "local_en",
    "city_pt",
    "city_en",
)


def _is_abroad(path: Path) -> bool:
    return set(head(path)) >= set(_ABROAD)


def _parse_abroad(path: Path) -> OfficialCount:
    """Parse the scrape of the sections abroad.

    Raises
    ------
    CotejoError
        When a column is missing, none holds votes, or the file cannot be read.
    """
    table = read_table(path)
    require(path, table, _ABROAD, "br-2022-abroad")
    options = tuple(name for name in table.columns if name.endswith("_voto"))
    require(path, table, options or ("…_voto",), "br-2022-abroad")
    layout = Layout(
        # As the TSE's own files would have it: state ZZ is abroad.
        station_id=pl.concat_str(
            [pl.lit("ZZ"), pl.col("zona").str.zfill(4), pl.col("secao").str.zfill(4)], separator="-"
        ),
        place_id=first_of(table.columns, "municipo", "municipio"),
        place=first_of(table.columns, "local_pt", "venue"),
        region=first_of(table.columns, "country_pt"),
        subregion=first_of(table.columns, "cidade"),
        numbers={
            "registered": ("eligible_voters",),
            "voted": ("attending_voters",),
            "valid": ("valid_votes",),
            "blank": ("blank_votes",),
            "null": ("null_votes",),
            **({"cast": ("votes_counted",)} if "votes_counted" in table.columns else {}),
        },
        options=options,
        other_numbers=("noshow_voters", "votos_legenda"),
        without_acta=pl.all_horizontal(pl.col(name).str.strip_chars() == "" for name in options),
        known=(*_SCRAPED, *(name.removesuffix("_voto") + "_pct" for name in options)),
    )
    return build("br-2022-abroad", True, table, layout)


_AUTHORITY = "Tribunal Superior Eleitoral (TSE)"
FORMATS = (
    OfficialFormat(
        id="br-tse-bweb",
        authority=_AUTHORITY,
        country="BR",
        title="Brazil: boletins de urna of a state, by section and votável",
        verified=True,
        detect=_is_bweb,
        parse=_parse_bweb,
        statuses=_CATALOGUE.terms,
    ),
    OfficialFormat(
        id="br-2022-abroad",
        authority=_AUTHORITY,
        country="BR",
        title="Brazil: sections abroad, scrape of the run-off of 2022",
        verified=True,
        detect=_is_abroad,
        parse=_parse_abroad,
        statuses={},
    ),
)
