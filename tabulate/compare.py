"""Two counts, station by station: where they differ, what kind of slip would explain it, and whether it could matter.

The two may be a mission's tally and an official snapshot, or two snapshots. The right side is the authority's; every
difference is right minus left. Nothing is never zero: a number on one side and none on the other differ, and 0 and none
do too. A station differs if any option, or blank, null, valid, cast or voted does; registered voters are compared and
reported, but a corrected list is no different count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ocr.errors import CotejoError
from tabulate.causes import CAUSES, UNEXPLAINED
from tabulate.effect import Effect, effect
from tabulate.explain import Explained, explain
from tabulate.outcome import Outcome, Rules, outcomes, worst
from tabulate.pairs import BOTH, ONLY_LEFT, ONLY_RIGHT, Pairs, pair

_AGAINST = "counted-against-status"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    fields
        ``station_id``, ``contest``, ``field``, ``left``, ``right``, ``difference`` (right minus left, null where a
        side has no number): only what differs, of stations on both sides; sorted by station and contest, then in
        the order of the fields.
    stations
        ``station_id``, ``contest``, ``which`` (both, only_left, only_right), ``n_differing`` (fields, without
        ``registered``), ``numbers_differ`` (whether a field differs in which both have a number), ``causes`` (list: every cause that reproduces the difference, see `tabulate.causes`; of a station
        on one side ``missing-left`` or ``missing-right``; empty where nothing differs and no status is contradicted),
        ``status_left``, ``status_right`` (the authority's words), ``counted_left``, ``counted_right``: every station.
    net, gross
        Contest -> option -> sum of the differences, and of their absolute values, over stations with both numbers;
        ``gross`` has ``blank`` and ``null`` too; the document's single figure is over the options.
    compared
        The fields that both sides have.
    not_compared
        Field or option -> why not.
    counted_changed
        Stations on both sides that only one side counts.
    outcomes
        For each contest, whether what differs could change who wins.
    explained
        The causes, with the stations whose numbers stand at another one.
    effects
        For each contest, who gains and whether errors help one side.
    """

    fields: pl.DataFrame
    stations: pl.DataFrame
    net: dict[str, dict[str, int]]
    gross: dict[str, dict[str, int]]
    compared: tuple[str, ...]
    not_compared: dict[str, str]
    counted_changed: int
    outcomes: list[Outcome]
    explained: Explained
    effects: list[Effect]

    def to_json(self) -> dict[str, Any]:
        """The ``compare`` document of the design. Its counts are of actas: one station and contest each."""
        which = dict(self.stations.group_by("which").len().iter_rows())
        differing = self.stations.filter((pl.col("which") == BOTH) & (pl.col("n_differing") > 0))
        causes = dict(
            self.stations.explode("causes").drop_nulls("causes").group_by("causes").len().iter_rows()
        )
        fields = dict(self.fields.group_by("field").len().iter_rows())
        decisive = worst(self.outcomes)
        effects = {effect.contest: effect.to_json() for effect in self.effects}
        both = which.get(BOTH, 0)
        return {
            "stations": self.stations.height,
            "both": both,
            "equal": both - differing.height,
            "differing": differing.height,
            "differing_numbers": int(differing.get_column("numbers_differ").sum()),
            "only_left": which.get(ONLY_LEFT, 0),
            "only_right": which.get(ONLY_RIGHT, 0),
            "counted_changed": self.counted_changed,
            "causes": {name: causes[name] for name in (*CAUSES, UNEXPLAINED) if name in causes},
            "net": _over_contests(self.net),
            "gross": sum(self.gross[contest][name] for contest, net in self.net.items() for name in net),
            "margin": decisive.margin,
            "could_change_outcome": decisive.to_json(),
            "fields": {name: fields[name] for name in self.compared if name in fields},
            "compared": list(self.compared),
            "not_compared": self.not_compared,
            "contests": {
                outcome.contest: {
                    "net": self.net[outcome.contest],
                    "gross": self.gross[outcome.contest],
                    "could_change_outcome": outcome.to_json(),
                    **effects[outcome.contest],
                }
                for outcome in self.outcomes
            },
            **effects[decisive.contest],
            "statuses": self.by_status(),
            "wrong_station": {
                "named": causes.get("wrong-station", 0),
                "left_to_chance": self.explained.left_to_chance,
                "expected_by_chance": round(self.explained.expected_by_chance, 9),
            },
            "differing_stations": self._listed(differing),
            "missing_stations": self._listed(self.stations.filter(pl.col("which") != BOTH)),
            "counted_against_status": self._listed(
                self.stations.filter(pl.col("causes").list.contains(_AGAINST))
            ),
        }

    def by_status(self) -> list[dict[str, Any]]:
        """The stations by the authority's words on both sides, with the causes of those that differ; most first."""
        words = ["status_left", "status_right"]
        if self.stations.select(pl.all_horizontal(pl.col(words).is_null().all())).item():
            return []
        differs = (pl.col("which") == BOTH) & (pl.col("n_differing") > 0)
        groups = self.stations.group_by(words).agg(
            actas=pl.len(),
            differing=differs.sum(),
            causes=pl.col("causes").filter(differs).explode().drop_nulls(),
        )
        rows = []
        for left, right, actas, n, names in groups.sort(
            "actas", *words, descending=[True, False, False], nulls_last=True
        ).iter_rows():
            causes = Counter(names)
            found = {name: causes[name] for name in (*CAUSES, UNEXPLAINED) if name in causes}
            rows.append({"left": left, "right": right, "actas": actas, "differing": n, "causes": found})
        return rows

    def _listed(self, stations: pl.DataFrame) -> list[dict[str, Any]]:
        """Stations one by one, each with what is known about its difference."""
        rows = []
        for station, contest, n, causes, *words in stations.select(
            "station_id", "contest", "n_differing", "causes", "status_left", "status_right"
        ).iter_rows():
            row = {"station_id": station, "contest": contest, "n_differing": n, "causes": causes}
            if any(words):
                row["status"] = words
            if (station, contest) in self.explained.twins:
                row["same_as"] = self.explained.twins[(station, contest)]
            rows.append(row)
        return rows


def compare(
    left: pl.DataFrame,
    right: pl.DataFrame,
    *,
    rule: Rules = "plurality",
    register: pl.DataFrame | None = None,
    most_voters: int | None = None,
    tickets: Mapping[str, tuple[str, ...]] | None = None,
    only: Collection[str] = (),
) -> Comparison:
    """Compare two canonical counts frames.

    Parameters
    ----------
    left, right
        As for `tabulate.pairs.pair`: ``tabulate.official.OfficialCount.counts``, or a tally in the same wide shape. The
        right side is the authority's. Only what both have is compared.
    rule, register, most_voters
        As for `tabulate.outcome.could_change_outcome`.

    tickets
        Candidate -> the options that count for that candidate (parties in a coalition). Fields and causes are of the
        options as they stand; the outcome, and who gains, is of the candidates.
    only
        The fields by which a station differs; all of them, if none is named. Causes look at all in any case.

    Raises
    ------
    CotejoError
        As `tabulate.outcome.could_change_outcome`.
    """
    pairs = pair(left, right)
    names = [*pairs.parts, *pairs.totals]
    if strange := sorted(set(only) - set(names)):
        raise CotejoError(f"There is no field {strange[0]!r} on both sides; there are {', '.join(names)}.")
    names = [name for name in names if not only or name in only]
    judged = [*names, *(["registered"] if pairs.registered_compared else [])]
    both = pairs.mask(BOTH)
    unequal = pl.DataFrame(
        [pairs.left.get_column(name).ne_missing(pairs.right.get_column(name)) & both for name in judged]
    )
    n_differing = unequal.select(pl.sum_horizontal(pl.col(names).cast(pl.UInt32))).to_series()
    both_numbers = unequal.select(
        pl.any_horizontal(
            pl.col(name)
            & pairs.left.get_column(name).is_not_null()
            & pairs.right.get_column(name).is_not_null()
            for name in names
        )
    ).to_series()
    found = explain(pairs, n_differing > 0)
    stations = pairs.keys.with_columns(
        n_differing.alias("n_differing"),
        both_numbers.alias("numbers_differ"),
        found.causes.alias("causes"),
        pairs.status_left.alias("status_left"),
        pairs.status_right.alias("status_right"),
        pairs.counted_left.alias("counted_left"),
        pairs.counted_right.alias("counted_right"),
    )
    net, gross = _sums(pairs, both)
    who = pair(_by_ticket(left, tickets), _by_ticket(right, tickets)) if tickets else pairs
    judged_outcomes = outcomes(who, rule=rule, register=register, most_voters=most_voters)
    return Comparison(
        fields=_fields(pairs, unequal),
        stations=stations,
        net=net,
        gross=gross,
        compared=tuple(judged),
        not_compared=pairs.not_compared,
        counted_changed=int((both & (pairs.counted_left != pairs.counted_right)).sum()),
        outcomes=judged_outcomes,
        explained=found,
        effects=[effect(who, o.contest, o.leader, o.runner_up, o.margin) for o in judged_outcomes],
    )


def _by_ticket(frame: pl.DataFrame, tickets: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    """The frame with a column for each candidate in place of the options that count for the candidate."""
    made, gone = [], set()
    for name, options in tickets.items():
        here = [option for option in options if option in frame.columns]
        if here:
            some = pl.any_horizontal(pl.col(here).is_not_null())
            made.append(pl.when(some).then(pl.sum_horizontal(here)).cast(pl.Int64).alias(name))
            gone |= set(here)
    return frame.select(pl.exclude(*gone), *made) if gone else frame


def _fields(pairs: Pairs, unequal: pl.DataFrame) -> pl.DataFrame:
    long = []
    for order, name in enumerate(unequal.columns):
        at = unequal.get_column(name).arg_true()
        left, right = pairs.left.get_column(name).gather(at), pairs.right.get_column(name).gather(at)
        found = pairs.keys.select(pl.col("station_id", "contest").gather(at)).with_columns(
            pl.lit(name).alias("field"),
            left.alias("left"),
            right.alias("right"),
            (right - left).alias("difference"),
        )
        long.append(found.with_columns(at.cast(pl.Int64).alias("at"), pl.lit(order).alias("order")))
    return pl.concat(long).sort("at", "order").drop("at", "order")


def _sums(pairs: Pairs, both: pl.Series) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    change = (pairs.right.select(pairs.parts) - pairs.left.select(pairs.parts)).select(
        pl.when(both).then(pl.all())
    )
    net: dict[str, dict[str, int]] = {}
    gross: dict[str, dict[str, int]] = {}
    for contest in pairs.keys.get_column("contest").unique().sort():
        at = pairs.rows_of(contest)
        options = pairs.options_of(at)
        mine = change.select(pl.all().gather(at))
        net[contest] = {name: int(mine.get_column(name).sum()) for name in options}
        used = [*options, *pairs.parts[len(pairs.options) :]]
        gross[contest] = {name: int(mine.get_column(name).abs().sum()) for name in used}
    return net, gross


def _over_contests(sums: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """All contests' sums in one: an option's id alone where one contest has it, else ``contest/option``."""
    contests = Counter(name for parts in sums.values() for name in parts)
    return {
        name if contests[name] == 1 else f"{contest}/{name}": votes
        for contest, parts in sums.items()
        for name, votes in parts.items()
    }
