"""The same handwriting on photos filed for different stations.

The reader keeps a fingerprint of what is written in a sheet's boxes (256 signs; two photos of one sheet differ in few of them, two sheets of one form in many). Here all
fingerprints of a form are held against each other. How near two different sheets come by chance is taken from the mission's own pairs: the lower half of their
distances, as if normal (the printed form, one country's way of writing and common numbers are all in it), and the limit is set so that less than one pair in twenty missions would come
below it by chance; never above `MOST`, because sheets with the same numbers are nearer to each other than others.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from audits.audit import REGISTRY, AuditData, AuditResult, Part, Sentence, audit, not_applied
from audits.words import N_, flag, flagged_frame

MOST = 44
"""Signs of 256 in which photos of one sheet may differ at most."""
BY_CHANCE = 0.05
"""Pairs of different sheets below the limit that are expected at most, for each form."""
_SAMPLE = 200_000  # pairs that the chance distances are taken from
_BLOCK = 2_000_000  # pairs compared at a time
_FEW = 50  # pairs, below which the mission's own distances say nothing, for one pair of the same sheet would be most of them
_FEW_USUAL, _FEW_SPREAD = (
    90.0,
    9.0,
)  # then those of the form whose sheets are nearest to each other (`benchmarks.same`)

_ORDINARY = N_(
    "Different sheets of a form are about as far from each other as most pairs of this mission are."
)
_FOUND = N_(
    "What is written on the photo filed for station {station} is written alike on a photo filed for station {other}: the fingerprints "
    "differ in {distance} of 256 signs, and those of different sheets in {usual} as a rule."
)

Words = NDArray[np.uint64]


@audit(
    id="same-writing",
    title=N_("The same handwriting filed for different stations"),
    grade="C",
    needs=("filings.writing",),
    null_hypothesis=N_("Photos filed for different stations show different sheets, written anew."),
    assumptions=(_ORDINARY,),
    innocent_explanations=(
        N_("Somebody chose the wrong station in a list for a second photo of the same sheet."),
        N_("Two contests or two copies of one acta were photographed, and one was filed wrongly."),
        N_("Two sheets have the same few numbers, written by the same hand."),
    ),
    citation=(
        "M. S. Charikar (2002), Similarity estimation techniques from rounding algorithms, STOC '02, 380-388, doi:10.1145/509907.509965; on "
        "pictures of tallies: F. Cantú (2019), American Political Science Review 113(3), 710-726."
    ),
    pitfalls=(
        N_("Look at both photos: a fingerprint only says where to look."),
        N_("A blurred or bent photo moves the ink, and the same sheet may then not be recognised."),
        N_("A sheet that was copied by hand is written anew and is not found."),
    ),
)
def same_writing(data: AuditData, *, seed: int = 0, calibrate: bool = True) -> AuditResult:
    """Flag pairs of photos filed for different stations whose fingerprints are nearer than chance brings different sheets.

    A page counts for the station it was filed for, else for the one read on it; pages of one file, or of one station, are not compared. No p-value: statistic
    and n are the pairs of pages below the limit and the pages compared; `flags_expected` the stations that chance would flag (twice the expected pairs). Parts ``form/…``: ``pages``,
    ``pairs``, ``usual`` and ``spread`` of the distances, ``limit``, ``expected`` pairs below it by chance, ``found``.
    """
    entry = REGISTRY["same-writing"]
    assert data.filings is not None
    pages = (
        data.filings.drop_nulls("writing")
        .with_columns(
            station=pl.coalesce("station_claimed", "station_read"), form=pl.col("form").fill_null("-")
        )
        .drop_nulls("station")
        .filter(pl.col("writing").str.contains("^[0-9a-f]{64}$"))
        .unique(["photo", "page", "station"], maintain_order=True)
    )
    parts: dict[str, Part] = {}
    flags, expected, found = [], 0.0, 0
    for (form,), group in pages.group_by("form", maintain_order=True):
        if group["station"].n_unique() < 2:
            continue
        part, near = _of_form(group, seed)
        parts[f"form/{form}"] = part
        expected += float(part["expected"] or 0)
        found += len(near)
        ids, photos = group["station"].to_list(), group["photo"].to_list()
        for i, j, apart in near:
            for here, there in ((i, j), (j, i)):
                numbers = {
                    "station": ids[here],
                    "other": ids[there],
                    "distance": apart,
                    "usual": part["usual"],
                }
                flags.append(flag(ids[here], Sentence(_FOUND, numbers), entry.grade, photo=photos[here]))
    if not parts:
        return not_applied(
            entry, N_("It needs photos of one form from two stations with handwriting on them.")
        )
    return AuditResult(
        id=entry.id,
        grade=entry.grade,
        statistic=float(found),
        n=pages.height,
        assumptions={_ORDINARY: None},
        parts=dict(sorted(parts.items())),
        flagged=flagged_frame(flags),
        flags_expected=2 * expected,
    )


def _of_form(
    group: pl.DataFrame, seed: int
) -> tuple[dict[str, float | int | str | bool | None], list[tuple[int, int, int]]]:
    """The figures of one form, and its pairs below the limit (rows of `group` and their distance)."""
    words = np.array([list(bytes.fromhex(w)) for w in group["writing"]], dtype=np.uint8).view(np.uint64)
    station, photo = (group[c].rank("dense").to_numpy().astype(np.int64) for c in ("station", "photo"))
    n = len(words)
    rng = np.random.default_rng([seed, n])
    if n * (n - 1) // 2 <= _SAMPLE:
        one, two = np.triu_indices(n, 1)
    else:
        one = rng.integers(0, n, _SAMPLE)
        two = (one + rng.integers(1, n, _SAMPLE)) % n
    apart = (station[one] != station[two]) & (photo[one] != photo[two])
    pairs = round(float(apart.mean()) * n * (n - 1) / 2)
    seen = _distance(words[one[apart]], words[two[apart]])
    usual, spread = _FEW_USUAL, _FEW_SPREAD
    if seen.size >= _FEW:
        usual = float(np.median(seen))
        # Below the median only, and at least as wide as 256 independent signs.
        spread = max(usual - float(np.quantile(seen, ndtr(-1))), 8.0)
    limit = min(MOST, int(np.floor(usual + spread * float(ndtri(min(0.5, BY_CHANCE / max(pairs, 1)))))))
    near: list[tuple[int, int, int]] = []
    rows = max(1, _BLOCK // n)
    for start in range(0, n, rows):
        i = np.arange(start, min(start + rows, n))
        d = np.zeros((i.size, n), dtype=np.int64)
        for word in range(4):
            d += np.bitwise_count(words[i, word][:, None] ^ words[:, word][None, :])
        hit = (d <= limit) & (np.arange(n)[None, :] > i[:, None])
        hit &= (station[i][:, None] != station[None, :]) & (photo[i][:, None] != photo[None, :])
        near += [(int(i[a]), int(b), int(d[a, b])) for a, b in np.argwhere(hit)]
    return {
        "pages": n,
        "pairs": pairs,
        "usual": round(usual),
        "spread": spread,
        "limit": limit,
        "expected": pairs * float(ndtr((limit + 0.5 - usual) / spread)),
        "found": len(near),
    }, near


def _distance(one: Words, two: Words) -> NDArray[np.int64]:
    return np.asarray(np.bitwise_count(one ^ two).sum(axis=1, dtype=np.int64))
