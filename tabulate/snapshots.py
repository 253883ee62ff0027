"""Official snapshots: the authority's count as it stood at one time, imported and kept for good.

The original file goes into the blobs, and the ledger says which format it has and when the count stood like that. The
tables are parsed from it anew at every rebuild. Two snapshots never replace each other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from ocr.form import Role
from tabulate.ledger import Entry, utc_now
from tabulate.mission import Mission, Official
from tabulate.official import MAPPING, NUMBER_COLUMNS, OfficialCount, detect, read_official
from tabulate.register import register_tables
from tabulate.schema import conform, empty

IMPORTED = "snapshot-imported"
TABLES = ("snapshots", "official_stations", "official_fields", "official_problems")


def import_snapshot(
    mission: Mission, path: Path | str, *, format: str = "auto", at: datetime | None = None, actor: str
) -> dict[str, Any]:
    """Import one official file as a snapshot.

    Parameters
    ----------
    format : str
        Id of an official format, ``auto`` to find it by the file's heading, or the path of a mapping (``….toml``), which is
        kept beside the file.
    at : datetime, optional
        When the authority's count stood like this; with a zone. Default: now.

    Returns
    -------
    dict
        ``snapshot`` (its id), ``status`` (``new`` or ``already here``), ``format``, ``verified``, ``taken_at``, ``blob``,
        ``rows``, ``stations``, ``not_in_register`` (stations of the file that the register does not have), ``problems``, ``seq``,
        ``hash``. Without a time, a file is already here only if it is the newest of its contests: an authority that goes back to
        an earlier count has a new count.

    Raises
    ------
    CotejoError
        If the file cannot be taken over, or names a contest or an option that the mission does not have; nothing changes.
    """
    path = Path(path)
    if format == "auto":
        format = detect(path).id
    mapping = Path(format) if format.endswith(".toml") else None
    count = read_official(path, format)
    rules = mapping.read_bytes() if mapping else b""
    counts, _ = _translate(mission, count, path.name)
    contests = counts["contest"].unique().sort().to_list()
    strange, cause = _strangers(counts, register_tables(mission)[0])
    taken = (at or utc_now()).astimezone(UTC).isoformat(timespec="microseconds")
    try:
        data = path.read_bytes()
    except OSError as e:
        raise CotejoError(
            f"{path} cannot be read ({e.strerror}); check the path and its permissions"
        ) from None
    mission.record_settings(actor)
    blob = mission.blobs.put(data)
    if mapping:  # what a file holds must be told in the same way for ever
        format = MAPPING + mission.blobs.put(rules)
    with mission.ledger.writing() as writer:
        known = writer.entries(IMPORTED)
        if at is None:
            newest = _newest(mission, known, set(contests))
            same = [newest] if newest is not None and newest.subject == blob else []
        else:
            same = [e for e in known if e.subject == blob and e.body["taken_at"] == taken]
        status = "already here" if same else "new"
        if same:
            entry = same[0]
        else:
            body = {
                "snapshot": f"s{len(known) + 1:03}",
                "format": format,
                "name": path.name,
                "taken_at": taken,
                "contests": contests,
                "facts": _facts(count, counts),
            }
            entry = writer.append(IMPORTED, body, actor=actor, subject=blob)
    return {
        "snapshot": entry.body["snapshot"],
        "status": status,
        "format": entry.body["format"],
        "verified": count.verified,
        "taken_at": entry.body["taken_at"],
        "blob": blob,
        "rows": count.raw.height,
        "stations": count.counts["station_id"].n_unique(),
        "not_in_register": strange,
        "problems": len(count.problems) + (cause is not None),
        "seq": entry.seq,
        "hash": entry.hash,
    }


def _facts(count: OfficialCount, counts: pl.DataFrame) -> dict[str, Any]:
    """What the feed is judged by (`tabulate.feed`), as it was parsed at the import."""
    votes = pl.sum_horizontal(pl.col(count.options).fill_null(0)) if count.options else pl.lit(0)
    contests = counts.group_by("contest").agg(
        actas=pl.len(), counted=pl.col("counted").sum(), votes=votes.filter(pl.col("counted")).sum()
    )
    return {
        "columns": list(count.columns),
        "contests": {
            c: {"actas": a, "counted": n, "votes": v} for c, a, n, v in contests.sort("contest").iter_rows()
        },
    }


def _newest(mission: Mission, known: list[Entry], contests: set[str]) -> Entry | None:
    """The newest snapshot that counts one of the contests."""
    for entry in sorted(known, key=lambda e: (e.body["taken_at"], e.seq), reverse=True):
        theirs = entry.body.get("contests")
        if theirs is None:  # recorded before snapshots said so
            count = _parse(mission, entry.subject, entry.body["format"])
            theirs = _translate(mission, count, entry.body["name"])[0]["contest"]
        if contests & set(theirs):
            return entry
    return None


def _strangers(counts: pl.DataFrame, register: pl.DataFrame) -> tuple[int, str | None]:
    """How many stations the register does not have, and the likely cause if it would have them but for leading zeros.

    They are never matched silently: a station's id is a text, and 0101 is another station than 101.
    """
    strange = counts.select("station_id").unique().join(register, on="station_id", how="anti")
    bare = pl.col("station_id").str.strip_chars_start("0").alias("bare")
    alike = (
        strange.with_columns(bare)
        .join(register.select(bare, ours="station_id"), on="bare", how="inner")
        .sort("station_id", "ours")
    )
    if register.is_empty() or alike.is_empty():
        return strange.height, None
    first, n = alike.row(0, named=True), alike["station_id"].n_unique()
    return strange.height, (
        f"{n} of {strange.height} stations that are not in the register would be but for leading zeros "
        f"({first['station_id']!r} here, {first['ours']!r} there); export the one that lost them again, with ids as text"
    )


def parse_time(text: str | None) -> datetime | None:
    """An ISO 8601 time with its zone; None for None.

    Raises
    ------
    CotejoError
        If it is no time, or has no zone.
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CotejoError(f"{text!r} is no time; write it like 2026-03-01T20:15:00-04:00") from None
    if time.tzinfo is None:
        raise CotejoError(
            f"the time {text!r} has no zone; write it like 2026-03-01T20:15:00-04:00 or with a Z"
        )
    return time


def snapshot_tables(mission: Mission, register: pl.DataFrame | None = None) -> dict[str, pl.DataFrame]:
    """The tables `TABLES`, from the ledger and the blobs; `register` is the register's table, if it is at hand."""
    register = register_tables(mission)[0] if register is None else register
    entries = list(mission.ledger.entries(IMPORTED))
    parts: dict[str, list[pl.DataFrame]] = {name: [empty(name)] for name in TABLES}
    newest = max(entries, key=lambda e: (e.body["taken_at"], e.seq), default=None)
    for entry in entries:
        name = entry.body["snapshot"]
        count = _parse(mission, entry.subject, entry.body["format"])
        counts, fields = _translate(mission, count, entry.body["name"])
        _, cause = _strangers(counts, register)
        row = {
            "snapshot": name,
            "format": count.format,
            "verified": count.verified,
            "blob": entry.subject,
            "name": entry.body["name"],
            "taken_at": datetime.fromisoformat(entry.body["taken_at"]),
            "imported_at": datetime.fromisoformat(entry.at),
            "rows": count.raw.height,
            "stations": counts["station_id"].n_unique(),
            "counted": counts.filter("counted")["station_id"].n_unique(),
            "problems": len(count.problems) + (cause is not None),
            "latest": entry is newest,
            "seq": entry.seq,
        }
        found: list[tuple[int | None, str]] = [(p["row"], p["reason"]) for p in count.problems]
        found += [] if cause is None else [(None, cause)]
        problems = [
            {"snapshot": name, "number": i, "row": line, "reason": reason}
            for i, (line, reason) in enumerate(found, start=1)
        ]
        parts["snapshots"].append(_typed("snapshots", pl.DataFrame([row])))
        parts["official_stations"].append(
            _typed("official_stations", counts.with_columns(snapshot=pl.lit(name)))
        )
        parts["official_fields"].append(_typed("official_fields", fields.with_columns(snapshot=pl.lit(name))))
        if problems:
            parts["official_problems"].append(_typed("official_problems", pl.DataFrame(problems)))
    return {name: conform(name, pl.concat(frames)) for name, frames in parts.items()}


def _typed(table: str, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(pl.col(c).cast(dtype) for c, dtype in empty(table).schema.items())


def _parse(mission: Mission, blob: str, format: str) -> OfficialCount:
    mission.blobs.get(blob)  # checks the bytes
    if format.startswith(MAPPING):
        rules = format.removeprefix(MAPPING)
        mission.blobs.get(rules)
        format = f"{MAPPING}{mission.blobs.path(rules)}"
    return read_official(mission.blobs.path(blob), format)


def _translate(mission: Mission, count: OfficialCount, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The count in the mission's words: one row a station and contest, and its numbers, long.

    An option that the file has and the contest does not is an error if it has votes there, and no option of that
    contest if it has none.
    """
    empty_names = Official(format=count.format)
    names = next((o for o in mission.settings.official if o.format == count.format), empty_names)
    contests = mission.contests
    only = names.contest or (next(iter(contests)) if len(contests) == 1 else None)
    theirs = count.counts["contest"].unique().sort().to_list()
    mapping = {t: names.contests.get(t, (only or "") if t in ("", None) else t) for t in theirs}
    for their, our in mapping.items():
        if our not in contests:
            what = f"names the contest {their!r}" if their else "does not say which contest it counts"
            raise CotejoError(
                f"{name} {what}; add it under [[official]] in mission.toml, known are {', '.join(contests)}"
            )
    options = {o: names.options.get(o, o) for o in count.options}
    belongs = pl.DataFrame(
        [(c.id, o.id) for c in contests.values() for o in c.options],
        schema=["contest", "option"],
        orient="row",
    )
    to_ours = pl.col("contest").replace_strict(mapping, return_dtype=pl.String)
    counts = count.counts.with_columns(to_ours, pl.col("counted").fill_null(True))
    present = [f for f in (*NUMBER_COLUMNS, *count.options) if count.sources.get(f)]
    cells = count.cells().filter(pl.col("field").is_in(present)).with_columns(to_ours)
    votes = cells.filter(pl.col("field").is_in(count.options)).with_columns(
        option=pl.col("field").replace_strict(options, return_dtype=pl.String)
    )
    strange = votes.filter(pl.col("value") > 0).join(belongs, on=["contest", "option"], how="anti")
    if strange.height:
        first = strange.row(0, named=True)
        raise CotejoError(
            f"{name}: the option {first['field']!r} has votes in the contest {first['contest']!r}, which does not have it "
            f"(station {first['station_id']}); add the option, or name it under [[official]] options in mission.toml"
        )
    votes = votes.join(belongs, on=["contest", "option"], how="semi")
    long = pl.concat(
        [
            votes.select(
                "station_id",
                "contest",
                field="option",
                role=pl.lit(str(Role.OPTION)),
                option="option",
                value="value",
                state="state",
                raw="raw",
            ),
            cells.filter(pl.col("field").is_in(NUMBER_COLUMNS)).select(
                "station_id",
                "contest",
                "field",
                role="field",
                option=pl.lit(None, pl.String),
                value="value",
                state="state",
                raw="raw",
            ),
        ]
    )
    return counts, long
