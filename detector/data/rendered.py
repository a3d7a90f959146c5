"""Rendered drone flights with exact truth: the demo's input and part of the training set."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.flight import Shot, View
from detector.data.rendering.staging import FlightPlan, plan_flight, plan_still

CLASS_NAMES = ("car", "truck", "bus", "pedestrian")

AHEAD = 2
"""Frames that other threads work on before and behind the one being drawn."""

SceneName: TypeAlias = Literal[
    "junction", "avenue", "motorway", "roundabout", "car_park", "estate", "yard"
]


@dataclass(frozen=True, slots=True)
class FlightConfig:
    """One flight, fixed by its seed.

    Attributes:
        seed: Of everything that is drawn.
        width: Of a frame in pixels.
        height: Of a frame in pixels.
        frames: How many.
        frame_rate: Per second; sets how far things move between frames.
        altitude_m: Height of the camera at the start; `None` draws 20 to 120.
        pitch_deg: Angle below the horizon, 90 looks straight down; `None` draws 45 to 90.
        scene: What is flown over; `None` draws one.
    """

    seed: int = 0
    width: int = 1024
    height: int = 540
    frames: int = 150
    frame_rate: float = 30.0
    altitude_m: float | None = None
    pitch_deg: float | None = None
    scene: SceneName | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RenderedFrame:
    """A picture and what is to be seen in it.

    An object's box is the extent of its whole projected body, also where something hides a part
    of it, clipped to the frame. Left out are objects of which less than 20 % of the projected
    area is inside the frame and unhidden, or whose clipped box is under 4 px long or 2 px wide.

    Attributes:
        image: `(H, W, 3)` uint8, RGB.
        boxes: `(N, 4)` float32 `x1, y1, x2, y2` in pixels.
        class_ids: `(N,)` int64, rows of `CLASS_NAMES`.
        ids: `(N,)` int64, positive, one per object of the flight.
        visibility: `(N,)` float32, share of the projected area inside the frame and not hidden.
        camera_motion: `(3, 3)` float64, takes the previous frame's pixels of the ground plane to
            this frame's (a pixel's middle is at + 0.5); identity in the first frame.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    ids: NDArray[np.int64]
    visibility: NDArray[np.float32]
    camera_motion: NDArray[np.float64]


def render_flight(config: FlightConfig) -> Iterator[RenderedFrame]:
    """The frames of a flight, in order; the same config gives the same bytes."""
    plan = FlightPlan(
        config.seed,
        (config.width, config.height),
        config.frames / config.frame_rate,
        config.altitude_m,
        config.pitch_deg,
        scene=config.scene,
    )
    flight = plan_flight(plan)
    times = [index / config.frame_rate for index in range(config.frames)]
    before: NDArray[np.float64] | None = None
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as last:
        views: deque[Future[View]] = deque(first.submit(flight.view, t) for t in times[:AHEAD])
        done: deque[Future[Shot]] = deque()
        for index in range(config.frames):
            view = views.popleft().result()
            if index + AHEAD < config.frames:
                views.append(first.submit(flight.view, times[index + AHEAD]))
            done.append(last.submit(flight.develop, flight.shoot(view), index))
            while len(done) > AHEAD or (done and index + 1 == config.frames):
                shot = done.popleft().result()
                yield _frame(shot, before)
                before = shot.homography


def render_still(seed: int, *, width: int, height: int) -> RenderedFrame:
    """One frame of a freshly drawn scene in the widest variety, for training.

    The camera is 8 to 150 m up and looks 10 to 90 degrees below the horizon; a car in the middle
    is about 2 to 14 % of the frame's width long. A few frames hold no object.
    """
    flight = plan_still(seed, (width, height))
    return _frame(flight.develop(flight.shoot(flight.view(0.0)), 0), None)


def _frame(shot: Shot, before: NDArray[np.float64] | None) -> RenderedFrame:
    motion = np.eye(3)
    if before is not None:
        motion = shot.homography @ np.linalg.inv(before)
        motion /= motion[2, 2]
    return RenderedFrame(shot.image, shot.boxes, shot.class_ids, shot.ids, shot.visibility, motion)
