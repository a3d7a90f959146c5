"""UAVDT, read in place: folders of frames, and tables of all boxes of each sequence.

D. Du et al., "The Unmanned Aerial Vehicle Benchmark: Object Detection and Tracking", ECCV 2018.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import Codes
from detector.data.classes import IGNORED
from detector.data.images import image_files, image_size
from detector.data.labels import LabelRows
from detector.data.tables import Table, read_table
from detector.data.xywh import corners
from detector.detections import IntArray

CLASS_NAMES: Final = ("car", "truck", "bus")
"""Classes 1 to 3."""

_COLUMNS = ("frame", "id", "x", "y", "w", "h", "out-of-view", "occlusion", "class")
_LAST_FRAME = 10_000_000
_NUMBER = re.compile(r"(\d{1,7})$")


class UavdtLabels:
    """The frames of UAVDT's sequences, with the ground truth of its detection task.

    Args:
        images_dir: Folder of sequences, each a folder `M0101` of frames `img000001.jpg`. The
            frames of one sequence have one size.
        labels_dir: Folder with `M0101_gt_whole.txt` and `M0101_gt_ignore.txt` for each.

    Raises:
        ValueError: If there is no sequence, or a frame's name does not end in its number.
    """

    class_names = CLASS_NAMES
    class_numbers = range(1, len(CLASS_NAMES) + 1)

    def __init__(self, images_dir: Path, labels_dir: Path) -> None:
        folders = sorted(path for path in images_dir.glob("*") if path.is_dir())
        if not folders:
            raise ValueError(f"{images_dir}: no folder of frames there; each sequence is one")
        self._frames = {path: _frame(path) for folder in folders for path in image_files(folder)}
        self.images = list(self._frames)
        self._labels_dir = labels_dir
        self._folder: Path | None = None
        self._sequence: _Sequence | ValueError | None = None

    def image_id(self, image: Path) -> str:
        """See `LabelSource`; sequence and frame, `M0101/img000001`."""
        return f"{image.parent.name}/{image.stem}"

    def read(self, image: Path) -> LabelRows:
        """See `LabelSource`. One sequence's tables are kept; go through them in order."""
        if self._folder != image.parent:
            self._folder = image.parent
            try:
                self._sequence = _read_sequence(image, self._labels_dir)
            except ValueError as error:  # kept, or each frame would read the tables again
                self._sequence = error
        if not isinstance(self._sequence, _Sequence):
            raise ValueError(str(self._sequence))
        return self._sequence.rows(self._frames[image])

    def without_image(self) -> list[str]:
        """See `LabelSource`."""
        frames: dict[str, set[int]] = {}
        for path, frame in self._frames.items():
            frames.setdefault(path.parent.name, set()).add(frame)
        found = []
        for path in sorted(self._labels_dir.glob("*_gt_whole.txt")):
            name = path.name.removesuffix("_gt_whole.txt")
            if name not in frames:
                found.append(f"{path}: no folder {name} of frames")
                continue
            lost = set(read_table(path, _COLUMNS)["frame"].tolist()) - frames[name]
            found += [f"{path}: frame {frame:.0f}: no image" for frame in sorted(lost)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Sequence:
    """All boxes and ignore regions of a sequence, sorted by frame."""

    folder: Path
    image_wh: tuple[int, int]
    frames: IntArray
    boxes: NDArray[np.float64]
    class_ids: IntArray
    truncation: Codes
    occlusion: Codes
    place: Callable[[int], str]

    def rows(self, frame: int) -> LabelRows:
        first, last = np.searchsorted(self.frames, (frame, frame + 1)).tolist()
        part = slice(first, last)
        return LabelRows(
            self.image_wh,
            self.boxes[part],
            self.class_ids[part],
            lambda row: self.place(first + row),
            self.truncation[part],
            self.occlusion[part],
            self.folder.name,
        )


def _read_sequence(image: Path, labels_dir: Path) -> _Sequence:
    """Both tables of the sequence that `image` is of; its size stands for all."""
    folder = image.parent
    whole = _read(labels_dir / f"{folder.name}_gt_whole.txt")
    whole.require_whole("class", 1, len(CLASS_NAMES))
    for column in ("out-of-view", "occlusion"):
        whole.require_whole(column, -1, 127)
    ignore = _read(labels_dir / f"{folder.name}_gt_ignore.txt")
    tables = (whole, ignore)

    frames = np.concatenate([table["frame"] for table in tables]).astype(np.int64)
    order = np.argsort(frames, kind="stable")
    class_ids = np.full(len(frames), IGNORED)
    class_ids[: len(whole)] = whole["class"].astype(np.int64) - 1

    def codes(column: str) -> Codes:
        values = np.zeros(len(frames), np.int8)
        values[: len(whole)] = whole[column]
        return values[order]

    def place(row: int) -> str:
        at = int(order[row])
        return whole.place(at) if at < len(whole) else ignore.place(at - len(whole))

    return _Sequence(
        folder,
        image_size(image),
        frames[order],
        np.concatenate([corners(table) for table in tables])[order],
        class_ids[order],
        codes("out-of-view"),
        codes("occlusion"),
        place,
    )


def _read(path: Path) -> Table:
    table = read_table(path, _COLUMNS)
    table.require_whole("frame", 1, _LAST_FRAME)
    return table


def _frame(path: Path) -> int:
    number = _NUMBER.search(path.stem)
    if number is None:
        raise ValueError(f"{path}: expected a name that ends in the frame's number")
    return int(number[1])
