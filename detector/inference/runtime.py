"""What runs a network on a batch of images, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from detector.graphs.facts import NetworkFacts


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """What a network gives for a batch.

    Attributes:
        logits: `(B, A, h, w, 5 + classes)` of each head, finest first.
        p3: `(B, C, H / 8, W / 8)`, the backbone's map that tells how objects look; `None` where
            nobody asked.
    """

    logits: Sequence[Tensor]
    p3: Tensor | None = None


class Runtime(Protocol):
    """Runs a network."""

    @property
    def facts(self) -> NetworkFacts:
        """Of the network."""
        ...

    @property
    def device(self) -> torch.device:
        """Where its maps are."""
        ...

    def images(self, pixels: Tensor) -> Tensor:
        """What `run` takes, `(B, 3, H, W)`, from `(B, H, W, 3)` uint8 RGB on the CPU.

        Numbers in 0..1, or bytes where the network itself makes numbers of them.
        """
        ...

    def run(self, images: Tensor) -> Maps:
        """The maps of images whose sides are multiples of the network's stride."""
        ...


def as_bytes(pixels: Tensor) -> Tensor:
    """`Runtime.images` of a network that takes bytes."""
    return pixels.permute(0, 3, 1, 2)


def maps_of(outputs: Sequence[Tensor], images: Tensor, facts: NetworkFacts) -> Maps:
    """The outputs of an exported network: logits, and the features' map where it has one.

    Raises:
        ValueError: If a shape or type is not as `facts` has it: the file is not what it says.
    """
    sizes = (len(images), images.shape[2], images.shape[3])
    heads = len(facts.strides)
    for head, found in enumerate(outputs[:heads]):
        expected = facts.map_shape(head, sizes)
        if tuple(found.shape) != expected or not found.is_floating_point():
            raise ValueError(
                f"exported network: output {head}: expected numbers of shape {expected}, found "
                f"{tuple(found.shape)} {found.dtype}"
            )
    return Maps(outputs[:heads], outputs[heads] if len(outputs) > heads else None)
