"""Where each class of a data set goes: subsets, merges, drops, regions."""

from __future__ import annotations

import pytest

from detector.data.classes import kept_classes, map_classes, without_ignored

NAMES = ("car", "van", "truck", "dog")


@pytest.mark.parametrize(
    ("class_map", "class_names", "expected"),
    [
        ({}, ("dog", "truck", "van", "car"), [3, 2, 1, 0]),
        ({"van": "car", "dog": None}, ("truck", "car"), [1, 1, 0, -1]),
        ({"dog": "ignore"}, ("car", "van", "truck"), [0, 1, 2, -2]),
        ({"*": None}, ("truck",), [-1, -1, 0, -1]),
        ({"*": "ignore"}, ("truck",), [-2, -2, 0, -2]),
        ({"*": "vehicle", "dog": None}, ("vehicle",), [0, 0, 0, -1]),
        ({"van": None, "*": "ignore"}, ("car", "van"), [0, -1, -2, -2]),
        ({"car": "van", "*": None}, ("car", "van"), [1, 1, -1, -1]),
    ],
)
def test_one_rule(
    class_map: dict[str, str | None], class_names: tuple[str, ...], expected: list[int]
) -> None:
    assert map_classes(NAMES, class_map, class_names).tolist() == expected


@pytest.mark.parametrize(
    ("class_map", "fault"),
    [
        (
            {"van": "lorry", "*": None},
            "class 'van' becomes 'lorry', which is none of car, truck; "
            "map it in class_map to one of these, to null (dropped) or to ignore",
        ),
        (
            {"dog": None},
            "class 'van' becomes 'van', which is none of car, truck; "
            "map it in class_map to one of these, to null (dropped) or to ignore",
        ),
        (
            {"*": "lorry"},
            "class 'van' becomes 'lorry', which is none of car, truck; "
            "map it in class_map to one of these, to null (dropped) or to ignore",
        ),
        ({"lorry": "car"}, "class_map.lorry: no such class here; there are car, van, truck, dog"),
    ],
)
def test_what_goes_nowhere_is_named(class_map: dict[str, str | None], fault: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        map_classes(NAMES, class_map, ("car", "truck"))
    assert str(caught.value) == fault


def test_the_classes_that_are_kept() -> None:
    own = ["a", "b", "c", "d"]
    class_map = {"b": "a", "c": None, "d": "ignore"}
    assert kept_classes(own, class_map, None) == ("a",)
    assert kept_classes(own, {"a": "x", "*": None}, None) == ("x", "b", "c", "d")
    assert kept_classes(own, class_map, ["z", "a"]) == ("z", "a")


def test_protocols_without_ignored_classes_take_them_for_background() -> None:
    class_map = {"a": "b", "c": None, "d": "ignore", "*": "ignore"}
    assert without_ignored(class_map) == {"a": "b", "c": None, "d": None, "*": None}
