from __future__ import annotations

import hashlib
import re
from pathlib import Path

import polars as pl
import pytest

from dashboard import names
from dashboard.text import LANGUAGES
from ocr.errors import CotejoError
from tabulate import views
from tabulate.feed import NOTED
from tabulate.intake import RECEIVED, REFUSED
from tabulate.keying import DECIDED
from tabulate.line import refresh
from tests.dashboard.conftest import planted

PAGES = {
    "overview": ("Resumen", "Resumo", "Overview"),
    "upload": ("Envío", "Envio", "Upload"),
    "review": ("Revisión", "Revisão", "Review"),
    "comparison": ("Comparación", "Comparação", "Comparison"),
    "audits": ("Auditorías", "Auditorias", "Audits"),
    "flagged": ("Mesas señaladas", "Seções sinalizadas", "Flagged stations"),
}


def texts(at):
    """All that a page says in words."""
    kinds = (at.title, at.subheader, at.markdown, at.caption, at.info, at.warning, at.error, at.success)
    return [str(e.value) for kind in kinds for e in kind] + [m.label for m in at.metric]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_runs_in_every_language(show, page, lang):
    at = show(page, lang)
    assert not at.exception
    assert not at.error
    assert at.title[0].value == PAGES[page][list(LANGUAGES).index(lang)]
    assert all("{" not in text for text in texts(at)), texts(at)


@pytest.mark.parametrize("page", PAGES)
def test_synthetic_and_no_roles_are_said_on_every_page(show, page):
    at = show(page)
    said = " ".join(texts(at))
    assert "Synthetic: this election never took place" in said
    assert "No roles yet: served on this machine only." in said


def test_the_language_can_be_changed(show):
    at = show("overview", "en")
    at.selectbox(key="language_choice").set_value("es").run()
    assert at.title[0].value == "Resumen"
    at.selectbox(key="language_choice").set_value("pt").run()
    assert at.title[0].value == "Resumo"


def test_without_a_mission_one_sentence_is_said(show, monkeypatch, tmp_path):
    monkeypatch.setenv("COTEJO_MISSION", str(tmp_path / "nothing"))
    at = show("overview")
    assert not at.exception
    assert "there is no mission" in at.error[0].value


def test_overview_says_what_the_tables_say(show, mission):
    at = show("overview")
    line = refresh(mission)
    tallies = line.tables["tallies"].filter(pl.col("contest") == "president")
    shown = {m.label: m.value for m in at.metric}
    assert shown["Accepted"] == str((tallies["status"] == "accepted").sum())
    assert shown["Absent"] == str((tallies["status"] == "absent").sum())
    assert line.comparison is not None
    could = line.comparison["contests"]["president"]["could_change_outcome"]
    assert (
        shown["Answer, worst case"]
        == {"yes": "Yes, it could", "no": "No", "cannot say": "Cannot say"}[could["answer"]]
    )
    assert shown["Margin, official count"] == str(could["margin"])
    said = " ".join(texts(at))
    assert "Last snapshot" in said
    assert "Forms never checked on real sheets" in said


def test_overview_shows_what_was_noticed_about_the_feed(show, mission):
    note = {
        "kind": "fewer",
        "contest": "president",
        "snapshot": "s002",
        "at": "2026-11-09T06:40:00+00:00",
        "numbers": {"what": "The number of actas", "before": 40, "after": 39},
    }
    mission.ledger.append(NOTED, note, actor="test")
    at = show("overview")
    assert not at.exception
    assert "Facts about its files" in " ".join(texts(at))
    assert any("The number of actas fell from 40 to 39." in str(d.value) for d in at.dataframe)


def test_upload_gives_a_receipt_for_everything_and_reads_it(show, mission, sample):
    photo = planted(sample, "official-digit")
    data = (sample / "photos" / photo["photo"]).read_bytes()
    at = show("upload")
    at.file_uploader[0].set_value(
        [
            (photo["photo"], data, "image/jpeg"),
            ("![x](http://example.org/x.png).jpg", b"no picture", "image/jpeg"),
        ]
    )
    next(b for b in at.button if b.label == "Send").click().run()
    assert not at.exception
    receipts = at.dataframe[0].value
    assert sorted(receipts["status"].tolist()) == ["Received", "Refused"]
    received = mission.ledger.last(RECEIVED)
    refused = mission.ledger.last(REFUSED)
    assert received is not None and refused is not None
    assert received.subject == hashlib.sha256(data).hexdigest()
    assert set(receipts["seq"]) == {str(received.seq), str(refused.seq)}
    assert received.hash[:16] in set(receipts["hash"])
    # A foreign name is text: what would fetch a picture in Markdown is escaped.
    assert all("![x](" not in w.value for w in at.warning)
    line = refresh(mission)
    acta = views.acta(line.tables, photo["station_id"], photo["contest"])
    assert acta is not None and acta.tally["status"] != "absent"
    assert mission.ledger.last("photo-read", subject=received.subject) is not None


def test_the_same_photo_counts_once(show, mission, sample):
    data = (sample / "photos" / "01111.jpg").read_bytes()
    at = show("upload")
    at.file_uploader[0].set_value([("01111.jpg", data, "image/jpeg")])
    next(b for b in at.button if b.label == "Send").click().run()
    assert at.dataframe[0].value["status"].tolist() == ["Already here, counted once"]


def test_size_is_enforced_by_intake(show, folder, sample):
    settings = folder / "mission.toml"
    settings.write_text(settings.read_text().replace("[intake]", "[intake]\nmax_bytes = 1000"))
    at = show("upload")
    at.file_uploader[0].set_value(
        [("01111.jpg", (sample / "photos" / "01111.jpg").read_bytes(), "image/jpeg")]
    )
    next(b for b in at.button if b.label == "Send").click().run()
    assert at.dataframe[0].value["status"].tolist() == ["Refused"]
    assert at.warning


@pytest.fixture
def sheet(sample):
    """A station whose acta does not add up and waits for a person."""
    return planted(sample, "does-not-add-up")["station_id"]


def review(show, station, lang="en"):
    at = show("review", lang, station=station, contest="president")
    assert not at.exception
    return at


def press(at, label):
    next(b for b in at.button if b.label == label).click()
    return at.run()


def field(at, name, kind="number"):
    inputs = at.number_input if kind == "number" else at.selectbox
    return next(
        i
        for i in inputs
        if str(i.key).startswith(f"{'number' if kind == 'number' else 'state'}_")
        and str(i.key).endswith(f"_{name}")
    )


def test_review_says_why_a_person_must_look(show, sheet, mission):
    at = review(show, sheet)
    acta = views.acta(refresh(mission).tables, sheet, "president")
    assert acta is not None and acta.why.height
    # Every reason has words; none is shown as an identifier.
    assert {r.partition(":")[0] for r in acta.why["reason"]} <= set(names.REASON)
    assert len(at.warning[0].value.splitlines()) >= acta.why["reason"].n_unique()
    # One picture of the photo, one laid flat, and a crop for each field.
    assert len(at.image) >= 2 + len(at.number_input)


def test_a_correction_is_recorded_and_the_tally_follows(show, mission, sheet):
    at = review(show, sheet)
    field(at, "blank").set_value(0)
    field(at, "null", "state").set_value("blank")
    at.sidebar.text_input(key="actor_name").set_value("Ada")
    press(at, "Save corrections")
    assert not at.exception and not at.error
    entry = mission.ledger.last(DECIDED)
    assert entry is not None
    assert (entry.body["decision"], entry.actor) == ("correct", "Ada")
    # 0 and blank are two different things.
    given = entry.body["values"]
    assert (given["blank"]["value"], given["blank"]["state"]) == (0, "number")
    assert (given["null"]["value"], given["null"]["state"]) == (None, "blank")
    assert f"entry {entry.seq}," in at.success[0].value.replace("\\", "")
    acta = views.acta(refresh(mission).tables, sheet, "president")
    assert acta is not None and acta.tally["status"] == "accepted"
    assert {m.label: m.value for m in at.metric}["Status"] == "accepted"


def test_accepting_takes_the_reading_as_it_is(show, mission, sheet):
    at = press(review(show, sheet), "Accept as read")
    entry = mission.ledger.last(DECIDED)
    assert entry is not None and entry.body["decision"] == "accept"
    assert not at.error


def test_accepting_with_typed_values_is_no_silent_choice(show, mission, sheet):
    at = review(show, sheet)
    field(at, "blank").set_value(3)
    press(at, "Accept as read")
    assert at.error
    assert mission.ledger.last(DECIDED) is None


def test_refusing_needs_a_note(show, mission, sheet):
    at = press(review(show, sheet), "Refuse this photo")
    assert "reason" in at.error[0].value
    assert mission.ledger.last(DECIDED) is None
    next(t for t in at.text_input if t.label == "Note").set_value("two sheets on one photo")
    press(at, "Refuse this photo")
    entry = mission.ledger.last(DECIDED)
    assert entry is not None and entry.body["note"] == "two sheets on one photo"


def test_an_unknown_station_is_said(show):
    at = review(show, station="99999")
    assert "expects no acta" in at.warning[0].value


def test_comparison_lists_the_planted_difference(show, sample):
    at = show("comparison")
    station = planted(sample, "official-transposition")["station_id"]
    tables = [d.value for d in at.dataframe]
    assert any("station_id" in t and station in t["station_id"].tolist() for t in tables)


def test_revisions_between_snapshots_are_shown(show, sample):
    at = show("comparison")
    pair = next(s for s in at.selectbox if s.key == "pair")
    assert len(pair.options) == 2
    pair.select_index(1).run()
    assert not at.exception
    station = planted(sample, "revision")["station_id"]
    assert any("station_id" in d.value and station in d.value["station_id"].tolist() for d in at.dataframe)


def test_audits_say_no_more_than_their_grade(show):
    at = show("audits")
    said = " ".join(texts(at))
    assert "A pattern, no evidence about its cause" in said.replace("\\", "")
    assert "p, corrected" in [m.label for m in at.metric]
    assert "False alarms" in [m.label for m in at.metric]


def test_flagged_can_be_narrowed_and_taken_away(show, sample):
    at = show("flagged")
    assert len(at.get("download_button")) == 3
    frame = at.dataframe[0].value
    station = planted(sample, "official-transposition")["station_id"]
    assert station in frame["station_id"].tolist()
    at.multiselect(key="flag_grades").set_value(["B"]).run()
    assert set(at.dataframe[0].value["grade"]) == {"B"}
    at.multiselect(key="flag_grades").set_value([])
    at.text_input(key="flag_words").set_value(station).run()
    assert set(at.dataframe[0].value["station_id"]) == {station}


@pytest.mark.parametrize(("lang", "says"), [("es", "el acta dice"), ("pt", "o boletim diz")])
def test_findings_are_in_the_language_of_the_session(show, lang, says):
    evidence = show("flagged", lang).dataframe[0].value["evidence"]
    assert evidence.str.contains(says).any()
    assert not evidence.str.contains("the sheet").any()


def test_no_table_is_larger_than_a_page(show, monkeypatch):
    monkeypatch.setattr(views, "PAGE", 2)
    monkeypatch.setattr(views.page_of, "__defaults__", (2,))
    monkeypatch.setattr(views.pages_in, "__defaults__", (2,))
    for page in PAGES:
        at = show(page)
        assert not at.exception
        assert all(len(d.value) <= 2 for d in at.dataframe), page


def test_nothing_in_the_dashboard_may_run_foreign_markup():
    root = Path(__file__).resolve().parents[2]
    sources = [*(root / "dashboard").rglob("*.py"), root / "app.py"]
    assert len(sources) > 10
    for path in sources:
        source = path.read_text(encoding="utf-8")
        assert not re.search(
            r"unsafe_allow_html|unsafe_allow_javascript|st\.html\(|components\.(html|iframe)", source
        ), path


def test_errors_of_people_are_one_sentence(show, folder):
    (folder / "mission.toml").write_text("[mission\n")
    at = show("overview")
    assert not at.exception
    assert len(at.error) == 1
    assert issubclass(CotejoError, Exception)
