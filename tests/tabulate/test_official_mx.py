"""PREP in the layout of each year's LEEME (synthetic), by the authority's counting rules, and Coahuila's real one."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tabulate.official import FORMATS, OfficialCount, read_official
from tabulate.official.mx_coalitions import tickets
from tabulate.official.mx_prep import causes
from tests.tabulate.prep import COUNTED, HEADERS, prep

YEARS = sorted(HEADERS)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "presidencia.csv"
    path.write_bytes(text.encode(encoding))
    return path


def read(folder: Path, year: int) -> OfficialCount:
    return read_official(write(folder, prep(year)))


def reasons(count: OfficialCount) -> list[str]:
    return [problem["reason"] for problem in count.problems]


@pytest.mark.parametrize("year", YEARS)
def test_the_totals_follow_the_counting_rules(tmp_path: Path, year: int) -> None:
    """Illegible and blank count as zero; CONTABILIZADA 0, no acta and an acta of no station do not count."""
    count = read(tmp_path, year)
    assert (count.format, count.verified, FORMATS["mx-prep"].verified) == ("mx-prep", False, False)
    document = count.to_json()
    assert {name: document["by_option"][name] for name in COUNTED} == COUNTED
    assert (document["rows"], document["stations"], document["counted"]) == (8, 6, 3)
    assert document["totals"]["PAN"] == 150 + 900 + 7 + 8  # the column, over all rows
    assert document["totals"]["CONTABILIZADA"] == 3


@pytest.mark.parametrize("year", YEARS)
def test_every_marker_is_kept_apart(tmp_path: Path, year: int) -> None:
    cells = read(tmp_path, year).cells()

    def cell(section: str, field: str) -> tuple[int | None, str, str | None]:
        found = cells.filter(pl.col("station_id").str.contains(f"{section}[BS]") & (pl.col("field") == field))
        return found.select("value", "state", "raw").row(0)

    assert cell("0101", "PRD") == (0, "number", "0")
    assert cell("0102", "PAN") == (None, "illegible", "Ilegible")
    assert cell("0102", "PRD") == (None, "blank", "Sin dato")
    assert cell("0103", "PRD") == (None, "absent", "-")  # the coalition or party does not stand here
    assert cell("0105", "PAN") == (None, "absent", "Sin acta")
    assert cell("0106", "PAN") == (None, "absent", None)  # never captured: the row ends before the votes


@pytest.mark.parametrize("year", YEARS)
def test_stations_without_an_acta_and_actas_without_a_station(tmp_path: Path, year: int) -> None:
    count = read(tmp_path, year)
    by_id = dict(count.counts.select("station_id", "counted").iter_rows())
    assert by_id == {
        "010101B0100": True,
        "010102B0100": True,
        "010103S0100": True,
        "010104B0100": False,
        "010105B0100": False,
        "010106B0100": False,
    }
    found = reasons(count)
    assert sum("outside the catalogue of stations" in reason for reason in found) == 2
    assert sum(reason.startswith("no acta was captured: the row ends after") for reason in found) == 1
    assert not any("already" in reason or "in the catalogue;" in reason for reason in found)
    assert count.raw.height == 8


@pytest.mark.parametrize("year", YEARS)
def test_the_authoritys_own_figures_agree_or_are_told(tmp_path: Path, year: int) -> None:
    assert not any("the file's own" in reason for reason in reasons(read(tmp_path, year)))
    text = prep(year, summary={"ACTAS_CONTABILIZADAS": "4"})
    assert "the file's own ACTAS_CONTABILIZADAS is 4, its rows make 3" in reasons(
        read_official(write(tmp_path, text))
    )
    if year >= 2018:
        text = prep(year, summary={"TOTAL_VOTOS_C_CS": "371", "TOTAL_VOTOS_S_CS": "250"})
        assert {
            "the file's own TOTAL_VOTOS_C_CS is 371, its rows make 370",
            "the file's own TOTAL_VOTOS_S_CS is 250, its rows make 260",
        } <= set(reasons(read_official(write(tmp_path, text))))


def test_what_was_written_and_what_was_added_up_differ(tmp_path: Path) -> None:
    assert "TOTAL_VOTOS_ASENTADO is 190, TOTAL_VOTOS_CALCULADO is 186" in reasons(read(tmp_path, 2018))


@pytest.mark.parametrize(("comma", "encoding"), [(True, "utf-8-sig"), (False, "latin-1")])
def test_both_separators_and_encodings(tmp_path: Path, comma: bool, encoding: str) -> None:
    plain = read(tmp_path, 2021).to_json()
    other = read_official(write(tmp_path, prep(2021, comma=comma), encoding)).to_json()
    assert other["by_option"] == plain["by_option"]
    assert other["totals"] == plain["totals"]


def test_packed_as_the_authority_packs_it(tmp_path: Path) -> None:
    plain = read(tmp_path, 2018).counts
    packed = tmp_path / "20180702_2100_PREP_presidencia.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("LEEME.txt", "about the layout")
        archive.writestr("presidencia_candidaturas.csv", "PARTIDO,CANDIDATO\n")
        archive.writestr("presidencia.csv", prep(2018))
    assert read_official(packed).counts.equals(plain)
    old = tmp_path / "20120702_2000.tar.gz"
    with tarfile.open(old, "w:gz") as tar:
        for name, text in (("LEEME.txt", "about"), ("presidente.txt", prep(2012))):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    assert read_official(old).to_json()["by_option"]["PAN"] == COUNTED["PAN"]


def test_the_office_comes_from_the_type_of_acta_and_the_year(tmp_path: Path) -> None:
    assert read(tmp_path, 2018).counts["contest"].unique().to_list() == ["Presidencia"]
    assert read(tmp_path, 2015).counts["contest"].unique().to_list() == ["Diputaciones"]


def test_special_stations_have_two_actas(tmp_path: Path) -> None:
    """One for the majority and one for the proportional seats; they are two contests, not one station twice."""
    text = prep(2015)
    row = next(line for line in text.splitlines() if "|S|" in line)
    second = row.replace("|S|0||2|", "|S|0||4|")
    assert second != row
    count = read_official(write(tmp_path, text + second + "\n"))
    special = count.counts.filter(pl.col("station_id") == "010103S0100")
    assert special["contest"].to_list() == ["Diputaciones", "Diputaciones RP"]


def test_an_acta_counted_without_any_number_is_noted(tmp_path: Path) -> None:
    text = prep(2018).replace("|Sin Acta Paquete no Entregado|0|", "|Todos los campos ilegibles|1|")
    assert "CONTABILIZADA is 1, and no column of votes has a number" in reasons(
        read_official(write(tmp_path, text))
    )


def test_a_row_cut_in_the_middle_of_its_votes_is_truncated_and_not_counted(tmp_path: Path) -> None:
    lines = prep(2018).splitlines()
    at = next(i for i, line in enumerate(lines) if "0101B" in line)
    lines[at] = "|".join(lines[at].split("|")[:20])
    count = read_official(write(tmp_path, "\n".join(lines)))
    assert "the row has 20 cells, the header 47" in reasons(count)
    assert "the row ends before CONTABILIZADA; taken as not counted" in reasons(count)
    assert count.to_json()["counted"] == 2


@pytest.mark.parametrize(
    ("text", "terms", "rest"),
    [
        ("", (), ""),
        ("No Legible Inconsistente C.N.V", ("Inconsistente", "No Legible", "C.N.V"), ""),
        (
            "Inconsistente Excede la Lista Nominal C.N.V",
            ("Excede la Lista Nominal", "Inconsistente", "C.N.V"),
            "",
        ),
        ("ALGUN CAMPO ILEGIBLE O SIN DATO", ("ALGUN CAMPO ILEGIBLE O SIN DATO",), ""),
        ("Ilegible y acta mojada", ("ILEGIBLE",), "acta mojada"),
    ],
)
def test_combined_observations_come_apart(text: str, terms: tuple[str, ...], rest: str) -> None:
    found, left = causes(text)
    assert sorted(t.lower() for t in found) == sorted(t.lower() for t in terms)
    assert left == rest


def test_words_that_are_in_no_catalogue_are_told(tmp_path: Path) -> None:
    text = prep(2018).replace("Excede lista nominal", "Acta mojada")
    assert "OBSERVACIONES: 'Acta mojada' (1 rows) has words that are not in the catalogue" in reasons(
        read_official(write(tmp_path, text))
    )


CANDIDATES = (
    "ID_ESTADO,PARTIDO_CI,CANDIDATO\n05,PAN,Ana\n05,UDC,Ana\n05,PRI,Berta\n05,PNA,Berta\n05,CI1,Carla\n"
)


def test_a_coalitions_columns_are_one_candidates() -> None:
    options = (
        "PAN",
        "PRI",
        "NA",
        "UDC",
        "C_PAN_UDC",
        "C_PRI_PNA",
        "CAND_IND_1",
        "CAND_IND_2",
        "NO_REGISTRADOS",
    )
    assert tickets(options, {"prep/CANDIDATOS.csv": CANDIDATES.encode()}) == {
        "Ana": ("PAN", "UDC", "C_PAN_UDC"),
        "Berta": ("PRI", "NA", "C_PRI_PNA"),
        "Carla": ("CAND_IND_1",),
        "CAND_IND_2": ("CAND_IND_2",),
        "NO_REGISTRADOS": ("NO_REGISTRADOS",),
    }
    districts = CANDIDATES + "05,PAN,Dora\n"  # another candidate in another district
    assert tickets(options, {"CANDIDATOS.csv": districts.encode()}) == {}
    assert tickets((*options, "C_PAN_PRI"), {"CANDIDATOS.csv": CANDIDATES.encode()}) == {}
    assert tickets(options, {}) == {}


def test_coahuila_2017_closed_incomplete(real_data: Path) -> None:
    """3,628 expected, 2,609 counted, 494 captured and not counted by cause, 525 never captured."""
    path = real_data / "official" / "mx-prep-coahuila-2017" / "20170605_1300_PREP_GOB_COAH.zip"
    count = read_official(path)
    frame = count.counts
    assert (count.format, count.verified) == ("mx-prep-local", True)
    assert frame.height == frame["station_id"].n_unique() == 3628
    assert frame["counted"].sum() == 2609
    never = frame["status"].is_null()
    assert never.sum() == 525
    assert (~frame["counted"] & ~never).sum() == 494
    assert not [
        p for p in count.problems if p["row"] == 1
    ]  # the authority's own lines agree, and every word is known
    assert count.summary["ACTAS_NO_CONTABILIZADAS"] == "494"
    document = count.to_json()
    # What makes the candidates' sums is exactly what makes the columns' sums.
    assert sum(document["by_candidate"].values()) == sum(document["by_option"].values())
    assert list(document["by_candidate"])[:2] == ["José Guillermo Anaya Llamas", "Miguel Riquelme Solís"]
    states = dict(
        count.cells().filter(pl.col("field").is_in(count.options)).group_by("state").len().iter_rows()
    )
    assert states["absent"] == 525 * len(count.options)
    assert set(states) == {"number", "blank", "illegible", "absent"}
