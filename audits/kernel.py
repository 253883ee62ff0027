"""Vote shares that gather at single values more than counting people would make them, wherever those values are.

Rozenas (2017) compares the kernel density of the leader's share with densities of resampled elections and adds up the stations of the
places where it exceeds the *largest* of them. That maximum grows with the number of resamples, so the figure falls as they do; it is printed as a
description (`audits.resampled`). The test here needs no resamples. It rests on one fact: whatever people's true preferences are, the count of a station
of t ballots is binomial around its own, so on the scale of asin √share the law of all stations of about t ballots is smooth over
1/(2√t). Each bin of a tenth of a point is compared with what a kernel well below that width finds around it in stations of a like size; how many
counts v of t fall into the bin at all (1/2 is many, 0.501 few) is counted exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.fft import dct, idct
from scipy.special import bdtr, bdtrc, betainc, gammaincc

from audits import resampled
from audits.audit import (
    ALPHA,
    REGISTRY,
    AuditData,
    AuditResult,
    Part,
    Sentence,
    audit,
    generator,
    not_applied,
)
from audits.clean import Election, draw_election, election
from audits.plant import PLANTS, SHARES
from audits.words import N_, Number

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS = 1000  # of the share, as in the paper; bin j lies around j/1000
LEVEL = 0.001  # of the envelope in each bin: what the largest of a thousand resamples is there
SMALLEST, LARGEST = 24, 10_000  # ballots
WIDTH = 0.3  # of the kernel, in standard deviations of the binomial
_RATIO = 1.5  # of ballots within a class of stations
_VARIANCE = 6  # of the binomial at a share, below which it is too lopsided to be smooth there
_GRID = 2048  # cells of asin √share, 0 to π/2
ENOUGH = 50  # stations of a size that can be looked at
RESAMPLES = 1000  # of the published figure
_PUBLISHED_UP_TO = 75_000  # stations; beyond, it takes longer than all other audits
_SHOWN = 20  # bins printed at most
_SIMULATED = 100_000  # stations drawn while calibrating, in no fewer and no more elections than
_ELECTIONS = (8, 40)
_PLANT = "rounding"

_BINOMIAL = N_(
    "Each station's votes vary at least as a binomial does around the share that is its own, whatever that is."
)
_ALIKE = N_(
    "Stations of like size (within a factor of 1.5) may have any shares, if these do not hang on the exact number of ballots."
)
_INDEPENDENT = N_("Given their own shares, stations do not take their numbers from each other.")


@dataclass(frozen=True)
class Design:
    """What follows from the stations' ballots alone; c classes of stations of a like size.

    Attributes
    ----------
    used : shape (s,), whether a station is of a size that can be looked at.
    cls : shape (used,), class of each used station.
    room : shape (c, `BINS` + 1), the part of a class's density that falls into each bin; 0 where nothing is tested.
    keep : shape (c, `_GRID`), the kernel's Fourier (cosine) coefficients.
    own : shape (c, `BINS` + 1), how much of a bin's expectation each station in it adds itself.
    """

    used: NDArray[np.bool_]
    ballots: Ints
    cls: Ints
    room: Floats
    keep: Floats
    own: Floats


@dataclass(frozen=True)
class Fit:
    """Per bin, shape (`BINS` + 1,): stations seen, expected from those around, and the tail of seeing so many.

    `tail` is 1 where nothing is tested or no more are seen than expected.
    """

    seen: Ints
    expected: Floats
    tail: Floats
    tested: int
    stations: int

    @property
    def beyond(self) -> Floats:
        """Stations beyond the expected ones in the bins that leave the envelope, else 0."""
        return np.where(self.tail <= LEVEL, self.seen - self.expected, 0.0)

    @property
    def statistic(self) -> float:
        """Percent of the stations that are beyond the expected ones in bins outside the envelope."""
        return float(100 * self.beyond.sum() / max(self.stations, 1))

    @property
    def evidence(self) -> float:
        """Σ log(LEVEL / tail) over the bins outside the envelope."""
        tail = np.maximum(self.tail[self.tail <= LEVEL], 1e-300)
        return float(np.log(LEVEL / tail).sum())

    @property
    def pvalue(self) -> float:
        """P(evidence at least so large): a binomial number of bins outside, each with a standard exponential.

        This is the law for independent continuous tails; those of counts are larger, which only lowers the evidence
        (cf. Zaykin et al. 2002, "Truncated product method", Genetic Epidemiology 22(2)).
        """
        return _tail(self.evidence, self.tested, LEVEL)


def _tail(evidence: float, bins: int, chance: float) -> float:
    """P(the sum of K standard exponentials ≥ `evidence`), K ~ Binomial(`bins`, `chance`)."""
    if evidence <= 0 or not bins:
        return 1.0
    most = min(60 + 3 * int(bins * chance), bins)
    mass = np.diff(bdtr(np.arange(most + 1), bins, chance))
    tail = (mass * gammaincc(np.arange(1, most + 1), evidence)).sum() + bdtrc(most, bins, chance)
    return float(min(1.0, tail))


def design(ballots: Ints) -> Design:
    """The classes, bins and kernels for stations of so many ballots, shape (s,)."""
    used = (ballots >= SMALLEST) & (ballots <= LARGEST)
    t = ballots[used]
    cls = np.floor(np.log(t / SMALLEST) / np.log(_RATIO)).astype(np.int64)
    cls = np.unique(cls, return_inverse=True)[1]
    classes = int(cls.max(initial=-1)) + 1
    room, own = np.zeros((classes, BINS + 1)), np.zeros((classes, BINS + 1))
    keep = np.zeros((classes, _GRID))
    share = np.arange(BINS + 1) / BINS
    edges = np.maximum(2 * np.arange(BINS + 2) - 1, 0).astype(np.uint32)
    slope = 1 / (2 * np.sqrt(np.maximum(share * (1 - share), 1e-9)))  # of asin √share
    waves = 2.0 * np.arange(_GRID)
    for c in range(classes):
        sizes, many = np.unique(t[cls == c], return_counts=True)
        inside = share * (1 - share) * sizes[0] >= _VARIANCE
        at = np.flatnonzero(inside)
        # Counts v with edges[j] ≤ 2000 v / t < edges[j + 1] are in bin j.
        ends = edges[at[0] : at[-1] + 2] * sizes[:, None].astype(np.uint32)
        first = (ends + np.uint32(2 * BINS - 1)) // np.uint32(2 * BINS)
        counts = (first[:, 1:] - first[:, :-1]).astype(np.float32)
        room[c, at] = (many / sizes / many.sum()).astype(np.float32) @ counts * slope[at]
        h = WIDTH / (2 * np.sqrt(sizes[-1]))
        once = np.exp(-((h * waves) ** 2) / 2)
        keep[c] = 2 * once - once**2  # twicing: follows any cubic, so that a peak is not worn down
        own[c] = room[c] * (2 - np.sqrt(0.5)) / (h * np.sqrt(2 * np.pi))
    return Design(used, t, cls, room, keep, own)


def fit(d: Design, votes: Ints) -> Fit:
    """Look at the leader's votes, shape (s,), of the stations that `d` was made for."""
    v, t = votes[d.used], d.ballots
    classes = len(d.room)
    if not classes:
        nothing = np.zeros(BINS + 1)
        return Fit(nothing.astype(np.int64), nothing, nothing + 1, 0, 0)
    bins = (2 * BINS * v + t) // (2 * t)
    seen = np.bincount(d.cls * (BINS + 1) + bins, minlength=classes * (BINS + 1)).reshape(classes, -1)
    angle = np.arcsin(np.sqrt(v / t)) * (2 * _GRID / np.pi)
    cell = np.minimum(angle.astype(np.int64), _GRID - 1)
    hist = np.bincount(d.cls * _GRID + cell, minlength=classes * _GRID).reshape(classes, -1)
    smooth = idct(dct(hist.astype(np.float64), axis=1) * d.keep, axis=1) * (2 * _GRID / np.pi)
    at = np.arcsin(np.sqrt(np.arange(BINS + 1) / BINS)) * (2 * _GRID / np.pi) - 0.5
    low = np.clip(np.floor(at).astype(np.int64), 0, _GRID - 2)
    part = np.clip(at - low, 0, 1)
    density = smooth[:, low] * (1 - part) + smooth[:, low + 1] * part
    raw = d.room * np.maximum(density, 0)
    tested = d.room > 0
    mean = raw.sum(axis=0)
    number = (seen * tested).sum(axis=0)
    own = np.where(mean > 0, (d.own * raw).sum(axis=0) / np.maximum(mean, 1e-300), d.own.max(axis=0))
    own = np.clip(own, 1e-6, 0.9)
    # Without what the bin adds to its own expectation; then k of k + r fall into a bin that has the part `own` of the kernel.
    others = np.maximum(mean - (d.own * seen).sum(axis=0), 0.0)
    expected = others / (1 - own)
    tail = np.ones(BINS + 1)
    more = (number > expected) & tested.any(axis=0)
    tail[more] = betainc(number[more], others[more] / own[more] + 1, own[more])
    return Fit(number, expected, tail, int(tested.any(axis=0).sum()), int(v.size))


@audit(
    id="resampled-kernel",
    title=N_("Vote shares that gather at single values"),
    grade="C",
    needs=("counts.cast", "counts.option"),
    null_hypothesis=N_(
        "The leading option's votes are binomial in the ballots of each station around a share of the station's own; shares then "
        "spread smoothly over neighbouring values, as far as the possible counts of stations of their size allow."
    ),
    assumptions=(_BINOMIAL, _ALIKE, _INDEPENDENT),
    innocent_explanations=(
        N_(
            "Results that were published as percentages and computed back into counts, or rounded on the way."
        ),
        N_("One typing error that repeats, for example a total that is written twice the leader's votes."),
        N_("The same acta entered for several stations, or one station entered several times."),
    ),
    citation=(
        "A. Rozenas (2017), Detecting election fraud from irregularities in vote-share distributions, Political Analysis 25(1), "
        "41-56, doi:10.1017/pan.2016.9; with a null evaluated bin by bin instead of the largest of its resamples."
    ),
    pitfalls=(
        N_(
            "Only values sharper than a binomial show: a wide bulge, or a whole region with one share, does not."
        ),
        N_(
            "The published figure depends on the number of resamples (it falls as they grow), and is a description; no two "
            "of them can be compared unless that number is the same."
        ),
        N_("Stations with fewer than 24 or more than 10,000 ballots are left out of the test."),
    ),
)
def resampled_kernel(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Stations whose share of the leading option lies where stations are denser than those around explain.

    The statistic is in percent of the stations: how many are beyond the expected number in bins of a tenth of a point that
    leave their envelope (the pointwise quantile 1 − `LEVEL`, which a thousand resamples' largest is on average). There is nothing random
    in it. The p-value is that of `Fit.evidence`, the sum of log(`LEVEL` / tail) over those bins. Parts ``bin/x`` hold the bins outside, the
    most surprising first; ``published`` is the figure of Rozenas's package at `RESAMPLES` resamples (made only with `calibrate`).

    `effect_votes` is all the leader's votes in the stations beyond the expected number.
    """
    entry = REGISTRY["resampled-kernel"]
    leader, frame = _stations(data)
    votes, ballots = frame["votes"].to_numpy(), frame["ballots"].to_numpy()
    d = design(ballots)
    if d.ballots.size < ENOUGH:
        return not_applied(
            entry,
            N_("It needs {least} stations with 24 to 10,000 ballots, and these data have {n}."),
            least=ENOUGH,
            n=int(d.ballots.size),
        )
    found = fit(d, votes)
    outside = np.flatnonzero(found.tail <= LEVEL)
    outside = outside[np.lexsort((outside, found.tail[outside]))]
    parts: dict[str, Part] = {
        f"bin/{j / BINS:.3f}": {
            "seen": int(found.seen[j]),
            "expected": float(found.expected[j]),
            "tail": float(found.tail[j]),
        }
        for j in outside[:_SHOWN]
    }
    parts["envelope"] = {
        "level": LEVEL,
        "bins_tested": found.tested,
        "bins_outside": int(outside.size),
        "stations_beyond": float(found.beyond.sum()),
        "evidence": found.evidence,
    }
    notes = [
        Sentence(N_("Leading option: {leader}."), {"leader": leader}),
        Sentence(
            N_("Stations of a size that can be tested: {n}; others: {left}."),
            {"n": found.stations, "left": data.counts.height - found.stations},  # type: ignore[union-attr]
        ),
    ]
    rate: float | None = None
    calibration: Part = {}
    if calibrate:
        rng = generator(seed, entry.id)
        rate, calibration = _calibrated(data, rng)
        if frame.height <= _PUBLISHED_UP_TO:
            parts["published"] = resampled.published(frame, RESAMPLES, rng)
    else:
        notes.append(
            Sentence(N_("The false-alarm rate was not measured, because calibration was switched off."))
        )
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=found.statistic,
        pvalue=found.pvalue,
        n=found.stations,
        effect_votes=_leaders_votes(d, votes, found),
        effect_meaning=N_(
            "all votes of the leading option in stations beyond the expected number; a scale, not votes in "
            "doubt"
        ),
        assumptions={_BINOMIAL: None, _ALIKE: None, _INDEPENDENT: None},
        parts=parts,
        flags_expected=0.0,
        false_alarm_rate=rate,
        calibration=calibration,
        notes=tuple(notes),
    )


def _stations(data: AuditData) -> tuple[str, pl.DataFrame]:
    """The leading option, and ``registered``, ``ballots`` and ``votes`` of the stations with usable numbers."""
    assert data.counts is not None
    leader = data.leader
    frame = data.counts.select("registered", ballots="cast", votes=leader)
    return leader, frame.filter(
        pl.col("votes") >= 0, pl.col("ballots") >= pl.col("votes"), pl.col("ballots") > 0
    )


def _leaders_votes(d: Design, votes: Ints, found: Fit) -> float:
    v, t = votes[d.used], d.ballots
    bins = (2 * BINS * v + t) // (2 * t)
    together = np.bincount(bins, weights=v, minlength=BINS + 1)
    return float((found.beyond * together / np.maximum(np.bincount(bins, minlength=BINS + 1), 1)).sum())


def _calibrated(data: AuditData, rng: np.random.Generator) -> tuple[float | None, Part]:
    """How often the test speaks at level `ALPHA` on clean elections with these totals, and on some with shares rounded.

    The rate is that of `_tail` with the part of bins outside that the clean elections have. It is measured at ten
    times `LEVEL`, where ten times as many bins tell it.
    """
    e = election(data)
    if e is None:
        return None, {}
    # Only the leader and all the others matter.
    others = e.votes.sum(axis=1) - e.votes[:, e.leader]
    e = replace(e, votes=np.column_stack([e.votes[:, e.leader], others]))
    elections = int(np.clip(_SIMULATED // max(e.cast.size, 1), *_ELECTIONS))
    drawn = [draw_election(e, rng) for _ in range(elections)]
    fits = [_of(x) for x in drawn]
    tested = sum(f.tested for f in fits)
    outside = sum(int((f.tail <= 10 * LEVEL).sum()) for f in fits)
    chance = outside / max(tested, 1) / 10
    bins = round(tested / elections)
    error = chance / np.sqrt(max(outside, 1))
    line = _line(bins)
    rate = _tail(line, bins, chance)
    said: dict[str, Number] = {
        "level": ALPHA,
        "elections": elections,
        "stations": int(e.cast.size),
        "method": "bins outside",
        "part_of_bins": chance,
        "standard_error": _tail(line, bins, chance + error) - rate,
        "plant": _PLANT,
    }
    for share in SHARES:
        spoke = [_of(PLANTS[_PLANT](x, share, rng)).pvalue <= ALPHA for x in drawn[: max(8, elections // 3)]]
        said[f"power_{round(100 * share)}"] = float(np.mean(spoke))
    return rate, said


def _of(e: Election) -> Fit:
    votes = e.votes[:, 0]
    return fit(design(e.cast), votes)


def _line(bins: int) -> float:
    """The evidence whose p-value is `ALPHA`."""
    low, high = 1e-9, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _tail(middle, bins, LEVEL) > ALPHA else (low, middle)
    return high
