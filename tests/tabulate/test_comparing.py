"""Files held against each other: ids and options that two files write differently, one file alone, and the real counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.cli import main
from tabulate.comparing import compare_files
from tabulate.ids import with_zeros
from tabulate.option_names import joined

HEAD = "station_id,registered,valid,status,A,B\n"


def file(folder: Path, name: str, *rows: str, head: str = HEAD) -> Path:
    path = folder / name
    path.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_ids_that_lost_their_zeros_are_joined_as_numbers_and_that_is_said(tmp_path: Path) -> None:
    left = file(tmp_path, "left.csv", "00012,300,30,,10,20", "01234,300,30,,10,20", "30001,300,30,,10,20")
    right = file(tmp_path, "right.csv", "12,300,30,,10,20", "1234,300,31,,11,20", "30001,300,30,,10,20")
    document = compare_files(left, right)
    assert (document["both"], document["differing"], document["only_left"]) == (3, 1, 0)
    assert document["ids"]["stations"] == 2
    assert document["ids"]["sentence"] == (
        "2 station ids of the right side lost their leading zeros and were joined as numbers ('12' as '00012'); "
        "export that file again with ids as text"
    )
    assert document["differing_stations"][0]["station_id"] == "01234"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (["0101", "101"], ["101", "202"]),  # without zeros two stations would be one
        (["101", "202"], ["101", "202"]),
        (["0101", "0202"], ["0101", "303"]),  # the right side has kept its zeros
        (["0101"], ["909"]),
    ],
)
def test_zeros_are_not_guessed(left: list[str], right: list[str]) -> None:
    sides = [pl.DataFrame({"station_id": ids}) for ids in (left, right)]
    if left == ["0101", "0202"]:
        sides[1] = pl.DataFrame({"station_id": ["0101", "303"]})
    assert with_zeros(*sides)[2] is None


def test_options_with_other_names_are_joined_only_where_one_fits() -> None:
    assert joined(["votos_perulibre", "votos_fuerzapopular"], ["v2_fp", "v2_perulibre"]) == {
        "v2_fp": "votos_fuerzapopular",
        "v2_perulibre": "votos_perulibre",
    }
    assert joined(["MAS - IPSP", "CC"], ["MAS-IPSP", "CC"]) == {"MAS-IPSP": "MAS - IPSP"}
    assert joined(["PRI", "Pri."], ["P.R.I."]) == {}
    assert joined(["A"], ["B"]) == {}
    assert joined(["A"], ["B"], ["A=B"]) == {"B": "A"}
    with pytest.raises(CotejoError, match="as LEFT=RIGHT"):
        joined(["A"], ["B"], ["A=C"])


def test_counted_against_its_status(tmp_path: Path) -> None:
    """Zero votes and annulled at first; then votes, and still annulled. Another's explicit column contradicts its status."""
    left = file(tmp_path, "left.csv", "1,300,0,anulada,0,0", "2,300,11,computada,5,6")
    right = file(tmp_path, "right.csv", "1,300,30,anulada,10,20", "2,300,11,computada,5,6")
    document = compare_files(left, right)
    assert document["differing_stations"][0]["causes"] == ["counted-against-status", "missing-left"]
    head = "station_id,counted,status,A,B\n"
    both = [
        file(tmp_path, n, "1,1,anulada,10,20", "2,1,computada,5,6", head=head) for n in ("a.csv", "b.csv")
    ]
    document = compare_files(both[0], both[1])
    assert document["differing"] == 0
    assert [r["station_id"] for r in document["counted_against_status"]] == ["1"]
    # The other way round the authority annulled it: no contradiction.
    assert compare_files(right, left)["causes"] == {"missing-right": 1}


def test_one_file_alone_shows_what_it_leaves_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(
        tmp_path, "count.csv", "1,2000,1900,computada,1000,900", "2,90,80,observada,10,70", "3,,,pendiente,,"
    )
    found = compare_files(None, path, most_voters=9)["could_change_outcome"]
    kinds = found["open_by_kind"]
    assert {k: (o["stations"], o["voters"], o["unbounded"]) for k, o in kinds.items()} == {
        "not_counted": (1, 90, 0),
        "missing_right": (1, 9, 1),
    }
    assert kinds["not_counted"]["margin_as_written"] == 40
    assert found["answer"] == "no"  # 100 − 99
    assert compare_files(None, path, most_voters=10)["could_change_outcome"]["answer"] == "yes"
    assert compare_files(None, path)["could_change_outcome"]["answer"] == "cannot say"
    assert main(["compare", "--right", str(path), "--most-voters", "9"]) == 0
    assert "shown by the authority, not counted" in capsys.readouterr().out


def test_only_some_fields_make_a_station_differ(tmp_path: Path) -> None:
    left = file(tmp_path, "left.csv", "1,300,30,,10,20", "2,300,30,,10,20")
    right = file(tmp_path, "right.csv", "1,300,99,,10,20", "2,300,31,,11,20")
    assert compare_files(left, right)["differing"] == 2
    assert compare_files(left, right, only=["A", "B"])["differing"] == 1
    with pytest.raises(CotejoError, match="no field 'C'"):
        compare_files(left, right, only=["C"])


def explained(document: dict[str, Any]) -> None:
    """Every differing station has its set of causes, and the net effect is there for each option."""
    assert all(row["causes"] for row in document["differing_stations"])
    assert sum(s["differing"] for s in document["statuses"]) in (0, document["differing"])
    assert set(document["net"]) == set(document["sign_symmetry"]["options"])
    assert document["gain"]["difference"].keys() == document["net"].keys()


def test_peru_2021(real_data: Path) -> None:
    folder = real_data / "official" / "pe-2021-runoff"
    document = compare_files(
        folder / "actas_electorales.csv.gz",
        folder / "actas_electorales_ronderos.pe.csv.gz",
        rule="absolute-majority",
        only=["votos_perulibre", "votos_fuerzapopular", "null"],
    )
    explained(document)
    assert document["both"] == 86488
    assert document["differing_numbers"] == 2518
    assert document["options_joined"] == {
        "v2_fp": "votos_fuerzapopular",
        "v2_perulibre": "votos_perulibre",
    }
    pending = next(s for s in document["statuses"] if s["left"] == "ACTA ELECTORAL PENDIENTE")
    assert pending["causes"]["missing-left"] == pending["differing"]
    assert document["margin"] == 8835653 - 8791696


def test_coahuila_2017_alone(real_data: Path) -> None:
    """494 captured and not counted, 525 never captured, and what they could do to the governor's race."""
    folder = real_data / "official" / "mx-prep-coahuila-2017"
    document = compare_files(
        None,
        folder / "20170605_1300_PREP_GOB_COAH.zip",
        voters=folder / "20170605_1300_PREP_DIP_LOC_COAH.zip",
        most_voters=750,  # the law's maximum for a casilla
    )
    found = document["could_change_outcome"]
    kinds = found["open_by_kind"]
    assert document["stations"] == 3628
    assert kinds["not_counted"]["stations"] == 494
    assert kinds["missing_right"]["stations"] == 525
    assert kinds["counted_empty"]["stations"] == 2609 - 2568
    assert found["answer"] == "yes"
    assert found["margin"] == 337682 - 324429
    assert kinds["not_counted"]["alone"] == kinds["missing_right"]["alone"] == "yes"
    assert found["open_voters"] == sum(k["voters"] for k in kinds.values()) > found["margin"]
