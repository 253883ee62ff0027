"""Strange counts: every audit answers, or says in one sentence why it does not apply. A million stations are in tests/prove."""

from __future__ import annotations

import keyword
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from audits.audit import REGISTRY, AuditData, AuditResult
from tests.audits import elections
from tests.audits.test_conformance import examine

OPTIONS = elections.OPTIONS
STATIONS = 240


def frame() -> pl.DataFrame:
    return elections.counts(np.random.default_rng(77), STATIONS)


def tables(counts: pl.DataFrame, options: tuple[str, ...] = OPTIONS) -> AuditData:
    """The counts as an authority publishes them, and as they would stand on confirmed sheets."""
    fields = [c for c in counts.columns if c not in ("station_id", "place_id", "region")]
    sheets = elections.sheets(counts.select("station_id", "place_id", "region", *fields))
    official = counts.select("station_id", *fields)
    return AuditData(
        counts,
        options,
        sheets=sheets,
        comparison=elections.comparison(counts, official),
        filings=elections.filings(counts),
    )


def votes_above_registered() -> AuditData:
    few = pl.int_range(pl.len()) % 6 == 0
    return tables(frame().with_columns(registered=pl.when(few).then(20).otherwise("registered")))


def zero_registered() -> AuditData:
    return tables(frame().with_columns(registered=pl.lit(0, pl.Int64)))


def all_blank() -> AuditData:
    nothing = [pl.lit(0, pl.Int64).alias(c) for c in (*OPTIONS, "valid", "null")]
    return tables(frame().with_columns(*nothing, blank="cast"))


def one_option() -> AuditData:
    counts = frame().drop("beto", "caro").with_columns(ana="valid")
    return tables(counts, ("ana",))


def one_region() -> AuditData:
    return tables(frame().with_columns(region=pl.lit("R")))


def one_place() -> AuditData:
    return tables(frame().with_columns(region=pl.lit("R"), place_id=pl.lit("P")))


def missing_registered() -> AuditData:
    return tables(frame().with_columns(registered=pl.lit(None, pl.Int64)))


def no_registered_column() -> AuditData:
    return AuditData(frame().drop("registered", "region", "place_id", "valid", "blank", "null"), OPTIONS)


def negative() -> AuditData:
    some = pl.int_range(pl.len()) % 7 == 0
    spoilt = [pl.when(some).then(-pl.col(c) - 1).otherwise(c).alias(c) for c in ("ana", "registered", "cast")]
    return tables(frame().with_columns(*spoilt))


def python_keywords() -> AuditData:
    names = dict(zip(OPTIONS, ("class", "None", "lambda"), strict=True))
    assert all(keyword.iskeyword(name) for name in names.values())
    return tables(frame().rename(names), tuple(names.values()))


def names_that_mean_something_elsewhere() -> AuditData:
    """Options called like the columns that audits make for themselves, with braces and quotes."""
    names = dict(zip(OPTIONS, ("row", "station", 'a "{b}" / c'), strict=True))
    return tables(frame().rename(names), tuple(names.values()))


CASES: dict[str, Callable[[], AuditData]] = {
    f.__name__.replace("_", " "): f
    for f in (
        votes_above_registered,
        zero_registered,
        all_blank,
        one_option,
        one_region,
        one_place,
        missing_registered,
        no_registered_column,
        negative,
        python_keywords,
        names_that_mean_something_elsewhere,
    )
}
HARMLESS = {"zero registered", "one region", "missing registered", "no registered column", "python keywords"}


def answered(audit_id: str, data: AuditData) -> AuditResult:
    """It answers, or gives its reason in one sentence that names no Python."""
    result = examine(audit_id, data)
    if not result.applies:
        assert result.why_not is not None
        reason = result.why_not.text()
        assert reason.endswith(".") and "\n" not in reason and reason.count(". ") == 0, reason
        assert "Error" not in reason and "Traceback" not in reason and "{" not in reason
    return result


@pytest.mark.parametrize("audit_id", sorted(REGISTRY))
@pytest.mark.parametrize("case", CASES)
def test_every_audit_answers_or_says_in_one_sentence_why_not(audit_id: str, case: str) -> None:
    result = answered(audit_id, CASES[case]())
    if case in HARMLESS:
        assert all(p > 1e-4 for p in result.pvalues().values()), "bad input is no pattern"


def test_names_of_options_change_no_answer() -> None:
    plain = tables(frame())
    for audit_id, entry in REGISTRY.items():
        one = entry.function(plain, calibrate=False)
        for case in (python_keywords, names_that_mean_something_elsewhere):
            two = entry.function(case(), calibrate=False)
            assert (one.applies, one.n, one.effect_votes) == (two.applies, two.n, two.effect_votes), audit_id
            assert list(one.pvalues().values()) == list(two.pvalues().values()), audit_id


def test_an_option_called_like_a_column_of_the_counts_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="registered"):
        AuditData(frame(), ("ana", "registered"))
    with pytest.raises(ValueError, match="region"):
        AuditData(frame(), ("ana", "region"))
