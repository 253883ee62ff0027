"""What audits say, in the house's languages, for documents and the command line.

The catalogues are the dashboard's (``dashboard/locale``, compiled). They are read as files: nothing of the dashboard is imported.
"""

from __future__ import annotations

import gettext
import importlib.util
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from audits import meaning
from audits.words import N_, Sentence, Translate

LANGUAGES = ("en", "es", "pt")


@cache
def translate(language: str) -> Translate:
    """From message ids to their texts in a language; English where there is no catalogue."""
    dashboard = importlib.util.find_spec("dashboard")
    if language == "en" or dashboard is None or not dashboard.submodule_search_locations:
        return N_
    folder = Path(dashboard.submodule_search_locations[0]) / "locale"
    return gettext.translation("cotejo", folder, [language], fallback=True).gettext


def paragraph(sentences: Iterable[Mapping[str, Any]], language: str) -> str:
    """The paragraph of an entry of the audit document (``sentences.paragraph``) in a language."""
    return meaning.text((Sentence.from_json(s) for s in sentences), translate(language))


def paragraphs(sentences: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The same in every language, by its code."""
    every = list(sentences)
    return {language: paragraph(every, language) for language in LANGUAGES}


def report(document: Mapping[str, Any], language: str) -> str:
    """Everything the audits say, contest by contest, as plain text for people.

    Parameters
    ----------
    document : the audit document (`tabulate.findings.document`).
    """
    contests = document.get("contests") or {document.get("contest", ""): document}
    out = []
    for contest, battery in contests.items():
        # A document of an older version has no paragraphs.
        said = (a.get("paragraph", {}).get(language, a["headline"]) for a in battery["audits"])
        out += [str(contest), *said]
    return "\n\n".join(out) + "\n"
