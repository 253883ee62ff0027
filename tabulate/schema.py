"""Every table of a mission: its columns, types, units and meaning. The contract of the house.

All tables are derived from the ledger and the blobs (`tabulate.rebuild`) and lie as Parquet files under ``DIR/tables``.
Rules that hold in every table:

- A station id is a string, and leading zeros are part of it.
- ``state`` says what stands behind a number: ``number`` (then ``value`` is set, and 0 is a number), ``blank`` (nothing
  written), ``illegible``, ``absent`` (no acta, or the field is not on it). ``raw`` is the text that the number came from.
- Times are UTC. Several short identifiers in one cell (``reasons``, ``flags``) are sorted and joined by ``;``; none is "".
- Rows are unique by, and sorted by, the primary key.
- ``seq`` is the ledger entry that a row came from. Readings carry none: their order depends on the number of workers.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy
import polars as pl

from ocr.form import Role
from ocr.reading import State

STATES = "|".join(State)
ROLES = "|".join(Role)


def text(meaning: str, *, key: bool = False, nullable: bool = False, one_of: str | None = None) -> dy.String:
    """A text column; ``one_of`` lists the allowed values, separated by ``|``."""
    regex = None if one_of is None else f"^({one_of})$"
    if one_of is not None:
        meaning += f" One of {', '.join(one_of.split('|'))}."
    return dy.String(primary_key=key, nullable=nullable, regex=regex, description=meaning)


def integer(meaning: str, unit: str = "", *, key: bool = False, nullable: bool = False) -> dy.Int64:
    """A whole number."""
    return dy.Int64(primary_key=key, nullable=nullable, description=meaning, metadata={"unit": unit})


def real(meaning: str, unit: str = "", *, nullable: bool = False) -> dy.Float64:
    """A real number, rounded to nine digits."""
    return dy.Float64(nullable=nullable, description=meaning, metadata={"unit": unit})


def truth(meaning: str, *, nullable: bool = False) -> dy.Bool:
    """A yes or a no."""
    return dy.Bool(nullable=nullable, description=meaning)


def moment(meaning: str, *, nullable: bool = False) -> dy.Datetime:
    """A time in UTC."""
    return dy.Datetime(
        nullable=nullable, time_zone="UTC", time_unit="us", description=meaning, metadata={"unit": "UTC"}
    )


def station(*, key: bool = True, nullable: bool = False) -> dy.String:
    """The station's id."""
    return text("The station's id.", key=key, nullable=nullable)


def contest(*, key: bool = True, nullable: bool = False) -> dy.String:
    """The contest's id."""
    return text("The contest's id, as in mission.toml.", key=key, nullable=nullable)


class _Value(dy.Schema):
    """A number as it was found: shared by every long table of fields."""

    role = text("What the field counts.", one_of=ROLES)
    option = text("The option that the votes are for; null if the field is no option.", nullable=True)
    value = integer("The number; null unless `state` is number.", nullable=True)
    state = text("What stands behind the number.", one_of=STATES)
    raw = text("The text that the number came from; null if there is none.", nullable=True)

    @dy.rule()
    def value_only_if_number(cls) -> pl.Expr:
        """A value is there exactly if the state is number."""
        return pl.col("value").is_not_null() == (pl.col("state") == State.NUMBER)


class Register(dy.Schema):
    """The stations as the register stands now: the latest revision of each."""

    station_id = station()
    place_id = text("The building's id (recinto, local); null if unknown.", nullable=True)
    place = text("The building's name.", nullable=True)
    region = text("First level of geography (department, state, country abroad).", nullable=True)
    subregion = text("Second level of geography (municipality, district).", nullable=True)
    registered = integer(
        "People on the station's list; null if it has no list or none is known.", "people", nullable=True
    )
    has_list = truth(
        "False for a special station, which has no list of its own, so that turnout means nothing there."
    )
    latitude = real("North positive, WGS 84.", "degrees", nullable=True)
    longitude = real("East positive, WGS 84.", "degrees", nullable=True)
    stratum = text("Sampling stratum.", nullable=True)
    contests = text("The contests voted on here, joined by `;`; null: all of the mission's.", nullable=True)
    active = truth("False once a later register withdrew the station.")
    seq = integer("Ledger entry of the register revision that last changed the row.")


class RegisterRevisions(dy.Schema):
    """Every correction of the register: one row for each cell that a later load changed, and for each new station."""

    seq = integer("Ledger entry of the load.", key=True)
    station_id = station()
    column = text("The column that changed; `station_id` for a new station.", key=True)
    at = moment("When it was loaded.")
    before = text("What stood there; null if nothing did.", nullable=True)
    after = text("What stands there since; null if nothing does.", nullable=True)


class Photos(dy.Schema):
    """The files that arrived and were kept: photos, scans, PDFs. One row for each SHA-256."""

    photo = text("SHA-256 of the original bytes.", key=True)
    name = text("The name it first arrived under.")
    bytes = integer("Size.", "bytes")
    kind = text("jpeg, png, webp, tiff, pdf ...")
    pages = integer("Pages in the file.", "pages")
    at = moment("When it first arrived.")
    source = text("The source it first came from.")
    actor = text("Who sent it first.")
    arrivals = integer("How often the same bytes arrived.", "times")
    stations = integer("Stations that it was filed for.", "stations")
    refused = text(
        "Why intake refused to have it read, though it was kept; null if it did not.", nullable=True
    )
    seq = integer("Ledger entry of the first arrival.")


class Filings(dy.Schema):
    """Which photo was filed for which station, by whom: the first time each pair was seen."""

    photo = text("SHA-256 of the photo.", key=True)
    seq = integer("Ledger entry.", key=True)
    station_id = text(
        "The station that the sender (or the file's name) claimed; null if none.", nullable=True
    )
    at = moment("When.")
    name = text("The name it arrived under.")
    source = text("Where from.")
    actor = text("Who.")


class Refusals(dy.Schema):
    """The files that intake refused, and why. Nothing that arrives goes unrecorded."""

    seq = integer("Ledger entry.", key=True)
    at = moment("When.")
    name = text("The name it arrived under.")
    photo = text("SHA-256 of the bytes; null if they were not read.", nullable=True)
    bytes = integer("Size.", "bytes", nullable=True)
    reason = text("Short identifier of the reason.")
    message = text("The same for people, one sentence.")
    kept = truth("Whether the original was kept, because it may be a picture after all.")
    source = text("Where from.")
    actor = text("Who.")


class Readings(dy.Schema):
    """What the machine saw: one row for each page of each photo, the latest reading of it."""

    photo = text("SHA-256 of the photo.", key=True)
    page = integer("Page within the file, from 1.", key=True)
    form = text("The form found; null if the page was refused.", nullable=True)
    acta = text("The acta that this form is a page of.", nullable=True)
    acta_page = integer("Which page of the acta it is, from 1.", nullable=True)
    verified = truth("Whether the form was ever read from real sheets.")
    refused = text("Why nothing was read, one sentence; null if something was.", nullable=True)
    station_id = text("The station as the sheet itself says it; null if it was not read.", nullable=True)
    station_source = text("Where on the sheet that stood: qr, code128, printed ...", nullable=True)
    accepted = truth("The reader's own opinion that no person is needed.")
    reasons = text("Why not: short identifiers.")
    probability = real("That every field is right.", "probability")
    inconsistent = real("That the sheet was written so that a sum does not hold.", "probability")
    registration = real("How well the printed boxes were found.", "0 to 1")
    width = integer("Of the upright photo.", "pixels")
    height = integer("Of the upright photo.", "pixels")
    reader = text("Version of the reader and of its network.")
    writing = text(
        "Fingerprint of what is written in the boxes, 64 hexadecimal digits; null if too little is.",
        nullable=True,
    )


class ReadingFields(_Value):
    """The fields of every reading, each with its probability and the runner-up."""

    photo = text("SHA-256 of the photo.", key=True)
    page = integer("Page within the file, from 1.", key=True)
    field = text("The field's name on the form.", key=True)
    probability = real("That value and state are right, given the whole sheet.", "probability")
    runner_up = integer("The second most probable value.", nullable=True)
    runner_up_probability = real("Its probability.", "probability")
    alone = real(
        "That value and state are right, by this field's own boxes as this sheet's hand writes them, without the sums.",
        "probability",
    )
    alone_value = integer("The most probable value by the same.", nullable=True)
    flags = text("crossed-out, words-differ ...")


class _Sum(dy.Schema):
    """A sum of the sheet, checked: shared by readings and tallies."""

    sum = text("The sum's name on the form or in mission.toml.", key=True)
    rule = text("How the two sides must stand.", one_of="equal|at-most")
    left = integer("What the left fields add up to; null if one is not a number.", nullable=True)
    right = integer("What the right fields add up to; null if one is not a number.", nullable=True)
    holds = truth("Whether the rule holds on the values; null if a side is missing.", nullable=True)


class ReadingSums(_Sum):
    """The form's sums on the values of every reading."""

    photo = text("SHA-256 of the photo.", key=True)
    page = integer("Page within the file, from 1.", key=True)
    probability = real("That the sheet was written so that the sum holds.", "probability")


class Keyings(_Value):
    """What people typed, blind: one row for each field of each keying."""

    seq = integer("Ledger entry.", key=True)
    field = text("The field's name on the form.", key=True)
    station_id = station(key=False)
    contest = contest(key=False)
    photo = text("SHA-256 of the photo it was typed from.")
    at = moment("When.")
    actor = text("Who.")


class Decisions(dy.Schema):
    """What people decided about an acta or a photo. Nothing is overwritten: the latest stands."""

    seq = integer("Ledger entry.", key=True)
    at = moment("When.")
    actor = text("Who.")
    decision = text(
        "What: the reading as it is, other values, the photo is of no use, it belongs to another station, look again.",
        one_of="accept|correct|refuse|reassign|reopen",
    )
    station_id = text("The station; for a reassigned photo, the one it was moved to.", nullable=True)
    contest = contest(key=False, nullable=True)
    photo = text("SHA-256 of the photo in question; null for a reopened acta.", nullable=True)
    page = integer("Page within the file, from 1.", nullable=True)
    note = text("Why, in the person's words.")
    stands = truth("False once a later decision took its place.")


class Tallies(dy.Schema):
    """The mission's numbers: one row for each active station of the register and contest, whether an acta came or not."""

    station_id = station()
    contest = contest()
    status = text("How the acta stands.", one_of="accepted|person|unread|absent")
    source = text(
        "Where the values come from; null if there are none.", nullable=True, one_of="reading|keying|person"
    )
    confirmed = truth("Whether every value may be held against another record: see `tabulate.tally`.")
    reasons = text("Why a person must look, or what they should know: short identifiers.")
    acta = text("The acta form.", nullable=True)
    photo = text("SHA-256 of the photo (of the first page used); null if there is none.", nullable=True)
    page = integer("Page within that file, from 1.", nullable=True)
    photos = integer("Photos of this acta.", "photos")
    probability = real(
        "That every field of the reading is right; null if no reading was used.", "probability", nullable=True
    )
    adds_up = truth("Whether every sum that is evidence holds; null if that cannot be said.", nullable=True)
    actor = text("Who decided; null if no person did.", nullable=True)


class TallyFields(_Value):
    """The fields behind `tallies`. With status person they are what the machine proposes, no more."""

    station_id = station()
    contest = contest()
    field = text("The field's name on the form.", key=True)
    source = text(
        "Where the value comes from; null if it is absent.", nullable=True, one_of="reading|keying|person"
    )
    photo = text("SHA-256 of the photo; null if there is none.", nullable=True)
    page = integer("Page within that file, from 1.", nullable=True)
    probability = real(
        "The reading's probability for this value; null if a person gave it.", "probability", nullable=True
    )
    confirmed = truth("Whether the value may be held against another record.")


class TallySums(_Sum):
    """The sums of form and mission on the values of `tally_fields`."""

    station_id = station()
    contest = contest()
    difference = integer("Left minus right.", nullable=True)
    evidence = truth("False for a rule that many honest sheets break.")
    confirmed = truth("Whether every value in it is confirmed.")


class Queue(dy.Schema):
    """What waits for a person, one row for each thing to look at and reason."""

    station_id = text("The station; empty if unknown.", key=True)
    contest = text("The contest; empty if unknown.", key=True)
    photo = text("SHA-256 of the photo; empty if none.", key=True)
    page = integer("Page within the file; 0 if none.", key=True)
    reason = text("Short identifier.", key=True)
    detail = text("The same in one sentence or with the values that matter; may be empty.")


class Snapshots(dy.Schema):
    """The states of the authority's count that were imported. None ever replaces another."""

    snapshot = text("Short id, in order of import.", key=True)
    format = text("Id of the official format.")
    verified = truth("Whether that format was ever checked on a real file.")
    blob = text("SHA-256 of the original file.")
    name = text("The file's name.")
    taken_at = moment("When the authority's count stood like this.")
    imported_at = moment("When it was imported.")
    rows = integer("Rows in the file.", "rows")
    stations = integer("Stations in the file.", "stations")
    counted = integer("Stations whose votes the authority counts.", "stations")
    problems = integer("Rows or cells that could not be taken over.", "rows")
    latest = truth("Whether it is the latest by `taken_at`.")
    seq = integer("Ledger entry.")


class OfficialStations(dy.Schema):
    """What a snapshot says about a station beside its numbers."""

    snapshot = text("The snapshot's id.", key=True)
    station_id = station()
    contest = contest()
    place_id = text("The building's id, as the authority has it.", nullable=True)
    place = text("The building's name.", nullable=True)
    region = text("First level of geography.", nullable=True)
    subregion = text("Second level of geography.", nullable=True)
    counted = truth("Whether the authority counts this acta.")
    status = text("The authority's own word; null if it has none.", nullable=True)


class OfficialFields(_Value):
    """The authority's numbers, cell by cell."""

    snapshot = text("The snapshot's id.", key=True)
    station_id = station()
    contest = contest()
    field = text("The role's name, or the option's id for votes.", key=True)


class OfficialProblems(dy.Schema):
    """Rows of a snapshot that could not be taken over, and why."""

    snapshot = text("The snapshot's id.", key=True)
    number = integer("Counts the snapshot's problems, from 1.", key=True)
    row = integer("Row in the file, from 1 after the heading; null if it concerns the whole.", nullable=True)
    reason = text("One sentence.")


class Feed(dy.Schema):
    """What was noticed about the authority's feed: see `tabulate.feed`. Facts about its files, never findings."""

    seq = integer("Ledger entry.", key=True)
    kind = text("What it is.", one_of="gap|stopped|fewer|columns|repeated|refused")
    contest = text("The contest; null if it is about a file.", nullable=True)
    snapshot = text("The later snapshot, or the last one; null if none.", nullable=True)
    at = moment("When the files show it.")
    noted_at = moment("When it was noted.")
    numbers = text("What the sentence is made of, as JSON.")
    sentence = text("The same in English.")


class Comparison(dy.Schema):
    """Two records of the same acta, field by field, wherever both have it or one lacks it."""

    left = text("`tally`, or a snapshot's id.", key=True)
    right = text("A snapshot's id.", key=True)
    station_id = station()
    contest = contest()
    field = text("The role's name, or the option's id for votes.", key=True)
    role = text("What the field counts.", one_of=ROLES)
    option = text("The option; null if the field is no option.", nullable=True)
    left_value = integer("The left number.", nullable=True)
    left_state = text("What stands behind it.", one_of=STATES)
    left_confirmed = truth("Whether the left value may be held against the right one.")
    right_value = integer("The right number.", nullable=True)
    right_state = text("What stands behind it.", one_of=STATES)
    difference = integer("Right minus left; null unless both are numbers.", nullable=True)
    equal = truth("Whether both sides say the same; null if a side is absent or illegible.", nullable=True)


class ComparisonStations(dy.Schema):
    """The same, one row for each station and contest."""

    left = text("`tally`, or a snapshot's id.", key=True)
    right = text("A snapshot's id.", key=True)
    station_id = station()
    contest = contest()
    outcome = text("How the two stand.", one_of="equal|differing|only-left|only-right")
    cause = text(
        "What kind of difference it is (swapped, transposed, one-digit ...); null if equal.", nullable=True
    )
    fields = integer("Fields that differ.", "fields")
    gross = integer("Sum of the absolute differences over the options.", "votes")
    net = integer("Sum of the differences (right minus left) over the options.", "votes")
    confirmed = truth("Whether every differing value of the left side is confirmed.")
    revision = truth(
        "True between two snapshots: the authority changed its own number, which is reported, not graded."
    )
    photo = text("SHA-256 of the photo; null if there is none.", nullable=True)


class Findings(dy.Schema):
    """What the audits report about single stations, each row traceable to a photo and a formula."""

    audit = text("The audit's id.", key=True)
    number = integer("Counts the audit's findings, from 1, in their fixed order.", key=True)
    station_id = station(key=False)
    contest = contest(key=False, nullable=True)
    field = text("The field, option or sum concerned; null if several or none.", nullable=True)
    grade = text("Evidence grade.", one_of="A|B|C|D")
    evidence = text("What was found, one English sentence with its numbers.")
    votes = integer("Votes that it is about; null if it is not about votes.", "votes", nullable=True)
    photo = text("SHA-256 of the photo; null if none.", nullable=True)
    message = text("The sentence without its numbers, to be translated.")
    numbers = text("The numbers, as JSON.")
    snapshot = text("The snapshot that it was measured on; null if none.", nullable=True)


TABLES: dict[str, type[dy.Schema]] = {
    "register": Register,
    "register_revisions": RegisterRevisions,
    "photos": Photos,
    "filings": Filings,
    "refusals": Refusals,
    "readings": Readings,
    "reading_fields": ReadingFields,
    "reading_sums": ReadingSums,
    "keyings": Keyings,
    "decisions": Decisions,
    "tallies": Tallies,
    "tally_fields": TallyFields,
    "tally_sums": TallySums,
    "queue": Queue,
    "snapshots": Snapshots,
    "official_stations": OfficialStations,
    "official_fields": OfficialFields,
    "official_problems": OfficialProblems,
    "feed": Feed,
    "comparison": Comparison,
    "comparison_stations": ComparisonStations,
    "findings": Findings,
}


def columns(name: str) -> list[str]:
    """The table's columns: the primary key first, then the others in the order of the schema."""
    schema = TABLES[name]
    key = schema.primary_key()
    return [*key, *(c for c in schema.column_names() if c not in key)]


def empty(name: str) -> pl.DataFrame:
    """The table without rows."""
    return pl.DataFrame(TABLES[name].create_empty()).select(columns(name))


def conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as the contract wants it: columns in order, types cast, floats rounded, rows sorted by the primary key.

    Raises
    ------
    dataframely.exc.ValidationError
        If a rule of the schema is broken; that is an error in the program, never one of the user's.
    """
    schema = TABLES[name]
    frame = frame.select(columns(name)) if frame.width else empty(name)
    valid = pl.DataFrame(schema.validate(frame, cast=True)).select(columns(name))
    return valid.with_columns(pl.col(pl.Float64).round(9)).sort(schema.primary_key()).rechunk()


def markdown() -> str:
    """All tables as Markdown, for docs/tables.md."""
    out = ["# Tables", "", *(__doc__ or "").strip().splitlines()[1:]]
    for name, schema in TABLES.items():
        out += ["", f"## {name}", "", (schema.__doc__ or "").strip(), ""]
        out += ["| column | type | unit | null | meaning |", "|---|---|---|---|---|"]
        for column in columns(name):
            c = schema.columns()[column]
            unit: Any = (c.metadata or {}).get("unit", "")
            bold = "**" if c.primary_key else ""
            meaning = (c.description or "").replace("|", "\\|")
            out.append(
                f"| {bold}{column}{bold} | {c.dtype} | {unit} | {'yes' if c.nullable else ''} | {meaning} |"
            )
    return "\n".join(out) + "\n"
