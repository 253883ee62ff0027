"""Words beside the boxes: how numbers are spelt, what strips of words say, and what that is worth against the boxes."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr.decode import decode
from ocr.evidence import Settings
from ocr.form import Form, load_forms
from ocr.found import NotFound
from ocr.image import open_picture
from ocr.lattice import CROSSED, read_row, soften
from ocr.numerals import DIGITS, LANGUAGE, spellings
from ocr.register import register
from ocr.witness import Witness, weigh
from ocr.words import ALPHABET, HEIGHT, default_reader, judge, strips, witnesses
from tests.ocr.test_decode import between, equal, make_form, seen

FORM = make_form({"a": 3, "b": 3, "total": 3}, [equal("total", ["a", "b"], ["total"])])
PLAIN = Settings(temperature=1.0, temperature_slope=0.0, calibration=(1.0, 0.0, 0.0))


def drawn(text: str, width: int = 520, face: int = cv2.FONT_HERSHEY_COMPLEX, ink: int = 70) -> np.ndarray:
    """Words in a stroke font that was not trained on, over a printed rule."""
    page = np.full((HEIGHT * 3, width * 3), 235, np.uint8)
    cv2.putText(page, text, (30, 84), face, 1.9, ink, 4, cv2.LINE_AA)
    cv2.line(page, (0, 110), (width * 3, 110), 90, 2)
    noise = np.random.default_rng(len(text)).normal(0, 2, (HEIGHT, width))
    small = cv2.resize(page, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.clip(small + noise, 0, 255).astype(np.uint8)


def says(number: int, sure: float = 0.9) -> Witness:
    """A witness for one number."""
    numbers = np.full(1000, (1 - sure) / 1000)
    numbers[number] += sure
    return Witness(numbers, (1 - sure) / 1000, (1 - sure) / 1000, number if sure > 0.5 else None)


@pytest.mark.parametrize("language", sorted(DIGITS))
def test_every_number_is_spelt_and_no_spelling_has_two(language: str) -> None:
    texts = spellings(language, 3)
    assert {n for _, n in texts} == set(range(1000))
    assert len({t for t, _ in texts}) == len(texts)
    assert {c for t, _ in texts for c in t} <= set(ALPHABET[1:])


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("es", 508, "quinientas ocho"),
        ("es", 100, "cien"),
        ("es", 285, "docientos ochenta y cinco"),
        ("es", 74, "cero siete cuatro"),
        ("es", 21, "veintiuno"),
        ("id", 118, "seratus delapan belas"),
        ("id", 11, "sebelas"),
        ("id", 210, "dua ratus sepuluh"),
        ("pt", 367, "trezentos e sessenta e sete"),
        ("pt", 16, "dezesseis"),
    ],
)
def test_spellings_people_use(language: str, number: int, text: str) -> None:
    assert dict(spellings(language, 3))[text] == number


def test_every_form_with_written_words_has_a_language() -> None:
    told = {f.country for f in load_forms().values() if any(x.words for x in f.fields)}
    assert told <= set(LANGUAGE)


def test_a_flat_witness_changes_nothing() -> None:
    row = read_row(soften(between("012", 2, 2, 7), 5e-4), odd_prior=0.02)
    flat = weigh(row, Witness(np.ones(1000), 1.0, 1.0, None))
    assert np.allclose(flat.weights, row.weights)
    assert flat.blank == pytest.approx(row.blank)
    assert weigh(row, None) is row


def test_a_witness_multiplies() -> None:
    row = read_row(soften(between("012", 2, 2, 7, 0.3), 5e-4), odd_prior=0.02)
    both = weigh(row, says(12))
    ratio = (both.probability(12) / both.probability(17)) / (row.probability(12) / row.probability(17))
    assert ratio == pytest.approx((0.9 + 1e-4) / 1e-4)
    assert float(both.weights.sum()) + both.blank + both.other == pytest.approx(1)


def test_numbers_beyond_the_vocabulary_have_their_own_likelihood() -> None:
    row = read_row(soften(between("1234", 0, 1, 10), 5e-4), odd_prior=0.02)
    assert weigh(row, says(234)).probability(234) > 0.99 > row.probability(234)


def test_the_tree_gives_the_probability_over_all_alignments() -> None:
    """Against a sum over every path of five places through four symbols."""
    symbols = [ALPHABET.index(c) for c in "-ums"]
    rng = np.random.default_rng(3)
    p = np.full((5, len(ALPHABET)), 1e-12)
    p[:, symbols] = rng.dirichlet(np.ones(4), 5)
    by_text: dict[str, float] = {}
    for path in itertools.product(symbols, repeat=5):
        text = "".join(ALPHABET[c] for c, _ in itertools.groupby(path) if c)
        by_text[text] = by_text.get(text, 0.0) + float(np.prod(p[range(5), path]))
    free = float(np.prod(p.max(axis=1)))
    w = judge(np.log(p), "pt", 1)
    # "um" is the only number that can be written with these letters.
    said = np.sqrt(min(1.0, by_text["um"] / free))
    assert (w.numbers[1] - w.other) / 0.75 == pytest.approx(said, rel=1e-6)
    assert int(w.numbers.argmax()) == 1


def test_drawn_numbers_are_read_and_none_is_clearly_wrong() -> None:
    numbers = range(3, 1000, 37)
    clear = []
    for n in numbers:
        text = next(t for t, k in spellings("es", 3) if k == n)
        said = judge(default_reader().letters(drawn(text)), "es", 3).clear
        assert said in (None, n)
        clear.append(said == n)
    assert np.mean(clear) > 0.25


def test_an_empty_strip_speaks_for_a_blank_row() -> None:
    w = judge(default_reader().letters(drawn("")), "es", 3)
    assert w.clear is None
    assert 2 < w.blank / w.numbers.max() < 10


def test_scrawls_say_nothing() -> None:
    rng = np.random.default_rng(8)
    for _ in range(10):
        page = drawn("")
        points = np.cumsum(rng.integers(-9, 14, (40, 2)), axis=0) % (300, HEIGHT)
        cv2.polylines(page, [points.astype(np.int32)], False, 60, 2, cv2.LINE_AA)
        w = judge(default_reader().letters(page), "id", 3)
        assert w.clear is None


def test_words_settle_what_the_boxes_leave_open() -> None:
    boxes = {"a": between("012", 2, 2, 7), "b": between("034", 2, 4, 9), "total": between("046", 2, 6, 1)}
    apart = decode(FORM, boxes, PLAIN)
    assert not apart.accepted
    told = decode(FORM, boxes, PLAIN, {"a": says(12), "b": says(34), "total": says(46)})
    assert {n: f.value for n, f in told.fields.items()} == {"a": 12, "b": 34, "total": 46}
    assert told.accepted
    assert told.fields["a"].alone == pytest.approx(apart.fields["a"].alone)


def test_words_that_clearly_say_another_number_go_to_a_person() -> None:
    boxes = {"a": seen("012"), "b": seen("034"), "total": seen("046")}
    assert decode(FORM, boxes, PLAIN).accepted
    told = decode(FORM, boxes, PLAIN, {"a": says(13)})
    assert told.fields["a"].value == 12
    assert "words-differ:a" in told.reasons
    assert not told.accepted


def test_words_against_sure_boxes_are_never_accepted() -> None:
    """Whichever of the two is right, a person decides."""
    boxes = {"a": between("012", 2, 2, 7, 0.004), "b": seen("034"), "total": seen("046")}
    told = decode(FORM, boxes, PLAIN, {"a": says(12)})
    assert told.fields["a"].value == 12
    assert "against-boxes:a" in told.reasons


def test_words_say_what_stands_behind_a_box_struck_out() -> None:
    boxes = {"a": between("012", 1, 1, CROSSED, 0.3), "b": seen("034"), "total": seen("046")}
    assert "crossed-out:a" in decode(FORM, boxes, PLAIN).reasons
    told = decode(FORM, boxes, PLAIN, {"a": says(12)})
    assert told.fields["a"].value == 12 and told.accepted
    assert not decode(FORM, boxes, PLAIN, {"a": says(42)}).accepted


def test_strips_lie_where_the_form_says(real_data: Path) -> None:
    """On real sheets with words: those that are clear say what is written, and they are a quarter or more."""
    clear = right = seen_words = 0
    for folder in ("hn-cne-2025", "mx-ine-aecc-2015", "id-kpu-c1-2019"):
        with (real_data / "actas" / folder / "truth.csv").open(encoding="utf-8") as stream:
            truth = {(r["file"], r["field"]): r["value"] for r in csv.DictReader(stream)}
        for file in sorted({file for file, _ in truth}):
            gray = open_picture((real_data / "actas" / folder / file).read_bytes(), grey=True).pixels
            for name, witness in _witnesses(gray).items():
                if truth.get((file, name), ""):
                    seen_words += 1
                    clear += witness.clear is not None
                    right += str(witness.clear) == truth[file, name]
    assert right == clear
    assert clear > 0.25 * seen_words


def _witnesses(gray: np.ndarray) -> dict[str, Witness]:
    forms: list[Form] = list(load_forms().values())
    try:
        registration = register(gray, forms)
    except NotFound:
        return {}
    assert all(s.shape[0] == HEIGHT for s in strips(gray, registration).values())
    return witnesses(gray, registration)
