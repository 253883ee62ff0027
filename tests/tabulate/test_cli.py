"""The command line: its documents, its exit codes, and one clear sentence for every kind of bad input."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tabulate.cli import main

GENERIC = "station_id,contest,registered,cast,valid,blank,null,sol,luna\n"


def png_of_claimed_size(side: int) -> bytes:
    """A small PNG file whose header claims side x side pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(1) * (side // 8 * 200), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((400, 300), 80).save(out, "JPEG")
    return out.getvalue()


def pdf(pages: int) -> bytes:
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    for _ in range(pages):
        document.new_page(200, 200)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


# A PDF that says it is encrypted, with a user password that nobody gave.
LOCKED = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n"
    b"4 0 obj<</Filter/Standard/V 1/R 2/O<" + b"ab" * 32 + b">/U<" + b"cd" * 32 + b">/P -60>>endobj\n"
    b"trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]/Size 5>>\n%%EOF\n"
)

BAD_PHOTOS: dict[str, bytes] = {
    "empty.jpg": b"",
    "text.jpg": b"This is a letter and not a photo.\n" * 20,
    "truncated.jpg": jpeg()[:2000],
    "huge.png": png_of_claimed_size(30_000),
    "long.pdf": pdf(500),
    "locked.pdf": LOCKED,
    "else.jpg": jpeg(),
}


@pytest.fixture
def mission(tmp_path: Path, template: Path) -> Path:
    """A small mission without photos."""
    folder = tmp_path / "mission"
    assert main(["init", str(folder), "--from", str(template)]) == 0
    return folder


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The JSON document of a command that must succeed."""
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """The one sentence of a command that must fail, and nothing on standard output."""
    capsys.readouterr()
    assert main(list(arguments)) == code
    said = capsys.readouterr()
    assert said.out == ""
    sentence = " ".join(said.err.split())
    assert sentence.startswith("cotejo: ") and "Traceback" not in sentence
    return sentence


@pytest.mark.parametrize("name", BAD_PHOTOS)
def test_read_refuses_a_bad_photo_with_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / name
    photo.write_bytes(BAD_PHOTOS[name])
    (reading,) = ask(capsys, "read", str(photo))
    assert reading["form"] is None and reading["accepted"] is False and reading["fields"] == {}
    assert len(reading["refused"]) > 20 and "\n" not in reading["refused"]
    assert photo.read_bytes() == BAD_PHOTOS[name]


def test_ingest_records_every_bad_photo_and_goes_on(
    mission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, data in BAD_PHOTOS.items():
        (photos / name).write_bytes(data)
    receipts = ask(capsys, "ingest", str(mission), str(photos))
    status = {Path(r["name"]).name: r["status"] for r in receipts}
    assert set(status) == set(BAD_PHOTOS)
    for name in ("empty.jpg", "text.jpg", "long.pdf"):
        assert status[name] == "refused", name
    assert all(r["message"] for r in receipts if r["status"] == "refused")
    # What may be a picture is kept for the reader, and refused there: nothing is lost on the way.
    done = ask(capsys, "read", str(mission))
    assert done["read"] == sum(s == "new" for s in status.values())
    assert done["refused"] >= done["read"]


def test_a_register_with_a_repeated_station_changes_nothing(
    mission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register = tmp_path / "register.csv"
    register.write_text("station_id,place,region\n001,Uno,Norte\n001,Dos,Sur\n", encoding="utf-8")
    before = (mission / "ledger.sqlite").read_bytes()
    assert "001" in refuse(capsys, "ingest", str(mission), str(tmp_path), "--register", str(register))
    assert (mission / "ledger.sqlite").read_bytes() == before


def test_an_official_file_with_a_missing_column(
    mission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "count.csv"
    file.write_text("contest,registered,sol\npresident,10,5\n", encoding="utf-8")
    assert "station_id" in refuse(capsys, "official", str(file), "--format", "cotejo-csv")
    assert "station_id" in refuse(capsys, "import", str(mission), str(file), "--format", "cotejo-csv")
    assert list((mission / "blobs").rglob("*.tmp")) == []


def test_a_sum_that_names_an_unknown_field(
    tmp_path: Path, template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in template.rglob("mission.toml"):
        path.write_text(path.read_text(encoding="utf-8").replace('"mar"]', '"marr"]'), encoding="utf-8")
    sentence = refuse(capsys, "init", str(tmp_path / "new"), "--from", str(template))
    assert "marr" in sentence
    assert not (tmp_path / "new").exists()


def test_wrong_usage(tmp_path: Path, mission: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no mission" in refuse(capsys, "rebuild", str(tmp_path / "nowhere"))
    assert "no photo" in refuse(capsys, "read", str(tmp_path / "nowhere.jpg"))
    assert "give one of them" in refuse(capsys, "compare")
    assert "give one of them" in refuse(capsys, "audit")
    assert "snapshot" in refuse(capsys, "compare", str(mission))
    assert "template" in refuse(capsys, "init", str(tmp_path / "x"), "--from", "atlantis")
    assert "roles" in refuse(capsys, "serve", str(mission), "--host", "0.0.0.0")
    (tmp_path / "photo.jpg").write_bytes(jpeg())
    assert "known are" in refuse(capsys, "read", str(tmp_path / "photo.jpg"), "--form", "atlantis")
    assert main(["nonsense"]) == 2


def test_a_full_disk_is_the_machines_failure(
    mission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert "space" in refuse(capsys, "export", str(mission), "--to", str(tmp_path / "out"), code=3)
    monkeypatch.undo()
    assert not list((tmp_path / "out").glob("flagged*"))


def test_exports_carry_no_formula(tmp_path: Path) -> None:
    import polars as pl

    from tabulate.export import csv_bytes, xlsx_bytes

    names = ["=1+1", "+cmd", "-2", "@sum", "\tx", "plain", "1-2", None]
    frame = pl.DataFrame({"name": names, "votes": range(len(names))})
    lines = csv_bytes(frame).decode("utf-8-sig").split("\r\n")[1:]
    assert [line[0] for line in lines[:4]] == ["'"] * 4
    assert lines[5].startswith("plain") and lines[6].startswith("1-2")
    import zipfile

    with zipfile.ZipFile(io.BytesIO(xlsx_bytes(frame))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
        assert b"=1+1" in book.read("xl/sharedStrings.xml")
    assert xlsx_bytes(frame) == xlsx_bytes(frame)


def test_two_files_and_exit_code_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left, right = tmp_path / "left.csv", tmp_path / "right.csv"
    left.write_text(GENERIC + "001,,100,60,50,4,6,30,20\n002,,100,50,40,5,5,12,28\n", encoding="utf-8")
    right.write_text(GENERIC + "001,,100,60,50,4,6,20,30\n002,,100,50,40,5,5,12,28\n", encoding="utf-8")
    document = ask(capsys, "compare", "--left", str(left), "--right", str(right))
    assert (document["both"], document["equal"], document["differing"]) == (2, 1, 1)
    assert document["net"] == {"sol": -10, "luna": 10}
    assert "swapped-options" in document["causes"]
    files = ["--left", str(left), "--right", str(right), "--json"]
    assert main(["compare", *files, "--fail-on-difference"]) == 1
    assert main(["compare", "--left", str(left), "--right", str(left), "--json", "--fail-on-difference"]) == 0


def test_bolivia_2019_as_files_and_as_snapshots(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """549 and 706 actas of the two TREP files differ from the final count."""
    folder = real_data / "official" / "bo-2019"
    trep = [folder / f"trep - acta.2019.10.{t}.csv" for t in ("20.19.40.57", "21.18.29.53")]
    final = folder / "final_computo.csv"
    totals = json.loads((real_data / "official" / "totals.json").read_text())
    for path in (*trep, final):
        document = ask(capsys, "official", str(path), "--format", "bo-oep-2019")
        expected = totals[f"bo-2019/{path.name}"]
        assert document["rows"] == expected.pop("actas")
        assert document["totals"] == expected
    by_file = [ask(capsys, "compare", "--left", str(p), "--right", str(final)) for p in trep]
    assert [d["differing"] for d in by_file] == [549, 706]

    mission = tmp_path / "bo"
    assert main(["init", str(mission), "--from", "bo-2019"]) == 0
    times = ("2019-10-20T19:40:57-04:00", "2019-10-21T18:29:53-04:00", "2019-10-25T12:00:00-04:00")
    for path, at in zip((*trep, final), times, strict=True):
        ask(capsys, "import", str(mission), str(path), "--at", at)
    pairs = ask(capsys, "compare", str(mission))["pairs"]
    assert [p["differing"] for p in pairs] == [549, 706]
    renamed = {"MAS - IPSP": "mas", "CC": "cc"}
    for file, pair in zip(by_file, pairs, strict=True):
        assert {o: pair["net"][ours] for o, ours in renamed.items()} == {o: file["net"][o] for o in renamed}


@pytest.mark.parametrize("year", [2011, 2012, 2018])
def test_russia_as_published(year: int, real_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All twelve values of the exact null; source: reference/kobak_exact_null.csv."""
    import polars as pl

    reference = pl.read_csv(real_data / "reference" / "kobak_exact_null.csv").filter(pl.col("year") == year)
    file = real_data / "official" / "ru" / f"{year}.csv.zip"
    (audit,) = ask(capsys, "audit", "--counts", str(file), "--only", "integer-percent")["audits"]
    assert reference.height == 12
    for row in reference.iter_rows(named=True):
        bound = 0.01 if row["weight"] == "stations" else 1
        name = f"{row['test']}/{row['weight']}"
        if name == "either/stations":
            assert audit["statistic"] == pytest.approx(row["excess"], abs=bound)
        else:
            assert audit["parts"][name]["excess"] == pytest.approx(row["excess"], abs=bound)
        for ours, theirs in (("observed", "observed"), ("expected", "expected_exact"), ("sd", "sd_exact")):
            assert audit["parts"][name][ours] == pytest.approx(row[theirs], abs=bound)
    assert audit["n"] == reference["n_included"][0]
