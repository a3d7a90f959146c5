"""Scenes with known objects, and what tiles see of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.detections import Detections
from detector.inference.candidates import Candidates

Array: TypeAlias = NDArray[Any]

LEAST_VISIBLE = 0.3
"""Share of its area that an object must show in a tile to be seen there."""


def detections(
    boxes: Array, scores: Array | None = None, class_ids: Array | None = None
) -> Detections:
    """Detections in float32; scores of 0.5 and class 0 unless given."""
    count = len(boxes)
    return Detections(
        np.asarray(boxes, np.float32).reshape(-1, 4),
        np.full(count, 0.5, np.float32) if scores is None else np.asarray(scores, np.float32),
        np.zeros(count, np.int64) if class_ids is None else np.asarray(class_ids, np.int64),
    )


def candidates(parts: list[Detections]) -> Candidates:
    """What one source finds in each image."""
    found = joined([Detections.empty(), *parts])
    image = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    columns = (found.boxes, found.scores, found.class_ids, image, np.zeros_like(image))
    return Candidates(*map(torch.from_numpy, columns))


def of_image(found: Candidates, image: int) -> Detections:
    """What was found in one image."""
    rows = found.image == image
    columns = (found.boxes, found.scores, found.class_ids)
    return Detections(*(column[rows].numpy() for column in columns))


def seen(truth: Detections, tile: Array) -> Detections:
    """What a tile shows of the objects, in pixels of the frame."""
    low, high = tile[:2], tile[2:]
    corners = np.maximum(truth.boxes[:, :2], low), np.minimum(truth.boxes[:, 2:], high)
    visible = np.prod(np.maximum(corners[1] - corners[0], 0), axis=1)
    full = np.prod(truth.boxes[:, 2:] - truth.boxes[:, :2], axis=1)
    shows = visible >= LEAST_VISIBLE * full
    boxes = np.concatenate(corners, axis=1)[shows].astype(np.float32)
    return Detections(boxes, truth.scores[shows], truth.class_ids[shows])


def seen_by_all(truth: Detections, tiles: Array) -> tuple[Detections, Array]:
    """What all tiles show, and the tile of each box."""
    parts = [seen(truth, tile) for tile in tiles]
    return joined(parts), np.repeat(np.arange(len(parts)), [len(part) for part in parts])


def joined(parts: list[Detections]) -> Detections:
    """All of them, one after another."""
    return Detections(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.class_ids for part in parts]),
    )


def expected(truth: Detections, tiles: Array) -> Detections:
    """What the tiles together show of each object: itself, if a tile shows it whole."""
    parts = []
    for row in range(len(truth)):
        found, _ = seen_by_all(truth[row : row + 1], tiles)
        if len(found) > 0:
            union = np.concatenate([found.boxes[:, :2].min(axis=0), found.boxes[:, 2:].max(axis=0)])
            parts.append(Detections(union[None], truth.scores[[row]], truth.class_ids[[row]]))
    return joined([Detections.empty(), *parts])


def as_rows(found: Detections) -> list[tuple[float, ...]]:
    """Boxes with score and class, sorted, to compare as sets."""
    table = np.column_stack([found.boxes, found.scores, found.class_ids])
    return sorted(map(tuple, table.tolist()))


def _cuts(rng: np.random.Generator, length: float, low: float, high: float) -> Iterator[Array]:
    at = float(rng.integers(0, 20))
    while True:
        size = float(rng.integers(int(4 * low), int(4 * high))) / 4
        if at + size > length:
            return
        yield np.array([at, at + size])
        at += size


@st.composite
def parking(draw: st.DrawFn, wh: tuple[int, int] = (1500, 1100)) -> Detections:
    """Objects of 8 to 400 px that never overlap; many stand side by side without a gap."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    high = draw(st.sampled_from([24, 120, 400]))
    filled = draw(st.sampled_from([0.0, 0.5, 1.0]))
    boxes = []
    for y1, y2 in _cuts(rng, wh[1], 12, high):
        for x1, x2 in _cuts(rng, wh[0], 12, high):
            inset = np.zeros(4) if rng.random() < filled else rng.integers(0, 8, 4) / 4
            boxes.append([x1 + inset[0], y1 + inset[1], x2 - inset[2], y2 - inset[3]])
    chosen = rng.permutation(len(boxes))[:400]
    scores = rng.integers(1, 20, len(chosen)) / 20  # Equal scores are common.
    return detections(np.array(boxes)[chosen], scores, rng.integers(0, 3, len(chosen)))
