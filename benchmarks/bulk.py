"""A mission of 500 photos read by one process, by two, and by a Dask cluster of two workers of which one is killed midway.

The photos are those of the synthetic sample election, each turned and moved a little and written again, so that all differ (seeded).
The three missions start as copies of one, and their clocks stand still; what they end with must be the same bytes in every
derived table. Progress is shown on standard error. Wall seconds; starting the workers is included, the scheduler's start is not. Another number of photos can be given.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from benchmarks._cluster import LocalCluster, local_cluster
from tabulate.intake import receive
from tabulate.mission import Mission
from tabulate.reading import READ, read_photos
from tabulate.rebuild import rebuild
from tabulate.register import import_register

SAMPLE = Path(__file__).parents[1] / "sample_actas"
COUNT = 500
SEED = 20261122
AT = datetime(2026, 11, 22, 20, tzinfo=UTC)  # when everything was read: of that alone may the runs differ


@dataclass(frozen=True)
class Run:
    """What one way of reading came to."""

    way: str
    seconds: float
    stored: int
    refused: int
    tables: dict[str, str]


def photos(count: int, seed: int = SEED) -> Iterator[tuple[str, bytes]]:
    """That many photos, all different, each with a name."""
    originals = sorted(p for p in (SAMPLE / "photos").glob("*.jpg"))
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        pixels = cv2.imread(str(originals[number % len(originals)]))
        assert pixels is not None
        height, width = pixels.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-0.5, 0.5), rng.uniform(0.99, 1))
        turn[:, 2] += rng.uniform(-3, 3, 2)
        moved = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        quality = int(rng.integers(80, 96))
        yield (
            f"{number:05d}.jpg",
            cv2.imencode(".jpg", moved, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes(),
        )


def prepared(folder: Path, count: int) -> Path:
    """A mission with that many photos, nothing read yet."""
    mission = Mission.create(folder, SAMPLE)
    import_register(mission, SAMPLE / "register.csv", actor="benchmark")
    for name, data in photos(count):
        receive(mission, data, name, actor="benchmark")
    mission.close()
    return folder


def run(way: str, folder: Path, *, workers: int | None = None, cluster: str | None = None) -> Run:
    """Read a mission, derive its tables and hash them."""
    mission = Mission.open(folder)
    try:
        began = time.perf_counter()
        done = read_photos(mission, workers=workers, cluster=cluster, at=AT)
        seconds = time.perf_counter() - began
        return Run(way, seconds, len(mission.ledger.subjects(READ)), done.refused, rebuild(mission))
    finally:
        mission.close()


def kill_midway(folder: Path, cluster: LocalCluster, after: int) -> threading.Thread:
    """Kill the cluster's first worker once so many photos have been read."""

    def watch() -> None:
        mission = Mission.open(folder)
        while len(mission.ledger.subjects(READ)) < after:
            time.sleep(0.1)
        mission.close()
        cluster.kill(cluster.workers[0])

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def compare(count: int, folder: Path) -> list[Run]:
    """Read the same photos in all three ways."""
    start = prepared(folder / "start", count)
    copies = [Path(shutil.copytree(start, folder / name)) for name in ("one", "two", "cluster")]
    runs = [run("1 process", copies[0], workers=1), run("2 processes", copies[1], workers=2)]
    with local_cluster(2) as cluster:
        killer = kill_midway(copies[2], cluster, after=count // 3)
        runs.append(run("2 Dask workers, 1 killed", copies[2], cluster=cluster.address))
        killer.join(timeout=10)
        assert [w.poll() is None for w in cluster.workers] == [False, True]
    return runs


def main() -> int:
    """Print the figures; the exit status is 1 if a table differs or a photo is missing."""
    os.environ["OMP_NUM_THREADS"] = "1"
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    with tempfile.TemporaryDirectory() as folder:
        runs = compare(count, Path(folder))
    print(f"photos                      {count}")
    for r in runs:
        print(
            f"{r.way:<27} {r.seconds:7.1f} s, {r.stored / r.seconds:5.2f} photos a second, {r.stored} stored, {r.refused} refused"
        )
    same = all(r.tables == runs[0].tables for r in runs)
    print(
        f"tables                      {len(runs[0].tables)}, {'all the same bytes' if same else 'DIFFERENT'}"
    )
    return int(not same or any(r.stored != count for r in runs))


if __name__ == "__main__":
    sys.exit(main())
