"""Colombia, Chile and Ecuador: synthetic files in the published layouts. None of these formats was checked on a real file."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from ocr.errors import CotejoError
from tabulate.official import FORMATS, OfficialCount, read_official
from tabulate.official import source as source_module
from tabulate.official import workbook as workbook_module

MMV = (
    "DEP;DEPNOMBRE;MUN;MUNNOMBRE;ZONA;PUESTO;PUESNOMBRE;MESA;CORCODIGO;CORNOMBRE;CIR;PAR;PARNOMBRE;CAN;CANNOMBRE;VOTOS\n"
    "01;ANTIOQUIA;001;MEDELLÍN;01;01;SEC. POPULAR;001;1;PRESIDENTE;0;10;PARTIDO SOL;001;ANA;120\n"
    "01;ANTIOQUIA;001;MEDELLÍN;01;01;SEC. POPULAR;001;1;PRESIDENTE;0;11;PARTIDO LUNA;002;BEA;90\n"
    "01;ANTIOQUIA;001;MEDELLÍN;01;01;SEC. POPULAR;001;1;PRESIDENTE;0;0;VOTOS EN BLANCO;996;VOTOS EN BLANCO;7\n"
    "01;ANTIOQUIA;001;MEDELLÍN;01;01;SEC. POPULAR;001;1;PRESIDENTE;0;0;VOTOS NULOS;997;VOTOS NULOS;5\n"
    "01;ANTIOQUIA;001;MEDELLÍN;01;01;SEC. POPULAR;001;1;PRESIDENTE;0;0;VOTOS NO MARCADOS;998;VOTOS NO MARCADOS;3\n"
    "1;ANTIOQUIA;1;MEDELLÍN;1;1;SEC. POPULAR;2;1;PRESIDENTE;0;10;PARTIDO SOL;1;ANA;60\n"
)


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "count.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), (",", "latin-1"), ("|", "utf-8")])
def test_colombia_mmv(tmp_path: Path, separator: str, encoding: str) -> None:
    count = read_official(write(tmp_path, MMV.replace(";", separator), encoding))
    assert (count.format, count.verified) == ("co-mmv", False)
    assert count.counts["station_id"].to_list() == ["01-001-01-01-001", "01-001-01-01-002"]
    first = count.counts.row(0, named=True)
    assert (first["blank"], first["null"], first["VOTOS NO MARCADOS"]) == (7, 5, 3)
    assert count.to_json()["by_option"] == {
        "PARTIDO SOL / ANA": 180,
        "PARTIDO LUNA / BEA": 90,
        "VOTOS NO MARCADOS": 3,
    }
    assert count.totals == {"VOTOS": 285}
    assert count.problems == []


def test_the_three_copies_of_an_e14_are_words_not_findings() -> None:
    terms = FORMATS["co-mmv"].statuses
    assert [terms[word].counted for word in ("claveros", "delegados", "transmisión")] == [None, None, None]


CHILE = [
    ["Región", "Provincia", "Circ. Senatorial", "Distrito", "Comuna", "Circ. Electoral", "Local", "Nro. Mesa", "Tipo Mesa",
     "Mesas Fusionadas", "Electores", "Nro. En Voto", "Candidato", "Votos TRICEL"],
    *[["DE ÑUBLE", "DIGUILLÍN", "16", "19", "CHILLÁN", "CHILLÁN", "LICEO", mesa, kind, f"{mesa}{kind}", 350, 1, who, votes]
      for mesa, kind, who, votes in [
          (1, "M", "ANA", 100), (1, "M", "BEA", 90), (1, "M", "VOTOS NULOS", 4), (1, "M", "VOTOS EN BLANCO", 2),
          (1, "V", "ANA", 80), (1, "V", "BEA", 95), (1, "V", "VOTOS NULOS", 1), (1, "V", "VOTOS EN BLANCO", 0)]],
]  # fmt: skip


def workbook(path: Path, rows: list[list[object]], titles: int = 3) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("portada").write(0, 0, "SERVEL")
        sheet = book.add_worksheet("CHILE")
        for number in range(titles):
            sheet.write(number, 1, f"title {number}")
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(titles + at, column, cell)
    return path


def check_chile(count: OfficialCount) -> None:
    assert (count.format, count.verified) == ("cl-servel", False)
    assert count.counts["station_id"].to_list() == ["CHILLÁN / 1M", "CHILLÁN / 1V"]
    assert count.counts.select("registered", "blank", "null", "ANA", "BEA").rows() == [
        (350, 2, 4, 100, 90),
        (350, 0, 1, 80, 95),
    ]


def test_chile_in_a_workbook_with_title_rows_on_its_second_sheet(tmp_path: Path) -> None:
    count = read_official(workbook(tmp_path / "servel.xlsx", CHILE))
    check_chile(count)
    assert count.raw.item(0, "row") == 5  # the line of the sheet
    assert count.problems == []


def test_chile_as_text(tmp_path: Path) -> None:
    check_chile(
        read_official(write(tmp_path, "\n".join(";".join(map(str, row)) for row in CHILE), "latin-1"))
    )


ECUADOR = (
    "DIGNIDAD_CODIGO,DIGNIDAD_NOMBRE,PROVINCIA_CODIGO,PROVINCIA_NOMBRE,CANTON_CODIGO,PARROQUIA_CODIGO,ZONA_CODIGO,JUNTA_CODIGO,"
    "JUNTA_SEXO,ESTADO_ACTA,ELECTORES,SUFRAGANTES,BLANCOS,NULOS,CANDIDATO_CODIGO,CANDIDATO_NOMBRE,VOTOS\n"
    "1,PRESIDENTE,17,PICHINCHA,1,2,0,5,MASCULINO,procesada,350,300,10,20,1,ANA,150\n"
    "1,PRESIDENTE,17,PICHINCHA,1,2,0,5,MASCULINO,procesada,350,300,10,20,2,BEA,117\n"
    "1,PRESIDENTE,17,PICHINCHA,1,2,0,5,FEMENINO,inconsistencia numérica,350,300,10,20,1,ANA,150\n"
    "1,PRESIDENTE,17,PICHINCHA,1,2,0,5,FEMENINO,inconsistencia numérica,350,300,10,20,2,BEA,116\n"
)


def test_ecuador_and_its_one_point_rule(tmp_path: Path) -> None:
    """297 of 300 is one point and passes; 296 is more."""
    count = read_official(write(tmp_path, ECUADOR))
    assert (count.format, count.verified) == ("ec-cne", False)
    assert count.counts["station_id"].to_list() == ["17-1-2-0-5-MASCULINO", "17-1-2-0-5-FEMENINO"]
    assert count.counts["counted"].to_list() == [True, False]
    assert count.counts.select("registered", "voted", "blank", "null").row(0) == (350, 300, 10, 20)
    assert [(p["row"], p["reason"], p["used"]) for p in count.problems] == [
        (
            4,
            "300 voted and 296 votes, more than one point apart (inconsistencia numérica by the CNE's rule)",
            True,
        )
    ]
    assert count.statuses == {"ESTADO_ACTA": {"inconsistencia numérica": 2, "procesada": 2}}


COMPUTOS = [
    ["ID_ESTADO", "ID_MUNICIPIO", "MUNICIPIO", "ID_SECCION", "CASILLA", "PAN", "PRI", "PAN_PRI", "NO_REGISTRADOS", "NULOS",
     "VOTOS VÁLIDOS", "TOTAL", "LISTA_NOMINAL"],
    [15, "26", "CHALCO", 937, "BASICA", 9, 79, 1, 0, 9, 89, 98, 741],
    [15, "26", "CHALCO", 937, "CONTIGUA 2", 4, 94, 0, 1, 9, 98, 108, 741],
    [15, "26", "CHALCO", 937, "EXTRAORDINARIA 1 CONTIGUA 3", 4, "94", 0, 1, 9, 98, 108, 741],
    [15, "", "", "", "Mesa Prisión 1", 6, 3.5, 0, 0, 9, 9, 18, 711],
    ["", "", "", "", "", 23, 270, 1, 2, 36, 294, 332, 2934],
]  # fmt: skip


def test_a_states_computos_in_a_workbook(tmp_path: Path) -> None:
    count = read_official(workbook(tmp_path / "casilla.xlsx", COMPUTOS, titles=4))
    assert count.format == "mx-computos"
    assert count.options == ("PAN", "PRI", "PAN_PRI", "NO_REGISTRADOS")
    assert count.counts["station_id"].to_list() == [
        "150937B0100",
        "150937C0200",
        "150937E0103",
        "Mesa Prisión 1",
    ]
    assert [(p["row"], p["reason"]) for p in count.problems] == [
        (9, "PRI: '3.5' is not a whole number"),
        (10, "the row names no station"),  # the authority's own line of sums
    ]
    assert count.counts["PRI"].to_list() == [79, 94, 94, None]  # 94 was stored as a text


def test_a_states_computos_as_text(tmp_path: Path) -> None:
    text = "Resultados\n" + "\n".join(",".join(map(str, row)) for row in COMPUTOS[:4])
    assert read_official(write(tmp_path, text)).counts.height == 3


def test_the_real_computos_of_the_state_of_mexico(real_data: Path) -> None:
    count = read_official(real_data / "official" / "mx-edomex-2023" / "casilla.xlsx")
    assert (count.format, count.verified) == ("mx-computos", True)
    frame = count.counts
    assert count.raw.height == frame.height == frame["station_id"].n_unique() == 20446
    assert all("registered" in p["reason"] for p in count.problems)
    parts = frame.select(sum=sum(frame[o] for o in count.options if o != "NO_REGISTRADOS"))["sum"]
    assert (parts == frame["valid"]).all()
    assert (frame["valid"] + frame["NO_REGISTRADOS"] + frame["null"] == frame["cast"]).all()


@pytest.mark.parametrize("part", ["xl/worksheets/sheet2.xml", "xl/sharedStrings.xml"])
def test_a_workbook_that_swells_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """A part of many zeros, as a zip bomb has, never reaches the reader."""
    good = workbook(tmp_path / "good.xlsx", CHILE)
    bad = tmp_path / "bad.xlsx"
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            data = old.read(member)
            new.writestr(member.filename, data + b" " * 40_000_000 if member.filename == part else data)
    assert bad.stat().st_size < 200_000
    monkeypatch.setattr(workbook_module, "MAX_BYTES", 20_000_000)
    with pytest.raises(CotejoError, match="MiB once unpacked"):
        read_official(bad, "cl-servel")


def edited(path: Path, part: str, old: bytes, new: bytes) -> Path:
    out = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.infolist():
            data = source.read(member)
            assert member.filename != part or old in data
            target.writestr(member.filename, data.replace(old, new) if member.filename == part else data)
    path.write_bytes(out.getvalue())
    return path


def test_a_cell_in_the_last_corner_of_the_sheet_takes_no_memory_of_ours(tmp_path: Path) -> None:
    """One cell may claim row 1,048,576 and column XFD; the process that opens it ends, and one sentence says so."""
    path = edited(
        workbook(tmp_path / "far.xlsx", CHILE), "xl/worksheets/sheet2.xml", b'r="N12"', b'r="XFD1048576"'
    )
    with pytest.raises(CotejoError, match="save its sheet as CSV"):
        read_official(path, "cl-servel")


def test_a_formula_is_not_evaluated_and_an_entity_not_resolved(tmp_path: Path) -> None:
    path = workbook(tmp_path / "formula.xlsx", CHILE)
    sheet = b'<c r="N5"><v>100</v></c>'
    formula = b'<c r="N5"><f>WEBSERVICE("http://127.0.0.1:9/")</f><v>55</v></c>'
    assert read_official(edited(path, "xl/worksheets/sheet2.xml", sheet, formula)).counts.item(0, "ANA") == 55
    xml = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    evil = xml + b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    path = edited(workbook(tmp_path / "entity.xlsx", CHILE), "xl/sharedStrings.xml", xml, evil)
    path = edited(path, "xl/sharedStrings.xml", b"<t>LICEO</t>", b"<t>&e;</t>")
    with contextlib.suppress(CotejoError):  # refusing it is as good
        assert "root:" not in str(read_official(path).raw.rows())


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 300])
def test_a_damaged_workbook_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(data)
    for format in ("cl-servel", "mx-computos", "auto"):
        with pytest.raises(CotejoError, match="damaged"):
            read_official(path, format)


def test_what_is_remembered_of_a_file_ends_when_it_changes(tmp_path: Path) -> None:
    path = workbook(tmp_path / "servel.xlsx", CHILE)
    assert read_official(path).counts.item(0, "ANA") == 100
    workbook(path, [*CHILE[:1], [*CHILE[1][:-1], 999], *CHILE[2:]])
    assert read_official(path).counts.item(0, "ANA") == 999
    assert source_module.peek(path)[:2] == b"PK"
