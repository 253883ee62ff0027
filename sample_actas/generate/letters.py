"""Letters as pen strokes, so that words look written and no font need be shipped or fetched.

Each stroke is a row of points, two hexadecimal digits a point: x, then y; y is 0 at the top of a capital, 4 at the top
of a small letter, 9 on the line and 12 at the foot of a descender.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LETTERS = {
    "A": "093069 1656", "B": "0009 0040524404 044466584909", "C": "6140200207294968", "D": "0009 003052573909",
    "E": "60000969 0444", "F": "600009 0444", "G": "61402002072949686535", "H": "0009 6069 0464", "I": "3039",
    "J": "5057381907", "L": "000969", "M": "0900366069", "N": "09006960", "O": "3002072949676230",
    "P": "0009 0040625405", "Q": "3002072949676230 4669", "R": "0009 0040625405 3569", "S": "61401002244567481908",
    "T": "0060 3039", "U": "000729496760", "V": "003960", "X": "0069 6009", "Y": "0034 603439", "Z": "00600969",
    "a": "54340608294854 545869", "b": "0009 053456583908", "c": "553406082958", "d": "54340608294854 505869",
    "e": "0656553406082958", "f": "50302229 1454", "g": "54340608294854 545b3c1c0b", "h": "0009 06345559",
    "i": "1419 1112", "j": "343b1c0b 3132", "l": "101829", "m": "0409 06243539 36546569", "n": "0409 06345559",
    "o": "3406082949575534", "p": "040c 053456583908", "q": "54340608294854 545c", "r": "0409 062454",
    "s": "5534152647583908", "t": "20283958 0454", "u": "0407294854 5459", "v": "043954", "y": "0407294854 545b3c0c",
    "z": "04540959",
}  # fmt: skip
UNIT = 14  # pixels a step of the grid


def write(text: str, rng: np.random.Generator, pen: float) -> NDArray[np.float32]:
    """The text as ink (0 to 1), a hundred-odd pixels high; every letter comes out a little differently.

    Parameters
    ----------
    pen : float
        Width of the stroke in steps of the grid, about 1.
    """
    strokes: list[NDArray[np.float64]] = []
    x = 2.0
    for letter in text:
        if letter not in LETTERS:
            x += rng.uniform(4.5, 6.5)
            continue
        drawn = [
            np.array([(int(s[i], 16), int(s[i + 1], 16)) for i in range(0, len(s), 2)], float)
            for s in LETTERS[letter].split()
        ]
        width = max(float(s[:, 0].max()) for s in drawn)
        size, line = rng.normal(1, 0.05, 2), rng.normal(0, 0.18)
        for stroke in drawn:
            wobble = rng.normal(0, 0.22, stroke.shape)
            strokes.append(_smooth((stroke + wobble) * size) + np.array([x, 2 + line]))
        x += width * size[0] + rng.uniform(1.5, 2.6)
    ink = np.zeros((17 * UNIT, round((x + 2) * UNIT)), np.uint8)
    for stroke in strokes:
        path = np.rint(stroke * UNIT * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(ink, [path], False, 255, max(1, round(pen * UNIT)), cv2.LINE_AA, 4)
    return ink.astype(np.float32) / 255


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A curve near the points that begins and ends on them (corners cut three times, after Chaikin)."""
    for _ in range(3):
        a, b = points[:-1], points[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], cut[1:-1], points[-1:]])
    return points
