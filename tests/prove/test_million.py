"""A million stations through every audit, and the speed and memory that the issue asks for."""

from __future__ import annotations

import pytest

from audits.audit import REGISTRY
from benchmarks import audits as benchmark

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]


def test_every_audit_answers_for_a_million_stations() -> None:
    data = benchmark.whole(1_000_000)
    for audit_id, entry in REGISTRY.items():
        result = entry.function(data, calibrate=False)
        assert result.applies or result.why_not is not None, audit_id
        assert all(0 <= p <= 1 for p in result.pvalues().values()), audit_id


@pytest.mark.parametrize("calibrate", [False, True])
def test_the_battery_keeps_its_time_and_memory(calibrate: bool) -> None:
    found = benchmark.in_a_process(benchmark.LARGE, calibrate)
    assert found["seconds"] <= benchmark.LIMITS[calibrate] and found["memory"] <= benchmark.MEMORY
