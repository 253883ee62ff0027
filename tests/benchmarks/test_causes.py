"""A small part of `benchmarks.causes`: slips planted into made-up vectors are found again; the sample election's too."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.causes import made_up, measure, plant_nothing, real_vectors
from tabulate.causes import CAUSES
from tabulate.compare import compare
from tabulate.official import read_official

# Of so few vectors some are so small that another station's numbers may be there by chance: those are counted and not named.
LEAST = dict.fromkeys(CAUSES, 0.99) | {"wrong-station": 0.95}


def test_planted_slips_are_found() -> None:
    score = measure(made_up(1200), 9, 1)
    assert sum(score.inside.values()) / sum(score.n.values()) >= 0.99
    for cause in CAUSES:
        assert score.inside[cause] / score.n[cause] >= LEAST[cause], cause
        precision, recall = score.single(cause)
        assert precision >= 0.97 and recall >= min(0.97, LEAST[cause]), cause


def test_planted_slips_are_found_in_real_vectors(real_data: Path) -> None:
    name, vectors, options = real_vectors()
    assert len(vectors) == 34555, name
    some = vectors[np.random.default_rng(5).choice(len(vectors), 1200, replace=False)]
    score = measure(some, options, 5)
    assert sum(score.inside.values()) / sum(score.n.values()) >= 0.99
    for cause in CAUSES:
        precision, recall = score.single(cause)
        assert precision >= 0.97 and recall >= min(0.97, LEAST[cause]), cause


def test_a_clean_pair_has_no_cause() -> None:
    document = compare(*plant_nothing(made_up(500), 9)).to_json()
    assert (document["differing"], document["causes"]) == (0, {})


def test_the_sample_elections_planted_differences_have_their_cause(sample: Path) -> None:
    """planted.csv says what the acta says; the official count of the same station says otherwise."""
    planted = {
        "official-transposition": "transposed-digits",
        "official-digit": "one-digit",
        "official-swap": "swapped-options",
    }
    official = read_official(sample / "official_2.csv").counts
    actas, wanted = official, {}
    with (sample / "planted.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] not in planted:
                continue
            wanted[row["station_id"]] = planted[row["kind"]]
            said = int(row["note"].split("the acta says ")[1].split(",")[0])
            here = (actas["station_id"] == row["station_id"]) & (actas["contest"] == row["contest"])
            written = actas[row["field"]].to_list()
            written[here.arg_true()[0]] = said
            actas = actas.with_columns(pl.Series(row["field"], written))
    found = compare(actas, official)
    differing = {r["station_id"]: r["causes"] for r in found.to_json()["differing_stations"]}
    assert len(wanted) == 6 and set(differing) == set(wanted)
    for station, cause in wanted.items():
        assert cause in differing[station]
