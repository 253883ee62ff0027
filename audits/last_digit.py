"""Last digits of vote counts, and how far they lie from the digit before.

Beber & Scacco (2012): where people invent numbers, last digits are uneven and neighbours too rarely alike, while the last digit of a
count of many votes is even under almost any law. "Almost any" fails for small counts, because a count's law falls towards its tail and a cut
at any size leaves more low digits than high ones. So counts enter here with a weight that rises smoothly with their size, and each
indicator (a last digit, a repeated one) is compared with its own average over the counts near by. What remains has mean
zero under every law of counts that is smooth over some twenty votes; its variance is that of a sum over independent counts of the law near by.

The published figures (all counts from 10 on, against even digits) are printed beside it as a description.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, chndtr, gammaln

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
from audits.calibration import power
from audits.clean import Election, draw_election
from audits.words import N_

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST = 10  # votes; smaller counts have no weight
FULL = 100  # votes; from here on a count has its whole weight
ENOUGH = 200  # counts, as many as the weights make, below which nothing is tested
_SMOOTH_OVER = 10  # votes
_SIMULATED = 2_000_000  # counts drawn while calibrating, over all simulated elections
_ROUNDED = 1024
_EXPECTED = 4  # elections at most whose sums are computed
_CHUNK = 10_000
_BLURRED = 25.0  # variance of a count; exp(-2π²/100 · 25) is 0.7 percent

_SMOOTH = N_(
    "How many stations have a count changes smoothly with the count, over stretches of about twenty votes."
)
_FREE = N_("Given its size, a count's last digit does not depend on that of another count.")
_MANY = N_("There are enough counts of enough votes.")
_INNOCENT = (
    N_("Estimates that were published instead of counts, or counts computed back from percentages."),
    N_("Many stations with one and the same small electorate, so that counts gather at a few values."),
    N_("Votes that are given out or counted in bundles of ten."),
)
_CITATION = (
    "B. Beber, A. Scacco (2012), What the numbers say: a digit-based test for election fraud, Political Analysis 20(2), "
    "211-234, doi:10.1093/pan/mps003; tested against smooth counts instead of even digits."
)


def indicators(size: int) -> Floats:
    """For each count below `size`: whether each digit is its last (10), whether its last two are alike, or next to each other.

    Next to each other are also 9 and 0.

    Returns
    -------
    Shape (12, size).
    """
    k = np.arange(size)
    apart = np.abs(k % 10 - k // 10 % 10)
    apart = np.minimum(apart, 10 - apart)
    return np.stack([*(k % 10 == d for d in range(10)), apart == 0, apart == 1]).astype(np.float64)


def weight(size: int) -> Floats:
    """The weight of each count below `size`: 0 up to `LEAST`, 1 from `FULL`, and smooth to the third order between."""
    steps = (FULL - LEAST) // 3
    rise = np.ones(1)
    for _ in range(3):
        rise = np.convolve(rise, np.full(steps, 1 / steps))
    out = np.zeros(max(size, LEAST + rise.size + 1))
    out[LEAST + 1 : LEAST + 1 + rise.size] = rise
    return np.asarray(np.cumsum(out)[:size])


def contrasts(size: int) -> Floats:
    """Each indicator less its average over the counts near by, times the weight: what a count adds to each sum.

    The average is of fourth order: it follows any law of counts that is a cubic over some twenty votes.
    """
    seen = indicators(size + 4 * _SMOOTH_OVER)
    box = np.full(_SMOOTH_OVER, 1 / _SMOOTH_OVER)
    triangle = np.convolve(box, box)  # symmetric about its middle
    once = _smooth(seen, triangle)
    near = 2 * once - _smooth(once, triangle)
    return np.asarray((seen - near)[:, :size] * weight(size))


def _smooth(rows: Floats, kernel: Floats) -> Floats:
    half = kernel.size // 2
    padded = np.pad(rows, ((0, 0), (half, half)), mode="edge")
    return np.stack([np.convolve(row, kernel, mode="valid") for row in padded])


@dataclass(frozen=True)
class _Sums:
    """Over some counts: the sums of the contrasts, shape (12,), their covariance, and how many counts the weights make."""

    total: Floats
    covariance: Floats
    counts: float

    def pvalue(self, which: slice) -> tuple[float, float]:
        """The quadratic form of these sums and its tail: chi-squared with as many degrees of freedom as they have."""
        v, t = self.covariance[which, which], self.total[which]
        values, vectors = np.linalg.eigh(v)
        some = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-300)
        if not some.any():
            return 0.0, 1.0
        score = float(((vectors[:, some].T @ t) ** 2 / values[some]).sum())
        return score, float(chdtrc(int(some.sum()), score))


@lru_cache(maxsize=16)
def _tables(size: int) -> tuple[Floats, Floats]:
    """`contrasts` and `weight`, kept, because calibration asks for the same hundreds of times."""
    return contrasts(size), weight(size)


DIGITS, PAIRS = slice(0, 10), slice(10, 12)


def sums(counts: Ints) -> _Sums:
    """The contrasts summed over counts.

    Parameters
    ----------
    counts : shape (n,), not negative.
    """
    seen = np.bincount(np.minimum(counts, _folded(counts)), minlength=1).astype(np.float64)
    c, w = _tables(-(-seen.size // _ROUNDED) * _ROUNDED)
    c, w = c[:, : seen.size], w[: seen.size]
    total = (w * seen).sum()
    # The spread of a count of the law near by, not of the counts themselves: these are few where the sums are below zero, and
    # would make them look larger than they are (as in Neyman's chi-squared against Pearson's).
    box = np.full(_SMOOTH_OVER, 1 / _SMOOTH_OVER)
    near = _smooth(_smooth(seen[None], np.convolve(box, box)), np.convolve(box, box))[0]
    return _Sums(c @ seen, (c * near) @ c.T, float(total**2 / max(float((w * w * seen).sum()), 1e-300)))


def _folded(counts: Ints) -> Ints:
    """The same with counts above 9,999 brought down by whole thousands: their last digits and weight are the same."""
    return np.asarray(np.where(counts >= 10_000, 9_000 + counts % 1000, counts))


def published(counts: Ints) -> dict[str, float]:
    """The published figures over counts from 10 on, against even digits, without a filter of size.

    ``mean`` and ``chi2`` (9 degrees of freedom) of the last digit with its tail ``tail_if_even``; ``in_0_5``, the part of last digits
    that are 0 or 5; ``repeated``, ``adjacent`` and ``others``, parts of last pairs by their circular distance 0, 1 and more.
    """
    k = counts[counts >= 10]
    if not k.size:
        return {}
    last = k % 10
    seen = np.bincount(last, minlength=10)
    chi2 = float(((seen - k.size / 10) ** 2).sum() / (k.size / 10))
    apart = np.abs(last - k // 10 % 10)
    apart = np.minimum(apart, 10 - apart)
    return {
        "n": int(k.size),
        "mean": float(last.mean()),
        "chi2": chi2,
        "tail_if_even": float(chdtrc(9, chi2)),
        "in_0_5": float(np.isin(last, (0, 5)).mean()),
        "repeated": float((apart == 0).mean()),
        "adjacent": float((apart == 1).mean()),
        "others": float((apart > 1).mean()),
    }


def _kept(data: AuditData) -> pl.DataFrame:
    """The stations that have a number, none negative, for every option."""
    assert data.counts is not None
    options = list(data.count_options)
    return data.counts.drop_nulls(options).filter(pl.min_horizontal(options) >= 0)


def votes_of(data: AuditData) -> Ints:
    """Votes (stations, options) of the stations that have a number, none negative, for every option."""
    frame = _kept(data).select(data.count_options)
    return np.asarray(frame.to_numpy().astype(np.int64).reshape(frame.height, len(data.count_options)))


@audit(
    id="last-digit",
    title=N_("Last digits"),
    grade="C",
    needs=("counts.option",),
    null_hypothesis=N_(
        "How many stations have a count is a smooth function of the count, so that every last digit, and every distance "
        "between the last two, comes as often as the counts near by say."
    ),
    assumptions=(_SMOOTH, _FREE, _MANY),
    innocent_explanations=_INNOCENT,
    citation=_CITATION,
    pitfalls=(
        N_(
            "Against even digits, as published, small counts alone give alarms in clean elections: a law that falls "
            "leaves more low digits than high ones. The figures called published are a description for that reason."
        ),
        N_(
            "Only numbers that somebody made up digit by digit show here; votes moved or added by the hundred do not."
        ),
        N_(
            "Two p-values are printed, over all options together: for the digits, and for the pairs of digits."
        ),
    ),
)
def last_digit(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Uneven last digits, and last digits too often or too rarely like the one before, over the counts of all options.

    Counts of `FULL` votes enter wholly, smaller ones less, those of up to `LEAST` not at all. The statistic is the quadratic form of the ten
    sums of `contrasts`, chi-squared with nine degrees of freedom under the null; the part ``pairs`` is that of repeated and adjacent digits (two).
    Parts ``digit/d`` hold how many counts end in d beyond expectation; parts ``published/x`` the figures of `published` for each
    option, for people who voted and for ballots cast.

    `effect_votes` is nine votes for each count that ends in an overly frequent digit beyond expectation: the most that changing last digits
    alone could move.
    """
    entry = REGISTRY["last-digit"]
    votes = votes_of(data)
    if not len(votes):
        return not_applied(
            entry, N_("It needs stations with a number for every option, and no station has one.")
        )
    found = sums(votes.ravel())
    if found.counts < ENOUGH:
        return not_applied(
            entry,
            N_("It needs {least} counts of many votes, and these data have about {n}."),
            least=ENOUGH,
            n=round(found.counts),
        )
    score, pvalue = found.pvalue(DIGITS)
    pair_score, pair_pvalue = found.pvalue(PAIRS)
    rates: tuple[float | None, float | None] = (None, None)
    calibration: Part = {}
    notes = [Sentence(N_("Counts that enter, smaller ones in part: {n}."), {"n": round(found.counts)})]
    if calibrate:
        *rates, calibration = _false_alarms(data, votes, generator(seed, entry.id))  # type: ignore[assignment]
        made_up = power(data, lambda e: [sums(e.votes.ravel()).pvalue(DIGITS)[1]], seed, "digits")
        calibration = {**calibration, **made_up}
    else:
        notes.append(
            Sentence(N_("The false-alarm rate was not measured, because calibration was switched off."))
        )
    sd = np.sqrt(np.maximum(np.diag(found.covariance), 1e-300))
    parts: dict[str, Part] = {
        "pairs": {
            "grade": "C",
            "statistic": pair_score,
            "pvalue": pair_pvalue,
            "false_alarm_rate": rates[1],
            "repeated_excess": float(found.total[10]),
            "repeated_z": float(found.total[10] / sd[10]),
            "adjacent_excess": float(found.total[11]),
            "adjacent_z": float(found.total[11] / sd[11]),
        }
    }
    parts |= {
        f"digit/{d}": {"excess": float(found.total[d]), "z": float(found.total[d] / sd[d])} for d in range(10)
    }
    assert data.counts is not None
    for name in (*data.count_options, "voted", "cast"):
        figures = published(data.counts[name].drop_nulls().to_numpy().astype(np.int64))
        if figures:
            parts[f"published/{name}"] = figures
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=score,
        pvalue=pvalue,
        n=int((votes > LEAST).sum()),
        effect_votes=9 * float(np.maximum(found.total[DIGITS], 0).sum()),
        effect_meaning=N_("the most that changed last digits alone could move; a scale, not votes in doubt"),
        assumptions={_SMOOTH: None, _FREE: None, _MANY: True},
        parts=parts,
        flags_expected=0.0,
        false_alarm_rate=rates[0],
        calibration=calibration,
        notes=tuple(notes),
    )


def _false_alarms(data: AuditData, votes: Ints, rng: np.random.Generator) -> tuple[float, float, Part]:
    """How often each of the two tests speaks at level `ALPHA` on `audits.clean` elections with these totals.

    With few stations the alarms are counted. With many, the rate follows from the noncentral chi-squared law: the drift of the sums,
    which would grow with the number of stations, from their expectations in a few elections (given each station's true share, so that the digits' own chance
    is not in them), and their spread from the places of these elections, within which counts may hang on each other.
    """
    region, place = _codes(data)
    total = votes.sum(axis=1)
    e = Election(None, total, total, votes, region, place, np.arange(len(votes)))
    elections = int(np.clip(_SIMULATED // max(votes.size, 1), 1, 400))
    said: dict[str, float | int | str] = {"level": ALPHA, "elections": elections, "stations": len(votes)}
    if elections >= 200:
        drawn = [draw_election(e, rng).votes for _ in range(elections)]
        tails = np.array(
            [[s.pvalue(DIGITS)[1], s.pvalue(PAIRS)[1]] for s in (sums(x.ravel()) for x in drawn)]
        )
        rates = (tails <= ALPHA).mean(axis=0)
        error = float(np.sqrt(max(rates.max(), 1 / elections) / elections))
        return float(rates[0]), float(rates[1]), said | {"method": "counted", "standard_error": error}
    expected = np.zeros(FULL + 20 * _SMOOTH_OVER)
    options = votes.shape[1]

    def expect(option: int, n: Ints, share: Floats) -> None:
        if option < options:
            _add_expected(expected, n, share)

    elections = min(elections, _EXPECTED)
    drawn = [draw_election(e, rng, expect).votes for _ in range(elections)]
    said["elections"] = elections
    everything = sums(np.concatenate([x.ravel() for x in drawn]))
    drift_of = replace(everything, total=_tables(_ROUNDED)[0][:, : expected.size] @ expected)
    of_place = np.concatenate([_sums_by(x, place) for x in drawn])
    rates_of = []
    for which, freedom in ((DIGITS, 9), (PAIRS, 2)):
        drift = drift_of.pvalue(which)[0] / elections
        # What each place adds to the expectation of the quadratic form.
        inverse = np.linalg.pinv(everything.covariance[which, which], rcond=1e-9, hermitian=True)
        added = np.einsum("pa,ab,pb->p", of_place[:, which], inverse, of_place[:, which])
        spread = float(added.sum()) / freedom
        error = float(added.std() * np.sqrt(added.size)) / freedom
        rate, beyond = (
            float(1 - chndtr(chdtri(freedom, ALPHA) / max(x, 1e-9), freedom, drift))
            for x in (spread, spread + error)
        )
        rates_of.append(rate)
        said |= {f"drift_{freedom}": drift, f"spread_{freedom}": spread}
        said["standard_error"] = max(float(said.get("standard_error", 0.0)), beyond - rate)
    return rates_of[0], rates_of[1], said | {"method": "drift and spread"}


def _sums_by(votes: Ints, place: Ints) -> Floats:
    """The contrasts summed over the counts of each place; shape (places, 12)."""
    short = _folded(votes)
    table = _tables(-(-(int(short.max(initial=0)) + 1) // _ROUNDED) * _ROUNDED)[0].T
    order = np.argsort(place, kind="stable")
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    total = np.zeros((len(votes), table.shape[1]))
    for column in short[order].T:
        total += table[column]
    return np.asarray(np.add.reduceat(total, first, axis=0))


def _add_expected(expected: Floats, n: Ints, share: Floats) -> None:
    """Add to each count how many stations are expected to have it, for the stations whose counts can lean to a digit.

    A binomial whose variance is above `_BLURRED` has no more than exp(-2π²/100 · variance) of any preference for a last digit: it is left out.
    """
    mean = n * share
    variance = mean * (1 - share)
    lean = (variance < _BLURRED) & (mean + 8 * np.sqrt(variance) > LEAST) & (mean < FULL + 8 * _SMOOTH_OVER)
    n, share, mean, variance = n[lean], np.clip(share[lean], 1e-12, 1 - 1e-12), mean[lean], variance[lean]
    if not n.size:
        return
    reach = int(np.ceil(7 * np.sqrt(_BLURRED)))
    table = gammaln(np.arange(min(int(n.max()), 1_000_000) + 2.0))  # table[k + 1] is log k!
    n = np.minimum(n, 1_000_000)
    for start in range(0, n.size, _CHUNK):
        rows = slice(start, start + _CHUNK)
        k = np.rint(mean[rows]).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
        inside = (k >= 0) & (k <= n[rows, None])
        k = np.clip(k, 0, n[rows, None])
        odds = np.log(share[rows]) - np.log1p(-share[rows])
        ways = table[n[rows] + 1][:, None] - table[k + 1] - table[n[rows, None] - k + 1]
        mass = np.exp(ways + k * odds[:, None] + (n[rows] * np.log1p(-share[rows]))[:, None]) * inside
        short = np.minimum(k, expected.size - 1)
        expected += np.bincount(short.ravel(), weights=mass.ravel(), minlength=expected.size)


def _codes(data: AuditData) -> tuple[Ints, Ints]:
    """Region and place of the stations of `votes_of`; a station without a place is one by itself."""
    place = pl.coalesce("place_id", "station_id")
    coded = _kept(data).select(
        pl.col("region").fill_null("").rank("dense").cast(pl.Int64),
        place.rank("dense").cast(pl.Int64).alias("place"),
    )
    return coded["region"].to_numpy(), coded["place"].to_numpy()
