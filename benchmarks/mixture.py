"""A finite mixture of turnout and share by maximum likelihood, and why no audit is made of it.

D. Ferrari and W. R. Mebane (2016, paper for the Summer Meeting of the Political Methodology Society) and their R package eforensics estimate the parts of stations of the
model of Klimek et al. (2012) as a finite mixture. This is that mixture in the restricted normal form, everything free at once: centres and spreads of turnout and share, θ, α, f_i and f_e,
fitted to the counts on a grid of 40 × 40 cells by Fisher scoring from four starts, with one part in a thousand spread evenly over the grid for
strays. For each election: f_i and f_e at the best start with the 95 % interval of f_i from the information, how many starts come within one
unit of the best log-likelihood, and the range of f_i over the starts. An audit would need that all starts agree, on
elections by its own model and on published ones, and that clean elections give zero.
With ``--write`` the output goes into docs/audits.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from benchmarks._section import show
from benchmarks.fingerprint import CLEAN, DATA, EXTREME_WIDTH, PUBLISHED, by_the_model, data

Floats = NDArray[np.float64]
CELLS, STRAYS, ELECTIONS = 40, 1e-3, 3
EDGES = np.linspace(0, 1, CELLS + 1)
# Centre and log spread of turnout, of share; log θ, log α; log odds of f_i and f_e against the rest.
LOW = np.array([0.02, np.log(0.02), 0.02, np.log(0.02), np.log(0.03), np.log(0.25), -9, -9])
HIGH = np.array([0.98, np.log(0.4), 0.98, np.log(0.4), np.log(0.8), np.log(8), 6, 6])


def below(z: Floats, mean: float, sd: float) -> Floats:
    """Distribution function of a normal law cut to [0, 1]."""
    low, high = ndtr(-mean / sd), ndtr((1 - mean) / sd)
    return np.asarray((ndtr((np.clip(z, 0, 1) - mean) / sd) - low) / (high - low))


def cells(turnout: tuple[float, float], share: tuple[float, float], x: Floats, alpha: float) -> Floats:
    """Probability of each cell where equally probable parts x of the non-voters, and x^α of the others' votes, go to the leader."""
    before = (EDGES - x[:, None]) / (1 - x[:, None])
    rows = np.diff(below(before, *turnout), axis=1)
    low, high = np.clip(before[:, :-1], 0, 1), np.clip(before[:, 1:], 0, 1)
    middle = np.clip(np.where(high - low > 3 * turnout[1], turnout[0], (low + high) / 2), 1e-6, 1)
    after = x[:, None] + (1 - x[:, None]) * middle
    kept = np.maximum(middle * (1 - x[:, None] ** alpha), 1e-9) / after
    columns = np.diff(below(1 - (1 - EDGES) / kept[..., None], *share), axis=2)
    return np.einsum("kr,krc->rc", rows, columns) / x.size


def half(width: float, n: int) -> Floats:
    """Equally probable values of |N(0, width)| below 1."""
    top = 2 * ndtr(1 / width) - 1
    return np.asarray(width * ndtri((1 + top * (np.arange(n) + 0.5) / n) / 2))


def parts(u: Floats) -> Floats:
    """The fair part, f_i and f_e."""
    odds = np.exp(np.array([0.0, u[6], u[7]]))
    return np.asarray(odds / odds.sum())


def model(u: Floats) -> Floats:
    """Probability of each cell, shape (cells²,)."""
    turnout, share = (u[0], np.exp(u[1])), (u[2], np.exp(u[3]))
    theta, alpha = np.exp(u[4]), np.exp(u[5])
    laws = [
        cells(turnout, share, x, alpha) for x in (np.zeros(1), half(theta, 20), 1 - half(EXTREME_WIDTH, 8))
    ]
    mixed = np.tensordot(parts(u), np.stack(laws), 1)
    return np.asarray((1 - STRAYS) * mixed + STRAYS / CELLS**2).ravel()


@dataclass
class Fit:
    """Parameters, log-likelihood, and the information (numbers of stations included)."""

    u: Floats
    likelihood: float
    information: Floats

    def interval(self) -> tuple[float, float]:
        """Of f_i, by the delta method; at a bound of the parameters it is only a number."""
        w = parts(self.u)
        slope = np.zeros(8)
        slope[6], slope[7] = w[1] * (1 - w[1]), -w[1] * w[2]
        variance = slope @ np.linalg.pinv(self.information) @ slope
        reach = 1.96 * np.sqrt(max(variance, 0.0))
        return float(max(w[1] - reach, 0)), float(min(w[1] + reach, 1))


def climb(seen: Floats, start: Floats, steps: int = 80) -> Fit:
    """Fisher scoring with a ridge that shrinks where it works and grows where it does not."""
    n, some = seen.sum(), seen > 0
    u = np.clip(start, LOW, HIGH)
    p = model(u)
    best, ridge = float(seen[some] @ np.log(p[some])), 1e-2
    information = np.eye(8)
    for _ in range(steps):
        slopes = np.empty((p.size, 8))
        for j in range(8):
            step = 1e-4 if u[j] + 1e-4 < HIGH[j] else -1e-4
            moved = u.copy()
            moved[j] += step
            slopes[:, j] = (model(moved) - p) / (step * p)
        score, information = slopes[some].T @ seen[some], n * (slopes.T * p) @ slopes
        held = ((u <= LOW) & (score < 0)) | ((u >= HIGH) & (score > 0))
        for _ in range(12):
            matrix = information + ridge * np.diag(np.diag(information) + 1e-6 * n)
            matrix[held], matrix[:, held] = 0, 0
            matrix[held, held] = 1
            tried = np.clip(u + np.linalg.solve(matrix, np.where(held, 0, score)), LOW, HIGH)
            q = model(tried)
            reached = float(seen[some] @ np.log(q[some]))
            if reached > best:
                break
            ridge *= 4
        else:
            break
        gained, best, u, p, ridge = reached - best, reached, tried, q, max(ridge / 5, 1e-6)
        if gained < 1e-3:
            break
    return Fit(u, best, information)


def fits(turnout: Floats, share: Floats) -> list[Fit]:
    """From four starts, the best first: the share's centre at its lower quarter or its middle, f_i small or large."""
    seen = np.histogram2d(turnout, share, bins=[EDGES, EDGES])[0].ravel()
    found = []
    for centre in np.quantile(share, [0.25, 0.5]):
        for odds in (-2.0, 0.5):
            start = [np.median(turnout), np.log(0.08), centre, np.log(0.1), np.log(0.3), 0.3, odds, -3.0]
            found.append(climb(seen, np.array(start)))
    return sorted(found, key=lambda f: -f.likelihood)


def line(name: str, turnout: Floats, share: Floats) -> str:
    """What is said of one election."""
    found = fits(turnout, share)
    best, every = found[0], [parts(f.u)[1] for f in found]
    agree = sum(f.likelihood > best.likelihood - 1 for f in found)
    low, high = best.interval()
    w = parts(best.u)
    return (
        f"{name}: f_i {w[1]:.3f} ({low:.3f} to {high:.3f}), f_e {w[2]:.3f}, theta {np.exp(best.u[4]):.2f}, alpha {np.exp(best.u[5]):.2f}; "
        f"{agree} of {len(found)} starts agree, f_i {min(every):.3f} to {max(every):.3f}"
    )


def lines() -> Iterator[str]:
    """Every election."""
    made = {
        f"by the model, f_i {i}, f_e {e}": by_the_model(i, e) for i, e in ((0, 0), (0.1, 0.01), (0.6, 0.03))
    }
    made |= {f"clean, {name}": make for name, make in CLEAN.items()}
    for salt, (name, make) in enumerate(made.items()):
        for k in range(ELECTIONS):
            rng = np.random.default_rng([2016, salt, k])
            counts = data(make(rng), rng).counts
            assert counts is not None
            turnout, share = counts["cast"] / counts["registered"], counts["leader"] / counts["cast"]
            yield line(name, turnout.to_numpy(), share.to_numpy())
    for name in PUBLISHED:
        path = DATA / "reference" / f"klimek_{name}.parquet"
        if not path.is_file():
            yield f"{name}: the real data is absent"
            continue
        frame = pl.read_parquet(path).filter(
            (pl.col("N") >= 100) & (pl.col("turnout") > 0) & (pl.col("turnout") <= pl.col("N"))
        )
        turnout, share = frame["turnout"] / frame["N"], frame["votes"] / frame["turnout"]
        yield line(name, turnout.to_numpy(), share.to_numpy())


if __name__ == "__main__":
    show("mixture", lines())
