"""Photos of filled forms, drawn so that the place of every box is known: what registration is measured on.

The sheet's print comes from its TOML; the writing is scrawl that only looks like digits, because nothing here is read.
The page is bent, seen through a pinhole, lit, covered, copied and compressed; `KINDS` says how, kind by kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.form import Form
from ocr.render import render
from ocr.skeleton import per_form

Pixels = NDArray[np.uint8]
F64 = NDArray[np.float64]
GRID = 8  # the warp is computed on every eighth pixel and interpolated: it is smooth
KINDS = (
    "scan",  # a flatbed's, slightly askew
    "photo",  # a phone from above, 2 to 4 MP, uneven light, curled or folded paper
    "steep",  # from the side: up to 35 degrees, perspective of one side over the other up to 1.5
    "bent",  # paper that bends by up to 6 % of its length, or is folded twice
    "dark",  # a hard shadow over it and little light, noise
    "copy",  # photocopied to black and white, then scanned
    "halftone",  # printed in dots, as in a newspaper, then photographed
    "small",  # a screenshot 480 to 700 pixels wide
    "hand",  # fingers over up to half of it
    "lined",  # on a table of boards, on lined or printed paper
)


@dataclass(frozen=True)
class Shot:
    """A photo and the truth: for each field the corners (boxes, 4, 2) of its boxes in photo pixels, and the fields covered by a hand."""

    gray: Pixels
    corners: dict[str, F64]
    covered: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Paper:
    """Where the points of a bent page come to lie. Lengths are shares of the longer side, the page's middle is 0."""

    waves: tuple[tuple[float, float, float, float], ...]  # height, direction, waves a length, phase
    folds: tuple[tuple[float, float, bool], ...]  # slope, where, across
    tilt: tuple[float, float, float]
    distance: float
    turn: int

    def __call__(self, uv: F64) -> F64:
        u, v = uv[..., 0], uv[..., 1]
        z = np.zeros_like(u)
        for height, direction, often, phase in self.waves:
            z = z + height * np.sin(np.pi * (often * (u * np.cos(direction) + v * np.sin(direction)) + phase))
        for slope, where, across in self.folds:
            z = z + slope * np.abs((v if across else u) - where)
        (a, b, c), d = self.tilt, self.distance
        y, z = v * np.cos(a) - z * np.sin(a), v * np.sin(a) + z * np.cos(a)
        x, z = u * np.cos(b) + z * np.sin(b), -u * np.sin(b) + z * np.cos(b)
        c = c + self.turn * np.pi / 2
        x, y = x * np.cos(c) - y * np.sin(c), x * np.sin(c) + y * np.cos(c)
        return np.stack([x / (d + z) * d, y / (d + z) * d], axis=-1)


def shoot(form: Form, kind: str, seed: int, cut: float = 0.0) -> Shot:
    """One photo of a filled form.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    cut : float
        Part of the page that lies outside of the photo, on one side.
    """
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    paper = _paper(kind, rng)
    wide, high = form.page.width, form.page.height
    rim = np.linspace(0, 1, 21)
    one, nil = np.ones(21), np.zeros(21)
    page = np.stack(
        [np.concatenate([rim, rim, nil, one]) * wide, np.concatenate([nil, one, rim, rim]) * high], axis=1
    )
    unit = max(wide, high)
    seen = paper((page - [wide / 2, high / 2]) / unit)
    low, high_ = seen.min(axis=0), seen.max(axis=0)
    span = high_ - low
    scale = _scale(kind, span, rng)
    margin = rng.uniform(0.0, 0.02, 2) if kind in ("scan", "copy", "small") else rng.uniform(0.01, 0.12, 2)
    size = np.ceil(span * scale * (1 + 2 * margin)).astype(int)
    offset = -low * scale + span * scale * margin
    if cut:
        side = int(rng.integers(4))
        taken = round(cut * span[side % 2] * scale)
        size[side % 2] -= taken
        if side < 2:
            offset[side] -= taken

    def to_photo(p: F64) -> F64:
        return np.asarray(paper((p - [wide / 2, high / 2]) / unit) * scale + offset, np.float64)

    sheet, sheet_scale = _filled(form, kind, float(scale / unit), rng)
    gray, hand = _picture(sheet, _inverse(to_photo, form, size) * sheet_scale - 0.5, size, kind, rng)
    corners = {}
    for f in form.fields:
        b = np.array(f.boxes)
        x0, y0, x1, y1 = b[:, 0], b[:, 1], b[:, 0] + b[:, 2], b[:, 1] + b[:, 3]
        quads = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
        corners[f.name] = to_photo(quads) - 0.5  # a pixel's centre is at whole numbers
    covered = frozenset(name for name, quads in corners.items() if hand is not None and _under(hand, quads))
    return Shot(gray, corners, covered)


def _under(hand: NDArray[np.float32], quads: F64) -> bool:
    """Whether a hand lies over the middle or a corner of any of the boxes."""
    points = np.concatenate([quads.reshape(-1, 2), quads.mean(axis=1)])
    x, y = (np.clip(np.rint(points[:, i]), 0, hand.shape[1 - i] - 1).astype(np.intp) for i in (0, 1))
    return bool((hand[y, x] > 0.5).any())


def _paper(kind: str, rng: np.random.Generator) -> _Paper:
    flat = kind in ("scan", "copy", "small")
    waves: list[tuple[float, float, float, float]] = []
    folds: list[tuple[float, float, bool]] = []
    if not flat:
        size = 0.03 if kind != "bent" else 0.06
        direction = float(rng.choice((0, np.pi / 2)) + rng.normal(0, 0.3))
        waves.append((rng.uniform(0.2, 1) * size / 2, direction, rng.uniform(0.6, 1.6), rng.uniform(0, 2)))
        for _ in range(int(rng.integers(0, 3 if kind == "bent" else 2))):
            across = bool(rng.random() < 0.6)
            folds.append((rng.uniform(0.03, 0.09) * rng.choice((-1, 1)), rng.normal(0, 0.12), across))
    tilt = rng.normal(0, 0.08, 2)
    if kind == "steep":
        tilt = rng.uniform(0.25, 0.6) * np.array([1, 0.4])[:: rng.choice((-1, 1))] * rng.choice((-1, 1), 2)
    if flat:
        tilt = np.zeros(2)
    spin = rng.normal(0, 0.012 if flat else 0.06)
    turn = 0 if kind == "small" or rng.random() < 0.55 else int(rng.integers(1, 4))
    return _Paper(tuple(waves), tuple(folds), (tilt[0], tilt[1], spin), float(rng.uniform(1.4, 2.2)), turn)


def _scale(kind: str, span: F64, rng: np.random.Generator) -> float:
    if kind == "small":
        return float(rng.uniform(480, 700) / span[0])
    megapixels = rng.uniform(1.6, 4.0) if kind in ("photo", "hand") else rng.uniform(0.8, 3.0)
    return float(np.sqrt(megapixels * 1e6 / (span[0] * span[1])))


def _inverse(to_photo: object, form: Form, size: NDArray[np.int_]) -> F64:
    """For every pixel of the photo, the point of the page (page units) that it shows."""
    assert callable(to_photo)
    wide, high = form.page.width, form.page.height
    x, y = np.meshgrid(np.linspace(0, wide, 9), np.linspace(0, high, 9))
    knots = np.stack([x.ravel(), y.ravel()], axis=1)
    m, _ = cv2.findHomography(to_photo(knots), knots, 0)
    grid = np.stack(np.meshgrid(*(np.arange(-GRID, n + 2 * GRID, GRID, dtype=float) for n in size)), axis=-1)
    target = grid.reshape(1, -1, 2)
    limit = np.array([wide, high])
    aim = target.copy()
    for _ in range(25):  # aim where the flat page would have to be seen to be seen at the target
        page = np.clip(cv2.perspectiveTransform(aim, m), -limit, 2 * limit)
        aim += 0.8 * (target - to_photo(page[0])[None])
    coarse = page[0].reshape(grid.shape).astype(np.float32)
    fx, fy = np.meshgrid(*((np.arange(n, dtype=np.float32) + 0.5 + GRID) / GRID for n in size))
    return np.asarray(cv2.remap(coarse, fx, fy, cv2.INTER_LINEAR), np.float64)


@per_form
def _lettered(form: Form) -> tuple[Form, dict[float, Pixels]]:
    """The form with letters that the renderer's font lacks replaced by some it has, and room for its blank pages."""
    letters = "aeiounrstl"
    texts = tuple(
        t.model_copy(
            update={"text": "".join(c if c.isascii() else letters[ord(c) % len(letters)] for c in t.text)}
        )
        for t in form.texts
    )
    return form.model_copy(update={"texts": texts}), {}


def _printed(form: Form, scale: float) -> Pixels:
    """The blank page."""
    lettered, pages = _lettered(form)
    if scale not in pages:
        pages[scale] = np.asarray(cv2.cvtColor(render(lettered, scale), cv2.COLOR_BGR2GRAY), np.uint8)
    return pages[scale]


def _filled(form: Form, kind: str, scale: float, rng: np.random.Generator) -> tuple[Pixels, float]:
    """The page with writing on it, and its pixels a page unit."""
    scale = float(np.clip(np.ceil(scale * 1.2 * 4) / 4, 0.5, 3.0))
    page = _printed(form, scale).copy()
    for code in form.codes:
        x, y, w, h = (round(v * scale) for v in (code.x, code.y, code.w, code.h))
        bars = rng.integers(0, 2, (1 if w > 2 * h else 25, 60 if w > 2 * h else 25)) * 255
        page[y : y + h, x : x + w] = cv2.resize(
            bars.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST
        )[: page.shape[0] - y, : page.shape[1] - x]
    ink = int(rng.integers(20, 120))
    empty = rng.random() * 0.5
    for field in form.fields:
        for box in field.boxes:
            if rng.random() >= empty:
                _scrawl(page, np.array(box) * scale, ink, rng)
    for _ in range(int(rng.integers(0, 9))):  # names, signatures, notes
        wide = rng.uniform(0.1, 0.3) * form.page.width
        high = wide * rng.uniform(0.1, 0.35)
        left, top = rng.uniform(0, 1, 2) * [form.page.width - wide, form.page.height - high]
        n = int(rng.integers(8, 30))
        at = np.stack([np.linspace(left, left + wide, n), top + high * rng.random(n)], axis=1) * scale
        _curve(page, at, ink, max(1, round(rng.uniform(1.5, 3) * scale)))
    return page, scale


def _scrawl(page: Pixels, box: F64, ink: int, rng: np.random.Generator) -> None:
    x, y, w, h = box
    size = min(w / 0.75, h) * rng.uniform(0.5, 0.95)
    middle = [x + w / 2, y + h / 2] + rng.normal(0, 0.06, 2) * [w, h]
    n = int(rng.integers(3, 7))
    at = middle + rng.uniform(-0.5, 0.5, (n, 2)) * [0.7 * size, size]
    if rng.random() < 0.15:  # a 1, longer than its box allows at times
        at = middle + np.array([[-0.02, -0.6], [0.02, 0.6]]) * size
    _curve(page, at, ink, max(1, round(0.08 * size)))


def _curve(page: Pixels, at: F64, ink: int, thick: int) -> None:
    t = np.linspace(0, len(at) - 1, 6 * len(at))
    fine = np.stack([np.interp(t, np.arange(len(at)), at[:, i]) for i in (0, 1)], axis=1)
    fine = np.asarray(cv2.blur(fine, (1, 5), borderType=cv2.BORDER_REPLICATE), np.float64)
    cv2.polylines(page, [np.rint(fine * 16).astype(np.int32)], False, ink, thick, cv2.LINE_AA, 4)


def _picture(
    sheet: Pixels, at: F64, size: NDArray[np.int_], kind: str, rng: np.random.Generator
) -> tuple[Pixels, NDArray[np.float32] | None]:
    """The photo, and how much of each of its pixels is covered by a hand."""
    w, h = (int(n) for n in size)
    if kind == "copy":
        faint = cv2.GaussianBlur(sheet, (0, 0), rng.uniform(0.6, 1.2)).astype(float)
        sheet = np.where(faint + rng.normal(0, 20, sheet.shape) > rng.uniform(120, 200), 255, 0).astype(
            np.uint8
        )
    if kind == "halftone":
        sheet = _halftone(sheet, rng)
    rows, columns = sheet.shape
    mx, my = at[..., 0].astype(np.float32), at[..., 1].astype(np.float32)
    zoom = float(np.hypot(*(at[h // 2, w // 2 + 1] - at[h // 2, w // 2])))
    if zoom > 1:
        sheet = np.asarray(cv2.GaussianBlur(sheet, (0, 0), 0.45 * zoom), np.uint8)
    seen = cv2.remap(sheet, mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
    inside = np.minimum.reduce([mx + 1, my + 1, columns - mx, rows - my]).clip(0, 1)
    flat = kind in ("scan", "copy", "small")
    ground = np.full((h, w), 250.0, np.float32) if flat else _table(w, h, kind, rng)
    black, white = (0.0, 255.0) if kind == "copy" else (rng.uniform(5, 60), rng.uniform(170, 250))
    seen = black + seen * ((white - black) / 255)
    if not flat:
        shade = cv2.GaussianBlur(inside, (0, 0), max(2.0, w / 200))
        ground = ground * (1 - 0.5 * shade)
    picture = ground * (1 - inside) + seen * inside
    hand = None
    if kind == "hand":
        hand = _fingers(picture, at / [columns, rows], rng)
    if not flat:
        picture = picture * _light(w, h, kind, rng)
    blur = rng.uniform(0.3, 0.8) if flat else rng.uniform(0.5, 1.1) * np.sqrt(w * h / 2e6)
    picture = cv2.GaussianBlur(picture, (0, 0), blur)
    noise = rng.uniform(3, 7) if kind == "dark" else rng.uniform(0.5, 4)
    picture = picture + noise * rng.standard_normal(picture.shape, dtype=np.float32)
    data = cv2.imencode(
        ".jpg",
        np.rint(picture).clip(0, 255).astype(np.uint8),
        [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))],
    )[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8), hand


def _halftone(sheet: Pixels, rng: np.random.Generator) -> Pixels:
    """Dots under 45 degrees whose size is the darkness."""
    y, x = np.mgrid[0 : sheet.shape[0], 0 : sheet.shape[1]].astype(np.float32)
    step = rng.uniform(3.0, 4.5)
    a, b = (x + y) * (2 * np.pi / step / 1.414), (x - y) * (2 * np.pi / step / 1.414)
    screen = 127.5 + 63 * (np.cos(a) + np.cos(b))
    grey = 30 + 0.75 * cv2.GaussianBlur(sheet, (0, 0), 0.8).astype(np.float32)
    return np.where(grey > screen * 0.92, 255, 0).astype(np.uint8)


def _table(w: int, h: int, kind: str, rng: np.random.Generator) -> NDArray[np.float32]:
    small = (h // 4 + 1, w // 4 + 1)
    rough = cv2.GaussianBlur(rng.standard_normal(small, dtype=np.float32), (0, 0), 40, sigmaY=3)
    table = cv2.resize(1 + 0.08 * rough / rough.std(), (w, h)).clip(0.5, 1.5) * rng.uniform(40, 170)
    if kind == "lined":
        angle = rng.uniform(0, np.pi)
        y, x = np.mgrid[0:h, 0:w].astype(np.float32)
        step = rng.uniform(0.015, 0.12) * max(w, h)
        for turn in (0, np.pi / 2)[: int(rng.integers(1, 3))]:
            along = (x * np.cos(angle + turn) + y * np.sin(angle + turn)) % step
            table[along < rng.uniform(2, 6)] *= rng.uniform(0.3, 0.7)
    return np.asarray(table, np.float32)


def _light(w: int, h: int, kind: str, rng: np.random.Generator) -> NDArray[np.float32]:
    y, x = np.mgrid[-0.5:0.5:64j, -0.5:0.5:64j]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0, 0.5) * (x * np.cos(angle) + y * np.sin(angle))
    if kind == "dark" or rng.random() < 0.3:
        angle = rng.uniform(0, 2 * np.pi)
        edge = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.2, 0.2)
        light *= 1 - rng.uniform(0.2, 0.5) / (1 + np.exp(-edge / rng.uniform(0.01, 0.06)))
    if kind == "dark":
        light *= rng.uniform(0.35, 0.7)
    return np.asarray(cv2.resize(light.astype(np.float32), (w, h), interpolation=cv2.INTER_LINEAR))


def _fingers(picture: NDArray[np.float32], at: F64, rng: np.random.Generator) -> NDArray[np.float32]:
    """Fingers from one side, and at times a whole arm, until the wanted part of the page is covered."""
    h, w = (n // 4 for n in picture.shape)  # skin has no fine detail
    page = np.all((at[::4, ::4] > 0) & (at[::4, ::4] < 1), axis=-1)[:h, :w]
    wanted = rng.uniform(0.05, 0.5) * page.sum()
    cover, tone = np.zeros((h, w), np.float32), np.zeros((h, w), np.float32)
    side, colour = rng.integers(4), rng.uniform(90, 190)
    for _ in range(40):
        if (cover * page).sum() >= wanted:
            break
        t = rng.random()
        start = np.array([(t * w, -5), (w + 5, t * h), (t * w, h + 5), (-5, t * h)][side])
        inward = np.array([(0, 1), (-1, 0), (0, -1), (1, 0)][side]) * rng.uniform(0.2, 0.55) * [w, h]
        ends = np.rint([start, start + inward + rng.normal(0, 0.08, 2) * [w, h]]).astype(int).tolist()
        thick = round(rng.uniform(0.04, 0.12) * max(w, h))
        skin = np.zeros((h, w), np.float32)
        cv2.line(skin, ends[0], ends[1], 1.0, thick, cv2.LINE_AA)
        tone = tone * (1 - skin) + skin * colour * (0.6 + 0.4 * cv2.GaussianBlur(skin, (0, 0), thick / 4))
        cover = np.maximum(cover, skin)
    cover, tone = (cv2.resize(a, picture.shape[::-1], interpolation=cv2.INTER_LINEAR) for a in (cover, tone))
    picture[:] = picture * (1 - cover) + tone * cover
    return np.asarray(cover, np.float32)
