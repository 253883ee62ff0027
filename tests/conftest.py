"""What all tests share: where the real data is, and what happens when something is absent."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL = os.environ.get("COTEJO_REQUIRE_ALL") == "1"
CHROMIUM = "/usr/bin/chromium"


def absent(what: str) -> NoReturn:
    """Skip the test with one visible line, or fail it where everything is required."""
    if REQUIRE_ALL:
        pytest.fail(f"{what} is absent, and COTEJO_REQUIRE_ALL=1 requires it")
    pytest.skip(f"{what} is absent")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real actas and real counts: COTEJO_DATA, or ../shared/data beside the repository."""
    folder = Path(os.environ.get("COTEJO_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "README.md").is_file():
        absent(f"the real data ({folder.name}; name its folder with COTEJO_DATA)")
    return folder


@pytest.fixture(scope="session")
def sample() -> Path:
    """The sample election, which is part of the project."""
    return ROOT / "sample_actas"


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's chromium."""
    if shutil.which(CHROMIUM) is None:
        absent("chromium")
    return CHROMIUM
