"""The whole network: sizes, wiring, decoding, fusing, gradients."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from detector.model.blocks import C3, Bottleneck
from detector.model.tph_yolov5 import COCO_ANCHORS_PX, ModelSpec, TphYolov5pp, decode
from tests.detector.networks import network, randomise_normalisation

TEN = tuple("abcdefghij")

SHAPES_N = """
20x16 53x32 84x64 58x128 16x256 1x512 3x45 55x
1x16,3,6,6 1x16,16,1,1 1x16,16,3,3 2x16,32,1,1
1x32,16,3,3 5x32,32,1,1 3x32,32,3,3 3x32,64,1,1 2x32,128,1,1 3x32,32
1x64,32,3,3 7x64,64,1,1 6x64,64,3,3 5x64,128,1,1 2x64,256,1,1 1x64,64
1x128,64,3,3 4x128,128,1,1 2x128,128,3,3 6x128,256,1,1 1x128,128 1x128,512
1x256,128,3,3 2x256,256,1,1 1x256,512,1,1 1x384,128 1x512,128 1x225,4
1x45,32,1,1 1x45,128,1,1 1x45,256,1,1 1x3,3,2
"""
"""How often each shape occurs among the 360 tensors of the published network at n, 10 classes."""


def test_tensors_at_n_have_the_published_shapes() -> None:
    tensors = network(names=TEN).state_dict().values()
    found = Counter(",".join(map(str, tensor.shape)) for tensor in tensors)
    entries = (entry.partition("x") for entry in SHAPES_N.split())
    assert found == {shape: int(count) for count, _, shape in entries}
    assert found.total() == 360


@pytest.mark.parametrize(
    ("size", "millions", "tensors"), [("n", 1.82, 360), ("l", 41.56, 600), ("x", 74.96, 720)]
)
def test_parameters_are_as_many_as_published(size: str, millions: float, tensors: int) -> None:
    model = network(size=size, names=TEN)
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 2) == millions
    assert len(model.state_dict()) == tensors


def test_there_are_25200_predictions_at_640() -> None:
    model = network(names=TEN).eval()
    with torch.inference_mode():
        logits = model(torch.zeros(1, 3, 640, 640))
    assert [tuple(head.shape) for head in logits] == [
        (1, 3, 80, 80, 15),
        (1, 3, 40, 40, 15),
        (1, 3, 20, 20, 15),
    ]
    assert decode(logits, model.anchors_px).shape == (1, 25200, 15)


@pytest.mark.parametrize("form", ["published", "corrected"])
@torch.no_grad()
def test_layers_are_wired_as_the_published_table_says(form: str) -> None:
    """The table's numbers: each layer's inputs, new map first."""
    torch.manual_seed(0)
    model = TphYolov5pp(ModelSpec("n", TEN, 640, form)).eval()  # type: ignore[arg-type]
    randomise_normalisation(model)
    b, n = model.backbone, model.neck
    images = torch.rand(2, 3, 96, 160)
    o: list[Tensor] = [b.stem(images)]
    o.append(b.down2(o[0]))
    o.append(b.stage2(o[1]))
    o.append(b.down3(o[2]))
    o.append(b.stage3(o[3]))
    o.append(b.down4(o[4]))
    o.append(b.stage4(o[5]))
    o.append(b.down5(o[6]))
    o.append(b.stage5(o[7]))
    o.append(b.sppf(o[8]))
    o.append(n.lateral5(o[9]))
    o.append(F.interpolate(o[10], scale_factor=2.0))
    o.append(torch.cat((o[11], o[6]), 1))
    o.append(n.top_down4(o[12]))
    o.append(n.lateral4(o[13]))
    o.append(F.interpolate(o[14], scale_factor=2.0))
    o.append(torch.cat((o[15], o[4]), 1))
    o.append(n.top_down3(o[16]))
    o.append(n.down3(o[17]))
    o.append(torch.cat((o[18], o[14]), 1))
    o.append(n.bottom_up4(o[19]))
    o.append(n.down4(o[20]))
    o.append(torch.cat((o[21], o[10]), 1))
    o.append(n.bottom_up5(o[22]))
    heads = (model.head3(o[2], o[17]), model.head4(o[20]), model.head5(o[23]))
    for found, expected in zip(model(images), heads, strict=True):
        batch, _, rows, columns = expected.shape
        for anchor in range(3):
            part = expected[:, anchor * 15 : (anchor + 1) * 15]
            assert torch.equal(found[:, anchor], part.permute(0, 2, 3, 1))
        assert found.shape == (batch, 3, rows, columns, 15)


def test_shortcuts_are_in_the_backbone_alone() -> None:
    model = network()
    stages = {
        name: [part.shortcut for part in block.modules() if isinstance(part, Bottleneck)]
        for name, block in [*model.backbone.named_children(), *model.neck.named_children()]
        if isinstance(block, C3)
    }
    assert stages == {
        "stage2": [True],
        "stage3": [True] * 2,
        "stage4": [True] * 3,
        "stage5": [True],
        "top_down4": [False],
        "top_down3": [False],
        "bottom_up4": [False],
        "bottom_up5": [],
    }


def test_decoding_by_hand() -> None:
    logits = [torch.full((1, 3, side, side, 6), -50.0) for side in (4, 2, 1)]
    logits[0][0, 1, 2, 3] = 0.0  # sigmoid 1/2: the cell's centre and the anchor's own size
    third = math.log(3)  # sigmoid 3/4
    logits[1][0, 2, 0, 1] = torch.tensor([third, -third, third, -third, third, -third])
    out = decode(logits, torch.tensor(COCO_ANCHORS_PX))
    assert out.shape == (1, 3 * (16 + 4 + 1), 6)
    torch.testing.assert_close(
        out[0, 16 + 2 * 4 + 3], torch.tensor([28.0, 20.0, 16.0, 30.0, 0.5, 0.5])
    )
    # Centre 2 * 3/4 - 1/2 + 1 and 2 * 1/4 - 1/2 + 0 cells, sides 9/4 and 1/4 of the anchor's.
    torch.testing.assert_close(
        out[0, 48 + 2 * 4 + 1], torch.tensor([32.0, 0.0, 132.75, 29.75, 0.75, 0.25])
    )
    # The lowest logits: half a cell before the corner, no size.
    torch.testing.assert_close(
        out[0, -1], torch.tensor([-16.0, -16.0, 0.0, 0.0, 0.0, 0.0]), atol=1e-6, rtol=0
    )


def test_a_new_network_expects_few_objects() -> None:
    model = network(names=TEN)
    fresh = (model.head3.det, model.head4, model.head5)
    for head, stride in zip(fresh, (8, 16, 32), strict=True):
        assert head.bias is not None
        bias = head.bias.view(3, 15)
        spread = 1 / head.in_channels**0.5  # of torch's own start
        assert (bias[:, :4].abs() <= spread).all()
        assert ((bias[:, 4] - math.log(8 * stride**2 / 640**2)).abs() <= spread).all()
        assert ((bias[:, 5:] - math.log(0.6 / 9.000001)).abs() <= spread).all()


@torch.no_grad()
def test_a_fused_network_gives_the_same() -> None:
    model = network().double().eval()
    randomise_normalisation(model)
    images = torch.rand(1, 3, 96, 64, dtype=torch.float64)
    expected = model(images)
    fused = model.fuse()
    assert fused is model
    assert not any("bn" in key for key in fused.state_dict())
    for found, old in zip(fused(images), expected, strict=True):
        torch.testing.assert_close(found, old, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("form", ["published", "corrected"])
@pytest.mark.parametrize("height_width", [(32, 32), (96, 160), (32, 416), (288, 32)], ids=str)
@torch.no_grad()
def test_sides_are_any_multiple_of_32(form: str, height_width: tuple[int, int]) -> None:
    model = TphYolov5pp(ModelSpec("n", TEN, 640, form)).eval()  # type: ignore[arg-type]
    height, width = height_width
    heads = model(torch.rand(1, 3, height, width))
    assert [head.shape[2:4] for head in heads] == [
        (height // stride, width // stride) for stride in (8, 16, 32)
    ]


@torch.no_grad()
def test_images_of_a_batch_do_not_mix() -> None:
    model = network().eval()
    images = torch.rand(3, 3, 96, 64)
    together = model(images)
    for index in range(3):
        for found, alone in zip(together, model(images[index : index + 1]), strict=True):
            torch.testing.assert_close(found[index], alone[0], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("autocast", [True, False], ids=["autocast", "converted"])
@torch.no_grad()
def test_bfloat16_stays_finite_and_near(*, autocast: bool) -> None:
    model = network().eval()
    randomise_normalisation(model)
    images = torch.rand(1, 3, 96, 96)
    expected = model(images)
    if autocast:
        with torch.autocast("cpu", torch.bfloat16):
            found = model(images)
    else:
        found = model.bfloat16()(images.bfloat16())
    for half, full in zip(found, expected, strict=True):
        assert half.isfinite().all()
        assert (half.float() - full).abs().mean() < 0.1 * full.abs().mean()


@pytest.mark.parametrize("form", ["published", "corrected"])
def test_every_parameter_gets_a_gradient(form: str) -> None:
    torch.manual_seed(0)
    model = TphYolov5pp(ModelSpec("n", TEN, 640, form)).train()  # type: ignore[arg-type]
    heads = model(torch.rand(2, 3, 96, 96))
    torch.autograd.backward(sum((head.square().sum() for head in heads), torch.zeros(())))
    idle = {
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().any()
    }
    # The keys' bias adds the same to all neighbours of a query, which the softmax does not see.
    assert idle == {"head3.att.k.bias"}


@pytest.mark.parametrize(
    ("size", "names", "fault"),
    [
        ("q", ("car",), "size: 'q' is none of n, s, m, l, x"),
        ("n", (), "class_names: at least one class is needed"),
    ],
)
def test_a_network_that_cannot_be_is_named(size: str, names: tuple[str, ...], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        ModelSpec(size, names, 640)


def test_a_network_says_what_it_is() -> None:
    model = network(names=("car", "bus"))
    assert (model.spec.name, model.class_names, model.train_px, model.strides) == (
        "tph-yolov5pp-n",
        ("car", "bus"),
        640,
        (8, 16, 32),
    )
