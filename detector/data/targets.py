"""The objects of a training batch, as the loss takes them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Targets:
    """The objects of a batch, in pixels of the training images.

    Attributes:
        image: `(T,)` int64, index into the batch.
        class_ids: `(T,)` int64.
        boxes: `(T, 4)` float32, centre x, centre y, width, height.
    """

    image: Tensor
    class_ids: Tensor
    boxes: Tensor
