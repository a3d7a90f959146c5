from __future__ import annotations

from pathlib import Path

import pytest

from tracking.evaluation.rows import NO_CLASS
from tracking.evaluation.uavdt import (
    ATTRIBUTES,
    TEST_SEQUENCES,
    open_dataset,
    read_attributes,
    read_truth,
)

WHOLE = "1,1,0,0,9,9,1,1,1\n1,2,20,0,9,9,2,1,3\n2,1,0,0,9,9,1,4,2\n"
"""Car 1, which is a truck in frame 2, and bus 2, out of view in part."""


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_rows_are_the_plain_files_and_classes_the_whole_ones(tmp_path: Path) -> None:
    _write(tmp_path / "M0101_gt_whole.txt", WHOLE)
    _write(tmp_path / "M0101_gt_ignore.txt", "2,9,50,60,10,20,1,-1,-1\n")
    plain = "2,1,0,0,9,9,1,-1,-1\n1,1,0,0,9,9,1,-1,-1\n3,8,0,0,9,9,1,-1,-1\n"
    _write(tmp_path / "M0101_gt.txt", plain)
    dataset = open_dataset(tmp_path)
    assert {name: path.name for name, path in dataset.files.items()} == {"M0101": "M0101_gt.txt"}
    truth = dataset.read(dataset.files["M0101"])
    assert truth.tracks.frames.tolist() == [1, 2, 3]
    assert truth.tracks.classes.tolist() == [1, 2, NO_CLASS]
    assert truth.length == 3
    assert truth.ignored.boxes.tolist() == [[50, 60, 60, 80]]
    assert truth.ignored.frames.tolist() == [2]


@pytest.mark.parametrize(("name", "ids"), [("M0101", [1, 2, 1]), ("M0203", [1, 1])])
def test_the_whole_file_alone(tmp_path: Path, name: str, ids: list[int]) -> None:
    """What is out of view does not count in test sequences."""
    truth = read_truth(_write(tmp_path / f"{name}_gt_whole.txt", WHOLE))
    assert truth.tracks.ids.tolist() == ids
    assert len(truth.ignored) == 0


def test_the_plain_file_alone_has_no_classes(tmp_path: Path) -> None:
    truth = read_truth(_write(tmp_path / "M0101_gt.txt", "1,1,0,0,9,9,1,-1,-1\n"))
    assert truth.tracks.classes.tolist() == [NO_CLASS]


def test_empty_files(tmp_path: Path) -> None:
    _write(tmp_path / "M0101_gt_ignore.txt", "")
    truth = read_truth(_write(tmp_path / "M0101_gt.txt", ""))
    assert (len(truth.tracks), len(truth.ignored), truth.length) == (0, 0, 0)


def test_the_toolkits_folder(tmp_path: Path) -> None:
    _write(tmp_path / "GT" / "M0203_gt.txt", "")
    _write(tmp_path / "GT" / "M0101_gt_whole.txt", "")
    _write(tmp_path / "readme.txt", "")
    assert list(open_dataset(tmp_path).files) == ["M0101", "M0203"]
    assert len(TEST_SEQUENCES) == 20


def test_without_regard_to_classes(tmp_path: Path) -> None:
    path = _write(tmp_path / "M0101_gt_whole.txt", WHOLE)
    dataset = open_dataset(path, class_agnostic=True)
    assert list(dataset.files) == ["M0101"]
    assert not dataset.protocol.classes
    assert not dataset.class_ids


@pytest.mark.parametrize(
    ("file", "row", "message"),
    [
        ("M0101_gt_whole.txt", "1,7,0,0,9,9,1,1,4", "class is 4, not a whole number from 1 to 3"),
        ("M0203_gt_whole.txt", "1,7,0,0,9,9,0,1,1", "out-of-view is 0, not a whole number"),
        ("M0101_gt.txt", "0,7,0,0,9,9,1,-1,-1", "frame is 0"),
        ("M0101_gt_ignore.txt", "1,7,0,0,9", "5 columns"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, file: str, row: str, message: str) -> None:
    _write(tmp_path / "M0101_gt.txt", "1,1,0,0,9,9,1,-1,-1\n")
    _write(tmp_path / file, f"1,1,0,0,9,9,1,1,1\n{row}\n")
    main = file if "ignore" not in file else "M0101_gt.txt"
    with pytest.raises(ValueError, match=f"{file}, line 2: {message}"):
        read_truth(tmp_path / main)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no SEQ_gt\.txt or SEQ_gt_whole\.txt"):
        open_dataset(tmp_path)
    with pytest.raises(ValueError, match="UAVDT's names are"):
        read_truth(tmp_path / "M0101.txt")


def test_attributes_are_groups_of_sequences(tmp_path: Path) -> None:
    _write(tmp_path / "train" / "M0101_attr.txt", "1,0,0,1,0,0,0,1,0,0")
    _write(tmp_path / "test" / "M0203_attr.txt", "0, 1, 0, 1, 0, 0, 0, 0, 1, 1,\n")
    groups = read_attributes(tmp_path, ["M0101", "M0203"])
    assert tuple(groups) == ATTRIBUTES
    assert {name: members for name, members in groups.items() if members} == {
        "daylight": ["M0101"],
        "night": ["M0203"],
        "low-alt": ["M0101", "M0203"],
        "side-view": ["M0101"],
        "bird-view": ["M0203"],
        "long-term": ["M0203"],
    }


@pytest.mark.parametrize("text", ["1,0,0", "", "1,0,0,1,0,0,0,1,0,2"])
def test_broken_attributes_are_named(tmp_path: Path, text: str) -> None:
    _write(tmp_path / "M0101_attr.txt", text)
    with pytest.raises(ValueError, match=r"M0101_attr\.txt: .* is not 10 times 0 or 1"):
        read_attributes(tmp_path, ["M0101"])


def test_missing_attributes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no M0101_attr\.txt, there or in train or test"):
        read_attributes(tmp_path, ["M0101"])
