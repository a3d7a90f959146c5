"""The optimiser of a run and what it applies to which parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from detector.training.config import TrainConfig
from detector.training.optimizer_config import AdamConfig, AdamWConfig, SgdConfig
from detector.training.schedule import Schedule

NOMINAL_BATCH = 64
"""Images an update that the L2 decay of Adam and SGD is given for."""


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser over every parameter, in three groups.

    Weights that decay, weights that do not, and biases (`is_bias`), which never do. With AdamW
    vectors do not decay; with the published optimisers only batch normalisation does not.
    """
    settings = config.optimizer
    published = not isinstance(settings, AdamWConfig)
    decayed, kept, biases = _split(model, published=published)
    decay = settings.weight_decay
    if published:
        decay *= config.batch * config.accumulate / NOMINAL_BATCH
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": decay, "is_bias": False},
        {"params": kept, "weight_decay": 0.0, "is_bias": False},
        {"params": biases, "weight_decay": 0.0, "is_bias": True},
    ]
    match settings:
        case AdamWConfig():
            return torch.optim.AdamW(groups, settings.learning_rate, settings.betas)
        case AdamConfig():
            return torch.optim.Adam(groups, settings.learning_rate, settings.betas)
        case SgdConfig():
            return torch.optim.SGD(
                groups, settings.learning_rate, settings.momentum, nesterov=settings.momentum > 0
            )


def _split(
    model: nn.Module, *, published: bool
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    normalised = {
        id(parameter)
        for module in model.modules()
        if isinstance(module, _BatchNorm)
        for parameter in module.parameters()
    }
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    biases: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        decays = id(parameter) not in normalised if published else parameter.ndim > 1
        if name.endswith("bias"):
            biases.append(parameter)
        else:
            (decayed if decays else kept).append(parameter)
    return decayed, kept, biases


def set_rates(optimizer: torch.optim.Optimizer, schedule: Schedule, step: int) -> None:
    """Gives the optimiser the rates and the momentum of a step."""
    rate, bias_rate = schedule.learning_rate(step), schedule.bias_rate(step)
    for group in optimizer.param_groups:
        group["lr"] = bias_rate if group["is_bias"] else rate
        if "momentum" in group:
            group["momentum"] = schedule.momentum(step)
