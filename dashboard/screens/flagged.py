"""For auditors: the flagged stations, to filter, to trace to an acta, to take away."""

from __future__ import annotations

import polars as pl
import streamlit as st

from audits.audit import REGISTRY
from dashboard import names, parts, state
from dashboard.text import _, plain, whole
from tabulate import views
from tabulate.export import csv_bytes, flagged, parquet_bytes, xlsx_bytes

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def main() -> None:
    """Draw the page."""
    mission, line = state.mission(), state.line()
    parts.heading(
        _("Flagged stations"),
        _("Each row can be traced to a photo and a formula. A flag is a reason to look, not a judgement."),
    )
    everything = flagged(line.tables)
    if everything.is_empty():
        st.info(_("No station is flagged."))
        return
    titles = {a: _(REGISTRY[a].title) if a in REGISTRY else a for a in sorted(everything["audit"].unique())}
    first, second, third, fourth = st.columns([2, 3, 2, 3])
    with first:
        grades = st.multiselect(
            _("Grade"),
            [g for g in views.GRADES if g in everything["grade"]],
            key="flag_grades",
            placeholder=_("All"),
        )
    with second:
        audits = st.multiselect(
            _("Audit"),
            list(titles),
            format_func=titles.__getitem__,
            key="flag_audits",
            placeholder=_("All"),
        )
    with third:
        region = parts.region_picker(line.tables, mission, "flag_region")
    with fourth:
        contest = parts.contest_picker(mission, everything=True, key="flag_contest")
    words = st.text_input(_("Text in the row"), key="flag_words", max_chars=100)
    frame = views.narrow(
        everything,
        grades=grades,
        audits=audits,
        region=region,
        contest=contest.id if contest else None,
        words=words,
    )
    stations = frame["station_id"].n_unique()
    st.caption(
        _("Rows: {rows}. Stations: {stations}.").format(rows=whole(frame.height), stations=whole(stations))
    )
    meaning = [f"{g}: {names.grade(g)}" for g in views.GRADES if g in frame["grade"]]
    if meaning:
        st.caption(plain(" · ".join(meaning)))
    expected(line.audit)
    listing(frame, line.tables["findings"])
    downloads(frame)


def expected(audit: dict[str, object]) -> None:
    """How many flags a clean election would show."""
    documents = audit.get("contests") or {"": audit}
    known: dict[str, float] = {}
    for document in documents.values():  # type: ignore[attr-defined]
        for one in document["audits"]:
            if one["flags_expected"] is not None and one["flagged"]:
                known[one["id"]] = known.get(one["id"], 0) + one["flags_expected"]
    said = [f"{_(REGISTRY[a].title)}: {whole(n)}" for a, n in known.items()]
    if said:
        st.caption(_("A clean election of this size would show: {what}.").format(what=plain(", ".join(said))))
    else:
        st.caption(
            _("Errors of copying and adding occur in every election; how many is not known for this one.")
        )


def listing(frame: pl.DataFrame, findings: pl.DataFrame) -> None:
    """The rows, in the language of the session; choosing one opens its acta."""
    mission = state.mission()
    page = parts.paged(frame, "flags")
    source = dict(
        zip(
            zip(findings["station_id"], findings["evidence"], strict=True),
            findings.select("message", "numbers").rows(),
            strict=True,
        )
    )
    texts = []
    for row in page.iter_rows(named=True):
        message = source.get((row["station_id"], row["evidence"]))
        texts.append(names.evidence(*message, mission, row["contest"]) if message else row["evidence"])
    shown = page.with_columns(
        pl.Series("evidence", texts, dtype=pl.String),
        pl.Series(
            "audit", [_(REGISTRY[a].title) if a in REGISTRY else a for a in page["audit"]], dtype=pl.String
        ),
        pl.Series("tally_status", [names.status_one(s) for s in page["tally_status"]], dtype=pl.String),
        pl.Series(
            "contest",
            [mission.contests[c].name if c in mission.contests else c for c in page["contest"]],
            dtype=pl.String,
        ),
        pl.col("photo").str.head(12),
    )
    row = parts.table(
        shown,
        {
            "grade": _("Grade"),
            "station_id": _("Station"),
            "evidence": _("What was found"),
            "votes": _("Votes"),
            "region": names.region_word(mission),
            "place": _("Place"),
            "contest": _("Contest"),
            "audit": _("Audit"),
            "tally_status": _("Status"),
            "official_status": _("Authority's status"),
            "photo": "SHA-256",
        },
        key="flags_table",
        select=True,
        alt=_("Flagged stations"),
    )
    st.caption(_("Choose a row to open its acta."))
    if row is not None:
        contest = page["contest"][row] or next(iter(mission.contests))
        parts.open_acta(page["station_id"][row], contest)


def downloads(frame: pl.DataFrame) -> None:
    """What the filter left, as files; made when they are asked for."""
    files = (
        ("CSV", "csv", "text/csv", csv_bytes),
        ("XLSX", "xlsx", XLSX, xlsx_bytes),
        ("Parquet", "parquet", "application/vnd.apache.parquet", parquet_bytes),
    )
    with st.container(horizontal=True):
        for name, ending, mime, make in files:
            st.download_button(
                name,
                data=lambda make=make: make(frame),  # type: ignore[misc]
                file_name=f"flagged_stations.{ending}",
                mime=mime,
                icon=":material/download:",
                on_click="ignore",
                key=f"download_{ending}",
            )
    st.caption(_("The files hold every row of the filter, in English, and no formula."))


main()
