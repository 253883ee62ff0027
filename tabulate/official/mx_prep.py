"""Mexico, PREP: the preliminary count of the INE (federal 2012 to 2024) and of states that the INE ran it for.

A few lines above the header say what is counted, when the file was cut, and the authority's figures about the whole; the
header is the first record with ``SECCION``, ``LISTA_NOMINAL`` and ``CONTABILIZADA``. ``|`` or ``,``; UTF-8 or Latin-1; CSV, zip or
tar.gz. Columns drift from year to year (LEEME files of 2012, 2015, Coahuila 2017, 2018 and 2021), so they are known by
name, and the options are whatever stands between the numbers about the ballots and ``NO_REGISTRADOS``.

* ``Ilegible``, ``Sin dato``, ``-`` and the like stand *inside* the columns of votes. They count as zero and are kept apart.
* ``CONTABILIZADA`` alone says whether an acta is counted; ``OBSERVACIONES`` says why not, several causes in one text.
* A station that was never captured has a row that ends before its votes, or no ``CONTABILIZADA``.
* An acta that no approved station is known for (*fuera de catálogo*, *no identificada*) belongs to no station.
* Special stations have no list; theirs is 0.

The station's id is ``CLAVE_CASILLA``, put together by the LEEME's rule where the file has no such column.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl

from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat, Problem, Status
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.mx_coalitions import tickets
from tabulate.official.mx_prep_check import check
from tabulate.official.rows import EITHER, Table, read_table, top
from tabulate.official.source import peek

ID, LOCAL = "mx-prep", "mx-prep-local"
_YEAR = re.compile(r"\b20[0-9][0-9]\b")
_CATALOGUES = [catalogue.load(name) for name in catalogue.names() if name.startswith("mx-prep-")]
TERMS: dict[str, Status] = {term: status for known in _CATALOGUES for term, status in known.terms.items()}

MARKERS = {
    "ilegible": "illegible",
    "no legible": "illegible",
    "inconsistente": "illegible",  # figures and words differ: no number that can be used
    "sin dato": "blank",
    "sin acta": "absent",
    "-": "absent",
    "n/a": "absent",
    "no aplica": "absent",
}
_SIGNATURE = {"SECCION", "LISTA_NOMINAL", "OBSERVACIONES", "CONTABILIZADA"}
_PLACE = (
    "CLAVE_CASILLA",
    "CLAVE_ACTA",
    "ID_ESTADO",
    "ESTADO",
    "ID_ENTIDAD",
    "ENTIDAD",
    "ID_DISTRITO",
    "DISTRITO",
    "ID_DISTRITO_FEDERAL",
    "DISTRITO_FEDERAL",
    "ID_DISTRITO_LOCAL",
    "DISTRITO_LOCAL",
    "ID_MUNICIPIO",
    "MUNICIPIO",
    "SECCION",
    "ID_CASILLA",
    "TIPO_CASILLA",
    "EXT_CONTIGUA",
    "UBICACION_CASILLA",
    "TIPO_ACTA",
)
_VOTED = ("TOTAL_PERSONAS_VOTARON", "TOTAL_CIUDADANOS_VOTARON", "PERSONAS_VOTARON")
_CAST = ("TOTAL_VOTOS_SACADOS", "NUM_BOLETAS_EXTRAIDAS", "VOTOS_SACADOS")
_BALLOTS = (
    *_VOTED,
    *_CAST,
    "NUM_BOLETAS_SOBRANTES",
    "TOTAL_BOLETAS_SOBRANTES",
    "BOLETAS_SOBRANTES",
    "TOTAL_REP_PARTIDO_CI_VOTARON",
    "REPRESENTANTES_P_VOTARON",
    "CODIGOS_ENTREGADOS_PMDC",
    "CODIGOS_SOBRANTES",
    "CODIGOS_SONBRANTES",
    "CODIGOS_UTILIZADOS",
)
_UNREGISTERED = ("NO_REGISTRADOS", "NO_REGISTRADAS")
_TOTALS = ("TOTAL_VOTOS", "TOTAL_VOTOS_ASENTADO", "TOTAL_VOTOS_CALCULADO", "TOTAL_VOTOS_CALCULADOS")
_AFTER = (
    "CRYT",
    "MECANISMOS_TRASLADO",
    "SHA",
    "CODIGO_INTEGRIDAD",
    "HORA_ACOPIO",
    "HORA_CAPTURA",
    "HORA_REGISTRO",
    "FECHA_ACOPIO",
    "FECHA_HORA_ACOPIO",
    "FECHA_HORA_CAPTURA",
    "FECHA_HORA_REGISTRO",
    "FECHA_HORA_VERIFICACION",
    "ORIGEN",
    "DIGITALIZACION",
    "TIPO_DOCUMENTO",
    "COTEJO",
    "COTEJADA",
)
_OFFICE = {
    # TIPO_ACTA: years with a presidential election number the printed actas of all offices (LEEME 2012 and 2018) …
    True: {
        "1": "Presidencia",
        "2": "Presidencia",
        "3": "Senadurías",
        "4": "Senadurías",
        "5": "Senadurías RP",
        "6": "Diputaciones",
        "7": "Diputaciones",
        "8": "Diputaciones RP",
        "18": "Senadurías",
    },
    # … the years between only those of the deputies (LEEME 2015).
    False: {"2": "Diputaciones", "3": "Diputaciones", "4": "Diputaciones RP"},
}


def _is_header(names: Sequence[str]) -> bool:
    return set(names) >= _SIGNATURE


def _separator(path: Path) -> str | None:
    return _sniff(path, peek(path))[0]


@lru_cache(maxsize=4)
def _sniff(path: Path, start: bytes) -> tuple[str | None, tuple[str, ...]]:
    """Separator and header of a PREP; (None, ()) if this is none. Both formats ask."""
    if b"CONTABILIZADA" not in start:
        return None, ()
    for separator in "|,":
        for record in top(path, separator, EITHER):
            if _is_header(names := tuple(name.strip() for name in record)):
                return separator, names
    return None, ()


def _has_registration(path: Path) -> bool | None:
    """Whether the header has FECHA_HORA_REGISTRO, as the states' files do; None if this is no PREP at all."""
    separator, header = _sniff(path, peek(path))
    return None if separator is None else "FECHA_HORA_REGISTRO" in header


def _parse(path: Path, format_id: str, verified: bool) -> OfficialCount:
    """Parse the count of one office.

    Raises
    ------
    CotejoError
        When a column is missing, no column holds votes, or the file cannot be read.
    """
    table = read_table(path, _separator(path) or "|", EITHER, header=_is_header)
    columns = table.columns
    unregistered = next((name for name in _UNREGISTERED if name in columns), "NO_REGISTRADOS")
    require(path, table, ("SECCION", "TIPO_CASILLA", unregistered, "NULOS", "LISTA_NOMINAL"), ID)
    stop = columns.index(unregistered)
    start = 1 + max(columns.index(name) for name in (*_PLACE, *_BALLOTS) if name in columns[:stop])
    options = columns[start : stop + 1]
    blank = pl.col("CONTABILIZADA").str.strip_chars().is_in(["", "-"])
    outside = (
        pl.col("OBSERVACIONES").str.to_lowercase().str.contains("fuera de cat[aá]logo|no identificad")
        & (pl.col("CONTABILIZADA").str.strip_chars() != "1")
    ).fill_null(False)
    if "CLAVE_CASILLA" in columns:
        outside |= (pl.col("CLAVE_CASILLA").str.strip_chars() == "-").fill_null(False)

    def given(name: str, *columns_of_it: str) -> dict[str, tuple[str, ...]]:
        return next(({name: (column,)} for column in columns_of_it if column in columns), {})

    layout = Layout(
        station_id=_station_id(columns),
        contest=_contest(columns, table.preamble),
        place_id=pl.concat_str(
            [name for name in ("ID_ESTADO", "ID_ENTIDAD", "SECCION") if name in columns], separator="-"
        ),
        place=pl.col("SECCION"),
        region=first_of(columns, "ESTADO", "ENTIDAD", "ID_ESTADO"),
        subregion=first_of(
            columns, "MUNICIPIO", "DISTRITO_LOCAL", "DISTRITO_FEDERAL", "DISTRITO", "ID_DISTRITO_FEDERAL"
        ),
        numbers={
            "registered": ("LISTA_NOMINAL",),
            **given("voted", *_VOTED),
            **given("cast", *_CAST),
            "null": ("NULOS",),
        },
        options=options,
        status="OBSERVACIONES",
        counted="CONTABILIZADA",
        markers=MARKERS,
        twice=tuple(("TOTAL_VOTOS_ASENTADO", name) for name in _TOTALS[2:] if name in columns),
        # Everything up to the votes, and nothing more: what was keyed about the ballots, if anything, is no acta.
        without_acta=(pl.col(options[0]).is_null() & pl.col(columns[start - 1]).is_not_null()) | blank,
        aside=outside,
        other_numbers=(*_BALLOTS, *_TOTALS, "CONTABILIZADA", "REPRESENTANTES_PP_CI"),
        known=(*_PLACE, *_AFTER),
    )
    count = build(format_id, verified, table, layout)
    return _finish(count, table)


def _finish(count: OfficialCount, table: Table) -> OfficialCount:
    """Add the authority's own figures, what contradicts them, and which options are one candidate's."""
    title, cut = (
        _title(table.preamble),
        next((r[0].strip() for r in table.preamble if _YEAR.search(r[0])), ""),
    )
    summary = {name: text for name, text in (("TIPO", title), ("CORTE", cut)) if text}
    for names, values in zip(table.preamble, table.preamble[1:], strict=False):
        if any(name.strip() in ("ACTAS_ESPERADAS", "ACTAS_CAPTURADAS") for name in names):
            summary |= {name.strip(): value.strip() for name, value in zip(names, values, strict=False)}
    problems: list[Problem] = [*check(count, summary), *_unknown_words(count)]
    return dataclasses.replace(
        count,
        summary=summary,
        problems=sorted([*count.problems, *problems], key=lambda p: (p["row"], p["reason"])),
        tickets=tickets(count.options, table.beside or {}),
    )


def _station_id(columns: tuple[str, ...]) -> pl.Expr:
    """CLAVE_CASILLA, or the same put together: state (2 digits), section (4), type, number (2), contiguous (2)."""
    if "CLAVE_CASILLA" in columns:  # 2024 writes an apostrophe before codes, for spreadsheets
        return pl.col("CLAVE_CASILLA").str.strip_chars().str.strip_chars_start("'")
    state = next((name for name in ("ID_ESTADO", "ESTADO") if name in columns), None)
    kind, number, extra = (
        pl.col(name).str.strip_chars() for name in ("TIPO_CASILLA", "ID_CASILLA", "EXT_CONTIGUA")
    )
    joined = kind.str.extract(
        "^E([0-9]+)C$", 1
    )  # Coahuila writes E1C for the contiguous of the first extraordinary
    basic = kind == "B"
    parts = [
        pl.col(state).str.strip_chars().str.zfill(2) if state else pl.lit("00"),
        pl.col("SECCION").str.strip_chars().str.zfill(4),
        pl.when(joined.is_not_null()).then(pl.lit("E")).otherwise(kind),
        pl.coalesce(joined, pl.when(basic & (number == "")).then(pl.lit("1")).otherwise(number)).str.zfill(2),
        pl.when(joined.is_not_null()).then(number).otherwise(extra.fill_null("")).str.zfill(2),
    ]
    return pl.when(pl.col("SECCION").str.strip_chars() != "").then(pl.concat_str(parts))


def _title(preamble: Sequence[Sequence[str]]) -> str:
    """The office, where a line above the header has it."""
    alone = [record[0].strip() for record in preamble if len(record) == 1]
    return next((text for text in alone if text and not any(c.isdigit() for c in text)), "")


def _contest(columns: tuple[str, ...], preamble: Sequence[Sequence[str]]) -> pl.Expr | None:
    """The office: as a line above the header says, else by the type of acta. Proportional actas are a contest of their own."""
    title = _title(preamble)
    if "TIPO_ACTA" not in columns:
        return pl.lit(title) if title else None
    year = next(
        (int(found.group()) for record in preamble if (found := _YEAR.search(" ".join(record)))), 2018
    )
    offices = _OFFICE[year % 6 == 2]
    if title:
        offices = {
            code: f"{title} RP" if office.endswith(" RP") else title for code, office in offices.items()
        }
    code = pl.col("TIPO_ACTA").str.strip_chars().str.strip_chars_start("'").str.strip_chars_start("0")
    return code.replace_strict(offices, default=title)


def causes(text: str) -> tuple[tuple[str, ...], str]:
    """The catalogue's terms in one text of OBSERVACIONES, longest first, and what is left of it unknown."""
    found, rest = [], f" {text.lower()} "
    for term in sorted(TERMS, key=len, reverse=True):
        if re.search(rf"(?<!\w){re.escape(term)}(?!\w)", rest):
            found.append(TERMS[term].term)
            rest = re.sub(rf"(?<!\w){re.escape(term)}(?!\w)", " ", rest)
    return tuple(found), re.sub(r"[\s,;:()|/-]+|(?<!\w)[yo](?!\w)", " ", rest).strip()


def _unknown_words(count: OfficialCount) -> list[Problem]:
    problems: list[Problem] = []
    for text, rows in count.statuses.get("OBSERVACIONES", {}).items():
        if causes(text)[1]:
            reason = f"OBSERVACIONES: {text[:80]!r} ({rows} rows) has words that are not in the catalogue"
            problems.append({"row": 1, "station_id": "", "reason": reason, "used": True})
    return problems


_AUTHORITY = "Instituto Nacional Electoral (INE, until 2014 IFE)"
FORMATS = (
    OfficialFormat(
        id=ID,
        authority=_AUTHORITY,
        country="MX",
        title="Mexico: federal PREP by acta, 2012 to 2024",
        verified=False,
        detect=lambda path: _has_registration(path) is False,
        parse=lambda path: _parse(path, ID, False),
        statuses=TERMS,
    ),
    OfficialFormat(
        id=LOCAL,
        authority=_AUTHORITY,
        country="MX",
        title="Mexico: PREP of a state by acta, as Coahuila's of 2017",
        verified=True,
        detect=lambda path: _has_registration(path) is True,
        parse=lambda path: _parse(path, LOCAL, True),
        statuses=TERMS,
    ),
)
