"""Which detection found which object: the greedy rule that all protocols share, on whole sets.

The best detection chooses first: it takes the object that it overlaps most, of those that are
still free and overlap it enough; of two that overlap it equally, the later one. Of two equal
scores, the earlier image and then the earlier row goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import LabelledImage
from detector.detections import Detections, IntArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The boxes of many images in one table.

    Attributes:
        boxes: `(N, 4)` float64, `x1, y1, x2, y2` in pixels.
        images: `(N,)` int64, position of the image.
        class_ids: `(N,)` int64.
        rows: `(N,)` int64, place in the image's own list.
    """

    boxes: Floats
    images: IntArray
    class_ids: IntArray
    rows: IntArray

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Mask | IntArray) -> Boxes:
        """The rows that a mask or an index array selects."""
        return Boxes(self.boxes[index], self.images[index], self.class_ids[index], self.rows[index])


def all_truth(truth: Sequence[LabelledImage]) -> Boxes:
    """The labelled objects, image by image; ignore regions are left out."""
    return _joined([t.boxes for t in truth], [t.class_ids for t in truth])


def all_found(detections: Sequence[Detections]) -> tuple[Boxes, Floats]:
    """The detections and their scores `(D,)`, best first."""
    boxes = _joined([d.boxes for d in detections], [d.class_ids for d in detections])
    scores = np.concatenate([np.zeros(0), *(d.scores for d in detections)])
    order = np.argsort(-scores, kind="stable")
    return boxes[order], scores[order]


def _joined(boxes: Sequence[NDArray[np.floating]], class_ids: Sequence[IntArray]) -> Boxes:
    counts = np.array([len(ids) for ids in class_ids], np.int64)
    starts = np.cumsum(counts) - counts
    images = np.repeat(np.arange(len(counts)), counts)
    return Boxes(
        np.concatenate([np.zeros((0, 4)), *boxes]),
        images,
        np.concatenate([np.zeros(0, np.int64), *class_ids]),
        np.arange(len(images)) - starts[images],
    )


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Detections and objects of one image, and of one class where that counts, that overlap.

    Sorted by detection, best first, and the pairs of each by IoU, largest first.

    Attributes:
        found: `(P,)` int64, row of the detection.
        truth: `(P,)` int64, row of the object.
        ious: `(P,)` float64.
    """

    found: IntArray
    truth: IntArray
    ious: Floats


def overlapping(truth: Boxes, found: Boxes, least: float, *, any_class: bool = False) -> Pairs:
    """The pairs whose intersection over union is at least `least`, which is above 0.

    Args:
        truth: The objects.
        found: The detections, best first.
        least: Smallest IoU.
        any_class: Whether a detection may pair with an object of another class.
    """
    classes = 1
    if not any_class:
        classes = 1 + max(truth.class_ids.max(initial=0), found.class_ids.max(initial=0))
    of_truth = truth.images * classes + (0 if any_class else truth.class_ids)
    of_found = found.images * classes + (0 if any_class else found.class_ids)
    truth_order, found_order = (np.argsort(of, kind="stable") for of in (of_truth, of_found))
    groups = np.intersect1d(of_truth, of_found)
    places = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for group in groups:
        rows = _run(of_truth, truth_order, group)
        columns = _run(of_found, found_order, group)
        ious = box_ious(found.boxes[columns], truth.boxes[rows])
        i, j = np.nonzero(ious >= least)
        places.append((columns[i], rows[j], ious[i, j]))
    i, j, ious = (np.concatenate(parts) for parts in zip(*places, strict=True))
    order = np.lexsort((-j, -ious, i))
    return Pairs(i[order], j[order], ious[order])


def _run(keys: IntArray, order: NDArray[np.intp], key: int) -> NDArray[np.intp]:
    first, last = np.searchsorted(keys, (key, key + 1), sorter=order)
    return order[first:last]


def box_ious(first: Floats, second: Floats) -> Floats:
    """Intersection over union of each of `(N, 4)` boxes with each of `(M, 4)`, `(N, M)`.

    Boxes without area have 0 with all.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    sides = np.minimum(first[:, None, 2:], second[None, :, 2:]) - low
    np.maximum(sides, 0, out=sides)
    shared = sides[..., 0] * sides[..., 1]
    union = box_areas(first)[:, None] + box_areas(second) - shared
    ious: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return ious


def box_areas(boxes: Floats) -> Floats:
    """`(N,)` areas in square pixels; 0 where a side is not positive."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas: Floats = sides[:, 0] * sides[:, 1]
    return areas


def match(pairs: Pairs, iou: float, found: int, truth: int) -> IntArray:
    """The object that each detection took, `(found,)` int64; -1 where it took none.

    All images at once: in each round every detection that no better one can disturb takes its
    object, and the pairs of both are struck out.

    Args:
        pairs: As `overlapping` gives them.
        iou: Least overlap, at least the one that `pairs` were made with.
        found: How many detections there are.
        truth: How many objects there are.
    """
    kept = pairs.ious >= iou
    i, j = pairs.found[kept], pairs.truth[kept]
    took = np.full(found, -1)
    is_free = np.ones(truth, bool)
    best_rival = np.zeros(truth, np.int64)
    while len(i):
        is_first = np.ones(len(i), bool)
        is_first[1:] = i[1:] != i[:-1]
        best_rival[j[::-1]] = i[::-1]  # the last written stays: the best detection
        wins = is_first & (best_rival[j] == i)
        took[i[wins]] = j[wins]
        is_free[j[wins]] = False
        left = is_free[j] & (took[i] < 0)
        i, j = i[left], j[left]
    return took
