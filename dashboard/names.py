"""What short identifiers are called on screen: statuses, reasons, causes, roles, states, grades."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from audits.words import Sentence
from dashboard.text import N_, NONE, _, language, when
from tabulate.mission import Contest, Mission

STATUS = {
    "accepted": N_("Accepted"),
    "person": N_("Waiting for a person"),
    "unread": N_("Not read yet"),
    "absent": N_("Absent"),
}
STATUS_ONE = {
    "accepted": N_("accepted"),
    "person": N_("to be reviewed"),
    "unread": N_("not read yet"),
    "absent": N_("absent"),
}
SOURCE = {
    "reading": N_("the reading"),
    "keying": N_("two people's typing"),
    "person": N_("a person's decision"),
}
GRADE = {
    "A": N_("Two records of the same acta differ"),
    "B": N_("One sheet contradicts itself"),
    "C": N_("A pattern, no evidence about its cause"),
    "D": N_("A description, nothing tested"),
}
STATE = {"blank": N_("blank"), "illegible": N_("illegible"), "absent": N_("absent")}
ROLE = {
    "valid": N_("Valid votes"),
    "blank": N_("Blank ballots"),
    "null": N_("Null ballots"),
    "cast": N_("Ballots in the box"),
    "voted": N_("People who voted"),
    "registered": N_("Registered voters"),
    "unused": N_("Unused ballots"),
    "station": N_("Station number"),
    "other": N_("Other"),
}
CAUSE = {
    "transposed-digits": N_("digits exchanged"),
    "one-digit": N_("one digit differs"),
    "swapped-options": N_("two options exchanged"),
    "shifted-column": N_("column shifted"),
    "only-total": N_("only a total differs"),
    "blank-as-zero": N_("blank against zero"),
    "wrong-station": N_("the numbers of another station"),
    "counted-against-status": N_("counted though its status says not"),
    "missing-left": N_("missing on the left"),
    "missing-right": N_("missing on the right"),
    "unexplained": N_("no simple slip explains it"),
    "counted-changed": N_("the authority counts it now, or no longer"),
    "status-changed": N_("the authority gives it another status"),
}
RECEIPT = {
    "new": N_("Received"),
    "already here": N_("Already here, counted once"),
    "also filed for": N_("Already here for another station"),
    "refused": N_("Refused"),
}
NOTE = {
    "gap": N_("Nothing came for {minutes} minutes, from {since} to {until}; usual are {usual}."),
    "stopped": N_("Nothing has come since {since}, for {minutes} minutes at {until}; usual are {usual}."),
    "fewer": N_("{what} fell from {before} to {after}."),
    "columns": N_("The file's columns changed: added {added}, gone {gone}{moved}."),
    "repeated": N_("The bytes of {name} had come before, as {snapshot}."),
    "refused": N_("{name} was not taken over: {reason}"),
}
WHAT = {
    "The number of actas": N_("The number of actas"),
    "The number of counted actas": N_("The number of counted actas"),
    "The votes in counted actas": N_("The votes in counted actas"),
}
ANSWER = {"yes": N_("Yes, it could"), "no": N_("No"), "cannot say": N_("Cannot say")}
RULE = {
    "plurality": N_("most votes win"),
    "absolute-majority": N_("more than half wins, otherwise run-off"),
    "40-10": N_("more than half, or 40 % with 10 points more, otherwise run-off"),
    "40-over-10": N_("more than half, or 40 % with over 10 points more, otherwise run-off"),
    "45-40-10": N_("more than 45 %, or 40 % with over 10 points more, otherwise run-off"),
    "dhondt": N_("seats by D'Hondt"),
}
# The part before the colon; {what} is the field, sum or page after it.
REASON = {
    "unsure": N_("Not read with enough certainty: {what}"),
    "blank": N_("Nothing is written: {what}"),
    "illegible": N_("Illegible: {what}"),
    "absent": N_("Not on the photo: {what}"),
    "crossed-out": N_("Something is crossed out: {what}"),
    "words-differ": N_("Number and words differ: {what}"),
    "text-differs": N_("The text in the file is not what the page shows: {what}"),
    "no-lines": N_("The printed lines are gone; the page was placed by its printed texts"),
    "print-differs": N_("The sheet's code and its print say different numbers: {what}"),
    "print-unread": N_("The numbers are the code's; the print could not be read"),
    "chain-broken": N_("The codes of this sheet do not belong together, or one was misread: part {what}"),
    "not-on-form": N_("The sheet's code has votes that the form does not name: {what}"),
    "not-official": N_("A rehearsal's sheet, and not an election's"),
    "signature-failed": N_("The code's signature does not hold"),
    "signature-unverified": N_("Nobody could check the code's signature: {what}"),
    "over-maximum": N_("Larger than possible: {what}"),
    "odd-filling": N_("The boxes are filled in an unusual way: {what}"),
    "against-boxes": N_("The boxes alone say something else than the sums: {what}"),
    "sum-fails": N_("The sum does not hold: {what}"),
    "blank-sum": N_("A row is empty, and with 0 there the sum does not hold: {what}"),
    "inconsistent": N_("The sheet does not add up as written"),
    "may-not-add-up": N_("The sheet may not add up as written"),
    "probability-low": N_("The whole acta is not certain enough"),
    "not-accepted": N_("The reader does not accept it"),
    "station-differs": N_("Code, printed number and sender do not name the same station"),
    "station-not-on-sheet": N_("The sheet does not say its station"),
    "station-unknown": N_("The station is unknown"),
    "station-not-in-register": N_("The station is not in the register"),
    "form-not-of-mission": N_("This form is not counted in this mission"),
    "contest-not-at-station": N_("This contest is not voted on at that station"),
    "photos-differ": N_("Two photos of this page differ"),
    "forms-differ": N_("Photos show different forms"),
    "page-missing": N_("A page is missing: {what}"),
    "refused": N_("The photo could not be read"),
    "photo-of-another-station": N_("The photo shows another station"),
    "filed-twice": N_("The photo was sent for several stations"),
    "keyings-differ": N_("Two people typed different numbers"),
    "incomplete": N_("Not all numbers were given by people"),
}


def note(kind: str, numbers: str) -> str:
    """What was noticed about the authority's feed, in words; `numbers` is JSON."""
    values = json.loads(numbers)
    for key in ("since", "until"):
        if key in values:
            values[key] = when(datetime.fromisoformat(values[key]))
    if "what" in values:
        values["what"] = say(WHAT, values["what"])
    if values.get("moved"):
        values["moved"] = _("; the same in another order")
    return _(NOTE[kind]).format(**values)


def status(value: str | None) -> str:
    """How actas stand."""
    return say(STATUS, value)


def status_one(value: str | None) -> str:
    """How one acta stands."""
    return say(STATUS_ONE, value)


def grade(value: str) -> str:
    """What a grade says."""
    return say(GRADE, value)


def cause(value: str | None) -> str:
    """The kinds of slip, joined."""
    return NONE if not value else ", ".join(say(CAUSE, c) for c in value.split(";"))


def reasons(value: str, labels: Mapping[str, str]) -> list[str]:
    """Why a person must look, in words; `labels` are those of fields and sums."""
    return [reason(r, labels) for r in value.split(";") if r]


def reason(value: str, labels: Mapping[str, str]) -> str:
    """One reason in words; an identifier that is not known stays as it is."""
    kind, _sep, what = value.partition(":")
    if kind not in REASON:
        return value
    if not what and "{what}" in REASON[kind]:
        return _("Not read with enough certainty") if kind == "unsure" else value
    return _(REASON[kind]).format(what=labels.get(what, what))


def field(role: str, option: str | None, contest: Contest | None, name: str = "") -> str:
    """What a field is called: its option's short name, or its role's."""
    if option is not None:
        return next((o.short for o in contest.options if o.id == option), option) if contest else option
    return _(ROLE[role]) if role in ROLE and role not in ("other", "station") else name or role


def labels(mission: Mission, contest: str) -> dict[str, str]:
    """What the contest's fields and sums are called: a field by option or role, a sum by what it adds up."""
    here = mission.contests[contest]
    fields: dict[str, str] = {}
    sums: list[tuple[str, Sequence[str], Sequence[str], str]] = []
    for use in mission.settings.forms:
        if use.contest == contest:
            own = mission.fields_of(use.id, contest)
            form = mission.forms[use.id]
            # What has no role in the count is called what the form calls it.
            printed = {name: form.field(name).label or name for name in own}
            fields |= {n: field(str(role), option, here, printed[n]) for n, (role, option) in own.items()}
            sums += [(s.name, s.left, s.right, s.rule) for s in form.sums]
    sums += [(s.name, s.left, s.right, s.rule) for s in mission.settings.sums if s.contest == contest]
    for name, left, right, rule in sums:
        sides = [" + ".join(fields.get(f, f) for f in side) for side in (left, right)]
        # Two forms may call different sums the same: then the name is all that can be said.
        words = f" {'=' if rule == 'equal' else '≤'} ".join(sides)
        fields[name] = words if fields.get(name, words) == words else name
    return fields


def options(contest: Contest) -> dict[str, str]:
    """Option id to short name."""
    return {o.id: o.short for o in contest.options}


def any_field(name: str, mission: Mission, contest: str | None) -> str:
    """A field of a finding: an option, a role, or the name of a sum."""
    known = mission.contests.get(contest or "")
    if known is not None and name in options(known):
        return options(known)[name]
    return _(ROLE[name]) if name in ROLE else name


def evidence(message: str, numbers: str, mission: Mission, contest: str | None) -> str:
    """A finding's sentence in the language of the session."""
    values: dict[str, Any] = json.loads(numbers)
    for key in ("field", "option"):
        if isinstance(values.get(key), str):
            values[key] = any_field(values[key], mission, contest)
    if isinstance(values.get("cause"), str):
        values["cause"] = ", ".join(
            say(CAUSE, c.strip()) for c in values["cause"].replace(",", ";").split(";")
        )
    return Sentence(message, values).text(_)


def value(number: int | None, state: str) -> str:
    """A number, or what stands there instead: 0, blank, illegible and absent are four things."""
    return str(number) if number is not None else say(STATE, state)


def snapshot(name: str, taken_at: Mapping[str, datetime]) -> str:
    """One side of a comparison."""
    if name == "tally":
        return _("The mission's tally")
    return _("Snapshot {name}").format(name=name) + (f" · {when(taken_at[name])}" if name in taken_at else "")


def region_word(mission: Mission) -> str:
    """What the first level of geography is called here."""
    words = mission.settings.mission.geography
    return words[0] if words and language() == mission.settings.mission.languages[0] else _("Region")


def say(words: Mapping[str, str], value: str | None) -> str:
    """The word for an identifier; one that is not known stays as it is."""
    return NONE if value is None else _(words[value]) if value in words else value
