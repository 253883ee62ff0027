"""Brazil's boletins de urna from files: photos, PDFs, or texts of their QR codes; no mission needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocr.bu import Bulletin, bulletins
from ocr.bu_parts import is_part
from ocr.bu_words import office_name
from ocr.errors import CotejoError
from tabulate import show

MAX_TEXT = 5_000_000  # bytes of a file of texts


def read_boletins(files: Sequence[Path], keys: Path | None = None) -> list[Bulletin]:
    """Every boletim in the files; its parts may be on any of them.

    Parameters
    ----------
    files : sequence of Path
        Photos and PDFs, or text files with the text of one QR code a line.
    keys : Path, optional
        A folder of public keys, by the names that the TSE gives them (see `ocr.bu_check`).

    Raises
    ------
    CotejoError
        If a file or a key cannot be read, or there is no boletim, or one is not whole.
    """
    given = _keys(keys) if keys is not None else {}
    texts = [text for path in files for text in _texts(path)]
    return bulletins(dict.fromkeys(texts), given)


def tell(bulletin: Bulletin) -> None:
    """Print a boletim for people."""
    h = bulletin.header
    chain = bulletin.chain_broken_at
    signature = bulletin.signature
    show.table(
        f"Boletim de urna: município {h['MUNI']}, zona {h['ZONA']}, seção {h['SECA']} ({h['UNFE']})",
        ["what", ""],
        [
            ("phase", h["FASE"] if h["FASE"] != "O" else "O (official)"),
            ("chain of hashes", "holds" if chain is None else f"broken at part {chain}"),
            (
                "signature",
                f"{signature.state} ({signature.kind}{f', {signature.key}' if signature.key else ''})",
            ),
            *((key, h[key]) for key in ("ORIG", "PLEI", "TURN", "DTPL", "APTO", "COMP", "FALT") if key in h),
        ],
    )
    for office in bulletin.offices:
        rows = [(str(number), votes) for number, votes in office.votes.items()]
        rows += [(f"legenda {p.number}", p.legend) for p in office.parties if p.legend]
        rows += [(key, value) for key, value in office.counts.items()]
        show.table(office_name(office.code)[1], ["number", "votes"], rows, right=[1])
    for check in bulletin.checks:
        if not check.holds:
            show.say(f"does not add up: {check.name}, {check.left} against {check.right}")
    if bulletin.repeated:
        show.say(f"came more than once: part {', '.join(map(str, bulletin.repeated))}")


def _texts(path: Path) -> list[str]:
    from ocr.form import load_forms
    from ocr.read import read_all

    if not path.is_file():
        raise CotejoError(f"there is no file at {path}; check the path")
    with path.open("rb") as stream:
        start = stream.read(MAX_TEXT + 1)
    try:
        lines: list[Any] = start.decode("utf-8").splitlines() if len(start) <= MAX_TEXT else []
    except UnicodeDecodeError:
        lines = []
    found = [line.strip() for line in lines if is_part(line.strip())]
    if found:
        return found
    forms = {name: f for name, f in load_forms().items() if any(c.whole == "tse-bu" for c in f.codes)}
    readings = read_all(path, forms, file=path.name)
    return [code.text for r in readings for code in r.codes if is_part(code.text)]


def _keys(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise CotejoError(f"there is no folder of keys at {folder}; check the path")
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
