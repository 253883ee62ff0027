"""The frame around every page: navigation, language, whose mission it is, and what must be said everywhere."""

from __future__ import annotations

import streamlit as st

from dashboard import state
from dashboard.text import COUNTRY, LANGUAGE, LANGUAGES, ZONE, _, language, plain
from ocr.errors import CotejoError
from tabulate.mission import About


def pages() -> list[st.Page]:
    """One file a page. They have no icons: Streamlit would fetch the current one from the network for the browser's tab."""
    return [
        st.Page("screens/overview.py", title=_("Overview"), default=True),
        st.Page("screens/upload.py", title=_("Upload"), url_path="upload"),
        st.Page("screens/review.py", title=_("Review"), url_path="review"),
        st.Page(
            "screens/comparison.py",
            title=_("Comparison"),
            url_path="comparison",
        ),
        st.Page("screens/audits.py", title=_("Audits"), url_path="audits"),
        st.Page("screens/flagged.py", title=_("Flagged stations"), url_path="flagged"),
    ]


def settle(about: About) -> None:
    """Language, country and zone of this session."""
    st.session_state[COUNTRY], st.session_state[ZONE] = about.country, about.timezone
    if st.session_state.get(LANGUAGE) not in LANGUAGES:
        asked = st.query_params.get("lang")
        st.session_state[LANGUAGE] = next((c for c in (asked, *about.languages) if c in LANGUAGES), "en")


def sidebar(about: About) -> None:
    """What is said on every page."""
    with st.sidebar:
        st.subheader(plain(about.name))
        if about.synthetic:
            synthetic = _("Synthetic: this election never took place")
            st.markdown(f":orange[**{synthetic}**]")
        # What was chosen is kept beside the inputs, whose own state is lost when a page sends the reader to another.
        chosen = st.selectbox(
            _("Language"),
            list(LANGUAGES),
            index=list(LANGUAGES).index(language()),
            format_func=LANGUAGES.__getitem__,
            key="language_choice",
        )
        if chosen != language():
            st.session_state[LANGUAGE] = chosen
            st.rerun()
        st.session_state[state.ACTOR] = st.text_input(
            _("Your name"),
            value=st.session_state.get(state.ACTOR, ""),
            key="actor_name",
            max_chars=60,
            help=_("Kept with what you send and decide. There are no accounts yet."),
        )
        st.caption(_("No roles yet: served on this machine only."))


def main() -> None:
    """Draw the frame and run the chosen page; an error is one sentence."""
    st.set_page_config(page_title="Cotejo", layout="wide", initial_sidebar_state="auto")
    try:
        about = state.mission().settings.mission
        settle(about)
        page = st.navigation(pages())
        sidebar(about)
        page.run()
    except CotejoError as e:
        st.error(plain(e), icon=":material/error:")


main()
