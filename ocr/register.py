"""Photo to page: which form it is, and where each of its boxes lies in the photo.

Coarse to fine: the photo is unwarped along its own lines (`ocr.lines`), the forms' printed lines are laid on it (`ocr.rough`, and
`ocr.thorough` where that finds nothing sure) and bent onto it (`ocr.match`), each row of boxes is moved onto its edges (`ocr.snap`).
What would be refused is looked at once more blurred, so that a page printed in dots shows its lines.
The place must be better than any a row or a box further (`ocr.elsewhere`). A page whose boxes cannot be found is
refused, because a number read from the wrong place is worse than none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np

from ocr.elsewhere import APART, Place, alone, draw, elsewhere
from ocr.errors import CotejoError
from ocr.form import Form, load_forms
from ocr.lines import F64, U8, Sheet, unwarps
from ocr.match import Match, Matcher, Warp
from ocr.print_there import FEWEST, InPlace
from ocr.rough import Rough, rough, transform
from ocr.rows import Rows, best_rows, in_step, other_rows, texts_in_place
from ocr.skeleton import LONG
from ocr.snap import Pyramid, Snapped, snap
from ocr.thorough import thorough
from ocr.twins import Laid, likeliest, twins

REFINED = 10  # hypotheses refined, over all forms
SAME_FORM = 4  # of these, at most for one form
CLOSE = 8.0  # pixels; hypotheses nearer than this are refined to the same
ALIKE = 0.85  # once a good match was found, none that looks worse than this part of it
WORSE = 0.6  # and none that looks worse than this part of the best
RIVAL = 0.6  # a form of at least this part of the best quality is a rival whose boxes are looked for as well
THOROUGH = 1  # ways to unwarp that are looked at thoroughly
DOTS = 0.9  # blur in working pixels of a second look where the first is refused: of print in dots
BLURRED_WAYS = 2  # ways to unwarp that are looked at then
FEW = 12  # printed segments; with fewer there is no form
TWIN = 0.5  # a twin whose lines fit worse than this part of the best need not be told apart by words
GOOD = 0.6  # from this quality on no other place of the same form is tried
SETTLED = 0.4  # from this quality on nothing better is looked for, if there is no rival
HOPELESS = 0.15  # nothing with less is worth a closer look
ENOUGH = 0.33  # the least quality of a match
LITTLE = (
    0.25  # and where nothing speaks against it: no foreign lines, no rival, no place a row or a box further
)
FEW_FOREIGN = 0.05  # then, of the long lines
UNRIVALLED = 0.4  # then, the best other form's part of the quality
DRAWN = 4  # times that a page is drawn to its texts
NEARER = 0.01  # by less than this they no longer come nearer
UNSEEN = 0.3  # correlation of a text that says nothing of its place
BARELY = 0.05  # a match with less is none to begin from
FEWER = 0.95  # a sheet with other rows must lie this much worse
IN_PLACE = 0.9  # part of the texts that must stand in place where a sheet exists with other rows; of those laid on a row too few or too many it is less
READ = 0.5  # the least mean correlation of texts that are read where they should stand
WELL_IN_PLACE = 0.97  # and the least part of them that do
OUT_OF_PLACE = 0.8  # with less than either, the texts speak against the form
STRANGE = 0.12  # the largest part of long lines that the form does not have
CLEAR = 0.25  # a field counts as seen from this clearness on
UNSEEN = 0.05  # and below this nothing of its boxes is
NEXT = 4.0  # heights of a box to the next field of a column, at most
SEEN = 0.6  # the least part of the fields to be seen
STEPS = 4  # rows or boxes by which a match may be moved in all
AROUND = 0.15  # the least agreement around a field, as part of the page's
SMALL = 1000  # pixels of the long side on which blur is measured
FAINT = 30  # grey levels between paper and ink; less is too little contrast
BLURRED = 0.12  # of these, the strongest edges of a photo that is not blurred
ANOTHER = "the photo shows another form or page, or too little of it; photograph the whole page again"
ONE_OF_SEVERAL = "which of several forms that look alike the photo shows is not to be read on it; photograph the whole page again, sharp and from above"
INSIDE = 3.0  # pixels that a box may stick out of the photo
PART = 0.5  # the least part of the vote fields to be seen


class NotFound(CotejoError):
    """No known form was found on the photo; the message says why."""


@dataclass(frozen=True)
class Registration:
    """Where a form lies in a photo.

    Attributes
    ----------
    form : Form
    transform : (3, 3) float64
        Homography from page units to photo pixels (coarse: of the whole page, which may be bent).
    corners : dict of str to (boxes, 4, 2) float64
        Corners of each box of each field in photo pixels, clockwise from the box's top left (fine).
    score : float
        0 to 1: how well the printed lines and the boxes were found.
    orientation : float
        By how many degrees the page stands turned clockwise in the photo.
    seen : dict of str to float
        0 to 1 for each field: how clearly the edges of its boxes were found.
    absent : frozenset of str
        Fields that cannot be read from this photo: their boxes lie outside of it, or are covered. Their corners are where the rest of
        the page says.
    """

    form: Form
    transform: F64
    corners: dict[str, F64]
    score: float
    orientation: float
    seen: dict[str, float]
    absent: frozenset[str] = frozenset()


class _Page:
    """A refined match as a map from page units to photo pixels."""

    def __init__(self, form: Form, warp: Warp, sheet: Sheet) -> None:
        self.unit = LONG / max(form.page.width, form.page.height)
        self.warp = warp
        self.to_photo = sheet.to_photo

    def __call__(self, page: F64) -> F64:
        flat = self.warp(page * self.unit)
        p = np.concatenate([flat, np.ones((len(flat), 1))], axis=1) @ self.to_photo.T
        return np.asarray(p[:, :2] / p[:, 2:], dtype=np.float64)


def prepare(forms: Sequence[Form]) -> None:
    """Draw and transform what is looked for of each form, which a process does once for each form that it meets."""
    for form in forms:
        if not form.by_code:
            draw(form)
            transform(form)


def register(gray: U8, forms: Sequence[Form]) -> Registration:
    """Find which of the forms a photo shows, and where its boxes are.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo, in any orientation.
    forms : sequence of Form
        The forms it may show.

    Raises
    ------
    NotFound
        If it shows none of them well enough to be read.
    """
    forms = [f for f in forms if not f.by_code]  # those are found by their codes
    if not forms:
        raise NotFound("no form is known to look for; add one under ocr/forms")
    pyramid = Pyramid(gray)
    best = _drawn(gray, pyramid, _best(pyramid, unwarps(gray), forms, None))
    if best is None or not _sure(best):
        best = _drawn(gray, pyramid, _best(pyramid, islice(unwarps(gray, DOTS), BLURRED_WAYS), forms, best))
    if best is None:
        raise NotFound("no printed form is visible on this photo; take it again, sharp and from above")
    best = _of_twins(gray, pyramid, best, forms)
    placed = _registration(best)
    return replace(placed, absent=_gate(gray, best, placed.corners))


def _best(
    pyramid: Pyramid, sheets: Iterable[Sheet], forms: Sequence[Form], best: _Found | None
) -> _Found | None:
    """The best that is found on the photo unwarped in these ways, one after the other until it is settled; or what there was."""
    for i, sheet in enumerate(sheets):
        if sheet.segments < FEW:
            continue
        for look in (rough, thorough) if i < THOROUGH else (rough,):
            found = _found(pyramid, sheet, look(sheet, forms))
            if found is not None and (best is None or found.match.quality > best.match.quality):
                best = found
            if best is not None and _settled(best):
                return best
    return best


@dataclass(frozen=True)
class _Found:
    score: float
    match: Match
    snapped: Snapped
    page: _Page
    sheet: Sheet
    rival: float  # the quality of the best match of another form
    places: list[Place]  # agreement here and elsewhere, of the page and of each table
    texts: InPlace | None = None  # where the printed texts are, if that was looked at
    rows: Rows | None = (
        None  # what speaks for these rows, among the sheets like this one; None: nobody has looked
    )


def _registration(found: _Found) -> Registration:
    form = found.match.form
    return Registration(
        form,
        _transform(form, found.page),
        _corners(form, found.snapped, found.page),
        round(found.score, 9),
        _orientation(form, found.page),
        found.snapped.seen,
    )


def _of_twins(gray: U8, pyramid: Pyramid, best: _Found, forms: Sequence[Form]) -> _Found:
    """What was found, or the form of the same boxes whose words are on the photo.

    Shipped forms are told from their shipped twins also where those were not asked for: the photo of another contest's
    sheet is none of this one.
    """
    rivals = {f.id: f for f in forms}
    shipped = load_forms()
    if shipped.get(best.match.form.id) is best.match.form:
        rivals = {**shipped, **rivals}
    laid = {best.match.form.id: best}
    for form in twins(best.match.form, list(rivals.values())):
        # How many rows a table has `ocr.rows` says; those of the wrong form may lie on its own places.
        if other_rows(form, best.match.form):
            continue
        match = Matcher(best.sheet).laid_as(best.match, form)
        if match.quality < TWIN * best.match.quality:
            continue
        page = _Page(form, match.warp, best.sheet)
        snapped = snap(pyramid, form, page)
        laid[form.id] = replace(
            best, score=_score(match, snapped), match=match, snapped=snapped, page=page, texts=None
        )
    found = best
    if len(laid) > 1:
        which = likeliest(gray, [Laid(f.match.form, f.page, f.score) for f in laid.values()])
        if which is None:
            raise NotFound(ONE_OF_SEVERAL)
        found = laid[which]
    if all(found.match.form.id != f.id for f in forms):
        raise NotFound(ANOTHER)
    return best if found is best else replace(found, places=elsewhere(found.sheet, found.match))


def _settled(found: _Found) -> bool:
    """So good a match, so far from all others, that nothing better need be looked for."""
    return (
        found.match.quality >= SETTLED
        and found.rival < RIVAL * found.match.quality
        and _has_these_rows(found)
        and alone(found.places)
    )


def _has_these_rows(found: _Found) -> bool:
    """Whether no sheet like it with other rows lies about as well, and its texts stand in their places."""
    return found.rows is None or (found.rows.others < FEWER and found.rows.texts >= IN_PLACE)


def _certain(found: _Found) -> bool:
    """Whether the form was found: its quality says so, or less of it where nothing speaks against it, or its texts do."""
    match, page = found.match, found.places[0]
    if not _has_these_rows(found) or _denied(found):
        return False
    if match.quality >= ENOUGH and match.foreign <= STRANGE:
        return True
    return _told(found) or (
        match.quality >= LITTLE
        and match.foreign <= FEW_FOREIGN
        and found.rival < UNRIVALLED * match.quality
        and page.here >= page.there + 2 * APART
    )


def _sure(found: _Found) -> bool:
    """Whether it is this form, and here."""
    return _certain(found) and (_told(found) or alone(found.places))


def _with_texts(gray: U8, found: _Found, *, always: bool = False) -> _Found:
    """With what its texts say, unless nothing more need be asked or it is known."""
    if found.texts is not None or (_settled(found) and not always):
        return found
    return replace(found, texts=texts_in_place(gray, found.match.form, found.page))


def _told(found: _Found) -> bool:
    """Whether the printed texts are where they should stand: on lined paper or a bad copy they tell what lines do not."""
    texts = found.texts
    return (
        found.match.quality >= HOPELESS
        and texts is not None
        and texts.here >= READ
        and texts.share >= WELL_IN_PLACE
    )


def _denied(found: _Found) -> bool:
    """Whether the texts that should be there are not: another form's lines may lie on many of the photo's."""
    return found.texts is not None and found.texts.here < READ and found.texts.share < OUT_OF_PLACE


def _found(pyramid: Pyramid, sheet: Sheet, likely: Sequence[Rough]) -> _Found | None:
    """The best of what the likely hypotheses become when they are refined."""
    matches = _matches(sheet, likely)
    if not matches:
        return None
    first = elsewhere(sheet, matches[0])
    for _ in range(STEPS):
        if first[0].here >= first[0].there:
            break
        moved = Matcher(sheet).shifted(matches[0], *first[0].away)
        if moved.quality <= matches[0].quality:
            break
        matches[0], first = moved, elsewhere(sheet, moved)
    if matches[0].quality >= HOPELESS and (stepped := in_step(Matcher(sheet), matches[0])) is not matches[0]:
        matches[0], first = stepped, elsewhere(sheet, stepped)
    found = []
    for match in matches:
        if match.quality < max(RIVAL * matches[0].quality, HOPELESS) and match is not matches[0]:
            continue
        page = _Page(match.form, match.warp, sheet)
        snapped = snap(pyramid, match.form, page)
        alike = {f.id for f in twins(match.form, [m.form for m in matches])}
        rival = max((m.quality for m in matches if m is not match and m.form.id not in alike), default=0.0)
        places = first if match is matches[0] else elsewhere(sheet, match)
        found.append(_Found(_score(match, snapped), match, snapped, page, sheet, rival, places))
    best = max(found, key=lambda f: f.score, default=None)
    if best is None or best.match.quality < HOPELESS:
        return best
    return _with_rows(pyramid, best)


def _laid(pyramid: Pyramid, match: Match, before: _Found, rows: Rows | None = None) -> _Found:
    """Another match on the same unwarped photo, in the place of one that was found."""
    page = _Page(match.form, match.warp, before.sheet)
    snapped = snap(pyramid, match.form, page)
    return replace(
        before,
        score=_score(match, snapped),
        match=match,
        snapped=snapped,
        page=page,
        places=elsewhere(before.sheet, match),
        texts=None,
        rows=rows,
    )


def _with_rows(pyramid: Pyramid, found: _Found) -> _Found:
    """What was found, or the right rows, found from the wrong ones."""
    rows = best_rows(pyramid.level(1.0)[0], Matcher(found.sheet), found.match)
    if rows.match is found.match:
        return replace(found, rows=rows)
    return _laid(pyramid, rows.match, found, rows)


def _drawn(gray: U8, pyramid: Pyramid, found: _Found | None) -> _Found | None:
    """What was found, or what it becomes if the page is drawn to where its texts are seen, if lines and texts agree with that."""
    if found is None or found.match.quality < BARELY:
        return found
    if _settled(found) and (found.rows is None or found.rows.texts >= WELL_IN_PLACE):
        return found
    unit = LONG / max(found.match.form.page.width, found.match.form.page.height)
    first = best = now = _with_texts(gray, found, always=True)
    for _ in range(DRAWN):
        texts = now.texts
        if texts is None or len(texts.at) < FEWEST:
            break
        weight = np.clip(texts.like - UNSEEN, 0.0, None)
        match = Matcher(found.sheet).drawn_to(now.match, texts.at * unit, texts.off * unit, weight)
        now = _with_texts(gray, _laid(pyramid, match, now), always=True)
        if now.texts is None or now.texts.here < texts.here + NEARER:
            break
        if _told_together(now) > _told_together(best):
            best = now
    return first if best is first else _with_texts(gray, _with_rows(pyramid, best))


def _told_together(found: _Found) -> float:
    """How well lines and texts fit, in one number."""
    return found.match.quality * (found.texts.here if found.texts is not None else 0.0)


def _matches(sheet: Sheet, likely: Sequence[Rough]) -> list[Match]:
    """The best match of each of the most likely forms, the best first."""
    matcher = Matcher(sheet)
    best: dict[str, Match] = {}
    top: float | None = None
    for r in _likeliest(likely):
        if top is None:
            top = r.score
        elif r.score < ALIKE * top and any(m.quality >= SETTLED for m in best.values()):
            break
        if r.form.id in best and best[r.form.id].quality >= GOOD:
            continue
        match = matcher.refined(r)
        if r.form.id not in best or match.quality > best[r.form.id].quality:
            best[r.form.id] = match
    return sorted(best.values(), key=lambda m: -m.quality)


def _likeliest(likely: Sequence[Rough]) -> list[Rough]:
    """The hypotheses worth refining, the best first; of those that lie at the same place, one."""
    of_form: dict[str, int] = {}
    chosen: list[Rough] = []
    for r in likely:
        if chosen and r.score < WORSE * chosen[0].score:
            break
        if of_form.get(r.form.id, 0) == SAME_FORM or any(_same(r, other) for other in chosen):
            continue
        of_form[r.form.id] = of_form.get(r.form.id, 0) + 1
        chosen.append(r)
        if len(chosen) == REFINED:
            break
    return chosen


def _same(a: Rough, b: Rough) -> bool:
    """Whether two hypotheses lay the same form at about the same place."""
    if a.form.id != b.form.id or a.quarters != b.quarters:
        return False
    p, q = np.array(a.place), np.array(b.place)
    ends = [np.abs(p[1::2] + p[0::2] * far - q[1::2] - q[0::2] * far).max() for far in (0.0, LONG)]
    return bool(max(ends) < CLOSE)


def _seen(form: Form, snapped: Snapped, absent: frozenset[str] = frozenset()) -> float:
    """Part of the fields with printed edges whose edges were found."""
    seen = [
        min(1.0, snapped.seen[f.name] / CLEAR)
        for f in form.fields
        if f.edges != "none" and f.name not in absent
    ]
    return float(np.mean(seen)) if seen else 1.0


def _score(match: Match, snapped: Snapped) -> float:
    return float(np.sqrt(match.quality * _seen(match.form, snapped)))


def _gate(gray: U8, found: _Found, corners: dict[str, F64]) -> frozenset[str]:
    """The fields that are not to be seen on the photo; raises `NotFound` if it cannot be read at all."""
    match, form = found.match, found.match.form
    found = _with_texts(gray, found)
    if not _certain(found):
        _complain(gray)
        raise NotFound(ANOTHER)
    h, w = gray.shape
    outside, covered = set(), set()
    local = Matcher(found.sheet).local(match)
    for field, near in zip(form.fields, local, strict=True):
        c = corners[field.name].reshape(-1, 2)
        if ((c < -INSIDE) | (c > np.array([w, h]) - 1 + INSIDE)).any():
            outside.add(field.name)
        # Where no printed line is seen, boxes are only supposed to lie where the rest of the page says.
        elif near < AROUND * match.agreement and found.snapped.seen[field.name] < CLEAR:
            covered.add(field.name)
    covered |= _beside(form, found.snapped, covered)
    votes = {f.name for f in form.votes}
    absent = frozenset(outside | covered)
    if len(votes - absent) < PART * len(votes):
        if len(outside) >= len(covered):
            raise NotFound(
                "the page is cut off: most of its boxes lie outside the photo; photograph the whole page again"
            )
        raise NotFound(
            "part of the page is covered or bent too much to see where its boxes lie; photograph the whole page again"
        )
    if _seen(form, found.snapped, absent) < SEEN:
        raise NotFound(
            "the boxes of the page are not to be seen; photograph the whole page again, sharp and from above"
        )
    if not _told(found) and (not alone(found.places) or (absent & votes and match.quality < SETTLED)):
        raise NotFound(
            "the page may lie a row or a box further than it seems; photograph the whole page again, flat and from above"
        )
    return absent


def _beside(form: Form, snapped: Snapped, covered: Collection[str]) -> set[str]:
    """The fields beside covered ones, and beside these, of whose boxes nothing is seen: what went wrong there did not end between them.

    Where most boxes are not seen, as on a copy that lost their lines, that says nothing.
    """
    if np.median(list(snapped.seen.values())) < CLEAR:
        return set()
    rows = {f.name: np.array(f.boxes) for f in form.fields}
    unseen = {f.name for f in form.fields if snapped.seen[f.name] < UNSEEN and f.name not in covered}
    out: set[str] = set()
    todo = list(covered)
    while todo:
        there = rows[todo.pop()]
        reach = NEXT * np.median(there[:, 3])
        for name in unseen - out:
            apart = np.abs(rows[name][:, :2].mean(axis=0) - there[:, :2].mean(axis=0))
            if apart[1] < reach and apart[0] < np.ptp(there[:, 0]) + there[0, 2]:
                out.add(name)
                todo.append(name)
    return out


def _complain(gray: U8) -> None:
    """Raise what is wrong with a photo on which nothing can be found, if it is the photo."""
    small = cv2.resize(
        gray, None, fx=SMALL / max(gray.shape), fy=SMALL / max(gray.shape), interpolation=cv2.INTER_AREA
    )
    low, high = np.percentile(small, (2, 98))
    if high - low < FAINT:
        raise NotFound(
            "the photo is too dark or has too little contrast; photograph the page again in more light"
        )
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(small, (3, 3), 0).astype(np.float32), cv2.CV_32F))
    if np.percentile(edges, 99) < BLURRED * (high - low):
        raise NotFound("the photo is too blurred; photograph the page again, sharp and from above")


def _corners(form: Form, snapped: Snapped, page: _Page) -> dict[str, F64]:
    out = {}
    for field in form.fields:
        b = np.array(field.boxes)
        quads = np.stack(
            [b[:, :2], b[:, :2] + b[:, 2:] * [1, 0], b[:, :2] + b[:, 2:], b[:, :2] + b[:, 2:] * [0, 1]],
            axis=1,
        )
        out[field.name] = page((quads + snapped.shift[field.name]).reshape(-1, 2)).reshape(-1, 4, 2)
    return out


def _transform(form: Form, page: _Page) -> F64:
    x, y = np.meshgrid(np.linspace(0, form.page.width, 9), np.linspace(0, form.page.height, 9))
    grid = np.stack([x.ravel(), y.ravel()], axis=1)
    m, _ = cv2.findHomography(grid, page(grid), 0)
    return np.asarray(m / m[2, 2], dtype=np.float64)


def _orientation(form: Form, page: _Page) -> float:
    w, h = form.page.width, form.page.height
    a, b = page(np.array([[0.3 * w, 0.5 * h], [0.7 * w, 0.5 * h]]))
    return round(float(np.degrees(np.arctan2(b[1] - a[1], b[0] - a[0]))), 3)
