"""Shares that gather at single values: the stable statistic and the published figure, on published elections and on clean ones.

The published figure is given as what many runs of it print (see `audits.resampled`), with three seeds, at 200, 1,000 and 4,000 resamples. The
stable statistic is held against its spread on clean elections with the same stations: how it varies with the seed and with the number of
resamples is zero by construction, and is computed here all the same. The published elections need the real data (COTEJO_DATA). With ``--write`` the output goes into
docs/audits.md.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from audits import resampled
from audits.audit import AuditData, run
from audits.clean import draw_election, election
from audits.kernel import design, fit
from benchmarks._elections import DESIGNS
from benchmarks._section import show

DATA = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FILES = {
    "canada2011 (the package's example)": "spikes_output_data.csv.gz",
    "russia2011": "klimek_russia2011.parquet",
    "russia2012": "klimek_russia2012.parquet",
}
CLEAN, ELECTIONS = 20, 150


def table(name: str) -> pl.DataFrame | None:
    """``registered``, ``ballots`` and ``votes`` of a published election; None where the real data is absent."""
    path = DATA / "reference" / name
    if not path.is_file():
        return None
    if name.endswith(".gz"):
        frame = pl.read_csv(path).select(registered="N", ballots="t", votes="v")
    else:
        frame = pl.read_parquet(path).select(registered="N", ballots="turnout", votes="votes")
    return frame.filter(pl.col("ballots") > 0, pl.col("votes") <= pl.col("ballots"))


def lines() -> Iterator[str]:
    """What the benchmark prints."""
    yield "stable statistic, percent of the stations"
    for name, file in FILES.items():
        frame = table(file)
        if frame is None:
            yield f"{name}: the real data is absent"
            continue
        counts = frame.with_row_index("row").select(
            pl.col("row").cast(pl.String).alias("station_id"), "registered", cast="ballots", leader="votes"
        )
        data = AuditData(counts, ("leader",))
        start = time.process_time()
        results = [run(data, ["resampled-kernel"], k, calibrate=False)["resampled-kernel"] for k in range(20)]
        spent = (time.process_time() - start) / len(results)
        e = election(data)
        assert e is not None
        drawn = [draw_election(e, np.random.default_rng([2017, k])) for k in range(CLEAN)]
        clean = np.array([fit(design(x.cast), x.votes[:, 0]).statistic for x in drawn])
        seeds = float(np.std([r.statistic for r in results]))
        bins = [part.removeprefix("bin/") for part in results[0].parts if part.startswith("bin/")]
        yield (
            f"{name}: {results[0].statistic:.3f}, p {results[0].pvalue:.2g}, bins outside {' '.join(bins[:6])}{' …' if len(bins) > 6 else ''}; "
            f"{len(results)} seeds: s.d. {seeds:.3f}; {CLEAN} clean elections: mean {clean.mean():.3f}, s.d. {clean.std():.3f}; {spent:.2f} CPU s"
        )
    frame = table(FILES["canada2011 (the package's example)"])
    yield "\npublished figure on the package's example: median, mean (nine tenths of the runs), CPU s"
    for resamples, seeds in ((200, 1), (1000, 3), (4000, 1)) if frame is not None else ():
        for seed in range(1, seeds + 1):
            assert frame is not None
            start = time.process_time()
            f = resampled.published(frame, resamples, np.random.default_rng(seed))
            yield (
                f"{resamples} resamples, seed {seed}: {f['statistic']:.4f}, {f['mean']:.4f} ({f['low']:.4f} to {f['high']:.4f}), "
                f"{time.process_time() - start:.1f}"
            )
    yield f"\nclean elections of the scoreboard, {ELECTIONS} of 600 stations each: p at most 0.05"
    for name, made in DESIGNS.items():
        low = 0
        for k in range(ELECTIONS):
            found = run(made(np.random.default_rng([2017, 500, k])), ["resampled-kernel"], calibrate=False)
            p = found["resampled-kernel"].pvalue
            low += p is not None and p <= 0.05
        yield f"{name}: {low / ELECTIONS:.1%}"


if __name__ == "__main__":
    show("kernel", lines())
