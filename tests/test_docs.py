"""The documents say what the program does."""

from __future__ import annotations

import re
import tomllib

import pytest

from audits.describe import markdown as markdown_of_audits
from benchmarks import countries
from tabulate import ballots, causes, feed, rules, told, twins
from tabulate.cli import app
from tabulate.schema import markdown
from tests.conftest import ROOT
from tests.said import complaints


def test_the_tables_are_documented_as_they_are() -> None:
    """Write it again with: python -c "from tabulate.schema import markdown; print(markdown(), end='')" > docs/tables.md"""
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == markdown()


def test_every_path_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    paths = set(
        re.findall(r"`((?:ocr|audits|tabulate|dashboard|sample_actas|docs|benchmarks)/[\w./-]*)`", text)
    )
    paths |= set(re.findall(r"\]\((docs/[^)]+)\)", text))
    assert len(paths) > 10
    assert [p for p in sorted(paths) if not (ROOT / p).exists()] == []


def test_every_command_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"cotejo ([a-z]+)\b", text)) - {"is"}
    known = {name for name in app if not name.startswith("-")}
    assert commands >= {"ingest", "read", "compare"}
    assert commands - known == set()


def test_every_target_that_the_documents_name_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:`|^)make ([a-z]+)\b", (ROOT / name).read_text(encoding="utf-8"), re.M))
        assert named and named <= targets, name


def test_the_page_on_comparison_says_what_the_program_does() -> None:
    """Causes, rules, kinds of open actas and notes on the feed, each with its meaning as in the program."""
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", page, re.MULTILINE))
    assert {name: rows[name] for name in causes.MEANINGS} == causes.MEANINGS
    assert {kind: rows[kind] for kind in ballots.KINDS} == told.KINDS
    assert set(rows) == {*causes.MEANINGS, *rules.RULES, *ballots.KINDS, *feed.KINDS}
    for module, names in ((rules, rules.RULES), (feed, feed.KINDS)):
        written = " ".join((module.__doc__ or "").split())
        assert all(f"``{name}`` {rows[name]}" in written for name in names)
    assert f"fewer than {twins.LIKELY} other stations" in page


def between(page: str, name: str) -> tuple[str, str]:
    """What a command wrote between the markers of that name, and what stands below it up to the next heading."""
    generated, below = page.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")
    return generated, re.split(r"^#", below, maxsplit=1, flags=re.MULTILINE)[0]


def test_the_page_on_audits_describes_every_audit_as_it_is() -> None:
    """Write it again with: python -m benchmarks.countries --registry"""
    page = (ROOT / "docs" / "audits.md").read_text(encoding="utf-8")
    assert between(page, "registry")[0].strip() == markdown_of_audits().strip()


@pytest.mark.parametrize("country", countries.COUNTRIES)
def test_what_is_written_about_a_country_is_what_its_table_prints(country: str) -> None:
    page = (ROOT / "docs" / "audits.md").read_text(encoding="utf-8")
    table, paragraph = between(page, f"countries {country}")
    number = r"\d[\d,]*(?:\.\d+)?(?:e-\d+)?"
    assert len(paragraph.split()) > 30 and "|" in table
    assert set(re.findall(number, paragraph)) - set(re.findall(number, table)) == set()
    assert not complaints(paragraph, "en")


def test_the_version_is_one() -> None:
    from tabulate import __version__

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
