"""A count as NIST SP 1500-100 JSON: Election Results Reporting Common Data Format, version 2.

One report of one file: every station is a reporting unit, every contest a candidate contest with one selection per option. What
the file does not have is left out; nothing is added up or filled in. The format knows undervotes and overvotes, which blank and
null ballots are not: these two are selections of their own (``BallotMeasureSelection``), named so. Ballots in the box are there where
the file has one contest; valid votes, which the selections add up to, and the authority's words for an acta have no place in the format.

Source: Dana, Wack et al., *Election Results Common Data Format Specification, Revision 2.0*, NIST SP 1500-100r2, 2019.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from tabulate.official import FORMATS, OfficialCount
from tabulate.snapshots import parse_time

VERSION = "SP 1500-100 r2"
_BESIDE = {"blank": "blank ballots", "null": "null ballots"}


def report(
    count: OfficialCount, *, election: str, day: date, generated: datetime, final: bool = False
) -> dict[str, Any]:
    """The ``ElectionReport`` of a count.

    Parameters
    ----------
    election
        What the election is called.
    day
        Of the vote.
    generated
        When the report is made; with a zone.
    final
        Whether the authority calls its count final; else it is *unofficial-partial*.

    Raises
    ------
    CotejoError
        When `generated` has no zone or the election has no name.
    """
    if generated.tzinfo is None:
        raise CotejoError(
            f"the time {generated.isoformat()} has no zone; write it like 2026-03-01T20:15:00-04:00"
        )
    if not election.strip():
        raise CotejoError("the report needs the election's name; give it with --election")
    format_ = FORMATS.get(count.format)
    issuer = format_.authority if format_ and format_.authority else "unknown"
    frame = count.counts
    stations = frame.unique("station_id", maintain_order=True)
    unit = {station: f"station-{at}" for at, station in enumerate(stations["station_id"], start=1)}
    area = "area-1"
    groups = [(str(name), part) for (name,), part in frame.group_by("contest", maintain_order=True)]
    candidate = {option: f"candidate-{at}" for at, option in enumerate(count.options, start=1)}
    contests = [_contest(at, *group, unit, candidate) for at, group in enumerate(groups, start=1)]
    contested: dict[str, Any] = {
        "@type": "ElectionResults.Election",
        "Name": _text(election),
        "StartDate": day.isoformat(),
        "EndDate": day.isoformat(),
        "Type": "general",
        "ElectionScopeId": area,
        "Candidate": [
            {"@id": identifier, "@type": "ElectionResults.Candidate", "BallotName": _text(option)}
            for option, identifier in candidate.items()
        ],
        "Contest": [{**contest, "ElectionDistrictId": area} for contest in contests],
    }
    if len(groups) == 1 and frame["cast"].null_count() < frame.height:
        contested["BallotCounts"] = [
            {
                "@type": "ElectionResults.BallotCounts",
                "GpUnitId": unit[station],
                "Type": "total",
                "BallotsCast": cast,
            }
            for station, cast in frame.filter(pl.col("cast").is_not_null())
            .select("station_id", "cast")
            .iter_rows()
        ]
    return {
        "@type": "ElectionResults.ElectionReport",
        "Format": "precinct-level",
        "GeneratedDate": generated.isoformat(timespec="seconds"),
        "Issuer": issuer,
        "IssuerAbbreviation": issuer.rpartition("(")[2].rstrip(")") if "(" in issuer else issuer,
        "IsTest": False,
        "Notes": f"read from a file with SHA-256 {count.sha256}, format {count.format}"
        + ("" if count.verified else " (never checked on a real file)"),
        "SequenceStart": 1,
        "SequenceEnd": 1,
        "Status": "certified" if final else "unofficial-partial",
        "VendorApplicationId": "cotejo",
        "GpUnit": [
            {
                "@id": area,
                "@type": "ElectionResults.ReportingUnit",
                "Type": "other",
                "OtherType": "whole",
                "Name": _text(election),
                "ComposingGpUnitIds": list(unit.values()),
            },
            *(_unit(unit[row["station_id"]], row) for row in stations.iter_rows(named=True)),
        ],
        "Election": [contested],
    }


def write(count: OfficialCount, path: Path, *, election: str, day: str, at: str | None = None) -> None:
    """Write the report of a count; `day` and `at` are texts in ISO 8601.

    Raises
    ------
    CotejoError
        When a text is no day or time, or the file cannot be written.
    """
    try:
        voted = date.fromisoformat(day)
    except ValueError:
        raise CotejoError(f"{day!r} is no day; write it like 2026-03-01 after --day") from None
    generated = parse_time(at) or datetime.now(UTC)
    text = json.dumps(
        report(count, election=election, day=voted, generated=generated), ensure_ascii=False, indent=1
    )
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CotejoError(
            f"{path} cannot be written ({error.strerror}); name another file after --nist"
        ) from None


def _text(text: str) -> dict[str, Any]:
    return {
        "@type": "ElectionResults.InternationalizedText",
        "Text": [{"@type": "ElectionResults.LanguageString", "Content": text, "Language": "und"}],
    }


def _unit(identifier: str, row: dict[str, Any]) -> dict[str, Any]:
    found = {
        "@id": identifier,
        "@type": "ElectionResults.ReportingUnit",
        "Type": "precinct",
        "Name": _text(row["place"] or row["station_id"]),
        "ExternalIdentifier": [
            {
                "@type": "ElectionResults.ExternalIdentifier",
                "Type": "local-level",
                "Value": row["station_id"],
            }
        ],
    }
    if row["registered"] is not None:
        found["VotersRegistered"] = row["registered"]
    if row["voted"] is not None:
        found["VotersParticipated"] = row["voted"]
    return found


def _contest(
    at: int, name: str, part: pl.DataFrame, unit: dict[str, str], candidate: dict[str, str]
) -> dict[str, Any]:
    selections: list[dict[str, Any]] = []
    for number, (option, identifier) in enumerate(candidate.items(), start=1):
        if part[option].null_count() < part.height:
            selections.append(
                {
                    "@id": f"contest-{at}-option-{number}",
                    "@type": "ElectionResults.CandidateSelection",
                    "CandidateIds": [identifier],
                    "VoteCounts": _counts(part, option, unit),
                }
            )
    for column, words in _BESIDE.items():
        if part[column].null_count() < part.height:
            selections.append(
                {
                    "@id": f"contest-{at}-{column}",
                    "@type": "ElectionResults.BallotMeasureSelection",
                    "Selection": _text(words),
                    "VoteCounts": _counts(part, column, unit),
                }
            )
    return {
        "@id": f"contest-{at}",
        "@type": "ElectionResults.CandidateContest",
        "Name": name or "contest",
        "VotesAllowed": 1,
        "ContestSelection": selections,
    }


def _counts(part: pl.DataFrame, column: str, unit: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "ElectionResults.VoteCounts",
            "GpUnitId": unit[station],
            "Type": "total",
            "Count": value,
        }
        for station, value in part.filter(pl.col(column).is_not_null())
        .select("station_id", column)
        .iter_rows()
    ]
