from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from audits import poisson_binomial
from audits.poisson_binomial import upper_tail


def test_against_every_outcome_by_hand() -> None:
    p = np.array([0.1, 0.5, 0.9, 1.0, 0.0])
    for observed in range(-1, 7):
        exact = sum(
            np.prod([q if hit else 1 - q for q, hit in zip(p, outcome, strict=True)])
            for outcome in itertools.product((0, 1), repeat=5)
            if sum(outcome) >= observed
        )
        assert upper_tail(p, observed) == pytest.approx(exact, abs=1e-15)


@pytest.mark.parametrize("sigmas", [-3, -0.5, 0, 0.01, 0.5, 2, 6, 9])
def test_saddlepoint_agrees_with_the_exact_tail(sigmas: float) -> None:
    p = np.random.default_rng(3).beta(1, 9, 900)
    x = int(p.sum() + sigmas * np.sqrt((p * (1 - p)).sum()))
    assert poisson_binomial._saddlepoint(p, x) == pytest.approx(poisson_binomial._exact(p, x), rel=2e-3)


def test_large_equal_probabilities_are_binomial_far_out() -> None:
    n, q = 20_000, 0.2
    x = int(n * q + 9 * np.sqrt(n * q * (1 - q)))
    assert upper_tail(np.full(n, q), x) == pytest.approx(binom.sf(x - 1, n, q), rel=1e-3)


def test_the_ends() -> None:
    p = np.full(2000, 0.3)
    assert upper_tail(p, 0) == 1.0
    assert upper_tail(p, 2001) == 0.0
    assert 0 <= upper_tail(p, 2000) < 1e-300
    assert (
        upper_tail(np.ones(3), 3) == 1.0
        and upper_tail(np.zeros(3), 1) == 0.0
        and upper_tail(np.array([]), 0) == 1
    )
