from __future__ import annotations

import json
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from audits.audit import AuditData, run
from audits.integer_percent import hit_probability, integer_percent, is_hit
from tests.audits import elections


def test_hits_are_exact_at_the_ends_of_the_window() -> None:
    n = np.concatenate([np.full(m + 1, m) for m in (1, 7, 99, 100, 101, 1000, 2000, 2001, 2857)])
    k = np.concatenate([np.arange(m + 1) for m in (1, 7, 99, 100, 101, 1000, 2000, 2001, 2857)])
    percent = [Fraction(100 * int(a), int(b)) for a, b in zip(k, n, strict=True)]
    assert is_hit(k, n).tolist() == [abs(x - round(x)) <= Fraction(1, 20) for x in percent]
    assert is_hit(np.array([19]), np.array([2000]))[0]  # 0.95: the end itself, which floats miss
    assert abs(0.95 - 1) > 0.05


def test_probability_is_the_sum_of_the_binomial_over_hits() -> None:
    rng = np.random.default_rng(5)
    n = np.concatenate([np.arange(1, 60), rng.integers(60, 4000, 60), [100, 200, 1000, 2000, 7919, 50_000]])
    k = rng.binomial(n, rng.uniform(0, 1, n.size))
    k[:20], k[20:25] = 0, n[20:25]  # nobody, and everybody
    p = k / n
    got = hit_probability(p, n)
    for i in range(n.size):
        every = np.arange(n[i] + 1)
        want = binom.pmf(every[is_hit(every, np.full(every.size, n[i]))], n[i], p[i]).sum()
        assert got[i] == pytest.approx(want, abs=1e-9), (n[i], k[i])


def test_probability_survives_absurd_totals() -> None:
    n = np.array([3, 10**6, 10**8, 10**9])
    assert np.all(np.isfinite(hit_probability(np.array([0.5, 1e-6, 0.123, 0.5]), n)))


def simple(registered: list[int], voted: list[int], cast: list[int], ana: list[int]) -> AuditData:
    ids = [str(i) for i in range(len(cast))]
    columns = {"station_id": ids, "registered": registered, "voted": voted, "cast": cast, "ana": ana}
    return AuditData(counts=pl.DataFrame(columns), options=("ana",))


def test_the_filter_by_hand() -> None:
    # kept; too few registered; nobody in the box; turnout above .99; share above .99; exactly .99 twice: kept;
    # exactly 100 registered: kept
    data = simple(
        registered=[1000, 99, 1000, 1000, 1000, 1000, 100],
        voted=[500, 50, 0, 991, 500, 990, 50],
        cast=[500, 50, 0, 500, 500, 1000, 50],
        ana=[250, 25, 0, 250, 496, 990, 25],
    )
    result = integer_percent(data, calibrate=False)
    assert result.n == 3
    assert result.parts["result/voters"]["observed"] == 2100


def test_the_leader_is_the_option_with_most_votes() -> None:
    frame = pl.DataFrame(
        {
            "station_id": ["1", "2"],
            "registered": 400,
            "voted": 300,
            "cast": 300,
            "a": [10, 9],
            "b": [200, 101],
        }
    )
    result = integer_percent(AuditData(counts=frame, options=("a", "b")), calibrate=False)
    assert "Leading option: b." in [note.text() for note in result.notes]
    assert result.parts["result/leader"]["observed"] == 0
    assert result.parts["turnout/leader"]["observed"] == 301


def test_round_percentages_are_noticed_and_smooth_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    frame = elections.counts(rng, 800)
    clean = integer_percent(AuditData(counts=frame, options=elections.OPTIONS), calibrate=False)
    assert clean.pvalue > 0.01
    # every fourth station's turnout is set to the nearest whole percentage
    rounded = (pl.col("registered") * (100 * pl.col("voted") / pl.col("registered")).round() / 100).round()
    every = pl.int_range(pl.len()) % 4 == 0
    changed = frame.with_columns(
        pl.when(every).then(rounded.cast(pl.Int64)).otherwise("voted").alias("voted")
    )
    found = integer_percent(AuditData(counts=changed, options=elections.OPTIONS), calibrate=False)
    assert found.pvalue < 1e-6
    assert found.statistic - clean.statistic > 50
    assert found.parts["turnout/stations"]["z"] > 6 > found.parts["result/stations"]["z"]
    assert not found.flagged_stations, "a station with a whole percentage is there by chance as a rule"


def test_contradictions_are_left_to_the_arithmetic_audit() -> None:
    result = integer_percent(simple([500, 500], [200, 700], [200, 200], [100, 100]), calibrate=False)
    assert result.n == 1
    assert "without usable numbers: 1" in " ".join(note.text() for note in result.notes)


def test_without_voters_the_ballots_stand_in_and_it_is_said() -> None:
    frame = elections.counts(np.random.default_rng(2), 60)
    result = integer_percent(
        AuditData(counts=frame.drop("voted"), options=elections.OPTIONS), calibrate=False
    )
    same = integer_percent(
        AuditData(counts=frame.with_columns(voted=pl.col("cast")), options=elections.OPTIONS), calibrate=False
    )
    assert result.statistic == same.statistic
    assert any("stand in" in note.text() for note in result.notes)
    assert not any("stand in" in note.text() for note in same.notes)


def test_switching_calibration_off_is_said() -> None:
    data = elections.clean(np.random.default_rng(2), 40)
    off, on = integer_percent(data, calibrate=False), integer_percent(data)
    assert off.false_alarm_rate is None and any("calibration" in note.text() for note in off.notes)
    assert on.false_alarm_rate is not None and on.calibration["method"] == "counted"


def test_size_on_smooth_elections_is_near_its_level_and_the_null_is_not_kinder_at_the_edges() -> None:
    """Shares smooth in the middle: rate near 0.05. Shares near 0 and 1: the null leans on what was seen; below."""
    rng = np.random.default_rng(11)
    rejected = {"middle": 0, "edge": 0}
    runs = 150
    for kind, mean in (("middle", 0.6), ("edge", 0.03)):
        for _ in range(runs):
            registered = rng.integers(100, 2500, 400)
            voted = rng.binomial(registered, rng.beta(20 * mean, 20 * (1 - mean), 400))
            cast = np.maximum(voted, 1)
            ana = rng.binomial(cast, rng.beta(20 * mean, 20 * (1 - mean), 400))
            ids = [str(i) for i in range(400)]
            frame = {"station_id": ids, "registered": registered, "voted": voted, "cast": cast, "ana": ana}
            data = AuditData(counts=pl.DataFrame(frame), options=("ana",))
            rejected[kind] += integer_percent(data, calibrate=False).pvalue <= 0.05
    assert rejected["middle"] / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
    assert rejected["middle"] >= 1, "a test that never speaks is no test"
    assert rejected["edge"] <= rejected["middle"] + 5


def test_both_ways_of_calibrating_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    data = AuditData(counts=elections.counts(np.random.default_rng(4), 400), options=elections.OPTIONS)
    counted = integer_percent(data)
    monkeypatch.setattr("audits.integer_percent._SIMULATED_STATIONS", 60_000)
    moments = integer_percent(data)
    assert counted.calibration["method"] == "counted" and moments.calibration["method"] == "mean and variance"
    error = float(counted.calibration["standard_error"])
    assert abs(counted.false_alarm_rate - moments.false_alarm_rate) < 3 * error + 0.02


@pytest.mark.parametrize(("pvalue", "rate"), [(0.049, 1.0), (0.051, 0.0)])
def test_an_alarm_is_a_pvalue_at_the_level(
    monkeypatch: pytest.MonkeyPatch, pvalue: float, rate: float
) -> None:
    data = AuditData(counts=elections.counts(np.random.default_rng(4), 50), options=elections.OPTIONS)
    monkeypatch.setattr("audits.integer_percent.upper_tail", lambda chance, observed, exact=0: pvalue)
    result = integer_percent(data)
    assert (result.false_alarm_rate, result.calibration["level"]) == (rate, 0.05)


def test_regions_make_up_the_whole_and_the_rounded_one_stands_out() -> None:
    frame = elections.counts(np.random.default_rng(6), 800)
    rounded = (pl.col("registered") * (100 * pl.col("voted") / pl.col("registered")).round() / 100).round()
    changed = frame.with_columns(
        pl.when(pl.col("region") == "R3").then(rounded.cast(pl.Int64)).otherwise("voted").alias("voted")
    )
    result = integer_percent(AuditData(counts=changed, options=elections.OPTIONS), calibrate=False)
    regions = {name: part for name, part in result.parts.items() if name.startswith("region/")}
    assert list(regions) == [f"region/R{i}" for i in range(5)]
    for figure in ("observed", "expected", "excess"):
        assert sum(part[figure] for part in regions.values()) == pytest.approx(
            result.parts["either/stations"][figure]
        )
    assert sum(part["n"] for part in regions.values()) == result.n
    assert regions["region/R3"]["z"] > 6 > 3.5 > max(regions[f"region/R{i}"]["z"] for i in (0, 1, 2, 4))
    assert result.parts["regions"]["largest_z"] == regions["region/R3"]["z"]
    # The largest of five normal variables is below its median half of the time.
    assert ndtr(result.parts["regions"]["by_chance"]) ** 5 == pytest.approx(0.5)
    assert list(result.pvalues()) == [""], "regions are a description"


def test_without_regions_or_with_one_there_is_nothing_by_region() -> None:
    frame = elections.counts(np.random.default_rng(6), 80)
    for region in (pl.lit(None, pl.String), pl.lit("R1")):
        changed = AuditData(counts=frame.with_columns(region=region), options=elections.OPTIONS)
        assert not any("region" in name for name in integer_percent(changed, calibrate=False).parts)


# ------------------------------------------------------------------------------------------------ real data

LEADERS = {2011: "ЕДИНАЯ РОССИЯ", 2012: "Путин", 2018: "Путин"}


def russia(folder: Path, year: int) -> pl.DataFrame:
    with zipfile.ZipFile(folder / "official" / "ru" / f"{year}.csv.zip") as archive:
        raw = pl.read_csv(archive.read(archive.namelist()[0]), infer_schema=False)

    def named(*parts: str) -> list[pl.Expr]:
        return [pl.col(c).cast(pl.Int64) for c in raw.columns if any(p in c for p in parts)]

    # The options are the columns behind the last one about ballots that went missing.
    last = max(i for i, c in enumerate(raw.columns) if "не учтенных при получении" in c)
    candidates = raw.columns[last + 1 : -1]
    return raw.select(
        pl.concat_str("region", "tik", "uik", separator="/").alias("station_id"),
        "region",
        named("включенных в список", "внесенных в список")[0].alias("registered"),
        pl.sum_horizontal(named("бюллетеней, выданных")).alias("voted"),
        pl.sum_horizontal(named("ействительных избирательных")).alias("cast"),
        *(pl.col(c).cast(pl.Int64) for c in candidates),
    )


@pytest.mark.parametrize("year", [2011, 2012, 2018])
def test_russia_gives_the_reference_values(real_data: Path, year: int) -> None:
    frame = russia(real_data, year)
    options = tuple(
        c for c in frame.columns if c not in ("station_id", "region", "registered", "voted", "cast")
    )
    data = AuditData(counts=frame, options=options)
    start = time.process_time()
    result = integer_percent(data, calibrate=False)
    cpu = time.process_time() - start
    reference = pl.read_csv(real_data / "reference" / "kobak_exact_null.csv").filter(pl.col("year") == year)
    assert any(LEADERS[year] in note.text() for note in result.notes)
    assert reference.height == 12
    assert result.statistic == pytest.approx(result.parts["either/stations"]["excess"])
    for row in reference.iter_rows(named=True):
        part, within = (
            result.parts[f"{row['test']}/{row['weight']}"],
            0.01 if row["weight"] == "stations" else 1,
        )
        assert result.n == row["n_included"]
        for ours, theirs in (("observed", "observed"), ("expected", "expected_exact"), ("sd", "sd_exact")):
            assert part[ours] == pytest.approx(row[theirs], abs=within), (row["test"], row["weight"], ours)
        assert part["excess"] == pytest.approx(row["excess"], abs=within)
        assert part["z"] == pytest.approx(row["z"], abs=0.001)
    assert cpu < 1.5


def test_russia_calibrated_is_not_kinder_than_its_level(real_data: Path) -> None:
    frame = russia(real_data, 2012)
    options = tuple(
        c for c in frame.columns if c not in ("station_id", "region", "registered", "voted", "cast")
    )
    data = AuditData(counts=frame, options=options)
    battery = run(data, ["integer-percent"], seed=1)
    result = battery["integer-percent"]
    assert 0 < result.false_alarm_rate < 0.06
    assert result.pvalue_corrected == result.pvalue < 1e-20
    assert json.dumps(battery.to_json()) == json.dumps(run(data, ["integer-percent"], seed=1).to_json())
