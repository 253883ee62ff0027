from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from dashboard import names
from ocr.reading import State
from tabulate import tally
from tabulate.causes import CAUSES, UNEXPLAINED
from tabulate.differences import COUNTED_CHANGED, STATUS_CHANGED
from tabulate.feed import _WHAT, SENTENCES
from tabulate.mission import Mission
from tabulate.rules import RULES

ROOT = Path(__file__).resolve().parents[2]
# An identifier where the code gives it as a reason.
GIVEN = re.compile(
    r'(?:reason=pl\.(?:lit|format)\(|(?:then|otherwise)\(pl\.lit\(|out\.append\(f?|flags\.append\(|^ +f)"([a-z-]+)(?:"|:)',
    re.MULTILINE,
)


def test_every_reason_has_words():
    given = {str(s) for s in State} - {str(State.NUMBER)} | {"inconsistent", *tally._DISPUTED}
    for path in ("tabulate/tally.py", "tabulate/pages.py", "ocr/decode.py"):
        found = set(GIVEN.findall((ROOT / path).read_text(encoding="utf-8")))
        assert len(found) > 2, path
        given |= found
    assert {"incomplete", "page-missing", "sum-fails", "odd-filling", "filed-twice"} <= given
    assert given - set(names.STATUS) - set(names.SOURCE) - set(names.REASON) == set()


def test_every_cause_has_words():
    assert {*CAUSES, UNEXPLAINED, COUNTED_CHANGED, STATUS_CHANGED} == set(names.CAUSE)


def test_every_rule_and_every_note_on_the_feed_has_words():
    assert set(RULES) == set(names.RULE)
    assert names.NOTE == SENTENCES
    assert set(_WHAT.values()) == set(names.WHAT)


def test_a_field_without_a_role_is_called_what_the_form_calls_it(sample, tmp_path, monkeypatch):
    monkeypatch.setattr(st, "session_state", {})
    mission = Mission.create(tmp_path / "mission", sample)
    try:
        other = [
            (use.contest, field)
            for use in mission.settings.forms
            for field in mission.forms[use.id].votes
            if field.role == "other" and field.label and field.name in mission.fields_of(use.id, use.contest)
        ]
        assert other
        for contest, field in other:
            assert names.labels(mission, contest)[field.name] == field.label
    finally:
        mission.close()
