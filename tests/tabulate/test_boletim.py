"""`cotejo bu`, and boletins over several photos given to `cotejo read`."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from ocr.form import FORMS_FOLDER
from tabulate.cli import main
from tabulate.intake import receive
from tabulate.mission import Mission
from tabulate.reading import read_photos
from tabulate.rebuild import derive
from tabulate.register import import_register
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


SETTINGS = """
[mission]
id = "made-up"
name = "A made-up election"
country = "BR"
synthetic = true

[[contests]]
id = "president"
name = "President"
options = [{id = "91", name = "Ninety-one"}, {id = "92", name = "Ninety-two"}]

[[contests]]
id = "senate"
name = "Senate"
options = [{id = "911", name = "Nine-one-one"}, {id = "921", name = "Nine-two-one"}]

[[forms]]
id = "made-up-bu"
contest = "president"
fields = {presidente_91 = "91", presidente_92 = "92", presidente_brancos = "blank", presidente_nulos = "null", comparecimento = "voted", aptos = "registered"}

[[forms]]
id = "made-up-bu"
contest = "senate"
fields = {senador_911 = "911", senador_921 = "921", senador_brancos = "blank", senador_nulos = "null", comparecimento = "voted", aptos = "registered"}
"""
REGISTER = "station_id,place_id,place_name,region,registered\n0123400050067,p1,Escola,XX,300\n0123400050068,p1,Escola,XX,300\n"


def test_one_boletim_is_the_acta_of_several_contests(tmp_path: Path) -> None:
    template = tmp_path / "template"
    (template / "forms" / "made-up-bu").mkdir(parents=True)
    (template / "mission.toml").write_text(SETTINGS, encoding="utf-8")
    form = (FORMS_FOLDER / "br-tse-bu" / "form.toml").read_text(encoding="utf-8")
    form = form.replace('id = "br-tse-bu"', 'id = "made-up-bu"')
    form = form.replace("[[fields]]", '[codes.expect]\nPLEI = "200"\nFASE = "O"\n\n[[fields]]', 1)
    for name in ("presidente_91", "presidente_92", "senador_911", "senador_921"):
        form += f'\n[[fields]]\nname = "{name}"\nrole = "option"\ndigits = 6\n'
    for name in ("presidente_brancos", "presidente_nulos", "senador_brancos", "senador_nulos"):
        form += f'\n[[fields]]\nname = "{name}"\ndigits = 6\n'
    (template / "forms" / "made-up-bu" / "form.toml").write_text(form, encoding="utf-8")
    (tmp_path / "register.csv").write_text(REGISTER, encoding="utf-8")
    mission = Mission.create(tmp_path / "mission", template)
    import_register(mission, tmp_path / "register.csv", actor="ana")
    receive(mission, photo_of(texts(parts=2)), "bu.jpg", actor="ana")
    with ThreadPoolExecutor(1) as pool:
        read_photos(mission, executor=pool, workers=1, progress=False)
    tables = derive(mission)
    states = tables["tallies"].select("station_id", "contest", "status", "confirmed").rows()
    assert states == [
        ("0123400050067", "president", "accepted", True),
        ("0123400050067", "senate", "accepted", True),
        ("0123400050068", "president", "absent", False),
        ("0123400050068", "senate", "absent", False),
    ]
    votes = tables["tally_fields"].filter(pl.col("option").is_not_null())
    assert votes.select("contest", "option", "value").rows() == [
        ("president", "91", 140),
        ("president", "92", 80),
        ("senate", "911", 200),
        ("senate", "921", 150),
    ]
    assert tables["queue"].is_empty()
    mission.close()
