"""Processes that only work: they end with the one that started them, however it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT

GONE_S = 10.0  # a picture that is being opened takes five at the most
PARENT = """
import sys, time
from pathlib import Path
from tabulate.workers import Processes
from tests.tabulate.test_workers import busy

if __name__ == "__main__":
    workers = Processes(2)
    running = [workers.submit(busy, Path(sys.argv[1]), Path(sys.argv[2]), n) for n in range(2)]
    time.sleep(60)
"""


def busy(photo: Path, notes: Path, number: int) -> None:
    """Open a photo, note this process and the one that opens pictures, and then do nothing (0) or work for ever (1)."""
    from ocr import image

    image.open_picture(photo.read_bytes())
    assert image._decoder._process is not None
    (notes / f"{number}.tmp").write_text(f"{os.getpid()} {image._decoder._process.pid}")
    (notes / f"{number}.tmp").rename(notes / f"{number}.txt")
    while number:
        pass


def lives(pid: int) -> bool:
    """Whether a process does anything; one that only waits to be counted as dead does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_workers_and_their_decoders_end_with_a_killed_parent(tmp_path: Path, sample: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    photo = sample / "photos" / "02212.jpg"
    parent = subprocess.Popen(
        [sys.executable, str(script), str(photo), str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    notes = [tmp_path / f"{n}.txt" for n in range(2)]
    deadline = time.monotonic() + 60
    while not all(n.exists() for n in notes) and parent.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    children = [int(pid) for n in notes for pid in n.read_text().split()]
    try:
        assert len(set(children)) == 4 and all(map(lives, children))
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + GONE_S
        while any(map(lives, children)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not [pid for pid in children if lives(pid)]
    finally:
        parent.kill()
        for pid in filter(lives, children):
            os.kill(pid, signal.SIGKILL)
