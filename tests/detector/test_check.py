"""The check command: what it prints, draws and exits with."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner, Result

from detector.check import app
from tests.detector.data.writers import coco, picture, text, uavdt, visdrone

ROOT = Path(__file__).resolve().parents[2]
CAR = [10, 10, 20, 20, 1, 4, 0, 0]
REGION = [50, 0, 50, 50, 0, 0, 0, 0]


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def visdrone_check(root: Path, *arguments: object) -> Result:
    return check(ROOT / "configs" / "data" / "visdrone.yaml", "--root", root, *arguments)


def test_a_sound_set(tmp_path: Path) -> None:
    visdrone(tmp_path, "val", {"1_1": [CAR, REGION]})
    sheet = tmp_path / "sheet.png"
    result = visdrone_check(tmp_path, "--sheet", sheet)
    assert result.exit_code == 0, result.output
    assert "val: 1 images" in result.stdout  # the splits that are absent are left alone
    (row,) = [line.split("│")[1:-1] for line in result.stdout.splitlines() if " car " in line]
    assert [cell.strip() for cell in row] == ["car", "car", "1", "0", "0", "1", "0", "0", "0"]
    assert result.stdout.splitlines()[-1] == "1 images, 1 sequences: no faults"
    drawn = cv2.imread(str(sheet))
    assert drawn is not None
    assert (drawn == 255).all(-1).any()  # the region's hatching


def test_faults_and_notes_are_shown_and_told_by_the_exit_code(tmp_path: Path) -> None:
    rows = [[10 + row, 10, 0, 20, 1, 4, 0, 0] for row in range(4)]
    visdrone(tmp_path, "val", {"1_1": rows, "1_2": [], "1_3": [CAR]})
    (tmp_path / "VisDrone2019-DET-val" / "annotations" / "1_9.txt").write_text("")
    broken = tmp_path / "VisDrone2019-DET-val" / "images" / "1_3.jpg"
    broken.write_bytes(b"\xff\xd8")
    result = visdrone_check(tmp_path, "--show", 2, "--sheet", tmp_path / "s.jpg")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    at = lines.index("fault: 4 boxes without area")
    labels = broken.parents[1] / "annotations"
    assert lines[at + 1 : at + 4] == [
        f"  {labels / '1_1.txt'}: line 1: 10, 10, 10, 30",
        f"  {labels / '1_1.txt'}: line 2: 11, 10, 11, 30",
        "  and 2 more",
    ]
    assert lines[lines.index("fault: 1 broken images") + 1] == f"  {broken}: not a readable image"
    assert "note: 1 images without objects" in lines
    assert lines[lines.index("note: 1 files alone") + 1] == f"  {labels / '1_9.txt'}: no image"
    assert lines[-1] == "3 images, 1 sequences: 5 faults"


def test_flights_that_share_a_reader_list_files_alone_once(tmp_path: Path) -> None:
    for name in ("a1", "b1"):
        picture(tmp_path / "i" / f"{name}.png")
        text(tmp_path / "l" / f"{name}.txt", "0 .5 .5 .5 .5\n")
    text(tmp_path / "l" / "c.txt", "")
    text(tmp_path / "n.txt", "car\n")
    description = "format: yolo\nroot: .\nimages: i\nlabels: l\nnames: n.txt\n"
    path = text(tmp_path / "set.yaml", description + "flights: {a: [a*], b: [b*]}\n")
    result = check(path)
    assert result.exit_code == 0, result.output
    assert "note: 1 files alone" in result.stdout
    assert "note: 1 pictures twice" in result.stdout
    assert "a: 1 images\nb: 1 images\n" in result.stdout


def test_a_table_of_many_frames_that_is_malformed_is_one_fault(tmp_path: Path) -> None:
    uavdt(tmp_path, "M0101", 3, [[1, 1, 0, 0, 9, 9, 1, 1, 1], [1, 1, 0, 0, 9, 9, 1, 1]])
    folders = "images: UAV-benchmark-M\nlabels: UAV-benchmark-MOTD_v1.0/GT\n"
    path = text(tmp_path / "s.yaml", f"format: uavdt\nroot: .\n{folders}")
    result = check(path)
    assert result.exit_code == 1, result.output
    assert "fault: 1 bad labels" in result.stdout
    assert "M0101_gt_whole.txt: line 2: expected 9 columns" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--flights", "tset"], "--flights: no flight 'tset' in this data set; it has train, val,"),
        (["--flights", "test-dev"], "VisDrone2019-DET-test-dev/images: no such folder of images"),
        (["--classes", "car"], "class 'pedestrian' becomes 'pedestrian', which is none of car;"),
        (["--sheet", "sheet.xyz"], "--sheet sheet.xyz: expected a name that ends in .jpg or .png"),
        (["--sheet", "sheet"], "--sheet sheet: expected a name that ends in .jpg or .png"),
        (["--sheet", "/no/such/s.png"], "--sheet /no/such/s.png: cannot be written: No such file"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list[str], fault: str) -> None:
    visdrone(tmp_path, "val", {"1_1": [CAR]})
    result = visdrone_check(tmp_path, *arguments)
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert fault in line


def test_an_absent_data_set(tmp_path: Path) -> None:
    result = visdrone_check(tmp_path)
    assert result.exit_code == 2
    assert "VisDrone2019-DET-val/images, VisDrone2019-DET-test-dev/images is there" in result.stderr
    result = visdrone_check(tmp_path / "gone")
    assert "gone: none of" in result.stderr
    assert visdrone_check(tmp_path, "--debug").exception is not None


def test_a_malformed_json_is_one_line(tmp_path: Path) -> None:
    text(tmp_path / "l.json", "{")
    picture(tmp_path / "a.jpg")
    path = text(tmp_path / "s.yaml", "format: coco\nroot: .\nimages: .\nlabels: l.json\n")
    result = check(path)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    coco(tmp_path / "l.json", ["a.jpg"], {1: "car"}, [])
    assert check(path).exit_code == 0


@pytest.mark.shared
def test_real_sets_are_sound(shared_data: Path, tmp_path: Path) -> None:
    for name, images, table in (
        ("aerial-cars", 110, {"car": 3198, "minibus": 83, "bus": 77, "truck": 3}),
        (
            "hit-uav",
            1160,
            {"Person": 4818, "Car": 2921, "Bicycle": 2061, "OtherVehicle": 59, "DontCare": 59},
        ),
    ):
        path = ROOT / "configs" / "data" / f"{name}.yaml"
        result = check(path, "--root", shared_data / name, "--sheet", tmp_path / "s.jpg")
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[-1] == f"{images} images: no faults"
        rows = [line.split("│") for line in result.stdout.splitlines() if line.startswith("│")]
        counts = {row[1].strip(): int(row[3]) for row in rows}
        assert {name: count for name, count in counts.items() if name in table} == table
