"""What the track step hands to the tracker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from detector.detections import Detections, Image
from pipeline.counting import Counter
from pipeline.frame import Frame, SourceInfo
from pipeline.sinks.counts import CountsSink
from pipeline.steps import Parts, build_stages
from tracking.camera_motion import CameraMotion
from tracking.tracks import Motion, Tracks


class Frames:
    """A source of these frames, named clip."""

    name = "clip"
    info = SourceInfo("clip.mp4", 320, 240, Fraction(30), None)

    def __init__(self, frames: list[Frame]) -> None:
        self.lost: list[str] = []
        self._frames = frames

    def __iter__(self) -> Iterator[Frame]:
        return iter(self._frames)

    def close(self) -> None:
        pass


class Blind:
    """Finds one box in each image."""

    class_names = ("car",)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        box = np.array([[10, 10, 40, 30]], np.float32)
        return [Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64)) for _ in images]


class Listening:
    """Remembers what it is told, and shows nothing."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float | None, Motion | None]] = []

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        self.told.append((len(detections), time_s, motion))
        return Tracks.empty()


def texture() -> Image:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (480, 320), interpolation=cv2.INTER_CUBIC), np.uint8)


def told(
    folder: Path, indexes: list[int], times: list[int], camera: CameraMotion | None
) -> list[tuple[int, float | None, Motion | None]]:
    """What the tracker gets from views of one ground, 2 px further for each frame number."""
    ground = texture()
    frames = [
        Frame(
            np.ascontiguousarray(ground[:240, 2 * k : 320 + 2 * k]), "clip", k, t, Fraction(1, 90)
        )
        for k, t in zip(indexes, times, strict=True)
    ]
    tracker = Listening()
    counts = CountsSink(folder, ("car",))
    parts = Parts(Frames(frames), Blind(), tracker, camera, Counter(("car",)), counts, [])
    items: Iterator[Any] = iter(())
    for stage in build_stages(parts, min_score=0.1, frame_batch=1):
        items = stage.step(items)
    assert list(items) == indexes
    return tracker.told


def test_frames_keep_their_times_and_missing_ones_lie_between(tmp_path: Path) -> None:
    got = told(tmp_path, [4, 5, 8], [90, 95, 110], None)
    assert [(count, motion) for count, _, motion in got] == [
        *[(1, None)] * 2,
        *[(0, None)] * 2,
        (1, None),
    ]
    assert [time for _, time, _ in got] == pytest.approx(
        [90 / 90, 95 / 90, 100 / 90, 105 / 90, 110 / 90]
    )


def test_the_view_s_motion_goes_from_seen_frame_to_seen_frame(tmp_path: Path) -> None:
    got = told(tmp_path, [0, 1, 4], [0, 3, 12], CameraMotion())
    shifts = [motion.matrix[:, 2] for _, _, motion in got if motion is not None]
    np.testing.assert_allclose(shifts, [[0, 0], [-2, 0], [-6, 0]], atol=0.1)
    assert [motion is None for _, _, motion in got] == [False, False, True, True, False]
