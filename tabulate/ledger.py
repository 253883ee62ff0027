"""The ledger: an append-only, hash-chained record of everything that happened. Nothing else is ever the truth.

Each entry has a number without gaps, a time, a kind, an actor, a subject (mostly a SHA-256, to find it again), a body
in JSON, the hash of the entry before it, and its own hash: SHA-256 over the canonical JSON of all of these. Whoever
keeps the last hash can tell whether anything before it was changed, removed or put in between.

Written through SQLAlchemy Core: SQLite in WAL mode by default, PostgreSQL by URL. One writer at a time holds a lock
row, so entries of several processes form one chain.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ocr.errors import CotejoError, MachineError
from tabulate.migrations import LEDGER, LOCK, migrate

START = "0" * 64  # what the first entry names as the hash before it
_WAIT_S = 30
_HASHED = ("seq", "at", "kind", "actor", "subject", "body", "prev")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `at` is UTC in ISO 8601; `body` is plain JSON."""

    seq: int
    at: str
    kind: str
    actor: str
    subject: str
    body: dict[str, Any]
    prev: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What `Ledger.verify` found. `head` is the hash of the last entry; `problems` are sentences, none if all is well."""

    entries: int
    head: str
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the chain holds."""
        return not self.problems


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, UTF-8; NaN and infinity are refused with ValueError."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def entry_hash(*, seq: int, at: str, kind: str, actor: str, subject: str, body: str, prev: str) -> str:
    """SHA-256 over the canonical JSON array of an entry's parts, `body` as its own canonical text."""
    return sha256(canonical([seq, at, kind, actor, subject, body, prev]).encode()).hexdigest()


def utc_now() -> datetime:
    """The time now; the one place where the ledger looks at a clock."""
    return datetime.now(UTC)


class Writer:
    """Appends entries inside one transaction, while no other process can. Made by `Ledger.writing`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        row = connection.execute(
            sa.select(LEDGER.c.seq, LEDGER.c.hash).order_by(LEDGER.c.seq.desc()).limit(1)
        ).first()
        self._seq: int = row.seq if row else 0
        self._head: str = row.hash if row else START

    def entries(self, *kinds: str, subject: str | None = None) -> list[Entry]:
        """The entries so far of these kinds and that subject, in order."""
        return [_entry(row) for row in self._connection.execute(_query(kinds, subject, 0))]

    def append(
        self, kind: str, body: dict[str, Any], *, actor: str, subject: str = "", at: datetime | None = None
    ) -> Entry:
        """Add one entry; see `Ledger.append`."""
        at = at or utc_now()
        if at.tzinfo is None:
            raise CotejoError(f"the time {at} has no zone; give it in UTC")
        when = at.astimezone(UTC).isoformat(timespec="microseconds")
        body_text = canonical(body)
        seq, prev = self._seq + 1, self._head
        digest = entry_hash(
            seq=seq, at=when, kind=kind, actor=actor, subject=subject, body=body_text, prev=prev
        )
        self._connection.execute(
            LEDGER.insert().values(
                seq=seq,
                at=when,
                kind=kind,
                actor=actor,
                subject=subject,
                body=body_text,
                prev=prev,
                hash=digest,
            )
        )
        self._seq, self._head = seq, digest
        # Through JSON, so that the caller holds what a later reader will see.
        return Entry(seq, when, kind, actor, subject, json.loads(body_text), prev, digest)


class Ledger:
    """The ledger of one mission.

    Parameters
    ----------
    url : str
        SQLAlchemy database URL, e.g. ``sqlite:////folder/ledger.sqlite`` or ``postgresql+psycopg://host/name``.

    Raises
    ------
    CotejoError
        If the URL is wrong, or a newer version of the program wrote the ledger.
    MachineError
        If the database cannot be opened.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = sa.make_url(url)
            self._engine = sa.create_engine(parsed, **_arguments(parsed))
        except (ArgumentError, NoSuchModuleError, ImportError) as e:
            raise CotejoError(
                f"the ledger's database URL cannot be used ({e}); correct `ledger` in mission.toml"
            ) from None
        self.name = (
            parsed.database
            if parsed.get_backend_name() == "sqlite"
            else parsed.render_as_string(hide_password=True)
        )
        if parsed.get_backend_name() == "sqlite":
            sa.event.listen(self._engine, "connect", _set_up_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        try:
            with self._guard("opened"), self._connect(write=True) as connection, connection.begin():
                migrate(connection)
        except CotejoError:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def append(
        self, kind: str, body: dict[str, Any], *, actor: str, subject: str = "", at: datetime | None = None
    ) -> Entry:
        """Add one entry and return it; when this returns, the entry is on the disk.

        Parameters
        ----------
        kind : str
            What happened, e.g. ``photo-received``.
        body : dict
            Plain JSON.
        actor : str
            Who did it.
        subject : str
            What it is about, to find it again: mostly a SHA-256.
        at : datetime, optional
            When; with a zone. Default: now.

        Raises
        ------
        MachineError
            If it could not be written; then nothing was.
        """
        with self.writing() as writer:
            return writer.append(kind, body, actor=actor, subject=subject, at=at)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Look and append in one transaction: all of it happens, or none, and no other process gets in between."""
        with self._guard("written"), self._connect(write=True) as connection, connection.begin():
            # On SQLite, BEGIN IMMEDIATE has locked already and FOR UPDATE is left out by SQLAlchemy.
            connection.execute(sa.select(LOCK.c.id).with_for_update()).all()
            yield Writer(connection)

    def entries(self, *kinds: str, subject: str | None = None, after: int = 0) -> Iterator[Entry]:
        """The entries of these kinds (all, if none is named), in order, a few at a time."""
        with self._guard("read"), self._connect() as connection:
            rows = connection.execution_options(yield_per=500).execute(_query(kinds, subject, after))
            for row in rows:
                yield _entry(row)

    def last(self, *kinds: str, subject: str | None = None) -> Entry | None:
        """The latest entry of these kinds; None if there is none."""
        query = _query(kinds, subject, 0).order_by(None).order_by(LEDGER.c.seq.desc()).limit(1)
        with self._guard("read"), self._connect() as connection:
            row = connection.execute(query).first()
        return _entry(row) if row else None

    def subjects(self, *kinds: str) -> set[str]:
        """The subjects of all entries of these kinds, without loading the bodies."""
        query = sa.select(LEDGER.c.subject).where(LEDGER.c.kind.in_(kinds)).distinct()
        with self._guard("read"), self._connect() as connection:
            return {row.subject for row in connection.execute(query)}

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry; (0, 64 zeros) if there is none."""
        last = self.last()
        return (last.seq, last.hash) if last else (0, START)

    def verify(self, head: str | None = None) -> Verification:
        """Recompute the whole chain.

        Parameters
        ----------
        head : str, optional
            A hash that somebody kept earlier; it must still be in the chain.
        """
        problems: list[str] = []
        count, prev, found = 0, START, head is None
        with self._guard("read"), self._connect() as connection:
            for row in connection.execution_options(yield_per=500).execute(_query((), None, 0)):
                count += 1
                if row.seq != count:
                    problems.append(
                        f"entry {row.seq} stands where entry {count} must be; entries were removed or added"
                    )
                    count = row.seq
                if row.prev != prev:
                    problems.append(f"entry {row.seq} does not follow from the entry before it")
                if entry_hash(**{name: getattr(row, name) for name in _HASHED}) != row.hash:
                    problems.append(
                        f"entry {row.seq} was changed after it was written; its hash does not fit"
                    )
                prev = row.hash
                found = found or row.hash == head
        if not found:
            problems.append(f"no entry has the hash {head}; the ledger was cut off or written again")
        return Verification(count, prev, tuple(problems))

    def _connect(self, write: bool = False) -> sa.Connection:
        return self._engine.connect().execution_options(cotejo_write=write)

    @contextmanager
    def _guard(self, verb: str) -> Iterator[None]:
        """Turn the database's errors into one sentence."""
        try:
            yield
        except (DBAPIError, SQLAlchemyError) as e:
            cause = str(getattr(e, "orig", None) or e).strip().splitlines()[0].rstrip(".")
            raise MachineError(
                f"the ledger {self.name} could not be {verb} ({cause}); {_remedy(cause)}"
            ) from None


def _query(kinds: Iterable[str], subject: str | None, after: int) -> sa.Select[Any]:
    query = sa.select(LEDGER).order_by(LEDGER.c.seq)
    kinds = tuple(kinds)
    if kinds:
        query = query.where(LEDGER.c.kind.in_(kinds))
    if subject is not None:
        query = query.where(LEDGER.c.subject == subject)
    return query.where(LEDGER.c.seq > after) if after else query


def _entry(row: Any) -> Entry:
    return Entry(row.seq, row.at, row.kind, row.actor, row.subject, json.loads(row.body), row.prev, row.hash)


def _arguments(url: sa.URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # Transactions are begun by `_begin_sqlite`; the driver's own way begins them too late to be safe.
        return {"connect_args": {"timeout": _WAIT_S, "isolation_level": None}}
    return {"pool_pre_ping": True}


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    try:
        _to_wal(cursor)
        cursor.execute("PRAGMA synchronous=FULL")  # in WAL mode only FULL survives a power cut
    finally:
        cursor.close()


def _to_wal(cursor: Any) -> None:
    # SQLite does not wait here when two processes switch a new file at once: to upgrade a lock could deadlock.
    until = time.monotonic() + _WAIT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("cotejo_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _remedy(cause: str) -> str:
    remedies = {
        "full": "free space on the disk and run it again, nothing was half-written",
        "readonly": "give this user the right to write there",
        "unable to open": "check that the folder exists and can be written",
        "locked": "another program holds it, end that and run it again",
        "not a database": "the file is damaged, restore it from a copy",
        "malformed": "the file is damaged, restore it from a copy",
    }
    return next((r for word, r in remedies.items() if word in cause), "check the database and run it again")
