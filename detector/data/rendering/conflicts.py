"""Takes objects out of a scene that would run into others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.traffic import Mover

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]


def without_conflicts(movers: Sequence[Mover], times_s: Sequence[float]) -> list[Mover]:
    """The movers that touch no other at any of the times; standing ones give way to moving ones.

    They keep their ids.
    """
    order = sorted(range(len(movers)), key=lambda k: (movers[k].speed_mps == 0, k))
    rank = np.empty(len(movers), np.int64)
    rank[order] = np.arange(len(movers))
    gone: set[int] = set()
    for time_s in times_s:
        pairs = touching(movers, time_s)
        pairs = np.array(sorted(map(tuple, np.sort(rank[pairs], axis=1).tolist())), np.int64)
        for first, second in pairs.reshape(-1, 2).tolist():
            if first not in gone:
                gone.add(second)
    return [m for k, m in enumerate(movers) if int(rank[k]) not in gone]


def touching(movers: Sequence[Mover], time_s: float) -> Ints:
    """Pairs `(P, 2)` of movers whose ground rectangles overlap at a time."""
    if not movers:
        return np.zeros((0, 2), np.int64)
    pose = np.concatenate([m.poses(time_s) for m in movers])
    owner = np.repeat(np.arange(len(movers)), [len(m.kind.parts) for m in movers])
    half = np.concatenate([[part.half_wh for part in m.kind.parts] for m in movers])
    reach = np.hypot(half[:, 0], half[:, 1])
    gap = np.hypot(pose[:, None, 0] - pose[None, :, 0], pose[:, None, 1] - pose[None, :, 1])
    near = (gap < reach[:, None] + reach[None, :]) & (owner[:, None] < owner[None, :])
    first, second = np.nonzero(near)
    hit = _overlap(pose[first], half[first], pose[second], half[second])
    return np.asarray(
        np.unique(np.column_stack([owner[first], owner[second]])[hit], axis=0), np.int64
    )


def _overlap(pose_a: F64, half_a: F64, pose_b: F64, half_b: F64) -> NDArray[np.bool_]:
    """Whether rectangles overlap, by the separating axis theorem along both rectangles' sides."""
    apart = np.zeros(len(pose_a), bool)
    between = pose_b[:, :2] - pose_a[:, :2]
    for heading in (pose_a[:, 2], pose_b[:, 2]):
        for turn in (0.0, np.pi / 2):
            axis = np.column_stack([np.cos(heading + turn), np.sin(heading + turn)])
            room = _reach(pose_a, half_a, axis) + _reach(pose_b, half_b, axis)
            apart |= np.abs(np.einsum("ij,ij->i", between, axis)) >= room
    return ~apart


def _reach(pose: F64, half: F64, axis: F64) -> F64:
    """How far rectangles reach from their middle along axes."""
    c, s = np.cos(pose[:, 2]), np.sin(pose[:, 2])
    along = np.abs(axis[:, 0] * c + axis[:, 1] * s)
    across = np.abs(axis[:, 1] * c - axis[:, 0] * s)
    return np.asarray(half[:, 0] * along + half[:, 1] * across, np.float64)
