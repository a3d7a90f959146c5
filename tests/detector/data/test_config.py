"""Descriptions of data sets and their flights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.data.annotations import LabelledImage, no_boxes
from detector.data.config import (
    load_dataset_config,
    read_dataset,
    read_flights,
    split_by_flight,
)

ROOT = Path(__file__).resolve().parents[3]
GOOD = "format: yolo\nimages: i\nlabels: l\nnames: n.txt\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "set.yaml"
    path.write_text(text)
    return path


def images(*names: str) -> list[LabelledImage]:
    none = np.zeros(0, np.int64)
    return [LabelledImage(Path(name), (8, 8), no_boxes(), none) for name in names]


def test_the_folder_is_given_or_relative_to_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + "root: ../data\n")
    assert load_dataset_config(path).root == tmp_path / "../data"
    assert load_dataset_config(path, Path("elsewhere")).root == Path("elsewhere")


def test_the_project_s_own_description_names_no_folder() -> None:
    path = ROOT / "configs" / "data" / "aerial-cars.yaml"
    assert list(load_dataset_config(path, Path("x")).flights) == [
        "dji-00760",
        "dji-0005",
        "dji-stills",
        "kit-a",
        "kit-b",
        "munich",
    ]
    with pytest.raises(ValueError, match=r"root: missing; give the data set's folder there or wi"):
        load_dataset_config(path)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            GOOD + "fligths: {}\n",
            "fligths: unknown key; "
            "known are format, root, images, labels, names, class_map, flights",
        ),
        (GOOD.replace("yolo", "voc"), "format: expected 'yolo', found 'voc'"),
        ("format: yolo\nimages: i\nlabels: l\n", "names: missing"),
        (GOOD + "flights: {a: 'x*'}\n", "flights.a: expected a valid list, found 'x*'"),
        (GOOD + "class_map: {van: 3}\n", "class_map.van: expected a valid string, found 3"),
        ("- 1\n", "expected keys and values, found list"),
        ("", "expected keys and values, found NoneType"),
        ("format: [yolo\n", "line 2, column 1: expected ',' or ']', but got '<stream end>'"),
    ],
)
def test_a_malformed_description_is_named_in_one_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        load_dataset_config(path, Path("x"))
    assert str(caught.value).startswith(f"{path}: {fault}")
    assert "\n" not in str(caught.value)


def test_a_missing_description_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.yaml: cannot be read: No such file or direc"):
        load_dataset_config(tmp_path / "nowhere.yaml", Path("x"))
    config = load_dataset_config(write(tmp_path, GOOD), tmp_path / "gone")
    with pytest.raises(ValueError, match=r"gone: no such folder; --root is the data set's folder"):
        read_dataset(config, ("car",))


def test_flights_group_whole_names() -> None:
    flights = {"late": ["b-*.jpg", "c.jpg"], "early": ["a-?.jpg"]}
    groups = split_by_flight(images("a-1.jpg", "b-1.jpg", "a-2.jpg", "c.jpg"), flights)
    assert {flight: [image.path.name for image in part] for flight, part in groups.items()} == {
        "late": ["b-1.jpg", "c.jpg"],
        "early": ["a-1.jpg", "a-2.jpg"],
    }


@pytest.mark.parametrize(
    ("flights", "fault"),
    [
        ({"x": ["a*"]}, "flights: b.jpg is in none; each image belongs to exactly one flight"),
        (
            {"x": ["a*", "b*"], "y": ["b.jpg"]},
            "flights: b.jpg is in x and y; each image belongs to exactly one flight",
        ),
        ({"x": ["*"], "y": ["B*"]}, "flights.y: 'B*' fits no image"),
    ],
)
def test_flights_that_leave_out_share_or_miss_images(
    flights: dict[str, list[str]], fault: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        split_by_flight(images("a.jpg", "b.jpg"), flights)
    assert str(caught.value) == fault


def test_two_patterns_of_one_flight_may_fit_one_image() -> None:
    assert len(split_by_flight(images("a.jpg"), {"x": ["a*", "*.jpg"]})["x"]) == 1


def test_images_of_some_flights_come_once_and_in_the_description_s_order(tmp_path: Path) -> None:
    for folder in ("i", "l"):
        (tmp_path / folder).mkdir()
    (tmp_path / "n.txt").write_text("car\n")
    for name in ("a1", "a2", "b1", "c1"):
        cv2.imwrite(str(tmp_path / "i" / f"{name}.png"), np.zeros((8, 8, 3), np.uint8))
        (tmp_path / "l" / f"{name}.txt").write_text("0 .5 .5 .5 .5\n")
    config = load_dataset_config(
        write(tmp_path, GOOD + "root: .\nflights: {c: [c*], a: [a*], b: [b*]}\n")
    )

    def names(flights: list[str] | None) -> list[str]:
        return [image.path.stem for image in read_flights(config, ("car",), flights, "here")]

    assert names(None) == ["a1", "a2", "b1", "c1"]
    assert names(["a", "c", "a"]) == ["c1", "a1", "a2"]
    assert names([]) == []
    with pytest.raises(ValueError, match=r"^here: no flight 'd' in this data set; it has c, a, b$"):
        names(["b", "d"])
