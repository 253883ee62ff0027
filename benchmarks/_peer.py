"""RapidOCR, the usual general reader of printed and written text, on one thread; its weights come inside its wheel."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocr.reading import Reading


@dataclass
class Score:
    """Digits and fields that were read as they are written."""

    digits: int = 0
    right: int = 0
    fields: int = 0
    exact: int = 0

    def add(self, written: str, read: str) -> None:
        """Count one field; of its digits, the ones that need no change are right."""
        self.digits += len(written)
        self.right += max(0, len(written) - distance(written, read))
        self.fields += 1
        self.exact += written == read

    def __str__(self) -> str:
        return f"digits {self.right / self.digits:7.2%} of {self.digits}, fields {self.exact / self.fields:7.2%} of {self.fields}"


class Peer:
    """RapidOCR as it comes, but for its threads. Raises ImportError where it is absent."""

    def __init__(self) -> None:
        from rapidocr import RapidOCR

        self.engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def read(self, data: bytes) -> tuple[float, list[tuple[NDArray[np.float64], str]]]:
        """CPU seconds of decoding and reading a photo, and the texts with their four corners."""
        start = time.process_time()
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        out: Any = self.engine(pixels)
        seconds = time.process_time() - start
        if out.boxes is None:
            return seconds, []
        return seconds, [(np.asarray(b, float), t) for b, t in zip(out.boxes, out.txts, strict=True)]


def truth(path: Path) -> dict[str, dict[str, str]]:
    """What is written, by file and field; only fields of nothing but digits."""
    out: dict[str, dict[str, str]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["as_written"].isdecimal():
                out.setdefault(row["file"], {})[row["field"]] = row["as_written"]
    return out


def in_row(reading: Reading, field: str, texts: list[tuple[NDArray[np.float64], str]]) -> str:
    """The digits of the texts whose middle lies in a field's row, from left to right; we have found the row, not the peer."""
    corners = np.array(reading.fields[field].boxes, np.float32).reshape(-1, 2)
    hull = cv2.convexHull(corners)
    slack = float(np.linalg.norm(corners[3] - corners[0])) / 2  # half a box
    inside = []
    for box, text in texts:
        x, y = box.mean(axis=0)
        if cv2.pointPolygonTest(hull, (float(x), float(y)), True) >= -slack:
            inside.append((x, "".join(c for c in text if c.isdecimal())))
    return "".join(text for _, text in sorted(inside))


def distance(a: str, b: str) -> int:
    """How many digits must be put in, taken out or changed to make one string of the other."""
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        now = [i]
        for j, y in enumerate(b, 1):
            now.append(min(before[j] + 1, now[j - 1] + 1, before[j - 1] + (x != y)))
        before = now
    return before[-1]
