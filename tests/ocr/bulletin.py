"""Made-up boletins de urna: texts with a right chain of hashes, signed with keys made here."""

from __future__ import annotations

import hashlib

HEADER = (
    "ORIG:VOTA ORLC:LEG PROC:100 DTPL:20301006 PLEI:200 TURN:1 FASE:O UNFE:XX MUNI:1234 ZONA:5 SECA:67 IDUE:999001 "
    "IDCA:111222333444555666777888 VERS:9.9.9.9 LOCA:1010 APTO:300 COMP:250 FALT:50 DTAB:20301006 HRAB:080000 "
    "DTFC:20301006 HRFC:170000"
)
OFFICES = (
    "IDEL:201 CARG:6 TIPO:1 VERC:203009010000 PART:91 9101:100 9102:20 LEGP:5 TOTP:125 PART:92 LEGP:25 TOTP:25 "
    "APTA:300 NOMI:120 LEGC:30 BRAN:40 NULO:60 TOTC:250 CARG:5 TIPO:0 VERC:203009010000 911:200 921:150 "
    "APTA:300 NOMI:350 BRAN:100 NULO:50 TOTC:500 "
    "IDEL:202 CARG:1 TIPO:0 VERC:203009010000 91:140 92:80 APTA:300 NOMI:220 BRAN:10 NULO:20 TOTC:250"
)
DATA = f"{HEADER} {OFFICES}"


def chain(pieces: list[str]) -> list[str]:
    """The hash of each part."""
    out, text = [], ""
    for piece in pieces:
        text += f" {piece}" if text else piece
        out.append(hashlib.sha512(text.encode()).hexdigest().upper())
        text += f" HASH:{out[-1]}"
    return out


def texts(
    data: str = DATA, parts: int = 1, version: str = "1.5", signature: bytes | None = None
) -> list[str]:
    """The QR texts of a boletim, cut at blanks into `parts`."""
    words = data.split(" ")
    size = -(-len(words) // parts)
    pieces = [" ".join(words[i * size : (i + 1) * size]) for i in range(parts)]
    head = f"VRQR:{version}" + (" VRCH:20300901" if version == "1.5" else "")
    out = [
        f"QRBU:{i}:{parts} {head} {piece} HASH:{hash_}"
        for i, (piece, hash_) in enumerate(zip(pieces, chain(pieces), strict=True), 1)
    ]
    if signature is not None:
        out[-1] += f" ASSI:{signature.hex().upper()}"
    return out


def last_hash(data: str = DATA, parts: int = 1) -> bytes:
    """The raw bytes of the last part's hash: what is signed."""
    return bytes.fromhex(texts(data, parts)[-1][-128:])
