"""What changes from step to step."""

from __future__ import annotations

import dataclasses
import math

import pytest

from detector.data.views_config import SourceConfig
from detector.training.config import TrainConfig
from detector.training.optimizer_config import AdamConfig, AdamWConfig, SgdConfig
from detector.training.schedule import Schedule

CONFIG = TrainConfig(
    network="tph-yolov5pp-n",
    class_names=("car",),
    train=(SourceConfig("a.yaml"),),
    validation=(SourceConfig("b.yaml"),),
    batch=4,
    steps=110,
    warmup_steps=10,
    optimizer=AdamWConfig(learning_rate=0.2),
    final_share=0.1,
)


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.02),
        (4, 0.1),
        (9, 0.2),
        (10, 0.2),  # the cosine begins at its top
        (60, 0.2 * (0.1 + 0.9 / 2)),
        (35, 0.2 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2)),
        (110, 0.02),
        (500, 0.02),
    ],
)
def test_rates_by_hand(step: int, rate: float) -> None:
    schedule = Schedule(CONFIG, 100)
    assert schedule.learning_rate(step) == pytest.approx(rate)
    assert schedule.bias_rate(step) == pytest.approx(rate)  # AdamW has no rate of their own


def test_without_a_rise_it_begins_at_the_top() -> None:
    config = dataclasses.replace(
        CONFIG, warmup_steps=0, accumulate=3, optimizer=SgdConfig(learning_rate=0.2)
    )
    schedule = Schedule(config, 100)
    assert (schedule.learning_rate(0), schedule.bias_rate(0)) == (0.2, 0.2)
    assert (schedule.momentum(0), schedule.accumulate(0)) == (SgdConfig.momentum, 3)


def test_a_run_shorter_than_its_rise_only_rises() -> None:
    schedule = Schedule(dataclasses.replace(CONFIG, steps=5), 100)
    rates = [schedule.learning_rate(step) for step in range(5)]
    assert rates == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])


@pytest.mark.parametrize("optimizer", [AdamConfig(learning_rate=0.2), SgdConfig(learning_rate=0.2)])
def test_published_biases_start_high(optimizer: AdamConfig | SgdConfig) -> None:
    schedule = Schedule(dataclasses.replace(CONFIG, optimizer=optimizer), 100)
    rates = [schedule.bias_rate(step) for step in (0, 4, 9, 60)]
    assert rates == pytest.approx([0.065, 0.125, 0.2, 0.11])


def test_momentum_and_accumulation_rise() -> None:
    optimizer = SgdConfig(momentum=0.9, warmup_momentum=0.5)
    schedule = Schedule(dataclasses.replace(CONFIG, accumulate=16, optimizer=optimizer), 100)
    assert [schedule.momentum(step) for step in (0, 4, 9, 99)] == pytest.approx(
        [0.54, 0.7, 0.9, 0.9]
    )
    # 1 + 15 / 10 = 2.5 is rounded to even.
    assert [schedule.accumulate(step) for step in (0, 4, 9, 99)] == [2, 8, 16, 16]
    assert Schedule(CONFIG, 100).momentum(50) == 0


def test_the_length_in_steps_or_epochs() -> None:
    epochs = dataclasses.replace(CONFIG, steps=None, epochs=7, warmup_epochs=2.5)
    schedule = Schedule(epochs, 17)  # five batches of four, the last reaching into the next epoch
    assert (schedule.steps, schedule.evaluate_every, schedule.warmup_steps) == (35, 5, 12)
    schedule = Schedule(dataclasses.replace(epochs, evaluate_every=3), 17)
    assert [step for step in range(1, 36) if schedule.measures_after(step)][-2:] == [33, 35]
    schedule = Schedule(CONFIG, 17)
    assert (schedule.steps, schedule.evaluate_every, schedule.warmup_steps) == (110, 500, 10)
    assert [step for step in range(1, 111) if schedule.measures_after(step)] == [110]
    assert Schedule(dataclasses.replace(epochs, warmup_steps=13), 17).warmup_steps == 13
    assert Schedule(dataclasses.replace(epochs, batch=64), 17).steps == 7
