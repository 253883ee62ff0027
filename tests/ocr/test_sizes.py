"""What is known of the sizes of numbers before a row is read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ocr.decode import decode
from ocr.evidence import Settings
from ocr.lattice import read_row
from ocr.sizes import size_prior, sized
from tests.ocr.test_decode import BLANK, MARK, between, make_form, seen


def fillings(boxes: int) -> np.ndarray:
    """How many ways there are to write each number, counted: zeros, nothing or marks before it; 0 as digits."""
    out = np.zeros(10**boxes)
    for row in itertools.product(range(12), repeat=boxes):
        text = "".join("0" if c in (BLANK, MARK) else str(c) for c in row)
        start = next((i for i, c in enumerate(row) if 0 < c < 10), boxes - 1)
        if all(c < 10 for c in row[start:]):  # nothing but digits from the number's first on
            out[int(text)] += 1
    return out


@pytest.mark.parametrize("small", [0.5, 0.75, 1.0, 1.4])
def test_numbers_weigh_as_stated_and_rows_as_before(small: float) -> None:
    values = np.arange(1000)
    ways = fillings(3)
    assert ways[700] == 1 and ways[70] == 3 and ways[7] == ways[0] == 9
    weight = ways * size_prior(values, 3, small)
    assert weight.sum() == pytest.approx(ways.sum(), rel=2e-3)  # the mean over all fillings is 1
    assert weight / weight[0] == pytest.approx((values + 1.0) ** -small, rel=1e-9)


def test_a_lone_zero_is_told_from_800_by_what_numbers_are_like() -> None:
    """Null votes stand in no sum; a first box that may be 0 or 8 is far more often a 0."""
    form = make_form({"n": 3, "total": 3}, n={"role": "null"})
    boxes = {"n": between("800", 0, 8, 0, 0.8), "total": between("800", 0, 8, 0, 0.8)}
    plain, informed = (
        decode(form, boxes, Settings(spoilt=s, temperature=1.0, temperature_slope=0.0)) for s in (0.0, 1.3)
    )
    assert plain.fields["n"].value == 800
    assert informed.fields["n"].value == 0
    assert informed.fields["n"].alone_value == 800  # what the boxes say stays beside it
    assert "against-boxes:n" in informed.reasons and not informed.accepted
    assert informed.fields["total"].value == 800  # only counts of votes are small


def test_clear_boxes_are_believed_whatever_numbers_are_like() -> None:
    row = read_row(np.clip(seen("987"), 1e-5, 1), odd_prior=0.02)
    told = sized(row, 3, 0.75)
    assert told.probability(987) > 0.99
    assert told.weights.sum() + told.blank + told.other == pytest.approx(1)
    assert sized(row, 3, 0.0) is row


def test_where_no_number_is_probable_the_boxes_have_the_word() -> None:
    """The sums would have many sheets, none of them probable: what is reported is what is seen, and the failing sum is named."""
    rule = {"name": "s", "left": ["a", "b", "c"], "right": ["t"]}
    form = make_form({"a": 2, "b": 2, "c": 2, "t": 2}, [rule])

    def soft(text: str, share: float) -> np.ndarray:
        p = np.full((2, 13), 1e-5)
        for row, digit in zip(p, text, strict=True):
            row[:10] = (1 - share) / 9
            row[int(digit)] = share
        return p / p.sum(axis=1, keepdims=True)

    boxes = {n: soft(t, 0.62) for n, t in (("a", "13"), ("b", "25"), ("c", "31"))} | {"t": soft("93", 0.62)}
    s = Settings(temperature=1.0, temperature_slope=0.0)
    d = decode(form, boxes, s)
    assert {n: f.value for n, f in d.fields.items()} == {"a": 13, "b": 25, "c": 31, "t": 93}
    assert "sum-fails:s" in d.reasons and not d.accepted
