"""The register: the list of stations, loaded from CSV, corrected by loading again. No load replaces another.

A load names the stations it is about; others stay as they were. A column that the file does not have keeps what stood
there. A station that is withdrawn gets ``active`` = false; it is never removed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ocr.errors import CotejoError
from tabulate.ledger import Entry, Writer
from tabulate.mission import Mission
from tabulate.schema import conform, empty

IMPORTED = "register-imported"
COLUMNS: dict[str, type[pl.DataType]] = {
    "station_id": pl.String,
    "place_id": pl.String,
    "place": pl.String,
    "region": pl.String,
    "subregion": pl.String,
    "registered": pl.Int64,
    "has_list": pl.Boolean,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
    "stratum": pl.String,
    "contests": pl.String,
    "active": pl.Boolean,
}
_TRUE = ("true", "1", "yes", "si", "sí", "sim", "t", "y", "s")
_FALSE = ("false", "0", "no", "nao", "não", "f", "n")


@dataclass(frozen=True, slots=True)
class RegisterReceipt:
    """What a load did: stations in the file, stations new and changed, and the file's columns that we do not know."""

    seq: int
    blob: str
    rows: int
    added: int
    changed: int
    ignored: tuple[str, ...]


def import_register(
    mission: Mission, path: Path | str, *, actor: str, at: datetime | None = None
) -> RegisterReceipt:
    """Load a register, or corrections to it, from a CSV file.

    Raises
    ------
    CotejoError
        If the file cannot be taken over as a whole; one sentence with the row, and nothing is changed.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as e:
        raise CotejoError(
            f"{path} cannot be read ({e.strerror}); check the path and its permissions"
        ) from None
    names = mission.settings.register_file.columns
    frame, ignored = parse_register(data, path.name, names, list(mission.contests))
    mission.record_settings(actor)
    blob = mission.blobs.put(data)
    with mission.ledger.writing() as writer:
        before = _fold(mission, writer)[0]
        body = {"name": path.name, "rows": frame.height, "columns": names, "ignored": ignored}
        entry = writer.append(IMPORTED, body, actor=actor, subject=blob, at=at)
        after, revisions = _apply(before, frame, entry)
        # With what stood there before, a load can say what it does not say by itself; then none of it is recorded.
        _check_lists(after, frame, path.name)
    new = revisions.filter(pl.col("column") == "station_id").height
    touched = revisions["station_id"].n_unique()
    return RegisterReceipt(entry.seq, blob, frame.height, new, touched - new, tuple(ignored))


def register_tables(mission: Mission) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables ``register`` and ``register_revisions``, from the ledger and the blobs."""
    return _fold(mission, None)


def parse_register(
    data: bytes, name: str, columns: Mapping[str, str], contests: Iterable[str]
) -> tuple[pl.DataFrame, list[str]]:
    """Read a register's CSV.

    Parameters
    ----------
    data : bytes
        UTF-8; separated by comma, semicolon or tab.
    name : str
        The file's name, for messages.
    columns : mapping
        Our column name to the file's.
    contests : iterable of str
        The ids that ``contests`` may name.

    Returns
    -------
    (DataFrame, list of str)
        One row a station with those of `COLUMNS` that the file has; and the file's other columns, which are ignored.
    """
    raw = _table(data, name)
    for ours, theirs in columns.items():
        if ours not in COLUMNS:
            raise CotejoError(
                f"mission.toml: register.columns: {ours!r} is no column of the register; known are {', '.join(COLUMNS)}"
            )
        if theirs not in raw.columns:
            raise CotejoError(
                f"{name} has no column {theirs!r}; it has {', '.join(raw.columns)}: correct register.columns in mission.toml"
            )
    found = {ours: columns.get(ours, ours) for ours in COLUMNS if columns.get(ours, ours) in raw.columns}
    if "station_id" not in found:
        raise CotejoError(
            f"{name} has no column 'station_id'; rename the column that has the station's id, or name it under [register] columns in mission.toml"
        )
    ignored = [c for c in raw.columns if c not in found.values()]
    stripped = [
        pl.col(theirs).str.strip_chars().replace("", None).alias(ours) for ours, theirs in found.items()
    ]
    frame = raw.select(stripped).with_row_index("_row", offset=2)
    _check_ids(frame, name)
    parsed = [_parsed(frame, column, dtype, name) for column, dtype in COLUMNS.items() if column in found]
    frame = frame.select("_row", *parsed)
    _check_meaning(frame, name, list(contests))
    return frame.drop("_row"), ignored


def _table(data: bytes, name: str) -> pl.DataFrame:
    if not data.strip():
        raise CotejoError(f"{name} is empty; export the register again")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise CotejoError(
            f"{name} is not UTF-8 (line {line}); save it as UTF-8, for a wrong encoding spoils names"
        ) from None
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    try:
        return pl.read_csv(io.BytesIO(text.encode()), separator=separator, infer_schema=False)
    except PolarsError as e:
        why = str(e).strip().splitlines()[0]
        raise CotejoError(
            f"{name} is not a table ({why}); export it again as CSV with one heading line"
        ) from None


def _check_ids(frame: pl.DataFrame, name: str) -> None:
    missing = frame.filter(pl.col("station_id").is_null())
    if missing.height:
        raise CotejoError(
            f"{name}, row {missing['_row'][0]}: the station id is empty; fill it in or remove the row"
        )
    repeated = frame.filter(pl.col("station_id").is_duplicated())
    if repeated.height:
        first = repeated["station_id"][0]
        rows = repeated.filter(pl.col("station_id") == first)["_row"].to_list()
        raise CotejoError(
            f"{name}: the station {first!r} stands in rows {', '.join(map(str, rows))}; a station may stand there once, so remove or correct the others"
        )


def _parsed(frame: pl.DataFrame, column: str, dtype: type[pl.DataType], name: str) -> pl.Expr:
    """The column in its type; refuses what is neither empty nor of that type."""
    if dtype is pl.String:
        return pl.col(column)
    value: pl.Expr
    if dtype is pl.Boolean:
        low = pl.col(column).str.to_lowercase()
        value = pl.when(low.is_in(_TRUE)).then(True).when(low.is_in(_FALSE)).then(False)
        wants = "true or false"
    elif dtype is pl.Int64:
        # No thousands separators: whether 1.234 is one or one thousand is not for a program to guess.
        value = pl.when(pl.col(column).str.contains(r"^\d{1,9}$")).then(pl.col(column)).cast(pl.Int64)
        wants = "a whole number without separators"
    else:
        value = pl.col(column).cast(pl.Float64, strict=False)
        value = pl.when(value.is_finite()).then(value)
        wants = "a number with a decimal point"
    wrong = frame.filter(pl.col(column).is_not_null() & value.is_null())
    if wrong.height:
        raise CotejoError(
            f"{name}, row {wrong['_row'][0]}: {column} is {wrong[column][0]!r}, which is not {wants}; correct or empty the cell"
        )
    return value.alias(column)


def _check_lists(after: pl.DataFrame, load: pl.DataFrame, name: str) -> None:
    """No station of the load has a number of registered voters and no list."""
    wrong = after.join(load, on="station_id", how="semi").filter(
        ~pl.col("has_list") & (pl.col("registered") > 0)
    )
    if wrong.height:
        station, registered = wrong.sort("station_id").select("station_id", "registered").row(0)
        raise CotejoError(
            f"{name}: the station {station!r} would have no list but {registered} registered; give both columns, the number empty, or leave has_list true"
        )


def _check_meaning(frame: pl.DataFrame, name: str, contests: list[str]) -> None:
    if {"has_list", "registered"} <= set(frame.columns):
        wrong = frame.filter(~pl.col("has_list") & (pl.col("registered") > 0))
        if wrong.height:
            raise CotejoError(
                f"{name}, row {wrong['_row'][0]}: the station has no list but {wrong['registered'][0]} registered; empty the number or set has_list"
            )
    for column, limit in (("latitude", 90), ("longitude", 180)):
        if column in frame.columns:
            wrong = frame.filter(pl.col(column).abs() > limit)
            if wrong.height:
                raise CotejoError(
                    f"{name}, row {wrong['_row'][0]}: {column} is {wrong[column][0]}, beyond {limit} degrees; correct the cell"
                )
    if "contests" in frame.columns:
        named = (
            frame.select("_row", pl.col("contests").str.split(";"))
            .explode("contests", empty_as_null=True)
            .drop_nulls()
        )
        wrong = named.filter(~pl.col("contests").is_in(contests))
        if wrong.height:
            raise CotejoError(
                f"{name}, row {wrong['_row'][0]}: there is no contest {wrong['contests'][0]!r}; known are {', '.join(contests)}"
            )


def _fold(mission: Mission, writer: Writer | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All loads in order: the register as it stands and every change on the way."""
    loads = writer.entries(IMPORTED) if writer else mission.ledger.entries(IMPORTED)

    def step(
        state: tuple[pl.DataFrame, list[pl.DataFrame]], load: Entry
    ) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        data = mission.blobs.get(load.subject)
        frame, _ = parse_register(data, load.body["name"], load.body["columns"], list(mission.contests))
        register, revisions = _apply(state[0], frame, load)
        return register, [*state[1], revisions]

    start: tuple[pl.DataFrame, list[pl.DataFrame]] = (empty("register"), [])
    register, revisions = reduce(step, loads, start)
    return conform("register", register), conform(
        "register_revisions", pl.concat([empty("register_revisions"), *revisions])
    )


def _apply(register: pl.DataFrame, load: pl.DataFrame, entry: Entry) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The register after one load, and the cells that it changed."""
    columns = [c for c in COLUMNS if c != "station_id"]
    given = [c for c in columns if c in load.columns]
    both = register.join(load, on="station_id", how="full", coalesce=True, suffix="_new").with_columns(
        _is_new=~pl.col("station_id").is_in(register["station_id"].to_list()),
        _in_load=pl.col("station_id").is_in(load["station_id"].to_list()),
    )
    defaults = {"has_list": True, "active": True}

    def after(column: str) -> pl.Expr:
        new = pl.col(f"{column}_new") if column in given else pl.col(column)
        if column in defaults:  # an empty cell says nothing here
            new = new.fill_null(pl.col(column)).fill_null(defaults[column])
        return pl.when("_in_load").then(new).otherwise(pl.col(column))

    wide = both.with_columns(after(c).alias(f"{c}_after") for c in columns)
    at = pl.lit(datetime.fromisoformat(entry.at))
    head = [pl.lit(entry.seq, pl.Int64).alias("seq"), pl.col("station_id")]
    revisions = [
        wide.filter("_is_new").select(
            *head,
            column=pl.lit("station_id"),
            at=at,
            before=pl.lit(None, pl.String),
            after="station_id",
        )
    ]
    changed = pl.lit(False)
    for c in columns:
        differs = ~pl.col("_is_new") & pl.col(c).ne_missing(pl.col(f"{c}_after"))
        changed = changed | differs
        revisions.append(
            wide.filter(differs).select(
                *head,
                column=pl.lit(c),
                at=at,
                before=pl.col(c).cast(pl.String),
                after=pl.col(f"{c}_after").cast(pl.String),
            )
        )
    seq = pl.when(changed | pl.col("_is_new")).then(pl.lit(entry.seq, pl.Int64)).otherwise("seq")
    current = wide.select("station_id", *(pl.col(f"{c}_after").alias(c) for c in columns), seq=seq)
    blank = empty("register_revisions")
    typed = [f.select(pl.col(c).cast(dtype) for c, dtype in blank.schema.items()) for f in revisions]
    return current, pl.concat(typed)
