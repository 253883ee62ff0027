"""Made-up tables for the audits: clean elections, and the same with something done to them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from audits.audit import AuditData

OPTIONS = ("ana", "beto", "caro")
TABLES = ("counts", "sheets", "sums", "comparison", "filings", "published")


def counts(rng: np.random.Generator, stations: int = 120, spread: float = 40.0) -> pl.DataFrame:
    """An election whose true shares vary between stations (beta), with counts binomial around them."""
    registered = rng.integers(120, 900, stations)
    turnout = rng.beta(0.7 * spread, 0.3 * spread, stations)
    voted = rng.binomial(registered, turnout)
    cast = voted - rng.binomial(voted, 0.002)
    blank = rng.binomial(cast, 0.02)
    null = rng.binomial(cast - blank, 0.03)
    valid = cast - blank - null
    ana = rng.binomial(valid, rng.beta(0.5 * spread, 0.5 * spread, stations))
    beto = rng.binomial(valid - ana, 0.7)
    return pl.DataFrame(
        {
            "station_id": [f"{i:06d}" for i in range(stations)],
            "place_id": [f"P{i // 4:04d}" for i in range(stations)],
            "region": [f"R{i % 5}" for i in range(stations)],
            "registered": registered,
            "voted": voted,
            "cast": cast,
            "valid": valid,
            "blank": blank,
            "null": null,
            "ana": ana,
            "beto": beto,
            "caro": valid - ana - beto,
        }
    )


def sheets(frame: pl.DataFrame) -> pl.DataFrame:
    """Every number of `frame` as it stands on a confirmed sheet."""
    fields = [c for c in frame.columns if c not in ("station_id", "place_id", "region")]
    return frame.unpivot(fields, index="station_id", variable_name="field", value_name="value").with_columns(
        contest=pl.lit("president"),
        state=pl.lit("number"),
        confirmed=True,
        photo="photo-" + pl.col("station_id"),
        struck=False,
    )


def sums(frame: pl.DataFrame) -> pl.DataFrame:
    """Two sums of each sheet: the options make the valid votes; no more ballots than voters."""
    common = {"contest": pl.lit("president"), "confirmed": True, "photo": "photo-" + pl.col("station_id")}
    options = frame.select(
        "station_id",
        sum=pl.lit("options"),
        left=pl.sum_horizontal(OPTIONS),
        right="valid",
        rule=pl.lit("equal"),
    )
    ballots = frame.select(
        "station_id", sum=pl.lit("ballots"), left="cast", right="voted", rule=pl.lit("at-most")
    )
    return pl.concat([options, ballots]).with_columns(**common)


def comparison(tally: pl.DataFrame, official: pl.DataFrame) -> pl.DataFrame:
    left, right = sheets(tally), sheets(official).select("station_id", "field", right="value")
    return (
        left.rename({"value": "left"}).join(right, on=["station_id", "field"]).with_columns(cause=pl.lit([]))
    )


def filings(frame: pl.DataFrame) -> pl.DataFrame:
    written = np.random.default_rng(frame.height).bytes(32 * frame.height)
    return frame.select(
        photo="photo-" + pl.col("station_id"),
        station_claimed="station_id",
        station_read="station_id",
        in_register=True,
        confirmed=True,
        form=pl.lit("acta"),
        writing=pl.Series(
            [written[32 * i : 32 * i + 32].hex() for i in range(frame.height)], dtype=pl.String
        ),
    )


def published(frame: pl.DataFrame) -> pl.DataFrame:
    """The count as an authority publishes it, all of it counted."""
    return frame.drop("place_id").with_columns(
        counted=True, status=pl.lit("contabilizada"), expects=pl.lit(None, pl.String)
    )


def clean(rng: np.random.Generator, stations: int = 120) -> AuditData:
    """All tables of a clean election."""
    frame = counts(rng, stations)
    return AuditData(
        frame,
        OPTIONS,
        sheets(frame),
        sums(frame),
        comparison(frame, frame),
        filings(frame),
        published=published(frame),
    )


def with_errors(rng: np.random.Generator, stations: int = 120) -> AuditData:
    """The same, with something for every audit to find."""
    data = clean(rng, stations)
    assert data.counts is not None and data.sums is not None and data.filings is not None
    frame = data.counts
    official = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 9 == 0).then(pl.col("ana") + 7).otherwise("ana").alias("ana")
    )
    wrong = data.sums.with_columns(
        pl.when(pl.int_range(pl.len()) % 11 == 0).then(pl.col("left") + 1).otherwise("left").alias("left")
    )
    filed = data.filings.with_columns(
        station_read=pl.when(pl.int_range(pl.len()) % 13 == 0)
        .then(pl.lit("999999"))
        .otherwise("station_read"),
        # The last eight signs at most are others: nearly the same writing.
        writing=pl.when(pl.int_range(pl.len()) % 17 == 1)
        .then(pl.col("writing").shift(1).str.head(62) + "00")
        .otherwise("writing"),
    )
    slip = pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.int_range(pl.len()) % 4 * 2 - 3).otherwise(0)
    return AuditData(
        frame,
        OPTIONS,
        sheets(frame),
        wrong,
        comparison(frame, official),
        filed,
        published=published(frame.with_columns(valid=pl.col("valid") + slip)),
    )


def each(data: AuditData, change: Callable[[pl.DataFrame], pl.DataFrame]) -> AuditData:
    """`data` with every table changed."""
    tables = {name: None if (frame := getattr(data, name)) is None else change(frame) for name in TABLES}
    return AuditData(options=data.options, **tables)
