"""The whole clean-election scoreboard, with the bound of the design; half an hour to two hours."""

from __future__ import annotations

import pytest

from benchmarks import scoreboard

pytestmark = [pytest.mark.prove, pytest.mark.timeout(6 * 3600)]


def test_no_cell_of_five_thousand_clean_elections_is_above_its_bound() -> None:
    cells = scoreboard.count(scoreboard.clean_tasks(5000, 1, scoreboard.testing()), 2)
    for design, cell in cells.items():
        print(design, {name: round(100 * (cell.rate(name) or 0), 2) for name in cell.printed})
    assert not scoreboard.over(cells)
