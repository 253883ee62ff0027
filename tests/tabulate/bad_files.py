"""A small good file of every text format, and the ways in which a file goes bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.tabulate.prep import HEADERS

Rows = list[list[str]]


@dataclass(frozen=True)
class Sample:
    """A good file as records; the header is one of them, and four rows of stations or more follow.

    Attributes
    ----------
    option
        Name of a column of votes in the file.
    name
        The same as an option of the count; where one row is one option, the option of the first row.
    registered
        Column of the registered voters; "" if the file has none.
    station
        Column that tells the stations apart.
    wide
        Whether one row is one station and contest.
    free
        Whether a new column among the options is an option, not an unknown column.
    whole_id
        Whether the station's id is that one column.
    """

    format: str
    records: Rows
    option: str
    station: str
    registered: str = ""
    header: int = 0
    separator: str = ","
    wide: bool = True
    name: str = ""
    free: bool = True
    whole_id: bool = False

    def text(self) -> str:
        """The file."""
        lines = (
            self.separator.join(_quoted(cell, self.separator) for cell in record) for record in self.records
        )
        return "\n".join(lines) + "\n"

    @property
    def columns(self) -> list[str]:
        """The header."""
        return self.records[self.header]

    def at(self, column: str) -> int:
        """Place of a column."""
        return self.columns.index(column)

    def with_cell(self, row: int, column: str, text: str) -> Sample:
        """The same with another text in one cell; row 0 is the first under the header."""
        records = [list(record) for record in self.records]
        records[self.header + 1 + row][self.at(column)] = text
        return replace(self, records=records)

    def with_records(self, change: Callable[[Rows], Rows]) -> Sample:
        """The same with other rows under the header."""
        cut = self.header + 1
        return replace(self, records=[*self.records[:cut], *change([list(r) for r in self.records[cut:]])])


def _quoted(cell: str, separator: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if separator in cell or '"' in cell else cell


def _table(text: str, separator: str = ",") -> Rows:
    return [line.split(separator) for line in text.strip("\n").splitlines()]


def _four(row: str, separator: str = ",") -> str:
    """The row for four stations; ``#`` is the number of the station."""
    return "\n".join(row.replace("#", str(number)) for number in range(1, 5))


_BOLIVIA = (
    "CODIGO_MESA,DESCRIPCION,NOMBRE_DEPARTAMENTO,NOMBRE_MUNICIPIO,CODIGO_RECINTO,NOMBRE_RECINTO,INSCRITOS_HABILITADOS,"
    "SOL,LUNA,VOTO_VALIDO,VOTO_BLANCO,VOTO_NULO,VOTO_EMITIDO,VOTO_VALIDO_SISTEMA,VOTO_EMITIDO_SISTEMA\n"
)
_BOLIVIA_2019 = (
    "Número Mesa,País,Departamento,Provincia,Municipio,Localidad,Recinto,Inscritos,CC,FPV,MTS,UCS,MAS - IPSP,21F,PDC,MNR,"
    "PAN-BOL,Blancos,Nulos\n"
)
_SCRAPE = (
    "num_mesa,observacion,ubigeo,departamento,distrito,local,num_electores,num_votos,votos_sol,votos_luna,votos_blanco,"
    "votos_nulos,votos_impugnados\n"
)
_RONDEROS = (
    "rowid,mesa,v2_TOT_CIUDADANOS_VOTARON,v2_sol,v2_luna,v2_emitidos,v2_validos,v2_blanco,v2_impugnados,v2_nulos,"
    "v2_OBSERVACION,v2_DEPARTAMENTO,v2_NNUME_HABILM\n"
)
_OPEN = (
    "UBIGEO;DEPARTAMENTO;DISTRITO;TIPO_ELECCION;MESA_DE_VOTACION;DESCRIP_ESTADO_ACTA;N_CVAS;N_ELEC_HABIL;VOTOS_P1;VOTOS_P2;"
    "VOTOS_VB;VOTOS_VN;VOTOS_VI\n"
)
_REMESA = (
    "iD_ESTADO|ID_DISTRITO_FEDERAL|SECCION|TIPO_CASILLA|ID_CASILLA|EXT_CONTIGUA|LISTA_NOMINAL|SOL|LUNA|CNR|NULOS|TOTAL|ANA|ANIO|"
    "MES|DIA|HORA|MINUTOS|SEGUNDOS\n"
)
_RUSSIA = (
    "region;tik;uik;Число избирателей, внесенных в список избирателей;Число бюллетеней, выданных в помещении;"
    "Число недействительных бюллетеней;Число действительных бюллетеней;Первая;Вторая\n"
)
_LOCAL = (
    "ID_ESTADO,ESTADO,ID_DISTRITO_LOCAL,DISTRITO_LOCAL,SECCION,ID_CASILLA,TIPO_CASILLA,EXT_CONTIGUA,UBICACION_CASILLA,TIPO_ACTA,"
    "NUM_BOLETAS_SOBRANTES,TOTAL_CIUDADANOS_VOTARON,NUM_BOLETAS_EXTRAIDAS,PAN,PRI,C_PAN_PRI,NO_REGISTRADOS,NULOS,TOTAL_VOTOS,"
    "LISTA_NOMINAL,OBSERVACIONES,CONTABILIZADA,SHA,FECHA_HORA_REGISTRO\n"
)
_ABROAD = "municipo,zona,secao,sol_voto,luna_voto,eligible_voters,attending_voters,valid_votes,blank_votes,null_votes,votes_counted\n"
_COMPUTOS = (
    "ID_ESTADO,MUNICIPIO,ID_SECCION,CASILLA,PAN,PRI,NO_REGISTRADOS,NULOS,VOTOS VÁLIDOS,TOTAL,LISTA_NOMINAL\n"
)
_BWEB = "SG_UF;NR_ZONA;NR_SECAO;DS_CARGO_PERGUNTA;NR_VOTAVEL;NM_VOTAVEL;QT_APTOS;QT_COMPARECIMENTO;QT_VOTOS;DS_TIPO_URNA\n"
_MMV = "DEP;MUN;ZONA;PUESTO;MESA;CORNOMBRE;CIR;PARNOMBRE;CAN;CANNOMBRE;VOTOS;DEPNOMBRE\n"
_CHILE = "Región;Comuna;Circ. Electoral;Local;Nro. Mesa;Tipo Mesa;Electores;Candidato;Votos TRICEL;Mesas Fusionadas\n"
_ECUADOR = (
    "DIGNIDAD_NOMBRE,PROVINCIA_CODIGO,CANTON_CODIGO,PARROQUIA_CODIGO,JUNTA_CODIGO,JUNTA_SEXO,ELECTORES,SUFRAGANTES,BLANCOS,NULOS,"
    "CANDIDATO_CODIGO,CANDIDATO_NOMBRE,VOTOS,ESTADO_ACTA\n"
)
_RESEARCH = ",Prefectures,Communes,Precincts,Registered,Ballots,C006,C007,C008\n"


def _federal() -> Rows:
    header = HEADERS[2018].split("|")
    rows = []
    for number in range(1, 5):
        given = {
            "CLAVE_CASILLA": f"01010{number}B0100",
            "ID_ESTADO": "1",
            "ESTADO": "AGS",
            "SECCION": f"10{number}",
            "ID_CASILLA": "1",
            "TIPO_CASILLA": "B",
            "EXT_CONTIGUA": "0",
            "TIPO_ACTA": "2",
            "LISTA_NOMINAL": "600",
            "CONTABILIZADA": "1",
        }
        start, stop = header.index("PAN"), header.index("LISTA_NOMINAL")
        rows.append([given.get(name, "7" if start <= at < stop else "x") for at, name in enumerate(header)])
    for row in rows:
        row[header.index("OBSERVACIONES")] = ""
    return [["02/07/2018 21:00 (UTC-5)"], header, *rows]


SAMPLES = (
    Sample(
        "cotejo-csv",
        _table("station_id,region,registered,cast,valid,blank,null,status,Alfa,Beta\n" + _four("000#,N,300,200,190,6,4,counted,100,90")),
        "Alfa",
        "station_id",
        "registered",
        whole_id=True,
    ),
    Sample(
        "bo-oep",
        _table(_BOLIVIA + _four("50001#,GOBERNADOR(A),Pando,Cobija,7,Colegio,200,100,50,150,5,5,160,150,160")),
        "SOL",
        "CODIGO_MESA",
        "INSCRITOS_HABILITADOS",
        whole_id=True,
    ),
    Sample(
        "bo-oep-2019",
        _table(_BOLIVIA_2019 + _four("1000#,Bolivia,Beni,P,M,L,R,200,50,1,1,1,90,1,1,1,1,5,5")),
        "CC",
        "Número Mesa",
        "Inscritos",
        free=False,
        whole_id=True,
    ),
    Sample(
        "pe-onpe-actas",
        _table(_SCRAPE + _four("#,CONTABILIZADAS NORMALES,010101,N,U,IE,300,200,100,90,5,5,0")),
        "votos_sol",
        "num_mesa",
        "num_electores",
        free=False,
    ),
    Sample(
        "pe-onpe-ronderos",
        _table(_RONDEROS + _four("#,00000#,200,100,90,200,190,5,0,5,CONTABILIZADAS NORMALES,N,300")),
        "v2_sol",
        "mesa",
        "v2_NNUME_HABILM",
        free=False,
        whole_id=True,
    ),
    Sample(
        "pe-onpe-open-data",
        _table(_OPEN + _four("010101;N;U;PRESIDENCIAL;00000#;CONTABILIZADA;200;300;100;90;5;5;0"), ";"),
        "VOTOS_P1",
        "MESA_DE_VOTACION",
        "N_ELEC_HABIL",
        separator=";",
        whole_id=True,
    ),
    Sample("mx-prep", _federal(), "PRI", "CLAVE_CASILLA", "LISTA_NOMINAL", header=1, separator="|", whole_id=True),
    Sample(
        "mx-prep-local",
        [["Gobernador"], ["05/06/2017 13:00 (UTC-6)"], *_table(_LOCAL + _four("5,Coahuila,1,D 1,#,1,C,0,,3,100,150,150,60,70,5,1,14,150,600,,1,abc,2017-06-05"))],
        "PRI",
        "SECCION",
        "LISTA_NOMINAL",
        header=2,
        whole_id=True,
    ),
    Sample(
        "mx-remesas",
        [["4"], *_table(_REMESA + _four("1|1|34#|C|3|0|626|67|86|1|6|160|67|2018|7|1|20|19|47"), "|")],
        "LUNA",
        "SECCION",
        "LISTA_NOMINAL",
        header=1,
        separator="|",
    ),
    Sample(
        "mx-computos",
        [["Resultados de los cómputos"], *_table(_COMPUTOS + _four("15,CHALCO,93#,BASICA,90,79,1,9,170,179,741"))],
        "PRI",
        "ID_SECCION",
        "LISTA_NOMINAL",
        header=1,
    ),
    Sample(
        "ru-cec",
        _table(_RUSSIA + _four("Край;ТИК;#;1000;500;10;490;300;190"), ";"),
        "Первая",
        "uik",
        "Число избирателей, внесенных в список избирателей",
    ),
    Sample(
        "ve-opposition",
        _table("COD_EDO,EDO,MUN,PAR,CENTRO,MESA,RE,VOTOS_VALIDOS,VOTOS_NULOS,SOL,LUNA,URL\n" + _four("1,UNO,DOS,TRES,10113042,#,666,352,0,232,120,x")),
        "SOL",
        "MESA",
        "RE",
    ),
    Sample(
        "br-2022-abroad",
        _table(_ABROAD + _four("1,0001,000#,26,10,77,43,36,3,4,43")),
        "sol_voto",
        "secao",
        "eligible_voters",
        free=False,
    ),
    Sample(
        "br-tse-bweb",
        _table(_BWEB + _four("AM;1;#;Presidente;13;BETA;300;200;90;APURADA"), ";"),
        "QT_VOTOS",
        "NR_SECAO",
        "QT_APTOS",
        separator=";",
        wide=False,
        name="Presidente | BETA",
        free=False,
    ),
    Sample(
        "co-mmv",
        _table(_MMV + _four("01;001;01;01;00#;PRESIDENTE;0;SOL;1;ANA;90;ANTIOQUIA"), ";"),
        "VOTOS",
        "MESA",
        separator=";",
        wide=False,
        name="SOL / ANA",
        free=False,
    ),
    Sample(
        "cl-servel",
        _table(_CHILE + _four("R;C;CHILLÁN;LICEO;#;M;350;ANA;100;x"), ";"),
        "Votos TRICEL",
        "Nro. Mesa",
        "Electores",
        separator=";",
        wide=False,
        name="ANA",
        free=False,
    ),
    Sample(
        "ec-cne",
        _table(_ECUADOR + _four("PRESIDENTE,17,1,2,#,MASCULINO,350,150,10,20,1,ANA,120,procesada")),
        "VOTOS",
        "JUNTA_CODIGO",
        "ELECTORES",
        wide=False,
        name="ANA",
        free=False,
    ),
    Sample(
        "research-table",
        _table(_RESEARCH + _four("#,Norte,Villa,1#,600,300,0,90,110")),
        "C007",
        "",
        "Registered",
        free=False,
        whole_id=True,
    ),
)  # fmt: skip
