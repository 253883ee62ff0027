from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control

from audits.audit import REGISTRY, AuditData, AuditResult, Sentence, audit, generator, run
from audits.words import flag, flagged_frame, headline, translate_flagged
from tests.audits import elections

ABOUT = {
    "title": "T",
    "null_hypothesis": "H",
    "assumptions": ["A"],
    "innocent_explanations": ["I"],
    "citation": "C",
    "pitfalls": ["P"],
}


@pytest.fixture
def made_up() -> Iterator[None]:
    """Two audits with fixed p-values, one of them with another p-value in a part."""
    before = dict(REGISTRY)

    @audit(id="x-one", grade="C", needs=["counts.registered"], **ABOUT)
    def one(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
        return AuditResult(id="x-one", grade="C", statistic=1.0, pvalue=0.01, n=3, assumptions={"A": None})

    @audit(id="x-two", grade="C", needs=[], **ABOUT)
    def two(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
        parts = {"a": {"pvalue": 0.04}, "b": {"pvalue": None}, "c": {"z": 2.0}}
        return AuditResult(id="x-two", grade="C", pvalue=0.5, n=3, parts=parts, assumptions={"A": True})

    yield
    REGISTRY.clear()
    REGISTRY.update(before)


def test_every_printed_pvalue_is_corrected_with_the_others(made_up: None) -> None:
    data = AuditData(counts=pl.DataFrame({"station_id": ["1"], "registered": [1]}))
    battery = run(data, ["x-one", "x-two"])
    raw = [0.01, 0.5, 0.04]
    by, bh = false_discovery_control(raw, method="by"), false_discovery_control(raw)
    assert battery["x-one"].pvalue_corrected == pytest.approx(by[0])
    assert battery["x-two"].pvalue_corrected == pytest.approx(by[1])
    assert battery["x-two"].parts["a"]["pvalue_corrected"] == pytest.approx(by[2])
    assert "pvalue_corrected" not in battery["x-two"].parts["b"]
    document = battery.to_json()["battery"]["corrected"]
    assert document["tests"] == 3 and list(document["pvalues"]) == ["x-one", "x-two", "x-two/a"]
    assert document["pvalues"]["x-two/a"]["bh"] == pytest.approx(bh[2])
    assert battery["x-one"].pvalue == 0.01, "the raw value stays beside the corrected one"


def test_an_audit_whose_needs_are_missing_says_so_and_is_no_test(made_up: None) -> None:
    battery = run(AuditData(), ["x-one", "x-two"])
    result = battery["x-one"]
    assert (
        not result.applies
        and result.why_not.text() == "It needs registered voters by station, which these data do not have."
    )
    assert result.assumptions == {"A": None} and result.pvalue is None
    assert battery.to_json()["battery"]["corrected"]["tests"] == 2


def test_unknown_and_repeated_ids_and_strange_grades_are_refused() -> None:
    with pytest.raises(ValueError, match="no audit 'nothing'"):
        run(AuditData(), ["nothing"])
    with pytest.raises(ValueError, match="exists already"):
        audit(id="arithmetic", grade="B", needs=[], **ABOUT)
    with pytest.raises(ValueError, match="must be one of"):
        audit(id="x-three", grade="E", needs=[], **ABOUT)


def test_a_result_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        AuditResult(id="a", grade="A").pvalue = 0.1


def test_the_document_has_the_keys_of_the_design() -> None:
    document = run(elections.with_errors(np.random.default_rng(1), 40)).to_json()
    assert {"stations", "options", "battery", "audits"} <= set(document)
    assert "corrected" in document["battery"]
    keys = {
        "id", "grade", "statistic", "pvalue", "pvalue_corrected", "false_alarm_rate", "effect_votes", "n", "assumptions",
        "parts", "applies", "why_not", "flagged", "flagged_stations",
    }  # fmt: skip
    for entry in document["audits"]:
        assert keys <= set(entry)
        assert entry["flagged"] == len(entry["flagged_stations"]) == len(set(entry["flagged_stations"]))
    assert document["stations"] == 40 and document["options"] == list(elections.OPTIONS)


def test_floats_have_nine_digits_and_tiny_pvalues_survive() -> None:
    result = AuditResult(
        id="arithmetic",
        grade="B",
        statistic=1 / 3,
        pvalue=1.23456789012e-40,
        parts={"p": {"z": float("nan")}},
    )
    entry = result.to_json()
    assert (entry["statistic"], entry["pvalue"], entry["parts"]["p"]["z"]) == (
        0.333333333,
        1.23456789e-40,
        None,
    )


# --------------------------------------------------------------------------------------------- what is said


def say(**changes: object) -> str:
    return headline(REGISTRY["integer-percent"], AuditResult(**({"id": "x", "grade": "C", "n": 9} | changes)))


def test_a_headline_says_what_its_grade_allows() -> None:
    row, better = (flagged_frame([flag("1", Sentence("s"), grade)]) for grade in ("B", "A"))
    assert "two records of the same acta differ" in say(grade="A", flagged=better)
    assert "a sheet contradicts itself" in say(grade="A", flagged=row), "no better than what was found"
    assert "no two confirmed records" in say(grade="A")
    assert "a sheet contradicts itself" in say(grade="B", flagged=row)
    assert "a pattern that the stated model does not explain" in say(pvalue=0.001)
    assert "nothing was tested" in say(grade="D", pvalue=None)
    assert "not applied. Because." in say(applies=False, why_not=Sentence("Because."))


def test_a_pattern_is_only_named_after_correction() -> None:
    assert "no pattern" in say(pvalue=0.001, pvalue_corrected=0.2)
    assert "does not explain" in say(pvalue=0.001, pvalue_corrected=0.01)
    assert "differ" not in say(pvalue=0.001) and "contradict" not in say(pvalue=0.001)


def test_sentences_are_translated_where_they_are_shown() -> None:
    frame = flagged_frame([flag("1", Sentence("{a} and {b}", {"a": 1, "b": "ñ"}), "A")])
    assert frame["evidence"][0] == "1 and ñ"
    spanish = translate_flagged(frame, lambda message: {"{a} and {b}": "{a} y {b}"}[message])
    assert spanish["evidence"][0] == "1 y ñ"
    assert Sentence("{a}!", {"a": 2}).text(lambda m: "¡" + m) == "¡2!"
    assert headline(
        REGISTRY["arithmetic"],
        AuditResult(id="x", grade="B", n=1),
        lambda m: m.upper().replace("{TITLE}", "{title}").replace("{N}", "{n}"),
    ).startswith("SUMS")


def test_each_audit_draws_its_own_random_numbers() -> None:
    one, two, again = generator(1, "arithmetic"), generator(1, "comparison"), generator(1, "arithmetic")
    first = one.random()
    assert first != two.random() and first == again.random() and first != generator(2, "arithmetic").random()
