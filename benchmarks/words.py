"""What the words beside the boxes add: sheets read exactly and accepted, with and without them.

    python -m benchmarks.words FOLDER...

Each folder holds photos and a ``truth.csv`` (file, field, value). Every sheet whose form has words is read twice from the same
boxes. "Clear" words are those that name a number beyond doubt; "first" counts the numbers that the words alone put first.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from pathlib import Path

from ocr.cells import cut
from ocr.decode import Decoded, decode
from ocr.form import load_forms
from ocr.found import NotFound
from ocr.image import Refused, open_picture
from ocr.read import box_probabilities
from ocr.register import register
from ocr.words import witnesses

COLUMNS = (
    "sheets",
    "exact without",
    "exact",
    "accepted without",
    "accepted",
    "wrong accepted without",
    "wrong accepted",
    "numbers",
    "first",
    "clear",
    "clear but wrong",
)


def score(folder: Path) -> tuple[Counter[str], float]:
    """The counts of one folder, and the CPU seconds that the words took."""
    with (folder / "truth.csv").open(encoding="utf-8") as stream:
        truth = {(r["file"], r["field"]): r["value"] for r in csv.DictReader(stream)}
    out: Counter[str] = Counter()
    seconds = 0.0
    for file in sorted({file for file, _ in truth}):
        if not (folder / file).is_file():
            continue
        try:
            gray = open_picture((folder / file).read_bytes(), grey=True).pixels
            found = register(gray, list(load_forms().values()))
        except (NotFound, Refused):
            continue
        if not any(f.words for f in found.form.fields):
            continue
        boxes = box_probabilities(found.form, cut(gray, found), found.absent)
        start = time.process_time()
        words = witnesses(gray, found)
        seconds += time.process_time() - start
        written = {name: value for (f, name), value in truth.items() if f == file and value}
        out["sheets"] += 1
        for sheet, without in (
            (decode(found.form, boxes), " without"),
            (decode(found.form, boxes, words=words), ""),
        ):
            exact = _exact(sheet, written)
            out["exact" + without] += exact
            out["accepted" + without] += sheet.accepted
            out["wrong accepted" + without] += sheet.accepted and not exact
        for name, witness in words.items():
            if written.get(name, "").isdigit():
                number = int(written[name])
                out["numbers"] += 1
                first = int(witness.numbers.argmax()) == number
                out["first"] += first and witness.numbers[number] > 2 * witness.other
                out["clear"] += witness.clear is not None
                out["clear but wrong"] += witness.clear not in (None, number)
    return out, seconds


def _exact(sheet: Decoded, written: dict[str, str]) -> bool:
    return all(str(f.value) == written[n] for n, f in sheet.fields.items() if n in written)


def main() -> None:
    """Print a table for people."""
    print("| folder | " + " | ".join(COLUMNS) + " | CPU seconds a sheet |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for folder in map(Path, sys.argv[1:]):
        counts, seconds = score(folder)
        cells = [str(counts[c]) for c in COLUMNS]
        print(f"| {folder.name} | " + " | ".join(cells) + f" | {seconds / max(1, counts['sheets']):.2f} |")


if __name__ == "__main__":
    main()
