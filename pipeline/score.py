"""How well tracks agree with a known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from detector.detections import Index, IntArray
from tracking.tracks import Float64Array

LEAST_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes with ids over the frames of a video, as MOT files hold them.

    Attributes:
        frames: `(N,)` int64.
        ids: `(N,)` int64, at most once in a frame.
        boxes: `(N, 4)` float64, `x1, y1, x2, y2` in pixels.
        classes: `(N,)` int64.
    """

    frames: IntArray
    ids: IntArray
    boxes: Float64Array
    classes: IntArray

    def __getitem__(self, rows: Index) -> Boxes:
        """The rows that a mask or an index array selects."""
        return Boxes(self.frames[rows], self.ids[rows], self.boxes[rows], self.classes[rows])


@dataclass(frozen=True, slots=True)
class Score:
    """Agreement with the truth.

    Attributes:
        name: Of the class.
        objects: True objects.
        found: Of those, the ones tracked in at least half of the frames that show them.
        tracks: Distinct track ids.
        recall: Share of the true boxes that a track covers with an IoU of at least 0.5; NaN
            without true boxes.
        precision: Share of the tracks' boxes that cover a true one; NaN without tracks.
        switches: Times that an object is covered by another track than before.
    """

    name: str
    objects: int
    found: int
    tracks: int
    recall: float
    precision: float
    switches: int


def read_boxes(path: Path) -> Boxes:
    """The boxes of a MOT file with `frame,id,x,y,w,h,score,class` at the start of each line."""
    rows = np.array(
        [line.split(",")[:8] for line in path.read_text(encoding="utf-8").split()], np.float64
    ).reshape(-1, 8)
    boxes = rows[:, 2:6].copy()
    boxes[:, 2:] += boxes[:, :2]
    whole = rows.astype(np.int64)
    return Boxes(whole[:, 0], whole[:, 1], boxes, whole[:, 7])


def score_tracks(truth: Boxes, tracks: Boxes, class_names: Sequence[str]) -> list[Score]:
    """One score for each class name, then one over all of them whatever the class.

    Args:
        truth: Class ids are rows of `class_names`; rows of other classes are left out.
        tracks: The same.
        class_names: The classes to score.
    """
    everything = range(len(class_names))
    groups = [([k], name) for k, name in enumerate(class_names)]
    return [
        _score(
            name,
            truth[np.isin(truth.classes, classes)],
            tracks[np.isin(tracks.classes, classes)],
        )
        for classes, name in [*groups, (list(everything), "any class")]
    ]


def _score(name: str, truth: Boxes, tracks: Boxes) -> Score:
    last: dict[int, int] = {}
    covered: dict[int, int] = {}
    switches = 0
    for frame in np.unique(truth.frames).tolist():
        shown = truth[truth.frames == frame]
        for object_id, track_id in _match(shown, tracks[tracks.frames == frame], last):
            switches += last.get(object_id, track_id) != track_id
            last[object_id] = track_id
            covered[object_id] = covered.get(object_id, 0) + 1
    object_ids, frames_shown = np.unique(truth.ids, return_counts=True)
    shares = [
        covered.get(object_id, 0) / shown
        for object_id, shown in zip(object_ids.tolist(), frames_shown.tolist(), strict=True)
    ]
    hits = sum(covered.values())
    return Score(
        name=name,
        objects=len(object_ids),
        found=sum(share >= 0.5 for share in shares),
        tracks=len(np.unique(tracks.ids)),
        recall=hits / len(truth.ids) if len(truth.ids) else float("nan"),
        precision=hits / len(tracks.ids) if len(tracks.ids) else float("nan"),
        switches=switches,
    )


def _match(shown: Boxes, tracks: Boxes, last: dict[int, int]) -> list[tuple[int, int]]:
    """Pairs of object and track id in one frame: those of before stay, then the largest IoU."""
    overlap = _iou(shown.boxes, tracks.boxes)
    before = np.array([last.get(object_id, 0) for object_id in shown.ids.tolist()], np.int64)
    stays = before[:, None] == tracks.ids[None, :]
    # A pair that stays outweighs any number of better overlaps; the least IoU bars the rest.
    weight = np.where(overlap >= LEAST_IOU, overlap + len(overlap) * stays, 0.0)
    rows, columns = linear_sum_assignment(weight, maximize=True)
    real = weight[rows, columns] > 0
    return list(
        zip(shown.ids[rows[real]].tolist(), tracks.ids[columns[real]].tolist(), strict=True)
    )


def _iou(first: Float64Array, second: Float64Array) -> Float64Array:
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0.0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - common
    overlap: Float64Array = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlap
