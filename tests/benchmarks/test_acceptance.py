"""The synthetic actas in small, on drawn digits: that they are what they say, and that the figures follow from them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import _photos, acceptance
from benchmarks._photos import drawn_digits, half, take
from benchmarks._reliability import interval, plot
from benchmarks.acceptance import MARK, Outcome, from_photos, report, row, write
from ocr.form import load_forms
from ocr.register import register
from ocr.train.levels import LEVELS, table
from ocr.words import witnesses

GOOD = Outcome("f", "light", True, True, 0.999, True, False)


def cells(line: str) -> list[str]:
    return [c.strip() for c in line.strip("|").split("|")]


def test_figures_by_hand() -> None:
    broken = replace(GOOD, adds_up=False, accepted=False, recognised=True)
    part = [GOOD] * 7 + [replace(GOOD, right=False), replace(GOOD, accepted=False, refused=True, right=False)]
    part += [broken, replace(broken, recognised=False, accepted=True)]
    struck = replace(GOOD, accepted=False, clear=False)
    more = dict(zip(cells(acceptance.HEAD), cells(row("light", [*part, struck], 0.95)), strict=False))
    assert more["add up: accepted"] == f"{8 / 10:.1%}"
    assert more["nothing struck out or left empty: accepted"] == f"{8 / 9:.1%}"
    found = dict(zip(cells(acceptance.HEAD.split("\n")[0]), cells(row("light", part, 0.95)), strict=True))
    assert found["actas"] == "11" and found["refused"] == f"{1 / 11:.1%}"
    assert found["add up: accepted"] == f"{8 / 9:.1%}" and found["wrong among accepted"] == "1 of 9"
    assert (found["do not add up"], found["recognised"], found["accepted"]) == ("2", "50.0%", "1")
    assert cells(row("none", [replace(GOOD, adds_up=False, accepted=False)]))[4:6] == ["", ""]


def test_the_exact_interval() -> None:
    assert interval(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)  # 1 - 0.025 ** (1 / 10)
    assert interval(10, 10) == pytest.approx((0.6915, 1.0), abs=1e-4)


def test_the_plot_is_an_svg_with_every_group() -> None:
    svg = ElementTree.fromstring(
        plot({"light": [(0.9, True), (0.2, False)], "heavy": [(0.5, True)]}, "Title")
    )
    text = " ".join(t.text or "" for t in svg.iter("{http://www.w3.org/2000/svg}text"))
    assert "Title" in text and "light (n = 2)" in text and "heavy (n = 1)" in text


def test_what_is_written_stands_below_the_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "DOCS", tmp_path)
    page = tmp_path / "accuracy.md"
    page.write_text(f"by people\n{MARK}\n", encoding="utf-8")
    write({"Levels": table(), "From cells": "old figures"})
    write({"Levels": table(), "From photos": "of photos"})
    write({"From cells": "new figures"})
    text = page.read_text(encoding="utf-8")
    assert text.startswith("by people\n") and "new figures" in text and "old figures" not in text
    assert [line for line in text.split("\n") if line.startswith("## ")] == [
        "## Levels",
        "## From cells",
        "## From photos",
    ]
    assert all(f"| {level} |" in text for level in LEVELS) and "of photos" in text


@pytest.mark.parametrize("level", LEVELS)
def test_a_photo_keeps_to_its_level(level: str) -> None:
    form = load_forms()["bo-oep-2025"]
    photo = take(form, LEVELS[level], drawn_digits(5, 1), 0.0, np.random.default_rng(2))
    again = take(form, LEVELS[level], drawn_digits(5, 1), 0.0, np.random.default_rng(2))
    assert photo.data == again.data and photo.values == again.values and photo.adds_up
    pixels = cv2.imdecode(np.frombuffer(photo.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    scale = max(pixels.shape) / max(form.page.width, form.page.height) / 1.06
    box = float(np.median([h for f in form.votes for _, _, _, h in f.boxes]))
    low, high = LEVELS[level].box
    assert low * 0.97 <= scale * box <= high * 1.03


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_words_on_a_photo_say_its_numbers(monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    monkeypatch.setattr(_photos, "WORDY", share)
    form = load_forms()["sample-words"]
    photo = take(form, LEVELS["light"], drawn_digits(5, 1), 0.0, np.random.default_rng(2))
    gray = cv2.imdecode(np.frombuffer(photo.data, np.uint8), cv2.IMREAD_GRAYSCALE)
    said = {n: w.clear for n, w in witnesses(gray, register(gray, [form])).items() if w.clear is not None}
    assert len(said) > 5 if share else not said
    assert all(photo.values[name] == value for name, value in said.items())


def test_halves_of_the_digits_are_apart() -> None:
    digits = drawn_digits(100, 3)
    a, b = (half(digits, h) for h in ("fit", "score"))
    assert len(a.labels) + len(b.labels) == len(digits.labels)
    assert not {i.tobytes() for i in a.images} & {i.tobytes() for i in b.images}


def test_photos_through_the_whole_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = load_forms()
    monkeypatch.setattr(acceptance, "handwritten", lambda _: {"bo-oep-2025": forms["bo-oep-2025"]})
    found = from_photos("light", 2, None, 1)
    assert [x.form for x in found] == ["bo-oep-2025"] * 2 and not any(x.refused for x in found)
    assert all(x.right for x in found if x.accepted)
    assert "| `bo-oep-2025` |" in report({"light": found})
