"""A boletim de urna as the fields of a form.

Its fields are named by what it says: ``aptos``, ``comparecimento``, ``faltosos``, and for each office ``presidente_13`` (a number's votes),
``presidente_brancos``, ``presidente_nulos``, ``presidente_nominais``, ``presidente_total``, ``presidente_aptos``, for
proportional offices also ``deputado_federal_91_legenda`` and ``deputado_federal_legenda``.

A form that names candidates of an office as fields knows all of them: who is named and not in the boletim has 0 votes, which
its totals bear out; who is in it and not named is told. An office that a form names and the boletim does not have is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ocr.bu import Bulletin, bulletins
from ocr.bu_check import Signed
from ocr.bu_parts import BadBulletin
from ocr.bu_words import PROPORTIONAL
from ocr.decode import Decoded, DecodedField
from ocr.form import Form, Role
from ocr.reading import State, SumReading

OF_HEADER = {"aptos": "APTO", "comparecimento": "COMP", "faltosos": "FALT"}
OF_OFFICE = {
    "aptos": "APTA",
    "nominais": "NOMI",
    "legenda": "LEGC",
    "brancos": "BRAN",
    "nulos": "NULO",
    "total": "TOTC",
}
OFFICIAL = "O"  # FASE
BROKEN = 0.5  # probability of each number where the chain of hashes does not hold


@dataclass(frozen=True)
class BulletinFields:
    """A boletim as `ocr.whole` needs it; `reasons` keep it from being accepted, `notes` do not."""

    bulletin: Bulletin
    station: str
    decoded: Decoded
    reasons: tuple[str, ...]
    notes: tuple[str, ...]


def bulletin_fields(form: Form, texts: Sequence[str]) -> BulletinFields:
    """Read one boletim from the texts of its codes.

    Raises
    ------
    BadBulletin
        If they are not exactly one whole boletim, or one of another election than the form expects.
    """
    code = next(c for c in form.codes if c.whole == "tse-bu")
    found = bulletins(texts, {name: bytes.fromhex(key) for name, key in form.keys.items()})
    if len(found) > 1:
        raise BadBulletin(
            f"there are {len(found)} boletins de urna on this photo; photograph each of them alone"
        )
    bulletin = found[0]
    for key, wanted in code.expect.items():
        if bulletin.header.get(key) != wanted:
            raise BadBulletin(
                f"this boletim has {key}:{bulletin.header.get(key, 'nothing')} and not {key}:{wanted}; it is of another election"
            )
    try:
        station = code.station.format_map(dict(bulletin.header))
    except (KeyError, ValueError, IndexError) as e:
        raise BadBulletin(
            f"the form {form.id} makes the station of {code.station!r}, which this boletim does not have ({e}); correct the form"
        ) from None
    values, unnamed = _values(form, bulletin)
    holds = bulletin.chain_broken_at is None
    certain = 1.0 if holds else BROKEN
    fields = {
        name: DecodedField(
            value=value,
            state=State.ABSENT if value is None else State.NUMBER,
            probability=certain,
            runner_up=None,
            runner_up_probability=0.0,
            raw="" if value is None else str(value),
            alone=certain,
            alone_value=value,
        )
        for name, value in values.items()
    }
    checks = bulletin.checks
    sums = tuple(
        SumReading(c.name, "equal", c.left, c.right, c.holds, certain if c.holds else 1 - certain)
        for c in checks
    )
    broken = [c.name for c in checks if not c.holds]
    decoded = Decoded(fields, sums, certain, float(bool(broken)), holds and not broken, ())
    reasons = [] if holds else [f"chain-broken:{bulletin.chain_broken_at}"]
    reasons += [f"sum-fails:{name}" for name in broken]
    reasons += [f"not-on-form:{name}" for name in unnamed]
    reasons += [f"absent:{name}" for name, value in values.items() if value is None]
    if bulletin.header["FASE"] != OFFICIAL and code.expect.get("FASE") is None:
        reasons.append("not-official")
    notes = []
    if bulletin.signature.state is Signed.FAILED:
        reasons.append("signature-failed")
    elif bulletin.signature.state is not Signed.VERIFIED:
        notes.append(f"signature-unverified:{bulletin.signature.state}")
    return BulletinFields(bulletin, station, decoded, tuple(reasons), tuple(notes))


def _values(form: Form, bulletin: Bulletin) -> tuple[dict[str, int | None], list[str]]:
    """The number of each field, those that the form names first; and what it should have named."""
    said: dict[str, int] = {
        name: int(bulletin.header[key]) for name, key in OF_HEADER.items() if key in bulletin.header
    }
    votes: dict[str, str] = {}  # the fields that count votes, each with its office
    offices = [o.name for o in bulletin.offices]
    used: set[str] = set()
    for o in bulletin.offices:
        # Two elections of one day may have an office each of the same name.
        office = o.name if offices.count(o.name) == 1 else f"{o.name}_{o.election}"
        of_office = {f"{office}_{word}": o.counts[key] for word, key in OF_OFFICE.items() if key in o.counts}
        of_votes = {f"{office}_{number}": n for number, n in o.votes.items()}
        if o.kind == PROPORTIONAL:
            of_votes |= {f"{office}_{p.number}_legenda": p.legend for p in o.parties}
        used.add(office)
        if twice := sorted(said.keys() & (of_votes | of_office).keys()):
            raise BadBulletin(f"this boletim gives {twice[0]} twice, for two offices; key it by hand")
        votes |= dict.fromkeys(of_votes, office)
        said |= of_votes | of_office
    named = {f.name for f in form.fields}
    options = [f.name for f in form.fields if f.role is Role.OPTION]
    # The offices whose candidates the form names: of these it knows all.
    known = {o for o in used if any(n.startswith(f"{o}_") for n in options)}
    out: dict[str, int | None] = {}
    for f in form.fields:
        zero = f.name in options and any(f.name.startswith(f"{office}_") for office in known)
        out[f.name] = said.get(f.name, 0 if zero else None)
    unnamed = [n for n, office in votes.items() if office in known and n not in named and said[n] > 0]
    if not options:
        out |= {name: value for name, value in said.items() if name not in out}
    return out, unnamed
