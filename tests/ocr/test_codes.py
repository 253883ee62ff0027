"""Codes: where the form has them, anywhere else, hostile ones, contradicting ones."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from ocr.codes import MAX_STATION, MAX_TEXT, clean, find_codes, locate, stations
from ocr.form import Form
from ocr.found import Registration
from ocr.reading import CodeReading

WIDTH, HEIGHT = 1000, 700


def form(pattern: str = r"M-(?P<station>\d{5})", kind: str = "qr", **place: float) -> Form:
    where = {"x": 800, "y": 50, "w": 150, "h": 150} | place
    data: dict[str, Any] = {
        "id": "made-up",
        "title": "Made up",
        "country": "XX",
        "page": {"width": WIDTH, "height": HEIGHT},
        "codes": [{"kind": kind, "pattern": pattern, **where}],
        "fields": [{"name": "votes", "role": "cast", "box": [100, 400, 120, 40]}],
    }
    return Form.model_validate(data)


def code(text: str, kind: str, width: int, height: int) -> NDArray[np.uint8]:
    bare = np.array(zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind)).to_image(scale=6))
    way = cv2.INTER_AREA if bare.shape[1] > width else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(bare, (width, height), interpolation=way), np.uint8)


def page(
    text: str = "M-00123", kind: str = "QRCode", x: int = 800, y: int = 50, w: int = 150, h: int = 150
) -> NDArray[np.uint8]:
    sheet = np.full((HEIGHT, WIDTH), 235, np.uint8)
    sheet[y : y + h, x : x + w] = code(text, kind, w, h)
    return sheet


def photo(
    sheet: NDArray[np.uint8], of: Form, scale: float = 1.0, shift: float = 0.0
) -> tuple[NDArray[np.uint8], Registration]:
    """A sheet seen from the side; `shift` is by how many pixels the registration is wrong."""
    quad = np.array([[60, 90], [1010, 40], [1060, 730], [30, 700]], np.float32) * scale
    flat = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(flat, quad)
    size = (round(1100 * scale), round(780 * scale))
    seen = cv2.warpPerspective(sheet, matrix, size, flags=cv2.INTER_AREA, borderValue=90)
    known = np.array([[1, 0, shift], [0, 1, shift], [0, 0, 1]]) @ matrix
    return np.asarray(seen, np.uint8), Registration(of, known, {}, 1.0, 0.0, {})


@pytest.mark.parametrize(
    ("kind", "word", "text"),
    [("QRCode", "qr", "M-00123"), ("Code128", "code128", "M-00123"), ("Code39", "code39", "M-00123")],
)
def test_a_code_in_its_place(kind: str, word: str, text: str) -> None:
    place = {"x": 600, "y": 60, "w": 360, "h": 90} if kind != "QRCode" else {}
    of = form(kind=word, **place)
    gray, registration = photo(page(text, kind, **place), of)
    codes = find_codes(gray, registration)
    assert codes == (CodeReading(word, text),)
    assert stations(of, codes) == (("00123", word),)  # a string, with its zeros


def test_a_small_code_needs_enlarging() -> None:
    of = form(w=60, h=60)
    gray, registration = photo(page(w=60, h=60), of, scale=0.8)
    assert stations(of, find_codes(gray, registration)) == (("00123", "qr"),)


def test_a_code_elsewhere_on_the_page_is_found_and_one_beside_it_is_not() -> None:
    of = form(x=50, y=500)  # the page has it somewhere else
    gray, registration = photo(page(), of)
    assert stations(of, find_codes(gray, registration)) == (("00123", "qr"),)

    of = form(x=50, y=500)
    gray, registration = photo(page(), of)
    neighbour = np.full((780, 2200), 90, np.uint8)
    neighbour[:, 1100:] = gray  # the code is on the sheet at the right; ours is the one at the left
    assert find_codes(neighbour, registration) == ()
    assert find_codes(neighbour, None) == (CodeReading("qr", "M-00123"),)


def test_the_place_may_be_known_only_roughly() -> None:
    of = form()
    gray, registration = photo(page(), of, shift=25)
    assert stations(of, find_codes(gray, registration)) == (("00123", "qr"),)


def test_a_form_without_codes_is_not_searched() -> None:
    of = form().model_copy(update={"codes": ()})
    gray, registration = photo(page(), of)
    assert find_codes(gray, registration) == ()


def test_a_large_photo_stays_within_the_limit() -> None:
    of = form(x=50, y=500)
    gray, registration = photo(page(), of, scale=5)
    assert gray.size > 12_000_000
    assert stations(of, find_codes(gray, registration)) == (("00123", "qr"),)


def test_the_whole_text_must_match_and_the_kind_too() -> None:
    of = form(r"(?P<station>\d{6,8})", kind="any")
    assert stations(of, [CodeReading("qr", "0320101020127|1000551|123311")]) == ()
    assert stations(of, [CodeReading("code128", "1000551")]) == (("1000551", "code128"),)
    assert stations(form(kind="code39"), [CodeReading("qr", "M-00123")]) == ()
    assert stations(form(r"\d+"), [CodeReading("qr", "007")]) == (("007", "qr"),)  # no group: the whole text
    assert stations(form(r"(?P<station>\d+)?x"), [CodeReading("qr", "x")]) == ()


def test_contradicting_codes_are_all_told() -> None:
    codes = [CodeReading("qr", "M-00123"), CodeReading("qr", "M-00123"), CodeReading("qr", "M-00456")]
    assert stations(form(), codes) == (("00123", "qr"), ("00456", "qr"))


def test_hostile_text_is_bounded() -> None:
    assert clean("a\x00b\x1b[31m\n\u202ec\ud800") == "a\ufffdb\ufffd[31m\ufffd\ufffdc\ufffd"
    assert clean("ñandú é 漢") == "ñandú é 漢"
    assert len(clean("x" * 10_000)) == MAX_TEXT
    of = form(r"(?P<station>.+)")
    assert stations(of, [CodeReading("qr", "9" * (MAX_STATION + 1))]) == ()
    assert stations(of, [CodeReading("qr", "   ")]) == ()
    gray, registration = photo(
        page("M\x07\n=cmd|calc", x=700, y=50, w=250, h=250), form(".*", x=700, y=50, w=250, h=250)
    )
    (reading,) = find_codes(gray, registration)
    assert reading == CodeReading("qr", "M\ufffd\ufffd=cmd|calc")


def test_noise_has_no_codes() -> None:
    gray = np.random.default_rng(3).integers(0, 256, (600, 800), dtype=np.uint8)
    assert find_codes(gray) == ()


def spoilt(kind: str) -> NDArray[np.uint8]:
    """A photo with a code that is small, or faint under a shadow, or run together."""
    bare = np.array(
        zxingcpp.create_barcode("M-00123!" + "7,0," * 20, zxingcpp.BarcodeFormat.QRCode).to_image(scale=1)
    )
    size = bare.shape[0]
    if kind == "small":
        seen = cv2.resize(bare, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_AREA)
    else:
        seen = cv2.resize(bare, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    paper = np.full((700, 900), 230, np.uint8)
    paper[300 : 300 + seen.shape[0], 400 : 400 + seen.shape[1]] = np.minimum(seen, 230)
    if kind == "shadowed":
        shade = (
            np.linspace(1.0, 0.25, 900)[None, :] * np.where(np.arange(700) < 300 + 2 * size, 1, 0.45)[:, None]
        )
        faint = 150 + (paper.astype(np.float64) - 150) * 0.35
        paper = np.clip(faint * shade, 0, 255).astype(np.uint8)
    return paper


@pytest.mark.parametrize("kind", ["plain", "small", "shadowed"])
def test_a_code_that_gives_a_sheet_is_looked_for_in_every_way(kind: str) -> None:
    found = locate(spoilt(kind), lambda found: bool(found), thorough=True)
    assert [f.reading.text[:8] for f in found] == ["M-00123!"]
    centre = found[0].corners.mean(axis=0)
    assert 400 < centre[0] < 620 and 300 < centre[1] < 520


def test_the_quick_look_ends_with_a_small_copy() -> None:
    large = np.asarray(
        cv2.resize(spoilt("plain"), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST), np.uint8
    )
    (found,) = locate(large, lambda found: bool(found))
    assert found.corners.mean() > 1200  # in pixels of the photo, not of the copy
    seen: list[int] = []
    assert locate(np.full((900, 1200), 200, np.uint8), lambda found: bool(seen.append(len(found)))) == ()
    assert seen == [0]
