"""Two photos of one acta, held against each other by the same code as two counts.

What is compared is what the machine read. A difference may lie in the reading as well as in the paper: nothing here is confirmed
by anyone, and it carries no grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from ocr.form import Form, Role, load_forms
from ocr.read import read_all
from ocr.reading import Reading, State
from tabulate.compare import compare
from tabulate.mission import Mission

PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
"""Endings by which a command takes a file for a photo."""
CAVEAT = "Two readings of photos: a difference may lie in the reading as well as in the paper."
_LOCAL = (Role.OTHER, Role.UNUSED, Role.STATION)


def is_photo(path: Path) -> bool:
    """Whether a file's name says that it is a photo."""
    return path.suffix.lower() in PHOTOS


def compare_photos(left: Path, right: Path) -> dict[str, Any]:
    """Read two photos of one acta and compare the readings.

    Raises
    ------
    CotejoError
        If one cannot be read, or they show pages of different forms or different stations.
    """
    forms = load_forms()
    read = []
    for path in (left, right):
        if not path.is_file():
            raise CotejoError(f"there is no photo at {path}; check the path")
        pages = [r for r in read_all(path, forms, file=path.name) if r.form is not None]
        if not pages:
            raise CotejoError(
                f"{path.name} could not be read as an acta; take a better photo, or compare by hand"
            )
        read.append(pages[0])
    if read[0].form != read[1].form:
        raise CotejoError(
            f"{left.name} shows the form {read[0].form} and {right.name} the form {read[1].form}; compare photos of one page"
        )
    stations = [r.station_id for r in read]
    if None not in stations and stations[0] != stations[1]:
        raise CotejoError(
            f"{left.name} shows station {stations[0]} and {right.name} station {stations[1]}; compare photos of one acta"
        )
    station = stations[0] or stations[1] or "unknown"
    form = forms[read[0].form or ""]
    sides = [_counts([(station, "", _values(r, form))]) for r in read]
    return {
        "left": left.name,
        "right": right.name,
        "verified": all(r.verified for r in read),
        "note": CAVEAT,
        **compare(sides[0], sides[1]).to_json(),
    }


def compare_photos_of_mission(mission: Mission, tables: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """Every acta page of which several photos were read: the first photo against each later one.

    A page belongs to the station that it says itself, or else to the one that its photo was filed for.
    """
    filed = (
        tables["filings"].drop_nulls("station_id").group_by("photo").agg(filed=pl.col("station_id").first())
    )
    order = tables["photos"].select("photo", "name", "seq")
    pages = (
        tables["readings"]
        .drop_nulls("form")
        .join(filed, on="photo", how="left")
        .with_columns(station=pl.coalesce("station_id", "filed"))
        .drop_nulls("station")
        .join(order, on="photo", how="inner")
        .sort("station", "form", "seq", "page")
    )
    fields = dict(tables["reading_fields"].group_by("photo", "page", maintain_order=True))
    found = []
    for (station, form), part in pages.group_by("station", "form", maintain_order=True):
        seen = part.unique("photo", keep="first", maintain_order=True).select("photo", "page", "name").rows()
        for use in mission.contests_of(str(form)):
            meaning = mission.fields_of(str(form), use.contest)
            first, *others = [(name, _row(fields.get((photo, page)), meaning)) for photo, page, name in seen]
            for name, values in others:
                sides = [_counts([(str(station), use.contest, v)]) for v in (first[1], values)]
                document = compare(sides[0], sides[1]).to_json()
                found.append({"left": first[0], "right": name, "note": CAVEAT, **document})
    return found


def _values(reading: Reading, form: Form) -> dict[str, tuple[int | None, str]]:
    meaning = {f.name: (f.role, f.option if f.role is Role.OPTION else None) for f in form.votes}
    return _summed(
        (meaning[name], found.value, str(found.state))
        for name, found in reading.fields.items()
        if name in meaning
    )


def _row(
    fields: pl.DataFrame | None, meaning: Mapping[str, tuple[Role, str | None]]
) -> dict[str, tuple[int | None, str]]:
    if fields is None:
        return {}
    return _summed(
        (meaning[name], value, state)
        for name, value, state in fields.select("field", "value", "state").iter_rows()
        if name in meaning
    )


def _summed(
    cells: Iterable[tuple[tuple[Role, str | None], int | None, str]],
) -> dict[str, tuple[int | None, str]]:
    """Field as counts call it -> number and state; two fields of one meaning are added up, if both are numbers."""
    out: dict[str, tuple[int | None, str]] = {}
    for (role, option), value, state in cells:
        if role in _LOCAL:
            continue
        name = option or str(role)
        before = out.get(name)
        if before is None:
            out[name] = (value, state)
        elif before[0] is None or value is None:
            out[name] = (None, state if value is None else before[1])
        else:
            out[name] = (before[0] + value, state)
    return out


def _counts(rows: list[tuple[str, str, dict[str, tuple[int | None, str]]]]) -> pl.DataFrame:
    """Rows as a canonical counts frame."""
    unknown = {str(State.ILLEGIBLE), str(State.ABSENT)}
    frames = [
        pl.DataFrame(
            {"station_id": [station], "contest": [contest]}
            | {name: pl.Series([value], dtype=pl.Int64) for name, (value, _) in values.items()}
            | {"unknown": [any(state in unknown for _, state in values.values())]}
        )
        for station, contest, values in rows
    ]
    return pl.concat(frames, how="diagonal")
