"""The sample election, end to end: a new mission, photos in, read, both snapshots in, compared, audited, exported."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from typing import Any

from ocr.errors import CotejoError
from tabulate.mission import Mission
from tabulate.templates import sample_folder

MARK = ".cotejo-demo"  # only a folder that carries this mark is made again


def run_demo(folder: Path, *, workers: int | None = None) -> dict[str, Any]:
    """Make the sample mission in `folder` (again, if an earlier demonstration made it) and run the whole line.

    Returns
    -------
    dict
        The summary (`tabulate.summary`).

    Raises
    ------
    CotejoError
        If `folder` holds something that is not an earlier demonstration.
    """
    from tabulate.intake import ingest
    from tabulate.line import export_mission
    from tabulate.reading import read_photos
    from tabulate.register import import_register
    from tabulate.snapshots import import_snapshot, parse_time

    sample = sample_folder()
    if (folder / MARK).is_file():
        shutil.rmtree(folder)
    elif folder.exists() and any(folder.iterdir()):
        raise CotejoError(f"{folder} holds something that no demonstration made; choose another folder")
    mission = Mission.create(folder, sample)
    (folder / MARK).touch()
    try:
        import_register(mission, sample / "register.csv", actor="demo")
        photos = [p for p in sorted((sample / "photos").iterdir()) if p.suffix != ".csv"]
        ingest(mission, photos, actor="demo", source="sample")
        read_photos(mission, workers=workers or os.cpu_count() or 1, progress=True)
        for name, at in snapshot_times(sample):
            import_snapshot(mission, sample / name, format="cotejo-csv", at=parse_time(at), actor="demo")
        return export_mission(mission, folder / "export").summary
    finally:
        mission.close()


def snapshot_times(sample: Path) -> list[tuple[str, str]]:
    """The sample's official files and when each was taken."""
    with (sample / "snapshots.csv").open(encoding="utf-8", newline="") as file:
        return [(row["file"], row["taken_at"]) for row in csv.DictReader(file)]
