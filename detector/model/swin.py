"""Swin window attention (Liu et al., ICCV 2021) as the body of a C3 block."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.model.windows import WINDOW, from_windows, rolled, to_windows, window_mask

CHANNELS_PER_HEAD = 32

DROP_PATH = 0.1
"""Probability that a training image passes by a part of a layer of more than 10 heads."""


class WindowAttention(nn.Module):
    """Multi-head attention inside windows of 8x8 cells, with a learned relative position bias."""

    relative_position_index: Tensor

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, heads))
        self.register_buffer("relative_position_index", _relative_position_index())
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Attention inside each window.

        Args:
            x: `(B, windows, 64, C)`.
            mask: `(windows, 64, 64)`, added to the logits of query and key; `None` adds nothing.

        Returns:
            The shape of `x`.
        """
        tokens = WINDOW * WINDOW
        # Four dimensions each: torch takes its fused kernel for no more and no fewer.
        qkv = self.qkv(x).flatten(0, 1).unflatten(2, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        table = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = table.view(1, tokens, tokens, self.heads).permute(0, 3, 1, 2)
        if mask is not None:
            bias = (bias + mask[:, None]).repeat(x.shape[0], 1, 1, 1)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(out.transpose(1, 2).reshape(x.shape))  # type: ignore[no-any-return]


def _relative_position_index() -> Tensor:
    """Row of the bias table for each pair of query and key token, `(64, 64)` int64."""
    axis = torch.arange(WINDOW)
    first, second = (grid.flatten() for grid in torch.meshgrid(axis, axis, indexing="ij"))
    offset_first = first[:, None] - first[None, :] + WINDOW - 1
    offset_second = second[:, None] - second[None, :] + WINDOW - 1
    return offset_first * (2 * WINDOW - 1) + offset_second


class Mlp(nn.Module):
    """Two linear layers with GELU between; four times as wide inside."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(..., C)` to the same shape."""
        y: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return y


class SwinLayer(nn.Module):
    """One transformer layer over windows of 8x8 cells.

    Args:
        channels: Of the map.
        shifted: Move the windows by half their side.
        published: Run as the published code does: the map's axes are swapped, the padding of
            incomplete windows takes part in the attention, and the mask of shifted windows has
            a fault. Networks trained here mask what is no neighbour.
    """

    def __init__(self, channels: int, *, shifted: bool, published: bool) -> None:
        super().__init__()
        heads = head_count(channels)
        self.shifted = shifted
        self.published = published
        self.drop_path = DROP_PATH if heads > 10 else 0.0
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        tokens = x.permute((0, 3, 2, 1) if self.published else (0, 2, 3, 1))
        tokens = tokens + self._drop(self._attend(self.norm1(tokens)))
        tokens = tokens + self._drop(self.mlp(self.norm2(tokens)))
        return tokens.permute((0, 3, 2, 1) if self.published else (0, 3, 1, 2))

    def _attend(self, tokens: Tensor) -> Tensor:
        """`(B, rows, columns, C)` to the same shape."""
        rows, columns = tokens.shape[1:3]
        padded = F.pad(tokens, (0, 0, 0, -columns % WINDOW, 0, -rows % WINDOW))
        shift = self._shift(padded.shape[1], padded.shape[2])
        mask = window_mask((rows, columns), shift, tokens, published=self.published)
        if self.shifted:
            padded = rolled(padded, shift, first_axis=1)
        attended = self.attn(to_windows(padded), mask)
        out = from_windows(attended, padded.shape[1], padded.shape[2])
        if self.shifted:
            out = rolled(out, (-shift[0], -shift[1]), first_axis=1)
        return out[:, :rows, :columns]

    def _shift(self, rows: int, columns: int) -> tuple[int, int]:
        """Cells by which the windows of a padded map move along both axes."""
        if not self.shifted:
            return 0, 0
        if self.published:
            return WINDOW // 2, WINDOW // 2
        # A single window would only be cut into pieces.
        return WINDOW // 2 * (rows > WINDOW), WINDOW // 2 * (columns > WINDOW)

    def _drop(self, x: Tensor) -> Tensor:
        """In training some images as zeros, the others larger by as much (stochastic depth)."""
        if not self.training or not self.drop_path:
            return x
        kept = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - self.drop_path)
        return x * kept / (1 - self.drop_path)


def head_count(channels: int) -> int:
    """Heads of a Swin layer: one for 32 channels, at least one, and a divisor of the channels.

    >>> head_count(512), head_count(16), head_count(308)
    (16, 1, 7)
    """
    most = max(channels // CHANNELS_PER_HEAD, 1)
    return next(heads for heads in range(most, 0, -1) if channels % heads == 0)


class SwinBody(nn.Module):
    """The body of a C3STR block: Swin layers in a row, every second one shifted."""

    def __init__(self, channels: int, layers: int, *, published: bool) -> None:
        super().__init__()
        self.tr = nn.Sequential(
            *(SwinLayer(channels, shifted=i % 2 == 1, published=published) for i in range(layers))
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        return self.tr(x)  # type: ignore[no-any-return]
