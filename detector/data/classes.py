"""From a data set's own class names to the class list that a network is trained for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from detector.detections import IntArray

DROPPED: Final = -1
IGNORED: Final = -2
REST: Final = "*"
_IGNORE: Final = "ignore"


def map_classes(
    names: Sequence[str], class_map: Mapping[str, str | None], class_names: Sequence[str]
) -> IntArray:
    """For each of a data set's names its row in `class_names`, `DROPPED` or `IGNORED`.

    A name goes where `class_map` says; one that is left out keeps its own name; one that is
    left out and not in `class_names` goes where the entry `*` says, and without that entry it
    is an error.

    Args:
        names: The data set's class names, in the order of its ids.
        class_map: What becomes of them: one of `class_names`, `None` (its boxes are dropped:
            what they hold is background) or `"ignore"` (they become ignore regions).
        class_names: The class list to map into.

    Returns:
        `(len(names),)` int64.

    Raises:
        ValueError: If `class_map` has a name that the data set lacks, or a class would become
            one that is not in `class_names`.

    >>> map_classes(["car", "van", "dog"], {"van": "car", "dog": None}, ["bus", "car"]).tolist()
    [1, 1, -1]
    >>> map_classes(["car", "van", "dog"], {"*": "ignore"}, ["car"]).tolist()
    [0, -2, -2]
    """
    for name in class_map:
        if name not in names and name != REST:
            raise ValueError(f"class_map.{name}: no such class here; there are {', '.join(names)}")
    rows: dict[str | None, int] = {name: row for row, name in enumerate(class_names)}
    rows |= {None: DROPPED, _IGNORE: IGNORED}
    return np.array([_row(name, class_map, rows) for name in names], np.int64)


def _row(name: str, class_map: Mapping[str, str | None], rows: Mapping[str | None, int]) -> int:
    target = class_map.get(name, name)
    if name not in class_map and name not in rows:
        target = class_map.get(REST, name)
    if target not in rows:
        known = ", ".join(key for key, row in rows.items() if key is not None and row >= 0)
        raise ValueError(
            f"class {name!r} becomes {target!r}, which is none of {known}; "
            f"map it in class_map to one of these, to null (dropped) or to {_IGNORE}"
        )
    return rows[target]


def kept_classes(
    own: Sequence[str], class_map: Mapping[str, str | None], wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """The class list to read labels with where no network has one: `wanted`, or all that is kept.

    >>> kept_classes(["a", "b", "c"], {"b": "a", "c": "ignore"}, None)
    ('a',)
    """
    if wanted is not None:
        return tuple(wanted)
    targets = (class_map.get(name, name) for name in own)
    return tuple(dict.fromkeys(name for name in targets if name not in (None, _IGNORE)))


def without_ignored(class_map: Mapping[str, str | None]) -> dict[str, str | None]:
    """The map for protocols that know no ignored class: what it ignores is background."""
    return {name: None if target == _IGNORE else target for name, target in class_map.items()}
