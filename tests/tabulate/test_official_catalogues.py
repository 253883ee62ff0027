"""The authorities' words: every catalogue has the shape, every format's words come from one, and the document is as printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocr.errors import CotejoError
from tabulate.official import FORMATS, catalogue, read_official
from tabulate.official.describe import markdown
from tests.conftest import ROOT

ACCUSING = ("fraud", "rigged", "stolen", "manipul", "amañad", "robad", "irregularity proven")


def test_the_document_is_as_printed() -> None:
    """Write it again with: python -c "from tabulate.official.describe import markdown; print(markdown(), end='')" > docs/official.md"""
    assert (ROOT / "docs" / "official.md").read_text(encoding="utf-8") == markdown()


def test_the_document_has_every_format_and_every_word() -> None:
    text = markdown()
    for name, format_ in FORMATS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.endswith("| yes |" if format_.verified else "| **no** |")
    for name in catalogue.names():
        for term in catalogue.load(name).terms.values():
            assert f"| {term.term} |" in text


@pytest.mark.parametrize("name", catalogue.names())
def test_every_word_has_a_meaning_a_source_and_a_year(name: str) -> None:
    known = catalogue.load(name)
    assert known.terms
    for key, term in known.terms.items():
        assert term.meaning and term.source and known.years[key]
        assert not any(word in term.meaning.lower() for word in ACCUSING)


def test_every_word_of_a_format_is_in_a_catalogue() -> None:
    known = {term for name in catalogue.names() for term in catalogue.load(name).terms}
    for name, format_ in FORMATS.items():
        if name != "cotejo-csv":  # a convention of ours, not an authority's words
            assert set(format_.statuses) <= known, name


def test_the_causes_that_the_authorities_name_are_there() -> None:
    """Peru's observations, Ecuador's novedades, Bolivia's states, Brazil's sections, a PREP's causes."""
    words = {
        name: " ".join(t.term.lower() + " " + t.meaning.lower() for t in catalogue.load(name).terms.values())
        for name in catalogue.names()
    }
    for cause in (
        "sin datos",
        "incompleta",
        "error material",
        "ilegibilidad",
        "sin firmas",
        "impugnados",
        "nulidad",
        "extraviada",
        "siniestrada",
    ):
        assert cause in words["pe-onpe-causes"], cause
    for word in ("con novedad", "suspensa", "rezagada", "inconsistencia numérica", "one percentage point"):
        assert word in words["ec-cne"], word
    for word in ("computada", "anulada", "observada"):
        assert word in words["bo-oep"]
    for word in ("claveros", "delegados", "transmisión"):
        assert word in words["co-e14"]
    for word in ("não instalada", "apurada em separado", "totalizada"):
        assert word in words["br-tse"]
    years = {y for term in catalogue.load("pe-onpe-open-data").years.values() for y in term}
    assert {2011, 2016, 2021, 2026} <= years


def test_words_said_to_be_seen_are_in_the_real_files(real_data: Path) -> None:
    """A word is verified only if a real file showed it."""
    folder = real_data / "official"
    seen: dict[str, set[str]] = {}
    for file, name in (
        ("pe-2021-runoff/actas_electorales.csv.gz", "pe-onpe-2021"),
        ("pe-2021-runoff/actas_electorales_ronderos.pe.csv.gz", "pe-onpe-2021"),
        ("br-bweb-2022/bweb_2t_AM_first3000.csv", "br-tse"),
        ("mx-prep-coahuila-2017/20170605_1300_PREP_GOB_COAH.zip", "mx-prep-coahuila-2017"),
    ):
        statuses = json.loads(json.dumps(read_official(folder / file).statuses))
        seen.setdefault(name, set()).update(word for terms in statuses.values() for word in terms)
    for name, words in seen.items():
        text = " | ".join(words)
        terms = catalogue.load(name).terms.values()
        assert [t.term for t in terms if t.verified and t.term not in text] == []
        if name == "pe-onpe-2021":
            assert {t.term for t in terms if t.verified} == words


def test_a_bad_catalogue_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    good = (
        'authority="a"\ncountry="XX"\nyears=[1]\nsource="s"\nverified=true\n[[term]]\nterm="A"\nmeaning="m"\n'
    )
    for at, (text, why) in enumerate(
        [
            (good + "votes=1\n", "unknown"),
            (good + '[[term]]\nterm="a"\nmeaning="m"\n', "twice"),
            (good.replace('source="s"\n', ""), "lacks"),
            ("= ", "no TOML"),
        ]
    ):
        (tmp_path / f"bad{at}.toml").write_text(text)
        with pytest.raises(CotejoError, match=why):
            catalogue.load(f"bad{at}")
    with pytest.raises(CotejoError, match="no status catalogue"):
        catalogue.load("nothing")
