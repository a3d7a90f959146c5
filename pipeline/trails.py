"""Where each track was in the last moments."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from tracking.tracks import Float64Array, Tracks

STEPS = 9
"""Positions kept of each track beside the newest; enough for a smooth curve."""


class Trails:
    """Remembers box centres for a while and forgets the ids that are not seen.

    Positions are kept `length_s / STEPS` apart, so memory is bounded at any frame rate.

    Args:
        length_s: How far a trail reaches back, in seconds of video time. It is short because
            positions are image pixels: a moving camera smears those of standing objects.
    """

    def __init__(self, length_s: float = 1.5) -> None:
        self._length_s = length_s
        self._past: deque[tuple[float, NDArray[np.int64], Float64Array]] = deque()

    def add(self, time_s: float, tracks: Tracks) -> None:
        """Remembers the positions at a time; a time before the newest starts anew."""
        past = self._past
        if past and time_s < past[-1][0]:
            past.clear()
        while past and past[0][0] < time_s - self._length_s:
            past.popleft()
        if past and time_s - past[-1][0] < self._length_s / STEPS - 1e-6:
            return
        order = np.argsort(tracks.ids)
        boxes = tracks.boxes[order]
        past.append((time_s, tracks.ids[order], (boxes[:, :2] + boxes[:, 2:]) / 2))

    def points(self, tracks: Tracks) -> Float64Array:
        """The path of each track that a frame shows, from its box's centre back in time.

        Where a track was not seen, its next newer position is repeated.

        Returns:
            `(M, T, 2)` x, y in pixels; `T` is 1 if nothing is remembered.
        """
        centres = (tracks.boxes[:, :2] + tracks.boxes[:, 2:]) / 2
        path = [centres]
        for _, ids, positions in reversed(self._past):
            newer = path[-1]
            if not len(ids):
                path.append(newer)
                continue
            row = np.minimum(np.searchsorted(ids, tracks.ids), len(ids) - 1)
            known = ids[row] == tracks.ids
            path.append(np.where(known[:, None], positions[row], newer))
        return np.stack(path, axis=1)
