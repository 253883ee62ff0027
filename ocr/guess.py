"""What the words beside a row of boxes say about it, in Spanish, Portuguese and English."""

from __future__ import annotations

import re
import unicodedata

from ocr.form import Role

# The first that fits: "people on the list who voted" are voters, "registered voters" are not.
ROLES: tuple[tuple[Role, str], ...] = (
    (Role.NULL, r"\bnul[oa]s?\b|\bviciad|\bspoil|\binvalid|\brejected\b|\bnull\b"),
    (Role.BLANK, r"\bblanc[oa]s?\b|\bbranc[oa]s?\b|\bblank\b"),
    (Role.UNUSED, r"\bsobrantes?\b|no utilizad|nao utilizad|inutilizad|\bunused\b|\bsobras?\b"),
    (Role.VALID, r"\bvalid[oa]s?\b"),
    (Role.VOTED, r"\bvotaron\b|\bsufragantes\b|\bsufragaron\b|\bvotantes\b|\bcomparec|\bvotaram\b|who voted"),
    (
        Role.REGISTERED,
        r"\blista nominal\b|\binscrit|\bempadronad|\bhabilitad|\bregistered\b|\baptos\b|\belectores\b",
    ),
    (Role.CAST, r"\burnas?\b|\bemitidos\b|\bsacad[oa]s\b|\btotal\b|\bballots\b|\bcast\b"),
    (Role.STATION, r"\bmesa n|\bseccion\b|\bsecao\b|\bjunta n|\bstation\b|\bcodigo\b"),
)
NOISE = r"^\W*(con|em|in) (letras?|numeros?|words|figures)\W*$|^\W*\d{0,2}\W*$"


def plain(text: str) -> str:
    """Lower case without accents."""
    letters = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in letters if not unicodedata.combining(c))


def role_of(label: str) -> Role | None:
    """What a field with that label counts, or None if the words do not say."""
    words = plain(label)
    return next((role for role, pattern in ROLES if re.search(pattern, words)), None)


def is_noise(text: str) -> bool:
    """Whether a text stands beside every row and names none: "(con número)", a row's number."""
    return re.search(NOISE, plain(text)) is not None


def slug(label: str) -> str:
    """A field's name from its label: lower case, words joined by underscores, at most five of them."""
    words = re.findall(r"[a-z0-9]+", plain(label))
    return "_".join(w for w in words if w not in ("de", "la", "el", "los", "las", "do", "da", "of", "the"))[
        :40
    ].strip("_")
