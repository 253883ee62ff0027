"""The rules of the tally, one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tabulate.intake import receive
from tabulate.keying import decide, key
from tabulate.mission import Mission
from tabulate.rebuild import derive
from tabulate.register import import_register
from tests.tabulate import fake
from tests.tabulate.conftest import AT

GOOD = {"sol": 10, "luna": 20, "valid": 30, "blank": 1, "cast": 31}
WRONG_SUM = GOOD | {"valid": 40, "cast": 41}


@pytest.fixture
def night(mission: Mission, template: Path) -> Mission:
    import_register(mission, template / "register.csv", actor="ana", at=AT)
    return mission


def send(mission: Mission, claim: str | None, **what: Any) -> str:
    """A photo of a president's acta, filed for the station `claim`."""
    what.setdefault("fields", GOOD)
    if not what.get("refuse"):
        what.setdefault("form", "xx-president")
    return receive(mission, fake.photo(**what), "a.jpg", actor="ana", station=claim, at=AT).photo or ""


def tallied(mission: Mission, read: bool = True) -> dict[str, pl.DataFrame]:
    if read:
        fake.read_all(mission, at=AT)
    return derive(mission)


def acta(tables: dict[str, pl.DataFrame], station: str, contest: str = "president") -> dict[str, Any]:
    found = tables["tallies"].filter(station_id=station, contest=contest)
    assert found.height == 1
    return found.row(0, named=True)


def values(tables: dict[str, pl.DataFrame], station: str, contest: str = "president") -> dict[str, Any]:
    rows = tables["tally_fields"].filter(station_id=station, contest=contest)
    return {f: (v if s == "number" else s) for f, v, s in rows.select("field", "value", "state").iter_rows()}


def queue(tables: dict[str, pl.DataFrame]) -> list[tuple[str, str, str]]:
    return tables["queue"].select("station_id", "contest", "reason").rows()


def test_no_acta_is_absent_and_only_where_one_is_expected(night: Mission) -> None:
    t = tallied(night)
    assert t["tallies"].select("station_id", "contest", "status").rows() == [
        ("001", "president", "absent"),
        ("001", "senate", "absent"),
        ("002", "president", "absent"),
        ("002", "senate", "absent"),
        ("003", "president", "absent"),
        ("004", "president", "absent"),
    ]
    assert t["tally_fields"].is_empty() and t["queue"].is_empty()


def test_an_accepted_reading_is_the_tally(night: Mission) -> None:
    photo = send(night, "001", station="001")
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["source"], a["confirmed"], a["photo"], a["adds_up"], a["reasons"]) == (
        "accepted",
        "reading",
        True,
        photo,
        True,
        "",
    )
    assert values(t, "001") == GOOD
    assert t["tally_fields"]["confirmed"].all() and t["tally_sums"]["confirmed"].all()
    assert t["tally_sums"].select("sum", "left", "right", "holds").rows() == [
        ("cast", 31, 31, True),
        ("valid", 30, 30, True),
    ]


def test_the_claim_is_enough_where_the_sheet_is_silent_unless_the_mission_asks_for_more(
    night: Mission,
) -> None:
    send(night, "001")
    assert acta(tallied(night), "001")["status"] == "accepted"
    path = night.folder / "mission.toml"
    path.write_text(
        path.read_text(encoding="utf-8") + "[acceptance]\nstation_from_sheet = true\n", encoding="utf-8"
    )
    a = acta(derive(Mission.open(night.folder)), "001")
    assert (a["status"], a["reasons"]) == ("person", "station-not-on-sheet")


def test_a_station_that_could_not_be_read_on_the_sheet_is_for_the_tally_to_judge(night: Mission) -> None:
    send(night, "001", no_station=True)
    send(night, "002", no_station=True, unsure=["sol"])
    t = tallied(night)
    assert (acta(t, "001")["status"], acta(t, "001")["reasons"]) == ("accepted", "")
    assert acta(t, "002")["reasons"] == "probability-low;unsure:sol"


def test_the_sheet_is_enough_where_nobody_claims(night: Mission) -> None:
    send(night, None, station="001")
    assert acta(tallied(night), "001")["status"] == "accepted"


def test_an_unsure_reading_goes_to_a_person_with_the_values_as_a_proposal(night: Mission) -> None:
    send(night, "001", station="001", unsure=["luna"])
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["confirmed"], a["reasons"]) == ("person", False, "probability-low;unsure:luna")
    assert values(t, "001") == GOOD
    assert t["tally_fields"].filter(field="luna")["confirmed"].to_list() == [False]
    assert queue(t) == [("001", "president", "probability-low"), ("001", "president", "unsure:luna")]


def test_a_sheet_that_does_not_add_up_waits_but_is_a_confirmed_reading(night: Mission) -> None:
    send(night, "001", station="001", fields=WRONG_SUM)
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["confirmed"], a["adds_up"], a["reasons"]) == (
        "person",
        True,
        False,
        "sum-fails:valid",
    )
    bad = t["tally_sums"].filter(~pl.col("holds")).row(0, named=True)
    assert (bad["sum"], bad["left"], bad["right"], bad["difference"], bad["confirmed"]) == (
        "valid",
        30,
        40,
        -10,
        True,
    )


def test_of_a_waiting_acta_only_what_was_read_surely_is_confirmed(night: Mission) -> None:
    send(night, "001", station="001", fields=WRONG_SUM, unsure=["blank"])
    t = tallied(night)
    assert acta(t, "001")["status"] == "person" and acta(t, "001")["confirmed"] is False
    unconfirmed = t["tally_fields"].filter(~pl.col("confirmed"))["field"].to_list()
    assert unconfirmed == ["blank"]
    assert t["tally_sums"].select("sum", "holds", "confirmed").rows() == [
        ("cast", True, False),
        ("valid", False, True),
    ]


def test_zero_blank_and_illegible_stay_three(night: Mission) -> None:
    send(night, "001", station="001", fields=GOOD | {"sol": 0, "luna": "blank", "blank": "illegible"})
    t = tallied(night)
    assert values(t, "001") == {"sol": 0, "luna": "blank", "valid": 30, "blank": "illegible", "cast": 31}
    assert acta(t, "001")["status"] == "person"
    assert t["tally_sums"]["holds"].to_list() == [None, None]


def test_two_photos_that_agree_are_one_acta(night: Mission) -> None:
    send(night, "001", station="001")
    send(night, "001", station="001", angle=7)
    a = acta(tallied(night), "001")
    assert (a["status"], a["photos"]) == ("accepted", 2)


def test_two_photos_that_differ_go_to_a_person(night: Mission) -> None:
    send(night, "001", station="001")
    send(night, "001", station="001", fields={"sol": 20, "luna": 10, "valid": 30, "blank": 1, "cast": 31})
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["reasons"], a["confirmed"]) == ("person", "photos-differ", False)
    assert t["queue"]["detail"].to_list()[0] in ("luna: 20 against 10", "luna: 10 against 20")


def test_a_second_photo_that_is_only_unsure_changes_nothing(night: Mission) -> None:
    best = send(night, "001", station="001")
    send(night, "001", station="001", fields=GOOD | {"sol": 40}, unsure=["sol"])
    a = acta(tallied(night), "001")
    assert (a["status"], a["photo"]) == ("accepted", best)


def test_a_claim_that_the_sheet_contradicts_is_not_followed(night: Mission) -> None:
    send(night, "002", station="001")
    t = tallied(night)
    assert (acta(t, "001")["status"], acta(t, "001")["reasons"]) == ("person", "station-differs")
    assert not t["tally_fields"]["confirmed"].any()
    assert (acta(t, "002")["status"], acta(t, "002")["reasons"]) == ("person", "photo-of-another-station")
    assert values(t, "002") == {} and values(t, "001") == GOOD
    assert "claimed for 002, the sheet says 001" in t["queue"]["detail"].to_list()


def test_one_photo_filed_for_two_stations(night: Mission) -> None:
    for claim in ("001", "002"):
        send(night, claim, station="001")
    t = tallied(night)
    assert acta(t, "001")["status"] == "accepted"
    assert (acta(t, "002")["status"], acta(t, "002")["reasons"]) == ("person", "photo-of-another-station")
    assert t["photos"]["stations"].to_list() == [2] and t["photos"]["arrivals"].to_list() == [2]
    assert t["filings"]["station_id"].to_list() == ["001", "002"]


def test_one_photo_filed_for_two_stations_and_the_sheet_is_silent(night: Mission) -> None:
    for claim in ("001", "002"):
        send(night, claim)
    t = tallied(night)
    for station in ("001", "002"):
        assert (acta(t, station)["status"], acta(t, station)["reasons"]) == ("person", "filed-twice")


def test_a_station_that_is_not_in_the_register_waits_in_the_queue(night: Mission) -> None:
    send(night, "0999", station="0999")
    send(night, None)
    t = tallied(night)
    assert set(t["tallies"]["status"]) == {"absent"}
    assert queue(t) == [
        ("", "president", "station-unknown"),
        ("0999", "president", "station-not-in-register"),
    ]


def test_a_contest_that_is_not_voted_on_there(night: Mission) -> None:
    send(night, "003", station="003", form="xx-senate-2", fields={"valid": 3})
    assert queue(tallied(night)) == [("003", "senate", "contest-not-at-station")]


def test_a_refused_photo_goes_to_a_person_unless_there_is_a_better_one(night: Mission) -> None:
    send(night, "003", refuse="too blurred; photograph it again")
    t = tallied(night)
    assert (acta(t, "003")["status"], acta(t, "003")["reasons"]) == ("person", "refused")
    assert t["queue"]["detail"].to_list() == ["too blurred; photograph it again"]
    send(night, "003", station="003")
    t = tallied(night)
    assert (acta(t, "003")["status"], acta(t, "003")["photos"]) == ("accepted", 2) and t["queue"].is_empty()


def test_a_photo_that_intake_kept_but_refused(night: Mission) -> None:
    receive(night, b"\x00\x00\x00\x18ftypheic....", "a.heic", actor="ana", station="003", at=AT)
    t = tallied(night)
    assert (acta(t, "003")["status"], acta(t, "003")["reasons"]) == ("person", "refused")
    assert t["photos"]["kind"].to_list() == ["heic"] and t["refusals"]["kept"].to_list() == [True]


def test_a_photo_that_was_not_read_yet(night: Mission) -> None:
    send(night, "003", station="003")
    assert acta(tallied(night, read=False), "003")["status"] == "unread"


def test_an_acta_of_two_pages(night: Mission) -> None:
    send(night, "001", station="001", form="xx-senate-1", fields={"sol": 4, "mar": 5})
    t = tallied(night)
    assert (acta(t, "001", "senate")["status"], acta(t, "001", "senate")["reasons"]) == (
        "person",
        "page-missing:2",
    )
    assert values(t, "001", "senate") == {"sol": 4, "mar": 5, "valid": "absent"}
    second = send(night, "001", station="001", form="xx-senate-2", fields={"valid": 9})
    t = tallied(night)
    assert acta(t, "001", "senate")["status"] == "accepted"
    assert values(t, "001", "senate") == {"sol": 4, "mar": 5, "valid": 9}
    assert t["tally_fields"].filter(field="valid")["photo"].to_list() == [second]
    assert t["tally_sums"].select("sum", "holds").rows() == [("total", True)]


def test_a_sum_of_the_mission_over_two_pages_that_does_not_hold(night: Mission) -> None:
    send(night, "001", station="001", form="xx-senate-1", fields={"sol": 4, "mar": 5})
    send(night, "001", station="001", form="xx-senate-2", fields={"valid": 10})
    a = acta(tallied(night), "001", "senate")
    assert (a["status"], a["reasons"], a["adds_up"], a["confirmed"]) == (
        "person",
        "sum-fails:total",
        False,
        True,
    )


def test_a_person_accepts(night: Mission) -> None:
    photo = send(night, "001", station="001", unsure=["luna"])
    tallied(night)
    decide(night, "001", "president", photo, "accept", actor="eva", at=AT)
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["source"], a["actor"], a["confirmed"]) == ("accepted", "person", "eva", True)
    assert values(t, "001") == GOOD and t["queue"].is_empty()


def test_a_person_corrects_and_one_pair_of_eyes_confirms_nothing(night: Mission) -> None:
    photo = send(night, "001", station="001", fields=GOOD | {"luna": 26}, unsure=["luna"])
    tallied(night)
    decide(night, "001", "president", photo, "correct", values={"luna": 20}, actor="eva", at=AT)
    t = tallied(night)
    assert acta(t, "001")["status"] == "accepted" and acta(t, "001")["confirmed"] is False
    assert values(t, "001") == GOOD
    unconfirmed = t["tally_fields"].filter(~pl.col("confirmed"))
    assert unconfirmed["field"].to_list() == ["luna"]
    key(night, "001", "president", photo, GOOD, actor="eva", at=AT)
    assert acta(tallied(night), "001")["confirmed"] is False  # the same person again
    key(night, "001", "president", photo, GOOD, actor="ana", at=AT)
    assert acta(tallied(night), "001")["confirmed"] is True


def test_decisions_are_kept_and_the_latest_stands(night: Mission) -> None:
    photo = send(night, "001", station="001", unsure=["luna"])
    tallied(night)
    decide(night, "001", "president", photo, "accept", actor="eva", at=AT)
    decide(night, "001", "president", photo, "correct", values={"luna": 7}, actor="ana", at=AT)
    t = tallied(night)
    assert values(t, "001")["luna"] == 7
    assert t["decisions"].select("decision", "stands").rows() == [("accept", False), ("correct", True)]
    decide(night, "001", "president", None, "reopen", actor="ana", at=AT)
    t = tallied(night)
    assert acta(t, "001")["status"] == "person" and values(t, "001") == GOOD
    assert t["decisions"]["stands"].to_list() == [False, False, True]


def test_a_person_types_what_no_machine_could_read(night: Mission) -> None:
    photo = send(night, "003", refuse="too blurred")
    tallied(night)
    decide(
        night, "003", "president", photo, "correct", values=GOOD | {"blank": "illegible"}, actor="eva", at=AT
    )
    t = tallied(night)
    assert acta(t, "003")["status"] == "accepted" and acta(t, "003")["confirmed"] is False
    assert values(t, "003") == GOOD | {"blank": "illegible"}
    assert t["tally_sums"].select("sum", "holds").rows() == [("cast", None), ("valid", True)]


def test_a_refused_photo_is_out(night: Mission) -> None:
    photo = send(night, "003", refuse="no acta")
    tallied(night)
    decide(night, "003", "president", photo, "refuse", note="an attendance list", actor="eva", at=AT)
    t = tallied(night)
    assert acta(t, "003")["status"] == "absent" and t["queue"].is_empty()


def test_a_reassigned_photo_moves(night: Mission) -> None:
    photo = send(night, "003")
    tallied(night)
    decide(night, "003", "president", photo, "reassign", to="004", actor="eva", at=AT)
    t = tallied(night)
    assert (acta(t, "003")["status"], acta(t, "004")["status"]) == ("absent", "accepted")
    assert t["decisions"]["station_id"].to_list() == ["004"]


def test_two_people_who_agree_are_as_good_as_a_reading(night: Mission) -> None:
    photo = send(night, "003", refuse="too blurred")
    tallied(night)
    key(night, "003", "president", photo, GOOD, actor="ana", at=AT)
    assert acta(tallied(night), "003")["status"] == "person"
    key(night, "003", "president", photo, GOOD, actor="eva", at=AT)
    t = tallied(night)
    a = acta(t, "003")
    assert (a["status"], a["source"], a["confirmed"], a["adds_up"]) == ("accepted", "keying", True, True)
    assert t["keyings"].height == 10


def test_two_people_who_differ_go_to_a_third(night: Mission) -> None:
    photo = send(night, "003", station="003")
    tallied(night)
    key(night, "003", "president", photo, GOOD, actor="ana", at=AT)
    key(night, "003", "president", photo, GOOD | {"sol": 11}, actor="eva", at=AT)
    a = acta(tallied(night), "003")
    assert (a["status"], a["reasons"]) == ("person", "keyings-differ")
    decide(night, "003", "president", photo, "accept", actor="mar", at=AT)
    assert acta(tallied(night), "003")["status"] == "accepted"


def test_moving_a_photo_ends_what_was_decided_from_it_elsewhere(night: Mission) -> None:
    photo = send(night, "001")
    tallied(night)
    decide(night, "001", "president", photo, "accept", actor="eva", at=AT)
    decide(night, "001", "president", photo, "reassign", to="002", actor="eva", at=AT)
    t = tallied(night)
    assert (acta(t, "001")["status"], acta(t, "002")["status"]) == ("absent", "accepted")
    assert t["decisions"]["stands"].to_list() == [False, True]
    decide(night, "002", "president", photo, "accept", actor="eva", at=AT)
    decide(night, "001", "president", photo, "reassign", to="002", actor="ana", at=AT)
    assert acta(tallied(night), "002")["actor"] == "eva"  # that it is of 002 was decided already


def test_refusing_a_photo_ends_what_was_decided_or_typed_from_it(night: Mission) -> None:
    read, typed = send(night, "001", station="001"), send(night, "003", refuse="too blurred")
    tallied(night)
    decide(night, "001", "president", read, "accept", actor="eva", at=AT)
    decide(night, "001", "president", read, "refuse", note="another election", actor="eva", at=AT)
    for actor in ("ana", "eva"):
        key(night, "003", "president", typed, GOOD, actor=actor, at=AT)
    decide(night, "003", "president", typed, "refuse", note="another election", actor="eva", at=AT)
    t = tallied(night)
    assert (acta(t, "001")["status"], acta(t, "003")["status"]) == ("absent", "absent")
    assert t["tally_fields"].is_empty() and t["keyings"].height == 10


@pytest.mark.parametrize("moved_first", [True, False])
def test_one_photo_never_counts_for_two_stations(night: Mission, moved_first: bool) -> None:
    photo = send(night, "001")
    tallied(night)
    if moved_first:
        decide(night, "001", "president", photo, "reassign", to="002", actor="eva", at=AT)
    decide(night, "003", "president", photo, "accept", actor="eva", at=AT)
    t = tallied(night)
    accepted = t["tallies"].filter(status="accepted")["station_id"].to_list()
    assert accepted == ["003"]


def unconfirmed(tables: dict[str, pl.DataFrame], station: str, contest: str = "president") -> list[str]:
    rows = tables["tally_fields"].filter(station_id=station, contest=contest).filter(~pl.col("confirmed"))
    return rows["field"].to_list()


def test_two_people_who_typed_one_field_do_not_accept_an_acta(night: Mission) -> None:
    photo = send(night, "001", station="001", fields=WRONG_SUM)
    poor = send(night, "003", refuse="too blurred")
    tallied(night)
    for actor in ("ana", "eva"):
        key(night, "001", "president", photo, {"sol": 10}, actor=actor, at=AT)
        key(night, "003", "president", poor, {"sol": 10}, actor=actor, at=AT)
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["reasons"], a["adds_up"]) == ("person", "incomplete;sum-fails:valid", False)
    assert values(t, "001") == WRONG_SUM and unconfirmed(t, "001") == []
    assert "luna, valid, blank, cast" not in t["queue"]["detail"].to_list()
    assert "blank, cast, luna, valid" in t["queue"]["detail"].to_list()
    assert acta(t, "003")["status"] == "person" and values(t, "003") == {"sol": 10}


def test_accepting_one_page_keeps_what_was_read_on_the_other(night: Mission) -> None:
    first = send(night, "001", station="001", form="xx-senate-1", fields={"sol": 4, "mar": 5})
    second = send(night, "001", station="001", form="xx-senate-2", fields={"valid": 9})
    tallied(night)
    decide(night, "001", "senate", first, "accept", actor="eva", at=AT)
    t = tallied(night)
    a = acta(t, "001", "senate")
    assert (a["status"], a["source"], a["reasons"]) == ("person", "person", "incomplete")
    assert values(t, "001", "senate") == {"sol": 4, "mar": 5, "valid": 9}
    decide(night, "001", "senate", second, "accept", more=[(first, 1)], actor="eva", at=AT)
    t = tallied(night)
    assert (acta(t, "001", "senate")["status"], acta(t, "001", "senate")["confirmed"]) == ("accepted", True)
    where = dict(t["tally_fields"].filter(contest="senate").select("field", "photo").iter_rows())
    assert where == {"sol": first, "mar": first, "valid": second}


def test_an_absent_value_is_never_confirmed(night: Mission) -> None:
    photo = send(night, "003", refuse="torn")
    tallied(night)
    for actor in ("ana", "eva"):
        key(night, "003", "president", photo, GOOD | {"cast": "absent"}, actor=actor, at=AT)
    t = tallied(night)
    assert acta(t, "003")["status"] == "accepted" and unconfirmed(t, "003") == ["cast"]


def test_two_people_cannot_type_a_photo_into_another_station(night: Mission) -> None:
    photo = send(night, "001", station="002")
    tallied(night)
    for actor in ("ana", "eva"):
        key(night, "001", "president", photo, GOOD, actor=actor, at=AT)
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["source"], a["reasons"]) == ("person", "keying", "photo-of-another-station")
    assert len(unconfirmed(t, "001")) == 5
    assert acta(t, "002")["status"] == "person" and len(unconfirmed(t, "002")) == 5
    decide(night, "001", "president", photo, "accept", actor="mar", at=AT)  # in sight of the contradiction
    t = tallied(night)
    assert acta(t, "001")["status"] == "accepted"
    assert ("001", "president", "photo-of-another-station") not in queue(t)


def test_what_comes_up_after_a_decision_puts_the_acta_back_into_the_queue(night: Mission) -> None:
    seen = send(night, "001", station="001")
    tallied(night)
    decide(night, "001", "president", seen, "accept", actor="eva", at=AT)
    assert acta(tallied(night), "001")["confirmed"] is True
    other = send(night, "001", station="001", fields=GOOD | {"sol": 11, "valid": 31, "cast": 32})
    t = tallied(night)
    a = acta(t, "001")
    assert (a["status"], a["confirmed"], a["photo"]) == ("accepted", False, seen)
    assert queue(t) == [("001", "president", "photos-differ")]
    assert t["queue"]["photo"].to_list() == [other]
    decide(night, "001", "president", seen, "accept", actor="eva", at=AT)
    t = tallied(night)
    assert acta(t, "001")["confirmed"] is True and t["queue"].is_empty()


def test_a_later_photo_that_bears_a_correction_out_disputes_nothing(night: Mission) -> None:
    seen = send(night, "001", station="001", fields=GOOD | {"luna": 26}, unsure=["luna"])
    tallied(night)
    decide(night, "001", "president", seen, "correct", values={"luna": 20}, actor="eva", at=AT)
    send(night, "001", station="001")
    t = tallied(night)
    assert acta(t, "001")["confirmed"] is True and t["queue"].is_empty()
    assert acta(t, "001")["photo"] == seen  # the one that the values come from, not the best one


@pytest.mark.parametrize(
    ("claim", "source", "sure"), [(None, "printed", False), (None, "qr", True), ("002", "printed", True)]
)
def test_a_printed_number_alone_confirms_nothing(
    night: Mission, claim: str | None, source: str, sure: bool
) -> None:
    send(night, claim, station="002", source=source)
    a = acta(tallied(night), "002")
    assert (a["status"], a["confirmed"]) == ("accepted", sure)
