"""What a PDF page draws, as plain numbers and texts. Runs only inside the limited process that opens pictures.

`ocr.image_child` calls `objects`; everything else asks `ocr.pdf_text.open_drawing`.
"""

from __future__ import annotations

import itertools
import math
import re
from io import BytesIO
from typing import Any

import pdfplumber
from pdfplumber.page import (  # type: ignore[attr-defined]
    Page,
    PDFPageAggregatorWithMarkedContent,
    PDFPageInterpreter,
)
from pdfplumber.utils.text import extract_words

MOST = 60_000  # objects; a page that draws more is no form
INVISIBLE = (3, 7)  # text rendering modes that leave no ink: drawn invisibly, added to the clipping path
THIN = 2.5  # points; a filled rectangle thinner than this is a line
HEAVY = re.compile(r"(?<!semi)(?<!demi)bold|black|heavy", re.IGNORECASE)


LETTERS = 8  # of one glyph, ligatures and all


class TooMuch(Exception):
    """The page draws more objects than a form would."""


class _Device(PDFPageAggregatorWithMarkedContent):
    """Numbers every object in the order it is drawn (in `mcid`) and marks invisible text (in `tag`)."""

    drawn = 0
    invisible = False

    def render_string(self, textstate: Any, *rest: Any) -> None:
        """Note the text's rendering mode before its characters are made."""
        self.invisible = textstate.render in INVISIBLE
        super().render_string(textstate, *rest)
        self.invisible = False

    def tag_cur_item(self) -> None:
        """Called after each object."""
        self.drawn += 1
        if self.drawn > MOST:
            raise TooMuch
        if self.cur_item._objs:
            item: Any = self.cur_item._objs[-1]
            if len(getattr(item, "_text", "")) > LETTERS:  # one glyph may claim to be a book
                raise TooMuch
            item.mcid = self.drawn
            item.tag = "invisible" if self.invisible else None


def objects(data: bytes, number: int) -> dict[str, Any]:
    """Everything that page `number` (from 1) draws; lengths in points from the top left of what is shown.

    Returns
    -------
    dict
        ``width``, ``height``; ``chars``: text, x0, y0, x1, y1, hidden; ``phrases``: text, x (start of the baseline), y, width,
        size, rotate, bold, colour; ``lines``: x0, y0, x1, y1, width, dotted, colour; ``rects``: x, y, w, h, line, fill, colour.
    """
    with pdfplumber.open(BytesIO(data), pages=[number]) as document:
        page = document.pages[0]
        device = _Device(document.rsrcmgr, pageno=page.page_number, laparams=None)
        PDFPageInterpreter(document.rsrcmgr, device).process_page(page.page_obj)
        page._layout = device.get_result()
        left, top, right, bottom = (float(v) for v in page.cropbox)
        lines, rects = _shapes(page, left, top)
        return {
            "width": right - left,
            "height": bottom - top,
            "chars": _characters(page, left, top),
            "phrases": _phrases(page, left, top),
            "lines": lines,
            "rects": rects,
        }


def _characters(page: Page, left: float, top: float) -> list[list[Any]]:
    covers = [
        (o["mcid"], o["x0"], o["top"], o["x1"], o["bottom"])
        for o in (*page.images, *(s for s in (*page.rects, *page.curves) if s["fill"]))
        if o.get("mcid") is not None
    ]
    out = []
    for c in page.chars:
        x, y = (c["x0"] + c["x1"]) / 2, (c["top"] + c["bottom"]) / 2
        covered = any(at > c["mcid"] and x0 <= x <= x1 and y0 <= y <= y1 for at, x0, y0, x1, y1 in covers)
        hidden = bool(covered or c["tag"] == "invisible")
        out.append(
            [c["text"], *_round(c["x0"] - left, c["top"] - top, c["x1"] - left, c["bottom"] - top), hidden]
        )
    return out


def _phrases(page: Page, left: float, top: float) -> list[list[Any]]:
    """Texts in one line and one style, with the spaces between their words."""
    out = []
    for turn in (0, 90, 180, 270):
        chars = [c for c in page.chars if c["tag"] != "invisible" and _turn(c) == turn]
        if not chars:
            continue
        direction = {0: "ltr", 90: "ttb", 180: "rtl", 270: "btt"}[turn]
        words = extract_words(
            chars,
            keep_blank_chars=True,
            use_text_flow=False,
            x_tolerance_ratio=0.6,
            y_tolerance=2,
            extra_attrs=["fontname", "non_stroking_color"],
            line_dir={0: "ttb", 90: "rtl", 180: "btt", 270: "ltr"}[turn],
            char_dir=direction,
            line_dir_rotated={0: "ttb", 90: "rtl", 180: "btt", 270: "ltr"}[turn],
            char_dir_rotated=direction,
            return_chars=True,
        )
        for word in words:
            text = " ".join(word["text"].split())
            if not text:
                continue
            first = word["chars"][0]
            size = float(first["size"])
            x, y = _baseline(word, turn, 0.21 * size)
            long = word["x1"] - word["x0"] if turn in (0, 180) else word["bottom"] - word["top"]
            bold = HEAVY.search(word["fontname"]) is not None
            out.append(
                [
                    text,
                    *_round(x - left, y - top, long, size),
                    turn,
                    bold,
                    _colour(word["non_stroking_color"]),
                ]
            )
    return out


def _turn(char: dict[str, Any]) -> int:
    """By how many degrees the character is turned clockwise, to the nearest quarter."""
    a, b = char["matrix"][:2]
    return round(-math.degrees(math.atan2(b, a)) / 90) * 90 % 360


def _baseline(word: dict[str, Any], turn: int, drop: float) -> tuple[float, float]:
    """Start of the baseline, `drop` above the lower edge of the letters' boxes."""
    return {
        0: (word["x0"], word["bottom"] - drop),
        90: (word["x0"] + drop, word["top"]),
        180: (word["x1"], word["top"] + drop),
        270: (word["x1"] - drop, word["bottom"]),
    }[turn]


def _shapes(page: Page, left: float, top: float) -> tuple[list[list[Any]], list[list[Any]]]:
    lines: list[list[Any]] = []
    rects: list[list[Any]] = []
    for o in page.lines:
        if o["stroke"]:
            (x0, y0), (x1, y1) = o["pts"][0], o["pts"][-1]
            ends = _round(x0 - left, y0 - top, x1 - left, y1 - top)
            lines.append(
                [*ends, float(o["linewidth"] or 0.5), bool(_dashes(o)), _colour(o["stroking_color"])]
            )
    for o in page.rects:
        x, y, w, h = o["x0"] - left, o["top"] - top, o["width"], o["height"]
        line = float(o["linewidth"] or 0.5) if o["stroke"] else 0.0
        fill = _colour(o["non_stroking_color"]) if o["fill"] else None
        if fill and not line and min(w, h) < THIN:
            middle = (x, y + h / 2, x + w, y + h / 2) if w >= h else (x + w / 2, y, x + w / 2, y + h)
            lines.append([*_round(*middle), round(min(w, h), 2), False, fill])
        elif min(w, h) >= THIN:
            rects.append([*_round(x, y, w, h), line, fill, _colour(o["stroking_color"]) if line else None])
    for o in page.curves:
        for (x0, y0), (x1, y1) in _straight(o) if o["stroke"] else ():
            ends = _round(x0 - left, y0 - top, x1 - left, y1 - top)
            lines.append(
                [*ends, float(o["linewidth"] or 0.5), bool(_dashes(o)), _colour(o["stroking_color"])]
            )
    return lines, rects


def _straight(curve: dict[str, Any]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The upright and level sides of a path: a rectangle with rounded corners is still a box."""
    points = curve["pts"]
    pairs = list(itertools.pairwise(points))
    if len(points) > 12:
        return []
    return [
        (a, b)
        for a, b in pairs
        if min(abs(a[0] - b[0]), abs(a[1] - b[1])) < 0.2 and max(abs(a[0] - b[0]), abs(a[1] - b[1])) > 5
    ]


def _dashes(o: dict[str, Any]) -> list[float]:
    dash: Any = o.get("dash")
    pattern = dash[0] if dash else ()
    return list(pattern) if isinstance(pattern, (list, tuple)) else []


def _colour(value: Any) -> str:
    """Grey, red-green-blue or cyan-magenta-yellow-black as ``#rrggbb``; black if it is a pattern."""
    if isinstance(value, (int, float)):
        value = (value,)
    try:
        parts = [min(1.0, max(0.0, float(v))) for v in value or (0,)]
    except (TypeError, ValueError):
        return "#000000"
    if len(parts) == 4:
        rgb = [(1 - v) * (1 - parts[3]) for v in parts[:3]]
    elif len(parts) == 3:
        rgb = parts
    else:
        rgb = [parts[0]] * 3
    return "#" + "".join(f"{round(255 * v):02x}" for v in rgb)


def _round(*values: float) -> list[float]:
    return [round(float(v), 2) for v in values]
