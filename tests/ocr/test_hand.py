"""The model of hands: one sheet's boxes weighed with one another."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from ocr.digits import CROSSED, default_reader
from ocr.form import Writing, load_forms
from ocr.hand import FILE, MOST, Hand, HandModelError, default_hand, load
from ocr.read import box_probabilities

K, C = 6, 12
MODEL = Hand(np.eye(K), np.zeros((C, K)), np.full(K, 9.0), 1.0, "network")
"""All classes lie about 0; hands differ by 3, boxes of one hand by 1."""


def sheet(rng: np.random.Generator, each: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes of one hand: ones and sevens, read surely; the last box is a 7 that the network takes for either."""
    own = rng.normal(0, 3, (C, K))
    labels = np.array([1] * each + [7] * each + [7])
    traits = (own[labels] + rng.normal(0, 1, (len(labels), K))).astype(np.float32)
    p = np.full((len(labels), 13), 1e-4)
    p[np.arange(len(labels)), labels] = 1
    p[-1, [1, 7]] = 0.5
    return p / p.sum(1, keepdims=True), traits, labels


def test_a_doubtful_box_is_read_as_its_hand_writes() -> None:
    rng = np.random.default_rng(1)
    said = []
    for _ in range(200):
        p, traits, _ = sheet(rng)
        said.append(MODEL.reread(p, traits)[-1, [1, 7]])
    one, seven = np.array(said).T
    assert np.mean(seven > one) > 0.97
    assert -np.log(seven).mean() < 0.3 * -np.log(0.5)
    # what it says holds: of the boxes given a probability so many are what they are said to be
    assert np.mean(seven[seven > 0.5]) == pytest.approx(np.mean(seven > 0.5), abs=0.04)


def test_the_odds_are_those_of_normal_hands() -> None:
    """Against the joint density of a box and the others of its class, written down directly (scipy), axis by axis."""
    rng = np.random.default_rng(9)
    hand = Hand(np.eye(3), rng.normal(0, 2, (C, 3)), np.array([0.5, 2.0, 9.0]), 1.0, "network")
    labels = np.array([3, 3, 3, 7, 7])
    p, traits = np.eye(13)[labels], rng.normal(0, 3, (5, 3)).astype(np.float32)
    odds = hand.odds(p, traits)
    for box, c in ((0, 3), (0, 7), (4, 3), (4, 7)):
        others = [j for j in range(5) if j != box and labels[j] == c]
        said = 0.0
        for k, spread in enumerate(hand.spread):
            off = traits[[box, *others], k].astype(float) - hand.means[c, k]
            together = np.full((len(off),) * 2, spread) + np.eye(len(off))
            said += multivariate_normal.logpdf(off, cov=together) - norm.logpdf(
                off[0], scale=np.sqrt(1 + spread)
            )
            said -= multivariate_normal.logpdf(off[1:], cov=together[1:, 1:])
        assert odds[box, c] == pytest.approx(said, abs=1e-9)


def test_a_box_never_speaks_for_itself() -> None:
    p, traits, _ = sheet(np.random.default_rng(2))
    assert np.array_equal(MODEL.reread(p[-1:], traits[-1:]), p[-1:])
    # with nothing but boxes of other classes beside it, little is known of how the hand writes a 3
    odds = MODEL.odds(p, traits)
    assert np.abs(odds[:, 3]).max() < 0.1


def test_nothing_seen_says_nothing() -> None:
    p = np.zeros((2, 13))
    p[:, CROSSED] = 1  # of no class that has a hand
    traits = np.random.default_rng(3).normal(0, 3, (2, K)).astype(np.float32)
    assert np.abs(MODEL.odds(p, traits)).max() < 1e-12


def test_the_order_of_the_boxes_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    p, traits, _ = sheet(rng)
    order = rng.permutation(len(p))
    assert MODEL.reread(p[order], traits[order]) == pytest.approx(MODEL.reread(p, traits)[order], abs=1e-12)


def test_rows_are_probabilities_and_the_hand_never_proves() -> None:
    rng = np.random.default_rng(5)
    p = rng.dirichlet(np.full(13, 0.2), 40)
    p[0] = np.eye(13)[4]
    traits = rng.normal(0, 50, (40, K)).astype(np.float32)
    q = replace(MODEL, weight=0.1).reread(p, traits)
    assert np.allclose(q.sum(1), 1) and (q >= 0).all() and np.isfinite(q).all()
    moved = np.log(q[1:] / p[1:])
    assert (moved.max(1) - moved.min(1) <= 2 * 0.1 * MOST + 1e-6).all()


def test_the_shipped_model_belongs_to_the_shipped_network() -> None:
    reader = default_reader()
    hand = default_hand(reader.sha256)
    cells = np.random.default_rng(6).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    assert hand.axes.shape[0] == reader.look(cells).traits.shape[1]
    assert hand.means.shape == (CROSSED, hand.axes.shape[1]) and (hand.spread >= 0).all()
    assert 0 < hand.weight < 0.5


def test_a_model_of_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HandModelError, match="made for other digit weights"):
        load(FILE, "another")
    with pytest.raises(HandModelError, match="cannot be read"):
        load(tmp_path / "none.npz", "any")
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(HandModelError, match="cannot be read"):
        load(broken, "any")
    np.savez(tmp_path / "part.npz", axes=np.eye(2))
    with pytest.raises(HandModelError, match="cannot be read"):
        load(tmp_path / "part.npz", "any")


@pytest.mark.parametrize(
    "damage", ["empty", "an array", "one bit", "an object", "no weight", "other shapes", "nan", "negative"]
)
def test_a_damaged_model_is_refused_in_one_sentence(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "hand.npz"
    parts = {
        "axes": np.eye(4, 3), "means": np.zeros((CROSSED, 3)), "spread": np.ones(3), "weight": 0.1, "network": "own"
    }  # fmt: skip
    np.savez_compressed(path, **parts)
    assert load(path, "own").weight == 0.1
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "an array":
            with path.open("wb") as stream:
                np.save(stream, np.eye(3))
        case "one bit":
            data = bytearray(path.read_bytes())
            data[60] ^= 16
            path.write_bytes(data)
        case "an object":
            np.savez(path, **parts | {"means": np.array([{}, {}], dtype=object)})
        case "no weight":
            np.savez(path, **parts | {"weight": np.array([0.1, 0.2])})
        case "other shapes":
            np.savez(path, **parts | {"axes": np.eye(7)})
        case "nan":
            np.savez(path, **parts | {"means": np.full((CROSSED, 3), np.nan)})
        case "negative":
            np.savez(path, **parts | {"spread": -np.ones(3)})
    with pytest.raises(HandModelError, match="cannot be read; reinstall"):
        load(path, "own")


def test_only_boxes_that_the_hand_wrote_are_weighed_with_one_another() -> None:
    """Not printed ones, nor those of fields that are not on the photo: what is cut for them is a table or a thumb."""
    form = load_forms()["sample-words"]
    rng = np.random.default_rng(11)
    cells = {f.name: rng.integers(0, 256, (f.digits, 64, 64), dtype=np.uint8) for f in form.fields}
    alone = {n: default_reader().probabilities(c) for n, c in cells.items()}
    printed = [f.name for f in form.fields if f.writing is not Writing.HAND]
    absent = next(f.name for f in form.fields if f.writing is Writing.HAND)
    others = [f.name for f in form.fields if f.name not in (*printed, absent)]
    with_all, without = box_probabilities(form, cells), box_probabilities(form, cells, {absent})
    assert printed and all(np.allclose(without[n], alone[n], atol=1e-6) for n in (*printed, absent))
    assert not np.allclose(with_all[absent], alone[absent], atol=1e-6)
    assert any(not np.allclose(with_all[n], without[n], atol=1e-9) for n in others)
    cells[absent] = np.full_like(cells[absent], 255)
    again = box_probabilities(form, cells, {absent})
    assert all(np.allclose(again[n], without[n], atol=1e-6) for n in others)
