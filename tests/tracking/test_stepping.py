from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Detections
from tests.tracking.scenes import Scene, camera, make
from tracking.build import build_tracker
from tracking.config import TRACKER_CONFIGS, SortConfig
from tracking.mot import MAX_FRAME, MotRows
from tracking.stepping import frames_to_step, track_rows
from tracking.tracks import Motion, Tracks

EXACT = ["sort", "bytetrack", "ocsort", "botsort"]


def _rows(frames: list[int], seed: int = 0) -> MotRows:
    """A scene's detections, its frames set at the numbers given."""
    scene = make(Scene(objects=4, frames=len(frames), false=0.3), seed)
    numbers = np.repeat(frames, [len(frame) for frame in scene])
    table = np.concatenate(scene)
    none = np.zeros(len(table), np.int64)
    return MotRows(numbers, none - 1, table[:, :4], table[:, 4], none)


class Recorder:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, list[float]]] = []

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        matrix = [] if motion is None else motion.matrix.ravel().tolist()
        self.seen.append((len(detections), matrix))
        return Tracks.empty()


@pytest.mark.parametrize("name", EXACT)
def test_skipped_frames_change_nothing(name: str) -> None:
    rows = _rows([*range(3, 20), *range(200, 220), 500, 501, 502])
    steps = range(1, 700)
    skipping = build_tracker(TRACKER_CONFIGS[name]())
    stepped = [frame for frame, _ in track_rows(rows, skipping, None, steps)]
    assert len(stepped) < 180
    assert stepped == sorted(set(stepped))
    again, plain = (build_tracker(TRACKER_CONFIGS[name]()) for _ in range(2))
    found = dict(track_rows(rows, again, None, steps))
    shown = 0
    for frame in steps:
        expected = plain.update(rows.detections(frame))
        tracks = found.get(frame, Tracks.empty())
        assert tracks.ids.tolist() == expected.ids.tolist()
        np.testing.assert_array_equal(tracks.boxes, expected.boxes)
        shown += len(tracks)
    assert shown > 20


@pytest.mark.parametrize("name", EXACT)
def test_ten_million_frames_with_few_detections(name: str) -> None:
    rows = _rows([5, 6, 7, MAX_FRAME - 1, MAX_FRAME])
    tracker = build_tracker(TRACKER_CONFIGS[name]())
    stepped = [frame for frame, _ in track_rows(rows, tracker, None, range(1, MAX_FRAME + 1))]
    assert stepped[-1] == MAX_FRAME
    assert len(stepped) < 100


def test_a_tracker_that_does_not_skip_sees_every_frame() -> None:
    recorder = Recorder()
    rows = _rows([2, 4])
    assert [frame for frame, _ in track_rows(rows, recorder, None, range(1, 7))] == [*range(1, 7)]
    assert [count > 0 for count, _ in recorder.seen] == [False, True, False, True, False, False]


def test_nothing_to_step() -> None:
    tracker = build_tracker(SortConfig())
    assert list(frames_to_step(_rows([3]), tracker, range(1, 1))) == []


def test_motions_belong_to_frames_and_end_with_the_identity() -> None:
    recorder = Recorder()
    motions = camera("turned", 3, 0)
    list(track_rows(_rows([1, 2]), recorder, motions, range(1, 5)))
    expected = [motion.matrix.ravel().tolist() for motion in (*motions, Motion.identity())]
    assert [matrix for _, matrix in recorder.seen] == expected
