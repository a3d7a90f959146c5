"""Chooses what runs the networks of a detector."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch

from detector.config import DetectorConfig
from detector.detections import Detector
from detector.inference.backend import Ensemble
from detector.inference.device import choose_device, choose_dtype
from detector.inference.network_backend import NetworkBackend
from detector.inference.runtime import Runtime
from detector.inference.tiled import TiledDetector
from detector.inference.torch_backend import TorchRuntime, load_network

Name = Literal["torch", "onnx", "openvino"]

READS: dict[str, tuple[Name, ...]] = {".onnx": ("openvino", "onnx"), ".xml": ("openvino",)}
"""What runs an exported file, fastest first; weights can be run by all."""


def build_detector(config: DetectorConfig) -> Detector:
    """The detector that a config describes, its networks loaded and on their device.

    Raises:
        ValueError: If the weights, the device or a class name cannot be used, a package is not
            installed, or networks know different classes.
    """
    backends = [
        NetworkBackend(config, build_runtime(config, weights)) for weights in config.weight_files
    ]
    if len(backends) == 1:
        return TiledDetector(backends[0], config)
    return TiledDetector(Ensemble(config.weight_files, backends), config)


def build_runtime(config: DetectorConfig, weights: str) -> Runtime:
    """What runs one network.

    Raises:
        ValueError: If the file, the device or the precision cannot be used by it, or a package is
            not installed.
    """
    match choose_backend(config, weights):
        case "torch":
            return TorchRuntime(config, load_network(weights))
        case "onnx":
            return _onnx_runtime(config, weights)
        case "openvino":
            return _openvino_runtime(config, weights)


def choose_backend(config: DetectorConfig, weights: str) -> Name:
    """What runs a network: what the config names, or the fastest that is installed.

    On a GPU that is torch. On a CPU it is OpenVINO; without it torch where the CPU computes with
    bfloat16, else ONNX Runtime, if that is installed. See `benchmarks/backends.py`.

    Raises:
        ValueError: If the named one cannot run it.
    """
    reads = READS.get(Path(weights).suffix)
    if reads is not None and config.features:
        raise ValueError(f"{weights}: exported networks give no features; give the .safetensors")
    device = choose_device("cpu" if reads and config.device == "auto" else config.device)
    name = config.backend
    if name == "auto":
        return _fastest(config, device, reads)
    if reads is not None and name not in reads:
        raise ValueError(f"{weights}: backend {name} cannot run it, but {' and '.join(reads)} can")
    if name != "torch" and config.device not in ("auto", "cpu"):
        raise ValueError(f"device {config.device}: backend {name} runs on the CPU, torch on GPUs")
    if name == "onnx" and config.precision == "bfloat16":
        raise ValueError("precision bfloat16: backend onnx takes float32, torch and openvino both")
    return name


def _fastest(config: DetectorConfig, device: torch.device, reads: tuple[Name, ...] | None) -> Name:
    if reads is not None:
        if device.type != "cpu":
            raise ValueError(f"device {device}: exported networks run on the CPU")
        return next((name for name in reads if _installed(name)), reads[0])
    if device.type != "cpu" or choose_device(config.device).type != "cpu":
        return "torch"
    if _installed("openvino"):
        return "openvino"
    in_float32 = choose_dtype(device, config.precision) == torch.float32
    return "onnx" if in_float32 and _installed("onnx") else "torch"


def _installed(name: Name) -> bool:
    packages = {"torch": ("torch",), "onnx": ("onnx", "onnxruntime"), "openvino": ("openvino",)}
    return all(find_spec(package) is not None for package in packages[name])


def _onnx_runtime(config: DetectorConfig, weights: str) -> Runtime:
    from detector.graphs.facts import check_file
    from detector.graphs.onnx_graph import open_session, to_onnx
    from detector.inference.onnx_runtime import OnnxRuntime

    path = Path(weights)
    if path.suffix in READS:
        check_file(path)
        content = path.read_bytes()
    else:
        content = to_onnx(load_network(weights), features=config.features)
    return OnnxRuntime(*open_session(path, content, torch.get_num_threads()))


def _openvino_runtime(config: DetectorConfig, weights: str) -> Runtime:
    from detector.graphs.facts import NetworkFacts
    from detector.graphs.openvino_graph import read_openvino, to_openvino
    from detector.inference.openvino_runtime import OpenVinoRuntime

    path = Path(weights)
    if path.suffix in READS:
        return OpenVinoRuntime(config, *read_openvino(path))
    model = load_network(weights)
    graph = to_openvino(model, features=config.features)
    return OpenVinoRuntime(config, graph, NetworkFacts.of(model))
