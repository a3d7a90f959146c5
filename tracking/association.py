"""Assignment of boxes to boxes: the two kinds that trackers use.

Both look for the matching of greatest total weight among few pairs. Where several matchings are
equally good, the reference's result is whatever its solver does with its whole matrix; then, and
for small problems, that very matrix is solved.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import lap
import numpy as np

from tracking.heaviest import EQUAL, heaviest, take_certain, unique
from tracking.overlap import Intp, Pairs
from tracking.tracks import Float64Array

Matches: TypeAlias = tuple[Intp, Intp]
"""Rows and columns of the pairs that are matched, by ascending row."""

_WHOLE = 4096
"""Up to this many cells the whole matrix is quicker (64 x 64: 0.04 ms)."""


class Split(NamedTuple):
    """Tracks and detections that are matched, and what both sides have left.

    Attributes:
        rows: The tracks that are fed.
        fed: What feeds each of them.
        rows_left: The other tracks that took part.
        left: The other detections that took part.
    """

    rows: Intp
    fed: Intp
    rows_left: Intp
    left: Intp


def split(rows: Intp, candidates: Intp, found: Matches) -> Split:
    """What an assignment among some tracks and some detections makes of them.

    Args:
        rows: Of the tracks that take part.
        candidates: The detections that take part.
        found: Places in `rows` and in `candidates`.
    """
    row, col = found
    row_left, left = np.ones(len(rows), bool), np.ones(len(candidates), bool)
    row_left[row] = False
    left[col] = False
    return Split(rows[row], candidates[col], rows[row_left], candidates[left])


def assign_all(pairs: Pairs) -> tuple[Intp, Intp, Float64Array]:
    """Kind A: rows, columns and IoUs of the assignment of greatest total IoU, by ascending row.

    Pairs below the caller's threshold take part, and may keep a better pair out; the caller
    drops them afterwards. Pairs without overlap add nothing and may be among the result.
    """
    chosen: Intp | None = None
    if pairs.shape[0] * pairs.shape[1] > _WHOLE and not np.isnan(pairs.ious).any():
        chosen = heaviest(pairs, pairs.ious)
    if chosen is not None:
        chosen = chosen[np.argsort(pairs.rows[chosen])]
        return pairs.rows[chosen], pairs.cols[chosen], pairs.ious[chosen]
    matrix = np.zeros(pairs.shape)
    matrix[pairs.rows, pairs.cols] = -pairs.ious
    rows, cols = _solve_whole(matrix, np.inf)
    return rows, cols, -matrix[rows, cols]


class Bonus(Protocol):
    """What each pair of a row and a column weighs beside its IoU.

    Attributes:
        limit: No pair weighs more, for good or bad.
    """

    limit: float

    def table(self, rows: Intp, cols: Intp) -> Float64Array:
        """`(R, C)`: of these rows by these columns."""
        ...

    def at(self, rows: Intp, cols: Intp) -> Float64Array:
        """`(P,)`: of pairs."""
        ...


def assign_with_bonus(pairs: Pairs, bonus: Bonus) -> tuple[Intp, Intp, Float64Array]:
    """As `assign_all`, where all pairs, overlapping or not, have a bonus beside the IoU."""
    if pairs.shape[0] * pairs.shape[1] > _WHOLE and not np.isnan(pairs.ious).any():
        found = _with_bonus(pairs, bonus)
        if found is not None:
            return found
    ious = np.zeros(pairs.shape)
    ious[pairs.rows, pairs.cols] = pairs.ious
    everything = np.arange(pairs.shape[0]), np.arange(pairs.shape[1])
    rows, cols = _solve_whole(-(ious + bonus.table(*everything)), np.inf)
    return rows, cols, ious[rows, cols]


def _with_bonus(pairs: Pairs, bonus: Bonus) -> tuple[Intp, Intp, Float64Array] | None:
    """As `assign_with_bonus`; `None` if the best is not unique among overlapping pairs."""
    weights = pairs.ious + bonus.at(pairs.rows, pairs.cols)
    taken, left = take_certain(pairs, weights, bonus.limit)
    free_rows, free_cols = np.ones(pairs.shape[0], bool), np.ones(pairs.shape[1], bool)
    free_rows[pairs.rows[taken]] = False
    free_cols[pairs.cols[taken]] = False
    rows, cols = free_rows.nonzero()[0], free_cols.nonzero()[0]
    row, col = np.searchsorted(rows, pairs.rows[left]), np.searchsorted(cols, pairs.cols[left])
    ious = np.zeros((len(rows), len(cols)))
    ious[row, col] = pairs.ious[left]
    col_of_row = unique(-(ious + bonus.table(rows, cols)), (row, col))
    if col_of_row is None:
        return None
    row = (col_of_row >= 0).nonzero()[0]
    col = col_of_row[row]
    all_rows = np.concatenate((pairs.rows[taken], rows[row]))
    all_cols = np.concatenate((pairs.cols[taken], cols[col]))
    all_ious = np.concatenate((pairs.ious[taken], ious[row, col]))
    order = np.argsort(all_rows)
    return all_rows[order], all_cols[order], all_ious[order]


def assign_below(pairs: Pairs, costs: Float64Array, limit: float) -> Matches:
    """Kind B: the cheapest assignment where each box left alone costs `limit / 2`.

    A pair is worth making only if it costs less than `limit`.

    Args:
        pairs: Those that overlap; any other pair costs 1.
        costs: `(P,)`, one for each pair.
        limit: Above 1, pairs that do not overlap are made as well.
    """
    if limit < 1:
        gains = limit - costs
        useful = (gains > -EQUAL).nonzero()[0]
        if not len(useful):
            return _nothing()
        chosen = _cheapest(pairs, gains, useful)
        if chosen is not None:
            return by_row(pairs.rows[chosen], pairs.cols[chosen])
    matrix = np.ones(pairs.shape)
    matrix[pairs.rows, pairs.cols] = costs
    return _solve_whole(matrix, limit)


def _cheapest(pairs: Pairs, gains: Float64Array, useful: Intp) -> Intp | None:
    """Positions of the pairs that save most; `None` if that is not unique, or not worth it."""
    rows, cols, gains = pairs.rows[useful], pairs.cols[useful], gains[useful]
    if gains.min() < EQUAL:
        return None  # a pair that costs exactly the limit is as good as none
    if np.bincount(rows).max() == 1 and np.bincount(cols).max() == 1:
        return useful
    if pairs.shape[0] * pairs.shape[1] <= _WHOLE:
        return None
    chosen = heaviest(Pairs(pairs.shape, rows, cols, gains), gains)
    return None if chosen is None else useful[chosen]


def _solve_whole(matrix: Float64Array, limit: float) -> Matches:
    """What the reference makes of its cost matrix."""
    if not matrix.size:
        return _nothing()
    _, col_of_row, _ = lap.lapjv(matrix, extend_cost=True, cost_limit=limit)
    rows = (col_of_row >= 0).nonzero()[0]
    return rows, col_of_row[rows].astype(np.intp)


def _nothing() -> Matches:
    return np.zeros(0, np.intp), np.zeros(0, np.intp)


def by_row(rows: Intp, cols: Intp) -> Matches:
    """The pairs in ascending order of rows, each of which occurs once."""
    order = np.argsort(rows)
    return rows[order], cols[order]
