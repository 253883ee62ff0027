"""Sheets that a code gives whole: the code first, then the print, and the two compared.

A strip (Venezuela 2024) has its votes in a QR code and in print; both are read, and where they differ the sheet goes to a person with both
numbers told. A boletim de urna (Brazil) is all in its QR codes, which check themselves (`ocr.bu`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ocr.bu_fields import BulletinFields, bulletin_fields
from ocr.bu_parts import BadBulletin, is_part
from ocr.codes import Located, locate, stations
from ocr.decode import Decoded, decode
from ocr.evidence import Settings
from ocr.form import Form
from ocr.print_words import CAP, cut_figures, figure_width, own_figures, read_figures, read_words
from ocr.reading import CodeReading
from ocr.strip import Strip, find_strip, without_rules

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

# A code has its own error correction: what is doubted is the print, not what the code says.
SETTINGS = replace(Settings(), noise=1e-6, class_prior=None)
DIFFERS = 1e-3  # the print contradicts the code if it gives the code's number less than this share of its best one's
BORNE_OUT = 0.9  # part of the code's numbers that the print must say, too
SLACK = 4  # pixels by which a number without words may stand higher or lower than the lines around it
FIGURE = 0.98  # probability that as many figures stand there as were counted


@dataclass(frozen=True, eq=False)
class Whole:
    """A sheet read from its code: what `ocr.read` makes a `Reading` of.

    `corners` are those of each field's boxes in the photo, where the print was found, `score` the part of it that was, `reasons` what
    speaks against the sheet beside what `decoded` says, `notes` what is only to be known.
    """

    form: Form
    codes: tuple[CodeReading, ...]
    station: str | None
    source: str | None
    decoded: Decoded
    corners: Mapping[str, F64]
    transform: F64 | None
    score: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Listed:
    """A code that gives the numbers of a form, and these."""

    form: Form
    code: Located
    said: Mapping[str, int]


def read_whole(gray: U8, forms: Iterable[Form], *, thorough: bool = False) -> Whole | None:
    """Read a sheet from its code, if it has one that gives it whole.

    Parameters
    ----------
    gray : (H, W) uint8
        The photo, in any orientation.
    forms : iterable of Form
        The forms it may show; those that no code gives whole are left out.
    thorough : bool
        Look for the code in every way, not only in a small copy of the photo.

    Raises
    ------
    BadBulletin
        If there are QR codes of a boletim de urna, but not all or not right ones.
    """
    coded = [f for f in forms if f.by_code]
    if not coded:
        return None

    def enough(found: Sequence[Located]) -> bool:
        texts = [f.reading.text for f in found]
        if any(is_part(t) for t in texts):
            return _complete(texts)
        return _listed(coded, found) is not None

    found = locate(gray, enough, thorough=thorough)
    texts = tuple(dict.fromkeys(f.reading for f in found))
    parts = [t.text for t in texts if is_part(t.text)]
    bulletin = next((f for f in coded if any(c.whole == "tse-bu" for c in f.codes)), None)
    if parts and bulletin is not None:
        if not thorough and not _complete(parts):
            return read_whole(gray, coded, thorough=True)
        try:
            return whole_of_bulletin(bulletin, texts)
        except BadBulletin as e:
            e.codes = texts
            raise
    listed = _listed(coded, found)
    return None if listed is None else _strip(gray, listed, texts)


def whole_of_bulletin(form: Form, codes: tuple[CodeReading, ...]) -> Whole:
    """A boletim de urna, from the codes of one photo or several; raises `BadBulletin`."""
    got: BulletinFields = bulletin_fields(form, [c.text for c in codes if is_part(c.text)])
    return Whole(form, codes, got.station, "qr", got.decoded, {}, None, 1.0, got.reasons, got.notes)


def _complete(texts: Iterable[str]) -> bool:
    """Whether as many parts of a boletim were found as it has."""
    # Two digits at most: a hostile code may state any count.
    heads = [m for m in (re.match(r"QRBU:([0-9]{1,2}):([0-9]{1,2}) ", t) for t in texts) if m is not None]
    counts = {int(m[2]) for m in heads}
    return len(counts) == 1 and {int(m[1]) for m in heads} == set(range(1, max(counts) + 1))


def _listed(forms: Sequence[Form], found: Iterable[Located]) -> _Listed | None:
    """The first code that gives the numbers of a form, with them."""
    for each in found:
        for form in forms:
            for code in form.codes:
                match = re.fullmatch(code.pattern, each.reading.text) if code.whole == "list" else None
                if match is None or code.kind not in ("any", each.reading.kind):
                    continue
                numbers = re.findall(r"[0-9]+", match["values"])
                if len(numbers) == len(code.fields) and all(
                    len(n.lstrip("0")) <= form.field(name).digits
                    for n, name in zip(numbers, code.fields, strict=True)
                ):
                    said = {n: int(v) for n, v in zip(code.fields, numbers, strict=True)}
                    return _Listed(form, each, said)
    return None


def _strip(gray: U8, listed: _Listed, codes: tuple[CodeReading, ...]) -> Whole:
    form, said = listed.form, listed.said
    strip = find_strip(gray, form, listed.code.corners)
    printed = _printed(form, strip) if strip is not None else {}
    differing, agreeing = [], 0
    boxes: dict[str, F64] = {}
    for f in form.fields:
        print_ = printed.get(f.name)
        own = _of_number(said[f.name], f.digits) if f.name in said else None
        if own is None:
            boxes[f.name] = print_ if print_ is not None else np.full((f.digits, 10), 0.1)
            continue
        boxes[f.name] = own
        if print_ is None:
            continue
        best, code_s = float(print_.max(axis=1).prod()), float((print_ * own).sum(axis=1).prod())
        agreeing += code_s == best
        if code_s < DIFFERS * best:
            differing.append(f.name)
            boxes[f.name] = (own + print_) / 2
    decoded = decode(form, {n: np.pad(p, ((0, 0), (0, 3))) for n, p in boxes.items()}, SETTINGS)
    reasons = [f"print-differs:{name}" for name in differing]
    if agreeing < BORNE_OUT * len(said):
        reasons.append("print-unread")
    told = stations(form, codes)
    if len(told) > 1:
        reasons.append("station-differs")
    station, source = told[0] if len(told) == 1 else (None, None)
    return Whole(
        form=form,
        codes=codes,
        station=station,
        source=source,
        decoded=decoded,
        corners=_corners(form, strip) if strip is not None else {},
        transform=strip.to_photo if strip is not None else None,
        score=strip.score if strip is not None else 0.0,
        reasons=tuple(reasons),
    )


def _of_number(value: int, digits: int) -> F64:
    return np.eye(10)[[int(c) for c in str(value).zfill(digits)]]


def _printed(form: Form, strip: Strip) -> dict[str, F64]:
    """What the print says of each field: (digits, 10) probabilities, from words and figures together."""
    in_words: dict[str, NDArray[np.float32]] = {}
    lines: dict[str, NDArray[np.float32]] = {}
    for f in form.fields:
        if f.name not in strip.tops:
            continue
        top = round(strip.tops[f.name])
        width = sum(b[2] for b in f.boxes)
        lines[f.name] = _line(strip, top, f.boxes[0][0], width, 1 if f.words else SLACK)
        if f.words:
            in_words[f.name] = _line(strip, top, f.words[0], f.words[2])
    words: dict[str, F64] = {}
    for digits in sorted({form.field(name).digits for name in in_words}):
        names = [name for name in in_words if form.field(name).digits == digits]
        found = read_words([in_words[name] for name in names], count=digits)
        words |= {name: p for name, p in zip(names, found, strict=True) if p is not None}
    spelt = {name: int("".join(str(d) for d in p.argmax(axis=1))) for name, p in words.items()}
    wide = figure_width([lines[name] for name in spelt], list(spelt.values()))
    cut = {name: cut_figures(line, wide) for name, line in lines.items()}
    # Where no words stand beside the figures, the rows that have both tell how this printer's figures look.
    own = own_figures([cut[name] for name in spelt], list(spelt.values()))
    beside, alone = [n for n in cut if n in words], [n for n in cut if n not in words]
    figures = dict(zip(beside, read_figures([cut[n] for n in beside]), strict=True))
    figures |= zip(alone, read_figures([cut[n] for n in alone], own), strict=True)
    out = {}
    for name in lines:
        digits, seen = form.field(name).digits, figures[name]
        if seen is None or len(seen) > digits:
            if name in words:
                out[name] = words[name]
            continue
        whole = np.tile(np.where(np.arange(10) == 0, FIGURE, (1 - FIGURE) / 9), (digits, 1))
        whole[digits - len(seen) :] = seen
        p = whole * words.get(name, 1.0)
        out[name] = p / p.sum(axis=1, keepdims=True)
    return out


def _line(strip: Strip, top: int, x: float, width: float, slack: int = 1) -> NDArray[np.float32]:
    return without_rules(strip.ink[max(0, top - slack) : top + CAP + slack, round(x) : round(x + width)])


def _corners(form: Form, strip: Strip) -> dict[str, F64]:
    """The boxes in the photo, moved down to their lines."""
    out = {}
    for f in form.fields:
        if f.name not in strip.tops:
            continue
        quads = []
        for x, _, w, h in f.boxes:
            y = strip.tops[f.name] - 0.1 * h
            quads.append([[x, y, 1], [x + w, y, 1], [x + w, y + h, 1], [x, y + h, 1]])
        photo = np.array(quads) @ strip.to_photo.T
        out[f.name] = np.asarray(photo[..., :2] / photo[..., 2:], np.float64)
    return out
