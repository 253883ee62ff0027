"""What the network's probabilities are worth on one sheet: tempered, with the sheet's own habits, and calibrated.

One sheet is one photo and, mostly, one hand. So its boxes say something about each other: how clear the photo is to the network, and
whether this writer fills the boxes before a number with zeros, with marks, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ocr.form import Form, Writing
from ocr.lattice import BLANK, CLASSES, Floats, regular, soften

UNSURE = 0.1  # what a network leaves to its other classes on a sheet of average clarity


@dataclass(frozen=True, slots=True)
class Settings:
    """The decoder's priors and the reader's thresholds for going without a person.

    Attributes
    ----------
    noise : float
        Share of a flat distribution mixed into each box: how often the network is wrong whatever it says. As low as the
        fitting half can prove, not as low as it says.
    temperature, temperature_slope : float
        The network's probabilities are raised to the power of 1 / T. T is `temperature` for a sheet of average clarity and
        e to the power of `temperature_slope` times as high for a sheet on which the network leaves all to its other classes. Never
        below 1: the fit is on synthetic boxes, and real ones hold surprises that they do not.
    class_prior : tuple of 13 float or None
        What the network's posterior is divided by: the frequencies of the classes in its training, "crossed-out" three
        times, because a row gives each way to fill a box the same weight and struck-out digits are rarer than that. None
        for equal ones.
    consistent : float
        Prior probability that all sums of a sheet hold as written. (INE found 41 % of the Mexican actas of 2015 inconsistent
        somewhere; most of them not in the sums a form counts as evidence.)
    slip : float
        Of the wrong sums, the share in which the total is off by less than a hundred or in one digit (`ocr.sums`; `python -m benchmarks.slips`).
    loose : float
        How often a sheet breaks a rule of which its form says that it is no evidence (`ocr.sums`).
    odd_prior : float
        Prior weight of an empty or marked box after a digit, against regular filling.
    habit : float
        How much a person keeps to one way of filling the boxes before a number (zeros, nothing, a mark): the share of
        such boxes that the other two ways have in the hand of somebody who prefers one.
    over_maximum : float
        Prior weight of a number above the field's `maximum`.
    small, spoilt : float
        The votes of an option weigh beforehand as ``(number + 1) ** -small``, blank and null votes with the exponent `spoilt` (`ocr.sizes`).
    blank_is_zero, total_is_zero : float
        Probability that votes left blank stand for 0, rather than for any number below `ocr.messages.UNKNOWN` (`python -m benchmarks.slips`); and that
        any other number left blank does, rather than for any at all. Used to weigh sums only.
    calibration : (float, float, float)
        Slope, offset and slope by unclearness of the log odds that everything is right: what the model says beforehand, and what
        its shares of right sheets turned out to be, differ.
    accept, accept_clear : float
        Least probability that everything is right, and the same on a sheet that is clear to the network: the fewer boxes are
        doubtful, the more of what is above a threshold is far above it.
    clear : float
        A sheet is clear if the network leaves less than this to its other classes (`unsure`).
    field_minimum : float
        Least probability of each number; it names the number that is not sure.
    alone_minimum : float
        A number that its own boxes give less probability than this is the sums' word, not the boxes'.
    odd_maximum, crossed_maximum : float
        Above this probability a number is flagged ``odd-filling`` or ``crossed-out``.
    illegible : float
        A row whose best number has less probability than this, from its own boxes, is illegible.
    own_word : float
        A number that its own boxes (and words) give at least this probability is reported as they say it, whatever the sums would
        have there. Below, the more probable one of the two is reported.
    inconsistent, doubtful : float
        From this probability on, "inconsistent" is given as a reason; from `doubtful` on, "may-not-add-up".
    joint : float
        The single best sheet is reported if it is at least so probable; of a less legible one each number stands
        for itself, for a guess that adds up is not what was written.
    overrule : float
        On such a sheet a number is reported as its own boxes rather show it than not, where the sums make no number so probable.
    keep, cap : float, int
        Candidates per number: down to this share of the best one, and at most so many.
    """

    # temperature, noise, calibration, accept and accept_clear: fitted by `python -m ocr.train.thresholds` on one half of synthetic sheets, scored on
    # the other (accept_clear is stricter than fitted); its tables are in ocr/models/THRESHOLDS.md. small, spoilt, slip and blank_is_zero follow
    # published counts (`python -m benchmarks.sizes`, `benchmarks.slips`). The rest are reasoned guesses.
    noise: float = 1.9e-4
    temperature: float = 1.12
    temperature_slope: float = 0.63
    class_prior: tuple[float, ...] | None = (0.068,) * 10 + (0.12, 0.13, 0.13)
    consistent: float = 0.9
    slip: float = 0.95
    loose: float = 0.4
    odd_prior: float = 0.02
    habit: float = 0.06
    over_maximum: float = 0.01
    small: float = 0.75
    spoilt: float = 1.3
    blank_is_zero: float = 0.85
    total_is_zero: float = 0.5
    calibration: tuple[float, float, float] = (0.958, 0.417, 2.302)
    accept: float = 0.999
    accept_clear: float = 0.995
    clear: float = 0.05
    field_minimum: float = 0.99
    alone_minimum: float = 0.05
    odd_maximum: float = 0.05
    crossed_maximum: float = 0.1
    illegible: float = 0.02
    own_word: float = 0.98
    inconsistent: float = 0.5
    doubtful: float = 0.15
    joint: float = 0.3
    overrule: float = 0.4
    keep: float = 3e-6
    cap: int = 128


def box_likelihoods(
    form: Form, probabilities: Mapping[str, npt.ArrayLike], settings: Settings
) -> dict[str, Floats]:
    """Likelihoods of all boxes, the network's certainty tempered by how clear the whole sheet is to it."""
    raw = {}
    for f in form.fields:
        if f.name not in probabilities:
            raise ValueError(f"there are no box probabilities for the field {f.name!r}")
        raw[f.name] = np.asarray(probabilities[f.name], dtype=np.float64)
    temperature = settings.temperature * np.exp(settings.temperature_slope * (unsure(raw) - UNSURE))
    temperature = max(1.0, float(temperature))
    out = {}
    for f in form.fields:
        try:
            out[f.name] = soften(raw[f.name], settings.noise, settings.class_prior, temperature)
        except ValueError as e:
            raise ValueError(f"field {f.name!r}: {e}") from None
        if len(out[f.name]) != f.digits:
            raise ValueError(
                f"field {f.name!r} has {f.digits} boxes, but probabilities for {len(out[f.name])}"
            )
    return out


def calibrated(probability: float, unclear: float, settings: Settings) -> float:
    """The model's probability that a sheet is right -> the share of such sheets that are (Platt 1999, on log odds)."""
    slope, offset, by_unclear = settings.calibration
    p = min(max(probability, 1e-9), 1 - 1e-9)
    odds = slope * np.log(p / (1 - p)) + offset + by_unclear * (unclear - UNSURE)
    return float(1 / (1 + np.exp(-odds)))


def least_accepted(unclear: float, settings: Settings) -> float:
    """The probability from which on such a sheet may do without a person."""
    return settings.accept_clear if unclear < settings.clear else settings.accept


def unsure(probabilities: Mapping[str, npt.ArrayLike]) -> float:
    """What the network leaves to its other classes, on average over the boxes of a sheet that it does not call empty.

    Four boxes of average clarity are added, so that a sheet with little on it is taken for an average one.
    """
    some = [np.asarray(p, dtype=np.float64) for p in probabilities.values()]
    some = [p for p in some if p.ndim == 2 and p.shape[1] == CLASSES and len(p)]
    if not some:
        return UNSURE
    p = np.concatenate(some)
    left = 1 - p.max(axis=1)[p.argmax(axis=1) != BLANK]
    return float((left.sum() + 4 * UNSURE) / (left.size + 4))


def fillers(form: Form, boxes: Mapping[str, Floats], settings: Settings) -> dict[str, tuple[float, ...]]:
    """How boxes before a number are filled, for each field, as its sheet's other fields show it.

    People keep to zeros, to empty boxes or to marks, or (a quarter as often) to nothing. Which, follows from all rows but the
    row itself, so that no row is its own evidence.
    """
    even = (1.0, 1.0, 1.0)
    mine = [f.name for f in form.votes if f.writing is Writing.HAND and f.digits > 1]
    if not mine or settings.habit >= 2 / 3:
        return {f.name: even for f in form.fields}
    habits = np.array([*(3 * ((1 - 1.5 * settings.habit) * np.eye(3) + settings.habit / 2)), even])
    prior = np.log([4, 4, 4, 1])
    each = np.log([[max(sum(regular(boxes[n], h)), 1e-300) for h in habits] for n in mine])
    others = prior + each.sum(axis=0) - each
    share = np.exp(others - others.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    out = {f.name: even for f in form.fields}
    return out | {n: tuple(w @ habits) for n, w in zip(mine, share, strict=True)}
