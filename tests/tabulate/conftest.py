"""A small mission on two invented forms: one acta of one page, one of two pages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tabulate.mission import Mission

AT = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)

FORM = """
id = "{id}"
title = "Invented"
country = "XX"
synthetic = true
acta = "{acta}"
page = {{ width = 1000, height = 800, number = {number}, pages = {pages} }}
{fields}
"""
FIELD = """
[[fields]]
name = "{name}"
role = "{role}"
box = [10, {y}, 150, 40]
digits = 3
"""
SUM = """
[[sums]]
name = "{name}"
left = {left}
right = {right}
"""
SETTINGS = """
[mission]
id = "test"
name = "Invented election"
country = "XX"
timezone = "America/La_Paz"
synthetic = true

[[contests]]
id = "president"
name = "President"
rule = "absolute-majority"
[[contests.options]]
id = "sol"
name = "Sol"
[[contests.options]]
id = "luna"
name = "Luna"

[[contests]]
id = "senate"
name = "Senate"
seats = 2
[[contests.options]]
id = "sol"
name = "Sol"
[[contests.options]]
id = "mar"
name = "Mar"

[[forms]]
id = "xx-president"
contest = "president"

[[forms]]
id = "xx-senate-1"
contest = "senate"

[[forms]]
id = "xx-senate-2"
contest = "senate"

[[sums]]
name = "total"
contest = "senate"
left = ["sol", "mar"]
right = ["valid"]

[intake]
claim_pattern = '^mesa-(?P<station>[0-9A-Z]+)'
"""
REGISTER = """station_id,place_id,place,region,subregion,registered,has_list,contests
001,P1,Escuela Uno,Norte,Alta,200,true,
002,P1,Escuela Uno,Norte,Alta,210,true,
003,P2,Escuela Dos,Sur,Baja,190,true,president
004,P2,Escuela Dos,Sur,Baja,,false,president
"""


def form_toml(
    form_id: str, acta: str, number: int, pages: int, fields: list[tuple[str, str]], sums: str = ""
) -> str:
    rows = "".join(FIELD.format(name=n, role=r, y=20 + 60 * i) for i, (n, r) in enumerate(fields))
    return FORM.format(id=form_id, acta=acta, number=number, pages=pages, fields=rows + sums)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template folder with mission.toml, forms and register.csv."""
    folder = tmp_path / "template"
    president = [
        ("sol", "option"),
        ("luna", "option"),
        ("valid", "valid"),
        ("blank", "blank"),
        ("cast", "cast"),
    ]
    sums = SUM.format(name="valid", left='["sol", "luna"]', right='["valid"]')
    sums += SUM.format(name="cast", left='["valid", "blank"]', right='["cast"]')
    forms = {
        "xx-president": form_toml("xx-president", "xx-president", 1, 1, president, sums),
        "xx-senate-1": form_toml("xx-senate-1", "xx-senate", 1, 2, [("sol", "option"), ("mar", "option")]),
        "xx-senate-2": form_toml("xx-senate-2", "xx-senate", 2, 2, [("valid", "valid")]),
    }
    for name, text in forms.items():
        (folder / "forms" / name).mkdir(parents=True)
        (folder / "forms" / name / "form.toml").write_text(text, encoding="utf-8")
    (folder / "mission.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "register.csv").write_text(REGISTER, encoding="utf-8")
    return folder


@pytest.fixture
def mission(template: Path, tmp_path: Path) -> Mission:
    return Mission.create(tmp_path / "mission", template)
