"""Vectors by hand on small maps, and through the detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from detector.config import DetectorConfig, TilingConfig
from detector.data.rendered import FlightConfig, render_flight
from detector.inference.appearance import describe
from detector.inference.build import build_detector


def test_quarters_of_a_box_by_hand() -> None:
    # Two channels, left half of the image 1 and right half -1 in the first: mean 0, deviation 1.
    maps = torch.zeros(1, 2, 8, 8)
    maps[0, 0, :, :4], maps[0, 0, :, 4:] = 1, -1
    boxes = torch.tensor([[16.0, 16, 48, 48], [4, 4, 8, 8], [40, 40, 60, 60]])
    found = describe(maps, 8, torch.zeros(3, dtype=torch.int64), boxes)
    left_right = torch.tensor([1.0, -1, 1, -1, 0, 0, 0, 0]) / 2
    torch.testing.assert_close(found[0], left_right)
    torch.testing.assert_close(found[1], left_right.abs())
    torch.testing.assert_close(found[2], -left_right.abs())


def test_between_cells_it_is_bilinear() -> None:
    maps = torch.arange(16.0).repeat(4, 1)[None, None]
    ramp = (maps - maps.mean()) / maps.std(correction=0)
    # Around x = 36, between the centres of cells 8 and 9 at 34 and 38: samples at 36 -+ 1 and 3.
    found = describe(maps, 4, torch.tensor([0]), torch.tensor([[32.0, 4, 40, 12]]))
    assert ramp[0, 0, 0, 8] > 0
    expected = torch.tensor([8.0, 9, 8, 9]) - maps.mean()
    torch.testing.assert_close(found[0], expected / expected.norm())


def test_each_box_sees_its_own_image() -> None:
    maps = torch.randn(3, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    image = torch.tensor([2, 0, 2, 1])
    boxes = torch.rand(4, 4, generator=torch.Generator().manual_seed(1)) * 20
    boxes[:, 2:] += boxes[:, :2] + 1
    found = describe(maps, 8, image, boxes)
    assert found.shape == (4, 20)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    for row in range(4):
        alone = maps[image[row]][None]
        one = describe(alone, 8, torch.tensor([0]), boxes[row, None])
        torch.testing.assert_close(found[row], one[0])
    none = describe(maps, 8, image[:0], boxes[:0])
    assert none.shape == (0, 20)


def test_a_map_without_contrast_and_boxes_outside() -> None:
    found = describe(
        torch.ones(1, 3, 4, 4), 8, torch.tensor([0]), torch.tensor([[90.0, 90, 99, 99]])
    )
    assert torch.isfinite(found).all()


@pytest.fixture(scope="module")
def flight() -> list[np.ndarray]:
    config = FlightConfig(seed=4, frames=5, altitude_m=45.0, pitch_deg=60.0, scene="junction")
    return [frame.image for frame in render_flight(config)][::4]


def test_detections_have_features_only_if_asked(flight: list[np.ndarray]) -> None:
    config = DetectorConfig(device="cpu", precision="float32", confidence=0.3)
    plain = build_detector(config).detect(flight)
    asked = build_detector(replace(config, features=True)).detect(flight)
    assert all(one.features is None for one in plain)
    for one, other in zip(plain, asked, strict=True):
        assert len(one) > 5
        assert (one.boxes == other.boxes).all()
        assert other.features is not None
        np.testing.assert_allclose(np.linalg.norm(other.features, axis=1), 1, atol=1e-5)
    first, second = asked
    assert first.features is not None
    assert second.features is not None
    near = np.abs(first.boxes[:, None] - second.boxes[None]).max(axis=2) < 12
    distance = 1 - first.features @ second.features.T
    assert near.any()
    # An object looks more like itself 4 frames later than like others.
    assert np.median(distance[near]) < 0.5 * np.median(distance[~near])


def test_features_pass_through_tiles(flight: list[np.ndarray]) -> None:
    tiling = TilingConfig(tile_px=512)
    config = DetectorConfig(device="cpu", precision="float32", tiling=tiling, features=True)
    (found,) = build_detector(config).detect(flight[:1])
    assert found.features is not None
    assert len(found.features) == len(found) > 5


def test_several_models_cannot_have_them() -> None:
    with pytest.raises(ValueError, match="features"):
        DetectorConfig(weights=("a", "b"), features=True)
