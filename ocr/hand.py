"""One sheet is mostly one hand: how its clear boxes are written says what its doubtful ones are.

The network reads each box by itself. A person who writes all sevens alike, and all ones, has shown both on the sheet, and a
doubtful stroke is like one of them. What the network saw of a box before its last layer (`Seen.traits`) is modelled as the mean
of its class, plus how this hand writes that class, plus what differs from box to box, all normally distributed: probabilistic
linear discriminant analysis (Ioffe 2006, ECCV, LNCS 3954:531-542; Prince & Elder 2007, ICCV). The other boxes of the sheet, each as far
as it is of a class, tell how the hand writes it; the box itself never speaks for itself.

The axes, means and spreads are in ``ocr/models/hand.npz``, fitted by ``python -m ocr.train.hand`` on synthetic writers whose digits
have no part in training, thresholds or scores.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocr.digits import CROSSED
from ocr.errors import CotejoError

Floats = npt.NDArray[np.float64]

FILE = Path(__file__).parent / "models" / "hand.npz"
"""The model that is shipped; it belongs to the network beside it."""
MOST = 40.0
"""Log odds at which what the hand says levels off, before `Hand.weight`: it moves two classes apart by twice this times the weight at most."""


class HandModelError(CotejoError):
    """The model of hands is missing or was made for another network."""


@dataclass(frozen=True)
class Hand:
    """How hands differ.

    Attributes
    ----------
    axes : float64[d, k]
        From the network's traits to axes along which boxes of one hand and class have variance 1.
    means : float64[c, k]
        Mean of each of the first c classes (digits, blank, mark).
    spread : float64[k]
        Variance between hands of one class, for each axis.
    weight : float
        Share of the log odds that is added to the network's: the axes are not independent, nor of what it has said already.
    network : str
        SHA-256 of the network's file.
    """

    axes: Floats
    means: Floats
    spread: Floats
    weight: float
    network: str

    def odds(self, probabilities: Floats, traits: npt.NDArray[np.float32]) -> Floats:
        """What the other boxes of a sheet say of each box and class: log odds against a hand of which nothing is known.

        Parameters
        ----------
        probabilities : float64[n, 13]
            Of the boxes of one sheet that are written by hand.
        traits : float32[n, d]

        Returns
        -------
        float64[n, c]
        """
        x = traits.astype(np.float64) @ self.axes
        of = probabilities[:, : len(self.means)]
        count = of.sum(axis=0) - of
        total = (of.T @ x)[None] - of[:, :, None] * x[:, None]
        # the hand's mean of a class, drawn to the mean of all hands where little of it has been seen
        far = self.spread / (1 + count[:, :, None] * self.spread)
        mean = self.means + far * (total - count[:, :, None] * self.means)
        known, unknown = 1 + far, 1 + self.spread
        near = np.square(x[:, None] - mean) / known + np.log(known)
        any_hand = np.square(x[:, None] - self.means) / unknown + np.log(unknown)
        out: Floats = (any_hand - near).sum(axis=2) / 2
        return out

    def reread(self, probabilities: Floats, traits: npt.NDArray[np.float32]) -> Floats:
        """The probabilities of the boxes of one sheet, each weighed with how its hand writes; shapes as in `odds`."""
        if len(probabilities) < 2:
            return probabilities
        said = MOST * np.tanh(self.odds(probabilities, traits) / MOST)
        score = np.log(np.maximum(probabilities, 1e-300))
        score[:, : said.shape[1]] += self.weight * said
        shares: Floats = np.exp(score - score.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares


def load(path: Path, network: str) -> Hand:
    """Read a model and check that it was made for this network (SHA-256 of its file).

    Raises
    ------
    HandModelError
        If the file is missing, unreadable, of another network, or if its numbers do not fit together.
    """
    try:
        with np.load(path, allow_pickle=False) as kept:
            hand = Hand(
                kept["axes"].astype(np.float64),
                kept["means"].astype(np.float64),
                kept["spread"].astype(np.float64),
                float(kept["weight"]),
                str(kept["network"]),
            )
        _check(hand)
    except Exception as error:  # a damaged archive raises what zlib, zipfile, tokenize and numpy like
        raise HandModelError(
            f"The model of hands {path} cannot be read; reinstall, or run ocr.train.hand."
        ) from error
    if hand.network != network:
        raise HandModelError(
            f"The model of hands {path} was made for other digit weights; run ocr.train.hand after ocr.train.digits."
        )
    return hand


def _check(hand: Hand) -> None:
    """Raise ValueError if the numbers of a model cannot be those of one."""
    k = hand.spread.size
    shapes = (
        hand.spread.ndim == 1
        and hand.axes.ndim == 2
        and hand.axes.shape[1] == k
        and hand.means.shape == (CROSSED, k)
    )
    finite = all(np.isfinite(part).all() for part in (hand.axes, hand.means, hand.spread))
    if not (shapes and finite and (hand.spread >= 0).all() and 0 <= hand.weight <= 1):
        raise ValueError("not a model of hands")


@cache
def default_hand(network: str) -> Hand:
    """Return the shipped model, loaded once per process."""
    return load(FILE, network)
