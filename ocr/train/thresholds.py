"""Fit the decoder's noise and the reader's thresholds on synthetic sheets, and print how well they do on others.

    python -m ocr.train.thresholds --mnist DIR --usps DIR --fonts DIR --cache DIR      prints the tables of THRESHOLDS.md

Two halves of writers: digits, pens and photos of one half never occur in the other. Everything is fitted on the first
and scored on the second. Which values are then taken over into `ocr.decode.Settings` is a decision of people; the printed
tables are its reason. No real sheet is used.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from ocr.decode import Decoded, Settings, _reasons, decode
from ocr.digits import DigitReader
from ocr.form import Form, Writing, load_forms
from ocr.lattice import Floats, soften
from ocr.reading import State
from ocr.sums import Network
from ocr.train.sheets import (
    HALVES,
    LOOKS,
    draw_values,
    holds,
    load_sources,
    make_writer,
    slip,
    spell_sheet,
)

FORMS = ("bo-oep-2025", "id-kpu-c1-2014", "ge-cec-protocol-2012", "sample-landscape", "sample-words")
MANY = {"id-kpu-c1-2014": 6.0, "ge-cec-protocol-2012": 0.2}  # small sheets decode fast, long ones slowly
ASPECTS = (1.45, 0.5, 0.9)  # width over height of the boxes of those forms
WRONG = 0.08  # share of sheets written inconsistent
BEFORE = Settings(
    noise=1e-3, noise_slope=0.0, class_prior=None, accept=0.995, field_minimum=0.99, free_minimum=0.996
)
"""The guesses that were in force before anything was measured."""
CONFIRM = (0.99, 0.999)


@dataclass(frozen=True)
class Writer:
    """One writer of the simulation: what the network said of each cell, by class."""

    look: str
    aspect: float
    cells: dict[int, Floats]


@dataclass(frozen=True)
class Scored:
    """One decoded sheet against what was written."""

    form: str
    look: str
    consistent: bool  # as written
    clear: bool  # no box struck out, no row left empty
    right: bool
    value_right: tuple[bool, ...]
    hard: bool  # something other than a low probability sends it to a person
    probability: float
    linked: float  # least probability of a number in some sum
    free: float  # and in none
    lead: float
    inconsistent: float
    confirmed: tuple[tuple[int, int, bool, bool, bool], ...]  # for each of CONFIRM: see `_confirmed`


def make_pools(args: argparse.Namespace, half: str) -> list[tuple[str, float, npt.NDArray[np.int64], Floats]]:
    """Cells of all writers of one half (kept in the cache folder) through the network."""
    path = args.cache / f"writers-{half}-{args.writers}-{args.seed}.npz"
    if not path.exists():
        args.cache.mkdir(parents=True, exist_ok=True)
        sources = load_sources(args.mnist, args.usps, args.fonts, half)
        rng = np.random.default_rng(args.seed + HALVES.index(half))
        made = [
            make_writer(rng, sources, look, aspect)
            for look in LOOKS
            for aspect in ASPECTS
            for _ in range(args.writers)
        ]
        np.savez(path, cells=np.array([c for c, _ in made]), classes=made[0][1])
    kept = np.load(path)
    cells, classes = kept["cells"], kept["classes"]
    p = DigitReader().probabilities(cells.reshape(-1, 32, 32)).reshape(*cells.shape[:2], -1)
    who = [(look, aspect) for look in LOOKS for aspect in ASPECTS for _ in range(args.writers)]
    return [(look, aspect, classes, p[i]) for i, (look, aspect) in enumerate(who)]


def upper(wrong: int, n: int) -> float:
    """Upper end of the exact 95 % interval (one-sided; Clopper & Pearson 1934, Biometrika 26:404-413)."""
    return 1.0 if wrong >= n else float(beta.ppf(0.95, wrong + 1, n - wrong))


def box_loss(p: Floats, labels: npt.NDArray[np.int64], s: Settings) -> Floats:
    """Negative log likelihood of each box as the decoder sees it."""
    out: Floats = -np.log(soften(p, s.noise, None, s.noise_slope)[np.arange(len(p)), labels])
    return out


def _confirmed(
    form: Form, d: Decoded, truth: dict[str, int | None], least: float
) -> tuple[int, int, bool, bool, bool]:
    """Numbers confirmed as `tabulate.tally` does it: (how many, wrong ones, all of the sheet, a failing sum claimed, rightly)."""
    sure = {
        n
        for n, f in d.fields.items()
        if f.state is State.NUMBER and f.probability >= least and f.alone_value == f.value and not f.flags
    } & {f.name for f in form.votes}
    wrong = sum(d.fields[n].value != truth[n] for n in sure)
    claimed, rightly = False, True
    for s, r in zip(form.sums, d.sums, strict=True):
        if s.evidence and r.holds is False and sure.issuperset(s.left + s.right):
            claimed = True
            a, b = ([truth[n] for n in side] for side in (s.left, s.right))
            rightly &= None not in a + b and sum(v or 0 for v in a) != sum(v or 0 for v in b)
    return len(sure), wrong, len(sure) == len(form.votes), claimed, rightly


def simulate(job: tuple[str, str, Sequence[Writer], int, int, Settings]) -> list[Scored]:
    """Write, photograph and decode `n` sheets of one form in one kind of photo."""
    name, look, writers, n, seed, settings = job
    form = load_forms()[name]
    rng = np.random.default_rng(seed)
    linked = set(Network(form, 0.9, 0.8).fields)
    votes = [f.name for f in form.votes]
    out = []
    for _ in range(n):
        writer = writers[int(rng.integers(len(writers)))]
        values = draw_values(rng, form)
        if rng.random() < WRONG:
            values = slip(rng, form, values)
        truth, classes = spell_sheet(rng, form, values)
        boxes = {
            f: np.array([writer.cells[c][int(rng.integers(len(writer.cells[c])))] for c in row])
            for f, row in classes.items()
        }
        d = decode(form, boxes, settings)
        right = tuple(d.fields[f].value == truth[f] for f in votes)
        lead = min(d.fields[f].probability / max(d.fields[f].runner_up_probability, 1e-12) for f in votes)
        soft = replace(settings, accept=0.0, field_minimum=0.0, free_minimum=0.0, lead=0.0)
        out.append(
            Scored(
                form=name,
                look=look,
                consistent=holds(form, values),
                clear=None not in truth.values() and not any(12 in row for row in classes.values()),
                right=all(right),
                value_right=right,
                hard=bool(_reasons(form, d, linked, soft)),
                probability=d.probability,
                linked=min((d.fields[f].probability for f in votes if f in linked), default=1.0),
                free=min((d.fields[f].probability for f in votes if f not in linked), default=1.0),
                lead=lead,
                inconsistent=d.inconsistent,
                confirmed=tuple(_confirmed(form, d, truth, c) for c in CONFIRM),
            )
        )
    return out


def run(
    args: argparse.Namespace,
    pools: list[tuple[str, float, npt.NDArray[np.int64], Floats]],
    seed: int,
    settings: Settings,
) -> list[Scored]:
    """Simulate all forms in all kinds of photos, with the writers of one half."""
    forms = load_forms()
    jobs = []
    for i, name in enumerate(FORMS):
        sides = [f.boxes[0] for f in forms[name].votes if f.writing is Writing.HAND]
        shape = float(np.median([w / h for _, _, w, h in sides]))
        aspect = min(ASPECTS, key=lambda a: abs(np.log(a / shape)))
        for j, look in enumerate(LOOKS):
            writers = [
                Writer(look, a, {int(c): p[classes == c] for c in set(classes.tolist())})
                for where, a, classes, p in pools
                if where == look and a == aspect
            ]
            n = round(args.sheets * MANY.get(name, 1.0))
            jobs.append((name, look, writers, n, seed + 100 * i + j, settings))
    with ProcessPoolExecutor(args.workers) as pool:
        return [s for part in pool.map(simulate, jobs) for s in part]


def accepted(s: Scored, settings: Settings) -> bool:
    """Whether the reader would go without a person."""
    return (
        not s.hard
        and s.probability >= settings.accept
        and s.linked >= settings.field_minimum
        and s.free >= settings.free_minimum
        and s.lead >= settings.lead
    )


# --- tables -----------------------------------------------------------------------------------------------------------


def row(name: str, sheets: Iterable[Scored], settings: Settings) -> str:
    """Accepted, wrong among them, inconsistent ones, claims; one line of a table."""
    part = list(sheets)
    taken = [s for s in part if accepted(s, settings)]
    wrong = sum(not s.right for s in taken)
    odd = [s for s in part if not s.consistent]
    clear = [s for s in odd if s.clear]
    even = [s for s in part if s.consistent]
    claims = [
        f"{sum(s.confirmed[k][3] and s.confirmed[k][4] for s in clear)} | {sum(s.confirmed[k][3] and not s.confirmed[k][4] for s in part)}"
        for k in range(len(CONFIRM))
    ]
    expected = float(np.mean([1 - s.probability for s in taken])) if taken else 0.0
    return (
        f"| {name} | {len(part)} | {np.mean([s.right for s in part]):.1%} | {len(taken) / len(part):.1%} "
        f"| {wrong} | {expected:.3%} | {upper(wrong, len(taken)):.2%} | {len(odd)} "
        f"| {np.mean([s.inconsistent >= settings.inconsistent for s in odd]) if odd else 0:.1%} "
        f"| {sum(accepted(s, settings) for s in odd)} "
        f"| {np.mean([s.inconsistent >= settings.inconsistent for s in even]):.1%} | {' | '.join(claims)} |"
    )


HEAD = (
    "| sheets | n | all right | accepted | wrong among them | expected (1 − P) | 95 % upper bound | written inconsistent | recognised "
    "| accepted of these | consistent ones called inconsistent | failing sum confirmed ≥ 0.99, true | false "
    "| ≥ 0.999, true | false |\n|" + "---|" * 15
)


def table(sheets: list[Scored], settings: Settings) -> None:
    """By kind of photo, by form, in all."""
    print(HEAD)
    for look in LOOKS:
        print(row(look, [s for s in sheets if s.look == look], settings))
    for form in FORMS:
        print(row(f"`{form}`", [s for s in sheets if s.form == form], settings))
    print(row("all", sheets, settings))
    print("\n| confirmed numbers | n | wrong | share |\n|---|---|---|---|")
    for k, least in enumerate(CONFIRM):
        n, wrong = (sum(s.confirmed[k][i] for s in sheets) for i in (0, 1))
        print(f"| ≥ {least} | {n} | {wrong} | {wrong / max(1, n):.3%} |")


def reliability(sheets: list[Scored]) -> None:
    """Predicted against observed P(all right), and of a sheet to be written inconsistent."""
    print("| P(all right) | n | said | was | P(written inconsistent) | n | said | was |\n|" + "---|" * 8)
    edges = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.01)
    for low, high in pairwise(edges):
        cells = [f"{low} … {min(high, 1.0)}"]
        pairs = (
            [(s.probability, s.right) for s in sheets],
            [(s.inconsistent, not s.consistent) for s in sheets if s.right],
        )
        for k, part in enumerate(pairs):
            inside = np.array([x for x in part if low <= x[0] < high], float)
            said, was = inside.mean(0) if len(inside) else (np.nan, np.nan)
            cells += ([cells[0]] if k else []) + [str(len(inside)), f"{said:.4f}", f"{was:.4f}"]
        print("| " + " | ".join(cells) + " |")


def fit_noise(pools: list[tuple[str, float, npt.NDArray[np.int64], Floats]]) -> None:
    """Likelihood of boxes under floor and slope, per kind of photo."""
    floors, slopes = (1e-5, 3e-5, 1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3, 4e-3), (0.0, 0.02, 0.05, 0.1, 0.2)
    print(
        "| boxes | n | right | p ≥ 0.999 | wrong | p ≥ 0.9999 | wrong | floor of least loss | slope | loss | loss at 1e-3, 0 |"
    )
    print("|" + "---|" * 11)
    for look in (*LOOKS, "all"):
        part = [(classes, p) for where, _, classes, p in pools if look in (where, "all")]
        labels = np.concatenate([np.where(c >= 20, c - 20, c) for c, _ in part])
        p = np.concatenate([p for _, p in part])
        top, wrong = p.max(1), p.argmax(1) != labels
        found = min(
            (float(box_loss(p, labels, Settings(noise=a, noise_slope=b)).mean()), a, b)
            for a in floors
            for b in slopes
        )
        old = float(box_loss(p, labels, BEFORE).mean())
        sure = " | ".join(
            f"{(top >= t).mean():.1%} | {int(wrong[top >= t].sum())} ({wrong[top >= t].mean():.4%})"
            for t in (0.999, 0.9999)
        )
        print(
            f"| {look} | {len(p)} | {1 - wrong.mean():.2%} | {sure} | {found[1]:g} | {found[2]:g} | {found[0]:.5f} | {old:.5f} |"
        )


def sweep(sheets: list[Scored], settings: Settings) -> None:
    """Accepted share and wrong ones for each threshold on P(all right), for sheets with and without numbers in no sum."""
    lone = {f for f in FORMS if len(Network(load_forms()[f], 0.9, 0.8).fields) < len(load_forms()[f].votes)}
    print(
        "| P(all) ≥ | least number | all in sums: accepted | wrong | worst photo | with lone numbers: accepted | wrong | worst photo |"
    )
    print("|" + "---|" * 8)
    for t in (0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995):
        for least in (0.0, 0.98, 0.99):
            chosen = replace(settings, accept=t, field_minimum=least, free_minimum=least)
            cells = []
            for kind in (False, True):
                part = [s for s in sheets if (s.form in lone) == kind]
                taken = [s for s in part if accepted(s, chosen)]
                bad = [s for s in taken if not s.right]
                worst = max(
                    (sum(s.look == look for s in bad) / max(1, sum(s.look == look for s in taken)), look)
                    for look in LOOKS
                )
                cells += [f"{len(taken) / max(1, len(part)):.1%}", f"{len(bad)} ({len(bad) / max(1, len(taken)):.3%})",
                          f"{worst[1]} {worst[0]:.2%}" if bad else "–"]  # fmt: skip
            print(f"| {t} | {least} | {' | '.join(cells)} |")


def main() -> None:
    """Read the command line, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the MNIST IDX files")
    parser.add_argument("--usps", type=Path, required=True, help="folder with zip.test.gz")
    parser.add_argument("--fonts", type=Path, required=True, help="folder with handwriting fonts (.otf)")
    parser.add_argument("--cache", type=Path, default=Path("build/cells"), help="folder for the cells made")
    parser.add_argument(
        "--writers", type=int, default=20, help="writers per half, kind of photo and shape of box"
    )
    parser.add_argument("--sheets", type=int, default=100, help="sheets per half, form and kind of photo")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", choices=("cells", "noise", "all"), default="all")
    args = parser.parse_args()
    pools = {half: make_pools(args, half) for half in HALVES}
    if args.only == "cells":
        return
    print("# Thresholds of the reader: what they were fitted on (synthetic)\n")
    print(
        f"Printed by `python -m ocr.train.thresholds --writers {args.writers} --sheets {args.sheets}`. Synthetic boxes and sheets; "
    )
    print(
        "digits, pens and photos of the scored half occur nowhere in the fitted half. Handwritten digits of neither were trained on.\n"
    )
    print(f"In force: `{Settings()}`\n\n## Boxes (synthetic)\n")
    for half in HALVES:
        print(f"Half `{half}`:\n")
        fit_noise(pools[half])
        print()
    if args.only == "noise":
        return
    after = Settings()
    started = time.monotonic()
    fit, score = run(args, pools["fit"], 10_000, after), run(args, pools["score"], 20_000, after)
    print("## Thresholds on the half they are fitted on\n")
    sweep(fit, after)
    for name, sheets in (("fitted on", fit), ("scored on", score)):
        print(f"\n## Settings in force, half they are {name}\n")
        table(sheets, after)
        print()
        reliability(sheets)
    print("\n## Thresholds on the other half (not for choosing)\n")
    sweep(score, after)
    print("\n## Settings before, scored half\n")
    before = run(args, pools["score"], 20_000, BEFORE)
    table(before, BEFORE)
    print()
    reliability(before)
    print(f"\n{time.monotonic() - started:.0f} s with {args.workers} workers", flush=True)


if __name__ == "__main__":
    main()
