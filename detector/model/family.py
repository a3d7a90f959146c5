"""The networks of the TPH-YOLOv5 papers by name, each put together from the same blocks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from detector.model.backbone import Backbone, OlderBackbone
from detector.model.blocks import C3, SPP, c3_bottlenecks
from detector.model.cbam import CBAM
from detector.model.cross_layer import CrossLayerDetect
from detector.model.detect import Detect
from detector.model.neck import FourHeadNeck, MakeBlock, ThreeHeadNeck
from detector.model.network import Anchors, Network
from detector.model.spec import ModelSpec, NetworkName
from detector.model.swin import SwinBody
from detector.model.vit import OneNormVitLayer, PublishedVitLayer, VitBody, VitLayer

COCO_ANCHORS_PX = (
    ((10.0, 13.0), (16.0, 30.0), (33.0, 23.0)),
    ((30.0, 61.0), (62.0, 45.0), (59.0, 119.0)),
    ((116.0, 90.0), (156.0, 198.0), (373.0, 326.0)),
)
"""Width and height of YOLOv5's anchors, where no better ones are known."""

TINY_ANCHORS_PX = ((5.0, 6.5), (8.0, 15.0), (16.5, 11.5))
"""For a head at stride 4: half of the sides that YOLOv5 gives the one at stride 8."""

Parts = tuple[Backbone | OlderBackbone, ThreeHeadNeck | FourHeadNeck, Detect | CrossLayerDetect]


def build_network(spec: ModelSpec, anchors_px: Anchors | None = None) -> Network:
    """The network that a spec describes, with random weights.

    Args:
        spec: Network, factors, classes and form.
        anchors_px: For each head, finest first, as many widths and heights in pixels; `None`
            takes three a head that suit common objects.

    Raises:
        ValueError: If the heads are not as many as the network has, or differ in anchors.
    """
    heads = len(spec.strides)
    if anchors_px is None:
        anchors_px = (TINY_ANCHORS_PX, *COCO_ANCHORS_PX)[-heads:]
    counts = [len(head) for head in anchors_px]
    if len(counts) != heads or counts != counts[:1] * heads or not counts[0]:
        raise ValueError(
            f"anchors: {spec.name} has {heads} heads, all with as many; found {counts}"
        )
    outputs = counts[0] * (5 + len(spec.class_names))
    return Network(spec, anchors_px, *NETWORKS[spec.network](spec, outputs))


def _c3(spec: ModelSpec, layers: int = 3) -> MakeBlock:
    repeats = spec.repeats(layers)
    return lambda c1, c2: c3_bottlenecks(c1, c2, repeats, shortcut=False)


def _vit(spec: ModelSpec) -> MakeBlock:
    """C3TR."""
    published = {1: OneNormVitLayer, 2: PublishedVitLayer}
    layer = VitLayer if spec.form == "corrected" else published[spec.vit_norms]
    return lambda c1, c2: C3(c1, c2, VitBody(c2 // 2, spec.repeats(3), layer))


def _swin(spec: ModelSpec, layers: int = 2) -> MakeBlock:
    """C3STR."""
    layers, published = spec.repeats(layers), spec.form == "published"
    return lambda c1, c2: C3(c1, c2, SwinBody(c2 // 2, layers, published=published))


def _then_cbam(block: MakeBlock) -> MakeBlock:
    return lambda c1, c2: nn.Sequential(OrderedDict(c3=block(c1, c2), cbam=CBAM(c2)))


def _between_spp_and_cbam(block: MakeBlock, kernels: tuple[int, int, int]) -> MakeBlock:
    return lambda c1, c2: nn.Sequential(
        OrderedDict(spp=SPP(c1, c2, kernels), c3=block(c2, c2), cbam=CBAM(c2))
    )


def _backbone(spec: ModelSpec, last: MakeBlock | None = None) -> Backbone:
    """The backbone, its last block a C3 with shortcuts or another one."""
    c5 = spec.channels(1024)
    if last is None:
        return Backbone(spec, c3_bottlenecks(c5, c5, spec.repeats(3), shortcut=True))
    return Backbone(spec, last(c5, c5))


def _yolov5(spec: ModelSpec, outputs: int) -> Parts:
    neck = ThreeHeadNeck(spec, block=_c3(spec), last=_c3(spec))
    return _backbone(spec), neck, Detect(_channels(spec), outputs)


def _tph_yolov5pp(spec: ModelSpec, outputs: int) -> Parts:
    """Published as yolov5l-tph-plus."""
    neck = ThreeHeadNeck(spec, block=_c3(spec), last=_swin(spec, 1))
    channels = _channels(spec)
    if spec.neighbourhood == (0, 0):
        return _backbone(spec), neck, Detect(channels, outputs)
    return _backbone(spec), neck, CrossLayerDetect(spec, channels, outputs)


def _channels(spec: ModelSpec) -> tuple[int, ...]:
    """Of the prediction maps."""
    return tuple(spec.channels(32 * stride) for stride in spec.strides)


def _four_heads(spec: ModelSpec, outputs: int, head: MakeBlock) -> Parts:
    neck = FourHeadNeck(spec, _c3(spec), (head,) * 4, backbone_links=True)
    return _backbone(spec), neck, Detect(_channels(spec), outputs)


def _yolov5_p2_hub(spec: ModelSpec, outputs: int) -> Parts:
    """Published as hub/yolov5-p2 up to version 6.0."""
    _, neck, detect = _yolov5_p2_hub61(spec, outputs)
    return OlderBackbone(spec), neck, detect


def _yolov5_p2_hub61(spec: ModelSpec, outputs: int) -> Parts:
    """Published as hub/yolov5-p2 since version 6.1."""
    c3 = _c3(spec)
    heads = (_c3(spec, 1), c3, c3, c3)
    neck = FourHeadNeck(spec, c3, heads, backbone_links=False)
    return _backbone(spec), neck, Detect(_channels(spec), outputs)


def _yolov5_p2(spec: ModelSpec, outputs: int) -> Parts:
    return _four_heads(spec, outputs, _c3(spec))


def _yolov5_p2_vit(spec: ModelSpec, outputs: int) -> Parts:
    return _four_heads(spec, outputs, _vit(spec))


def _tph_yolov5_vit_cbam(spec: ModelSpec, outputs: int) -> Parts:
    """TPH-YOLOv5 of the papers."""
    return _four_heads(spec, outputs, _then_cbam(_vit(spec)))


def _tph_yolov5_swin_cbam(spec: ModelSpec, outputs: int) -> Parts:
    """TPH-YOLOv5 (Swin + CBAM) of the second paper."""
    return _four_heads(spec, outputs, _then_cbam(_swin(spec)))


def _tph_yolov5_swin(spec: ModelSpec, outputs: int) -> Parts:
    """Published as yolov5l-xs-tph."""
    return _four_heads(spec, outputs, _swin(spec))


def _tph_yolov5_vit_cbam_spp(spec: ModelSpec, outputs: int) -> Parts:
    """Published as yolov5l-xs-tr-cbam-spp-bifpn."""
    c3, vit = _c3(spec), _vit(spec)
    heads = (
        _between_spp_and_cbam(c3, (5, 9, 13)),
        _between_spp_and_cbam(c3, (5, 9, 13)),
        _between_spp_and_cbam(c3, (3, 7, 11)),
        _between_spp_and_cbam(vit, (3, 5, 7)),
    )
    neck = FourHeadNeck(spec, c3, heads, backbone_links=True)
    return _backbone(spec, vit), neck, Detect(_channels(spec), outputs)


NETWORKS: dict[NetworkName, Callable[[ModelSpec, int], Parts]] = {
    "yolov5": _yolov5,
    "yolov5-p2-hub": _yolov5_p2_hub,
    "yolov5-p2-hub61": _yolov5_p2_hub61,
    "yolov5-p2": _yolov5_p2,
    "yolov5-p2-vit": _yolov5_p2_vit,
    "tph-yolov5-vit-cbam": _tph_yolov5_vit_cbam,
    "tph-yolov5-swin-cbam": _tph_yolov5_swin_cbam,
    "tph-yolov5-swin": _tph_yolov5_swin,
    "tph-yolov5-vit-cbam-spp": _tph_yolov5_vit_cbam_spp,
    "tph-yolov5pp": _tph_yolov5pp,
}
"""Makes the parts of each network from its spec and the channels of a prediction."""
