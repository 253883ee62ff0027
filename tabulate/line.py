"""The line from end to end, kept up to date: tables, audits, findings and summary of a mission as it stands now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from tabulate.comparing import compare_mission
from tabulate.export import export
from tabulate.findings import audit_mission, document, findings
from tabulate.mission import Mission
from tabulate.rebuild import current_tables, load_table, rebuild, state, write_tables
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
    tables = current_tables(mission)
    # The state of the tables, not of the ledger: what arrived since then is for the next refresh.
    now = state(mission)
    kept = _kept(mission)
    if kept is not None and kept["state"] == now:
        audit = kept["audit"]
        tables = {**tables, "findings": load_table(mission, "findings")}
    else:
        audits = audit_mission(mission, tables, seed=SEED)
        audit = document(audits)
        tables = {**tables, "findings": conform("findings", findings(audits))}
        write_tables(mission, {"findings": tables["findings"]})
        part = mission.tables / f".{AUDIT}.part"
        part.write_text(
            json.dumps({"state": now, "audit": audit}, sort_keys=True, ensure_ascii=False), encoding="utf-8"
        )
        part.replace(mission.tables / AUDIT)
    comparison = _comparison(mission, tables)
    return Line(tables, audit, comparison, summary(mission, tables, comparison, audit))


def rebuild_all(mission: Mission) -> dict[str, str]:
    """Derive every table again, findings too; returns the SHA-256 of each file by name."""
    hashes = rebuild(mission)
    (mission.tables / AUDIT).unlink(missing_ok=True)
    line = refresh(mission)
    return hashes | write_tables(mission, {"findings": line.tables["findings"]})


def export_mission(mission: Mission, to: Path) -> Exported:
    """Bring the mission up to date and write its exports into the folder `to`."""
    line = refresh(mission)
    return Exported(export(line.tables, line.summary, to), line.summary)


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
