"""DeepSORT's rules by hand-worked tables, and against the slow reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from detector.detections import Detections
from tests.tracking.deepsort_reference import ReferenceDeepSort
from tests.tracking.scenes import Array, Scene, difference, make
from tracking.config import DeepSortConfig
from tracking.deepsort import DeepSort
from tracking.gallery import Vectors
from tracking.tracks import Tracks

RED, BLUE = [1.0, 0.0], [0.0, 1.0]

Object = tuple[float, Sequence[float]]
"""Left edge of a 40 px box, and how it looks."""


def frame(*objects: Object) -> Detections:
    left = np.array([x for x, _ in objects], np.float64).reshape(-1, 1)
    boxes = np.concatenate((left, left * 0 + 100, left + 40, left * 0 + 140), axis=1)
    looks = np.array([look for _, look in objects], np.float32).reshape(-1, 2)
    count = len(objects)
    return Detections(boxes, np.full(count, 0.9), np.zeros(count, np.int64), looks)


def shown(frames: Sequence[Detections], **values: float) -> list[Tracks]:
    tracker = DeepSort(DeepSortConfig(**values))  # type: ignore[arg-type]
    return [tracker.update(one) for one in frames]


def ids(tracks: Sequence[Tracks]) -> list[list[int]]:
    return [sorted(one.ids.tolist()) for one in tracks]


NONE = frame()


def test_n_init_frames_in_a_row_are_asked_at_the_start_too() -> None:
    red = frame((0, RED))
    assert ids(shown([red] * 4)) == [[], [], [1], [1]]
    assert ids(shown([red] * 2, n_init=1)) == [[], [1]]
    assert ids(shown([red, red, NONE, red, red, red])) == [[], [], [], [], [], [2]]


def test_the_first_missed_frame_shows_the_prediction() -> None:
    moving = [frame((3.0 * k, RED)) for k in range(8)]
    tracks = shown([*moving, NONE, NONE])
    assert ids(tracks)[7:] == [[1], [1], []]
    assert tracks[7].detection.tolist() == [0]
    assert tracks[8].detection.tolist() == [-1]
    assert abs(tracks[8].boxes[0, 0] - 24) < 2


@pytest.mark.parametrize("max_age", [1, 4])
def test_one_missed_frame_less_than_max_age_is_bridged(max_age: int) -> None:
    for missed in (max_age - 1, max_age):
        frames = [frame((0, RED))] * 4 + [NONE] * missed + [frame((0, RED))] * 3
        last = ids(shown(frames, max_age=max_age))[-1]
        assert last == ([1] if missed < max_age else [2])


def test_looks_decide_between_objects_that_change_places() -> None:
    before = [frame((0, RED), (6, BLUE))] * 5
    tracks = shown([*before, frame((6, RED), (0, BLUE))], max_cosine_distance=0.2)
    first, last = tracks[4], tracks[5]
    by_id = dict(zip(last.ids.tolist(), last.detection.tolist(), strict=True))
    assert first.ids.tolist() == [1, 2]
    assert by_id == {1: 0, 2: 1}
    assert last.boxes[list(by_id).index(1), 0] > 1


def test_the_filters_gate_comes_before_looks() -> None:
    tracks = shown([frame((0, RED))] * 5 + [frame((300, RED))] * 3)
    assert ids(tracks)[5:] == [[1], [], [2]]


def test_what_was_seen_last_chooses_first() -> None:
    # The old track looks just like the detection, the newer one only nearly.
    near = [0.95, float(np.sqrt(1 - 0.95**2))]
    frames = [frame((0, RED))] * 4 + [NONE] * 2 + [frame((12, near))] * 4
    tracks = shown(frames, max_cosine_distance=0.001)
    assert ids(tracks)[-1] == [2]
    tracker = DeepSort(DeepSortConfig(max_cosine_distance=0.2))
    for one in [frame((0, RED), (6, near))] * 4 + [frame((6, near))] * 2:
        tracker.update(one)
    last = tracker.update(frame((3, RED)))
    assert last.ids[last.detection == 0].tolist() == [2]


def test_the_oldest_looks_are_forgotten() -> None:
    change = [frame((0, RED))] * 4 + [frame((0, BLUE))] * 3 + [NONE] * 2
    for budget, expected in ((3, [2]), (7, [1])):
        tracks = shown([*change, *[frame((0, RED))] * 3], nn_budget=budget)
        assert ids(tracks)[-1] == expected


def test_detections_without_features_are_refused() -> None:
    tracker = DeepSort(DeepSortConfig())
    assert len(tracker.update(Detections.empty())) == 0
    with pytest.raises(ValueError, match="appearance vectors"):
        tracker.update(Detections(np.ones((1, 4)), np.ones(1), np.zeros(1, np.int64)))


def test_boxes_without_height_are_left_out() -> None:
    flat = frame((0, RED), (60, BLUE))
    flat.boxes[0, 3] = 100
    tracks = shown([flat] * 3)
    assert tracks[2].ids.tolist() == [1]
    assert tracks[2].detection.tolist() == [1]


def _looks(frames: Sequence[Array], rng: np.random.Generator, width: int) -> list[Vectors]:
    """Vectors that hang on where a box is, so that neighbours look alike, and noise."""
    waves = rng.normal(0, 0.02, (2, width))
    found = []
    for boxes in frames:
        looks = np.sin(boxes[:, :2] @ waves) + rng.normal(0, 0.15, (len(boxes), width))
        found.append((looks / np.linalg.norm(looks, axis=1, keepdims=True)).astype(np.float32))
    return found


SCENES = {
    "plain": Scene(objects=10, frames=50),
    "flicker": Scene(objects=8, miss=0.4, frames=50),
    "gaps": Scene(objects=8, empty=0.3, frames=50),
    "crossing": Scene(objects=25, size=(40, 120), frames=25),
    "tiny and fast": Scene(objects=15, size=(3, 9), speed=5, frames=30),
}


@pytest.mark.parametrize("scene", list(SCENES))
@pytest.mark.parametrize(
    "values", [{}, {"max_cosine_distance": 0.05, "nn_budget": 4, "max_age": 5, "n_init": 2}]
)
def test_the_reference(scene: str, values: dict[str, float]) -> None:
    frames = make(SCENES[scene], seed=1)
    looks = _looks(frames, np.random.default_rng(0), 8)
    tracker = DeepSort(DeepSortConfig(**values))  # type: ignore[arg-type]
    reference = ReferenceDeepSort(**values)  # type: ignore[arg-type]
    ours, theirs = [], []
    for boxes, features in zip(frames, looks, strict=True):
        zeros = np.zeros(len(boxes), np.int64)
        found = tracker.update(Detections(boxes[:, :4], boxes[:, 4], zeros, features))
        ours.append(np.c_[found.ids, found.boxes])
        theirs.append(reference.update(boxes[:, :4], features.astype(np.float64)))
    assert sum(map(len, theirs)) > 20
    assert difference(ours, theirs) is None
