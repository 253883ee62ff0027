"""What every page works on: the mission, its line as it stands now, and who is looking."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from ocr.errors import CotejoError
from tabulate.line import Line, refresh
from tabulate.mission import SETTINGS, Mission
from tabulate.rebuild import state as state_of
from tabulate.serve import MISSION

ACTOR = "actor"


def mission() -> Mission:
    """The mission that is being served; one for all sessions, opened again when mission.toml changes.

    Raises
    ------
    CotejoError
        If none was named or it is wrong.
    """
    folder = os.environ.get(MISSION)
    if not folder:
        raise CotejoError("no mission was named; start the dashboard with `cotejo serve DIR`")
    try:
        changed = (Path(folder) / SETTINGS).stat().st_mtime_ns
    except OSError:
        changed = 0
    return _mission(folder, changed)


@st.cache_resource(max_entries=1, show_spinner=False, on_release=Mission.close)
def _mission(folder: str, changed: int) -> Mission:
    return Mission.open(folder)


def line() -> Line:
    """The mission's tables, audits and comparison, brought up to date once for all sessions when anything happened."""
    here = mission()
    return _line(here, json.dumps({"folder": str(here.folder), **state_of(here)}, sort_keys=True))


@st.cache_resource(max_entries=1, show_spinner=False)
def _line(_mission: Mission, state: str) -> Line:
    return refresh(_mission)


@st.cache_resource(show_spinner=False)
def reading_lock() -> threading.Lock:
    """Held while photos are read, so that two sessions do not read the same ones."""
    return threading.Lock()


def actor() -> str:
    """Who the ledger says did it: what the person calls themselves, for there are no accounts yet."""
    return str(st.session_state.get(ACTOR) or "").strip() or "dashboard"


def now() -> datetime:
    """The time, for showing how old things are."""
    return datetime.now(UTC)
