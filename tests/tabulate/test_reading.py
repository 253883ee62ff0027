"""Reading in bulk: stopped, broken or doubled, every photo has exactly one reading in the end."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocr.errors import CotejoError, MachineError
from ocr.form import Form
from tabulate import reading
from tabulate.intake import receive
from tabulate.mission import Mission
from tabulate.reading import ReadSummary, read_photos, reader_version, reading_of, unread
from tabulate.workers import Processes
from tests.tabulate import fake

FIELDS = {"sol": 10, "luna": 20, "valid": 30, "blank": 1, "cast": 31}


def send(mission: Mission, count: int = 1, **more: object) -> list[str]:
    photos = [fake.photo(form="xx-president", station=f"{i:03}", fields=FIELDS, **more) for i in range(count)]
    return [receive(mission, p, f"mesa-{i:03}.jpg", actor="ana").photo or "" for i, p in enumerate(photos)]


def run(mission: Mission, **more: object) -> ReadSummary:
    return read_photos(
        mission, read=fake.read, version=fake.VERSION, **{"workers": 1, "progress": False} | more
    )  # type: ignore[arg-type]


def test_only_what_was_not_read_is_read(mission: Mission) -> None:
    photos = send(mission, 3)
    assert run(mission) == ReadSummary(3, 0, 0)
    assert run(mission) == ReadSummary(0, 0, 3)
    assert unread(mission, fake.VERSION) == {} and set(unread(mission, "fake-2")) == set(photos)
    assert len(list(mission.ledger.entries("photo-read"))) == 3
    one = reading_of(mission, photos[1])
    assert one is not None and one.station_id == "001" and one.fields["luna"].value == 20
    assert reading_of(mission, photos[1], page=2) is None


def test_any_executor_will_do(mission: Mission) -> None:
    send(mission, 5)
    with ThreadPoolExecutor(2) as pool:
        assert run(mission, executor=pool, workers=2) == ReadSummary(5, 0, 0)
        pool.submit(int).result()  # it was not shut down


def test_a_refusal_is_a_reading_too(mission: Mission) -> None:
    receive(mission, fake.photo(refuse="too blurred; photograph it again"), "x.jpg", actor="ana")
    assert run(mission) == ReadSummary(1, 1, 0)
    assert run(mission) == ReadSummary(0, 0, 1)


def test_a_worker_that_dies_loses_nothing(mission: Mission, tmp_path: Path) -> None:
    send(mission, 4)
    unlucky = receive(
        mission,
        fake.photo(form="xx-president", fields=FIELDS, die_once=str(tmp_path / "flag")),
        "a.jpg",
        actor="ana",
    )
    deadly = receive(mission, fake.photo(die=True), "b.jpg", actor="ana")
    assert run(mission, workers=2) == ReadSummary(6, 1, 0)
    assert mission.ledger.verify().ok
    read, refused = (reading_of(mission, r.photo or "") for r in (unlucky, deadly))
    assert read is not None and read.refused is None and read.fields["sol"].value == 10
    assert refused is not None and "stopped on this photo twice" in (refused.refused or "")
    assert len(list(mission.ledger.entries("photo-read"))) == 6


STOPPED = """
import sys
from pathlib import Path
from tabulate.mission import Mission
from tabulate.reading import read_photos
from tests.tabulate import fake

if __name__ == "__main__":
    mission = Mission.open(Path(sys.argv[1]))
    try:
        read_photos(mission, workers=2, read=fake.read, version=fake.VERSION, progress=True)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def test_control_c_in_the_middle_and_then_again(mission: Mission, tmp_path: Path) -> None:
    send(mission, 12, sleep=0.3)
    script = tmp_path / "read.py"
    script.write_text(STOPPED)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script), str(mission.folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not (some := len(list(mission.ledger.entries("photo-read")))) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert some, "nothing was read in a minute"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == "" and "Traceback" not in err and "reading" in err
    kept = {e.subject: e.hash for e in mission.ledger.entries("photo-read")}
    assert some <= len(kept) < 12
    assert mission.ledger.verify().ok
    assert run(mission, workers=2) == ReadSummary(12 - len(kept), 0, len(kept))
    after = [(e.subject, e.hash) for e in mission.ledger.entries("photo-read")]
    assert len(after) == len({s for s, _ in after}) == 12 and set(kept.items()) <= set(after)


def test_every_photo_is_read_with_the_same_form_objects(
    mission: Mission, tmp_path: Path, sample: Path
) -> None:
    """What registration draws of a form is kept for the object: new ones with each photo would fill the memory."""
    from ocr.form import load_forms

    seen: list[int] = []

    def note(data: bytes, forms: Mapping[str, Form], name: str) -> list[dict[str, object]]:
        seen.extend(map(id, forms.values()))
        return fake.read(data, forms, name)

    send(mission, 4)
    with ThreadPoolExecutor(2) as pool:
        read_photos(mission, executor=pool, workers=2, read=note, version=fake.VERSION, progress=False)
    assert len(seen) == 4 * len(mission.forms) and len(set(seen)) == len(mission.forms)
    shipped = Mission.create(tmp_path / "shipped", sample).forms
    unpacked = reading._unpacked(pickle.dumps(shipped))
    assert shipped and all(f is load_forms()[n] and f is unpacked[n] for n, f in shipped.items())


def test_the_version_changes_with_the_forms(mission: Mission, template: Path) -> None:
    before = reader_version(mission)
    path = mission.folder / "forms" / "xx-president" / "form.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("[10, 20, 150, 40]", "[11, 20, 150, 40]"), encoding="utf-8"
    )
    from ocr.form import load_forms

    load_forms.cache_clear()
    assert reader_version(Mission.open(mission.folder)) != before


def test_no_workers(mission: Mission) -> None:
    with pytest.raises(CotejoError, match="0 workers"):
        run(mission, workers=0)


def test_a_worker_that_is_just_starting_is_deaf_to_control_c() -> None:
    workers = Processes(1)
    future = workers.submit(int, "7")
    for pid in list(workers._started()._processes):
        os.kill(pid, signal.SIGINT)
    assert future.result(timeout=60) == 7
    workers.close()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_damaged_original_stops_no_other_photo_and_is_named_at_the_end(mission: Mission) -> None:
    photos = [
        receive(mission, fake.photo(form="xx-president", fields=FIELDS, n=i), f"{i}.jpg", actor="ana").photo
        or ""
        for i in range(4)
    ]
    bad = min(photos)
    path = mission.blobs.path(bad)
    path.chmod(0o644)
    path.write_bytes(b"something else")
    for _ in range(2):
        with pytest.raises(MachineError, match=rf"the first is {photos.index(bad)}\.jpg: .* was damaged"):
            fake.read_all(mission)
        assert mission.ledger.subjects(reading.READ) == set(photos) - {bad}
