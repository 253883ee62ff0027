"""The figures that a PREP states about the whole, held against the rows under them."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tabulate.official.base import OfficialCount, Problem


def check(count: OfficialCount, summary: Mapping[str, str]) -> list[Problem]:
    """What does not agree, one note each.

    Parameters
    ----------
    summary
        The lines above the header: name -> text. ``ACTAS_ESPERADAS``, ``ACTAS_CAPTURADAS``, ``ACTAS_POR_CAPTURAR`` (2012 and 2015),
        ``ACTAS_CONTABILIZADAS``, ``ACTAS_NO_CONTABILIZADAS``, ``LISTA_NOMINAL_ACTAS_CONTABILIZADAS``, ``TOTAL_VOTOS_C_CS`` and
        ``TOTAL_VOTOS_S_CS`` (with and without the special stations) are looked at.
    """
    said = {name: _number(text) for name, text in summary.items()}
    marks = count.raw.select(
        counted=pl.col("CONTABILIZADA").str.strip_chars(), kind=pl.col("TIPO_CASILLA").str.strip_chars()
    )
    outside = count.raw.height - count.counts.height
    captured = int(marks["counted"].is_in(["0", "1"]).sum())
    counted = int((marks["counted"] == "1").sum())
    expected = said.get("ACTAS_ESPERADAS")
    if expected is None and {"ACTAS_CAPTURADAS", "ACTAS_POR_CAPTURAR"} <= set(said):
        expected = (said["ACTAS_CAPTURADAS"] or 0) + (said["ACTAS_POR_CAPTURAR"] or 0)
    # Whether actas outside the catalogue are among those captured differs from year to year; either is taken.
    found = [
        ("ACTAS_ESPERADAS", expected, {count.counts.height, count.raw.height}),
        ("ACTAS_CAPTURADAS", said.get("ACTAS_CAPTURADAS"), {captured, captured - outside}),
        ("ACTAS_CONTABILIZADAS", said.get("ACTAS_CONTABILIZADAS"), {counted}),
        (
            "ACTAS_NO_CONTABILIZADAS",
            said.get("ACTAS_NO_CONTABILIZADAS"),
            {captured - counted, captured - counted - outside},
        ),
    ]
    rows = count.raw.filter(marks["counted"] == "1")
    kinds = marks["kind"].filter(marks["counted"] == "1")
    total = next(
        (name for name in ("TOTAL_VOTOS_CALCULADO", "TOTAL_VOTOS_CALCULADOS") if name in count.columns), None
    )
    if total:
        votes = rows[total].str.strip_chars().cast(pl.Int64, strict=False)
        with_, without = int(votes.sum()), int(votes.filter(kinds != "S").sum())
        found += [
            ("TOTAL_VOTOS_C_CS", said.get("TOTAL_VOTOS_C_CS"), {with_}),
            ("TOTAL_VOTOS_S_CS", said.get("TOTAL_VOTOS_S_CS"), {without}),
        ]
    listed = int(rows["LISTA_NOMINAL"].str.strip_chars().cast(pl.Int64, strict=False).sum())
    name = "LISTA_NOMINAL_ACTAS_CONTABILIZADAS"
    found.append((name, said.get(name), {listed}))
    problems: list[Problem] = [
        _note(f"the file's own {name} is {value}, its rows make {min(ours)}")
        for name, value, ours in found
        if value is not None and value not in ours
    ]
    return problems + _without_a_number(count)


def _without_a_number(count: OfficialCount) -> list[Problem]:
    """Counted actas without any legible number of votes, which the rules do not count (Anexo 13, numeral 26)."""
    votes = [pl.col(name).is_not_null() for name in (*count.options, "null")]
    found = pl.concat([count.lines.to_frame(), count.counts], how="horizontal").filter(
        pl.col("counted") & ~pl.any_horizontal(votes)
    )
    reason = "CONTABILIZADA is 1, and no column of votes has a number"
    return [
        {"row": row, "station_id": station, "reason": reason, "used": True}
        for row, station in found.select("row", "station_id").iter_rows()
    ]


def _note(reason: str) -> Problem:
    return {"row": 1, "station_id": "", "reason": reason, "used": True}


def _number(text: str) -> int | None:
    plain = text.strip().replace(",", "")
    return int(plain) if plain.isascii() and plain.isdigit() else None
