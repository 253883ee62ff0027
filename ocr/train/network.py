"""The network, and its export to ONNX with batch normalisation folded into the convolutions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

Spec = tuple[tuple[int, int, int, int], ...]

# channels in, channels out, kernel, stride; where neither size nor channels change, what came in may be added again (He et al. 2016)
GLANCE: Spec = ((1, 16, 5, 2), (16, 32, 3, 2), (32, 48, 3, 2))
"""A first look at a view."""
WRITING: Spec = (
    (1, 24, 5, 2), (24, 48, 3, 2), (48, 48, 3, 1), (48, 48, 3, 1), (48, 80, 3, 2), (80, 80, 3, 1),
)  # fmt: skip
WHOLE: Spec = ((1, 24, 5, 2), (24, 48, 3, 2), (48, 64, 3, 1), (64, 64, 3, 1), (64, 96, 3, 2), (96, 96, 3, 1))
SIDES = {"whole": 32, "writing": 28}
"""The views of a cell (`ocr.focus`) and their sides in pixels."""
OUTPUTS = 13


@dataclass(frozen=True)
class Shape:
    """A network: the tower over each of the views that it looks at, the width of its hidden layer, passes over the cells."""

    towers: dict[str, Spec]
    hidden: int
    epochs: int


SHAPES = {
    "near": Shape({"whole": GLANCE, "writing": WRITING}, 128, 7),
    "far": Shape({"whole": WHOLE, "writing": GLANCE}, 96, 5),
}
"""Two kinds of network: both see both views, one looks closely at the writing, the other at the whole cell."""


class Tower(nn.Module):
    """Convolutions over one view."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.adds = [i == o and s == 1 for i, o, _, s in spec]
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in spec)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _, _ in spec)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features [n, channels * 16]."""
        for add, conv, norm in zip(self.adds, self.convolutions, self.norms, strict=True):
            y = norm(conv(x))
            x = torch.relu(y + x if add else y)
        return x.flatten(1)


class Network(nn.Module):
    """A tower for each view and two dense layers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.towers = nn.ModuleDict({name: Tower(spec) for name, spec in shape.towers.items()})
        self.drop = nn.Dropout(0.15)
        self.hidden = nn.Linear(16 * sum(spec[-1][1] for spec in shape.towers.values()), shape.hidden)
        self.last = nn.Linear(shape.hidden, OUTPUTS)

    def forward(self, whole: torch.Tensor, writing: torch.Tensor) -> torch.Tensor:
        """Raw scores [n, 13] of the two views [n, 1, 32, 32] and [n, 1, 28, 28]."""
        views = {"whole": whole, "writing": writing}
        both = torch.cat([tower(views[name]) for name, tower in self.towers.items()], 1)
        out: torch.Tensor = self.last(torch.relu(self.hidden(self.drop(both))))
        return out


def save_onnx(
    nets: dict[str, tuple[Network, float]], path: Path, classes: tuple[str, ...], temperature: float
) -> None:
    """Write networks, each with its share of the score, as one ONNX file.

    Inputs `whole` [n, 1, 32, 32] and `writing` [n, 1, 28, 28], outputs `logits` [n, 13] and `traits`: the hidden layers of the first
    network of each kind before their bend, behind one another. Weights are stored in 8 bits with a scale for each output (the largest weight
    is 127), what is added to them as 16-bit floats; all are calculated with as 32-bit floats.
    """
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    for name, (net, share) in nets.items():
        _write(net, share, f"{name}_", nodes, weights)
    nodes.append(helper.make_node("Sum", [f"{name}_logits" for name in nets], ["logits"]))
    first = [
        next(name for name in nets if name.startswith(kind))
        for kind in SHAPES
        if any(n.startswith(kind) for n in nets)
    ]
    nodes.append(helper.make_node("Concat", [f"{name}_h0" for name in first], ["traits"], axis=1))
    width = sum(nets[name][0].hidden.out_features for name in first)
    graph = helper.make_graph(
        nodes,
        "digits",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, side, side])
            for name, side in SIDES.items()
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", OUTPUTS]),
            helper.make_tensor_value_info("traits", TensorProto.FLOAT, ["n", width]),
        ],
        weights,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="cotejo"
    )
    helper.set_model_props(model, {"classes": " ".join(classes), "temperature": repr(temperature)})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _write(
    net: Network, share: float, prefix: str, nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto]
) -> None:
    """Add one network; its scores, times its share, are `<prefix>logits`."""

    def weight(name: str, value: torch.Tensor) -> str:
        full = value.detach().contiguous().numpy()
        if full.ndim == 1:
            weights.append(numpy_helper.from_array(full.astype(np.float16), f"{name}h"))
            nodes.append(helper.make_node("Cast", [f"{name}h"], [name], to=TensorProto.FLOAT))
            return name
        scale = np.abs(full).max(axis=tuple(range(1, full.ndim)), keepdims=True) / 127
        eighth = np.rint(full / np.maximum(scale, 1e-12)).astype(np.int8)
        weights.append(numpy_helper.from_array(eighth, f"{name}q"))
        weights.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}s"))
        nodes.append(helper.make_node("Cast", [f"{name}q"], [f"{name}f"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [f"{name}f", f"{name}s"], [name]))
        return name

    ends = []
    for name, tower in net.towers.items():
        assert isinstance(tower, Tower)
        last = name
        layers = zip(tower.spec, tower.adds, tower.convolutions, tower.norms, strict=True)
        for k, (spec, add, conv, norm) in enumerate(layers):
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            assert norm.running_var is not None and norm.running_mean is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            out = f"{prefix}{name}{k}"
            names = [
                weight(f"{out}w", conv.weight * gain[:, None, None, None]),
                weight(f"{out}b", norm.bias - norm.running_mean * gain),
            ]
            pads, strides = [spec[2] // 2] * 4, [spec[3]] * 2
            nodes.append(helper.make_node("Conv", [last, *names], [f"{out}c"], pads=pads, strides=strides))
            if add:
                nodes.append(helper.make_node("Add", [f"{out}c", last], [f"{out}a"]))
            nodes.append(helper.make_node("Relu", [f"{out}{'a' if add else 'c'}"], [out]))
            last = out
        nodes.append(helper.make_node("Flatten", [last], [f"{prefix}{name}f"]))
        ends.append(f"{prefix}{name}f")
    nodes.append(helper.make_node("Concat", ends, [f"{prefix}both"], axis=1))
    steps = (("h", net.hidden, "both", "h0", 1.0), ("l", net.last, "h1", "logits", share))
    for name, layer, source, out, times in steps:
        names = [
            weight(f"{prefix}{name}w", layer.weight * times),
            weight(f"{prefix}{name}b", layer.bias * times),
        ]
        nodes.append(helper.make_node("Gemm", [prefix + source, *names], [prefix + out], transB=1))
        if name == "h":
            nodes.append(helper.make_node("Relu", [prefix + out], [f"{prefix}h1"]))
