"""What kind of slip turns one acta's numbers into another's.

A cause is named only if it reproduces the difference exactly, to the last vote. Several may do so: 5 | 0 against 0 | 5
is two options exchanged and nothing else, but 12 against 21 in one row could be nothing but exchanged digits, while
05 against 50 is that as well. A difference that none reproduces is ``unexplained``, which says nothing about it except
that. No cause is a proof of how the difference arose.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tabulate.pairs import MISSING, Counts, Mask

CAUSES = (
    "transposed-digits",
    "one-digit",
    "swapped-options",
    "shifted-column",
    "only-total",
    "blank-as-zero",
    "missing-left",
    "missing-right",
)
UNEXPLAINED = "unexplained"
_DIGITS = 10


class Sheets(NamedTuple):
    """One side's numbers; `MISSING` where there is none.

    ``parts`` has the shape (stations, parts): the options in the order of the acta, then blank and null.
    ``totals`` has the shape (stations, totals).
    """

    parts: Counts
    totals: Counts


def find_causes(left: Sheets, right: Sheets, n_options: int, totals: tuple[str, ...]) -> Mask:
    """Which causes reproduce each difference exactly.

    Parameters
    ----------
    left, right
        The two sides of the differing stations.
    n_options
        How many of the parts are options.
    totals
        The totals' names: ``valid`` is the sum of the options, every other one the sum of all parts.

    Returns
    -------
    numpy.ndarray
        Shape (stations, len(CAUSES)).

    Notes
    -----
    transposed-digits
        One part differs, and two of its digits changed places (141 and 114; 5 and 50 as 05 and 50).
    one-digit
        One part differs, and in one digit (141 and 147; 41 and 141 as 041 and 141).
    swapped-options
        Two options carry each other's votes.
    shifted-column
        A run of parts moved by one place, at least two of them not zero.
    only-total
        The parts agree, a total does not.
    blank-as-zero
        Where one side has nothing the other has 0, and nothing else differs.
    missing-left, missing-right
        Nothing differs except that this side has no number where the other has one (not only zeros).

    In the first four a total may follow its parts; a total that differs by anything else leaves them out.
    """
    ours, theirs = left.parts, right.parts
    differs = ours != theirs
    totals_differ = left.totals != right.totals
    follow = _totals_follow(left, right, n_options, totals)
    whole = np.all(~differs | ((ours != MISSING) & (theirs != MISSING)), axis=1)
    n = differs.sum(axis=1)

    one = (n == 1) & whole & follow
    at = differs.argmax(axis=1)[:, None]
    transposed, digit = _digits(np.take_along_axis(ours, at, 1), np.take_along_axis(theirs, at, 1))

    every_left = np.hstack(left)
    every_right = np.hstack(right)
    every = np.hstack([differs, totals_differ])
    none_left, none_right = every_left == MISSING, every_right == MISSING
    blank = (none_left & (every_right == 0)) | (none_right & (every_left == 0))
    some = every.any(axis=1)
    as_zero = np.all(~every | blank, axis=1) & some
    down = _shifted(ours, theirs, differs)
    up = _shifted(ours[:, ::-1], theirs[:, ::-1], differs[:, ::-1])

    return np.column_stack(
        [
            one & transposed,
            one & digit,
            _swapped(ours, theirs, differs, n_options) & follow,
            (down | up) & follow,
            (n == 0) & some & ~np.any(every & (none_left | none_right), axis=1),
            as_zero,
            np.all(~every | none_left, axis=1) & some & ~as_zero,
            np.all(~every | none_right, axis=1) & some & ~as_zero,
        ]
    )


def _totals_follow(left: Sheets, right: Sheets, n_options: int, totals: tuple[str, ...]) -> Mask:
    """Whether every total that differs does so by what its parts differ."""
    change = np.maximum(right.parts, 0) - np.maximum(left.parts, 0)
    ok = np.ones(len(change), dtype=np.bool_)
    for column, name in enumerate(totals):
        ours, theirs = left.totals[:, column], right.totals[:, column]
        expected = change[:, :n_options].sum(axis=1) if name == "valid" else change.sum(axis=1)
        ok &= (ours == theirs) | ((ours != MISSING) & (theirs != MISSING) & (theirs - ours == expected))
    return ok


def _digits(left: Counts, right: Counts) -> tuple[Mask, Mask]:
    """(two digits changed places, one digit differs), with leading zeros as wide as the longer number."""
    powers = 10 ** np.arange(_DIGITS, dtype=np.int64)
    ours, theirs = left // powers % 10, right // powers % 10
    differs = ours != theirs
    n = differs.sum(axis=1)
    rows = np.arange(len(ours))
    low, high = differs.argmax(axis=1), _DIGITS - 1 - differs[:, ::-1].argmax(axis=1)
    exchanged = (ours[rows, low] == theirs[rows, high]) & (ours[rows, high] == theirs[rows, low])
    return (n == 2) & exchanged, n == 1


def _swapped(left: Counts, right: Counts, differs: Mask, n_options: int) -> Mask:
    rows = np.arange(len(left))
    first, last = _ends(differs)
    crossed = (left[rows, first] == right[rows, last]) & (left[rows, last] == right[rows, first])
    numbers = (left[rows, first] != MISSING) & (left[rows, last] != MISSING)
    found: Mask = (differs.sum(axis=1) == 2) & (last < n_options) & crossed & numbers
    return found


def _shifted(left: Counts, right: Counts, differs: Mask) -> Mask:
    """Whether the right side is the left one with a run moved one place on; the gap is 0 or empty."""
    n = left.shape[1]
    rows, columns = np.arange(len(left)), np.arange(n)
    first, last = _ends(differs)
    inside = (columns > first[:, None]) & (columns <= last[:, None])
    before = np.roll(left, 1, axis=1)
    moved = np.all(~inside | (right == before), axis=1)
    gap = right[rows, first] <= 0
    lost = (left[rows, last] <= 0) | (last == n - 1)
    found: Mask = moved & gap & lost & ((inside & (before > 0)).sum(axis=1) >= 2)
    return found


def _ends(differs: Mask) -> tuple[Counts, Counts]:
    """The first and the last differing column of each row."""
    last = differs.shape[1] - 1 - differs[:, ::-1].argmax(axis=1)
    return differs.argmax(axis=1).astype(np.int64), last.astype(np.int64)
