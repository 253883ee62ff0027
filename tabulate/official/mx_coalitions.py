"""Mexican coalitions: one candidate, a column of votes for each party and for each combination of parties marked.

A file packed beside the count names the candidate of each party. Where every party has one candidate in the whole file (a
governor, a president) the columns can be added up for each; deputies have another candidate in each district.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Mapping

_ALIASES = {"NA": "PNA", "PANAL": "PNA", "SI": "SDI", "MC": "PMC", "PES": "ES"}
"""Column of the count -> party in the list of candidates, where the same authority writes them differently."""


def tickets(options: tuple[str, ...], beside: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    """Candidate -> columns that count for the candidate; {} where no list says so.

    An option of no party in the list (write-ins, an independent who withdrew) stands for itself. {} too, if one column
    combines parties of different candidates: then the list is of something else.
    """
    for name, data in sorted(beside.items()):
        if "candidat" in name.lower() and (candidates := _candidates(data)):
            found: dict[str, list[str]] = {}
            for option in options:
                names = {candidates.get(party) for party in _parties(option, candidates)} - {None}
                if len(names) > 1:
                    return {}
                found.setdefault(str(next(iter(names), option)), []).append(option)
            return {candidate: tuple(columns) for candidate, columns in found.items()}
    return {}


def _candidates(data: bytes) -> dict[str, str]:
    """Party -> its only candidate; {} if some party has several."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "Ã" in text:  # UTF-8 that was once more taken for Latin-1 and encoded
        with contextlib.suppress(UnicodeError):
            text = text.encode("latin-1").decode("utf-8")
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error:
        return {}
    found: dict[str, str] = {}
    for row in rows:
        party = (row.get("PARTIDO_CI") or row.get("PARTIDO") or "").strip()
        candidate = (row.get("CANDIDATO") or "").strip()
        if not party or not candidate or None in row or found.get(party, candidate) != candidate:
            return {}
        found[party] = candidate
    return found


def _parties(option: str, candidates: Mapping[str, str]) -> list[str]:
    """The parties of one column: ``C_PAN_UDC`` is of two, ``CAND_IND_1`` is the first independent (CI1)."""
    if option.startswith("CAND_IND_"):
        return [f"CI{option.removeprefix('CAND_IND_').lstrip('0')}"]
    parts = [option] if option in candidates else option.removeprefix("C_").split("_")
    return [part if part in candidates else _ALIASES.get(part, part) for part in parts]
