"""Two counts of the same stations, laid side by side: the ground that comparison and outcome stand on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ocr.errors import CotejoError
from tabulate.official import CANONICAL_COLUMNS, NUMBER_COLUMNS

Counts = NDArray[np.int64]
"""Numbers of votes, one row per station; `MISSING` where there is none."""
Mask = NDArray[np.bool_]

MISSING = -1
BOTH, ONLY_LEFT, ONLY_RIGHT = "both", "only_left", "only_right"
_KEY = ("station_id", "contest")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every station and contest that one of two counts has, sorted by both.

    Attributes
    ----------
    keys
        ``station_id``, ``contest``, ``which`` (both, only_left or only_right). A row without any number of ballots
        (pending, no acta) is no count: such a station is only on the other side, if it has numbers there.
    left, right
        The compared numbers, row by row with `keys`; null where that side has none.
    options
        The compared options, in the left side's order.
    parts
        `options`, then ``blank`` and ``null`` if compared: what an acta's ballots fall into.
    totals
        ``valid``, ``cast`` and ``voted``, if compared: what the parts add up to.
    registered
        The larger of the two sides' registered voters; null if neither has it.
    registered_compared
        Whether both sides have a column of registered voters.
    listed_left, listed_right
        Whether each side names the station at all, with numbers or without.
    counted_left, counted_right
        Whether each side counts the row; False where it has none.
    status_left, status_right
        The authority's word on each side; null where it has none.
    voided_left, voided_right
        Where that word says that the acta is not counted (column ``voided``).
    unknown
        Where a side says that a number of votes stands there which nobody knows (its column ``unknown``).
    not_compared
        Field or option -> why it is not compared.
    one_sided
        Contest -> options with votes in it that only one side has.
    """

    keys: pl.DataFrame
    left: pl.DataFrame
    right: pl.DataFrame
    options: tuple[str, ...]
    parts: tuple[str, ...]
    totals: tuple[str, ...]
    registered: pl.Series
    registered_compared: bool
    listed_left: pl.Series
    listed_right: pl.Series
    counted_left: pl.Series
    counted_right: pl.Series
    status_left: pl.Series
    status_right: pl.Series
    voided_left: pl.Series
    voided_right: pl.Series
    unknown: pl.Series
    not_compared: dict[str, str]
    one_sided: dict[str, tuple[str, ...]]

    def mask(self, which: str) -> pl.Series:
        """The rows that stand in `keys` as `which`."""
        return self.keys.get_column("which") == which

    def rows_of(self, contest: str) -> pl.Series:
        """Where in `keys` the stations of a contest are."""
        return (self.keys.get_column("contest") == contest).arg_true()

    def options_of(self, at: pl.Series) -> tuple[str, ...]:
        """The options that have a number in some of these rows; the others are of other contests."""
        sides = (self.left, self.right)
        return tuple(
            name for name in self.options if any(side.get_column(name).gather(at).count() for side in sides)
        )


def pair(left: pl.DataFrame, right: pl.DataFrame) -> Pairs:
    """Lay two canonical counts frames side by side.

    Parameters
    ----------
    left, right
        Frames like `tabulate.official.OfficialCount.counts`: ``station_id`` and one Int64 column per option, the
        other canonical columns where there are any, ``unknown`` (bool) where an option has a number that nobody
        knows, which null alone does not say, and ``voided`` (bool) where the authority's status says that the acta is
        not counted. ``contest`` may be left out; if one side names a single contest
        and the other names none, they are taken for the same.

    Raises
    ------
    CotejoError
        When a frame has no ``station_id`` as text, names a station and contest twice, holds a number below zero, or
        has no option in common with the other.
    """
    left, right = _checked(left, "left"), _checked(right, "right")
    left, right = _same_contest(left, right)
    options, one_sided, not_compared = _options(left, right)
    numbers = []
    for name in NUMBER_COLUMNS:
        reason = _absent(left, right, name)
        if reason is None:
            numbers.append(name)
        else:
            not_compared[name] = reason
    joined = (
        left.select(*_KEY)
        .with_row_index("at_left")
        .join(right.select(*_KEY).with_row_index("at_right"), on=list(_KEY), how="full", coalesce=True)
        .sort(*_KEY)
    )
    at_left, at_right = joined.get_column("at_left"), joined.get_column("at_right")
    fields = [*options, *numbers]
    ours, theirs = left.select(pl.col(fields).gather(at_left)), right.select(pl.col(fields).gather(at_right))
    lists = pl.DataFrame(
        [
            _column(left, "registered", at_left).alias("left"),
            _column(right, "registered", at_right).alias("right"),
        ]
    )
    return Pairs(
        keys=joined.select(*_KEY, _which(at_left, at_right, ours, theirs)),
        left=ours,
        right=theirs,
        options=options,
        parts=(*options, *(name for name in ("blank", "null") if name in numbers)),
        totals=tuple(name for name in ("valid", "cast", "voted") if name in numbers),
        registered=lists.select(pl.max_horizontal("left", "right").alias("registered")).to_series(),
        registered_compared="registered" in numbers,
        listed_left=at_left.is_not_null(),
        listed_right=at_right.is_not_null(),
        counted_left=_column(left, "counted", at_left).fill_null(False),
        counted_right=_column(right, "counted", at_right).fill_null(False),
        status_left=_column(left, "status", at_left).cast(pl.String),
        status_right=_column(right, "status", at_right).cast(pl.String),
        voided_left=_column(left, "voided", at_left).cast(pl.Boolean).fill_null(False),
        voided_right=_column(right, "voided", at_right).cast(pl.Boolean).fill_null(False),
        unknown=(
            _column(left, "unknown", at_left).cast(pl.Boolean).fill_null(False)
            | _column(right, "unknown", at_right).cast(pl.Boolean).fill_null(False)
        ),
        not_compared=not_compared,
        one_sided=one_sided,
    )


def option_columns(frame: pl.DataFrame) -> tuple[str, ...]:
    """The options of a canonical counts frame: its whole-number columns that are nothing else."""
    return tuple(
        name for name, kind in frame.schema.items() if name not in CANONICAL_COLUMNS and kind.is_integer()
    )


def as_counts(frame: pl.DataFrame, names: tuple[str, ...], at: pl.Series) -> Counts:
    """Some rows of some columns as one array of shape (rows, columns), `MISSING` for null."""
    columns = [frame.get_column(name).gather(at).fill_null(MISSING).to_numpy() for name in names]
    return np.column_stack(columns) if columns else np.zeros((at.len(), 0), dtype=np.int64)


def _which(at_left: pl.Series, at_right: pl.Series, left: pl.DataFrame, right: pl.DataFrame) -> pl.Series:
    """On which side each station has numbers; with none on either side, on which side it is named."""
    empty = [
        side.select(pl.all_horizontal(pl.exclude("registered").is_null())).to_series()
        for side in (left, right)
    ]
    state = pl.DataFrame(
        {
            "empty_left": empty[0],
            "empty_right": empty[1],
            "no_left": at_left.is_null(),
            "no_right": at_right.is_null(),
        }
    )
    only_left = pl.col("no_right") | (pl.col("empty_right") & ~pl.col("empty_left"))
    only_right = pl.col("no_left") | (pl.col("empty_left") & ~pl.col("empty_right"))
    which = pl.when(only_left).then(pl.lit(ONLY_LEFT)).when(only_right).then(pl.lit(ONLY_RIGHT))
    return state.select(which.otherwise(pl.lit(BOTH)).alias("which")).to_series()


def _checked(frame: pl.DataFrame, side: str) -> pl.DataFrame:
    if frame.schema.get("station_id") != pl.String:
        raise CotejoError(
            f"The {side} count has no column station_id as text; a station's id is never a number."
        )
    if "contest" not in frame.columns:
        frame = frame.with_columns(pl.lit("").alias("contest"))
    if "counted" not in frame.columns:
        frame = frame.with_columns(pl.lit(True).alias("counted"))
    frame = frame.with_columns(pl.col("contest").cast(pl.String).fill_null(""))
    numbers = [name for name in (*option_columns(frame), *NUMBER_COLUMNS) if name in frame.columns]
    frame = frame.with_columns(pl.col(numbers).cast(pl.Int64))
    unique = frame.get_column("station_id").n_unique() == frame.height  # quick, and mostly so
    repeated = pl.Series([False]) if unique else frame.select(pl.struct(_KEY).is_duplicated()).to_series()
    if repeated.any():
        station, contest = frame.filter(repeated).select(*_KEY).sort(*_KEY).row(0)
        where = f"{station} (contest {contest})" if contest else str(station)
        raise CotejoError(f"The {side} count names station {where} more than once; keep one row for each.")
    least = frame.select(pl.col(numbers).min()).row(0, named=True) if numbers else {}
    for name, value in least.items():
        if value is not None and value < 0:
            station = frame.filter(pl.col(name) < 0).item(0, "station_id")
            raise CotejoError(
                f"The {side} count has a negative number in {name} at station {station}; correct it."
            )
    return frame


def _same_contest(left: pl.DataFrame, right: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """If one side names its only contest and the other does not, give the name to both."""
    names = [set(side.get_column("contest").unique()) for side in (left, right)]
    for mine, theirs in ((0, 1), (1, 0)):
        if names[mine] == {""} and "" not in names[theirs] and names[theirs]:
            if len(names[theirs]) > 1:
                sides = ("left", "right")
                raise CotejoError(
                    f"The {sides[theirs]} count has {len(names[theirs])} contests and the {sides[mine]} one does not "
                    "say which it is; compare one contest at a time."
                )
            name = pl.lit(names[theirs].pop()).alias("contest")
            if mine == 0:
                return left.with_columns(name), right
            return left, right.with_columns(name)
    return left, right


def _options(
    left: pl.DataFrame, right: pl.DataFrame
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]], dict[str, str]]:
    """(the common options, `Pairs.one_sided`, why the others are not compared)."""
    ours, theirs = option_columns(left), option_columns(right)
    both = tuple(name for name in ours if name in theirs)
    if not both:
        raise CotejoError(
            f"The two counts have no option in common: left has {', '.join(ours) or 'none'}, "
            f"right has {', '.join(theirs) or 'none'}; check that they are of the same contest."
        )
    one_sided: dict[str, tuple[str, ...]] = {}
    reasons = {}
    for side, frame, names in (("left", left, ours), ("right", right, theirs)):
        for name in names:
            if name not in both:
                reasons[name] = f"an option of the {side} side only"
                for contest in frame.filter(pl.col(name).is_not_null()).get_column("contest").unique().sort():
                    one_sided[contest] = (*one_sided.get(contest, ()), name)
    return both, one_sided, reasons


def _absent(left: pl.DataFrame, right: pl.DataFrame, name: str) -> str | None:
    """Why a number cannot be compared. A column without any number is a column that the document does not have."""
    sides = [
        side
        for side, frame in (("left", left), ("right", right))
        if name not in frame.columns or frame.get_column(name).null_count() == frame.height
    ]
    return f"absent on the {' and the '.join(sides)}" if sides else None


def _column(frame: pl.DataFrame, name: str, at: pl.Series) -> pl.Series:
    if name not in frame.columns:
        return pl.repeat(None, at.len(), dtype=pl.Int64, eager=True).alias(name)
    return frame.get_column(name).gather(at)
