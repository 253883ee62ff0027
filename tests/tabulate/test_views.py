from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from tabulate import views
from tabulate.schema import empty

TALLY = {
    "source": None,
    "confirmed": False,
    "reasons": "",
    "acta": None,
    "page": None,
    "photos": 0,
    "probability": None,
    "adds_up": None,
    "actor": None,
}


def table(name, rows):
    """Rows as that table; what is not given is null."""
    blank = empty(name)
    return (
        pl.DataFrame([dict.fromkeys(blank.columns) | r for r in rows], schema=blank.schema) if rows else blank
    )


def tables(**given):
    names = (
        "register",
        "photos",
        "filings",
        "refusals",
        "readings",
        "tallies",
        "tally_fields",
        "tally_sums",
        "queue",
        "snapshots",
        "official_stations",
        "official_fields",
        "comparison",
        "comparison_stations",
        "findings",
    )
    return {name: table(name, given.get(name, [])) for name in names}


def station(station_id, region):
    return {
        "station_id": station_id,
        "region": region,
        "has_list": True,
        "active": True,
        "seq": 1,
        "registered": 100,
    }


def tally(station_id, status, photo=None):
    return {**TALLY, "station_id": station_id, "contest": "p", "status": status, "photo": photo}


def votes(kind, station_id, option, value, **more):
    return {
        "station_id": station_id,
        "contest": "p",
        "field": option,
        "role": "option",
        "option": option,
        "value": value,
        "state": "number" if value is not None else "blank",
        **({"confirmed": True, "source": "reading"} if kind == "tally" else {"snapshot": "s1"}),
        **more,
    }


def test_coverage_counts_every_status_by_region():
    here = tables(
        register=[station("1", "North"), station("2", "North"), station("3", None)],
        tallies=[tally("1", "accepted"), tally("2", "person"), tally("3", "absent")],
    )
    assert views.coverage(here).rows() == [("North", 2, 1, 1, 0, 0), (None, 1, 0, 0, 0, 1)]
    assert views.coverage(here, "other").is_empty()


def test_arrivals_add_up_and_stay_small():
    start = datetime(2026, 3, 1, tzinfo=UTC)
    n = 1000
    here = tables(
        tallies=[tally(f"{i:04d}", "accepted", f"photo{i}") for i in range(n)],
        photos=[
            {
                "photo": f"photo{i}",
                "name": "x",
                "at": start + timedelta(minutes=i),
                "arrivals": 1,
                "stations": 1,
            }
            for i in range(n)
        ],
    )
    found = views.arrivals(here)
    assert found["actas"][-1] == n
    assert found["actas"].is_sorted()
    assert found.height <= 130
    assert views.arrivals(tables()).is_empty()


def snapshot(name, latest=True):
    return {
        "snapshot": name,
        "format": "f",
        "verified": False,
        "name": name,
        "taken_at": datetime(2026, 3, 1, tzinfo=UTC),
        "imported_at": datetime(2026, 3, 1, tzinfo=UTC),
        "latest": latest,
        "seq": int(name[1:]),
    }


def test_results_use_only_actas_that_both_have_in_full():
    def official(station_id, counted=True):
        return {"snapshot": "s1", "station_id": station_id, "contest": "p", "counted": counted}

    here = tables(
        tallies=[
            tally("1", "accepted"),
            tally("2", "accepted"),
            tally("3", "person"),
            tally("4", "accepted"),
        ],
        tally_fields=[votes("tally", s, o, v) for s in "1234" for o, v in (("a", 10), ("b", 5))],
        snapshots=[snapshot("s1")],
        official_stations=[official("1"), official("2"), official("3"), official("4", counted=False)],
        official_fields=[
            votes("official", "1", "a", 12),
            votes("official", "1", "b", 5),
            votes("official", "2", "a", 10),
            votes("official", "2", "b", None),
            *(votes("official", s, o, 7) for s in "34" for o in "ab"),
        ],
    )
    found = views.results(here, "p", ["a", "b"])
    # 2 lacks a number, 3 waits for a person, 4 is not counted.
    assert found.actas == 1
    assert found.options.select("option", "tally", "official", "difference").rows() == [
        ("a", 10, 12, 2),
        ("b", 5, 5, 0),
    ]
    assert found.options["tally_share"].to_list() == [10 / 15, 5 / 15]


def test_results_of_nothing_are_zero_actas():
    found = views.results(tables(), "p", ["a", "b"])
    assert found.actas == 0
    assert found.options["tally_share"].to_list() == [None, None]


def test_missing_lists_what_a_person_can_finish_first():
    here = tables(
        register=[station("1", "N"), station("2", "N"), station("3", "N")],
        tallies=[tally("1", "absent"), tally("2", "person"), tally("3", "accepted")],
    )
    assert views.missing(here)["station_id"].to_list() == ["2", "1"]


def counted(name, contest, station_id="1"):
    return {"snapshot": name, "station_id": station_id, "contest": contest, "counted": True}


def test_with_one_file_for_each_contest_each_has_its_own_latest_and_earlier_ones():
    order = (("s1", "p"), ("s2", "q"), ("s3", "p"), ("s4", "q"))
    changed = {"outcome": "differing", "revision": True, "confirmed": True, "fields": 1, "gross": 2, "net": 0}
    against = {"left": "tally", "station_id": "1", "field": "a", "role": "option", "option": "a"}
    here = tables(
        tallies=[tally("1", "accepted")],
        tally_fields=[votes("tally", "1", "a", 10)],
        snapshots=[snapshot(name, latest=name == "s4") for name, _contest in order],
        official_stations=[counted(name, contest) for name, contest in order],
        official_fields=[votes("official", "1", "a", v, snapshot=s) for s, v in (("s1", 10), ("s3", 12))],
        comparison=[{**against, "contest": "p", "right": "s3", "left_value": 10, "right_value": 12}],
        comparison_stations=[{**changed, "station_id": "1", "contest": "p", "left": "s1", "right": "s3"}],
    )
    revised = views.feed(here).select("snapshot", "revised").rows()
    assert revised == [("s4", 0), ("s3", 1), ("s2", None), ("s1", None)]
    # The newest file, s4, says nothing about p.
    assert views.results(here, "p", ["a"]).options["official"].to_list() == [12]
    known = views.acta(here, "1", "p")
    assert known is not None and known.official["right_value"].to_list() == [12]


def test_queue_lists_every_acta_that_waits_also_an_accepted_one():
    def waits(station_id, reason, contest="p"):
        return {
            "station_id": station_id, "contest": contest, "photo": "x", "page": 1, "reason": reason, "detail": ""
        }  # fmt: skip

    here = tables(
        register=[station(s, "N") for s in "123"],
        tallies=[tally("1", "accepted"), tally("2", "person"), tally("3", "accepted")],
        queue=[
            waits("1", "photo-of-another-station"),
            waits("2", "unsure:b"),
            waits("2", "blank:a"),
            waits("9", "station-not-in-register"),
            waits("", "station-unknown", ""),
        ],
    )
    assert views.queue(here).select("station_id", "reasons").rows() == [
        ("1", "photo-of-another-station"),
        ("2", "blank:a;unsure:b"),
    ]
    assert views.strays(here)["station_id"].sort().to_list() == ["", "9"]


def test_feed_says_what_each_snapshot_changed():
    changed = {
        "left": "s1",
        "right": "s2",
        "contest": "p",
        "outcome": "differing",
        "fields": 1,
        "gross": 1,
        "net": 0,
        "confirmed": True,
        "revision": True,
    }
    second = snapshot("s2") | {"taken_at": datetime(2026, 3, 2, tzinfo=UTC)}
    here = tables(
        snapshots=[snapshot("s1", latest=False), second],
        comparison_stations=[
            {**changed, "station_id": "1"},
            {**changed, "station_id": "2", "outcome": "equal"},
        ],
        official_stations=[counted("s1", "p"), counted("s2", "p")],
    )
    assert views.feed(here).select("snapshot", "revised").rows() == [("s2", 1), ("s1", None)]
    assert views.feed(tables()).is_empty()


def test_shares_count_every_station_once_and_mark_the_whole_ones():
    def numbers(station_id, voted, a):
        roles = {"voted": voted, "cast": 200}
        return [
            *(
                {
                    "station_id": station_id,
                    "contest": "p",
                    "field": r,
                    "role": r,
                    "value": v,
                    "state": "number",
                    "confirmed": True,
                    "source": "reading",
                }
                for r, v in roles.items()
            ),
            votes("tally", station_id, "a", a),
            votes("tally", station_id, "b", 1),
        ]

    here = tables(
        register=[station(s, "N") | {"registered": 400} for s in "12"],
        tally_fields=[*numbers("1", 200, 100), *numbers("2", 201, 101)],
    )
    found = views.shares(here, "p", ["a", "b"], "tally")
    turnout = found.filter(pl.col("what") == "turnout")
    # 200 of 400 is 50 %; 201 of 400 is 50.25 %.
    assert turnout.rows() == [("turnout", 50.0, False, 1), ("turnout", 50.0, True, 1)]
    leader = found.filter(pl.col("what") == "leader")
    assert leader["stations"].sum() == 2
    assert views.shares(here, "other", ["a"], "tally").is_empty()


def test_pages_of_a_table():
    frame = pl.DataFrame({"x": range(450)})
    assert views.pages_in(frame) == 3
    assert views.pages_in(frame.head(0)) == 1
    assert [views.page_of(frame, n).height for n in (1, 2, 3, 4)] == [200, 200, 50, 0]
    assert views.page_of(frame, 0)["x"][0] == 0


def test_narrow_keeps_what_was_asked_for():
    frame = pl.DataFrame(
        {
            "grade": ["A", "B"],
            "audit": ["x", "y"],
            "region": ["N", None],
            "contest": ["p", None],
            "station_id": ["001", "002"],
            "subregion": [None, None],
            "place": ["Escuela (1)", None],
            "field": [None, None],
            "evidence": ["one", "two"],
        },
        schema_overrides={"subregion": pl.String, "field": pl.String},
    )
    assert views.narrow(frame).height == 2
    assert views.narrow(frame, grades=["B"])["station_id"].to_list() == ["002"]
    assert views.narrow(frame, audits=["x"], region="N", contest="p")["station_id"].to_list() == ["001"]
    assert views.narrow(frame, words="ESCUELA (1").height == 1  # a text, not a pattern
    assert views.narrow(frame, words="escuela two").is_empty()


def test_an_acta_nobody_expects_is_none():
    assert views.acta(tables(), "1", "p") is None
