"""What the battery is given of an official file alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabulate.findings import audit_counts
from tabulate.official import read_official


@pytest.mark.parametrize(
    ("header", "row", "ballots_known"),
    [
        # Valid votes are the options' sum where blank and null ballots have columns of their own.
        ("ana,beto,blank,null", "{a},60,3,2", True),
        ("ana,beto,valid,blank,null", "{a},60,100,3,2", True),
        ("ana,beto,null", "{a},60,2", False),
        # One option alone is no list of all of them.
        ("ana,blank,null", "{a},3,2", False),
    ],
)
def test_ballots_are_what_their_kinds_make(
    tmp_path: Path, header: str, row: str, ballots_known: bool
) -> None:
    rows = [f"{i:03d},400,{row.format(a=40 + i % 7)}" for i in range(150)]
    path = tmp_path / "count.csv"
    path.write_text(f"station_id,registered,{header}\n" + "\n".join(rows) + "\n")
    battery = audit_counts(read_official(path), only=["integer-percent"], calibrate=False)[0].battery
    assert battery["integer-percent"].applies is ballots_known
