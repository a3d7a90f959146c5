"""Which boxes of different tiles are one object, given how well each two agree."""

from __future__ import annotations

import numpy as np

from detector.detections import IntArray
from detector.inference.rectangles import Float64Array, Mask


def group_boxes(tile: IntArray, i: IntArray, j: IntArray, agreement: Float64Array) -> IntArray:
    """`(N,)` first row of each row's group; a group has at most one row of each tile.

    Rows that agree are one group. Where that would bring two rows of one tile together, the
    links are taken best first, and one that joins groups with a tile in common is left out.

    Args:
        tile: `(N,)` tile of each row.
        i: `(P,)` rows that agree with those of `j`; a row by itself needs no entry.
        j: `(P,)` rows of other tiles.
        agreement: `(P,)`, larger is better; of equal ones the first rows go first.
    """
    group = _components(len(tile), i, j)
    linked = np.zeros(len(tile), np.bool_)
    linked[i] = linked[j] = True
    members = np.flatnonzero(linked)
    keys = group[members] * (int(tile.max()) + 1) + tile[members]
    clashing = np.zeros(len(tile), np.bool_)
    clashing[group[members[_is_repeated(keys)]]] = True
    if not clashing.any():
        return group
    links = np.flatnonzero(clashing[group[i]])
    best_first = links[np.lexsort((j[links], i[links], -agreement[links]))]
    fits = ~clashing[group[i]]
    fits[best_first[_without_clash(tile, i[best_first], j[best_first])]] = True
    return _components(len(tile), i[fits], j[fits])


def _is_repeated(keys: IntArray) -> Mask:
    """Which entries have a value that occurs more than once."""
    return np.bincount(keys)[keys] > 1


def _components(count: int, i: IntArray, j: IntArray) -> IntArray:
    """`(count,)` lowest row that each row is linked to, directly or through others."""
    lowest = np.arange(count)
    while True:
        link = np.minimum(lowest[i], lowest[j])
        if np.array_equal(link, lowest[i]) and np.array_equal(link, lowest[j]):
            return lowest
        np.minimum.at(lowest, i, link)
        np.minimum.at(lowest, j, link)


def _without_clash(tile: IntArray, i: IntArray, j: IntArray) -> Mask:
    """Which links, best first, join groups that have no tile in common."""
    members = {row: {row} for row in np.union1d(i, j).tolist()}
    fits = np.zeros(len(i), np.bool_)
    for link, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
        first, second = members[a], members[b]
        if not {int(tile[row]) for row in first} & {int(tile[row]) for row in second}:
            fits[link] = True
            first |= second
            members.update(dict.fromkeys(second, first))
    return fits
