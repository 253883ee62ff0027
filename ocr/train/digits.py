"""Train, calibrate, export and evaluate the digit network.

    python -m ocr.train.digits --mnist DIR --usps DIR --fonts DIR --cache DIR          train and write the weights
    python -m ocr.train.digits --mnist DIR --usps DIR --fonts DIR --evaluate           print the table of MODEL.md

Needs torch and onnx, which the reader itself does not.
"""

import argparse
import copy
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ocr.digits import CLASSES, CROSSED, MARK, MODEL, DigitReader, normalise
from ocr.train import glyphs
from ocr.train.cells import LEVELS, Ink, make_cells
from ocr.train.glyphs import Glyphs

CHUNK = 5000
"""Cells made from one seed."""
HELD_BACK = 5000
"""Last MNIST training digits, kept for fitting the temperature."""
PRINTED = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansCondensed.ttf",
           "LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSerif-Regular.ttf", "LiberationMono-Regular.ttf",
           "LiberationSansNarrow-Regular.ttf", "LiberationSerif-Bold.ttf", "FreeSans.ttf", "FreeMono.ttf", "FreeSerif.ttf",
           "LiberationMono-Bold.ttf", "LiberationSansNarrow-Bold.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSerifCondensed.ttf",
           "NimbusSans-Regular.otf", "NimbusSans-Bold.otf", "NimbusMonoPS-Regular.otf", "NimbusMonoPS-Bold.otf",
           "NimbusRoman-Regular.otf", "NimbusSansNarrow-Regular.otf", "NotoMono-Regular.ttf", "NotoSansMono-Bold.ttf",
           "C059-Roman.otf", "P052-Roman.otf", "URWGothic-Book.otf", "URWBookman-Light.otf")  # fmt: skip

U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]


def _repeat(part: Glyphs, n: int, rng: np.random.Generator) -> Glyphs:
    return part.take(rng.integers(len(part), size=n)) if len(part) else part


@cache
def training_ink(mnist: Path, usps: Path, fonts: Path, part: str) -> Ink:
    """Everything that is written into the cells of one part: `train` or `check` (other digits, other drawings)."""
    images, labels = glyphs.read_mnist(mnist, "train")
    check = part == "check"
    cut = slice(-HELD_BACK, None) if check else slice(0, len(images) - HELD_BACK)
    images, labels = images[cut], labels[cut]
    rng = np.random.default_rng(2 if check else 1)
    order = rng.permutation(len(images))
    shrink = 10 if check else 1
    thin, raw = order[: 34000 // shrink], order[34000 // shrink : 44000 // shrink]
    zip_images, zip_labels = glyphs.read_usps(usps / "zip.train.gz")
    keep = slice(6000, None) if check else slice(0, 6000)
    hand = sorted(fonts.rglob("*.otf"))
    system = sorted(p for p in Path("/usr/share/fonts").rglob("*") if p.name in PRINTED)
    digits = glyphs.join([
        glyphs.from_images(images[thin], labels[thin], True),
        glyphs.from_images(images[raw], labels[raw], False),
        glyphs.from_images(zip_images[keep], zip_labels[keep], True),
        _repeat(glyphs.from_fonts(hand[15:] if check else hand[:15], True), 9000 // shrink, rng),
        _repeat(glyphs.from_fonts(system, False), 2000 // shrink, rng),
        glyphs.handmade(300 // shrink, rng),
    ])  # fmt: skip
    return Ink(
        digits,
        glyphs.marks(6000 // shrink, rng, MARK),
        glyphs.scribbles(4000 // shrink, rng, CROSSED),
        glyphs.from_fonts(system, False),
    )


def test_ink(images: U8, labels: I64, thinned: bool) -> Ink:
    """Cells of a test set: only its own digits, neighbours included."""
    rng = np.random.default_rng(3)
    return Ink(
        glyphs.from_images(images, labels, thinned),
        glyphs.marks(500, rng, MARK),
        glyphs.scribbles(500, rng, CROSSED),
    )


def _chunk(job: tuple[Path, Path, Path, str, int, Path]) -> Path:
    mnist, usps, fonts, part, seed, folder = job
    path = folder / f"{part}-{seed}.npz"
    if not path.exists():
        cells, labels = make_cells(CHUNK, seed, training_ink(mnist, usps, fonts, part))
        np.savez(path, cells=cells, labels=labels)
    return path


def load_cells(args: argparse.Namespace, part: str, n: int, first: int) -> tuple[U8, I64]:
    """Make cells in chunks of 5,000 (kept in the cache folder) and load them."""
    args.cache.mkdir(parents=True, exist_ok=True)
    jobs = [(args.mnist, args.usps, args.fonts, part, first + k, args.cache) for k in range(n // CHUNK)]
    with ProcessPoolExecutor(args.workers) as pool:
        paths = list(pool.map(_chunk, jobs))
    parts = [np.load(p) for p in paths]
    return np.concatenate([p["cells"] for p in parts]), np.concatenate([p["labels"] for p in parts])


def fit_temperature(logits: npt.NDArray[np.float64], labels: I64) -> float:
    """Temperature of least negative log likelihood (Guo et al. 2017, ICML), on a grid of 0.01."""

    def loss(t: float) -> float:
        z = logits / t
        z = z - z.max(1, keepdims=True)
        return float(np.mean(np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]))

    return float(min(np.round(np.arange(0.5, 3.0, 0.01), 2), key=loss))


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
    """Train the network, fit its temperature and write the ONNX file.

    The rate falls to nothing along a cosine; what is kept is a running mean of the weights.
    """
    import torch
    from torch import nn

    from ocr.train.network import build, save_onnx

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    cells, labels = load_cells(args, "train", args.cells, 1000 + args.first)
    check_cells, check_labels = load_cells(args, "check", 10000, 500)
    net = build().to(memory_format=torch.channels_last)
    if args.start:
        net.load_state_dict(torch.load(args.start))
    steps = args.epochs * (len(cells) // args.batch)
    optimiser = torch.optim.AdamW(net.parameters(), lr=args.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, args.rate, total_steps=steps, pct_start=min(0.5, 100 / steps)
    )
    mean = copy.deepcopy(net)
    done = 0
    rng = np.random.default_rng(args.seed)
    started = time.process_time()
    for epoch in range(args.epochs):
        net.train()
        order, total = rng.permutation(len(cells)), 0.0
        for start in range(0, len(cells) - args.batch + 1, args.batch):
            at = np.sort(order[start : start + args.batch])
            batch = torch.from_numpy(normalise(cells[at])).to(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(net(batch), torch.from_numpy(labels[at]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
            done += 1
            share = 1 - min(0.998, (1 + done) / (10 + done))
            with torch.no_grad():
                for kept, now in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
                    if kept.dtype.is_floating_point:
                        kept.lerp_(now, share)
                    else:
                        kept.copy_(now)
        torch.save(mean.state_dict(), args.cache / "last.pt")
        save_onnx(mean, args.out, CLASSES, 1.0)
        guess = DigitReader(args.out).logits(check_cells).argmax(1)
        print(f"epoch {epoch + 1}: loss {total / (len(cells) // args.batch):.4f}, check accuracy {np.mean(guess == check_labels):.4f}, "
              f"{time.process_time() - started:.0f} s", flush=True)  # fmt: skip
    temperature = fit_temperature(DigitReader(args.out).logits(check_cells), check_labels)
    save_onnx(mean, args.out, CLASSES, temperature)
    print(f"temperature {temperature}, {args.out.stat().st_size} bytes")


def test_sets(args: argparse.Namespace) -> dict[str, tuple[U8, I64]]:
    """Cells to measure on, kept in the cache folder: each set at each level."""

    def make(name: str, ink: Callable[[], Ink], digits_only: bool) -> dict[str, tuple[U8, I64]]:
        out = {}
        for level, word in enumerate(LEVELS):
            path = args.cache / f"test-{name.replace(' ', '-')}-{word}-{args.test_cells}.npz"
            if not path.exists():
                cells, labels = make_cells(args.test_cells, 90 + level, ink(), level, digits_only)
                np.savez(path, cells=cells, labels=labels)
            kept = np.load(path)
            out[f"{name}, {word}"] = (kept["cells"], kept["labels"])
        return out

    @cache
    def mnist(thinned: bool) -> Ink:
        return test_ink(*glyphs.read_mnist(args.mnist, "t10k"), thinned)

    @cache
    def usps() -> Ink:
        return test_ink(*glyphs.read_usps(args.usps / "zip.test.gz"), True)

    args.cache.mkdir(parents=True, exist_ok=True)
    return {
        **make("MNIST test", lambda: mnist(False), True),
        **make("MNIST test thin pen", lambda: mnist(True), True),
        **make("USPS test", usps, True),
        **make("all classes", lambda: training_ink(args.mnist, args.usps, args.fonts, "check"), False),
    }


def evaluate(args: argparse.Namespace) -> None:
    """Print accuracy and calibration on cells with digits that were never trained on, as the tables of MODEL.md."""
    reader = DigitReader(args.out)
    print(f"temperature {reader.temperature}, {args.out.stat().st_size} bytes")
    print("\n| cells | n | right | log likelihood | ECE | sure (p ≥ 0.99) | wrong among the sure |")
    print("|---|---|---|---|---|---|---|")
    classes: dict[str, str] = {}
    for name, (cells, truth) in test_sets(args).items():
        p = reader.probabilities(cells)
        right, sure = p.argmax(1) == truth, p.max(1) >= 0.99
        print(
            f"| {name} | {len(truth)} | {right.mean():.2%} "
            f"| {np.log(p[np.arange(len(p)), truth]).mean():.3f} | {calibration_error(p, truth):.3f} "
            f"| {sure.mean():.1%} | {(~right[sure]).mean():.2%} |"
        )
        each = [f"{right[truth == c].mean():.1%}" if (truth == c).any() else "" for c in range(len(CLASSES))]
        classes[name] = " | ".join(each)
    print(f"\n| right, per class | {' | '.join(CLASSES)} |\n|{'---|' * (len(CLASSES) + 1)}")
    for name, row in classes.items():
        print(f"| {name} | {row} |")
    cells = np.full((4096, 32, 32), 255, np.uint8)
    started = time.process_time()
    reader.probabilities(cells)
    print(
        f"\n{(time.process_time() - started) / len(cells) * 1e6:.0f} microseconds of processor time per cell"
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mnist", type=Path, required=True, help="folder with the MNIST IDX files")
    parser.add_argument("--usps", type=Path, required=True, help="folder with zip.train.gz and zip.test.gz")
    parser.add_argument("--fonts", type=Path, required=True, help="folder with handwriting fonts (.otf)")
    parser.add_argument("--cache", type=Path, default=Path("build/cells"), help="folder for the cells made")
    parser.add_argument("--cells", type=int, default=200_000, help="cells to train on")
    parser.add_argument("--first", type=int, default=0, help="first seed of the cells")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights to go on from (a .pt file)")
    parser.add_argument("--out", type=Path, default=MODEL)
    parser.add_argument("--test-cells", type=int, default=2000, help="cells per set and level")
    parser.add_argument("--evaluate", action="store_true", help="measure the weights instead of training")
    parser.add_argument("--only-cells", action="store_true", help="fill the cache and stop")
    args = parser.parse_args()
    if args.evaluate:
        evaluate(args)
    elif args.only_cells:
        load_cells(args, "train", args.cells, 1000 + args.first)
        test_sets(args)
    else:
        train(args)


if __name__ == "__main__":
    main()
