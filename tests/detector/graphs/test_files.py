"""Exported files give back what was written, and hostile ones are refused in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from detector.config import DetectorConfig
from detector.data.rendered import FlightConfig, render_flight
from detector.graphs.agreement import compare
from detector.graphs.facts import FACTS_KEY, NetworkFacts, read_facts
from detector.graphs.onnx_graph import import_onnx, to_onnx
from detector.graphs.writing import write_graph
from detector.inference.build import build_detector, build_runtime
from detector.inference.torch_backend import TorchRuntime, load_network
from tests.detector.inference.lively import CLASSES, lively_network

CONFIG = DetectorConfig(device="cpu", precision="float32")

BACKENDS = (("onnx", "onnx"), ("onnx", "openvino"), ("openvino", "openvino"))


def noise(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported files of one network, in both forms."""
    path = tmp_path_factory.mktemp("exported")
    model = lively_network()
    assert [p.name for p in write_graph(model, path / "a.onnx", "onnx", None)] == ["a.onnx"]
    written = write_graph(model, path / "a.xml", "openvino", None)
    assert [p.name for p in written] == ["a.bin", "a.xml"]
    assert len([*path.iterdir()]) == 3
    return path


@pytest.mark.parametrize(("form", "backend"), BACKENDS)
def test_a_file_gives_what_the_network_gives(folder: Path, form: str, backend: str) -> None:
    path = folder / ("a.onnx" if form == "onnx" else "a.xml")
    config = replace(CONFIG, backend=backend)  # type: ignore[arg-type]
    runtime = build_runtime(config, str(path))
    model = lively_network()
    assert runtime.facts == NetworkFacts.of(model)
    found = compare(TorchRuntime(CONFIG, model), runtime, [noise(2, 96, 128, 3)], 0.2)
    assert found.boxes > 100
    assert found.mean_box_px < 0.01
    assert found.mean_score < 1e-4


def test_a_network_in_8_bit_numbers_is_coarse_and_not_wrong(tmp_path: Path) -> None:
    (frame, *_) = render_flight(FlightConfig(seed=11, width=640, height=384, frames=1))
    tile, model, path = frame.image[None], load_network("default"), tmp_path / "int8.onnx"
    write_graph(model, path, "onnx", [tile])
    assert path.stat().st_size < 0.5 * len(to_onnx(model, features=False))
    reference = TorchRuntime(CONFIG, model)
    backends: tuple[Literal["onnx", "openvino"], ...] = ("onnx", "openvino")
    for backend in backends:
        config = replace(CONFIG, backend=backend)
        found = compare(reference, build_runtime(config, str(path)), [tile], 0.2)
        assert found.boxes > 10
        assert 1e-4 < found.mean_score < 0.05
        assert found.mean_box_px < 3


def test_a_detector_runs_a_file(folder: Path) -> None:
    config = replace(CONFIG, weights=str(folder / "a.xml"), confidence=0.2)
    detector = build_detector(config)
    assert detector.class_names == CLASSES
    (found,) = detector.detect([noise(90, 120, 3)])
    assert len(found) > 5


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def _noise(path: Path) -> None:
    path.write_bytes(noise(4000).tobytes())


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("break_it", [_cut, _noise, _empty])
@pytest.mark.parametrize(("form", "backend"), BACKENDS)
def test_broken_files_are_refused(
    folder: Path, tmp_path: Path, form: str, backend: str, break_it: Callable[[Path], None]
) -> None:
    name = "a.onnx" if form == "onnx" else "a.xml"
    path = tmp_path / name
    path.write_bytes((folder / name).read_bytes())
    (tmp_path / "a.bin").write_bytes((folder / "a.bin").read_bytes())
    break_it(path)
    assert_refused(path, backend, "cannot be read")


def test_a_missing_or_short_bin_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes((folder / "a.xml").read_bytes())
    assert_refused(path, "openvino", r"a\.bin: no such file")
    (tmp_path / "a.bin").write_bytes((folder / "a.bin").read_bytes()[:1000])
    assert_refused(path, "openvino", "cannot be read")


def assert_refused(path: Path, backend: str, message: str) -> None:
    config = replace(CONFIG, backend=backend)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=message) as error:
        build_runtime(config, str(path))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_graph_of_another_program_is_refused(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(changed(None))
    assert_refused(path, backend, f"no entry {FACTS_KEY}")


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_graph_that_is_not_what_it_says_is_refused(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "lies.onnx"
    facts = json.loads(NetworkFacts.of(lively_network()).to_text())
    path.write_bytes(changed(json.dumps({**facts, "class_names": ["car"]})))
    config = replace(CONFIG, weights=str(path), backend=backend)  # type: ignore[arg-type]
    detector = build_detector(config)
    with pytest.raises(ValueError, match="output 0: expected numbers of shape"):
        detector.detect([noise(64, 64, 3)])


def changed(facts: str | None) -> bytes:
    """A network's ONNX file with another entry of facts."""
    onnx = import_onnx("onnx")
    graph = onnx.load_from_string(to_onnx(lively_network("yolov5"), features=False))
    del graph.metadata_props[:]
    if facts is not None:
        onnx.helper.set_model_props(graph, {FACTS_KEY: facts})
    return bytes(graph.SerializeToString())


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("class_names", [], "class_names"),
        ("class_names", ["a"] * 20_000, "class_names"),
        ("strides", [8, 16, 31], "each divides the largest"),
        ("strides", [8, 16], "as many for each stride"),
        ("anchors_px", [[[1, 1]], [[1, 1]], [[1, -1]]], r"anchors_px\.2\.0\.1"),
        ("anchors_px", [[[1, 1]] * 1000] * 3, r"anchors_px\.0"),
        ("extra", 1, "extra"),
    ],
)
def test_facts_are_checked(key: str, value: object, message: str) -> None:
    facts = json.loads(NetworkFacts.of(lively_network("yolov5")).to_text())
    with pytest.raises(ValueError, match=message) as error:
        read_facts(Path("a.onnx"), json.dumps({**facts, key: value}))
    assert str(error.value).startswith(f"a.onnx: {FACTS_KEY}")
    assert "\n" not in str(error.value)


def test_openvino_tells_nobody_that_it_is_used(tmp_path: Path) -> None:
    # Its own import sends a message, and notes a number for the user in the home folder.
    code = (
        "import sys; from detector.graphs.openvino_graph import import_openvino\n"
        "assert import_openvino().get_version()\n"
        "assert not [m for m in sys.modules if m.startswith('openvino_telemetry.')]\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert [*tmp_path.iterdir()] == []
