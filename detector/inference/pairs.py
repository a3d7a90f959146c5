"""Which boxes meet: the join that suppression, fusion and merging stand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from detector.inference.tensors import arange, argsort, expand, search, set_rows, take

Pairs: TypeAlias = tuple[Tensor, Tensor, Tensor]

CHUNK = 1 << 14
"""Pairs looked at together. Their arrays stay in the processor's cache, and memory is bounded
however many boxes meet."""


def box_areas(boxes: Tensor) -> Tensor:
    """`(N,)` areas of `(N, 4)` boxes; 0 where a side is not positive."""
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp_(min=0)
    return sides[:, 0] * sides[:, 1]


def pair_ious(areas: Tensor, i: Tensor, j: Tensor, shared: Tensor) -> Tensor:
    """Intersection over union of pairs that share area, from the areas of all boxes."""
    return shared / (take(areas, i) + take(areas, j) - shared)


class BoxIndex:
    """Boxes sorted so that those which meet a given box stand together.

    The plane is cut into horizontal strips about two boxes high, one set of strips for each
    group. A box is entered in each strip that it touches, at most 1.5 entries a box on average
    whatever the mix of sizes, and the entries are sorted by strip and left side. A pair is
    reported in the one strip where the lower of the two boxes begins, so once. Building is
    O(n log n).

    To sort, the strips are laid end to end. Rounding there may bring a pair more to look at but
    loses none, since it keeps the order; what is compared and reported are the boxes as given.

    Args:
        boxes: `(N, 4)` float64 `x1, y1, x2, y2`. Boxes without area, or with sides that are not
            finite, meet nothing.
        group: `(N,)` int64 of 0 or more; only boxes of one group meet. All are one if `None`.
    """

    def __init__(self, boxes: Tensor, group: Tensor | None = None) -> None:
        self._sides = boxes.T.contiguous()
        wh = self._sides[2:] - self._sides[:2]
        solid = set_rows((wh > 0).all(0) & (wh < torch.inf).all(0))
        self._box = solid
        if len(solid) == 0:
            return
        x1, y1, x2, y2 = self._sides.index_select(1, solid)
        left, top = x1.min(), y1.min()
        # Wider than all boxes together, so that one strip's entries end before the next's begin
        # by more than rounding takes away.
        span = (x2.max() - left) * (1 + 2**-16)
        # Never more than a few strips a box: far outliers would run out of integers.
        strip_px = torch.maximum(2 * (y2 - y1).mean(), (y2.max() - top) / (4 * len(solid)))
        first_strip = ((y1 - top) / strip_px).long()
        last_strip = ((y2 - top) / strip_px).long()
        row, step = expand(last_strip - first_strip + 1)
        strip = take(first_strip, row) + step
        if group is not None:
            strip += take(group, take(solid, row)) * (last_strip.max() + 1)
        offset = strip * span
        begins = offset + take(x1 - left, row)
        order = argsort(begins)
        self._begins = take(begins, order)
        self._ends = take(offset + take(x2 - left, row), order)
        self._last = search(self._begins, self._ends, right=True)
        self._is_first = take(step == 0, order)
        self._box = take(solid, take(row, order))
        self._tops, self._bottoms = take(self._sides[1], self._box), take(self._sides[3], self._box)

    def pair_bound(self) -> int:
        """At least the number of pairs that `pairs` gives, at a fraction of its cost."""
        count = len(self._box)
        return int(self._last.sum()) - count * (count + 1) // 2 if count else 0

    def pairs(self) -> Iterator[Pairs]:
        """Every two boxes that share area: rows `i`, rows `j` and the area, once, in chunks."""
        if len(self._box) > 0:
            every = arange(len(self._box), self._box)
            yield from self._sweep(every, every, every + 1, self._last)

    def pairs_between(self, is_left: Tensor) -> Iterator[Pairs]:
        """Pairs of one box in the mask and one outside it: rows `i` inside, rows `j` outside."""
        if len(self._box) == 0:
            return
        mask = take(is_left, self._box)
        inside, outside = set_rows(mask), set_rows(~mask)
        # An entry sorted later begins no further left, so of two that meet exactly one finds
        # the other ahead of it.
        yield from self._between(inside, outside)
        for j, i, shared in self._between(outside, inside):
            yield i, j, shared

    def _between(self, sources: Tensor, targets: Tensor) -> Iterator[Pairs]:
        ends = search(targets, take(self._last, sources))
        yield from self._sweep(sources, targets, search(targets, sources), ends)

    def _sweep(
        self, sources: Tensor, targets: Tensor, after: Tensor, ends: Tensor
    ) -> Iterator[Pairs]:
        """Pairs of each source with the targets from place `after` up to place `ends`."""
        counts = (ends - after).clamp_(min=0)
        for begin, end in _chunks(counts):
            row, step = expand(counts[begin:end])
            row += begin
            yield self._meeting(take(sources, row), take(targets, take(after, row) + step))

    def _meeting(self, first: Tensor, second: Tensor) -> Pairs:
        """Of pairs of entries in one strip, those that share area."""
        top = torch.maximum(take(self._tops, first), take(self._tops, second))
        height = torch.minimum(take(self._bottoms, first), take(self._bottoms, second)) - top
        meets = height > 0
        meets &= take(self._is_first, first) | take(self._is_first, second)
        found = set_rows(meets)
        i, j = take(self._box, take(first, found)), take(self._box, take(second, found))
        right = torch.minimum(take(self._sides[2], i), take(self._sides[2], j))
        left = torch.maximum(take(self._sides[0], i), take(self._sides[0], j))
        return i, j, take(height, found) * (right - left).clamp_(min=0)


def _chunks(counts: Tensor) -> Iterator[tuple[int, int]]:
    """Ranges of rows that have about `CHUNK` pairs together, a long row by itself."""
    total = counts.cumsum(0)
    if len(counts) == 0 or int(total[-1]) <= CHUNK:
        yield 0, len(counts)
        return
    begin = done = 0
    while begin < len(counts):
        fits = int(torch.searchsorted(total, done + CHUNK, right=True))
        end = max(begin + 1, fits)
        yield begin, end
        begin, done = end, int(total[end - 1])
