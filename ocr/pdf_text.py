"""What a PDF page draws - its letters, lines and rectangles - as the parent process sees it: numbers that were checked.

Two things are made of it: a proposal for a new form (`ocr.propose`), and the numbers of a machine-printed acta, which
stand in the file as text and need not be recognised (`ocr.printed`).
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ocr.image import Limits, Refused, open_objects


class Char(NamedTuple):
    """One character and its box in points from the top left; `hidden` if nobody sees it: invisible, or painted over."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    hidden: bool


class Phrase(NamedTuple):
    """Words in one line and style; (x, y) is where the baseline starts, `rotate` clockwise in degrees."""

    text: str
    x: float
    y: float
    width: float
    size: float
    rotate: int
    bold: bool
    colour: str


class Stroke(NamedTuple):
    """A straight line."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    dotted: bool
    colour: str


class Block(NamedTuple):
    """A rectangle, outlined (`line` > 0), filled, or both."""

    x: float
    y: float
    w: float
    h: float
    line: float
    fill: str | None
    colour: str | None


class Drawing(BaseModel):
    """One page of a PDF; lengths in points (72 an inch), origin at the top left of what is shown, y down."""

    model_config = ConfigDict(frozen=True)

    width: float = Field(gt=0)
    height: float = Field(gt=0)
    chars: tuple[Char, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    lines: tuple[Stroke, ...] = ()
    rects: tuple[Block, ...] = ()


def open_drawing(data: bytes, page: int = 1, limits: Limits | None = None) -> Drawing:
    """What a page of a PDF draws. The file is taken apart in the limited process that opens pictures.

    Raises
    ------
    Refused
        If it is no PDF, or cannot or must not be opened; the message is one sentence that says what to do.
    MachineError
        If that process cannot be started.
    """
    try:
        return Drawing.model_validate(open_objects(data, page, limits))
    except ValidationError:
        raise Refused("decoder-died") from None
