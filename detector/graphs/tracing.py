"""A network recorded once, for images of every size."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from detector.model.network import Network


class GraphNetwork(nn.Module):
    """What an exported graph computes: bytes of images to raw logits.

    The first convolution takes the bytes as they are: its weights are divided in their place.

    Args:
        model: It is copied.
        features: Whether the backbone's map at stride 8 comes out too, as the last output.
    """

    def __init__(self, model: Network, *, features: bool) -> None:
        super().__init__()
        model = copy.deepcopy(model).cpu().float().fuse().requires_grad_(requires_grad=False)
        first = next(one for one in model.backbone.modules() if isinstance(one, nn.Conv2d))
        first.weight /= 255
        self.model = model.eval()
        self.features = features

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """`(B, H, W, 3)` uint8 RGB to `(B, A, h, w, 5 + classes)` of each head, finest first."""
        maps = self.model.backbone(pixels.permute(0, 3, 1, 2).float())
        logits = self.model.predict(maps)
        return (*logits, maps.p3) if self.features else tuple(logits)


def example_pixels() -> Tensor:
    """What a network is traced with: sides of many windows, that no axis is taken for another."""
    return torch.zeros(2, 320, 352, 3, dtype=torch.uint8)


@contextmanager
def quiet_tracing() -> Iterator[None]:
    """Keeps torch from warning about its tracer, which is to be replaced one day.

    The tracer takes a network of size n in 0.3 s; `torch.export`, tried once with an example of one
    image, refused open sizes after 6 s.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", TracerWarning)
        yield
