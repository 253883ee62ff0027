"""One suite over all text formats: whatever is wrong with a file is said, and nothing in it is lost or taken for a number."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.official import FORMATS, OfficialCount, detect, read_official
from tests.tabulate.bad_files import SAMPLES, Sample

NOT_TEXT = {"br-bu-qr"}
"""Formats whose files are no rows of cells."""
BAD_NUMBERS = {
    "-5": "is negative",
    "4.5": "is not a whole number",
    "1.000": "is not a whole number",
    "1,000": "is not a whole number",
    "1 000": "is not a number",
    "ciento": "is not a number",
    "'12": "is not a number",
    "12345678901": "is too large for one station",
    "1e3": "is not a number",
    "٤": "is not a number",
}

every = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.format)


def read(folder: Path, sample: Sample, encoding: str = "utf-8") -> OfficialCount:
    path = folder / "count.csv"
    path.write_bytes(sample.text().encode(encoding))
    return read_official(path, sample.format)


def line(sample: Sample, row: int) -> int:
    """Line of the file of a row under the header."""
    return sample.header + 2 + row


def told(count: OfficialCount, row: int) -> list[tuple[str, bool]]:
    return [(p["reason"], p["used"]) for p in count.problems if p["row"] == row]


def votes(count: OfficialCount, sample: Sample, row: int) -> int | None:
    """The option's votes of the station on a row; None too if the station has no row in the counts."""
    at = (count.lines == row).arg_true()
    return count.counts.item(int(at[0]), sample.name or sample.option) if len(at) else None


def test_every_format_has_a_sample() -> None:
    assert {sample.format for sample in SAMPLES} == set(FORMATS) - NOT_TEXT


@every
def test_the_good_file_is_found_and_has_nothing_to_tell(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample)
    assert detect(tmp_path / "count.csv").id == count.format == sample.format
    assert count.counts.height == count.raw.height == 4
    assert count.counts["counted"].all()
    if sample.format != "mx-prep":
        assert count.problems == []
    total = sum(int(record[sample.at(sample.option)]) for record in sample.records[sample.header + 1 :])
    assert count.totals[sample.option] == total == count.to_json()["by_option"][sample.name or sample.option]


@every
@pytest.mark.parametrize("text", BAD_NUMBERS)
def test_a_text_that_is_no_count_is_told_and_is_no_number(tmp_path: Path, sample: Sample, text: str) -> None:
    """Negative and fractional votes, thousands separators, numbers in words and in spreadsheets' ways."""
    count = read(tmp_path, sample.with_cell(1, sample.option, text))
    what = sample.name or sample.option
    assert (f"{what}: {text!r} {BAD_NUMBERS[text]}", False) in told(count, line(sample, 1))
    assert votes(count, sample, line(sample, 1)) is None
    assert text in count.raw[sample.option].to_list()
    assert count.raw.height == 4


@every
def test_spaces_around_a_number_do_not_matter(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_cell(1, sample.option, " 12 "))
    assert votes(count, sample, line(sample, 1)) == 12
    assert not [reason for reason, _ in told(count, line(sample, 1)) if "12" in reason and "is not" in reason]


@every
def test_a_blank_cell_is_blank(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_cell(1, sample.option, ""))
    assert votes(count, sample, line(sample, 1)) is None
    cells = count.cells().filter(
        (pl.col("row") == line(sample, 1)) & (pl.col("field") == (sample.name or sample.option))
    )
    assert cells.select("value", "state").rows() in ([(None, "blank")], [(None, "absent")])


@every
def test_a_truncated_row_is_told_and_kept(tmp_path: Path, sample: Sample) -> None:
    cut = sample.at(sample.option)  # the row ends before the votes, or in the middle of them
    if sample.format.startswith("mx-prep"):
        cut += 1  # a row that ends before its votes is a station without an acta there
    count = read(tmp_path, sample.with_records(lambda rows: [*rows[:1], rows[1][:cut], *rows[2:]]))
    reasons = [reason for reason, _ in told(count, line(sample, 1))]
    assert f"the row has {cut} cells, the header {len(sample.columns)}" in reasons
    assert count.raw.height == 4
    counted = count.counts.filter("counted")
    assert int(counted[sample.name or sample.option].sum()) <= 3 * int(
        sample.records[-1][sample.at(sample.option)]
    ) or sample.format.startswith("mx-prep")


@every
def test_a_row_that_is_too_long_gives_no_number(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_records(lambda rows: [*rows[:1], [*rows[1], "9"], *rows[2:]]))
    n = len(sample.columns)
    assert (f"the row has {n + 1} cells, the header {n}", False) in told(count, line(sample, 1))
    assert votes(count, sample, line(sample, 1)) is None
    assert count.raw.height == 4


@every
def test_a_doubled_header_is_no_station(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_records(lambda rows: [rows[0], list(sample.columns), *rows[1:]]))
    assert told(count, line(sample, 1)) == [("the header stands here again", False)]
    assert count.counts.height == 4
    assert count.raw.height == 5


@every
def test_a_repeated_station_with_other_votes_gives_none(tmp_path: Path, sample: Sample) -> None:
    other = sample.with_cell(0, sample.option, "11").records[sample.header + 1]
    count = read(tmp_path, sample.with_records(lambda rows: [*rows, other]))
    found = [p for p in count.problems if "already" in p["reason"] and "of neither" in p["reason"]]
    assert [(p["row"], p["used"]) for p in found] == [(line(sample, 4), False)]
    assert votes(count, sample, line(sample, 0)) is None
    assert count.counts.height == 4
    assert count.raw.height == 5


@every
def test_a_repeated_station_with_the_same_cells_counts_once(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_records(lambda rows: [*rows, rows[0]]))
    found = [p["row"] for p in count.problems if "used once" in p["reason"]]
    assert found == [line(sample, 4)]
    good = read(tmp_path, sample)
    assert count.to_json()["by_option"] == good.to_json()["by_option"]


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.registered], ids=lambda sample: sample.format)
def test_votes_above_the_registered_are_a_note(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_cell(1, sample.registered, "20"))
    notes = told(count, line(sample, 1))
    assert any(reason.endswith("with 20 registered") and used for reason, used in notes)
    assert votes(count, sample, line(sample, 1)) is not None


@every
def test_an_extra_column_is_an_option_or_is_told(tmp_path: Path, sample: Sample) -> None:
    """Nothing is dropped in silence: a party that came late is an option, or the file is said to have an unknown column."""
    at = sample.at(sample.option) + (1 if sample.wide else 0)
    records = [list(record) for record in sample.records]
    for number, record in enumerate(records[sample.header :]):
        record.insert(at, "TARDIO" if number == 0 else "3")
    count = read(tmp_path, Sample(**{**sample.__dict__, "records": records}))
    unknown = "the column 'TARDIO' is unknown to this format and goes into no number"
    if sample.wide:
        assert ("TARDIO" in count.options) != (unknown in [p["reason"] for p in count.problems])
        assert ("TARDIO" in count.options) == sample.free
    assert "TARDIO" in count.raw.columns


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.whole_id], ids=lambda sample: sample.format)
def test_a_station_without_a_name_is_told(tmp_path: Path, sample: Sample) -> None:
    count = read(tmp_path, sample.with_cell(1, sample.station, " "))
    assert told(count, line(sample, 1)) == [("the row names no station", False)]
    assert (count.counts.height, count.raw.height) == (3, 4)


@every
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_an_encoding_with_zero_bytes_is_refused(tmp_path: Path, sample: Sample, encoding: str) -> None:
    with pytest.raises(CotejoError):
        read(tmp_path, sample, encoding)
    with pytest.raises(CotejoError):
        read_official(tmp_path / "count.csv")


@every
def test_latin_1_is_read_where_the_authority_writes_it_and_refused_elsewhere(
    tmp_path: Path, sample: Sample
) -> None:
    text = sample.with_cell(0, sample.option, "ñ")
    try:
        count = read(tmp_path, text, "latin-1")
    except (CotejoError, UnicodeEncodeError) as error:
        assert "UTF-8" in str(error) or isinstance(error, UnicodeEncodeError)
    else:
        assert "ñ" in count.raw[sample.option].to_list()


@every
@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf \r\n"])
def test_an_empty_file_is_one_sentence(tmp_path: Path, sample: Sample, data: bytes) -> None:
    path = tmp_path / "count.csv"
    path.write_bytes(data)
    with pytest.raises(CotejoError, match="empty"):
        read_official(path, sample.format)


@every
def test_a_header_without_rows_is_one_sentence(tmp_path: Path, sample: Sample) -> None:
    with pytest.raises(CotejoError, match="no row"):
        read(tmp_path, sample.with_records(lambda rows: []))


@every
def test_a_file_of_another_kind_is_one_sentence(tmp_path: Path, sample: Sample) -> None:
    path = tmp_path / "count.csv"
    for data in (
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"a,b\n1,2\n",
        b"%PDF-1.4\n%%EOF",
        b"\0" * 50,
        b'"' * 31,
    ):
        path.write_bytes(data)
        with pytest.raises(CotejoError) as caught:
            read_official(path, sample.format)
        assert "\n" not in str(caught.value)


@every
def test_the_same_file_gives_the_same_document(tmp_path: Path, sample: Sample) -> None:
    assert read(tmp_path, sample).to_json() == read(tmp_path, sample).to_json()
