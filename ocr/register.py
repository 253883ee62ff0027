"""Photo to page: which form it is, and where each of its boxes lies in the photo.

Coarse to fine: the photo is unwarped along its own lines (`ocr.lines`), the forms' printed lines are laid on it (`ocr.rough`, and
`ocr.thorough` where that finds nothing sure) and bent onto it (`ocr.match`), and where that is not settled, or would be refused, drawn to where its printed
texts are seen; each row of boxes is moved onto its edges (`ocr.snap`). What would be refused is looked at once more blurred, so that a page printed in dots shows its lines, and at
last by its rows of print alone (`ocr.print_alone`), for a copy that has lost its lines.
The place must be better than any a row or a box further (`ocr.elsewhere`), and `ocr.gate` says whether it is to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from ocr.elsewhere import alone, draw, elsewhere
from ocr.form import Form, load_forms
from ocr.found import (
    Astray,
    Found,
    NotFound,
    NotToBeRead,
    OtherForm,
    Page,
    Registration,
    registration,
    score,
)
from ocr.gate import (
    ANOTHER,
    HOPELESS,
    RIVAL,
    SETTLED,
    WELL_IN_PLACE,
    gate,
    gate_by_print,
    in_its_rows,
    settled,
    sure,
    with_texts,
)
from ocr.lines import F64, U8, WORK, Sheet, unwarps
from ocr.match import REFINING, Match, Matcher
from ocr.print_alone import alone_by_print
from ocr.print_there import FEWEST, InPlace, pull
from ocr.rough import Rough, rough, transform
from ocr.rows import Rows, best_rows, in_step, other_rows
from ocr.skeleton import LONG
from ocr.snap import Pyramid, snap
from ocr.thorough import thorough
from ocr.twins import Laid, kin, likeliest, likenesses, twins

REFINED = 10  # hypotheses refined, over all forms
SAME_FORM = 4  # of these, at most for one form
CLOSE = 8.0  # pixels; hypotheses nearer than this are refined to the same
SAME_PLACE = (
    3.0  # working pixels; a page with its corners nearer than this to where it was tried is not tried again
)
ALIKE = 0.85  # once a good match was found, none that looks worse than this part of it is looked at
WORSE = 0.6  # and none that looks worse than this part of the best
THOROUGH = 3  # ways to unwarp that are looked at thoroughly, if on none something is read
DOTS = 0.9  # blur in working pixels of a second look where the first is refused: of print in dots
BLURRED_WAYS, BLURRED_THOROUGH = 2, 1  # ways to unwarp that are looked at then, and thoroughly
FEW = 12  # printed segments; with fewer there is no form
TWIN = 0.5  # a twin whose lines fit worse than this part of the best need not be told apart by words
GOOD = 0.6  # from this quality on no other place of the same form is tried
DRAWN = 4  # times that a page is drawn to its texts
NEARER = 0.01  # by less than this they no longer come nearer
# Chosen on simulated photos (seed 1,000,000 of benchmarks.registration).
# How it is then laid on its lines: from which step on, what quality it must keep, and how much better lines and texts must fit together. From the first step on
# it may go back to the wrong lines that it lay on; from the last ones on, it lies where its texts say, if a little off its lines.
TO_LINES, TO_TEXTS = (0, 0.85, 1.0), (len(REFINING) - 1, 0.7, 1.05)
STEPS = 4  # rows or boxes by which a match may be moved in all
ONE_OF_SEVERAL = "which of several forms that look alike the photo shows is not to be read on it; photograph the whole page again, sharp and from above"


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
    said, loudest = "", 0.0
    louder, against = list[Found](), list[Found]()
    for found in _candidates(pyramid, forms):
        if any(_outdoes(before, found) for before in louder):
            continue
        try:
            shown = _of_twins(pyramid, found, forms)
            placed = registration(shown)
            return replace(placed, absent=gate(pyramid, shown, placed.corners))
        except OtherForm:
            raise
        except NotFound as e:
            if isinstance(e, NotToBeRead):
                louder.append(found)
            if isinstance(e, NotToBeRead | Astray):
                against.append(found)
            if not said or found.match.quality > loudest:
                said, loudest = str(e), found.match.quality
    if (by_texts := _by_print(pyramid, forms, against)) is not None:
        placed = registration(by_texts)
        return replace(placed, absent=gate_by_print(pyramid, by_texts, placed.corners))
    raise NotFound(said or "no printed form is visible on this photo; take it again, sharp and from above")


def _by_print(pyramid: Pyramid, forms: Sequence[Form], against: Sequence[Found]) -> Found | None:
    """What the texts alone say, if no form that was found by its lines speaks against it: none but this one or its like."""
    rivals = _rivals(forms, forms)
    found = alone_by_print(pyramid, rivals)
    if found is None:
        return None
    form = found.match.form
    like = {form.id, *(f.id for f in twins(form, rivals) if not other_rows(f, form))}
    if any(b.match.form.id not in like and b.match.quality >= HOPELESS for b in against):
        return None
    _told_from_kin(pyramid, found, rivals)
    if all(form.id != f.id for f in forms):
        raise OtherForm(ANOTHER)
    return found


def _rivals(forms: Sequence[Form], shown: Iterable[Form]) -> list[Form]:
    """The forms that were asked for, and if one that a photo may show is shipped all that are."""
    shipped = load_forms()
    asked = {f.id: f for f in forms}
    if any(shipped.get(f.id) is f for f in shown):
        asked = {**{f.id: f for f in shipped.values() if not f.by_code}, **asked}
    return list(asked.values())


def _outdoes(before: Found, found: Found) -> bool:
    """Whether a form that was found and is not to be read where it lies speaks against one that is found after it."""
    least = before.match.quality
    if found.match.form is not before.match.form and not twins(before.match.form, [found.match.form]):
        least /= RIVAL
    return found.match.quality <= least


def _candidates(pyramid: Pyramid, forms: Sequence[Form]) -> Iterator[Found]:
    """What may be found on the photo, the next only if those before are refused.

    Of the photo unwarped in one way after the other whatever is settled, and the same drawn to its texts; then the best of all ways; then the same of
    the photo blurred. Where a form was tried once it is not tried again.
    """
    tried: list[tuple[str, F64]] = []
    near = SAME_PLACE * max(pyramid.gray.shape) / WORK
    offered: list[Match] = []

    def new(found: Found) -> bool:
        at = _page_corners(found)
        if any(form == found.match.form.id and np.abs(at - there).max() < near for form, there in tried):
            return False
        tried.append((found.match.form.id, at))
        return True

    best: Found | None = None
    for blur, ways, thoroughly in ((0.0, None, THOROUGH), (DOTS, BLURRED_WAYS, BLURRED_THOROUGH)):
        before = best
        for found in _of_each_way(pyramid, islice(unwarps(pyramid.gray, blur), ways), forms, thoroughly):
            if best is None or found.match.quality > best.match.quality:
                best = found
            if settled(found) and new(found):
                first = _drawn(pyramid, found)
                offered += found.match, first.match
                yield first
                again = _drawn(pyramid, found, always=True) if first.match is found.match else first
                if again.match is not first.match:
                    yield again
        if best is not None and best is not before and not settled(best):
            best = _drawn(pyramid, best)
            if sure(best):
                offered.append(best.match)
                yield best
    if best is not None and all(match is not best.match for match in offered) and new(best):
        yield best  # to be told what is wrong with it


def _page_corners(found: Found) -> F64:
    """Where the corners of the page lie in the photo, (4, 2)."""
    page = found.match.form.page
    return found.page(np.array([[0, 0], [page.width, 0], [page.width, page.height], [0, page.height]], float))


def _of_each_way(
    pyramid: Pyramid, ways: Iterable[Sheet], forms: Sequence[Form], thoroughly: int
) -> Iterator[Found]:
    """The best that is found on the photo unwarped in each of these ways, cheaply and then, on so many, thoroughly."""
    sheets: list[Sheet] = []
    for sheet in ways:
        if sheet.segments >= FEW:
            if len(sheets) < thoroughly:
                sheets.append(sheet)
            if found := _found(pyramid, sheet, rough(sheet, forms)):
                yield found
    for sheet in sheets:
        if found := _found(pyramid, sheet, thorough(sheet, forms)):
            yield found


def _of_twins(pyramid: Pyramid, best: Found, forms: Sequence[Form]) -> Found:
    """What was found, or the form of the same boxes whose words are on the photo.

    Shipped forms are told from their shipped twins also where those were not asked for: the photo of another contest's
    sheet is none of this one.
    """
    rivals = _rivals(forms, [best.match.form])
    laid = {best.match.form.id: best}
    for form in twins(best.match.form, rivals):
        # How many rows a table has `ocr.rows` says; those of the wrong form may lie on its own places.
        if other_rows(form, best.match.form):
            continue
        match = Matcher(best.sheet).laid_as(best.match, form)
        if match.quality < TWIN * best.match.quality:
            continue
        page = Page(form, match.warp, best.sheet)
        snapped = snap(pyramid, form, page)
        laid[form.id] = replace(
            best, score=score(match, snapped), match=match, snapped=snapped, page=page, texts=None
        )
    found = best
    if len(laid) > 1:
        which = likeliest(pyramid, [Laid(f.match.form, f.page, f.score) for f in laid.values()])
        if which is None:
            raise NotToBeRead(ONE_OF_SEVERAL)
        found = laid[which]
    _told_from_kin(pyramid, found, rivals)
    if all(found.match.form.id != f.id for f in forms):
        raise OtherForm(ANOTHER)
    return best if found is best else replace(found, places=elsewhere(found.sheet, found.match))


def _told_from_kin(pyramid: Pyramid, found: Found, forms: Sequence[Form]) -> None:
    """Raise unless the words that only this form has under a heading that others have as well are on the photo, and not those of another one.

    Under a hand a longer sheet's table looks like a shorter one's.
    """
    mine = Laid(found.match.form, found.page, 0.0)
    for form in kin(found.match.form, forms):
        both = [mine, Laid(form, found.page, 0.0)]
        if likenesses(pyramid, both):
            which = likeliest(pyramid, both)
            if which is None:
                raise NotToBeRead(ONE_OF_SEVERAL)
            if which == form.id:
                raise NotFound(ANOTHER)


def _found(pyramid: Pyramid, sheet: Sheet, likely: Sequence[Rough]) -> Found | None:
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
        page = Page(match.form, match.warp, sheet)
        snapped = snap(pyramid, match.form, page)
        alike = {f.id for f in twins(match.form, [m.form for m in matches])}
        rival = max((m.quality for m in matches if m is not match and m.form.id not in alike), default=0.0)
        places = first if match is matches[0] else elsewhere(sheet, match)
        found.append(Found(score(match, snapped), match, snapped, page, sheet, rival, places))
    best = max(found, key=lambda f: f.score, default=None)
    if best is None or best.match.quality < HOPELESS:
        return best
    return _with_rows(pyramid, best)


def _laid(pyramid: Pyramid, match: Match, before: Found, rows: Rows | None = None) -> Found:
    """Another match on the same unwarped photo, in the place of one that was found."""
    page = Page(match.form, match.warp, before.sheet)
    snapped = snap(pyramid, match.form, page)
    return replace(
        before,
        score=score(match, snapped),
        match=match,
        snapped=snapped,
        page=page,
        places=elsewhere(before.sheet, match),
        texts=None,
        rows=rows,
    )


def _with_rows(pyramid: Pyramid, found: Found) -> Found:
    """What was found, or the right rows, found from the wrong ones."""
    rows = best_rows(pyramid, Matcher(found.sheet), found.match)
    if rows.match is found.match:
        return replace(found, rows=rows)
    return _laid(pyramid, rows.match, found, rows)


def _drawn(pyramid: Pyramid, found: Found, *, always: bool = False) -> Found:
    """What was found, or what it becomes if the page is drawn to where its texts are seen, if lines and texts agree with that.

    What is settled is drawn only if its texts are elsewhere, as far as they need be asked, or `always`.
    """
    if found.match.quality < HOPELESS:
        return found
    if settled(found) and (found.rows is None or found.rows.texts >= WELL_IN_PLACE) and not always:
        found = with_texts(pyramid, found)
        if found.texts is None or (found.texts.share >= WELL_IN_PLACE and _exactly(found.texts)):
            return found
    matcher = Matcher(found.sheet)
    first = best = with_texts(pyramid, found, always=True)
    for start, alike, gain in (TO_LINES, TO_TEXTS):
        now = first
        for _ in range(DRAWN):
            texts = now.texts
            if texts is None or len(texts.at) < FEWEST or (start and _exactly(texts)):
                break
            match = matcher.drawn_to(now.match, *pull(now.match.form, texts), start=start)
            now = with_texts(pyramid, _laid(pyramid, match, now), always=True)
            as_good = now.match.quality >= alike * first.match.quality
            if as_good and _told_together(now) > gain * _told_together(best):
                best = now
            if now.texts is None or now.texts.exact < texts.exact + NEARER:
                break
    if best is first:
        return first
    # Texts that all stood in their rows before speak for it as if nobody had drawn the page.
    best = _with_rows(pyramid, best)
    as_before = in_its_rows(first) and (alone(best.places) or not alone(first.places))
    return with_texts(pyramid, replace(best, drawn=not as_before))


def _told_together(found: Found) -> float:
    """How well lines and texts fit, in one number; texts stand apart, and are harder to find by chance than lines on lines."""
    return found.match.quality * (max(found.texts.exact, 0.0) ** 2 if found.texts is not None else 0.0)


def _exactly(texts: InPlace) -> bool:
    """Whether the texts stand just where they should, not a little off."""
    return texts.exact >= texts.here - NEARER


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
