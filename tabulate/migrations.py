"""The ledger's tables and the ordered list of steps that bring an older database to the present version.

A step is never changed once it was released; a new need is a new step at the end of `MIGRATIONS`. The database says in
``schema_version`` how many steps it has gone; an empty database has gone none.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from ocr.errors import CotejoError

_METADATA = sa.MetaData()

LEDGER = sa.Table(
    "ledger",
    _METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(40), nullable=False),
    sa.Column("kind", sa.String(60), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Index("ledger_subject", "subject", "kind"),
    sa.Index("ledger_kind", "kind", "seq"),
)
LOCK = sa.Table("ledger_lock", _METADATA, sa.Column("id", sa.Integer, primary_key=True))
VERSION = sa.Table("schema_version", _METADATA, sa.Column("version", sa.Integer, primary_key=True))


def _tables(connection: sa.Connection) -> None:
    """Version 1: the tables."""
    LEDGER.create(connection)
    LOCK.create(connection)
    connection.execute(LOCK.insert().values(id=1))


def _append_only(connection: sa.Connection) -> None:
    """Version 2: the database itself refuses to change or remove an entry."""
    for verb in ("UPDATE", "DELETE"):
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(
                f"CREATE TRIGGER ledger_no_{verb.lower()} BEFORE {verb} ON ledger "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
        )


_ONE_AT_A_TIME = 0x436F74656A6F  # any number that nobody else uses: "Cotejo"

MIGRATIONS: list[Callable[[sa.Connection], None]] = [_tables, _append_only]


def version(connection: sa.Connection) -> int:
    """How many steps the database has gone."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return 0
    return connection.execute(sa.select(sa.func.max(VERSION.c.version))).scalar() or 0


def migrate(connection: sa.Connection) -> None:
    """Bring the database to the present version, inside the caller's transaction.

    Raises
    ------
    CotejoError
        If a newer version of the program wrote it.
    """
    if version(connection) == len(MIGRATIONS):
        return
    if connection.dialect.name == "postgresql":
        # Two that open an empty database at once would both make its tables (SQLite's write lock is held already).
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
    have = version(connection)
    if have == len(MIGRATIONS):
        return
    if have > len(MIGRATIONS):
        raise CotejoError(
            f"the ledger is of schema version {have}, this program knows up to {len(MIGRATIONS)}; install a newer version"
        )
    if have == 0:
        VERSION.create(connection, checkfirst=True)
    for number, step in enumerate(MIGRATIONS[have:], start=have + 1):
        step(connection)
        connection.execute(VERSION.insert().values(version=number))
