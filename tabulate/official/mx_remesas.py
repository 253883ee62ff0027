"""Mexico, INE quick count: *remesas*, what has arrived of the sample (``REMESAS0100012200.txt``, election of 1 July 2018).

``|``; line 1 is the number of rows, line 2 the header. One row per casilla. The columns of votes are those of the parties, of each
combination of a coalition, then ``CNR`` (not registered), ``NULOS`` and ``TOTAL``; after them the same votes added up for each candidate,
whose columns the file gives as well. An independent candidate has a column only there. The capture time is in six columns.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError
from tabulate.official.base import OfficialCount, OfficialFormat
from tabulate.official.layout import Layout, build, first_of, require
from tabulate.official.rows import EITHER, read_table, top

ID = "mx-remesas"
_SIGNATURE = {"SECCION", "TIPO_CASILLA", "LISTA_NOMINAL", "CNR", "NULOS", "TOTAL"}
_TIME = ("ANIO", "MES", "DIA", "HORA", "MINUTOS", "SEGUNDOS")
_BEFORE = (
    "SECCION",
    "TIPO_CASILLA",
    "ID_CASILLA",
    "EXT_CONTIGUA",
    "TIPO_SECCION",
    "LISTA_NOMINAL",
    "ID_MUNICIPIO",
    "ID_DIST_LOC",
    "ID_ESTRATO_F",
    "ESTRATO_F",
    "ID_ESTRATO_L",
    "ESTRATO_L",
    "ID_AREA_RESPONSABILIDAD",
)


def _is_header(names: Sequence[str]) -> bool:
    return set(names) >= _SIGNATURE


def detect(path: Path) -> bool:
    """Whether one of the first two records is the header of a remesa."""
    return any(_is_header([n.strip() for n in record]) for record in top(path, "|", EITHER, 2))


def parse(path: Path) -> OfficialCount:
    """Parse one remesa. Its number of rows is held against line 1.

    Raises
    ------
    CotejoError
        When a column is missing, the columns stand in another order, or the file cannot be read.
    """
    table = read_table(path, "|", EITHER, header=_is_header)
    columns = table.columns
    state = next((name for name in columns if name.upper() == "ID_ESTADO"), "ID_ESTADO")
    require(path, table, (state, "ID_CASILLA", "EXT_CONTIGUA", *sorted(_SIGNATURE)), ID)
    start = 1 + max(columns.index(name) for name in _BEFORE if name in columns)
    options = columns[start : columns.index("CNR") + 1]
    tail = [columns.index(name) for name in ("CNR", "NULOS", "TOTAL")]
    if len(options) < 2 or tail != sorted(tail) or not {state, *_TIME}.isdisjoint(options):
        raise CotejoError(
            f"{path} has its columns in another order than the INE's, so that votes by party cannot be told from those by "
            "candidate; name them in a mapping (FILE.toml)."
        )
    after = columns[columns.index("TOTAL") + 1 :]
    candidates = after[: next((i for i, name in enumerate(after) if name in _TIME), 0)]
    part = {name: pl.col(name).str.strip_chars() for name in columns}
    layout = Layout(
        station_id=pl.concat_str(
            [
                part[state].str.zfill(2),
                part["SECCION"].str.zfill(4),
                part["TIPO_CASILLA"],
                part["ID_CASILLA"].str.zfill(2),
                part["EXT_CONTIGUA"].str.zfill(2),
            ]
        ),
        place_id=pl.concat_str([state, "SECCION"], separator="-"),
        place=pl.col("SECCION"),
        region=pl.col(state),
        subregion=first_of(columns, "ID_DISTRITO_FEDERAL"),
        numbers={"registered": ("LISTA_NOMINAL",), "cast": ("TOTAL",), "null": ("NULOS",)},
        options=options,
        other_numbers=candidates,
        known=(*_BEFORE, *_TIME, state, "ID_DISTRITO_FEDERAL", "ORIGEN_CAPTURA", "MODIFICADO"),
    )
    count = build(ID, FORMAT.verified, table, layout)
    behind, alone = coalitions(count.raw, tuple(options), tuple(candidates))
    if alone:
        others = tuple(name for name in candidates if name not in alone)
        layout = dataclasses.replace(layout, options=(*options, *alone), other_numbers=others)
        count = build(ID, FORMAT.verified, table, layout)
    count = dataclasses.replace(count, tickets=behind)
    declared = table.preamble[0][0].strip() if table.preamble else ""
    rows = count.raw.height
    if declared == str(rows):
        return dataclasses.replace(count, summary={"declared": declared})
    reason = f"line 1 declares {declared or 'no number of'} rows, the file has {rows}"
    return dataclasses.replace(
        count,
        summary={"declared": declared},
        problems=[{"row": 1, "station_id": "", "reason": reason, "used": True}, *count.problems],
    )


def coalitions(
    raw: pl.DataFrame, options: tuple[str, ...], candidates: tuple[str, ...]
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Who is behind the columns of votes, as the file's own sums have it.

    Parties that share a combination's column are of one coalition; a coalition is the candidate's whose column is the sum of its columns in most
    rows. A candidate without a coalition is an independent if the sheets' totals need the votes of all such candidates in most rows.

    Returns
    -------
    tuple
        Candidate -> options; and the independents.
    """
    numbers = raw.select(
        pl.col(n).str.strip_chars().cast(pl.Int64, strict=False)
        for n in (*options, *candidates, "NULOS", "TOTAL")
    )

    def holds(columns: Sequence[str], total: str) -> int:
        return int(
            numbers.select((pl.sum_horizontal(columns, ignore_nulls=False) == pl.col(total)).sum()).item()
        )

    groups: list[set[str]] = []
    for option in options:
        parties = set(option.split("_"))
        joined = [g for g in groups if g & parties]
        groups = [g for g in groups if not g & parties] + [parties.union(*joined)]
    columns = [tuple(o for o in options if set(o.split("_")) <= group) for group in groups]
    behind = {}
    for name in candidates:
        fits = max(columns, key=lambda c: holds(c, name), default=())
        if 2 * holds(fits, name) > raw.height:
            behind[name] = fits
    alone = tuple(name for name in candidates if name not in behind)
    needed = holds((*options, *alone, "NULOS"), "TOTAL") if alone else 0
    return behind, alone if 2 * needed > raw.height else ()


FORMAT = OfficialFormat(
    id=ID,
    authority="Instituto Nacional Electoral (INE)",
    country="MX",
    title="Mexico: remesas of the quick count, by casilla of the sample",
    verified=True,
    detect=detect,
    parse=parse,
    statuses={},
)
