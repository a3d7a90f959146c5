"""Greedy non-maximum suppression, by IoU or by distance-IoU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from detector.inference.pairs import BoxIndex, Pairs, box_areas, pair_ious
from detector.inference.tensors import arange, argsort, falling, set_rows, take

PAIRS_PER_BOX = 32
"""Where more pairs than these may meet, the best boxes go first: most others then fall."""

MOST_PAIRS = 1 << 24
"""Held at once, 16 bytes each and copies: an untrained network gives millions of candidates."""

SMALL = 1024
"""So few boxes are compared at once even if all meet."""

ROUNDS = 8
"""Vectorised rounds before chains that are left are walked one by one (3 or 4 rounds settle
a detector's candidates)."""


def nms(
    boxes: Tensor,
    scores: Tensor,
    iou: float,
    group: Tensor | None = None,
    *,
    distance_power: float | None = None,
) -> Tensor:
    """Rows that greedy non-maximum suppression keeps, best score first.

    Exact: each box in order of score (equal scores: the lower row first) stays unless a box that
    stayed before it overlaps it by more than `iou`. Only boxes that meet are compared, so the
    work grows with their number and not with its square, memory with the number of boxes, and no
    cap drops any.

    Args:
        boxes: `(N, 4)` `x1, y1, x2, y2`. Boxes without area overlap nothing and stay.
        scores: `(N,)`.
        iou: Largest overlap that two kept boxes may have.
        group: `(N,)` int64; if given, only boxes of one group suppress each other, such as those
            of one image and class.
        distance_power: The overlap is the intersection over union; with this it is DIoU-NMS's
            `IoU - (d^2 / c^2)^power` (Zheng et al., AAAI 2020, eq. 14), d the distance of the
            centres and c the diagonal of the smallest box around both.

    Returns:
        `(K,)` int64, empty for no boxes.

    Raises:
        ValueError: If a score is not a number.
    """
    order = falling(scores)
    if len(order) < 2:
        return order
    ranked = _Ranked(
        take(boxes.double(), order),
        None if group is None else take(group, order),
        iou,
        distance_power,
    )
    return take(order, _greedy(ranked))


def resolve(count: int, winners: Tensor, losers: Tensor) -> Tensor:
    """Rows left when each row, in order, removes its losers unless it was removed before.

    Args:
        count: Number of rows.
        winners: `(P,)` rows, each smaller than the row of `losers` beside it.
        losers: `(P,)` rows that fall if their winner stays.

    Returns:
        `(K,)` int64, ascending.

    >>> resolve(3, torch.tensor([0, 1]), torch.tensor([1, 2])).tolist()
    [0, 2]
    """
    alive = torch.ones(count, dtype=torch.bool, device=winners.device)
    for _ in range(ROUNDS):
        if len(winners) == 0:
            return set_rows(alive)
        threatened = torch.zeros_like(alive).index_fill_(0, losers, value=True)
        fallen = take(losers, set_rows(~take(threatened, winners)))
        alive.index_fill_(0, fallen, value=False)
        undecided = set_rows(take(alive, winners) & take(alive, losers))
        winners, losers = take(winners, undecided), take(losers, undecided)
    by_winner = argsort(winners, stable=True)
    stays = alive.tolist()
    pairs = zip(take(winners, by_winner).tolist(), take(losers, by_winner).tolist(), strict=True)
    for winner, loser in pairs:
        stays[loser] &= not stays[winner]
    return set_rows(torch.tensor(stays, device=winners.device))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Boxes in order of score."""

    boxes: Tensor
    group: Tensor | None
    iou: float
    distance_power: float | None

    def __getitem__(self, rows: Tensor) -> _Ranked:
        group = None if self.group is None else take(self.group, rows)
        return _Ranked(take(self.boxes, rows), group, self.iou, self.distance_power)

    def index(self) -> BoxIndex:
        """To find the pairs that meet."""
        return BoxIndex(self.boxes, self.group)

    def overlapping(self, pairs: Iterable[Pairs]) -> Iterator[Tensor]:
        """Of pairs that meet, `(2, P)` those where one box suppresses the other; in chunks."""
        areas = box_areas(self.boxes)
        for i, j, shared in pairs:
            overlap = pair_ious(areas, i, j, shared)
            if self.distance_power is not None:
                overlap -= _distances(self.boxes, i, j) ** self.distance_power
            chosen = set_rows(overlap > self.iou)
            yield torch.stack([take(i, chosen), take(j, chosen)])


def _distances(boxes: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """Squared distance of the centres over the squared diagonal of the box around both."""
    first, second = take(boxes, i), take(boxes, j)
    centres = (first[:, :2] + first[:, 2:] - second[:, :2] - second[:, 2:]) / 2
    low = torch.minimum(first[:, :2], second[:, :2])
    diagonal = torch.maximum(first[:, 2:], second[:, 2:]) - low
    return (centres**2).sum(1) / (diagonal**2).sum(1)


def _greedy(ranked: _Ranked) -> Tensor:
    """Rows that stay, ascending."""
    count = len(ranked.boxes)
    index = ranked.index()
    rows = arange(count, ranked.boxes)
    if count <= SMALL or index.pair_bound() <= min(PAIRS_PER_BOX * count, MOST_PAIRS):
        i, j = torch.cat([rows.new_zeros((2, 0)), *ranked.overlapping(index.pairs())], dim=1)
        return resolve(count, torch.minimum(i, j), torch.maximum(i, j))
    head, tail = rows[: count // 8], rows[count // 8 :]
    best = take(head, _greedy(ranked[head]))
    together = ranked[torch.cat([best, tail])]
    is_best = arange(len(together.boxes), rows) < len(best)
    stays = torch.ones(len(together.boxes), dtype=torch.bool, device=rows.device)
    for _, losers in together.overlapping(together.index().pairs_between(is_best)):
        stays.index_fill_(0, losers, value=False)
    tail = take(tail, set_rows(stays[len(best) :]))
    return torch.cat([best, take(tail, _greedy(ranked[tail]))])
