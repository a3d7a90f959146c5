"""Which boxes of different tiles are one object, given how well each two agree."""

from __future__ import annotations

import numpy as np

from detector.detections import IntArray
from detector.inference.pairs import Float64Array, Mask


def group_boxes(tile: IntArray, i: IntArray, j: IntArray, agreement: Float64Array) -> IntArray:
    """`(N,)` first row of each row's group; a group has at most one row of each tile.

    A row has at most one partner in each other tile: the one it agrees with best, if that one
    agrees best with it. Where such partners chain two rows of one tile together, the links are
    taken best first and the one that would close the chain is left out.

    Args:
        tile: `(N,)` tile of each row.
        i: `(P,)` rows that agree with those of `j`; a row by itself needs no entry.
        j: `(P,)` rows of other tiles.
        agreement: `(P,)`, larger is better.
    """
    tiles = int(tile.max()) + 1
    best_first = np.lexsort((j, i, -agreement))
    i, j = i[best_first], j[best_first]
    mutual = _is_first(i * tiles + tile[j]) & _is_first(j * tiles + tile[i])
    i, j = i[mutual], j[mutual]
    group = _components(len(tile), i, j)
    linked = np.zeros(len(tile), np.bool_)
    linked[i] = linked[j] = True
    members = np.flatnonzero(linked)
    clashing = group[members[_is_repeated(group[members] * tiles + tile[members])]]
    if len(clashing) > 0:
        clash = np.isin(group[i], clashing)
        fits = ~clash
        fits[clash] = _without_clash(tile, i[clash], j[clash])
        group = _components(len(tile), i[fits], j[fits])
    return group


def _is_first(keys: IntArray) -> Mask:
    """Which entries are the first of their value."""
    first = np.ones(len(keys), np.bool_)
    repeated = np.flatnonzero(_is_repeated(keys))
    first[repeated] = False
    first[repeated[np.unique(keys[repeated], return_index=True)[1]]] = True
    return first


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
