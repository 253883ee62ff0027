"""For the mission's chief: what we know, how sure we are, where we differ, what is missing, could it matter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import streamlit as st

from dashboard import names, parts, plots, state
from dashboard.text import _, age, clock, percent, plain, signed, when, whole
from tabulate import views
from tabulate.line import Line
from tabulate.mission import Contest, Mission


def main() -> None:
    """Draw the page."""
    mission, line = state.mission(), state.line()
    parts.heading(_("Overview"), _("What has arrived, what it says, and what is still missing."))
    contest = parts.contest_picker(mission)
    if contest is None:
        return
    progress(line, contest)
    left, right = st.columns([5, 4], gap="large")
    with left:
        result(line, contest)
    with right:
        coverage(mission, line, contest)
    outcome(line, contest)
    left, right = st.columns([3, 2], gap="large")
    with left:
        feed(line)
    with right:
        flags(line)
    missing(line, contest, mission)
    parts.unverified(line.tables)


def progress(line: Line, contest: Contest) -> None:
    """How many actas stand where."""
    tallies = line.tables["tallies"].filter(pl.col("contest") == contest.id)
    counts = {s: int((tallies["status"] == s).sum()) for s in views.STATUSES}
    expected = tallies.height
    with st.container(horizontal=True):
        for status, count in counts.items():
            share = percent(count / expected, 0) if expected else None
            st.metric(
                names.status(status), whole(count), share, delta_color="off", delta_arrow="off", border=True
            )
        refused = line.summary["photos"]["refused_at_intake"] + line.summary["readings"]["refused"]
        st.metric(
            _("Photos refused"),
            whole(refused),
            _("of any contest"),
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
    st.caption(_("{expected} actas are expected.").format(expected=whole(expected)))


def result(line: Line, contest: Contest) -> None:
    """Both counts on the same actas."""
    st.subheader(_("Tally beside the official count"), anchor=False)
    short = names.options(contest)
    both = views.results(line.tables, contest.id, list(short))
    if not both.actas:
        st.info(_("No acta is both accepted here and counted by the authority yet."))
        return
    st.altair_chart(
        plots.two_counts(both.options, short, {o.id: o.colour for o in contest.options}),
        width="stretch",
        alt=_("Share of each option in the tally and in the official count"),
    )
    st.caption(
        _(
            "Bar: the mission's tally. Line: the official count. On the {actas} actas that both have in full."
        ).format(actas=whole(both.actas))
    )
    rows = both.options.select(
        pl.Series("option", [short[o] for o in both.options["option"]], dtype=pl.String),
        *(pl.Series(c, [whole(v) for v in both.options[c]], dtype=pl.String) for c in ("tally", "official")),
        *(
            pl.Series(c, [percent(v, 2) for v in both.options[c]], dtype=pl.String)
            for c in ("tally_share", "official_share")
        ),
        pl.Series(
            "difference", [signed(v) if v else "0" for v in both.options["difference"]], dtype=pl.String
        ),
    )
    parts.table(
        rows,
        {
            "option": _("Option"),
            "tally": _("Tally"),
            "tally_share": _("Tally, %"),
            "official": _("Official"),
            "official_share": _("Official, %"),
            "difference": _("Difference"),
        },
        numbers=rows.columns[1:],
        alt=_("Votes of each option in both counts"),
    )


def coverage(mission: Mission, line: Line, contest: Contest) -> None:
    """Where actas came from, and when."""
    st.subheader(_("Coverage"), anchor=False)
    word = names.region_word(mission)
    regions = views.coverage(line.tables, contest.id)
    # A country has few regions; whatever has more is shown by the least covered.
    shown = regions.sort(pl.col("accepted") / pl.col("expected")).head(30) if regions.height > 30 else regions
    st.altair_chart(plots.coverage(shown, word), width="stretch", alt=_("How the actas of each region stand"))
    over_time = views.arrivals(line.tables, contest.id)
    if over_time.height and over_time["at"][-1] - over_time["at"][0] > timedelta(minutes=2):
        st.altair_chart(plots.arrivals(over_time), width="stretch", alt=_("Actas arrived over time"))
        st.caption(_("Actas with a photo, by time of arrival."))
    elif over_time.height:
        st.caption(_("All photos arrived at {when}.").format(when=when(over_time["at"][0])))


def outcome(line: Line, contest: Contest) -> None:
    """Margin, votes at stake, and whether the two could change who wins."""
    st.subheader(_("Could it change the result?"), anchor=False)
    found = (line.comparison or {}).get("contests", {}).get(contest.id)
    if line.comparison is None or found is None or line.comparison["left"] != "tally":
        st.info(_("There is nothing to compare yet: the tally or the official count is missing."))
        return
    could: dict[str, Any] = found["could_change_outcome"]
    with st.container(horizontal=True):
        st.metric(_("Answer, worst case"), names.say(names.ANSWER, could["answer"]), border=True)
        st.metric(_("Different votes alone"), names.say(names.ANSWER, could["differing_alone"]), border=True)
        st.metric(_("Margin, official count"), whole(could["margin"]), border=True)
        st.metric(
            _("Votes in differences"),
            whole(sum(v for k, v in found["gross"].items() if k not in ("blank", "null"))),
            border=True,
        )
    short = names.options(contest)
    st.markdown(plain(because(could, short)))
    st.caption(
        _(
            "Rule: {rule}. The worst case gives every open voter to one rival, so “Yes” says that it is possible, not that it is likely."
        ).format(rule=names.say(names.RULE, could["rule"]))
    )


def because(could: dict[str, Any], short: dict[str, str]) -> str:
    """The answer in one or two sentences."""
    name = {k: short.get(could[k] or "", could[k]) for k in ("leader", "runner_up", "holder", "rival")}
    said = []
    if could["leader"] and could["runner_up"]:
        said.append(
            _("In the official count {leader} is {margin} votes ahead of {runner_up}.").format(
                leader=name["leader"], runner_up=name["runner_up"], margin=whole(could["margin"])
            )
        )
    said.append(
        _(
            "Open are {differing} actas with different votes and {open} without a counted number on both sides ({voters} voters)."
        ).format(
            differing=whole(could["differing"]), open=whole(could["open"]), voters=whole(could["open_voters"])
        )
    )
    if could["holder"] and could["rival"]:
        said.append(
            _(
                "What decides is {holder} against {rival}: different votes can cut that lead by {differing}, open actas by {open}."
            ).format(
                holder=name["holder"],
                rival=name["rival"],
                differing=whole(could["swing_differing"]),
                open=whole(could["swing_open"]),
            )
        )
    return " ".join(said)


def feed(line: Line) -> None:
    """The state of the authority's count as it reached us."""
    st.subheader(_("The official feed"), anchor=False)
    snapshots = views.feed(line.tables)
    if snapshots.is_empty():
        st.info(_("No official count has been imported yet."))
        return
    last = snapshots.row(0, named=True)
    st.markdown(
        _("Last snapshot: **{when}**, {age} ago. It counts {counted} of {stations} stations.").format(
            when=plain(when(last["taken_at"])),
            age=plain(age(last["taken_at"], state.now())),
            counted=whole(last["counted"]),
            stations=whole(last["stations"]),
        )
    )
    parts.table(
        parts.mapped(parts.mapped(parts.paged(snapshots, "feed"), "taken_at", clock), "revised", whole),
        {
            "snapshot": _("Snapshot"),
            "taken_at": _("Taken"),
            "counted": _("Counted"),
            "revised": _("Revised"),
            "problems": _("Problems"),
            "format": _("Format"),
        },
        help={
            "revised": _("Actas that the authority changed since the snapshot before. Reported, not graded."),
            "problems": _("Rows or cells that could not be taken over"),
        },
        numbers=("revised",),
        alt=_("Official snapshots"),
    )
    noticed = views.noticed(line.tables)
    if noticed.height:
        st.markdown(_("**Noticed about the feed.** Facts about its files; they say nothing about why."))
        parts.table(
            pl.DataFrame(
                [
                    {"at": clock(row["at"]), "note": names.note(row["kind"], row["numbers"])}
                    for row in parts.paged(noticed, "noticed").iter_rows(named=True)
                ]
            ),
            {"at": _("Time"), "note": _("What was noticed")},
            alt=_("What was noticed about the official feed"),
        )


def flags(line: Line) -> None:
    """How many findings of which grade."""
    st.subheader(_("Flags by grade"), anchor=False)
    rows = [
        {"grade": g, "findings": n, "stations": s} for g, (n, s) in views.flags_by_grade(line.tables).items()
    ]
    parts.table(
        pl.DataFrame(rows),
        {
            "grade": _("Grade"),
            "findings": _("Findings"),
            "stations": _("Stations"),
        },
        alt=_("Findings by evidence grade"),
    )
    st.caption(plain(" · ".join(f"{g}: {names.grade(g)}" for g in views.GRADES)))
    st.page_link("screens/flagged.py", label=_("Open the list"), icon=":material/flag:")


def missing(line: Line, contest: Contest, mission: Mission) -> None:
    """The actas that are not accepted."""
    frame = views.missing(line.tables, contest.id)
    title = _("What is missing: {actas} actas").format(actas=whole(frame.height))
    with st.expander(title, icon=":material/pending_actions:"):
        if frame.is_empty():
            st.caption(_("Every expected acta is accepted."))
            return
        page = parts.paged(frame, "missing")
        labels = names.labels(mission, contest.id)
        shown = parts.mapped(page, "reasons", lambda r: "; ".join(names.reasons(r, labels)))
        row = parts.table(
            parts.mapped(shown, "status", names.status_one),
            {
                "station_id": _("Station"),
                "region": names.region_word(mission),
                "place": _("Place"),
                "registered": _("Registered"),
                "status": _("Status"),
                "reasons": _("Why"),
            },
            key="missing_table",
            select=True,
            alt=_("Actas that are not accepted"),
        )
        if row is not None:
            parts.open_acta(page["station_id"][row], contest.id)


main()
