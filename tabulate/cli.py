"""The command line. Each command prints a table for people or, with ``--json``, one JSON document and nothing else.

Exit codes: 0 done; 1 done and found something that the command was asked to fail on; 2 wrong usage or bad input;
3 the machine failed (disk, database, worker); 130 interrupted.
Heavy libraries are imported inside the commands, so that ``cotejo --help`` is quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter

from ocr.errors import CotejoError
from tabulate import __version__, documents, feed_cli, show, told
from tabulate.forms_cli import forms

if TYPE_CHECKING:
    from tabulate.mission import Mission

app = App(
    name="cotejo",
    help="Photos of tally sheets, set beside the authority's count.",
    version=__version__,
    help_format="plaintext",
)
app.command(forms)

Json = Annotated[
    bool, Parameter(name="--json", negative=(), help="Print one JSON document and nothing else.")
]
Workers = Annotated[int | None, Parameter(help="Processes that read at the same time; default: one a core.")]
Actor = Annotated[str, Parameter(help="Who does this, for the ledger.")]


@app.command
def demo(
    folder: Annotated[Path, Parameter(name=["DIR"], help="Where the mission is made.")] = Path(
        "demo-mission"
    ),
    /,
    *,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Run the sample election from photos to exports and print the summary."""
    from tabulate.demo import run_demo

    document = run_demo(folder, workers=workers)
    if json:
        show.as_json(document)
        return
    documents.summary(document)
    show.say(
        f"\nOpen the dashboard: cotejo serve {folder}   (or: make serve), then go to http://127.0.0.1:8501"
    )
    show.say(f"Exports: {folder / 'export'}.  The sample election is synthetic.")


@app.command
def init(
    folder: Annotated[Path, Parameter(name=["DIR"])],
    /,
    *,
    template: Annotated[
        str, Parameter(name="--from", help="A template's name, a mission.toml or a folder with one.")
    ],
    register: Annotated[
        Path | None, Parameter(help="The register of stations (CSV), if it is there already.")
    ] = None,
    actor: Actor = "cli",
) -> None:
    """Make a new mission."""
    from tabulate.mission import Mission
    from tabulate.register import import_register
    from tabulate.templates import template_folder

    mission = Mission.create(folder, template_folder(template))
    if register is not None:
        import_register(mission, register, actor=actor)
    mission.close()
    show.say(f"the mission {folder} is made; next: cotejo ingest {folder} PHOTOS…")


@app.command
def ingest(
    folder: Annotated[Path, Parameter(name=["DIR"])],
    paths: Annotated[tuple[Path, ...], Parameter(name=["PATH"])],
    /,
    *,
    station: Annotated[str | None, Parameter(help="The station that all of them belong to.")] = None,
    register: Annotated[Path | None, Parameter(help="A register of stations (CSV) to load first.")] = None,
    source: Annotated[str, Parameter(help="Where they come from.")] = "folder",
    actor: Actor = "cli",
    json: Json = False,
) -> None:
    """Take photos, folders, PDFs and ZIPs into a mission; each gets a receipt."""
    import dataclasses
    from collections import Counter

    from tabulate.intake import ingest as take_in
    from tabulate.register import import_register

    with opened(folder) as mission:
        if register is not None:
            import_register(mission, register, actor=actor)
        receipts = take_in(mission, paths, actor=actor, source=source, station=station)
    if json:
        show.as_json([dataclasses.asdict(r) for r in receipts])
        return
    for r in receipts:
        if r.message:
            show.tell(r.message)
    show.table("Intake", ["status", "files"], sorted(Counter(r.status for r in receipts).items()), right=[1])
    show.say(f"next: cotejo read {folder}")


@app.command
def read(
    photos: Annotated[
        tuple[Path, ...], Parameter(name=["PHOTO"], help="Photos; or one mission, to read what waits.")
    ],
    /,
    *,
    form: Annotated[str, Parameter(help="The form's id; auto tries all known forms.")] = "auto",
    workers: Workers = None,
    cluster: Annotated[
        str | None, Parameter(help="Read a mission on a Dask cluster: its scheduler's tcp://host:port.")
    ] = None,
    json: Json = False,
) -> None:
    """Read photos (no mission needed), or everything that waits in a mission."""
    if cluster is not None and workers is not None:
        raise CotejoError("--cluster reads with all workers it has; leave --workers out")
    if len(photos) == 1 and (photos[0] / "mission.toml").is_file():
        read_mission(photos[0], workers, cluster, json)
        return
    if cluster is not None:
        raise CotejoError("--cluster reads what waits in one mission; name the mission's folder instead")
    from ocr.read import joined, read_all

    forms = chosen_forms(form)
    readings = []
    for path in photos:
        if not path.is_file():
            raise CotejoError(f"there is no photo at {path}; check the path")
        readings += read_all(path, forms, file=path.name)
    readings = joined(readings, forms)
    if json:
        show.as_json([r.to_json() for r in readings])
        return
    for r in readings:
        documents.reading(r)


@app.command
def evaluate(
    folders: Annotated[tuple[Path, ...], Parameter(name=["FOLDER"])], /, *, json: Json = False
) -> None:
    """Score readings against truth.csv in each folder (file, field, value; an empty value is not scored)."""
    from ocr.evaluate import evaluate as score
    from ocr.form import load_forms

    document = score(folders, load_forms())
    if json:
        show.as_json(document)
        return
    documents.evaluation(document)


@app.command
def official(
    file: Annotated[Path, Parameter(name=["FILE"])],
    /,
    *,
    format: Annotated[
        str, Parameter(help="The format's id, or a mapping (FILE.toml); auto looks at the content.")
    ] = "auto",
    nist: Annotated[
        Path | None, Parameter(help="Write the count as NIST SP 1500-100 JSON; needs --election and --day.")
    ] = None,
    election: Annotated[str, Parameter(help="What the election is called, for --nist.")] = "",
    day: Annotated[str, Parameter(help="Day of the vote (2026-03-01), for --nist.")] = "",
    at: Annotated[str | None, Parameter(help="Time of the report for --nist; default: now.")] = None,
    json: Json = False,
) -> None:
    """Parse an official file: rows, totals, statuses, problems. No mission needed."""
    from tabulate.official import read_official

    count = read_official(file, format)
    if nist is not None:
        from tabulate.nist import write

        write(count, nist, election=election, day=day, at=at)
    document = count.to_json()
    if json:
        show.as_json(document)
        return
    verified = "" if count.verified else " (format not verified on a real file)"
    show.table(
        f"{file.name}: {count.format}{verified}", ["column", "total"], document["totals"].items(), right=[1]
    )
    show.say(f"rows {document['rows']:,}, stations {document['stations']:,}, counted {document['counted']:,}")
    for column, terms in document["statuses"].items():
        show.table(column, ["status", "actas"], terms.items(), right=[1])
    for problem in document["problems"][:20]:
        show.say(f"row {problem['row']}: {problem['reason']}")
    if len(document["problems"]) > 20:
        show.say(f"and {len(document['problems']) - 20:,} more; --json has all of them")


@app.command
def bu(
    files: Annotated[tuple[Path, ...], Parameter(name=["FILE"])],
    /,
    *,
    keys: Annotated[Path | None, Parameter(help="A folder of the TSE's public keys.")] = None,
    json: Json = False,
) -> None:
    """Read Brazil's boletins de urna from photos, PDFs or texts of their QR codes, and check them."""
    from tabulate.boletim import read_boletins, tell

    found = read_boletins(files, keys)
    if json:
        show.as_json([b.to_json() for b in found])
        return
    for each in found:
        tell(each)


@app.command(name="import")
def import_(
    folder: Annotated[Path, Parameter(name=["DIR"])],
    file: Annotated[Path, Parameter(name=["FILE"])],
    /,
    *,
    format: Annotated[str, Parameter(help="The format's id; auto looks at the content.")] = "auto",
    at: Annotated[
        str | None, Parameter(help="When the count stood like this (ISO 8601 with zone); default: now.")
    ] = None,
    actor: Actor = "cli",
    json: Json = False,
) -> None:
    """Take an official snapshot into a mission. Snapshots are kept, never replaced."""
    from tabulate.feed import record, sentence
    from tabulate.snapshots import import_snapshot, parse_time

    with opened(folder) as mission:
        receipt = import_snapshot(mission, file, format=format, at=parse_time(at), actor=actor)
        noted = record(mission, actor=actor)
    if json:
        show.as_json(receipt | {"noted": noted})
    else:
        show.table("Snapshot", ["what", ""], receipt.items())
        for note in noted:
            show.say(sentence(note))


@app.command
def compare(
    folder: Annotated[Path | None, Parameter(name=["DIR"])] = None,
    /,
    *,
    left: Annotated[
        str | None, Parameter(help="An official file; of a mission, a snapshot or tally.")
    ] = None,
    right: Annotated[
        str | None, Parameter(help="Another one, to hold it against; a file alone shows what it leaves open.")
    ] = None,
    format: Annotated[str, Parameter(help="The files' format; auto looks at the content.")] = "auto",
    contest: Annotated[str | None, Parameter(help="Only this contest.")] = None,
    rule: Annotated[
        str, Parameter(help="plurality, absolute-majority, 40-10, 40-over-10, 45-40-10 or dhondt.")
    ] = "plurality",
    seats: Annotated[int, Parameter(help="Seats to distribute.")] = 1,
    threshold: Annotated[
        str,
        Parameter(
            help="The share of the valid votes that an option needs for a seat (dhondt), such as 0.05."
        ),
    ] = "0",
    register: Annotated[
        Path | None,
        Parameter(help="A file with registered voters, for stations of which the others have none."),
    ] = None,
    voters: Annotated[
        Path | None,
        Parameter(help="A file with registered voters, for stations of which the others have none."),
    ] = None,
    most_voters: Annotated[
        int | None, Parameter(help="As many voters as a station may have by law, where no number is known.")
    ] = None,
    same: Annotated[
        list[str] | None, Parameter(negative=(), help="LEFT=RIGHT: options that bear different names.")
    ] = None,
    only: Annotated[
        list[str] | None, Parameter(negative=(), help="A field by which a station differs; default: all.")
    ] = None,
    stations: Annotated[bool, Parameter(negative=(), help="List every station that differs.")] = False,
    photos: Annotated[
        bool, Parameter(negative=(), help="Of a mission: photos of one acta against each other.")
    ] = False,
    fail_on_difference: Annotated[
        bool, Parameter(negative=(), help="Exit with 1 if anything differs.")
    ] = False,
    json: Json = False,
) -> int:
    """Hold the tally against the snapshots of a mission, or one file against another; what it could change.

    Two photos of one acta can be compared like two files; --photos does it for all of a mission.
    """
    from tabulate.comparing import compare_files, compare_mission
    from tabulate.photos import compare_photos, compare_photos_of_mission, is_photo
    from tabulate.rebuild import current_tables
    from tabulate.rules import Rule, share

    if folder is not None and photos:
        with opened(folder) as mission:
            document = {"pairs": compare_photos_of_mission(mission, current_tables(mission))}
    elif left is not None and right is not None and is_photo(Path(left)) and is_photo(Path(right)):
        document = compare_photos(Path(left), Path(right))
    elif folder is not None:
        with opened(folder) as mission:
            document = compare_mission(
                mission, current_tables(mission), contest=contest, left=left, right=right
            )
    elif right is not None:
        document = compare_files(
            None if left is None else Path(left),
            Path(right),
            format=format,
            contest=contest,
            rule=Rule(rule, seats, share(threshold)),
            register=register,
            voters=voters,
            most_voters=most_voters,
            same=same or (),
            only=only or (),
        )
    else:
        raise CotejoError(
            "compare takes either a mission's folder, or --left FILE and --right FILE; give one of them"
        )
    if json:
        show.as_json(document)
    else:
        for pair in document.get("pairs", [document]):
            told.comparison(pair, stations=stations)
    return int(fail_on_difference and any(p["differing"] for p in document.get("pairs", [document])))


app.command(feed_cli.watch)
app.command(feed_cli.timeline)


_AUDIT_COLUMNS = {
    "id": "audit",
    "grade": "grade",
    "statistic": "statistic",
    "pvalue": "p",
    "pvalue_corrected": "p corrected",
    "false_alarm_rate": "false alarms",
    "n": "n",
    "effect_of_margin": "votes / margin",
    "flagged": "flagged",
    "flags_expected": "expected",
}


@app.command
def audit(
    folder: Annotated[Path | None, Parameter(name=["DIR"])] = None,
    /,
    *,
    counts: Annotated[Path | None, Parameter(help="An official file, instead of a mission.")] = None,
    format: Annotated[str, Parameter(help="The file's format; auto looks at the content.")] = "auto",
    only: Annotated[
        list[str] | None, Parameter(negative=(), help="Ids of the audits to run; default: all.")
    ] = None,
    seed: Annotated[int, Parameter(help="Same data and seed, same answer.")] = 0,
    calibrate: Annotated[bool, Parameter(help="Measure false-alarm rates by simulation.")] = True,
    language: Annotated[
        Literal["en", "es", "pt"], Parameter(help="Of the paragraphs that say what the figures mean.")
    ] = "en",
    json: Json = False,
) -> None:
    """Run the audit battery over a mission or an official file."""
    from tabulate.findings import audit_counts, audit_mission, document
    from tabulate.languages import paragraph

    if folder is not None and counts is None:
        from tabulate.rebuild import current_tables

        with opened(folder) as mission:
            audits = audit_mission(
                mission, current_tables(mission), only=only, seed=seed, calibrate=calibrate
            )
    elif folder is None and counts is not None:
        from tabulate.official import read_official

        audits = audit_counts(read_official(counts, format), only=only, seed=seed, calibrate=calibrate)
    else:
        raise CotejoError("audit takes either a mission's folder or --counts FILE; give one of them")
    if json:
        show.as_json(document(audits))
        return
    for each in audits:
        doc = each.battery.to_json()
        show.table(
            f"{each.contest or 'one contest'}, looked at: {each.source}; margin in votes: {show.plain(doc['margin'])}",
            list(_AUDIT_COLUMNS.values()),
            [[a[name] for name in _AUDIT_COLUMNS] for a in doc["audits"]],
            right=range(2, 10),
        )
        for a in doc["audits"]:
            show.say("\n" + paragraph(a["sentences"]["paragraph"], language))


@app.command
def export(
    folder: Annotated[Path, Parameter(name=["DIR"])],
    /,
    *,
    to: Annotated[Path, Parameter(help="The folder to write into.")],
    json: Json = False,
) -> None:
    """Write the flagged stations (CSV, XLSX, Parquet), a JSON summary and what the audits say in each language."""
    from tabulate.line import export_mission

    with opened(folder) as mission:
        paths = export_mission(mission, to).paths
    if json:
        show.as_json([str(p) for p in paths])
    else:
        show.table("Export", ["file", "bytes"], [(p, p.stat().st_size) for p in paths], right=[1])


@app.command
def rebuild(folder: Annotated[Path, Parameter(name=["DIR"])], /, *, json: Json = False) -> None:
    """Derive all tables again from the ledger and the originals; the same bytes each time."""
    from tabulate.line import rebuild_all

    with opened(folder) as mission:
        hashes = rebuild_all(mission)
    if json:
        show.as_json(hashes)
    else:
        show.table("Tables", ["table", "SHA-256"], hashes.items())


@app.command
def serve(
    folder: Annotated[Path, Parameter(name=["DIR"])],
    /,
    *,
    host: Annotated[str, Parameter(help="Only loopback addresses until there are roles.")] = "127.0.0.1",
    port: int = 8501,
) -> None:
    """Open the dashboard and the upload page over a mission."""
    from tabulate.mission import Mission
    from tabulate.serve import serve as run_server

    Mission.open(folder).close()
    run_server(folder, host=host, port=port)


class opened:
    """``with opened(folder) as mission``: opens it, and closes it whatever happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Mission:
        """The open mission."""
        from tabulate.mission import Mission

        self.mission = Mission.open(self.folder)
        return self.mission

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.mission.close()


def chosen_forms(form: str) -> dict[str, Any]:
    """The form of that id, or all forms for ``auto``."""
    from ocr.form import load_forms

    forms = load_forms()
    if form == "auto":
        return forms
    if form not in forms:
        raise CotejoError(f"there is no form {form!r}; known are {', '.join(forms)}")
    return {form: forms[form]}


def read_mission(folder: Path, workers: int | None, cluster: str | None, json: bool) -> None:
    """Read what waits in a mission."""
    from tabulate.reading import read_photos

    with opened(folder) as mission:
        done = read_photos(mission, workers=workers, cluster=cluster, progress=True)
    document = {"read": done.read, "refused": done.refused, "read_before": done.before}
    if json:
        show.as_json(document)
    else:
        show.table(
            "Readings", ["what", "photos"], [(k.replace("_", " "), n) for k, n in document.items()], right=[1]
        )


def main(arguments: list[str] | None = None) -> int:
    """The console script. Returns the exit code."""
    try:
        code = app(
            sys.argv[1:] if arguments is None else arguments,
            exit_on_error=False,
            result_action="return_value",
        )
        return code if isinstance(code, int) else 0
    except CycloptsError:
        return 2  # cyclopts has printed what was wrong
    except CotejoError as e:
        show.tell(f"cotejo: {e}")
        return e.exit_code
    except KeyboardInterrupt:
        show.tell("cotejo: interrupted; run the same command again and it goes on where it was")
        return 130
    except BrokenPipeError:
        return 0
    except OSError as e:
        show.tell(
            f"cotejo: the machine failed: {e.strerror or e}{f' ({e.filename})' if e.filename else ''}; free space or check the disk"
        )
        return 3


if __name__ == "__main__":
    sys.exit(main())
