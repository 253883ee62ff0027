"""What a text about an audit may not say: words that accuse, and words that say more than the grade."""

from __future__ import annotations

import re

LANGUAGES = ("en", "es", "pt")

# Nothing that the house prints contains one of these, whatever the grade.
ACCUSING = re.compile(
    r"fraud|rigg|\bstolen|\bsteal|manipul|irregular|falsif|tamper|cheat|stuff|anomal|suspici|suspect|illegal|guilty|crim"
    r"|\bamañ|\brobad|\brobo\b|adulter|\btrampa|sospech|ilegal|delito|culpable|relleno de urnas|pucherazo"
    r"|\broubad|\broubo\b|furtad|trapaça|suspeit|culpad",
    re.IGNORECASE,
)
# No grade shows a cause, an intention or a certainty.
_PROVING = {
    "en": r"\bprove[sdn]?\b|\bproof\b|\bshows? that|demonstrat|evidence (that|of)\b|must have|certainly|deliberate|intention"
    r"|on purpose|no doubt|altered",
    "es": r"\bprueban? que|demuestra|\bdemostr|evidencia de\b|sin duda|seguramente|deliberad|intenci|a propósito|alterad",
    "pt": r"\bprovam? que|\bdemonstra|evidência de\b|sem dúvida|certamente|deliberad|intenci|de propósito|alterad",
}
# No result says that a count is good: finding nothing is not a certificate.
_CERTIFYING = {
    "en": r"(count|election|result|sheet)s? (is|are|was|were) (clean|right|correct|free|valid|genuine)|nothing is wrong|all is well",
    "es": r"(conteo|elección|resultado|acta)s? (es|son|fue|está|están) (limpi|correct|válid|genuin)|todo está bien",
    "pt": r"(contagem|eleição|resultado|boletim) (é|são|foi|está|estão) (limp|corret|certa|certo|válid|genuín)|tudo está bem",
}
_DIFFER = {"en": r"records .*\bdiffer\b", "es": r"registros .*difier", "pt": r"registros .*\b(diferem|difir)"}
_CONTRADICT = {"en": r"contradicts itself", "es": r"se contradice a sí", "pt": r"contradiz a si"}
_UNEXPLAINED = {"en": r"\bpattern\b", "es": r"\bpatrón\b", "pt": r"\bpadrão\b"}
_SIGNIFICANT = {"en": r"significan", "es": r"significativ", "pt": r"significativ"}
_PVALUE = dict.fromkeys(LANGUAGES, r"\bp = |\bp corregido|\bp corrigido|valor p\b|p-value")

# For each thing that a grade lets a result say (`audits.words.kind`), what its own words may not say.
_BEYOND = {
    "none": (_DIFFER, _CONTRADICT, _UNEXPLAINED, _SIGNIFICANT, _PVALUE),
    "A": (_CONTRADICT, _SIGNIFICANT),
    "B": (_DIFFER, _SIGNIFICANT),
    "C0": (_DIFFER, _CONTRADICT, _SIGNIFICANT),
    "C1": (_DIFFER, _CONTRADICT, _SIGNIFICANT),
    "D": (_DIFFER, _CONTRADICT, _UNEXPLAINED, _SIGNIFICANT, _PVALUE),
}


def complaints(text: str, language: str, says: str | None = None) -> list[str]:
    """Words of a text that no grade allows; with `says` (a kind, or A or B) also those that say more than that.

    A text of the grade itself (headline, what the number means) is given with `says`; an explanation, a pitfall or a null hypothesis
    talks about methods too and is given without.
    """
    wrong = [ACCUSING.pattern, _PROVING[language], _CERTIFYING[language]]
    if says is not None:
        kind = says if says in _BEYOND else says[0]
        wrong += [words[language] for words in _BEYOND[kind]]
    return [found.group() for pattern in wrong if (found := re.search(pattern, text, re.IGNORECASE))]
