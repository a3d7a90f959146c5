from __future__ import annotations

import json
from pathlib import Path

import pytest

from detector.info import choose, describe, main
from detector.weights import EMBEDDED


def test_prints_a_network_beside_the_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tph-yolov5pp-x"]) == 0
    out = capsys.readouterr().out
    figures = ("74.96 (74.92)", "556 (441)", "201.0 (200.2)", "513.2", "1154.6", "283.2", "207.0")
    for figure in (*figures, "-2.9%"):
        assert figure in out


@pytest.mark.parametrize(
    ("name", "classes", "printed"),
    [
        ("yolov5-l", 10, 108.4),
        ("tph-yolov5pp-l", 10, 160.7),
        ("tph-yolov5-swin-l", 10, 261.2),
        ("tph-yolov5-vit-cbam-spp-l", 10, 146.6),
        ("tph-yolov5-swin-x", 3, 558.6),
        ("tph-yolov5pp-x", 3, 283.1),
    ],
)
def test_what_the_published_code_prints(name: str, classes: int, printed: float) -> None:
    ((spec, anchors),) = choose([name], classes)
    assert describe(spec, anchors)["gflops_print_640"] == pytest.approx(printed, abs=0.05)


def test_a_network_without_a_size_is_all_five(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    assert main(["yolov5", "--classes", "80", "--json", str(path)]) == 0
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert [row["name"] for row in rows] == [f"yolov5-{size}" for size in "nsmlx"]
    # Ultralytics' own table of v6.0: 1.9, 7.2, 21.2, 46.5 and 86.7 million parameters.
    millions = [round(row["parameters_fused"] / 1e6, 1) for row in rows]
    assert millions == [1.9, 7.2, 21.2, 46.5, 86.7]


def test_a_file_of_weights_is_counted_in_its_own_form(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    assert main([str(EMBEDDED["default"]), "--json", str(path)]) == 0
    (row,) = json.loads(path.read_text(encoding="utf-8"))
    assert (row["name"], row["form"], row["classes"]) == ("tph-yolov5pp-n", "corrected", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["yolov9-x"], "'yolov9-x' is no network"),
        (["yolov5-xxl"], "'yolov5-xxl' is no network"),
        (["best.pt"], "best.pt: weights of torch; python -m detector.convert makes"),
        (["missing.safetensors"], "missing.safetensors"),
        (["yolov5-n", "--classes", "0"], "--classes"),
        (["yolov5-n", "--json", "missing/folder.json"], "missing/folder.json"),
    ],
)
def test_wrong_input_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
