"""What the machine saw on one photo: the contract between reading and everything behind it.

A `Reading` is a fact about one photo (by its SHA-256), made by one version of the reader. It is never changed: a
better reader makes another reading. It is plain data, so it goes through JSON and back without loss.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

DECIMALS = 9  # floats are rounded so that the same reading has the same bytes


class State(StrEnum):
    """Four things that look alike and are not: 0 is a NUMBER, and these."""

    NUMBER = "number"
    BLANK = "blank"  # nothing written
    ILLEGIBLE = "illegible"  # something written that cannot be read
    ABSENT = "absent"  # this page was not seen at all


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One number as it was read.

    `value` is None unless `state` is NUMBER. `raw` has one character a box: a digit, ``_`` blank, ``x`` a mark (X, dash,
    dot), ``#`` crossed out, ``?`` illegible. `probability` is that of value and state together, given the whole sheet; `alone` is
    the same from this field's own boxes, as the sheet's hand writes them (`ocr.hand`), before the sums were weighed. `boxes` are the four corners (x, y) of each box
    in pixels of the upright photo (after its EXIF orientation), clockwise from the top left: from them anyone can cut the crop again.
    """

    value: int | None
    state: State
    probability: float
    runner_up: int | None
    runner_up_probability: float
    raw: str
    alone: float
    alone_value: int | None
    boxes: tuple[tuple[tuple[float, float], ...], ...] = ()
    flags: tuple[str, ...] = ()  # "crossed-out", "odd-filling", "against-boxes"
    method: str = "pixels"  # or "text": a PDF's own text, borne out by what the page shows


@dataclass(frozen=True, slots=True)
class SumReading:
    """Whether a sum of the form holds on the values as written.

    `left` and `right` are None if a value is missing (a blank or illegible row is never taken for 0). Then `holds` is False if no
    number in the missing rows could make the sum hold, and None otherwise; `known` has the totals of the numbers that are there.
    """

    sum: str
    rule: str
    left: int | None
    right: int | None
    holds: bool | None
    # Posterior probability that the sheet was written so that this sum holds.
    probability: float
    known: tuple[int, int] | None = None  # None where nothing is missing


@dataclass(frozen=True, slots=True)
class CodeReading:
    """A QR or bar code on the photo."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One photo, read. Made by `ocr.read.read`.

    Attributes
    ----------
    file : str
        The name the photo was given, for people only.
    sha256 : str
        Of the original bytes (of the file; pages of a PDF share it and differ in `page`).
    page : int
        Page within the file, from 1.
    form : str or None
        Id of the form; None if the photo was refused.
    verified : bool
        Whether that form was ever read from real sheets.
    refused : str or None
        Why nothing was read: one sentence. Then `fields` is empty.
    station_id : str or None
        The station as the sheet itself says it (from a code or its printed number); always a string.
    station_source : str or None
        ``"qr"``, ``"code128"``, ..., ``"printed"``.
    accepted : bool
        The reader's own opinion that no person is needed.
    reasons : tuple of str
        Why a person should look; short stable identifiers such as ``"sum-fails:valid"``, ``"unsure:pdc"``, ``"blank:pdc"``. An accepted
        reading has none but ``"no-station"``: without a station on the sheet the sender's claim may do.
    probability : float
        That every field is right as given (value and state).
    inconsistent : float
        Probability that the sheet was written so that some sum does not hold.
    registration : float
        How well the printed boxes were found, 0 to 1.
    transform : tuple of float
        3x3 homography, row by row, from page units to pixels of the upright photo (coarse; `FieldReading.boxes` are the fine ones).
    size : (int, int)
        Width and height in pixels of the upright photo.
    reader : str
        Version of the reader and the hash of its network.
    writing : str or None
        Fingerprint of what is written in the boxes (`ocr.same`); None where too little is, or no box was cut.
    """

    file: str
    sha256: str
    page: int
    form: str | None
    verified: bool
    refused: str | None
    station_id: str | None
    station_source: str | None
    accepted: bool
    reasons: tuple[str, ...]
    probability: float
    inconsistent: float
    registration: float
    transform: tuple[float, ...]
    size: tuple[int, int]
    reader: str
    fields: dict[str, FieldReading]
    sums: tuple[SumReading, ...]
    codes: tuple[CodeReading, ...] = ()
    writing: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, floats rounded to nine digits."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Reading:
        """The inverse of `to_json`; keys that this version does not know are ignored."""
        known = {f.name for f in dataclasses.fields(cls)}
        d = {k: v for k, v in data.items() if k in known}
        d["fields"] = {
            name: FieldReading(
                **{
                    **f,
                    "state": State(f["state"]),
                    "boxes": tuple(tuple((p[0], p[1]) for p in box) for box in f["boxes"]),
                    "flags": tuple(f["flags"]),
                }
            )
            for name, f in data["fields"].items()
        }
        d["sums"] = tuple(
            SumReading(**{**s, "known": tuple(s["known"]) if s.get("known") else None}) for s in data["sums"]
        )
        d["codes"] = tuple(CodeReading(**c) for c in data["codes"])
        for name in ("reasons", "transform", "size"):
            d[name] = tuple(d[name])
        return cls(**d)


def refusal(
    *,
    file: str,
    sha256: str,
    why: str,
    reader: str,
    page: int = 1,
    size: tuple[int, int] = (0, 0),
    codes: tuple[CodeReading, ...] = (),
) -> Reading:
    """The reading of a photo on which nothing could be read; `why` is one sentence for people."""
    return Reading(
        file=file,
        sha256=sha256,
        page=page,
        form=None,
        verified=False,
        refused=why,
        station_id=None,
        station_source=None,
        accepted=False,
        reasons=("refused",),
        probability=0.0,
        inconsistent=0.0,
        registration=0.0,
        transform=(),
        size=size,
        reader=reader,
        fields={},
        sums=(),
        codes=codes,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
