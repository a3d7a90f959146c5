"""C3TR's body against attention written out, and against torch's own module."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detector.model.vit import OneNormVitLayer, PublishedVitLayer, VitBody, VitLayer
from tests.detector.model.allocation import Largest
from tests.detector.networks import randomise

LAYERS = pytest.mark.parametrize("layer", [VitLayer, PublishedVitLayer, OneNormVitLayer])
LayerClass = type[VitLayer | PublishedVitLayer | OneNormVitLayer]


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Four heads, one query after the other, `(N, C)` each."""
    size = q.shape[1] // 4
    out = torch.empty_like(q)
    for head in range(4):
        part = slice(head * size, (head + 1) * size)
        for index, query in enumerate(q[:, part]):
            weights = (k[:, part] @ query / size**0.5).softmax(0)
            out[index, part] = weights @ v[:, part]
    return out


def attend_twice(layer: PublishedVitLayer | OneNormVitLayer, y: Tensor) -> Tensor:
    """Projected by `q`, `k` and `v`, then by the thirds of the inner weights."""
    once = (y @ part.weight.t() for part in (layer.q, layer.k, layer.v))
    weights, biases = layer.ma.in_proj_weight.chunk(3), layer.ma.in_proj_bias.chunk(3)
    q, k, v = (a @ w.t() + b for a, w, b in zip(once, weights, biases, strict=True))
    return attend(q, k, v) @ layer.ma.out_proj.weight.t() + layer.ma.out_proj.bias


def one_norm(layer: OneNormVitLayer, tokens: Tensor) -> Tensor:
    """The sums add to the normalised tokens; the two linear maps are one."""
    centred = tokens - tokens.mean(1, keepdim=True)
    normed = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
    normed = normed * layer.ln.weight + layer.ln.bias
    y = normed + attend_twice(layer, normed)
    return y + y @ (layer.fc2.weight @ layer.fc1.weight).t()


def literal(body: VitBody, x: Tensor) -> Tensor:
    """One image `(C, H, W)` as the description says, cells row by row."""
    channels, height, width = x.shape
    tokens = torch.stack([x[:, i, j] for i in range(height) for j in range(width)])
    tokens = tokens + tokens @ body.linear.weight.t() + body.linear.bias
    for layer in body.tr:
        if isinstance(layer, OneNormVitLayer):
            tokens = one_norm(layer, tokens)
        elif isinstance(layer, PublishedVitLayer):
            tokens = tokens + attend_twice(layer, layer.ln1(tokens))
            y = F.relu(layer.ln2(tokens) @ layer.fc1.weight.t())
            tokens = tokens + y @ layer.fc2.weight.t()
        else:
            assert isinstance(layer, VitLayer)
            q, k, v = (layer.ln1(tokens) @ w.t() for w in layer.qkv.weight.chunk(3))
            tokens = tokens + layer.proj(attend(q, k, v))
            y = F.relu(layer.ln2(tokens) @ layer.fc1.weight.t())
            tokens = tokens + y @ layer.fc2.weight.t()
    return tokens.t().reshape(channels, height, width)


def body(layers: int, layer: LayerClass) -> VitBody:
    torch.manual_seed(0)
    made = VitBody(16, layers, layer).double().eval()
    randomise(made)
    for parameter in made.parameters():
        parameter.data.mul_(2)
    return made


@LAYERS
@torch.no_grad()
def test_the_body_equals_the_literal_form(layer: LayerClass) -> None:
    made = body(2, layer)
    x = torch.randn(2, 16, 3, 5, dtype=torch.float64)
    expected = torch.stack([literal(made, image) for image in x])
    torch.testing.assert_close(made(x), expected, atol=1e-12, rtol=1e-12)


@torch.no_grad()
def test_the_published_layer_equals_torch_s_module_that_forms_its_weights() -> None:
    layer = body(1, PublishedVitLayer).tr[0]
    assert isinstance(layer, PublishedVitLayer)
    slow = nn.MultiheadAttention(16, 4).double()
    slow.load_state_dict(layer.ma.state_dict())
    x = torch.randn(2, 15, 16, dtype=torch.float64)
    y = layer.ln1(x).transpose(0, 1)
    attended, weights = slow(layer.q(y), layer.k(y), layer.v(y))
    assert weights.shape == (2, 15, 15)
    z = x + attended.transpose(0, 1)
    expected = z + layer.fc2(layer.fc1(layer.ln2(z)).relu())
    torch.testing.assert_close(layer(x), expected, atol=1e-12, rtol=1e-12)


@torch.no_grad()
def test_the_published_keys_bias_changes_nothing() -> None:
    made = body(1, PublishedVitLayer)
    x = torch.randn(1, 16, 3, 5, dtype=torch.float64)
    before = made(x)
    (layer,) = made.tr
    assert isinstance(layer, PublishedVitLayer)
    layer.ma.in_proj_bias[16:32] += 1
    torch.testing.assert_close(made(x), before, atol=1e-12, rtol=1e-12)
    layer.ma.in_proj_bias[:16] += 1
    assert (made(x) - before).abs().max() > 0.01


@LAYERS
@torch.no_grad()
def test_cells_are_told_apart_by_their_content_alone(layer: LayerClass) -> None:
    made = body(2, layer)
    x = torch.randn(1, 16, 4, 6, dtype=torch.float64)
    order = torch.randperm(24)
    shuffled = x.flatten(2)[:, :, order].view(x.shape)
    expected = made(x).flatten(2)[:, :, order].view(x.shape)
    torch.testing.assert_close(made(shuffled), expected, atol=1e-12, rtol=1e-12)


@LAYERS
@pytest.mark.parametrize("training", [False, True])
def test_no_matrix_of_cells_by_cells_is_formed(layer: LayerClass, *, training: bool) -> None:
    made = VitBody(16, 1, layer).train(training)
    x = torch.randn(1, 16, 64, 64, requires_grad=training)
    with Largest() as seen:
        made(x).sum().backward() if training else made(x)
    assert seen.numel <= 64 * 64 * 16 * 4
    with Largest() as seen:
        torch.einsum("bcn,bcm->bnm", x.flatten(2), x.flatten(2))
    assert seen.numel == 64**4  # the check sees one


@LAYERS
def test_training_drops_values_and_evaluation_none(layer: LayerClass) -> None:
    made = VitBody(16, 1, layer)
    x = torch.randn(1, 16, 4, 4)
    made.train()
    assert not torch.equal(made(x), made(x))
    made.eval()
    assert torch.equal(made(x), made(x))
