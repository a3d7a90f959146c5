"""Detections written and read back, in both forms and for every kind of data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.data.config import DatasetConfig
from detector.data.reading import open_parts
from detector.detections import Detections
from detector.evaluation.saved import (
    ResultNames,
    read_detections,
    require_new,
    result_names,
    save_detections,
)
from tests.detector.data.writers import coco, picture, text
from tests.detector.evaluation.scenes import found

CLASSES = ("bus", "car")

Maker = Callable[[Path], DatasetConfig]


def yolo_set(root: Path) -> DatasetConfig:
    for name in ("1.jpg", "b.jpg"):
        picture(root / "images" / name)
        text(root / "labels" / f"{Path(name).stem}.txt", "")
    text(root / "names.txt", "van\ncar\nbus\ncat\n")
    return DatasetConfig("yolo", root, "images", "labels", "names.txt", {"van": "car", "cat": None})


def visdrone_set(root: Path) -> DatasetConfig:
    for name in ("1.jpg", "b.jpg"):
        picture(root / "images" / name)
        text(root / "labels" / f"{Path(name).stem}.txt", "")
    return DatasetConfig("visdrone", root, "images", "labels", class_map={"van": "car", "*": None})


def uavdt_set(root: Path) -> DatasetConfig:
    for sequence in ("M0101", "M0102"):
        picture(root / "images" / sequence / "img000001.jpg")
        for kind in ("whole", "ignore"):
            text(root / "labels" / f"{sequence}_gt_{kind}.txt", "")
    return DatasetConfig("uavdt", root, "images", "labels", class_map={"truck": None})


def coco_set(root: Path) -> DatasetConfig:
    for name in ("a.jpg", "b.jpg"):
        picture(root / "images" / name)
    coco(root / "labels.json", ["a.jpg", "b.jpg"], {7: "car", 3: "bus", 4: "cat"}, [])
    return DatasetConfig("coco", root, "images", "labels.json", class_map={"cat": "ignore"})


def opened(config: DatasetConfig) -> tuple[list[Path], ResultNames]:
    parts = list(open_parts(config, None, "test"))
    images = [image for part in parts for image in part.images]
    return images, result_names(config, parts, CLASSES)


FOUND = [
    found([[1, 2, 30.5, 40], [5, 5, 9.25, 9]], [0.4, 0.87654321], [0, 1]),
    found([], []),
]


@pytest.mark.parametrize(
    ("make", "bus", "car", "image", "file"),
    [
        (yolo_set, 2, 1, "1", "1.txt"),
        (visdrone_set, 9, 4, "1", "1.txt"),
        (uavdt_set, 3, 1, "M0101/img000001", "M0101/img000001.txt"),
        (coco_set, 3, 7, 1, "a.txt"),
    ],
)
def test_both_forms_give_back_what_was_saved(
    tmp_path: Path, make: Maker, bus: int, car: int, image: Any, file: str
) -> None:
    images, names = opened(make(tmp_path / "set"))
    for target in (tmp_path / "found.json", tmp_path / "found"):
        save_detections(target, images, FOUND, names, CLASSES)
        first, second = read_detections(target, images, names)
        assert len(second) == 0
        best_first = FOUND[0][::-1]
        np.testing.assert_allclose(first.boxes, best_first.boxes, atol=1e-3)
        assert first.scores.astype(np.float32).tolist() == best_first.scores.tolist()
        assert first.class_ids.tolist() == [1, 0]
    entries = json.loads((tmp_path / "found.json").read_text())
    assert entries == [
        {"image_id": image, "category_id": car, "bbox": [5, 5, 4.25, 4], "score": 0.8765432},
        {"image_id": image, "category_id": bus, "bbox": [1, 2, 29.5, 38], "score": 0.4},
    ]
    assert (tmp_path / "found" / file).read_text() == (
        f"5.000,5.000,4.250,4.000,0.8765432,{car},-1,-1\n"
        f"1.000,2.000,29.500,38.000,0.4,{bus},-1,-1\n"
    )
    assert len(list((tmp_path / "found").rglob("*.txt"))) == 2


def test_merged_and_dropped_classes_are_read(tmp_path: Path) -> None:
    images, names = opened(yolo_set(tmp_path))
    line = "1,2,3,4,0.5,{},-1,-1\n"
    text(tmp_path / "found" / "1.txt", "".join(map(line.format, (0, 1, 2, 3))))
    text(tmp_path / "found" / "b.txt", "")
    (first, _) = read_detections(tmp_path / "found", images, names)
    assert first.class_ids.tolist() == [1, 1, 0]
    assert first.boxes[0].tolist() == [1, 2, 4, 6]


def entry(**changes: Any) -> dict[str, Any]:
    return {"image_id": "1", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5} | changes


def read_json(folder: Path, entries: Any, limit: int = 2) -> list[Detections]:
    images, names = opened(yolo_set(folder / "set"))
    path = text(folder / "r.json", entries if isinstance(entries, str) else json.dumps(entries))
    return read_detections(path, images[:limit], names)


def test_json_numbers_for_names_of_digits_and_other_images(tmp_path: Path) -> None:
    # Some tools write 1 for the image 1.jpg; b.jpg is not among the images that are asked for.
    rows = [entry(image_id=1), entry(), entry(image_id="b"), entry(segmentation=[[1, 2]])]
    assert [len(part) for part in read_json(tmp_path, rows, 1)] == [3]


def test_a_json_without_detections(tmp_path: Path) -> None:
    assert [len(part) for part in read_json(tmp_path, [])] == [0, 0]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ("{", r"Invalid JSON: "),
        ({"annotations": []}, r"expected a valid array; COCO results are a list of detections$"),
        ([entry(), entry(score="x")], r"\[1\]\.score: .*valid number"),
        ([entry(bbox=[1, 2, -3, 4])], r"\[0\]\.bbox\[2\]: .*greater than or equal to 0"),
        ([entry(bbox=[1, 2, 3])], r"\[0\]\.bbox\[3\]: "),
        ([entry(category_id=4)], r"\[0\]\.category_id 4: expected one of 0, 1, 2, 3$"),
        (
            [entry(image_id="x")],
            r"no detection of any image here; it calls its first image 'x', the data set '1'$",
        ),
    ],
)
def test_a_fault_in_a_json_is_named(tmp_path: Path, entries: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=r"r\.json: " + fault):
        read_json(tmp_path, entries)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (None, r"1\.txt: missing; 1\.jpg needs it, empty if nothing was found$"),
        ("1,2,3,4,0.5,4,-1,-1", r"1\.txt: line 1: category 4: expected one of 0, 1, 2, 3$"),
        ("1,2,3,4,0.5", r"1\.txt: line 1: expected 8 columns"),
        ("1,2,-3,4,0.5,1,-1,-1", r"1\.txt: line 1: w -3: expected a size"),
    ],
)
def test_a_fault_in_a_text_file_is_named(tmp_path: Path, lines: str | None, fault: str) -> None:
    images, names = opened(yolo_set(tmp_path))
    (tmp_path / "found").mkdir()
    if lines is not None:
        text(tmp_path / "found" / "1.txt", lines)
    with pytest.raises(ValueError, match=fault):
        read_detections(tmp_path / "found", images, names)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    images, names = opened(yolo_set(tmp_path))
    with pytest.raises(ValueError, match=r"nowhere\.json: no such file$"):
        read_detections(tmp_path / "nowhere.json", images, names)


def test_a_class_that_the_data_set_lacks_cannot_be_saved(tmp_path: Path) -> None:
    images, names = opened(yolo_set(tmp_path))
    with pytest.raises(ValueError, match=r"^class 'tram' cannot be saved: the data set has none"):
        save_detections(tmp_path / "x.json", images, FOUND, names, ("bus", "tram"))


def test_splits_that_call_two_images_the_same_are_refused(tmp_path: Path) -> None:
    for split in ("one", "two"):
        picture(tmp_path / split / "a.jpg")
        coco(tmp_path / f"{split}.json", ["a.jpg"], {1: "car", 2: "bus"}, [])
    config = DatasetConfig("coco", tmp_path, "{split}", "{split}.json", splits=["one", "two"])
    with pytest.raises(ValueError, match=r"two/a\.jpg and .*one/a\.jpg are both called 1$"):
        opened(config)
    coco(tmp_path / "two.json", ["a.jpg"], {1: "bus", 2: "car"}, [])
    with pytest.raises(ValueError, match=r"^two: numbers its classes otherwise; take one split"):
        opened(config)


def test_where_detections_may_be_saved(tmp_path: Path) -> None:
    require_new(tmp_path / "new")
    (tmp_path / "old").mkdir()
    require_new(tmp_path / "old")
    text(tmp_path / "old" / "a.txt", "")
    with pytest.raises(ValueError, match=r"old: not empty; old files would mix with new ones$"):
        require_new(tmp_path / "old")
    with pytest.raises(ValueError, match=r"nowhere: no such folder$"):
        require_new(tmp_path / "nowhere" / "x.json")
