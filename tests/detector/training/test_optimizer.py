"""The optimiser of a run and what it applies to which parameters."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from detector.data.views_config import SourceConfig
from detector.training.config import TrainConfig
from detector.training.optimizer import build_optimizer, set_rates
from detector.training.optimizer_config import (
    AdamConfig,
    AdamWConfig,
    AnyOptimizerConfig,
    SgdConfig,
)
from detector.training.schedule import Schedule
from tests.detector.networks import network

CONFIG = TrainConfig(
    network="tph-yolov5pp-n",
    class_names=("car",),
    train=(SourceConfig("a.yaml"),),
    validation=(SourceConfig("b.yaml"),),
    steps=100,
)
TABLE = "neck.bottom_up5.m.tr.0.attn.relative_position_bias_table"


def groups_of(model: nn.Module, optimizer: AnyOptimizerConfig) -> list[dict[str, float | set[str]]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    config = dataclasses.replace(CONFIG, optimizer=optimizer, batch=8, accumulate=16)
    return [
        group | {"params": {names[id(parameter)] for parameter in group["params"]}}
        for group in build_optimizer(model, config).param_groups
    ]


@pytest.mark.parametrize("optimizer", [AdamWConfig(), AdamConfig(), SgdConfig()])
def test_every_parameter_is_optimised_once(optimizer: AnyOptimizerConfig) -> None:
    model = network("tph-yolov5-vit-cbam-n")
    decayed, kept, biases = (group["params"] for group in groups_of(model, optimizer))
    assert isinstance(decayed, set)
    assert isinstance(kept, set)
    assert isinstance(biases, set)
    assert len(decayed) + len(kept) + len(biases) == len(decayed | kept | biases)
    assert decayed | kept | biases == dict(model.named_parameters()).keys()
    assert all(name.endswith("bias") for name in biases)
    assert not any(name.endswith("bias") for name in decayed | kept)


def test_adamw_decays_matrices_alone() -> None:
    model = network()
    decayed, kept, biases = groups_of(model, AdamWConfig(weight_decay=0.3))
    assert (decayed["weight_decay"], kept["weight_decay"], biases["weight_decay"]) == (0.3, 0, 0)
    sizes = {name: parameter.ndim for name, parameter in model.named_parameters()}
    assert isinstance(decayed["params"], set)
    assert isinstance(kept["params"], set)
    assert TABLE in decayed["params"]
    assert all(sizes[name] > 1 for name in decayed["params"])
    assert all(sizes[name] == 1 for name in kept["params"])


@pytest.mark.parametrize("optimizer", [AdamConfig(weight_decay=0.3), SgdConfig(weight_decay=0.3)])
def test_published_decay_spares_batch_normalisation_and_grows_with_the_batch(
    optimizer: AdamConfig | SgdConfig,
) -> None:
    model = network()
    decayed, kept, biases = groups_of(model, optimizer)
    assert decayed["weight_decay"] == pytest.approx(0.3 * 8 * 16 / 64)
    assert (kept["weight_decay"], biases["weight_decay"]) == (0, 0)
    norms = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
    }
    assert kept["params"] == norms
    layer_norms = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, nn.LayerNorm)
    }
    assert isinstance(decayed["params"], set)
    assert layer_norms
    assert layer_norms | {TABLE} <= decayed["params"]


def test_the_settings_arrive() -> None:
    model = network()
    adam = build_optimizer(model, dataclasses.replace(CONFIG, optimizer=AdamConfig()))
    assert type(adam) is torch.optim.Adam
    assert adam.defaults["betas"] == (0.843, 0.999)
    config = dataclasses.replace(CONFIG, optimizer=SgdConfig(learning_rate=0.2), warmup_steps=10)
    sgd = build_optimizer(model, config)
    assert type(sgd) is torch.optim.SGD
    assert sgd.defaults["nesterov"] is True
    schedule = Schedule(config, 100)
    set_rates(sgd, schedule, 4)
    assert [group["lr"] for group in sgd.param_groups] == pytest.approx([0.1, 0.1, 0.125])
    assert {group["momentum"] for group in sgd.param_groups} == {schedule.momentum(4)}
