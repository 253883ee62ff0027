"""The exact sign-flip test: by hand, against every pattern of signs, and its two ways against each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits import symmetry
from audits.symmetry import lower_tail, power, sign_test

sizes = st.integers(-9, 9).filter(bool)


def test_by_hand() -> None:
    """Six differences of one vote, all one way: 2 of the 64 patterns of signs go as far."""
    found = sign_test(np.array([1, 1, 1, 1, 1, 1, 0]))
    assert (found.stations, found.net, found.gross, found.pvalue) == (6, 6, 6, 2 / 64)
    # Five one way and one the other: a sum of 4 or more is 6 or 4 the same way, 2 * (1 + 6) of 64.
    assert sign_test(np.array([1, 1, 1, 1, 1, -1])).pvalue == 14 / 64
    assert sign_test(np.array([3, -3, 2, -2, 7, -7])).pvalue == 1.0
    assert found.false_alarm_rate == 2 / 64
    assert sign_test(np.array([5] * 5)).pvalue is None


@settings(max_examples=60, deadline=None)
@given(st.lists(sizes, min_size=6, max_size=10), st.sampled_from([1, 3, 10]))
def test_every_pattern_of_signs_is_counted(differences: list[int], unit: int) -> None:
    d = np.array(differences) * unit
    signs = np.array(list(itertools.product((1, -1), repeat=len(d))))
    sums = np.abs(signs @ d)
    found = sign_test(d)
    assert found.pvalue == pytest.approx(np.mean(sums >= abs(d.sum())))
    reached = np.array([np.mean(sums >= s) for s in sums])
    assert found.false_alarm_rate == pytest.approx(np.mean(reached <= 0.05))


def test_recursion_and_transform_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    d = np.random.default_rng(7).integers(1, 60, 2000)
    exact = lower_tail(d)
    monkeypatch.setattr(symmetry, "_STEPS", 0)
    assert np.allclose(lower_tail(d), exact, rtol=0, atol=1e-12)


def test_where_it_is_too_large_the_normal_distribution_is_close(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    d = rng.integers(1, 60, 3000) * rng.choice([-1, 1], 3000)
    exact = sign_test(d)
    monkeypatch.setattr(symmetry, "_STEPS", 0)
    monkeypatch.setattr(symmetry, "_POINTS", 0)
    normal = sign_test(d)
    assert exact.exact and not normal.exact
    assert normal.pvalue == pytest.approx(exact.pvalue, abs=2e-3)


def test_the_rate_of_false_alarms_is_what_simulation_gives() -> None:
    rng = np.random.default_rng(3)
    d = rng.integers(1, 9, 40)
    tests = [sign_test(d * rng.choice([-1, 1], 40)) for _ in range(2000)]
    rate = np.mean([t.pvalue is not None and t.pvalue <= 0.05 for t in tests])
    assert tests[0].false_alarm_rate == pytest.approx(rate, abs=0.015)


def test_power_is_what_drawing_gives() -> None:
    rng = np.random.default_rng(12)
    sizes = rng.integers(1, 30, 60)
    spoke = []
    for _ in range(400):
        seen = np.concatenate([sizes * rng.choice([-1, 1], 60), np.full(12, 15)])
        found = sign_test(seen).pvalue
        assert found is not None
        spoke.append(found <= 0.05)
    assert power(sizes, 12, 15.0, 0.05) == pytest.approx(np.mean(spoke), abs=0.08)
    assert power(sizes, 0, 15.0, 0.05) == pytest.approx(0.05) and power(sizes, 60, 15.0, 0.05) > 0.99
    assert power(np.array([], dtype=np.int64), 0, 1.0, 0.05) == 0.0
