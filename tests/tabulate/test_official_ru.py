"""The Russian headers, on a few made-up precincts, so that they are tested where the real files are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr.errors import CotejoError
from tabulate.official import read_official

HEADER = (
    'region,tik,uik,"Число избирателей, внесенных в список избирателей",'
    '"Число бюллетеней, полученных комиссией","Число бюллетеней, выданных досрочно",'
    '"Число бюллетеней, выданных в помещении","Число бюллетеней, выданных вне помещения",'
    "Число недействительных  избирательных бюллетеней,Число действительных избирательных бюллетеней,"
    "Число утраченных бюллетеней,Первая,Вторая,url\n"
)


def test_the_numbers_of_a_precinct(tmp_path: Path) -> None:
    path = tmp_path / "made-up.csv"
    path.write_text(HEADER + "Край,1 Первая ТИК,7,1000,900,10,500,40,9,540,0,300,240,http://a\n"
                    + "Область,1 Первая ТИК,7,800,700,0,100,5,5,100,0,60,40,http://b\n")  # fmt: skip
    count = read_official(path)
    assert count.format == "ru-cec"
    assert count.options == ("Первая", "Вторая")
    first = count.counts.row(0, named=True)
    assert first["station_id"] == "Край / 1 Первая ТИК / 7"
    assert (first["registered"], first["voted"], first["cast"]) == (1000, 10 + 500 + 40, 540 + 9)
    assert (first["valid"], first["blank"], first["null"]) == (540, None, 9)
    assert count.counts.height == 2
    assert count.totals["Число утраченных бюллетеней"] == 0
    assert count.problems == []


def test_a_part_of_a_sum_that_is_missing_leaves_the_sum_missing(tmp_path: Path) -> None:
    path = tmp_path / "made-up.csv"
    path.write_text(HEADER + "Край,1 Первая ТИК,7,1000,900,,500,40,9,540,0,300,240,http://a\n")
    count = read_official(path)
    assert count.counts.item(0, "voted") is None
    assert count.counts.item(0, "cast") == 549


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "made-up.csv"
    path.write_text(HEADER.replace("недействительных", "иных") + "Край,ТИК,7,1,1,1,1,1,1,1,1,1,1,u\n")
    with pytest.raises(CotejoError, match="no columns of invalid ballots"):
        read_official(path)
