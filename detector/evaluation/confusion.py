"""What was taken for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.data.annotations import LabelledImage
from detector.detections import Detections, IntArray
from detector.evaluation.matching import all_found, all_truth, match, overlapping
from detector.evaluation.regions import in_regions

BACKGROUND = "background"
"""What the last row and column stand for."""


def confusion_matrix(
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    class_names: Sequence[str],
    *,
    iou: float = 0.5,
    score: float = 0.25,
) -> IntArray:
    """How often an object of one class was found as each class, `(C + 1, C + 1)` int64.

    Rows are the truth and columns what was found. The last row counts detections where no object
    is, the last column objects that nothing found. Objects are matched whatever their class, the
    best detection first; a detection without an object that has at least half of its own area in
    the image's ignore regions is left out.

    Args:
        truth: The labelled images.
        detections: One for each image.
        class_names: What class ids index.
        iou: Overlap from which on an object is found, above 0.
        score: Weaker detections are left out.
    """
    size = len(class_names) + 1
    objects = all_truth(truth)
    found, _ = all_found([d[d.scores >= score] for d in detections])
    pairs = overlapping(objects, found, iou, any_class=True)
    took = match(pairs, iou, len(found), len(objects))
    is_hit = took >= 0
    false = ~is_hit & ~in_regions(found, truth)
    missed = np.ones(len(objects), bool)
    missed[took[is_hit]] = False
    cells = np.concatenate(
        [
            objects.class_ids[took[is_hit]] * size + found.class_ids[is_hit],
            (size - 1) * size + found.class_ids[false],
            objects.class_ids[missed] * size + size - 1,
        ]
    )
    matrix: IntArray = np.bincount(cells, minlength=size * size).reshape(size, size)
    return matrix
