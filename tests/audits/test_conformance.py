"""What every audit must do, whatever it is about. It runs over the registry, so a new audit is in it by itself;
only `NULLS` and `FINDS` need a line for it: elections it must stay silent on, and one it must speak on."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

import audits
from audits.audit import ALPHA, GRADES, REGISTRY, AuditData, AuditResult, run
from audits.plant import PLANTS
from audits.words import FLAGGED, headline
from tests.audits import elections

SEED = 20260607
FORBIDDEN = re.compile(r"fraud|rigg|stolen|manipul|amañad|robad|irregularit", re.IGNORECASE)
every_audit = pytest.mark.parametrize("audit_id", sorted(REGISTRY))


def rng(salt: int = 0) -> np.random.Generator:
    return np.random.default_rng([SEED, salt])


def document(audit_id: str, data: AuditData, seed: int = 0) -> str:
    return json.dumps(run(data, [audit_id], seed=seed).to_json(), allow_nan=False, sort_keys=False)


def examine(audit_id: str, data: AuditData, seed: int = 0) -> AuditResult:
    """Run it and check everything that holds for any result on any data."""
    battery = run(data, [audit_id], seed=seed)
    result, entry = battery[audit_id], REGISTRY[audit_id]
    json.dumps(battery.to_json(), allow_nan=False)
    assert (result.id, result.grade) == (entry.id, entry.grade)
    assert set(result.assumptions) == set(entry.assumptions)
    assert result.applies == (result.why_not is None)
    assert all(0 <= p <= 1 for p in result.pvalues().values())
    assert result.pvalue is None or result.grade in "CD", "a p-value is never better evidence than grade C"
    for name in result.pvalues():
        assert name == "" or result.parts[name]["grade"] in "CD"
    assert result.false_alarm_rate is None or 0 <= result.false_alarm_rate <= 1
    assert dict(result.flagged.schema) == FLAGGED
    assert set(result.flagged["grade"]) <= set(GRADES[GRADES.index(entry.grade) :]), (
        "better than its audit's grade"
    )
    assert (result.flagged["votes"].drop_nulls() >= 0).all()
    assert result.n >= 0
    if not result.applies:
        assert result.statistic is None and result.pvalue is None and not result.flagged_stations
    words = [headline(entry, result), *result.flagged["evidence"], *(note.text() for note in result.notes)]
    assert not any(FORBIDDEN.search(text) or "{" in text for text in words)
    return result


# ------------------------------------------------------------------------------------------------ paperwork


@every_audit
def test_its_paperwork_is_complete(audit_id: str) -> None:
    entry = REGISTRY[audit_id]
    assert entry.id == audit_id and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", audit_id)
    assert entry.grade in GRADES
    doc = inspect.getdoc(entry.function) or ""
    own = doc.split("Null hypothesis\n---")[0]
    assert own.count(" ") > 20, "the docstring says what is computed"
    for section in ("Null hypothesis", "Assumptions", "Innocent explanations", "Pitfalls", "Citation"):
        assert f"{section}\n{'-' * len(section)}\n" in doc
    for text in (entry.null_hypothesis, *entry.assumptions, *entry.pitfalls, entry.citation):
        assert text in doc
    if entry.grade != "D":
        assert re.search(r"\b(1[89]|20)\d\d\b|own rule", entry.citation), (
            "a paper with its year, or whose rule it is"
        )
    texts = [entry.title, entry.null_hypothesis, entry.citation]
    for several in (entry.assumptions, entry.innocent_explanations, entry.pitfalls):
        assert several
        texts += several
    assert all(text.strip() for text in texts)
    assert not any(FORBIDDEN.search(text) for text in texts if text != entry.citation)
    assert all(need.split(".")[0] in elections.TABLES for need in entry.needs)


def test_every_module_with_an_audit_is_loaded_by_the_package() -> None:
    for module in pkgutil.iter_modules(audits.__path__):
        source = inspect.getsource(importlib.import_module(f"audits.{module.name}"))
        assert ("\n@audit(" in source) == (module.name in audits.__all__), module.name


def test_audits_know_nothing_of_the_other_rooms_the_disk_or_the_clock() -> None:
    for module in pkgutil.iter_modules(audits.__path__):
        source = inspect.getsource(importlib.import_module(f"audits.{module.name}"))
        found = re.findall(r"^\s*(?:from|import) (\w+)", source, re.MULTILINE)
        assert not {
            "ocr",
            "tabulate",
            "dashboard",
            "os",
            "pathlib",
            "io",
            "time",
            "datetime",
            "random",
        } & set(found)
        assert "open(" not in source and "read_csv" not in source


# ------------------------------------------------------------------------------------------- strange inputs


@every_audit
def test_no_tables_and_empty_tables(audit_id: str) -> None:
    assert not examine(audit_id, AuditData()).applies
    assert not examine(audit_id, elections.each(elections.clean(rng()), lambda f: f.head(0))).applies


@every_audit
@pytest.mark.parametrize("stations", [1, 2, 3, 7])
def test_tiny(audit_id: str, stations: int) -> None:
    assert not examine(audit_id, elections.clean(rng(stations), stations)).flagged_stations
    examine(audit_id, elections.with_errors(rng(stations), stations))


@every_audit
@pytest.mark.parametrize("value", [0, 1, 100, 1_000_000])
def test_every_number_the_same(audit_id: str, value: int) -> None:
    def constant(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.lit(value, dtype=pl.Int64).alias(c) for c, t in frame.schema.items() if t == pl.Int64
        )

    examine(audit_id, elections.each(elections.clean(rng(), 30), constant))


@every_audit
def test_negative_and_enormous_numbers(audit_id: str) -> None:
    for number in (-5, 10**9):

        def spoil(frame: pl.DataFrame, number: int = number) -> pl.DataFrame:
            every = pl.int_range(pl.len()) % 5 == 0
            return frame.with_columns(
                pl.when(every).then(number).otherwise(pl.col(c)).alias(c)
                for c, t in frame.schema.items()
                if t == pl.Int64
            )

        examine(audit_id, elections.each(elections.clean(rng(), 30), spoil))


@every_audit
def test_nulls(audit_id: str) -> None:
    holes = rng(1)

    def pierce(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.when(pl.Series(holes.random(frame.height) < 0.3)).then(None).otherwise(pl.col(c)).alias(c)
            for c, t in frame.schema.items()
            if t == pl.Int64 or c in ("photo", "region", "place_id", "station_read")
            if not (c == "photo" and "station_claimed" in frame.columns)
        )

    full = examine(audit_id, elections.with_errors(rng(), 60))
    pierced = examine(audit_id, elections.each(elections.with_errors(rng(), 60), pierce))
    assert (
        pierced.n <= full.n or pierced.n <= 2 * full.n
    )  # photos may split a sheet, nothing else may add to it
    nothing = elections.each(
        elections.clean(rng(), 20),
        lambda f: f.with_columns(
            pl.lit(None, dtype=pl.Int64).alias(c) for c, t in f.schema.items() if t == pl.Int64
        ),
    )
    assert not examine(audit_id, nothing).flagged_stations


# ------------------------------------------------------------------------------------------- what must not matter


@every_audit
def test_the_order_of_rows_does_not_matter(audit_id: str) -> None:
    data = elections.with_errors(rng(), 60)
    shuffled = elections.each(data, lambda f: f.sample(fraction=1, shuffle=True, seed=3))
    assert document(audit_id, data) == document(audit_id, shuffled)


@every_audit
def test_the_names_of_options_do_not_matter(audit_id: str) -> None:
    new = {"ana": "zz", "beto": "aa", "caro": "mm"}

    def rename(frame: pl.DataFrame) -> pl.DataFrame:
        if "field" in frame.columns:
            frame = frame.with_columns(pl.col("field").replace(new))
        return frame.rename(new, strict=False)

    data = elections.with_errors(rng(), 60)
    changed = elections.each(AuditData(options=data.options), rename)
    changed = AuditData(
        options=tuple(new.values()),
        **{t: rename(getattr(data, t)) for t in elections.TABLES},
    )
    one, two = examine(audit_id, data), examine(audit_id, changed)
    assert (one.statistic, one.pvalue, one.effect_votes, one.n) == (
        two.statistic,
        two.pvalue,
        two.effect_votes,
        two.n,
    )
    assert list(one.pvalues().values()) == list(two.pvalues().values())
    assert one.flagged_stations == two.flagged_stations


@every_audit
def test_same_seed_same_bytes_alone_or_in_company(audit_id: str) -> None:
    data = elections.with_errors(rng(), 60)
    assert document(audit_id, data, seed=5) == document(audit_id, elections.with_errors(rng(), 60), seed=5)
    together, alone = run(data, seed=5)[audit_id], run(data, [audit_id], seed=5)[audit_id]
    assert together.statistic == alone.statistic and together.pvalues() == alone.pvalues()
    assert together.false_alarm_rate == alone.false_alarm_rate
    assert together.flagged.equals(alone.flagged)


@every_audit
def test_it_leaves_its_tables_alone(audit_id: str) -> None:
    data, same = elections.with_errors(rng(), 30), elections.with_errors(rng(), 30)
    run(data, [audit_id])
    for table in elections.TABLES:
        assert getattr(data, table).equals(getattr(same, table))


# ------------------------------------------------------------------------------------------------ false alarms


def misread(data: AuditData, random: np.random.Generator) -> AuditData:
    """A clean election as a machine sees it: one number in ten is wrong, and none of those is confirmed."""

    def spoil(frame: pl.DataFrame) -> pl.DataFrame:
        wrong = pl.Series(random.random(frame.height) < 0.1)
        columns = [c for c in ("value", "left") if c in frame.columns]
        frame = frame.with_columns(
            *(pl.when(wrong).then(pl.col(c) + 60).otherwise(pl.col(c)).alias(c) for c in columns),
            confirmed=pl.lit(True) & ~wrong,
        )
        if "station_read" in frame.columns:
            frame = frame.with_columns(
                pl.when(wrong).then(pl.lit("777")).otherwise("station_read").alias("station_read")
            )
        return frame

    tables = {t: spoil(getattr(data, t)) for t in ("sheets", "sums", "comparison", "filings")}
    return AuditData(counts=data.counts, options=data.options, **tables)


def overdispersed(random: np.random.Generator) -> AuditData:
    """Shares spread far wider than a binomial, differently in each region, and a few giant stations."""
    frame = elections.counts(random, 300, spread=float(random.uniform(4, 60)))
    large = pl.int_range(pl.len()) % 50 == 0
    grown = [c for c in frame.columns if frame.schema[c] == pl.Int64]
    factor = pl.when(large).then(int(random.integers(7, 14))).otherwise(1)
    return AuditData(counts=frame.with_columns(pl.col(c) * factor for c in grown), options=elections.OPTIONS)


def even_errors(random: np.random.Generator) -> AuditData:
    """Honest copying errors, heavy-tailed and hitting several options of a station at once; no side is favoured."""
    frame = elections.counts(random, 40)
    size = np.ceil(np.exp(random.normal(1, 1.5, 40))).astype(np.int64)
    sign = random.choice([-1, 1], 40)
    official = frame.with_columns(
        pl.Series("ana", frame["ana"].to_numpy() + sign * size),
        pl.Series("beto", frame["beto"].to_numpy() - sign * (size // 2)),
        pl.Series("caro", frame["caro"].to_numpy() + sign * (size % 3)),
    )
    return AuditData(comparison=elections.comparison(frame, official), options=elections.OPTIONS)


def alike_neighbours(random: np.random.Generator) -> AuditData:
    """Small stations, as many votes at each of a place, whose people vote exactly alike: equal results are common."""
    shares = random.beta(2, 2, 50)[np.arange(200) // 4]
    valid = random.integers(1, 40, 50)[np.arange(200) // 4]
    ana = random.binomial(valid, shares)
    beto = random.binomial(valid - ana, 0.7)
    frame = elections.counts(random, 200).with_columns(
        pl.Series("ana", ana), pl.Series("beto", beto), pl.Series("caro", valid - ana - beto)
    )
    return AuditData(counts=frame, options=elections.OPTIONS)


# Per audit: an election without anything to find, drawn from a law no kinder than its null hypothesis.
NULLS: dict[str, Callable[[np.random.Generator], AuditData]] = {
    "arithmetic": lambda random: misread(elections.clean(random, 40), random),
    "comparison": even_errors,
    "corrections": lambda random: elections.clean(random, 40),
    "filings": lambda random: misread(elections.clean(random, 40), random),
    "identical-rows": alike_neighbours,
    "integer-percent": overdispersed,
    "last-digit": overdispersed,
    "records": lambda random: elections.clean(random, 40),
    "same-writing": lambda random: misread(elections.clean(random, 40), random),
    "small-stations": overdispersed,
    "resampled-kernel": overdispersed,
    "forensics-toolkit": overdispersed,
    "fingerprint": overdispersed,
}
# Audits without a test must flag nobody on their null. (Copying errors are there to be flagged, but not the rest.)
SILENT: dict[str, Callable[[np.random.Generator], AuditData]] = {
    **NULLS,
    "comparison": lambda random: misread(elections.clean(random, 40), random),
}


def rounded_turnout() -> AuditData:
    frame = elections.counts(rng(9), 400)
    whole = (
        (pl.col("registered") * (100 * pl.col("voted") / pl.col("registered")).round() / 100)
        .round()
        .cast(pl.Int64)
    )
    return AuditData(counts=frame.with_columns(voted=whole), options=elections.OPTIONS)


def invented_digits() -> AuditData:
    """Half of the leader's counts were made up, with a liking for some last digits."""
    random = rng(10)
    frame = elections.counts(random, 2000)
    made_up = random.random(2000) < 1 / 2
    digit = random.choice(10, 2000, p=[0.02, 0.05, 0.14, 0.16, 0.1, 0.05, 0.12, 0.2, 0.12, 0.04])
    ana = frame["ana"].to_numpy()
    return AuditData(
        counts=frame.with_columns(pl.Series("ana", np.where(made_up, ana // 10 * 10 + digit, ana))),
        options=elections.OPTIONS,
    )


def small_lean() -> AuditData:
    """Half of what the others have is the leader's wherever the list has fewer than 300 people."""
    moved = pl.when(pl.col("registered") < 300).then(pl.col("beto") // 2).otherwise(0)
    frame = elections.counts(rng(12), 400).with_columns(
        ana=pl.col("ana") + moved, beto=pl.col("beto") - moved
    )
    return AuditData(counts=frame, options=elections.OPTIONS)


def fifths() -> AuditData:
    """In every fifth station the leader's share of the ballots is brought to the next multiple of five percent."""
    frame = elections.counts(rng(12), 3000, spread=20)
    rounded = ((20 * pl.col("ana") / pl.col("cast")).round() / 20 * pl.col("cast")).round().cast(pl.Int64)
    every = pl.int_range(pl.len()) % 5 == 0
    changed = frame.with_columns(ana=pl.when(every).then(rounded).otherwise("ana"))
    return AuditData(counts=changed, options=elections.OPTIONS)


def copied_rows() -> AuditData:
    """Every twentieth station has the votes of the one before, at the same place."""
    copied = pl.int_range(pl.len()) % 20 == 1
    frame = elections.counts(rng(11), 400).with_columns(
        pl.when(copied).then(pl.col(o).shift(1)).otherwise(o).alias(o) for o in elections.OPTIONS
    )
    return AuditData(counts=frame, options=elections.OPTIONS)


# Per audit: an election on which it must speak.
FINDS: dict[str, Callable[[], AuditData]] = {
    "arithmetic": lambda: elections.with_errors(rng(2)),
    "comparison": lambda: elections.with_errors(rng(2)),
    "corrections": lambda: elections.with_errors(rng(2)),
    "filings": lambda: elections.with_errors(rng(2)),
    "identical-rows": copied_rows,
    "integer-percent": rounded_turnout,
    "last-digit": invented_digits,
    "records": lambda: elections.with_errors(rng(2)),
    "same-writing": lambda: elections.with_errors(rng(2)),
    "small-stations": small_lean,
    "resampled-kernel": fifths,
    "forensics-toolkit": invented_digits,
    "fingerprint": invented_digits,
}


@every_audit
def test_false_alarms_are_no_more_than_stated(audit_id: str) -> None:
    random, alarms, tests = rng(3), 0, 0
    runs = 5 if REGISTRY[audit_id].grade == "D" else 120  # a description tests nothing
    for _ in range(runs):
        result = REGISTRY[audit_id].function(
            NULLS[audit_id](random), seed=int(random.integers(1 << 30)), calibrate=False
        )
        assert result.applies
        alarms += sum(p <= ALPHA for p in result.pvalues().values())
        tests += len(result.pvalues())
    # four standard errors: one seeded run in thirty thousand would fail by chance
    assert alarms <= ALPHA * tests + 4 * np.sqrt(ALPHA * (1 - ALPHA) * tests)
    for _ in range(10):
        result = REGISTRY[audit_id].function(SILENT[audit_id](random), calibrate=False)
        assert result.applies and not result.flagged_stations


@every_audit
def test_it_speaks_when_there_is_something(audit_id: str) -> None:
    data = FINDS[audit_id]()
    result = examine(audit_id, data)
    assert result.applies
    if result.grade == "D":
        assert not result.pvalues() and not result.flagged_stations, (
            "a description tests nothing and flags nobody"
        )
        return
    assert result.flagged_stations or (result.pvalue is not None and result.pvalue < 1e-6)
    clean = examine(audit_id, elections.clean(rng(2)))
    assert abs(result.statistic) > abs(clean.statistic)


@every_audit
def test_a_rate_or_a_reason_stands_beside_every_pvalue(audit_id: str) -> None:
    data = FINDS[audit_id]()
    result = REGISTRY[audit_id].function(data)
    if result.pvalue is not None:
        assert result.false_alarm_rate is not None and result.calibration
        assert result.calibration["plant"] in PLANTS, "power says what was planted"
        assert all(0 <= float(result.calibration[f"power_{part}"]) <= 1 for part in (1, 3, 10))
        off = REGISTRY[audit_id].function(data, calibrate=False)
        assert off.false_alarm_rate is None and off.pvalue == result.pvalue
        assert any("not measured" in note.text() for note in off.notes)
    for name in result.pvalues():
        assert not name or result.parts[name]["false_alarm_rate"] is not None
