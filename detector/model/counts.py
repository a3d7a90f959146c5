"""What a network costs: parameters, layers and operations, counted as the published figures are.

Those come from thop 0.1.1 (MIT) on the published code. It counts a multiplication with its
addition once, which a figure in GFLOPs doubles; four for a value that is normalised; one for a
value that is resized or averaged; none for activations; and it does not see what is computed
outside a module's own call: the products of queries, keys and values, and the inner projections
of `nn.MultiheadAttention`. The rules here give those separately, and give CA-Trans as published,
with keys and values projected for every neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from detector.model.cbam import CBAM, ChannelGate
from detector.model.cross_layer import SparseLocalAttention
from detector.model.neck import FourHeadNeck, ThreeHeadNeck
from detector.model.network import Network
from detector.model.swin import SwinLayer, WindowAttention
from detector.model.vit import OneNormVitLayer, PublishedVitLayer, VitLayer

FUNCTIONS: dict[type[nn.Module], int] = {
    SwinLayer: 7,  # GELU, softmax, four dropouts, drop path
    SparseLocalAttention: 1,  # softmax
    VitLayer: 1,  # ReLU
    PublishedVitLayer: 1,
    CBAM: 4,  # two poolings, two sigmoids
}
"""Steps of one module that the published code holds as modules, and this one as functions."""

JOINTS: dict[type[nn.Module], int] = {ThreeHeadNeck: 6, FourHeadNeck: 9}
"""Upsamplings and concatenations, which are modules in the published code."""


Inputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations of one image, in units of 1e9, a multiplication and an addition apart.

    Attributes:
        modules: What a tool sees that counts the calls of modules.
        products: Convolutions, linear maps and the products inside attention, nothing else.
    """

    modules: float
    products: float


def parameter_count(network: Network) -> int:
    """Numbers that training changes."""
    return sum(parameter.numel() for parameter in network.parameters())


def layer_count(network: Network) -> int:
    """Modules of the published code's tree: containers, blocks, and all that is inside them."""
    groups = (network, network.backbone, network.neck)
    blocks = [module for module in network.modules() if not _is_group(module, groups)]
    count = 2 + JOINTS[type(network.neck)]  # the model, and the sequence of its blocks
    count += sum(1 + FUNCTIONS.get(type(module), 0) for module in blocks)
    return count - sum(isinstance(module, nn.Identity) for module in blocks)


def _is_group(module: nn.Module, groups: tuple[nn.Module, ...]) -> bool:
    """Whether a module only names others; a head's blocks stand beside each other as published."""
    return module in groups or (isinstance(module, nn.Sequential) and hasattr(module, "cbam"))


def count_operations(network: Network, image_px: int) -> Operations:
    """What one square image costs.

    Args:
        network: On the `meta` device nothing is computed, and any size is counted at once.
        image_px: A multiple of 32.
    """
    parameter = next(network.parameters())
    tally = _Tally()
    with tally.attached(network), torch.no_grad():
        network(parameter.new_zeros(1, 3, image_px, image_px))
    return Operations(2e-9 * (tally.products + tally.others), 2e-9 * (tally.products + tally.inner))


class _Tally:
    """Sums up as the modules of a network are called.

    Attributes:
        products: Multiplications with an addition that a tool sees.
        others: Normalisation, softmax, averages, resizing.
        inner: Multiplications with an addition that a tool does not see.
    """

    def __init__(self) -> None:
        self.products = 0
        self.others = 0
        self.inner = 0
        self._rules: dict[type[nn.Module], Callable[[Any, Inputs, Tensor], None]] = {
            nn.Conv2d: self._convolution,
            nn.Linear: self._linear,
            nn.BatchNorm2d: self._normalisation,
            nn.LayerNorm: self._normalisation,
            PublishedVitLayer: self._published_vit,
            OneNormVitLayer: self._published_vit,
            VitLayer: self._vit,
            WindowAttention: self._windows,
            SparseLocalAttention: self._cross_layer,
            ChannelGate: self._average,
        }

    @contextmanager
    def attached(self, network: Network) -> Iterator[None]:
        """Counts while the context is open."""
        handles = [
            module.register_forward_hook(self._call)
            for module in network.modules()
            if type(module) in self._rules
        ]
        handles += [
            module.register_forward_hook(self._resize)
            for name, module in network.neck.named_children()
            if name.startswith("lateral")
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _call(self, module: nn.Module, inputs: Inputs, output: Tensor) -> None:
        self._rules[type(module)](module, inputs, output)

    def _resize(self, module: nn.Module, inputs: Inputs, y: Tensor) -> None:
        """What leaves a lateral convolution is made twice as wide and as high."""
        self.others += 4 * y.numel()

    def _convolution(self, conv: nn.Conv2d, inputs: Inputs, y: Tensor) -> None:
        self.products += y.numel() * conv.weight[0].numel()

    def _linear(self, linear: nn.Linear, inputs: Inputs, y: Tensor) -> None:
        self.products += y.numel() * linear.in_features

    def _normalisation(self, module: nn.Module, inputs: Inputs, y: Tensor) -> None:
        self.others += 4 * y.numel()

    def _average(self, module: ChannelGate, inputs: Inputs, y: Tensor) -> None:
        self.others += inputs[0].numel() + y.numel()

    def _published_vit(self, module: nn.Module, inputs: Inputs, y: Tensor) -> None:
        # The four maps inside torch's module for attention are called as functions.
        self._vit(module, inputs, y)
        self.inner += 4 * inputs[0].numel() * y.shape[2]

    def _vit(self, module: nn.Module, inputs: Inputs, y: Tensor) -> None:
        self.inner += 2 * inputs[0].numel() * inputs[0].shape[1]

    def _windows(self, module: WindowAttention, inputs: Inputs, y: Tensor) -> None:
        batch, windows, tokens, _ = y.shape
        self.inner += 2 * y.numel() * tokens
        self.others += batch * windows * module.heads * tokens * (3 * tokens - 1)

    def _cross_layer(self, module: SparseLocalAttention, inputs: Inputs, y: Tensor) -> None:
        # The folded form calls functions for its products, which no rule sees.
        neighbours = module.neighbourhood[0] * module.neighbourhood[1]
        self.products += y.numel() * y.shape[1] * (1 + 2 * neighbours)
        self.others += y[:, 0].numel() * (3 * neighbours - 1)
