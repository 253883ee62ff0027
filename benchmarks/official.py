"""Official counts: reading a file of 100,000 stations and 12 options, and comparing two counts of 1,000,000 stations.

Beside each stands its limit, the same rows through the same library without any check: a bare `polars.read_csv`, and a
bare join with twelve inequalities (`benchmarks/compare.py`). The peer is Python's own csv module with int(). The counts are drawn at random; each
figure is the best of three runs, for reading of fifteen in turns.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from tabulate.official import read_official

OPTIONS = [f"option_{number:02d}" for number in range(12)]
RUNS = 3


def seconds(task: Callable[[], object]) -> float:
    """The shortest wall time of `RUNS` runs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def side_by_side(*tasks: Callable[[], object], runs: int = 15) -> list[float]:
    """The shortest wall time of each task, taken in turns, so that a busy machine is busy for all of them."""
    times: list[list[float]] = [[] for _ in tasks]
    for _ in range(runs):
        for task, mine in zip(tasks, times, strict=True):
            start = time.perf_counter()
            task()
            mine.append(time.perf_counter() - start)
    return [min(mine) for mine in times]


def counts(stations: int) -> pl.DataFrame:
    """A made-up count, the same every time."""
    draw = np.random.default_rng(20191020)
    votes = {name: draw.integers(0, 300, stations) for name in OPTIONS}
    rest = {name: draw.integers(0, 9, stations) for name in ("blank", "null")}
    ids = {"station_id": [f"{number:08d}" for number in range(stations)]}
    return pl.DataFrame({**ids, "registered": np.full(stations, 4000), **rest, **votes})


def with_csv(path: Path) -> None:
    """What a script with the standard library would do."""
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for name in OPTIONS:
                int(row[name])


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "count.csv"
        counts(100_000).write_csv(path)
        ours, limit = side_by_side(lambda: read_official(path), lambda: pl.read_csv(path))
        peer = seconds(lambda: with_csv(path))
    print("read a file of 100,000 stations, 12 options")
    print(f"  cotejo, every cell checked, its text at hand {ours:7.3f} s")
    print(f"  limit: polars.read_csv, nothing checked      {limit:7.3f} s   ratio {ours / limit:5.2f}")
    print(f"  peer: csv.DictReader and int()               {peer:7.3f} s   ratio {ours / peer:5.2f}")
    # In a process of its own, so that the memory it prints is its own.
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "benchmarks.compare"], check=False)


if __name__ == "__main__":
    main()
