"""Seeded detection sequences, and the comparison of two trackers' outputs on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections
from tracking.tracks import Motion, Tracker, Tracks

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What a random scene is like; every number is per frame unless it says otherwise."""

    objects: int = 12
    frames: int = 60
    area_wh: tuple[float, float] = (640.0, 480.0)
    size: tuple[float, float] = (15.0, 70.0)
    speed: float = 4.0
    jitter: float = 1.0
    miss: float = 0.1
    false: float = 1.0
    doubled: float = 0.0
    empty: float = 0.0
    decimals: int | None = None
    life: int = 40


def make(scene: Scene, seed: int) -> list[Array]:
    """`(N, 5)` arrays of xyxy and score, a frame each."""
    rng = np.random.default_rng(seed)
    state = _born(scene, rng, scene.objects)
    frames: list[Array] = []
    for _ in range(scene.frames):
        state[:, :2] += state[:, 4:6] + rng.normal(0, 0.3, (len(state), 2))
        gone = rng.random(len(state)) < 1 / scene.life
        state[gone] = _born(scene, rng, int(gone.sum()))
        seen = state[rng.random(len(state)) > scene.miss]
        boxes = np.concatenate((seen[:, :2], seen[:, :2] + seen[:, 2:4]), axis=1)
        boxes += rng.normal(0, scene.jitter, boxes.shape)
        false = _born(scene, rng, rng.poisson(scene.false))
        boxes = np.concatenate((boxes, np.c_[false[:, :2], false[:, :2] + false[:, 2:4]]))
        twice = boxes[rng.random(len(boxes)) < scene.doubled]
        boxes = np.concatenate((boxes, twice))
        scores = np.concatenate((_scores(rng, len(seen)), rng.uniform(0, 0.8, len(false))))
        scores = np.concatenate((scores, rng.uniform(0.3, 1, len(twice))))
        frame = np.c_[boxes, scores]
        if scene.decimals is not None:
            frame = np.c_[frame[:, :4].round(scene.decimals), frame[:, 4].round(1)]
        frame[:, 2:4] = np.maximum(frame[:, 2:4], frame[:, :2] + 1)
        rng.shuffle(frame)
        frames.append(frame[:0] if rng.random() < scene.empty else frame)
    return frames


def _born(scene: Scene, rng: np.random.Generator, count: int) -> Array:
    place = rng.uniform(0, 1, (count, 2)) * scene.area_wh
    size = rng.uniform(*scene.size, (count, 2))
    return np.concatenate((place, size, rng.normal(0, scene.speed, (count, 2))), axis=1)


def camera(kind: str, frames: int, seed: int) -> list[Motion]:
    """A motion for each frame: the view is shifted, scaled as well, turned as well, or sheared."""
    rng = np.random.default_rng(seed)
    motions = []
    for _ in range(frames):
        matrix = np.eye(2, 3)
        if kind == "sheared":
            matrix[:, :2] += rng.normal(0, 0.02, (2, 2))
        elif kind != "shifted":
            angle = rng.normal(0, 0.02) * (kind == "turned") * (rng.random() < 0.7)
            turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
            matrix[:, :2] = rng.uniform(0.97, 1.03) * np.array(turn)
        matrix[:, 2] = rng.normal(0, 5, 2)
        motions.append(Motion(matrix))
    return motions


def _scores(rng: np.random.Generator, count: int) -> Array:
    return np.asarray(np.clip(rng.beta(5, 2, count), 0.02, 1.0), np.float64)


def detections(frame: Array, class_ids: NDArray[np.int64] | None = None) -> Detections:
    """A frame as the trackers take it, class 0 unless given."""
    ids = np.zeros(len(frame), np.int64) if class_ids is None else class_ids
    return Detections(frame[:, :4].astype(np.float64), frame[:, 4].astype(np.float64), ids)


def run(
    tracker: Tracker, frames: Sequence[Array], motions: Sequence[Motion] | None = None
) -> list[Array]:
    """Rows of id, xyxy and score for each frame."""
    out = []
    for index, frame in enumerate(frames):
        motion = None if motions is None else motions[index]
        tracks = tracker.update(detections(frame), motion=motion)
        out.append(np.c_[tracks.ids, tracks.boxes, tracks.scores])
    return out


def difference(ours: Sequence[Array], theirs: Sequence[Array]) -> str | None:
    """Where two outputs differ by more than 1e-3 px or in identity; `None` if nowhere.

    Ids may be numbered differently, but the numbering must map one to one over all frames.
    """
    names: dict[float, float] = {}
    for number, (a, b) in enumerate(zip(ours, theirs, strict=True), start=1):
        if len(a) != len(b):
            return f"frame {number}: {len(a)} tracks, expected {len(b)}"
        rest = dict(zip(b[:, 0].tolist(), b[:, 1:], strict=True))
        new = []
        for row in a:
            name = names.get(row[0])
            if name is None:
                new.append(row)
            elif name not in rest or not _same(row[1:], rest.pop(name)):
                return f"frame {number}: id {row[0]:.0f} is not where {name:.0f} is: {row}"
        for row in new:
            name = next((k for k, v in rest.items() if _same(row[1:], v)), None)
            if name is None or name in names.values():
                return f"frame {number}: nothing like the new {row}"
            names[row[0]] = name
            del rest[name]
    return None


def _same(a: Array, b: Array) -> bool:
    return bool(np.allclose(a, b, rtol=0, atol=1e-3, equal_nan=True))


class Reference(Protocol):
    """A slow tracker of arrays."""

    def update(self, dets: Array) -> Array:
        """Rows of id, xyxy and score."""
        ...


class AsTracker:
    """A reference behind the trackers' protocol; it knows no classes and no rows."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The reference's tracks of the next frame."""
        if motion is not None:
            vars(self._reference)["motion"] = motion.matrix
        rows = self._reference.update(np.c_[detections.boxes, detections.scores])
        ids, zeros = rows[:, 0].astype(np.int64), np.zeros(len(rows), np.int64)
        return Tracks(ids, rows[:, 1:5], zeros, rows[:, 5], zeros)


def at(*boxes: Sequence[float], score: float = 0.9) -> Array:
    """A frame of boxes `x, y, w, h[, score]`."""
    rows = [[*box, score][:5] for box in boxes]
    frame = np.array(rows, np.float64).reshape(-1, 5)
    frame[:, 2:4] += frame[:, :2]
    return frame


def ids_shown(tracker: Tracker, frames: Sequence[Array]) -> list[list[int]]:
    """The ids that each frame shows, ascending."""
    return [sorted(rows[:, 0].astype(int).tolist()) for rows in run(tracker, frames)]
