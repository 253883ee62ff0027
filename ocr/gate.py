"""Whether what was found on a photo is to be read: which form it is, that it lies here, and which of its fields are to be seen.

A number read from the wrong place is worse than none. So a match is believed where its lines, or with fewer of them its printed texts, say so
and nothing speaks against it; else the photo is refused with a reason.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.elsewhere import APART, alone
from ocr.form import Form, FormField
from ocr.found import CLEAR, Astray, Found, NotFound, NotToBeRead, seen_part
from ocr.lines import F64, U8
from ocr.match import Matcher
from ocr.print_there import VISIBLE, InPlace
from ocr.rows import texts_in_place
from ocr.snap import Pyramid, Snapped

SETTLED = 0.4  # from this quality on nothing better is looked for first, if there is no rival
PLAIN = 0.65  # and from this on its texts need not be asked
HOPELESS = 0.15  # nothing with less is worth a closer look
ENOUGH = 0.33  # the least quality of a match
LITTLE = (
    0.25  # and where nothing speaks against it: no foreign lines, no rival, no place a row or a box further
)
FEW_FOREIGN = 0.05  # then, of the long lines
UNRIVALLED = 0.4  # then, the best other form's part of the quality
RIVAL = 0.6  # a form of at least this part of the best quality is a rival whose boxes are looked for as well
FEWER = 0.95  # a sheet with other rows must lie this much worse
WITHOUT_TEXTS = 0.85  # and where too few of the texts are seen to say so, this much
IN_PLACE = 0.9  # part of the texts that must stand in place where a sheet exists with other rows; of those laid on a row too few or too many it is less
READ = 0.5  # the least mean correlation of texts that are read where they should stand
WELL_IN_PLACE = 0.97  # the least part of the texts that stand where they should
CLEARLY = 0.12  # by so much more like a text the photo must be elsewhere than at its place; in noise each is a little
# Of the texts seen, this part, and so many or of few one in five (but two at least), speak against a page that does not lie plainly.
PART_ELSEWHERE, ELSEWHERE, OF_FEW, FEWEST_ELSEWHERE = 0.06, 4, 0.2, 2
ASIDE = 0.4  # of a box: further to the left or right a text is elsewhere
AS_FAR = 0.35  # of a box' height: texts that differ no more in how far off they stand are as far off
OUT_OF_PLACE = 0.8  # with less than either, the texts speak against the form
STRANGE = 0.12  # the largest part of long lines that the form does not have
SEEN = 0.6  # the least part of the fields to be seen
NEXT = 4.0  # heights of a box to the next field of a column, at most
# With less agreement around a field than this part of the page's, its boxes must be seen as clearly as this.
DOUBTFUL = ((0.15, CLEAR), (0.05, 2 * CLEAR))
# Boxes without printed edges, or whose edges are not seen, and with less agreement around them than this part of the page's, or on a page of which votes are lost, are read only if of so many texts nearest by at
# least so many are seen, no further from their places than this part of a box' smaller side; a text beside a field says as much as one so much
# nearer above or below. Forms whose texts cannot be drawn (Georgian letters) have `DOUBTFUL` alone.
LONELY, NEAREST, FEWEST_SEEN, ASTRAY, BESIDE = 0.5, 3, 2, 0.35, 0.3
BEYOND = 0.5  # of that, for a field with all these texts to one side
# Of the page: where no line around a field is seen the nearest text is no further off than the first; on a page that is known to be flat, than the second.
NEARBY, FLAT = 0.06, 0.18
SMALL = 1000  # pixels of the long side on which blur is measured
FAINT = 30  # grey levels between paper and ink; less is too little contrast
BLURRED = 0.12  # of these, the strongest edges of a photo that is not blurred
ANOTHER = "the photo shows another form or page, or too little of it; photograph the whole page again"
FURTHER = "the page may lie a row or a box further than it seems; photograph the whole page again, flat and from above"
INSIDE = 3.0  # pixels that a box may stick out of the photo
PART = 0.5  # the least part of the vote fields to be seen
UNSEEN = 0.05  # below this clearness nothing of a field's boxes is seen


def settled(found: Found) -> bool:
    """So good a match, so far from all others, that it is tried before anything better is looked for."""
    return (
        found.match.quality >= SETTLED
        and found.rival < RIVAL * found.match.quality
        and _has_these_rows(found)
        and alone(found.places)
    )


def plain(found: Found) -> bool:
    """So good that its texts need not be asked: pages that lie a little off have less."""
    return settled(found) and found.match.quality >= PLAIN


def _has_these_rows(found: Found) -> bool:
    """Whether no sheet like it with other rows lies about as well, and its texts stand in their places."""
    return found.rows is None or (found.rows.others < FEWER and found.rows.texts >= IN_PLACE)


def certain(found: Found) -> bool:
    """Whether the form was found: its quality says so, or less of it where nothing speaks against it, or its texts do."""
    match, page = found.match, found.places[0]
    if not _has_these_rows(found) or _denied(found):
        return False
    if (
        found.texts is not None
        and found.texts.here < READ
        and found.rows
        and found.rows.others >= WITHOUT_TEXTS
    ):
        return False
    if match.quality >= ENOUGH and match.foreign <= STRANGE:
        return True
    return told(found) or (
        match.quality >= LITTLE
        and match.foreign <= FEW_FOREIGN
        and found.rival < UNRIVALLED * match.quality
        and page.here >= page.there + 2 * APART
    )


def sure(found: Found) -> bool:
    """Whether it is this form, and here: lines say so, or texts to which the page was not drawn."""
    return certain(found) and (_told_here(found) or alone(found.places))


def with_texts(pyramid: Pyramid, found: Found, *, always: bool = False) -> Found:
    """With what its texts say, unless nothing more need be asked or it is known."""
    if found.texts is not None or (plain(found) and certain(found) and not always):
        return found
    rows = found.rows
    if rows is not None and rows.match is found.match and rows.in_place is not None:
        return replace(found, texts=rows.in_place)
    return replace(found, texts=texts_in_place(pyramid, found.match.form, found.page))


def told(found: Found) -> bool:
    """Whether the printed texts are where they should stand: on lined paper or a bad copy they tell what lines do not."""
    return found.texts is not None and _told(found, found.texts, found.texts.share)


def in_its_rows(found: Found) -> bool:
    """Whether the printed texts stand in the rows where they should, if perhaps a little to the left or right."""
    return found.texts is not None and _told(found, found.texts, found.texts.level)


def _told(found: Found, texts: InPlace, part: float) -> bool:
    return found.match.quality >= HOPELESS and texts.here >= READ and part >= WELL_IN_PLACE


def _told_here(found: Found) -> bool:
    """Whether texts that nobody drew the page to say that it lies here."""
    return told(found) and not found.drawn


def _denied(found: Found) -> bool:
    """Whether the texts that should be there are not: another form's lines may lie on many of the photo's."""
    return found.texts is not None and found.texts.here < READ and found.texts.share < OUT_OF_PLACE


def _astray(found: Found) -> bool:
    """Whether several texts clearly stand elsewhere, and as far off as one another: texts that a copy has lost are found anywhere."""
    texts = found.texts
    if texts is None:
        return False
    seen = texts.like >= VISIBLE
    boxes = np.array([b for f in found.match.form.votes for b in f.boxes])
    aside = np.abs(texts.off[:, 0]) > ASIDE * np.median(boxes[:, 2])
    off = texts.off[seen & (aside | ~in_their_rows(texts))]
    apart = np.abs(off[:, None] - off[None]).max(axis=2, initial=0.0)
    together = int((apart <= AS_FAR * np.median(boxes[:, 3])).sum(axis=1).max(initial=0))
    all_ = int(seen.sum())
    return together >= max(PART_ELSEWHERE * all_, min(ELSEWHERE, max(FEWEST_ELSEWHERE, OF_FEW * all_)))


def in_their_rows(texts: InPlace) -> NDArray[np.bool_]:
    """Which texts are seen, and not clearly in another row."""
    return (texts.like >= VISIBLE) & (texts.like - texts.near <= CLEARLY)


def gate(pyramid: Pyramid, found: Found, corners: dict[str, F64]) -> frozenset[str]:
    """The fields that are not to be seen on the photo; raises `NotFound` if it cannot be read at all."""
    match, form = found.match, found.match.form
    found = with_texts(pyramid, found)
    if not certain(found):
        _complain(pyramid.gray)
        raise NotFound(ANOTHER)
    if (match.quality < PLAIN or found.drawn) and _astray(found):
        raise Astray(FURTHER)
    outside, covered = _outside(pyramid.gray, corners), set[str]()
    # Fields without printed edges, or whose edges are not seen, and the agreement around them.
    bare: list[tuple[FormField, float]] = []
    local = Matcher(found.sheet).local(match)
    for field, near in zip(form.fields, local, strict=True):
        if field.name in outside:
            continue
        # Where no printed line is seen, boxes are only supposed to lie where the rest of the page says; edges that are seen there may be another row's.
        if any(
            near < part * match.agreement and found.snapped.seen[field.name] < least
            for part, least in DOUBTFUL
        ):
            covered.add(field.name)
        elif field.edges == "none" or found.snapped.seen[field.name] < UNSEEN:
            bare.append((field, near))
    covered |= _beside(form, found.snapped, covered)
    # A field whose own neighbourhood says where it is not says nothing of the rest of the page.
    lost = outside | covered
    votes = {f.name for f in form.votes}
    ask = [
        (f, near < LONELY * match.agreement)
        for f, near in bare
        if near < LONELY * match.agreement or lost & votes
    ]
    if ask:
        found = with_texts(pyramid, found, always=True)
        if _denied(found):
            raise NotFound(ANOTHER)
    if found.texts is not None:
        page = max(form.page.width, form.page.height)
        for f, lonely in ask:
            unseen = lonely and found.snapped.seen[f.name] < CLEAR
            reach = NEARBY * page if unseen else np.inf
            if _texts_elsewhere(found.texts, f, found.snapped.shift[f.name], reach):
                covered.add(f.name)
    if lost & votes:
        found = with_texts(pyramid, found, always=True)
        if found.texts is not None and found.texts.share < OUT_OF_PLACE:  # what is left of the page tells
            raise NotFound(ANOTHER)
    absent = _absent(form, outside, covered)
    if seen_part(form, found.snapped, absent) < SEEN:
        raise NotToBeRead(
            "the boxes of the page are not to be seen; photograph the whole page again, sharp and from above"
        )
    # Where votes are lost and no text can be drawn, only lines say where the others lie.
    least = SETTLED if found.texts is not None else PLAIN
    if not _told_here(found) and (not alone(found.places) or (lost & votes and match.quality < least)):
        raise NotToBeRead(FURTHER)
    return absent


def gate_by_print(pyramid: Pyramid, found: Found, corners: dict[str, F64]) -> frozenset[str]:
    """As `gate`, of a page that its texts alone have placed.

    That they stand in their places on the whole page, and on no form like it, is known (`ocr.print_alone`); here each field must be near to some that do.
    """
    form, texts = found.match.form, found.texts
    outside = _outside(pyramid.gray, corners)
    reach = FLAT * max(form.page.width, form.page.height)
    covered = {
        f.name
        for f in form.fields
        if f.name not in outside
        and (texts is None or _texts_elsewhere(texts, f, found.snapped.shift[f.name], reach))
    }
    return _absent(form, outside, covered)


def _outside(gray: U8, corners: dict[str, F64]) -> set[str]:
    """The fields of which a box sticks out of the photo."""
    last = np.array(gray.shape[::-1]) - 1
    return {name for name, c in corners.items() if ((c < -INSIDE) | (c > last + INSIDE)).any()}


def _absent(form: Form, outside: Collection[str], covered: Collection[str]) -> frozenset[str]:
    """The fields that are not to be seen, if most of the votes are; else raises why they are not."""
    absent = frozenset((*outside, *covered))
    votes = {f.name for f in form.votes}
    if len(votes - absent) < PART * len(votes):
        if len(outside) >= len(covered):
            raise NotToBeRead(
                "the page is cut off: most of its boxes lie outside the photo; photograph the whole page again"
            )
        raise NotToBeRead(
            "part of the page is covered or bent too much to see where its boxes lie; photograph the whole page again"
        )
    return absent


def _texts_elsewhere(texts: InPlace, field: FormField, shift: F64, reach: float) -> bool:
    """Whether the texts nearest to a field are not to be seen, none within `reach`, or stand elsewhere than its boxes, moved by `shift` on the page, are supposed to."""
    boxes = np.array(field.boxes)
    away = texts.at - (boxes[:, :2] + boxes[:, 2:] / 2).mean(axis=0)
    far = np.hypot(*(away * [BESIDE, 1.0]).T)
    nearest = np.argsort(far, kind="stable")[:NEAREST]
    seen = nearest[texts.like[nearest] >= VISIBLE]
    if len(seen) < FEWEST_SEEN or far[seen[0]] > reach or not in_their_rows(texts)[seen].all():
        return True
    # All of them together, and the nearest one by itself: the others may be far.
    off = np.stack([np.median(texts.off[seen], axis=0), texts.off[seen[0]]])
    off = off - np.reshape(shift, (-1, 2)).mean(axis=0)
    # A field beyond all of them is further off than they are: what stretches the page between them goes on.
    half = ((boxes[:, :2] + boxes[:, 2:]).max(axis=0) - boxes[:, :2].min(axis=0)) / 2
    beyond = (away[seen] > half).all(axis=0) | (away[seen] < -half).all(axis=0)
    least = ASTRAY * np.median(boxes[:, 2:].min(axis=1)) * np.where(beyond, BEYOND, 1.0)
    return bool((np.abs(off) > least).any())


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
