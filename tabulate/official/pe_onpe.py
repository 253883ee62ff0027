"""Peru, ONPE: results by mesa, as scraped in 2021 and as ONPE's own open data.

=====================  ==============================================================================================
``pe-onpe-actas``      scrape of the site by acta, ``num_mesa``, ``observacion``, ``votos_…``; comma, UTF-8, literal ``NA``
``pe-onpe-ronderos``   scrape by ronderos.pe, ``mesa``, ``v1_…`` (first round) or ``v2_…`` (run-off)
``pe-onpe-open-data``  ONPE's open data since 2011, ``MESA_DE_VOTACION``, ``N_CVAS``, ``VOTOS_VB``; ``;``, Latin-1 or UTF-8
=====================  ==============================================================================================

A mesa's number has six digits everywhere in ONPE's papers; where a file has lost the zeros they are put back, so that files
can be joined. ``num_votos``, ``TOT_CIUDADANOS_VOTARON`` and ``N_CVAS`` are the people who voted, as written on the acta. An acta that
the jury annulled is counted, all its votes as null votes.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.rows import EITHER, head, read_table, separator_of

_DIGITS = 6
_ACTAS, _OPEN = catalogue.load("pe-onpe-2021"), catalogue.load("pe-onpe-open-data")
_MISSING = {"na": "absent"}
"""The scrapes write NA where the site gave no number, without saying why."""

_SCRAPED = (
    "num_mesa",
    "observacion",
    "num_electores",
    "num_votos",
    "votos_blanco",
    "votos_nulos",
    "votos_impugnados",
)
_RONDEROS = re.compile(r"(v[12])_(OBSERVACION|CCODI_UBIGEO)")
_OPEN_SIGNATURE = {"MESA_DE_VOTACION", "N_CVAS", "VOTOS_VB", "VOTOS_VN"}


def _text(name: str) -> pl.Expr:
    """A text column, null where the scrape found nothing."""
    return pl.when(pl.col(name) != "NA").then(pl.col(name))


def _is_scrape(path: Path) -> bool:
    return set(head(path)) >= {"num_mesa", "observacion", "num_electores"}


def _parse_scrape(path: Path) -> OfficialCount:
    """Parse a scrape by acta.

    Raises
    ------
    CotejoError
        When a column is missing, none holds votes, or the file cannot be read.
    """
    table = read_table(path)
    require(path, table, _SCRAPED, "pe-onpe-actas")
    options = tuple(name for name in table.columns if name.startswith("votos_") and name not in _SCRAPED)
    _some(path, options, "votos_…")
    layout = Layout(
        station_id=pl.col("num_mesa").str.strip_chars().str.zfill(_DIGITS),
        place_id=pl.concat_str([_text("ubigeo"), _text("local")], separator=" / ")
        if {"ubigeo", "local"} <= set(table.columns)
        else None,
        place=_text("local") if "local" in table.columns else None,
        region=first_of(table.columns, "departamento"),
        subregion=first_of(table.columns, "distrito"),
        numbers={
            "registered": ("num_electores",),
            "voted": ("num_votos",),
            "blank": ("votos_blanco",),
            "null": ("votos_nulos",),
        },
        options=options,
        other_numbers=("votos_impugnados",),
        status="observacion",
        also_status=("observacion_detalle",) if "observacion_detalle" in table.columns else (),
        catalogue=_ACTAS.terms,
        markers=_MISSING,
        known=(
            "num_mesa",
            "ubigeo",
            "departamento",
            "provincia",
            "distrito",
            "local",
            "num_resoluciones",
            "descargado",
        ),
    )
    return build("pe-onpe-actas", True, table, layout)


def _is_ronderos(path: Path) -> bool:
    columns = head(path)
    return "mesa" in columns and any(_RONDEROS.fullmatch(name) for name in columns)


def _parse_ronderos(path: Path) -> OfficialCount:
    """Parse a table of ronderos.pe.

    Raises
    ------
    CotejoError
        When a column is missing, none holds votes, or the file cannot be read.
    """
    table = read_table(path)
    found = [match.group(1) for name in table.columns if (match := _RONDEROS.fullmatch(name))]
    v = found[0] if found else "v2"
    names = ("TOT_CIUDADANOS_VOTARON", "emitidos", "validos", "blanco", "impugnados", "nulos", "NNUME_HABILM")
    voted, cast, valid, blank, challenged, null, registered = (f"{v}_{name}" for name in names)
    status, detail = f"{v}_OBSERVACION", f"{v}_OBSERVACION_TXT"
    require(path, table, ("mesa", cast, blank, null, registered, status), "pe-onpe-ronderos")
    has = set(table.columns)
    # The options have names in lower case, ONPE's own fields in upper case.
    options = tuple(
        name
        for name in table.columns
        if name.startswith(f"{v}_")
        and name[3:].islower()
        and name not in (cast, valid, blank, challenged, null)
    )
    _some(path, options, f"{v}_…")
    place = [f"{v}_{name}" for name in ("CCODI_UBIGEO", "TNOMB_LOCAL", "TDIRE_LOCAL") if f"{v}_{name}" in has]
    texts = (
        "CCODI_UBIGEO",
        "DEPARTAMENTO",
        "PROVINCIA",
        "DISTRITO",
        "TDIRE_LOCAL",
        "TNOMB_LOCAL",
        "CCOPIA_ACTA",
        "N_CANDIDATOS",
        "CCENT_COMPU",
    )
    layout = Layout(
        station_id=pl.col("mesa"),
        id_digits=_DIGITS,
        place_id=pl.concat_str(place, separator=" / ") if place else None,
        place=first_of(table.columns, f"{v}_TNOMB_LOCAL"),
        region=first_of(table.columns, f"{v}_DEPARTAMENTO"),
        subregion=first_of(table.columns, f"{v}_DISTRITO"),
        numbers={
            name: (column,)
            for name, column in (
                ("registered", registered),
                ("voted", voted),
                ("cast", cast),
                ("valid", valid),
                ("blank", blank),
                ("null", null),
            )
            if column in has
        },
        options=options,
        other_numbers=(challenged,),
        status=status,
        also_status=(detail,) if detail in has else (),
        catalogue=_ACTAS.terms,
        markers=_MISSING,
        known=("rowid", "mesa", *(f"{v}_{name}" for name in texts)),
    )
    return build("pe-onpe-ronderos", True, table, layout)


def _is_open_data(path: Path) -> bool:
    return separator_of(path, _OPEN_SIGNATURE, EITHER, ";,|\t") is not None


def _parse_open_data(path: Path) -> OfficialCount:
    """Parse a file of ONPE's open data by mesa.

    Raises
    ------
    CotejoError
        When a column is missing, none holds votes, or the file cannot be read.
    """
    table = read_table(path, separator_of(path, _OPEN_SIGNATURE, EITHER, ";,|\t") or ";", EITHER)
    registered = next(
        (name for name in ("N_ELEC_HABIL", "NELEC_HABIL") if name in table.columns), "N_ELEC_HABIL"
    )
    needed = ("MESA_DE_VOTACION", "N_CVAS", registered, "VOTOS_VB", "VOTOS_VN")
    require(path, table, needed, "pe-onpe-open-data")
    columns = table.columns
    start = max(columns.index("N_CVAS"), columns.index(registered)) + 1
    # 2021: VOTOS_P1, VOTOS_P2, …; 2016: the parties' names.
    options = tuple(name for name in columns[start : columns.index("VOTOS_VB")] if name not in needed)
    _some(path, options, "votes between the registered voters and VOTOS_VB")
    status = next((name for name in ("DESCRIP_ESTADO_ACTA", "ESTADO_ACTA") if name in columns), None)
    layout = Layout(
        station_id=pl.col("MESA_DE_VOTACION"),
        id_digits=_DIGITS,
        contest=first_of(columns, "TIPO_ELECCION"),
        place_id=first_of(columns, "UBIGEO"),
        place=first_of(columns, "DISTRITO"),
        region=first_of(columns, "DEPARTAMENTO"),
        subregion=first_of(columns, "DISTRITO"),
        numbers={
            "registered": (registered,),
            "voted": ("N_CVAS",),
            "blank": ("VOTOS_VB",),
            "null": ("VOTOS_VN",),
        },
        options=options,
        other_numbers=("VOTOS_VI",),
        status=status,
        also_status=("TIPO_OBSERVACION",) if "TIPO_OBSERVACION" in columns else (),
        catalogue=_OPEN.terms,
        markers=_MISSING,
        known=(
            "MESA_DE_VOTACION",
            "UBIGEO",
            "AMBITO",
            "DEPARTAMENTO",
            "PROVINCIA",
            "DISTRITO",
            "TIPO_ELECCION",
        ),
    )
    return build("pe-onpe-open-data", False, table, layout)


def _some(path: Path, options: tuple[str, ...], what: str) -> None:
    if not options:
        raise CotejoError(f"{path} has no column of an option ({what}); is it the whole file?")


_AUTHORITY = "Oficina Nacional de Procesos Electorales (ONPE)"
FORMATS = (
    OfficialFormat(
        id="pe-onpe-actas",
        authority=_AUTHORITY,
        country="PE",
        title="Peru: scrape of ONPE's site by acta, with statuses",
        verified=True,
        detect=_is_scrape,
        parse=_parse_scrape,
        statuses=_ACTAS.terms,
    ),
    OfficialFormat(
        id="pe-onpe-ronderos",
        authority=_AUTHORITY,
        country="PE",
        title="Peru: table of ronderos.pe by mesa",
        verified=True,
        detect=_is_ronderos,
        parse=_parse_ronderos,
        statuses=_ACTAS.terms,
    ),
    OfficialFormat(
        id="pe-onpe-open-data",
        authority=_AUTHORITY,
        country="PE",
        title="Peru: ONPE's open data by mesa, 2011 and later",
        verified=False,
        detect=_is_open_data,
        parse=_parse_open_data,
        statuses=_OPEN.terms,
    ),
)
