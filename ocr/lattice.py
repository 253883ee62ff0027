"""One row of boxes: from class probabilities per box to the numbers that may stand there.

A row is written from left to right. Leading boxes that are empty or carry a mark (X, dash, dot) count as zeros, so
``__7``, ``xx7``, ``007`` and ``.07`` are all 7, and ``xxx`` is 0. A row with nothing in it at all is not a number.
An empty or marked box *after* a digit is an odd filling: ``7__`` may be a 7 pushed to the left or a 700, and only
a person can tell; both meanings get half of a small prior. Behind a crossed-out box any digit may stand.

Beforehand every regular way to fill the row is taken as equally likely. There are three ways to write a leading zero, so
small numbers weigh somewhat more than under a uniform prior on values: between uniform and log-uniform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BLANK, MARK, CROSSED = 10, 11, 12
CLASSES = 13
CHARACTERS = "0123456789_x#"
_EXACT = 4  # rows of so many boxes are exact; in longer ones (station numbers) the best _BEAM beginnings are followed
_BEAM = 500


@dataclass(frozen=True, slots=True)
class Row:
    """What one row of boxes says by itself.

    Attributes
    ----------
    values : int64[k]
        Candidate numbers, ascending; 0 is always among them.
    weights : float64[k]
        Probability of each. ``weights.sum() + blank + other == 1``.
    odd, crossed : float64[k]
        Share of each weight that comes from odd fillings, and from regular ones with a crossed-out box.
    blank : float
        Probability that nothing is written.
    other : float
        Probability of all numbers that are not candidates.
    size : int
        How many numbers the boxes can hold: 10 to the number of boxes.
    """

    values: Ints
    weights: Floats
    odd: Floats
    crossed: Floats
    blank: float
    other: float
    size: int

    def probability(self, value: int | None) -> float:
        """Probability of a number, or of a blank row for None; 0 for a number that is no candidate."""
        if value is None:
            return self.blank
        i = int(np.searchsorted(self.values, value))
        return float(self.weights[i]) if i < self.values.size and self.values[i] == value else 0.0


def soften(
    probabilities: npt.ArrayLike,
    noise: float,
    class_prior: npt.ArrayLike | None = None,
    temperature: float = 1.0,
) -> Floats:
    """Network posteriors -> likelihoods per box, up to a factor: tempered, divided by the prior of training, with a floor.

    Parameters
    ----------
    probabilities : float[n, 13]
        Posterior of each class for each box.
    noise : float
        Share of a flat distribution mixed in: the network is wrong now and then however sure it is.
    class_prior : float[13], optional
        Class frequencies the network was trained with; flat if None.
    temperature : float
        Above 1 the network is believed less than it believes itself.

    Raises
    ------
    ValueError
        If the shape is not (n, 13), or a row is negative, not finite, or sums to 0.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[0] == 0 or p.shape[1] != CLASSES:
        raise ValueError(f"box probabilities have the shape {p.shape}; expected (boxes, {CLASSES})")
    total = p.sum(axis=1, keepdims=True)
    if not np.isfinite(p).all() or (p < 0).any() or (total <= 0).any():
        raise ValueError("box probabilities must be finite, not negative, and not all zero in a box")
    p = (p / total) ** (1 / temperature)
    if class_prior is not None:
        p = p / np.asarray(class_prior, dtype=np.float64)
    out: Floats = (1 - noise) * p / p.sum(axis=1, keepdims=True) + noise / CLASSES
    return out


def regular(boxes: Floats, filler: npt.ArrayLike) -> tuple[float, float]:
    """Weight of all regular ways to fill a row, given how boxes before the number are filled.

    Parameters
    ----------
    boxes : float64[n, 13]
    filler : (float, float, float)
        Prior weight of a zero, an empty box and a mark before the number, as in `read_row`.

    Returns
    -------
    tuple of float
        Of the rows with something written, and of the empty row.
    """
    zero, blank, mark = (float(w) for w in np.asarray(filler, dtype=np.float64))
    last = len(boxes) - 1
    empty = void = 1.0  # nothing written so far: weighed as a beginning, and as a row left out
    marked = noughts = number = 0.0  # a mark; zeros before the number; within the number
    for i, q in enumerate(boxes.tolist()):
        any_digit = sum(q[:10]) + q[CROSSED]
        nought = q[0] + q[CROSSED] / 10 if i < last else 0.0
        before = empty + marked + noughts
        number = number * any_digit + before * (any_digit - nought)
        noughts = before * nought * zero
        marked = marked * (blank * q[BLANK] + mark * q[MARK]) + empty * mark * q[MARK]
        empty *= blank * q[BLANK]
        void *= q[BLANK]
    return number + marked, void


def read_row(
    boxes: Floats,
    *,
    odd_prior: float,
    filler: npt.ArrayLike = (1.0, 1.0, 1.0),
    maximum: int | None = None,
    over_maximum: float = 1.0,
    keep: float = 1e-6,
    cap: int = 512,
) -> Row:
    """Likelihoods per box (`soften`) -> distribution over the numbers a row may hold.

    Parameters
    ----------
    boxes : float64[n, 13]
    odd_prior : float
        Prior weight of an odd filling against a regular one.
    filler : (float, float, float)
        Prior weight of a zero, an empty box and a mark in a box before the number; a digit of the number has 1.
    maximum, over_maximum : int, float
        Numbers above `maximum` get this prior weight: improbable, but what is written is written.
    keep : float
        Candidates below this share of the best one are pooled in `Row.other`.
    cap : int
        At most so many candidates.

    Notes
    -----
    A forward pass over the boxes with one weight a value in each of three tables: `digits` after a first digit,
    `pushed` and `zeros` after an odd filling (empty boxes dropped; read as 0).
    """
    n = len(boxes)
    plain = boxes[:, :10]
    written = plain + boxes[:, [CROSSED]] / 10  # any digit may stand behind a crossed-out box
    values: Ints = np.zeros(1, dtype=np.int64)
    digits, pushed, zeros = np.zeros(1), np.zeros(1), np.zeros(1)
    empty, marked = 1.0, 0.0  # no digit so far: nothing but empty boxes; at least one mark
    void = float(np.prod(boxes[:, BLANK]))  # a row left out: no habit says anything about it
    first = np.empty(n)  # weight of starting with a digit in this box
    zero, blank, mark = (float(w) for w in np.asarray(filler, dtype=np.float64))
    for i, q in enumerate(boxes):
        gap = float(q[BLANK] + q[MARK])
        first[i] = empty + marked
        grid, stay = _extend(values)
        held, odd_start = values.size, odd_prior / 2 * gap * digits
        digits, new_pushed, new_zeros = (_append(t, written[i], grid.size) for t in (digits, pushed, zeros))
        new_pushed[stay] += gap * pushed + odd_start
        new_zeros[: held * 10 : 10] += gap * zeros + odd_start
        digits[:10] += first[i] * written[i]
        if i < n - 1:
            digits[0] *= zero
        marked = marked * (blank * float(q[BLANK]) + mark * float(q[MARK])) + empty * mark * float(q[MARK])
        empty *= blank * float(q[BLANK])
        values, (digits, pushed, zeros) = _tidy(
            grid, (digits, new_pushed, new_zeros), 10**n if n <= _EXACT else _BEAM
        )

    digits[0] += marked
    odd = pushed + zeros
    if maximum is not None:
        scale = np.where(values > maximum, over_maximum, 1.0)
        digits, odd = digits * scale, odd * scale
    weights = digits + odd
    total = float(weights.sum()) + void
    chosen = weights >= keep * max(float(weights.max()), 1e-300)
    if int(chosen.sum()) > cap:
        chosen = np.zeros_like(chosen)
        chosen[np.argsort(-weights, kind="stable")[:cap]] = True
    chosen[0] = True  # values[0] is 0: a blank row may stand for it
    other = float(weights[~chosen].sum()) / total
    values, weights, odd, digits = values[chosen], weights[chosen], odd[chosen], digits[chosen]
    clean = _without_crossed(values, plain, first, marked, zero)
    if maximum is not None:
        clean = clean * scale[chosen]
    share = np.divide(1.0, weights, out=np.zeros_like(weights), where=weights > 0)
    return Row(
        values=values,
        weights=weights / total,
        odd=odd * share,
        crossed=np.clip((digits - clean) * share, 0.0, 1.0),
        blank=void / total,
        other=other,
        size=10**n,
    )


def spell(boxes: Floats, value: int | None, odd: bool) -> str:
    """One character a box: the most probable way in which this row shows `value` (see `FieldReading.raw`).

    None gives what is seen box by box, with ``?`` where no class has half of the probability.
    """
    best = boxes.argmax(axis=1)
    if value is None:
        return "".join(CHARACTERS[c] if q[c] >= 0.5 else "?" for q, c in zip(boxes, best, strict=True))
    if odd:
        return "".join(CHARACTERS[c] for c in best)
    text = str(value).rjust(len(boxes)) if value else " " * len(boxes)
    out: list[str] = []
    for q, character in zip(boxes, text, strict=True):
        allowed = [int(character)] if character != " " else [0, BLANK, MARK]
        if out and out[-1] in "0#" and character == " ":
            allowed = [0]  # after a written zero only digits are regular
        scores = {CHARACTERS[c]: float(q[c]) for c in allowed} | {"#": float(q[CROSSED]) / 10}
        out.append(max(scores, key=lambda c: scores[c]))
    if set(out) == {"_"}:  # a 0 needs something written: the likeliest zero or mark
        i = int(boxes[:, [0, MARK]].max(axis=1).argmax())
        out[i] = "0" if boxes[i, 0] >= boxes[i, MARK] else "x"
        if out[i] == "0" and i < len(out) - 1:
            out[-1] = out[i]
            out[i] = "_"
    return "".join(out)


def _without_crossed(values: Ints, plain: Floats, first: Floats, marked: float, zero: float) -> Floats:
    """Weight of the regular rows without a crossed-out box, for each value."""
    n = len(plain)
    shown = values[:, None] // 10 ** np.arange(n - 1, -1, -1) % 10  # zero-padded digits
    each = plain[np.arange(n), shown]
    each[:, :-1] *= np.where(np.cumsum(shown, axis=1) == 0, zero, 1.0)[:, :-1]
    tail = np.cumprod(each[:, ::-1], axis=1)[:, ::-1]  # from each box to the end
    started = np.cumsum(shown, axis=1) - shown > 0  # a box before this one has a digit other than 0
    out: Floats = (np.where(started, 0.0, first) * tail).sum(axis=1)
    out[values == 0] += marked
    return out


def _append(table: Floats, written: Floats, size: int) -> Floats:
    """The weights of ten times as many values, one digit longer."""
    out = np.zeros(size)
    np.outer(table, written, out=out[: table.size * 10].reshape(-1, 10))
    return out


def _extend(values: Ints) -> tuple[Ints, Ints | slice]:
    """All values with one digit more (first), and where the values as they are stand in that list."""
    grid = (values[:, None] * 10 + np.arange(10)).ravel()
    if grid[-1] == grid.size - 1:  # every value is there: each stands at its own index
        return grid, slice(0, values.size)
    known = np.isin(values, grid)
    place = np.empty(values.size, dtype=np.int64)
    place[known] = np.searchsorted(grid, values[known])
    place[~known] = grid.size + np.arange((~known).sum())
    return np.concatenate([grid, values[~known]]), place


def _tidy(values: Ints, tables: tuple[Floats, ...], most: int) -> tuple[Ints, tuple[Floats, ...]]:
    """Ascending values; only the best `most`, and always 0."""
    if values.size <= most and values[-1] == values.size - 1:
        return values, tables
    chosen = np.arange(values.size)
    if values.size > most:
        weight = sum(tables, start=np.zeros(values.size))
        weight[0] = np.inf
        chosen = np.argsort(-weight, kind="stable")[:most]
    chosen = chosen[np.argsort(values[chosen], kind="stable")]
    return values[chosen], tuple(t[chosen] for t in tables)
