"""Ecuador, CNE: results by *junta receptora del voto* since 2017, one row per junta, office and candidate.

``DIGNIDAD_…``, ``PROVINCIA_…``, ``CANTON_…``, ``PARROQUIA_…``, ``ZONA_…``, ``JUNTA_CODIGO`` (or ``ACTA_CODIGO``), ``JUNTA_SEXO``, ``ELECTORES``, ``SUFRAGANTES``, ``BLANCOS``,
``NULOS``, then the candidate and ``VOTOS`` (2017: ``CANDIDATO_VOTOS``); ``,`` or ``;``. Gathered from public programs that read these files;
never checked on a real one. A column of states (``ESTADO…``) is read with the catalogue where there is one.

An acta has a *novedad*, among others, when voters and ballots differ by more than one percentage point (`catalogues/ec-cne.toml`);
rows to which that applies get a note, whatever their state says.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl

from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat, Problem
from tabulate.official.layout import first_of, require
from tabulate.official.long import LongLayout, build_long
from tabulate.official.rows import EITHER, read_table, separator_of

ID = "ec-cne"
_CATALOGUE = catalogue.load("ec-cne")
_VOTES = ("VOTOS", "CANDIDATO_VOTOS")
_SIGNATURE = {"JUNTA_SEXO", "CANDIDATO_CODIGO", "BLANCOS", "NULOS"}
_STATUS = ("ESTADO_ACTA", "ESTADO", "ACTA_ESTADO")
_BALLOTS = {"registered": "ELECTORES", "voted": "SUFRAGANTES", "blank": "BLANCOS", "null": "NULOS"}


def detect(path: Path) -> bool:
    """Whether the header has the junta, the candidate and the blank and null votes by these names."""
    return separator_of(path, _SIGNATURE) is not None


def parse(path: Path) -> OfficialCount:
    """Parse one file.

    Raises
    ------
    CotejoError
        When a column is missing, it holds more options than fit, or the file cannot be read.
    """
    table = read_table(path, separator_of(path, _SIGNATURE) or ",", EITHER)
    columns = table.columns
    votes = next((name for name in _VOTES if name in columns), _VOTES[0])
    require(path, table, (votes, *sorted(_SIGNATURE)), ID)
    place = [
        n for n in ("PROVINCIA_CODIGO", "CANTON_CODIGO", "PARROQUIA_CODIGO", "ZONA_CODIGO") if n in columns
    ]
    junta = [n for n in ("JUNTA_CODIGO", "JUNTA_NUMERO", "ACTA_CODIGO") if n in columns][:1]
    require(path, table, (*(place or ("PARROQUIA_CODIGO",)), *(junta or ("JUNTA_CODIGO",))), ID)
    parts = [pl.col(name).str.strip_chars() for name in (*place, *junta, "JUNTA_SEXO")]
    name = first_of(columns, "CANDIDATO_NOMBRE", "OP_NOMBRE", "CANDIDATO_CODIGO")
    layout = LongLayout(
        station_id=pl.concat_str(parts, separator="-"),
        contest=first_of(columns, "DIGNIDAD_NOMBRE", "DIGNIDAD_CODIGO"),
        option=pl.col("CANDIDATO_CODIGO") if name is None else name,
        votes=votes,
        place_id=pl.concat_str([pl.col(n).str.strip_chars() for n in place], separator="-"),
        place=first_of(columns, "RECINTO_NOMBRE", "ZONA_NOMBRE", "PARROQUIA_NOMBRE"),
        region=first_of(columns, "PROVINCIA_NOMBRE", "PROVINCIA_CODIGO"),
        subregion=first_of(columns, "CANTON_NOMBRE", "CANTON_CODIGO"),
        numbers={number: column for number, column in _BALLOTS.items() if column in columns},
        status=next((n for n in _STATUS if n in columns), None),
        catalogue=_CATALOGUE.terms,
    )
    count = build_long(ID, FORMAT.verified, path, table, layout)
    problems = sorted([*count.problems, *_one_point(count)], key=lambda p: (p["row"], p["reason"]))
    return dataclasses.replace(count, problems=problems)


def _one_point(count: OfficialCount) -> list[Problem]:
    """Actas whose ballots and voters differ by more than one hundredth of the voters."""
    ballots = pl.sum_horizontal(*[pl.col(o) for o in count.options], "blank", "null", ignore_nulls=True)
    frame = count.counts.with_columns(count.lines.alias("row"), ballots.alias("ballots"))
    found = frame.filter(
        (pl.col("voted") > 0) & ((pl.col("ballots") - pl.col("voted")).abs() * 100 > pl.col("voted"))
    )
    return [
        {
            "row": row,
            "station_id": station,
            "reason": f"{voted} voted and {votes} votes, more than one point apart (inconsistencia numérica by the CNE's rule)",
            "used": True,
        }
        for row, station, voted, votes in found.select("row", "station_id", "voted", "ballots").iter_rows()
    ]


FORMAT = OfficialFormat(
    id=ID,
    authority="Consejo Nacional Electoral (CNE)",
    country="EC",
    title="Ecuador: results by junta and candidate",
    verified=False,
    detect=detect,
    parse=parse,
    statuses=_CATALOGUE.terms,
)
