"""Train, calibrate, export and evaluate the digit network.

    python -m ocr.train.digits --digits DIR                 make the cells, train, write the weights (`make digits`)
    python -m ocr.train.digits --digits DIR --evaluate      print the tables of MODEL.md

Needs torch and onnx, which the reader itself does not.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from ocr.digits import CLASSES, CROSSED, MARK, MODEL, DigitReader
from ocr.focus import SIZE
from ocr.train import glyphs
from ocr.train.cells import LEVELS, POOR, Ink, make_cells
from ocr.train.glyphs import Glyphs

if TYPE_CHECKING:
    from ocr.train.network import Network

CHUNK = 5000
"""Cells made from one seed."""
POOR_SEEDS = (*range(1174, 1234), *range(1408, 1468))
"""These seeds make cells that are mostly of poor photos."""
TRAIN = {1: tuple(range(1234, 1468)), 2: tuple(range(1117, 1351))}
"""Seeds of the cells that the networks of the first and of the second pair are trained on: half of the cells are the same, the poor ones are not."""
CHECK = tuple(range(500, 504))
"""Seeds of the cells for the temperature."""
HELD_BACK = 5000
"""Last MNIST training digits, kept for fitting the temperature."""
USPS_TRAINED = 6000
"""USPS training digits trained on; the rest are kept likewise."""
PRINTED = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansCondensed.ttf",
           "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf", "LiberationMono-Regular.ttf",
           "LiberationSansNarrow-Regular.ttf", "LiberationSerif-Bold.ttf", "FreeSans.ttf", "FreeMono.ttf", "FreeSerif.ttf",
           "LiberationMono-Bold.ttf", "LiberationSansNarrow-Bold.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerifCondensed.ttf",
           "NimbusSans-Regular.otf", "NimbusSans-Bold.otf", "NimbusMonoPS-Regular.otf", "NimbusMonoPS-Bold.otf",
           "NimbusRoman-Regular.otf", "NimbusSansNarrow-Regular.otf", "NotoMono-Regular.ttf", "NotoSansMono-Bold.ttf",
           "C059-Roman.otf", "P052-Roman.otf", "URWGothic-Book.otf", "URWBookman-Light.otf")  # fmt: skip
"""Printed fonts trained on, of those that are installed."""
PRINTED_HELD = ("DejaVuSerif-Bold.ttf", "DejaVuSansCondensed-Bold.ttf", "C059-Bold.otf", "P052-Bold.otf", "URWGothic-Demi.otf",
                "URWBookman-Demi.otf", "NimbusSansNarrow-Bold.otf", "NimbusRoman-Bold.otf", "LiberationSans-Italic.ttf",
                "LiberationMono-Italic.ttf", "DejaVuSans-ExtraLight.ttf", "DejaVuSansMono-Oblique.ttf")  # fmt: skip
"""Printed fonts never trained on."""
HANDS = (13, 15)
"""Handwriting fonts, by name: so many are trained on, up to the second number they are for the temperature, the rest are held back."""

FONTS = Path(__file__).with_name("hands.txt")
"""More handwriting fonts: npm packages, ``name@version`` in each line."""
PARTS = {"test": 0, "check": 5}
"""Of these every tenth, from the one of this number on: held back, or for the temperature; the others are trained on."""

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


def font_names(part: str) -> list[str]:
    """The fonts of `hands.txt` for one part: ``train``, ``check`` or ``test``."""
    names = [line.rpartition("@")[0].rpartition("/")[2] for line in FONTS.read_text().split()]
    of = [next((p for p, at in PARTS.items() if k % 10 == at), "train") for k in range(len(names))]
    return [name for name, whose in zip(names, of, strict=True) if whose == part]


def hand_fonts(folder: Path, part: str) -> Glyphs:
    """Digits of the fonts of `hands.txt` for one part.

    Raises
    ------
    SystemExit
        If one of the fonts does not lie under the folder.
    """
    return glyphs.from_fonts([find(folder, f"{n}-latin-400-normal.woff") for n in font_names(part)], True)


def _repeat(part: Glyphs, n: int, rng: np.random.Generator) -> Glyphs:
    return part.take(rng.integers(len(part), size=n)) if len(part) else part


def _upright(part: Glyphs) -> Glyphs:
    """Leave out digits that their data set squashed beyond reading (USPS fits each into a square)."""
    wide, high = part.boxes[:, 2] - part.boxes[:, 0], part.boxes[:, 3] - part.boxes[:, 1]
    return part.take(np.flatnonzero(wide <= 1.4 * high))


def find(folder: Path, name: str) -> Path:
    """Return the one file of this name under the folder."""
    found = sorted(folder.rglob(name))
    if not found:
        raise SystemExit(
            f"There is no {name} under {folder}; ocr/models/MODEL.md says which digits are needed."
        )
    return found[0]


def printed_fonts(names: tuple[str, ...]) -> Glyphs:
    """Digits of the installed fonts of these names, ten of each."""
    paths = {p.name: p for p in sorted(Path("/usr/share/fonts").rglob("*.[ot]tf"))}
    return glyphs.from_fonts([paths[n] for n in names if n in paths], False)


@cache
def training_ink(folder: Path, part: str) -> Ink:
    """Everything that is written into the cells of one part: `train` or `check` (other digits, other drawings)."""
    check = part == "check"
    images, labels = glyphs.read_mnist(folder, "train")
    cut = slice(-HELD_BACK, None) if check else slice(0, len(images) - HELD_BACK)
    images, labels = images[cut], labels[cut]
    rng = np.random.default_rng(2 if check else 1)
    order = rng.permutation(len(images))
    shrink = 10 if check else 1
    thin, raw = order[: 33000 // shrink], order[25000 // shrink :]  # some of them as both
    zip_images, zip_labels = glyphs.read_usps(find(folder, "zip.train.gz"))
    keep = slice(USPS_TRAINED, None) if check else slice(0, USPS_TRAINED)
    hand = sorted(folder.rglob("*.otf"))
    printed = glyphs.join([printed_fonts(PRINTED), glyphs.dot_matrix(8, rng)])
    digits = glyphs.join([
        glyphs.from_images(images[thin], labels[thin], True),
        glyphs.from_images(images[raw], labels[raw], False),
        _upright(glyphs.from_images(zip_images[keep], zip_labels[keep], True)),
        _repeat(glyphs.from_fonts(hand[slice(*HANDS)] if check else hand[: HANDS[0]], True), 9000 // shrink, rng),
        _repeat(hand_fonts(folder, part), 24000 // shrink, rng),
        glyphs.handmade(250 // shrink, rng),
    ])  # fmt: skip
    return Ink(
        digits,
        glyphs.marks(6000 // shrink, rng, MARK),
        glyphs.scribbles(4000 // shrink, rng, CROSSED),
        printed,
    )


def test_ink(digits: Glyphs, printed: Glyphs | None = None) -> Ink:
    """Cells of a test set: only its own digits, neighbours included; marks and scribbles are other drawings."""
    rng = np.random.default_rng(3)
    return Ink(digits, glyphs.marks(500, rng, MARK), glyphs.scribbles(500, rng, CROSSED), printed)


def _chunk(job: tuple[Path, str, int, Path]) -> Path:
    digits, part, seed, cache = job
    path = cache / f"{part}-{seed}.npz"
    if not path.exists():
        poor = {"shares": POOR} if seed in POOR_SEEDS else {}
        cells, labels = make_cells(CHUNK, seed, training_ink(digits, part), **poor)
        # A run that is stopped leaves no half a file, and others may be making the same one.
        part_written = path.with_suffix(f".{os.getpid()}.part.npz")
        np.savez(part_written, cells=cells, labels=labels)
        part_written.replace(path)
    return path


def load_cells(args: argparse.Namespace, part: str, seeds: tuple[int, ...]) -> tuple[U8, I64]:
    """Make 5,000 cells of each seed (kept in the cache folder) and load them."""
    args.cache.mkdir(parents=True, exist_ok=True)
    jobs = [(args.digits, part, seed, args.cache) for seed in seeds]
    with ProcessPoolExecutor(args.workers) as pool:
        paths = list(pool.map(_chunk, jobs))
    cells = np.empty((len(paths) * CHUNK, SIZE, SIZE), np.uint8)
    labels = np.empty(len(cells), np.int64)
    for k, path in enumerate(paths):  # one after the other: together they take gigabytes
        kept, at = np.load(path), slice(k * CHUNK, (k + 1) * CHUNK)
        cells[at], labels[at] = kept["cells"], kept["labels"]
    return cells, labels


def fit_temperature(logits: npt.NDArray[np.float64], labels: I64) -> float:
    """Temperature of least negative log likelihood (Guo et al. 2017, ICML), on a grid of 0.01."""

    def loss(t: float) -> float:
        z = logits / t
        z = z - z.max(1, keepdims=True)
        return float(np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]))

    return float(min(np.round(np.arange(0.5, 3.0, 0.01), 2), key=loss))


def fit_share(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], labels: I64
) -> tuple[float, float]:
    """Share of the first network in the mean of both scores, and the temperature: of least negative log likelihood."""

    def fit(share: float) -> tuple[float, float]:
        z = share * first + (1 - share) * second
        t = fit_temperature(z, labels)
        z = z / t
        z = z - z.max(1, keepdims=True)
        return float(np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels])), t

    loss = {s: fit(s) for s in np.round(np.arange(0.3, 0.71, 0.05), 2).tolist()}
    share = min(loss, key=lambda s: loss[s][0])
    return share, loss[share][1]


def calibration_error(probabilities: npt.NDArray[np.float64], labels: I64, bins: int = 15) -> float:
    """Expected calibration error of the most probable class, equal-width bins (Guo et al. 2017)."""
    top, right = probabilities.max(1), probabilities.argmax(1) == labels
    which = np.minimum((top * bins).astype(int), bins - 1)
    gaps = [
        abs(float(top[which == b].mean()) - float(right[which == b].mean())) * float((which == b).mean())
        for b in set(which.tolist())
    ]
    return float(sum(gaps))


def train(args: argparse.Namespace) -> None:
    """Train two networks of each kind, fit the share of the kinds and the temperature and write the ONNX file."""
    import atexit

    import torch
    from torch._dynamo.utils import dump_compile_times

    from ocr.train.learn import Plan, learn, study_all
    from ocr.train.network import SHAPES, Network, save_onnx

    atexit.unregister(dump_compile_times)  # it takes our package `tabulate` for another one of that name
    torch.set_num_threads(args.threads)
    check_cells, check_labels = load_cells(args, "check", CHECK)
    nets: dict[str, Network] = {}
    said: dict[str, npt.NDArray[np.float64]] = {}
    states = []
    for pair, seeds in TRAIN.items():
        names = [f"{kind}-{pair}" for kind in SHAPES if args.only in ("", f"{kind}-{pair}")]
        if not names:
            continue
        cells, labels = load_cells(args, "train", seeds[: args.cells // CHUNK])
        found = study_all(cells)
        for name in names:
            shape = SHAPES[name.rpartition("-")[0]]
            out = args.cache / f"{name}-{args.rank}.onnx"

            def after(net: Network, words: str, name: str = name, out: Path = out) -> None:
                save_onnx({name: (net, 1.0)}, out, CLASSES, 1.0)
                said[name] = DigitReader(out).logits(check_cells)
                print(
                    f"{name}, {words}: check accuracy {np.mean(said[name].argmax(1) == check_labels):.4f}",
                    flush=True,
                )

            state = args.cache / f"state-{name}-{args.cells}.pt"
            states.append(state)
            meet = args.cache / f"meet-{name}"
            epochs = args.epochs or shape.epochs
            plan = Plan(epochs, args.batch, args.rate, pair, state, args.half, args.rank, args.ranks, meet)
            nets[name] = learn(cells, found, labels, shape, plan, after)
            if not args.rank:
                after(nets[name], "in the end")
        del cells, labels, found  # gigabytes, before those of the next pair
    if args.rank or args.only:
        return
    join(nets, said, check_labels, args.out)
    for state in states:  # the next run starts anew
        state.unlink(missing_ok=True)


def join(
    nets: "dict[str, Network]", said: dict[str, npt.NDArray[np.float64]], labels: I64, out: Path
) -> None:
    """Write networks, of which it is known what they say of the cells of these labels, as one: those of a kind have the same share."""
    from ocr.train.network import SHAPES, save_onnx

    kinds = {kind: [name for name in nets if name.startswith(kind)] for kind in SHAPES}
    near, far = (np.mean([said[name] for name in kinds[kind]], axis=0) for kind in ("near", "far"))
    share, temperature = fit_share(near, far, labels)
    shares = {"near": share / len(kinds["near"]), "far": (1 - share) / len(kinds["far"])}
    weighed = {name: (nets[name], shares[kind]) for kind in SHAPES for name in kinds[kind]}
    save_onnx(weighed, out, CLASSES, temperature)
    print(f"share {share}, temperature {temperature}, {out.stat().st_size} bytes")


def test_sets(args: argparse.Namespace) -> dict[str, tuple[U8, I64]]:
    """Cells to measure on, kept in the cache folder: each set at each level. None of these digits was trained on."""

    def make(
        name: str, ink: Callable[[], Ink], digits_only: bool = True, typed: float = 0.0
    ) -> dict[str, tuple[U8, I64]]:
        out = {}
        for level, word in enumerate(LEVELS):
            path = args.cache / f"test-{name.replace(' ', '-')}-{word}-{args.test_cells}.npz"
            if not path.exists():
                cells, labels = make_cells(args.test_cells, 90 + level, ink(), level, digits_only, typed)
                np.savez(path, cells=cells, labels=labels)
            kept = np.load(path)
            out[f"{name}, {word}"] = (kept["cells"], kept["labels"])
        return out

    @cache
    def mnist(thinned: bool) -> Ink:
        return test_ink(glyphs.from_images(*glyphs.read_mnist(args.digits, "t10k"), thinned))

    @cache
    def usps() -> Ink:
        return test_ink(glyphs.from_images(*glyphs.read_usps(find(args.digits, "zip.test.gz")), True))

    @cache
    def hands() -> Ink:
        fonts = sorted(args.digits.rglob("*.otf"))[HANDS[1] :]
        return test_ink(glyphs.from_fonts(fonts, True))

    def fonts() -> Ink:
        return test_ink(hand_fonts(args.digits, "test"))

    def printed() -> Ink:
        ink = printed_fonts(PRINTED_HELD)
        return test_ink(ink, ink)

    def everything() -> Ink:
        parts = [mnist(False).digits, mnist(True).digits, usps().digits]
        rng = np.random.default_rng(4)
        digits = glyphs.join([*parts, _repeat(hands().digits, 3000, rng)])
        return test_ink(digits, printed_fonts(PRINTED_HELD))

    args.cache.mkdir(parents=True, exist_ok=True)
    more = any(args.digits.rglob("*.woff"))
    if not more:
        print(f"No font of {FONTS.name} lies under {args.digits}: they are not measured on.")
    return {
        **make("MNIST test", lambda: mnist(False)),
        **make("MNIST test thin pen", lambda: mnist(True)),
        **make("USPS test", usps),
        **make("held-back hands", hands),
        **(make("held-back fonts", fonts) if more else {}),
        **make("held-back print", printed, typed=1.0),
        **make("all classes", everything, digits_only=False, typed=0.17),
    }


def evaluate(args: argparse.Namespace) -> None:
    """Print accuracy and calibration on cells with digits that were never trained on, as the tables of MODEL.md."""
    reader = DigitReader(args.out)
    print(f"temperature {reader.temperature}, {args.out.stat().st_size} bytes")
    print(
        "\n| cells | n | right | log likelihood | ECE | p ≥ 0.99 | wrong of these | p ≥ 0.999 | wrong of these |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    classes: dict[str, str] = {}
    confusion: dict[str, npt.NDArray[np.int64]] = {}
    for name, (cells, truth) in test_sets(args).items():
        p = reader.probabilities(cells)
        top, guess = p.max(1), p.argmax(1)
        right = guess == truth
        sure = " | ".join(f"{(top >= t).mean():.1%} | {np.sum(~right[top >= t])}" for t in (0.99, 0.999))
        print(
            f"| {name} | {len(truth)} | {right.mean():.2%} "
            f"| {np.log(p[np.arange(len(p)), truth]).mean():.4f} | {calibration_error(p, truth):.4f} | {sure} |"
        )
        each = [f"{right[truth == c].mean():.1%}" if (truth == c).any() else "" for c in range(len(CLASSES))]
        classes[name] = " | ".join(each)
        table = confusion.setdefault(name.split(", ")[-1], np.zeros((len(CLASSES), len(CLASSES)), np.int64))
        np.add.at(table, (truth, guess), 1)
    print(f"\n| right, per class | {' | '.join(CLASSES)} |\n|{'---|' * (len(CLASSES) + 1)}")
    for name, row in classes.items():
        print(f"| {name} | {row} |")
    for level, table in confusion.items():
        print(f"\nAll sets, {level}: what was written (rows) and what was read (columns)\n")
        print(f"| | {' | '.join(CLASSES)} |\n|{'---|' * (len(CLASSES) + 1)}")
        for c, counts in zip(CLASSES, table.tolist(), strict=True):
            print(f"| **{c}** | {' | '.join(str(v or '') for v in counts)} |")
    cells = np.full((4096, SIZE, SIZE), 255, np.uint8)
    started = time.process_time()
    reader.probabilities(cells)
    print(
        f"\n{(time.process_time() - started) / len(cells) * 1e6:.0f} microseconds of processor time per cell"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--digits",
        type=Path,
        required=True,
        help="folder with MNIST, USPS and the handwriting fonts, at any depth",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("build/cells"),
        help="folder for the cells made; what lies there is taken as it is: another one after a change to how cells are drawn",
    )
    parser.add_argument(
        "--cells", type=int, default=len(TRAIN[1]) * CHUNK, help="cells to train each network on"
    )
    parser.add_argument("--epochs", type=int, default=0, help="passes over the cells; 0: each network's own")
    parser.add_argument("--batch", type=int, default=288)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument(
        "--ranks", type=int, default=1, help="processes that share the training, started one by one"
    )
    parser.add_argument("--rank", type=int, default=0, help="which of these this one is")
    parser.add_argument(
        "--only",
        choices=("", *(f"{kind}-{pair}" for kind in ("near", "far") for pair in TRAIN)),
        default="",
        help="train this network; a run without it takes up what it kept",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--half", action="store_true", help="reckon in 16 bits: for processors with AVX512-BF16 or AMX"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--test-cells", type=int, default=4000, help="cells per set and level")
    parser.add_argument("--evaluate", action="store_true", help="measure the weights instead of training")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    if args.evaluate:
        evaluate(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
