"""The COCO reader on hand-made json, and on HIT-UAV's."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.data import coco as module
from detector.data.classes import IGNORED
from detector.data.coco import CocoLabels
from detector.data.config import load_dataset_config
from detector.data.images import read_image
from detector.data.reading import read_flights
from tests.detector.data.writers import coco, picture, text

ROOT = Path(__file__).resolve().parents[3]
CLASSES = {3: "car", 1: "person"}


def box(image_id: int, category_id: int, *bbox: float, **more: Any) -> dict[str, Any]:
    return {"image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


def test_boxes_by_image_and_crowds_apart(tmp_path: Path) -> None:
    for name in ("b.jpg", "a.jpg", "sub/c.jpg"):
        picture(tmp_path / "i" / name)
    path = coco(
        tmp_path / "l.json",
        ["b.jpg", "a.jpg", "sub/c.jpg"],
        CLASSES,
        [
            box(1, 3, 10, 20, 30, 40, area=5, segmentation=[[1, 2, 3, 4]]),
            box(2, 1, 0.5, 0.25, 10, 10, iscrowd=0),
            box(1, 1, 100, 0, 200, 10, iscrowd=1),
            box(1, 1, 5, 5, 1, 1),
        ],
    )
    found = CocoLabels(tmp_path / "i", path)
    assert found.class_names == ("car", "person")
    assert [image.name for image in found.images] == ["a.jpg", "b.jpg", "c.jpg"]
    first, second, third = (found.read(image) for image in found.images)
    assert (first.boxes.tolist(), first.class_ids.tolist()) == ([[0.5, 0.25, 10.5, 10.25]], [1])
    assert second.boxes.tolist() == [[10, 20, 40, 60], [100, 0, 300, 10], [5, 5, 6, 6]]
    assert second.class_ids.tolist() == [0, IGNORED, 1]
    assert [second.place(row) for row in range(3)] == [
        f"{path}: annotations[{number}]" for number in (0, 2, 3)
    ]
    assert (third.boxes.shape, third.image_wh) == ((0, 4), (200, 100))
    assert found.without_image() == []


def test_the_keys_of_hit_uav_and_sizes_from_the_header(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg", (33, 22))
    content = {
        "images": [{"id": 0, "filename": "a.jpg"}],
        "categories": [{"id": 0, "name": "Person"}],
        "annotation": [box(0, 0, 1, 2, 3, 4)],
    }
    found = CocoLabels(tmp_path, text(tmp_path / "l.json", json.dumps(content)))
    rows = found.read(tmp_path / "a.jpg")
    assert (rows.image_wh, rows.boxes.tolist()) == ((33, 22), [[1, 2, 4, 6]])


NUMBER = st.floats(0, 90, width=32)
ENTRY = st.tuples(st.integers(1, 3), st.sampled_from([1, 3]), st.tuples(*[NUMBER] * 4))


@given(st.lists(ENTRY, max_size=12))
def test_every_annotation_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[int, int, tuple[float, ...]]]
) -> None:
    root = tmp_path_factory.mktemp("c")
    names = ["c.jpg", "a.jpg", "b.jpg"]
    for name in names:
        picture(root / name)
    path = coco(root / "l.json", names, CLASSES, [box(i, c, *b) for i, c, b in entries])
    found = CocoLabels(root, path)
    back = []
    for image in found.images:
        rows = found.read(image)
        for (x1, y1, x2, y2), row in zip(rows.boxes.tolist(), rows.class_ids, strict=True):
            back.append((names.index(image.name) + 1, [3, 1][row], x1, y1, x2, y2))
    expected = [(i, c, x, y, x + w, y + h) for i, c, (x, y, w, h) in entries]
    assert Counter(back) == Counter(expected)


GOOD: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
    "categories": [{"id": 1, "name": "car"}],
    "annotations": [box(1, 1, 0, 0, 9, 9)],
}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"images": None}, "images: expected a valid array, found 'None'"),
        ({"annotations": {}}, "annotations: expected a valid array, found '{}'"),
        (
            {"annotations": [box(1, 1, 0, 0, 9, 9), box(1, 1, 0, 0, 9)]},
            "annotations[1].bbox[3]: missing",
        ),
        (
            {"annotations": [{"image_id": 1, "bbox": [0, 0, 9, 9]}]},
            "annotations[0].category_id: missing",
        ),
        (
            {"annotations": [{**box(1, 1), "bbox": ["0", 0, 9, 9]}]},
            "annotations[0].bbox[0]: expected a valid number, found '0'",
        ),
        (
            {"annotations": [box(1, 1, 0, 0, 9, 9), box(7, 1, 0, 0, 9, 9)]},
            "annotations[1]: image_id 7: no such image",
        ),
        (
            {"annotations": [box(1, 2, 0, 0, 9, 9)]},
            "annotations[0]: category_id 2: no such category",
        ),
        (
            {"annotations": [box(1, 1, 0, 0, -9, 9)]},
            "annotations[0]: bbox [0.0, 0.0, -9.0, 9.0]: "
            "expected finite [x, y, w, h], no size negative",
        ),
        (
            {"annotations": [box(1, 1, 0, float("nan"), 9, 9)]},
            "annotations[0]: bbox [0.0, nan, 9.0, 9.0]: "
            "expected finite [x, y, w, h], no size negative",
        ),
        (
            {"images": [{"id": 1, "file_name": "a.jpg", "width": 10**12, "height": 100}]},
            "images[0].width: expected less than or equal to 268435456, found '1000000000000'",
        ),
        (
            {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}]},
            "images[1]: 1 is there twice",
        ),
        (
            {"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}]},
            "images[1]: 'a.jpg' is there twice",
        ),
        (
            {"categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "car"}]},
            "categories[1]: 'car' is there twice",
        ),
    ],
)
def test_a_malformed_entry_is_named(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    path = text(tmp_path / "l.json", json.dumps(GOOD | change))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        CocoLabels(tmp_path, path)
    assert str(caught.value) == f"{path}: {fault}"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    content = {key: value for key, value in GOOD.items() if key != "annotations"}
    path = text(tmp_path / "l.json", json.dumps(content))
    with pytest.raises(ValueError, match=r"l\.json: annotations: missing$"):
        CocoLabels(tmp_path, path)


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/a.jpg", "sub/../../a.jpg", "..\\a.jpg", ""])
def test_a_file_name_stays_inside_the_folder(tmp_path: Path, name: str) -> None:
    path = text(tmp_path / "l.json", json.dumps(GOOD | {"images": [{"id": 1, "file_name": name}]}))
    with pytest.raises(ValueError, match=r"l\.json: file name .* expected one inside"):
        CocoLabels(tmp_path, path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"images": [\n1, 2,', "no JSON: EOF while parsing a value at line 2 column 5"),
        ("[" * 100_000, "no JSON: recursion limit exceeded at line 1 column 20"),
        ("", "no JSON: EOF while parsing a value at line 1 column 0"),
    ],
)
def test_what_is_no_json_is_named_with_its_line(tmp_path: Path, content: str, fault: str) -> None:
    path = text(tmp_path / "l.json", content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message's start is compared
        CocoLabels(tmp_path, path)
    assert str(caught.value).startswith(f"{path}: {fault}")


def test_a_json_beyond_all_measure_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match=r"l\.json: more than 0 MiB$"):
        CocoLabels(tmp_path, text(tmp_path / "l.json", json.dumps(GOOD)))


def test_files_alone(tmp_path: Path) -> None:
    found = CocoLabels(tmp_path / "i", text(tmp_path / "l.json", json.dumps(GOOD)))
    with pytest.raises(ValueError, match=r"a\.jpg: missing; .*l\.json lists it$"):
        found.read(found.images[0])
    other = picture(tmp_path / "i" / "b.jpg")
    assert found.without_image() == [f"{other}: not in the json"]


@pytest.mark.shared
def test_all_of_hit_uav(shared_data: Path) -> None:
    config = load_dataset_config(
        ROOT / "configs" / "data" / "hit-uav.yaml", shared_data / "hit-uav"
    )
    names = ("person", "car", "bicycle", "other vehicle")
    for split, images, counts, regions in (
        ("train", 1015, [4258, 2569, 1766, 52], 54),
        ("val", 145, [560, 352, 295, 7], 5),
    ):
        found = read_flights(config, names, [split], "here")
        assert len(found) == images
        assert [sum((i.class_ids == row).sum() for i in found) for row in range(4)] == counts
        assert sum(len(image.ignore) for image in found) == regions
        for image in found[::50]:
            height, width = read_image(image.path).shape[:2]
            assert image.image_wh == (width, height)
