"""Many synthetic sheets, written, degraded and decoded box by box, for fitting thresholds and for proving them.

Cells of all writers are drawn once (and kept in a folder), go through the network once, and every sheet takes its boxes
from one writer's. So a sheet costs little more than its decoding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocr.decode import Decoded, decode
from ocr.digits import BLANK, CLASSES, CROSSED, MARK, DigitReader, default_reader
from ocr.evidence import Settings, unsure
from ocr.form import Form, Writing, load_forms
from ocr.hand import Hand, default_hand
from ocr.lattice import Floats
from ocr.reading import State
from ocr.train.sheets import (
    LOOKS,
    PARTS,
    Sources,
    Values,
    draw_values,
    holds,
    load_sources,
    make_writer,
    slip,
    spell_sheet,
)

ASPECTS = (1.45, 0.9, 0.5)
"""Width over height of the boxes drawn; a form takes the one nearest to its own."""
PRINT = 20
"""Classes from here on are printed digits."""
_KINDS = (*range(10), BLANK, MARK, CROSSED, *range(PRINT, PRINT + 10))


Cells = Mapping[str, list[tuple[int, int]]]
"""For each box of each field: its class, and which of the writer's cells of that class."""


@dataclass(frozen=True)
class Writer:
    """What the network said of each cell of one writer in one photo, by class (20 to 29: printed digits), and its traits."""

    look: str
    aspect: float
    cells: Mapping[int, Floats]
    traits: Mapping[int, npt.NDArray[np.float32]]

    def weighed(self, cells: Cells, hand: Hand | None) -> dict[str, Floats]:
        """What the network says of these cells, the boxes of one sheet, each weighed with the others.

        A cell that stands on the sheet twice has one voice.
        """
        said = {at: self.cells[at[0]][at[1]] for row in cells.values() for at in row}
        mine = [at for at in said if at[0] < PRINT]
        if hand is not None and mine:
            traits = np.array([self.traits[c][i] for c, i in mine])
            said |= dict(zip(mine, hand.reread(np.array([said[at] for at in mine]), traits), strict=True))
        return {f: np.array([said[at] for at in row]) for f, row in cells.items()}


@dataclass(frozen=True)
class Data:
    """Where public digits lie: folders with MNIST's IDX files, with ``zip.test.gz`` of USPS, with fonts (.otf)."""

    mnist: Path
    usps: Path
    fonts: Path

    @classmethod
    def below(cls, folder: Path) -> Data:
        """The folders inside one folder, by what they hold."""
        mnist = next(iter(sorted(folder.rglob("t10k-images*")))).parent
        usps = next(iter(sorted(folder.rglob("zip.test.gz")))).parent
        fonts = next(iter(sorted(folder.rglob("*.otf")))).parent
        return cls(mnist, usps, fonts)


def draw_cells(
    sources: Sources, looks: Sequence[str], writers: int, seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], list[tuple[str, float]]]:
    """So many writers for each look and shape of box: cells [writers, n, 64, 64], classes [n], look and shape of each."""
    who = [(look, aspect) for look in looks for aspect in ASPECTS for _ in range(writers)]
    made = [make_writer(np.random.default_rng([seed, i]), sources, *w) for i, w in enumerate(who)]
    return np.array([cells for cells, _ in made]), made[0][1], who


def read_cells(
    cells: npt.NDArray[np.uint8],
    classes: npt.NDArray[np.int64],
    who: Sequence[tuple[str, float]],
    reader: DigitReader | None = None,
) -> list[Writer]:
    """All cells through the network."""
    reader = reader or DigitReader()
    which = {k: np.flatnonzero(classes == k) for k in _KINDS}
    out = []
    for (look, aspect), mine in zip(who, cells, strict=True):
        seen = reader.look(mine)
        out.append(
            Writer(
                look,
                aspect,
                {k: seen.probabilities[i] for k, i in which.items()},
                {k: seen.traits[i] for k, i in which.items()},
            )
        )
    return out


def perfect_writers(look: str, sure: float = 1 - 1e-7) -> list[Writer]:
    """Writers whose every cell is read right, and as surely: what is not accepted of theirs is not the network's doing."""
    cells = {}
    for k in _KINDS:
        p = np.full((1, len(CLASSES)), (1 - sure) / (len(CLASSES) - 1))
        p[0, k % PRINT] = sure
        cells[k] = p
    return [Writer(look, aspect, cells, {}) for aspect in ASPECTS]


def load_writers(
    data: Data, part: str, writers: int, seed: int, cache: Path, looks: Sequence[str] = LOOKS
) -> list[Writer]:
    """The writers of one part of the digits; their cells are drawn once and kept under `cache`."""
    out = []
    sources: Sources | None = None
    for look in looks:
        path = cache / f"{part}-{look.replace(' ', '-')}-{writers}-{seed}.npz"
        if not path.exists():
            cache.mkdir(parents=True, exist_ok=True)
            sources = sources or load_sources(data.mnist, data.usps, data.fonts, part)
            own = 1000 * seed + 10 * LOOKS.index(look) + PARTS.index(part)
            cells, classes, _ = draw_cells(sources, [look], writers, own)
            np.savez(path, cells=cells, classes=classes)
        kept = np.load(path)
        who = [(look, aspect) for aspect in ASPECTS for _ in range(writers)]
        out += read_cells(kept["cells"], kept["classes"], who)
    return out


def shape_of(form: Form) -> float:
    """Which of `ASPECTS` the boxes of a form are nearest to."""
    sides = [f.boxes[0] for f in form.votes if f.boxes]
    shape = float(np.median([w / h for _, _, w, h in sides]))
    return min(ASPECTS, key=lambda a: abs(np.log(a / shape)))


def handwritten(forms: Mapping[str, Form]) -> dict[str, Form]:
    """The forms that people fill in by hand and that have a sum to check them by."""
    return {
        i: f
        for i, f in forms.items()
        if any(s.evidence and s.rule == "equal" for s in f.sums)
        and sum(v.writing is Writing.HAND and bool(v.boxes) for v in f.votes) > len(f.votes) / 2
    }


@dataclass(frozen=True)
class Sheet:
    """One sheet as written, and what the network says of its boxes."""

    form: Form
    writer: Writer
    values: dict[str, int]
    truth: Values  # None where a row was left empty
    classes: dict[str, list[int]]
    cells: Cells
    boxes: dict[str, Floats]
    clear: bool  # no box struck out, no row left empty

    @property
    def adds_up(self) -> bool:
        """Whether all its sums hold as written."""
        return holds(self.form, self.values)

    def right(self, decoded: Decoded) -> dict[str, bool]:
        """For each number (without the station's) whether it was read as written."""
        return {f.name: decoded.fields[f.name].value == self.truth[f.name] for f in self.form.votes}


def write_sheets(
    form: Form, writers: Sequence[Writer], n: int, wrong: float, rng: np.random.Generator
) -> Iterator[Sheet]:
    """Sheets of one form, the share `wrong` of them written so that a sum fails."""
    hand = default_hand(default_reader().sha256) if any(w.traits for w in writers) else None
    mine = [w for w in writers if w.aspect == shape_of(form)]
    for _ in range(n):
        writer = mine[int(rng.integers(len(mine)))]
        values = draw_values(rng, form)
        if rng.random() < wrong:
            values = slip(rng, form, values)
        truth, classes = spell_sheet(rng, form, values)
        cells = {f: [(c, int(rng.integers(len(writer.cells[c])))) for c in row] for f, row in classes.items()}
        boxes = writer.weighed(cells, hand)
        clear = None not in truth.values() and not any(CROSSED in row for row in classes.values())
        yield Sheet(form, writer, values, truth, classes, cells, boxes, clear)


BROKEN = {"inconsistent", "may-not-add-up", "sum-fails", "blank-sum"}
"""Reasons that tell a person that a sheet does not add up, or may not."""
CONFIRM = (0.99, 0.999)
"""Probabilities of a number at which its confirmation by the machine is counted (`tabulate.tally`)."""


@dataclass(frozen=True)
class Scored:
    """One decoded sheet against what was written."""

    form: str
    look: str
    adds_up: bool  # as written
    clear: bool  # no box struck out, no row left empty
    right: bool
    probability: float  # of all being right, as the model has it: uncalibrated
    unclear: float  # `ocr.decode.unsure`
    least: float  # probability of the least sure number
    hard: bool  # something other than a low probability sends it to a person
    inconsistent: float
    broken: bool  # reported as not adding up, by the sums of the numbers as read or as improbable
    confirmed: tuple[tuple[int, int, bool, bool], ...]  # for each of CONFIRM: see `_confirmed`


def score_sheet(sheet: Sheet, settings: Settings) -> Scored:
    """Decode a sheet and compare; the calibration is left out, so that it can be fitted."""
    form = sheet.form
    d = decode(form, sheet.boxes, replace(settings, calibration=(1.0, 0.0, 0.0)))
    right = sheet.right(d)
    reasons = {r.split(":")[0] for r in d.reasons}
    return Scored(
        form=form.id,
        look=sheet.writer.look,
        adds_up=sheet.adds_up,
        clear=sheet.clear,
        right=all(right.values()),
        probability=d.probability,
        unclear=unsure(sheet.boxes),
        least=min(d.fields[f.name].probability for f in form.votes),
        hard=bool(reasons - {"unsure"}),
        inconsistent=d.inconsistent,
        broken=bool(reasons & BROKEN),
        confirmed=tuple(_confirmed(sheet, d, c) for c in CONFIRM),
    )


def _confirmed(sheet: Sheet, d: Decoded, least: float) -> tuple[int, int, bool, bool]:
    """Numbers confirmed as `tabulate.tally` does it: how many, wrong ones, a failing sum claimed, rightly."""
    form, truth = sheet.form, sheet.truth
    sure = {
        f.name
        for f in form.votes
        if (r := d.fields[f.name]).state is State.NUMBER
        and r.probability >= least
        and r.alone_value == r.value
        and not r.flags
    }
    wrong = sum(d.fields[n].value != truth[n] for n in sure)
    claimed, rightly = False, True
    for s, r in zip(form.sums, d.sums, strict=True):
        if s.evidence and r.holds is False and sure.issuperset(s.left + s.right):
            claimed = True
            a, b = ([truth[n] for n in side] for side in (s.left, s.right))
            rightly &= None not in a + b and sum(v or 0 for v in a) != sum(v or 0 for v in b)
    return len(sure), wrong, claimed, rightly


def _score_some(job: tuple[str, list[Writer], int, float, int, Settings]) -> list[Scored]:
    name, writers, n, wrong, seed, settings = job
    form = load_forms()[name]
    return [
        score_sheet(s, settings) for s in write_sheets(form, writers, n, wrong, np.random.default_rng(seed))
    ]


def score_sheets(
    forms: Sequence[str],
    writers: Sequence[Writer],
    n: int,
    wrong: float,
    seed: int,
    settings: Settings,
    jobs: int = 1,
) -> list[Scored]:
    """About `n` sheets for each look of the writers, the same number of each form.

    Parameters
    ----------
    wrong : float
        Share of the sheets written so that a sum fails.
    jobs : int
        Processes.
    """
    looks = list(dict.fromkeys(w.look for w in writers))
    known = load_forms()
    work = []
    for i, name in enumerate(sorted(forms)):
        each = -(-n // len(forms))
        for look in looks:
            mine = [w for w in writers if w.look == look and w.aspect == shape_of(known[name])]
            work.append((name, mine, each, wrong, 100_000 * seed + 100 * i + LOOKS.index(look), settings))
    if jobs == 1:
        return [s for job in work for s in _score_some(job)]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(jobs) as pool:
        return [s for part in pool.map(_score_some, work) for s in part]
