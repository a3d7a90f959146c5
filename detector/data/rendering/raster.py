"""Draws a scene's frames from far to near and keeps the truth of what it drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.backdrop import SHIFT, Stage
from detector.data.rendering.camera import Camera
from detector.data.rendering.foliage import Leaves, draw_leaves
from detector.data.rendering.solids import Faces, Solid, SolidBatch

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What one frame shows of each group that was drawn.

    Attributes:
        groups: `(N,)`.
        boxes: `(N, 4)` extent of the projected mesh, not clipped.
        shares: `(N,)` share of the projected area that is inside the frame and not hidden.
    """

    groups: Ints
    boxes: F64
    shares: F64


class Rasteriser:
    """Draws frames of solids and plants.

    Args:
        stage: Ground, light and sky.
        solids: Everything with faces.
        leaves: Everything with leaves.
        labelled: `(G,)` whether the truth of a group is wanted.
    """

    def __init__(
        self,
        stage: Stage,
        solids: Sequence[Solid],
        leaves: Sequence[Leaves],
        labelled: NDArray[np.bool_],
    ) -> None:
        self._stage, self._leaves, self._labelled = stage, leaves, labelled
        self._solids = SolidBatch(solids, labelled)
        self._leaf_at = np.array([leaf.at for leaf in leaves]).reshape(-1, 2)

    def draw(self, canvas: U8, camera: Camera, poses: F64) -> Drawn:
        """Draws everything over a backdrop, and the truth.

        The last channel of `canvas` receives a code per labelled group, by which the pixels that
        remain visible are counted; codes repeat after 255 groups, which are then far apart in
        depth and, within one group's box, practically never meet.

        Args:
            canvas: `(H * sampling, W * sampling, 4)`, changed in place.
            camera: Where from.
            poses: `(S, 3)` x, y and heading of each solid.
        """
        faces = self._solids.faces(self._stage, camera, poses)
        distance = np.hypot(*(self._leaf_at - camera.position[:2]).T)
        order = [(d, k, True) for k, d in enumerate(distance.tolist())]
        order += [(d, group, False) for group, d in faces.distances.items()]
        painted = self._paint(canvas, camera, faces, sorted(order, reverse=True))
        return self._truth(canvas, camera, faces, painted)

    def _paint(
        self, canvas: U8, camera: Camera, faces: Faces, order: list[tuple[float, int, bool]]
    ) -> dict[int, tuple[int, int]]:
        """Draws everything; the code and the own pixels of each labelled group."""
        painted: dict[int, tuple[int, int]] = {}
        for _, which, is_plant in order:
            if is_plant:
                draw_leaves(canvas, self._stage, camera, self._leaves[which])
                continue
            if which not in faces.starts:
                continue
            code = len(painted) % 255 + 1 if self._labelled[which] else 0
            first, last = faces.starts[which]
            for corners, (r, g, b) in zip(
                faces.corners[first:last], faces.colours[first:last], strict=True
            ):
                cv2.fillConvexPoly(canvas, corners, (r, g, b, code), cv2.LINE_8, SHIFT)
            if code:
                painted[which] = (code, self._count(canvas, faces.extents[which], code))
        return painted

    def _count(self, canvas: U8, box: F64, code: int) -> int:
        """Pixels of a code within a box."""
        height, width = canvas.shape[:2]
        low = np.floor(box[:2] * self._stage.sampling).astype(int) - 1
        high = np.ceil(box[2:] * self._stage.sampling).astype(int) + 1
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(high, [width, height])
        if x1 <= x0 or y1 <= y0:
            return 0
        return int(np.count_nonzero(canvas[y0:y1, x0:x1, 3] == code))

    def _truth(
        self, canvas: U8, camera: Camera, faces: Faces, painted: dict[int, tuple[int, int]]
    ) -> Drawn:
        """Boxes and visible shares of what was painted.

        The share inside the frame is that of the box: exact for a box, and close for a vehicle.
        """
        groups = [g for g, (_, own) in painted.items() if own > 0]
        boxes = np.array([faces.extents[g] for g in groups]).reshape(-1, 4)
        limit = np.array([*camera.image_wh, *camera.image_wh], np.float64)
        clipped = np.clip(boxes, 0, limit)
        area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        inside = np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / np.maximum(area, 1e-9)
        seen = np.array(
            [self._count(canvas, faces.extents[g], painted[g][0]) / painted[g][1] for g in groups]
        )
        return Drawn(np.array(groups, np.int64), boxes, seen.reshape(-1) * inside)


def downsample(canvas: U8, image_wh: tuple[int, int]) -> U8:
    """The picture `(H, W, 3)` of a canvas, each pixel the mean of those drawn for it."""
    colours = cv2.cvtColor(canvas, cv2.COLOR_BGRA2BGR)
    return np.asarray(cv2.resize(colours, image_wh, interpolation=cv2.INTER_AREA), np.uint8)
