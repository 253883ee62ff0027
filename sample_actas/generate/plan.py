"""What is on every sheet and photo, and which problems are planted where. No pixels here."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace

import numpy as np

from sample_actas.generate.camera import Shot
from sample_actas.generate.election import (
    GOVERNOR,
    GOVERNOR_PAGES,
    LANDSCAPE,
    PRESIDENT,
    STRIP,
    WORDS,
    Count,
    Station,
)

# Which station has which problem. Every other sheet adds up, and every other official number is that of its acta.
TRANSPOSED = {"02213": ("sol", 117, 171), "02231": ("puente", 52, 25)}
SWAPPED = {"01141": ("sol", "puente"), "30322": ("sol", "puente")}
CHANGED_DIGIT = {"02242": ("ceiba", 29, 79), "01153": ("puente", 73, 13)}
# What the poll workers wrote instead of what would have added up, and the sums of the form that then fail.
# A vote or two fewer in the count than voters: every number concerned is held by another sum, so that a reading is certain of it.
LOST_VOTES = {
    "30323": ({"sol": -1, "valid": -1, "total": -1}, ("total_cast",)),
    "30331": ({"puente": -2, "valid": -2, "total": -2}, ("total_cast",)),
}
# A slip in adding: nothing else says what was meant, so that only people can confirm it.
SLIPS = {
    "02223": ({"valid": +9}, ("options_valid", "votes_cast")),
    "30333": ({"valid": -9}, ("options_valid", "votes_total")),
}
WRONG_SUM = {**LOST_VOTES, **SLIPS}
FILED_TWICE = ("02233", "02234")  # the first one's photo stands for both
TOO_POOR = "01144"
WRONG_PAGE = "30324"
UPSIDE_DOWN = "02221"
NO_ACTA = "30342"
NOT_IN_REGISTER = "02299"
SECOND_PHOTO = "01113"
REVISED = {
    "02252": ("puente", 79, 97),
    "01152": ("sol", 40, 46),
}  # as the first snapshot has it, the second not
EXIF_TURNED = "02254"
TWELVE_MEGAPIXELS = ("02211", "01111", "30311")
PENDING_FIRST = ("01155", "01123", "02225", "02255", "30313", "30334", "30343")
PENDING_GOVERNOR_FIRST = ("01134",)
PENDING_STILL = ("30343",)
HELD_FIRST = ("30333",)  # "observada" in the first snapshot because it does not add up

CLEAR = frozenset(
    {*TRANSPOSED, *SWAPPED, *CHANGED_DIGIT, *WRONG_SUM, *FILED_TWICE, NOT_IN_REGISTER, SECOND_PHOTO}
)
"""Where a reading must be certain for the problem to show: a tidy writer and a steady hand."""


@dataclass(frozen=True)
class Photo:
    """One file. `page` of the sheet it shows; `kind` is what it shows: the acta, or something else."""

    file: str
    shot: Shot
    page: int = 0
    kind: str = "acta"
    copy_of: str | None = None
    exif_turned: bool = False


@dataclass(frozen=True)
class Sheet:
    """One acta on paper: the forms of its pages and every number on them."""

    station: Station
    contest: str
    forms: tuple[str, ...]
    values: dict[str, int]
    style: str
    tidy: bool
    photos: tuple[Photo, ...] = field(default=())

    @property
    def key(self) -> str:
        """What its randomness hangs on."""
        return f"{self.station.id}/{self.contest}"


def generator(seed: int, purpose: str, key: str) -> np.random.Generator:
    """Randomness that depends on what it is for and on nothing that was made before."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), zlib.crc32(key.encode())])


def sheets(stations: list[Station], seed: int) -> list[Sheet]:
    """All actas that exist on paper, the unregistered station's included, with their photos."""
    out = []
    for station in [*stations, _unregistered(stations, seed)]:
        for contest, count in station.counts.items():
            forms = (station.region.form,) if contest == PRESIDENT else GOVERNOR_PAGES
            values = _values(station, contest, count)
            for name, more in WRONG_SUM.get(station.id, ({}, ()))[0].items() if contest == PRESIDENT else ():
                values[name] += more
            rng = generator(seed, "style", f"{station.id}/{contest}")
            weights = (
                (0.4, 0.1, 0.12, 0.26, 0.12) if station.region.form == STRIP else (0.58, 0.1, 0.1, 0.07, 0.15)
            )
            style = str(rng.choice(("zeros", "x", "dash", "dot", "empty"), p=weights))
            tidy = station.id in CLEAR
            sheet = Sheet(station, contest, forms, values, "zeros" if tidy else style, tidy)
            out.append(replace(sheet, photos=tuple(_photos(sheet, seed))))
    return out


def _unregistered(stations: list[Station], seed: int) -> Station:
    like = next(s for s in stations if s.id == "02254")
    count = Count({"sol": 71, "puente": 58, "faro": 22, "ceiba": 19, "timon": 6}, 4, 7, 187)
    return replace(
        like,
        id=NOT_IN_REGISTER,
        place="Escuela Cerro Nublado",
        registered=241,
        ballots=241,
        counts={PRESIDENT: count},
    )


def _values(station: Station, contest: str, count: Count) -> dict[str, int]:
    values = {
        **count.votes,
        "valid": count.valid,
        "blank": count.blank,
        "null": count.null,
        "cast": count.cast,
    }
    if contest == GOVERNOR:
        return values | {"voted": count.voted, "carried": count.valid, "total": count.cast}
    form = station.region.form
    if form == LANDSCAPE:
        return values | {"registered_printed": station.ballots, "unused": station.ballots - count.cast}
    if form == WORDS:
        return values | {
            "voted": count.voted,
            "received": station.ballots,
            "unused": station.ballots - count.cast,
            "total": count.cast,
        }
    return values | {"voted": count.voted}


def _photos(sheet: Sheet, seed: int) -> list[Photo]:
    station = sheet.station.id
    if sheet.contest == GOVERNOR:
        return [
            Photo(f"{station}_gob_p{page + 1}.jpg", _shot(sheet, seed, f"{page}"), page) for page in (0, 1)
        ]
    shot = _shot(sheet, seed, "0")
    if station in (NO_ACTA, FILED_TWICE[1]):
        return []
    if station == TOO_POOR:
        return [Photo(f"{station}.jpg", replace(shot, size=(1224, 1632), blur=7.5))]
    if station == WRONG_PAGE:
        return [Photo(f"{station}.jpg", shot, kind="other")]
    if station == UPSIDE_DOWN:
        return [Photo(f"{station}.jpg", replace(shot, turn=2))]
    photos = [Photo(f"{station}.jpg", shot, exif_turned=station == EXIF_TURNED)]
    if station == FILED_TWICE[0]:
        photos.append(replace(photos[0], file=f"{FILED_TWICE[1]}.jpg", copy_of=photos[0].file))
    if station == SECOND_PHOTO:
        photos.append(Photo(f"{station}_2.jpg", _shot(sheet, seed, "second")))
    return photos


def _shot(sheet: Sheet, seed: int, which: str) -> Shot:
    rng = generator(seed, "shot", f"{sheet.key}/{which}")
    long, short = ((1632, 1224), (2048, 1536), (2304, 1728))[rng.choice(3, p=(0.5, 0.42, 0.08))]
    blur, limit = float(rng.uniform(0.5, 1.15)), 300_000
    if sheet.tidy:
        long, short, blur = 2048, 1536, float(rng.uniform(0.45, 0.65))
    if sheet.station.id in TWELVE_MEGAPIXELS and sheet.contest == PRESIDENT:
        long, short, blur, limit = 4032, 3024, 0.6, 1_200_000
    upright = sheet.forms[0] != LANDSCAPE
    return Shot((short, long) if upright else (long, short), blur, limit=limit)
