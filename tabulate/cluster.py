"""Workers of a Dask cluster, by the address of its scheduler; see ``docs/cluster.md``.

The photo's bytes travel with each task, so workers need no shared disk, and a task whose worker died is still known
to the scheduler, which gives it to another one.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from importlib import metadata
from typing import Any, TypeVar

from ocr.errors import CotejoError, MachineError
from tabulate.workers import guarded

T = TypeVar("T")
CONNECT_S = 10.0
GONE_S = 60.0  # without any worker; they may be starting again
PINNED = ("numpy", "onnxruntime", "opencv-python-headless", "scipy", "zxing-cpp")  # they decide what is read


class Cluster:
    """All workers of a Dask cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, ``tcp://host:port``; or ``tls://``, with the certificates that Dask's own settings name.

    Raises
    ------
    CotejoError
        If the address is none, Dask is not installed, nobody answers there, or a worker runs another version of the reader.
    """

    tries = 1  # the scheduler has tried it four times by then

    def __init__(self, address: str) -> None:
        self.address = address
        host, port = _parts(address)
        try:
            from distributed import Client
        except ImportError:
            raise CotejoError(
                "a cluster needs Dask, which is not installed here; install cotejo[cluster], or leave --cluster out"
            ) from None
        logging.getLogger("distributed").setLevel(
            logging.CRITICAL
        )  # what matters is told in sentences of ours
        try:
            socket.create_connection((host, port), timeout=CONNECT_S).close()  # refused? then at once
            asyncio.run(_greet(address))
            self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except Exception as e:  # Dask raises many kinds: the address is silent, or something else lives there
            raise CotejoError(
                f"no Dask scheduler answers at {address} ({str(e) or type(e).__name__}); "
                "start one there with dask scheduler, or leave --cluster out"
            ) from None
        self._executor = self._client.get_executor(pure=False)
        self._count, self._looked, self._seen = 0, 0.0, time.monotonic()
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def count(self) -> int:
        """How many photos the workers read at the same time; asked of the scheduler every few seconds.

        Raises
        ------
        MachineError
            If the scheduler is gone, or has been without workers for a minute.
        """
        now = time.monotonic()
        if now - self._looked < 1.0 and self._count:
            return self._count
        try:
            self._count = sum(self._client.nthreads().values())
        except Exception:
            raise MachineError(
                f"the scheduler at {self.address} is gone; what was read is kept, so start it and run the same command again"
            ) from None
        self._looked = now
        if self._count:
            self._seen = now
        elif now - self._seen > GONE_S:
            raise MachineError(
                f"no worker has been left at {self.address} for {GONE_S:.0f} s; what was read is kept, so start some "
                "(dask worker) and run the same command again"
            )
        return max(self._count, 1)

    def submit(self, task: Callable[..., T], /, *arguments: Any) -> Future[T]:
        """Start a task somewhere."""
        import dask

        # A photo may be larger than what Dask thinks wise to send with a task; it must, to survive its worker.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"}):
            future: Future[T] = self._executor.submit(guarded, task, *arguments)
        return future

    def alone(self) -> Cluster:
        """The same workers: nothing else of ours runs there by then."""
        return self

    def close(self) -> None:
        """Drop what still runs and hang up; the cluster stays as it is."""
        try:
            self._executor.shutdown(wait=False)
            self._client.close(timeout=CONNECT_S)
        except Exception:
            logging.getLogger(__name__).debug("closing the connection to %s failed", self.address)

    def _check(self) -> None:
        """Refuse workers whose readings would not be the ones made here."""
        here = versions()
        if not self._client.nthreads():
            raise CotejoError(
                f"the scheduler at {self.address} has no workers; start some with dask worker {self.address}"
            )
        for worker, answer in sorted(self._client.run(versions, on_error="return").items()):
            if isinstance(answer, BaseException):
                raise CotejoError(
                    f"the worker {worker} cannot run cotejo ({type(answer).__name__}: {answer}); install version "
                    f"{here['cotejo']} there"
                )
            differs = [f"{k} {answer.get(k)} instead of {v}" for k, v in here.items() if answer.get(k) != v]
            if differs:
                raise CotejoError(
                    f"the worker {worker} would read otherwise ({', '.join(differs)}); install the same lock file there as here"
                )


async def _greet(address: str) -> None:
    """Shake hands with a scheduler; Dask's own client would wait for ever for somebody who never answers."""
    from distributed import Security
    from distributed.comm.core import connect

    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=CONNECT_S, **arguments), CONNECT_S)
    comm.abort()


def versions() -> dict[str, str]:
    """What decides how a photo is read on this machine."""
    from ocr.read import READER
    from tabulate import __version__

    return {"cotejo": __version__, "reader": READER, **{name: metadata.version(name) for name in PINNED}}


def _parts(address: str) -> tuple[str, int]:
    found = re.fullmatch(r"(?:tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(\d{1,5})", address)
    if not found or not 0 < int(found[2]) < 65536:
        raise CotejoError(
            f"{address!r} is not the address of a Dask scheduler; write it as tcp://host:8786 or tls://host:8786"
        )
    return found[1].strip("[]"), int(found[2])
