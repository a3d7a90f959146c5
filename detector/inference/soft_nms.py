"""Soft-NMS (Bodla et al., ICCV 2017): a chosen box lowers the scores of those that it overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from detector.inference.pairs import BoxIndex, Pairs, box_areas, pair_ious
from detector.inference.tensors import arange, argsort, falling, set_rows, take

PAIR_LIMIT = 1 << 19
"""Where more pairs than these may meet, boxes go in blocks, so that memory is bounded."""

BLOCK = 1024
"""Boxes of a block, at least."""

ONE = float(1 << 40)
"""Scores are kept as whole numbers of `-log(score) * ONE`. So they add up exactly whatever the
order of the boxes, and equal scores stay equal. It tells scores apart that differ by 1e-12."""

LARGEST = 100.0
"""No decay is below `exp(-LARGEST)`, which leaves nothing of any score."""


@dataclass(frozen=True, slots=True)
class Decay:
    """By what a box that overlaps a chosen one is multiplied.

    Attributes:
        name: `gaussian` for `exp(-IoU^2 / limit)`; `linear` for `1 - IoU`, if the IoU is above
            `limit`.
        limit: Sigma of the Gaussian, or the IoU up to which nothing happens.
    """

    name: Literal["gaussian", "linear"]
    limit: float

    def cost(self, ious: Tensor) -> Tensor:
        """Minus the logarithm of the decay, in whole parts of `ONE`."""
        if self.name == "gaussian":
            logs = ious**2 / self.limit
        else:
            logs = torch.where(ious > self.limit, -torch.log1p(-ious), 0.0)
        return _whole(logs)


def soft_nms(
    boxes: Tensor, scores: Tensor, decay: Decay, least_score: float, group: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Rows whose score stays above a floor, best first, and what their scores have become.

    Exact: again and again the box with the best score of those left is chosen (equal scores: the
    lower row first), and each box left is multiplied by the decay of its overlap with it. Boxes
    that are best among those they meet are chosen at once, since none of them changes another.

    Args:
        boxes: `(N, 4)` `x1, y1, x2, y2`. Boxes without area overlap nothing.
        scores: `(N,)`, 0 to 1.
        decay: Of a score, for each box chosen before.
        least_score: Boxes that fall below it are dropped; above 0.
        group: `(N,)` int64; if given, only boxes of one group lower each other's scores.

    Returns:
        `(K,)` int64 and `(K,)` float64, empty for no boxes.

    Raises:
        ValueError: If a score is not a number.
    """
    order = falling(scores)
    boxes = take(boxes.double(), order)
    group = torch.zeros_like(order) if group is None else take(group, order)
    costs = _cost(take(scores, order))
    choice = _Choice(boxes, group, costs.clone(), decay)
    choice.run(int(_cost(torch.tensor(least_score, dtype=scores.dtype))))
    rows = set_rows(choice.chosen)
    rows = take(rows, argsort(take(choice.costs, rows), stable=True))
    decays = torch.exp(take(costs - choice.costs, rows).double() / ONE)
    rows = take(order, rows)
    return rows, take(scores, rows).double() * decays


class _Choice:
    """Chooses among ranked boxes.

    Attributes:
        costs: `(N,)` int64, minus the logarithms of the scores as they are by now.
        chosen: `(N,)` flags.
    """

    def __init__(self, boxes: Tensor, group: Tensor, costs: Tensor, decay: Decay) -> None:
        self._boxes, self._group, self._decay = boxes, group, decay
        self.costs = costs
        self.chosen = torch.zeros_like(costs, dtype=torch.bool)

    def run(self, most: int) -> None:
        """Goes on until each box is chosen or costs more than `most`."""
        left = set_rows(self.costs <= most)
        while len(left) > 0:
            index = self._index(left)
            if len(left) <= BLOCK or index.pair_bound() <= PAIR_LIMIT:
                self._choose(left, index, (most + 1, 0))
                return
            head, rest = left[:BLOCK], left[BLOCK:]
            # What comes before the best of the rest, the rest cannot change.
            best = int(rest[0])
            self._choose(head, self._index(head), (int(self.costs[best]), best))
            self._lower(rest, by=take(head, set_rows(take(self.chosen, head))))
            left = set_rows(~self.chosen & (self.costs <= most))
            left = take(left, argsort(take(self.costs, left), stable=True))

    def _index(self, rows: Tensor) -> BoxIndex:
        return BoxIndex(take(self._boxes, rows), take(self._group, rows))

    def _choose(self, rows: Tensor, index: BoxIndex, bar: tuple[int, int]) -> None:
        """Chooses the best of some rows while they come before `bar`, and lowers the others.

        Args:
            rows: `(K,)`.
            index: Of their boxes.
            bar: Cost and row.
        """
        costs = take(self.costs, rows)
        chosen = torch.zeros_like(costs, dtype=torch.bool)
        every = [(rows[:0], rows[:0], rows[:0]), *self._decays(rows, index.pairs())]
        i, j, decays = map(torch.cat, zip(*every, strict=True))
        while True:
            is_open = _precedes(costs, rows, *bar) & ~chosen
            near = set_rows(take(is_open, i) | take(is_open, j))
            i, j, decays = take(i, near), take(j, near), take(decays, near)
            i_first = _precedes(take(costs, i), take(rows, i), take(costs, j), take(rows, j))
            is_open.index_fill_(0, torch.where(i_first, j, i), value=False)
            if not bool(is_open.any()):
                break
            chosen |= is_open
            for first, second in ((i, j), (j, i)):
                hit = set_rows(take(is_open, first))
                costs.index_add_(0, take(second, hit), take(decays, hit))
            left = set_rows(~(take(is_open, i) | take(is_open, j)))
            i, j, decays = take(i, left), take(j, left), take(decays, left)
        self.costs.index_copy_(0, rows, costs)
        self.chosen.index_fill_(0, take(rows, set_rows(chosen)), value=True)

    def _lower(self, rows: Tensor, *, by: Tensor) -> None:
        """Lowers the scores of some rows by the decays of those just chosen."""
        both = torch.cat([by, rows])
        meeting = self._index(both).pairs_between(arange(len(both), both) < len(by))
        for _, j, decays in self._decays(both, meeting):
            self.costs.index_add_(0, take(both, j), decays)

    def _decays(self, rows: Tensor, pairs: Iterable[Pairs]) -> Iterator[Pairs]:
        """Pairs of which one lowers the other: places in `rows`, and by how much; in chunks."""
        areas = box_areas(take(self._boxes, rows))
        for i, j, shared in pairs:
            costs = self._decay.cost(pair_ious(areas, i, j, shared))
            matter = set_rows(costs > 0)
            yield take(i, matter), take(j, matter), take(costs, matter)


def _precedes(
    cost: Tensor, row: Tensor, other_cost: Tensor | int, other_row: Tensor | int
) -> Tensor:
    """Whether one has the better score, of equal ones the lower row."""
    return (cost < other_cost) | ((cost == other_cost) & (row < other_row))


def _cost(scores: Tensor) -> Tensor:
    """Minus the logarithms of scores in whole parts."""
    return _whole(-scores.double().log())


def _whole(logs: Tensor) -> Tensor:
    return (logs.clamp(max=LARGEST) * ONE).round_().long()
