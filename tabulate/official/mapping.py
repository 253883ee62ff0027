"""A CSV, XLSX, Parquet or PDF table that no module knows, read with a mapping: a TOML file that says which column is what.

::

    authority = "…"                      # optional, like country and title
    separator = ";"                      # CSV only; default ","
    encoding = "latin-1"                 # CSV only; default UTF-8
    header = ["MESA", "SOL"]             # names by which the header is known; default: those of [columns]

    [columns]                            # ours = theirs; several are joined with "-" (texts) or added up (numbers)
    station_id = ["ZONA", "MESA"]        # required
    registered = "ELECTORES"             # registered, voted, cast, valid, blank, null
    status = "ESTADO"                    # contest, place_id, place, region, subregion, status, counted

    [options]                            # theirs = name of the option; left out: every other column with a whole number
    "VOTOS SOL" = "SOL"

    [long]                               # instead of [options], for a row per station and option
    option = "CANDIDATO"
    votes = "VOTOS"
    blank = "EN BLANCO"                  # names of the rows with these votes, optional
    null = "NULOS"

    [statuses]                           # the authority's words: whether its total includes an acta with the word
    anulada = false

    [markers]                            # texts in columns of numbers
    "s/d" = "blank"                      # blank, illegible or absent

Named with ``--format FILE.toml``. A mapping says what a file holds, and nobody checked it: such a count is not verified.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from ocr.errors import CotejoError
from tabulate.official.base import NUMBER_COLUMNS, OfficialCount, Status
from tabulate.official.layout import Layout, build, require
from tabulate.official.long import LongLayout, build_long
from tabulate.official.parquet import read_parquet
from tabulate.official.rows import Table, read_table
from tabulate.official.source import peek, read_content
from tabulate.official.workbook import is_workbook, read_workbook

ID = "mapping"
_MAX_TOML = 1_000_000
_TEXTS = ("contest", "place_id", "place", "region", "subregion")

Name = Annotated[str, StringConstraints(min_length=1)]
Names = Name | list[Name]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Strict):
    """Ours = theirs."""

    station_id: Names
    contest: Names | None = None
    place_id: Names | None = None
    place: Names | None = None
    region: Names | None = None
    subregion: Names | None = None
    registered: Names | None = None
    voted: Names | None = None
    cast: Names | None = None
    valid: Names | None = None
    blank: Names | None = None
    null: Names | None = None
    status: Name | None = None
    counted: Name | None = None


class Long(_Strict):
    """A row per station and option."""

    option: Name
    votes: Name
    blank: Name | None = None
    null: Name | None = None


class Mapping(_Strict):
    """The whole TOML file."""

    authority: str = ""
    country: str = ""
    title: str = ""
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    header: list[Name] = []
    columns: Columns
    options: dict[Name, Name] | None = None
    long: Long | None = None
    statuses: dict[str, bool] = {}
    markers: dict[str, Literal["blank", "illegible", "absent"]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_shape(self) -> Mapping:
        if self.options is not None and self.long is not None:
            raise ValueError("[options] and [long] exclude each other")
        if self.options and len(set(self.options.values())) < len(self.options):
            raise ValueError("two columns of [options] have one name")
        if self.long:
            several = [n for n in NUMBER_COLUMNS if isinstance(getattr(self.columns, n), list)]
            if several:
                raise ValueError(f"with [long], {several[0]} must be one column")
        return self


def read_mapping(path: Path) -> Mapping:
    """A mapping from its TOML file.

    Raises
    ------
    CotejoError
        When the file is missing, no TOML, or not of the shape above; says where.
    """
    data = read_content(path, _MAX_TOML).data
    try:
        return Mapping.model_validate(tomllib.loads(data.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CotejoError(f"{path} is no TOML ({error}); see the example in docs/official.md.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise CotejoError(f"{path}: {where}: {first['msg']}; see the example in docs/official.md.") from None


def parse_with(path: Path, mapping: Mapping) -> OfficialCount:
    """Parse a file as the mapping says.

    Raises
    ------
    CotejoError
        When a column that the mapping names is missing, no column holds votes, or the file cannot be read.
    """
    table = _table(path, mapping)
    named = [name for field in Columns.model_fields for name in _several(getattr(mapping.columns, field))]
    named += list(mapping.options or ()) + ([mapping.long.option, mapping.long.votes] if mapping.long else [])
    require(path, table, tuple(dict.fromkeys(named)), ID)
    catalogue = {
        word.lower(): Status(counted, "as the mapping says", word)
        for word, counted in mapping.statuses.items()
    }
    markers = {text.lower(): state for text, state in mapping.markers.items()}
    texts = {name: _joined(getattr(mapping.columns, name)) for name in _TEXTS}
    station = _joined(mapping.columns.station_id)
    assert station is not None
    numbers = {
        n: tuple(_several(getattr(mapping.columns, n))) for n in NUMBER_COLUMNS if getattr(mapping.columns, n)
    }
    if mapping.long:
        who = pl.col(mapping.long.option).str.strip_chars()
        option: pl.Expr = pl.when(who != "").then(who)
        for kind in ("blank", "null"):
            if word := getattr(mapping.long, kind):
                option = pl.when(who == word).then(pl.lit(kind)).otherwise(option)
        layout = LongLayout(
            station_id=station,
            contest=texts["contest"],
            place_id=texts["place_id"],
            place=texts["place"],
            region=texts["region"],
            subregion=texts["subregion"],
            option=option,
            votes=mapping.long.votes,
            numbers={name: columns[0] for name, columns in numbers.items()},
            status=mapping.columns.status,
            counted=mapping.columns.counted,
            catalogue=catalogue,
            markers=markers,
        )
        return build_long(ID, False, path, table, layout)
    options = mapping.options or {name: name for name in _others(table, named)}
    if not options:
        raise CotejoError(f"{path} has no column with votes; name them under [options] in the mapping.")
    table = _renamed(table, options)
    wide = Layout(
        station_id=station,
        contest=texts["contest"],
        place_id=texts["place_id"],
        place=texts["place"],
        region=texts["region"],
        subregion=texts["subregion"],
        numbers=numbers,
        options=tuple(options[name] for name in _in_order(table, options)),
        status=mapping.columns.status,
        counted=mapping.columns.counted,
        catalogue=catalogue,
        markers=markers,
        known=tuple(named),
    )
    return build(ID, False, table, wide)


def _table(path: Path, mapping: Mapping) -> Table:
    """The rows of text, whatever kind of file it is: the content decides, not the name."""
    names = set(mapping.header or _needed(mapping))

    def is_header(record: Sequence[str]) -> bool:
        return set(record) >= names

    start = peek(path)
    if is_workbook(path):
        return read_workbook(path, is_header)
    if start[:4] == b"PAR1":
        return read_parquet(path)
    if b"%PDF-" in start[:1024]:
        from tabulate.official.pdf_table import read_pdf_table

        return read_pdf_table(path, is_header)
    encoding = "utf-8-sig" if mapping.encoding == "utf-8" else mapping.encoding
    return read_table(path, mapping.separator, encoding, header=is_header)


def _needed(mapping: Mapping) -> list[str]:
    """The fewest columns by which a header is known."""
    found = list(_several(mapping.columns.station_id))
    return found + (
        [mapping.long.option, mapping.long.votes] if mapping.long else list(mapping.options or ())[:3]
    )


def _several(names: Names | None) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def _joined(names: Names | None) -> pl.Expr | None:
    columns = [pl.col(name).str.strip_chars() for name in _several(names)]
    return pl.concat_str(columns, separator="-") if columns else None


def _others(table: Table, named: list[str]) -> list[str]:
    """Columns that the mapping does not name and that hold at least one whole number."""
    rest = [name for name in table.columns if name not in named]
    counts = table.raw.select(
        pl.col(name).str.strip_chars().cast(pl.Int64, strict=False).count() for name in rest
    )
    return [name for name in rest if counts[name][0]]


def _in_order(table: Table, options: dict[str, str]) -> list[str]:
    theirs = {ours: name for name, ours in options.items()}
    return [theirs[name] for name in table.columns if name in theirs]


def _renamed(table: Table, options: dict[str, str]) -> Table:
    """The columns of votes under the options' names."""
    taken = [
        new for old, new in options.items() if new != old and new in table.columns and new not in options
    ]
    if taken:
        raise CotejoError(
            f"The mapping calls an option {taken[0]!r}, which is another column of the file; rename it."
        )
    columns = tuple(options.get(name, name) for name in table.columns)
    boxes = table.boxes
    if boxes is not None:
        boxes = boxes.with_columns(pl.col("column").replace(options))
    return dataclasses.replace(table, columns=columns, rows=table.raw.rename(options), boxes=boxes)
