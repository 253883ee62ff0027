"""Bolivia since 2020 on a few made-up mesas: the original export, its republications and what may be wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocr.errors import CotejoError
from tabulate.official import detect, read_official

HEADER = (
    "CODIGO_MESA,DESCRIPCION,CODIGO_PAIS,NOMBRE_PAIS,CODIGO_DEPARTAMENTO,NOMBRE_DEPARTAMENTO,CODIGO_PROVINCIA,NOMBRE_PROVINCIA,"
    "CODIGO_SECCION,NOMBRE_MUNICIPIO,CODIGO_LOCALIDAD,NOMBRE_LOCALIDAD,CODIGO_RECINTO,NOMBRE_RECINTO,NUMERO_MESA,"
    "INSCRITOS_HABILITADOS,SOL,LUNA - ÑU,VOTO_VALIDO,VOTO_BLANCO,VOTO_NULO,VOTO_EMITIDO,VOTO_VALIDO_SISTEMA,VOTO_EMITIDO_SISTEMA\n"
)
ROWS = (
    "500011,GOBERNADOR(A),32,Bolivia,5,Potosí,1,Frías,1,Potosí,9,Potosí,77,Colegio Ñ,1,200,100,50,150,5,5,160,150,160\n"
    "500011,CONCEJALES,32,Bolivia,5,Potosí,1,Frías,1,Potosí,9,Potosí,77,Colegio Ñ,1,200,90,40,130,15,15,160,130,160\n"
    "500021,GOBERNADOR(A),32,Bolivia,5,Potosí,1,Frías,1,Potosí,9,Potosí,77,Colegio Ñ,2,210,80,60,141,5,5,150,140,150\n"
)


@pytest.mark.parametrize("turn", [1, 7, 14, 17, 20, -3])
def test_columns_in_another_order_are_known_by_name(tmp_path: Path, turn: int) -> None:
    """No column of a place becomes an option, and no option is lost."""
    lines = [line.split(",") for line in (HEADER + ROWS).splitlines()]
    turned = "".join(",".join(cells[turn:] + cells[:turn]) + "\n" for cells in lines)
    usual = read_official(write(tmp_path, HEADER + ROWS))
    count = read_official(write(tmp_path, turned, name="turned.csv"))
    assert sorted(count.options) == sorted(usual.options)
    names = usual.counts.columns
    assert count.counts.select(names).equals(usual.counts)
    assert count.to_json()["totals_by_contest"] == usual.to_json()["totals_by_contest"]


def test_2019_with_several_contests_in_one_file_keeps_them_apart(tmp_path: Path) -> None:
    """Synthetic: two elections of one mesa are two actas, not one acta twice."""
    header = (
        "País,Departamento,Provincia,Municipio,Localidad,Recinto,Número Mesa,Elección,Inscritos,CC,FPV,MTS,UCS,MAS - IPSP,21F,"
        "PDC,MNR,PAN-BOL,Votos Válidos,Blancos,Nulos,Estado acta\n"
    )
    place = "Bolivia,La Paz,Murillo,La Paz,La Paz,Colegio,10001"
    path = write(
        tmp_path,
        header
        + f"{place},Presidente,200,1,2,3,4,5,6,7,8,9,45,1,2,Computada\n"
        + f"{place},Diputados,200,9,2,3,4,5,6,7,8,9,53,1,2,Anulada\n",
    )
    count = read_official(path)
    assert count.counts.select("station_id", "contest", "CC", "valid", "counted").rows() == [
        ("10001", "Presidente", 1, 45, True),
        ("10001", "Diputados", 9, 53, False),
    ]
    assert (count.problems, count.verified) == ([], False)


def write(folder: Path, text: str, encoding: str = "utf-8", name: str = "es2021.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_one_row_per_mesa_and_contest(tmp_path: Path) -> None:
    count = read_official(write(tmp_path, HEADER + ROWS))
    assert count.format == "bo-oep"
    assert count.options == ("SOL", "LUNA - ÑU")
    first = count.counts.row(0, named=True)
    assert (first["station_id"], first["contest"], first["place_id"]) == ("500011", "GOBERNADOR(A)", "9-77")
    assert (first["registered"], first["cast"], first["valid"], first["blank"], first["null"]) == (
        200,
        160,
        150,
        5,
        5,
    )
    document = count.to_json()
    assert (document["rows"], document["stations"], document["actas"]) == (3, 2, 3)
    assert document["totals_by_contest"]["CONCEJALES"]["SOL"] == 90
    assert document["by_contest"]["GOBERNADOR(A)"] == {"SOL": 180, "LUNA - ÑU": 110}
    assert document["actas_by_contest"] == {"GOBERNADOR(A)": 2, "CONCEJALES": 1}


def test_what_the_system_added_up_otherwise_is_a_note_and_the_written_number_is_used(tmp_path: Path) -> None:
    count = read_official(write(tmp_path, HEADER + ROWS))
    assert [(p["row"], p["reason"], p["used"]) for p in count.problems] == [
        (4, "VOTO_VALIDO is 141, VOTO_VALIDO_SISTEMA is 140", True)
    ]
    assert count.counts["valid"].to_list() == [150, 130, 141]


@pytest.mark.parametrize(("separator", "encoding"), [("|", "latin-1"), (";", "utf-8-sig"), (",", "cp1252")])
@pytest.mark.parametrize("name", ["export.csv", "export.xlsx"])
def test_every_dialect_reads_alike_whatever_the_file_is_called(
    tmp_path: Path, separator: str, encoding: str, name: str
) -> None:
    plain = read_official(write(tmp_path, HEADER + ROWS))
    path = write(tmp_path, (HEADER + ROWS).replace(",", separator), encoding, name)
    assert detect(path).id == "bo-oep"
    assert read_official(path).counts.equals(plain.counts)


def test_the_columns_of_2020(tmp_path: Path) -> None:
    text = (
        "CODIGO_MESA,CANDIDATURA,PAIS,DEPARTAMENTO,PROVINCIA,MUNICIPIO,ID_LOCALIDAD,LOCALIDAD,ID_RECINTO,RECINTO,NUMERO_MESA,"
        "INSCRITOS_HABILITADOS,SOL,LUNA,MAR,VOTO_VALIDO,VOTO_BLANCO,VOTO_NULO,VOTO_EMITIDO,VOTO_VALIDO_SISTEMA,VOTO_EMITIDO_SISTEMA\n"
        "1,PRESIDENTE,Bolivia,La Paz,Murillo,La Paz,3,x,4,y,1,100,10,20,,30,0,0,30,30,30\n"
    )
    count = read_official(write(tmp_path, text))
    assert count.options == ("SOL", "LUNA", "MAR")
    assert count.counts.select("contest", "region", "place").row(0) == ("PRESIDENTE", "La Paz", "y")
    assert count.problems == []


def test_an_export_without_parties_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CotejoError, match="no column of votes"):
        read_official(write(tmp_path, HEADER.replace("SOL,LUNA - ÑU,", "") + ROWS), "bo-oep")
