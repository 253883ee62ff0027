"""500 photos in three ways, one of them with a worker killed midway: acceptance of reading in bulk."""

from __future__ import annotations

import re
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
    assert "photos                      500" in done.stdout and "all the same bytes" in done.stdout
    assert len(re.findall(r"500 stored, .* refused", done.stdout)) == 3
    assert done.stderr.count("500/500") == 3  # progress, to its end
