"""Weights on disk: safetensors, with everything the network is built from in the header."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from detector.model.family import build_network
from detector.model.network import Anchors, Network
from detector.model.spec import ModelSpec

FORMAT = "drone-video-analytics/1"


def save_checkpoint(path: Path, model: Network, notes: dict[str, str] | None = None) -> None:
    """Writes a network, not fused, with its spec and anchors.

    Args:
        path: Of the new file; its folder exists.
        model: Any dtype and device; tensors are stored as they are.
        notes: Further text entries of the header, such as the data's attribution.
    """
    spec = TypeAdapter(ModelSpec).dump_json(model.spec).decode()
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, path, {"format": FORMAT, "model": spec, **(notes or {})})


def load_checkpoint(path: Path) -> Network:
    """The network of a file that `save_checkpoint` wrote, in evaluation mode, in float32, on CPU.

    Nothing in the file is executed, and no memory is taken for tensors that are not in it.

    Raises:
        ValueError: If the file is missing or not such a file, or a tensor does not fit; the
            message names the file, the tensor and both shapes.
    """
    if path.suffix in (".pt", ".pth"):
        raise ValueError(
            f"{path}: weights of torch; python -m detector.convert makes a .safetensors file of "
            "a published one"
        )
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
    anchors = _read_anchors(path, tensors.get("anchors_px"), len(spec.strides))
    with torch.device("meta"):
        expected = build_network(spec, anchors).state_dict()
    _check_tensors(path, expected, tensors)
    model = build_network(spec, anchors)
    _check_tables(path, model.state_dict(), tensors)
    model.load_state_dict(tensors)
    return model.eval()


def _read_spec(path: Path, text: str) -> ModelSpec:
    try:
        return TypeAdapter(ModelSpec).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(("model", *map(str, first["loc"])))
        raise ValueError(f"{path}: header {place}: {first['msg']}") from None


def _read_anchors(path: Path, anchors: Tensor | None, heads: int) -> Anchors:
    if (
        anchors is None
        or anchors.ndim != 3
        or anchors.shape[::2] != (heads, 2)
        or not anchors.numel()
    ):
        raise ValueError(f"{path}: tensor anchors_px: expected shape ({heads}, A, 2)")
    anchors = anchors.float()
    # Published files that were never fitted to data hold 0, 1, 2 and so on.
    if not (anchors.isfinite() & (anchors >= 0)).all():
        raise ValueError(f"{path}: tensor anchors_px: expected pixels, none below 0")
    sizes: list[list[list[float]]] = anchors.tolist()
    return sizes


def _check_tensors(path: Path, expected: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    for key, tensor in expected.items():
        fault = "is missing" if key not in found else _fault(tensor, found[key])
        if fault is not None:
            raise ValueError(f"{path}: tensor {key}: {fault}")
    for key in found:
        if key not in expected:
            raise ValueError(f"{path}: tensor {key}: is not part of the network")


def _fault(expected: Tensor, found: Tensor) -> str | None:
    """What keeps a tensor from being used in the place of another."""
    if found.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}, found {tuple(found.shape)}"
    if found.is_floating_point() != expected.is_floating_point():
        return f"expected {expected.dtype}, found {found.dtype}"
    if found.is_floating_point() and not found.float().isfinite().all():
        return "not all its values are finite"
    return None


def _check_tables(path: Path, expected: dict[str, Tensor], found: dict[str, Tensor]) -> None:
    """Counters of batches may differ, tables of indices may not."""
    for key, tensor in expected.items():
        if tensor.is_floating_point() or not tensor.ndim:
            continue
        if not torch.equal(tensor, found[key]):
            raise ValueError(f"{path}: tensor {key}: is not the table that the network computes")
