"""A count as NIST SP 1500-100 JSON, and boletins de urna as a count."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ocr.errors import CotejoError
from tabulate.cli import main
from tabulate.nist import report
from tabulate.official import read_official

TEXT = (
    "station_id,contest,place,registered,voted,cast,blank,null,Alfa,Beta\n"
    "0001,mayor,School,300,200,200,6,4,100,90\n0002,mayor,,250,,150,,5,60,0\n"
)
# Class -> its attributes; the first ones are required. From NIST's JSON schema of version 2.
SCHEMA = {
    "ElectionReport": (8, "Format GeneratedDate Issuer IssuerAbbreviation SequenceEnd SequenceStart Status VendorApplicationId IsTest Notes GpUnit Election"),
    "ReportingUnit": (2, "@id Type OtherType Name ComposingGpUnitIds ExternalIdentifier VotersRegistered VotersParticipated"),
    "ExternalIdentifier": (2, "Type Value"),
    "InternationalizedText": (1, "Text"),
    "LanguageString": (2, "Content Language"),
    "Election": (5, "ElectionScopeId EndDate Name StartDate Type Candidate Contest BallotCounts"),
    "Candidate": (2, "@id BallotName"),
    "CandidateContest": (4, "@id ElectionDistrictId Name VotesAllowed ContestSelection"),
    "CandidateSelection": (1, "@id CandidateIds VoteCounts"),
    "BallotMeasureSelection": (2, "@id Selection VoteCounts"),
    "VoteCounts": (3, "Count GpUnitId Type"),
    "BallotCounts": (2, "GpUnitId Type BallotsCast"),
}  # fmt: skip


def made(folder: Path, text: str = TEXT) -> dict[str, Any]:
    path = folder / "count.csv"
    path.write_text(text)
    generated = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    return report(read_official(path), election="Mayor 2026", day=date(2026, 3, 1), generated=generated)


def nodes(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(node for part in value.values() for node in nodes(part))]
    return [node for part in value for node in nodes(part)] if isinstance(value, list) else []


def test_every_class_has_the_attributes_of_the_schema(tmp_path: Path) -> None:
    found = nodes(made(tmp_path))
    kinds = set()
    for node in found:
        kind = node["@type"].removeprefix("ElectionResults.")
        required, names = SCHEMA[kind][0], SCHEMA[kind][1].split()
        assert set(node) - {"@type"} <= set(names)
        assert set(names[:required]) <= set(node)
        kinds.add(kind)
    assert kinds == set(SCHEMA)


def test_every_reference_is_to_something_and_every_id_is_one(tmp_path: Path) -> None:
    found = nodes(made(tmp_path))
    ids = [node["@id"] for node in found if "@id" in node]
    assert len(ids) == len(set(ids))
    for node in found:
        for key in ("GpUnitId", "ElectionDistrictId", "ElectionScopeId"):
            assert node.get(key, ids[0]) in ids
        assert set(node.get("CandidateIds", []) + node.get("ComposingGpUnitIds", [])) <= set(ids)


def test_the_numbers_are_the_counts_and_what_is_missing_is_left_out(tmp_path: Path) -> None:
    document = made(tmp_path)
    contest = document["Election"][0]["Contest"][0]
    votes = [[(c["GpUnitId"], c["Count"]) for c in s["VoteCounts"]] for s in contest["ContestSelection"]]
    assert votes == [
        [("station-1", 100), ("station-2", 60)],
        [("station-1", 90), ("station-2", 0)],
        [("station-1", 6)],  # blank: the second station has none
        [("station-1", 4), ("station-2", 5)],
    ]
    assert [c["BallotsCast"] for c in document["Election"][0]["BallotCounts"]] == [200, 150]
    assert "VotersParticipated" not in document["GpUnit"][2]
    assert document["GpUnit"][2]["ExternalIdentifier"][0]["Value"] == "0002"


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "count.csv", tmp_path / "report.json"
    path.write_text(TEXT)
    given = ["--nist", str(out), "--election", "Mayor", "--day", "2026-03-01", "--at", "2026-03-02T01:00:00Z"]
    assert main(["official", str(path), "--json", *given]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "cotejo-csv"
    first = out.read_bytes()
    assert json.loads(first)["@type"] == "ElectionResults.ElectionReport"
    main(["official", str(path), "--json", *given])
    assert out.read_bytes() == first
    assert main(["official", str(path), "--nist", str(out), "--election", "Mayor", "--day", "soon"]) == 2


def test_no_zone_no_report(tmp_path: Path) -> None:
    path = tmp_path / "count.csv"
    path.write_text(TEXT)
    with pytest.raises(CotejoError, match="no zone"):
        report(read_official(path), election="x", day=date(2026, 3, 1), generated=datetime(2026, 3, 2))
    with pytest.raises(CotejoError, match="--election"):
        report(
            read_official(path),
            election=" ",
            day=date(2026, 3, 1),
            generated=datetime(2026, 3, 2, tzinfo=UTC),
        )


def test_boletins_by_their_codes(real_data: Path, tmp_path: Path) -> None:
    """Real texts of 2018 and 2022, with one of a rehearsal, which is no result."""
    texts = json.loads((real_data / "codes" / "br-bu" / "bu_qr_examples.json").read_text())
    path = tmp_path / "bu.txt"
    path.write_text("\n".join(text for parts in texts.values() for text in reversed(parts)) + "\n")
    count = read_official(path)
    assert (count.format, count.verified) == ("br-bu-qr", True)
    real = count.counts.filter("counted")
    assert real.select("station_id", "contest", "registered", "voted").rows() == [
        ("ZZ-0001-0483", "Presidente", 626, 195),
        ("SP-0075-0182", "Governador", 325, 278),
        ("SP-0075-0182", "Presidente", 325, 278),
    ]
    votes = real.select(
        sum(real[o].fill_null(0) for o in count.options) + real["blank"] + real["null"]
    ).to_series()
    assert votes.to_list() == real["voted"].to_list()
    assert set(count.statuses["FASE"]) == {"O", "S"}


def test_a_line_that_is_no_boletim_is_named(real_data: Path, tmp_path: Path) -> None:
    texts = json.loads((real_data / "codes" / "br-bu" / "bu_qr_examples.json").read_text())
    path = tmp_path / "bu.txt"
    path.write_text(next(iter(texts.values()))[0] + "\nnothing\n")
    with pytest.raises(CotejoError, match="line 2"):
        read_official(path, "br-bu-qr")
    path.write_text(next(iter(texts.values()))[0])
    with pytest.raises(CotejoError):
        read_official(path)
