"""What an audit may look at: a handful of tables, checked once, always in the same order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

_TEXT, _WHOLE, _BOOL = pl.String, pl.Int64, pl.Boolean
_Schema = dict[str, type[pl.DataType] | pl.DataType]

ROLES = ("registered", "voted", "cast", "valid", "blank", "null")
"""Fields that mean the same in every country. All other fields of a sheet are options or are local to its form."""

_REQUIRED: dict[str, _Schema] = {
    "counts": {"station_id": _TEXT},
    "sheets": {
        "station_id": _TEXT,
        "contest": _TEXT,
        "field": _TEXT,
        "value": _WHOLE,
        "state": _TEXT,
        "confirmed": _BOOL,
    },
    "sums": {
        "station_id": _TEXT,
        "contest": _TEXT,
        "sum": _TEXT,
        "left": _WHOLE,
        "right": _WHOLE,
        "rule": _TEXT,
        "confirmed": _BOOL,
    },
    "comparison": {
        "station_id": _TEXT,
        "contest": _TEXT,
        "field": _TEXT,
        "left": _WHOLE,
        "right": _WHOLE,
        "confirmed": _BOOL,
    },
    "register": {"station_id": _TEXT},
    "published": {"station_id": _TEXT},
    "filings": {
        "photo": _TEXT,
        "station_claimed": _TEXT,
        "station_read": _TEXT,
        "in_register": _BOOL,
        "confirmed": _BOOL,
    },
}
# A column that a source does not have may be left out; it is then null throughout.
_OPTIONAL: dict[str, _Schema] = {
    "counts": {"place_id": _TEXT, "region": _TEXT, **dict.fromkeys(ROLES, _WHOLE)},
    "sheets": {"photo": _TEXT, "struck": _BOOL},
    "sums": {"holds": _BOOL, "photo": _TEXT},
    "comparison": {"difference": _WHOLE, "cause": pl.List(pl.String), "photo": _TEXT},
    "register": {"registered": _WHOLE, "has_list": _BOOL, "region": _TEXT},
    "published": {
        "region": _TEXT,
        **dict.fromkeys(ROLES, _WHOLE),
        "counted": _BOOL,
        "status": _TEXT,
        "expects": _TEXT,
        "photo": _TEXT,
    },
    "filings": {"page": _WHOLE, "station_printed": _TEXT, "form": _TEXT, "writing": _TEXT},
}
# One row per this; more than one is an error, because a station counted twice is one.
_KEYS: dict[str, tuple[str, ...]] = {
    "counts": ("station_id",),
    "sheets": ("station_id", "contest", "field", "photo"),
    "sums": ("station_id", "contest", "sum", "photo"),
    "comparison": ("station_id", "contest", "field", "photo"),
    "register": ("station_id",),
    "published": ("station_id",),
    "filings": ("photo", "page", "station_claimed"),
}
_VOCABULARY = {
    ("sheets", "state"): ("number", "blank", "illegible", "absent"),
    ("sums", "rule"): ("equal", "at-most"),
}


@dataclass(frozen=True, eq=False)
class AuditData:
    """The tables an audit may look at. Any of them may be None; an audit that needs it then does not apply.

    Columns are checked and rows are sorted by key when the object is made, so that no audit can depend on the
    order in which rows arrived. Extra columns are kept and ignored.

    Parameters
    ----------
    counts : wide, one row per station of **one** contest, from the mission's tally or an official file.
        ``station_id`` str, unique. ``place_id``, ``region`` str or null. ``registered`` people on the list
        (null or 0 where the station has no list); ``voted`` people who voted, or ballots given out; ``cast``
        ballots in the box; ``valid``, ``blank``, ``null`` ballots; then one column per option. Whole numbers;
        a null is "not known" and never zero.
    options : ids of the options in these tables. Those that are columns of `counts` are its contest's
    options.
    sheets : long, the mission's tally of each acta: ``station_id``, ``contest``, ``field``, ``value`` (null
    unless
        ``state`` is "number"), ``state`` ("number", "blank", "illegible" or "absent"), ``confirmed`` (read by two
        people, corrected by a person, or a reading above the acceptance threshold), ``photo`` (SHA-256), ``struck`` (the reader saw something crossed
        out or overwritten in it; null where no machine read it; may be left out).
        Fields that mean what a column of `counts` means carry its name (`ROLES`).
    sums : long, the checks of each acta: ``station_id``, ``contest``, ``sum`` (its name), ``left``, ``right``
    (both
        sides as written; null when a part is not a number), ``holds`` (recomputed by audits, never trusted), ``rule`` ("equal"
        or "at-most": left at most right), ``confirmed`` (**every** field in it is), ``photo``.
    comparison : long, tally (``left``) against official (``right``): ``station_id``, ``contest``, ``field``,
        ``left``, ``right``, ``difference`` (recomputed by audits as left − right), ``cause`` (list of str),
        ``confirmed``, ``photo``. Rows that agree are wanted too: they are the denominator.
    filings : one row per page of a photo and station it was filed for: ``photo`` (SHA-256), ``page`` (within the
    file; may
        be left out), ``station_claimed`` (by whom filed it; null if nobody said), ``station_read`` (what the sheet itself says; null if not read),
        ``in_register`` (is the claimed station, or the read one when none was claimed, in the register),
        ``confirmed`` (the code on the sheet was decoded and its check held, or people confirmed it), ``station_printed`` (the number
        printed beside the code, where it surely says another station; may be left out), ``form`` and ``writing`` (the fingerprint of what is written in the boxes, 64
        hexadecimal digits, and the form that they are of; null where nothing was read; may be left out).
    register : every station there is, whether a count names it or not: ``station_id`` str, unique; ``registered``
        people on the list or null; ``has_list`` False for a special station, whose list, if any, is nominal (null:
        it has one); ``region``.
    published : wide, one row per station of **one** contest as the authority publishes it, whether it counts the acta or not: ``station_id``,
        ``region``, the columns of `ROLES` as they stand in its file (nothing filled in; ``registered`` null for a special station), ``counted`` (null: yes),
        ``status`` (the authority's word), ``expects`` (what that word says of the acta: "numbers", "none", or null where it says neither), ``photo`` (the
        mission's own of the acta, where it has one), and one column per option.

    Raises
    ------
    ValueError
        A column is missing or of the wrong type, a key is repeated, or a state or rule is not in the
        vocabulary. The message says which table and column.
    """

    counts: pl.DataFrame | None = None
    options: tuple[str, ...] = ()
    sheets: pl.DataFrame | None = None
    sums: pl.DataFrame | None = None
    comparison: pl.DataFrame | None = None
    filings: pl.DataFrame | None = None
    register: pl.DataFrame | None = None
    published: pl.DataFrame | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        if len(set(self.options)) < len(self.options):
            raise ValueError("the list of options names one of them twice: give each its own id")
        for option in self.options:
            if option in ("station_id", "place_id", "region", *ROLES):
                raise ValueError(f"an option is called {option!r}, like a column of the counts: rename it")
        for name in _REQUIRED:
            frame = getattr(self, name)
            if frame is not None:
                object.__setattr__(self, name, _checked(name, frame, self.options))

    @property
    def count_options(self) -> tuple[str, ...]:
        """The options of the contest in `counts`."""
        return () if self.counts is None else tuple(o for o in self.options if o in self.counts.columns)

    @property
    def leader(self) -> str:
        """The option with most votes in `counts` (of equals the first by name), which must hold one."""
        assert self.counts is not None
        totals = self.counts.select(pl.col(self.count_options).sum()).row(0)
        return min(zip(self.count_options, totals, strict=True), key=lambda item: (-item[1], item[0]))[0]

    @property
    def stations(self) -> int:
        """Number of different stations in all tables but the register together."""
        columns = [
            frame[column].drop_nulls()
            for frame, column in (
                (self.counts, "station_id"),
                (self.sheets, "station_id"),
                (self.sums, "station_id"),
                (self.comparison, "station_id"),
                (self.filings, "station_claimed"),
            )
            if frame is not None
        ]
        return pl.concat([c.rename("station_id") for c in columns]).n_unique() if columns else 0

    @cached_property
    def shared(self) -> dict[Any, Any]:
        """What one audit of these tables has worked out and another may use again (`audits.calibration`)."""
        return {}

    def missing(self, need: str) -> bool:
        """Whether `need`, "table" or "table.column", is not there or holds nothing."""
        table, _, column = need.partition(".")
        frame: pl.DataFrame | None = getattr(self, table)
        if frame is None or frame.is_empty():
            return True
        if column == "option":
            return not self.count_options
        return bool(column) and (column not in frame.columns or frame[column].null_count() == frame.height)


def _checked(table: str, frame: pl.DataFrame, options: tuple[str, ...]) -> pl.DataFrame:
    """`frame` with the columns of `table` in their types, sorted by key."""
    absent = [c for c in _REQUIRED[table] if c not in frame.columns]
    if absent:
        raise ValueError(
            f"table {table!r} has no column {absent[0]!r}: add it (its meaning is in audits/data.py)"
        )
    wanted = {**_REQUIRED[table], **_OPTIONAL[table]}
    if table in ("counts", "published"):
        wanted |= {option: _WHOLE for option in options if option in frame.columns}
    frame = frame.with_columns(_cast(table, frame, column, dtype) for column, dtype in wanted.items())
    if table == "counts":
        # A place that is an empty text is not known; stations without one are no neighbours of each other.
        frame = frame.with_columns(place_id=pl.when(pl.col("place_id") != "").then("place_id"))
    for column, words in ((c, w) for (t, c), w in _VOCABULARY.items() if t == table):
        strange = set(frame[column].unique()) - set(words)
        if strange:
            first = min(map(str, strange))
            raise ValueError(f"table {table!r}, column {column!r}: {first!r} is not one of {words}")
    for column in ("station_id", "confirmed"):
        if column in wanted and frame[column].null_count():
            empty = frame[column].null_count()
            raise ValueError(f"table {table!r}: {column!r} is empty in {empty} rows; fill it in")
    key = _KEYS[table]
    repeated = frame.select(key).is_duplicated()
    if repeated.any():
        row = frame.filter(repeated).select(key).sort(key).row(0)
        raise ValueError(f"table {table!r} has more than one row for {'/'.join(map(str, row))}: keep one")
    return frame.sort(key, nulls_last=True)


def _cast(table: str, frame: pl.DataFrame, column: str, dtype: type[pl.DataType] | pl.DataType) -> pl.Expr:
    """The column in its type; null throughout when an optional column is not there."""
    if column not in frame.columns:
        return pl.lit(None, dtype=dtype).alias(column)
    have = frame.schema[column]
    fits = (
        have in (dtype, pl.Null)
        or (dtype == _WHOLE and have.is_integer())
        or (dtype == _TEXT and have in (pl.Categorical, pl.Enum))
        or (dtype == pl.List(pl.String) and isinstance(have, pl.List))
    )
    if not fits:
        raise ValueError(
            f"table {table!r}, column {column!r} is {have}, but must be {dtype}: convert it before"
        )
    return pl.col(column).cast(dtype)
