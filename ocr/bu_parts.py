"""The texts of a boletim's QR codes, each alone and put in order: the first half of `ocr.bu`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ocr.bu_check import broken_at
from ocr.bu_words import VERSIONS
from ocr.errors import CotejoError
from ocr.reading import CodeReading

MARK = "QRBU:"
MAX_PART = 4000  # characters of one QR's text; the manual's limit is 1,100
MAX_PARTS = 99
MAX_TEXTS = 2000
MAX_SHOWN = 40  # characters of somebody else's text in a message

_PART = re.compile(
    r"QRBU:([0-9]{1,2}):([0-9]{1,2}) VRQR:([0-9.]{1,8})(?: VRCH:([0-9]{8}))? (\S.*?) HASH:([0-9A-F]{128})"
    r"(?: ASSI:((?:[0-9A-F]{2}){1,300}))?"
)
_CERTIFICATE = re.compile(
    r"QRCE:([0-9]{1,2}):([0-9]{1,2})(?: VRQR:[0-9.]{1,8})?(?: IDUE:([0-9]{1,12}))?(?: MDUE:\S{1,12})? CERT:([0-9A-F]+)"
)
_ALPHABET = re.compile(r"[0-9A-Z $%*+\-./:]*")  # of a QR code in its alphanumeric mode


class BadBulletin(CotejoError):
    """These texts are no boletim de urna, or not all of one; the message says why, `codes` is what a photo had."""

    codes: tuple[CodeReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """The text of one QR code. `data` is what the chain of hashes covers."""

    number: int
    count: int
    version: str
    key_version: str | None
    data: str
    hash: str
    signature: str | None


def is_part(text: str) -> bool:
    """Whether a code's text says that it is part of a boletim, or of its certificate."""
    return text.startswith((MARK, "QRCE:"))


def part_of(text: str) -> Part:
    """One part, from the text of its QR code; `BadBulletin` if it is none."""
    shown = text[:MAX_SHOWN].encode("ascii", "replace").decode()
    if len(text) > MAX_PART:
        raise BadBulletin(f"the code {shown!r}… has {len(text)} characters; a QR code of a boletim has fewer")
    if not _ALPHABET.fullmatch(text):
        raise BadBulletin(
            f"the code {shown!r}… has letters that no boletim has; give the QR code's text as it is"
        )
    match = _PART.fullmatch(text)
    if match is None:
        raise BadBulletin(f"the code {shown!r}… is no whole part of a boletim; read that QR code again")
    number, count, version, key_version, data, hash_, signature = match.groups()
    if version not in VERSIONS:
        raise BadBulletin(
            f"this boletim has the version VRQR {version}; known are {' and '.join(VERSIONS)}, key it by hand"
        )
    if not 1 <= int(number) <= int(count) <= MAX_PARTS:
        raise BadBulletin(f"the code {shown!r}… cannot be part {number} of {count}; read that QR code again")
    return Part(int(number), int(count), version, key_version, data, hash_, signature)


def join(parts: Sequence[Part]) -> list[tuple[list[Part], tuple[int, ...]]]:
    """The parts of each boletim in order, and which came more than once; `BadBulletin` if one is not whole."""
    single = list(dict.fromkeys(parts))
    firsts = [p for p in single if p.number == 1]
    if not firsts:
        raise BadBulletin(
            f"part 1 of {single[0].count} of the boletim is missing; photograph all of its QR codes"
        )
    used: set[Part] = set()
    out = []
    for first in firsts:
        whole = [first]
        for number in range(2, first.count + 1):
            same = [
                p
                for p in single
                if (p.number, p.count, p.version, p.key_version)
                == (number, first.count, first.version, first.key_version)
            ]
            fits = [p for p in same if broken_at(*hashed([*whole, p])) is None]
            if not same:
                raise BadBulletin(
                    f"part {number} of {first.count} of the boletim is missing; photograph all of its QR codes"
                )
            if not fits and len(same) > 1:
                raise BadBulletin(
                    f"there are {len(same)} different parts {number} of {first.count}, and none of them continues part 1; give one boletim at a time"
                )
            whole.append((fits or same)[0])
        used |= set(whole)
        out.append((whole, tuple(p.number for p in whole if parts.count(p) > 1)))
    lost = [p for p in single if p not in used]
    if lost:
        raise BadBulletin(
            f"a part {lost[0].number} of {lost[0].count} belongs to no boletim that is whole; give all parts, or one boletim at a time"
        )
    return out


def hashed(parts: Sequence[Part]) -> tuple[list[str], list[str]]:
    """What `ocr.bu_check.broken_at` takes."""
    return [p.data for p in parts], [p.hash for p in parts]


def certificates_of(texts: Iterable[str]) -> dict[str, bytes]:
    """The machines' certificates by IDUE. One that is not whole is no certificate: then there is no key."""
    pieces: dict[str, dict[int, str]] = {}
    counts: dict[str, int] = {}
    matches = [m for m in (_CERTIFICATE.fullmatch(t) for t in texts if len(t) <= MAX_PART) if m is not None]
    named = {m[3] for m in matches if m[3]}
    for m in matches:
        machine = m[3] or (next(iter(named)) if len(named) == 1 else "")
        pieces.setdefault(machine, {})[int(m[1])] = m[4]
        counts[machine] = int(m[2])
    out = {}
    for machine, found in pieces.items():
        text = "".join(found.get(i, "") for i in range(1, counts[machine] + 1))
        if len(found) == counts[machine] and len(text) % 2 == 0:
            out[machine] = bytes.fromhex(text)
    return out
