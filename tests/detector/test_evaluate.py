"""`python -m detector.evaluate` with a detector that knows the answer."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.config import DetectorConfig
from detector.detections import Detections, Image
from detector.evaluate import app

NAMES = ("car", "truck", "bus")


class Painted:
    """Reads the boxes that the test painted: red is a car, green a truck."""

    class_names = NAMES

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> Detections:
        found = []
        for class_id in (0, 1):
            rows, columns = np.nonzero(image[..., class_id] > 128)
            if len(rows):
                box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                found.append((class_id, box))
        return Detections(
            np.array([box for _, box in found], np.float32).reshape(-1, 4),
            np.full(len(found), 0.9, np.float32),
            np.array([class_id for class_id, _ in found], np.int64),
        )


@pytest.fixture
def configs(monkeypatch: pytest.MonkeyPatch) -> list[DetectorConfig]:
    """The settings that the command builds its detector from."""
    seen: list[DetectorConfig] = []

    def build_detector(config: DetectorConfig) -> Painted:
        seen.append(config)
        return Painted()

    monkeypatch.setattr("detector.inference.build.build_detector", build_detector)
    return seen


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Flight a: two images with a car each; flight b: a truck and one that is not painted."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "classes.txt").write_text("lorry\ncar\n")
    for name, channel in (("a1", 2), ("a2", 2), ("b1", 1), ("b2", None)):
        image = np.zeros((100, 100, 3), np.uint8)
        if channel is not None:
            image[40:60, 40:60, channel] = 255
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), image)
        class_id = 1 if name.startswith("a") else 0
        (tmp_path / "labels" / f"{name}.txt").write_text(f"{class_id} .5 .5 .2 .2\n")
    path = tmp_path / "toy.yaml"
    path.write_text(
        "format: yolo\nroot: .\nimages: images\nlabels: labels\nnames: classes.txt\n"
        "class_map: {lorry: truck}\nflights: {a: [a*], b: [b*]}\n"
    )
    return path


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command and gives its exit code, output and errors."""

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            app([str(argument) for argument in arguments])
        return int(end.value.code or 0), *capsys.readouterr()

    return call


def test_table_and_json_state_split_protocol_and_max_dets(
    data: Path, configs: list[DetectorConfig], tmp_path: Path, run: Run
) -> None:
    out, weights = tmp_path / "figures.json", tmp_path / "w"
    weights.write_bytes(b"abc")
    code, output, _ = run("--data", data, "--weights", weights, "--tile", 640, "--json", out)
    assert code == 0
    assert "toy, all flights, 4 images, COCO protocol, percent" in output
    assert "maxDets" in output
    (config,) = configs
    assert config.weights == str(weights)
    assert (config.confidence, config.tiling.tile_px) == (0.001, 640)

    figures = json.loads(out.read_text())
    assert figures["split"] == "toy, all flights"
    assert (figures["protocol"], figures["images"]) == ("coco", 4)
    assert figures["detector"]["tiling"]["tile_px"] == 640
    car, truck, bus = figures["classes"]
    assert (car["objects"], car["max_dets"], car["ap50"]) == (2, 500, pytest.approx(1))
    assert truck["ap50"] == pytest.approx(51 / 101)  # one of two, without false alarms
    assert (bus["objects"], bus["ap"]) == (0, None)
    assert figures["overall"]["ap50"] == pytest.approx((1 + 51 / 101) / 2)
    assert figures["overall_100"]["max_dets"] == 100
    assert list(figures["ar"]) == ["1", "10", "100", "500"]


def test_settings_come_from_a_run_file_and_options_change_them(
    data: Path, run: Run, configs: list[DetectorConfig]
) -> None:
    paper = Path(__file__).parents[2] / "configs/paper.yaml"
    assert run("--data", data, "--config", paper, "--tile", 1024, "--weights", "a,b")[0] == 0
    (config,) = configs
    assert (config.weights, config.views, config.multi_label) == (("a", "b"), "tph-yolov5", True)
    assert (config.tiling.tile_px, config.tiling.resize_px) == (1024, 2016)
    assert (config.suppression.name, config.confidence) == ("nms", 0.001)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("detector: {view: single}", "detector.view: unknown key; the config takes weights,"),
        ("detector: {confidence: 2}", "detector.confidence: should be less than 1, found 2"),
        ("detector: 3", "detector: expected a mapping of keys, found 3"),
        ("[1]", "detector: expected a mapping of keys, found [1]"),
    ],
)
def test_a_fault_in_the_run_file_is_named(
    data: Path, run: Run, tmp_path: Path, text: str, fault: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    code, output, error = run("--data", data, "--config", path)
    assert (code, output) == (2, "")
    assert error.startswith(f"error: {path}: {fault}")


def test_tiled_and_untiled_in_one_command(
    data: Path, configs: list[DetectorConfig], tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "figures.json"
    code, output, _ = run("--data", data, "--tile", 640, "--tiling", "both", "--json", out)
    assert code == 0
    assert [config.tiling.resize_px for config in configs] == [None, 640]
    assert output.count("COCO protocol") == 2
    assert output.index("tiles of 640 px") < output.index("whole images at 640 px")
    figures = json.loads(out.read_text())
    assert (figures["how"], figures["untiled"]["how"]) == (
        "tiles of 640 px",
        "whole images at 640 px",
    )
    assert figures["untiled"]["overall"] == figures["overall"]
    assert run("--data", data, "--tile", 640, "--tiling", "untiled")[0] == 0
    assert configs[2].tiling.resize_px == 640


@pytest.mark.usefixtures("configs")
def test_protocols_state_themselves(data: Path, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    code, output, _ = run("--data", data, "--protocol", "visdrone", "--json", out)
    assert code == 0
    assert "toy, all flights, 4 images, VisDrone-DET toolkit's protocol, percent" in output
    assert "AR500" in output
    assert "not VisDrone's ten classes: no official figure compares" in output
    figures = json.loads(out.read_text())
    assert (figures["protocol"], figures["max_dets"]) == ("visdrone", [1, 10, 100, 500])
    assert figures["overall"]["ap"] == pytest.approx((2 * 1 + 2 * 0.5) / 4)
    assert list(figures["overall"]["ar"]) == ["1", "10", "100", "500"]

    code, output, _ = run("--data", data, "--protocol", "uavdt", "--json", out)
    assert code == 0
    assert "toy, all flights, 4 images, UAVDT toolkit's protocol, percent" in output
    assert "not the toolkit's 20 test sequences of 16592 images: no official figure" in output
    figures = json.loads(out.read_text())
    assert (figures["protocol"], figures["iou"], figures["max_dets"]) == ("uavdt", 0.7, None)
    assert (figures["ap"], figures["is_official_split"]) == (0.75, False)


@pytest.mark.usefixtures("configs")
@pytest.mark.parametrize("name", ["found.json", "found"])
def test_saved_detections_give_the_same_figures(
    data: Path, run: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / "classes.txt").write_text("lorry\ncar\nbus\n")
    saved, out = tmp_path / name, tmp_path / "figures.json"
    assert run("--data", data, "--save-detections", saved, "--json", out)[0] == 0
    first = json.loads(out.read_text())
    code, output, _ = run("--data", data, "--detections", saved, "--json", out)
    assert code == 0
    assert f"from {name}" in output
    second = json.loads(out.read_text())
    assert second["overall"] == pytest.approx(first["overall"], nan_ok=True)
    assert [row["name"] for row in second["classes"]] == ["truck", "car", "bus"]
    assert "detector" not in second
    # And from one form into the other.
    other = tmp_path / ("other" if saved.is_file() else "other.json")
    assert run("--data", data, "--detections", saved, "--save-detections", other)[0] == 0
    run("--data", data, "--detections", other, "--json", out)
    assert json.loads(out.read_text())["overall"] == second["overall"]


@pytest.mark.usefixtures("configs")
def test_uavdt_leaves_out_classes_that_are_never_labelled(
    data: Path, run: Run, tmp_path: Path
) -> None:
    data.write_text(data.read_text().replace("{lorry: truck}", "{lorry: null}"))
    out = tmp_path / "figures.json"
    assert run("--data", data, "--protocol", "uavdt", "--json", out)[0] == 0
    assert json.loads(out.read_text())["detections"] == 2  # the cars', not the truck's


@pytest.mark.usefixtures("configs")
def test_report(data: Path, run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "made" / "report"
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"abc")
    arguments = ("--data", data, "--weights", weights, "--report", folder, "--tiling", "both")
    assert run(*arguments)[0] == 0
    page = (folder / "report.html").read_text()
    assert page.count("toy, all flights, 4 images, COCO protocol, percent") == 2
    assert "w.safetensors" in page
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in page  # of abc
    shown = re.findall(r'src="([^"]+)"', page)
    assert sorted(shown) == sorted(path.name for path in folder.iterdir() if path.suffix != ".html")
    assert len(shown) == 2 * 3  # curves, confusion matrix, the one image with a mistake
    assert "b2.png: 1 missed, 0 false" in page


@pytest.mark.usefixtures("configs")
def test_one_flight(data: Path, run: Run) -> None:
    code, output, _ = run("--data", data, "--flights", "a")
    assert code == 0
    assert "toy, flights a, 2 images, COCO protocol" in output


@pytest.mark.usefixtures("configs")
@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--flights", "a,c"], "--flights: no flight 'c' in this data set; it has a, b"),
        (["--tile", "100"], "--tile: should be a multiple of 32, found 100"),
        (["--conf", "0"], "--conf: should be greater than 0, found 0.0"),
        (
            ["--device", "gpu"],
            "--device: should match pattern '^(auto|cpu|cuda:\\d+)$', found \"gpu\"",
        ),
        (["--json", "nowhere/x.json"], "--json: nowhere: no such folder"),
        (["--json", "images"], "--json: images: a folder; give a file"),
        (["--report", "{data}"], "--report: {data}: not a folder"),
        (["--save-detections", "nowhere/x"], "nowhere: no such folder"),
        (["--save-detections", "images"], "images: not empty; old files would mix with new ones"),
        (
            ["--save-detections", "new", "--tiling", "both"],
            "--save-detections: with --tiling tiled or untiled, not both",
        ),
        (
            ["--detections", "x.json", "--tile", "640"],
            "--tile: --detections runs no network; leave one of the two out",
        ),
        (
            ["--detections", "x.json", "--tiling", "tiled"],
            "--tiling: --detections runs no network; leave one of the two out",
        ),
        (["--detections", "x.json"], "x.json: no such file"),
        (
            ["--save-detections", "new"],
            "class 'bus' cannot be saved: the data set has none like it",
        ),
        (["--root", "nowhere"], "nowhere: no such folder; --root is the data set's folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    data: Path, run: Run, arguments: list[str], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data.parent)
    given = [argument.format(data=data) for argument in arguments]
    assert run("--data", data, *given) == (2, "", f"error: {fault.format(data=data)}\n")


def test_a_place_without_permission_is_named_before_anything_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    for option in ("--json", "--report", "--save-detections"):
        code, _, error = run("--data", "nowhere.yaml", option, tmp_path / "new")
        assert (code, error) == (2, f"error: {tmp_path / 'new'}: no permission to write there\n")


@pytest.mark.usefixtures("configs")
def test_a_full_disk_is_one_line(data: Path, run: Run) -> None:
    code, _, error = run("--data", data, "--json", "/dev/full")
    assert code == 2
    assert error.endswith("error: /dev/full: cannot be written: No space left on device\n")


@pytest.mark.usefixtures("configs")
def test_a_malformed_label_is_named(data: Path, run: Run) -> None:
    labels = data.parent / "labels" / "b1.txt"
    labels.write_text("7 .5 .5 .1 .1")
    assert run("--data", data) == (
        2,
        "",
        f"error: {labels}: line 1: class 7: expected a whole number from 0 to 1\n",
    )


@pytest.mark.usefixtures("configs")
def test_debug_shows_the_traceback(data: Path) -> None:
    with pytest.raises(ValueError, match=r"^--flights: no flight 'c'"):
        app(["--data", str(data), "--flights", "c", "--debug"])


@pytest.mark.usefixtures("configs")
def test_without_hotcoco_the_extra_is_named(
    data: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("coco", "report", "scoring", "html"):
        monkeypatch.delitem(sys.modules, f"detector.evaluation.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "hotcoco", None)
    assert run("--data", data) == (
        2,
        "",
        "error: hotcoco is not installed; the extra `eval` brings it\n",
    )
