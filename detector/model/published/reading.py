"""A published checkpoint as a network of ours, in the published form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detector.model.family import build_network
from detector.model.network import Network
from detector.model.published.archive import TorchArchive
from detector.model.published.bare import refuse_bare_pickle
from detector.model.published.facts import Facts, model_facts
from detector.model.published.inert import Stub, read_pickle
from detector.model.published.layouts import Layer, recognise
from detector.model.published.module_tree import children, kind, tensors
from detector.model.published.structure import check_module
from detector.model.published.tensors import TensorRef
from detector.model.published.values import tidy
from detector.model.spec import ModelSpec

_MODELS = ("models.yolo.Model", "models.yolo.DetectionModel")
_WAY_OUT = "convert the best.pt or last.pt that train.py of YOLOv5 (v6, v7) or TPH-YOLOv5 wrote"


@dataclass(frozen=True, slots=True)
class Published:
    """A published checkpoint, read.

    Attributes:
        network: In the published form and in evaluation mode, float32, on CPU.
        weights: The entry that they are from: `ema`, or `model` in files after training.
        ignored: The file's other entries that hold something.
        train_px_known: The file told the side of its training images.
    """

    network: Network
    weights: str
    ignored: tuple[str, ...]
    train_px_known: bool


def read_published(path: Path, train_px: int | None = None) -> Published:
    """The network of a `.pt` file as the published training scripts write it.

    Nothing in the file is executed. Its averaged weights (`ema`) are taken if it has them.

    Args:
        path: Of the file.
        train_px: Side of the training images where the file does not tell it; `None` takes the
            published recipe's.

    Raises:
        ValueError: If the file is missing, damaged, of another kind or of an unknown layout, or
            holds anything that such a file does not; one line names the file and what was found.
    """
    try:
        refuse_bare_pickle(path)
        with TorchArchive(path) as archive:
            checkpoint = read_pickle(archive.pickle, archive.storage_bytes)
            return _read(archive, checkpoint, train_px)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{path}: {tidy(reason)}") from None


def _read(archive: TorchArchive, checkpoint: object, train_px: int | None) -> Published:
    entries, weights, model = _find_model(checkpoint)
    layers = _layers(model)
    layout_name, layout = recognise(layers)
    facts = model_facts(archive, model, layers[-1], entries.get("opt"))
    spec = facts.spec(layout_name, train_px)
    _check_shapes(spec, facts, layout, layers)
    network = build_network(spec, facts.anchors_px)
    _take_tensors(archive, network, layout, layers)
    return Published(
        network.eval(),
        weights,
        tuple(str(key) for key, value in entries.items() if key != weights and value is not None),
        facts.train_px is not None,
    )


def _find_model(checkpoint: object) -> tuple[dict[Any, Any], str, Stub]:
    """The checkpoint's entries, and which of them is the model to take."""
    if not isinstance(checkpoint, dict):
        what = checkpoint.name if isinstance(checkpoint, Stub) else type(checkpoint).__name__
        raise ValueError(f"holds a bare {what}, no checkpoint; {_WAY_OUT}")
    weights = "ema" if checkpoint.get("ema") is not None else "model"
    model = checkpoint.get(weights)
    if isinstance(model, Stub) and model.name in _MODELS:
        return checkpoint, weights, model
    if any(isinstance(value, TensorRef) for value in [*checkpoint.values(), *_values(model)]):
        raise ValueError(f"a plain state dict, without network, classes or strides; {_WAY_OUT}")
    what = model.name if isinstance(model, Stub) else type(model).__name__
    raise ValueError(f"entry {weights!r} is a {what}, no detection network; {_WAY_OUT}")


def _values(value: object) -> list[object]:
    return list(value.values()) if isinstance(value, dict) else []


def _layers(model: Stub) -> list[Stub]:
    held = children(model)
    sequence = held.get("model")
    if set(held) != {"model"} or sequence is None or kind(sequence) != "Sequential":
        raise ValueError("its model is not a row of numbered layers")
    layers = list(children(sequence).values())
    if not layers:
        raise ValueError("its model has no layers")
    return layers


def _keys(network: Network, layout: tuple[Layer, ...]) -> dict[str, tuple[str, Tensor]]:
    """For each published key our key and tensor."""
    return {
        f"model.{index}.{key}": (f"{layer.part}.{key}", tensor)
        for index, layer in enumerate(layout)
        if layer.part
        for key, tensor in network.get_submodule(layer.part).state_dict().items()
    }


def _found_tensors(layers: list[Stub]) -> dict[str, TensorRef]:
    found: dict[str, TensorRef] = {}
    for index, layer in enumerate(layers):
        found |= tensors(layer, f"model.{index}")
    # In grid cells; becomes our `anchors_px`.
    found.pop(f"model.{len(layers) - 1}.anchors", None)
    return found


def _check_shapes(
    spec: ModelSpec, facts: Facts, layout: tuple[Layer, ...], layers: list[Stub]
) -> None:
    """Refuses tensors that do not fit, before memory is taken for the network."""
    with torch.device("meta"):
        expected = _keys(build_network(spec, facts.anchors_px), layout)
    found = _found_tensors(layers)
    where = f"in {spec.name} with {len(spec.class_names)} classes"
    for key, (_, tensor) in expected.items():
        if key not in found:
            raise ValueError(f"tensor {key}: is missing; {where} it is {tuple(tensor.shape)}")
        if found[key].shape != tensor.shape:
            raise ValueError(
                f"tensor {key}: has shape {found[key].shape}; {where} it is {tuple(tensor.shape)}"
            )
    for key in found:
        if key not in expected:
            raise ValueError(f"tensor {key}: has no place {where}")
    _check_sizes(list(found.values()))


def _check_sizes(found: list[TensorRef]) -> None:
    """Refuses tensors that are together larger than what the file holds for them.

    Any number of tensors, of any size, can lie in one small storage.
    """
    needed = sum(torch.Size(ref.shape).numel() * ref.storage.dtype.itemsize for ref in found)
    storages = {ref.storage.key: ref.storage for ref in found}.values()
    held = sum(storage.elements * storage.dtype.itemsize for storage in storages)
    if needed > held:
        raise ValueError(f"its tensors take {needed} bytes, their storages have {held}")


def _take_tensors(
    archive: TorchArchive, network: Network, layout: tuple[Layer, ...], layers: list[Stub]
) -> None:
    for index, (layer, stub) in enumerate(zip(layout, layers, strict=True)):
        part = network.get_submodule(layer.part) if layer.part else None
        check_module(stub, part, f"model.{index}", layer.kind)
    found = _found_tensors(layers)
    state = {"anchors_px": network.anchors_px}
    for key, (our_key, tensor) in _keys(network, layout).items():
        state[our_key] = _fitting(key, found[key].read(archive), tensor)
    network.load_state_dict(state)


def _fitting(key: str, found: Tensor, ours: Tensor) -> Tensor:
    """A tensor of the file in our dtype.

    Raises:
        ValueError: If it cannot be one: not finite, or another table of indices than ours.
    """
    if found.is_floating_point() != ours.is_floating_point():
        raise ValueError(f"tensor {key}: is {found.dtype}, expected {ours.dtype}")
    if ours.is_floating_point():
        found = found.to(ours.dtype)
        if not found.isfinite().all():
            raise ValueError(f"tensor {key}: not all its values are finite")
    elif ours.ndim and not torch.equal(found, ours):
        raise ValueError(f"tensor {key}: is not the table that the network computes")
    return found
