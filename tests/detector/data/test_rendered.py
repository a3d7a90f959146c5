from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from detector.data.rendered import (
    CLASS_NAMES,
    FlightConfig,
    RenderedFrame,
    render_flight,
    render_still,
)
from detector.data.rendering.staging import FlightPlan, plan_flight

SMALL = FlightConfig(seed=11, width=480, height=272, frames=12, altitude_m=60.0, pitch_deg=60.0)


@lru_cache(maxsize=8)
def flight(config: FlightConfig) -> tuple[RenderedFrame, ...]:
    return tuple(render_flight(config))


@lru_cache(maxsize=1)
def stills() -> tuple[RenderedFrame, ...]:
    return tuple(render_still(seed, width=416, height=320) for seed in range(20))


def test_the_same_config_gives_the_same_bytes() -> None:
    again = tuple(render_flight(SMALL))
    for first, second in zip(flight(SMALL), again, strict=True):
        for name in ("image", "boxes", "class_ids", "ids", "visibility", "camera_motion"):
            assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name


def test_another_seed_gives_another_flight() -> None:
    other = next(render_flight(FlightConfig(seed=12, width=480, height=272, frames=1)))
    assert np.abs(other.image.astype(int) - flight(SMALL)[0].image).mean() > 5


def test_a_still_is_fixed_by_its_seed() -> None:
    again = render_still(3, width=416, height=320)
    assert again.image.tobytes() == stills()[3].image.tobytes()
    assert again.boxes.tobytes() == stills()[3].boxes.tobytes()


def test_frames_have_the_promised_types() -> None:
    frames = flight(SMALL)
    assert len(frames) == SMALL.frames
    for frame in frames:
        count = len(frame.ids)
        assert frame.image.shape == (272, 480, 3)
        assert frame.image.dtype == np.uint8
        assert frame.boxes.shape == (count, 4)
        assert frame.boxes.dtype == np.float32
        assert frame.class_ids.dtype == np.int64
        assert frame.ids.dtype == np.int64
        assert frame.visibility.dtype == np.float32
        assert frame.camera_motion.dtype == np.float64


@pytest.mark.parametrize("scene", ["junction", "motorway", "car_park", "roundabout"])
def test_ids_are_unique_in_a_frame_and_keep_their_class(scene: str) -> None:
    config = FlightConfig(
        seed=5,
        width=480,
        height=272,
        frames=10,
        frame_rate=10,
        altitude_m=80.0,
        scene=scene,  # type: ignore[arg-type]
    )
    classes: dict[int, set[int]] = defaultdict(set)
    for frame in flight(config):
        assert len(set(frame.ids.tolist())) == len(frame.ids)
        assert (frame.ids > 0).all()
        for object_id, class_id in zip(frame.ids.tolist(), frame.class_ids.tolist(), strict=True):
            classes[object_id].add(class_id)
    assert classes
    assert all(len(found) == 1 for found in classes.values())


def test_boxes_lie_in_the_frame_and_are_large_enough() -> None:
    for frame in (*flight(SMALL), *stills()):
        height, width = frame.image.shape[:2]
        assert (frame.boxes >= 0).all()
        assert (frame.boxes[:, 0::2] <= width).all()
        assert (frame.boxes[:, 1::2] <= height).all()
        sides = np.sort(frame.boxes[:, 2:] - frame.boxes[:, :2], axis=1)
        assert (sides[:, 1] >= 4).all()
        assert (sides[:, 0] >= 2).all()
        assert (frame.visibility >= 0.2).all()
        assert (frame.visibility <= 1.001).all()


def test_objects_move_smoothly() -> None:
    """At 30 frames/s nothing jumps: between frames a box moves with the ground and at most 1 m."""
    frames = flight(SMALL)
    moved = []
    for before, after in pairwise(frames):
        known = dict(zip(before.ids.tolist(), before.boxes, strict=True))
        for object_id, box in zip(after.ids.tolist(), after.boxes, strict=True):
            if object_id in known and box.min() > 1 and box[2] < 479 and box[3] < 271:
                centre = (known[object_id][:2] + known[object_id][2:]) / 2
                there = cv2.perspectiveTransform(
                    centre.reshape(1, 1, 2).astype(np.float64), after.camera_motion
                )
                moved.append(np.abs(there.ravel() - (box[:2] + box[2:]) / 2).max())
    assert moved
    # 480 px wide at 60 m: under 9 px a metre.
    assert max(moved) < 9


def test_camera_motion_takes_the_ground_to_its_next_place() -> None:
    config = FlightConfig(
        seed=8,
        width=480,
        height=360,
        frames=16,
        frame_rate=8,
        altitude_m=70.0,
        pitch_deg=90.0,
        scene="car_park",
    )
    frames = flight(config)
    assert np.array_equal(frames[0].camera_motion, np.eye(3))
    errors, shifts = [], []
    for before, after in pairwise(frames):
        warped = cv2.warpPerspective(_grey(before), _centred(after.camera_motion), (480, 360))
        window = np.s_[80:280, 120:360]
        shift, _ = cv2.phaseCorrelate(warped[window], _grey(after)[window])
        errors.append(float(np.linalg.norm(shift)))
        shift, _ = cv2.phaseCorrelate(_grey(before)[window], _grey(after)[window])
        shifts.append(float(np.linalg.norm(shift)))
    assert max(errors) < 0.6
    assert np.median(errors) < 0.25
    assert max(shifts) > 2, "the camera has to move for this test to mean anything"


def _grey(frame: RenderedFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _centred(
    matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The same motion for OpenCV, whose pixel middles are whole numbers."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    return np.asarray(np.linalg.inv(half) @ matrix @ half)


@pytest.mark.parametrize("altitude_m", [40.0, 80.0])
def test_cars_have_their_real_size(altitude_m: float) -> None:
    """From straight above, a car's box is as large as 4.5 x 1.8 m at any heading can make it."""
    focal_px = 700.0
    plan = FlightPlan(4, (900, 700), 0.0, altitude_m, 90.0, focal_px, "car_park")
    flown = plan_flight(plan)
    shot = flown.shoot(flown.view(0.0))
    whole = (shot.visibility > 0.97) & (shot.class_ids == CLASS_NAMES.index("car"))
    boxes = shot.boxes[whole]
    assert len(boxes) > 5
    metres = (boxes[:, 2:] - boxes[:, :2]).sum(axis=1) * altitude_m / focal_px
    assert 0.95 * 6.2 < np.median(metres) < 1.05 * 6.7 * 2**0.5


def test_stills_are_varied() -> None:
    frames = stills()
    means = np.array([frame.image.mean(axis=(0, 1)) for frame in frames])
    assert means.mean(axis=1).std() > 12, "brightness"
    assert (means.max(axis=1) - means.min(axis=1)).std() > 4, "colour cast"
    counts = np.array([len(frame.ids) for frame in frames])
    assert counts.std() > 4
    assert (counts == 0).mean() < 0.2
    sides = np.concatenate(
        [np.sqrt(np.prod(f.boxes[:, 2:] - f.boxes[:, :2], axis=1)) for f in frames]
    )
    assert np.quantile(sides, 0.9) / np.quantile(sides, 0.1) > 2.5, "apparent sizes"
    assert (np.concatenate([frame.visibility for frame in frames]) < 0.9).mean() > 0.03


def test_every_class_occurs() -> None:
    found = np.bincount(np.concatenate([f.class_ids for f in stills()]), minlength=len(CLASS_NAMES))
    assert (found > 0).all(), dict(zip(CLASS_NAMES, found.tolist(), strict=True))
    assert found[CLASS_NAMES.index("car")] == found.max()


def test_a_low_view_makes_near_cars_larger_than_far_ones() -> None:
    cars = np.concatenate(
        [
            frame.boxes[(frame.class_ids == 0) & (frame.visibility > 0.9)]
            for seed in range(3)
            for frame in flight(
                FlightConfig(
                    seed=seed,
                    width=640,
                    height=400,
                    frames=1,
                    altitude_m=30.0,
                    pitch_deg=20.0,
                    scene="motorway",
                )
            )
        ]
    )
    assert len(cars) > 10
    assert np.corrcoef(cars[:, 3], cars[:, 3] - cars[:, 1])[0, 1] > 0.7
