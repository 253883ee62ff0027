"""Brazil's boletim de urna: the texts of its QR codes, joined, parsed whole and checked.

A boletim is split over one or more QR codes, which may come in any order and more than once::

    QRBU:1:2 VRQR:6.0 ORIG:VOTA … CARG:3 TIPO:0 VERC:… 92:2 95:1 APTA:50 NOMI:3 BRAN:1 NULO:0 TOTC:4 HASH:…
    QRBU:2:2 VRQR:6.0 IDEL:2101 CARG:1 … TOTC:4 HASH:… ASSI:…

`bulletins` does everything. What cannot be a boletim ends in `BadBulletin`, one sentence. A boletim whose chain of hashes is broken, whose
signature does not hold or whose numbers do not add up is parsed, and says so. `ocr.bu_words` has the words and their source.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ocr.bu_check import Signature, broken_at, check_signature
from ocr.bu_parts import MARK, MAX_SHOWN, MAX_TEXTS, BadBulletin, Part, certificates_of, hashed, join, part_of
from ocr.bu_words import (
    COUNTED,
    ELECTION,
    HEADER,
    NEEDED,
    OFFICE,
    PROPORTIONAL,
    SENATOR,
    office_name,
)

_NUMBER = re.compile(r"[0-9]{1,9}")
_VOTES = re.compile(r"([0-9]{1,6}):(.*)")


@dataclass(frozen=True, slots=True)
class Party:
    """A party's part of a proportional office; `votes` by candidate's number, `legend` for the party itself."""

    number: int
    votes: Mapping[int, int]
    legend: int
    total: int


@dataclass(frozen=True, slots=True)
class Check:
    """Two numbers of a boletim that must be equal."""

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether they are."""
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class Office:
    """What was voted for one office (cargo).

    Attributes
    ----------
    election : int
        IDEL.
    code, name : int, str
        CARG, and what it is called in names of fields.
    kind : int
        TIPO: 0 majority, 1 proportional, 2 referendum.
    votes : mapping
        Votes by candidate's number, of every party; who got none is not in it.
    parties : tuple of Party
        Of a proportional office.
    counts : mapping
        The other numbers by their keys: APTA (eligible), NOMI, LEGC, BRAN (blank), NULO (null), TOTC (voted) and so on.
    """

    election: int
    code: int
    name: str
    kind: int
    votes: Mapping[int, int]
    parties: tuple[Party, ...]
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bulletin:
    """One boletim de urna.

    Attributes
    ----------
    version : str
        VRQR.
    header : mapping of str to str
        Every header field as it is written, and VRCH; HICA, which repeats, parted by ``;``.
    offices : tuple of Office
        In the order of the boletim.
    chain_broken_at : int or None
        The first part whose hash is wrong; None if the chain holds.
    signature : Signature
    repeated : tuple of int
        Parts that came more than once.
    unknown : tuple of str
        Keys that the manual's editions read for this program do not have.
    """

    version: str
    parts: int
    header: Mapping[str, str]
    offices: tuple[Office, ...]
    chain_broken_at: int | None
    signature: Signature
    repeated: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """Everything in it that must be equal."""
        return tuple(_checks(self))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "version": self.version,
            "parts": self.parts,
            "chain": "holds" if self.chain_broken_at is None else "broken",
            "chain_broken_at": self.chain_broken_at,
            "signature": dataclasses.asdict(self.signature),
            "header": dict(self.header),
            "offices": [dataclasses.asdict(o) for o in self.offices],
            "checks": [{**dataclasses.asdict(c), "holds": c.holds} for c in self.checks],
            "repeated": list(self.repeated),
            "unknown": list(self.unknown),
        }


@dataclass(slots=True)
class _Draft:
    """An office while it is read."""

    counts: dict[str, int] = field(default_factory=dict)
    votes: dict[int, int] = field(default_factory=dict)
    parties: list[Party] = field(default_factory=list)
    party: int | None = None
    of_party: dict[int, int] = field(default_factory=dict)
    legend: int | None = None


def bulletins(texts: Iterable[str], keys: Mapping[str, bytes] | None = None) -> list[Bulletin]:
    """Every boletim in these texts, in the order of their first parts.

    Parameters
    ----------
    texts : iterable of str
        Texts of QR codes, in any order. Certificates (QRCE) are put to their machine's boletim, other texts are left out.
    keys : mapping of str to bytes, optional
        See `ocr.bu_check.check_signature`.

    Raises
    ------
    BadBulletin
        If there is no boletim among them, one is not whole, or a text is not what it says it is.
    """
    texts = [t.strip() for t in texts]
    if len(texts) > MAX_TEXTS:
        raise BadBulletin(f"there are {len(texts)} codes, more than {MAX_TEXTS}; give fewer at a time")
    parts = [part_of(t) for t in texts if t.startswith(MARK)]
    if not parts:
        raise BadBulletin("there is no boletim de urna here (no code begins with QRBU:); give its QR codes")
    certificates = certificates_of(t for t in texts if t.startswith("QRCE:"))
    return [_bulletin(whole, repeated, keys or {}, certificates) for whole, repeated in join(parts)]


def _bulletin(
    parts: list[Part], repeated: tuple[int, ...], keys: Mapping[str, bytes], certificates: Mapping[str, bytes]
) -> Bulletin:
    early = next((p.number for p in parts[:-1] if p.signature), None)
    if early is not None:
        raise BadBulletin(f"part {early} is signed, and only the last one may be; read that QR code again")
    header, offices, unknown = _parsed(" ".join(p.data for p in parts))
    version = parts[0].version
    if parts[0].key_version is not None:
        header["VRCH"] = parts[0].key_version
    own = certificates.get(header.get("IDUE", ""))
    return Bulletin(
        version=version,
        parts=len(parts),
        header=header,
        offices=offices,
        chain_broken_at=broken_at(*hashed(parts)),
        signature=check_signature(
            version, header, parts[-1].hash, parts[-1].signature, keys=keys, certificate=own
        ),
        repeated=repeated,
        unknown=unknown,
    )


def _parsed(data: str) -> tuple[dict[str, str], tuple[Office, ...], tuple[str, ...]]:
    header: dict[str, str] = {}
    election: dict[str, str] = {}
    unknown: list[str] = []
    offices: list[Office] = []
    draft: _Draft | None = None
    for token in data.split(" "):
        key, colon, value = token.partition(":")
        if not (key and colon and value):
            raise BadBulletin(f"{token[:MAX_SHOWN]!r} in the boletim is no key with a value; read it again")
        if draft is not None:
            if _into_office(draft, key, value, unknown):
                offices.append(_office(draft, election))
                draft = None
        elif key == "CARG":
            if "IDEL" not in election:
                raise BadBulletin(
                    "the boletim names an office before its election (IDEL); read its QR codes again"
                )
            draft = _Draft({"CARG": _number(key, value)})
        elif key == "IDEL":
            election = {key: value}
        elif election:
            _once(election, key, value)
            if key not in ELECTION:
                unknown.append(key)
        else:
            if key == "HICA" and key in header:
                header[key] += f";{value}"
            else:
                _once(header, key, value)
            if key not in HEADER:
                unknown.append(key)
    if draft is not None:
        raise BadBulletin("the boletim ends within an office (no TOTC); photograph all of its QR codes")
    missing = [key for key in NEEDED if key not in header]
    if missing or not offices:
        raise BadBulletin(
            f"the boletim has no {missing[0] if missing else 'office'}; read its QR codes again"
        )
    for key, value in header.items():
        if key in HEADER and HEADER[key].kind != "text":
            _number(key, value)
    same = [(o.election, o.code) for o in offices]
    if len(set(same)) < len(same):
        raise BadBulletin("the boletim has one office twice; read its QR codes again")
    return header, tuple(offices), tuple(dict.fromkeys(unknown))


def _into_office(draft: _Draft, key: str, value: str, unknown: list[str]) -> bool:
    """Take one key; True if it was the office's last."""
    votes = _VOTES.fullmatch(f"{key}:{value}")
    if votes is not None:
        into = draft.votes if draft.party is None else draft.of_party
        number = int(votes[1])
        if number in draft.votes or number in into:
            raise BadBulletin(f"the number {number} has votes twice in one office; read the QR codes again")
        into[number] = _number(votes[1], votes[2])
    elif key == "PART":
        if draft.party is not None:
            raise BadBulletin(f"the party {draft.party} has no TOTP; read the QR codes again")
        draft.party, draft.of_party, draft.legend = _number(key, value), {}, None
    elif key == "LEGP" and draft.party is not None and draft.legend is None:
        draft.legend = _number(key, value)
    elif key == "TOTP" and draft.party is not None:
        if any(p.number == draft.party for p in draft.parties):
            raise BadBulletin(f"the party {draft.party} is in one office twice; read the QR codes again")
        total = _number(key, value)
        draft.parties.append(Party(draft.party, draft.of_party, draft.legend or 0, total))
        draft.votes |= draft.of_party
        draft.party = None
    elif draft.party is not None or key in ELECTION or key in ("CARG", "LEGP", "TOTP"):
        raise BadBulletin(f"{key} stands at the wrong place in the boletim; read its QR codes again")
    else:
        if key in draft.counts:
            raise BadBulletin(f"{key} is in one office twice; read the QR codes again")
        if key == "VERC":  # a time, of no use here
            draft.counts[key] = 0
        elif key in OFFICE:
            draft.counts[key] = _number(key, value)
        else:
            unknown.append(key)
    return key == "TOTC"


def _office(draft: _Draft, election: Mapping[str, str]) -> Office:
    counts = dict(draft.counts)
    code = counts.pop("CARG")
    counts.pop("VERC", None)
    missing = [key for key in ("TIPO", *COUNTED) if key not in counts]
    if missing:
        raise BadBulletin(f"the office {code} of the boletim has no {missing[0]}; read its QR codes again")
    kind = counts.pop("TIPO")
    return Office(
        election=_number("IDEL", election["IDEL"]),
        code=code,
        name=office_name(code)[0],
        kind=kind,
        votes=dict(draft.votes),
        parties=tuple(draft.parties),
        counts=counts,
    )


def _once(into: dict[str, str], key: str, value: str) -> None:
    if key in into:
        raise BadBulletin(f"{key[:MAX_SHOWN]} is in the boletim twice; read its QR codes again")
    into[key] = value


def _number(key: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise BadBulletin(
            f"{key[:MAX_SHOWN]} of the boletim is {value[:MAX_SHOWN]!r}, and no whole number; read its QR codes again"
        )
    return int(value)


def _checks(bulletin: Bulletin) -> Iterable[Check]:
    header = bulletin.header
    if {"APTO", "COMP", "FALT"} <= header.keys():
        yield Check("aptos", int(header["COMP"]) + int(header["FALT"]), int(header["APTO"]))
    for o in bulletin.offices:
        c = o.counts
        parts = c["NOMI"] + c.get("LEGC", 0) + c["BRAN"] + c["NULO"]
        yield Check(f"{o.name}_total", parts, c["TOTC"])
        yield Check(f"{o.name}_nominais", sum(o.votes.values()), c["NOMI"])
        if o.kind == PROPORTIONAL:
            yield Check(f"{o.name}_legenda", sum(p.legend for p in o.parties), c.get("LEGC", 0))
        for p in o.parties:
            yield Check(f"{o.name}_{p.number}", sum(p.votes.values()) + p.legend, p.total)
        came = c.get("CSEC", int(header["COMP"]) if "COMP" in header else None)
        if came is not None and not c.get("APTT"):
            # A voter chooses one, or two senators where two are elected; who votes away from home not for every office.
            seats = 2 if o.code == SENATOR and c["TOTC"] == 2 * came else 1
            yield Check(f"{o.name}_comparecimento", c["TOTC"], seats * came)
