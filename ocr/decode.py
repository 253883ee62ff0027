"""Box probabilities and sums -> the most probable sheet as it was *written*, consistent or not.

The sums on a sheet are evidence, not truth. People add wrongly, and a sheet that does not add up is exactly what an
observer must see. So the decoder weighs two kinds of explanation against each other: the sheet adds up and a box was
misread, or the boxes are right and the sheet was written inconsistent. It reports the numbers of the better one, says how
probable "inconsistent" is, and keeps beside each number what its own boxes said (`alone`), read as the sheet's hand
writes. Nothing is repaired silently.

`ocr.lattice` says what one row of boxes may mean, `ocr.sums` how numbers hang together, `ocr.messages` infers exactly.
Whether a person must look is decided here, by the thresholds in `Settings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ocr.evidence import (
    Settings,
    box_likelihoods,
    calibrated,
    fillers,
    least_accepted,
    unsure,
)
from ocr.form import Form, Role, Sum
from ocr.lattice import CROSSED, Floats, Row, read_row, spell
from ocr.messages import Message, Sheet, only, term
from ocr.reading import State, SumReading
from ocr.sizes import SPOILT, sized
from ocr.sums import Network
from ocr.witness import Witness, weigh


@dataclass(frozen=True, slots=True)
class DecodedField:
    """One number as decoded; the same words as in `ocr.reading.FieldReading`.

    `runner_up` is None if there is none, or if the runner-up is a blank row. The probability of an illegible field is
    that its best number is not what is written.
    """

    value: int | None
    state: State
    probability: float
    runner_up: int | None
    runner_up_probability: float
    raw: str
    alone: float
    alone_value: int | None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """One sheet as decoded; the same words as in `ocr.reading.Reading`. `probability` leaves the station's number out."""

    fields: dict[str, DecodedField]
    sums: tuple[SumReading, ...]
    probability: float
    inconsistent: float
    accepted: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Belief:
    """Posterior of one field: its candidates (as in its `Row`), and a blank row."""

    row: Row
    numbers: Floats
    blank: float

    def probability(self, value: int | None) -> float:
        if value is None:
            return self.blank
        i = int(np.searchsorted(self.row.values, value))
        return float(self.numbers[i]) if i < self.numbers.size and self.row.values[i] == value else 0.0

    def best(self) -> int | None:
        i = int(self.numbers.argmax())
        return int(self.row.values[i]) if self.numbers[i] >= self.blank else None


def decode(
    form: Form,
    probabilities: Mapping[str, npt.ArrayLike],
    settings: Settings | None = None,
    words: Mapping[str, Witness] | None = None,
) -> Decoded:
    """The most probable sheet as written.

    Parameters
    ----------
    form : Form
    probabilities : mapping of field name to float[n_boxes, 13]
        Posterior of the classes 0-9, blank, mark, crossed-out for each box of each field of the form.
    settings : Settings, optional
    words : mapping of field name to Witness, optional
        What stands beside the boxes. It weighs as they do, but `alone` and "against-boxes" are the boxes' word only: what is known of
        the sizes of numbers beforehand does not enter there either.

    Returns
    -------
    Decoded
        The fields in the order of the form, the sums likewise. `SumReading.left` and `right` are totals of the numbers as
        written; a sum with a blank or illegible field has neither, and `holds` is False only if no number there could make it
        hold. The `probability` of a sum
        that is not part of the inference (`ocr.sums.link_sums`) takes its fields as independent and
        counts every other reading of them against what is reported: a lower bound.

    Raises
    ------
    ValueError
        If a field of the form has no probabilities, or they have another shape than its boxes.
    """
    settings = settings or Settings()
    boxes = box_likelihoods(form, probabilities, settings)
    habits = fillers(form, boxes, settings)
    words = words or {}
    alone = {
        f.name: read_row(
            boxes[f.name],
            odd_prior=settings.odd_prior,
            filler=habits[f.name],
            maximum=f.maximum,
            over_maximum=settings.over_maximum,
            keep=settings.keep,
            cap=settings.cap,
        )
        for f in form.fields
    }
    small = dict.fromkeys(SPOILT, settings.spoilt) | {Role.OPTION: settings.small}
    told = {name: weigh(row, words.get(name)) for name, row in alone.items()}
    rows = {
        name: sized(row, len(boxes[name]), small.get(form.field(name).role, 0.0))
        for name, row in told.items()
    }
    network = Network(form, settings.consistent, settings.slip, settings.loose)
    votes = {
        f.name: f.role in small or (f.role is Role.OTHER and _is_part(f.name, form)) for f in form.fields
    }
    zero = {name: settings.blank_is_zero if votes[name] else settings.total_is_zero for name in votes}
    terms = {name: term(rows[name], zero[name], small=votes[name]) for name in network.fields}
    sheet = Sheet(network, terms)
    result = sheet.infer()
    beliefs = {
        name: _believe(row, result.messages[name], terms[name].reach, zero[name])
        if name in terms
        else _Belief(row, row.weights, row.blank)
        for name, row in rows.items()
    }
    illegible = {
        name for name, row in rows.items() if max(float(row.weights.max()), row.blank) < settings.illegible
    }
    weights = sheet.weight()

    def together(values: Mapping[str, int | None]) -> float:
        """Posterior probability that all of these are right (illegible ones left open)."""
        clamped = {
            n: terms[n] if n in illegible else only(rows[n], values[n], zero[n], small=votes[n])
            for n in terms
        }
        p = float(
            np.prod(
                [
                    a / b if b > 0 else 0.0
                    for a, b in zip(Sheet(network, clamped).weight(), weights, strict=True)
                ]
            )
        )
        return p * float(
            np.prod(
                [
                    beliefs[f.name].probability(values[f.name])
                    for f in form.votes
                    if f.name not in terms and f.name not in illegible
                ]
            )
        )

    values = {name: belief.best() for name, belief in beliefs.items()}
    probability = together(values)
    if probability <= 0.5 and terms:  # above, nothing else can be more probable
        other = values | _best_sheet(network, rows, votes, zero)
        p = together(other)
        if p > max(probability, settings.joint):
            values, probability = other, p
        elif max(p, probability) <= settings.joint:
            # Where the sums make no number probable, what the boxes rather show is what is written.
            doubtful = {n: _clear(row, 0.5) for n, row in told.items() if n in terms}
            values |= {
                n: v
                for n, v in doubtful.items()
                if v != _UNCLEAR and beliefs[n].probability(values[n]) < settings.overrule
            }
            probability = together(values)
    # What the boxes say clearly is what is written, even where the sums would rather have another number.
    clear = {n: v for n in terms if (v := _clear(told[n], settings.own_word)) != _UNCLEAR}
    if any(values[n] != v for n, v in clear.items()):
        values |= clear
        probability = together(values)

    said = {name: witness.clear for name, witness in words.items() if witness.clear is not None}
    # Where no sum speaks, what numbers are like beforehand must not outvote what is seen without a person.
    guessed = {n for n in rows if n not in terms and values[n] != _best(told[n])} - illegible
    fields = {
        name: _field(
            replace(belief, row=alone[name]),
            boxes[name],
            values[name],
            settings,
            illegible=name in illegible,
            guessed=name in guessed,
        )
        for name, belief in beliefs.items()
    }
    # Behind a box struck out may stand anything, but for the number that its writer also wrote in words.
    fields |= {
        name: replace(fields[name], flags=tuple(f for f in fields[name].flags if f != "crossed-out"))
        for name, value in said.items()
        if value == fields[name].value
    }
    sums = tuple(_sum(s, form, fields, result.holds) for s in form.sums)
    holding = float(
        np.prod([a / b if b > 0 else 0.0 for a, b in zip(sheet.weight(holding=True), weights, strict=True)])
    )
    for s, reading in zip(form.sums, sums, strict=True):
        if s.evidence and s.name not in result.holds and reading.holds is False:
            holding *= (
                reading.probability
            )  # checked afterwards: it counts only when the numbers as reported break it
    unclear = unsure(probabilities)
    probability = calibrated(probability, unclear, settings)
    decoded = Decoded(fields, sums, probability, min(1.0, max(0.0, 1.0 - holding)), False, ())
    reasons = _reasons(form, decoded, settings, least_accepted(unclear, settings))
    reasons += tuple(f"words-differ:{name}" for name, value in said.items() if value != fields[name].value)
    return replace(decoded, accepted=not reasons, reasons=reasons)


def _is_part(name: str, form: Form) -> bool:
    """Whether a number is only ever added up with others."""
    return any(name in s.left and len(s.left) > 1 for s in form.sums) and not any(
        name in s.right or s.left == (name,) for s in form.sums
    )


def _believe(row: Row, message: Message, reach: int, zero: float) -> _Belief:
    """The row's own distribution times what the sums say; left empty it stands for 0 with probability `zero`, else for anything below `reach`."""
    numbers = row.weights * message.at
    mean = message.all / reach
    blank = row.blank * (zero * float(message.at[0]) + (1 - zero) * mean)
    total = float(numbers.sum()) + blank + row.other * mean
    if total <= 0:  # underflow on a hopeless sheet
        return _Belief(row, row.weights, row.blank)
    return _Belief(row, numbers / total, blank / total)


_UNCLEAR = -1


def _clear(row: Row, least: float) -> int | None:
    """What a row shows with at least this probability by itself; `_UNCLEAR` if nothing."""
    i = int(row.weights.argmax())
    if row.weights[i] >= least:
        return int(row.values[i])
    return None if row.blank >= least else _UNCLEAR


def _best(row: Row) -> int | None:
    """What a row most probably shows by itself."""
    i = int(row.weights.argmax())
    return int(row.values[i]) if row.weights[i] >= row.blank else None


def _best_sheet(
    network: Network, rows: Mapping[str, Row], votes: Mapping[str, bool], zero: Mapping[str, float]
) -> dict[str, int | None]:
    """The single most probable combination of numbers and blank rows, by max-product."""
    terms = {n: term(rows[n], zero[n], small=votes[n], nudge=i) for i, n in enumerate(network.fields)}
    # A pooled remainder is no reading; only a blank row may stand for any number here.
    messages = Sheet(network, terms, best=True).infer().messages
    out: dict[str, int | None] = {}
    for name, message in messages.items():
        row = rows[name]
        numbers = (
            terms[name].weights * message.at
        )  # with the nudge, so that equal sheets are told apart alike everywhere
        numbers[0] = min(terms[name].weights[0], row.weights[0] * (1 + 1e-9)) * message.at[0]
        blank = row.blank * max(
            zero[name] * float(message.at[0]),
            (1 - zero[name]) / terms[name].reach * message.all,
        )
        k = int(numbers.argmax())
        out[name] = int(row.values[k]) if numbers[k] >= blank else None
    return out


def _field(
    belief: _Belief,
    boxes: Floats,
    value: int | None,
    settings: Settings,
    *,
    illegible: bool,
    guessed: bool,
) -> DecodedField:
    row, numbers = belief.row, belief.numbers
    others = numbers.copy()
    if value is not None:
        others[np.searchsorted(row.values, value)] = -1.0
    second = int(others.argmax())
    runner_up: int | None = int(row.values[second])
    runner_up_probability = max(0.0, float(others[second]))
    if value is not None and belief.blank > runner_up_probability:
        runner_up, runner_up_probability = None, belief.blank
    elif row.values.size == 1 and value is not None:
        runner_up = None

    flags = []
    if float(numbers @ row.crossed) > settings.crossed_maximum or (boxes[:, CROSSED] >= 0.5).any():
        flags.append("crossed-out")
    if float(numbers @ row.odd) > settings.odd_maximum:
        flags.append("odd-filling")
    unlike = value is not None and row.probability(value) < settings.alone_minimum
    if guessed or (unlike and not illegible):
        flags.append("against-boxes")
    alone_value = _best(row)
    state = State.ILLEGIBLE if illegible else State.BLANK if value is None else State.NUMBER
    if illegible:
        raw = spell(boxes, None, odd=False)
    elif value is None:
        raw = "_" * len(boxes)
    else:
        raw = spell(boxes, value, odd=bool(row.odd[np.searchsorted(row.values, value)] > 0.5))
    p = belief.probability(value)
    return DecodedField(
        value=None if illegible else value,
        state=state,
        probability=1.0 - p if illegible else p,
        runner_up=value if illegible else runner_up,
        runner_up_probability=p if illegible else runner_up_probability,
        raw=raw,
        alone=row.probability(alone_value),
        alone_value=alone_value,
        flags=tuple(flags),
    )


def _sum(s: Sum, form: Form, fields: Mapping[str, DecodedField], holds: Mapping[str, float]) -> SumReading:
    """A sum on the numbers as reported. Blank and illegible fields are missing, never 0."""
    sides = [[fields[n].value for n in side] for side in (s.left, s.right)]
    a, b = (sum(v for v in side if v is not None) for side in sides)
    sure = float(np.prod([fields[n].probability for n in (*s.left, *s.right)]))
    if None not in sides[0] + sides[1]:
        ok = a == b if s.rule == "equal" else a <= b
        return SumReading(s.name, s.rule, a, b, ok, holds.get(s.name, sure if ok else 1.0 - sure))
    # the most that the missing rows could add to each side
    left, right = (
        sum(10 ** form.field(n).digits - 1 for n in side if fields[n].value is None)
        for side in (s.left, s.right)
    )
    fails = a > b + right or (s.rule == "equal" and b > a + left)
    return SumReading(s.name, s.rule, None, None, False if fails else None, holds.get(s.name, 0.5), (a, b))


def _fails_with_zero(s: Sum, reading: SumReading, fields: Mapping[str, DecodedField]) -> bool:
    """Whether an open sum fails if nothing written means 0: its missing rows are all blank, and no side is wholly missing."""
    missing = {n for n in (*s.left, *s.right) if fields[n].value is None}
    if reading.known is None or any(fields[n].state is not State.BLANK for n in missing):
        return False
    if missing.issuperset(s.left) or missing.issuperset(s.right):
        return False  # a total left out is not a total of 0
    a, b = reading.known
    return a > b or (s.rule == "equal" and a != b)


def _reasons(form: Form, sheet: Decoded, settings: Settings, accept: float) -> tuple[str, ...]:
    """Why a person must look; empty if nobody must. `accept` is the least probability of the sheet."""
    fields = sheet.fields
    out = ["inconsistent"] if sheet.inconsistent >= settings.inconsistent else []
    if not out and sheet.inconsistent >= settings.doubtful:
        out.append("may-not-add-up")
    out += [
        f"sum-fails:{s.name}"
        for s, r in zip(form.sums, sheet.sums, strict=True)
        if s.evidence and r.holds is False
    ]
    out += [
        f"blank-sum:{s.name}"
        for s, r in zip(form.sums, sheet.sums, strict=True)
        if s.evidence and r.holds is None and _fails_with_zero(s, r, fields)
    ]
    enough = sheet.probability >= accept
    least = settings.field_minimum if enough else max(settings.field_minimum, accept)
    for f in form.votes:
        field = fields[f.name]
        if field.state is not State.NUMBER:
            out.append(f"{field.state}:{f.name}")
        out += [f"{flag}:{f.name}" for flag in field.flags]
        if field.value is not None and f.maximum is not None and field.value > f.maximum:
            out.append(f"over-maximum:{f.name}")
        if field.probability < least:
            out.append(f"unsure:{f.name}")
    if not out and not enough:
        out.append("unsure")
    return tuple(out)
