"""Assignment of boxes to boxes: the two kinds that trackers use.

Both look for the matching of greatest total weight among few pairs, so pairs that no matching
can do without are taken first, and only what is left goes to the solver, one connected component
at a time. Where several matchings are equally good, the reference's result is whatever its solver
does with its whole matrix; then, and for small problems, that very matrix is solved.
"""

from __future__ import annotations

from typing import TypeAlias

import lap
import numpy as np
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
    if pairs.shape[0] * pairs.shape[1] > _WHOLE:
        chosen = _heaviest(pairs, pairs.ious)
    if chosen is not None:
        chosen = chosen[np.argsort(pairs.rows[chosen])]
        return pairs.rows[chosen], pairs.cols[chosen], pairs.ious[chosen]
    matrix = np.zeros(pairs.shape)
    matrix[pairs.rows, pairs.cols] = -pairs.ious
    rows, cols = _solve_whole(matrix, np.inf)
    return rows, cols, -matrix[rows, cols]


def assign_below(pairs: Pairs, costs: Float64Array, limit: float) -> Matches:
    """Kind B: the cheapest assignment where each box left alone costs `limit / 2`.

    A pair is worth making only if it costs less than `limit`.

    Args:
        pairs: The overlapping pairs; any other pair costs 1.
        costs: `(P,)`, one for each pair.
        limit: At most 1.
    """
    if limit < 1 and not (costs <= limit).any():
        return _nothing()
    chosen: Intp | None = None
    if pairs.shape[0] * pairs.shape[1] > _WHOLE and limit < 1:
        chosen = _cheapest(pairs, limit - costs)
    if chosen is not None:
        return by_row(pairs.rows[chosen], pairs.cols[chosen])
    matrix = np.ones(pairs.shape)
    matrix[pairs.rows, pairs.cols] = costs
    return _solve_whole(matrix, limit)


def _cheapest(pairs: Pairs, gains: Float64Array) -> Intp | None:
    """Positions of the pairs that save most; `None` if that is not unique."""
    if (np.abs(gains) < _EQUAL).any():
        return None  # a pair that costs exactly the limit is as good as none
    useful = np.flatnonzero(gains > 0)
    some = Pairs(pairs.shape, pairs.rows[useful], pairs.cols[useful], pairs.ious[useful])
    chosen = _heaviest(some, gains[useful])
    return None if chosen is None else useful[chosen]


def _solve_whole(matrix: Float64Array, limit: float) -> Matches:
    """What the reference makes of its cost matrix."""
    if not matrix.size:
        return _nothing()
    _, col_of_row, _ = lap.lapjv(matrix, extend_cost=True, cost_limit=limit)
    rows = np.flatnonzero(col_of_row >= 0)
    return rows, col_of_row[rows].astype(np.intp)


def _nothing() -> Matches:
    return np.zeros(0, np.intp), np.zeros(0, np.intp)


def by_row(rows: Intp, cols: Intp) -> Matches:
    """The pairs in ascending order of rows, each of which occurs once."""
    order = np.argsort(rows)
    return rows[order], cols[order]


def _heaviest(pairs: Pairs, weights: Float64Array) -> Intp | None:
    """Positions of the pairs in the matching of greatest weight; `None` if it is not unique."""
    # Ascending weight: of several writes to one place, the heaviest pair's is the last.
    left = np.argsort(weights)
    taken = []
    while len(left):
        rows, cols = pairs.rows[left], pairs.cols[left]
        certain = _certain(rows, cols, weights[left], pairs.shape)
        if not len(certain):
            rest = _by_component(rows, cols, weights[left])
            if rest is None:
                return None
            taken.append(left[rest])
            break
        taken.append(left[certain])
        free_rows, free_cols = np.ones(pairs.shape[0], bool), np.ones(pairs.shape[1], bool)
        free_rows[rows[certain]] = False
        free_cols[cols[certain]] = False
        left = left[free_rows[rows] & free_cols[cols]]
    return np.concatenate(taken) if taken else np.zeros(0, np.intp)


def _certain(rows: Intp, cols: Intp, weights: Float64Array, shape: tuple[int, int]) -> Intp:
    """Positions of pairs that every heaviest matching contains.

    Taking a pair costs at most the next best of its row and the next best of its column; if
    it weighs more than both together, no matching does well without it.
    """
    position = np.arange(len(weights))
    top_of_row, top_of_col = np.zeros(shape[0], np.intp), np.zeros(shape[1], np.intp)
    top_of_row[rows] = position
    top_of_col[cols] = position
    top = np.flatnonzero((top_of_row[rows] == position) & (top_of_col[cols] == position))
    next_of_row, next_of_col = np.zeros(shape[0]), np.zeros(shape[1])
    other = top_of_row[rows] != position
    next_of_row[rows[other]] = weights[other]
    other = top_of_col[cols] != position
    next_of_col[cols[other]] = weights[other]
    spare = weights[top] - next_of_row[rows[top]] - next_of_col[cols[top]]
    return top[spare > _EQUAL]


def _by_component(rows: Intp, cols: Intp, weights: Float64Array) -> Intp | None:
    """As `_heaviest`, by the solver, for each connected component of the pairs."""
    all_rows, row = np.unique(rows, return_inverse=True)
    all_cols, col = np.unique(cols, return_inverse=True)
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
    """Positions within `where` of the cheapest assignment; `None` if it is not unique.

    Were there another of equal cost, a slight rise in the cost of all pairs of the first would
    make the solver prefer it.
    """
    _, first, _ = lap.lapjv(table, extend_cost=True)
    rows, cols = where
    chosen = first[rows] == cols
    table[rows[chosen], cols[chosen]] += _EQUAL
    _, again, _ = lap.lapjv(table, extend_cost=True)
    return np.flatnonzero(chosen) if ((again[rows] == cols) == chosen).all() else None
