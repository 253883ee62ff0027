"""Numbers in words beside the boxes: a second witness, read against the closed vocabulary of `ocr.numerals`.

A small network says for each place along the line which letter stands there; the probability of every way to spell
every number follows exactly, by the forward pass of connectionist temporal classification (Graves et al. 2006) over the
tree of all spellings. Nothing is read freely: words that are no number, or no words, say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ocr.errors import CotejoError
from ocr.found import Registration
from ocr.numerals import LANGUAGE, spellings
from ocr.snap import Pyramid
from ocr.witness import Witness

MODEL = Path(__file__).parent / "models" / "words.onnx"
ALPHABET = "-abcdefghijklmnopqrstuvwxyz "  # the first stands for "no letter here"
HEIGHT = 40  # pixels of a strip
MARGIN = 0.15  # of the words' height, above and below
LONGEST = 1600  # pixels of a strip at most

# How words come about, beforehand: what people do, and how far the network may be believed. Reasoned, not fitted to real sheets.
_TRUST = 0.5  # its log likelihoods are multiplied by this: neighbouring places are not independent
_STRANGE = 12.0  # nats below the freest reading at which a spelling is no better than a scrawl
_NO_WORDS, _THE_NUMBER, _ANOTHER, _SCRAWL = 0.2, 0.75, 0.01, 0.04  # beside a row with a number
_BLANK_NO_WORDS, _BLANK_WORDS, _BLANK_SCRAWL = 0.95, 0.02, 0.03  # beside a blank row
_EMPTY = 0.999  # probability of "no letter" from which on a place is not gone through singly
_CLEAR = 0.95  # least probability of words that contradict a row

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


def strips(gray: U8, registration: Registration) -> dict[str, U8]:
    """The words of a registered photo, each laid flat: ``(40, w)`` uint8, with a margin above and below."""
    form, page = registration.form, registration.transform
    pyramid = Pyramid(gray)
    out = {}
    for field in form.fields:
        if field.words is None or not field.boxes:
            continue
        x, y, w, h = field.words
        width = min(LONGEST, round(HEIGHT * w / (h * (1 + 2 * MARGIN))))
        u, v = np.meshgrid(
            x + w * (np.arange(width) + 0.5) / width,
            y + h * ((np.arange(HEIGHT) + 0.5) / HEIGHT * (1 + 2 * MARGIN) - MARGIN),
        )
        middle = np.mean([[bx + bw / 2, by + bh / 2] for bx, by, bw, bh in field.boxes], axis=0)
        # The words move with the boxes of their row, which were found more finely than the page.
        shift = registration.corners[field.name].mean(axis=(0, 1)) - _project(page, middle[None])[0]
        at = _project(page, np.stack([u.ravel(), v.ravel()], axis=1)) + shift
        grid = at.reshape(HEIGHT, width, 2).astype(np.float32)
        shrink = float(np.hypot(*(grid[-1, 0] - grid[0, 0]))) / (HEIGHT - 1)
        out[field.name] = pyramid.sample(grid, shrink)
    return out


def witnesses(gray: U8, registration: Registration) -> dict[str, Witness]:
    """What the words of a registered photo say, for each field that has them; empty if the form's language is unknown."""
    form = registration.form
    language = LANGUAGE.get(form.country)
    if language is None:
        return {}
    return {
        name: judge(default_reader().letters(strip), language, form.field(name).digits)
        for name, strip in strips(gray, registration).items()
    }


def judge(letters: F64, language: str, digits: int) -> Witness:
    """What the letters say of every number.

    Parameters
    ----------
    letters : (places, 28) float64
        Log probabilities, columns as `ALPHABET`.
    """
    numbers, empty = _tree(language, digits).read(letters)
    free = float(letters.max(axis=1).sum())
    said = np.exp(_TRUST * np.minimum(numbers - free, 0.0))
    nothing = float(np.exp(_TRUST * min(empty - free, 0.0)))
    scrawl = float(np.exp(-_TRUST * _STRANGE))
    mean = float(said.mean())
    background = _NO_WORDS * nothing + _ANOTHER * mean + _SCRAWL * scrawl
    blank = _BLANK_NO_WORDS * nothing + _BLANK_WORDS * mean + _BLANK_SCRAWL * scrawl
    best = int(said.argmax())
    clear = said[best] >= _CLEAR * (said.sum() + nothing + scrawl)
    return Witness(background + _THE_NUMBER * said, background, blank, best if clear else None)


def normalise(strip: U8) -> NDArray[np.float32]:
    """Ink as 0 (paper) to about 1, whatever the light and the pen."""
    gray = strip.astype(np.float32)
    dark = np.clip(np.median(gray) - gray, 0, None)
    out: NDArray[np.float32] = np.minimum(dark / max(30.0, float(np.percentile(dark, 99))), 1.3)
    return out.astype(np.float32)


class WordReader:
    """The network.

    Raises
    ------
    CotejoError
        If the weights are missing or unreadable.
    """

    def __init__(self, model: Path | None = None) -> None:
        path = model or MODEL
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises its own unrelated types
            raise CotejoError(
                f"the word weights {path} cannot be read; reinstall, or give another file"
            ) from error

    def letters(self, strip: U8) -> F64:
        """Log probabilities of the letters (`ALPHABET`) for each place along a strip, ``(places, 28)``."""
        logits = self._session.run(["letters"], {"strip": normalise(strip)[None, None]})[0][0].T
        wide = logits.astype(np.float64)
        wide -= wide.max(axis=1, keepdims=True)
        out: F64 = wide - np.log(np.exp(wide).sum(axis=1, keepdims=True))
        return out


@cache
def default_reader() -> WordReader:
    """The reader with the shipped weights, loaded once per process."""
    return WordReader()


@dataclass(frozen=True)
class _Tree:
    """All spellings as a tree of letters: node 0 is the beginning, each other node a letter after its parent."""

    parent: NDArray[np.int64]
    letter: NDArray[np.int64]
    ends: NDArray[np.int64]  # node of each spelling's last letter
    numbers: NDArray[np.int64]  # the number it spells

    def read(self, letters: F64) -> tuple[F64, float]:
        """Log probability of each number (over its spellings), and of no letter at all."""
        p = np.exp(letters)
        # Where there is surely no letter, one place says as much as many.
        empty = p[:, 0] > _EMPTY
        p = p[~(empty & np.concatenate([[False], empty[:-1]]))]
        n = self.parent.size
        # A letter follows its parent directly only if it differs; else there is a place without a letter between the two.
        before = np.where(self.letter == self.letter[self.parent], self.parent + n, self.parent)
        on, after = np.zeros(n), np.zeros(n)
        after[0], scale = 1.0, 0.0
        for place in p:
            seen = np.concatenate([on + after, after])
            on += seen.take(before)
            on *= place.take(self.letter)
            on[0] = 0.0
            after = seen[:n] * place[0]
            top = max(float(on.max()), float(after.max()))
            on /= top
            after /= top
            scale += np.log(top)
        total = on + after
        by_number = np.bincount(self.numbers, weights=total[self.ends])
        with np.errstate(divide="ignore"):
            return np.log(by_number) + scale, float(np.log(total[0]) + scale)


@cache
def _tree(language: str, digits: int) -> _Tree:
    parent, letter, ends, numbers = [0], [0], [], []
    known: dict[tuple[int, str], int] = {}
    for text, number in spellings(language, digits):
        node = 0
        for character in text:
            key = (node, character)
            if key not in known:
                known[key] = len(parent)
                parent.append(node)
                letter.append(ALPHABET.index(character))
            node = known[key]
        ends.append(node)
        numbers.append(number)
    return _Tree(*(np.array(a) for a in (parent, letter, ends, numbers)))


def _project(matrix: F64, points: F64) -> F64:
    out: F64 = cv2.perspectiveTransform(points[None].astype(np.float64), matrix)[0]
    return out
