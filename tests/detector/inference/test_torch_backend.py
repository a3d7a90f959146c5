"""The torch backend: batches, padding, precision and decoding, on a small random network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.config import DetectorConfig, TilingConfig
from detector.detections import Detections, Image
from detector.inference.build import build_detector
from detector.inference.device import choose_device
from detector.inference.torch_backend import TorchBackend
from detector.model.checkpoint import save_checkpoint
from detector.model.detect import decode
from detector.model.family import build_network
from detector.model.network import Network
from detector.model.spec import ModelSpec
from tests.detector.inference.lively import CLASSES, assert_same, lively_network, random_tiles
from tests.detector.inference.scenes import of_image

Array = NDArray[Any]
CONFIG = DetectorConfig(device="cpu", precision="float32", confidence=0.2, batch_tiles=3)


def infer(config: DetectorConfig, model: Network, images: list[Image]) -> list[Detections]:
    """What the backend finds in each image."""
    found = TorchBackend(config, model).infer(images)
    assert {*found.source.tolist()} <= {*range(len(config.view_list))}
    return [of_image(found, image) for image in range(len(images))]


def reference_candidates(
    model: Network, tile: Image, confidence: float, anchors_px: Tensor | None = None
) -> Detections:
    """Every anchor decoded by the network's own readable code, then filtered."""
    height, width = tile.shape[:2]
    padded = np.full((-(-height // 32) * 32, -(-width // 32) * 32, 3), 114, np.uint8)
    padded[:height, :width] = tile
    with torch.no_grad():
        dtype = next(model.parameters()).dtype
        images = torch.from_numpy(padded).permute(2, 0, 1)[None].to(dtype) / 255
        images = images.contiguous(memory_format=torch.channels_last)
        anchors_px = model.anchors_px if anchors_px is None else anchors_px
        rows = decode(model(images), anchors_px, model.strides)[0].numpy()
    scores = rows[:, 4:5] * rows[:, 5:]
    best = scores.max(axis=1)
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2], 1)
    boxes = boxes.clip(0, [width, height, width, height]).astype(np.float32)
    keep = (best >= confidence) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return Detections(boxes[keep], best[keep], scores[keep].argmax(axis=1).astype(np.int64))


def test_candidates_are_those_of_the_readable_decoder() -> None:
    (tile,) = random_tiles((128, 96))
    found = infer(CONFIG, lively_network(), [tile])[0]
    reference = reference_candidates(lively_network(), tile, CONFIG.confidence)
    assert 10 < len(reference) < 700
    assert len({*reference.class_ids.tolist()}) > 1
    assert_same(found, reference)


def test_odd_sizes_are_padded_and_nothing_lies_outside() -> None:
    (tile,) = random_tiles((117, 75))
    found = infer(CONFIG, lively_network(), [tile])[0]
    assert_same(found, reference_candidates(lively_network(), tile, CONFIG.confidence))
    assert (found.boxes[:, 2] <= 117).all()
    assert (found.boxes[:, 3] <= 75).all()


def test_a_batch_gives_what_single_tiles_give_in_their_order() -> None:
    # Two sizes are one once padded; five of them make two batches.
    mixed = random_tiles((96, 64), (64, 96), (95, 64), (96, 33), (64, 96), (96, 64), (96, 64))
    together = infer(CONFIG, lively_network(), mixed)
    for tile, found in zip(mixed, together, strict=True):
        (alone,) = infer(CONFIG, lively_network(), [tile])
        assert_same(found, alone)


def test_views_of_a_frame_are_tiles_too() -> None:
    (frame,) = random_tiles((256, 256))
    view = frame[32:128, 100:228]
    found, copied = infer(CONFIG, lively_network(), [view, view.copy()])
    assert_same(found, copied)


def test_bfloat16_is_for_the_network_and_not_for_the_decoding() -> None:
    # A random network magnifies rounding, so its own output in bfloat16 is the measure.
    (tile,) = random_tiles((128, 128))
    half = DetectorConfig(device="cpu", precision="bfloat16", confidence=0.2)
    (found,) = infer(half, lively_network(), [tile])
    model = lively_network().fuse().to(torch.bfloat16).to(memory_format=torch.channels_last)
    assert_same(found, reference_candidates(model, tile, 0.2, lively_network().anchors_px))


def test_no_candidate_is_an_empty_detection() -> None:
    backend = TorchBackend(CONFIG, lively_network(objectness=-50.0))
    assert len(backend.infer(random_tiles((64, 64), (64, 64)))) == 0
    assert len(backend.infer([])) == 0


def test_one_class_scores_objectness_times_class() -> None:
    torch.manual_seed(0)
    model = build_network(ModelSpec.named("tph-yolov5pp-n", ("car",), 64)).eval()
    (tile,) = random_tiles((64, 64))
    config = DetectorConfig(device="cpu", precision="float32", confidence=1e-3)
    reference = reference_candidates(model, tile, 1e-3)
    assert_same(infer(config, model, [tile])[0], reference, 2e-3)


def test_a_built_detector_reads_its_weights_and_finds_objects(tmp_path: Path) -> None:
    path = tmp_path / "random.safetensors"
    save_checkpoint(path, lively_network())
    config = DetectorConfig(
        weights=str(path), device="cpu", confidence=0.2, tiling=TilingConfig(tile_px=128)
    )
    detector = build_detector(config)
    assert detector.class_names == CLASSES
    images = random_tiles((200, 150), (100, 80))
    first, second = detector.detect(images), detector.detect(images)
    for found, again, image in zip(first, second, images, strict=True):
        height, width = image.shape[:2]
        assert len(found) > 0
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, 2:] <= (width, height)).all()
        np.testing.assert_array_equal(found.boxes, again.boxes)
        np.testing.assert_array_equal(found.scores, again.scores)


def test_missing_weights_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.safetensors: no such file; give default, thermal"):
        build_detector(DetectorConfig(weights=str(tmp_path / "none.safetensors")))


def test_weights_of_another_format_are_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"not tensors at all")
    with pytest.raises(ValueError, match=r"weights\.safetensors: ") as error:
        build_detector(DetectorConfig(weights=str(path)))
    assert "\n" not in str(error.value)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="device cuda:99: torch sees"):
        choose_device("cuda:99")
