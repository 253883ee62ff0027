"""The numbers of an election that never took place: stations, places, and what was counted in each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

PRESIDENT, GOVERNOR = "president", "governor"
OPTIONS = {
    PRESIDENT: ("sol", "puente", "faro", "ceiba", "timon"),
    GOVERNOR: ("gob_sol", "gob_puente", "gob_faro"),
}
LANDSCAPE, STRIP, WORDS = "sample-landscape", "sample-strip", "sample-words"
GOVERNOR_PAGES = ("sample-strip-governor", "sample-strip-governor-2")


@dataclass(frozen=True)
class Region:
    """A region uses one kind of sheet. `places`: code, name, municipality, number of stations."""

    code: str
    name: str
    form: str
    turnout: float
    shares: tuple[float, ...]
    latitude: float
    longitude: float
    places: tuple[tuple[str, str, str, int], ...]


# In the middle of the ocean, where nobody votes.
REGIONS = (
    Region(
        "01",
        "Costa Bravía",
        STRIP,
        0.68,
        (0.33, 0.36, 0.17, 0.09, 0.05),
        -14.2,
        -24.6,
        (
            ("11", "Escuela Playa Mansa", "Puerto Almendro", 4),
            ("12", "Colegio Marea Alta", "Puerto Almendro", 3),
            ("13", "Escuela Los Corales", "Bahía Serena", 4),
            ("14", "Liceo Faro Viejo", "Bahía Serena", 4),
            ("15", "Casa Comunal Las Dunas", "Médanos", 5),
        ),
    ),
    Region(
        "02",
        "Sierra Lucero",
        LANDSCAPE,
        0.79,
        (0.41, 0.29, 0.12, 0.13, 0.05),
        -15.9,
        -26.1,
        (
            ("21", "Unidad Educativa Cerro Claro", "Villa Lucero", 4),
            ("22", "Colegio Nueva Aurora", "Villa Lucero", 5),
            ("23", "Escuela Río Quieto", "Quebradas", 4),
            ("24", "Unidad Educativa Tres Molinos", "Quebradas", 4),
            ("25", "Escuela Pampa Azul", "Alto Pajonal", 5),
        ),
    ),
    Region(
        "30",
        "Llanos del Timbó",
        WORDS,
        0.72,
        (0.36, 0.31, 0.15, 0.08, 0.10),
        -16.8,
        -23.3,
        (
            ("31", "Primaria Camino Real", "San Telmo del Llano", 4),
            ("32", "Primaria Ojo de Agua", "San Telmo del Llano", 4),
            ("33", "Secundaria El Algarrobo", "Tres Lagunas", 4),
            ("34", "Terminal de Autobuses", "Tres Lagunas", 4),
        ),
    ),
)
GOVERNOR_PLACES = ("0113",)  # the only place that also elects a governor
SPECIAL = "30344"  # for voters in transit: no list of its own
GOVERNOR_SHARES = (0.38, 0.41, 0.21)


@dataclass(frozen=True)
class Count:
    """What one acta says. Every number by its standard name, and the options by theirs."""

    votes: dict[str, int]
    blank: int
    null: int
    voted: int

    @property
    def valid(self) -> int:
        """Votes for an option."""
        return sum(self.votes.values())

    @property
    def cast(self) -> int:
        """Ballots in the box."""
        return self.valid + self.blank + self.null


@dataclass(frozen=True)
class Station:
    """One station and its counts by contest. `ballots` is how many it was given."""

    id: str
    place_id: str
    place: str
    region: Region
    subregion: str
    registered: int | None
    ballots: int
    latitude: float
    longitude: float
    counts: dict[str, Count] = field(default_factory=dict)


def hold(seed: int) -> list[Station]:
    """Hold the election: people turn out and vote, station by station.

    Turnout and shares vary between places and between stations around their region's, so that the numbers look like
    those of a real election: more spread than a plain binomial, and no favourite digits.
    """
    rng = np.random.default_rng([seed, 1])
    stations = []
    for region in REGIONS:
        for place_code, place, subregion, count in region.places:
            at = (region.latitude + rng.normal(0, 0.35), region.longitude + rng.normal(0, 0.35))
            turnout_here = _logit(region.turnout) + rng.normal(0, 0.12)
            shares_here = rng.dirichlet(np.array(region.shares) * 60)
            governor_here = rng.dirichlet(np.array(GOVERNOR_SHARES) * 60)
            for number in range(1, count + 1):
                station = f"{region.code}{place_code}{number}"
                listed = int(rng.integers(196, 348))
                special = station == SPECIAL
                present = (
                    118 if special else int(rng.binomial(listed, _expit(turnout_here + rng.normal(0, 0.13))))
                )
                stations.append(
                    Station(
                        id=station,
                        place_id=region.code + place_code,
                        place=place,
                        region=region,
                        subregion=subregion,
                        registered=None if special else listed,
                        ballots=300 if special else listed,
                        latitude=round(float(at[0]), 5),
                        longitude=round(float(at[1]), 5),
                        counts={PRESIDENT: _count(rng, PRESIDENT, present, rng.dirichlet(shares_here * 110))},
                    )
                )
                governor = _count(rng, GOVERNOR, present, rng.dirichlet(governor_here * 110))
                if station[:4] in GOVERNOR_PLACES:
                    stations[-1].counts[GOVERNOR] = governor
    return stations


def _count(rng: np.random.Generator, contest: str, present: int, shares: np.ndarray) -> Count:
    blank = int(rng.binomial(present, rng.beta(4, 150)))
    null = int(rng.binomial(present - blank, rng.beta(6, 180)))
    votes = rng.multinomial(present - blank - null, shares)
    return Count(dict(zip(OPTIONS[contest], map(int, votes), strict=True)), blank, null, present)


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def _expit(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
