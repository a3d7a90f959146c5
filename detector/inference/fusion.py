"""Weighted boxes fusion (Solovyev et al., Image and Vision Computing 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from detector.inference.pairs import BoxIndex, box_areas, pair_ious
from detector.inference.tensors import arange, argsort, expand, falling, set_rows, take

PAIR_LIMIT = 1 << 19
"""Where more pairs than these may meet, boxes go in blocks, so that memory is bounded."""

BLOCK = 1024
"""Boxes of a block."""


@dataclass(frozen=True, slots=True)
class Fused:
    """Fused boxes, in the order of their best parts.

    Attributes:
        boxes: `(K, 4)` float64, means of the parts weighted by their scores.
        scores: `(K,)` float64, mean of the parts' scores.
        parts: `(K,)` int64, number of boxes that were fused.
        best: `(K,)` int64, row of the part with the best score.
    """

    boxes: Tensor
    scores: Tensor
    parts: Tensor
    best: Tensor


def fuse_boxes(boxes: Tensor, scores: Tensor, iou: float, group: Tensor | None = None) -> Fused:
    """Boxes that overlap become their weighted mean, each box a part of exactly one.

    Exact: each box in order of score (equal scores: the lower row first) joins the fused box that
    it overlaps most, if by more than `iou` (equal overlaps: the one begun first), which moves; else
    it begins one. Boxes too far apart to join or move the same fused box go at once.

    Args:
        boxes: `(N, 4)` `x1, y1, x2, y2`. Boxes without area overlap nothing.
        scores: `(N,)`, above 0; times the weight of each box's source.
        iou: Intersection over union, above 0.
        group: `(N,)` int64; if given, only boxes of one group are fused.

    Returns:
        At most N fused boxes, in the order of their best parts.

    Raises:
        ValueError: If a score is not a number or not above 0.
    """
    order = falling(scores)
    if len(order) > 0 and not float(scores[order[-1]]) > 0:
        raise ValueError(f"scores: row {int(order[-1])} is not above 0")
    group = torch.zeros_like(order) if group is None else take(group, order)
    fusion = _Fusion(take(boxes.double(), order), take(scores.double(), order), group, iou)
    fusion.run()
    begun = set_rows(fusion.home == arange(len(order), order))
    parts = take(fusion.parts, begun)
    return Fused(
        take(fusion.fused, begun), take(fusion.totals, begun) / parts, parts, take(order, begun)
    )


class _Fusion:
    """Ranked boxes and the fused boxes they make, each kept in the row of its first part.

    Attributes:
        home: `(N,)` int64, the row of the fused box that each box is part of; -1 before.
        fused: `(N, 4)`, the fused boxes.
        totals: `(N,)`, sums of their parts' scores.
        parts: `(N,)` int64, numbers of their parts.
    """

    def __init__(self, boxes: Tensor, scores: Tensor, group: Tensor, iou: float) -> None:
        self._boxes, self._scores, self._group, self._iou = boxes, scores, group, iou
        self._sums = torch.zeros_like(boxes)
        self.fused = boxes.clone()
        self.totals = torch.zeros_like(scores)
        self.parts = torch.zeros_like(group)
        self.home = torch.full_like(group, -1)

    def run(self) -> None:
        """Fuses all, in blocks where all pairs at once would be too many."""
        count = len(self._boxes)
        index = self._index(0, count)
        if count <= BLOCK or index.pair_bound() <= PAIR_LIMIT:
            self._fuse(0, count, index)
            return
        for begin in range(0, count, BLOCK):
            end = min(begin + BLOCK, count)
            self._fuse(begin, end, self._index(begin, end))

    def _index(self, begin: int, end: int) -> BoxIndex:
        """To find the boxes that must wait for one another."""
        boxes = _scaled(self._boxes[begin:end], reach(self._iou))
        return BoxIndex(boxes, self._group[begin:end])

    def _fuse(self, begin: int, end: int, near: BoxIndex) -> None:
        """Fuses the boxes of some rows; all rows before are done."""
        pairs = [torch.stack([i, j]) for i, j, _ in near.pairs()]
        i, j = torch.cat([self.home.new_zeros((2, 0)), *pairs], dim=1)
        before, after = torch.minimum(i, j), torch.maximum(i, j)
        count = end - begin
        followers = _Links(before, after, count)
        fused, meets = self._meeting_fused(begin, end)
        choices = _Links(torch.cat([after, meets]), torch.cat([before + begin, fused]), count)
        waits = after.new_zeros(count).index_add_(0, after, torch.ones_like(after))
        ready = set_rows(waits == 0)
        while len(ready) > 0:
            self._join(ready + begin, *choices.of(ready))
            _, freed = followers.of(ready)
            waits.index_add_(0, freed, torch.full_like(freed, -1))
            freed = take(freed, set_rows(take(waits, freed) == 0))
            ready = set_rows(torch.zeros_like(waits).index_fill_(0, freed, 1))

    def _meeting_fused(self, begin: int, end: int) -> tuple[Tensor, Tensor]:
        """Fused boxes made of earlier rows, and the places of the boxes that may join them."""
        rows = arange(begin, self.home)
        rows = take(rows, set_rows(self.home[:begin] == rows))
        boxes = torch.cat([take(self.fused, rows), self._boxes[begin:end]])
        group = torch.cat([take(self._group, rows), self._group[begin:end]])
        is_fused = arange(len(boxes), rows) < len(rows)
        areas = box_areas(boxes)
        found = [(rows[:0], rows[:0])]
        for i, j, shared in BoxIndex(boxes, group).pairs_between(is_fused):
            joins = set_rows(pair_ious(areas, i, j, shared) > self._iou)
            found.append((take(rows, take(i, joins)), take(j, joins) - len(rows)))
        fused, places = map(torch.cat, zip(*found, strict=True))
        return fused, places

    def _join(self, rows: Tensor, place: Tensor, others: Tensor) -> None:
        """Each row becomes part of the fused box that it overlaps most, or begins one.

        Args:
            rows: `(K,)`, no two of which can be part of one fused box.
            place: `(P,)` place in `rows`.
            others: `(P,)` done rows whose fused boxes the row may overlap.
        """
        homes = take(self.home, others)
        ious = _ious(take(self.fused, homes), take(self._boxes, take(rows, place)))
        most = ious.new_full((len(rows),), self._iou).scatter_reduce_(0, place, ious, "amax")
        best = set_rows((ious > self._iou) & (ious == take(most, place)))
        none = len(self.home)
        home = torch.full_like(rows, none)
        home.scatter_reduce_(0, take(place, best), take(homes, best), "amin")
        home = torch.where(home < none, home, rows)
        self.home.index_copy_(0, rows, home)
        scores = take(self._scores, rows)
        self.parts.index_add_(0, home, torch.ones_like(home))
        self.totals.index_add_(0, home, scores)
        self._sums.index_add_(0, home, take(self._boxes, rows) * scores[:, None])
        means = take(self._sums, home) / take(self.totals, home)[:, None]
        joined = set_rows(home != rows)
        self.fused.index_copy_(0, take(home, joined), take(means, joined))


class _Links:
    """Values of each row, looked up for many rows at once.

    Args:
        rows: `(P,)`, of 0 to `count - 1`.
        values: `(P,)`.
        count: Number of rows.
    """

    def __init__(self, rows: Tensor, values: Tensor, count: int) -> None:
        self._values = take(values, argsort(rows, stable=True))
        self._counts = rows.new_zeros(count).index_add_(0, rows, torch.ones_like(rows))
        self._begins = self._counts.cumsum(0) - self._counts

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Places in `rows`, and the values of the row there, one after another."""
        place, step = expand(take(self._counts, rows))
        return place, take(self._values, take(take(self._begins, rows), place) + step)


def reach(iou: float) -> float:
    """Boxes scaled by this about their centres overlap if they may join or move one fused box.

    Say that boxes a and b both overlap one fused box f by an intersection over union above t.
    Along either axis the same holds of their intervals: a and b cover more than `t |f|` of f, and
    f is longer than t times either. If t is at least 1/2, they overlap by more than
    `(2 t - 1) |f|`, so by more than `q = t (2 t - 1)` of the longer, and still do when each is
    scaled by `1 - q`. If t is less, the gap between them is below `(1 - 2 t) |f|`, so below
    `(1 - 2 t) / t` of the shorter, and closes when each is scaled by `(1 - t) / t`.

    A fused box that b joined lies between its old place and b, so it overlaps b by no less than
    the old one did; thus of a box that changed a fused box and one that meets it afterwards the
    same can be said.

    >>> reach(0.5), round(reach(0.67), 3), round(reach(0.4), 3)
    (1.0, 0.772, 1.5)
    """
    return (1 - iou) / iou if iou < 0.5 else 1 - iou * (2 * iou - 1)


def _scaled(boxes: Tensor, factor: float) -> Tensor:
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    return torch.cat([centres - factor * halves, centres + factor * halves], dim=1)


def _ious(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union row by row."""
    low, high = torch.maximum(first, second), torch.minimum(first, second)
    sides = (high[:, 2:] - low[:, :2]).clamp_(min=0)
    shared = sides[:, 0] * sides[:, 1]
    return shared / (box_areas(first) + box_areas(second) - shared)
