from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.counting import Counter
from pipeline.frame import Counts
from tracking.tracks import Tracks

NAMES = ("car", "truck", "bus")


def seen(classes: dict[int, int]) -> Tracks:
    """Tracks of these classes by id."""
    count = len(classes)
    return Tracks(
        np.array(list(classes), np.int64),
        np.zeros((count, 4)),
        np.array(list(classes.values()), np.int64),
        np.ones(count),
        np.full(count, -1),
    )


def test_counts_hand_worked() -> None:
    counter = Counter(NAMES)
    table = [
        ({1: 0, 2: 0}, (2, 0, 0), (2, 0, 0)),
        ({1: 0, 3: 2}, (1, 0, 1), (2, 0, 1)),  # 2 is out of view, 3 is new
        ({}, (0, 0, 0), (2, 0, 1)),  # nothing in view
        ({2: 0}, (1, 0, 0), (2, 0, 1)),  # 2 is back and not counted again
        ({2: 1}, (0, 1, 0), (1, 1, 1)),  # 2 becomes a truck
        ({2: 0, 3: 2}, (1, 0, 1), (2, 0, 1)),  # and a car again
        ({9: 1}, (0, 1, 0), (2, 1, 1)),
    ]
    for classes, visible, unique in table:
        assert counter.update(seen(classes)) == Counts(visible, unique)


def test_class_outside_the_names_is_named() -> None:
    with pytest.raises(ValueError, match=r"expected 0 to 2, found \[3\]"):
        Counter(NAMES).update(seen({1: 3}))


@given(st.lists(st.dictionaries(st.integers(1, 9), st.integers(0, 2), max_size=6), max_size=12))
def test_unique_is_each_id_once_under_its_last_class(frames: list[dict[int, int]]) -> None:
    counter = Counter(NAMES)
    last: dict[int, int] = {}
    for classes in frames:
        counts = counter.update(seen(classes))
        last |= classes
        for c in range(3):
            assert counts.unique[c] == list(last.values()).count(c)
            assert counts.visible[c] == list(classes.values()).count(c)
