"""Descriptions of data sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.data.config import load_dataset_config

ROOT = Path(__file__).resolve().parents[3]
GOOD = "format: yolo\nimages: i\nlabels: l\nnames: n.txt\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "set.yaml"
    path.write_text(text)
    return path


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
            "known are format, root, images, labels, names, class_map, splits, flights",
        ),
        (
            GOOD.replace("yolo", "voc"),
            "format: expected 'yolo', 'visdrone', 'uavdt' or 'coco', found 'voc'",
        ),
        (GOOD.replace("images: i\n", ""), "images: missing"),
        (
            GOOD.replace("names: n.txt\n", ""),
            "names: format yolo needs a file of class names",
        ),
        (GOOD.replace("yolo", "coco"), "names: format coco knows its own"),
        (GOOD + "splits: [a]\n", "splits: their names stand for {split} in images or labels"),
        (
            GOOD.replace("labels: l", "labels: 'l/{split}'"),
            "splits: their names stand for {split} in images or labels",
        ),
        (
            GOOD.replace("labels: l", "labels: 'l/{split}'") + "splits: [a]\nflights: {b: [c]}\n",
            "flights: a data set has splits or flights, not both",
        ),
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


@pytest.mark.parametrize("name", ["visdrone", "uavdt", "hit-uav"])
def test_the_public_sets_descriptions_load(name: str) -> None:
    config = load_dataset_config(ROOT / "configs" / "data" / f"{name}.yaml", Path("x"))
    assert "train" in (config.splits or config.flights)


def test_uavdt_s_parts_are_its_50_sequences_each_once() -> None:
    flights = load_dataset_config(ROOT / "configs" / "data" / "uavdt.yaml", Path("x")).flights
    assert (len(flights["train"]), len(flights["test"])) == (30, 20)
    assert len({*flights["train"], *flights["test"]}) == 50
