"""How the numbers of a sheet hang together: its sums as noisy checks, and which of them form a forest.

The model. Beforehand the numbers are free (each row's own distribution, `ocr.lattice`), and every sum is a noisy check:

    P(right side | left side) = 1 - e                                       if right == left
                                e * ((1 - s) / T + s * slip(right - left))   otherwise

with `e` the probability that this sum was written wrongly, whatever the others are, so that one wrong sum does not free the
others; `T` how many totals can be written, a flat prior over wrong totals; and `slip` the wrong totals that
people do write: off by less than a hundred, the more often the less (as ``difference ** -STEEP``), and now and then in one digit only. The
law follows published counts that have the totals as written (`python -m benchmarks.slips`). A sum that holds is thus worth a likelihood ratio of
about T, and no more: that is what keeps the posterior from believing a sheet into consistency.

A number that stands in several sums can also be the one that is written wrongly, and then all its sums fail at once. So
between such a number as it was meant (it enters the sums) and as it was written (it is what the boxes show)
stands the same kernel. For a number in one sum only this would be the sum's own error over again.

Two other kinds of rule say less. That one side is at most the other rules out most of what breaks it, with nothing to say about the
rest. And a rule that many honest sheets break (`Sum.evidence` false) still holds on most sheets: that it fails says nothing about the
sheet, but of two numbers that a row may show the one that makes it hold is the likelier. Such rules are loose: they speak for numbers, never of the sheet.

A blank row stands for an unknown number: votes for 0 with probability `blank_is_zero`, otherwise for a number below a hundred; a total
for any. It is never turned into it.

`ocr.messages` does the inference.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from ocr.form import Form, Role, Sum
from ocr.lattice import Floats

NEAR = 100
"""Wrong totals that are off by less than this follow a law of their own."""
STEEP = 1.2
"""How fast that falls with the difference."""
ONE_DIGIT = 0.1
"""Of the slips, the share that is off in one digit of the total, whatever it is worth."""
# Larger totals and longer rows are checked afterwards instead of inferred with.
_WIDEST, _LONGEST = 1_000_000, 6


@dataclass(frozen=True, slots=True)
class Kernel:
    """How a number is written wrongly: to what it should be, among 0 .. size - 1."""

    size: int
    error: float  # probability that it is wrong
    broad: float  # probability of each wrong number
    slips: tuple[tuple[int, float], ...]  # (difference, extra probability)

    @classmethod
    def make(cls, size: int, error: float, slip: float, one_digit: float = ONE_DIGIT) -> Kernel:
        """With the share `slip` of the errors near what is right or, `one_digit` of them, off in one digit: by one as often as by two to nine together."""
        powers = [10**k for k in range(len(str(size - 1)))]
        by = {d: float(d) ** -STEEP for d in range(1, min(NEAR, size))}
        whole = sum(by.values())
        by = {d: (1 - one_digit) * weight / whole for d, weight in by.items()}
        for p in powers:
            for d in range(1, 10):
                by[d * p] = by.get(d * p, 0.0) + one_digit / len(powers) * (0.5 if d == 1 else 0.5 / 8)
        mass = error * slip / 2
        slips = [(sign * d, mass * weight) for d, weight in by.items() for sign in (1, -1) if d < size]
        return cls(size, error, error * (1 - slip) / size, tuple(sorted(slips)))

    def near(self, weights: Floats, best: bool, holding: bool = False, to_right: bool = True) -> Floats:
        """What is right or a slip away. In the sum the broad part is left to `broad`; with `holding` no error is allowed.

        It is the same in both directions: whether it is the right side's totals that are weighed makes no difference here.
        """
        if holding:
            right: Floats = (1 - self.error) * weights
            return right
        out: Floats = (1 - self.error - (0.0 if best else self.broad)) * weights
        if not best:
            n, spectrum = _spectrum(self)
            moved: Floats = irfft(rfft(weights, n) * spectrum, n)[: self.size]
            return out + np.maximum(moved, 0.0)
        for d, w in self.slips:
            source, target = (slice(0, -d), slice(d, None)) if d > 0 else (slice(-d, None), slice(0, d))
            np.maximum(out[target], (w + self.broad) * weights[source], out=out[target])
        return out

    def blur(self, weights: Floats, best: bool, holding: bool = False) -> Floats:
        """Weights of what is meant -> of what is written, or the other way round: the kernel is symmetric."""
        if not self.error:
            return weights
        out = self.near(weights, best, holding)
        if holding:
            return out
        both: Floats = (
            np.maximum(out, self.broad * weights.max()) if best else out + self.broad * weights.sum()
        )
        return both


@dataclass(frozen=True, slots=True)
class Bound:
    """What it weighs that a number is at most another one, against one that is not."""

    size: int
    broad: float  # weight of a pair that breaks the rule; 1 if it holds

    def near(self, weights: Floats, best: bool, holding: bool = False, to_right: bool = True) -> Floats:
        """Weights of one side's totals -> of the other side's, the right one or the left one; the rest is left to `broad`."""
        ordered = weights if to_right else weights[::-1]
        reached: Floats = np.maximum.accumulate(ordered) if best else np.cumsum(ordered)
        reached = reached if to_right else reached[::-1]
        return reached if best or holding else (1 - self.broad) * reached


@lru_cache(maxsize=256)
def _spectrum(kernel: Kernel) -> tuple[int, npt.NDArray[np.complex128]]:
    """The slips as a transform, and its length: what rounding adds to a weight is far below the broad part of the errors."""
    n = int(next_fast_len(2 * kernel.size, real=True))
    slips = np.zeros(n)
    for d, w in kernel.slips:
        slips[d % n] = w
    return n, rfft(slips)


@dataclass(frozen=True, slots=True)
class Link:
    """One sum that takes part in the inference; a `loose` one says nothing about whether the sheet was written rightly."""

    name: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    kernel: Kernel | Bound
    loose: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """All its fields, left ones first."""
        return self.left + self.right


def link_sums(form: Form) -> tuple[tuple[Sum, int], ...]:
    """The sums of a form that take part in the inference, with their ranges of totals; together they form a forest.

    Equalities that are evidence come first, then at-most rules, then equalities that are none, each in the order of the form. Left
    out, to be checked on the result: of the rules that are no evidence the at-most ones, and those between numbers that all have another rule to check
    them (whether that one holds is not theirs to say); sums that name the station's number, sums that would close a cycle (or name a field twice), and sums too wide to tabulate.
    """
    group = {f.name: f.name for f in form.fields}

    def find(name: str) -> str:
        while group[name] != name:
            name = group[name]
        return name

    chosen, linked = [], set[str]()
    for s in sorted(form.sums, key=lambda s: (not s.evidence, s.rule != "equal")):
        fields = [form.field(n) for n in s.left + s.right]
        left, right = (sum(10 ** form.field(n).digits - 1 for n in side) + 1 for side in (s.left, s.right))
        size = min(left, right) if s.rule == "equal" else right
        roots = [find(f.name) for f in fields]
        if len(set(roots)) < len(roots):
            continue
        if not s.evidence and (s.rule != "equal" or linked.issuperset(s.left + s.right)):
            continue
        if size > _WIDEST or any(f.role is Role.STATION or f.digits > _LONGEST for f in fields):
            continue
        for r in roots[1:]:
            group[r] = roots[0]
        linked.update(s.left + s.right)
        chosen.append((s, size))
    return tuple(chosen)


class Network:
    """The forest of sums of a form.

    Parameters
    ----------
    form : Form
    consistent : float
        Prior probability that nothing of a sheet was written wrongly; each sum and each number in several sums gets an equal share.
    slip : float
        Of the errors, the share that is a slip (`Kernel.make`).
    loose : float
        How often a sheet breaks a rule of which the form says that it is no evidence.
    """

    def __init__(self, form: Form, consistent: float, slip: float, loose: float) -> None:
        sums = link_sums(form)
        self.of: dict[str, list[int]] = {}  # the sums of each number
        for i, (s, _) in enumerate(sums):
            for name in s.left + s.right:
                self.of.setdefault(name, []).append(i)
        strict = {i for i, (s, _) in enumerate(sums) if s.evidence and s.rule == "equal"}
        shared = [name for name, where in self.of.items() if len(where) > 1]
        twice = {name for name in shared if len(strict.intersection(self.of[name])) > 1}
        error = 1.0 - consistent ** (1.0 / max(1, len(strict) + len(twice)))

        def link(s: Sum, size: int) -> Link:
            if s.rule != "equal":
                return Link(s.name, s.left, s.right, Bound(size, error))
            kernel = Kernel.make(size, error if s.evidence else loose, slip)
            return Link(s.name, s.left, s.right, kernel, loose=not s.evidence)

        self.links = tuple(link(s, size) for s, size in sums)
        # A number in one such sum only is as it is meant: its writing wrongly would be the sum's error over again.
        self.copies = {
            name: Kernel.make(10 ** form.field(name).digits, error if name in twice else 0.0, slip)
            for name in shared
        }
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
