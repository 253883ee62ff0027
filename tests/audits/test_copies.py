from __future__ import annotations

import itertools
from math import comb, prod

import numpy as np
import polars as pl
import pytest

from audits import copies, even_split
from audits.audit import AuditData, AuditResult
from audits.copies import identical_rows
from audits.even_split import compared, law, log_even_split, rate_at, repeats, weights


def splits(sums: tuple[int, ...], odds: tuple[float, ...]) -> float:
    """Probability of the even split, by going through all of them; `odds` of the first row against the second."""
    n, even, every = sum(sums) // 2, 0.0, 0.0
    for first in itertools.product(*(range(s + 1) for s in sums)):
        if sum(first) == n:
            ways = prod(comb(s, x) * o**x for s, x, o in zip(sums, first, odds, strict=True))
            every += ways
            even += ways * all(2 * x == s for s, x in zip(sums, first, strict=True))
    return even / every


@pytest.mark.parametrize("sums", [(2, 2), (4, 6, 2), (8, 0, 4), (6, 6, 6, 2), (12,)])
def test_the_even_split_is_as_probable_as_counting_says(sums: tuple[int, ...]) -> None:
    q = float(np.exp(log_even_split(np.array([sums]))[0]))
    assert q == pytest.approx(splits(sums, (1.0,) * len(sums)))
    # Where the two stations' people vote differently, it is never likelier.
    for odds in itertools.product((0.3, 1.0, 2.5), repeat=len(sums)):
        assert splits(sums, odds) <= q * (1 + 1e-12)


def test_an_odd_sum_has_no_even_split_and_enormous_ones_are_computed() -> None:
    assert log_even_split(np.array([[3, 5]])).tolist() == [-np.inf]
    huge = log_even_split(np.array([[2_000_000_000, 1_000_000_000]]))[0]
    # Stirling: the product of the sums' normal densities over that of all
    assert huge == pytest.approx(0.5 * np.log(3e9 / (np.pi * 2e9 * 1e9 / 2)), abs=1e-3)


def test_the_law_of_the_weights_is_exact() -> None:
    q = np.array([0.2, 0.05, 0.011, 0.0003])
    w = weights(np.log(q))
    assert w.tolist() == sorted(w.tolist()) and weights(np.array([0.0])).tolist() == [0]
    every: dict[int, float] = {}
    for alike in itertools.product((0, 1), repeat=4):
        at = int(np.dot(alike, w))
        every[at] = every.get(at, 0) + float(np.prod(np.where(alike, q, 1 - q)))
    for length in range(1, int(w.sum()) + 2):
        mass, beyond = law(q, w, length)
        assert beyond == pytest.approx(sum(p for at, p in every.items() if at >= length))
        assert mass == pytest.approx([every.get(at, 0.0) for at in range(length)])
    assert rate_at(q, w, 0.05) == pytest.approx(
        max(t for at in every if (t := law(q, w, at)[1]) <= 0.05), rel=1e-9
    )


def test_with_many_pairs_the_law_is_a_little_more_than_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    q = np.random.default_rng(1).uniform(0.0, 0.05, 500)
    w = weights(np.log(q))
    exact = [law(q, w, length)[1] for length in range(1, 300, 7)]
    monkeypatch.setattr(even_split, "_EXACT_UP_TO", 10)
    more = [law(q, w, length)[1] for length in range(1, 300, 7)]
    assert all(e <= m * (1 + 1e-9) for e, m in zip(exact, more, strict=True))
    assert all(m <= 1.3 * e for e, m in zip(exact, more, strict=True) if e > 0.01)


def test_who_is_compared_with_whom() -> None:
    group = np.array([7, 7, 7, 7, 7, 3, 3, 9])
    within = np.array([1, 2, 1, 5, 6, 8, 8, 1])
    first, second = compared(group, within)
    pairs = {frozenset(p) for p in zip(first.tolist(), second.tolist(), strict=True)}
    assert pairs == {frozenset({0, 2}), frozenset({5, 6}), frozenset({1, 3})}


def test_the_number_expected_is_that_of_clean_elections() -> None:
    """Neighbours who vote alike, small stations: over many elections as many pairs are alike as expected."""
    rng, excess, expected = np.random.default_rng(5), [], 0.0
    place = np.arange(600) // 6
    for _ in range(300):
        n = rng.integers(1, 30, 600)
        rows = rng.multinomial(n, rng.dirichlet([1, 1, 1], 100)[place])
        found = repeats(rows, place * 1000 + n, rng)
        excess.append(found.seen - found.expected)
        expected += found.expected
    assert expected > 1000
    assert abs(np.mean(excess)) < 4 * np.std(excess) / np.sqrt(len(excess))


def test_a_drawn_expectation_is_near_the_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    rows = rng.multinomial(12, [0.5, 0.3, 0.2], 800)
    group = np.arange(800) % 3
    whole = repeats(rows, group, rng).expected
    monkeypatch.setattr(even_split, "_PAIRS", 20_000)
    assert repeats(rows, group, rng).expected == pytest.approx(whole, rel=0.1)


def election(rng: np.random.Generator, size: int, options: int, stations: int = 400) -> pl.DataFrame:
    """Places of four stations with equally many votes, all voting alike."""
    votes = rng.multinomial(
        size, rng.dirichlet(np.full(options, 5.0), stations // 4)[np.arange(stations) // 4]
    )
    return pl.DataFrame(
        {
            "station_id": [f"{i:04d}" for i in range(stations)],
            "place_id": [f"p{i // 4}" for i in range(stations)],
            **{f"o{k}": votes[:, k] for k in range(options)},
        }
    )


def audit(frame: pl.DataFrame, calibrate: bool = False) -> AuditResult:
    return identical_rows(
        AuditData(counts=frame, options=tuple(c for c in frame.columns if c[0] == "o")), calibrate=calibrate
    )


def test_stations_of_three_votes_coincide_and_say_nothing() -> None:
    result = audit(election(np.random.default_rng(1), 3, 2))
    assert result.parts["place"]["alike"] > 100 and not result.flagged_stations
    assert result.pvalue is not None and result.pvalue > 0.05


def test_three_hundred_votes_for_twelve_options_never_coincide() -> None:
    frame = election(np.random.default_rng(2), 300, 12)
    assert audit(frame).parts["place"]["alike"] == 0
    options = [f"o{k}" for k in range(12)]
    copied = frame.with_columns(
        pl.when(pl.col("station_id") == "0001").then(pl.col(o).shift(1)).otherwise(o).alias(o)
        for o in options
    )
    result = audit(copied)
    assert result.flagged_stations == ["0000", "0001"] and result.effect_votes == 300
    assert result.flagged["evidence"][1] == (
        "All 12 options, and the blank and null votes where known, are the same 300 as at station 0001."
    )
    assert (
        result.flagged["evidence"][0]
        == "All 12 options have the same 300 votes as at station 0001, at the same place."
    )
    assert result.pvalue is not None and result.pvalue < 1e-6
    assert result.parts["anywhere"]["pvalue"] < 1e-4
    # Far from each other it is found too, and without any place there is only this test.
    far = copied.with_columns(place_id=pl.lit(None, pl.String))
    result = audit(far)
    assert result.flagged_stations == ["0000", "0001"] and "place" not in result.parts
    assert result.pvalue == result.parts["anywhere"].get("pvalue", result.pvalue)


def test_three_of_a_kind_are_named_together() -> None:
    frame = election(np.random.default_rng(4), 300, 12)
    options = [f"o{k}" for k in range(12)]
    copied = frame.with_columns(
        pl.when(pl.col("station_id").is_in(["0001", "0002"])).then(pl.col(o).first()).otherwise(o).alias(o)
        for o in options
    )
    result = audit(copied)
    assert result.flagged_stations == ["0000", "0001", "0002"] and result.effect_votes == 600
    assert "as at 2 other stations with as many votes; among them 0001." in result.flagged["evidence"][0]


def test_an_option_without_a_number_is_not_zero() -> None:
    frame = pl.DataFrame(
        {
            "station_id": ["1", "2", "3", "4"],
            "place_id": ["p"] * 4,
            "o1": [5, 5, 5, 5],
            "o2": [None, 0, None, 0],
            "o3": [7, 7, 7, 7],
        }
    )
    assert audit(frame).parts["place"]["pairs"] == 2


def test_the_test_is_exact_where_neighbours_vote_alike() -> None:
    """Two options and twenty votes, the case with most chance: alarms as often as the rate says."""
    rng, alarms, rates = np.random.default_rng(8), 0, []
    for _ in range(200):
        frame = election(rng, 20, 2, 160)
        tested = copies._tested(
            frame.select("o0", "o1").to_numpy(), np.arange(160) // 4, np.zeros(160, int), np.arange(160)
        )
        alarms += tested.pvalue <= 0.05
        rates.append(rate_at(tested.q, tested.weight, 0.05))
    expected = float(np.sum(rates))
    assert 5 < expected <= 10 and abs(alarms - expected) <= 4 * np.sqrt(expected)


def test_rate_and_power_are_measured_on_the_users_own_totals() -> None:
    result = audit(election(np.random.default_rng(12), 20, 2, 160), calibrate=True)
    assert result.false_alarm_rate is not None and result.false_alarm_rate <= 0.1
    assert result.calibration["bound"] <= 0.05 and result.calibration["plant"] == "copies"
    large = audit(election(np.random.default_rng(12), 300, 5, 160), calibrate=True)
    assert large.false_alarm_rate == 0 and large.calibration["power_10"] > 0.9


def test_copies_far_apart_are_found_and_all_listed() -> None:
    """Ten rows written again at stations of other places and lists, among 1,200 stations of about three hundred votes."""
    rng = np.random.default_rng(21)
    size = rng.integers(200, 400, 1200)
    votes = rng.multinomial(size, rng.dirichlet([8.0, 6, 3, 2, 1], 300)[np.arange(1200) // 4])
    clean = pl.DataFrame(
        {
            "station_id": [f"{i:04d}" for i in range(1200)],
            "place_id": [f"p{i // 4}" for i in range(1200)],
            "registered": rng.integers(400, 500, 1200),
            **{f"o{k}": votes[:, k] for k in range(5)},
        }
    )
    rows = np.arange(1200)
    rows[600:610] = np.arange(10) * 7  # the donors
    copied = clean.with_columns(pl.Series(f"o{k}", votes[rows, k]) for k in range(5))
    one, two = audit(clean), audit(copied)
    assert one.parts["anywhere"]["pvalue"] > 0.05 and not one.flagged_stations
    assert two.parts["anywhere"]["pvalue"] < 1e-3
    assert set(two.flagged_stations) == {f"{i:04d}" for i in (*range(600, 610), *range(0, 70, 7))}
    assert two.flags_expected is not None and two.flags_expected < 1


def test_what_chance_makes_of_the_rarest_pairs_is_never_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over clean elections the least number expected below a pair alike is under 5 percent in at most 5 percent of them, drawn or whole."""
    rng = np.random.default_rng(22)
    for most in (100_000, 2_000):
        monkeypatch.setattr(even_split, "_PAIRS", most)
        least = []
        for _ in range(200):
            rows = rng.multinomial(rng.integers(20, 60, 300), rng.dirichlet([5.0, 3, 1], 300))
            least.append(repeats(rows, rows.sum(axis=1), rng).below.min(initial=1.0))
        assert np.mean(np.array(least) <= 0.05) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)
