"""CBAM, the convolutional block attention module (Woo et al., ECCV 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

REDUCTION = 16


class ChannelGate(nn.Module):
    """A factor for each channel, from its mean and its maximum over the map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(channels // REDUCTION, 1)
        self.shared_MLP = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, C, 1, 1)` in 0..1."""
        gate = self.shared_MLP(x.mean((2, 3))) + self.shared_MLP(x.amax((2, 3)))
        return torch.sigmoid(gate)[:, :, None, None]


class SpatialGate(nn.Module):
    """A factor for each cell, from the mean and the maximum of the channels around it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, 1, H, W)` in 0..1."""
        levels = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), dim=1)
        return torch.sigmoid(self.conv2d(levels))


class CBAM(nn.Module):
    """Weighs the channels, then the cells."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channel_attention = ChannelGate(channels)
        self.spatial_attention = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        x = x * self.channel_attention(x)
        y: Tensor = x * self.spatial_attention(x)
        return y
