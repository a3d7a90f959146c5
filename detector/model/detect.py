"""Prediction maps, and how their numbers become boxes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Detect(nn.Module):
    """A 1x1 convolution for each map.

    Args:
        channels: Of the maps, finest first.
        outputs: Channels of each prediction.
    """

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.m = nn.ModuleList(nn.Conv2d(c, outputs, 1) for c in channels)

    @property
    def predictors(self) -> tuple[nn.Conv2d, ...]:
        """The convolutions that give the predictions, finest first."""
        return tuple(part for part in self.m if isinstance(part, nn.Conv2d))

    def forward(self, p2: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
        """`(B, outputs, h, w)` of each of the neck's maps; `p2` is for CA-Trans, not read here."""
        del p2
        return [predict(x) for predict, x in zip(self.m, maps, strict=True)]


def decode(logits: Sequence[Tensor], anchors_px: Tensor, strides: Sequence[int]) -> Tensor:
    """Boxes in pixels and probabilities of every anchor of every cell.

    Args:
        logits: What a `Network` gives.
        anchors_px: `(heads, A, 2)`.
        strides: Pixels per cell of each head.

    Returns:
        `(B, N, 5 + classes)` float32: centre x, centre y, width and height in pixels,
        objectness and class probabilities in 0..1; heads finest first, anchor-major.
    """
    return torch.cat(
        [
            decode_head(head.float(), anchors, stride)
            for head, anchors, stride in zip(logits, anchors_px, strides, strict=True)
        ],
        dim=1,
    )


def decode_head(logits: Tensor, anchors_px: Tensor, stride: int) -> Tensor:
    """`decode` of one head: `(B, A, h, w, 5 + classes)` to `(B, A * h * w, 5 + classes)`."""
    height, width = logits.shape[2:4]
    s = logits.sigmoid()
    rows = torch.arange(height, device=s.device, dtype=s.dtype)
    columns = torch.arange(width, device=s.device, dtype=s.dtype)
    grid_y, grid_x = torch.meshgrid(rows, columns, indexing="ij")
    centre = (2 * s[..., :2] - 0.5 + torch.stack((grid_x, grid_y), -1)) * stride
    size = (2 * s[..., 2:4]) ** 2 * anchors_px[None, :, None, None, :]
    return torch.cat((centre, size, s[..., 4:]), -1).flatten(1, 3)
