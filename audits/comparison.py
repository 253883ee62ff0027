"""Confirmed tally against the official figure: where two records of the same acta differ."""

from __future__ import annotations

import numpy as np
import polars as pl

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit
from audits.plant import SHARES
from audits.symmetry import LEVEL, MIN_STATIONS, power, sign_test
from audits.words import N_, Number, flag, flagged_frame

_SAME = N_("Both records are meant to be of the same acta of the same station.")
_READ = N_("A confirmed number is the number that is written on the sheet.")
_INDEPENDENT = N_("Errors in different stations are made independently (only for the sign symmetry).")

_DIFFERS = N_("{field}: the sheet says {left}, the official record says {right}.")
_DIFFERS_CAUSE = N_("{field}: the sheet says {left}, the official record says {right} ({cause}).")

_LIST = "registered"


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
        "R. A. Fisher (1935), The Design of Experiments, section 21 (sign-flip test); M. Pagano and D. Tritchler "
        "(1983), On Obtaining Permutation Distributions in Polynomial Time, JASA 78 (its exact distribution)."
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

    "sign symmetry" asks whether the errors favour somebody: for each option the exact sign-flip test of its net
    (`audits.symmetry`), and the smallest p-value times the number of options with differences (Bonferroni), so
    that one p-value covers them all. The statistic is the largest |net| / root of summed squares. Its false-alarm
    rate is computed, not simulated: the exact rates of the options' tests, added up. It has a p-value,
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
    examined = confirmed.filter("votes").select("station_id").n_unique()
    parts["sign symmetry"] = _sign_symmetry(once, examined, calibrate)
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


def _sign_symmetry(differences: pl.DataFrame, examined: int, calibrate: bool) -> Part:
    """Do the errors help one option? One row per station, contest and field in `differences`.

    The power is that of the option with fewest votes in error, when 1, 3 or 10 percent of the stations examined have an error of middling size
    that favours it.
    """
    stations = differences["station_id"].n_unique()
    if stations < MIN_STATIONS:
        return {"stations": stations, "statistic": None, "pvalue": None, "grade": "C"}
    wide = differences.pivot(
        on=["contest", "field"], index="station_id", values="difference", sort_columns=True
    )
    matrix = wide.drop("station_id").fill_null(0).to_numpy()
    matrix = matrix[:, np.any(matrix != 0, axis=0)]
    tests = [sign_test(column, LEVEL / matrix.shape[1]) for column in matrix.T]
    # An option with fewer than MIN_STATIONS differences cannot speak; the others still answer for all options.
    known = [t for t in tests if t.pvalue is not None]
    pvalue = min((float(t.pvalue) for t in known if t.pvalue is not None), default=1.0) * len(tests)
    found: Part = {}
    if calibrate:
        least = matrix[:, int(np.argmin((matrix.astype(float) ** 2).sum(axis=0)))]
        middling = float(np.median(np.abs(matrix[matrix != 0])))
        found = {
            f"power_{round(100 * share)}": power(
                least, round(share * examined), middling, LEVEL / matrix.shape[1]
            )
            for share in SHARES
        }
    return {
        "stations": stations,
        "statistic": float(
            np.max(np.abs(matrix.sum(axis=0)) / np.sqrt((matrix.astype(float) ** 2).sum(axis=0)))
        ),
        "pvalue": min(1.0, pvalue),
        "false_alarm_rate": sum(t.false_alarm_rate or 0.0 for t in known) if calibrate else None,
        "exact": all(t.exact for t in tests),
        "grade": "C",
        **found,
    }
