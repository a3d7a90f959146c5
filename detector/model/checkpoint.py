"""Weights on disk: safetensors, with everything the network is built from in the header."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import torch
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from detector.model.tph_yolov5 import SIZES, Anchors, Form, ModelSpec, TphYolov5pp

FORMAT = "drone-video-analytics/1"


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class _Header:
    """What the file's `model` entry holds, as JSON."""

    name: str
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    train_px: Annotated[int, Field(gt=0)]
    form: Form
    neighbourhood: Annotated[int, Field(ge=2, le=16, multiple_of=2)]


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
    model = TphYolov5pp(spec, _read_anchors(path, tensors.get("anchors_px")))
    _check_tensors(path, model.state_dict(), tensors)
    model.load_state_dict(tensors)
    return model.eval()


def _read_spec(path: Path, text: str) -> ModelSpec:
    try:
        header = TypeAdapter(_Header).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("model", *map(str, first["loc"])))
        raise ValueError(f"{path}: header {place}: {first['msg']}") from None
    prefix, _, size = header.name.rpartition("-")
    if prefix != "tph-yolov5pp" or size not in SIZES:
        choices = ", ".join(f"tph-yolov5pp-{size}" for size in SIZES)
        raise ValueError(f"{path}: unknown network {header.name!r}; known are {choices}")
    return ModelSpec(size, header.class_names, header.train_px, header.form, header.neighbourhood)


def _read_anchors(path: Path, anchors: torch.Tensor | None) -> Anchors:
    if anchors is None or anchors.ndim != 3 or anchors.shape[::2] != (3, 2) or not anchors.numel():
        raise ValueError(f"{path}: tensor anchors_px: expected shape (3, A, 2)")
    anchors = anchors.float()
    if not (anchors.isfinite() & (anchors > 0)).all():
        raise ValueError(f"{path}: tensor anchors_px: expected pixels above 0")
    sizes: list[list[list[float]]] = anchors.tolist()
    return sizes


def _check_tensors(
    path: Path, expected: dict[str, torch.Tensor], found: dict[str, torch.Tensor]
) -> None:
    for key, tensor in expected.items():
        fault = "is missing" if key not in found else _fault(tensor, found[key])
        if fault is not None:
            raise ValueError(f"{path}: tensor {key}: {fault}")
    for key in found:
        if key not in expected:
            raise ValueError(f"{path}: tensor {key}: is not part of the network")


def _fault(expected: torch.Tensor, found: torch.Tensor) -> str | None:
    """What keeps a tensor from being used in the place of another."""
    if found.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}, found {tuple(found.shape)}"
    if found.is_floating_point() != expected.is_floating_point():
        return f"expected {expected.dtype}, found {found.dtype}"
    if found.is_floating_point():
        return None if found.float().isfinite().all() else "not all its values are finite"
    # Counters of batches may differ, tables of indices may not.
    same = expected.ndim == 0 or torch.equal(found, expected)
    return None if same else "is not the table that the network computes"
