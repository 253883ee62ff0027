"""A first draft of a form, from what a page draws: its lines, the boxes they make, the rows these stand in, the words beside.

A person reads the draft against the sheet and names what the machine cannot know (`docs/forms.md`). The lines come from
a vector PDF exactly, or from a scan as far as they are seen (`ocr.propose_scan`); what follows is the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pdfplumber.table import edges_to_intersections, intersections_to_cells, merge_edges

from ocr.form import Form, FormField, Page, Quad, Rect, Role, Rule, Sum, Text, Writing
from ocr.guess import is_noise, role_of, slug
from ocr.pdf_text import Block, Drawing, Phrase, Stroke
from ocr.propose_rows import Row, find_rows, in_columns
from ocr.render import text_width

UNITS = 2.0  # page units to a point: 144 an inch
# All in points. Lines nearer than SNAP are one; gaps up to JOIN are dashes; corners may be rounded off by MEET.
SNAP, JOIN, MEET, SHORTEST = 0.8, 1.6, 2.0, 4.0
CROWDED = 1.7  # rows nearer than this many box heights are rows of a table
ABOVE = 3.4  # box heights above a row in which its title may stand


@dataclass(frozen=True)
class Proposal:
    """A form as far as it could be guessed, and rows of boxes that were seen and left out (page units)."""

    form: Form
    aside: tuple[Row, ...] = ()
    notes: tuple[str, ...] = field(default=())


def propose(
    drawing: Drawing,
    *,
    id: str,
    title: str,
    country: str,
    source: str,
    units: float = UNITS,
    exact: bool = True,
) -> Proposal:
    """Propose a form for a page.

    Parameters
    ----------
    drawing : Drawing
        The page, in points.
    id, title, country, source : str
        As in the form.
    units : float
        Page units to a point.
    exact : bool
        False for a scan, on which some boxes are not seen: rows are completed from the rows above and below.

    Raises
    ------
    ValueError
        If no row of boxes is to be seen on the page.
    """
    edges = _edges(drawing, filled=True)
    cells = intersections_to_cells(edges_to_intersections(edges, MEET, MEET))
    free = [q for q in cells if not _printed(q, drawing.phrases)]
    rows, aside = find_rows([(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in free], complete=not exact)
    if not rows:
        raise ValueError("no row of boxes of one size is to be seen on this page")
    columns = in_columns(rows)
    fields: list[FormField] = []
    names: set[str] = set()
    notes = []
    for number, (row, left) in enumerate(columns, start=1):
        label = _label(drawing.phrases, row, left, columns)
        name = slug(label) or f"row_{number:02d}"
        while name in names:
            name = f"{name}_{number}"
        names.add(name)
        role = role_of(label) or Role.OPTION
        fields.append(
            FormField(
                name=name,
                label=label,
                role=role,
                boxes=tuple(_scaled(b, units) for b in row.boxes),
                writing=Writing.HAND,
                edges="dotted" if _dotted(edges, row) else "solid",
                words=_words(cells, drawing.phrases, row, left, units),
            )
        )
        if not label:
            notes.append(f"{name}: no words stand beside these boxes; give it the name of what it counts")
    form = Form(
        id=id,
        title=title,
        country=country,
        source=source,
        page=Page(width=round(drawing.width * units, 1), height=round(drawing.height * units, 1)),
        rules=_rules(_edges(drawing, filled=False), rows, units),
        rects=_rects(drawing.rects, rows, units),
        texts=tuple(_text(p, units) for p in drawing.phrases),
        fields=tuple(fields),
        sums=_sums(fields),
    )
    scaled = tuple(Row(tuple(_scaled(b, units) for b in r.boxes)) for r in aside)
    return Proposal(form, scaled, tuple(notes))


def _edges(drawing: Drawing, *, filled: bool) -> list[dict[str, Any]]:
    """Level and upright lines, dashes joined, as pdfplumber's table finder takes them; with `filled` the sides of areas, too."""
    strokes = list(drawing.lines)
    for b in drawing.rects:
        if b.line > 0 or (filled and b.fill and b.fill != "#ffffff"):
            strokes += _outline(b)
    edges = []
    for s in strokes:
        x0, x1 = sorted((s.x0, s.x1))
        y0, y1 = sorted((s.y0, s.y1))
        if min(x1 - x0, y1 - y0) > 0.02 * max(x1 - x0, y1 - y0) + 0.2:
            continue
        level = x1 - x0 >= y1 - y0
        edges.append(
            {
                "object_type": "line",
                "orientation": "h" if level else "v",
                "x0": x0,
                "x1": x1 if level else x0,
                "top": y0,
                "bottom": y0 if level else y1,
                "width": x1 - x0 if level else 0.0,
                "height": 0.0 if level else y1 - y0,
                "stroke": s.width,
                "dotted": s.dotted,
                "colour": s.colour,
            }
        )
    merged = merge_edges(edges, SNAP, SNAP, JOIN, JOIN)
    return [e for e in merged if e["width"] + e["height"] > SHORTEST]


def _printed(cell: Quad, phrases: tuple[Phrase, ...]) -> bool:
    """Whether something is printed in the cell (x0, y0, x1, y1): then nobody writes a digit there."""
    x0, y0, x1, y1 = cell
    return any(x0 < p.x + p.width / 2 < x1 and y0 < p.y - 0.35 * p.size < y1 for p in phrases if not p.rotate)


def _outline(b: Block) -> list[Stroke]:
    style = (b.line, False, b.colour or b.fill or "#000000")
    x1, y1 = b.x + b.w, b.y + b.h
    return [
        Stroke(b.x, b.y, x1, b.y, *style),
        Stroke(b.x, y1, x1, y1, *style),
        Stroke(b.x, b.y, b.x, y1, *style),
        Stroke(x1, b.y, x1, y1, *style),
    ]


def _label(phrases: tuple[Phrase, ...], row: Row, left: float, all_rows: list[tuple[Row, float]]) -> str:
    """The words left of a row; if there are none, the title above it."""
    _, h = row.side
    useful = [p for p in phrases if not p.rotate and p.x >= left - 1 and not is_noise(p.text)]
    beside = [p for p in useful if row.y - 0.2 * h < p.y <= row.y + 1.3 * h and p.x + p.width <= row.x0 + 1]
    if beside:
        nearest = max(beside, key=lambda p: (p.x + p.width, p.x))
        block = [p for p in beside if p.x < nearest.x + nearest.width and nearest.x < p.x + p.width]
        return " ".join(p.text for p in sorted(block, key=lambda p: (round(p.y), p.x)))
    others = [r.y for r, at in all_rows if at == left and r is not row]
    if any(abs(y - row.y) < CROWDED * h for y in others):
        return ""  # a row of a table has no title of its own
    before = max((y + h for y in others if y + h <= row.y), default=0.0)
    above = [p for p in useful if max(before, row.y - ABOVE * h) < p.y <= row.y and p.x < row.x1]
    above = [p for p in above if sum(c.isalpha() for c in p.text) >= 4]
    largest = max((round(p.size, 1) for p in above), default=0.0)
    title = sorted((p for p in above if round(p.size, 1) == largest), key=lambda p: (round(p.y), p.x))
    return " ".join(p.text for p in title[-2:])


def _words(
    cells: list[Quad], phrases: tuple[Phrase, ...], row: Row, left: float, units: float
) -> Quad | None:
    """The empty cell to the left, if it is wide enough for the number in words."""
    w, h = row.side
    middle = row.y + h / 2
    wide = [
        (x0, y0, x1 - x0, y1 - y0)
        for x0, y0, x1, y1 in cells
        if left <= x0 and x1 <= row.x0 + 1 and y0 < middle < y1 and x1 - x0 > 5 * w and y1 - y0 < 3 * h
    ]
    for x, y, ww, hh in sorted(wide, key=lambda q: -q[0]):
        if not _printed((x, y, x + ww, y + hh), phrases):
            return _scaled((x, y, ww, hh), units)
    return None


def _dotted(edges: list[dict[str, Any]], row: Row) -> bool:
    return any(e["dotted"] for e in edges if _along(e, row.boxes[0]))


def _along(e: dict[str, Any], box: Quad) -> bool:
    """Whether a line is a side of a box, and not a longer one that the box only leans on."""
    x, y, w, h = box
    x0, y0 = float(e["x0"]), float(e["top"])
    if e["orientation"] == "h":
        return bool(e["width"] < 1.3 * w) and abs(x0 - x) < 2 and min(abs(y0 - v) for v in (y, y + h)) < 2
    return bool(e["height"] < 1.3 * h) and abs(y0 - y) < 2 and min(abs(x0 - v) for v in (x, x + w)) < 2


def _rules(edges: list[dict[str, Any]], rows: list[Row], units: float) -> tuple[Rule, ...]:
    boxes = [b for r in rows for b in r.boxes]
    out = []
    for e in sorted(edges, key=lambda e: (e["orientation"], round(e["top"], 1), e["x0"])):
        if any(_along(e, b) for b in boxes):
            continue
        x0, y0, x1, y1 = (round(e[k] * units, 1) for k in ("x0", "top", "x1", "bottom"))
        width = round(max(1.0, e["stroke"] * units), 1)
        colour = None if e["colour"] == "#000000" else e["colour"]
        out.append(Rule(x0=x0, y0=y0, x1=x1, y1=y1, width=width, dotted=e["dotted"], colour=colour))
    return tuple(out)


def _rects(blocks: tuple[Block, ...], rows: list[Row], units: float) -> tuple[Rect, ...]:
    """Filled rectangles; outlined ones are among the rules. White ones only cover."""
    return tuple(
        Rect(x=x, y=y, w=w, h=h, line=0, fill=b.fill)
        for b in blocks
        for x, y, w, h in [_scaled((b.x, b.y, b.w, b.h), units)]
        if b.fill and b.fill != "#ffffff"
    )


def _text(p: Phrase, units: float) -> Text:
    # The renderer's letters are wider than most: the size gives way, so that words end where they end.
    natural = text_width(p.text, p.size)
    size = p.size * float(np.clip(p.width / max(natural, 1e-6), 0.6, 1.1))
    return Text(
        x=round(p.x * units, 1),
        y=round(p.y * units, 1),
        text=p.text,
        size=round(size * units, 1),
        bold=p.bold,
        rotate=p.rotate,
        colour=None if p.colour == "#000000" else p.colour,
    )


def _sums(fields: list[FormField]) -> tuple[Sum, ...]:
    """Options, blank and null votes make the total: the one sum that every sheet has."""
    parts = tuple(f.name for f in fields if f.role in (Role.OPTION, Role.BLANK, Role.NULL))
    totals = [f for f in fields if f.role is Role.CAST]
    if len(parts) < 2 or not totals:
        return ()
    # Of several totals the one that stands in line with the parts.
    x = {f.name: f.boxes[0][0] for f in fields}
    total = min(totals, key=lambda f: abs(x[f.name] - float(np.median([x[p] for p in parts]))))
    return (Sum(name="total", left=parts, right=(total.name,), note="proposed; check it against the sheet"),)


def _scaled(q: Quad, units: float) -> Quad:
    x, y, w, h = (round(v * units, 1) for v in q)
    return x, y, w, h
