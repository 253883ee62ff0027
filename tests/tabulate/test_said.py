"""A text never says more than its grade, in any language, on real counts and on made-up ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits import meaning
from audits.audit import REGISTRY, AuditData, AuditResult, Battery, run
from audits.words import Sentence, flag, flagged_frame, headline, kind, translate_flagged
from dashboard import messages
from tabulate.cli import main
from tabulate.findings import audit_counts, document
from tabulate.languages import LANGUAGES, paragraphs, report, translate
from tabulate.official import read_official
from tests.audits import elections, test_conformance
from tests.said import ACCUSING, complaints

COUNTRIES = {
    "Bolivia 2019": "bo-2019/final_computo.csv",
    "Peru 2021": "pe-2021-runoff/actas_electorales_ronderos.pe.csv.gz",
    "Venezuela 2024": "ve-2024/RESULTADOS_2024_CSV_V1.csv",
    "Brazil 2022 abroad": "br-2022-abroad/data-2o-urno.csv",
    "Mexico 2018, quick count": "mx-2018-conteo-rapido/REMESAS0100020000.txt",
}
KINDS = ("none", "A0", "A1", "B0", "B1", "C0", "C1", "D")
UNFILLED = r"[{}]|\bNone\b(?! of)|\bnan\b|\binf\b"  # a place that nothing, or no number, was put into
every_language = pytest.mark.parametrize("language", LANGUAGES)


def own_words(result: AuditResult, language: str, margin: int | None) -> Iterator[str]:
    """What is said of a result itself: all that its grade must allow."""
    _, entry = translate(language), REGISTRY[result.id]
    yield headline(entry, result, _).replace(_(entry.title), "")
    innocent = {*entry.innocent_explanations, *entry.assumptions}
    for sentence in meaning.paragraph(entry, result, margin):
        # A sentence about the tests among the parts, which are of grade C by themselves, is judged as one of those.
        if sentence.message not in innocent and sentence.message != meaning._PARTS:
            text = sentence.text(_, meaning.numerals(_)).replace(_(entry.title), "")
            for assumption in entry.assumptions:
                text = text.replace(_(assumption), "")
            yield text


def other_words(result: AuditResult, language: str, margin: int | None) -> Iterator[str]:
    """What stands beside it."""
    _ = translate(language)
    yield meaning.text(meaning.paragraph(REGISTRY[result.id], result, margin), _)
    yield from (note.text(_) for note in result.notes)
    yield _(result.effect_meaning) if result.effect_meaning else ""


def check(battery: Battery) -> None:
    """Every word about every result of the battery, in every language."""
    for result in battery.results:
        few = result.flagged.group_by("message", maintain_order=True).head(20)
        for language in LANGUAGES:
            says = kind(result)
            for text in own_words(result, language, battery.margin):
                assert not complaints(text, language, says), (result.id, says, text)
            evidence = translate_flagged(few, translate(language))
            for grade, text in evidence.select("grade", "evidence").iter_rows():
                assert not complaints(text, language, "C1" if grade == "C" else grade), (result.id, text)
            for text in (*other_words(result, language, battery.margin), *evidence["evidence"]):
                assert not complaints(text, language), (result.id, text)
                assert not re.search(UNFILLED, text), (result.id, text)


# ------------------------------------------------------------------------------------------------ what is checked


@pytest.mark.parametrize("name", COUNTRIES)
def test_on_a_published_count(real_data: Path, name: str) -> None:
    count = read_official(real_data / "official" / COUNTRIES[name])
    audits = audit_counts(count, calibrate=False)
    assert audits
    for each in audits:
        check(each.battery)
    for entry in document(audits)["audits"]:
        assert set(entry["paragraph"]) == set(LANGUAGES) and all(entry["paragraph"].values())


@pytest.mark.parametrize("make", [elections.clean, elections.with_errors])
@pytest.mark.parametrize("stations", [0, 1, 120])
def test_on_made_up_elections(make, stations: int) -> None:
    data = make(np.random.default_rng(5), max(stations, 1))
    check(run(data if stations else AuditData(), calibrate=stations == 120))


@pytest.mark.parametrize("audit_id", sorted(test_conformance.FINDS))
def test_on_elections_where_it_speaks(audit_id: str) -> None:
    check(run(test_conformance.FINDS[audit_id](), [audit_id], calibrate=False))


@every_language
def test_what_the_registry_says(language: str) -> None:
    _ = translate(language)
    for entry in REGISTRY.values():
        several = (*entry.assumptions, *entry.innocent_explanations, *entry.pitfalls)
        for text in (entry.title, entry.null_hypothesis, *several):
            assert not complaints(_(text), language), (entry.id, _(text))


@every_language
def test_every_text_that_can_be_shown(language: str) -> None:
    for message in messages.load(language):
        if message.id:
            text = str(message.string or message.id)
            assert not ACCUSING.search(text), text


# ------------------------------------------------------------------------------------------------ every kind


def made(says: str, **changes: object) -> AuditResult:
    """A result that says what is asked for, of the audit of arithmetic (whatever its grade)."""
    grade = "B" if says == "none" else says[0]
    flagged = flagged_frame([flag("1", Sentence("s"), grade)] if says in ("A1", "B1") else [])
    p = {"C0": 0.4, "C1": 1e-7}.get(says)
    result = AuditResult(
        id="arithmetic",
        grade=grade,
        statistic=1.0,
        pvalue=p,
        n=100,
        effect_votes=1234.0,
        effect_meaning="the largest gap between written numbers on each sheet that contradicts itself, summed",
        flagged=flagged,
        applies=says != "none",
        why_not=Sentence("None of the {n} stations passes the filter of the method.", {"n": 3})
        if says == "none"
        else None,
    )
    return replace(result, **changes)


VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "no effect": {"effect_votes": None},
    "a negative effect": {"effect_votes": -7.0},
    "a false-alarm rate": {"false_alarm_rate": 0.04},
    "a false-alarm rate too high": {"false_alarm_rate": 0.2},
    "power": {
        "false_alarm_rate": 0.05,
        "calibration": {"power_1": 0.1, "power_3": 0.5, "power_10": 0.9999, "plant": "digits"},
    },
    "flags expected": {"flags_expected": 3.21},
    "parts that speak": {"parts": {"x": {"pvalue": 0.001, "pvalue_corrected": 0.01, "grade": "C"}}},
    "parts that do not": {"parts": {"x": {"pvalue": 0.2, "grade": "C"}}},
}


@pytest.mark.parametrize("says", KINDS)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("margin", [None, 0, 100, 5000])
def test_every_kind_of_result(says: str, variant: str, margin: int | None) -> None:
    result = made(says, **VARIANTS[variant])
    if says == "C0" and variant == "parts that speak":
        says = "C1"
    assert kind(result) == says
    for language in LANGUAGES:
        for text in own_words(result, language, margin):
            # The made-up meaning of the effect is that of arithmetic.
            text = text.replace(translate(language)(result.effect_meaning), "")
            assert not complaints(text, language, says), text
    every = paragraphs([s.to_json() for s in meaning.paragraph(REGISTRY["arithmetic"], result, margin)])
    assert len(set(every.values())) == len(LANGUAGES), "not translated"
    assert not any(re.search(UNFILLED, text) for text in every.values())


def test_what_a_reader_must_know_is_said() -> None:
    def said(says: str, margin: int | None = 5000, **changes: object) -> str:
        return meaning.text(meaning.paragraph(REGISTRY["arithmetic"], made(says, **changes), margin))

    assert "1,234" in said("B1") and "24.7 % of that margin" in said("B1")
    assert "keep their order" in said("B1") and "keep their order" not in said("B1", 2000)
    assert "equally many votes" in said("B1", 0) and "margin is not known" in said("B1", None)
    assert "It is not the probability" in said("C1") and "nothing about its cause" in said("C1")
    assert "was not measured" in said("C1")
    assert "in 4 % of cases" in said("C1", false_alarm_rate=0.04)
    assert "not to be relied on" in said("C1", false_alarm_rate=0.061)
    assert "not to be relied on" not in said("C1", false_alarm_rate=0.059)
    noise = {"standard_error": 0.02}
    assert "not to be relied on" not in said("C1", false_alarm_rate=0.08, calibration=noise)
    assert "not to be relied on" in said("C1", false_alarm_rate=0.1, calibration=noise)
    assert "10, 50 or 99.9 % of cases" in said("C0", **VARIANTS["power"])
    assert "no certificate" in said("C0") and "no certificate" not in said("C1")
    assert "would show about 3.21" in said("B1", flags_expected=3.21)
    assert "How many a clean election of this size would show is not known" in said("B1")
    assert "Not met: X." in said("C1", assumptions={"X.": False, "Y.": True, "Z.": None})
    assert "met 1, not met 1, not to be told from these data 1" in said(
        "C1", assumptions={"X.": False, "Y.": True, "Z.": None}
    )
    assert all(text in said("C1") for text in REGISTRY["arithmetic"].innocent_explanations)
    assert "neither for nor against" in said("none") and "votes" not in said("none")


def test_a_part_that_speaks_after_correction_is_counted() -> None:
    parts = {
        "a": {"pvalue": 0.001, "pvalue_corrected": 0.2},
        "b": {"pvalue": 0.001, "pvalue_corrected": 0.01},
        "c": {"pvalue": 0.5},
    }
    said = meaning.text(meaning.paragraph(REGISTRY["arithmetic"], made("D", parts=parts), 10))
    assert "corrected with all others (3); a pattern that their stated model does not explain: 1." in said


def test_a_headline_is_not_silent_where_a_part_speaks() -> None:
    entry = REGISTRY["small-stations"]
    speaks = {"x": {"pvalue": 0.001, "pvalue_corrected": 0.01}, "y": {"pvalue": 0.9}}
    said = headline(entry, made("C0", parts=speaks))
    assert "not in the first figure (corrected p = 0.4" in said and "(tests: 2; with a pattern: 1)" in said
    assert "no pattern" in headline(entry, made("C0", parts={"y": {"pvalue": 0.9}}))
    assert "not in the first" not in headline(entry, made("C1", parts=speaks))


def test_the_margin_is_that_of_the_counts() -> None:
    counts = pl.DataFrame({"station_id": ["1", "2"], "a": [5, None], "b": [1, 20], "c": [None, None]})
    counts = counts.with_columns(pl.col("c").cast(pl.Int64))
    assert meaning.margin_of(AuditData(counts=counts, options=("a", "b", "c"))) == 16
    assert meaning.margin_of(AuditData(counts=counts, options=("a", "c"))) is None
    assert meaning.margin_of(AuditData()) is None
    three = AuditData(counts=counts.with_columns(c=pl.lit(30)), options=("a", "b", "c"))
    assert meaning.margin_of(three) == 60 - 21
    assert meaning.margin_of(three, {"x": ("a", "b"), "y": ("c",), "z": ("d",)}) == 60 - 26
    assert meaning.margin_of(three, {"x": ("a", "b", "c")}) is None
    battery = run(AuditData(counts=counts, options=("a", "b")), calibrate=False).to_json()
    assert battery["margin"] == 16 and all(a["margin"] == 16 for a in battery["audits"])
    for a in battery["audits"]:
        effect = a["effect_votes"]
        none = effect is None or a["grade"] == "D"
        assert a["effect_of_margin"] == (None if none else pytest.approx(effect / 16))
    assert "margin" not in meaning.text(meaning.paragraph(REGISTRY["arithmetic"], made("D"), 10))


def test_a_report_holds_every_paragraph_of_its_language(tmp_path: Path) -> None:
    path = tmp_path / "count.csv"
    rows = [f"{i:03d},{c},400,{40 + i % 7},60,3,2" for i in range(60) for c in ("president", "senate")]
    path.write_text("station_id,contest,registered,ana,beto,blank,null\n" + "\n".join(rows) + "\n")
    found = document(audit_counts(read_official(path), calibrate=False))
    assert set(found["contests"]) == {"president", "senate"}
    for language in LANGUAGES:
        text = report(found, language)
        for contest, battery in found["contests"].items():
            assert contest in text.splitlines()
            assert all(a["paragraph"][language] in text for a in battery["audits"])
    assert "Melhor" not in report(found, "en") and "seções" in report(found, "pt")


def test_the_command_line_speaks_the_language_asked_for(tmp_path: Path, capsys) -> None:
    path = tmp_path / "count.csv"
    rows = [f"{i:03d},400,{40 + i % 7},60,3,2" for i in range(60)]
    path.write_text("station_id,registered,ana,beto,blank,null\n" + "\n".join(rows) + "\n")
    for language, words in (("en", "not applied"), ("es", "no se aplicó"), ("pt", "não aplicada")):
        command = ["audit", "--counts", str(path), "--only", "comparison", "--language", language]
        assert main(command) == 0
        assert words in " ".join(capsys.readouterr().out.split())


def test_every_need_has_words() -> None:
    for entry in REGISTRY.values():
        for need in entry.needs:
            assert "." not in meaning.need_in_words(need).message, need


# ---------------------------------------------------------------------------------------- the check itself can fail


@pytest.mark.parametrize(
    ("language", "says", "text"),
    [
        ("en", None, "Ballot stuffing in the north."),
        ("en", "A1", "The sheet was altered after the count."),
        ("en", "C1", "This shows that votes were added."),
        ("en", "C1", "Two records of the same acta differ."),
        ("en", "C0", "The count is correct."),
        ("en", "D", "The mean is significantly low."),
        ("en", "D", "A pattern that the model does not explain (p = 0.01)."),
        ("es", None, "El conteo fue manipulado."),
        ("es", "B1", "Dos registros de la misma acta difieren."),
        ("es", "C1", "Esto demuestra que hubo cambios."),
        ("es", "C0", "La elección fue limpia."),
        ("es", "D", "Un patrón que el modelo no explica."),
        ("pt", None, "Uma eleição fraudada."),
        ("pt", "A1", "Um boletim contradiz a si mesmo."),
        ("pt", "C1", "Os votos foram mudados de propósito."),
        ("pt", "D", "Um valor significativo."),
        ("pt", "none", "Dois registros do mesmo boletim diferem."),
    ],
)
def test_a_text_that_says_too_much_is_noticed(language: str, says: str | None, text: str) -> None:
    assert complaints(text, language, says)
