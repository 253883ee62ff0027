"""Where photos are read: processes of this machine, or any other executor; and how none is lost when a worker dies.

A photo whose worker died may have killed it, or only have been its neighbour. Once all others are done it is tried
again alone, so that a photo which kills its worker every time is refused by itself and the rest goes on.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Protocol, TypeVar

from ocr.errors import CotejoError, MachineError

T = TypeVar("T")
Arguments = Callable[[str], tuple[Any, ...] | None]
LOOK_S = 2.0  # how often to look whether the workers are still there
STUCK_S = 900.0  # that one file may take, fifty pages of it; then its worker is ended


class Workers(Protocol):
    """Where tasks run. `tries` is how often a task that lost its worker is tried again alone."""

    tries: int

    def count(self) -> int:
        """How many tasks run at the same time now. Raises MachineError if there is nobody left to wait for."""

    def submit(self, task: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Start a task; its future fails with something else than a CotejoError if its worker dies."""

    def alone(self) -> Workers:
        """Where a task that lost its worker runs with no other beside it."""

    def close(self) -> None:
        """Let go of what was started here, at once."""


class Processes:
    """That many processes of this machine; when one dies, fresh ones take over."""

    tries = 2

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool: ProcessPoolExecutor | None = None

    def count(self) -> int:
        """As many as were asked for."""
        return self.number

    def submit(self, task: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Start a task, in a new pool if the last one broke."""
        with interrupts_held():
            try:
                return self._started().submit(guarded, task, *arguments)
            except BrokenExecutor:  # what it was running is known to have failed; nothing else was in it
                self.close()
                return self._started().submit(guarded, task, *arguments)

    def alone(self) -> Processes:
        """One process."""
        return Processes(1)

    def close(self) -> None:
        """End the processes as soon as each is done with what it does."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned, not forked: a fork of a process with threads (numpy, onnxruntime, polars) may hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.number, context, initializer=start_worker)
        return self._pool


class Given:
    """An executor that somebody else made and will shut down, with that many workers."""

    tries = 2

    def __init__(self, executor: Executor, number: int) -> None:
        self.executor = executor
        self.number = number

    def count(self) -> int:
        """As many as was said."""
        return self.number

    def submit(self, task: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Start a task."""
        try:
            return self.executor.submit(task, *arguments)
        except RuntimeError as e:  # broken, or shut down
            raise MachineError(
                f"the workers are gone ({e}); what they had done is kept, so run it again with new ones"
            ) from None

    def alone(self) -> Given:
        """The same one."""
        return self

    def close(self) -> None:
        """It is not ours to shut down."""


def each(
    names: Iterable[str], task: Callable[..., T], arguments: Arguments, workers: Workers
) -> Iterator[tuple[str, T | Exception]]:
    """Run ``task(*arguments(name))`` for every name, and yield names with results as they arrive.

    A name whose arguments are None is left out. A task that lost its worker each time gives the last error instead of a result.

    Raises
    ------
    CotejoError
        What a task raised, or if no worker is left. KeyboardInterrupt passes through once all results that are there
        have been yielded.
    """
    waiting = iter(names)
    running: dict[Future[T], str] = {}
    suspects: list[str] = []
    more = True
    try:
        while True:
            # Twice as many as there are workers: they never wait, and few photos are in memory.
            while more and len(running) < 2 * workers.count():
                name = next(waiting, None)
                if name is None:
                    more = False
                elif (given := arguments(name)) is not None:
                    running[workers.submit(task, *given)] = name
            if not running:
                break
            done, _ = wait(running, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            if not done:
                workers.count()
            for future in done:
                name, error = running.pop(future), _error(future)
                if error is None:
                    yield name, future.result()
                else:
                    suspects.append(name)
    except KeyboardInterrupt:
        for future, name in running.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                yield name, future.result()
        raise
    yield from _again(sorted(suspects), task, arguments, workers)


def _again(
    suspects: Iterable[str],
    task: Callable[..., T],
    arguments: Arguments,
    workers: Workers,
) -> Iterator[tuple[str, T | Exception]]:
    alone = workers.alone()
    try:
        for name in suspects:
            given = arguments(name)
            if given is None:
                continue
            for left in reversed(range(workers.tries)):
                future = alone.submit(task, *given)
                while not wait([future], timeout=LOOK_S).done:
                    alone.count()
                error = _error(future)
                if error is None:
                    yield name, future.result()
                    break
                if not left:
                    yield name, error
    finally:
        if alone is not workers:
            alone.close()


def _error(future: Future[Any]) -> Exception | None:
    """Why the task of a finished future has no result. What is not the photo's fault is raised."""
    try:
        error = future.exception()
    except CancelledError:
        raise MachineError(
            "the workers are gone; what they had done is kept, so run it again with new ones"
        ) from None
    if isinstance(error, CotejoError) or (error is not None and not isinstance(error, Exception)):
        raise error
    return error


def guarded(task: Callable[..., T], /, *arguments: Any) -> T:
    """Run a task in a process that only works; should the task be stuck, the process ends (its thread cannot)."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(STUCK_S, exit=True, file=nowhere)
        try:
            return task(*arguments)
        finally:
            faulthandler.cancel_dump_traceback_later()


def start_worker() -> None:
    """What a process that only works does first: it leaves Ctrl-C to its parent, and ends when its parent is gone."""
    end_with_parent()
    # Ctrl-C reaches the whole process group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_with_parent() -> None:
    """End this process once the one that started it is gone, however it went; one that waits for work would wait for ever.

    Its own decoding process ends with it (`ocr.image`).
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()  # waits at a pipe, whose other end the system closes
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Start workers deaf to Ctrl-C: until `start_worker` runs in them, one would end them with a traceback.

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
