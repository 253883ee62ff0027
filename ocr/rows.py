"""Sheets that exist with more or fewer rows: which of them a photo shows.

One election day's sheets may differ in nothing but the rows of a table that is as high everywhere (`ocr.form_like`). A form with a row less is
then bent onto the photo's rows nearly as well as the right one, its last row and all that is printed below it a row off. Whoever starts from that
finds the right one on the same rows: there it lies better, for it has a line for the last row too.
"""

from __future__ import annotations

import numpy as np

from ocr.form import Form, load_forms
from ocr.match import Match, Matcher
from ocr.skeleton import LONG, per_form
from ocr.twins import twins

OTHER_PITCH = 0.02  # part by which rows of two sheets differ in height


def has_other_rows(form: Form) -> bool:
    """Whether there is a shipped sheet like this one with other rows, which a stretched or shorter table may be taken for."""
    return any(len(f.fields) != len(form.fields) for f in twins(form, list(load_forms().values())))


def with_other_rows(matcher: Matcher, match: Match) -> list[Match]:
    """The shipped sheets like this one with higher or lower rows, laid on the rows on which it lies, the best first."""
    likes = twins(match.form, list(load_forms().values()))
    other = [f for f in likes if abs(_pitch(f) / _pitch(match.form) - 1) > OTHER_PITCH]
    found = [matcher.laid_on_rows(match, f, *_table(match.form, f)) for f in other]
    return sorted(found, key=lambda m: -m.quality)


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
