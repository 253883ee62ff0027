"""Confirmed tally against the official figure: where two records of the same acta differ."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.audit import ALPHA, REGISTRY, AuditData, AuditResult, Part, Sentence, audit, generator
from audits.words import N_, Number, flag, flagged_frame

_SAME = N_("Both records are meant to be of the same acta of the same station.")
_READ = N_("A confirmed number is the number that is written on the sheet.")
_INDEPENDENT = N_("Errors in different stations are made independently (only for the sign symmetry).")

_DIFFERS = N_("{field}: the sheet says {left}, the official record says {right}.")
_DIFFERS_CAUSE = N_("{field}: the sheet says {left}, the official record says {right} ({cause}).")

_LIST = "registered"

MIN_ACTAS = 6
"""Fewer differing stations than this cannot reach any useful level: 2 of 2^5 sign patterns are 6 percent."""
_ENUMERATED = 13  # up to so many stations all sign patterns are tried
_DRAWS = 9_999
_BATCH = 500  # draws at a time, to bound memory: 500 × stations bytes


@audit(
    id="comparison",
    title=N_("Sheet against official record"),
    grade="A",
    needs=("comparison",),
    null_hypothesis=N_(
        "None is tested for the flagged stations. For the sign symmetry: errors help and hurt each option "
        "alike, so "
        "that turning all the differences of any one station around gives a pattern just as likely."
    ),
    assumptions=(_SAME, _READ, _INDEPENDENT),
    innocent_explanations=(
        N_("Numbers were copied or typed wrongly under pressure of time; each cause has its usual share."),
        N_("The acta was lawfully corrected, recounted or annulled after the photo was taken."),
        N_("The photo shows another physical copy, on which somebody wrote a different number."),
        N_("Station ids were matched wrongly between the two sources."),
    ),
    citation=(
        "R. A. Fisher (1935), The Design of Experiments, section 21 (sign-flip test); P. H. Westfall and S. "
        "S. Young (1993), "
        "Resampling-Based Multiple Testing (maximum over options)."
    ),
    pitfalls=(
        N_("Only confirmed numbers are flagged; a misread photo looks exactly like a changed record."),
        N_(
            "Where errors cluster (one clerk, one batch), signs are not independent and symmetry looks "
            "broken."
        ),
        N_("A lopsided contest makes some errors one-sided: there is more to lose where more is written."),
        N_("Symmetric errors can still decide a close contest, and one-sided ones can be too few to matter."),
    ),
)
def comparison(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Flag every confirmed number of the tally that differs from the official one.

    A pair is compared when both sides are numbers; blank, illegible and absent are not differences. Registered voters
    are counted in the part "registered" and flag nobody: lists are corrected lawfully, and are no votes.
    Statistic: actas (station and contest) with a confirmed difference; n: actas with a confirmed pair;
    `effect_votes`: the gross difference over option fields (or, when the data name no options, over all
    fields).

    `parts`: "confirmed" and "unconfirmed" and "registered" (actas, differing, gross), "cause/…", and "net/contest/option", sheet
    minus official as in the table of comparisons: a positive number is what the official record takes from the
    option.

    "sign symmetry" asks whether the errors favour somebody. All differences of a station are turned around
    together, by all sign patterns (up to 13 stations) or 9,999 random ones; the statistic is the largest
    |net| / root of summed squares over the options, so that one p-value covers them all. It has a p-value,
    counts as a test in the battery, and is of grade C: a one-sided pattern of errors is a pattern, not a
    further difference between records. Grade A belongs to the flagged rows, each of which is a fact about two
    records and needs no test; this is why the audit as a whole has no p-value.
    """
    entry = REGISTRY["comparison"]
    assert data.comparison is not None
    pairs = data.comparison.drop_nulls(["left", "right"]).with_columns(
        (pl.col("left") - pl.col("right")).alias("difference"),
        (pl.col("field").is_in(data.options) if data.options else pl.lit(True)).alias("votes"),
    )
    # A corrected list is no different count: it is told, and flags nobody.
    lists, pairs = pairs.filter(pl.col("field") == _LIST), pairs.filter(pl.col("field") != _LIST)
    confirmed, rest = pairs.filter("confirmed"), pairs.filter(~pl.col("confirmed"))
    differ = confirmed.filter(pl.col("difference") != 0)
    by_cause = (
        differ.explode("cause")
        .drop_nulls("cause")
        .group_by("cause")
        .agg(pl.struct("station_id", "contest").n_unique())
    )
    # A station may have several photos; its error happened once.
    once = differ.filter("votes").unique(
        ["station_id", "contest", "field"], keep="first", maintain_order=True
    )
    net = once.group_by("contest", "field").agg(pl.col("difference").sum()).sort("contest", "field")
    parts: dict[str, Part] = {"confirmed": _summary(confirmed), "unconfirmed": _summary(rest)}
    if lists.height:
        parts["registered"] = _summary(lists.filter("confirmed").with_columns(votes=pl.lit(False)))
    parts |= {f"cause/{cause}": {"actas": n} for cause, n in by_cause.sort("cause").iter_rows()}
    parts |= {f"net/{contest}/{field}": {"votes": votes} for contest, field, votes in net.iter_rows()}
    parts["sign symmetry"] = _sign_symmetry(once, generator(seed, entry.id), calibrate)
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(differ.select("station_id", "contest").n_unique()) if differ.height else 0.0,
        n=confirmed.select("station_id", "contest").n_unique() if confirmed.height else 0,
        effect_votes=float(once["difference"].abs().sum()),
        effect_meaning=N_(
            "votes for options that differ between the two records, added up without regard to sign"
        ),
        assumptions={_SAME: None, _READ: None, _INDEPENDENT: None},
        parts=parts,
        flagged=flagged_frame([_flag(row, entry.grade) for row in differ.to_dicts()]),
        notes=(
            Sentence(
                N_(
                    "Some errors of copying are expected in every count; how many, the causes and the net "
                    "tell better."
                )
            ),
        ),
    )


def _flag(row: dict[str, object], grade: str) -> dict[str, str | int | None]:
    left, right, causes = row["left"], row["right"], row["cause"]
    assert isinstance(left, int) and isinstance(right, int)
    numbers: dict[str, Number] = {"field": str(row["field"]), "left": left, "right": right}
    if isinstance(causes, list) and causes:
        sentence = Sentence(_DIFFERS_CAUSE, {**numbers, "cause": ", ".join(map(str, causes))})
    else:
        sentence = Sentence(_DIFFERS, numbers)
    return flag(
        str(row["station_id"]),
        sentence,
        grade,
        contest=None if row["contest"] is None else str(row["contest"]),
        field=str(row["field"]),
        votes=abs(right - left),
        photo=None if row["photo"] is None else str(row["photo"]),
    )


def _summary(pairs: pl.DataFrame) -> Part:
    differ = pairs.filter(pl.col("difference") != 0)
    votes = differ.filter("votes").unique(
        ["station_id", "contest", "field"], keep="first", maintain_order=True
    )
    return {
        "actas": pairs.select("station_id", "contest").unique().height,
        "differing": differ.select("station_id", "contest").unique().height,
        "gross": int(votes["difference"].abs().sum()),
    }


def _sign_symmetry(differences: pl.DataFrame, rng: np.random.Generator, calibrate: bool) -> Part:
    """Do the errors help one option? One row per station, contest and field in `differences`."""
    stations = differences["station_id"].n_unique()
    if stations < MIN_ACTAS:
        return {"stations": stations, "statistic": None, "pvalue": None, "grade": "C"}
    wide = differences.sort("station_id", "contest", "field").pivot(
        on=["contest", "field"], index="station_id", values="difference", sort_columns=True
    )
    matrix = wide.sort("station_id").drop("station_id").fill_null(0).to_numpy().astype(np.float64)
    norm = np.sqrt((matrix**2).sum(axis=0))
    matrix, norm = matrix[:, norm > 0], norm[norm > 0]

    def statistic(signs: NDArray[np.int8]) -> NDArray[np.float64]:
        return np.asarray((np.abs(signs @ matrix) / norm).max(axis=1))

    observed = float(statistic(np.ones((1, stations), dtype=np.int8))[0])
    exact = stations <= _ENUMERATED
    if exact:
        patterns = np.arange(1 << stations)[:, None] >> np.arange(stations) & 1
        reference = statistic((1 - 2 * patterns).astype(np.int8))
        pvalue = float(np.mean(reference >= observed))
    else:
        sizes = (min(_BATCH, _DRAWS - start) for start in range(0, _DRAWS, _BATCH))
        reference = np.concatenate(
            [statistic(1 - 2 * rng.integers(0, 2, (size, stations), dtype=np.int8)) for size in sizes]
        )
        pvalue = float((1 + np.count_nonzero(reference >= observed)) / (1 + _DRAWS))
    # Sign patterns are the null itself on the user's own differences: how often would one of them be called?
    ranked = np.sort(reference)
    tails = 1 - np.searchsorted(ranked, ranked, side="left") / ranked.size
    return {
        "stations": stations,
        "statistic": observed,
        "pvalue": pvalue,
        "false_alarm_rate": float(np.mean(tails <= ALPHA)) if calibrate else None,
        "exact": exact,
        "grade": "C",
    }
