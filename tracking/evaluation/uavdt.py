"""Ground truth as UAVDT has it, and the attributes of its sequences."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from detector.detections import IntArray
from tracking.evaluation.dataset import Dataset, text_files
from tracking.evaluation.ignoring import strictly_inside
from tracking.evaluation.rows import NO_CLASS, Protocol, TrackRows, Truth
from tracking.evaluation.tables import BOX_COLUMNS, Table, read_table

CLASSES = {1: "car", 2: "truck", 3: "bus"}

PROTOCOL = Protocol("UAVDT-MOT, classes merged", CLASSES, rule=strictly_inside)
"""The toolkit compares `_gt.txt`, which has no classes; figures per class are ours."""

ATTRIBUTES = (
    *("daylight", "night", "fog"),
    *("low-alt", "medium-alt", "high-alt"),
    *("front-view", "side-view", "bird-view"),
    "long-term",
)
"""What the numbers of an attribute file stand for, in order (UAVDT's `M_attr`)."""

TEST_SEQUENCES = frozenset(
    f"M{number}"
    for number in (
        *("0203", "0205", "0208", "0209", "0403", "0601", "0602", "0606", "0701", "0801"),
        *("0802", "1001", "1004", "1007", "1009", "1101", "1301", "1302", "1303", "1401"),
    )
)
"""The toolkit's list."""

_COLUMNS = (*BOX_COLUMNS, "out-of-view", "occlusion", "class")
_NAME = re.compile(r"(.+?)_gt(_whole)?")


def open_dataset(root: Path, *, class_agnostic: bool = False) -> Dataset:
    """The ground truth at `root`: `SEQ_gt.txt` or `SEQ_gt_whole.txt`, or a folder of them.

    Args:
        root: The file or folder; a subfolder `GT` is looked into.
        class_agnostic: No figures per class; classes of found tracks are not looked at.

    Raises:
        ValueError: If there is no ground truth.
    """
    folders = (root, root / "GT")
    paths = [root] if root.is_file() else [p for f in folders for p in text_files(f).values()]
    # In the order of names `_gt` comes before `_gt_whole`, and is the one that counts.
    files: dict[str, Path] = {}
    for path in paths:
        if match := _NAME.fullmatch(path.stem):
            files.setdefault(match[1], path)
    if not files:
        raise ValueError(f"{root}: no SEQ_gt.txt or SEQ_gt_whole.txt, as UAVDT names its files")
    if class_agnostic:
        protocol = Protocol(PROTOCOL.name, rule=PROTOCOL.rule)
        return Dataset(protocol, files, read_truth)
    return Dataset(PROTOCOL, files, read_truth, {name: at for at, name in CLASSES.items()})


def read_truth(path: Path) -> Truth:
    """The ground truth in `SEQ_gt.txt` or `SEQ_gt_whole.txt`.

    Of the whole file those rows count that `SEQ_gt.txt` would have: all of a training sequence,
    those not out of view of a test one. Classes come from the whole file; a row that is not in
    it has none. `SEQ_gt_ignore.txt` beside holds the regions to ignore.

    Raises:
        ValueError: If the file's name is another, or a row cannot be used.
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        raise ValueError(f"{path}: UAVDT's names are SEQ_gt.txt and SEQ_gt_whole.txt")
    name = match[1]
    table = read_table(path, _COLUMNS, required=6)
    if match[2]:
        counts = np.ones(len(table.values), bool)
        if name in TEST_SEQUENCES:
            counts = table.whole("out-of-view", 1, 3) == 1
        tracks = table.tracks(table.whole("class", 1, 3), counts)
    else:
        tracks = table.tracks(_classes(table, path.with_name(f"{name}_gt_whole.txt")))
    return Truth(
        tracks,
        int(table["frame"].max(initial=0)),
        ignored=_regions(path.with_name(f"{name}_gt_ignore.txt")),
    )


def read_attributes(folder: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """The sequences that have each attribute, from `SEQ_attr.txt`: `0,1,...` in one line.

    Args:
        folder: Holds the files, itself or in its subfolders `train` and `test`.
        names: The sequences.

    Raises:
        ValueError: If a sequence has no file, or one that is not ten numbers 0 or 1.
    """
    groups: dict[str, list[str]] = {attribute: [] for attribute in ATTRIBUTES}
    for name in names:
        file = f"{name}_attr.txt"
        places = [folder / part / file for part in (".", "train", "test")]
        path = next((place for place in places if place.is_file()), None)
        if path is None:
            raise ValueError(f"{folder}: no {file}, there or in train or test")
        flags = [flag.strip() for flag in path.read_text("utf-8-sig").strip(" ,\n\r").split(",")]
        if len(flags) != len(ATTRIBUTES) or not {"0", "1"}.issuperset(flags):
            raise ValueError(
                f"{path}: {','.join(flags)[:40]!r} is not {len(ATTRIBUTES)} times 0 or 1, "
                f"for {', '.join(ATTRIBUTES)}"
            )
        for attribute, flag in zip(ATTRIBUTES, flags, strict=True):
            if flag == "1":
                groups[attribute].append(name)
    return groups


def _classes(table: Table, whole: Path) -> IntArray:
    """The class of each row, that of the row with its frame and id in the whole file."""
    if not whole.is_file():
        return np.full(len(table.values), NO_CLASS)
    labelled = read_table(whole, _COLUMNS, required=len(_COLUMNS))
    keys = zip(labelled["frame"], labelled["id"], strict=True)
    classes = dict(zip(keys, labelled.whole("class", 1, 3).tolist(), strict=True))
    rows = zip(table["frame"], table["id"], strict=True)
    return np.array([classes.get(key, NO_CLASS) for key in rows], np.int64)


def _regions(path: Path) -> TrackRows:
    if not path.is_file():
        return TrackRows.empty()
    table = read_table(path, BOX_COLUMNS, required=len(BOX_COLUMNS))
    return table.tracks(np.full(len(table.values), NO_CLASS))
