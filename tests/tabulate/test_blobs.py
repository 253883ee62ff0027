"""Original bytes: written once, whole or not at all, and checked when read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocr.errors import CotejoError, MachineError
from tabulate.blobs import Blobs, sha256


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def test_written_once_and_given_back(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    sha = blobs.put(b"acta")
    path = tmp_path / "blobs" / sha[:2] / sha
    before = path.stat()
    assert blobs.put(b"acta") == sha == sha256(b"acta")
    assert path.stat().st_mtime_ns == before.st_mtime_ns and path.stat().st_ino == before.st_ino
    assert not path.stat().st_mode & 0o222
    assert blobs.get(sha) == b"acta" and sha in blobs and list(blobs) == [sha] and blobs.verify() == []
    assert files(tmp_path) == [sha]


def test_damage_is_seen_and_mended_when_the_bytes_come_again(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    sha = blobs.put(b"acta")
    path = blobs.path(sha)
    path.chmod(0o644)
    path.write_bytes(b"bcta")
    with pytest.raises(MachineError, match="was damaged"):
        blobs.get(sha)
    assert len(blobs.verify()) == 1
    assert blobs.put(b"acta") == sha and blobs.get(sha) == b"acta"
    assert files(tmp_path) == [sha, f"{sha}.damaged"] and list(blobs) == [sha]


def test_only_a_hash_becomes_a_path(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "ABC", "", "a" * 63):
        with pytest.raises(CotejoError, match="is not a SHA-256"):
            Blobs(tmp_path).path(name)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CotejoError, match="is missing; restore"):
        Blobs(tmp_path).get("0" * 64)


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    blobs = Blobs(tmp_path / "blobs")
    with monkeypatch.context() as m:
        if call == "fsync":
            m.setattr(os, "fsync", full)
        else:
            m.setattr(Path, "replace", full)
        with pytest.raises(MachineError, match=r"No space left on device.*free space") as e:
            blobs.put(b"acta")
    assert "\n" not in str(e.value)
    assert files(tmp_path) == []
    assert blobs.get(blobs.put(b"acta")) == b"acta"
