"""The path of a jumping view, as finished tracks tell it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.detections import IntArray
from tracking.tracks import Float64Array

_LEAST_TRACKS = 3
"""Fewer tracks in a frame do not tell the view's jump from their own."""

_MEDIAN_VARIANCE = 1.57
"""Variance of the median of many normal numbers, over that of their mean."""


def view_path(frames: IntArray, ids: IntArray, centres: Float64Array) -> Float64Array:
    """Where the view has drifted to by each frame, if it jumps; else zeros.

    The view jumps if the tracks change their speeds together, by more than their own noise
    explains. Each step of its path is then the median of the tracks' steps.

    Args:
        frames: `(N,)`, from 0, ascending within each track.
        ids: `(N,)`, ascending.
        centres: `(N, 2)`, of the boxes.

    Returns:
        `(last frame + 1, 2)` pixels.
    """
    length = int(frames.max(initial=-1)) + 1
    path = np.zeros((length, 2))
    joined = (np.diff(ids) == 0) & (np.diff(frames) == 1)
    steps, at = np.diff(centres, axis=0)[joined], frames[1:][joined]
    if not _jumps(centres, joined, frames):
        return path
    order = np.argsort(at, kind="stable")
    steps, at = steps[order], at[order]
    known, begin = np.unique(at, return_index=True)
    medians = [np.median(steps[a:b], axis=0) for a, b in pairwise([*begin, len(at)])]
    # A step that no track spans is taken to be like those about it.
    for axis, values in enumerate(np.array(medians).T):
        path[:, axis] = np.cumsum(np.interp(np.arange(length), known, values))
    return path


def _jumps(centres: Float64Array, joined: NDArray[np.bool_], frames: IntArray) -> bool:
    """Whether most of what the tracks' median speeds change by is no noise of the median."""
    inner = np.flatnonzero(joined[1:] & joined[:-1]) + 1
    change = centres[inner + 1] - 2 * centres[inner] + centres[inner - 1]
    order = np.argsort(frames[inner], kind="stable")
    change, at = change[order], frames[inner][order]
    _, begin = np.unique(at, return_index=True)
    seen = noise = 0.0
    for a, b in pairwise([*begin, len(at)]):
        count = b - a
        if count < _LEAST_TRACKS:
            continue
        common = np.median(change[a:b], axis=0)
        spread = np.median(np.abs(change[a:b] - common), axis=0) * 1.4826
        seen += (common**2).sum()
        noise += _MEDIAN_VARIANCE * (spread**2).sum() / (count - 1)
    return seen > 2 * noise
