"""The words of the boletim de urna's QR codes: header fields, fields of an office, offices.

Source: TSE, *QR Code no Boletim de Urna: manual para criação de aplicativos de leitura*, editions of 2018, 2020 and 2024
(VRQR 1.5) and of August 2026 (VRQR 6.0). Portuguese names are the manual's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Word:
    """What a four-letter key means. `kind` is how its value is written."""

    means: str
    kind: Literal["number", "text", "date", "time"] = "text"


VERSIONS = ("1.5", "6.0")

HEADER = {
    "ORIG": Word("origem: VOTA, RED (recuperador de dados) or SA (sistema de apuração)"),
    "ORLC": Word("origem da configuração: LEG (legal) or COM (comunitária)"),
    "PROC": Word("processo eleitoral", "number"),
    "DTPL": Word("data do pleito", "date"),
    "PLEI": Word("pleito", "number"),
    "TURN": Word("turno", "number"),
    "FASE": Word("fase: O (oficial), S (simulado) or T (treinamento)"),
    "UNFE": Word("unidade da federação; ZZ abroad"),
    "MUNI": Word("município", "number"),
    "ZONA": Word("zona eleitoral", "number"),
    "SECA": Word("seção eleitoral", "number"),
    "AGRE": Word("seções agregadas, parted by full stops"),
    "IDUE": Word("número de série da urna"),
    "IDCA": Word("código de identificação da carga"),
    "HIQT": Word("quantidade de cargas no histórico", "number"),
    "HICA": Word("histórico de cargas: order and code"),
    "VERS": Word("versão do software"),
    "LOCA": Word("local de votação", "number"),
    "APTO": Word("eleitores aptos", "number"),
    "APTS": Word("eleitores aptos da seção", "number"),
    "APTT": Word("eleitores aptos em trânsito", "number"),
    "COMP": Word("comparecimento", "number"),
    "FALT": Word("faltosos", "number"),
    "HBMA": Word("habilitados por ano de nascimento", "number"),
    "HBBM": Word("habilitados por biometria", "number"),
    "HBBG": Word("habilitados por biometria and the poll worker's word", "number"),
    "HBSB": Word("habilitados sem biometria", "number"),
    "DTAB": Word("data de abertura da urna", "date"),
    "HRAB": Word("hora de abertura da urna", "time"),
    "DTFC": Word("data de fechamento da urna", "date"),
    "HRFC": Word("hora de fechamento da urna", "time"),
    "JUNT": Word("junta apuradora (SA only)", "number"),
    "TURM": Word("turma apuradora (SA only)", "number"),
    "DTEM": Word("data de emissão (SA and RED only)", "date"),
    "HREM": Word("hora de emissão (SA and RED only)", "time"),
}
NEEDED = ("ORIG", "PLEI", "TURN", "FASE", "UNFE", "MUNI", "ZONA", "SECA")

ELECTION = {
    "IDEL": Word("eleição", "number"),
    "MAJO": Word("cédulas majoritárias apuradas (SA only)", "number"),
    "PROP": Word("cédulas proporcionais apuradas (SA only)", "number"),
}

OFFICE = {
    "CARG": Word("cargo", "number"),
    "TIPO": Word("tipo: 0 majoritário, 1 proporcional, 2 consulta", "number"),
    "VERC": Word("versão do pacote de dados", "number"),
    "APTA": Word("eleitores aptos", "number"),
    "APTS": Word("eleitores aptos da seção", "number"),
    "APTT": Word("eleitores aptos em trânsito", "number"),
    "CSEC": Word("comparecimento para o cargo", "number"),
    "NOMI": Word("votos nominais", "number"),
    "LEGC": Word("votos de legenda", "number"),
    "BRAN": Word("votos em branco", "number"),
    "NULO": Word("votos nulos", "number"),
    "TOTC": Word("total de votos apurados", "number"),
}
COUNTED = ("APTA", "NOMI", "BRAN", "NULO", "TOTC")  # what every office has

# CARG: what it is called in the names of fields, and in print. 25 is Fernando de Noronha's; a text of 2024 says 9.
OFFICES = {
    1: ("presidente", "Presidente"),
    3: ("governador", "Governador"),
    5: ("senador", "Senador"),
    6: ("deputado_federal", "Deputado Federal"),
    7: ("deputado_estadual", "Deputado Estadual"),
    8: ("deputado_distrital", "Deputado Distrital"),
    9: ("conselheiro_distrital", "Conselheiro Distrital"),
    11: ("prefeito", "Prefeito"),
    13: ("vereador", "Vereador"),
    25: ("conselheiro_distrital", "Conselheiro Distrital"),
}
SENATOR = 5  # the one office of which a voter may choose two
PROPORTIONAL = 1  # of TIPO


def office_name(code: int) -> tuple[str, str]:
    """The office in names of fields, and in print; ``cargo_12`` and ``Cargo 12`` if it is not known."""
    return OFFICES.get(code, (f"cargo_{code}", f"Cargo {code}"))
