from __future__ import annotations

from pathlib import Path

import pytest

from tracking.evaluation.dataset import Dataset
from tracking.evaluation.found import find_results, read_found, unknown_classes
from tracking.evaluation.rows import NO_CLASS, Protocol, Truth

VEHICLES = {"car": 1, "truck": 2, "bus": 3}


def _truth(path: Path) -> Truth:
    raise AssertionError(path)


def _dataset(class_ids: dict[str, int], *, numbered: bool = True) -> Dataset:
    return Dataset(Protocol("test"), {}, _truth, class_ids, numbered)


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_files_and_the_pipelines_folders(tmp_path: Path) -> None:
    _touch(tmp_path / "a.txt", tmp_path / "b" / "tracks.txt", tmp_path / "b" / "classes.txt")
    _touch(tmp_path / "classes.txt", tmp_path / "c.txt", tmp_path / "d" / "tracks.txt")
    files, extra = find_results(tmp_path, ["b", "a"])
    assert files == {"b": tmp_path / "b" / "tracks.txt", "a": tmp_path / "a.txt"}
    assert extra == ["c", "d"]


def test_one_sequence_may_be_a_file_or_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    _touch(path)
    assert find_results(path, ["a"]) == ({"a": path}, [])
    assert find_results(tmp_path, ["a"]) == ({"a": path}, [])
    with pytest.raises(ValueError, match="one file of tracks for 2 sequences"):
        find_results(path, ["a", "b"])
    with pytest.raises(ValueError, match=r"no a\.txt, b\.txt or SEQ/tracks\.txt"):
        find_results(tmp_path, ["a", "b"])


def test_missing_results_are_named(tmp_path: Path) -> None:
    _touch(tmp_path / "s3.txt")
    names = [f"s{at}" for at in range(9)]
    with pytest.raises(ValueError, match=r"no s0\.txt, .*, s5\.txt and 3 more or SEQ/tracks"):
        find_results(tmp_path, names)


@pytest.mark.parametrize("rest", ["", ",0.9", ",0.9,-1,-1,-1", ",0.9,0,1,-1"])
def test_rows_without_a_class(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"2,7,1,2,3,4{rest}\n1,0,1,2,3,4{rest}\n")
    found = read_found(path, _dataset(VEHICLES))
    assert found.frames.tolist() == [1, 2]
    assert found.ids.tolist() == [0, 7]
    assert found.boxes[0].tolist() == [1, 2, 4, 6]
    assert found.classes.tolist() == [NO_CLASS, NO_CLASS]


@pytest.mark.parametrize(
    ("dataset", "classes"),
    [
        (_dataset(VEHICLES), [1, 3, NO_CLASS]),
        (_dataset(VEHICLES, numbered=False), [NO_CLASS] * 3),
        (_dataset({}), [NO_CLASS] * 3),
    ],
)
def test_numbered_classes(tmp_path: Path, dataset: Dataset, classes: list[int]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,1,0,0,9,9,1,1\n1,2,0,0,9,9,1,3\n1,3,0,0,9,9,1,4\n")
    assert read_found(path, dataset).classes.tolist() == classes
    assert unknown_classes(path, dataset) == []


@pytest.mark.parametrize("numbered", [True, False])
def test_named_classes(tmp_path: Path, numbered: bool) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,1,0,0,9,9,1,0\n1,2,0,0,9,9,1,1\n1,3,0,0,9,9,1,2\n")
    (tmp_path / "classes.txt").write_text("Bus\nperson\ncar\n\n")
    dataset = _dataset(VEHICLES, numbered=numbered)
    found = read_found(path, dataset)
    assert found.ids.tolist() == [1, 3]
    assert found.classes.tolist() == [3, 1]
    assert unknown_classes(path, dataset) == ["person"]
    assert len(read_found(path, _dataset({}))) == 3  # classes are not looked at
    assert unknown_classes(path, _dataset({})) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,-1,0,0,9,9,1,0", "line 2: id is -1, not a whole number from 0 up"),
        ("1,1,0,0,9,9,1,2", "line 2: class is 2, not a whole number from 0 to 1"),
        ("1,1,0,0,9", "line 2: 5 columns"),
        ("0,1,0,0,9,9,1,0", "line 2: frame is 0"),
    ],
)
def test_a_fault_names_the_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"1,2,0,0,9,9,1,0\n{row}\n")
    (tmp_path / "classes.txt").write_text("car\nbus\n")
    with pytest.raises(ValueError, match=message):
        read_found(path, _dataset(VEHICLES))
