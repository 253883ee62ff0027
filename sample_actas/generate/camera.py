"""A photo of a sheet: bent and folded paper on a table, uneven light, a hand-held phone, its noise and its JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_actas.generate.sheet import Filled

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
GRID = 8  # the warp is computed on every eighth pixel and interpolated: it is smooth


@dataclass(frozen=True)
class Shot:
    """How a photo is taken.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels.
    blur : float
        Standard deviation of the lens' blur in pixels of a 2-megapixel photo.
    turn : int
        Quarter turns of the sheet in the frame, 0 to 3.
    limit : int
        Largest file in bytes; the JPEG's quality gives way.
    """

    size: tuple[int, int]
    blur: float = 0.7
    turn: int = 0
    limit: int = 300_000


@dataclass(frozen=True)
class Paper:
    """The paper's shape: a gentle curl along one direction and at most one fold. Lengths are shares of the longer side."""

    curl: float
    curl_angle: float
    phase: float
    fold: float
    fold_at: float
    fold_across: bool
    tilt: tuple[float, float, float]
    distance: float

    def height(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the paper stands off the table at (u, v)."""
        t = u * np.cos(self.curl_angle) + v * np.sin(self.curl_angle)
        along = v if self.fold_across else u
        return self.curl * np.sin(np.pi * (t + self.phase)) + self.fold * np.abs(along - self.fold_at)

    def project(
        self, u: NDArray[np.float64], v: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the point (u, v) of the paper comes to lie in a pinhole camera; u and v are centred."""
        x, y, z = u, v, self.height(u, v)
        a, b, c = self.tilt
        y, z = y * np.cos(a) - z * np.sin(a), y * np.sin(a) + z * np.cos(a)
        x, z = x * np.cos(b) + z * np.sin(b), -x * np.sin(b) + z * np.cos(b)
        x, y = x * np.cos(c) - y * np.sin(c), x * np.sin(c) + y * np.cos(c)
        depth = self.distance + z
        return x / depth * self.distance, y / depth * self.distance


def photograph(sheet: Filled, shot: Shot, rng: np.random.Generator) -> Pixels:
    """The sheet as a phone sees it, blue, green, red."""
    width, height = shot.size
    paper = _paper(rng)
    u, v = sheet_coordinates(sheet, paper, shot, rng)
    long_side = max(sheet.pixels.shape[:2])
    rows, columns = sheet.pixels.shape[:2]
    map_x = (u * long_side + columns / 2 - 0.5).astype(np.float32)
    map_y = (v * long_side + rows / 2 - 0.5).astype(np.float32)
    page = aged(sheet.pixels, rng)
    seen = cv2.remap(page, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = (
        np.minimum.reduce([map_x + 1, map_y + 1, columns - map_x, rows - map_y]).clip(0, 1).astype(np.float32)
    )
    table = tabletop(width, height, rng)
    thickness = max(2.0, width / 260)
    shade = cv2.GaussianBlur(inside, (0, 0), thickness * 2)
    shift = np.float32([[1, 0, thickness * 1.4], [0, 1, thickness * 1.8]])
    shade = cv2.warpAffine(shade, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
    table *= (1 - 0.55 * shade)[..., None]
    relief = relief_of(paper, u, v, rng)
    picture = (
        table * (1 - inside[..., None]) + seen.astype(np.float32) * relief[..., None] * inside[..., None]
    )
    picture *= _light(width, height, rng)[..., None]
    return _sensor(picture, shot, rng)


def encode(picture: Pixels, limit: int) -> bytes:
    """A JPEG as phones and messengers make them, of the best quality that stays under the limit."""
    data = b""
    for quality in range(88, 30, -4):
        options = [
            cv2.IMWRITE_JPEG_QUALITY,
            quality,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        ]
        data = cv2.imencode(".jpg", picture, options)[1].tobytes()
        if len(data) <= limit:
            break
    return data


def _paper(rng: np.random.Generator) -> Paper:
    folded = rng.random() < 0.5
    sign = rng.choice((-1.0, 1.0))
    return Paper(
        curl=float(sign * rng.uniform(0.006, 0.03)),
        curl_angle=float(rng.choice((0, np.pi / 2)) + rng.normal(0, 0.25)),
        phase=float(rng.uniform(0, 1)),
        fold=float(rng.uniform(0.03, 0.09) * rng.choice((-1, 1))) if folded else 0.0,
        fold_at=float(rng.normal(0, 0.03)),
        fold_across=bool(rng.random() < 0.6),
        tilt=(float(rng.normal(0, 0.13)), float(rng.normal(0, 0.10)), float(rng.normal(0, 0.035))),
        distance=float(rng.uniform(1.5, 2.1)),
    )


def sheet_coordinates(
    sheet: Filled, paper: Paper, shot: Shot, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For every pixel of the photo, the point of the sheet that it shows (shares of the longer side, centred)."""
    rows, columns = sheet.pixels.shape[:2]
    half_u, half_v = columns / max(rows, columns) / 2, rows / max(rows, columns) / 2
    edge = np.linspace(-1, 1, 25)
    rim_u = np.concatenate([edge, edge, -np.ones(25), np.ones(25)]) * half_u
    rim_v = np.concatenate([-np.ones(25), np.ones(25), edge, edge]) * half_v
    turn = np.pi / 2 * shot.turn
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    rim = spin @ np.array(paper.project(rim_u, rim_v))
    low, high = rim.min(1), rim.max(1)
    frame = np.array(shot.size, float)
    scale = float((frame / (high - low)).min() * rng.uniform(0.91, 0.97))
    spare = frame - (high - low) * scale
    offset = spare * rng.uniform(0.35, 0.65, 2) - low * scale
    # Newton's method on a coarse grid of the photo, with the derivative of the flat sheet: the bend is small.
    grid = np.stack(np.meshgrid(*(np.arange(-GRID, n + 2 * GRID, GRID, dtype=float) for n in shot.size)), 0)
    target = (grid - offset[:, None, None]) / scale
    target = np.tensordot(spin.T, target, 1)
    uv = target.copy()
    for _ in range(60):
        uv += target - np.stack(paper.project(uv[0], uv[1]))
        np.clip(uv, -3, 3, out=uv)
    x, y = np.meshgrid(*((np.arange(n, dtype=np.float32) + GRID) / GRID for n in shot.size))
    fine = [cv2.remap(part.astype(np.float32), x, y, cv2.INTER_LINEAR) for part in uv]
    return fine[0], fine[1]


def aged(page: Pixels, rng: np.random.Generator) -> Pixels:
    """Paper that is not quite white, and toner that is not quite black."""
    tint = np.array([rng.uniform(0.93, 0.99), rng.uniform(0.96, 0.995), rng.uniform(0.97, 1.0)])
    black = rng.uniform(8, 34)
    table = (np.arange(256)[:, None] * (255 - black) / 255 + black) * tint
    return np.asarray(cv2.LUT(page, np.rint(table).clip(0, 255).astype(np.uint8).reshape(256, 1, 3)))


def relief_of(paper: Paper, u: Floats, v: Floats, rng: np.random.Generator) -> Floats:
    """How much light the bent paper throws back, about 1."""
    step = 0.004
    u, v = u.astype(np.float64), v.astype(np.float64)
    slope_u = (paper.height(u + step, v) - paper.height(u - step, v)) / (2 * step)
    slope_v = (paper.height(u, v + step) - paper.height(u, v - step)) / (2 * step)
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 + rng.uniform(0.6, 1.1) * (slope_u * np.cos(angle) + slope_v * np.sin(angle))
    if paper.fold:
        away = (v if paper.fold_across else u) - paper.fold_at
        light *= 1 - rng.uniform(0.05, 0.16) * np.exp(-((away / 0.0018) ** 2))
    crumple = cv2.resize(
        rng.normal(0, 1, (14, 14)).astype(np.float32), light.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    return (light * (1 + 0.008 * crumple)).astype(np.float32)


def tabletop(width: int, height: int, rng: np.random.Generator) -> Floats:
    """Wood, plain laminate or cloth, blue, green, red."""
    kind = rng.choice(("wood", "laminate", "cloth"))
    small = (height // 4, width // 4)
    if kind == "wood":
        base = np.array([(70, 105, 150), (48, 78, 112), (105, 140, 175)][rng.integers(3)], np.float32)
        grain = cv2.GaussianBlur(rng.normal(0, 1, small).astype(np.float32), (0, 0), sigmaX=90, sigmaY=4)
        fine = cv2.GaussianBlur(rng.normal(0, 1, small).astype(np.float32), (0, 0), sigmaX=25, sigmaY=0.8)
        rough = 0.07 * grain / grain.std() + 0.04 * fine / fine.std()
    elif kind == "laminate":
        base = np.array(
            [(168, 172, 174), (120, 116, 112), (66, 62, 60), (150, 170, 185)][rng.integers(4)], np.float32
        )
        grain = cv2.GaussianBlur(rng.normal(0, 1, small).astype(np.float32), (0, 0), 2.0)
        rough = 0.03 * grain / grain.std()
    else:
        base = np.array(
            [(120, 70, 50), (60, 95, 60), (60, 50, 120), (150, 150, 150)][rng.integers(4)], np.float32
        )
        y, x = np.mgrid[0 : small[0], 0 : small[1]].astype(np.float32)
        weave = np.sin(x * rng.uniform(0.9, 1.4)) * np.sin(y * rng.uniform(0.9, 1.4))
        folds = cv2.GaussianBlur(rng.normal(0, 1, small).astype(np.float32), (0, 0), 50)
        rough = 0.04 * weave + 0.1 * folds / folds.std()
    surface = cv2.resize(1 + rough, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(surface, 0.3, 1.7)[..., None] * base, np.float32)


def _light(width: int, height: int, rng: np.random.Generator) -> Floats:
    """A lamp or window to one side, darker corners, and at times the photographer's own shadow."""
    y, x = np.mgrid[0:1:64j, 0:1:64j]
    angle = rng.uniform(0, 2 * np.pi)
    across = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    light = 1 + rng.uniform(0.05, 0.35) * across
    light *= 1 - rng.uniform(0.05, 0.22) * ((x - 0.5) ** 2 + (y - 0.5) ** 2) * 2
    if rng.random() < 0.45:
        angle = rng.uniform(0, 2 * np.pi)
        edge = (
            (x - 0.5) * np.cos(angle)
            + (y - 0.5) * np.sin(angle)
            + 0.06 * np.sin(7 * (x * np.sin(angle) - y * np.cos(angle)))
        )
        soft = rng.uniform(0.015, 0.09)
        light *= 1 - rng.uniform(0.12, 0.36) / (1 + np.exp(-(edge - rng.uniform(-0.15, 0.3)) / soft))
    return np.asarray(cv2.resize(light.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC))


def _sensor(picture: Floats, shot: Shot, rng: np.random.Generator) -> Pixels:
    """White balance, exposure, focus, a hand that moves, noise and the phone's attempt to hide it."""
    pixels = np.sqrt(shot.size[0] * shot.size[1] / 2e6)
    warm = rng.normal(0, 0.045)
    picture = picture * np.array([1 - warm, 1 + rng.normal(0, 0.012), 1 + warm], np.float32)
    picture *= np.float32(rng.uniform(0.8, 0.98))
    sigma = shot.blur * pixels
    picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    if rng.random() < 0.35:
        size = int(3 * pixels) | 1
        shake = np.zeros((size, size), np.float32)
        cv2.line(shake, (0, int(rng.integers(size))), (size - 1, int(rng.integers(size))), 1.0)
        picture = cv2.filter2D(picture, -1, shake / shake.sum())
    shape = picture.shape[:2]
    strength = rng.uniform(1.5, 4.0)
    grey = rng.standard_normal(shape, dtype=np.float32)
    noise = cv2.GaussianBlur(grey, (0, 0), 0.7)
    coarse = (shape[1] // 3 + 1, shape[0] // 3 + 1)
    colour = cv2.resize(
        rng.standard_normal((coarse[1], coarse[0], 3), dtype=np.float32), (shape[1], shape[0])
    )
    picture = picture + strength * (1.6 * noise[..., None] + 0.5 * colour)
    return np.asarray(np.rint(picture).clip(0, 255).astype(np.uint8))
