"""What a mission knows, in one small document: the end of `cotejo demo`, the head of an export, the overview page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from tabulate.differences import latest_snapshots
from tabulate.mission import Mission
from tabulate.views import unverified

GRADES = ("A", "B", "C", "D")


def summary(
    mission: Mission,
    tables: Mapping[str, pl.DataFrame],
    comparison: Mapping[str, Any] | None,
    audit: Mapping[str, Any],
) -> dict[str, Any]:
    """Photos, readings, tallies, comparison and findings, counted.

    Parameters
    ----------
    tables : the derived tables (`tabulate.schema`).
    comparison : the compare document, if there is anything to compare (`tabulate.comparing`).
    audit : the audit document, as `tabulate.findings.document` makes it.
    """
    readings, findings = tables["readings"], tables["findings"]
    snapshots = tables["snapshots"]
    latest = snapshots.join(latest_snapshots(tables), on="snapshot", how="semi").sort("snapshot")
    return {
        "mission": mission.settings.mission.id,
        "photos": {
            "arrived": int(tables["photos"]["arrivals"].sum()),
            "kept": tables["photos"].height,
            "refused_at_intake": tables["refusals"].height,
        },
        "readings": {
            "pages": readings.height,
            "read": int(readings["refused"].is_null().sum()),
            "refused": int(readings["refused"].is_not_null().sum()),
            "accepted": int(readings["accepted"].sum()),
        },
        "not_verified": dict(zip(("forms", "formats"), unverified(tables), strict=True)),
        "tallies": {
            "expected": tables["tallies"].height,
            **{
                s: int((tables["tallies"]["status"] == s).sum())
                for s in ("accepted", "person", "unread", "absent")
            },
        },
        "queue": tables["queue"].select("station_id", "contest", "photo", "page").unique().height,
        "snapshots": snapshots.height,
        "latest_snapshot": latest.select("snapshot", "format", "verified", "stations", "counted").to_dicts(),
        "comparison": _comparison(tables) | {"document": comparison},
        "findings": {
            "rows": findings.height,
            "stations": findings["station_id"].n_unique(),
            "by_grade": {g: int((findings["grade"] == g).sum()) for g in GRADES},
            "by_audit": dict(sorted(findings["audit"].value_counts().iter_rows())),
        },
        "audit": audit,
    }


def _comparison(tables: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """Tally against the latest snapshot of each contest; and what changed between snapshots."""
    stations = tables["comparison_stations"]
    latest = latest_snapshots(tables).rename({"snapshot": "right"})
    tally = stations.filter(pl.col("left") == "tally").join(latest, on=["contest", "right"], how="semi")
    revisions = stations.filter("revision", pl.col("outcome") == "differing")
    per_contest = {
        str(contest): {
            o: int((part["outcome"] == o).sum()) for o in ("equal", "differing", "only-left", "only-right")
        }
        for (contest,), part in tally.group_by("contest", maintain_order=True)
    }
    return {
        "contests": per_contest,
        "differing_confirmed": tally.filter(pl.col("outcome") == "differing", "confirmed").height,
        "differing_unconfirmed": tally.filter(pl.col("outcome") == "differing", ~pl.col("confirmed")).height,
        "revisions": revisions.height,
    }
