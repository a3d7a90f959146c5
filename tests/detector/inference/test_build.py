"""Which backend is chosen, and what is said where it cannot be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from detector.config import DetectorConfig
from detector.inference import build
from detector.inference.build import build_runtime, choose_backend

CPU: dict[str, Any] = {"device": "cpu"}


def chosen(
    monkeypatch: pytest.MonkeyPatch, installed: set[str], weights: str = "default", **values: Any
) -> str:
    monkeypatch.setattr(build, "_installed", lambda name: name in installed | {"torch"})
    return choose_backend(DetectorConfig(**values), weights)


@pytest.mark.parametrize(
    ("installed", "precision", "weights", "expected"),
    [
        ({"onnx", "openvino"}, "auto", "default", "openvino"),
        ({"onnx", "openvino"}, "float32", "a.safetensors", "openvino"),
        ({"onnx"}, "float32", "default", "onnx"),
        ({"onnx"}, "bfloat16", "default", "torch"),
        (set(), "float32", "default", "torch"),
        ({"onnx", "openvino"}, "auto", "a.onnx", "openvino"),
        ({"onnx"}, "auto", "a.onnx", "onnx"),
        ({"onnx"}, "auto", "a.xml", "openvino"),
    ],
)
def test_auto_takes_the_fastest_that_is_installed(
    monkeypatch: pytest.MonkeyPatch,
    installed: set[str],
    precision: str,
    weights: str,
    expected: str,
) -> None:
    found = chosen(monkeypatch, installed, weights, precision=precision, **CPU)
    assert found == expected


def test_a_gpu_has_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    everything = {"onnx", "openvino"}
    assert chosen(monkeypatch, everything) == "torch"
    assert chosen(monkeypatch, everything, backend="openvino") == "openvino"
    with pytest.raises(ValueError, match="device cuda:0: backend onnx runs on the CPU"):
        chosen(monkeypatch, everything, backend="onnx", device="cuda:0")
    with pytest.raises(ValueError, match="device cuda:0: exported networks run on the CPU"):
        chosen(monkeypatch, everything, "a.onnx", device="cuda:0")


@pytest.mark.parametrize(
    ("weights", "values", "message"),
    [
        ("a.xml", {"backend": "onnx"}, "a.xml: backend onnx cannot run it, but openvino can"),
        ("a.onnx", {"backend": "torch"}, "backend torch cannot run it, but openvino and onnx can"),
        ("a.onnx", {"features": True}, "a.onnx: exported networks give no features"),
        ("default", {"backend": "onnx", "precision": "bfloat16"}, "precision bfloat16: backend"),
    ],
)
def test_what_a_backend_cannot_do_is_one_line(
    weights: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as error:
        choose_backend(DetectorConfig(**CPU, **values), weights)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_missing_files_are_one_line(tmp_path: Path, backend: Any, suffix: str) -> None:
    path = tmp_path / f"none{suffix}"
    with pytest.raises(ValueError, match=f"none{suffix}: no such file"):
        build_runtime(DetectorConfig(device="cpu", backend=backend), str(path))


@pytest.mark.parametrize(
    ("backend", "package"), [("onnx", "onnx"), ("onnx", "onnxruntime"), ("openvino", "openvino")]
)
def test_a_missing_package_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, backend: Any, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=f"{package} is not installed; the extra `{backend}`"):
        build_runtime(DetectorConfig(device="cpu", backend=backend), "default")
