"""What the tiled detector needs of a network, whatever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import torch

from detector.detections import Image
from detector.inference.candidates import Candidates
from detector.inference.tensors import take


class Backend(Protocol):
    """Runs a network on tiles."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, indexed by class id."""
        ...

    @property
    def stride(self) -> int:
        """Tiles with sides that are multiples of this need no padding, in pixels."""
        ...

    @property
    def source_count(self) -> int:
        """Number of passes over each tile, counted by `Candidates.source`."""
        ...

    def infer(self, tiles: Sequence[Image]) -> Candidates:
        """Candidates before suppression, in pixels of their tile, which is their `image`.

        Tiles may differ in size. A candidate has a score of at least the configured confidence,
        and a box inside the tile with positive sides.
        """
        ...


class Ensemble:
    """Several networks that know the same classes, whatever their order.

    Args:
        names: Of the networks, for messages.
        backends: At least one; sources are counted through them in order.

    Raises:
        ValueError: If they know different classes.
    """

    def __init__(self, names: Sequence[str], backends: Sequence[Backend]) -> None:
        self.class_names = backends[0].class_names
        self.stride = max(backend.stride for backend in backends)
        self.source_count = sum(backend.source_count for backend in backends)
        self._backends = backends
        self._class_ids = []
        for name, backend in zip(names, backends, strict=True):
            if sorted(backend.class_names) != sorted(self.class_names):
                raise ValueError(
                    f"{name}: knows {', '.join(backend.class_names)}, but {names[0]} knows "
                    f"{', '.join(self.class_names)}; models that run together know the same"
                )
            ids = [self.class_names.index(one) for one in backend.class_names]
            self._class_ids.append(torch.tensor(ids))

    def infer(self, tiles: Sequence[Image]) -> Candidates:
        """Candidates of all networks."""
        parts, first_source = [], 0
        for backend, ids in zip(self._backends, self._class_ids, strict=True):
            found = backend.infer(tiles)
            class_ids = take(ids.to(found.class_ids.device), found.class_ids)
            source = found.source + first_source
            parts.append(replace(found, class_ids=class_ids, source=source))
            first_source += backend.source_count
        return Candidates.join(parts)
