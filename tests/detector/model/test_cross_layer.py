"""CA-Trans against a literal form: project every neighbour, then attend."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from detector.model.cross_layer import CrossLayerDetect, CrossLayerHead, SparseLocalAttention
from detector.model.spec import Form, ModelSpec
from tests.detector.model.allocation import Largest

SIDES = [(2, 2), (4, 4), (6, 6), (2, 4), (6, 2), (4, 16)]


def attention(
    neighbourhood: tuple[int, int] = (2, 2),
    channels: int = 8,
    form: Form = "published",
    **options: Any,
) -> SparseLocalAttention:
    """With weights so far from even that the order of the cells counts."""
    torch.manual_seed(0)
    spec = ModelSpec.named(
        "tph-yolov5pp-n", ("car",), 640, form=form, neighbourhood=neighbourhood, **options
    )
    layer = SparseLocalAttention(spec, channels)
    for parameter in layer.parameters():
        parameter.data.mul_(3)
    return layer


def literal(layer: SparseLocalAttention, fine: Tensor, coarse: Tensor, divisor: float) -> Tensor:
    """One query after the other, neighbours and the mean spelled out."""
    a, b = layer.neighbourhood
    batch, channels, height, width = coarse.shape
    found = []
    for image in range(batch):
        for row in range(height):
            for column in range(width):
                query = layer.q(coarse[image, :, row, column])
                cells = []
                for i in range(a):
                    for j in range(b):
                        y, x = 2 * row + i - (a // 2 - 1), 2 * column + j - (b // 2 - 1)
                        inside = 0 <= y < 2 * height and 0 <= x < 2 * width
                        cells.append(fine[image, :, y, x] if inside else fine.new_zeros(channels))
                keys, values = layer.k(torch.stack(cells)), layer.v(torch.stack(cells))
                correlation = keys @ query / divisor
                weights = (2 * correlation.mean() - correlation).softmax(0)
                found.append(weights @ values)
    return torch.stack(found).view(batch, height, width, channels).permute(0, 3, 1, 2)


def maps(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 8, 10, 6, dtype=dtype), torch.randn(2, 8, 5, 3, dtype=dtype)


@pytest.mark.parametrize("sides", SIDES, ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=str
)
@pytest.mark.parametrize("form", ["published", "corrected"])
def test_attention_and_its_gradients_equal_the_literal_form(
    sides: tuple[int, int], dtype: torch.dtype, tolerance: float, form: Form
) -> None:
    layer = attention(sides, form=form).to(dtype)
    fine, coarse = maps(dtype)
    leaves = [fine.requires_grad_(), coarse.requires_grad_()]
    leaves += [layer.q.weight, layer.q.bias, layer.k.weight, layer.v.weight, layer.v.bias]
    found = layer(fine, coarse)
    expected = literal(layer, fine, coarse, (sides[0] * sides[1]) ** 0.5)
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
    # The reference tells neighbours apart.
    other = literal(layer, fine.roll((1, 1), (2, 3)), coarse, (sides[0] * sides[1]) ** 0.5)
    assert (other - expected).abs().max() > 0.1
    towards = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad((found * towards).mean(), leaves),
        torch.autograd.grad((expected * towards).mean(), leaves),
        atol=tolerance,
        rtol=tolerance,
    )


@torch.no_grad()
def test_the_paper_divides_by_the_root_of_the_channels() -> None:
    layer = attention((4, 4), attention_scale="channels").double()
    fine, coarse = maps(torch.float64)
    expected = literal(layer, fine, coarse, 8**0.5)
    torch.testing.assert_close(layer(fine, coarse), expected, atol=1e-12, rtol=1e-12)
    assert (attention((4, 4)).double()(fine, coarse) - expected).abs().max() > 0.01


@torch.no_grad()
def test_what_correlates_least_weighs_most() -> None:
    layer = attention(channels=1)
    for linear in (layer.q, layer.k, layer.v):
        linear.weight.fill_(1)
        linear.bias.zero_()
    # R = 1 * k / 2 for k = 0, 2, 4, 6: weights softmax(0, -1, -2, -3).
    fine = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]])
    e = torch.tensor([0.0, -1.0, -2.0, -3.0]).exp()
    expected = (e * torch.tensor([0.0, 2.0, 4.0, 6.0])).sum() / e.sum()
    torch.testing.assert_close(layer(fine, torch.ones(1, 1, 1, 1)).flatten(), expected[None])


def test_only_the_published_form_has_a_bias_of_the_keys_which_changes_nothing() -> None:
    assert "k.bias" not in attention(form="corrected").state_dict()
    layer = attention()
    fine, coarse = maps(torch.float32)
    before = layer(fine, coarse)
    layer.k.bias.data += 100
    assert torch.equal(layer(fine, coarse), before)


@pytest.mark.parametrize("sides", [(2, 2), (8, 8)], ids=str)
def test_no_tensor_holds_all_neighbours(sides: tuple[int, int]) -> None:
    layer = attention(sides, channels=64)
    fine = torch.randn(1, 64, 64, 64, requires_grad=True)
    with Largest() as seen:
        layer(fine, torch.randn(1, 64, 32, 32)).sum().backward()
    margin = sides[0] - 2
    assert (
        seen.numel == 64 * (64 + margin) ** 2
    )  # the padded fine map; all would be 64 * 64**2 * 16


@torch.no_grad()
def test_the_head_averages_attention_and_query_and_pads_after_its_projection() -> None:
    torch.manual_seed(0)
    spec = ModelSpec.named("tph-yolov5pp-n", ("car",), 640, neighbourhood=(4, 4))
    head = CrossLayerHead(spec, 6, 9)
    fine, coarse = torch.randn(1, 32, 8, 8), torch.randn(1, 6, 4, 4)
    query, projected = head.conv2(coarse), head.conv1(fine)
    # Padding before conv1 would give border cells conv1's bias in place of zeros.
    expected = head.det((literal(head.att, projected, query, 4) + query) / 2)
    torch.testing.assert_close(head(fine, coarse), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_only_the_finest_prediction_attends() -> None:
    torch.manual_seed(0)
    spec = ModelSpec.named("tph-yolov5pp-n", ("car",), 640)
    detect = CrossLayerDetect(spec, (6, 5), 9)
    p2, first, second = torch.randn(1, 32, 8, 8), torch.randn(1, 6, 4, 4), torch.randn(1, 5, 2, 2)
    found = detect(p2, (first, second))
    assert torch.equal(found[0], detect.det(p2, first))
    assert torch.equal(found[1], detect.m[0](second))
    assert detect.predictors == (detect.det.det, detect.m[0])
