"""Detections as a detector would give them, derived from true tracks by a seeded model.

What happens to a box in one frame hangs on what happened in the frame before, as it does in real
detections: errors drift, misses come in runs, scores change slowly, a false detection may stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, IntArray
from tracking.tracks import Float64Array, Motion

CLASS_NAMES = ("car", "truck", "bus")


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The true boxes of a sequence, by ascending frame.

    Attributes:
        frames: `(N,)`, from 1.
        ids: `(N,)`.
        boxes: `(N, 4)` xyxy.
        classes: `(N,)`, rows of `CLASS_NAMES`.
        hidden: `(N,)`, how much of each is covered, 0 to 1.
    """

    frames: IntArray
    ids: IntArray
    boxes: Float64Array
    classes: IntArray
    hidden: Float64Array

    @property
    def last_frame(self) -> int:
        return int(self.frames.max(initial=0))

    @property
    def wh(self) -> Float64Array:
        """Right and lower end of all boxes, which stands for the size of the frame."""
        return np.asarray(self.boxes[:, 2:].max(axis=0))


@dataclass(frozen=True, slots=True)
class Noise:
    """What goes wrong; shares are of the true boxes.

    Attributes:
        jitter: Standard deviation of the edges, in shares of the box's size.
        miss: Share missed for one frame, of objects in plain view.
        runs: Share of the frames in which an object begins to be missed for several.
        run_frames: Mean length of such a run.
        false: Single false detections a frame, in shares of the mean number of objects.
        ghosts: False detections that stay, in shares of the mean number of objects.
        flips: Share of the detections with another class than the true one.
        score: Of an object of 40 px in plain view, on average.
    """

    jitter: float = 0.05
    miss: float = 0.04
    runs: float = 0.01
    run_frames: float = 8.0
    false: float = 0.05
    ghosts: float = 0.05
    flips: float = 0.05
    score: float = 0.8


MILD = Noise(0.03, 0.02, 0.003, 5.0, 0.02, 0.02, 0.02, 0.85)
USUAL = Noise()
HARSH = Noise(0.08, 0.1, 0.02, 10.0, 0.15, 0.08, 0.12, 0.7)


@dataclass(frozen=True, slots=True)
class Shake:
    """A camera that jumps at random from frame to frame, about its true path.

    Attributes:
        shift_px: Standard deviation of each frame's place.
        turn_deg: Of its roll.
        zoom: Of its scale.
    """

    shift_px: float = 20.0
    turn_deg: float = 0.5
    zoom: float = 0.005


def derive(truth: Truth, noise: Noise, seed: int) -> list[Detections]:
    """Detections of each frame from 1 to the last, in shuffled order."""
    rng = np.random.default_rng(seed)
    boxes, keep, scores = _found(truth, noise, rng)
    classes = _flipped(truth, noise, rng)
    true = (truth.frames[keep], boxes[keep], scores[keep], classes[keep])
    parts = (true, _single(truth, noise, rng), _ghosts(truth, noise, rng))
    frames = np.concatenate([part[0] for part in parts])
    boxes = np.concatenate([part[1] for part in parts])
    scores = np.concatenate([part[2] for part in parts])
    classes = np.concatenate([part[3] for part in parts])
    order = rng.permutation(len(frames))
    order = order[np.argsort(frames[order], kind="stable")]
    boxes, scores, classes = boxes[order], scores[order], classes[order]
    ends = np.searchsorted(frames[order], np.arange(1, truth.last_frame + 2))
    return [
        Detections(boxes[begin:end], scores[begin:end], classes[begin:end])
        for begin, end in pairwise(ends)
    ]


def shake(
    truth: Truth, detections: list[Detections], settings: Shake, seed: int
) -> tuple[Truth, list[Detections], list[Motion]]:
    """The same seen by a shaking camera, and how the view moved since the frame before."""
    rng = np.random.default_rng(seed)
    count = truth.last_frame
    views = np.zeros((count, 3, 3))
    turn = np.deg2rad(rng.normal(0, settings.turn_deg, count))
    zoom = np.exp(rng.normal(0, settings.zoom, count))
    views[:, 2, 2] = 1
    views[:, 0, 0] = views[:, 1, 1] = zoom * np.cos(turn)
    views[:, 1, 0] = zoom * np.sin(turn)
    views[:, 0, 1] = -views[:, 1, 0]
    middle = truth.wh / 2
    views[:, :2, 2] = (
        middle - views[:, :2, :2] @ middle + rng.normal(0, settings.shift_px, (count, 2))
    )
    moved = [
        Detections(
            _seen(one.boxes.astype(np.float64), view[None].repeat(len(one), 0)),
            one.scores,
            one.class_ids,
        )
        for one, view in zip(detections, views, strict=True)
    ]
    motions = [Motion.identity()]
    motions += [
        Motion(np.ascontiguousarray((after @ np.linalg.inv(before))[:2]))
        for before, after in pairwise(views)
    ]
    return replace(truth, boxes=_seen(truth.boxes, views[truth.frames - 1])), moved, motions


def _seen(boxes: Float64Array, views: Float64Array) -> Float64Array:
    """Boxes about the moved centres, their sides scaled; the objects stand upright still."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    centre = (views[:, :2, :2] @ centre[:, :, None])[:, :, 0] + views[:, :2, 2]
    scale = np.sqrt(np.linalg.det(views[:, :2, :2]))[:, None]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * scale
    return np.concatenate((centre - half, centre + half), axis=1)


def _slow(truth: Truth, rng: np.random.Generator, width: int, memory: float) -> Float64Array:
    """`(N, width)` normal numbers that drift over the frames of each object."""
    values = rng.normal(size=(len(truth.frames), width))
    order = np.lexsort((truth.frames, truth.ids))
    same = np.diff(truth.ids[order]) == 0
    for before, row, joined in zip(order[:-1], order[1:], same, strict=True):
        if joined:
            values[row] = memory * values[before] + np.sqrt(1 - memory**2) * values[row]
    return values


def _found(
    truth: Truth, noise: Noise, rng: np.random.Generator
) -> tuple[Float64Array, NDArray[np.bool_], Float64Array]:
    """Boxes with jitter, which of them are found, and with what score."""
    size = truth.boxes[:, 2:] - truth.boxes[:, :2]
    error = noise.jitter * (_slow(truth, rng, 4, 0.7) * 0.7 + rng.normal(size=(len(size), 4)) * 0.7)
    boxes = truth.boxes + error * np.tile(size, 2)
    # An object of 10 px scores 0.2 less than one of 40 px.
    scale = np.clip(np.log2(np.sqrt(size.prod(axis=1)) / 40), -3, 1)
    score = noise.score + 0.1 * scale - 0.6 * truth.hidden
    score += 0.1 * _slow(truth, rng, 1, 0.9)[:, 0] + 0.05 * rng.normal(size=len(size))
    score = np.clip(score, 0.02, 0.99)
    missed = rng.random(len(size)) < noise.miss + 0.3 * truth.hidden * (rng.random(len(size)) < 0.5)
    missed |= _in_run(truth, noise, rng)
    return boxes, ~missed & (score > 0.05), score


def _in_run(truth: Truth, noise: Noise, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Whether each box falls into a run of misses; covered objects begin one more often."""
    begin = rng.random(len(truth.frames)) < noise.runs * (1 + 4 * truth.hidden)
    end = rng.random(len(truth.frames)) < 1 / noise.run_frames
    order = np.lexsort((truth.frames, truth.ids))
    missed = np.zeros(len(order), bool)
    owner, inside = -1, False
    for row in order:
        inside = begin[row] or (inside and truth.ids[row] == owner and not end[row])
        owner = truth.ids[row]
        missed[row] = inside
    return missed


def _flipped(truth: Truth, noise: Noise, rng: np.random.Generator) -> IntArray:
    """The classes, some of them wrong for several frames in a row."""
    # The drifting number exceeds this limit as often as the flips ask.
    drift = _slow(truth, rng, 1, 0.8)[:, 0]
    limit = np.quantile(drift, 1 - noise.flips) if len(drift) else 0.0
    other = (truth.classes + rng.integers(1, len(CLASS_NAMES), len(drift))) % len(CLASS_NAMES)
    return np.where(drift > limit, other, truth.classes)


Found: TypeAlias = tuple[IntArray, Float64Array, Float64Array, IntArray]


def _single(truth: Truth, noise: Noise, rng: np.random.Generator) -> Found:
    """False detections of one frame, mostly of low score."""
    mean = noise.false * len(truth.frames) / max(truth.last_frame, 1)
    counts = rng.poisson(mean, truth.last_frame)
    frames = np.repeat(np.arange(1, truth.last_frame + 1), counts)
    boxes = _anywhere(truth, len(frames), rng)
    scores = np.clip(rng.beta(1.5, 3, len(frames)), 0.05, 0.95)
    return frames, boxes, scores, rng.integers(0, len(CLASS_NAMES), len(frames))


def _ghosts(truth: Truth, noise: Noise, rng: np.random.Generator) -> Found:
    """False detections that come again and again at one place for about a second."""
    mean = noise.ghosts * len(truth.frames) / max(truth.last_frame, 1)
    count = rng.poisson(mean * truth.last_frame / 30)
    begin = rng.integers(1, truth.last_frame + 1, count)
    length = rng.geometric(1 / 30, count)
    owner = np.repeat(np.arange(count), length)
    frames = begin[owner] + np.concatenate([np.arange(n) for n in length] or [np.zeros(0, int)])
    place = _anywhere(truth, count, rng)
    size = (place[:, 2:] - place[:, :2])[owner]
    boxes = place[owner] + noise.jitter * rng.normal(size=(len(owner), 4)) * np.tile(size, 2)
    scores = rng.uniform(0.15, 0.6, count)[owner] + 0.1 * rng.normal(size=len(owner))
    classes = rng.integers(0, len(CLASS_NAMES), count)[owner]
    keep = (frames <= truth.last_frame) & (rng.random(len(owner)) < 0.7)
    return frames[keep], boxes[keep], np.clip(scores, 0.05, 0.95)[keep], classes[keep]


def _anywhere(truth: Truth, count: int, rng: np.random.Generator) -> Float64Array:
    """Boxes of the objects' sizes, anywhere in the frame."""
    rows = rng.integers(0, max(len(truth.boxes), 1), count)
    size = (truth.boxes[:, 2:] - truth.boxes[:, :2])[rows]
    start = rng.random((count, 2)) * np.maximum(truth.wh - size, 1)
    return np.concatenate((start, start + size), axis=1)
