"""All derived tables, from the ledger and the blobs, as Parquet files whose bytes depend on nothing else.

What is under ``DIR/tables`` can be deleted at any time. Rows are sorted, columns in the contract's order, floats rounded,
compression fixed and no time of writing is stored; so the same history gives the same bytes, whatever the number of workers
that did the reading and however often it is done again.
"""

from __future__ import annotations

import errno
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import polars as pl

from ocr.errors import CotejoError, MachineError
from tabulate.differences import comparison_tables
from tabulate.feed import feed_table
from tabulate.mission import Mission
from tabulate.register import register_tables
from tabulate.schema import TABLES, conform, empty
from tabulate.snapshots import snapshot_tables
from tabulate.tables import arrivals, human, readings
from tabulate.tally import tally

if sys.platform != "win32":
    import fcntl

# Findings come from the audits, which are run on these tables; whoever runs them keeps them with `write_tables`.
DERIVED = tuple(name for name in TABLES if name != "findings")
_BUILT = "built.json"
_LOCK = ".lock"
State = dict[str, object]


def derive(mission: Mission) -> dict[str, pl.DataFrame]:
    """All tables but the findings, computed anew; nothing is written."""
    register, revisions = register_tables(mission)
    tables: dict[str, pl.DataFrame] = {"register": register, "register_revisions": revisions}
    tables |= arrivals(mission) | readings(mission) | human(mission)
    tables |= tally(mission, tables)
    tables |= snapshot_tables(mission, register)
    tables["feed"] = feed_table(mission)
    tables |= comparison_tables(mission, tables)
    return {name: tables[name] for name in DERIVED}


def rebuild(mission: Mission | Path | str) -> dict[str, str]:
    """Derive all tables and write them.

    Returns
    -------
    dict
        The SHA-256 of each table's file, by name.

    Raises
    ------
    MachineError
        If they cannot be written; the tables that were there stay as they were.
    """
    if not isinstance(mission, Mission):
        mission = Mission.open(mission)
    with tables_held(mission):
        # Before deriving: what arrives meanwhile makes the tables old, not falsely new.
        before = state(mission)
        hashes = write_tables(mission, derive(mission))
        _mark(mission, before)
    return hashes


def current_tables(mission: Mission) -> dict[str, pl.DataFrame]:
    """All tables as the ledger stands now, derived first if anything happened since; with the findings last kept, if any."""
    with tables_held(mission):
        return tables_and_state(mission)[0]


def tables_and_state(mission: Mission) -> tuple[dict[str, pl.DataFrame], State]:
    """What `current_tables` gives, and the state that it was derived from; only while the tables are held."""
    now = state(mission)  # before deriving, as above
    try:
        fresh = json.loads((mission.tables / _BUILT).read_text(encoding="utf-8")) == now
    except (OSError, ValueError):
        fresh = False
    if fresh and all((mission.tables / f"{name}.parquet").is_file() for name in DERIVED):
        return {name: load_table(mission, name) for name in TABLES}, now
    tables = derive(mission)
    write_tables(mission, tables)
    _mark(mission, now)
    return tables | {"findings": load_table(mission, "findings")}, now


@contextmanager
def tables_held(mission: Mission) -> Iterator[None]:
    """Keep every other process and thread from reading or writing the tables meanwhile; it waits until they are free.

    Without it, one could load some tables before and some after another replaced them. Not to be nested. Where the system
    knows no such lock, and where nothing may be written, there is none.

    Raises
    ------
    MachineError
        If the lock cannot be made.
    """
    if sys.platform == "win32":
        yield
        return
    path = mission.tables / _LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a")
    except OSError as e:
        if e.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise MachineError(
                f"{path} cannot be made ({e.strerror}); free space or mend the disk, then run it again"
            ) from None
        yield  # who may only look changes nothing
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back when the file is closed, however the process ends
        yield


def load_table(mission: Mission, name: str) -> pl.DataFrame:
    """One table as it was last written; without rows if it never was.

    Raises
    ------
    CotejoError
        If there is no table of that name, or its file is damaged.
    """
    if name not in TABLES:
        raise CotejoError(f"there is no table {name!r}; known are {', '.join(TABLES)}")
    path = mission.tables / f"{name}.parquet"
    if not path.is_file():
        return empty(name)
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as e:
        why = str(e).splitlines()[0]
        raise CotejoError(
            f"{path} is damaged ({why}); make it again with `cotejo rebuild {mission.folder}`"
        ) from None


def write_tables(mission: Mission, tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Write tables, each in the contract's shape, all of them or none; returns their SHA-256 by name.

    Raises
    ------
    MachineError
        If they cannot be written.
    """
    hashes: dict[str, str] = {}
    try:
        mission.tables.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=mission.tables, prefix=".new-"))
        try:
            for name, frame in tables.items():
                path = fresh / f"{name}.parquet"
                conform(name, frame).write_parquet(
                    path, compression="zstd", compression_level=3, row_group_size=1 << 20
                )
                hashes[name] = sha256(path.read_bytes()).hexdigest()
            if not set(DERIVED).isdisjoint(tables):  # until all of them are written, they belong to no state
                (mission.tables / _BUILT).unlink(missing_ok=True)
            for name in tables:
                (fresh / f"{name}.parquet").replace(mission.tables / f"{name}.parquet")
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as e:
        raise MachineError(
            f"the tables could not be written to {mission.tables} ({e.strerror or e}); free space or mend the permissions, then run it again"
        ) from None
    return hashes


def state(mission: Mission) -> State:
    """What the tables depend on: the ledger's head, the settings and the forms, both as this mission was opened with them."""
    seq, head = mission.ledger.head
    settings = sha256(mission.settings.model_dump_json().encode())
    for name in sorted(mission.forms):
        settings.update(mission.forms[name].model_dump_json().encode())
    return {"seq": seq, "head": head, "settings": settings.hexdigest()}


def _mark(mission: Mission, state: State) -> None:
    part = mission.tables / f".{_BUILT}.part"
    part.write_text(json.dumps(state, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(mission.tables / _BUILT)
