"""Chile, SERVEL: final results by mesa, XLSX with title rows (or the same as CSV), one row per mesa and candidate.

``Circ. Electoral``, ``Local``, ``Nro. Mesa``, ``Tipo Mesa``, ``Mesas Fusionadas``, ``Electores``, ``Candidato``, ``Votos TRICEL`` (or ``Votos TER``); *VOTOS
NULOS* and *VOTOS EN BLANCO* stand among the candidates. A mesa's number is unique within its electoral circumscription and type.
Built from the published layout and from public programs that read it; never checked on a real file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import first_of, require
from tabulate.official.long import LongLayout, build_long
from tabulate.official.rows import EITHER, read_table, top
from tabulate.official.source import peek
from tabulate.official.workbook import find_header, is_workbook, read_workbook

ID = "cl-servel"
_VOTES = ("Votos TRICEL", "Votos TER", "Votos")
_MESA = ("Nro. Mesa", "Nro.Mesa", "Mesa")
_TYPE = ("Tipo Mesa", "Tipo mesa")
_CIRCUMSCRIPTION = (
    "Circ. Electoral",
    "Circ.Electoral",
    "Circunscripción Electoral",
    "Circunscripcion Electoral",
)


def _is_header(names: Sequence[str]) -> bool:
    has = set(names)
    return "Candidato" in has and all(has & set(group) for group in (_VOTES, _MESA, _CIRCUMSCRIPTION))


def _separator(path: Path) -> str | None:
    if b"Candidato" not in peek(path):  # most files are something else
        return None
    return next(
        (s for s in ";,|" if any(_is_header([n.strip() for n in r]) for r in top(path, s, EITHER))), None
    )


def detect(path: Path) -> bool:
    """Whether a sheet, or the first records of a text, have the mesa, the candidate and the votes by these names."""
    if is_workbook(path):
        return bool(find_header(path, _is_header))
    return _separator(path) is not None


def parse(path: Path) -> OfficialCount:
    """Parse one office's file.

    Raises
    ------
    CotejoError
        When no header is found, it holds more options than fit, or the file cannot be read.
    """
    if is_workbook(path):
        table = read_workbook(path, _is_header)
    else:
        table = read_table(path, _separator(path) or ";", EITHER, header=_is_header)
    columns = table.columns
    one = {
        group: next((name for name in group if name in columns), group[0])
        for group in (_VOTES, _MESA, _CIRCUMSCRIPTION)
    }
    require(path, table, tuple(one.values()), ID)
    who = pl.col("Candidato").str.strip_chars()
    word = who.str.to_uppercase()
    kind = first_of(columns, *_TYPE)
    mesa = pl.col(one[_MESA]).str.strip_chars()
    if kind is not None:
        mesa = mesa + kind.str.strip_chars()
    layout = LongLayout(
        station_id=pl.concat_str([pl.col(one[_CIRCUMSCRIPTION]).str.strip_chars(), mesa], separator=" / "),
        option=pl.when(word.str.contains(r"^(VOTOS )?NULOS?$"))
        .then(pl.lit("null"))
        .when(word.str.contains(r"^(VOTOS )?(EN )?BLANCOS?$"))
        .then(pl.lit("blank"))
        .when(who != "")
        .then(who),
        votes=one[_VOTES],
        place_id=pl.concat_str(
            [name for name in (one[_CIRCUMSCRIPTION], "Local") if name in columns], separator=" / "
        ),
        place=first_of(columns, "Local"),
        region=first_of(columns, "Región", "Region"),
        subregion=first_of(columns, "Comuna"),
        numbers={"registered": "Electores"} if "Electores" in columns else {},
    )
    return build_long(ID, FORMAT.verified, path, table, layout)


FORMAT = OfficialFormat(
    id=ID,
    authority="Servicio Electoral (SERVEL), Tribunal Calificador de Elecciones (TRICEL)",
    country="CL",
    title="Chile: results by mesa and candidate",
    verified=False,
    detect=detect,
    parse=parse,
    statuses={},
)
