"""The YOLO reader: coordinates worked by hand, and each fault with its exact message."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.data.annotations import LabelledImage
from detector.data.classes import map_classes
from detector.data.config import load_dataset_config
from detector.data.images import read_image
from detector.data.labels import labelled
from detector.data.reading import read_flights
from detector.data.yolo import YoloLabels, read_names

ROOT = Path(__file__).resolve().parents[3]
CLASS_MAP = {"minibus": "car", "cyclist": None, "crowd": "ignore"}
NAMES = ("car", "bus")


class Folder:
    """A YOLO data set of 200 x 100 images in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("images", "labels"):
            (root / name).mkdir()
        self.names = root / "classes.txt"
        self.names.write_text("car\nbus\nminibus\ncyclist\ncrowd\n")

    def add(self, stem: str, text: str | None) -> Path:
        cv2.imwrite(str(self.root / "images" / f"{stem}.jpg"), np.zeros((100, 200, 3), np.uint8))
        labels = self.root / "labels" / f"{stem}.txt"
        if text is not None:
            labels.write_text(text)
        return labels

    def read(self, class_map: dict[str, str | None] | None = None) -> list[LabelledImage]:
        mapping = CLASS_MAP if class_map is None else class_map
        source = YoloLabels(self.root / "images", self.root / "labels", self.names)
        mapped = map_classes(source.class_names, mapping, NAMES)
        return [labelled(image, source.read(image), mapped) for image in source.images]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_boxes_in_pixels_classes_mapped_and_regions_apart(folder: Folder) -> None:
    folder.add("b", "")
    folder.add("a", "1 0.5 0.5 0.1 0.2\n\n2 .25 .5 .5 1\n3 .5 .5 .1 .1\n4 .75 .25 .5 .5\n")
    first, second = folder.read()
    assert (first.path.name, second.path.name) == ("a.jpg", "b.jpg")
    assert first.image_wh == (200, 100)
    np.testing.assert_allclose(first.boxes, [[90, 40, 110, 60], [0, 0, 100, 100]], atol=1e-4)
    assert first.class_ids.tolist() == [1, 0]
    np.testing.assert_allclose(first.ignore, [[100, 0, 200, 50]], atol=1e-4)
    assert len(second) == 0
    assert second.ignore.shape == (0, 4)


def test_boxes_are_clipped_and_rounding_is_forgiven(folder: Folder) -> None:
    folder.add("a", "0 0.95 0.0 0.2 0.4\n0 0.5 1.0005 0.5 0.2\n0 -.0005 .5 .1 .1\n")
    (image,) = folder.read()
    expected = [[170.0, 0.0, 200.0, 20.0], [50.0, 90.05, 150.0, 100.0], [0.0, 45.0, 9.9, 55.0]]
    np.testing.assert_allclose(image.boxes, expected, atol=1e-4)


@given(st.lists(st.tuples(*[st.floats(0.01, 0.99)] * 2, *[st.floats(0.01, 1)] * 2), max_size=20))
def test_every_box_lies_inside_and_keeps_its_centre_if_whole(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float, float, float]]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("yolo"))
    folder.add("a", "".join(f"0 {x:.9f} {y:.9f} {w:.9f} {h:.9f}\n" for x, y, w, h in rows))
    boxes = folder.read()[0].boxes
    assert len(boxes) == len(rows)
    for box, (x, y, w, h) in zip(boxes, rows, strict=True):
        assert 0 <= box[0] < box[2] <= 200
        assert 0 <= box[1] < box[3] <= 100
        if w / 2 <= x <= 1 - w / 2:
            np.testing.assert_allclose(
                [box[0] + box[2], box[2] - box[0]], [400 * x, 200 * w], atol=1e-3
            )
        if h / 2 <= y <= 1 - h / 2:
            np.testing.assert_allclose(
                [box[1] + box[3], box[3] - box[1]], [200 * y, 100 * h], atol=1e-3
            )


def test_a_box_without_area_inside_is_left_out(folder: Folder) -> None:
    folder.add("a", "0 .5 .5 0 .1\n0 .5 .5 .1 .2\n4 .5 .5 .1 0\n0 0 0 .0000001 .1\n")
    (image,) = folder.read()
    assert (len(image), len(image.ignore)) == (2, 0)  # the last is a hair inside


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("0 .5 .5 .1", "line 1: expected 5 columns (class cx cy w h), found 4"),
        (
            "0 .5 .5 .1 .1\n\n0 .5 .5 .1 .1 .9",
            "line 3: expected 5 columns (class cx cy w h), found 6",
        ),
        ("0 .5 .5 .1 wide", "line 1: h 'wide': expected a number"),
        ("0 .5 .5 .1 .1\n5 .5 .5 .1 .1", "line 2: class 5: expected a whole number from 0 to 4"),
        ("-1 .5 .5 .1 .1", "line 1: class -1: expected a whole number from 0 to 4"),
        ("0.5 .5 .5 .1 .1", "line 1: class 0.5: expected a whole number from 0 to 4"),
        ("nan .5 .5 .1 .1", "line 1: class 'nan': expected a number"),
        ("0 96 .5 .1 .1", "line 1: cx 96: expected a share of the image, 0 to 1"),
        ("0 .5 .5 -0.1 .1", "line 1: w -0.1: expected a share of the image, 0 to 1"),
        ("0 .5 nan .1 .1", "line 1: cy 'nan': expected a number"),
    ],
)
def test_a_malformed_line_is_named(folder: Folder, text: str, fault: str) -> None:
    folder.add("a", "0 .5 .5 .1 .1")
    labels = folder.add("b", text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        folder.read()
    assert str(caught.value) == f"{labels}: {fault}"


def fault_of(folder: Folder, class_map: dict[str, str | None] | None = None) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        folder.read(class_map)
    return str(caught.value)


def test_a_missing_label_file_is_named(folder: Folder) -> None:
    labels = folder.add("a", None)
    assert fault_of(folder) == (
        f"{labels}: missing; the image a.jpg needs it, empty if it has no objects"
    )


def test_a_label_file_that_is_no_text_is_named(folder: Folder) -> None:
    labels = folder.add("a", "")
    labels.write_bytes(b"\xff\xfe\x00")
    assert fault_of(folder) == f"{labels}: not a text file in UTF-8"


def test_an_unreadable_image_is_named(folder: Folder) -> None:
    folder.add("a", "")
    image = folder.root / "images" / "a.jpg"
    image.write_bytes(b"no picture")
    assert fault_of(folder) == f"{image}: not a readable image"


def test_an_empty_or_absent_images_folder_is_named(folder: Folder) -> None:
    images = folder.root / "images"
    known = ".bmp, .jpeg, .jpg, .png, .tif, .tiff, .webp"
    assert fault_of(folder) == f"{images}: no image; known are {known}"
    images.rmdir()
    assert fault_of(folder) == f"{images}: no such folder of images"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no class name; expected one a line"),
        ("car\n\nbus", "line 2: empty; expected a class name"),
        ("car\nbus\ncar\n", "line 3: 'car' is there twice"),
    ],
)
def test_a_malformed_names_file_is_named(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "names.txt"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        read_names(path)
    assert str(caught.value) == f"{path}: {fault}"


def test_a_missing_names_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.txt: no such file$"):
        read_names(tmp_path / "nowhere.txt")


def test_names_with_byte_order_mark_and_windows_ends(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xef\xbb\xbfcar\r\nbus\r\n\r\n")
    assert read_names(path) == ("car", "bus")


@pytest.mark.shared
def test_all_of_aerial_cars(shared_data: Path) -> None:
    config = load_dataset_config(
        ROOT / "configs" / "data" / "aerial-cars.yaml", shared_data / "aerial-cars"
    )
    names = ("car", "truck", "bus")
    images = read_flights(config, names, None, "here")
    assert len(images) == 110
    found = Counter(int(row) for image in images for row in image.class_ids)
    assert found == {0: 3198 + 83, 1: 3, 2: 77}
    for image in images:
        height, width = read_image(image.path).shape[:2]
        assert image.image_wh == (width, height)
    assert Counter(image.sequence for image in images) == {
        "dji-00760": 11,
        "dji-0005": 26,
        "dji-stills": 8,
        "kit-a": 20,
        "kit-b": 25,
        "munich": 20,
    }
