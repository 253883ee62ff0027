"""How often something is crossed out or overwritten on the sheets, by region.

F. Cantú (2019) found altered numbers on the tallies of 1988 by a network that looked at their pictures, and more of them in some states than in others. Corrections are ordinary: people
make slips and mend them, and a sheet that was mended before witnesses is a good sheet. So this is a description: the rate in each region, and which region is apart from
the others.
"""

from __future__ import annotations

import polars as pl

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit
from audits.rates import by_region, rate
from audits.words import N_

_SEEN = N_(
    "The reader sees what is crossed out equally well everywhere: photos are as good in one region as in another."
)
_SHEET = ("station_id", "contest", "photo")


@audit(
    id="corrections",
    title=N_("Crossed-out and overwritten numbers"),
    grade="D",
    needs=("sheets.struck",),
    null_hypothesis=N_("None: these figures are a description."),
    assumptions=(_SEEN,),
    innocent_explanations=(
        N_("People make slips and mend them; on many forms this is how they are told to."),
        N_("One trainer or one office teaches another way to mend a number, or to strike empty boxes."),
        N_("Shadows, folds and stamps look like strokes, more so on bad photos."),
    ),
    citation=(
        "F. Cantú (2019), The Fingerprints of Fraud: Evidence from Mexico's 1988 Presidential Election, American Political Science "
        "Review 113(3), 710-726, doi:10.1017/S0003055419000285."
    ),
    pitfalls=(
        N_("A number that was mended need not be wrong, and a wrong one need not look mended."),
        N_("Where photos are worse the reader sees more strokes, so compare regions photographed alike."),
    ),
)
def corrections(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """The part of sheets on which the reader saw something crossed out or overwritten, by region and by field.

    Statistic: that part of all sheets; n: sheets that a machine read. Parts ``region/…`` have ``examined``, ``struck``, ``rate`` with its 95 % interval and
    ``stands_out`` (`audits.rates`); parts ``field/…`` the same counts by field; the part ``total and option`` counts sheets with strokes both in a total and in an option.
    """
    entry = REGISTRY["corrections"]
    assert data.sheets is not None
    fields = data.sheets.drop_nulls("struck")
    total = pl.col("struck") & pl.col("field").is_in(["voted", "cast", "valid"])
    option = pl.col("struck") & pl.col("field").is_in(data.options)
    sheets = fields.group_by(_SHEET).agg(wrong=pl.col("struck").any(), both=total.any() & option.any())
    parts: dict[str, Part] = dict(
        by_region(sheets.join(_regions(data), on="station_id", how="left"), what="struck")
    )
    of_field = fields.group_by("field").agg(pl.len(), pl.col("struck").sum()).sort("field")
    for name, examined, struck in of_field.iter_rows():
        parts[f"field/{name}"] = {"examined": examined, "struck": struck, **rate(struck, examined)}
    parts["total and option"] = {"examined": sheets.height, "struck": int(sheets["both"].sum())}
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(sheets["wrong"].sum()) / sheets.height,
        n=sheets.height,
        assumptions={_SEEN: None},
        parts=parts,
        flags_expected=0.0,
        notes=(Sentence(N_("How often people correct themselves differs by country; compare regions.")),),
    )


def _regions(data: AuditData) -> pl.DataFrame:
    for table in (data.register, data.counts):
        if table is not None:
            return table.select("station_id", "region")
    return pl.DataFrame(schema={"station_id": pl.String, "region": pl.String})
