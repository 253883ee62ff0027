"""What a result does and does not mean: a paragraph that can be translated and never says more than the grade.

Which sentences a paragraph has is decided by what the result says (`audits.words.kind`) and by what is known of it: its size in votes
against the margin, flags a clean election would show, false alarms, power, assumptions and innocent explanations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from audits.plant import TITLES
from audits.words import ALPHA, N_, Number, Sentence, Translate, Write, headline_sentence, kind, tested_parts

if TYPE_CHECKING:
    from audits.audit import Audit, AuditResult
    from audits.data import AuditData

_ABOVE = ALPHA + 0.01  # the bound of the scoreboard: 6 %

_MEANS: dict[str, tuple[str, ...]] = {
    "none": (N_("Nothing was looked at here, which speaks neither for nor against this count."),),
    "A0": (
        N_(
            "This holds only for what both records show and somebody confirmed; nothing is known of the rest."
        ),
    ),
    "A1": (
        N_(
            "Each flagged station can be looked up in both records. That they differ does not say which of them is right, "
            "nor how the difference arose."
        ),
    ),
    "B0": (N_("Numbers that fit each other can still be wrong."),),
    "B1": (
        N_(
            "Each flagged station can be checked with the written numbers alone. That they do not fit each other does not say "
            "which of them is wrong, nor how it came about."
        ),
    ),
    "C0": (
        N_(
            "Finding nothing is no certificate: this test sees one kind of pattern, and a small one, or one of another kind, "
            "stays unseen."
        ),
    ),
    "C1": (
        N_(
            "The p-value is how often counts that follow the stated model would have a pattern at least this strong. It is not "
            "the probability that something is wrong with the count, it points at no single vote, and the stated model may simply "
            "not fit this country."
        ),
    ),
    "D": (
        N_(
            "No limit is known beyond which these figures would be unusual, so none of them is a finding by itself."
        ),
    ),
}
_FOUND = ("A1", "B1", "C1")

_EFFECT = N_(
    "In votes: {effect} ({meaning}). Who is first in these counts is {margin} votes ahead of who is second; this is {percent} % of that margin."
)
_EFFECT_LEVEL = N_("In votes: {effect} ({meaning}). The first two have equally many votes.")
_EFFECT_ALONE = N_("In votes: {effect} ({meaning}). The margin is not known here.")
_NO_EFFECT = N_("It measures no votes, so nothing can be held against the margin.")
_BELOW_CHANCE = N_(
    "In votes it measures no more than chance gives ({effect}), so nothing can be held against the margin."
)
_TOO_FEW = N_(
    "Even if each of these votes stood with the wrong option, the first two would keep their order."
)
_ENOUGH = N_("That could matter if all of it went one way; whether it did, this number does not say.")

_FLAGS = N_("Stations flagged: {flagged}. A clean election of this size would show about {expected}.")
_FLAGS_UNKNOWN = N_(
    "Stations flagged: {flagged}. How many a clean election of this size would show is not known."
)
_NO_FLAGS = N_("No single station is flagged.")

_PARTS = N_(
    "Among its figures are further tests of grade C, corrected with all others ({tests}); a pattern that their stated model "
    "does not explain: {spoke}."
)
_RATE = N_(
    "On simulated clean elections with these totals the test speaks in {rate} % of cases at the level of 5 %."
)
_RATE_HIGH = N_("That is more often than it should, so its p-value is not to be relied on here.")
_RATE_UNKNOWN = N_("How often it speaks on clean elections with these totals was not measured.")
_POWER = N_(
    "With a change planted in 1, 3 or 10 % of the stations of such elections ({plant}), the test notices it in {one}, {three} or "
    "{ten} % of cases."
)
_SOME = N_("of some kind")
_ASSUMED = N_("Assumptions: met {met}, not met {broken}, not to be told from these data {unknown}.")
_BROKEN = N_("Not met: {assumption}")
_BROKEN_P = N_("Where an assumption is not met, the p-value may be too small or too large.")
_INNOCENT = N_("Innocent explanations come first:")
_NUMERAL = N_("1,234.5")  # as the language writes this number


_NEEDS = {
    "counts": N_("counts by station"),
    "counts.option": N_("votes of each option by station"),
    "counts.registered": N_("registered voters by station"),
    "counts.voted": N_("people who voted by station"),
    "counts.cast": N_("ballots in the box by station"),
    "counts.place_id": N_("the place of each station"),
    "counts.region": N_("the region of each station"),
    "sheets": N_("readings of the sheets themselves"),
    "sheets.struck": N_("what the reader saw of crossed-out numbers"),
    "sums": N_("sums of the sheets"),
    "comparison": N_("a comparison of two records"),
    "filings.writing": N_("fingerprints of the handwriting on the photos"),
    "filings": N_("photos with the stations they are filed for"),
    "published": N_("a count as the authority publishes it"),
}


def need_in_words(need: str) -> Sentence:
    """What an audit needs ("table" or "table.column"), in words."""
    return Sentence(_NEEDS.get(need, need))


def margin_of(data: AuditData, tickets: Mapping[str, Sequence[str]] | None = None) -> int | None:
    """Votes by which the first option of the counts is ahead of the second; None without two options that have votes known.

    Parameters
    ----------
    tickets : candidate -> the options that count for the candidate (a coalition's parties); the margin is then between candidates.
    """
    if data.counts is None or data.counts.is_empty():
        return None
    known = [o for o in data.count_options if data.counts[o].null_count() < data.counts.height]
    votes = {o: int(data.counts[o].sum()) for o in known}
    behind = {who: [o for o in options if o in votes] for who, options in (tickets or {}).items()}
    taken = {o for options in behind.values() for o in options}
    sums = [sum(votes[o] for o in options) for options in behind.values() if options]
    sums += [n for o, n in votes.items() if o not in taken]
    if len(sums) < 2:
        return None
    first, second, *_ = sorted(sums, reverse=True)
    return first - second


def of_margin(effect: float | None, margin: int | None) -> float | None:
    """An effect in votes as a part of the margin; None where one is not known or the margin is 0."""
    return None if effect is None or not margin else effect / margin


def paragraph(audit: Audit, result: AuditResult, margin: int | None) -> tuple[Sentence, ...]:
    """The sentences of the paragraph about a result; the first is its headline.

    Parameters
    ----------
    margin : votes between the first and the second option (`margin_of`).
    """
    says = kind(result)
    out = [headline_sentence(audit, result), *map(Sentence, _MEANS[says])]
    if says == "none":
        return tuple(out)
    out += [*_effect(result, says, margin), *_flags(result, says), *_tests(result), *_assumed(result)]
    if says in (*_FOUND, "D"):
        out += [Sentence(_INNOCENT), *map(Sentence, audit.innocent_explanations)]
    return tuple(out)


def text(sentences: Iterable[Sentence], _: Translate = N_, write: Write | None = None) -> str:
    """The paragraph in the language of `_`; numbers as `write` writes them, or as the language does."""
    how = numerals(_) if write is None else write
    return " ".join(sentence.text(_, how) for sentence in sentences)


def numerals(_: Translate = N_) -> Write:
    """How the language of `_` writes numbers, three digits of those that are not whole.

    >>> [numerals()(x) for x in (12345, 0.04321, 12345.6, 1.26e-13)]
    ['12,345', '0.0432', '12,346', '1.3·10⁻¹³']
    """
    sample = _(_NUMERAL)
    signs = str.maketrans({",": sample[1], ".": sample[5], "-": "−"})

    def write(x: int | float) -> str:
        if isinstance(x, int) or abs(x) >= 1000:
            return f"{round(x):,}".translate(signs)
        if x == 0 or abs(x) >= 1e-4:
            return f"{float(f'{x:.3g}'):.12f}".rstrip("0").rstrip(".").translate(signs)
        digits, power = f"{x:.2g}".split("e")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{digits.translate(signs)}·10{raised}"

    return write


def in_percent(rate: float) -> float:
    """Three digits of a rate in percent; what is not certain is not rounded to certainty."""
    near = float(f"{100 * rate:.3g}")
    return min(near, 99.9) if rate < 1 else near


def _effect(result: AuditResult, says: str, margin: int | None) -> list[Sentence]:
    effect = result.effect_votes
    if says in ("A0", "B0", "D"):  # nothing found, or nothing tested
        return []
    if effect is None:
        return [Sentence(_NO_EFFECT)]
    votes = round(effect)
    if says == "C0" and votes <= 0:
        return [Sentence(_BELOW_CHANCE, {"effect": votes})]
    if votes <= 0:  # a pattern of the whole, to which no station or excess can be named
        return [Sentence(_NO_EFFECT)]
    said: dict[str, Number | Sentence] = {"effect": votes, "meaning": Sentence(result.effect_meaning)}
    if margin is None:
        return [Sentence(_EFFECT_ALONE, said)]
    if margin == 0:
        return [Sentence(_EFFECT_LEVEL, said)]
    percent = float(f"{100 * effect / margin:.3g}")
    known = Sentence(_EFFECT, {**said, "margin": margin, "percent": percent})
    # A vote that stands with the wrong option counts twice: one has it too many, and the other too few.
    reach = Sentence(_TOO_FEW if 2 * votes < margin else _ENOUGH)
    return [known, reach]


def _flags(result: AuditResult, says: str) -> list[Sentence]:
    flagged, expected = len(result.flagged_stations), result.flags_expected
    if says == "D" and not flagged:
        return []
    if flagged == 0 and not expected:
        return [Sentence(_NO_FLAGS)] if says.startswith("C") else []
    if expected is None:
        return [Sentence(_FLAGS_UNKNOWN, {"flagged": flagged})]
    return [Sentence(_FLAGS, {"flagged": flagged, "expected": float(f"{expected:.3g}")})]


def _tests(result: AuditResult) -> list[Sentence]:
    """False alarms and power of the test, and what the tests in its parts say."""
    out = []
    within = tested_parts(result)
    if within:
        spoke = sum(p <= ALPHA for p in within)
        out.append(Sentence(_PARTS, {"tests": len(within), "spoke": spoke}))
    if result.pvalue is None:
        return out
    rate = result.false_alarm_rate
    if rate is None:
        return [*out, Sentence(_RATE_UNKNOWN)]
    out.append(Sentence(_RATE, {"rate": in_percent(rate)}))
    error = result.calibration.get("standard_error")
    # What simulation itself leaves open is not held against the test.
    if rate > _ABOVE and rate - 2 * (error if isinstance(error, float) else 0.0) > ALPHA:
        out.append(Sentence(_RATE_HIGH))
    power = [result.calibration.get(f"power_{share}") for share in (1, 3, 10)]
    if all(isinstance(x, float) for x in power):
        one, three, ten = (in_percent(x) for x in power if isinstance(x, float))
        plant = Sentence(TITLES.get(str(result.calibration.get("plant")), _SOME))
        out.append(Sentence(_POWER, {"plant": plant, "one": one, "three": three, "ten": ten}))
    return out


def _assumed(result: AuditResult) -> list[Sentence]:
    met = list(result.assumptions.values())
    if not met:
        return []
    counted: dict[str, Number | Sentence] = {
        "met": sum(m is True for m in met),
        "broken": sum(m is False for m in met),
        "unknown": sum(m is None for m in met),
    }
    out = [Sentence(_ASSUMED, counted)]
    broken = [name for name, m in result.assumptions.items() if m is False]
    out += [Sentence(_BROKEN, {"assumption": Sentence(name)}) for name in broken]
    if broken and result.pvalue is not None:
        out.append(Sentence(_BROKEN_P))
    return out
