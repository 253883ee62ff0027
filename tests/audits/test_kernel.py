"""Shares that gather at single values: the smooth law between the counts that are possible, and the published figure."""

from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
from scipy.stats import betabinom, binom, expon

from audits import kernel, resampled
from audits.audit import AuditData
from audits.kernel import BINS, LEVEL, design, fit, resampled_kernel
from tests.audits import elections


def stations(
    rng: np.random.Generator, size: int, low: int = 24, high: int = 900
) -> tuple[np.ndarray, np.ndarray]:
    """Ballots, and the leader's votes of people who all think alike: as sharply peaked as votes can be."""
    ballots = rng.integers(low, high, size)
    return ballots, rng.binomial(ballots, 0.5)


def test_a_bin_has_the_room_of_the_counts_that_fall_into_it() -> None:
    """By listing them: stations of 30 to 33 ballots, and every count of each."""
    ballots = np.array([30, 30, 31, 33])
    d = design(ballots)
    assert len(d.room) == 1
    by_hand = np.zeros(BINS + 1)
    for t in ballots:
        for v in range(t + 1):
            x = v / t
            if x * (1 - x) * 30 >= 6:
                by_hand[round(BINS * x)] += 1 / t / len(ballots) / (2 * np.sqrt(x * (1 - x)))
    assert d.room[0] == pytest.approx(by_hand, rel=2e-3)
    assert d.room[0, 500] > 0 and d.room[0, 501] == 0, "one half is possible, 0.501 of so few ballots is not"


def test_expectation_is_that_of_the_binomial() -> None:
    """The mean of `expected` over elections, against the exact probabilities of the law they are drawn from."""
    rng = np.random.default_rng(1)
    ballots = np.repeat(rng.integers(40, 400, 300), 60)
    d = design(ballots)
    exact = np.zeros(BINS + 1)
    for t, many in zip(*np.unique(ballots, return_counts=True), strict=True):
        v = np.arange(t + 1)
        np.add.at(exact, (2 * BINS * v + t) // (2 * t), many * binom.pmf(v, t, 0.5))
    runs = [fit(d, rng.binomial(ballots, 0.5)) for _ in range(20)]
    expected = np.mean([r.expected for r in runs], axis=0)
    seen = np.mean([r.seen for r in runs], axis=0)
    many = exact > 20
    assert many.sum() > 30
    assert seen[many] == pytest.approx(exact[many], rel=0.25)
    z = (expected - exact)[many] / np.sqrt(exact[many])
    assert np.abs(z).mean() < 0.3, "no bin is off by what one election could tell"
    assert abs(float((expected - exact)[many].sum() / exact[many].sum())) < 0.01


def test_the_pvalue_is_the_tail_of_its_law() -> None:
    """Against simulation: a binomial number of bins outside, each with a standard exponential."""
    rng = np.random.default_rng(2)
    outside = rng.binomial(900, LEVEL, 40_000)
    evidence = np.array([rng.exponential(size=k).sum() for k in outside])
    for x in (0.5, 2.0, 6.0):
        assert kernel._tail(x, 900, LEVEL) == pytest.approx((evidence >= x).mean(), rel=0.15)
    assert kernel._tail(25.0, 1, 1.0) == pytest.approx(expon.sf(25.0), rel=1e-6)
    assert 0 < kernel._tail(300.0, 900, LEVEL) < 1e-60
    assert kernel._tail(kernel._line(900), 900, LEVEL) == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize(("low", "high"), [(24, 60), (150, 152), (300, 900), (2000, 9000)])
def test_people_who_all_think_alike_are_no_pattern(low: int, high: int) -> None:
    """The sharpest peak that counting allows, at sizes all alike or mixed, is followed."""
    rng = np.random.default_rng(3)
    spoke = outside = tested = 0
    for _ in range(40):
        ballots, votes = stations(rng, 3000, low, high)
        found = fit(design(ballots), votes)
        spoke += found.pvalue <= 0.05
        outside += int((found.tail <= 10 * LEVEL).sum())
        tested += found.tested
    assert spoke <= 6  # P(more than 6 of 40 | 5 %) = 0.3 %
    assert outside <= 10 * LEVEL * tested + 4 * np.sqrt(10 * LEVEL * tested)


def test_a_spike_is_found_where_it_is() -> None:
    rng = np.random.default_rng(4)
    ballots = rng.integers(200, 800, 4000)
    votes = rng.binomial(ballots, rng.beta(10, 8, 4000))
    made = np.arange(4000) % 50 == 0
    changed = np.where(made, np.rint(0.62 * ballots), votes).astype(np.int64)
    d = design(ballots)
    clean, found = fit(d, votes), fit(d, changed)
    assert clean.pvalue > 0.01 > 1e-5 > found.pvalue
    assert int(np.argmin(found.tail)) == 620
    assert found.statistic == pytest.approx(100 * found.beyond.sum() / 4000)
    assert 0.4 < found.statistic < 2.2, (
        "two percent of the stations were moved there; a part lands beside the bin"
    )


def test_nothing_drifts_because_nothing_is_drawn() -> None:
    """The statistic has no seed and no number of resamples: over 20 seeds its spread is zero."""
    frame = elections.counts(np.random.default_rng(5), 600)
    data = AuditData(frame, elections.OPTIONS)
    results = [resampled_kernel(data, seed=seed, calibrate=False) for seed in range(20)]
    assert len({(r.statistic, r.pvalue) for r in results}) == 1


def test_stations_too_small_or_too_large_are_left_out_and_counted() -> None:
    frame = elections.counts(np.random.default_rng(6), 200)
    grown = (
        pl.when(pl.int_range(pl.len()) < 3).then(100).when(pl.int_range(pl.len()) < 8).then(0).otherwise(1)
    )
    data = AuditData(frame.with_columns(pl.col("ana") * grown, pl.col("cast") * grown), elections.OPTIONS)
    result = resampled_kernel(data, calibrate=False)
    assert result.n == 192
    assert "others: 8." in " ".join(note.text() for note in result.notes)
    few = resampled_kernel(AuditData(frame.head(30), elections.OPTIONS))
    assert not few.applies and "50 stations" in few.why_not.text()


def test_the_rate_is_measured_and_is_that_of_counted_alarms() -> None:
    frame = elections.counts(np.random.default_rng(7), 2500)
    data = AuditData(frame, elections.OPTIONS)
    rate, said = kernel._calibrated(data, np.random.default_rng(1))
    assert rate is not None and 0 < rate <= 0.06 and said["power_10"] >= said["power_1"]
    again, _ = kernel._calibrated(data, np.random.default_rng(1))
    assert again == rate


# ----------------------------------------------------------------------------------------------- the published figure


def test_beta_binomials_drawn_fast_have_their_law() -> None:
    rng = np.random.default_rng(8)
    for n, a, b in ((400, 30.0, 20.0), (150, 120.0, 12.0), (40, 5.0, 60.0)):
        one = np.full(200_000, 1.0)
        drawn = resampled._beta_binomial(n * one, a * one, b * one, rng).astype(np.int64)
        seen = np.bincount(drawn, minlength=n + 1)
        law = betabinom(n, a, b)
        assert drawn.mean() == pytest.approx(law.mean(), abs=4 * law.std() / 447)
        assert drawn.std() == pytest.approx(law.std(), rel=0.01)
        cumulated = np.abs(np.cumsum(seen) / 200_000 - law.cdf(np.arange(n + 1))).max()
        assert cumulated < 0.012


def test_the_prior_follows_the_stations() -> None:
    rng = np.random.default_rng(9)
    n = rng.integers(100, 700, 20_000)
    low = rng.random(20_000) < 0.4
    p = np.where(low, rng.beta(12, 48, 20_000), rng.beta(40, 25, 20_000))
    prior = resampled.fit_prior(rng.binomial(n, p), n)
    x = np.arange(1, 100) / 100
    mean = float((prior.density() * x).sum() / prior.density().sum())
    assert prior.a.size >= 2 and mean == pytest.approx(p.mean(), abs=0.01)
    assert prior.density()[np.abs(x - 0.4).argmin()] < prior.density()[[19, 61]].min()


def test_the_published_figure_falls_as_resamples_grow() -> None:
    rng = np.random.default_rng(10)
    frame = pl.DataFrame({"registered": rng.integers(200, 700, 1500)})
    ballots = rng.binomial(frame["registered"].to_numpy(), rng.beta(30, 15, 1500))
    frame = frame.with_columns(ballots=ballots, votes=rng.binomial(ballots, rng.beta(15, 15, 1500)))
    means = [resampled.published(frame, k, np.random.default_rng(1))["mean"] for k in (10, 100, 1000)]
    assert means[0] > means[1] > means[2] >= 0
    assert resampled.published(frame, 100, np.random.default_rng(3)) == resampled.published(
        frame, 100, np.random.default_rng(3)
    )


def spikes(real_data: object) -> pl.DataFrame:
    raw = pl.read_csv(f"{real_data}/reference/spikes_output_data.csv.gz")
    return raw.rename({"N": "registered", "t": "ballots", "v": "votes"})


def test_the_packages_two_runs_are_runs_of_ours(real_data: object) -> None:
    """The package printed 0.0389 and 0.0405 with 1,000 resamples: one run each, of many that could have been."""
    frame = spikes(real_data)
    start = time.process_time()
    found = resampled.published(frame, 1000, np.random.default_rng(1))
    cpu = time.process_time() - start
    assert found["low"] <= 0.0389 < 0.0405 <= found["high"]
    assert 0.03 < found["mean"] < 0.09, "and not as with 200 resamples"
    assert cpu < 268 / 20


def test_the_stable_figure_on_canada_is_within_chance_and_on_russia_it_is_not(real_data: object) -> None:
    frame = spikes(real_data)
    canada = fit(design(frame["ballots"].to_numpy()), frame["votes"].to_numpy())
    assert canada.pvalue > 0.05
    raw = pl.read_parquet(f"{real_data}/reference/klimek_russia2012.parquet").filter(pl.col("turnout") > 0)
    raw = raw.filter(pl.col("votes") <= pl.col("turnout"))
    russia = fit(design(raw["turnout"].to_numpy()), raw["votes"].to_numpy())
    assert russia.pvalue < 1e-4
    worst = np.argsort(russia.tail)[:3]
    assert (worst % 50 == 0).all(), "the three most surprising bins are multiples of five percent"


def test_cost_on_a_hundred_thousand_stations() -> None:
    rng = np.random.default_rng(11)
    ballots, votes = stations(rng, 100_000)
    start = time.process_time()
    found = fit(design(ballots), votes)
    assert time.process_time() - start < 0.5
    assert found.pvalue > 0.001 and found.stations == 100_000
