"""The published networks as their files number the layers, and which part of ours each is."""

from __future__ import annotations

from typing import NamedTuple

from detector.model.published.inert import Stub
from detector.model.published.module_tree import kind, tensors
from detector.model.spec import NetworkName


class Layer(NamedTuple):
    """A numbered layer of a published network.

    Attributes:
        kind: Its class, without the module.
        part: The module of our network that has its tensors; empty if it has none.
        inputs: The layers it reads; -1 is the one before.
    """

    kind: str
    part: str = ""
    inputs: tuple[int, ...] = (-1,)


def _backbone(last: str) -> tuple[Layer, ...]:
    return (
        Layer("Conv", "backbone.stem"),
        Layer("Conv", "backbone.down2"),
        Layer("C3", "backbone.stage2"),
        Layer("Conv", "backbone.down3"),
        Layer("C3", "backbone.stage3"),
        Layer("Conv", "backbone.down4"),
        Layer("C3", "backbone.stage4"),
        Layer("Conv", "backbone.down5"),
        Layer(last, "backbone.stage5"),
        Layer("SPPF", "backbone.sppf"),
    )


_OLD_BACKBONE = (
    Layer("Focus", "backbone.stem"),
    *_backbone("C3")[1:8],
    Layer("SPP", "backbone.spp"),
    Layer("C3", "backbone.stage5"),
)

_TOP_DOWN = (
    Layer("Conv", "neck.lateral5"),
    Layer("Upsample"),
    Layer("Concat", inputs=(-1, 6)),
    Layer("C3", "neck.top_down4"),
    Layer("Conv", "neck.lateral4"),
    Layer("Upsample"),
    Layer("Concat", inputs=(-1, 4)),
    Layer("C3", "neck.top_down3"),
)

_LATERAL3 = (
    Layer("Conv", "neck.lateral3"),
    Layer("Upsample"),
    Layer("Concat", inputs=(-1, 2)),
)


def _three_heads(last: str, detect: Layer) -> tuple[Layer, ...]:
    return (
        *_backbone("C3"),
        *_TOP_DOWN,
        Layer("Conv", "neck.down3"),
        Layer("Concat", inputs=(-1, 14)),
        Layer("C3", "neck.bottom_up4"),
        Layer("Conv", "neck.down4"),
        Layer("Concat", inputs=(-1, 10)),
        Layer(last, "neck.bottom_up5"),
        detect,
    )


def _four_heads(
    backbone: tuple[Layer, ...], kind: str, links: tuple[tuple[int, ...], ...]
) -> tuple[Layer, ...]:
    """One block in front of each prediction."""
    return (
        *backbone,
        *_TOP_DOWN,
        *_LATERAL3,
        Layer(kind, "neck.head2"),
        Layer("Conv", "neck.down2"),
        Layer("Concat", inputs=(-1, 18, *links[0])),
        Layer(kind, "neck.head3"),
        Layer("Conv", "neck.down3"),
        Layer("Concat", inputs=(-1, 14, *links[1])),
        Layer(kind, "neck.head4"),
        Layer("Conv", "neck.down4"),
        Layer("Concat", inputs=(-1, 10)),
        Layer(kind, "neck.head5"),
        Layer("Detect", "detect", (21, 24, 27, 30)),
    )


def _spp_head(name: str, kind: str) -> tuple[Layer, ...]:
    part = f"neck.{name}"
    return Layer("SPP", f"{part}.spp"), Layer(kind, f"{part}.c3"), Layer("CBAM", f"{part}.cbam")


_VIT_CBAM_SPP = (
    *_backbone("C3TR"),
    *_TOP_DOWN,
    *_LATERAL3,
    *_spp_head("head2", "C3"),
    Layer("Conv", "neck.down2"),
    Layer("Concat", inputs=(-1, 18, 4)),
    *_spp_head("head3", "C3"),
    Layer("Conv", "neck.down3"),
    Layer("Concat", inputs=(-1, 14, 6)),
    *_spp_head("head4", "C3"),
    Layer("Conv", "neck.down4"),
    Layer("Concat", inputs=(-1, 10)),
    *_spp_head("head5", "C3TR"),
    Layer("Detect", "detect", (23, 28, 33, 38)),
)

LAYOUTS: dict[NetworkName, tuple[Layer, ...]] = {
    "yolov5": _three_heads("C3", Layer("Detect", "detect", (17, 20, 23))),
    "yolov5-p2-hub": _four_heads(_OLD_BACKBONE, "C3", ((), ())),
    "yolov5-p2-hub61": _four_heads(_backbone("C3"), "C3", ((), ())),
    "tph-yolov5-swin": _four_heads(_backbone("C3"), "C3STR", ((4,), (6,))),
    "tph-yolov5-vit-cbam-spp": _VIT_CBAM_SPP,
    "tph-yolov5pp": _three_heads("C3STR", Layer("CLLADetect", "detect", (2, 17, 20, 23))),
}
"""Every network that the converter knows; no two are alike."""


def recognise(layers: list[Stub]) -> tuple[NetworkName, tuple[Layer, ...]]:
    """Which network a file's layers make.

    Raises:
        ValueError: If none; the message names the first layer that the most alike network has
            not, and its first tensor.
    """
    found = [(kind(layer), _inputs(layer)) for layer in layers]
    best: tuple[int, NetworkName] = (-1, "yolov5")
    for name, layout in LAYOUTS.items():
        expected = [(layer.kind, layer.inputs) for layer in layout]
        if found == expected:
            return name, layout
        same = next(
            (i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]),
            min(len(found), len(expected)),
        )
        best = max(best, (same, name))
    index, name = best
    raise ValueError(_difference(index, layers, name))


def _difference(index: int, layers: list[Stub], name: NetworkName) -> str:
    known = f"the networks known are {', '.join(LAYOUTS)}; most alike is {name}"
    if index == len(layers):
        return f"unknown layout: ends before layer model.{index}; {known}"
    inputs = ", ".join(map(str, _inputs(layers[index])))
    tensor = next(iter(tensors(layers[index], f"model.{index}")), "none")
    return (
        f"unknown layout: tensor {tensor} does not fit: model.{index} is a "
        f"{kind(layers[index])} of layers {inputs}; {known}"
    )


def _inputs(layer: Stub) -> tuple[int, ...]:
    found = layer.attributes.get("f")
    inputs = found if isinstance(found, list) else [found]
    return tuple(i for i in inputs if isinstance(i, int))
