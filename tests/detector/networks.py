"""Small networks for tests."""

from __future__ import annotations

from typing import Any, get_args

import torch
from torch import nn

from detector.model.family import build_network
from detector.model.network import Network
from detector.model.spec import ModelSpec, NetworkName

NAMES = ("car", "truck", "bus")

EVERY_NETWORK: tuple[NetworkName, ...] = get_args(NetworkName)


def network(
    name: str = "tph-yolov5pp-n",
    *,
    names: tuple[str, ...] = NAMES,
    anchors: int = 3,
    seed: int = 0,
    **options: Any,
) -> Network:
    """A network with random weights; `options` are fields of its spec."""
    torch.manual_seed(seed)
    spec = ModelSpec.named(name, names, 640, **options)
    return build_network(
        spec, None if anchors == 3 else [[[16.0, 16.0]] * anchors] * len(spec.strides)
    )


@torch.no_grad()
def randomise(model: nn.Module) -> None:
    """Statistics, gains, biases and tables as after a training, not as at the start."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
        elif isinstance(module, nn.LayerNorm):
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_()
        elif isinstance(module, nn.MultiheadAttention):
            module.in_proj_bias.normal_()
    for name, parameter in model.named_parameters():
        if name.endswith("relative_position_bias_table"):
            parameter.normal_()
