"""A photo arrives: it is checked, stored under its SHA-256, recorded, and the sender gets a receipt.

Photos come as bytes (an upload), files, folders, PDFs and ZIP archives. Only cheap things are checked here: whether the
file is a picture at all and not too large. Whether it is a readable acta is for the reader. What is refused is
recorded with its reason; if it may be a picture after all, its original is kept too.

The same bytes for the same station count once, however often they arrive. The same bytes for another station are a
second filing, which is recorded and looked at by a person.
"""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from ocr.errors import CotejoError
from tabulate.blobs import sha256
from tabulate.ledger import Entry
from tabulate.mission import Mission

RECEIVED, REFUSED = "photo-received", "photo-refused"
_MAX_NAME = 300
# Photos hardly compress; a member that shrinks to a hundredth is no photo.
_MAX_RATIO = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one file.

    Attributes
    ----------
    status : str
        ``new``; ``already here`` (counted once); ``also filed for`` (the same photo, a further station); ``refused``.
    seq, hash : int, str
        The ledger entry that records it: whoever keeps these can prove later that it arrived.
    others : tuple of str
        Stations that the same photo was filed for before.
    reason, message : str or None
        Why it was refused: short identifier and sentence.
    """

    name: str
    photo: str | None
    status: Literal["new", "already here", "also filed for", "refused"]
    station_id: str | None
    seq: int
    hash: str
    at: str
    others: tuple[str, ...] = ()
    reason: str | None = None
    message: str | None = None


class _Refusal(Exception):
    """Why a file is refused; `keep` if it may be a picture after all."""

    def __init__(self, reason: str, message: str, keep: bool = False) -> None:
        super().__init__(message)
        self.reason, self.message, self.keep = reason, message, keep


def receive(
    mission: Mission,
    data: bytes,
    name: str,
    *,
    actor: str,
    source: str = "upload",
    station: str | None = None,
    container: str | None = None,
    at: datetime | None = None,
) -> Receipt:
    """Take in one photo, scan or PDF.

    Parameters
    ----------
    name : str
        As the sender calls it; for people, and for `intake.claim_pattern`. It never becomes a path.
    station : str, optional
        The station that the sender says it is of; default: what the claim pattern finds in the name.
    container : str, optional
        The archive it came in.

    Raises
    ------
    MachineError
        If it could not be stored or recorded; then send it again, nothing is half-written.
    """
    shown = _shown(name)
    station = (station or "").strip() or claim(mission, name)
    body: dict[str, object] = {"name": shown, "station_id": station, "source": source, "container": container}
    try:
        kind, pages = _check(mission, data, shown)
    except _Refusal as e:
        photo = mission.blobs.put(data) if e.keep else sha256(data)
        return _refuse(mission, body, e, actor=actor, at=at, photo=photo, size=len(data))
    photo = mission.blobs.put(data)
    with mission.ledger.writing() as writer:
        before = writer.entries(RECEIVED, subject=photo)
        claims = {e.body["station_id"] for e in before}
        status: Literal["new", "already here", "also filed for"] = "new"
        if before:
            status = "already here" if station is None or station in claims else "also filed for"
        body |= {"bytes": len(data), "kind": kind, "pages": pages, "status": status}
        entry = writer.append(RECEIVED, body, actor=actor, subject=photo, at=at)
    others = tuple(sorted(c for c in claims if c is not None and c != station))
    return Receipt(shown, photo, status, station, entry.seq, entry.hash, entry.at, others)


def ingest(
    mission: Mission,
    paths: Sequence[Path | str],
    *,
    actor: str,
    source: str = "folder",
    station: str | None = None,
    at: datetime | None = None,
    on_receipt: Callable[[Receipt], None] | None = None,
) -> list[Receipt]:
    """Take in files, folders (with all below them) and ZIP archives, in a fixed order.

    Raises
    ------
    CotejoError
        If a path does not exist; then nothing is taken in.
    MachineError
        If the disk or database fails; what has a receipt is safe, and running it again goes on.
    """
    places = [Path(p) for p in paths]
    for path in places:
        if not path.exists():
            raise CotejoError(f"{path} does not exist; check the path, nothing was taken in")
    mission.record_settings(actor)
    receipts = []
    for path in places:
        for file, name in _files(path):
            for receipt in _take(mission, file, name, actor=actor, source=source, station=station, at=at):
                receipts.append(receipt)
                if on_receipt:
                    on_receipt(receipt)
    return receipts


def claim(mission: Mission, name: str) -> str | None:
    """The station that a file's name claims by the mission's pattern; tried on the bare name, then on the whole path."""
    pattern = mission.settings.intake.claim_pattern
    if pattern is None:
        return None
    path = name.replace("\\", "/").rsplit(".", 1)[0]
    match = re.search(pattern, path.rsplit("/", 1)[-1]) or re.search(pattern, path)
    return (match["station"] or "").strip() or None if match else None


def kind_of(data: bytes) -> str | None:
    """What the first bytes say that the file is; None for what is no picture, PDF or ZIP."""
    starts = {
        b"\xff\xd8\xff": "jpeg",
        b"\x89PNG\r\n\x1a\n": "png",
        b"II*\x00": "tiff",
        b"MM\x00*": "tiff",
        b"PK\x03\x04": "zip",
        b"PK\x05\x06": "zip",
        b"BM": "bmp",
        b"GIF8": "gif",
    }
    for start, kind in starts.items():
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"msf1", b"heim", b"avif"):
        return "heic"
    return "pdf" if b"%PDF-" in data[:1024] else None


def _check(mission: Mission, data: bytes, name: str) -> tuple[str, int]:
    """Kind and number of pages of a file that may be an acta; else `_Refusal`."""
    limits = mission.settings.intake
    if not data:
        raise _Refusal("empty", f"{name} is empty; send it again")
    if len(data) > limits.max_bytes:
        raise _Refusal("too-large", _too_large(name, len(data), limits.max_bytes))
    kind = kind_of(data)
    if kind is None:
        raise _Refusal(
            "not-a-picture", f"{name} is not a picture or PDF, whatever its name says; send the photo itself"
        )
    if kind == "zip":
        raise _Refusal(
            "nested-zip", f"{name} is an archive where a photo should be; unpack it and send what is in it"
        )
    if kind in ("heic", "bmp", "gif"):
        raise _Refusal(
            kind,
            f"{name} is a {kind.upper()} file, which is kept but cannot be read; send it as JPEG",
            keep=True,
        )
    return kind, _pages(data, name, limits.max_pdf_pages) if kind == "pdf" else 1


def _pages(data: bytes, name: str, most: int) -> int:
    from ocr.image import Refused, page_count

    try:
        pages = page_count(data)
    except Refused as e:
        raise _Refusal(e.reason, f"{name}: {e}", keep=True) from None
    if pages > most:
        raise _Refusal(
            "too-many-pages",
            f"{name} has {pages} pages, more than {most}; send the actas in smaller files",
            keep=True,
        )
    return pages


def _too_large(name: str, size: int, most: int) -> str:
    return f"{name} has {size / 1e6:,.0f} MB, more than {most / 1e6:,.0f}; send a smaller picture or raise intake.max_bytes"


def _refuse(
    mission: Mission,
    body: dict[str, object],
    why: _Refusal,
    *,
    actor: str,
    at: datetime | None,
    photo: str | None = None,
    size: int | None = None,
) -> Receipt:
    body = body | {"reason": why.reason, "message": why.message, "kept": why.keep, "bytes": size}
    entry: Entry = mission.ledger.append(REFUSED, body, actor=actor, subject=photo or "", at=at)
    name, station = str(body["name"]), body["station_id"]
    return Receipt(
        name=name,
        photo=photo,
        status="refused",
        station_id=station if isinstance(station, str) else None,
        seq=entry.seq,
        hash=entry.hash,
        at=entry.at,
        reason=why.reason,
        message=why.message,
    )


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """The files at a path with the names to show, sorted; links and hidden files inside folders are left out."""
    if not path.is_dir():
        yield path, path.name
        return
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if file.is_file() and not file.is_symlink() and not any(p.startswith(".") for p in inside.parts):
            yield file, inside.as_posix()


def _take(
    mission: Mission,
    file: Path,
    name: str,
    *,
    actor: str,
    source: str,
    station: str | None,
    at: datetime | None,
) -> Iterator[Receipt]:
    """One file of a folder: a photo, or an archive of photos."""
    limits = mission.settings.intake
    body: dict[str, object] = {
        "name": _shown(name),
        "station_id": station or claim(mission, name),
        "source": source,
        "container": None,
    }
    try:
        with file.open("rb") as stream:
            archive = kind_of(stream.read(16)) == "zip"
        size = file.stat().st_size
        if not archive and size > limits.max_bytes:
            too_large = _Refusal("too-large", _too_large(_shown(name), size, limits.max_bytes))
            yield _refuse(mission, body, too_large, actor=actor, at=at, size=size)
            return
        data = b"" if archive else file.read_bytes()
    except OSError as e:
        unreadable = _Refusal(
            "unreadable", f"{_shown(name)} cannot be read ({e.strerror}); check its permissions"
        )
        yield _refuse(mission, body, unreadable, actor=actor, at=at)
        return
    if not archive:
        yield receive(mission, data, name, actor=actor, source=source, station=station, at=at)
        return
    for member, content in _members(mission, file, _shown(name)):
        if isinstance(content, _Refusal):
            body |= {"name": _shown(member or name), "container": _shown(name) if member else None}
            body["station_id"] = station or (claim(mission, member) if member else None)
            yield _refuse(mission, body, content, actor=actor, at=at)
        else:
            yield receive(
                mission,
                content,
                member,
                actor=actor,
                source=source,
                station=station,
                container=_shown(name),
                at=at,
            )


def _members(mission: Mission, file: Path, shown: str) -> Iterator[tuple[str, bytes | _Refusal]]:
    """The files in a ZIP, one in memory at a time; a refusal with name "" concerns the whole archive."""
    limits = mission.settings.intake
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield "", _Refusal("bad-zip", f"{shown} is a damaged ZIP archive; make it again")
        return
    with archive:
        infos = [i for i in archive.infolist() if not i.is_dir() and not _is_clutter(i.filename)]
        if len(infos) > limits.max_zip_files:
            yield (
                "",
                _Refusal(
                    "zip-too-many",
                    f"{shown} has {len(infos)} files, more than {limits.max_zip_files}; split it",
                ),
            )
            return
        total = 0
        for info in sorted(infos, key=lambda i: i.filename):
            content = _member(archive, info, limits.max_bytes)
            total += len(content) if isinstance(content, bytes) else 0
            if total > limits.max_zip_bytes:
                yield (
                    "",
                    _Refusal(
                        "zip-too-large",
                        f"{shown} unpacks to more than {limits.max_zip_bytes / 1e6:,.0f} MB; what came before {_shown(info.filename)} was taken in, split the rest",
                    ),
                )
                return
            yield info.filename, content


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes | _Refusal:
    """The bytes of one member, never more than `most`, whatever the archive says about itself."""
    name = _shown(info.filename)
    parts = info.filename.replace("\\", "/").split("/")
    if ".." in parts or info.filename.startswith(("/", "\\")) or re.match(r"^[A-Za-z]:", info.filename):
        return _Refusal(
            "zip-path", f"{name} points outside its archive; make the archive again from a plain folder"
        )
    if info.flag_bits & 0x1:
        return _Refusal("zip-encrypted", f"{name} is protected by a password; send it without one")
    if info.file_size > most:
        return _Refusal("too-large", _too_large(name, info.file_size, most))
    if info.file_size > 1_000_000 and info.file_size > _MAX_RATIO * max(info.compress_size, 1):
        return _Refusal(
            "zip-bomb",
            f"{name} unpacks to {info.file_size / max(info.compress_size, 1):,.0f} times its size, which no photo does; send the photo itself",
        )
    try:
        with archive.open(info) as stream:
            out = io.BytesIO()
            while chunk := stream.read(1 << 16):
                out.write(chunk)
                if out.tell() > most:
                    return _Refusal("too-large", _too_large(name, out.tell(), most))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError):
        return _Refusal("bad-zip", f"{name} is damaged inside its archive; send it again")
    return out.getvalue()


def _is_clutter(name: str) -> bool:
    """Files that archiving programs add by themselves. A name of dots only points outside and is refused by name."""
    parts = name.replace("\\", "/").split("/")
    return "__MACOSX" in parts or any(p.startswith(".") and p.strip(".") for p in parts)


def _shown(name: str) -> str:
    """A name that can be stored and printed anywhere."""
    clean = name.encode("utf-8", "replace").decode("utf-8").replace("\\", "/")
    return "".join(c if c.isprintable() else "?" for c in clean)[-_MAX_NAME:]
