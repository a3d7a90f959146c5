"""Finished tracks, their gaps filled and their paths smoothed; offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from rich.console import Console
from rich.progress import track

from tracking.mot import MotRows
from tracking.tracks import Float64Array, Tracks
from tracking.view_path import view_path

FILLED_SCORE = 0.0
"""The score of a box that no detection fed."""

_AGILITY = np.array([2e-4, 2e-4, 2e-5, 2e-5])
"""Variance by which the speeds of centre and size change in a frame, in the object's own size.

Measured on true tracks with noise between 0.4 and 8 % of the size: three times as much smooths
less where noise is strong, a third of it bends boxes more that had hardly any.
"""

_DRIFT = np.array([[1 / 3, 1 / 2], [1 / 2, 1.0]])
"""Covariance of place and speed after a frame of white acceleration."""

_LEAST_NOISE = 1e-8
_FIRST_VARIANCE = 1.0

_Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class RefineConfig:
    """How finished tracks are refined.

    Attributes:
        max_gap: Missing frames in a row that are filled at most; a longer gap stays as it is.
    """

    max_gap: Annotated[int, Field(ge=0, le=10_000_000)] = 20


def refine(rows: MotRows, config: RefineConfig) -> MotRows:
    """The tracks with short gaps filled and boxes smoothed, by frame and then by id.

    Both pieces beside a gap longer than `max_gap` are refined each by itself, under one id. A
    filled box lies on the straight line between the smoothed boxes at the gap's ends, or on
    the view's path where the view jumps; its score is 0 and its class that of the box before the
    gap. Nothing is added before a track's first box or behind its last. A piece of one box stays as
    it is, and no smoothed side is shorter or longer than the piece's own boxes have it.

    A Rauch-Tung-Striebel smoother (Rauch et al., 1965) with nearly constant speed runs over each
    piece, in the size of its object. The noise of places and sizes is estimated from all tracks
    together, so boxes that hardly jitter hardly move. It takes some 30 s for a million boxes.

    Args:
        rows: With ids.
        config: How far to go.

    Raises:
        ValueError: If a box has no id, or an id occurs twice in a frame.
    """
    _check(rows)
    if not len(rows):
        return rows
    order = np.lexsort((rows.frames, rows.ids))
    rows = rows[order]
    places = _places(rows.boxes)
    path = view_path(rows.frames, rows.ids, places[:, :2])
    places[:, :2] -= path[rows.frames]
    noise = _noise(rows, places)
    joined = (np.diff(rows.ids) == 0) & (np.diff(rows.frames) <= config.max_gap + 1)
    ends = [0, *(np.flatnonzero(~joined) + 1).tolist(), len(rows)]
    pieces = [
        _refine_piece(rows[a:b], places[a:b], noise, path)
        for a, b in _with_progress(list(pairwise(ends)))
    ]
    return _by_frame(pieces)


def rows_of(frames: Iterable[tuple[int, Tracks]]) -> MotRows:
    """The boxes that detections fed, of tracks frame by frame, ascending; NaN is left out."""
    shown = [
        (number, tracks[(tracks.detection >= 0) & np.isfinite(tracks.boxes).all(axis=1)])
        for number, tracks in frames
    ]
    counts = [len(tracks) for _, tracks in shown]
    none = Tracks.empty()
    every = [none, *(tracks for _, tracks in shown)]
    return MotRows(
        np.repeat(np.array([number for number, _ in shown], np.int64), counts),
        np.concatenate([tracks.ids for tracks in every]),
        np.concatenate([tracks.boxes for tracks in every]),
        np.concatenate([tracks.scores for tracks in every]),
        np.concatenate([tracks.classes for tracks in every]),
    )


def frames_of(rows: MotRows) -> Iterator[tuple[int, Tracks]]:
    """The number and the tracks of each frame from the first to the last, empty ones too."""
    first = rows.first_frame
    ends = np.searchsorted(rows.frames, np.arange(first, rows.last_frame + 2))
    for number, (a, b) in enumerate(pairwise(ends.tolist()), start=first):
        unfed = np.full(b - a, -1, np.int64)
        yield (
            number,
            Tracks(rows.ids[a:b], rows.boxes[a:b], rows.classes[a:b], rows.scores[a:b], unfed),
        )


def _check(rows: MotRows) -> None:
    if (rows.ids < 0).any():
        frame = int(rows.frames[rows.ids < 0][0])
        raise ValueError(f"frame {frame}: a box without an id; only tracks can be refined")
    pairs = np.stack((rows.frames, rows.ids), axis=1)
    unique, counts = np.unique(pairs, axis=0, return_counts=True)
    if (counts > 1).any():
        frame, track_id = unique[counts > 1][0].tolist()
        raise ValueError(f"frame {frame}: id {track_id} occurs twice; a track has one box a frame")


def _places(boxes: Float64Array) -> Float64Array:
    """`(N, 4)` centre x, centre y, width and height."""
    start, end = boxes[:, :2], boxes[:, 2:]
    return np.concatenate(((start + end) / 2, end - start), axis=1)


def _scale(places: Float64Array) -> Float64Array:
    """`(N,)` sizes of the objects, at least a pixel."""
    return np.maximum(np.sqrt(np.abs(places[:, 2] * places[:, 3])), 1.0)


def _noise(rows: MotRows, places: Float64Array) -> Float64Array:
    """`(4,)` variances of centre and size, from their second differences, in the object's size.

    Jittering edges move a box's centre less than they change its size. Where centres jitter
    more, the view or the objects do, and the centres are left alone.
    """
    inner = (rows.ids[2:] == rows.ids[:-2]) & (rows.frames[2:] - rows.frames[:-2] == 2)
    change = (np.diff(places, 2, axis=0) / _scale(places[1:-1])[:, None])[inner]
    if not len(change):
        return np.full(4, _LEAST_NOISE)
    centre, size = (1.4826 * np.median(np.abs(part)) for part in (change[:, :2], change[:, 2:]))
    squares = np.array([centre, centre, size, size]) ** 2
    # Second differences have 6 times the variance of the noise, and the accelerations' on top.
    noise = np.maximum((squares - _AGILITY * (2 / 3)) / 6, _LEAST_NOISE)
    if noise[0] > noise[2]:
        noise[:2] = _LEAST_NOISE
    noise[:2] = np.minimum(noise[:2], noise[2:] / 3)
    return np.asarray(noise)


def _with_progress(pieces: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    console = Console(stderr=True)
    yield from track(
        pieces, "refining", console=console, transient=True, disable=not console.is_terminal
    )


def _refine_piece(
    rows: MotRows, places: Float64Array, noise: Float64Array, path: Float64Array
) -> MotRows:
    """One track from its first to its last frame, without a hole.

    Args:
        rows: Of one id, by ascending frame.
        places: `(N, 4)`, their centres without the view's path, and their sizes.
        noise: `(4,)` variances in the object's size.
        path: Of the view.
    """
    if len(rows) < 2:
        return rows
    frames = np.arange(rows.frames[0], rows.frames[-1] + 1)
    found = np.isin(frames, rows.frames)
    scale = float(np.median(_scale(places)))
    smooth = _smooth(places / scale, found, noise) * scale
    smooth[:, 2:] = np.clip(smooth[:, 2:], places[:, 2:].min(axis=0), places[:, 2:].max(axis=0))
    full = np.stack([np.interp(frames, rows.frames, side) for side in smooth.T], axis=1)
    full[:, :2] += path[frames]
    half = full[:, 2:] / 2
    before = np.cumsum(found) - 1
    return MotRows(
        frames=frames,
        ids=rows.ids[before],
        boxes=np.concatenate((full[:, :2] - half, full[:, :2] + half), axis=1),
        scores=np.where(found, rows.scores[before], FILLED_SCORE),
        classes=rows.classes[before],
    )


def _smooth(places: Float64Array, found: _Mask, noise: Float64Array) -> Float64Array:
    """`(N, 4)`: the places as all of them together tell; `found` says which frames have one."""
    # Loading it takes more than a second.
    from filterpy.kalman import KalmanFilter

    count = places.shape[1]
    kalman = KalmanFilter(dim_x=2 * count, dim_z=count)
    kalman.F = np.kron(np.eye(count), [[1.0, 1.0], [0.0, 1.0]])
    kalman.H = np.kron(np.eye(count), [[1.0, 0.0]])
    kalman.Q = np.kron(np.diag(_AGILITY), _DRIFT)
    kalman.R = np.diag(noise)
    kalman.P *= _FIRST_VARIANCE
    kalman.x[::2, 0] = places[0]
    measured: list[Float64Array | None] = [None] * len(found)
    for frame, place in zip(np.flatnonzero(found).tolist(), places, strict=True):
        measured[frame] = place[:, None]
    means, covariances, _, _ = kalman.batch_filter(measured)
    smooth, _, _, _ = kalman.rts_smoother(means, covariances)
    return np.asarray(smooth[found, ::2, 0])


def _by_frame(pieces: Sequence[MotRows]) -> MotRows:
    rows = MotRows(
        np.concatenate([piece.frames for piece in pieces]),
        np.concatenate([piece.ids for piece in pieces]),
        np.concatenate([piece.boxes for piece in pieces]),
        np.concatenate([piece.scores for piece in pieces]),
        np.concatenate([piece.classes for piece in pieces]),
    )
    return rows[np.lexsort((rows.ids, rows.frames))]
