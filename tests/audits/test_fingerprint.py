"""The fit of turnout and share: the paper's data, elections by its own model, and the arithmetic of the fit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData, AuditResult, run
from audits.fingerprint import (
    BINS,
    EXTREME_WIDTH,
    _least_squares,
    _nodes_half,
    centre,
    fit,
    histogram,
    law,
    spectrum,
    stations_of,
)
from tabulate.official import read_official
from tests.audits import elections

MOMENTS = {
    "n": "n",
    "mean": "mean_lograte",
    "sd": "sd",
    "skewness": "skew",
    "kurtosis": "kurt",
    "correlation": "cor_turnout_share",
}


def of(folder: Path, name: str) -> AuditResult:
    count = read_official(folder / "reference" / f"klimek_{name}.parquet", "auto")
    return run(AuditData(count.counts, tuple(count.options)), ["fingerprint"], calibrate=False)["fingerprint"]


@pytest.mark.parametrize("name", ["canada2011", "russia2011", "russia2012"])
def test_the_moments_of_the_log_vote_rate(real_data: Path, name: str) -> None:
    with (real_data / "reference" / "klimek_logvoterate_moments_qss.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if r["data"] == name)
    rate = of(real_data, name).parts["log-vote-rate"]
    for ours, theirs in MOMENTS.items():
        assert rate[ours] == pytest.approx(float(row[theirs]), rel=1e-6), ours


def test_the_fit_is_near_the_published_one(real_data: Path) -> None:
    """Canada 2011 is not distinguishable from zero; for Russia 2011 the paper has f_i .64 and f_e .033."""
    canada, russia = of(real_data, "canada2011").parts, of(real_data, "russia2011").parts
    for part in ("incremental", "extreme"):
        assert canada[part]["low"] == 0 and canada[part]["value"] < 0.01
    for part, published, near in (("incremental", 0.64, 0.05), ("extreme", 0.033, 0.015)):
        found = russia[part]
        assert found["low"] <= published <= found["high"]
        assert abs(found["value"] - published) < near and found["low"] > 0


def test_the_law_is_what_the_model_draws() -> None:
    rng, n = np.random.default_rng(1), 400_000
    turnout, share, alpha = (0.55, 0.08), (0.4, 0.09), 1.5
    a, v = rng.normal(*turnout, n), rng.normal(*share, n)
    some, most = np.abs(rng.normal(0, 0.3, n)), 1 - np.abs(rng.normal(0, EXTREME_WIDTH, n))
    kept = (np.minimum(a, v) > 0) & (np.maximum(np.maximum(a, v), some) < 1)
    for drawn, nodes in ((some, _nodes_half(0.3, 64)), (most, 1 - _nodes_half(EXTREME_WIDTH, 64))):
        x, turned, leant = drawn[kept], a[kept], v[kept]
        after = turned + x * (1 - turned)
        new = (turned * leant + x * (1 - turned) + x**alpha * turned * (1 - leant)) / after
        seen = np.bincount((new * BINS).astype(int).clip(0, BINS - 1), minlength=BINS) / new.size
        expected = law(turnout, share, nodes, alpha, 16)
        assert expected.sum() == pytest.approx(1)
        assert np.abs(seen - expected).sum() / 2 < 0.02


def test_the_least_squares_are_least_in_the_triangle() -> None:
    rng = np.random.default_rng(2)
    steps = np.linspace(0, 1, 101)
    grid = np.array([(a, b) for a in steps for b in steps if a + b <= 1 + 1e-12])
    for _ in range(30):
        basis, target = rng.normal(size=(BINS, 2)), rng.normal(size=BINS) + rng.normal(size=2).sum()
        _, bounded = _least_squares(basis, target)
        assert (bounded >= 0).all() and bounded.sum() <= 1 + 1e-9
        loss = ((target - grid @ basis.T) ** 2).sum(axis=1)
        assert ((target - basis @ bounded) ** 2).sum() <= loss.min() + 1e-9


def test_a_peak_with_few_stations_around_is_no_centre() -> None:
    rng = np.random.default_rng(3)
    wide, narrow = rng.normal(0.5, 0.1, 9000), rng.normal(0.85, 0.01, 2000)
    assert centre(spectrum(np.concatenate([wide, narrow]).clip(0, 1))) == pytest.approx(0.5, abs=0.03)


@pytest.mark.filterwarnings("error")
def test_centres_far_apart_and_at_the_ends() -> None:
    rng = np.random.default_rng(8)
    apart = np.concatenate([rng.normal(0.2, 0.01, 300), rng.normal(0.7, 0.01, 400)])
    assert centre(spectrum(apart)) == pytest.approx(0.7, abs=0.01)
    assert centre(spectrum(np.full(200, 0.999))) == pytest.approx(1, abs=0.01)
    assert centre(spectrum(np.zeros(200))) == pytest.approx(0, abs=0.01)


def test_what_is_at_the_top_is_found_as_extreme() -> None:
    rng, n = np.random.default_rng(4), 20_000
    turnout, share = rng.normal(0.55, 0.08, n).clip(0, 1), rng.normal(0.4, 0.07, n).clip(0, 1)
    assert fit(spectrum(turnout), spectrum(share)).bounded[1] < 0.002
    top = rng.random(n) < 0.05
    most = np.where(top, 1 - np.abs(rng.normal(0, EXTREME_WIDTH, n)), 0.0)
    after = turnout + most * (1 - turnout)
    new = (turnout * share + most * (1 - turnout) + most * turnout * (1 - share)) / after
    assert fit(spectrum(after), spectrum(new)).bounded[1] == pytest.approx(0.05, abs=0.01)


def test_the_picture_counts_the_stations_that_enter() -> None:
    data = elections.clean(np.random.default_rng(5), 200)
    picture, (s, leader, left_out) = histogram(data, 20), stations_of(data)
    assert picture.sum() == s.registered.size == 200 - left_out and leader == "ana"
    assert picture.sum(axis=1)[13:16].sum() > picture.sum() / 2, "turnout is about 70 percent"


def test_stations_that_do_not_fit_are_left_out_and_counted() -> None:
    frame = elections.counts(np.random.default_rng(6), 300)
    worse = frame.with_columns(
        pl.when(pl.int_range(pl.len()) < 100)
        .then(pl.col("registered") // 9)
        .otherwise("registered")
        .alias("registered")
    )
    result = run(AuditData(worse, elections.OPTIONS), ["fingerprint"])["fingerprint"]
    assert result.n == 200 and any(note.numbers.get("n") == 100 for note in result.notes)
    few = run(AuditData(worse.head(120), elections.OPTIONS), ["fingerprint"])["fingerprint"]
    assert not few.applies and few.why_not is not None and few.why_not.numbers["n"] == 20


def test_clean_elections_stand_beside_the_figures() -> None:
    """The calibration says what the fit gives with these voters, regions and spreads where nothing was done."""
    data = elections.clean(np.random.default_rng(7), 400)
    calibration = run(data, ["fingerprint"], seed=3)["fingerprint"].calibration
    assert calibration["elections"] == 20
    assert 0 <= calibration["incremental_mean"] <= calibration["incremental_highest"] <= 1


def test_regions_apart_are_an_assumption_not_met_and_no_votes_are_named() -> None:
    """Two regions of different turnout and share look like the incremental process; a number of votes would be a claim."""
    alike = elections.counts(np.random.default_rng(3), 3000)
    region = pl.col("station_id").str.ends_with("1")
    apart = elections.counts(np.random.default_rng(4), 3000).with_columns(
        region=pl.when(region).then(pl.lit("far")).otherwise(pl.lit("near")),
        ana=pl.when(region).then(pl.col("valid")).otherwise(pl.col("ana")),
        beto=pl.when(region).then(0).otherwise(pl.col("beto")),
        caro=pl.when(region).then(0).otherwise(pl.col("caro")),
    )
    one, two = (
        run(AuditData(f, elections.OPTIONS), ["fingerprint"], calibrate=False)["fingerprint"]
        for f in (alike, apart)
    )
    assert False not in one.assumptions.values() and False in two.assumptions.values()
    assert one.effect_votes is None and two.effect_votes is None
