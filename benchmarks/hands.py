"""What the rest of a sheet adds to each of its boxes (`ocr.hand`): boxes of real sheets, with and without it.

    python -m benchmarks.hands FOLDER...

Each folder holds photos and a ``truth.csv`` (file, field, value). Boxes of numbers written by hand are scored: a zero before the number may
be a zero, an empty box or a mark. "Loss" is the mean negative log likelihood of what is written.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocr.cells import cut
from ocr.digits import BLANK, CLASSES, MARK, default_reader
from ocr.form import Form, Writing, load_forms
from ocr.found import NotFound
from ocr.hand import default_hand
from ocr.image import Refused, open_picture
from ocr.register import register

Floats = npt.NDArray[np.float64]
DATA = Path(os.environ.get("COTEJO_DATA", Path(__file__).parents[2] / "shared" / "data")) / "actas"
HEAD = "boxes | loss alone | loss | wrong alone | wrong | p ≥ 0.999 alone | wrong | p ≥ 0.999 | wrong"


def meant(form: Form, written: dict[str, int]) -> dict[str, Floats]:
    """For each number written by hand that is known: which classes each of its boxes may show [n, 13]."""
    out = {}
    for f in form.votes:
        if f.name not in written or f.writing is not Writing.HAND or written[f.name] >= 10**f.digits:
            continue
        text = str(written[f.name]).zfill(f.digits)
        may = np.zeros((f.digits, len(CLASSES)))
        may[np.arange(f.digits), [int(c) for c in text]] = 1
        before = len(text) - len(text.lstrip("0"))
        may[:before, [0, BLANK, MARK]] = 1
        out[f.name] = may
    return out


def boxes(folder: Path) -> tuple[Floats, Floats, Floats]:
    """Of all scored boxes: the network's probabilities, the same weighed with the sheet's other boxes, and what they may be."""
    with (folder / "truth.csv").open(encoding="utf-8") as stream:
        rows = [(r["file"], r["field"], r["value"]) for r in csv.DictReader(stream)]
    reader = default_reader()
    hand = default_hand(reader.sha256)
    parts: list[tuple[Floats, Floats, Floats]] = [(np.empty((0, len(CLASSES))),) * 3]
    for file in sorted({file for file, _, _ in rows if (folder / file).is_file()}):
        try:
            gray = open_picture((folder / file).read_bytes(), grey=True).pixels
            found = register(gray, list(load_forms().values()))
        except (NotFound, Refused):
            continue
        cells = cut(gray, found)
        names = [
            f.name for f in found.form.fields if f.writing is Writing.HAND and f.name not in found.absent
        ]
        if not names:
            continue
        seen = reader.look(np.concatenate([cells[n] for n in names]))
        weighed = hand.reread(seen.probabilities, seen.traits)
        may = meant(found.form, {n: int(v) for f, n, v in rows if f == file and v.isdigit()})
        ends = np.cumsum([len(cells[n]) for n in names])[:-1]
        split = zip(names, np.split(seen.probabilities, ends), np.split(weighed, ends), strict=True)
        parts += [(p, q, may[n]) for n, p, q in split if n in may]
    alone, together, truth = (np.concatenate(part) for part in zip(*parts, strict=True))
    return alone, together, truth


def row(alone: Floats, together: Floats, may: Floats) -> str:
    """One line of the table."""
    loss, wrong, sure = [], [], []
    for p in (alone, together):
        bad = may[np.arange(len(p)), p.argmax(1)] == 0
        certain = p.max(1) >= 0.999
        loss.append(f"{-np.log(np.maximum((p * may).sum(1), 1e-12)).mean():.4f}")
        wrong.append(str(int(bad.sum())))
        sure += [f"{certain.mean():.1%}", str(int((bad & certain).sum()))]
    return " | ".join([str(len(may)), *loss, *wrong, *sure])


def main() -> None:
    """Print a table for people."""
    folders = [Path(a) for a in sys.argv[1:]] or sorted(p.parent for p in DATA.glob("*/truth.csv"))
    if not folders:
        print("skipped: there are no real sheets; name folders with a truth.csv")
        return
    print(f"| folder | {HEAD} |\n{'|---' * 10}|")
    everything = []
    for folder in folders:
        found = boxes(folder)
        everything.append(found)
        if len(found[0]):
            print(f"| {folder.name} | {row(*found)} |", flush=True)
    alone, together, may = (np.concatenate(part) for part in zip(*everything, strict=True))
    if len(may):
        print(f"| all | {row(alone, together, may)} |")


if __name__ == "__main__":
    main()
