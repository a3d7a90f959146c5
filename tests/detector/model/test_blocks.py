"""The convolutional blocks, value by value where a hand can follow."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from detector.model.blocks import C3, SPP, SPPF, Bottleneck, Conv, Focus, c3_bottlenecks
from tests.detector.networks import randomise


@torch.no_grad()
def test_conv_is_convolution_normalisation_and_silu() -> None:
    conv = Conv(1, 1).eval()
    assert isinstance(conv.bn, nn.BatchNorm2d)
    conv.conv.weight.fill_(2.0)
    conv.bn.weight.fill_(0.03)
    conv.bn.bias.fill_(-1.0)
    conv.bn.running_mean = torch.tensor([4.0])
    conv.bn.running_var = torch.tensor([0.003])  # so small that the added 1e-3 is a third of it
    before = 0.03 * (2 * 5 - 4) / 0.004**0.5 - 1
    expected = before / (1 + math.exp(-before))
    assert conv(torch.full((1, 1, 1, 1), 5.0)).item() == pytest.approx(expected, rel=1e-5)


def test_normalisation_learns_as_published() -> None:
    bn = Conv(1, 1).bn
    assert isinstance(bn, nn.BatchNorm2d)
    assert (bn.eps, bn.momentum) == (1e-3, 0.03)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(1, 1, -1), (3, 2, -1), (6, 2, 2)])
@torch.no_grad()
def test_a_fused_conv_gives_the_same(kernel: int, stride: int, padding: int) -> None:
    torch.manual_seed(0)
    conv = Conv(3, 5, kernel, stride, padding).eval()
    randomise(conv)
    x = torch.randn(2, 3, 12, 16)
    expected = conv(x)
    conv.fuse()
    assert isinstance(conv.bn, nn.Identity)
    torch.testing.assert_close(conv(x), expected, atol=1e-5, rtol=1e-5)
    conv.fuse()
    torch.testing.assert_close(conv(x), expected, atol=1e-5, rtol=1e-5)
    assert expected.shape == (2, 5, 12 // stride, 16 // stride)


@torch.no_grad()
def test_the_shortcut_adds_the_input() -> None:
    torch.manual_seed(0)
    plain, short = Bottleneck(4, shortcut=False).eval(), Bottleneck(4, shortcut=True).eval()
    short.load_state_dict(plain.state_dict())
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(short(x), plain(x) + x)
    torch.testing.assert_close(plain(x), plain.cv2(plain.cv1(x)))
    assert (plain.cv1.conv.kernel_size, plain.cv2.conv.kernel_size) == ((1, 1), (3, 3))


@torch.no_grad()
def test_c3_puts_its_body_first() -> None:
    torch.manual_seed(0)
    block = C3(6, 8, nn.Sigmoid()).eval()
    x = torch.randn(1, 6, 4, 4)
    joined = torch.cat((torch.sigmoid(block.cv1(x)), block.cv2(x)), 1)
    assert joined.shape[1] == 8
    torch.testing.assert_close(block(x), block.cv3(joined))


def test_c3_repeats_bottlenecks_of_half_its_channels() -> None:
    body = c3_bottlenecks(6, 8, 3, shortcut=True).m
    assert isinstance(body, nn.Sequential)
    assert [type(part) for part in body] == [Bottleneck] * 3
    assert [part.cv1.conv.in_channels for part in body if isinstance(part, Bottleneck)] == [4] * 3


@torch.no_grad()
def test_sppf_pools_one_two_and_three_times() -> None:
    torch.manual_seed(0)
    block = SPPF(8, 6).eval()
    x = torch.randn(1, 8, 20, 20)
    y = block.cv1(x)
    # A 5x5 maximum applied twice is 9x9, three times 13x13.
    pooled = [F.max_pool2d(y, side, 1, side // 2) for side in (5, 9, 13)]
    torch.testing.assert_close(block(x), block.cv2(torch.cat((y, *pooled), 1)))


@torch.no_grad()
def test_spp_pools_with_three_sizes_side_by_side() -> None:
    torch.manual_seed(0)
    block = SPP(8, 6, (3, 7, 11)).eval()
    x = torch.randn(1, 8, 20, 20)
    y = block.cv1(x)
    assert y.shape[1] == 4
    pooled = [F.max_pool2d(y, side, 1, side // 2) for side in (3, 7, 11)]
    torch.testing.assert_close(block(x), block.cv2(torch.cat((y, *pooled), 1)))


@torch.no_grad()
def test_focus_takes_the_cells_of_a_block_column_by_column() -> None:
    block = Focus(1, 4, 1).eval()
    block.conv.conv.weight.copy_(torch.eye(4)[:, :, None, None])
    block.conv.act = nn.Identity()  # type: ignore[assignment]
    x = torch.arange(16.0).view(1, 1, 4, 4)
    found = block(x) * (1 + 1e-3) ** 0.5
    torch.testing.assert_close(found[0, :, 0, 1], torch.tensor([2.0, 6.0, 3.0, 7.0]))
