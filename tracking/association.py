"""Assignment of boxes to boxes: the two kinds that trackers use.

Both look for the matching of greatest total weight among few pairs, so pairs that no matching
can do without are taken first, and only what is left goes to the solver, one connected component
at a time. Where several matchings are equally good, the reference's result is whatever its solver
does with its whole matrix; then, and for small problems, that very matrix is solved.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import lap
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tracking.overlap import Intp, Pairs
from tracking.tracks import Float64Array

Matches: TypeAlias = tuple[Intp, Intp]
"""Rows and columns of the pairs that are matched, by ascending row."""

_WHOLE = 4096
"""Up to this many cells the whole matrix is quicker (64 x 64: 0.04 ms)."""

_EQUAL = 1e-9
"""Weights that differ by less may be equal in the reference's own arithmetic."""


def assign_all(pairs: Pairs) -> tuple[Intp, Intp, Float64Array]:
    """Kind A: rows, columns and IoUs of the assignment of greatest total IoU, by ascending row.

    Pairs below the caller's threshold take part, and may keep a better pair out; the caller
    drops them afterwards. Pairs without overlap add nothing and may be among the result.
    """
    chosen: Intp | None = None
    if pairs.shape[0] * pairs.shape[1] > _WHOLE and not np.isnan(pairs.ious).any():
        chosen = _heaviest(pairs, pairs.ious)
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
    taken, left = _take_certain(pairs, weights, bonus.limit)
    free_rows, free_cols = np.ones(pairs.shape[0], bool), np.ones(pairs.shape[1], bool)
    free_rows[pairs.rows[taken]] = False
    free_cols[pairs.cols[taken]] = False
    rows, cols = free_rows.nonzero()[0], free_cols.nonzero()[0]
    row, col = np.searchsorted(rows, pairs.rows[left]), np.searchsorted(cols, pairs.cols[left])
    ious = np.zeros((len(rows), len(cols)))
    ious[row, col] = pairs.ious[left]
    col_of_row = _unique(-(ious + bonus.table(rows, cols)), (row, col))
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
        pairs: The overlapping pairs; any other pair costs 1.
        costs: `(P,)`, one for each pair.
        limit: At most 1.
    """
    if limit < 1:
        gains = limit - costs
        useful = (gains > -_EQUAL).nonzero()[0]
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
    if gains.min() < _EQUAL:
        return None  # a pair that costs exactly the limit is as good as none
    if np.bincount(rows).max() == 1 and np.bincount(cols).max() == 1:
        return useful
    if pairs.shape[0] * pairs.shape[1] <= _WHOLE:
        return None
    chosen = _heaviest(Pairs(pairs.shape, rows, cols, gains), gains)
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


def _heaviest(pairs: Pairs, weights: Float64Array) -> Intp | None:
    """Positions of the pairs in the matching of greatest weight; `None` if it is not unique."""
    taken, left = _take_certain(pairs, weights, 0.0)
    if not len(left):
        return taken
    rest = _by_component(pairs.rows[left], pairs.cols[left], weights[left])
    return None if rest is None else np.concatenate((taken, left[rest]))


def _take_certain(pairs: Pairs, weights: Float64Array, limit: float) -> tuple[Intp, Intp]:
    """Positions of pairs that every heaviest matching contains, and of those still possible.

    Args:
        pairs: The pairs.
        weights: `(P,)`, theirs.
        limit: No other pair weighs more than this, or less than its negative.
    """
    # Ascending weight: of several writes to one place, the heaviest pair's is the last.
    left = np.argsort(weights)
    taken = [left[:0]]
    while len(left):
        rows, cols = pairs.rows[left], pairs.cols[left]
        certain = _certain(rows, cols, weights[left], pairs.shape, limit)
        if not len(certain):
            break
        taken.append(left[certain])
        free_rows, free_cols = np.ones(pairs.shape[0], bool), np.ones(pairs.shape[1], bool)
        free_rows[rows[certain]] = False
        free_cols[cols[certain]] = False
        left = left[free_rows[rows] & free_cols[cols]]
    return np.concatenate(taken), left


def _certain(
    rows: Intp, cols: Intp, weights: Float64Array, shape: tuple[int, int], limit: float
) -> Intp:
    """Positions of pairs that every heaviest matching contains.

    Taking a pair costs at most the next best of its row and the next best of its column, and
    leaves those to each other, for `-limit` at worst; if it weighs more than all that, no
    matching does well without it.
    """
    position = np.arange(len(weights))
    top_of_row, top_of_col = np.zeros(shape[0], np.intp), np.zeros(shape[1], np.intp)
    top_of_row[rows] = position
    top_of_col[cols] = position
    top = ((top_of_row[rows] == position) & (top_of_col[cols] == position)).nonzero()[0]
    next_of_row, next_of_col = np.full(shape[0], limit), np.full(shape[1], limit)
    other = top_of_row[rows] != position
    next_of_row[rows[other]] = np.maximum(weights[other], limit)
    other = top_of_col[cols] != position
    next_of_col[cols[other]] = np.maximum(weights[other], limit)
    spare: Float64Array = weights[top] - next_of_row[rows[top]] - next_of_col[cols[top]] - limit
    return np.asarray(top[spare > _EQUAL])


def _by_component(rows: Intp, cols: Intp, weights: Float64Array) -> Intp | None:
    """As `_heaviest`, by the solver, for each connected component of the pairs."""
    all_rows, row = np.unique(rows, return_inverse=True)
    all_cols, col = np.unique(cols, return_inverse=True)
    if len(all_rows) * len(all_cols) <= _WHOLE:
        table = np.zeros((len(all_rows), len(all_cols)))
        table[row, col] = -weights
        return _solve(table, (row, col))
    count = len(all_rows) + len(all_cols)
    graph = csr_array((np.ones(len(row)), (row, col + len(all_rows))), shape=(count, count))
    components, label = connected_components(graph, directed=False)
    row_label, col_label = np.split(label.astype(np.intp), [len(all_rows)])
    place_of_row, height = _places(row_label, components)
    place_of_col, width = _places(col_label, components)
    of_pair = row_label[row]
    order = np.argsort(of_pair, kind="stable")
    ends = np.cumsum(np.bincount(of_pair, minlength=components))
    taken = []
    begin = 0
    for component, end in enumerate(ends.tolist()):
        edges = order[begin:end]
        begin = end
        table = np.zeros((height[component], width[component]))
        where = (place_of_row[row[edges]], place_of_col[col[edges]])
        table[where] = -weights[edges]
        chosen = _solve(table, where)
        if chosen is None:
            return None
        taken.append(edges[chosen])
    return np.concatenate(taken)


def _places(label: Intp, components: int) -> tuple[Intp, Intp]:
    """Each node's place within its component, and the size of each component."""
    sizes = np.bincount(label, minlength=components)
    order = np.argsort(label, kind="stable")
    place = np.empty(len(label), np.intp)
    place[order] = np.arange(len(label)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place, sizes


def _solve(table: Float64Array, where: Matches) -> Intp | None:
    """Positions within `where` of the cheapest assignment; `None` if it is not unique."""
    col_of_row = _unique(table, where)
    return None if col_of_row is None else (col_of_row[where[0]] == where[1]).nonzero()[0]


def _unique(table: Float64Array, where: Matches) -> Intp | None:
    """Columns of the cheapest assignment, -1 for rows left out; `None` if it is not unique.

    Were there another of equal cost with other pairs of those in `where`, a slight rise in the
    cost of the first's would make the solver prefer it.
    """
    first = _col_of_row(table)
    rows, cols = where
    chosen = first[rows] == cols
    table[rows[chosen], cols[chosen]] += _EQUAL
    again = _col_of_row(table)
    return first if ((again[rows] == cols) == chosen).all() else None


def _col_of_row(table: Float64Array) -> Intp:
    # A unique answer does not depend on the solver; on tables far from square this one is
    # quicker than lap (41 x 686: 0.5 against 12 ms).
    rows, cols = linear_sum_assignment(table)
    col_of_row = np.full(len(table), -1)
    col_of_row[rows] = cols
    return col_of_row
