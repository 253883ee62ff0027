"""A few photos through the whole reader in three ways, and damaged files; `make prove` takes 500 and 2,000."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from itertools import chain
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from benchmarks.bulk import compare, photos
from tabulate.intake import RECEIVED, receive
from tabulate.mission import Mission
from tabulate.reading import read_photos, reading_of
from tabulate.rebuild import DERIVED
from tests.ocr.mutated import mutated, seeds


def test_all_photos_differ_and_are_the_same_each_time() -> None:
    some = dict(photos(4))
    assert len(set(some.values())) == len(some) == 4
    assert dict(photos(4)) == some


@pytest.mark.timeout(600)
def test_the_same_tables_whoever_reads(tmp_path: Path) -> None:
    runs = compare(12, tmp_path)
    assert [r.stored for r in runs] == [12, 12, 12]
    assert set(runs[0].tables) == set(DERIVED)
    assert runs[1].tables == runs[0].tables and runs[2].tables == runs[0].tables
    assert runs[0].refused < 6  # else it would compare nothing


def test_damaged_files_stop_no_batch(tmp_path: Path, sample: Path) -> None:
    outcomes = read_damaged(tmp_path / "mission", sample, 60)
    assert len(outcomes) > 3  # the damage matters, and not everything is refused for one reason


def read_damaged(folder: Path, sample: Path, count: int) -> Counter[str]:
    """Take in that many damaged files between two good photos, read all, and count what came of them."""
    mission = Mission.create(folder, sample)
    good = [(sample / "photos" / name).read_bytes() for name in ("02212.jpg", "02213.jpg")]
    for n, data in enumerate(chain(good[:1], mutated(seeds(sample / "photos"), count), good[1:])):
        receive(mission, data, f"{n}.jpg", actor="test")
    photos = mission.ledger.subjects(RECEIVED)  # what is no picture at all is not even taken in
    assert {sha256(data).hexdigest() for data in good} <= photos
    done = read_photos(mission, workers=2, progress=False)
    assert done.read == len(photos) and done.waiting == 0
    entries = list(mission.ledger.entries("photo-read"))
    assert {e.subject for e in entries} == photos and len(entries) == len(photos)
    assert mission.ledger.verify().ok
    outcomes = Counter(r["refused"] or "read" for e in entries for r in e.body["readings"])
    for data in good:
        reading = reading_of(mission, sha256(data).hexdigest())
        assert reading is not None and reading.refused is None
    assert not [why for why in outcomes if "the reader" in why], outcomes  # none killed it, none broke it
    return outcomes
