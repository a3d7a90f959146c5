"""What changes from step to step: learning rates, momentum, batches per update."""

from __future__ import annotations

import math

from detector.training.config import TrainConfig
from detector.training.optimizer_config import AdamWConfig, SgdConfig

EVALUATE_EVERY = 500
"""Steps between measurements of a run whose length is in steps."""


class Schedule:
    """The plan of a run: its length, and the rates of each step.

    During the warm-up weights rise from 0 to their rate, biases come from a rate of their own,
    momentum and `accumulate` rise too; then the rates fall along half a cosine. The published
    cosine runs from the first epoch and changes once an epoch; here it begins after the warm-up
    and changes at every step.

    Args:
        config: The run.
        images: Number of training images, which make an epoch.

    Attributes:
        steps: Of the whole run.
        evaluate_every: Steps between measurements.
        warmup_steps: Of the warm-up.
    """

    def __init__(self, config: TrainConfig, images: int) -> None:
        self._config = config
        epoch_steps = max(math.ceil(images / config.batch), 1)
        self.steps = config.steps or (config.epochs or 0) * epoch_steps
        default = epoch_steps if config.epochs else EVALUATE_EVERY
        self.evaluate_every = config.evaluate_every or default
        self.warmup_steps = max(config.warmup_steps, round(config.warmup_epochs * epoch_steps))

    def measures_after(self, step: int) -> bool:
        """Whether a measurement follows the step of that number, from 1."""
        return step % self.evaluate_every == 0 or step == self.steps

    def learning_rate(self, step: int) -> float:
        """Of all but the biases, at a step from 0."""
        peak = self._config.optimizer.learning_rate
        return self._rise(step, 0.0, peak * self._cosine(step))

    def bias_rate(self, step: int) -> float:
        """Of the biases, which the published optimisers start high."""
        optimizer = self._config.optimizer
        start = 0.0 if isinstance(optimizer, AdamWConfig) else optimizer.warmup_bias_rate
        return self._rise(step, start, optimizer.learning_rate * self._cosine(step))

    def momentum(self, step: int) -> float:
        """Of SGD; 0 with other optimisers, which have none."""
        optimizer = self._config.optimizer
        if not isinstance(optimizer, SgdConfig):
            return 0.0
        return self._rise(step, optimizer.warmup_momentum, optimizer.momentum)

    def accumulate(self, step: int) -> int:
        """Batches that an update sums up."""
        return max(1, round(self._rise(step, 1.0, float(self._config.accumulate))))

    def _rise(self, step: int, start: float, end: float) -> float:
        if step >= self.warmup_steps:
            return end
        return start + (end - start) * (step + 1) / self.warmup_steps

    def _cosine(self, step: int) -> float:
        span = max(self.steps - self.warmup_steps, 1)
        progress = min(max(step - self.warmup_steps, 0) / span, 1.0)
        final = self._config.final_share
        return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2
