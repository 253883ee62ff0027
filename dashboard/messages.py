"""Collect the texts to translate and compile the translations: ``python -m dashboard.messages``.

Texts are marked with ``_`` or ``N_`` in ``dashboard/`` and with ``N_`` in ``audits/``. A text that is new has an empty
translation in ``locale/*/LC_MESSAGES/cotejo.po``, and a test fails until somebody fills it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from dashboard.text import LANGUAGES, LOCALE

ROOT = Path(__file__).parent.parent
PACKAGES = ("audits", "dashboard")
KEYWORDS = {"_": None, "N_": None}


def collect() -> Catalog:
    """Every marked text, with the files it stands in."""
    catalogue = Catalog(project="Cotejo", charset="utf-8", fuzzy=False)
    for package in PACKAGES:
        found = extract_from_dir(ROOT / package, keywords=KEYWORDS, comment_tags=())
        for name, _line, message, _comments, context in found:
            # No line numbers: they would change the file whenever anything moves.
            catalogue.add(message, locations=[(f"{package}/{name}", 0)], context=context)
    return catalogue


def load(code: str) -> Catalog:
    """One language's translations."""
    with path(code).open("rb") as file:
        return read_po(file, locale=code)


def path(code: str) -> Path:
    """Where they are."""
    return LOCALE / code / "LC_MESSAGES" / "cotejo.po"


def update() -> dict[str, list[str]]:
    """Bring the .po files up to date and compile them; the texts without translation, by language."""
    template = collect()
    missing: dict[str, list[str]] = {}
    for code in LANGUAGES:
        catalogue = load(code) if path(code).is_file() else Catalog(locale=code, charset="utf-8", fuzzy=False)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        catalogue.fuzzy = False
        catalogue.header_comment = (
            "# Cotejo. Made by `python -m dashboard.messages`; fill the msgstr lines by hand."
        )
        # A fixed time: the same texts give the same bytes.
        catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
        missing[code] = [] if code == "en" else [str(m.id) for m in catalogue if m.id and not m.string]
        with path(code).open("wb") as file:
            write_po(file, catalogue, width=110, omit_header=False, include_lineno=False, sort_output=True)
        with path(code).with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
    return missing


if __name__ == "__main__":
    for language, texts in update().items():
        for text in texts:
            print(f"{language}: no translation: {text}")
