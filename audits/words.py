"""The sentences audits say, so built that they can be translated and never say more than their grade.

Message ids are the English sentences. They are marked with `N_` where they are written and translated where
they are shown, by handing a gettext function to `Sentence.text`, `headline` or `translate_flagged`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from audits.audit import Audit, AuditResult

Translate = Callable[[str], str]
Number = int | float | str | bool | None
Write = Callable[[int | float], str]
"""How a number is written; the language decides."""

ALPHA = 0.05
"""Level at which a grade C headline speaks of a pattern, and at which false-alarm rates are measured."""


def N_(message: str) -> str:
    """Mark a message id for extraction (``pybabel extract -k N_``) without translating it."""
    return message


@dataclass(frozen=True)
class Sentence:
    """A message id and what goes into it.

    Parameters
    ----------
    message : English sentence with ``{named}`` places.
    numbers : value for each place; a sentence within the sentence is translated by itself.
    """

    message: str
    numbers: Mapping[str, Number | Sentence] = field(default_factory=dict)

    def text(self, _: Translate = N_, write: Write | None = None) -> str:
        """The sentence in the language of `_` (English when none is given), its numbers as `write` writes them."""
        return _(self.message).format(**{k: _shown(v, _, write) for k, v in self.numbers.items()})

    def to_json(self) -> dict[str, Any]:
        """Message and numbers, to be put together again in another language."""
        return {
            "message": self.message,
            "numbers": {k: v.to_json() if isinstance(v, Sentence) else v for k, v in self.numbers.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Sentence:
        """The sentence that `to_json` was made from."""
        inner = {k: cls.from_json(v) if isinstance(v, dict) else v for k, v in document["numbers"].items()}
        return cls(document["message"], inner)

    def numbers_json(self) -> str:
        """The numbers as JSON with sorted keys, to keep beside the message in a table."""
        return json.dumps(dict(self.numbers), sort_keys=True, ensure_ascii=False)


def _shown(value: Number | Sentence, _: Translate, write: Write | None) -> Number:
    if isinstance(value, Sentence):
        return value.text(_, write)
    if write is None or isinstance(value, bool | str) or value is None:
        return value
    return write(value)


# What each grade may say. The headline of a result is one of these sentences and nothing else.
_HEADLINES: dict[str, str] = {
    "none": N_("{title}: not applied. {why}"),
    "A0": N_("{title}: no two confirmed records of an acta differ (records examined: {n})."),
    "A1": N_("{title}: two records of the same acta differ. Stations flagged: {flagged}; examined: {n}."),
    "B0": N_("{title}: no confirmed sheet contradicts itself (sheets examined: {n})."),
    "B1": N_("{title}: a sheet contradicts itself. Stations flagged: {flagged}; sheets examined: {n}."),
    "B0 published": N_("{title}: no published row contradicts itself (rows examined: {n})."),
    "B1 published": N_(
        "{title}: a published row contradicts itself. Stations flagged: {flagged}; rows examined: {n}."
    ),
    "B0 published in part": N_(
        "{title}: no row is flagged, but not every rule could be held against single rows. Rules that the file as a whole does not keep: "
        "{rules}; rows that break one of them: {broken} or more; rows examined: {n}."
    ),
    "C0": N_("{title}: no pattern beyond the stated model was found (corrected p = {p}; n = {n})."),
    "C1": N_(
        "{title}: a pattern that the stated model does not explain (corrected p = {p}; n = {n}). "
        "It says nothing about its cause."
    ),
    "C1 parts": N_(
        "{title}: a pattern that the stated model does not explain, not in the first figure (corrected p = {p}; n = {n}) but in "
        "others (tests: {tests}; with a pattern: {spoke}). It says nothing about its cause."
    ),
    "D": N_("{title}: a description; nothing was tested (n = {n})."),
}


def kind(result: AuditResult) -> str:
    """Which of the things that the grades allow a result says: "none" (not applied), A0, A1, B0, B1, C0, C1 or D.

    1 is something found and 0 nothing found; what was found is no better than the best of its flags. A grade C result uses the p-value corrected for the number of tests, or, outside a
    battery, its own, and those of its parts; without a p-value it is a description.
    """
    p = corrected(result)
    if not result.applies:
        return "none"
    if result.grade in ("A", "B"):
        best = min(result.flagged["grade"], default="D")
        return f"{best}1" if best in ("A", "B") else f"{result.grade}0"
    found = p is not None and min(p, *tested_parts(result), 1.0) <= ALPHA
    return f"C{int(found)}" if result.grade == "C" and p is not None else "D"


def corrected(result: AuditResult) -> float | None:
    """The p-value after correction for the number of tests; outside a battery, the result's own."""
    return result.pvalue if result.pvalue_corrected is None else result.pvalue_corrected


def tested_parts(result: AuditResult) -> list[float]:
    """The p-value of each part that has one, after correction."""
    final = [part.get("pvalue_corrected", part.get("pvalue")) for part in result.parts.values()]
    return [p for p in final if isinstance(p, float)]


def headline_sentence(audit: Audit, result: AuditResult) -> Sentence:
    """One sentence about a result that says what its grade allows, and no more.

    Grade A says that two records differ, B that a sheet contradicts itself, C that a pattern is not explained
    by the stated model (or that none was found), D that nothing was tested.
    """
    p = corrected(result)
    others = tested_parts(result)
    said: dict[str, Number | Sentence] = {
        "tests": len(others),
        "spoke": sum(x <= ALPHA for x in others),
        "title": Sentence(audit.title),
        "why": result.why_not or "",
        "flagged": len(result.flagged_stations),
        "n": result.n,
        "p": None if p is None else float(f"{p:.2g}"),
    }
    says = variant = kind(result)
    if "published" in audit.needs:
        variant = f"{says} published"  # of a published row nobody knows what its sheet says
        suspended = [part for part in result.parts.values() if part.get("kept") is False]
        if says == "B0" and suspended:
            variant = "B0 published in part"
            said["rules"] = len(suspended)
            said["broken"] = max(int(part.get("contradict") or 0) for part in suspended)
    elif says == "C1" and p is not None and p > ALPHA:
        variant = "C1 parts"
    message = _HEADLINES.get(variant, _HEADLINES[says])
    return Sentence(message, {name: value for name, value in said.items() if f"{{{name}}}" in message})


def headline(audit: Audit, result: AuditResult, _: Translate = N_) -> str:
    """The text of `headline_sentence`, with plain numbers."""
    return headline_sentence(audit, result).text(_, lambda x: f"{x:.2g}" if isinstance(x, float) else str(x))


FLAGGED: dict[str, type[pl.DataType]] = {
    "station_id": pl.String,
    "contest": pl.String,
    "field": pl.String,
    "grade": pl.String,
    "evidence": pl.String,
    "votes": pl.Int64,
    "photo": pl.String,
    "message": pl.String,
    "numbers": pl.String,
}
"""Columns of the table of flagged stations: `evidence` is `message` filled with `numbers` (JSON), in English."""


def flag(
    station_id: str,
    sentence: Sentence,
    grade: str,
    *,
    contest: str | None = None,
    field: str | None = None,
    votes: int | None = None,
    photo: str | None = None,
) -> dict[str, str | int | None]:
    """One row of the table of flagged stations.

    Parameters
    ----------
    votes : votes that this row is about (never negative); None when it is not about votes.
    grade : A to D; never better than the grade of the audit that flags.
    """
    return {
        "station_id": station_id,
        "contest": contest,
        "field": field,
        "grade": grade,
        "evidence": sentence.text(),
        "votes": votes,
        "photo": photo,
        "message": sentence.message,
        "numbers": sentence.numbers_json(),
    }


def flagged_frame(rows: list[dict[str, str | int | None]]) -> pl.DataFrame:
    """The table of flagged stations, in an order that does not depend on the order of `rows`."""
    frame = pl.DataFrame(rows, schema=FLAGGED)
    if not rows:
        return frame
    return frame.unique().sort(
        "station_id", "contest", "field", "message", "numbers", "photo", nulls_last=True
    )


def translate_flagged(flagged: pl.DataFrame, _: Translate) -> pl.DataFrame:
    """The same table with `evidence` in the language of `_`."""
    texts = [
        Sentence(message, json.loads(numbers)).text(_)
        for message, numbers in zip(flagged["message"], flagged["numbers"], strict=True)
    ]
    return flagged.with_columns(pl.Series("evidence", texts, dtype=pl.String))
