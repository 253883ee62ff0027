"""Turnout against the leader's share: the fingerprint of an election, and the fit of two processes that would smear it.

P. Klimek, Y. Yegorov, R. Hanel, S. Thurner (2012), Statistical detection of systematic election irregularities, PNAS 109(41), 16469-16473. In
their model a station has a turnout a and a leader's share v, both normal and independent. In a part f_i of the stations (incremental) a part x of the
people who did not vote is added to the leader's votes, and a part x^α of the votes for others is given to the leader, with x = |N(0, θ)|; in a part f_e
(extreme) likewise with x = 1 − |N(0, 0.075)|. The stations' shares then have a law that is a mixture of three, and the paper chooses f_i, f_e and α so that
the squared distance to the observed histogram is least.

What is ours: the three laws are computed (the normal integrals exactly in v, by equal-probability nodes in a and x) instead of drawn a hundred times,
so that the best f_i and f_e for an α solve two linear equations; α is taken from a grid in steps of √2. The centres of a and v are modes of
kernel densities, the one with most stations around it where there are several; their spreads are the root mean squares on the left side, θ that on the
right side of v. Intervals are a jackknife over twenty blocks of neighbouring stations, in which centres, spreads and α are found anew.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit, generator, not_applied
from audits.clean import Election, draw_election
from audits.words import N_, Number

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_REGISTERED = 100
"""Stations with fewer people on the list are left out, as in the paper."""
ENOUGH = 100  # stations; with fewer there is no histogram to fit
BINS = 100  # of the share
ALPHAS = 2.0 ** np.arange(-2, 3.5, 0.5)
EXTREME_WIDTH = 0.075  # of the paper

_GROUPS = 20  # of the jackknife
_T = 2.093024054408263  # 97.5 % point of Student's law with 19 degrees of freedom
_FINE = 1000  # bins of turnout and share; multiple of the two others
_MIDDLES = (np.arange(_FINE) + 0.5) / _FINE
_GRID = 200  # points of the kernel densities
_LEAST_WIDTH = 0.005
_TOP = 0.95  # peaks above are what the extreme process would make, and no centre
_DEEP = 0.75  # a valley this far below the lower of two peaks makes them two
_Nodes = tuple[int, int]
_FULL: _Nodes = (32, 8)  # nodes of x and of a
_QUICK: _Nodes = (12, 3)  # where a hundred fits are wanted; f_i is 0.007 lower with them
_MISFIT = 0.1
_BETWEEN = 0.1
_CLEAN_STATIONS = 400_000  # stations drawn to see what clean elections give

_NORMAL = N_("Turnout and the leader's share each scatter about normally around one centre.")
_APART = N_("Stations where more people vote are not more in favour of the leader, nor less.")
_ALIKE = N_("Regions have about the same turnout and the same share.")
_CLOSE = N_("The model comes close to the observed shares.")


@dataclass(frozen=True)
class Stations:
    """Stations that enter: people on the list, ballots, votes of the leading option; in the order of the blocks; codes of region and place.

    Shape (s,) each.
    """

    registered: Floats
    ballots: Floats
    leader: Floats
    region: Ints
    place: Ints

    @property
    def turnout(self) -> Floats:
        """Ballots over registered, in (0, 1]."""
        return np.asarray(self.ballots / self.registered)

    @property
    def share(self) -> Floats:
        """Votes of the leader over ballots, in [0, 1]."""
        return np.asarray(self.leader / self.ballots)


@dataclass(frozen=True)
class Fit:
    """One fit. `free` has f_i and f_e without bounds, `bounded` the best ones that are not negative, sum at most 1."""

    free: Floats
    bounded: Floats
    alpha: float
    distance: float
    misfit: float
    turnout: tuple[float, float]
    share: tuple[float, float]
    theta: float


def stations_of(data: AuditData) -> tuple[Stations, str, int]:
    """The stations with at least `MIN_REGISTERED` people, ballots among them, and votes among those; the leader; how many are left out.

    Ballots are those in the box, else people who voted, else the options' votes together. Stations are sorted by region, place and id.
    """
    assert data.counts is not None
    options = list(data.count_options)
    leader = data.leader
    known = [c for c in ("cast", "voted") if not data.missing(f"counts.{c}")]
    ballots = pl.coalesce(*known) if known else pl.sum_horizontal(options, ignore_nulls=False)
    frame = data.counts.select(
        "region",
        "place_id",
        "station_id",
        "registered",
        ballots.alias("ballots"),
        pl.col(leader).alias("leader"),
    ).drop_nulls(["registered", "ballots", "leader"])
    kept = frame.filter(
        (pl.col("registered") >= MIN_REGISTERED)
        & (pl.col("ballots") > 0)
        & (pl.col("ballots") <= pl.col("registered"))
        & (pl.col("leader") >= 0)
        & (pl.col("leader") <= pl.col("ballots"))
    ).sort("region", "place_id", pl.col("station_id").str.len_bytes(), "station_id", nulls_last=True)
    registered, cast, votes = (kept[c].to_numpy().astype(float) for c in ("registered", "ballots", "leader"))
    region = kept["region"].fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1
    place = kept.select(pl.coalesce("place_id", "station_id").rank("dense").cast(pl.Int64) - 1)
    return (
        Stations(registered, cast, votes, region, place["place_id"].to_numpy()),
        leader,
        data.counts.height - kept.height,
    )


def histogram(data: AuditData, bins: int = 100) -> Ints:
    """The fingerprint: how many stations have each turnout (rows) and each share of the leader (columns), from 0 to 1.

    Returns
    -------
    Shape (bins, bins). For a plot; the audit itself needs the shares only.
    """
    s = stations_of(data)[0]
    row, column = (np.minimum((x * bins).astype(np.int64), bins - 1) for x in (s.turnout, s.share))
    return np.asarray(np.bincount(row * bins + column, minlength=bins * bins).reshape(bins, bins))


def moments(s: Stations) -> Part:
    """The logarithmic vote rate ν = log((ballots − leader) / leader) where neither is 0: its moments, and how turnout and share correlate.

    Skewness and kurtosis are third and fourth moments standardised with the sample's standard deviation (n − 1); a normal law has 0 and 3.
    """
    some = (s.leader > 0) & (s.leader < s.ballots)
    out: dict[str, Number] = {"n": int(some.sum())}
    if some.sum() < 3:
        return out
    rate = np.log((s.ballots[some] - s.leader[some]) / s.leader[some])
    sd = float(rate.std(ddof=1))
    out |= {"mean": float(rate.mean()), "sd": sd}
    if sd > 1e-12:
        z = (rate - rate.mean()) / sd
        out |= {"skewness": float((z**3).mean()), "kurtosis": float((z**4).mean())}
        turnout, share = s.turnout[some], s.share[some]
        if turnout.std() > 1e-12:
            out["correlation"] = float(np.corrcoef(turnout, share)[0, 1])
    return out


def spectrum(x: Floats) -> Floats:
    """How many of x, shape (s,), lie in each thousandth of [0, 1]: all that a fit needs to know."""
    return np.bincount(np.minimum((x * _FINE).astype(np.int64), _FINE - 1), minlength=_FINE).astype(float)


def centre(seen: Floats) -> float:
    """The mode of a kernel density (Silverman's width, at least one point) below `_TOP`; of several peaks, the one with most around it.

    Two peaks are two only if the density between them falls to `_DEEP` of the lower one.

    Parameters
    ----------
    seen : a `spectrum`.
    """
    n, each = seen.sum(), np.cumsum(seen)
    mean = _MIDDLES @ seen / n
    quarter = np.subtract(*_MIDDLES[np.searchsorted(each, [0.75 * n, 0.25 * n])]) / 1.349
    spread = min(np.sqrt((_MIDDLES - mean) ** 2 @ seen / n), quarter)
    width = max(0.9 * spread * n**-0.2, 0.01)
    coarse = seen.reshape(_GRID, -1).sum(axis=1)
    kernel = np.exp(-((np.arange(-_GRID, _GRID + 1) / _GRID / width) ** 2) / 2)
    density = np.convolve(coarse, kernel)[_GRID : 2 * _GRID]
    # Where most stations are at the very top there is no other centre.
    below = int(_TOP * _GRID)
    inside = density[:below] if 2 * coarse[:below].sum() >= n else density
    up = np.concatenate([[True], inside[1:] > inside[:-1], [False]])
    peaks = np.flatnonzero(up[:-1] & ~up[1:] & (inside > 0)).tolist()
    valleys = [int(a + np.argmin(inside[a : b + 1])) for a, b in itertools.pairwise(peaks)]
    while valleys:
        depth = [
            inside[v] / min(inside[a], inside[b])
            for v, (a, b) in zip(valleys, itertools.pairwise(peaks), strict=True)
        ]
        shallow = int(np.argmax(depth))
        if depth[shallow] <= _DEEP:
            break
        peaks.pop(shallow if inside[peaks[shallow]] < inside[peaks[shallow + 1]] else shallow + 1)
        valleys.pop(shallow)
    around = [coarse[a:b].sum() for a, b in itertools.pairwise([0, *valleys, _GRID])]
    at = peaks[int(np.argmax(around))]
    bend = density[at - 1] - 2 * density[at] + density[at + 1] if 0 < at < _GRID - 1 else 0.0
    off = (density[at - 1] - density[at + 1]) / (2 * bend) if bend < 0 else 0.0
    return float((at + 0.5 + np.clip(off, -0.5, 0.5)) / _GRID)


def _width(seen: Floats, side: NDArray[np.bool_], middle: float) -> float:
    """Root mean square of the distances to the middle, on one side of it."""
    n = seen[side].sum()
    square = float((_MIDDLES[side] - middle) ** 2 @ seen[side] / n) if n else 0.0
    return max(math.sqrt(square), _LEAST_WIDTH)


def _nodes(mean: float, sd: float, n: int) -> Floats:
    """Middle points of n equally probable stretches of the normal law within [0, 1]."""
    low, high = ndtr(-mean / sd), ndtr((1 - mean) / sd)
    return np.asarray(mean + sd * ndtri(low + (high - low) * (np.arange(n) + 0.5) / n))


def law(
    turnout: tuple[float, float], share: tuple[float, float], x: Floats, alpha: float, nodes: int = _FULL[1]
) -> Floats:
    """The law of a station's share where the parts x of the non-voters and x^α of the others' votes go to the leader.

    Parameters
    ----------
    turnout, share : centre and spread of the normal laws, both cut to [0, 1].
    x : shape (k,), equally probable parts.

    Returns
    -------
    Probability of each of `BINS` bins.
    """
    a = _nodes(*turnout, nodes)[:, None]
    taken = x**alpha
    after = a + x * (1 - a)
    # The others' part of the ballots falls from 1 − v to (1 − v)·kept, so a bin of the new share is a stretch of v.
    kept = np.maximum(a * (1 - taken) / after, 1e-9).ravel()
    mean, sd = share
    low, high = ndtr(-mean / sd), ndtr((1 - mean) / sd)
    v = 1 - (1 - np.linspace(0, 1, BINS + 1)) / kept[:, None]
    below = (ndtr((np.clip(v, 0, 1) - mean) / sd) - low) / (high - low)
    return np.diff(below.mean(axis=0))


def fit(turnout: Floats, share: Floats, alphas: Floats = ALPHAS, nodes: _Nodes = _FULL) -> Fit:
    """f_i and f_e with the least squared distance between the histogram of the shares and the model's.

    Parameters
    ----------
    turnout, share : their `spectrum`.
    alphas : the values of α that are tried.
    nodes : how many of x and of a.
    """
    a, v = centre(turnout), centre(share)
    of_turnout = (a, _width(turnout, a > _MIDDLES, a))
    of_share = (v, _width(share, v > _MIDDLES, v))
    theta = _width(share, v < _MIDDLES, v)
    seen = share.reshape(BINS, -1).sum(axis=1) / share.sum()
    grow, whole = _nodes_half(theta, nodes[0]), 1 - _nodes_half(EXTREME_WIDTH, nodes[0] // 2)
    fair = law(of_turnout, of_share, np.zeros(1), 1.0, nodes[1])
    best: Fit | None = None
    for alpha in alphas.tolist():
        incremental, extreme = (law(of_turnout, of_share, x, alpha, nodes[1]) for x in (grow, whole))
        basis = np.stack([incremental - fair, extreme - fair], axis=1)
        free, bounded = _least_squares(basis, seen - fair)
        rest = seen - fair - basis @ bounded
        distance = float((rest**2).sum())
        if best is None or distance < best.distance * (1 - 1e-9):
            best = Fit(
                free=free,
                bounded=bounded,
                alpha=alpha,
                distance=distance,
                misfit=float(np.abs(rest).sum() / 2),
                turnout=of_turnout,
                share=of_share,
                theta=theta,
            )
    assert best is not None
    return best


def _nodes_half(width: float, n: int) -> Floats:
    """Equally probable values of |N(0, width)| below 1."""
    top = 2 * ndtr(1 / width) - 1
    return np.asarray(width * ndtri((1 + top * (np.arange(n) + 0.5) / n) / 2))


def _least_squares(basis: Floats, target: Floats) -> tuple[Floats, Floats]:
    """The two coefficients of least squares, without bounds and in the triangle f ≥ 0, f_i + f_e ≤ 1."""
    gram, right = basis.T @ basis, basis.T @ target
    free = np.linalg.solve(gram + 1e-12 * np.trace(gram) * np.eye(2) + 1e-300 * np.eye(2), right)
    if (free >= 0).all() and free.sum() <= 1:
        return free, free
    edge = basis[:, 0] - basis[:, 1]
    on_edge = np.clip(edge @ (target - basis[:, 1]) / max(float(edge @ edge), 1e-300), 0, 1)
    alone = np.clip(right / np.maximum(np.diag(gram), 1e-300), 0, 1)
    tried = np.array([[0, 0], [alone[0], 0], [0, alone[1]], [on_edge, 1 - on_edge]])
    loss = ((target - tried @ basis.T) ** 2).sum(axis=1)
    return free, tried[int(np.argmin(loss))]


def intervals(s: Stations, whole: Fit) -> tuple[Floats, Floats]:
    """Lower and upper ends of f_i and f_e, within [0, 1]: the jackknife's 95 % interval around the unbounded values.

    Blocks of neighbouring stations are left out one at a time, because neighbours vote alike; α stays within a step of its value.
    """
    near = ALPHAS[np.abs(np.log2(ALPHAS / whole.alpha)) < 0.6]
    ends = np.arange(_GROUPS + 1) * s.share.size // _GROUPS
    blocks = [np.stack([spectrum(x[i:j]) for i, j in itertools.pairwise(ends)]) for x in (s.turnout, s.share)]
    turnout, share = (x.sum(axis=0) - x for x in blocks)
    left = np.stack([fit(t, v, near, _QUICK).free for t, v in zip(turnout, share, strict=True)])
    error = np.sqrt((_GROUPS - 1) / _GROUPS * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return np.clip(whole.free - _T * error, 0, 1), np.clip(whole.free + _T * error, 0, 1)


def _between(x: Floats, region: Ints) -> float | None:
    """The part of the variance of x that lies between regions; None with one region."""
    _, which, size = np.unique(region, return_inverse=True, return_counts=True)
    if size.size < 2 or x.std() < 1e-12:
        return None
    means = np.bincount(which, weights=x) / size
    return float((size * (means - x.mean()) ** 2).sum() / ((x - x.mean()) ** 2).sum())


def _clean(s: Stations, rng: np.random.Generator) -> Part:
    """f_i and f_e on `audits.clean` elections with these registered voters, regions and places.

    Turnout and share vary, and go together, as much as they do in each region here.
    """
    ballots, leader = s.ballots.astype(np.int64), s.leader.astype(np.int64)
    votes = np.stack([leader, ballots - leader], axis=1)
    rows = np.arange(ballots.size)
    e = Election(s.registered.astype(np.int64), ballots, ballots, votes, s.region, s.place, rows)
    elections = int(np.clip(_CLEAN_STATIONS // ballots.size, 3, 20))
    got = []
    for _ in range(elections):
        drawn = draw_election(e, rng)
        some = drawn.cast > 0
        turnout, share = drawn.cast[some] / drawn.registered[some], drawn.votes[some, 0] / drawn.cast[some]  # type: ignore[index]
        got.append(fit(spectrum(turnout), spectrum(share), nodes=_QUICK).bounded)
    said: dict[str, Number] = {"elections": elections}
    for name, values in zip(("incremental", "extreme"), np.transpose(got), strict=True):
        said |= {f"{name}_mean": float(values.mean()), f"{name}_highest": float(values.max())}
    return said


@audit(
    id="fingerprint",
    title=N_("Turnout against share"),
    grade="D",
    needs=("counts.option", "counts.registered"),
    null_hypothesis=N_("None: the fit is a description, because no clean election follows its model."),
    assumptions=(_NORMAL, _APART, _ALIKE, _CLOSE),
    innocent_explanations=(
        N_("The leader is stronger in regions, or in the countryside, where more people vote."),
        N_("A country of several peoples or regions has shares with more than one peak."),
        N_("Small closed communities, barracks, hospitals and ships vote together and nearly all."),
    ),
    citation=(
        "P. Klimek, Y. Yegorov, R. Hanel, S. Thurner (2012), Statistical detection of systematic election irregularities, PNAS "
        "109(41), 16469-16473, doi:10.1073/pnas.1210722109."
    ),
    pitfalls=(
        N_(
            "Regions that differ, or turnout and share that go together, move both figures without anybody's doing; they "
            "count stations that the bell around the centre leaves over on the right side, whatever the reason."
        ),
        N_("The intervals say how the figures would vary between such stations, not what is normal."),
        N_(
            "Even on elections that follow the model the incremental part comes out too low where it is large, and the "
            "intervals hold the truth less often than they say."
        ),
        N_(
            "The fit stands on the centre of the shares; where two peaks are about as high, another one may be "
            "chosen and the figures jump."
        ),
    ),
)
def fingerprint(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Fit f_i (incremental) and f_e (extreme) of Klimek et al. (2012) to the stations' shares, with intervals.

    The statistic is f_i. Parts: ``incremental`` and ``extreme`` (``value``, ``low``, ``high``: parts of the stations); ``model`` (α, the
    centres and spreads, θ, the squared ``distance`` and the ``misfit``: the part of the stations that lie in other bins than fitted);
    ``log-vote-rate`` (`moments`); ``regions`` (the part of the variance that lies between them). With `calibrate`, the calibration says what
    the fit gives on clean elections with these turnouts, regions and spreads.

    There is no effect in votes: it would stand beside the margin as if the model were true.
    """
    entry = REGISTRY["fingerprint"]
    s, leader, left_out = stations_of(data)
    if s.registered.size < ENOUGH:
        return not_applied(
            entry,
            N_("It needs {least} stations with registered voters, ballots and votes that fit, and has {n}."),
            least=ENOUGH,
            n=int(s.registered.size),
        )
    whole = fit(spectrum(s.turnout), spectrum(s.share))
    low, high = intervals(s, whole)
    parts: dict[str, Part] = {
        name: {"value": float(whole.bounded[i]), "low": float(low[i]), "high": float(high[i])}
        for i, name in enumerate(("incremental", "extreme"))
    }
    parts["model"] = {
        "alpha": whole.alpha,
        "turnout": whole.turnout[0],
        "turnout_spread": whole.turnout[1],
        "share": whole.share[0],
        "share_spread": whole.share[1],
        "theta": whole.theta,
        "distance": whole.distance,
        "misfit": whole.misfit,
    }
    parts["log-vote-rate"] = rate = moments(s)
    between = [_between(x, s.region) for x in (s.turnout, s.share)]
    known = [x for x in between if x is not None]
    parts["regions"] = dict(zip(("turnout", "share"), between, strict=True))
    correlation = rate.get("correlation")
    notes = [
        Sentence(N_("Leading option: {leader}."), {"leader": leader}),
        Sentence(
            N_("Stations left out, because a number is missing, too small or does not fit: {n}."),
            {"n": left_out},
        ),
    ]
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(whole.bounded[0]),
        n=int(s.registered.size),
        assumptions={
            _NORMAL: None,
            _APART: abs(correlation) < 0.1 if isinstance(correlation, float) else None,
            _ALIKE: max(known) < _BETWEEN if known else None,
            _CLOSE: whole.misfit < _MISFIT,
        },
        parts=parts,
        flags_expected=0.0,
        calibration=_clean(s, generator(seed, entry.id)) if calibrate else {},
        notes=tuple(notes),
    )
