"""Peru's three layouts on a few made-up mesas."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tabulate.official import FORMATS, read_official

SCRAPE = (
    "num_mesa,observacion,observacion_detalle,ubigeo,departamento,provincia,distrito,local,num_resoluciones,num_electores,"
    "num_votos,votos_sol,votos_luna,votos_blanco,votos_nulos,votos_impugnados,descargado\n"
    "7,CONTABILIZADAS NORMALES,ACTA ELECTORAL NORMAL,010101,NORTE,UNO,UNO,NA,0,300,200,100,90,5,5,0,2021-06-15T13:33:57Z\n"
    "12,ILEGIBILIDAD,ACTA ELECTORAL PARA ENVÍO AL JEE,010101,NORTE,UNO,UNO,IE,0,300,NA,100,NA,5,5,0,2021-06-15T13:33:57Z\n"
    "13,ACTA ELECTORAL ANULADA,ACTA ELECTORAL RESUELTA,010101,NORTE,UNO,UNO,IE,1,300,150,0,0,0,150,0,2021-06-15T13:33:57Z\n"
)
OPEN = (
    "UBIGEO;DEPARTAMENTO;PROVINCIA;DISTRITO;TIPO_ELECCION;MESA_DE_VOTACION;DESCRIP_ESTADO_ACTA;TIPO_OBSERVACION;N_CVAS;"
    "N_ELEC_HABIL;VOTOS_P1;VOTOS_P2;VOTOS_VB;VOTOS_VN;VOTOS_VI\n"
    "010101;AMAZONAS;CHACHAPOYAS;CAÑETE;PRESIDENCIAL;000001;CONTABILIZADA;;200;300;100;90;5;5;0;\n"
    "010101;AMAZONAS;CHACHAPOYAS;CAÑETE;PRESIDENCIAL;000002;SIN INSTALAR;;;300;;;;;;\n"
    "010101;AMAZONAS;CHACHAPOYAS;CAÑETE;PRESIDENCIAL;3;ANULADA;EN;150;300;0;0;0;150;0;\n"
)


def test_a_scrape_by_acta(tmp_path: Path) -> None:
    path = tmp_path / "actas.csv"
    path.write_text(SCRAPE, encoding="utf-8")
    count = read_official(path)
    assert count.format == "pe-onpe-actas"
    assert count.options == ("votos_sol", "votos_luna")
    assert count.counts["station_id"].to_list() == ["000007", "000012", "000013"]
    assert count.counts["counted"].to_list() == [True, False, True]  # an annulled acta counts, as null votes
    assert count.statuses["observacion_detalle"]["ACTA ELECTORAL RESUELTA"] == 1
    assert count.counts.item(0, "place") is None
    assert count.problems == []
    cells = count.cells().filter(pl.col("station_id") == "000012")
    states = dict(
        cells.filter(pl.col("field").is_in(["voted", "votos_luna"])).select("field", "state").iter_rows()
    )
    assert states == {"voted": "absent", "votos_luna": "absent"}


def test_a_table_of_ronderos_of_either_round(tmp_path: Path) -> None:
    header = "rowid,mesa,v1_TOT_CIUDADANOS_VOTARON,v1_sol,v1_luna,v1_mar,v1_emitidos,v1_validos,v1_blanco,v1_impugnados,v1_nulos,v1_OBSERVACION,v1_OBSERVACION_TXT,v1_CCODI_UBIGEO,v1_DEPARTAMENTO,v1_NNUME_HABILM\n"
    path = tmp_path / "ronderos.csv"
    path.write_text(
        header
        + "1,000001,200,100,50,40,200,190,5,0,5,CONTABILIZADAS NORMALES,ACTA ELECTORAL NORMAL,010101,NORTE,300\n"
        + "2,2,200,100,50,40,200,190,5,0,5,CONTABILIZADAS NORMALES,ACTA ELECTORAL NORMAL,010101,NORTE,300\n"
    )
    count = read_official(path)
    assert count.format == "pe-onpe-ronderos"
    assert count.options == ("v1_sol", "v1_luna", "v1_mar")
    assert count.counts["station_id"].to_list() == ["000001", "000002"]
    assert [p["reason"] for p in count.problems] == [
        "the station's id has fewer than 6 digits; leading zeros were put back"
    ]


def test_open_data_in_latin_1_with_a_separator_at_the_end_of_rows(tmp_path: Path) -> None:
    """Synthetic: the layout is known from ONPE's dictionary and from programs that read it."""
    path = tmp_path / "open.csv"
    path.write_bytes(OPEN.encode("latin-1"))
    count = read_official(path)
    assert count.format == "pe-onpe-open-data"
    assert not count.verified
    assert not FORMATS["pe-onpe-open-data"].verified
    assert count.options == ("VOTOS_P1", "VOTOS_P2")
    assert count.counts.item(0, "place") == "CAÑETE"
    assert count.counts["counted"].to_list() == [True, False, True]
    assert count.statuses == {
        "DESCRIP_ESTADO_ACTA": {"ANULADA": 1, "CONTABILIZADA": 1, "SIN INSTALAR": 1},
        "TIPO_OBSERVACION": {"": 2, "EN": 1},
    }
    cells = count.cells().filter((pl.col("station_id") == "000002") & (pl.col("field") == "VOTOS_P1"))
    assert cells.select("value", "state", "raw").row(0) == (None, "blank", "")
    assert [p["row"] for p in count.problems] == [4]


def test_open_data_of_2016_names_the_parties(tmp_path: Path) -> None:
    """Synthetic, as above."""
    path = tmp_path / "open.csv"
    path.write_text(
        OPEN.replace("VOTOS_P1;VOTOS_P2", "PARTIDO SOL;ALIANZA LUNA")
        .replace("N_ELEC_HABIL", "NELEC_HABIL")
        .replace("CONTABILIZADA", "ACTA ELECTORAL NORMAL")
    )
    count = read_official(path)
    assert count.options == ("PARTIDO SOL", "ALIANZA LUNA")
    assert count.to_json()["by_option"] == {"PARTIDO SOL": 100, "ALIANZA LUNA": 90}
