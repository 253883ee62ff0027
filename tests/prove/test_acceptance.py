"""Synthetic actas at three degradations, in full: `make prove`. A small part runs in tests/ocr/test_thresholds.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.acceptance import AIMS, Outcome, from_cells, from_photos, report
from ocr.reliability import calibration_error
from ocr.train.simulate import Data, Writer, load_writers

pytestmark = [pytest.mark.prove, pytest.mark.timeout(6 * 3600)]
ACTAS, PHOTOS, WRITERS = 20_000, 2_000, 200
JOBS = 2


@pytest.fixture(scope="module")
def writers(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Writer]:
    data = Data.below(real_data / "digits")
    return load_writers(data, "score", WRITERS, 2026, tmp_path_factory.mktemp("cells"), list(AIMS))


def hold(level: str, found: list[Outcome]) -> None:
    """The aims that both kinds of simulation share; what is struck out or left empty is for a person, however well it is read."""
    even, odd = ([x for x in found if x.adds_up is k and (x.clear or not k)] for k in (True, False))
    taken = [x for x in found if x.accepted]
    assert sum(x.accepted for x in even) >= AIMS[level] * len(even)
    assert sum(not x.right for x in taken) <= 0.001 * len(taken)
    assert sum(x.recognised for x in odd) >= 0.9 * len(odd)
    assert sum(x.accepted for x in odd) <= 0.001 * len(odd)


@pytest.mark.parametrize("level", AIMS)
def test_actas_from_cells(level: str, writers: list[Writer]) -> None:
    found = from_cells(level, ACTAS, writers, JOBS)
    print("\n" + report({level: found}))
    assert len(found) >= ACTAS
    assert calibration_error([x.probability for x in found], [x.right for x in found]) <= 0.01
    hold(level, found)


@pytest.mark.parametrize("level", AIMS)
def test_actas_from_photos(level: str, real_data: Path) -> None:
    found = from_photos(level, PHOTOS, real_data / "digits", JOBS)
    print("\n" + report({level: found}))
    assert len(found) == PHOTOS
    hold(level, found)
