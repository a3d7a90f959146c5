"""From a data set's own class names to the class list that a network is trained for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from detector.detections import IntArray

DROPPED: Final = -1
IGNORED: Final = -2
_IGNORE: Final = "ignore"


def map_classes(
    names: Sequence[str], class_map: Mapping[str, str | None], class_names: Sequence[str]
) -> IntArray:
    """For each of a data set's names its row in `class_names`, `DROPPED` or `IGNORED`.

    Args:
        names: The data set's class names, in the order of its ids.
        class_map: What becomes of them: one of `class_names`, `None` (dropped) or `"ignore"`.
            A name that is left out keeps its own name.
        class_names: The class list to map into.

    Returns:
        `(len(names),)` int64.

    Raises:
        ValueError: If `class_map` has a name that the data set lacks, or a class would become
            one that is not in `class_names`.

    >>> map_classes(["car", "van", "dog"], {"van": "car", "dog": None}, ["bus", "car"]).tolist()
    [1, 1, -1]
    """
    for name in class_map:
        if name not in names:
            raise ValueError(f"class_map.{name}: no such class here; there are {', '.join(names)}")
    special = {None: DROPPED, _IGNORE: IGNORED}
    rows = {name: row for row, name in enumerate(class_names)} | special
    mapped = np.zeros(len(names), np.int64)
    for file_id, name in enumerate(names):
        target = class_map.get(name, name)
        if target not in rows:
            raise ValueError(
                f"class {name!r} becomes {target!r}, which is none of {', '.join(class_names)}; "
                f"map it in class_map to one of these, to null (dropped) or to {_IGNORE}"
            )
        mapped[file_id] = rows[target]
    return mapped
