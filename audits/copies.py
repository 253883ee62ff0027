"""Stations whose results are the same number for number, and how many of them chance makes: the law is in `audits.even_split`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.audit import (
    ALPHA,
    REGISTRY,
    AuditData,
    AuditResult,
    Part,
    Sentence,
    audit,
    generator,
    not_applied,
)
from audits.calibration import measure
from audits.clean import Election
from audits.even_split import (
    Floats,
    Ints,
    Repeats,
    compared,
    groups,
    law,
    log_even_split,
    rate_at,
    repeats,
    weights,
)
from audits.words import N_, Number, flag, flagged_frame

_ALONE = N_("Each voter decides alone, given the station.")
_PLACES = N_("A place's stations are known as such.")
_SAME = N_(
    "All {options} options have the same votes as at {count} other stations with as many votes; among them {other}."
)
_TWIN = N_("All {options} options have the same {votes} votes as at station {other}, at the same place.")
_ROW = N_(
    "All {options} options, and the blank and null votes where known, are the same {votes} as at station {other}."
)


@dataclass(frozen=True)
class _Tested:
    """Pairs of `compared`: how probable it is that they are alike, what they count for, and whether they are."""

    q: Floats
    weight: Ints
    alike: NDArray[np.bool_]

    @property
    def pvalue(self) -> float:
        return law(self.q, self.weight, int(self.weight[self.alike].sum()))[1]


def _tested(votes: Ints, place: Ints | None, kind: Ints, *beside: Ints) -> _Tested:
    """Pairs of stations of a place (of any place, where None), those alike in `beside` first, the last of which is the finest."""
    keys = [kind, votes.sum(axis=1)] if place is None else [place, kind, votes.sum(axis=1)]
    group = groups(*keys)
    first, second = compared(group, *(groups(group, x) for x in beside))
    log_q = log_even_split(votes[first] + votes[second])
    weight = np.where(np.isfinite(log_q), weights(np.maximum(log_q, -700)), 0)
    return _Tested(np.exp(log_q), weight, (votes[first] == votes[second]).all(axis=1))


def _both(e: Election) -> list[float]:
    """The p-values of both tests."""
    beside = e.cast if e.registered is None else groups(e.registered, e.voted, e.cast)
    some = e.votes.sum(axis=1) > 0
    kind = np.zeros_like(e.cast)
    return [_tested(e.votes[some], e.place[some], kind[some], beside[some]).pvalue, *_anywhere(e)]


def _anywhere(e: Election) -> list[float]:
    some = e.votes.sum(axis=1) > 0
    beside = e.cast if e.registered is None else groups(e.registered, e.voted, e.cast)
    kind = np.zeros_like(e.cast)[some]
    wide = _tested(e.votes[some], None, kind, e.rest[some], groups(e.rest, beside)[some])
    rows = np.column_stack([e.votes, e.rest])[some]
    return [_of_all(wide, repeats(rows, rows.sum(axis=1), np.random.default_rng(0)))]


def _of_all(wide: _Tested, far: Repeats) -> float:
    """Of the whole country: the law of the pairs compared, or the least probable pair of all there are, whichever says more; twice that."""
    return min(1.0, 2 * min(wide.pvalue, float(far.below.min(initial=1.0))))


@dataclass(frozen=True)
class _Stations:
    """Stations with at least one vote. Where an option has no number it is 0 here, and `kind` says so."""

    ids: list[str]
    votes: Ints
    known: Ints  # options with a number
    rows: Ints  # votes, and blank and null ones where every station has them
    place: Ints  # -1 where not known
    kind: Ints  # stations of one number have numbers for the same options
    ballots: Ints  # stations of one number have the same blank and null votes
    beside: Ints  # stations of one number are alike in all else that stands in their row


def _stations(data: AuditData) -> _Stations:
    assert data.counts is not None
    options = list(data.count_options)
    frame = data.counts.filter(pl.min_horizontal(options) >= 0, pl.sum_horizontal(options) > 0)
    size = (frame.height, len(options))
    numbers = frame.select(options)
    votes = numbers.fill_null(0).to_numpy().astype(np.int64).reshape(size)
    missing = numbers.select(pl.all().is_null()).to_numpy().reshape(size)
    others = [c for c in ("blank", "null") if bool((frame[c] >= 0).all(ignore_nulls=False))]
    extra = frame.select(others).to_numpy().astype(np.int64).reshape(frame.height, len(others))
    ranked = frame.select(
        pl.col("place_id").rank("dense").cast(pl.Int64).fill_null(-1),
        ballots=pl.struct("blank", "null").rank("dense").cast(pl.Int64),
        beside=pl.struct("registered", "voted", "cast", "blank", "null").rank("dense").cast(pl.Int64),
    )
    return _Stations(
        ids=frame["station_id"].to_list(),
        votes=votes,
        known=(~missing).sum(axis=1),
        rows=np.hstack([votes, extra]),
        place=ranked["place_id"].to_numpy(),
        kind=groups(*missing.T.astype(np.int64)),
        ballots=ranked["ballots"].to_numpy(),
        beside=ranked["beside"].to_numpy(),
    )


@audit(
    id="identical-rows",
    title=N_("Stations with the same result"),
    grade="C",
    needs=("counts.option",),
    null_hypothesis=N_(
        "Each voter decides alone, given the station; shares may differ between stations and be alike among neighbours. "
        "Equal results of two stations are then no more than the bound that their sums allow."
    ),
    assumptions=(_ALONE, _PLACES),
    innocent_explanations=(
        N_("One station's result was entered twice, or two numbers stand for one station."),
        N_("The count of two stations of a building was added up and divided evenly."),
        N_("Small stations, and stations where nearly all vote alike, repeat each other by chance."),
    ),
    citation=(
        "R. A. Fisher (1935), The Logic of Inductive Inference, Journal of the Royal Statistical Society 98, 39-82, for the law given the sums; "
        "the bound for unequal shares and the weights are ours."
    ),
    pitfalls=(
        N_("A copy in which a single number was changed is not found."),
        N_(
            "With two or three options, equal results of large stations are common, and only their number can say anything."
        ),
        N_("Households that go to vote together and vote alike make equal results a little more frequent."),
    ),
)
def identical_rows(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """More stations with the same votes for every option than chance makes.

    Two tests. Within places: stations of a place with equally many votes are held against each other two by two, who against whom
    being settled by the rest of their rows and not by their votes, so that the pairs are independent. The sum of the `weights` of those that are alike has an exact law
    given the sums, which is an upper bound where shares differ. Anywhere (part ``anywhere``; the only test where no places are known): the same with stations of
    the whole country, those first that are alike in all else of their rows, then those with the same blank and null votes; and, because a pair may not be among these, of all
    pairs alike the one of which chance makes fewest. The p-value is twice the smaller one.

    Statistic: pairs alike within places (anywhere, without places) less the number that chance makes at most; n: stations examined.
    Parts ``place`` and ``anywhere``: ``pairs`` compared, ``alike``, ``expected`` at most (from a drawn part of the pairs where they are many, with its standard error), and how many pairs are beyond chance by Benjamini–Hochberg
    (``beyond_bh``) and Benjamini–Yekutieli (``beyond_by``) over all pairs. Flagged: the stations of the pairs beyond chance by Benjamini–Hochberg, either way.
    `effect_votes`: the votes of all of these but one of each equal result.
    """
    entry = REGISTRY["identical-rows"]
    s = _stations(data)
    if len(s.ids) < 2:
        return not_applied(entry, N_("It needs two stations with votes for the options."))
    rng = generator(seed, entry.id)
    known = np.flatnonzero(s.place >= 0)
    near = repeats(s.votes[known], groups(s.place, s.kind, s.votes.sum(axis=1))[known], rng)
    far = repeats(s.rows, groups(s.kind, s.rows.sum(axis=1)), rng)
    tested = _tested(s.votes[known], s.place[known], s.kind[known], s.beside[known])
    wide = _tested(s.votes, None, s.kind, s.ballots, s.beside)
    of_all = _of_all(wide, far)
    has_places = bool(np.unique(s.place[known]).size < known.size)
    rates: tuple[float | None, ...] = (None, None)
    calibration: dict[str, Number] = {}
    notes = []
    if calibrate:
        bounds = (rate_at(tested.q, tested.weight, ALPHA), ALPHA) if has_places else (ALPHA,)
        measured = measure(data, _both if has_places else _anywhere, seed, plant="copies")
        calibration = {"level": ALPHA} if measured is None else dict(measured.calibration)
        counted = measured is not None and calibration["method"] == "counted"
        # Of parts of a large election nearly all have nothing to compare; the law of the whole is known.
        rates = measured.rates if measured is not None and counted else bounds
        calibration |= {"bound": bounds[0], "rate_is": "counted" if counted else "the bound"}
    else:
        notes.append(
            Sentence(N_("The false-alarm rate was not measured, because calibration was switched off."))
        )
    if not has_places:
        notes.append(Sentence(N_("No two stations are known to be at one place: all are compared with all.")))
    parts: dict[str, Part] = {"anywhere": {**_part(far), **_told(wide)}}
    if has_places:
        parts["anywhere"] = {
            "grade": "C",
            "pvalue": of_all,
            "false_alarm_rate": rates[1],
            **parts["anywhere"],
        }
        parts["place"] = {**_part(near), **_told(tested)}
    main = near if has_places else far
    flagged, effect = _flags(s, known, near, far, entry.grade)
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=main.seen - main.expected,
        pvalue=tested.pvalue if has_places else of_all,
        n=len(s.ids),
        effect_votes=effect,
        effect_meaning=N_("votes of the stations that repeat another's result beyond chance"),
        assumptions={_ALONE: None, _PLACES: has_places},
        parts=parts,
        flagged=flagged,
        flags_expected=near.chance() + far.chance(),
        false_alarm_rate=rates[0],
        calibration=calibration,
        notes=tuple(notes),
    )


def _told(tested: _Tested) -> dict[str, int | float | str | bool | None]:
    return {
        "tested": int(tested.q.size),
        "tested_alike": int(tested.alike.sum()),
        "tested_expected": float(tested.q.sum()),
    }


def _part(found: Repeats) -> dict[str, int | float | str | bool | None]:
    twins = found.size * (found.size - 1) // 2
    return {
        "pairs": found.pairs,
        "alike": found.seen,
        "expected": found.expected,
        "expected_standard_error": found.error,
        "beyond_bh": int(twins[found.bh <= ALPHA].sum()),
        "beyond_by": int(twins[found.by <= ALPHA].sum()),
    }


def _flags(s: _Stations, known: Ints, near: Repeats, far: Repeats, grade: str) -> tuple[pl.DataFrame, float]:
    """The stations of the pairs beyond chance, and the votes of all of them but one of each equal result."""
    rows, repeated = [], np.zeros(len(s.ids), dtype=bool)
    total = s.votes.sum(axis=1)
    for found, at, message in ((near, known, _TWIN), (far, np.arange(len(s.ids)), _ROW)):
        beyond = np.flatnonzero((found.label >= 0) & (np.append(found.bh, 1.0)[found.label] <= ALPHA))
        for label in np.unique(found.label[beyond]):
            members = at[np.flatnonzero(found.label == label)]
            repeated[members[1:]] = True
            for number, station in enumerate(members):
                other = s.ids[members[0 if number else 1]]
                options, votes = int(s.known[station]), int(total[station])
                sentence = Sentence(message, {"options": options, "votes": votes, "other": other})
                if members.size > 2:
                    count = int(members.size) - 1
                    sentence = Sentence(_SAME, {"options": options, "count": count, "other": other})
                rows.append(flag(s.ids[station], sentence, grade, votes=votes))
    return flagged_frame(rows), float(total[repeated].sum())
