"""A small seeded part of the clean-election scoreboard; the whole runs under `make prove`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from audits.audit import ALPHA, corrected, run
from benchmarks import scoreboard
from benchmarks._elections import DESIGNS, STATIONS

ELECTIONS = 60


@pytest.fixture(scope="module")
def only() -> tuple[str, ...]:
    return scoreboard.testing()


@pytest.mark.parametrize("design", DESIGNS)
def test_no_test_speaks_too_often_on_clean_elections(design: str, only: tuple[str, ...]) -> None:
    task = scoreboard.Task(design, 0, ELECTIONS, 20, only)
    cell = scoreboard.cell_of(task, scoreboard.examine(task))
    assert cell.elections == ELECTIONS and len(cell.printed) >= 5
    for name, printed in cell.printed.items():
        # one seeded run in a hundred thousand would fail by chance
        assert cell.spoke[name] <= ALPHA * printed + 4.5 * np.sqrt(ALPHA * (1 - ALPHA) * max(printed, 20)), (
            name
        )


def test_the_designs_are_overdispersed_and_neighbours_vote_alike() -> None:
    for design in DESIGNS:
        data = scoreboard.draw(scoreboard.Task(design, 0, 1, 3, ()), 0)
        counts = data.counts
        assert counts is not None and counts.height == STATIONS
        n, k = counts["valid"].to_numpy(), counts[data.options[0]].to_numpy()
        assert (counts["voted"] <= counts["registered"]).all() and (n > 0).all()
        place = np.unique(counts["place_id"].to_numpy(), return_inverse=True)[1]
        m = k.sum() / n.sum()
        residual = (k - n * m) / np.sqrt(n * m * (1 - m))
        assert (residual**2).mean() > 1.5, "no more spread than counting gives"
        both = place[1:] == place[:-1]
        assert np.corrcoef(residual[1:][both], residual[:-1][both])[0, 1] > 0.2, (
            "neighbours do not vote alike"
        )


def test_the_same_on_one_process_and_on_two_and_a_plant_is_seen() -> None:
    only = ("integer-percent",)
    one = scoreboard.count(scoreboard.clean_tasks(2, 5, only), 1)
    two = scoreboard.count(scoreboard.clean_tasks(2, 5, only), 2)
    assert one == two
    task = scoreboard.Task("homogeneous", 0, 8, 5, only, "rounding", 0.5)
    planted = scoreboard.cell_of(task, scoreboard.examine(task))
    assert planted.rate("integer-percent") == 1.0
    assert planted.printed[scoreboard.BATTERY] == 8


def test_a_rate_above_the_bound_is_told() -> None:
    assert scoreboard.bound(5000) == pytest.approx(0.06, abs=0.0008)
    cell = scoreboard.Cell()
    for i in range(100):
        cell.add({"a": 0.01 if i < 20 else 0.5, "b": 0.9})
    told = scoreboard.over({"homogeneous": cell})
    assert told == [
        "a, homogeneous: 20 of 100",
        f"{scoreboard.BATTERY}, homogeneous: 20 of 100",
        f"{scoreboard.BATTERY_BH}, homogeneous: 20 of 100",
    ]
    assert "a, homogeneous: 20 of 100" in scoreboard.report({"homogeneous": cell}, {}, 1)


def test_what_is_kept_is_not_computed_again_and_the_battery_is_that_of_the_audits(tmp_path: Path) -> None:
    first = scoreboard.Task("two candidates", 3, 5, 8, ("last-digit",))
    both = scoreboard.Task("two candidates", 3, 5, 8, ("integer-percent", "last-digit"))
    scoreboard.examine(first, tmp_path)
    (file,) = tmp_path.iterdir()
    kept = json.loads(file.read_text())
    kept["last-digit"][0]["last-digit"] = 0.123
    file.write_text(json.dumps(kept))
    found = scoreboard.examine(both, tmp_path)
    assert found["last-digit"][0]["last-digit"] == 0.123
    battery = run(scoreboard.draw(both, 4), both.only, seed=4, calibrate=False)
    told = {name: p for tests in found.values() for name, p in tests[1].items()}
    assert told == {name: p["pvalue"] for name, p in battery.tests.items()}
    assert corrected(list(told.values()), "by") == pytest.approx([battery.tests[n]["by"] for n in told])
