"""A Dask cluster on this machine for measuring and testing: a scheduler and workers, each a process that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A cluster of ours ends with the process that started it, even a killed one: its standard input closes then.
CODE = """
import os, sys, threading
from dask.__main__ import main
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(1)), daemon=True).start()
main()
"""


@dataclass
class LocalCluster:
    """Its address, and its processes: each worker's own group, so that a kill takes its decoding process as well."""

    address: str
    folder: Path
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self, nanny: bool = False) -> subprocess.Popen[bytes]:
        """Start a worker with one thread; with a nanny, it is started again when it dies."""
        worker = _start(
            self.folder,
            *("worker", self.address, "--nthreads", "1", "--no-dashboard", "--local-directory"),
            *(str(self.folder), "--nanny" if nanny else "--no-nanny"),
        )
        self.workers.append(worker)
        return worker

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """As a power cut would: no goodbye."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def local_cluster(workers: int = 2, nanny: bool = False) -> Iterator[LocalCluster]:
    """A scheduler on a free port of the loopback address and that many workers; all are ended."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        note = folder / "scheduler.json"
        scheduler = _start(
            folder, *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(note)),
        )  # fmt: skip
        cluster = LocalCluster("", folder, scheduler)
        try:
            deadline = time.monotonic() + 60
            while not cluster.address and time.monotonic() < deadline:
                time.sleep(0.05)
                if note.exists() and (text := note.read_text()):
                    cluster.address = json.loads(text)["address"]
            for _ in range(workers):
                cluster.add_worker(nanny)
            if workers:
                _wait_for(cluster.address, workers)
            yield cluster
        finally:
            for process in (*cluster.workers, scheduler):
                cluster.kill(process)


def _wait_for(address: str, workers: int) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=120)


def _start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
