"""How fast a training goes and what it waits for."""

from __future__ import annotations

import pytest
import torch

from detector.training.distributed import World
from detector.training.meter import WINDOW_STEPS, Meter

LOSS = (1.0, 2.0, 3.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_run_by_hand() -> None:
    clock = Clock()
    meter = Meter((10, 20), 8, 40, World(torch.device("cpu")), clock)
    with meter.waiting():
        clock.now += 1
    clock.now += 3
    first = meter.report(11, LOSS, 0.5)
    assert (first.step, first.loss, first.learning_rate) == (11, LOSS, 0.5)
    assert first.epoch == pytest.approx(11 * 8 / 40)
    assert (first.images_per_s, first.waited_share, first.eta_s) == (2, 0.25, 9 * 4)
    assert first.memory_mb > 50
    # A measurement slows the whole run down, not the training.
    with meter.pause():
        clock.now += 10
    clock.now += 4
    second = meter.report(12, LOSS, 0.5)
    assert (second.images_per_s, second.waited_share) == (2, 0.125)
    assert second.eta_s == pytest.approx(8 * 18 / 2)


def test_the_last_steps_count() -> None:
    clock = Clock()
    meter = Meter((0, 1000), 2, 4, World(torch.device("cpu")), clock)
    for step in range(1, 6):
        clock.now += 100
        meter.report(step, LOSS, 0)
    speeds = []
    for step in range(6, 6 + WINDOW_STEPS):
        clock.now += 1
        speeds.append(meter.report(step, LOSS, 0).images_per_s)
    assert speeds[-1] == 2
    assert speeds[-2] < 1.1
