"""Synthetic actas at three degradations, box by box and photo by photo: how many need no person, and how many of those are wrong.

Sheets of every form that people fill in by hand, the same number of each; 5 % are written so that a sum fails. Digits on one sheet share a writer;
no writer was trained on or had a part in fitting the thresholds. Without `--digits` (a folder with MNIST, USPS and
handwriting fonts below it) the digits are drawn styles, which are easier to read: then the figures only show that the program works.
The levels are defined in `ocr/train/levels.py`; with `--write`, the figures and a reliability plot go to docs/accuracy.md and docs/reliability.svg.
"""

from __future__ import annotations

import argparse
import datetime
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from benchmarks._photos import drawn_digits, half, take
from benchmarks._reliability import interval, plot
from ocr.evidence import Settings
from ocr.form import load_forms
from ocr.read import READER, read, warm_up
from ocr.reliability import calibration_error
from ocr.train.levels import LEVELS, table
from ocr.train.sheets import made_sources
from ocr.train.simulate import (
    BROKEN,
    Data,
    Writer,
    draw_cells,
    handwritten,
    load_writers,
    perfect_writers,
    read_cells,
    score_sheets,
)
from ocr.train.thresholds import accepted, said
from sample_actas.generate.handwriting import Digits
from tabulate.workers import end_with_parent

WRONG = 0.05  # share of the sheets written so that a sum fails
AIMS = {"light": 0.95, "medium": 0.88, "heavy": 0.45}
DOCS = Path(__file__).parents[1] / "docs"
MARK = "<!-- printed below this line by `python -m benchmarks.acceptance --write` -->"
SEED = 31


@dataclass(frozen=True)
class Outcome:
    """One sheet: as written, and what became of it."""

    form: str
    level: str
    adds_up: bool
    right: bool
    probability: float
    accepted: bool
    recognised: bool  # not accepted, and reported as not adding up
    refused: bool = False
    clear: bool = True  # no digit struck out, no row left empty: without a person's word nobody knows what was meant there


def from_cells(level: str, actas: int, writers: Sequence[Writer], jobs: int) -> list[Outcome]:
    """Sheets decoded from cells with the settings in force."""
    force = Settings()
    mine = [w for w in writers if w.look == level]
    scored = score_sheets(sorted(handwritten(load_forms())), mine, actas, WRONG, SEED, force, jobs)
    out = []
    for x in scored:
        taken = accepted(x, force)
        out.append(
            Outcome(
                x.form,
                level,
                x.adds_up,
                x.right,
                said(x, force),
                taken,
                x.broken and not taken,
                clear=x.clear,
            )
        )
    return out


def ceiling(actas: int, jobs: int) -> str:
    """What a perfect network would reach, form by form: the rest is the decoder's, or what people struck out and left empty."""
    level = next(iter(LEVELS))
    found = from_cells(level, actas, perfect_writers(level), jobs)
    known = load_forms()
    lines = [
        "| form | add up | accepted | nothing struck out or left empty | accepted |\n|---|---|---|---|---|"
    ]
    for form in [*sorted({x.form for x in found}), "all"]:
        even = [x for x in found if x.adds_up and form in (x.form, "all")]
        clear = [x for x in even if x.clear]
        mark = "" if form not in known or known[form].verified else " (not verified)"
        shares = " | ".join(
            f"{len(part)} | {np.mean([x.accepted for x in part]):.0%}" for part in (even, clear) if part
        )
        lines.append(f"| {form if form == 'all' else f'`{form}`'}{mark} | {shares} |")
    return "\n".join(lines) + "\n"


@cache
def _digits(folder: Path | None) -> Digits:
    return half(Digits.load(Data.below(folder).mnist), "score") if folder else drawn_digits(40, 77)


def _photo(job: tuple[str, str, Path | None, int]) -> Outcome:
    level, name, folder, seed = job
    cv2.setNumThreads(1)
    forms = load_forms()
    form = forms[name]
    photo = take(form, LEVELS[level], _digits(folder), WRONG, np.random.default_rng([SEED, seed]))
    reading = read(photo.data, forms)
    right = reading.form == name and all(
        reading.fields[f.name].value == photo.values[f.name] for f in form.votes
    )
    broken = any(r.split(":")[0] in BROKEN for r in reading.reasons)
    return Outcome(
        name, level, photo.adds_up, right, reading.probability, reading.accepted,
        broken and not reading.accepted and reading.form == name, reading.refused is not None,
    )  # fmt: skip


def from_photos(level: str, photos: int, folder: Path | None, jobs: int) -> list[Outcome]:
    """Whole photos through the whole reader, which looks for the form among all forms."""
    names = sorted(handwritten(load_forms()))
    todo = [
        (level, names[i % len(names)], folder, 1_000_000 * list(LEVELS).index(level) + i)
        for i in range(photos)
    ]
    if jobs == 1:
        warm_up()
        return [_photo(job) for job in todo]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    spawned = get_context(
        "spawn"
    )  # a fork of a process in which the networks have run waits for their threads for ever
    with ProcessPoolExecutor(jobs, spawned, initializer=end_with_parent) as pool:
        return list(pool.map(_photo, todo, chunksize=4))


def row(name: str, part: Sequence[Outcome], aim: float | None = None) -> str:
    """One line of the table; empty cells where there is nothing to divide by."""
    even, odd = ([x for x in part if x.adds_up is k] for k in (True, False))
    clear = [x for x in even if x.clear]
    taken = [x for x in part if x.accepted]
    wrong, through = sum(not x.right for x in taken), sum(x.accepted for x in odd)
    low, high = interval(wrong, len(taken)) if taken else (0.0, 1.0)

    def share(k: int, n: int) -> str:
        return f"{k / n:.1%}" if n else ""

    cells = (
        name, str(len(part)), share(sum(x.refused for x in part), len(part)), share(sum(x.right for x in part), len(part)),
        share(sum(x.accepted for x in even), len(even)), share(sum(x.accepted for x in clear), len(clear)),
        f"{aim:.0%}" if aim else "", f"{wrong} of {len(taken)}",
        f"{1000 * wrong / len(taken):.2f} ({1000 * low:.2f}–{1000 * high:.2f})" if taken else "",
        str(len(odd)), share(sum(x.recognised for x in odd), len(odd)), f"{through}",
        f"{calibration_error([x.probability for x in part], [x.right for x in part]):.4f}",
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


HEAD = (
    "| level | actas | refused | all right | add up: accepted | nothing struck out or left empty: accepted | aim "
    "| wrong among accepted | wrong per 1000 accepted (95 %) | do not add up | recognised | accepted | ECE |\n"
    + "|---" * 13
    + "|"
)


def report(outcomes: Mapping[str, list[Outcome]]) -> str:
    """The table by level, and one by form."""
    parts = [HEAD, *(row(level, part, AIMS[level]) for level, part in outcomes.items())]
    if len(outcomes) > 1:
        parts.append(row("all", [x for part in outcomes.values() for x in part]))
    forms = sorted({x.form for part in outcomes.values() for x in part})
    parts.append(
        "\n| form, accepted of those that add up with nothing struck out or left empty | "
        + " | ".join(outcomes)
        + " |\n|---"
        + "|---" * len(outcomes)
        + "|"
    )
    known = load_forms()
    for form in forms:
        cells = []
        for part in outcomes.values():
            mine = [x for x in part if x.form == form and x.adds_up and x.clear]
            cells.append(f"{np.mean([x.accepted for x in mine]):.0%} of {len(mine)}" if mine else "")
        mark = "" if form not in known or known[form].verified else " (not verified)"
        parts.append(f"| `{form}`{mark} | " + " | ".join(cells) + " |")
    return "\n".join(parts) + "\n"


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--digits", type=Path, help="folder with MNIST, USPS and handwriting fonts below it")
    parser.add_argument("--actas", type=int, default=200, help="actas per level, from cells")
    parser.add_argument("--photos", type=int, default=0, help="photos per level")
    parser.add_argument(
        "--level", choices=tuple(LEVELS), action="append", help="only this level (may be given again)"
    )
    parser.add_argument(
        "--writers", type=int, default=0, help="writers per level and shape of box (default: 60, drawn 4)"
    )
    parser.add_argument(
        "--ceiling",
        type=int,
        default=0,
        help="actas read by a perfect network: what the decoder lets through at best",
    )
    parser.add_argument("--cache", type=Path, default=Path("build/cells"), help="folder for the cells made")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument(
        "--write", action="store_true", help="write docs/accuracy.md and docs/reliability.svg"
    )
    args = parser.parse_args()
    started = time.monotonic()
    levels = tuple(args.level or LEVELS)
    source = (
        "MNIST, USPS and fonts"
        if args.digits
        else "drawn styles only: the figures show that the program works, no more"
    )
    note = (
        f"{datetime.datetime.now(datetime.UTC).date().isoformat()}, reader {READER}, digits: {source}. Thresholds frozen: accepted from "
        f"{Settings().accept} ({Settings().accept_clear} if clear). Wrong: any number not as written. {WRONG:.0%} written so that a sum fails.\n\n"
    )
    parts = {"Levels": table() + "\n"}
    if args.actas:
        n = args.writers or (60 if args.digits else 4)
        if args.digits:
            writers = load_writers(Data.below(args.digits), "score", n, 2026, args.cache, levels)
        else:
            writers = read_cells(*draw_cells(made_sources("score"), levels, n, SEED))
        cells = {level: from_cells(level, args.actas, writers, args.jobs) for level in levels}
        parts["From cells"] = note + f"{n} writers for each level and shape of box.\n\n" + report(cells)
        if args.write:
            stated = {level: [(x.probability, x.right) for x in part] for level, part in cells.items()}
            svg = plot(stated, "Synthetic actas from cells: the acta's probability")
            (DOCS / "reliability.svg").write_text(svg, encoding="utf-8")
    if args.ceiling:
        parts["Ceiling: boxes read by a perfect network"] = note + ceiling(args.ceiling, args.jobs)
    if args.photos:
        photos = {level: from_photos(level, args.photos, args.digits, args.jobs) for level in levels}
        parts["From photos, end to end"] = note + report(photos)
    for title, text in parts.items():
        print(f"## {title}\n\n{text}")
    print(f"{time.monotonic() - started:.0f} s with {args.jobs} processes")
    if args.write:
        write(parts)


def write(parts: Mapping[str, str]) -> None:
    """Put the parts below the mark in docs/accuracy.md; others that stand there stay."""
    page = DOCS / "accuracy.md"
    head, _, below = page.read_text(encoding="utf-8").partition(MARK)
    kept = dict(part.split("\n\n", 1) for part in below.split("\n## ")[1:])
    whole = {title: text.strip() for title, text in (kept | dict(parts)).items()}
    text = "\n\n".join(f"## {title}\n\n{text}" for title, text in whole.items())
    page.write_text(f"{head}{MARK}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
