"""Bolivia, general election of 20 October 2019: final cómputo and TREP of the OEP, by mesa.

Comma, UTF-8 with BOM, one row per mesa, key ``Número Mesa``; the columns as a public republication reduced them (the
final count has ``Distrito``, ``Zona`` and coordinates besides). The files have neither totals of valid votes nor
statuses: an acta is in the file or it is not. Checked against the column sums of the three files.

A file that still has the columns ``Elección`` (president and deputies are two rows of a mesa), ``Votos Válidos`` or ``Estado acta`` is
read with them; no such file was here to check that.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl

from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.rows import head, read_table

ID = "bo-oep-2019"
OPTIONS = ("CC", "FPV", "MTS", "UCS", "MAS - IPSP", "21F", "PDC", "MNR", "PAN-BOL")
_LEVELS = ("País", "Departamento", "Provincia", "Municipio", "Localidad", "Recinto")
_CONTEST, _VALID, _STATUS = "Elección", "Votos Válidos", "Estado acta"
_CATALOGUE = catalogue.load("bo-oep")
_SIGNATURE = {"Número Mesa", "Departamento", "Recinto", "Inscritos"}

_abroad = pl.col("País") != "Bolivia"
_layout = Layout(
    station_id=pl.col("Número Mesa"),
    # A recinto's name is unique only with everything above it.
    place_id=pl.concat_str(_LEVELS, separator=" / ", ignore_nulls=True),
    place=pl.col("Recinto"),
    region=pl.when(_abroad).then(pl.col("País")).otherwise(pl.col("Departamento")),
    subregion=pl.col("Municipio"),
    numbers={"registered": ("Inscritos",), "blank": ("Blancos",), "null": ("Nulos",)},
    options=OPTIONS,
    known=("Número Mesa", *_LEVELS, "Distrito", "Zona", "lat", "lon"),
)


def detect(path: Path) -> bool:
    """Whether the header has the mesa, the recinto and the registered voters by these names."""
    return set(head(path)) >= _SIGNATURE


def parse(path: Path) -> OfficialCount:
    """Parse one of the three files.

    Raises
    ------
    CotejoError
        When a column is missing or the file cannot be read.
    """
    table = read_table(path)
    require(path, table, ("Número Mesa", *_LEVELS, "Inscritos", *OPTIONS, "Blancos", "Nulos"), ID)
    more = [name for name in (_CONTEST, _VALID, _STATUS) if name in table.columns]
    layout = dataclasses.replace(
        _layout,
        contest=first_of(table.columns, _CONTEST),
        numbers={**_layout.numbers, **({"valid": (_VALID,)} if _VALID in more else {})},
        status=_STATUS if _STATUS in more else None,
        catalogue=_CATALOGUE.terms,
        known=(*_layout.known, *more),
    )
    return build(ID, FORMAT.verified and not more, table, layout)


FORMAT = OfficialFormat(
    id=ID,
    authority="Órgano Electoral Plurinacional (OEP)",
    country="BO",
    title="Bolivia 2019: TREP and final count by mesa",
    verified=True,
    detect=detect,
    parse=parse,
    statuses=_CATALOGUE.terms,
)
