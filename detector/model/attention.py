"""Swin window attention (Liu et al., ICCV 2021) as the body of a C3 block."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WINDOW = 8
"""Side of an attention window, in cells of the map."""

CHANNELS_PER_HEAD = 32


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
            mask: `(windows, 64)`, added to the logits of each key; `None` adds nothing.

        Returns:
            The shape of `x`.
        """
        batch, windows, tokens, channels = x.shape
        qkv = self.qkv(x).view(batch, windows, tokens, 3, self.heads, channels // self.heads)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5)
        table = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = table.view(tokens, tokens, self.heads).permute(2, 0, 1)
        bias = bias if mask is None else bias + mask[:, None, None, :]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        return self.proj(out.transpose(2, 3).reshape(x.shape))  # type: ignore[no-any-return]


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
    """One transformer layer over 8x8 windows, not shifted.

    Args:
        channels: At least 32, a multiple of the number of heads, `channels // 32`.
        published: Run as the published code does: the map's axes are transposed and the
            padding of incomplete windows takes part in the attention. Networks trained here
            mask the padding.
    """

    def __init__(self, channels: int, *, published: bool) -> None:
        super().__init__()
        if channels < CHANNELS_PER_HEAD:
            raise ValueError(f"SwinLayer: needs at least {CHANNELS_PER_HEAD} channels: {channels}")
        self.published = published
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, channels // CHANNELS_PER_HEAD)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        axes = (0, 3, 2, 1) if self.published else (0, 2, 3, 1)
        tokens = x.permute(axes)
        tokens = tokens + self._attend(self.norm1(tokens))
        tokens = tokens + self.mlp(self.norm2(tokens))
        # Each permutation undoes itself only in the published form, which swaps two axes.
        return torch.permute(tokens, (0, 3, 2, 1) if self.published else (0, 3, 1, 2))

    def _attend(self, tokens: Tensor) -> Tensor:
        """`(B, rows, columns, C)` to the same shape."""
        batch, rows, columns, channels = tokens.shape
        pad_rows, pad_columns = -rows % WINDOW, -columns % WINDOW
        padded = F.pad(tokens, (0, 0, 0, pad_columns, 0, pad_rows))
        windows = _to_windows(padded)
        mask: Tensor | None = None
        if not self.published and (pad_rows or pad_columns):
            outside = tokens.new_zeros(1, rows, columns, 1)
            outside = F.pad(outside, (0, 0, 0, pad_columns, 0, pad_rows), value=-1e4)
            mask = _to_windows(outside)[0, :, :, 0]
        out: Tensor = self.attn(windows, mask).view(
            batch, padded.shape[1] // WINDOW, padded.shape[2] // WINDOW, WINDOW, WINDOW, channels
        )
        out = out.transpose(2, 3).reshape(padded.shape)
        return out[:, :rows, :columns]


def _to_windows(tokens: Tensor) -> Tensor:
    """`(B, R, S, C)`, sides multiples of 8, to `(B, R / 8 * S / 8, 64, C)`."""
    batch, rows, columns, channels = tokens.shape
    split = tokens.view(batch, rows // WINDOW, WINDOW, columns // WINDOW, WINDOW, channels)
    return split.transpose(2, 3).reshape(batch, -1, WINDOW * WINDOW, channels)


class SwinBody(nn.Module):
    """The body of a C3STR block: Swin layers in a row."""

    def __init__(self, channels: int, layers: int, *, published: bool) -> None:
        super().__init__()
        self.tr = nn.Sequential(*(SwinLayer(channels, published=published) for _ in range(layers)))

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to the same shape."""
        return self.tr(x)  # type: ignore[no-any-return]
