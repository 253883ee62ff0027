"""Percentages that are whole numbers more often than counting people would make them.

Kobak, Shpilkin & Pshenichnikov (2016) count the stations whose turnout or leader's share lies within 0.05
points of a whole percentage, and compare with elections drawn from binomials around each station's own
shares. Here their null is evaluated exactly instead of by Monte Carlo: the probability that a binomial lands
near a whole percentage is a sum over the few counts that do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, ndtri

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
from audits.clean import Election
from audits.poisson_binomial import EXACT_UP_TO, upper_tail
from audits.regions import excess_by_region
from audits.words import N_, Number

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_REGISTERED = 100
"""Stations with fewer people on the list are left out, as in the paper."""

_CHUNK = 1 << 18  # terms summed at a time: small enough to stay in the cache
_SIMULATED_STATIONS = 200_000  # stations drawn while calibrating, over all simulated elections
_EXACT_IN_CALIBRATION = 100  # stations; with more, the saddlepoint serves, and costs a tenth
_MIN_SPREAD = 0.01  # simulated stations differ by at least one point more than a binomial would

_BINOMIAL = N_("In each station the count varies about as a binomial around that station's own share.")
_INDEPENDENT = N_(
    "Given the two shares, a whole turnout and a whole result come independently of each other."
)
_SMOOTH = N_(
    "The shares that stations would have in the long run do not themselves gather at whole percentages."
)
_WIDE = N_(
    "In most stations chance alone moves the share by more than half a point, so that the null is not tied to it."
)


def is_hit(k: Ints, n: Ints) -> NDArray[np.bool_]:
    """Whether 100·k/n lies within 0.05 of a whole number, ends included, in whole-number arithmetic.

    |100k/n − m| ≤ 1/20 for some whole m is the same as 20·min(r, n − r) ≤ n with r = 100k mod n. (Floating
    point gets the ends wrong: 19 of 2000 is 0.95 percent and hits, but 1 − 0.95 comes out as
    0.050000000000000044.)

    Parameters
    ----------
    k, n : shape (s,), 0 ≤ k ≤ n, n ≥ 1.
    """
    rest = (100 * k) % n
    return np.asarray(20 * np.minimum(rest, n - rest) <= n)


def hit_probability(p: Floats, n: Ints) -> Floats:
    """P(K hits) for K ~ Binomial(n, p), by summing its probabilities over the counts that hit.

    Counts further than 8 standard deviations + 8 from the mean are left out; they hold less than 1e-9.

    Parameters
    ----------
    p : shape (s,), in [0, 1].
    n : shape (s,), ≥ 1.

    Returns
    -------
    Shape (s,).
    """
    reach = np.ceil(8 * np.sqrt(n * p * (1 - p)) + 8)
    low = np.maximum(np.floor(n * p - reach), 0).astype(np.int64)
    high = np.minimum(np.ceil(n * p + reach), n).astype(np.int64)

    # For each different n: the counts in reach of any station that hit, and the logarithm of n over k.
    sizes, which = np.unique(n, return_inverse=True)
    first, last = np.full(sizes.size, np.iinfo(np.int64).max), np.zeros(sizes.size, dtype=np.int64)
    np.minimum.at(first, which, low)
    np.maximum.at(last, which, high)
    owner, k = _hits(sizes, first, last)
    log_choose = _log_choose(sizes[owner], k)

    # Each station sums over a stretch of that list.
    stride = int(sizes.max(initial=0)) + 2
    key = owner * stride + k
    start = np.searchsorted(key, which * stride + low)
    stop = np.searchsorted(key, which * stride + high, side="right")
    certain = (p <= 0) | (p >= 1)  # K is 0 or n, and both are whole percentages
    inner = np.where(certain, 0.5, p)
    log_odds, log_none = np.log(inner) - np.log1p(-inner), n * np.log1p(-inner)

    result = np.zeros(p.size)
    ends = np.cumsum(stop - start)
    bounds = (
        np.searchsorted(ends, np.arange(0, int(ends[-1]) + _CHUNK, _CHUNK), side="right") if p.size else [0]
    )
    for a, b in zip(bounds, [*bounds[1:], p.size], strict=True):
        station, term = _ranges(start[a:b], stop[a:b])
        station += a
        mass = np.exp(log_choose[term] + k[term] * log_odds[station] + log_none[station])
        result[a:b] = np.bincount(station - a, weights=mass, minlength=b - a)
    result[certain] = 1.0
    return np.minimum(result, 1.0)


def _hits(n: Ints, first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """All counts first[i] ≤ k ≤ last[i] for which `is_hit`(k, n[i]), ascending, and the i of each.

    Around m percent they are the k with n(20m − 1) ≤ 2000k ≤ n(20m + 1).
    """
    owner, m = _ranges(-((n - 2000 * first) // (20 * n)), (2000 * last + n) // (20 * n) + 1)
    low = np.maximum(-(-n[owner] * (20 * m - 1) // 2000), first[owner])
    high = np.minimum(n[owner] * (20 * m + 1) // 2000, last[owner])
    window, k = _ranges(low, np.maximum(high + 1, low))
    return owner[window], k


def _ranges(start: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """The whole numbers of all ranges start[i] ≤ x < stop[i], one after the other, and the i of each."""
    length = stop - start
    owner = np.repeat(np.arange(start.size), length)
    offset = np.repeat(start - (np.cumsum(length) - length), length)
    return owner, offset + np.arange(owner.size)


def _log_choose(n: Ints, k: Ints) -> Floats:
    if n.max(initial=0) > 1_000_000:  # a table of that length would cost more than it saves
        return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))
    table = gammaln(np.arange(n.max(initial=0) + 1) + 1.0)
    return np.asarray(table[n] - table[k] - table[n - k])


@dataclass(frozen=True)
class _Stations:
    """The stations that are looked at: whole numbers, shape (s,) each."""

    registered: Ints
    voted: Ints
    cast: Ints
    leader: Ints
    region: NDArray[np.int64]

    def kept(self) -> NDArray[np.bool_]:
        """The paper's filter; 0.99 is compared in whole numbers."""
        return np.asarray(
            (self.cast > 0)
            & (self.registered >= MIN_REGISTERED)
            & (100 * self.voted <= 99 * self.registered)
            & (100 * self.leader <= 99 * self.cast)
        )


def _stations(data: AuditData) -> tuple[_Stations, str, int, bool]:
    """Stations with all four numbers, the leading option, how many were left out, and whether `cast` stands in."""
    assert data.counts is not None
    leader = data.leader
    voted = "cast" if data.missing("counts.voted") else "voted"
    frame = data.counts.select(
        pl.col("registered"),
        pl.col(voted).alias("voted"),
        pl.col("cast"),
        pl.col(leader).alias("leader"),
        pl.col("region").fill_null("").rank("dense").cast(pl.Int64).alias("region"),
    ).drop_nulls()
    # A share above one is a contradiction, not a percentage: it belongs to the arithmetic audit.
    frame = frame.filter(
        pl.min_horizontal("registered", "voted", "cast", "leader") >= 0,
        pl.col("leader") <= pl.col("cast"),
        pl.col("voted") <= pl.col("registered"),
    )
    stations = _Stations(*(frame[c].to_numpy() for c in ("registered", "voted", "cast", "leader", "region")))
    return stations, leader, data.counts.height - frame.height, voted == "cast"


@dataclass(frozen=True)
class _Tests:
    """Per station: did it hit, and with what probability, on each of the three tests."""

    hit: dict[str, NDArray[np.bool_]]
    chance: dict[str, Floats]


def _tests(s: _Stations) -> _Tests:
    result, turnout = is_hit(s.leader, s.cast), is_hit(s.voted, s.registered)
    p_result = hit_probability(s.leader / s.cast, s.cast)
    p_turnout = hit_probability(s.voted / s.registered, s.registered)
    return _Tests(
        {"either": result | turnout, "result": result, "turnout": turnout},
        {"either": p_result + p_turnout - p_result * p_turnout, "result": p_result, "turnout": p_turnout},
    )


def _excess(hit: NDArray[np.bool_], chance: Floats, weight: Floats) -> dict[str, float]:
    observed, expected = float(weight[hit].sum()), float((weight * chance).sum())
    sd = float(np.sqrt((weight**2 * chance * (1 - chance)).sum()))
    excess = observed - expected
    return {
        "observed": observed,
        "expected": expected,
        "sd": sd,
        "excess": excess,
        "z": excess / sd if sd > 0 else float("nan"),
    }


@audit(
    id="integer-percent",
    title=N_("Whole percentages"),
    grade="C",
    needs=("counts.registered", "counts.cast", "counts.option"),
    null_hypothesis=N_(
        "The leading option's votes are binomial in the ballots cast, and the voters binomial in those "
        "registered, "
        "each around the station's own observed share, independently; whole percentages then come at the "
        "rate that "
        "these binomials give."
    ),
    assumptions=(_BINOMIAL, _INDEPENDENT, _SMOOTH, _WIDE),
    innocent_explanations=(
        N_("Stations where nobody, or everybody of a small group, votes alike (ships, barracks, hospitals)."),
        N_("Lists or ballot deliveries made up in round numbers, or lists capped at a round size."),
        N_("Figures computed back from a percentage somewhere on their way into the published file."),
        N_("Turnout targets that people really met, because voters were called until they were met."),
    ),
    citation=(
        "D. Kobak, S. Shpilkin, M. S. Pshenichnikov (2016), Integer percentages as electoral falsification "
        "fingerprints, Annals of Applied Statistics 10(1), 54-73, doi:10.1214/16-AOAS904; null evaluated "
        "exactly."
    ),
    pitfalls=(
        N_(
            "The null is centred on each station's observed share. Where chance moves a share by less than "
            "about "
            "half a point (very large stations, shares near 0 or 100) it follows the observed whole "
            "percentage and "
            "the test loses power; it does not gain false alarms when true shares are spread smoothly."
        ),
        N_(
            "Fractions with small denominators (1/2, 2/3) are common in small stations by arithmetic alone. "
            "The "
            "exact null contains this for the station's own totals, but only while those totals are right."
        ),
        N_("Most stations with whole percentages are there by chance, so no single station is flagged."),
        N_("Twelve figures are printed; only the first, named before looking, has a p-value."),
    ),
)
def integer_percent(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Excess of stations whose turnout or leader's share is a whole percentage (test *either*, weight *stations*).

    Kept are stations with ballots in the box, at least 100 people on the list, and turnout and share at most
    0.99. The p-value is one-sided: P(at least so many hits) under the Poisson-binomial law of the exact hit
    probabilities, exact up to 1,000 stations and by saddlepoint above. `parts` holds all twelve combinations
    of test and weight, as "test/weight", with observed, expected, sd, excess and z, and the first one region by region. Where nobody counted
    voters or ballots given out (`voted` null throughout), ballots in the box take their place, and a note
    says so.

    `effect_votes` is the excess of *either/leader*: all the leader's votes in the stations beyond the
    expected number. It is a scale to hold against the margin, not a number of votes in doubt.
    """
    entry = REGISTRY["integer-percent"]
    everything, leader, left_out, cast_for_voted = _stations(data)
    kept = everything.kept()
    s = _select(everything, kept)
    if not s.cast.size:
        return not_applied(
            entry, N_("None of the {n} stations passes the filter of the method."), n=int(kept.size)
        )
    tests = _tests(s)
    weights = {
        "stations": np.ones(s.cast.size),
        "voters": s.registered.astype(float),
        "given": s.voted.astype(float),
        "leader": s.leader.astype(float),
    }
    twelve = {
        f"{test}/{weight}": _excess(tests.hit[test], tests.chance[test], w)
        for test in ("either", "result", "turnout")
        for weight, w in weights.items()
    }
    assert data.counts is not None
    names = data.counts["region"].fill_null("").unique().sort().to_list()
    regions = excess_by_region(names, s.region - 1, tests.hit["either"], tests.chance["either"])
    notes = [
        Sentence(N_("Leading option: {leader}."), {"leader": leader}),
        Sentence(
            N_(
                "Stations used: {used}; left out by the method's filter: {filtered}; without usable "
                "numbers: {absent}."
            ),
            {"used": int(s.cast.size), "filtered": int(kept.size - s.cast.size), "absent": left_out},
        ),
        Sentence(
            N_("The p-value is the exact tail of the Poisson-binomial law.")
            if s.cast.size <= EXACT_UP_TO
            else N_("The p-value is the saddlepoint tail of the Poisson-binomial law.")
        ),
    ]
    if regions:
        notes.append(
            Sentence(
                N_(
                    "By region, the twelve figures' first one (either, stations) is a description and no test."
                )
            )
        )
    if cast_for_voted:
        notes.append(
            Sentence(N_("Voters are not known; ballots in the box stand in for them in the turnout."))
        )
    rate: float | None = None
    calibration: Part = {}
    if calibrate:
        rate, calibration = _false_alarms(everything, generator(seed, entry.id))
        calibration = {**calibration, **power(data, _pvalues, seed, "rounding")}
    else:
        notes.append(
            Sentence(N_("The false-alarm rate was not measured, because calibration was switched off."))
        )
    narrow = (_spread(s.leader, s.cast) < 0.5) | (_spread(s.voted, s.registered) < 0.5)
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=twelve["either/stations"]["excess"],
        pvalue=upper_tail(tests.chance["either"], int(tests.hit["either"].sum())),
        n=int(s.cast.size),
        effect_votes=twelve["either/leader"]["excess"],
        effect_meaning=N_(
            "all votes of the leading option in stations beyond the expected number; a scale, not votes in "
            "doubt"
        ),
        assumptions={_BINOMIAL: None, _INDEPENDENT: None, _SMOOTH: None, _WIDE: bool(narrow.mean() < 0.5)},
        parts={**twelve, **regions},
        flags_expected=0.0,
        false_alarm_rate=rate,
        calibration=calibration,
        notes=tuple(notes),
    )


def _pvalues(e: Election) -> list[float | None]:
    if e.registered is None:
        return [None]
    leader = e.votes[:, e.leader]
    s = _Stations(e.registered, e.voted, e.cast, leader, e.region)
    s = _select(s, s.kept() & (e.voted <= e.registered))
    tests = _tests(s)
    if not s.cast.size:
        return [None]
    return [upper_tail(tests.chance["either"], int(tests.hit["either"].sum()), _EXACT_IN_CALIBRATION)]


def _select(s: _Stations, mask: NDArray[np.bool_]) -> _Stations:
    return _Stations(s.registered[mask], s.voted[mask], s.cast[mask], s.leader[mask], s.region[mask])


def _spread(k: Ints, n: Ints) -> Floats:
    """Binomial standard deviation of a share, in percentage points."""
    p = k / n
    return np.asarray(100 * np.sqrt(p * (1 - p) / n))


def _false_alarms(s: _Stations, rng: np.random.Generator) -> tuple[float, Part]:
    """How often the test speaks at level `ALPHA` on elections without any preference for whole percentages.

    The elections are drawn on the stations' own totals from a law that is *not* the one tested: each
    station's true turnout and share come from beta distributions with the mean and spread of its region (at
    least one point of spread beyond the binomial), and counts are binomial around those. The filter is
    applied to what was drawn.

    With few stations every simulated election is tested and the rate is counted. With many, a few elections
    are enough to measure the mean and variance of the statistic under this law, and the rate follows from the
    normal law; the mean uses the hit probabilities at the true shares as a control variate, because they are
    known.
    """
    ballots, people = s.cast > 0, s.registered >= MIN_REGISTERED
    s = _select(s, ballots & people)
    n = s.cast.size
    elections = int(np.clip(_SIMULATED_STATIONS // n, 1, 400))
    share = _beta_fit(s.leader, s.cast, s.region)
    turnout = _beta_fit(s.voted, s.registered, s.region)
    many = {name: np.tile(getattr(s, name), elections) for name in ("registered", "cast", "region")}
    p_share = rng.beta(*(np.tile(x, elections) for x in share))
    p_turnout = rng.beta(*(np.tile(x, elections) for x in turnout))
    drawn = _Stations(
        many["registered"],
        rng.binomial(many["registered"], p_turnout),
        many["cast"],
        rng.binomial(many["cast"], p_share),
        many["region"],
    )
    kept = drawn.kept()
    tests = _tests(drawn)
    hit, chance = (np.where(kept, x, 0.0) for x in (tests.hit["either"], tests.chance["either"]))
    said: dict[str, Number] = {"level": ALPHA, "elections": elections, "stations": n}
    if elections >= 200:
        rows, observed = chance.reshape(elections, n), hit.reshape(elections, n).sum(axis=1)
        tails = [
            upper_tail(row, int(x), _EXACT_IN_CALIBRATION) for row, x in zip(rows, observed, strict=True)
        ]
        rate = float(np.mean(np.array(tails) <= ALPHA))
        error = float(np.sqrt(max(rate, 1 / elections) * (1 - rate) / elections))
        return rate, {**said, "method": "counted", "standard_error": error}
    # A hit minus its probability at the true shares has mean zero, and is nearly the same as hit - chance.
    inside = (p_share <= 0.99) & (p_turnout <= 0.99)
    known = np.zeros(inside.size)
    a = hit_probability(p_share[inside], drawn.cast[inside])
    b = hit_probability(p_turnout[inside], drawn.registered[inside])
    known[inside] = tests.hit["either"][inside] - (a + b - a * b)
    drift = hit - chance - known
    true_sd = float(np.sqrt(((hit - chance) ** 2).sum() / elections))
    stated_sd = float(np.sqrt((chance * (1 - chance)).sum() / elections))
    line = float(ndtri(1 - ALPHA))
    rate = float(ndtr((drift.sum() / elections - line * stated_sd) / true_sd))
    drift_error = float(drift.std() * (n / elections) ** 0.5)
    slope = float(
        np.exp(-(((drift.sum() / elections - line * stated_sd) / true_sd) ** 2) / 2) / np.sqrt(2 * np.pi)
    )
    said |= {
        "method": "mean and variance",
        "standard_error": slope * drift_error / true_sd,
        "drift_sd": float(drift.sum() / elections / stated_sd),
        "drift_standard_error": drift_error / stated_sd,
        "spread_ratio": true_sd / stated_sd,
    }
    return rate, said


def _beta_fit(k: Ints, n: Ints, region: Ints) -> tuple[Floats, Floats]:
    """Beta parameters (a, b) for each station from the mean and spread of the shares in its region, by moments."""
    _, which, size = np.unique(region, return_inverse=True, return_counts=True)

    def mean_of(x: Floats) -> Floats:
        return np.asarray((np.bincount(which, weights=x) / size)[which])

    share = k / n
    mean = np.clip(mean_of(share), 0.01, 0.99)
    spread = mean_of((share - mean) ** 2) - mean_of(mean * (1 - mean) / n)
    variance = np.clip(spread, _MIN_SPREAD**2, 0.99 * mean * (1 - mean))
    strength = mean * (1 - mean) / variance - 1
    return mean * strength, (1 - mean) * strength
