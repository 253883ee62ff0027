"""A reliability plot as an SVG file: what was stated against what was, with exact 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import beta

from ocr.reliability import reliability

SIDE, LEFT, TOP = 420, 60, 24
COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
)  # told apart by colour-blind people too (Okabe & Ito 2008)


def interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper & Pearson 1934, Biometrika 26:404-413)."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high


def plot(groups: Mapping[str, Sequence[tuple[float, bool]]], title: str) -> str:
    """The SVG's text. Each group is a list of (stated probability, whether it was right)."""

    def x(p: float) -> float:
        return LEFT + p * SIDE

    def y(p: float) -> float:
        return TOP + (1 - p) * SIDE

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + SIDE + 190}" height="{TOP + SIDE + 60}" '
        'font-family="sans-serif" font-size="13">',
        f'<rect width="100%" height="100%" fill="#ffffff"/><text x="{LEFT}" y="16" font-size="14">{title}</text>',
        f'<rect x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#444444"/>',
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#999999" stroke-dasharray="4 4"/>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        out.append(f'<text x="{x(tick)}" y="{TOP + SIDE + 18}" text-anchor="middle">{tick:g}</text>')
        out.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
    out.append(
        f'<text x="{x(0.5)}" y="{TOP + SIDE + 42}" text-anchor="middle">stated probability that all is right</text>'
    )
    out.append(
        f'<text x="16" y="{y(0.5)}" text-anchor="middle" transform="rotate(-90 16 {y(0.5)})">share that was</text>'
    )
    for i, (name, pairs) in enumerate(groups.items()):
        colour = COLOURS[i % len(COLOURS)]
        for part in reliability([p for p, _ in pairs], [r for _, r in pairs]):
            at = x(part.said) + (i - 1) * 2
            low, high = interval(round(part.was * part.n), part.n)
            radius = 2 + 6 * np.sqrt(part.n / len(pairs))
            out.append(
                f'<line x1="{at:.1f}" y1="{y(low):.1f}" x2="{at:.1f}" y2="{y(high):.1f}" stroke="{colour}"/>'
            )
            out.append(
                f'<circle cx="{at:.1f}" cy="{y(part.was):.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.7"/>'
            )
        line = TOP + 20 + 22 * i
        out.append(f'<circle cx="{LEFT + SIDE + 20}" cy="{line}" r="5" fill="{colour}"/>')
        out.append(f'<text x="{LEFT + SIDE + 32}" y="{line + 4}">{name} (n = {len(pairs)})</text>')
    return "\n".join([*out, "</svg>", ""])
