"""A thousand simulated warps, bent paper among them: `make prove`. A small part runs in tests/ocr/test_elsewhere.py."""

from __future__ import annotations

import pytest

from benchmarks.registration import SHOTS, line, misplaced, refusals, run, summary, tasks

pytestmark = [pytest.mark.prove, pytest.mark.timeout(6 * 3600)]
SEED, JOBS = (
    1_200_000,
    2,
)  # no photo that registration was developed on (300,000, 600,000 and 800,000 were that once) or that was looked at (900,000 and 1,000,000)


def test_a_thousand_warps_are_placed_right_or_refused() -> None:
    outcomes = run(tasks(SHOTS, SEED), JOBS)
    print("\n" + line("all", outcomes) + "\n" + summary(outcomes))
    wrong = misplaced(outcomes)
    print(*wrong, sep="\n")
    assert not wrong
    assert refusals(outcomes) <= 3
