"""``python -m sample_actas.generate --digits DIR --out DIR``: make the sample election again, byte for byte.

DIR holds MNIST's test set (``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, plain or gzipped).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from ocr.form import load_forms
from sample_actas.generate import plan, tables
from sample_actas.generate.camera import encode, photograph
from sample_actas.generate.election import hold
from sample_actas.generate.handwriting import Digits, Writer
from sample_actas.generate.other import attendance_list
from sample_actas.generate.plan import Photo, Sheet, generator
from sample_actas.generate.sheet import Filled, Printed, fill

# Orientation 6: turn a quarter clockwise to see it upright. An APP1 segment with one entry.
EXIF = b"\xff\xe1\x00\x22Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"


def take(sheet: Sheet, photo: Photo, digits: Digits, seed: int) -> bytes:
    """The bytes of one photo of the acta."""
    writer = Writer(digits, generator(seed, "writer", sheet.key), sheet.tidy)
    form = load_forms()[sheet.forms[photo.page]]
    # The paper has a fifth more pixels than the photo shows of it.
    page, frame = sorted((form.page.width, form.page.height)), sorted(photo.shot.size)
    scale = 1.2 * min(frame[0] / page[0], frame[1] / page[1])
    s = sheet.station
    filled: Filled
    if photo.kind == "acta":
        values = {f.name: sheet.values[f.name] for f in form.votes}
        filled = fill(
            form,
            Printed(s.id, s.region.name, s.subregion, s.place),
            values,
            writer,
            style=sheet.style,
            scale=scale,
        )
    else:
        filled = attendance_list(writer, scale)
    picture = photograph(filled, photo.shot, generator(seed, "camera", photo.file))
    if photo.exif_turned:
        data = encode(cv2.rotate(picture, cv2.ROTATE_90_COUNTERCLOCKWISE), photo.shot.limit)
        return data[:2] + EXIF + data[2:]
    return encode(picture, photo.shot.limit)


def make(folder: Path, digits: Digits, seed: int, only: str = "") -> None:
    """Write the tables, and the photos whose name begins with `only`."""
    stations = hold(seed)
    sheets = plan.sheets(stations, seed)
    tables.write(folder, stations, sheets)
    for sheet in sheets:
        for photo in sheet.photos:
            if not photo.file.startswith(only):
                continue
            path = folder / "photos" / photo.file
            path.write_bytes(take(sheet, sheet.photos[0] if photo.copy_of else photo, digits, seed))
            print(f"{photo.file} {path.stat().st_size // 1000} kB", file=sys.stderr)


def main() -> None:
    """Read the arguments and make the election."""
    parser = argparse.ArgumentParser(prog="python -m sample_actas.generate", description=__doc__)
    parser.add_argument("--digits", type=Path, required=True, help="folder with MNIST's test set")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to, e.g. sample_actas")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument(
        "--only", default="", help="only photos whose name begins so (the tables are always written)"
    )
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    make(arguments.out, Digits.load(arguments.digits), arguments.seed, arguments.only)


if __name__ == "__main__":
    main()
