"""The benchmark of the audits, small: its tables go through the whole battery, and its parts measure what they say."""

from __future__ import annotations

import numpy as np

from audits.audit import REGISTRY
from benchmarks import audits as benchmark


def test_the_whole_battery_runs_on_its_tables_with_every_kind_of_audit() -> None:
    data = benchmark.whole(400)
    assert len(data.count_options) == 12 and data.stations == 400
    applied = {name for name, entry in REGISTRY.items() if entry.function(data, calibrate=False).applies}
    assert {
        "arithmetic",
        "comparison",
        "filings",
        "integer-percent",
        "last-digit",
        "forensics-toolkit",
    } <= applied
    found = benchmark.battery(300, True)
    assert found["tests"] > 3 and found["seconds"] > 0 and 0.05 < found["memory"] < benchmark.MEMORY
    assert not found["each"] and set(benchmark.battery(300, False)["each"]) == set(REGISTRY)


def test_the_monte_carlo_null_and_the_exact_one_agree() -> None:
    frame = benchmark.made_up(3000)
    drawn, exact = benchmark.monte_carlo(frame, 60), benchmark.exact(frame)
    assert len(drawn) == 12
    for name, values in drawn.items():
        gap = abs(values.mean() - exact.parts[name]["expected"]) / (values.std(ddof=1) / np.sqrt(60))
        assert gap < 4.5, name
