"""The figures of the Election Forensics Toolkit, as a description and not as tests.

Hicken & Mebane (2017) set out for each series of counts the mean second digit (2BL) and last digit, how often counts and percentages end in 0
or 5, the skewness and kurtosis of the shares, and how share and turnout go together. Against the laws named for them (Benford's for second digits)
they reject clean elections: Deckert, Myagkov & Ordeshook (2011), Mebane's own study of American contests. So nothing is tested here:
figures with their intervals, for people who will compare them with published ones. The tail of the dip
(`audits.dip`) is among the figures for the same reason: a country of two regions has two peaks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit
from audits.dip import dip, tail
from audits.words import N_

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

GROUPS = 50
"""Of the jackknife: every fiftieth station is left out at a time."""
BENFORD_2 = np.array([np.log10(1 + 1 / (10 * np.arange(1, 10) + d)).sum() for d in range(10)])
"""Benford's law of the second digit, 0 to 9 (mean 4.187)."""

_Z = 1.959963984540054
_APART = N_("Stations differ from each other independently, as far as the intervals go.")


def second_digits(counts: Ints) -> Ints:
    """The second significant digit of each count from 10 on."""
    k = counts[counts >= 10]
    large = np.flatnonzero(k >= 100)
    while large.size:  # down to two digits
        k[large] //= 10
        large = large[k[large] >= 100]
    return np.asarray(k % 10)


def second_digit_fit(counts: Ints) -> dict[str, float]:
    """``n``, ``mean``, ``chi2`` against `BENFORD_2` (9 degrees of freedom) and its tail ``tail_if_benford``."""
    digits = second_digits(counts)
    if not digits.size:
        return {}
    expected = digits.size * BENFORD_2
    chi2 = float(((np.bincount(digits, minlength=10) - expected) ** 2 / expected).sum())
    return {
        "n": int(digits.size),
        "mean": float(digits.mean()),
        "chi2": chi2,
        "tail_if_benford": float(chdtrc(9, chi2)),
    }


def _ratio(above: Floats, below: Floats) -> Floats:
    """NaN where there is nothing below."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))


def figures(counts: Ints, share: Floats, turnout: Floats | None) -> dict[str, tuple[float, float, float]]:
    """Each figure of a series with its 95 % interval (grouped jackknife).

    Parameters
    ----------
    counts : shape (s,), votes of an option, or ballots for the turnout itself.
    share : shape (s,), NaN where it does not exist: votes over ballots, or ballots over registered.
    turnout : shape (s,), or None for the turnout's own series.

    Returns
    -------
    dict
        ``2BL``, ``LastC``, ``P05s``, ``C05s``, ``Skew``, ``Kurt``, and with a turnout ``Sobyanin`` (the slope of share on turnout less the mean
        share) and ``Correlation``.
    """
    whole = np.isfinite(share)
    p, p0 = np.where(whole, share, 0.0), float(share[whole].mean()) if whole.any() else 0.0
    q = np.where(whole, p - p0, 0.0)
    q2 = q * q
    long = counts >= 10
    second = np.zeros(counts.size)
    second[long] = second_digits(counts)
    columns = [long, second, np.ones(counts.size), counts % 10, counts % 5 == 0]
    columns += [whole, whole & (np.rint(100 * p) % 5 == 0), q, q2, q2 * q, q2 * q2]
    t0 = 0.0
    if turnout is not None:
        both = whole & np.isfinite(turnout)
        t0 = float(turnout[both].mean()) if both.any() else 0.0
        t = np.where(both, turnout - t0, 0.0)
        r = np.where(both, q, 0.0)
        columns += [both, t, t * t, r, r * t, r * r]
    size = -(-counts.size // GROUPS) * GROUPS  # station i is in group i mod GROUPS
    of_group = np.empty((min(GROUPS, counts.size), len(columns)))
    padded = np.zeros(size)
    for j, column in enumerate(columns):
        padded[: counts.size] = column
        of_group[:, j] = padded.reshape(-1, GROUPS).sum(axis=0)[: len(of_group)]
    # The first row is of all stations, each other of all but one group.
    left = of_group.sum(axis=0) - np.concatenate([np.zeros((1, len(columns))), of_group])
    n2, d2, n, last, ends, w, round_, *powers = left[:, :11].T
    m1, m2, m3, m4 = (_ratio(x, w) for x in powers)
    var = m2 - m1**2
    varies = np.where(var > 1e-14, var, np.nan)
    values = {
        "2BL": _ratio(d2, n2),
        "LastC": _ratio(last, n),
        "P05s": _ratio(round_, w),
        "C05s": _ratio(ends, n),
        "Skew": (m3 - 3 * m1 * m2 + 2 * m1**3) / varies**1.5,
        "Kurt": (m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4) / varies**2,
    }
    if turnout is not None:
        some, *moments = left[:, 11:].T
        t1, tt, r1, rt, rr = (_ratio(x, some) for x in moments)
        spread_t, spread_r, joint = tt - t1**2, rr - r1**2, rt - r1 * t1
        spread_t, spread_r = (np.where(x > 1e-14, x, np.nan) for x in (spread_t, spread_r))
        values["Sobyanin"] = joint / spread_t - (r1 + p0)
        values["Correlation"] = joint / np.sqrt(spread_t * spread_r)
    out = {}
    for name, (value, *left_out) in values.items():
        g = len(left_out) if counts.size > 1 else 0
        error = (
            float(np.sqrt((g - 1) / g * ((left_out - np.mean(left_out)) ** 2).sum())) if g else float("nan")
        )
        out[name] = (float(value), float(value - _Z * error), float(value + _Z * error))
    return out


def _peaks(share: Floats) -> Part:
    """The `dip` of a series of shares, and as ``value`` its tail among uniform values, the figure that the toolkit calls DipT."""
    p = share[np.isfinite(share)]
    if p.size < 4:
        return {}
    found = dip(p)
    return {"value": tail(found, p.size), "dip": found}


@audit(
    id="forensics-toolkit",
    title=N_("Second digits and moments"),
    grade="D",
    needs=("counts.option",),
    null_hypothesis=N_("None: these figures are a description."),
    assumptions=(_APART,),
    innocent_explanations=(
        N_(
            "Strategic voting, the drawing of districts and the sizes of stations all move second digits and moments."
        ),
        N_(
            "A country of several peoples or regions has skewed and many-peaked shares without anybody's doing."
        ),
    ),
    citation=(
        "A. Hicken, W. R. Mebane (2017), A guide to elections forensics, University of Michigan; against its use as a test: "
        "J. Deckert, M. Myagkov, P. C. Ordeshook (2011), Political Analysis 19(3), 245-268, doi:10.1093/pan/mpr014."
    ),
    pitfalls=(
        N_(
            "No law says what these figures are in a clean election; second digits are not Benford's in most of them."
        ),
        N_("The intervals say how the figures would vary between such stations, not what is normal."),
        N_(
            "The dip is held against values that never repeat; where many stations have one and the same share, as "
            "small ones do, it is larger without a second peak."
        ),
    ),
)
def forensics_toolkit(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Mean second and last digits, counts and percentages that end in 0 or 5, skewness, kurtosis, slope and correlation.

    The statistic is the mean second digit of the leading option. Parts are named ``series/figure`` (``value``, ``low``, ``high``), and
    ``series/second-digit`` has the fit to Benford's law (`second_digit_fit`) and ``series/DipT`` the dip; series are the options and, where people who
    voted or ballots and registered voters are known, ``turnout``.
    """
    assert data.counts is not None
    entry = REGISTRY["forensics-toolkit"]
    frame = data.counts

    def column(name: str) -> Floats:
        values = frame[name].cast(float).to_numpy().copy()
        values[values < 0] = np.nan
        return values

    notes = []
    if data.missing("counts.cast"):
        cast = np.sum([column(o) for o in data.count_options], axis=0)
        notes.append(Sentence(N_("Ballots are not known; the options' votes together stand in for them.")))
    else:
        cast = column("cast")
    registered = column("registered")
    voted = cast if data.missing("counts.voted") else column("voted")
    with np.errstate(divide="ignore", invalid="ignore"):
        turnout = np.where(registered > 0, voted / registered, np.nan)
        shares = {o: np.where(cast > 0, column(o) / cast, np.nan) for o in data.count_options}
    series: dict[str, tuple[Floats, Floats, Floats | None]] = {
        o: (column(o), shares[o], turnout) for o in data.count_options
    }
    if np.isfinite(turnout).any():
        series["turnout"] = (voted, turnout, None)
    parts: dict[str, Part] = {}
    for name, (counts, share, beside) in series.items():
        known = np.isfinite(counts)
        if not known.any():
            continue
        k = counts[known].astype(np.int64)
        against = None if beside is None else beside[known]
        for figure, (value, low, high) in figures(k, share[known], against).items():
            parts[f"{name}/{figure}"] = {"value": value, "low": low, "high": high}
        parts[f"{name}/second-digit"] = dict(second_digit_fit(k))
        parts[f"{name}/DipT"] = _peaks(share[known])
    leader = max(data.count_options, key=lambda o: np.nansum(series[o][0]))
    statistic = parts.get(f"{leader}/2BL", {}).get("value")
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(statistic) if isinstance(statistic, float) else None,
        n=frame.height,
        assumptions={_APART: None},
        parts=parts,
        flags_expected=0.0,
        notes=(Sentence(N_("Leading option: {leader}."), {"leader": leader}), *notes),
    )
