"""How often every test speaks on clean elections of seven designs, and on elections with something planted.

Each cell is some thousand simulated elections of 600 stations (`benchmarks._elections`, written apart from the calibration's own clean elections).
Every p-value that the battery prints is counted at 5 percent, uncorrected, and beside it the whole battery: elections in which any p-value
is 5 percent or less after the battery's own correction (Benjamini-Yekutieli), or after Benjamini-Hochberg's. No rate may be
above the 99.9 percent point of a binomial at 5 percent (6.0 percent of 5,000 elections); the exit status is then 1. The power is that of
the same tests at the same level when 1, 3 or 10 percent of the stations are changed (`audits.plant`), in elections of the designs in turn.

Usage: ``python -m benchmarks.scoreboard [--elections 5000] [--planted 350] [--jobs 2] [--seed 1] [--only ID …] [--keep FOLDER] [--write]``; with ``--write``
the tables go into docs/audits.md with their date and seed. What a folder keeps is of the audits as they were: one that has changed since
must be taken out of its files, or the folder be another. Without arguments 140 elections a cell, for `make bench`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

os.environ.setdefault("POLARS_MAX_THREADS", "1")  # before polars: each process is one of --jobs
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from audits.audit import ALPHA, REGISTRY, AuditData, corrected
from audits.clean import election, to_data
from audits.plant import PLANTS, SHARES, TITLES
from benchmarks._elections import DESIGNS, STATIONS
from tabulate.workers import end_with_parent

PAGE = Path(__file__).parent.parent / "docs" / "audits.md"
BATTERY, BATTERY_BH = "the whole battery (by)", "the whole battery (bh)"
CHUNK = 50


@dataclass
class Cell:
    """Elections of one kind: how many, and for each p-value how often it was printed and how often at most `ALPHA`."""

    elections: int = 0
    printed: Counter[str] = field(default_factory=Counter)
    spoke: Counter[str] = field(default_factory=Counter)

    def add(self, pvalues: dict[str, float]) -> None:
        """Count one election's p-values, by the name that `audits.audit.Battery.tests` gives them."""
        self.elections += 1
        for name, p in pvalues.items():
            self.printed[name] += 1
            self.spoke[name] += p <= ALPHA
        for name, kind in ((BATTERY, "by"), (BATTERY_BH, "bh")):
            self.printed[name] += 1
            self.spoke[name] += min(corrected(list(pvalues.values()), kind), default=1.0) <= ALPHA

    def merge(self, other: Cell) -> None:
        """Count another cell's elections too."""
        self.elections += other.elections
        self.printed += other.printed
        self.spoke.update(other.spoke)

    def rate(self, name: str) -> float | None:
        """Part of the elections with this p-value in which it was at most `ALPHA`."""
        return self.spoke[name] / self.printed[name] if self.printed[name] else None


@dataclass(frozen=True)
class Task:
    """Some elections of a design, numbered from `start`; with a plant in a part of their stations."""

    design: str
    start: int
    stop: int
    seed: int
    only: tuple[str, ...]
    plant: str | None = None
    share: float = 0.0

    @property
    def key(self) -> tuple[str | None, float] | str:
        """The cell it counts for."""
        return self.design if self.plant is None else (self.plant, self.share)

    @property
    def name(self) -> str:
        """Of its file, when results are kept."""
        words = [
            self.design,
            self.plant or "clean",
            f"{self.share:g}",
            str(self.start),
            str(self.stop),
            str(self.seed),
        ]
        return "-".join(words).replace(" ", "_")


def draw(task: Task, i: int) -> AuditData:
    """The i-th election of a task: the same whatever else is drawn."""
    name = list(DESIGNS).index(task.design)
    data = DESIGNS[task.design](np.random.default_rng([task.seed, name, i]))
    if task.plant is None:
        return data
    e = election(data)
    assert e is not None
    rng = np.random.default_rng(
        [task.seed, name, i, list(PLANTS).index(task.plant), round(1000 * task.share)]
    )
    return to_data(PLANTS[task.plant](e, task.share, rng), data)


Found = dict[str, list[dict[str, float]]]
"""For each audit, for each election of a task: its p-values by name."""


def examine(task: Task, keep: Path | None = None) -> Found:
    """Run the audits over a task's elections, each by itself, as `audits.audit.run` does.

    With a folder `keep` what is there is not computed again, and what is computed stays there.
    """
    file = None if keep is None else keep / f"{task.name}.json"
    found: Found = json.loads(file.read_text(encoding="utf-8")) if file is not None and file.exists() else {}
    wanted = [name for name in task.only if name not in found]
    for i in range(task.start, task.stop) if wanted else ():
        data = draw(task, i)
        for name in wanted:
            result = REGISTRY[name].function(data, seed=i, calibrate=False)
            tests = {f"{name}/{part}" if part else name: p for part, p in result.pvalues().items()}
            found.setdefault(name, []).append(tests)
    if file is not None and wanted:
        file.write_text(json.dumps(found), encoding="utf-8")
    return {name: found[name] for name in task.only}


def cell_of(task: Task, found: Found) -> Cell:
    """Count a task's elections."""
    cell = Cell()
    for i in range(task.stop - task.start):
        cell.add({name: p for tests in found.values() for name, p in tests[i].items()})
    return cell


def testing() -> tuple[str, ...]:
    """Audits that print a p-value on some election of these designs; a description (grade D) never does."""
    found = set()
    for design in DESIGNS:
        data = draw(Task(design, 0, 1, 0, ()), 0)
        for name, entry in REGISTRY.items():
            if name not in found and entry.grade != "D" and entry.function(data, calibrate=False).pvalues():
                found.add(name)
    return tuple(sorted(found))


def clean_tasks(elections: int, seed: int, only: tuple[str, ...]) -> Iterator[Task]:
    """All designs, in chunks."""
    for design in DESIGNS:
        for start in range(0, elections, CHUNK):
            yield Task(design, start, min(start + CHUNK, elections), seed, only)


def planted_tasks(elections: int, seed: int, only: tuple[str, ...]) -> Iterator[Task]:
    """All plants and parts, each over the designs in turn; the elections are not those that were counted clean."""
    each = -(-elections // len(DESIGNS))
    for plant in PLANTS:
        for share in SHARES:
            for design in DESIGNS:
                yield Task(design, 1_000_000, 1_000_000 + each, seed, only, plant, share)


def count(tasks: Iterable[Task], jobs: int, keep: Path | None = None) -> dict[object, Cell]:
    """The cells of all tasks, the same for any number of processes."""
    tasks = list(tasks)
    cells: dict[object, Cell] = {}
    if jobs == 1:
        found: Iterable[Found] = map(partial(examine, keep=keep), tasks)
        pool = None
    else:
        pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=end_with_parent)
        found = pool.map(partial(examine, keep=keep), tasks)
    for done, (task, result) in enumerate(zip(tasks, found, strict=True), 1):
        cells.setdefault(task.key, Cell()).merge(cell_of(task, result))
        if done % 20 == 0:
            print(f"{done} of {len(tasks)} chunks", file=sys.stderr)
    if pool is not None:
        pool.shutdown()
    return cells


def bound(elections: int) -> float:
    """The most that a test of the right size shows in 999 of 1,000 such cells."""
    from scipy.stats import binom

    return float(binom.ppf(0.999, elections, ALPHA)) / elections


def over(cells: dict[object, Cell]) -> list[str]:
    """What is above its bound, in words."""
    return [
        f"{name}, {design}: {cell.spoke[name]} of {cell.printed[name]}"
        for design, cell in cells.items()
        for name in cell.printed
        if (cell.rate(name) or 0.0) > bound(cell.printed[name])
    ]


def _rows(cells: dict[object, Cell], columns: list[object], heads: list[str]) -> list[str]:
    names = sorted({n for c in cells.values() for n in c.printed}, key=lambda n: (n.startswith("the"), n))
    lines = ["| p-value | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name in names:
        rates = [cells[c].rate(name) for c in columns]
        lines.append(f"| {name} | " + " | ".join("" if r is None else f"{100 * r:.1f}" for r in rates) + " |")
    return lines


def _first_sentence(make: object) -> str:
    return " ".join((make.__doc__ or "").split("\n\n")[0].split())


def report(clean: dict[object, Cell], planted: dict[object, Cell], seed: int) -> str:
    """Both tables in Markdown."""
    n = next(iter(clean.values())).elections
    m = next(iter(planted.values())).elections if planted else 0
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    audits = ", ".join(
        sorted({name.split("/")[0] for c in clean.values() for name in c.printed if "the whole" not in name})
    )
    out = [
        f"Printed by `python -m benchmarks.scoreboard` on {today}, seed {seed}: {n:,} clean elections of {STATIONS} stations for each of "
        f"{len(clean)} designs. Percent of elections in which a p-value is at most 5 percent; with {n:,} elections a test of the right size shows at "
        f"most {100 * bound(n):.1f} in 999 of 1,000 cells. The whole battery: any p-value at most 5 percent after Benjamini-Yekutieli's "
        f"correction (by, the one used in texts) or Benjamini-Hochberg's (bh). Audits with a test: {audits}.",
        "",
        *_rows(clean, list(clean), [str(d) for d in clean]),
        "",
        "Above the bound: " + ("; ".join(over(clean)) or "nothing") + ".",
        "",
        "The designs, in all of which stations vary more than counting makes them, neighbours vote alike, and half of the places have a last station "
        "with the voters left over:",
        "",
        *(f"- {name}: {_first_sentence(make)}" for name, make in DESIGNS.items() if name in clean),
    ]
    if planted:
        heads = [f"{plant} {round(100 * share)} %" for plant, share in planted]  # type: ignore[misc]
        out += [
            "",
            f"The same with something planted in 1, 3 or 10 percent of the stations, {m:,} elections for each, of all designs in turn, without a comparison; percent of "
            "elections in which the p-value is at most 5 percent. "
            + "; ".join(f"*{plant}*: {TITLES[plant]}" for plant in PLANTS)
            + ".",
            "",
            *_rows(planted, list(planted), heads),
        ]
    return "\n".join(out)


def write(text: str) -> None:
    """Put the tables between their markers in docs/audits.md."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split("<!-- scoreboard -->")
    after = rest.split("<!-- /scoreboard -->")[1]
    PAGE.write_text(f"{before}<!-- scoreboard -->\n{text}\n<!-- /scoreboard -->{after}", encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Print both tables; 1 if a rate is above its bound."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--elections", type=int, default=140, help="clean elections of each design")
    parser.add_argument(
        "--planted", type=int, default=35, help="elections for each plant and part; 0: no power"
    )
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="ids of audits; all that print a p-value when left out")
    parser.add_argument(
        "--keep", type=Path, help="folder that keeps every p-value, so that a run can go on where it stopped"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/audits.md")
    args = parser.parse_args(argv)
    only = tuple(args.only) if args.only else testing()
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
    clean = count(clean_tasks(args.elections, args.seed, only), args.jobs, args.keep)
    planted = (
        count(planted_tasks(args.planted, args.seed, only), args.jobs, args.keep) if args.planted else {}
    )
    text = report(clean, planted, args.seed)
    print(text)
    if args.write:
        write(text)
    return int(bool(over(clean)))


if __name__ == "__main__":
    sys.exit(main())
