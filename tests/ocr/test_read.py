"""The whole way from bytes to a reading; bad photos give refusals, whatever is wrong with them."""

from __future__ import annotations

import concurrent.futures
import hashlib
import io
import json
import multiprocessing
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr import read as module
from ocr.decode import Decoded, DecodedField
from ocr.errors import CotejoError
from ocr.form import Form, load_forms
from ocr.image import Limits
from ocr.read import READER, read, read_all, warm_up
from ocr.reading import CodeReading, Reading, State
from tests.ocr.made import LANDSCAPE, corners, jpeg, photograph, sheet
from tests.ocr.test_image import huge_png, pdf

FORMS = load_forms()
FORM = FORMS["sample-landscape"]


@pytest.fixture(scope="module")
def photo() -> bytes:
    return jpeg(photograph(sheet(FORM, LANDSCAPE, "CEV/02211/P"))[0])


@pytest.fixture(scope="module")
def reading(photo: bytes) -> Reading:
    return read(photo, file="acta.jpg")


def test_a_made_sheet_is_read(photo: bytes, reading: Reading) -> None:
    assert reading.refused is None
    assert (reading.form, reading.file, reading.page, reading.reader) == (FORM.id, "acta.jpg", 1, READER)
    assert reading.verified is FORM.verified
    assert reading.sha256 == hashlib.sha256(photo).hexdigest()
    assert {name: f.value for name, f in reading.fields.items()} == LANDSCAPE
    assert all(s.holds for s in reading.sums) and len(reading.sums) == len(FORM.sums)
    assert (reading.station_id, reading.station_source) == ("02211", "qr")
    assert not {"no-station", "station-differs"} & set(reading.reasons)


def test_boxes_are_where_they_are(reading: Reading) -> None:
    _, to_photo = photograph(sheet(FORM, {}))
    for name, field in reading.fields.items():
        assert np.abs(np.array(field.boxes) - corners(FORM, name, to_photo)).max() < 6
    matrix = np.array(reading.transform).reshape(3, 3)
    ends = np.array([[[0, 0]], [[FORM.page.width, FORM.page.height]]], np.float64)
    off = cv2.perspectiveTransform(ends, matrix) - cv2.perspectiveTransform(ends, to_photo)
    assert np.abs(off).max() < 20


def test_the_same_photo_gives_the_same_bytes(photo: bytes, reading: Reading) -> None:
    text = json.dumps(reading.to_json())
    assert json.dumps(read(photo, file="acta.jpg").to_json()) == text
    assert Reading.from_json(json.loads(text)) == reading


def test_a_worker_gives_the_same_bytes(photo: bytes, reading: Reading) -> None:
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context, initializer=warm_up) as pool:
        assert pool.submit(read, photo, file="acta.jpg").result() == reading


def test_upside_down_and_exif(photo: bytes) -> None:
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    turned = read(jpeg(pixels[::-1, ::-1].copy()))
    assert {name: f.value for name, f in turned.fields.items()} == LANDSCAPE
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(pixels)[:, :, ::-1]).save(out, "JPEG", quality=95, exif=exif)
    upright = read(out.getvalue())
    assert upright.size == (pixels.shape[1], pixels.shape[0])
    assert {name: f.value for name, f in upright.fields.items()} == LANDSCAPE


def test_a_printed_station_number_is_no_count() -> None:
    form = FORMS["sample-words"]
    values = {
        "station": "02134",
        "unused": 40,
        "voted": 160,
        "cast": 160,
        "sol": 70,
        "puente": 41,
        "faro": 25,
        "ceiba": 12,
        "timon": 5,
        "valid": 153,
    }
    values |= {f.name: 7 for f in form.fields if f.name not in values}
    got = read(jpeg(photograph(sheet(form, values))[0]))
    assert got.form == form.id
    assert got.fields["station"].value == 2134
    assert (got.station_id, got.station_source) == ("02134", "printed")
    assert not any("station" in (*s.left, *s.right) for s in form.sums)


def test_only_the_named_form_is_looked_for(photo: bytes) -> None:
    assert read(photo, {FORM.id: FORM}).form == FORM.id
    other = read(photo, {"ge-cec-protocol-2012": FORMS["ge-cec-protocol-2012"]})
    assert other.refused is not None and other.form is None


def test_bad_files_are_refused(photo: bytes) -> None:
    meadow = cv2.GaussianBlur(
        np.random.default_rng(5).integers(0, 256, (600, 800, 3), dtype=np.uint8), (0, 0), 9
    )
    cases: dict[str, tuple[bytes, str]] = {
        "empty": (b"", "empty"),
        "text": (b"minutes of the meeting" * 100, "not a JPEG"),
        "truncated": (photo[: len(photo) // 2], "breaks off"),
        "huge": (huge_png(), "30000 x 30000"),
        "long": (pdf(500), "500 pages"),
        "locked": (pdf(1, encrypted=True), "password"),
        "blank page": (pdf(1), ""),
        "meadow": (jpeg(cv2.normalize(meadow, None, 0, 255, cv2.NORM_MINMAX)), ""),
    }
    for name, (data, says) in cases.items():
        got = read(data, file=name)
        assert got.refused is not None and says in got.refused, (name, got.refused)
        assert "\n" not in got.refused and ";" in got.refused, (name, got.refused)
        assert (got.form, got.accepted, got.fields, got.sums, got.reasons) == (
            None,
            False,
            {},
            (),
            ("refused",),
        )
        assert got.sha256 == hashlib.sha256(data).hexdigest()
        assert Reading.from_json(json.loads(json.dumps(got.to_json()))) == got


def test_a_refused_photo_still_tells_its_codes() -> None:
    paper = np.full((500, 500, 3), 240, np.uint8)
    page = sheet(FORM, {}, "CEV/02211/P")
    paper[100:300, 100:300] = page[40:240, 160:360]
    got = read(jpeg(paper))
    assert got.refused is not None
    assert got.codes == (CodeReading("qr", "CEV/02211/P"),)
    assert got.station_id is None  # which form it is, and so what the code means, is not known


def test_pages(photo: bytes) -> None:
    out = io.BytesIO()
    first = Image.open(io.BytesIO(photo)).convert("RGB")
    first.save(
        out, "PDF", resolution=120, save_all=True, append_images=[Image.new("RGB", (800, 600), "white")]
    )
    pages = read_all(out.getvalue(), file="scan.pdf")
    assert [r.page for r in pages] == [1, 2] and len({r.sha256 for r in pages}) == 1
    assert {name: f.value for name, f in pages[0].fields.items()} == LANDSCAPE
    assert pages[1].refused is not None
    assert read(out.getvalue(), page=2) == Reading.from_json(pages[1].to_json() | {"file": ""})
    assert [r.refused for r in read_all(pdf(500))] == [read(pdf(500)).refused]
    assert "no page 3" in (read(out.getvalue(), page=3).refused or "")


def test_paths(tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "acta.jpg"
    path.write_bytes(b"no photo")
    assert read(path).file == "acta.jpg" and read(path, file="other").file == "other"
    for missing in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(CotejoError, match="check the path"):
            read(missing)
    path.write_bytes(photo)
    small = Limits(bytes=1000)
    monkeypatch.setattr(module, "Limits", lambda: small)
    got = read(path)
    assert "larger than" in (got.refused or "") and got.sha256 == hashlib.sha256(photo).hexdigest()
    assert read_all(path) == [got]


def test_a_failure_of_the_reader_is_a_refusal_and_is_logged(
    photo: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(module, "cut", broken)
    got = read(photo)
    assert got.refused is not None and "ZeroDivisionError" in got.refused and "secret" not in got.refused
    assert "ZeroDivisionError" in caplog.text

    def no_weights() -> None:
        raise CotejoError("the weights are missing; reinstall")

    monkeypatch.undo()
    monkeypatch.setattr(module, "default_reader", no_weights)
    with pytest.raises(CotejoError, match="weights"):  # not the photo's fault: it must be read again later
        read(photo)


def decoded(raw: str | None, probability: float = 1.0) -> Decoded:
    fields = {}
    if raw is not None:
        digits = raw.strip("_x")
        value = int(digits) if digits.isdecimal() else None
        state = State.NUMBER if value is not None else State.BLANK
        fields["station"] = DecodedField(value, state, probability, None, 0.0, raw, 1.0, value)
    return Decoded(fields, (), 1.0, 0.0, True, ())


@pytest.mark.parametrize(
    ("codes", "raw", "probability", "expected"),
    [
        (["A-00123"], None, 1.0, ("00123", "qr", ())),
        (["A-00123"], "00123", 1.0, ("00123", "qr", ())),
        (["A-00123"], "__123", 1.0, ("00123", "qr", ())),  # leading zeros make no difference
        (["A-00123"], "00124", 1.0, ("00123", "qr", ("station-differs",))),
        (["A-00123"], "00124", 0.9, ("00123", "qr", ())),  # the print is not sure enough to contradict
        (["A-00123", "A-00456"], "00123", 1.0, (None, None, ("station-differs",))),
        (["something else"], "00124", 1.0, ("00124", "printed", ())),
        ([], "x0124", 1.0, ("0124", "printed", ())),
        ([], "00124", 0.9, (None, None, ("no-station",))),
        ([], "_____", 1.0, (None, None, ("no-station",))),
        ([], "0#124", 1.0, (None, None, ("no-station",))),
    ],
)
def test_the_station(
    codes: list[str], raw: str | None, probability: float, expected: tuple[Any, ...]
) -> None:
    data = FORM.model_dump(mode="json")
    data["codes"] = [{"kind": "qr", "x": 0, "y": 0, "w": 9, "h": 9, "pattern": r"A-(?P<station>\d{5})"}]
    if raw is not None:
        data["fields"] = [
            *data["fields"],
            {"name": "station", "role": "station", "box": [10, 10, 100, 20], "digits": 5},
        ]
    for f in data["fields"]:
        f.pop("box" if f.get("boxes") else "boxes", None)
    found = tuple(CodeReading("qr", text) for text in codes)
    assert module._station(Form.model_validate(data), found, decoded(raw, probability)) == expected


def test_a_form_that_tells_no_station_does_not_ask_for_one() -> None:
    bare = FORM.model_copy(update={"codes": ()})
    assert module._station(bare, (), decoded(None)) == (None, None, ())


def test_a_station_that_differs_goes_to_a_person(photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "decode", lambda *_: Decoded({}, (), 1.0, 0.0, True, ()))
    assert read(photo).accepted
    monkeypatch.setattr(module, "find_codes", lambda *_: ())
    got = read(photo)  # the numbers need no person; whose they are is for the tally to settle, and it is told
    assert got.accepted and got.station_id is None and got.reasons == ("no-station",)
    codes = (CodeReading("qr", "CEV/02211/P"), CodeReading("qr", "CEV/02212/P"))
    monkeypatch.setattr(module, "find_codes", lambda *_: codes)
    got = read(photo)
    assert not got.accepted and got.station_id is None and got.reasons == ("station-differs",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".pdf"])
def test_mutated_files(suffix: str) -> None:
    """Seeded mutations of small sheets: a reading or a refusal, never an exception."""
    rng = np.random.default_rng(2026)
    small = cv2.resize(sheet(FORM, LANDSCAPE), (440, 310), interpolation=cv2.INTER_AREA)
    if suffix == ".pdf":
        out = io.BytesIO()
        Image.fromarray(small).save(out, "PDF", resolution=200)
        seed = out.getvalue()
    else:
        seed = cv2.imencode(suffix, small)[1].tobytes()
    outcomes = {read(seed, {FORM.id: FORM}).refused}
    for _ in range(int(os.environ.get("COTEJO_FUZZ_ROUNDS", "6"))):
        data = bytearray(seed)
        for place in rng.integers(0, len(data), rng.integers(1, 5)):
            data[place] = rng.integers(256)
        got = read(bytes(data), {FORM.id: FORM})
        outcomes.add(got.refused)
        assert (got.refused is None) == bool(got.fields)
    assert len(outcomes) > 1


def test_extreme_pictures() -> None:
    for pixels in (
        np.zeros((64, 64, 3), np.uint8),
        np.full((70, 9000, 3), 255, np.uint8),
        np.tile(np.array([[0, 255], [255, 0]], np.uint8), (100, 100))[:, :, None].repeat(3, axis=2),
    ):
        assert read(cv2.imencode(".png", pixels)[1].tobytes()).refused is not None


def test_real_sheets_tell_their_station(real_data: Path) -> None:
    folder = real_data / "actas" / "bo-oep-2025"
    told = {path.name: read(path).station_id for path in sorted(folder.glob("*.jpg"))}
    assert told == {name: name[5:-4] for name in told} and len(told) == 3
