"""Every network as a whole: shapes, gradients, fusing, short numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from detector.model.detect import decode
from detector.model.spec import Form, NetworkName
from tests.detector.networks import EVERY_NETWORK, network, randomise

NETWORKS = pytest.mark.parametrize("name", EVERY_NETWORK)
FORMS = pytest.mark.parametrize("form", ["published", "corrected"])


@torch.no_grad()
def test_predictions_at_640_are_as_many_as_published() -> None:
    for name, anchors, count in (("tph-yolov5pp-n", 3, 25_200), ("tph-yolov5-swin-n", 4, 136_000)):
        model = network(name, anchors=anchors).eval()
        found = decode(model(torch.zeros(1, 3, 640, 640)), model.anchors_px, model.strides)
        assert found.shape == (1, count, 8)


@NETWORKS
@FORMS
@torch.no_grad()
def test_sides_are_any_multiple_of_32_and_classes_and_anchors_any_number(
    name: NetworkName, form: Form
) -> None:
    model = network(f"{name}-n", names=("one",), anchors=2, form=form).eval()
    for height, width in ((32, 32), (96, 160), (32, 288), (160, 32)):
        heads = model(torch.rand(1, 3, height, width))
        assert [head.shape for head in heads] == [
            (1, 2, height // stride, width // stride, 6) for stride in model.strides
        ]


@NETWORKS
@FORMS
@torch.no_grad()
def test_a_fused_network_gives_the_same(name: NetworkName, form: Form) -> None:
    model = network(f"{name}-n", form=form).double().eval()
    randomise(model)
    images = torch.rand(1, 3, 96, 64, dtype=torch.float64)
    expected = model(images)
    fused = model.fuse()
    assert fused is model
    assert not any("bn" in key.split(".") for key in fused.state_dict())
    for found, old in zip(fused(images), expected, strict=True):
        assert old.std() > 0.01
        torch.testing.assert_close(found, old, atol=1e-9, rtol=1e-9)


@NETWORKS
@torch.no_grad()
def test_images_of_a_batch_do_not_mix(name: NetworkName) -> None:
    model = network(f"{name}-n").eval()
    images = torch.rand(3, 3, 96, 64)
    together = model(images)
    for index in range(3):
        for found, alone in zip(together, model(images[index : index + 1]), strict=True):
            torch.testing.assert_close(found[index], alone[0], atol=1e-5, rtol=1e-5)


@NETWORKS
@FORMS
@pytest.mark.parametrize("way", ["autocast", "bfloat16", "float16"])
@torch.no_grad()
def test_short_numbers_stay_finite_and_near(name: NetworkName, form: Form, way: str) -> None:
    model = network(f"{name}-n", form=form).eval()
    randomise(model)
    images = torch.rand(1, 3, 64, 96)
    expected = model(images)
    if way == "autocast":
        with torch.autocast("cpu", torch.bfloat16):
            found = model(images)
    else:
        dtype = getattr(torch, way)
        found = model.to(dtype)(images.to(dtype))
    for half, full in zip(found, expected, strict=True):
        assert half.isfinite().all()
        assert (half.float() - full).abs().mean() < 0.15 * full.abs().mean()


def idle(name: str, **options: Any) -> set[str]:
    """Parameters that a training does not change."""
    model = network(name, **options).train()
    heads = model(torch.rand(2, 3, 96, 64))
    torch.autograd.backward(sum((head.square().sum() for head in heads), torch.zeros(())))
    return {
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()
    }


@NETWORKS
def test_every_parameter_of_a_corrected_network_gets_a_gradient(name: NetworkName) -> None:
    assert idle(f"{name}-n") == set()


@pytest.mark.parametrize(
    "options",
    [
        {"neighbourhood": (0, 0)},
        {"neighbourhood": (4, 4)},
        {"neighbourhood": (2, 6), "attention_scale": "channels"},
    ],
)
def test_every_parameter_gets_a_gradient_whatever_the_neighbourhood(
    options: dict[str, Any],
) -> None:
    assert idle("tph-yolov5pp-n", **options) == set()


@NETWORKS
def test_of_the_published_networks_one_parameter_gets_none(name: NetworkName) -> None:
    # It adds the same to all neighbours of a query, which the softmax does not see.
    expected = {"detect.det.att.k.bias"} if name == "tph-yolov5pp" else set()
    assert idle(f"{name}-n", form="published") == expected


@pytest.mark.parametrize("name", ["tph-yolov5pp-n", "tph-yolov5-swin-n"])
def test_a_new_network_expects_few_objects(name: str) -> None:
    model = network(name, names=tuple("abcdefghij"))
    for head, stride in zip(model.detect.predictors, model.strides, strict=True):
        assert head.bias is not None
        bias = head.bias.view(3, 15)
        spread = 1 / head.in_channels**0.5  # of torch's own start
        assert (bias[:, :4].abs() <= spread).all()
        assert ((bias[:, 4] - math.log(8 * stride**2 / 640**2)).abs() <= spread).all()
        assert ((bias[:, 5:] - math.log(0.6 / 9.000001)).abs() <= spread).all()


def test_a_network_says_what_it_is() -> None:
    model = network("tph-yolov5-swin-n", names=("car", "bus"))
    assert (model.spec.name, model.class_names, model.train_px, model.strides) == (
        "tph-yolov5-swin-n",
        ("car", "bus"),
        640,
        (4, 8, 16, 32),
    )
    assert network("yolov5-n").strides == (8, 16, 32)
