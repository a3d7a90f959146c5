"""What networks find in images, before suppression, on the networks' device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from detector.inference.tensors import take


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes of any number of images, row by row.

    Attributes:
        boxes: `(N, 4)` float32, `x1, y1, x2, y2` in pixels.
        scores: `(N,)` float32.
        class_ids: `(N,)` int64.
        image: `(N,)` int64, the image that each box is in, from 0.
        source: `(N,)` int64, the model's view that found it, from 0.
        features: `(N, D)` float32, how each object looks; `None` where nobody asked.
    """

    boxes: Tensor
    scores: Tensor
    class_ids: Tensor
    image: Tensor
    source: Tensor
    features: Tensor | None = None

    @classmethod
    def empty(cls) -> Candidates:
        """None, on the CPU."""
        none = torch.zeros(0, dtype=torch.int64)
        return cls(torch.zeros(0, 4), torch.zeros(0), none, none, none)

    @classmethod
    def join(cls, parts: Sequence[Candidates]) -> Candidates:
        """All of them, one after another."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.empty()
        columns = [[getattr(part, field.name) for part in parts] for field in fields(cls)]
        joined: list[Any] = [None if column[0] is None else torch.cat(column) for column in columns]
        return cls(*joined)

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, rows: Tensor) -> Candidates:
        """The rows of an int64 index."""
        columns: list[Any] = [getattr(self, field.name) for field in fields(self)]
        taken: list[Any] = [None if column is None else take(column, rows) for column in columns]
        return Candidates(*taken)

    def group(self, *, class_aware: bool) -> Tensor:
        """`(N,)` int64, equal for boxes that may be one object."""
        if not class_aware or len(self) == 0:
            return self.image
        return self.image * (self.class_ids.max() + 1) + self.class_ids
