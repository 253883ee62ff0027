"""What is still to mend in a form, in sentences: by itself, and laid on scans of the sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form, FormField, Quad, Role
from ocr.found import CLEAR, NotFound, Registration
from ocr.image import Refused, open_picture
from ocr.overlay import draw
from ocr.read import read
from ocr.reading import State, SumReading
from ocr.register import register

FEW_TEXTS = 5
WELL = 0.6  # a form that was measured well fits its scan with at least this score


@dataclass(frozen=True)
class ScanCheck:
    """A form laid on one scan. `score` is None if it was not found; `overlay` is the scan with the boxes drawn on it."""

    file: str
    score: float | None
    orientation: float | None
    mend: tuple[str, ...]
    sums: tuple[SumReading, ...] = ()
    written: int = 0  # fields in which something is written
    overlay: NDArray[np.uint8] | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, without the picture."""
        return {
            "file": self.file,
            "score": self.score,
            "orientation": self.orientation,
            "written": self.written,
            "sums": [{"sum": s.sum, "left": s.left, "right": s.right, "holds": s.holds} for s in self.sums],
            "mend": list(self.mend),
        }


def check_form(form: Form) -> list[str]:
    """What to mend in the form itself, one sentence each; empty if nothing is found."""
    out = []
    if form.country == "XX" and not form.synthetic:
        out.append("country is XX; write the two letters of the sheet's country")
    if not form.source:
        out.append("source is empty; say which document or sheet the layout was taken from")
    unnamed = [f.name for f in form.fields if re.fullmatch(r"row_\d+", f.name)]
    if unnamed:
        out.append(
            f"fields still have their proposed names ({', '.join(unnamed)}); name each after what it counts"
        )
    unlabelled = [f.name for f in form.fields if not f.label and f.name not in unnamed]
    if unlabelled:
        out.append(
            f"fields have no label ({', '.join(unlabelled)}); write the words that the sheet has for them"
        )
    if not form.options:
        out.append('no field has the role "option"; give it to the fields that count votes for a choice')
    out += _sums(form)
    out += _boxes(form)
    if len(form.texts) < FEW_TEXTS and not form.by_code:
        out.append(
            f"only {len(form.texts)} printed texts are given; add some headings with their places, so that the sheet is told from others like it"
        )
    return out


def _sums(form: Form) -> list[str]:
    if not form.sums:
        return ["no sum is given; add the sums that the sheet must fulfil, or nothing can be checked by them"]
    out = []
    for s in form.sums:
        if s.note.startswith("proposed"):
            out.append(f"the sum {s.name} is only proposed; check it against the sheet and delete its note")
        twice = sorted(set(s.left) & set(s.right))
        if twice:
            out.append(f"the sum {s.name} has {twice[0]} on both sides; take it out of one")
    equal = {n for s in form.sums if s.rule == "equal" for n in (*s.left, *s.right)}
    for f in form.fields:
        if f.role is Role.OPTION and f.name not in equal:
            out.append(f"the votes of {f.name} are in no sum; add the field to the sum that it counts in")
    return out


def _boxes(form: Form) -> list[str]:
    out = []
    for f in form.fields:
        lefts = [b[0] for b in f.boxes]
        if lefts != sorted(lefts):
            out.append(f"the boxes of {f.name} do not run from left to right; order them")
        heights = [b[3] for b in f.boxes]
        if heights and max(heights) > 1.3 * min(heights):
            out.append(f"the boxes of {f.name} differ in height; measure them again")
    for a, b in combinations([f for f in form.fields if f.boxes], 2):
        if _overlap(a, b):
            out.append(f"the boxes of {a.name} and {b.name} overlap; move one of them")
    return out


def _overlap(a: FormField, b: FormField) -> bool:
    def shared(p: Quad, q: Quad) -> float:
        w = min(p[0] + p[2], q[0] + q[2]) - max(p[0], q[0])
        h = min(p[1] + p[3], q[1] + q[3]) - max(p[1], q[1])
        return max(w, 0.0) * max(h, 0.0) / min(p[2] * p[3], q[2] * q[3])

    return any(shared(p, q) > 0.1 for p in a.boxes for q in b.boxes)


def check_scan(form: Form, data: bytes, known: Mapping[str, Form], file: str) -> ScanCheck:
    """Lay the form on a scan of its sheet, blank or filled.

    Parameters
    ----------
    form : Form
    data : bytes
        Of the scan; its first page is looked at.
    known : mapping of str to Form
        The other forms, to see whether the scan is taken for one of them.
    file : str
        The scan's name, for people.
    """
    try:
        pixels = open_picture(data).pixels
    except Refused as e:
        return ScanCheck(file, None, None, (str(e),))
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
    try:
        found = register(gray, [form])
    except NotFound as e:
        return ScanCheck(
            file,
            None,
            None,
            (
                f"the form is not found on this scan ({e}); compare the page's size and the printed lines with it",
            ),
        )
    mend = _placed(form, found)
    others = {**known, form.id: form}
    try:
        taken = register(gray, list(others.values())).form.id
    except NotFound:
        taken = form.id
    if taken != form.id:
        mend.append(
            f"among all known forms this scan is taken for {taken}; add printed texts that only this one has"
        )
    reading = read(data, {form.id: form}, file=file)
    written = sum(f.state is not State.BLANK for f in reading.fields.values())
    if written:
        mend += [
            f"the sum {s.sum} does not hold as it was read ({s.left} against {s.right}); look whether the sheet or the form is wrong"
            for s in reading.sums
            if s.holds is False
        ]
    return ScanCheck(
        file,
        found.score,
        found.orientation,
        tuple(mend),
        reading.sums,
        written,
        draw(pixels, found, names=True),
    )


def _placed(form: Form, found: Registration) -> list[str]:
    mend = []
    if found.score < WELL:
        mend.append(
            f"the form fits only with a score of {found.score:.2f}, below {WELL}; compare its lines and boxes with the picture"
        )
    for f in form.fields:
        if f.edges != "none" and found.seen.get(f.name, 1.0) < CLEAR:
            mend.append(f"the edges of the boxes of {f.name} are not seen; measure its boxes again")
    return mend
