from __future__ import annotations

import ast
import gettext
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st

from dashboard import messages, text
from dashboard.text import LANGUAGES, LOCALE

ROOT = Path(__file__).resolve().parents[2]
ACCUSING = re.compile(r"fraud|rigged|stolen|manipul|irregular|amañad|\brobad|\broubad|adulter", re.IGNORECASE)
TRANSLATED = [code for code in LANGUAGES if code != "en"]


@pytest.fixture(autouse=True)
def session(monkeypatch):
    """A session's state without a session."""
    values: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", values)
    return values


def test_every_text_is_in_every_catalogue():
    used = {m.id for m in messages.collect() if m.id}
    assert len(used) > 200
    for code in LANGUAGES:
        assert {m.id for m in messages.load(code) if m.id} == used, "run python -m dashboard.messages"


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_text_has_a_translation_and_none_is_fuzzy(code):
    for message in messages.load(code):
        if message.id:
            assert message.string, message.id
            assert not message.fuzzy, message.id


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_keep_the_places(code):
    for message in messages.load(code):
        if message.id:
            assert set(re.findall(r"{\w*}", message.id)) == set(re.findall(r"{\w*}", message.string)), (
                message.id
            )


@pytest.mark.parametrize("code", LANGUAGES)
def test_compiled_catalogues_are_those_of_the_po_files(code):
    compiled = gettext.translation("cotejo", LOCALE, [code])
    for message in messages.load(code):
        if message.id:
            assert compiled.gettext(message.id) == (message.string or message.id)


def test_no_message_accuses():
    for code in LANGUAGES:
        for message in messages.load(code):
            assert not ACCUSING.search(f"{message.id} {message.string}"), message.id


def test_no_text_is_hidden_from_the_collector_inside_an_f_string():
    # Before Python 3.12 a call inside an f-string is not seen by it.
    for path in (ROOT / "dashboard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for call in ast.walk(node):
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Name)
                    and call.func.id in ("_", "N_")
                ):
                    assert not isinstance(call.args[0], ast.Constant), f"{path.name}:{node.lineno}"


def test_numbers_and_times_are_those_of_language_and_country(session):
    session |= {text.LANGUAGE: "es", text.COUNTRY: "BO", text.ZONE: "America/La_Paz"}
    assert text.whole(1234567) == "1.234.567"
    assert text.percent(0.1234, 2) == "12,34 %"
    assert text.when("2026-03-01T02:30:00+00:00").endswith("22:30:00 (UTC-04:00)")
    session[text.LANGUAGE] = "en"
    assert text.whole(1234567) == "1,234,567"
    assert text.percent(0.1234, 2) == "12.34 %"
    session |= {text.LANGUAGE: "es", text.COUNTRY: "XX"}
    assert text.whole(1234567) == "1,234,567"  # as most of Latin America writes it


def test_portuguese_is_that_of_brazil(session):
    session |= {text.LANGUAGE: "pt", text.COUNTRY: "BR", text.ZONE: "America/Sao_Paulo"}
    assert text.whole(1234567) == "1.234.567"
    assert text.percent(0.1234, 2) == "12,34 %"
    assert text.when("2026-03-01T02:30:00+00:00") == "28 fev. 2026, 23:30:00 (UTC-03:00)"
    session[text.COUNTRY] = "BO"  # a Bolivian mission whose chief reads Portuguese
    assert text.whole(1234567) == "1.234.567"
    assert text.translated("Station") == "Seção"


def test_nothing_is_not_zero(session):
    session[text.LANGUAGE] = "es"
    for show in (
        text.whole,
        text.signed,
        text.decimal,
        text.percent,
        text.pvalue,
        text.probability,
        text.when,
    ):
        assert show(None) == text.NONE
    assert text.whole(0) == "0"


def test_a_probability_is_never_rounded_up_to_certainty(session):
    session[text.LANGUAGE] = "en"
    assert text.probability(0.99998) == "> 99.9 %"
    assert text.probability(1.0) == "100.0 %"
    assert text.pvalue(0.00001) == "< 0.001"


def test_age_is_in_the_language(session):
    session[text.LANGUAGE] = "es"
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert text.age(now - timedelta(hours=3), now) == "3 horas"


@pytest.mark.parametrize(
    "foreign",
    [
        "![x](http://example.org/x.png)",
        "<img src=x>",
        "[click](http://example.org)",
        ":material/home: :red[x]",
        "$x$",
        "# title",
        "http://example.org/x",
    ],
)
def test_foreign_text_is_only_text(foreign):
    escaped = text.plain(foreign)
    assert re.sub(r"\\(.)", r"\1", escaped) == foreign
    assert not re.search(r"(?<!\\)[!\[\]()<>:$#*_`]", escaped)
