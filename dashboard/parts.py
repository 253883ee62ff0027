"""Pieces that several pages share: headings, pickers, tables a page at a time, links to an acta."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import streamlit as st

from dashboard import names
from dashboard.text import _, plain, whole
from tabulate import views
from tabulate.export import harmless
from tabulate.mission import Contest, Mission

ALL = ""


def heading(title: str, what: str) -> None:
    """The page's title and one line about what it shows."""
    st.title(title, anchor=False)
    st.caption(what)


def bold(text: str) -> None:
    """A small heading."""
    st.markdown(f"**{plain(text)}**")


def contest_picker(mission: Mission, *, everything: bool = False, key: str = "contest") -> Contest | None:
    """Choose a contest; nothing is shown where there is only one. None means all of them."""
    contests = mission.contests
    if len(contests) == 1 and not everything:
        return next(iter(contests.values()))
    ids = [ALL, *contests] if everything else list(contests)
    shown = {ALL: _("All contests")} | {c.id: c.name for c in contests.values()}
    chosen = st.selectbox(
        _("Contest"),
        ids,
        format_func=shown.__getitem__,
        key=key,
        width=460,
    )
    return contests.get(chosen)


def region_picker(tables: views.Tables, mission: Mission, key: str) -> str | None:
    """Choose a region, or all."""
    shown = {ALL: _("All")} | {r: r for r in views.regions(tables)}
    chosen = st.selectbox(
        names.region_word(mission),
        list(shown),
        format_func=shown.__getitem__,
        key=key,
    )
    return chosen or None


def paged(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The part of a table that goes to the browser, with a control to turn pages if there are several."""
    pages = views.pages_in(frame)
    if pages == 1:
        return frame
    number = st.number_input(
        _("Page, of {pages}").format(pages=whole(pages)),
        min_value=1,
        max_value=pages,
        value=1,
        step=1,
        key=f"{key}_page",
    )
    st.caption(_("Rows: {rows}, {size} a page").format(rows=whole(frame.height), size=views.PAGE))
    return views.page_of(frame, int(number))


def table(
    frame: pl.DataFrame,
    titles: Mapping[str, str],
    *,
    numbers: Sequence[str] = (),
    help: Mapping[str, str] | None = None,
    key: str | None = None,
    select: bool = False,
    alt: str | None = None,
) -> int | None:
    """A table of at most one page; returns the row that was chosen, if rows can be. Text is shown as text.

    `numbers` are columns that were formatted before and are set flush right.
    """
    help = help or {}
    config: dict[str, Any] = {}
    for column, title in titles.items():
        if column in numbers:
            config[column] = st.column_config.TextColumn(title, alignment="right", help=help.get(column))
        elif frame.schema[column].is_integer():
            config[column] = st.column_config.NumberColumn(title, format="%d", help=help.get(column))
        else:
            config[column] = st.column_config.Column(title, help=help.get(column))
    frame = frame.select(list(titles)).head(views.PAGE)
    # The browser offers every table as CSV; what we formatted ourselves is no formula, a foreign text may be one.
    foreign = [c for c in titles if c not in numbers]
    frame = frame.with_columns(harmless(frame.select(foreign)))
    common: dict[str, Any] = {
        "hide_index": True,
        "column_config": config,
        "key": key,
        "width": "stretch",
        "alt": alt,
    }
    if not select:
        st.dataframe(frame, **common)
        return None
    event = st.dataframe(frame, on_select="rerun", selection_mode="single-row", **common)
    rows = event.selection.rows
    return rows[0] if rows else None


def mapped(frame: pl.DataFrame, column: str, function: Any) -> pl.DataFrame:
    """The column in words."""
    return frame.with_columns(pl.Series(column, [function(v) for v in frame[column]], dtype=pl.String))


def open_acta(station: str, contest: str) -> None:
    """Go to the review page of an acta."""
    st.switch_page("screens/review.py", query_params={"station": station, "contest": contest})


def unverified(tables: views.Tables) -> None:
    """Say which forms and formats were never checked on real material."""
    forms, formats = views.unverified(tables)
    if forms:
        st.caption(_("Forms never checked on real sheets: {names}").format(names=plain(", ".join(forms))))
    if formats:
        st.caption(
            _("Official formats never checked on a real file: {names}").format(
                names=plain(", ".join(formats))
            )
        )
