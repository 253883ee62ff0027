"""Tables of the literature, and the Parquet files among them: found by their columns, and never more than the limits."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import polars as pl
import pytest

from ocr.errors import CotejoError
from tabulate.findings import audit_counts
from tabulate.official import OfficialCount, detect, parquet, read_official

KLIMEK = pl.DataFrame({"N": [165, 329], "turnout": [71, 171], "votes": [16, 47]})


def stored(folder: Path, frame: pl.DataFrame) -> Path:
    path = folder / "table.parquet"
    frame.write_parquet(path)
    return path


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def numbers(count: OfficialCount) -> list[tuple[int | None, ...]]:
    return count.counts.select("registered", "voted", "cast", *count.options).rows()


@pytest.mark.parametrize(
    "header",
    ["N,turnout,votes", "N,t,v", "voters,received,leader", "REGISTERED,Ballots,C001", "Eligible,cast,P1"],
)
def test_the_names_of_the_literature_in_any_case(tmp_path: Path, header: str) -> None:
    count = read_official(written(tmp_path, f"{header}\n165,71,16\n329,171,47\n"))
    assert count.format == "research-table"
    assert numbers(count) == [(165, None, 71, 16), (329, None, 171, 47)]
    assert count.options == (header.split(",")[2],)
    assert count.counts["station_id"].to_list() == ["1", "2"]
    assert count.problems == []


def test_parquet_and_gzip_give_what_csv_gives(tmp_path: Path) -> None:
    text = "N,turnout,votes\n165,71,16\n329,171,47\n"
    plain = read_official(written(tmp_path, text))
    packed = tmp_path / "table.csv.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    floats = KLIMEK.with_columns(pl.col("votes").cast(pl.Float64), pl.col("N").cast(pl.UInt16))
    for path in (packed, stored(tmp_path, KLIMEK), stored(tmp_path, floats)):
        assert read_official(path).counts.equals(plain.counts)


def test_ballots_given_out_are_the_people_who_voted(tmp_path: Path) -> None:
    count = read_official(written(tmp_path, "voters,given,received,leader\n165,71,70,16\n"))
    assert numbers(count) == [(165, 71, 70, 16)]


def test_the_toolkits_table(tmp_path: Path) -> None:
    text = ",Prefectures,Communes,Precincts,Ballots,Registered,C007,C008\n7,BERAT,KUCOVE,1/1,300,500,100,NA\n9,BERAT,KUCOVE,1/1,200,400,90,5\n"
    count = read_official(written(tmp_path, text))
    assert count.counts["station_id"].to_list() == ["7", "9"]
    assert count.counts.row(0, named=True)["place_id"] == "BERAT / KUCOVE"
    assert numbers(count) == [(500, None, 300, 100, None), (400, None, 200, 90, 5)]
    assert count.cells().filter(pl.col("raw") == "NA")["state"].to_list() == ["absent"]
    assert count.problems == []


def test_without_a_rows_number_the_places_make_the_id(tmp_path: Path) -> None:
    count = read_official(written(tmp_path, "region,tik,uik,N,t,v\nA,1,7,165,71,16\nB,1,7,329,171,47\n"))
    assert count.counts["station_id"].to_list() == ["A / 1 / 7", "B / 1 / 7"]


def test_a_column_that_is_not_known_is_not_guessed_at(tmp_path: Path) -> None:
    path = written(tmp_path, "N,t,v,area\n165,71,16,3\n")
    with pytest.raises(CotejoError, match="no known format"):
        detect(path)
    count = read_official(path, "research-table")
    assert count.options == ("v",)
    assert ["area" in p["reason"] for p in count.problems] == [True]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("N,turnout,t,v", "'turnout' and 't' mean the same"),
        ("turnout,v,x", "no column of registered voters"),
        ("N,v,x", "no column of ballots"),
        ("N,t,x", "no column of votes"),
    ],
)
def test_a_table_that_lacks_or_doubles_something_is_refused(tmp_path: Path, header: str, why: str) -> None:
    path = written(tmp_path, header + "\n" + ",".join("1" * len(header.split(","))) + "\n")
    with pytest.raises(CotejoError, match=why) as caught:
        read_official(path, "research-table")
    assert "\n" not in str(caught.value)


def test_hostile_parquet_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.parquet"
    good = stored(tmp_path, KLIMEK).read_bytes()
    footer = struct.unpack("<I", good[-8:-4])[0]
    for bad in (
        b"PAR1" + b"\0" * 100 + b"PAR1",
        good[: len(good) // 2],
        good[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1",
        good[: -8 - footer] + b"\xff" * footer + good[-8:],
        b"PAR1",
    ):
        path.write_bytes(bad)
        with pytest.raises(CotejoError) as caught:
            read_official(path, "research-table")
        assert "\n" not in str(caught.value) and "table.parquet" in str(caught.value)
        with pytest.raises(CotejoError):
            detect(path)
    with pytest.raises(CotejoError, match="'votes' holds no plain values"):
        read_official(stored(tmp_path, KLIMEK.with_columns(votes=pl.lit([1]))), "research-table")
    with pytest.raises(CotejoError, match="header and no rows"):
        read_official(stored(tmp_path, KLIMEK.head(0)), "research-table")
    monkeypatch.setattr(parquet, "MAX_BYTES", 30)
    parquet._opened.cache_clear()
    with pytest.raises(CotejoError, match="once unpacked"):
        read_official(stored(tmp_path, KLIMEK), "research-table")


def test_a_parquet_file_that_swells_is_refused(tmp_path: Path) -> None:
    """Thirty million equal rows are a few kilobytes on disk, and would be more than the largest file."""
    path = tmp_path / "table.parquet"
    pl.LazyFrame({"x": range(1)}).select(
        pl.repeat(5, 30_000_000).alias("N"),
        pl.repeat(4, 30_000_000).alias("t"),
        pl.repeat(3, 30_000_000).alias("v"),
    ).sink_parquet(path)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(CotejoError, match="more than 512 MiB once unpacked"):
        read_official(path, "research-table")


def test_a_long_text_repeated_is_refused(tmp_path: Path) -> None:
    """Strings that share their bytes are small until somebody writes them out."""
    path = tmp_path / "table.parquet"
    long = pl.DataFrame({"N": ["9" * 100_000] * 20_000, "t": ["1"] * 20_000, "v": ["1"] * 20_000})
    long.write_parquet(path)
    del long
    assert path.stat().st_size < 3_000_000
    with pytest.raises(CotejoError, match=r"more than 512 MiB|too large"):
        read_official(path, "research-table")


@pytest.mark.parametrize(
    ("name", "stations", "leader"),
    [
        ("klimek_canada2011.parquet", 66060, "votes"),
        ("klimek_russia2011.parquet", 94995, "votes"),
        ("klimek_russia2012.parquet", 95552, "votes"),
        ("spikes_output_data.csv.gz", 66111, "v"),
        ("EFToolkit_input_albania2013.csv", 5508, "C035"),
    ],
)
def test_the_reference_tables_as_they_are(real_data: Path, name: str, stations: int, leader: str) -> None:
    count = read_official(real_data / "reference" / name)
    assert (count.format, count.counts.height, count.problems) == ("research-table", stations, [])
    result = audit_counts(count, only=["integer-percent"], calibrate=False)[0].battery["integer-percent"]
    assert result.applies and f"Leading option: {leader}." in [note.text() for note in result.notes]
