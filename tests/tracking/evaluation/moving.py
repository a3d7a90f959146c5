"""Tracks for tests: written by hand, and seeded ones with every kind of fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracking.evaluation.rows import NO_CLASS, TrackRows

Array = NDArray[np.float64]


def rows(*items: tuple[int, int, float], classes: Sequence[int] | None = None) -> TrackRows:
    """Boxes of 30 x 10 px at `(frame, id, x)`; shifted by 10 px two have an IoU of 0.5."""
    table = np.array(items, float).reshape(-1, 3)
    x = table[:, 2]
    boxes = np.stack((x, 0 * x, x + 30, 0 * x + 10), axis=1)
    labels = np.full(len(table), NO_CLASS) if classes is None else np.array(classes, np.int64)
    return TrackRows(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), boxes, labels)


def true_table(seed: int, objects: int = 12, frames: int = 30) -> Array:
    """`(N, 6)` frame, id, x, y, w, h of objects that drift, come and go; no ties in IoU."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(1, objects + 1):
        begin, end = sorted(rng.choice(np.arange(1, frames + 1), 2, replace=False))
        time = np.arange(begin, end + 1)
        place = rng.uniform(0, 150, 2) + np.outer(time, rng.normal(0, 3, 2))
        size = np.tile(rng.uniform(15, 50, 2), (len(time), 1))
        parts.append(np.c_[time, np.full(len(time), number), place, size])
    return np.concatenate(parts).round(3)


def found_table(true: Array, seed: int) -> Array:
    """`(M, 6)` the same with jitter, misses, false boxes and ids that change."""
    rng = np.random.default_rng(seed)
    found = true[rng.random(len(true)) > 0.15].copy()
    found[:, 2:4] += rng.normal(0, 4, (len(found), 2))
    found[:, 4:] *= rng.uniform(0.8, 1.2, (len(found), 2))
    found[:, 1] += 100 * (found[:, 0] // rng.integers(8, 20))
    false = true[rng.random(len(true)) < 0.1].copy()
    false[:, 2:4] += rng.uniform(-60, 60, (len(false), 2))
    false[:, 1] += 5000
    return np.concatenate((found, false)).round(3)


def as_rows(table: Array, classes: NDArray[np.int64] | None = None) -> TrackRows:
    """The rows of a table, in its order within a frame."""
    order = np.argsort(table[:, 0], kind="stable")
    labels = np.full(len(table), NO_CLASS) if classes is None else classes
    boxes = np.c_[table[:, 2:4], table[:, 2:4] + table[:, 4:6]]
    frames, ids = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return TrackRows(frames[order], ids[order], boxes[order], labels[order])


def as_text(table: Array, *columns: object) -> str:
    """The rows as lines of a MOT file; further columns are arrays or single values."""
    more = [np.broadcast_to(np.asarray(column), len(table)).tolist() for column in columns]
    lines = zip(table.tolist(), *more, strict=True)
    return "".join(
        f"{row[0]:.0f},{row[1]:.0f},"
        + ",".join(f"{v:.3f}" for v in row[2:])
        + "".join(f",{value}" for value in rest)
        + "\n"
        for row, *rest in lines
    )
