"""Non-maximum suppression within the output of one tile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from detector.detections import FloatArray, IntArray
from detector.inference.pairs import BoxIndex, Float64Array, Pairs, box_areas

PAIR_LIMIT = 1 << 16
"""Where more pairs than these may meet, the best boxes go first: most others then fall."""

SMALL = 1024
"""So few boxes are compared at once even if all meet."""

ROUNDS = 8
"""Vectorised rounds before chains that are left are walked one by one (3 or 4 rounds settle
a detector's candidates)."""


def suppress(
    boxes: FloatArray, scores: FloatArray, iou: float, class_ids: IntArray | None = None
) -> IntArray:
    """Rows that greedy non-maximum suppression keeps, best score first.

    Exact: each box in order of score (equal scores: the lower row first) stays unless a box that
    stayed before it overlaps it by more than `iou`. Only boxes that meet are compared, so the
    work grows with their number and not with its square, and no cap drops any.

    Args:
        boxes: `(N, 4)` `x1, y1, x2, y2`. Boxes without area overlap nothing and stay.
        scores: `(N,)`.
        iou: Largest intersection over union that two kept boxes may have.
        class_ids: `(N,)`; if given, only boxes of one class suppress each other.

    Returns:
        `(K,)` int64, empty for no boxes.
    """
    order = np.argsort(-scores, kind="stable")
    if len(order) < 2:
        return order
    ranked = _Ranked(
        np.asarray(boxes, np.float64)[order], None if class_ids is None else class_ids[order], iou
    )
    return order[_greedy(ranked)]


def resolve(count: int, winners: IntArray, losers: IntArray) -> IntArray:
    """Rows left when each row, in order, removes its losers unless it was removed before.

    Args:
        count: Number of rows.
        winners: `(P,)` rows, each smaller than the row of `losers` beside it.
        losers: `(P,)` rows that fall if their winner stays.

    Returns:
        `(K,)` int64, ascending.

    >>> resolve(3, np.array([0, 1]), np.array([1, 2])).tolist()
    [0, 2]
    """
    alive = np.ones(count, np.bool_)
    for _ in range(ROUNDS):
        if len(winners) == 0:
            return np.flatnonzero(alive)
        threatened = np.zeros(count, np.bool_)
        threatened[losers] = True
        alive[losers[~threatened[winners]]] = False
        undecided = alive[winners] & alive[losers]
        winners, losers = winners[undecided], losers[undecided]
    by_winner = np.argsort(winners, kind="stable")
    for winner, loser in zip(winners[by_winner].tolist(), losers[by_winner].tolist(), strict=True):
        if alive[winner]:
            alive[loser] = False
    return np.flatnonzero(alive)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Boxes in order of score."""

    boxes: Float64Array
    class_ids: IntArray | None
    iou: float

    def __getitem__(self, rows: IntArray) -> _Ranked:
        class_ids = None if self.class_ids is None else self.class_ids[rows]
        return _Ranked(self.boxes[rows], class_ids, self.iou)

    def overlapping(self, pairs: Iterable[Pairs]) -> tuple[IntArray, IntArray]:
        """Of pairs that meet, those where one box suppresses the other, better box first."""
        areas = box_areas(self.boxes)
        found = [np.zeros((2, 0), np.int64)]
        for i, j, shared in pairs:
            overlap = shared / (areas[i] + areas[j] - shared) > self.iou
            if self.class_ids is not None:
                overlap &= self.class_ids[i] == self.class_ids[j]
            found.append(np.stack([i[overlap], j[overlap]]))
        both = np.concatenate(found, axis=1)
        return both.min(axis=0), both.max(axis=0)


def _greedy(ranked: _Ranked) -> IntArray:
    """Rows that stay, ascending."""
    count = len(ranked.boxes)
    index = BoxIndex(ranked.boxes)
    if count <= SMALL or index.pair_bound() <= PAIR_LIMIT:
        return resolve(count, *ranked.overlapping(index.pairs()))
    head, tail = np.arange(count // 8), np.arange(count // 8, count)
    best = head[_greedy(ranked[head])]
    together = ranked[np.concatenate([best, tail])]
    is_best = np.arange(len(together.boxes)) < len(best)
    meeting = BoxIndex(together.boxes).pairs_between(is_best)
    stays = np.ones(len(together.boxes), np.bool_)
    stays[together.overlapping(meeting)[1]] = False
    tail = tail[stays[len(best) :]]
    return np.concatenate([best, tail[_greedy(ranked[tail])]])
