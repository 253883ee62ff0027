"""Any table with a mapping: text, workbook, Parquet and PDF give the same count; made-up stations."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from ocr.errors import CotejoError
from tabulate.official import OfficialCount, read_official

ROWS = [
    ["ZONA", "MESA", "ELECTORES", "VOTOS SOL", "VOTOS LUNA", "NULOS", "ESTADO", "NOTA"],
    ["01", "007", "300", "100", "90", "5", "computada", "x"],
    ["01", "008", "310", "s/d", "80", "6", "anulada", ""],
    ["02", "001", "320", "70", "60", "4.5", "computada", "x"],
]
MAPPING = """
authority = "A made-up authority"
separator = ";"

[columns]
station_id = ["ZONA", "MESA"]
region = "ZONA"
registered = "ELECTORES"
null = "NULOS"
status = "ESTADO"

[options]
"VOTOS SOL" = "SOL"
"VOTOS LUNA" = "LUNA"

[statuses]
computada = true
anulada = false

[markers]
"s/d" = "blank"
"""


def mapping(folder: Path, text: str = MAPPING) -> str:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def csv(folder: Path, rows: list[list[str]] = ROWS) -> Path:
    path = folder / "count.csv"
    path.write_text("\n".join(";".join(row) for row in rows), encoding="utf-8")
    return path


def check(count: OfficialCount) -> None:
    assert (count.format, count.verified, count.options) == ("mapping", False, ("SOL", "LUNA"))
    assert count.counts.select("station_id", "registered", "SOL", "LUNA", "null", "counted").rows() == [
        ("01-007", 300, 100, 90, 5, True),
        ("01-008", 310, None, 80, 6, False),
        ("02-001", 320, 70, 60, None, True),
    ]
    reasons = [p["reason"] for p in count.problems]
    assert "NULOS: '4.5' is not a whole number" in reasons
    assert "the column 'NOTA' is unknown to this format and goes into no number" in reasons
    assert len(reasons) == 2
    cells = count.cells().filter((pl.col("station_id") == "01-008") & (pl.col("field") == "SOL"))
    assert cells.select("state", "raw").row(0) == ("blank", "s/d")


def test_text(tmp_path: Path) -> None:
    check(read_official(csv(tmp_path), mapping(tmp_path)))


def test_a_workbook(tmp_path: Path) -> None:
    path = tmp_path / "count.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "A title")
        for at, row in enumerate(ROWS):
            for column, cell in enumerate(row):
                sheet.write_string(at + 2, column, cell)
    check(read_official(path, mapping(tmp_path)))


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "count.parquet"
    frame = pl.DataFrame({name: [row[at] for row in ROWS[1:]] for at, name in enumerate(ROWS[0])})
    frame.with_columns(
        pl.col("ELECTORES").cast(pl.Int32), pl.col("VOTOS LUNA").cast(pl.Float64)
    ).write_parquet(path)
    check(read_official(path, mapping(tmp_path)))


@pytest.mark.parametrize("ruled", [True, False])
def test_a_table_in_a_pdf_keeps_page_and_box_of_every_cell(tmp_path: Path, ruled: bool) -> None:
    path = tmp_path / "count.pdf"
    path.write_bytes(pdf([ROWS[:3], [ROWS[0], ROWS[3]]], ruled))
    rows = [[cell or "x" for cell in row] for row in ROWS]
    path.write_bytes(pdf([rows[:3], [rows[0], rows[3]]], ruled))
    count = read_official(path, mapping(tmp_path))
    check(count)
    boxes = count.boxes
    assert boxes is not None
    assert boxes.height == 3 * 8
    where = {(row["row"], row["column"]): row for row in boxes.iter_rows(named=True)}
    assert where[(1, "SOL")]["page"] == 1
    assert where[(3, "LUNA")]["page"] == 2
    first, second = where[(1, "SOL")], where[(1, "LUNA")]
    assert first["x0"] < first["x1"] <= second["x0"]
    assert abs(first["top"] - second["top"]) < 1
    assert where[(2, "SOL")]["top"] > first["bottom"] - 2


def test_two_numbers_in_one_cell_of_a_pdf_are_no_number(tmp_path: Path) -> None:
    rows = [[cell or "x" for cell in row] for row in ROWS]
    rows[1][3] = "100    20"
    path = tmp_path / "count.pdf"
    path.write_bytes(pdf([rows], True))
    count = read_official(path, mapping(tmp_path))
    assert count.counts.item(0, "SOL") is None
    assert "SOL: '100 20' is not a number" in [p["reason"] for p in count.problems]


def test_a_pdf_without_text_or_of_nonsense_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "count.pdf"
    path.write_bytes(pdf([[["Nothing", "here"]]], False))
    with pytest.raises(CotejoError, match="no page has the header"):
        read_official(path, mapping(tmp_path))
    path.write_bytes(b"%PDF-1.4\nnonsense")
    with pytest.raises(CotejoError):
        read_official(path, mapping(tmp_path))


LONG = """
separator = ";"
[columns]
station_id = "MESA"
registered = "ELECTORES"
[long]
option = "QUIEN"
votes = "VOTOS"
blank = "EN BLANCO"
null = "NULOS"
"""


def test_a_row_per_option(tmp_path: Path) -> None:
    rows = [["MESA", "ELECTORES", "QUIEN", "VOTOS"], ["1", "300", "ANA", "5"], ["1", "300", "EN BLANCO", "2"]]
    count = read_official(csv(tmp_path, [*rows, ["2", "310", "ANA", "7"]]), mapping(tmp_path, LONG))
    assert count.counts.select("station_id", "registered", "ANA", "blank", "null").rows() == [
        ("1", 300, 5, 2, None),
        ("2", 310, 7, None, None),
    ]


def test_options_left_out_are_the_other_columns_of_numbers(tmp_path: Path) -> None:
    text = (
        MAPPING.split("[options]")[0]
        + '[statuses]\ncomputada = true\nanulada = false\n[markers]\n"s/d" = "blank"\n'
    )
    assert read_official(csv(tmp_path), mapping(tmp_path, text)).options == ("VOTOS SOL", "VOTOS LUNA")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("separator = ", "is no TOML"),
        ("[columns]\n", "columns.station_id: Field required"),
        (MAPPING + "[more]\n", "more: Extra inputs"),
        (MAPPING.replace('= "LUNA"', '= "SOL"'), "two columns of .options. have one name"),
        (MAPPING + '[long]\noption = "a"\nvotes = "b"\n', "exclude each other"),
        (MAPPING.replace("VOTOS LUNA", "VOTOS MAR"), "has no header in its first|no column 'VOTOS MAR'"),
        (MAPPING.replace('"LUNA"', '"NOTA"'), "calls an option 'NOTA'"),
        (MAPPING.replace('"blank"', '"zero"'), "markers.s/d: Input should be"),
    ],
)
def test_a_bad_mapping_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(CotejoError, match=why) as caught:
        read_official(csv(tmp_path), mapping(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_damaged_parquet_and_nested_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "count.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 100 + b"PAR1")
    with pytest.raises(CotejoError, match="damaged"):
        read_official(path, mapping(tmp_path))
    pl.DataFrame({"ZONA": [["1"]], "MESA": ["1"]}).write_parquet(path)
    with pytest.raises(CotejoError, match="no plain values"):
        read_official(path, mapping(tmp_path))


def pdf(pages: list[list[list[str]]], ruled: bool) -> bytes:
    """A PDF with one table a page, Helvetica, written by hand; synthetic."""
    left, top, width, height = 40, 780, 66, 18
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for rows in pages:
        parts = []
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                x = left + column * width + 4
                parts.append(f"BT /F1 8 Tf {x} {top - at * height + 5} Td ({cell}) Tj ET")
        if ruled:
            n = len(rows[0])
            for column in range(n + 1):
                x = left + column * width
                parts.append(f"0.5 w {x} {top + height - 2} m {x} {top - len(rows) * height} l S")
        stream = "\n".join(parts).encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        content = len(objects)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 842] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % content
        )
        kids.append(len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (
        b" ".join(b"%d 0 R" % k for k in kids),
        len(kids),
    )
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
