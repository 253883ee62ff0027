"""Bolivia since 2020: exports of the OEP's count by mesa and contest (``EG2020_…``, ``ES2021_…``, judicial 2024 and later).

One row per mesa and contest, key ``CODIGO_MESA`` + ``DESCRIPCION`` (2020: ``CANDIDATURA``). The original is ``|`` and ISO-8859-1;
republications are ``,`` or ``;`` and UTF-8, and some are called ``.xlsx`` although they are text, so the content decides. The
options are the columns between ``INSCRITOS_HABILITADOS`` and ``VOTO_VALIDO``: other parties in every department.

``VOTO_VALIDO`` and ``VOTO_EMITIDO`` are as written on the acta, the same with ``_SISTEMA`` as the system added them up. Where they
differ the row is used as written, with a note. An acta is in the export once it is computed.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.rows import EITHER, read_table, separator_of

ID = "bo-oep"
_CATALOGUE = catalogue.load("bo-oep")
_NEEDED = ("CODIGO_MESA", "INSCRITOS_HABILITADOS", "VOTO_VALIDO", "VOTO_BLANCO", "VOTO_NULO", "VOTO_EMITIDO")
_SIGNATURE = {"CODIGO_MESA", "INSCRITOS_HABILITADOS", "VOTO_BLANCO", "VOTO_NULO"}
_CONTEST = ("DESCRIPCION", "CANDIDATURA")
_STATUS = ("ESTADO", "ESTADO_ACTA", "ESTADO_MESA")
_SYSTEM = ("VOTO_VALIDO_SISTEMA", "VOTO_EMITIDO_SISTEMA")
_PLACE = re.compile(
    r"((CODIGO|NOMBRE|ID|NUMERO|NUM)_)?(PAIS|DEPARTAMENTO|PROVINCIA|SECCION|MUNICIPIO|CIRCUNSCRIPCION|LOCALIDAD|RECINTO|MESA)"
)
_TWICE = (("VOTO_VALIDO", "VOTO_VALIDO_SISTEMA"), ("VOTO_EMITIDO", "VOTO_EMITIDO_SISTEMA"))


def detect(path: Path) -> bool:
    """Whether the header has the mesa, the registered voters and the blank and null votes by these names."""
    return separator_of(path, _SIGNATURE) is not None


def parse(path: Path) -> OfficialCount:
    """Parse one export.

    Raises
    ------
    CotejoError
        When a column is missing, none is left for votes, or the file cannot be read.
    """
    table = read_table(path, separator_of(path, _SIGNATURE) or ",", EITHER)
    require(path, table, _NEEDED, ID)
    columns = table.columns
    options, before = _options(columns)
    if not options:
        raise CotejoError(f"{path} has no column of votes beside the known ones; is it the whole export?")
    place = [
        name
        for name in ("CODIGO_LOCALIDAD", "ID_LOCALIDAD", "CODIGO_RECINTO", "ID_RECINTO")
        if name in columns
    ]
    layout = Layout(
        station_id=pl.col("CODIGO_MESA"),
        contest=first_of(columns, *_CONTEST),
        place_id=pl.concat_str(place, separator="-") if place else None,
        place=first_of(columns, "NOMBRE_RECINTO", "RECINTO"),
        region=first_of(columns, "NOMBRE_DEPARTAMENTO", "DEPARTAMENTO"),
        subregion=first_of(columns, "NOMBRE_MUNICIPIO", "MUNICIPIO"),
        numbers={
            "registered": ("INSCRITOS_HABILITADOS",),
            "cast": ("VOTO_EMITIDO",),
            "valid": ("VOTO_VALIDO",),
            "blank": ("VOTO_BLANCO",),
            "null": ("VOTO_NULO",),
        },
        options=options,
        other_numbers=_SYSTEM,
        status=next((name for name in _STATUS if name in columns), None),
        catalogue=_CATALOGUE.terms,
        twice=_TWICE,
        known=before,
    )
    return build(ID, FORMAT.verified, table, layout)


def _options(columns: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns of votes, and those that say where the mesa is: by their order, or by name where the order is another."""
    start, stop = columns.index("INSCRITOS_HABILITADOS") + 1, columns.index("VOTO_VALIDO")
    place = [name for name in columns if _PLACE.fullmatch(name) or name in _CONTEST]
    after = [name for name in columns if name in {*_NEEDED[2:], *_SYSTEM}]
    usual = start < stop and all(columns.index(name) < start for name in place)
    usual = usual and all(columns.index(name) >= stop for name in after)
    if usual:  # everything before the registered voters says where the mesa is
        return columns[start:stop], columns[: start - 1]
    named = {*place, *_NEEDED, *_SYSTEM, *_STATUS}
    return tuple(name for name in columns if name not in named), tuple(place)


FORMAT = OfficialFormat(
    id=ID,
    authority="Órgano Electoral Plurinacional (OEP)",
    country="BO",
    title="Bolivia since 2020: exports of the count by mesa and contest",
    verified=True,
    detect=detect,
    parse=parse,
    statuses=_CATALOGUE.terms,
)
