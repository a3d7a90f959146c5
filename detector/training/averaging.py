"""Averaged weights."""

from __future__ import annotations

import copy
import math

import torch

from detector.model.network import Network


class AveragedModel:
    """An exponential moving average of a network's weights and statistics.

    Args:
        model: Where it starts.
        decay: Share that it keeps of itself at an update, long after the start.
        ramp: Time constant, in updates, with which that share is reached.

    Attributes:
        model: The averaged network, in evaluation mode.
        updates: Taken in so far.
    """

    def __init__(self, model: Network, decay: float, ramp: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(requires_grad=False)
        self.updates = 0
        self._decay = decay
        self._ramp = ramp

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """Takes in the network after an update of its weights."""
        self.updates += 1
        decay = self._decay * (1 - math.exp(-self.updates / self._ramp))
        current = model.state_dict()
        for key, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                value.lerp_(current[key].to(value.dtype), 1 - decay)
            else:
                value.copy_(current[key])
