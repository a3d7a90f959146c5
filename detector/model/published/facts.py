"""What a file tells of its network beside tensors: classes, anchors, strides, factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import ValidationError

from detector.model.network import Anchors
from detector.model.published.archive import TorchArchive
from detector.model.published.inert import Stub
from detector.model.published.module_tree import children, kind, modules
from detector.model.published.tensors import TensorRef
from detector.model.published.values import describe
from detector.model.spec import ModelSpec, NetworkName

YOLOV5_TRAIN_PX = 640
TPH_TRAIN_PX = 1536
"""Sides of the training images in the published recipes; files before v6.2 do not tell theirs."""

MOST_ANCHORS = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file tells of its network.

    Attributes:
        depth: Factor of the repeats.
        width: Factor of the channels.
        class_names: In the order of the class ids.
        strides: Pixels per cell of each head.
        anchors_px: Widths and heights in pixels for each head.
        train_px: Side of the training images, if the file tells it.
        vit_norms: Normalisations in the layers of C3TR; 2 where there is no such layer.
    """

    depth: Any
    width: Any
    class_names: tuple[str, ...]
    strides: tuple[int, ...]
    anchors_px: Anchors
    train_px: int | None
    vit_norms: Literal[1, 2]

    def spec(self, network: NetworkName, train_px: int | None) -> ModelSpec:
        """Our description of the network.

        Args:
            network: Its name.
            train_px: Side of the training images where the file does not tell it; `None` takes
                the published recipe's.

        Raises:
            ValueError: If a value is out of range, or strides or heads are not this network's.
        """
        usual = YOLOV5_TRAIN_PX if network.startswith("yolov5") else TPH_TRAIN_PX
        side = self.train_px or train_px or usual
        try:
            spec = ModelSpec(
                network=network,
                depth=self.depth,
                width=self.width,
                class_names=self.class_names,
                train_px=side,
                form="published",
                vit_norms=self.vit_norms,
            )
        except ValidationError as error:
            fault = error.errors()[0]
            place = ".".join(map(str, fault["loc"]))
            raise ValueError(f"{place}: {fault['msg']}, found {describe(fault['input'])}") from None
        if spec.strides != self.strides:
            raise ValueError(f"strides {self.strides}; {network} has {spec.strides}")
        return spec


def model_facts(archive: TorchArchive, model: Stub, detect: Stub, options: object) -> Facts:
    """Reads what a file tells of its network.

    Args:
        archive: Holds strides and anchors.
        model: The whole network.
        detect: Its last layer.
        options: What the training was called with, if the file tells it.

    Raises:
        ValueError: If something is missing or of the wrong kind.
    """
    config = model.attributes.get("yaml")
    if not isinstance(config, dict):
        raise ValueError(f"model.yaml: found {describe(config)}, expected a dict")
    strides = _numbers(archive, detect, "stride", detect.attributes.get("stride"))
    buffers = detect.attributes.get("_buffers")
    anchors = buffers.get("anchors") if isinstance(buffers, dict) else None
    cells = _numbers(archive, detect, "anchors", anchors)
    if strides.ndim != 1 or cells.ndim != 3 or cells.shape[::2] != (len(strides), 2):
        raise ValueError(f"anchors and strides: {tuple(cells.shape)} and {tuple(strides.shape)}")
    if cells.shape[1] > MOST_ANCHORS or not (cells >= 0).all():
        raise ValueError(f"anchors: expected at most {MOST_ANCHORS} a head, none below 0")
    names = _class_names(model.attributes.get("names"))
    for name, value in {"nc": len(names), "na": cells.shape[1], "nl": cells.shape[0]}.items():
        if detect.attributes.get(name) != value:
            found = describe(detect.attributes.get(name))
            raise ValueError(f"the last layer's {name}: found {found}, expected {value}")
    return Facts(
        config.get("depth_multiple"),
        config.get("width_multiple"),
        names,
        tuple(int(stride) for stride in strides.tolist()),
        (cells * strides[:, None, None]).tolist(),
        _train_px(options),
        _vit_norms(model),
    )


def _numbers(archive: TorchArchive, detect: Stub, name: str, value: object) -> torch.Tensor:
    """A small tensor, float32."""
    if not isinstance(value, TensorRef) or not value.storage.dtype.is_floating_point:
        raise ValueError(f"{detect.name}: {name}: found {describe(value)}, expected a tensor")
    tensor = value.read(archive).float()
    if not tensor.isfinite().all():
        raise ValueError(f"{detect.name}: {name}: not all its values are finite")
    return tensor


def _class_names(value: object) -> tuple[str, ...]:
    """From a list, or from a dict with the ids 0, 1, and so on."""
    if isinstance(value, dict) and set(value) == set(range(len(value))):
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list) or not all(isinstance(name, str | int) for name in value):
        raise ValueError(f"names: found {describe(value)}, expected the classes' names")
    names = tuple(map(str, value))
    for index, name in enumerate(names):
        if not name.isprintable():
            raise ValueError(f"names: class {index}: {describe(name)} is not printable text")
    return names


def _vit_norms(model: Stub) -> Literal[1, 2]:
    """The two kinds differ in their tensors, so that taking one for the other cannot pass."""
    layers = (module for _, module in modules(model) if kind(module) == "TransformerLayer")
    return 1 if any("ln" in children(layer) for layer in layers) else 2


def _train_px(options: object) -> int | None:
    found = options.attributes if isinstance(options, Stub) else options
    side = found.get("imgsz") if isinstance(found, dict) else None
    return side if isinstance(side, int) and 0 < side <= 65_536 else None
