"""`cotejo bu`, and boletins over several photos given to `cotejo read`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from tabulate.cli import main
from tests.ocr.bulletin import last_hash, texts
from tests.ocr.strips import photo_of

KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A boletim of three parts: one on a photo, two in a text."""
    codes = texts(parts=3, signature=KEY.sign(last_hash(parts=3)))
    (tmp_path / "codes.txt").write_text("\n".join([codes[2], "", codes[0]]), encoding="utf-8")
    (tmp_path / "photo.jpg").write_bytes(photo_of([codes[1]]))
    return [str(tmp_path / "codes.txt"), str(tmp_path / "photo.jpg")]


def test_parts_of_texts_and_photos_make_one_boletim(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bu", *files, "--json"]) == 0
    (got,) = json.loads(capsys.readouterr().out)
    assert (got["chain"], got["signature"]["state"], got["parts"]) == ("holds", "no-key", 3)
    assert got["offices"][2]["votes"] == {"91": 140, "92": 80}
    folder = tmp_path / "keys" / "20300901" / "LEGAL"
    folder.mkdir(parents=True)
    (folder / "oxxqrcode.pub").write_bytes(KEY.public_key().public_bytes_raw())
    assert main(["bu", *files, "--keys", str(tmp_path / "keys")]) == 0
    said = capsys.readouterr().out
    assert "verified" in said and "Presidente" in said and "holds" in said


def test_what_is_missing_is_told_in_one_sentence(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, says in (
        (files[:1], "part 2 of 3"),
        (files[1:], "part 1 of 3"),
        ([*files, "--keys", str(tmp_path / "none")], "no folder of keys"),
        ([str(tmp_path / "none.txt")], "no file"),
    ):
        assert main(["bu", *arguments]) == 2
        captured = capsys.readouterr()
        assert says in captured.err.replace("\n", " ") and captured.out == ""
    (tmp_path / "empty.txt").write_text("nothing", encoding="utf-8")
    assert main(["bu", str(tmp_path / "empty.txt")]) == 2


def test_read_joins_several_photos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for i, code in enumerate(texts(parts=2)):
        paths.append(str(tmp_path / f"{i}.jpg"))
        Path(paths[-1]).write_bytes(photo_of([code]))
    assert main(["read", *paths, "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert [r["form"] for r in got] == ["br-tse-bu", None]
    assert got[0]["fields"]["presidente_91"]["value"] == 140 and got[0]["station_id"] == "0123400050067"
