"""Clean elections of seven designs for the scoreboard, written apart from `audits.clean`, after other laws.

The calibration draws log odds from normal laws fitted to a user's regions and counts option after option. Here shares come from Dirichlet
and beta laws of places and stations, from smooth random fields on a map, from factors with heavy tails, and from voters who desert a
hopeless option; counts are multinomial. In every design stations vary more than counting makes them, and stations of
one place vote alike. Nobody rounds, adds, moves or makes up anything. Beside the counts goes a comparison in which
honest copying errors hit one station in sixteen, as often up as down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.audit import AuditData

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Rng = np.random.Generator

STATIONS = 600


@dataclass(frozen=True)
class _Map:
    """Where the stations are: the place of each, the region of each place, places on a unit square, lists."""

    place: Ints
    region: Ints
    where: Floats
    registered: Ints

    @property
    def places(self) -> int:
        return len(self.region)


def _map(
    rng: Rng,
    *,
    regions: int = 8,
    mean: float = 3.0,
    list_mean: float = 330,
    list_cv: float = 0.25,
    stations: int = STATIONS,
) -> _Map:
    """Places of some stations each. Half of them share their voters out evenly; the others fill one station after the other, and
    the last one has those left over.
    """
    sizes = 1 + rng.poisson(mean - 1, stations)
    place = np.repeat(np.arange(stations), sizes)[:stations]
    places = int(place[-1]) + 1
    region = np.sort(rng.integers(0, regions, places))
    centre = rng.random((regions, 2))
    where = centre[region] + 0.12 * rng.standard_normal((places, 2))
    average = list_mean * rng.gamma(1 / list_cv**2, list_cv**2, places)
    last = np.append(place[1:] != place[:-1], True)
    left_over = np.where(last & (rng.random(places) < 0.5)[place], rng.uniform(0.1, 1, stations), 1.0)
    registered = np.rint(left_over * average[place]) + rng.integers(-1, 2, stations)
    registered = np.maximum(registered, 20).astype(np.int64)
    return _Map(place, region, where, registered)


def _field(rng: Rng, where: Floats, waves: int = 12) -> Floats:
    """A smooth random function on the map with about unit spread: a sum of cosines of random direction and length."""
    k = rng.normal(0, 7, (2, waves))
    return np.asarray(np.cos(where @ k + rng.uniform(0, 2 * np.pi, waves)).sum(axis=1) / np.sqrt(waves / 2))


def _dirichlet(rng: Rng, means: Floats, strength: float) -> Floats:
    """One draw for each row of means."""
    g = rng.gamma(np.maximum(means * strength, 1e-3)) + 1e-12
    return np.asarray(g / g.sum(axis=1, keepdims=True))


def _beta(rng: Rng, mean: Floats, strength: float) -> Floats:
    mean = np.clip(mean, 0.02, 0.98)
    return np.asarray(rng.beta(mean * strength, (1 - mean) * strength))


def _softmax(x: Floats) -> Floats:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _heavy(rng: Rng, size: int | tuple[int, ...]) -> Floats:
    """Noise with heavier tails than the normal law (Student, 5 degrees of freedom), unit variance."""
    return np.asarray(rng.standard_t(5, size) / np.sqrt(5 / 3))


def _tables(rng: Rng, m: _Map, turnout: Floats, share: Floats, spoilt: float = 0.04) -> AuditData:
    """Ballots counted: multinomial around each station's shares, part of them blank or null; then the comparison."""
    s, options = share.shape
    voted = rng.binomial(m.registered, turnout)
    cast = voted - rng.binomial(voted, 0.001)
    bad = rng.binomial(cast, _beta(rng, np.full(s, spoilt), 60))
    blank = rng.binomial(bad, 0.4)
    valid = cast - bad
    votes = rng.multinomial(valid, share)
    names = [f"option {j + 1}" for j in range(options)]
    ids = [f"{i:0{len(str(s))}d}" for i in range(s)]
    counts = pl.DataFrame(
        {
            "station_id": ids,
            "place_id": [f"P{p:03d}" for p in m.place],
            "region": [f"R{r}" for r in m.region[m.place]],
            "registered": m.registered,
            "voted": voted,
            "cast": cast,
            "valid": valid,
            "blank": blank,
            "null": bad - blank,
            **{name: votes[:, j] for j, name in enumerate(names)},
        }
    )
    return AuditData(counts, tuple(names), comparison=_copied(rng, ids, names[:2], votes[:, :2]))


def _copied(rng: Rng, ids: list[str], names: list[str], votes: Ints) -> pl.DataFrame:
    """The first two options as on the sheet and as published: honest errors, some large, as often up as down."""
    wrong = rng.random(votes.shape) < 1 / 32
    size = np.ceil(np.exp(rng.normal(1, 1.5, votes.shape))).astype(np.int64)
    error = np.where(wrong, rng.choice([-1, 1], votes.shape) * size, 0)
    return pl.DataFrame(
        {
            "station_id": np.repeat(ids, len(names)),
            "contest": "president",
            "field": np.tile(names, len(ids)),
            "left": votes.ravel(),
            "right": (votes + error).ravel(),
            "confirmed": True,
        }
    )


def homogeneous(rng: Rng) -> AuditData:
    """One country: every place draws from the same Dirichlet law, every station from its place's."""
    m = _map(rng)
    mean = np.tile([0.38, 0.30, 0.17, 0.10, 0.05], (m.places, 1))
    share = _dirichlet(rng, _dirichlet(rng, mean, 120)[m.place], 250)
    turnout = _beta(rng, _beta(rng, np.full(m.places, 0.68), 80)[m.place], 150)
    return _tables(rng, m, turnout, share)


def regional(rng: Rng) -> AuditData:
    """Regions with their own favourites and turnout, and smooth fields over the map within them."""
    m = _map(rng, regions=9)
    base = _dirichlet(rng, np.tile([0.34, 0.28, 0.16, 0.12, 0.07, 0.03], (9, 1)), 6)
    lean = np.log(base + 0.01)[m.region]
    lean = lean + 0.35 * np.column_stack([_field(rng, m.where) for _ in range(6)])
    place = _softmax(lean + 0.15 * _heavy(rng, lean.shape))
    turnout = _beta(rng, np.full(9, 0.66), 20)[m.region]
    turnout = _beta(rng, np.clip(turnout + 0.04 * _field(rng, m.where), 0.1, 0.95), 90)
    return _tables(rng, m, _beta(rng, turnout[m.place], 150), _dirichlet(rng, place[m.place], 200))


def correlated(rng: Rng) -> AuditData:
    """Where more people vote the leader wins by more: one factor of places, with heavy tails, moves both."""
    m = _map(rng)
    factor = 0.7 * _heavy(rng, m.places) + 0.7 * _field(rng, m.where)
    factor = factor[m.place] + 0.4 * _heavy(rng, STATIONS)
    turnout = 1 / (1 + np.exp(-(0.7 + 0.45 * factor + 0.1 * _heavy(rng, STATIONS))))
    lean = np.log([0.42, 0.34, 0.16, 0.08]) + np.outer(factor, [0.45, -0.25, 0.0, 0.1])
    lean = lean + (0.2 * _heavy(rng, (m.places, 4)))[m.place]
    return _tables(rng, m, np.clip(turnout, 0.02, 0.98), _dirichlet(rng, _softmax(lean), 300))


def small_rural(rng: Rng) -> AuditData:
    """Half of the stations are in villages, of a few dozen voters that vote otherwise, and more, than the towns."""
    m = _map(rng, mean=1.7)
    village = rng.random(m.places) < 0.8
    sizes = np.where(village, 1 + (rng.random(m.places) < 0.2), 2 + rng.poisson(2.3, m.places))
    sizes[-1] += max(0, STATIONS - int(sizes.sum()))  # the last place has what is wanting to the whole
    m = _Map(np.repeat(np.arange(m.places), sizes)[:STATIONS], m.region, m.where, m.registered)
    rural = village[m.place]
    people = np.exp(rng.normal(np.log(70), 0.7, m.places))[m.place] * rng.uniform(0.7, 1.3, STATIONS)
    last = np.append(m.place[1:] != m.place[:-1], True)  # a town's last station has those left over
    town = np.where(last, rng.uniform(0.1, 1, STATIONS), 1) * rng.integers(390, 421, m.places)[m.place]
    registered = np.maximum(np.where(rural, people, town), 12).astype(np.int64)
    m = _Map(m.place, m.region, m.where, registered)
    mean = np.where(village[:, None], [0.52, 0.20, 0.14, 0.09, 0.05], [0.33, 0.36, 0.15, 0.10, 0.06])
    share = _dirichlet(rng, _dirichlet(rng, mean, 30)[m.place], 120)
    turnout = _beta(rng, _beta(rng, np.where(village, 0.76, 0.64), 40)[m.place], 90)
    return _tables(rng, m, turnout, share)


def strategic(rng: Rng) -> AuditData:
    """Followers of whoever has no chance in their region go to the better-liked of the first two, the more the further behind."""
    m = _map(rng, regions=10)
    lean = np.log([0.33, 0.30, 0.26, 0.07, 0.04]) + 0.35 * rng.standard_normal((10, 5))[m.region]
    sincere = _softmax(lean + 0.25 * _heavy(rng, (m.places, 5)))[m.place]
    sincere = _dirichlet(rng, sincere, 180)
    region = m.region[m.place]
    known = np.stack(
        [sincere[region == r].mean(axis=0) if (region == r).any() else sincere[0] for r in range(10)]
    )
    rank = np.argsort(-known, axis=1)
    share = sincere.copy()
    rows = np.arange(STATIONS)
    first, second, third = (rank[region, i] for i in range(3))
    behind = (known[region, second] - known[region, third]) / 0.08
    flight = 0.75 / (1 + np.exp(-3 * (behind - 0.7))) * rng.beta(8, 2, STATIONS)
    moved = flight * share[rows, third]
    to_second = rng.beta(6, 3, STATIONS)
    share[rows, third] -= moved
    share[rows, second] += moved * to_second
    share[rows, first] += moved * (1 - to_second)
    turnout = _beta(rng, _beta(rng, np.full(m.places, 0.7), 60)[m.place], 120)
    return _tables(rng, m, turnout, np.maximum(share, 0) / share.sum(axis=1, keepdims=True))


def two_candidates(rng: Rng) -> AuditData:
    """A run-off: a field over the map and places that lean, from one fifth to four fifths."""
    m = _map(rng, list_mean=300, list_cv=0.35)
    lean = 0.08 + 0.5 * _field(rng, m.where) + 0.35 * _heavy(rng, m.places)
    first = _beta(rng, 1 / (1 + np.exp(-lean[m.place])), 150)
    turnout = _beta(rng, np.clip(0.74 + 0.05 * _field(rng, m.where), 0.2, 0.95)[m.place], 110)
    return _tables(rng, m, turnout, np.column_stack([first, 1 - first]), spoilt=0.025)


def twelve_options(rng: Rng, stations: int = STATIONS) -> AuditData:
    """Many parties, most of them small, some with a home town where they are large."""
    m = _map(rng, list_mean=350, stations=stations)
    mean = np.tile(1 / np.arange(1, 13) ** 1.1, (m.places, 1))
    home = rng.random(mean.shape) < 0.01
    mean = np.where(home, mean + 0.6, mean)
    mean /= mean.sum(axis=1, keepdims=True)
    share = _dirichlet(rng, _dirichlet(rng, mean, 70)[m.place], 180)
    turnout = _beta(rng, _beta(rng, np.full(m.places, 0.62), 50)[m.place], 120)
    return _tables(rng, m, turnout, share)


DESIGNS: dict[str, Callable[[Rng], AuditData]] = {
    "homogeneous": homogeneous,
    "regional": regional,
    "correlated turnout and share": correlated,
    "small rural stations": small_rural,
    "strategic voting": strategic,
    "two candidates": two_candidates,
    "twelve options": twelve_options,
}
