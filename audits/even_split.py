"""Stations whose results are the same number for number, and how many of them chance makes.

Small stations repeat each other all the time; three hundred votes for twelve options never do. What chance makes of two stations with equally many votes
is known without knowing how their people vote: given the two together, each split of the sum has the probability of the multivariate hypergeometric
law, and the even split, two equal rows, has (R. A. Fisher (1935), The Logic of Inductive Inference, JRSS 98, for two by two tables)

    q = prod_k C(S_k, S_k / 2) / C(2 n, n)        S the sums, n the votes of each; 0 where a sum is odd.

If their people vote differently, equal rows are rarer still: with odds ratios psi the even split's weight stays what it is, and the weights of the two splits
that mirror each other about it become w psi^x + w psi^-x, at least 2 w. So q is an upper bound in every election in which each voter decides alone given the station, however much
stations differ and however much neighbours are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from audits.words import ALPHA

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_FEW = 0.02  # of the pairs, so many are copied, say: where chance makes more alike, one such pair counts for little
_UNIT = 8.0  # weights are whole eighths of a doubling of the odds
_MOST = 80  # ten doublings; more is not needed, and would make the law of their sum long
_EXACT_UP_TO = 3000  # pairs; above, each pair is a Poisson variable, which is a little more
_PAIRS = 100_000  # of which the number expected is summed up; above, it is that of so many drawn at random


def log_even_split(sums: Ints) -> Floats:
    """Logarithm of q above: how probable two equal rows are, given their sum; ``-inf`` where a sum is odd.

    Parameters
    ----------
    sums : shape (pairs, options), of two rows with equally many votes.
    """
    log_q = np.full(len(sums), -np.inf)
    even = np.flatnonzero(~(sums & 1).any(axis=1))  # of many options, next to none
    half = sums[even] >> 1
    log_q[even] = np.minimum(_ways(half).sum(axis=1) - _ways(half.sum(axis=1)), 0.0)
    return log_q


def _ways(half: Ints) -> Floats:
    """Logarithm of the number of ways to choose half of twice as many."""
    most = int(half.max(initial=0))
    if most > min(half.size, 100_000):
        return np.asarray(gammaln(2.0 * half + 1) - 2 * gammaln(half + 1.0))
    k = np.arange(most + 1.0)
    return np.asarray((gammaln(2 * k + 1) - 2 * gammaln(k + 1))[half])


def weights(log_q: Floats) -> Ints:
    """What a pair of equal rows counts for: the logarithm of how much likelier a few copies make it, in whole steps."""
    return np.asarray(
        np.minimum(np.rint(_UNIT * np.logaddexp(0.0, np.log(_FEW) - log_q) / np.log(2)), _MOST).astype(
            np.int64
        )
    )


def law(q: Floats, weight: Ints, length: int) -> tuple[Floats, float]:
    """The sum of the weights of independent pairs: probabilities of 0, 1, … ``length − 1``, and of at least ``length``.

    Exact for up to `_EXACT_UP_TO` pairs. Above, each pair's indicator is replaced by a Poisson variable that is never less likely to
    be large (``-log(1 − q)`` on average), and the probability of at least ``length`` is not given below 1e-12.
    """
    some = (weight > 0) & (q > 0)
    q, weight = q[some], weight[some]
    if length <= 0:
        return np.zeros(0), 1.0
    if q.size <= _EXACT_UP_TO:
        mass, beyond = np.zeros(length), 0.0
        mass[0] = 1.0
        for one, step in zip(q.tolist(), np.minimum(weight, length).tolist(), strict=True):
            beyond += one * float(mass[length - step :].sum())
            moved = one * mass[: length - step]
            mass *= 1 - one
            mass[step:] += moved
        return mass, min(1.0, beyond)
    rate = np.bincount(weight, weights=-np.log1p(-q))
    mean = float((rate * np.arange(rate.size)).sum())
    spread = float((rate * np.arange(rate.size) ** 2).sum()) ** 0.5
    size = 1 << int(max(length, mean + 12 * spread) + 8 * rate.size).bit_length()
    series = np.zeros(size)
    series[: rate.size] = rate
    mass = np.maximum(np.fft.irfft(np.exp(np.fft.rfft(series) - rate.sum()), size), 0.0)
    return mass[:length], float(np.clip(mass[length:].sum(), 1e-12, 1.0))


def rate_at(q: Floats, weight: Ints, level: float) -> float:
    """The largest probability of an alarm that is at most `level`, with these pairs."""
    mean = float((q * weight).sum())
    spread = float((q * (1 - q) * weight.astype(float) ** 2).sum()) ** 0.5
    length = int(mean + 8 * spread) + int(weight.max(initial=0)) + 2
    mass, beyond = law(q, weight, length)
    tail = np.append(beyond + np.cumsum(mass[::-1])[::-1], beyond)
    below = tail[tail <= level]
    return float(below[0]) if below.size else 0.0


def compared(*group: Ints) -> tuple[Ints, Ints]:
    """Disjoint pairs of rows of one group, chosen without looking at their votes: those that are alike in the finest grouping first.

    Parameters
    ----------
    group : shape (n,) each, whole numbers; each grouping a finer one than that before.
    """
    left = np.arange(group[0].size)
    pairs = []
    for finest in reversed(group):
        first, second, left = _twos(left, finest[left])
        pairs.append((first, second))
    return np.concatenate([x for x, _ in pairs]), np.concatenate([x for _, x in pairs])


def _twos(rows: Ints, group: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows two by two inside each group, and those left over."""
    if not rows.size:
        return rows, rows, rows
    order = np.argsort(group, kind="stable")
    g = group[order]
    new = np.append(True, g[1:] != g[:-1])
    start = np.maximum.accumulate(np.where(new, np.arange(g.size), 0))
    odd = (np.arange(g.size) - start) % 2 == 1
    second = np.flatnonzero(odd)
    alone = np.ones(g.size, dtype=bool)
    alone[second] = alone[second - 1] = False
    return rows[order[second - 1]], rows[order[second]], np.sort(rows[order[alone]])


@dataclass(frozen=True)
class Repeats:
    """Rows that are alike, among pairs of one group: which row is like which (`label`), how often, how probable.

    ``pairs`` compared, ``seen`` alike, ``expected`` alike at most by chance (``error``: its standard error where it was drawn, else 0); per distinct row with more than one station (`label` is its index, -1 else):
    ``size``, ``log_q``, ``below`` (pairs alike that chance makes at most among those with no larger q), and ``bh``, ``by``: corrected for all pairs compared.
    """

    pairs: int
    seen: int
    expected: float
    error: float
    label: Ints
    size: Ints
    log_q: Floats
    below: Floats
    bh: Floats
    by: Floats

    def chance(self) -> float:
        """Stations that chance would flag, at most: those of pairs as improbable as the least improbable one flagged."""
        return float(2 * self.below[self.bh <= ALPHA].max(initial=ALPHA))


def repeats(rows: Ints, group: Ints, rng: np.random.Generator) -> Repeats:
    """Rows that are alike inside their groups, all pairs of a group compared.

    Parameters
    ----------
    rows : shape (n, options), votes.
    group : shape (n,), whole numbers; all rows of a group have equally many votes.
    rng : random numbers, used where there are more than `_PAIRS` pairs.
    """
    _, which, counts = np.unique(group, return_inverse=True, return_counts=True)
    pairs = int((counts * (counts - 1) // 2).sum())
    _, at, same, often = np.unique(
        _mixed(np.column_stack([which, rows])), return_index=True, return_inverse=True, return_counts=True
    )
    # By its first station, so that nothing depends on how bytes are ordered.
    chosen = np.flatnonzero(often > 1)
    chosen = chosen[np.argsort(at[chosen])]
    number = np.full(often.size, -1)
    number[chosen] = np.arange(chosen.size)
    size = often[chosen]
    twins = size * (size - 1) // 2
    log_q = log_even_split(2 * rows[at[chosen]])
    order = np.argsort(log_q, kind="stable")
    q, scale = _chances(rows, which, counts, pairs, rng)
    expected = float(q.sum() * scale)
    error = float(q.std() * np.sqrt(q.size) * scale) if scale > 1 else 0.0
    # A pair's q is its p-value, and it has no other: most pairs cannot be so improbable, being uneven or small. So the number expected is that
    # of the pairs that can (R. Heyse (2011), A false discovery rate procedure for categorical data), and no q times all pairs.
    each = np.exp(log_q[order])
    q = np.sort(q)
    unseen = 3 * each * scale if scale > 1 else 0.0  # three pairs not among those drawn: 95 percent sure
    below = np.append(0.0, np.cumsum(q))[np.searchsorted(q, each * (1 + 1e-9), side="right")] * scale + unseen
    below = np.minimum(below, each * pairs)
    rank = np.cumsum(twins[order])
    stepped = np.minimum(1.0, below / np.maximum(rank, 1))
    bh, under = np.empty(order.size), np.empty(order.size)
    bh[order] = np.minimum.accumulate(stepped[::-1])[::-1]
    under[order] = below
    harmonic = np.log(pairs) + np.euler_gamma + 1 / (2 * pairs) if pairs else 1.0
    return Repeats(
        pairs=pairs,
        seen=int(twins.sum()),
        expected=expected,
        error=error,
        label=number[same],
        size=size,
        log_q=log_q,
        below=under,
        bh=bh,
        by=np.minimum(1.0, bh * harmonic),
    )


def _mixed(rows: Ints) -> Ints:
    """One number for each row, the same for the same rows and (but for one pair in 2^64) for no others."""
    out = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T.astype(np.uint64):
        out = (out ^ column) * np.uint64(0x9E3779B97F4A7C15)
        out ^= out >> np.uint64(29)
        out *= np.uint64(0xBF58476D1CE4E5B9)
        out ^= out >> np.uint64(32)
    return out.view(np.int64)


def groups(*keys: Ints) -> Ints:
    """Whole numbers from 0: rows with the same keys have the same one."""
    return np.asarray(np.unique(_mixed(np.column_stack(keys)), return_inverse=True)[1])


def _chances(
    rows: Ints, which: Ints, counts: Ints, pairs: int, rng: np.random.Generator
) -> tuple[Floats, float]:
    """The q of all pairs, or of `_PAIRS` drawn at random, and how many pairs each of these stands for."""
    order = np.argsort(which, kind="stable")
    start = np.cumsum(counts) - counts
    if pairs <= _PAIRS:
        sorted_by = which[order]
        first = [np.zeros(0, dtype=np.int64)]
        apart = [0]
        for step in range(1, int(counts.max(initial=1))):
            first.append(np.flatnonzero(sorted_by[:-step] == sorted_by[step:]))
            apart.append(first[-1].size)
        one = np.concatenate(first)
        two = one + np.repeat(np.arange(len(apart)), apart)
        scale = 1.0
    else:
        of = np.cumsum(counts * (counts - 1) / 2)
        group = np.searchsorted(of, rng.random(_PAIRS) * of[-1], side="right").clip(max=of.size - 1)
        one = (rng.random(_PAIRS) * counts[group]).astype(np.int64)
        two = (rng.random(_PAIRS) * (counts[group] - 1)).astype(np.int64)
        two += two >= one
        one, two = start[group] + one, start[group] + two
        scale = pairs / _PAIRS
    return np.exp(log_even_split(rows[order[one]] + rows[order[two]])), scale
