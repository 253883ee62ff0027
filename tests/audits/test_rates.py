from __future__ import annotations

from math import comb

import numpy as np
import polars as pl
import pytest

from audits.rates import apart_from, by_region, rate


def test_the_interval_is_wilsons() -> None:
    # Wilson's interval of 5 in 20, as in any table of it
    assert rate(5, 20) == pytest.approx({"rate": 0.25, "low": 0.1119, "high": 0.4687}, abs=1e-4)
    assert rate(0, 7)["low"] == 0 and rate(7, 7)["high"] == 1


def test_fishers_test_by_counting() -> None:
    k, n, all_k, all_n = 6, 9, 10, 40
    ways = {x: comb(all_k, x) * comb(all_n - all_k, n - x) for x in range(10)}
    every = sum(ways.values())
    above = sum(w for x, w in ways.items() if x >= k) / every
    assert apart_from(k, n, all_k, all_n) == pytest.approx(2 * above)
    assert apart_from(n, n, all_n, all_n) == 1.0


def test_an_ordinary_amount_of_slips_looks_ordinary_and_another_stands_out() -> None:
    rng = np.random.default_rng(1)
    said = 0
    for _ in range(60):
        region = np.repeat([f"r{i}" for i in range(20)], 50)
        frame = pl.DataFrame({"region": region, "wrong": rng.random(1000) < 0.41})
        said += any(part["stands_out"] for part in by_region(frame).values())
    assert said <= 3 + 4 * np.sqrt(3)
    odd = frame.with_columns(wrong=pl.when(pl.col("region") == "r3").then(True).otherwise("wrong"))
    out = by_region(odd)
    assert [name for name, part in out.items() if part["stands_out"]] == ["region/r3"]


def test_one_region_is_apart_from_none_and_an_unknown_one_is_named() -> None:
    frame = pl.DataFrame(
        {"region": [None, None], "wrong": [True, False]}, schema={"region": pl.String, "wrong": pl.Boolean}
    )
    assert (
        by_region(frame)["region/-"].items() >= {"examined": 2, "contradict": 1, "stands_out": None}.items()
    )
