"""The transformer encoder of TPH-YOLOv5 (Zhu et al., ICCVW 2021) as the body of a C3 block."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

HEADS = 4
DROPOUT = 0.1


class VitLayer(nn.Module):
    """Attention of all cells with all, then two linear layers with ReLU; each adds to its input.

    No matrix of cells by cells is kept: maps may be large.

    Args:
        channels: A multiple of 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(channels)
        # Without biases: a softmax does not see the keys'.
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)
        self.ln2 = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, 4 * channels, bias=False)
        self.fc2 = nn.Linear(4 * channels, channels, bias=False)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, N, C)` to the same shape."""
        q, k, v = self.qkv(self.ln1(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v)
        x = x + self.dropout(self.proj(attended.transpose(1, 2).flatten(2)))
        y = self.fc2(self.dropout(F.relu(self.fc1(self.ln2(x)))))
        return x + self.dropout(y)  # type: ignore[no-any-return]


class _PublishedAttention(nn.Module):
    """Attention as published: queries, keys and values are projected, and then once more."""

    def _add_projections(self, channels: int) -> None:
        self.q = nn.Linear(channels, channels, bias=False)
        self.k = nn.Linear(channels, channels, bias=False)
        self.v = nn.Linear(channels, channels, bias=False)
        self.ma = nn.MultiheadAttention(channels, HEADS, batch_first=True)

    def _attend(self, y: Tensor) -> Tensor:
        # torch's module would fix the number of cells in a traced graph.
        weights, biases = self.ma.in_proj_weight.chunk(3), self.ma.in_proj_bias.chunk(3)
        projections = zip((self.q, self.k, self.v), weights, biases, strict=True)
        projected = [F.linear(project(y), weight, bias) for project, weight, bias in projections]
        q, k, v = (
            x.unflatten(2, (HEADS, -1)).transpose(1, 2)  # type: ignore[no-untyped-call]
            for x in projected
        )
        attended = F.scaled_dot_product_attention(q, k, v)
        return self.ma.out_proj(attended.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


class PublishedVitLayer(_PublishedAttention):
    """`VitLayer` as published."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(channels)
        self._add_projections(channels)
        self.ln2 = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, 4 * channels, bias=False)
        self.fc2 = nn.Linear(4 * channels, channels, bias=False)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, N, C)` to the same shape."""
        x = x + self.dropout(self._attend(self.ln1(x)))
        y = self.fc2(self.dropout(F.relu(self.fc1(self.ln2(x)))))
        return x + self.dropout(y)  # type: ignore[no-any-return]


class OneNormVitLayer(_PublishedAttention):
    """The layer of the published code of 29 November 2021, later the same day replaced.

    One normalisation stands in front, and both sums add to what it gave: the layer's input goes
    no other way. There is no activation between the linear layers.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(channels)
        self._add_projections(channels)
        self.fc1 = nn.Linear(channels, channels, bias=False)
        self.fc2 = nn.Linear(channels, channels, bias=False)
        self.dropout = nn.Dropout(2 * DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, N, C)` to the same shape."""
        x = self.ln(x)
        x = x + self._attend(x)
        return self.dropout(x + self.fc2(self.fc1(x)))  # type: ignore[no-any-return]


class VitBody(nn.Module):
    """The body of a C3TR block: a linear map added to the cells, then layers in a row.

    Args:
        channels: A multiple of 4.
        layers: How many.
        layer: Makes one from its channels: one of the classes above.
    """

    def __init__(self, channels: int, layers: int, layer: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.tr = nn.Sequential(*(layer(channels) for _ in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        tokens = x.flatten(2).transpose(1, 2)
        tokens = self.tr(tokens + self.linear(tokens))
        return tokens.transpose(1, 2).reshape(x.shape)  # type: ignore[no-any-return]
