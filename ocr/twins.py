"""Forms that look alike: the sheets of one election day differ in a few words, and their boxes stand in the same places.

Lines alone cannot tell them apart. So the texts that only one of them has are drawn and looked for in the photo, where
they should stand; the form whose own words are there is the one. If neither's are clearer, nobody can say from the photo.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ocr.form import Form, Text
from ocr.print_there import ToPhoto, is_drawable, look, says_something
from ocr.snap import Pyramid

NEAR = 2.0  # boxes of twins stand this near to each other, in their own widths
SHARED = 0.7  # most of their boxes
SAME_PAGE = 0.04  # and their pages differ by less than this part
# Texts that kin have in the same places: so many, and more than this part of the smaller one's.
FEWEST_SHARED, SHARED_TEXTS = 5, 0.3
LARGEST = 12  # texts compared: the largest
READ = 0.35  # the least correlation of words that are on the photo
CLEARER = 0.05  # by so much, of words and lines together, one form must be better than the others


def twins(form: Form, forms: Sequence[Form]) -> list[Form]:
    """The other forms whose boxes stand where this one's do, and that have words of their own."""
    return [f for f in forms if f.id != form.id and _alike(form, f)]


def kin(form: Form, forms: Sequence[Form]) -> list[Form]:
    """The other forms of whose texts many stand where this one has the same, as in two contests' sheets under one heading, and that are no twins."""
    return [
        f
        for f in forms
        if f.id != form.id and _shared_texts((form.id, f.id), form, f) and not _alike(form, f)
    ]


@functools.lru_cache(maxsize=1024)
def _shared_texts(_: tuple[str, str], a: Form, b: Form) -> bool:
    mine, theirs = ([t for t in form.texts if says_something(t)] for form in (a, b))
    shared = len(mine) - len(_not_in(mine, theirs))
    return shared >= FEWEST_SHARED and shared > SHARED_TEXTS * min(len(mine), len(theirs))


@dataclass(frozen=True)
class Laid:
    """A form laid on a photo: where its points (n, 2), in page units, lie there, and how well its lines and boxes do, 0 to 1."""

    form: Form
    to_photo: ToPhoto
    score: float


def likeliest(pyramid: Pyramid, laid: Sequence[Laid]) -> str | None:
    """The id of the form, among twins that were all laid on a photo, that the photo shows; None if that is not to be seen.

    Their own words decide together with how well their lines fit. Where none can be compared (they lie outside the photo, or the
    font has no such letters), the lines decide alone, if they can.

    Parameters
    ----------
    pyramid : Pyramid
        The photo.
    laid : sequence of Laid
        Each of the twins on this photo.
    """
    words = likenesses(pyramid, laid)
    total = {r.form.id: r.score + words.get(r.form.id, 0.0) for r in laid}
    *_, second, best = sorted(total, key=lambda form: total[form])
    if total[best] < total[second] + CLEARER or words.get(best, READ) < READ:
        return None
    return best


def likenesses(pyramid: Pyramid, laid: Sequence[Laid]) -> dict[str, float]:
    """How much the photo looks like the words that only one of the forms has, -1 to 1; empty if one of them has none that can be looked for."""
    out = {}
    for r in laid:
        score = _score(pyramid, r, [o.form for o in laid if o is not r])
        if score is None:
            return {}
        out[r.form.id] = score
    return out


@functools.lru_cache(maxsize=256)
def _alike_boxes(_: tuple[str, str], a: Form, b: Form) -> bool:
    mine, theirs = (np.array([q for f in form.fields for q in f.boxes]).reshape(-1, 4) for form in (a, b))
    if not len(mine) or not len(theirs) or abs(len(mine) - len(theirs)) > 0.3 * len(mine):
        return False
    theirs = theirs * np.array([a.page.width / b.page.width, a.page.height / b.page.height] * 2)
    off = np.abs(mine[:, None, :2] - theirs[None, :, :2]).max(axis=2)
    shared = [np.mean(off.min(axis=1) < NEAR * mine[:, 2]), np.mean(off.min(axis=0) < NEAR * theirs[:, 2])]
    return bool(min(shared) > SHARED)


def _alike(a: Form, b: Form) -> bool:
    shape = (a.page.width / a.page.height) / (b.page.width / b.page.height)
    if abs(shape - 1) > SAME_PAGE or not a.texts or not b.texts:
        return False
    return _alike_boxes((a.id, b.id), a, b) and bool(_own(a, [b]) or _own(b, [a]))


def _own(form: Form, rivals: Sequence[Form]) -> list[Text]:
    """The largest texts that stand in this form and, there, in none of the others."""
    out = _not_in([t for t in form.texts if says_something(t)], [o for r in rivals for o in r.texts])
    return sorted(out, key=lambda t: -t.size * len(t.text))[:LARGEST]


def _not_in(texts: Sequence[Text], others: Sequence[Text]) -> list[Text]:
    """The texts that do not stand among the others in about the same place."""
    return [
        t
        for t in texts
        if not any(
            o.text == t.text and abs(o.x - t.x) < 3 * t.size and abs(o.y - t.y) < 2 * t.size for o in others
        )
    ]


def _score(pyramid: Pyramid, laid: Laid, rivals: Sequence[Form]) -> float | None:
    """Mean correlation of a form's own texts with the photo, the long ones counting more; None if none can be looked for."""
    scores, weights = [], []
    for text in _own(laid.form, rivals):
        if not is_drawable(text):
            continue
        score = look(pyramid, laid.form, laid.to_photo, text)
        if score is not None:
            scores.append(float(score.max()))
            weights.append(len(text.text) ** 0.5)
    return float(np.average(scores, weights=weights)) if scores else None
