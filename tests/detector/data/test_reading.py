"""Parts of a data set: splits, flights, and the same records from every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from detector.data.config import load_dataset_config
from detector.data.reading import read_flights, split_by_flight
from detector.data.visdrone import CLASS_NAMES
from tests.detector.data.writers import coco, picture, text, uavdt, visdrone

ROOT = Path(__file__).resolve().parents[3]
BOX = (20, 10, 40, 20)
REGION = (100, 50, 50, 40)


def yolo_set(root: Path) -> str:
    picture(root / "i" / "1.jpg")
    text(root / "l" / "1.txt", "0 .2 .2 .2 .2\n1 .625 .7 .25 .4\n")
    text(root / "n.txt", "car\nregion\n")
    return "format: yolo\nimages: i\nlabels: l\nnames: n.txt\nclass_map: {region: ignore}\n"


def visdrone_set(root: Path) -> str:
    visdrone(root, "val", {"1_2": [[*BOX, 1, 4, 0, 0], [*REGION, 0, 0, 0, 0]]})
    folder = "VisDrone2019-DET-val"
    return (
        f"format: visdrone\nimages: {folder}/images\nlabels: {folder}/annotations\n"
        "class_map: {'*': null}\n"
    )


def uavdt_set(root: Path) -> str:
    uavdt(root, "M0101", 1, [[1, 1, *BOX, 1, 1, 1]], [[1, 1, *REGION, 1, -1, -1]])
    return (
        "format: uavdt\nimages: UAV-benchmark-M\nlabels: UAV-benchmark-MOTD_v1.0/GT\n"
        "class_map: {'*': null}\n"
    )


def coco_set(root: Path) -> str:
    picture(root / "i" / "1.jpg")
    entries = [
        {"image_id": 1, "category_id": 7, "bbox": BOX},
        {"image_id": 1, "category_id": 7, "bbox": REGION, "iscrowd": 1},
    ]
    coco(root / "l.json", ["1.jpg"], {7: "car"}, entries)
    return "format: coco\nimages: i\nlabels: l.json\n"


@pytest.mark.parametrize("make", [yolo_set, visdrone_set, uavdt_set, coco_set])
def test_every_format_gives_the_same_record(tmp_path: Path, make: Callable[[Path], str]) -> None:
    description = text(tmp_path / "set.yaml", make(tmp_path) + "root: .\n")
    (image,) = read_flights(load_dataset_config(description), ("bus", "car"), None, "here")
    np.testing.assert_allclose(image.boxes, [[20, 10, 60, 30]], atol=1e-4)
    np.testing.assert_allclose(image.ignore, [[100, 50, 150, 90]], atol=1e-4)
    assert image.class_ids.tolist() == [1]
    assert image.image_wh == (200, 100)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    description = text(tmp_path / "set.yaml", coco_set(tmp_path))
    config = load_dataset_config(description, tmp_path / "gone")
    with pytest.raises(ValueError, match=r"gone: no such folder; --root is the data set's folder"):
        read_flights(config, ("car",), None, "here")


def test_a_class_map_that_does_not_fit_names_the_data_set(tmp_path: Path) -> None:
    description = text(tmp_path / "set.yaml", coco_set(tmp_path) + "root: .\n")
    with pytest.raises(ValueError, match=r"^.*: class 'car' becomes 'car', which is none of bus;"):
        read_flights(load_dataset_config(description), ("bus",), None, "here")


def test_only_the_splits_that_are_named_are_opened(tmp_path: Path) -> None:
    visdrone(tmp_path, "val", {"1_2": [[*BOX, 1, 4, 0, 0]], "2_1": []})
    visdrone(tmp_path, "train", {"9_9": [[*BOX, 1, 1, 0, 0]] * 2})
    config = load_dataset_config(ROOT / "configs" / "data" / "visdrone.yaml", tmp_path)
    ten = CLASS_NAMES[:10]

    def names(splits: list[str] | None) -> list[str]:
        return [image.path.stem for image in read_flights(config, ten, splits, "--flights")]

    assert names(["val"]) == ["1_2", "2_1"]
    assert names(["val", "train"]) == ["9_9", "1_2", "2_1"]
    with pytest.raises(
        ValueError, match=r"^--flights: name the flights to take; this data set's a"
    ):
        names(None)
    with pytest.raises(ValueError, match=r"no flight 'test' in this data set; it has train, val,"):
        names(["test"])
    with pytest.raises(ValueError, match=r"VisDrone2019-DET-test-dev/images: no such folder of im"):
        names(["test-dev"])


def test_some_flights_come_once_and_in_the_description_s_order(tmp_path: Path) -> None:
    text(tmp_path / "n.txt", "car\n")
    for name in ("a1", "a2", "b1", "c1"):
        picture(tmp_path / "i" / f"{name}.png")
        text(tmp_path / "l" / f"{name}.txt", "0 .5 .5 .5 .5\n")
    description = "format: yolo\nroot: .\nimages: i\nlabels: l\nnames: n.txt\n"
    path = text(tmp_path / "set.yaml", description + "flights: {c: [c*], a: [a*], b: [b*]}\n")
    config = load_dataset_config(path)

    def names(flights: list[str] | None) -> list[str]:
        return [
            f"{image.sequence}:{image.path.stem}"
            for image in read_flights(config, ("car",), flights, "here")
        ]

    assert names(None) == ["c:c1", "a:a1", "a:a2", "b:b1"]
    assert names(["a", "c", "a"]) == ["c:c1", "a:a1", "a:a2"]
    assert names([]) == []
    with pytest.raises(ValueError, match=r"^here: no flight 'd' in this data set; it has c, a, b$"):
        names(["b", "d"])
    plain = load_dataset_config(text(tmp_path / "plain.yaml", description))
    with pytest.raises(ValueError, match=r"^here: no flight 'a' in this data set; it has none$"):
        read_flights(plain, ("car",), ["a"], "here")


def test_sequences_are_taken_by_their_folder(tmp_path: Path) -> None:
    for name in ("M0101", "M0102", "M0203"):
        uavdt(tmp_path, name, 2, [[1, 1, *BOX, 1, 1, 1]])
    flights = "flights: {train: ['M010?/*'], test: ['M0203/*'], gone: ['M0999/*']}\n"
    path = text(tmp_path / "set.yaml", uavdt_set(tmp_path) + flights)
    config = load_dataset_config(path, tmp_path)
    found = read_flights(config, ("car",), ["train"], "here")
    assert [image.sequence for image in found] == ["M0101", "M0101", "M0102", "M0102"]
    with pytest.raises(ValueError, match=r"^flights\.gone: 'M0999/\*' fits no image$"):
        read_flights(config, ("car",), None, "here")


def paths(*names: str) -> list[Path]:
    return [Path("set") / name for name in names]


def test_flights_group_whole_names() -> None:
    flights = {"late": ["b-*.jpg", "c.jpg"], "early": ["a-?.jpg"]}
    images = paths("a-1.jpg", "b-1.jpg", "x/a-2.jpg", "c.jpg")
    assert split_by_flight(images, flights, ["late", "early"]) == {
        "late": paths("b-1.jpg", "c.jpg"),
        "early": paths("a-1.jpg", "x/a-2.jpg"),
    }


@pytest.mark.parametrize(
    ("flights", "fault"),
    [
        ({"x": ["a*"]}, "flights: set/b.jpg is in none; each image belongs to exactly one flight"),
        (
            {"x": ["a*", "b*"], "y": ["b.jpg"]},
            "flights: set/b.jpg is in x and y; each image belongs to exactly one flight",
        ),
        ({"x": ["*"], "y": ["B*"]}, "flights.y: 'B*' fits no image"),
        ({"x": ["*", "other/*"]}, "flights.x: 'other/*' fits no image"),
    ],
)
def test_flights_that_leave_out_share_or_miss_images(
    flights: dict[str, list[str]], fault: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        split_by_flight(paths("a.jpg", "b.jpg"), flights, list(flights))
    assert str(caught.value) == fault


def test_two_patterns_of_one_flight_may_fit_one_image() -> None:
    assert len(split_by_flight(paths("a.jpg"), {"x": ["a*", "*.jpg"]}, ["x"])["x"]) == 1
