"""Learning rate, optimiser groups and averaged weights."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from detector.training.config import TrainConfig

EMA_RAMP_STEPS = 500
"""Time constant with which the averaging reaches its full decay."""


def learning_rate(step: int, config: TrainConfig) -> float:
    """The rate at a step: a linear rise, then half a cosine down to `final_share` of the peak."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    span = max(config.steps - config.warmup_steps, 1)
    progress = min((step - config.warmup_steps) / span, 1.0)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * (config.final_share + (1 - config.final_share) * cosine)


def build_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW over every parameter; only weights of two or more dimensions decay."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.999))


class AveragedModel:
    """An exponential moving average of a network's weights and statistics.

    Attributes:
        model: The averaged network, in evaluation mode.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Takes in the network after the optimiser's step number `step`, from 0."""
        decay = self._decay * (1 - math.exp(-(step + 1) / EMA_RAMP_STEPS))
        current = model.state_dict()
        for key, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(current[key].to(value.dtype), 1 - decay)
            else:
                value.copy_(current[key])
