"""A small mission made of a few of the sample's photos, read once for all tests here."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tabulate.demo import snapshot_times
from tabulate.intake import ingest
from tabulate.line import refresh
from tabulate.mission import Mission
from tabulate.reading import read_photos
from tabulate.register import import_register
from tabulate.serve import MISSION
from tabulate.snapshots import import_snapshot, parse_time

MAIN = Path(__file__).resolve().parents[2] / "dashboard" / "main.py"
# An ordinary acta and an acta of two pages; what was planted comes from planted.csv.
PHOTOS = ("01111.jpg", "01131_gob_p1.jpg", "01131_gob_p2.jpg")
KINDS = ("official-transposition", "not-in-register", "does-not-add-up")


def planted(sample: Path, kind: str) -> dict[str, str]:
    """The last thing of that kind that was planted in the sample."""
    with (sample / "planted.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["kind"] == kind][-1]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """The mission's folder; tests that change something take a copy (`mission`)."""
    folder = tmp_path_factory.mktemp("dashboard") / "mission"
    mission = Mission.create(folder, sample)
    import_register(mission, sample / "register.csv", actor="test")
    names = [*PHOTOS, *(planted(sample, kind)["photo"] for kind in KINDS)]
    ingest(mission, [sample / "photos" / name for name in names], actor="test", source="sample")
    read_photos(mission, workers=1, progress=False)
    for name, at in snapshot_times(sample):
        import_snapshot(mission, sample / name, format="cotejo-csv", at=parse_time(at), actor="test")
    refresh(mission)
    mission.close()
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the mission that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "mission"))


@pytest.fixture
def mission(folder: Path) -> Iterator[Mission]:
    """The copy, open."""
    mission = Mission.open(folder)
    yield mission
    mission.close()


@pytest.fixture
def show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """``show("review", lang="es", station=...)`` runs a page over the copy, and checks that nothing broke."""
    monkeypatch.setenv(MISSION, str(folder))

    def run(page: str = "overview", lang: str = "en", **query: str) -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=120)
        at.query_params["lang"] = lang
        at.run()
        if page != "overview":
            at.switch_page(f"screens/{page}.py")
            for name, value in query.items():
                at.query_params[name] = value
            at.run()
        return at

    return run
