"""Fit the model of hands (`ocr.hand`) on synthetic writers: how boxes of one hand and class differ, and how hands do.

    python -m ocr.train.hand --digits DIR --cache DIR

The writers have the digits that the network's temperature is fitted on: it was not trained on them, and neither the thresholds nor
their scores see them. Axes and spreads come from one half of the writers, the weight from the other half: the smallest whose log loss is
within 1 % of the least, when each box is read with the others of a part of its writer's cells, as many as a sheet has; on some sheets a second
person has written, too, and some boxes are struck out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from ocr.digits import CROSSED, default_reader
from ocr.hand import FILE, Floats, Hand
from ocr.train.simulate import Data, Writer, load_writers

AXES = 48
RIDGE = 1e-3  # of the mean variance, added to that within a hand
WEIGHTS = (0.0, 0.03, 0.05, 0.07, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3)
SPARE = 0.01  # the least weight whose loss is so near to the least: people are less even than these writers
BOXES = (30, 70)
"""Written boxes of a sheet, from and below."""
TWO_HANDS = 0.1
"""Share of sheets on which a second person has written (reasoned: somebody corrects, or takes over)."""
OTHERS = (0.1, 0.5)
"""Share of the boxes of such a sheet that are the second person's."""
STRUCK = 0.01
"""Share of boxes that are struck out."""
EACH = 3
"""Sheets of each writer."""


def fit(writers: Sequence[Writer], network: str) -> Hand:
    """Means, axes and spreads of the digits, blank and mark; the weight is still 1.

    Within and between hands as in a one-way analysis of variance; the axes are those along which hands differ most against what differs
    within one (generalised eigenvectors).
    """
    width = next(iter(writers[0].traits.values())).shape[1]
    within, between = np.zeros((width, width)), np.zeros((width, width))
    inside, means = 0, []
    for c in range(CROSSED):
        x = np.array([w.traits[c] for w in writers], np.float64)
        means.append(x.mean(axis=(0, 1)))
        own = x.mean(axis=1)
        rest = (x - own[:, None]).reshape(-1, width)
        scatter, free = rest.T @ rest, len(x) * (x.shape[1] - 1)
        within += scatter
        inside += free
        between += np.cov(own.T) - scatter / free / x.shape[1]
    within, between = within / inside, between / CROSSED
    within += RIDGE * np.trace(within) / width * np.eye(width)
    spread, axes = eigh(between, within, subset_by_index=(width - AXES, width - 1))
    return Hand(axes, np.array(means) @ axes, np.maximum(spread, 0.0), 1.0, network)


Sheet = tuple[Floats, npt.NDArray[np.float32], npt.NDArray[np.int64]]
"""Probabilities, traits and classes of the boxes of one sheet."""


def sheets(writers: Sequence[Writer], rng: np.random.Generator, two_hands: float = TWO_HANDS) -> list[Sheet]:
    """For each writer some of its cells; on the share `two_hands` of the sheets some are another writer's in the same photo."""
    out = []
    for w in writers:
        boxes = int(rng.integers(*BOXES))
        peers = [x for x in writers if (x.look, x.aspect) == (w.look, w.aspect) and x is not w]
        other = int(rng.binomial(boxes, rng.uniform(*OTHERS))) if peers and rng.random() < two_hands else 0
        parts = [_cells(w, boxes - other, rng)]
        if other:
            parts.append(_cells(peers[int(rng.integers(len(peers)))], other, rng))
        p, traits, labels = zip(*parts, strict=True)
        out.append((np.concatenate(p), np.concatenate(traits), np.concatenate(labels)))
    return out


def _cells(w: Writer, n: int, rng: np.random.Generator) -> Sheet:
    """Some of a writer's cells, by chance, few of them struck out."""
    kinds = range(CROSSED + 1)
    labels = np.concatenate([np.full(len(w.cells[c]), c) for c in kinds])
    p, traits = (np.concatenate([part[c] for c in kinds]) for part in (w.cells, w.traits))
    struck = labels == CROSSED
    often = np.where(struck, STRUCK / max(1, struck.sum()), (1 - STRUCK) / (~struck).sum())
    some = rng.choice(len(labels), size=n, replace=False, p=often / often.sum())
    return p[some], traits[some], labels[some]


def loss(hand: Hand, made: Sequence[Sheet]) -> tuple[float, float, float, int]:
    """Mean negative log likelihood, share right, share at 0.999 or more, and how many of these are wrong."""
    p = np.concatenate([hand.reread(p, t) for p, t, _ in made])
    labels = np.concatenate([y for _, _, y in made])
    of, right, sure = p[np.arange(len(p)), labels], p.argmax(1) == labels, p.max(1) >= 0.999
    return (
        float(-np.log(np.maximum(of, 1e-12)).mean()),
        float(right.mean()),
        float(sure.mean()),
        int((sure & ~right).sum()),
    )


def main() -> None:
    """Read the command line, fit, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--digits", type=Path, required=True, help="folder with MNIST, USPS and handwriting fonts below it"
    )
    parser.add_argument("--cache", type=Path, default=Path("build/cells"), help="folder for the cells made")
    parser.add_argument("--writers", type=int, default=60, help="writers for each look and shape of box")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    reader = default_reader()
    writers = load_writers(Data.below(args.digits), "hand", args.writers, args.seed, args.cache)
    hand, rng = fit(writers[::2], reader.sha256), np.random.default_rng(args.seed)
    held = [w for _ in range(EACH) for w in writers[1::2]]
    tables = []
    for words, two in (("as they are drawn", TWO_HANDS), ("by two hands, all of them", 1.0)):
        made = sheets(held, rng, two)
        print(f"Sheets {words}: {sum(len(y) for _, _, y in made)} boxes\n")
        print("| weight | log loss | right | p ≥ 0.999 | wrong of these |\n|---|---|---|---|---|")
        table = [(weight, *loss(replace(hand, weight=weight), made)) for weight in WEIGHTS]
        for weight, said, right, sure, wrong in table:
            print(f"| {weight} | {said:.4f} | {right:.2%} | {sure:.1%} | {wrong} |")
        print()
        tables.append(table)
    least = min(said for _, said, *_ in tables[0])
    enough = next(weight for weight, said, *_ in tables[0] if said <= (1 + SPARE) * least)
    chosen = replace(hand, weight=enough)
    np.savez(
        args.out,
        axes=chosen.axes.astype(np.float32),
        means=chosen.means,
        spread=chosen.spread,
        weight=chosen.weight,
        network=chosen.network,
    )
    print(f"{len(writers)} writers, weight {chosen.weight}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
