"""CA-Trans: the cross-layer asymmetric transformer of TPH-YOLOv5++ (Zhao et al., 2023)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.model.spec import ModelSpec


class SparseLocalAttention(nn.Module):
    """Each coarse cell attends to the fine cells around it, and prefers those unlike itself.

    Queries come from the coarse map, keys and values from the fine one, which has twice its
    side. A query sees `a x b` fine cells centred on its own 2x2 block; beyond the border they
    are zeros. With `R = Q K / scale`, the published weights are `softmax(2 mean(R) - R)`. Two
    identities make this cheap without changing a result: the mean is the same for all
    neighbours of a query, so the weights equal `softmax(-R)`; and the linear maps of keys and
    values act on each cell alone, so both are moved to the coarse side:
    `Q K = (Wk^T Q) x + const`, `sum a V = Wv (sum a x) + bv`.

    Args:
        spec: Gives the neighbourhood and the scale. The published form has a bias of the keys,
            which no result depends on.
        channels: Of both maps.
    """

    def __init__(self, spec: ModelSpec, channels: int) -> None:
        super().__init__()
        self.neighbourhood = spec.neighbourhood
        rows, columns = spec.neighbourhood
        divisors = {"neighbours": rows * columns, "channels": channels}
        self.scale = math.sqrt(divisors[spec.attention_scale])
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels, bias=spec.form == "published")
        self.v = nn.Linear(channels, channels)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """`(B, C, 2H, 2W)` and `(B, C, H, W)` to `(B, C, H, W)`."""
        query = _pointwise(coarse, self.q.weight, self.q.bias)
        query = _pointwise(query, self.k.weight.t() / self.scale, None)
        neighbours = self._neighbours(fine)
        similarity = [(query * cells).sum(1) for cells in neighbours]
        weights = torch.stack(similarity, dim=1).neg().softmax(dim=1).to(fine.dtype)
        gathered = torch.zeros_like(coarse)
        for index, cells in enumerate(neighbours):
            gathered = torch.addcmul(gathered, weights[:, index, None], cells)
        return _pointwise(gathered, self.v.weight, self.v.bias)

    def _neighbours(self, fine: Tensor) -> list[Tensor]:
        """The first neighbour of each query, the second, and so on, row by row.

        Each is a view of `(B, C, H, W)`: a copy of all neighbours is never formed.
        """
        rows, columns = self.neighbourhood
        top, left = rows // 2 - 1, columns // 2 - 1
        height, width = fine.shape[2:]
        padded = F.pad(fine, (left, left, top, top)) if top or left else fine
        return [
            padded[:, :, row : row + height : 2, column : column + width : 2]
            for row in range(rows)
            for column in range(columns)
        ]


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A linear map of the channels of each cell."""
    return F.conv2d(x, weight[:, :, None, None], bias)


class CrossLayerHead(nn.Module):
    """The finest prediction: CA-Trans from the stride-4 map into the stride-8 map.

    Attention runs in as many channels as the stride-4 map has.

    Args:
        spec: Gives those channels; see `SparseLocalAttention` for the rest.
        coarse_channels: Of the neck's stride-8 map.
        outputs: Channels of the prediction.
    """

    def __init__(self, spec: ModelSpec, coarse_channels: int, outputs: int) -> None:
        super().__init__()
        fine_channels = spec.channels(128)
        self.conv1 = nn.Conv2d(fine_channels, fine_channels, 1)
        self.conv2 = nn.Conv2d(coarse_channels, fine_channels, 1)
        self.att = SparseLocalAttention(spec, fine_channels)
        self.det = nn.Conv2d(fine_channels, outputs, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Stride-4 and stride-8 maps to `(B, outputs, H, W)` logits at stride 8."""
        query = self.conv2(coarse)
        attended = self.att(self.conv1(fine), query)
        y: Tensor = self.det((attended + query) / 2)
        return y


class CrossLayerDetect(nn.Module):
    """`Detect` with CA-Trans in front of its finest prediction.

    Args:
        spec: Gives the channels of the stride-4 map; see `SparseLocalAttention` for the rest.
        channels: Of the neck's maps, finest first.
        outputs: Channels of each prediction.
    """

    def __init__(self, spec: ModelSpec, channels: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.det = CrossLayerHead(spec, channels[0], outputs)
        self.m = nn.ModuleList(nn.Conv2d(c, outputs, 1) for c in channels[1:])

    @property
    def predictors(self) -> tuple[nn.Conv2d, ...]:
        """The convolutions that give the predictions, finest first."""
        return (self.det.det, *(part for part in self.m if isinstance(part, nn.Conv2d)))

    def forward(self, p2: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
        """The backbone's stride-4 map and the neck's maps to `(B, outputs, h, w)` of each."""
        first, *others = maps
        coarser = [predict(x) for predict, x in zip(self.m, others, strict=True)]
        return [self.det(p2, first), *coarser]
