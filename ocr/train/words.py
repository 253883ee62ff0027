"""Train the network of `ocr.words`: ``python -m ocr.train.words --fonts FOLDER --out ocr/models/words.onnx``.

A network that looks at a strip 40 pixels high and says for every four pixels along it which letter stands there, trained with
connectionist temporal classification on `ocr.train.strips`. The last two fonts are held back; at the end it prints how many of
the strips written in them it reads exactly.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ocr.train.strips import Hand, hand_of_font, hand_of_strokes, strip
from ocr.words import ALPHABET, normalise

# channels in, channels out, kernel, stride, padding
CONVOLUTIONS = (
    (1, 16, (5, 5), (2, 2), (2, 2)),
    (16, 32, (3, 3), (2, 1), (1, 1)),
    (32, 48, (3, 3), (1, 2), (1, 1)),
    (48, 64, (3, 3), (2, 1), (1, 1)),
    (64, 96, (5, 3), (1, 1), (0, 1)),
    (96, 96, (1, 5), (1, 1), (0, 2)),
)
HELD = 2
BATCH = 32


class Letters(nn.Module):
    """Strips [n, 1, 40, w] -> scores [n, 28, w / 4]; 0.19 million weights."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for cin, cout, kernel, stride, padding in CONVOLUTIONS:
            layers += [
                nn.Conv2d(cin, cout, kernel, stride, padding, bias=False),
                nn.BatchNorm2d(cout),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.Dropout(0.1), nn.Conv2d(96, len(ALPHABET), (1, 3), 1, (0, 1)))

    def forward(self, strips: torch.Tensor) -> torch.Tensor:
        """Scores before the softmax, columns as `ALPHABET`."""
        out: torch.Tensor = self.layers(strips).squeeze(2)
        return out


def batch(rng: np.random.Generator, hands: list[Hand], count: int) -> tuple[torch.Tensor, list[str]]:
    """So many strips, normalised, and their texts."""
    pairs = [strip(rng, hands) for _ in range(count)]
    return torch.from_numpy(np.stack([normalise(s) for s, _ in pairs]))[:, None], [t for _, t in pairs]


def train(
    net: Letters, hands: list[Hand], steps: int, rate: float, seed: int, state: Path | None = None
) -> None:
    """Adam with a constant rate for half of the steps, then falling to nothing; `state` is written now and then."""
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=1e-3)
    loss_of = nn.CTCLoss(zero_infinity=True)
    net.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50, 2 * (1 - step / steps)) + 1e-5
        strips, texts = batch(rng, hands, BATCH)
        scores = net(strips).log_softmax(1).permute(2, 0, 1)
        letters = torch.tensor([ALPHABET.index(c) for text in texts for c in text])
        places = torch.full((BATCH,), scores.shape[0])
        loss = loss_of(scores, letters, places, torch.tensor([len(t) for t in texts]))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        if step % 200 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
            if state is not None:
                torch.save(net.state_dict(), state)


def exact(net: Letters, hands: list[Hand], count: int = 1000, seed: int = 99) -> float:
    """Share of strips whose freest reading is their text."""
    strips, texts = batch(np.random.default_rng(seed), hands, count)
    net.eval()
    with torch.no_grad():
        best = net(strips).argmax(1).numpy()
    right = 0
    for places, text in zip(best, texts, strict=True):
        kept = [int(c) for c, before in zip(places, [0, *places[:-1]], strict=True) if c and c != before]
        right += "".join(ALPHABET[c] for c in kept) == text
    return right / count


def main() -> None:
    """Train, print the score on the fonts held back, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fonts", type=Path, required=True, help="folder with handwriting fonts (.otf)")
    parser.add_argument("--out", type=Path, required=True, help="where the ONNX file goes")
    parser.add_argument("--steps", type=int, default=3500, help="of 32 strips")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--state",
        type=Path,
        help="weights of an earlier run to go on from; written on the way and at the end",
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    fonts = [hand_of_font(path) for path in sorted(args.fonts.rglob("*.otf"))]
    hands = fonts[:-HELD] + [hand_of_strokes(face) for face in (0, 2, 6)]
    net = Letters()
    if args.state is not None and args.state.is_file():
        net.load_state_dict(torch.load(args.state))
    train(net, hands, args.steps, args.rate, args.seed, args.state)
    if args.state is not None:
        torch.save(net.state_dict(), args.state)
    print(f"strips of the fonts held back read exactly: {exact(net, fonts[-HELD:]):.1%}")
    net.eval()
    torch.onnx.export(
        net,
        (torch.zeros(1, 1, 40, 256),),
        str(args.out),
        input_names=["strip"],
        output_names=["letters"],
        dynamic_axes={"strip": {3: "width"}, "letters": {2: "places"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
