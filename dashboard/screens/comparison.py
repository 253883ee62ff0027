"""Where two counts differ: the tally against the latest snapshot, and snapshot against snapshot."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import names, parts, plots, state
from dashboard.text import _, plain, signed, whole
from tabulate import views


def main() -> None:
    """Draw the page."""
    mission, line = state.mission(), state.line()
    tables = line.tables
    parts.heading(
        _("Comparison"),
        _(
            "Differences are the right side minus the left. A revision by the authority is reported, not graded."
        ),
    )
    pairs = views.pairs(tables)
    if not pairs:
        st.info(_("There is nothing to compare yet: the tally or the official count is missing."))
        return
    taken = dict(tables["snapshots"].select("snapshot", "taken_at").iter_rows())
    titled = {(a, b): f"{names.snapshot(a, {})} → {names.snapshot(b, taken)}" for a, b in pairs}
    first, second, third = st.columns([3, 2, 2])
    with first:
        left, right = st.selectbox(
            _("What is compared"),
            pairs,
            format_func=titled.__getitem__,
            key="pair",
        )
    with second:
        contest = parts.contest_picker(mission, key="comparison_contest")
    with third:
        region = parts.region_picker(tables, mission, "comparison_region")
    if contest is None:
        return
    frame = views.compared(tables, left, right, contest=contest.id, region=region)
    counts = {
        o: int((frame["outcome"] == o).sum()) for o in ("equal", "differing", "only-left", "only-right")
    }
    titles = (_("Equal"), _("Differing"), _("Only on the left"), _("Only on the right"))
    with st.container(horizontal=True):
        for title, count in zip(titles, counts.values(), strict=True):
            st.metric(title, whole(count), border=True)
        st.metric(_("Votes, added up"), whole(int(frame["gross"].sum())), border=True)
    differing = views.differing(frame)
    if differing.is_empty():
        st.info(_("No acta differs."))
        return
    summary(tables, frame, left, right, contest)
    st.subheader(_("Actas that differ"), anchor=False)
    page = parts.paged(differing, "differing")
    confirmed = {True: _("yes"), False: _("no")}
    shown = parts.mapped(parts.mapped(page, "cause", names.cause), "confirmed", lambda c: confirmed[c])
    titles_of = {
        "station_id": _("Station"),
        "region": names.region_word(mission),
        "place": _("Place"),
        "cause": _("A slip that would explain it"),
        "fields": _("Fields"),
        "gross": _("Votes"),
        "net": _("Net"),
    }
    if left == "tally":
        titles_of["confirmed"] = _("Confirmed")
    row = parts.table(
        shown,
        titles_of,
        help={
            "confirmed": _("Whether every differing value of the tally may be held against another record")
        },
        key="differing_table",
        select=True,
        alt=_("Actas that differ"),
    )
    st.caption(_("Choose a row to see its fields."))
    if row is not None:
        station = page["station_id"][row]
        fields(tables, left, right, station, contest)
        if st.button(_("Open the acta"), icon=":material/fact_check:"):
            parts.open_acta(station, contest.id)


def summary(tables: views.Tables, frame: pl.DataFrame, left: str, right: str, contest: names.Contest) -> None:
    """What the differences do to each option, and the kinds of slip."""
    short = names.options(contest)
    net = views.net(tables, frame, left, right, list(short))
    first, second = st.columns([3, 2], gap="large")
    with first:
        st.subheader(_("Net for each option"), anchor=False)
        st.altair_chart(
            plots.net(net, short, {o.id: o.colour for o in contest.options}),
            width="stretch",
            alt=_("Net difference of each option"),
        )
        st.caption(
            plain(
                " · ".join(
                    f"{short[o]} {signed(n) if n else '0'}"
                    for o, n in net.select("option", "net").iter_rows()
                )
            )
        )
    with second:
        st.subheader(_("Kinds of slip"), anchor=False)
        causes = views.causes(frame)
        parts.table(
            parts.mapped(causes, "cause", names.cause),
            {"cause": _("A slip that would explain it"), "actas": _("Actas")},
            alt=_("Kinds of slip"),
        )
        st.caption(
            _(
                "A slip is named only if it explains a difference to the last vote. It is no proof of how it arose."
            )
        )


def fields(tables: views.Tables, left: str, right: str, station: str, contest: names.Contest) -> None:
    """The fields of one acta that differ."""
    cells = views.cells(tables, left, right, station, contest.id)
    rows = pl.DataFrame(
        [
            {
                "field": names.field(r["role"], r["option"], contest, r["field"]),
                "left": names.value(r["left_value"], r["left_state"]),
                "right": names.value(r["right_value"], r["right_state"]),
                "difference": signed(r["difference"]),
            }
            for r in cells.iter_rows(named=True)
        ],
        schema={"field": pl.String, "left": pl.String, "right": pl.String, "difference": pl.String},
    )
    st.markdown(_("Station {station}").format(station=f"**{plain(station)}**"))
    parts.table(
        rows,
        {"field": _("Field"), "left": _("Left"), "right": _("Right"), "difference": _("Difference")},
        numbers=("left", "right", "difference"),
        alt=_("Fields that differ"),
    )


main()
