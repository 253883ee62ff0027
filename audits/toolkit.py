"""The figures of the Election Forensics Toolkit, as a description and not as tests.

Hicken & Mebane (2017) set out for each series of counts the mean second digit (2BL) and last digit, how often counts and percentages end in 0
or 5, the skewness and kurtosis of the shares, and how share and turnout go together. Against the laws named for them (Benford's for second digits)
they reject clean elections: Deckert, Myagkov & Ordeshook (2011), Mebane's own study of American contests. So nothing is tested here:
figures with their intervals, for people who will compare them with published ones. The toolkit's dip test of unimodality is not computed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit
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
    tens = 10 ** (np.searchsorted(10 ** np.arange(2, 19, dtype=np.int64), k, side="right")).astype(np.int64)
    return np.asarray(k // tens % 10)


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


def _mean(x: Floats) -> float:
    return float(x.mean()) if x.size else float("nan")


def _moment(power: int) -> Callable[[Floats], float]:
    def standardised(share: Floats) -> float:
        """Standardised with the spread over all stations (n, not n − 1)."""
        sd = share.std() if share.size else 0.0
        return float((((share - share.mean()) / sd) ** power).mean()) if sd > 0 else float("nan")

    return standardised


def _slope(share: Floats, turnout: Floats) -> float:
    spread = turnout - _mean(turnout)
    below = float((spread**2).sum())
    return float((spread * share).sum()) / below if below > 0 else float("nan")


def _ends(percent: Floats) -> Floats:
    return np.isin(np.rint(percent) % 10, (0, 5)).astype(np.float64)


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

    def of(keep: NDArray[np.bool_]) -> dict[str, float]:
        k, p = counts[keep], share[keep]
        whole = np.isfinite(p)
        out = {
            "2BL": _mean(second_digits(k).astype(np.float64)),
            "LastC": _mean((k % 10).astype(np.float64)),
            "P05s": _mean(_ends(100 * p[whole])),
            "C05s": _mean(np.isin(k % 10, (0, 5)).astype(np.float64)),
            "Skew": _moment(3)(p[whole]),
            "Kurt": _moment(4)(p[whole]),
        }
        if turnout is not None:
            t = turnout[keep]
            both = whole & np.isfinite(t)
            out["Sobyanin"] = _slope(p[both], t[both]) - _mean(p[both])
            flat = both.sum() < 2 or p[both].std() == 0 or t[both].std() == 0
            out["Correlation"] = float("nan") if flat else float(np.corrcoef(p[both], t[both])[0, 1])
        return out

    everything = of(np.ones(counts.size, dtype=np.bool_))
    group = np.arange(counts.size) % GROUPS
    parts = [of(group != g) for g in range(min(GROUPS, counts.size))] if counts.size > 1 else []
    out = {}
    for name, value in everything.items():
        left_out = np.array([p[name] for p in parts])
        g = left_out.size
        error = float(np.sqrt((g - 1) / g * ((left_out - left_out.mean()) ** 2).sum())) if g else float("nan")
        out[name] = (value, value - _Z * error, value + _Z * error)
    return out


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
    ),
)
def forensics_toolkit(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Mean second and last digits, counts and percentages that end in 0 or 5, skewness, kurtosis, slope and correlation.

    The statistic is the mean second digit of the leading option. Parts are named ``series/figure`` (``value``, ``low``, ``high``), and
    ``series/second-digit`` has the fit to Benford's law (`second_digit_fit`); series are the options and, where people who
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
