"""Each kind of fault and note, planted in a small set and found in its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from detector.data.checking import FAULTS, NOTES, CheckedImage, Findings, check_part
from detector.data.coco import CocoLabels
from detector.data.labels import LabelSource
from detector.data.reading import Part
from detector.data.visdrone import VisDroneLabels
from detector.data.yolo import YoloLabels
from tests.detector.data.writers import coco, picture, text, visdrone


def looked_at(*parts: Part) -> tuple[Findings, list[CheckedImage]]:
    findings = Findings()
    images = [image for part in parts for image in check_part(part, findings)]
    return findings, images


def whole(source: LabelSource, name: str = "") -> Part:
    return Part(name, source, source.images)


class Set:
    """A YOLO set of 200 x 100 images, each of another grey."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names = text(root / "n.txt", "car\nbus\n")

    def add(self, stem: str, labels: str | None) -> Path:
        if labels is not None:
            text(self.root / "l" / f"{stem}.txt", labels)
        return picture(self.root / "i" / f"{stem}.png", level=10 * len(list(self.root.rglob("*"))))

    def check(self) -> tuple[Findings, list[CheckedImage]]:
        return looked_at(whole(YoloLabels(self.root / "i", self.root / "l", self.names)))


@pytest.fixture
def small(tmp_path: Path) -> Set:
    return Set(tmp_path)


def only(findings: Findings, kind: str) -> list[str]:
    """The places of a kind, where nothing else was found."""
    assert {key for key, places in findings.places.items() if places} <= {kind}
    assert findings.faults == (len(findings.places[kind]) if kind in FAULTS else 0)
    return findings.places[kind]


def test_a_sound_set_has_nothing_to_report(small: Set) -> None:
    small.add("a", "0 .5 .5 .1 .1\n1 .5 .5 .2 .4\n")
    small.add("b", "0 .5 .5 .5 1\n")
    findings, images = small.check()
    assert all(findings.places[kind] == [] for kind in (*FAULTS, *NOTES))
    assert (findings.images, findings.faults, len(images)) == (2, 0, 2)
    # Square roots of 20x10, 100x100 and 40x40 pixels.
    assert findings.sizes["car"].tolist() == [0, 1, 0, 0, 0, 1]
    assert findings.sizes["bus"].tolist() == [0, 0, 0, 1, 0, 0]
    assert images[0].pixels is not None
    assert images[0].pixels.shape == (100, 200, 3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.6, 0.95])
def test_a_file_that_is_cut_off(tmp_path: Path, suffix: str, share: float) -> None:
    small = Set(tmp_path)
    small.add("a", "0 .5 .5 .1 .1\n")
    noise = np.random.default_rng(0).integers(0, 255, (100, 200, 3)).astype(np.uint8)
    import cv2

    content = cv2.imencode(suffix, noise)[1].tobytes()
    path = tmp_path / "i" / f"b{suffix}"
    path.write_bytes(content[: round(share * len(content))])
    text(tmp_path / "l" / "b.txt", "0 .5 .5 .1 .1\n")
    findings, images = small.check()
    (place,) = only(findings, "broken images")
    assert place.startswith(f"{path}: ")
    assert (images[1].pixels, images[1].rows) == (None, None)
    assert findings.sizes["car"].sum() == 1


def test_a_header_that_claims_too_much(small: Set) -> None:
    path = small.add("a", "")
    content = bytearray(path.read_bytes())
    content[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    path.write_bytes(content)
    (place,) = only(small.check()[0], "broken images")
    assert place == f"{path}: 2147483647x2147483647 pixels; at most 268435456 are read"


def test_labels_that_are_missing_or_malformed(small: Set) -> None:
    small.add("a", None)
    small.add("b", "0 .5 .5 .1 .1\n2 .5 .5 .1 .1\n")
    small.add("c", "0 .5 .5 .1 .1\n")
    (small.root / "l" / "d.txt").write_text("")
    findings, images = small.check()
    labels = small.root / "l"
    assert only(findings, "bad labels") == [
        f"{labels / 'a.txt'}: missing; the image a.png needs it, empty if it has no objects",
        f"{labels / 'b.txt'}: line 2: class 2: expected a whole number from 0 to 1",
    ]
    assert [image.rows is None for image in images] == [True, True, False]


def test_boxes_without_area_and_over_the_border(small: Set) -> None:
    small.add("a", "0 .5 .5 0 .1\n0 1 .5 .1 .1\n0 .5 .5 .1 .1\n0 .997 .5 .01 .1\n")
    findings, _ = small.check()
    labels = small.root / "l" / "a.txt"
    assert findings.places["boxes without area"] == [f"{labels}: line 1: 100, 45, 100, 55"]
    # The last reaches 0.4 px out, which rounding explains.
    assert findings.places["boxes over the border"] == [f"{labels}: line 2: 190, 45, 210, 55"]
    assert (findings.faults, findings.sizes["car"].sum()) == (1, 3)


def test_boxes_and_pictures_twice_and_no_objects(small: Set) -> None:
    first = small.add("a", "0 .5 .5 .1 .1\n1 .5 .5 .1 .1\n\n0 .5 .5 .1 .1\n")
    shutil.copy(first, second := first.with_name("b.png"))
    text(small.root / "l" / "b.txt", "\n")
    findings, _ = small.check()
    assert findings.places["boxes twice"] == [
        f"{small.root / 'l' / 'a.txt'}: line 4: 90, 45, 110, 55"
    ]
    assert findings.places["pictures twice"] == [f"{second}: the same as {first}"]
    assert findings.places["images without objects"] == [str(second)]
    assert findings.faults == 0


def test_a_size_in_the_json_that_the_picture_has_not(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.jpg", (200, 90))
    json = coco(
        tmp_path / "l.json",
        ["a.jpg"],
        {1: "car"},
        [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}],
    )
    (place,) = only(looked_at(whole(CocoLabels(tmp_path, json)))[0], "wrong image sizes")
    assert place == f"{path}: 200x90 pixels, but labelled as 200x100"


def test_regions_are_counted_and_sequences_in_two_parts(tmp_path: Path) -> None:
    car, region = [10, 10, 20, 20, 1, 4, 0, 0], [50, 0, 50, 0, 0, 0, 0, 0]
    visdrone(tmp_path, "train", {"1_1": [car, [0, 0, 50, 50, 0, 0, 0, 0]], "2_1": [car, region]})
    visdrone(tmp_path, "val", {"2_7": [car], "2_8": [car], "3_1": [car]})
    folders = {name: tmp_path / f"VisDrone2019-DET-{name}" for name in ("train", "val")}
    findings, _ = looked_at(
        *(
            whole(VisDroneLabels(folder / "images", folder / "annotations"), name)
            for name, folder in folders.items()
        )
    )
    assert findings.places["sequences in two parts"] == ["2: in train and val"]
    assert findings.sequences == {"1": "train", "2": "train", "3": "val"}
    assert (findings.regions, findings.sizes["car"].tolist()) == (2, [0, 0, 5, 0, 0, 0])
    assert len(findings.places["boxes without area"]) == 1


def test_a_box_outside_is_one_finding_and_bins_begin_at_their_bound(tmp_path: Path) -> None:
    rows = [[300, 10, 20, 20, 1, 4, 0, 0], [0, 0, 8, 8, 1, 4, 0, 0], [9, 9, 96, 96, 1, 4, 0, 0]]
    visdrone(tmp_path, "val", {"1_1": rows})
    folder = tmp_path / "VisDrone2019-DET-val"
    source = VisDroneLabels(folder / "images", folder / "annotations")
    findings, _ = looked_at(whole(source))
    assert len(findings.places["boxes without area"]) == 1
    assert [place.rpartition(": ")[2] for place in findings.places["boxes over the border"]] == [
        "9, 9, 105, 105"
    ]
    # The last is cut to 96 x 91.
    assert findings.sizes["car"].tolist() == [0, 1, 0, 0, 1, 0]
