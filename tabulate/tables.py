"""From the ledger to tables: what arrived, what was read, what people did. No judgement here; that is `tabulate.tally`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import polars as pl

from ocr.form import Role
from tabulate.intake import RECEIVED, REFUSED
from tabulate.keying import DECIDED, KEYED
from tabulate.ledger import Entry
from tabulate.mission import Mission
from tabulate.reading import READ
from tabulate.schema import conform, empty

Row = dict[str, Any]


def frame(name: str, rows: Iterable[Row]) -> pl.DataFrame:
    """The rows as the table `name`, in the contract's shape."""
    return conform(name, pl.DataFrame(list(rows), schema=empty(name).schema, orient="row"))


def arrivals(mission: Mission) -> dict[str, pl.DataFrame]:
    """The tables ``photos``, ``filings`` and ``refusals``."""
    photos: dict[str, Row] = {}
    filings: dict[tuple[str, str | None], Row] = {}
    refusals: list[Row] = []
    for e in mission.ledger.entries(RECEIVED, REFUSED):
        b, photo, at = e.body, e.subject, datetime.fromisoformat(e.at)
        who = {"name": b["name"], "at": at, "source": b["source"], "actor": e.actor, "seq": e.seq}
        if e.kind == REFUSED:
            named = {k: b[k] for k in ("bytes", "reason", "message", "kept")}
            refusals.append({**who, **named, "photo": photo or None})
            if not b["kept"]:
                continue
        row = photos.setdefault(
            photo,
            {
                **who,
                "photo": photo,
                "bytes": b["bytes"],
                "kind": b.get("kind") or b["reason"],
                "pages": b.get("pages", 1),
            }
            | {"arrivals": 0, "refused": b.get("message")},
        )
        row["arrivals"] += 1
        filings.setdefault((photo, b["station_id"]), {**who, "photo": photo, "station_id": b["station_id"]})
    claimed: dict[str, int] = {}
    for photo, station in filings:
        claimed[photo] = claimed.get(photo, 0) + (station is not None)
    for photo, row in photos.items():
        row["stations"] = claimed[photo]
    return {
        "photos": frame("photos", photos.values()),
        "filings": frame("filings", filings.values()),
        "refusals": frame("refusals", refusals),
    }


def readings(mission: Mission) -> dict[str, pl.DataFrame]:
    """The tables ``readings``, ``reading_fields`` and ``reading_sums``: the latest reading of each photo.

    ``first_read`` (``photo``, ``seq``: the entry of its first reading) is a step on the way to the tally and no table of its own.
    """
    latest: dict[str, int] = {}
    first: dict[str, int] = {}
    for e in mission.ledger.entries(READ):
        latest[e.subject] = e.seq
        first.setdefault(e.subject, e.seq)
    pages: list[Row] = []
    fields: list[Row] = []
    sums: list[Row] = []
    for e in mission.ledger.entries(READ):
        if latest[e.subject] != e.seq:
            continue
        for r in e.body["readings"]:
            at = {"photo": e.subject, "page": r["page"]}
            form = mission.forms.get(r["form"] or "")
            pages.append(
                {k: r[k] for k in _PAGE}
                | at
                | {
                    "acta": form.acta if form else None,
                    "acta_page": form.page.number if form else None,
                    "reasons": joined(r["reasons"]),
                    "width": r["size"][0],
                    "height": r["size"][1],
                    "writing": r.get("writing"),  # readings made before there was one have none
                }
            )
            for name, f in r["fields"].items():
                described = {x.name: x for x in form.fields} if form else {}
                known = described.get(name)
                fields.append(
                    {k: f[k] for k in _FIELD}
                    | at
                    | {
                        "field": name,
                        "role": str(known.role if known else Role.OTHER),
                        "option": known.option if known and known.role is Role.OPTION else None,
                        "flags": joined(f["flags"]),
                    }
                )
            sums.extend({k: s[k] for k in _SUM} | at for s in r["sums"])
    return {
        "readings": frame("readings", pages),
        "reading_fields": frame("reading_fields", fields),
        "reading_sums": frame("reading_sums", sums),
        "first_read": pl.DataFrame(
            list(first.items()), schema={"photo": pl.String, "seq": pl.Int64}, orient="row"
        ),
    }


_PAGE = (
    "form",
    "verified",
    "refused",
    "station_id",
    "station_source",
    "accepted",
    "probability",
    "inconsistent",
    "registration",
    "reader",
)
_FIELD = (
    "value",
    "state",
    "probability",
    "runner_up",
    "runner_up_probability",
    "raw",
    "alone",
    "alone_value",
)
_SUM = ("sum", "rule", "left", "right", "holds", "probability")


def human(mission: Mission) -> dict[str, pl.DataFrame]:
    """The tables ``keyings`` and ``decisions``, and ``decided``: the values of the decisions that stand, long.

    ``decided`` (``seq``, ``station_id``, ``contest``, ``actor``, ``field``, ``value``, ``state``, ``raw``, ``photo``,
    ``page``) is a step on the way to the tally and no table of its own; so are ``keyed``, the keyings that still count,
    ``moved`` (``photo``, ``page``, ``to``; null if the page was refused), what became of single pages, and ``decided_pages``
    (``seq``, ``station_id``, ``contest``, ``photo``, ``page``), what the decisions that stand were made from.
    """
    entries = list(mission.ledger.entries(KEYED, DECIDED))
    standing = _standing(entries)
    meanings = {(m["contest"], m["field"]): m for m in meanings_of(mission).iter_rows(named=True)}
    keyings: list[Row] = []
    keyed: list[Row] = []
    decisions: list[Row] = []
    decided: list[Row] = []
    moved: list[Row] = []
    made_from: list[Row] = []
    for e in entries:
        b, at = e.body, datetime.fromisoformat(e.at)
        place = {
            "seq": e.seq,
            "station_id": b["station_id"],
            "contest": b["contest"],
            "actor": e.actor,
            "page": b["page"],
        }
        cells = [
            place | {"photo": e.subject, "field": name} | cell for name, cell in b.get("values", {}).items()
        ]
        if e.kind == KEYED:
            for c in cells:
                m = meanings.get((b["contest"], c["field"]), {"role": str(Role.OTHER), "option": None})
                keyings.append(
                    {k: v for k, v in c.items() if k != "page"}
                    | {"at": at, "role": m["role"], "option": m["option"]}
                )
            keyed.extend(cells if e.seq in standing else [])
            continue
        decisions.append(
            place
            | {
                "at": at,
                "decision": b["decision"],
                "photo": e.subject or None,
                "note": b["note"],
                "stands": e.seq in standing,
            }
            | {"station_id": b.get("to", b["station_id"]), "page": b["page"] if e.subject else None}
        )
        if e.seq in standing:
            decided.extend(cells)
            made_from.extend(place | {"photo": photo, "page": page} for photo, page in _pages_of(e))
            if b["decision"] in ("refuse", "reassign"):
                moved.append({"photo": e.subject, "page": b["page"], "to": b.get("to")})
    return {
        "keyings": frame("keyings", keyings),
        "decisions": frame("decisions", decisions),
        "keyed": pl.DataFrame(keyed, schema=_CELLS, orient="row"),
        "decided": pl.DataFrame(decided, schema=_CELLS, orient="row"),
        "moved": pl.DataFrame(
            moved, schema={"photo": pl.String, "page": pl.Int64, "to": pl.String}, orient="row"
        ),
        "decided_pages": pl.DataFrame(
            made_from, schema={c: _CELLS[c] for c in ("seq", "station_id", "contest", "photo", "page")}
        ),
    }


_CELLS: Mapping[str, type[pl.DataType]] = {
    "seq": pl.Int64,
    "station_id": pl.String,
    "contest": pl.String,
    "actor": pl.String,
    "photo": pl.String,
    "page": pl.Int64,
    "field": pl.String,
    "value": pl.Int64,
    "state": pl.String,
    "raw": pl.String,
}


def _standing(entries: list[Entry]) -> set[int]:
    """The entries that no later one took the place of.

    Who refuses a page, or says that it belongs to another station, also ends what was decided or typed from it for any
    other station: else its votes would count twice. For the same reason a decision made from a page ends its earlier move.
    """
    actas: dict[tuple[str, str], Entry] = {}
    photos: dict[tuple[str, int], Entry] = {}
    typed: dict[tuple[str, str, str, str, int], Entry] = {}
    for e in entries:
        b = e.body
        acta, photo = (b["station_id"], b["contest"]), (e.subject, b["page"])
        if e.kind == KEYED:
            typed[(*acta, e.actor, *photo)] = e
        elif b["decision"] in ("refuse", "reassign"):
            photos[photo] = e
            to = b.get("to")
            actas = {k: v for k, v in actas.items() if k[0] == to or photo not in _pages_of(v)}
            typed = {k: v for k, v in typed.items() if k[0] == to or k[3:] != photo}
        else:
            actas[acta] = e
            for page in _pages_of(e):
                if page in photos and photos[page].body.get("to") not in (None, b["station_id"]):
                    del photos[page]
            if b["decision"] == "reopen":
                photos.pop(photo, None)
                typed = {k: v for k, v in typed.items() if k[:2] != acta}
    return {e.seq for e in (*actas.values(), *photos.values(), *typed.values())}


def _pages_of(decision: Entry) -> list[tuple[str, int]]:
    """The pages that a decision about an acta was made from; none for other decisions."""
    return [(photo, page) for photo, page in decision.body.get("pages", ())]


def meanings_of(mission: Mission) -> pl.DataFrame:
    """What every field of every form counts, contest by contest: form, acta, acta_page, contest, field, role, option, order."""
    rows: list[Row] = []
    for use in mission.settings.forms:
        form = mission.forms[use.id]
        for order, (field, (role, option)) in enumerate(mission.fields_of(use.id, use.contest).items()):
            where = {"form": use.id, "acta": form.acta, "acta_page": form.page.number, "contest": use.contest}
            rows.append(where | {"field": field, "role": str(role), "option": option, "order": order})
    text = dict.fromkeys(("form", "acta", "contest", "field", "role", "option"), pl.String)
    return pl.DataFrame(rows, schema={**text, "acta_page": pl.Int64, "order": pl.Int64}, orient="row")


def joined(reasons: Iterable[str]) -> str:
    """Several short identifiers in one cell."""
    return ";".join(sorted(set(reasons)))
