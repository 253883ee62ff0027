"""What the audits say, each with everything that a reader must know before believing it."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from audits.audit import REGISTRY
from audits.meaning import numerals
from audits.words import Sentence
from dashboard import names, parts, plots, state
from dashboard.text import NONE, _, decimal, percent, plain, pvalue, significant, translated, whole
from tabulate import views
from tabulate.line import Line
from tabulate.mission import Contest

SHARES = {"integer-percent"}  # audits that look at the shares that are plotted below them


def main() -> None:
    """Draw the page."""
    mission, line = state.mission(), state.line()
    parts.heading(
        _("Audits"), _("Each audit says no more than its grade. A pattern is no evidence about its cause.")
    )
    contest = parts.contest_picker(mission)
    if contest is None:
        return
    document = line.audit.get("contests", {}).get(contest.id, line.audit)
    source = document.get("source", "")
    snapshots = line.tables["snapshots"].select("snapshot", "taken_at")
    st.caption(
        _("Patterns are looked for in: {source}. Records are compared on the mission's own tally.").format(
            source=plain(names.snapshot(source, dict(snapshots.iter_rows())))
        )
    )
    for audit in document["audits"]:
        one(line, contest, source, audit)
    tests = document["battery"]["corrected"].get("tests", 0)
    st.caption(
        _(
            "P-values are corrected together for the number of tests made here ({tests}), by Benjamini–Yekutieli."
        ).format(tests=whole(tests))
    )


def one(line: Line, contest: Contest, source: str, audit: dict[str, Any]) -> None:
    """One audit."""
    entry = REGISTRY[audit["id"]]
    with st.container(border=True):
        st.subheader(_(entry.title), anchor=False)
        first, *rest = said(audit)
        st.markdown(plain(first))
        if rest:
            st.markdown(plain(" ".join(rest)))
        st.caption(
            _("Best grade possible: {grade} ({says})").format(
                grade=audit["grade"], says=names.grade(audit["grade"])
            )
        )
        if not audit["applies"]:
            return
        with st.container(horizontal=True):
            st.metric(_("Statistic"), figure(audit["statistic"], 2))
            st.metric(
                _("p, corrected"),
                pvalue(audit["pvalue_corrected"]),
                help=_("The raw p-value is {p}").format(p=pvalue(audit["pvalue"])),
            )
            st.metric(
                _("False alarms"),
                percent(audit["false_alarm_rate"]),
                help=_(
                    "How often the test speaks on simulated clean elections with these totals, at the level of 5 %"
                ),
            )
            st.metric(_("Stations flagged"), whole(audit["flagged"]))
            st.metric(
                _("Expected if clean"),
                whole(audit["flags_expected"]),
                help=_("Stations that a clean election of this size would flag"),
            )
            if audit["grade"] != "D":  # a description has nothing to hold against the margin
                st.metric(
                    _("Votes / margin"),
                    f"{whole(audit['effect_votes'])} / {whole(audit.get('margin'))}",
                    help=plain(translated(audit["effect_meaning"])) if audit["effect_meaning"] else None,
                )
        if audit["id"] in SHARES:
            histograms(line, contest, source)
        background(audit)


def said(audit: dict[str, Any]) -> list[str]:
    """What the result means and does not mean, sentence by sentence; the first is its headline."""
    found = audit.get("sentences", {}).get("paragraph")
    if not found:  # an audit kept by an older version
        return [audit["headline"]]
    return [Sentence.from_json(s).text(_, number) for s in found]


def number(value: int | float) -> str:
    """A number of a sentence, as the session's language and country write it."""
    if isinstance(value, int) or abs(value) >= 1000:
        return whole(value)
    if 0 < abs(value) < 0.0001:
        return numerals(_)(value)
    return significant(value)


def sentence(audit: dict[str, Any], name: str) -> list[str]:
    """Notes, or why an audit does not apply, in the language of the session."""
    return [Sentence.from_json(s).text(_) for s in audit.get("sentences", {}).get(name, [])]


def histograms(line: Line, contest: Contest, source: str) -> None:
    """Turnout and the leader's share, binned by the server."""
    frame = views.shares(line.tables, contest.id, list(names.options(contest)), source)
    first, second = st.columns(2, gap="large")
    for column, what, title in (
        (first, "turnout", _("Turnout")),
        (second, "leader", _("Share of the leading option")),
    ):
        with column:
            if frame.filter(pl.col("what") == what).is_empty():
                continue
            parts.bold(title)
            st.altair_chart(plots.shares(frame, what), width="stretch", alt=title)
    st.caption(_("Number of stations at each percentage. Many whole percentages come up by chance alone."))


def background(audit: dict[str, Any]) -> None:
    """Assumptions, innocent explanations, pitfalls, citation and all figures."""
    entry = REGISTRY[audit["id"]]
    with st.expander(_("Before believing it")):
        met = {True: _("met"), False: _("not met"), None: _("cannot be told from the data")}
        parts.bold(_("What is assumed"))
        st.markdown("\n".join(f"- {plain(_(a))} ({met[m]})" for a, m in audit["assumptions"].items()))
        parts.bold(_("Innocent explanations"))
        st.markdown("\n".join(f"- {plain(_(e))}" for e in entry.innocent_explanations))
        parts.bold(_("What is tested"))
        st.markdown(plain(_(entry.null_hypothesis)))
        parts.bold(_("Pitfalls"))
        st.markdown("\n".join(f"- {plain(_(p))}" for p in entry.pitfalls))
        if audit["notes"]:
            parts.bold(_("Notes"))
            st.markdown("\n".join(f"- {plain(n)}" for n in sentence(audit, "notes")))
        st.caption(plain(entry.citation))
    if audit["parts"]:
        with st.expander(_("All figures")):
            rows = pl.DataFrame(
                [
                    {"part": part, "figure": name, "value": figure(value)}
                    for part, values in audit["parts"].items()
                    for name, value in values.items()
                ]
            )
            parts.table(
                parts.paged(rows, f"parts_{audit['id']}"),
                {"part": _("Part"), "figure": _("Figure"), "value": _("Value")},
                numbers=("value",),
                alt=_("All figures"),
            )


def figure(value: Any, digits: int = 3) -> str:
    """A figure of a part."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return NONE if value is None else str(value)
    return whole(value) if float(value).is_integer() else decimal(value, digits)


main()
