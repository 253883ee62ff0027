"""The documents of the command line as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tabulate import show

if TYPE_CHECKING:
    from ocr.reading import Reading


def reading(r: Reading) -> None:
    """One reading: its fields and its sums."""
    if r.refused:
        show.say(f"{r.file}: refused: {r.refused}")
        return
    verdict = "accepted" if r.accepted else "for a person: " + ", ".join(r.reasons)
    unverified = "" if r.verified else " (form not verified on real sheets)"
    show.table(
        f"{r.file}: {r.form}{unverified}, station {r.station_id or 'unknown'}, {verdict}",
        ["field", "value", "state", "probability", "runner-up", "as written"],
        [(n, f.value, str(f.state), f.probability, f.runner_up, f.raw) for n, f in r.fields.items()],
        right=[1, 3, 4],
    )
    for s in r.sums:
        holds = {True: "holds", False: "DOES NOT HOLD", None: "cannot be checked"}[s.holds]
        left, right = (s.left, s.right) if s.known is None else (f"{v} and what is missing" for v in s.known)
        show.say(f"  {s.sum}: {left} {'=' if s.rule == 'equal' else '<='} {right}: {holds}")


def evaluation(document: dict[str, Any]) -> None:
    """The score of each form, and of all."""
    rows = []
    for name, s in [*document["forms"].items(), ("all", document["all"])]:
        parts = [f"{s[k]['right']}/{s[k]['n']}" for k in ("digits", "fields", "actas")]
        adds_up = f"{s['actas']['consistent_right']}/{s['actas']['consistent_n']}"
        inconsistent = f"{s['inconsistent']['recognised']}/{s['inconsistent']['n']}"
        accepted = (s["accepted"]["n"], s["accepted"]["wrong"])
        mark = "" if s.get("verified", True) else " (not verified)"
        rows.append(
            (
                f"{name}{mark}",
                s["sheets"],
                *parts,
                adds_up,
                *accepted,
                inconsistent,
                len(s["refused"]),
                s["cpu_s_per_acta"],
            )
        )
    columns = [
        "form",
        "sheets",
        "digits",
        "fields",
        "actas",
        "adding up",
        "accepted",
        "wrong",
        "not adding up",
        "refused",
    ]
    show.table("Right of all", [*columns, "CPU s"], rows, right=range(1, 11))
    total = document["all"]
    seen = sorted({d for row in total["confusion"].values() for d in row})
    show.table(
        "Digit boxes: as written, against as read (? for none)",
        ["written", *seen],
        [(d, *(row.get(c, "") for c in seen)) for d, row in total["confusion"].items()],
        right=range(1, len(seen) + 1),
    )
    if total["not_adding_up"]:
        show.table(
            "Sheets that do not add up",
            ["file", "sum", "written", "reported", "as written, failing", "accepted"],
            [
                (
                    b["file"],
                    b["sum"],
                    *(" against ".join(map(str, b[k])) for k in ("written", "reported")),
                    *("yes" if b[k] else "no" for k in ("recognised", "accepted")),
                )
                for b in total["not_adding_up"]
            ],
        )
    found = total["calibration"]
    show.say(
        f"Calibration error of the acta's probability: {found['ece']} over {found['n']} sheets that were read"
    )
    show.say(f"Left out of the network's training: {document['left_out']}")


def summary(document: dict[str, Any]) -> None:
    """The end of the demonstration: read, accepted, sent to people, compared, flagged."""
    readings, tallies = document["readings"], document["tallies"]
    compared, findings = document["comparison"], document["findings"]
    rows: list[tuple[str, Any]] = [
        ("photos kept", document["photos"]["kept"]),
        ("pages read", readings["read"]),
        ("pages refused by the reader", readings["refused"]),
        ("actas expected", tallies["expected"]),
        ("accepted without a person", tallies["accepted"]),
        ("sent to people", tallies["person"]),
        ("without an acta", tallies["absent"]),
    ]
    for contest, n in compared["contests"].items():
        rows.append((f"compared with the latest snapshot: {contest}", n["equal"] + n["differing"]))
    rows += [
        ("differing, confirmed", compared["differing_confirmed"]),
        ("differing, not confirmed by anyone yet", compared["differing_unconfirmed"]),
        ("revised between snapshots", compared["revisions"]),
        ("stations flagged", findings["stations"]),
        *((f"findings of grade {g}", n) for g, n in findings["by_grade"].items() if n),
    ]
    show.table("Summary", ["what", "number"], rows, right=[1])
    for what, names in document["not_verified"].items():
        if names:
            show.say(f"{what} never checked on real material: {', '.join(names)}")
