"""How bad a synthetic photo is: three levels, each a range of every quantity that makes a photo hard to read.

This is the one place of these numbers. Cells (`ocr.train.sheets`) and whole photos (`benchmarks.acceptance`) are
degraded by them, and ``docs/accuracy.md`` prints them from here. They say what the words mean (a flat scan at 300 dpi, an
ordinary phone photo, a poor one); nobody chose them by what the reader can do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ocr.train.paper import F32, Rng

U8 = npt.NDArray[np.uint8]
Range = tuple[float, float]
DRAWN = 49  # pixels of a drawn box (root of its area)


@dataclass(frozen=True)
class Level:
    """One degradation. Each photo draws its own strength, evenly from each range.

    Attributes
    ----------
    box : (float, float)
        Height of a digit box in photo pixels (1.2 times its width where that is less: no hand writes higher digits in a narrow
        box); the digits are 0.3 to 0.95 of it, two thirds on average.
    tall : float
        Least height of a hand's digits in photo pixels: whoever writes smaller is photographed from nearer by.
    depth : float
        Least contrast of the ink in the photo, grey levels. These two are the limits of `ocr.train.cells.LEVEL`: what is fainter or smaller
        nobody could read, and no label would be true.
    blur : (float, float)
        Standard deviation of the lens' blur in photo pixels.
    noise : (float, float)
        Standard deviation of the sensor's noise in grey levels.
    quality : (float, float)
        Quality of the JPEG.
    tilt : float
        Largest angle in degrees, of the sheet in the frame and of the camera out of the perpendicular.
    bend : float
        Largest height of the paper's curl, as a share of its longer side.
    shadow : float
        Largest share of the light that a shadow takes away.
    slack : float
        For cells: how far the found box lies from the printed one, share of the box (about three quarters of it as a standard
        deviation each way). Whole photos have what the registration leaves.
    paper : int
        For cells: how uneven the paper is drawn, 0 to 2.
    """

    meaning: str
    box: Range
    tall: float
    depth: float
    blur: Range
    noise: Range
    quality: Range
    tilt: float
    bend: float
    shadow: float
    slack: float
    paper: int


LEVELS = {
    "light": Level("a flat scan at 300 dpi, or a careful photo from near by",
                   (40, 60), 13, 28, (0.3, 0.6), (1, 3), (80, 95), 1.5, 0.005, 0.10, 0.03, 0),
    "medium": Level("an ordinary phone photo of the whole sheet",
                    (22, 35), 10, 20, (0.5, 1.0), (2, 5), (50, 80), 5.0, 0.015, 0.30, 0.05, 1),
    "heavy": Level("a poor photo: from far off or sent on by a messenger, bent paper, bad light",
                   (14, 20), 8, 14, (0.5, 0.9), (2, 6), (30, 50), 9.0, 0.030, 0.45, 0.06, 1),
}  # fmt: skip
COPIES = ("black-and-white", "dark copy")
"""Not photos but what offices send: thresholds are fitted on these too."""


def table() -> str:
    """The levels as a table for documents."""

    def span(r: Range) -> str:
        return f"{r[0]:g}–{r[1]:g}"

    head = (
        "| level | stands for | box height, px | digit height (two thirds of it), px | digits at least, px | ink's contrast at least | blur σ, px | noise σ, grey levels "
        "| JPEG quality | tilt up to | bend up to, of the long side | shadow up to |\n" + "|---" * 12 + "|"
    )
    rows = [
        f"| {name} | {v.meaning} | {span(v.box)} | {v.box[0] * 2 / 3:.0f}–{v.box[1] * 2 / 3:.0f} "
        f"| {v.tall:g} | {v.depth:g} | {span(v.blur)} "
        f"| {span(v.noise)} | {span(v.quality)} | {v.tilt:g}° | {v.bend:.1%} | {v.shadow:.0%} |"
        for name, v in LEVELS.items()
    ]
    return "\n".join([head, *rows])


@dataclass(frozen=True)
class Photo:
    """One photo's degradation, for cells."""

    height: float  # pixels of the box
    sigma: float  # blur, in those pixels
    gain: float
    offset: float
    noise: float  # grey levels
    cut: float  # threshold, share of the ink's depth; 0 for none
    salt: float
    quality: int  # JPEG; 0 for none
    slack: float  # misregistration, share of the box
    paper: int
    tall: float = 8.0  # least height of a hand's digits, pixels
    depth: float = 14.0  # least contrast of the ink, grey levels


def draw_photo(rng: Rng, look: str) -> Photo:
    """Draw the strengths of one photo at a level of `LEVELS`, or of one of the `COPIES`."""
    u = rng.uniform
    if look == "black-and-white":
        return Photo(u(18, 50), u(0.3, 0.6), 1.0, 0.0, u(1, 6), u(0.3, 0.55), 0.0, 0, 0.05, 0)
    if look == "dark copy":
        return Photo(
            u(20, 45), u(0.4, 0.9), u(0.35, 0.65), u(0, 30), u(3, 9), 0.0, u(0, 0.006), int(u(40, 90)), 0.05, 1
        )  # fmt: skip
    v = LEVELS[look]
    light = u(0.85, 1.0) * (1 - u(0, v.shadow))
    return Photo(
        u(*v.box), u(*v.blur), light, 0.0, u(*v.noise), 0.0, 0.0, int(u(*v.quality)), v.slack, v.paper, v.tall, v.depth
    )  # fmt: skip


def room(width: float, height: float) -> float:
    """How high a digit can be written in a box: its height, but in a narrow one no more than 1.2 times its width."""
    return min(height, 1.2 * width)


def _optics(page: F32, photo: Photo, aspect: float) -> F32:
    """The page at the photo's resolution, blurred, in the photo's light."""
    h, w = page.shape
    native = photo.height * float(np.sqrt(aspect)) / room(aspect, 1.0)
    k = min(1.0, native / DRAWN)
    img = cv2.resize(page, (max(8, round(w * k)), max(8, round(h * k))), interpolation=cv2.INTER_AREA)
    img = cv2.GaussianBlur(img, (0, 0), photo.sigma * min(1.0, DRAWN / native))
    out: F32 = img * np.float32(photo.gain)
    return out


def legible(ink: F32, photo: Photo, aspect: float, dark: float = 1.0) -> bool:
    """Whether the light that the ink took away is still to be seen in the photo (the rule of `ocr.train.cells`).

    A copier's threshold lies at a share of the pen's darkness (`dark`): a thin stroke that the lens has spread may not reach it.
    """
    left = _optics(ink, photo, aspect)
    least = max(photo.depth, 255 * photo.gain * dark * photo.cut)
    return float(left[left > 0.4 * left.max()].mean()) >= least


def take_photo(rng: Rng, page: F32, photo: Photo, dark: float, aspect: float) -> U8:
    """Degrade a drawn box (`DRAWN` pixels; width over height is `aspect`) at the photo's resolution."""
    img = _optics(page, photo, aspect) + np.float32(photo.offset)
    bright = float(np.percentile(img, 80))
    # noise and threshold stay below the ink: nobody can read what nobody can see
    noise = np.float32(min(photo.noise, 0.3 * bright * dark))
    img = img + rng.standard_normal(img.shape).astype(np.float32) * noise
    if photo.cut:
        img = np.where(img > bright * (1 - dark * photo.cut), np.float32(255), np.float32(0))
    if photo.salt:
        salt = rng.random(img.shape)
        img = np.where(
            salt < photo.salt, np.float32(0), np.where(salt > 1 - photo.salt, np.float32(255), img)
        )
    out: U8 = np.clip(img, 0, 255).astype(np.uint8)
    if photo.quality:
        data = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, photo.quality])[1]
        out = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
    return out
