"""Photos filed for the wrong station, for two stations, or for a station that does not exist."""

from __future__ import annotations

import polars as pl

from audits.audit import REGISTRY, AuditData, AuditResult, Sentence, audit
from audits.words import N_, flag, flagged_frame

_SAME = N_("Photos with the same fingerprint (SHA-256) are the same photo.")
_READ = N_("A confirmed station code is the one that the sheet carries.")
_REGISTER = N_("The register is the current one.")

_TWICE = N_("One photo is filed for {count} stations: {stations}.")
_OTHER = N_(
    "The photo is filed for station {claimed}, and the sheet in it carries the code of station {read}."
)
_PRINTED = N_("The sheet's code says station {read}, and the number printed on it {printed}.")
_UNKNOWN = N_("A photo is filed for station {station}, which is not in the register.")
_UNKNOWN_READ = N_("A photo shows a sheet of station {station}, which is not in the register.")


@audit(
    id="filings",
    title=N_("Photos and the stations they are filed for"),
    grade="A",
    needs=("filings",),
    null_hypothesis=N_(
        "None is tested: where a photo is filed either agrees with the photo and the register or not."
    ),
    assumptions=(_SAME, _READ, _REGISTER),
    innocent_explanations=(
        N_("Somebody chose the wrong station in a list, or sent the same photo twice in a hurry."),
        N_("Two contests of one station, or two stations of one building, lay on the same table."),
        N_("The register was corrected during the night and the station was added later."),
        N_("A wrong label was glued on, or the printed number was misread."),
        N_("A sheet of another station was used because the right one was missing, and a note says so."),
    ),
    citation="Cotejo's own rule: a photo is evidence about exactly one station.",
    pitfalls=(
        N_("A misread code looks like a wrong filing: only confirmed codes are flagged."),
        N_("Two different photos of one sheet have different fingerprints, and are not found here."),
    ),
)
def filings(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Flag photos whose filing contradicts the photo itself (grade A) or the register (grade B).

    Grade A, two records of the same acta differ: one photo filed for two stations; a confirmed code on a
    page that is not the station it was filed for. A file of several pages may be filed for several stations if each
    of them is on one of its pages. Grade B, the filing is impossible by the country's own
    list: the station (the claimed one, or a confirmed read one when none was claimed) is not in the register,
    which may merely be out of date; or the sheet's code and its printed number name different stations.

    Statistic: photos flagged; n: photos examined. `parts` counts each kind, and codes that differ
    unconfirmed.
    """
    entry = REGISTRY["filings"]
    assert data.filings is not None
    rows = data.filings
    claimed, read = pl.col("station_claimed"), pl.col("station_read")
    # A file of several pages may be filed for several stations, if its sheets are of these.
    shown = (
        rows.filter("confirmed").select("photo", station_claimed="station_read", shown=pl.lit(True)).unique()
    )
    filed = rows.join(shown, on=["photo", "station_claimed"], how="left").with_columns(
        pl.col("shown").fill_null(False),
        claims=claimed.drop_nulls().unique().over("photo", mapping_strategy="join"),
    )
    twice = (
        filed.drop_nulls("station_claimed")
        .group_by("photo", maintain_order=True)
        .agg(claimed.unique().sort(), every=pl.col("shown").all())
        .filter(claimed.list.len() > 1, ~pl.col("every"))
        .drop("every")
    )
    other = filed.filter(claimed != read, ~(pl.col("shown") & pl.col("claims").list.contains(read)))
    unknown = rows.filter(
        ~pl.col("in_register"), claimed.is_not_null() | (read.is_not_null() & pl.col("confirmed"))
    )
    flags = [
        flag(
            station,
            Sentence(_TWICE, {"count": len(stations), "stations": ", ".join(stations)}),
            "A",
            photo=photo,
        )
        for photo, stations in twice.iter_rows()
        for station in stations
    ]
    wrong_code = other.filter("confirmed")
    flags += [
        flag(
            row["station_claimed"],
            Sentence(_OTHER, {"claimed": row["station_claimed"], "read": row["station_read"]}),
            "A",
            photo=row["photo"],
        )
        for row in wrong_code.to_dicts()
    ]
    printed = rows.filter("confirmed", pl.col("station_printed").is_not_null())
    flags += [
        flag(
            row["station_read"],
            Sentence(_PRINTED, {"read": row["station_read"], "printed": row["station_printed"]}),
            "B",
            photo=row["photo"],
        )
        for row in printed.unique(["photo", "page"], maintain_order=True).to_dicts()
    ]
    flags += [
        flag(
            row["station_claimed"] or row["station_read"],
            Sentence(
                _UNKNOWN if row["station_claimed"] else _UNKNOWN_READ,
                {"station": row["station_claimed"] or row["station_read"]},
            ),
            "B",
            photo=row["photo"],
        )
        for row in unknown.to_dicts()
    ]
    flagged = flagged_frame(flags)
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(flagged["photo"].n_unique()),
        n=rows["photo"].n_unique(),
        assumptions={_SAME: True, _READ: None, _REGISTER: None},
        parts={
            "one photo, several stations": {"photos": twice.height},
            "another station's code": {"photos": wrong_code["photo"].n_unique()},
            "another station's code, unconfirmed": {
                "photos": other.filter(~pl.col("confirmed"))["photo"].n_unique()
            },
            "code and printed number": {"photos": printed["photo"].n_unique()},
            "not in the register": {"photos": unknown["photo"].n_unique()},
        },
        flagged=flagged,
        flags_expected=None,
    )
