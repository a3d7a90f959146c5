"""What learns: network, average and optimiser, one batch after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from detector.data.dataset import Batch, ignored_cells
from detector.data.targets import Targets
from detector.inference.device import choose_dtype
from detector.model.network import Network
from detector.training.averaging import AveragedModel
from detector.training.config import TrainConfig
from detector.training.distributed import World
from detector.training.loss import DetectionLoss
from detector.training.loss_config import LossConfig
from detector.training.optimizer import build_optimizer, set_rates
from detector.training.schedule import Schedule


class Learner:
    """A network in training.

    Args:
        model: At its start, on any device.
        config: The run.
        gains: Of the loss, as they take effect.
        schedule: The rates of each step.
        world: The processes that train together.

    Attributes:
        averaged: The averaged network.
    """

    def __init__(
        self,
        model: Network,
        config: TrainConfig,
        gains: LossConfig,
        schedule: Schedule,
        world: World,
    ) -> None:
        self._config = config
        self._schedule = schedule
        self._world = world
        self._strides = model.strides
        model = model.to(world.device).to(memory_format=torch.channels_last)
        self.averaged = AveragedModel(model, config.ema_decay, config.ema_ramp)
        self._loss = DetectionLoss(gains, model.anchors_px, model.strides, world)
        self._forward = world.wrap(model)
        # Seen without the processes' wrapping, under the names that files have.
        self._model = model if world.size == 1 else self._forward.get_submodule("module")
        self._optimizer = build_optimizer(self._model, config)
        self._pending = 0
        self._precision = choose_dtype(world.device, config.precision)

    def learn(self, batch: Batch, step: int) -> Tensor:
        """Learns from this process's share of a batch.

        Args:
            batch: Not empty.
            step: From 0; decides rates and dropout.

        Returns:
            `(3,)` box, objectness and class part of the loss of the share, on the device.
        """
        torch.manual_seed(_seed(self._config.seed, step, self._world.rank))
        set_rates(self._optimizer, self._schedule, step)
        self._forward.train()
        device = self._world.device
        images = batch.images.to(device).contiguous(memory_format=torch.channels_last)
        low = self._precision == torch.bfloat16
        with torch.autocast(device.type, torch.bfloat16, enabled=low):
            logits = self._forward(images.float() / 255)
        ignored = [
            ignored_cells(batch.ignored, (head.shape[2], head.shape[3]), stride).to(device)
            for head, stride in zip(logits, self._strides, strict=True)
        ]
        targets = Targets(
            batch.targets.image.to(device),
            batch.targets.class_ids.to(device),
            batch.targets.boxes.to(device),
        )
        total, parts = self._loss(logits, targets, ignored)
        # The wrapped network divides the processes' sum by their number.
        torch.autograd.backward(total * self._world.size)
        self._pending += 1
        if self._pending >= self._schedule.accumulate(step):
            self._update()
        return torch.stack((parts.box, parts.objectness, parts.classification)).detach()

    def _update(self) -> None:
        if self._config.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self.averaged.update(self._model)
        self._pending = 0

    def state(self) -> dict[str, Any]:
        """All that decides how learning goes on; plain data and tensors."""
        gradients = {
            name: parameter.grad
            for name, parameter in self._model.named_parameters()
            if self._pending and parameter.grad is not None
        }
        return {
            "model": self._model.state_dict(),
            "averaged": self.averaged.model.state_dict(),
            "updates": self.averaged.updates,
            "optimizer": self._optimizer.state_dict(),
            "pending": self._pending,
            "gradients": gradients,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to where `state` was taken."""
        self._model.load_state_dict(state["model"])
        self.averaged.model.load_state_dict(state["averaged"])
        self.averaged.updates = state["updates"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._pending = state["pending"]
        parameters = dict(self._model.named_parameters())
        for name, gradient in state["gradients"].items():
            parameter = parameters[name]
            parameter.grad = torch.empty_like(parameter).copy_(gradient)


def _seed(*numbers: int) -> int:
    """One number of 64 bits that stands for several.

    Set at every step, it lets a run go on with the same dropout, and with another number of
    processes, while no generator's state has to be saved.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
