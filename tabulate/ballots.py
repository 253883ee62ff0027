"""What two counts leave open: the votes that a contest may have, per option and by why a station is open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ocr.errors import CotejoError
from tabulate.pairs import BOTH, ONLY_LEFT, Counts, Pairs

NOT_COUNTED, EMPTY, MISSING_RIGHT, NOT_COUNTED_LEFT, MISSING_LEFT = (
    "not_counted",
    "counted_empty",
    "missing_right",
    "not_counted_left",
    "missing_left",
)
KINDS = (NOT_COUNTED, EMPTY, MISSING_RIGHT, NOT_COUNTED_LEFT, MISSING_LEFT)
"""Why a station is open: the right side shows its votes and does not count them; counts it without any number of votes; has no
numbers there; the left shows its votes and does not count them; has none, or not all."""


@dataclass(frozen=True, eq=False)
class Ballots:
    """One contest: votes per option (arrays of the options' length), and what is open.

    Attributes
    ----------
    stands
        As the right side has it, counted rows.
    low, high
        Lowest and highest over the stations with both numbers.
    alone_low, alone_high
        The same, plus the open stations as the right side has them.
    kinds
        The open stations, by `KINDS`.
    differing
        Stations with different votes.
    """

    options: tuple[str, ...]
    stands: Counts
    low: Counts
    high: Counts
    alone_low: Counts
    alone_high: Counts
    kinds: dict[str, Kind]
    differing: int
    assumed: int | None  # voters taken for a station without a known number

    @property
    def open(self) -> int:
        """Open stations."""
        return sum(kind.stations for kind in self.kinds.values())

    @property
    def voters(self) -> int:
        """Who may vote for anybody there."""
        return sum(kind.voters for kind in self.kinds.values())

    @property
    def unbounded(self) -> int:
        """Open stations without a number of voters, known or assumed."""
        return 0 if self.assumed else sum(kind.unbounded for kind in self.kinds.values())


@dataclass(frozen=True, eq=False)
class Kind:
    """Open stations of one kind: `tabulate.outcome.Open` before it is judged."""

    stations: int
    voters: int
    unbounded: int
    reported: Counts
    written: Counts


def register_frame(register: pl.DataFrame) -> pl.DataFrame:
    """The columns of a register that count here; CotejoError where they are not there."""
    if register.schema.get("station_id") != pl.String or "registered" not in register.columns:
        raise CotejoError("The register needs the columns station_id (text) and registered.")
    keys = ["station_id", *(["contest"] if "contest" in register.columns else [])]
    return register.select(*keys, pl.col("registered").cast(pl.Int64)).unique(
        keys, keep="first", maintain_order=True
    )


def ballots_of(
    pairs: Pairs, contest: str, at: pl.Series, register: pl.DataFrame | None, most_voters: int | None
) -> Ballots:
    """What is open in the contest whose rows in `pairs` are `at`; `register` is a `register_frame`."""
    options = pairs.options_of(at) or pairs.options
    sides = [
        side.select(options).rename(tag.__add__) for side, tag in ((pairs.left, "l:"), (pairs.right, "r:"))
    ]
    flags = pl.DataFrame(
        [
            pairs.mask(BOTH).alias("both"),
            pairs.counted_right.alias("counted"),
            pairs.listed_right.alias("listed"),
            (pairs.keys.get_column("which") == ONLY_LEFT).alias("nothing"),
            (pairs.counted_left & pairs.counted_right & ~pairs.unknown).alias("heard"),
            (pairs.listed_left & ~pairs.counted_left).alias("held"),
        ]
    )
    rows = pl.concat([*sides, flags], how="horizontal").select(pl.all().gather(at))
    ours, theirs = [pl.col(f"l:{name}") for name in options], [pl.col(f"r:{name}") for name in options]
    # An option without a number on either side, or none on one and 0 on the other, has no votes there that could be
    # argued about; but no number on one side against votes on the other says that we do not know them.
    agrees = [
        (a.is_not_null() & b.is_not_null()) | (pl.max_horizontal(a, b).fill_null(0) == 0)
        for a, b in zip(ours, theirs, strict=True)
    ]
    some = [pl.any_horizontal(vote.is_not_null() for vote in side) for side in (ours, theirs)]
    known = pl.all_horizontal("both", "heard", *some, *agrees)
    written = pl.max_horizontal(pl.sum_horizontal(ours), pl.sum_horizontal(theirs))
    rows = rows.with_columns(
        known.alias("known"),
        written.fill_null(0).alias("written"),
        _voters(pairs, at, register).alias("voters"),
    )
    shut, open_ = rows.filter("known"), rows.filter(~pl.col("known"))
    pairs_of = list(zip(ours, theirs, strict=True))
    low, high, stands = (
        _sums(shut, votes)
        for votes in (
            [pl.min_horizontal(pair_) for pair_ in pairs_of],
            [pl.max_horizontal(pair_) for pair_ in pairs_of],
            theirs,
        )
    )
    kinds = _by_kind(open_, ours, theirs, most_voters)
    silent, more = kinds[MISSING_RIGHT], _unheard(pairs, contest, register, most_voters)
    kinds[MISSING_RIGHT] = Kind(
        silent.stations + more[0],
        silent.voters + more[1],
        silent.unbounded + more[2],
        silent.reported,
        silent.written,
    )
    reported = sum((kind.reported for kind in kinds.values()), np.zeros(len(options), dtype=np.int64))
    return Ballots(
        options=options,
        stands=stands + reported,
        low=low,
        high=high,
        alone_low=low + reported,
        alone_high=high + reported,
        kinds=kinds,
        differing=shut.filter(
            pl.any_horizontal(a.fill_null(0) != b.fill_null(0) for a, b in pairs_of)
        ).height,
        assumed=most_voters,
    )


def _by_kind(
    open_: pl.DataFrame, ours: list[pl.Expr], theirs: list[pl.Expr], most_voters: int | None
) -> dict[str, Kind]:
    """The open stations, by why they are open."""
    silent = pl.col("nothing") | ~pl.any_horizontal(vote.is_not_null() for vote in theirs)
    kind = (
        pl.when(silent & pl.col("listed") & pl.col("counted")).then(pl.lit(EMPTY))
        .when(silent).then(pl.lit(MISSING_RIGHT))
        .when(pl.col("listed") & ~pl.col("counted")).then(pl.lit(NOT_COUNTED))
        .when(pl.col("held") & pl.any_horizontal(vote.is_not_null() for vote in ours)).then(pl.lit(NOT_COUNTED_LEFT))
        .otherwise(pl.lit(MISSING_LEFT))
    )  # fmt: skip
    rows = open_.with_columns(kind.alias("kind"))
    found = {}
    for name in KINDS:
        mine = rows.filter(pl.col("kind") == name)
        unknown = pl.col("voters") <= 0
        voters = pl.when(unknown).then(pl.lit(most_voters or 0)).otherwise("voters")
        found[name] = Kind(
            stations=mine.height,
            voters=int(mine.select(pl.max_horizontal(voters, "written").sum()).item() or 0),
            unbounded=int(mine.select(unknown.sum()).item()),
            reported=_sums(mine.filter("counted"), theirs),
            written=_sums(mine.filter(~pl.col("counted")), theirs),
        )
    return found


def _sums(frame: pl.DataFrame, votes: list[pl.Expr]) -> Counts:
    return np.array([frame.select(vote.sum()).item() or 0 for vote in votes], dtype=np.int64)


def _voters(pairs: Pairs, at: pl.Series, register: pl.DataFrame | None) -> pl.Series:
    """Registered voters of each row, 0 if unknown."""
    own = pairs.registered.gather(at).fill_null(0)
    if register is None:
        return own
    keys = [name for name in ("station_id", "contest") if name in register.columns]
    rows = pairs.keys.select(pl.col(keys).gather(at)).with_columns(own.alias("own"))
    listed = rows.join(register, on=keys, how="left", maintain_order="left")
    return listed.select(pl.max_horizontal("own", "registered").alias("voters")).to_series()


def _unheard(
    pairs: Pairs, contest: str, register: pl.DataFrame | None, most_voters: int | None
) -> tuple[int, int, int]:
    """Stations of the register that neither side has: how many, their voters, how many without a known number."""
    if register is None:
        return 0, 0, 0
    mine = register.filter(pl.col("contest") == contest) if "contest" in register.columns else register
    here = pairs.keys.filter(pl.col("contest") == contest)
    voters = mine.join(here, on="station_id", how="anti").get_column("registered").fill_null(0)
    unknown = int((voters <= 0).sum())
    known = int(voters.clip(lower_bound=0).sum())
    return voters.len(), known + unknown * (most_voters or 0), unknown
