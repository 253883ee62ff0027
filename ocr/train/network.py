"""The network, and its export to ONNX with batch normalisation folded into the convolutions."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

# channels in, channels out, kernel, stride
CONVOLUTIONS = ((1, 24, 5, 2), (24, 48, 3, 2), (48, 64, 3, 1), (64, 64, 3, 1), (64, 96, 3, 2), (96, 96, 3, 1))
HIDDEN = 96
OUTPUTS = 13


def build() -> nn.Sequential:
    """Six convolutions (32 x 32 down to 4 x 4) and two dense layers, about 0.36 million weights."""
    layers: list[nn.Module] = []
    for cin, cout, kernel, stride in CONVOLUTIONS:
        layers += [
            nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU(),
        ]
    layers += [
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(96 * 16, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, OUTPUTS),
    ]
    return nn.Sequential(*layers)


def save_onnx(net: nn.Sequential, path: Path, classes: tuple[str, ...], temperature: float) -> None:
    """Write the network as ONNX: input `cells` [n, 1, 32, 32], output `logits` [n, 13]."""
    nodes, weights, last = [], [], "cells"

    def weight(name: str, value: torch.Tensor) -> str:
        weights.append(numpy_helper.from_array(value.detach().contiguous().numpy().astype(np.float32), name))
        return name

    modules = list(net)
    for k, module in enumerate(modules):
        out = f"x{k}"
        if isinstance(module, nn.Conv2d):
            norm = modules[k + 1]
            assert (
                isinstance(norm, nn.BatchNorm2d)
                and norm.running_var is not None
                and norm.running_mean is not None
            )
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            names = [
                weight(f"w{k}", module.weight * gain[:, None, None, None]),
                weight(f"b{k}", norm.bias - norm.running_mean * gain),
            ]
            pad, stride = int(module.padding[0]), int(module.stride[0])
            nodes.append(
                helper.make_node("Conv", [last, *names], [out], pads=[pad] * 4, strides=[stride] * 2)
            )
        elif isinstance(module, nn.Linear):
            names = [weight(f"w{k}", module.weight), weight(f"b{k}", module.bias)]
            nodes.append(helper.make_node("Gemm", [last, *names], [out], transB=1))
        elif isinstance(module, nn.ReLU):
            nodes.append(helper.make_node("Relu", [last], [out]))
        elif isinstance(module, nn.Flatten):
            nodes.append(helper.make_node("Flatten", [last], [out]))
        else:
            continue
        last = out
    nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("cells", TensorProto.FLOAT, ["n", 1, 32, 32])],
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
