"""Every way an official file can be bad gives one clear sentence, and nothing in it is lost."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr.errors import CotejoError
from tabulate.official import CANONICAL_COLUMNS, FORMATS, OfficialCount, detect, read_official
from tabulate.official import rows as rows_module
from tabulate.official import source as source_module

HEADER = "station_id,region,registered,cast,valid,blank,null,status,Alfa,Beta\n"
GOOD = HEADER + "0001,Norte,300,200,190,6,4,counted,100,90\n0002,Sur,250,150,140,5,5,counted,60,80\n"


def write(folder: Path, text: str | bytes, name: str = "count.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def parse(folder: Path, text: str | bytes) -> OfficialCount:
    return read_official(write(folder, text), "cotejo-csv")


def refusal(folder: Path, text: str | bytes, format: str = "cotejo-csv") -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(CotejoError) as caught:
        read_official(write(folder, text), format)
    sentence = str(caught.value)
    assert "count.csv" in sentence
    assert "\n" not in sentence
    assert caught.value.exit_code == 2
    return sentence


def reasons(count: OfficialCount) -> list[tuple[int, str, bool]]:
    return [(problem["row"], problem["reason"], problem["used"]) for problem in count.problems]


def test_a_row_with_a_million_cells_is_refused_and_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("station_id,Alfa\n1,5\n" + "1," * 1_000_000 + "\n")
    with pytest.raises(CotejoError, match=r"line 3 has 1000001 cells, the header 2\); check its separators"):
        read_official(path, "cotejo-csv")


def test_a_good_file_becomes_the_canonical_frame(tmp_path: Path) -> None:
    count = parse(tmp_path, GOOD)
    assert count.counts.columns == [*CANONICAL_COLUMNS, "Alfa", "Beta"]
    assert count.options == ("Alfa", "Beta")
    assert count.counts.get_column("station_id").to_list() == ["0001", "0002"]
    assert count.counts.schema["Alfa"] == pl.Int64
    assert count.raw.get_column("row").to_list() == [2, 3]
    assert count.problems == []


def test_the_document_has_the_shape_of_the_design(tmp_path: Path) -> None:
    text = GOOD + "0003,Sur,100,80,70,6,4,anulada,40,30\n"
    document = parse(tmp_path, text).to_json()
    assert document["format"] == "cotejo-csv"
    assert document["rows"] == document["stations"] == 3
    assert document["counted"] == 2
    assert document["totals"]["Alfa"] == 200  # the file's own column, all rows
    assert document["by_option"] == {"Alfa": 160, "Beta": 170}  # counted rows only
    assert document["statuses"] == {"status": {"anulada": 1, "counted": 2}}


def test_station_ids_keep_their_leading_zeros(tmp_path: Path) -> None:
    assert parse(tmp_path, GOOD).counts.item(0, "station_id") == "0001"


def test_four_things_that_look_alike_stay_four(tmp_path: Path) -> None:
    text = HEADER + "0001,Norte,300,,190,0,x,counted,100,90\n0002,Norte,300,200,190,6,4,counted,100\n"
    cells = parse(tmp_path, text).cells()
    assert cells.columns == ["row", "station_id", "contest", "field", "value", "state", "raw"]

    def cell(station: str, field: str) -> tuple[int | None, str, str | None]:
        found = cells.filter((pl.col("station_id") == station) & (pl.col("field") == field))
        return found.select("value", "state", "raw").row(0)

    assert cell("0001", "blank") == (0, "number", "0")
    assert cell("0001", "cast") == (None, "blank", "")
    assert cell("0001", "null") == (None, "illegible", "x")
    assert cell("0001", "voted") == (None, "absent", None)  # no such column
    assert cell("0002", "Beta") == (None, "absent", None)  # the row ends before it
    assert cells.height == 2 * 8


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-5", "null: '-5' is negative"),
        ("4.5", "null: '4.5' is not a whole number"),
        ("4,5", None),  # an unquoted comma makes the row too long: see below
        ("cuatro", "null: 'cuatro' is not a number"),
        ("1.000", "null: '1.000' is not a whole number"),
        ("12345678901", "null: '12345678901' is too large for one station"),
        ("99999999999999999999999", "null: '99999999999999999999999' is not a number"),
        ("٤", "null: '٤' is not a number"),
    ],
)
def test_a_text_that_is_no_count_is_named_and_never_zero(tmp_path: Path, text: str, why: str | None) -> None:
    count = parse(
        tmp_path, HEADER + f"0001,Norte,300,200,190,6,{text},counted,100,90\n" + GOOD.splitlines()[2]
    )
    if why is None:
        assert reasons(count) == [(2, "the row has 11 cells, the header 10", False)]
        assert count.counts.select("cast", "Alfa", "Beta").row(0) == (None, None, None)
        return
    assert reasons(count) == [(2, why, False)]
    assert count.counts.item(0, "null") is None
    assert count.counts.item(0, "Alfa") == 100
    assert count.raw.item(0, "null") == text


def test_a_truncated_row_keeps_what_it_has(tmp_path: Path) -> None:
    count = parse(tmp_path, GOOD + "0003,Sur,100,80,70\n")
    assert reasons(count) == [(4, "the row has 5 cells, the header 10", True)]
    assert count.counts.filter(pl.col("station_id") == "0003").select("valid", "Alfa").row(0) == (70, None)


def test_a_truncated_row_is_seen_when_empty_cells_end_the_row(tmp_path: Path) -> None:
    """Polars fills a short row up without a word; an empty last cell must not be taken for a missing one."""
    count = parse(tmp_path, "station_id,Alfa,Beta,note\n1,5,6,\n2,5\n3,5,6,x\n")
    assert reasons(count)[-1] == (3, "the row has 2 cells, the header 4", True)
    assert count.raw.get_column("note").to_list() == ["", None, "x"]
    assert count.options == ("Alfa", "Beta")


def test_a_repeated_station_with_other_numbers_gives_no_numbers(tmp_path: Path) -> None:
    count = parse(tmp_path, GOOD + "0001,Norte,300,200,190,6,4,counted,90,100\n")
    assert reasons(count) == [
        (4, "the station is on row 2 already, with other cells; the numbers of neither are used", False)
    ]
    assert count.counts.height == 2
    assert count.counts.select("cast", "Alfa", "Beta").row(0) == (None, None, None)
    assert count.raw.height == 3
    assert count.to_json()["by_option"] == {"Alfa": 60, "Beta": 80}


def test_a_row_copied_word_for_word_counts_once(tmp_path: Path) -> None:
    count = parse(tmp_path, GOOD + GOOD.splitlines()[1] + "\n")
    assert reasons(count) == [(4, "the station is on row 2 already, with the same cells; used once", False)]
    assert count.counts.item(0, "Alfa") == 100


def test_one_station_may_have_several_contests(tmp_path: Path) -> None:
    count = parse(tmp_path, "station_id,contest,Alfa\n1,mayor,5\n1,council,6\n1,mayor,5\n")
    assert count.counts.select("station_id", "contest", "Alfa").rows() == [
        ("1", "mayor", 5),
        ("1", "council", 6),
    ]
    assert [row for row, _, _ in reasons(count)] == [4]


def test_a_doubled_header_is_no_station(tmp_path: Path) -> None:
    count = parse(tmp_path, HEADER + GOOD)
    assert reasons(count) == [(2, "the header stands here again", False)]
    assert count.counts.height == 2
    assert count.raw.height == 3


def test_a_row_without_a_station_is_kept_apart(tmp_path: Path) -> None:
    count = parse(tmp_path, GOOD + ",Sur,1,1,1,0,0,counted,1,0\n")
    assert reasons(count) == [(4, "the row names no station", False)]
    assert count.counts.height == 2


def test_votes_above_the_registered_are_a_note_and_the_row_is_used(tmp_path: Path) -> None:
    count = parse(tmp_path, HEADER + "0001,Norte,150,200,190,6,4,counted,100,90\n")
    assert reasons(count) == [(2, "200 votes or voters with 150 registered", True)]
    assert count.counts.item(0, "Alfa") == 100


def test_an_unknown_status_is_reported(tmp_path: Path) -> None:
    count = parse(tmp_path, GOOD.replace("counted,60", "reservada,60"))
    assert reasons(count) == [(3, "status: 'reservada' is not in the catalogue; taken as counted", True)]


def test_the_column_counted_goes_before_the_status(tmp_path: Path) -> None:
    count = parse(tmp_path, "station_id,counted,status,Alfa\n1,0,x,5\n2,1,y,6\n3,maybe,z,7\n")
    assert count.counts.get_column("counted").to_list() == [False, True, True]
    assert reasons(count) == [(4, "counted: 'maybe' is none of 1, 0, true, false; taken as 1", True)]


def test_rows_are_lines_of_the_file_even_after_line_breaks_in_cells(tmp_path: Path) -> None:
    text = 'station_id,place,Alfa\r\n1,"School\nNorth wing",5\r\n\r\n2,School,-1\r\n'
    count = parse(tmp_path, text)
    assert count.raw.get_column("row").to_list() == [2, 5]
    assert reasons(count) == [(5, "Alfa: '-1' is negative", False)]


ROUGH = [
    'station_id,place,Alfa\n1,"School ""A"", North",5\n2,École,0\n',
    'station_id,place,Alfa\r\n1,"two\r\nlines",5\r\n\r\n2,,0',
    "station_id,place,Alfa\n1,x\n2,x,7\n3,x,7,9\n4,x,7,\n \n5,,\n",
    'station_id,place,Alfa\n"1","","5"\n"2","a,b","6"\n"3","only"\n',
]


@pytest.mark.parametrize("text", ROUGH)
def test_fast_and_exact_reading_agree(text: str) -> None:
    """Rows are found over all bytes at once; the standard library, record by record, sees the same."""
    columns = ("station_id", "place", "Alfa")
    data = text.encode()
    records = rows_module._scan(data, ",", True)
    assert records is not None
    fast = rows_module._read_fast(data, records, columns, separator=",", quoted=True, header_line=1)
    exact = rows_module._read_exactly(text, columns, ",", True, 1)
    assert fast is not None
    assert fast[0].equals(exact[0])
    assert fast[1] == exact[1]


@given(
    st.lists(
        st.lists(st.text(st.sampled_from('a1 ,"\n;é'), max_size=4), min_size=1, max_size=5),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=200, deadline=None)
def test_rows_written_by_any_program_are_found(cells: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["a", "b", "c"], *cells])
    data = out.getvalue().encode()
    records = rows_module._scan(data, ",", True)
    assert records is not None
    columns = ("a", "b", "c")
    exact = rows_module._read_exactly(out.getvalue(), columns, ",", True, 1)
    fast = rows_module._read_fast(data, records, columns, separator=",", quoted=True, header_line=1)
    if fast is not None:  # None: seen otherwise, and the exact reader is used
        assert fast[0].equals(exact[0])
        assert fast[1] == exact[1]
    regular = rows_module._read_regular(data, columns, ",", quoted=True, header_line=1)
    if regular is not None:
        assert regular.frame.equals(exact[0])
        assert exact[1] == {}


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_regular_file_is_read_as_such(end: str) -> None:
    text = "a,b,c\n1,x,\n2,,3\n4,é,5".replace("\n", end or "\n") + end
    columns = ("a", "b", "c")
    regular = rows_module._read_regular(text.encode(), columns, ",", quoted=True, header_line=1)
    assert regular is not None
    exact = rows_module._read_exactly(text, columns, ",", True, 1)[0]
    assert regular.frame.equals(exact)
    assert regular.head(2).equals(exact.head(2))
    typed = regular.typed(["a"])
    assert typed is not None and typed["a"].to_list() == [1, 2, 4]
    assert regular.typed(["b"]) is None
    # A short row and a long one that make the right number of cells together are not regular.
    uneven = "a,b,c\n1,2\n3,4,5,6\n"
    assert rows_module._read_regular(uneven.encode(), columns, ",", quoted=True, header_line=1) is None


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    assert "no column 'station_id'" in refusal(tmp_path, GOOD.replace("station_id", "mesa"))
    bolivia = (
        "Número Mesa,País,Departamento,Provincia,Municipio,Localidad,Recinto,Inscritos\n" + "1," * 7 + "9\n"
    )
    sentence = refusal(tmp_path, bolivia, "auto")
    assert "'MAS - IPSP'" in sentence
    assert "bo-oep-2019" in sentence


@pytest.mark.parametrize("text", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, text: bytes) -> None:
    assert "empty" in refusal(tmp_path, text, "auto") or text.startswith(b"\xef")
    refusal(tmp_path, text)


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "no rows" in refusal(tmp_path, HEADER)


def test_the_wrong_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    text = GOOD.replace("Norte", "Ñuflo").encode("latin-1")
    assert "line 2: byte 0xd1 is not UTF-8 text" in refusal(tmp_path, text)
    assert "not UTF-8" in refusal(tmp_path, "País,Número\n1,2\n".encode("utf-16"), "auto")


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    assert "'Alfa' twice" in refusal(tmp_path, "station_id,Alfa,Alfa\n1,2,3\n")


def test_an_open_quotation_mark_is_refused(tmp_path: Path) -> None:
    assert "quotation marks" in refusal(tmp_path, 'station_id,place,Alfa\n1,"School,5\n2,x,6\n')


def test_an_option_called_like_a_number_is_refused_or_that_number(tmp_path: Path) -> None:
    count = parse(tmp_path, "station_id,null,Alfa\n1,2,3\n")
    assert count.options == ("Alfa",)
    assert count.counts.item(0, "null") == 2


def test_a_file_that_is_not_there_a_folder_and_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(CotejoError, match="no file"):
        read_official(tmp_path / "nothing.csv")
    with pytest.raises(CotejoError, match="folder"):
        read_official(tmp_path)
    with pytest.raises(CotejoError, match=r"known are .*bo-oep, .*cotejo-csv, "):
        read_official(tmp_path, "xx")


def test_an_unknown_header_names_the_known_formats(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, "a,b\n1,2\n", "auto")
    for name in FORMATS:
        assert name in sentence


def test_two_fitting_formats_are_a_question_to_the_person(tmp_path: Path) -> None:
    text = 'region,tik,uik,station_id,"Число избирателей, включенных в список"\na,b,1,1,5\n'
    assert "several formats (cotejo-csv, ru-cec)" in refusal(tmp_path, text, "auto")


def test_gzip_and_zip_read_like_the_plain_file(tmp_path: Path) -> None:
    plain = parse(tmp_path, GOOD)
    packed = read_official(write(tmp_path, gzip.compress(GOOD.encode()), "count.csv.gz"))
    path = tmp_path / "count.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside.csv", GOOD)
    for other in (packed, read_official(path)):
        assert other.counts.equals(plain.counts)
        assert other.sha256 != plain.sha256  # of the file that lies on disk


def test_a_zip_bomb_is_refused_before_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "MAX_BYTES", 1_000_000)
    path = tmp_path / "count.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.csv", GOOD + " " * 50_000_000)
    assert path.stat().st_size < 100_000
    with pytest.raises(CotejoError, match="MiB once unpacked"):
        read_official(path)


@pytest.mark.parametrize("members", [0, 2])
def test_a_zip_of_several_files_is_refused(tmp_path: Path, members: int) -> None:
    path = tmp_path / "count.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(members):
            archive.writestr(f"{number}.csv", GOOD)
    with pytest.raises(CotejoError):
        read_official(path)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD.encode() * 100)
    assert "damaged" in refusal(tmp_path, packed[: len(packed) // 2])
    assert "damaged" in refusal(tmp_path, b"PK\x03\x04 and nothing more")


def test_detection_looks_at_the_content_not_at_the_name(tmp_path: Path) -> None:
    assert detect(write(tmp_path, GOOD, "bo-2019.csv")).id == "cotejo-csv"


def test_same_file_same_document(tmp_path: Path) -> None:
    assert parse(tmp_path, GOOD).to_json() == parse(tmp_path, GOOD).to_json()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_archive_of_any_kind_is_one_sentence(tmp_path: Path, method: int) -> None:
    path, inside = tmp_path / "a.zip", b"count.csv"
    with zipfile.ZipFile(path, "w", method) as z:
        z.writestr(inside.decode(), GOOD * 50)
    data = bytearray(path.read_bytes())
    start = data.index(inside) + len(inside) + 9  # past the name and the head of the compressed data
    data[start : start + 20] = bytes(b ^ 0xFF for b in data[start : start + 20])
    path.write_bytes(data)
    with pytest.raises(CotejoError, match="is a damaged or locked archive; fetch it again"):
        read_official(path, "cotejo-csv")


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, GOOD)
    real = source_module.os.fstat
    calls = []

    def growing(number: int) -> object:
        if calls:  # between the two looks at the file somebody writes to it
            with path.open("a") as file:
                file.write("0003,Sur,1,1,1,0,0,counted,1,0\n")
        calls.append(number)
        return real(number)

    monkeypatch.setattr(source_module.os, "fstat", growing)
    with pytest.raises(CotejoError, match="changed while it was read"):
        read_official(path, "cotejo-csv")
    monkeypatch.undo()
    assert read_official(path).counts.height == 3


def test_ids_of_one_length_that_have_lost_their_zeros_are_noted(tmp_path: Path) -> None:
    count = parse(tmp_path, "station_id,Alfa\n0001,5\n0012,5\n13,5\n1200,1\n")
    assert reasons(count) == [
        (4, "the station's id has fewer than 4 digits; did it lose leading zeros?", True)
    ]
    assert count.counts["station_id"].to_list() == ["0001", "0012", "13", "1200"]  # never changed on a guess


def test_a_tar_gz_reads_like_the_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "count.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {"LEEME.txt": "read me", "count.csv": GOOD}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    assert read_official(path).counts.equals(parse(tmp_path, GOOD).counts)


def test_the_description_packed_beside_the_count_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "count.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("prep/LEEME.txt", "about the layout")
        archive.writestr("prep/GOB_CANDIDATOS_2017.csv", "PARTIDO,CANDIDATO\nA,b\n")
        archive.writestr("prep/GOB_2017.csv", GOOD)
    assert read_official(path).counts.height == 2
