"""Small stations against the larger ones of their own place.

R. Jiménez, M. Hidalgo, P. Klimek (2017), Testing for voter rigging in small polling stations, Science Advances 3(6), e1602363: where few people vote, each
is easier to watch, so turnout and the winner's share at small stations are held against those of their neighbours, standardised where they are. The paper's neighbours are the stations of
a municipality, within which villages differ from towns without anybody's doing; a test that holds its level there too must stay within one place, where the list alone says who
votes at which station. So the test here is ours: for each place, small stations less large ones, and whether the differences lean to one side, given
their sizes (the sign-flip test, by its studentised sum; R. A. Fisher (1935), The Design of Experiments). The paper's standardised difference
within regions is printed beside it as a description.

Shares are averaged over stations by their lists and never by their ballots: ballots depend on turnout, and turnout may go together with the share.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from audits.audit import ALPHA, REGISTRY, AuditData, AuditResult, Part, Sentence, audit, not_applied
from audits.calibration import measure
from audits.clean import Election
from audits.within_place import (
    ENOUGH,
    Contrast,
    Floats,
    Ints,
    Means,
    Series,
    contrast,
    contrast_of,
    local_extra,
    single,
)
from audits.words import N_, Number, flag, flagged_frame

_CHANCE = N_("Who votes at which station of a place does not depend on how long the station's list is.")
_APART = N_("Places differ from each other independently.")
_LISTS = N_("The lists are those of the day.")
_SHARE = N_(
    "{share} % for {leader}; {others} % at the larger stations of the place ({count}). Which of them is unusual, this does not say."
)
AREAS = 3.0
"""Small stations per place on average, beyond which places are areas: a building has one or two that took the rest of its list."""


def _test(votes: Floats, valid: Floats, listed: Floats, place: Ints) -> float | None:
    found = contrast(Series.of(votes, valid, listed, place))
    return None if found is None else found.pvalue


def _of_election(e: Election) -> list[float | None]:
    if e.registered is None:
        return [None]
    valid = e.votes.sum(axis=1).astype(float)
    return [_test(e.votes[:, e.leader].astype(float), valid, e.registered.astype(float), e.place)]


@audit(
    id="small-stations",
    title=N_("Small stations against their neighbours"),
    grade="C",
    needs=("counts.option", "counts.registered", "counts.place_id"),
    null_hypothesis=N_(
        "At each place, the small stations' share of the leading option could as well lie above that of the large stations as below."
    ),
    assumptions=(_CHANCE, _APART, _LISTS),
    innocent_explanations=(
        N_(
            "The small station of a place has a list of its own kind: new voters, soldiers, patients, a hamlet."
        ),
        N_("Lists are made by surname or by date of registration, and these go with age or origin."),
        N_(
            "Poll workers and witnesses vote where they serve; they are more of the voters where the list is short."
        ),
    ),
    citation=(
        "R. Jiménez, M. Hidalgo, P. Klimek (2017), Testing for voter rigging in small polling stations, Science Advances 3(6), e1602363, "
        "doi:10.1126/sciadv.1602363; the contrast within places is ours."
    ),
    pitfalls=(
        N_(
            "Villages differ from towns: a comparison beyond the place, as published, is printed as a description only."
        ),
        N_(
            "Turnout is a description: poll workers vote where they serve and lists are filled in order, so that it differs at small "
            "stations in most elections without anybody's doing."
        ),
        N_(
            "Nothing can be said where every place has one station, or stations of equal lists, or where a file's places are areas."
        ),
        N_("What was done at all stations of a place, small and large, does not show."),
    ),
)
def small_stations(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Whether the leading option's share at small stations leans to one side of that at the larger stations of their own place.

    A station is small whose list has at most `SMALL` of the longest list at its place. Statistic and p-value: the studentised sum, over places, of the
    leading option's share at small less that at large stations (two-sided; `Contrast`). Parts ``share`` and ``turnout`` have the difference with its interval; the
    turnout is a description, for poll workers who vote where they serve are a larger part of a short list in every election. Parts ``region/…`` the difference of shares by
    region, as a description; the part ``published`` the mean difference of small (lowest tenth of the lists) and other stations in each region's standard deviations.

    Flagged: small stations whose share is further from that of the larger ones than counting and the stations' own spread explain, by Benjamini–Yekutieli over all
    small stations (``stations``: how many by it, ``beyond_by``, and by Benjamini–Hochberg, ``beyond_bh``). n: stations of the places compared.
    `effect_votes`: the difference of shares times the votes of all small stations.
    """
    entry = REGISTRY["small-stations"]
    assert data.counts is not None
    frame = data.counts
    values = {
        name: frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        for name in (*data.count_options, "voted", "registered")
    }
    place = frame["place_id"].rank("dense").cast(pl.Int64).fill_null(-1).to_numpy()
    leader = max(data.count_options, key=lambda o: np.nansum(values[o]))
    valid = np.sum([values[o] for o in data.count_options], axis=0)
    share = Series.of(values[leader], valid, values["registered"], place)
    turnout = Series.of(values["voted"], values["registered"], values["registered"], place)
    found = contrast(share)
    if found is None or found.pvalue is None:
        return not_applied(
            entry,
            N_("It needs {least} places with small and large stations, and these data have about {n}."),
            least=ENOUGH,
            n=round(found.places) if found else 0,
        )
    per_place = float(share.small.sum()) / (int(share.place.max()) + 1)
    if per_place > AREAS:
        return not_applied(
            entry,
            N_(
                "Its places must be single buildings; those of these data have {n} small stations each, so they are areas, and "
                "within an area villages differ from towns."
            ),
            n=round(per_place, 1),
        )
    of_turnout = contrast(turnout)
    rates: tuple[float | None, ...] = (None,)
    calibration: Part = {}
    notes = [Sentence(N_("Leading option: {leader}."), {"leader": leader})]
    if calibrate:
        # Where few places can be compared, parts of all stations would hold too few of them.
        rows = np.sort(share.row)
        few = data if 2 * rows.size > frame.height else AuditData(counts=frame[rows], options=data.options)
        measured = measure(few, _of_election, seed, plant="stuffing")
        if measured is None:
            notes.append(Sentence(N_("The false-alarm rate was not measured: no station has every number.")))
        else:
            rates, calibration = measured.rates, measured.calibration
    else:
        notes.append(
            Sentence(N_("The false-alarm rate was not measured, because calibration was switched off."))
        )
    parts: dict[str, Part] = {"share": _part(share, found)}
    if of_turnout is not None:
        described = {k: v for k, v in _part(turnout, of_turnout).items() if k != "statistic"}
        parts["turnout"] = {"grade": "D", **described}
    regions = frame["region"].fill_null("").to_list()
    parts |= _by_region(share, np.array(regions, dtype=object))
    parts["published"] = _published(
        values[leader] / np.where(valid > 0, valid, np.nan), values["registered"], frame["region"]
    )
    flagged, stations = _flags(frame, leader, share)
    parts["stations"] = stations
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=found.statistic,
        pvalue=found.pvalue,
        n=int(share.part.size),
        effect_votes=abs(found.difference) * float(share.whole[share.small].sum()),
        effect_meaning=N_(
            "the leading option's votes at small stations above or below the share of their larger neighbours"
        ),
        assumptions={_CHANCE: None, _APART: None, _LISTS: None},
        parts=parts,
        flagged=flagged,
        flags_expected=ALPHA,
        false_alarm_rate=rates[0],
        calibration=calibration,
        notes=tuple(notes),
    )


def _part(s: Series, c: Contrast) -> dict[str, Number]:
    return {
        "small": int(s.small.sum()),
        "large": int((~s.small).sum()),
        "places": int(s.place.max()) + 1,
        "difference": c.difference,
        "low": c.low,
        "high": c.high,
        "statistic": c.statistic,
        "extra": c.extra,
    }


def _by_region(s: Series, region: NDArray[np.object_]) -> dict[str, Part]:
    """The difference of shares by region: a description, for there is no correction for the number of regions."""
    few, many = Means.of(s, s.small), Means.of(s, ~s.small)
    of_place = np.empty(few.mean.size, dtype=object)
    of_place[s.place] = region[s.row]
    out: dict[str, Part] = {}
    for name in sorted(set(of_place.tolist())):
        here = of_place == name
        if here.sum() < 5:
            continue
        c = contrast_of(
            *(Means(m.mean[here], m.stations[here], m.votes[here], m.count[here]) for m in (few, many))
        )
        out[f"region/{name or '-'}"] = {
            "places": int(here.sum()),
            "difference": c.difference,
            "low": c.low,
            "high": c.high,
        }
    return out


def _published(share: Floats, listed: Floats, region: pl.Series) -> dict[str, Number]:
    """Standardised within regions, lowest tenth of the lists against the rest."""
    known = np.isfinite(share) & (listed > 0)
    code = _codes(region)[known]
    x, n = share[known], np.maximum(np.bincount(code), 1)
    mean = np.bincount(code, weights=x) / n
    sd = np.sqrt(np.maximum(np.bincount(code, weights=x**2) / n - mean**2, 0.0))
    usable = sd[code] > 1e-9
    z = (x[usable] - mean[code][usable]) / sd[code][usable]
    size = listed[known][usable]
    if z.size < 20:
        return {"small": 0}
    small = size <= np.quantile(size, 0.1)
    if small.all():
        return {"small": 0}
    return {
        "small": int(small.sum()),
        "standardised_difference": float(z[small].mean() - z[~small].mean()),
    }


def _flags(frame: pl.DataFrame, leader: str, s: Series) -> tuple[pl.DataFrame, dict[str, Number]]:
    """The small stations beyond chance, and how many."""
    own, mean = single(s, local_extra(s, _codes(frame["region"])))
    p = own[s.small]
    m = p.size
    order = np.argsort(p, kind="stable")
    stepped = p[order] * m / np.arange(1, m + 1)
    bh = np.empty(m)
    bh[order] = np.minimum(1.0, np.minimum.accumulate(stepped[::-1])[::-1])
    by = np.minimum(1.0, bh * float((1 / np.arange(1, m + 1)).sum()))
    count = np.bincount(s.place, weights=~s.small).astype(np.int64)
    rows = []
    for i in np.flatnonzero(s.small)[by <= ALPHA]:
        numbers: dict[str, Number] = {
            "share": round(100 * float(s.part[i] / s.whole[i]), 1),
            "others": round(100 * float(mean[i]), 1),
            "count": int(count[s.place[i]]),
            "leader": leader,
        }
        votes = round(abs(float(s.part[i] - mean[i] * s.whole[i])))
        station = frame["station_id"][int(s.row[i])]
        rows.append(flag(station, Sentence(_SHARE, numbers), "C", votes=votes))
    stations: dict[str, Number] = {
        "small": m,
        "beyond_bh": int((bh <= ALPHA).sum()),
        "beyond_by": int((by <= ALPHA).sum()),
        "least_p": float(p.min(initial=1.0)),
    }
    return flagged_frame(rows), stations


def _codes(region: pl.Series) -> Ints:
    return np.asarray(region.fill_null("").rank("dense").cast(pl.Int64).to_numpy() - 1)
