"""Sheets that exist with more or fewer rows: which of them a photo shows.

One election day's sheets may differ in nothing but the rows of a table that is as high everywhere (`ocr.form_like`). A form with a row less is
then bent onto the photo's rows nearly as well as the right one, its last row and all that is printed below it a row off. Whoever starts from that
finds the right one on the same rows: there it lies better, for it has a line for the last row too.
"""

from __future__ import annotations

import numpy as np

from ocr.elsewhere import here
from ocr.form import Form, load_forms
from ocr.match import Match, Matcher
from ocr.skeleton import LONG, per_form
from ocr.twins import twins

OTHER_PITCH = 0.02  # part by which rows of two sheets differ in height
TRIES = 3  # better rows looked for one from another


def has_other_rows(form: Form) -> bool:
    """Whether there is a shipped sheet like this one with other rows, which a stretched or shorter table may be taken for."""
    return any(other_rows(f, form) for f in twins(form, list(load_forms().values())))


def other_rows(one: Form, other: Form) -> bool:
    """Whether the rows of two sheets differ in height."""
    return abs(_pitch(one) / _pitch(other) - 1) > OTHER_PITCH


def best_rows(matcher: Matcher, match: Match) -> tuple[Match, float]:
    """The match, or that of a shipped sheet like it whose rows lie better, and how well the best of the others does next to it."""
    others = _with_other_rows(matcher, match)
    if not others:
        return match, 0.0
    lies = _lies(matcher, match)
    for _ in range(TRIES):
        best = max(others, key=others.__getitem__, default=match)
        if others.get(best, 0.0) <= lies:
            break
        # Laid from the wrong rows the page was bent to them: its likes lie better where this one does.
        was, match = {match: lies}, best
        lies = others[best]
        others = was | _with_other_rows(matcher, match)
    return match, max(others.values(), default=0.0) / max(lies, 1e-9)


def _with_other_rows(matcher: Matcher, match: Match) -> dict[Match, float]:
    """The shipped sheets like this one with higher or lower rows, laid on its rows or as its page, and how well they lie."""
    out = {}
    for form in twins(match.form, list(load_forms().values())):
        if other_rows(form, match.form):
            ways = (
                matcher.laid_on_rows(match, form, *_table(match.form, form)),
                matcher.laid_as(match, form),
            )
            best = max(ways, key=lambda m: m.quality)
            out[best] = _lies(matcher, best)
    return out


def _lies(matcher: Matcher, match: Match) -> float:
    """How well a sheet lies among its likes: all lines of both agree, and all texts stand where they should.

    The quality of a match does not tell rows: bent to a row too few, all of the form's lines lie on some of the photo's.
    """
    return max(here(matcher.sheet, match), 0.0) * match.ink


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
