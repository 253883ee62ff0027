"""Forms made from blanks: Mexico 2024, the schematic ones, and the way to a new form that docs/forms.md teaches."""

from __future__ import annotations

import re
import shutil

import cv2
import numpy as np
import pytest

from ocr.form import load_forms
from ocr.form_check import check_form
from ocr.pdf_text import open_drawing
from ocr.propose import propose
from ocr.read import read
from ocr.register import register
from ocr.render import render
from ocr.twins import twins
from tabulate.cli import main
from tests.conftest import ROOT
from tests.ocr.made import photograph, sheet

FORMS = load_forms()
MEXICO = [name for name in FORMS if name.startswith("mx-ine-2024-")]
SCHEMATIC = ["ec-cne-presidente-2025", "cl-servel-presidente-2025"]


@pytest.mark.parametrize("name", [*MEXICO, *SCHEMATIC])
def test_a_form_from_a_blank_is_whole_and_says_that_it_was_never_verified(name):
    form = FORMS[name]
    assert check_form(form) == []
    assert not form.verified and not form.synthetic
    assert "never on a real sheet" in form.source or form.source.startswith("schematic")


@pytest.mark.parametrize("name", MEXICO)
def test_sheets_of_one_day_are_told_apart(name):
    form = FORMS[name]
    assert {f.id for f in twins(form, list(FORMS.values()))} == set(MEXICO) - {name}
    photo, _ = photograph(render(form, 0.8))
    gray = np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), np.uint8)
    assert register(gray, [FORMS[n] for n in MEXICO]).form.id == name


@pytest.mark.parametrize("name", SCHEMATIC)
def test_a_schematic_sheet_reads_as_it_is_drawn(name):
    form = FORMS[name]
    total = next(f.name for f in form.fields if f.name in ("total", "sufragantes"))
    parts = next(s.left for s in form.sums if s.right == (total,))
    values = {n: 20 + 7 * i for i, n in enumerate(parts)}
    values |= {f.name: sum(values[p] for p in parts) for f in form.fields if f.name not in parts}
    photo, _ = photograph(sheet(form, values))
    reading = read(cv2.imencode(".png", photo)[1].tobytes(), FORMS)
    assert reading.form == name and not reading.verified
    assert {n: f.value for n, f in reading.fields.items()} == values


@pytest.mark.parametrize("name", MEXICO)
def test_the_boxes_are_those_of_the_blank(real_data, name):
    from benchmarks.blanks import BLANKS

    data = (real_data / "forms" / "mx-ine-2024" / f"{BLANKS[name]}.pdf").read_bytes()
    proposed = propose(open_drawing(data), id="x", title="x", country="MX", source="x").form
    ours, theirs = FORMS[name].fields, proposed.fields
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(np.array(a.boxes) - np.array(b.boxes)).max() < 0.5


def test_made_fillings_of_the_blanks_are_read(real_data):
    from benchmarks.blanks import measure

    result = measure(real_data, 4)
    assert result["other form"] == 0
    assert result["accepted wrong"] == 0
    assert result["fields right"] >= 0.7 * result["fields"]


def blocks(text):
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_way_to_a_new_form_is_as_the_document_says(tmp_path, monkeypatch, capsys):
    made = blocks((ROOT / "docs" / "forms.md").read_text(encoding="utf-8"))
    commands = [b for lang, b in made if not lang and b.startswith("cotejo ")]
    outputs = [b for lang, b in made if not lang and not b.startswith("cotejo ")]
    toml = next(b for lang, b in made if lang == "toml")
    assert len(commands) == len(outputs) == 2
    shutil.copytree(ROOT / "sample_actas" / "blank", tmp_path / "sample_actas" / "blank")
    (tmp_path / "sample_actas" / "photos").mkdir()
    shutil.copy(ROOT / "sample_actas" / "photos" / "02212.jpg", tmp_path / "sample_actas" / "photos")
    monkeypatch.chdir(tmp_path)

    def words(text):
        return text.split()

    assert main(commands[0].split()[1:]) == 0
    assert words(capsys.readouterr().out) == words(outputs[0])
    assert main(["forms", "check", "vz-cev-2026"]) == 1
    assert "only proposed" in capsys.readouterr().out
    path = tmp_path / "vz-cev-2026" / "form.toml"
    text = path.read_text(encoding="utf-8")
    for name in ("fields", "sums"):
        block = next(re.finditer(rf"^{name} = \[\n.*?^\]\n", toml, re.MULTILINE | re.DOTALL)).group()
        text = re.sub(rf"^{name} = \[\n.*?^\]\n", lambda _, b=block: b, text, flags=re.MULTILINE | re.DOTALL)
    path.write_text(text, encoding="utf-8")
    assert main(commands[1].split()[1:]) == 1  # the example is a known form already
    assert words(capsys.readouterr().out) == words(outputs[1])
    assert (tmp_path / "02212.vz-cev-2026.png").is_file()


def test_the_commands_say_what_is_wrong_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["forms", "check", "no-such-form"]) == 2
    assert main(["forms", "new", "nothing.pdf", "--id", "xx-y"]) == 2
    assert main(["forms", "new", "nothing.pdf", "--id", "Not An Id"]) == 2
    (tmp_path / "form.toml").write_text("id = ", encoding="utf-8")
    assert main(["forms", "check", "form.toml"]) == 2
    assert all(
        line.startswith("cotejo: ") for line in capsys.readouterr().err.splitlines() if "cotejo" in line
    )
    assert not list(tmp_path.glob("xx-y*"))
