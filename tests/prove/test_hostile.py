"""2,000 damaged files through the bulk path: none stops the batch, none kills a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tabulate.test_bulk import read_damaged

pytestmark = [pytest.mark.prove, pytest.mark.timeout(4 * 3600)]


def test_two_thousand_damaged_files(tmp_path: Path, sample: Path) -> None:
    outcomes = read_damaged(tmp_path / "mission", sample, 2000)
    for why, count in outcomes.most_common():
        print(f"{count:5} {why}")
    assert len(outcomes) > 5
