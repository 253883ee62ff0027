"""The authorities' own words for an acta, one TOML per authority in ``catalogues/``: data, not code.

::

    authority = "…"            # who uses the words
    country = "PE"
    years = [2021]             # of the elections in which they were used
    column = "observacion"     # where they stand
    source = "…"               # document or file
    verified = true            # whether a real file with these words was read

    [[term]]
    term = "ERROR MATERIAL"    # exactly as written
    meaning = "…"              # in English
    content = "none"           # whether the acta has votes for options: "numbers" or "none"; left out where the word does not say
    counted = false            # whether its votes are in the authority's total; left out where the word alone does not say
    years = [2011, 2016]       # only where they differ from the catalogue's
    source = "…"               # likewise
    verified = false           # likewise

A status says what the authority did with an acta. It is never a finding.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ocr.errors import CotejoError
from tabulate.official.base import Status

FOLDER = Path(__file__).with_name("catalogues")
_KEYS = {"authority", "country", "years", "column", "source", "verified", "term", "note"}
_TERM_KEYS = {"term", "meaning", "content", "counted", "years", "source", "verified"}


@dataclass(frozen=True)
class Catalogue:
    """One authority's words.

    Attributes
    ----------
    id
        Name of the file without its ending.
    terms
        Lower-case word -> `Status`.
    years
        Lower-case word -> elections in which the authority used it.
    """

    id: str
    authority: str
    country: str
    column: str
    source: str
    verified: bool
    note: str
    terms: Mapping[str, Status]
    years: Mapping[str, tuple[int, ...]]


@cache
def load(name: str) -> Catalogue:
    """The catalogue ``catalogues/NAME.toml``.

    Raises
    ------
    CotejoError
        When there is none, or it does not have the shape above.
    """
    path = FOLDER / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CotejoError(f"There is no status catalogue {name!r}; known are {', '.join(names())}.") from None
    except tomllib.TOMLDecodeError as error:
        raise CotejoError(f"{path} is no TOML ({error}); mend it.") from None
    strange = set(data) - _KEYS or {key for term in data.get("term", []) for key in set(term) - _TERM_KEYS}
    if strange or not {"authority", "country", "years", "source", "verified", "term"} <= set(data):
        raise CotejoError(
            f"{path} lacks a key or has an unknown one ({', '.join(sorted(strange))}); see catalogue.py."
        )
    terms: dict[str, Status] = {}
    years: dict[str, tuple[int, ...]] = {}
    for term in data["term"]:
        key = term["term"].lower()
        if key in terms:
            raise CotejoError(f"{path} has the term {term['term']!r} twice; keep one.")
        terms[key] = Status(
            counted=term.get("counted"),
            meaning=term["meaning"],
            term=term["term"],
            source=term.get("source", data["source"]),
            verified=term.get("verified", data["verified"]),
            content=term.get("content"),
        )
        if terms[key].content not in (None, "numbers", "none"):
            raise CotejoError(f'{path}: the content of {term["term"]!r} must be "numbers" or "none".')
        years[key] = tuple(term.get("years", data["years"]))
    return Catalogue(
        id=name,
        authority=data["authority"],
        country=data["country"],
        column=data.get("column", ""),
        source=data["source"],
        verified=data["verified"],
        note=data.get("note", ""),
        terms=terms,
        years=years,
    )


def names() -> list[str]:
    """Every catalogue, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))
