"""The matching of greatest weight among few pairs, if it is the only one of its weight."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from tracking.overlap import Intp, Pairs
from tracking.tracks import Float64Array

EQUAL = 1e-9
"""Weights that differ by less may be equal in the reference's own arithmetic."""

_ONE_TABLE = 4096
"""Up to this many cells one table is quicker than one for each connected component."""


def heaviest(pairs: Pairs, weights: Float64Array) -> Intp | None:
    """Positions of the pairs in the matching of greatest weight; `None` if it is not unique.

    Pairs that no matching can do without are taken first; only what is left is solved.
    """
    taken, left = take_certain(pairs, weights, 0.0)
    if not len(left):
        return taken
    rest = _by_component(pairs.rows[left], pairs.cols[left], weights[left])
    return None if rest is None else np.concatenate((taken, left[rest]))


def take_certain(pairs: Pairs, weights: Float64Array, limit: float) -> tuple[Intp, Intp]:
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
    return np.asarray(top[spare > EQUAL])


def _by_component(rows: Intp, cols: Intp, weights: Float64Array) -> Intp | None:
    """As `heaviest`, by the solver, for each connected component of the pairs."""
    all_rows, row = np.unique(rows, return_inverse=True)
    all_cols, col = np.unique(cols, return_inverse=True)
    if len(all_rows) * len(all_cols) <= _ONE_TABLE:
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


def _solve(table: Float64Array, where: tuple[Intp, Intp]) -> Intp | None:
    """Positions within `where` of the cheapest assignment; `None` if it is not unique."""
    col_of_row = unique(table, where)
    return None if col_of_row is None else (col_of_row[where[0]] == where[1]).nonzero()[0]


def unique(table: Float64Array, where: tuple[Intp, Intp]) -> Intp | None:
    """Columns of the cheapest assignment, -1 for rows left out; `None` if it is not unique.

    Were there another of equal cost with other pairs of those in `where`, a slight rise in the
    cost of the first's would make the solver prefer it.
    """
    first = _col_of_row(table)
    rows, cols = where
    chosen = first[rows] == cols
    table[rows[chosen], cols[chosen]] += EQUAL
    again = _col_of_row(table)
    return first if ((again[rows] == cols) == chosen).all() else None


def _col_of_row(table: Float64Array) -> Intp:
    # A unique answer does not depend on the solver; on tables far from square this one is
    # quicker than lap (41 x 686: 0.5 against 12 ms).
    rows, cols = linear_sum_assignment(table)
    col_of_row = np.full(len(table), -1)
    col_of_row[rows] = cols
    return col_of_row
