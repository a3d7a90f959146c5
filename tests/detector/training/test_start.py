"""The network that a run starts with."""

from __future__ import annotations

import torch
from torch import nn

from detector.training.start import copy_weights
from tests.detector.networks import network


def test_what_agrees_in_name_and_shape_is_taken() -> None:
    source = network("yolov5-n", names=("car",), seed=1, form="published")
    target = network("tph-yolov5pp-n", names=("car", "bus"), seed=2)
    before = {name: tensor.clone() for name, tensor in target.state_dict().items()}
    taken, total = copy_weights(source, target)
    theirs, ours = source.state_dict(), target.state_dict()
    same = {
        name
        for name, tensor in ours.items()
        if name in theirs and theirs[name].shape == tensor.shape and tensor.is_floating_point()
    } - {"anchors_px"}
    assert taken == len(same)
    assert 250 < taken < total
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name] if name in same else before[name])
    assert "detect.m.0.weight" not in same
    assert any(name.endswith("running_var") for name in same)


def test_nothing_in_common_is_nothing_taken() -> None:
    assert copy_weights(nn.Linear(2, 4), nn.Conv2d(2, 3, 1)) == (0, 2)
