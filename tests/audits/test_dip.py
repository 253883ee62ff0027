"""The dip against its definition, by linear programming on small samples, and its table against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from audits.dip import PROBABILITIES, QUANTILES, dip, tail

Floats = NDArray[np.float64]


def nearest_with_one_peak(sample: Floats) -> float:
    """The least distance of the sample's distribution function to one that is convex before its mode and concave after it.

    One linear programme for each value as the mode, where the function may step: its unknowns are the function at every value, twice
    at the mode, and the distance.
    """
    x, times = np.unique(sample, return_counts=True)
    after = np.cumsum(times) / times.sum()
    before = after - times / times.sum()
    best = 1.0
    for mode in range(x.size):
        # Unknown i is the function at value i up to the mode's left limit, then at value i − 1 from its right limit on.
        unknowns, rows, bounds = x.size + 1, [], []
        at = [*range(mode + 1), *range(mode, x.size)]

        def below(parts: dict[int, float], most: float, unknowns: int = unknowns) -> None:
            row = np.zeros(unknowns + 1)
            for i, factor in parts.items():
                row[i] = factor
            rows.append(row)  # noqa: B023
            bounds.append(most)  # noqa: B023

        for i, j in enumerate(at):
            upper = after[j] if i == mode + 1 else before[j]  # the function just before a value, and at it
            lower = before[j] if i == mode else after[j]
            below({i: 1, unknowns: -1}, upper)
            below({i: -1, unknowns: -1}, -lower)
            if i:
                below({i - 1: 1, i: -1}, 0)
        for i in range(1, unknowns - 1):
            if i in (mode, mode + 1):
                continue
            left, right = 1 / (x[at[i]] - x[at[i - 1]]), 1 / (x[at[i + 1]] - x[at[i]])
            sign = 1 if i < mode else -1
            below({i - 1: -sign * left, i: sign * (left + right), i + 1: -sign * right}, 0)
        cost = np.zeros(unknowns + 1)
        cost[-1] = 1
        found = linprog(cost, A_ub=np.array(rows), b_ub=bounds, bounds=(0, 1), method="highs")
        best = min(best, float(found.fun))
    return best


def samples() -> list[Floats]:
    rng = np.random.default_rng(1985)
    found: list[Floats] = []
    for k in range(21):
        n = int(rng.integers(2, 13))
        kind = (
            rng.random(n),
            rng.integers(0, 10, n).astype(float),
            np.concatenate([rng.normal(0, 1, n), rng.normal(5, 1, n // 2)]),
        )
        found.append(kind[k % 3])
    return found


@pytest.mark.parametrize("sample", samples(), ids=lambda s: str(s.size))
def test_it_is_the_distance_to_the_nearest_law_with_one_peak(sample: Floats) -> None:
    if np.unique(sample).size > 1:
        assert dip(sample) == pytest.approx(nearest_with_one_peak(sample), abs=1e-7)
    else:
        assert dip(sample) == 0


def test_known_values() -> None:
    assert dip(np.full(9, 3.0)) == 0
    assert dip(np.arange(50.0)) == pytest.approx(1 / 100), "evenly spread: as near as a step can be"
    assert dip(np.repeat([0.0, 1.0], 50)) == pytest.approx(1 / 4), "two heaps"


def test_only_the_order_and_the_proportions_of_gaps_matter() -> None:
    sample = np.random.default_rng(2).gamma(2, 1, 500)
    assert dip(sample) == pytest.approx(dip(-3 * sample[::-1] + 7), abs=1e-12)


def test_the_table_is_of_uniform_values() -> None:
    rng = np.random.default_rng(3)
    found = np.array([dip(rng.random(100)) for _ in range(600)])
    tails = np.array([tail(x, 100) for x in found])
    for level in (0.05, 0.2, 0.5, 0.9):
        assert abs((tails <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 600)


def test_the_table_rises_and_ends_in_one_and_nought() -> None:
    assert all(len(row) == len(PROBABILITIES) and list(row) == sorted(row) for row in QUANTILES.values())
    for n in (4, 30, 5506, 10**6):
        every = [tail(x, n) for x in np.linspace(0, 0.25, 200)]
        assert every == sorted(every, reverse=True) and every[0] == 1
    assert tail(0.2, 1000) == 0


def test_two_peaks_are_seen_and_one_is_not() -> None:
    rng = np.random.default_rng(4)
    one = rng.normal(0, 1, 3000)
    two = np.concatenate([one[:1500], one[1500:] + 4])
    assert tail(dip(one), 3000) > 0.5 and tail(dip(two), 3000) < 0.001
