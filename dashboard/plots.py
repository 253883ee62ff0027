"""Plots of small frames that `tabulate.views` made. Nothing is aggregated in the browser, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import polars as pl

from dashboard import names
from dashboard.text import _, zone

# Told apart without colour too: light to dark, and in a fixed order.
STATUS_COLOURS = {"accepted": "#0f5c7a", "person": "#e0a33e", "unread": "#8fa3ad", "absent": "#dfe5e9"}
BAR = "#0f5c7a"
MARK = "#c4622d"


def coverage(frame: pl.DataFrame, word: str) -> alt.Chart:
    """How the actas stand, a bar for each region."""
    long = frame.with_columns(pl.col("region").fill_null(_("unknown"))).unpivot(
        on=list(STATUS_COLOURS), index=["region", "expected"], variable_name="status", value_name="actas"
    )
    order = {s: i for i, s in enumerate(STATUS_COLOURS)}
    long = long.with_columns(
        order=pl.col("status").replace_strict(order, return_dtype=pl.Int64),
        share=pl.col("actas") / pl.col("expected"),
        status=pl.col("status").replace_strict({s: names.status(s) for s in order}, return_dtype=pl.String),
    )
    return (
        alt.Chart(long)
        .mark_bar(height=18)
        .encode(
            y=alt.Y("region:N", title=None, sort=None, axis=alt.Axis(labelLimit=160)),
            x=alt.X(
                "share:Q",
                title=None,
                stack="zero",
                axis=alt.Axis(format="%", grid=False),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=alt.Color(
                "status:N",
                title=None,
                scale=alt.Scale(domain=[names.status(s) for s in order], range=list(STATUS_COLOURS.values())),
                legend=alt.Legend(orient="bottom", columns=1, labelLimit=240),
            ),
            order="order:O",
            tooltip=[
                alt.Tooltip("region:N", title=word),
                alt.Tooltip("status:N", title=_("Status")),
                alt.Tooltip("actas:Q", title=_("Actas")),
                alt.Tooltip("expected:Q", title=_("Expected")),
            ],
        )
        .properties(height=alt.Step(30))
    )


def arrivals(frame: pl.DataFrame) -> alt.Chart:
    """How many actas had arrived by when, on the mission's clock."""
    # Without a zone, the browser shows the hour as it stands here.
    local = frame.with_columns(pl.col("at").dt.convert_time_zone(str(zone())).dt.replace_time_zone(None))
    return (
        alt.Chart(local)
        .mark_line(interpolate="step-after", color=BAR, point=alt.OverlayMarkDef(size=18, color=BAR))
        .encode(
            x=alt.X("at:T", title=None, axis=alt.Axis(format="%d/%m %H:%M", labelOverlap=True, tickCount=5)),
            y=alt.Y("actas:Q", title=None, scale=alt.Scale(domainMin=0), axis=alt.Axis(tickMinStep=1)),
            tooltip=[
                alt.Tooltip("at:T", title=_("Time"), format="%d/%m %H:%M:%S"),
                alt.Tooltip("actas:Q", title=_("Actas")),
            ],
        )
        .properties(height=170)
    )


def two_counts(frame: pl.DataFrame, short: Mapping[str, str], colours: Mapping[str, str]) -> alt.Chart:
    """Shares of the tally (bar) and of the official count (tick)."""
    shown = frame.with_columns(
        name=pl.col("option").replace_strict(dict(short), return_dtype=pl.String),
        colour=pl.col("option").replace_strict(dict(colours), return_dtype=pl.String),
    )
    tooltip = [
        alt.Tooltip("name:N", title=_("Option")),
        alt.Tooltip("tally_share:Q", title=_("Tally"), format=".2%"),
        alt.Tooltip("official_share:Q", title=_("Official"), format=".2%"),
    ]
    y = alt.Y("name:N", title=None, sort=None)
    base = alt.Chart(shown)
    bars = base.mark_bar(height=16, opacity=0.85).encode(
        y=y,
        x=alt.X("tally_share:Q", title=None, axis=alt.Axis(format="%", grid=False)),
        color=alt.Color("colour:N", scale=None),
        tooltip=tooltip,
    )
    ticks = base.mark_tick(thickness=3, size=24, color="#1c2a33").encode(
        y=y, x="official_share:Q", tooltip=tooltip
    )
    return (bars + ticks).properties(height=alt.Step(28))


def shares(frame: pl.DataFrame, what: str) -> alt.Chart:
    """A histogram of percentages, with the whole ones marked."""
    words = {True: _("whole percentage (within 0.05)"), False: _("other")}
    shown = frame.filter(pl.col("what") == what).with_columns(
        kind=pl.col("whole").replace_strict(words, return_dtype=pl.String)
    )
    fine = bool((shown["percent"] % 1).abs().max() or 0)  # type: ignore[arg-type]
    width = 0.05 if fine else 0.5
    shown = shown.with_columns(low=pl.col("percent") - width, high=pl.col("percent") + width)
    return (
        alt.Chart(shown)
        .mark_bar(binSpacing=0 if fine else 1)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                title="%",
                axis=alt.Axis(grid=False, tickMinStep=1),
                scale=alt.Scale(zero=False),
            ),
            x2="high:Q",
            y=alt.Y("stations:Q", title=None, stack="zero", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[words[False], words[True]], range=["#a9c3cf", MARK]),
                legend=alt.Legend(orient="bottom", labelLimit=260),
            ),
            order=alt.Order("whole:O", sort="descending"),
            tooltip=[
                alt.Tooltip("percent:Q", title="%"),
                alt.Tooltip("kind:N", title=_("Kind")),
                alt.Tooltip("stations:Q", title=_("Stations")),
            ],
        )
        .properties(height=200)
    )


def net(frame: pl.DataFrame, short: Mapping[str, str], colours: Mapping[str, str]) -> alt.Chart:
    """What the differences do to each option."""
    shown = frame.with_columns(
        name=pl.col("option").replace_strict(dict(short), return_dtype=pl.String),
        colour=pl.col("option").replace_strict(dict(colours), return_dtype=pl.String),
    )
    return (
        alt.Chart(shown)
        .mark_bar(height=16)
        .encode(
            y=alt.Y("name:N", title=None, sort=None),
            x=alt.X("net:Q", title=None, axis=alt.Axis(tickMinStep=1)),
            color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("name:N", title=_("Option")), alt.Tooltip("net:Q", title=_("Net"))],
        )
        .properties(height=alt.Step(28))
    )
