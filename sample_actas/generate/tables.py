"""The tables beside the photos: register, two official snapshots, truth, and the list of what was planted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ocr.form import load_forms
from sample_actas.generate import plan
from sample_actas.generate.election import GOVERNOR, OPTIONS, PRESIDENT, SPECIAL, Station
from sample_actas.generate.plan import Sheet
from sample_actas.generate.sheet import as_written

ALL_OPTIONS = tuple(o for options in OPTIONS.values() for o in options)
OFFICIAL = (
    "station_id",
    "contest",
    "place",
    "region",
    "registered",
    "voted",
    "cast",
    "valid",
    "blank",
    "null",
    "status",
)
PLANTED = ("kind", "station_id", "contest", "field", "photo", "expect_audit", "expect_grade", "note")
REGISTER = (
    "station_id",
    "place_id",
    "place",
    "region",
    "subregion",
    "registered",
    "has_list",
    "latitude",
    "longitude",
    "stratum",
    "contests",
)
SNAPSHOTS = ("2026-11-08T23:10:00Z", "2026-11-09T06:40:00Z")


def write(folder: Path, stations: list[Station], sheets: list[Sheet]) -> None:
    """Write every table into the folder."""
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    tables = {
        "register.csv": _csv(REGISTER, map(_register, stations)),
        "official_1.csv": _csv((*OFFICIAL, *ALL_OPTIONS), official(sheets, 1)),
        "official_2.csv": _csv((*OFFICIAL, *ALL_OPTIONS), official(sheets, 2)),
        "photos/truth.csv": _csv(("file", "field", "value", "as_written", "note"), truth(sheets)),
        "planted.csv": _csv(PLANTED, planted(sheets)),
    }
    for name, text in tables.items():
        (folder / name).write_bytes(text.encode())


def _csv(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _register(s: Station) -> dict[str, Any]:
    return {
        "station_id": s.id,
        "place_id": s.place_id,
        "place": s.place,
        "region": s.region.name,
        "subregion": s.subregion,
        "registered": "" if s.registered is None else s.registered,
        "has_list": "true" if s.registered is not None else "false",
        "latitude": f"{s.latitude:.5f}",
        "longitude": f"{s.longitude:.5f}",
        "stratum": s.region.code,
        "contests": ";".join(s.counts),
    }


def official(sheets: list[Sheet], snapshot: int) -> list[dict[str, Any]]:
    """The authority's published count at one time: the actas as they are written, but for what was planted."""
    rows = []
    for sheet in sheets:
        s = sheet.station
        if s.id == plan.NOT_IN_REGISTER:
            continue
        row: dict[str, Any] = {
            "station_id": s.id,
            "contest": sheet.contest,
            "place": s.place,
            "region": s.region.name,
            "registered": "" if s.registered is None else s.registered,
            "status": _status(sheet, snapshot),
        }
        if row["status"] == "computada":
            values = _published(sheet, snapshot)
            names = ("voted", "cast", "valid", "blank", "null", *OPTIONS[sheet.contest])
            row |= {name: values.get(name, "") for name in names}
        rows.append(row)
    return rows


def _status(sheet: Sheet, snapshot: int) -> str:
    station, first = sheet.station.id, snapshot == 1
    pending = station in plan.PENDING_STILL or (first and station in plan.PENDING_FIRST)
    if sheet.contest == GOVERNOR:
        return "pendiente" if first and station in plan.PENDING_GOVERNOR_FIRST else "computada"
    if first and station in plan.HELD_FIRST:
        return "observada"
    return "pendiente" if pending else "computada"


def _published(sheet: Sheet, snapshot: int) -> dict[str, int]:
    values = dict(sheet.values)
    if sheet.contest != PRESIDENT:
        return values
    station = sheet.station.id
    wrong = {**plan.TRANSPOSED, **plan.CHANGED_DIGIT, **(plan.REVISED if snapshot == 1 else {})}
    if station in wrong:
        # The authority's system adds up what was typed, so valid and cast move with the option.
        option, right, typed = wrong[station]
        if values[option] != right:
            raise ValueError(
                f"station {station} has {values[option]} votes for {option}, not {right}; correct the plan"
            )
        for name in (option, "valid", "cast"):
            values[name] += typed - right
    if station in plan.SWAPPED:
        a, b = plan.SWAPPED[station]
        values[a], values[b] = values[b], values[a]
    return values


def truth(sheets: list[Sheet]) -> list[dict[str, Any]]:
    """What a clerk would type from every photo."""
    forms = load_forms()
    rows: list[dict[str, Any]] = []
    for sheet in sheets:
        for photo in sheet.photos:
            if photo.kind != "acta" or sheet.station.id == plan.TOO_POOR:
                why = "another document" if photo.kind != "acta" else "too blurred to read"
                rows.append(
                    {
                        "file": photo.file,
                        "field": "refuse",
                        "value": 1,
                        "note": f"{why}: reading must refuse it",
                    }
                )
                continue
            form = forms[sheet.forms[photo.page]]
            note = (
                "does not add up" if sheet.contest == PRESIDENT and sheet.station.id in plan.WRONG_SUM else ""
            )
            for f in form.votes:
                printed = f.writing == "print"
                written = as_written(sheet.values[f.name], f.digits, "zeros" if printed else sheet.style)
                rows.append(
                    {
                        "file": photo.file,
                        "field": f.name,
                        "value": sheet.values[f.name],
                        "as_written": written,
                        "note": "printed" if printed else note,
                    }
                )
    return rows


def planted(sheets: list[Sheet]) -> list[dict[str, Any]]:
    """Every problem on purpose, one row per field, and where it should turn up."""
    by_station = {s.station.id: s for s in sheets if s.contest == PRESIDENT}
    rows: list[dict[str, Any]] = []

    def add(
        kind: str,
        station: str,
        field: str = "",
        expect: str = "",
        note: str = "",
        *,
        photo: str | None = None,
    ) -> None:
        audit, _, grade = expect.partition(" ")
        seen = photo or _photo(by_station, station)
        rows.append(
            dict(zip(PLANTED, (kind, station, PRESIDENT, field, seen, audit, grade, note), strict=True))
        )

    for kind, wrong in (("official-transposition", plan.TRANSPOSED), ("official-digit", plan.CHANGED_DIGIT)):
        for station, (option, right, typed) in wrong.items():
            values = by_station[station].values
            for name in (option, "valid", "cast"):
                was = values[name]
                add(
                    kind,
                    station,
                    name,
                    "comparison A",
                    f"the acta says {was}, both snapshots say {was + typed - right}",
                )
    for station, pair in plan.SWAPPED.items():
        values = by_station[station].values
        for name, other in (pair, pair[::-1]):
            add(
                "official-swap",
                station,
                name,
                "comparison A",
                f"the acta says {values[name]}, both snapshots say {values[other]}",
            )
    for station, (_, sums) in plan.LOST_VOTES.items():
        for name in sums:
            add(
                "does-not-add-up",
                station,
                name,
                "arithmetic B",
                "votes fewer than voters; the official count has it as written",
            )
    for station, (_, sums) in plan.SLIPS.items():
        for name in sums:
            add(
                "does-not-add-up",
                station,
                name,
                note="a slip in adding; must go to a person (sum-fails), who alone can confirm it; the official count has it as written",
            )
    for station in plan.FILED_TWICE:
        add(
            "filed-twice",
            station,
            "",
            "filings A",
            f"the same file; the sheet is that of {plan.FILED_TWICE[0]}",
            photo=f"{station}.jpg",
        )
    add(
        "not-in-register",
        plan.NOT_IN_REGISTER,
        "",
        "filings B",
        "a real-looking acta of a station that the register does not have",
    )
    add(
        "too-poor", plan.TOO_POOR, note="must be refused or go to a person; the station stays without a tally"
    )
    add(
        "wrong-page",
        plan.WRONG_PAGE,
        note="an attendance list; must be refused, the station stays without a tally",
    )
    add("upside-down", plan.UPSIDE_DOWN, note="must be read like any other")
    add("no-acta", plan.NO_ACTA, note="in the register and in the official count, but no photo came")
    for station, (option, right, first) in plan.REVISED.items():
        add(
            "revision",
            station,
            option,
            note=f"{first} in the first snapshot, {right} in the second and on the acta; a revision, not a flag",
        )
    add(
        "no-list",
        SPECIAL,
        note="a station for voters in transit, without a list; more votes than a list is not possible here",
    )
    add(
        "second-photo",
        plan.SECOND_PHOTO,
        note="two photos of one acta that agree",
        photo=f"{plan.SECOND_PHOTO}_2.jpg",
    )
    return rows


def _photo(by_station: dict[str, Sheet], station: str) -> str:
    photos = by_station[station].photos
    return photos[0].file if photos else ""
