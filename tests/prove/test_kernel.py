"""The stable statistic against its spread on clean elections, and its level at more elections and at a national size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits import resampled
from audits.audit import AuditData, run
from audits.clean import draw_election, election
from audits.kernel import design, fit
from benchmarks._elections import DESIGNS, twelve_options
from benchmarks.kernel import table

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]


def test_seeds_move_nothing_and_clean_elections_do(real_data: Path) -> None:
    """S.d. over 20 seeds at most a tenth of that over clean elections; there are no resamples to change."""
    frame = table("spikes_output_data.csv.gz")
    assert frame is not None
    ids = pl.int_range(frame.height, eager=True).cast(pl.String)
    data = AuditData(
        frame.select(station_id=ids, registered="registered", cast="ballots", leader="votes"), ("leader",)
    )
    seeds = [
        run(data, ["resampled-kernel"], k, calibrate=False)["resampled-kernel"].statistic for k in range(20)
    ]
    e = election(data)
    assert e is not None
    drawn = [draw_election(e, np.random.default_rng([1, k])) for k in range(40)]
    clean = [fit(design(x.cast), x.votes[:, 0]).statistic for x in drawn]
    print("seeds", np.std(seeds), "clean", np.mean(clean), np.std(clean))
    assert np.std(seeds) <= 0.1 * np.std(clean)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_packages_runs_are_among_ours_with_any_seed(real_data: Path, seed: int) -> None:
    frame = table("spikes_output_data.csv.gz")
    assert frame is not None
    found = resampled.published(frame, 1000, np.random.default_rng(seed))
    print(found)
    assert found["low"] <= 0.0389 < 0.0405 <= found["high"]


def rejected(made: Callable[[np.random.Generator], AuditData], elections: int) -> int:
    low = 0
    for k in range(elections):
        result = run(made(np.random.default_rng([2, k])), ["resampled-kernel"], calibrate=False)
        p = result["resampled-kernel"].pvalue
        low += p is not None and p <= 0.05
    print(low, "of", elections)
    return low


def bound(elections: int) -> float:
    """The 99.9 % binomial bound of 5 %."""
    return 0.05 * elections + 3.1 * float(np.sqrt(0.05 * 0.95 * elections))


@pytest.mark.parametrize("name", DESIGNS)
def test_it_keeps_its_level(name: str) -> None:
    assert rejected(DESIGNS[name], 2000) <= bound(2000)


def test_it_keeps_its_level_at_a_national_size() -> None:
    assert rejected(lambda rng: twelve_options(rng, 50_000), 100) <= bound(100)
