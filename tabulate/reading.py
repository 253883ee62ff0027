"""Readings in bulk, over any executor: local processes, or a Dask cluster's ``client.get_executor()``.

Every photo that has no reading by the present reader is read, and each result goes into the ledger as it arrives. So it
can be stopped at any moment and run again: what was read stays, the rest is read. Results arrive in any order; the
derived tables sort them, so they are the same for any number of workers.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from multiprocessing import resource_tracker
from typing import Any

from ocr.errors import CotejoError, MachineError
from ocr.form import Form
from ocr.reading import Reading, refusal
from tabulate.intake import RECEIVED
from tabulate.ledger import canonical
from tabulate.mission import Mission

READ = "photo-read"
# Bytes, forms and a name for people in; the readings of all pages as plain JSON out. Must be importable by workers.
ReadPhoto = Callable[[bytes, Mapping[str, Form], str], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class ReadSummary:
    """What one run did: photos read now, of these refused; photos read before; photos that still wait."""

    read: int
    refused: int
    before: int
    waiting: int = 0


def read_photo(data: bytes, forms: Mapping[str, Form], name: str) -> list[dict[str, Any]]:
    """Read all pages of one file: what a worker does."""
    from ocr.read import read_all

    return [r.to_json() for r in read_all(data, forms, file=name)]


def reader_version(mission: Mission) -> str:
    """Version of the reader, of its network and of the mission's forms: another one may read the same photo otherwise."""
    from ocr.read import READER

    forms = canonical([mission.forms[name].model_dump(mode="json") for name in sorted(mission.forms)])
    return f"{READER}/{sha256(forms.encode()).hexdigest()[:12]}"


def unread(mission: Mission, version: str) -> dict[str, str]:
    """The photos without a reading by that version, each with its first name, by SHA-256."""
    done = {e.subject for e in mission.ledger.entries(READ) if e.body["version"] == version}
    names: dict[str, str] = {}
    for entry in mission.ledger.entries(RECEIVED):
        if entry.subject not in done:
            names.setdefault(entry.subject, entry.body["name"])
    return dict(sorted(names.items()))


def read_photos(
    mission: Mission,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    actor: str = "reader",
    progress: bool = True,
    read: ReadPhoto = read_photo,
    version: str | None = None,
    at: datetime | None = None,
) -> ReadSummary:
    """Read every photo that the present reader has not read yet.

    Parameters
    ----------
    workers : int, optional
        Processes to start, if no `executor` is given; else how many it has. Default: one a core.
    executor : Executor, optional
        Where to read instead. It is not shut down.
    progress : bool
        Show a bar on standard error.
    read, version : optional
        Another reader and its version; the present one if left out.

    Raises
    ------
    MachineError
        If a reading cannot be stored; or, when all others have been read, if the original of a photo is damaged or gone. What
        was stored before stays.
    KeyboardInterrupt
        If it was stopped; what had been read by then is stored.
    """
    workers = workers if workers is not None else os.cpu_count() or 1
    if workers < 1:
        raise CotejoError(f"{workers} workers cannot read anything; give 1 or more")
    version = version or reader_version(mission)
    names = unread(mission, version)
    before = len(mission.ledger.subjects(RECEIVED)) - len(names)
    if not names:
        return ReadSummary(0, 0, before)
    mission.record_settings(actor)
    pool = executor or _pool(min(workers, len(names)))
    refused = 0
    damaged: dict[str, str] = {}
    try:
        results = _results(
            mission, names, pool, workers=workers, read=read, retry=executor is None, damaged=damaged
        )
        for photo, readings in _with_bar(results, len(names), progress):
            refused += _record(mission, photo, readings, version=version, actor=actor, at=at)
    finally:
        if executor is None:
            pool.shutdown(wait=False, cancel_futures=True)
    if damaged:
        photo, why = min(damaged.items())
        raise MachineError(
            f"{len(damaged)} of {len(names)} photos could not be read, the others were; the first is {names[photo]}: {why}"
        )
    return ReadSummary(len(names), refused, before, len(unread(mission, version)))


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawned, not forked: a fork of a process with threads (numpy, onnxruntime, polars) may hang.
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_ignore_interrupt)


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole process group; the parent alone decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _results(
    mission: Mission,
    names: Mapping[str, str],
    pool: Executor,
    *,
    workers: int,
    read: ReadPhoto,
    retry: bool,
    damaged: dict[str, str],
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Readings as they arrive. A photo whose worker died is read again alone, and refused if that worker dies too.

    A photo whose original is damaged is left out, and `damaged` says why.
    """
    waiting = iter(names.items())
    running: dict[Future[list[dict[str, Any]]], str] = {}
    lost: list[str] = []

    def submit() -> bool:
        for photo, name in waiting:
            try:
                data = mission.blobs.get(photo)
            except CotejoError as e:
                damaged[photo] = str(e)
                continue
            try:
                with _interrupts_held():
                    running[pool.submit(read, data, mission.forms, name)] = photo
            except RuntimeError:  # the pool broke or was shut down; BrokenExecutor is one too
                lost.append(photo)
                continue
            return True
        return False

    # Twice as many as there are workers: they never wait, and few photos are in memory.
    while len(running) < 2 * workers and submit():
        pass
    try:
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                photo = running.pop(future)
                error = future.exception()
                if isinstance(error, CotejoError):
                    raise error
                if error is None:
                    yield photo, future.result()
                else:
                    lost.append(photo)
                submit()
    except KeyboardInterrupt:
        for future, photo in running.items():
            if future.done() and future.exception() is None:
                yield photo, future.result()
        raise
    for photo in sorted(lost):
        try:
            data = mission.blobs.get(photo)
        except CotejoError as e:
            damaged[photo] = str(e)
            continue
        yield photo, _read_alone(mission, data, names[photo], None if retry else pool, read)


def _read_alone(
    mission: Mission, data: bytes, name: str, pool: Executor | None, read: ReadPhoto
) -> list[dict[str, Any]]:
    """Read a photo whose worker died, perhaps because of its neighbour: alone, and twice before it is refused."""
    cause = ""
    for _ in range(2):
        own = pool or _pool(1)
        try:
            with _interrupts_held():
                future = own.submit(read, data, mission.forms, name)
            return future.result()
        except CotejoError:
            raise
        except Exception as e:
            cause = type(e).__name__
        finally:
            if pool is None:
                own.shutdown(wait=False, cancel_futures=True)
    why = f"the reader stopped on this photo twice ({cause}); a person must look at it"
    return [refusal(file=name, sha256=sha256(data).hexdigest(), why=why, reader="none").to_json()]


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start workers deaf to Ctrl-C: until `_ignore_interrupt` runs in them, one would end them with a traceback.

    A process inherits the signals that its parent holds back; here they arrive as soon as it has started.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it lets signals through again when it starts, so it must run already
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _record(
    mission: Mission,
    photo: str,
    readings: list[dict[str, Any]],
    *,
    version: str,
    actor: str,
    at: datetime | None,
) -> int:
    """Store the readings of one photo; 1 if none of its pages could be read."""
    wrong = [r for r in readings if r["sha256"] != photo]
    if wrong or not readings:
        raise MachineError(
            f"the reader gave back another photo than {photo}; install it again, nothing was stored for it"
        )
    with mission.ledger.writing() as writer:
        # Another process may have read it meanwhile.
        if not any(e.body["version"] == version for e in writer.entries(READ, subject=photo)):
            writer.append(READ, {"version": version, "readings": readings}, actor=actor, subject=photo, at=at)
    return int(all(r["refused"] is not None for r in readings))


def reading_of(mission: Mission, photo: str, page: int = 1) -> Reading | None:
    """The latest reading of a page, whole, with its boxes; None if it was not read."""
    entry = mission.ledger.last(READ, subject=photo)
    readings = entry.body["readings"] if entry else []
    return next((Reading.from_json(r) for r in readings if r["page"] == page), None)


def _with_bar(
    results: Iterator[tuple[str, list[dict[str, Any]]]], total: int, show: bool
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    if not show:
        yield from results
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("reading", total=total)
        for result in results:
            yield result
            bar.advance(task)
