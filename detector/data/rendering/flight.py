"""A flight over a scene, shot frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.backdrop import Stage, draw_backdrop
from detector.data.rendering.camera import Camera, CameraPath
from detector.data.rendering.optics import Optics, expose
from detector.data.rendering.raster import Drawn, Rasteriser, downsample
from detector.data.rendering.shadows import ground_shades
from detector.data.rendering.traffic import Mover, Part

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

MIN_SHARE = 0.2
MIN_LONG_PX, MIN_SHORT_PX = 4.0, 2.0
TURN_STEPS = 720
"""Shadow outlines are kept per heading in steps of half a degree."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame: picture, truth and the ground's homography to pixels."""

    image: U8
    boxes: NDArray[np.float32]
    class_ids: NDArray[np.int64]
    ids: NDArray[np.int64]
    visibility: NDArray[np.float32]
    homography: F64


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The first half of a frame's work: camera, poses of all solids and the backdrop."""

    time_s: float
    camera: Camera
    poses: F64
    canvas: U8


class Flight:
    """A scene that is ready to be shot from a camera path.

    A frame is made in three steps, `view`, `shoot` and `develop`, which may run in three threads.

    Args:
        seed: Of the sensor's noise.
        path: Where the camera is.
        cast: The objects that are labelled, and the poses `(P, 3)` of the solids that are not.
        stage: Ground, light and sky.
        rasteriser: Draws them; its first groups are the objects.
        optics: The camera's look.
    """

    def __init__(
        self,
        seed: int,
        path: CameraPath,
        cast: tuple[list[Mover], F64],
        stage: Stage,
        rasteriser: Rasteriser,
        optics: Optics,
    ) -> None:
        self._seed, self._path, self._stage = seed, path, stage
        self._rasteriser, self._optics = rasteriser, optics
        self.movers, self._still = cast
        self._standing = {k: m.poses(0.0) for k, m in enumerate(self.movers) if m.speed_mps == 0}
        self._id_step = max((m.object_id for m in self.movers), default=0)
        self._hulls: dict[tuple[int, int, int], tuple[F64, F64]] = {}

    def view(self, time_s: float) -> View:
        """The frame at a time without what stands in it."""
        camera = self._path.at(time_s)
        posed = [
            self._standing[k] if k in self._standing else m.poses(time_s)
            for k, m in enumerate(self.movers)
        ]
        hulls = [
            hull
            for k, (m, poses) in enumerate(zip(self.movers, posed, strict=True))
            if k not in self._standing and _in_view(camera, poses[0])
            for j, (part, pose) in enumerate(zip(m.kind.parts, poses, strict=True))
            for hull in [self._hull((k, j), part, pose)]
        ]
        canvas = draw_backdrop(self._stage, camera, hulls)
        return View(time_s, camera, np.concatenate([*posed, self._still]), canvas)

    def shoot(self, view: View) -> Shot:
        """The clean frame of a view, which is used up."""
        drawn = self._rasteriser.draw(view.canvas, view.camera, view.poses)
        boxes, keep = _worth_a_label(drawn, view.camera.image_wh)
        owners = [self.movers[g] for g in drawn.groups[keep]]
        ids = [m.object_id + m.lap(view.time_s) * self._id_step for m in owners]
        order = np.argsort(np.array(ids, np.int64), kind="stable")
        return Shot(
            downsample(view.canvas, view.camera.image_wh),
            boxes[keep][order].astype(np.float32),
            np.array([m.kind.class_id for m in owners], np.int64)[order],
            np.array(ids, np.int64)[order],
            drawn.shares[keep][order].astype(np.float32),
            view.camera.ground_homography(),
        )

    def develop(self, shot: Shot, index: int) -> Shot:
        """A frame as the camera delivers it; `index` seeds its noise."""
        noise = np.random.default_rng([self._seed, 77, index])
        return replace(shot, image=expose(shot.image, self._optics, noise))

    def _hull(self, which: tuple[int, int], part: Part, pose: F64) -> tuple[F64, F64]:
        """Shadow outlines of a moving part, kept for each heading."""
        step = round(float(pose[2]) / (2 * np.pi) * TURN_STEPS)
        key = (*which, step)
        if key not in self._hulls:
            heading = step * 2 * np.pi / TURN_STEPS
            self._hulls[key] = ground_shades(part.plain, part.scale, heading, self._stage.light)
        sun, under = self._hulls[key]
        return pose[:2] + sun, pose[:2] + under


def _in_view(camera: Camera, pose: F64) -> bool:
    """Whether an object's shadow may be seen."""
    pixels, depth = camera.project(np.array([[pose[0], pose[1], 0.0]]))
    margin = 30 * camera.focal_px / max(float(depth[0]), 1.0)
    size = np.array(camera.image_wh)
    return bool(depth[0] > 0 and (pixels > -margin).all() and (pixels < size + margin).all())


def _worth_a_label(drawn: Drawn, image_wh: tuple[int, int]) -> tuple[F64, NDArray[np.bool_]]:
    """Boxes clipped to the frame, and which are shown and large enough."""
    width, height = image_wh
    boxes = np.clip(drawn.boxes, 0, [width, height, width, height])
    size = np.sort(boxes[:, 2:] - boxes[:, :2], axis=1)
    large = (size[:, 1] >= MIN_LONG_PX) & (size[:, 0] >= MIN_SHORT_PX)
    return boxes, large & (drawn.shares >= MIN_SHARE)
