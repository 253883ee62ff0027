"""Fit what the decoder believes of the network, and when the reader goes without a person, on synthetic sheets.

    python -m ocr.train.thresholds --digits DIR --cache DIR      prints ocr/models/THRESHOLDS.md

Two halves of writers: digits, pens and photos of one half never occur in the other, and the network was trained on neither.
Everything is fitted on the first half, frozen, and scored on the second. The fitted values stand in
`ocr.decode.Settings`; whether to take new ones over is a decision of people. No real sheet is used.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.stats import beta

from ocr.evidence import UNSURE, Settings, calibrated, least_accepted, unsure
from ocr.form import load_forms
from ocr.lattice import Floats, soften
from ocr.reliability import calibration_error
from ocr.train.sheets import HALVES, LOOKS
from ocr.train.simulate import (
    CONFIRM,
    PRINT,
    Data,
    Scored,
    Writer,
    handwritten,
    load_writers,
    score_sheets,
    write_sheets,
)

WRONG = 0.05  # share of sheets written inconsistent
AIM = 0.001  # wrong sheets among those accepted, at most
SURE = 0.9999  # boxes from this probability on tell how low the floor may be
FLOORS = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
ACCEPT = (0.9, 0.95, 0.97, 0.98, 0.985, 0.99, 0.9925, 0.994, 0.995, 0.996, 0.997, 0.998, 0.999)


def upper(wrong: int, n: int) -> float:
    """Upper end of the exact 95 % interval (one-sided; Clopper & Pearson 1934, Biometrika 26:404-413)."""
    return 1.0 if wrong >= n else float(beta.ppf(0.95, wrong + 1, n - wrong))


# --- what the network's probabilities are worth ---------------------------------------------------------------------------


class Boxes(NamedTuple):
    """The boxes of one sheet: its look, the network's posteriors, true classes, unclearness, and which cell each is."""

    look: str
    p: Floats
    labels: npt.NDArray[np.int64]
    unclear: float
    cells: Sequence[Hashable]


def boxes_of(forms: Sequence[str], writers: Sequence[Writer], n: int, seed: int) -> list[Boxes]:
    """The boxes of `n` sheets of each form and look."""
    known, out = load_forms(), []
    for look in dict.fromkeys(w.look for w in writers):
        mine = [w for w in writers if w.look == look]
        for i, name in enumerate(sorted(forms)):
            rng = np.random.default_rng([seed, i])
            for sheet in write_sheets(known[name], mine, n, WRONG, rng):
                labels = np.array([c % PRINT for row in sheet.classes.values() for c in row], np.int64)
                p = np.concatenate(list(sheet.boxes.values()))
                cells = [(id(sheet.writer), *at) for row in sheet.cells.values() for at in row]
                out.append(Boxes(look, p, labels, unsure(sheet.boxes), cells))
    return out


def box_loss(sheets: Sequence[Boxes], s: Settings) -> float:
    """Mean negative log likelihood of the boxes, with the classes as frequent as on these sheets."""
    p = np.concatenate([x.p for x in sheets])
    labels = np.concatenate([x.labels for x in sheets])
    unclear = np.concatenate([np.full(len(x.labels), x.unclear) for x in sheets])
    often = np.bincount(labels, minlength=13) / len(labels)
    t = np.maximum(1.0, s.temperature * np.exp(s.temperature_slope * (unclear - UNSURE)))
    q = p ** (1 / t[:, None]) / np.array(s.class_prior or (1.0,) * 13)
    q = soften(q * often, s.noise)
    return float(-np.log(q[np.arange(len(labels)), labels]).mean())


def fit_temperature(sheets: Sequence[Boxes], s: Settings) -> Settings:
    """Temperature and its slope of least loss."""

    def loss(x: Floats) -> float:
        return box_loss(sheets, replace(s, temperature=float(np.exp(x[0])), temperature_slope=float(x[1])))

    start = np.array([[0.0, 0.0], [0.2, 0.0], [0.0, 1.0]])
    options = {"maxfev": 60, "xatol": 0.01, "initial_simplex": start}
    found = minimize(loss, start[0], method="Nelder-Mead", options=options).x
    return replace(
        s, temperature=round(float(np.exp(found[0])), 2), temperature_slope=round(float(found[1]), 2)
    )


def fit_noise(sheets: Sequence[Boxes], s: Settings) -> Settings:
    """The floor as low as these boxes can prove: what may be wrong, at most, of those that are as good as certain.

    The upper end of the interval and not the share itself: that few were wrong among those drawn does not say that none would be.
    A cell that stands on several sheets counts once, as wrong if it was on one of them.
    """
    seen: dict[Hashable, bool] = {}
    for x in sheets:
        t = max(1.0, s.temperature * float(np.exp(s.temperature_slope * (x.unclear - UNSURE))))
        q = soften(x.p, 0.0, s.class_prior, t)
        bad = q.argmax(axis=1) != x.labels
        for k in np.flatnonzero(q.max(axis=1) >= SURE).tolist():
            seen[x.cells[k]] = seen.get(x.cells[k], False) or bool(bad[k])
    wrong = sum(seen.values())
    return replace(s, noise=min(5e-4, max(1e-5, float(f"{upper(wrong, len(seen)) * 13 / 12:.1e}"))))


# --- the acta's probability ---------------------------------------------------------------------------------------------


def fit_calibration(sheets: Sequence[Scored], s: Settings) -> Settings:
    """The straight line of log odds of greatest likelihood; each look weighs the same."""
    p = np.clip([x.probability for x in sheets], 1e-9, 1 - 1e-9)
    odds, unclear = np.log(p / (1 - p)), np.array([x.unclear for x in sheets]) - UNSURE
    right = np.array([x.right for x in sheets])

    def loss(x: Floats) -> float:
        z = x[0] * odds + x[1] + x[2] * unclear
        return float(np.logaddexp(0, np.where(right, -z, z)).mean())

    a, b, c = (round(float(v), 3) for v in minimize(loss, np.array([1.0, 0.0, 0.0])).x)
    return replace(s, calibration=(a, b, c))


def said(x: Scored, s: Settings) -> float:
    """The probability that the reader states."""
    return calibrated(x.probability, x.unclear, s)


def accepted(x: Scored, s: Settings) -> bool:
    """Whether the reader would go without a person."""
    enough = said(x, s) >= least_accepted(x.unclear, s)
    return not x.hard and enough and x.least >= s.field_minimum


def fit_accept(sheets: Sequence[Scored], s: Settings) -> Settings:
    """The lowest thresholds above which no more than `AIM` are wrong, both as stated and as counted.

    First for the clear sheets together, then for the others, so that it holds for them together, and for all sheets of every look.
    """

    def good(part: Sequence[Scored], tried: Settings) -> bool:
        taken = [x for x in part if accepted(x, tried)]
        stated = float(np.mean([1 - said(x, tried) for x in taken])) if taken else 0.0
        return max(stated, sum(not x.right for x in taken) / max(1, len(taken))) <= AIM

    clear, others = ([x for x in sheets if (x.unclear < s.clear) is k] for k in (True, False))
    looks = [[x for x in sheets if x.look == look] for look in LOOKS]
    s = replace(s, accept_clear=ACCEPT[-1], accept=ACCEPT[-1])
    s = next((t for a in ACCEPT if good(clear, t := replace(s, accept_clear=a))), s)
    fits = (t for a in ACCEPT if all(good(part, t := replace(s, accept=a)) for part in (others, *looks)))
    return next(fits, s)


# --- tables -----------------------------------------------------------------------------------------------------------

HEAD = (
    "| sheets | n | all right | stated | ECE | add up: accepted | wrong among accepted | stated | 95 % upper bound "
    "| written inconsistent | recognised | accepted | adding up, called inconsistent "
    "| failing sum confirmed ≥ 0.99, true | false | ≥ 0.999, true | false |\n" + "|---" * 17 + "|"
)


def row(name: str, sheets: Iterable[Scored], s: Settings) -> str:
    """One line of a table."""
    part = list(sheets)
    p = np.array([said(x, s) for x in part])
    taken = [x for x in part if accepted(x, s)]
    wrong = sum(not x.right for x in taken)
    odd, even = ([x for x in part if x.adds_up is k] for k in (False, True))
    claims = [
        f"{sum(x.confirmed[k][2] and x.confirmed[k][3] for x in odd)} | {sum(x.confirmed[k][2] and not x.confirmed[k][3] for x in part)}"
        for k in range(len(CONFIRM))
    ]
    stated = float(np.mean([1 - said(x, s) for x in taken])) if taken else 0.0
    return (
        f"| {name} | {len(part)} | {np.mean([x.right for x in part]):.1%} | {p.mean():.1%} "
        f"| {calibration_error(p, [x.right for x in part]):.4f} | {np.mean([accepted(x, s) for x in even] or [False]):.1%} "
        f"| {wrong} of {len(taken)} | {stated:.3%} | {upper(wrong, len(taken)):.2%} | {len(odd)} "
        f"| {np.mean([x.broken for x in odd]) if odd else 0:.1%} | {sum(accepted(x, s) for x in odd)} "
        f"| {np.mean([x.broken for x in even] or [False]):.1%} | {' | '.join(claims)} |"
    )


def table(sheets: list[Scored], s: Settings) -> None:
    """By look, by form, in all."""
    print(HEAD)
    for look in dict.fromkeys(x.look for x in sheets):
        print(row(look, [x for x in sheets if x.look == look], s))
    for form in dict.fromkeys(x.form for x in sheets):
        print(row(f"`{form}`", [x for x in sheets if x.form == form], s))
    print(row("all", sheets, s))
    print("\n| confirmed numbers | n | wrong | share |\n|---|---|---|---|")
    for k, least in enumerate(CONFIRM):
        n, wrong = (sum(x.confirmed[k][i] for x in sheets) for i in (0, 1))
        print(f"| ≥ {least} | {n} | {wrong} | {wrong / max(1, n):.3%} |")


def reliability(sheets: list[Scored], s: Settings) -> None:
    """Stated against observed: that all is right, and that a sheet was written inconsistent."""
    print("| P(all right) | n | said | was | P(written inconsistent) | n | said | was |\n|" + "---|" * 8)
    edges = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.01)
    for low, high in pairwise(edges):
        cells = [f"{low} … {min(high, 1.0)}"]
        pairs = (
            [(said(x, s), x.right) for x in sheets],
            [(x.inconsistent, not x.adds_up) for x in sheets if x.right],
        )
        for k, part in enumerate(pairs):
            inside = np.array([x for x in part if low <= x[0] < high], float)
            mean, was = inside.mean(0) if len(inside) else (np.nan, np.nan)
            cells += ([cells[0]] if k else []) + [str(len(inside)), f"{mean:.4f}", f"{was:.4f}"]
        print("| " + " | ".join(cells) + " |")


def box_table(boxes: Sequence[Boxes], s: Settings) -> None:
    """Accuracy of the network on these boxes, and the floor of least loss, by look."""
    print(
        "| boxes | n | right | p ≥ 0.999 | wrong | floor of least loss | loss | loss with the floor in force |\n"
        + "|---" * 8
        + "|"
    )
    for look in (*dict.fromkeys(b.look for b in boxes), "all"):
        part = [b for b in boxes if look in (b.look, "all")]
        p, labels = np.concatenate([b.p for b in part]), np.concatenate([b.labels for b in part])
        top, wrong = p.max(1), p.argmax(1) != labels
        loss, floor = min((box_loss(part, replace(s, noise=f)), f) for f in FLOORS)
        sure = top >= 0.999
        print(
            f"| {look} | {len(p)} | {1 - wrong.mean():.2%} | {sure.mean():.1%} | {int(wrong[sure].sum())} "
            f"({wrong[sure].mean():.4%}) | {floor:g} | {loss:.5f} | {box_loss(part, s):.5f} |"
        )


def main() -> None:
    """Read the command line, fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--digits", type=Path, required=True, help="folder with MNIST, USPS and handwriting fonts below it"
    )
    parser.add_argument("--cache", type=Path, default=Path("build/cells"), help="folder for the cells made")
    parser.add_argument("--writers", type=int, default=60, help="writers per half, look and shape of box")
    parser.add_argument("--sheets", type=int, default=1000, help="sheets per half and look")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    data, forms = Data.below(args.digits), sorted(handwritten(load_forms()))
    started = time.monotonic()
    force = Settings()
    boxes, sheets = {}, {}
    found = force
    for k, half in enumerate(HALVES):
        writers = load_writers(data, half, args.writers, args.seed, args.cache)
        boxes[half] = boxes_of(forms, writers, 40, k)
        if half == "fit":
            found = fit_noise(boxes[half], fit_temperature(boxes[half], force))
        sheets[half] = score_sheets(forms, writers, args.sheets, WRONG, 1 + k, found, args.jobs)
        if half == "fit":
            found = fit_accept(sheets[half], fit_calibration(sheets[half], found))
            print(f"fitted: {found}", file=sys.stderr, flush=True)
    fit, score = (sheets[half] for half in HALVES)
    print("# Thresholds of the reader: what they were fitted on (synthetic)\n")
    print(
        f"Printed by `python -m ocr.train.thresholds --writers {args.writers} --sheets {args.sheets}`, without the last part. Synthetic\n"
        f"boxes and sheets of {len(forms)} forms; digits, pens and photos of the scored half occur nowhere in the fitted half, and none\n"
        f"of either was trained on. `ocr/train/levels.py` says what the looks are. {WRONG:.0%} of the sheets are written so that a sum fails.\n"
    )
    print(
        f"Fitted now: `{found}`\n\nIn force: {'the same' if found == force else f'`{force}`'}\n\n## Boxes\n"
    )
    for half in HALVES:
        print(f"Half `{half}`:\n")
        box_table(boxes[half], found)
        print()
    for name, part in (("fitted on", fit), ("scored on", score)):
        print(f"\n## Fitted settings, half they are {name}\n")
        table(part, found)
        print()
        reliability(part, found)
    print("\n## Thresholds on the half they are scored on (not for choosing)\n")
    print("| P(all) ≥ | add up: accepted | wrong | worst look |\n|---|---|---|---|")
    for t in ACCEPT:
        tried = replace(found, accept=t, accept_clear=t)
        taken = [x for x in score if accepted(x, tried)]
        bad = [x for x in taken if not x.right]
        worst = max(
            (sum(x.look == k for x in bad) / max(1, sum(x.look == k for x in taken)), k) for k in LOOKS
        )
        share = np.mean([accepted(x, tried) for x in score if x.adds_up])
        print(
            f"| {t} | {share:.1%} | {len(bad)} of {len(taken)} | {f'{worst[1]} {worst[0]:.2%}' if bad else '–'} |"
        )
    print(f"\n{time.monotonic() - started:.0f} s with {args.jobs} processes", flush=True)


if __name__ == "__main__":
    main()
