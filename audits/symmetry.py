"""Do errors help one side? The exact sign-flip test of a sum of differences.

R. A. Fisher (1935), The Design of Experiments, section 21. Null hypothesis: at each station the difference could as well have
had the other sign, independently of all other stations. Given the sizes of the differences, the distribution of their sum is
then known exactly: it is that of ``2 W - G``, where G is the sum of the sizes and W the sum of a random half of them. W is a sum
of whole numbers, so its distribution is a product of polynomials (M. Pagano and D. Tritchler (1983), On Obtaining Permutation
Distributions in Polynomial Time, JASA 78) and nothing has to be drawn at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NULL = (
    "At each station the difference could as well have had the other sign, independently of the other stations: errors help "
    "and hurt alike."
)
MIN_STATIONS = 6
"""Fewer differing stations than this cannot reach 5 percent: 2 of 2^5 sign patterns are 6 percent."""
LEVEL = 0.05
_STEPS = 200_000_000  # of the recursion; beyond, the same product by Fourier transform
_POINTS = 100_000_000  # of the transform; beyond, the sum of so many differences is as good as normal


@dataclass(frozen=True)
class SignTest:
    """One exact test.

    Attributes
    ----------
    stations
        With a difference that is not 0.
    net, gross
        Sum of the differences, and of their sizes; votes.
    pvalue
        Probability of a sum at least as far from 0, under the null; None with fewer than `MIN_STATIONS` stations.
    false_alarm_rate
        How often the p-value is `level` or less under the null, given these sizes: exact, and at most `level`.
    exact
        False where the differences are too many and too large for the exact distribution and the normal one stands in for
        it (central limit theorem): then the rate is `level`.
    """

    stations: int
    net: int
    gross: int
    pvalue: float | None
    false_alarm_rate: float | None
    exact: bool = True

    def to_json(self) -> dict[str, Any]:
        """All of it, floats to nine digits."""
        rounded = {
            name: None if value is None else round(value, 9)
            for name, value in (("pvalue", self.pvalue), ("false_alarm_rate", self.false_alarm_rate))
        }
        return {
            "stations": self.stations,
            "net": self.net,
            "gross": self.gross,
            **rounded,
            "exact": self.exact,
        }


def sign_test(differences: NDArray[np.int64], level: float = LEVEL) -> SignTest:
    """Test whether differences lean to one side.

    Parameters
    ----------
    differences
        One whole number of votes for each station; zeros are left out.
    level
        Of the false-alarm rate.
    """
    d = np.asarray(differences, dtype=np.int64)
    d = d[d != 0]
    net, gross = int(d.sum()), int(np.abs(d).sum())
    if len(d) < MIN_STATIONS:
        return SignTest(len(d), net, gross, None, None)
    sizes = np.abs(d) // np.gcd.reduce(d)
    if len(d) * int(sizes.sum()) // 2 > _STEPS and len(np.unique(sizes)) * int(sizes.sum()) > _POINTS:
        z = abs(net) / math.sqrt(float((d.astype(np.float64) ** 2).sum()))
        return SignTest(len(d), net, gross, math.erfc(z / math.sqrt(2)), level, exact=False)
    tail = lower_tail(np.abs(d))
    unit = int(np.gcd.reduce(d))
    below = np.flatnonzero(2 * tail <= level)
    rate = float(2 * tail[below[-1]]) if len(below) else 0.0
    # |S| >= |net| is W <= (G - |net|) / 2 or its mirror image.
    pvalue = 1.0 if net == 0 else min(1.0, float(2 * tail[(gross - abs(net)) // 2 // unit]))
    return SignTest(len(d), net, gross, pvalue, rate)


def power(differences: NDArray[np.int64], stations: int, size: float, level: float) -> float:
    """How often the test speaks when that many more stations have a difference of `size`, all to one side.

    By the normal law (central limit theorem), the other differences being of either sign.

    Parameters
    ----------
    differences
        As for `sign_test`.
    stations
        With a one-sided difference.
    size
        Votes.
    level
        Of the test.
    """
    from scipy.special import ndtr, ndtri

    other = float((np.asarray(differences, dtype=np.float64) ** 2).sum())
    if other + stations == 0:
        return 0.0
    line = float(ndtri(1 - level / 2)) * math.sqrt(other + stations * size**2)
    lean, spread = stations * size, max(math.sqrt(other), 1e-9)
    return float(ndtr((lean - line) / spread) + ndtr((-lean - line) / spread))


def lower_tail(sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """``P(W <= w * unit)`` for w from 0 to half of all, where W is the sum of a random half of the sizes.

    ``unit`` is the sizes' greatest common divisor.
    """
    sizes = sizes // np.gcd.reduce(sizes)
    half = int(sizes.sum()) // 2
    if len(sizes) * half <= _STEPS:
        mass = _by_recursion(np.sort(sizes), half)
    else:
        mass = _by_transform(sizes)[: half + 1]
    return np.minimum(np.cumsum(mass), 1.0)


def _by_recursion(sizes: NDArray[np.int64], half: int) -> NDArray[np.float64]:
    mass = np.zeros(half + 1)
    mass[0] = 1.0
    reach = 0
    for size in sizes.tolist():
        reach = min(half, reach + size)
        mass[: reach + 1] *= 0.5
        if size <= half:
            # What stood at w stands, halved, at w and at w + size.
            mass[size : reach + 1] += mass[: reach + 1 - size].copy()
    return mass


def _by_transform(sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The same by the product of characteristic functions; exact but for rounding, about 1e-15 for each value."""
    total = int(sizes.sum())
    length = 1 << math.ceil(math.log2(total + 1))
    k = np.arange(length // 2 + 1)
    # Angles are reduced in whole numbers first, or nothing would be left of them for large counts.
    cosine = np.cos(np.pi * np.arange(2 * length) / length)
    product = np.ones(len(k))
    for size, times in zip(*np.unique(sizes, return_counts=True), strict=True):
        product *= cosine[k * int(size) % (2 * length)] ** int(times)
    phase = np.exp(-1j * np.pi * (k * total % (2 * length)) / length)
    return np.maximum(np.fft.irfft(product * phase, length), 0.0)
