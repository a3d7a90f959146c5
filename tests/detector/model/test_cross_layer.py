"""CA-Trans against a literal form: project every neighbour, then attend."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from detector.model.cross_layer import CrossLayerHead, SparseLocalAttention


def literal(layer: SparseLocalAttention, fine: Tensor, coarse: Tensor) -> Tensor:
    """One query after the other, neighbours and the mean spelled out."""
    side = layer.neighbourhood
    out = torch.empty_like(coarse)
    batch, channels, height, width = coarse.shape
    for b in range(batch):
        for row in range(height):
            for column in range(width):
                query = layer.q(coarse[b, :, row, column])
                cells = []
                for i in range(side):
                    for j in range(side):
                        y, x = 2 * row + i - (side // 2 - 1), 2 * column + j - (side // 2 - 1)
                        inside = 0 <= y < 2 * height and 0 <= x < 2 * width
                        cells.append(fine[b, :, y, x] if inside else fine.new_zeros(channels))
                keys, values = layer.k(torch.stack(cells)), layer.v(torch.stack(cells))
                correlation = keys @ query / side
                weights = (2 * correlation.mean() - correlation).softmax(0)
                out[b, :, row, column] = weights @ values
    return out


@pytest.mark.parametrize("neighbourhood", [2, 4, 6])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)], ids=str
)
@torch.no_grad()
def test_attention_equals_the_literal_form(
    neighbourhood: int, dtype: torch.dtype, tolerance: float
) -> None:
    torch.manual_seed(neighbourhood)
    layer = SparseLocalAttention(8, neighbourhood).to(dtype)
    for parameter in layer.parameters():
        parameter.mul_(3)  # weights far from even, or any order of cells would do
    fine, coarse = torch.randn(2, 8, 10, 6, dtype=dtype), torch.randn(2, 8, 5, 3, dtype=dtype)
    expected = literal(layer, fine, coarse)
    torch.testing.assert_close(layer(fine, coarse), expected, atol=tolerance, rtol=tolerance)
    # The reference tells neighbours apart.
    assert (literal(layer, fine.roll(1, 3), coarse) - expected).abs().max() > 0.1


def test_what_correlates_least_weighs_most() -> None:
    layer = SparseLocalAttention(1, 2)
    with torch.no_grad():
        for linear in (layer.q, layer.k, layer.v):
            linear.weight.fill_(1)
            linear.bias.zero_()
    # R = 1 * k / 2 for k = 0, 2, 4, 6: weights softmax(0, -1, -2, -3).
    fine = torch.tensor([[[[0.0, 2.0], [4.0, 6.0]]]])
    e = torch.tensor([0.0, -1.0, -2.0, -3.0]).exp()
    expected = (e * torch.tensor([0.0, 2.0, 4.0, 6.0])).sum() / e.sum()
    torch.testing.assert_close(layer(fine, torch.ones(1, 1, 1, 1)).flatten(), expected[None])


@pytest.mark.parametrize("neighbourhood", [0, 1, 3])
def test_the_neighbourhood_is_even(neighbourhood: int) -> None:
    with pytest.raises(ValueError, match=f"neighbourhood: .*: {neighbourhood}"):
        SparseLocalAttention(4, neighbourhood)


@torch.no_grad()
def test_the_head_averages_attention_and_query_and_pads_after_its_projection() -> None:
    torch.manual_seed(0)
    head = CrossLayerHead(4, 6, 9, neighbourhood=4)
    fine, coarse = torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4)
    query, projected = head.conv2(coarse), head.conv1(fine)
    # Padding before conv1 would give border cells conv1's bias in place of zeros.
    expected = head.det((literal(head.att, projected, query) + query) / 2)
    torch.testing.assert_close(head(fine, coarse), expected, atol=1e-5, rtol=1e-5)
