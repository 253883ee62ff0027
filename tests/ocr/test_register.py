"""Finding the page and its boxes: on blank sample forms warped by hand, and on the real sheets."""

from __future__ import annotations

import csv
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import ocr.gate
import ocr.lines
import ocr.print_there
import ocr.register
from benchmarks._warp import shoot
from benchmarks.registration import OFF, UNKNOWN, Task, measure
from ocr.form import Text, load_forms
from ocr.found import NotFound, OtherForm, registration
from ocr.gate import _astray, _texts_elsewhere, sure, with_texts
from ocr.lines import _segments, unwarps
from ocr.match import Matcher
from ocr.print_there import InPlace, pull
from ocr.register import ONE_OF_SEVERAL, TO_LINES, register
from ocr.render import render
from ocr.rough import rough
from ocr.rows import texts_in_place
from ocr.skeleton import LONG
from ocr.snap import Pyramid
from ocr.twins import Laid, likeliest, twins

FORMS = load_forms()
REAL = ("bo-oep-2025", "id-kpu-c1-2014", "ge-cec-protocol-2012")


def centres(form, scale):
    return {f.name: np.array([(x + w / 2, y + h / 2) for x, y, w, h in f.boxes]) * scale for f in form.fields}


def photographed(form, quarters=0, tilt=4.0, squeeze=0.06, seed=1):
    """The blank form on a dark table: turned, in perspective, unevenly lit; and the homography from page units."""
    scale = 1500 / max(form.page.width, form.page.height)
    gray = cv2.cvtColor(render(form, scale=scale), cv2.COLOR_BGR2GRAY)
    h, w = gray.shape
    rng = np.random.default_rng(seed)
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], float)
    angle = np.radians(90 * quarters + tilt)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (corners - [w / 2, h / 2]) @ turn.T + rng.uniform(-squeeze, squeeze, (4, 2)) * min(w, h)
    placed += 80 - placed.min(axis=0)
    size = np.ceil(placed.max(axis=0) + 80).astype(int)
    m = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    photo = cv2.warpPerspective(gray, m, tuple(int(v) for v in size), borderValue=60).astype(float)
    photo *= np.linspace(0.7, 1.0, size[0])[None, :]
    photo = np.clip(photo + rng.normal(0, 3, photo.shape), 0, 255).astype(np.uint8)
    return photo, m @ np.diag([scale, scale, 1.0])


def worst(found, form, to_photo):
    """The largest distance of a box's centre from where it is, in box sides."""
    errors = []
    for f in form.fields:
        boxes = np.array(f.boxes)
        true = cv2.perspectiveTransform((boxes[:, :2] + boxes[:, 2:] / 2)[None], to_photo)[0]
        quads = found.corners[f.name]
        side = np.minimum(
            np.hypot(*(quads[:, 1] - quads[:, 0]).T),
            np.hypot(*(quads[:, 3] - quads[:, 0]).T),
        )
        errors.append(np.hypot(*(quads.mean(axis=1) - true).T) / side)
    return float(np.concatenate(errors).max())


# The renderer's font has no Georgian letters, so the drawn Georgian sheet lacks its texts.
@pytest.mark.parametrize("name", [*(n for n in FORMS if FORMS[n].synthetic), "bo-oep-2025", "id-kpu-c1-2014"])
def test_a_drawn_form_is_found_and_its_boxes_lie_where_they_are(name):
    photo, to_photo = photographed(FORMS[name])
    found = register(photo, list(FORMS.values()))
    assert found.form.id == name
    assert worst(found, FORMS[name], to_photo) < 0.12
    assert 0 < found.score <= 1


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_page_is_read_the_right_way_up(quarters):
    form = FORMS["sample-landscape"]
    photo, to_photo = photographed(form, quarters=quarters, tilt=-3.0)
    found = register(photo, list(FORMS.values()))
    assert worst(found, form, to_photo) < 0.12
    assert abs((found.orientation - (90 * quarters - 3) + 180) % 360 - 180) < 4


@pytest.mark.parametrize(
    ("form", "seed"),
    [
        ("mx-ine-aecc-2015-one-coalition-one-independent", 410066),
        ("mx-ine-aecc-2015-two-coalitions-one-independent", 440010),
    ],
)
def test_a_page_printed_in_dots_is_found_by_a_blurred_look_only(form, seed, monkeypatch):
    task = Task(form, "halftone", seed)
    found = measure(task)
    assert not found.refused
    assert found.form == task.form
    assert found.worst < OFF
    monkeypatch.setattr(ocr.register, "BLURRED_WAYS", 0)
    assert measure(task).refused


def test_a_good_photo_is_not_looked_at_blurred(monkeypatch):
    blurs = []

    def noted(gray, blur=0.0):
        blurs.append(blur)
        return unwarps(gray, blur)

    monkeypatch.setattr(ocr.register, "unwarps", noted)
    register(photographed(FORMS["bo-oep-2025"])[0], list(FORMS.values()))
    assert blurs == [0.0]
    with pytest.raises(NotFound):
        register(np.full((1200, 900), 220, np.uint8), list(FORMS.values()))
    assert blurs[2:] == [ocr.register.DOTS]


def test_the_same_photo_gives_the_same_boxes():
    photo, _ = photographed(FORMS["sample-words"])
    a, b = (register(photo, list(FORMS.values())) for _ in range(2))
    assert a.score == b.score
    assert all(np.array_equal(a.corners[n], b.corners[n]) for n in a.corners)


@pytest.mark.parametrize("kind", ["white", "noise", "stripes", "tiny"])
def test_what_is_not_a_form_is_refused(kind):
    rng = np.random.default_rng(3)
    photo = {
        "white": np.full((900, 700), 255, np.uint8),
        "noise": rng.integers(0, 256, (900, 700)).astype(np.uint8),
        "stripes": np.tile((np.arange(700) % 40 > 3).astype(np.uint8) * 200, (900, 1)),
        "tiny": np.full((9, 12), 128, np.uint8),
    }[kind]
    with pytest.raises(NotFound):
        register(photo, list(FORMS.values()))


def test_a_page_cut_through_its_boxes_is_refused():
    form = FORMS["sample-landscape"]
    photo, to_photo = photographed(form, tilt=1.0)
    at = np.concatenate([np.array(f.boxes)[:, :2] for f in form.fields])
    right = cv2.perspectiveTransform(at[None], to_photo)[0][:, 0]
    with pytest.raises(NotFound):
        register(np.ascontiguousarray(photo[:, : int(np.median(right))]), list(FORMS.values()))


def test_a_form_that_is_not_known_is_refused():
    photo, _ = photographed(FORMS["sample-words"])
    others = [f for n, f in FORMS.items() if n != "sample-words"]
    with pytest.raises(NotFound, match="another form"):
        register(photo, others)


def test_without_forms_it_says_so():
    with pytest.raises(NotFound, match="no form is known"):
        register(np.zeros((50, 50), np.uint8), [])


@pytest.mark.parametrize("name", REAL)
def test_real_sheets_are_found_and_the_wrong_page_is_refused(real_data, name):
    folder = real_data / "actas" / name
    with (folder / "truth.csv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    refuse = {r["file"] for r in rows if r["field"] == "refuse"}
    for file in sorted({r["file"] for r in rows}):
        gray = cv2.imread(str(folder / file), cv2.IMREAD_GRAYSCALE)
        if file in refuse:
            with pytest.raises(NotFound):
                register(gray, list(FORMS.values()))
            continue
        found = register(gray, list(FORMS.values()))
        assert found.form.id == name, file
        seen = [found.seen[f.name] for f in found.form.fields if f.edges != "none"]
        assert min(seen) > 0.3, file


def test_real_sheets_of_other_forms_are_refused(real_data):
    for folder in ("co-e14-2026", "hn-cne-2025", "ge-cec-protocol-2016", "id-kpu-c1-2019"):
        for path in sorted((real_data / "actas" / folder).glob("*.*g"))[:2]:
            gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            with pytest.raises(NotFound):
                register(gray, [FORMS[n] for n in REAL])


def test_printed_texts_speak_for_a_page_whose_lines_a_copier_lost():
    copied = measure(Task("hn-cne-2025", "copy", 120105))
    assert copied.form == "hn-cne-2025"
    assert copied.worst < OFF


@pytest.mark.parametrize(
    ("form", "kind", "seed"),
    [
        ("pe-onpe-2026", "bent", 160093),  # right at the top of its table, a row off at the bottom
        ("cl-servel-presidente-2025", "steep", 170222),  # a box aside at one end
    ],
)
def test_a_table_that_lost_step_with_its_rows_or_boxes_finds_it(form, kind, seed, monkeypatch):
    shot = shoot(FORMS[form], kind, seed)
    pyramid, forms = Pyramid(shot.gray), [f for f in FORMS.values() if not f.by_code]

    def worst() -> float:
        along_lines = ocr.register._of_each_way(pyramid, [next(unwarps(shot.gray))], forms, 1)
        found = registration(max(along_lines, key=lambda f: f.match.quality))
        assert found.form.id == form
        off = [np.abs(found.corners[f.name] - shot.corners[f.name]).max() for f in FORMS[form].votes]
        return max(off)

    assert worst() < 8
    monkeypatch.setattr(ocr.register, "in_step", lambda matcher, match: match)
    assert worst() > 16


@pytest.mark.parametrize("off", [(0.0, 0.8), (0.1, -0.8)])
def test_a_page_is_drawn_to_where_its_texts_are_seen(off):
    """Laid nearly a row off, where its lines would lead it to the next row, a page is led by its texts."""
    form = FORMS["pe-onpe-2026"]
    gray, _ = photographed(form)
    sheet = next(unwarps(gray))
    matcher = Matcher(sheet)
    right = max((matcher.refined(r) for r in rough(sheet, [form])[:3]), key=lambda m: m.quality)
    unit = LONG / max(form.page.width, form.page.height)
    row = np.median(np.diff(np.unique([b[1] for f in form.votes for b in f.boxes]))) * unit
    away = [
        np.concatenate([[v[0] + part * row], v[1:]]) for v, part in zip((right.warp.x, right.warp.y), off, strict=True)
    ]  # fmt: skip
    lost = replace(right, warp=replace(right.warp, x=away[0], y=away[1]))

    def seen(match):
        return texts_in_place(
            Pyramid(gray),
            form,
            lambda p: cv2.perspectiveTransform(match.warp(p * unit)[None], sheet.to_photo)[0],
        )

    texts = seen(lost)
    assert texts.share < seen(right).share - 0.1
    drawn = matcher.drawn_to(lost, *pull(form, texts))
    corners = np.array([b[:2] for f in form.fields for b in f.boxes]) * unit
    assert np.abs(drawn.warp(corners) - right.warp(corners)).max() < 0.15 * row
    assert drawn.quality == pytest.approx(right.quality, rel=0.05)


def test_forms_that_look_alike_are_not_told_by_words_that_nobody_sees():
    """Taken for the sheet of another contest, a photo in a fold of whose page the words were lost."""
    assert measure(Task("mx-ine-2024-president-special", "steep", 160282)).refused
    assert measure(Task("mx-ine-aecc-2015-two-coalitions", "hand", 1000018)).refused == ONE_OF_SEVERAL
    pair = [FORMS["mx-ine-2024-senate"], FORMS["mx-ine-2024-deputies"]]
    assert {f.id for f in twins(pair[0], pair)} == {pair[1].id}
    drawn = cv2.cvtColor(render(pair[0], scale=0.8), cv2.COLOR_BGR2GRAY)

    def told(gray):
        return likeliest(Pyramid(gray), [Laid(f, lambda page: page * 0.8, 0.8) for f in pair])

    assert told(drawn) == pair[0].id
    assert told(cv2.GaussianBlur(drawn, (0, 0), 9)) is None
    assert told(np.full_like(drawn, 200)) is None


def test_contests_that_differ_in_their_title_only_are_told_by_it_or_refused():
    blank = FORMS["sample-words"]
    pair = [
        blank.model_copy(update={"id": word, "texts": (*blank.texts, Text(x=60, y=70, text=word, size=34))})
        for word in ("Senadores", "Presidente")
    ]
    for form in pair:
        gray, to_photo = photographed(form)
        for forms in (pair, pair[::-1]):
            assert register(gray, forms).form.id == form.id
        box = np.array([[40, 30], [340, 30], [340, 90], [40, 90]], float)
        cv2.fillPoly(gray, [np.rint(cv2.perspectiveTransform(box[None], to_photo)[0]).astype(np.int32)], 190)
        for forms in (pair, pair[::-1]):
            with pytest.raises(NotFound, match="look alike"):
                register(gray, forms)


def test_a_page_that_nobody_would_read_is_read_once_it_is_drawn_to_its_texts():
    gray = shoot(FORMS["mx-ine-aecc-2015-no-coalition"], "steep", 160162).gray
    pyramid, forms = Pyramid(gray), [f for f in FORMS.values() if not f.by_code]
    along_lines = ocr.register._of_each_way(pyramid, [next(unwarps(gray))], forms, 1)
    lost = max(along_lines, key=lambda f: f.match.quality)
    assert not sure(with_texts(pyramid, lost))
    assert sure(ocr.register._drawn(pyramid, lost))


@pytest.mark.parametrize(
    ("form", "kind", "seed"),
    [
        ("mx-ine-aecc-2015-no-coalition", "steep", 300162),  # flat, and turned
        ("co-e14-2026", "steep", 300542),
        ("mx-ine-aecc-2015-two-coalitions", "steep", 300852),  # its outline is lost in a shadow
        ("hn-cne-2025", "bent", 300743),  # by the outline of the page
    ],
)
def test_a_form_of_few_upright_lines_is_unwarped_by_the_edges_of_its_paper(form, kind, seed, monkeypatch):
    outcome = measure(Task(form, kind, seed))
    assert not outcome.refused and outcome.worst < 0.2
    segments = ocr.lines._segments
    monkeypatch.setattr(ocr.lines, "_segments", lambda small: (segments(small)[0], np.zeros((0, 4))))
    monkeypatch.setattr(ocr.lines, "_page", lambda small: None)
    assert measure(Task(form, kind, seed)).refused


def test_edges_of_the_paper_are_no_printed_lines():
    picture = np.full((700, 900), 90, np.uint8)
    cv2.rectangle(picture, (100, 80), (800, 620), 220, -1)
    cv2.line(picture, (200, 300), (700, 300), 40, 3)
    lines, edges = _segments(picture)
    upright = np.abs(edges[:, 0] - edges[:, 2]) < 3
    assert np.allclose(lines[:, [1, 3]], 300, atol=4) and len(lines)
    assert {round(x, -2) for x in edges[upright, 0]} == {100, 800} and not upright.all()


def test_a_page_settled_by_its_lines_is_drawn_to_its_texts_before_it_is_refused(monkeypatch):
    """Its heading stood too far from its place to be told from that of another contest."""
    gray, forms = shoot(FORMS["mx-ine-2024-deputies"], "steep", 300722).gray, list(FORMS.values())
    quality = []

    def noted(pyramid, found, forms):
        quality.append(found.match.quality)
        return of_twins(pyramid, found, forms)

    of_twins = ocr.register._of_twins
    monkeypatch.setattr(ocr.register, "_of_twins", noted)
    assert register(gray, forms).form.id == "mx-ine-2024-deputies"
    assert len(quality) == 1
    monkeypatch.setattr(ocr.gate, "PLAIN", 0.0)  # even if its texts were not asked at first
    assert register(gray, forms).form.id == "mx-ine-2024-deputies"
    assert len(quality) == 3 and quality[2] > quality[1]


def test_a_sheet_that_nobody_asked_for_is_not_asked_about_again(monkeypatch):
    asked = []

    def noted(*args):
        asked.append(args)
        return of_twins(*args)

    of_twins = ocr.register._of_twins
    monkeypatch.setattr(ocr.register, "_of_twins", noted)
    gray = shoot(FORMS["mx-ine-2024-senate"], "photo", 77).gray
    with pytest.raises(OtherForm):
        register(gray, [FORMS["mx-ine-2024-deputies"]])
    assert len(asked) == 1


def test_what_is_refused_at_last_says_why(monkeypatch):
    monkeypatch.setattr(ocr.register, "settled", lambda found: False)
    monkeypatch.setattr(ocr.register, "sure", lambda found: False)

    def refuse(pyramid, found, corners):
        raise NotFound(f"no: {found.match.form.id}")

    monkeypatch.setattr(ocr.register, "gate", refuse)
    monkeypatch.setattr(ocr.register, "alone_by_print", lambda *_: None)
    with pytest.raises(NotFound, match="no: bo-oep-2025"):
        register(photographed(FORMS["bo-oep-2025"])[0], list(FORMS.values()))


def test_under_a_hand_a_sheet_is_not_taken_for_a_longer_one_with_the_same_heading(monkeypatch):
    task = Task("sample-strip-governor", "hand", 430268)
    outcome = measure(task)
    assert outcome.refused or outcome.form == task.form
    monkeypatch.setattr(ocr.register, "kin", lambda form, forms: [])
    monkeypatch.setattr(ocr.gate, "OUT_OF_PLACE", 0.0)
    monkeypatch.setattr(ocr.gate, "PLAIN", 0.0)
    monkeypatch.setattr(ocr.gate, "_texts_elsewhere", lambda *_: False)
    assert measure(task).form not in ("", task.form)


def test_what_was_found_first_speaks_against_what_is_found_later():
    def found(name, quality):
        return SimpleNamespace(match=SimpleNamespace(form=FORMS[name], quality=quality))

    before = found("mx-ine-2024-senate", 0.6)
    for name, least in (("mx-ine-2024-senate", 0.6), ("mx-ine-2024-deputies", 0.6), ("bo-oep-2025", 1.0)):
        assert ocr.register._outdoes(before, found(name, least - 0.01))
        assert not ocr.register._outdoes(before, found(name, least + 0.01))


@pytest.mark.parametrize(
    ("off", "like", "elsewhere"),
    [
        ((0, 0), (0.8, 0.8, 0.8, 0.8), False),
        ((0, 20), (0.8, 0.8, 0.8, 0.8), True),
        ((20, 0), (0.8, 0.8, 0.8, 0.8), True),
        ((0, 0), (0.8, 0.8, 0.2, 0.8), False),
        ((0, 0), (0.8, 0.2, 0.2, 0.8), True),  # the fourth is not one of the nearest
    ],
)
def test_texts_near_a_field_say_where_its_boxes_are(off, like, elsewhere):
    field = FORMS["pe-onpe-2026"].field("electores_habiles")
    x, y = field.boxes[0][:2]
    at = np.array([[x - 90, y], [x, y - 60], [x + 60, y + 60], [x - 900, y + 500]], float)
    shift = np.array([3.0, 4.0])
    texts = InPlace(
        0.8, 0.8, 1.0, 1.0, at, np.tile(np.add(off, shift), (4, 1)), np.array(like), np.array(like)
    )
    assert _texts_elsewhere(texts, field, shift, 70.0) == elsewhere
    nothing = InPlace(0.0, 0.0, 0.0, 0.0, at[:0], at[:0], np.zeros(0), np.zeros(0))
    assert _texts_elsewhere(nothing, field, shift, 70.0)


def test_a_field_beyond_its_texts_must_lie_nearer_to_where_they_say():
    field = FORMS["pe-onpe-2026"].field("electores_habiles")
    x, y, w, h = np.array(field.boxes).T
    at = np.array([[x[0] - 90, y[0]], [x[0] - 120, y[0] - 40], [x[0] - 60, y[0] + 60]])
    off = np.tile([0.25 * min(w.min(), h.min()), 0.0], (3, 1))
    like, shift = np.full(3, 0.8), np.zeros(2)
    assert _texts_elsewhere(InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like), field, shift, 70.0)
    at[2, 0] = x[0] + 200  # on the other side
    assert not _texts_elsewhere(InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like), field, shift, 70.0)


def test_the_nearest_text_speaks_for_itself():
    """Not where it is too far to say anything, stands elsewhere, or is more like another place a row off."""
    field = FORMS["pe-onpe-2026"].field("electores_habiles")
    x, y = field.boxes[0][:2]
    at = np.array([[x - 90, y], [x, y - 60], [x + 60, y + 60]], float)
    like, off = np.full(3, 0.8), np.zeros((3, 2))
    shift = np.zeros(2)
    assert not _texts_elsewhere(InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like), field, shift, 70.0)
    assert _texts_elsewhere(InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like), field, shift, 20.0)
    assert _texts_elsewhere(
        InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like - [0.0, 0.3, 0.0]), field, shift, 70.0
    )
    off[0] = 5, 0
    assert _texts_elsewhere(InPlace(0.8, 0.8, 1.0, 1.0, at, off, like, like), field, shift, 70.0)


@pytest.mark.parametrize(
    ("seen", "away", "by", "astray"),
    [
        (40, 4, 0.3, True),
        (40, 3, 0.3, False),
        (40, 40, 0.05, False),
        (100, 4, 0.3, False),
        (100, 7, 0.3, True),
    ],
)
@pytest.mark.parametrize("aside", [False, True])
@pytest.mark.parametrize("together", [True, False])
def test_several_texts_that_clearly_stand_elsewhere_speak_against_a_page(
    seen, away, by, astray, together, aside
):
    """Of texts in noise each is a little more like somewhere else; unseen ones say nothing, nor do those that are each found somewhere else."""
    like = np.append(np.full(seen, 0.8), np.full(50, 0.2))
    near = like - np.append(np.where(np.arange(seen) < away, by, 0.0), np.full(50, 0.2))
    off = np.zeros((len(like), 2)) if together else np.arange(2.0 * len(like)).reshape(-1, 2) * 100
    texts = InPlace(0.7, 0.7, 0.9, 0.9, np.zeros((len(like), 2)), off, like, near)
    form = FORMS["pe-onpe-2026"]
    if aside and by > 0.1:  # in their rows, and elsewhere in these
        off[:away, 0] += 0.45 * np.median([b[2] for f in form.votes for b in f.boxes])
        texts = replace(texts, off=off, near=like)
    match = SimpleNamespace(form=form)
    assert _astray(SimpleNamespace(texts=texts, match=match)) == (astray and together)


def test_boxes_without_edges_are_not_read_where_the_texts_beside_them_stand_elsewhere(monkeypatch):
    """A fold ran between the registered voters' box in the upper corner and all lines of the page."""
    drawn = measure(Task("pe-onpe-2026", "steep", 300412))  # to its texts
    assert drawn.form == "pe-onpe-2026" and drawn.worst < OFF
    monkeypatch.setattr(ocr.gate, "PLAIN", 0.0)
    outcome = measure(Task("pe-onpe-2026", "steep", 300412))
    assert outcome.form and outcome.absent == 1 and outcome.worst < OFF


@pytest.mark.parametrize(
    ("form", "kind", "seed", "module", "guard"),
    [
        ("cl-servel-presidente-2025", "lined", 600419, ocr.gate, "PLAIN"),  # drawn to its texts
        # a box further to the left, and stretched: its texts are looked for far enough to say so
        ("pe-onpe-2026", "cut", 1000048, ocr.print_there, "BESIDE"),
        ("mx-ine-aecc-2015-two-coalitions-one-independent", "steep", 1000092, ocr.print_there, "BESIDE"),
    ],
)
def test_a_page_that_lies_a_little_off_is_told_by_its_texts(form, kind, seed, module, guard, monkeypatch):
    outcome = measure(Task(form, kind, seed))
    assert outcome.form == form and outcome.worst < OFF
    monkeypatch.setattr(module, guard, 0.0)
    assert measure(Task(form, kind, seed)).worst > OFF


def test_a_page_laid_on_wrong_lines_is_drawn_off_them_by_its_texts(monkeypatch):
    """Its lines lay better half a box off than where its texts say."""
    task = Task("mx-ine-aecc-2015", "steep", 1000382)
    outcome = measure(task)
    assert outcome.refused or outcome.worst < OFF
    monkeypatch.setattr(ocr.register, "TO_TEXTS", TO_LINES)
    assert measure(task).refused  # for its texts stand to the side
    monkeypatch.setattr(ocr.gate, "ASIDE", np.inf)
    assert measure(task).worst > OFF


def test_printed_texts_speak_against_another_form_whose_lines_lie_on_the_photo_s():
    assert measure(Task("co-e14-2026", UNKNOWN, 120002)).refused


def test_boxes_of_which_nothing_is_seen_beside_covered_ones_are_not_read():
    """Where a page bends away, the boxes next to those that are lost lie off as well."""
    bent = measure(Task("mx-ine-aecc-2015", "steep", 850112))
    assert bent.refused or bent.worst < OFF


@pytest.mark.parametrize("turn", [cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180])
def test_a_real_sheet_that_exists_with_other_rows_is_found_however_it_lies(real_data, turn):
    """Turned and compressed, a sheet with a row less lay on its lines as well as the right one; its texts do not."""
    path = real_data / "actas" / "mx-ine-aecc-2015" / "aecc2015_fig_II_1.png"
    turned = cv2.imencode(".jpg", cv2.rotate(cv2.imread(str(path)), turn), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    assert (
        register(cv2.imdecode(turned, cv2.IMREAD_GRAYSCALE), list(FORMS.values())).form.id
        == "mx-ine-aecc-2015"
    )
