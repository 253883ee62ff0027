"""A mission: the folder that holds everything, and mission.toml, which says what is being counted.

::

    DIR/mission.toml     contests, options, forms, sums, thresholds; written by people
    DIR/forms/           further forms, if any (the same layout as ocr/forms)
    DIR/ledger.sqlite    what happened (`tabulate.ledger`)
    DIR/blobs/           the original bytes (`tabulate.blobs`)
    DIR/tables/          derived, can be deleted (`tabulate.rebuild`)
"""

from __future__ import annotations

import re
import shutil
import tomllib
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ocr.errors import CotejoError, MachineError
from ocr.form import Colour, Form, FormField, Role, load_forms
from tabulate.blobs import Blobs
from tabulate.ledger import Ledger
from tabulate.rules import Rule

SETTINGS = "mission.toml"
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Probability = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    # strict: a number in quotes is a mistake to be told, not one to be guessed away.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class About(_Strict):
    """Who and where. ``synthetic`` is true if the election never took place."""

    id: Id
    name: str = Field(min_length=1)
    country: str = Field(pattern=r"^[A-Z]{2}$")
    timezone: str = "UTC"
    languages: list[str] = Field(default=["es", "en"], min_length=1)
    synthetic: bool = False
    geography: list[str] = []  # what the levels are called here, e.g. ["Department", "Municipality"]

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; write one like 'America/La_Paz'") from None
        return name


class Option(_Strict):
    """A thing that can get votes."""

    id: Id
    name: str = Field(min_length=1)
    short: str = ""
    colour: Colour = "#808080"

    @model_validator(mode="after")
    def _defaults(self) -> Self:
        if self.id in set(Role):
            raise ValueError(f"the option id {self.id!r} is the name of a role; choose another id")
        if not self.short:
            object.__setattr__(self, "short", self.id)
        return self


class Contest(_Strict):
    """An office being voted on. ``rule`` is how it is won: see `tabulate.rules`."""

    id: Id
    name: str = Field(min_length=1)
    rule: Literal["plurality", "absolute-majority", "40-10", "40-over-10", "45-40-10", "dhondt"] = "plurality"
    seats: int = Field(default=1, ge=1)
    threshold: float = Field(
        default=0, ge=0, lt=1
    )  # share of the valid votes that an option needs for a seat
    # As many voters as a station may have by law, where the register does not say.
    most_voters: int | None = Field(default=None, ge=1)
    options: list[Option] = Field(min_length=1)

    @property
    def how(self) -> Rule:
        """The rule with its seats and threshold."""
        return Rule(self.rule, self.seats, Fraction(str(self.threshold)))

    @model_validator(mode="after")
    def _unique(self) -> Self:
        _once([o.id for o in self.options], f"contest {self.id!r} has the option")
        try:
            _ = self.how
        except CotejoError as e:
            raise ValueError(f"contest {self.id!r}: {e}") from None
        if self.threshold and self.rule != "dhondt":
            raise ValueError(f'contest {self.id!r} has a threshold; write rule = "dhondt", or leave it out')
        return self


class ContestForm(_Strict):
    """That a form (a page of an acta) counts a contest.

    ``fields`` is for a form whose fields are not this contest's as they stand (several contests on one sheet,
    other option ids): it maps each of the form's fields that belongs to the contest to an option id or to a role's name.
    """

    id: str
    contest: str
    fields: dict[str, str] = {}


class MissionSum(_Strict):
    """A sum that must hold on the fields of one contest's acta, beside those that the form itself states."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    contest: str
    left: list[str] = Field(min_length=1)
    right: list[str] = Field(min_length=1)
    rule: Literal["equal", "at-most"] = "equal"
    evidence: bool = True
    note: str = ""


class Intake(_Strict):
    """What may come in, and how a file's name tells its station."""

    # Tried on the file's name without its ending; the group `station` is the id.
    claim_pattern: str | None = None
    max_bytes: int = Field(default=50_000_000, ge=1)
    max_pdf_pages: int = Field(default=40, ge=1)
    max_zip_files: int = Field(default=50_000, ge=1)
    max_zip_bytes: int = Field(default=20_000_000_000, ge=1)

    @field_validator("claim_pattern")
    @classmethod
    def _pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groupindex
            except re.error as e:
                raise ValueError(f"{pattern!r} is no regular expression ({e}); correct it") from None
            if "station" not in groups:
                raise ValueError(f"{pattern!r} has no group (?P<station>...); add it around the station's id")
        return pattern


class Acceptance(_Strict):
    """When a reading becomes a tally without a person: see `tabulate.tally`."""

    # The whole acta, beside the reader's own opinion.
    min_probability: Probability = 0.95
    # One field of an acta that waits for a person, so that its value may be held against another record.
    confirm_probability: Probability = 0.999
    # Whether the sheet itself (its code) must say the station; if not, the sender's claim is enough.
    station_from_sheet: bool = False
    # Whether a signed code (a boletim de urna's) must have been verified with a key.
    code_signature: bool = False


class Source(_Strict):
    """Where photos come from."""

    id: Id
    name: str = Field(min_length=1)


class RegisterColumns(_Strict):
    """How the register's file calls our columns: ours = theirs."""

    columns: dict[str, str] = {}


class Official(_Strict):
    """How an official format names what we count: theirs = ours. Names that are the same need no entry."""

    format: str
    contest: str | None = None  # for a file of one contest that does not name it
    contests: dict[str, str] = {}
    options: dict[str, str] = {}


class Settings(_Strict):
    """The whole of mission.toml."""

    mission: About
    contests: list[Contest] = Field(min_length=1)
    forms: list[ContestForm] = []
    sums: list[MissionSum] = []
    intake: Intake = Intake()
    acceptance: Acceptance = Acceptance()
    sources: list[Source] = []
    register_file: RegisterColumns = Field(default=RegisterColumns(), alias="register")
    official: list[Official] = []
    ledger: str | None = None  # a database URL; default: SQLite in the mission's folder

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [c.id for c in self.contests]
        _once(ids, "there is the contest")
        _once([s.id for s in self.sources], "there is the source")
        _once([f"{f.id} for {f.contest}" for f in self.forms], "[[forms]] has the form")
        _once([f"{s.name} of {s.contest}" for s in self.sums], "[[sums]] has the sum")
        named = [("form", f.id, f.contest) for f in self.forms] + [
            ("sum", s.name, s.contest) for s in self.sums
        ]
        named += [
            ("official format", o.format, c)
            for o in self.official
            for c in [o.contest, *o.contests.values()]
            if c
        ]
        for what, name, contest in named:
            if contest not in ids:
                raise ValueError(
                    f"the {what} {name!r} names the unknown contest {contest!r}; known are {', '.join(ids)}"
                )
        return self


class Mission:
    """An open mission. Made by `open` or `create`."""

    def __init__(self, folder: Path, settings: Settings, forms: dict[str, Form]) -> None:
        self.folder = folder
        self.settings = settings
        self.forms = forms  # those that mission.toml names, by id

    @classmethod
    def open(cls, folder: Path | str) -> Mission:
        """Open the mission in `folder`.

        Raises
        ------
        CotejoError
            If there is none, or its mission.toml is wrong: file, key and remedy in one sentence.
        """
        folder = Path(folder)
        settings = load_settings(folder / SETTINGS)
        available = dict(load_forms())
        if (folder / "forms").is_dir():
            available |= load_forms(folder / "forms")
        return cls(folder, settings, _checked_forms(folder / SETTINGS, settings, available))

    @classmethod
    def create(cls, folder: Path | str, template: Path | str) -> Mission:
        """Make a new mission in `folder` from a template: a mission.toml, or a folder with one (and ``forms/``).

        Raises
        ------
        CotejoError
            If `folder` is not empty or the template is wrong; then nothing is left behind.
        MachineError
            If the folder cannot be written.
        """
        folder, template = Path(folder), Path(template)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CotejoError(f"{folder} is not empty; choose a new folder for the mission")
        source = template / SETTINGS if template.is_dir() else template
        load_settings(source)
        existed = folder.exists()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / SETTINGS)
            if (source.parent / "forms").is_dir():
                shutil.copytree(source.parent / "forms", folder / "forms")
            mission = cls.open(folder)
            mission.record_settings("create")
        except OSError as e:
            _undo(folder, existed)
            raise MachineError(
                f"the mission {folder} could not be written ({e.strerror}); free space or choose another folder"
            ) from None
        except CotejoError:
            _undo(folder, existed)
            raise
        return mission

    @cached_property
    def ledger(self) -> Ledger:
        """What happened in this mission."""
        return Ledger(self.settings.ledger or f"sqlite:///{(self.folder / 'ledger.sqlite').absolute()}")

    @cached_property
    def blobs(self) -> Blobs:
        """The original bytes."""
        return Blobs(self.folder / "blobs")

    @property
    def tables(self) -> Path:
        """Where the derived tables lie."""
        return self.folder / "tables"

    def close(self) -> None:
        """Close the database; the mission can be used again afterwards."""
        if "ledger" in self.__dict__:
            self.ledger.close()
            del self.__dict__["ledger"]

    @property
    def contests(self) -> dict[str, Contest]:
        """The contests by id, in the order of mission.toml."""
        return {c.id: c for c in self.settings.contests}

    def contests_of(self, form: str) -> list[ContestForm]:
        """What the form counts; empty if it is none of this mission's."""
        return [f for f in self.settings.forms if f.id == form]

    def fields_of(self, form: str, contest: str) -> dict[str, tuple[Role, str | None]]:
        """The form's fields that belong to the contest, each with its role and, for votes, its option."""
        use = next(f for f in self.settings.forms if f.id == form and f.contest == contest)
        return {
            f.name: _meaning(use, f) for f in self.forms[form].votes if not use.fields or f.name in use.fields
        }

    def pages_of(self, acta: str, contest: str) -> list[Form]:
        """The forms that are the acta's pages for that contest, by page number."""
        pages = [self.forms[f.id] for f in self.settings.forms if f.contest == contest]
        return sorted((p for p in pages if p.acta == acta), key=lambda p: p.page.number)

    def record_settings(self, actor: str) -> None:
        """Keep mission.toml as it is now, if it is not the one recorded last, so that it is known what applied when."""
        sha = self.blobs.put((self.folder / SETTINGS).read_bytes())
        last = self.ledger.last("mission-configured")
        if last is None or last.subject != sha:
            self.ledger.append("mission-configured", {"blob": sha}, actor=actor, subject=sha)


def load_settings(path: Path) -> Settings:
    """Read a mission.toml.

    Raises
    ------
    CotejoError
        One sentence that names the file, the key and what to do.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CotejoError(
            f"there is no mission at {path.parent} (no {SETTINGS}); make one with `cotejo init`"
        ) from None
    except OSError as e:
        raise CotejoError(
            f"{path} cannot be read ({e.strerror}); check the path and its permissions"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise CotejoError(f"{path} is not valid TOML ({e}); correct that line") from None
    try:
        return Settings.model_validate(data)
    except ValidationError as e:
        first = e.errors()[0]
        where = _key(data, first["loc"])
        if first["type"] == "extra_forbidden":
            raise CotejoError(
                f"{path}: {where} is not a key that exists; correct its spelling or remove it"
            ) from None
        if first["type"] == "missing":
            raise CotejoError(f"{path}: {where} is missing; add it") from None
        message = str(first["msg"]).removeprefix("Value error, ")
        raise CotejoError(
            f"{path}: {where + ': ' if where else ''}{message}{'' if ';' in message else '; correct it'}"
        ) from None


def _key(data: object, loc: tuple[int | str, ...]) -> str:
    """The key as people write it: ``contests[2].options[1].id``, counted from 1, with the entry's id if it has one."""
    out = ""
    for part in loc:
        if isinstance(part, int):
            data = data[part] if isinstance(data, list) and part < len(data) else None
            name = data.get("id") or data.get("name") if isinstance(data, dict) else None
            out += f"[{part + 1}]" + (f" ({name})" if isinstance(name, str) else "")
        else:
            data = data.get(part) if isinstance(data, dict) else None
            out += f"{'.' if out else ''}{part}"
    return out


def _once(names: list[str], what: str) -> None:
    twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
    if twice is not None:
        raise ValueError(f"{what} {twice!r} twice; remove or rename one")


def _checked_forms(path: Path, settings: Settings, available: dict[str, Form]) -> dict[str, Form]:
    """The forms that mission.toml names, after checking that form, contest and sums fit together."""
    options = {c.id: [o.id for o in c.options] for c in settings.contests}
    fields: dict[str, list[str]] = {c.id: [] for c in settings.contests}
    for use in settings.forms:
        where = f"{path}: forms ({use.id} for {use.contest})"
        form = available.get(use.id)
        if form is None:
            raise CotejoError(f"{where}: there is no such form; known are {', '.join(available) or 'none'}")
        names = [f.name for f in form.votes]
        for name in use.fields:
            if name not in names:
                raise CotejoError(
                    f"{where}: fields names the unknown field {name!r}; the form has {', '.join(names)}"
                )
        for f in form.votes:
            if use.fields and f.name not in use.fields:
                continue
            role, option = _meaning(use, f)
            if role is Role.OPTION and option not in options[use.contest]:
                raise CotejoError(
                    f"{where}: the field {f.name!r} counts the option {option!r}, which the contest does not have; "
                    f"add the option or map the field with `fields`"
                )
            fields[use.contest].append(f.name)
    for s in settings.sums:
        for name in (*s.left, *s.right):
            if name not in fields[s.contest]:
                known = (
                    ", ".join(dict.fromkeys(fields[s.contest])) or "none, because no form counts this contest"
                )
                raise CotejoError(
                    f"{path}: sums ({s.name}): the sum names the unknown field {name!r}; known are {known}"
                )
    return {use.id: available[use.id] for use in settings.forms}


def _meaning(use: ContestForm, field: FormField) -> tuple[Role, str | None]:
    target = use.fields.get(field.name)
    if target is None:
        return field.role, field.option if field.role is Role.OPTION else None
    return (Role(target), None) if target in set(Role) else (Role.OPTION, target)


def _undo(folder: Path, existed: bool) -> None:
    """Take back what `create` began, in a folder that was empty or not there."""
    for path in folder.iterdir() if folder.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if not existed and folder.is_dir():
        folder.rmdir()
