"""Camera motion from pixels: sparse optical flow of what stands still."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import FloatArray, Image
from tracking.tracks import Float64Array, Motion

Gray: TypeAlias = NDArray[np.uint8]
Points: TypeAlias = NDArray[np.float32]

_LONGEST_PX = 480
"""Frames are shrunk by the whole number that brings them nearest to it: a quarter of 1080p."""

_CORNERS = 300
_QUALITY = 0.01
_CORNERS_APART_PX = 8
_MARGIN_PX = np.array([-3.0, -3.0, 3.0, 3.0])
"""About a box, as a corner's window reaches over the edge of its object."""

_WINDOW_PX = 15
_LEVELS = 3
_INLIER_PX = 1.0
_LEAST_POINTS = 8
_LEAST_SHARE = 0.25
_MOST_ZOOM = 1.5

_FLAT = 4.0
"""Standard deviation of grey values below which a picture shows nothing."""

_CONTRAST = 40.0
"""Standard deviation that all pictures are brought to, as cameras change their exposure."""

_LEAST_RESPONSE = 0.1
"""Of the phase correlation. Between aerial pictures of other places it is at most 0.07, between
views 200 px apart at least 0.25."""


@dataclass(slots=True, eq=False)
class _View:
    """A frame, shrunk, and the corners in it that do not lie on objects."""

    image_wh: tuple[int, int]
    gray: Gray
    corners: Points


class CameraMotion:
    """Follows the view from frame to frame; what moves by itself is left out.

    Corners outside of the detections are followed by Lucas and Kanade's method at about quarter
    size; to their motion, shift, turn and zoom are fitted with RANSAC. Where that fails, phase
    correlation gives a shift to begin a second try with. If that fails too the motion is the
    identity: too few corners, no motion that a quarter of them share, a wild zoom, another frame
    size. Where the phase correlation finds nothing in common it is a cut. A picture without
    content is passed over: the next one is compared with the last that had some.
    """

    def __init__(self) -> None:
        none = np.zeros((0, 1, 2), np.float32)
        self._last = _View((0, 0), np.zeros((0, 0), np.uint8), none)

    def update(self, image: Image, boxes: FloatArray) -> Motion:
        """The motion of the view since the previous frame; the identity for the first one.

        Args:
            image: `(H, W, 3)`, RGB.
            boxes: `(N, 4)` xyxy, of the objects that this frame shows.
        """
        factor = max(1, round(max(image.shape[:2]) / _LONGEST_PX))
        gray = _shrunk(image, factor)
        last = self._last
        contrast = float(gray.std()) if gray.size else 0.0
        if contrast < _FLAT:
            return Motion.identity()
        gray = _levelled(gray, contrast)
        image_wh = (image.shape[1], image.shape[0])
        self._last = _View(image_wh, gray, _corners(gray, boxes / factor))
        if last.image_wh != image_wh:
            return Motion.identity()
        matrix = _flow(last, gray, np.zeros(2))
        if matrix is None:
            shift, response = _whole_shift(last.gray, gray)
            if response < _LEAST_RESPONSE:
                return Motion(np.eye(2, 3), cut=True)
            matrix = _flow(last, gray, shift)
        return Motion.identity() if matrix is None else Motion(_enlarged(matrix, factor))


def _shrunk(image: Image, factor: int) -> Gray:
    """The green channel, which is most of the brightness, each pixel the mean of a square."""
    height, width = (side // factor for side in image.shape[:2])
    green = cv2.extractChannel(image[: height * factor, : width * factor], 1)
    if factor == 1 or not green.size:
        return np.asarray(green, np.uint8)
    small = cv2.resize(green, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _levelled(gray: Gray, contrast: float) -> Gray:
    """The picture at usual brightness and contrast."""
    gain = _CONTRAST / contrast
    offset = 128 - gain * float(gray.mean())
    return np.asarray(cv2.addWeighted(gray, gain, gray, 0, offset), np.uint8)


def _corners(gray: Gray, boxes: FloatArray) -> Points:
    mask = np.full(gray.shape, 255, np.uint8)
    limits = (gray.shape[1], gray.shape[0]) * 2
    finite = boxes[np.isfinite(boxes).all(axis=1)]
    edges = np.clip(np.rint(finite + _MARGIN_PX), 0, limits).astype(np.int64)
    for x1, y1, x2, y2 in edges.tolist():
        mask[y1:y2, x1:x2] = 0
    # OpenCV's own types leave out that there may be none.
    found: Any = cv2.goodFeaturesToTrack(gray, _CORNERS, _QUALITY, _CORNERS_APART_PX, mask=mask)
    return np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)


def _flow(last: _View, gray: Gray, shift: Float64Array) -> Float64Array | None:
    """The `(2, 3)` motion that most corners share, in pixels of the shrunk frame.

    Each is looked for near its old place plus `shift`.
    """
    if len(last.corners) < _LEAST_POINTS:
        return None
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        last.gray,
        gray,
        last.corners,
        last.corners + shift.astype(np.float32),
        winSize=(_WINDOW_PX, _WINDOW_PX),
        maxLevel=_LEVELS,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    kept = found[:, 0] == 1
    if kept.sum() < _LEAST_POINTS:
        return None
    matrix, inliers = cv2.estimateAffinePartial2D(
        last.corners[kept], moved[kept], ransacReprojThreshold=_INLIER_PX
    )
    if matrix is None or inliers.sum() < max(_LEAST_POINTS, _LEAST_SHARE * len(last.corners)):
        return None
    zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if not 1 / _MOST_ZOOM < zoom < _MOST_ZOOM:
        return None
    return np.asarray(matrix, np.float64)


def _whole_shift(before: Gray, after: Gray) -> tuple[Float64Array, float]:
    """The shift of the picture as a whole, by phase correlation, and how sure that is, 0 to 1."""
    window = cv2.createHanningWindow((before.shape[1], before.shape[0]), cv2.CV_32F)
    shift, response = cv2.phaseCorrelate(
        before.astype(np.float32), after.astype(np.float32), window
    )
    return np.array(shift), response


def _enlarged(matrix: Float64Array, factor: int) -> Float64Array:
    """The same motion in pixels of the full frame.

    The centre of small pixel `x` lies at `factor * (x + 0.5) - 0.5` of the full frame.
    """
    offset = (factor - 1) / 2
    linear = matrix[:, :2]
    shift = factor * matrix[:, 2] + offset - linear @ np.full(2, offset)
    return np.concatenate((linear, shift[:, None]), axis=1)
