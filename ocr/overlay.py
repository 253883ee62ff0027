"""``python -m ocr.overlay PHOTO OUT.png``: a photo with the boxes that were found drawn on it, to look at."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.errors import CotejoError
from ocr.form import load_forms
from ocr.found import Registration
from ocr.image import open_picture
from ocr.register import register

COLOUR = (0, 0, 255)


def draw(pixels: NDArray[np.uint8], registration: Registration, *, names: bool = False) -> NDArray[np.uint8]:
    """A copy of the photo (H, W, 3) with each box outlined, and with the fields' names beside them if they are asked for."""
    return draw_boxes(pixels, registration.corners, names=names)


def draw_boxes(
    pixels: NDArray[np.uint8], corners: Mapping[str, NDArray[np.float64]], *, names: bool = False
) -> NDArray[np.uint8]:
    """A copy of a picture with boxes outlined: for each field's name (boxes, 4, 2) corners in pixels, clockwise."""
    out = pixels.copy()
    width = max(1, round(max(pixels.shape) / 1500))
    for name, quads in corners.items():
        for quad in quads:
            cv2.polylines(out, [np.rint(quad * 8).astype(np.int32)], True, COLOUR, width, cv2.LINE_AA, 3)
        if names and len(quads):
            side = float(np.linalg.norm(quads[0, 3] - quads[0, 0]))
            size = max(0.4, 0.3 * side / 22)
            (long, _), _ = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, size, width)
            x, y = quads[0, 3] - [long + 0.2 * side, 0.25 * side]
            at = (round(max(0.0, float(x))), round(float(y)))
            # White under the letters, so that they are read on a dark sheet as well.
            cv2.putText(
                out, name, at, cv2.FONT_HERSHEY_SIMPLEX, size, (255, 255, 255), 4 * width, cv2.LINE_AA
            )
            cv2.putText(out, name, at, cv2.FONT_HERSHEY_SIMPLEX, size, COLOUR, width, cv2.LINE_AA)
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
