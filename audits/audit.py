"""What an audit is, what it returns, the registry, and running a battery of them with its multiplicity.

An audit is one function with one entry in `REGISTRY`. To add one, write ``audits/my_audit.py`` with a
function under the `audit` decorator and name the module in ``audits/__init__.py``; the conformance suite then
runs over it.
"""

from __future__ import annotations

import inspect
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import polars as pl

from audits.data import ROLES, AuditData
from audits.meaning import margin_of, need_in_words, of_margin, paragraph
from audits.words import ALPHA, FLAGGED, N_, Number, Sentence, Translate, headline

__all__ = [
    "ALPHA",
    "REGISTRY",
    "ROLES",
    "Audit",
    "AuditData",
    "AuditResult",
    "Battery",
    "Sentence",
    "audit",
    "generator",
    "not_applied",
    "run",
]

Part = Mapping[str, Number]
GRADES = ("A", "B", "C", "D")


@dataclass(frozen=True, eq=False)
class AuditResult:
    """What an audit found. Never changed once made.

    Parameters
    ----------
    id, grade : of the audit.
    statistic : the number the audit is about; None when it does not apply.
    pvalue : probability of a statistic at least as large under the null hypothesis; None when nothing is
    tested.
    n : how many things were examined (stations, sheets, photos: the audit says which).
    effect_votes : size of the finding in votes, to hold against the margin; None when it is not about votes.
    effect_meaning : what `effect_votes` counts.
    assumptions : for each assumption of the audit, whether these data meet it; None when they cannot tell.
    parts : further figures by name. A part that tests something has ``pvalue``, and it counts as a test.
    flagged : table of flagged stations (columns `audits.words.FLAGGED`).
    flags_expected : how many stations a clean election of this size would flag; None when not known.
    false_alarm_rate : how often, at level `ALPHA`, the test speaks on simulated clean elections with these
    totals;
        None when nothing is tested or it was not measured (`notes` then says why).
    calibration : how `false_alarm_rate` was measured.
    notes : sentences a reader needs beside the figures.
    pvalue_corrected : `pvalue` corrected for the number of tests (Benjamini–Yekutieli); set by `run`.
    applies, why_not : whether the data allow the audit, and if not, what is missing.
    """

    id: str
    grade: str
    statistic: float | None = None
    pvalue: float | None = None
    n: int = 0
    effect_votes: float | None = None
    effect_meaning: str = ""
    assumptions: Mapping[str, bool | None] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    flagged: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FLAGGED))
    flags_expected: float | None = None
    false_alarm_rate: float | None = None
    calibration: Part = field(default_factory=dict)
    notes: tuple[Sentence, ...] = ()
    pvalue_corrected: float | None = None
    applies: bool = True
    why_not: Sentence | None = None

    @property
    def flagged_stations(self) -> list[str]:
        """Ids of the flagged stations, each once, sorted."""
        return sorted(self.flagged["station_id"].unique())

    def pvalues(self) -> dict[str, float]:
        """Every p-value this result prints, by where it stands ("" for its own, else the part's name)."""
        found = {} if self.pvalue is None else {"": self.pvalue}
        for name, part in self.parts.items():
            value = part.get("pvalue")
            if isinstance(value, float):
                found[name] = value
        return found

    def to_json(self) -> dict[str, Any]:
        """One entry of ``audits`` in the audit document; floats rounded to nine significant digits."""
        return {
            "id": self.id,
            "grade": self.grade,
            "statistic": rounded(self.statistic),
            "pvalue": rounded(self.pvalue),
            "pvalue_corrected": rounded(self.pvalue_corrected),
            "false_alarm_rate": rounded(self.false_alarm_rate),
            "effect_votes": rounded(self.effect_votes),
            "effect_meaning": self.effect_meaning,
            "n": self.n,
            "assumptions": dict(self.assumptions),
            "parts": {name: _plain(part) for name, part in self.parts.items()},
            "calibration": _plain(self.calibration),
            "applies": self.applies,
            "why_not": None if self.why_not is None else self.why_not.text(),
            "notes": [note.text() for note in self.notes],
            # The same, to be translated.
            "sentences": {
                "why_not": [] if self.why_not is None else [self.why_not.to_json()],
                "notes": [note.to_json() for note in self.notes],
            },
            "flags_expected": rounded(self.flags_expected),
            "flagged": len(self.flagged_stations),
            "flagged_stations": self.flagged_stations,
        }


class AuditFunction(Protocol):
    """An audit's function: pure, and the same answer for the same data and seed."""

    def __call__(self, data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult: ...


@dataclass(frozen=True)
class Audit:
    """An entry of the registry: one audit and everything a reader must know before believing it.

    Parameters
    ----------
    id : short name with hyphens, never changed once published.
    title : message id.
    grade : the best grade any of its findings may carry (A to D).
    function : what runs. Called directly it checks `needs` too.
    needs : "table" or "table.column" (``counts.option`` for at least one option); without one of them the
    audit
        does not apply.
    null_hypothesis, assumptions, innocent_explanations, pitfalls : message ids. The result reports each
    assumption.
    citation : where the method comes from.
    """

    id: str
    title: str
    grade: str
    function: AuditFunction
    needs: tuple[str, ...]
    null_hypothesis: str
    assumptions: tuple[str, ...]
    innocent_explanations: tuple[str, ...]
    citation: str
    pitfalls: tuple[str, ...]


REGISTRY: dict[str, Audit] = {}
"""Every audit by id. Filled by importing the package."""


def audit(
    *,
    id: str,
    title: str,
    grade: str,
    needs: Iterable[str],
    null_hypothesis: str,
    assumptions: Iterable[str],
    innocent_explanations: Iterable[str],
    citation: str,
    pitfalls: Iterable[str],
) -> Callable[[AuditFunction], AuditFunction]:
    """Register the function below as an audit (the parameters are those of `Audit`).

    The registered function, and the name in its module, first check `needs`, and return a result that does
    not apply and says why when one is missing.

    Raises
    ------
    ValueError
        The id is taken or the grade is none of A to D.
    """
    if id in REGISTRY:
        raise ValueError(f"an audit with the id {id!r} exists already: choose another")
    if grade not in GRADES:
        raise ValueError(f"audit {id!r} has the grade {grade!r}: it must be one of A, B, C, D")
    needed = tuple(needs)

    def register(function: AuditFunction) -> AuditFunction:
        def checked(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
            for need in needed:
                if data.missing(need):
                    why = N_("It needs {need}, which these data do not have.")
                    return not_applied(entry, why, need=need_in_words(need))
            return function(data, seed=seed, calibrate=calibrate)

        checked.__name__, checked.__module__ = getattr(function, "__name__", id), function.__module__
        entry = Audit(
            id=id,
            title=title,
            grade=grade,
            function=checked,
            needs=needed,
            null_hypothesis=null_hypothesis,
            assumptions=tuple(assumptions),
            innocent_explanations=tuple(innocent_explanations),
            citation=citation,
            pitfalls=tuple(pitfalls),
        )
        checked.__doc__ = _documented(entry, function.__doc__ or "")
        REGISTRY[id] = entry
        return checked

    return register


def _documented(entry: Audit, doc: str) -> str:
    """A function's docstring with what the registry says of it, so that `help` tells everything."""
    sections = {
        "Null hypothesis": (entry.null_hypothesis,),
        "Assumptions": entry.assumptions,
        "Innocent explanations": entry.innocent_explanations,
        "Pitfalls": entry.pitfalls,
        "Citation": (entry.citation,),
    }
    texts = [inspect.cleandoc(doc)]
    for title, lines in sections.items():
        items = [f"- {line}" for line in lines] if len(lines) > 1 else list(lines)
        texts.append("\n".join([title, "-" * len(title), *items]))
    return "\n\n".join(texts)


def not_applied(entry: Audit, message: str, **numbers: Number | Sentence) -> AuditResult:
    """The result of an audit that these data do not allow; `message` says why."""
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        assumptions=dict.fromkeys(entry.assumptions),
        applies=False,
        why_not=Sentence(message, numbers),
    )


def generator(seed: int, audit_id: str) -> np.random.Generator:
    """Random numbers of one audit: the same for a seed, whatever other audits run."""
    return np.random.default_rng([seed, zlib.crc32(audit_id.encode())])


@dataclass(frozen=True, eq=False)
class Battery:
    """The results of several audits of the same data, with their p-values corrected together.

    `tests` holds, for every p-value printed anywhere (an audit's own, or that of a part, named "id/part"),
    the raw value and two corrections: Benjamini–Hochberg (``bh``, right when tests are independent or
    positively dependent) and Benjamini–Yekutieli (``by``, right under any dependence; the one used in texts,
    because audits of the same counts depend on each other in ways nobody knows). `margin` is the lead, in votes, of the first option
    over the second in the counts; None where there are no two options.
    """

    stations: int
    options: tuple[str, ...]
    seed: int
    results: tuple[AuditResult, ...]
    tests: Mapping[str, Mapping[str, float]]
    margin: int | None = None

    def __getitem__(self, audit_id: str) -> AuditResult:
        return {result.id: result for result in self.results}[audit_id]

    def headlines(self, _: Translate = N_) -> dict[str, str]:
        """One sentence per audit that says no more than its grade."""
        return {r.id: headline(REGISTRY[r.id], r, _) for r in self.results}

    def flagged(self) -> pl.DataFrame:
        """The flagged stations of all audits, with the column ``audit`` first."""
        frames = [r.flagged.select(pl.lit(r.id).alias("audit"), pl.all()) for r in self.results]
        return pl.concat(frames) if frames else pl.DataFrame(schema={"audit": pl.String, **FLAGGED})

    def to_json(self) -> dict[str, Any]:
        """The audit document: plain values only, floats rounded to nine significant digits, in a fixed order."""
        return {
            "stations": self.stations,
            "options": list(self.options),
            "seed": self.seed,
            "margin": self.margin,
            "battery": {
                "corrected": {
                    "tests": len(self.tests),
                    "used": "benjamini-yekutieli",
                    "pvalues": {name: _plain(values) for name, values in self.tests.items()},
                }
            },
            "audits": [self._entry(result) for result in self.results],
        }

    def _entry(self, result: AuditResult) -> dict[str, Any]:
        document = result.to_json()
        said = paragraph(REGISTRY[result.id], result, self.margin)
        return document | {
            "headline": headline(REGISTRY[result.id], result),
            "margin": self.margin,
            # A description tests nothing, so there is nothing to hold against the margin.
            "effect_of_margin": None
            if result.grade == "D"
            else rounded(of_margin(result.effect_votes, self.margin)),
            "sentences": document["sentences"] | {"paragraph": [sentence.to_json() for sentence in said]},
        }


def run(
    data: AuditData,
    only: Iterable[str] | None = None,
    seed: int = 0,
    calibrate: bool = True,
    tickets: Mapping[str, Sequence[str]] | None = None,
) -> Battery:
    """Run the audits and correct their p-values for the number of tests made.

    Parameters
    ----------
    only : ids to run; all when None. The correction covers what was run, so choose before looking.
    seed : same data and seed, same bytes.
    calibrate : measure false-alarm rates by simulation; without it they are None and a note says so.
    tickets : candidate -> options that count for the candidate; only the margin is of candidates then.

    Raises
    ------
    ValueError
        An id in `only` is not in the registry.
    """
    chosen = sorted(REGISTRY if only is None else set(only))
    unknown = [name for name in chosen if name not in REGISTRY]
    if unknown:
        raise ValueError(f"there is no audit {unknown[0]!r}: choose among {', '.join(sorted(REGISTRY))}")
    results = [REGISTRY[name].function(data, seed=seed, calibrate=calibrate) for name in chosen]
    places = [(i, part) for i, result in enumerate(results) for part in result.pvalues()]
    raw = [results[i].pvalues()[part] for i, part in places]
    bh, by = corrected(raw, "bh"), corrected(raw, "by")
    tests = {}
    for (i, part), p, p_bh, p_by in zip(places, raw, bh, by, strict=True):
        tests[f"{results[i].id}/{part}" if part else results[i].id] = {"pvalue": p, "bh": p_bh, "by": p_by}
        results[i] = _with_correction(results[i], part, p_by)
    options = data.count_options or data.options
    return Battery(data.stations, options, seed, tuple(results), tests, margin_of(data, tickets))


def corrected(pvalues: list[float], method: str) -> list[float]:
    """Benjamini–Hochberg (1995) or, ``by``, Benjamini–Yekutieli (2001)."""
    p = np.asarray(pvalues, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    ranks = np.arange(p.size, 0, -1)
    factor = p.size * (float((1 / ranks).sum()) if method == "by" else 1.0)
    out = np.empty_like(p)
    out[order] = np.minimum(np.minimum.accumulate(p[order] * factor / ranks), 1.0)
    return [float(x) for x in out]


def _with_correction(result: AuditResult, part: str, corrected: float) -> AuditResult:
    if not part:
        return replace(result, pvalue_corrected=corrected)
    return replace(
        result, parts={**result.parts, part: {**result.parts[part], "pvalue_corrected": corrected}}
    )


def rounded(value: float | None) -> float | None:
    """`value` to nine significant digits; None for what is not a finite number."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.9g}")


def _plain(values: Mapping[str, Number]) -> dict[str, Number]:
    return {key: rounded(v) if isinstance(v, float) else v for key, v in values.items()}
