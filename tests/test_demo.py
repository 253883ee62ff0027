"""The sample election from end to end: what was planted is found, and nothing else is flagged with grade A or B."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tabulate.cli import main
from tabulate.export import FLAGGED_COLUMNS


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mission that `cotejo demo` makes."""
    folder = tmp_path_factory.mktemp("demo") / "mission"
    assert main(["demo", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def planted(sample: Path) -> list[dict[str, str]]:
    with (sample / "planted.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def summary(demo: Path) -> dict[str, Any]:
    return json.loads((demo / "export" / "summary.json").read_text(encoding="utf-8"))


def table(demo: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(demo / "tables" / f"{name}.parquet")


def of_kind(planted: list[dict[str, str]], *kinds: str) -> list[dict[str, str]]:
    rows = [r for r in planted if r["kind"].startswith(kinds)]
    assert rows, f"nothing is planted of {kinds}"
    return rows


def test_every_planted_finding_is_found(demo: Path, planted: list[dict[str, str]]) -> None:
    found = table(demo, "findings")
    missed = []
    for row in planted:
        if not row["expect_audit"]:
            continue
        match = found.filter(
            (pl.col("audit") == row["expect_audit"])
            & (pl.col("station_id") == row["station_id"])
            & (pl.col("grade") == row["expect_grade"])
        )
        if row["field"]:
            match = match.filter(pl.col("field") == row["field"])
        if match.is_empty():
            missed.append(row)
    assert missed == []


def test_nothing_that_was_not_planted_is_flagged_with_grade_a_or_b(
    demo: Path, planted: list[dict[str, str]]
) -> None:
    # A planted slip of addition may need a person to be confirmed; where the reading alone confirms it, all the better.
    audits = {"does-not-add-up": "arithmetic"}
    expected = {
        (r["expect_audit"] or audits[r["kind"]], r["station_id"], r["field"] or None)
        for r in planted
        if r["expect_audit"] or r["kind"] in audits
    }
    found = table(demo, "findings").filter(pl.col("grade").is_in(["A", "B"]))
    flagged = set(
        found.filter(pl.col("audit") != "records").select("audit", "station_id", "field").iter_rows()
    )
    assert flagged - expected == set()
    # The sample's authority published these sheets as they were written, so that its rows do not add up either.
    odd = {r["station_id"] for r in of_kind(planted, "does-not-add-up")}
    assert set(found.filter(pl.col("audit") == "records")["station_id"]) <= odd


def test_at_least_half_of_the_sheets_that_add_up_need_no_person(
    demo: Path, planted: list[dict[str, str]]
) -> None:
    tallies = table(demo, "tallies").filter(pl.col("status") != "absent")
    odd = {r["station_id"] for r in of_kind(planted, "does-not-add-up")}
    adds_up = tallies.filter(~pl.col("station_id").is_in(list(odd)))
    assert (adds_up["status"] == "accepted").sum() >= 0.5 * adds_up.height
    assert tallies.filter(pl.col("station_id").is_in(list(odd)))["status"].to_list() == ["person"] * len(odd)


def test_every_sheet_that_does_not_add_up_is_reported(demo: Path, planted: list[dict[str, str]]) -> None:
    """Each is a finding of grade B, or waits for a person with its reason; none is taken as if it added up."""
    findings = table(demo, "findings").filter(pl.col("audit") == "arithmetic")
    queue = table(demo, "queue")
    for row in of_kind(planted, "does-not-add-up"):
        found = findings.filter(pl.col("station_id") == row["station_id"]).height
        waits = queue.filter(pl.col("station_id") == row["station_id"], pl.col("reason") != "").height
        assert found or waits, row
        assert found or not row["expect_audit"], row


def test_no_accepted_number_is_wrong(demo: Path, sample: Path) -> None:
    with (sample / "photos" / "truth.csv").open(encoding="utf-8", newline="") as file:
        truth = [r for r in csv.DictReader(file) if r["value"] != "" and r["field"] != "refuse"]
    names = dict(table(demo, "photos").select("name", "photo").iter_rows())
    accepted = table(demo, "tallies").filter(pl.col("status") == "accepted")
    fields = table(demo, "tally_fields").join(accepted, on=["station_id", "contest"], how="semi")
    values = {
        (photo, field): value for photo, field, value in fields.select("photo", "field", "value").iter_rows()
    }
    checked = 0
    for row in truth:
        key = (names.get(row["file"]), row["field"])
        if key in values:
            checked += 1
            assert values[key] == int(row["value"]), row
    assert checked > 200


def test_what_must_not_become_a_tally_does_not(demo: Path, planted: list[dict[str, str]]) -> None:
    status = dict(table(demo, "tallies").select("station_id", "status").iter_rows())
    for row in of_kind(planted, "too-poor", "wrong-page"):
        assert status[row["station_id"]] == "person", row
    for row in of_kind(planted, "no-acta"):
        assert status[row["station_id"]] == "absent", row
    for row in of_kind(planted, "not-in-register"):
        assert row["station_id"] not in status, row


def test_the_upside_down_page_is_read(demo: Path, planted: list[dict[str, str]]) -> None:
    names = dict(table(demo, "photos").select("name", "photo").iter_rows())
    readings = table(demo, "readings")
    for row in of_kind(planted, "upside-down"):
        reading = readings.filter(pl.col("photo") == names[row["photo"]])
        assert reading["refused"].null_count() == 1


def test_revisions_between_snapshots_are_reported_and_not_graded(
    demo: Path, planted: list[dict[str, str]]
) -> None:
    stations = table(demo, "comparison_stations")
    revised = stations.filter("revision", pl.col("outcome") == "differing")
    rows = of_kind(planted, "revision")
    assert set(revised["station_id"]) == {r["station_id"] for r in rows}
    findings = table(demo, "findings")
    assert findings.filter(pl.col("station_id").is_in([r["station_id"] for r in rows])).is_empty()


def test_the_true_cause_of_each_planted_difference_is_in_the_set(
    demo: Path, planted: list[dict[str, str]]
) -> None:
    causes = {
        "official-transposition": "transposed-digits",
        "official-swap": "swapped-options",
        "official-digit": "one-digit",
    }
    stations = table(demo, "comparison_stations").filter(pl.col("left") == "tally")
    found = dict(stations.select("station_id", "cause").iter_rows())
    for row in of_kind(planted, "official-"):
        assert causes[row["kind"]] in (found[row["station_id"]] or "").split(";"), row


def test_the_summary_counts_what_happened(demo: Path, summary: dict[str, Any]) -> None:
    tallies = table(demo, "tallies")
    assert sum(summary["tallies"][s] for s in ("accepted", "person", "unread", "absent")) == tallies.height
    assert summary["findings"]["stations"] == table(demo, "findings")["station_id"].n_unique()
    assert summary["snapshots"] == 2


def test_exports_hold_the_same_rows_and_each_names_its_photo(demo: Path) -> None:
    exported = pl.read_parquet(demo / "export" / "flagged_stations.parquet")
    assert tuple(exported.columns) == FLAGGED_COLUMNS
    assert exported.height == table(demo, "findings").height
    from_csv = pl.read_csv(demo / "export" / "flagged_stations.csv", infer_schema=False)
    assert from_csv.height == exported.height
    assert exported.filter(pl.col("grade").is_in(["A", "B"]))["photo"].null_count() == 0


def test_rebuild_makes_the_same_bytes(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {p.name: p.read_bytes() for p in (demo / "tables").glob("*.parquet")}
    assert len(before) > 15
    for path in (demo / "tables").iterdir():
        path.unlink()
    capsys.readouterr()
    assert main(["rebuild", str(demo), "--json"]) == 0
    hashes = json.loads(capsys.readouterr().out)
    after = {p.name: p.read_bytes() for p in (demo / "tables").glob("*.parquet")}
    assert after == before
    assert {f"{name}.parquet" for name in hashes} == set(after)


def test_the_demonstration_replaces_only_its_own_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    assert main(["demo", str(tmp_path)]) == 2
    assert "choose another folder" in capsys.readouterr().err
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_the_true_cause_is_in_the_set_of_each_planted_difference(
    demo: Path, planted: list[dict[str, str]]
) -> None:
    causes = {
        "official-transposition": "transposed-digits",
        "official-digit": "one-digit",
        "official-swap": "swapped-options",
    }
    latest = table(demo, "snapshots").filter("latest")["snapshot"][0]
    compared = table(demo, "comparison_stations").filter(pl.col("left") == "tally", pl.col("right") == latest)
    for row in of_kind(planted, *causes):
        here = compared.filter(station_id=row["station_id"], contest=row["contest"])
        assert causes[row["kind"]] in here["cause"][0].split(";"), row


def test_two_photos_of_one_acta_are_compared(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Station 01113 has two photos that agree; 02233's sheet was filed for two stations, but is one file."""
    capsys.readouterr()
    assert main(["compare", str(demo), "--photos", "--json"]) == 0
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert (pair["left"], pair["right"]) == ("01113.jpg", "01113_2.jpg")
    assert (pair["both"], pair["differing"]) == (1, 0)
