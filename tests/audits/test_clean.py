"""Clean elections on a user's own totals, what is planted in them, and the rates measured on both."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData
from audits.calibration import measure
from audits.clean import Election, draw_election, election, to_data
from audits.plant import PLANTS, TITLES
from tests.audits import elections


def data(stations: int = 400, **changes: pl.Expr) -> AuditData:
    frame = elections.counts(np.random.default_rng(8), stations)
    return AuditData(frame.with_columns(**changes), elections.OPTIONS)


def whole(d: AuditData) -> Election:
    e = election(d)
    assert e is not None
    return e


def test_an_election_becomes_tables_and_comes_back() -> None:
    d = data()
    e = whole(d)
    back = to_data(e, d)
    assert back.counts is not None and d.counts is not None
    same = ["station_id", "place_id", "region", "registered", "voted", "cast", "blank", "null", "ana", "caro"]
    assert back.counts.select(same).equals(d.counts.select(same))


def test_what_is_not_known_stays_so_and_what_cannot_be_is_left_out() -> None:
    d = data(
        registered=pl.lit(None, pl.Int64),
        voted=pl.lit(None, pl.Int64),
        ana=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("ana"),
        beto=pl.when(pl.int_range(pl.len()) == 5).then(-1).otherwise("beto"),
    )
    e = whole(d)
    assert e.registered is None and e.cast.size == 398 and not set(e.row) & {3, 5}
    drawn = draw_election(e, np.random.default_rng(1))
    assert (drawn.cast == e.cast).all() and (drawn.voted == e.voted).all()
    counts = to_data(drawn, d).counts
    assert counts is not None and counts["registered"].null_count() == counts["voted"].null_count() == 398
    assert election(AuditData(elections.counts(np.random.default_rng(8), 9), ())) is None
    assert election(AuditData()) is None


def test_the_law_has_the_means_and_spreads_of_the_regions() -> None:
    e = whole(data(6000))
    drawn = draw_election(e, np.random.default_rng(2))
    assert e.registered is not None and (drawn.voted <= e.registered).all() and (drawn.rest >= 0).all()
    for before, after in (
        (e.voted / e.registered, drawn.voted / e.registered),
        (e.votes[:, 0] / e.cast, drawn.votes[:, 0] / drawn.cast),
        (e.votes[:, 2] / e.cast, drawn.votes[:, 2] / drawn.cast),
        (e.rest / e.cast, drawn.rest / drawn.cast),
    ):
        assert after.mean() == pytest.approx(before.mean(), rel=0.03)
        assert after.std() == pytest.approx(before.std(), rel=0.06)


def test_neighbours_vote_alike_and_turnout_goes_with_share_as_it_did() -> None:
    rng = np.random.default_rng(3)
    s = 4000
    z = rng.standard_normal(s)
    registered = rng.integers(300, 900, s)
    voted = rng.binomial(registered, 1 / (1 + np.exp(-0.4 - 0.4 * z)))
    first = rng.binomial(voted, 1 / (1 + np.exp(-0.3 * z - 0.1 * rng.standard_normal(s))))
    row = np.arange(s)
    e = Election(registered, voted, voted, np.column_stack([first, voted - first]), row // 400, row // 4, row)
    drawn = draw_election(e, rng)
    turnout, share = drawn.voted / registered, drawn.votes[:, 0] / drawn.cast
    before = np.corrcoef(voted / registered, first / voted)[0, 1]
    assert np.corrcoef(turnout, share)[0, 1] == pytest.approx(before, abs=0.08) and before > 0.7
    pairs = share.reshape(-1, 4)
    assert 0.3 < np.corrcoef(pairs[:, 0], pairs[:, 1])[0, 1] < 0.7


@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("lists", [True, False])
def test_a_plant_changes_its_part_of_the_stations_and_nothing_impossible_comes_out(
    plant: str, lists: bool
) -> None:
    e = whole(data(2000) if lists else data(2000, registered=pl.lit(None, pl.Int64)))
    e = draw_election(e, np.random.default_rng(4))
    f = PLANTS[plant](e, 0.1, np.random.default_rng(5))
    changed = (f.votes != e.votes).any(axis=1)
    assert 0.05 < changed.mean() <= 0.1
    assert (f.votes >= 0).all() and (f.rest >= 0).all() and TITLES[plant]
    assert f.registered is None or (f.voted <= f.registered).all()
    assert (PLANTS[plant](e, 0.0, np.random.default_rng(5)).votes == e.votes).all()
    one = whole(AuditData(data(5).counts, ("ana",)))
    assert (PLANTS[plant](one, 1.0, np.random.default_rng(5)).votes >= 0).all()


def even(e: Election) -> list[float | None]:
    """Two p-values that are even under any law, and one that is not."""
    u = float(np.random.default_rng(int(e.votes[:, 0] @ np.arange(len(e.votes)))).random())
    return [u, None, u / 3]


@pytest.mark.parametrize(("stations", "method"), [(300, "counted"), (9000, "drift and spread")])
def test_a_test_of_its_level_has_the_rate_of_its_level(stations: int, method: str) -> None:
    d = data(stations)
    measured = measure(d, even, 1, "stuffing")
    assert measured is not None and measured.calibration["method"] == method
    assert measured.rates[1] < 0.01 and measured.rates[2] > measured.rates[0]
    assert measured.rates[0] == pytest.approx(0.05, abs=4 * 0.05**0.5 / 200**0.5)
    again = measure(d, even, 1, "stuffing")
    assert again == measured == measure(data(stations), even, 1, "stuffing")


@pytest.mark.parametrize("stations", [300, 9000])
def test_power_rises_with_what_is_planted(stations: int) -> None:
    def turnout(e: Election) -> list[float]:
        from scipy.special import ndtr

        share = e.voted / e.registered
        return [float(ndtr(-9 * (share.mean() - 0.7) * np.sqrt(share.size)))]

    measured = measure(data(stations), turnout, 2, "stuffing")
    assert measured is not None
    one, three, ten = (float(measured.calibration[f"power_{k}"]) for k in (1, 3, 10))
    assert measured.calibration["plant"] == "stuffing"
    assert measured.rates[0] - 0.05 <= one <= three <= ten and ten > 0.4


def test_what_is_drawn_is_drawn_once() -> None:
    d = data(300)
    seen: list[int] = []
    measure(d, lambda e: [seen.append(id(e)) or 0.5], 3)  # type: ignore[func-returns-value]
    first = seen.copy()
    seen.clear()
    measure(d, lambda e: [seen.append(id(e)) or 0.5], 3)  # type: ignore[func-returns-value]
    assert seen == first
