"""The fit of turnout and share: on published elections, on elections made by its own model, and on clean elections that its model does not describe.

The published fit of Klimek et al. (2012) is a hundred Monte Carlo elections for each point of a grid; ours is computed, so it is not the
same estimator, and the figures are set beside each other as they are. Elections by the model itself say whether its f_i
and f_e are found again and how often the 95 % intervals hold them. Clean elections say what the fit gives where nothing was done: that is why it
is a description (grade D) and no test. The published elections need the real data (COTEJO_DATA); the rest is made here
or is of the scoreboard's designs. With ``--write`` the output goes into docs/audits.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from audits.audit import AuditData, run
from audits.fingerprint import EXTREME_WIDTH
from benchmarks._elections import DESIGNS
from benchmarks._section import show

DATA = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
PUBLISHED = {
    "canada2011": "not different from zero",
    "russia2011": "f_i 0.64, f_e 0.033",
    "russia2012": "not at hand",
}
STATIONS, ELECTIONS = 3_000, 40
Rng = np.random.Generator
Shares = tuple[np.ndarray, np.ndarray]


def by_the_model(f_i: float, f_e: float, alpha: float = 1.5) -> Callable[[Rng], Shares]:
    """An election of the model: turnout 0.55 ± 0.08, share 0.40 ± 0.07, θ 0.3."""

    def made(rng: Rng) -> Shares:
        a = np.clip(rng.normal(0.55, 0.08, STATIONS), 0.01, 1)
        v = np.clip(rng.normal(0.40, 0.07, STATIONS), 0.0, 1)
        which = rng.choice(3, STATIONS, p=[1 - f_i - f_e, f_i, f_e])
        some = np.minimum(np.abs(rng.normal(0, 0.3, STATIONS)), 1)
        most = np.clip(1 - np.abs(rng.normal(0, EXTREME_WIDTH, STATIONS)), 0, 1)
        x = np.choose(which, [np.zeros(STATIONS), some, most])
        after = a + x * (1 - a)
        return after, (a * v + x * (1 - a) + x**alpha * a * (1 - v)) / after

    return made


def normal(rng: Rng, low: float, spread: float) -> np.ndarray:
    """Normal values within (0, 1)."""
    return np.clip(rng.normal(low, spread, STATIONS), 0.01, 0.99)


def one_centre(rng: Rng) -> Shares:
    """Turnout 0.60 ± 0.08, share 0.45 ± 0.08."""
    return normal(rng, 0.6, 0.08), normal(rng, 0.45, 0.08)


def together(rng: Rng) -> Shares:
    """The same, with a correlation of 0.7."""
    z = rng.standard_normal(STATIONS)
    return (
        np.clip(0.6 + 0.08 * z, 0.01, 0.99),
        np.clip(0.45 + 0.08 * (0.7 * z + 0.71 * rng.standard_normal(STATIONS)), 0.01, 0.99),
    )


def two_regions(rng: Rng) -> Shares:
    """In a part of the stations the share is 0.20 and the turnout 0.08 higher."""
    strong = rng.random(STATIONS) < 0.3
    return normal(rng, 0.6, 0.08) + 0.08 * strong, normal(rng, 0.42, 0.07) + 0.2 * strong


def skewed(rng: Rng) -> Shares:
    """Shares normal on the log-odds scale around 0.23."""
    return normal(rng, 0.6, 0.08), 1 / (1 + np.exp(-rng.normal(-1.2, 0.8, STATIONS)))


CLEAN: dict[str, Callable[[Rng], Shares]] = {
    "one centre, independent": one_centre,
    "turnout and share go together (0.7)": together,
    "a stronghold with 30 % of the stations": two_regions,
    "a leader with few votes in most places": skewed,
}


def data(shares: Shares, rng: Rng) -> AuditData:
    """Whole numbers: binomial around these turnouts and shares, 200 to 1,500 people on the list."""
    registered = rng.integers(200, 1500, STATIONS)
    cast = rng.binomial(registered, np.clip(shares[0], 0, 1))
    leader = rng.binomial(cast, np.clip(shares[1], 0, 1))
    ids = [f"{i:05d}" for i in range(STATIONS)]
    return AuditData(
        pl.DataFrame({"station_id": ids, "registered": registered, "cast": cast, "leader": leader}),
        ("leader",),
    )


def of(tables: AuditData) -> list[list[float]]:
    """Value, low and high of f_i and of f_e."""
    parts = run(tables, ["fingerprint"], calibrate=False)["fingerprint"].parts
    return [[float(parts[p][c] or 0.0) for c in ("value", "low", "high")] for p in ("incremental", "extreme")]


def fits(make: Callable[[Rng], Shares], salt: int) -> np.ndarray:
    """The same of several elections; shape (elections, 2, 3)."""
    rngs = [np.random.default_rng([2012, salt, k]) for k in range(ELECTIONS)]
    return np.array([of(data(make(rng), rng)) for rng in rngs])


def lines() -> Iterator[str]:
    """All three tables."""
    for name, published in PUBLISHED.items():
        path = DATA / "reference" / f"klimek_{name}.parquet"
        if not path.is_file():
            yield f"{name}: the real data is absent"
            continue
        frame = pl.read_parquet(path).with_row_index("row")
        counts = frame.select(
            pl.col("row").cast(pl.String).alias("station_id"), registered="N", cast="turnout", leader="votes"
        )
        start = time.process_time()
        result = run(AuditData(counts, ("leader",)), ["fingerprint"], calibrate=False)["fingerprint"]
        spent = time.process_time() - start
        (i, e, m) = (result.parts[p] for p in ("incremental", "extreme", "model"))
        yield (
            f"{name}: f_i {i['value']:.3f} ({i['low']:.3f} to {i['high']:.3f}), f_e {e['value']:.3f} ({e['low']:.3f} to {e['high']:.3f}), "
            f"alpha {m['alpha']:.2f}, misfit {m['misfit']:.3f}; published {published}; {result.n} stations, {spent:.2f} CPU s"
        )
    yield f"\nelections by the model, {ELECTIONS} of {STATIONS} stations each: mean f_i, mean f_e; intervals that hold them"
    for salt, (f_i, f_e) in enumerate(((0.0, 0.0), (0.1, 0.01), (0.3, 0.03), (0.6, 0.03))):
        got, truth = fits(by_the_model(f_i, f_e), salt), np.array([f_i, f_e])
        holds = ((got[:, :, 1] <= truth) & (truth <= got[:, :, 2])).mean(axis=0)
        mean = got[:, :, 0].mean(axis=0)
        yield f"f_i {f_i:.2f}, f_e {f_e:.2f}: {mean[0]:.3f}, {mean[1]:.3f}; {holds[0]:.0%}, {holds[1]:.0%}"
    yield f"\nclean elections, {ELECTIONS} each: mean f_i, highest f_i, mean f_e, intervals of f_i above zero"
    for salt, (name, make) in enumerate(CLEAN.items()):
        yield clean(f"{name} ({STATIONS} stations)", fits(make, 100 + salt))
    for name, design in DESIGNS.items():
        rngs = [np.random.default_rng([2012, 200, k]) for k in range(ELECTIONS)]
        yield clean(f"scoreboard design {name} (600 stations)", np.array([of(design(rng)) for rng in rngs]))


def clean(name: str, got: np.ndarray) -> str:
    """One line on clean elections."""
    return (
        f"{name}: {got[:, 0, 0].mean():.3f}, {got[:, 0, 0].max():.3f}, {got[:, 1, 0].mean():.3f}, "
        f"{(got[:, 0, 1] > 0).mean():.0%}"
    )


if __name__ == "__main__":
    show("fingerprint", lines())
