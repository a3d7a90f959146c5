"""The convolutional blocks of YOLOv5: Conv, Focus, Bottleneck, C3, SPP and SPPF."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3
"""Part of the published networks: torch's own 1e-5 changes outputs by more than 1."""

BATCH_NORM_MOMENTUM = 0.03


class Conv(nn.Module):
    """Convolution without bias, batch normalisation, SiLU; keeps the map's size at stride 1."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int = -1,
    ) -> None:
        super().__init__()
        padding = kernel // 2 if padding < 0 else padding
        self.conv: nn.Conv2d = nn.Conv2d(
            in_channels, out_channels, kernel, stride, padding, bias=False
        )
        self.bn: nn.Module = nn.BatchNorm2d(
            out_channels, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM
        )
        self.act = nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, out_channels, H / stride, W / stride)`."""
        return self.act(self.bn(self.conv(x)))  # type: ignore[no-any-return]

    @torch.no_grad()
    def fuse(self) -> None:
        """Folds the normalisation into the convolution; the output stays the same."""
        if not isinstance(self.bn, nn.BatchNorm2d):
            return
        running_mean, running_var = self.bn.running_mean, self.bn.running_var
        assert running_mean is not None
        assert running_var is not None
        gain = self.bn.weight / torch.sqrt(running_var + self.bn.eps)
        fused = nn.Conv2d(
            self.conv.in_channels,
            self.conv.out_channels,
            (self.conv.kernel_size[0], self.conv.kernel_size[1]),
            (self.conv.stride[0], self.conv.stride[1]),
            (int(self.conv.padding[0]), int(self.conv.padding[1])),
            device=self.conv.weight.device,
            dtype=self.conv.weight.dtype,
        )
        fused.weight.copy_(self.conv.weight * gain[:, None, None, None])
        assert fused.bias is not None
        fused.bias.copy_(self.bn.bias - running_mean * gain)
        fused.requires_grad_(requires_grad=False)
        self.conv = fused
        self.bn = nn.Identity()


class Focus(nn.Module):
    """`Conv` of a map of half the sides and four times the channels."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.conv = Conv(4 * in_channels, out_channels, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)`, even sides, to `(B, out_channels, H / 2, W / 2)`."""
        parts = [x[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        y: Tensor = self.conv(torch.cat(parts, dim=1))
        return y


class Bottleneck(nn.Module):
    """1x1 and 3x3 `Conv`; adds its input when `shortcut` is set."""

    def __init__(self, channels: int, *, shortcut: bool) -> None:
        super().__init__()
        self.cv1 = Conv(channels, channels)
        self.cv2 = Conv(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        y: Tensor = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class C3(nn.Module):
    """Cross-stage partial block: `body` on half of the channels, the other half passes by."""

    def __init__(self, in_channels: int, out_channels: int, body: nn.Module) -> None:
        super().__init__()
        hidden = out_channels // 2
        self.cv1 = Conv(in_channels, hidden)
        self.cv2 = Conv(in_channels, hidden)
        self.cv3 = Conv(2 * hidden, out_channels)
        self.m = body

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W)` to `(B, out_channels, H, W)`."""
        y: Tensor = self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))
        return y


def c3_bottlenecks(in_channels: int, out_channels: int, repeats: int, *, shortcut: bool) -> C3:
    """A `C3` whose body is `repeats` bottlenecks in a row."""
    bottlenecks = (Bottleneck(out_channels // 2, shortcut=shortcut) for _ in range(repeats))
    return C3(in_channels, out_channels, nn.Sequential(*bottlenecks))


class SPPF(nn.Module):
    """Spatial pyramid pooling: one 5x5 maximum applied one, two and three times."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = in_channels // 2
        self.cv1 = Conv(in_channels, hidden)
        self.cv2 = Conv(4 * hidden, out_channels)
        self.pool = nn.MaxPool2d(5, stride=1, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W)` to `(B, out_channels, H, W)`."""
        levels = [self.cv1(x)]
        for _ in range(3):
            levels.append(self.pool(levels[-1]))
        y: Tensor = self.cv2(torch.cat(levels, dim=1))
        return y


class SPP(nn.Module):
    """Spatial pyramid pooling: three maxima of different size, side by side."""

    def __init__(self, in_channels: int, out_channels: int, kernels: tuple[int, int, int]) -> None:
        super().__init__()
        hidden = in_channels // 2
        self.cv1 = Conv(in_channels, hidden)
        self.cv2 = Conv(4 * hidden, out_channels)
        self.m = nn.ModuleList(nn.MaxPool2d(kernel, 1, kernel // 2) for kernel in kernels)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, in_channels, H, W)` to `(B, out_channels, H, W)`."""
        x = self.cv1(x)
        y: Tensor = self.cv2(torch.cat((x, *(pool(x) for pool in self.m)), dim=1))
        return y
