"""The authority's feed as evidence: gaps, counts that shrink, columns that change, files that stop or come again unchanged.

What is noticed goes into the ledger once, and the table ``feed`` is made from it. A note is a fact about the published files and
says nothing about why; it is no finding and has no grade.

============  =====================================================================================================
``gap``       between two files more than three times the usual interval (the median of those before, three at least)
``stopped``   the same, and nothing has come since
``fewer``     fewer actas, fewer counted ones or fewer votes in them than in the file before
``columns``   the file has other columns than the one before, or in another order
``repeated``  the same bytes came again, under another name or time
``refused``   a file could not be taken over; its bytes are kept
============  =====================================================================================================
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import polars as pl

from tabulate.ledger import Entry, utc_now
from tabulate.mission import Mission
from tabulate.schema import conform, empty

NOTED = "feed-noted"
IMPORTED = "snapshot-imported"  # as in `tabulate.snapshots`, which stands above this
KINDS = ("gap", "stopped", "fewer", "columns", "repeated", "refused")
SENTENCES = {
    "gap": "Nothing came for {minutes} minutes, from {since} to {until}; usual are {usual}.",
    "stopped": "Nothing has come since {since}, for {minutes} minutes at {until}; usual are {usual}.",
    "fewer": "{what} fell from {before} to {after}.",
    "columns": "The file's columns changed: added {added}, gone {gone}{moved}.",
    "repeated": "The bytes of {name} had come before, as {snapshot}.",
    "refused": "{name} was not taken over: {reason}",
}
_TIMES = 3
_ENOUGH = 3  # intervals before one can be unusual
_SHORTEST = timedelta(minutes=15)
_WHAT = {
    "actas": "The number of actas",
    "counted": "The number of counted actas",
    "votes": "The votes in counted actas",
}


def notes(snapshots: Iterable[Entry], now: datetime | None = None) -> list[dict[str, Any]]:
    """What is to be noted about a sequence of imported snapshots.

    Parameters
    ----------
    snapshots
        Ledger entries of imports.
    now
        For ``stopped``; without it, silence that lasts is not noted.

    Returns
    -------
    list of dict
        ``kind``, ``contest``, ``snapshot`` (the later one), ``at`` (ISO 8601), ``numbers`` (what `SENTENCES` names).
    """
    feeds: dict[str, list[Entry]] = {}
    for entry in sorted(snapshots, key=lambda e: (e.body["taken_at"], e.seq)):
        for contest in entry.body.get("contests") or [""]:
            feeds.setdefault(contest, []).append(entry)
    found: list[dict[str, Any]] = []
    for contest, entries in sorted(feeds.items()):
        times = [datetime.fromisoformat(e.body["taken_at"]) for e in entries]
        steps = [later - earlier for earlier, later in itertools.pairwise(times)]
        for number, (before, after) in enumerate(itertools.pairwise(entries)):
            note = {"contest": contest, "snapshot": after.body["snapshot"], "at": after.body["taken_at"]}
            usual = _usual(steps[:number])
            if usual is not None and steps[number] > _TIMES * usual:
                found.append(
                    {**note, "kind": "gap", "numbers": _times(times[number], times[number + 1], usual)}
                )
            found += [{**note, **more} for more in _changed(contest, before, after)]
        usual = _usual(steps)
        if now is not None and usual is not None and now - times[-1] > _TIMES * usual:
            found.append(
                {
                    "contest": contest,
                    "snapshot": entries[-1].body["snapshot"],
                    "at": now.astimezone(UTC).isoformat(timespec="seconds"),
                    "kind": "stopped",
                    "numbers": _times(times[-1], now, usual),
                }
            )
    return found


def record(
    mission: Mission, *, actor: str, now: datetime | None = None, more: Iterable[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """Write into the ledger what it does not have yet, and return that.

    Parameters
    ----------
    more
        Notes that do not follow from the snapshots: ``repeated``, ``refused``.
    """
    with mission.ledger.writing() as writer:
        known = {_key(e.body) for e in writer.entries(NOTED)}
        fresh = [n for n in (*notes(writer.entries(IMPORTED), now), *more) if _key(n) not in known]
        for note in fresh:
            writer.append(NOTED, note, actor=actor, subject=str(note.get("blob", "")))
    return fresh


def refused_or_repeated(
    kind: str, name: str, blob: str, at: datetime | None = None, **numbers: str
) -> dict[str, Any]:
    """A note about a file that gave no new snapshot."""
    return {
        "kind": kind,
        "contest": "",
        "snapshot": numbers.get("snapshot", ""),
        "at": (at or utc_now()).astimezone(UTC).isoformat(timespec="seconds"),
        "blob": blob,
        "numbers": {"name": name, **numbers},
    }


def sentence(note: dict[str, Any]) -> str:
    """The note in English."""
    return SENTENCES[note["kind"]].format(**note["numbers"])


def feed_table(mission: Mission) -> pl.DataFrame:
    """The table ``feed``, from the ledger."""
    rows = [
        {
            "seq": e.seq,
            "kind": e.body["kind"],
            "contest": e.body["contest"] or None,
            "snapshot": e.body["snapshot"] or None,
            "at": datetime.fromisoformat(e.body["at"]).astimezone(UTC),
            "noted_at": datetime.fromisoformat(e.at),
            "sentence": sentence(e.body),
            "numbers": json.dumps(e.body["numbers"], sort_keys=True, ensure_ascii=False),
        }
        for e in mission.ledger.entries(NOTED)
    ]
    return conform(
        "feed", pl.DataFrame(rows, schema=empty("feed").schema, orient="row") if rows else empty("feed")
    )


def _key(note: dict[str, Any]) -> tuple[str, ...]:
    what = note["numbers"].get("what", "")
    name = "" if note["kind"] == "stopped" else str(note["numbers"].get("name", ""))
    return note["kind"], note["contest"], note["snapshot"], what, name, note.get("blob", "")


def _usual(steps: list[timedelta]) -> timedelta | None:
    if len(steps) < _ENOUGH:
        return None
    return max(timedelta(seconds=median(s.total_seconds() for s in steps)), _SHORTEST / _TIMES)


def _times(since: datetime, until: datetime, usual: timedelta) -> dict[str, Any]:
    return {
        "minutes": round((until - since).total_seconds() / 60),
        "since": since.astimezone(UTC).isoformat(timespec="seconds"),
        "until": until.astimezone(UTC).isoformat(timespec="seconds"),
        "usual": round(usual.total_seconds() / 60),
    }


def _changed(contest: str, before: Entry, after: Entry) -> list[dict[str, Any]]:
    """What became less, and the columns; only where both entries say."""
    ours, theirs = before.body.get("facts"), after.body.get("facts")
    if not ours or not theirs:
        return []
    found = []
    mine, their = ours["contests"].get(contest, {}), theirs["contests"].get(contest, {})
    for what, words in _WHAT.items():
        if what in mine and what in their and their[what] < mine[what]:
            found.append(
                {"kind": "fewer", "numbers": {"what": words, "before": mine[what], "after": their[what]}}
            )
    if ours["columns"] != theirs["columns"] and before.body["format"] == after.body["format"]:
        added = [c for c in theirs["columns"] if c not in ours["columns"]]
        gone = [c for c in ours["columns"] if c not in theirs["columns"]]
        moved = "" if added or gone else "; the same in another order"
        numbers = {"added": ", ".join(added) or "none", "gone": ", ".join(gone) or "none", "moved": moved}
        found.append({"kind": "columns", "numbers": numbers})
    return found
