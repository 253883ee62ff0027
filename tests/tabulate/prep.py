"""Synthetic PREP files in the layouts of the INE's LEEME of each year: a few made-up casillas with every marker."""

from __future__ import annotations

from dataclasses import dataclass

_HEAD_2018 = (
    "CLAVE_CASILLA|CLAVE_ACTA|ID_ESTADO|ESTADO|ID_DISTRITO_FEDERAL|DISTRITO_FEDERAL|SECCION|ID_CASILLA|TIPO_CASILLA|EXT_CONTIGUA|"
    "UBICACION_CASILLA|TIPO_ACTA|TOTAL_BOLETAS_SOBRANTES|TOTAL_PERSONAS_VOTARON|TOTAL_REP_PARTIDO_CI_VOTARON|TOTAL_VOTOS_SACADOS|"
)
_TAIL_2018 = (
    "NO_REGISTRADOS|NULOS|TOTAL_VOTOS_ASENTADO|TOTAL_VOTOS_CALCULADO|LISTA_NOMINAL|REPRESENTANTES_PP_CI|OBSERVACIONES|CONTABILIZADA|"
    "MECANISMOS_TRASLADO|SHA|FECHA_HORA_ACOPIO|FECHA_HORA_CAPTURA|FECHA_HORA_VERIFICACION|ORIGEN|DIGITALIZACION|TIPO_DOCUMENTO|COTEJADA"
)
HEADERS = {
    2012: "ESTADO|DISTRITO|SECCION|ID_CASILLA|TIPO_CASILLA|EXT_CONTIGUA|UBICACION_CASILLA|TIPO_ACTA|PAN|PRI|PRD|PVEM|PT|MC|PANAL|"
    "C_PRI_PVEM|C_PRD_PT_MC|C_PRD_PT|C_PRD_MC|C_PT_MC|NO_REGISTRADOS|NULOS|TOTAL_VOTOS|LISTA_NOMINAL|OBSERVACIONES|CONTABILIZADA|CRYT|"
    "HORA_ACOPIO|HORA_CAPTURA|HORA_REGISTRO",
    2015: "ID_ESTADO|ESTADO|ID_DISTRITO|DISTRITO|SECCION|ID_CASILLA|TIPO_CASILLA|EXT_CONTIGUA|UBICACION_CASILLA|TIPO_ACTA|"
    "NUM_BOLETAS_SOBRANTES|TOTAL_CIUDADANOS_VOTARON|NUM_BOLETAS_EXTRAIDAS|PAN|PRI|PRD|PVEM|PT|MOVIMIENTO_CIUDADANO|NUEVA_ALIANZA|MORENA|"
    "PH|ES|C_PRI_PVEM|C_PRD_PT|CAN_IND_1|CAND_IND_2|NO_REGISTRADOS|NULOS|TOTAL_VOTOS|LISTA_NOMINAL|OBSERVACIONES|CONTABILIZADA|CRYT|"
    "HORA_ACOPIO|HORA_CAPTURA|HORA_REGISTRO",
    2018: _HEAD_2018
    + "PAN|PRI|PRD|PVEM|PT|MC|PANAL|MORENA|PES|C_PAN_PRD_MC|C_PRI_PVEM|C_PT_MORENA|CAND_IND_01|CAND_IND_02|"
    + _TAIL_2018,
    2021: _HEAD_2018
    + "CODIGOS_ENTREGADOS_PMDC|CODIGOS_SOBRANTES|CODIGOS_UTILIZADOS|PAN|PRI|PRD|PVEM|PT|MC|MORENA|PES|RSP|FXM|CAND_IND_1|PAN_PRI_PRD|"
    + "PVEM_PT_MORENA|PT_MORENA|"
    + _TAIL_2018,
    2024: (_HEAD_2018 + "PAN|PRI|PRD|PVEM|PT|MC|MORENA|PAN_PRI_PRD|PVEM_PT_MORENA|" + _TAIL_2018).replace("|SHA|", "|CODIGO_INTEGRIDAD|").replace("NO_REGISTRADOS", "NO_REGISTRADAS"),
}  # fmt: skip
CUT = {
    2012: "20:00 horas (UTC-5)\nDomingo 1 de julio de 2012",
    2015: "20:10 horas (UTC-5)\nLunes 8 de junio de 2015",
    2018: "02/07/2018 21:00 (UTC-5)",
    2021: "07/06/2021 20:00 (UTC-5)",
    2024: "03/06/2024 20:00 (UTC-6)",
}
TYPE = {2012: "2", 2015: "2", 2018: "2", 2021: "2", 2024: "2"}
EXCEEDS = {2024: "EXCEDE LISTA NOMINAL"}
OUTSIDE = {2012: "No identificada", 2015: "No identificada", 2024: "FUERA DE CATÁLOGO"}


@dataclass(frozen=True)
class Acta:
    """One row: section, votes by column, and what the authority says of it."""

    section: str
    votes: dict[str, str]
    listed: str = "600"
    observations: str = ""
    counted: str = "1"
    kind: str = "B"
    outside: bool = False


ACTAS = (
    Acta("101", {"PAN": "100", "PRI": "80", "PRD": "0", "NULOS": "5", "NO_REGISTRADOS": "1"}),
    Acta(
        "102",
        {"PAN": "Ilegible", "PRI": "70", "PRD": "Sin dato", "NULOS": "4"},
        observations="Ilegible, Sin dato",
    ),
    Acta("103", {"PAN": "50", "PRI": "60", "PRD": "-"}, kind="S", listed="0"),
    Acta("104", {"PAN": "900", "PRI": "80", "NULOS": "1"}, observations="EXCEEDS", counted="0"),
    Acta("105", {}, observations="Sin Acta Paquete no Entregado", counted="0"),
    Acta("999", {"PAN": "7", "PRI": "7"}, observations="OUTSIDE", counted="0", outside=True),
    Acta("999", {"PAN": "8", "PRI": "8"}, observations="OUTSIDE", counted="0", outside=True),
)
COUNTED = {"PAN": 150, "PRI": 210, "PRD": 0}
"""Votes over counted rows by the authority's rule: illegible and blank are zero."""


def prep(
    year: int, *, comma: bool = False, uncaptured: bool = True, summary: dict[str, str] | None = None
) -> str:
    """A whole synthetic file of that year."""
    header = HEADERS[year].split("|")
    rows = [_row(year, header, acta) for acta in ACTAS]
    if uncaptured:
        first_vote = header.index("PAN")
        rows.append(_row(year, header, Acta("106", {}, counted=""))[:first_vote])
    figures = _summary(year, uncaptured) | (summary or {})
    lines = [CUT[year], "|".join(figures), "|".join(figures.values()), "", "|".join(header)]
    text = "\n".join([*lines, *("|".join(row) for row in rows)]) + "\n"
    return text.replace(", ", " ").replace("|", ",") if comma else text


def _row(year: int, header: list[str], acta: Acta) -> list[str]:
    key = f"{'01'}{acta.section.zfill(4)}{acta.kind}0100"
    observations = acta.observations.replace("EXCEEDS", EXCEEDS.get(year, "Excede lista nominal"))
    observations = observations.replace("OUTSIDE", OUTSIDE.get(year, "Fuera de catálogo"))
    mark = "'" if year == 2024 else ""
    fixed = {
        "CLAVE_CASILLA": "-" if acta.outside and year == 2021 else mark + key,
        "CLAVE_ACTA": "-" if acta.outside and year == 2021 else mark + key + TYPE[year].zfill(2),
        "ID_ESTADO": "1",
        "ESTADO": "1" if year == 2012 else "AGUASCALIENTES",
        "SECCION": acta.section,
        "ID_CASILLA": "1",
        "TIPO_CASILLA": acta.kind,
        "EXT_CONTIGUA": "0",
        "TIPO_ACTA": TYPE[year],
        "LISTA_NOMINAL": acta.listed,
        "OBSERVACIONES": observations,
        "CONTABILIZADA": acta.counted,
        **acta.votes,
    }
    if "NO_REGISTRADAS" in header:
        fixed["NO_REGISTRADAS"] = acta.votes.get("NO_REGISTRADOS", "")
    total = str(sum(int(v) for v in acta.votes.values() if v.isdigit()))
    for name in ("TOTAL_VOTOS", "TOTAL_VOTOS_ASENTADO", "TOTAL_VOTOS_CALCULADO"):
        fixed[name] = total
    if acta.section == "101":
        fixed["TOTAL_VOTOS_ASENTADO"] = "190"  # as written on the acta; the system adds up 186
    start, stop = header.index("PAN"), header.index("NULOS")
    empty = "Sin acta" if not acta.votes else "0"
    return [fixed.get(name, empty if start <= at <= stop else "") for at, name in enumerate(header)]


def _summary(year: int, uncaptured: bool) -> dict[str, str]:
    if year in (2012, 2015):
        return {
            "ACTAS_CAPTURADAS": "5",
            "ACTAS_POR_CAPTURAR": str(int(uncaptured)),
            "PORCENTAJE_ACTAS_CAPTURADAS": "83.3333",
            "ACTAS_CONTABILIZADAS": "3",
            "ACTAS_NO_CONTABILIZADAS": "2",
            "PARTICIPACION_CIUDADANA": "30.83",
        }
    return {
        "ACTAS_ESPERADAS": str(5 + int(uncaptured)),
        "ACTAS_REGISTRADAS": "7",
        "ACTAS_FUERA_DE_CATALOGO": "2",
        "ACTAS_CAPTURADAS": "5",
        "PORCENTAJE_ACTAS_CAPTURADAS": "83.3333",
        "ACTAS_CONTABILIZADAS": "3",
        "PORCENTAJE_ACTAS_CONTABILIZADAS": "50.0000",
        "PORCENTAJE_ACTAS_CON_INCONSISTENCIAS": "40.0000",
        "ACTAS_NO_CONTABILIZADAS": "2",
        "LISTA_NOMINAL_ACTAS_CONTABILIZADAS": "1200",
        "TOTAL_VOTOS_C_CS": "370",
        "TOTAL_VOTOS_S_CS": "260",
        "PORCENTAJE_PARTICIPACION_CIUDADANA": "30.83",
    }
