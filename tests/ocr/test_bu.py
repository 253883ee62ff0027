"""Boletins de urna: joined in any order, checked always, hostile texts told in one sentence."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.bu import Bulletin, bulletins
from ocr.bu_check import Signed
from ocr.bu_parts import BadBulletin
from tests.ocr.bulletin import DATA, HEADER, OFFICES, last_hash, texts

P521 = ec.generate_private_key(ec.SECP521R1())
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
RAW = ED25519.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def one(codes: list[str], keys: dict[str, bytes] | None = None) -> Bulletin:
    (bulletin,) = bulletins(codes, keys)
    return bulletin


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_everything_is_read() -> None:
    bulletin = one(texts())
    assert (bulletin.version, bulletin.parts, bulletin.chain_broken_at) == ("1.5", 1, None)
    assert bulletin.header["IDCA"] == "111222333444555666777888"
    assert {f"{k}:{v}" for k, v in bulletin.header.items()} == {*HEADER.split(" "), "VRCH:20300901"}
    federal, senate, president = bulletin.offices
    assert (federal.election, federal.code, federal.name, federal.kind) == (201, 6, "deputado_federal", 1)
    assert federal.votes == {9101: 100, 9102: 20}
    assert [(p.number, dict(p.votes), p.legend, p.total) for p in federal.parties] == [
        (91, {9101: 100, 9102: 20}, 5, 125),
        (92, {}, 25, 25),
    ]
    assert senate.votes == {911: 200, 921: 150} and senate.parties == ()
    assert president.election == 202
    assert president.counts == {"APTA": 300, "NOMI": 220, "BRAN": 10, "NULO": 20, "TOTC": 250}
    assert all(c.holds for c in bulletin.checks) and len(bulletin.checks) == 13
    assert bulletin.signature.state is Signed.MISSING
    assert json.loads(json.dumps(bulletin.to_json()))["chain"] == "holds"


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 9))
def test_parts_may_come_in_any_order_and_more_than_once(data: st.DataObject, parts: int) -> None:
    codes = texts(parts=parts)
    again = data.draw(st.lists(st.sampled_from(codes), max_size=3))
    shuffled = data.draw(st.permutations([*codes, *again, "070904015.03.1.0001!51", ""]))
    bulletin = one(shuffled)
    assert bulletin.offices == one(texts()).offices and bulletin.header == one(texts()).header
    assert bulletin.parts == parts and bulletin.chain_broken_at is None
    assert set(bulletin.repeated) == {codes.index(t) + 1 for t in again}


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(1, 4))
def test_a_changed_digit_breaks_the_chain(data: st.DataObject, parts: int) -> None:
    codes = texts(parts=parts)
    i = data.draw(st.integers(0, parts - 1))
    start, end = codes[i].index("VRCH:20300901 ") + 14, codes[i].index(" HASH:")
    places = [k for k in range(start, end) if codes[i][k].isdigit()]
    k = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from([d for d in "0123456789" if d != codes[i][k]]))
    codes[i] = codes[i][:k] + digit + codes[i][k + 1 :]
    try:
        bulletin = one(codes)
    except BadBulletin as e:
        assert str(e).count(";") == 1  # it is no boletim any more, and that is said
    else:
        assert bulletin.chain_broken_at == i + 1


def test_a_missing_part_is_told() -> None:
    codes = texts(parts=3)
    for lost, says in ((0, "part 1 of 3"), (1, "part 2 of 3"), (2, "part 3 of 3")):
        with pytest.raises(BadBulletin, match=f"{says} of the boletim is missing; photograph all"):
            bulletins([c for i, c in enumerate(codes) if i != lost])
    with pytest.raises(BadBulletin, match="no code begins with QRBU"):
        bulletins([])


def test_several_boletins_at_once_are_told_apart_by_their_chains() -> None:
    first, second = texts(parts=2), texts(DATA.replace("SECA:67", "SECA:68"), parts=2)
    assert first[0] != second[0]
    got = bulletins([second[1], first[1], second[0], first[0]])
    assert [b.header["SECA"] for b in got] == ["68", "67"]
    assert all(b.chain_broken_at is None for b in got)
    with pytest.raises(BadBulletin, match="belongs to no boletim that is whole"):
        bulletins([*first, texts(DATA.replace("SECA:67", "SECA:69"), parts=3)[2]])
    stranger = second[1]
    assert one([first[0], stranger]).chain_broken_at == 2  # the only part 2 there is, and not this boletim's


def test_sums_that_fail_are_told_and_nothing_is_mended() -> None:
    bulletin = one(texts(DATA.replace("92:80", "92:79")))
    assert bulletin.chain_broken_at is None
    assert [(c.name, c.left, c.right) for c in bulletin.checks if not c.holds] == [
        ("presidente_nominais", 219, 220)
    ]
    assert bulletin.offices[2].votes == {91: 140, 92: 79}


def test_ed25519_over_the_last_hash() -> None:
    signed = texts(parts=2, signature=ED25519.sign(last_hash(parts=2)))
    other = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert one(signed).signature.state is Signed.NO_KEY
    for key in (RAW, pem(ED25519)):
        got = one(signed, {"a.pub": key}).signature
        assert (got.state, got.kind, got.key) == (Signed.VERIFIED, "Ed25519", "a.pub")
    assert one(signed, {"a.pub": other}).signature.state is Signed.FAILED
    assert one(signed, {"a.pub": other, "b.pub": RAW}).signature.key == "b.pub"
    changed = [t.replace("92:80", "92:90") for t in signed]
    assert one(changed, {"a.pub": RAW}).chain_broken_at == 2
    # Somebody who also computes the hashes again has no key to sign them with.
    again = texts(DATA.replace("92:80", "92:90"), 2, signature=ED25519.sign(last_hash(parts=2)))
    assert one(again, {"a.pub": RAW}).chain_broken_at is None
    assert one(again, {"a.pub": RAW}).signature.state is Signed.FAILED
    assert one(signed, {"a.pub": b"no key at all"}).signature.state is Signed.NO_KEY
    assert one(signed, {"a.pub": pem(P521)}).signature.state is Signed.NO_KEY


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("oxxqrcode.pub", True),
        ("20300901/LEGAL/oxxqrcode.pub", True),
        ("20300901/COMUNITARIA/oxxqrcode.pub", False),
        ("20280901/LEGAL/oxxqrcode.pub", False),
        ("sxxqrcode.pub", False),
        ("oyyqrcode.pub", False),
        ("anything", True),
    ],
)
def test_a_key_with_the_tses_name_is_for_its_state_and_phase_only(name: str, used: bool) -> None:
    signed = texts(signature=ED25519.sign(last_hash()))
    assert one(signed, {name: RAW}).signature.state is (Signed.VERIFIED if used else Signed.NO_KEY)


@pytest.mark.parametrize("prehashed", [False, True])
def test_p521_and_its_own_certificate(prehashed: bool) -> None:
    message = hashlib.sha512(last_hash()).digest()
    way = utils.Prehashed(hashes.SHA512()) if prehashed else hashes.SHA512()
    signed = texts(version="6.0", signature=P521.sign(message, ec.ECDSA(way)))
    assert one(signed).signature.state is Signed.NO_KEY
    got = one(signed, {"urna": pem(P521)}).signature
    assert (got.state, got.kind) == (Signed.VERIFIED, "ECDSA P-521")
    stranger = {"urna": pem(ec.generate_private_key(ec.SECP521R1()))}
    assert one(signed, stranger).signature.state is Signed.FAILED
    short = {"urna": pem(ec.generate_private_key(ec.SECP256R1()))}
    assert one(signed, short).signature.state is Signed.FAILED

    certificate = own_certificate().hex().upper()
    half = len(certificate) // 2
    cut = [certificate[:half], certificate[half:]]
    codes = [f"QRCE:{i}:2 IDUE:999001 MDUE:2015 CERT:{c}" for i, c in enumerate(cut, 1)]
    got = one([codes[1], *signed, codes[0]]).signature
    assert (got.state, got.key) == (Signed.SELF_SIGNED, "own certificate")
    assert one([codes[0], *signed]).signature.state is Signed.NO_KEY  # half a certificate is none
    of_another = [c.replace("999001", "999002") for c in codes]
    assert one([*of_another, *signed]).signature.state is Signed.NO_KEY


def own_certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "urna")])
    day = datetime.datetime(2030, 1, 1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(P521.public_key())
        .serial_number(1)
        .not_valid_before(day)
        .not_valid_after(day + datetime.timedelta(days=9))
        .sign(P521, hashes.SHA512())
        .public_bytes(serialization.Encoding.DER)
    )


def test_ed521_is_never_verified() -> None:
    signed = texts(version="6.0", signature=bytes(range(132)))
    for keys in ({}, {"a": RAW}, {"urna": pem(P521)}):
        got = one(signed, keys).signature
        assert (got.state, got.kind) == (Signed.NOT_VERIFIABLE, "Ed521")
    assert one(texts(signature=bytes(132)), {"a": RAW}).signature.state is Signed.FAILED  # not in VRQR 1.5
    assert one(texts(version="6.0", signature=bytes(64)), {"a": RAW}).signature.state is Signed.FAILED


HOSTILE = {
    "huge": texts(DATA + " 93:1" * 2000),
    "many": texts() * 2001,
    "not of the alphabet": texts(DATA.replace("UNFE:XX", "UNFE:Ñü")),
    "digits of another script": texts(DATA.replace("APTO:300", "APTO:٣٠٠")),
    "control characters": texts(DATA.replace("UNFE:XX", "UNFE:X\x00")),
    "negative": texts(DATA.replace("91:140", "91:-140")),
    "negative count": texts(DATA.replace("NULO:60", "NULO:-60")),
    "fraction": texts(DATA.replace("NULO:60", "NULO:6.5")),
    "enormous": texts(DATA.replace("NULO:60", "NULO:60000000000000")),
    "header twice": texts(DATA.replace("ZONA:5", "ZONA:5 ZONA:6")),
    "count twice": texts(DATA.replace("NULO:60", "NULO:60 NULO:61")),
    "candidate twice": texts(DATA.replace("92:80", "92:80 92:80")),
    "candidate of two parties": texts(DATA.replace("PART:92", "PART:92 9101:3")),
    "party twice": texts(DATA.replace("PART:92 LEGP", "PART:91 LEGP")),
    "party without end": texts(DATA.replace("TOTP:25 ", "")),
    "legend of no party": texts(DATA.replace("91:140", "LEGP:3 91:140")),
    "office twice": texts(f"{DATA} {OFFICES}"),
    "office within an office": texts(DATA.replace("NULO:60", "CARG:3")),
    "office without total": texts(DATA.removesuffix(" TOTC:250")),
    "office without blank": texts(DATA.replace("BRAN:40 ", "")),
    "no office": texts(HEADER),
    "no election": texts(DATA.replace("IDEL:201 ", "")),
    "no station": texts(DATA.replace("SECA:67 ", "")),
    "two blanks": texts(DATA.replace("ZONA:5", " ZONA:5")),
    "no value": texts(DATA.replace("ZONA:5", "ZONA:")),
    "no key": texts(DATA.replace("ZONA:5", ":5")),
    "newer version": texts(version="7.0"),
    "part 0": [texts()[0].replace("QRBU:1:1", "QRBU:0:1")],
    "part 3 of 2": [texts()[0].replace("QRBU:1:1", "QRBU:3:2")],
    "cut off": [texts()[0][:-5]],
    "signed too early": [t + " ASSI:00" for t in texts(parts=2)],
    "two first parts of one kind": [
        *texts(parts=2),
        *texts(DATA.replace("APTO:300", "APTO:301"), parts=2)[:1],
    ],
    "only the head": ["QRBU:1:1"],
    "only the mark": ["QRBU:"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_end_in_one_sentence(name: str) -> None:
    if name == "two first parts of one kind":
        assert [b.chain_broken_at for b in bulletins(HOSTILE[name])] == [None, 2]
        return
    with pytest.raises(BadBulletin) as e:
        bulletins(HOSTILE[name])
    message = str(e.value)
    assert 20 < len(message) < 300 and "\n" not in message and message.replace("…", "").isascii()
    assert re.search(r"[;,] (read|give|photograph|key|a QR)", message), message


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_texts_never_do_anything_else(data: st.DataObject) -> None:
    codes = texts(parts=2)
    text = codes[data.draw(st.integers(0, 1))]
    a, b = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    piece = data.draw(
        st.one_of(st.text(max_size=12), st.sampled_from(["", text[a:b] * 3, " PART:1 ", " TOTC:0 "]))
    )
    try:
        got = bulletins([*codes, text[:a] + piece + text[b:]])
    except BadBulletin as e:
        assert "\n" not in str(e)
    else:
        assert got


def test_hostile_certificates_are_no_certificates() -> None:
    signed = texts(version="6.0", signature=P521.sign(b"else", ec.ECDSA(hashes.SHA512())))
    for text in (
        "QRCE:1:1 IDUE:999001 CERT:00",
        "QRCE:1:1 CERT:ABC",
        "QRCE:",
        "QRCE:9:1 IDUE:999001 CERT:FF",
    ):
        assert one([*signed, text]).signature.state is Signed.NO_KEY
    assert one([*signed, f"QRCE:1:1 CERT:{own_certificate().hex().upper()}"]).signature.state is Signed.NO_KEY


def test_a_key_of_a_later_edition_is_told() -> None:
    bulletin = one(texts(DATA.replace("FALT:50", "FALT:50 NOVO:7").replace("NULO:60", "NULO:60 NOVA:8")))
    assert bulletin.unknown == ("NOVO", "NOVA") and bulletin.header["NOVO"] == "7"


def test_the_real_texts(real_data: Path) -> None:
    examples = json.loads((real_data / "codes" / "br-bu" / "bu_qr_examples.json").read_text())
    assert len(examples) == 7 and sum(map(len, examples.values())) == 9
    for name, codes in examples.items():
        bulletin = one(codes[::-1])
        assert bulletin.chain_broken_at is None, name
        assert all(c.holds for c in bulletin.checks), name
        assert bulletin.unknown == ()
        state = Signed.NOT_VERIFIABLE if bulletin.version == "6.0" else Signed.NO_KEY
        assert bulletin.signature.state is state
    assert len(bulletins([t for codes in examples.values() for t in codes])) == 7
    runoff = one(next(c for n, c in examples.items() if n.startswith("2022_REAL")))
    assert {o.name: dict(o.votes) for o in runoff.offices} == {
        "governador": {10: 223, 13: 40},
        "presidente": {13: 45, 22: 225},
    }
