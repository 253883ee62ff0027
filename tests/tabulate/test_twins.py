"""Another station's acta: named with the station, and not where chance is a likely reason."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tabulate.compare import Comparison, compare

VOTES = [(141, 23, 57, 8), (98, 71, 12, 30), (205, 44, 3, 19), (77, 80, 31, 2)]


def counts(votes: list[tuple[int, ...]], **more: list[int]) -> pl.DataFrame:
    ids = {"station_id": [f"{i}" for i in range(len(votes))]}
    return pl.DataFrame({**ids, **{"ABCD"[i]: [v[i] for v in votes] for i in range(len(votes[0]))}, **more})


def causes(found: Comparison, station: str) -> list[str]:
    return list(found.stations.filter(pl.col("station_id") == station).item(0, "causes"))


def test_the_other_station_is_named() -> None:
    right = [VOTES[2], *VOTES[1:]]
    found = compare(counts(VOTES), counts(right))
    assert causes(found, "0") == ["wrong-station"]
    row = found.to_json()["differing_stations"][0]
    assert row["same_as"] == [{"side": "right", "stations": ["2"]}]
    turned = compare(counts(right), counts(VOTES)).to_json()["differing_stations"][0]
    assert turned["same_as"] == [{"side": "left", "stations": ["2"]}]


def test_two_actas_that_changed_places() -> None:
    found = compare(counts(VOTES), counts([VOTES[1], VOTES[0], *VOTES[2:]]))
    assert causes(found, "0") == causes(found, "1") == ["wrong-station"]
    assert found.to_json()["wrong_station"]["named"] == 2


def test_the_totals_must_be_the_other_stations_as_well_or_stay() -> None:
    totals = [sum(v) for v in VOTES]
    left = counts(VOTES, valid=totals)
    right = [VOTES[2], *VOTES[1:]]
    assert causes(compare(left, counts(right, valid=[totals[2], *totals[1:]])), "0") == ["wrong-station"]
    assert causes(compare(left, counts(right, valid=totals)), "0") == ["wrong-station"]
    assert causes(compare(left, counts(right, valid=[7, *totals[1:]])), "0") == ["unexplained"]


def test_small_numbers_coincide_by_chance_and_name_nobody() -> None:
    """0 | 5 against 0 | 6, which a hundred others have: one digit, and nothing else can be said."""
    votes = [(0, 5), *[(0, 6)] * 100]
    found = compare(counts(votes), counts([(0, 6), *votes[1:]]))
    assert causes(found, "0") == ["one-digit"]
    assert found.to_json()["wrong_station"]["left_to_chance"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_clean_counts_and_other_slips_hardly_name_another_station(seed: int) -> None:
    """20,000 two-way stations, a hundred with a slip: what chance names is no more than what is said to be expected."""
    draw = np.random.default_rng(seed)
    votes = draw.poisson([90, 85], (20_000, 2))
    right = votes.copy()
    right[:100, 0] += draw.integers(1, 30, 100)
    left = counts([tuple(map(int, v)) for v in votes])
    found = compare(left, counts([tuple(map(int, v)) for v in right])).to_json()["wrong_station"]
    assert found["named"] <= max(2, 4 * found["expected_by_chance"])
    assert found["left_to_chance"] > 50
