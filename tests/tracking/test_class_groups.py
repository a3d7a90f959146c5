from __future__ import annotations

import numpy as np

from tracking.class_groups import ClassGroups
from tracking.config import CLASS_GROUPS


def groups(*names: str) -> list[int]:
    found: list[int] = ClassGroups(CLASS_GROUPS, names).of(np.arange(len(names))).tolist()
    return found


def test_the_classes_of_visdrone() -> None:
    found = groups(
        *("pedestrian", "people", "bicycle", "car", "van", "truck"),
        *("tricycle", "awning-tricycle", "bus", "motor"),
    )
    assert found == [1, 1, 2, 0, 0, 0, 2, 2, 0, 2]


def test_spelling_does_not_matter() -> None:
    assert groups("Car", "OTHER_VEHICLE", " other-vehicle ", "Awning Tricycle") == [0, 0, 0, 2]


def test_what_stands_in_no_group_stands_alone() -> None:
    assert len(set(groups("boat", "tree", "car", "dog"))) == 4


def test_ids_beyond_the_names_stand_alone() -> None:
    found = ClassGroups(CLASS_GROUPS, ("car", "boat")).of(np.array([0, 1, 2, 3]))
    assert len(set(found.tolist())) == 4


def test_without_names_all_are_one() -> None:
    assert ClassGroups(CLASS_GROUPS, ()).of(np.array([0, 7, 3])).tolist() == [0, 0, 0]
