"""The export command writes a file, checks it, and says in one line what it cannot do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from detector import export
from detector.export import TOLERANCES, Precision, Tolerance, app
from detector.graphs.agreement import Agreement
from detector.model.checkpoint import save_checkpoint
from tests.detector.inference.lively import lively_network, random_tiles


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A random network's file; images for its check are small."""
    images = random_tiles((128, 96), (100, 70))
    monkeypatch.setattr("detector.graphs.tiles.rendered_images", lambda: images)
    path = tmp_path / "random.safetensors"
    save_checkpoint(path, lively_network())
    return path


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_a_file_is_written_and_checked(weights: Path, form: str) -> None:
    path = weights.with_name("new.onnx" if form == "onnx" else "new.xml")
    code, output = run(weights, "--format", form, "--output", path)
    assert code == 0
    assert f"wrote {path}" in output
    assert "largest box shift" in output
    code, output = run(weights, "--format", form, "--output", path)
    assert (code, output) == (2, f"error: {path}: exists already; --overwrite replaces it\n")


def test_a_file_that_is_too_far_off_fails(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOLERANCES, Precision.INT8, Tolerance(box_px=1e-6, score=1e-6))
    path = weights.with_name("new.onnx")
    code, output = run(weights, "--format", "onnx", "--precision", "int8", "--output", path)
    assert code == 1
    assert f"error: {path}: further from torch than allowed" in output
    assert path.is_file()


@pytest.mark.parametrize(("before", "after", "good"), [(40.0, 39.6, True), (40.0, 39.4, False)])
def test_lost_precision_counts(before: float, after: float, good: bool) -> None:
    found = Agreement(10, 0.0, 0.0, 0.0, 0.0)
    assert export.show(found, Tolerance(1.0, 1.0), (before, after)) is good
    assert export.show(found, Tolerance(1.0, 1.0), None)
    assert not export.show(Agreement(0, 0.0, 0.0, 0.0, 0.0), Tolerance(1.0, 1.0), None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.safetensors", "--format", "onnx"), "none.safetensors: no such file"),
        (("default", "--format", "onnx", "--output", "a.xml"), "a.xml: the name of a file"),
        (("default", "--format", "onnx", "--output", "none/a.onnx"), "none: no such folder"),
        (("default", "--format", "onnx", "--precision", "bfloat16"), "--precision bfloat16"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run(*arguments)
    assert code == 2
    assert output.startswith(f"error: {message}")
    assert output.count("\n") == 1
    assert [*tmp_path.iterdir()] == []
