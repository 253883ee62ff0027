"""Fitting the decoder's belief and the reader's thresholds: on statements whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ocr.evidence import Settings, calibrated
from ocr.reliability import calibration_error, reliability
from ocr.train.levels import LEVELS
from ocr.train.sheets import LOOKS, made_sources
from ocr.train.simulate import Scored, Writer, draw_cells, perfect_writers, read_cells, score_sheets
from ocr.train.thresholds import (
    Boxes,
    accepted,
    box_loss,
    fit_accept,
    fit_calibration,
    fit_noise,
    fit_temperature,
    said,
    upper,
)

PLAIN = Settings(
    temperature=1.0, temperature_slope=0.0, calibration=(1.0, 0.0, 0.0), class_prior=None, noise=1e-6
)


def sheets(n: int, honest: float, rng: np.random.Generator) -> list[Scored]:
    """Sheets whose stated log odds are `honest` times the true ones."""
    odds = rng.normal(4, 3, n)
    true = 1 / (1 + np.exp(-odds))
    stated = 1 / (1 + np.exp(-honest * odds))
    right = rng.random(n) < true
    return [
        Scored(
            "f",
            LOOKS[i % len(LOOKS)],
            True,
            True,
            bool(right[i]),
            float(stated[i]),
            0.1,
            1.0,
            False,
            0.0,
            False,
            (),
        )
        for i in range(n)
    ]


def test_upper_end_of_the_interval() -> None:
    assert upper(0, 2994) == pytest.approx(0.001, abs=1e-5)  # 3 / n, the rule of three
    assert upper(5, 5) == 1.0


def test_calibration_error_by_hand() -> None:
    p, y = [0.9, 0.9, 0.9, 0.9, 0.1], [True, True, True, False, False]
    assert calibration_error(p, y) == pytest.approx((4 * 0.15 + 1 * 0.1) / 5)
    assert [b.n for b in reliability(p, y)] == [1, 4]
    assert calibration_error([], []) == 0.0
    assert reliability([1.0], [True])[0].high == 1.0


@pytest.mark.parametrize("honest", [0.5, 1.0, 2.0])
def test_calibration_undoes_what_is_overstated_or_understated(honest: float) -> None:
    fit, score = (sheets(6000, honest, np.random.default_rng(s)) for s in (1, 2))
    found = fit_calibration(fit, PLAIN)
    assert found.calibration[0] == pytest.approx(1 / honest, rel=0.1)
    error = calibration_error([said(x, found) for x in score], [x.right for x in score])
    assert error < 0.012
    if honest != 1.0:
        assert error < calibration_error([x.probability for x in score], [x.right for x in score])


def test_calibration_keeps_the_order_and_the_ends() -> None:
    s = replace(PLAIN, calibration=(0.8, 0.3, -1.0))
    p = [calibrated(x, 0.1, s) for x in (0.0, 0.2, 0.5, 0.9, 1.0)]
    assert p == sorted(p) and p[0] >= 0 and p[-1] <= 1
    assert calibrated(0.9, 0.3, s) < calibrated(0.9, 0.1, s)  # a less clear sheet is believed less


def test_the_threshold_is_the_lowest_that_keeps_the_aim() -> None:
    rng = np.random.default_rng(3)
    found = fit_accept(sheets(20_000, 1.0, rng), PLAIN)
    taken = [x for x in sheets(20_000, 1.0, rng) if accepted(x, found)]
    assert taken and np.mean([1 - said(x, found) for x in taken]) <= 0.001
    assert fit_accept([replace(x, right=False) for x in sheets(500, 1.0, rng)], PLAIN).accept == 0.999


def test_what_is_doubtful_otherwise_is_never_accepted() -> None:
    good = Scored("f", "light", True, True, True, 0.99999, 0.1, 1.0, False, 0.0, False, ())
    assert accepted(good, PLAIN)
    assert not accepted(replace(good, hard=True), PLAIN)
    assert not accepted(replace(good, least=0.9), PLAIN)


def test_temperature_is_found_again() -> None:
    rng = np.random.default_rng(4)
    made = []
    for _ in range(60):
        z = rng.normal(0, 2.0, (40, 13))
        true = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        labels = np.array([rng.choice(13, p=p) for p in true])
        hot = np.exp(2 * z) / np.exp(2 * z).sum(1, keepdims=True)  # twice as sure as it may be
        made.append(Boxes("light", hot, labels.astype(np.int64), 0.1, ()))
    found = fit_temperature(made, PLAIN)
    assert found.temperature == pytest.approx(2.0, rel=0.1)
    assert box_loss(made, found) < box_loss(made, PLAIN)


def test_the_floor_is_as_low_as_the_boxes_prove() -> None:
    sure = np.full((1, 13), 1e-6)
    sure[0, 4] = 1 - 12e-6

    def boxes(n: int, wrong: int = 0) -> list[Boxes]:
        labels = np.where(np.arange(n) < wrong, 7, 4)
        return [Boxes("light", np.repeat(sure, n, 0), labels, 0.1, range(n))]

    few, many, wrong = boxes(3000), boxes(30_000), boxes(30_000, 5)
    assert fit_noise(20 * few, PLAIN) == fit_noise(few, PLAIN)  # no proof by standing on many sheets
    assert fit_noise(few, PLAIN).noise == 5e-4  # never above what was reasoned before
    assert fit_noise(many, PLAIN).noise == pytest.approx(
        3.0 / 30_000 * 13 / 12, rel=0.05
    )  # the rule of three
    assert fit_noise(wrong, PLAIN).noise > 2 * fit_noise(many, PLAIN).noise


@pytest.fixture(scope="module")
def writers() -> list[Writer]:
    """Drawn digits: no data is needed."""
    return read_cells(*draw_cells(made_sources("score", writers=8), list(LEVELS), 3, 9))


def test_a_perfect_network_is_accepted_everywhere() -> None:
    """Also on forms with many numbers in no sum: a floor that forbids that would be a fault of the decoder."""
    forms = ["co-e14j-2025", "ge-cec-protocol-2012", "mx-ine-2024-senate", "pe-onpe-2026"]
    found = score_sheets(forms, perfect_writers("light"), 24, 0.0, 6, Settings())
    clear = [x for x in found if x.clear]
    assert len(clear) >= 10 and all(x.right and accepted(x, Settings()) for x in clear)


def test_sheets_from_cells_are_decoded_and_scored(writers: list[Writer]) -> None:
    """A small seeded part of `make prove`: what light damage gives is read, what is wrong is not accepted."""
    forms = ["bo-oep-2025", "id-kpu-c1-2019", "sample-strip"]
    found = score_sheets(forms, writers, 30, 0.2, 5, Settings())
    assert len(found) == 90 and {x.look for x in found} == set(LEVELS)
    assert found == score_sheets(forms, writers, 30, 0.2, 5, Settings())  # the same seed, the same sheets
    light = [x for x in found if x.look == "light"]
    heavy = [x for x in found if x.look == "heavy"]
    assert np.mean([x.right for x in light]) >= 0.8
    assert np.mean([x.right for x in light]) >= np.mean([x.right for x in heavy])
    taken = [x for x in found if accepted(x, Settings())]
    assert taken and all(x.right for x in taken)
    assert not any(accepted(x, Settings()) for x in found if not x.adds_up)
