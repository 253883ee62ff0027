"""Missions to begin from: ``cotejo init DIR --from NAME``. One folder each, with a mission.toml."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ocr.errors import CotejoError

HERE = Path(__file__).parent


def sample_folder() -> Path:
    """The sample election's folder, from the repository or from the installed package."""
    return Path(str(files("sample_actas")))


def names() -> list[str]:
    """The templates that have a name."""
    return ["sample", *sorted(p.parent.name for p in HERE.glob("*/mission.toml"))]


def template_folder(template: str) -> Path:
    """The folder (or mission.toml) that `template` means: a path, or one of `names`.

    Raises
    ------
    CotejoError
        If it is neither.
    """
    if template == "sample":
        return sample_folder()
    for path in (Path(template), HERE / template):
        if path.is_file() or (path / "mission.toml").is_file():
            return path
    raise CotejoError(
        f"there is no template {template!r}; give a mission.toml, a folder with one, or one of {', '.join(names())}"
    )
