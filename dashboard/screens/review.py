"""One acta: photo, flat page, every field with its crop and probability, sums, reasons; accept, correct or refuse."""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import names, parts, state
from dashboard.pictures import CROP, Pictures, pictures
from dashboard.text import NONE, _, percent, plain, probability, when, whole
from ocr.errors import CotejoError
from ocr.reading import FieldReading, Reading
from tabulate import views
from tabulate.keying import decide
from tabulate.line import Line
from tabulate.mission import Contest, Mission
from tabulate.reading import reading_of

SAVED = "review_saved"
AS_READ = "as-read"


def main() -> None:
    """Draw the page."""
    mission, line = state.mission(), state.line()
    parts.heading(
        _("Review"),
        _(
            "Look at one acta and decide. Nothing is overwritten: a later decision stands, the earlier ones stay."
        ),
    )
    if saved := st.session_state.pop(SAVED, None):
        st.success(saved)
    chosen = choose(mission, line)
    if chosen is None:
        strays(mission, line)
        return
    station, contest = chosen
    acta = views.acta(line.tables, station, contest.id)
    if acta is None:
        st.warning(_("The mission expects no acta of this contest at that station."))
        return
    standing(mission, contest, acta)
    pages = acta.pages.head(12)
    if pages.is_empty():
        st.info(_("No photo of this acta has arrived."))
        return
    number = 0
    if pages.height > 1:
        numbered = [_("Photo {n}").format(n=i + 1) for i in range(pages.height)]
        number = st.segmented_control(
            _("Photo"),
            range(pages.height),
            format_func=numbered.__getitem__,
            default=0,
            key=f"photo_{station}_{contest.id}",
        )
        number = number or 0
    row = pages.row(number, named=True)
    reading = reading_of(mission, row["photo"], row["page"])
    made = pictures(mission, row["photo"], row["page"], reading)
    left, right = st.columns([4, 5], gap="medium")
    with left:
        show_pictures(made, row, reading)
        sums(mission, contest, acta)
        against(mission, contest, acta)
    with right:
        fields(mission, contest, row, reading, made, acta)
    strays(mission, line)


def choose(mission: Mission, line: Line) -> tuple[str, Contest] | None:
    """The acta that the address names, one that waits, or any."""
    query = st.query_params
    asked = (query.get("station", ""), query.get("contest", ""))
    waiting = views.queue(line.tables)
    st.caption(_("Actas that wait for a person: {count}").format(count=whole(waiting.height)))
    labels = {("", ""): _("choose")} | {
        (s, c): f"{s} · {mission.contests[c].name}"
        for s, c in waiting.head(views.PAGE).select("station_id", "contest").iter_rows()
    }
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    with left:
        queue = list(labels)
        at = asked if asked in labels else ("", "")
        picked = st.selectbox(
            _("Waiting for a person"),
            queue,
            index=queue.index(at),
            format_func=labels.__getitem__,
            key=f"queue_{asked}_{waiting.height}",
        )
    with middle:
        contest = st.selectbox(
            _("Contest"),
            list(mission.contests),
            index=list(mission.contests).index(asked[1]) if asked[1] in mission.contests else 0,
            format_func=lambda i: mission.contests[i].name,
            key=f"contest_{asked}",
        )
    with right:
        typed = st.text_input(_("Any station"), value=asked[0], max_chars=60, key=f"station_{asked}").strip()
    if picked[0] and picked != asked:
        go(*picked)
    if typed and (typed, contest) != asked:
        go(typed, contest)
    return (asked[0], mission.contests[asked[1]]) if asked[0] and asked[1] in mission.contests else None


def go(station: str, contest: str) -> None:
    """Name the acta in the address, so that it can be shared and found again."""
    st.query_params["station"], st.query_params["contest"] = station, contest
    st.rerun()


def standing(mission: Mission, contest: Contest, acta: views.Acta) -> None:
    """Which acta it is, how it stands, and why a person must look."""
    tally, place = acta.tally, acta.place
    with st.container(horizontal=True):
        st.metric(_("Station"), tally["station_id"], border=True)
        st.metric(_("Status"), names.status_one(tally["status"]), border=True)
        st.metric(_("Whole acta right"), probability(tally["probability"]), border=True)
        st.metric(_("Registered"), whole(place.get("registered")), border=True)
    where = [place.get(c) for c in ("place", "subregion", "region")]
    st.caption(plain(" · ".join([contest.name, *(w for w in where if w)])))
    if place.get("has_list") is False:
        st.caption(_("A station without a list of its own: turnout means nothing here."))
    if tally["source"]:
        st.caption(
            _("The values come from {source}.").format(source=names.say(names.SOURCE, tally["source"]))
        )
    labels = names.labels(mission, contest.id)
    why = acta.why.select("reason", "detail").unique(maintain_order=True)
    said = [names.reason(r, labels) + (f" ({d})" if d else "") for r, d in why.iter_rows()]
    for flag in acta.findings.head(20).iter_rows(named=True):
        said.append(
            f"{flag['grade']} · {names.evidence(flag['message'], flag['numbers'], mission, contest.id)}"
        )
    if said:
        st.warning("\n".join(f"- {plain(s)}" for s in said))


def show_pictures(made: Pictures, row: dict[str, Any], reading: Reading | None) -> None:
    """The photo, smaller and without what the camera wrote into it, and the page laid flat."""
    photo, flat = st.tabs([_("Photo"), _("Flat page")])
    with photo:
        if made.photo is None:
            st.warning(plain(made.refused or ""))
        else:
            st.image(made.photo, width="stretch", alt=_("Photo of the acta"))
    with flat:
        if made.flat is None:
            st.caption(plain(reading.refused) if reading and reading.refused else _("Not read yet"))
        else:
            st.image(made.flat, width="stretch", alt=_("The page laid flat"))
    st.caption(
        plain(
            " · ".join(
                [
                    row["name"] or NONE,
                    _("page {n}").format(n=row["page"]),
                    when(row["at"]),
                    f"SHA-256 {row['photo'][:16]}",
                ]
            )
        )
    )
    if reading and reading.form:
        note = "" if reading.verified else " · " + _("a form never checked on real sheets")
        st.caption(plain(_("Form") + f" {reading.form}{note}"))


def sums(mission: Mission, contest: Contest, acta: views.Acta) -> None:
    """Whether the sums hold on the values as they stand."""
    if acta.sums.is_empty():
        return
    labels = names.labels(mission, contest.id)
    holds = {True: _("holds"), False: _("does not hold"), None: _("cannot be said")}
    rows = acta.sums.select(
        pl.Series("sum", [labels.get(s, s) for s in acta.sums["sum"]], dtype=pl.String),
        pl.Series("holds", [holds[h] for h in acta.sums["holds"]], dtype=pl.String),
        "left",
        "right",
    )
    st.subheader(_("Sums"), anchor=False)
    parts.table(
        rows,
        {"holds": _("Holds"), "left": _("Left"), "right": _("Right"), "sum": _("Sum")},
        alt=_("Sums of the sheet"),
    )


def against(mission: Mission, contest: Contest, acta: views.Acta) -> None:
    """The authority's numbers beside ours, where they differ."""
    if acta.official.is_empty():
        return
    differ = acta.official.filter(~pl.col("equal").fill_null(True))
    st.subheader(_("Latest snapshot"), anchor=False)
    if differ.is_empty():
        st.caption(_("No field differs from the latest snapshot."))
        return
    rows = pl.DataFrame(
        [
            {
                "field": names.field(r["role"], r["option"], contest, r["field"]),
                "ours": names.value(r["left_value"], r["left_state"]),
                "theirs": names.value(r["right_value"], r["right_state"]),
            }
            for r in differ.iter_rows(named=True)
        ]
    )
    parts.table(
        rows,
        {"field": _("Field"), "ours": _("Tally"), "theirs": _("Official")},
        numbers=("ours", "theirs"),
        alt=_("Fields that differ"),
    )


def fields(  # noqa: PLR0917
    mission: Mission,
    contest: Contest,
    row: dict[str, Any],
    reading: Reading | None,
    made: Pictures,
    acta: views.Acta,
) -> None:
    """Every field with its crop, what was read, and room for what a person sees instead."""
    station = acta.tally["station_id"]
    known = own_fields(mission, contest, reading, acta)
    if not known:
        st.info(_("This page is of no form of this contest."))
    labels = names.labels(mission, contest.id)
    key = f"{station}_{contest.id}_{row['photo'][:12]}_{row['page']}"
    with st.form(f"decide_{key}", border=False):
        st.markdown(
            _(
                "Type only what is different from what was read. 0, blank, illegible and absent are four different things."
            )
        )
        typed: dict[str, int | str] = {}
        for name, (role, option) in known.items():
            read = reading.fields.get(name) if reading else None
            label = names.field(role, option, contest, labels.get(name, name))
            given = one_field(label, f"{key}_{name}", read, made.crops.get(name))
            if given is not None:
                typed[name] = given
        note = st.text_input(_("Note"), max_chars=500, key=f"note_{key}", help=_("Needed to refuse a photo"))
        other = st.text_input(_("Belongs to another station"), max_chars=60, key=f"to_{key}")
        with st.container(horizontal=True):
            accept = st.form_submit_button(
                _("Accept as read"), type="primary", disabled=not (reading and reading.form and known)
            )
            correct = st.form_submit_button(_("Save corrections"), disabled=not known)
            refuse = st.form_submit_button(_("Refuse this photo"))
            move = st.form_submit_button(_("Move to that station"))
            reopen = st.form_submit_button(
                _("Take back decisions"), disabled=acta.tally["source"] not in ("person", "keying")
            )
    more = [
        (p, n)
        for p, n in acta.fields.select("photo", "page")
        .drop_nulls()
        .unique()
        .sort("photo", "page")
        .iter_rows()
        if (p, n) != (row["photo"], row["page"])
    ]
    decision = (
        "accept"
        if accept
        else "correct"
        if correct
        else "refuse"
        if refuse
        else "reassign"
        if move
        else "reopen"
        if reopen
        else None
    )
    if decision is None:
        return
    if decision == "accept" and typed:
        st.error(_("You typed values: save them as corrections, or clear them."))
        return
    try:
        entry = decide(
            mission,
            station,
            contest.id,
            row["photo"],
            decision,  # type: ignore[arg-type]
            actor=state.actor(),
            values=typed if decision == "correct" else None,
            to=other.strip() or None,
            note=note,
            page=row["page"],
            more=more if decision in ("accept", "correct") else (),
        )
    except CotejoError as e:
        st.error(plain(e))
        return
    st.session_state[SAVED] = _("Recorded as entry {seq}, {hash}.").format(
        seq=entry.seq, hash=entry.hash[:16]
    )
    st.rerun()


def own_fields(
    mission: Mission, contest: Contest, reading: Reading | None, acta: views.Acta
) -> dict[str, tuple[str, str | None]]:
    """The fields to decide: of the form that was read, else of all the contest's forms, else none."""
    uses = [u.id for u in mission.settings.forms if u.contest == contest.id]
    if reading is not None and reading.form is not None:
        uses = [u for u in uses if u == reading.form]
    found: dict[str, tuple[str, str | None]] = {}
    for use in uses:
        found |= {n: (str(role), option) for n, (role, option) in mission.fields_of(use, contest.id).items()}
    return found


def one_field(label: str, key: str, read: FieldReading | None, picture: bytes | None) -> int | str | None:
    """One field's row; what the person gave, None if nothing."""
    marks = {AS_READ: "—"} | {s: names.say(names.STATE, s) for s in names.STATE}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        with st.container(width=150, gap="xxsmall"):
            if picture is not None:
                st.image(
                    picture,
                    alt=_("Cut from the photo: {field}").format(field=label),
                    width=min(150, CROP * 3),
                )
            st.markdown(f"**{plain(label)}**")
            st.caption(plain(what_was_read(read)))
        number = st.number_input(
            _("{field}: number").format(field=plain(label)),
            min_value=0,
            max_value=10**9,
            value=None,
            step=1,
            placeholder="" if read is None or read.value is None else str(read.value),
            key=f"number_{key}",
            label_visibility="collapsed",
            width=88,
        )
        mark = st.selectbox(
            _("{field}: instead of a number").format(field=plain(label)),
            list(marks),
            format_func=marks.__getitem__,
            key=f"state_{key}",
            label_visibility="collapsed",
            width=104,
        )
    if mark != AS_READ:
        return str(mark)
    return None if number is None else int(number)


def what_was_read(read: FieldReading | None) -> str:
    """Value, state, probability and runner-up in one line."""
    if read is None:
        return _("not read")
    said = f"{names.value(read.value, str(read.state))} · {probability(read.probability)}"
    if read.runner_up is not None and read.runner_up_probability >= 0.0005:
        said += " · " + _("or {value} ({probability})").format(
            value=read.runner_up, probability=percent(read.runner_up_probability)
        )
    return said


def strays(mission: Mission, line: Line) -> None:
    """Photos that belong to no acta of the register: a person says where they belong."""
    frame = views.strays(line.tables)
    if frame.is_empty():
        return
    with st.expander(
        _("Photos without a place: {count}").format(count=whole(frame["photo"].n_unique())),
        icon=":material/help:",
    ):
        page = parts.paged(frame, "strays")
        row = parts.table(
            page.with_columns(
                pl.Series("reason", [names.reason(r, {}) for r in page["reason"]], dtype=pl.String),
                pl.col("photo").str.head(12),
            ),
            {"station_id": _("Station"), "reason": _("Why"), "detail": _("Detail"), "photo": "SHA-256"},
            key="strays_table",
            select=True,
            alt=_("Photos without a place"),
        )
        if row is None:
            return
        photo, number = page["photo"][row], page["page"][row]
        made = pictures(mission, photo, max(1, number), reading_of(mission, photo, max(1, number)))
        if made.photo is None:
            st.warning(plain(made.refused or ""))
        else:
            st.image(made.photo, width=600, alt=_("Photo without a place"))


main()
