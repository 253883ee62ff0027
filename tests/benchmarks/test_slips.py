"""`benchmarks.slips`: the decoder's law of wrong totals, and what published actas say of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.slips import BEFORE, FILES, SIZE, law, off
from ocr.evidence import Settings
from ocr.messages import UNKNOWN
from ocr.sums import ONE_DIGIT
from tabulate.official import read_official


@pytest.mark.parametrize("shares", [(Settings().slip, ONE_DIGIT), BEFORE, (0.0, 0.0)])
def test_a_law_is_symmetric_and_its_slips_have_their_share(shares: tuple[float, float]) -> None:
    given, broad = law(*shares), (1 - shares[0]) / SIZE
    np.testing.assert_allclose(given, given[::-1], rtol=1e-12)
    assert (given - broad).sum() == pytest.approx(shares[0], abs=1e-9)
    assert given[SIZE - 1] == pytest.approx(broad), "no difference is no slip"


@pytest.mark.parametrize("name", FILES)
def test_published_actas_are_described_better_than_by_the_law_before(name: str, real_data: Path) -> None:
    count = read_official(real_data / "official" / name)
    wrong = off(count)
    wrong = wrong[(wrong != 0) & (np.abs(wrong) < SIZE)]
    mine, before = (
        -np.log(law(*shares)[wrong + SIZE - 1]).mean() for shares in ((Settings().slip, ONE_DIGIT), BEFORE)
    )
    assert len(wrong) > 30 and mine < before - 0.5
    one_empty = off(count, 1)
    assert np.mean(one_empty == 0) > Settings().blank_is_zero * np.mean(off(count) == 0) > 0.5
    assert np.mean(one_empty[one_empty > 0] >= UNKNOWN) < 0.05
