"""Brazil's boletins de urna, with a row per votável, and the other formats of which one real file is known; made-up rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.official import OfficialCount, read_official
from tabulate.official import long as long_module

HEAD = (
    '"ANO_ELEICAO";"NR_TURNO";"SG_UF";"CD_MUNICIPIO";"NM_MUNICIPIO";"NR_ZONA";"NR_SECAO";"NR_LOCAL_VOTACAO";"DS_CARGO_PERGUNTA";'
    '"QT_APTOS";"QT_COMPARECIMENTO";"QT_ABSTENCOES";"DS_TIPO_URNA";"NR_VOTAVEL";"NM_VOTAVEL";"QT_VOTOS"\n'
)


def row(
    section: str, office: str, number: str, name: str, votes: str, listed: str = "300", state: str = "APURADA"
) -> str:
    cells = [
        "2022",
        "2",
        "AM",
        "2550",
        "SÃO JOÃO",
        "1",
        section,
        "9",
        office,
        listed,
        "200",
        "100",
        state,
        number,
        name,
        votes,
    ]
    return ";".join(f'"{cell}"' for cell in cells) + "\n"


ROWS = (
    row("616", "Presidente", "22", "ALFA", "90")
    + row("616", "Presidente", "13", "BETA", "100")
    + row("616", "Presidente", "95", "Branco", "4")
    + row("616", "Presidente", "96", "Nulo", "6")
    + row("616", "Governador", "15", "ALFA", "150")
    + row("7", "Presidente", "13", "BETA", "199")
    + row("7", "Presidente", "96", "Nulo", "1")
)


def read(folder: Path, text: str) -> OfficialCount:
    path = folder / "bweb.csv"
    path.write_bytes(text.encode("latin-1"))
    return read_official(path)


def reasons(count: OfficialCount) -> list[tuple[int, str, bool]]:
    return [(p["row"], p["reason"], p["used"]) for p in count.problems]


def test_rows_of_one_section_and_office_are_one_acta(tmp_path: Path) -> None:
    count = read(tmp_path, HEAD + ROWS)
    assert (count.format, count.verified) == ("br-tse-bweb", True)
    assert count.options == ("Presidente | ALFA", "Presidente | BETA", "Governador | ALFA")
    assert count.counts["station_id"].to_list() == ["AM-0001-0616", "AM-0001-0616", "AM-0001-0007"]
    first = count.counts.row(0, named=True)
    assert (first["contest"], first["registered"], first["voted"], first["blank"], first["null"]) == (
        "Presidente",
        300,
        200,
        4,
        6,
    )
    assert first["subregion"] == "SÃO JOÃO"
    document = count.to_json()
    assert document["by_option"] == {
        "Presidente | ALFA": 90,
        "Presidente | BETA": 299,
        "Governador | ALFA": 150,
        "Presidente | Branco": 4,
        "Presidente | Nulo": 7,
        "Governador | Branco": 0,
        "Governador | Nulo": 0,
    }
    assert (document["rows"], document["stations"], document["actas"]) == (7, 2, 3)
    assert document["totals"]["QT_VOTOS"] == 550
    assert document["statuses"] == {"DS_TIPO_URNA": {"APURADA": 7}}
    assert count.raw.height == 7
    assert count.problems == []


def test_the_files_of_2018_write_one_column_otherwise(tmp_path: Path) -> None:
    text = (HEAD + ROWS).replace('"SG_UF"', '"SG_ UF"').replace('"Branco"', '"VOTO BRANCO"')
    count = read(tmp_path, text)
    assert count.counts["station_id"].to_list()[0] == "AM-0001-0616"
    assert count.to_json()["by_option"]["Presidente | VOTO BRANCO"] == 4


def test_a_votavel_without_a_row_has_no_votes_where_it_stands_and_is_absent_elsewhere(tmp_path: Path) -> None:
    cells = read(tmp_path, HEAD + ROWS).cells()

    def cell(contest: str, field: str) -> tuple[int | None, str, str | None]:
        found = cells.filter(
            (pl.col("station_id") == "AM-0001-0007")
            & (pl.col("contest") == contest)
            & (pl.col("field") == field)
        )
        return found.select("value", "state", "raw").row(0)

    assert cell("Presidente", "Presidente | ALFA") == (0, "number", None)
    assert cell("Presidente", "blank") == (0, "number", None)
    assert cell("Presidente", "Presidente | BETA") == (199, "number", "199")
    assert cell("Presidente", "Governador | ALFA") == (None, "absent", None)


def test_minus_one_and_nulo_are_nothing_there(tmp_path: Path) -> None:
    count = read(tmp_path, HEAD + ROWS + row("8", "Presidente", "13", "BETA", "#NE", "-1", "NÃO INSTALADA"))
    last = count.counts.row(-1, named=True)
    assert (last["registered"], last["Presidente | BETA"], last["counted"]) == (None, None, False)
    assert count.totals["QT_APTOS"] == 300 * 7
    cells = count.cells().filter(pl.col("station_id") == "AM-0001-0008")
    assert dict(cells.filter(pl.col("field") == "registered").select("raw", "state").iter_rows()) == {
        "-1": "absent"
    }


def test_one_votavel_twice_gives_no_number_unless_alike(tmp_path: Path) -> None:
    same = read(tmp_path, HEAD + ROWS + row("616", "Presidente", "22", "ALFA", "90"))
    assert reasons(same) == [
        (9, "Presidente | ALFA: the station has it on row 2 already, with the same cells; used once", False)
    ]
    assert same.counts.item(0, "Presidente | ALFA") == 90
    other = read(tmp_path, HEAD + ROWS + row("616", "Presidente", "22", "ALFA", "91"))
    assert other.counts.item(0, "Presidente | ALFA") is None
    assert [used for _, _, used in reasons(other)] == [False]


def test_what_rows_of_one_section_say_otherwise_is_not_used(tmp_path: Path) -> None:
    text = ROWS.replace(
        '"300";"200";"100";"APURADA";"13";"BETA";"100"', '"301";"200";"100";"APURADA";"13";"BETA";"100"'
    )
    count = read(tmp_path, HEAD + text)
    assert reasons(count) == [
        (2, "QT_APTOS is not the same on all rows of the station; it is not used", False)
    ]
    assert count.counts.item(0, "registered") is None


def test_bad_rows_are_kept_with_their_reason(tmp_path: Path) -> None:
    text = HEAD + HEAD + ROWS + '"2022";"2";"AM"\n' + row("9", "Presidente", "13", "BETA", "1.5")
    count = read(tmp_path, text)
    assert reasons(count) == [
        (2, "the header stands here again", False),
        (10, "the row has 3 cells, the header 16", False),
        (11, "Presidente | BETA: '1.5' is not a whole number", False),
    ]
    assert count.raw.height == 10


def test_two_candidates_of_one_name_are_told_apart(tmp_path: Path) -> None:
    text = (
        ROWS + row("616", "Vereador", "22001", "MARIA", "5") + row("616", "Vereador", "13001", "MARIA", "6")
    )
    count = read(tmp_path, HEAD + text)
    assert {"Vereador | MARIA (22001)", "Vereador | MARIA (13001)"} <= set(count.options)


def test_more_options_than_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_module, "MAX_CELLS", 4)
    with pytest.raises(long_module.CotejoError, match="split it by office"):
        read(tmp_path, HEAD + ROWS)


REMESA = (
    "iD_ESTADO|ID_DISTRITO_FEDERAL|SECCION|TIPO_CASILLA|ID_CASILLA|EXT_CONTIGUA|TIPO_SECCION|LISTA_NOMINAL|SOL|LUNA|SOL_MAR|CNR|NULOS|"
    "TOTAL|ANA|BEA|ANIO|MES|DIA|HORA|MINUTOS|SEGUNDOS|ORIGEN_CAPTURA|MODIFICADO\n"
    "1|1|344|C|3|0|3|626|67|86|4|1|2|160|71|86|2018|7|1|20|19|47|1|N\n"
    "1|1|356|B|1|0|1|650|74|67|5|1|3|150|79|67|2018|7|1|20|27|28|1|N\n"
)


def test_a_remesa_is_held_against_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "REMESA.txt"
    path.write_text("2\n" + REMESA)
    count = read_official(path)
    assert count.format == "mx-remesas"
    assert count.options == ("SOL", "LUNA", "SOL_MAR", "CNR")
    assert count.counts["station_id"].to_list() == ["010344C0300", "010356B0100"]
    assert count.totals["ANA"] == 150
    assert count.tickets == {"ANA": ("SOL", "SOL_MAR"), "BEA": ("LUNA",)}
    assert count.to_json()["by_candidate"] == {"ANA": 150, "BEA": 153}
    assert (count.summary, count.problems) == ({"declared": "2"}, [])
    path.write_text("3\n" + REMESA)
    assert reasons(read_official(path)) == [(1, "line 1 declares 3 rows, the file has 2", True)]
    path.write_text(REMESA)
    assert reasons(read_official(path)) == [(1, "line 1 declares no number of rows, the file has 2", True)]


def test_an_independent_has_a_column_only_among_the_candidates(tmp_path: Path) -> None:
    """The sheets' totals need the independent's votes; a candidate whose sums fit nothing is not made an option by that alone."""
    path = tmp_path / "REMESA.txt"
    text = (
        REMESA.replace("|BEA|", "|BEA|CLO|").replace("|71|86|", "|71|86|9|").replace("|79|67|", "|79|67|8|")
    )
    path.write_text("2\n" + text.replace("|2|160|", "|2|169|").replace("|3|150|", "|3|158|"))
    count = read_official(path)
    assert count.options == ("SOL", "LUNA", "SOL_MAR", "CNR", "CLO")
    assert count.counts["CLO"].to_list() == [9, 8] and set(count.tickets) == {"ANA", "BEA"}
    path.write_text("2\n" + text)
    assert read_official(path).options == ("SOL", "LUNA", "SOL_MAR", "CNR")


def test_venezuelas_opposition_file_says_what_it_is_not(tmp_path: Path) -> None:
    path = tmp_path / "actas.csv"
    path.write_text(
        "﻿COD_EDO,EDO,COD_MUN,MUN,COD_PAR,PAR,CENTRO,MESA,RE,VOTOS_VALIDOS,VOTOS_NULOS,SOL,LUNA,URL\n"
        "1,UNO,1,DOS,13,TRES,10113042,1,666,352,0,232,120,\n1,UNO,1,DOS,13,TRES,10113042,2,673,353,1,260,93,x\n"
    )
    count = read_official(path)
    assert (count.format, count.options) == ("ve-opposition", ("SOL", "LUNA"))
    assert count.counts["station_id"].to_list() == ["10113042-1", "10113042-2"]
    assert count.problems == []


def test_venezuelas_columns_in_another_order_are_known_by_name(tmp_path: Path) -> None:
    path = tmp_path / "actas.csv"
    path.write_text(
        "SOL,VOTOS_NULOS,URL,MESA,CENTRO,EDO,RE,LUNA,VOTOS_VALIDOS\n232,0,,1,10113042,UNO,666,120,352\n"
    )
    count = read_official(path)
    assert (count.options, count.problems) == (("SOL", "LUNA"), [])
    assert count.counts.select("SOL", "LUNA", "registered", "valid").rows() == [(232, 120, 666, 352)]


def test_a_remesa_in_another_order_is_refused(tmp_path: Path) -> None:
    """Votes by party and the same votes by candidate stand side by side: only their order tells them apart."""
    path = tmp_path / "REMESA.txt"
    turned = ["|".join(line.split("|")[::-1]) for line in REMESA.splitlines()]
    path.write_text("2\n" + "\n".join(turned) + "\n")
    with pytest.raises(CotejoError, match="another order"):
        read_official(path)


def test_a_section_abroad_without_a_result_is_absent(tmp_path: Path) -> None:
    path = tmp_path / "abroad.csv"
    path.write_text(
        "cidade,municipo,zona,secao,sol_voto,sol_pct,eligible_voters,attending_voters,valid_votes,blank_votes,null_votes,votes_counted\n"
        "Lima,1,0001,0001,26,1.0,77,43,26,10,7,43\nLima,1,0001,0002,,,,,,,,\n"
    )
    count = read_official(path)
    assert count.format == "br-2022-abroad"
    assert count.counts["station_id"].to_list() == ["ZZ-0001-0001", "ZZ-0001-0002"]
    assert count.counts["counted"].to_list() == [True, False]
    assert reasons(count) == [(3, "no acta was captured", False)]
