"""A form: one page of a tally sheet, described by one TOML file.

The TOML says everything that is known about the page: its size, every printed mark (so that the page can be drawn
and found again in a photo), every box that people write in, and the sums that must hold. Adding a country's sheet
is adding a folder under ``ocr/forms/`` with a ``form.toml`` in it; no code changes.

Lengths are in *page units*: any unit in which the page is ``page.width`` by ``page.height``, the origin at the top left,
x to the right, y down. About 150 to 200 units an inch keeps the numbers readable.
"""

from __future__ import annotations

import functools
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ocr.errors import CotejoError
from ocr.form_like import like

FORMS_FOLDER = Path(__file__).parent / "forms"

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Quad = tuple[float, float, float, float]  # x, y, width, height in page units


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(StrEnum):
    """What a field counts, in the field's standard terms."""

    OPTION = "option"  # votes for one option
    VALID = "valid"  # total of valid votes
    BLANK = "blank"  # blank ballots
    NULL = "null"  # null (spoilt, invalid) ballots
    CAST = "cast"  # ballots found in the box
    VOTED = "voted"  # people who voted, or ballots given out
    REGISTERED = "registered"  # people on the station's list
    UNUSED = "unused"  # ballots left over
    STATION = "station"  # the station's printed or written number
    OTHER = "other"


class Writing(StrEnum):
    """How the boxes of a field are filled."""

    HAND = "hand"
    PRINT = "print"


class Page(_Strict):
    """The sheet itself. ``number`` of ``pages`` when one acta has several pages."""

    width: float = Field(gt=0)
    height: float = Field(gt=0)
    background: Colour = "#ffffff"
    ink: Colour = "#000000"
    number: int = Field(default=1, ge=1)
    pages: int = Field(default=1, ge=1)


class Rule(_Strict):
    """A printed straight line from (x0, y0) to (x1, y1)."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float = 2.0
    dotted: bool = False
    colour: Colour | None = None


class Rect(_Strict):
    """A printed rectangle, outlined (``line`` > 0), filled, or both."""

    x: float
    y: float
    w: float = Field(gt=0)
    h: float = Field(gt=0)
    line: float = 2.0
    fill: Colour | None = None
    colour: Colour | None = None
    dotted: bool = False


class Text(_Strict):
    """A printed text; (x, y) is the left (or centre, or right) end of its baseline. ``size`` is the cap height times 1.4."""

    x: float
    y: float
    text: str
    size: float = 20.0
    bold: bool = False
    align: Literal["left", "centre", "right"] = "left"
    rotate: Literal[0, 90, 180, 270] = 0
    colour: Colour | None = None


class Code(_Strict):
    """Where a QR or bar code stands that tells the station, and how to take the station id out of its text.

    ``pattern`` is a regular expression; its group ``station`` is the id (the whole text if there is no such group).

    ``whole`` says that the code gives the sheet's numbers, too. Such a form is found by its code and not by its lines.
    With ``list``, the whole numbers within the pattern's group ``values`` are those of the fields named in
    ``fields``, in this order. With ``tse-bu``, the codes together are a Brazilian boletim de urna (`ocr.bu`): ``station`` is made of the
    names of its header, and ``expect`` says which of them must have which value.
    """

    kind: Literal["qr", "code128", "code39", "any"] = "any"
    x: float
    y: float
    w: float = Field(gt=0)
    h: float = Field(gt=0)
    pattern: str = r"(?P<station>.+)"
    whole: Literal["", "list", "tse-bu"] = ""
    fields: tuple[str, ...] = ()
    station: str = ""
    expect: dict[str, str] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as e:
            raise ValueError(f"the pattern {self.pattern!r} is no regular expression ({e})") from None
        if self.whole == "list" and not ("values" in groups and "station" in groups and self.fields):
            raise ValueError(
                "a code that gives the numbers as a list needs `fields`, and a pattern with (?P<station>...) and (?P<values>...)"
            )
        return self


class FormField(_Strict):
    """One number on the sheet.

    Either ``boxes`` lists each box, or ``box`` is the whole row and ``digits`` says into how many equal boxes it splits.
    Boxes go from the most significant digit to the least. A number that only a code gives has no boxes.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9_](?:[A-Za-z0-9_/ .-]*[A-Za-z0-9_])?$")
    label: str = ""
    role: Role = Role.OTHER
    option: str | None = None  # default: the field's name, when role is "option"
    boxes: tuple[Quad, ...] = ()
    box: Quad | None = None
    digits: int = Field(default=3, ge=1, le=12)
    writing: Writing = Writing.HAND
    edges: Literal["solid", "dotted", "none"] = "solid"  # how the boxes are printed
    words: Quad | None = None  # where the same number stands in words, if it does
    maximum: int | None = None  # the largest value that is possible at all

    @model_validator(mode="after")
    def _split(self) -> Self:
        if self.boxes and self.box is not None:
            raise ValueError(f"field {self.name!r} needs either `boxes` or `box` with `digits`, and not both")
        if self.box is not None:
            x, y, w, h = self.box
            step = w / self.digits
            object.__setattr__(self, "boxes", tuple((x + i * step, y, step, h) for i in range(self.digits)))
        object.__setattr__(self, "digits", len(self.boxes) or self.digits)
        if any(w <= 0 or h <= 0 for _, _, w, h in self.boxes):
            raise ValueError(f"field {self.name!r} has a box without width or height")
        if self.role is Role.OPTION and self.option is None:
            object.__setattr__(self, "option", self.name)
        return self


class Sum(_Strict):
    """A rule between fields: the ``left`` fields add up to (or to at most) what the ``right`` fields add up to."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    left: tuple[str, ...] = Field(min_length=1)
    right: tuple[str, ...] = Field(min_length=1)
    rule: Literal["equal", "at-most"] = "equal"
    # A rule that many honest sheets break (ballots taken home, for one) is no evidence of anything wrong where it fails.
    evidence: bool = True
    note: str = ""


class Form(_Strict):
    """One page of one country's tally sheet. See the module's docstring; made by `load_form`."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    country: str = Field(pattern=r"^[A-Z]{2}$")
    authority: str = ""
    year: int | None = None
    source: str = ""  # the document or the sheet that the layout was measured from
    verified: bool = False  # True only if real sheets of this form were read with it
    synthetic: bool = False  # a form that no authority ever printed
    acta: str = ""  # pages of one acta share this; default: the form's id
    page: Page
    rules: tuple[Rule, ...] = ()
    rects: tuple[Rect, ...] = ()
    texts: tuple[Text, ...] = ()
    codes: tuple[Code, ...] = ()
    # Public keys of signed codes, hexadecimal, by name: the files in the folder ``keys`` beside form.toml.
    keys: dict[str, str] = {}
    fields: tuple[FormField, ...] = Field(min_length=1)
    sums: tuple[Sum, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [f.name for f in self.fields]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"the field {twice[0]!r} is described twice")
        for s in self.sums:
            unknown = sorted({*s.left, *s.right} - set(names))
            if unknown:
                raise ValueError(
                    f"the sum {s.name!r} names the unknown field {unknown[0]!r}; known are {', '.join(names)}"
                )
        for code in self.codes:
            lost = sorted(set(code.fields) - set(names))
            if lost:
                raise ValueError(f"a code gives the unknown field {lost[0]!r}; known are {', '.join(names)}")
        for f in self.fields:
            if not f.boxes and not self.by_code:
                raise ValueError(f"field {f.name!r} needs either `boxes` or `box` with `digits`")
            for x, y, w, h in f.boxes:
                if x < 0 or y < 0 or x + w > self.page.width or y + h > self.page.height:
                    raise ValueError(f"a box of field {f.name!r} lies outside the page")
        if not self.acta:
            object.__setattr__(self, "acta", self.id)
        return self

    def __hash__(self) -> int:
        return hash(self.id)  # a form holds a dictionary, and equal forms have equal ids

    def field(self, name: str) -> FormField:
        """The field of that name; KeyError if there is none."""
        for f in self.fields:
            if f.name == name:
                return f
        raise KeyError(name)

    @property
    def by_code(self) -> bool:
        """Whether a code gives this sheet's numbers: such a form is found by its code, not by its printed lines."""
        return any(code.whole for code in self.codes)

    @property
    def options(self) -> tuple[str, ...]:
        """The options in the order of the sheet, each once."""
        named = (f.option for f in self.fields if f.role is Role.OPTION and f.option is not None)
        return tuple(dict.fromkeys(named))

    @property
    def votes(self) -> tuple[FormField, ...]:
        """The fields that count something, without the station's number."""
        return tuple(f for f in self.fields if f.role is not Role.STATION)


def load_form(path: Path) -> Form:
    """Read one ``form.toml``.

    Raises
    ------
    CotejoError
        If the file is missing, is not TOML, or describes an impossible form; says which field and what to change.
    """
    try:
        data = _whole(path, tomllib.loads(path.read_text(encoding="utf-8")))
        folder = path.parent / "keys"
        files = sorted(f for f in folder.rglob("*") if f.is_file())
        if files:
            data["keys"] = {f.relative_to(folder).as_posix(): f.read_bytes().hex() for f in files}
    except FileNotFoundError:
        raise CotejoError(f"there is no form at {path}; a form is a folder with a form.toml in it") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise CotejoError(f"{path} is not valid TOML ({e}); correct that line") from None
    except ValueError as e:
        raise CotejoError(f"{path}: {e}; correct the form") from None
    try:
        return Form.model_validate(data)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(p) for p in first["loc"])
        message = str(first["msg"]).removeprefix("Value error, ")
        raise CotejoError(f"{path}: {where + ': ' if where else ''}{message}; correct the form") from None


def _whole(path: Path, data: dict[str, Any]) -> dict[str, Any]:
    """The description with what it takes from the form that it is like, if it says so."""
    if "like" not in data:
        return data
    other = str(data["like"])
    base = path.parent.parent / other / "form.toml"
    if not re.fullmatch(r"[a-z0-9-]+", other) or not base.is_file():
        base = FORMS_FOLDER / other / "form.toml"
    if not re.fullmatch(r"[a-z0-9-]+", other) or not base.is_file():
        raise ValueError(f"there is no form {other!r} for it to be like")
    described = tomllib.loads(base.read_text(encoding="utf-8"))
    if "like" in described:
        raise ValueError(f"the form {other!r} is like another one itself; name that one")
    return like(described, data)


@functools.cache
def load_forms(folder: Path = FORMS_FOLDER) -> dict[str, Form]:
    """All forms of a folder of form folders, by id, in alphabetical order.

    Raises
    ------
    CotejoError
        If a form cannot be read, or a folder's name is not its form's id.
    """
    forms: dict[str, Form] = {}
    for path in sorted(folder.glob("*/form.toml")):
        form = load_form(path)
        if form.id != path.parent.name:
            raise CotejoError(
                f"{path} has the id {form.id!r}; rename the folder or the id so that they agree"
            )
        forms[form.id] = form
    return forms
