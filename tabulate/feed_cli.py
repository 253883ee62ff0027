"""``cotejo watch`` and ``cotejo timeline``: the authority's files as they come, and what each changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from tabulate import show

Json = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print one JSON document and nothing else.")
]
Format = Annotated[str, Parameter(help="The files' format; auto looks at the content.")]


def watch(
    folder: Annotated[Path, Parameter(name=["DIR"])],
    source: Annotated[Path, Parameter(name=["FOLDER"], help="Where official files are dropped.")],
    /,
    *,
    every: Annotated[float, Parameter(help="Seconds between two looks.")] = 30,
    once: Annotated[
        bool, Parameter(negative=(), help="Look twice, a second apart, take in what lies there, and end.")
    ] = False,
    format: Format = "auto",
    actor: Annotated[str, Parameter(help="Who does this, for the ledger.")] = "watch",
    json: Json = False,
) -> None:
    """Take in new official files as they are dropped into a folder, and note gaps and silence. Ends with Ctrl-C.

    With --json and without --once, one JSON document on each line.
    """
    import json as text

    from tabulate.mission import Mission
    from tabulate.watch import Watch
    from tabulate.watch import watch as looking

    mission = Mission.open(folder)
    try:
        watching = Watch(mission, source, format=format, actor=actor)
        if once:
            reports = list(looking(watching, every=1, looks=2))
            if json:
                show.as_json(reports)
            else:
                for report in reports:
                    show.say(_line(report))
            return
        for report in looking(watching, every=every):
            if json:
                print(text.dumps(report, ensure_ascii=False), flush=True)
            else:
                show.say(_line(report))
    finally:
        mission.close()


def timeline(
    paths: Annotated[
        tuple[Path, ...], Parameter(name=["DIR"], help="A mission, or official files and folders of them.")
    ],
    /,
    *,
    station: Annotated[str | None, Parameter(help="Only this station, from its first snapshot on.")] = None,
    contest: Annotated[str | None, Parameter(help="Only this contest.")] = None,
    format: Format = "auto",
    zone: Annotated[str, Parameter(help="Time zone of the times in file names.")] = "UTC",
    json: Json = False,
) -> None:
    """What became of each station from snapshot to snapshot: appeared, changed, disappeared, another status."""
    import polars as pl

    from tabulate.timeline import document, file_snapshots, mission_snapshots
    from tabulate.timeline import timeline as events_of

    notes: list[tuple[Any, ...]] = []
    if len(paths) == 1 and (paths[0] / "mission.toml").is_file():
        from tabulate.mission import Mission
        from tabulate.rebuild import current_tables

        mission = Mission.open(paths[0])
        try:
            tables = current_tables(mission)
            snapshots = mission_snapshots(mission, tables)
        finally:
            mission.close()
        notes = tables["feed"].sort("seq").select("at", "kind", "contest", "snapshot", "sentence").rows()
    else:
        snapshots = file_snapshots(paths, format=format, zone=zone)
    if contest is not None:
        of = pl.col("contest") == contest
        snapshots = [s._replace(counts=s.counts.filter(of)) for s in snapshots]
    found = document(events_of(snapshots), snapshots, station)
    found["feed"] = [
        {"at": at.isoformat(), "kind": kind, "contest": of, "snapshot": name, "sentence": said}
        for at, kind, of, name, said in notes
    ]
    if json:
        show.as_json(found)
        return
    show.table("Events", ["what", "number"], found["events"].items(), right=[1])
    show.say(
        f"{found['revised']} revisions of {found['revised_actas']} actas over {len(found['snapshots'])} snapshots. "
        "A revision is reported, not graded."
    )
    rows = [
        (
            line["station_id"],
            line["contest"],
            e["at"][:19],
            e["event"],
            e["field"],
            e["before"],
            e["after"],
            e["causes"],
        )
        for line in found["timelines"]
        for e in line["events"]
    ]
    columns = ["station", "contest", "at (UTC)", "event", "field", "before", "after", "causes"]
    if rows:
        show.table("Time lines" if station else "Time lines of revised actas", columns, rows, right=[5, 6])
    for note in found["feed"]:
        show.say(f"{note['at'][:19]} {note['kind']}: {note['sentence']}")


def _line(report: dict[str, Any]) -> str:
    if report["status"] == "noted":
        from tabulate.feed import sentence

        return f"{report['kind']}: {sentence(report)}"
    said = f"{report['name']}: {report['status']}"
    if "snapshot" in report:
        said += f" as {report['snapshot']}"
    if "reason" in report:
        said += f": {report['reason']}"
    clock = {"name": "its name", "mtime": "its last change"}[report["time_from"]]
    return f"{said}; the count stood so at {report['taken_at']}, by {clock}"
