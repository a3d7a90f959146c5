"""Window attention against one window, one head and one pair of cells at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from detector.model.attention import SwinBody, SwinLayer, WindowAttention

TOLERANCE = 1e-9


def attend(layer: SwinLayer, tokens: Tensor, outside: Tensor | None) -> Tensor:
    """Attention of one window, `(8, 8, C)`; cells in `outside` are left out."""
    attention = layer.attn
    channels = tokens.shape[2]
    cells = [(a, b) for a in range(8) for b in range(8)]
    x = torch.stack([tokens[a, b] for a, b in cells])
    query, key, value = (x @ part.t() for part in attention.qkv.weight.view(3, channels, channels))
    size = channels // attention.heads
    out = []
    for head in range(attention.heads):
        part = slice(head * size, (head + 1) * size)
        logits = query[:, part] @ key[:, part].t() * size**-0.5
        for i, (a1, b1) in enumerate(cells):
            for j, (a2, b2) in enumerate(cells):
                row = (a1 - a2 + 7) * 15 + (b1 - b2 + 7)
                logits[i, j] += attention.relative_position_bias_table[row, head]
        if outside is not None:
            logits[:, outside.flatten()] = -torch.inf
        out.append(logits.softmax(1) @ value[:, part])
    y: Tensor = attention.proj(torch.cat(out, 1))
    return y.view(8, 8, channels)


def literal(layer: SwinLayer, x: Tensor, *, published: bool) -> Tensor:
    """The layer as the description of the published code says, for one image `(C, H, W)`."""
    tokens = x.permute(2, 1, 0) if published else x.permute(1, 2, 0)
    first, second, _ = tokens.shape
    padded = F.pad(layer.norm1(tokens), (0, 0, 0, -second % 8, 0, -first % 8))
    out = torch.empty_like(padded)
    for a in range(0, padded.shape[0], 8):
        for b in range(0, padded.shape[1], 8):
            outside = None
            if not published:
                outside = torch.ones(8, 8, dtype=torch.bool)
                outside[: max(first - a, 0), : max(second - b, 0)] = False
            window = (slice(a, a + 8), slice(b, b + 8))
            out[window] = attend(layer, padded[window], outside)
    tokens = tokens + out[:first, :second]
    mlp = layer.mlp
    tokens = tokens + mlp.fc2(F.gelu(mlp.fc1(layer.norm2(tokens))))
    result: Tensor = tokens.permute(2, 1, 0) if published else tokens.permute(2, 0, 1)
    return result


def swin(channels: int, *, published: bool) -> SwinLayer:
    torch.manual_seed(channels)
    layer = SwinLayer(channels, published=published).double()
    with torch.no_grad():
        layer.attn.relative_position_bias_table.normal_()
        layer.attn.qkv.weight.mul_(3)
        layer.norm1.bias.normal_()
    return layer


@pytest.mark.parametrize("published", [True, False], ids=["published", "corrected"])
@pytest.mark.parametrize("height_width", [(8, 8), (8, 16), (5, 11), (16, 3)], ids=str)
@torch.no_grad()
def test_the_layer_equals_the_literal_form(
    height_width: tuple[int, int], *, published: bool
) -> None:
    layer = swin(64, published=published)
    x = torch.randn(2, 64, *height_width, dtype=torch.float64)
    expected = torch.stack([literal(layer, image, published=published) for image in x])
    torch.testing.assert_close(layer(x), expected, atol=TOLERANCE, rtol=TOLERANCE)


@torch.no_grad()
def test_the_forms_differ_by_their_axes_alone_where_nothing_is_padded() -> None:
    published, corrected = (swin(32, published=form) for form in (True, False))
    x = torch.randn(1, 32, 8, 16, dtype=torch.float64)
    assert (published(x) - corrected(x)).abs().max() > 0.1
    swapped = published(x.transpose(2, 3)).transpose(2, 3)
    torch.testing.assert_close(swapped, corrected(x), atol=TOLERANCE, rtol=TOLERANCE)


@torch.no_grad()
def test_windows_do_not_see_each_other() -> None:
    layer = swin(32, published=False)
    x = torch.randn(1, 32, 13, 16, dtype=torch.float64)
    changed = x.clone()
    changed[:, :, :8, 8:] += 1
    same = (layer(x) == layer(changed)).all(1)[0]
    assert same[:, :8].all()
    assert same[8:].all()
    assert not same[:8, 8:].any()


def test_the_position_table_follows_the_formula() -> None:
    index = WindowAttention(32, 1).relative_position_index
    assert index.shape == (64, 64)
    for query in range(64):
        for key in range(64):
            rows, columns = query // 8 - key // 8, query % 8 - key % 8
            assert index[query, key] == (rows + 7) * 15 + columns + 7


def test_too_few_channels_are_named() -> None:
    with pytest.raises(ValueError, match="SwinLayer: needs at least 32 channels: 16"):
        SwinLayer(16, published=False)


@torch.no_grad()
def test_layers_run_in_a_row() -> None:
    torch.manual_seed(0)
    body = SwinBody(32, 2, published=False)
    x = torch.randn(1, 32, 8, 8)
    assert torch.equal(body(x), body.tr[1](body.tr[0](x)))
