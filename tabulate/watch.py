"""``cotejo watch``: new official files are taken in as they are dropped into a folder, each once, and silence is noted.

A file is read when its size and time of change have stayed the same from one look to the next, and only if they are still the same
after reading; the bytes read are the bytes kept. Its time is the one in its name (in the mission's zone), or else that of its
last change, and which of the two is said. A file that cannot be used is noted with its reason, and its bytes are kept.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from ocr.errors import CotejoError, MachineError
from tabulate.feed import NOTED, record, refused_or_repeated
from tabulate.ledger import utc_now
from tabulate.mission import Mission
from tabulate.name_time import time_of
from tabulate.official.source import MAX_BYTES, file_sha256
from tabulate.snapshots import IMPORTED, import_snapshot

_UNFINISHED = (".part", ".tmp", ".crdownload", ".partial", "~")


class Stamp(NamedTuple):
    """How a file looks from outside."""

    size: int
    changed: int


class Watch:
    """A folder, and what of it has been looked at.

    Parameters
    ----------
    format
        Id of an official format, or ``auto``.
    """

    def __init__(self, mission: Mission, folder: Path, *, format: str = "auto", actor: str = "watch") -> None:
        if not folder.is_dir():
            raise CotejoError(f"there is no folder {folder} to watch; make it or name another")
        self.mission, self.folder, self.format, self.actor = mission, folder, format, actor
        self._seen: dict[str, Stamp] = {}
        self._done: dict[str, Stamp] = {}

    def look(self, now: datetime | None = None) -> list[dict[str, Any]]:
        """Look once: take in what has come to rest since the last look.

        Returns
        -------
        list of dict
            For each file ``name``, ``status`` (``new``, ``already here``, ``refused``), ``taken_at``, ``time_from`` (name or mtime),
            ``snapshot``, ``sha256``, ``reason``; then each new note with ``note`` (its sentence) and ``kind``.
        """
        reports = []
        stamps = self._stamps()
        for name, stamp in sorted(stamps.items()):
            if self._seen.get(name) == stamp and self._done.get(name) != stamp:
                report = self._take(name, stamp)
                if report is not None:
                    self._done[name] = stamp
                    reports.append(report)
        self._seen = stamps
        for note in record(self.mission, actor=self.actor, now=now or utc_now()):
            reports.append({"status": "noted", **note})
        return reports

    def _stamps(self) -> dict[str, Stamp]:
        found = {}
        try:
            for path in self.folder.iterdir():
                if path.name.startswith(".") or path.name.endswith(_UNFINISHED) or path.is_symlink():
                    continue
                if path.is_file():
                    seen = path.stat()
                    found[path.name] = Stamp(seen.st_size, seen.st_mtime_ns)
        except FileNotFoundError:
            pass  # taken away between two looks; the next one sees what is left
        except OSError as e:
            raise MachineError(
                f"{self.folder} cannot be read ({e.strerror}); check the disk and its permissions"
            ) from None
        return found

    def _take(self, name: str, stamp: Stamp) -> dict[str, Any] | None:
        """Take one file in; None if it is still changing."""
        path = self.folder / name
        try:
            at, source = time_of(path, self.mission.settings.mission.timezone)
            data = path.read_bytes() if stamp.size <= MAX_BYTES else b""
            after = path.stat()
        except OSError:
            return None
        if Stamp(after.st_size, after.st_mtime_ns) != stamp:
            return None
        said: dict[str, Any] = {"name": name, "taken_at": at.isoformat(), "time_from": source}
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / name
            copy.write_bytes(data)
            sha = file_sha256(copy)
            said["sha256"] = sha
            known = self._known(sha, name)
            if known is not None:
                return said | known
            try:
                if stamp.size > MAX_BYTES:
                    raise CotejoError(f"it has {stamp.size} bytes, more than the {MAX_BYTES} that are read")
                receipt = import_snapshot(self.mission, copy, format=self.format, at=at, actor=self.actor)
            except CotejoError as e:
                if isinstance(e, MachineError):
                    raise
                reason = str(e).replace(f"{folder}/", "")
                blob = self.mission.blobs.put(data)
                note = refused_or_repeated("refused", name, blob, at, reason=reason)
                record(self.mission, actor=self.actor, more=[note])
                return said | {"status": "refused", "reason": reason}
        return said | {
            k: receipt[k] for k in ("status", "snapshot", "format", "verified", "stations", "problems")
        }

    def _known(self, sha: str, name: str) -> dict[str, Any] | None:
        """What to say of bytes that came before; they are never taken twice."""
        ledger = self.mission.ledger
        entry = ledger.last(IMPORTED, subject=sha)
        if entry is not None:
            snapshot = entry.body["snapshot"]
            if entry.body["name"] != name:
                note = refused_or_repeated("repeated", name, sha, snapshot=snapshot)
                record(self.mission, actor=self.actor, more=[note])
            return {"status": "already here", "snapshot": snapshot}
        refused = ledger.last(NOTED, subject=sha)
        if refused is not None and refused.body["kind"] == "refused":
            return {"status": "refused", "reason": refused.body["numbers"]["reason"]}
        return None


def watch(
    watching: Watch, *, every: float, looks: int | None = None, sleep: Callable[[float], None] = time.sleep
) -> Iterator[dict[str, Any]]:
    """Look again and again.

    Parameters
    ----------
    every
        Seconds between two looks.
    looks
        How often; None: until interrupted.
    """
    done = 0
    while looks is None or done < looks:
        if done:
            sleep(every)
        yield from watching.look()
        done += 1
