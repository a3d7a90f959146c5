"""The appearance vectors that tracks have had lately."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracking.overlap import Intp
from tracking.tracks import Float64Array

Vectors: TypeAlias = NDArray[np.float32]


class Gallery:
    """The newest vectors of each track, each track in a slot of its own.

    Slots are used again, so memory stays at what the most tracks at one time have needed.

    Args:
        budget: Vectors kept of each track.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._vectors: Vectors = np.zeros((0, budget, 0), np.float32)
        self._counts: Intp = np.zeros(0, np.intp)
        self._free: Intp = np.zeros(0, np.intp)

    def open(self, count: int) -> Intp:
        """Slots for so many new tracks."""
        if count > len(self._free):
            self._grow(count - len(self._free))
        slots, self._free = np.split(self._free, [count])
        self._counts[slots] = 0
        return slots

    def close(self, slots: Intp) -> None:
        """Forgets these tracks."""
        self._free = np.concatenate((self._free, slots))

    def add(self, slots: Intp, vectors: Vectors) -> None:
        """A new vector for each of these tracks, over its oldest if there are enough."""
        if not len(slots):
            return
        if self._vectors.shape[2] != vectors.shape[1]:
            if self._counts.any():
                held = self._vectors.shape[2]
                raise ValueError(f"features: {vectors.shape[1]} numbers, and {held} before")
            self._vectors = np.zeros((*self._vectors.shape[:2], vectors.shape[1]), np.float32)
        self._vectors[slots, self._counts[slots] % self._budget] = vectors
        self._counts[slots] += 1

    def distances(self, slots: Intp, vectors: Vectors) -> Float64Array:
        """`(P,)`: 1 - cosine of each vector to the nearest of the track in its slot.

        Args:
            slots: `(P,)`, of tracks that have a vector.
            vectors: `(P, D)`, of length 1.
        """
        nearest = np.empty(len(slots))
        # A slot's vectors stay where they are: a product for each track, not a copy of them.
        order = np.argsort(slots, kind="stable")
        unique, begin = np.unique(slots[order], return_index=True)
        bounds = pairwise([*begin.tolist(), len(slots)])
        for slot, (a, b) in zip(unique.tolist(), bounds, strict=True):
            held = self._vectors[slot, : self._counts[slot]]
            nearest[order[a:b]] = 1 - (held @ vectors[order[a:b]].T).max(axis=0)
        return nearest

    def _grow(self, least: int) -> None:
        old = len(self._counts)
        new = max(least, old)
        more = np.zeros((new, *self._vectors.shape[1:]), np.float32)
        self._vectors = np.concatenate((self._vectors, more))
        self._counts = np.concatenate((self._counts, np.zeros(new, np.intp)))
        self._free = np.concatenate((self._free, np.arange(old, old + new)))
