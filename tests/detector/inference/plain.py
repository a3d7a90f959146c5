"""Suppression and fusion as their papers have them: plain loops, one box at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

Box: TypeAlias = Sequence[float]


def area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def iou(a: Box, b: Box) -> float:
    if not area(a) or not area(b):
        return 0.0
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(
        0.0, min(a[3], b[3]) - max(a[1], b[1])
    )
    return shared / (area(a) + area(b) - shared)


def diou(a: Box, b: Box, power: float) -> float:
    if not iou(a, b):
        return 0.0
    dx, dy = (a[0] + a[2] - b[0] - b[2]) / 2, (a[1] + a[3] - b[1] - b[3]) / 2
    wide, high = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    distance: float = ((dx * dx + dy * dy) / (wide * wide + high * high)) ** power
    return iou(a, b) - distance


def ranked(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda row: (-scores[row], row))


def greedy(
    boxes: Sequence[Box],
    scores: Sequence[float],
    limit: float,
    group: Sequence[int],
    power: float | None = None,
) -> list[int]:
    kept: list[int] = []
    for row in ranked(scores):
        overlaps = [
            iou(boxes[row], boxes[k]) if power is None else diou(boxes[row], boxes[k], power)
            for k in kept
            if group[k] == group[row]
        ]
        if all(overlap <= limit for overlap in overlaps):
            kept.append(row)
    return kept


def soft(
    boxes: Sequence[Box],
    scores: Sequence[float],
    decay: tuple[str, float],
    least: float,
    group: Sequence[int],
) -> list[tuple[int, float]]:
    """Rows with their last scores. Logarithms are rounded so that equal products are equal."""
    logs = [[math.log(score)] if score > 0 else [-math.inf] for score in scores]
    left, chosen = set(range(len(scores))), []
    while left:
        now = {row: round(math.fsum(logs[row]), 9) for row in left}
        best = min(left, key=lambda row: (-now[row], row))
        left.remove(best)
        if now[best] < round(math.log(least), 9):
            break
        chosen.append((best, math.exp(math.fsum(logs[best]))))
        for row in left:
            overlap = iou(boxes[best], boxes[row])
            if group[row] != group[best] or not overlap:
                continue
            if decay[0] == "gaussian":
                logs[row].append(-(overlap**2) / decay[1])
            elif overlap > decay[1]:
                logs[row].append(math.log(1 - overlap) if overlap < 1 else -100.0)
    return chosen


def fuse(
    boxes: Sequence[Box], scores: Sequence[float], limit: float, group: Sequence[int]
) -> list[tuple[list[int], list[float]]]:
    """Rows of each fused box, and the fused box."""
    clusters: list[tuple[list[int], list[float]]] = []
    for row in ranked(scores):
        overlaps = [
            iou(boxes[row], fused) if group[rows[0]] == group[row] else 0.0
            for rows, fused in clusters
        ]
        if not overlaps or max(overlaps) <= limit:
            clusters.append(([row], list(boxes[row])))
            continue
        rows, fused = clusters[overlaps.index(max(overlaps))]
        rows.append(row)
        total = sum(scores[k] for k in rows)
        fused[:] = [sum(scores[k] * boxes[k][side] for k in rows) / total for side in range(4)]
    return clusters


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, scores and groups on a coarse lattice: equal scores, equal boxes, touching boxes,
    no area and inverted corners are common; some scenes lie far out."""
    count = draw(st.integers(0, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    step = draw(st.sampled_from([0.25, 1.0, 7.0, 2.0**40]))
    spread = draw(st.sampled_from([3, 20]))
    far = draw(st.sampled_from([0, 0, 2**15]))
    corner = rng.integers(far - spread, far + spread, (count, 2))
    size = rng.integers(draw(st.sampled_from([-1, 0, 1])), draw(st.integers(2, 25)), (count, 2))
    boxes = (np.concatenate([corner, corner + size], axis=1) * step).astype(np.float32)
    scores = (rng.integers(1, 6, count) / 5).astype(np.float32)
    return (
        torch.from_numpy(boxes),
        torch.from_numpy(scores),
        torch.from_numpy(rng.integers(0, 3, count)),
    )


def crowd(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates as a network gives them: about 15 around each object, in two groups."""
    rng = np.random.default_rng(seed)
    objects = max(1, count // 15)
    centre = rng.uniform(0, 60 * math.sqrt(objects), (objects, 2))
    wh = rng.uniform(15, 60, (objects, 2))
    truth = np.concatenate([centre - wh / 2, centre + wh / 2], axis=1)
    row = rng.integers(0, objects, count)
    boxes = (truth[row] + rng.normal(0, 3, (count, 4))).astype(np.float32)
    scores = rng.uniform(0.01, 1, count).astype(np.float32)
    return torch.from_numpy(boxes), torch.from_numpy(scores), torch.from_numpy(row % 2)
