"""The distribution's own promises: what it depends on, what it ships, what its lock files hold."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("ocr", "tabulate", "audits", "dashboard")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# Distribution names that differ from what is imported.
IMPORTS = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "zxing-cpp": "zxingcpp",
    "psycopg": "psycopg",
    "python-calamine": "python_calamine",
}
# Where an import may point: the wings know no one, the hall knows the wings, the roof shows the hall.
MAY_IMPORT = {
    "ocr": {"ocr"},
    "audits": {"audits"},
    "tabulate": {"tabulate", "ocr", "audits"},
    "dashboard": {"dashboard", "tabulate", "ocr", "audits"},
}


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def shipped() -> list[Path]:
    files = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]
    return [p for p in [*files, ROOT / "app.py"] if "train" not in p.parts]


def normal(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_import_runs_upward(package: str) -> None:
    ours = {*PACKAGES, "app", "sample_actas", "benchmarks", "tests"}
    for path in sorted((ROOT / package).rglob("*.py")):
        if "train" in path.parts:
            continue
        upward = (imports_of(path) & ours) - MAY_IMPORT[package]
        # The demonstration needs the sample election's files, not its code.
        assert not upward - {"sample_actas"}, f"{path.relative_to(ROOT)} imports {upward}"


def test_every_import_is_declared_and_every_declaration_imported() -> None:
    declared = {normal(r) for r in PROJECT["project"]["dependencies"]}
    optional = {
        normal(r) for extra in PROJECT["project"].get("optional-dependencies", {}).values() for r in extra
    }
    used = set().union(*(imports_of(p) for p in shipped())) - set(sys.stdlib_module_names)
    used -= {*PACKAGES, "app", "sample_actas"}
    names = {IMPORTS.get(d, d) for d in declared}
    assert used - names - {IMPORTS.get(d, d) for d in optional} == set()
    assert names - used == set()


def test_no_dependency_is_the_other_tabulate() -> None:
    """PyPI has a distribution named tabulate; one that requires it would import our package instead."""
    for distribution in metadata.distributions():
        if distribution.metadata["Name"].lower() == "cotejo":
            continue
        needs = {normal(r) for r in distribution.requires or () if "extra ==" not in r}
        assert "tabulate" not in needs, f"{distribution.metadata['Name']} requires tabulate"
    for lock in ROOT.glob("*.lock"):
        assert not re.search(r"^tabulate==", lock.read_text(encoding="utf-8"), re.MULTILINE)


def test_only_the_server_build_of_opencv() -> None:
    for lock in ROOT.glob("*.lock"):
        names = re.findall(r"^(opencv[a-z-]*)==", lock.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(names) <= {"opencv-python-headless"}


@pytest.mark.parametrize("lock", sorted(ROOT.glob("*.lock")), ids=lambda p: p.name)
def test_locks_have_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert blocks
    for block in blocks:
        assert "==" in block and "--hash=sha256:" in block, block.splitlines()[0]


def test_locks_agree() -> None:
    def versions(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", (ROOT / name).read_text(), re.MULTILINE))

    run, dev = versions("requirements.lock"), versions("requirements-dev.lock")
    assert {n: v for n, v in run.items() if dev.get(n, v) != v} == {}
