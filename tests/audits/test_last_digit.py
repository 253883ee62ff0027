"""Last digits: the published figures, the null's exactness, and what the test sees and does not see."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom, chi2

from audits.audit import REGISTRY, AuditData, run
from audits.clean import draw
from audits.last_digit import (
    DIGITS,
    FULL,
    LEAST,
    PAIRS,
    _add_expected,
    contrasts,
    last_digit,
    published,
    sums,
    weight,
)
from tabulate.official import read_official
from tests.audits import elections

SERIES = {"bolivia2019_MAS": "MAS - IPSP", "bolivia2019_CC": "CC"}


@pytest.mark.parametrize("series", SERIES)
def test_the_published_figures(real_data: Path, series: str) -> None:
    with (real_data / "reference" / "benford_digits_R.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if r["series"] == series)
    count = read_official(real_data / "official" / "bo-2019" / "final_computo.csv", "auto")
    found = published(count.counts[SERIES[series]].to_numpy())
    names = {
        "n": "n_ge10",
        "mean": "lastdigit_mean",
        "chi2": "lastdigit_chisq9",
        "tail_if_even": "lastdigit_p",
        "in_0_5": "C05s",
        "repeated": "BeberScacco_repeat",
        "adjacent": "BeberScacco_adjacent",
        "others": "BeberScacco_nonadjacent",
    }
    for ours, theirs in names.items():
        assert found[ours] == pytest.approx(float(row[theirs]), rel=1e-6), ours


def test_a_clean_count_that_even_digits_call_uneven(real_data: Path) -> None:
    """The many small counts of Bolivia 2019's second candidate: 3e-8 as published, nothing against the counts near by."""
    count = read_official(real_data / "official" / "bo-2019" / "final_computo.csv", "auto")
    votes = count.counts["CC"].to_numpy().astype(np.int64)
    assert published(votes)["tail_if_even"] < 1e-7
    assert sums(votes).pvalue(DIGITS)[1] > 0.05


def test_the_weight_rises_smoothly_from_nothing_to_one() -> None:
    w = weight(300)
    assert not w[: LEAST + 1].any() and np.allclose(w[FULL:], 1) and (np.diff(w) >= 0).all()
    assert np.diff(w).max() < 0.03


@pytest.mark.parametrize("scale", [25.0, 60.0, 400.0])
def test_a_smooth_law_of_counts_has_no_contrast(scale: float) -> None:
    """Under a law that falls as steeply as small parties' counts do, the sums are zero to far below their spread."""
    k = np.arange(6000)
    law = np.exp(-k / scale)
    law *= 200_000 / law.sum()
    c = contrasts(k.size)
    drift = c @ law
    spread = np.sqrt((c * c) @ law)
    assert np.abs(drift / spread).max() < 0.15
    naive = np.array([law[(k >= 10) & (k % 10 == d)].sum() for d in range(10)])
    even = naive.sum() / 10
    if scale < 100:
        assert ((naive - even) ** 2 / even).sum() > 100  # against even digits it would be overwhelming


def test_the_quadratic_forms_are_chi_squared() -> None:
    random = np.random.default_rng(4)
    scores = np.array(
        [
            [s.pvalue(DIGITS)[0], s.pvalue(PAIRS)[0]]
            for s in (sums(random.negative_binomial(2, 0.015, 2000)) for _ in range(400))
        ]
    )
    for column, freedom in enumerate((9, 2)):
        below = (scores[:, column] < chi2.ppf([0.5, 0.9], freedom)[:, None]).mean(axis=1)
        assert np.abs(below - [0.5, 0.9]).max() < 0.07


def test_counts_beyond_ten_thousand_keep_their_last_digits() -> None:
    small = np.array([9_017, 9_455, 9_999])
    assert np.allclose(sums(small + 41_000).total, sums(small).total)


def test_a_clean_election_keeps_every_stations_total() -> None:
    random = np.random.default_rng(5)
    votes = random.integers(0, 300, (50, 4))
    votes[7] = 0
    drawn = draw(votes, np.arange(50) % 3, np.arange(50) // 4, random)
    assert (drawn.sum(axis=1) == votes.sum(axis=1)).all() and (drawn >= 0).all()


def test_the_whole_and_its_pairs_are_two_tests() -> None:
    random = np.random.default_rng(6)
    frame = pl.DataFrame(
        {
            "station_id": [str(i) for i in range(400)],
            "a": random.integers(0, 500, 400),
            "b": random.integers(0, 90, 400),
        }
    )
    battery = run(AuditData(frame, ("a", "b")), ["last-digit"], calibrate=False)
    assert set(battery.tests) == {"last-digit", "last-digit/pairs"}
    few = REGISTRY["last-digit"].function(AuditData(frame.head(60), ("a", "b")))
    assert not few.applies and "200 counts" in few.why_not.text()


def test_expected_counts_are_those_of_the_binomial() -> None:
    expected = np.zeros(FULL + 200)
    n, share = np.array([50, 120, 20, 9, 5000]), np.array([0.5, 0.12, 0.97, 0.9, 0.004])
    _add_expected(expected, n, share)
    k = np.arange(expected.size)
    wanted = sum(binom.pmf(k, m, p) for m, p in zip(n, share, strict=True) if m > 9)
    assert np.allclose(expected[LEAST:], wanted[LEAST:], atol=1e-9)


def test_the_rate_on_large_elections_hangs_little_on_the_seed() -> None:
    """Counted from whole sums it would be anywhere between 3 and 12 percent, by the chance of the few elections drawn."""
    frame = elections.counts(np.random.default_rng(9), 9000)
    data = AuditData(frame, elections.OPTIONS)
    found = [REGISTRY["last-digit"].function(data, seed=seed) for seed in range(3)]
    for result in found:
        assert result.calibration["method"] == "drift and spread" and result.calibration["drift_9"] < 0.1
        assert 0.02 < result.false_alarm_rate < 0.08


def test_it_says_so_when_no_station_has_a_number_for_every_option() -> None:
    """Coahuila's PREP leaves the combinations that got nothing empty; there are counts enough, and none is looked at."""
    rng = np.random.default_rng(1)
    votes = {"ana": rng.integers(100, 300, 900), "beto": rng.integers(100, 300, 900)}
    counts = pl.DataFrame({"station_id": [f"{i:04d}" for i in range(900)], **votes, "both": [None] * 900})
    result = last_digit(AuditData(counts=counts, options=("ana", "beto", "both")), calibrate=False)
    assert not result.applies and result.why_not is not None
    assert "every option" in result.why_not.text()
