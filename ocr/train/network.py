"""The network, and its export to ONNX with batch normalisation folded into the convolutions."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

Spec = tuple[tuple[int, int, int, int], ...]

# channels in, channels out, kernel, stride; where neither size nor channels change, what came in is added again (He et al. 2016)
WHOLE: Spec = ((1, 16, 5, 2), (16, 32, 3, 2), (32, 48, 3, 2))
WRITING: Spec = (
    (1, 24, 5, 2),
    (24, 48, 3, 2),
    (48, 48, 3, 1),
    (48, 48, 3, 1),
    (48, 80, 3, 2),
    (80, 80, 3, 1),
)
TOWERS = {"whole": WHOLE, "writing": WRITING}
"""What looks at each of the two views of a cell (`ocr.focus`): 32 x 32 or 28 x 28 down to 4 x 4."""
SIDES = {"whole": 32, "writing": 28}
HIDDEN = 128
OUTPUTS = 13


def _adds(spec: tuple[int, int, int, int]) -> bool:
    return spec[0] == spec[1] and spec[3] == 1


class Tower(nn.Module):
    """Convolutions over one view."""

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, k, s, k // 2, bias=False) for i, o, k, s in spec)
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for _, o, _, _ in spec)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features [n, channels * 16]."""
        for spec, conv, norm in zip(self.spec, self.convolutions, self.norms, strict=True):
            y = norm(conv(x))
            x = torch.relu(y + x if _adds(spec) else y)
        return x.flatten(1)


class Network(nn.Module):
    """Two towers and two dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.towers = nn.ModuleDict({name: Tower(spec) for name, spec in TOWERS.items()})
        self.drop = nn.Dropout(0.15)
        self.hidden = nn.Linear(16 * sum(spec[-1][1] for spec in TOWERS.values()), HIDDEN)
        self.last = nn.Linear(HIDDEN, OUTPUTS)

    def forward(self, whole: torch.Tensor, writing: torch.Tensor) -> torch.Tensor:
        """Raw scores [n, 13] of the two views [n, 1, 32, 32] and [n, 1, 28, 28]."""
        both = torch.cat([self.towers["whole"](whole), self.towers["writing"](writing)], 1)
        out: torch.Tensor = self.last(torch.relu(self.hidden(self.drop(both))))
        return out


def save_onnx(net: Network, path: Path, classes: tuple[str, ...], temperature: float) -> None:
    """Write the network as ONNX: inputs `whole` [n, 1, 32, 32] and `writing` [n, 1, 28, 28], output `logits` [n, 13].

    Weights are stored as 16-bit floats and calculated with as 32-bit ones.
    """
    nodes, weights = [], []

    def weight(name: str, value: torch.Tensor) -> str:
        half = value.detach().contiguous().numpy().astype(np.float16)
        weights.append(numpy_helper.from_array(half, f"{name}h"))
        nodes.append(helper.make_node("Cast", [f"{name}h"], [name], to=TensorProto.FLOAT))
        return name

    ends = []
    for name, tower in net.towers.items():
        assert isinstance(tower, Tower)
        last = name
        for k, (spec, conv, norm) in enumerate(zip(tower.spec, tower.convolutions, tower.norms, strict=True)):
            assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
            assert norm.running_var is not None and norm.running_mean is not None
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            out = f"{name}{k}"
            names = [
                weight(f"{out}w", conv.weight * gain[:, None, None, None]),
                weight(f"{out}b", norm.bias - norm.running_mean * gain),
            ]
            pads, strides = [spec[2] // 2] * 4, [spec[3]] * 2
            nodes.append(helper.make_node("Conv", [last, *names], [f"{out}c"], pads=pads, strides=strides))
            if _adds(spec):
                nodes.append(helper.make_node("Add", [f"{out}c", last], [f"{out}a"]))
            nodes.append(helper.make_node("Relu", [f"{out}{'a' if _adds(spec) else 'c'}"], [out]))
            last = out
        nodes.append(helper.make_node("Flatten", [last], [f"{name}f"]))
        ends.append(f"{name}f")
    nodes.append(helper.make_node("Concat", ends, ["both"], axis=1))
    for name, layer, source, out in (("h", net.hidden, "both", "h0"), ("l", net.last, "h1", "logits")):
        names = [weight(f"{name}w", layer.weight), weight(f"{name}b", layer.bias)]
        nodes.append(helper.make_node("Gemm", [source, *names], [out], transB=1))
        if name == "h":
            nodes.append(helper.make_node("Relu", [out], ["h1"]))
    graph = helper.make_graph(
        nodes,
        "digits",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, side, side])
            for name, side in SIDES.items()
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", OUTPUTS])],
        weights,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="cotejo"
    )
    helper.set_model_props(model, {"classes": " ".join(classes), "temperature": repr(temperature)})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
