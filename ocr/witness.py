"""What a second witness says about a number, and how it is weighed against the boxes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ocr.lattice import Floats, Row


@dataclass(frozen=True, slots=True)
class Witness:
    """Likelihoods, up to a factor, of what was seen beside a row of boxes.

    Attributes
    ----------
    numbers : float64[k]
        If the number is 0 .. k - 1.
    other : float
        If it is any larger number.
    blank : float
        If nothing is written in the row.
    clear : int or None
        The number that the witness says beyond doubt, if it does.
    """

    numbers: Floats
    other: float
    blank: float
    clear: int | None


def weigh(row: Row, witness: Witness | None) -> Row:
    """The row as its boxes and the witness say together; the same candidates, the same order."""
    if witness is None:
        return row
    told = np.full(row.values.size, witness.other)
    small = row.values < witness.numbers.size
    told[small] = witness.numbers[row.values[small]]
    weights = row.weights * told
    blank = row.blank * witness.blank
    # Numbers that the boxes all but exclude: what the witness says of them on average.
    rest = row.other * float(witness.numbers.mean())
    total = float(weights.sum()) + blank + rest
    if not total > 0:
        return row
    return replace(row, weights=weights / total, blank=blank / total, other=rest / total)
