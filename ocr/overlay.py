"""``python -m ocr.overlay PHOTO OUT.png``: a photo with the boxes that were found drawn on it, to look at."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.errors import CotejoError
from ocr.form import load_forms
from ocr.image import open_picture
from ocr.register import Registration, register

COLOUR = (0, 0, 255)


def draw(pixels: NDArray[np.uint8], registration: Registration) -> NDArray[np.uint8]:
    """A copy of the photo (H, W, 3) with each box outlined."""
    out = pixels.copy()
    width = max(1, round(max(pixels.shape) / 1500))
    for quads in registration.corners.values():
        for quad in quads:
            cv2.polylines(out, [np.rint(quad * 8).astype(np.int32)], True, COLOUR, width, cv2.LINE_AA, 3)
    return out


def main(arguments: list[str]) -> int:
    """Read the photo, write the overlay, print which form it is and how well it was found."""
    if len(arguments) != 2:
        print("usage: python -m ocr.overlay PHOTO OUT.png", file=sys.stderr)
        return 2
    try:
        picture = open_picture(Path(arguments[0]).read_bytes())
        gray = np.asarray(cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        found = register(gray, list(load_forms().values()))
    except (CotejoError, OSError) as e:
        print(f"{arguments[0]}: {e}", file=sys.stderr)
        return 2
    cv2.imwrite(arguments[1], draw(picture.pixels, found))
    print(f"{found.form.id}  score {found.score:.2f}  turned by {found.orientation:.1f} degrees")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
