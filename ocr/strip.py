"""Where the lines of a machine-printed strip stand: a sheet without boxes, found by its code and its lines of text.

The code says which way the strip lies, roughly how large it is, and where it ends. The two long rules that frame the
table then say exactly how wide it is and how it is turned. How far down each line stands, they do not say: headers are longer or shorter,
and the paper slips under the scanner. So the lines of text found in the column of the words are laid on the form's, in their
order, by their distances (`align`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form, FormField

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

COARSE = 0.5  # pixels per page unit while the frame is looked for
SIDE = 0.12  # of the page's width, looked at beyond it while its place is known only from the code
PAPER = 48  # coarse pixels: a neighbourhood of at least this size has some paper in it
DARK = 0.62  # of the paper's grey: what is darker is ink
RULE = 60  # page units: the shortest piece of a rule
TILTS = np.arange(-1.2, 1.21, 0.1)  # degrees by which the code may stand wrong
WIDTHS = (0.8, 1.25)  # how much wider or narrower the frame may be than the code says
LINE = (0.5, 2.2)  # height of a line of text, of a capital's
CAPITAL = 20.0  # page units: the height of a capital
SKIP, EXTRA, SLIP = (
    40.0,
    4.0,
    3.0,
)  # page units: costs of a line not found and of one too many; distance off for nothing
DOTS = 3  # pixels of ink: a row with fewer is empty
SPARE = 1.3  # how much farther from the rules lines are looked for than the form has them
REACH = 4  # lines of the form that may be missing in a row


@dataclass(frozen=True, eq=False)
class Strip:
    """A strip brought upright.

    Attributes
    ----------
    ink : (H, W) float32
        0 to 1; one pixel is one page unit, columns are the form's x, rows begin at `top`.
    to_photo : (3, 3) float64
        From pixels of `ink` to pixels of the photo.
    tops : mapping of str to float
        Row of `ink` on which the capitals of each field's line begin; fields whose line was not found are not in it.
    expected : int
        How many fields have a line.
    """

    ink: F32
    to_photo: F64
    tops: Mapping[str, float]
    expected: int

    @property
    def score(self) -> float:
        """Part of the lines that were found."""
        return len(self.tops) / max(1, self.expected)


def find_strip(gray: U8, form: Form, code: F64) -> Strip | None:
    """Find the lines of a strip.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo.
    form : Form
        With one code and fields that stand in words.
    code : (4, 2) float64
        The code's corners in the photo, from its own top left clockwise.

    Returns
    -------
    Strip or None
        None if the frame or the lines are not to be seen.
    """
    rough, height = _from_code(gray, form, code)
    if rough is None:
        return None
    frame = _frame(_ink(gray, rough, COARSE, (form.page.width * (1 + 2 * SIDE), height)), form)
    if frame is None:
        return None
    matrix, length = frame
    fine = rough @ matrix
    ink = _ink(gray, fine, 1.0, (form.page.width, length))
    lined = [f for f in form.fields if f.words is not None]
    at = align(np.array([_top(f) for f in lined]), _lines(ink, lined))
    tops = {f.name: float(y) for f, y in zip(lined, at, strict=True) if np.isfinite(y)}
    if len(tops) < 2:
        return None
    # Numbers without words stand where the lines around them say.
    known = np.array([[_top(f), tops[f.name]] for f in lined if f.name in tops])
    for f in form.fields:
        if f.words is None and f.boxes:
            nearest = known[np.argsort(np.abs(known[:, 0] - _top(f)))[0]]
            tops[f.name] = float(nearest[1] + _top(f) - nearest[0])
    return Strip(ink, fine, tops, sum(bool(f.boxes) for f in form.fields))


def align(form: F64, seen: F64) -> F64:
    """Lay the lines seen on the form's lines, in order.

    Parameters
    ----------
    form : (n,) float64
        Where the form has its lines, ascending.
    seen : (m,) float64
        Where lines were seen, ascending; some are none of the form's.

    Returns
    -------
    (n,) float64
        Where each of the form's lines stands; nan if it was not seen. The distances decide, not the places.
    """
    n, m = len(form), len(seen)
    out = np.full(n, np.nan)
    if not n or not m:
        return out
    apart = seen[:, None] - seen[None, :]
    passed = np.arange(m)[:, None] - np.arange(m)[None, :] - 1
    cost = np.full((n, m), np.inf)
    back = np.full((n, m, 2), -1)
    for i in range(n):
        cost[i] = i * SKIP
        for k in range(max(0, i - REACH), i):
            off = np.maximum(0.0, np.abs(apart - (form[i] - form[k])) - SLIP)
            step = cost[k][None, :] + off + (i - k - 1) * SKIP + passed * EXTRA
            step = np.where(passed >= 0, step, np.inf)
            best = step.argmin(axis=1)
            value = step[np.arange(m), best]
            better = value < cost[i]
            cost[i][better] = value[better]
            back[i][better] = np.stack([np.full(m, k), best], axis=1)[better]
    ends = cost + SKIP * (n - 1 - np.arange(n))[:, None]
    i, j = (int(x) for x in np.unravel_index(int(ends.argmin()), ends.shape))
    while i >= 0:
        out[i] = seen[j]
        i, j = (int(x) for x in back[i, j])
    return out


def _top(field: FormField) -> float:
    """Where the capitals of the field's line begin on the form: a tenth within its box."""
    _, y, _, h = field.words or field.boxes[0]
    return y + 0.1 * h


def _from_code(gray: U8, form: Form, code: F64) -> tuple[F64 | None, float]:
    """From upright page units (moved, so that nothing is negative) to the photo, and how long the strip is."""
    place = form.codes[0]
    across = (code[1] - code[0] + code[2] - code[3]) / 2
    scale = float(np.hypot(*across)) / place.w
    if scale <= 0:
        return None, 0.0
    right = across / np.hypot(*across)
    down = np.array([-right[1], right[0]])
    if down @ (code[3] - code[0]) <= 0:  # a mirrored picture
        return None, 0.0
    corners = np.array([[0, 0], [gray.shape[1], 0], [0, gray.shape[0]], gray.shape[::-1]], np.float64)
    # The strip's beginning is the photo's edge.
    above = float((-(corners - code[0]) @ down).max()) / scale
    origin = code[0] - right * scale * (place.x + SIDE * form.page.width) - down * scale * above
    if above < 2 * place.h:
        return None, 0.0
    matrix = np.array([[right[0], down[0], 0], [right[1], down[1], 0], [0, 0, 1.0]])
    matrix[:2, :2] *= scale
    matrix[:2, 2] = origin
    return matrix, above


def _ink(gray: U8, to_photo: F64, scale: float, size: tuple[float, float]) -> F32:
    """The strip upright, paper 0 and ink 1."""
    width, height = (max(1, round(s * scale)) for s in size)
    matrix = to_photo @ np.diag([1 / scale, 1 / scale, 1.0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    # Where the strip is to be much smaller than in the photo, points between its pixels are lost unless it is blurred.
    shrink = float(np.hypot(*matrix[:2, 0]))
    source = cv2.blur(gray, (round(shrink), round(shrink))) if shrink >= 1.5 else gray
    upright = cv2.warpAffine(source, matrix[:2], (width, height), flags=flags, borderValue=255)
    small = cv2.resize(
        upright, None, fx=COARSE / scale / 4, fy=COARSE / scale / 4, interpolation=cv2.INTER_AREA
    )
    paper = cv2.blur(cv2.dilate(small, np.ones((PAPER // 4, PAPER // 4), np.uint8)), (9, 9))
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    # From paper (1) over DARK (half) to black.
    steep = 1 / (2 * (1 - DARK))
    share = cv2.divide(upright, np.maximum(paper, 24), scale=-steep, dtype=cv2.CV_32F)
    ink = np.asarray(share, np.float32)
    ink += np.float32(0.5 + DARK * steep)
    return np.asarray(np.clip(ink, 0, 1, out=ink), np.float32)


def _frame(ink: F32, form: Form) -> tuple[F64, float] | None:
    """Where the form's part around its two long rules lies in the rough strip, and how long it is, in page units.

    The matrix goes from the form's x and from y counted from where this part begins to the units of the rough strip.
    """
    kernel = np.ones((round(RULE * COARSE), 1), np.uint8)
    rules = cv2.morphologyEx(
        cv2.dilate((ink > 0.5).astype(np.uint8), np.ones((1, 2), np.uint8)), cv2.MORPH_OPEN, kernel
    )
    y, x = (v.astype(np.float64) for v in np.nonzero(rules))
    if not y.size:
        return None
    upright = [r.x0 for r in form.rules if r.x0 == r.x1]
    left, right = min(upright), max(upright)
    best, found = 0.0, None
    middle = ink.shape[0] / 2
    for tilt in np.deg2rad(TILTS):
        across = x - np.tan(tilt) * (y - middle)
        columns = np.clip(np.round(across), 0, ink.shape[1] - 1).astype(np.int64)
        profile = np.convolve(np.bincount(columns, minlength=ink.shape[1]), np.ones(3), "same")
        peaks = np.argsort(-profile, kind="stable")[:40]
        a, b = np.meshgrid(peaks, peaks, indexing="ij")
        wide = (b - a) / (COARSE * (right - left))
        value = np.where((wide > WIDTHS[0]) & (wide < WIDTHS[1]), np.minimum(profile[a], profile[b]), 0.0)
        k = int(value.argmax())
        if value.flat[k] > best:
            best, found = float(value.flat[k]), (int(a.flat[k]), int(b.flat[k]), float(tilt))
    if found is None:
        return None
    one, other, tilt = found
    scale = (other - one) / (COARSE * (right - left))
    lean = float(np.tan(tilt))
    from_rule = x - lean * (y - middle)
    on_rule = y[(np.abs(from_rule - one) < 2) | (np.abs(from_rule - other) < 2)]
    tops = [box[1] for f in form.fields for box in f.boxes]
    rule = next(r for r in form.rules if r.x0 == left)
    first, last = (float(v) / COARSE for v in np.percentile(on_rule, [1, 99]))
    first -= scale * (SPARE * (max(0.0, rule.y0 - min(tops))) + 2 * RULE)
    last += scale * (SPARE * max(0.0, max(tops) - rule.y1) + 2 * RULE)
    first, last = max(0.0, first), min(last, ink.shape[0] / COARSE)
    # The rules lean by tan(tilt) for each unit down, about the middle of the strip.
    x0 = one / COARSE - scale * left + lean * (first - middle / COARSE)
    matrix = np.array([[scale, lean * scale, x0], [-lean * scale, scale, first], [0, 0, 1]])
    return np.asarray(matrix, np.float64), (last - first) / scale


def _lines(ink: F32, fields: list[FormField]) -> F64:
    """Where the capitals of lines of text begin, in the middle of the column of words: so far above their baseline."""
    quads = [f.words for f in fields if f.words is not None]
    a, b = max(q[0] for q in quads), min(q[0] + q[2] for q in quads)
    inset = 0.1 * (b - a)
    column = without_rules(ink[:, round(a + inset) : round(b - inset)]) > 0.5
    rows = column.sum(axis=1).astype(np.int64)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (rows >= DOTS).astype(np.int8), [0]])))
    out = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if LINE[0] * CAPITAL <= end - start <= LINE[1] * CAPITAL:
            # The baseline is where the ink falls off most; a rule or dirt above the line does not move it.
            y = np.arange(start + round(LINE[0] * CAPITAL), min(end + 1, len(rows) - 1))
            out.append(int(y[(rows[y - 2] + rows[y - 1] - rows[y] - rows[y + 1]).argmax()]) - CAPITAL)
    return np.asarray(out, np.float64)


def without_rules(ink: F32) -> F32:
    """The ink without long horizontal lines."""
    rules = cv2.morphologyEx((ink > 0.5).astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, RULE), np.uint8))
    return np.where(cv2.dilate(rules, np.ones((3, 1), np.uint8)) > 0, np.float32(0), ink)
