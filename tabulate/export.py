"""What leaves the house: the list of flagged stations as CSV, XLSX and Parquet, a summary as JSON, and what the audits say, in each language.

Nothing that is written here can run on the reader's machine: text that a spreadsheet would take for a formula is
preceded by an apostrophe in CSV and stored as text in XLSX. No coordinates, no file names that senders chose.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ocr.errors import MachineError
from tabulate.differences import latest_snapshots
from tabulate.languages import LANGUAGES, report

FLAGGED = "flagged_stations"
FLAGGED_COLUMNS = (
    "station_id",
    "contest",
    "region",
    "subregion",
    "place",
    "grade",
    "audit",
    "field",
    "evidence",
    "votes",
    "tally_status",
    "official_status",
    "snapshot",
    "photo",
)
# A cell that begins with one of these is a formula, or becomes one, in one spreadsheet program or another.
_FORMULA = r"^[=+\-@\t\r\n]"


def flagged(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The flagged stations, one row for each finding, in the order an auditor works: grade, region, station.

    Returns
    -------
    polars.DataFrame
        The columns `FLAGGED_COLUMNS`. `photo` is the SHA-256 of the acta that the row can be traced to.
    """
    register = tables["register"].select("station_id", "region", "subregion", "place")
    tallies = tables["tallies"].select("station_id", "contest", tally_status="status")
    official = (
        tables["official_stations"]
        .join(latest_snapshots(tables), on=["contest", "snapshot"], how="semi")
        .select("station_id", "contest", official_status="status")
    )
    return (
        tables["findings"]
        .join(register, on="station_id", how="left")
        .join(tallies, on=["station_id", "contest"], how="left")
        .join(official, on=["station_id", "contest"], how="left")
        .sort("grade", "region", "station_id", "contest", "audit", "number", nulls_last=True)
        .select(FLAGGED_COLUMNS)
    )


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """The table as UTF-8 CSV with a byte-order mark (so that Excel shows the accents) and no live formula."""
    return b"\xef\xbb\xbf" + harmless(frame).write_csv(line_terminator="\r\n").encode()


def harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with an apostrophe before every text that a spreadsheet would take for a formula."""
    text = pl.col(pl.String)
    return frame.with_columns(
        pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text).name.keep()
    )


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """The table as Parquet."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=9, statistics=False)
    return buffer.getvalue()


def xlsx_bytes(frame: pl.DataFrame) -> bytes:
    """The table as XLSX: every text is stored as text, so neither formula nor link can live in it."""
    import xlsxwriter

    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    # A fixed date: the same table has the same bytes.
    with xlsxwriter.Workbook(buffer, options) as book:
        import datetime

        book.set_properties(
            {"created": datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC).replace(tzinfo=None)}
        )
        sheet = book.add_worksheet(FLAGGED)
        bold = book.add_format({"bold": True})
        for column, name in enumerate(frame.columns):
            sheet.write_string(0, column, name, bold)
        for number, row in enumerate(frame.iter_rows(), start=1):
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(number, column, value)
                elif isinstance(value, int | float):
                    sheet.write_number(number, column, value)
                else:
                    sheet.write_string(number, column, str(value))
        sheet.freeze_panes(1, 0)
        if frame.width:
            sheet.autofilter(0, 0, frame.height, frame.width - 1)
            sheet.autofit(400)
    return buffer.getvalue()


def export(tables: Mapping[str, pl.DataFrame], summary: Mapping[str, Any], to: Path) -> list[Path]:
    """Write the flagged stations (CSV, XLSX, Parquet), ``summary.json`` and ``audits.LANGUAGE.txt`` into the folder `to`.

    Each file is written whole or not at all; files of an earlier export are replaced.

    Raises
    ------
    MachineError
        If the folder cannot be written.
    """
    frame = flagged(tables)
    files = {
        f"{FLAGGED}.csv": csv_bytes(frame),
        f"{FLAGGED}.xlsx": xlsx_bytes(frame),
        f"{FLAGGED}.parquet": parquet_bytes(frame),
        "summary.json": (json.dumps(summary, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode(),
    }
    files |= {f"audits.{code}.txt": report(summary["audit"], code).encode() for code in LANGUAGES}
    paths = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = to / name
            part = to / f".{name}.part"
            part.write_bytes(content)
            part.replace(path)
            paths.append(path)
    except OSError as e:
        raise MachineError(
            f"the export cannot be written to {to} ({e.strerror}); free space or choose another folder"
        ) from None
    return paths
