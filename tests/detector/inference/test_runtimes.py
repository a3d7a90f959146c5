"""ONNX Runtime and OpenVINO find what torch finds, on random networks and on the real one."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from detector.config import DetectorConfig, View
from detector.data.rendered import FlightConfig, render_flight
from detector.graphs.agreement import compare
from detector.graphs.facts import NetworkFacts
from detector.graphs.onnx_graph import open_session, to_onnx
from detector.graphs.openvino_graph import to_openvino
from detector.inference.build import build_detector
from detector.inference.network_backend import NetworkBackend
from detector.inference.onnx_runtime import OnnxRuntime
from detector.inference.openvino_runtime import MOST_SIZES, OpenVinoRuntime
from detector.inference.runtime import Runtime
from detector.inference.torch_backend import TorchBackend, TorchRuntime
from detector.model.network import Network
from detector.model.spec import Form
from tests.detector.inference.lively import assert_same, lively_network, random_tiles
from tests.detector.inference.scenes import of_image

CONFIG = DetectorConfig(device="cpu", precision="float32", confidence=0.2, batch_tiles=3)

OTHERS: tuple[Literal["onnx", "openvino"], ...] = ("onnx", "openvino")


def runtime(kind: str, config: DetectorConfig, model: Network) -> Runtime:
    """A runtime for a network, which is left as it is."""
    if kind == "torch":
        return TorchRuntime(config, copy.deepcopy(model))
    if kind == "onnx":
        content = to_onnx(model, features=config.features)
        return OnnxRuntime(*open_session(Path("test"), content, 1))
    return OpenVinoRuntime(
        config, to_openvino(model, features=config.features), NetworkFacts.of(model)
    )


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize(
    ("name", "form", "depth"),
    [
        ("tph-yolov5pp", "corrected", 0.33),
        ("tph-yolov5pp", "published", 1.0),
        ("yolov5", "corrected", 0.33),
        ("yolov5-p2-hub", "corrected", 0.33),
        ("tph-yolov5-swin", "corrected", 1.0),
        ("tph-yolov5-vit-cbam", "published", 0.33),
    ],
)
def test_every_size_and_batch_gives_the_logits_of_torch(
    kind: str, name: str, form: Form, depth: float
) -> None:
    # At 96x64 no map fills a window and none is shifted; at 320x288 some are of odd sides.
    # Random networks magnify rounding in places; a wrong window shows in the mean.
    model = lively_network(name, form, depth=depth)
    other, torch_alone = runtime(kind, CONFIG, model), runtime("torch", CONFIG, model)
    rng = np.random.default_rng(0)
    shapes = [(1, 64, 96, 3), (3, 96, 128, 3), (1, 320, 288, 3)]
    tiles = [rng.integers(0, 256, shape, np.uint8) for shape in shapes]
    found = compare(torch_alone, other, tiles, 0.2)
    assert found.boxes > 100
    assert found.mean_box_px < 0.01
    assert found.mean_score < 1e-4
    assert found.score < 0.01


@pytest.mark.parametrize("kind", OTHERS)
def test_candidates_features_and_views_are_those_of_torch(kind: str) -> None:
    model = lively_network()
    config = replace(CONFIG, views=(View(), View(flip=True)), features=True)
    images = random_tiles((117, 75), (96, 64), (117, 75))
    expected = TorchBackend(config, copy.deepcopy(model)).infer(images)
    found = NetworkBackend(config, runtime(kind, config, model)).infer(images)
    assert {*found.source.tolist()} == {0, 1}
    for image in range(3):
        assert_same(of_image(found, image), of_image(expected, image))
    # Row by row: no score lies at the threshold, so the order is the same too.
    assert found.features is not None
    assert expected.features is not None
    torch.testing.assert_close(found.features, expected.features, atol=3e-3, rtol=0)


@pytest.mark.parametrize("kind", OTHERS)
def test_scaled_views_differ_by_the_rounding_to_bytes_alone(kind: str) -> None:
    model = lively_network()
    config = replace(CONFIG, views=(View(0.67),))
    (image,) = random_tiles((192, 160))
    # Flat parts: what a view shows of noise depends on every rounding.
    image = np.kron(image[::16, ::16], np.ones((16, 16, 1), np.uint8))
    expected = of_image(TorchBackend(config, copy.deepcopy(model)).infer([image]), 0)
    found = of_image(NetworkBackend(config, runtime(kind, config, model)).infer([image]), 0)
    assert len(expected) > 20
    assert abs(len(found) - len(expected)) <= 0.1 * len(expected)
    nearest = np.abs(found.boxes[:, None] - expected.boxes[None]).max(axis=2).min(axis=0)
    assert np.median(nearest) < 0.3


def test_openvino_gives_the_same_bytes_again_and_on_other_threads() -> None:
    model = lively_network()
    pixels = torch.randint(0, 256, (2, 128, 160, 3), dtype=torch.uint8)
    config = replace(CONFIG, precision="bfloat16")
    threads = torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 2):
            torch.set_num_threads(count)
            one = runtime("openvino", config, model)
            found.append(one.run(one.images(pixels)).logits)
    finally:
        torch.set_num_threads(threads)
    for again in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], again, strict=True))


def test_openvino_keeps_few_sizes_compiled() -> None:
    one = runtime("openvino", CONFIG, lively_network("yolov5"))
    assert isinstance(one, OpenVinoRuntime)
    for row in range(MOST_SIZES + 2):
        one.run(one.images(torch.zeros(1, 32, 32 * (row + 1), 3, dtype=torch.uint8)))
    assert len(one.sizes) == MOST_SIZES
    assert (32, 32) not in one.sizes


def test_the_embedded_network_finds_the_same_with_each_backend() -> None:
    (frame, *_) = render_flight(FlightConfig(seed=11, width=640, height=384, frames=1))
    config = replace(CONFIG, confidence=0.1)
    expected = build_detector(replace(config, backend="torch")).detect([frame.image])[0]
    for kind in OTHERS:
        found = build_detector(replace(config, backend=kind)).detect([frame.image])[0]
        assert len(found) == len(expected) >= 3
        np.testing.assert_array_equal(found.class_ids, expected.class_ids)
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.01)
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    coarse = replace(config, precision="bfloat16", backend="openvino")
    (found,) = build_detector(coarse).detect([frame.image])
    strong = expected.scores > 0.3
    nearest = np.abs(found.boxes[:, None] - expected.boxes[None]).max(axis=2).min(axis=0)
    assert nearest[strong].max() < 2
