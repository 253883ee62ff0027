"""What kind of slip turns one acta's numbers into another's.

A cause is named only if it reproduces the difference exactly, to the last vote. Several may do so, and then all of them are
named: 12 against 21 in one row is nothing but exchanged digits, but 10 | 0 against 0 | 10 is two options exchanged, and a
value one row off as well. A difference that none reproduces is ``unexplained``, which says nothing about it except that. No
cause is a proof of how the difference arose.

`find_causes` looks at one station at a time. ``wrong-station`` needs all stations (`tabulate.twins`) and
``counted-against-status`` the authority's word (`tabulate.compare`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tabulate.pairs import MISSING, Counts, Mask

MEANINGS = {
    "transposed-digits": "one number differs, and two of its digits changed places (141 and 114; 5 and 50 as 05 and 50)",
    "one-digit": "one number differs, and in one digit (141 and 147; 41 and 141 as 041 and 141)",
    "swapped-options": "two options carry each other's votes",
    "shifted-column": (
        "a run of numbers stands one row too low or too high: a row was left empty, left out or skipped, or all of them "
        "moved round"
    ),
    "only-total": "the parts agree, a total does not",
    "blank-as-zero": "where one side has nothing the other has 0, and nothing else differs",
    "wrong-station": (
        "the numbers are those of another station, which is named; only where that is no likely coincidence"
    ),
    "counted-against-status": (
        "the acta is counted, or votes appeared on the right, though the authority's own status there says that it is not "
        "counted"
    ),
    "missing-left": "where the numbers differ, the left side has none; or it shows an acta without votes and does not count it",
    "missing-right": "where the numbers differ, the right side has none; or it shows an acta without votes and does not count it",
}
"""Every cause and what it says, as in docs/comparison.md."""
CAUSES = tuple(MEANINGS)
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
        The two sides of the differing stations of one contest.
    n_options
        How many of the parts are options.
    totals
        The totals' names: ``valid`` is the sum of the options, every other one the sum of all parts.

    Returns
    -------
    numpy.ndarray
        Shape (stations, len(CAUSES)); the columns of ``wrong-station`` and ``counted-against-status`` are False.

    Notes
    -----
    In the first four a total may stay, follow its parts, be the right side's own sum (authorities add up themselves) or be
    absent on a side; any other total leaves them out. Nothing on one side and 0 on the other is no different vote: such
    cells are left aside while the others are explained. Two slips on one acta are none of these.
    """
    ours, theirs = left.parts, right.parts
    before, after = np.maximum(ours, 0), np.maximum(theirs, 0)
    differs = before != after
    n = differs.sum(axis=1)
    written = np.all(~differs | ((ours != MISSING) & (theirs != MISSING)), axis=1)
    follow = _totals_follow(left, right, n_options, totals)

    one = (n == 1) & written & follow
    at = differs.argmax(axis=1)[:, None]
    transposed, digit = _digits(np.take_along_axis(before, at, 1), np.take_along_axis(after, at, 1))

    every_left, every_right = np.hstack(left), np.hstack(right)
    every = every_left != every_right
    some = every.any(axis=1)
    none_left, none_right = every_left == MISSING, every_right == MISSING
    blank = (none_left & (every_right == 0)) | (none_right & (every_left == 0))
    lacking = np.all(~every | none_left | none_right, axis=1)
    numbers = (left.totals != MISSING) & (right.totals != MISSING)
    wrong_total = np.any(numbers & (left.totals != right.totals), axis=1)
    found = {
        "transposed-digits": one & transposed,
        "one-digit": one & digit,
        "swapped-options": _swapped(before, after, differs, n_options) & follow,
        "shifted-column": shifted(before, after, n_options)
        & follow
        & np.where(n > 1, True, written & (n == 1)),
        "only-total": (n == 0) & wrong_total,
        "blank-as-zero": np.all(~every | blank, axis=1) & some,
        "missing-left": lacking & np.any(every & none_left & ~blank, axis=1),
        "missing-right": lacking & np.any(every & none_right & ~blank, axis=1),
    }
    never = np.zeros(len(ours), dtype=np.bool_)
    return np.column_stack([found.get(name, never) for name in CAUSES])


def shifted(left: Counts, right: Counts, n_options: int) -> Mask:
    """Whether one side is the other with a run of numbers moved by one row.

    Parameters
    ----------
    left, right
        Shape (stations, parts), nothing as 0.
    n_options
        The run may end with the last option or with the last part.
    """
    found = np.zeros(len(left), dtype=np.bool_)
    for width in {n_options, left.shape[1]}:
        rest = np.all(left[:, width:] == right[:, width:], axis=1)
        ours, theirs = left[:, :width], right[:, :width]
        moved = _moved_down(ours, theirs) | _moved_down(theirs, ours)
        moved |= _moved_up(ours, theirs) | _moved_up(theirs, ours)
        found |= rest & moved
    return found


def _moved_down(left: Counts, right: Counts) -> Mask:
    """A row was left empty and what follows slipped down, until an empty row took it up or the last one fell off.

    Or all of them moved down and the last one stands first.
    """
    if left.shape[1] < 2:
        return np.zeros(len(left), dtype=np.bool_)
    first, last = _run(left, right)
    rows, columns = np.arange(len(left)), np.arange(left.shape[1])
    inside = (columns > first[:, None]) & (columns <= last[:, None])
    above = np.roll(left, 1, axis=1)
    moved = np.all(~inside | (right == above), axis=1)
    taken_up = (left[rows, last] == 0) | _to_the_end(left, right, last)
    # Of two rows that would be an exchange.
    round_ = np.all(right == above, axis=1) & (left.shape[1] > 2)
    found: Mask = (moved & (right[rows, first] == 0) & taken_up) | round_
    return found


def _moved_up(left: Counts, right: Counts) -> Mask:
    """A row was skipped and all that follow stand one row higher; the last row is empty. Or all of them moved round."""
    if left.shape[1] < 2:
        return np.zeros(len(left), dtype=np.bool_)
    first, _ = _run(left, right)
    columns = np.arange(left.shape[1])
    below = np.roll(left, -1, axis=1)
    from_ = columns >= first[:, None]
    expected = below.copy()
    expected[:, -1] = 0
    moved = np.all(~from_ | (right == expected), axis=1)
    found: Mask = moved | (np.all(right == below, axis=1) & (left.shape[1] > 2))
    return found


def _run(left: Counts, right: Counts) -> tuple[Counts, Counts]:
    """The first and the last differing column of each row."""
    differs = left != right
    last = differs.shape[1] - 1 - differs[:, ::-1].argmax(axis=1)
    return differs.argmax(axis=1).astype(np.int64), last.astype(np.int64)


def _to_the_end(left: Counts, right: Counts, last: Counts) -> Mask:
    """Whether the run goes on to the last row: equal neighbours hide that they moved."""
    after = np.arange(1, left.shape[1]) > last[:, None]
    found: Mask = np.all(~after | (right[:, 1:] == left[:, :-1]), axis=1)
    return found


def _totals_follow(left: Sheets, right: Sheets, n_options: int, totals: tuple[str, ...]) -> Mask:
    """Whether every total that differs does so by what its parts differ, or is what the right side's parts add up to."""
    theirs_parts = np.maximum(right.parts, 0)
    change = theirs_parts - np.maximum(left.parts, 0)
    ok = np.ones(len(change), dtype=np.bool_)
    for column, name in enumerate(totals):
        ours, theirs = left.totals[:, column], right.totals[:, column]
        of = slice(n_options) if name == "valid" else slice(None)
        follows = (theirs - ours == change[:, of].sum(axis=1)) | (theirs == theirs_parts[:, of].sum(axis=1))
        ok &= (ours == theirs) | (ours == MISSING) | (theirs == MISSING) | follows
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
    first, last = _run(left, right)
    crossed = (left[rows, first] == right[rows, last]) & (left[rows, last] == right[rows, first])
    found: Mask = (differs.sum(axis=1) == 2) & (last < n_options) & crossed
    return found
