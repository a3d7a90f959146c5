"""Weights on disk: safetensors, with everything the network is built from in the header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from detector.model.tph_yolov5 import SIZES, Form, ModelSpec, TphYolov5pp

FORMAT = "drone-video-analytics/1"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class _Header:
    """What the file's `model` entry holds, as JSON."""

    name: str
    class_names: tuple[str, ...]
    train_px: int
    form: Form
    neighbourhood: int


def save_checkpoint(path: Path, model: TphYolov5pp, notes: dict[str, str] | None = None) -> None:
    """Writes a network, not fused, with its class names, anchors and training size.

    Args:
        path: Of the new file; its folder exists.
        model: Any dtype and device; tensors are stored as they are.
        notes: Further text entries of the header, such as the data's attribution.
    """
    spec = model.spec
    header = {
        "name": spec.name,
        "class_names": list(spec.class_names),
        "train_px": spec.train_px,
        "form": spec.form,
        "neighbourhood": spec.neighbourhood,
    }
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, path, {"format": FORMAT, "model": json.dumps(header), **(notes or {})})


def load_checkpoint(path: Path) -> TphYolov5pp:
    """The network of a file that `save_checkpoint` wrote, in evaluation mode, in float32, on CPU.

    Nothing in the file is executed.

    Raises:
        ValueError: If the file is missing or not such a file, or a tensor does not fit; the
            message names the file, the tensor and both shapes.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ValueError(
                    f"{path}: not weights of this program (no '{FORMAT}' in the header); "
                    "see --weights in the README"
                )
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path}: cannot be read as safetensors: {error}") from error
    spec = _read_spec(path, metadata.get("model", ""))
    anchors = tensors.get("anchors_px")
    if anchors is None or anchors.ndim != 3 or anchors.shape[0] != 3 or anchors.shape[2] != 2:
        raise ValueError(f"{path}: anchors_px: expected a tensor of shape (3, A, 2)")
    model = TphYolov5pp(spec, anchors.float().tolist())
    _check_tensors(path, model.state_dict(), tensors)
    model.load_state_dict(tensors)
    return model.eval()


def _read_spec(path: Path, text: str) -> ModelSpec:
    try:
        header = TypeAdapter(_Header).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: header 'model': {place}: {first['msg']}") from error
    prefix, _, size = header.name.rpartition("-")
    if prefix != "tph-yolov5pp" or size not in SIZES:
        choices = ", ".join(f"tph-yolov5pp-{size}" for size in SIZES)
        raise ValueError(f"{path}: unknown network {header.name!r}; known are {choices}")
    return ModelSpec(size, header.class_names, header.train_px, header.form, header.neighbourhood)


def _check_tensors(path: Path, expected: dict[str, Any], found: dict[str, torch.Tensor]) -> None:
    for key, tensor in expected.items():
        if key not in found:
            raise ValueError(f"{path}: tensor {key} is missing")
        if found[key].shape != tensor.shape:
            raise ValueError(
                f"{path}: tensor {key}: expected shape {tuple(tensor.shape)}, "
                f"found {tuple(found[key].shape)}"
            )
    for key in found:
        if key not in expected:
            raise ValueError(f"{path}: tensor {key} is not part of the network")
