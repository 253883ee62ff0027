"""Brazil, boletins de urna by their QR codes: a text file with the text of one code a line, of one section or of many.

The section itself publishes these on its door, before the TSE adds anything up. Parts of one boletim may stand in any order; each is joined
and checked as `cotejo bu` does (`ocr.bu`). A boletim whose chain of hashes is broken, whose signature does not hold or whose numbers
do not add up is read, with a note. One that is no official result (phase *simulado* or *treinamento*) is not counted.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl

from ocr.bu import Bulletin, Office, bulletins
from ocr.bu_check import Signed
from ocr.bu_parts import BadBulletin, is_part
from ocr.bu_words import office_name
from ocr.errors import CotejoError
from tabulate.official import catalogue
from tabulate.official.base import OfficialCount, OfficialFormat, Problem
from tabulate.official.long import LongLayout, build_long
from tabulate.official.rows import UTF8, Table, decode
from tabulate.official.source import peek, read_content

ID = "br-bu-qr"
_CATALOGUE = catalogue.load("br-bu")
_COLUMNS = ("UNFE", "MUNI", "ZONA", "SECA", "FASE", "CARG", "APTA", "COMP", "VOTAVEL", "VOTOS")


def detect(path: Path) -> bool:
    """Whether the first line is the text of a boletim's code."""
    line = peek(path).removeprefix(b"\xef\xbb\xbf").lstrip().split(b"\n", 1)[0]
    try:
        return is_part(line.decode("utf-8").strip())
    except UnicodeDecodeError:
        return False


def parse(path: Path) -> OfficialCount:
    """Parse all boletins of a file.

    Raises
    ------
    CotejoError
        When a line is no code of a boletim, or a boletim is not whole.
    """
    content = read_content(path)
    lines = decode(path, content.data, UTF8).splitlines()
    texts = [line.strip() for line in lines if line.strip()]
    strange = next(
        (n for n, line in enumerate(lines, start=1) if line.strip() and not is_part(line.strip())), None
    )
    if strange is not None:
        raise CotejoError(
            f"{path}, line {strange}: this is no text of a boletim's QR code; leave only such lines."
        )
    try:
        found = bulletins(dict.fromkeys(texts), {})
    except BadBulletin as bad:
        raise CotejoError(f"{path}: {bad}") from None
    rows: list[list[str]] = []
    notes: list[tuple[int, str]] = []
    for bulletin in found:
        first = len(rows) + 1
        for office in bulletin.offices:
            rows += [[*_where(bulletin, office), who, str(votes)] for who, votes in _votes(office)]
        notes += [(first, reason) for reason in _told(bulletin)]
    series = [
        pl.Series(name, list(cells), pl.String)
        for name, cells in zip(_COLUMNS, zip(*rows, strict=True), strict=True)
    ]
    raw = pl.DataFrame([pl.Series("row", range(1, len(rows) + 1), pl.UInt32), *series])
    table = Table(_COLUMNS, raw, {}, content.sha256)
    count = build_long(ID, FORMAT.verified, path, table, _layout())
    station = dict(zip(count.lines, count.counts["station_id"], strict=True))
    problems: list[Problem] = [
        {"row": row, "station_id": station.get(row, ""), "reason": reason, "used": True}
        for row, reason in notes
    ]
    return dataclasses.replace(
        count, problems=sorted([*count.problems, *problems], key=lambda p: (p["row"], p["reason"]))
    )


def _layout() -> LongLayout:
    office = pl.col("CARG")
    return LongLayout(
        station_id=pl.concat_str(
            [pl.col("UNFE"), pl.col("ZONA").str.zfill(4), pl.col("SECA").str.zfill(4)], separator="-"
        ),
        contest=office,
        option=pl.when(pl.col("VOTAVEL").is_in(["blank", "null"]))
        .then(pl.col("VOTAVEL"))
        .otherwise(pl.concat_str([office, pl.col("VOTAVEL")], separator=" | ")),
        votes="VOTOS",
        place_id=pl.concat_str(["UNFE", "MUNI"], separator="-"),
        region=pl.col("UNFE"),
        subregion=pl.col("MUNI"),
        numbers={"registered": "APTA", "voted": "COMP"},
        status="FASE",
        catalogue=_CATALOGUE.terms,
        zero_in=pl.concat_str(["UNFE", "MUNI"], separator="/"),
    )


def _where(bulletin: Bulletin, office: Office) -> list[str]:
    h = bulletin.header
    return [
        *(h.get(key, "") for key in ("UNFE", "MUNI", "ZONA", "SECA", "FASE")),
        office_name(office.code)[1],
        str(office.counts.get("APTA", h.get("APTO", ""))),
        h.get(
            "COMP", str(office.counts.get("TOTC", ""))
        ),  # TOTC counts votes: two of each voter for two senators
    ]


def _votes(office: Office) -> list[tuple[str, int]]:
    found = [(str(number), votes) for number, votes in office.votes.items()]
    found += [(f"legenda {party.number}", party.legend) for party in office.parties if party.legend]
    return [*found, ("blank", office.counts.get("BRAN", 0)), ("null", office.counts.get("NULO", 0))]


def _told(bulletin: Bulletin) -> list[str]:
    reasons = []
    if bulletin.chain_broken_at is not None:
        reasons.append(f"the boletim's chain of hashes is broken at part {bulletin.chain_broken_at}")
    if bulletin.signature.state == Signed.FAILED:
        reasons.append("the boletim's signature does not hold")
    reasons += [f"{c.name}: {c.left} against {c.right}" for c in bulletin.checks if not c.holds]
    return reasons


FORMAT = OfficialFormat(
    id=ID,
    authority="Tribunal Superior Eleitoral (TSE)",
    country="BR",
    title="Brazil: boletins de urna, texts of their QR codes",
    verified=True,
    detect=detect,
    parse=parse,
    statuses=_CATALOGUE.terms,
)
