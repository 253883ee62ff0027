"""Readings, keyings and decisions become the tally, by these rules and no others.

===========================================================  ===========  =======================================
what there is                                                status       source; values
===========================================================  ===========  =======================================
a standing decision (accept, correct) on all fields          accepted     person; those of the decision
two people's keyings that agree in every field of the acta   accepted     keying; theirs
the same, but records of the acta differ                     person       theirs
a decision or such keyings, but of some fields only          person       theirs, and of the others what was read
two people's keyings that differ                             person       what the machine proposes, if it read it
all pages read, and nothing below speaks against them        accepted     reading
any reason below                                             person       what the machine proposes
only photos that were not read yet                           unread       none
nothing                                                      absent       none
===========================================================  ===========  =======================================

Reasons that send an acta to a person: whatever the reader says (``unsure:…``, ``illegible:…``, ``sum-fails:…`` …);
``probability-low`` (below the mission's); ``sum-fails:…`` (a sum of form or mission that is evidence); ``station-differs``
(the sender's claim contradicts the sheet, or the sheet's codes and printed number each other); ``station-not-on-sheet`` (if the mission asks for it); ``photos-differ`` (two
photos of the same page, both sure, with different values); ``forms-differ``; ``page-missing:n``; ``refused`` (the only photos
could not be read); ``photo-of-another-station`` and ``filed-twice`` (if the station has no other photo, or people used that one); ``keyings-differ``;
``incomplete`` (people gave some fields only).

Of several photos of a page that do not differ, the accepted and then the most probable is used.

Which station a sheet is of is judged here, not by the reader: its ``no-station`` counts only if the mission asks for the
station on the sheet; otherwise the sender's claim is enough. Its ``signature-unverified:…`` counts only if the mission asks for verified signatures.

**Confirmed** is what may be held against another record (grade A) or against the sheet itself (grade B). A value is

- if the acta was accepted from its reading, or from two keyings;
- in a decision: if the person agrees with the machine or with another person's keying;
- in an acta that waits for a person, if it is a *confirmed reading*: a number read with at least the mission's
  ``confirm_probability`` given the whole sheet, its boxes alone say the same, nothing is crossed out there. What a sheet that
  does not add up says can so be certain, though what it means is for a person.

No value is confirmed that is absent; that was read on a page whose station nobody claimed and no checked code says; or of an
acta of which two records differ (``station-differs``, ``photo-of-another-station``, ``filed-twice``, ``photos-differ``,
``forms-differ``, ``keyings-differ``). A decision settles the differences that could be known when it was made. Those that came
up later put the acta, which stays accepted, back into the queue.

A sum is confirmed if every value in it is, an acta if every field of it is.
"""

from __future__ import annotations

import polars as pl

from ocr.reading import State
from tabulate.mission import Mission
from tabulate.pages import ACTA, STATION_DIFFERS, WHY, Tables, place_pages
from tabulate.people import (
    PAGE,
    VALUE,
    differing_keyings,
    form_used_by,
    gaps_of,
    own_pages,
    said_by_people,
)
from tabulate.schema import conform
from tabulate.sums import check_sums, sum_definitions
from tabulate.tables import meanings_of

# With one of these there are two records, and neither is certain.
_DISPUTED = [
    *("station-differs", "photo-of-another-station", "filed-twice"),
    *("photos-differ", "forms-differ", "keyings-differ"),
]
_NO_STATION = (
    "no-station"  # the reader's word for a sheet that should say its station and could not be read there
)
_UNVERIFIED = "signature-unverified"  # the reader's word for a signed code whose signature nobody checked


def tally(mission: Mission, tables: Tables) -> dict[str, pl.DataFrame]:
    """The tables ``tallies``, ``tally_fields``, ``tally_sums`` and ``queue``.

    Parameters
    ----------
    tables : mapping
        ``register``, ``photos``, ``filings``, ``readings``, ``reading_fields`` and what `tabulate.tables.human` gives.
    """
    settings = mission.settings.acceptance
    meanings = meanings_of(mission)
    pages = place_pages(mission, tables)
    usable = pages.seen.filter(pl.col("form").is_not_null())
    order = ["accepted", "probability", "photo", "page"]
    usable = usable.sort([*ACTA, *order], descending=[False, False, True, True, False, False])
    acta = usable.group_by(ACTA, maintain_order=True).agg(
        pl.col("acta").first(), actas=pl.col("acta").n_unique()
    )
    best = usable.join(acta, on=[*ACTA, "acta"], how="semi").unique(PAGE, keep="first", maintain_order=True)
    # All photos of a page can bear out what a person says; the best one's values are the tally's.
    read = _machine_fields(usable, tables, meanings, settings.confirm_probability)
    machine = read.join(best, on=[*ACTA, "photo", "page"], how="semi")
    missing = _missing_pages(acta, best, meanings)
    said = said_by_people(tables, meanings)
    gaps = gaps_of(said, acta, meanings)
    own = own_pages(said, tables)

    rest = pl.concat([machine, missing]).join(said, on=[*ACTA, "field"], how="anti")
    fields = pl.concat([rest, said.select(machine.columns)])
    form_used = form_used_by(acta, said, meanings)
    sums = check_sums(fields, form_used, sum_definitions(mission))

    settled = said.join(gaps, on=ACTA, how="anti").select(ACTA).unique()
    elsewhere = pl.concat(
        [
            pages.strays.join(pages.expected, on=ACTA, how="semi").join(acta, on=ACTA, how="anti"),
            pages.strays.join(own, on=[*ACTA, "photo", "page"], how="semi"),
        ]
    )
    why = pl.concat(
        [
            _reader_reasons(
                best,
                settings.min_probability,
                station_from_sheet=settings.station_from_sheet,
                signature=settings.code_signature,
            ),
            _photos_differ(usable, fields, own, tables, settings.confirm_probability),
            _typed(missing.select(*ACTA, reason=pl.format("page-missing:{}", "acta_page")).unique()),
            _forms_differ(usable),
            _typed(
                sums.filter("evidence", ~pl.col("holds"))
                .join(settled, on=ACTA, how="anti")
                .select(
                    *ACTA,
                    reason=pl.format("sum-fails:{}", "sum"),
                    detail=pl.format("{} against {}", "left", "right"),
                )
            ),
            _typed(
                pages.seen.filter(pl.col("refused").is_not_null())
                .join(acta, on=ACTA, how="anti")
                .select(*ACTA, "photo", "page", reason=pl.lit("refused"), detail="refused")
            ),
            elsewhere.unique(),
            _typed(differing_keyings(tables).select(*ACTA, reason=pl.lit("keyings-differ"))),
            _typed(gaps.select(*ACTA, reason=pl.lit("incomplete"), detail="gaps")),
        ]
    )
    why = _with_open(why, said)
    status = _status(
        expected=pages.expected,
        seen=pages.seen,
        acta=acta,
        best=best,
        said=said,
        gaps=gaps,
        sums=sums,
        why=why,
    )
    confirmed = _confirmed(status=status, fields=fields, said=said, read=read, tables=tables, why=why)
    whole = confirmed.group_by(ACTA).agg(all_confirmed=pl.col("confirmed").all())
    status = status.join(whole, on=ACTA, how="left").with_columns(
        confirmed=pl.col("all_confirmed").fill_null(False)
    )
    sums = _confirmed_sums(sums, confirmed, sum_definitions(mission), form_used)
    return {
        "tallies": conform("tallies", status),
        "tally_fields": conform("tally_fields", confirmed),
        "tally_sums": conform("tally_sums", sums),
        "queue": _queue(status, why, _with_open(pages.strays, said)),
    }


def _machine_fields(pages: pl.DataFrame, tables: Tables, meanings: pl.DataFrame, sure: float) -> pl.DataFrame:
    """What was read on these pages, in the contest's words."""
    surely = (
        (pl.col("state") == State.NUMBER)
        & (pl.col("probability") >= sure)
        & pl.col("alone_value").eq_missing(pl.col("value"))
        & (pl.col("flags") == "")
    )
    read = tables["reading_fields"].select(
        "photo", "page", "field", *VALUE, "raw", "probability", surely=surely
    )
    return (
        pages.select(*ACTA, "photo", "page", "form", "acta_page", "placed")
        .join(read, on=["photo", "page"], how="inner")
        .join(
            meanings.select("form", "contest", "field", "role", "option"),
            on=["form", "contest", "field"],
            how="inner",
        )
        .select(
            *(*PAGE, "field", "role", "option", *VALUE, "raw", "photo", "page"),
            *("probability", "surely", "placed"),
        )
        .with_columns(source=pl.lit("reading"))
    )


def _missing_pages(acta: pl.DataFrame, best: pl.DataFrame, meanings: pl.DataFrame) -> pl.DataFrame:
    """The fields of the pages that were not seen: absent."""
    fields = meanings.select("contest", "acta", "acta_page", "field", "role", "option").unique()
    return (
        acta.join(fields, on=["contest", "acta"], how="inner")
        .join(best, on=PAGE, how="anti")
        .select(
            *PAGE,
            "field",
            "role",
            "option",
            value=pl.lit(None, pl.Int64),
            state=pl.lit(str(State.ABSENT)),
            raw=pl.lit(None, pl.String),
            photo=pl.lit(None, pl.String),
            page=pl.lit(None, pl.Int64),
            probability=pl.lit(None, pl.Float64),
            surely=pl.lit(False),
            placed=pl.lit(False),
            source=pl.lit(None, pl.String),
        )
    )


def _reader_reasons(
    best: pl.DataFrame, least: float, *, station_from_sheet: bool, signature: bool
) -> pl.DataFrame:
    """What the reader says against the pages used, and what their place does."""
    note = pl.element().is_in(["", _NO_STATION])
    if not signature:
        note |= pl.element().str.starts_with(_UNVERIFIED)
    said = pl.col("reasons").list.eval(pl.element().filter(~note))
    silent = ~pl.col("accepted") & (pl.col("reasons").list.join("") == "")
    own = [
        pl.when(silent).then(pl.lit("not-accepted")),
        pl.when("contradicted").then(pl.lit(STATION_DIFFERS)),
        pl.when(pl.col("probability") < least).then(pl.lit("probability-low")),
        pl.when(pl.lit(station_from_sheet) & ~pl.col("from_sheet")).then(pl.lit("station-not-on-sheet")),
    ]
    place = [*ACTA, "photo", "page", "claims", "code", "claimed_since", "contradicted"]
    rows = best.select(*place, reason=pl.concat_list(said, *own))
    rows = rows.explode("reason", empty_as_null=True).drop_nulls("reason")
    claimed = pl.format("claimed for {}, the sheet says {}", pl.col("claims").list.join(", "), "code")
    itself = pl.lit("the sheet's codes and its printed number name different stations")
    differs = pl.col("reason") == STATION_DIFFERS
    return _typed(
        rows.with_columns(
            detail=pl.when(differs & pl.col("contradicted")).then(claimed).when(differs).then(itself),
            since=pl.when(differs).then(pl.col("claimed_since")),
        )
    )


def _forms_differ(usable: pl.DataFrame) -> pl.DataFrame:
    """Two photos of one station's acta on different forms; known since the second form came."""
    came = usable.group_by(*ACTA, "acta").agg(pl.col("since").min())
    both = came.group_by(ACTA).agg(pl.col("since").max(), forms=pl.len()).filter(pl.col("forms") > 1)
    return _typed(both.select(*ACTA, "since", reason=pl.lit("forms-differ")))


def _photos_differ(
    usable: pl.DataFrame, fields: pl.DataFrame, own: pl.DataFrame, tables: Tables, sure: float
) -> pl.DataFrame:
    """A photo sure of a field, on which the acta's values, from another photo of that page, say otherwise."""
    used = fields.filter(pl.col("source").is_not_null())
    pages = pl.concat([used.select(own.columns), own]).unique()
    used = used.select(*PAGE, "field", *VALUE)
    read = tables["reading_fields"].select("photo", "page", "field", *VALUE, "probability")
    others = (
        usable.join(pages, on=[*ACTA, "photo", "page"], how="anti")
        .select(*PAGE, "photo", "page", "since", other_accepted="accepted")
        .join(read, on=["photo", "page"])
        .rename({"photo": "photo_other", "page": "page_other", "probability": "probability_other"})
    )
    both = used.join(others, on=[*PAGE, "field"], suffix="_other")
    differs = pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_other")) for c in VALUE)
    both = both.filter(differs, pl.col("other_accepted") | (pl.col("probability_other") >= sure))
    shown = [pl.coalesce(pl.col(f"value{s}").cast(pl.String), f"state{s}") for s in ("", "_other")]
    first = both.sort(*PAGE, "field", "photo_other").unique(
        [*ACTA, "photo_other"], keep="first", maintain_order=True
    )
    return _typed(
        first.select(
            *ACTA,
            photo="photo_other",
            page="page_other",
            since="since",
            reason=pl.lit("photos-differ"),
            detail=pl.format("{}: {} against {}", "field", *shown),
        )
    )


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as `WHY`; what is not given is null."""
    missing = [pl.lit(None, dtype).alias(c) for c, dtype in WHY.items() if c not in rows.columns]
    return rows.with_columns(missing).select(list(WHY)).cast(WHY)  # type: ignore[arg-type]


def _with_open(why: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """The reasons with ``open``: two records of the acta differ, and no decision settled that."""
    decided = said.filter(pl.col("source") == "person").group_by(ACTA).agg(decided=pl.col("seq").max())
    why = why.join(decided, on=ACTA, how="left", nulls_equal=True)
    later = (pl.col("decided").is_null() | (pl.col("since") > pl.col("decided"))).fill_null(True)
    return why.with_columns(open=pl.col("reason").is_in(_DISPUTED) & later).drop("decided")


def _status(
    *,
    expected: pl.DataFrame,
    seen: pl.DataFrame,
    acta: pl.DataFrame,
    best: pl.DataFrame,
    said: pl.DataFrame,
    gaps: pl.DataFrame,
    sums: pl.DataFrame,
    why: pl.DataFrame,
) -> pl.DataFrame:
    """One row for each expected acta; everything in ``tallies`` but ``confirmed``."""
    people = said.sort("acta_page", "field").group_by(ACTA, maintain_order=True).agg(
        pl.col("source").first().alias("by_people"),
        pl.col("actor").first(),
        pl.col("photo").first().alias("photo_said"),
        pl.col("page").first().alias("page_said"),
    ).join(gaps, on=ACTA, how="left")  # fmt: skip
    used = best.sort(PAGE).group_by(ACTA, maintain_order=True).agg(
        pl.col("photo").first(), pl.col("page").first(), pl.col("probability").product()
    )  # fmt: skip
    counts = seen.sort("photo", "page").group_by(ACTA, maintain_order=True).agg(
        photos=pl.col("photo").n_unique(),
        waiting=pl.col("unread").any(),
        photo_any=pl.col("photo").first(),
        page_any=pl.col("page").first(),
    )  # fmt: skip
    reasons = why.group_by(ACTA).agg(
        reasons=pl.col("reason").unique().sort().str.join(";"), open=pl.col("open").any()
    )
    holds = sums.filter("evidence").group_by(ACTA).agg(
        adds_up=pl.when((~pl.col("holds")).any()).then(False).when(pl.col("holds").is_not_null().all()).then(True)
    )  # fmt: skip
    frame = expected.join(acta.select(*ACTA, "acta"), on=ACTA, how="left")
    for more in (people, used, counts, reasons, holds):
        frame = frame.join(more, on=ACTA, how="left")
    read = pl.col("acta").is_not_null()
    by_keying = pl.col("by_people") == "keying"
    stands = pl.col("gaps").is_null() & ~(by_keying & pl.col("open").fill_null(False))
    status = (
        pl.when(pl.col("by_people").is_not_null() & stands)
        .then(pl.lit("accepted"))
        .when(pl.col("reasons").is_not_null())
        .then(pl.lit("person"))
        .when(read)
        .then(pl.lit("accepted"))
        .when(pl.col("waiting"))
        .then(pl.lit("unread"))
        .otherwise(pl.lit("absent"))
    )
    return frame.with_columns(
        status=status,
        source=pl.coalesce("by_people", pl.when(read).then(pl.lit("reading"))),
        reasons=pl.col("reasons").fill_null(""),
        photo=pl.coalesce("photo_said", "photo", "photo_any"),
        page=pl.coalesce("page_said", "page", "page_any"),
        photos=pl.col("photos").fill_null(0),
    )


def _confirmed(
    *,
    status: pl.DataFrame,
    fields: pl.DataFrame,
    said: pl.DataFrame,
    read: pl.DataFrame,
    tables: Tables,
    why: pl.DataFrame,
) -> pl.DataFrame:
    """The fields with ``confirmed``, by the rules at the top."""
    disputed = why.filter("open").select(ACTA).unique().with_columns(disputed=pl.lit(True))
    cell = [*ACTA, "field", *VALUE]
    typed = tables["keyed"].join(said.select(*ACTA, decider="actor").unique(ACTA), on=ACTA, how="inner")
    second = pl.concat([read.select(cell), typed.filter(pl.col("actor") != pl.col("decider")).select(cell)])
    agrees = second.unique().with_columns(agrees=pl.lit(True))
    frame = fields.join(status.select(*ACTA, "status"), on=ACTA, how="inner")
    frame = frame.join(disputed, on=ACTA, how="left").join(agrees, on=cell, how="left", nulls_equal=True)
    accepted = pl.col("status") == "accepted"
    confirmed = (
        pl.when(pl.col("source") == "person")
        .then(pl.col("agrees"))
        .when(pl.col("source") == "keying")
        .then(accepted | pl.col("agrees"))
        .otherwise(accepted | pl.col("surely"))
    )
    known = (pl.col("state") != State.ABSENT) & pl.col("placed") & pl.col("disputed").is_null()
    return frame.with_columns(confirmed=confirmed.fill_null(False) & known)


def _confirmed_sums(
    sums: pl.DataFrame, fields: pl.DataFrame, definitions: pl.DataFrame, acta: pl.DataFrame
) -> pl.DataFrame:
    """The sums with ``confirmed``: every value in it is."""
    parts = definitions.join(acta.select(*ACTA, "acta"), on=["contest", "acta"], how="inner")
    parts = parts.join(fields.select(*ACTA, "field", "confirmed"), on=[*ACTA, "field"], how="left")
    known = parts.group_by(*ACTA, "sum").agg(confirmed=pl.col("confirmed").fill_null(False).all())
    return sums.join(known, on=[*ACTA, "sum"], how="left").with_columns(pl.col("confirmed").fill_null(False))


def _queue(status: pl.DataFrame, why: pl.DataFrame, strays: pl.DataFrame) -> pl.DataFrame:
    """What waits for a person.

    The reasons of every acta with that status, what came up against actas that people had decided, and the pages that belong
    nowhere.
    """
    actas = status.select(*ACTA, "status", acta_photo="photo", acta_page_in_file="page")
    reasons = (
        why.join(actas, on=ACTA, how="inner")
        .filter((pl.col("status") == "person") | pl.col("open"))
        .with_columns(photo=pl.coalesce("photo", "acta_photo"), page=pl.coalesce("page", "acta_page_in_file"))
    )
    strays = strays.filter(~pl.col("reason").is_in(_DISPUTED) | pl.col("open"))
    rows = pl.concat([reasons.select(list(WHY)), strays.select(list(WHY))]).with_columns(
        pl.col("station_id", "contest", "photo", "detail").fill_null(""), pl.col("page").fill_null(0)
    )
    key = ["station_id", "contest", "photo", "page", "reason"]
    return conform("queue", rows.sort(*key, "detail").unique(key, keep="first", maintain_order=True))
