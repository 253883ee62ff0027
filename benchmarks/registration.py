"""Registration on simulated photos whose boxes are known: what is refused, what is misplaced, and by how much.

Each photo shows one of the shipped forms, filled with scrawl, bent, tilted, covered or copied (`benchmarks._warp`), and is
registered against all of them. A box is off when one of its corners lies more than half a box (its smaller side) from
where it is; boxes of votes count, of the fields that are read: a page cut off or covered may be read in part. "Cut" pages
lack up to a third on one side, "unknown" ones are registered with their own form left out: both are to be refused, or to be placed right.

Refusals are counted among the photos on which no box of votes is covered by the hand, and among all.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks._warp import KINDS, shoot
from ocr.form import Form, load_forms
from ocr.found import NotFound
from ocr.register import register
from tabulate.workers import end_with_parent

CUT, UNKNOWN = "cut", "unknown"
OFF = 0.5  # of a box' smaller side
SHOTS = 1000  # of `KINDS`, in turns
BESIDE = 5  # one photo of a page cut off and one of an unknown form for this many


@dataclass(frozen=True)
class Task:
    """One photo to be made and registered; `kind` is one of `KINDS`, or `CUT` or `UNKNOWN`."""

    form: str
    kind: str
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What came of it: refused with a reason, or the form found and how far its boxes are off."""

    task: Task
    seconds: float
    refused: str = ""
    form: str = ""
    score: float = 0.0
    pixels: float = 0.0  # median distance of the boxes' corners
    shares: float = 0.0  # the same in box sides
    worst: float = 0.0  # of all boxes that are read, in box sides
    absent: int = 0  # fields of votes that are not read
    covered: bool = False  # a hand lies over a box of votes


def tasks(n: int, seed: int = 0) -> list[Task]:
    """The photos of one run: every kind and every form in turns."""
    forms = [f.id for f in load_forms().values() if not f.by_code]
    out = [Task(forms[(i // len(KINDS) + i) % len(forms)], KINDS[i % len(KINDS)], seed + i) for i in range(n)]
    for i in range(n // BESIDE):
        out.append(Task(forms[i % len(forms)], CUT, seed + i))
        out.append(Task(forms[i % len(forms)], UNKNOWN, seed + i))
    return out


def measure(task: Task) -> Outcome:
    """Make the photo, register it, compare."""
    cv2.setNumThreads(1)
    forms = load_forms()
    kind, cut = task.kind, 0.0
    known: Iterable[Form] = forms.values()
    if kind in (CUT, UNKNOWN):
        kind = KINDS[task.seed % len(KINDS)]
        if task.kind == CUT:
            cut = float(np.random.default_rng(task.seed).uniform(0.03, 0.33))
        else:
            known = [f for f in forms.values() if f.acta != forms[task.form].acta]
    shot = shoot(forms[task.form], kind, task.seed, cut)
    votes = {f.name for f in forms[task.form].votes}
    covered = bool(votes & shot.covered)
    start = time.process_time()
    try:
        found = register(shot.gray, list(known))
    except NotFound as e:
        return Outcome(task, time.process_time() - start, refused=str(e), covered=covered)
    seconds = time.process_time() - start
    if found.form.id != task.form:
        return Outcome(task, seconds, form=found.form.id, score=found.score, worst=np.inf, covered=covered)
    off, sides = [], []
    for name, true in shot.corners.items():
        if name not in votes - found.absent:
            continue  # a station's number has checks of its own
        quads = found.corners[name]
        off.append(np.hypot(*(quads - true).transpose(2, 0, 1)))
        edges = np.hypot(*(true[:, [1, 3]] - true[:, [0, 0]]).transpose(2, 0, 1))
        sides.append(edges.min(axis=1)[:, None].repeat(4, axis=1))
    distance, side = np.concatenate(off), np.concatenate(sides)
    share = distance / side
    return Outcome(
        task,
        seconds,
        form=found.form.id,
        score=found.score,
        pixels=float(np.median(distance)),
        shares=float(np.median(share)),
        worst=float(share.max()),
        absent=len(votes & found.absent),
        covered=covered,
    )


def run(todo: list[Task], jobs: int = 1) -> list[Outcome]:
    """All of them, in order, over that many processes."""
    if jobs == 1:
        return [measure(t) for t in todo]
    with multiprocessing.get_context("spawn").Pool(jobs, end_with_parent) as pool:
        return list(pool.imap(measure, todo, chunksize=4))


def line(name: str, outcomes: list[Outcome]) -> str:
    """One row of the table."""
    found = [o for o in outcomes if not o.refused]
    right = [o for o in found if o.form == o.task.form]
    wrong, off = len(found) - len(right), sum(o.worst > OFF for o in right)
    part = sum(o.absent > 0 for o in right)
    seconds = np.median([o.seconds for o in outcomes])

    def at(values: list[float], q: float) -> float:
        return float(np.percentile(values, q)) if values else float("nan")

    pixels, worst = [o.pixels for o in right], [o.worst for o in right]
    return (
        f"{name:9}{len(outcomes):6}{100 * (len(outcomes) - len(found)) / len(outcomes):9.1f}{part:6}{wrong:6}{off:5}"
        f"{at(pixels, 50):9.2f}{at(pixels, 95):9.2f}{at(worst, 50):9.3f}{at(worst, 95):9.3f}{seconds:9.3f}"
    )


def refusals(outcomes: list[Outcome]) -> float:
    """Per cent refused of the whole pages on which no box of votes is covered."""
    whole = [o for o in outcomes if o.task.kind in KINDS and not o.covered]
    return 100 * float(np.mean([bool(o.refused) for o in whole]))


def misplaced(outcomes: list[Outcome]) -> list[Outcome]:
    """Those read from a place more than half a box off, or taken for another form."""
    return [o for o in outcomes if o.worst > OFF]


def summary(outcomes: list[Outcome]) -> str:
    """What must hold, in a few words."""
    whole = [o for o in outcomes if o.task.kind in KINDS]
    return (
        f"{len({o.task.form for o in outcomes})} forms; refused {refusals(outcomes):.1f} % of "
        f"{sum(not o.covered for o in whole)} whole pages without a hand over a box of votes (at most 3), "
        f"{100 * np.mean([bool(o.refused) for o in whole]):.1f} % of all {len(whole)}; "
        f"misplaced by more than half a box or taken for another form {len(misplaced(outcomes))} of {len(outcomes)} (must be 0)"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Registration on simulated photos.")
    parser.add_argument("--n", type=int, default=SHOTS, help="photos of all kinds together")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seed", type=int, default=0, help="of the first photo")
    parser.add_argument("--list", action="store_true", help="name each photo that was refused or misplaced")
    parser.add_argument(
        "--kinds", nargs="*", default=[*KINDS, CUT, UNKNOWN], help="only those of these kinds among them"
    )
    options = parser.parse_args()
    outcomes = run([t for t in tasks(options.n, options.seed) if t.kind in options.kinds], options.jobs)
    print("                          in wrong       error in pixels   worst box, sides     CPU")
    print("kind     photos refused % part  form  off   median      95%   median      95%  seconds")
    for kind in (*KINDS, CUT, UNKNOWN):
        those = [o for o in outcomes if o.task.kind == kind]
        if those:
            print(line(kind, those))
    whole = [o for o in outcomes if o.task.kind in KINDS]
    print(line("all", whole))
    print(summary(outcomes))
    if options.list:
        for o in outcomes:
            if (o.refused and o.task.kind in KINDS) or o.worst > OFF:
                print(f"{o.task}  {o.refused or o.form} score {o.score:.3f} worst {o.worst:.2f}")


if __name__ == "__main__":
    main()
