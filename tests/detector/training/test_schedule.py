"""Learning rate, optimiser groups and averaged weights."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from detector.training.config import SourceConfig, TrainConfig
from detector.training.schedule import AveragedModel, build_optimizer, learning_rate
from tests.detector.networks import network

CONFIG = TrainConfig(
    network="tph-yolov5pp-n",
    class_names=("car",),
    train=(SourceConfig("a.yaml"),),
    validation=(SourceConfig("b.yaml"),),
    steps=110,
    warmup_steps=10,
    learning_rate=0.2,
    final_share=0.1,
    weight_decay=0.3,
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
    assert learning_rate(step, CONFIG) == pytest.approx(rate)


def test_without_a_rise_it_begins_at_the_top() -> None:
    config = dataclasses.replace(CONFIG, warmup_steps=0)
    assert learning_rate(0, config) == 0.2


def test_a_run_shorter_than_its_rise_only_rises() -> None:
    config = dataclasses.replace(CONFIG, steps=5)
    rates = [learning_rate(step, config) for step in range(5)]
    assert rates == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])


def test_every_parameter_is_optimised_once_and_vectors_do_not_decay() -> None:
    model = network()
    matrices, vectors = build_optimizer(model, CONFIG).param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.3, 0.0)
    held = [*matrices["params"], *vectors["params"]]
    assert sorted(map(id, held)) == sorted(map(id, model.parameters()))
    # The published training left this table at its start.
    table = model.get_parameter("neck.bottom_up5.m.tr.0.attn.relative_position_bias_table")
    assert any(p is table for p in matrices["params"])
    assert all(p.ndim == 1 for p in vectors["params"])


def test_the_average_by_hand() -> None:
    model = nn.BatchNorm1d(1)
    averaged = AveragedModel(model, 0.9)
    mean = averaged.model.get_buffer("running_mean")
    expected = 0.0
    for step, value in enumerate((1.0, 5.0, -2.0)):
        model.running_mean = torch.tensor([value])
        model.num_batches_tracked = torch.tensor(step + 7)
        averaged.update(model, step)
        decay = 0.9 * (1 - math.exp(-(step + 1) / 500))
        expected = decay * expected + (1 - decay) * value
        assert mean.item() == pytest.approx(expected)
    assert averaged.model.get_buffer("num_batches_tracked").item() == 9
    assert not averaged.model.training
    assert not any(p.requires_grad for p in averaged.model.parameters())


def test_long_after_the_start_the_average_takes_its_full_decay() -> None:
    model = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(model, 0.75)
    with torch.no_grad():
        averaged.model.get_parameter("weight").fill_(4.0)
        model.weight.fill_(0.0)
    averaged.update(model, 10**6)
    assert averaged.model.get_parameter("weight").item() == pytest.approx(3.0)
