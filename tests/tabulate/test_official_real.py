"""The verified formats against the authorities' own files, with totals known beforehand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.official import detect, read_official

BOLIVIA = [
    "final_computo.csv",
    "trep - acta.2019.10.20.19.40.57.csv",
    "trep - acta.2019.10.21.18.29.53.csv",
]
PRECINCTS = {
    2011: ('6. Всероссийская политическая партия "ЕДИНАЯ РОССИЯ"', 7),
    2012: ("Путин Владимир Владимирович", 5),
    2018: ("Путин Владимир Владимирович", 8),
}


@pytest.mark.parametrize("name", BOLIVIA)
def test_bolivia_2019_gives_the_known_column_sums(real_data: Path, name: str) -> None:
    known = json.loads((real_data / "official" / "totals.json").read_text())[f"bo-2019/{name}"]
    rows = known.pop("actas")
    path = real_data / "official" / "bo-2019" / name
    assert detect(path).id == "bo-oep-2019"
    document = read_official(path).to_json()
    assert document["totals"] == known
    assert document["rows"] == document["stations"] == document["counted"] == rows
    assert document["problems"] == []
    assert document["verified"] is True


def test_the_bolivian_cells_keep_every_text(real_data: Path) -> None:
    count = read_official(real_data / "official" / "bo-2019" / BOLIVIA[0])
    cells = count.cells()
    assert cells.height == count.counts.height * (6 + 9)
    states = dict(cells.group_by("state").len().iter_rows())
    assert states == {"number": 34555 * 12, "absent": 34555 * 3}
    assert cells.filter(pl.col("raw").cast(pl.Int64, strict=False) != pl.col("value")).height == 0


@pytest.mark.parametrize("year", sorted(PRECINCTS))
def test_russia_gives_the_numbers_of_the_audit(real_data: Path, year: int) -> None:
    path = real_data / "official" / "ru" / f"{year}.csv.zip"
    known = json.loads((real_data / "official" / "totals.json").read_text())[f"ru/{year}.csv.zip"][
        "precincts"
    ]
    leader, options = PRECINCTS[year]
    assert detect(path).id == "ru-cec"
    count = read_official(path)
    frame = count.counts
    assert frame.height == frame.get_column("station_id").n_unique() == known
    assert leader in count.options
    assert len(count.options) == options
    assert count.problems == []
    parts = pl.sum_horizontal(count.options)
    assert frame.filter(parts != pl.col("valid")).height == 0  # true in all three files
    assert frame.filter(pl.col("cast") != pl.col("valid") + pl.col("null")).height == 0
    assert frame.filter(pl.col("voted") > pl.col("registered")).height == 0
    assert frame.select(pl.col("registered", "voted", "cast", leader).null_count()).row(0) == (0, 0, 0, 0)


def test_a_russian_file_without_the_ballots_given_out_is_refused(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / "official" / "ru" / "2018.csv.zip") as archive:
        text = archive.read("2018.csv").decode()[:20_000]
    path = tmp_path / "2018.csv"
    path.write_text(text[: text.rindex("\n")].replace("выданных", "утерянных"))
    with pytest.raises(CotejoError, match="no column of ballots given out"):
        read_official(path)
