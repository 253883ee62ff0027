"""Ordinary files of the sample election with seeded damage: bits turned, parts cut out, cut off or taken from another."""

from __future__ import annotations

import io
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 1000  # pixels: the damage is the same in a small photo, and reading it is quicker


def seeds(photos: Path) -> list[bytes]:
    """A few photos, each as JPEG, progressive JPEG, PNG and PDF."""
    out = []
    for path in sorted(photos.glob("*.jpg"))[::15]:
        with Image.open(path) as image:
            image.thumbnail((SIDE, SIDE))
            for kind, settings in (
                ("JPEG", {"quality": 85}),
                ("JPEG", {"quality": 85, "progressive": True}),
                ("PNG", {}),
                ("PDF", {"resolution": 100}),
            ):
                file = io.BytesIO()
                image.save(file, kind, **settings)
                out.append(file.getvalue())
    return out


def mutated(seeds: list[bytes], count: int, seed: int = 8) -> Iterator[bytes]:
    """That many damaged files, all different."""
    seen: set[bytes] = set()  # digests: thousands of files would fill the memory
    number = 0
    while len(seen) < count:
        rng = np.random.default_rng((seed, number))
        number += 1
        data = bytearray(seeds[int(rng.integers(len(seeds)))])
        # The first thousand bytes steer the decoders; what follows is mostly picture.
        reach = len(data) if rng.random() < 0.5 else 1000
        match int(rng.integers(5)):
            case 0:
                for place in rng.integers(0, reach, rng.integers(1, 20)):
                    data[place] ^= 1 << int(rng.integers(8))
            case 1:
                for place in rng.integers(0, reach, rng.integers(1, 8)):
                    data[place] = int(rng.choice([0, 1, 127, 128, 255]))
            case 2:
                del data[int(rng.integers(1, len(data))) :]
            case 3:
                start = int(rng.integers(reach))
                del data[start : start + int(rng.integers(1, 2000))]
            case _:
                other = seeds[int(rng.integers(len(seeds)))]
                start, long = int(rng.integers(reach)), int(rng.integers(1, 3000))
                data[start : start + long] = other[start : start + int(rng.integers(1, 3000))]
        if (digest := sha256(data).digest()) not in seen:
            seen.add(digest)
            yield bytes(data)
