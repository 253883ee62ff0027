from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData
from audits.neighbours import _test, small_stations
from audits.within_place import Contrast, Series, contrast, single

Arrays = dict[str, np.ndarray]


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def election(rng: np.random.Generator, design: str = "plain", places: int = 150) -> Arrays:
    """Places of one to seven stations whose last list is short; villages, or turnout that goes with the share."""
    place = np.repeat(np.arange(places), rng.integers(1, 8, places))
    size = place.size
    last = np.append(place[1:] != place[:-1], True)
    listed = np.where(last, rng.integers(20, 300, size), rng.integers(250, 350, size))
    lean, together, spread = np.zeros(places), 0.0, 0.3
    if design == "rural":
        village = rng.random(places) < 0.4
        lean = np.where(village, 0.8, 0.0)
        listed = np.where(village[place], rng.integers(10, 120, size), listed)
    if design == "together":
        together, spread = 0.9, 0.5
    if design == "one-sided":
        lean, spread = np.full(places, 2.5), 0.6
    if design == "ahead":
        lean, spread = np.full(places, 0.7), 0.1

    def two(count: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = rng.standard_normal((2, count))
        return x, together * x + np.sqrt(1 - together**2) * y

    (a_place, b_place), (a, b) = two(places), two(size)
    voted = rng.binomial(listed, logistic(0.5 + 0.3 * (a_place[place] + a) + 0.3 * lean[place]))
    votes = rng.binomial(voted, logistic(lean[place] + spread * (b_place[place] + b)))
    return {"votes": votes, "valid": voted, "voted": voted, "listed": listed, "place": place}


def data(e: Arrays) -> AuditData:
    return AuditData(
        counts=pl.DataFrame(
            {
                "station_id": [f"{i:05d}" for i in range(e["place"].size)],
                "place_id": [f"p{p}" for p in e["place"]],
                "region": [f"r{p % 5}" for p in e["place"]],
                "registered": e["listed"],
                "voted": e["voted"],
                "ana": e["votes"],
                "beto": e["valid"] - e["votes"],
            }
        ),
        options=("ana", "beto"),
    )


def pvalue(e: Arrays) -> float | None:
    arrays = (e[name].astype(float) for name in ("votes", "valid", "listed"))
    return _test(*arrays, e["place"])


def compare(*stations: tuple[int, int, int, int]) -> Contrast | None:
    """`contrast` of stations (place, list, whole, part)."""
    place, size, whole, part = (np.array(x) for x in zip(*stations, strict=True))
    return contrast(Series.of(part.astype(float), whole.astype(float), size.astype(float), place))


def test_what_is_compared() -> None:
    assert compare((1, 300, 200, 100), (1, 290, 200, 90)) is None, "no short list"
    assert compare((1, 300, 200, 100), (2, 30, 20, 15)) is None, "of different places"
    found = compare(
        (1, 300, 100, 50), (1, 100, 40, 30), (1, 200, 40, 20), (1, 240, 10, 10),
        (2, 300, 100, 50), (-1, 20, 10, 10), (2, 10, 0, 0),
    )  # fmt: skip
    assert found is not None and found.pvalue is None
    small = (100 * 0.75 + 200 * 0.5) / 300
    large = (300 * 0.5 + 240 * 1.0) / 540
    assert found.difference == pytest.approx(small - large)


def test_exchanging_small_and_large_shares_turns_the_sign() -> None:
    e = election(np.random.default_rng(1))
    arrays = [e[name].astype(float) for name in ("votes", "valid", "listed")]
    one = contrast(Series.of(*arrays, e["place"]))
    two = contrast(Series.of(arrays[1] - arrays[0], *arrays[1:], e["place"]))
    assert one is not None and two is not None
    assert one.statistic == pytest.approx(-two.statistic, rel=1e-6)
    assert one.pvalue == pytest.approx(two.pvalue, rel=1e-6)


@pytest.mark.parametrize("design", ["plain", "rural", "together", "one-sided"])
def test_the_level_holds(design: str) -> None:
    rng, runs = np.random.default_rng(2), 400
    alarms = np.array([(p := pvalue(election(rng, design))) is not None and p <= 0.05 for _ in range(runs)])
    # four standard errors: one seeded run in thirty thousand would fail by chance
    assert alarms.mean() <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / runs)
    assert alarms.any(), "it can speak"


def test_averaging_by_ballots_would_lean_to_one_side() -> None:
    """Why shares are averaged by list: with turnout and share together, ballots as weights lift the side with more stations."""
    rng, by_list, by_ballots = np.random.default_rng(3), [], []
    for _ in range(150):
        e = election(rng, "together")
        s = Series.of(*(e[n].astype(float) for n in ("votes", "valid", "listed")), e["place"])
        found = contrast(s)
        assert found is not None
        by_list.append(found.difference)
        means = [
            np.bincount(s.place, weights=s.part * side) / np.bincount(s.place, weights=s.whole * side)
            for side in (s.small, ~s.small)
        ]
        by_ballots.append(float((means[0] - means[1]).mean()))
    error = np.std(by_list) / np.sqrt(len(by_list))
    assert abs(np.mean(by_list)) < 4 * error
    assert np.mean(by_ballots) < -4 * np.std(by_ballots) / np.sqrt(len(by_ballots))


def test_more_at_small_stations_is_found() -> None:
    e = election(np.random.default_rng(4), "ahead")
    clean = small_stations(data(e), calibrate=False)
    small = np.append(e["place"][1:] != e["place"][:-1], True) & (e["listed"] < 150)
    moved = np.where(small, (0.2 * (e["valid"] - e["votes"])).astype(np.int64), 0)
    result = small_stations(data(e | {"votes": e["votes"] + moved}), calibrate=False)
    assert clean.pvalue is not None and clean.pvalue > 0.05
    assert result.pvalue is not None and result.pvalue < 1e-3
    assert result.parts["share"]["low"] > 0
    assert result.effect_votes == pytest.approx(moved.sum(), rel=0.5)
    # Taken away, it is found as well.
    taken = np.where(small, e["votes"] // 10, 0)
    result = small_stations(data(e | {"votes": e["votes"] - taken}), calibrate=False)
    assert result.pvalue is not None and result.pvalue < 1e-3 and result.statistic is not None
    assert result.statistic < 0


def test_a_single_station_far_off_is_named_with_its_numbers() -> None:
    e = election(np.random.default_rng(5), "ahead")
    last = np.append(e["place"][1:] != e["place"][:-1], True) & (np.bincount(e["place"])[e["place"]] > 3)
    at = int(np.flatnonzero(last & (e["valid"] > 60) & (e["listed"] < 150))[0])
    votes = e["votes"].copy()
    votes[at] = 0
    result = small_stations(data(e | {"votes": votes}), calibrate=False)
    assert result.flagged_stations == [f"{at:05d}"]
    row = result.flagged.row(0, named=True)
    count = int((e["place"] == e["place"][at]).sum()) - 1
    assert row["evidence"].startswith("0.0 % for ana; ")
    assert f" % at the larger stations of the place ({count})." in row["evidence"]
    assert result.parts["stations"]["beyond_bh"] == 1


def test_a_clean_election_flags_hardly_anybody() -> None:
    rng, any_flag = np.random.default_rng(6), 0
    for design in ("plain", "rural", "together", "one-sided"):
        any_flag += sum(
            bool(small_stations(data(election(rng, design)), calibrate=False).flagged_stations)
            for _ in range(25)
        )
    assert any_flag <= 5 + 4 * np.sqrt(5)


def test_single_stations_have_even_p_values_when_the_law_is_the_beta_law() -> None:
    rng, extra = np.random.default_rng(7), 0.01
    place = np.repeat(np.arange(4000), 2)
    whole = np.where(np.arange(8000) % 2, 60.0, 100_000.0)
    share = rng.beta(0.4 * (1 / extra - 1), 0.6 * (1 / extra - 1), 8000)
    part = rng.binomial(whole.astype(int), share).astype(float)
    s = Series.of(part, whole, whole, place)
    p, _ = single(s, np.full(8000, extra))
    p = p[s.small]
    for level in (0.001, 0.01, 0.05, 0.2):
        assert (p <= level).mean() <= level + 4 * np.sqrt(level / p.size)
    assert (p <= 0.05).mean() > 0.02


def test_without_places_lists_or_enough_of_them_it_does_not_apply() -> None:
    e = election(np.random.default_rng(8))
    frame = data(e).counts
    assert frame is not None
    for column, named in (("place_id", "place"), ("registered", "registered")):
        result = small_stations(AuditData(counts=frame.drop(column), options=("ana", "beto")))
        assert not result.applies and named in result.why_not.text()  # type: ignore[union-attr]
    few = small_stations(data(election(np.random.default_rng(9), places=15)))
    assert not few.applies and "20 places" in few.why_not.text()  # type: ignore[union-attr]


def test_rate_and_power_stand_beside_it() -> None:
    result = small_stations(data(election(np.random.default_rng(10), places=60)))
    assert result.false_alarm_rate is not None and result.false_alarm_rate <= 0.12
    assert "power_10" in result.calibration


def test_the_rate_is_measured_where_there_is_something_to_compare() -> None:
    """Few places with a short list among many without: parts of the whole would hold none."""
    e = election(np.random.default_rng(11), places=60)
    frame = data(e).counts
    assert frame is not None
    alone = pl.concat([frame.with_columns(pl.col("station_id", "place_id") + f"-{i}") for i in range(30)])
    alone = alone.with_columns(place_id="station_id")
    result = small_stations(AuditData(counts=pl.concat([frame, alone]), options=("ana", "beto")))
    assert result.calibration["stations"] == result.n
    assert result.false_alarm_rate is not None and 0 < result.false_alarm_rate <= 0.12


def test_turnout_is_a_description() -> None:
    """Six poll workers at each station who vote there are a larger part of a short list, in every clean election."""
    e = election(np.random.default_rng(12))
    voted = np.maximum(e["voted"], np.minimum(e["listed"], e["voted"] + 6))
    result = small_stations(data(e | {"voted": voted}), calibrate=False)
    turnout = result.parts["turnout"]
    assert turnout["low"] > 0, "the difference is real"
    assert turnout["grade"] == "D" and set(result.pvalues()) == {""}
    assert not result.flagged_stations


def test_places_that_are_areas_are_not_compared() -> None:
    """Russia's territorial commissions and Albania's communes: villages and towns of one area, a third of them small."""
    rng = np.random.default_rng(4)
    place = np.repeat(np.arange(40), 12)
    listed = rng.integers(100, 2000, place.size)
    villages = np.where(listed < 800, 0.7, 0.5)
    voted = rng.binomial(listed, 0.6)
    e = {
        "votes": rng.binomial(voted, villages),
        "valid": voted,
        "voted": voted,
        "listed": listed,
        "place": place,
    }
    tested = pvalue(e)
    assert tested is not None and tested < 1e-4, "the test itself would speak"
    result = small_stations(data(e), calibrate=False)
    assert not result.applies and result.pvalue is None and result.flagged.is_empty()
    assert result.why_not is not None and "areas" in result.why_not.text()
