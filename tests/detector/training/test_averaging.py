"""Averaged weights."""

from __future__ import annotations

import math

import pytest
import torch

from detector.training.averaging import AveragedModel
from tests.detector.networks import network


def test_the_average_by_hand() -> None:
    model = network()
    name = next(key for key in model.state_dict() if key.endswith("running_mean"))
    counter = name.replace("running_mean", "num_batches_tracked")
    averaged = AveragedModel(model, 0.9, 500)
    expected = 0.0
    for update, value in enumerate((1.0, 5.0, -2.0), 1):
        model.get_buffer(name).fill_(value)
        model.get_buffer(counter).fill_(update + 7)
        averaged.update(model)
        decay = 0.9 * (1 - math.exp(-update / 500))
        expected = decay * expected + (1 - decay) * value
        assert averaged.model.get_buffer(name)[0].item() == pytest.approx(expected)
    assert averaged.model.get_buffer(counter).item() == 10
    assert averaged.updates == 3
    assert not averaged.model.training
    assert not any(p.requires_grad for p in averaged.model.parameters())
    # Anchors are not averaged away.
    assert torch.equal(averaged.model.anchors_px, model.anchors_px)


def test_long_after_the_start_the_average_takes_its_full_decay() -> None:
    model = network()
    averaged = AveragedModel(model, 0.75, 20.0)
    averaged.updates = 10**6
    weight = model.detect.predictors[0].weight
    with torch.no_grad():
        averaged.model.detect.predictors[0].weight.fill_(4.0)
        weight.fill_(0.0)
    averaged.update(model)
    assert averaged.model.detect.predictors[0].weight.mean().item() == pytest.approx(3.0)
