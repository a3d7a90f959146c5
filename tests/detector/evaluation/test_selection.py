"""Which images are measured, and in which classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from detector.evaluation.protocol import Protocol
from detector.evaluation.selection import Choice, select
from tests.detector.data.writers import picture, text, visdrone
from tests.detector.evaluation.scenes import found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in ("a1", "a2", "b1", "b2"):
        picture(tmp_path / "images" / f"{name}.png")
        text(tmp_path / "labels" / f"{name}.txt", "0 .5 .5 .2 .2\n1 .2 .2 .1 .1\n")
    text(tmp_path / "classes.txt", "lorry\ncar\n")
    return text(
        tmp_path / "toy.yaml",
        "format: yolo\nroot: .\nimages: images\nlabels: labels\nnames: classes.txt\n"
        "class_map: {lorry: truck}\nflights: {a: [a*], b: [b*]}\n",
    )


def test_flights_and_limits_select_in_order(data: Path) -> None:
    def names(flights: str | None, limit: int | None) -> list[str]:
        choice = Choice(data, flights=flights, max_images=limit)
        return [path.stem for path in select(choice, ("car", "truck")).paths]

    assert names(None, None) == ["a1", "a2", "b1", "b2"]
    assert names("b, a", None) == ["a1", "a2", "b1", "b2"]
    assert names("b", 9) == ["b1", "b2"]
    assert names(None, 2) == ["a1", "b2"]
    assert names(None, 3) == ["a1", "b1", "b2"]
    assert names(None, 1) == ["a1"]


def test_the_split_is_stated(data: Path) -> None:
    assert Choice(data).split == "toy, all flights"
    assert Choice(data, flights="a", max_images=3).split == (
        "toy, flights a, at most 3 of its images"
    )


def test_without_a_network_classes_are_those_of_the_data_set(data: Path) -> None:
    selection = select(Choice(data), None)
    assert selection.class_names == ("truck", "car")
    assert selection.images[0].class_ids.tolist() == [0, 1]
    assert select(Choice(data), ("car", "x", "truck")).images[0].class_ids.tolist() == [2, 0]


def test_detections_of_classes_without_labels_are_left_out(data: Path) -> None:
    selection = select(Choice(data), ("tram", "car", "truck"))
    some = found([[0, 0, 5, 5]] * 4, [0.4, 0.3, 0.2, 0.1], [0, 2, 1, 0])
    (left,) = selection.of_labelled_classes([some])
    assert left.class_ids.tolist() == [2, 1]


@pytest.mark.parametrize(("protocol", "regions"), [("coco", 3), ("visdrone", 2), ("uavdt", 2)])
def test_toolkits_know_no_ignored_class(tmp_path: Path, protocol: str, regions: int) -> None:
    # A region, a car that is not scored, a van and one of "others", which the map ignores.
    rows = [[0, 0, 9, 9, 0, 0, 0, 0], [20, 0, 9, 9, 0, 4, 0, 0]]
    rows += [[40, 0, 9, 9, 1, 5, 0, 0], [60, 0, 9, 9, 0, 11, 0, 0]]
    visdrone(tmp_path, "val", {"1_a": rows})
    data = text(
        tmp_path / "visdrone.yaml",
        "format: visdrone\nroot: .\nimages: VisDrone2019-DET-{split}/images\n"
        "labels: VisDrone2019-DET-{split}/annotations\nsplits: [val]\n"
        "class_map: {others: ignore}\n",
    )
    choice = Choice(data, flights="val", protocol=Protocol(protocol))
    (image,) = select(choice, None).images
    assert (len(image), len(image.ignore)) == (1, regions)


def test_no_image_is_refused(tmp_path: Path) -> None:
    text(tmp_path / "none.json", '{"images": [], "annotations": [], "categories": []}')
    data = text(tmp_path / "d.yaml", "format: coco\nroot: .\nimages: .\nlabels: none.json\n")
    with pytest.raises(ValueError, match=r"^d, all flights: no image to evaluate on$"):
        select(Choice(data), None)
