from __future__ import annotations

from pathlib import Path

import pytest

from tracking.evaluation.mot import open_dataset, read_truth

ROW = "1,1,0,0,10,20,1,1,1\n"


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_pedestrians_count_and_distractors_are_ignored(tmp_path: Path) -> None:
    lines = [f"2,{kind},{kind}0,0,5,5,1,{kind},1\n" for kind in range(1, 14)]
    lines.append("1,50,0,0,5,5,0,1,1\n")  # a pedestrian that need not be found
    lines.append("3,60,0,0,5,5,0,8,1\n")  # distractors are marked like that
    truth = read_truth(_write(tmp_path / "MOT17-02.txt", "".join(lines)))
    assert truth.tracks.ids.tolist() == [1]
    assert truth.ignored.ids.tolist() == [2, 7, 8, 12, 60]
    assert sorted(truth.neutral.ids.tolist()) == [3, 4, 5, 6, 9, 10, 11, 13, 50]
    assert truth.length == 3


def test_mot20_ignores_other_vehicles_too(tmp_path: Path) -> None:
    truth = read_truth(_write(tmp_path / "MOT20-01.txt", "1,6,0,0,5,5,1,6,1\n"))
    assert truth.ignored.ids.tolist() == [6]


@pytest.mark.parametrize("rest", ["-1,-1,-1", "4.48,5.5,0", "1.5,2,0"])
def test_mot15_has_no_classes(tmp_path: Path, rest: str) -> None:
    text = f"1,1,0,0,10,20,1,{rest}\n1,2,0,0,10,20,0,{rest}\n"
    truth = read_truth(_write(tmp_path / "TUD.txt", text))
    assert truth.tracks.ids.tolist() == [1]
    assert truth.neutral.ids.tolist() == [2]
    assert len(truth.ignored) == 0


def test_own_classes_by_name(tmp_path: Path) -> None:
    _write(tmp_path / "classes.txt", "car\nPerson\n")
    _write(tmp_path / "a.txt", "1,1,0,0,10,20,1,0,1\n1,2,0,0,10,20,0.5,1,1\n1,3,0,0,9,9,0,1,1\n")
    dataset = open_dataset(tmp_path)
    assert list(dataset.files) == ["a"]
    assert dataset.protocol.classes == {0: "car", 1: "Person"}
    assert not dataset.protocol.merged
    assert dataset.class_ids == {"car": 0, "person": 1}
    truth = dataset.read(dataset.files["a"])
    assert truth.tracks.classes.tolist() == [0, 1]
    assert len(truth.ignored) == 0


def test_without_regard_to_classes_every_row_counts(tmp_path: Path) -> None:
    path = _write(tmp_path / "MOT17-02.txt", "1,1,0,0,9,9,1,8,1\n1,2,0,0,9,9,1,0,1\n")
    dataset = open_dataset(path, class_agnostic=True)
    truth = dataset.read(path)
    assert truth.tracks.ids.tolist() == [1, 2]
    assert not dataset.class_ids
    assert dataset.protocol.merged


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,2,0,0,5,5,1,14,1\n", "line 2: class is 14, not a whole number from 1 to 13"),
        ("1,2,0,0,5,5,1,0,1\n", "line 2: class is 0, not a whole number from 1 to 13"),
        ("1,2,0,0,5,5\n", "line 2: 6 columns"),
    ],
)
def test_a_fault_names_the_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_truth(_write(tmp_path / "a.txt", ROW + row))


def test_sequence_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        _write(tmp_path / name / "gt" / "gt.txt", ROW)
    _write(tmp_path / "a" / "seqinfo.ini", "[Sequence]\nseqLength = 40\n")
    dataset = open_dataset(tmp_path)
    assert list(dataset.files) == ["a", "b"]
    assert [dataset.read(path).length for path in dataset.files.values()] == [40, 1]
    _write(tmp_path / "b" / "gt" / "seqinfo.ini", "[Sequence]\nseqLength=0\n")
    assert dataset.read(dataset.files["b"]).length == 1  # no shorter than its rows
    assert list(open_dataset(tmp_path / "a").files) == ["a"]
    assert list(open_dataset(tmp_path / "a" / "gt" / "gt.txt").files) == ["a"]


@pytest.mark.parametrize("text", ["[Sequence]\nseqLength = x\n", "[Sequence]\n", "seqLength"])
def test_a_broken_seqinfo_is_named(tmp_path: Path, text: str) -> None:
    path = _write(tmp_path / "a" / "gt" / "gt.txt", ROW)
    _write(tmp_path / "a" / "seqinfo.ini", text)
    with pytest.raises(ValueError, match=r"seqinfo\.ini: no whole number as seqLength"):
        read_truth(path)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no SEQ/gt/gt\.txt and no SEQ\.txt"):
        open_dataset(tmp_path)
    (tmp_path / "annotations").mkdir()
    with pytest.raises(ValueError, match="add --format visdrone"):
        open_dataset(tmp_path)
    path = _write(tmp_path / "M0101_gt_whole.txt", ROW)
    for root in (tmp_path, path):
        with pytest.raises(ValueError, match=r"M0101_gt_whole\.txt: .* add --format uavdt"):
            open_dataset(root)
