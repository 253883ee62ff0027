"""For quick-count teams: a photo goes in, a receipt comes back, and the photo is read."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import names, parts, state
from dashboard.text import NONE, _, plain, when, whole
from tabulate.intake import Receipt, receive
from tabulate.mission import Mission
from tabulate.reading import read_photos, reader_version, unread

RECEIPTS, ROUND, SEEN = "receipts", "upload_round", "camera_seen"
AT_ONCE = 20  # photos that are read without being asked; more would keep the page waiting for minutes
KEPT = 500  # receipts that a session shows


def main() -> None:
    """Draw the page."""
    mission = state.mission()
    parts.heading(_("Upload"), _("Send photos of actas. Every file gets a receipt, refused ones too."))
    st.session_state.setdefault(RECEIPTS, [])
    st.session_state.setdefault(ROUND, 0)
    station = st.text_input(
        _("Station, if the photo is of one only"),
        max_chars=60,
        key="claimed",
        help=_("Leave it empty if the file's name or the sheet itself says it."),
    )
    files, camera = st.tabs([_("Files"), _("Camera")])
    with files:
        from_files(mission, station.strip())
    with camera:
        from_camera(mission, station.strip())
    receipts()
    waiting(mission)


def from_files(mission: Mission, station: str) -> None:
    """Photos and PDFs that are on the device."""
    with st.form("files", border=False):
        # A new key empties the list after sending, so that nothing is sent twice by accident.
        chosen = st.file_uploader(
            _("Photos or PDFs"), accept_multiple_files=True, key=f"files_{st.session_state[ROUND]}"
        )
        sent = st.form_submit_button(_("Send"), type="primary", icon=":material/upload:")
    if sent and chosen:
        bar = st.progress(0.0, _("Storing"))
        for number, file in enumerate(chosen, start=1):
            take(mission, file.getvalue(), file.name, station)
            bar.progress(number / len(chosen), _("Storing"))
        st.session_state[ROUND] += 1
        read_now(mission)
        st.rerun()
    elif sent:
        st.warning(_("Choose a file first."))


def from_camera(mission: Mission, station: str) -> None:
    """One photo taken here and now."""
    if not st.toggle(_("Switch the camera on"), key="camera_on"):
        st.caption(_("The picture stays on this device until you send it."))
        return
    picture = st.camera_input(_("Photo of the acta"), resolution="1080p", key="camera")
    if picture is None:
        return
    if st.button(
        _("Send this photo"), type="primary", disabled=st.session_state.get(SEEN) == picture.file_id
    ):
        st.session_state[SEEN] = picture.file_id
        name = f"{station or 'camera'}.jpg"
        take(mission, picture.getvalue(), name, station, source="camera")
        read_now(mission)
        st.rerun()


def take(mission: Mission, data: bytes, name: str, station: str, source: str = "upload") -> None:
    """Take one file in and keep its receipt for this session."""
    receipt = receive(mission, data, name, actor=state.actor(), source=source, station=station or None)
    st.session_state[RECEIPTS] = [receipt, *st.session_state[RECEIPTS]][:KEPT]


def receipts() -> None:
    """The receipts of this session, latest first."""
    kept: list[Receipt] = st.session_state[RECEIPTS]
    if not kept:
        return
    st.subheader(_("Receipts"), anchor=False)
    refused = [r for r in kept if r.status == "refused"]
    for receipt in refused[:5]:
        st.warning(plain(receipt.message or receipt.reason or ""))
    frame = pl.DataFrame(
        {
            "status": [names.say(names.RECEIPT, r.status) for r in kept],
            "name": [r.name for r in kept],
            "station": [r.station_id or NONE for r in kept],
            "photo": [(r.photo or NONE)[:12] for r in kept],
            "seq": [str(r.seq) for r in kept],
            "hash": [r.hash[:16] for r in kept],
            "at": [when(r.at) for r in kept],
        }
    )
    parts.table(
        parts.paged(frame, "receipts"),
        {
            "status": _("Status"),
            "name": _("File"),
            "station": _("Station"),
            "photo": "SHA-256",
            "seq": _("Entry"),
            "hash": _("Entry's hash"),
            "at": _("Time"),
        },
        help={
            "photo": _("The first characters of the photo's fingerprint"),
            "hash": _("Whoever keeps it can prove later that the photo arrived"),
        },
        alt=_("Receipts"),
    )
    lines = [
        f"{r.at}\t{r.status}\t{r.photo or ''}\t{r.station_id or ''}\t{r.seq}\t{r.hash}"
        for r in reversed(kept)
    ]
    st.download_button(
        _("Keep the receipts"),
        "\n".join(lines) + "\n",
        "receipts.txt",
        "text/plain",
        icon=":material/download:",
        on_click="ignore",
    )


def waiting(mission: Mission) -> None:
    """Photos that were not read yet, and a button to read them."""
    count = len(unread(mission, reader_version(mission)))
    if not count:
        return
    st.info(_("Photos that wait to be read: {count}").format(count=whole(count)))
    if st.button(_("Read them now"), icon=":material/document_scanner:"):
        read(mission)
        st.rerun()


def read_now(mission: Mission) -> None:
    """Read at once what just came, unless so much waits that the page would stand still."""
    if len(unread(mission, reader_version(mission))) <= AT_ONCE:
        read(mission)


def read(mission: Mission) -> None:
    """Read what waits; one session at a time."""
    with st.spinner(_("Reading")), state.reading_lock():
        read_photos(mission, workers=1, actor=state.actor(), progress=False)


main()
