from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from audits import same_writing as module
from audits.audit import AuditData
from audits.same_writing import MOST, same_writing


def prints(rng: np.random.Generator, n: int, alike: float = 0.0) -> np.ndarray:
    """Signs (n, 256), the more of them common to all the more alike all sheets are."""
    common = rng.random(256) < 0.5
    own = rng.random((n, 256)) < 0.5
    return np.where(rng.random((n, 256)) < alike, common, own)


def table(signs: np.ndarray, stations: list[str] | None = None, photos: list[str] | None = None) -> AuditData:
    n = len(signs)
    ids = stations or [f"{i:04d}" for i in range(n)]
    return AuditData(
        filings=pl.DataFrame(
            {
                "photo": photos or [f"photo-{i}" for i in range(n)],
                "station_claimed": ids,
                "station_read": ids,
                "in_register": True,
                "confirmed": True,
                "form": "acta",
                "writing": [np.packbits(s).tobytes().hex() for s in signs],
            }
        )
    )


def again(signs: np.ndarray, flips: int) -> np.ndarray:
    out = signs.copy()
    out[:flips] ^= True
    return out


def test_the_same_writing_at_two_stations_is_named_on_both() -> None:
    signs = prints(np.random.default_rng(1), 300, 0.4)
    signs[7] = again(signs[200], 20)
    result = same_writing(table(signs))
    assert result.flagged_stations == ["0007", "0200"] and result.statistic == 1
    row = result.flagged.row(0, named=True)
    assert "station 0007" in row["evidence"] and "station 0200" in row["evidence"]
    assert "differ in 20 of 256 signs" in row["evidence"] and row["photo"] == "photo-7"
    assert result.flags_expected is not None and result.flags_expected <= 0.1


@pytest.mark.parametrize("alike", [0.0, 0.4, 0.7])
def test_different_sheets_of_one_form_are_not_flagged(alike: float) -> None:
    for seed in range(15):
        result = same_writing(table(prints(np.random.default_rng(seed), 250, alike)))
        assert not result.flagged_stations
        assert result.parts["form/acta"]["limit"] <= MOST


def test_one_station_and_one_file_are_not_compared() -> None:
    signs = prints(np.random.default_rng(2), 60)
    signs[1], signs[3] = signs[0], signs[2]
    stations = [f"{i:04d}" for i in range(60)]
    stations[1] = stations[0]
    photos = [f"photo-{i}" for i in range(60)]
    photos[3] = photos[2]
    assert not same_writing(table(signs, stations, photos)).flagged_stations


def test_blocks_find_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    signs = prints(np.random.default_rng(3), 90, 0.3)
    signs[88] = again(signs[2], 9)
    signs[50] = again(signs[51], 12)
    whole = same_writing(table(signs))
    monkeypatch.setattr(module, "_BLOCK", 200)
    assert same_writing(table(signs)).flagged.equals(whole.flagged)
    assert whole.flagged_stations == ["0002", "0050", "0051", "0088"]


def test_without_fingerprints_or_with_one_station_it_does_not_apply() -> None:
    one = table(prints(np.random.default_rng(4), 1))
    assert not same_writing(one).applies
    assert one.filings is not None
    without = same_writing(AuditData(filings=one.filings.drop("writing", "form")))
    assert not without.applies and "handwriting" in without.why_not.text()  # type: ignore[union-attr]
    strange = one.filings.with_columns(writing=pl.lit("no fingerprint"))
    assert not same_writing(AuditData(filings=strange)).applies
