"""The sums of forms and mission, checked on the values of the tally."""

from __future__ import annotations

from typing import Any

import polars as pl

from ocr.reading import State
from tabulate.mission import Mission

_ACTA = ["station_id", "contest"]
_SUM = [*_ACTA, "acta", "sum", "rule", "evidence"]


def sum_definitions(mission: Mission) -> pl.DataFrame:
    """Every sum that an acta must obey, one row for each field in it.

    Returns
    -------
    DataFrame
        ``contest``, ``acta``, ``sum``, ``rule``, ``evidence``, ``side`` (left or right), ``field``. A sum of the mission
        applies to an acta that has all of its fields, on whichever pages.
    """
    rows: list[dict[str, Any]] = []
    actas = {(use.contest, mission.forms[use.id].acta) for use in mission.settings.forms}
    for contest, acta in sorted(actas):
        pages = mission.pages_of(acta, contest)
        fields = {name for page in pages for name in mission.fields_of(page.id, contest)}
        ours = [s for s in mission.settings.sums if s.contest == contest]
        sums = {s.name: s for page in pages for s in page.sums} | {s.name: s for s in ours}
        for s in sums.values():
            if not {*s.left, *s.right} <= fields:
                continue
            head = {"contest": contest, "acta": acta, "sum": s.name, "rule": s.rule, "evidence": s.evidence}
            rows += [
                head | {"side": side, "field": f} for side in ("left", "right") for f in getattr(s, side)
            ]
    text = dict.fromkeys(("contest", "acta", "sum", "rule", "side", "field"), pl.String)
    return pl.DataFrame(rows, schema={**text, "evidence": pl.Boolean}, orient="row")


def check_sums(fields: pl.DataFrame, acta: pl.DataFrame, definitions: pl.DataFrame) -> pl.DataFrame:
    """Both sides of every sum of every acta.

    Parameters
    ----------
    fields : DataFrame
        ``station_id``, ``contest``, ``field``, ``value``, ``state``.
    acta : DataFrame
        ``station_id``, ``contest``, ``acta``: which form's sums apply.

    Returns
    -------
    DataFrame
        ``station_id``, ``contest``, ``acta``, ``sum``, ``rule``, ``evidence``, ``left``, ``right``, ``holds``, ``difference``; a side
        with a value that is no number is null, and nothing is said about such a sum.
    """
    cells = acta.select(*_ACTA, "acta").join(definitions, on=["contest", "acta"], how="inner")
    cells = cells.join(fields.select(*_ACTA, "field", "value", "state"), on=[*_ACTA, "field"], how="left")

    def side(name: str) -> pl.Expr:
        mine = pl.col("side") == name
        whole = ((pl.col("state") == State.NUMBER).fill_null(False) | ~mine).all()
        return pl.when(whole).then(pl.col("value").filter(mine).sum())

    sums = cells.group_by(_SUM).agg(left=side("left"), right=side("right"))
    equal = pl.col("left") == pl.col("right")
    holds = pl.when(pl.col("rule") == "equal").then(equal).otherwise(pl.col("left") <= pl.col("right"))
    return sums.with_columns(holds=holds, difference=pl.col("left") - pl.col("right")).sort(_SUM)
