"""How well the photo looks like a form's printed texts where they should stand.

Each text is drawn as the form has it and looked for near its place (`look`). A sheet laid a row too few or too many on a table has its lines on
lines nearly everywhere, but of its texts, those beside and below the table stand a row off: there the photo is more like them a little
further up or down than at their place (`in_place`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form, Text
from ocr.render import render, text_width
from ocr.skeleton import LONG
from ocr.snap import Pyramid

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
ToPhoto = Callable[[F64], F64]
"""Points (n, 2) of the page, in page units, to photo pixels."""

TALL = 14.0  # pixels to which the height of a text is brought
REACH = 0.8  # of its height: how far from its place a text is looked for
EXACTLY = 0.25  # of its height: a text no further off stands just where it should
LEAST = 4  # letters of a text that says something
LETTERS = frozenset(c for c in map(chr, range(0x250)) if c.isalpha())  # Latin
FURTHER = 1.25  # rows up and down that a text is looked for to say whether it stands in its place
BESIDE, FARTHEST = 0.6, 3.0  # boxes, and heights of the text, at most, that it is looked for across
NO_TEXT = 0.05  # correlation of a text that is not there
PLAINLY = 0.75  # correlation from which on a text is not looked for any further
VISIBLE = 0.4  # correlation at the best place around, below which a text is not seen at all
IN_ROW = 0.35  # of a row: nearer is its place
WIDEST = 9.0  # of its height: so much of a text is enough to know its row by
FEWEST, FEWEST_APART = 6, 3  # texts of the whole page, and of a part of it, or nothing is said of it


@dataclass(frozen=True, eq=False)
class InPlace:
    """What a form's texts say of its place.

    Attributes
    ----------
    here : float
        How much the photo looks like the texts at their places: mean correlation, -1 to 1.
    exact : float
        The same no further off than a small part of their height.
    share : float
        Of the texts that are seen there or near by: that at their places, as part of what it is at the best place of each text around; 1 where all stand in their places. Of all texts, of those in the
        upper part and of those in the lower one, whichever has least; 0 if too few are on the photo.
    level : float
        The same if a text may stand further to the left or right: 1 where all stand in their rows.
    at : (n, 2) float64
        The middle of each text that is on the photo (of a long one, of its beginning that is looked for), in page units.
    off : (n, 2) float64
        How far from there, in page units, the photo is most like it.
    like : (n,) float64
        How much it is, there: correlation, -1 to 1.
    near : (n,) float64
        How much it is where it counts as the text's own row.
    """

    here: float
    exact: float
    share: float
    level: float
    at: F64
    off: F64
    like: F64
    near: F64


def pull(form: Form, texts: InPlace) -> tuple[F64, F64, F64]:
    """What draws a page to its texts (`ocr.match.Matcher.drawn_to`): where they are, how far off, in `LONG` units, and how sure each is."""
    unit = LONG / max(form.page.width, form.page.height)
    return texts.at * unit, texts.off * unit, np.clip(texts.like - NO_TEXT, 0.0, None)


def says_something(text: Text) -> bool:
    """Whether a text has letters enough to be known by, and stands upright."""
    return not text.rotate and sum(c.isalpha() for c in text.text) >= LEAST


def is_drawable(text: Text) -> bool:
    """Whether a text says something in letters that the font draws: Georgian ones are all the same box to it."""
    return says_something(text) and sum(c in LETTERS for c in text.text) >= LEAST


def in_place(
    pyramid: Pyramid, form: Form, to_photo: ToPhoto, step: tuple[float, float], middle: float
) -> InPlace | None:
    """Whether a form's texts stand where the form, laid on a photo, has them; None if it has too few that can be drawn.

    Parameters
    ----------
    pyramid : Pyramid
        The photo.
    step : (float, float)
        The width of a box and the height of a row of the form's table, in page units.
    middle : float
        How far down the page, in page units, the upper part ends and the lower one begins.
    """
    texts = [t for t in form.texts if is_drawable(t)]
    if len(texts) < FEWEST:
        return None
    parts: tuple[list[tuple[float, float, float]], ...] = ([], [])
    box, row = step
    sightings, exact = [], list[float]()
    for text in texts:
        # Few stand elsewhere, so most are found at once where they should be.
        score = look(pyramid, form, to_photo, text, widest=WIDEST * text.size)
        if score is None or score.max() < PLAINLY:
            across = min(BESIDE * box, FARTHEST * text.size)
            score = look(
                pyramid, form, to_photo, text, further=FURTHER * row, beside=across, widest=WIDEST * text.size
            )
        if score is None:
            continue
        centre = (np.array(score.shape) - 1) / 2
        reach = np.array([min(REACH * text.size, IN_ROW * row), REACH * text.size]) * TALL / text.size
        low, high = np.floor(np.maximum(centre - reach, 0)).astype(int), np.ceil(centre + reach).astype(int)
        in_row = score[low[0] : high[0] + 1]
        near = in_row[:, low[1] : high[1] + 1]
        low, high = (np.rint(centre + way * EXACTLY * TALL).astype(int) for way in (-1, 1))
        exact.append(float(score[low[0] : high[0] + 1, low[1] : high[1] + 1].max()))
        best = float(score.max())
        parts[text.y > middle].append((float(near.max()), float(in_row.max()), best))
        y, x = (np.array(np.unravel_index(int(score.argmax()), score.shape)) - centre) * text.size / TALL
        left, wide = _across(text, WIDEST * text.size)
        sightings.append((left + wide / 2, text.y - 0.3 * text.size, x, y, best, float(in_row.max())))
    whole = parts[0] + parts[1]
    # A text that is nowhere to be seen (pale print on a copy) does not say where it stands.
    seen = [
        np.array([each for each in part if each[2] >= VISIBLE]).reshape(-1, 3) for part in (whole, *parts)
    ]
    here, share, level = 0.0, 0.0, 0.0
    if len(seen[0]) >= FEWEST:
        here = float(np.mean([near for near, *_ in whole]))
        share, level = (
            max(0.0, min(float(p[:, i].sum() / p[:, 2].sum()) for p in seen if len(p) >= FEWEST_APART))
            for i in (0, 1)
        )
    all_ = np.array(sightings, np.float64).reshape(-1, 6)
    return InPlace(
        here=here,
        exact=float(np.mean(exact)) if exact else 0.0,
        share=share,
        level=level,
        at=all_[:, :2],
        off=all_[:, 2:4],
        like=all_[:, 4],
        near=all_[:, 5],
    )


def _across(text: Text, widest: float) -> tuple[float, float]:
    """Where a text begins, and how wide it is, at most so much, in page units."""
    wide = text_width(text.text, text.size)
    left = text.x - {"left": 0.0, "centre": wide / 2, "right": wide}[text.align]
    return left, min(wide, widest)


def look(
    pyramid: Pyramid,
    form: Form,
    to_photo: ToPhoto,
    text: Text,
    *,
    further: float = 0.0,
    beside: float = 0.0,
    widest: float = np.inf,
) -> NDArray[np.float32] | None:
    """How well a text of a form is matched by the photo around its place.

    Correlations (rows, columns) of the drawn text with the photo, moved by up to `REACH` of its height and, up and down, by `further`, across by `beside` page
    units, of its beginning no more than `widest` page units; None if that lies outside the photo, or there is nothing to compare. Of a text brought to `TALL` pixels.
    """
    left, wide = _across(text, widest)
    scale = TALL / text.size
    box = np.array(
        [left - 0.3 * text.size, text.y - 1.0 * text.size, wide + 0.6 * text.size, 1.5 * text.size]
    )
    drawn = _drawn(form.id, form, round(scale, 4), tuple(float(round(v, 2)) for v in box))
    reach = np.maximum(REACH * text.size, [beside, further])
    around = np.array([*(box[:2] - reach), *(box[2:] + 2 * reach)])
    size = (round(around[2] * scale), round(around[3] * scale))
    h, w = pyramid.gray.shape
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    at = to_photo(corners / scale + around[:2])
    if at.min() < 0 or at[:, 0].max() > w - 1 or at[:, 1].max() > h - 1:
        return None
    # Of the photo as small as the text is drawn, so that thin strokes are not skipped.
    photo, part = pyramid.level(float(np.linalg.norm(at[1] - at[0])) / size[0])
    at = (at + 0.5) * part - 0.5
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), at.astype(np.float32))
    fine = cv2.warpPerspective(photo, turn, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    seen = cv2.GaussianBlur(fine, (0, 0), 0.8)
    if drawn.std() < 1 or drawn.shape[0] > seen.shape[0] or drawn.shape[1] > seen.shape[1]:
        return None
    return np.asarray(cv2.matchTemplate(seen, drawn, cv2.TM_CCOEFF_NORMED), np.float32)


@functools.lru_cache(maxsize=2048)
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
