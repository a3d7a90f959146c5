"""Small networks for tests."""

from __future__ import annotations

import torch
from torch import nn

from detector.model.tph_yolov5 import Form, ModelSpec, TphYolov5pp

NAMES = ("car", "truck", "bus")


def network(
    *, size: str = "n", names: tuple[str, ...] = NAMES, form: Form = "corrected", seed: int = 0
) -> TphYolov5pp:
    """A network with random weights."""
    torch.manual_seed(seed)
    return TphYolov5pp(ModelSpec(size, names, 640, form))


@torch.no_grad()
def randomise_normalisation(model: nn.Module) -> None:
    """Statistics and gains as after a training, not the ones and zeros of the start."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.3)
