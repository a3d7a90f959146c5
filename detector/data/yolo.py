"""YOLO txt data sets, read in place: one text file per image, `class cx cy w h` a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.data.images import image_files, image_size
from detector.data.labels import LabelRows
from detector.data.sidecar import label_file, unmatched
from detector.data.tables import Table, read_table, read_text

_COLUMNS = ("class", "cx", "cy", "w", "h")
# Tools that round the four numbers one by one end up to half a pixel outside the image.
_ROUNDING = 1e-3


class YoloLabels:
    """The images of a folder, each with a text file of boxes as shares of the image.

    An image without objects has an empty file. No class is an ignore region of itself.

    Args:
        images_dir: Folder of images.
        labels_dir: Folder with `NAME.txt` for each image `NAME.jpg`: the class as a row of
            `names_file`, from 0, then centre and size of the box, 0 to 1.
        names_file: The data set's class names, one a line.

    Raises:
        ValueError: If a folder or the names file is missing or malformed.
    """

    def __init__(self, images_dir: Path, labels_dir: Path, names_file: Path) -> None:
        self.class_names = read_names(names_file)
        self.class_numbers = range(len(self.class_names))
        self.images = image_files(images_dir)
        self._labels_dir = labels_dir

    def image_id(self, image: Path) -> str:
        """See `LabelSource`."""
        return image.stem

    def read(self, image: Path) -> LabelRows:
        """See `LabelSource`."""
        image_wh = image_size(image)
        table = read_table(label_file(self._labels_dir, image), _COLUMNS, None)
        table.require_whole("class", 0, len(self.class_names) - 1)
        boxes = _corners(table) * (image_wh * 2)
        return LabelRows(image_wh, boxes, table["class"].astype(np.int64), table.place)

    def without_image(self) -> list[str]:
        """See `LabelSource`."""
        return unmatched(self._labels_dir, self.images)


def read_names(names_file: Path) -> tuple[str, ...]:
    """The class names of a names file, one a line; empty lines at its end are left out.

    Raises:
        ValueError: If the file is missing, empty, has an empty line or a name twice.
    """
    lines = [line.strip() for line in read_text(names_file).rstrip().splitlines()]
    if not lines:
        raise ValueError(f"{names_file}: no class name; expected one a line")
    for number, line in enumerate(lines, 1):
        if not line:
            raise ValueError(f"{names_file}: line {number}: empty; expected a class name")
        if line in lines[: number - 1]:
            raise ValueError(f"{names_file}: line {number}: {line!r} is there twice")
    return tuple(lines)


def _corners(table: Table) -> NDArray[np.float64]:
    """`(R, 4)`, `x1, y1, x2, y2` as shares of the image."""
    for column in _COLUMNS[1:]:
        low = -_ROUNDING if column in ("cx", "cy") else 0
        good = (table[column] >= low) & (table[column] <= 1 + _ROUNDING)
        table.require(good, column, "a share of the image, 0 to 1")
    centre, half = table.values[:, 1:3], table.values[:, 3:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)
