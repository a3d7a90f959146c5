"""The UAVDT reader on hand-made sequences, and on real ground truth."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.data.classes import IGNORED
from detector.data.config import load_dataset_config
from detector.data.reading import read_flights
from detector.data.uavdt import UavdtLabels
from tests.detector.data.writers import picture, table, text, uavdt

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = "frame id x y w h out-of-view occlusion class"


def folders(root: Path) -> tuple[Path, Path]:
    return root / "UAV-benchmark-M", root / "UAV-benchmark-MOTD_v1.0" / "GT"


def test_frames_boxes_regions_and_codes(tmp_path: Path) -> None:
    # UAVDT's rows are sorted by id, not by frame.
    whole = [
        [1, 1, 0, 0, 10, 10, 1, 1, 1],
        [3, 1, 2, 0, 10, 10, 3, 4, 1],
        [1, 2, 50, 60, 9, 8, 2, 2, 3],
    ]
    ignore = [[3, 9, 100, 0, 100, 50, 1, -1, -1], [2, 9, 0, 0, 30, 20, 1, -1, -1]]
    uavdt(tmp_path, "M0101", 3, whole, ignore)
    uavdt(tmp_path, "M0205", 1, [[1, 1, 5, 5, 5, 5, 1, 1, 2]])
    found = UavdtLabels(*folders(tmp_path))
    assert [f"{path.parent.name}/{path.name}" for path in found.images] == [
        "M0101/img000001.jpg",
        "M0101/img000002.jpg",
        "M0101/img000003.jpg",
        "M0205/img000001.jpg",
    ]
    first, second, third, other = (found.read(path) for path in found.images)
    assert first.boxes.tolist() == [[0, 0, 10, 10], [50, 60, 59, 68]]
    assert first.class_ids.tolist() == [0, 2]
    assert (first.truncation.tolist(), first.occlusion.tolist()) == ([1, 2], [1, 2])
    assert (second.boxes.tolist(), second.class_ids.tolist()) == ([[0, 0, 30, 20]], [IGNORED])
    assert third.class_ids.tolist() == [0, IGNORED]
    assert third.truncation.tolist()[0] == 3
    assert (other.class_ids.tolist(), other.sequence) == ([1], "M0205")
    assert (first.image_wh, first.sequence) == ((200, 100), "M0101")
    labels = folders(tmp_path)[1]
    assert third.place(0) == f"{labels / 'M0101_gt_whole.txt'}: line 2"
    assert third.place(1) == f"{labels / 'M0101_gt_ignore.txt'}: line 1"
    assert found.without_image() == []


def test_any_order_of_reading_gives_the_same(tmp_path: Path) -> None:
    uavdt(tmp_path, "M0101", 2, [[2, 1, 1, 1, 5, 5, 1, 1, 1]])
    uavdt(tmp_path, "M0102", 2, [[1, 1, 2, 2, 5, 5, 1, 1, 1]])
    found = UavdtLabels(*folders(tmp_path))
    forward = {path: found.read(path).boxes.tolist() for path in found.images}
    backward = {path: found.read(path).boxes.tolist() for path in reversed(found.images)}
    assert forward == backward
    assert sum(map(len, forward.values())) == 2


ROW = st.tuples(
    st.integers(1, 3),
    st.integers(1, 99),
    st.integers(0, 150),
    st.integers(0, 80),
    st.integers(1, 50),
    st.integers(1, 20),
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 3),
)


@given(st.lists(ROW, max_size=12))
def test_every_row_is_read_once_in_its_frame(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, ...]]
) -> None:
    root = tmp_path_factory.mktemp("u")
    uavdt(root, "M0101", 3, rows)
    found = UavdtLabels(*folders(root))
    back = []
    for frame, path in enumerate(found.images, 1):
        part = found.read(path)
        columns = zip(part.boxes, part.truncation, part.occlusion, part.class_ids, strict=True)
        for (x1, y1, x2, y2), view, occlusion, row in columns:
            back.append((frame, x1, y1, x2 - x1, y2 - y1, view, occlusion, row + 1))
    assert Counter(back) == Counter((row[0], *row[2:]) for row in rows)


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("whole", "1,1,0,0,9,9,1,-1", f"expected 9 columns ({COLUMNS}), found 8"),
        ("whole", "0,1,0,0,9,9,1,1,1", "frame 0: expected a whole number from 1 to 10000000"),
        ("whole", "1,1,0,0,9,9,1,1,4", "class 4: expected a whole number from 1 to 3"),
        ("whole", "1,1,0,0,9,-9,1,1,1", "h -9: expected a size, not negative"),
        ("ignore", "1,1,0,0,-9,9,1,-1,-1", "w -9: expected a size, not negative"),
        (
            "ignore",
            "1.5,1,0,0,9,9,1,-1,-1",
            "frame 1.5: expected a whole number from 1 to 10000000",
        ),
        ("ignore", "x,1,0,0,9,9,1,-1,-1", "frame 'x': expected a number"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, name: str, line: str, fault: str) -> None:
    uavdt(tmp_path, "M0101", 1, [[1, 1, 0, 0, 9, 9, 1, 1, 1]])
    path = text(folders(tmp_path)[1] / f"M0101_gt_{name}.txt", f"1,1,0,0,9,9,1,1,1\n{line}\n")
    found = UavdtLabels(*folders(tmp_path))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        found.read(found.images[0])
    assert str(caught.value) == f"{path}: line 2: {fault}"


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    images, labels = folders(tmp_path)
    with pytest.raises(ValueError, match=r"UAV-benchmark-M: no folder of frames there"):
        UavdtLabels(images, labels)
    uavdt(tmp_path, "M0101", 1, [])
    (labels / "M0101_gt_ignore.txt").unlink()
    found = UavdtLabels(images, labels)
    with pytest.raises(ValueError, match=r"M0101_gt_ignore\.txt: no such file$"):
        found.read(found.images[0])
    picture(images / "M0101" / "first.jpg")
    with pytest.raises(ValueError, match=r"first\.jpg: expected a name that ends in the frame's n"):
        UavdtLabels(images, labels)


def test_labels_without_frames_are_listed(tmp_path: Path) -> None:
    uavdt(tmp_path, "M0101", 2, [[2, 1, 0, 0, 9, 9, 1, 1, 1], [5, 1, 0, 0, 9, 9, 1, 1, 1]])
    labels = folders(tmp_path)[1]
    table(labels / "M0202_gt_whole.txt", [])
    assert UavdtLabels(*folders(tmp_path)).without_image() == [
        f"{labels / 'M0101_gt_whole.txt'}: frame 5: no image",
        f"{labels / 'M0202_gt_whole.txt'}: no folder M0202 of frames",
    ]


@pytest.mark.shared
def test_real_ground_truth_of_eight_sequences(shared_data: Path, tmp_path: Path) -> None:
    """Frames of one blank picture beside real labels: counts as counted in the files."""
    frames = {"M0101": 407, "M0202": 291, "M0206": 562, "M0210": 583, "M0401": 613}
    frames |= {"M0501": 352, "M0604": 1079, "M0702": 777}
    blank = picture(tmp_path / "blank.jpg", (1024, 540))
    for name, count in frames.items():
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True)
        for frame in range(1, count + 1):
            os.link(blank, folder / f"img{frame:06}.jpg")
    description = text(
        tmp_path / "set.yaml",
        f"format: uavdt\nroot: .\nimages: images\nlabels: {shared_data / 'uavdt-gt-train'}\n"
        "class_map: {bus: truck}\n",
    )
    images = read_flights(load_dataset_config(description), ("car", "truck"), None, "here")
    assert Counter(image.sequence for image in images) == frames
    boxes: Counter[str] = Counter()
    regions: Counter[str] = Counter()
    for image in images:
        boxes[image.sequence] += len(image)
        regions[image.sequence] += len(image.ignore)
    assert boxes == {
        "M0101": 5414,
        "M0202": 3817,
        "M0206": 5283,
        "M0210": 6521,
        "M0401": 10396,
        "M0501": 4583,
        "M0604": 15458,
        "M0702": 46127,
    }
    assert +regions == {
        "M0101": 670,
        "M0202": 67,
        "M0206": 1578,
        "M0401": 1481,
        "M0604": 6138,
        "M0702": 1351,
    }
    classes = Counter(int(row) for image in images for row in image.class_ids)
    assert classes == {0: 89097, 1: 8502}
    views = Counter(int(code) for image in images for code in image.truncation)
    assert views == {1: 91247, 2: 2279, 3: 4073}
