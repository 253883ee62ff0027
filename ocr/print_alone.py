"""A page laid on a photo by its printed texts alone, where the printed lines are gone (`ocr.print_rows` finds it).

Each text says where it stands; the page is moved, turned and stretched to where they are seen, but not bent, and never drawn onto lines. It is
believed only if they all stand as on a flat page, around its boxes. What is read so is never accepted without a person (`ocr.read`). Which of several sheets that differ in the rows of a table it is, what is left of the lines must say, or where the writing stands (`ocr.written_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from ocr.elsewhere import elsewhere
from ocr.form import Form
from ocr.found import Found, Page, score
from ocr.gate import READ, in_their_rows
from ocr.lines import Sheet
from ocr.match import Match, Matcher
from ocr.print_rows import TEXTS, by_print
from ocr.print_there import VISIBLE, InPlace, pull
from ocr.rough import Rough
from ocr.rows import other_rows, texts_in_place
from ocr.snap import Pyramid, snap
from ocr.twins import Laid, likeliest, twins
from ocr.written_rows import in_rows_of

DRAWN = 3  # times that a page is drawn to its texts
FEWER_SEEN = 4  # of the fewest texts that a form must have, so many need not be seen
SHARE = 0.9  # the least part of the texts that stand where they should
ASTRAY = 0.1  # the largest part of those seen that clearly stand elsewhere
# Four in five of the others stand no further from where a flat page has them than this part of a box, across and down: letters of another width than ours say
# little of where a text lies across. These and the limits below were chosen on simulated copies (seeds 300,000, 600,000, 800,000 and 1,000,000 of benchmarks.registration).
OFF, MOST = (0.25, 0.1), 80
OUTSIDE = 0.05  # of the page: so far may a box lie outside of all these texts
# Quality of a match below which its lines tell no rows; a sheet with other rows must have less than this part of it, and less by so much: on copies without
# any lines such sheets differ by chance.
LINES, FEWER, LESS = 0.1, 0.85, 0.03
WRITTEN = float(np.log(1000))  # odds at which the writing says the same


@dataclass(frozen=True)
class _Lies:
    rough: Rough  # from which it was found
    match: Match
    page: Page
    texts: InPlace

    @property
    def told(self) -> float:
        """How well lines and texts fit together."""
        return self.match.quality * self.texts.here * self.texts.share


def alone_by_print(pyramid: Pyramid, forms: Sequence[Form]) -> Found | None:
    """The form whose texts stand on the photo in their places, told from all that look alike; None if there is no such."""
    sheet, roughs = by_print(pyramid.gray, forms)
    matcher = Matcher(sheet)
    lies = [found for r in roughs if (found := _laid(pyramid, matcher, r)) is not None]
    lies.sort(key=lambda f: (f.told, f.texts.here * f.texts.share), reverse=True)
    # Without lines, which of several that look alike fits best is chance.
    like = {f.id for f in twins(lies[0].match.form, forms)} | {lies[0].match.form.id} if lies else set()
    in_place = [f for f in lies if _in_place(f)]
    likely = list(takewhile(lambda f: f.match.form.id in like, in_place))
    best = next((f for f in likely if _only(pyramid, matcher, f, lies, forms)), None)
    if best is None:
        return None
    form = best.match.form
    snapped = snap(pyramid, form, best.page)
    return Found(
        score(best.match, snapped),
        best.match,
        snapped,
        best.page,
        sheet,
        0.0,
        elsewhere(sheet, best.match),
        texts=best.texts,
        by_print=True,
    )


def _only(
    pyramid: Pyramid, matcher: Matcher, best: _Lies, lies: Sequence[_Lies], forms: Sequence[Form]
) -> bool:
    """Whether it is this form, and none of those that look alike."""
    at = best.rough
    for other in twins(best.match.form, forms):
        # Where it was found, and where the best one lies.
        there = _laid(pyramid, matcher, Rough(other, at.quarters, at.place, 0.0))
        laid = [f for f in lies if f.match.form is other] + ([there] if there is not None else [])
        if not laid or not all(_outdone(pyramid, f, best) for f in laid):
            return False
    return True


def _laid(pyramid: Pyramid, matcher: Matcher, rough: Rough) -> _Lies | None:
    """The form drawn to its texts; None if too few are seen."""
    sheet = matcher.sheet
    match = matcher.refined(rough, bent=False)
    for _ in range(DRAWN):
        texts = _seen(pyramid, match, sheet)
        if texts is None:
            return None
        match = matcher.drawn_to(match, *pull(match.form, texts), bent=False)
    texts = _seen(pyramid, match, sheet)
    return None if texts is None else _Lies(rough, match, Page(match.form, match.warp, sheet), texts)


def _seen(pyramid: Pyramid, match: Match, sheet: Sheet) -> InPlace | None:
    """What the texts of a form laid on a photo say; None if too few are seen in their places."""
    texts = texts_in_place(pyramid, match.form, Page(match.form, match.warp, sheet))
    return texts if texts is not None and int(in_their_rows(texts).sum()) >= TEXTS - FEWER_SEEN else None


def _in_place(lies: _Lies) -> bool:
    """Whether the texts stand where they should."""
    texts = lies.texts
    there, seen = int(in_their_rows(texts).sum()), int((texts.like >= VISIBLE).sum())
    return (
        texts.here >= READ
        and texts.share >= SHARE
        and there >= (1 - ASTRAY) * seen
        and _flat(lies.match.form, texts)
    )


def _flat(form: Form, texts: InPlace) -> bool:
    """Whether the texts stand as on a flat page, and all around the boxes."""
    boxes = np.array([b for f in form.votes for b in f.boxes])
    there = in_their_rows(texts) & (texts.like >= READ)
    if int(there.sum()) < TEXTS - FEWER_SEEN:
        return False
    off = np.percentile(np.abs(texts.off[there]), MOST, axis=0) / np.median(boxes[:, 2:].min(axis=1))
    low, high = texts.at[there].min(axis=0), texts.at[there].max(axis=0)
    outside = np.maximum(low - boxes[:, :2], boxes[:, :2] + boxes[:, 2:] - high).max()
    return bool((off <= OFF).all() and outside <= OUTSIDE * max(form.page.width, form.page.height))


def _outdone(pyramid: Pyramid, other: _Lies, best: _Lies) -> bool:
    """Whether a form is plainly not the one of two that look alike: if their rows differ by its lines or by where the writing stands, of which neither may say the contrary; else by its words."""
    if other_rows(other.match.form, best.match.form):
        mine, others = ((f.match.form, f.page) for f in (best, other))
        by_lines = _better_lined(best, other), _better_lined(other, best)
        if by_lines[0]:
            return in_rows_of(pyramid.gray, others, mine) < WRITTEN
        return not by_lines[1] and in_rows_of(pyramid.gray, mine, others) >= WRITTEN
    laid = [Laid(f.match.form, f.page, 0.0) for f in (best, other)]
    return likeliest(pyramid, laid) == best.match.form.id


def _better_lined(one: _Lies, other: _Lies) -> bool:
    """Whether one of two sheets lies plainly better by its lines."""
    least = min(FEWER * one.match.quality, one.match.quality - LESS)
    return one.match.quality >= LINES and other.match.quality < least
