"""Station ids that lost their leading zeros on the way: 000123 in one file, 123 in the other.

A station's id is a text, and 0101 is another station than 101. But a spreadsheet that took ids for numbers must not make every
station look missing. Ids are given their zeros back only where nothing is guessed: on one side no id begins with a zero, on
the other some do, and without zeros all ids of each side stay different.
"""

from __future__ import annotations

from typing import Any

import polars as pl


def with_zeros(
    left: pl.DataFrame, right: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, Any] | None]:
    """Give the side that lost its zeros the other side's ids.

    Returns
    -------
    tuple
        Both frames, and what was done: ``side``, ``stations`` (how many ids changed), ``example`` (before, after) and
        ``sentence``; None if nothing was.
    """
    ids = [side.get_column("station_id").unique() for side in (left, right)]
    zeros = [bool(own.str.starts_with("0").any()) for own in ids]
    if zeros[0] == zeros[1]:
        return left, right, None
    lost = zeros.index(False)
    bare = [pl.DataFrame({"id": own, "bare": own.str.strip_chars_start("0")}) for own in ids]
    if any(frame["bare"].n_unique() != frame.height for frame in bare):
        return left, right, None
    back = (
        bare[lost]
        .join(bare[1 - lost].rename({"id": "whole"}), on="bare", how="inner")
        .filter(pl.col("id") != pl.col("whole"))
        .sort("whole")
    )
    if back.is_empty():
        return left, right, None
    names = dict(back.select("id", "whole").iter_rows())
    sides = [left, right]
    sides[lost] = sides[lost].with_columns(pl.col("station_id").replace(names))
    side, first = ("left", "right")[lost], back.row(0, named=True)
    told = {
        "side": side,
        "stations": back.height,
        "example": [first["id"], first["whole"]],
        "sentence": (
            f"{back.height} station ids of the {side} side lost their leading zeros and were joined as numbers "
            f"({first['id']!r} as {first['whole']!r}); export that file again with ids as text"
        ),
    }
    return sides[0], sides[1], told
