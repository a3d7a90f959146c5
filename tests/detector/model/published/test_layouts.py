"""The layer tables, against the published files' own numbering."""

from __future__ import annotations

import pytest
import torch

from detector.model.family import build_network
from detector.model.published.layouts import LAYOUTS
from detector.model.spec import ModelSpec, NetworkName

BACKBONE = "Conv Conv C3 Conv C3 Conv C3 Conv C3 SPPF"
TOP_DOWN = "Conv Upsample Concat C3 Conv Upsample Concat C3"
OLD_BACKBONE = "Focus Conv C3 Conv C3 Conv C3 Conv SPP C3"
LATERAL3 = "Conv Upsample Concat"

KINDS: dict[NetworkName, str] = {
    "yolov5": f"{BACKBONE} {TOP_DOWN} Conv Concat C3 Conv Concat C3 Detect",
    "tph-yolov5pp": f"{BACKBONE} {TOP_DOWN} Conv Concat C3 Conv Concat C3STR CLLADetect",
    "tph-yolov5-swin": f"{BACKBONE} {TOP_DOWN} {LATERAL3} C3STR Conv Concat C3STR Conv Concat "
    "C3STR Conv Concat C3STR Detect",
    "yolov5-p2-hub": f"{OLD_BACKBONE} {TOP_DOWN} {LATERAL3} C3 Conv Concat C3 Conv Concat "
    "C3 Conv Concat C3 Detect",
    "yolov5-p2-hub61": f"{BACKBONE} {TOP_DOWN} {LATERAL3} C3 Conv Concat C3 Conv Concat "
    "C3 Conv Concat C3 Detect",
    "tph-yolov5-vit-cbam-spp": f"{BACKBONE.replace('C3 SPPF', 'C3TR SPPF')} {TOP_DOWN} {LATERAL3} "
    "SPP C3 CBAM Conv Concat SPP C3 CBAM Conv Concat SPP C3 CBAM Conv Concat SPP C3TR CBAM Detect",
}

INPUTS: dict[NetworkName, dict[int, tuple[int, ...]]] = {
    "yolov5": {12: (-1, 6), 16: (-1, 4), 19: (-1, 14), 22: (-1, 10), 24: (17, 20, 23)},
    "tph-yolov5pp": {12: (-1, 6), 16: (-1, 4), 19: (-1, 14), 22: (-1, 10), 24: (2, 17, 20, 23)},
    "tph-yolov5-swin": {
        12: (-1, 6),
        16: (-1, 4),
        20: (-1, 2),
        23: (-1, 18, 4),
        26: (-1, 14, 6),
        29: (-1, 10),
        31: (21, 24, 27, 30),
    },
    "yolov5-p2-hub": {
        12: (-1, 6),
        16: (-1, 4),
        20: (-1, 2),
        23: (-1, 18),
        26: (-1, 14),
        29: (-1, 10),
        31: (21, 24, 27, 30),
    },
    "tph-yolov5-vit-cbam-spp": {
        12: (-1, 6),
        16: (-1, 4),
        20: (-1, 2),
        25: (-1, 18, 4),
        30: (-1, 14, 6),
        35: (-1, 10),
        39: (23, 28, 33, 38),
    },
}
INPUTS["yolov5-p2-hub61"] = INPUTS["yolov5-p2-hub"]

TENSORS_AT_L: dict[NetworkName, int] = {
    "tph-yolov5pp": 600,
    "tph-yolov5-swin": 695,
    "tph-yolov5-vit-cbam-spp": 817,
}
"""With the anchors, as counted from published networks."""


@pytest.mark.parametrize("name", LAYOUTS)
def test_layers_and_what_they_read(name: NetworkName) -> None:
    layout = LAYOUTS[name]
    assert [layer.kind for layer in layout] == KINDS[name].split()
    read = {i: layer.inputs for i, layer in enumerate(layout) if layer.inputs != (-1,)}
    assert read == INPUTS[name]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_tensor_of_ours_has_one_place(name: NetworkName) -> None:
    with torch.device("meta"):
        net = build_network(ModelSpec(name, 1.0, 1.0, ("car",), 640, form="published"))
    parts = [layer.part for layer in LAYOUTS[name] if layer.part]
    keys = [f"{p}.{key}" for p in parts for key in net.get_submodule(p).state_dict()]
    assert sorted(["anchors_px", *keys]) == sorted(net.state_dict())
    assert len(keys) + 1 == TENSORS_AT_L.get(name, len(keys) + 1)
