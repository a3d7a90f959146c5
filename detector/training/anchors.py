"""Anchors from the data: k-means on box sizes, improved by mutation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans

Float64Array = NDArray[np.float64]


def best_possible_recall(
    anchors_px: Float64Array, sizes_px: Float64Array, ratio_limit: float
) -> float:
    """Share of boxes that some anchor fits, 0..1.

    Args:
        anchors_px: `(K, 2)`.
        sizes_px: `(N, 2)`, `N` at least 1.
        ratio_limit: Largest ratio of a side to its anchor's.
    """
    return float((_fit(anchors_px, sizes_px) > 1 / ratio_limit).mean())


def _fit(anchors_px: Float64Array, sizes_px: Float64Array) -> Float64Array:
    """For each box the worst side ratio of its best anchor, 0..1."""
    ratio = sizes_px[:, None] / anchors_px[None]
    best: Float64Array = np.minimum(ratio, 1 / ratio).min(2).max(1)
    return best


def fit_anchors(
    sizes_px: Float64Array, count: int, ratio_limit: float, rng: np.random.Generator
) -> Float64Array:
    """`(count, 2)` anchors in pixels, smallest area first.

    K-means on the sizes divided by their deviation, then 1000 mutations, each kept when the
    mean fit of the boxes that fit at all grows.

    Args:
        sizes_px: `(N, 2)` widths and heights of the training boxes as the network sees them.
        count: Anchors of all heads together.
        ratio_limit: Largest ratio of a side to its anchor's.
        rng: Decides the start and the mutations.

    Raises:
        ValueError: If the boxes have fewer different sizes than anchors, or do not group.
    """
    sizes = len(np.unique(sizes_px, axis=0))
    if sizes < count:
        raise ValueError(f"anchors: {count} need boxes of as many sizes; there are {sizes}")
    deviation = sizes_px.std(0)
    if not deviation.all():
        raise ValueError("anchors: all boxes have one width or one height")
    anchors = kmeans(sizes_px / deviation, count, iter=30, rng=rng)[0] * deviation
    if len(anchors) < count:
        raise ValueError(f"anchors: the boxes form only {len(anchors)} of {count} groups")

    def fitness(candidate: Float64Array) -> float:
        fit = _fit(candidate, sizes_px)
        return float((fit * (fit > 1 / ratio_limit)).mean())

    best = fitness(anchors)
    for _ in range(1000):
        changes = rng.random(anchors.shape) < 0.9
        factor = np.clip(
            1 + changes * rng.random() * rng.standard_normal(anchors.shape) * 0.1, 0.3, 3
        )
        candidate = np.maximum(anchors * factor, 2)
        score = fitness(candidate)
        if score > best:
            anchors, best = candidate, score
    order = np.argsort(anchors.prod(1))
    result: Float64Array = anchors[order]
    return result
