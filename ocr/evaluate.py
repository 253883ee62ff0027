"""How well the reader reads: readings against truth, box by box, field by field, sheet by sheet.

A folder to be scored holds photos and a ``truth.csv`` (file, field, value). The rules, so that the figures mean something:

- The form is found by the reader itself; the folder's name is not used. Which form a sheet *truly* is, for the box widths
  and the grouping, follows from its truth alone: the form that has most of its fields, then the one that resembles them
  most. Sheets for which no known form has a field are counted under ``unknown``.
- Values are compared box by box, zero-padded to the form's width. X, dash, dot and an empty leading box are zeros; a row
  read as blank is not the number 0. An empty truth value is not scored.
- A refused sheet, or one read as another form, has all its boxes, fields and itself wrong. Where truth says ``refuse``, the sheet
  counts as one acta, right if refused, and has no boxes or fields.
- A sheet *adds up* if all its sums of the rule "equal" that are evidence are complete in truth and hold; it is
  *inconsistent* if one is complete and does not. An inconsistent sheet is *recognised* if it is not accepted and each broken sum
  is reported as broken with the totals that are truly written.
- An acceptance is wrong if any scored value is wrong, or if the sheet was to be refused.
"""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ocr import image
from ocr.errors import CotejoError
from ocr.form import Form, Sum, load_forms
from ocr.read import read, warm_up
from ocr.reading import Reading
from ocr.reliability import calibration_error, reliability

UNKNOWN = "unknown"
LEFT_OUT = (
    "all: the network was trained on no real sheet, so each form's figures are those of a form it never saw"
)
REFUSE = "refuse"
MARKS = frozenset("xX-–—./")  # a row of them says zero

Reader = Callable[[Path, Mapping[str, Form]], Reading]


@dataclass(frozen=True)
class Truth:
    """What one sheet says. `values` are the scored ones, `fields` all that truth names, `refuse` that it is no sheet to read."""

    file: str
    values: dict[str, int]
    fields: frozenset[str]
    refuse: bool = False


@dataclass(frozen=True)
class BrokenSum:
    """A sum that fails as written: the totals of its two sides, and what the reader reported of it."""

    sum: str
    written: tuple[int, int]
    reported: tuple[int | None, int | None]
    holds: bool | None  # as reported

    @property
    def recognised(self) -> bool:
        """Whether it was reported as failing, with the totals as they are written."""
        return self.holds is False and self.reported == self.written


@dataclass(frozen=True)
class SheetScore:
    """One sheet, scored. `adds_up` is None where truth does not tell. `wrong` lists field, truth and what was read."""

    file: str
    form: str
    boxes: int
    boxes_right: int
    fields: int
    fields_right: int
    right: bool
    adds_up: bool | None
    recognised: bool
    accepted: bool
    refused: str | None
    wrong: tuple[tuple[str, int, int | None], ...] = ()
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    cpu_s: float = 0.0
    probability: float = 0.0  # that all is right, as the reader states it
    broken: tuple[BrokenSum, ...] = ()  # the sums that fail in truth


def evaluate(
    folders: Iterable[Path], forms: Mapping[str, Form] | None = None, *, reader: Reader | None = None
) -> dict[str, Any]:
    """Read the sheets of the folders and score them.

    Parameters
    ----------
    folders : iterable of Path
        Each with a ``truth.csv``.
    forms : mapping of str to Form, optional
        All that a sheet may be; the ones under ``ocr/forms`` if left out.
    reader : callable, optional
        Another reader to score, called with the path and the forms.

    Returns
    -------
    dict
        ``{"forms": {id: S}, "all": S, "left_out": text}``, S as `summary` makes it; those by form have ``verified``, whether the
        form was ever read from real sheets before, too.

    Raises
    ------
    CotejoError
        If a folder has no truth, or names a photo that is not there, or a value that is no number.
    """
    known = load_forms() if forms is None else forms
    if reader is None:
        warm_up(known)  # what happens once a night is not part of an acta's time
        reader = read
    scores = []
    for folder in folders:
        truths = load_truth(folder)
        usual = Counter(true_form(t, known) for t in truths if not t.refuse).most_common(1)
        for truth in truths:
            path = folder / truth.file
            if not path.is_file():
                raise CotejoError(
                    f"{folder / 'truth.csv'} names {truth.file}, which is not there; add the photo or remove its rows"
                )
            before = _cpu_s()
            reading = reader(path, known)
            spent = _cpu_s() - before
            form = true_form(truth, known, reading.form)
            if truth.refuse and usual:
                form = usual[0][0]
            scores.append(score(truth, reading, form, cpu_s=spent))
    ids = sorted({s.form for s in scores})
    return {
        "forms": {
            i: {"verified": i in known and known[i].verified, **summary([s for s in scores if s.form == i])}
            for i in ids
        },
        "all": summary(scores),
        "left_out": LEFT_OUT,
    }


def load_truth(folder: Path) -> list[Truth]:
    """The sheets of ``folder/truth.csv`` in the order of the file.

    Raises
    ------
    CotejoError
        If there is no such file, a column is missing, or a value is neither a number nor marks nor empty.
    """
    path = folder / "truth.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except FileNotFoundError:
        raise CotejoError(
            f"there is no {path}; a folder to be scored needs one with the columns file, field, value"
        ) from None
    except (UnicodeDecodeError, csv.Error) as e:
        raise CotejoError(f"{path} is not a CSV file in UTF-8 ({e}); save it again") from None
    sheets: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, 2):
        try:
            file, name, value = (row[c].strip() for c in ("file", "field", "value"))
        except (KeyError, AttributeError):
            raise CotejoError(
                f"{path}, line {number}: the columns file, field and value are needed; correct it"
            ) from None
        if value and not (value.isdecimal() or set(value) <= MARKS):
            raise CotejoError(
                f"{path}, line {number}: {value!r} is not a number; correct it or leave it empty"
            )
        sheets.setdefault(file, {})[name] = value
    return [
        Truth(
            file,
            {n: int(v) if v.isdecimal() else 0 for n, v in values.items() if v and n != REFUSE},
            frozenset(values) - {REFUSE},
            values.get(REFUSE) == "1",
        )
        for file, values in sheets.items()
    ]


def true_form(truth: Truth, forms: Mapping[str, Form], read_as: str | None = None) -> Form | None:
    """The form that the truth's field names belong to; `read_as` decides only between forms that fit equally well."""

    def fit(form: Form) -> tuple[int, float, bool]:
        names = {f.name for f in form.fields}
        common = len(names & truth.fields)
        return common, common / len(names | truth.fields), form.id == read_as

    best = max((forms[i] for i in sorted(forms)), key=fit, default=None)
    return best if best is not None and fit(best)[0] else None


def score(truth: Truth, reading: Reading, form: Form | None, *, cpu_s: float = 0.0) -> SheetScore:
    """Score one reading of a sheet that truly is of that form (None: of none that is known)."""
    form_id = form.id if form is not None else UNKNOWN
    if truth.refuse:
        right = reading.refused is not None
        return SheetScore(
            truth.file,
            form_id,
            0,
            0,
            0,
            0,
            right,
            None,
            False,
            reading.accepted,
            reading.refused,
            cpu_s=cpu_s,
            probability=reading.probability,
        )
    recognised_form = form is not None and reading.form == form.id
    widths = {f.name: f.digits for f in form.fields} if form is not None else {}
    boxes = boxes_right = 0
    wrong, confusion = [], Counter[tuple[str, str]]()
    for name, value in truth.values.items():
        width = widths.get(name, len(str(value)))
        got = reading.fields.get(name) if recognised_form else None
        seen = got.value if got is not None else None
        wanted, written = _pad(value, width), _pad(seen, width)
        pairs = (
            list(zip(wanted, written, strict=True))
            if len(wanted) == len(written)
            else [(c, "?") for c in wanted[-width:]]
        )
        boxes += width
        boxes_right += sum(a == b for a, b in pairs)
        confusion.update(pairs)
        if seen != value:
            wrong.append((name, value, seen))
    consistent = adds_up(form, truth.values) if form is not None else None
    broken = _broken(truth, reading, form) if form is not None else ()
    return SheetScore(
        file=truth.file,
        form=form_id,
        boxes=boxes,
        boxes_right=boxes_right,
        fields=len(truth.values),
        fields_right=len(truth.values) - len(wrong),
        right=recognised_form and not wrong,
        adds_up=consistent,
        recognised=bool(broken)
        and recognised_form
        and not reading.accepted
        and all(b.recognised for b in broken),
        accepted=reading.accepted,
        refused=reading.refused,
        wrong=tuple(wrong),
        confusion=confusion,
        cpu_s=cpu_s,
        probability=reading.probability,
        broken=broken,
    )


def adds_up(form: Form, values: Mapping[str, int]) -> bool | None:
    """Whether the sums that are evidence hold: False if one does not, None if one is incomplete or there is none."""
    totals = [_totals(s, values) for s in form.sums if s.evidence and s.rule == "equal"]
    if any(t is not None and t[0] != t[1] for t in totals):
        return False
    return True if totals and None not in totals else None


def summary(scores: Sequence[SheetScore]) -> dict[str, Any]:
    """The figures of some sheets, in the shape that DESIGN.md promises, and a few more.

    Added keys: ``accepted.consistent`` (accepted sheets among those that add up), ``refused[].rightly``, ``wrong_fields`` (file,
    field, truth, read), ``confusion`` (truth digit, then read digit or ``?``: boxes).
    """
    consistent = [s for s in scores if s.adds_up is True]
    inconsistent = [s for s in scores if s.adds_up is False]
    accepted = [s for s in scores if s.accepted]
    pairs = sum((s.confusion for s in scores), Counter[tuple[str, str]]())
    told = [s for s in scores if s.refused is None]
    stated, right = [s.probability for s in told], [s.right for s in told]
    return {
        "sheets": len(scores),
        "digits": {"n": sum(s.boxes for s in scores), "right": sum(s.boxes_right for s in scores)},
        "fields": {"n": sum(s.fields for s in scores), "right": sum(s.fields_right for s in scores)},
        "actas": {
            "n": len(scores),
            "right": sum(s.right for s in scores),
            "consistent_n": len(consistent),
            "consistent_right": sum(s.right for s in consistent),
        },
        "accepted": {
            "n": len(accepted),
            "wrong": sum(not s.right for s in accepted),
            "consistent": sum(s.accepted for s in consistent),
        },
        "inconsistent": {"n": len(inconsistent), "recognised": sum(s.recognised for s in inconsistent)},
        "refused": [
            {"file": s.file, "reason": s.refused, "rightly": s.right} for s in scores if s.refused is not None
        ],
        "cpu_s_per_acta": round(sum(s.cpu_s for s in scores) / len(scores), 4) if scores else None,
        "wrong_fields": [
            {"file": s.file, "field": name, "truth": value, "read": seen}
            for s in scores
            for name, value, seen in s.wrong
        ],
        "confusion": {
            a: {b: n for (x, b), n in sorted(pairs.items()) if x == a} for a in sorted({a for a, _ in pairs})
        },
        "not_adding_up": [
            {
                "file": s.file,
                "sum": b.sum,
                "written": list(b.written),
                "reported": list(b.reported),
                "recognised": b.recognised,
                "accepted": s.accepted,
            }
            for s in scores
            for b in s.broken
        ],
        "calibration": {
            "n": len(told),
            "ece": round(calibration_error(stated, right), 4) if told else None,
            "bins": [
                [round(v, 4) for v in (b.low, b.high, b.n, b.said, b.was)] for b in reliability(stated, right)
            ],
        },
    }


def _pad(value: int | None, width: int) -> str:
    return "?" * width if value is None else str(value).zfill(width)


def _totals(rule: Sum, values: Mapping[str, int]) -> tuple[int, int] | None:
    if not {*rule.left, *rule.right} <= values.keys():
        return None
    return sum(values[n] for n in rule.left), sum(values[n] for n in rule.right)


def _broken(truth: Truth, reading: Reading, form: Form) -> tuple[BrokenSum, ...]:
    """The sums that fail in truth, with what was reported of them."""
    reported = {s.sum: s for s in reading.sums} if reading.form == form.id else {}
    out = []
    for rule in form.sums:
        totals = _totals(rule, truth.values)
        if rule.evidence and rule.rule == "equal" and totals is not None and totals[0] != totals[1]:
            said = reported.get(rule.name)
            told = (None, None) if said is None else (said.left, said.right)
            out.append(BrokenSum(rule.name, totals, told, None if said is None else said.holds))
    return tuple(out)


def _cpu_s() -> float:
    """Processor seconds of this process, all threads, and of its decoding process."""
    return time.process_time() + image.child_cpu_s()
