"""Which boxes overlap, and by how much, without looking at all pairs."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tracking.tracks import Float64Array

Intp: TypeAlias = NDArray[np.intp]

Sides: TypeAlias = "Float64Array | tuple[Float64Array, Float64Array]"

DENSE_PAIRS = 8192
"""Up to this many pairs the whole table is quicker than the sweep (100 x 100: equal)."""

_CROWDED = 16
"""Candidates per box along x from which it pays to look at y as well."""


class Pairs(NamedTuple):
    """The pairs of overlapping boxes of two sets; all others have an IoU of 0.

    Attributes:
        shape: Number of boxes in the first and in the second set.
        rows: `(P,)`, index into the first set.
        cols: `(P,)`, index into the second set.
        ious: `(P,)` float64, above 0; NaN for pairs whose areas cancel, so that there is none.
    """

    shape: tuple[int, int]
    rows: Intp
    cols: Intp
    ious: Float64Array


def overlaps(first: Float64Array, second: Float64Array, *, plus_one: bool) -> Pairs:
    """The pairs of overlapping boxes and their IoU, in no stated order.

    Boxes with a NaN overlap nothing. Areas can cancel where one is not positive; counted in
    whole pixels, the reference does not look at such pairs.

    Args:
        first: `(N, 4)` xyxy.
        second: `(M, 4)` xyxy.
        plus_one: Whether widths and heights are counted in whole pixels, `x2 - x1 + 1`, as
            ByteTrack does; boxes that only touch then overlap.

    >>> boxes = np.array([[0.0, 0.0, 10.0, 10.0]])
    >>> overlaps(boxes, boxes + [[5.0, 0.0, 5.0, 0.0]], plus_one=False).ious.round(4).tolist()
    [0.3333]
    >>> overlaps(boxes, boxes + [[5.0, 0.0, 5.0, 0.0]], plus_one=True).ious.round(4).tolist()
    [0.375]
    """
    unit = 1.0 if plus_one else 0.0
    # A side is a contiguous row: x1, y1, x2, y2.
    a, b = np.ascontiguousarray(first.T), np.ascontiguousarray(second.T)
    shape = (a.shape[1], b.shape[1])
    find = _dense if shape[0] * shape[1] <= DENSE_PAIRS else _sparse
    rows, cols, shared = find(a, b, unit)
    area_a, area_b = _areas(a, unit), _areas(b, unit)
    ious = shared / (area_a[rows] + area_b[cols] - shared)
    if not plus_one and ((area_a <= 0).any() or (area_b <= 0).any()):
        void = np.nonzero(area_a[:, None] + area_b == 0)
        rows, cols = np.concatenate((rows, void[0])), np.concatenate((cols, void[1]))
        ious = np.concatenate((ious, np.full(len(void[0]), np.nan)))
    return Pairs(shape, rows, cols, ious)


def all_pairs(pairs: Pairs) -> Pairs:
    """The same, with the pairs that do not overlap as well, at an IoU of 0."""
    ious = np.zeros(pairs.shape)
    ious[pairs.rows, pairs.cols] = pairs.ious
    rows, cols = np.indices(pairs.shape).reshape(2, -1)
    return Pairs(pairs.shape, rows, cols, ious.ravel())


def _common(first: Sides, second: Sides, unit: float) -> Float64Array:
    """Length that intervals (starts, ends) share, not above 0 where they are apart."""
    length = np.minimum(first[1], second[1])
    length -= np.maximum(first[0], second[0])
    if unit:
        length += unit
    return np.asarray(length)


def _areas(sides: Float64Array, unit: float) -> Float64Array:
    size = sides[2:] - sides[:2]
    if unit:
        size += unit
    return np.asarray(size[0] * size[1])


def _dense(a: Float64Array, b: Float64Array, unit: float) -> tuple[Intp, Intp, Float64Array]:
    """The overlapping pairs and the area that each shares, out of the whole table."""
    width, height = _common((a[:2, :, None], a[2:, :, None]), (b[:2, None], b[2:, None]), unit)
    rows, cols = (np.minimum(width, height) > 0).nonzero()
    return rows, cols, width[rows, cols] * height[rows, cols]


def _sparse(a: Float64Array, b: Float64Array, unit: float) -> tuple[Intp, Intp, Float64Array]:
    """The overlapping pairs and the area that each shares, out of those that a sweep finds."""
    sweep = _Sweep(a[::2], b[::2], unit)
    axes = (1, 0)
    if sweep.count > _CROWDED * (a.shape[1] + b.shape[1]):
        other = _Sweep(a[1::2], b[1::2], unit)
        if other.count < sweep.count:
            sweep, axes = other, (0, 1)
    rows, cols = sweep.pairs()
    shared = np.ones(len(rows))
    # The axis not swept comes first: most candidates are apart along it.
    for axis in axes:
        # `take` of a side at a time: twice as quick as fancy indexing of both.
        first = a[axis].take(rows), a[axis + 2].take(rows)
        second = b[axis].take(cols), b[axis + 2].take(cols)
        length = _common(first, second, unit)
        found = (length > 0).nonzero()[0]
        rows, cols, shared = rows[found], cols[found], shared[found] * length[found]
    return rows, cols, shared


class _Sweep:
    """Pairs of intervals (starts, ends) that meet: one of the two starts inside the other."""

    def __init__(self, first: Float64Array, second: Float64Array, unit: float) -> None:
        # Of sorted numbers searchsorted takes half the time.
        self._order = first[0].argsort(), second[0].argsort()
        in_order = first.take(self._order[0], axis=1), second.take(self._order[1], axis=1)
        self._inside_first = _Runs(in_order[0], in_order[1][0], unit, "left")
        # "right" leaves out equal starts, which the other direction has found.
        self._inside_second = _Runs(in_order[1], in_order[0][0], unit, "right")
        self.count = self._inside_first.count + self._inside_second.count

    def pairs(self) -> tuple[Intp, Intp]:
        rows, cols = self._inside_first.expand()
        more_cols, more_rows = self._inside_second.expand()
        rows, cols = np.concatenate((rows, more_rows)), np.concatenate((cols, more_cols))
        return self._order[0].take(rows), self._order[1].take(cols)


class _Runs:
    """For each interval, the points inside it: a run of the sorted points."""

    def __init__(
        self,
        intervals: Float64Array,
        points: Float64Array,
        unit: float,
        side: Literal["left", "right"],
    ) -> None:
        self._begin = points.searchsorted(intervals[0], side)
        ends = points.searchsorted(intervals[1] + unit, "right")
        self._lengths = np.maximum(ends - self._begin, 0)
        self.count = int(self._lengths.sum())

    def expand(self) -> tuple[Intp, Intp]:
        owner = np.arange(len(self._lengths)).repeat(self._lengths)
        shift = self._begin - (self._lengths.cumsum() - self._lengths)
        return owner, np.arange(self.count) + shift.take(owner)
