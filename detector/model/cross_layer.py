"""CA-Trans: the cross-layer asymmetric transformer of TPH-YOLOv5++ (Zhao et al., 2023)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SparseLocalAttention(nn.Module):
    """Each coarse cell attends to the fine cells around it, and prefers those unlike itself.

    Queries come from the coarse map, keys and values from the fine one, which has twice its
    side. A query sees `neighbourhood x neighbourhood` fine cells centred on its own 2x2 block.
    With `R = Q K / neighbourhood`, the published weights are `softmax(2 mean(R) - R)`. Two
    identities make this cheap without changing a result: the mean is the same for all
    neighbours of a query, so the weights equal `softmax(-R)`; and the linear maps of keys and
    values act on each cell alone, so both are moved to the coarse side:
    `Q K = (Wk^T Q) x + const`, `sum a V = Wv (sum a x) + bv`.

    Args:
        channels: Of both maps.
        neighbourhood: Side of the neighbourhood in fine cells, an even number.
    """

    def __init__(self, channels: int, neighbourhood: int) -> None:
        super().__init__()
        if neighbourhood < 2 or neighbourhood % 2:
            raise ValueError(f"neighbourhood: expected an even number of cells: {neighbourhood}")
        self.neighbourhood = neighbourhood
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """`(B, C, 2H, 2W)` and `(B, C, H, W)` to `(B, C, H, W)`."""
        height, width = coarse.shape[2:]
        margin = self.neighbourhood // 2 - 1
        padded = F.pad(fine, (margin, margin, margin, margin)) if margin else fine
        steps = range(self.neighbourhood)
        neighbours = [
            padded[:, :, row::2, column::2][:, :, :height, :width]
            for row in steps
            for column in steps
        ]
        query = _pointwise(coarse, self.q.weight, self.q.bias)
        query = _pointwise(query, self.k.weight.t() / self.neighbourhood, None)
        similarity = torch.stack([(query * cells).sum(1) for cells in neighbours], dim=1)
        weights = (-similarity).softmax(dim=1)
        gathered = sum(
            (weights[:, index, None] * cells for index, cells in enumerate(neighbours)),
            start=torch.zeros((), device=fine.device, dtype=weights.dtype),
        )
        return _pointwise(gathered, self.v.weight, self.v.bias)


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A linear map of the channels of each cell."""
    return F.conv2d(x, weight[:, :, None, None], bias)


class CrossLayerHead(nn.Module):
    """The finest prediction head: CA-Trans from the stride-4 map into the stride-8 map.

    Args:
        fine_channels: Of the backbone's stride-4 map; attention runs in as many.
        coarse_channels: Of the neck's stride-8 map.
        outputs: Channels of the prediction.
        neighbourhood: See `SparseLocalAttention`.
    """

    def __init__(
        self, fine_channels: int, coarse_channels: int, outputs: int, neighbourhood: int
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(fine_channels, fine_channels, 1)
        self.conv2 = nn.Conv2d(coarse_channels, fine_channels, 1)
        self.att = SparseLocalAttention(fine_channels, neighbourhood)
        self.det = nn.Conv2d(fine_channels, outputs, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Stride-4 and stride-8 maps to `(B, outputs, H, W)` logits at stride 8."""
        query = self.conv2(coarse)
        attended = self.att(self.conv1(fine), query)
        y: Tensor = self.det((attended + query) / 2)
        return y
