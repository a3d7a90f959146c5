"""VisDrone-DET, read in place: one text file per image, 8 columns a line.

P. Zhu et al., "Detection and Tracking Meet Drones Challenge", IEEE TPAMI 44(11), 2022.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from detector.data.classes import IGNORED
from detector.data.images import image_files, image_size
from detector.data.labels import LabelRows
from detector.data.sidecar import label_file, unmatched
from detector.data.tables import read_table
from detector.data.xywh import corners

CLASS_NAMES: Final = (
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
    "others",
)
"""Categories 1 to 11; category 0 is an ignored region."""

OTHERS: Final = "others"
"""The category that the official protocol does not measure."""

_COLUMNS = ("x", "y", "w", "h", "score", "category", "truncation", "occlusion")


class VisDroneLabels:
    """The images of a split of VisDrone-DET.

    Ignore regions are category 0, and rows of score 0 of the ten evaluated classes. "others",
    whose score is always 0, is a class like any, which the class map decides on: the official
    protocol takes a detection there for false, while a training may rather ignore it.

    Args:
        images_dir: Folder of images.
        labels_dir: Folder with `NAME.txt` for each image `NAME.jpg`.

    Raises:
        ValueError: If the folder of images does not exist or is empty.
    """

    class_names = CLASS_NAMES
    class_numbers = range(1, len(CLASS_NAMES) + 1)

    def __init__(self, images_dir: Path, labels_dir: Path) -> None:
        self.images = image_files(images_dir)
        self._labels_dir = labels_dir

    def image_id(self, image: Path) -> str:
        """See `LabelSource`."""
        return image.stem

    def read(self, image: Path) -> LabelRows:
        """See `LabelSource`."""
        table = read_table(label_file(self._labels_dir, image), _COLUMNS)
        table.require_whole("score", 0, 1)
        table.require_whole("category", 0, len(CLASS_NAMES))
        for column in ("truncation", "occlusion"):
            table.require_whole(column, -1, 127)
        class_ids = table["category"].astype(np.int64) - 1
        unscored = (table["score"] == 0) & (class_ids != CLASS_NAMES.index(OTHERS))
        class_ids[unscored | (class_ids < 0)] = IGNORED
        return LabelRows(
            image_size(image),
            corners(table),
            class_ids,
            table.place,
            table["truncation"].astype(np.int8),
            table["occlusion"].astype(np.int8),
            image.name.partition("_")[0],
        )

    def without_image(self) -> list[str]:
        """See `LabelSource`."""
        return unmatched(self._labels_dir, self.images)
