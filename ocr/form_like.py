"""A sheet like another one whose table has other rows: the same page, the rows spaced evenly again.

One election day's sheet often differs between districts in nothing but the rows of its table (coalitions, independent
candidates), the table being as high everywhere. Such a form says which form it is ``like`` and lists its ``rows``:

    like = "mx-ine-aecc-2015"

    [rows]
    top = 1564.5       # of the table's first row, in page units
    bottom = 2426.4    # of its last
    names = ["PAN", "PRI", "C_PRI_PVEM", "NULOS"]
    new = [{ name = "C_PRI_PVEM", as = "PRI", label = "Coalición PRI-PVEM" }]

``names`` are the fields of the table from the top down. A field that the other form lacks is described in ``new``: it is printed and added up ``as``
another row of that form. Everything else is taken from the other form unless it is said, but not that it was verified. Boxes move with their row's lower line, where
people write, what is printed with the line that it is near or with the row's middle. Rows that are not named vanish, from the sums too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NEVER = ("verified", "acta")  # what another form says of itself and not of its likes
_EDGE = 0.25  # of a row's height: so near to a line what is printed goes with it

Table = dict[str, Any]


def like(base: Mapping[str, Any], data: Mapping[str, Any]) -> Table:
    """The form's whole description, from the other form's and its own.

    Parameters
    ----------
    base, data : dict
        As the two TOML files have them; `data` has ``like`` and may have ``rows``.

    Raises
    ------
    ValueError
        If the rows cannot be made out of the other form's; says why in a clause.
    """
    out = {k: v for k, v in base.items() if k not in _NEVER}
    out |= {k: v for k, v in data.items() if k not in ("like", "rows")}
    rows = data.get("rows")
    if rows is None:
        return out
    if not isinstance(rows, dict) or not {"top", "bottom", "names"} <= rows.keys() <= {
        "top",
        "bottom",
        "names",
        "new",
    }:
        raise ValueError("`rows` needs top, bottom and names, and may have new")
    mine = {"fields", "sums", "rules", "rects", "texts"} & data.keys()
    if mine:
        raise ValueError(
            f"a form with `rows` takes its {sorted(mine)[0]} from the other form; leave them out"
        )
    try:
        return out | _Table(base, rows).moved()
    except (AttributeError, IndexError, KeyError, TypeError) as e:
        raise ValueError(f"`rows` or what it moves is not as a form describes it ({e!r})") from None


class _Table:
    """The rows of the other form, and where each goes."""

    def __init__(self, base: Mapping[str, Any], rows: Mapping[str, Any]) -> None:
        self.base = base
        self.top, self.bottom = float(rows["top"]), float(rows["bottom"])
        self.names: list[str] = list(rows["names"])
        self.new: dict[str, Table] = {str(n["name"]): dict(n) for n in rows.get("new", ())}
        fields = [f for f in base["fields"] if self.top < _middle(f) < self.bottom]
        old = [str(f["name"]) for f in sorted(fields, key=_middle)]
        if not old or not self.names or self.bottom <= self.top:
            raise ValueError(
                "`rows` needs a top above its bottom, with fields of the other form between them"
            )
        if len(set(self.names)) < len(self.names):
            raise ValueError("`rows.names` names a field twice")
        unknown = [n for n in self.names if n not in old and n not in self.new]
        if unknown:
            raise ValueError(f"the row {unknown[0]!r} is neither in the other form's table nor in `rows.new`")
        lost = [n["name"] for n in self.new.values() if n.get("as") not in old or n["name"] in old]
        if lost:
            raise ValueError(
                f"the new row {lost[0]!r} needs a name of its own, and `as` with a row of the other form"
            )
        height = self.bottom - self.top
        self.was, self.now = height / len(old), height / len(self.names)
        # From each old row to the rows that are printed like it.
        like = [old.index(self.new[n]["as"] if n in self.new else n) for n in self.names]
        self.to = {i: [k for k, j in enumerate(like) if i == j] for i in range(len(old))}

    def moved(self) -> Table:
        """The lists of the form that the rows change."""
        return {
            "fields": self._fields(),
            "sums": [s for s in map(self._sum, self.base.get("sums", ())) if s["left"] and s["right"]],
            "rules": self._rules(),
            "rects": self._printed("rects", lambda r: r["y"] + r["h"] / 2),
            "texts": self._printed("texts", lambda t: t["y"] - 0.35 * t.get("size", 20.0)),
        }

    def _down(self, row: int, to: int, side: float = 1.0) -> float:
        """How far a row's lower line moves, or its upper one (`side` 0), or its middle (0.5)."""
        return (to + side) * self.now - (row + side) * self.was

    def _row(self, y: float) -> int | None:
        """The old row at this height."""
        return int((y - self.top) / self.was) if self.top < y < self.bottom else None

    def _fields(self) -> list[Table]:
        rows: dict[int, Table] = {}
        before: list[Table] = []
        after: list[Table] = []
        for field in self.base["fields"]:
            row = self._row(_middle(field))
            if row is None:
                (after if rows or _middle(field) >= self.bottom else before).append(dict(field))
                continue
            for to in self.to[row]:
                rows[to] = self._field(field, row, to)
        return [*before, *(rows[k] for k in sorted(rows)), *after]

    def _field(self, field: Mapping[str, Any], row: int, to: int) -> Table:
        name, down = self.names[to], self._down(row, to)
        out = dict(field)
        if "boxes" in field:
            out["boxes"] = [[x, round(y + down, 2), w, h] for x, y, w, h in field["boxes"]]
        if "box" in field:
            x, y, w, h = field["box"]
            out["box"] = [x, round(y + down, 2), w, h]
        if "words" in field:  # they have the whole row
            x, y, w, h = field["words"]
            off = y - self.top - row * self.was
            out["words"] = [x, round(self.top + to * self.now + off, 2), w, round(h + self.now - self.was, 2)]
        if name in self.new:
            out = {k: v for k, v in out.items() if k not in ("option", "label")}
            out |= {k: v for k, v in self.new[name].items() if k != "as"}
        return out

    def _sum(self, rule: Mapping[str, Any]) -> Table:
        gone = {f["name"] for f in self.base["fields"] if self._row(_middle(f)) is not None} - set(self.names)
        out = dict(rule)
        for side in ("left", "right"):
            names = [n for n in rule[side] if n not in gone]
            out[side] = [
                *names,
                *(n for n in self.names if n in self.new and self.new[n]["as"] in rule[side]),
            ]
        return out

    def _rules(self) -> list[Table]:
        """Lines between rows are drawn anew; all others stay, for they run along the table."""
        near = 0.25 * self.was
        out: list[Table] = []
        lines: list[Table] = []
        for rule in self.base.get("rules", ()):
            level = rule["y0"] == rule["y1"]
            (lines if level and self.top + near < rule["y0"] < self.bottom - near else out).append(dict(rule))
        if lines:
            at = [round(self.top + k * self.now, 2) for k in range(1, len(self.names))]
            out += [lines[0] | {"y0": y, "y1": y} for y in at]
        return out

    def _printed(self, kind: str, middle: Any) -> list[Table]:
        out = []
        for item in self.base.get(kind, ()):
            row = self._row(middle(item))
            if row is None or item.get("h", 0) > self.was:
                out.append(dict(item))
            else:
                part = (middle(item) - self.top) / self.was - row
                side = 0.0 if part < _EDGE else 1.0 if part > 1 - _EDGE else 0.5
                out += [
                    dict(item) | {"y": round(item["y"] + self._down(row, to, side), 2)} for to in self.to[row]
                ]
        return out


def _middle(field: Mapping[str, Any]) -> float:
    """The height of the middle of a field's boxes; below every table for one without boxes."""
    quads = field.get("boxes") or ([field["box"]] if "box" in field else [])
    return sum(q[1] + q[3] / 2 for q in quads) / len(quads) if quads else float("inf")
