"""CBAM against loops over channels and cells."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detector.model.cbam import CBAM


def literal(block: CBAM, x: Tensor) -> Tensor:
    """One image `(C, H, W)`: channels first, then cells."""
    first, _, last = block.channel_attention.shared_MLP
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    conv = block.spatial_attention.conv2d
    assert conv.bias is not None
    channels, height, width = x.shape
    total = torch.zeros(channels, dtype=x.dtype)
    for pooled in (x.flatten(1).mean(1), x.flatten(1).max(1).values):
        hidden = (first.weight @ pooled + first.bias).clamp(min=0)
        total += last.weight @ hidden + last.bias
    x = x / (1 + (-total).exp())[:, None, None]
    out = torch.empty_like(x)
    levels = torch.stack((x.mean(0), x.max(0).values))
    for row in range(height):
        for column in range(width):
            gate = conv.bias[0].clone()
            for i in range(7):
                for j in range(7):
                    y, z = row + i - 3, column + j - 3
                    if 0 <= y < height and 0 <= z < width:
                        gate += (conv.weight[0, :, i, j] * levels[:, y, z]).sum()
            out[:, row, column] = x[:, row, column] / (1 + (-gate).exp())
    return out


@torch.no_grad()
def test_the_gates_equal_the_literal_form() -> None:
    torch.manual_seed(0)
    block = CBAM(32).double()
    for parameter in block.parameters():
        parameter.normal_()
    x = torch.randn(2, 32, 5, 9, dtype=torch.float64)
    expected = torch.stack([literal(block, image) for image in x])
    torch.testing.assert_close(block(x), expected, atol=1e-12, rtol=1e-12)
    assert (expected - x).abs().max() > 0.5


def test_few_channels_keep_one_hidden_value() -> None:
    block = CBAM(8)
    assert block.channel_attention.shared_MLP[0].out_features == 1
    assert CBAM(64).channel_attention.shared_MLP[0].out_features == 4
