"""How far apart the fingerprints of handwriting are (`ocr.same`): photos of one sheet, and sheets of one form.

Sheets are synthetic: the form's print, drawn digits of a new writer for each sheet, and a photo at a level of degradation (`ocr.train.levels`). Every
second sheet has the same numbers, the case in which different sheets come nearest. Printed: signs of 256 in which two photos of one sheet, two sheets
with other numbers, and two sheets with the same numbers differ; and how many of each are at most the audit's limit.

Usage: ``python -m benchmarks.same [--forms bo-oep-2025 …] [--sheets 24] [--level 0] [--seed 1]``; without arguments 12 sheets of one form.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from audits.same_writing import MOST
from benchmarks._photos import Filled, Form, _fill, _photograph, drawn_digits
from ocr.form import load_forms
from ocr.read import read
from ocr.same import distance
from ocr.train.levels import LEVELS, Level, room
from ocr.train.sheets import draw_values
from sample_actas.generate.handwriting import Digits, Writer


def distances(
    form: Form, level: Level, digits: Digits, sheets: int, rng: np.random.Generator
) -> dict[str, list[int]]:
    """Distances of photos of one sheet, of sheets with other numbers, of sheets with the same."""
    box = float(np.median([room(w, h) for f in form.votes for _, _, w, h in f.boxes]))
    common = draw_values(rng, form)
    seen: list[tuple[str, bool]] = []
    same: list[int] = []
    for i in range(sheets):
        height = rng.uniform(*level.box)
        values = common if i % 2 else draw_values(rng, form)
        sheet = _fill(form, values, Writer(digits, rng), 1.3 * height / box, rng)
        first, second = (_print(sheet, form, height / box, level, rng) for _ in range(2))
        if first and second:
            same.append(distance(first, second))
            seen.append((first, bool(i % 2)))
    pairs = [(a, b) for i, a in enumerate(seen) for b in seen[:i]]
    return {
        "one sheet": same,
        "other numbers": [distance(a[0], b[0]) for a, b in pairs if not (a[1] and b[1])],
        "same numbers": [distance(a[0], b[0]) for a, b in pairs if a[1] and b[1]],
    }


def _print(sheet: Filled, form: Form, scale: float, level: Level, rng: np.random.Generator) -> str | None:
    return read(_photograph(sheet, form, scale, level, rng), {form.id: form}).writing


def main() -> int:
    """Print the distances."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--forms", nargs="+", default=["id-kpu-c1-2014"])
    parser.add_argument("--sheets", type=int, default=12)
    parser.add_argument("--level", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    forms, digits = load_forms(), drawn_digits(40, args.seed)
    level = list(LEVELS.values())[args.level] if isinstance(LEVELS, dict) else LEVELS[args.level]
    print(f"level: {level.meaning}; at most {MOST} signs: the audit's limit")
    for name in args.forms:
        found = distances(forms[name], level, digits, args.sheets, np.random.default_rng(args.seed))
        for kind, values in found.items():
            d = np.array(values)
            if d.size:
                print(
                    f"{name:24} {kind:14} {d.size:5} pairs  mean {d.mean():6.1f}  s.d. {d.std():5.1f}  least {d.min():3}  "
                    f"most {d.max():3}  within the limit {int((d <= MOST).sum())}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
