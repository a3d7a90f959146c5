from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from detector.info import published_anchors
from detector.model.counts import count_operations, layer_count, parameter_count
from detector.model.family import NETWORKS, build_network
from detector.model.network import Network
from detector.model.spec import ModelSpec, NetworkName

CLASSES = tuple(f"class {number}" for number in range(10))

# Measured with thop 0.1.1 and torch's own counter on the published code, 10 classes. Millions of
# parameters and modules, each as built and fused; then GFLOPs: 640 px as built and fused, 1024 and
# 1536 px as built, and 640 px fused with the products of attention.
MEASURED = {
    "yolov5-l": (46.19, 46.16, 468, 367, 108.4, 107.8, 277.5, 624.3, 107.8),
    "yolov5-x": (86.28, 86.23, 567, 444, 204.8, 203.9, 524.3, 1179.7, 203.9),
    "tph-yolov5pp-l": (41.56, 41.54, 466, 371, 108.0, 107.5, 275.6, 620.2, 107.5),
    "tph-yolov5pp-x": (74.96, 74.92, 556, 441, 201.0, 200.2, 513.2, 1154.6, 200.3),
    "tph-yolov5-swin-l": (45.46, 45.43, 586, 489, 125.6, 124.9, 319.6, 719.0, 126.4),
    "tph-yolov5-swin-x": (86.55, 86.51, 731, 616, 241.3, 240.3, 613.2, 1379.8, 243.1),
    "tph-yolov5-vit-cbam-spp-l": (60.46, 60.43, 684, 567, 146.3, 145.4, 374.6, 842.8, 152.4),
    "tph-yolov5-vit-cbam-spp-x": (112.98, 112.93, 807, 668, 271.1, 269.8, 694.0, 1561.5, 283.5),
    "yolov5-p2-hub-l": (47.58, 47.55, 575, 452, 130.1, 129.3, 333.0, 749.2, 129.3),
}


def on_meta(name: str, **options: Any) -> Network:
    spec = ModelSpec.named(name, CLASSES, 640, **{"form": "published", **options})
    anchors = published_anchors(spec.network)
    with torch.device("meta"):
        return build_network(spec, [[[8.0, 8.0]] * anchors for _ in spec.strides]).eval()


@pytest.mark.parametrize("name", MEASURED)
def test_counts_equal_those_measured_on_the_published_code(name: str) -> None:
    network = on_meta(name)
    parameters, layers = parameter_count(network), layer_count(network)
    built = [count_operations(network, side).modules for side in (640, 1024, 1536)]
    network.fuse()
    fused = count_operations(network, 640)
    found = (
        round(parameters / 1e6, 2),
        round(parameter_count(network) / 1e6, 2),
        layers,
        layer_count(network),
        round(built[0], 1),
        round(fused.modules, 1),
        *(round(gflops, 1) for gflops in built[1:]),
        round(fused.products, 1),
    )
    assert found == MEASURED[name]


@pytest.mark.parametrize(
    ("size", "measured"),
    [("l", (51_011_828, 672, 50_982_452, 555)), ("x", (93_304_466, 791, 93_262_946, 652))],
)
def test_the_early_vit_layers_are_as_many_as_published(
    size: str, measured: tuple[int, ...]
) -> None:
    network = on_meta(f"tph-yolov5-vit-cbam-spp-{size}", vit_norms=1)
    built = parameter_count(network), layer_count(network)
    network.fuse()
    assert (*built, parameter_count(network), layer_count(network)) == measured


@pytest.mark.parametrize("network", NETWORKS)
def test_products_are_those_that_torch_counts(network: NetworkName) -> None:
    # Torch sees the folded products of CA-Trans; without it both must count the same.
    options = {"neighbourhood": (0, 0)} if network == "tph-yolov5pp" else {}
    model = on_meta(f"{network}-s", form="corrected", **options).fuse()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.zeros(1, 3, 320, 320, device="meta"))
    assert count_operations(model, 320).products == pytest.approx(counter.get_total_flops() / 1e9)


def test_a_larger_neighbourhood_costs_keys_and_values_of_each_neighbour() -> None:
    costs = {
        side: count_operations(on_meta("tph-yolov5pp-x", neighbourhood=(side, side)), 640).modules
        for side in (2, 4, 6)
    }
    assert costs[4] - costs[2] == pytest.approx(7.9, abs=0.1)  # as the paper's table grows
    assert costs[6] - costs[2] == pytest.approx(21.0, abs=0.1)


def test_counting_leaves_no_hook_behind() -> None:
    network = on_meta("tph-yolov5-swin-cbam-n")
    count_operations(network, 64)
    assert not any(module._forward_hooks for module in network.modules())
