"""The causes of every station of a comparison: what reproduces its difference, and whose numbers it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tabulate.causes import CAUSES, UNEXPLAINED, Sheets, find_causes
from tabulate.official import Status
from tabulate.pairs import BOTH, ONLY_LEFT, ONLY_RIGHT, Mask, Pairs, as_counts
from tabulate.twins import find_twins

_TWIN, _STATUS = CAUSES.index("wrong-station"), CAUSES.index("counted-against-status")
_BLANK = CAUSES.index("blank-as-zero")


@dataclass(frozen=True, eq=False)
class Explained:
    """What `explain` found.

    Attributes
    ----------
    causes
        For each row of the pairs its causes, in the order of `CAUSES`; ``unexplained`` alone if it differs and none fits.
    twins
        (station, contest) -> whose numbers stand there: ``side`` and the ``stations`` that have the same ones.
    left_to_chance
        Differing stations with the numbers of another one, but so that chance is a likely reason: not named.
    expected_by_chance
        How many stations chance alone should name: see `tabulate.twins`.
    """

    causes: pl.Series
    twins: dict[tuple[str, str], list[dict[str, object]]]
    left_to_chance: int
    expected_by_chance: float


def explain(pairs: Pairs, differs: pl.Series) -> Explained:
    """Find the causes of the rows that differ, of those that one side lacks, and of those counted against their status."""
    against = _against_status(pairs, differs)
    which = pairs.keys.get_column("which")
    rows = (differs | against | (which != BOTH)).arg_true()
    table = np.zeros((rows.len(), len(CAUSES)), dtype=np.bool_)
    chosen = rows.to_numpy()
    twins: dict[tuple[str, str], list[dict[str, object]]] = {}
    chance, expected = 0, 0.0
    judged = (differs & (which == BOTH)).to_numpy()
    for contest in pairs.keys.get_column("contest").unique().sort():
        at = pairs.rows_of(contest)
        here = at.filter(pl.Series(judged[at.to_numpy()]))
        if not here.len():
            continue
        options = pairs.options_of(at) or pairs.options
        parts = (*options, *pairs.parts[len(pairs.options) :])
        sides = [
            Sheets(as_counts(s, parts, here), as_counts(s, pairs.totals, here))
            for s in (pairs.left, pairs.right)
        ]
        found = find_causes(sides[0], sides[1], len(options), pairs.totals)
        left, right = (
            side.select(parts) if at.len() == side.height else side.select(pl.col(parts).gather(at))
            for side in (pairs.left, pairs.right)
        )
        where = np.searchsorted(at.to_numpy(), here.to_numpy())
        twin = find_twins(left, right, _present(pairs, at), where)
        votes = np.any(np.maximum(sides[0].parts, 0) != np.maximum(sides[1].parts, 0), axis=1)
        named = twin.named & votes & _totals_fit(sides, twin.of, at, here, pairs)
        found[:, _TWIN] = named
        table[np.searchsorted(chosen, here.to_numpy())] = found
        chance, expected = chance + int(twin.by_chance.sum()), expected + twin.expected
        ids = pairs.keys.get_column("station_id").gather(at)
        for row, same in twin.of.items():
            if named[np.searchsorted(here.to_numpy(), at[row])]:
                twins[(ids[row], contest)] = [
                    {"side": side, "stations": [ids[r] for r in others]} for side, others in same
                ]
    for word, side, cause in (
        (ONLY_LEFT, pairs.left, "missing-right"),
        (ONLY_RIGHT, pairs.right, "missing-left"),
    ):
        one_sided = (which.gather(rows) == word).to_numpy()
        table[one_sided, CAUSES.index(cause)] = True
        # Zeros on one side and an empty row on the other: nothing was read as zero there.
        zero = side.select(pl.sum_horizontal(pl.all().fill_null(0)) == 0).to_series().gather(rows).to_numpy()
        listed = (pairs.listed_left & pairs.listed_right).gather(rows).to_numpy()
        table[one_sided & zero & listed, _BLANK] = True
    for pending, cause in zip(_pending(pairs), ("missing-left", "missing-right"), strict=True):
        table[:, CAUSES.index(cause)] |= pending.gather(rows).to_numpy()
    table[:, _STATUS] = against.gather(rows).to_numpy()
    every = pl.DataFrame({"at": pl.int_range(pairs.keys.height, dtype=pl.UInt32, eager=True)})
    causes = every.join(_named(rows, table), on="at", how="left", maintain_order="left").get_column("causes")
    none = pl.lit([], pl.List(pl.String))
    causes = pl.DataFrame([causes]).select(pl.col("causes").fill_null(none)).to_series()
    return Explained(causes, twins, chance, expected)


def _named(rows: pl.Series, table: Mask) -> pl.DataFrame:
    """``at`` and each row's causes by name."""
    codes = table @ (1 << np.arange(len(CAUSES), dtype=np.int64))
    known = [int(code) for code in np.unique(codes)]
    names = [[n for bit, n in enumerate(CAUSES) if code >> bit & 1] or [UNEXPLAINED] for code in known]
    meaning = pl.DataFrame(
        {"code": known, "causes": names}, schema={"code": pl.Int64, "causes": pl.List(pl.String)}
    )
    coded = pl.DataFrame({"at": rows.cast(pl.UInt32), "code": codes}, schema_overrides={"code": pl.Int64})
    return coded.join(meaning, on="code", how="left", maintain_order="left").drop("code")


def with_status(counts: pl.DataFrame, catalogue: Mapping[str, Status]) -> pl.DataFrame:
    """The counts with the column ``voided``: whether the authority's word says that the acta is not counted."""
    if "status" not in counts.columns:
        return counts
    out = [term for term, status in catalogue.items() if status.counted is False]
    word = pl.col("status").cast(pl.String).str.strip_chars().str.to_lowercase()
    return counts.with_columns(word.is_in(out).fill_null(False).alias("voided"))


def _present(pairs: Pairs, at: pl.Series) -> tuple[Mask, Mask]:
    which = pairs.keys.get_column("which").gather(at)
    return (which != ONLY_RIGHT).to_numpy(), (which != ONLY_LEFT).to_numpy()


def _totals_fit(
    sides: list[Sheets],
    of: Mapping[int, list[tuple[str, list[int]]]],
    at: pl.Series,
    here: pl.Series,
    pairs: Pairs,
) -> Mask:
    """Whether the totals are those of the other station as well, or stayed: else the numbers are not its acta."""
    fits = np.zeros(here.len(), dtype=np.bool_)
    positions: NDArray[np.int64] = here.to_numpy()
    if not pairs.totals:
        fits[:] = True
        return fits
    totals = [as_counts(s, pairs.totals, at) for s in (pairs.left, pairs.right)] if of else []
    for row, same in of.items():
        number = int(np.searchsorted(positions, at[row]))
        ours, theirs = sides[0].totals[number], sides[1].totals[number]
        for _, others in same:
            for other in others:
                for total in totals:
                    fits[number] |= bool(
                        np.all((ours == theirs) | (theirs == total[other]) | (ours == total[other]))
                    )
    return fits


def _against_status(pairs: Pairs, differs: pl.Series) -> pl.Series:
    """Where an acta is counted, or votes appeared on the right, though its status there says that it is not counted."""
    votes = _votes(pairs)
    appeared = (differs | (pairs.keys.get_column("which") != BOTH)) & (votes[1] > 0) & (votes[0] == 0)
    return (pairs.voided_left & pairs.counted_left) | (
        pairs.voided_right & (pairs.counted_right | (pairs.listed_left & appeared))
    )


def _pending(pairs: Pairs) -> tuple[pl.Series, pl.Series]:
    """Where a side shows an acta that it does not count, without a vote, and the other has votes: it has none yet.

    The other may have null votes alone: so do annulled actas in Peru.
    """
    left, right = _votes(pairs)
    all_left, all_right = _votes(pairs, pairs.parts)
    return (
        pairs.listed_left
        & ~pairs.counted_left
        & (((left == 0) & (right > 0)) | ((all_left == 0) & (all_right > 0))),
        pairs.listed_right
        & ~pairs.counted_right
        & (((right == 0) & (left > 0)) | ((all_right == 0) & (all_left > 0))),
    )


def _votes(pairs: Pairs, parts: tuple[str, ...] = ()) -> tuple[pl.Series, pl.Series]:
    """Votes for the options of each row (or in these parts), nothing as 0."""
    left, right = (
        side.select(pl.sum_horizontal(pl.col(parts or pairs.options).fill_null(0))).to_series()
        for side in (pairs.left, pairs.right)
    )
    return left, right
