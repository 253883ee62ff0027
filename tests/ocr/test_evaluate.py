"""The scoring rules, on readings made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ocr.errors import CotejoError
from ocr.evaluate import UNKNOWN, Truth, adds_up, evaluate, load_truth, score, summary, true_form
from ocr.form import Form, load_forms
from ocr.read import read
from ocr.reading import FieldReading, Reading, State, SumReading, refusal


def form(name: str = "one", fields: tuple[str, ...] = ("a", "b", "total"), **more: Any) -> Form:
    data: dict[str, Any] = {
        "id": name,
        "title": name,
        "country": "XX",
        "page": {"width": 1000, "height": 1000},
        "fields": [{"name": f, "box": [10, 10 + 50 * i, 90, 40], "digits": 3} for i, f in enumerate(fields)],
        "sums": [{"name": "all", "left": ["a", "b"], "right": ["total"]}],
    }
    return Form.model_validate(data | more)


ONE = form()
FORMS = {"one": ONE}


def reading(
    values: Mapping[str, int | None],
    of: str = "one",
    accepted: bool = False,
    sums: bool = True,
    file: str = "",
) -> Reading:
    fields = {
        name: FieldReading(v, State.BLANK if v is None else State.NUMBER, 0.9, None, 0.0, "", 0.9, v)
        for name, v in values.items()
    }
    a, b, total = (values.get(n) for n in ("a", "b", "total"))
    told: tuple[SumReading, ...] = ()
    if sums and a is not None and b is not None and total is not None:
        told = (SumReading("all", "equal", a + b, total, a + b == total, 0.9),)
    return Reading(
        file, "", 1, of, True, None, None, None, accepted, (), 0.9, 0.1, 0.9, (), (1, 1), "test", fields, told
    )


def truth(file: str = "x.jpg", refuse: bool = False, **values: int) -> Truth:
    return Truth(file, values, frozenset(values), refuse)


def refused(file: str = "") -> Reading:
    return refusal(file=file, sha256="", why="too blurred; take it again", reader="test")


def test_a_right_sheet() -> None:
    s = score(truth(a=7, b=12, total=19), reading({"a": 7, "b": 12, "total": 19}, accepted=True), ONE)
    assert (s.boxes, s.boxes_right, s.fields, s.fields_right, s.right) == (9, 9, 3, 3, True)
    assert s.adds_up is True and s.accepted and not s.recognised and s.wrong == ()


def test_boxes_are_compared_zero_padded() -> None:
    s = score(truth(a=7, b=12, total=119), reading({"a": 70, "b": 12, "total": 19}, accepted=True), ONE)
    # 007 against 070: one box right; 012 all three; 119 against 019: two
    assert (s.boxes, s.boxes_right, s.fields_right, s.right) == (9, 6, 1, False)
    assert s.wrong == (("a", 7, 70), ("total", 119, 19))
    assert s.confusion[("1", "0")] == 1 and s.confusion[("7", "0")] == 1 and s.confusion[("0", "7")] == 1
    assert summary([s])["accepted"] == {"n": 1, "wrong": 1, "consistent": 0}


def test_blank_is_not_zero() -> None:
    s = score(truth(a=0), reading({"a": None}), ONE)
    assert (s.boxes, s.boxes_right, s.fields_right, s.right) == (3, 0, 0, False)
    assert score(truth(a=0), reading({"a": 0}), ONE).right


def test_a_number_wider_than_its_boxes_is_wrong_in_all_of_them() -> None:
    s = score(truth(a=1234), reading({"a": 234}), ONE)
    assert (s.boxes, s.boxes_right, s.right) == (3, 0, False)


def test_a_refused_sheet_is_wrong_in_everything() -> None:
    s = score(truth(a=7, b=12, total=19), refused(), ONE)
    assert (s.boxes, s.boxes_right, s.fields, s.fields_right, s.right, s.adds_up) == (9, 0, 3, 0, False, True)
    out = summary([s])
    assert out["refused"] == [{"file": "x.jpg", "reason": "too blurred; take it again", "rightly": False}]
    assert out["actas"] == {"n": 1, "right": 0, "consistent_n": 1, "consistent_right": 0}


def test_a_sheet_to_refuse() -> None:
    good, bad = (
        score(truth(refuse=True), refused(), ONE),
        score(truth(refuse=True), reading({"a": 1}, accepted=True), ONE),
    )
    out = summary([good, bad])
    assert out["digits"] == out["fields"] == {"n": 0, "right": 0}
    assert out["actas"] == {"n": 2, "right": 1, "consistent_n": 0, "consistent_right": 0}
    assert out["accepted"] == {"n": 1, "wrong": 1, "consistent": 0}
    assert [r["rightly"] for r in out["refused"]] == [True]


def test_another_form_is_wrong_even_where_the_numbers_agree() -> None:
    s = score(
        truth(a=7, b=12, total=19), reading({"a": 7, "b": 12, "total": 19}, of="two", accepted=True), ONE
    )
    assert (s.boxes_right, s.fields_right, s.right, s.form) == (0, 0, False, "one")
    assert summary([s])["accepted"]["wrong"] == 1


def test_fields_that_are_not_scored_do_not_count() -> None:
    s = score(Truth("x", {"a": 7}, frozenset("ab")), reading({"a": 7, "b": 99}), ONE)
    assert (s.boxes, s.fields, s.right, s.adds_up) == (3, 1, True, None)


def test_adding_up_is_decided_by_truth() -> None:
    assert adds_up(ONE, {"a": 1, "b": 2, "total": 3}) is True
    assert adds_up(ONE, {"a": 1, "b": 2, "total": 4}) is False
    assert adds_up(ONE, {"a": 1, "total": 4}) is None
    assert adds_up(form(sums=[]), {"a": 1, "b": 2, "total": 3}) is None
    no_evidence = form(sums=[{"name": "all", "left": ["a", "b"], "right": ["total"], "evidence": False}])
    assert adds_up(no_evidence, {"a": 1, "b": 2, "total": 4}) is None
    at_most = form(sums=[{"name": "all", "left": ["a"], "right": ["b"], "rule": "at-most"}])
    assert adds_up(at_most, {"a": 9, "b": 2, "total": 4}) is None
    two = form(
        sums=[
            {"name": "x", "left": ["a"], "right": ["b"]},
            {"name": "y", "left": ["a", "b"], "right": ["total"]},
        ]
    )
    assert adds_up(two, {"a": 1, "b": 2}) is False  # one is broken, whatever the other says
    assert adds_up(two, {"a": 1, "b": 1}) is None


def test_an_inconsistent_sheet_is_recognised_only_with_its_written_totals() -> None:
    sheet = truth(a=1, b=2, total=4)
    as_written = {"a": 1, "b": 2, "total": 4}
    assert score(sheet, reading(as_written), ONE).recognised
    assert not score(sheet, reading(as_written, accepted=True), ONE).recognised
    assert not score(sheet, reading(as_written, sums=False), ONE).recognised
    assert not score(sheet, reading({"a": 1, "b": 2, "total": 3}), ONE).recognised  # repaired in silence
    assert not score(
        sheet, reading({"a": 1, "b": 2, "total": 9}), ONE
    ).recognised  # fails, but with other numbers
    assert not score(sheet, refused(), ONE).recognised
    out = summary([score(sheet, reading(as_written), ONE), score(sheet, refused(), ONE)])
    assert out["inconsistent"] == {"n": 2, "recognised": 1}


def test_the_true_form_follows_from_the_truth() -> None:
    two = form("two", ("a", "b", "c", "d", "total"))
    forms = {"two": two, "one": ONE}
    assert true_form(truth(a=1, b=2, total=3), forms) is ONE  # both have all three; ONE has nothing else
    assert true_form(truth(a=1, b=2, c=3), forms) is two
    assert true_form(truth(z=1), forms) is None
    twin = form("twin")
    assert true_form(truth(a=1, b=2, total=3), forms | {"twin": twin}) is ONE
    assert true_form(truth(a=1, b=2, total=3), forms | {"twin": twin}, "twin") is twin
    assert true_form(truth(a=1, b=2, c=3), forms | {"twin": twin}, "twin") is two


def test_a_sheet_of_an_unknown_form_counts_as_wrong() -> None:
    s = score(truth(z=123, y=4), refused(), None)
    assert (s.form, s.boxes, s.boxes_right, s.fields, s.fields_right, s.right) == (UNKNOWN, 4, 0, 2, 0, False)
    assert score(truth(z=123), reading({"z": 123}), None).boxes_right == 0


def write(folder: Path, text: str, *photos: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "truth.csv").write_text(text, encoding="utf-8-sig")
    for photo in photos:
        (folder / photo).write_bytes(b"photo")
    return folder


def test_truth_files(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "t",
        "file,field,value,note\n1.jpg,a,007,\n1.jpg,b,,doubtful\n1.jpg,total,xX,\n2.jpg,refuse,1,\n3.jpg,refuse,0,\n3.jpg,a,5,\n",
    )
    assert load_truth(folder) == [
        Truth("1.jpg", {"a": 7, "total": 0}, frozenset({"a", "b", "total"})),
        Truth("2.jpg", {}, frozenset(), True),
        Truth("3.jpg", {"a": 5}, frozenset({"a"})),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,field,value\n1.jpg,a,1O\n", "line 2: '1O' is not a number"),
        ("file,value\n1.jpg,1\n", "columns file, field and value"),
        ("file,field,value\n1.jpg,a\n", "columns file, field and value"),
        ("file,field,value\n1.jpg,a,5\n", "names 1.jpg, which is not there"),
    ],
)
def test_a_bad_truth_file_is_said(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CotejoError, match=says):
        evaluate([write(tmp_path / "t", text)], FORMS, reader=lambda path, forms: refused())
    with pytest.raises(CotejoError, match="there is no"):
        evaluate([tmp_path], FORMS, reader=lambda path, forms: refused())


def test_the_whole_document(tmp_path: Path) -> None:
    two = form("two", ("p", "q"), sums=[])
    first = write(
        tmp_path / "any-name",
        "file,field,value\n1,a,1\n1,b,2\n1,total,3\n2,a,1\n2,b,1\n2,total,3\n3,refuse,1\n4,p,5\n",
        *"1234",
    )
    second = write(tmp_path / "one", "file,field,value\n5,p,9\n5,q,8\n", "5")
    answers = {
        "1": reading({"a": 1, "b": 2, "total": 3}, accepted=True),
        "2": reading({"a": 1, "b": 1, "total": 3}),
        "3": refused(),
        "4": reading({"p": 5, "q": 4}, of="two", accepted=True),
        "5": reading({"p": 9, "q": 3}, of="two"),
    }
    out = evaluate([first, second], {"one": ONE, "two": two}, reader=lambda path, forms: answers[path.name])
    assert list(out["forms"]) == ["one", "two"]
    one, other, every = out["forms"]["one"], out["forms"]["two"], out["all"]
    assert (
        one["verified"] is False and other["verified"] is False
    )  # neither form was ever read from a real sheet
    assert one["sheets"] == 3 and one["digits"] == {"n": 18, "right": 18}
    assert one["actas"] == {"n": 3, "right": 3, "consistent_n": 1, "consistent_right": 1}
    assert one["inconsistent"] == {"n": 1, "recognised": 1}
    assert other["digits"] == {"n": 9, "right": 8} and other["fields"] == {"n": 3, "right": 2}
    assert every["sheets"] == 5 and every["digits"] == {"n": 27, "right": 26}
    assert every["accepted"] == {"n": 2, "wrong": 0, "consistent": 1}
    assert every["wrong_fields"] == [{"file": "5", "field": "q", "truth": 8, "read": 3}]
    assert every["confusion"]["8"] == {"3": 1}
    assert every["cpu_s_per_acta"] >= 0
    assert set(every) >= {
        "sheets", "digits", "fields", "actas", "accepted", "inconsistent", "refused", "cpu_s_per_acta",
    }  # fmt: skip


def test_a_sheet_that_fails_says_what_was_written_and_what_was_reported() -> None:
    wrong = reading({"a": 7, "b": 12, "total": 20})
    s = score(truth(a=7, b=12, total=20), wrong, ONE)
    assert s.recognised
    told = summary([s])["not_adding_up"]
    assert told == [
        {
            "file": "x.jpg",
            "sum": "all",
            "written": [19, 20],
            "reported": [19, 20],
            "recognised": True,
            "accepted": False,
        }
    ]
    repaired = score(truth(a=7, b=12, total=20), reading({"a": 8, "b": 12, "total": 20}), ONE)
    assert not repaired.recognised
    assert summary([repaired])["not_adding_up"][0]["reported"] == [20, 20]


def test_the_acta_probability_is_set_against_what_was() -> None:
    right = score(truth(a=7, b=12, total=19), reading({"a": 7, "b": 12, "total": 19}), ONE)
    wrong = score(truth(a=7, b=12, total=19), reading({"a": 1, "b": 12, "total": 19}), ONE)
    refused_ = score(truth(a=7), refused(), ONE)
    found = summary([right, wrong, refused_])["calibration"]
    assert found["n"] == 2  # a refusal states nothing
    assert found["ece"] == pytest.approx(0.4)  # 0.9 was said of both, half came true
    assert found["bins"] == [[0.8667, 0.9333, 2, 0.9, 0.5]]
    assert summary([refused_])["calibration"]["ece"] is None


DO_NOT_ADD_UP = {
    "co-e14-2026": ("Anza_p1.png", "Turbo_002_p1.png"),
    "ge-cec-protocol-2016": ("4.jpg",),
    "id-kpu-c1-2014": ("x_janggal.jpg",),
    "id-kpu-c1-2019": ("test13.jpg", "test16.jpg"),
}


@pytest.mark.parametrize(
    ("folder", "file"), [(f, name) for f, names in DO_NOT_ADD_UP.items() for name in names], ids=str
)
def test_real_sheets_that_do_not_add_up_are_never_accepted(real_data: Path, folder: str, file: str) -> None:
    found = read(real_data / "actas" / folder / file, load_forms())
    assert found.refused is None and found.form == folder
    assert not found.accepted and found.reasons


@pytest.mark.parametrize(
    ("folder", "file", "rule", "totals"),
    [
        ("co-e14-2026", "Anza_p1.png", "level", (191, 192)),
        ("id-kpu-c1-2014", "x_janggal.jpg", "valid", (348, 347)),
        ("id-kpu-c1-2019", "test16.jpg", "total", (167, 2)),
    ],
)
def test_real_sheets_that_do_not_add_up_are_reported_as_written(
    real_data: Path, folder: str, file: str, rule: str, totals: tuple[int, int]
) -> None:
    found = read(real_data / "actas" / folder / file, load_forms())
    told = {s.sum: s for s in found.sums}[rule]
    assert told.holds is False and (told.left, told.right) == totals
    assert f"sum-fails:{rule}" in found.reasons


def test_a_real_sheet_with_an_empty_row_says_that_its_sum_fails_with_zero(real_data: Path) -> None:
    """105 valid votes, nothing written beside "invalid", 150 in all: 45 might have been meant, or nothing."""
    found = read(real_data / "actas" / "id-kpu-c1-2019" / "test13.jpg", load_forms())
    told = {s.sum: s for s in found.sums}["total"]
    assert (told.left, told.right, told.known, told.holds) == (None, None, (105, 150), None)
    assert "blank-sum:total" in found.reasons and not found.accepted
    assert Reading.from_json(found.to_json()) == found


def test_a_sheet_upside_down_is_read_and_another_page_refused(real_data: Path) -> None:
    folder = real_data / "actas" / "id-kpu-c1-2014"
    assert read(folder / "x_terbalik.jpg", load_forms()).form == "id-kpu-c1-2014"
    assert read(folder / "x_salah.jpg", load_forms()).refused is not None
