"""The decoder against brute force, on sheets drawn from its own model, and on the traps that sums set."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ocr.decode import Decoded, decode
from ocr.evidence import Settings, fillers, unsure
from ocr.form import Form
from ocr.lattice import read_row, regular, soften
from ocr.reading import State
from ocr.sums import Kernel, Network

BLANK, MARK, CROSSED = 10, 11, 12
CLASSES = 13


def make_form(
    fields: dict[str, int], sums: Sequence[dict[str, object]] = (), **more: dict[str, object]
) -> Form:
    """Fields (name: boxes) one below the other; `more` adds keys to a field."""
    rows = [
        {"name": n, "role": "other", "box": (10, 10 + 12 * i, 20 * d, 10), "digits": d} | more.get(n, {})
        for i, (n, d) in enumerate(fields.items())
    ]
    page = {"width": 500, "height": 1000}
    return Form.model_validate(
        {"id": "t", "title": "t", "country": "XX", "page": page, "fields": rows, "sums": list(sums)}
    )


def equal(name: str, left: Sequence[str], right: Sequence[str], **more: object) -> dict[str, object]:
    return {"name": name, "left": list(left), "right": list(right)} | more


def seen(text: str, sure: float = 0.9999) -> np.ndarray:
    """Boxes that clearly show `text`: digits, ``_``, ``x``, ``#``."""
    p = np.full((len(text), CLASSES), (1 - sure) / (CLASSES - 1))
    for row, c in zip(p, text, strict=True):
        row["0123456789_x#".index(c)] = sure
    return p


def between(text: str, box: int, a: int, b: int, share: float = 0.5) -> np.ndarray:
    """As `seen`, but one box shows class `a` with this share and `b` with the rest."""
    p = seen(text)
    p[box] = 1e-5
    p[box, a], p[box, b] = share, 1 - share
    return p / p.sum(axis=1, keepdims=True)


PLAIN = Settings(temperature=1.0, temperature_slope=0.0, calibration=(1.0, 0.0, 0.0))  # the model's own word

BOLIVIA = make_form(
    {"pdc": 3, "libre": 3, "valid": 3, "blank": 3, "null": 3, "box": 3},
    [equal("valid", ["pdc", "libre"], ["valid"]), equal("cast", ["valid", "blank", "null"], ["box"])],
)
SHEET = {"pdc": "114", "libre": "_83", "valid": "197", "blank": "xx5", "null": "012", "box": "214"}


def sheet(form: Form = BOLIVIA, settings: Settings | None = None, /, **changed: str | np.ndarray) -> Decoded:
    texts = (SHEET if form is BOLIVIA else {}) | changed
    return decode(form, {n: seen(t) if isinstance(t, str) else t for n, t in texts.items()}, settings)


def values(d: Decoded) -> dict[str, int | None]:
    return {n: f.value for n, f in d.fields.items()}


TRUE = {"pdc": 114, "libre": 83, "valid": 197, "blank": 5, "null": 12, "box": 214}


# --- brute force ------------------------------------------------------------------------------------------------------


def strings(n: int, odd_prior: float) -> list[tuple[tuple[int, ...], int | None, float]]:
    """Every way to fill n boxes: (classes, value or None for blank, prior weight)."""
    out: list[tuple[tuple[int, ...], int | None, float]] = []
    for s in itertools.product(range(CLASSES), repeat=n):
        if all(c == BLANK for c in s):
            out.append((s, None, 1.0))
            continue
        rest = list(s)
        while rest and rest[0] in (BLANK, MARK):
            rest.pop(0)
        odd = any(c in (BLANK, MARK) for c in rest)
        behind = [range(10) if c == CROSSED else [c] for c in rest]
        each = 0.1 ** rest.count(CROSSED)
        for digits in itertools.product(*behind):
            kept = [c for c in digits if c < BLANK]
            filled = [c if c < BLANK else 0 for c in digits]
            meanings = [(kept, odd_prior / 2), (filled, odd_prior / 2)] if odd else [(kept, 1.0)]
            out += [(s, int("".join(map(str, m)) or "0"), each * w) for m, w in meanings]
    return out


def brute_row(p: np.ndarray, s: Settings) -> np.ndarray:
    """Probability of the numbers 0 .. 10^n - 1 and, last, of a blank row."""
    q = (1 - s.noise) * p / p.sum(axis=1, keepdims=True) + s.noise / CLASSES
    out = np.zeros(10 ** len(p) + 1)
    for classes, value, weight in strings(len(p), s.odd_prior):
        out[-1 if value is None else value] += weight * np.prod(q[range(len(p)), classes])
    return out / out.sum()


def brute_kernel(
    size: int, error: float, s: Settings, difference: np.ndarray, inside: np.ndarray
) -> np.ndarray:
    """Probability of being off by `difference`; slips happen only between totals that can be written."""
    powers = [10**k for k in range(len(str(size - 1)))]
    far = np.abs(difference)
    out = np.full(difference.shape, error * (1 - s.slip) / size)
    near = 0.9 * np.maximum(far, 1.0) ** -1.2 / np.sum(np.arange(1.0, min(100, size)) ** -1.2)
    out += error * s.slip / 2 * near * ((far < 100) & inside)
    for p in powers:
        for d in range(1, 10):
            weight = 0.1 * error * s.slip / (2 * len(powers)) * (0.5 if d == 1 else 0.0625)
            out += weight * ((far == d * p) & inside)
    return np.where(difference == 0, 1 - error, out)


def with_latent(row: np.ndarray, s: Settings) -> np.ndarray:
    """[what is read: numbers, blank] x [the number meant by it]."""
    m = row.size - 1
    out = np.zeros((m + 1, m))
    out[:m] = np.diag(row[:m])
    out[m] = row[m] * (1 - s.total_is_zero) / m
    out[m, 0] += row[m] * s.total_is_zero
    return out


EXACT = Settings(
    class_prior=None,
    keep=0.0,
    cap=10**6,
    illegible=0.0,
    habit=1.0,
    joint=0.0,
    temperature=1.0,
    temperature_slope=0.0,
    calibration=(1.0, 0.0, 0.0),
    blank_is_zero=0.5,
    total_is_zero=0.5,
)

boxes = st.lists(st.floats(0.0, 1.0), min_size=CLASSES, max_size=CLASSES).map(
    lambda v: np.array(v) ** 6 + 1e-6
)


@hypothesis_settings(max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(boxes, min_size=3, max_size=3))
def test_a_row_equals_the_enumeration_of_all_ways_to_fill_it(three: list[np.ndarray]) -> None:
    p = np.array(three)
    expected = brute_row(p, EXACT)
    row = read_row(soften(p, EXACT.noise), odd_prior=EXACT.odd_prior, keep=0.0, cap=10**6)
    assert row.values.tolist() == list(range(1000))
    np.testing.assert_allclose(row.weights, expected[:-1], rtol=1e-9)
    assert row.blank == pytest.approx(expected[-1], rel=1e-9)
    assert row.other == 0.0


@hypothesis_settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(boxes, min_size=5, max_size=5))
def test_two_sums_that_share_a_number_equal_the_enumeration(five: list[np.ndarray]) -> None:
    names = ["a", "b", "v", "c", "t"]
    form = make_form(
        dict.fromkeys(names, 1), [equal("first", ["a", "b"], ["v"]), equal("second", ["v", "c"], ["t"])]
    )
    p = {n: b[None, :] for n, b in zip(names, five, strict=True)}
    error = 1 - EXACT.consistent ** (1 / 3)  # two sums and one shared number
    a, b, v, c, t = (with_latent(brute_row(p[n], EXACT), EXACT) for n in names)
    x = np.arange(10)

    def factor(only_right: bool) -> np.ndarray:  # [left one, left two, right]
        left, right = x[:, None, None] + x[None, :, None], np.broadcast_to(x, (10, 10, 10))
        k = brute_kernel(10, error, EXACT, right - left, left < 10)
        return np.where(right == left, k, 0.0) if only_right else k

    copy = brute_kernel(10, error, EXACT, x[:, None] - x[None, :], np.full((10, 10), True))  # written x meant

    def total(right: bool) -> np.ndarray:  # what is read in a, b, v, c, t
        k = copy * np.eye(10) if right else copy
        return np.einsum(
            "ai,bj,vw,wm,ijm,mkl,ck,tl->abvct", a, b, v, k, factor(right), factor(right), c, t, optimize=True
        )

    joint = total(False)
    weight = joint.sum()
    d = decode(form, p, EXACT)
    assert d.inconsistent == pytest.approx(1 - total(True).sum() / weight, rel=1e-6, abs=1e-12)
    read = tuple(10 if (f := d.fields[n].value) is None else f for n in names)
    assert d.probability == pytest.approx(joint[read] / weight, rel=1e-6)
    for axis, n in enumerate(names):
        marginal = joint.sum(axis=tuple(i for i in range(5) if i != axis)) / weight
        f = d.fields[n]
        assert f.probability == pytest.approx(marginal[read[axis]], rel=1e-6)
        best = np.argsort(-np.delete(marginal, read[axis]), kind="stable")[0]
        assert f.runner_up_probability == pytest.approx(np.delete(marginal, read[axis])[best], rel=1e-6)
    if joint.max() / weight > 0.5 or (
        joint[..., :10].max() == joint.max() and 10 not in np.unravel_index(joint.argmax(), joint.shape)
    ):
        # A blank row stands for many numbers: only then may max-product miss the best sheet.
        assert joint[read] == pytest.approx(joint.max(), rel=1e-6)


@hypothesis_settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(boxes, min_size=6, max_size=6), st.booleans())
def test_one_sum_over_two_boxes_equals_the_enumeration(six: list[np.ndarray], both_right: bool) -> None:
    sums = [equal("s", ["a"], ["b", "v"]) if both_right else equal("s", ["a", "b"], ["v"])]
    form = make_form({"a": 2, "b": 2, "v": 2}, sums)
    p = {n: np.array(six[2 * i : 2 * i + 2]) for i, n in enumerate("abv")}
    rows = {n: with_latent(brute_row(p[n], EXACT), EXACT) for n in "abv"}
    w = {n: r.sum(axis=0) for n, r in rows.items()}
    x = np.arange(100)
    a, b, v = x[:, None, None], x[None, :, None], x[None, None, :]
    left, right = (a, b + v) if both_right else (a + b, v)
    k = brute_kernel(100, 1 - EXACT.consistent, EXACT, right - left, (left < 100) & (right < 100))
    joint = w["a"][:, None, None] * w["b"][None, :, None] * w["v"] * k
    d = decode(form, p, EXACT)
    holds = joint[np.broadcast_to(left == right, joint.shape)].sum() / joint.sum()
    assert d.inconsistent == pytest.approx(1 - holds, rel=1e-6)
    assert d.sums[0].probability == pytest.approx(holds, rel=1e-6)
    for axis, n in enumerate("abv"):
        message = joint.sum(axis=tuple(i for i in range(3) if i != axis)) / joint.sum() / w[n]
        f = d.fields[n]
        assert f.probability == pytest.approx(
            rows[n][100 if f.value is None else f.value] @ message, rel=1e-6
        )


@hypothesis_settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.lists(boxes, min_size=5, max_size=5))
def test_rules_that_say_less_equal_the_enumeration(five: list[np.ndarray]) -> None:
    """a = v is evidence, b + c at most v too, v = t is broken on many honest sheets."""
    names = ["a", "v", "b", "c", "t"]
    rules = [
        equal("loose", ["v"], ["t"], evidence=False),
        equal("most", ["b", "c"], ["v"], rule="at-most"),
        equal("first", ["a"], ["v"]),
    ]
    form = make_form(dict.fromkeys(names, 1), rules)
    p = {n: q[None, :] for n, q in zip(names, five, strict=True)}
    error = 1 - EXACT.consistent  # of one equality that is evidence; no number stands in two of them
    rows = [with_latent(brute_row(p[n], EXACT), EXACT) for n in names]
    x = np.arange(10)
    same, off = np.eye(10), x[:, None] - x
    first = brute_kernel(10, error, EXACT, off, np.full((10, 10), True))
    loose = brute_kernel(10, EXACT.loose, EXACT, off, np.full((10, 10), True))
    fits = (x[:, None, None] + x[:, None] <= x).astype(float)  # b, c, v
    most = fits + error * (1 - fits)

    def joint(first: np.ndarray, most: np.ndarray, loose: np.ndarray) -> np.ndarray:  # what is read
        return np.einsum("ai,vj,bk,cl,tm,ij,klj,jm->avbct", *rows, first, most, loose, optimize=True)

    everything = joint(first, most, loose)
    weight = everything.sum()
    d = decode(form, p, EXACT)
    # What is loose says nothing of the sheet.
    right = joint(first * same, fits, loose).sum()
    assert d.inconsistent == pytest.approx(1 - right / weight, rel=1e-6, abs=1e-9)
    holding = [
        joint(first, most, loose * same),
        joint(first, fits, loose),
        joint(first * same, most, loose),
    ]
    for s, h in zip(d.sums, holding, strict=True):
        assert s.probability == pytest.approx(h.sum() / weight, rel=1e-6)
    read = tuple(10 if (f := d.fields[n].value) is None else f for n in names)
    assert d.probability == pytest.approx(everything[read] / weight, rel=1e-6)
    for axis, n in enumerate(names):
        marginal = everything.sum(axis=tuple(i for i in range(5) if i != axis)) / weight
        assert d.fields[n].probability == pytest.approx(marginal[read[axis]], rel=1e-6)


def test_a_bound_wider_than_its_right_side_equals_the_enumeration() -> None:
    """Three digits at most two: what is too large for the right side breaks the rule."""
    form = make_form({"a": 2, "b": 2, "v": 1}, [equal("most", ["a", "b"], ["v"], rule="at-most")])
    rng = np.random.default_rng(3)
    p = {n: rng.dirichlet(np.full(CLASSES, 0.5), k) for n, k in (("a", 2), ("b", 2), ("v", 1))}
    p["a"][0] = p["b"][0] = 0.6 * seen("0")[0] + 0.4 * p["a"][0]
    a, b, v = (with_latent(brute_row(p[n], EXACT), EXACT).sum(axis=0) for n in "abv")
    x = np.arange(100)
    fits = (x[:, None, None] + x[:, None] <= x[:10]).astype(float)
    weights = np.einsum("a,b,v->abv", a, b, v)
    d = decode(form, p, EXACT)
    holds = (weights * fits).sum() / (weights * (fits + (1 - EXACT.consistent) * (1 - fits))).sum()
    assert d.sums[0].probability == pytest.approx(holds, rel=1e-6)
    assert d.inconsistent == pytest.approx(1 - holds, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_pruning_changes_next_to_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = {n: 0.9 * seen(t) + 0.1 * rng.dirichlet(np.full(CLASSES, 0.2), 3) for n, t in SHEET.items()}
    fast, exact = decode(BOLIVIA, p), decode(BOLIVIA, p, Settings(keep=0.0, cap=10**6))
    assert values(fast) == values(exact)
    assert fast.probability == pytest.approx(exact.probability, abs=2e-3)
    assert fast.inconsistent == pytest.approx(exact.inconsistent, abs=2e-3)


def test_sums_whose_shared_numbers_stand_on_one_side_and_in_a_long_tree() -> None:
    """Both sides with shared numbers (dense messages), against the same model solved by enumeration of one box."""
    names = ["a", "b", "c", "d", "e", "f"]
    sums = [equal("one", ["a"], ["b", "c"]), equal("two", ["b"], ["d", "e"]), equal("three", ["c"], ["f"])]
    form = make_form(dict.fromkeys(names, 1), sums)
    rng = np.random.default_rng(5)
    p = {n: rng.dirichlet(np.full(CLASSES, 0.5), 1) for n in names}
    error = 1 - EXACT.consistent ** (1 / 5)
    w = {n: with_latent(brute_row(p[n], EXACT), EXACT).sum(axis=0) for n in names}
    x = np.arange(10)
    copy = brute_kernel(10, error, EXACT, x[:, None] - x, np.full((10, 10), True))
    pair = x[:, None] + x
    split = brute_kernel(
        10, error, EXACT, pair[None] - x[:, None, None], np.broadcast_to(pair < 10, (10, 10, 10))
    )
    same = brute_kernel(10, error, EXACT, x[:, None] - x, np.full((10, 10), True))
    joint = np.einsum(
        "a,b,bm,c,cn,amn,d,e,mde,f,nf->abcdef",
        w["a"],
        w["b"],
        copy,
        w["c"],
        copy,
        split,
        w["d"],
        w["e"],
        split,
        w["f"],
        same,
        optimize=True,
    )
    d = decode(form, p, EXACT)
    for axis, n in enumerate(names):
        value = d.fields[n].value
        if value is None:
            continue
        marginal = joint.sum(axis=tuple(i for i in range(6) if i != axis)) / joint.sum()
        share = brute_row(p[n], EXACT)[value] / w[n][value]
        assert d.fields[n].probability == pytest.approx(marginal[value] * share, rel=1e-6)


# --- what sums can and cannot do --------------------------------------------------------------------------------------


def test_a_clear_consistent_sheet_is_accepted() -> None:
    d = sheet()
    assert values(d) == TRUE
    assert d.accepted and d.reasons == ()
    assert d.probability > 0.999 and d.inconsistent < 0.001
    assert [s.holds for s in d.sums] == [True, True]
    assert [(s.left, s.right) for s in d.sums] == [(197, 197), (214, 214)]
    assert d.fields["libre"].raw == "_83" and d.fields["blank"].raw == "xx5"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_an_ambiguous_box_is_resolved_by_its_sums(share: float) -> None:
    d = sheet(pdc=between("114", 0, 1, 7, share))
    assert values(d) == TRUE
    assert d.fields["pdc"].probability > 0.998
    assert d.fields["pdc"].alone_value == (714 if share < 0.5 else 114)
    assert d.fields["pdc"].alone == pytest.approx(max(share, 1 - share), abs=0.03)  # softened a little
    assert d.accepted


@pytest.mark.parametrize(
    ("field", "text"),
    [("pdc", "141"), ("valid", "227"), ("box", "219"), ("libre", "_84"), ("valid", "198"), ("null", "021")],
)
def test_a_sheet_written_inconsistent_is_reported_as_written(field: str, text: str) -> None:
    d = sheet(**{field: text})
    assert values(d) == TRUE | {field: int(text.strip("_x"))}
    assert d.inconsistent > 0.5
    assert not d.accepted
    assert "inconsistent" in d.reasons
    failing = {f"sum-fails:{s.sum}" for s in d.sums if s.holds is False}
    assert failing and failing <= set(d.reasons)


def test_the_prior_of_consistency_is_what_decides() -> None:
    """With nearly no room for wrong sums the same sheet is explained as misread; even then it goes to a person."""
    stubborn = sheet(BOLIVIA, Settings(consistent=1 - 1e-9, own_word=1.1), valid="297")
    assert stubborn.inconsistent < 0.01
    assert values(stubborn) == TRUE
    assert not stubborn.accepted  # nothing is repaired silently
    assert "against-boxes:valid" in stubborn.reasons
    usual, doubtful = (sheet(BOLIVIA, Settings(consistent=c), valid="297").inconsistent for c in (0.9, 0.5))
    assert 0.5 < usual < doubtful


def test_what_the_boxes_say_clearly_is_reported_whatever_the_sums_want() -> None:
    """Even to a decoder that hardly believes in wrong sums."""
    stubborn = Settings(consistent=1 - 1e-9)
    d = sheet(BOLIVIA, stubborn, valid="297")
    assert values(d) == TRUE | {"valid": 297}
    assert "sum-fails:valid" in d.reasons and "against-boxes:valid" not in d.reasons
    assert d.fields["valid"].runner_up == 197  # what the sums want stands beside it
    assert d.probability < 0.01 and not d.accepted
    unclear = sheet(BOLIVIA, stubborn, valid=between("297", 0, 2, 1, 0.9))
    assert values(unclear) == TRUE and "against-boxes:valid" not in unclear.reasons


@pytest.mark.parametrize(
    ("changed", "known", "holds", "reason"),
    [
        ({"null": "___", "box": "250"}, (202, 250), None, "blank-sum:cast"),  # 48 might have been meant
        ({"null": "___", "box": "202"}, (202, 202), None, None),  # nothing may well have been 0
        ({"null": "___", "box": "150"}, (202, 150), False, "sum-fails:cast"),  # nothing could make it hold
        ({"box": "___"}, (214, 0), None, None),  # a total left out is not a total of 0
    ],
)
def test_a_sum_with_an_empty_row_says_what_is_known(
    changed: dict[str, str], known: tuple[int, int], holds: bool | None, reason: str | None
) -> None:
    d = sheet(**changed)
    cast = next(s for s in d.sums if s.sum == "cast")
    assert (cast.left, cast.right, cast.known, cast.holds) == (None, None, known, holds)
    told = {r for r in d.reasons if r.startswith(("sum-fails", "blank-sum"))}
    assert told == ({reason} if reason else set()) and not d.accepted
    whole = next(s for s in d.sums if s.sum == "valid")
    assert whole.holds is True and whole.known is None


def test_a_sheet_that_may_not_add_up_says_so() -> None:
    d = sheet(valid=between("197", 2, 8, 7, 0.95))
    told = sheet(BOLIVIA, Settings(doubtful=0.01), valid=between("197", 2, 8, 7, 0.95))
    assert 0.01 < d.inconsistent < 0.5 and not d.accepted
    assert "may-not-add-up" in told.reasons and "inconsistent" not in told.reasons


def test_one_wrong_sum_does_not_free_the_others() -> None:
    d = sheet(box="250", pdc=between("114", 0, 1, 7, 0.3))
    assert d.sums[0].holds is True and d.sums[0].probability > 0.99
    assert d.fields["pdc"].value == 114 and d.fields["pdc"].probability > 0.99
    assert d.sums[1].holds is False and d.sums[1].probability < 0.01


def test_errors_that_compensate_are_not_accepted() -> None:
    """1 or 7 in a part and in the total: both readings keep the sum, so the sum says nothing."""
    form = make_form({"a": 3, "b": 3, "v": 3}, [equal("v", ["a", "b"], ["v"])])
    for share in (0.5, 0.7, 0.9):
        d = sheet(form, PLAIN, a=between("105", 0, 1, 7, share), b="040", v=between("145", 0, 1, 7, share))
        assert d.sums[0].holds is True and d.sums[0].probability > 0.95
        assert not d.accepted
        assert {"unsure:a", "unsure:v"} <= set(d.reasons)
        odds = (share / (1 - share)) ** 2
        assert d.probability == pytest.approx(odds / (1 + odds), abs=0.02)
        assert (d.fields["a"].value == 105 and d.fields["v"].value == 145) or share == 0.5
    # Two parts that swap what they are unsure of keep the sum as well.
    d = sheet(form, PLAIN, a=between("001", 2, 1, 7), b=between("007", 2, 1, 7), v="008")
    assert {d.fields["a"].value, d.fields["b"].value} == {1, 7}
    assert not d.accepted and d.probability < 0.55


def test_sums_against_a_sure_box_are_never_accepted() -> None:
    """The trap of an overconfident network: the floor lets the sums win, a person sees it."""
    form = make_form(
        {"a": 1, "b": 1, "c": 1, "v": 1, "w": 1},
        [equal("v", ["a", "b"], ["v"]), equal("w", ["a", "c"], ["w"])],
    )
    d = sheet(form, Settings(consistent=0.9999, own_word=1.1), a="3", b="1", c="2", v="5", w="6")
    assert d.fields["a"].value == 4 and d.fields["a"].alone_value == 3
    assert not d.accepted and "against-boxes:a" in d.reasons


# --- blank, marks, crossed out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["007", "__7", "xx7", "_x7", "x07", "_07"])
def test_leading_blanks_and_marks_are_zeros(text: str) -> None:
    d = sheet(make_form({"a": 3}), a=text)
    assert (d.fields["a"].value, d.fields["a"].state, d.fields["a"].raw) == (7, State.NUMBER, text)
    assert d.fields["a"].flags == ()


@pytest.mark.parametrize(
    ("text", "value", "state"),
    [
        ("000", 0, State.NUMBER),
        ("xxx", 0, State.NUMBER),
        ("__x", 0, State.NUMBER),
        ("__0", 0, State.NUMBER),
        ("___", None, State.BLANK),
    ],
)
def test_marks_are_a_zero_and_nothing_is_not(text: str, value: int | None, state: State) -> None:
    f = sheet(make_form({"a": 3}), a=text).fields["a"]
    assert (f.value, f.state, f.raw) == (value, state, text)
    assert f.probability > 0.98


@pytest.mark.parametrize(("text", "a", "b"), [("7__", 7, 700), ("1_5", 15, 105), ("12x", 12, 120)])
def test_an_odd_filling_goes_to_a_person(text: str, a: int, b: int) -> None:
    f = sheet(make_form({"a": 3}), a=text).fields["a"]
    assert {f.value, f.runner_up} == {a, b}
    assert f.probability < 0.6 and "odd-filling" in f.flags and f.raw == text
    form = make_form({"a": 3, "b": 3, "v": 3}, [equal("v", ["a", "b"], ["v"])])
    d = sheet(form, a=text, b="001", v=str(b + 1).zfill(3))
    assert d.fields["a"].value == b and d.fields["a"].probability > 0.9
    assert not d.accepted and "odd-filling:a" in d.reasons


def test_a_crossed_out_box_is_any_digit_and_never_accepted() -> None:
    f = sheet(make_form({"a": 3}), a="1#5").fields["a"]
    assert f.state is State.NUMBER and f.flags == ("crossed-out",) and f.raw == "1#5"
    assert f.alone == pytest.approx(0.1, abs=0.01) and f.runner_up_probability == pytest.approx(0.1, abs=0.01)
    d = sheet(pdc="1#4")
    assert d.fields["pdc"].value == 114 and d.fields["pdc"].probability > 0.95
    assert not d.accepted and "crossed-out:pdc" in d.reasons
    faint = seen("114")
    faint[1] = 0.0
    faint[1, [1, CROSSED]] = 0.4, 0.6
    assert "crossed-out:pdc" in sheet(BOLIVIA, Settings(crossed_maximum=0.04), pdc=faint).reasons
    assert "crossed-out:pdc" not in sheet(pdc=faint).reasons  # struck-out digits are rarer than in training


def test_a_row_nobody_can_read_is_illegible_even_if_the_sums_know_it() -> None:
    d = sheet(pdc="###")
    f = d.fields["pdc"]
    assert (f.value, f.state, f.raw) == (None, State.ILLEGIBLE, "###")
    assert (
        sheet(BOLIVIA, Settings(cap=1000), pdc="###").fields["pdc"].runner_up == 114
    )  # the sums' word, for the person
    assert d.sums[0].holds is None and d.sums[0].left is None and d.sums[1].holds is True
    assert not d.accepted and "illegible:pdc" in d.reasons
    flat = np.full((3, CLASSES), 1 / CLASSES)
    assert sheet(make_form({"a": 3}), a=flat).fields["a"].raw == "???"


@pytest.mark.parametrize("closes", [True, False])
def test_a_blank_row_stays_blank(closes: bool) -> None:
    d = sheet(libre="___", pdc="197" if closes else "114")
    f = d.fields["libre"]
    assert (f.value, f.state, f.raw) == (None, State.BLANK, "___")
    assert f.probability > 0.9
    s = d.sums[0]
    assert (s.left, s.right, s.holds) == (None, None, None)
    assert d.sums[1].holds is True
    assert not d.accepted and "blank:libre" in d.reasons and "sum-fails:valid" not in d.reasons
    assert d.inconsistent < 0.1  # 114 + ? = 197 contradicts nothing


def test_a_blank_total_still_links_its_sums() -> None:
    """114 + 83 (+ 5 + 12) must make 214 although the total of valid votes between them was not filled in."""
    d = sheet(valid="___", pdc=between("114", 0, 1, 7, 0.4))
    assert d.fields["valid"].state is State.BLANK and d.fields["valid"].value is None
    assert d.fields["pdc"].value == 114 and d.fields["pdc"].probability > 0.99
    assert not d.accepted


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_form_without_sums() -> None:
    form = make_form({"a": 2, "b": 2})
    clear, doubtful = (sheet(form, PLAIN, a="12", b=b) for b in ("34", between("34", 0, 3, 8, 0.99)))
    assert values(clear) == {"a": 12, "b": 34} and clear.inconsistent == 0.0 and clear.sums == ()
    assert clear.probability == pytest.approx(clear.fields["a"].alone * clear.fields["b"].alone)
    assert clear.accepted
    assert not doubtful.accepted and doubtful.reasons == ("unsure:b",)


def test_a_number_in_no_sum_needs_more() -> None:
    form = make_form({"a": 2, "b": 2, "v": 2, "w": 2}, [equal("v", ["a", "b"], ["v"])])
    weak = between("40", 0, 4, 9, 0.985)
    linked = sheet(form, a=weak, b="11", v="51", w="40")
    free = sheet(form, a="40", b="11", v="51", w=weak)
    assert linked.accepted
    assert not free.accepted and "unsure:w" in free.reasons


def test_sums_in_a_circle_are_checked_afterwards() -> None:
    sums = [
        equal("one", ["a", "b"], ["v"]),
        equal("two", ["a", "c"], ["w"]),
        equal("three", ["v", "c"], ["w", "b"]),
    ]
    form = make_form({"a": 2, "b": 2, "c": 2, "v": 2, "w": 2}, sums)
    assert [link.name for link in Network(form, 0.9, 0.8, 0.4).links] == ["one", "two"]
    good = sheet(form, a="20", b="03", c="03", v="23", w="23")
    assert good.accepted and [s.holds for s in good.sums] == [True, True, True]
    bad = sheet(form, a="20", b="03", c="04", v="23", w="24")
    assert [s.holds for s in bad.sums] == [True, True, True]  # 23 + 4 = 24 + 3
    broken = [equal("one", ["a", "b"], ["v"]), equal("again", ["b", "v"], ["a", "c"])]
    d = sheet(make_form({"a": 2, "b": 2, "c": 2, "v": 2}, broken), a="20", b="03", c="04", v="23")
    assert [s.holds for s in d.sums] == [True, False]
    assert values(d) == {"a": 20, "b": 3, "c": 4, "v": 23}
    assert d.inconsistent > 0.9 and not d.accepted and "sum-fails:again" in d.reasons


def test_a_field_twice_in_one_sum_is_checked_afterwards() -> None:
    form = make_form({"a": 2, "v": 2}, [equal("twice", ["a", "a"], ["v"])])
    assert Network(form, 0.9, 0.8, 0.4).links == ()
    assert sheet(form, a="12", v="24").sums[0].holds is True
    assert sheet(form, a="12", v="25").reasons[-1].startswith("sum-fails:twice")


def test_at_most_rules_and_sums_that_are_no_evidence() -> None:
    rules = [
        equal("most", ["a"], ["b"], rule="at-most"),
        equal("loose", ["a"], ["c"], rule="at-most", evidence=False),
        equal("free", ["b"], ["c"], evidence=False),
    ]
    form = make_form({"a": 2, "b": 2, "c": 2}, rules)
    d = sheet(form, a="12", b="12", c="05")
    assert [s.holds for s in d.sums] == [True, False, False]
    assert values(d) == {"a": 12, "b": 12, "c": 5} and not any(r.startswith("sum-fails") for r in d.reasons)
    d = sheet(form, a="13", b="12", c="05")
    assert d.sums[0].holds is False and "sum-fails:most" in d.reasons and d.inconsistent > 0.9


def test_a_rule_that_is_no_evidence_speaks_for_a_number_and_not_of_the_sheet() -> None:
    rule = [equal("signed", ["a"], ["b"], evidence=False)]
    form, free = make_form({"a": 3, "b": 3}, rule), make_form({"a": 3, "b": 3})
    doubtful = between("215", 2, 5, 3, 0.96)
    assert sheet(form, PLAIN, a=doubtful, b="215").fields["a"].probability > 0.998
    assert sheet(free, PLAIN, a=doubtful, b="215").fields["a"].probability < 0.98
    other = sheet(form, PLAIN, a=doubtful, b="214")  # a slip away from one, and hardly further from the other
    assert other.fields["a"].value == 215 and 0.9 < other.fields["a"].probability < 0.999
    broken = sheet(form, PLAIN, a="215", b="183")
    assert values(broken) == {"a": 215, "b": 183}
    assert broken.inconsistent == pytest.approx(0, abs=1e-9) and broken.accepted


def test_an_at_most_rule_rules_out_what_breaks_it() -> None:
    form = make_form({"a": 3, "b": 3}, [equal("list", ["a"], ["b"], rule="at-most")])
    doubtful = between("215", 0, 2, 8, 0.7)
    assert sheet(form, PLAIN, a=doubtful, b="390").fields["a"].probability > 0.95
    assert sheet(form, PLAIN, a=doubtful, b="990").fields["a"].probability == pytest.approx(0.7, abs=0.05)


def test_the_station_number_never_enters_the_votes() -> None:
    form = make_form(
        {"a": 2, "b": 2, "station": 8}, [equal("odd", ["a"], ["station"])], station={"role": "station"}
    )
    unsure = 0.5 * seen("00412345") + 0.5 * seen("00712345")
    d = sheet(form, PLAIN, a="12", b="12", station=unsure)
    assert d.probability == pytest.approx(d.fields["a"].probability * d.fields["b"].probability)
    assert d.fields["station"].probability == pytest.approx(0.5, abs=0.01)
    assert not any(r.endswith(":station") for r in d.reasons)
    assert d.fields["station"].raw in ("00412345", "00712345")
    long = make_form({"station": 12}, station={"role": "station"})
    assert sheet(long, station="_12345678901").fields["station"].value == 12345678901


def test_a_number_above_the_maximum_is_reported_and_shown_to_a_person() -> None:
    form = make_form({"a": 3}, a={"maximum": 400})
    d = sheet(form, a="950")
    assert d.fields["a"].value == 950 and "over-maximum:a" in d.reasons
    assert sheet(form, a=between("350", 0, 3, 9)).fields["a"].probability > 0.97


def test_bad_probabilities_are_named() -> None:
    with pytest.raises(ValueError, match="'a'"):
        decode(make_form({"a": 2}), {})
    with pytest.raises(ValueError, match="has 2 boxes"):
        decode(make_form({"a": 2}), {"a": seen("123")})
    with pytest.raises(ValueError, match=r"'a'.*finite"):
        decode(make_form({"a": 2}), {"a": np.full((2, CLASSES), np.nan)})
    with pytest.raises(ValueError, match="shape"):
        decode(make_form({"a": 2}), {"a": np.zeros((2, 10))})


# --- calibration ------------------------------------------------------------------------------------------------------


def test_probabilities_mean_what_they_say() -> None:
    """Sheets drawn from the model itself: a sum of two-box rows, clear to blurred, one in four written inconsistent."""
    s = Settings(class_prior=None, consistent=0.75, illegible=0.0)
    rng = np.random.default_rng(20240728)
    form = make_form({"a": 2, "b": 2, "v": 2}, [equal("v", ["a", "b"], ["v"])])
    fillings = strings(2, s.odd_prior)
    read = np.array([100 if v is None else v for _, v, _ in fillings])
    prior = np.bincount(read, [w for *_, w in fillings], minlength=101)
    rows = with_latent(prior / prior.sum(), s)
    meant = rows.sum(axis=0)
    x = np.arange(100)
    left, right = x[:, None, None] + x[None, :, None], np.broadcast_to(x, (100, 100, 100))
    joint = brute_kernel(100, 1 - s.consistent, s, right - left, left < 100)
    joint *= meant[:, None, None] * meant[None, :, None] * meant
    n = 600
    drawn = np.unravel_index(rng.choice(joint.size, n, p=joint.ravel() / joint.sum()), joint.shape)
    all_right, inconsistent, single = [], [], []
    for triple in zip(*drawn, strict=True):
        truth: dict[str, int | None] = {}
        p: dict[str, np.ndarray] = {}
        power = rng.uniform(2.5, 6.0)
        for name, value in zip("abv", triple, strict=True):
            what = rng.choice(101, p=rows[:, value] / rows[:, value].sum())
            truth[name] = None if what == 100 else int(what)
            ways = np.flatnonzero(read == what)
            weights = np.array([fillings[i][2] for i in ways])
            classes = fillings[rng.choice(ways, p=weights / weights.sum())][0]
            shown = [rng.integers(CLASSES) if rng.random() < s.noise else c for c in classes]
            signal = power * (power * np.eye(CLASSES)[shown] + rng.normal(size=(2, CLASSES)))
            signal -= signal.max(axis=1, keepdims=True)
            p[name] = np.exp(signal) / np.exp(signal).sum(axis=1, keepdims=True)
        d = decode(form, p, s)
        all_right.append((d.probability, values(d) == truth))
        inconsistent.append((d.inconsistent, triple[0] + triple[1] != triple[2]))
        single += [(d.fields[name].probability, d.fields[name].value == truth[name]) for name in "abv"]
    for pairs, most in ((all_right, 0.05), (inconsistent, 0.05), (single, 0.03)):
        said, was = np.array(pairs, dtype=float).T
        assert 0.05 < was.mean() < 0.995  # the test would be empty otherwise
        assert abs(said.mean() - was.mean()) < most
        bins = np.digitize(said, [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
        gap = sum(
            abs(said[bins == b].mean() - was[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)
        )
        assert gap < most, f"expected calibration error {gap:.3f}"


# --- speed, printed ---------------------------------------------------------------------------------------------------


def test_the_longest_form_prints_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    parties = [f"p{i}" for i in range(25)]
    form = make_form(
        dict.fromkeys([*parties, "valid", "null", "box"], 4),
        [equal("v", parties, ["valid"]), equal("c", ["valid", "null"], ["box"])],
    )
    rng = np.random.default_rng(3)
    v = {n: int(rng.integers(0, 60)) for n in parties}
    v |= {"valid": sum(v.values()), "null": 9, "box": sum(v.values()) + 9}
    p = {n: seen(str(x).rjust(4, "x")) for n, x in v.items()}
    decode(form, p)
    start = time.process_time()
    d = decode(form, p)
    with capsys.disabled():
        print(f"\n25 parties of 4 boxes: {(time.process_time() - start) * 1e3:.0f} ms of CPU time")
    assert values(d) == v and d.accepted


# --- what a sheet says about itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_row_with_a_habit_equals_the_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 3
    q = soften(rng.dirichlet(np.full(CLASSES, 0.3), n), 0.01)
    zero, blank, mark = filler = rng.uniform(0.1, 3, 3)
    expected = np.zeros(10**n + 1)
    for s in itertools.product(range(CLASSES), repeat=n):
        mass = float(np.prod(q[range(n), s]))
        if all(c == BLANK for c in s):
            expected[-1] += mass
            continue
        rest = list(s)
        while rest and rest[0] in (BLANK, MARK):
            mass *= blank if rest.pop(0) == BLANK else mark
        if any(c in (BLANK, MARK) for c in rest):
            continue  # an odd filling
        for digits in itertools.product(*(range(10) if c == CROSSED else [c] for c in rest)):
            text = "".join(map(str, digits))
            noughts = len(text[:-1]) - len(text[:-1].lstrip("0"))  # the last box is the number's own
            expected[int(text or "0")] += mass * 0.1 ** rest.count(CROSSED) * zero**noughts
    row = read_row(q, odd_prior=0.0, filler=filler, keep=0.0, cap=10**6)
    got = np.array([*row.weights, row.blank])
    assert got == pytest.approx(expected[[*row.values, -1]] / expected.sum(), abs=1e-9)
    assert regular(q, filler) == pytest.approx((expected[:-1].sum(), expected[-1]))


def test_leading_boxes_are_read_as_the_sheets_other_rows_fill_them() -> None:
    form = make_form(dict.fromkeys("abcdef", 3))
    zeros = {n: seen(t) for n, t in zip("abcde", ("012", "007", "123", "045", "001"), strict=True)}
    marks = {n: seen(t) for n, t in zip("abcde", ("x12", "xx7", "123", "x45", "xx1"), strict=True)}
    doubt = between("645", 0, 6, MARK, 0.5)  # a 6 or a mark
    assert decode(form, marks | {"f": doubt}).fields["f"].value == 45
    assert decode(form, zeros | {"f": doubt}).fields["f"].value == 645
    habits = fillers(form, {n: soften(p, 5e-4) for n, p in (marks | {"f": doubt}).items()}, Settings())
    assert habits["f"][2] > 2.5 and habits["f"][0] < 0.5


def test_no_row_is_its_own_evidence() -> None:
    form = make_form({"a": 3, "b": 3})
    boxes = {"a": soften(seen("x12"), 5e-4), "b": soften(seen("123"), 5e-4)}
    habits = fillers(form, boxes, Settings())
    assert habits["a"][0] == pytest.approx(habits["a"][2], rel=1e-3)  # 123 says nothing about fillers
    assert habits["b"][2] > habits["b"][0]


def test_unclear_sheets_are_believed_less() -> None:
    clear, dim = {"a": seen("123", 0.999)}, {"a": seen("123", 0.6)}
    assert unsure(dim) > unsure(clear)
    assert unsure({"a": seen("___")}) == pytest.approx(0.1)  # nothing written says nothing
    hot = Settings(temperature_slope=2.0, calibration=(1.0, 0.0, 0.0))
    cold = Settings(temperature_slope=0.0, calibration=(1.0, 0.0, 0.0))
    form = make_form({"a": 3})
    assert decode(form, dim, hot).probability < decode(form, dim, cold).probability
    assert decode(form, clear, hot).probability >= decode(form, clear, cold).probability


def test_a_total_is_seldom_off_by_hundreds() -> None:
    """As published counts have it: of two digits equally doubtful, the sum settles the hundreds and leaves the units more in doubt."""
    far, near = sheet(valid=between("197", 0, 7, 1, 0.97)), sheet(valid=between("197", 2, 1, 7, 0.97))
    assert values(far) == values(near) == TRUE
    assert far.fields["valid"].probability > 0.998 > near.fields["valid"].probability


@pytest.mark.parametrize("size", [10, 100, 500, 1000, 10_000])
def test_a_kernel_is_a_law(size: int) -> None:
    """All it weighs adds up; a digit off is likelier than its neighbours, whatever it is worth."""
    kernel = Kernel.make(size, 0.3, 0.95)
    slips = dict(kernel.slips)
    assert sum(slips.values()) + kernel.size * kernel.broad == pytest.approx(0.3, rel=0.02)
    assert slips[1] > 2 * slips[2] > 4 * slips[5] and all(slips[d] == slips[-d] for d in slips)
    if size > 100:
        assert slips[100] > 0 and 137 not in slips and slips[20] > slips[19]


def test_a_part_left_empty_is_none_or_few_as_the_enumeration_has_it() -> None:
    """Parts stand for 0 or for a number below a hundred if they are empty, the total for any."""
    form = make_form(dict.fromkeys("abt", 3), [equal("sum", ["a", "b"], ["t"])])
    settings = replace(EXACT, blank_is_zero=0.85)
    rng = np.random.default_rng(3)
    texts = {"a": "___", "b": "212", "t": "237"}
    p = {n: 0.97 * seen(text) + 0.03 * rng.dirichlet(np.ones(CLASSES), 3) for n, text in texts.items()}
    p["a"] = 0.8 * p["a"] + 0.2 * seen("_45")
    rows = {n: brute_row(p[n], settings) for n in "abt"}
    meant = {n: row[:-1].copy() for n, row in rows.items()}
    for n in "ab":
        meant[n][0] += 0.85 * rows[n][-1]
        meant[n][:100] += 0.15 * rows[n][-1] / 100
    meant["t"][0] += 0.5 * rows["t"][-1]
    meant["t"] += 0.5 * rows["t"][-1] / 1000
    error, x = 1 - settings.consistent, np.arange(1000)

    def likely(a: np.ndarray) -> np.ndarray:
        """The weight of each total, given that of the first part."""
        left = np.convolve(a, meant["b"])
        s = np.arange(len(left))
        return brute_kernel(1000, error, settings, x[:, None] - s[None], (s < 1000)[None]) @ left

    d = decode(form, p, settings)
    totals = likely(meant["a"])
    whole = float(totals @ meant["t"])
    value = d.fields["t"].value
    assert value is not None
    assert d.fields["t"].probability == pytest.approx(rows["t"][value] * totals[value] / whole, rel=1e-6)
    blank = np.where(x < 100, 0.15 / 100, 0.0)
    blank[0] += 0.85
    empty = rows["a"][-1] * float(likely(blank) @ meant["t"]) / whole
    assert d.fields["a"].value is None
    assert d.fields["a"].probability == pytest.approx(empty, rel=1e-6)
