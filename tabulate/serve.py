"""Serving the dashboard. Until there are roles, only a loopback address is allowed."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import socket
from pathlib import Path

from ocr.errors import CotejoError

MISSION = "COTEJO_MISSION"  # how the dashboard's process learns which mission it shows


def check_loopback(host: str) -> None:
    """Refuse an address that others could reach.

    Raises
    ------
    CotejoError
        If `host` is not a loopback address.
    """
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise CotejoError(
            f"{host!r} can be reached by others, and there are no roles yet that would keep them out; use 127.0.0.1"
        )


def serve(folder: Path, *, host: str, port: int) -> None:
    """Serve the dashboard over the mission in `folder` until interrupted.

    Raises
    ------
    CotejoError
        If the address is not a loopback one, or the port is taken.
    """
    import uvicorn

    check_loopback(host)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as e:
            raise CotejoError(
                f"port {port} of {host} cannot be used ({e}); choose another with --port"
            ) from None
    os.environ[MISSION] = str(folder.resolve())
    if importlib.util.find_spec("app") is None:
        raise CotejoError("the dashboard's app.py is not installed; install Cotejo again")
    uvicorn.run("app:app", host=host, port=port, log_level="warning", access_log=False)
