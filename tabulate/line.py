"""The line from end to end, kept up to date: tables, audits, findings and summary of a mission as it stands now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from tabulate.comparing import compare_mission
from tabulate.export import export
from tabulate.findings import audit_mission, document, findings
from tabulate.mission import Mission
from tabulate.rebuild import rebuild, tables_and_state, tables_held, write_tables
from tabulate.schema import conform
from tabulate.summary import summary

AUDIT = "audit.json"
SEED = 0  # of the audits that draw at random; part of what makes the same bytes


@dataclass(frozen=True)
class Line:
    """A mission as it stands: every table of `tabulate.schema`, the audit document, the comparison and the summary."""

    tables: Mapping[str, pl.DataFrame]
    audit: dict[str, Any]
    comparison: dict[str, Any] | None  # None while there is nothing to compare
    summary: dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and its summary."""

    paths: list[Path]
    summary: dict[str, Any]


def refresh(mission: Mission) -> Line:
    """Bring tables, audits and findings up to date with the ledger, and hand them out.

    Raises
    ------
    MachineError
        If they cannot be written.
    """
    with tables_held(mission):
        # The state that the tables were derived from: what arrived since then is for the next refresh.
        tables, now = tables_and_state(mission)
        kept = _kept(mission)
        if kept is not None and kept["state"] == now:
            audit = kept["audit"]
        else:
            audits = audit_mission(mission, tables, seed=SEED)
            audit = document(audits)
            tables = {**tables, "findings": conform("findings", findings(audits))}
            _keep(mission, tables["findings"], audit, now)
    comparison = _comparison(mission, tables)
    return Line(tables, audit, comparison, summary(mission, tables, comparison, audit))


def rebuild_all(mission: Mission) -> dict[str, str]:
    """Derive every table again, findings too; returns the SHA-256 of each file by name."""
    hashes = rebuild(mission)
    with tables_held(mission):
        (mission.tables / AUDIT).unlink(missing_ok=True)
    refresh(mission)
    with tables_held(mission):
        return hashes | {"findings": sha256((mission.tables / "findings.parquet").read_bytes()).hexdigest()}


def export_mission(mission: Mission, to: Path) -> Exported:
    """Bring the mission up to date and write its exports into the folder `to`."""
    line = refresh(mission)
    return Exported(export(line.tables, line.summary, to), line.summary)


def _keep(
    mission: Mission, found: pl.DataFrame, audit: Mapping[str, Any], state: Mapping[str, object]
) -> None:
    """Keep the findings and the audit document of one state; until both are written, they belong to none."""
    path, part = mission.tables / AUDIT, mission.tables / f".{AUDIT}.part"
    path.unlink(missing_ok=True)
    write_tables(mission, {"findings": found})
    part.write_text(
        json.dumps({"state": state, "audit": audit}, sort_keys=True, ensure_ascii=False), encoding="utf-8"
    )
    part.replace(path)


def _kept(mission: Mission) -> dict[str, Any] | None:
    try:
        kept = json.loads((mission.tables / AUDIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and {"state", "audit"} <= kept.keys() else None


def _comparison(mission: Mission, tables: Mapping[str, pl.DataFrame]) -> dict[str, Any] | None:
    try:
        return compare_mission(mission, tables)
    except CotejoError:
        return None
