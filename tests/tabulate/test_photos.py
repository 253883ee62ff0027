"""Two photos of one acta, through the same code as two counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocr.errors import CotejoError
from tabulate.cli import main
from tabulate.photos import compare_photos


def test_two_photos_that_agree_and_one_of_another_station(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = sample / "photos"
    both = ["--left", str(photos / "01113.jpg"), "--right", str(photos / "01113_2.jpg"), "--json"]
    assert main(["compare", *both]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["both"], document["differing"], document["causes"]) == (1, 0, {})
    assert "reading as well as in the paper" in document["note"]
    with pytest.raises(CotejoError, match="compare photos of one"):
        compare_photos(photos / "01113.jpg", photos / "01112.jpg")
    with pytest.raises(CotejoError, match="no photo at"):
        compare_photos(photos / "01113.jpg", photos / "nothing.jpg")
