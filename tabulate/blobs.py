"""The original bytes under their SHA-256: written once, never changed, checked whenever they are read.

``blobs/ab/abcdef...``: the name comes from the hash alone, never from a user. A file appears whole or not at all
(temporary file, fsync, rename), and is read-only from then on.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ocr.errors import CotejoError, MachineError

_SHA256 = re.compile(r"[0-9a-f]{64}")


def sha256(data: bytes) -> str:
    """SHA-256 of the bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Blobs:
    """A folder of original bytes.

    Parameters
    ----------
    folder : Path
        Where they lie; made with the first blob.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha: str) -> Path:
        """Where the blob lies, or would lie.

        Raises
        ------
        CotejoError
            If `sha` is no SHA-256: nothing else may become a path.
        """
        if not _SHA256.fullmatch(sha):
            raise CotejoError(
                f"{sha!r} is not a SHA-256 of 64 lower-case hexadecimal digits; check the number"
            )
        return self.folder / sha[:2] / sha

    def __contains__(self, sha: str) -> bool:
        return self.path(sha).is_file()

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their SHA-256. Bytes that are here already are not written again.

        Raises
        ------
        MachineError
            If they cannot be written (disk full, no permission); then nothing is left behind.
        """
        sha = sha256(data)
        path = self.path(sha)
        try:
            if path.is_file():
                if sha256(path.read_bytes()) == sha:
                    return sha
                # The disk damaged it and the true bytes are at hand: the damaged copy is set aside, not lost.
                path.rename(path.with_name(f"{sha}.damaged"))
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        except OSError as e:
            raise MachineError(
                f"{len(data):,} bytes could not be stored in {self.folder} ({e.strerror or e}); free space or mend the permissions, then send them again"
            ) from None
        return sha

    def get(self, sha: str) -> bytes:
        """The bytes of that hash.

        Raises
        ------
        CotejoError
            If they are not here.
        MachineError
            If the disk gives back other bytes than were stored.
        """
        path = self.path(sha)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise CotejoError(f"{path} is missing; restore the mission's blobs folder from a copy") from None
        except OSError as e:
            raise MachineError(f"{path} cannot be read ({e.strerror}); check the disk") from None
        if sha256(data) != sha:
            raise MachineError(
                f"{path} was damaged (its bytes do not have the hash of its name); restore it from a copy"
            )
        return data

    def __iter__(self) -> Iterator[str]:
        """All hashes, in order."""
        yield from sorted(p.name for p in self.folder.glob("[0-9a-f][0-9a-f]/*") if _SHA256.fullmatch(p.name))

    def verify(self) -> list[str]:
        """What is wrong with the stored bytes, one sentence each; empty if nothing is."""
        problems = []
        for sha in self:
            try:
                self.get(sha)
            except CotejoError as e:
                problems.append(str(e))
        return problems


def _write(path: Path, data: bytes) -> None:
    """Write the file whole or not at all, and make sure that it survives a power cut."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o444)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut, where the system offers that (Windows does not)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
