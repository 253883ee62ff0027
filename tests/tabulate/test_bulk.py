"""A few photos through the whole reader in three ways; `make prove` reads 500."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("distributed")

from benchmarks.bulk import compare, photos


def test_all_photos_differ_and_are_the_same_each_time() -> None:
    some = dict(photos(4))
    assert len(set(some.values())) == len(some) == 4
    assert dict(photos(4)) == some


@pytest.mark.timeout(600)
def test_the_same_tables_whoever_reads(tmp_path: Path) -> None:
    runs = compare(12, tmp_path)
    assert [r.stored for r in runs] == [12, 12, 12]
    assert len(runs[0].tables) == 3
    assert runs[1].tables == runs[0].tables and runs[2].tables == runs[0].tables
    assert runs[0].refused < 6  # else it would compare nothing
