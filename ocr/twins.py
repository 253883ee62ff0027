"""Forms that look alike: the sheets of one election day differ in a few words, and their boxes stand in the same places.

Lines alone cannot tell them apart. So the texts that only one of them has are drawn and looked for in the photo, where
they should stand; the form whose own words are there is the one. If neither's are clearer, nobody can say from the photo.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form, Text
from ocr.render import render, text_width

if TYPE_CHECKING:
    from ocr.register import Registration

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

NEAR = 2.0  # boxes of twins stand this near to each other, in their own widths
SHARED = 0.7  # most of their boxes
SAME_PAGE = 0.04  # and their pages differ by less than this part
TALL = 14.0  # pixels to which the height of a text is brought
REACH = 0.8  # of its height: how far from its place a text is looked for
LARGEST = 12  # texts compared: the largest
FEWEST = 3  # texts that must be comparable
LEAST = 4  # letters of a text that says something


def twins(form: Form, forms: Sequence[Form]) -> list[Form]:
    """The other forms whose boxes stand where this one's do, and that have words of their own."""
    return [f for f in forms if f.id != form.id and _alike(form, f)]


def likeliest(gray: U8, laid: Sequence[Registration]) -> str:
    """The id of the form, among twins that were all laid on a photo, that the photo shows.

    Their own words decide together with how well their lines fit. Where too few words can be compared, the lines decide alone.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo.
    laid : sequence of Registration
        Each of the twins on this photo.
    """
    words = likenesses(gray, laid)
    return max(laid, key=lambda r: r.score + words.get(r.form.id, 0.0)).form.id


def likenesses(gray: U8, laid: Sequence[Registration]) -> dict[str, float]:
    """How much the photo looks like the words that only one of the forms has, -1 to 1; empty if they cannot be compared."""
    out = {}
    for r in laid:
        score = _score(gray, r, [o.form for o in laid if o is not r])
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
    out = []
    for t in form.texts:
        if t.rotate or sum(c.isalpha() for c in t.text) < LEAST:
            continue
        there = [
            o
            for r in rivals
            for o in r.texts
            if o.text == t.text and abs(o.x - t.x) < 3 * t.size and abs(o.y - t.y) < 2 * t.size
        ]
        if not there:
            out.append(t)
    return sorted(out, key=lambda t: -t.size * len(t.text))[:LARGEST]


def _score(gray: U8, found: Registration, rivals: Sequence[Form]) -> float | None:
    """Mean correlation of a form's own texts with the photo, the long ones counting more; None if they are too few."""
    scores, weights = [], []
    for text in _own(found.form, rivals):
        score = _look(gray, found, text)
        if score is not None:
            scores.append(score)
            weights.append(len(text.text) ** 0.5)
    return float(np.average(scores, weights=weights)) if len(scores) >= FEWEST else None


def _look(gray: U8, found: Registration, text: Text) -> float | None:
    """How well a drawn text is matched by the photo near its place; None if that lies outside the photo."""
    form = found.form
    wide = text_width(text.text, text.size)
    left = text.x - {"left": 0.0, "centre": wide / 2, "right": wide}[text.align]
    scale = TALL / text.size
    box = np.array(
        [left - 0.3 * text.size, text.y - 1.0 * text.size, wide + 0.6 * text.size, 1.5 * text.size]
    )
    drawn = _drawn(form.id, form, round(scale, 4), tuple(float(round(v, 2)) for v in box))
    reach = REACH * text.size
    around = np.array([box[0] - reach, box[1] - reach, box[2] + 2 * reach, box[3] + 2 * reach])
    size = (round(around[2] * scale), round(around[3] * scale))
    h, w = gray.shape
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    on_page = corners / scale + around[:2]
    at = _to_photo(found, on_page)
    if at.min() < 0 or at[:, 0].max() > w - 1 or at[:, 1].max() > h - 1:
        return None
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), at.astype(np.float32))
    shrink = float(np.linalg.norm(at[1] - at[0])) / size[0]
    fine = cv2.warpPerspective(gray, turn, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    if shrink > 1.5:  # averaged, so that thin strokes are not skipped
        k = int(np.ceil(shrink))
        grow = np.diag([1 / k, 1 / k, 1.0])
        fine = cv2.warpPerspective(
            gray, turn @ grow, (size[0] * k, size[1] * k), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        )
        fine = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    seen = cv2.GaussianBlur(fine, (0, 0), 0.8)
    if drawn.std() < 1 or drawn.shape[0] > seen.shape[0] or drawn.shape[1] > seen.shape[1]:
        return None
    return float(cv2.matchTemplate(seen, drawn, cv2.TM_CCOEFF_NORMED).max())


@functools.lru_cache(maxsize=512)
def _drawn(_: str, form: Form, scale: float, box: tuple[float, float, float, float]) -> U8:
    """A part of the form's drawn page, grey and a little soft."""
    x, y, w, h = box
    moved = form.model_copy(
        update={
            "page": form.page.model_copy(update={"width": w, "height": h}),
            "rules": (),
            "fields": (),
            "rects": tuple(
                q.model_copy(update={"x": q.x - x, "y": q.y - y})
                for q in form.rects
                if q.x < x + w and q.x + q.w > x and q.y < y + h and q.y + q.h > y
            ),
            "texts": tuple(
                t.model_copy(update={"x": t.x - x, "y": t.y - y})
                for t in form.texts
                if y - t.size < t.y < y + h + t.size
            ),
        }
    )
    page = cv2.cvtColor(render(moved, scale), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.GaussianBlur(page, (0, 0), 0.8), np.uint8)


def _to_photo(registration: Registration, points: F64) -> F64:
    """Page units to photo pixels: the page's homography, moved as the boxes nearby are."""
    flat = cv2.perspectiveTransform(points[None], registration.transform)[0]
    fields = [f for f in registration.form.fields if f.boxes]
    centres = np.array(
        [np.array(f.boxes)[:, :2].mean(0) + np.array(f.boxes)[:, 2:].mean(0) / 2 for f in fields]
    )
    truly = np.array([registration.corners[f.name].reshape(-1, 2).mean(axis=0) for f in fields])
    off = truly - cv2.perspectiveTransform(centres[None], registration.transform)[0]
    far = np.linalg.norm(centres - points.mean(axis=0), axis=1)
    nearest = np.argsort(far)[:4]
    weight = 1 / (far[nearest] + 0.02 * max(registration.form.page.width, registration.form.page.height))
    return np.asarray(flat + np.average(off[nearest], axis=0, weights=weight), dtype=np.float64)
