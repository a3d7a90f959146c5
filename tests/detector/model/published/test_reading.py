from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from detector.model.detect import decode
from detector.model.network import Network
from detector.model.published.layouts import LAYOUTS
from detector.model.published.reading import read_published
from detector.model.spec import NetworkName
from tests.detector.model.published.pt_files import checkpoint, network, published_model, save

PUBLISHED: tuple[NetworkName, ...] = (
    "yolov5",
    "yolov5-p2-hub",
    "yolov5-p2-hub61",
    "tph-yolov5-swin",
    "tph-yolov5-vit-cbam-spp",
    "tph-yolov5pp",
)


def assert_same(found: Network, expected: Network) -> None:
    """Same tensors, settings and results, fused and not."""
    assert found.spec == expected.spec
    state, wanted = found.state_dict(), expected.state_dict()
    assert list(state) == list(wanted)
    for key, tensor in wanted.items():
        torch.testing.assert_close(state[key], tensor, rtol=0.0, atol=0.0)
    images = torch.rand(1, 3, 64, 96)
    for change in (Network.eval, Network.fuse):
        outputs = [
            decode(change(net)(images), net.anchors_px, net.strides) for net in (found, expected)
        ]
        torch.testing.assert_close(*outputs, rtol=0.0, atol=0.0)


def test_every_layout_is_read() -> None:
    assert set(LAYOUTS) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
@torch.no_grad()
def test_a_network_comes_back(tmp_path: Path, name: NetworkName) -> None:
    net = network(name)
    path = save(tmp_path / "best.pt", checkpoint(published_model(net)))
    found = read_published(path, 640)
    assert_same(found.network, net)
    assert not found.network.training
    assert found.weights == "model"
    assert found.ignored == ("epoch", "best_fitness", "date")


@torch.no_grad()
def test_layers_of_the_early_published_code(tmp_path: Path) -> None:
    net = network(VIT, depth=0.67, width=0.25, vit_norms=1)
    path = save(tmp_path / "best.pt", checkpoint(published_model(net)))
    assert_same(read_published(path, 640).network, net)


@torch.no_grad()
def test_other_factors_float32_and_cuda(tmp_path: Path) -> None:
    net = network("tph-yolov5pp", depth=0.5, width=0.375, classes=1)
    content = checkpoint(published_model(net, half=False))
    found = read_published(save(tmp_path / "a.pt", content, device="cuda:1"), 640)
    assert_same(found.network, net)


@torch.no_grad()
def test_the_averaged_weights_are_taken_where_there_are_some(tmp_path: Path) -> None:
    net, averaged = network("yolov5", seed=1), network("yolov5", seed=2)
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], 0.1, momentum=0.9)
    weight.grad = torch.ones(2)
    optimizer.step()
    models = {
        "model": published_model(net, kind="DetectionModel"),
        "ema": published_model(averaged, kind="DetectionModel"),
    }
    content = checkpoint(**models, epoch=3, updates=7, optimizer=optimizer.state_dict())
    found = read_published(save(tmp_path / "last.pt", content), 640)
    assert_same(found.network, averaged)
    assert found.weights == "ema"
    assert set(found.ignored) >= {"model", "optimizer"}


@pytest.mark.parametrize(
    ("options", "asked", "side", "known"),
    [
        ({"imgsz": 320}, 999, 320, True),
        (Namespace(imgsz=320), None, 320, True),
        ({"imgsz": "320"}, 96, 96, False),
        (None, None, 640, False),
    ],
)
def test_side_of_the_training_images(
    tmp_path: Path, options: object, asked: int | None, side: int, known: bool
) -> None:
    content = checkpoint(published_model(network("yolov5", width=0.25)), opt=options)
    found = read_published(save(tmp_path / "a.pt", content), asked)
    assert (found.network.train_px, found.train_px_known) == (side, known)


def test_the_recipe_of_the_transformer_networks_is_larger(tmp_path: Path) -> None:
    content = checkpoint(published_model(network("tph-yolov5pp", width=0.25)))
    assert read_published(save(tmp_path / "a.pt", content)).network.train_px == 1536


def test_names_by_id_and_anchors_never_fitted(tmp_path: Path) -> None:
    model = published_model(network("yolov5", width=0.25))
    model.names = {2: "c", 0: "a", 1: "b"}
    detect = model._modules["model"][-1]
    detect._buffers["anchors"] = torch.arange(24.0).view(3, 4, 2) / 8
    found = read_published(save(tmp_path / "a.pt", checkpoint(model))).network
    assert found.class_names == ("a", "b", "c")
    assert found.anchors_px[0].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]


def sync_batch_norm(norm: nn.BatchNorm2d) -> nn.Module:
    made: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]
    return made


def test_a_model_trained_on_several_gpus(tmp_path: Path) -> None:
    model = published_model(network("yolov5", width=0.25))
    norm = model._modules["model"][0]._modules["bn"]
    model._modules["model"][0]._modules["bn"] = sync_batch_norm(norm)
    found = read_published(save(tmp_path / "a.pt", checkpoint(model))).network
    assert isinstance(found.backbone.stem.bn, nn.BatchNorm2d)


def set_attribute(place: str, **attributes: object) -> Callable[[Any], None]:
    """Changes attributes of the module at a place such as `model.2.cv1`."""

    def change(model: Any) -> None:
        for name in filter(None, place.split(".")):
            model = model._modules[name]
        vars(model).update(attributes)

    return change


def set_module(place: str, module: nn.Module | None) -> Callable[[Any], None]:
    *way, last = place.split(".")

    def change(model: Any) -> None:
        for name in way:
            model = model._modules[name]
        if module is None:
            del model._modules[last]
        else:
            model._modules[last] = module

    return change


PLUS: NetworkName = "tph-yolov5pp"
SWIN: NetworkName = "tph-yolov5-swin"
VIT: NetworkName = "tph-yolov5-vit-cbam-spp"


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        (PLUS, set_module("model.3.act", nn.ReLU()), "model.3.act: found ReLU, expected SiLU"),
        (
            PLUS,
            set_attribute("model.1.conv", stride=(1, 1)),
            "model.1.conv: Conv2d.stride: found (1, 1), expected (2, 2)",
        ),
        (
            PLUS,
            set_attribute("model.0.conv", groups=2),
            "model.0.conv: Conv2d.groups: found 2, expected 1",
        ),
        (
            PLUS,
            set_attribute("model.0.bn", eps=1e-5),
            "model.0.bn: BatchNorm2d.eps: found 1e-05, expected 0.001",
        ),
        (
            PLUS,
            set_attribute("model.2.m.0", add=False),
            "model.2.m.0: Bottleneck.add: found False, expected True",
        ),
        (
            PLUS,
            set_attribute("model.9.m", kernel_size=7, padding=3),
            "model.9.m: MaxPool2d.kernel_size: found 7, expected 5",
        ),
        (
            PLUS,
            set_attribute("model.11", mode="bilinear"),
            "model.11: Upsample.mode: found 'bilinear', expected 'nearest'",
        ),
        (
            PLUS,
            set_attribute("model.24.det.att", range=4),
            "model.24.det.att: CLLA.range: found 4, expected 2",
        ),
        (
            SWIN,
            set_attribute("model.21.m.tr.0", shift_size=4),
            "model.21.m.tr.0: SwinTransformerLayer.shift_size: found 4, expected 0",
        ),
        (
            SWIN,
            set_attribute("model.21.m.tr.0.attn", num_heads=2),
            "model.21.m.tr.0.attn: WindowAttention.num_heads: found 2, expected 1",
        ),
        (
            VIT,
            set_attribute("model.31.m.1", kernel_size=9, padding=4),
            "model.31.m.1: MaxPool2d.kernel_size: found 9, expected 7",
        ),
        (
            VIT,
            set_module("model.8.m.tr.0.act", None),
            "model.8.m.tr.0: TransformerLayer: missing or not known inside it: act",
        ),
        (
            VIT,
            set_module("model.37.m.tr.0.ln", nn.LayerNorm(128)),
            "tensor model.8.m.tr.0.ln.weight: is missing; in tph-yolov5-vit-cbam-spp-n with 3 "
            "classes it is (128,)",
        ),
        (
            VIT,
            set_module("model.8.m.tr.0.ln1", None),
            "tensor model.8.m.tr.0.ln1.weight: is missing; in tph-yolov5-vit-cbam-spp-n with 3 "
            "classes it is (128,)",
        ),
        (
            VIT,
            set_attribute("model.8.m.tr.0.ma", num_heads=8),
            "model.8.m.tr.0.ma: MultiheadAttention.num_heads: found 8, expected 4",
        ),
        (
            VIT,
            set_module("model.8.m.tr.0.fc1", nn.Linear(128, 128, bias=False)),
            "tensor model.8.m.tr.0.fc1.weight: has shape (128, 128); in tph-yolov5-vit-cbam-spp-n "
            "with 3 classes it is (512, 128)",
        ),
        (
            PLUS,
            set_module("model.23.m.tr.0.norm2", None),
            "tensor model.23.m.tr.0.norm2.weight: is missing; in tph-yolov5pp-n with 3 classes "
            "it is (128,)",
        ),
        (
            PLUS,
            set_attribute(
                "model.7.conv",
                _parameters={"weight": torch.zeros(1).expand(256, 128, 3, 3), "bias": None},
            ),
            "its tensors take ",
        ),
        (
            PLUS,
            set_module("model.3.more", nn.Linear(2, 2)),
            "tensor model.3.more.weight: has no place in tph-yolov5pp-n with 3 classes",
        ),
        (
            PLUS,
            set_attribute("model.19", f=[-1, 10]),
            "unknown layout: tensor none does not fit: model.19 is a Concat of layers -1, 10; ",
        ),
        (
            PLUS,
            set_module("model.4", nn.Linear(2, 2)),
            "unknown layout: tensor model.4.weight does not fit: model.4 is a Linear",
        ),
        (
            PLUS,
            set_module("model.24", None),
            "unknown layout: ends before layer model.24; ",
        ),
        (
            PLUS,
            set_attribute("", yaml={"depth_multiple": 0.33, "width_multiple": 9}),
            "width: Input should be less than or equal to 4, found 9",
        ),
        (
            PLUS,
            set_attribute("", yaml={"depth_multiple": 1.0, "width_multiple": 0.25}),
            "tensor model.2.m.1.cv1.conv.weight: is missing; in "
            "tph-yolov5pp-depth1-width0.25 with 3 classes it is (16, 16, 1, 1)",
        ),
        (PLUS, set_attribute("", names=["a"]), "the last layer's nc: found 3, expected 1"),
        (PLUS, set_attribute("", names={1: "a"}), "names: found a dict, expected the classes'"),
        (
            PLUS,
            set_attribute("", names=["a", "b\n", "c"]),
            r"names: class 1: 'b\n' is not printable text",
        ),
        (
            PLUS,
            set_attribute("model.24", stride=torch.tensor([4.0, 8.0, 16.0])),
            "strides (4, 8, 16); tph-yolov5pp has (8, 16, 32)",
        ),
    ],
)
def test_what_would_compute_something_else_is_named(
    tmp_path: Path, name: NetworkName, change: Callable[[Any], None], fault: str
) -> None:
    width = 0.5 if name == SWIN else 0.25
    model = published_model(network(name, width=width))
    change(model)
    path = save(tmp_path / "a.pt", checkpoint(model))
    with pytest.raises(ValueError, match=r".") as error:
        read_published(path)
    assert str(error.value).startswith(f"{path}: {fault}")
    assert "\n" not in str(error.value)


def test_an_activation_in_a_layer_of_the_early_code_is_named(tmp_path: Path) -> None:
    model = published_model(network(VIT, width=0.25, vit_norms=1))
    set_module("model.37.m.tr.0.act", nn.ReLU())(model)
    fault = "model.37.m.tr.0: TransformerLayer: missing or not known inside it: act$"
    with pytest.raises(ValueError, match=fault):
        read_published(save(tmp_path / "a.pt", checkpoint(model)))
