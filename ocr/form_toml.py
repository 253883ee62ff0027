"""A form as the TOML text that a person goes on working with: fields and sums first, one line each, then what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from ocr.form import FormField, Quad
from ocr.propose import Proposal
from ocr.propose_rows import Row

HEAD = """\
# A proposal made by `cotejo forms new` from {source}.
# Lengths are in page units: the page is {width:g} wide and {height:g} high, from its top left corner, y down.
# docs/forms.md says what each line means. Look at {preview}, then correct this file from top to bottom:
#   1. id, title, country, authority, year
#   2. each field: its name and label, its role, and for options the option's id; delete rows that are none
#   3. the sums that must hold
# and run `cotejo forms check` on it. Leave `verified = false` until real, filled sheets were read with it.
"""
FIELDS = """
# One line for each number. `role` is one of option, valid, blank, null, cast (ballots in the box), voted (people who voted),
# registered, unused, station, other. `boxes` are x, y, width, height of each digit's box; `words` is where the number stands in words.
"""
SUMS = """
# What must add up: the fields on the left make the fields on the right. `rule = "at-most"` if they only may not exceed them.
"""
PRINTED = """
# What is printed on the sheet, so that the page is found in a photo: lines, filled areas, texts. Nothing here needs your hand.
"""
ASIDE = """
# Rows of boxes of another size, left out. Copy one into `fields` if it holds a number that is to be read.
"""


def write(proposal: Proposal, preview: str) -> str:
    """The proposal as commented TOML; `load_form` reads it as the same form."""
    form = proposal.form
    head = HEAD.format(source=form.source, width=form.page.width, height=form.page.height, preview=preview)
    parts = [head]
    for name in ("id", "title", "country", "authority", "year", "source", "verified", "synthetic"):
        value = getattr(form, name)
        if value not in (None, False) or name in ("verified", "year"):
            parts.append(f"{name} = {_value(value)}\n" if value is not None else f"# {name} = 2024\n")
        elif name == "authority":
            parts.append('authority = ""\n')
    parts.append(f"\npage = {_table(_plain(form.page))}\n")
    notes = {n.partition(":")[0]: n.partition(": ")[2] for n in proposal.notes}
    parts += [FIELDS, "fields = [\n"]
    for f in form.fields:
        if f.name in notes:
            parts.append(f"    # {notes[f.name]}\n")
        parts.append(f"    {_table(_field(f))},\n")
    parts.append("]\n")
    parts += [_aside(proposal.aside), SUMS, _list("sums", form.sums), PRINTED]
    parts += [_list(name, getattr(form, name)) for name in ("codes", "rules", "rects", "texts")]
    return "".join(parts)


def _list(name: str, items: Iterable[BaseModel]) -> str:
    lines = "".join(f"    {_table(_plain(i))},\n" for i in items)
    return f"{name} = [\n{lines}]\n" if lines else f"{name} = []\n"


def _aside(rows: tuple[Row, ...]) -> str:
    if not rows:
        return ""
    return ASIDE + "".join(f"#   boxes = {_value(r.boxes)}\n" for r in rows)


def _field(f: FormField) -> dict[str, Any]:
    out = _plain(f)
    if out.get("option") == f.name:
        del out["option"]
    whole = _whole(f.boxes)
    del out["boxes"]
    out.pop("digits", None)
    if whole is not None:
        out["box"], out["digits"] = whole, len(f.boxes)
    else:
        out["boxes"] = f.boxes
    if f.words is not None:
        out["words"] = out.pop("words")
    return out


def _whole(boxes: tuple[Quad, ...]) -> Quad | None:
    """The row as one box that splits into equal ones, if that says the same to a quarter of a unit."""
    x, y, _, h = boxes[0]
    w = boxes[-1][0] + boxes[-1][2] - x
    step = w / len(boxes)
    even = all(
        abs(b[0] - x - i * step) <= 0.25
        and abs(b[2] - step) <= 0.25
        and abs(b[1] - y) <= 0.25
        and abs(b[3] - h) <= 0.25
        for i, b in enumerate(boxes)
    )
    return (x, y, round(w, 1), h) if even else None


def _plain(model: BaseModel) -> dict[str, Any]:
    """What differs from the defaults, and what must always be said."""
    always = {"label", "role"}
    out = {}
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        if value is not None and (name in always or info.is_required() or value != info.default):
            out[name] = value
    return out


def _table(data: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{k} = {_value(v)}" for k, v in data.items()) + " }"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False)
    return "[" + ", ".join(_value(v) for v in value) + "]"
