"""Number of successes in independent trials with unequal probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Floats = NDArray[np.float64]

EXACT_UP_TO = 1000
"""Up to so many uncertain trials the tail is summed exactly; above, it is a saddlepoint approximation."""


def upper_tail(probabilities: Floats, observed: int, exact_up_to: int = EXACT_UP_TO) -> float:
    """P(S ≥ `observed`) where S sums independent 0/1 trials with these probabilities.

    Exact (convolution) for at most `exact_up_to` trials that are neither certain nor impossible; else the
    Lugannani–Rice saddlepoint approximation with Daniels' second lattice correction, whose relative error
    stays small far out in the tail where the normal approximation is useless.

    Parameters
    ----------
    probabilities : shape (n,), each in [0, 1].
    observed : count of successes; below zero or above n is allowed.
    exact_up_to : fewer where thousands of tails are wanted and two digits of each are enough.
    """
    certain = int(np.count_nonzero(probabilities >= 1))
    p = probabilities[(probabilities > 0) & (probabilities < 1)]
    x = observed - certain
    if x <= 0:
        return 1.0
    if x > p.size:
        return 0.0
    return _exact(p, x) if p.size <= exact_up_to else _saddlepoint(p, x)


def _exact(p: Floats, x: int) -> float:
    pmf = np.zeros(p.size + 1)
    pmf[0] = 1.0
    for i, q in enumerate(p):
        pmf[1 : i + 2] = pmf[1 : i + 2] * (1 - q) + pmf[: i + 1] * q
        pmf[0] *= 1 - q
    return float(min(1.0, pmf[x:].sum()))


def _saddlepoint(p: Floats, x: int) -> float:
    """Daniels (1987), "Tail probability approximations", second continuity correction: solve K'(t) = x − 1/2."""
    target = x - 0.5
    if target > p.size - 1:
        return float(np.exp(np.log(p).sum()))  # every trial succeeds
    logit = np.log(p) - np.log1p(-p)
    low, high = -60.0 - float(np.abs(logit).max()), 60.0 + float(np.abs(logit).max())
    t = 0.0
    for _ in range(200):  # Newton, kept inside a bracket
        tilted = expit(logit + t)
        gap = float(tilted.sum()) - target
        low, high = (low, t) if gap > 0 else (t, high)
        if abs(gap) < 1e-9 * p.size**0.5:
            break
        step = t - gap / max(float((tilted * (1 - tilted)).sum()), 1e-300)
        t = step if low < step < high else (low + high) / 2
    tilted = expit(logit + t)
    variance = float((tilted * (1 - tilted)).sum())
    spread = float((p * (1 - p)).sum())
    if abs(t) * spread**0.5 < 1e-3:  # the formula is 0/0 at the mean, where the normal is as good
        return float(ndtr((float(p.sum()) - target) / spread**0.5))
    cumulant = float(np.logaddexp(np.log1p(-p), np.log(p) + t).sum())
    w = float(np.sign(t) * np.sqrt(max(2 * (t * target - cumulant), 0.0)))
    u = 2 * np.sinh(t / 2) * variance**0.5
    density = np.exp(-w * w / 2) / np.sqrt(2 * np.pi)
    return float(np.clip(ndtr(-w) + density * (1 / u - 1 / w), 0.0, 1.0))
