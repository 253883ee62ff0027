"""The mixture's law is a law, its climb finds what its own model put there, and its output goes where it belongs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks._section import show
from benchmarks.fingerprint import by_the_model
from benchmarks.mixture import CELLS, EDGES, HIGH, LOW, cells, climb, half, model, parts


def test_the_cells_are_a_law() -> None:
    for x in (np.zeros(1), half(0.3, 20), 1 - half(0.075, 8)):
        law = cells((0.5, 0.1), (0.4, 0.1), x, 1.5)
        assert law.shape == (CELLS, CELLS) and (law >= -1e-12).all()
        assert law.sum() == pytest.approx(1, abs=1e-6)
    assert model((LOW + HIGH) / 2).sum() == pytest.approx(1, abs=1e-6)


def test_it_finds_what_its_own_model_made() -> None:
    turnout, share = by_the_model(0.1, 0.01)(np.random.default_rng(1))
    seen = np.histogram2d(turnout, share, bins=[EDGES, EDGES])[0].ravel()
    start = np.array([0.5, np.log(0.1), 0.45, np.log(0.1), np.log(0.3), 0.3, -1.0, -3.0])
    found = climb(seen, start)
    fair, f_i, f_e = parts(found.u)
    low, high = found.interval()
    assert fair + f_i + f_e == pytest.approx(1)
    assert f_i == pytest.approx(0.1, abs=0.03) and f_e == pytest.approx(0.01, abs=0.006)
    assert low < f_i < high


def test_the_output_goes_between_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- it -->\nold\n<!-- /it -->\nafter\n")
    monkeypatch.setattr(sys, "argv", ["it", "--write"])
    show("it", iter(["one", "two"]), page)
    assert page.read_text() == "before\n<!-- it -->\n```\none\ntwo\n```\n<!-- /it -->\nafter\n"
    with pytest.raises(ValueError, match="no part"):
        show("other", iter(["one"]), page)
    monkeypatch.setattr(sys, "argv", ["it"])
    show("it", iter(["three"]), page)
    assert "three" not in page.read_text()
