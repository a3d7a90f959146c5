from __future__ import annotations

from pathlib import Path

import pytest

from tracking.evaluation.visdrone import CLASSES, NAMES, open_dataset, read_truth


def test_regions_are_ignored_and_ten_categories_are_tracks(tmp_path: Path) -> None:
    path = tmp_path / "uav1_v.txt"
    lines = [f"1,{at},0,0,9,9,{int(0 < at < 11)},{at},0,0\n" for at in range(12)]
    path.write_text("".join([*lines, "4,20,0,0,9,9,0,4,0,0\n", "6,0,5,5,9,9,0,0,0,0,\n"]))
    truth = read_truth(path)
    assert truth.tracks.classes.tolist() == list(range(1, 11))
    assert truth.ignored.ids.tolist() == [0, 11, 20, 0]  # 20: marked not to be used
    assert truth.length == 6


def test_five_categories_are_scored() -> None:
    assert CLASSES == {4: "car", 9: "bus", 6: "truck", 1: "pedestrian", 5: "van"}
    assert len(NAMES) == 12


@pytest.mark.parametrize("inside", [".", "annotations"])
def test_finds_sequences(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / inside
    folder.mkdir(exist_ok=True)
    for name in ("uav2_v", "uav1_v"):
        (folder / f"{name}.txt").write_text("")
    dataset = open_dataset(tmp_path)
    assert list(dataset.files) == ["uav1_v", "uav2_v"]
    assert not dataset.protocol.merged
    assert set(dataset.class_ids.values()) == set(range(1, 11))
    assert list(open_dataset(folder / "uav2_v.txt").files) == ["uav2_v"]


def test_without_regard_to_classes(tmp_path: Path) -> None:
    (tmp_path / "uav1_v.txt").write_text("")
    dataset = open_dataset(tmp_path, class_agnostic=True)
    assert dataset.protocol.merged
    assert not dataset.protocol.classes
    assert not dataset.class_ids


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,1,0,0,9,9,1,12,0,0", "category is 12, not a whole number from 0 to 11"),
        ("1,1,0,0,9,9,1", "7 columns"),
    ],
)
def test_a_fault_names_the_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"1,2,0,0,9,9,1,4,0,0\n{row}\n")
    with pytest.raises(ValueError, match=f"line 2: {message}"):
        read_truth(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no SEQ\.txt there"):
        open_dataset(tmp_path)
