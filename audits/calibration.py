"""How often a test speaks on clean elections with the user's own totals, and how often when something is planted.

The clean elections are those of `audits.clean`, the planted ones those of `audits.plant`; both are drawn once and shared by all audits of the
same tables. With few stations alarms are counted. With many, only parts of a few thousand stations are drawn: z = Φ⁻¹(1 − p) of a part has a drift, which
grows with the root of the number of parts, and a spread, which does not; the rate on the whole election follows. A drift that is not beyond its
own standard error is brought towards zero (positive-part James–Stein), else chance alone would give a test of
the right size rates anywhere between 2 and 15 percent. What a plant adds to z is measured on the same parts before and after.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from audits.clean import Election, draw_election, election
from audits.data import AuditData
from audits.plant import PLANTS, SHARES
from audits.words import ALPHA, Number

PValues = Callable[[Election], Sequence[float | None]]
"""The p-values of one audit on an election, always as many in the same order; None where it does not apply."""

ELECTIONS = 200  # counted, where there are few stations
PLANTED = 100  # of these, again with something planted
BUDGET = 200_000  # stations drawn for the rate; beyond, parts are drawn
PART = 5_000  # stations of a part
_PAIRED = 8  # parts drawn again with something planted
_LOW = 0.95  # p-values above tell nothing (many tests give 1 where they have nothing to say)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """Rates at level `ALPHA` for each p-value of an audit, and how they were measured (for `AuditResult.calibration`)."""

    rates: tuple[float, ...]
    calibration: dict[str, Number]


def measure(data: AuditData, pvalues: PValues, seed: int, plant: str | None = None) -> Measured | None:
    """The false-alarm rate of each p-value, and the power of the first one.

    Parameters
    ----------
    data : the user's own tables.
    pvalues : the audit's p-values on an election (`audits.clean.Election`). It is called some hundred times.
    seed : of the battery. Audits with the same seed see the same elections.
    plant : what to plant for the power, a name of `audits.plant.PLANTS`; no power without.

    Returns
    -------
    Measured or None
        None when the data have no station with a number for every option. ``calibration`` has ``level``, ``elections``, ``stations``, ``method``
        ("counted" or "drift and spread"), ``standard_error`` of the largest rate, with the second method also ``parts``, ``drift`` and ``spread``;
        with a plant ``plant``, ``power_1``, ``power_3`` and ``power_10`` (on 1, 3 and 10 percent of the stations).
    """
    drawn = _drawn(data, seed)
    if drawn is None:
        return None
    return _counted(drawn, pvalues, plant) if drawn.counted else _by_drift(drawn, pvalues, plant)


def power(data: AuditData, pvalues: PValues, seed: int, plant: str) -> dict[str, Number]:
    """Only the power of the first p-value, for audits that measure their rate in a way of their own; nothing without usable stations.

    With many stations z is taken to have neither drift nor a spread other than one.
    """
    drawn = _drawn(data, seed)
    if drawn is None:
        return {}
    if drawn.counted:
        return _power_counted(drawn, pvalues, plant)
    z = {i: float(_z(pvalues(drawn.clean(i)))[0]) for i in _paired(drawn)}
    return _power_by_drift(drawn, pvalues, plant, z, drift=0.0, spread=1.0)


def whole_battery(function: Any, data: AuditData) -> PValues:
    """`pvalues` of an audit by running the audit itself on tables; slow, for audits without a faster way."""
    from audits.clean import to_data

    wanted = list(function(data, calibrate=False).pvalues())

    def pvalues(e: Election) -> list[float | None]:
        found = function(to_data(e, data), calibrate=False).pvalues()
        return [found.get(name) for name in wanted]

    return pvalues


class _Drawn:
    """The elections, or parts of elections, of one seed, drawn when first asked for."""

    def __init__(self, e: Election, seed: int) -> None:
        self.seed, self.stations = seed, e.cast.size
        self.counted = self.stations * ELECTIONS <= BUDGET
        if self.counted:
            self._pieces = [e] * ELECTIONS
        else:
            _ = e.law  # fitted on all stations, once
            order = np.lexsort((e.place, e.region))
            count = max(1, round(self.stations / PART))
            pieces = [_piece(e, x) for x in np.array_split(order, count)]
            wanted = max(2, min(-(-BUDGET * count // self.stations), max(ELECTIONS, count)))
            shuffled = np.random.default_rng([seed, zlib.crc32(b"parts")]).permutation(count)
            self._pieces = [pieces[shuffled[i % count]] for i in range(wanted)]
        self.parts_of_election = 1 if self.counted else count
        self._clean: dict[int, Election] = {}
        self._planted: dict[tuple[str, float, int], Election] = {}

    def clean(self, i: int) -> Election:
        if i not in self._clean:
            self._clean[i] = draw_election(self._pieces[i], np.random.default_rng([self.seed, i]))
        return self._clean[i]

    def planted(self, plant: str, share: float, i: int) -> Election:
        key = (plant, share, i)
        if key not in self._planted:
            rng = np.random.default_rng([self.seed, i, zlib.crc32(plant.encode()), round(1000 * share)])
            self._planted[key] = PLANTS[plant](self.clean(i), share, rng)
        return self._planted[key]

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[Election]:
        return (self.clean(i) for i in range(len(self)))


def _piece(e: Election, which: NDArray[np.int64]) -> Election:
    """A part of an election with the law of the whole."""
    part = e.take(np.sort(which))
    part.__dict__["law"] = e.law
    return part


def _drawn(data: AuditData, seed: int) -> _Drawn | None:
    if "election" not in data.shared:
        data.shared["election"] = election(data)
    e = data.shared["election"]
    if e is None:
        return None
    key = ("drawn", seed)
    if key not in data.shared:
        data.shared[key] = _Drawn(e, seed)
    drawn = data.shared[key]
    assert isinstance(drawn, _Drawn)
    return drawn


def _row(found: Sequence[float | None]) -> list[float]:
    return [1.0 if p is None or math.isnan(p) else float(p) for p in found]


def _counted(drawn: _Drawn, pvalues: PValues, plant: str | None) -> Measured:
    alarms = np.array([_row(pvalues(e)) for e in drawn]) <= ALPHA
    rates = alarms.mean(axis=0)
    worst = float(rates.max(initial=0.0))
    said: dict[str, Number] = {
        "level": ALPHA,
        "elections": len(drawn),
        "stations": drawn.stations,
        "method": "counted",
        "standard_error": math.sqrt(max(worst, 1 / len(drawn)) * (1 - worst) / len(drawn)),
    }
    if plant is not None:
        said |= _power_counted(drawn, pvalues, plant)
    return Measured(tuple(float(r) for r in rates), said)


def _power_counted(drawn: _Drawn, pvalues: PValues, plant: str) -> dict[str, Number]:
    said: dict[str, Number] = {"plant": plant}
    for share in SHARES:
        found = [_row(pvalues(drawn.planted(plant, share, i)))[0] <= ALPHA for i in range(PLANTED)]
        said[f"power_{round(100 * share)}"] = float(np.mean(found))
    return said


def _paired(drawn: _Drawn) -> range:
    return range(min(_PAIRED if drawn.parts_of_election > 1 else 2 * _PAIRED, len(drawn)))


def _power_by_drift(
    drawn: _Drawn, pvalues: PValues, plant: str, z: Mapping[int, float], *, drift: float, spread: float
) -> dict[str, Number]:
    """From what a plant adds to z on the same parts; `z` holds it without the plant, for each of `_paired`."""
    said: dict[str, Number] = {"plant": plant}
    for share in SHARES:
        moved = [_z(pvalues(drawn.planted(plant, share, i)))[0] - before for i, before in z.items()]
        whole = drift + math.sqrt(drawn.parts_of_election) * float(np.mean(moved))
        said[f"power_{round(100 * share)}"] = float(ndtr((whole - ndtri(1 - ALPHA)) / spread))
    return said


def _by_drift(drawn: _Drawn, pvalues: PValues, plant: str | None) -> Measured:
    z = np.array([_z(pvalues(e)) for e in drawn])
    parts = drawn.parts_of_election
    growth = math.sqrt(parts)
    spread = np.maximum(z.std(axis=0, ddof=1), 1e-3)
    error = spread * growth / math.sqrt(len(z))
    seen = growth * (z.mean(axis=0) - _CENTRE)
    drift = seen * np.maximum(0.0, 1 - (error / np.maximum(np.abs(seen), 1e-12)) ** 2)
    line = float(ndtri(1 - ALPHA))
    rates = ndtr((drift - line) / spread)
    worst = int(np.argmax(rates))
    slope = math.exp(-(((line - drift[worst]) / spread[worst]) ** 2) / 2) / math.sqrt(2 * math.pi)
    said: dict[str, Number] = {
        "level": ALPHA,
        "elections": len(z) / parts,
        "stations": drawn.stations,
        "method": "drift and spread",
        "parts": len(z),
        "drift": float(seen[worst]),
        "drift_standard_error": float(error[worst]),
        "spread": float(spread[worst]),
        "standard_error": float(slope * error[worst] / spread[worst]),
    }
    if plant is not None:
        before = {i: float(z[i, 0]) for i in _paired(drawn)}
        drifting, wide = float(drift[0]), float(spread[0])
        said |= _power_by_drift(drawn, pvalues, plant, before, drift=drifting, spread=wide)
    return Measured(tuple(float(r) for r in rates), said)


_CENTRE = math.exp(-(float(ndtri(_LOW)) ** 2) / 2) / math.sqrt(2 * math.pi) - (1 - _LOW) * float(ndtri(_LOW))
"""Mean of `_z` when p is even on [0, 1]: a normal variable that is cut off below."""


def _z(found: Sequence[float | None]) -> Floats:
    return np.asarray(-ndtri(np.clip(_row(found), 1e-16, _LOW)))
