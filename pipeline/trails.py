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


def outside(
    points: Float64Array, boxes: Float64Array
) -> tuple[NDArray[np.intp], NDArray[np.intp], Float64Array, Float64Array]:
    """The segments of paths that move and lie outside their own boxes.

    A segment that leaves its box starts at the box's edge.

    Args:
        points: `(M, T, 2)`, of `Trails.points`.
        boxes: `(M, 4)` x1, y1, x2, y2 in pixels.

    Returns:
        Of each segment the row of its path, its place in the path (0 is the newest), and its
        newer and older end, `(K, 2)` each.
    """
    newer, older = points[:, :-1], points[:, 1:]
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    inside = np.all((points >= low) & (points <= high), axis=2)
    moves = np.abs(older - newer).max(axis=2, initial=0.0) > 0.5
    rows, ages = np.nonzero(moves & ~inside[:, 1:])
    start, end = newer[rows, ages], older[rows, ages]
    step = end - start
    edge = np.where(step > 0, boxes[rows, 2:], boxes[rows, :2])
    reach = np.divide(edge - start, step, out=np.ones_like(step), where=step != 0)
    part = np.where(inside[rows, ages], np.clip(reach.min(axis=1), 0.0, 1.0), 0.0)
    return rows, ages, start + part[:, None] * step, end
