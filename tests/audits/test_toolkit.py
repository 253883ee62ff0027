"""The Election Forensics Toolkit's figures, held against the toolkit's own output and R's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from audits.audit import AuditData, run
from audits.toolkit import BENFORD_2, second_digit_fit, second_digits
from tabulate.official import read_official

NAMES = {
    "_2BL": "2BL",
    "LastC": "LastC",
    "P05s": "P05s",
    "C05s": "C05s",
    "Sobyanin": "Sobyanin",
    "Skew": "Skew",
    "Kurt": "Kurt",
    "DipT": "DipT",
    "Correlation": "Correlation",
}


def test_every_figure_of_the_toolkit_on_its_own_example(real_data: Path) -> None:
    """Point values to the printed digits, and intervals that overlap the bootstrapped ones."""
    folder = real_data / "reference"
    frame = pl.read_csv(folder / "EFToolkit_input_albania2013.csv", infer_schema_length=None)
    counts = frame.select(
        "C035", "C050", station_id=pl.col("").cast(pl.String), cast="Ballots", registered="Registered"
    )
    parts = run(AuditData(counts, ("C035", "C050")), ["forensics-toolkit"])["forensics-toolkit"].parts
    with (folder / "EFToolkit_albania2013.csv").open() as file:
        rows = list(csv.DictReader(file))
    compared = 0
    for point, interval in zip(rows[::2], rows[1::2], strict=True):
        series = point["Candidate's Name"].replace("Turnout", "turnout")
        for theirs, ours in NAMES.items():
            if point[theirs] == "--":
                continue
            part = parts[f"{series}/{ours}"]
            decimals = len(point[theirs].partition(".")[2])
            assert round(part["value"], decimals) == float(point[theirs]), (series, ours)
            if interval[theirs] != "--":
                low, high = map(float, interval[theirs].strip("()").split(","))
                assert part["low"] <= high and part["high"] >= low, (series, ours)
            compared += 1
    assert compared == 7 + 9 + 9


@pytest.mark.parametrize(("series", "option"), [("bolivia2019_MAS", "MAS - IPSP"), ("bolivia2019_CC", "CC")])
def test_second_digits_as_in_r(real_data: Path, series: str, option: str) -> None:
    with (real_data / "reference" / "benford_digits_R.csv").open() as file:
        row = next(r for r in csv.DictReader(file) if r["series"] == series)
    count = read_official(real_data / "official" / "bo-2019" / "final_computo.csv", "auto")
    fit = second_digit_fit(count.counts[option].to_numpy())
    for ours, theirs in {
        "n": "n_ge10",
        "mean": "BL2_mean",
        "chi2": "BL2_chisq9",
        "tail_if_benford": "BL2_p",
    }.items():
        assert fit[ours] == pytest.approx(float(row[theirs]), rel=1e-6), ours


def test_second_digits_of_any_length() -> None:
    counts = np.array([0, 9, 10, 19, 99, 100, 273, 999, 1000, 5_600_000, 10**18])
    assert second_digits(counts).tolist() == [0, 9, 9, 0, 7, 9, 0, 6, 0]
    assert BENFORD_2.sum() == pytest.approx(1) and BENFORD_2 @ np.arange(10) == pytest.approx(4.187, abs=5e-4)


def test_it_says_what_it_can_about_strange_counts() -> None:
    for cast, votes in (([0, 0, 0], [0, 0, 0]), ([5, None, 7], [5, 2, None]), ([10, 10, 10], [20, -3, 10])):
        frame = pl.DataFrame(
            {"station_id": ["a", "b", "c"], "cast": cast, "x": votes},
            schema={"station_id": pl.String, "cast": pl.Int64, "x": pl.Int64},
        )
        result = run(AuditData(frame, ("x",)), ["forensics-toolkit"])["forensics-toolkit"]
        assert result.applies and "x/C05s" in result.parts
