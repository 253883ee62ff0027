"""What takes minutes: `make prove`. A small seeded part of each runs with the other tests."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData, run
from tabulate.cli import main
from tabulate.demo import snapshot_times
from tests.conftest import ROOT

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]


def hashes(mission: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((mission / "tables").glob("*.parquet"))}


def prepared(folder: Path, sample: Path) -> Path:
    """A mission with the sample's register and photos, nothing read yet."""
    photos = sorted(p for p in (sample / "photos").iterdir() if p.suffix != ".csv")
    assert main(["init", str(folder), "--from", "sample", "--register", str(sample / "register.csv")]) == 0
    assert main(["ingest", str(folder), *map(str, photos)]) == 0
    return folder


def finished(folder: Path, sample: Path) -> Path:
    for name, at in snapshot_times(sample):
        assert main(["import", str(folder), str(sample / name), "--format", "cotejo-csv", "--at", at]) == 0
    assert main(["rebuild", str(folder)]) == 0
    return folder


def values(mission: Path) -> pl.DataFrame:
    """What the tables say beside ledger numbers and times, which differ between two missions."""
    fields = pl.read_parquet(mission / "tables" / "tally_fields.parquet")
    findings = pl.read_parquet(mission / "tables" / "findings.parquet")
    return pl.concat([fields.select("station_id", "contest", "field", "value"), findings.select(
        "station_id", "contest", field=pl.col("audit") + pl.coalesce("field", pl.lit("")), value="votes"
    )])  # fmt: skip


def test_killed_again_and_again_nothing_is_lost_or_doubled(tmp_path: Path, sample: Path) -> None:
    whole = prepared(tmp_path / "whole", sample)
    assert main(["read", str(whole), "--workers", "1"]) == 0
    finished(whole, sample)
    broken = prepared(tmp_path / "broken", sample)
    rng = random.Random(2026)
    command = [sys.executable, "-m", "tabulate.cli", "read", str(broken), "--workers", "2", "--json"]
    for _ in range(6):
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(rng.uniform(4, 15))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    finished(broken, sample)
    assert values(broken).equals(values(whole))
    readings = pl.read_parquet(broken / "tables" / "readings.parquet")
    assert readings.select("photo", "page").is_unique().all()
    first = hashes(broken)
    assert main(["rebuild", str(broken)]) == 0
    assert hashes(broken) == first


@pytest.mark.parametrize("suite", ["tests/ocr/test_image.py", "tests/ocr/test_read.py"])
def test_mutated_files_for_long(suite: str) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            suite,
            "-q",
            "-k",
            "mutated",
            "-p",
            "no:cacheprovider",
            "--timeout=3000",
        ],
        cwd=ROOT,
        env={**os.environ, "COTEJO_FUZZ_ROUNDS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_integer_percent_rarely_speaks_on_clean_elections(spread: float) -> None:
    """Binomial, and overdispersed counts: at the 5 % level at most 6 % of 2,000 elections of 300 stations."""
    rng = np.random.default_rng(20261122)
    rejected = 0
    for _ in range(2000):
        registered = rng.integers(150, 900, 300)
        turnout = np.clip(rng.normal(0.66, 0.08, 300) + spread * rng.standard_normal(300), 0.2, 0.97)
        share = np.clip(rng.normal(0.45, 0.12, 300) + spread * rng.standard_normal(300), 0.05, 0.95)
        voted = rng.binomial(registered, turnout)
        first = rng.binomial(voted, share)
        counts = pl.DataFrame(
            {
                "station_id": [f"{i:04}" for i in range(300)],
                "registered": registered,
                "voted": voted,
                "cast": voted,
                "one": first,
                "two": voted - first,
            }
        )
        data = AuditData(counts=counts, options=("one", "two"))
        pvalue = run(data, only=["integer-percent"], calibrate=False)["integer-percent"].pvalue
        rejected += pvalue is not None and pvalue <= 0.05
    print(f"\nspread {spread}: rejected {rejected} of 2000 at the 5 % level")
    assert rejected <= 0.06 * 2000
