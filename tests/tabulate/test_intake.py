"""A photo arrives: stored, recorded, receipted; whatever is refused is refused in one sentence, and recorded too."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ocr.errors import CotejoError, MachineError
from tabulate import ledger as ledger_module
from tabulate.blobs import sha256
from tabulate.intake import Receipt, claim, ingest, kind_of, receive
from tabulate.mission import Mission
from tests.tabulate.conftest import AT


def picture(shade: int = 0, form: str = "JPEG", size: tuple[int, int] = (80, 60)) -> bytes:
    out = io.BytesIO()
    Image.new("L", size, shade).save(out, form)
    return out.getvalue()


def pdf(pages: int, password: bool = False) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8)).save(
        out, "PDF", save_all=True, append_images=[Image.new("L", (8, 8))] * (pages - 1)
    )
    data = out.getvalue()
    if not password:
        return data
    # An Encrypt entry that no empty password opens.
    lock = (
        b"/Encrypt << /Filter /Standard /V 1 /R 2 /O ("
        + b"a" * 32
        + b") /U ("
        + b"b" * 32
        + b") /P -4 >> /ID [(x)(x)]"
    )
    return data.replace(b"trailer\n<<", b"trailer\n<< " + lock, 1)


def archive(files: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return path


def statuses(receipts: list[Receipt]) -> list[tuple[str, str, str | None, str | None]]:
    return [(r.name, r.status, r.station_id, r.reason) for r in receipts]


def test_a_receipt_proves_that_it_arrived(mission: Mission) -> None:
    data = picture()
    receipt = receive(mission, data, "mesa-001.jpg", actor="ana", at=AT)
    assert (receipt.status, receipt.photo, receipt.station_id) == ("new", sha256(data), "001")
    entry = mission.ledger.last("photo-received", subject=receipt.photo)
    assert entry is not None and (entry.seq, entry.hash, entry.at) == (receipt.seq, receipt.hash, receipt.at)
    assert mission.blobs.get(sha256(data)) == data
    assert mission.ledger.verify(head=receipt.hash).ok


def test_the_same_photo_counts_once_and_for_another_station_is_a_second_filing(mission: Mission) -> None:
    data = picture()
    got = [
        receive(mission, data, name, actor="ana", station=station, at=AT)
        for name, station in [
            ("a.jpg", "001"),
            ("b.jpg", "001"),
            ("c.jpg", None),
            ("d.jpg", "002"),
            ("e.jpg", "002"),
        ]
    ]
    assert [r.status for r in got] == [
        "new",
        "already here",
        "already here",
        "also filed for",
        "already here",
    ]
    assert got[3].others == ("001",)
    assert len(list(mission.blobs)) == 2  # the photo and mission.toml
    assert len(list(mission.ledger.entries("photo-received"))) == 5


def test_the_name_claims_the_station_and_what_is_said_outright_wins(mission: Mission) -> None:
    assert claim(mission, "mesa-007.jpg") == "007"
    assert claim(mission, "C:\\norte\\mesa-007_b.jpg") == "007"
    assert claim(mission, "IMG_1234.jpg") is None
    assert receive(mission, picture(), "mesa-007.jpg", actor="ana", station=" 008 ").station_id == "008"


@pytest.mark.parametrize(
    ("data", "reason", "sentence", "kept"),
    [
        (b"", "empty", "acta.jpg is empty; send it again", False),
        (
            b"Estimado presidente de mesa",
            "not-a-picture",
            "not a picture or PDF, whatever its name says",
            False,
        ),
        (b"PK\x03\x04....", "nested-zip", "is an archive where a photo should be", False),
        (b"\x00\x00\x00\x18ftypheic....", "heic", "send it as JPEG", True),
        (
            b"\xff\xd8\xff" + b"x" * 700_000,
            "too-large",
            "send a smaller picture or raise intake.max_bytes",
            False,
        ),
        (pdf(12), "too-many-pages", "has 12 pages, more than 10", True),
        (pdf(500), "too-many-pages", "pages", True),
        (pdf(1, password=True), "password", "password", True),
        (b"%PDF-1.4 broken", "damaged", "damaged", True),
    ],
)
def test_a_refused_file_is_recorded_with_its_reason(
    template: Path, tmp_path: Path, data: bytes, reason: str, sentence: str, kept: bool
) -> None:
    path = template / "mission.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + "max_bytes = 600_000\nmax_pdf_pages = 10\n", encoding="utf-8"
    )
    mission = Mission.create(tmp_path / "m", template)
    receipt = receive(mission, data, "acta.jpg", actor="ana", station="001", at=AT)
    assert (receipt.status, receipt.reason) == ("refused", reason)
    assert sentence in (receipt.message or "") and "\n" not in (receipt.message or "")
    entry = mission.ledger.last("photo-refused")
    assert entry is not None and entry.subject == sha256(data) and entry.body["station_id"] == "001"
    assert entry.body["kept"] is kept and (sha256(data) in mission.blobs) is kept


def test_kinds_by_their_first_bytes() -> None:
    assert [kind_of(picture(form=f)) for f in ("JPEG", "PNG", "WEBP", "TIFF")] == [
        "jpeg",
        "png",
        "webp",
        "tiff",
    ]
    assert kind_of(pdf(1)) == "pdf" and kind_of(b"hello") is None


def test_a_folder_is_taken_in_whole_and_in_order(mission: Mission, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "norte").mkdir(parents=True)
    (folder / "norte" / "mesa-002.jpg").write_bytes(picture(2))
    (folder / "mesa-001.jpg").write_bytes(picture(1))
    (folder / "notes.jpg").write_text("no picture")
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "link.jpg").symlink_to(folder / "mesa-001.jpg")
    seen: list[Receipt] = []
    receipts = ingest(mission, [folder], actor="ana", at=AT, on_receipt=seen.append)
    assert statuses(receipts) == [
        ("mesa-001.jpg", "new", "001", None),
        ("norte/mesa-002.jpg", "new", "002", None),
        ("notes.jpg", "refused", None, "not-a-picture"),
    ]
    assert seen == receipts
    again = ingest(mission, [folder], actor="ana", at=AT)
    assert [r.status for r in again] == ["already here", "already here", "refused"]


def test_an_archive_is_taken_in_member_by_member(mission: Mission, tmp_path: Path) -> None:
    inner = archive({"mesa-009.jpg": picture(9)}, tmp_path / "inner.zip").read_bytes()
    path = archive(
        {
            "sur/mesa-003.jpg": picture(3),
            "../../mesa-004.jpg": picture(4),
            "/mesa-005.jpg": picture(5),
            "C:\\mesa-006.jpg": picture(6),
            "nested.zip": inner,
            "bomb.jpg": b"\xff\xd8\xff" + b"\0" * 20_000_000,
            "huge.jpg": b"\xff\xd8\xff" + b"\0" * 60_000_000,
            "text.jpg": b"hello",
            "__MACOSX/._x.jpg": b"clutter",
            ".hidden": b"clutter",
        },
        tmp_path / "photos.zip",
    )
    receipts = ingest(mission, [path], actor="ana", at=AT)
    assert statuses(receipts) == [
        ("../../mesa-004.jpg", "refused", "004", "zip-path"),
        ("/mesa-005.jpg", "refused", "005", "zip-path"),
        ("C:/mesa-006.jpg", "refused", "006", "zip-path"),
        ("bomb.jpg", "refused", None, "zip-bomb"),
        ("huge.jpg", "refused", None, "too-large"),
        ("nested.zip", "refused", None, "nested-zip"),
        ("sur/mesa-003.jpg", "new", "003", None),
        ("text.jpg", "refused", None, "not-a-picture"),
    ]
    assert list(mission.blobs) == sorted(
        [sha256(picture(3)), mission.ledger.last("mission-configured").subject]
    )  # type: ignore[union-attr]
    assert not list(tmp_path.rglob("mesa-00[456]*"))
    assert all(
        e.body["container"] == "photos.zip" for e in mission.ledger.entries("photo-received", "photo-refused")
    )


def test_a_member_that_lies_about_its_size_is_not_unpacked(mission: Mission, tmp_path: Path) -> None:
    path = archive({"big.jpg": b"\xff\xd8\xff" + bytes(range(256)) * 300_000}, tmp_path / "z.zip")
    data = bytearray(path.read_bytes())
    size = (3 + 256 * 300_000).to_bytes(4, "little")
    for _ in range(2):
        at = data.index(size)
        data[at : at + 4] = (100_000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    receipts = ingest(mission, [path], actor="ana")
    assert [r.status for r in receipts] == ["refused"] and receipts[0].reason in ("bad-zip", "too-large")


def test_a_damaged_archive(mission: Mission, tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    path.write_bytes(b"PK\x03\x04" + b"x" * 100)
    (receipt,) = ingest(mission, [path], actor="ana")
    assert (receipt.name, receipt.reason) == ("z.zip", "bad-zip")


def test_an_archive_beyond_its_limits(template: Path, tmp_path: Path) -> None:
    path = template / "mission.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + "max_zip_files = 2\nmax_zip_bytes = 1500\n", encoding="utf-8"
    )
    mission = Mission.create(tmp_path / "m", template)
    many = archive({f"{i}.jpg": picture(i) for i in range(3)}, tmp_path / "many.zip")
    assert [r.reason for r in ingest(mission, [many], actor="ana")] == ["zip-too-many"]
    large = archive({f"{i}.jpg": picture(i, size=(200 + i, 200)) for i in range(2)}, tmp_path / "large.zip")
    assert len(picture(0, size=(200, 200))) < 1500
    assert [r.reason for r in ingest(mission, [large], actor="ana")] == [None, "zip-too-large"]


def test_a_path_that_is_not_there_takes_nothing_in(mission: Mission, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture())
    head = mission.ledger.head
    with pytest.raises(CotejoError, match="does not exist; check the path, nothing was taken in"):
        ingest(mission, [tmp_path / "a.jpg", tmp_path / "b.jpg"], actor="ana")
    assert mission.ledger.head == head


def test_a_name_never_becomes_a_path_and_can_always_be_stored(mission: Mission) -> None:
    receipt = receive(mission, picture(), "../\udcff\x00\nmesa-001.jpg", actor="ana")
    assert receipt.name == "../???mesa-001.jpg"
    assert mission.ledger.verify().ok


def test_a_full_disk_in_the_ledger_loses_no_receipt(
    mission: Mission, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = receive(mission, picture(1), "a.jpg", actor="ana")

    def full(*_: object, **__: object) -> None:
        raise MachineError("the ledger could not be written (database or disk is full); free space")

    with monkeypatch.context() as m:
        m.setattr(ledger_module.Writer, "append", full)
        with pytest.raises(MachineError, match="is full"):
            receive(mission, picture(2), "b.jpg", actor="ana")
    assert mission.ledger.head == (first.seq, first.hash)
    assert receive(mission, picture(2), "b.jpg", actor="ana").status == "new"


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_of_an_archive_stops_nothing(mission: Mission, tmp_path: Path, method: int) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path, inside = folder / "a.zip", b"mesa-001.jpg"
    with zipfile.ZipFile(path, "w", method) as z:
        z.writestr(inside.decode(), picture(1) * 50)
    data = bytearray(path.read_bytes())
    start = data.index(inside) + len(inside) + 9  # past the name and the head of the compressed data
    data[start : start + 20] = bytes(b ^ 0xFF for b in data[start : start + 20])
    path.write_bytes(data)
    (folder / "mesa-002.jpg").write_bytes(picture(2))
    receipts = ingest(mission, [folder], actor="ana")
    assert [(r.name, r.status, r.reason) for r in receipts] == [
        ("mesa-001.jpg", "refused", "bad-zip"),
        ("mesa-002.jpg", "new", None),
    ]
