"""Words, numbers and times in the reader's language.

Message ids are the English texts. ``python -m dashboard.messages`` collects them and compiles the translations, which are
kept in the repository, so that nothing is compiled while the dashboard runs.
"""

from __future__ import annotations

import gettext
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st
from babel import Locale, UnknownLocaleError, dates, numbers

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"es": "Español", "pt": "Português", "en": "English"}
LANGUAGE, COUNTRY, ZONE = "language", "country", "zone"  # in the session's state
NONE = "–"
# Everything that Markdown, Streamlit's own directives or LaTeX could take for more than a character.
_MARKS = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]()<>#+-.!|~$:@&=\"'/"} | {"\n": " ", "\r": " "})


def N_(message: str) -> str:
    """Mark a message id where it is written, to be translated where it is shown."""
    return message


def _(message: str) -> str:
    """The message in the session's language."""
    return _catalogue(language()).gettext(message)


def translated(message: str) -> str:
    """The same for a message that was marked elsewhere with ``N_``."""
    return _(message)


def language() -> str:
    """The session's language: ``es``, ``pt`` or ``en``."""
    chosen = st.session_state.get(LANGUAGE)
    return chosen if chosen in LANGUAGES else "es"


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation("cotejo", LOCALE, [code])


def locale() -> Locale:
    """Numbers and dates as the mission's country writes them, if it speaks the session's language."""
    return _locale(language(), str(st.session_state.get(COUNTRY, "")))


@cache
def _locale(code: str, country: str) -> Locale:
    try:
        return Locale.parse(f"{code}_{country}", resolve_likely_subtags=False)
    except (UnknownLocaleError, ValueError):
        return Locale.parse("es_419" if code == "es" else code)


def whole(value: float | None) -> str:
    """A whole number with the separators of the language."""
    return NONE if value is None else numbers.format_decimal(round(value), locale=locale())


def signed(value: float | None) -> str:
    """A whole number with its sign."""
    return (
        NONE
        if value is None
        else numbers.format_decimal(round(value), format="+#,##0;−#,##0", locale=locale())
    )


def decimal(value: float | None, digits: int = 2) -> str:
    """A number with so many decimals."""
    return (
        NONE
        if value is None
        else numbers.format_decimal(value, format=f"#,##0.{'0' * digits}", locale=locale())
    )


def significant(value: float, digits: int = 3) -> str:
    """A number with so many significant digits."""
    return numbers.format_decimal(float(f"{value:.{digits}g}"), format="#,##0.##########", locale=locale())


def percent(share: float | None, digits: int = 1) -> str:
    """A share between 0 and 1 as a percentage."""
    if share is None:
        return NONE
    return numbers.format_percent(share, format=f"#,##0.{'0' * digits} %", locale=locale())


def probability(value: float | None) -> str:
    """A probability as a percentage that is never rounded up to certainty."""
    if value is not None and 0.9995 <= value < 1:
        return "> " + percent(0.999)
    return percent(value)


def pvalue(value: float | None) -> str:
    """A probability, with as many digits as it takes to see it."""
    if value is None:
        return NONE
    if 0 < value < 0.001:
        return "< " + decimal(0.001, 3)
    return decimal(value, 3)


def when(moment: datetime | str | None) -> str:
    """A time in the mission's zone. It is stored in UTC."""
    if moment is None:
        return NONE
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    local = moment.astimezone(zone())
    offset = f"{local:%z}"
    return (
        dates.format_datetime(local, "d MMM y, HH:mm:ss", tzinfo=zone(), locale=locale())
        + f" (UTC{offset[:3]}:{offset[3:]})"
    )


def clock(moment: datetime | None) -> str:
    """The same, short: for a table."""
    return (
        NONE
        if moment is None
        else dates.format_datetime(moment, "d MMM, HH:mm", tzinfo=zone(), locale=locale())
    )


def zone() -> ZoneInfo:
    """The mission's time zone."""
    return ZoneInfo(str(st.session_state.get(ZONE, "UTC")))


def age(since: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    return dates.format_timedelta(now - since, locale=locale(), threshold=1.5)


def plain(text: object) -> str:
    """A foreign text (a file's name, a place, a note) as nothing but text where Markdown would be shown."""
    return str(text).translate(_MARKS)
