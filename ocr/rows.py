"""Sheets that exist with more or fewer rows: which of them a photo shows.

One election day's sheets may differ in nothing but the rows of a table that is as high everywhere (`ocr.form_like`). A form with a row less is
then bent onto the photo's rows nearly as well as the right one, its last row and all that is printed below it a row off. Whoever starts from that
finds the right one on the same rows: there it lies better, for it has a line for the last row too, and its texts stand in their places.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ocr.elsewhere import a_step, here
from ocr.form import Form, load_forms
from ocr.match import Match, Matcher
from ocr.print_there import F64, InPlace, ToPhoto, in_place
from ocr.skeleton import LONG, per_form
from ocr.snap import Pyramid
from ocr.twins import twins

OTHER_PITCH = 0.02  # part by which rows of two sheets differ in height
HIGHEST = 0.05  # of a page: a row as high, to look for a text a row off
TRIES = 3  # better rows looked for one from another
OUT_OF_STEP = 0.35  # around a field, agreement that is less than this part of the page's
CERTAIN = 0.6  # a match of this quality has not lost step
GAIN = 1.05  # by so much a match must be better that has not found its step everywhere: something lies on the page
FIRM = 0.3  # of the way from one end of the tables to the other that stays where it is
WORTH = 0.85  # other rows whose lines agree less than this part as well are not compared by their texts


def has_other_rows(form: Form) -> bool:
    """Whether there is a shipped sheet like this one with other rows, which a stretched or shorter table may be taken for."""
    return any(other_rows(f, form) for f in twins(form, list(load_forms().values())))


def other_rows(one: Form, other: Form) -> bool:
    """Whether the rows of two sheets differ in height."""
    return abs(_pitch(one) / _pitch(other) - 1) > OTHER_PITCH


@dataclass(frozen=True)
class Rows:
    """The sheet whose rows lie best, how well the best of the others does next to it, and what part of its texts stands in place.

    Of a sheet that exists with one number of rows only, `others` is 0; `texts` is 1 if none can be looked for. What the texts say is kept, if they were asked.
    """

    match: Match
    others: float = 0.0
    texts: float = 1.0
    in_place: InPlace | None = None


def best_rows(pyramid: Pyramid, matcher: Matcher, match: Match) -> Rows:
    """The match, or that of a shipped sheet like it whose rows lie better on the photo."""
    if not has_other_rows(match.form):
        return Rows(match)
    lies, others = _lies(pyramid, matcher, match, here(matcher.sheet, match)), dict[Match, _Lies]()
    for _ in range(TRIES):
        others |= _with_other_rows(pyramid, matcher, match, WORTH * lies.lines)
        best = max(others, key=lambda m: others[m].next_to(lies), default=match)
        if best is match or others[best].next_to(lies) <= 1:
            break
        # Laid from the wrong rows the page was bent to them: its likes lie better where this one does.
        match, lies, others = best, others[best], {match: lies}
    most = max((o.next_to(lies) for o in others.values()), default=0.0)
    return Rows(match, most, lies.texts.share if lies.texts is not None else 1.0, lies.texts)


def _with_other_rows(pyramid: Pyramid, matcher: Matcher, match: Match, least: float) -> dict[Match, _Lies]:
    """The shipped sheets like this one with higher or lower rows, laid on its rows or as its page, whose lines agree this much."""
    out = {}
    for form in twins(match.form, list(load_forms().values())):
        if other_rows(form, match.form):
            ways = (
                matcher.laid_on_rows(match, form, *_table(match.form, form)),
                matcher.laid_as(match, form),
            )
            best = max(ways, key=lambda m: m.quality)
            lines = here(matcher.sheet, best)
            if lines >= least:
                out[best] = _lies(pyramid, matcher, best, lines)
    return out


def in_step(matcher: Matcher, match: Match) -> Match:
    """The match, or a better one where its table had lost step with the photo's rows or boxes.

    Bent or tilted, a long table of even rows may lie right at one end and a row off at the other, or a page a box off at one end. On the way
    there its lines lie between the photo's, which is seen; drawn by a row or a box from near the other end on, it finds its step.
    """
    form = match.form
    if not form.votes or match.quality >= CERTAIN or _in_step(matcher, match):
        return match
    boxes = np.array([b for f in form.votes for b in f.boxes]) * LONG / max(form.page.width, form.page.height)
    top, bottom = float(boxes[:, 1].min()), float((boxes[:, 1] + boxes[:, 3]).max())
    box, row = a_step(form)
    others = [
        matcher.drifted(match, start + FIRM * (end - start), end, by)
        for start, end in ((top, bottom), (bottom, top))
        for by in ((0, row), (0, -row), (box, 0), (-box, 0))
    ]
    best = max(others, key=lambda m: m.quality)
    if best.quality <= match.quality:
        return match
    return best if best.quality >= GAIN * match.quality or _in_step(matcher, best) else match


def _in_step(matcher: Matcher, match: Match) -> bool:
    """Whether there are lines around every field of votes, as there are elsewhere on the page."""
    votes = {f.name for f in match.form.votes}
    near = zip(match.form.fields, matcher.local(match), strict=True)
    least: float = min(here for f, here in near if f.name in votes)
    return least >= OUT_OF_STEP * match.agreement


@dataclass(frozen=True)
class _Lies:
    """How well a sheet lies among its likes: all lines of both agree, and all texts stand where they should.

    The quality of a match does not tell rows: bent to a row too few, all of the form's lines lie on some of the photo's.
    """

    lines: float
    ink: float  # where there should be texts
    texts: InPlace | None

    def next_to(self, other: _Lies) -> float:
        """How well this lies, as part of how well the other one does: by the texts themselves if both can be drawn."""
        a, b = self.texts, other.texts
        if a is None or b is None:
            mine, others = self.ink, other.ink
        else:
            mine, others = a.here * a.share, b.here * b.share
        return max(self.lines * mine, 0.0) / max(other.lines * others, 1e-9)


def _lies(pyramid: Pyramid, matcher: Matcher, match: Match, lines: float) -> _Lies:
    form, to_photo = match.form, matcher.sheet.to_photo
    unit = LONG / max(form.page.width, form.page.height)

    def at(page: F64) -> F64:
        return np.asarray(cv2.perspectiveTransform(match.warp(page * unit)[None], to_photo)[0], np.float64)

    return _Lies(lines, match.ink, texts_in_place(pyramid, form, at))


def texts_in_place(pyramid: Pyramid, form: Form, to_photo: ToPhoto) -> InPlace | None:
    """What a form's texts say of its place on a photo, above the middle of its table and below."""
    if not form.votes:
        return None
    row = min(_pitch(form), HIGHEST) * form.page.height
    boxes = np.array([b for f in form.votes for b in f.boxes])
    middle, box = float(np.median(boxes[:, 1])), float(np.median(boxes[:, 2]))
    return in_place(pyramid, form, to_photo, (box, row), middle)


def _table(one: Form, other: Form) -> tuple[float, float]:
    """Where the table begins in which the rows of two forms differ (in `LONG` units), and how much higher the other's are."""
    ends = [
        np.unique([b[1] + b[3] for f in form.votes for b in f.boxes]) / form.page.height
        for form in (one, other)
    ]
    pitch, others = _pitch(one), _pitch(other)
    n = min(map(len, ends))
    apart = np.flatnonzero(np.abs(ends[0][:n] - ends[1][:n]) > OTHER_PITCH * pitch)
    first = int(apart[0]) if len(apart) else 0
    rows = (ends[0][first] - ends[1][first]) / (pitch - others)  # of the table above this row's end
    unit = LONG / max(one.page.width, one.page.height)
    return float(ends[0][first] - rows * pitch) * one.page.height * unit, others / pitch


@per_form
def _pitch(form: Form) -> float:
    """The height of most rows, as part of the page's."""
    tops = np.unique([round(b[1]) for f in form.votes for b in f.boxes])
    return float(np.median(np.diff(tops))) / form.page.height if len(tops) > 1 else 1.0
