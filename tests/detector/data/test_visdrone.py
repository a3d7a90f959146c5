"""The VisDrone-DET reader on hand-made files in that exact form."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.data.classes import IGNORED, map_classes
from detector.data.labels import labelled
from detector.data.visdrone import CLASS_NAMES, VisDroneLabels
from tests.detector.data.writers import picture, table, text, visdrone

STEM = "0000002_00005_d_0000014"
TEN = CLASS_NAMES[:10]


def source(root: Path) -> VisDroneLabels:
    folder = root / "VisDrone2019-DET-val"
    return VisDroneLabels(folder / "images", folder / "annotations")


def labels(root: Path) -> Path:
    return root / "VisDrone2019-DET-val" / "annotations" / f"{STEM}.txt"


def test_every_column_s_meaning(tmp_path: Path) -> None:
    visdrone(tmp_path, "val", {STEM: []})
    text(
        labels(tmp_path),
        "10,20,30,40,1,1,0,2\n"  # a pedestrian
        "0,0,50,10,0,0,0,0,\n"  # an ignored region, trailing comma
        "5,6,7,8,0,11,1,1\n"  # others
        "190,90,20,20,1,10,1,0\n"  # a motor over the border
        "60,60,5,5,0,4,0,0\n",  # a car that does not count
    )
    found = source(tmp_path)
    (image,) = found.images
    rows = found.read(image)
    assert rows.boxes.tolist() == [
        [10, 20, 40, 60],
        [0, 0, 50, 10],
        [5, 6, 12, 14],
        [190, 90, 210, 110],
        [60, 60, 65, 65],
    ]
    assert rows.class_ids.tolist() == [0, IGNORED, 10, 9, IGNORED]
    assert rows.truncation.tolist() == [0, 0, 1, 1, 0]
    assert rows.occlusion.tolist() == [2, 0, 1, 0, 0]
    assert (rows.image_wh, rows.sequence) == ((200, 100), "0000002")
    assert rows.place(3) == f"{labels(tmp_path)}: line 4"


@pytest.mark.parametrize(
    ("others", "objects", "regions"), [(None, 2, 2), ("ignore", 2, 3), ("motor", 3, 2)]
)
def test_others_goes_where_the_class_map_says(
    tmp_path: Path, others: str | None, objects: int, regions: int
) -> None:
    rows = [
        [10, 20, 30, 40, 1, 1, 0, 2],
        [0, 0, 50, 10, 0, 0, 0, 0],
        [5, 6, 7, 8, 0, 11, 1, 1],
        [190, 90, 20, 20, 1, 10, 1, 0],
        [60, 60, 5, 5, 0, 4, 0, 0],
    ]
    visdrone(tmp_path, "val", {STEM: rows})
    found = source(tmp_path)
    mapped = map_classes(found.class_names, {"others": others}, TEN)
    record = labelled(found.images[0], found.read(found.images[0]), mapped)
    assert (len(record), len(record.ignore)) == (objects, regions)
    assert len(record.truncation) == len(record.occlusion) == objects


ROW = st.tuples(
    st.integers(0, 150),
    st.integers(0, 80),
    st.integers(1, 50),
    st.integers(1, 20),
    st.just(1),
    st.integers(1, 10),
    st.integers(0, 1),
    st.integers(0, 2),
)


@given(st.lists(ROW, max_size=12), st.sampled_from(["", ","]))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, ...]], end: str
) -> None:
    root = tmp_path_factory.mktemp("v")
    visdrone(root, "val", {STEM: []})
    table(labels(root), rows, end)
    found = source(root)
    record = labelled(
        found.images[0],
        found.read(found.images[0]),
        map_classes(found.class_names, {"others": None}, TEN),
    )
    boxes = record.boxes.astype(int)
    boxes[:, 2:] -= boxes[:, :2]
    back = zip(boxes, record.class_ids, record.truncation, record.occlusion, strict=True)
    assert [(*map(int, b), 1, int(c) + 1, int(t), int(o)) for b, c, t, o in back] == rows


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            "1,2,3,4,1,4,0",
            "expected 8 columns (x y w h score category truncation occlusion), found 7",
        ),
        (
            "1,7,2,3,4,1,4,0,0,0",
            "expected 8 columns (x y w h score category truncation occlusion), found 10",
        ),
        ("1,2,3,4,0.87,4,0,0", "score 0.87: expected a whole number from 0 to 1"),
        ("1,2,3,4,1,12,0,0", "category 12: expected a whole number from 0 to 11"),
        ("1,2,3,4,1,4,0,999", "occlusion 999: expected a whole number from -1 to 127"),
        ("1,2,-3,4,1,4,0,0", "w -3: expected a size, not negative"),
        ("1,2,3,four,1,4,0,0", "h 'four': expected a number"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, fault: str) -> None:
    visdrone(tmp_path, "val", {STEM: []})
    text(labels(tmp_path), f"1,2,3,4,1,4,0,0\n{line}\n")
    found = source(tmp_path)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        found.read(found.images[0])
    assert str(caught.value) == f"{labels(tmp_path)}: line 2: {fault}"


def test_an_image_without_labels_and_labels_without_an_image(tmp_path: Path) -> None:
    visdrone(tmp_path, "val", {STEM: []})
    extra = picture(tmp_path / "VisDrone2019-DET-val" / "images" / "0000003_1_d_1.jpg")
    alone = table(labels(tmp_path).with_name("0000004_1_d_1.txt"), [])
    found = source(tmp_path)
    with pytest.raises(
        ValueError, match=r"0000003_1_d_1\.txt: missing; the image 0000003_1_d_1\.j"
    ):
        found.read(extra)
    assert found.without_image() == [f"{alone}: no image"]
