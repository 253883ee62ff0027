"""A comparison as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tabulate import show

_SHOWN = 20
KINDS = {
    "not_counted": "shown by the authority, not counted",
    "counted_empty": "counted by the authority without any number of votes",
    "missing_right": "no numbers on the right",
    "not_counted_left": "shown on the left, not counted there",
    "missing_left": "no numbers on the left, or not all",
}
"""What `tabulate.ballots.KINDS` are called."""


def comparison(document: Mapping[str, Any], *, stations: bool = False) -> None:
    """One ``compare`` document; `stations` lists all that differ instead of the first ones."""
    left, right = document.get("left") or "", document.get("right", "right")
    keys = (
        "stations",
        "both",
        "equal",
        "differing",
        "differing_numbers",
        "only_left",
        "only_right",
        "counted_changed",
        "gross",
        "margin",
    )
    title = f"{left} against {right}" if left else f"{right} alone"
    show.table(title, ["what", ""], [(k.replace("_", " "), document[k]) for k in keys], right=[1])
    if document.get("note"):
        show.say(document["note"])
    if document.get("ids"):
        show.say(document["ids"]["sentence"] + ".")
    if document.get("options_joined"):
        pairs = ", ".join(f"{ours} = {theirs}" for theirs, ours in document["options_joined"].items())
        show.say(f"Options taken for the same, left = right: {pairs}.")
    if document["causes"]:
        show.table(
            "Causes that reproduce the difference (a station may have several; none is a proof)",
            ["cause", "stations"],
            document["causes"].items(),
            right=[1],
        )
        _twins(document["wrong_station"])
    if document["statuses"]:
        show.table(
            "By the authority's status",
            ["left", "right", "actas", "differing", "causes of those"],
            [
                (s["left"], s["right"], s["actas"], s["differing"], _joined(s["causes"]))
                for s in document["statuses"]
            ],
            right=[2, 3],
        )
    for contest, found in document["contests"].items():
        _contest(contest if len(document["contests"]) > 1 else "", found)
    _stations(document["differing_stations"], all_of_them=stations)


def _twins(found: Mapping[str, Any]) -> None:
    if found["named"] or found["left_to_chance"]:
        show.say(
            f"Another station's numbers stand at {found['named']}, where chance alone would name {found['expected_by_chance']:.2g}; "
            f"at {found['left_to_chance']} more they do as well, but chance is a likely reason there, and none is named."
        )


def _contest(name: str, found: Mapping[str, Any]) -> None:
    tests = found["sign_symmetry"]["options"]
    gain = found["gain"]
    rows = [
        (
            o,
            gain["left"][o],
            gain["right"][o],
            gain["difference"][o],
            t["net"],
            t["gross"],
            t["stations"],
            _p(t["pvalue"]),
        )
        for o, t in tests.items()
    ]
    columns = [
        "option",
        "left, counted",
        "right, counted",
        "gained",
        "net",
        "gross",
        "stations",
        "p, sign-flip",
    ]
    show.table(
        f"{name + ': ' if name else ''}votes; net and gross are of stations that both sides have",
        columns,
        rows,
        right=range(1, 8),
    )
    symmetry = found["sign_symmetry"]
    lead = symmetry["lead"]
    if lead is not None and lead["stations"]:
        share = found["share_of_margin"]
        of = f", {100 * share['lead_net']:.2f} % of the margin" if share else ""
        show.say(
            f"{lead['leader']} less {lead['runner_up']}: {lead['net']:+d} over {lead['stations']} stations{of}; "
            f"p = {_p(lead['pvalue'])}. Smallest p of all options, corrected: {_p(symmetry['pvalue'])}. "
            f"Null hypothesis: {symmetry['null']} A small p is a pattern (grade C) and says nothing about its cause."
        )
    change = found["could_change_outcome"]
    show.say(f"Could it change the outcome: {change['answer']}. {change['because']}")
    kinds = change["open_by_kind"]
    if kinds:
        show.table(
            "Open actas, each kind alone",
            [
                "kind",
                "actas",
                "voters or votes",
                "without a known number",
                "margin if counted as written",
                "could change it",
            ],
            [
                (
                    KINDS[k],
                    o["stations"],
                    o["voters"],
                    o["unbounded"],
                    o["margin_as_written"] if k == "not_counted" else None,
                    o["alone"],
                )
                for k, o in kinds.items()
            ],
            right=[1, 2, 3, 4],
        )
    if change["assumed_voters"]:
        show.say(f"Where no number of voters is known, {change['assumed_voters']:,} were taken.")


def _stations(rows: list[Mapping[str, Any]], *, all_of_them: bool) -> None:
    if not rows:
        return
    shown = rows if all_of_them else rows[:_SHOWN]
    show.table(
        "Stations that differ",
        ["station", "contest", "fields", "causes", "status"],
        [
            (
                r["station_id"],
                r["contest"],
                r["n_differing"],
                _causes(r),
                " / ".join(w or "-" for w in r.get("status", [])),
            )
            for r in shown
        ],
        right=[2],
    )
    if len(rows) > len(shown):
        show.say(f"and {len(rows) - len(shown):,} more; --stations lists all, --json has them too")


def _causes(row: Mapping[str, Any]) -> str:
    same = "; ".join(
        f"{s['side']} has the numbers of {', '.join(s['stations'])}" for s in row.get("same_as", [])
    )
    return ", ".join(row["causes"]) + (f" ({same})" if same else "")


def _p(value: float | None) -> str:
    """A p-value; documents round to nine digits."""
    if value is None:
        return "none"
    return "< 1e-9" if value < 1e-9 else f"{value:.3g}"


def _joined(causes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in causes.items())
