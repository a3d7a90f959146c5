"""Ground truth as VisDrone's tracks and videos have it."""

from __future__ import annotations

from pathlib import Path

from tracking.evaluation.dataset import Dataset, text_files
from tracking.evaluation.ignoring import half_covered
from tracking.evaluation.rows import Protocol, Truth
from tracking.evaluation.tables import BOX_COLUMNS, read_table

NAMES = (
    *("ignored regions", "pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle"),
    *("awning-tricycle", "bus", "motor", "others"),
)

CLASSES = {NAMES.index(name): name for name in ("car", "bus", "truck", "pedestrian", "van")}

PROTOCOL = Protocol("VisDrone-MOT, sum over five classes", CLASSES, merged=False, rule=half_covered)
"""A track that changes its class is one track in each of them, as the toolkit splits it.

The toolkit passes over a class in the sequences whose truth has none of it; here found boxes of
that class are false positives there, too.
"""

_COLUMNS = (*BOX_COLUMNS, "score", "category")


def open_dataset(root: Path, *, class_agnostic: bool = False) -> Dataset:
    """The ground truth at `root`: `SEQ.txt`, or a folder of them or with `annotations` inside.

    Args:
        root: The file or folder.
        class_agnostic: The boxes of all ten categories count, as one class.

    Raises:
        ValueError: If there is no ground truth.
    """
    inside = root / "annotations"
    folder = inside if inside.is_dir() else root
    files = {root.stem: root} if root.is_file() else text_files(folder)
    if not files:
        raise ValueError(f"{folder}: no SEQ.txt there")
    if class_agnostic:
        protocol = Protocol("VisDrone, ten categories merged", rule=PROTOCOL.rule)
        return Dataset(protocol, files, read_truth)
    return Dataset(PROTOCOL, files, read_truth, {NAMES[at]: at for at in range(1, 11)})


def read_truth(path: Path) -> Truth:
    """The ground truth in a file of `frame,id,x,y,w,h,score,category,truncation,occlusion`.

    Rows of category 0 or 11, or with 0 as score, are regions to ignore.

    Raises:
        ValueError: If a row cannot be used.
    """
    table = read_table(path, _COLUMNS, required=len(_COLUMNS))
    classes = table.whole("category", 0, len(NAMES) - 1)
    ignored = (classes == 0) | (classes == len(NAMES) - 1) | (table["score"] == 0)
    return Truth(
        table.tracks(classes, ~ignored),
        int(table["frame"].max(initial=0)),
        ignored=table.tracks(classes, ignored),
    )
