"""Ground truth as MOTChallenge has it, or with class names of one's own."""

from __future__ import annotations

from configparser import ConfigParser
from configparser import Error as ConfigError
from functools import partial
from pathlib import Path

import numpy as np

from tracking.evaluation.dataset import Dataset, read_class_names, text_files
from tracking.evaluation.ignoring import not_on_distractors
from tracking.evaluation.rows import NO_CLASS, Protocol, Truth
from tracking.evaluation.tables import BOX_COLUMNS, Table, read_table

PROTOCOL = Protocol("MOTChallenge, pedestrians", rule=not_on_distractors)

PEDESTRIAN = 1
LAST_CLASS = 13

DISTRACTORS = (2, 7, 8, 12)
"""Person on a vehicle, static person, distractor, reflection."""

NON_MOT_VEHICLE = 6
"""A distractor in MOT20 alone."""

INI = "seqinfo.ini"

_COLUMNS = (*BOX_COLUMNS, "consider", "class")
_PEOPLE = dict.fromkeys(("pedestrian", "person", "people"), PEDESTRIAN)


def open_dataset(root: Path, *, class_agnostic: bool = False) -> Dataset:
    """The ground truth at `root`: a file, or a folder of `SEQ/gt/gt.txt` or of `SEQ.txt`.

    Rows are `frame,id,x,y,w,h,consider[,class,...]`; those with 0 as `consider` need not be
    found. There are three kinds:

    - With `classes.txt` beside the files, or in `root`: every class counts, row by row; class
      0 is the first name.
    - With MOT16's classes, 1 to 13: pedestrians count, distractors are ignored as TrackEval does.
    - Without classes, as MOT15: everything counts.

    Args:
        root: Where the ground truth lies.
        class_agnostic: Every row counts, and classes are not looked at.

    Raises:
        ValueError: If there is no ground truth.
    """
    files = _find(root)
    first = next(iter(files.values()))
    names = read_class_names((first.parent, root))
    if class_agnostic:
        return Dataset(Protocol("MOT files, classes merged"), files, partial(read_truth, names=()))
    if names:
        classes = dict(enumerate(names))
        return Dataset(
            Protocol("MOT files, sum over classes", classes, merged=False),
            files,
            partial(read_truth, names=names),
            {name.lower(): at for at, name in classes.items()},
        )
    return Dataset(PROTOCOL, files, read_truth, _PEOPLE, numbered=False)


def read_truth(path: Path, names: tuple[str, ...] | None = None) -> Truth:
    """The ground truth in a file; `seqinfo.ini` beside or above it gives the sequence's length.

    Args:
        path: The file.
        names: The file's own class names, none to look at no class; `None`: MOTChallenge's.

    Raises:
        ValueError: If a row cannot be used.
    """
    table = read_table(path, _COLUMNS, required=7)
    counts = table["consider"] != 0
    ignored = np.zeros(len(counts), bool)
    if names:
        classes = table.whole("class", 0, len(names) - 1)
    elif names is None and _has_classes(table):
        classes = table.whole("class", 1, LAST_CLASS)
        vehicle = (NON_MOT_VEHICLE,) if sequence_name(path).startswith("MOT20") else ()
        ignored = np.isin(classes, (*DISTRACTORS, *vehicle))
        counts &= classes == PEDESTRIAN
    else:
        classes = np.full(len(counts), NO_CLASS)
    tracks = table.tracks(classes, counts)
    return Truth(
        tracks,
        max(_stated_length(path), int(table["frame"].max(initial=0))),
        ignored=table.tracks(classes, ignored),
        neutral=table.tracks(classes, ~counts & ~ignored),
    )


def sequence_name(path: Path) -> str:
    """The sequence that an annotation file belongs to: `SEQ/gt/gt.txt` or `SEQ.txt`."""
    inside = path.name == "gt.txt" and path.parent.name == "gt"
    return path.absolute().parent.parent.name if inside else path.stem


def _find(root: Path) -> dict[str, Path]:
    if root.is_file():
        files = {sequence_name(root): root}
    else:
        nested = [*sorted(root.glob("*/gt/gt.txt")), *root.glob("gt/gt.txt")]
        files = {sequence_name(path): path for path in nested} or text_files(root)
    if not files:
        hint = "; add --format visdrone?" if (root / "annotations").is_dir() else ""
        raise ValueError(f"{root}: no SEQ/gt/gt.txt and no SEQ.txt there{hint}")
    # Read as MOT rows, their columns would stand for something else.
    whole = next((path for name, path in files.items() if name.endswith("_gt_whole")), None)
    if whole:
        raise ValueError(f"{whole}: UAVDT's kind of name; add --format uavdt")
    return files


def _has_classes(table: Table) -> bool:
    """Whether the eighth column holds classes; MOT15 has -1 or world coordinates there."""
    classes = table["class"]
    return bool((classes == np.floor(classes)).all() and (classes != -1).any())


def _stated_length(path: Path) -> int:
    """Number of frames that `seqinfo.ini` states; 0 if there is none."""
    ini = next((ini for ini in (path.parents[0], path.parents[1]) if (ini / INI).is_file()), None)
    if ini is None or path.name != "gt.txt":
        return 0
    config = ConfigParser()
    try:
        config.read(ini / INI, encoding="utf-8-sig")
        length = int(config["Sequence"]["seqLength"])
    except (ConfigError, KeyError, ValueError) as error:
        raise ValueError(f"{ini / INI}: no whole number as seqLength of [Sequence]") from error
    return length
