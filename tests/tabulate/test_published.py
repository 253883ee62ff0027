"""What the authority publishes, on its way to the audit of records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tabulate.findings import audit_counts
from tabulate.official import FORMATS, catalogue, read_official
from tabulate.published import expects
from tests.tabulate.test_findings import arrive, found, official, start

HEAD = "station_id,contest,registered,valid,blank,null,cast,voted,status,sol,luna\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("CONTABILIZADAS NORMALES", "numbers"),
        ("acta extraviada", "none"),
        ("ERROR MATERIAL", None),
        ("", None),
        (None, None),
        ("A word of nobody", None),
    ],
)
def test_what_a_word_says_of_the_numbers(text: str | None, says: str | None) -> None:
    assert expects(FORMATS["pe-onpe-actas"].statuses, text) == says


def test_of_several_terms_in_one_text_none_decides() -> None:
    words = FORMATS["mx-prep"].statuses
    assert expects(words, "Sin Acta (Paquete no Entregado)") == "none"
    assert expects(words, "Ilegible, Sin dato") is None, "of some numbers only"


def test_what_is_not_counted_for_want_of_an_acta_expects_none() -> None:
    """No word promises numbers without being counted, and every catalogue's content is one of two words."""
    for name in catalogue.names():
        for term in catalogue.load(name).terms.values():
            assert term.content in (None, "none", "numbers")
            assert term.content != "numbers" or term.counted, (name, term.term)


def test_an_official_file_alone_is_examined(tmp_path: Path) -> None:
    path = tmp_path / "count.csv"
    sound = "".join(f"{i:03d},p,300,150,2,3,155,155,computada,100,50\n" for i in range(20))
    odd = "100,p,300,150,2,3,155,155,computada,100,57\n101,p,120,150,2,3,155,155,computada,100,50\n"
    held = "102,p,300,,,,,,sin acta,10,5\n103,p,300,,,,,,sin acta,0,0\n104,p,300,9,2,3,1,1,observada,100,57\n"
    path.write_text(HEAD + sound + odd + held, encoding="utf-8")
    result = audit_counts(read_official(path, "cotejo-csv"), only=["records"])[0].battery["records"]
    assert result.flagged.select("station_id", "field", "grade").rows() == [
        ("100", "options", "B"),
        ("101", "list", "B"),
        ("102", "status", "B"),
    ]
    assert result.n == 25 and result.parts["not counted"].items() >= {"contradict": 1}.items()


def test_a_missions_snapshot_is_examined_and_special_stations_have_no_list(
    template: Path, tmp_path: Path
) -> None:
    mission = start(template, tmp_path)
    arrive(mission, "001")
    assert found(mission, "records") == []  # a tally is no published count
    official(
        mission,
        "station_id,contest,registered,valid,blank,cast,sol,luna\n"
        "001,president,120,150,0,150,100,50\n002,president,500,150,0,150,100,50\n",
    )
    assert found(mission, "records") == [("001", "list", "B")]


def test_a_number_below_zero_is_a_contradiction_though_no_count_has_it(tmp_path: Path) -> None:
    path = tmp_path / "count.csv"
    sound = "".join(f"{i:03d},p,300,150,2,3,155,155,computada,100,50\n" for i in range(20))
    path.write_text(
        HEAD
        + sound
        + "100,p,300,150,2,3,155,155,computada,100,-50\n101,p,300,150,2,- 3,155,155,computada,100,50\n",
        encoding="utf-8",
    )
    count = read_official(path, "cotejo-csv")
    battery = audit_counts(count, only=["records", "last-digit"], calibrate=False)[0].battery
    flagged = battery["records"].flagged.filter(
        message="{field}: {left} is published, and no count is below zero."
    )
    assert flagged.select("station_id", "field", "votes").rows() == [("100", "luna", 50), ("101", "null", 3)]
    assert battery["records"].parts["rule/below zero"] == {"contradict": 2}
    assert count.counts["luna"].null_count() == 1, "everything else goes without it"


def test_a_number_below_zero_in_a_missions_snapshot(template: Path, tmp_path: Path) -> None:
    mission = start(template, tmp_path)
    arrive(mission, "001")
    official(
        mission,
        "station_id,contest,registered,valid,blank,cast,sol,luna\n"
        "001,president,120,110,0,110,100,10\n002,president,500,150,0,150,200,-50\n",
    )
    assert found(mission, "records") == [("002", "luna", "B")]
