"""Readings without pixels: the bytes of a made-up photo say what shall be read on it.

A made-up photo is a JPEG start followed by JSON: ``form``, ``station``, ``fields`` (name to a number, "blank" or
"illegible"), and optional ``source`` (of the station; qr if left out), ``printed`` (another number printed on the sheet),
``notes`` (the reader's further words), ``unsure`` (names), ``refuse``, ``die``, ``sleep``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from ocr.form import Form, Role
from ocr.reading import FieldReading, Reading, State, SumReading, refusal
from tabulate.blobs import sha256
from tabulate.mission import Mission
from tabulate.reading import ReadSummary, read_photos

VERSION = "fake-1"
START = b"\xff\xd8\xff"


def photo(**what: Any) -> bytes:
    return START + json.dumps(what, sort_keys=True).encode()


def read_all(mission: Mission, at: datetime | None = None) -> ReadSummary:
    """Read in threads: no process has to start."""
    with ThreadPoolExecutor(2) as pool:
        return read_photos(
            mission, executor=pool, workers=2, progress=False, read=read, version=VERSION, at=at
        )


def read(data: bytes, forms: Mapping[str, Form], name: str) -> list[dict[str, Any]]:
    what = json.loads(data[len(START) :])
    time.sleep(what.get("sleep", 0))
    if what.get("die"):
        os._exit(1)
    if what.get("die_once"):
        flag = Path(what["die_once"])
        if not flag.exists():
            flag.touch()
            os._exit(1)
    if what.get("refuse"):
        return [refusal(file=name, sha256=sha256(data), why=what["refuse"], reader=VERSION).to_json()]
    form = forms[what["form"]]
    unsure = set(what.get("unsure", ()))
    fields = {}
    for f in form.votes:
        value = what["fields"][f.name]
        state = State.NUMBER if isinstance(value, int) else State(value)
        number = value if isinstance(value, int) else None
        sure = 0.6 if f.name in unsure else 0.9999
        raw = str(value).zfill(f.digits) if number is not None else {"blank": "___"}.get(value, "???")
        flags = ("crossed-out",) if f.name in what.get("struck", ()) else ()
        fields[f.name] = FieldReading(
            number, state, sure, None, round(1 - sure, 9), raw, sure, number, flags=flags
        )
    if "printed" in what:
        station = next(f.name for f in form.fields if f.role is Role.STATION)
        number = int(what["printed"])
        fields[station] = FieldReading(number, State.NUMBER, 0.999, None, 0.0, what["printed"], 0.999, number)
    sums = []
    for s in form.sums:
        left, right = ([fields[n].value for n in side] for side in (s.left, s.right))
        if None in left or None in right:
            sums.append(SumReading(s.name, s.rule, None, None, None, 0.5))
            continue
        a, b = sum(v or 0 for v in left), sum(v or 0 for v in right)
        holds = a == b if s.rule == "equal" else a <= b
        sums.append(SumReading(s.name, s.rule, a, b, holds, 0.999 if holds else 0.001))
    fails = any(s.holds is False for s in sums)
    reasons = [f"unsure:{n}" for n in sorted(unsure)] + [
        f"sum-fails:{s.sum}" for s in sums if s.holds is False
    ]
    reasons += [f"illegible:{n}" for n, f in fields.items() if f.state is State.ILLEGIBLE]
    reasons += ["station-differs"] if "printed" in what or what.get("codes_differ") else []
    reasons += ["no-station"] if what.get("no_station") else []
    reading = Reading(
        file=name,
        sha256=sha256(data),
        page=1,
        form=form.id,
        verified=form.verified,
        refused=None,
        station_id=what.get("station"),
        station_source=what.get("source", "qr") if what.get("station") else None,
        accepted=not reasons,
        reasons=(*reasons, *what.get("notes", ())),
        probability=0.6 if unsure else 0.999,
        inconsistent=0.999 if fails else 0.001,
        registration=0.95,
        transform=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        size=(100, 80),
        reader=VERSION,
        fields=fields,
        sums=tuple(sums),
        writing=what.get("writing"),
    )
    return [reading.to_json()]
