"""Exact inference over the numbers of a sheet and the sums between them.

The model. Beforehand the numbers are free (each row's own distribution, `ocr.lattice`), and every sum is a noisy check:

    P(right side | left side) = 1 - e                                       if right == left
                                e * ((1 - s) / T + s * slip(right - left))   otherwise

with `e` the probability that this sum was written wrongly, whatever the others are, so that one wrong sum does not free the
others; `T` how many totals can be written, a flat prior over wrong totals; and `slip` the wrong totals that
people do write: one digit of the total off, most often by one. A sum that holds is thus worth a likelihood ratio of
about T, and no more: that is what keeps the posterior from believing a sheet into consistency.

A number that stands in several sums can also be the one that is written wrongly, and then all its sums fail at once. So
between such a number as it was meant (it enters the sums) and as it was written (it is what the boxes show)
stands the same kernel. For a number in one sum only this would be the sum's own error over again.

A blank row stands for an unknown number: 0 with probability `blank_is_zero`, otherwise any. It is never turned into it.

The inference. Numbers and sums form a factor graph; on real forms it is a tree (forest), so messages between sums
through their shared numbers are exact. Within a sum, messages are exact convolutions over the running total: a row has few
candidates, so a convolution is a handful of shifted additions. The same code runs in two semirings: (+, x) for
probabilities and (max, x) for the single best sheet. A sum that would close a cycle is left out (`link_sums`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import maximum_filter1d

from ocr.form import Form, Role, Sum
from ocr.lattice import Floats, Ints, Row

_WIDEST, _LONGEST = (
    1_000_000,
    6,
)  # larger totals and longer rows are checked afterwards instead of inferred with
_TIE = 1e-9  # relative nudge that makes the best sheet unique


@dataclass(frozen=True, slots=True)
class Kernel:
    """How a number is written wrongly: to what it should be, among 0 .. size - 1."""

    size: int
    error: float  # probability that it is wrong
    broad: float  # probability of each wrong number
    slips: tuple[tuple[int, float], ...]  # (difference, extra probability)

    @classmethod
    def make(cls, size: int, error: float, slip: float) -> Kernel:
        """With the share `slip` of the errors off in one digit: by one as often as by two to nine together."""
        powers = [10**k for k in range(len(str(size - 1)))]
        mass = error * slip / (2 * len(powers))
        slips = [
            (sign * d * p, mass * (0.5 if d == 1 else 0.5 / 8))
            for p in powers
            for d in range(1, 10)
            for sign in (1, -1)
        ]
        return cls(
            size, error, error * (1 - slip) / size, tuple(sorted(s for s in slips if abs(s[0]) < size))
        )

    def near(self, weights: Floats, best: bool, holding: bool = False) -> Floats:
        """What is right or a slip away. In the sum the broad part is left to `broad`; with `holding` no error is allowed."""
        if holding:
            right: Floats = (1 - self.error) * weights
            return right
        out: Floats = (1 - self.error - (0.0 if best else self.broad)) * weights
        for d, w in self.slips:
            source, target = (slice(0, -d), slice(d, None)) if d > 0 else (slice(-d, None), slice(0, d))
            if best:
                np.maximum(out[target], (w + self.broad) * weights[source], out=out[target])
            else:
                out[target] += w * weights[source]
        return out

    def blur(self, weights: Floats, best: bool, holding: bool = False) -> Floats:
        """Weights of what is meant -> of what is written, or the other way round: the kernel is symmetric."""
        out = self.near(weights, best, holding)
        if holding:
            return out
        both: Floats = (
            np.maximum(out, self.broad * weights.max()) if best else out + self.broad * weights.sum()
        )
        return both


@dataclass(frozen=True, slots=True)
class Link:
    """One sum that takes part in the inference."""

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    kernel: Kernel

    @property
    def fields(self) -> tuple[str, ...]:
        """All its fields, left ones first."""
        return self.left + self.right


def link_sums(form: Form) -> tuple[tuple[Sum, int], ...]:
    """The sums of a form that carry evidence and form a forest, in the order of the form, each with its range of totals.

    Left out, to be checked on the result: rules of the kind at-most, sums that are no evidence, sums that name the station's
    number, sums that would close a cycle (or name a field twice), and sums too wide to tabulate.
    """
    group = {f.name: f.name for f in form.fields}

    def find(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    chosen = []
    for s in form.sums:
        fields = [form.field(n) for n in s.left + s.right]
        size = min(sum(10 ** form.field(n).digits - 1 for n in side) for side in (s.left, s.right)) + 1
        roots = [find(f.name) for f in fields]
        if s.rule != "equal" or not s.evidence or len(set(roots)) < len(roots):
            continue
        if size > _WIDEST or any(f.role is Role.STATION or f.digits > _LONGEST for f in fields):
            continue
        for r in roots[1:]:
            group[r] = roots[0]
        chosen.append((s, size))
    return tuple(chosen)


@dataclass(frozen=True, slots=True)
class Term:
    """A number's weight within a sum: single values and a flat part over 0 .. size - 1."""

    values: Ints
    weights: Floats
    flat: float
    size: int

    def dense(self, best: bool) -> Floats:
        """The weight of every number."""
        out = np.full(self.size, self.flat)
        if best:
            out[self.values] = np.maximum(out[self.values], self.weights)
        else:
            out[self.values] += self.weights
        return out


@dataclass(frozen=True, slots=True)
class Message:
    """What the sums say about a number: at its candidates (`Term.values`), and the total (or best) over all numbers."""

    at: Floats
    all: float


def term(row: Row, blank_is_zero: float, nudge: int | None = None) -> Term:
    """A row as its sums see it: numbers, and a blank row as an unknown number.

    For the search of the best sheet give a `nudge`, different for each row: it breaks ties, always in the same way.
    """
    weights = row.weights.copy()
    zero = row.blank * blank_is_zero
    rest = row.blank * (1 - blank_is_zero)
    if nudge is not None:
        weights *= 1 + _TIE * np.random.default_rng(nudge).random(weights.size)
        weights[0] = max(weights[0], zero)
        return Term(row.values, weights, rest / row.size, row.size)
    weights[0] += zero
    return Term(row.values, weights, (rest + row.other) / row.size, row.size)


def only(row: Row, value: int | None, blank_is_zero: float) -> Term:
    """The part of `term` in which the row shows this number (None: nothing)."""
    if value is None:
        rest = row.blank * (1 - blank_is_zero) / row.size
        return Term(np.zeros(1, dtype=np.int64), np.array([row.blank * blank_is_zero]), rest, row.size)
    return Term(np.array([value], dtype=np.int64), np.array([row.probability(value)]), 0.0, row.size)


@dataclass(slots=True)
class Result:
    """Messages for every number in some sum; per sum the probability that it was written so that it holds."""

    messages: dict[str, Message] = field(default_factory=dict)
    holds: dict[str, float] = field(default_factory=dict)


class Network:
    """The forest of sums of a form.

    Parameters
    ----------
    form : Form
    consistent : float
        Prior probability that nothing of a sheet was written wrongly; each sum and each number in several sums gets an equal share.
    slip : float
        Of the errors, the share that is off in one digit.
    """

    def __init__(self, form: Form, consistent: float, slip: float) -> None:
        sums = link_sums(form)
        self.of: dict[str, list[int]] = {}  # the sums of each number
        for i, (s, _) in enumerate(sums):
            for name in s.left + s.right:
                self.of.setdefault(name, []).append(i)
        shared = [name for name, where in self.of.items() if len(where) > 1]
        error = 1.0 - consistent ** (1.0 / max(1, len(sums) + len(shared)))
        self.links = tuple(Link(s.name, s.left, s.right, Kernel.make(size, error, slip)) for s, size in sums)
        self.copies = {name: Kernel.make(10 ** form.field(name).digits, error, slip) for name in shared}
        # Trees, each as (sum, its number towards the root or None), root first. The longest sum is the root: a root is
        # gone through once, the others twice.
        self.trees: list[list[tuple[int, str | None]]] = []
        seen: set[int] = set()
        for root in sorted(range(len(self.links)), key=lambda i: -len(self.links[i].fields)):
            if root in seen:
                continue
            tree: list[tuple[int, str | None]] = [(root, None)]
            seen.add(root)
            for i, _ in tree:
                for name in self.links[i].fields:
                    tree += [(j, name) for j in self.of[name] if j not in seen]
                    seen.update(self.of[name])
            self.trees.append(tree)

    @property
    def fields(self) -> tuple[str, ...]:
        """Every number in some sum."""
        return tuple(self.of)


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
                    holding = self._factor(i, to, holding=True).weight()
                    result.holds[link.name] = holding / total if total > 0 else 0.0
            for name in sorted(
                {n for i, _ in tree for n in self.network.links[i].fields} & set(self.network.copies)
            ):
                meant = np.prod([to[i, name] for i in self.network.of[name]], axis=0)
                m = self.network.copies[name].blur(meant, self.best)
                result.messages[name] = Message(
                    m[self.terms[name].values], float(m.max() if self.best else m.sum())
                )
        return result

    def _factor(self, i: int, to: Mapping[tuple[int, str], Floats], holding: bool = False) -> _Factor:
        """Sum `i`, each shared number with what the other sums say about it."""
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
        factor = _Factor(self.network.links[i], inputs, self.best, holding)
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
        reach = self._window(ahead[::-1], item.size)[::-1]
        if before is None:
            inside = item.values < ahead.size
            at[inside] = ahead[item.values[inside]]
            total = reach[0]
        elif self.best:
            for i, v in enumerate(item.values):
                if v < ahead.size:
                    at[i] = (before[: ahead.size - v] * ahead[v:]).max()
            total = (before * reach).max()
        else:
            for i, v in enumerate(item.values):
                if v < ahead.size:
                    at[i] = before[: ahead.size - v] @ ahead[v:]
            total = before @ reach
        if self.best:
            return Message(np.maximum(at, constant), max(float(total), constant))
        return Message(at + constant, float(total) + constant * item.size)

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
            item = Term(np.flatnonzero(item), item[item > 0], 0.0, item.size)
        out = item.flat * self._window(totals, item.size) if item.flat > 0 else np.zeros(size)
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
            self._worth[side] = self.kernel.near(self._total(1 - side), self.best, self.holding)
        return self._worth[side]

    def _mass(self, item: Term | Floats) -> float:
        if isinstance(item, Term):
            return (
                max(float(item.weights.max()), item.flat)
                if self.best
                else float(item.weights.sum()) + item.flat * item.size
            )
        return float(item.max() if self.best else item.sum())
