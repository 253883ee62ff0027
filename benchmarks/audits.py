"""The integer-percentage audit: its exact null against the published Monte Carlo null.

Both start from the same table of stations and give the same twelve figures. The Monte Carlo is our own plain
transcription of the published description (1,000 simulated elections, numpy, one core); a few elections are drawn
and the time is scaled to 1,000, which is exact because elections are drawn one after another. CPU seconds of this
process; the input is Russia 2012 where the real data is present (COTEJO_DATA), else a made-up election of the same
size.
"""

from __future__ import annotations

import os
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl

from audits.audit import AuditData, AuditResult
from audits.integer_percent import integer_percent

DRAWN, PUBLISHED = 20, 1_000
DATA = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def russia(path: Path) -> pl.DataFrame:
    """Russia 2012 by precinct, as `integer_percent` wants it."""
    with zipfile.ZipFile(path) as archive:
        raw = pl.read_csv(archive.read(archive.namelist()[0]), infer_schema=False)

    def whole(part: str) -> list[pl.Expr]:
        return [pl.col(c).cast(pl.Int64) for c in raw.columns if part in c]

    return raw.select(
        pl.concat_str("region", "tik", "uik", separator="/").alias("station_id"),
        "region",
        whole("включенных в список")[0].alias("registered"),
        pl.sum_horizontal(whole("бюллетеней, выданных")).alias("voted"),
        pl.sum_horizontal(whole("ействительных избирательных")).alias("cast"),
        whole("Путин")[0].alias("leader"),
    )


def made_up(stations: int = 90_000) -> pl.DataFrame:
    """A made-up election of the same size."""
    rng = np.random.default_rng(1)
    registered = rng.integers(100, 3000, stations)
    voted = rng.binomial(registered, rng.beta(12, 8, stations))
    leader = rng.binomial(voted, rng.beta(12, 8, stations))
    ids = [str(i) for i in range(stations)]
    return pl.DataFrame(
        {"station_id": ids, "registered": registered, "voted": voted, "cast": voted, "leader": leader}
    )


def monte_carlo(frame: pl.DataFrame, elections: int) -> dict[str, np.ndarray]:
    """Sums of hits of each simulated election, by "test/weight"."""
    frame = frame.drop_nulls(["registered", "voted", "cast", "leader"]).filter(
        pl.col("cast") > 0,
        pl.col("registered") >= 100,
        pl.col("voted") / pl.col("registered") <= 0.99,
        pl.col("leader") / pl.col("cast") <= 0.99,
    )
    registered, voted, cast, leader = (frame[c].to_numpy() for c in ("registered", "voted", "cast", "leader"))
    weights = {"stations": np.ones(cast.size), "voters": registered, "given": voted, "leader": leader}
    rng = np.random.default_rng(1)
    sums: dict[str, list[float]] = {}
    for _ in range(elections):
        share = 100 * rng.binomial(cast, leader / cast) / cast
        turnout = 100 * rng.binomial(registered, voted / registered) / registered
        result = np.abs(share - np.round(share)) <= 0.05
        turned = np.abs(turnout - np.round(turnout)) <= 0.05
        for test, hit in (("either", result | turned), ("result", result), ("turnout", turned)):
            for weight, w in weights.items():
                sums.setdefault(f"{test}/{weight}", []).append(float(w[hit].sum()))
    return {name: np.array(values) for name, values in sums.items()}


def exact(frame: pl.DataFrame) -> AuditResult:
    """The audit as users run it, without calibration."""
    return integer_percent(AuditData(counts=frame, options=("leader",)), calibrate=False)


def main() -> int:
    """Print both times and their ratio; the exit status is 1 if the two nulls disagree."""
    real = DATA / "official" / "ru" / "2012.csv.zip"
    frame = russia(real) if real.is_file() else made_up()
    exact(frame.head(1000))  # load what is loaded lazily
    times = []
    for _ in range(3):
        start = time.process_time()
        result = exact(frame)
        times.append(time.process_time() - start)
    ours = float(np.median(times))
    start = time.process_time()
    drawn = monte_carlo(frame, DRAWN)
    theirs = (time.process_time() - start) * PUBLISHED / DRAWN
    gaps = {
        name: abs(values.mean() - float(result.parts[name]["expected"] or 0))
        / (values.std(ddof=1) / DRAWN**0.5)
        for name, values in drawn.items()
    }
    print(
        f"input                         {'Russia 2012' if real.is_file() else 'made up'}, {result.n:,} stations used"
    )
    print(f"exact null, CPU s             {ours:.2f}  (median of 3)")
    print(f"Monte Carlo null, CPU s       {theirs:.1f}  ({DRAWN} elections drawn, scaled to {PUBLISHED:,})")
    print(f"ratio Monte Carlo / exact     {theirs / ours:.0f}")
    print(f"largest gap of the 12 means   {max(gaps.values()):.1f} Monte Carlo standard errors")
    return int(max(gaps.values()) > 6)


if __name__ == "__main__":
    sys.exit(main())
