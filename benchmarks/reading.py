"""CPU seconds of one 12-megapixel photo through the whole reading, beside decoding its JPEG alone and beside RapidOCR.

The reading starts from the file's bytes and includes the process that decodes it; decoding alone is
`cv2.imdecode` on one thread in this process. Both are medians over the same photos, measured in turns; start-up (weights, forms,
processes) is not included. The photos are the 12-megapixel ones of the synthetic sample election, or, where it is
absent, one drawn from a form and photographed by simulation.

RapidOCR reads the same photo as it comes, on one thread, decoding included, in turns with us; its digits are those of the texts
that it finds in the rows that we have found for it. Ours are the digits before any sum is weighed. Both are held against what was
written on the sample's photos; where RapidOCR is not installed, one line says so.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks._peer import Peer, Score, in_row, truth
from ocr import image
from ocr.form import load_forms
from ocr.read import read, warm_up
from ocr.render import render

PHOTOS = Path(__file__).parents[1] / "sample_actas" / "photos"
LARGE = (11e6, 14e6)  # pixels
ROUNDS = 5
PEER_ROUNDS = 3
ACCURACY = 5  # photos


def simulated() -> bytes:
    """A blank sheet, seen from the side, noisy, 4000 x 3000."""
    page = render(load_forms()["sample-landscape"], 2.0)
    h, w = page.shape[:2]
    quad = np.array([[180, 250], [3850, 120], [3920, 2850], [90, 2780]], np.float32)
    flat = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    photo = cv2.warpPerspective(
        page, cv2.getPerspectiveTransform(flat, quad), (4000, 3000), borderValue=(70, 80, 90)
    )
    noise = np.random.default_rng(12).normal(0, 5, photo.shape)
    noisy = np.clip(photo + noise, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


def large_photos() -> dict[str, bytes]:
    """The sample's photos of about 12 megapixels, by name."""
    found = {}
    for path in sorted(PHOTOS.glob("*.jp*g")):
        data = path.read_bytes()
        pixels = image.open_picture(data).pixels if len(data) > 1_000_000 else None
        if pixels is not None and LARGE[0] <= pixels.shape[0] * pixels.shape[1] <= LARGE[1]:
            found[path.name] = data
    return found


def decode_alone(data: bytes) -> float:
    """CPU seconds of decoding the JPEG to colour pixels."""
    start = time.process_time()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    seconds = time.process_time() - start
    assert pixels is not None
    return seconds


def whole_reading(data: bytes) -> tuple[float, str]:
    """CPU seconds of reading, the decoding process included, and what came of it."""
    start = time.process_time() + image.child_cpu_s()
    reading = read(data)
    return time.process_time() + image.child_cpu_s() - start, reading.refused or f"read as {reading.form}"


def beside_peer(photos: dict[str, bytes]) -> None:
    """Seconds of both on one photo, digits of both on some."""
    try:
        peer = Peer()
    except ImportError:
        print("RapidOCR                              not installed (make bench installs it), not compared")
        return
    data = next(iter(photos.values()))
    peer.read(data)
    pairs = [(whole_reading(data)[0], peer.read(data)[0]) for _ in range(PEER_ROUNDS)]
    ours, theirs = (float(x) for x in np.median(pairs, axis=0))
    print(f"RapidOCR, CPU seconds                 {theirs:.2f} (ours in turns with it {ours:.3f})")
    print(f"ratio RapidOCR / ours                 {theirs / ours:.1f} (median of {PEER_ROUNDS} pairs' own ratios "
          f"{statistics.median(b / a for a, b in pairs):.1f})")  # fmt: skip
    known = truth(PHOTOS / "truth.csv") if (PHOTOS / "truth.csv").is_file() else {}
    mine, others, read_here = Score(), Score(), 0
    for name in [n for n in photos if n in known] + [n for n in sorted(known) if n not in photos]:
        if read_here == ACCURACY:
            break
        reading = read((PHOTOS / name).read_bytes())
        if reading.refused is not None:
            continue
        texts = peer.read((PHOTOS / name).read_bytes())[1]
        read_here += 1
        for field, written in known[name].items():
            mine.add(written, "".join(c for c in reading.fields[field].raw if c.isdecimal()))
            others.add(written, in_row(reading, field, texts))
    if read_here:
        print(f"ours on {read_here} photos                     {mine}")
        print(f"RapidOCR on the same                  {others}")


def main() -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    warm_up()
    photos = large_photos()
    if not photos:
        photos = {"simulated": simulated()}
    alone: list[float] = []
    whole: list[float] = []
    for name, data in photos.items():
        outcome = whole_reading(data)[1]  # caches are warm from here on
        here: list[NDArray[np.float64]] = []
        for _ in range(ROUNDS):
            here.append(np.array([decode_alone(data), whole_reading(data)[0]]))
        one, all_of_it = np.median(here, axis=0)
        alone.append(float(one))
        whole.append(float(all_of_it))
        print(f"{name}: reading {all_of_it:.3f} s, decoding alone {one:.3f} s, {outcome}")
    reading, decoding = statistics.median(whole), statistics.median(alone)
    print(f"photos                                {len(photos)}, {ROUNDS} rounds each")
    print(f"whole reading, CPU seconds per photo  {reading:.3f}")
    print(f"decoding alone, CPU seconds           {decoding:.3f}")
    print(f"ratio                                 {reading / decoding:.2f}")
    beside_peer(photos)


if __name__ == "__main__":
    main()
