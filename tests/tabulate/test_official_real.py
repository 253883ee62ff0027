"""The verified formats against the authorities' own files, with totals known beforehand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.official import detect, read_official

BOLIVIA = "final_computo.csv"
COUNTS = {"actas", "rows", "mesas", "precincts"}
"""Names in totals.json that are numbers of rows; the others are columns."""

PRECINCTS = {
    2011: ('6. Всероссийская политическая партия "ЕДИНАЯ РОССИЯ"', 7),
    2012: ("Путин Владимир Владимирович", 5),
    2018: ("Путин Владимир Владимирович", 8),
}


def differences(known: dict[str, Any], document: dict[str, Any]) -> list[str]:
    """What in an imported file is not as totals.json says."""
    sums = document["totals"]
    if "governor_actas" in known:  # the sums are over one contest of several
        sums = document["totals_by_contest"]["GOBERNADOR(A)"]
    found = []
    for name, value in known.items():
        if name == "governor_actas":
            got = document["actas_by_contest"]["GOBERNADOR(A)"]
        elif name in COUNTS or name == "declared":
            got = document["rows"]
        elif name in ("sections", "secoes"):
            got = document["stations"]
        elif name == "by_option":
            got = document["by_option"]
        elif isinstance(value, dict):
            column = name.removesuffix("_values").lower()
            got = next(
                (terms for c, terms in document["statuses"].items() if c.lower().endswith(column)), None
            )
        else:
            got = sums.get(name)
        if got != value:
            found.append(f"{name}: {got} instead of {value}")
    return found


def test_every_file_gives_its_known_totals(real_data: Path) -> None:
    """Over all of totals.json, so that an entry that is added is tested."""
    folder = real_data / "official"
    totals = json.loads((folder / "totals.json").read_text(encoding="utf-8"))
    wrong = {}
    for name, known in totals.items():
        if name.startswith("_"):
            continue
        document = read_official(folder / name, "auto").to_json()
        if found := differences(known, document):
            wrong[name] = found
        assert document["verified"] is True
    assert wrong == {}


def test_the_bolivian_cells_keep_every_text(real_data: Path) -> None:
    count = read_official(real_data / "official" / "bo-2019" / BOLIVIA)
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
