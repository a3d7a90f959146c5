"""Swin layers against attention over all cells of a map at once, written from the description."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from detector.model.swin import SwinBody, SwinLayer, WindowAttention, head_count
from tests.detector.networks import randomise

TOLERANCE = 1e-9

FORMS = pytest.mark.parametrize("published", [True, False], ids=["published", "corrected"])
SHIFTS = pytest.mark.parametrize("shifted", [True, False], ids=["shifted", "plain"])


def attend(layer: SwinLayer, tokens: Tensor, places: Tensor, added: Tensor) -> Tensor:
    """All queries with all keys, a pair's position bias from where both stand.

    Args:
        layer: Its weights are used.
        tokens: `(N, C)`, after the first normalisation.
        places: `(N, 2)`, only differences of which count.
        added: `(N, N)`, to the logits; minus infinity keeps a pair apart.
    """
    attention = layer.attn
    channels = tokens.shape[1]
    size = channels // attention.heads
    query, key, value = (
        tokens @ part.t() for part in attention.qkv.weight.view(3, channels, channels)
    )
    offset = (places[:, None] - places[None]).clamp(-7, 7) + 7
    row = offset[..., 0] * 15 + offset[..., 1]
    out = []
    for head in range(attention.heads):
        part = slice(head * size, (head + 1) * size)
        logits = query[:, part] @ key[:, part].t() * size**-0.5
        logits = logits + attention.relative_position_bias_table[row, head] + added
        out.append(logits.softmax(1) @ value[:, part])
    y: Tensor = attention.proj(torch.cat(out, 1))
    return y


def apart(groups: Tensor) -> Tensor:
    """`(N, N)`: 0 inside a group, minus infinity between two."""
    together = (groups[:, None] == groups[None]).all(2)
    return torch.zeros(together.shape, dtype=torch.float64).masked_fill(~together, -torch.inf)


def corrected(layer: SwinLayer, normed: Tensor) -> Tensor:
    """`(R, S, C)`: cells see those of their window; shifting moves the windows' borders by 4."""
    rows, columns, channels = normed.shape
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    moved = torch.tensor([4 * (layer.shifted and side > 8) for side in (rows, columns)])
    out = attend(layer, normed.flatten(0, 1), places, apart((places + moved) // 8))
    return out.view(rows, columns, channels)


def published_label(row: int, column: int, rows: int, columns: int) -> int:
    r = 2 if row >= rows - 4 else 1 if row >= rows - 8 else 0
    s = 2 if column >= columns - 4 else 1 if column >= columns - 8 else 0
    return 0 if r == 0 and row > 0 else 3 * r + s


def published(layer: SwinLayer, normed: Tensor) -> Tensor:
    """`(R, S, C)`: padding is a cell like others; the mask follows the published labels."""
    rows, columns, channels = normed.shape
    padded = F.pad(normed, (0, 0, 0, -columns % 8, 0, -rows % 8))
    high, wide = padded.shape[:2]
    places = torch.cartesian_prod(torch.arange(high), torch.arange(wide))
    added = torch.zeros(1, dtype=torch.float64)
    if layer.shifted:
        places = (places - 4) % torch.tensor([high, wide])
        labels = torch.tensor([published_label(a, b, high, wide) for a, b in places.tolist()])
        added = -100.0 * (labels[:, None] != labels[None])
    out = attend(layer, padded.flatten(0, 1), places, apart(places // 8) + added)
    return out.view(high, wide, channels)[:rows, :columns]


def literal(layer: SwinLayer, x: Tensor) -> Tensor:
    """The layer for one image `(C, H, W)`."""
    form = published if layer.published else corrected
    axes = (2, 1, 0) if layer.published else (1, 2, 0)
    back = (2, 1, 0) if layer.published else (2, 0, 1)
    tokens = x.permute(axes)
    tokens = tokens + form(layer, layer.norm1(tokens))
    mlp = layer.mlp
    tokens = tokens + mlp.fc2(F.gelu(mlp.fc1(layer.norm2(tokens))))
    result: Tensor = tokens.permute(back)
    return result


def swin(channels: int, *, published: bool, shifted: bool = False) -> SwinLayer:
    torch.manual_seed(channels)
    layer = SwinLayer(channels, shifted=shifted, published=published).double()
    randomise(layer)
    with torch.no_grad():
        layer.attn.qkv.weight.mul_(3)
    return layer


@FORMS
@SHIFTS
@pytest.mark.parametrize(
    "height_width", [(8, 8), (8, 16), (5, 11), (16, 3), (1, 2), (24, 17), (13, 24)], ids=str
)
@torch.no_grad()
def test_the_layer_equals_the_literal_form(
    height_width: tuple[int, int], *, published: bool, shifted: bool
) -> None:
    layer = swin(64, published=published, shifted=shifted)
    x = torch.randn(2, 64, *height_width, dtype=torch.float64)
    expected = torch.stack([literal(layer, image) for image in x])
    torch.testing.assert_close(layer(x), expected, atol=TOLERANCE, rtol=TOLERANCE)


@torch.no_grad()
def test_the_published_mask_lets_a_map_s_top_see_its_bottom() -> None:
    """In a shifted layer, but for the last windows along x: kept, for weights learned so."""
    for form, seen in ((True, True), (False, False)):
        layer = swin(32, published=form, shifted=True)
        x = torch.randn(1, 32, 24, 24, dtype=torch.float64)
        changed = x.clone()
        changed[:, :, 23, 6] = 0
        assert bool((layer(x) - layer(changed))[0, :, 0, 6].abs().max() > 1e-9) is seen


@torch.no_grad()
def test_the_forms_differ_by_their_axes_alone_where_nothing_is_padded_or_shifted() -> None:
    old, new = (swin(32, published=form) for form in (True, False))
    x = torch.randn(1, 32, 8, 16, dtype=torch.float64)
    assert (old(x) - new(x)).abs().max() > 0.1
    swapped = old(x.transpose(2, 3)).transpose(2, 3)
    torch.testing.assert_close(swapped, new(x), atol=TOLERANCE, rtol=TOLERANCE)


@FORMS
@SHIFTS
def test_gradients_equal_the_literal_form_s(*, published: bool, shifted: bool) -> None:
    layer = swin(32, published=published, shifted=shifted)
    x = torch.randn(1, 32, 9, 12, dtype=torch.float64)
    weight = torch.randn(1, 32, 9, 12, dtype=torch.float64)
    values = list(layer.parameters())
    found = torch.autograd.grad((layer(x) * weight).sum(), values)
    expected = torch.autograd.grad((literal(layer, x[0])[None] * weight).sum(), values)
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=1e-8)


def test_the_position_table_follows_the_formula() -> None:
    index = WindowAttention(32, 1).relative_position_index
    assert index.shape == (64, 64)
    for query in range(64):
        for key in range(64):
            rows, columns = query // 8 - key // 8, query % 8 - key % 8
            assert index[query, key] == (rows + 7) * 15 + columns + 7


@pytest.mark.parametrize(
    ("channels", "heads"),
    [(16, 1), (32, 1), (48, 1), (64, 2), (80, 2), (160, 5), (320, 10), (640, 20), (308, 7)],
)
def test_heads_have_at_least_32_channels_where_there_are_as_many(channels: int, heads: int) -> None:
    assert head_count(channels) == heads
    assert channels % heads == 0


@torch.no_grad()
def test_every_second_layer_is_shifted() -> None:
    torch.manual_seed(0)
    body = SwinBody(32, 3, published=False)
    x = torch.randn(1, 32, 8, 8)
    assert torch.equal(body(x), body.tr[2](body.tr[1](body.tr[0](x))))
    assert [layer.shifted for layer in body.tr if isinstance(layer, SwinLayer)] == [
        False,
        True,
        False,
    ]


@torch.no_grad()
def test_layers_of_more_than_ten_heads_leave_images_out_while_they_train() -> None:
    assert SwinLayer(320, shifted=False, published=False).drop_path == 0
    layer = SwinLayer(352, shifted=False, published=False)
    assert layer.drop_path == 0.1
    layer.mlp.fc2.weight.zero_()
    layer.mlp.fc2.bias.zero_()
    x = torch.randn(1, 352, 1, 1).expand(100, -1, -1, -1)
    whole = layer.eval()(x)[0] - x[0]
    torch.manual_seed(0)
    added = layer.train()(x) - x
    passed_by = (added == 0).all(3).all(2).all(1)
    assert 4 <= passed_by.sum() <= 18  # of 100, a tenth
    torch.testing.assert_close(added[~passed_by], (whole / 0.9).expand(added[~passed_by].shape))


@FORMS
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@torch.no_grad()
def test_short_numbers_stay_finite(dtype: torch.dtype, *, published: bool) -> None:
    layer = swin(64, published=published, shifted=True)
    x = torch.randn(1, 64, 9, 20, dtype=torch.float64)
    expected = layer(x)
    found = layer.to(dtype)(x.to(dtype)).double()
    assert (found - expected).abs().mean() < 0.05 * expected.abs().mean()
