"""How many objects of each class are in view, and how many there were so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.frame import Counts
from tracking.tracks import Tracks


class Counter:
    """Counts tracks per class from the first frame on.

    A track whose class changes moves with all its past from the old class to the new one, so
    the unique counts always add up to the number of distinct ids. Memory grows by one
    dictionary entry for each id ever seen.

    Args:
        class_names: Indexed by class id; sets how many classes are counted.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._class_of: dict[int, int] = {}
        self._unique = [0] * len(class_names)

    def update(self, tracks: Tracks) -> Counts:
        """The counts with this frame's tracks; no tracks leave `unique` as it was.

        Raises:
            ValueError: If a class id is not one of the class names.

        >>> import numpy as np
        >>> def seen(ids, classes):
        ...     n = len(ids)
        ...     none = np.full(n, -1)
        ...     return Tracks(np.array(ids), np.zeros((n, 4)), np.array(classes), np.ones(n), none)
        >>> counter = Counter(["car", "bus"])
        >>> counter.update(seen([1, 2], [0, 0]))
        Counts(visible=(2, 0), unique=(2, 0))
        >>> counter.update(seen([2], [1]))
        Counts(visible=(0, 1), unique=(1, 1))
        """
        classes = tracks.classes
        count = len(self._unique)
        if len(classes) and not 0 <= classes.min() <= classes.max() < count:
            raise ValueError(f"Tracks.classes: expected 0 to {count - 1}, found {classes.tolist()}")
        for track_id, now in zip(tracks.ids.tolist(), classes.tolist(), strict=True):
            before = self._class_of.get(track_id)
            if before == now:
                continue
            if before is not None:
                self._unique[before] -= 1
            self._unique[now] += 1
            self._class_of[track_id] = now
        visible = np.bincount(classes, minlength=count)
        return Counts(tuple(visible.tolist()), tuple(self._unique))
