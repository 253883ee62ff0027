"""The published figure of the resampled kernel density, as a description.

Rozenas (2017), Political Analysis 25(1): the prior laws of turnout and of the leader's share are mixtures of betas; an election is resampled by
drawing each station's turnout and share from their posterior laws and then voters and votes from binomials; the figure is the sum, over
the bins where the observed density exceeds the largest density of the resamples, of the bin's observed less its mean resampled part, in
percent of the stations. The definition is that of the package *spikes* 1.1 (kernel of width 0.0001 on 1001 points; R's density estimate bins
linearly on 1024 points first, which at that width is all that it does); nothing of its code is used.

Two shortcuts keep each resample's law. Stations are dealt into blocks, each is drawn three hundred times, and a resample puts together one draw of every
block: it has the law of a whole draw, though two of them have some of their stations in common (one in three hundred). And
beta-binomials of a variance of at least `_NORMAL_FROM` are drawn as rounded normals with their own skewness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betaln, digamma

from audits.audit import Part

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]

POINTS = 1001
_BINNED = 1024  # points of R's density estimate
_WIDTH = 0.0001
_BLOCKS = 16
_AT_ONCE = 1000  # stations drawn at a time: small enough to stay in the cache
_DRAWS = 300  # of each block
_RUNS = 31
_NORMAL_FROM = 9.0
_COMPONENTS = 5
_STEPS = 50
_LOG_BOUNDS = (-3.0, 6.0)  # of the logarithms of a and b, as in the package


def published(frame: pl.DataFrame, resamples: int, rng: np.random.Generator) -> Part:
    """The figure, in percent of the stations, and what it rests on.

    One run depends on which of its resamples happens to be largest where the observed density is near that, and can move by as much as the
    figure itself between seeds. Given are the median and mean of `_RUNS` runs, their spread, and the first one.

    Parameters
    ----------
    frame : columns ``registered``, ``ballots``, ``votes``, one row per station, 0 ≤ votes ≤ ballots, ballots ≥ 1. Where the registered voters
        are not known, ballots are held fixed.

    Returns
    -------
    dict
        ``statistic`` (median of the runs), ``mean``, ``between_runs`` (standard deviation), ``low`` and ``high`` (between which 90 % of the runs are), ``one_run``, ``resamples``, ``runs``, ``draws`` (of each station).
    """
    ballots, votes = (frame[c].to_numpy().astype(np.int64) for c in ("ballots", "votes"))
    registered = frame["registered"].fill_null(0).to_numpy().astype(np.int64)
    registered = np.where(registered >= ballots, registered, 0)
    s = ballots.size
    priors = (
        fit_prior(ballots[registered > 0], registered[registered > 0]),
        fit_prior(votes, ballots),
    )
    draws = min(_DRAWS, max(resamples, 2))
    blocks = min(_BLOCKS, s)
    binned = np.zeros((blocks, draws, _BINNED), dtype=np.float32)
    mean = np.zeros(POINTS)
    for i, block in enumerate(np.array_split(rng.permutation(s), blocks)):
        for some in np.array_split(block, -(-block.size // _AT_ONCE)):
            y = _resampled((registered[some], ballots[some], votes[some]), priors, draws, rng)
            binned[i] += _linear(y)
            mean += np.bincount(_bin(y).ravel(), minlength=POINTS)[:POINTS]
    observed = votes / ballots
    density = _at_points(_linear(observed[None, :]))[0]
    whole = _at_points(binned.sum(axis=0))
    # Elsewhere the largest of some thousand is surely larger.
    near = np.flatnonzero(density > whole.mean(axis=0) + 2 * whole.std(axis=0))
    excess = np.bincount(_bin(observed), minlength=POINTS) - mean / draws
    excess = 100 * np.maximum(excess[near], 0) / s
    pieces = _at_points(binned.reshape(-1, _BINNED), near).reshape(blocks, draws, -1)
    runs = [
        float(excess[density[near] > _largest(pieces, resamples, rng)].sum()) if near.size else 0.0
        for _ in range(_RUNS)
    ]
    return {
        "statistic": float(np.median(runs)),
        "mean": float(np.mean(runs)),
        "between_runs": float(np.std(runs)),
        "low": float(np.quantile(runs, 0.05)),
        "high": float(np.quantile(runs, 0.95)),
        "one_run": runs[0],
        "resamples": resamples,
        "runs": _RUNS,
        "draws": draws,
    }


def _largest(pieces: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """The largest of so many resamples at each point, each put together from one draw of every block; shape (points,)."""
    blocks, draws, points = pieces.shape
    largest = np.zeros(points, dtype=pieces.dtype)
    left = resamples
    while left > 0:
        deal = rng.permuted(np.tile(np.arange(draws), (blocks, 1)), axis=1)[:, :left]
        whole = np.zeros((deal.shape[1], points), dtype=pieces.dtype)
        for block, order in zip(pieces, deal, strict=True):
            whole += block[order]
        largest = np.maximum(largest, whole.max(axis=0))
        left -= draws
    return largest


def _bin(share: Floats) -> Ints:
    """The point around which each share lies (halves go down, as in the package)."""
    return np.asarray(np.ceil(share * (POINTS - 1) - 0.5), dtype=np.int64)


def _linear(share: Floats) -> Floats:
    """Rows of shares binned linearly: each share is divided between the two points around it; shape (rows, `_BINNED`)."""
    rows = len(share)
    low, high = -4 * _WIDTH, 1 + 4 * _WIDTH
    at = (share - low) * ((_BINNED - 1) / (high - low))
    left = at.astype(np.int64)
    part = at - left
    key = left + np.arange(rows)[:, None] * _BINNED
    size = rows * _BINNED
    out = np.bincount(key.ravel(), weights=(1 - part).ravel(), minlength=size)
    out += np.bincount(key.ravel() + 1, weights=part.ravel(), minlength=size + 1)[:size]
    return np.asarray(out.reshape(rows, _BINNED), dtype=np.float64)


def _at_points(binned: Floats, points: Ints | None = None) -> Floats:
    """The density at the points, but for a constant: between the binned points, linearly. Rows of binned, rows out."""
    at = np.arange(POINTS) if points is None else points
    where = (at / (POINTS - 1) + 4 * _WIDTH) * ((_BINNED - 1) / (1 + 8 * _WIDTH))
    low = np.minimum(where.astype(np.int64), _BINNED - 2)
    part = (where - low).astype(binned.dtype)
    return np.asarray(binned[:, low] * (1 - part) + binned[:, low + 1] * part)


@dataclass(frozen=True)
class Prior:
    """A mixture of beta laws of a share: parameters a and b and weights, shape (components,)."""

    a: Floats
    b: Floats
    weight: Floats

    def density(self) -> Floats:
        """At 0.01 to 0.99, shape (99,)."""
        x = np.arange(1, 100)[:, None] / 100
        log = (self.a - 1) * np.log(x) + (self.b - 1) * np.log1p(-x) - betaln(self.a, self.b)
        return np.asarray(np.exp(log) @ self.weight)

    def chances(self, k: Floats, n: Floats) -> Floats:
        """Chance that a station's share is of each component, given its counts; shape (s, components)."""
        a, b = self.a, self.b
        log = betaln(k[:, None] + a, (n - k)[:, None] + b) - betaln(a, b) + np.log(self.weight)
        log -= log.max(axis=1, keepdims=True)
        weight = np.exp(log)
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def posterior(self, k: Ints, n: Ints, draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Parameters of the beta law of each station's share, by draw; shape (draws, s)."""
        ends = np.cumsum(self.chances(k.astype(np.float64), n.astype(np.float64)), axis=1)
        u = rng.random((draws, k.size), dtype=np.float32)
        which = sum((u > ends[:, c]).astype(np.int64) for c in range(self.a.size - 1))
        return k + self.a.astype(np.float32)[which], (n - k) + self.b.astype(np.float32)[which]


def fit_prior(k: Ints, n: Ints) -> Prior:
    """The prior of k of n, as the package finds it.

    A mixture density is fitted to that of the observed shares by least squares, then improved by expectation–maximisation until a step changes it
    no more (correlation of the densities 0.99 or above); one component more for as long as that changes it, at most five.
    """
    if not k.size:
        return Prior(np.ones(1), np.ones(1), np.ones(1))
    cells = _cells(k, n)
    seen = np.bincount(np.rint(100 * k / n).astype(np.int64), minlength=101)[1:100] * (100 / k.size)
    best: Prior | None = None
    for components in range(1, _COMPONENTS + 1):
        last, best = best, _least_squares(seen, components)
        alike = 0.0
        for _ in range(_STEPS):
            before, best = best, _better(best, *cells)
            alike = _alike(before, best)
            if alike >= 0.99:
                break
        if last is not None and _alike(last, best) >= 0.99:
            break
    assert best is not None
    return best


def _alike(one: Prior, other: Prior) -> float:
    x, y = one.density(), other.density()
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else 1.0


def _least_squares(seen: Floats, components: int) -> Prior:
    """The mixture whose density is nearest to the observed one (shape (99,), at 0.01 to 0.99)."""
    from scipy.optimize import least_squares  # takes long to load

    together = np.cumsum(seen) / max(seen.sum(), 1e-12)
    levels = np.searchsorted(together, (np.arange(components) + 0.5) / components) / 100 + 0.01

    def prior(x: Floats) -> Prior:
        a, b, w = x[:components], x[components : 2 * components], x[2 * components :]
        return Prior(np.exp(a), np.exp(b), np.exp(w) / np.exp(w).sum())

    start = np.concatenate(
        [np.log(10 * levels), np.log(10 - 10 * np.minimum(levels, 0.99)), np.zeros(components)]
    )
    low = np.concatenate([np.full(2 * components, -3.0), np.full(components, -6.0)])
    high = np.concatenate([np.full(2 * components, 6.0), np.full(components, 6.0)])
    found = least_squares(
        lambda x: prior(x).density() - seen,
        np.clip(start, low + 0.01, high - 0.01),
        bounds=(low, high),
        ftol=1e-5,
        xtol=1e-5,
    )
    return prior(found.x)


def _cells(k: Ints, n: Ints) -> tuple[Floats, Floats, Floats]:
    """Stations of nearly the same size and share together: mean counts and how many they are."""
    size = np.floor(np.log(n) * 8).astype(np.int64)
    share = np.floor(k / n * 200).astype(np.int64)
    _, which, many = np.unique(size * 256 + share, return_inverse=True, return_counts=True)
    return np.bincount(which, k) / many, np.bincount(which, n) / many, many.astype(np.float64)


def _better(prior: Prior, k: Floats, n: Floats, many: Floats) -> Prior:
    """One step: weights from each component's chances, parameters by maximum likelihood given these."""
    from scipy.optimize import minimize  # takes long to load

    w = prior.chances(k, n) * many[:, None]
    c, whole = prior.a.size, many.sum()

    def loss(x: Floats) -> tuple[float, Floats]:
        a, b = np.exp(x[:c]), np.exp(x[c:])
        yes, no, both = k[:, None] + a, (n - k)[:, None] + b, digamma(n[:, None] + a + b) - digamma(a + b)
        value = -(w * (betaln(yes, no) - betaln(a, b))).sum() / whole
        by_a = a * (w * (digamma(yes) - digamma(a) - both)).sum(axis=0)
        by_b = b * (w * (digamma(no) - digamma(b) - both)).sum(axis=0)
        return float(value), -np.concatenate([by_a, by_b]) / whole

    start = np.clip(np.log(np.concatenate([prior.a, prior.b])), *_LOG_BOUNDS)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[_LOG_BOUNDS] * (2 * c)).x
    weight = np.maximum(w.sum(axis=0), 1e-9)
    return Prior(np.exp(found[:c]), np.exp(found[c:]), weight / weight.sum())


def _resampled(
    counts: tuple[Ints, Ints, Ints], priors: tuple[Prior, Prior], draws: int, rng: np.random.Generator
) -> Floats:
    """Shares of resampled stations, shape (draws, s); 0 where nobody voted."""
    (registered, ballots, votes), (turnout, share) = counts, priors
    t = ballots.astype(np.float32)
    listed = registered > 0
    if listed.any():
        a, b = turnout.posterior(ballots[listed], registered[listed], draws, rng)
        t = np.tile(t, (draws, 1))
        t[:, listed] = _beta_binomial(registered[listed].astype(np.float32), a, b, rng)
    a, b = share.posterior(votes, ballots, draws, rng)
    v = _beta_binomial(t, a, b, rng)
    return np.asarray(v / np.maximum(t, 1))


def _beta_binomial(n: Floats, a: Floats, b: Floats, rng: np.random.Generator) -> Floats:
    """Beta-binomial numbers: normal with a skewness where the variance is large enough, else by a beta and a binomial."""
    c = a + b
    mean = n * a / c
    variance = mean * (b / c) * (c + n) / (c + 1)
    # The skewness of the law is this over its standard deviation.
    lopsided = (c + 2 * n) * (b - a) / ((c + 2) * c)
    z = rng.standard_normal(a.shape, dtype=np.float32)
    out = np.rint(mean + np.sqrt(variance) * z + lopsided * (z * z - 1) / 6)
    np.clip(out, 0, n, out=out)
    small = variance < _NORMAL_FROM
    if small.any():
        n = np.broadcast_to(n, a.shape)
        out[small] = rng.binomial(n[small].astype(np.int64), rng.beta(a[small], b[small]))
    return out
