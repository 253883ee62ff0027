"""Reading on a Dask cluster: the same readings, whoever dies, and one sentence when it cannot be."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed")

from benchmarks._cluster import LocalCluster, local_cluster
from ocr.errors import CotejoError, MachineError
from tabulate import cluster as module
from tabulate.cli import main
from tabulate.cluster import Cluster
from tabulate.mission import Mission
from tabulate.reading import ReadSummary, read_photos, reading_of
from tests.conftest import ROOT
from tests.tabulate import fake
from tests.tabulate.test_reading import FIELDS, send

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def dask() -> Iterator[LocalCluster]:
    with local_cluster(2, nanny=True) as cluster:
        yield cluster


def run(mission: Mission, address: str) -> ReadSummary:
    return read_photos(mission, cluster=address, read=fake.read, version=fake.VERSION, progress=False)


def entries(mission: Mission) -> list[str]:
    return [e.subject for e in mission.ledger.entries("photo-read")]


def test_the_same_call_on_a_cluster(mission: Mission, dask: LocalCluster) -> None:
    send(mission, 7)
    assert run(mission, dask.address) == ReadSummary(7, 0, 0)
    assert run(mission, dask.address) == ReadSummary(0, 0, 7)
    assert len(set(entries(mission))) == len(entries(mission)) == 7


def test_a_photo_that_kills_its_workers_is_refused_alone(
    mission: Mission, dask: LocalCluster, tmp_path: Path
) -> None:
    photos = send(mission, 5)
    from tabulate.intake import receive

    once = fake.photo(form="xx-president", fields=FIELDS, die_once=str(tmp_path / "flag"))
    unlucky = receive(mission, once, "a.jpg", actor="ana").photo or ""
    deadly = receive(mission, fake.photo(die=True), "b.jpg", actor="ana").photo or ""
    assert run(mission, dask.address) == ReadSummary(7, 1, 0)
    assert sorted(entries(mission)) == sorted([*photos, unlucky, deadly])
    refused = reading_of(mission, deadly)
    assert refused is not None and "stopped on this photo twice (KilledWorker)" in (refused.refused or "")
    read = reading_of(mission, unlucky)
    assert read is not None and read.refused is None


def test_a_worker_killed_in_the_middle_loses_nothing(mission: Mission) -> None:
    photos = send(mission, 14, sleep=0.2)
    with local_cluster(2) as dask:

        def kill() -> None:
            while len(entries(mission)) < 3:
                time.sleep(0.05)
            dask.kill(dask.workers[0])

        killer = threading.Thread(target=kill)
        killer.start()
        assert run(mission, dask.address) == ReadSummary(14, 0, 0)
        killer.join()
        assert dask.workers[1].poll() is None
    assert sorted(entries(mission)) == sorted(photos)


def test_without_workers_it_waits_and_then_ends(mission: Mission, monkeypatch: pytest.MonkeyPatch) -> None:
    send(mission, 8, sleep=0.2)
    monkeypatch.setattr(module, "GONE_S", 1.0)
    with local_cluster(1) as dask:

        def kill() -> None:
            while not entries(mission):
                time.sleep(0.05)
            dask.kill(dask.workers[0])

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(MachineError, match="no worker has been left"):
            run(mission, dask.address)
        killer.join()
        kept = len(entries(mission))
        assert 1 <= kept < 8
        dask.add_worker()
        while True:
            try:
                assert run(mission, dask.address) == ReadSummary(8 - kept, 0, kept)
                break
            except CotejoError as e:
                assert "has no workers" in str(e)  # it is still starting
        dask.kill(dask.scheduler)
        send(mission, 9)
        with pytest.raises(CotejoError, match="no Dask scheduler answers"):
            run(mission, dask.address)


def test_a_scheduler_that_dies_ends_it_with_one_sentence(mission: Mission) -> None:
    send(mission, 12, sleep=0.3)
    with local_cluster(1) as dask:

        def kill() -> None:
            while not entries(mission):
                time.sleep(0.05)
            dask.kill(dask.scheduler)

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(MachineError, match=r"gone; what .* is kept"):
            run(mission, dask.address)
        killer.join()
    assert mission.ledger.verify().ok


COMMAND = """
import sys
from pathlib import Path
from tabulate.mission import Mission
from tabulate.reading import read_photos
from tests.tabulate import fake

mission = Mission.open(Path(sys.argv[1]))
try:
    read_photos(mission, cluster=sys.argv[2], read=fake.read, version=fake.VERSION, progress=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_control_c_ends_it_and_the_cluster_lives_on(mission: Mission, dask: LocalCluster) -> None:
    send(mission, 20, sleep=0.3)
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(mission.folder), dask.address],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not entries(mission) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 15
    assert out == "" and "Traceback" not in err and "reading" in err
    kept = len(entries(mission))
    assert 1 <= kept < 20
    assert run(mission, dask.address) == ReadSummary(20 - kept, 0, kept)


def test_a_worker_with_another_reader_is_refused(
    mission: Mission, dask: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(mission, 1)
    monkeypatch.setattr("ocr.read.READER", "0+other")
    with pytest.raises(CotejoError, match=r"would read otherwise \(reader .* instead of 0\+other\)"):
        run(mission, dask.address)
    assert not entries(mission)


def test_readings_of_another_version_are_not_stored(mission: Mission, dask: LocalCluster) -> None:
    send(mission, 1)
    with pytest.raises(MachineError, match="reads with version fake-1, and fake-2 is wanted"):
        read_photos(mission, cluster=dask.address, read=fake.read, version="fake-2/x", progress=False)
    assert not entries(mission)


@pytest.mark.parametrize(
    "address", ["", "here", "tcp://", "tcp://host", "tcp://host:0", "tcp://host:99999", "http://host:8786", "tcp://a b:1"]
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(CotejoError, match="write it as tcp://host:8786"):
        Cluster(address)


def test_nobody_or_somebody_else_at_the_address(
    mission: Mission, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 2.0)
    send(mission, 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        free = nobody.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as web:

        def answer() -> None:
            for _ in range(2):  # the first connection only asks whether there is anybody
                web.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        for port in (free, silent.getsockname()[1], web.getsockname()[1]):
            began = time.monotonic()
            assert main(["read", str(mission.folder), "--cluster", f"tcp://127.0.0.1:{port}"]) == 2
            said = capsys.readouterr().err
            assert "no Dask scheduler answers at" in said and "Traceback" not in said
            assert time.monotonic() - began < 20
    assert main(["read", str(mission.folder), "--cluster", "tcp://127.0.0.1:1", "--workers", "2"]) == 2
    assert main(["read", str(mission.folder / "mission.toml"), "--cluster", "tcp://127.0.0.1:1"]) == 2
    assert not entries(mission)


def test_a_scheduler_without_workers(mission: Mission) -> None:
    send(mission, 1)
    with local_cluster(0) as dask, pytest.raises(CotejoError, match="has no workers; start some"):
        run(mission, dask.address)
