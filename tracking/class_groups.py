"""Which classes may take turns on one object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.detections import IntArray


class ClassGroups:
    """Numbers the groups of classes; a class that stands in none is a group of its own.

    Where the names of the classes are not known, all are one group.
    """

    def __init__(self, groups: Sequence[Sequence[str]], class_names: Sequence[str]) -> None:
        """Takes groups of names, and the names by class id; case does not matter."""
        number = {_plain(name): index for index, group in enumerate(groups) for name in group}
        self._group = np.array(
            [
                number.get(_plain(name), len(groups) + class_id)
                for class_id, name in enumerate(class_names)
            ],
            np.int64,
        )
        self._groups = len(groups)

    def of(self, class_ids: IntArray) -> IntArray:
        """The number of each class's group."""
        if not len(self._group):
            return np.zeros(len(class_ids), np.int64)
        known = (class_ids >= 0) & (class_ids < len(self._group))
        inside = np.where(known, class_ids, 0)
        return np.where(known, self._group[inside], self._groups + class_ids)


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")
