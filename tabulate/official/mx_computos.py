"""Mexico, a state's own final count (*cómputos*) by casilla, XLSX or CSV, as the IEEM published the governor's election of 2023.

Title rows, then a header with ``ID_SECCION``, ``CASILLA``, the parties and combinations of parties, ``NO_REGISTRADOS``, ``NULOS``,
``VOTOS VÁLIDOS``, ``TOTAL``, ``LISTA_NOMINAL``. The casilla is in words (*BASICA*, *CONTIGUA 1*, *EXTRAORDINARIA 1 CONTIGUA 2*, *ESPECIAL 1*);
the station's id is put together as the INE does (``150937B0100``), so that it meets the PREP's. Tables of voters abroad and in
prison have no section: their name is their id.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.rows import EITHER, read_table, top
from tabulate.official.source import peek
from tabulate.official.workbook import find_header, is_workbook, read_workbook

ID = "mx-computos"
_SECTION = ("ID_SECCION", "SECCION", "SECCIÓN")
_VALID = ("VOTOS VÁLIDOS", "VOTOS VALIDOS", "VOTOS_VALIDOS", "VOTOS_VÁLIDOS")
_TOTAL = ("TOTAL", "TOTAL_VOTOS", "VOTACION_TOTAL", "VOTACIÓN TOTAL")
_UNREGISTERED = ("NO_REGISTRADOS", "NO_REGISTRADAS")
_AFTER = ("NULOS", "LISTA_NOMINAL", *_VALID, *_TOTAL)


def _is_header(names: Sequence[str]) -> bool:
    has = set(names)
    return (
        has >= {"CASILLA", "NULOS", "LISTA_NOMINAL"}
        and bool(has & set(_SECTION))
        and bool(has & set(_UNREGISTERED))
    )


def detect(path: Path) -> bool:
    """Whether a sheet, or the first records of a text, have the section, the casilla and the list by these names."""
    if is_workbook(path):
        return bool(find_header(path, _is_header))
    return _separator(path) is not None


def _separator(path: Path) -> str | None:
    if b"CASILLA" not in peek(path):  # most files are something else
        return None
    return next(
        (s for s in ",;|" if any(_is_header([n.strip() for n in r]) for r in top(path, s, EITHER))), None
    )


def parse(path: Path) -> OfficialCount:
    """Parse one office's file.

    Raises
    ------
    CotejoError
        When no header is found, a column is missing, or the file cannot be read.
    """
    if is_workbook(path):
        table = read_workbook(path, _is_header)
    else:
        table = read_table(path, _separator(path) or ",", EITHER, header=_is_header)
    columns = table.columns
    section = next(name for name in _SECTION if name in columns)
    unregistered = next(name for name in _UNREGISTERED if name in columns)
    start = columns.index("CASILLA") + 1
    options = tuple(name for name in columns[start : columns.index(unregistered)] if name not in _AFTER)
    require(path, table, options[:1] or ("an option after CASILLA",), ID)

    def given(name: str, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        return next(({name: (column,)} for column in names if column in columns), {})

    state = first_of(columns, "ID_ESTADO", "ID_ENTIDAD")
    layout = Layout(
        station_id=_station_id(state, section),
        place_id=pl.col(section),
        place=pl.col(section),
        region=first_of(columns, "MUNICIPIO", "CABECERA_DISTRITAL_LOCAL", "NOMBRE_ESTADO"),
        subregion=first_of(columns, "CABECERA_DISTRITAL_LOCAL", "ID_DISTRITO_LOCAL"),
        numbers={
            "registered": ("LISTA_NOMINAL",),
            **given("cast", _TOTAL),
            **given("valid", _VALID),
            "null": ("NULOS",),
        },
        options=(*options, unregistered),
        known=columns[:start],
    )
    return build(ID, FORMAT.verified, table, layout)


def _station_id(state: pl.Expr | None, section: str) -> pl.Expr:
    where = pl.col(section).str.strip_chars()
    name = (
        pl.col("CASILLA")
        .str.strip_chars()
        .str.to_uppercase()
        .str.replace("Á", "A")
        .str.replace_all(r"\s+", " ")
    )
    first = name.str.extract(r"^[A-Z]+ ?([0-9]+)", 1).fill_null("1").str.zfill(2)
    second = name.str.extract(r"CONTIGUA ?([0-9]+)$", 1).fill_null("0").str.zfill(2)
    key = (
        pl.when(name == "BASICA")
        .then(pl.lit("B0100"))
        .when(name.str.contains("^CONTIGUA ?[0-9]+$"))
        .then(pl.lit("C") + first + pl.lit("00"))
        .when(name.str.contains("^EXTRAORDINARIA ?[0-9]*( CONTIGUA ?[0-9]+)?$"))
        .then(pl.lit("E") + first + second)
        .when(name.str.contains("^ESPECIAL ?[0-9]*$"))
        .then(pl.lit("S") + first + pl.lit("00"))
    )
    number = (state if state is not None else pl.lit("")).str.strip_chars().str.zfill(2)
    return (
        pl.when((where != "") & key.is_not_null())
        .then(number + where.str.zfill(4) + key)
        .when((where != "") & (name != ""))
        .then(number + where.str.zfill(4) + pl.lit(" ") + pl.col("CASILLA").str.strip_chars())
        .when(name != "")
        .then(pl.col("CASILLA").str.strip_chars())
    )


FORMAT = OfficialFormat(
    id=ID,
    authority="a state's electoral institute (IEEM)",
    country="MX",
    title="Mexico: a state's cómputos by casilla",
    verified=True,
    detect=detect,
    parse=parse,
    statuses={},
)
