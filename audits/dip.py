"""The dip: how far a sample is from having one peak.

J. A. Hartigan, P. M. Hartigan (1985), The Dip Test of Unimodality, Annals of Statistics 13(1), 70-84, section 3. The dip of a sample is
the least distance, over all laws with one peak, between the law's distribution function and the sample's. Such a function is convex before its
mode and concave after it, so the greatest convex minorant of the sample's function and its least concave majorant, on a stretch that
shrinks towards the mode, find it in a number of steps that grows with the sample.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# fmt: off
PROBABILITIES = (
    0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7,
    0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 1,
)
QUANTILES: dict[int, tuple[float, ...]] = {
    10: (
        0.15811, 0.19300, 0.20621, 0.22707, 0.24651, 0.26965, 0.28555, 0.29829, 0.30922, 0.32312, 0.34767,
        0.37577, 0.41275, 0.44156, 0.47672, 0.50442, 0.52800, 0.55433, 0.57131, 0.61910, 0.69607,
    ),
    20: (
        0.13824, 0.21236, 0.21975, 0.23596, 0.25408, 0.27744, 0.29520, 0.31145, 0.32795, 0.34713, 0.36874,
        0.39497, 0.43480, 0.47002, 0.51090, 0.53919, 0.56503, 0.59690, 0.61849, 0.68535, 0.80466,
    ),
    50: (
        0.15117, 0.22221, 0.23254, 0.24954, 0.26657, 0.29033, 0.30952, 0.32743, 0.34556, 0.36498, 0.38748,
        0.41578, 0.45876, 0.49694, 0.54170, 0.57236, 0.60067, 0.63724, 0.66317, 0.74140, 0.87705,
    ),
    100: (
        0.16841, 0.22837, 0.23897, 0.25652, 0.27413, 0.29825, 0.31790, 0.33632, 0.35481, 0.37487, 0.39796,
        0.42725, 0.47122, 0.51052, 0.55776, 0.58983, 0.62047, 0.65830, 0.68510, 0.76576, 0.87558,
    ),
    200: (
        0.15950, 0.23319, 0.24399, 0.26191, 0.27969, 0.30422, 0.32418, 0.34286, 0.36172, 0.38212, 0.40557,
        0.43537, 0.48053, 0.52092, 0.56952, 0.60316, 0.63448, 0.67390, 0.70225, 0.78471, 1.02168,
    ),
    500: (
        0.16900, 0.23801, 0.24882, 0.26686, 0.28495, 0.30976, 0.32992, 0.34887, 0.36805, 0.38878, 0.41279,
        0.44302, 0.48922, 0.53061, 0.57955, 0.61418, 0.64596, 0.68631, 0.71355, 0.79639, 0.98997,
    ),
    1000: (
        0.17114, 0.24056, 0.25139, 0.26946, 0.28775, 0.31264, 0.33307, 0.35215, 0.37151, 0.39232, 0.41644,
        0.44690, 0.49325, 0.53477, 0.58481, 0.61930, 0.65304, 0.69438, 0.72303, 0.81220, 0.97095,
    ),
    5000: (
        0.17366, 0.24410, 0.25513, 0.27317, 0.29162, 0.31660, 0.33704, 0.35610, 0.37548, 0.39668, 0.42100,
        0.45162, 0.49922, 0.54080, 0.59253, 0.62874, 0.66130, 0.70236, 0.73404, 0.82449, 0.98564,
    ),
}
# fmt: on
"""Of √n times the dip of n uniform values, printed by ``python -m benchmarks._dip_table``; of the uniform law, because no law with one peak has larger dips."""


def tail(value: float, n: int) -> float:
    """Probability of a dip at least as large among n uniform values.

    Linear between the quantiles of `QUANTILES`, and between their sizes in 1/√n; above 5,000 values √n times the dip hardly changes any
    more. The ends of the table are the least and the largest dip of a million samples, as in other tables (5,000 values: of fewer samples,
    and the ends set in proportion), so the tail is 1 and 0 beyond them and means little within one percent of 1.

    Parameters
    ----------
    value : a `dip`.
    n : how many values it is of.
    """
    sizes = sorted(QUANTILES)
    table = np.array([QUANTILES[size] for size in sizes])
    at = 1 / np.sqrt(np.clip(n, sizes[0], sizes[-1]))
    where = [np.interp(-at, -1 / np.sqrt(sizes), column) for column in table.T]
    return float(1 - np.interp(np.sqrt(n) * value, where, PROBABILITIES))


def dip(sample: Floats) -> float:
    """The dip of a sample; 0 where all values are equal.

    Parameters
    ----------
    sample : shape (n,), finite, in any order.

    Returns
    -------
    Between 1/(2n), where the values differ, and 1/4.
    """
    x, times = np.unique(np.asarray(sample, dtype=np.float64), return_counts=True)
    n = int(times.sum())
    if x.size < 2:
        return 0.0
    after = np.cumsum(times)  # in n-ths; before a value the function is lower by its times
    before = after - times
    low, high, distance = (
        0,
        x.size - 1,
        1.0,
    )  # distances are doubled and in n-ths: a step of one value costs 1
    while low < high:
        # Convex below the lower corners of the steps, concave above the upper ones.
        convex = low + _hull(x[low : high + 1], before[low : high + 1])
        concave = low + _hull(x[low : high + 1], -after[low : high + 1])
        at_convex = np.interp(x[convex], x[concave], after[concave]) - before[convex]
        at_concave = after[concave] - np.interp(x[concave], x[convex], before[convex])
        if at_convex.max() >= at_concave.max():
            gap, left = at_convex.max(), int(convex[np.argmax(at_convex)])
            right = int(concave[np.searchsorted(concave, left)])
        else:
            gap, right = at_concave.max(), int(concave[np.argmax(at_concave)])
            left = int(convex[np.searchsorted(convex, right, side="right") - 1])
        if gap <= distance:
            break
        # Outside the new stretch the law is settled; its ends may yet be the mode, where a law may step.
        head, tail = slice(low, left), slice(right + 1, high + 1)
        above = after[head] - np.interp(x[head], x[convex], before[convex])
        below = np.interp(x[tail], x[concave], after[concave]) - before[tail]
        distance = max(distance, float(above.max(initial=0)), float(below.max(initial=0)))
        low, high = left, right
    return distance / (2 * n)


def _hull(x: Floats, y: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of the lower convex hull of points with increasing x."""
    at = np.arange(x.size)
    while at.size > 64:
        # A point above the line between its neighbours is not on the hull, whatever becomes of them.
        rise, run = np.diff(y[at]), np.diff(x[at])
        keep = np.concatenate([[True], rise[:-1] * run[1:] < rise[1:] * run[:-1], [True]])
        if keep.mean() > 0.9:
            break
        at = at[keep]
    kept: list[int] = []
    px, py = x[at].tolist(), y[at].tolist()
    for i in range(len(px)):
        while len(kept) > 1:
            a, b = kept[-2], kept[-1]
            if (py[b] - py[a]) * (px[i] - px[a]) < (py[i] - py[a]) * (px[b] - px[a]):
                break
            kept.pop()
        kept.append(i)
    return at[kept]
