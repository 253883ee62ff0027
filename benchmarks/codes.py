"""Sheets that a code gives whole: CPU seconds each, after the file is decoded, on one thread; the limit is 0.3.

Venezuela's strip is read from its QR code and from its print (47 numbers in words and figures), and the two are
compared. A boletim de urna is read from its QR codes, joined, hashed and summed. Sheets are made up; the real strip stands beside
them where it is at hand. Each figure is the best of three runs; beside it, what zxing-cpp alone needs for the codes of the same picture.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from ocr.digits import default_reader
from ocr.form import load_forms
from ocr.whole import read_whole
from tests.ocr.bulletin import texts
from tests.ocr.strips import code_text, photo_of, strip, values

LIMIT_S, RUNS = 0.3, 3
REAL = Path(os.environ.get("COTEJO_DATA", "../shared/data")) / "actas" / "ve-cne-2024"
Gray = NDArray[np.uint8]


def seconds(task: Callable[[], object]) -> float:
    """The least processor time of `RUNS` runs."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


def sheets() -> Iterator[tuple[str, Gray]]:
    """Names and pictures."""
    made = strip(values(), code_text(values()))
    yield "strip, made up", np.ascontiguousarray(np.rot90(made))
    yield "strip, made up, half the size", np.asarray(cv2.resize(made, None, fx=0.5, fy=0.5), np.uint8)
    for path in sorted(REAL.glob("*.jpg")):
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        yield "strip, real", np.asarray(gray, np.uint8)
    for parts in (1, 2, 4):
        photo = cv2.imdecode(np.frombuffer(photo_of(texts(parts=parts)), np.uint8), cv2.IMREAD_GRAYSCALE)
        yield f"boletim in {parts} codes, made up", np.asarray(photo, np.uint8)


def main() -> None:
    """Print a line for each sheet."""
    cv2.setNumThreads(1)
    forms = load_forms()
    default_reader()
    print("sheet                                 pixels  CPU s  zxing-cpp alone  fields  within the limit")
    for name, gray in sheets():
        sheet = read_whole(gray, forms.values())
        assert sheet is not None, name
        spent = seconds(partial(read_whole, gray, forms.values()))
        bare = seconds(partial(zxingcpp.read_barcodes, gray))
        fields = len(sheet.decoded.fields)
        print(
            f"{name:34}{gray.size:10,}{spent:7.3f}{bare:17.3f}{fields:8}  {'yes' if spent <= LIMIT_S else 'NO'}"
        )
    if not any(REAL.glob("*.jpg")):
        print("the real strip is not at hand: set COTEJO_DATA")


if __name__ == "__main__":
    main()
