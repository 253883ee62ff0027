"""A published row that contradicts itself: sums, more votes than ballots or people on the list, numbers where the status says there are none.

The rules of an authority's file are not printed on it: a column of options may lack the votes for nobody on the list, voters may leave out the parties' witnesses, a ballot may carry
several votes. So a rule is held against single rows only where the file as a whole keeps it: at least half of the rows do, and it is not that a sum falls short in one row of twenty or
more and exceeds nowhere, as where the file does not list everybody. Where one column explains nearly all the rows that break a sum (votes for nobody on
the list, which some authorities count as valid and others do not), the sum is held against the rows without that column. A rule that the file does not keep is named with its figures and flags nobody.
"""

from __future__ import annotations

import polars as pl

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit
from audits.rates import by_region, rate
from audits.words import N_, flag, flagged_frame

KEPT = 0.5
"""Part of the rows that must keep a rule before it is one."""
FEW = 0.05
"""In up to this part of the rows a sum may fall short and exceed nowhere; more of them are another rule (something the file does not list)."""
EXPLAINED = 0.9
"""Of the rows that break a sum, the part that one column must explain for the sum to be read without it."""
_SIDES = 0.1  # of those that break it, the part on the rarer side from which on they fall on both
_SOME = 8  # rows that break a rule; fewer say nothing about sides
_TOTALS = ("valid", "cast", "voted")

_WHOLE = N_("The file's columns mean what their names say, and every vote for an option is in one of them.")
_LISTS = N_("Stations without a list of their own are marked as such.")
_WORDS = N_("The authority's words mean what its documents say.")

_OPTIONS = N_("The options make {left}, the valid votes published are {right}.")
_KINDS = N_("Valid, blank and null votes make {left}, the ballots published are {right}.")
_BALLOTS = N_("{left} ballots are published where {right} people voted.")
_LIST = N_("{left} votes or voters are published, and the list has {right} people.")
_NEGATIVE = N_("{field}: {left} is published, and no count is below zero.")
_NONE = N_("The status is {status}, which means that there are no numbers, and {left} votes are published.")
_EMPTY = N_("The status is {status}, which means that there are numbers, and none is published.")

_SUSPENDED = N_(
    "Rule {rule}: {broken} of {n} rows break it. That is another rule than this one, or something the file does not list; no row is flagged for it, and who "
    "looks at this count has to know why."
)
_WITHOUT = N_(
    "Rule {rule}: the column {column} is left out of the sum, because that is what most rows that break it want."
)

_RULES = {
    "options": (_OPTIONS, "equal"),
    "kinds": (_KINDS, "equal"),
    "ballots": (_BALLOTS, "at-most"),
    "list": (_LIST, "at-most"),
}


@audit(
    id="records",
    title=N_("Published rows that contradict themselves"),
    grade="B",
    needs=("published",),
    null_hypothesis=N_("None is tested: a published row either contradicts itself or does not."),
    assumptions=(_WHOLE, _LISTS, _WORDS),
    innocent_explanations=(
        N_("People add wrongly late at night, and typing from paper adds slips of its own."),
        N_("Poll workers and party witnesses vote where they serve, beyond the list of the station."),
        N_(
            "An acta turned up or was decided upon after its status was set, and the word was left as it was."
        ),
        N_("Some who voted did not put their ballot in the box, or put it in another contest's."),
    ),
    citation=(
        "INE (2016), Estudio sobre la calidad de las actas de escrutinio y cómputo 2015 (base rate: 41 of 100 actas); "
        "W. R. Mebane (2013), Election Forensics, ch. on accounting checks; the rule for when a file keeps a rule is ours."
    ),
    pitfalls=(
        N_("An authority may compute its totals from the parts: then they fit, whatever the sheets say."),
        N_("A rule that most rows break is taken for a rule of another country and flags nobody."),
        N_("A row that fits can still be wrong."),
    ),
)
def records(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Flag published rows whose numbers contradict each other, the station's list, or the authority's own word for them.

    Rules, on the rows that the authority counts: the options make the valid votes; valid, blank and null votes make the ballots; no more ballots
    than people who voted; no more of either, or of votes, than people on the list; no number below zero. On all rows: a status that says that there
    are no numbers stands with none, and one that says that there are, with some.

    Statistic: rows that contradict themselves; n: rows examined; `effect_votes`: the largest gap of each, summed. Parts: ``region/…`` with the rate of
    such rows, its interval and whether the region stands out; ``rule/…`` with rows examined, rows that break the rule, to each side, and whether the file keeps it (``kept``);
    ``blank/…`` with how often a total is missing where the options have numbers, by total; ``not counted`` the same rules on the rows that are not counted, which flag nobody.
    """
    entry = REGISTRY["records"]
    assert data.published is not None
    options = [o for o in data.options if o in data.published.columns]
    rows = _prepared(data.published, options)
    counted = rows.filter(pl.col("counted").fill_null(True))
    checks, parts = [], {}
    for name in _RULES:
        broken, part = _rule(counted, name, options)
        parts[f"rule/{name}"] = part
        checks.append(broken)
    checks += [_negative(counted, options), *_status(rows)]
    wrong = pl.concat([c for c in checks if c.height] or checks[:1])
    flagged_ids = wrong["station_id"].unique()
    parts |= {f"rule/{name}": {"contradict": checks[i].height} for i, name in ((4, "below zero"), (5, "status without numbers"), (6, "status with numbers"))}  # fmt: skip
    parts |= _blank(counted, options)
    parts["not counted"] = _not_counted(rows)
    parts |= by_region(rows.select("region", wrong=pl.col("station_id").is_in(flagged_ids.implode())))
    photos = data.published.select("station_id", "photo")
    gaps = wrong.group_by("station_id").agg(pl.col("votes").max())
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(flagged_ids.len()),
        n=rows.height,
        effect_votes=float(gaps["votes"].sum()),
        effect_meaning=N_(
            "the largest gap between published numbers of each row that contradicts itself, summed"
        ),
        assumptions={_WHOLE: _kept(parts), _LISTS: None, _WORDS: None},
        parts=parts,
        flagged=flagged_frame(
            [
                flag(
                    row["station_id"],
                    Sentence(row["message"], _numbers(row)),
                    entry.grade,
                    field=row["field"],
                    votes=row["votes"],
                    photo=row["photo"],
                )
                for row in wrong.join(photos, on="station_id", how="left").to_dicts()
            ]
        ),
        notes=(
            Sentence(
                N_(
                    "How many published rows of a clean election contradict themselves differs by country; compare regions."
                )
            ),
            *_rules_noted(parts),
        ),
    )


def _rules_noted(parts: dict[str, Part]) -> list[Sentence]:
    """Which rules were not held against the rows, and which were without a column."""
    said = []
    for name in _RULES:
        part = parts[f"rule/{name}"]
        numbers = {"rule": name, "broken": part["contradict"], "n": part["examined"]}
        if part["examined"] and not part["kept"]:
            said.append(Sentence(_SUSPENDED, numbers))
        if part.get("without"):
            said.append(Sentence(_WITHOUT, {"rule": name, "column": part["without"]}))
    return said


def _kept(parts: dict[str, Part]) -> bool | None:
    """Whether every rule that could be examined is one that the file keeps."""
    examined = [bool(parts[f"rule/{name}"]["kept"]) for name in _RULES if parts[f"rule/{name}"]["examined"]]
    return all(examined) if examined else None


def _numbers(row: dict[str, object]) -> dict[str, int | float | str | bool | None]:
    wanted = {name: row[name] for name in ("left", "right", "status", "field")}
    return {
        k: v for k, v in wanted.items() if "{" + k + "}" in str(row["message"]) and isinstance(v, int | str)
    }


def _prepared(frame: pl.DataFrame, options: list[str]) -> pl.DataFrame:
    """Each row with both sides of each rule (``NAME_left``, ``NAME_right``; null where a part is not known)."""
    whole = pl.sum_horizontal(options, ignore_nulls=False) if options else pl.lit(None, dtype=pl.Int64)
    valid = pl.coalesce("valid", whole)
    listed = pl.when(pl.col("registered") > 0).then("registered")
    return frame.with_columns(
        votes=pl.sum_horizontal(options) if options else pl.lit(0),
        numbers=pl.any_horizontal(pl.col(o).is_not_null() for o in options) if options else pl.lit(False),
        options_left=whole,
        options_right="valid",
        kinds_left=valid + pl.col("blank") + pl.col("null"),
        kinds_right="cast",
        ballots_left=pl.coalesce("cast", valid + pl.col("blank") + pl.col("null")),
        ballots_right="voted",
        list_left=pl.max_horizontal("voted", "cast", valid),
        list_right=listed,
    )


def _rule(rows: pl.DataFrame, name: str, options: list[str]) -> tuple[pl.DataFrame, Part]:
    """The rows that break a rule, if the file keeps it (else none), and the figures of the rule."""
    message, kind = _RULES[name]
    left, right = f"{name}_left", f"{name}_right"
    known = rows.drop_nulls([left, right]).with_columns(gap=pl.col(left) - pl.col(right))
    without = None
    if kind == "equal":
        known, without = _explained(known, name, options)
    above, below = int((known["gap"] > 0).sum()), int((known["gap"] < 0).sum())
    broken = above if kind == "at-most" else above + below
    kept = broken <= (1 - KEPT) * known.height
    if kind == "equal" and below > FEW * known.height and below >= _SOME:
        kept = kept and above >= _SIDES * broken
    part: Part = {
        "examined": known.height,
        "contradict": broken,
        **(rate(broken, known.height) if known.height else {}),
        "above": above,
        **({"below": below} if kind == "equal" else {}),
        "kept": kept,
        **({"without": without} if without else {}),
    }
    wrong = known.filter((pl.col("gap") > 0) if kind == "at-most" else (pl.col("gap") != 0))
    return _checks(wrong.head(wrong.height if kept else 0), message, left, right, field=name), part


def _explained(rows: pl.DataFrame, name: str, options: list[str]) -> tuple[pl.DataFrame, str | None]:
    """The rows with a sum's left side as most of them want it: without the option, or with it, whose votes are the gap of those that break the sum."""
    broken = rows.filter(pl.col("gap") != 0)
    if broken.height < _SOME or len(options) < 2:
        return rows, None
    # The options' sum has a column too much; the kinds' sum, which starts from valid votes, has one too few.
    sign = -1 if name == "options" else 1
    left = {o: pl.col("gap") + sign * pl.col(o).fill_null(0) for o in options}
    rest = rows.select(((x != 0).sum()).alias(o) for o, x in left.items()).row(0)
    fewest, option = min(zip(rest, options, strict=True))
    if fewest > (1 - EXPLAINED) * broken.height:
        return rows, None
    moved = sign * pl.col(option).fill_null(0)
    return rows.with_columns(
        (pl.col(f"{name}_left") + moved).alias(f"{name}_left"), gap=pl.col("gap") + moved
    ), option


def _checks(
    rows: pl.DataFrame, message: str, left: str, right: str | None, field: str | None = None
) -> pl.DataFrame:
    """One row per contradiction: station, numbers, message, votes."""
    other = pl.col(right) if right else pl.lit(None, dtype=pl.Int64)
    return rows.select(
        "station_id",
        pl.lit(field, dtype=pl.String).alias("field"),
        left=pl.col(left).cast(pl.Int64),
        right=other.cast(pl.Int64),
        status=pl.col("status"),
        message=pl.lit(message),
        votes=(pl.col(left) - other.fill_null(0)).abs().cast(pl.Int64),
    )


def _negative(rows: pl.DataFrame, options: list[str]) -> pl.DataFrame:
    """Numbers below zero, one row for each."""
    fields = [*_TOTALS, "registered", "blank", "null", *options]
    below = rows.filter(pl.any_horizontal(pl.col(f) < 0 for f in fields))
    long = below.unpivot(fields, index=["station_id", "status"], variable_name="field", value_name="number")
    return long.filter(pl.col("number") < 0).select(
        "station_id",
        "field",
        left=pl.col("number").cast(pl.Int64),
        right=pl.lit(None, dtype=pl.Int64),
        status="status",
        message=pl.lit(_NEGATIVE),
        votes=pl.col("number").abs().cast(pl.Int64),
    )


def _status(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Numbers where the status says that there are none, and none where it says that there are."""
    none = rows.filter(pl.col("expects") == "none", pl.col("votes") > 0)
    empty = rows.filter(pl.col("expects") == "numbers", ~pl.col("numbers"))
    return _checks(none, _NONE, "votes", None, "status"), _checks(empty, _EMPTY, "votes", None, "status")


def _blank(rows: pl.DataFrame, options: list[str]) -> dict[str, Part]:
    """Totals that are missing where most rows have them and the options have numbers."""
    out: dict[str, Part] = {}
    some = rows.filter("numbers")
    for total in _TOTALS:
        missing = some[total].null_count()
        if some.height and missing <= (1 - KEPT) * some.height:
            out[f"blank/{total}"] = {
                "examined": some.height,
                "missing": missing,
                **rate(missing, some.height),
            }
    return out


def _not_counted(rows: pl.DataFrame) -> Part:
    """How many rows that are not counted break a rule: what an authority holds back for that reason looks like this."""
    held = rows.filter(~pl.col("counted").fill_null(True), pl.col("numbers"))
    broken = [
        (pl.col(f"{name}_left") > pl.col(f"{name}_right"))
        if kind == "at-most"
        else (pl.col(f"{name}_left") != pl.col(f"{name}_right"))
        for name, (_, kind) in _RULES.items()
    ]
    wrong = int(held.select(pl.any_horizontal(b.fill_null(False) for b in broken).sum()).item())
    return {"examined": held.height, "contradict": wrong}
