"""Exact inference over the numbers of a sheet and the sums between them (`ocr.sums` has the model).

Numbers and sums form a factor graph; on real forms it is a tree (forest), so messages between sums
through their shared numbers are exact. Within a sum, messages are exact convolutions over the running total: a row has few
candidates, so a convolution is a handful of shifted additions. The same code runs in two semirings: (+, x) for
probabilities and (max, x) for the single best sheet. A sum that would close a cycle is left out (`link_sums`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import maximum_filter1d

from ocr.lattice import Floats, Ints, Row
from ocr.sums import Link, Network

UNKNOWN = 100
"""What a number of votes that was left out would be lies below this (`python -m benchmarks.slips`)."""
_MANY = 24  # candidates from which on a transform is faster than shifted additions
_TIE = 1e-9  # relative nudge that makes the best sheet unique


@dataclass(frozen=True, slots=True)
class Term:
    """A number's weight within a sum, among 0 .. size - 1: single values and a flat part over 0 .. reach - 1."""

    values: Ints
    weights: Floats
    flat: float
    size: int
    reach: int

    def dense(self, best: bool) -> Floats:
        """The weight of every number."""
        out = np.zeros(self.size)
        out[: self.reach] = self.flat
        if best:
            out[self.values] = np.maximum(out[self.values], self.weights)
        else:
            out[self.values] += self.weights
        return out


@dataclass(frozen=True, slots=True)
class Message:
    """What the sums say about a number: at its candidates (`Term.values`), and the total (or best) over the numbers of its flat part."""

    at: Floats
    all: float


def reach(row: Row, small: bool) -> int:
    """Below which number lies what an empty row stands for: `UNKNOWN` if it is of a number that is `small`, else anything.

    Of a row that is hardly empty the flat part is what was left out of its candidates: that may be anything.
    """
    return min(UNKNOWN, row.size) if small and row.blank > row.other else row.size


def term(row: Row, blank_is_zero: float, *, small: bool = False, nudge: int | None = None) -> Term:
    """A row as its sums see it: numbers, and a blank row as an unknown number.

    For the search of the best sheet give a `nudge`, different for each row: it breaks ties, always in the same way.
    """
    weights = row.weights.copy()
    zero = row.blank * blank_is_zero
    rest = row.blank * (1 - blank_is_zero)
    far = reach(row, small)
    if nudge is not None:
        weights *= 1 + _TIE * np.random.default_rng(nudge).random(weights.size)
        weights[0] = max(weights[0], zero)
        return Term(row.values, weights, rest / far, row.size, far)
    weights[0] += zero
    return Term(row.values, weights, (rest + row.other) / far, row.size, far)


def only(row: Row, value: int | None, blank_is_zero: float, *, small: bool = False) -> Term:
    """The part of `term` in which the row shows this number (None: nothing)."""
    far = reach(row, small)
    if value is None:
        rest = row.blank * (1 - blank_is_zero) / far
        return Term(np.zeros(1, dtype=np.int64), np.array([row.blank * blank_is_zero]), rest, row.size, far)
    return Term(np.array([value], dtype=np.int64), np.array([row.probability(value)]), 0.0, row.size, far)


@dataclass(slots=True)
class Result:
    """Messages for every number in some sum; per sum the probability that it was written so that it holds."""

    messages: dict[str, Message] = field(default_factory=dict)
    holds: dict[str, float] = field(default_factory=dict)


class Sheet:
    """A network with the terms of one sheet put in.

    Parameters
    ----------
    network : Network
    terms : mapping of field name to Term
        For all of `Network.fields`.
    best : bool
        Look for the best sheet (max, x) instead of summing over all (+, x).
    """

    def __init__(self, network: Network, terms: Mapping[str, Term], best: bool = False) -> None:
        self.network, self.terms, self.best = network, terms, best
        self._totals: dict[
            tuple[int, int], list[Floats | None]
        ] = {}  # running totals of sides without shared numbers
        self._meant: dict[tuple[str, bool], Floats] = {}  # shared numbers as they were meant

    def weight(self, holding: bool = False) -> tuple[float, ...]:
        """Total weight per tree; with `holding`, of the sheets on which nothing was written wrongly."""
        out = []
        for tree in self.network.trees:
            to: dict[tuple[int, str], Floats] = {}
            for i, parent in reversed(tree):
                factor = self._factor(i, to, holding)
                if parent is None:
                    out.append(factor.weight())
                else:
                    to[i, parent] = factor.towards(parent)
        return tuple(out)

    def infer(self) -> Result:
        """Messages to every number, summed over everything else (or: the best of everything else)."""
        result = Result()
        for tree in self.network.trees:
            to: dict[tuple[int, str], Floats] = {}
            for i, parent in reversed(tree):
                if parent is not None:
                    to[i, parent] = self._factor(i, to).towards(parent)
            for i, _ in tree:
                link, factor = self.network.links[i], self._factor(i, to)
                for name, message in factor.messages().items():
                    if isinstance(message, Message):
                        result.messages[name] = message
                    else:
                        to[i, name] = message
                if not self.best:
                    total = factor.weight()
                    holding = self._factor(i, to, holding=True, alone=True).weight()
                    result.holds[link.name] = holding / total if total > 0 else 0.0
            for name in sorted(
                {n for i, _ in tree for n in self.network.links[i].fields} & set(self.network.copies)
            ):
                meant = np.prod([to[i, name] for i in self.network.of[name]], axis=0)
                m = self.network.copies[name].blur(meant, self.best)
                flat = m[: self.terms[name].reach]
                result.messages[name] = Message(
                    m[self.terms[name].values], float(flat.max() if self.best else flat.sum())
                )
        return result

    def _factor(
        self, i: int, to: Mapping[tuple[int, str], Floats], holding: bool = False, alone: bool = False
    ) -> _Factor:
        """Sum `i`, each shared number with what the other sums say about it.

        With `holding` nothing is written wrongly, but a loose sum may fail unless it is asked about `alone`.
        """
        inputs: dict[str, Term | Floats] = {}
        for name in self.network.links[i].fields:
            if name in self.network.copies:
                if (name, holding) not in self._meant:
                    written = self.terms[name].dense(self.best)
                    self._meant[name, holding] = self.network.copies[name].blur(written, self.best, holding)
                dense = self._meant[name, holding]
                for j in self.network.of[name]:
                    if j != i and (j, name) in to:
                        dense = dense * to[j, name]
                inputs[name] = dense
            else:
                inputs[name] = self.terms[name]
        link = self.network.links[i]
        factor = _Factor(link, inputs, self.best, holding and (alone or not link.loose))
        for side, names in enumerate(factor.sides):
            if not any(name in self.network.copies for name in names):
                if (i, side) not in self._totals:
                    self._totals[i, side] = factor.running_totals(side)
                factor.running[side] = self._totals[i, side]
        return factor


class _Factor:
    """One sum with its inputs: numbers of this sum only as `Term`, shared ones as an array over all values."""

    def __init__(self, link: Link, inputs: Mapping[str, Term | Floats], best: bool, holding: bool) -> None:
        self.kernel, self.inputs, self.best, self.holding = link.kernel, inputs, best, holding
        self.broad = 0.0 if holding else link.kernel.broad
        # Shared numbers first: their message is then the running total itself.
        self.sides = tuple(
            tuple(sorted(side, key=lambda n: isinstance(inputs[n], Term))) for side in (link.left, link.right)
        )
        self.mass = {n: self._mass(inputs[n]) for n in link.fields}
        self.running: dict[int, list[Floats | None]] = {}
        self._worth: dict[int, Floats] = {}

    def weight(self) -> float:
        left, right = self._total(0), self._ahead(0)
        everything = self.broad * float(np.prod(list(self.mass.values())))
        return max(float((left * right).max()), everything) if self.best else float(left @ right) + everything

    def towards(self, name: str) -> Floats:
        """The message to one shared number."""
        message = self._side_messages(0 if name in self.sides[0] else 1, name)[name]
        assert not isinstance(message, Message)
        return message

    def messages(self) -> dict[str, Message | Floats]:
        """The messages to all its numbers."""
        return self._side_messages(0) | self._side_messages(1)

    def _side_messages(self, side: int, wanted: str | None = None) -> dict[str, Message | Floats]:
        names = self.sides[side]
        running = self.running_totals(side) if wanted is None else None
        if wanted is not None:  # put it first; then nothing but the other numbers matters
            names = (wanted, *(n for n in names if n != wanted))
        ahead = self._ahead(side)
        out: dict[str, Message | Floats] = {}
        for k in range(len(names) - 1, -1, -1):
            name, item = names[k], self.inputs[names[k]]
            if wanted is None or name == wanted:
                constant = self.broad * float(np.prod([m for n, m in self.mass.items() if n != name]))
                out[name] = self._message(running[k] if running else None, ahead, item, constant)
            if k:
                ahead = self._add(ahead[::-1], item)[::-1]
        return out

    def _message(
        self, before: Floats | None, ahead: Floats, item: Term | Floats, constant: float
    ) -> Message | Floats:
        """Over the running total of the numbers before this one (None: there are none) and what its sequel is worth."""
        if not isinstance(item, Term):
            m = np.zeros(item.size)
            if before is None:
                n = min(item.size, ahead.size)
                m[:n] = ahead[:n]
            elif self.best:
                for v in range(min(item.size, ahead.size)):
                    m[v] = (before[: ahead.size - v] * ahead[v:]).max()
            else:
                full = np.correlate(ahead, before, "full")[before.size - 1 :]
                n = min(item.size, full.size)
                m[:n] = full[:n]
            return np.maximum(m, constant) if self.best else m + constant
        at = np.zeros(item.values.size)
        within = self._window(ahead[::-1], item.reach)[::-1]
        if before is None:
            inside = item.values < ahead.size
            at[inside] = ahead[item.values[inside]]
            total = within[0]
        elif self.best:
            for i, v in enumerate(item.values):
                if v < ahead.size:
                    at[i] = (before[: ahead.size - v] * ahead[v:]).max()
            total = (before * within).max()
        else:
            inside = item.values < ahead.size
            if item.values.size > _MANY:
                n = int(next_fast_len(2 * ahead.size, real=True))
                reached = irfft(np.conj(rfft(before, n)) * rfft(ahead, n), n)
                at[inside] = np.maximum(reached[item.values[inside]], 0.0)
            else:
                at[inside] = [before[: ahead.size - v] @ ahead[v:] for v in item.values[inside].tolist()]
            total = before @ within
        if self.best:
            return Message(np.maximum(at, constant), max(float(total), constant))
        return Message(at + constant, float(total) + constant * item.reach)

    def running_totals(self, side: int) -> list[Floats | None]:
        """Distribution of the total of the first k numbers, k = 0, 1, ... (None for k = 0)."""
        if side not in self.running:
            totals: list[Floats | None] = [None]
            for name in self.sides[side]:
                before, item = totals[-1], self.inputs[name]
                if before is None:
                    before = np.zeros(self.kernel.size)
                    dense = item.dense(self.best) if isinstance(item, Term) else item
                    n = min(dense.size, before.size)
                    before[:n] = dense[:n]
                    totals.append(before)
                else:
                    totals.append(self._add(before, item))
            self.running[side] = totals
        return self.running[side]

    def _total(self, side: int) -> Floats:
        total = self.running_totals(side)[-1]
        assert total is not None
        return total

    def _add(self, totals: Floats, item: Term | Floats) -> Floats:
        """The running total with one number more."""
        size = totals.size
        if not isinstance(item, Term):
            if not self.best:
                return np.convolve(totals, item[:size])[:size]
            item = Term(np.flatnonzero(item), item[item > 0], 0.0, item.size, item.size)
        if not self.best and item.values.size > _MANY:
            n = int(next_fast_len(size + min(size, item.size), real=True))
            dense = np.zeros(min(size, item.size))
            inside = item.values < dense.size
            dense[item.values[inside]] = item.weights[inside]
            dense[: item.reach] += item.flat
            both: Floats = irfft(rfft(totals, n) * rfft(dense, n), n)[:size]
            return np.maximum(both, 0.0)
        out = item.flat * self._window(totals, item.reach) if item.flat > 0 else np.zeros(size)
        join = np.maximum if self.best else np.add
        buffer = np.empty(size)
        for v, w in zip(item.values.tolist(), item.weights.tolist(), strict=True):
            if v < size and w > 0:
                shifted, target = buffer[: size - v], out[v:]
                np.multiply(totals[: size - v], w, out=shifted)
                join(target, shifted, out=target)
        return out

    def _window(self, totals: Floats, width: int) -> Floats:
        """At each total t the sum (or best) of ``totals[t - width + 1 : t + 1]``."""
        if self.best:
            if width >= totals.size:
                return np.maximum.accumulate(totals)
            found: Floats = maximum_filter1d(
                totals, width, mode="constant", cval=0.0, origin=(width - 1) // 2
            )
            return found
        sums = np.cumsum(totals)
        if width < totals.size:
            sums[width:] -= sums[:-width].copy()
        return np.maximum(sums, 0.0)

    def _ahead(self, side: int) -> Floats:
        """What each total of a side is worth, given the totals of the other, without the broad part."""
        if side not in self._worth:
            self._worth[side] = self.kernel.near(self._total(1 - side), self.best, self.holding, side == 1)
        return self._worth[side]

    def _mass(self, item: Term | Floats) -> float:
        if isinstance(item, Term):
            return (
                max(float(item.weights.max()), item.flat)
                if self.best
                else float(item.weights.sum()) + item.flat * item.reach
            )
        return float(item.max() if self.best else item.sum())
