"""Fit the model of hands (`ocr.hand`) on synthetic writers: how boxes of one hand and class differ, and how hands do.

    python -m ocr.train.hand --digits DIR --cache DIR

The writers have the digits that the network's temperature is fitted on: it was not trained on them, and neither the thresholds nor
their scores see them. Axes and spreads come from one half of the writers, the weight from the other half: the smallest whose log loss is
within 1 % of the least, when each box is read with the others of a part of its writer's cells, as many as a sheet has.
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
"""Written boxes of a sheet, from and to."""


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


def sheets(
    writers: Sequence[Writer], rng: np.random.Generator
) -> list[tuple[Floats, npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """For each writer the probabilities, traits and classes of some of its cells."""
    out = []
    for w in writers:
        labels = np.concatenate([np.full(len(w.cells[c]), c) for c in range(CROSSED)])
        p, traits = (np.concatenate([part[c] for c in range(CROSSED)]) for part in (w.cells, w.traits))
        some = rng.choice(len(labels), size=int(rng.integers(*BOXES)), replace=False)
        out.append((p[some], traits[some], labels[some]))
    return out


def loss(
    hand: Hand, made: Sequence[tuple[Floats, npt.NDArray[np.float32], npt.NDArray[np.int64]]]
) -> tuple[float, float, float]:
    """Mean negative log likelihood, share right, and share at 0.999 or more."""
    p = np.concatenate([hand.reread(p, t) for p, t, _ in made])
    labels = np.concatenate([y for _, _, y in made])
    of = p[np.arange(len(p)), labels]
    return (
        float(-np.log(np.maximum(of, 1e-12)).mean()),
        float((p.argmax(1) == labels).mean()),
        float((p.max(1) >= 0.999).mean()),
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
    made = sheets(writers[1::2], rng)
    print("| weight | log loss | right | p ≥ 0.999 |\n|---|---|---|---|")
    losses = []
    for weight in WEIGHTS:
        said, right, sure = loss(replace(hand, weight=weight), made)
        print(f"| {weight} | {said:.4f} | {right:.2%} | {sure:.1%} |")
        losses.append(said)
    enough = next(w for w, said in zip(WEIGHTS, losses, strict=True) if said <= (1 + SPARE) * min(losses))
    chosen = replace(hand, weight=enough)
    np.savez(
        args.out,
        axes=chosen.axes.astype(np.float32),
        means=chosen.means,
        spread=chosen.spread,
        weight=chosen.weight,
        network=chosen.network,
    )
    print(f"\n{len(writers)} writers, weight {chosen.weight}, {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
