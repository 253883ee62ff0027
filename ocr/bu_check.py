"""Is a boletim de urna whole and its machine's? The chain of hashes, and the signature where there is a key.

Part n of a boletim ends in HASH, the SHA-512 of everything up to there: ``data1``, then ``data1 HASH:hash1 data2``, and
so on, the headers QRBU, VRQR and VRCH left out. The chain needs no key: it says that no part was misread, lost or
changed alone, and nothing about who made it. The last part's ASSI signs the last hash:

- VRQR 1.5: Ed25519 over its 64 bytes, one key for each state and phase, which the TSE publishes;
- VRQR 6.0: the machine's own key over the SHA-512 of these bytes. Machines of 2013 and 2015 have ECDSA on P-521. Those
  of 2020 and 2022 have Ed521 (E-521), which no library here can check: that is said, and never counts as verified.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

ED25519_BYTES, ED521_BYTES = 64, 132
_PUBLISHED = re.compile(r"([a-z])([a-z]{2})qrcode\.pub")  # the TSE's names: phase, state
_DATED = re.compile(r"\d{8}")
_KINDS = {"LEG": "LEGAL", "COM": "COMUNITARIA"}


OWN = "own certificate"


class Signed(StrEnum):
    """What is known of a signature."""

    VERIFIED = "verified"
    SELF_SIGNED = "own-certificate"  # it holds by the certificate that came along, which anybody can make
    FAILED = "failed"
    NO_KEY = "no-key"
    NOT_VERIFIABLE = "not-verifiable"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature's state, its kind (``Ed25519``, ``ECDSA P-521``, ``Ed521``) and, where one was used, the key.

    `key` is the name of a given key, or ``own certificate``: the one that the boletim brings along, whose issuer nobody has checked.
    """

    state: Signed
    kind: str
    key: str | None = None


def broken_at(data: Sequence[str], stated: Sequence[str]) -> int | None:
    """The first part, from 1, whose stated hash is not that of what stands before it; None if the chain holds.

    Parameters
    ----------
    data : sequence of str
        Of each part in order: its text between the headers and HASH.
    stated : sequence of str
        Of each part: its HASH, 128 upper-case hexadecimal digits.
    """
    text = ""
    for number, (part, said) in enumerate(zip(data, stated, strict=True), 1):
        text += f" {part}" if text else part
        if hashlib.sha512(text.encode()).hexdigest().upper() != said:
            return number
        text += f" HASH:{said}"
    return None


def check_signature(
    version: str,
    header: Mapping[str, str],
    last_hash: str,
    signature: str | None,
    *,
    keys: Mapping[str, bytes],
    certificate: bytes | None = None,
) -> Signature:
    """Check the signature of a boletim.

    Parameters
    ----------
    version : str
        VRQR.
    header : mapping
        The boletim's header, with VRCH if it has one.
    last_hash, signature : str
        HASH and ASSI of the last part, hexadecimal.
    keys : mapping of str to bytes
        Public keys by name: 32 raw bytes, PEM or DER, or a certificate. A key with the name that the TSE gives its files
        (``20180830/LEGAL/ospqrcode.pub``) is used only for boletins of that state, phase and, if its folders say so, version and
        kind; one with any other name for all.
    certificate : bytes, optional
        The boletim's own, PEM or DER.
    """
    if signature is None:
        return Signature(Signed.MISSING, "none")
    signed = bytes.fromhex(signature)
    kind = _kind(version, signed)
    if kind == "Ed521":
        return Signature(Signed.NOT_VERIFIABLE, kind)
    if kind is None:
        return Signature(Signed.FAILED, f"{len(signed)} bytes of no known kind")
    usable = [(name, _load(key)) for name, key in sorted(keys.items()) if _is_for(name, header)]
    if certificate is not None:
        usable.append((OWN, _load(certificate)))
    wanted = ed25519.Ed25519PublicKey if kind == "Ed25519" else ec.EllipticCurvePublicKey
    tried = [(name, key) for name, key in usable if isinstance(key, wanted)]
    for name, key in tried:
        if _holds(key, signed, bytes.fromhex(last_hash)):
            given = name != OWN
            return Signature(Signed.VERIFIED if given else Signed.SELF_SIGNED, kind, name)
    return Signature(Signed.FAILED if tried else Signed.NO_KEY, kind, tried[0][0] if tried else None)


def _kind(version: str, signature: bytes) -> str | None:
    if version == "1.5":
        return "Ed25519" if len(signature) == ED25519_BYTES else None
    if len(signature) == ED521_BYTES:
        return "Ed521"
    try:
        utils.decode_dss_signature(signature)
    except ValueError:
        return None
    return "ECDSA P-521"


def _is_for(name: str, header: Mapping[str, str]) -> bool:
    *folders, file = name.replace("\\", "/").split("/")
    published = _PUBLISHED.fullmatch(file.lower())
    if published is None:
        return True
    if published.groups() != (header.get("FASE", "").lower(), header.get("UNFE", "").lower()):
        return False
    dates = [f for f in folders if _DATED.fullmatch(f)]
    kinds = [f.upper() for f in folders if f.upper() in _KINDS.values()]
    return all(d == header.get("VRCH") for d in dates) and all(
        k == _KINDS.get(header.get("ORLC", "")) for k in kinds
    )


def _load(key: bytes) -> object:
    """The public key in any of the ways it may be written; None if it is none."""
    if len(key) == 32:
        return ed25519.Ed25519PublicKey.from_public_bytes(key)
    for load in (
        serialization.load_pem_public_key,
        serialization.load_der_public_key,
        lambda data: x509.load_pem_x509_certificate(data).public_key(),
        lambda data: x509.load_der_x509_certificate(data).public_key(),
    ):
        try:
            found: object = load(key)
            return found
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
            continue
    return None


def _holds(key: object, signature: bytes, last_hash: bytes) -> bool:
    message = hashlib.sha512(last_hash).digest()
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _verifies(lambda: key.verify(signature, last_hash))
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP521R1):
        # The manual does not say whether the machine's library hashes the message once more; either binds the key to it.
        once, again = ec.ECDSA(utils.Prehashed(hashes.SHA512())), ec.ECDSA(hashes.SHA512())
        if _verifies(lambda: key.verify(signature, message, once)):
            return True
        return _verifies(lambda: key.verify(signature, message, again))
    return False


def _verifies(check: Callable[[], None]) -> bool:
    try:
        check()
    except InvalidSignature:
        return False
    return True
