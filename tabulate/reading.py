"""Readings in bulk: over processes of this machine, over a Dask cluster, or over any other executor.

Every photo that has no reading by the present reader is read, and each result goes into the ledger as it arrives. So it
can be stopped at any moment and run again: what was read stays, the rest is read. Results arrive in any order; the
derived tables sort them, so they are the same for any number of workers.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from ocr.errors import CotejoError, MachineError
from ocr.form import Form, load_forms
from ocr.reading import Reading, refusal
from tabulate.intake import RECEIVED
from tabulate.ledger import canonical
from tabulate.mission import Mission
from tabulate.workers import Given, Processes, Workers, each

T = TypeVar("T")
READ = "photo-read"
NOBODY = "none"  # the reader of a photo that no reader survived
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
    import cv2

    from ocr.read import read_all

    cv2.setNumThreads(1)  # there is a worker for each core: more threads would only wait for each other
    return [r.to_json() for r in read_all(data, forms, file=name)]


def read_packed(read: ReadPhoto, data: bytes, forms: bytes, name: str) -> list[dict[str, Any]]:
    """Read one file with forms that are packed once for all photos: what a worker is sent."""
    return read(data, _unpacked(forms), name)


@lru_cache(maxsize=2)
def _unpacked(forms: bytes) -> dict[str, Form]:
    """The forms of a batch, the same objects for every photo: what registration draws of a form is kept with the object.

    Shipped forms are the shipped objects, so that they are told from their twins here as elsewhere.
    """
    sent: dict[str, Form] = pickle.loads(forms)  # noqa: S301  packed by `read_photos`, and travelling with its call
    shipped = load_forms()
    return {name: shipped[name] if shipped.get(name) == form else form for name, form in sent.items()}


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
    cluster: str | None = None,
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
    cluster : str, optional
        Address of a Dask scheduler whose workers read instead.
    progress : bool
        Show a bar on standard error.
    read, version : optional
        Another reader and its version; the present one if left out.

    Raises
    ------
    MachineError
        If a reading cannot be stored or no worker is left; or, when all others have been read, if the original of a photo is
        damaged or gone. What was stored before stays.
    KeyboardInterrupt
        If it was stopped; what had been read by then is stored.
    """
    version = version or reader_version(mission)
    names = unread(mission, version)
    before = len(mission.ledger.subjects(RECEIVED)) - len(names)
    if workers is not None and workers < 1:
        raise CotejoError(f"{workers} workers cannot read anything; give 1 or more")
    if not names:
        return ReadSummary(0, 0, before)
    place = _place(min(workers or os.cpu_count() or 1, len(names)), executor, cluster)
    refused = 0
    damaged: dict[str, str] = {}

    forms = pickle.dumps(mission.forms)

    def arguments(photo: str) -> tuple[ReadPhoto, bytes, bytes, str] | None:
        try:
            return read, mission.blobs.get(photo), forms, names[photo]
        except CotejoError as e:
            damaged[photo] = str(e)
            return None

    try:
        mission.record_settings(actor)
        results = each(names, read_packed, arguments, place)
        for photo, outcome in _with_bar(results, len(names), progress):
            readings = _given_up(photo, names[photo], outcome) if isinstance(outcome, Exception) else outcome
            refused += _record(mission, photo, readings, version=version, actor=actor, at=at)
    finally:
        place.close()
    if damaged:
        photo, why = min(damaged.items())
        raise MachineError(
            f"{len(damaged)} of {len(names)} photos could not be read, the others were; the first is {names[photo]}: {why}"
        )
    return ReadSummary(len(names), refused, before, len(unread(mission, version)))


def _place(workers: int, executor: Executor | None, cluster: str | None) -> Workers:
    if cluster is not None:
        from tabulate.cluster import Cluster

        return Cluster(cluster)
    return Processes(workers) if executor is None else Given(executor, workers)


def _given_up(photo: str, name: str, error: Exception) -> list[dict[str, Any]]:
    why = f"the reader stopped on this photo twice ({type(error).__name__}); a person must look at it"
    return [refusal(file=name, sha256=photo, why=why, reader=NOBODY).to_json()]


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
    ours = version.partition("/")[0]
    other = next((r["reader"] for r in readings if r["reader"] not in (ours, NOBODY)), None)
    if other is not None:
        raise MachineError(
            f"a worker reads with version {other}, and {ours} is wanted; install the same version on all of them"
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


def _with_bar(results: Iterator[T], total: int, show: bool) -> Iterator[T]:
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
