"""Speed and memory of the audits.

(a) Whole percentages: the exact null against the published Monte Carlo null. Both start from the same table of stations and give the same twelve
figures. The Monte Carlo is our own plain transcription of the published description (1,000 simulated elections, numpy, one core); a few
elections are drawn and the time is scaled to 1,000, which is exact because elections are drawn one after another. Russia 2012 where the real
data is present (COTEJO_DATA), else a made-up election of the same size.
(b) The resampled kernel density: the published figure at 1,000 resamples, against the 268 s that the R package spikes 1.1 took on a like machine
(the reference data's spikes_rerun_1000.txt); on the package's own example where the data is present.
(c) The whole battery with and without calibration on 100,000 stations × 12 options (`benchmarks._elections.twelve_options`, a comparison of two options,
two sums of each sheet, one photo filed for each station), in a process of its own: time and peak memory.
(d) The same without calibration for 1,000 to 1,000,000 stations.

All seconds are CPU seconds of one process, of all its threads together, so that other work on the machine does not count; (c) gives wall-clock seconds too.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from audits.audit import REGISTRY, AuditData, AuditResult, run
from audits.integer_percent import integer_percent
from benchmarks._elections import twelve_options

DRAWN, PUBLISHED = 20, 1_000
DATA = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
R_SECONDS = 268.0  # spikes 1.1 at 1,000 resamples of 66,111 stations
LARGE = 100_000
LIMITS = {True: 20.0, False: 5.0}  # seconds with and without calibration
MEMORY = 2.0  # GB
SIZES = (1_000, 10_000, 100_000, 1_000_000)


# ------------------------------------------------------------------------------------------- (a) whole percentages


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


def median_of_3(what: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what came out last."""
    times = []
    for _ in range(3):
        start = time.process_time()
        out = what()
        times.append(time.process_time() - start)
    return float(np.median(times)), out


def whole_percentages() -> bool:
    """Print (a); whether the two nulls agree."""
    real = DATA / "official" / "ru" / "2012.csv.zip"
    frame = russia(real) if real.is_file() else made_up()
    exact(frame.head(1000))  # load what is loaded lazily
    ours, result = median_of_3(lambda: exact(frame))
    start = time.process_time()
    drawn = monte_carlo(frame, DRAWN)
    theirs = (time.process_time() - start) * PUBLISHED / DRAWN
    gaps = {
        name: abs(values.mean() - float(result.parts[name]["expected"] or 0))
        / (values.std(ddof=1) / DRAWN**0.5)
        for name, values in drawn.items()
    }
    print("(a) whole percentages")
    print(
        f"input                         {'Russia 2012' if real.is_file() else 'made up'}, {result.n:,} stations used"
    )
    print(f"exact null, CPU s             {ours:.2f}  (median of 3)")
    print(f"Monte Carlo null, CPU s       {theirs:.1f}  ({DRAWN} elections drawn, scaled to {PUBLISHED:,})")
    print(f"ratio Monte Carlo / exact     {theirs / ours:.0f}  (wanted: 60)")
    print(f"largest gap of the 12 means   {max(gaps.values()):.1f} Monte Carlo standard errors")
    return max(gaps.values()) <= 6 and theirs / ours >= 60


# ------------------------------------------------------------------------------------------- (b) resampled kernel


def resampled_kernel() -> bool:
    """Print (b)."""
    from audits import resampled

    real = DATA / "reference" / "spikes_output_data.csv.gz"
    if real.is_file():
        raw = pl.read_csv(gzip.decompress(real.read_bytes()))
        frame = raw.select(registered="N", ballots="t", votes="v").filter(pl.col("ballots") > 0)
    else:
        frame = (
            made_up(66_111).select("registered", ballots="cast", votes="leader").filter(pl.col("ballots") > 0)
        )
    rng = np.random.default_rng(1)
    start = time.process_time()
    found = resampled.published(frame, PUBLISHED, rng)
    ours = time.process_time() - start
    print("\n(b) resampled kernel density, published figure")
    print(
        f"input                         {'the package’s example' if real.is_file() else 'made up'}, {frame.height:,} stations"
    )
    print(
        f"statistic                     {found['statistic']:.4f}  (percent of the stations; 1,000 resamples)"
    )
    print(f"ours, CPU s                   {ours:.1f}")
    print(f"R package there, s            {R_SECONDS:.0f}")
    print(f"ratio                         {R_SECONDS / ours:.0f}  (wanted: 20)")
    return R_SECONDS / ours >= 20


# ------------------------------------------------------------------------------------------- (c), (d) the battery


def whole(stations: int) -> AuditData:
    """All tables of a clean election of 12 options."""
    data = twelve_options(np.random.default_rng(1), stations)
    assert data.counts is not None
    ids = data.counts["station_id"]
    common = {"contest": pl.lit("president"), "confirmed": True, "photo": "photo-" + pl.col("station_id")}
    options = data.counts.select(
        "station_id",
        sum=pl.lit("options"),
        left=pl.sum_horizontal(data.options),
        right="valid",
        rule=pl.lit("equal"),
    )
    ballots = data.counts.select(
        "station_id", sum=pl.lit("ballots"), left="cast", right="voted", rule=pl.lit("at-most")
    )
    filings = pl.DataFrame(
        {
            "photo": "photo-" + ids,
            "station_claimed": ids,
            "station_read": ids,
            "in_register": True,
            "confirmed": True,
        }
    )
    sums = pl.concat([options, ballots]).with_columns(**common)
    return AuditData(data.counts, data.options, comparison=data.comparison, sums=sums, filings=filings)


def battery(stations: int, calibrate: bool) -> dict[str, Any]:
    """Run it here: seconds of all and of each audit, memory at its peak."""
    data = whole(stations)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.monotonic(), time.process_time()
    found = run(data, seed=1, calibrate=calibrate)
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    each = {}
    if not calibrate:
        for name in sorted(REGISTRY):
            begin = time.process_time()
            REGISTRY[name].function(data, seed=1, calibrate=False)
            each[name] = time.process_time() - begin
    tests = len(found.tests)
    return {
        "wall": seconds,
        "seconds": cpu,
        "memory": peak / 1e6,
        "before": before / 1e6,
        "each": each,
        "tests": tests,
    }


def in_a_process(stations: int, calibrate: bool) -> dict[str, Any]:
    """`battery` in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.audits", "--battery", str(stations), str(int(calibrate))]
    done = subprocess.run(
        command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def whole_battery() -> bool:
    """Print (c)."""
    good = True
    print(f"\n(c) whole battery, {LARGE:,} stations × 12 options, {os.cpu_count()} cores")
    for calibrate, limit in LIMITS.items():
        found = in_a_process(LARGE, calibrate)
        what = "with calibration" if calibrate else "without"
        print(
            f"{what:<29} {found['seconds']:.1f} s (wanted: {limit:.0f}; wall clock {found['wall']:.1f}), memory at its peak {found['memory']:.2f} GB "
            f"(wanted: {MEMORY:.0f}; {found['before']:.2f} with the tables), {found['tests']} p-values"
        )
        good &= found["seconds"] <= limit and found["memory"] <= MEMORY
    return good


def cost() -> None:
    """Print (d)."""
    found = {size: in_a_process(size, False) for size in SIZES}
    print("\n(d) without calibration, seconds by number of stations")
    print(f"{'':<29} " + "".join(f"{size:>12,}" for size in SIZES))
    for name in sorted(REGISTRY):
        print(f"{name:<29} " + "".join(f"{found[size]['each'][name]:>12.3f}" for size in SIZES))
    print(f"{'whole battery':<29} " + "".join(f"{found[size]['seconds']:>12.3f}" for size in SIZES))
    print(f"{'memory at its peak, GB':<29} " + "".join(f"{found[size]['memory']:>12.2f}" for size in SIZES))


def main(argv: list[str]) -> int:
    """Print all; the exit status is 1 if the two nulls of (a) disagree or a limit is not held."""
    if argv[:1] == ["--battery"]:
        print(json.dumps(battery(int(argv[1]), argv[2] == "1")))
        return 0
    good = [whole_percentages(), resampled_kernel(), whole_battery()]
    cost()
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
