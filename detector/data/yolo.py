"""YOLO txt data sets, read in place: one text file per image, `class cx cy w h` a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import Float32Array, LabelledImage
from detector.data.classes import IGNORED, map_classes
from detector.data.images import image_files, image_size
from detector.detections import IntArray

_COLUMNS = "class cx cy w h"
# Tools that round the four numbers one by one end up to half a pixel outside the image.
_ROUNDING = 1e-3


def read_yolo(
    images_dir: Path,
    labels_dir: Path,
    names_file: Path,
    class_map: Mapping[str, str | None],
    class_names: Sequence[str],
) -> list[LabelledImage]:
    """The images of a folder with their labels, in order of file names.

    Boxes are clipped to the image. An image without objects has an empty label file.

    Args:
        images_dir: Folder of images.
        labels_dir: Folder with `NAME.txt` for each image `NAME.jpg`: the class as a row of
            `names_file`, then centre and size of the box as shares of the image.
        names_file: The data set's class names, one a line.
        class_map: What becomes of each of those names: one of `class_names`, `None` (its boxes
            are dropped) or `"ignore"` (they become ignore regions). Names that are left out
            keep their own name.
        class_names: The class list that `class_ids` of the result index.

    Raises:
        ValueError: If a file is missing or malformed; the message names the file and line.
    """
    names = read_names(names_file)
    try:
        mapped = map_classes(names, class_map, class_names)
    except ValueError as error:
        raise ValueError(f"{names_file}: {error}") from None
    return [
        _labelled(path, labels_dir / f"{path.stem}.txt", mapped) for path in image_files(images_dir)
    ]


def read_names(names_file: Path) -> tuple[str, ...]:
    """The class names of a names file, one a line; empty lines at its end are left out.

    Raises:
        ValueError: If the file is missing, empty, has an empty line or a name twice.
    """
    lines = [line.strip() for line in _read_text(names_file).rstrip().splitlines()]
    if not lines:
        raise ValueError(f"{names_file}: no class name; expected one a line")
    for number, line in enumerate(lines, 1):
        if not line:
            raise ValueError(f"{names_file}: line {number}: empty; expected a class name")
        if line in lines[: number - 1]:
            raise ValueError(f"{names_file}: line {number}: {line!r} is there twice")
    return tuple(lines)


def _labelled(image: Path, labels: Path, mapped: IntArray) -> LabelledImage:
    image_wh = image_size(image)
    if not labels.is_file():
        raise ValueError(
            f"{labels}: missing; the image {image.name} needs it, empty if it has no objects"
        )
    file_ids, boxes = _read_rows(labels, len(mapped), image_wh)
    ids = mapped[file_ids]
    kept = ids >= 0
    return LabelledImage(image, image_wh, boxes[kept], ids[kept], boxes[ids == IGNORED])


def _read_rows(
    path: Path, classes: int, image_wh: tuple[int, int]
) -> tuple[IntArray, Float32Array]:
    """Class ids `(N,)` and clipped pixel boxes `(N, 4)` of a label file, checked."""
    numbered = enumerate(_read_text(path).splitlines(), 1)
    rows = [(number, columns) for number, line in numbered if (columns := line.split())]
    values = np.zeros((len(rows), 5))
    for row, (number, columns) in enumerate(rows):
        values[row] = _numbers(columns, f"{path}: line {number}")

    ids, cxcywh = values[:, 0], values[:, 1:]
    boxes = _to_pixels(cxcywh, image_wh)
    known = np.isin(ids, np.arange(classes))
    inside = ((cxcywh >= -_ROUNDING) & (cxcywh <= 1 + _ROUNDING)).all(1)
    solid = (boxes[:, 2:] > boxes[:, :2]).all(1)
    for good, fault in (
        (known, f"class {{0}} is not one of 0..{classes - 1}"),
        (inside, f"{{1}}: expected shares of the image ({_COLUMNS}) within 0..1"),
        (solid, "{1}: the box has no area inside the image"),
    ):
        if not good.all():
            number, columns = rows[int(good.argmin())]
            message = fault.format(columns[0], " ".join(columns[1:]))
            raise ValueError(f"{path}: line {number}: {message}")
    return ids.astype(np.int64), boxes


def _to_pixels(cxcywh: NDArray[np.float64], image_wh: tuple[int, int]) -> Float32Array:
    size = np.asarray(image_wh, np.float64)
    centre, half = cxcywh[:, :2], cxcywh[:, 2:] / 2
    corners = np.stack([centre - half, centre + half], axis=1) * size
    return np.clip(corners, 0, size).reshape(-1, 4).astype(np.float32)


def _numbers(columns: list[str], place: str) -> list[float]:
    if len(columns) != 5:
        raise ValueError(f"{place}: expected 5 columns ({_COLUMNS}), found {len(columns)}")
    try:
        return [float(column) for column in columns]
    except ValueError:
        raise ValueError(
            f"{place}: expected numbers ({_COLUMNS}), found {' '.join(columns)}"
        ) from None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text file in UTF-8") from None
