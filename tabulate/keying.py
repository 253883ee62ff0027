"""What people type and decide. Nothing is overwritten: the latest decision stands, the earlier ones stay readable.

- A *keying* is what one person typed from a photo without seeing the reading or another keying. Two keyings of an acta by
  different people that agree are as good as a reading; two that differ go to a third person.
- A *decision* is made in sight of everything: accept the reading, give other values, refuse a photo, say that it belongs
  to another station, or reopen an acta, which takes back the decisions and keyings made of it so far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from ocr.errors import CotejoError
from ocr.reading import State
from tabulate.intake import RECEIVED, REFUSED
from tabulate.ledger import Entry
from tabulate.mission import Mission
from tabulate.reading import reading_of
from tabulate.register import register_tables

KEYED, DECIDED = "acta-keyed", "acta-decided"
Decision = Literal["accept", "correct", "refuse", "reassign", "reopen"]
# What a person gives for a field: a number, or the state of a field without one.
Values = Mapping[str, int | str]


def key(
    mission: Mission,
    station: str,
    contest: str,
    photo: str,
    values: Values,
    *,
    actor: str,
    page: int = 1,
    at: datetime | None = None,
) -> Entry:
    """Record what one person typed from one photo, blind.

    Parameters
    ----------
    values : mapping
        Field name to a number, or to ``blank``, ``illegible`` or ``absent``.

    Raises
    ------
    CotejoError
        If the photo, station, contest or a field is unknown, or a value is no count; nothing is recorded.
    """
    _check_place(mission, station, contest)
    _check_photo(mission, photo)
    body = {
        "station_id": station,
        "contest": contest,
        "page": page,
        "values": _cells(mission, contest, values),
    }
    return mission.ledger.append(KEYED, body, actor=actor, subject=photo, at=at)


def decide(
    mission: Mission,
    station: str,
    contest: str,
    photo: str | None,
    decision: Decision,
    *,
    actor: str,
    values: Values | None = None,
    to: str | None = None,
    note: str = "",
    page: int = 1,
    more: Sequence[tuple[str, int]] = (),
    at: datetime | None = None,
) -> Entry:
    """Record what a person decided about an acta or a photo.

    Parameters
    ----------
    decision : str
        ``accept`` the readings of `photo` (and of the pages in `more`) as the acta's values; ``correct`` them: `values` are
        what is different, or everything where nothing was read; ``refuse`` this page of the photo, with the reason in
        `note`; ``reassign`` it to the station `to`; ``reopen`` the acta (and the photo, if one is given).
    more : sequence of (str, int)
        Further pages of the acta, as photo and page. A decision about an acta accepts it only if it gives all of its fields.

    Raises
    ------
    CotejoError
        If something is unknown or missing; nothing is recorded.
    """
    _check_place(mission, to if decision == "reassign" and to else station, contest)
    if photo is not None:
        _check_photo(mission, photo)
    elif decision != "reopen":
        raise CotejoError(f"to {decision} needs a photo; name the one that shows the acta")
    body: dict[str, Any] = {
        "decision": decision,
        "station_id": station,
        "contest": contest,
        "page": page,
        "note": note,
    }
    if decision in ("accept", "correct"):
        pages = [(photo or "", page), *more]
        if decision == "correct" and not values:
            raise CotejoError(
                "a correction needs the values that are different; give them, or accept the reading"
            )
        read = _read_values(mission, contest, pages)
        if decision == "accept" and not read:
            raise CotejoError(
                f"nothing was read on photo {(photo or '')[:12]} for {contest}; type the values instead"
            )
        if decision == "accept" and values:
            raise CotejoError("an accepted reading takes no values of its own; correct it instead")
        cells = _cells(mission, contest, values or {})
        # A corrected value stands on the page where the other one was read.
        places = {n: {k: c[k] for k in ("photo", "page")} for n, c in read.items()}
        body["values"] = read | {n: c | places.get(n, {}) for n, c in cells.items()}
        body["pages"] = [list(p) for p in pages]
    elif values:
        raise CotejoError(f"to {decision} takes no values; leave them out")
    if decision == "refuse" and not note.strip():
        raise CotejoError("a refused photo needs the reason; write it in the note")
    if decision == "reassign":
        if to is None or to == station:
            raise CotejoError("a reassigned photo needs the other station that it belongs to; name it")
        body["to"] = to
    return mission.ledger.append(DECIDED, body, actor=actor, subject=photo or "", at=at)


def _check_place(mission: Mission, station: str, contest: str) -> None:
    if contest not in mission.contests:
        raise CotejoError(f"there is no contest {contest!r}; known are {', '.join(mission.contests)}")
    register, _ = register_tables(mission)
    if station not in register["station_id"]:
        raise CotejoError(
            f"the station {station!r} is not in the register; correct the id, or load it into the register first"
        )


def _check_photo(mission: Mission, photo: str) -> None:
    if photo not in mission.blobs or mission.ledger.last(RECEIVED, REFUSED, subject=photo) is None:
        raise CotejoError(f"there is no photo {photo}; take it in first")


def _field_names(mission: Mission, contest: str) -> dict[str, int]:
    """The contest's fields on any of its forms, each with its number of boxes."""
    names: dict[str, int] = {}
    for use in mission.settings.forms:
        if use.contest == contest:
            form = mission.forms[use.id]
            for name in mission.fields_of(use.id, contest):
                names[name] = max(names.get(name, 0), form.field(name).digits)
    return names


def _cells(mission: Mission, contest: str, values: Values) -> dict[str, dict[str, Any]]:
    """The values as they are stored: number or none, state, and what was typed."""
    known = _field_names(mission, contest)
    cells: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if name not in known:
            raise CotejoError(f"there is no field {name!r} in {contest}; known are {', '.join(known)}")
        if isinstance(value, str):
            if value not in set(State) - {State.NUMBER}:
                raise CotejoError(f"{name} is {value!r}; give a whole number, or blank, illegible or absent")
            cells[name] = {"value": None, "state": value, "raw": value}
        elif isinstance(value, bool) or value < 0:
            raise CotejoError(f"{name} is {value}, which is no count of votes; give a whole number from 0")
        elif len(str(value)) > known[name]:
            raise CotejoError(
                f"{name} is {value}, but the form has {known[name]} boxes for it; correct the number"
            )
        else:
            cells[name] = {"value": value, "state": str(State.NUMBER), "raw": str(value)}
    return cells


def _read_values(
    mission: Mission, contest: str, pages: Sequence[tuple[str, int]]
) -> dict[str, dict[str, Any]]:
    """What was read on these pages for the contest, and where; of two photos of one page, what the first says."""
    cells: dict[str, dict[str, Any]] = {}
    for photo, page in pages:
        reading = reading_of(mission, photo, page)
        if reading is None or reading.form is None:
            continue
        if not any(use.contest == contest for use in mission.contests_of(reading.form)):
            continue
        for name in mission.fields_of(reading.form, contest):
            f = reading.fields[name]
            cell = {"value": f.value, "state": str(f.state), "raw": f.raw, "photo": photo, "page": page}
            cells.setdefault(name, cell)
    return cells
