"""500 photos in three ways, one of them with a worker killed midway: acceptance of reading in bulk."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.prove, pytest.mark.timeout(4 * 3600)]


def test_five_hundred_photos_in_three_ways() -> None:
    pytest.importorskip("distributed")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bulk"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "photos                      500" in done.stdout and "the same bytes" in done.stdout
